/*
 * hx_billing_test.c -- what Stripe's events do to tenants, with a store of
 * books beside it as simple as can be; whatever the order of the events, the
 * end is what a model says that looks at all of them at once.
 */

#include "hx_test.h"

#include "hx_billing.h"

#define HX_WORLD   128

typedef struct {
    char            name[64];           /* "b:sub", "c:customer", "s:tenant" */
    size_t          len;
    unsigned char   book[HX_BILLING_BOOK_MAX];
} test_book_t;

typedef struct {
    char            id[64];
    char            plan[64];
    uint64_t        created;
} test_tenant_t;

static struct {
    unsigned        n_books;
    test_book_t     book[HX_WORLD];
    unsigned        n_tenants;
    test_tenant_t   tenant[HX_WORLD];
    uint64_t        now;
    const char     *bad;
} world;

static const hx_billing_price_t  prices[] = {
    { hx_string("price_b"), hx_string("builder") },
    { hx_string("price_p"), hx_string("pro") },
    { hx_string("price_e"), hx_string("enterprise") },
    { hx_string("price_gone"), hx_string("no-such-plan") }
};


/* An event in short: NULL is absent. */
typedef struct {
    hx_stripe_type_t    kind;
    uint64_t            at;
    const char         *tenant;
    const char         *reference;
    const char         *plan;
    const char         *customer;
    const char         *object;
    const char         *subscription;
    const char         *status;
    const char         *price;
    const char         *price2;
    const char         *payment;
    const char         *mode;
    uint64_t            since;
    unsigned            odd;
} test_event_t;


static hx_str_t
test_maybe(const char *s)
{
    hx_str_t  none = { NULL, 0 };

    return s == NULL ? none : test_str(s);
}


static test_book_t *
test_book(char kind, const hx_str_t *id, int make)
{
    unsigned  i;
    char      name[64];

    (void) snprintf(name, sizeof(name), "%c:%.*s", kind, (int) id->len,
                    id->data);

    for (i = 0; i < world.n_books; i++) {
        if (strcmp(world.book[i].name, name) == 0) {
            return &world.book[i];
        }
    }

    if (!make) {
        return NULL;
    }

    assert_true(world.n_books < HX_WORLD);
    memcpy(world.book[i].name, name, sizeof(name));
    world.n_books++;

    return &world.book[i];
}


static void
test_load(hx_billing_book_t *b, char kind, const hx_str_t *id)
{
    test_book_t  *book;

    memset(b, 0, sizeof(hx_billing_book_t));
    book = id->len != 0 ? test_book(kind, id, 0) : NULL;

    if (book != NULL && book->len != 0) {
        assert_int_equal(hx_billing_decode(b, book->book, book->len), HX_OK);
    }
}


/* Books point into each other's bytes: all are encoded, then all stored. */
static struct {
    char            kind;
    size_t          id_len;
    unsigned char   id[HX_STRIPE_TEXT_MAX];
    size_t          len;
    unsigned char   text[HX_BILLING_BOOK_MAX];
} test_pending[4 + HX_BILLING_SUBS];

static unsigned  test_n_pending;


static void
test_save(const hx_billing_book_t *b, char kind, const hx_str_t *id)
{
    test_pending[test_n_pending].kind = kind;
    test_pending[test_n_pending].id_len = id->len;
    memcpy(test_pending[test_n_pending].id, id->data, id->len);
    test_pending[test_n_pending].len =
        hx_billing_encode(b, test_pending[test_n_pending].text);
    test_n_pending++;
}


static void
test_commit(void)
{
    hx_str_t      id;
    unsigned      i;
    test_book_t  *book;

    for (i = 0; i < test_n_pending; i++) {
        id.data = test_pending[i].id;
        id.len = test_pending[i].id_len;
        book = test_book(test_pending[i].kind, &id, 1);
        memcpy(book->book, test_pending[i].text, test_pending[i].len);
        book->len = test_pending[i].len;
    }

    test_n_pending = 0;
}


static test_tenant_t *
test_tenant(const char *id)
{
    unsigned  i;

    for (i = 0; i < world.n_tenants; i++) {
        if (strcmp(world.tenant[i].id, id) == 0) {
            return &world.tenant[i];
        }
    }

    return NULL;
}


static void
test_make(const char *id, const char *plan)
{
    test_tenant_t  *t;

    t = &world.tenant[world.n_tenants++];
    (void) snprintf(t->id, sizeof(t->id), "%s", id);
    (void) snprintf(t->plan, sizeof(t->plan), "%s", plan);
    t->created = ++world.now;
}


static void
test_delete(const char *id)
{
    hx_str_t        s = test_str(id);
    test_book_t    *book;
    test_tenant_t  *t;

    t = test_tenant(id);
    assert_non_null(t);
    *t = world.tenant[--world.n_tenants];
    book = test_book('s', &s, 0);

    if (book != NULL) {
        book->len = 0;
    }
}


static void
test_know(hx_billing_tenant_t *t)
{
    char            id[64];
    test_tenant_t  *tenant;

    if (t->id.len == 0) {
        return;
    }

    (void) snprintf(id, sizeof(id), "%.*s", (int) t->id.len, t->id.data);
    tenant = test_tenant(id);

    if (tenant != NULL) {
        t->exists = 1;
        t->created = tenant->created;
        t->plan = test_str(tenant->plan);
        test_load(&t->book, 's', &t->id);
    }
}


static void
test_settle(hx_billing_tenant_t *t)
{
    char            id[64], plan[64];
    test_tenant_t  *tenant;

    (void) snprintf(id, sizeof(id), "%.*s", (int) t->id.len, t->id.data);

    if (t->change) {
        (void) snprintf(plan, sizeof(plan), "%.*s", (int) t->new_plan.len,
                        t->new_plan.data);

        if (!t->exists) {
            test_make(id, plan);
            test_tenant(id)->created = t->created;
        }

        tenant = test_tenant(id);
        memcpy(tenant->plan, plan, sizeof(plan));
    }
}


/* As update-tier does. */
static void
test_operator(const char *id, const char *plan)
{
    hx_str_t            name = test_str(id), set = test_str(plan);
    hx_billing_book_t   book;

    (void) snprintf(test_tenant(id)->plan, sizeof(test_tenant(id)->plan), "%s",
                    plan);
    test_load(&book, 's', &name);

    if (hx_billing_set(&book, &set)) {
        test_save(&book, 's', &name);
        test_commit();
    }
}


