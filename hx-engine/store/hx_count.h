/*
 * hx_count.h -- what a namespace holds, as a stored unit.  Pure.
 *
 * Layout (little-endian): magic "HXN1"; keys, versions, bytes, changes, 8 bytes
 * each; CRC-32 of the key it stands under and of all before it.
 */

#ifndef HX_COUNT_H
#define HX_COUNT_H

#include "hx_types.h"

#define HX_COUNT_LEN   40

typedef struct {
    uint64_t  keys;                 /* live ones */
    uint64_t  versions;             /* records, those of deleted keys too */
    uint64_t  bytes;                /* of the stored values of all versions */
    uint64_t  changes;              /* transactions that changed something */
} hx_count_t;


/* ns: the number of the namespace, under which the unit stands. */
void hx_count_encode(unsigned char out[HX_COUNT_LEN], const hx_count_t *c,
    uint32_t ns);

/* HX_OK, or HX_NO: damaged, or not the one of this namespace. */
hx_rc_t hx_count_decode(hx_count_t *c, const unsigned char *p, size_t len,
    uint32_t ns);

#endif /* HX_COUNT_H */
