/*
 * hx_lease_table.c -- see hx_lease_table.h.
 *
 * A place is in use when it has a length of an id: that is written last when a
 * tenant gets it and first when it loses it, so that who is killed in between
 * leaves a place that is free.
 */

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "hx_lease_table.h"

#define hx_lease_table_fence()  __atomic_signal_fence(__ATOMIC_SEQ_CST)

typedef struct {
    hx_lease_t      lease;                  /* first: who has it has this */
    unsigned char   id[HX_TENANT_MAX];
    uint32_t        set;
    uint32_t        id_len;                 /* 0 = free */
    uint64_t        unused[3];
} hx_lease_place_t;

typedef struct {
    pthread_mutex_t   mutex;
    unsigned char     pad[128 - sizeof(pthread_mutex_t)];
} hx_lease_lock_t;

struct hx_lease_table_s {
    hx_lease_lock_t   lock[HX_LEASE_TABLE_LOCKS];
    uint64_t          used;
    uint64_t          full;
    uint64_t          evicted;
    uint64_t          recovered;
    uint32_t          n_sets;
    uint32_t          cursor;               /* of who looks for rests */
    uint64_t          turn;                 /* when he began, ns */
    unsigned char     node[HX_LEASE_TABLE_NODE];
    uint64_t          unused[8];
    hx_lease_place_t  place[];              /* and a bit for each set */
};

_Static_assert(sizeof(hx_lease_place_t) == 256, "as hx_lease_table.h says");
_Static_assert(sizeof(struct hx_lease_table_s) % 64 == 0, "aligned places");


static uint32_t
hx_lease_table_sets(uint32_t tenants)
{
    if (tenants > HX_LEASE_TABLE_MAX) {
        tenants = HX_LEASE_TABLE_MAX;
    }

    return tenants == 0 ? 1 : (tenants + HX_LEASE_TABLE_WAYS - 1)
                              / HX_LEASE_TABLE_WAYS;
}


/* of the bits of sets */
static uint32_t
hx_lease_table_words(uint32_t n_sets)
{
    return (n_sets + 63) / 64;
}


size_t
hx_lease_table_size(uint32_t tenants)
{
    return sizeof(hx_lease_table_t)
           + (size_t) hx_lease_table_sets(tenants) * HX_LEASE_TABLE_WAYS
             * sizeof(hx_lease_place_t)
           + (size_t) hx_lease_table_words(hx_lease_table_sets(tenants))
             * sizeof(uint64_t);
}


hx_lease_table_t *
hx_lease_table_init(void *memory, uint32_t tenants,
    const unsigned char random[HX_LEASE_TABLE_NODE / 2])
{
    int                   rc;
    unsigned              i;
    hx_lease_table_t     *t;
    pthread_mutexattr_t   attr;

    static const char  hex[] = "0123456789abcdef";

    t = memory;
    t->n_sets = hx_lease_table_sets(tenants);

    for (i = 0; i < HX_LEASE_TABLE_NODE; i++) {
        t->node[i] = (unsigned char) hex[random[i / 2] >> (i % 2 ? 0 : 4) & 15];
    }

    if (pthread_mutexattr_init(&attr) != 0) {
        return NULL;
    }

    rc = pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);

    if (rc == 0) {
        rc = pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    }

    for (i = 0; rc == 0 && i < HX_LEASE_TABLE_LOCKS; i++) {
        rc = pthread_mutex_init(&t->lock[i].mutex, &attr);
    }

    (void) pthread_mutexattr_destroy(&attr);

    return rc == 0 ? t : NULL;
}


hx_str_t
hx_lease_table_node(const hx_lease_table_t *t)
{
    hx_str_t  s;

    s.data = t->node;
    s.len = HX_LEASE_TABLE_NODE;

    return s;
}


static uint64_t *
hx_lease_table_bits(const hx_lease_table_t *t, uint32_t set)
{
    return (uint64_t *) (uintptr_t)
               &t->place[(size_t) t->n_sets * HX_LEASE_TABLE_WAYS]
           + set / 64;
}


