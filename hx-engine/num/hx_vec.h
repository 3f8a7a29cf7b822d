/*
 * hx_vec.h -- inner products, norms and distances of float64 vectors, exact to
 * a few units in the last place however long the vectors are.
 *
 * Sums are taken over steps of at most HX_VEC_STEP elements, each with a fixed
 * set of lanes, and the steps are added with Neumaier's compensation (A.
 * Neumaier, ZAMM 54, 1974): the error is at most about HX_VEC_STEP / 8 * 2^-53
 * * sum |a_i b_i|, with AVX-512 a quarter of that.  The same
 * values in the same steps give the same bits, wherever they were kept: callers
 * cut at multiples of HX_VEC_STEP, so that equal arrays tie.
 *
 * Squares of values beyond about 2^500 or below 2^-450 leave the range of
 * float64; hx_vec_in_range() says so, and hx_vec_long_add() works in long
 * double (x86: 15 bits of exponent).  Pure.
 */

#ifndef HX_VEC_H
#define HX_VEC_H

#include <float.h>

#include "hx_types.h"

/* x86, or 128 bits; elsewhere (arm of 32 bits, double-double) infinities would
 * not be told from large arrays */
_Static_assert(LDBL_MAX_EXP > 2 * DBL_MAX_EXP,
               "squares of float64 have to fit into long double");

#define HX_VEC_STEP   4096      /* elements */

typedef struct {
    double  sum;
    double  rest;               /* of the rounding errors */
} hx_vec_acc_t;

typedef struct {
    hx_vec_acc_t  ab;           /* sum a_i b_i */
    hx_vec_acc_t  aa;
    hx_vec_acc_t  bb;
    hx_vec_acc_t  dd;           /* sum (a_i - b_i)^2: no cancellation */
} hx_vec_sums_t;

typedef struct {
    long double  ab;
    long double  aa;
    long double  bb;
    long double  dd;
} hx_vec_long_t;


/* All zero is the beginning of either.  n: 1 .. HX_VEC_STEP. */
void hx_vec_add(hx_vec_sums_t *s, const double *a, const double *b, size_t n);
void hx_vec_long_add(hx_vec_long_t *s, const double *a, const double *b,
    size_t n);

static inline double
hx_vec_total(const hx_vec_acc_t *a)
{
    return a->sum + a->rest;
}


/* May a sum of squares be used as it is?  Not for 0, infinity and NaN. */
static inline int
hx_vec_in_range(double squares)
{
    return squares >= 0x1p-900 && squares <= 0x1p1000;
}


typedef struct {
    double        max;          /* largest |x_i| */
    hx_vec_acc_t  squares;      /* sum x_i^2 */
    int           bad;          /* there is a NaN or an infinity */
} hx_vec_stat_t;

/* All zero is the beginning; n: 1 .. HX_VEC_STEP. */
void hx_vec_stat_add(hx_vec_stat_t *s, const double *x, size_t n);

/* "avx512", "avx2" or "scalar": what this processor runs. */
const char *hx_vec_impl(void);

#endif /* HX_VEC_H */
