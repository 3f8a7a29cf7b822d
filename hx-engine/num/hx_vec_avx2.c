/*
 * hx_vec_avx2.c -- hx_vec.h and hx_scan.h with AVX2 and FMA.  The whole file is
 * compiled for them and only called where hx_vec.c has found them.
 *
 * Bytes are widened to 16 bits before they are multiplied: the instruction for
 * bytes (vpmaddubsw) saturates.
 */

#if defined(__x86_64__)

#pragma GCC push_options
#pragma GCC target("avx2,fma")

#include <immintrin.h>

#include "hx_vec_impl.h"

#define HX_W           32
#define HX_VEC_TABLE   hx_vec_avx2
#define HX_VEC_NAME    "avx2"


HX_VEC_INLINE int32_t
hx_level_lanes(__m256i v)
{
    __m128i  s;

    s = _mm_add_epi32(_mm256_castsi256_si128(v),
                      _mm256_extracti128_si256(v, 1));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1));

    return _mm_cvtsi128_si32(s);
}


HX_VEC_INLINE int64_t
hx_vec_level(const unsigned char *row, const int8_t *p, size_t len)
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

    return hx_level_lanes(_mm256_add_epi32(a, b));
}


#include "hx_vec_body.h"

#pragma GCC pop_options

#else

typedef int  hx_vec_no_avx2_t;

#endif
