/*
 * Tests of num/hx_scan: the bounds hold for every implementation and every
 * kind of vector, and they are not so wide that they say nothing.
 */

#include <math.h>

#include "hx_test.h"
#include "hx_vec_impl.h"

#define ROWS   11                   /* not a multiple of what goes together */

typedef double (*kind_pt)(size_t i, size_t n, unsigned row);


static double
uniform(void)
{
    return (double) (test_random() >> 11) * 0x1p-52 - 1;
}


static double
noise(size_t i, size_t n, unsigned row)
{
    return uniform() + uniform() + uniform();
}


static double
positive(size_t i, size_t n, unsigned row)
{
    return 1 + 0.001 * uniform();
}


/* One value outshines all others, which become steps of 0. */
static double
spike(size_t i, size_t n, unsigned row)
{
    return i == n / 3 ? 1e6 * (row % 2 ? 1 : -1) : uniform();
}


static double
smooth(size_t i, size_t n, unsigned row)
{
    return sin((double) i / (double) n * (row + 2)) * 1e-30 + 1e-30;
}


/* Every byte at an end of its range: the sums of products are the largest. */
static double
extreme(size_t i, size_t n, unsigned row)
{
    return row % 2 ? 127 : -127;
}


/* Half way between two steps. */
static double
half(size_t i, size_t n, unsigned row)
{
    return i == 0 ? 127 : (double) (test_below(200)) - 99.5;
}


static const kind_pt  kinds[] = {
    noise, positive, spike, smooth, extreme, half
};


/* The length of x in long double, and its largest value. */
static double
norm_of(const double *x, size_t n, double *max)
{
    size_t       i;
    long double  sum;

    sum = 0;
    *max = 0;

    for (i = 0; i < n; i++) {
        sum += (long double) x[i] * x[i];
        *max = fabs(x[i]) > *max ? fabs(x[i]) : *max;
    }

    return (double) sqrtl(sum);
}


static long double
cosine(const double *x, const double *y, size_t n)
{
    size_t       i;
    long double  xy, xx, yy;

    xy = xx = yy = 0;

    for (i = 0; i < n; i++) {
        xy += (long double) x[i] * y[i];
        xx += (long double) x[i] * x[i];
        yy += (long double) y[i] * y[i];
    }

    return xy / sqrtl(xx) / sqrtl(yy);
}


static void
make_row(const hx_vec_impl_t *impl, const double *x, size_t n,
    unsigned char *q, float *scale, float *error)
{
    double         max, norm;
    size_t         i, k;
    hx_scan_row_t  row;

    norm = norm_of(x, n, &max);
    hx_scan_row_init(&row, max, norm, q);

    for (i = 0; i < n; i += k) {
        k = n - i < 64 ? n - i : 64;
        row.squares += impl->row(x + i, k, row.inverse, row.step, q + i);
        row.done += k;
    }

    hx_scan_row_end(&row, scale, error);
}


static void
make_query(const hx_vec_impl_t *impl, hx_scan_query_t *y, const double *x,
    size_t n, void *mem)
{
    double  max, norm;
    size_t  i, k;

    norm = norm_of(x, n, &max);
    hx_scan_query_init(y, max, norm, mem, n);

    for (i = 0; i < n; i += k) {
        k = n - i < 64 ? n - i : 64;
        y->squares += impl->split(x + i, k, y->step, y->p + i, y->r + i,
                                  &y->coarse_squares);
        y->done += k;
    }

    hx_scan_query_end(y);
}