static hx_billing_result_t
test_deliver(const test_event_t *t)
{
    unsigned              n;
    hx_rc_t               rc;
    const hx_plan_t      *plans;
    hx_stripe_event_t     e;
    hx_billing_books_t    b;
    hx_billing_intent_t   in;
    hx_billing_result_t   result;

    memset(&e, 0, sizeof(e));
    e.kind = t->kind;
    e.at = t->at;
    e.since = t->since;
    e.odd = t->odd;
    e.tenant = test_maybe(t->tenant);
    e.reference = test_maybe(t->reference);
    e.plan = test_maybe(t->plan);
    e.customer = test_maybe(t->customer);
    e.object = test_maybe(t->object);
    e.subscription = test_maybe(t->subscription);
    e.status = test_maybe(t->status);
    e.payment = test_maybe(t->payment);
    e.mode = test_maybe(t->mode);

    if (t->price != NULL) {
        e.prices[e.n_prices++] = test_str(t->price);
    }

    if (t->price2 != NULL) {
        e.prices[e.n_prices++] = test_str(t->price2);
    }

    plans = hx_plan_builtin(&n);
    world.bad = NULL;
    world.now++;

    rc = hx_billing_read(&in, &e, prices, hx_nelts(prices), plans, n,
                         &world.bad);

    if (rc != HX_OK) {
        return rc == HX_NO ? HX_BILLING_IGNORED : HX_BILLING_INVALID;
    }

    memset(&b, 0, sizeof(b));
    test_load(&b.sub, 'b', &in.sub.id);
    test_load(&b.customer, 'c', &in.customer);
    hx_billing_whose(&b, &in);
    test_know(&b.own);
    test_know(&b.other);

    result = hx_billing_apply(&b, &in, plans, n, world.now);

    for (unsigned i = 0; i < b.n_woken; i++) {
        test_save(&b.awake, 'b', &b.woken[i]);
    }

    if (b.put_sub) {
        test_save(&b.sub, 'b', &in.sub.id);
    }

    if (b.put_customer) {
        test_save(&b.customer, 'c', &in.customer);
    }

    if (b.own.put) {
        test_save(&b.own.book, 's', &b.own.id);
    }

    if (b.other.put) {
        test_save(&b.other.book, 's', &b.other.id);
    }

    test_settle(&b.own);
    test_settle(&b.other);
    test_commit();

    return result;
}


static void
assert_event(unsigned line, const test_event_t *e, hx_billing_result_t want)
{
    hx_billing_result_t  got;

    got = test_deliver(e);

    if (got != want) {
        fail_msg("line %u: %s, not %s", line, hx_billing_word(got),
                 hx_billing_word(want));
    }
}

