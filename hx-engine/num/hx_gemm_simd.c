/*
 * hx_gemm_simd.c -- the product in registers (x86-64 with AVX-512 or AVX2).
 *
 * A tile of C, at most 8 x 16 (AVX-512) or 4 x 8 (AVX2), stays in registers
 * while k runs; elements of A are broadcast, rows of B loaded, so nothing has
 * to be packed.  Columns beyond n are masked, neither read nor written.  Each
 * element is the same chain of fused multiply-adds as in hx_gemm_scalar().
 * Called through hx_gemm.c only, on processors that have it.
 */

#include "hx_gemm.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define HX_INLINE  static inline __attribute__((always_inline))
#define HX_AVX512  __attribute__((target("avx512f")))
#define HX_AVX2    __attribute__((target("avx2,fma")))


/* The products of "rows" x "vecs" vectors, added to acc (sub: taken away). */
HX_AVX512 HX_INLINE void
hx_avx512_chain(const hx_gemm_t *g, const double *a, const double *b,
    __m512d acc[8][2], const unsigned rows, const unsigned vecs, __mmask8 tail,
    const int sub)
{
    size_t         l;
    __m512d        x, y[2];
    unsigned       i, v;
    const size_t   ars = g->ars, acs = g->acs, ldb = g->ldb;

    for (l = 0; l < g->k; l++) {
#pragma GCC unroll 2
        for (v = 0; v < vecs; v++) {
            y[v] = _mm512_maskz_loadu_pd(v + 1 == vecs ? tail : 0xff,
                                         b + v * 8);
        }

#pragma GCC unroll 8
        for (i = 0; i < rows; i++) {
            x = _mm512_set1_pd(a[i * ars]);
#pragma GCC unroll 2
            for (v = 0; v < vecs; v++) {
                acc[i][v] = sub ? _mm512_fnmadd_pd(x, y[v], acc[i][v])
                                : _mm512_fmadd_pd(x, y[v], acc[i][v]);
            }
        }

        a += acs;
        b += ldb;
    }
}


/*
 * "rows" x "vecs" vectors of C; both are constants where this is called.  tail
 * masks the last vector, sub subtracts.
 */
HX_AVX512 HX_INLINE void
hx_avx512_tile(const hx_gemm_t *g, const double *a, const double *b, double *c,
    const unsigned rows, const unsigned vecs, __mmask8 tail, const int sub)
{
    __m512d        acc[8][2];
    unsigned       i, v;
    const size_t   ldc = g->ldc;

#pragma GCC unroll 8
    for (i = 0; i < rows; i++) {
#pragma GCC unroll 2
        for (v = 0; v < vecs; v++) {
            acc[i][v] = g->mode == HX_GEMM_SET
                        ? _mm512_setzero_pd()
                        : _mm512_maskz_loadu_pd(v + 1 == vecs ? tail : 0xff,
                                                c + i * ldc + v * 8);
        }
    }

    hx_avx512_chain(g, a, b, acc, rows, vecs, tail, sub);

#pragma GCC unroll 8
    for (i = 0; i < rows; i++) {
#pragma GCC unroll 2
        for (v = 0; v < vecs; v++) {
            _mm512_mask_storeu_pd(c + i * ldc + v * 8,
                                  v + 1 == vecs ? tail : 0xff, acc[i][v]);
        }
    }
}


/* The same, compared with what is at p instead of stored. */
HX_AVX512 HX_INLINE void
hx_avx512_tile_compare(const hx_gemm_t *g, const double *a, const double *b,
    const unsigned char *p, const unsigned rows, const unsigned vecs,
    __mmask8 tail, __m512d sum[2])
{
    __m512d        acc[8][2], e;
    unsigned       i, v;
    const size_t   ldc = g->ldc * sizeof(double);

#pragma GCC unroll 8
    for (i = 0; i < rows; i++) {
#pragma GCC unroll 2
        for (v = 0; v < vecs; v++) {
            acc[i][v] = _mm512_setzero_pd();
        }
    }

    hx_avx512_chain(g, a, b, acc, rows, vecs, tail, 0);

#pragma GCC unroll 8
    for (i = 0; i < rows; i++) {
#pragma GCC unroll 2
        for (v = 0; v < vecs; v++) {
            e = _mm512_maskz_loadu_pd(v + 1 == vecs ? tail : 0xff,
                                      p + i * ldc + v * 64);
            e = _mm512_sub_pd(acc[i][v], e);
            sum[0] = _mm512_fmadd_pd(e, e, sum[0]);
            sum[1] = _mm512_fmadd_pd(acc[i][v], acc[i][v], sum[1]);
        }
    }
}


