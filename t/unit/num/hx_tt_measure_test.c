/*
 * hx_tt_measure_test.c -- trains from outside whose cores, or products of
 * these, are far larger or smaller than the values: what is not finite is
 * refused, what is has its norm.
 */

#include "hx_test_tt.h"
#include "hx_tt_compress.h"

static hx_work_t  work;


static int
test_near(double x, double y, double below)
{
    return fabs(x - y) <= below * y;
}


/* Trains of rank 1, or two of these side by side: G_k = diag(x_k, y_k). */
static hx_rc_t
test_far(const double *x, const double *y, unsigned d, uint64_t n,
    double *norm, double *cast)
{
    double      core[4 * 2 * 8], *c;
    hx_tt_t     t;
    hx_array_t  a;
    unsigned    k, i, bit, j, r, r1;

    memset(&t, 0, sizeof(t));
    t.d = d;
    t.order = HX_TT_ROWS;
    t.core = core;

    for (k = 0, c = core; k <= d; k++) {
        t.rank[k] = k == 0 || k == d || y == NULL ? 1 : 2;
    }

    for (k = 0; k < d; k++) {
        r = t.rank[k];
        r1 = t.rank[k + 1];

        for (i = 0; i < r; i++) {
            for (bit = 0; bit < 2; bit++) {
                for (j = 0; j < r1; j++) {
                    *c++ = r == 2 && r1 == 2 && i != j ? 0
                           : i + j == 0 || (k == 0 && j == 0) ? x[k] : y[k];
                }
            }
        }
    }

    memset(&a, 0, sizeof(a));
    a.dtype = HX_DTYPE_F8;
    a.ndim = 1;
    a.dim[0] = n;

    hx_work_reset(&work, 16 << 20, 1 << 20);

    return hx_tt_measure(&t, &a, norm, cast, &work);
}


/* Cores whose squares leave float64, where the values do not; or the values. */
static void
test_ranges(void **state)
{
    double                 norm, cast;
    unsigned               i;
    static const double    one[] = { 1, 1, 1, 1 };
    static const double    far[] = { 1e-200, 1e200, 1e200, 1e200 };
    static const double    down[] = { 1e-200, 1e100, 1e100, 1 };
    static const double    up[] = { 1e200, 1e-100, 1e-100, 1 };
    static const double    tiny[] = { 1e-100, 1e-100, 1, 1 };
    static const double    zero[] = { 1, 0, 1, 1 };
    static const double    gone[] = { 1e-200, 1e-200, 1e200, 1e200 };
    static const double   *ones[] = { one, down, up };

    for (i = 13; i <= 16; i++) {
        assert_int_equal(test_far(far, NULL, 4, i, &norm, &cast), HX_NO);
        assert_int_equal(test_far(one, far, 4, i, &norm, &cast), HX_NO);
        assert_int_equal(test_far(far, one, 4, i, &norm, &cast), HX_NO);

        assert_int_equal(test_far(tiny, NULL, 4, i, &norm, &cast), HX_OK);
        assert_true(test_near(norm, 1e-200 * sqrt(i), 1e-12));

        assert_int_equal(test_far(zero, NULL, 4, i, &norm, &cast), HX_OK);
        assert_true(norm == 0 && cast == 0);

        /* a factor of what is decoded is beyond float64 */
        assert_int_equal(test_far(gone, NULL, 4, i, &norm, &cast), HX_NO);
    }

    for (i = 0; i < 3; i++) {
        assert_int_equal(test_far(ones[i], NULL, 4, 16, &norm, &cast), HX_OK);
        assert_true(test_near(norm, 4, 1e-12) && cast == 0);

        /* the padding is ones, too */
        assert_int_equal(test_far(ones[i], NULL, 4, 15, &norm, &cast), HX_OK);
        assert_true(test_near(norm, sqrt(15), 1e-12));
        assert_true(test_near(cast, 1, 1e-6));

        assert_int_equal(test_far(ones[i], one, 4, 16, &norm, &cast), HX_OK);
        assert_true(test_near(norm, 8, 1e-12) && cast == 0);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_ranges),
    };
    int  rc;

    hx_work_init(&work, 0);
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    hx_work_free(&work);

    return rc;
}
