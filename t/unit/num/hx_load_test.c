/*
 * hx_load_test.c -- every implementation of this processor against nearbyint()
 * and a clamp: all types, any address and length, ties, ends of the ranges,
 * NaN; nothing outside of the elements is touched (guard pages).
 */

#include <fenv.h>
#include <float.h>

#include "hx_test_tt.h"
#include "hx_load_impl.h"

#define TEST_LEN   70

static const double  least[HX_DTYPE_COUNT] = {
    [HX_DTYPE_I1] = INT8_MIN, [HX_DTYPE_I2] = INT16_MIN,
    [HX_DTYPE_I4] = INT32_MIN, [HX_DTYPE_I8] = -0x1p63
};

static const double  beyond[HX_DTYPE_COUNT] = {     /* largest + 1 */
    [HX_DTYPE_I1] = 128, [HX_DTYPE_I2] = 32768,
    [HX_DTYPE_I4] = 0x1p31, [HX_DTYPE_I8] = 0x1p63,
    [HX_DTYPE_U1] = 256, [HX_DTYPE_U2] = 65536,
    [HX_DTYPE_U4] = 0x1p32, [HX_DTYPE_U8] = 0x1p64
};


/* The bits of an integer type that x becomes, lowest 8 bytes. */
static uint64_t
test_integer(hx_dtype_t t, double x)
{
    int64_t  s;

    x = nearbyint(x);

    if (isnan(x)) {
        return 0;
    }

    if (x <= least[t]) {
        s = least[t] == 0 ? 0 : INT64_MIN / (int64_t) (0x1p63 / -least[t]);
        return (uint64_t) s;
    }

    if (x >= beyond[t]) {
        return beyond[t] == 0x1p64 ? UINT64_MAX : (uint64_t) beyond[t] - 1;
    }

    return x < 0 ? (uint64_t) (int64_t) x : (uint64_t) x;
}


static double
test_value(hx_dtype_t t)
{
    double        x;
    const double  odd[] = { 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0, -0.0, NAN,
                            INFINITY, -INFINITY, 0x1p51, 0x1p51 + 0.5,
                            -0x1p51 - 0.5, 0x1p52 + 1, 0x1p53 + 2, DBL_MAX,
                            -DBL_MAX, 5e-324, FLT_MAX, 0x1.ffffffp127,
                            0x1.fffffefffffffp127, 1e-45, 0.49999999999999994 };

    switch (test_below(4)) {

    case 0:
        return odd[test_below(hx_nelts(odd))];

    case 1:
        x = test_below(2) ? least[t] : beyond[t];
        return x + (double) (int) test_below(9) / 4 - 1;

    case 2:
        return test_uniform() * pow(2, (double) test_below(66));

    default:
        return nearbyint(test_uniform() * 1000) / 2;
    }
}


static void
test_impl(const hx_load_impl_t *impl, unsigned char *edge)
{
    double          src[TEST_LEN], back[TEST_LEN], want;
    float           f;
    size_t          i, n, size;
    int64_t         s;
    uint64_t        u;
    unsigned        round;
    hx_dtype_t      t;
    unsigned char  *p;

    for (round = 0; round < 40000; round++) {
        t = (hx_dtype_t) (1 + test_below(HX_DTYPE_COUNT - 1));
        size = hx_dtype_size(t);
        n = 1 + test_below(TEST_LEN - 1);
        p = edge - n * size;

        for (i = 0; i < n; i++) {
            src[i] = test_value(t);
        }

        impl->store[t](src, n, p);
        impl->load[t](p, n, back);

        for (i = 0; i < n; i++) {

            if (t == HX_DTYPE_F8) {
                assert_memory_equal(p + i * 8, &src[i], 8);
                assert_memory_equal(&back[i], &src[i], 8);
                continue;
            }

            if (t == HX_DTYPE_F4) {
                f = (float) src[i];
                assert_true(isnan(f) ? isnan(back[i]) : back[i] == (double) f);
                continue;
            }

            u = test_integer(t, src[i]);

            if (memcmp(p + i * size, &u, size) != 0) {
                fail_msg("%s: %s of %a", impl->name, hx_dtype_name(t), src[i]);
            }

            s = (int64_t) u;
            want = least[t] == 0 ? (double) u : (double) s;
            assert_true(back[i] == want);
        }
    }
}


static void
test_all(void **state)
{
    unsigned        i;
    unsigned char  *edge;

    assert_int_equal(fegetround(), FE_TONEAREST);
    edge = test_guard();

    for (i = 0; hx_load_get(i) != NULL; i++) {
        test_impl(hx_load_get(i), edge);
    }

    assert_true(i >= 1);
}


/* By the public names: any length, and types there are not. */
static void
test_public(void **state)
{
    double    x[3] = { 1.4, -2.5, 300 }, y[3] = { 7, 7, 7 };
    int8_t    b[3] = { 9, 9, 9 };

    hx_store_f8(HX_DTYPE_I1, x, 3, b);
    assert_true(b[0] == 1 && b[1] == -2 && b[2] == 127);
    hx_load_f8(HX_DTYPE_I1, b, 3, y);
    assert_true(y[0] == 1 && y[1] == -2 && y[2] == 127);

    hx_load_f8(HX_DTYPE_F8, NULL, 0, NULL);
    hx_store_f8(HX_DTYPE_F8, NULL, 0, NULL);
    hx_store_f8(HX_DTYPE_NONE, x, 3, b);
    hx_store_f8(HX_DTYPE_COUNT, x, 3, b);
    assert_true(b[0] == 1);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_all),
        cmocka_unit_test(test_public),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