HX_AVX512 HX_INLINE void
hx_avx512_strip(const hx_gemm_t *g, size_t j, const unsigned vecs,
    __mmask8 tail, const int sub)
{
    size_t         m;
    double        *c;
    const double  *a;

    m = g->m;
    a = g->a;
    c = g->c + j;

    for ( /* void */ ; m >= 8; m -= 8, a += 8 * g->ars, c += 8 * g->ldc) {
        hx_avx512_tile(g, a, g->b + j, c, 8, vecs, tail, sub);
    }

    if (m & 4) {
        hx_avx512_tile(g, a, g->b + j, c, 4, vecs, tail, sub);
        a += 4 * g->ars;
        c += 4 * g->ldc;
    }

    if (m & 2) {
        hx_avx512_tile(g, a, g->b + j, c, 2, vecs, tail, sub);
        a += 2 * g->ars;
        c += 2 * g->ldc;
    }

    if (m & 1) {
        hx_avx512_tile(g, a, g->b + j, c, 1, vecs, tail, sub);
    }
}


HX_AVX512 HX_INLINE void
hx_avx512_mul(const hx_gemm_t *g, const int sub)
{
    size_t    j, w;
    __mmask8  tail;

    for (j = 0; j < g->n; j += 16) {
        w = g->n - j;

        if (w > 8) {
            tail = (__mmask8) (w >= 16 ? 0xff : (1 << (w - 8)) - 1);
            hx_avx512_strip(g, j, 2, tail, sub);

        } else {
            hx_avx512_strip(g, j, 1, (__mmask8) ((1 << w) - 1), sub);
        }
    }
}


HX_AVX512 void
hx_gemm_avx512(const hx_gemm_t *g)
{
    if (g->mode == HX_GEMM_SUB) {
        hx_avx512_mul(g, 1);

    } else {
        hx_avx512_mul(g, 0);
    }
}


HX_AVX512 HX_INLINE void
hx_avx512_compare(const hx_gemm_t *g, const unsigned char *p,
    const unsigned vecs, __mmask8 tail, __m512d sum[2])
{
    size_t         m;
    const double  *a;

    m = g->m;
    a = g->a;

    for ( /* void */ ; m >= 8; m -= 8) {
        hx_avx512_tile_compare(g, a, g->b, p, 8, vecs, tail, sum);
        a += 8 * g->ars;
        p += 8 * g->ldc * sizeof(double);
    }

    for ( /* void */ ; m > 0; m--) {
        hx_avx512_tile_compare(g, a, g->b, p, 1, vecs, tail, sum);
        a += g->ars;
        p += g->ldc * sizeof(double);
    }
}


/* n is at most 16 here: one panel. */
HX_AVX512 void
hx_gemm_compare_avx512(const hx_gemm_t *g, const void *with, double sum[2])
{
    __m512d  s[2];

    s[0] = _mm512_setzero_pd();
    s[1] = _mm512_setzero_pd();

    if (g->n > 8) {
        hx_avx512_compare(g, with, 2, (__mmask8) ((1 << (g->n - 8)) - 1), s);

    } else {
        hx_avx512_compare(g, with, 1, (__mmask8) ((1 << g->n) - 1), s);
    }

    sum[0] += _mm512_reduce_add_pd(s[0]);
    sum[1] += _mm512_reduce_add_pd(s[1]);
}


HX_AVX2 HX_INLINE void
hx_avx2_chain(const hx_gemm_t *g, const double *a, const double *b,
    __m256d acc[4][2], const unsigned rows, const __m256i mask[2],
    const int sub)
{
    size_t         l;
    __m256d        x, y[2];
    unsigned       i, v;
    const size_t   ars = g->ars, acs = g->acs, ldb = g->ldb;

    for (l = 0; l < g->k; l++) {
#pragma GCC unroll 2
        for (v = 0; v < 2; v++) {
            y[v] = _mm256_maskload_pd(b + v * 4, mask[v]);
        }

#pragma GCC unroll 4
        for (i = 0; i < rows; i++) {
            x = _mm256_set1_pd(a[i * ars]);
#pragma GCC unroll 2
            for (v = 0; v < 2; v++) {
                acc[i][v] = sub ? _mm256_fnmadd_pd(x, y[v], acc[i][v])
                                : _mm256_fmadd_pd(x, y[v], acc[i][v]);
            }
        }

        a += acs;
        b += ldb;
    }
}


