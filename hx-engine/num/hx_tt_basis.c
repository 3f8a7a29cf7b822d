/*
 * hx_tt_basis.c -- see the header.
 *
 * Elimination with complete pivoting finds the numerical rank first, at a cost
 * of rank, not of all rows: M = C D B, with C (a x r) and B (r x b) triangular
 * up to order, entries at most 1, so well conditioned; what is small is in D.
 * Only then the singular vectors, from r columns of length a:
 *
 *     B B^T = L L^T,   K = C D L,   M M^T = K K^T.
 *
 * One-sided Jacobi on K finds them to high relative accuracy.  When no pivot
 * is anywhere near the share, nothing can be cut off, and an orthonormal basis
 * of C does.
 */

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "hx_gemm.h"
#include "hx_ldl.h"
#include "hx_tt_basis.h"
#include "hx_row.h"

/* From here on each row is looked at on its own. */
#define HX_BASIS_LONG     256

/* Elimination ends well below what may be cut off. */
#define HX_BASIS_REST     0.01

/* Above that many Jacobi takes longer than it gains. */
#define HX_BASIS_MANY     96

/* (pivot / singular value)^2 at most, generously */
#define HX_BASIS_GROWTH   1e6

typedef struct {
    double         *m;
    size_t          a;
    size_t          b;
    size_t          lda;            /* a, up to a multiple of 8 */
    size_t          rank;
    double         *c;              /* C^T, rank rows of lda values; the last
                                     * that was allocated */
    double         *pivot;          /* D */
    size_t         *row;            /* where B's rows are in m */
    double         *factor;         /* of each row; NaN: it was a pivot */
    hx_row_size_t  *size;           /* of each row, when rows are long */
    size_t          worst;          /* row with the largest value; a: all 0 */
    double          rest;           /* energy that is left */
} hx_tt_lu_t;


/* Size of all that is left, from the sizes of rows. */
static void
hx_tt_lu_rest(hx_tt_lu_t *lu)
{
    double  max;
    size_t  i;

    lu->rest = 0;
    lu->worst = lu->a;

    for (i = 0, max = 0; i < lu->a; i++) {

        if (isnan(lu->factor[i])) {
            continue;
        }

        lu->rest += lu->size[i].square;

        if (lu->size[i].max > max) {
            max = lu->size[i].max;
            lu->worst = i;
        }
    }
}


static hx_rc_t
hx_tt_lu_init(hx_tt_lu_t *lu, double *m, size_t a, size_t b, size_t most,
    hx_work_t *w)
{
    size_t  i;

    lu->m = m;
    lu->a = a;
    lu->b = b;
    lu->lda = (a + 7) & ~(size_t) 7;
    lu->rank = 0;
    lu->pivot = hx_work_doubles(w, most);
    lu->row = hx_work_get(w, most * sizeof(size_t));
    lu->factor = hx_work_doubles(w, a);
    lu->size = b < HX_BASIS_LONG ? NULL
                                 : hx_work_get(w, a * sizeof(hx_row_size_t));
    lu->c = hx_work_doubles(w, most * lu->lda);

    if (lu->c == NULL || lu->pivot == NULL || lu->row == NULL
        || lu->factor == NULL || (b >= HX_BASIS_LONG && lu->size == NULL))
    {
        return HX_FAIL;
    }

    memset(lu->factor, 0, a * sizeof(double));

    if (lu->size == NULL) {
        lu->rest = hx_row()->step(m, a, b, lu->factor, 0, &lu->worst);
        return HX_OK;
    }

    for (i = 0; i < a; i++) {
        hx_row()->eliminate(m + i * b, m + i * b, b, 0, &lu->size[i]);
    }

    hx_tt_lu_rest(lu);

    return HX_OK;
}


/* The next pivot; 0: nothing is left. */
static int
hx_tt_lu_step(hx_tt_lu_t *lu)
{
    double         p, *c;
    size_t         i, row, col;
    const double  *from;

    row = lu->worst;

    if (row == lu->a) {
        lu->rest = 0;
        return 0;
    }

    from = lu->m + row * lu->b;
    col = hx_row()->argmax(from, lu->b);
    p = from[col];

    lu->pivot[lu->rank] = p;
    lu->row[lu->rank] = row;
    lu->factor[row] = NAN;

    c = lu->c + lu->rank++ * lu->lda;
    memset(c + lu->a, 0, (lu->lda - lu->a) * sizeof(double));

    for (i = 0; i < lu->a; i++) {
        c[i] = i == row;

        if (!isnan(lu->factor[i])) {
            c[i] = lu->m[i * lu->b + col] / p;
            lu->factor[i] = c[i];
        }
    }

    if (lu->size == NULL) {
        lu->rest = hx_row()->step(lu->m, lu->a, lu->b, lu->factor, row,
                                  &lu->worst);

    } else {
        for (i = 0; i < lu->a; i++) {

            /* many are 0 where data are sparse */
            if (lu->factor[i] != 0 && !isnan(lu->factor[i])) {
                hx_row()->eliminate(lu->m + i * lu->b, from, lu->b, c[i],
                                    &lu->size[i]);
            }
        }

        hx_tt_lu_rest(lu);
    }

    /* the column of the pivot is 0 now, whatever rounding says */
    for (i = 0; i < lu->a; i++) {
        if (!isnan(lu->factor[i])) {
            lu->m[i * lu->b + col] = 0;
        }
    }

    return 1;
}