/* FNV-1a, and mixed once more: its low bits alone are poor. */
static uint32_t
hx_lease_table_set(const hx_lease_table_t *t, const hx_str_t *tenant)
{
    size_t    i;
    uint64_t  h;

    h = UINT64_C(0xcbf29ce484222325);

    for (i = 0; i < tenant->len; i++) {
        h = (h ^ tenant->data[i]) * UINT64_C(0x100000001b3);
    }

    h = (h ^ h >> 32) * UINT64_C(0x9e3779b97f4a7c15);

    return (uint32_t) ((h >> 32) * t->n_sets >> 32);
}


static void
hx_lease_table_count(uint64_t *counter)
{
    (void) __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}


static hx_rc_t
hx_lease_table_lock(hx_lease_table_t *t, uint32_t set)
{
    int               rc;
    pthread_mutex_t  *mutex;

    mutex = &t->lock[set % HX_LEASE_TABLE_LOCKS].mutex;
    rc = pthread_mutex_lock(mutex);

    if (rc == EOWNERDEAD) {
        hx_lease_table_count(&t->recovered);
        rc = pthread_mutex_consistent(mutex);
    }

    return rc == 0 ? HX_OK : HX_FAIL;
}


static void
hx_lease_table_unlock(hx_lease_table_t *t, uint32_t set)
{
    (void) pthread_mutex_unlock(&t->lock[set % HX_LEASE_TABLE_LOCKS].mutex);
}


/*
 * The tenant's place of the set; else a free one, else of the idle ones that
 * which was not used for longest, else NULL.
 */
static hx_lease_place_t *
hx_lease_table_find(hx_lease_place_t *place, const hx_str_t *tenant,
    uint64_t now)
{
    unsigned           i;
    hx_lease_place_t  *found, *p;

    found = NULL;

    for (i = 0; i < HX_LEASE_TABLE_WAYS; i++) {
        p = &place[i];

        if (p->id_len == tenant->len
            && memcmp(p->id, tenant->data, tenant->len) == 0)
        {
            return p;
        }

        if (found != NULL && found->id_len == 0) {
            continue;
        }

        if (p->id_len == 0
            || (hx_lease_idle(&p->lease, now)
                && (found == NULL || p->lease.last < found->lease.last)))
        {
            found = p;
        }
    }

    return found;
}


static void
hx_lease_table_settle(hx_lease_table_t *t, hx_lease_place_t *p, uint32_t set,
    const hx_str_t *tenant)
{
    hx_lease_table_count(p->id_len == 0 ? &t->used : &t->evicted);

    p->id_len = 0;
    hx_lease_table_fence();
    memset(&p->lease, 0, sizeof(hx_lease_t));
    memcpy(p->id, tenant->data, tenant->len);
    p->set = set;
    hx_lease_table_fence();
    p->id_len = (uint32_t) tenant->len;
}


/* The set's bit; changed by whoever has the lock of the set. */
static void
hx_lease_table_mark(const hx_lease_table_t *t, uint32_t set)
{
    uint64_t  bit, *word;

    word = hx_lease_table_bits(t, set);
    bit = UINT64_C(1) << set % 64;

    if ((__atomic_load_n(word, __ATOMIC_RELAXED) & bit) == 0) {
        (void) __atomic_fetch_or(word, bit, __ATOMIC_RELAXED);
    }
}


hx_rc_t
hx_lease_table_enter(hx_lease_table_t *t, const hx_str_t *tenant, uint64_t now,
    hx_lease_t **lease)
{
    uint32_t           set;
    hx_lease_place_t  *p;

    if (tenant->len == 0 || tenant->len > HX_TENANT_MAX) {
        return HX_NO;
    }

    set = hx_lease_table_set(t, tenant);

    if (hx_lease_table_lock(t, set) != HX_OK) {
        return HX_FAIL;
    }

    p = hx_lease_table_find(&t->place[(size_t) set * HX_LEASE_TABLE_WAYS],
                            tenant, now);

    if (p == NULL) {
        hx_lease_table_unlock(t, set);
        hx_lease_table_count(&t->full);
        return HX_NO;
    }

    if (p->id_len != tenant->len
        || memcmp(p->id, tenant->data, tenant->len) != 0)
    {
        hx_lease_table_settle(t, p, set, tenant);
    }

    hx_lease_table_mark(t, set);
    *lease = &p->lease;

    return HX_OK;
}


void
hx_lease_table_leave(hx_lease_table_t *t, hx_lease_t *lease)
{
    hx_lease_table_unlock(t, ((hx_lease_place_t *) lease)->set);
}


