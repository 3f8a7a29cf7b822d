/*
 * hx_number.h -- floating-point numbers as JSON text.
 */

#ifndef HX_NUMBER_H
#define HX_NUMBER_H

#include "hx_buf.h"

#define HX_NUMBER_MAX   32              /* bytes of one */

/*
 * Appends v with as few digits (15, 16 or 17) as give it back exactly, always
 * with a point or an exponent, so that it reads as floating point: 0.0, 1.5,
 * 1e-13.  A value that is not finite, for which JSON has no word, is null.
 */
void hx_number_f8(hx_buf_t *b, double v);

#endif /* HX_NUMBER_H */
