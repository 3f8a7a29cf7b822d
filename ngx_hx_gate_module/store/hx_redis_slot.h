/*
 * hx_redis_slot.h -- which of a cluster's slots a key is in.  Pure.
 */

#ifndef HX_REDIS_SLOT_H
#define HX_REDIS_SLOT_H

#include "hx_types.h"

#define HX_REDIS_SLOTS   16384

/*
 * CRC16 (XMODEM) modulo 16384 of the key, or of what stands between its first
 * '{' and the first '}' behind that, if that is one byte at least.
 */
unsigned hx_redis_slot(const unsigned char *key, size_t len);

#endif /* HX_REDIS_SLOT_H */
