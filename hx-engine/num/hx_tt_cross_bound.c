/*
 * hx_tt_cross_bound.c -- is there any hope? (see hx_tt_cross.h)
 *
 * E is a piece of p rows and q columns of the rest, which is the matrix minus
 * one of rank r.  If R + n + r of its singular values exceed t, then R + n of
 * the same piece of the matrix do (H. Weyl), and what any matrix of rank R
 * leaves there, and so on the whole, has an energy of at least n t^2.  How many
 * exceed t is how many eigenvalues of E E^T - t^2 are positive: the signs of D
 * in its factorization L D L^T.
 */

#include <math.h>
#include <string.h>

#include "hx_gemm.h"
#include "hx_ldl.h"
#include "hx_tt_cross.h"

#define HX_TT_BOUND_RUN    16           /* columns that lie together */
#define HX_TT_BOUND_ROWS   192
#define HX_TT_BOUND_COLS   256
#define HX_TT_BOUND_BLOCK  32           /* rows of e e^T at a time */

/*
 * Rows with less than that of the mean energy are next to empty; a singular
 * value is one of many when its square is above that part of the mean.
 */
#define HX_TT_BOUND_EMPTY  0.01
#define HX_TT_BOUND_MANY   0.03

/* Below this times the largest singular value rounding decides (of E E^T). */
#define HX_TT_BOUND_LEAST  3e-6


/* Sizes of the piece: larger ones for arrays whose reading costs more. */
static void
hx_tt_bound_piece(const hx_tt_cross_t *c, size_t *p, size_t *q)
{
    size_t    scale;
    unsigned  d;

    d = c->view->map.d;
    scale = d >= 24 ? 3 : d >= 22 ? 2 : 1;

    *p = scale * HX_TT_BOUND_ROWS;
    *p = *p < c->rows - c->rank ? *p : c->rows - c->rank;
    *q = scale * HX_TT_BOUND_COLS;
    *q = *q < c->cols ? *q : c->cols;
}


/*
 * The piece e, p x q: rows and runs of columns spread by odd multipliers.  Rows
 * that were pivots are 0 in the rest and would tell nothing.
 */
static hx_rc_t
hx_tt_bound_read(const hx_tt_cross_t *c, size_t r, double *e, size_t p,
    size_t q)
{
    double    *u, *v;
    size_t     i, j, l, n, row, run, runs, width, a, b, shift;
    unsigned   d, bits;
    uint64_t   seed;
    hx_gemm_t  g;

    u = hx_work_doubles(c->work, p * r + 1);
    v = hx_work_doubles(c->work, r * q + 1);

    if (u == NULL || v == NULL) {
        return HX_FAIL;
    }

    d = c->view->map.d;
    width = c->cols < HX_TT_BOUND_RUN ? c->cols : HX_TT_BOUND_RUN;
    bits = hx_tt_bits(width);
    runs = c->cols / width;

    seed = c->seed ^ r;
    a = (size_t) (seed | 1) * 0x9e3779b1u | 1;
    b = (size_t) (seed >> 32 | 1) * 0x85ebca6bu | 1;
    shift = (size_t) (seed >> 20);

    for (n = 0, i = 0; i < p; n++) {
        row = (a * n + shift) & (c->rows - 1);

        if (c->used[row]) {
            continue;
        }

        for (l = 0; l < r; l++) {
            u[i * r + l] = c->u[l * c->ldu + row];
        }

        for (j = 0; j < q; j += width) {
            run = (b * (j / width) + shift) & (runs - 1);

            hx_tt_view_read(c->view, d - bits, bits,
                            ((uint64_t) row << (d - c->h)) + run * width,
                            e + i * q + j);
        }

        i++;
    }

    for (j = 0; j < q; j += width) {
        run = (b * (j / width) + shift) & (runs - 1);

        for (l = 0; l < r; l++) {
            memcpy(v + l * q + j, c->v + l * c->ldv + run * width,
                   width * sizeof(double));
        }
    }

    g.mode = HX_GEMM_SUB;
    g.m = p;
    g.n = q;
    g.k = r;
    g.a = u;
    g.ars = r;
    g.acs = 1;
    g.b = v;
    g.ldb = q;
    g.c = e;
    g.ldc = q;

    hx_gemm(&g);

    return HX_OK;
}


/*
 * gram = e e^T, lower triangle (and a little more).  panels: e^T as hx_gemm.h
 * packs it, at once for all of the products.
 */
