/*
 * hx_state_base.c -- what of a tenant's usage is counted elsewhere, as far as a
 * quota has to know it, and the name under which this memory's own is stored.
 */

#include "hx_state_impl.h"


hx_rc_t
hx_state_base(hx_state_t *st, const hx_str_t *id, uint32_t incarnation,
    unsigned month, uint64_t tenths)
{
    uint32_t            hash, block;
    hx_rc_t             rc;
    hx_stripe_t        *s;
    hx_tenant_block_t  *t;

    hash = hx_state_hash(id);

    if (hx_state_lock(st, hash, &s) != HX_OK) {
        return HX_FAIL;
    }

    rc = HX_NO;
    t = hx_state_find(st, hash, id, &block);

    if (t != NULL && t->incarnation == incarnation) {
        t->base_month = 0;
        hx_state_barrier();
        t->base = tenths;
        hx_state_barrier();
        t->base_month = month;
        rc = HX_OK;
    }

    hx_state_unlock(s);

    return rc;
}


void
hx_state_base_void(hx_state_t *st, const hx_str_t *id)
{
    uint32_t            hash, block;
    hx_stripe_t        *s;
    hx_tenant_block_t  *t;

    hash = hx_state_hash(id);

    if (hx_state_lock(st, hash, &s) != HX_OK) {
        return;
    }

    t = hx_state_find(st, hash, id, &block);

    if (t != NULL) {
        t->base_month = 0;
    }

    hx_state_unlock(s);
}


void
hx_state_source(const hx_state_t *st, uint32_t incarnation,
    unsigned char source[HX_STATE_SOURCE])
{
    unsigned  i;

    memcpy(source, st->head->id, 8);

    for (i = 0; i < 4; i++) {
        source[8 + i] = (unsigned char) (incarnation >> (24 - 8 * i));
    }
}
