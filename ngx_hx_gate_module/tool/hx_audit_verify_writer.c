/*
 * hx_audit_verify_writer.c -- the writers of a trail: a hash table, and for
 * each the last records it has written.  The names come from the file, so the
 * table is seeded: nobody can choose names that all fall into one place.
 */

#include <stdlib.h>
#include <string.h>

#include "hx_audit_verify_impl.h"


#define HX_VERIFY_RING_MIN   16


static uint32_t
hx_verify_place(const hx_verify_t *v, const unsigned char *name)
{
    uint64_t  a, b;

    memcpy(&a, name, sizeof(a));
    memcpy(&b, name + sizeof(a), sizeof(b));

    a = (a ^ v->seed) * UINT64_C(0x9e3779b97f4a7c15);
    a ^= a >> 29;
    a = (a ^ b) * UINT64_C(0xbf58476d1ce4e5b9);
    a ^= a >> 32;
    a = (a ^ v->seed) * UINT64_C(0x94d049bb133111eb);

    return (uint32_t) (a >> 40) & (HX_VERIFY_TABLE - 1);
}


hx_verify_writer_t *
hx_verify_writer(hx_verify_t *v, const unsigned char *name)
{
    uint32_t             i;
    hx_verify_writer_t  *w;

    if (v->latest != NULL
        && memcmp(v->latest->name, name, HX_CHAIN_WRITER) == 0)
    {
        return v->latest;
    }

    for (i = hx_verify_place(v, name); v->table[i] != NULL;
         i = (i + 1) & (HX_VERIFY_TABLE - 1))
    {
        if (memcmp(v->table[i]->name, name, HX_CHAIN_WRITER) == 0) {
            v->latest = v->table[i];
            return v->latest;
        }
    }

    if (v->result.writers == HX_VERIFY_WRITERS) {
        v->rc = HX_NO;
        return NULL;
    }

    w = calloc(1, sizeof(hx_verify_writer_t));
    if (w == NULL) {
        v->rc = HX_FAIL;
        return NULL;
    }

    memcpy(w->name, name, HX_CHAIN_WRITER);
    v->table[i] = w;
    v->latest = w;
    v->result.writers++;

    return w;
}


/* Twice as many slots: HX_OK or HX_FAIL. */

static hx_rc_t
hx_verify_writer_grow(hx_verify_writer_t *w)
{
    uint32_t           i, n;
    hx_verify_slot_t  *slot;

    n = w->n_slots != 0 ? 2 * w->n_slots : HX_VERIFY_RING_MIN;

    slot = calloc(n, sizeof(hx_verify_slot_t));
    if (slot == NULL) {
        return HX_FAIL;
    }

    for (i = 0; i < w->n_slots; i++) {
        slot[w->slot[i].seq & (n - 1)] = w->slot[i];
    }

    free(w->slot);
    w->slot = slot;
    w->n_slots = n;

    return HX_OK;
}


void
hx_verify_writer_remember(hx_verify_t *v, hx_verify_writer_t *w,
    const hx_chain_line_t *l)
{
    hx_verify_slot_t  *slot;

    if (w->taken >= w->n_slots && w->n_slots < HX_VERIFY_RING
        && hx_verify_writer_grow(w) != HX_OK)
    {
        v->rc = HX_FAIL;
        return;
    }

    slot = &w->slot[l->seq & (w->n_slots - 1)];
    slot->seq = l->seq;
    memcpy(slot->mark, l->hash, HX_VERIFY_MARK);
}


void
hx_verify_writer_take(hx_verify_t *v, hx_verify_writer_t *w,
    const hx_chain_line_t *l, const hx_verify_place_t *at)
{
    w->seq = l->seq;
    memcpy(w->hash, l->hash, HX_CHAIN_HASH);
    w->kind = l->kind;
    w->at = *at;

    hx_verify_writer_remember(v, w, l);
    w->taken++;
}


hx_rc_t
hx_verify_writer_recall(const hx_verify_writer_t *w, const hx_chain_line_t *l)
{
    const hx_verify_slot_t  *slot;

    if (w->n_slots == 0) {
        return HX_FAIL;
    }

    slot = &w->slot[l->seq & (w->n_slots - 1)];

    if (slot->seq != l->seq) {
        return HX_FAIL;
    }

    return memcmp(slot->mark, l->hash, HX_VERIFY_MARK) == 0 ? HX_OK : HX_NO;
}


void
hx_verify_writers_free(hx_verify_t *v)
{
    uint32_t  i;

    if (v->table == NULL) {
        return;
    }

    for (i = 0; i < HX_VERIFY_TABLE; i++) {
        if (v->table[i] != NULL) {
            free(v->table[i]->slot);
            free(v->table[i]);
        }
    }

    free(v->table);
    v->table = NULL;
}
