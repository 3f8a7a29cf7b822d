/*
 * hx_crypto.h -- SHA-256, random bytes, constant-time comparison, CRC-32.
 *
 * OpenSSL underneath.  A hx_crypto_t holds a fetched digest, a reusable
 * context and a pool of random bytes; it belongs to one thread of one process
 * and must be created after fork (two processes must never share a pool).
 */

#ifndef HX_CRYPTO_H
#define HX_CRYPTO_H

#include "hx_types.h"

#define HX_SHA256_LEN      32
#define HX_RANDOM_POOL     4096     /* bytes fetched from RAND_bytes at once */

typedef struct hx_crypto_s  hx_crypto_t;

/* NULL when out of memory or OpenSSL has no SHA-256. */
hx_crypto_t *hx_crypto_create(void);

/* Cleanses the pool.  NULL is fine. */
void hx_crypto_free(hx_crypto_t *c);

/* HX_OK, or HX_FAIL when OpenSSL reports an error (out is then undefined). */
hx_rc_t hx_sha256(hx_crypto_t *c, const void *data, size_t len,
    unsigned char out[HX_SHA256_LEN]);

/* Of a, followed by b. */
hx_rc_t hx_sha256_pair(hx_crypto_t *c, const void *a, size_t alen,
    const void *b, size_t blen, unsigned char out[HX_SHA256_LEN]);

/* For any thread; slower. */
hx_rc_t hx_sha256_once(const void *data, size_t len,
    unsigned char out[HX_SHA256_LEN]);

/* Incremental form; one digest at a time per hx_crypto_t. */
hx_rc_t hx_sha256_start(hx_crypto_t *c);
hx_rc_t hx_sha256_update(hx_crypto_t *c, const void *data, size_t len);
hx_rc_t hx_sha256_finish(hx_crypto_t *c, unsigned char out[HX_SHA256_LEN]);

/*
 * Random bytes from the pool (ids, not keys: pooled bytes lie in memory until
 * used; used ones are wiped).  HX_FAIL when the system gives none.
 */
hx_rc_t hx_random_pooled(hx_crypto_t *c, void *out, size_t len);

/* Random bytes for secrets, straight from RAND_priv_bytes. */
hx_rc_t hx_random_secret(void *out, size_t len);

/* Constant-time equality of equally long memory: 1 or 0. */
int hx_equal(const void *a, const void *b, size_t len);

/*
 * Constant-time comparison of a presented secret with the expected one; the
 * time depends on the presented length only.  Lengths differ: 0.
 */
int hx_secret_equal(const unsigned char *presented, size_t plen,
    const unsigned char *expected, size_t elen);

/* Overwrites memory in a way the compiler keeps. */
void hx_cleanse(void *p, size_t len);

/* hx_crc32.c: CRC-32 (IEEE 802.3); seed: 0, or the result for what precedes. */
uint32_t hx_crc32(uint32_t seed, const void *data, size_t len);

#endif /* HX_CRYPTO_H */
