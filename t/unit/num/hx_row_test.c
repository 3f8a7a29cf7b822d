/*
 * hx_row_test.c -- loops over rows in every instruction set of this processor
 * against sums in long double: any length, any address, nothing outside.
 */

#include "hx_test_tt.h"
#include "hx_row.h"

#define TEST_LEN   300

static unsigned char  *edge[3];


/* n doubles at any byte address, the last one right before a guard page */
static double *
test_row(int which, size_t n)
{
    size_t  i;
    double  x, *p;

    p = (double *) (void *) (edge[which] - n * sizeof(double));

    for (i = 0; i < n; i++) {
        x = test_uniform() * (test_below(9) ? 1 : 1000);
        p[i] = x;
    }

    return p;
}


/* the same values, one byte further down */
static unsigned char *
test_odd(const double *x, size_t n)
{
    static unsigned char  buf[TEST_LEN * 8 + 1];

    memcpy(buf + 1, x, n * sizeof(double));

    return buf + 1;
}


static void
test_sums(const hx_row_t *row)
{
    double           *a, *b, *v, s[2];
    size_t            i, n;
    unsigned          round;
    long double       ab, av, aa, ee, size;
    hx_row_stats_t    st;

    for (round = 0; round < 3000; round++) {
        n = 1 + test_below(TEST_LEN - 1);
        a = test_row(0, n);
        b = test_row(1, n);
        v = test_row(2, n);

        for (i = 0, ab = 0, av = 0, aa = 0, ee = 0, size = 0; i < n; i++) {
            ab += (long double) a[i] * b[i];
            av += (long double) a[i] * v[i];
            aa += (long double) a[i] * a[i];
            ee += ((long double) b[i] - a[i]) * ((long double) b[i] - a[i]);
            size += fabsl((long double) a[i] * b[i])
                    + fabsl((long double) a[i] * v[i]);
        }

        assert_true(fabsl(row->dot(a, b, n) - ab) <= 1e-14L * size);

        row->dots(test_odd(a, n), b, v, n, s);
        assert_true(fabsl(s[0] - ab) <= 1e-14L * size);
        assert_true(fabsl(s[1] - av) <= 1e-14L * size);

        row->dots(a, b, v, n, s);
        assert_true(fabsl(s[0] - ab) <= 1e-14L * size);

        row->error(test_odd(b, n), a, n, s);
        assert_true(fabsl(s[0] - ee) <= 1e-14L * ee);
        assert_true(fabsl(s[1] - aa) <= 1e-14L * aa);

        row->error(a, a, n, s);
        assert_true(s[0] == 0);

        row->stats(test_odd(a, n), n, &st);
        assert_true(fabsl(st.square - aa) <= 1e-14L * aa);

        for (i = 0; i < n; i++) {
            assert_true(st.min <= a[i] && st.max >= a[i]);
            assert_true(i < n || st.min == a[i] || st.max == a[i]);
        }

        i = row->argmax(a, n);
        assert_true(fabs(a[i]) == fmax(fabs(st.min), fabs(st.max)));
        while (i-- > 0) {
            assert_true(fabs(a[i]) < fmax(fabs(st.min), fabs(st.max)));
        }
    }

    assert_int_equal(row->argmax(NULL, 0), 0);
}


/* NaN shows in the sum of squares and hides no other value. */
static void
test_not_numbers(const hx_row_t *row)
{
    double           a[40];
    size_t           i, at;
    hx_row_stats_t   st;

    for (at = 0; at < 40; at++) {
        for (i = 0; i < 40; i++) {
            a[i] = (double) i;
        }

        a[at] = NAN;
        row->stats(a, 40, &st);
        assert_true(isnan(st.square));

        if (at != 0) {
            assert_true(st.min == 0 && st.max == (at == 39 ? 38 : 39));
        }

        a[at] = -INFINITY;
        row->stats(a, 40, &st);
        assert_true(isinf(st.square) && isinf(st.min));
    }
}


static void
test_eliminate(const hx_row_t *row)
{
    double         *a, *b, c, want[TEST_LEN];
    size_t          i, n;
    unsigned        round;
    long double     square, max;
    hx_row_size_t   s;

    for (round = 0; round < 3000; round++) {
        n = 1 + test_below(TEST_LEN - 1);
        a = test_row(0, n);
        b = test_row(1, n);
        c = test_below(10) ? test_uniform() : 0;

        for (i = 0; i < n; i++) {
            want[i] = (double) ((long double) a[i] - (long double) c * b[i]);
        }

        row->eliminate(a, b, n, c, &s);

        for (i = 0, square = 0, max = 0; i < n; i++) {
            assert_true(fabs(a[i] - want[i]) <= 1e-15 * 2000);
            square += (long double) a[i] * a[i];
            max = fmaxl(max, fabsl(a[i]));
        }

        assert_true(fabsl(s.square - square) <= 1e-14L * square);
        assert_true(s.max == max);
    }
}


