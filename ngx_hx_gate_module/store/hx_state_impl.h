/*
 * hx_state_impl.h -- inside the shared memory of hx_state.h; included by
 * hx_state*.c and hx_box*.c alone.
 */

#ifndef HX_STATE_IMPL_H
#define HX_STATE_IMPL_H

#include <string.h>

#include "hx_month.h"
#include "hx_state_layout.h"
#include "hx_text.h"

#define HX_STATE_TRIES      1024            /* blocks looked at to evict one */
#define HX_STATE_PATH       1024            /* bytes of a path with its NUL */

#define HX_STATE_NEW        ".new"          /* behind it: not in force yet */
#define HX_STATE_OLD        ".old"          /* put aside */

/* Before this line a store is done, behind it the next: for the reader that
 * comes after kill -9, which sees whole stores in their order. */
#define hx_state_barrier()  __asm__ volatile ("" ::: "memory")


struct hx_state_s {
    hx_state_head_t   *head;
    hx_stripe_t       *stripe;
    hx_state_name_t   *name;                /* number n is name[n - 1] */
    uint32_t          *index;
    uint64_t          *unsaved;
    unsigned char     *blocks;
    unsigned char     *boxes;
    size_t             mapped;
    int                fd;                  /* holds the file lock; -1 */
    char               path[HX_STATE_PATH];
};


/* ---- hx_state.c */

hx_rc_t hx_state_fail(char *err, const char *what, const char *why);
void hx_state_drop(hx_state_t *st);             /* unmaps, closes */

/* The path with a suffix: OK, or FAIL and a text: it is too long. */
hx_rc_t hx_state_beside(char out[HX_STATE_PATH], const char *path,
    const char *suffix, char *err);

/* The locks of one who opens st->fd and is alone with it. */
hx_rc_t hx_state_lock_alone(const hx_state_t *st);

/* Does nobody else have it open, but for processes that were forked with it? */
int hx_state_is_alone(const hx_state_t *st);

/* ---- hx_state_layout.c */

hx_rc_t hx_state_sizes(const hx_state_conf_t *conf, char *err);

/* Is this head as it would be laid out?  A damaged one would lead anywhere. */
int hx_state_plausible(const hx_state_head_t *h);

hx_rc_t hx_state_map(hx_state_t *st, uint64_t total, char *err);
void hx_state_point(hx_state_t *st, unsigned char *p);
int hx_state_mutexes(hx_state_t *st);           /* all made anew */

/* A new memory in st->fd (-1: none), for conf; st->head is NULL. */
hx_rc_t hx_state_lay_out(hx_state_t *st, const hx_state_conf_t *conf,
    char *err);

/* ---- hx_state_repair.c; nobody else has it open */

void hx_state_boot(char boot[HX_STATE_BOOT]);
hx_rc_t hx_state_repair(hx_state_t *st, char *err);

/* Goes on in a file as conf wants it. */
hx_rc_t hx_state_move(hx_state_t *st, const hx_state_conf_t *conf, char *err);

/* The window of t, and its bits, for a place without one. */
hx_rc_t hx_state_move_window(hx_state_t *to, const hx_state_t *st,
    hx_tenant_block_t *mine, const hx_tenant_block_t *t);

/* ---- hx_state_lock.c */

int hx_state_mutex_init(pthread_mutex_t *m);

/*
 * What pthread_mutex_lock() or trylock() said of a stripe: OK = it is ours, and
 * made whole; FAIL = it is not.
 */
hx_rc_t hx_state_locked(hx_state_t *st, hx_stripe_t *stripe, int rc);

/*
 * Takes back what the stripe's last holder has begun; 0 = what it left leads
 * nowhere.
 */
int hx_state_undo(hx_state_t *st, hx_stripe_t *stripe);

/* Takes over every lock of the dead: what they had begun counts, or not. */
void hx_state_sweep(hx_state_t *st);

int hx_state_lock_allocator(hx_state_t *st);        /* 1 = done */
void hx_state_unlock_allocator(hx_state_t *st);

/*
 * One block of zeros or 0.  A tenant's does not say that it is one before the
 * caller has filled it in.
 */
