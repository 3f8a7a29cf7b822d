/*
 * hx_tt_round.h -- from values, or two thin factors, to the cores of a train.
 *
 * Truncated singular value decompositions, bond by bond, from the outer bonds
 * inwards (Oseledets 2011).  What is cut off at all bonds together has at most
 * the energy asked for, and so has the error, up to rounding.
 */

#ifndef HX_TT_ROUND_H
#define HX_TT_ROUND_H

#include "hx_tt.h"
#include "hx_work.h"

typedef struct {
    hx_work_t   *work;
    double       energy;            /* square of a norm: what may still go */
    unsigned     bonds;             /* that have not been cut */
    uint64_t     values_max;        /* of all cores together */
    uint64_t     values;            /* so far */
    unsigned     d;
    uint32_t     rank[HX_TT_CORES_MAX + 1];
    double      *core[HX_TT_CORES_MAX];
} hx_tt_round_t;


void hx_tt_round_init(hx_tt_round_t *r, unsigned d, double norm,
    uint64_t values_max, hx_work_t *w);

/*
 * All cores from the 2^d values x, in order of the TT index, which are
 * destroyed.  HX_NO: more than values_max; HX_FAIL: no memory.
 */
hx_rc_t hx_tt_round_values(hx_tt_round_t *r, double *x);

/*
 * All cores from x y: x is 2^h x n, y n x 2^(d - h) with orthonormal rows.
 * Both are destroyed, and so is copy, which is as large as the larger of them.
 */
hx_rc_t hx_tt_round_factors(hx_tt_round_t *r, unsigned h, double *x, size_t n,
    double *y, double *copy);

/*
 * The train, its cores one after the other at "to", which is not where the
 * cores of r are and has room for r->values doubles.
 */
void hx_tt_round_train(const hx_tt_round_t *r, hx_tt_t *t,
    hx_tt_order_t order, double *to);

#endif /* HX_TT_ROUND_H */
