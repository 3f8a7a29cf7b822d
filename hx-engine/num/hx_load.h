/*
 * hx_load.h -- elements of any dtype as float64, and back.
 *
 * Sources and destinations may lie at any address.  64-bit integers beyond
 * 2^53 are rounded to the nearest float64 (ties to even).
 */

#ifndef HX_LOAD_H
#define HX_LOAD_H

#include "hx_dtype.h"

/* n elements that lie one after the other.  t: not HX_DTYPE_NONE. */
void hx_load_f8(hx_dtype_t t, const void *src, size_t n, double *dst);

/*
 * The other way: float32 by rounding to nearest even (beyond its range to
 * infinity); integers by rounding to nearest even and then to the nearest value
 * the type has; NaN becomes 0 there.
 */
void hx_store_f8(hx_dtype_t t, const double *src, size_t n, void *dst);

#endif /* HX_LOAD_H */
