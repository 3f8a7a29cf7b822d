/*
 * hx_siphash.c -- SipHash-2-4-128; see the header.  Written from the paper,
 * "SipHash: a fast short-input PRF", and its later form with 128 bits.
 */

#include "hx_le.h"
#include "hx_siphash.h"


static inline uint64_t
hx_siphash_turn(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}


static inline void
hx_siphash_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = hx_siphash_turn(v[1], 13) ^ v[0];
    v[3] = hx_siphash_turn(v[3], 16) ^ v[2];
    v[0] = hx_siphash_turn(v[0], 32);

    v[2] += v[1];
    v[0] += v[3];
    v[1] = hx_siphash_turn(v[1], 17) ^ v[2];
    v[3] = hx_siphash_turn(v[3], 21) ^ v[0];
    v[2] = hx_siphash_turn(v[2], 32);
}


static inline void
hx_siphash_word(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    hx_siphash_round(v);
    hx_siphash_round(v);
    v[0] ^= word;
}


static inline uint64_t
hx_siphash_end(uint64_t v[4])
{
    hx_siphash_round(v);
    hx_siphash_round(v);
    hx_siphash_round(v);
    hx_siphash_round(v);

    return v[0] ^ v[1] ^ v[2] ^ v[3];
}


hx_siphash_t
hx_siphash(const unsigned char secret[HX_SIPHASH_SECRET],
    const unsigned char *data, size_t len)
{
    size_t         left;
    uint64_t       v[4], k0, k1, word;
    hx_siphash_t   tag;

    k0 = hx_get_le64(secret);
    k1 = hx_get_le64(secret + 8);

    v[0] = k0 ^ UINT64_C(0x736f6d6570736575);
    v[1] = k1 ^ UINT64_C(0x646f72616e646f6d) ^ 0xee;    /* 0xee: 128 bits */
    v[2] = k0 ^ UINT64_C(0x6c7967656e657261);
    v[3] = k1 ^ UINT64_C(0x7465646279746573);

    for (left = len; left >= 8; left -= 8, data += 8) {
        hx_siphash_word(v, hx_get_le64(data));
    }

    word = (uint64_t) len << 56;

    while (left != 0) {
        left--;
        word |= (uint64_t) data[left] << 8 * left;
    }

    hx_siphash_word(v, word);

    v[2] ^= 0xee;
    tag.low = hx_siphash_end(v);

    v[1] ^= 0xdd;
    tag.high = hx_siphash_end(v);

    return tag;
}
