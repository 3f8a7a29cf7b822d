/*
 * hx_billing.c -- what comes of an event; see the header.
 */

#include <string.h>

#include "hx_billing_impl.h"


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


/* Where the name comes from, unless the event says it. */

static const hx_billing_book_t *
hx_billing_link(const hx_billing_books_t *b)
{
    return b->named ? NULL
           : b->sub.tenant.len != 0 ? &b->sub : &b->customer;
}


void
hx_billing_whose(hx_billing_books_t *b, const hx_billing_intent_t *in)
{
    /* names come late, too: what a later event has said stays */

    b->named = in->tenant.len != 0
               && (b->sub.tenant.len == 0 || b->sub.guessed
                   || (b->sub.weak && !in->weak)
                   || in->at >= b->sub.named);

    b->own.id = b->named ? in->tenant : hx_billing_link(b)->tenant;
    b->other.id.len = 0;

    if (!hx_text_eq(&b->sub.tenant, &b->own.id)) {
        b->other.id = b->sub.tenant;
    }
}


static void
hx_billing_drop(hx_billing_books_t *b, const hx_str_t *id)
{
    if (hx_billing_find(&b->customer, id) != NULL) {
        hx_billing_forget(&b->customer, id);
        b->put_customer = 1;
    }
}


/*
 * A subscription that has no tenant yet waits in its own book, and in its
 * customer's when it says nothing of a tenant.  Also one that is not worth a
 * plan, so far: of some other word it may be the later one.
 */

static hx_billing_result_t
hx_billing_wait(hx_billing_books_t *b, const hx_billing_intent_t *in)
{
    if (!in->says) {
        return HX_BILLING_IGNORED;
    }

    if (hx_billing_take(&b->sub, &in->sub) != HX_OK) {
        return HX_BILLING_STALE;
    }

    b->put_sub = 1;

    if (in->tenant.len != 0) {
        hx_billing_drop(b, &in->sub.id);

    } else if (in->customer.len != 0
               && hx_billing_take(&b->customer, &b->sub.sub[0]) == HX_OK)
    {
        b->put_customer = 1;
    }

    return b->sub.sub[0].live && hx_billing_worth(&b->sub.sub[0]).len == 0
           ? HX_BILLING_IGNORED : HX_BILLING_PENDING;
}


/* By a weak name, or by its customer's?  Before hx_billing_point(). */

static unsigned
hx_billing_weak(const hx_billing_books_t *b, const hx_billing_intent_t *in)
{
    return b->named ? in->weak
           : b->sub.tenant.len == 0 || b->sub.weak || b->sub.guessed;
}


static void
hx_billing_point(hx_billing_books_t *b, const hx_billing_intent_t *in)
{
    hx_billing_book_t  *book = &b->sub;

    if (b->named) {
        book->named = in->at;
        book->weak = in->weak;
        book->guessed = 0;

    } else if (book->tenant.len == 0) {
        book->guessed = 1;
    }

    book->tenant = b->own.id;
    book->created = b->own.created;
    b->put_sub = 1;
}


/*
 * Those that wait for their customer are the tenant's, unless somebody says
 * whose they are.  Their books come out with the same words.
 */

static void
hx_billing_wake(hx_billing_books_t *b, const hx_plan_t *plans,
    unsigned n_plans)
{
    unsigned             i, left;
    hx_billing_sub_t     sub;
    hx_billing_book_t   *c = &b->customer;

    for (i = 0, left = 0; i < c->n; i++) {
        sub = c->sub[i];
        sub.weak = 1;

        if (hx_billing_settle(&b->own, &sub, plans, n_plans) == HX_FAIL) {
            c->sub[left++] = c->sub[i];
            continue;
        }

        b->woken[b->n_woken++] = sub.id;
    }

    c->n = left;

    b->awake.tenant = b->own.id;
    b->awake.created = b->own.created;
    b->awake.weak = 1;
    b->awake.guessed = 1;
}


/*
 * Other subscriptions of the customer are taken for this tenant's, unless
 * somebody says whose they are; of several names the last that can be trusted.
 */

