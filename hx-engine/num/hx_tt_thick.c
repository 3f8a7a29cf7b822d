/*
 * hx_tt_thick.c -- ranks that are too large for a cross (see hx_tt_middle.h).
 *
 * All bits on the right of the middle are one thick bound: the row space of
 * that unfolding is what has to be found.  A cross finds it row by row, which
 * costs the square of the rank at the speed of memory, and its rows are less
 * good the slower the spectrum falls.  From the rank on at which it ends,
 * blocks of random combinations of all rows follow (N. Halko, P. Martinsson, J.
 * Tropp, "Finding structure with randomness", SIAM Review 53, 2011), made
 * orthonormal to the rows before them by block Gram-Schmidt, each block twice
 * (G. Stewart, "Block Gram-Schmidt orthogonalization", SIAM J. Sci. Comput. 31,
 * 2008): products of matrices, nearly all of it.
 *
 * What a block has beside the rows so far is, in the mean, what all of the
 * array has beside them, so each block says whether it was needed.  How much
 * of that a block takes away tells how many more would follow; when they are
 * too many, all stops early.  As ever the result is measured.
 */

#include <math.h>
#include <string.h>

#include "hx_gemm.h"
#include "hx_ldl.h"
#include "hx_random.h"
#include "hx_row.h"
#include "hx_tt_middle.h"

#define HX_TT_THICK_BLOCK  64           /* rows found at a time */
#define HX_TT_THICK_TILE   64           /* rows of the array read at a time */
#define HX_TT_THICK_MOST   1024         /* rank that is looked for */

/* Enough rows, when so much of the limit is beside them; at most. */
#define HX_TT_THICK_ENOUGH 0.3
#define HX_TT_THICK_PART   0.95

/* Of a unit row, what is left when the rows before it are taken out: square. */
#define HX_TT_THICK_OWN    0.1

/* A norm as a difference of squares is good down to here, relatively. */
#define HX_TT_THICK_LEAST  1e-7

/* Of memory beside the cross's; pieces do not fit without gaps. */
#define HX_TT_THICK_MEMORY 0.85

/* Rows, and what is beside them. */
typedef struct {
    hx_tt_middle_t  *m;                 /* q: orthonormal rows */
    size_t           rank;              /* that many */
    size_t           most;              /* and room for that many */
    double           rest;              /* norm of what is beside, estimated */
    double           gain;              /* part of its square that the last
                                         * block took away */
    double          *w;                 /* the next block */
    hx_work_mark_t   mark;              /* where that is */
} hx_tt_thick_t;


/*
 * How many rows are some use: not more than the ratio allows, nor than rounding
 * will have memory for: twice the larger factor, once the other, and five
 * squares.  What is free just now is not asked, so that the same bytes give the
 * same cores.
 */
static size_t
hx_tt_thick_most(const hx_tt_middle_t *m)
{
    double                bytes, left, r, large, small;
    const hx_tt_cross_t  *c;

    c = &m->cross;
    large = (double) (c->rows < c->cols ? c->cols : c->rows);
    small = (double) (c->rows < c->cols ? c->rows : c->cols);

    r = fmin(hx_tt_rank_most(m->s->values_max), small);
    r = fmin(r, HX_TT_THICK_MOST);
    left = (double) c->work->max
           - (double) ((c->rank_max + 1) * (c->ldu + c->ldv) * sizeof(double));
    left *= HX_TT_THICK_MEMORY;

    for ( /* void */ ; r > (double) c->rank; r -= HX_TT_THICK_BLOCK) {
        bytes = r * (2 * large + small + 5 * r) * sizeof(double);

        if (bytes < left) {
            return (size_t) r;
        }
    }

    return 0;
}


/* Signs for some rows of the array, a block of them for each. */
static void
hx_tt_thick_signs(double *sign, size_t n, uint64_t *seed)
{
    size_t    i;
    uint64_t  bits;

    for (i = 0, bits = 0; i < n; i++, bits >>= 1) {
        bits = i % 64 == 0 ? hx_random(seed) : bits;
        sign[i] = bits & 1 ? 1 : -1;
    }
}


