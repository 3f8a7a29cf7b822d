/*
 * hx_row_avx2.c -- hx_row.h with four doubles at a time.  The whole file is
 * compiled for AVX2 and FMA and only called where hx_row.c has found them.
 */

#if defined(__x86_64__)

#pragma GCC push_options
#pragma GCC target("avx2,fma")

#include <immintrin.h>

typedef __m256d  lane_t;

#define LANES             4
#define LANES_TABLE       hx_row_avx2
#define LANES_NAME        "avx2"

#define lane_load(p)      _mm256_loadu_pd((const void *) (p))
#define lane_store(p, v)  _mm256_storeu_pd(p, v)
#define lane_set(x)       _mm256_set1_pd(x)
#define lane_add(a, b)    _mm256_add_pd(a, b)
#define lane_sub(a, b)    _mm256_sub_pd(a, b)
#define lane_mul(a, b)    _mm256_mul_pd(a, b)
#define lane_fma(a, b, c) _mm256_fmadd_pd(a, b, c)
#define lane_abs(a)       _mm256_andnot_pd(_mm256_set1_pd(-0.0), a)
#define lane_min(a, b)    _mm256_min_pd(a, b)
#define lane_max(a, b)    _mm256_max_pd(a, b)

#define lane_above(a, b, c, d)                                                \
    _mm256_blendv_pd(d, c, _mm256_cmp_pd(a, b, _CMP_GT_OQ))


/* op of all four, by halves */
#define LANES_FOLD(name, op)                                                  \
                                                                              \
static inline double                                                          \
name(__m256d a)                                                               \
{                                                                             \
    __m128d  b;                                                               \
                                                                              \
    b = op##_pd(_mm256_castpd256_pd128(a), _mm256_extractf128_pd(a, 1));      \
                                                                              \
    return _mm_cvtsd_f64(op##_sd(b, _mm_unpackhi_pd(b, b)));                  \
}

LANES_FOLD(lane_sum, _mm_add)
LANES_FOLD(lane_lowest, _mm_min)
LANES_FOLD(lane_highest, _mm_max)

#include "hx_row_lanes.h"

#pragma GCC pop_options

#else

typedef int  hx_row_no_avx2_t;

#endif