static void
test_step(const hx_row_t *row)
{
    double    m[12 * 40], want[12 * 40], factor[12], sum, most, got;
    size_t    i, j, a, b, from, worst;
    unsigned  round;

    for (round = 0; round < 3000; round++) {
        a = 1 + test_below(12);
        b = 1 + test_below(40);
        from = test_below(a);

        for (i = 0; i < a * b; i++) {
            m[i] = test_below(5) ? test_uniform() : 0;
        }

        for (i = 0; i < a; i++) {
            factor[i] = test_below(3) == 0 ? NAN
                        : test_below(3) ? test_uniform() : 0;
        }

        factor[from] = test_below(2) ? NAN : 0;
        memcpy(want, m, sizeof(m));

        for (i = 0, sum = 0, most = 0; i < a; i++) {
            for (j = 0; j < b && !isnan(factor[i]); j++) {
                want[i * b + j] -= factor[i] * m[from * b + j];
                sum += want[i * b + j] * want[i * b + j];
                most = fmax(most, fabs(want[i * b + j]));
            }
        }

        got = row->step(m, a, b, factor, from, &worst);

        for (i = 0; i < a * b; i++) {
            assert_true(fabs(m[i] - want[i]) <= 1e-15);
        }

        assert_true(fabs(got - sum) <= 1e-13 * sum);

        if (most == 0) {
            assert_int_equal(worst, a);
            continue;
        }

        assert_true(worst < a && !isnan(factor[worst]));

        for (j = 0, got = 0; j < b; j++) {
            got = fmax(got, fabs(m[worst * b + j]));
        }

        assert_true(fabs(got - most) <= 1e-15);
    }
}


/*
 * Rows of very different lengths become orthogonal; what is spanned, and the
 * sum of squares, stays.
 */
static void
test_jacobi(const hx_row_t *row)
{
    double       a[16 * 24], b[16 * 24], square[16], dot, before, after, part;
    size_t       i, j, k, r, n;
    unsigned     round;

    for (round = 0; round < 500; round++) {
        r = 1 + test_below(16);
        n = 8 * (1 + (r - 1) / 8 + test_below(2));

        for (i = 0, before = 0; i < r; i++) {
            for (j = 0; j < n; j++) {
                a[i * n + j] = test_normal() * pow(10, -(double) i / 2);
                before += a[i * n + j] * a[i * n + j];
            }
        }

        memcpy(b, a, sizeof(a));
        row->jacobi(a, r, n, square);

        for (i = 0, after = 0; i < r; i++) {
            after += square[i];

            for (j = 0; j < i; j++) {
                for (k = 0, dot = 0; k < n; k++) {
                    dot += a[i * n + k] * a[j * n + k];
                }

                assert_true(fabs(dot) <= 1e-14 * sqrt(square[i] * square[j]));
            }
        }

        assert_true(fabs(after - before) <= 1e-13 * before);

        /* each old row is the sum of its parts along the new ones */
        for (i = 0; i < r; i++) {
            for (j = 0, part = 0, dot = 0; j < r; j++) {
                for (k = 0, after = 0; k < n; k++) {
                    after += b[i * n + k] * a[j * n + k];
                }

                part += after * after / square[j];
            }

            for (k = 0; k < n; k++) {
                dot += b[i * n + k] * b[i * n + k];
            }

            assert_true(fabs(part - dot) <= 1e-9 * dot);
        }
    }
}


/* Rows that differ hardly in size, as those of singular values in clusters. */
static void
test_jacobi_clusters(const hx_row_t *row)
{
    double       a[48 * 48], square[48], dot;
    size_t       i, j, k, r, n;
    unsigned     round;

    r = 48;
    n = 48;

    for (round = 0; round < 40; round++) {
        for (i = 0; i < r; i++) {
            for (j = 0; j < n; j++) {
                a[i * n + j] = (i == j) + pow(10, -(double) (round % 13))
                                          * test_normal();
            }

            for (j = 0; i >= 36 && j < n; j++) {
                a[i * n + j] *= 1e-6;
            }
        }

        row->jacobi(a, r, n, square);

        for (i = 0; i < r; i++) {
            for (j = 0; j < i; j++) {
                for (k = 0, dot = 0; k < n; k++) {
                    dot += a[i * n + k] * a[j * n + k];
                }

                assert_true(fabs(dot) <= 2e-14 * sqrt(square[i] * square[j]));
            }
        }
    }
}


static void
test_all(void **state)
{
    int              i;
    const hx_row_t  *row;

    for (i = 0; i < 3; i++) {
        edge[i] = test_guard();
    }

    for (i = 0; (row = hx_row_get((unsigned) i)) != NULL; i++) {
        test_sums(row);
        test_not_numbers(row);
        test_eliminate(row);
        test_step(row);
        test_jacobi(row);
        test_jacobi_clusters(row);
    }

    assert_true(i >= 1);
    assert_ptr_equal(hx_row(), hx_row_get(0));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