/* The block: random combinations of all rows of the array. */
static hx_rc_t
hx_tt_thick_sketch(hx_tt_thick_t *k)
{
    double          *row, *sign;
    size_t           i, j, some;
    uint64_t         seed;
    unsigned         bits;
    hx_gemm_t        g;
    hx_tt_cross_t   *c;
    hx_work_mark_t   mark;

    c = &k->m->cross;
    bits = c->view->map.d - c->h;
    some = c->rows < HX_TT_THICK_TILE ? c->rows : HX_TT_THICK_TILE;
    mark = hx_work_mark(c->work);
    row = hx_work_doubles(c->work, some * c->cols);
    sign = hx_work_doubles(c->work, some * HX_TT_THICK_BLOCK);

    if (row == NULL || sign == NULL) {
        return HX_FAIL;
    }

    seed = c->seed + k->rank;
    memset(k->w, 0, HX_TT_THICK_BLOCK * c->cols * sizeof(double));

    g.mode = HX_GEMM_ADD;
    g.m = HX_TT_THICK_BLOCK;
    g.n = c->cols;
    g.k = some;
    g.a = sign;
    g.ars = 1;
    g.acs = HX_TT_THICK_BLOCK;
    g.b = row;
    g.ldb = c->cols;
    g.c = k->w;
    g.ldc = c->cols;

    for (i = 0; i < c->rows; i += some) {
        for (j = 0; j < some; j++) {
            hx_tt_view_read(c->view, c->h, bits, (uint64_t) (i + j) << bits,
                            row + j * c->cols);
        }

        hx_tt_thick_signs(sign, some * HX_TT_THICK_BLOCK, &seed);
        hx_gemm(&g);
    }

    hx_work_back(c->work, mark);
    k->m->s->out->passes++;

    return HX_OK;
}


/* Takes out of the block what the rows so far have of it. */
static hx_rc_t
hx_tt_thick_clear(hx_tt_thick_t *k)
{
    double          *turned, *part;
    size_t           i, j;
    hx_gemm_t        g;
    hx_tt_cross_t   *c;
    hx_work_mark_t   mark;

    c = &k->m->cross;
    mark = hx_work_mark(c->work);
    turned = hx_work_doubles(c->work, HX_TT_THICK_BLOCK * c->cols);
    part = hx_work_doubles(c->work, HX_TT_THICK_BLOCK * k->rank);

    if (turned == NULL || part == NULL) {
        return HX_FAIL;
    }

    for (i = 0; i < c->cols; i++) {
        for (j = 0; j < HX_TT_THICK_BLOCK; j++) {
            turned[i * HX_TT_THICK_BLOCK + j] = k->w[j * c->cols + i];
        }
    }

    /* part = q w^T, rank x block */
    g.mode = HX_GEMM_SET;
    g.m = k->rank;
    g.n = HX_TT_THICK_BLOCK;
    g.k = c->cols;
    g.a = k->m->q;
    g.ars = c->cols;
    g.acs = 1;
    g.b = turned;
    g.ldb = HX_TT_THICK_BLOCK;
    g.c = part;
    g.ldc = HX_TT_THICK_BLOCK;

    hx_gemm(&g);

    /* w = w - part^T q */
    g.mode = HX_GEMM_SUB;
    g.m = HX_TT_THICK_BLOCK;
    g.n = c->cols;
    g.k = k->rank;
    g.a = part;
    g.ars = 1;
    g.acs = HX_TT_THICK_BLOCK;
    g.b = k->m->q;
    g.ldb = c->cols;
    g.c = k->w;
    g.ldc = c->cols;

    hx_gemm(&g);
    hx_work_back(c->work, mark);

    return HX_OK;
}


/* Makes the rows of the block orthonormal among themselves. */
static hx_rc_t
hx_tt_thick_ortho(hx_tt_thick_t *k)
{
    double          *copy, *t, *work;
    size_t           n;
    hx_tt_cross_t   *c;
    hx_work_mark_t   mark;

    c = &k->m->cross;
    n = HX_TT_THICK_BLOCK;
    mark = hx_work_mark(c->work);
    copy = hx_work_doubles(c->work, n * c->cols);
    t = hx_work_doubles(c->work, n * n);
    work = hx_work_doubles(c->work, hx_ortho_work(n, c->cols));

    if (copy == NULL || t == NULL || work == NULL) {
        return HX_FAIL;
    }

    memcpy(copy, k->w, n * c->cols * sizeof(double));

    if (hx_ortho(k->w, n, c->cols, c->cols, t, work) != HX_OK) {
        memcpy(k->w, copy, n * c->cols * sizeof(double));
        hx_ortho_slow(k->w, n, c->cols, c->cols, t);
    }

    hx_work_back(c->work, mark);

    return HX_OK;
}


/* The rows of the cross, to begin with; HX_NO: no more are some use. */
static hx_rc_t
hx_tt_thick_begin(hx_tt_thick_t *k, hx_tt_middle_t *m)
{
    double     *t;
    hx_rc_t     rc;
    hx_work_t  *work;

    work = m->s->work;
    k->m = m;
    k->most = hx_tt_thick_most(m);
    k->rank = m->cross.rank;
    k->rest = INFINITY;

    if (k->most <= k->rank) {
        return HX_NO;
    }

    if (hx_tt_middle_room(m, k->most) != HX_OK) {
        return HX_FAIL;
    }

    k->mark = hx_work_mark(work);
    t = hx_work_doubles(work, k->rank * k->rank);

    if (t == NULL) {
        return HX_FAIL;
    }

    m->rank = k->rank;
    rc = hx_tt_middle_rows(m, t);
    hx_work_back(work, k->mark);

    k->w = hx_work_doubles(work, HX_TT_THICK_BLOCK * m->cross.cols);

    return k->w == NULL ? HX_FAIL : rc;
}