#define event(want, ...)                                                      \
    assert_event(__LINE__, &(const test_event_t) { __VA_ARGS__ },             \
                 HX_BILLING_##want)

#define checkout(...)      HX_STRIPE_CHECKOUT, __VA_ARGS__
#define subscribed(...)    HX_STRIPE_SUBSCRIBED, __VA_ARGS__, .status = "active"
#define updated(...)       HX_STRIPE_SUBSCRIPTION, __VA_ARGS__
#define ended(...)         HX_STRIPE_UNSUBSCRIBED, __VA_ARGS__


static void
assert_plan(const char *id, const char *plan)
{
    test_tenant_t  *t;

    t = test_tenant(id);

    if (t == NULL ? plan != NULL : plan == NULL || strcmp(t->plan, plan) != 0) {
        fail_msg("%s is on %s, not %s", id, t ? t->plan : "(none)",
                 plan ? plan : "(none)");
    }
}


static int
test_begin(void **state)
{
    memset(&world, 0, sizeof(world));
    world.now = 1000;

    return 0;
}


/* As it is documented. */
static void
life(void **state)
{
    event(APPLIED, checkout(100), .reference = "acme", .plan = "builder",
          .customer = "cus_1", .object = "cs_1", .subscription = "sub_1",
          .payment = "paid");
    assert_plan("acme", "builder");
    event(UNCHANGED, subscribed(101), .object = "sub_1", .customer = "cus_1",
          .price = "price_b", .since = 99);
    event(APPLIED, updated(200), .object = "sub_1", .customer = "cus_1",
          .price = "price_p", .since = 99, .status = "active");
    assert_plan("acme", "pro");
    event(UNCHANGED, HX_STRIPE_PAID, 201, .customer = "cus_1");
    event(UNCHANGED, HX_STRIPE_PAYMENT_FAILED, 202, .customer = "cus_1");
    assert_plan("acme", "pro");
    event(UNCHANGED, updated(203), .object = "sub_1", .customer = "cus_1",
          .price = "price_p", .since = 99, .status = "past_due");
    event(APPLIED, ended(300), .object = "sub_1", .customer = "cus_1",
          .price = "price_p", .since = 99, .status = "canceled");
    assert_plan("acme", "starter");
}


/* Before the checkout nobody knows whose it is. */
static void
first_the_subscription(void **state)
{
    event(PENDING, subscribed(101), .object = "sub_1", .customer = "cus_1",
          .price = "price_p", .since = 99);
    event(STALE, subscribed(101), .object = "sub_1", .customer = "cus_1",
          .price = "price_p", .since = 99);
    assert_plan("acme", NULL);
    event(APPLIED, checkout(100), .tenant = "acme", .customer = "cus_1",
          .object = "cs_1", .subscription = "sub_1", .payment = "paid");
    assert_plan("acme", "pro");
}


/* A tenant that an operator has made, who subscribes by a link. */
static void
upgrade(void **state)
{
    test_make("acme", "starter");
    event(APPLIED, checkout(100), .reference = "acme", .plan = "pro",
          .customer = "cus_1", .object = "cs_1", .subscription = "sub_1");
    assert_plan("acme", "pro");
}


/* Who opens a payment link chooses client_reference_id. */
static void
weak(void **state)
{
    test_make("victim", "enterprise");
    event(PENDING, checkout(100), .reference = "victim", .customer = "cus_9",
          .object = "cs_1", .subscription = "sub_9");
    event(REFUSED, subscribed(101), .object = "sub_9", .customer = "cus_9",
          .price = "price_b", .since = 99);
    event(REFUSED, checkout(102), .reference = "victim", .plan = "builder",
          .customer = "cus_8", .object = "cs_8", .subscription = "sub_8");
    event(UNCHANGED, ended(103), .object = "sub_9", .customer = "cus_9",
          .price = "price_b", .since = 99);
    event(REFUSED, subscribed(104), .object = "sub_7", .customer = "cus_9",
          .price = "price_b", .since = 104);
    assert_plan("victim", "enterprise");

    /* what the operator's server says is meant */
    event(APPLIED, checkout(105), .tenant = "victim", .reference = "other",
          .plan = "builder", .customer = "cus_7", .object = "cs_7",
          .subscription = "sub_6");
    assert_plan("victim", "builder");
    assert_plan("other", NULL);

    /* that is known to be the victim's: nobody takes it by a link */
    test_make("thief", "starter");
    event(REFUSED, checkout(106), .reference = "thief", .plan = "builder",
          .customer = "cus_7", .object = "cs_6", .subscription = "sub_6");
    assert_plan("victim", "builder");
    assert_plan("thief", "starter");
}


/* Two live ones: the better counts, and the end of one is not the end. */
static void
several(void **state)
{
    event(APPLIED, checkout(100), .tenant = "acme", .plan = "builder",
          .customer = "cus_1", .object = "cs_1", .subscription = "sub_1");
    event(APPLIED, checkout(200), .tenant = "acme", .plan = "pro",
          .customer = "cus_2", .object = "cs_2", .subscription = "sub_2");
    assert_plan("acme", "pro");
    event(UNCHANGED, ended(300), .object = "sub_1", .customer = "cus_1");
    assert_plan("acme", "pro");
    event(STALE, updated(250), .object = "sub_1", .customer = "cus_1",
          .status = "active", .since = 100);
    event(APPLIED, ended(400), .object = "sub_2", .customer = "cus_2");
    assert_plan("acme", "starter");

    /* one that was bought for the same customer, without a checkout */
    event(APPLIED, subscribed(500), .object = "sub_3", .customer = "cus_2",
          .price = "price_b", .since = 500);
    assert_plan("acme", "builder");

    /* items: the largest plan among them */
    event(APPLIED, updated(600), .object = "sub_3", .customer = "cus_2",
          .price = "price_other", .price2 = "price_p", .since = 500,
          .status = "active");
    assert_plan("acme", "pro");
}


/* One customer, two tenants: the guess is put right. */
static void
guessed(void **state)
{
    event(APPLIED, checkout(100), .tenant = "one", .plan = "builder",
          .customer = "cus_1", .object = "cs_1", .subscription = "sub_1");
    event(APPLIED, subscribed(200), .object = "sub_2", .customer = "cus_1",
          .price = "price_p", .since = 200);
    assert_plan("one", "pro");
    event(APPLIED, checkout(201), .reference = "two", .customer = "cus_1",
          .object = "cs_2", .subscription = "sub_2");
    assert_plan("one", "builder");
    assert_plan("two", "pro");
    event(APPLIED, ended(300), .object = "sub_2", .customer = "cus_1");
    assert_plan("one", "builder");
    assert_plan("two", "starter");
}


/* Of the same name, but another one. */
static void
deleted(void **state)
{
    event(APPLIED, checkout(100), .tenant = "acme", .plan = "pro",
          .customer = "cus_1", .object = "cs_1", .subscription = "sub_1");
    test_delete("acme");
    event(IGNORED, HX_STRIPE_PAID, 150, .customer = "cus_1");
    test_make("acme", "pro");
    event(IGNORED, HX_STRIPE_PAID, 150, .customer = "cus_1");
    event(PENDING, updated(200), .object = "sub_1", .customer = "cus_1",
          .price = "price_b", .status = "active", .since = 99);
    event(PENDING, ended(201), .object = "sub_1", .customer = "cus_1");
    assert_plan("acme", "pro");
}


static void
statuses(void **state)
{
    size_t  i;

    static const struct {
        const char  *status;
        const char  *plan;
    } rows[] = {
        { "active", "pro" }, { "trialing", "pro" }, { "past_due", "pro" },
        { "incomplete", "builder" }, { "who-knows", "builder" },
        { NULL, "builder" }, { "canceled", "starter" },
        { "unpaid", "starter" }, { "paused", "starter" },
        { "incomplete_expired", "starter" }
    };

    for (i = 0; i < hx_nelts(rows); i++) {
        (void) test_begin(NULL);
        event(APPLIED, checkout(100), .tenant = "acme", .plan = "builder",
              .customer = "cus_1", .object = "cs_1", .subscription = "sub_1");
        (void) test_deliver(&(const test_event_t) {
            updated(200), .object = "sub_1", .customer = "cus_1",
            .price = "price_p", .status = rows[i].status, .since = 99 });
        assert_plan("acme", rows[i].plan);
    }
}


/* What is not paid yet gives nothing; nor does a price without a plan. */
static void
nothing(void **state)
{
    event(APPLIED, checkout(100), .tenant = "acme", .plan = "pro",
          .object = "cs_1", .payment = "unpaid");
    assert_plan("acme", "starter");
    event(APPLIED, HX_STRIPE_CHECKOUT_PAID, 200, .tenant = "acme",
          .plan = "pro", .object = "cs_1", .payment = "paid");
    assert_plan("acme", "pro");

    event(IGNORED, subscribed(201), .object = "sub_1", .customer = "cus_1",
          .price = "price_x");
    event(IGNORED, subscribed(202), .object = "sub_1", .customer = "cus_1",
          .price = "price_gone");
    event(IGNORED, checkout(203), .object = "cs_2", .customer = "cus_1");
    event(IGNORED, HX_STRIPE_PAID, 204, .customer = NULL);
    event(IGNORED, HX_STRIPE_PAID, 204, .customer = "cus_1");
    event(IGNORED, HX_STRIPE_OTHER, 205, .tenant = "acme", .plan = "builder");
    assert_plan("acme", "pro");
    assert_int_equal(world.n_tenants, 1);
}


#define bad(member, ...)                                                      \
    event(INVALID, __VA_ARGS__);                                              \
    assert_string_equal(world.bad, member)

static void
invalid(void **state)
{
    bad("metadata.tenant_id", checkout(1), .tenant = "a b", .object = "cs");
    bad("metadata.tenant_id", checkout(1), .tenant = "a/b",
        .reference = "fine", .object = "cs");
    bad("client_reference_id", checkout(1), .reference = "a.b",
        .object = "cs");
    bad("metadata.plan", checkout(1), .tenant = "a", .plan = "gold",
        .object = "cs");
    bad("id", checkout(1), .tenant = "a", .plan = "pro");
    bad("id", subscribed(1), .customer = "cus");
    bad("customer", subscribed(1), .object = "sub");
    bad("metadata.plan", subscribed(1), .object = "sub", .customer = "cus",
        .plan = "gold");
    bad("metadata.tenant_id", subscribed(1), .object = "sub",
        .customer = "cus", .tenant = "?");
    bad("payment_status", checkout(1), .tenant = "a", .object = "cs",
        .odd = 1u << HX_STRIPE_IS_payment);
    bad("subscription", checkout(1), .tenant = "a", .object = "cs",
        .odd = 1u << HX_STRIPE_IS_subscription);
    bad("client_reference_id", checkout(1), .object = "cs",
        .odd = 1u << HX_STRIPE_IS_reference);
    bad("metadata.tenant_id", checkout(1), .object = "cs", .reference = "a",
        .odd = 1u << HX_STRIPE_IS_tenant);
    bad("metadata.plan", checkout(1), .object = "cs", .tenant = "a",
        .odd = 1u << HX_STRIPE_IS_plan);
    bad("metadata.tenant_id", HX_STRIPE_PAID, 1, .customer = "cus",
        .tenant = "?");
    assert_int_equal(world.n_tenants, 0);
    assert_int_equal(world.n_books, 0);

    /* nobody stays subscribed because of a name */
    event(APPLIED, checkout(1), .tenant = "a", .plan = "pro",
          .customer = "cus", .object = "cs", .subscription = "sub");
    event(APPLIED, ended(2), .object = "sub", .customer = "cus",
          .plan = "gold");
    assert_plan("a", "starter");
    event(APPLIED, checkout(1), .tenant = "b", .plan = "pro",
          .customer = "cus", .object = "cs", .subscription = "sub_b",
          .odd = 1u << HX_STRIPE_IS_reference);
    event(APPLIED, ended(2), .object = "sub_b", .customer = "cus",
          .tenant = "not!ok", .odd = 1u << HX_STRIPE_IS_plan);
    assert_plan("b", "starter");
}


/* What an operator sets stays until a subscription really changes. */
static void
operator(void **state)
{
    event(APPLIED, checkout(100), .tenant = "acme", .plan = "builder",
          .customer = "cus_1", .object = "cs_1", .subscription = "sub_1");
    test_operator("acme", "enterprise");
    event(UNCHANGED, updated(200), .object = "sub_1", .customer = "cus_1",
          .plan = "builder", .status = "active", .since = 99);
    assert_plan("acme", "enterprise");
    event(APPLIED, updated(300), .object = "sub_1", .customer = "cus_1",
          .price = "price_p", .status = "active", .since = 99);
    assert_plan("acme", "pro");
}


/* More than there is room for: those that ended make it. */
static void
many(void **state)
{
    char      sub[16];
    unsigned  i;

    event(APPLIED, checkout(1), .tenant = "acme", .plan = "builder",
          .customer = "cus_1", .object = "cs_1", .subscription = "sub_x");

    for (i = 0; i < 40; i++) {
        (void) snprintf(sub, sizeof(sub), "sub_%u", i);
        event(APPLIED, subscribed(10 + i), .object = sub, .customer = "cus_1",
              .price = "price_p", .since = 10 + i);
        event(APPLIED, ended(10 + i), .object = sub, .customer = "cus_1",
              .since = 10 + i);
        assert_plan("acme", "builder");
        world.n_books = 3;              /* theirs are not needed any more */
    }

    for (i = 0; i < 20; i++) {
        (void) snprintf(sub, sizeof(sub), "sub_l%u", i);
        (void) test_deliver(&(const test_event_t) {
            subscribed(100 + i), .object = sub, .customer = "cus_1",
            .price = "price_b", .since = 100 + i });
    }

    event(REFUSED, subscribed(200), .object = "sub_z", .customer = "cus_1",
          .price = "price_p", .since = 200);
    assert_plan("acme", "builder");
}


/* Who buys for somebody else, and cancels, takes nothing that was there. */
static void
weak_ends(void **state)
{
    test_make("victim", "builder");
    event(PENDING, checkout(100), .reference = "victim", .customer = "cus_9",
          .object = "cs_1", .subscription = "sub_9");
    event(APPLIED, subscribed(101), .object = "sub_9", .customer = "cus_9",
          .price = "price_p", .since = 100);
    assert_plan("victim", "pro");
    event(APPLIED, updated(150), .object = "sub_9", .customer = "cus_9",
          .price = "price_s", .since = 100, .status = "active");
    assert_plan("victim", "builder");
    event(APPLIED, updated(160), .object = "sub_9", .customer = "cus_9",
          .price = "price_p", .since = 100, .status = "active");
    event(APPLIED, ended(200), .object = "sub_9", .customer = "cus_9",
          .price = "price_p", .since = 100);
    assert_plan("victim", "builder");

    /* nor what an operator gives meanwhile */
    test_make("other", "starter");
    event(APPLIED, checkout(100), .reference = "other", .plan = "builder",
          .customer = "cus_8", .object = "cs_1", .subscription = "sub_8");
    test_operator("other", "enterprise");
    event(UNCHANGED, ended(200), .object = "sub_8", .customer = "cus_8",
          .price = "price_b", .since = 100);
    assert_plan("other", "enterprise");
}


/* Planted ones leave room for the tenant's own. */
static void
weak_many(void **state)
{
    char      sub[16], cus[16];
    unsigned  i;

    test_make("victim", "starter");

    for (i = 0; i < 20; i++) {
        (void) snprintf(sub, sizeof(sub), "sub_%u", i);
        (void) snprintf(cus, sizeof(cus), "cus_%u", i);
        assert_event(__LINE__, &(const test_event_t) {
            checkout(100 + i), .reference = "victim", .plan = "builder",
            .customer = cus, .object = "cs", .subscription = sub },
            i == 0 ? HX_BILLING_APPLIED
            : i < HX_BILLING_WEAK ? HX_BILLING_UNCHANGED
            : HX_BILLING_REFUSED);
    }

    for (i = 0; i < HX_BILLING_SUBS; i++) {
        (void) snprintf(sub, sizeof(sub), "own_%u", i);
        (void) test_deliver(&(const test_event_t) {
            checkout(200 + i), .tenant = "victim", .plan = "builder",
            .customer = "cus_v", .object = "cs", .subscription = sub });
    }

    event(REFUSED, checkout(300), .tenant = "victim", .plan = "pro",
          .customer = "cus_v", .object = "cs", .subscription = "own_x");
    event(UNCHANGED, ended(301), .object = "own_3", .customer = "cus_v");

    /* there is room now: it comes in with its next event */
    event(APPLIED, updated(302), .object = "own_x", .customer = "cus_v",
          .status = "active", .since = 300);
    assert_plan("victim", "pro");
}


/* A subscription that another tenant has now is over for the first. */
static void
moves(void **state)
{
    test_make("one", "starter");
    test_make("two", "starter");
    event(APPLIED, subscribed(100), .tenant = "one", .object = "sub_1",
          .customer = "cus_1", .price = "price_p", .since = 100);
    event(APPLIED, updated(200), .tenant = "two", .object = "sub_1",
          .customer = "cus_1", .price = "price_p", .since = 100,
          .status = "active");
    assert_plan("one", "starter");
    assert_plan("two", "pro");

    /* a name that comes late does not take it back */
    event(STALE, updated(150), .tenant = "one", .object = "sub_1",
          .customer = "cus_1", .price = "price_p", .since = 100,
          .status = "active");
    assert_plan("two", "pro");

    /* one that nobody has changes nothing for who has it */
    event(APPLIED, updated(250), .tenant = "typo", .object = "sub_1",
          .customer = "cus_1", .price = "price_b", .since = 100,
          .status = "active");
    assert_plan("two", "builder");
    event(APPLIED, ended(300), .object = "sub_1", .customer = "cus_1");
    assert_plan("one", "starter");
    assert_plan("two", "starter");

    /* what one was only guessed to have */
    event(APPLIED, checkout(400), .tenant = "three", .customer = "cus_3",
          .object = "cs_1", .payment = "no_payment_required");
    event(APPLIED, subscribed(500), .object = "sub_3", .customer = "cus_3",
          .price = "price_p", .since = 500);
    assert_plan("three", "pro");
    event(APPLIED, checkout(501), .reference = "four", .customer = "cus_3",
          .object = "cs_2", .subscription = "sub_3");
    assert_plan("three", "starter");
    assert_plan("four", "pro");
}


/* What is named by its own metadata nobody takes by a link to a new tenant. */
static void
stolen(void **state)
{
    unsigned  k;

    for (k = 0; k < 2; k++) {
        (void) test_begin(NULL);
        test_make("one", "starter");

        if (k == 0) {
            event(APPLIED, subscribed(100), .tenant = "one",
                  .object = "sub_1", .customer = "cus_1", .price = "price_p",
                  .since = 100);
            event(REFUSED, checkout(101), .reference = "cart-17",
                  .customer = "cus_1", .object = "cs_1",
                  .subscription = "sub_1");
            assert_plan("cart-17", NULL);
        }

        if (k == 1) {
            event(APPLIED, checkout(101), .reference = "cart-17",
                  .customer = "cus_1", .object = "cs_1",
                  .subscription = "sub_1");
            event(APPLIED, subscribed(102), .tenant = "one",
                  .object = "sub_1", .customer = "cus_1", .price = "price_p",
                  .since = 100);
            assert_plan("cart-17", "starter");
        }

        assert_plan("one", "pro");
        event(APPLIED, ended(300), .object = "sub_1", .customer = "cus_1");
        assert_plan("one", "starter");
    }
}


/* Those that wait for their customer do not wait for their next event. */
static void
woken(void **state)
{
    event(PENDING, subscribed(90), .object = "sub_2", .customer = "cus_1",
          .price = "price_p", .since = 90);
    event(PENDING, subscribed(91), .object = "sub_3", .customer = "cus_1",
          .price = "price_b", .since = 91);
    event(APPLIED, checkout(100), .tenant = "acme", .plan = "builder",
          .customer = "cus_1", .object = "cs_1", .subscription = "sub_1");
    assert_plan("acme", "pro");

    /* and go where they are said to belong */
    event(APPLIED, checkout(110), .tenant = "more", .customer = "cus_1",
          .object = "cs_2", .subscription = "sub_2");
    assert_plan("acme", "builder");
    assert_plan("more", "pro");
    event(UNCHANGED, ended(120), .object = "sub_3", .customer = "cus_1");
    event(APPLIED, ended(121), .object = "sub_1", .customer = "cus_1");
    assert_plan("acme", "starter");
}


/* Of two tenants of a customer the one that was named last, not told last. */
static void
customers(void **state)
{
    unsigned             k;
    const test_event_t   a = { checkout(100), .tenant = "one",
                               .plan = "builder", .customer = "cus_1",
                               .object = "cs_1", .subscription = "sub_1" };
    const test_event_t   b = { checkout(200), .tenant = "two",
                               .plan = "builder", .customer = "cus_1",
                               .object = "cs_2", .subscription = "sub_2" };

    for (k = 0; k < 2; k++) {
        (void) test_begin(NULL);
        (void) test_deliver(k ? &b : &a);
        (void) test_deliver(k ? &a : &b);
        event(APPLIED, subscribed(300), .object = "sub_3",
              .customer = "cus_1", .price = "price_p", .since = 300);
        assert_plan("one", "builder");
        assert_plan("two", "pro");
    }
}


/* Also where its subscription names it. */
static void
deleted_by_name(void **state)
{
    event(APPLIED, checkout(100), .tenant = "acme", .plan = "builder",
          .customer = "cus_1", .object = "cs_1", .subscription = "sub_1");
    test_delete("acme");
    test_make("acme", "enterprise");
    event(STALE, updated(150), .tenant = "acme", .object = "sub_1",
          .customer = "cus_1", .price = "price_b", .status = "active",
          .since = 99);
    event(STALE, ended(200), .tenant = "acme", .object = "sub_1",
          .customer = "cus_1", .price = "price_b", .since = 99);
    assert_plan("acme", "enterprise");

    /* the end of what was never seen is the end of nothing */
    event(UNCHANGED, ended(200), .tenant = "acme", .object = "sub_old",
          .customer = "cus_2", .price = "price_b", .since = 1);
    assert_plan("acme", "enterprise");
}


/* Over is over, also when it was forgotten that it ever was. */
static void
evicted(void **state)
{
    char      sub[16];
    unsigned  i;

    event(APPLIED, checkout(1), .tenant = "acme", .plan = "builder",
          .customer = "cus_1", .object = "cs_1", .subscription = "sub_x");

    for (i = 0; i < HX_BILLING_SUBS + 4; i++) {
        (void) snprintf(sub, sizeof(sub), "sub_%u", i);
        event(APPLIED, subscribed(10 + i), .object = sub, .customer = "cus_1",
              .price = "price_p", .since = 10 + i);
        event(APPLIED, ended(10 + i), .object = sub, .customer = "cus_1",
              .since = 10 + i);
    }

    event(STALE, updated(100), .object = "sub_0", .customer = "cus_1",
          .price = "price_p", .since = 10, .status = "active");
    event(UNCHANGED, updated(100), .tenant = "acme", .object = "sub_1",
          .customer = "cus_1", .price = "price_p", .since = 10,
          .status = "active");
    assert_plan("acme", "builder");
}


/* Another price that has no plan takes the plan back; metadata do not know. */
static void
unpriced(void **state)
{
    unsigned  k;

    event(APPLIED, checkout(1), .tenant = "acme", .customer = "cus_1",
          .object = "cs_1", .subscription = "sub_1");
    event(APPLIED, subscribed(2), .object = "sub_1", .customer = "cus_1",
          .price = "price_p", .since = 1);
    event(APPLIED, updated(100), .object = "sub_1", .customer = "cus_1",
          .price = "price_x", .since = 1, .status = "active");
    assert_plan("acme", "starter");
    event(STALE, updated(50), .object = "sub_1", .customer = "cus_1",
          .price = "price_p", .since = 1, .status = "active");
    assert_plan("acme", "starter");
    event(APPLIED, updated(200), .object = "sub_1", .customer = "cus_1",
          .price = "price_b", .since = 1, .status = "active");
    assert_plan("acme", "builder");

    for (k = 0; k < 2; k++) {
        (void) test_begin(NULL);

        if (k == 1) {
            (void) test_deliver(&(const test_event_t) {
                subscribed(2), .object = "sub_1", .customer = "cus_1",
                .price = "price_x", .since = 1 });
        }

        event(APPLIED, checkout(1), .tenant = "acme", .plan = "pro",
              .customer = "cus_1", .object = "cs_1", .subscription = "sub_1");
        (void) test_deliver(&(const test_event_t) {
            updated(3), .object = "sub_1", .customer = "cus_1",
            .price = "price_x", .since = 1, .status = "active" });
        assert_plan("acme", "pro");
    }
}


/* What an operator sets, nobody's link takes away or brings back. */
static void
operator_and_stranger(void **state)
{
    /* equal to what the stranger buys, then cancels */
    event(APPLIED, checkout(100), .tenant = "acme", .plan = "builder",
          .customer = "cus_1", .object = "cs_1", .subscription = "sub_1");
    test_operator("acme", "pro");
    event(UNCHANGED, checkout(200), .reference = "acme", .plan = "pro",
          .customer = "cus_9", .object = "cs_9", .subscription = "sub_9");
    event(UNCHANGED, ended(201), .object = "sub_9", .customer = "cus_9");
    assert_plan("acme", "pro");
    event(STALE, ended(300), .object = "sub_9", .customer = "cus_9");
    assert_plan("acme", "pro");

    /* set while the stranger's is there, which then grows and ends */
    test_make("two", "starter");
    event(APPLIED, checkout(100), .reference = "two", .plan = "builder",
          .customer = "cus_8", .object = "cs_8", .subscription = "sub_8");
    test_operator("two", "pro");
    event(APPLIED, updated(200), .object = "sub_8", .customer = "cus_8",
          .price = "price_e", .since = 100, .status = "active");
    assert_plan("two", "enterprise");
    event(APPLIED, ended(300), .object = "sub_8", .customer = "cus_8");
    assert_plan("two", "pro");

    /* lowered on purpose: an end does not raise it */
    test_make("three", "builder");
    event(APPLIED, checkout(100), .reference = "three", .plan = "pro",
          .customer = "cus_7", .object = "cs_7", .subscription = "sub_7");
    test_operator("three", "starter");
    event(APPLIED, updated(200), .object = "sub_7", .customer = "cus_7",
          .status = "active", .plan = "builder", .since = 100);
    event(APPLIED, ended(300), .object = "sub_7", .customer = "cus_7");
    assert_plan("three", "starter");

    /* no larger, no change */
    test_make("four", "enterprise");
    event(UNCHANGED, checkout(100), .reference = "four", .plan = "enterprise",
          .customer = "cus_6", .object = "cs_6", .subscription = "sub_6");
    assert_plan("four", "enterprise");
}


/* What the operator has named comes before what a link says, in any order. */
static void
strong_before_weak(void **state)
{
    unsigned             k;
    const test_event_t   link = { checkout(101), .reference = "user_123",
                                  .customer = "cus_1", .object = "cs_1",
                                  .subscription = "sub_1" };
    const test_event_t   sub = { subscribed(100), .tenant = "acme",
                                 .object = "sub_1", .customer = "cus_1",
                                 .price = "price_p", .since = 100 };

    for (k = 0; k < 2; k++) {
        (void) test_begin(NULL);
        test_make("acme", "starter");
        (void) test_deliver(k ? &sub : &link);
        (void) test_deliver(k ? &link : &sub);
        assert_plan("acme", "pro");
        event(APPLIED, ended(300), .object = "sub_1", .customer = "cus_1");
        assert_plan("acme", "starter");
    }
}


/* The end comes while its checkout is still tried. */
static void
end_before_checkout(void **state)
{
    event(PENDING, ended(200), .object = "sub_1", .customer = "cus_1",
          .price = "price_x");
    event(APPLIED, checkout(100), .tenant = "acme", .plan = "pro",
          .customer = "cus_1", .object = "cs_1", .subscription = "sub_1");
    assert_plan("acme", "starter");

    event(PENDING, updated(200), .object = "sub_2", .customer = "cus_2",
          .price = "price_x", .status = "unpaid");
    event(APPLIED, checkout(100), .tenant = "more", .plan = "pro",
          .customer = "cus_2", .object = "cs_2", .subscription = "sub_2");
    assert_plan("more", "starter");
}


/* Metadata, a price with a plan, one without: in all six orders. */
static void
plans_in_any_order(void **state)
{
    unsigned             k;
    const test_event_t   e[] = {
        { checkout(100), .tenant = "acme", .plan = "pro", .customer = "cus_1",
          .object = "cs_1", .subscription = "sub_1" },
        { subscribed(101), .object = "sub_1", .customer = "cus_1",
          .price = "price_p", .since = 100 },
        { updated(200), .object = "sub_1", .customer = "cus_1",
          .price = "price_x", .since = 100, .status = "active" }
    };
    static const char    orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 },
                                          { 1, 0, 2 }, { 1, 2, 0 },
                                          { 2, 0, 1 }, { 2, 1, 0 } };

    for (k = 0; k < 6; k++) {
        (void) test_begin(NULL);
        (void) test_deliver(&e[(int) orders[k][0]]);
        (void) test_deliver(&e[(int) orders[k][1]]);
        (void) test_deliver(&e[(int) orders[k][2]]);
        assert_plan("acme", "starter");
    }
}


