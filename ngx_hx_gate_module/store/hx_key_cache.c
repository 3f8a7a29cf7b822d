/*
 * hx_key_cache.c -- see the header.
 *
 * An open hash table; tags lie apart from digests, so that a look at all the
 * slots a key may be in reads four cache lines.  Two bits of a tag say the
 * kind, and that the slot is in use.
 */

#include <stdlib.h>
#include <string.h>

#include "hx_key_cache.h"
#include "hx_siphash.h"


#define HX_KEY_CACHE_WINDOW     16      /* slots that may hold one key */

/*
 * Of the keys that find no free slot one in so many takes another's: where
 * there are many more keys than slots most would only be written in vain.
 */
#define HX_KEY_CACHE_PATIENCE   16


struct hx_key_cache_s {
    hx_siphash_t    *tags;
    unsigned char  (*hashes)[HX_SHA256_LEN];
    unsigned         turn;
    unsigned char    secret[HX_SIPHASH_SECRET];
};


hx_key_cache_t *
hx_key_cache_create(void)
{
    hx_key_cache_t  *c;

    c = calloc(1, sizeof(hx_key_cache_t));
    if (c == NULL) {
        return NULL;
    }

    c->tags = calloc(HX_KEY_CACHE_SLOTS, sizeof(hx_siphash_t));
    c->hashes = malloc(HX_KEY_CACHE_SLOTS * sizeof(*c->hashes));

    if (c->tags == NULL || c->hashes == NULL
        || hx_random_secret(c->secret, sizeof(c->secret)) != HX_OK)
    {
        hx_key_cache_free(c);
        return NULL;
    }

    return c;
}


void
hx_key_cache_free(hx_key_cache_t *c)
{
    if (c == NULL) {
        return;
    }

    hx_cleanse(c->secret, sizeof(c->secret));
    free(c->tags);
    free(c->hashes);
    free(c);
}


static hx_siphash_t
hx_key_cache_tag(const hx_key_cache_t *c, unsigned kind,
    const unsigned char *key, size_t len)
{
    hx_siphash_t  tag;

    tag = hx_siphash(c->secret, key, len);
    tag.low = (tag.low & ~(uint64_t) 3) | (kind + 1);       /* never 0 */

    return tag;
}


static size_t
hx_key_cache_slot(hx_siphash_t tag, size_t i)
{
    return (tag.high + i) & (HX_KEY_CACHE_SLOTS - 1);
}


hx_rc_t
hx_key_cache_get(const hx_key_cache_t *c, unsigned kind,
    const unsigned char *key, size_t len, unsigned char hash[HX_SHA256_LEN])
{
    size_t        i, at;
    hx_siphash_t  tag;

    tag = hx_key_cache_tag(c, kind, key, len);

    for (i = 0; i < HX_KEY_CACHE_WINDOW; i++) {
        at = hx_key_cache_slot(tag, i);

        if (c->tags[at].low == tag.low && c->tags[at].high == tag.high) {
            memcpy(hash, c->hashes[at], HX_SHA256_LEN);
            return HX_OK;
        }

        if (c->tags[at].low == 0) {
            return HX_NO;               /* put() would have taken this one */
        }
    }

    return HX_NO;
}


void
hx_key_cache_put(hx_key_cache_t *c, unsigned kind, const unsigned char *key,
    size_t len, const unsigned char hash[HX_SHA256_LEN])
{
    size_t        i, at;
    hx_siphash_t  tag;

    tag = hx_key_cache_tag(c, kind, key, len);

    for (i = 0; i < HX_KEY_CACHE_WINDOW; i++) {
        at = hx_key_cache_slot(tag, i);

        if (c->tags[at].low == 0
            || (c->tags[at].low == tag.low && c->tags[at].high == tag.high))
        {
            break;
        }
    }

    if (i == HX_KEY_CACHE_WINDOW) {
        if (++c->turn % HX_KEY_CACHE_PATIENCE != 0) {
            return;
        }

        at = hx_key_cache_slot(tag, c->turn / HX_KEY_CACHE_PATIENCE
                                    % HX_KEY_CACHE_WINDOW);
    }

    c->tags[at] = tag;
    memcpy(c->hashes[at], hash, HX_SHA256_LEN);
}
