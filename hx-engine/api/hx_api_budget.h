/*
 * hx_api_budget.h -- one number of bytes that all requests share: the decoded
 * payloads held in memory at the same time, and what is needed to work on them.
 *
 * Payloads are taken as they arrive, and refused when there is no room.  Work
 * on a payload waits for room instead (server/hx_workers.c).  That cannot lock
 * up: whoever works needs nothing more and gives back when it is done, and the
 * first to work is let in whatever is taken.  So there can be max bytes, and
 * the work on one payload beyond them.
 */

#ifndef HX_API_BUDGET_H
#define HX_API_BUDGET_H

#include <stdatomic.h>

#include "hx_types.h"

/* Work on a payload of n bytes: at most 1.2 n and this many bytes. */
#define HX_BUDGET_WORK        ((uint64_t) 14 << 20)
#define hx_budget_work(n)     ((n) + (n) / 5 + HX_BUDGET_WORK)

typedef struct {
    atomic_uint_least64_t  used;
    uint64_t               max;
} hx_budget_t;


/* HX_OK, or HX_NO: that would be too much, nothing taken.  For the last step of
 * work that has "own" bytes of what is used and needs them no more: as if they
 * had been given back. */
static inline hx_rc_t
hx_budget_take_after(hx_budget_t *b, uint64_t n, uint64_t own)
{
    uint64_t  used;

    used = atomic_load(&b->used);

    do {
        if (n > b->max || (used > own && used - own > b->max - n)) {
            return HX_NO;
        }
    } while (!atomic_compare_exchange_weak(&b->used, &used, used + n));

    return HX_OK;
}


/* The same for work that has nothing yet. */
static inline hx_rc_t
hx_budget_take(hx_budget_t *b, uint64_t n)
{
    return hx_budget_take_after(b, n, 0);
}


/* Takes n, be there room or not. */
static inline void
hx_budget_force(hx_budget_t *b, uint64_t n)
{
    atomic_fetch_add(&b->used, n);
}


/* 1 when n could be taken now. */
static inline int
hx_budget_fits(const hx_budget_t *b, uint64_t n)
{
    return n <= b->max && atomic_load(&b->used) <= b->max - n;
}


static inline void
hx_budget_give(hx_budget_t *b, uint64_t n)
{
    atomic_fetch_sub(&b->used, n);
}

#endif /* HX_API_BUDGET_H */
