/*
 * hx_ldl_test.c -- L D L^T gives the matrix back and counts signs of
 * eigenvalues; orthonormal rows span what was there.
 */

#include "hx_test_tt.h"
#include "hx_ldl.h"

#define TEST_N   100


static double *
test_alloc(size_t n)
{
    double  *p;

    p = malloc(n * sizeof(double));
    assert_non_null(p);
    memset(p, 0xff, n * sizeof(double));

    return p;
}


/* A = L D L^T with known signs in D, which Sylvester keeps. */
static void
test_signs(void **state)
{
    double    *a, *l, *d, *back, *work, x, size;
    size_t     i, j, k, n, positive;
    unsigned   round;

    for (round = 0; round < 200; round++) {
        n = 1 + test_below(TEST_N);
        a = test_alloc(n * n);
        l = test_alloc(n * n);
        d = test_alloc(n);
        back = test_alloc(n);
        work = test_alloc(hx_ldl_work(n));

        for (i = 0, positive = 0; i < n; i++) {
            d[i] = (test_below(2) ? 1 : -1) * (0.1 + fabs(test_uniform()));
            positive += d[i] > 0;

            for (j = 0; j < n; j++) {
                l[i * n + j] = i == j ? 1 : i < j ? 0
                               : test_uniform() / (double) n;
            }
        }

        for (i = 0; i < n; i++) {
            for (j = 0; j <= i; j++) {
                for (k = 0, x = 0; k <= j; k++) {
                    x += l[i * n + k] * d[k] * l[j * n + k];
                }

                a[i * n + j] = x;
            }
        }

        assert_int_equal(hx_ldl(a, n, back, work), positive);

        for (i = 0, size = 1e-12; i < n; i++) {
            assert_true(fabs(back[i] - d[i]) <= size);

            for (j = 0; j < i; j++) {
                assert_true(fabs(a[i * n + j] - l[i * n + j]) <= size);
            }
        }

        free(a);
        free(l);
        free(d);
        free(back);
        free(work);
    }
}


static void
test_broken(void **state)
{
    double  a[4] = { 0, 0, 1, 1 }, d[2], work[64];

    assert_true(hx_ldl_work(2) <= hx_nelts(work));
    assert_true(hx_ldl(a, 2, d, work) == HX_LDL_BROKEN);
    a[0] = NAN;
    assert_true(hx_ldl(a, 2, d, work) == HX_LDL_BROKEN);
}


static void
test_ortho(void **state)
{
    double    *v, *old, *t, *work, x;
    size_t     i, j, k, r, n, ld;
    unsigned   round;

    for (round = 0; round < 200; round++) {
        r = 1 + test_below(40);
        n = r + test_below(100);
        ld = n + test_below(10);
        v = test_alloc(r * ld);
        old = test_alloc(r * ld);
        t = test_alloc(r * r);
        work = test_alloc(hx_ortho_work(r, n));

        for (i = 0; i < r; i++) {
            for (j = 0; j < n; j++) {
                v[i * ld + j] = test_normal() * (j < r && j > i ? 0 : 1);
            }
        }

        memcpy(old, v, r * ld * sizeof(double));

        if (hx_ortho(v, r, n, ld, t, work) != HX_OK) {
            assert_true(n < r + 10);        /* nearly dependent, by chance */

        } else {
            for (i = 0; i < r; i++) {
                for (j = 0; j <= i; j++) {
                    for (k = 0, x = 0; k < n; k++) {
                        x += v[i * ld + k] * v[j * ld + k];
                    }

assert_true(fabs(x - (i == j)) <= 1e-13);
                }

                for (j = 0; j < n; j++) {
                    for (k = 0, x = 0; k < r; k++) {
                        x += t[i * r + k] * v[k * ld + j];
                        assert_true(k <= i || t[i * r + k] == 0);
                    }

                    assert_true(fabs(x - old[i * ld + j]) <= 1e-12);
                }
            }
        }

        /* the same row twice */
        if (r > 1) {
            memcpy(v, old, r * ld * sizeof(double));
            memcpy(v, v + (r - 1) * ld, n * sizeof(double));
            assert_int_equal(hx_ortho(v, r, n, ld, t, work), HX_NO);
        }

        free(v);
        free(old);
        free(t);
        free(work);
    }
}


/* Rows that agree to the last digits, rows twice, rows of zeros. */
static void
test_nearly_dependent(void **state)
{
    double         sum, want, q[20 * 64], v[20 * 64], t[20 * 20], work[4096];
    size_t         i, j, k;
    const size_t   r = 20, n = 64;

    for (i = 0; i < r; i++) {
        for (k = 0; k < n; k++) {
            v[i * n + k] = i == 7 ? 0 : i == 9 ? v[3 * n + k]
                           : 1 / (1 + (double) (i + k) / 40);
        }
    }

    assert_true(hx_ortho_work(r, n) <= 4096);
    memcpy(q, v, sizeof(q));
    assert_int_equal(hx_ortho(q, r, n, n, t, work), HX_NO);

    memcpy(q, v, sizeof(q));
    hx_ortho_slow(q, r, n, n, t);

    for (i = 0; i < r; i++) {
        for (j = 0; j <= i; j++) {
            for (k = 0, sum = 0; k < n; k++) {
                sum += q[i * n + k] * q[j * n + k];
            }
            want = i != j ? 0 : t[i * r + i] == 0 ? 0 : 1;
            assert_true(fabs(sum - want) < 1e-12);
        }

        for (k = 0; k < n; k++) {
            for (j = 0, sum = 0; j < r; j++) {
                sum += t[i * r + j] * q[j * n + k];
                assert_true(j <= i || t[i * r + j] == 0);
            }
            assert_true(fabs(sum - v[i * n + k]) < 1e-13);
        }
    }

    assert_true(t[7 * r + 7] == 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_nearly_dependent),
        cmocka_unit_test(test_signs),
        cmocka_unit_test(test_broken),
        cmocka_unit_test(test_ortho),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
