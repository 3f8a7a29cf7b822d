/*
 * hx_vec_avx512.c -- the loops with AVX-512; products of bytes with VNNI.
 *
 * vpdpbusd multiplies 64 unsigned by 64 signed bytes and adds them by fours to
 * 16 sums of 32 bits.  Rows are read one after the other, which the processor
 * foresees best; only where four short ones are one stream anyway, or the query
 * would not stay in the first cache, four share its loads.
 */

#define HX_W   64

#include "hx_vec_body.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define HX_SHORT   256              /* bytes of a row */
#define HX_LONG    8192

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
hx_split_avx512(const double *x, size_t n, double step, int8_t *p, int8_t *r)
{
    return hx_vec_split_body(x, n, step, p, r);
}


HX_AVX512 static void
hx_signatures_avx512(const float *rows, size_t n, const float *q, float *out)
{
    hx_vec_signatures_body(rows, n, q, out);
}


/* One block of up to HX_VEC_BLOCK bytes of k rows. */
HX_AVX512 HX_VEC_INLINE void
hx_block_avx512(const hx_scan_query_t *y, const unsigned char *rows, size_t k,
    size_t from, size_t to, int64_t sum[8])
{
    size_t   i, j;
    __m512i  v, p, r, ps[4], rs[4];

#pragma GCC unroll 4
    for (j = 0; j < k; j++) {
        ps[j] = rs[j] = _mm512_setzero_si512();
    }

    for (i = from; i < to; i += 64) {
        p = _mm512_load_si512(y->p + i);
        r = _mm512_load_si512(y->r + i);

#pragma GCC unroll 4
        for (j = 0; j < k; j++) {
            v = _mm512_load_si512(rows + j * y->stride + i);
            ps[j] = _mm512_dpbusd_epi32(ps[j], v, p);
            rs[j] = _mm512_dpbusd_epi32(rs[j], v, r);
        }
    }

#pragma GCC unroll 4
    for (j = 0; j < k; j++) {
        sum[2 * j] += _mm512_reduce_add_epi32(ps[j]);
        sum[2 * j + 1] += _mm512_reduce_add_epi32(rs[j]);
    }
}


HX_AVX512 HX_VEC_INLINE void
hx_some_avx512(const hx_scan_query_t *y, const unsigned char *rows, size_t k,
    float *out)
{
    size_t   from, to, j;
    int64_t  sum[8] = { 0 };

    for (from = 0; from < y->stride; from = to) {
        to = y->stride - from > HX_VEC_BLOCK ? from + HX_VEC_BLOCK : y->stride;
        hx_block_avx512(y, rows, k, from, to, sum);
    }

#pragma GCC unroll 4
    for (j = 0; j < k; j++) {
        out[j] = (float) (y->t * (double) (sum[2 * j] - 128 * y->p_sum)
                          + y->u * (double) (sum[2 * j + 1] - 128 * y->r_sum));
    }
}


HX_AVX512 static void
hx_rows_avx512(const hx_scan_query_t *y, const unsigned char *rows, size_t n,
    float *out)
{
    size_t  i;

    i = 0;

    if (y->stride <= HX_SHORT || y->stride > HX_LONG) {
        for ( /* void */ ; i + 4 <= n; i += 4) {
            hx_some_avx512(y, rows + i * y->stride, 4, out + i);
        }
    }

    for ( /* void */ ; i < n; i++) {
        hx_some_avx512(y, rows + i * y->stride, 1, out + i);
    }
}


HX_AVX512 static void
hx_bounds_avx512(const float *scale, const float *error, float k, float c,
    float *out, float *up, size_t n)
{
    hx_vec_bounds_body(scale, error, k, c, out, up, n);
}


HX_AVX512 static double
hx_sum_avx512(const double *x, size_t n)
{
    return hx_vec_sum_body(x, n);
}


const hx_vec_impl_t  hx_vec_avx512 = {
    "avx512", hx_pair_avx512, hx_stat_avx512, hx_row_avx512, hx_split_avx512,
    hx_rows_avx512, hx_signatures_avx512, hx_bounds_avx512,
    hx_sum_avx512
};

#endif
