/*
 * hx_row_avx512.c -- hx_row.h with eight doubles at a time.  The whole file is
 * compiled for AVX-512 and only called where hx_row.c has found it.
 */

#if defined(__x86_64__)

#pragma GCC push_options
#pragma GCC target("avx512f")

#include <immintrin.h>

typedef __m512d  lane_t;

#define LANES             8
#define LANES_TABLE       hx_row_avx512
#define LANES_NAME        "avx512"

#define lane_load(p)      _mm512_loadu_pd(p)
#define lane_store(p, v)  _mm512_storeu_pd(p, v)
#define lane_set(x)       _mm512_set1_pd(x)
#define lane_add(a, b)    _mm512_add_pd(a, b)
#define lane_sub(a, b)    _mm512_sub_pd(a, b)
#define lane_mul(a, b)    _mm512_mul_pd(a, b)
#define lane_fma(a, b, c) _mm512_fmadd_pd(a, b, c)
#define lane_abs(a)       _mm512_abs_pd(a)
#define lane_min(a, b)    _mm512_min_pd(a, b)
#define lane_max(a, b)    _mm512_max_pd(a, b)

#define lane_above(a, b, c, d)                                                \
    _mm512_mask_mov_pd(d, _mm512_cmp_pd_mask(a, b, _CMP_GT_OQ), c)
#define lane_sum(a)       _mm512_reduce_add_pd(a)
#define lane_lowest(a)    _mm512_reduce_min_pd(a)
#define lane_highest(a)   _mm512_reduce_max_pd(a)

#include "hx_row_lanes.h"

#pragma GCC pop_options

#else

typedef int  hx_row_no_avx512_t;

#endif
