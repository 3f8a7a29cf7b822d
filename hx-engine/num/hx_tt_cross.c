/*
 * hx_tt_cross.c -- see the header.
 */

#include <math.h>
#include <string.h>

#include "hx_gemm.h"
#include "hx_tt_cross.h"
#include "hx_row.h"

/* From that rank on hx_tt_thick.c is faster. */
#define HX_TT_CROSS_MOST     256

#define HX_TT_CROSS_ROOM     2          /* part of all memory, at most */
#define HX_TT_CROSS_ROOK     4          /* turns at most */
#define HX_TT_CROSS_CHECK    8          /* rank of the first look at speed */


/* Row lengths are powers of two: keep rows out of each other's cache sets. */
static size_t
hx_tt_cross_stride(size_t n)
{
    return n < 64 ? n : n + 24;
}


/* The norm of the rest, and where to look for it. */
static void
hx_tt_cross_estimate(hx_tt_cross_t *c, const hx_row_size_t *a,
    const hx_row_size_t *b)
{
    c->rest = sqrt((a->square + b->square) / 2);
    c->worst = hx_row()->argmax(c->sketch.sum[a->max < b->max], c->rows);
}


hx_rc_t
hx_tt_cross_init(hx_tt_cross_t *c, const hx_tt_view_t *view,
    const hx_tt_sketch_t *sketch, size_t useful, uint64_t seed, hx_work_t *w)
{
    size_t         room;
    hx_row_size_t  a, b;

    c->view = view;
    c->work = w;
    c->sketch = *sketch;
    c->h = sketch->h;
    c->rows = sketch->rows;
    c->cols = sketch->cols;
    c->ldu = hx_tt_cross_stride(c->rows);
    c->ldv = hx_tt_cross_stride(c->cols);
    c->rank = 0;
    c->useful = c->rows < c->cols ? c->rows : c->cols;
    c->useful = useful < c->useful ? useful : c->useful;
    c->rank_max = c->useful < HX_TT_CROSS_MOST ? c->useful : HX_TT_CROSS_MOST;
    room = w->max / HX_TT_CROSS_ROOM / ((c->ldu + c->ldv) * sizeof(double));
    room = room < 1 ? 1 : room;
    c->rank_max = room < c->rank_max ? room : c->rank_max;
    c->seed = seed;
    c->step[0] = INFINITY;
    c->step[1] = INFINITY;
    c->check = HX_TT_CROSS_CHECK;

    c->u = hx_work_doubles(w, c->rank_max * c->ldu);
    c->v = hx_work_doubles(w, c->rank_max * c->ldv);
    c->used = hx_work_get(w, c->rows);
    c->history = hx_work_doubles(w, c->rank_max + 1);
    c->row = hx_work_doubles(w, c->ldv);
    c->col = hx_work_doubles(w, c->ldu);

    if (c->u == NULL || c->v == NULL || c->used == NULL || c->row == NULL
        || c->col == NULL || c->history == NULL)
    {
        return HX_FAIL;
    }

    memset(c->used, 0, c->rows);

    hx_row()->eliminate(c->sketch.sum[0], c->sketch.sum[0], c->rows, 0, &a);
    hx_row()->eliminate(c->sketch.sum[1], c->sketch.sum[1], c->rows, 0, &b);
    hx_tt_cross_estimate(c, &a, &b);
    c->history[0] = c->rest;

    return HX_OK;
}


/* A row or column x of the matrix, n elements, becomes that of the rest. */
static void
hx_tt_cross_rest(const hx_tt_cross_t *c, double *x, size_t n, const double *a,
    size_t lda, const double *b, size_t ldb)
{
    hx_gemm_t  g;

    g.mode = HX_GEMM_SUB;
    g.m = 1;
    g.n = n;
    g.k = c->rank;
    g.a = a;
    g.ars = 0;
    g.acs = lda;
    g.b = b;
    g.ldb = ldb;
    g.c = x;
    g.ldc = n;

    hx_gemm(&g);
}


/* Row i of the rest, in c->row. */
static void
hx_tt_cross_row(hx_tt_cross_t *c, size_t i)
{
    unsigned  low;

    low = c->view->map.d - c->h;
    hx_tt_view_read(c->view, c->h, low, (uint64_t) i << low, c->row);
    hx_tt_cross_rest(c, c->row, c->cols, c->u + i, c->ldu, c->v, c->ldv);
}


/* Column j of the rest, in c->col. */
static void
hx_tt_cross_col(hx_tt_cross_t *c, size_t j)
{
    hx_tt_view_read(c->view, 0, c->h, j, c->col);
    hx_tt_cross_rest(c, c->col, c->rows, c->v + j, c->ldv, c->u, c->ldu);
}


/*
 * From row i to an element that is the largest of its row and column, or
 * nearly; c->row and c->col are those of the rest.  Returns its column.
 */
