/*
 * hx_billing_impl.h -- between hx_billing.c and hx_billing_tenant.c.
 */

#ifndef HX_BILLING_IMPL_H
#define HX_BILLING_IMPL_H

#include "hx_billing.h"

/* What a tenant has by its book. */
typedef struct {
    hx_str_t   plan;
    hx_str_t   own;                     /* by those that are not weak */
} hx_billing_state_t;

/* Into the tenant's book.  HX_OK, HX_NO: nothing new; HX_FAIL: no room. */
hx_rc_t hx_billing_settle(hx_billing_tenant_t *t, const hx_billing_sub_t *sub,
    const hx_plan_t *plans, unsigned n_plans);

void hx_billing_state(hx_billing_state_t *s, const hx_billing_book_t *b,
    const hx_plan_t *plans, unsigned n_plans);

/* The plan that follows for the tenant, where it is another one than before. */
void hx_billing_follow(hx_billing_tenant_t *t, const hx_billing_state_t *before,
    const hx_plan_t *plans, unsigned n_plans);

#endif /* HX_BILLING_IMPL_H */
