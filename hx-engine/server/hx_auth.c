/*
 * hx_auth.c -- see the header.
 */

#include "hx_auth.h"
#include "hx_crypto.h"
#include "hx_text.h"

#define HX_BEARER   "bearer "


hx_auth_t
hx_auth_check(hx_rc_t found, const hx_str_t *value, const unsigned char *key,
    size_t key_len)
{
    size_t  n;

    n = sizeof(HX_BEARER) - 1;

    if (found == HX_NO) {
        return HX_AUTH_MISSING;
    }

    if (found != HX_OK || value->len <= n
        || !hx_text_ieq(value->data, n, HX_BEARER, n))
    {
        return HX_AUTH_BAD;
    }

    return hx_secret_equal(value->data + n, value->len - n, key, key_len)
           ? HX_AUTH_OK : HX_AUTH_BAD;
}
