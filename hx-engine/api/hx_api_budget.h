/*
 * hx_api_budget.h -- one number of bytes that all requests share: the decoded
 * payloads held in memory at the same time.
 */

#ifndef HX_API_BUDGET_H
#define HX_API_BUDGET_H

#include <stdatomic.h>

#include "hx_types.h"

typedef struct {
    atomic_uint_least64_t  used;
    uint64_t               max;
} hx_budget_t;


/* HX_OK, or HX_NO: that would be too much, nothing taken. */
static inline hx_rc_t
hx_budget_take(hx_budget_t *b, uint64_t n)
{
    uint64_t  used;

    used = atomic_load(&b->used);

    do {
        if (n > b->max || used > b->max - n) {
            return HX_NO;
        }
    } while (!atomic_compare_exchange_weak(&b->used, &used, used + n));

    return HX_OK;
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
