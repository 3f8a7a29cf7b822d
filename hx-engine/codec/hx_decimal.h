/*
 * hx_decimal.h -- numbers of JSON text compared as the decimals they are: no
 * rounding, whatever their length.  Pure, without allocation.
 *
 * 1.0, 1 and 10e-1 are the same number, and so are 0 and -0; 2^53 and 2^53 + 1
 * are not, nor are 1e400 and 1e401.  Only exponents have a bound: what is
 * beyond 10^18 counts as 10^18 (of either sign).
 */

#ifndef HX_DECIMAL_H
#define HX_DECIMAL_H

#include "hx_types.h"

/* Bytes of hx_decimal_encode. */
#define HX_DECIMAL_CODE   11

/* Digits that are told apart by it. */
#define HX_DECIMAL_EXACT  18

/* 0.d1 d2 d3 ... x 10^exp, with d1 != 0, or zero. */
typedef struct {
    const unsigned char  *digits;       /* from the first that is not 0; may
                                         * hold a point */
    size_t                len;          /* up to the last one that is not 0;
                                         * 0: zero */
    int64_t               exp;
    int                   negative;
} hx_decimal_t;


/* Text: a number by the grammar of JSON.  d points into it. */
void hx_decimal_parse(hx_decimal_t *d, const hx_str_t *text);

/* < 0, 0, > 0 */
int hx_decimal_compare(const hx_decimal_t *a, const hx_decimal_t *b);

/*
 * Bytes that sort as the numbers do.  Different numbers have the same ones
 * only if they agree in sign, exponent and the first HX_DECIMAL_EXACT digits,
 * or if both exponents are beyond 32767 on the same side.
 */
void hx_decimal_encode(unsigned char out[HX_DECIMAL_CODE],
    const hx_decimal_t *d);

#endif /* HX_DECIMAL_H */