static void
hx_billing_know(hx_billing_books_t *b, const hx_billing_intent_t *in,
    const hx_plan_t *plans, unsigned n_plans)
{
    unsigned            same;
    hx_billing_book_t  *c = &b->customer;

    hx_billing_drop(b, &in->sub.id);

    if (in->customer.len == 0 || !b->named) {
        return;
    }

    same = hx_text_eq(&c->tenant, &b->own.id)
           && c->created == b->own.created;

    if (c->tenant.len != 0
        && (same ? in->weak || !c->weak
                 : (in->weak && !c->weak)
                   || (in->weak == c->weak && in->at < c->named)))
    {
        return;
    }

    c->tenant = b->own.id;
    c->created = b->own.created;
    c->weak = in->weak;
    c->named = in->at;
    b->put_customer = 1;

    hx_billing_wake(b, plans, n_plans);
}


/*
 * The subscription was taken for another tenant's: it moves, through its own
 * book, and there it has ended.
 */

static void
hx_billing_move(hx_billing_books_t *b, const hx_billing_intent_t *in,
    const hx_plan_t *plans, unsigned n_plans)
{
    hx_billing_sub_t      sub;
    hx_billing_state_t    before;
    hx_billing_tenant_t  *t = &b->other;

    if (!t->exists || t->created != b->sub.created
        || hx_billing_find(&t->book, &in->sub.id) == NULL)
    {
        return;
    }

    sub = *hx_billing_find(&t->book, &in->sub.id);
    hx_billing_state(&before, &t->book, plans, n_plans);

    b->sub.n = 0;
    (void) hx_billing_take(&b->sub, &sub);
    hx_billing_forget(&t->book, &sub.id);
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

    t->plan = hx_plan_default(plans, n_plans)->name;
    t->created = now;
    t->book.managed = 1;
    t->book.base = t->plan;

    if (b->sub.n != 0) {
        b->sub.sub[0].weak = 0;         /* it has made the tenant */
        (void) hx_billing_settle(t, &b->sub.sub[0], plans, n_plans);
        b->sub.n = 0;
    }

    hx_billing_point(b, in);
    hx_billing_know(b, in, plans, n_plans);

    t->put = 1;
    t->change = 1;
    t->new_plan = hx_billing_plan(&t->book, plans, n_plans);

    return HX_BILLING_APPLIED;
}


/* It is over for good: its book says so when the tenant's has forgotten it. */

static void
hx_billing_bury(hx_billing_books_t *b, const hx_billing_intent_t *in)
{
    const hx_billing_sub_t  *sub;

    sub = hx_billing_find(&b->own.book, &in->sub.id);

    if (sub != NULL && sub->rank == HX_STRIPE_UNSUBSCRIBED) {
        b->sub.n = 0;
        (void) hx_billing_take(&b->sub, sub);
        b->put_sub = 1;
    }
}


/* A subscription that is in the tenant's book. */

static hx_billing_result_t
hx_billing_go_on(hx_billing_books_t *b, const hx_billing_intent_t *in,
    const hx_plan_t *plans, unsigned n_plans)
{
    hx_billing_sub_t  sub;

    sub = in->sub;

    if (!in->says) {

        /* a checkout that only names: what is known, in another light */

        sub = *hx_billing_find(&b->own.book, &in->sub.id);
    }

    sub.weak = hx_billing_weak(b, in);

    if (b->named && (!in->weak || b->sub.guessed)) {
        hx_billing_point(b, in);
        hx_billing_know(b, in, plans, n_plans);
    }

    if (hx_billing_settle(&b->own, &sub, plans, n_plans) != HX_OK) {
        return in->says ? HX_BILLING_STALE : HX_BILLING_UNCHANGED;
    }

    hx_billing_bury(b, in);

    return HX_BILLING_UNCHANGED;
}


/* One that is not. */

