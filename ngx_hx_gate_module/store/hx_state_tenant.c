/*
 * hx_state_tenant.c -- the places of tenants in the shared memory: found by
 * their id, made, taken from those that need them no longer; and the entries
 * of what they used.
 *
 * The stripe of the tenant is locked in all of it.  Another tenant's stripe is
 * only ever tried, so two processes cannot wait for each other.
 */

#include "hx_state_impl.h"


hx_tenant_block_t *
hx_state_create(hx_state_t *st, uint32_t hash, const hx_str_t *id,
    uint32_t *block)
{
    uint32_t            n, *first;
    hx_tenant_block_t  *t;

    if (id->len == 0 || id->len > HX_TENANT_MAX) {
        return NULL;
    }

    n = hx_state_get(st, HX_BLOCK_TENANT);
    if (n == 0) {
        return NULL;
    }

    t = &hx_state_block(st, n)->tenant;

    t->hash = hash;
    t->id_len = (uint8_t) id->len;
    memcpy(t->id, id->data, id->len);
    t->incarnation = __atomic_add_fetch(&st->head->incarnation, 1,
                                        __ATOMIC_RELAXED);

    first = &st->index[hash & (st->head->n_index - 1)];
    t->next = *first;

    /* whoever looks at blocks without their lock finds the right hash */

    __atomic_store_n(&t->kind, HX_BLOCK_TENANT, __ATOMIC_RELEASE);
    *first = n;

    (void) __atomic_fetch_add(&st->head->tenants, 1, __ATOMIC_RELAXED);

    *block = n;

    return t;
}


hx_tenant_block_t *
hx_state_lock_block(hx_state_t *st, uint32_t block, int wait,
    hx_stripe_t **stripe)
{
    int                 rc;
    uint32_t            hash;
    hx_stripe_t        *s;
    hx_tenant_block_t  *t;

    t = &hx_state_block(st, block)->tenant;

    if (__atomic_load_n(&t->kind, __ATOMIC_ACQUIRE) != HX_BLOCK_TENANT) {
        return NULL;
    }

    hash = __atomic_load_n(&t->hash, __ATOMIC_RELAXED);
    s = hx_state_stripe(st, hash);
    *stripe = s;

    rc = wait ? pthread_mutex_lock(&s->lock) : pthread_mutex_trylock(&s->lock);

    if (hx_state_locked(st, s, rc) != HX_OK) {
        return NULL;
    }

    /* it may have become another one's before the lock was ours */

    if (__atomic_load_n(&t->kind, __ATOMIC_ACQUIRE) != HX_BLOCK_TENANT
        || __atomic_load_n(&t->hash, __ATOMIC_RELAXED) != hash)
    {
        hx_state_unlock(s);
        return NULL;
    }

    return t;
}


/* What leads to the block in its chain; NULL = nothing. */

static uint32_t *
hx_state_link(const hx_state_t *st, const hx_tenant_block_t *t,
    uint32_t block)
{
    uint32_t  *link;

    link = &st->index[t->hash & (st->head->n_index - 1)];

    while (*link != 0 && *link != block) {
        link = &hx_state_block(st, *link)->tenant.next;
    }

    return *link != 0 ? link : NULL;
}


int
hx_state_listed(const hx_state_t *st, const hx_tenant_block_t *t,
    uint32_t block)
{
    return hx_state_link(st, t, block) != NULL;
}


int
hx_state_idle(hx_state_t *st, const hx_tenant_block_t *t, uint32_t block)
{
    return !hx_state_is_unsaved(st, block) && t->place == 0
           && (t->held == 0
               || t->held_in != __atomic_load_n(&st->head->holding,
                                                __ATOMIC_RELAXED))
           && hx_window_idle(&t->window, hx_state_clock());
}


void
hx_state_free_bits(hx_state_t *st, hx_tenant_block_t *t)
{
    unsigned   i;
    uint32_t   n;

    /* the last one first: it tells that all are there */

    for (i = HX_WINDOW_PARTS; i-- != 0; /* void */) {
        n = t->bits[i];
        t->bits[i] = 0;
        hx_state_barrier();

        if (n != 0) {
            hx_state_free(st, n);
        }
    }
}


