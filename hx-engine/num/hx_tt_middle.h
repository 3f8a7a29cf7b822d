/*
 * hx_tt_middle.h -- a search in the middle unfolding of an array: private to
 * hx_tt_search.c, hx_tt_middle.c and hx_tt_tier.c.
 */

#ifndef HX_TT_MIDDLE_H
#define HX_TT_MIDDLE_H

#include "hx_tt_search.h"

typedef struct {
    hx_tt_search_t  *s;
    hx_tt_cross_t    cross;
    double          *rows;              /* squares of errors, measured */
    size_t           rank;              /* steps of the cross that are used */
    double          *x;                 /* factors: 2^h x rank, or NULL, */
    double          *q;                 /* and rank orthonormal rows */
    unsigned         noisy;             /* the cross stopped gaining */
    double           beside;            /* norm of what is not in its rows */
    double           hopeless;          /* error that cannot be reached */
    double           loosest;           /* of the tiers' limits */
} hx_tt_middle_t;


/*
 * hx_tt_middle.c: the cores of what the cross has found, at most "norm" away
 * from it; when m->noisy, of the array projected on the cross's rows.  Of all
 * memory that takes, the train's stays.  HX_NO: too many values, or rows too
 * nearly dependent; HX_FAIL: no memory.
 */
hx_rc_t hx_tt_middle_round(hx_tt_middle_t *m, double norm);

/*
 * What the array has beside the rows of the cross, from a pass over it: sets
 * m->beside, m->noisy, and the factors, which are kept.
 */
hx_rc_t hx_tt_middle_beside(hx_tt_middle_t *m);

/* hx_tt_tier.c: a train that meets the tier; results as of hx_tt_search(). */
hx_rc_t hx_tt_middle_tier(hx_tt_middle_t *m, const hx_tt_tier_t *tier);

#endif /* HX_TT_MIDDLE_H */
