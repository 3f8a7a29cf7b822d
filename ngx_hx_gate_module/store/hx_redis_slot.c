/*
 * hx_redis_slot.c -- the slot of a key, as Redis Cluster computes it.
 */

#include "hx_redis_slot.h"

#include <string.h>


/* Of four bits at a time: x^16 + x^12 + x^5 + 1, most significant first. */
static const uint16_t  hx_redis_crc16_table[16] = {
    0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50a5, 0x60c6, 0x70e7,
    0x8108, 0x9129, 0xa14a, 0xb16b, 0xc18c, 0xd1ad, 0xe1ce, 0xf1ef
};


static unsigned
hx_redis_crc16(const unsigned char *s, size_t len)
{
    size_t    i;
    unsigned  crc;

    crc = 0;

    for (i = 0; i < len; i++) {
        crc = (crc << 4) ^ hx_redis_crc16_table[((crc >> 12) ^ (s[i] >> 4))
                                                & 0xf];
        crc = (crc << 4) ^ hx_redis_crc16_table[((crc >> 12) ^ s[i]) & 0xf];
        crc &= 0xffff;
    }

    return crc;
}


unsigned
hx_redis_slot(const unsigned char *key, size_t len)
{
    const unsigned char  *open, *close;

    open = len != 0 ? memchr(key, '{', len) : NULL;

    if (open != NULL) {
        open++;
        close = memchr(open, '}', len - (size_t) (open - key));

        if (close != NULL && close != open) {
            key = open;
            len = (size_t) (close - open);
        }
    }

    return hx_redis_crc16(key, len) % HX_REDIS_SLOTS;
}
