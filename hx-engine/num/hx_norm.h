/*
 * hx_norm.h -- the Frobenius norm of elements that come in pieces.  Pure.
 *
 * Squares are summed in units of a power of two, as LAPACK's DLASSQ does, so
 * that nothing overflows or vanishes on the way; blocks are summed by
 * themselves first, which keeps rounding small for long arrays.
 */

#ifndef HX_NORM_H
#define HX_NORM_H

#include "hx_dtype.h"

typedef struct {
    hx_dtype_t     dtype;
    int            bad;             /* an element is not a finite number */
    int            scale;           /* exponent of the unit */
    double         sum;             /* of squares, in units */
    size_t         have;            /* bytes of an element that is cut */
    unsigned char  part[8];
} hx_norm_t;


/* t: not HX_DTYPE_NONE. */
void hx_norm_init(hx_norm_t *n, hx_dtype_t t);

/* The next bytes of the elements; a piece may end within one. */
void hx_norm_add(hx_norm_t *n, const void *p, size_t len);

/* The norm; NaN if it is not a finite number. */
double hx_norm_value(const hx_norm_t *n);

#endif /* HX_NORM_H */
