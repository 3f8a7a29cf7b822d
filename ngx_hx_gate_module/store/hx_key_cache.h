/*
 * hx_key_cache.h -- SHA-256 of keys that this process has met: for most
 * requests neither the checksum of a key nor its digest is computed again.
 *
 * It remembers a function's values, and decides nothing: the digest is looked
 * up in the registry as if it had just been computed, so a revoked key is
 * refused at once.  The caller puts what the registry knew, so nobody without a
 * key can push one out.
 *
 * A key is told by its SipHash under a secret of this process, 126 bits of
 * which are compared: who does not know the secret is let in by somebody else's
 * entry once in 2^126 requests.  Keys themselves are not kept.
 *
 * HX_KEY_CACHE_SLOTS * 48 bytes, touched only as far as they are used.  One
 * thread.
 */

#ifndef HX_KEY_CACHE_H
#define HX_KEY_CACHE_H

#include "hx_crypto.h"
#include "hx_types.h"

#define HX_KEY_CACHE_SLOTS   16384      /* a power of 2 */
#define HX_KEY_CACHE_KINDS   3          /* kinds are below */

typedef struct hx_key_cache_s  hx_key_cache_t;

/* NULL = no memory, or no random bytes. */
hx_key_cache_t *hx_key_cache_create(void);

/* Cleanses it.  NULL is fine. */
void hx_key_cache_free(hx_key_cache_t *c);

/*
 * HX_OK: the key was put, with this kind (a format that was checked then), and
 * *hash is what it was put with; HX_NO.
 */
hx_rc_t hx_key_cache_get(const hx_key_cache_t *c, unsigned kind,
    const unsigned char *key, size_t len, unsigned char hash[HX_SHA256_LEN]);

/* May not keep it. */
void hx_key_cache_put(hx_key_cache_t *c, unsigned kind,
    const unsigned char *key, size_t len,
    const unsigned char hash[HX_SHA256_LEN]);

#endif /* HX_KEY_CACHE_H */