/* A smaller one bought by a link, then the larger one ends. */
static void
weak_after_all(void **state)
{
    test_make("acme", "starter");
    event(APPLIED, checkout(100), .reference = "acme", .plan = "pro",
          .customer = "cus_1", .object = "cs_1", .subscription = "sub_1");
    event(REFUSED, checkout(200), .reference = "acme", .plan = "builder",
          .customer = "cus_2", .object = "cs_2", .subscription = "sub_2");
    event(APPLIED, ended(300), .object = "sub_1", .customer = "cus_1");
    assert_plan("acme", "builder");
}


/* What says whose it is does not go with its customer. */
static void
waits_for_its_own(void **state)
{
    event(PENDING, subscribed(90), .tenant = "acme", .object = "sub_2",
          .customer = "cus_1", .price = "price_e", .since = 90);
    event(APPLIED, checkout(100), .tenant = "beta", .plan = "builder",
          .customer = "cus_1", .object = "cs_1", .subscription = "sub_1");
    assert_plan("beta", "builder");
    event(APPLIED, checkout(110), .tenant = "acme", .customer = "cus_1",
          .object = "cs_2", .subscription = "sub_2");
    assert_plan("acme", "enterprise");
    event(APPLIED, ended(200), .object = "sub_2", .customer = "cus_1");
    assert_plan("acme", "starter");
    assert_plan("beta", "builder");
}


