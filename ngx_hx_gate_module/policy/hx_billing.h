/*
 * hx_billing.h -- what Stripe's events mean for tenants (contract, section 7).
 * Pure: what is stored comes in as books and goes out as books.
 *
 * Events come more than once, late, and in any order.  So what is kept is not
 * what the last event said but what is known of each subscription: its status,
 * its plan and whose it is, each with the second of the event that said so, and
 * only a later word replaces it.  A subscription that has ended stays ended.
 * Whatever the order, the end is the same, but for two updates of one
 * subscription within one second, where the one that came last counts; and the
 * end of what was never seen alive changes nothing.
 *
 * A tenant is named by metadata.tenant_id, which only the operator's server can
 * set, or by client_reference_id, which in a payment link is chosen by whoever
 * opens it.  The latter is "weak", and so is the guess that a customer's other
 * subscriptions are the same tenant's.
 *
 * A tenant's plan is that of its live subscription with the largest quota, of
 * those that are not weak; when none lives, its base; or what an operator has
 * set since that last changed.  A live weak one with a larger quota than that
 * comes before it.  The base is HX_PLAN_DEFAULT, or, where there were weak ones
 * only, the plan that the tenant had before.
 *
 * Books are three, each stored by itself:
 *    of a subscription   whose it is; and what is known of it while that is
 *                        open, or when it is over
 *    of a customer       whose its subscriptions are, unless they say; those
 *                        that wait for that
 *    of a tenant         its subscriptions, and its base
 */

#ifndef HX_BILLING_H
#define HX_BILLING_H

#include "hx_limits.h"
#include "hx_plan.h"
#include "hx_stripe_event.h"
#include "hx_types.h"

#define HX_BILLING_SUBS       16        /* of one tenant; when there are more
                                         * those that have ended go, then weak
                                         * ones for one that is not */
#define HX_BILLING_WEAK       4         /* of these, weak and live */
#define HX_BILLING_BOOK_MAX   8192      /* bytes of a stored book */

/* What came of an event; X(constant, word).  Words are never renamed. */
#define HX_BILLING_RESULTS(X)                                                 \
    X(NONE,      "-")                                                         \
    X(APPLIED,   "applied")     /* a tenant was made, or changed its plan */  \
    X(UNCHANGED, "unchanged")   /* nothing new for the tenant */              \
    X(STALE,     "stale")       /* a later event had come before */           \
    X(PENDING,   "pending")     /* kept until its tenant is known */          \
    X(REFUSED,   "refused")     /* a weak name, and a smaller quota */        \
    X(IGNORED,   "ignored")     /* not for the gate */                        \
    X(DUPLICATE, "duplicate")   /* it was handled before */                   \
    X(BUSY,      "busy")        /* it is being handled */                     \
    X(FORWARDED, "forwarded")   /* the upstream took it */                    \
    X(RELEASED,  "released")    /* the upstream did not */                    \
    X(INVALID,   "invalid")     /* a bad request: nothing was changed */      \
    X(FAILED,    "failed")      /* the registry could not store it */

typedef enum {
#define X(result, word)  HX_BILLING_##result,
    HX_BILLING_RESULTS(X)
#undef X
    HX_BILLING_RESULT_COUNT
} hx_billing_result_t;

/* Static, NUL-terminated. */
const char *hx_billing_word(hx_billing_result_t result);


/* hx_gate_stripe_price */
typedef struct {
    hx_str_t   price;
    hx_str_t   plan;
} hx_billing_price_t;

/* A subscription, or a purchase without one (then the id is the session's). */
typedef struct {
    hx_str_t        id;
    uint64_t        started;            /* second it began */
    uint64_t        at;                 /* second of the word on "live" */
    unsigned char   rank;               /* among events of that second */
    hx_str_t        plan;               /* by metadata; len 0: not said */
    uint64_t        plan_at;
    unsigned char   plan_rank;
    hx_str_t        price;              /* plan of its price; len 0: none */
    uint64_t        price_at;           /* 0: no word */
    unsigned char   price_rank;
    unsigned        priced:1;           /* some price of it had a plan: metadata
                                         * do not count any more */
    unsigned        live:1;
    unsigned        exact:1;            /* "started" is its own word */
    unsigned        weak:1;             /* of a tenant: by a weak name, or
                                         * guessed */
} hx_billing_sub_t;

/* Zeroed: there is none. */
typedef struct {
    hx_str_t            tenant;         /* len 0: not known; a tenant's own */
    uint64_t            created;        /* when that tenant was: another one of
                                         * the same name is not meant */
    uint64_t            named;          /* second of the event that named it */
    unsigned            weak:1;         /* the name is */
    unsigned            guessed:1;      /* as it is its customer's */

    /* of a tenant */
    unsigned            managed:1;      /* it has, or had, a live one */
    unsigned            set:1;          /* "base" is what an operator has set */
    hx_str_t            base;

    unsigned            n;
    hx_billing_sub_t    sub[HX_BILLING_SUBS];
} hx_billing_book_t;


