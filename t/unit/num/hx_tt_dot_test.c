/*
 * hx_tt_dot_test.c -- inner products, norms and block means of trains against
 * sums over their values; scratch ends at a guard page.
 */

#include "hx_test_tt.h"
#include "hx_tt_dot.h"


/* n doubles that end at a guard page */
static double *
test_scratch(size_t n)
{
    double                *p;
    static unsigned char  *end;

    if (end == NULL) {
        end = test_guard();
    }

    assert_true(n * sizeof(double) <= HX_TEST_AREA);
    p = (double *) (void *) (end - n * sizeof(double));
    memset(p, 0xff, n * sizeof(double));

    return p;
}


static void
test_dots(void **state)
{
    int       i;
    double    sum, na, nb, x, y;
    uint64_t  j;
    unsigned  d;
    hx_tt_t   a, b;

    for (i = 0; i < 600; i++) {
        d = 1 + (unsigned) test_below(11);
        test_train(&a, d, HX_TT_ROWS, 1 + (unsigned) test_below(20));
        test_train(&b, d, HX_TT_ROWS, 1 + (unsigned) test_below(20));

        for (j = 0, sum = 0, na = 0, nb = 0; j >> d == 0; j++) {
            x = test_train_at(&a, j);
            y = test_train_at(&b, j);
            sum += x * y;
            na += x * x;
            nb += y * y;
        }

        x = hx_tt_dot(&a, &b, test_scratch(hx_tt_dot_work(&a, &b)));
        assert_true(fabs(x - sum) <= 1e-13 * sqrt(na * nb));

        x = hx_tt_norm(&a, test_scratch(hx_tt_dot_work(&a, &a)));
        assert_true(fabs(x - sqrt(na)) <= 1e-13 * sqrt(na));

        free((double *) a.core);
        free((double *) b.core);
    }
}


static void
test_zero(void **state)
{
    size_t    i, n;
    hx_tt_t   t;
    double   *core;

    test_train(&t, 9, HX_TT_ROWS, 5);
    core = (double *) t.core;
    n = (size_t) hx_tt_values(&t);

    for (i = 0; i < n; i++) {
        core[i] = 0;
    }

    assert_true(hx_tt_norm(&t, test_scratch(hx_tt_dot_work(&t, &t))) == 0);

    core[0] = core[n - 1] = NAN;
    assert_true(isnan(hx_tt_norm(&t, test_scratch(hx_tt_dot_work(&t, &t)))));
    free(core);
}


static void
test_signatures(void **state)
{
    int       i;
    double    out[1 << 10], sum, norm;
    uint64_t  j, k, block;
    unsigned  d, bits;
    hx_tt_t   t;

    for (i = 0; i < 400; i++) {
        d = 1 + (unsigned) test_below(10);
        bits = (unsigned) test_below(d + 1);
        block = UINT64_C(1) << (d - bits);
        test_train(&t, d, HX_TT_ROWS, 1 + (unsigned) test_below(12));

        norm = hx_tt_norm(&t, test_scratch(hx_tt_dot_work(&t, &t)));
        hx_tt_signature(&t, bits, out,
                        test_scratch(hx_tt_signature_work(&t, bits)));

        for (j = 0; j >> bits == 0; j++) {
            for (k = 0, sum = 0; k < block; k++) {
                sum += test_train_at(&t, j * block + k);
            }

            assert_true(fabs(out[j] - sum / sqrt((double) block))
                        <= 1e-13 * norm);
        }

        free((double *) t.core);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_dots),
        cmocka_unit_test(test_zero),
        cmocka_unit_test(test_signatures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
