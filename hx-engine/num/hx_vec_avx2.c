/*
 * hx_vec_avx2.c -- the loops with AVX2 and FMA.
 *
 * Bytes are widened to 16 bits before they are multiplied: the instruction for
 * bytes (vpmaddubsw) saturates.
 */

#define HX_W   32

#include "hx_vec_body.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define HX_AHEAD  4096

#define HX_AVX2   __attribute__((target("avx2,fma")))


HX_AVX2 static void
hx_pair_avx2(const double *a, const double *b, size_t n, double out[4])
{
    hx_vec_pair_body(a, b, n, out);
}


HX_AVX2 static double
hx_stat_avx2(const double *x, size_t n, double *max, int *bad)
{
    return hx_vec_stat_body(x, n, max, bad);
}


HX_AVX2 static double
hx_row_avx2(const double *x, size_t n, double inverse, double step,
    unsigned char *q)
{
    return hx_vec_row_body(x, n, inverse, step, q);
}


HX_AVX2 static double
hx_split_avx2(const double *x, size_t n, double step, int8_t *p, int8_t *r)
{
    return hx_vec_split_body(x, n, step, p, r);
}


HX_AVX2 static void
hx_signatures_avx2(const float *rows, size_t n, const float *q, float *out)
{
    hx_vec_signatures_body(rows, n, q, out);
}


HX_AVX2 HX_VEC_INLINE int32_t
hx_lanes_avx2(__m256i v)
{
    __m128i  s;

    s = _mm_add_epi32(_mm256_castsi256_si128(v),
                      _mm256_extracti128_si256(v, 1));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1));

    return _mm_cvtsi128_si32(s);
}


/* One block of up to HX_VEC_BLOCK bytes of "k" rows. */
HX_AVX2 HX_VEC_INLINE void
hx_block_avx2(const hx_scan_query_t *y, const unsigned char *rows, size_t k,
    size_t from, size_t to, int64_t sum[4])
{
    size_t   i, j;
    __m256i  v, p, r, ps[2], rs[2];

#pragma GCC unroll 4
    for (j = 0; j < k; j++) {
        ps[j] = rs[j] = _mm256_setzero_si256();
    }

    for (i = from; i < to; i += 16) {
        p = _mm256_cvtepi8_epi16(_mm_load_si128((const void *) (y->p + i)));
        r = _mm256_cvtepi8_epi16(_mm_load_si128((const void *) (y->r + i)));

#pragma GCC unroll 4
        for (j = 0; j < k; j++) {
            if (i % 32 == 0) {
                _mm_prefetch((const char *) rows + i * k + j * 32 + HX_AHEAD,
                             _MM_HINT_T0);
            }

            v = _mm256_cvtepu8_epi16(_mm_load_si128(
                    (const void *) (rows + j * y->stride + i)));
            ps[j] = _mm256_add_epi32(ps[j], _mm256_madd_epi16(v, p));
            rs[j] = _mm256_add_epi32(rs[j], _mm256_madd_epi16(v, r));
        }
    }

#pragma GCC unroll 4
    for (j = 0; j < k; j++) {
        sum[2 * j] += hx_lanes_avx2(ps[j]);
        sum[2 * j + 1] += hx_lanes_avx2(rs[j]);
    }
}


HX_AVX2 HX_VEC_INLINE void
hx_some_avx2(const hx_scan_query_t *y, const unsigned char *rows, size_t k,
    float *out)
{
    size_t   from, to, j;
    int64_t  sum[4] = { 0 };

    for (from = 0; from < y->stride; from = to) {
        to = y->stride - from > HX_VEC_BLOCK ? from + HX_VEC_BLOCK : y->stride;
        hx_block_avx2(y, rows, k, from, to, sum);
    }

#pragma GCC unroll 4
    for (j = 0; j < k; j++) {
        out[j] = (float) (y->t * (double) (sum[2 * j] - 128 * y->p_sum)
                          + y->u * (double) (sum[2 * j + 1] - 128 * y->r_sum));
    }
}


HX_AVX2 static void
hx_rows_avx2(const hx_scan_query_t *y, const unsigned char *rows, size_t n,
    float *out)
{
    size_t  i;

    for (i = 0; i + 2 <= n; i += 2) {
        hx_some_avx2(y, rows + i * y->stride, 2, out + i);
    }

    if (i < n) {
        hx_some_avx2(y, rows + i * y->stride, 1, out + i);
    }
}


HX_AVX2 static void
hx_bounds_avx2(const float *scale, const float *error, float k, float c,
    float *out, float *up, size_t n)
{
    hx_vec_bounds_body(scale, error, k, c, out, up, n);
}


HX_AVX2 static double
hx_sum_avx2(const double *x, size_t n)
{
    return hx_vec_sum_body(x, n);
}


const hx_vec_impl_t  hx_vec_avx2 = {
    "avx2", hx_pair_avx2, hx_stat_avx2, hx_row_avx2, hx_split_avx2,
    hx_rows_avx2, hx_signatures_avx2, hx_bounds_avx2,
    hx_sum_avx2
};

#endif