uint32_t hx_state_alloc(hx_state_t *st, hx_block_kind_t kind);
void hx_state_free(hx_state_t *st, uint32_t block);

static inline hx_stripe_t *
hx_state_stripe(const hx_state_t *st, uint32_t hash)
{
    return &st->stripe[hash & (HX_STATE_STRIPES - 1)];
}


/* The lock that a hash belongs to; FAIL = it does not work. */

static inline hx_rc_t
hx_state_lock(hx_state_t *st, uint32_t hash, hx_stripe_t **stripe)
{
    int  rc;

    *stripe = hx_state_stripe(st, hash);
    rc = pthread_mutex_lock(&(*stripe)->lock);

    return rc == 0 ? HX_OK : hx_state_locked(st, *stripe, rc);
}


static inline void
hx_state_unlock(hx_stripe_t *stripe)
{
    (void) pthread_mutex_unlock(&stripe->lock);
}


/* ---- hx_state_tenant.c; the stripe of the hash is locked */

hx_tenant_block_t *hx_state_create(hx_state_t *st, uint32_t hash,
    const hx_str_t *id, uint32_t *block);

/*
 * Locks the stripe of whichever tenant has the block now; NULL = none, or
 * (without "wait") somebody else has the lock.  Who was killed in
 * hx_state_create() or hx_state_remove() has left a tenant that is not listed:
 * nobody else's business but eviction's.
 */
hx_tenant_block_t *hx_state_lock_block(hx_state_t *st, uint32_t block, int wait,
    hx_stripe_t **stripe);
int hx_state_listed(const hx_state_t *st, const hx_tenant_block_t *t,
    uint32_t block);

/* Memory of the window's long form, as far as there is any. */
void hx_state_free_bits(hx_state_t *st, hx_tenant_block_t *t);

/* Nothing of it counts: no window, no usage that is not stored elsewhere. */
int hx_state_idle(hx_state_t *st, const hx_tenant_block_t *t, uint32_t block);
void hx_state_remove(hx_state_t *st, hx_tenant_block_t *t, uint32_t block);

/*
 * The clock has left a month behind by more than one and comes back to it: what
 * was stored of it may be gone from here, and sums that begin anew would take
 * its place.  When all is stored, the tenant begins a new life.
 */
void hx_state_turn_back(hx_state_t *st, hx_stripe_t *stripe,
    hx_tenant_block_t *t, uint32_t block);
void hx_state_renew(hx_state_t *st, hx_tenant_block_t *t);

/* The block with a number; the caller knows what it is. */

static inline hx_block_t *
hx_state_block(const hx_state_t *st, uint32_t block)
{
    return (hx_block_t *) (st->blocks + (size_t) block * HX_STATE_BLOCK);
}


static inline uint64_t
hx_state_word(const unsigned char *p)
{
    uint64_t  w;

    memcpy(&w, p, sizeof(w));

    return w;
}


/* Of an id; in words of 8 bytes, the last two may overlap. */

static inline uint32_t
hx_state_hash(const hx_str_t *id)
{
    size_t    i;
    uint64_t  h;

    h = id->len * UINT64_C(0x9e3779b97f4a7c15);

    if (id->len >= 8) {
        for (i = 0; i + 8 < id->len; i += 8) {
            h = (h ^ hx_state_word(id->data + i))
                * UINT64_C(0xff51afd7ed558ccd);
            h ^= h >> 32;
        }

        h ^= hx_state_word(id->data + id->len - 8);

    } else {
        for (i = 0; i < id->len; i++) {
            h ^= (uint64_t) id->data[i] << (8 * i);
        }
    }

    h *= UINT64_C(0xff51afd7ed558ccd);

    return (uint32_t) ((h ^ h >> 29) >> 24);
}


/* The tenant of an id, or NULL. */

static inline hx_tenant_block_t *
hx_state_find(const hx_state_t *st, uint32_t hash, const hx_str_t *id,
    uint32_t *block)
{
    uint32_t            n;
    hx_tenant_block_t  *t;

    n = st->index[hash & (st->head->n_index - 1)];

    while (n != 0) {
        t = &hx_state_block(st, n)->tenant;

        if (t->hash == hash && t->id_len == id->len
            && hx_text_same(t->id, id->data, id->len))
        {
            *block = n;
            return t;
        }

        n = t->next;
    }

    return NULL;
}


