/*
 * hx_tt_parts_test.c -- what hx_tt_compress() is made of, each against the
 * plain definition: reading in the order of bits, sketches, statistics, bases,
 * crosses, and the bound that calls data hopeless.
 */

#include "hx_test_data.h"
#include "hx_tt_basis.h"
#include "hx_tt_check.h"
#include "hx_tt_cross.h"
#include "hx_tt_round.h"
#include "hx_tt_stats.h"

static hx_work_t  work;


/* All values in the order of the TT index, padding 0, by the definition. */
static double *
test_ordered(const hx_array_t *a, hx_tt_order_t order, unsigned d,
    const unsigned char *data)
{
    double  *x;
    size_t   i, n;

    n = (size_t) test_elements(a);
    x = calloc((size_t) 1 << d, sizeof(double));
    assert_non_null(x);

    for (i = 0; i < n; i++) {
        hx_load_f8(a->dtype, data + i * hx_dtype_size(a->dtype), 1,
                   &x[test_tt_index(a, order, i)]);
    }

    return x;
}


static void
test_views(void **state)
{
    double          *want, *x, *got;
    size_t           i, n;
    unsigned         round, d, first, bits;
    uint64_t         base, mask;
    hx_array_t       a;
    hx_tt_order_t    order;
    hx_tt_view_t     v;
    unsigned char   *data;

    for (round = 0; round < 1000; round++) {
        test_shape(&a, 3000);
        n = (size_t) test_elements(&a);
        x = malloc(n * sizeof(double));
        assert_non_null(x);

        for (i = 0; i < n; i++) {
            x[i] = 1 + (double) test_below(100);
        }

        data = malloc(n * 8 + 1);
        assert_non_null(data);
        hx_store_f8(a.dtype, x, n, data + 1);

        order = (hx_tt_order_t) test_below(2);
        d = hx_tt_cores(&a, order);
        want = test_ordered(&a, order, d, data + 1);
        assert_int_equal(hx_tt_view_init(&v, &a, order, d, data + 1), HX_OK);

        first = (unsigned) test_below(d);
        bits = (unsigned) test_below(d - first + 1);
        mask = ((UINT64_C(1) << bits) - 1) << (d - first - bits);
        base = test_random() & ((UINT64_C(1) << d) - 1) & ~mask;

        got = malloc(sizeof(double) << bits);
        assert_non_null(got);
        hx_tt_view_read(&v, first, bits, base, got);

        for (i = 0; i >> bits == 0; i++) {
            assert_true(got[i] == want[base | i << (d - first - bits)]);
        }

        free(got);
        free(want);
        free(data);
        free(x);
    }
}


static void
test_sketches(void **state)
{
    double           *want, *x, sum;
    size_t            i, j, n;
    unsigned          round, d, h, k;
    hx_array_t        a;
    hx_tt_map_t       map;
    hx_tt_stats_t     st;
    hx_tt_order_t     order;
    hx_tt_sketch_t    sk;
    unsigned char    *data;

    for (round = 0; round < 400; round++) {
        hx_work_reset(&work, 16 << 20, 1 << 20);
        test_shape(&a, 6000);
        n = (size_t) test_elements(&a);
        x = malloc(n * sizeof(double));
        assert_non_null(x);

        for (i = 0; i < n; i++) {
            x[i] = 1 + (double) test_below(100);
        }

        data = malloc(n * 8 + 1);
        assert_non_null(data);
        hx_store_f8(a.dtype, x, n, data + 1);

        order = (hx_tt_order_t) test_below(2);
        d = hx_tt_cores(&a, order);
        h = (unsigned) test_below(d + 1);
        want = test_ordered(&a, order, d, data + 1);

        assert_int_equal(hx_tt_map(&map, &a, order, d), HX_OK);
        assert_int_equal(hx_tt_sketch_init(&sk, d, h, round, &work), HX_OK);

        if (order == HX_TT_ROWS && test_below(2)) {
            hx_tt_stats(&st, a.dtype, data + 1, n, &sk);

        } else {
            assert_int_equal(hx_tt_sketch_array(&sk, &map, a.dtype, data + 1, n,
                                                &work), HX_OK);
        }

        for (k = 0; k < 2; k++) {
            for (i = 0; i < sk.rows; i++) {
                for (j = 0, sum = 0; j < sk.cols; j++) {
                    assert_true(fabs(sk.sign[k][j]) == 1);
                    sum += want[i * sk.cols + j] * sk.sign[k][j];
                }

                assert_true(sk.sum[k][i] == sum);       /* integers */
            }
        }

        free(want);
        free(data);
        free(x);
    }
}


