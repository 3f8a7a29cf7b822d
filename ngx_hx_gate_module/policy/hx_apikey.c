/*
 * hx_apikey.c -- making and recognising API keys; see the header.
 */

#include <string.h>

#include "hx_apikey.h"
#include "hx_check.h"
#include "hx_crypto.h"
#include "hx_limits.h"
#include "hx_text.h"


#define HX_APIKEY_PREFIX_LEN   (sizeof(HX_APIKEY_PREFIX) - 1)
#define HX_APIKEY_SUM_LEN      6
#define HX_APIKEY_BODY_LEN     (HX_APIKEY_LEN - HX_APIKEY_SUM_LEN)


void
hx_apikey_make(unsigned char out[HX_APIKEY_LEN],
    const unsigned char rnd[HX_APIKEY_ENTROPY])
{
    uint32_t       crc;
    unsigned char  be[4];

    memcpy(out, HX_APIKEY_PREFIX, HX_APIKEY_PREFIX_LEN);

    hx_text_base62(out + HX_APIKEY_PREFIX_LEN,
                   HX_APIKEY_BODY_LEN - HX_APIKEY_PREFIX_LEN,
                   rnd, HX_APIKEY_ENTROPY);

    crc = hx_crc32(0, out, HX_APIKEY_BODY_LEN);

    be[0] = (unsigned char) (crc >> 24);
    be[1] = (unsigned char) (crc >> 16);
    be[2] = (unsigned char) (crc >> 8);
    be[3] = (unsigned char) crc;

    hx_text_base62(out + HX_APIKEY_BODY_LEN, HX_APIKEY_SUM_LEN, be,
                   sizeof(be));
}


int
hx_apikey_plausible(hx_apikey_format_t format, const unsigned char *key,
    size_t len)
{
    uint64_t  sum;

    if (format == HX_APIKEY_ANY) {
        return hx_check_printable(key, len, HX_APIKEY_MIN, HX_APIKEY_MAX);
    }

    if (len != HX_APIKEY_LEN
        || memcmp(key, HX_APIKEY_PREFIX, HX_APIKEY_PREFIX_LEN) != 0)
    {
        return 0;
    }

    /* no secret: anybody can compute it from what was presented */

    return hx_text_unbase62(key + HX_APIKEY_BODY_LEN, HX_APIKEY_SUM_LEN, &sum)
           == HX_OK
           && sum == hx_crc32(0, key, HX_APIKEY_BODY_LEN);
}
