/*
 * hx_tt_stats.c -- see the header.
 */

#include <float.h>
#include <math.h>
#include <string.h>

#include "hx_load.h"
#include "hx_tt_stats.h"
#include "hx_row.h"

#define HX_TT_STATS_STEP   2048

/* Squares of these, and sums of 2^60 of them, are normal numbers. */
#define HX_TT_STATS_LARGE  1e140
#define HX_TT_STATS_SMALL  1e-140


/* One pass; values are multiplied by scale before they are squared. */
static double
hx_tt_stats_pass(hx_tt_stats_t *s, hx_dtype_t dtype,
    const unsigned char *data, uint64_t n, double scale, hx_tt_sketch_t *k)
{
    double           sum, x[HX_TT_STATS_STEP];
    size_t           i, part, size;
    uint64_t         at;
    const void      *from;
    hx_row_stats_t   vs;

    size = hx_dtype_size(dtype);
    s->min = INFINITY;
    s->max = -INFINITY;

    for (sum = 0, at = 0; n != 0; n -= part, at += part, data += part * size) {
        part = n < HX_TT_STATS_STEP ? (size_t) n : HX_TT_STATS_STEP;
        from = data;

        if (dtype != HX_DTYPE_F8 || scale != 1) {
            hx_load_f8(dtype, data, part, x);
            from = x;
        }

        for (i = 0; scale != 1 && i < part; i++) {
            /* scale != 1 */
            /* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign) */
            x[i] *= scale;
        }

        hx_row()->stats(from, part, &vs);

        if (k != NULL) {
            hx_tt_sketch_add(k, at, from, part);
        }

        sum += vs.square;
        s->min = vs.min < s->min ? vs.min : s->min;
        s->max = vs.max > s->max ? vs.max : s->max;
    }

    return sum;
}


/* 1: an element is NaN or infinite. */
static int
hx_tt_stats_broken(hx_dtype_t dtype, const unsigned char *data, uint64_t n)
{
    double  x[HX_TT_STATS_STEP];
    size_t  i, part;

    if (dtype != HX_DTYPE_F8 && dtype != HX_DTYPE_F4) {
        return 0;
    }

    for ( /* void */ ; n != 0; n -= part) {
        part = n < HX_TT_STATS_STEP ? (size_t) n : HX_TT_STATS_STEP;
        hx_load_f8(dtype, data, part, x);
        data += part * hx_dtype_size(dtype);

        for (i = 0; i < part; i++) {
            if (!isfinite(x[i])) {
                return 1;
            }
        }
    }

    return 0;
}


void
hx_tt_stats(hx_tt_stats_t *s, hx_dtype_t dtype, const void *data, uint64_t n,
    hx_tt_sketch_t *k)
{
    double         sum, most;
    int            exponent;
    hx_tt_stats_t  scaled;

    if (n == 0) {
        s->norm = 0;
        s->min = 0;
        s->max = 0;
        return;
    }

    sum = hx_tt_stats_pass(s, dtype, data, n, 1, k);
    most = fmax(fabs(s->min), fabs(s->max));

    if (isfinite(sum) && most < HX_TT_STATS_LARGE
        && (most > HX_TT_STATS_SMALL || most == 0))
    {
        s->norm = sqrt(sum);
        return;
    }

    if (hx_tt_stats_broken(dtype, data, n)) {
        s->norm = NAN;
        return;
    }

    /* the same with the largest value between 1/2 and 1, exactly */
    (void) frexp(most, &exponent);
    exponent = exponent < DBL_MIN_EXP ? DBL_MIN_EXP : exponent;

    sum = hx_tt_stats_pass(&scaled, dtype, data, n, ldexp(1, -exponent), NULL);
    s->norm = ldexp(sqrt(sum), exponent);
}