/*
 * Nothing of it leads anywhere any more before a block of it is free: who is
 * killed in here leaves a tenant that is not listed, and that may be removed
 * once more.
 */

void
hx_state_remove(hx_state_t *st, hx_tenant_block_t *t, uint32_t block)
{
    uint32_t  n, *link;

    link = hx_state_link(st, t, block);

    if (link != NULL) {
        *link = t->next;
        hx_state_barrier();
        (void) __atomic_fetch_sub(&st->head->tenants, 1, __ATOMIC_RELAXED);
    }

    hx_state_free_bits(st, t);

    while (t->more != 0) {
        n = t->more;
        t->more = hx_state_block(st, n)->more.next;
        hx_state_barrier();
        hx_state_free(st, n);
    }

    hx_state_free(st, block);
}


/* Frees a tenant's place when it is idle; 1 = done. */

static int
hx_state_evict(hx_state_t *st, uint32_t block)
{
    int                 done, listed;
    hx_stripe_t        *s;
    hx_tenant_block_t  *t;

    if (hx_state_is_unsaved(st, block)) {
        return 0;
    }

    t = hx_state_lock_block(st, block, 0, &s);
    if (t == NULL) {
        return 0;
    }

    listed = hx_state_listed(st, t, block);
    done = !listed || hx_state_idle(st, t, block);

    if (done) {
        hx_state_remove(st, t, block);

        if (listed) {
            (void) __atomic_fetch_add(&st->head->evicted, 1,
                                      __ATOMIC_RELAXED);
        }
    }

    hx_state_unlock(s);

    return done;
}


uint32_t
hx_state_get(hx_state_t *st, hx_block_kind_t kind)
{
    unsigned          i;
    uint32_t          n, block;
    hx_state_head_t  *h;

    h = st->head;

    n = hx_state_alloc(st, kind);
    if (n != 0) {
        return n;
    }

    for (i = 0; i < HX_STATE_TRIES && i < h->n_blocks; i++) {
        block = __atomic_fetch_add(&h->cursor, 1, __ATOMIC_RELAXED)
                % (uint32_t) h->n_blocks;

        if (block != 0 && hx_state_evict(st, block)) {
            n = hx_state_alloc(st, kind);

            if (n != 0) {
                return n;
            }
        }
    }

    (void) __atomic_fetch_add(&h->full, 1, __ATOMIC_RELAXED);

    return 0;
}


hx_entry_t *
hx_state_entry_at(const hx_state_t *st, uint32_t entry_block,
    uint32_t entry_at)
{
    hx_block_t  *b;

    b = hx_state_block(st, entry_block);

    return b->tenant.kind == HX_BLOCK_TENANT ? &b->tenant.entry[entry_at]
                                             : &b->more.entry[entry_at];
}


typedef struct {
    uint32_t   block;
    uint32_t   at;
    unsigned   found:1;
} hx_entry_place_t;


/* Looks for the key, and remembers the first entry not in use. */

static hx_entry_t *
hx_state_entry_in(hx_entry_t *e, unsigned n, uint64_t key, uint32_t block,
    hx_entry_place_t *spare, uint32_t *at)
{
    unsigned  i;

    for (i = 0; i < n; i++) {
        if (hx_entry_key(e[i]) == key) {
            *at = i;
            return &e[i];
        }

        if (e[i] == 0 && !spare->found) {
            spare->block = block;
            spare->at = i;
            spare->found = 1;
        }
    }

    return NULL;
}


