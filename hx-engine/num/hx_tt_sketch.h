/*
 * hx_tt_sketch.h -- two numbers for each row of an unfolding: its products with
 * two vectors of random signs.
 *
 * Their squares are, on average, the square of the row's norm, and they are
 * linear: taking u v^T out of the matrix takes u (v w) out of the sketch.  So
 * after one pass over an array, which is that of hx_tt_stats(), a cross knows
 * without another one where its error is, even if that is a single element.
 */

#ifndef HX_TT_SKETCH_H
#define HX_TT_SKETCH_H

#include "hx_tt.h"
#include "hx_work.h"

typedef struct {
    unsigned     d;
    unsigned     h;                 /* bits of a row's number */
    size_t       rows;              /* 2^h */
    size_t       cols;              /* 2^(d - h) */
    double      *sign[2];           /* cols each */
    double      *sum[2];            /* rows each */
} hx_tt_sketch_t;


/* Signs from the seed, sums 0.  HX_FAIL: no memory. */
hx_rc_t hx_tt_sketch_init(hx_tt_sketch_t *k, unsigned d, unsigned h,
    uint64_t seed, hx_work_t *w);

/* Adds n values that stand at TT indices first, first + 1, ... */
void hx_tt_sketch_add(hx_tt_sketch_t *k, uint64_t first, const void *x,
    size_t n);

/* Adds all of an array, in any order of bits. */
hx_rc_t hx_tt_sketch_array(hx_tt_sketch_t *k, const hx_tt_map_t *m,
    hx_dtype_t dtype, const void *data, uint64_t elements, hx_work_t *w);

#endif /* HX_TT_SKETCH_H */