static void
test_norms(void **state)
{
    size_t          i, n;
    double          x[5000];
    unsigned        round;
    long double     sum;
    hx_tt_stats_t   s;
    const double    scale[] = { 1, 1e-200, 1e200, 1e-310, 1e303, 5e-324, 1e154,
                                1e-154 };

    for (round = 0; round < 400; round++) {
        n = 1 + test_below(hx_nelts(x));

        for (i = 0, sum = 0; i < n; i++) {
            x[i] = test_uniform() * scale[round % hx_nelts(scale)];
            sum += (long double) x[i] * x[i];
        }

        hx_tt_stats(&s, HX_DTYPE_F8, x, n, NULL);
        assert_true(test_near(s.norm, sqrtl(sum), 1e-13L)
                    || fabsl(s.norm - sqrtl(sum)) <= 1e-323L);

        i = test_below(n);
        x[i] = test_below(2) ? NAN : test_below(2) ? INFINITY : -INFINITY;
        hx_tt_stats(&s, HX_DTYPE_F8, x, n, NULL);
        assert_true(isnan(s.norm));
    }

    x[0] = 1.7e308;
    x[1] = -1.7e308;
    hx_tt_stats(&s, HX_DTYPE_F8, x, 2, NULL);
    assert_true(isinf(s.norm) && s.max == 1.7e308 && s.min == -1.7e308);

    hx_tt_stats(&s, HX_DTYPE_F8, x, 0, NULL);
    assert_true(s.norm == 0);
}


/* singular values of a small matrix by Jacobi on its rows, plainly */
static void
test_spectrum(double *m, size_t a, size_t b, double *square)
{
    int     turned, sweep;
    double  pp, qq, pq, t, c, s, x, y;
    size_t  p, q, k;

    for (sweep = 0, turned = 1; turned && sweep < 60; sweep++) {
        turned = 0;

        for (p = 0; p + 1 < a; p++) {
            for (q = p + 1; q < a; q++) {
                for (k = 0, pp = 0, qq = 0, pq = 0; k < b; k++) {
                    pp += m[p * b + k] * m[p * b + k];
                    qq += m[q * b + k] * m[q * b + k];
                    pq += m[p * b + k] * m[q * b + k];
                }

                if (fabs(pq) <= 1e-15 * sqrt(pp * qq)) {
                    continue;
                }

                turned = 1;
                t = (qq - pp) / (2 * pq);
                t = (t < 0 ? -1 : 1) / (fabs(t) + sqrt(1 + t * t));
                c = 1 / sqrt(1 + t * t);
                s = c * t;

                for (k = 0; k < b; k++) {
                    x = m[p * b + k];
                    y = m[q * b + k];
                    m[p * b + k] = c * x - s * y;
                    m[q * b + k] = s * x + c * y;
                }
            }
        }
    }

    for (p = 0; p < a; p++) {
        for (k = 0, square[p] = 0; k < b; k++) {
            square[p] += m[p * b + k] * m[p * b + k];
        }
    }

    for (p = 1; p < a; p++) {
        for (q = p; q > 0 && square[q] > square[q - 1]; q--) {
            x = square[q];
            square[q] = square[q - 1];
            square[q - 1] = x;
        }
    }
}


/* A basis has the rank of the truncated decomposition and loses no more. */
static void
test_bases(void **state)
{
    double          *m, *copy, square[24], share, total, lost, x, dot;
    size_t           i, j, k, a, b, r, want, excess;
    unsigned         round;
    hx_tt_basis_t    basis;

    for (round = 0, excess = 0; round < 1000; round++) {
        hx_work_reset(&work, 16 << 20, 1 << 20);
        a = 1 + test_below(24);
        b = 1 + test_below(60);
        r = 1 + test_below(a < b ? a : b);
        m = calloc(a * b, sizeof(double));
        copy = malloc(a * b * sizeof(double));
        assert_true(m != NULL && copy != NULL);

        for (k = 0; k < r; k++) {
            double  u[24], v[60];

            for (i = 0; i < a; i++) {
                u[i] = test_normal();
            }

            for (j = 0; j < b; j++) {
                v[j] = test_normal() * pow(10, -(double) k
                                               * (double) (round % 4) / 2);
            }

            for (i = 0; i < a; i++) {
                for (j = 0; j < b; j++) {
                    m[i * b + j] += u[i] * v[j];
                }
            }
        }

        memcpy(copy, m, a * b * sizeof(double));
        test_spectrum(copy, a, b, square);

        for (i = 0, total = 0; i < a; i++) {
            total += square[i];
        }

        share = total * pow(10, -24 * fabs(test_uniform()));

        for (want = a, lost = 0; want > 1 && lost + square[want - 1] <= share;
             want--)
        {
            lost += square[want - 1];
        }

        memcpy(copy, m, a * b * sizeof(double));
        assert_int_equal(hx_tt_basis(&basis, copy, a, b, share, a, &work),
                         HX_OK);
        assert_true(basis.rank >= 1 && basis.rank <= a);
        assert_true(basis.rank <= want + 1);
        excess += basis.rank > want;

        /* what is outside of the basis, measured */
        for (j = 0, lost = 0; j < b && !basis.whole; j++) {
            for (i = 0; i < a; i++) {
                x = m[i * b + j];

                for (k = 0; k < basis.rank; k++) {
                    for (r = 0, dot = 0; r < a; r++) {
                        dot += basis.u[k * basis.ld + r] * m[r * b + j];
                    }

                    x -= basis.u[k * basis.ld + i] * dot;
                }

                lost += x * x;
            }
        }

        assert_true(lost <= share * (1 + 1e-6) + total * 1e-28);
        assert_true(fabs(lost - basis.lost) <= 0.15 * share + total * 1e-28);

        if (basis.rank > 1) {
            memcpy(copy, m, a * b * sizeof(double));
            assert_int_equal(hx_tt_basis(&basis, copy, a, b, share,
                                         basis.rank - 1, &work), HX_NO);
        }

        free(m);
        free(copy);
    }

    /* the rest that elimination leaves can cost one rank now and then */
    assert_true(excess < 30);
}


