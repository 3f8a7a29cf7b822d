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
    double          *q;                 /* and rank orthonormal rows, */
    double          *copy;              /* room for the larger of them */
    size_t           room;              /* doubles of all three, */
    hx_work_mark_t   mark;              /* and where all three are */
    unsigned         noisy;             /* the cross stopped gaining */
    unsigned         thick;             /* rows are not the cross's alone */
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

/* hx_tt_middle.c: q becomes rows that span those of the cross; v = t q. */
hx_rc_t hx_tt_middle_rows(hx_tt_middle_t *m, double *t);

/* hx_tt_middle.c: room for factors of so large a rank; HX_FAIL: no memory. */
hx_rc_t hx_tt_middle_room(hx_tt_middle_t *m, size_t rank);

/* hx_tt_middle.c: only for this one, when nothing is beyond; q stays. */
void hx_tt_middle_trim(hx_tt_middle_t *m, size_t rank);

/* hx_tt_middle.c: x = a q^T, from all of the array. */
hx_rc_t hx_tt_middle_project(hx_tt_middle_t *m);

/*
 * hx_tt_thick.c: the cross is full, and more rows are found in another way, so
 * many that hardly more than "limit" (a norm) is beside them.  Sets m->rank,
 * m->beside, m->noisy and the factors.  HX_NO: so many rows are no use.
 */
hx_rc_t hx_tt_middle_thick(hx_tt_middle_t *m, double limit);

/*
 * hx_tt_tier.c: a train that meets the tier; results as of hx_tt_search(), or
 * HX_PENDING: the order of bits has changed, all has to begin again.
 */
hx_rc_t hx_tt_middle_tier(hx_tt_middle_t *m, const hx_tt_tier_t *tier);

#endif /* HX_TT_MIDDLE_H */
