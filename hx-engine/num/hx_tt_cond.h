/*
 * hx_tt_cond.h -- how far numbers out of the cores of a train may be trusted.
 *
 * hx_tt_dot() works on what lies left of a bond, a matrix of r_k columns, and
 * its rounding errors are then multiplied by what lies right of it.  With L_k
 * and R_k these two,
 *
 *     kappa = max over k of |L_k| |R_k| / |train|     (Frobenius norms)
 *
 * is at most sqrt(largest rank) for a train as rounding makes them, whose sides
 * are orthogonal, and large for one whose value is the difference of large
 * ones.  The error of a product is about 1e-16 kappa_a kappa_b |a| |b|.
 *
 * Pure; the scratch is the caller's.
 */

#ifndef HX_TT_COND_H
#define HX_TT_COND_H

#include "hx_tt.h"


/* Doubles of scratch. */
size_t hx_tt_cond_work(const hx_tt_t *t);

/* kappa; infinity when the train is zero or not finite. */
double hx_tt_cond(const hx_tt_t *t, double *work);

#endif /* HX_TT_COND_H */
