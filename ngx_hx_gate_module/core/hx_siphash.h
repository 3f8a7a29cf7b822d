/*
 * hx_siphash.h -- SipHash-2-4 with 128 bits of output (Aumasson, Bernstein): a
 * MAC for short texts, at a tenth of the instructions of two blocks of SHA-256.
 *
 * For what stays in one process: without the secret nobody can find two texts
 * of one tag, or say anything about a text from its tag.  Pure.
 */

#ifndef HX_SIPHASH_H
#define HX_SIPHASH_H

#include "hx_types.h"

#define HX_SIPHASH_SECRET   16          /* bytes */

typedef struct {
    uint64_t   low;                     /* bytes 0 to 7, little-endian */
    uint64_t   high;
} hx_siphash_t;

hx_siphash_t hx_siphash(const unsigned char secret[HX_SIPHASH_SECRET],
    const unsigned char *data, size_t len);

#endif /* HX_SIPHASH_H */
