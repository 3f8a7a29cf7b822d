/*
 * hx_gemm_test.c -- every kernel of this processor against the plain one, to
 * the last bit, for all small sizes, strides and modes; nothing outside the
 * matrices is touched (guard pages); packed products are the same.
 */

#include <math.h>

#include "hx_test.h"
#include "hx_gemm.h"

#define TEST_MAX   600


/* n doubles right before a guard page, random */
static double *
test_matrix(unsigned char *end, size_t n)
{
    double  *p;
    size_t   i;

    assert_true(n * sizeof(double) <= HX_TEST_AREA);
    p = (double *) (void *) (end - n * sizeof(double));

    for (i = 0; i < n; i++) {
        p[i] = (double) (int64_t) test_random() * 0x1p-60;
    }

    return p;
}


static void
test_one(hx_gemm_t *g, hx_gemm_pt mul, unsigned char *edge[3])
{
    double  *c, *want;
    size_t   i, size, na;
    int      transposed;

    transposed = (int) test_below(2);
    g->ldb = g->n + test_below(3);
    g->ldc = g->n + test_below(3);
    g->ars = transposed ? 1 : g->k + test_below(2);
    g->acs = transposed ? g->m + test_below(2) : 1;

    na = g->k == 0 ? 0 : (g->m - 1) * g->ars + (g->k - 1) * g->acs + 1;
    size = (g->m - 1) * g->ldc + g->n;

    g->a = test_matrix(edge[0], na);
    g->b = test_matrix(edge[1], g->k == 0 ? 0 : (g->k - 1) * g->ldb + g->n);
    c = test_matrix(edge[2], size);

    want = malloc(size * sizeof(double));
    assert_non_null(want);
    memcpy(want, c, size * sizeof(double));

    g->c = want;
    hx_gemm_scalar(g);

    g->c = c;
    mul(g);

    for (i = 0; i < size; i++) {
        if (memcmp(&c[i], &want[i], sizeof(double)) != 0) {
            fail_msg("m %zu n %zu k %zu mode %d: %a is not %a", g->m, g->n,
                     g->k, (int) g->mode, c[i], want[i]);
        }
    }

    free(want);
}


static void
test_kernels(void **state)
{
    size_t          sum;
    unsigned        i, n;
    hx_gemm_t       g;
    unsigned char  *edge[3];

    for (i = 0; i < 3; i++) {
        edge[i] = test_guard();
    }

    for (i = 0; hx_gemm_impl_get(i) != NULL; i++) {
        for (n = 0; n < 20000; n++) {
            g.m = 1 + test_below(n % 10 ? 20 : 60);
            g.n = 1 + test_below(n % 10 ? 40 : 70);
            g.k = test_below(n % 10 ? 20 : 60);
            g.mode = (hx_gemm_mode_t) test_below(3);

            test_one(&g, hx_gemm_impl_get(i)->mul, edge);
        }
    }

    /* and through the choice between packing and not, with k in parts */
    for (n = 0, sum = 0; n < 300; n++) {
        g.m = 1 + test_below(40);
        g.n = 1 + test_below(100);
        g.k = test_below(TEST_MAX);
        g.mode = (hx_gemm_mode_t) test_below(3);
        sum += g.k > 256 && g.m >= 16;

        if ((g.m + 2) * (g.k + 2) * sizeof(double) > HX_TEST_AREA
            || (g.k + 2) * (g.n + 2) * sizeof(double) > HX_TEST_AREA)
        {
            continue;
        }

        test_one(&g, hx_gemm, edge);
    }

    assert_true(sum > 10);
}


static void
test_packed(void **state)
{
    double    *packed, c[40 * 70], want[40 * 70];
    size_t     i;
    unsigned   n;
    hx_gemm_t  g;

    packed = malloc(40 * 80 * sizeof(double));
    assert_non_null(packed);

    for (n = 0; n < 3000; n++) {
        double  a[40 * 40], b[40 * 70];

        g.m = 1 + test_below(40);
        g.n = 1 + test_below(70);
        g.k = 1 + test_below(40);
        g.mode = HX_GEMM_SET;

        for (i = 0; i < hx_nelts(a); i++) {
            a[i] = (double) (int64_t) test_random();
        }

        for (i = 0; i < hx_nelts(b); i++) {
            b[i] = (double) (int64_t) test_random();
        }

        hx_gemm_nn(g.m, g.n, g.k, a, b, want);
        hx_gemm_pack(packed, g.k, g.n, b, g.n);

        g.a = a;
        g.ars = g.k;
        g.acs = 1;
        g.b = packed;
        g.ldb = 0;
        g.c = c;
        g.ldc = g.n;

        hx_gemm_panels(&g);
        assert_memory_equal(c, want, g.m * g.n * sizeof(double));
    }

    free(packed);
}