/* One query of one kind against rows of another. */
static void
check_bounds(const hx_vec_impl_t *impl, kind_pt a, kind_pt b, size_t n)
{
    float             scale, error[ROWS], c[ROWS], out[ROWS], bound;
    double           *x, *y;
    size_t            i, stride;
    unsigned          row;
    hx_scan_query_t   q;
    unsigned char    *mem;

    stride = hx_scan_stride(n);
    x = malloc(ROWS * n * sizeof(double));
    y = malloc(n * sizeof(double));
    mem = aligned_alloc(HX_SCAN_ALIGN, (ROWS + 2) * stride);
    assert_true(x != NULL && y != NULL && mem != NULL);

    for (i = 0; i < n; i++) {
        y[i] = a(i, n, 1);
    }

    make_query(impl, &q, y, n, mem + ROWS * stride);
    assert_true(q.rest < 1e-3f);

    for (row = 0; row < ROWS; row++) {
        for (i = 0; i < n; i++) {
            x[row * n + i] = row == 5 ? y[i] : b(i, n, row);
        }
        make_row(impl, x + row * n, n, mem + row * stride, &scale,
                 &error[row]);
        c[row] = scale;
    }

    impl->rows(&q, mem, ROWS, out);

    for (row = 0; row < ROWS; row++) {
        bound = error[row] * (1 + q.rest) + q.rest + HX_SCAN_SLACK;
        assert_true(fabsl((long double) c[row] * out[row]
                          - cosine(x + row * n, y, n)) <= bound);
    }

    /* the first level alone */

    impl->coarse(&q, mem, ROWS, out);
    assert_true(q.coarse >= q.rest && q.coarse < 0.51f);

    for (row = 0; row < ROWS; row++) {
        bound = error[row] * (1 + q.coarse) + q.coarse + HX_SCAN_SLACK;
        assert_true(fabsl((long double) c[row] * out[row]
                          - cosine(x + row * n, y, n)) <= bound);
    }

    free(x);
    free(y);
    free(mem);
}


static void
bounds_hold(void **state)
{
    static const size_t    sizes[] = { 1, 2, 7, 8, 63, 64, 65, 200, 1024,
                                       4097, 70000 };
    size_t                 a, b, n;
    unsigned               i;
    const hx_vec_impl_t   *impl;

    for (i = 0; (impl = hx_vec_impl_get(i)) != NULL; i++) {
        for (n = 0; n < hx_nelts(sizes); n++) {
            for (a = 0; a < hx_nelts(kinds); a++) {
                for (b = 0; b < hx_nelts(kinds); b++) {
                    if (sizes[n] < 4097 || a == b) {
                        check_bounds(impl, kinds[a], kinds[b], sizes[n]);
                    }
                }
            }
        }
    }
}


/* All implementations multiply the same bytes to the same whole numbers. */
static void
implementations_agree(void **state)
{
    float                  want[ROWS], coarse[ROWS], out[ROWS];
    size_t                 n, stride;
    unsigned               i;
    hx_scan_query_t        y;
    unsigned char         *mem;
    const hx_vec_impl_t   *impl, *plain;

    for (i = 0; hx_vec_impl_get(i + 1) != NULL; i++) { /* void */ }

    plain = hx_vec_impl_get(i);

    for (n = 64; n < 300000; n = n * 3 + 64) {
        stride = hx_scan_stride(n);
        mem = aligned_alloc(HX_SCAN_ALIGN, (ROWS + 2) * stride);
        assert_non_null(mem);
        test_fill(mem, (ROWS + 2) * stride);
        hx_scan_query_init(&y, 1, 1, mem + ROWS * stride, n);
        y.done = n;
        hx_scan_query_end(&y);
        plain->rows(&y, mem, ROWS, want);
        plain->coarse(&y, mem, ROWS, coarse);

        for (i = 0; (impl = hx_vec_impl_get(i)) != NULL; i++) {
            impl->rows(&y, mem, ROWS, out);
            assert_memory_equal(out, want, sizeof(want));
            impl->coarse(&y, mem, ROWS, out);
            assert_memory_equal(out, coarse, sizeof(coarse));
        }

        free(mem);
    }
}


/* Nothing that is good enough is left out, and of what is not little is in. */
static void
picks_are_complete(void **state)
{
    float                  scale[333], error[333], out[333], got[333];
    double                 norm[333], up, v;
    size_t                 i, j, n, found, good;
    unsigned               k, m;
    uint32_t               row[333];
    hx_scan_pick_t         p;
    const hx_vec_impl_t   *impl;

    for (k = 0; (impl = hx_vec_impl_get(k)) != NULL; k++) {
        for (m = 0; m < 300; m++) {
            n = 1 + test_below(333);

            for (i = 0; i < n; i++) {
                scale[i] = (float) fabs(uniform());
                error[i] = (float) fabs(uniform()) * 0.01f;
                out[i] = (float) uniform();
                norm[i] = fabs(uniform()) * 10;
            }

            memcpy(got, out, sizeof(out));
            p.scale = scale;
            p.error = error;
            p.norm = m % 3 == 0 ? NULL : norm;
            p.a = 3;
            p.b = m % 3 == 1 ? 0.5 : 0;
            p.k = 1.001f;
            p.c = 1e-5f;
            p.bar = m % 7 == 0 ? -INFINITY : uniform() * 2;
            found = impl->pick(&p, got, n, row);

            for (i = 0, j = 0, good = 0; i < n; i++) {
                assert_true(fabsf(got[i] - scale[i] * out[i]) < 1e-6f);
                up = (double) (scale[i] * out[i] + error[i] * p.k + p.c);
                v = p.norm == NULL ? up : norm[i] * (p.a * up - p.b * norm[i]);
                good += v >= p.bar;

                if (j < found && row[j] == i) {
                    j++;

                } else {
                    assert_true(v < p.bar + 1e-6);
                }
            }

            assert_int_equal(j, found);         /* in order, each once */
            assert_true(found <= 32 * good + 32);
        }
    }
}