/* Who only leaves a card has bought nothing. */
static void
setup(void **state)
{
    event(APPLIED, checkout(100), .tenant = "acme", .plan = "pro",
          .customer = "cus_1", .object = "cs_1", .mode = "setup",
          .payment = "no_payment_required");
    assert_plan("acme", "starter");
    event(APPLIED, checkout(101), .tenant = "acme", .plan = "pro",
          .customer = "cus_1", .object = "cs_2", .mode = "payment",
          .payment = "paid");
    assert_plan("acme", "pro");
}


/* ------------------------------------------------------- in any order -- */

#define TEST_SUBS     4
#define TEST_EVENTS   40

typedef struct {
    unsigned        n;
    test_event_t    e[TEST_EVENTS];
    char            sub[TEST_EVENTS][16];
} test_history_t;

static const char *const  test_prices[] = { "price_b", "price_p", "price_e",
                                            NULL };


/* Some subscriptions of one tenant, each event in a second of its own. */
static void
test_history(test_history_t *h)
{
    unsigned        i, subs, begun, over;
    test_event_t   *e;

    static const char *const  status[] = { "active", "past_due", "unpaid",
                                           "trialing", "incomplete" };

    memset(h, 0, sizeof(test_history_t));
    subs = 1 + (unsigned) test_below(TEST_SUBS);
    h->n = 1 + (unsigned) test_below(TEST_EVENTS);
    begun = 0;
    over = 0;

    for (i = 0; i < h->n; i++) {
        e = &h->e[i];
        e->at = 100 + i;
        e->customer = "cus_1";
        e->tenant = "acme";

        const unsigned  s = (unsigned) test_below(subs);

        (void) snprintf(h->sub[i], sizeof(h->sub[i]), "sub_%u", s);
        e->object = h->sub[i];
        e->since = 50 + s;
        e->price = test_prices[test_below(hx_nelts(test_prices))];

        if (!(begun & 1u << s)) {
            begun |= 1u << s;
            e->kind = HX_STRIPE_SUBSCRIBED;
            e->status = "active";

        } else if (test_below(8) == 0 && !(over & 1u << s)) {
            over |= 1u << s;
            e->kind = HX_STRIPE_UNSUBSCRIBED;
            e->price = test_prices[test_below(hx_nelts(test_prices) - 1)];

        } else {
            e->kind = HX_STRIPE_SUBSCRIPTION;
            e->status = status[test_below(hx_nelts(status))];
        }
    }
}


