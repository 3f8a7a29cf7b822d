/*
 * hx_vec_avx512.c -- the loops with AVX-512; products of bytes with VNNI.
 *
 * vpdpbusd multiplies 64 unsigned by 64 signed bytes and adds them by fours to
 * 16 sums of 32 bits.  Rows are read one after the other, which the processor
 * foresees best, and with as few instructions as can be, so that it has many of
 * their lines under way.
 */

#define HX_W   64

#include "hx_vec_body.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define HX_AVX512                                                             \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma")))


HX_AVX512 static void
hx_pair_avx512(const double *a, const double *b, size_t n, double out[4])
{
    hx_vec_pair_body(a, b, n, out);
}


HX_AVX512 static double
hx_stat_avx512(const double *x, size_t n, double *max, int *bad)
{
    return hx_vec_stat_body(x, n, max, bad);
}


HX_AVX512 static double
hx_row_avx512(const double *x, size_t n, double inverse, double step,
    unsigned char *q)
{
    return hx_vec_row_body(x, n, inverse, step, q);
}


HX_AVX512 static double
hx_split_avx512(const double *x, size_t n, double step, int8_t *p, int8_t *r,
    double *coarse)
{
    return hx_vec_split_body(x, n, step, p, r, coarse);
}


HX_AVX512 static void
hx_signatures_avx512(const float *rows, size_t n, const float *q, float *out)
{
    hx_vec_signatures_body(rows, n, q, out);
}


/* One row, up to HX_VEC_BLOCK bytes of it, times one level. */
HX_AVX512 HX_VEC_INLINE int64_t
hx_level_avx512(const unsigned char *row, const int8_t *p, size_t len)
{
    size_t   i;
    __m512i  a, b;

    a = b = _mm512_setzero_si512();

    for (i = 0; i + 128 <= len; i += 128) {
        a = _mm512_dpbusd_epi32(a, _mm512_load_si512(row + i),
                                _mm512_load_si512(p + i));
        b = _mm512_dpbusd_epi32(b, _mm512_load_si512(row + i + 64),
                                _mm512_load_si512(p + i + 64));
    }

    if (i < len) {
        a = _mm512_dpbusd_epi32(a, _mm512_load_si512(row + i),
                                _mm512_load_si512(p + i));
    }

    return _mm512_reduce_add_epi32(_mm512_add_epi32(a, b));
}


HX_AVX512 HX_VEC_INLINE int64_t
hx_product_avx512(const unsigned char *row, const int8_t *p, size_t stride)
{
    size_t   i, len;
    int64_t  sum;

    for (i = 0, sum = 0; i < stride; i += len) {
        len = stride - i < HX_VEC_BLOCK ? stride - i : HX_VEC_BLOCK;
        sum += hx_level_avx512(row + i, p + i, len);
    }

    return sum;
}


HX_AVX512 static void
hx_coarse_avx512(const hx_scan_query_t *y, const unsigned char *rows,
    size_t n, float *out)
{
    size_t  i;

    for (i = 0; i < n; i++, rows += y->stride) {
        out[i] = (float) (y->t * (double) (hx_product_avx512(rows, y->p,
                                                             y->stride)
                                           - 128 * y->p_sum));
    }
}


HX_AVX512 static void
hx_rows_avx512(const hx_scan_query_t *y, const unsigned char *rows, size_t n,
    float *out)
{
    size_t   i;
    int64_t  p, r;

    for (i = 0; i < n; i++, rows += y->stride) {
        p = hx_product_avx512(rows, y->p, y->stride) - 128 * y->p_sum;
        r = hx_product_avx512(rows, y->r, y->stride) - 128 * y->r_sum;
        out[i] = (float) (y->t * (double) p + y->u * (double) r);
    }
}


HX_AVX512 static size_t
hx_pick_avx512(const hx_scan_pick_t *p, float *out, size_t n, uint32_t *row)
{
    return hx_vec_pick_body(p, out, n, row);
}


HX_AVX512 static double
hx_sum_avx512(const double *x, size_t n)
{
    return hx_vec_sum_body(x, n);
}


const hx_vec_impl_t  hx_vec_avx512 = {
    "avx512", hx_pair_avx512, hx_stat_avx512, hx_row_avx512, hx_split_avx512,
    hx_coarse_avx512, hx_rows_avx512, hx_signatures_avx512,
    hx_pick_avx512, hx_sum_avx512
};

#endif