/* A block of what is beside the rows so far, and how much that is. */
static hx_rc_t
hx_tt_thick_look(hx_tt_thick_t *k)
{
    double  before;

    if (hx_tt_thick_sketch(k) != HX_OK || hx_tt_thick_clear(k) != HX_OK) {
        return HX_FAIL;
    }

    before = k->rest;
    k->rest = sqrt(hx_row()->dot(k->w, k->w,
                                 HX_TT_THICK_BLOCK * k->m->cross.cols)
                   / HX_TT_THICK_BLOCK);
    k->gain = 1 - k->rest * k->rest / (before * before);

    return HX_OK;
}


/*
 * 1: if the spectrum goes on as flat as in the last block, as many rows as are
 * some use will not do; most spectra become flatter.
 */
static int
hx_tt_thick_hopeless(const hx_tt_thick_t *k, double limit)
{
    double  blocks, left;

    blocks = (double) (k->most - k->rank) / HX_TT_THICK_BLOCK;
    left = k->gain > 0 ? 1 - blocks * k->gain : 1;

    return left > 0 && k->rest * sqrt(left) > limit;
}


/*
 * Rows that had next to nothing of their own: what rounding leaves when a row
 * is cleared is of the rows it was cleared of, and would be made a row again.
 */
static void
hx_tt_thick_empty(hx_tt_thick_t *k)
{
    double  *w;
    size_t   i, cols;

    cols = k->m->cross.cols;

    for (i = 0; i < HX_TT_THICK_BLOCK; i++) {
        w = k->w + i * cols;

        if (hx_row()->dot(w, w, cols) < HX_TT_THICK_OWN) {
            memset(w, 0, cols * sizeof(double));
        }
    }
}


/* The block's rows become rows like the others. */
static hx_rc_t
hx_tt_thick_add(hx_tt_thick_t *k)
{
    size_t  cols;

    if (hx_tt_thick_ortho(k) != HX_OK || hx_tt_thick_clear(k) != HX_OK) {
        return HX_FAIL;
    }

    hx_tt_thick_empty(k);

    if (hx_tt_thick_ortho(k) != HX_OK) {
        return HX_FAIL;
    }

    cols = k->m->cross.cols;
    memcpy(k->m->q + k->rank * cols, k->w,
           HX_TT_THICK_BLOCK * cols * sizeof(double));
    k->rank += HX_TT_THICK_BLOCK;
    k->m->s->out->blocks++;

    return HX_OK;
}


/* Rows until not more than "limit" is beside them; HX_NO: too many. */
static hx_rc_t
hx_tt_thick_grow(hx_tt_thick_t *k, double limit)
{
    hx_rc_t  rc;

    do {
        rc = hx_tt_thick_look(k);

        if (rc != HX_OK || k->rest <= HX_TT_THICK_ENOUGH * limit) {
            return rc;
        }

        if (k->rank + HX_TT_THICK_BLOCK > k->most) {
            return k->rest < limit ? HX_OK : HX_NO;
        }

        if (hx_tt_thick_hopeless(k, limit)) {
            return HX_NO;
        }

        rc = hx_tt_thick_add(k);

    } while (rc == HX_OK);

    return rc;
}


/* The factors, and what is beside them. */
static hx_rc_t
hx_tt_thick_factors(const hx_tt_thick_t *k, double limit)
{
    double           in, norm;
    hx_tt_middle_t  *m;

    m = k->m;
    norm = m->s->stats.norm;
    m->rank = k->rank;

    hx_work_back(m->s->work, k->mark);
    hx_tt_middle_trim(m, m->rank);

    if (hx_tt_middle_project(m) != HX_OK) {
        return HX_FAIL;
    }

    m->noisy = 1;
    m->thick = 1;
    m->beside = k->rest;

    if (limit >= HX_TT_THICK_LEAST * norm) {
        in = hx_row()->dot(m->x, m->x, m->cross.rows * m->rank);
        m->beside = sqrt(fmax(norm * norm - in, 0));
    }

    return m->beside < HX_TT_THICK_PART * limit ? HX_OK : HX_NO;
}


hx_rc_t
hx_tt_middle_thick(hx_tt_middle_t *m, double limit)
{
    hx_rc_t        rc;
    hx_tt_thick_t  k;

    memset(&k, 0, sizeof(k));
    rc = hx_tt_thick_begin(&k, m);

    if (rc == HX_OK) {
        rc = hx_tt_thick_grow(&k, limit);
    }

    return rc == HX_OK ? hx_tt_thick_factors(&k, limit) : rc;
}
