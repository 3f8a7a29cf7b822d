/*
 * hx_crypto.c -- OpenSSL behind a small handle; see the header.
 *
 * The digest is fetched once: an implicit fetch for each digest costs more
 * than hashing a key does.  Random bytes for ids are drawn in pages: one call
 * of RAND_bytes for 16 bytes costs 640 ns, for 4 KiB 1.15 us.
 */

/* SHA256_Init() and its like, for hx_sha256() */
#define OPENSSL_SUPPRESS_DEPRECATED

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "hx_crypto.h"
#include "hx_openssl.h"


struct hx_crypto_s {
    EVP_MD_CTX     *ctx;
    EVP_MD         *md;
    size_t          used;                   /* bytes of the pool given away */
    unsigned char   pool[HX_RANDOM_POOL];
};


hx_crypto_t *
hx_crypto_create(void)
{
    hx_crypto_t  *c;

    c = calloc(1, sizeof(hx_crypto_t));
    if (c == NULL) {
        return NULL;
    }

    c->used = HX_RANDOM_POOL;
    c->md = EVP_MD_fetch(NULL, "SHA256", NULL);
    c->ctx = EVP_MD_CTX_new();

    /* binds the digest to the context: later starts pass NULL and only reset */

    if (c->md == NULL || c->ctx == NULL
        || EVP_DigestInit_ex2(c->ctx, c->md, NULL) != 1)
    {
        hx_crypto_free(c);
        return NULL;
    }

    return c;
}


void
hx_crypto_free(hx_crypto_t *c)
{
    if (c == NULL) {
        return;
    }

    EVP_MD_CTX_free(c->ctx);
    EVP_MD_free(c->md);
    OPENSSL_cleanse(c, sizeof(hx_crypto_t));
    free(c);
}


hx_rc_t
hx_sha256_start(hx_crypto_t *c)
{
    return EVP_DigestInit_ex2(c->ctx, NULL, NULL) == 1 ? HX_OK : HX_FAIL;
}


hx_rc_t
hx_sha256_update(hx_crypto_t *c, const void *data, size_t len)
{
    return EVP_DigestUpdate(c->ctx, data, len) == 1 ? HX_OK : HX_FAIL;
}


hx_rc_t
hx_sha256_finish(hx_crypto_t *c, unsigned char out[HX_SHA256_LEN])
{
    return EVP_DigestFinal_ex(c->ctx, out, NULL) == 1 ? HX_OK : HX_FAIL;
}


/*
 * Deprecated since OpenSSL 3.0, but the code that EVP calls, without the layers
 * between: for a key they are an eighth of the instructions, a quarter of the
 * time.  (SHA256() itself goes through them.)
 */

hx_rc_t
hx_sha256_pair(hx_crypto_t *c, const void *a, size_t alen, const void *b,
    size_t blen, unsigned char out[HX_SHA256_LEN])
{
#ifndef OPENSSL_NO_DEPRECATED_3_0

    int         ok;
    SHA256_CTX  ctx;

    ok = SHA256_Init(&ctx) == 1 && SHA256_Update(&ctx, a, alen) == 1
         && SHA256_Update(&ctx, b, blen) == 1 && SHA256_Final(out, &ctx) == 1;

    /* what was hashed may be a key */

    explicit_bzero(&ctx, sizeof(ctx));

    return ok ? HX_OK : HX_FAIL;

#else

    if (hx_sha256_start(c) != HX_OK
        || hx_sha256_update(c, a, alen) != HX_OK
        || hx_sha256_update(c, b, blen) != HX_OK)
    {
        return HX_FAIL;
    }

    return hx_sha256_finish(c, out);

#endif
}


hx_rc_t
hx_sha256(hx_crypto_t *c, const void *data, size_t len,
    unsigned char out[HX_SHA256_LEN])
{
    return hx_sha256_pair(c, data, len, NULL, 0, out);
}


hx_rc_t
hx_sha256_once(const void *data, size_t len, unsigned char out[HX_SHA256_LEN])
{
    return EVP_Digest(data, len, out, NULL, EVP_sha256(), NULL) == 1
           ? HX_OK : HX_FAIL;
}


hx_rc_t
hx_random_pooled(hx_crypto_t *c, void *out, size_t len)
{
    if (len > HX_RANDOM_POOL) {
        return HX_FAIL;
    }

    if (HX_RANDOM_POOL - c->used < len) {
        if (RAND_bytes(c->pool, HX_RANDOM_POOL) != 1) {
            c->used = HX_RANDOM_POOL;
            return HX_FAIL;
        }

        c->used = 0;
    }

    memcpy(out, c->pool + c->used, len);
    memset(c->pool + c->used, 0, len);
    c->used += len;

    return HX_OK;
}


hx_rc_t
hx_random_secret(void *out, size_t len)
{
    if (len > HX_RANDOM_POOL) {
        return HX_FAIL;
    }

    return RAND_priv_bytes(out, (int) len) == 1 ? HX_OK : HX_FAIL;
}


int
hx_equal(const void *a, const void *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}


int
hx_secret_equal(const unsigned char *presented, size_t plen,
    const unsigned char *expected, size_t elen)
{
    /* a wrong length is compared with itself: same work, answer 0 */

    if (plen != elen || elen == 0) {
        (void) CRYPTO_memcmp(presented, presented, plen);
        return 0;
    }

    return CRYPTO_memcmp(presented, expected, elen) == 0;
}


void
hx_cleanse(void *p, size_t len)
{
    OPENSSL_cleanse(p, len);
}
