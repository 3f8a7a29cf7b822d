/*
 * hx_registry_cache.c -- see the header.
 *
 * An open hash table over one block of memory that is filled from its start.
 * The key hash is a SHA-256, so its own bits place it.  Dropping everything is
 * two assignments: slots of an older round are empty ones.
 */

#include <stdlib.h>
#include <string.h>

#include "hx_registry_cache.h"


#define HX_CACHE_WINDOW   16            /* slots that may hold one hash */


typedef struct {
    uint32_t   round;                   /* in which it was filled; 0 = never */
    uint32_t   tag;                     /* 4 bytes of the hash */
    uint32_t   at;                      /* of hash and record in the block */
    uint32_t   len;                     /* of the record */
} hx_cache_slot_t;


struct hx_registry_cache_s {
    uint64_t          version;
    uint32_t          round;
    uint32_t          used;             /* bytes of the block */
    hx_cache_slot_t  *slots;
    unsigned char    *block;
};


hx_registry_cache_t *
hx_registry_cache_create(void)
{
    hx_registry_cache_t  *c;

    c = calloc(1, sizeof(hx_registry_cache_t));
    if (c == NULL) {
        return NULL;
    }

    c->round = 1;
    c->slots = calloc(HX_CACHE_SLOTS, sizeof(hx_cache_slot_t));
    c->block = malloc(HX_CACHE_BYTES);

    if (c->slots == NULL || c->block == NULL) {
        hx_registry_cache_free(c);
        return NULL;
    }

    return c;
}


void
hx_registry_cache_free(hx_registry_cache_t *c)
{
    if (c == NULL) {
        return;
    }

    free(c->slots);
    free(c->block);
    free(c);
}


static void
hx_registry_cache_drop(hx_registry_cache_t *c)
{
    c->used = 0;

    if (++c->round == 0) {
        memset(c->slots, 0, HX_CACHE_SLOTS * sizeof(hx_cache_slot_t));
        c->round = 1;
    }
}


static uint32_t
hx_registry_cache_tag(const unsigned char *hash)
{
    uint32_t  tag;

    memcpy(&tag, hash + 4, sizeof(tag));

    return tag;
}


static hx_cache_slot_t *
hx_registry_cache_slot(const hx_registry_cache_t *c,
    const unsigned char *hash, unsigned i)
{
    uint32_t  place;

    memcpy(&place, hash, sizeof(place));

    return &c->slots[(place + i) & (HX_CACHE_SLOTS - 1)];
}


hx_rc_t
hx_registry_cache_get(hx_registry_cache_t *c, uint64_t version,
    const unsigned char hash[HX_SHA256_LEN], hx_str_t *record)
{
    unsigned                i;
    uint32_t                tag;
    const unsigned char    *p;
    const hx_cache_slot_t  *s;

    if (c->version != version) {
        c->version = version;
        hx_registry_cache_drop(c);
        return HX_NO;
    }

    tag = hx_registry_cache_tag(hash);

    for (i = 0; i < HX_CACHE_WINDOW; i++) {
        s = hx_registry_cache_slot(c, hash, i);

        if (s->round != c->round) {
            return HX_NO;               /* put() would have taken this one */
        }

        p = c->block + s->at;

        if (s->tag == tag && memcmp(p, hash, HX_SHA256_LEN) == 0) {
            record->data = p + HX_SHA256_LEN;
            record->len = s->len;
            return HX_OK;
        }
    }

    return HX_NO;
}


void
hx_registry_cache_put(hx_registry_cache_t *c, uint64_t version,
    const unsigned char hash[HX_SHA256_LEN], const hx_str_t *record)
{
    unsigned          i;
    unsigned char    *p;
    hx_cache_slot_t  *s;

    if (record->len > HX_CACHE_RECORD) {
        return;
    }

    if (c->version != version
        || HX_CACHE_BYTES - c->used < HX_SHA256_LEN + record->len)
    {
        c->version = version;
        hx_registry_cache_drop(c);
    }

    for (i = 0; i < HX_CACHE_WINDOW; i++) {
        s = hx_registry_cache_slot(c, hash, i);

        if (s->round != c->round) {
            break;
        }
    }

    if (i == HX_CACHE_WINDOW) {
        s = hx_registry_cache_slot(c, hash, 0);
    }

    s->round = c->round;
    s->tag = hx_registry_cache_tag(hash);
    s->at = c->used;
    s->len = (uint32_t) record->len;

    p = c->block + c->used;
    memcpy(p, hash, HX_SHA256_LEN);
    memcpy(p + HX_SHA256_LEN, record->data, record->len);

    c->used += (uint32_t) (HX_SHA256_LEN + record->len);
}
