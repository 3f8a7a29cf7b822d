/*
 * hx_sign.h -- signatures of audit checkpoints: HMAC-SHA256 (RFC 2104, FIPS
 * 180-4) or Ed25519 (RFC 8032), whichever the key file holds.
 *
 * A key file is either a PEM "PRIVATE KEY" or "PUBLIC KEY" of Ed25519 (openssl
 * genpkey -algorithm ed25519), or a secret of 32 to 4096 bytes for HMAC; one
 * line feed at its end does not count.  A key is read once, may be used by any
 * process forked since, and by one thread at a time.
 */

#ifndef HX_SIGN_H
#define HX_SIGN_H

#include "hx_types.h"

#define HX_SIGN_MAX        64       /* bytes of a signature */
#define HX_SIGN_SECRET_MIN 32       /* bytes */
#define HX_SIGN_FILE_MAX   4096     /* bytes of a key file */
#define HX_SIGN_NAME       29       /* "hmac-sha256:" and 16 hex digits, NUL */

typedef struct hx_sign_s  hx_sign_t;

/*
 * HX_OK and a key, or HX_NO and a static text in *err: not such a file; HX_FAIL
 * = no memory, or OpenSSL does not know the algorithm.
 */
hx_rc_t hx_sign_read(hx_sign_t **key, const unsigned char *text, size_t len,
    const char **err);

/* Cleanses it.  NULL is fine. */
void hx_sign_free(hx_sign_t *key);

/*
 * "<algorithm>:<id>", NUL-terminated, as long as the key.  The id is the first
 * 16 hex digits of SHA-256 of the public key, or, for HMAC, of the HMAC of
 * nothing: it names the key and tells nothing about it.
 */
const char *hx_sign_name(const hx_sign_t *key);

/* 1 when it can sign: not for a public key, which only checks. */
int hx_sign_can_sign(const hx_sign_t *key);

/* HX_OK and *out_len (32 or 64) bytes of signature in out, or HX_FAIL. */
hx_rc_t hx_sign_make(const hx_sign_t *key, const void *data, size_t len,
    unsigned char out[HX_SIGN_MAX], size_t *out_len);

/* HX_OK, HX_NO: not the signature of this; or HX_FAIL. */
hx_rc_t hx_sign_check(const hx_sign_t *key, const void *data, size_t len,
    const unsigned char *sig, size_t sig_len);

#endif /* HX_SIGN_H */
