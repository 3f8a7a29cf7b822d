/*
 * hx_billing_read.c -- what an event of Stripe asks for; see hx_billing.h.
 */

#include <string.h>

#include "hx_billing.h"
#include "hx_check.h"
#include "hx_text.h"


/* The plan of the items: of several the one with the largest quota. */

static const hx_plan_t *
hx_billing_priced(const hx_stripe_event_t *e, const hx_billing_price_t *prices,
    unsigned n_prices, const hx_plan_t *plans, unsigned n_plans)
{
    unsigned          i, k;
    const hx_plan_t  *plan, *best;

    best = NULL;

    for (i = 0; i < e->n_prices; i++) {
        for (k = 0; k < n_prices; k++) {
            if (!hx_text_eq(&prices[k].price, &e->prices[i])) {
                continue;
            }

            plan = hx_plan_find(plans, n_plans, prices[k].plan.data,
                                prices[k].plan.len);

            if (plan != NULL && (best == NULL || plan->quota > best->quota)) {
                best = plan;
            }
        }
    }

    return best;
}


/*
 * A price is what the customer pays for now, metadata are as they were set
 * once: both are kept.  Nobody stays subscribed because of a name: of an end
 * nothing is refused.
 */

static hx_rc_t
hx_billing_plan_of(hx_billing_intent_t *in, const hx_stripe_event_t *e,
    const hx_plan_t *priced, const hx_plan_t *plans, unsigned n_plans,
    const char **bad)
{
    const hx_plan_t  *plan;

    if (e->n_prices != 0) {
        in->sub.price_at = e->at;
        in->sub.price_rank = (unsigned char) in->kind;
    }

    if (priced != NULL) {
        in->sub.priced = 1;
        in->sub.price = priced->name;
    }

    plan = e->plan.len != 0 ? hx_plan_find(plans, n_plans, e->plan.data,
                                           e->plan.len) : NULL;

    if (plan != NULL) {
        in->sub.plan = plan->name;
        in->sub.plan_at = e->at;
        in->sub.plan_rank = (unsigned char) in->kind;
        return HX_OK;
    }

    if (priced == NULL && in->kind != HX_STRIPE_UNSUBSCRIBED
        && (e->plan.len != 0 || hx_stripe_odd(e, plan)))
    {
        *bad = "metadata.plan";
        return HX_FAIL;
    }

    return HX_OK;
}


static hx_rc_t
hx_billing_named(hx_billing_intent_t *in, const hx_stripe_event_t *e,
    const char **bad)
{
    *bad = "metadata.tenant_id";

    if (hx_stripe_odd(e, tenant)) {
        return HX_FAIL;
    }

    if (e->tenant.len != 0) {
        in->tenant = e->tenant;

    } else if (in->creates) {
        in->tenant = e->reference;
        in->weak = 1;
        *bad = "client_reference_id";

        if (hx_stripe_odd(e, reference)) {
            return HX_FAIL;
        }
    }

    return in->tenant.len == 0
           || hx_check_tenant(in->tenant.data, in->tenant.len)
           ? HX_OK : HX_FAIL;
}


static hx_rc_t
hx_billing_checkout(hx_billing_intent_t *in, const hx_stripe_event_t *e,
    const hx_plan_t *plans, unsigned n_plans, const char **bad)
{
    in->creates = 1;

    if (hx_billing_named(in, e, bad) != HX_OK) {
        return HX_FAIL;
    }

    if (in->tenant.len == 0) {
        return HX_NO;
    }

    in->sub.id = e->subscription.len != 0 ? e->subscription : e->object;

    if (in->sub.id.len == 0 || hx_stripe_odd(e, subscription)
        || hx_stripe_odd(e, payment))
    {
        *bad = in->sub.id.len == 0 ? "id"
               : hx_stripe_odd(e, payment) ? "payment_status" : "subscription";
        return HX_FAIL;
    }

    /* with some means of payment the money comes later, or never; and who only
     * leaves a card has bought nothing */

    if (hx_text_is(&e->payment, "unpaid") || hx_text_is(&e->mode, "setup")) {
        return HX_OK;
    }

    in->sub.started = e->at;
    in->sub.at = e->at;
    in->sub.live = 1;

    if (hx_billing_plan_of(in, e, NULL, plans, n_plans, bad) != HX_OK) {
        return HX_FAIL;
    }

    /* what a subscription is worth, its own events say */

    in->says = in->sub.plan.len != 0;

    return HX_OK;
}


/* HX_NO: a status that says nothing yet. */

static hx_rc_t
hx_billing_status(hx_billing_intent_t *in, const hx_stripe_event_t *e)
{
    size_t  i;

    static const struct {
        const char  *word;
        unsigned     live;
    } statuses[] = {
        { "active", 1 }, { "trialing", 1 }, { "past_due", 1 },
        { "canceled", 0 }, { "unpaid", 0 }, { "paused", 0 },
        { "incomplete_expired", 0 }
    };

    if (in->kind == HX_STRIPE_UNSUBSCRIBED) {
        return HX_OK;
    }

    for (i = 0; i < hx_nelts(statuses); i++) {
        if (hx_text_is(&e->status, statuses[i].word)) {
            in->sub.live = statuses[i].live;
            return HX_OK;
        }
    }

    return HX_NO;
}


static hx_rc_t
hx_billing_subscription(hx_billing_intent_t *in, const hx_stripe_event_t *e,
    const hx_plan_t *priced, const hx_plan_t *plans, unsigned n_plans,
    const char **bad)
{
    if (e->object.len == 0 || e->customer.len == 0) {
        *bad = e->object.len == 0 ? "id" : "customer";
        return HX_FAIL;
    }

    if (hx_billing_named(in, e, bad) != HX_OK) {
        if (in->kind != HX_STRIPE_UNSUBSCRIBED) {
            return HX_FAIL;
        }

        in->tenant.len = 0;             /* its book knows */
    }

    if (hx_billing_status(in, e) != HX_OK) {
        return HX_NO;
    }

    in->says = 1;
    in->sub.id = e->object;
    in->sub.started = e->since;
    in->sub.exact = 1;
    in->sub.at = e->at;
    in->sub.rank = (unsigned char) in->kind;

    return hx_billing_plan_of(in, e, priced, plans, n_plans, bad);
}


hx_rc_t
hx_billing_read(hx_billing_intent_t *in, const hx_stripe_event_t *e,
    const hx_billing_price_t *prices, unsigned n_prices,
    const hx_plan_t *plans, unsigned n_plans, const char **bad)
{
    memset(in, 0, sizeof(hx_billing_intent_t));

    in->kind = e->kind;
    in->at = e->at;
    in->customer = e->customer;

    switch (e->kind) {

    case HX_STRIPE_CHECKOUT_PAID:
        in->kind = HX_STRIPE_CHECKOUT;
        return hx_billing_checkout(in, e, plans, n_plans, bad);

    case HX_STRIPE_CHECKOUT:
        return hx_billing_checkout(in, e, plans, n_plans, bad);

    case HX_STRIPE_SUBSCRIBED:
    case HX_STRIPE_SUBSCRIPTION:
    case HX_STRIPE_UNSUBSCRIBED:
        return hx_billing_subscription(in, e,
                                       hx_billing_priced(e, prices, n_prices,
                                                         plans, n_plans),
                                       plans, n_plans, bad);

    case HX_STRIPE_PAID:
    case HX_STRIPE_PAYMENT_FAILED:
        if (e->customer.len == 0) {
            return HX_NO;
        }

        return hx_billing_named(in, e, bad);

    default:
        return HX_NO;
    }
}
