/*
 * hx_auth.h -- the service key check.  Pure.
 */

#ifndef HX_AUTH_H
#define HX_AUTH_H

#include "hx_types.h"

typedef enum {
    HX_AUTH_OK = 0,
    HX_AUTH_MISSING,            /* no Authorization header */
    HX_AUTH_BAD                 /* repeated, another scheme, a wrong key */
} hx_auth_t;

/*
 * found: how hx_http_header answered for "authorization", value: its value.
 * The key is compared in constant time.
 */
hx_auth_t hx_auth_check(hx_rc_t found, const hx_str_t *value,
    const unsigned char *key, size_t key_len);

#endif /* HX_AUTH_H */
