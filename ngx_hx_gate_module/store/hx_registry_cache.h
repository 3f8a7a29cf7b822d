/*
 * hx_registry_cache.h -- the answers a process got from its registry, good for
 * as long as the registry has not changed by one byte.
 *
 * Every answer belongs to a version of the store (LMDB: the number of the last
 * committed transaction).  The caller reads the version that is in force before
 * each question; one change, by whichever process, and all answers are void.
 * So a revoked key is refused exactly when it would be without a cache.
 *
 * Only found records are kept: nobody without a key can push one out.
 *
 * Memory: HX_CACHE_SLOTS * 16 + HX_CACHE_BYTES bytes at most, touched only as
 * far as they are used.  When they are full everything is dropped and begins
 * anew.  One thread.
 */

#ifndef HX_REGISTRY_CACHE_H
#define HX_REGISTRY_CACHE_H

#include "hx_crypto.h"
#include "hx_types.h"

#define HX_CACHE_SLOTS    16384         /* a power of 2 */
#define HX_CACHE_BYTES    2359296       /* records and their hashes */
#define HX_CACHE_RECORD   65536         /* a longer one is not kept */

typedef struct hx_registry_cache_s  hx_registry_cache_t;

/* NULL = no memory. */
hx_registry_cache_t *hx_registry_cache_create(void);

/* NULL is fine. */
void hx_registry_cache_free(hx_registry_cache_t *c);

/*
 * HX_OK: *record holds until the next call; HX_NO: not known for this version.
 * A version other than that of the last call drops everything.
 */
hx_rc_t hx_registry_cache_get(hx_registry_cache_t *c, uint64_t version,
    const unsigned char hash[HX_SHA256_LEN], hx_str_t *record);

/* Keeps a copy. */
void hx_registry_cache_put(hx_registry_cache_t *c, uint64_t version,
    const unsigned char hash[HX_SHA256_LEN], const hx_str_t *record);

#endif /* HX_REGISTRY_CACHE_H */
