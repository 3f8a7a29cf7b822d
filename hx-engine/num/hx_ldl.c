/*
 * hx_ldl.c -- see the header.
 */

#include <math.h>
#include <string.h>

#include "hx_gemm.h"
#include "hx_ldl.h"
#include "hx_row.h"

#define HX_LDL_BLOCK     32
#define HX_ORTHO_BLOCK   16

/* Rows that are turned at a time for a product with all of them. */
#define HX_ORTHO_TURN    32

/* Rows are "nearly dependent" when an orthogonal part is that short. */
#define HX_ORTHO_SMALL   1e-10

#define HX_ORTHO_PASSES  4
#define HX_ORTHO_CHANGE  1e-3

/* Of the slow way: passes over a row, and a square that is none. */
#define HX_ORTHO_TWICE    2
#define HX_ORTHO_MOST     6
#define HX_ORTHO_NOTHING  1e-280


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
    size_t  more;

    /* the Gram matrix and its factorization do not need theirs at once */
    more = r < HX_ORTHO_TURN ? 0 : HX_ORTHO_TURN * n;
    more = more < hx_ldl_work(r) ? hx_ldl_work(r) : more;

    return 3 * r * r + 2 * r + more;
}


/* gram = v v^T, its lower triangle (and a little more). */
static void
hx_ortho_gram(const double *v, size_t r, size_t n, size_t ld, double *gram,
    double *work)
{
    size_t     i, j, k, some;
    hx_gemm_t  g;

    if (r < HX_ORTHO_TURN) {
        for (i = 0; i < r; i++) {
            for (j = 0; j <= i; j++) {
                gram[i * r + j] = hx_row()->dot(v + i * ld, v + j * ld, n);
            }
        }

        return;
    }

    g.mode = HX_GEMM_SET;
    g.k = n;
    g.ars = ld;
    g.acs = 1;
    g.b = work;
    g.ldc = r;

    for (i = 0; i < r; i += some) {
        some = r - i < HX_ORTHO_TURN ? r - i : HX_ORTHO_TURN;

        for (k = 0; k < n; k++) {
            for (j = 0; j < some; j++) {
                work[k * some + j] = v[(i + j) * ld + k];
            }
        }

        g.m = r - i;
        g.n = some;
        g.a = v + i * ld;
        g.ldb = some;
        g.c = gram + i * r + i;

        hx_gemm(&g);
    }
}


/*
 * v = t^-1 v, row by row.  Forward substitution, not a product with the
 * inverse: t v gives the old rows back however nearly dependent they are.
 */
static void
hx_ortho_solve(double *v, size_t r, size_t n, size_t ld, const double *t)
{
    double     x;
    size_t     i, j, k, some;
    hx_gemm_t  g;

    g.mode = HX_GEMM_SUB;
    g.n = n;
    g.ars = r;
    g.acs = 1;
    g.b = v;
    g.ldb = ld;
    g.ldc = ld;

    for (j = 0; j < r; j += some) {
        some = r - j < HX_ORTHO_BLOCK ? r - j : HX_ORTHO_BLOCK;

        g.m = some;
        g.k = j;
        g.a = t + j * r;
        g.b = v;
        g.c = v + j * ld;
        hx_gemm(&g);

        for (i = j; i < j + some; i++) {
            g.m = 1;
            g.k = i - j;
            g.a = t + i * r + j;
            g.b = v + j * ld;
            g.c = v + i * ld;
            hx_gemm(&g);

            x = 1 / t[i * r + i];

            for (k = 0; k < n; k++) {
                v[i * ld + k] *= x;
            }
        }
    }
}


/* One pass: v = t^-1 v, with t t^T = v v^T. */
static hx_rc_t
hx_ortho_pass(double *v, size_t r, size_t n, size_t ld, double *t,
    double *work)
{
    double  *gram, *d, *square;
    size_t   i, j;

    gram = work;
    d = gram + r * r;
    square = d + r;

    hx_ortho_gram(v, r, n, ld, gram, square + r);

    for (i = 0; i < r; i++) {
        square[i] = gram[i * r + i];
    }

    if (hx_ldl(gram, r, d, square + r) != r) {
        return HX_NO;
    }

    memset(t, 0, r * r * sizeof(double));

    for (i = 0; i < r; i++) {

        if (!(d[i] > HX_ORTHO_SMALL * square[i])) {
            return HX_NO;
        }

        for (j = 0; j <= i; j++) {
            t[i * r + j] = (i == j ? 1 : gram[i * r + j]) * sqrt(d[j]);
        }
    }

    hx_ortho_solve(v, r, n, ld, t);

    return HX_OK;
}


/* How far t is from 1: what the pass that gave it found. */
static double
hx_ortho_change(const double *t, size_t r)
{
    double  most;
    size_t  i, j;

    for (i = 0, most = 0; i < r; i++) {
        for (j = 0; j <= i; j++) {
            most = fmax(most, fabs(t[i * r + j] - (i == j)));
        }
    }

    return most;
}


hx_rc_t
hx_ortho(double *v, size_t r, size_t n, size_t ld, double *t, double *work)
{
    double   *pass, *before, *rest;
    unsigned  i;

    pass = work;
    before = pass + r * r;
    rest = before + r * r;

    if (hx_ortho_pass(v, r, n, ld, t, rest) != HX_OK) {
        return HX_NO;
    }

    for (i = 0; i < HX_ORTHO_PASSES; i++) {

        if (hx_ortho_pass(v, r, n, ld, pass, rest) != HX_OK) {
            return HX_NO;
        }

        /* rows = t (pass Q) */
        memcpy(before, t, r * r * sizeof(double));
        hx_gemm_nn(r, r, r, before, pass, t);

        /* a pass that changes little leaves nothing to the next */
        if (hx_ortho_change(pass, r) < HX_ORTHO_CHANGE) {
            return HX_OK;
        }
    }

    return HX_NO;
}


/* Takes the rows before row i out of it, and says how much of each that was;
 * returns the square of what is left. */
static double
hx_ortho_clear(double *v, size_t i, size_t n, size_t ld, double *t)
{
    double          c;
    size_t          j;
    hx_row_size_t   left;

    left.square = 0;

    for (j = 0; j < i; j++) {
        c = hx_row()->dot(v + i * ld, v + j * ld, n);
        hx_row()->eliminate(v + i * ld, v + j * ld, n, c, &left);
        t[j] += c;
    }

    return hx_row()->dot(v + i * ld, v + i * ld, n);
}


void
hx_ortho_slow(double *v, size_t r, size_t n, size_t ld, double *t)
{
    double    before, left, norm;
    size_t    i, k;
    unsigned  pass;

    memset(t, 0, r * r * sizeof(double));

    for (i = 0; i < r; i++) {
        before = hx_row()->dot(v + i * ld, v + i * ld, n);
        left = before;

        for (pass = 0; pass < HX_ORTHO_TWICE || left < before / 4; pass++) {
            if (pass == HX_ORTHO_MOST || left < HX_ORTHO_NOTHING) {
                break;
            }
            before = left;
            left = hx_ortho_clear(v, i, n, ld, t + i * r);
        }

        norm = pass < HX_ORTHO_MOST && left >= HX_ORTHO_NOTHING ? sqrt(left)
                                                                : 0;
        t[i * r + i] = norm;

        for (k = 0; k < n; k++) {
            v[i * ld + k] = norm != 0 ? v[i * ld + k] / norm : 0;
        }
    }
}