/*
 * A block, a further one if need be, or 0 with the stripe locked: another
 * tenant's place is taken when it has nothing in it that counts.
 */
uint32_t hx_state_get(hx_state_t *st, hx_block_kind_t kind);

/* An entry that is not one of the first, or that is not there yet. */
hx_entry_t *hx_state_entry_far(hx_state_t *st, hx_tenant_block_t *t,
    uint32_t block, uint64_t key, uint32_t *entry_block, uint32_t *entry_at);

/* The entry of a key (operation, month), made if there is none; NULL = full. */

static inline hx_entry_t *
hx_state_entry(hx_state_t *st, hx_tenant_block_t *t, uint32_t block,
    uint64_t key, uint32_t *entry_block, uint32_t *entry_at)
{
    uint32_t  i;

    for (i = 0; i < HX_STATE_INLINE; i++) {
        if (hx_entry_key(t->entry[i]) == key) {
            *entry_block = block;
            *entry_at = i;
            return &t->entry[i];
        }
    }

    return hx_state_entry_far(st, t, block, key, entry_block, entry_at);
}


/* Where an entry is. */
hx_entry_t *hx_state_entry_at(const hx_state_t *st, uint32_t entry_block,
    uint32_t entry_at);

/* Entries of a tenant one after the other, wherever they are. */
typedef struct {
    const hx_state_t  *st;
    hx_entry_t        *e;
    unsigned           n;                   /* left at e */
    uint32_t           more;                /* the next block of them */
} hx_state_walk_t;

/* NULL = that was all; entries not in use are passed over. */
void hx_state_walk(hx_state_walk_t *w, const hx_state_t *st,
    hx_tenant_block_t *t);
hx_entry_t *hx_state_walk_on(hx_state_walk_t *w);

/* What all of a month's entries are together. */
uint64_t hx_state_month_sum(const hx_state_t *st,
    const hx_tenant_block_t *t, unsigned month);

/* Entries of one month (in months) go, or all old ones (0). */
void hx_state_prune(const hx_state_t *st, hx_tenant_block_t *t,
    unsigned month);

/* Before the month before the newest: nothing is added there any more. */

static inline int
hx_state_is_old(const hx_tenant_block_t *t, unsigned month)
{
    return month + 1 < t->newest;
}


/* The first block that was never used, for those without the allocator's
 * lock: it only grows. */

static inline uint32_t
hx_state_fresh(const hx_state_t *st)
{
    return __atomic_load_n(&st->head->fresh, __ATOMIC_RELAXED);
}


/* ---- unsaved bits */

static inline int
hx_state_is_unsaved(const hx_state_t *st, uint32_t block)
{
    return (__atomic_load_n(&st->unsaved[block / 64], __ATOMIC_RELAXED)
            >> (block % 64)) & 1;
}


/* The memory holds what is nowhere else, see hx_state_note(). */

static inline void
hx_state_set_unclean(hx_state_t *st)
{
    if (!__atomic_load_n(&st->head->unclean, __ATOMIC_SEQ_CST)) {
        __atomic_store_n(&st->head->unclean, 1, __ATOMIC_SEQ_CST);
    }
}


static inline void
hx_state_set_unsaved(hx_state_t *st, uint32_t block)
{
    if (!hx_state_is_unsaved(st, block)) {
        (void) __atomic_fetch_or(&st->unsaved[block / 64],
                                 UINT64_C(1) << (block % 64),
                                 __ATOMIC_SEQ_CST);
    }

    hx_state_set_unclean(st);
}


static inline void
hx_state_clear_unsaved(hx_state_t *st, uint32_t block)
{
    (void) __atomic_fetch_and(&st->unsaved[block / 64],
                              ~(UINT64_C(1) << (block % 64)),
                              __ATOMIC_RELAXED);
}


/* ---- boxes (hx_box.c) */

static inline hx_box_head_t *
hx_state_box(const hx_state_t *st, uint32_t n)
{
    return (hx_box_head_t *) (st->boxes
                              + (size_t) n
                                * (HX_STATE_PAGE + st->head->box_size));
}

#endif /* HX_STATE_IMPL_H */
