/*
 * hx_hmac.h -- HMAC-SHA256 (RFC 2104) of what comes in pieces, for several
 * secrets at a time: who signed is not known before the end.
 */

#ifndef HX_HMAC_H
#define HX_HMAC_H

#include "hx_crypto.h"
#include "hx_types.h"

#define HX_HMAC_LEN    HX_SHA256_LEN

typedef struct hx_hmac_s  hx_hmac_t;

/* NULL: no memory, no secret (len 0), or OpenSSL has no HMAC. */
hx_hmac_t *hx_hmac_create(const void *secret, size_t len);

/* Cleanses it.  NULL is fine. */
void hx_hmac_free(hx_hmac_t *h);

/* HX_OK or HX_FAIL; after finish the same object begins anew. */
hx_rc_t hx_hmac_update(hx_hmac_t *h, const void *data, size_t len);
hx_rc_t hx_hmac_finish(hx_hmac_t *h, unsigned char out[HX_HMAC_LEN]);

#endif /* HX_HMAC_H */
