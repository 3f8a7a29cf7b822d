/*
 * hx_tt_dot.h -- numbers out of trains without decoding them.
 *
 * Pure; cores are read only, scratch is the caller's.  All trains given here
 * have been let pass by hx_tt_values().
 */

#ifndef HX_TT_DOT_H
#define HX_TT_DOT_H

#include "hx_tt.h"


/* Doubles of scratch that hx_tt_dot() needs. */
size_t hx_tt_dot_work(const hx_tt_t *a, const hx_tt_t *b);

/*
 * The inner product: the sum over all 2^d TT indices of a times b, padding
 * included.  Both must have the same d and order.  8 r^3 operations for each
 * core (Oseledets 2011, section 4.2); the relative error against |a| |b| is
 * about 1e-15.
 */
double hx_tt_dot(const hx_tt_t *a, const hx_tt_t *b, double *work);

/*
 * What it does for core k, which is ca and cb: t, r_k of a by r_k of b, becomes
 * that of k + 1; w takes 2 r_k of a times r_k+1 of b doubles.
 */
void hx_tt_dot_step(const hx_tt_t *a, const hx_tt_t *b, unsigned k,
    const double *ca, const double *cb, double *t, double *w);

/* The Frobenius norm, as above; scratch: hx_tt_dot_work(t, t). */
double hx_tt_norm(const hx_tt_t *t, double *work);

/*
 * 1 when such a norm says how large the train's values are.  Squares of what
 * lies between two cores may vanish or overflow where the values do neither, or
 * the other way round, and part of a train may do so beside another that does
 * not.  So no product of successive cores may be large, by the bound of its
 * rows, and the norm not small; 0: the values have to be looked at.
 */
int hx_tt_norm_sound(const hx_tt_t *t, double norm);

/* Doubles of scratch for hx_tt_signature(); bits <= t->d. */
size_t hx_tt_signature_work(const hx_tt_t *t, unsigned bits);

/*
 * Means of blocks: out[i], i < 2^bits, is the sum of the 2^(d - bits) values
 * whose TT index begins with i, divided by the square root of their number.
 * That is the product with orthonormal vectors (Haar's), so for signatures c_a,
 * c_b
 *
 *     | <a, b> - <c_a, c_b> | <= sqrt((|a|^2 - |c_a|^2) (|b|^2 - |c_b|^2)).
 */
void hx_tt_signature(const hx_tt_t *t, unsigned bits, double *out,
    double *work);

#endif /* HX_TT_DOT_H */
