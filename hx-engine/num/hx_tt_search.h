/*
 * hx_tt_search.h -- the parts of hx_tt_compress(): private.
 */

#ifndef HX_TT_SEARCH_H
#define HX_TT_SEARCH_H

#include "hx_tt_check.h"
#include "hx_tt_compress.h"
#include "hx_tt_cross.h"
#include "hx_tt_stats.h"
#include "hx_tt_view.h"

/* One array on its way. */
typedef struct {
    hx_tt_result_t      *out;
    const hx_array_t    *array;
    const void          *data;
    hx_work_t           *work;
    uint64_t             elements;
    uint64_t             values_max;    /* of cores: the ratio */
    hx_tt_stats_t        stats;
    hx_tt_order_t        order;
    unsigned             unsure;        /* the other order is about as good */
    unsigned             d;
    hx_tt_view_t         view;
    hx_tt_sketch_t       sketch;        /* of the array by rows, */
    unsigned             sketched;      /* when this is set */
    hx_tt_check_t        check;         /* of the train in out->tt */
} hx_tt_search_t;

/* What a verdict asks for: relative errors. */
typedef struct {
    hx_verdict_t         verdict;
    double               below;         /* measured */
    double               target;        /* aimed at */
} hx_tt_tier_t;


/* hx_tt_order.c: sets order, unsure, d and view; HX_FAIL: no memory. */
hx_rc_t hx_tt_search_order(hx_tt_search_t *s, double tol);

/*
 * hx_tt_order.c: looks more closely when unsure, and is sure then.  HX_OK: the
 * order is another one now; HX_NO: it stays; HX_FAIL: no memory.
 */
hx_rc_t hx_tt_search_closer(hx_tt_search_t *s);

/*
 * hx_tt_search.c: a train for the array that meets the best of n tiers; in
 * out->tt, with s->check.  HX_NO: none (out->reason says why); HX_FAIL: no
 * memory.
 */
hx_rc_t hx_tt_search(hx_tt_search_t *s, const hx_tt_tier_t *tier, unsigned n,
    unsigned *found);

/*
 * The largest rank of the middle that a train of so many values can have: ranks
 * r/4, r/2, r, r/2, r/4 are the least that r takes with it.
 */
#define hx_tt_rank_most(values)  sqrt((double) (values) / (8.0 / 3))

/* The middle: where a train of d cores is cut in two. */
#define hx_tt_middle(d)   ((d) / 2)

/* Up to here everything is decomposed at once: 2^12 values, 32 KiB. */
#define HX_TT_DIRECT_BITS  12

/* Measures out->tt: HX_OK it is below, HX_NO it is not. */
hx_rc_t hx_tt_search_check(hx_tt_search_t *s, const hx_tt_tier_t *tier,
    double *rows, unsigned h);

#endif /* HX_TT_SEARCH_H */