/*
 * Larger ones, which are cut in the order of their pivots: a little more rank
 * than the least, never less than what may be lost.
 */
static void
test_large_bases(void **state)
{
    double          *m, *copy, *square, share, total, lost, x, *u, *v;
    size_t           i, j, k, l, a, b, r, want;
    unsigned         round;
    hx_tt_basis_t    basis;

    a = 150;
    b = 300;
    m = malloc(a * b * sizeof(double));
    copy = malloc(a * b * sizeof(double));
    square = malloc(a * sizeof(double));
    u = malloc(a * sizeof(double));
    v = malloc(b * sizeof(double));
    assert_true(m != NULL && copy != NULL && square != NULL && u != NULL
                && v != NULL);

    for (round = 0; round < 6; round++) {
        hx_work_reset(&work, 64 << 20, 1 << 20);
        memset(m, 0, a * b * sizeof(double));

        for (k = 0; k < 140; k++) {
            for (i = 0; i < a; i++) {
                u[i] = test_normal();
            }

            for (j = 0; j < b; j++) {
                v[j] = test_normal() * pow(10, -(double) (k * round) / 60);
            }

            for (i = 0; i < a; i++) {
                for (j = 0; j < b; j++) {
                    m[i * b + j] += u[i] * v[j];
                }
            }
        }

        memcpy(copy, m, a * b * sizeof(double));
        test_spectrum(copy, a, b, square);

        for (i = 0, total = 0; i < a; i++) {
            total += square[i];
        }

        share = total * pow(10, -4 - 2 * (double) round);

        for (want = a, lost = 0; want > 1 && lost + square[want - 1] <= share;
             want--)
        {
            lost += square[want - 1];
        }

        memcpy(copy, m, a * b * sizeof(double));
        assert_int_equal(hx_tt_basis(&basis, copy, a, b, share, a, &work),
                         HX_OK);
        r = basis.rank;
        assert_true(r >= want && r <= want + want / 6 + 2);
        assert_false(basis.whole);

        /* u's rows orthonormal; the energy in them is all but what is lost */
        for (k = 0, lost = total; k < r; k++) {
            for (l = 0; l <= k; l++) {
                for (i = 0, x = 0; i < a; i++) {
                    x += basis.u[k * basis.ld + i] * basis.u[l * basis.ld + i];
                }

                assert_true(fabs(x - (k == l)) <= 1e-13);
            }

            for (j = 0; j < b; j++) {
                for (i = 0, x = 0; i < a; i++) {
                    x += basis.u[k * basis.ld + i] * m[i * b + j];
                }

                lost -= x * x;
            }
        }

        assert_true(lost <= share * 1.001 + total * 1e-12);
    }

    free(m);
    free(copy);
    free(square);
    free(u);
    free(v);
}