/* L of B B^T, times D from the left, transposed: k = (D L)^T, r x r. */
static hx_rc_t
hx_tt_lu_weights(const hx_tt_lu_t *lu, double *k, hx_work_t *w)
{
    double          *gram, *d, *work;
    size_t           i, j, r;
    hx_work_mark_t   mark;

    r = lu->rank;
    mark = hx_work_mark(w);
    gram = hx_work_doubles(w, r * r);
    d = hx_work_doubles(w, r);
    work = hx_work_doubles(w, hx_ldl_work(r));

    if (gram == NULL || d == NULL || work == NULL) {
        return HX_FAIL;
    }

    for (i = 0; i < r; i++) {
        for (j = 0; j <= i; j++) {
            gram[i * r + j] = hx_row()->dot(lu->m + lu->row[i] * lu->b,
                                            lu->m + lu->row[j] * lu->b, lu->b)
                              / (lu->pivot[i] * lu->pivot[j]);
        }
    }

    if (hx_ldl(gram, r, d, work) != r) {
        return HX_NO;
    }

    memset(k, 0, r * r * sizeof(double));

    for (i = 0; i < r; i++) {
        for (j = 0; j <= i; j++) {
            k[j * r + i] = lu->pivot[i] * (i == j ? 1 : gram[i * r + j])
                           * sqrt(d[j]);
        }
    }

    hx_work_back(w, mark);

    return HX_OK;
}


static void
hx_tt_transpose(double *to, const double *from, size_t n)
{
    size_t  i, j;

    for (i = 0; i < n; i++) {
        for (j = 0; j < n; j++) {
            to[i * n + j] = from[j * n + i];
        }
    }
}


static void
hx_tt_swap(double *a, double *b)
{
    double  x;

    x = *a;
    *a = *b;
    *b = x;
}


/* Rows by size, the largest first; Jacobi leaves few out of order. */
static void
hx_tt_basis_sort(double *u, double *square, size_t r, size_t ld)
{
    size_t  i, j, l;

    for (i = 1; i < r; i++) {
        for (j = i; j > 0 && square[j] > square[j - 1]; j--) {
            hx_tt_swap(&square[j], &square[j - 1]);

            for (l = 0; l < ld; l++) {
                hx_tt_swap(&u[j * ld + l], &u[(j - 1) * ld + l]);
            }
        }
    }
}


/* Singular vectors, cut off where the rest is worth no more than "share". */
static hx_rc_t
hx_tt_basis_cut(hx_tt_basis_t *out, const hx_tt_lu_t *lu, double share,
    hx_work_t *w)
{
    double    *k, *square, x;
    size_t     i, j, r;
    hx_rc_t    rc;
    hx_gemm_t  g;

    r = lu->rank;
    k = hx_work_doubles(w, r * r);
    square = hx_work_doubles(w, r);
    out->u = hx_work_doubles(w, r * lu->lda);

    if (k == NULL || square == NULL || out->u == NULL) {
        return HX_FAIL;
    }

    rc = hx_tt_lu_weights(lu, k, w);

    if (rc != HX_OK) {
        return rc;
    }

    g.mode = HX_GEMM_SET;
    g.m = r;
    g.n = lu->lda;
    g.k = r;
    g.a = k;
    g.ars = r;
    g.acs = 1;
    g.b = lu->c;
    g.ldb = lu->lda;
    g.c = out->u;
    g.ldc = lu->lda;

    hx_gemm(&g);
    hx_row()->jacobi(out->u, r, lu->lda, square);

    hx_tt_basis_sort(out->u, square, r, lu->lda);

    while (r > 1 && out->lost + square[r - 1] <= share) {
        out->lost += square[--r];
    }

    for (i = 0; i < r; i++) {
        x = 1 / sqrt(square[i]);

        for (j = 0; j < lu->lda; j++) {
            out->u[i * lu->lda + j] *= x;
        }
    }

    out->rank = r;

    return HX_OK;
}


