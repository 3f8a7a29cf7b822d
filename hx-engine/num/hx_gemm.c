/*
 * hx_gemm.c -- which kernel multiplies, and B in panels (see hx_gemm.h).
 */

#include <math.h>
#include <string.h>

#include "hx_gemm.h"

/* k of the panels packed on the stack: 32 KiB, which stay in the L1 cache. */
#define HX_GEMM_DEPTH      256

/* From here on a B read at stride costs more than packing it. */
#define HX_GEMM_PACK_ROWS  16
#define HX_GEMM_PACK_SIZE  2048

#if defined(__x86_64__)

static const hx_gemm_impl_t  hx_gemm_impl_avx512 = {
    "avx512", hx_gemm_avx512, hx_gemm_compare_avx512
};

static const hx_gemm_impl_t  hx_gemm_impl_avx2 = {
    "avx2", hx_gemm_avx2, hx_gemm_compare_avx2
};

#endif

static const hx_gemm_impl_t  hx_gemm_impl_scalar = {
    "scalar", hx_gemm_scalar, hx_gemm_compare_scalar
};

/* Set once, to the same value by whoever comes first. */
static const hx_gemm_impl_t  *hx_gemm_best;


const hx_gemm_impl_t *
hx_gemm_impl_get(unsigned i)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && i-- == 0) {
        return &hx_gemm_impl_avx512;
    }

    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
        && i-- == 0)
    {
        return &hx_gemm_impl_avx2;
    }
#endif

    return i == 0 ? &hx_gemm_impl_scalar : NULL;
}


static const hx_gemm_impl_t *
hx_gemm_kernel(void)
{
    const hx_gemm_impl_t  *impl;

    impl = __atomic_load_n(&hx_gemm_best, __ATOMIC_RELAXED);

    if (impl == NULL) {
        impl = hx_gemm_impl_get(0);
        __atomic_store_n(&hx_gemm_best, impl, __ATOMIC_RELAXED);
    }

    return impl;
}


void
hx_gemm_scalar(const hx_gemm_t *g)
{
    double         x;
    size_t         i, j, l;
    const double  *a;

    for (i = 0; i < g->m; i++) {
        a = g->a + i * g->ars;

        for (j = 0; j < g->n; j++) {
            x = g->mode == HX_GEMM_SET ? 0 : g->c[i * g->ldc + j];

            for (l = 0; l < g->k; l++) {
                x = fma(g->mode == HX_GEMM_SUB ? -a[l * g->acs]
                                               : a[l * g->acs],
                        g->b[l * g->ldb + j], x);
            }

            g->c[i * g->ldc + j] = x;
        }
    }
}


void
hx_gemm_compare_scalar(const hx_gemm_t *g, const void *with, double sum[2])
{
    double                x, y;
    size_t                i, j, l;
    const double         *a;
    const unsigned char  *p;

    for (i = 0; i < g->m; i++) {
        a = g->a + i * g->ars;
        p = (const unsigned char *) with + i * g->ldc * sizeof(double);

        for (j = 0; j < g->n; j++) {
            for (l = 0, x = 0; l < g->k; l++) {
                x = fma(a[l * g->acs], g->b[l * g->ldb + j], x);
            }

            memcpy(&y, p + j * sizeof(double), sizeof(y));
            sum[0] += (x - y) * (x - y);
            sum[1] += x * x;
        }
    }
}


/* Panel by panel, at most HX_GEMM_DEPTH deep: chains go on through C. */
static void
hx_gemm_large(const hx_gemm_t *g, hx_gemm_pt mul)
{
    size_t     j, l, depth;
    hx_gemm_t  p;
    double     panel[HX_GEMM_DEPTH * HX_GEMM_PANEL]
                   __attribute__((aligned(64)));

    p = *g;
    p.b = panel;
    p.ldb = HX_GEMM_PANEL;

    for (j = 0; j < g->n; j += HX_GEMM_PANEL) {
        p.n = g->n - j < HX_GEMM_PANEL ? g->n - j : HX_GEMM_PANEL;
        p.c = g->c + j;
        p.mode = g->mode;

        for (l = 0; l < g->k; l += depth) {
            depth = g->k - l < HX_GEMM_DEPTH ? g->k - l : HX_GEMM_DEPTH;
            p.k = depth;
            p.a = g->a + l * g->acs;

            hx_gemm_pack(panel, depth, p.n, g->b + l * g->ldb + j, g->ldb);
            mul(&p);

            if (p.mode == HX_GEMM_SET) {
                p.mode = HX_GEMM_ADD;
            }
        }
    }
}


void
hx_gemm(const hx_gemm_t *g)
{
    hx_gemm_pt  mul;

    mul = hx_gemm_kernel()->mul;

    if (g->k == 0 || g->m < HX_GEMM_PACK_ROWS
        || (g->n <= HX_GEMM_PANEL && g->ldb <= HX_GEMM_PANEL)
        || g->k * g->ldb <= HX_GEMM_PACK_SIZE)
    {
        mul(g);
        return;
    }

    hx_gemm_large(g, mul);
}


void
hx_gemm_nn(size_t m, size_t n, size_t k, const double *a, const double *b,
    double *c)
{
    hx_gemm_t  g;

    g.mode = HX_GEMM_SET;
    g.m = m;
    g.n = n;
    g.k = k;
    g.a = a;
    g.ars = k;
    g.acs = 1;
    g.b = b;
    g.ldb = n;
    g.c = c;
    g.ldc = n;

    hx_gemm(&g);
}


void
hx_gemm_pack(double *to, size_t k, size_t n, const double *b, size_t ldb)
{
    size_t  j, l, w;

    for (j = 0; j < n; j += HX_GEMM_PANEL) {
        w = n - j < HX_GEMM_PANEL ? n - j : HX_GEMM_PANEL;

        for (l = 0; l < k; l++, to += HX_GEMM_PANEL) {
            memcpy(to, b + l * ldb + j, w * sizeof(double));
            memset(to + w, 0, (HX_GEMM_PANEL - w) * sizeof(double));
        }
    }
}


void
hx_gemm_panels(const hx_gemm_t *g)
{
    size_t      j;
    hx_gemm_t   p;
    hx_gemm_pt  mul;

    mul = hx_gemm_kernel()->mul;
    p = *g;
    p.ldb = HX_GEMM_PANEL;

    for (j = 0; j < g->n; j += HX_GEMM_PANEL) {
        p.n = g->n - j < HX_GEMM_PANEL ? g->n - j : HX_GEMM_PANEL;
        p.b = g->b + j * g->k;
        p.c = g->c + j;

        mul(&p);
    }
}


void
hx_gemm_panels_compare(const hx_gemm_t *g, const void *with, double sum[2])
{
    size_t                j;
    hx_gemm_t             p;
    hx_gemm_compare_pt    compare;
    const unsigned char  *at;

    compare = hx_gemm_kernel()->compare;
    at = with;
    p = *g;
    p.ldb = HX_GEMM_PANEL;

    for (j = 0; j < g->n; j += HX_GEMM_PANEL) {
        p.n = g->n - j < HX_GEMM_PANEL ? g->n - j : HX_GEMM_PANEL;
        p.b = g->b + j * g->k;

        compare(&p, at + j * sizeof(double), sum);
    }
}