static size_t
hx_tt_cross_pivot(hx_tt_cross_t *c, size_t *i)
{
    size_t           j, other, turn;
    const hx_row_t  *vec;

    vec = hx_row();
    hx_tt_cross_row(c, *i);
    j = vec->argmax(c->row, c->cols);

    for (turn = 0; turn < HX_TT_CROSS_ROOK; turn++) {
        hx_tt_cross_col(c, j);
        other = vec->argmax(c->col, c->rows);

        if (other == *i || !(fabs(c->col[other]) > fabs(c->row[j]))) {
            break;
        }

        *i = other;
        hx_tt_cross_row(c, *i);
        other = vec->argmax(c->row, c->cols);

        if (other == j || !(fabs(c->row[other]) > fabs(c->row[j]))) {
            break;
        }

        j = other;
    }

    return j;
}


/* Takes c->row and c->col through (i, j) out of the rest. */
static void
hx_tt_cross_take(hx_tt_cross_t *c, size_t i, size_t j)
{
    double         p, vw[2], *u, *v;
    size_t         l;
    hx_row_size_t  a, b;

    u = c->u + c->rank * c->ldu;
    v = c->v + c->rank * c->ldv;
    p = c->row[j];

    memcpy(u, c->col, c->rows * sizeof(double));

    for (l = 0; l < c->cols; l++) {
        v[l] = c->row[l] / p;
    }

    c->rank++;
    c->used[i] = 1;

    c->step[0] = c->step[1];
    c->step[1] = sqrt(hx_row()->dot(u, u, c->rows)
                      * hx_row()->dot(v, v, c->cols));

    hx_row()->dots(v, c->sketch.sign[0], c->sketch.sign[1], c->cols, vw);
    hx_row()->eliminate(c->sketch.sum[0], u, c->rows, vw[0], &a);
    hx_row()->eliminate(c->sketch.sum[1], u, c->rows, vw[1], &b);
    hx_tt_cross_estimate(c, &a, &b);
    c->history[c->rank] = c->rest;
}


/* At this speed, will it take more than twice the rank there is? */
static int
hx_tt_cross_slow(hx_tt_cross_t *c, double target)
{
    double  speed;
    size_t  before;

    if (c->rank < c->check) {
        return 0;
    }

    /* the first look is for what does not shrink at all */
    if (c->check == HX_TT_CROSS_CHECK) {
        c->check *= 2;
        return c->rest > target && c->rest > c->history[0] / 2;
    }

    before = c->rank - c->rank / 3;
    speed = log(c->history[before] / c->rest) / (double) (c->rank - before);

    while (c->check <= c->rank) {
        c->check += c->check / 2;
    }

    return c->rest > target
           && !(log(c->rest / target) < speed * 2 * (double) c->rank);
}


hx_tt_cross_end_t
hx_tt_cross_grow(hx_tt_cross_t *c, double target)
{
    size_t  i, j;

    for ( ;; ) {

        if (c->rest <= target && c->step[0] <= target && c->step[1] <= target)
        {
            return HX_TT_CROSS_DONE;
        }

        if (c->rank == c->rank_max) {
            return HX_TT_CROSS_FULL;
        }

        if (hx_tt_cross_slow(c, target)) {
            return HX_TT_CROSS_SLOW;
        }

        i = c->worst;
        j = hx_tt_cross_pivot(c, &i);

        if (c->row[j] == 0) {
            return HX_TT_CROSS_DONE;
        }

        hx_tt_cross_take(c, i, j);
    }
}


size_t
hx_tt_cross_feed(hx_tt_cross_t *c, double *energy, double target, size_t most)
{
    double           left, enough;
    size_t           i, j, l, n, worst;
    const hx_row_t  *vec;

    vec = hx_row();
    enough = target * target;

    for (l = 0, left = 0; l < c->rows; l++) {
        left += energy[l];
    }

    for (n = 0; n < most && left > enough; /* void */ ) {

        for (l = 1, worst = 0; l < c->rows; l++) {
            worst = energy[l] > energy[worst] ? l : worst;
        }

        if (energy[worst] == 0) {
            break;
        }

        /* rows taken before may have explained this one */
        i = worst;
        hx_tt_cross_row(c, i);

        if (!(vec->dot(c->row, c->row, c->cols) * 16 > energy[worst])) {
            left -= energy[worst];
            energy[worst] = 0;
            continue;
        }

        if (c->rank == c->rank_max) {
            break;
        }

        j = hx_tt_cross_pivot(c, &i);

        if (c->row[j] == 0) {
            break;
        }

        hx_tt_cross_take(c, i, j);
        n++;

        /* the largest element was in another row: look at this one again */
        if (i == worst) {
            left -= energy[worst];
            energy[worst] = 0;
        }
    }

    return n;
}