hx_entry_t *
hx_state_entry_far(hx_state_t *st, hx_tenant_block_t *t, uint32_t block,
    uint64_t key, uint32_t *entry_block, uint32_t *entry_at)
{
    uint32_t           n;
    hx_entry_t        *e;
    hx_more_block_t   *m;
    hx_entry_place_t   spare;

    memset(&spare, 0, sizeof(spare));

    *entry_block = block;

    e = hx_state_entry_in(t->entry, HX_STATE_INLINE, key, block, &spare,
                          entry_at);

    for (n = t->more; e == NULL && n != 0; n = m->next) {
        m = &hx_state_block(st, n)->more;
        *entry_block = n;
        e = hx_state_entry_in(m->entry, HX_STATE_MORE, key, n, &spare,
                              entry_at);
    }

    if (e != NULL) {
        return e;
    }

    if (!spare.found) {
        n = hx_state_get(st, HX_BLOCK_MORE);
        if (n == 0) {
            return NULL;
        }

        hx_state_block(st, n)->more.next = t->more;
        hx_state_barrier();
        t->more = n;

        spare.block = n;
        spare.at = 0;
    }

    *entry_block = spare.block;
    *entry_at = spare.at;

    if (hx_entry_month(key) > t->newest) {
        t->newest = (uint16_t) hx_entry_month(key);
        hx_state_barrier();
    }

    e = hx_state_entry_at(st, spare.block, spare.at);
    *e = key;

    return e;
}


static uint64_t
hx_state_sum(const hx_entry_t *e, unsigned n, unsigned month)
{
    unsigned  i;
    uint64_t  sum;

    for (i = 0, sum = 0; i < n; i++) {
        if (hx_entry_month(e[i]) == month) {
            sum += hx_entry_tenths(e[i]);
        }
    }

    return sum;
}


uint64_t
hx_state_month_sum(const hx_state_t *st, const hx_tenant_block_t *t,
    unsigned month)
{
    uint32_t                n;
    uint64_t                sum;
    const hx_more_block_t  *m;

    month = hx_month_count(month);
    sum = hx_state_sum(t->entry, HX_STATE_INLINE, month);

    for (n = t->more; n != 0; n = m->next) {
        m = &hx_state_block(st, n)->more;
        sum += hx_state_sum(m->entry, HX_STATE_MORE, month);
    }

    return sum;
}


void
hx_state_renew(hx_state_t *st, hx_tenant_block_t *t)
{
    hx_entry_t       *e;
    hx_state_walk_t   w;

    t->incarnation = __atomic_add_fetch(&st->head->incarnation, 1,
                                        __ATOMIC_RELAXED);
    t->base_month = 0;
    t->held = 0;
    t->newest = 0;

    hx_state_walk(&w, st, t);

    while ((e = hx_state_walk_on(&w)) != NULL) {
        *e = 0;
    }
}


void
hx_state_turn_back(hx_state_t *st, hx_stripe_t *s, hx_tenant_block_t *t,
    uint32_t block)
{
    if (hx_state_is_unsaved(st, block)) {
        return;
    }

    s->block = block;
    hx_state_barrier();
    s->undo = HX_UNDO_RENEW;
    hx_state_barrier();

    hx_state_renew(st, t);

    hx_state_barrier();
    s->undo = HX_UNDO_NONE;
}


void
hx_state_walk(hx_state_walk_t *w, const hx_state_t *st, hx_tenant_block_t *t)
{
    w->st = st;
    w->e = t->entry;
    w->n = HX_STATE_INLINE;
    w->more = t->more;
}


hx_entry_t *
hx_state_walk_on(hx_state_walk_t *w)
{
    hx_entry_t       *e;
    hx_more_block_t  *m;

    for ( ;; ) {

        while (w->n != 0) {
            w->n--;
            e = w->e++;

            if (*e != 0) {
                return e;
            }
        }

        if (w->more == 0) {
            return NULL;
        }

        m = &hx_state_block(w->st, w->more)->more;
        w->e = m->entry;
        w->n = HX_STATE_MORE;
        w->more = m->next;
    }
}


void
hx_state_prune(const hx_state_t *st, hx_tenant_block_t *t, unsigned month)
{
    hx_entry_t       *e;
    hx_state_walk_t   w;

    hx_state_walk(&w, st, t);

    while ((e = hx_state_walk_on(&w)) != NULL) {
        if (month != 0 ? hx_entry_month(*e) == month
                       : hx_state_is_old(t, hx_entry_month(*e)))
        {
            *e = 0;
        }
    }
}
