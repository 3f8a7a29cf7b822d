/*
 * hx_vec_avx512.c -- hx_vec.h and hx_scan.h with AVX-512; products of bytes
 * with VNNI.  The whole file is compiled for them and only called where
 * hx_vec.c has found them.
 *
 * vpdpbusd multiplies 64 unsigned by 64 signed bytes and adds them by fours to
 * 16 sums of 32 bits.  Rows are read one after the other, which the processor
 * foresees best, and with as few instructions as can be, so that it has many of
 * their lines under way.
 */

#if defined(__x86_64__)

#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma")

#include <immintrin.h>

#include "hx_vec_impl.h"

#define HX_W           64
#define HX_VEC_TABLE   hx_vec_avx512
#define HX_VEC_NAME    "avx512"


HX_VEC_INLINE int64_t
hx_vec_level(const unsigned char *row, const int8_t *p, size_t len)
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


#include "hx_vec_body.h"

#pragma GCC pop_options

#else

typedef int  hx_vec_no_avx512_t;

#endif
