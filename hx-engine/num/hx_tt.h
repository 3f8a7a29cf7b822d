/*
 * hx_tt.h -- arrays as tensor trains of binary modes (QTT): what a train is.
 *
 * An array of N values is padded to 2^d; its values are numbered by a "TT
 * index" of d bits, the most significant first, and
 *
 *     a[b_0 b_1 ... b_(d-1)] = G_0[b_0] G_1[b_1] ... G_(d-1)[b_(d-1)]
 *
 * with core k of r_k x 2 x r_(k+1) values, r_0 = r_d = 1 (I. Oseledets,
 * "Tensor-train decomposition", SIAM J. Sci. Comput. 33(5), 2011; B.
 * Khoromskij, "O(d log N)-quantics approximation", 2011).  Bytes stored: the
 * sum of r_k * 2 * r_(k+1) * 8.
 *
 * How a TT index becomes a place in the array ("order"):
 *
 *   HX_TT_ROWS         it is the position in memory, as the array lies there
 *                      (C or Fortran order alike); the padding is at the end.
 *   HX_TT_INTERLEAVED  each dimension is padded to a power of two, 2^m_j; the
 *                      bits of the coordinates are mixed: for level = highest
 *                      m - 1 down to 0, for each dimension from the slowest in
 *                      memory to the fastest, bit "level" of its coordinate,
 *                      if m_j > level.
 *
 * Padding is zero.  Errors are counted on real elements only.
 */

#ifndef HX_TT_H
#define HX_TT_H

#include "hx_dtype.h"

#define HX_TT_CORES_MAX    40           /* d: up to 2^40 values */
#define HX_TT_RANK_MAX     65535

/* The numbers are part of the stored format: never change one. */
typedef enum {
    HX_TT_ROWS = 0,
    HX_TT_INTERLEAVED = 1
} hx_tt_order_t;

/*
 * The contract's words for the relative Frobenius error of what is served:
 * exact < 1e-12, safe < 1e-6, weak < 1e-3.  Part of the stored format.
 */
typedef enum {
    HX_VERDICT_PASSTHROUGH = 0,         /* the bytes as they came */
    HX_VERDICT_EXACT = 1,
    HX_VERDICT_SAFE = 2,
    HX_VERDICT_WEAK = 3
} hx_verdict_t;

#define HX_TT_EXACT_BELOW  1e-12
#define HX_TT_SAFE_BELOW   1e-6
#define HX_TT_WEAK_BELOW   1e-3

/* A train; the cores belong to somebody else. */
typedef struct {
    unsigned         d;                 /* cores: 1 .. HX_TT_CORES_MAX */
    hx_tt_order_t    order;
    uint32_t         rank[HX_TT_CORES_MAX + 1];
    const double    *core;              /* one core after the other, each
                                         * r_k x 2 x r_(k+1), last index
                                         * fastest */
} hx_tt_t;

/*
 * Where the bits of a TT index lie in an array.  Dimensions of one element are
 * left out; dimension 0 is the slowest in memory, the last one the fastest.
 * The element at coordinates c_j stands at position sum c_j stride[j], and bit
 * b of the index is bit level[b] of coordinate dim[b].
 */
typedef struct {
    unsigned         d;
    unsigned         ndim;              /* 1 .. HX_DIMS_MAX */
    uint64_t         len[HX_DIMS_MAX];
    uint64_t         stride[HX_DIMS_MAX];       /* in elements */
    uint8_t          dim[HX_TT_CORES_MAX];
    uint8_t          level[HX_TT_CORES_MAX];
} hx_tt_map_t;


/* The smallest m with 2^m >= n; 0 for n = 0. */
unsigned hx_tt_bits(uint64_t n);

/*
 * Values of all cores together, so a multiple of 2; 0 when t is not a train:
 * d or a rank out of range, ends other than 1, too many values to address.
 * The cores are not looked at.
 */
uint64_t hx_tt_values(const hx_tt_t *t);

/*
 * Cores of a train for an array: padded to 2^d values, at least one core; 0
 * when the array is empty, of no dtype, or too large.
 */
unsigned hx_tt_cores(const hx_array_t *a, hx_tt_order_t order);

/*
 * HX_OK and the map of an array in a train of d cores; HX_NO when they do not
 * fit: HX_TT_ROWS takes any d that hx_tt_cores() or a larger one gives,
 * HX_TT_INTERLEAVED only that one.
 */
hx_rc_t hx_tt_map(hx_tt_map_t *m, const hx_array_t *a, hx_tt_order_t order,
    unsigned d);

#endif /* HX_TT_H */