/* Its plan, looking at everything that ever was. */
static const char *
test_model(const test_history_t *h, const char *first)
{
    unsigned     s, i, any, best, q;
    char         sub[16];

    static const char *const  names[] = { "starter", "builder", "pro",
                                          "enterprise" };

    any = 0;
    best = 0;

    for (s = 0; s < TEST_SUBS; s++) {
        const char  *price = NULL;
        int          live = 0;

        (void) snprintf(sub, sizeof(sub), "sub_%u", s);

        for (i = 0; i < h->n; i++) {
            const test_event_t  *e = &h->e[i];

            if (strcmp(h->sub[i], sub) != 0
                || (e->status != NULL && strcmp(e->status, "incomplete") == 0))
            {
                continue;
            }

            if (e->price != NULL) {
                price = e->price;
            }

            live = e->kind != HX_STRIPE_UNSUBSCRIBED
                   && strcmp(e->status, "unpaid") != 0;

            if (e->kind == HX_STRIPE_UNSUBSCRIBED) {
                break;
            }
        }

        /* the end may have a price; what follows it has no say */
        if (price != NULL) {
            any = 1;
            q = price[6] == 'b' ? 1 : price[6] == 'p' ? 2 : 3;
            best = live && q > best ? q : best;
        }
    }

    return any ? names[best] : first;
}