/* What an event asks for; its strings are the event's and the plans'. */
typedef struct {
    hx_stripe_type_t    kind;
    uint64_t            at;             /* second of the event */
    hx_str_t            tenant;         /* len 0: not said */
    unsigned            weak:1;
    unsigned            creates:1;      /* a tenant that is not there is made */
    unsigned            says:1;         /* "sub" is more than its id */
    hx_str_t            customer;       /* len 0: none */
    hx_billing_sub_t    sub;            /* id len 0: none */
} hx_billing_intent_t;

/*
 * HX_OK; HX_NO: nothing to do (another type, another business of the account);
 * HX_FAIL: *bad names the member that makes no sense.
 */
hx_rc_t hx_billing_read(hx_billing_intent_t *in, const hx_stripe_event_t *e,
    const hx_billing_price_t *prices, unsigned n_prices,
    const hx_plan_t *plans, unsigned n_plans, const char **bad);


/* A tenant, its book, and what is to become of it. */
typedef struct {
    hx_str_t            id;             /* len 0: none */
    unsigned            exists:1;       /* there is a record, with this: */
    hx_str_t            plan;
    uint64_t            created;
    hx_billing_book_t   book;

    /* out */
    unsigned            put:1;          /* the book is to be stored */
    unsigned            change:1;       /* the plan is to be another one; a */
    hx_str_t            new_plan;       /* tenant that is not there is made */
} hx_billing_tenant_t;

typedef struct {
    hx_billing_book_t     sub;
    hx_billing_book_t     customer;
    hx_billing_tenant_t   own;          /* whose event it is */
    hx_billing_tenant_t   other;        /* who had the subscription so far */
    unsigned              named:1;      /* the event says whose it is */

    /* out */
    unsigned              put_sub:1;
    unsigned              put_customer:1;
    unsigned              n_woken;      /* subscriptions that have waited for */
    hx_str_t              woken[HX_BILLING_SUBS];       /* their customer */
    hx_billing_book_t     awake;        /* the book of each of them */
} hx_billing_books_t;

/*
 * Whose event is it, and whose was the subscription, by the books "sub" and
 * "customer"?  Sets own.id and other.id; the rest of them is to be filled in.
 */
void hx_billing_whose(hx_billing_books_t *b, const hx_billing_intent_t *in);

/* Takes the event in.  now: becomes "created" of a tenant that is made. */
hx_billing_result_t hx_billing_apply(hx_billing_books_t *b,
    const hx_billing_intent_t *in, const hx_plan_t *plans, unsigned n_plans,
    uint64_t now);


/*
 * An operator has set a plan: the tenant's book with it.  1, or 0: it has none
 * that would have to know.
 */
int hx_billing_set(hx_billing_book_t *own, const hx_str_t *plan);


/* hx_billing_book.c: the stored form */

/* HX_OK, strings point into p; HX_FAIL: not a whole, intact book. */
hx_rc_t hx_billing_decode(hx_billing_book_t *b, const unsigned char *p,
    size_t len);

/* Bytes written to out (HX_BILLING_BOOK_MAX). */
size_t hx_billing_encode(const hx_billing_book_t *b, unsigned char *out);

/*
 * What is known of one subscription, and more that is: HX_OK; HX_NO: nothing of
 * it is new; HX_FAIL: there is no room.
 */
hx_rc_t hx_billing_take(hx_billing_book_t *b, const hx_billing_sub_t *sub);

/* NULL: not in it. */
const hx_billing_sub_t *hx_billing_find(const hx_billing_book_t *b,
    const hx_str_t *id);

/* It is not any more. */
void hx_billing_forget(hx_billing_book_t *b, const hx_str_t *id);

/* What a subscription is worth when it lives; len 0: no plan is known. */
hx_str_t hx_billing_worth(const hx_billing_sub_t *sub);

/*
 * The best of the live ones: weak, or not; NULL: there is none that is worth a
 * plan.
 */
const hx_billing_sub_t *hx_billing_best(const hx_billing_book_t *b,
    unsigned weak, const hx_plan_t *plans, unsigned n_plans);

/* The plan that follows; len 0: no word on it. */
hx_str_t hx_billing_plan(const hx_billing_book_t *b, const hx_plan_t *plans,
    unsigned n_plans);

/* A plan's quota in tenths of a CU; 0: there is no such plan. */
uint64_t hx_billing_quota(const hx_str_t *plan, const hx_plan_t *plans,
    unsigned n_plans);

#endif /* HX_BILLING_H */
