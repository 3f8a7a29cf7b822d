/*
 * hx_tt_cross.h -- a matrix as a sum of few outer products, from few of its
 * rows and columns.
 *
 * The matrix is an unfolding of an array: TT index bits 0 .. h - 1 number its
 * rows, the others its columns.  Each step takes the row and the column of an
 * element that is the largest of both (rook pivoting) out of what is left,
 * which lowers the rank of that by one (J. Wedderburn; M. Bebendorf,
 * "Approximation of boundary element matrices", Numer. Math. 86, 2000).  So a
 * matrix of rank r is found after r steps, whatever the pivots.  A sketch says
 * where the rest is, and how large, most probably: what is found here is a
 * guess to be measured, never a result.
 */

#ifndef HX_TT_CROSS_H
#define HX_TT_CROSS_H

#include "hx_tt_sketch.h"
#include "hx_tt_view.h"
#include "hx_work.h"

typedef enum {
    HX_TT_CROSS_DONE,           /* the rest looks small enough */
    HX_TT_CROSS_SLOW,           /* it hardly shrinks: noise? */
    HX_TT_CROSS_FULL            /* rank_max reached */
} hx_tt_cross_end_t;

typedef struct {
    const hx_tt_view_t  *view;
    hx_work_t           *work;
    unsigned             h;
    size_t               rows;          /* 2^h */
    size_t               cols;          /* 2^(d - h) */
    size_t               ldu;
    size_t               ldv;
    size_t               rank;
    size_t               useful;        /* rank that is some use; */
    size_t               rank_max;      /* not more of it is looked for */
    double              *u;             /* rank columns, ldu apart */
    double              *v;             /* rank rows, ldv apart, largest 1 */
    uint8_t             *used;          /* rows that are pivots */
    double              *row;           /* scratch */
    double              *col;
    uint64_t             seed;
    double               step[2];       /* |u| |v| of the last two steps */
    size_t               check;         /* rank at which speed is looked at */
    double               rest;          /* Frobenius norm, estimated */
    double              *history;       /* the rest after each step */
    size_t               worst;         /* a row where much of it is */
    hx_tt_sketch_t       sketch;        /* of the rest */
} hx_tt_cross_t;


/*
 * sketch: of the whole matrix, changed from here on.  useful: no larger rank is
 * any use; the cross ends at 256, or with half of the memory.  HX_FAIL: no
 * memory.
 */
hx_rc_t hx_tt_cross_init(hx_tt_cross_t *c, const hx_tt_view_t *view,
    const hx_tt_sketch_t *sketch, size_t useful, uint64_t seed,
    hx_work_t *w);

/* Goes on until the norm of the rest seems to be at most "target". */
hx_tt_cross_end_t hx_tt_cross_grow(hx_tt_cross_t *c, double target);

/*
 * Takes in rows whose rest was measured: energy[i], sums of squares.  Those
 * that matter beyond "target" (a norm) become pivots, the worst first, at most
 * "most" of them; returns how many did.
 */
size_t hx_tt_cross_feed(hx_tt_cross_t *c, double *energy, double target,
    size_t most);

/* What a random piece of the rest tells. */
typedef struct {
    double               reach;         /* 0, or an error (norm) that no matrix
                                         * of rank below "rank" reaches */
    size_t               rank;
    unsigned             noise;         /* the rest is as good as random */
} hx_tt_bound_t;

/*
 * What keeps random data out.  The singular values of a piece of a matrix are
 * at most those of the whole, and taking the rank of the cross out changes
 * their numbering by that rank at most: so the spectrum of a random piece of
 * the rest bounds from below what a rank can achieve.
 *
 * target: n errors, the largest first; reach becomes the largest of them that
 * is out of reach for useful ranks, or for nearly as large ones as the piece
 * has.  "noise" is no bound but an observation, made when not all targets are
 * out of reach: most of the piece's rows have nothing in common, as rows of
 * random numbers, and the whole has more of them than is any use.  HX_FAIL: no
 * memory.
 */
hx_rc_t hx_tt_cross_bound(const hx_tt_cross_t *c, const double *target,
    unsigned n, hx_tt_bound_t *b);

#endif /* HX_TT_CROSS_H */
