/*
 * Tests of num/hx_vec: each implementation against sums in long double, the
 * same bits for the same steps, and what leaves the range of float64.
 */

#include <math.h>

#include "hx_test.h"
#include "hx_vec_impl.h"

#define LONGEST   HX_VEC_STEP


static double
uniform(void)
{
    return (double) (test_random() >> 11) * 0x1p-52 - 1;
}


/* At a place that is aligned for float64 only. */
static double *
numbers(size_t n, double size)
{
    size_t   i;
    double  *x, *all;

    all = malloc((n + 1) * sizeof(double));
    assert_non_null(all);
    x = all + 1;

    for (i = 0; i < n; i++) {
        x[i] = uniform() * size;
    }

    return x;
}


static void
each_implementation_gives_the_sums(void **state)
{
    double                *a, *b, out[4], max, sum;
    size_t                 n, k;
    int                    bad;
    unsigned               i;
    hx_vec_long_t          want;
    const hx_vec_impl_t   *impl;

    for (i = 0; (impl = hx_vec_impl_get(i)) != NULL; i++) {
        for (n = 1; n <= LONGEST; n = n < 70 ? n + 1 : n * 2 - 5) {
            a = numbers(n, 1);
            b = numbers(n, 100);
            memset(&want, 0, sizeof(want));
            hx_vec_long_add(&want, a, b, n);
            impl->pair(a, b, n, out);

            assert_true(fabsl(out[0] - want.ab)
                        <= 1e-14L * sqrtl(want.aa * want.bb));
            assert_true(fabsl(out[1] - want.aa) <= 1e-14L * want.aa);
            assert_true(fabsl(out[2] - want.bb) <= 1e-14L * want.bb);
            assert_true(fabsl(out[3] - want.dd) <= 1e-14L * want.dd);

            max = 0;
            bad = 0;
            sum = impl->stat(a, n, &max, &bad);
            assert_true(sum == out[1]);         /* norms tie with products */
            assert_int_equal(bad, 0);

            for (k = 0; k < n; k++) {
                assert_true(fabs(a[k]) <= max);
                bad |= fabs(a[k]) == max;
            }

            assert_int_equal(bad, 1);
            free(a - 1);
            free(b - 1);
        }
    }

    assert_string_equal(hx_vec_impl_get(i - 1)->name, "scalar");
    assert_true(i >= 1);
}


static void
what_is_not_finite_is_seen_at_every_place(void **state)
{
    static const double    odd[] = { NAN, -NAN, INFINITY, -INFINITY };
    double                *x, max;
    size_t                 n, at, k;
    int                    bad;
    unsigned               i;
    const hx_vec_impl_t   *impl;

    n = 77;
    x = numbers(n, 1e308);

    for (i = 0; (impl = hx_vec_impl_get(i)) != NULL; i++) {
        max = 0;
        bad = 0;
        (void) impl->stat(x, n, &max, &bad);
        assert_int_equal(bad, 0);       /* large, but numbers */

        for (at = 0; at < n; at++) {
            for (k = 0; k < hx_nelts(odd); k++) {
                double  kept = x[at];

                x[at] = odd[k];
                max = 0;
                bad = 0;
                (void) impl->stat(x, n, &max, &bad);
                assert_int_equal(bad, 1);
                x[at] = kept;
            }
        }
    }

    free(x - 1);
}


static void
equal_steps_give_equal_bits_wherever_they_lie(void **state)
{
    double         *a, *b, *c;
    size_t          n, i, k;
    hx_vec_sums_t   s, t;

    n = 3 * HX_VEC_STEP + 123;
    a = numbers(n, 3);
    b = numbers(n, 3);
    c = malloc((n + 3) * sizeof(double));
    assert_non_null(c);
    memcpy(c + 3, b, n * sizeof(double));
    memset(&s, 0, sizeof(s));
    memset(&t, 0, sizeof(t));

    for (i = 0; i < n; i += k) {
        k = n - i < HX_VEC_STEP ? n - i : HX_VEC_STEP;
        hx_vec_add(&s, a + i, b + i, k);
        hx_vec_add(&t, a + i, c + 3 + i, k);
    }

    assert_memory_equal(&s, &t, sizeof(s));
    free(a - 1);
    free(b - 1);
    free(c);
}


/* One large number and many small ones: plain summation of the steps loses
 * what the compensation keeps. */
static void
many_steps_lose_nothing(void **state)
{
    double          x[HX_VEC_STEP], y[HX_VEC_STEP];
    size_t          i;
    hx_vec_sums_t   s;

    memset(&s, 0, sizeof(s));
    memset(x, 0, sizeof(x));
    memset(y, 0, sizeof(y));
    x[0] = 0x1p53;
    y[0] = 1;
    hx_vec_add(&s, x, y, HX_VEC_STEP);
    x[0] = 1;

    for (i = 0; i < 1000; i++) {
        hx_vec_add(&s, x, y, HX_VEC_STEP);
    }

    x[0] = -0x1p53;
    hx_vec_add(&s, x, y, HX_VEC_STEP);
    assert_true(hx_vec_total(&s.ab) == 1000);
}


static void
beyond_the_range_there_is_the_long_way(void **state)
{
    double          x[3] = { 1e300, -1e-300, 5e-324 }, y[3] = { 1e300, 0, 0 };
    hx_vec_sums_t   s;
    hx_vec_long_t   l;

    memset(&s, 0, sizeof(s));
    hx_vec_add(&s, x, y, 3);
    assert_false(hx_vec_in_range(hx_vec_total(&s.aa)));
    memset(&s, 0, sizeof(s));
    hx_vec_add(&s, x + 1, y + 1, 2);
    assert_false(hx_vec_in_range(hx_vec_total(&s.aa)));
    assert_false(hx_vec_in_range(NAN));
    assert_false(hx_vec_in_range(0));
    assert_true(hx_vec_in_range(1));

    memset(&l, 0, sizeof(l));
    hx_vec_long_add(&l, x, y, 3);
    assert_true(fabsl(l.ab / 1e300L / 1e300L - 1) < 1e-15L);
    assert_true(l.dd > 0 && l.dd < 1e-500L);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(each_implementation_gives_the_sums),
        cmocka_unit_test(what_is_not_finite_is_seen_at_every_place),
        cmocka_unit_test(equal_steps_give_equal_bits_wherever_they_lie),
        cmocka_unit_test(many_steps_lose_nothing),
        cmocka_unit_test(beyond_the_range_there_is_the_long_way)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
