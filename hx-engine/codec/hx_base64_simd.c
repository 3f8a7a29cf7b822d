/*
 * hx_base64_simd.c -- base64 32 characters at a time (x86-64 with AVX2).
 *
 * The technique is public: W. Mula and D. Lemire, "Base64 encoding and
 * decoding at almost the speed of a memory copy".  Characters become 6-bit
 * values by table look-up in registers, which finds bad ones as well; two
 * multiply-adds join four of them to 24 bits; a byte shuffle squeezes the gaps
 * out.  Called through hx_base64.c only, on processors that have it.
 */

#include "hx_base64_impl.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define HX_AVX2   __attribute__((target("avx2")))


HX_AVX2 static inline __m256i
hx_avx2_both(char a, char b, char c, char d, char e, char f, char g, char h,
    char i, char j, char k, char l, char m, char n, char o, char p)
{
    return _mm256_setr_epi8(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p,
                            a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p);
}


/*
 * Values of 32 characters.  A character's upper half says which range it can
 * be in and what to add; bit tables over both halves, ANDed, leave a bit set
 * exactly for the characters outside the alphabet, gathered in *bad:
 * upper 2: only b and f; 3: 0..9; 4 and 6: 1..f; 5 and 7: 0..a.
 */
HX_AVX2 static inline __m256i
hx_avx2_values(__m256i c, __m256i *bad)
{
    __m256i  upper, slash;

    const __m256i  bad_upper = hx_avx2_both(0x10, 0x10, 0x01, 0x02, 0x04, 0x08,
                                            0x04, 0x08, 0x10, 0x10, 0x10, 0x10,
                                            0x10, 0x10, 0x10, 0x10);
    const __m256i  bad_lower = hx_avx2_both(0x15, 0x11, 0x11, 0x11, 0x11, 0x11,
                                            0x11, 0x11, 0x11, 0x11, 0x13, 0x1a,
                                            0x1b, 0x1b, 0x1b, 0x1a);
    /* '/' shares its upper half with '+': it takes entry 1 instead of 2. */
    const __m256i  shift = hx_avx2_both(0, 63 - '/', 62 - '+', 52 - '0',
                                        0 - 'A', 0 - 'A', 26 - 'a', 26 - 'a',
                                        0, 0, 0, 0, 0, 0, 0, 0);

    upper = _mm256_and_si256(_mm256_srli_epi32(c, 4), _mm256_set1_epi8(15));
    slash = _mm256_cmpeq_epi8(c, _mm256_set1_epi8('/'));

    *bad = _mm256_or_si256(*bad, _mm256_and_si256(
               _mm256_shuffle_epi8(bad_upper, upper),
               _mm256_shuffle_epi8(bad_lower, _mm256_and_si256(c,
                                       _mm256_set1_epi8(15)))));

    return _mm256_add_epi8(c, _mm256_shuffle_epi8(shift,
                                  _mm256_add_epi8(upper, slash)));
}


/* 32 values to 24 bytes at the bottom of the register. */
HX_AVX2 static inline __m256i
hx_avx2_join(__m256i v)
{
    v = _mm256_maddubs_epi16(v, _mm256_set1_epi32(0x01400140));
    v = _mm256_madd_epi16(v, _mm256_set1_epi32(0x00011000));
    v = _mm256_shuffle_epi8(v, hx_avx2_both(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13,
                                            12, -1, -1, -1, -1));

    return _mm256_permutevar8x32_epi32(v, _mm256_setr_epi32(0, 1, 2, 4, 5, 6,
                                                            7, 7));
}


HX_AVX2 size_t
hx_base64_dec_avx2(const unsigned char *in, size_t len, unsigned char *out,
    size_t cap)
{
    size_t   i, o;
    __m256i  a, b, bad;

    /* Two blocks share one test; 56 = 24 + the second block's whole store. */
    for (i = 0, o = 0; len - i >= 64 && cap - o >= 56; i += 64, o += 48) {
        bad = _mm256_setzero_si256();
        a = hx_avx2_values(_mm256_loadu_si256((const void *) (in + i)), &bad);
        b = hx_avx2_values(_mm256_loadu_si256((const void *) (in + i + 32)),
                           &bad);

        if (!_mm256_testz_si256(bad, bad)) {
            break;
        }

        _mm256_storeu_si256((void *) (out + o), hx_avx2_join(a));
        _mm256_storeu_si256((void *) (out + o + 24), hx_avx2_join(b));
    }

    return i;
}


/* 24 bytes, 12 at the bottom of each lane, to 32 values. */
HX_AVX2 static inline __m256i
hx_avx2_split(__m256i v)
{
    __m256i  ac, bd;

    /* Each three bytes 0 1 2 become the 32-bit word 1 0 2 1. */
    v = _mm256_shuffle_epi8(v, hx_avx2_both(1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7,
                                            10, 9, 11, 10));

    /* Multiplying shifts each 16-bit half by its own amount. */
    ac = _mm256_mulhi_epu16(_mm256_and_si256(v, _mm256_set1_epi32(0x0fc0fc00)),
                            _mm256_set1_epi32(0x04000040));
    bd = _mm256_mullo_epi16(_mm256_and_si256(v, _mm256_set1_epi32(0x003f03f0)),
                            _mm256_set1_epi32(0x01000010));

    return _mm256_or_si256(ac, bd);
}


/* Values to characters: add what their range asks for.  Range 0 is a-z, 1..10
 * the digits, 11 '+', 12 '/', 13 A-Z. */
HX_AVX2 static inline __m256i
hx_avx2_characters(__m256i v)
{
    __m256i  range, upper;

    const __m256i  shift = hx_avx2_both('a' - 26, '0' - 52, '0' - 52, '0' - 52,
                                        '0' - 52, '0' - 52, '0' - 52, '0' - 52,
                                        '0' - 52, '0' - 52, '0' - 52, '+' - 62,
                                        '/' - 63, 'A', 0, 0);

    range = _mm256_subs_epu8(v, _mm256_set1_epi8(51));
    upper = _mm256_cmpgt_epi8(_mm256_set1_epi8(26), v);
    range = _mm256_or_si256(range, _mm256_and_si256(upper,
                                                    _mm256_set1_epi8(13)));

    return _mm256_add_epi8(v, _mm256_shuffle_epi8(shift, range));
}


HX_AVX2 size_t
hx_base64_enc_avx2(unsigned char *out, const unsigned char *in, size_t len)
{
    size_t   i;
    __m128i  low, high;
    __m256i  v;

    /* The upper load takes 4 bytes more than it uses. */
    for (i = 0; len - i >= 28; i += 24, out += 32) {
        low = _mm_loadu_si128((const void *) (in + i));
        high = _mm_loadu_si128((const void *) (in + i + 12));
        v = _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);

        _mm256_storeu_si256((void *) out,
                            hx_avx2_characters(hx_avx2_split(v)));
    }

    return i;
}

#endif