static void
any_order(void **state)
{
    unsigned         round, i, k;
    test_history_t   h;
    test_event_t     swap;

    static test_event_t  order[TEST_EVENTS * 2];

    for (round = 0; round < 20000; round++) {
        (void) test_begin(NULL);
        test_make("acme", "starter");
        test_history(&h);

        /* every event once, some twice, shuffled */
        unsigned  n = h.n;

        memcpy(order, h.e, h.n * sizeof(test_event_t));

        for (i = 0; i < h.n; i++) {
            if (test_below(3) == 0) {
                order[n++] = h.e[i];
            }
        }

        for (i = n - 1; i > 0; i--) {
            k = (unsigned) test_below(i + 1);
            swap = order[i];
            order[i] = order[k];
            order[k] = swap;
        }

        for (i = 0; i < n; i++) {
            const hx_billing_result_t  r = test_deliver(&order[i]);

            assert_true(r == HX_BILLING_APPLIED || r == HX_BILLING_UNCHANGED
                        || r == HX_BILLING_STALE || r == HX_BILLING_IGNORED);
        }

        assert_plan("acme", test_model(&h, "starter"));
    }
}


/* Named by a checkout that comes at any time. */
static void
any_time(void **state)
{
    unsigned        round, i, at;
    test_history_t  h;

    for (round = 0; round < 5000; round++) {
        (void) test_begin(NULL);
        test_history(&h);
        at = (unsigned) test_below(h.n + 1);

        for (i = 0; i <= h.n; i++) {
            if (i == at) {
                for (unsigned s = 0; s < TEST_SUBS; s++) {
                    char  sub[16];

                    (void) snprintf(sub, sizeof(sub), "sub_%u", s);
                    (void) test_deliver(&(const test_event_t) {
                        checkout(100), .tenant = "acme", .customer = "cus_1",
                        .object = "cs", .subscription = sub });
                }
            }

            if (i < h.n) {
                test_event_t  e = h.e[i];

                e.tenant = NULL;
                (void) test_deliver(&e);
            }
        }

        assert_plan("acme", test_model(&h, "starter"));
    }
}


/*
 * Subscriptions of two tenants, each of a customer of its own, that are named
 * anew now and then: the last name counts, by the time it was said.
 */
