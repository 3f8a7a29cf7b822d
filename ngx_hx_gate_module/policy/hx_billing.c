/*
 * hx_billing.c -- what comes of an event; see the header.
 */

#include <string.h>

#include "hx_billing.h"


static const char *const  hx_billing_words[] = {
#define X(result, word)  word,
    HX_BILLING_RESULTS(X)
#undef X
};


const char *
hx_billing_word(hx_billing_result_t result)
{
    return hx_billing_words[result];
}


static int
hx_billing_same(const hx_str_t *a, const hx_str_t *b)
{
    return a->len == b->len
           && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}


/* Where the name comes from, unless the event says it. */

static const hx_billing_book_t *
hx_billing_link(const hx_billing_books_t *b, const hx_billing_intent_t *in)
{
    if (in->tenant.len != 0) {
        return NULL;
    }

    return b->sub.tenant.len != 0 ? &b->sub : &b->customer;
}


void
hx_billing_whose(hx_billing_books_t *b, const hx_billing_intent_t *in)
{
    const hx_billing_book_t  *link;

    link = hx_billing_link(b, in);

    b->own.id = link == NULL ? in->tenant : link->tenant;
    b->other.id.len = 0;

    if (!hx_billing_same(&b->sub.tenant, &b->own.id)) {
        b->other.id = b->sub.tenant;
    }
}


/*
 * A subscription that has no tenant yet waits in its own book; one that is not
 * worth a plan is somebody else's business.
 */

static hx_billing_result_t
hx_billing_wait(hx_billing_books_t *b, const hx_billing_intent_t *in)
{
    if (!in->says || (b->sub.n == 0 && in->sub.plan.len == 0)) {
        return HX_BILLING_IGNORED;
    }

    if (hx_billing_take(&b->sub, &in->sub) != HX_OK) {
        return HX_BILLING_STALE;
    }

    b->put_sub = 1;

    return HX_BILLING_PENDING;
}


static void
hx_billing_point(hx_billing_book_t *book, const hx_billing_tenant_t *t,
    unsigned weak, unsigned guessed)
{
    book->tenant = t->id;
    book->created = t->created;
    book->weak = weak;
    book->guessed = guessed;
}


/*
 * Other subscriptions of the customer are taken for this tenant's, unless
 * somebody says whose they are; of several names the last that can be trusted.
 */

static void
hx_billing_know(hx_billing_books_t *b, const hx_billing_intent_t *in,
    unsigned weak)
{
    unsigned                  same;
    const hx_billing_book_t  *c = &b->customer;

    if (in->customer.len == 0 || in->tenant.len == 0) {
        return;
    }

    same = hx_billing_same(&c->tenant, &b->own.id)
           && c->created == b->own.created;

    if (same ? weak || !c->weak : c->tenant.len != 0 && weak && !c->weak) {
        return;
    }

    hx_billing_point(&b->customer, &b->own, weak, 0);
    b->put_customer = 1;
}


static void
hx_billing_forget(hx_billing_book_t *book, const hx_billing_sub_t *sub)
{
    size_t  i;

    i = (size_t) (sub - book->sub);

    book->n--;
    memmove(&book->sub[i], &book->sub[i + 1],
            (book->n - i) * sizeof(hx_billing_sub_t));
}


/* The plan that follows for the tenant, where it is another one than before. */

static void
hx_billing_follow(hx_billing_tenant_t *t, const hx_str_t *before,
    const hx_plan_t *plans, unsigned n_plans)
{
    hx_str_t  after;

    after = hx_billing_plan(&t->book, plans, n_plans);

    /* what an operator has set meanwhile stays, unless this says otherwise */

    if (after.len != 0 && !hx_billing_same(&after, before)
        && !hx_billing_same(&after, &t->plan))
    {
        t->change = 1;
        t->new_plan = after;
    }
}


/*
 * The subscription was taken for another tenant's: it moves, through its own
 * book.  A weak name moves only what was guessed.
 */

static void
hx_billing_move(hx_billing_books_t *b, const hx_billing_intent_t *in,
    const hx_plan_t *plans, unsigned n_plans)
{
    hx_str_t                 before;
    hx_billing_tenant_t     *t = &b->other;
    const hx_billing_sub_t  *sub;

    if (t->id.len == 0 || !t->exists || t->created != b->sub.created) {
        return;
    }

    sub = hx_billing_find(&t->book, &in->sub.id);

    if (sub == NULL) {
        return;
    }

    before = hx_billing_plan(&t->book, plans, n_plans);

    b->sub.n = 0;
    (void) hx_billing_take(&b->sub, sub);
    hx_billing_forget(&t->book, sub);
    t->put = 1;

    hx_billing_follow(t, &before, plans, n_plans);
}


/* What was known of the subscription in its book, and what the event says. */

static hx_rc_t
hx_billing_gather(hx_billing_books_t *b, const hx_billing_intent_t *in)
{
    return in->says ? hx_billing_take(&b->sub, &in->sub) : HX_OK;
}


static hx_billing_result_t
hx_billing_create(hx_billing_books_t *b, const hx_billing_intent_t *in,
    const hx_plan_t *plans, unsigned n_plans, uint64_t now)
{
    hx_billing_tenant_t  *t = &b->own;

    hx_billing_move(b, in, plans, n_plans);
    (void) hx_billing_gather(b, in);

    t->book.n = 0;
    t->created = now;

    if (b->sub.n != 0) {
        (void) hx_billing_take(&t->book, &b->sub.sub[0]);
        b->sub.n = 0;
    }

    t->put = 1;
    t->change = 1;
    t->new_plan = hx_billing_plan(&t->book, plans, n_plans);

    if (t->new_plan.len == 0) {
        t->new_plan = hx_plan_default(plans, n_plans)->name;
    }

    hx_billing_point(&b->sub, t, 0, 0);
    b->put_sub = 1;
    hx_billing_know(b, in, in->weak);

    return HX_BILLING_APPLIED;
}


