/*
 * hx_norm_test.c -- norms of arrays that come in pieces: exact where they are
 * exact, without overflow or loss at the ends of the range, the same however
 * the bytes are cut.
 */

#include <float.h>
#include <math.h>

#include "hx_norm.h"
#include "hx_test.h"


static double
norm_of(hx_dtype_t t, const void *p, size_t len, size_t step)
{
    size_t      off;
    hx_norm_t   n;

    hx_norm_init(&n, t);

    for (off = 0; off < len; off += step) {
        hx_norm_add(&n, (const char *) p + off,
                    len - off < step ? len - off : step);
    }

    return hx_norm_value(&n);
}


static void
test_exact(void **state)
{
    int8_t    i1[] = { -3, 4 };
    float     f4[] = { 2, 3, 6 };
    double    f8[] = { 1, -4, 8 }, none[] = { 0, -0.0 };
    uint64_t  u8[] = { UINT64_C(1) << 63 };

    assert_true(norm_of(HX_DTYPE_I1, i1, sizeof(i1), 9) == 5);
    assert_true(norm_of(HX_DTYPE_F4, f4, sizeof(f4), 99) == 7);
    assert_true(norm_of(HX_DTYPE_F8, f8, sizeof(f8), 99) == 9);
    assert_true(norm_of(HX_DTYPE_U8, u8, sizeof(u8), 99) == 0x1p63);
    assert_true(norm_of(HX_DTYPE_F8, none, sizeof(none), 99) == 0);
    assert_true(norm_of(HX_DTYPE_F8, none, 0, 1) == 0);
}


static void
test_ends_of_the_range(void **state)
{
    double  big[] = { 3e307, 4e307 }, tiny[] = { 3 * 0x1p-1070, 0x1p-1068 };
    double  over[] = { DBL_MAX, DBL_MAX }, mixed[1000];
    size_t  i;

    assert_true(fabs(norm_of(HX_DTYPE_F8, big, sizeof(big), 8) / 5e307 - 1)
                < 1e-15);
    assert_true(norm_of(HX_DTYPE_F8, tiny, sizeof(tiny), 8) == 5 * 0x1p-1070);
    assert_true(isnan(norm_of(HX_DTYPE_F8, over, sizeof(over), 8)));

    /* small ones first, and the other way round */

    for (i = 0; i < hx_nelts(mixed); i++) {
        mixed[i] = ldexp(1, (int) i - 500);
    }

    assert_true(fabs(norm_of(HX_DTYPE_F8, mixed, sizeof(mixed), 8)
                     / (0x1p500 / sqrt(3)) - 1) < 1e-15);

    for (i = 0; i < hx_nelts(mixed); i++) {
        mixed[i] = ldexp(1, 499 - (int) i);
    }

    assert_true(fabs(norm_of(HX_DTYPE_F8, mixed, sizeof(mixed), 8)
                     / (0x1p500 / sqrt(3)) - 1) < 1e-15);
}


static void
test_what_has_none(void **state)
{
    size_t  i;
    double  x[600];
    float   y[] = { 1, INFINITY };

    for (i = 0; i < hx_nelts(x); i++) {
        x[i] = 1;
    }

    for (i = 0; i < hx_nelts(x); i += 299) {
        x[i] = i % 2 ? -INFINITY : NAN;
        assert_true(isnan(norm_of(HX_DTYPE_F8, x, sizeof(x), 64)));
        x[i] = 1;
    }

    assert_true(isnan(norm_of(HX_DTYPE_F4, y, sizeof(y), 1)));
    assert_true(fabs(norm_of(HX_DTYPE_F8, x, sizeof(x), 64) - sqrt(600))
                < 1e-14);
}


static void
test_pieces(void **state)
{
    size_t   i, step;
    double   sum, got, want;
    int32_t  x[1000];

    sum = 0;

    for (i = 0; i < hx_nelts(x); i++) {
        x[i] = (int32_t) (i * 7919 % 1000) - 500;
        sum += (double) x[i] * x[i];
    }

    want = sqrt(sum);

    for (step = 1; step < 3000; step = step * 2 + 1) {
        got = norm_of(HX_DTYPE_I4, x, sizeof(x), step);
        assert_true(fabs(got / want - 1) < 1e-15);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_exact),
        cmocka_unit_test(test_ends_of_the_range),
        cmocka_unit_test(test_what_has_none),
        cmocka_unit_test(test_pieces)
    };

    return cmocka_run_group_tests_name("hx_norm", tests, NULL, NULL);
}