static void
whose_in_any_order(void **state)
{
    unsigned        round, i, k, s, best, q;
    char            sub[16], cus[TEST_SUBS][16];
    test_event_t    swap;
    test_history_t  h;

    static test_event_t       order[TEST_EVENTS];
    static const char *const  tenants[] = { "one", "two" };
    static const char *const  names[] = { "starter", "builder", "pro",
                                          "enterprise" };

    for (round = 0; round < 20000; round++) {
        (void) test_begin(NULL);
        test_make("one", "starter");
        test_make("two", "starter");
        test_history(&h);

        for (s = 0; s < TEST_SUBS; s++) {
            int  named = 0;

            (void) snprintf(sub, sizeof(sub), "sub_%u", s);
            (void) snprintf(cus[s], sizeof(cus[s]), "cus_%u", s);

            for (i = 0; i < h.n; i++) {
                if (strcmp(h.sub[i], sub) == 0) {
                    h.e[i].customer = cus[s];
                    h.e[i].price = test_prices[test_below(3)];
                    h.e[i].tenant = !named || test_below(3) == 0
                                    ? tenants[test_below(2)] : NULL;
                    named = 1;
                }
            }
        }

        memcpy(order, h.e, sizeof(order));

        for (i = h.n - 1; i > 0; i--) {
            k = (unsigned) test_below(i + 1);
            swap = order[i];
            order[i] = order[k];
            order[k] = swap;
        }

        for (i = 0; i < h.n; i++) {
            (void) test_deliver(&order[i]);
        }

        for (k = 0; k < 2; k++) {
            best = 0;

            for (s = 0; s < TEST_SUBS; s++) {
                const char  *price = NULL, *tenant = NULL;
                int          live = 0;

                (void) snprintf(sub, sizeof(sub), "sub_%u", s);

                for (i = 0; i < h.n; i++) {
                    const test_event_t  *e = &h.e[i];

                    if (strcmp(h.sub[i], sub) != 0
                        || (e->status && strcmp(e->status, "incomplete") == 0))
                    {
                        continue;
                    }

                    tenant = e->tenant != NULL ? e->tenant : tenant;

                    if (live >= 0) {
                        price = e->price;
                        live = e->kind == HX_STRIPE_UNSUBSCRIBED ? -1
                               : strcmp(e->status, "unpaid") != 0;
                    }
                }

                if (live > 0 && strcmp(tenant, tenants[k]) == 0) {
                    q = price[6] == 'b' ? 1 : price[6] == 'p' ? 2 : 3;
                    best = q > best ? q : best;
                }
            }

            assert_plan(tenants[k], names[best]);
        }
    }
}


/* ------------------------------------------------------- the stored form -- */

static void
stored(void **state)
{
    size_t              len, i;
    unsigned            n, k;
    hx_billing_book_t   b, back;
    unsigned char       out[HX_BILLING_BOOK_MAX], copy[HX_BILLING_BOOK_MAX];

    static unsigned char  text[HX_STRIPE_TEXT_MAX];

    memset(text, 'x', sizeof(text));

    for (n = 0; n <= HX_BILLING_SUBS; n++) {
        memset(&b, 0, sizeof(b));
        b.tenant.data = text;
        b.tenant.len = test_below(HX_TENANT_MAX + 1);
        b.created = test_random();
        b.named = test_random();
        b.weak = n & 1;
        b.guessed = (n & 2) != 0;
        b.managed = (n & 4) != 0;
        b.set = (n & 8) != 0;
        b.base.data = text;
        b.base.len = n == HX_BILLING_SUBS ? HX_PLAN_MAX
                     : test_below(HX_PLAN_MAX + 1);
        b.n = n;

        for (k = 0; k < n; k++) {
            b.sub[k].id.data = text;
            b.sub[k].id.len = n == HX_BILLING_SUBS ? HX_STRIPE_TEXT_MAX
                              : 1 + test_below(HX_STRIPE_TEXT_MAX);
            b.sub[k].plan.data = text;
            b.sub[k].plan.len = n == HX_BILLING_SUBS ? HX_PLAN_MAX
                                : test_below(HX_PLAN_MAX + 1);
            b.sub[k].started = test_random();
            b.sub[k].at = test_random();
            b.sub[k].plan_at = test_random();
            b.sub[k].rank = (unsigned char) test_below(8);
            b.sub[k].plan_rank = (unsigned char) test_below(8);
            b.sub[k].live = test_below(2);
            b.sub[k].exact = test_below(2);
            b.sub[k].priced = test_below(2);
            b.sub[k].price.data = text;
            b.sub[k].price.len = n == HX_BILLING_SUBS ? HX_PLAN_MAX
                                 : test_below(HX_PLAN_MAX + 1);
            b.sub[k].price_at = test_random();
            b.sub[k].price_rank = (unsigned char) test_below(8);
            b.sub[k].weak = test_below(2);
        }

        len = hx_billing_encode(&b, out);
        assert_int_equal(hx_billing_decode(&back, test_edge(out, len), len),
                         HX_OK);
        assert_int_equal(hx_billing_encode(&back, copy), len);
        assert_memory_equal(out, copy, len);
        assert_int_equal(back.n, n);
        assert_int_equal(back.created, b.created);

        for (i = 0; i < len; i++) {
            assert_int_equal(hx_billing_decode(&back, test_edge(out, i), i),
                             HX_FAIL);
            memcpy(copy, out, len);
            copy[i] ^= (unsigned char) (1 + test_below(255));
            assert_int_equal(hx_billing_decode(&back, test_edge(copy, len),
                                               len), HX_FAIL);
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(life, test_begin),
        cmocka_unit_test_setup(first_the_subscription, test_begin),
        cmocka_unit_test_setup(upgrade, test_begin),
        cmocka_unit_test_setup(weak, test_begin),
        cmocka_unit_test_setup(several, test_begin),
        cmocka_unit_test_setup(guessed, test_begin),
        cmocka_unit_test_setup(deleted, test_begin),
        cmocka_unit_test_setup(statuses, test_begin),
        cmocka_unit_test_setup(nothing, test_begin),
        cmocka_unit_test_setup(invalid, test_begin),
        cmocka_unit_test_setup(operator, test_begin),
        cmocka_unit_test_setup(many, test_begin),
        cmocka_unit_test_setup(weak_ends, test_begin),
        cmocka_unit_test_setup(weak_many, test_begin),
        cmocka_unit_test_setup(moves, test_begin),
        cmocka_unit_test_setup(stolen, test_begin),
        cmocka_unit_test_setup(woken, test_begin),
        cmocka_unit_test_setup(customers, test_begin),
        cmocka_unit_test_setup(deleted_by_name, test_begin),
        cmocka_unit_test_setup(evicted, test_begin),
        cmocka_unit_test_setup(unpriced, test_begin),
        cmocka_unit_test_setup(operator_and_stranger, test_begin),
        cmocka_unit_test_setup(strong_before_weak, test_begin),
        cmocka_unit_test_setup(end_before_checkout, test_begin),
        cmocka_unit_test_setup(plans_in_any_order, test_begin),
        cmocka_unit_test_setup(weak_after_all, test_begin),
        cmocka_unit_test_setup(waits_for_its_own, test_begin),
        cmocka_unit_test_setup(setup, test_begin),
        cmocka_unit_test_setup(any_order, test_begin),
        cmocka_unit_test_setup(whose_in_any_order, test_begin),
        cmocka_unit_test_setup(any_time, test_begin),
        cmocka_unit_test(stored)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
