/*
 * hx_hmac.c -- see the header.
 */

#include <limits.h>
#include <stdlib.h>

#include "hx_hmac.h"
#include "hx_openssl.h"

#if !(HX_OPENSSL_HMAC)

#include <openssl/core_names.h>
#include <openssl/params.h>


struct hx_hmac_s {
    EVP_MAC      *mac;
    EVP_MAC_CTX  *ctx;
};


hx_hmac_t *
hx_hmac_create(const void *secret, size_t len)
{
    hx_hmac_t   *h;
    OSSL_PARAM   params[2];

    static char  digest[] = "SHA256";

    if (len == 0) {
        return NULL;
    }

    h = calloc(1, sizeof(hx_hmac_t));
    if (h == NULL) {
        return NULL;
    }

    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest,
                                                 0);
    params[1] = OSSL_PARAM_construct_end();

    h->mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    h->ctx = h->mac != NULL ? EVP_MAC_CTX_new(h->mac) : NULL;

    if (h->ctx == NULL || EVP_MAC_init(h->ctx, secret, len, params) != 1) {
        hx_hmac_free(h);
        return NULL;
    }

    return h;
}


void
hx_hmac_free(hx_hmac_t *h)
{
    if (h == NULL) {
        return;
    }

    EVP_MAC_CTX_free(h->ctx);           /* OpenSSL wipes the key in it */
    EVP_MAC_free(h->mac);
    free(h);
}


hx_rc_t
hx_hmac_update(hx_hmac_t *h, const void *data, size_t len)
{
    return EVP_MAC_update(h->ctx, data, len) == 1 ? HX_OK : HX_FAIL;
}


hx_rc_t
hx_hmac_finish(hx_hmac_t *h, unsigned char out[HX_HMAC_LEN])
{
    size_t  n;

    if (EVP_MAC_final(h->ctx, out, &n, HX_HMAC_LEN) != 1 || n != HX_HMAC_LEN) {
        return HX_FAIL;
    }

    /* no key: the one it has */

    return EVP_MAC_init(h->ctx, NULL, 0, NULL) == 1 ? HX_OK : HX_FAIL;
}

#else                                   /* OpenSSL 1.1.1 */

struct hx_hmac_s {
    HMAC_CTX     *ctx;
};


hx_hmac_t *
hx_hmac_create(const void *secret, size_t len)
{
    hx_hmac_t  *h;

    if (len == 0 || len > INT_MAX) {
        return NULL;
    }

    h = calloc(1, sizeof(hx_hmac_t));
    if (h == NULL) {
        return NULL;
    }

    h->ctx = HMAC_CTX_new();

    if (h->ctx == NULL
        || HMAC_Init_ex(h->ctx, secret, (int) len, EVP_sha256(), NULL) != 1)
    {
        hx_hmac_free(h);
        return NULL;
    }

    return h;
}


void
hx_hmac_free(hx_hmac_t *h)
{
    if (h == NULL) {
        return;
    }

    HMAC_CTX_free(h->ctx);              /* OpenSSL wipes the key in it */
    free(h);
}


hx_rc_t
hx_hmac_update(hx_hmac_t *h, const void *data, size_t len)
{
    return HMAC_Update(h->ctx, data, len) == 1 ? HX_OK : HX_FAIL;
}


hx_rc_t
hx_hmac_finish(hx_hmac_t *h, unsigned char out[HX_HMAC_LEN])
{
    unsigned  n;

    if (HMAC_Final(h->ctx, out, &n) != 1 || n != HX_HMAC_LEN) {
        return HX_FAIL;
    }

    /* no key: the one it has */

    return HMAC_Init_ex(h->ctx, NULL, 0, NULL, NULL) == 1 ? HX_OK : HX_FAIL;
}

#endif
