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
hx_split_avx2(const double *x, size_t n, double step, int8_t *p, int8_t *r,
    double *coarse)
{
    return hx_vec_split_body(x, n, step, p, r, coarse);
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


/* One row, up to HX_VEC_BLOCK bytes of it, times one level. */
HX_AVX2 HX_VEC_INLINE int64_t
hx_level_avx2(const unsigned char *row, const int8_t *p, size_t len)
{
    size_t   i;
    __m256i  a, b;

    a = b = _mm256_setzero_si256();

    for (i = 0; i < len; i += 32) {
        a = _mm256_add_epi32(a, _mm256_madd_epi16(
                _mm256_cvtepu8_epi16(_mm_load_si128((const void *)
                                                    (row + i))),
                _mm256_cvtepi8_epi16(_mm_load_si128((const void *)
                                                    (p + i)))));
        b = _mm256_add_epi32(b, _mm256_madd_epi16(
                _mm256_cvtepu8_epi16(_mm_load_si128((const void *)
                                                    (row + i + 16))),
                _mm256_cvtepi8_epi16(_mm_load_si128((const void *)
                                                    (p + i + 16)))));
    }

    return hx_lanes_avx2(_mm256_add_epi32(a, b));
}


HX_AVX2 HX_VEC_INLINE int64_t
hx_product_avx2(const unsigned char *row, const int8_t *p, size_t stride)
{
    size_t   i, len;
    int64_t  sum;

    for (i = 0, sum = 0; i < stride; i += len) {
        len = stride - i < HX_VEC_BLOCK ? stride - i : HX_VEC_BLOCK;
        sum += hx_level_avx2(row + i, p + i, len);
    }

    return sum;
}


HX_AVX2 static void
hx_coarse_avx2(const hx_scan_query_t *y, const unsigned char *rows, size_t n,
    float *out)
{
    size_t  i;

    for (i = 0; i < n; i++, rows += y->stride) {
        out[i] = (float) (y->t * (double) (hx_product_avx2(rows, y->p,
                                                           y->stride)
                                           - 128 * y->p_sum));
    }
}


HX_AVX2 static void
hx_rows_avx2(const hx_scan_query_t *y, const unsigned char *rows, size_t n,
    float *out)
{
    size_t   i;
    int64_t  p, r;

    for (i = 0; i < n; i++, rows += y->stride) {
        p = hx_product_avx2(rows, y->p, y->stride) - 128 * y->p_sum;
        r = hx_product_avx2(rows, y->r, y->stride) - 128 * y->r_sum;
        out[i] = (float) (y->t * (double) p + y->u * (double) r);
    }
}


HX_AVX2 static size_t
hx_pick_avx2(const hx_scan_pick_t *p, float *out, size_t n, uint32_t *row)
{
    return hx_vec_pick_body(p, out, n, row);
}


HX_AVX2 static double
hx_sum_avx2(const double *x, size_t n)
{
    return hx_vec_sum_body(x, n);
}


const hx_vec_impl_t  hx_vec_avx2 = {
    "avx2", hx_pair_avx2, hx_stat_avx2, hx_row_avx2, hx_split_avx2,
    hx_coarse_avx2, hx_rows_avx2, hx_signatures_avx2,
    hx_pick_avx2, hx_sum_avx2
};

#endif
