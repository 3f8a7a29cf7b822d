/*
 * hx_apikey.h -- the form of API keys (contract, section 2).  Pure.
 *
 * Generated: "hx_live_" + 43 base62 digits (256 random bits) + 6 base62 digits
 * of the CRC-32 of everything before them, 57 characters in all.  The checksum
 * lets a secret scanner recognise keys, and the gate refuse a mistyped or
 * guessed one without asking the registry.
 */

#ifndef HX_APIKEY_H
#define HX_APIKEY_H

#include "hx_types.h"

#define HX_APIKEY_PREFIX    "hx_live_"
#define HX_APIKEY_LEN       57
#define HX_APIKEY_ENTROPY   32      /* random bytes in a key */

typedef enum {
    HX_APIKEY_CHECKSUM = 0,         /* only keys of the form above */
    HX_APIKEY_ANY                   /* 32..256 printable characters */
} hx_apikey_format_t;

/* Writes a key from HX_APIKEY_ENTROPY random bytes. */
void hx_apikey_make(unsigned char out[HX_APIKEY_LEN],
    const unsigned char rnd[HX_APIKEY_ENTROPY]);

/* 1 when a presented key may exist, 0 when no look-up is needed. */
int hx_apikey_plausible(hx_apikey_format_t format, const unsigned char *key,
    size_t len);

#endif /* HX_APIKEY_H */
