/*
 * hx_norm.c -- see the header.
 */

#include <math.h>
#include <string.h>

#include "hx_load.h"
#include "hx_norm.h"

#define HX_NORM_BLOCK  256


void
hx_norm_init(hx_norm_t *n, hx_dtype_t t)
{
    memset(n, 0, sizeof(*n));
    n->dtype = t;
}


static void
hx_norm_block(hx_norm_t *n, const double *x, size_t len)
{
    int     e;
    double  max, sum, v;
    size_t  i;

    max = 0;
    sum = 0;

    for (i = 0; i < len; i++) {
        v = fabs(x[i]);

        if (!(v <= 0x1.fffffffffffffp1023)) {
            n->bad = 1;
            return;
        }

        max = v > max ? v : max;
    }

    if (max == 0) {
        return;
    }

    (void) frexp(max, &e);

    for (i = 0; i < len; i++) {
        v = ldexp(x[i], -e);
        sum += v * v;
    }

    if (n->sum == 0) {
        n->scale = e;

    } else if (e > n->scale) {
        n->sum = ldexp(n->sum, 2 * (n->scale - e));
        n->scale = e;

    } else {
        sum = ldexp(sum, 2 * (e - n->scale));
    }

    n->sum += sum;
}


static void
hx_norm_elements(hx_norm_t *n, const unsigned char *p, size_t count)
{
    size_t  len;
    double  x[HX_NORM_BLOCK];

    for ( /* void */ ; count != 0; count -= len) {
        len = count < HX_NORM_BLOCK ? count : HX_NORM_BLOCK;
        hx_load_f8(n->dtype, p, len, x);
        hx_norm_block(n, x, len);
        p += len * hx_dtype_size(n->dtype);
    }
}


void
hx_norm_add(hx_norm_t *n, const void *bytes, size_t len)
{
    size_t                size, take;
    const unsigned char  *p;

    p = bytes;
    size = hx_dtype_size(n->dtype);

    if (n->have != 0) {
        take = size - n->have < len ? size - n->have : len;
        memcpy(n->part + n->have, p, take);
        n->have += take;
        p += take;
        len -= take;

        if (n->have < size) {
            return;
        }

        hx_norm_elements(n, n->part, 1);
    }

    hx_norm_elements(n, p, len / size);
    n->have = len % size;
    memcpy(n->part, p + (len - n->have), n->have);
}


double
hx_norm_value(const hx_norm_t *n)
{
    double  v;

    v = n->bad ? (double) NAN : ldexp(sqrt(n->sum), n->scale);

    return isfinite(v) ? v : (double) NAN;
}
