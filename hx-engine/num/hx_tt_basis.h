/*
 * hx_tt_basis.h -- the few directions most of a matrix lies in.
 */

#ifndef HX_TT_BASIS_H
#define HX_TT_BASIS_H

#include "hx_work.h"

typedef struct {
    size_t    rank;             /* directions, at least 1 */
    double   *u;                /* rank rows of ld values: orthonormal; not set
                                 * when "whole" */
    size_t    ld;
    unsigned  whole;            /* rank is all there is: take unit vectors */
    double    lost;             /* energy outside of them */
} hx_tt_basis_t;

/*
 * A basis of the column space of the a x b matrix m (rows contiguous), b >= 1,
 * up to the energy "share" (a sum of squares); m is destroyed.  rank_max: more
 * is no use.  The rank is that of a truncated singular value decomposition.
 *
 * HX_NO: more than rank_max; HX_FAIL: no memory.
 */
hx_rc_t hx_tt_basis(hx_tt_basis_t *out, double *m, size_t a, size_t b,
    double share, size_t rank_max, hx_work_t *w);

#endif /* HX_TT_BASIS_H */
