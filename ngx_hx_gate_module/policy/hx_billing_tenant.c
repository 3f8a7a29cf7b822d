/*
 * hx_billing_tenant.c -- a tenant's book: what comes into it, and the plan that
 * follows.
 */

#include <string.h>

#include "hx_billing_impl.h"
#include "hx_text.h"


static unsigned
hx_billing_weak_ones(const hx_billing_book_t *b)
{
    unsigned  i, n;

    for (i = 0, n = 0; i < b->n; i++) {
        n += b->sub[i].weak && b->sub[i].live;
    }

    return n;
}


/* What it falls back to is settled by the first that lives. */

hx_rc_t
hx_billing_settle(hx_billing_tenant_t *t, const hx_billing_sub_t *sub,
    const hx_plan_t *plans, unsigned n_plans)
{
    hx_rc_t                  rc;
    hx_billing_book_t       *book = &t->book;
    const hx_billing_sub_t  *known;

    known = hx_billing_find(book, &sub->id);

    if (known == NULL && sub->weak && sub->live
        && hx_billing_weak_ones(book) >= HX_BILLING_WEAK)
    {
        return HX_FAIL;
    }

    rc = hx_billing_take(book, sub);

    if (rc == HX_FAIL) {
        return HX_FAIL;
    }

    known = hx_billing_find(book, &sub->id);

    if (!book->managed && known->live && hx_billing_worth(known).len != 0) {
        book->managed = 1;
        book->base = known->weak ? t->plan
                                 : hx_plan_default(plans, n_plans)->name;
    }

    t->put |= rc == HX_OK;

    return rc;
}


void
hx_billing_state(hx_billing_state_t *s, const hx_billing_book_t *b,
    const hx_plan_t *plans, unsigned n_plans)
{
    const hx_billing_sub_t  *best;

    best = hx_billing_best(b, 0, plans, n_plans);

    s->plan = hx_billing_plan(b, plans, n_plans);
    s->own.len = 0;

    if (best != NULL) {
        s->own = hx_billing_worth(best);
    }
}


/* What an operator has set stays until those that are not weak change. */

void
hx_billing_follow(hx_billing_tenant_t *t, const hx_billing_state_t *before,
    const hx_plan_t *plans, unsigned n_plans)
{
    hx_billing_state_t  after;

    hx_billing_state(&after, &t->book, plans, n_plans);

    if (!hx_text_eq(&after.own, &before->own)) {
        t->book.set = 0;
        t->book.base = hx_plan_default(plans, n_plans)->name;
        t->put = 1;

        hx_billing_state(&after, &t->book, plans, n_plans);
    }

    if (after.plan.len != 0 && !hx_text_eq(&after.plan, &before->plan)
        && !hx_text_eq(&after.plan, &t->plan))
    {
        t->change = 1;
        t->new_plan = after.plan;
    }
}
