/*
 * hx_base64_avx512.c -- base64 64 characters at a time (x86-64 with AVX-512
 * VBMI).
 *
 * The technique is public: W. Mula and D. Lemire, "Base64 encoding and
 * decoding at almost the speed of a memory copy", Software: Practice and
 * Experience 50(2), 2020.  One look-up in a register pair turns characters
 * into values and marks the bad ones; a byte permutation joins or spreads the
 * groups.  Called through hx_base64.c only, on processors that have it.
 */

#include "hx_base64_impl.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define HX_VBMI   __attribute__((target("avx512f,avx512bw,avx512vbmi")))

static const unsigned char  hx_vbmi_alphabet[64 + 1] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#define BAD   0x80

/* Values of the 128 ASCII characters. */
static const unsigned char  hx_vbmi_value[128] = {
    [0 ... '*'] = BAD, ['+'] = 62, [',' ... '.'] = BAD, ['/'] = 63,
    ['0'] = 52, 53, 54, 55, 56, 57, 58, 59, 60, 61,
    [':' ... '@'] = BAD,
    ['A'] = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18,
    19, 20, 21, 22, 23, 24, 25,
    ['[' ... '`'] = BAD,
    ['a'] = 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42,
    43, 44, 45, 46, 47, 48, 49, 50, 51,
    ['{' ... 127] = BAD
};

/* Bytes of four 24-bit numbers in each 16, most significant first. */
static const unsigned char  hx_vbmi_join[64] = {
    2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12,
    18, 17, 16, 22, 21, 20, 26, 25, 24, 30, 29, 28,
    34, 33, 32, 38, 37, 36, 42, 41, 40, 46, 45, 44,
    50, 49, 48, 54, 53, 52, 58, 57, 56, 62, 61, 60
};

/* Each three bytes 0 1 2 become the 32-bit word 1 0 2 1. */
static const unsigned char  hx_vbmi_split[64] = {
    1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10,
    13, 12, 14, 13, 16, 15, 17, 16, 19, 18, 20, 19, 22, 21, 23, 22,
    25, 24, 26, 25, 28, 27, 29, 28, 31, 30, 32, 31, 34, 33, 35, 34,
    37, 36, 38, 37, 40, 39, 41, 40, 43, 42, 44, 43, 46, 45, 47, 46
};


HX_VBMI static inline __m512i
hx_vbmi_load(const unsigned char *p)
{
    return _mm512_loadu_si512((const void *) p);
}


HX_VBMI size_t
hx_base64_dec_avx512(const unsigned char *in, size_t len, unsigned char *out,
    size_t cap)
{
    size_t         i, o;
    __m512i        low, high, join, c, v;
    __mmask64      bad;

    low = hx_vbmi_load(hx_vbmi_value);
    high = hx_vbmi_load(hx_vbmi_value + 64);
    join = hx_vbmi_load(hx_vbmi_join);

    /* a store is 64 bytes wide, 48 of them good */

    for (i = 0, o = 0; len - i >= 64 && cap - o >= 64; i += 64, o += 48) {
        c = hx_vbmi_load(in + i);
        v = _mm512_permutex2var_epi8(low, c, high);

        /* the look-up takes 7 bits: bit 8 of either says that it is bad */

        bad = _mm512_movepi8_mask(_mm512_or_si512(c, v));

        if (bad != 0) {
            break;
        }

        v = _mm512_maddubs_epi16(v, _mm512_set1_epi32(0x01400140));
        v = _mm512_madd_epi16(v, _mm512_set1_epi32(0x00011000));

        _mm512_storeu_si512((void *) (out + o),
                            _mm512_permutexvar_epi8(join, v));
    }

    return i;
}


HX_VBMI size_t
hx_base64_enc_avx512(unsigned char *out, const unsigned char *in, size_t len)
{
    size_t   i;
    __m512i  split, shift, alphabet, v;

    split = hx_vbmi_load(hx_vbmi_split);
    alphabet = hx_vbmi_load(hx_vbmi_alphabet);

    /* where the six bits of each character begin in its 64-bit word */

    shift = _mm512_set1_epi64(0x3036242a1016040a);

    for (i = 0; len - i >= 64; i += 48, out += 64) {
        v = _mm512_permutexvar_epi8(split, hx_vbmi_load(in + i));
        v = _mm512_multishift_epi64_epi8(shift, v);

        /* the look-up takes the lower six bits of each byte */

        _mm512_storeu_si512((void *) out,
                            _mm512_permutexvar_epi8(v, alphabet));
    }

    return i;
}

#endif