static hx_billing_result_t
hx_billing_enter(hx_billing_books_t *b, const hx_billing_intent_t *in,
    const hx_plan_t *plans, unsigned n_plans)
{
    hx_rc_t   rc;
    unsigned  settled, weak;

    weak = hx_billing_weak(b, in);
    settled = !b->named && b->sub.tenant.len != 0;

    hx_billing_move(b, in, plans, n_plans);

    if (hx_billing_gather(b, in) == HX_NO && settled) {
        return HX_BILLING_STALE;
    }

    hx_billing_point(b, in);

    if (b->sub.n == 0) {
        hx_billing_know(b, in, plans, n_plans);
        return HX_BILLING_PENDING;      /* its own events say what it is */
    }

    b->sub.sub[0].weak = weak;
    rc = hx_billing_settle(&b->own, &b->sub.sub[0], plans, n_plans);

    if (rc == HX_FAIL) {
        return HX_BILLING_REFUSED;      /* no room: it is kept in its book */
    }

    b->sub.n = 0;
    hx_billing_know(b, in, plans, n_plans);
    hx_billing_bury(b, in);

    return rc == HX_OK ? HX_BILLING_UNCHANGED : HX_BILLING_STALE;
}


/* Live, and worth less than the tenant has: what a weak name cannot change. */

static int
hx_billing_in_vain(const hx_billing_tenant_t *t, const hx_str_t *id,
    const hx_plan_t *plans, unsigned n_plans)
{
    hx_str_t                 plan, worth;
    const hx_billing_sub_t  *sub;

    sub = hx_billing_find(&t->book, id);

    if (sub == NULL || !sub->weak || !sub->live) {
        return 0;
    }

    worth = hx_billing_worth(sub);
    plan = hx_billing_plan(&t->book, plans, n_plans);

    return worth.len != 0
           && hx_billing_quota(&worth, plans, n_plans)
              < hx_billing_quota(&plan, plans, n_plans);
}


static hx_billing_result_t
hx_billing_change(hx_billing_books_t *b, const hx_billing_intent_t *in,
    const hx_plan_t *plans, unsigned n_plans)
{
    hx_billing_state_t    before;
    hx_billing_result_t   result;
    hx_billing_tenant_t  *t = &b->own;

    hx_billing_state(&before, &t->book, plans, n_plans);

    result = hx_billing_find(&t->book, &in->sub.id) != NULL
             ? hx_billing_go_on(b, in, plans, n_plans)
             : hx_billing_enter(b, in, plans, n_plans);

    hx_billing_follow(t, &before, plans, n_plans);

    return t->change ? HX_BILLING_APPLIED
           : result == HX_BILLING_UNCHANGED
             && hx_billing_in_vain(t, &in->sub.id, plans, n_plans)
           ? HX_BILLING_REFUSED : result;
}


/* Somebody else's, as far as is known, and perhaps said to be by a stranger? */

static int
hx_billing_stolen(const hx_billing_books_t *b, const hx_billing_intent_t *in)
{
    return b->named && in->weak && b->other.exists
           && b->other.created == b->sub.created
           && !b->sub.guessed && !b->sub.weak;
}


hx_billing_result_t
hx_billing_apply(hx_billing_books_t *b, const hx_billing_intent_t *in,
    const hx_plan_t *plans, unsigned n_plans, uint64_t now)
{
    hx_billing_tenant_t      *t = &b->own;
    const hx_billing_book_t  *link;

    /* a name that nobody has changes nothing for who had it so far */

    if (b->named && !t->exists && !in->creates && b->other.exists
        && b->other.created == b->sub.created)
    {
        *t = b->other;
        memset(&b->other, 0, sizeof(hx_billing_tenant_t));
        b->named = 0;
    }

    link = hx_billing_link(b);

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

    if (link == NULL && hx_text_eq(&b->sub.tenant, &t->id)
        && (!t->exists || t->created != b->sub.created))
    {
        return HX_BILLING_STALE;
    }

    if (t->id.len == 0 || (!t->exists && !in->creates)) {
        return hx_billing_wait(b, in);
    }

    if (hx_billing_stolen(b, in)) {
        return HX_BILLING_REFUSED;
    }

    return t->exists ? hx_billing_change(b, in, plans, n_plans)
                     : hx_billing_create(b, in, plans, n_plans, now);
}