static uint64_t
hx_billing_quota(const hx_str_t *name, const hx_plan_t *plans, unsigned n)
{
    const hx_plan_t  *plan;

    plan = hx_plan_find(plans, n, name->data, name->len);

    return plan != NULL ? plan->quota : 0;
}


/*
 * May a subscription whose tenant has a weak name become that tenant's?  Then
 * NONE; else what comes of the event, and the subscription waits.
 */

static hx_billing_result_t
hx_billing_weak(hx_billing_books_t *b, const hx_billing_intent_t *in,
    const hx_plan_t *plans, unsigned n_plans)
{
    const hx_billing_sub_t  *sub;

    sub = b->sub.n != 0 ? &b->sub.sub[0] : NULL;

    if (sub != NULL && sub->plan.len != 0 && sub->live
        && hx_billing_quota(&sub->plan, plans, n_plans)
           >= hx_billing_quota(&b->own.plan, plans, n_plans))
    {
        return HX_BILLING_NONE;
    }

    hx_billing_point(&b->sub, &b->own, 1, 0);
    b->put_sub = 1;
    hx_billing_know(b, in, 1);

    if (sub == NULL || sub->plan.len == 0) {
        return HX_BILLING_PENDING;
    }

    return sub->live ? HX_BILLING_REFUSED : HX_BILLING_UNCHANGED;
}


/* The tenant's own now: from its book of its own into the tenant's. */

static hx_rc_t
hx_billing_adopt(hx_billing_books_t *b, const hx_billing_intent_t *in,
    unsigned weak)
{
    hx_rc_t  rc;

    rc = HX_OK;

    if (b->sub.n != 0) {
        rc = hx_billing_take(&b->own.book, &b->sub.sub[0]);

        if (rc == HX_FAIL) {
            return HX_FAIL;
        }

        b->own.put = rc == HX_OK;
        b->sub.n = 0;
    }

    hx_billing_point(&b->sub, &b->own, 0, in->tenant.len == 0);
    b->put_sub = 1;
    hx_billing_know(b, in, weak);

    return rc;
}


/* A subscription that is not in the tenant's book yet. */

static hx_billing_result_t
hx_billing_enter(hx_billing_books_t *b, const hx_billing_intent_t *in,
    unsigned weak, const hx_plan_t *plans, unsigned n_plans)
{
    hx_rc_t              rc;
    unsigned             settled;
    hx_billing_result_t  result;

    settled = in->tenant.len == 0 && b->sub.tenant.len != 0;

    if (weak && b->other.exists && b->other.created == b->sub.created
        && !b->sub.guessed && !b->sub.weak)
    {
        return HX_BILLING_REFUSED;      /* somebody else's, and known to be */
    }

    hx_billing_move(b, in, plans, n_plans);

    if (hx_billing_gather(b, in) == HX_NO && settled) {
        return HX_BILLING_STALE;
    }

    if (weak) {
        result = hx_billing_weak(b, in, plans, n_plans);

        if (result != HX_BILLING_NONE) {
            return result;
        }
    }

    rc = hx_billing_adopt(b, in, weak);

    return rc == HX_OK ? HX_BILLING_UNCHANGED
           : rc == HX_NO ? HX_BILLING_STALE : HX_BILLING_REFUSED;
}


static hx_billing_result_t
hx_billing_change(hx_billing_books_t *b, const hx_billing_intent_t *in,
    unsigned weak, const hx_plan_t *plans, unsigned n_plans)
{
    hx_str_t              before;
    hx_billing_result_t   result;
    hx_billing_tenant_t  *t = &b->own;

    before = hx_billing_plan(&t->book, plans, n_plans);

    if (hx_billing_find(&t->book, &in->sub.id) == NULL) {
        result = hx_billing_enter(b, in, weak, plans, n_plans);

    } else if (!in->says) {
        result = HX_BILLING_UNCHANGED;

    } else if (hx_billing_take(&t->book, &in->sub) != HX_OK) {
        result = HX_BILLING_STALE;

    } else {
        result = HX_BILLING_UNCHANGED;
        t->put = 1;
    }

    hx_billing_follow(t, &before, plans, n_plans);

    return t->change ? HX_BILLING_APPLIED : result;
}


hx_billing_result_t
hx_billing_apply(hx_billing_books_t *b, const hx_billing_intent_t *in,
    const hx_plan_t *plans, unsigned n_plans, uint64_t now)
{
    hx_billing_tenant_t      *t = &b->own;
    const hx_billing_book_t  *link;

    link = hx_billing_link(b, in);

    /* a tenant that was deleted, and perhaps made anew for somebody else */

    if (link != NULL && t->id.len != 0
        && (!t->exists || t->created != link->created))
    {
        t->exists = 0;
        t->id.len = 0;
        b->sub.tenant.len = 0;
    }

    if (in->kind == HX_STRIPE_PAID || in->kind == HX_STRIPE_PAYMENT_FAILED) {
        return t->exists ? HX_BILLING_UNCHANGED : HX_BILLING_IGNORED;
    }

    if (t->id.len == 0 || (!t->exists && !in->creates)) {
        return hx_billing_wait(b, in);
    }

    if (!t->exists) {
        return hx_billing_create(b, in, plans, n_plans, now);
    }

    return hx_billing_change(b, in, link != NULL ? link->weak : in->weak,
                             plans, n_plans);
}