static void
noise_is_told_apart(void **state)
{
    float          scale, error;
    double         x[1024];
    size_t         i;
    unsigned char  q[1024] __attribute__((aligned(HX_SCAN_ALIGN)));

    for (i = 0; i < 1024; i++) {
        x[i] = noise(i, 1024, 0);
    }

    make_row(hx_vec_impl_get(0), x, 1024, q, &scale, &error);
    assert_true(error > 0.001 && error < 0.01);

    /* whole numbers up to 127 lose nothing */

    for (i = 0; i < 1024; i++) {
        x[i] = (double) test_below(255) - 127;
    }

    x[9] = 127;
    make_row(hx_vec_impl_get(0), x, 1024, q, &scale, &error);
    assert_true(error < 1e-6);
}


static void
signature_of(const double *x, size_t n, float c[HX_SIG], float *rho)
{
    double         max;
    size_t         i, k;
    hx_scan_sig_t  s;

    hx_scan_sig_init(&s, n);

    for (i = 0; i < n; i += k) {
        k = 1 + test_below(n - i);          /* pieces of any size */
        hx_scan_sig_add(&s, x + i, k);
    }

    hx_scan_sig_end(&s, norm_of(x, n, &max), c, rho);
}


static void
signatures_bound_too(void **state)
{
    float                  c[ROWS][HX_SIG], q[HX_SIG], r, rho, out[ROWS];
    double                *x, *y;
    size_t                 i, k, n;
    unsigned               j;
    const hx_vec_impl_t   *impl;
    static const size_t    sizes[] = { 1, 63, 64, 65, 1000, 4096, 5000 };

    for (k = 0; k < hx_nelts(sizes) * hx_nelts(kinds); k++) {
        n = sizes[k % hx_nelts(sizes)];
        x = malloc(n * sizeof(double));
        y = malloc(n * sizeof(double));
        assert_true(x != NULL && y != NULL);

        for (i = 0; i < n; i++) {
            y[i] = kinds[k / hx_nelts(sizes)](i, n, 3);
            x[i] = kinds[k / hx_nelts(sizes)](i, n, 4);
        }

        signature_of(y, n, q, &r);
        signature_of(x, n, c[0], &rho);

        for (j = 1; j < ROWS; j++) {
            memcpy(c[j], c[0], sizeof(c[0]));
        }

        for (j = 0; (impl = hx_vec_impl_get(j)) != NULL; j++) {
            impl->signatures(c[0], ROWS, q, out);
            assert_true(out[0] == out[ROWS - 1]);
            assert_true(fabsl(out[0] - cosine(x, y, n))
                        <= rho * r + HX_SCAN_SLACK);
        }

        if (n <= HX_SIG) {
            assert_true(rho < 1e-4f);           /* nothing is averaged */
        }

        free(x);
        free(y);
    }
}


static void
a_smooth_signature_says_nearly_all(void **state)
{
    float   c[HX_SIG], rho;
    double  x[4096];
    size_t  i;

    for (i = 0; i < 4096; i++) {
        x[i] = smooth(i, 4096, 3);
    }

    signature_of(x, 4096, c, &rho);
    assert_true(rho < 0.03f);

    for (i = 0; i < 4096; i++) {
        x[i] = noise(i, 4096, 3);
    }

    signature_of(x, 4096, c, &rho);
    assert_true(rho > 0.9f && rho <= 1.001f);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(bounds_hold),
        cmocka_unit_test(implementations_agree),
        cmocka_unit_test(picks_are_complete),
        cmocka_unit_test(noise_is_told_apart),
        cmocka_unit_test(signatures_bound_too),
        cmocka_unit_test(a_smooth_signature_says_nearly_all)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