HX_AVX2 HX_INLINE void
hx_avx2_tile(const hx_gemm_t *g, const double *a, const double *b, double *c,
    const unsigned rows, const __m256i mask[2], const int sub)
{
    __m256d        acc[4][2];
    unsigned       i, v;
    const size_t   ldc = g->ldc;

#pragma GCC unroll 4
    for (i = 0; i < rows; i++) {
#pragma GCC unroll 2
        for (v = 0; v < 2; v++) {
            acc[i][v] = g->mode == HX_GEMM_SET
                        ? _mm256_setzero_pd()
                        : _mm256_maskload_pd(c + i * ldc + v * 4, mask[v]);
        }
    }

    hx_avx2_chain(g, a, b, acc, rows, mask, sub);

#pragma GCC unroll 4
    for (i = 0; i < rows; i++) {
#pragma GCC unroll 2
        for (v = 0; v < 2; v++) {
            _mm256_maskstore_pd(c + i * ldc + v * 4, mask[v], acc[i][v]);
        }
    }
}


HX_AVX2 HX_INLINE void
hx_avx2_tile_compare(const hx_gemm_t *g, const double *a, const double *b,
    const double *p, const unsigned rows, const __m256i mask[2],
    __m256d sum[2])
{
    __m256d        acc[4][2], e;
    unsigned       i, v;
    const size_t   ldc = g->ldc;

#pragma GCC unroll 4
    for (i = 0; i < rows; i++) {
#pragma GCC unroll 2
        for (v = 0; v < 2; v++) {
            acc[i][v] = _mm256_setzero_pd();
        }
    }

    hx_avx2_chain(g, a, b, acc, rows, mask, 0);

#pragma GCC unroll 4
    for (i = 0; i < rows; i++) {
#pragma GCC unroll 2
        for (v = 0; v < 2; v++) {
            e = _mm256_maskload_pd(p + i * ldc + v * 4, mask[v]);
            e = _mm256_sub_pd(acc[i][v], e);
            sum[0] = _mm256_fmadd_pd(e, e, sum[0]);
            sum[1] = _mm256_fmadd_pd(acc[i][v], acc[i][v], sum[1]);
        }
    }
}


HX_AVX2 HX_INLINE void
hx_avx2_mul(const hx_gemm_t *g, const int sub)
{
    size_t         i, j, w;
    __m256i        mask[2];
    const __m256i  low = _mm256_set_epi64x(3, 2, 1, 0);
    const __m256i  high = _mm256_set_epi64x(7, 6, 5, 4);

    for (j = 0; j < g->n; j += 8) {
        w = g->n - j < 8 ? g->n - j : 8;
        mask[0] = _mm256_cmpgt_epi64(_mm256_set1_epi64x((long long) w), low);
        mask[1] = _mm256_cmpgt_epi64(_mm256_set1_epi64x((long long) w), high);

        for (i = 0; i + 4 <= g->m; i += 4) {
            hx_avx2_tile(g, g->a + i * g->ars, g->b + j,
                         g->c + i * g->ldc + j, 4, mask, sub);
        }

        for ( /* void */ ; i < g->m; i++) {
            hx_avx2_tile(g, g->a + i * g->ars, g->b + j,
                         g->c + i * g->ldc + j, 1, mask, sub);
        }
    }
}


HX_AVX2 void
hx_gemm_compare_avx2(const hx_gemm_t *g, const void *with, double sum[2])
{
    double         x[4];
    size_t         i, j, w;
    __m256d        s[2];
    __m256i        mask[2];
    const double  *p;
    const __m256i  low = _mm256_set_epi64x(3, 2, 1, 0);
    const __m256i  high = _mm256_set_epi64x(7, 6, 5, 4);

    s[0] = _mm256_setzero_pd();
    s[1] = _mm256_setzero_pd();
    p = with;

    for (j = 0; j < g->n; j += 8) {
        w = g->n - j < 8 ? g->n - j : 8;
        mask[0] = _mm256_cmpgt_epi64(_mm256_set1_epi64x((long long) w), low);
        mask[1] = _mm256_cmpgt_epi64(_mm256_set1_epi64x((long long) w), high);

        for (i = 0; i + 4 <= g->m; i += 4) {
            hx_avx2_tile_compare(g, g->a + i * g->ars, g->b + j,
                                 p + i * g->ldc + j, 4, mask, s);
        }

        for ( /* void */ ; i < g->m; i++) {
            hx_avx2_tile_compare(g, g->a + i * g->ars, g->b + j,
                                 p + i * g->ldc + j, 1, mask, s);
        }
    }

    for (j = 0; j < 2; j++) {
        _mm256_storeu_pd(x, s[j]);
        sum[j] += x[0] + x[1] + x[2] + x[3];
    }
}


HX_AVX2 void
hx_gemm_avx2(const hx_gemm_t *g)
{
    if (g->mode == HX_GEMM_SUB) {
        hx_avx2_mul(g, 1);

    } else {
        hx_avx2_mul(g, 0);
    }
}

#endif
