/*
 * hx_tt_stats.h -- what one pass over an array tells.
 */

#ifndef HX_TT_STATS_H
#define HX_TT_STATS_H

#include "hx_dtype.h"
#include "hx_tt_sketch.h"

typedef struct {
    double      norm;           /* Frobenius, as float64; NaN: a value is not a
                                 * finite number; INFINITY: beyond float64 */
    double      min;            /* of finite values; 0, 0 without elements */
    double      max;
} hx_tt_stats_t;


/*
 * n elements at any address.  Values are taken as float64 (64-bit integers
 * rounded); the norm is right to about 1e-14 whatever their magnitude.  k, if
 * not NULL, gets them all as TT indices 0 .. n - 1.
 */
void hx_tt_stats(hx_tt_stats_t *s, hx_dtype_t dtype, const void *data,
    uint64_t n, hx_tt_sketch_t *k);

#endif /* HX_TT_STATS_H */
