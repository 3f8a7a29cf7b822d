/*
 * hx_row_scalar.c -- hx_row.h in plain C, for any processor.
 */

#include <math.h>
#include <string.h>

typedef double  lane_t;

#define LANES             1
#define LANES_TABLE       hx_row_scalar
#define LANES_NAME        "scalar"


static inline lane_t
lane_load(const void *p)
{
    double  x;

    memcpy(&x, p, sizeof(x));

    return x;
}


#define lane_store(p, v)  (*(p) = (v))
#define lane_set(x)       ((double) (x))
#define lane_add(a, b)    ((a) + (b))
#define lane_sub(a, b)    ((a) - (b))
#define lane_mul(a, b)    ((a) * (b))
#define lane_fma(a, b, c) ((a) * (b) + (c))
#define lane_abs(a)       fabs(a)
#define lane_min(a, b)    ((a) < (b) ? (a) : (b))
#define lane_max(a, b)    ((a) > (b) ? (a) : (b))

#define lane_above(a, b, c, d)  ((a) > (b) ? (c) : (d))
#define lane_sum(a)       (a)
#define lane_lowest(a)    (a)
#define lane_highest(a)   (a)

#include "hx_row_lanes.h"
