/*
 * hx_redis_scan.h -- what a reply of Redis announces, before memory is taken
 * for it: hiredis' reader allocates an array of as many elements as its first
 * line says.  Pure; looks at the bytes on their way to the reader.
 */

#ifndef HX_REDIS_SCAN_H
#define HX_REDIS_SCAN_H

#include "hx_types.h"

#define HX_REDIS_ELEMENTS_MAX   (1u << 20)      /* of one reply, all arrays */

typedef struct {
    int       state;
    int       negative;
    unsigned  digits;
    uint64_t  number;
    uint64_t  skip;         /* bytes of a string that are still to come */
    uint64_t  elements;     /* announced since the caller has set it to 0 */
} hx_redis_scan_t;

/* Of a new connection. */
void hx_redis_scan_init(hx_redis_scan_t *scan);

/*
 * The next bytes.  HX_OK, or HX_NO: a string of more than max bytes or more
 * than HX_REDIS_ELEMENTS_MAX elements are announced; what follows is undefined.
 * Bytes that are no RESP pass: the reader finds them.
 */
hx_rc_t hx_redis_scan(hx_redis_scan_t *scan, const unsigned char *data,
    size_t len, uint64_t max);

#endif /* HX_REDIS_SCAN_H */
