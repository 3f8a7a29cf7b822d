/*
 * hx_vec_scalar.c -- hx_vec.h and hx_scan.h for any processor.
 */

#include "hx_vec_impl.h"

#define HX_W           16               /* SSE2, NEON */
#define HX_VEC_TABLE   hx_vec_scalar
#define HX_VEC_NAME    "scalar"


HX_VEC_INLINE int64_t
hx_vec_level(const unsigned char *row, const int8_t *p, size_t len)
{
    size_t   i;
    int64_t  sum;

    for (i = 0, sum = 0; i < len; i++) {
        sum += row[i] * p[i];
    }

    return sum;
}


#include "hx_vec_body.h"