/* Comparing is multiplying, and then a difference. */
static void
test_compares(void **state)
{
    double          *packed, *with, c[40 * 70], sum[2], want[2], e;
    size_t           i, j;
    unsigned         n, k;
    hx_gemm_t        g;
    unsigned char   *edge;

    edge = test_guard();
    packed = malloc(40 * 80 * sizeof(double));
    assert_non_null(packed);

    for (n = 0; n < 3000; n++) {
        double  a[40 * 40], b[40 * 70];

        g.m = 1 + test_below(40);
        g.n = 1 + test_below(70);
        g.k = 1 + test_below(40);
        g.mode = HX_GEMM_SET;

        for (i = 0; i < hx_nelts(a); i++) {
            a[i] = (double) (int64_t) test_random() * 0x1p-60;
        }

        for (i = 0; i < hx_nelts(b); i++) {
            b[i] = (double) (int64_t) test_random() * 0x1p-60;
        }

        hx_gemm_pack(packed, g.k, g.n, b, g.n);

        g.a = a;
        g.ars = g.k;
        g.acs = 1;
        g.b = packed;
        g.ldb = 0;
        g.c = c;
        g.ldc = g.n;
        hx_gemm_panels(&g);

        /* what is the same is 0 away, whatever the kernel */
        with = (double *) (void *) (edge - g.m * g.n * sizeof(double));
        memcpy(with, c, g.m * g.n * sizeof(double));
        g.c = NULL;
        sum[0] = sum[1] = 0;
        hx_gemm_panels_compare(&g, with, sum);
        assert_true(sum[0] == 0);

        for (i = 0, want[0] = 1, want[1] = 2; i < g.m * g.n; i++) {
            with[i] += test_below(2) ? 0.5 : 0;
            e = with[i] - c[i];
            want[0] += e * e;
            want[1] += c[i] * c[i];
        }

        for (k = 0; hx_gemm_impl_get(k) != NULL; k++) {
            hx_gemm_t  p = g;

            sum[0] = 1;
            sum[1] = 2;
            p.ldb = HX_GEMM_PANEL;

            for (j = 0; j < g.n; j += HX_GEMM_PANEL) {
                p.n = g.n - j < HX_GEMM_PANEL ? g.n - j : HX_GEMM_PANEL;
                p.b = packed + j * g.k;
                hx_gemm_impl_get(k)->compare(&p, with + j, sum);
            }

            assert_true(fabs(sum[0] - want[0]) <= 1e-13 * want[0]);
            assert_true(fabs(sum[1] - want[1]) <= 1e-13 * want[1]);
        }
    }

    free(packed);
}


/* The plain kernel itself, against a sum in higher precision. */
static void
test_plain(void **state)
{
    double       a[6], b[6], c;
    size_t       i;
    unsigned     n;
    hx_gemm_t    g;
    long double  sum;

    for (n = 0; n < 1000; n++) {
        g.mode = (hx_gemm_mode_t) test_below(3);
        g.m = 1;
        g.n = 1;
        g.k = 6;
        g.a = a;
        g.ars = 6;
        g.acs = 1;
        g.b = b;
        g.ldb = 1;
        g.c = &c;
        g.ldc = 1;

        c = (double) (int64_t) test_random();
        sum = g.mode == HX_GEMM_SET ? 0 : (long double) c;

        for (i = 0; i < 6; i++) {
            a[i] = (double) (int64_t) test_random() * 0x1p-60;
            b[i] = (double) (int64_t) test_random() * 0x1p-60;
            sum += (g.mode == HX_GEMM_SUB ? -1 : 1)
                   * (long double) a[i] * (long double) b[i];
        }

        hx_gemm_scalar(&g);
        assert_true(fabsl(sum - (long double) c)
                    <= 1e-15L * (fabsl(sum) + 1000));
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_kernels),
        cmocka_unit_test(test_packed),
        cmocka_unit_test(test_compares),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
