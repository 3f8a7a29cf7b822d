/*
 * hx_crc32.c -- CRC-32 (IEEE 802.3), declared in hx_crypto.h: by carry-less
 * multiplication where the processor has it, else by zlib.
 *
 * V. Gopal et al., "Fast CRC Computation for Generic Polynomials Using
 * PCLMULQDQ Instruction", Intel, 2009: the text, bit-reflected, is a polynomial
 * over GF(2); 512 bits of it at a time are moved on by multiplying with
 * x^n mod P, and only their remainder is reduced to 32 bits (Barrett).
 */

#include <zlib.h>

#include "hx_crypto.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define HX_CLMUL       __attribute__((target("pclmul,sse4.1")))
#define HX_CRC32_FOLD  64               /* bytes at a time, and at least */


/* x^n mod P for the distances a block is moved by, bit-reflected. */
#define HX_K_512   _mm_set_epi64x(0x01c6e41596, 0x0154442bd4)
#define HX_K_128   _mm_set_epi64x(0x00ccaa009e, 0x01751997d0)
#define HX_K_64    _mm_set_epi64x(0, 0x0163cd6124)
#define HX_BARRETT _mm_set_epi64x(0x01f7011641, 0x01db710641)


HX_CLMUL static inline __m128i
hx_crc32_move(__m128i a, __m128i k, __m128i next)
{
    __m128i  low, high;

    low = _mm_clmulepi64_si128(a, k, 0x00);
    high = _mm_clmulepi64_si128(a, k, 0x11);

    return _mm_xor_si128(_mm_xor_si128(low, high), next);
}


/* 128 bits to the 32 of the remainder. */
HX_CLMUL static inline uint32_t
hx_crc32_reduce(__m128i a)
{
    __m128i  b, mask;

    mask = _mm_setr_epi32(-1, 0, -1, 0);

    b = _mm_clmulepi64_si128(a, HX_K_128, 0x10);
    a = _mm_xor_si128(_mm_srli_si128(a, 8), b);

    b = _mm_srli_si128(a, 4);
    a = _mm_clmulepi64_si128(_mm_and_si128(a, mask), HX_K_64, 0x00);
    a = _mm_xor_si128(a, b);

    b = _mm_clmulepi64_si128(_mm_and_si128(a, mask), HX_BARRETT, 0x10);
    b = _mm_clmulepi64_si128(_mm_and_si128(b, mask), HX_BARRETT, 0x00);

    return (uint32_t) _mm_extract_epi32(_mm_xor_si128(a, b), 1);
}


/* len: a multiple of 16, HX_CRC32_FOLD at least.  crc without the inversions
 * before and after. */
HX_CLMUL static uint32_t
hx_crc32_clmul(uint32_t crc, const unsigned char *p, size_t len)
{
    unsigned        i;
    __m128i         k, x[4];
    const __m128i  *v;

    v = (const void *) p;

    for (i = 0; i < 4; i++) {
        x[i] = _mm_loadu_si128(v + i);
    }

    x[0] = _mm_xor_si128(x[0], _mm_cvtsi32_si128((int) crc));
    k = HX_K_512;

    for (v += 4, len -= 64; len >= 64; v += 4, len -= 64) {
        x[0] = hx_crc32_move(x[0], k, _mm_loadu_si128(v));
        x[1] = hx_crc32_move(x[1], k, _mm_loadu_si128(v + 1));
        x[2] = hx_crc32_move(x[2], k, _mm_loadu_si128(v + 2));
        x[3] = hx_crc32_move(x[3], k, _mm_loadu_si128(v + 3));
    }

    k = HX_K_128;

    for (i = 1; i < 4; i++) {
        x[0] = hx_crc32_move(x[0], k, x[i]);
    }

    for ( /* void */ ; len >= 16; v++, len -= 16) {
        x[0] = hx_crc32_move(x[0], k, _mm_loadu_si128(v));
    }

    return hx_crc32_reduce(x[0]);
}

#endif


uint32_t
hx_crc32(uint32_t seed, const void *data, size_t len)
{
    const unsigned char  *p;

    p = data;

#if defined(__x86_64__)

    if (len >= HX_CRC32_FOLD && __builtin_cpu_supports("pclmul")
        && __builtin_cpu_supports("sse4.1"))
    {
        size_t  n;

        n = len & ~(size_t) 15;
        seed = ~hx_crc32_clmul(~seed, p, n);
        p += n;
        len -= n;

        if (len == 0) {
            return seed;
        }
    }

#endif

    return (uint32_t) crc32_z(seed, p, len);
}
