/*
 * hx_tt_order.c -- which order of bits an array gets.
 *
 * The wrong one can cost a thousand times the right one (|x - y| on a grid:
 * rank 4 interleaved, full rank by rows), and neither is better in general.  So
 * random pieces of a few unfoldings are looked at in both orders, and the
 * order whose ranks there make the smaller train is taken.  Where that makes
 * no great difference larger pieces may tell more, but cost milliseconds: they
 * are left for later, when a search turns out to be a long one.
 */

#include <math.h>
#include <string.h>

#include "hx_tt_basis.h"
#include "hx_tt_search.h"

#define HX_TT_ORDER_PIECE   64
#define HX_TT_ORDER_CLOSER  192
#define HX_TT_ORDER_BONDS   4
#define HX_TT_ORDER_RUN     8

/* Relative error at which ranks are compared, and what of the largest cost is
 * as good as all of it. */
#define HX_TT_ORDER_TOL     1e-6
#define HX_TT_ORDER_FULL    0.5

/* A difference in cost that decides. */
#define HX_TT_ORDER_CLEAR   4


/*
 * The rank of a piece of the unfolding after bit h, up to tol of the norm's
 * share; 0: no memory.
 */
static size_t
hx_tt_order_rank(const hx_tt_view_t *v, unsigned h, size_t piece, double norm,
    double tol, hx_work_t *w)
{
    double          *m, share;
    size_t           rows, cols, p, q, i, j, run, width, rank;
    unsigned         d, bits;
    uint64_t         row;
    hx_tt_basis_t    b;
    hx_work_mark_t   mark;

    d = v->map.d;
    rows = (size_t) 1 << h;
    cols = (size_t) 1 << (d - h);
    p = rows < piece ? rows : piece;
    q = cols < piece ? cols : piece;
    width = cols < HX_TT_ORDER_RUN ? cols : HX_TT_ORDER_RUN;
    bits = hx_tt_bits(width);

    mark = hx_work_mark(w);
    m = hx_work_doubles(w, p * q);
    rank = 0;

    if (m == NULL) {
        return 0;
    }

    for (i = 0; i < p; i++) {
        row = (i * 0x9e3779b1u + 0x7f4a7c15u) & (rows - 1);

        for (j = 0; j < q; j += width) {
            run = (j / width * 0x85ebca6bu + 0x2c1b3c6du) & (cols / width - 1);
            hx_tt_view_read(v, d - bits, bits, (row << (d - h)) + run * width,
                            m + i * q + j);
        }
    }

    share = norm * tol * norm * tol * ((double) p / (double) rows)
            * ((double) q / (double) cols);

    if (hx_tt_basis(&b, m, p, q, share, p, w) == HX_OK) {
        rank = b.rank;

        /* full here: it goes on so, as far as the whole allows */
        if (rank * 8 > 7 * (p < q ? p : q)) {
            rank = rows < cols ? rows : cols;
        }
    }

    hx_work_back(w, mark);

    return rank;
}


/* A figure that grows with the size of a train; *full: its largest value. */
static double
hx_tt_order_cost(const hx_tt_view_t *v, size_t piece, double norm, double tol,
    double *full, hx_work_t *w)
{
    double    sum;
    size_t    rank;
    unsigned  i, h;

    *full = 0;

    for (i = 1, sum = 0; i < HX_TT_ORDER_BONDS; i++) {
        h = v->map.d * i / HX_TT_ORDER_BONDS;

        if (h == 0) {
            continue;
        }

        *full += ldexp(1, 2 * (int) (h < v->map.d - h ? h : v->map.d - h));

        rank = hx_tt_order_rank(v, h, piece, norm, tol, w);

        if (rank == 0) {
            return -1;
        }

        sum += (double) rank * (double) rank;
    }

    return sum;
}


/*
 * Both orders, by their costs.  1: mixed is the better one; -1: no memory.
 * *full: both are as bad as can be.
 */
static int
hx_tt_order_mixed(hx_tt_search_t *s, const hx_tt_view_t *rows,
    const hx_tt_view_t *mixed, size_t piece, double tol, int *full)
{
    double  a, b, most_a, most_b;

    a = hx_tt_order_cost(rows, piece, s->stats.norm, tol, &most_a, s->work);
    b = hx_tt_order_cost(mixed, piece, s->stats.norm, tol, &most_b, s->work);

    if (a < 0 || b < 0) {
        return -1;
    }

    *full = a > HX_TT_ORDER_FULL * most_a && b > HX_TT_ORDER_FULL * most_b;
    s->unsure = a < HX_TT_ORDER_CLEAR * b && b < HX_TT_ORDER_CLEAR * a;

    return b < a;
}


/* The views of both; HX_NO: there is only one order. */
static hx_rc_t
hx_tt_order_views(const hx_tt_search_t *s, hx_tt_view_t *rows,
    hx_tt_view_t *mixed)
{
    unsigned  d;

    d = hx_tt_cores(s->array, HX_TT_INTERLEAVED);

    return d >= 4
           && hx_tt_view_init(mixed, s->array, HX_TT_INTERLEAVED, d, s->data)
              == HX_OK
           && mixed->map.ndim != 1
           && hx_tt_view_init(rows, s->array, HX_TT_ROWS,
                              hx_tt_cores(s->array, HX_TT_ROWS), s->data)
              == HX_OK
           ? HX_OK : HX_NO;
}


static void
hx_tt_order_take(hx_tt_search_t *s, hx_tt_order_t order,
    const hx_tt_view_t *view)
{
    s->order = order;
    s->d = view->map.d;
    s->view = *view;
}


hx_rc_t
hx_tt_search_order(hx_tt_search_t *s, double tol)
{
    int            mixed, full;
    hx_tt_view_t   rows, other;

    s->order = HX_TT_ROWS;
    s->d = hx_tt_cores(s->array, HX_TT_ROWS);

    if (s->d == 0
        || hx_tt_view_init(&s->view, s->array, HX_TT_ROWS, s->d, s->data)
           != HX_OK)
    {
        return HX_NO;
    }

    if (hx_tt_order_views(s, &rows, &other) != HX_OK) {
        return HX_OK;
    }

    mixed = hx_tt_order_mixed(s, &rows, &other, HX_TT_ORDER_PIECE,
                              fmin(tol, HX_TT_ORDER_TOL), &full);

    /* nothing but noise that closely: look from further away */
    if (mixed >= 0 && full && tol > HX_TT_ORDER_TOL) {
        mixed = hx_tt_order_mixed(s, &rows, &other, HX_TT_ORDER_PIECE, tol,
                                  &full);
    }

    if (mixed < 0) {
        return HX_FAIL;
    }

    if (mixed) {
        hx_tt_order_take(s, HX_TT_INTERLEAVED, &other);
    }

    return HX_OK;
}


hx_rc_t
hx_tt_search_closer(hx_tt_search_t *s)
{
    int            mixed, full;
    hx_tt_order_t  order;
    hx_tt_view_t   rows, other;

    if (hx_tt_order_views(s, &rows, &other) != HX_OK) {
        s->unsure = 0;
        return HX_NO;
    }

    mixed = hx_tt_order_mixed(s, &rows, &other, HX_TT_ORDER_CLOSER,
                              HX_TT_ORDER_TOL, &full);
    s->unsure = 0;

    if (mixed < 0) {
        return HX_FAIL;
    }

    order = mixed ? HX_TT_INTERLEAVED : HX_TT_ROWS;

    if (order == s->order) {
        return HX_NO;
    }

    hx_tt_order_take(s, order, mixed ? &other : &rows);

    return HX_OK;
}
