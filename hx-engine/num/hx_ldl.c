/*
 * hx_ldl.c -- see the header.
 */

#include <math.h>
#include <string.h>

#include "hx_gemm.h"
#include "hx_ldl.h"
#include "hx_row.h"

#define HX_LDL_BLOCK     32

/* Rows are "nearly dependent" when an orthogonal part is that short. */
#define HX_ORTHO_SMALL   1e-10


size_t
hx_ldl_work(size_t n)
{
    return n <= HX_LDL_BLOCK ? HX_LDL_BLOCK
                             : HX_LDL_BLOCK * n + HX_LDL_BLOCK;
}


/*
 * Columns from .. to - 1 of rows from .. n - 1, which earlier columns have been
 * taken out of.  w: to - from doubles.
 */
static size_t
hx_ldl_panel(double *a, size_t n, size_t from, size_t to, double *d, double *w)
{
    double           x, *row;
    size_t           i, j, k, positive;

    for (j = from, positive = 0; j < to; j++) {
        row = a + j * n;
        x = row[j];

        /* w = row times d: what each row below is multiplied by */
        for (k = from; k < j; k++) {
            w[k - from] = row[k] * d[k];
            x -= w[k - from] * row[k];
        }

        if (!(fabs(x) > 0) || isinf(x)) {
            return HX_LDL_BROKEN;
        }

        d[j] = x;
        positive += x > 0;

        for (i = j + 1; i < n; i++) {
            row = a + i * n;
            row[j] = (row[j] - hx_row()->dot(row + from, w, j - from)) / x;
        }
    }

    return positive;
}


size_t
hx_ldl(double *a, size_t n, double *d, double *work)
{
    double     *b;
    size_t      i, j, k, m, positive, some;
    hx_gemm_t   g;

    b = work + HX_LDL_BLOCK;

    for (j = 0, positive = 0; j < n; j += HX_LDL_BLOCK) {
        k = n - j < HX_LDL_BLOCK ? n - j : HX_LDL_BLOCK;
        some = hx_ldl_panel(a, n, j, j + k, d, work);

        if (some == HX_LDL_BROKEN) {
            return some;
        }

        positive += some;

        if (j + k == n) {
            break;
        }

        /* b = (L D)^T of the rows below; rest -= L b, lower triangle only */
        m = n - j - k;

        for (i = 0; i < m; i++) {
            for (some = 0; some < k; some++) {
                b[some * m + i] = a[(j + k + i) * n + j + some] * d[j + some];
            }
        }

        g.mode = HX_GEMM_SUB;
        g.k = k;
        g.ars = n;
        g.acs = 1;
        g.b = b;
        g.ldb = m;
        g.ldc = n;

        for (i = 0; i < m; i += HX_LDL_BLOCK) {
            g.m = m - i < HX_LDL_BLOCK ? m - i : HX_LDL_BLOCK;
            g.n = i + g.m;
            g.a = a + (j + k + i) * n + j;
            g.c = a + (j + k + i) * n + j + k;

            hx_gemm(&g);
        }
    }

    return positive;
}


size_t
hx_ortho_work(size_t r, size_t n)
{
    return 3 * r * r + r + r * n + hx_ldl_work(r);
}


/* inv = L^-1 D^-1/2, so that inv (L D L^T) inv^T = 1; t = its inverse. */
static void
hx_ortho_factors(const double *ldl, const double *d, size_t r, double *inv,
    double *t)
{
    double  x;
    size_t  i, j, k;

    memset(inv, 0, r * r * sizeof(double));
    memset(t, 0, r * r * sizeof(double));

    for (i = 0; i < r; i++) {
        inv[i * r + i] = 1;

        for (k = 0; k < i; k++) {
            x = ldl[i * r + k];

            for (j = 0; j <= k; j++) {
                inv[i * r + j] -= x * inv[k * r + j];
            }
        }
    }

    for (i = 0; i < r; i++) {
        x = 1 / sqrt(d[i]);

        for (j = 0; j <= i; j++) {
            inv[i * r + j] *= x;
            t[i * r + j] = (j == i ? 1 : ldl[i * r + j]) * sqrt(d[j]);
        }
    }
}


/* One pass: v = inv v, t its triangle. */
static hx_rc_t
hx_ortho_pass(double *v, size_t r, size_t n, size_t ld, double *t,
    double *work)
{
    double     *gram, *inv, *d, *copy;
    size_t      i, j;
    hx_gemm_t   g;

    gram = work;
    inv = gram + r * r;
    d = inv + r * r;
    copy = d + r;

    for (i = 0; i < r; i++) {
        for (j = 0; j <= i; j++) {
            gram[i * r + j] = hx_row()->dot(v + i * ld, v + j * ld, n);
        }

        inv[i] = gram[i * r + i];
        memcpy(copy + i * n, v + i * ld, n * sizeof(double));
    }

    /* inv holds the squares of the lengths for a moment */
    if (hx_ldl(gram, r, d, copy + r * n) != r) {
        return HX_NO;
    }

    for (i = 0; i < r; i++) {
        if (!(d[i] > HX_ORTHO_SMALL * inv[i])) {
            return HX_NO;
        }
    }

    hx_ortho_factors(gram, d, r, inv, t);

    g.mode = HX_GEMM_SET;
    g.m = r;
    g.n = n;
    g.k = r;
    g.a = inv;
    g.ars = r;
    g.acs = 1;
    g.b = copy;
    g.ldb = n;
    g.c = v;
    g.ldc = ld;

    hx_gemm(&g);

    return HX_OK;
}


hx_rc_t
hx_ortho(double *v, size_t r, size_t n, size_t ld, double *t, double *work)
{
    double  *first, *rest;

    first = work;
    rest = work + r * r;

    if (hx_ortho_pass(v, r, n, ld, t, rest) != HX_OK) {
        return HX_NO;
    }

    memcpy(first, t, r * r * sizeof(double));

    if (hx_ortho_pass(v, r, n, ld, t, rest) != HX_OK) {
        return HX_NO;
    }

    /* rows = first (t Q) */
    memcpy(rest, t, r * r * sizeof(double));
    hx_gemm_nn(r, r, r, first, rest, t);

    return HX_OK;
}
