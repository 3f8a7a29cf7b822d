/*
 * hx_sign.c -- see the header.
 */

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hx_crypto.h"
#include "hx_hmac.h"
#include "hx_openssl.h"
#include "hx_sign.h"
#include "hx_text.h"


#define HX_ED25519_LEN   32         /* bytes of a key */

struct hx_sign_s {
    EVP_PKEY   *pkey;               /* NULL: HMAC */
    hx_hmac_t  *hmac;
    int         is_private;
    char        name[HX_SIGN_NAME];
};


static hx_rc_t
hx_sign_hmac(const hx_sign_t *key, const void *data, size_t len,
    unsigned char out[HX_SHA256_LEN])
{
    return hx_hmac_update(key->hmac, data, len) == HX_OK
           ? hx_hmac_finish(key->hmac, out) : HX_FAIL;
}


/* The id: of what everybody may know. */

static hx_rc_t
hx_sign_set_name(hx_sign_t *key)
{
    size_t          len;
    unsigned        n;
    unsigned char   id[16], raw[HX_ED25519_LEN], sum[HX_SHA256_LEN];

    if (key->pkey != NULL) {
        len = sizeof(raw);
        n = sizeof(sum);

        if (EVP_PKEY_get_raw_public_key(key->pkey, raw, &len) != 1
            || EVP_Digest(raw, len, sum, &n, EVP_sha256(), NULL) != 1)
        {
            return HX_FAIL;
        }

    } else if (hx_sign_hmac(key, "", 0, sum) != HX_OK) {
        return HX_FAIL;
    }

    hx_text_hex(id, sum, 8);

    (void) snprintf(key->name, sizeof(key->name), "%s:%.16s",
                    key->pkey != NULL ? "ed25519" : "hmac-sha256",
                    (const char *) id);

    return HX_OK;
}


/* Nobody is asked for a passphrase: an encrypted key is not read. */

static int
hx_sign_no_passphrase(char *buf, int size, int rwflag, void *u)
{
    return -1;
}


static hx_rc_t
hx_sign_pem(hx_sign_t *key, const unsigned char *text, size_t len,
    const char **err)
{
    BIO  *bio;

    bio = BIO_new_mem_buf(text, (int) len);
    if (bio == NULL) {
        return HX_FAIL;
    }

    key->pkey = PEM_read_bio_PrivateKey(bio, NULL, hx_sign_no_passphrase,
                                        NULL);
    key->is_private = key->pkey != NULL;

    if (key->pkey == NULL && BIO_reset(bio) == 1) {
        key->pkey = PEM_read_bio_PUBKEY(bio, NULL, hx_sign_no_passphrase,
                                        NULL);
    }

    BIO_free(bio);

    if (key->pkey == NULL) {
        *err = "no key can be read from the PEM";
        return HX_NO;
    }

    if (EVP_PKEY_get_base_id(key->pkey) != EVP_PKEY_ED25519) {
        *err = "it is not a key of Ed25519";
        return HX_NO;
    }

    return HX_OK;
}


static hx_rc_t
hx_sign_secret(hx_sign_t *key, const unsigned char *text, size_t len,
    const char **err)
{
    if (len != 0 && text[len - 1] == '\n') {
        len--;
    }

    if (len < HX_SIGN_SECRET_MIN) {
        *err = "a secret must have 32 bytes or more";
        return HX_NO;
    }

    key->hmac = hx_hmac_create(text, len);
    key->is_private = 1;

    return key->hmac != NULL ? HX_OK : HX_FAIL;
}


hx_rc_t
hx_sign_read(hx_sign_t **key, const unsigned char *text, size_t len,
    const char **err)
{
    hx_rc_t     rc;
    hx_sign_t  *k;

    static const char  pem[] = "-----BEGIN ";

    *key = NULL;

    if (len > HX_SIGN_FILE_MAX) {
        *err = "it is longer than 4096 bytes";
        return HX_NO;
    }

    k = calloc(1, sizeof(hx_sign_t));
    if (k == NULL) {
        return HX_FAIL;
    }

    if (len >= sizeof(pem) - 1 && memcmp(text, pem, sizeof(pem) - 1) == 0) {
        rc = hx_sign_pem(k, text, len, err);

    } else {
        rc = hx_sign_secret(k, text, len, err);
    }

    if (rc == HX_OK) {
        rc = hx_sign_set_name(k);
    }

    if (rc != HX_OK) {
        hx_sign_free(k);
        return rc;
    }

    *key = k;

    return HX_OK;
}


void
hx_sign_free(hx_sign_t *key)
{
    if (key == NULL) {
        return;
    }

    EVP_PKEY_free(key->pkey);
    hx_hmac_free(key->hmac);
    free(key);
}


const char *
hx_sign_name(const hx_sign_t *key)
{
    return key->name;
}


int
hx_sign_can_sign(const hx_sign_t *key)
{
    return key->is_private;
}


hx_rc_t
hx_sign_make(const hx_sign_t *key, const void *data, size_t len,
    unsigned char out[HX_SIGN_MAX], size_t *out_len)
{
    int          ok;
    EVP_MD_CTX  *ctx;

    if (key->pkey == NULL) {
        *out_len = HX_SHA256_LEN;
        return hx_sign_hmac(key, data, len, out);
    }

    ctx = EVP_MD_CTX_new();
    *out_len = HX_SIGN_MAX;

    ok = ctx != NULL && key->is_private
         && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key->pkey) == 1
         && EVP_DigestSign(ctx, out, out_len, data, len) == 1;

    EVP_MD_CTX_free(ctx);

    return ok ? HX_OK : HX_FAIL;
}


hx_rc_t
hx_sign_check(const hx_sign_t *key, const void *data, size_t len,
    const unsigned char *sig, size_t sig_len)
{
    int             rc;
    EVP_MD_CTX     *ctx;
    unsigned char   want[HX_SHA256_LEN];

    if (key->pkey == NULL) {
        if (hx_sign_hmac(key, data, len, want) != HX_OK) {
            return HX_FAIL;
        }

        return sig_len == sizeof(want) && hx_equal(sig, want, sizeof(want))
               ? HX_OK : HX_NO;
    }

    ctx = EVP_MD_CTX_new();

    if (ctx == NULL
        || EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key->pkey) != 1)
    {
        EVP_MD_CTX_free(ctx);
        return HX_FAIL;
    }

    /* 0 and below: not its signature, or not one at all */

    rc = EVP_DigestVerify(ctx, sig, sig_len, data, len);
    EVP_MD_CTX_free(ctx);

    return rc == 1 ? HX_OK : HX_NO;
}