/* May there be a rest, now or later? */
static int
hx_lease_table_worth(const hx_lease_place_t *p)
{
    return p->id_len != 0
           && (p->lease.part[0].left != 0 || p->lease.part[1].left != 0
               || p->lease.tenths != 0);
}


/* Of one set; it loses its bit when there is nothing in it. */
static hx_rc_t
hx_lease_table_spare_set(hx_lease_table_t *t, uint32_t set, uint64_t now,
    unsigned char *id, size_t *id_len, hx_lease_rest_t *rest)
{
    int                any;
    unsigned           i;
    hx_rc_t            rc;
    hx_lease_place_t  *p;

    if (hx_lease_table_lock(t, set) != HX_OK) {
        return HX_NO;
    }

    any = 0;
    rc = HX_NO;
    p = &t->place[(size_t) set * HX_LEASE_TABLE_WAYS];

    for (i = 0; i < HX_LEASE_TABLE_WAYS && rc != HX_OK; i++, p++) {
        if (!hx_lease_table_worth(p)) {
            continue;
        }

        any = 1;
        rc = hx_lease_spare(&p->lease, now, rest);

        if (rc == HX_OK) {
            memcpy(id, p->id, p->id_len);
            *id_len = p->id_len;
        }
    }

    if (!any) {
        (void) __atomic_fetch_and(hx_lease_table_bits(t, set),
                                  ~(UINT64_C(1) << set % 64),
                                  __ATOMIC_RELAXED);
    }

    hx_lease_table_unlock(t, set);

    return rc;
}


hx_rc_t
hx_lease_table_spare(hx_lease_table_t *t, uint32_t *cursor, uint32_t *most,
    uint64_t now, unsigned char *id, size_t *id_len, hx_lease_rest_t *rest)
{
    uint64_t  word;

    while (*cursor < t->n_sets) {

        word = __atomic_load_n(hx_lease_table_bits(t, *cursor),
                               __ATOMIC_RELAXED) >> *cursor % 64;
        if (word == 0) {
            *cursor = (*cursor | 63) + 1;
            continue;
        }

        *cursor += (uint32_t) __builtin_ctzll(word);

        if (*most == 0) {
            return HX_PENDING;
        }

        (*most)--;

        if (hx_lease_table_spare_set(t, *cursor, now, id, id_len, rest)
            == HX_OK)
        {
            return HX_OK;       /* there may be more of it: the cursor stays */
        }

        (*cursor)++;
    }

    return HX_NO;
}


int
hx_lease_table_busy(const hx_lease_table_t *t)
{
    uint32_t         i;
    const uint64_t  *word;

    word = hx_lease_table_bits(t, 0);

    for (i = 0; i < hx_lease_table_words(t->n_sets); i++) {
        if (__atomic_load_n(&word[i], __ATOMIC_RELAXED) != 0) {
            return 1;
        }
    }

    return 0;
}


hx_rc_t
hx_lease_table_turn(hx_lease_table_t *t, uint64_t now, uint64_t period,
    uint32_t *cursor)
{
    uint64_t  last;

    last = __atomic_load_n(&t->turn, __ATOMIC_RELAXED);

    /* clocks of two processors may differ a little */

    if ((now >= last && now - last < period)
        || !__atomic_compare_exchange_n(&t->turn, &last, now, 0,
                                        __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
    {
        return HX_NO;
    }

    *cursor = __atomic_load_n(&t->cursor, __ATOMIC_RELAXED);

    return HX_OK;
}


void
hx_lease_table_turned(hx_lease_table_t *t, uint32_t cursor)
{
    __atomic_store_n(&t->cursor, cursor < t->n_sets ? cursor : 0,
                     __ATOMIC_RELEASE);
}


void
hx_lease_table_info(const hx_lease_table_t *t, hx_lease_table_info_t *info)
{
    info->tenants = (uint64_t) t->n_sets * HX_LEASE_TABLE_WAYS;
    info->used = __atomic_load_n(&t->used, __ATOMIC_RELAXED);
    info->full = __atomic_load_n(&t->full, __ATOMIC_RELAXED);
    info->evicted = __atomic_load_n(&t->evicted, __ATOMIC_RELAXED);
    info->recovered = __atomic_load_n(&t->recovered, __ATOMIC_RELAXED);
}
