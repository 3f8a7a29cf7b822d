/*
 * fuzz_apikey.c -- policy/hx_apikey.h: what is plausible is what a naive
 * reading of the format says, keys that are made are plausible, and none of
 * them is any more with one character changed.
 *
 * sources: hx_apikey.c hx_crc32.c
 */

#include "hx_apikey.h"
#include "hx_fuzz.h"
#include "hx_limits.h"

static const char  digits[] =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";


/* Bit by bit, as IEEE 802.3 has it. */
static uint32_t
crc(const uint8_t *p, size_t len)
{
    size_t    i;
    uint32_t  c;
    unsigned  bit;

    for (c = UINT32_MAX, i = 0; i < len; i++) {
        c ^= p[i];

        for (bit = 0; bit < 8; bit++) {
            c = c >> 1 ^ (c & 1 ? UINT32_C(0xedb88320) : 0);
        }
    }

    return ~c;
}


/* The checksum as text, as the format says it is written. */
static int
naive(const uint8_t *key, size_t len)
{
    char      sum[6];
    unsigned  i;
    uint32_t  c;

    if (len != 8 + 43 + 6 || memcmp(key, "hx_live_", 8) != 0) {
        return 0;
    }

    c = crc(key, 51);

    for (i = 6; i-- != 0; c /= 62) {
        sum[i] = digits[c % 62];
    }

    return memcmp(sum, key + 51, 6) == 0;
}


static int
printable(const uint8_t *key, size_t len)
{
    size_t  i;

    for (i = 0; i < len && key[i] > ' ' && key[i] < 0x7f; i++) { /* void */ }

    return i == len && len >= HX_APIKEY_MIN && len <= HX_APIKEY_MAX;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    size_t    at;
    uint8_t  *p, key[HX_APIKEY_LEN], rnd[HX_APIKEY_ENTROPY];

    p = hx_fuzz_copy(data, len);

    hx_fuzz_check(hx_apikey_plausible(HX_APIKEY_CHECKSUM, p, len)
                  == naive(p, len));
    hx_fuzz_check(hx_apikey_plausible(HX_APIKEY_ANY, p, len)
                  == printable(p, len));
    free(p);

    memset(rnd, 0, sizeof(rnd));
    memcpy(rnd, data, len < sizeof(rnd) ? len : sizeof(rnd));
    hx_apikey_make(key, rnd);

    for (at = 8; at < sizeof(key); at++) {
        hx_fuzz_check(memchr(digits, key[at], 62) != NULL);
    }

    hx_fuzz_check(hx_apikey_plausible(HX_APIKEY_CHECKSUM, key, sizeof(key)));
    hx_fuzz_check(hx_apikey_plausible(HX_APIKEY_ANY, key, sizeof(key)));
    hx_fuzz_check(naive(key, sizeof(key)));

    at = hx_fuzz_seed(data, len) % sizeof(key);
    key[at] ^= len != 0 && data[len - 1] != 0 ? data[len - 1] : 1;
    hx_fuzz_check(!hx_apikey_plausible(HX_APIKEY_CHECKSUM, key, sizeof(key)));

    return 0;
}