/*
 * C's columns made orthonormal, C^T = T U, in the order of the pivots.  Cut off
 * are the last ones, as far as "share" goes: the rows of U M are those of T^T D
 * B, whose norms T^T D L has, too.  That keeps a little more than singular
 * vectors would, and costs much less where there are many.
 */
static hx_rc_t
hx_tt_basis_ordered(hx_tt_basis_t *out, const hx_tt_lu_t *lu, double share,
    hx_work_t *w)
{
    double          *t, *k, *y, *work, x;
    size_t           r;
    hx_rc_t          rc;
    hx_gemm_t        g;
    hx_work_mark_t   mark;

    r = lu->rank;
    out->rank = r;
    out->u = lu->c;
    t = hx_work_doubles(w, r * r);
    mark = hx_work_mark(w);
    work = hx_work_doubles(w, hx_ortho_work(r, lu->lda));

    if (t == NULL || work == NULL) {
        return HX_FAIL;
    }

    rc = hx_ortho(lu->c, r, lu->lda, lu->lda, t, work);

    if (rc != HX_OK || share == 0) {
        return rc;
    }

    hx_work_back(w, mark);
    k = hx_work_doubles(w, r * r);

    if (k == NULL) {
        return HX_FAIL;
    }

    rc = hx_tt_lu_weights(lu, k, w);

    if (rc != HX_OK) {
        return rc == HX_NO ? HX_OK : rc;
    }

    y = hx_work_doubles(w, r * r);
    work = hx_work_doubles(w, r * r);

    if (y == NULL || work == NULL) {
        return HX_FAIL;
    }

    /* y^T = k t: row j of k is column j of D L */
    g.mode = HX_GEMM_SET;
    g.m = r;
    g.n = r;
    g.k = r;
    g.a = t;
    g.ars = 1;
    g.acs = r;
    g.b = work;
    g.ldb = r;
    g.c = y;
    g.ldc = r;

    hx_tt_transpose(work, k, r);
    hx_gemm(&g);

    while (r > 1) {
        x = hx_row()->dot(y + (r - 1) * lu->rank, y + (r - 1) * lu->rank,
                          lu->rank);

        if (out->lost + x > share) {
            break;
        }

        out->lost += x;
        r--;
    }

    out->rank = r;

    return HX_OK;
}


hx_rc_t
hx_tt_basis(hx_tt_basis_t *out, double *m, size_t a, size_t b, double share,
    size_t rank_max, hx_work_t *w)
{
    size_t      most, i;
    double      least;
    hx_rc_t     rc;
    hx_tt_lu_t  lu;

    /* a few pivots more than singular values are normal */
    most = rank_max < SIZE_MAX / 2 ? rank_max + rank_max / 4 + 8 : rank_max;
    most = a < most ? a : most;
    most = b < most ? b : most;
    rc = hx_tt_lu_init(&lu, m, a, b, most, w);

    if (rc != HX_OK) {
        return rc;
    }

    while (lu.rank < most && lu.rest > HX_BASIS_REST * share
           && hx_tt_lu_step(&lu))
    {
        /* void */
    }

    if (lu.rank == a || lu.rank == b) {
        lu.rest = 0;
    }

    if (lu.rest > HX_BASIS_REST * share) {
        return HX_NO;
    }

    hx_work_trim(w, lu.c, (lu.rank + (lu.rank == 0)) * lu.lda
                          * sizeof(double));

    out->ld = lu.lda;
    out->lost = lu.rest;
    out->whole = 0;

    if (lu.rank == 0) {
        out->rank = 1;
        out->u = lu.c;
        memset(out->u, 0, lu.lda * sizeof(double));
        out->u[0] = 1;

        return HX_OK;
    }

    for (i = 0, least = INFINITY; i < lu.rank; i++) {
        least = fmin(least, fabs(lu.pivot[i]));
    }

    if (lu.rank == a && least * least > HX_BASIS_GROWTH * share) {
        out->rank = a;
        out->whole = 1;
        rc = HX_OK;

    } else if (least * least > HX_BASIS_GROWTH * share) {
        rc = hx_tt_basis_ordered(out, &lu, 0, w);

    } else if (lu.rank > HX_BASIS_MANY) {
        rc = hx_tt_basis_ordered(out, &lu, share, w);

    } else {
        rc = hx_tt_basis_cut(out, &lu, share, w);
        rc = rc == HX_NO ? hx_tt_basis_ordered(out, &lu, 0, w) : rc;
    }

    if (rc == HX_OK) {
        out->whole = out->rank == a;
        out->lost = out->whole ? 0 : out->lost;
        rc = out->rank > rank_max ? HX_NO : HX_OK;
    }

    return rc;
}
