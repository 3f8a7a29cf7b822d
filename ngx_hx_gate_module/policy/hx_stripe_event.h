/*
 * hx_stripe_event.h -- what an event of Stripe says that the gate acts on
 * (contract, section 7).  Pure; the body comes in pieces, in constant memory.
 */

#ifndef HX_STRIPE_EVENT_H
#define HX_STRIPE_EVENT_H

#include "hx_types.h"

#define HX_STRIPE_TEXT_MAX   255        /* bytes of a value that is kept */
#define HX_STRIPE_NAME_MAX   128        /* bytes of an event's id and type */
#define HX_STRIPE_PRICES     20         /* that are kept; no subscription has
                                         * more items */

/* X(constant, Stripe's name) */
#define HX_STRIPE_TYPES(X)                                                    \
    X(CHECKOUT,       "checkout.session.completed")                           \
    X(SUBSCRIBED,     "customer.subscription.created")                        \
    X(SUBSCRIPTION,   "customer.subscription.updated")                        \
    X(UNSUBSCRIBED,   "customer.subscription.deleted")                        \
    X(PAID,           "invoice.paid")                                         \
    X(PAYMENT_FAILED, "invoice.payment_failed")                               \
    X(CHECKOUT_PAID,  "checkout.session.async_payment_succeeded")

typedef enum {
    HX_STRIPE_OTHER = 0,                /* received, and nothing done */
#define X(type, name)  HX_STRIPE_##type,
    HX_STRIPE_TYPES(X)
#undef X
    HX_STRIPE_TYPE_COUNT
} hx_stripe_type_t;

/* Values; data NULL: not there, or null. */
#define HX_STRIPE_VALUES(X)                                                   \
    X(id)               /* of the event: "evt_..." */                         \
    X(type)                                                                   \
    X(created)          /* digits */                                          \
    X(reference)        /* the object's client_reference_id */                \
    X(tenant)           /* its metadata.tenant_id */                          \
    X(plan)             /* its metadata.plan */                               \
    X(customer)                                                               \
    X(status)                                                                 \
    X(object)           /* its id: "sub_...", "cs_..." */                     \
    X(started)          /* its "created": digits */                           \
    X(subscription)     /* that a checkout has begun */                       \
    X(payment)          /* payment_status of a checkout */                    \
    X(mode)             /* of a checkout */

/* Bits of values. */
enum {
#define X(name)  HX_STRIPE_IS_##name,
    HX_STRIPE_VALUES(X)
#undef X
    HX_STRIPE_IS_price,
    HX_STRIPE_IS_ALL
};

#define hx_stripe_odd(e, name)                                                \
    (((e)->odd >> HX_STRIPE_IS_##name & 1) != 0)

typedef struct {
#define X(name)  hx_str_t  name;
    HX_STRIPE_VALUES(X)
#undef X
    unsigned          odd;              /* bits of values that are not there as
                                         * they were said twice, or are no such
                                         * value: hx_stripe_odd() */
    hx_str_t          prices[HX_STRIPE_PRICES];     /* of the items */
    unsigned          n_prices;
    hx_stripe_type_t  kind;
    uint64_t          at;               /* "created" as a number */
    uint64_t          since;            /* "started" as a number, 0 = none */
} hx_stripe_event_t;

typedef struct hx_stripe_reader_s  hx_stripe_reader_t;

/* Stripe's name of a type that is known; "other". */
const char *hx_stripe_type_name(hx_stripe_type_t kind);

/* NULL: no memory. */
hx_stripe_reader_t *hx_stripe_reader_create(void);

/* NULL is fine. */
void hx_stripe_reader_free(hx_stripe_reader_t *r);

/* HX_OK; HX_NO: not JSON, or not an event; HX_FAIL: no memory. */
hx_rc_t hx_stripe_reader_feed(hx_stripe_reader_t *r, const unsigned char *p,
    size_t len);

/*
 * HX_OK and *e, whose strings live as long as the reader and are printable
 * ASCII without blanks: id and type are there, and, of a type that is known,
 * created.  NO and FAIL as above.
 */
hx_rc_t hx_stripe_reader_finish(hx_stripe_reader_t *r, hx_stripe_event_t *e);

#endif /* HX_STRIPE_EVENT_H */