/* Sizes that need no luck: a matrix of rank r is a cross of r steps. */
static void
test_crosses(void **state)
{
    double              *x, y, e, norm, *u, *v;
    size_t               i, j, k, r, l, n;
    unsigned             round, d, h;
    hx_array_t           a;
    hx_tt_view_t         view;
    hx_tt_cross_t        c;
    hx_tt_sketch_t       sk;
    hx_tt_cross_end_t    end;

    for (round = 0; round < 60; round++) {
        hx_work_reset(&work, 64 << 20, 1 << 20);
        d = 8 + (unsigned) test_below(8);
        h = 3 + (unsigned) test_below(d - 5);
        n = (size_t) 1 << d;
        r = 1 + test_below(6);

        memset(&a, 0, sizeof(a));
        a.dtype = HX_DTYPE_F8;
        a.ndim = 1;
        a.dim[0] = n;
        x = calloc(n, sizeof(double));
        u = malloc((sizeof(double)) << h);
        v = malloc((sizeof(double)) << (d - h));
        assert_true(x != NULL && u != NULL && v != NULL);

        for (k = 0; k < r; k++) {
            for (i = 0; i >> h == 0; i++) {
                u[i] = test_below(round % 3 ? 1 : 9) ? 0 : test_normal();
            }

            u[test_below((size_t) 1 << h)] = 1;

            for (j = 0; j >> (d - h) == 0; j++) {
                v[j] = test_normal();
            }

            for (l = 0; l < n; l++) {
                x[l] += u[l >> (d - h)] * v[l & (((size_t) 1 << (d - h)) - 1)];
            }
        }

        assert_int_equal(hx_tt_view_init(&view, &a, HX_TT_ROWS, d, x), HX_OK);
        assert_int_equal(hx_tt_sketch_init(&sk, d, h, 7, &work), HX_OK);
        hx_tt_sketch_add(&sk, 0, x, n);
        assert_int_equal(hx_tt_cross_init(&c, &view, &sk, 1000, round, &work),
                         HX_OK);

        for (l = 0, norm = 0; l < n; l++) {
            norm += x[l] * x[l];
        }

        norm = sqrt(norm);
        end = hx_tt_cross_grow(&c, 1e-13 * norm);
        assert_true(end == HX_TT_CROSS_DONE || end == HX_TT_CROSS_FULL);

        for (l = 0, e = 0; l < n; l++) {
            y = x[l];

            for (k = 0; k < c.rank; k++) {
                y -= c.u[k * c.ldu + (l >> (d - h))]
                     * c.v[k * c.ldv + (l & (c.cols - 1))];
            }

            e += y * y;
        }

        assert_true(sqrt(e) <= 1e-12 * norm);
        assert_true(c.rank <= r + 4);

        free(x);
        free(u);
        free(v);
    }
}


/*
 * The bound: noise is hopeless above its rank's reach, and what has an
 * approximation is never called so.
 */
static void
test_hope(void **state)
{
    double              *x, noise, norm, target[2];
    size_t               i, n;
    unsigned             round, d;
    hx_array_t           a;
    hx_tt_view_t         view;
    hx_tt_cross_t        c;
    hx_tt_bound_t        b;
    hx_tt_sketch_t       sk;

    d = 16;
    n = (size_t) 1 << d;
    x = malloc(n * sizeof(double));
    assert_non_null(x);

    memset(&a, 0, sizeof(a));
    a.dtype = HX_DTYPE_F8;
    a.ndim = 1;
    a.dim[0] = n;

    for (round = 0; round < 20; round++) {
        hx_work_reset(&work, 64 << 20, 1 << 20);
        noise = pow(10, -(double) (round % 10));
        test_data_smooth(x, n);

        for (i = 0, norm = 0; i < n; i++) {
            norm += x[i] * x[i];
        }

        norm = sqrt(norm);
        test_data_add_noise(x, n, noise * norm / sqrt((double) n));

        assert_int_equal(hx_tt_view_init(&view, &a, HX_TT_ROWS, d, x), HX_OK);
        assert_int_equal(hx_tt_sketch_init(&sk, d, d / 2, 7, &work), HX_OK);
        hx_tt_sketch_add(&sk, 0, x, n);
        assert_int_equal(hx_tt_cross_init(&c, &view, &sk, 150, round, &work),
                         HX_OK);
        (void) hx_tt_cross_grow(&c, 1e-13 * norm);

        /* the smooth part alone is an approximation with error "noise" */
        target[0] = 1.01 * noise * norm;
        target[1] = 0.02 * noise * norm;
        assert_int_equal(hx_tt_cross_bound(&c, target, 1, &b), HX_OK);
        assert_true(b.reach == 0);
        assert_true(b.noise || noise < 1e-11);

        assert_int_equal(hx_tt_cross_bound(&c, target, 2, &b), HX_OK);
        assert_true(b.reach == (noise > 1e-11 ? target[1] : 0));
        assert_true(b.rank > 100);
    }

    free(x);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_views),
        cmocka_unit_test(test_sketches),
        cmocka_unit_test(test_norms),
        cmocka_unit_test(test_bases),
        cmocka_unit_test(test_large_bases),
        cmocka_unit_test(test_crosses),
        cmocka_unit_test(test_hope),
    };
    int  rc;

    hx_work_init(&work, 0);
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    hx_work_free(&work);

    return rc;
}