static void
hx_tt_bound_gram(const double *e, size_t p, size_t q, double *panels,
    double *gram)
{
    size_t     i, j, k;
    double    *to;
    hx_gemm_t  g;

    for (i = 0, to = panels; i < p; i += HX_GEMM_PANEL) {
        for (k = 0; k < q; k++, to += HX_GEMM_PANEL) {
            for (j = 0; j < HX_GEMM_PANEL; j++) {
                to[j] = i + j < p ? e[(i + j) * q + k] : 0;
            }
        }
    }

    g.mode = HX_GEMM_SET;
    g.k = q;
    g.ars = q;
    g.acs = 1;
    g.b = panels;
    g.ldb = HX_GEMM_PANEL;
    g.ldc = p;

    for (i = 0; i < p; i += HX_TT_BOUND_BLOCK) {
        g.m = p - i < HX_TT_BOUND_BLOCK ? p - i : HX_TT_BOUND_BLOCK;
        g.n = i + g.m;
        g.a = e + i * q;
        g.c = gram + i * p;

        hx_gemm_panels(&g);
    }
}


/* How many eigenvalues of gram exceed t; work holds a copy of it first. */
static size_t
hx_tt_bound_count(const double *gram, size_t p, double t, double *work)
{
    double  *copy, *d;
    size_t   i, count;

    copy = work;
    d = copy + p * p;

    memcpy(copy, gram, p * p * sizeof(double));

    for (i = 0; i < p; i++) {
        copy[i * p + i] -= t;
    }

    count = hx_ldl(copy, p, d, d + p);

    return count == HX_LDL_BROKEN ? 0 : count;
}


/* The rank from which on the rest has hardly become smaller. */
static size_t
hx_tt_bound_knee(const hx_tt_cross_t *c)
{
    size_t  r;

    for (r = c->rank; r > 0 && c->history[r - 1] <= 3 * c->rest; r--) {
        /* void */
    }

    return r;
}


/* Rows that are not next to empty, by their squares. */
static size_t
hx_tt_bound_full(const double *square, size_t p, double mean)
{
    size_t  i, n;

    for (i = 0, n = 0; i < p; i++) {
        n += square[i] > HX_TT_BOUND_EMPTY * mean;
    }

    return n;
}


/* The spectrum of e against the targets: see the header. */
static hx_rc_t
hx_tt_bound_judge(const hx_tt_cross_t *c, const double *e, size_t p, size_t q,
    size_t some, size_t need, const double *target, unsigned n,
    hx_tt_bound_t *b)
{
    double    *panels, *gram, *work, all, t;
    size_t     i, full;
    unsigned   k;

    panels = hx_work_doubles(c->work, hx_gemm_packed(p) * q);
    gram = hx_work_doubles(c->work, p * p);
    work = hx_work_doubles(c->work, p * p + p + hx_ldl_work(p));

    if (panels == NULL || gram == NULL || work == NULL) {
        return HX_FAIL;
    }

    hx_tt_bound_gram(e, p, q, panels, gram);

    for (i = 0, all = 0; i < p; i++) {
        work[i] = gram[i * p + i];
        all += work[i];
    }

    full = hx_tt_bound_full(work, p, all / (double) p);

    /* sparse data: no more singular values than rows that are not empty */
    if (full < need && full * 4 < p) {
        return HX_OK;
    }

    /* all is above the square of the largest singular value */
    for (k = 0; k < n && b->reach == 0; k++) {
        t = fmax(target[k] * target[k] / (double) some,
                 HX_TT_BOUND_LEAST * HX_TT_BOUND_LEAST * all);

        if (hx_tt_bound_count(gram, p, t, work) >= need) {
            b->reach = target[k];
        }
    }

    if (b->reach >= target[n - 1]) {
        return HX_OK;
    }

    /*
     * Most of the rows that are not empty count as singular values of their
     * own, and the whole would have more such rows than any useful rank holds.
     */
    b->noise = full * c->rows > p * (c->useful + c->useful / 4)
               && 2 * hx_tt_bound_count(gram, p, HX_TT_BOUND_MANY * all
                                                 / (double) p, work) > full;

    return HX_OK;
}


hx_rc_t
hx_tt_cross_bound(const hx_tt_cross_t *c, const double *target, unsigned n,
    hx_tt_bound_t *b)
{
    double          *e;
    size_t           p, q, r, some;
    hx_rc_t          rc;
    hx_work_mark_t   mark;

    memset(b, 0, sizeof(*b));
    r = hx_tt_bound_knee(c);
    hx_tt_bound_piece(c, &p, &q);
    p = p < q ? p : q;

    /* of p singular values, "some" must exceed t, and a few may be next to 0 */
    some = p / 16 + 1;

    if (2 * r + some + p / 32 >= p) {
        return HX_OK;
    }

    b->rank = p - p / 32 - some - r;
    b->rank = b->rank < c->useful ? b->rank : c->useful;

    rc = HX_FAIL;
    mark = hx_work_mark(c->work);
    e = hx_work_doubles(c->work, p * q);

    if (e != NULL && hx_tt_bound_read(c, r, e, p, q) == HX_OK) {
        rc = hx_tt_bound_judge(c, e, p, q, some, b->rank + some + r, target, n,
                               b);
    }

    hx_work_back(c->work, mark);

    return rc;
}
