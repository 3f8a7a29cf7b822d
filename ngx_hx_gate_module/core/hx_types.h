/*
 * hx_types.h -- the few types every room of gate and engine shares.
 *
 * core/ files are pure: no nginx, no I/O (hx_lmdb.c is the one exception and
 * says so), no clock, no mutable global.  They are compiled into the nginx
 * module and into hx-engine alike.
 */

#ifndef HX_TYPES_H
#define HX_TYPES_H

#include <stddef.h>
#include <stdint.h>

/*
 * What every question to a store is answered with.  FAIL means "could not be
 * found out" and must never be turned into OK or NO by negation or default:
 * a client sees 503 for it, never 401, 403 or 404.
 */
typedef enum {
    HX_OK = 0,      /* yes, done, found */
    HX_NO = 1,      /* no, definitely: absent, refused */
    HX_FAIL = 2,    /* infrastructure trouble: not known */
    HX_PENDING = 3  /* the answer comes later through the caller's callback */
} hx_rc_t;


/* Bytes that somebody else owns; not NUL-terminated. */
typedef struct {
    const unsigned char  *data;
    size_t                len;
} hx_str_t;


#define hx_string(lit)   { (const unsigned char *) (lit), sizeof(lit) - 1 }

#define hx_nelts(a)      (sizeof(a) / sizeof((a)[0]))

#endif /* HX_TYPES_H */
