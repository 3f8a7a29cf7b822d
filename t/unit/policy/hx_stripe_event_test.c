/*
 * hx_stripe_event_test.c -- events of Stripe: what is read out of them, that
 * nothing else can pass for it, and that it does not matter how they are
 * cut.
 */

#include "hx_test.h"

#include "hx_stripe_event.h"

static hx_stripe_reader_t  *reader;
static hx_stripe_event_t    event;


/* In pieces of random size; the reader is left for its strings. */
static hx_rc_t
test_read(const char *text)
{
    size_t   len, at, k, most;
    hx_rc_t  rc;

    hx_stripe_reader_free(reader);
    reader = hx_stripe_reader_create();
    assert_non_null(reader);

    len = strlen(text);
    most = 1 + test_below(len + 1);

    for (at = 0; at < len; at += k) {
        k = 1 + test_below(most);
        k = k < len - at ? k : len - at;
        rc = hx_stripe_reader_feed(reader, test_edge(text + at, k), k);

        if (rc != HX_OK) {
            return rc;
        }
    }

    return hx_stripe_reader_finish(reader, &event);
}


static void
assert_value(const hx_str_t *s, const char *want)
{
    if (want == NULL) {
        assert_null(s->data);
        return;
    }

    const hx_str_t  w = test_str(want);

    if (!test_same(s, &w)) {
        fail_msg("%.*s, not %s", (int) s->len, s->data, want);
    }
}


#define HX_HEAD(type)                                                         \
    "{\"id\":\"evt_1\",\"object\":\"event\",\"api_version\":\"2024-06-20\","  \
    "\"created\":1735689590,\"livemode\":true,\"pending_webhooks\":2,"        \
    "\"request\":{\"id\":\"req_1\",\"idempotency_key\":null},"                \
    "\"type\":\"" type "\",\"data\":{\"object\":"

static void
checkout(void **state)
{
    unsigned  i;

    for (i = 0; i < 50; i++) {
        assert_int_equal(test_read(HX_HEAD("checkout.session.completed")
            "{\"id\":\"cs_1\",\"object\":\"checkout.session\","
            "\"client_reference_id\":\"acme\",\"customer\":\"cus_1\","
            "\"metadata\":{\"tenant_id\":\"acme-2\",\"plan\":\"pro\","
            "\"note\":\"type\"},\"status\":\"complete\","
            "\"custom_fields\":[{\"type\":\"text\",\"id\":\"x\"}]}}}"), HX_OK);
        assert_int_equal(event.kind, HX_STRIPE_CHECKOUT);
        assert_int_equal(event.at, 1735689590);
        assert_value(&event.id, "evt_1");
        assert_value(&event.type, "checkout.session.completed");
        assert_value(&event.reference, "acme");
        assert_value(&event.tenant, "acme-2");
        assert_value(&event.plan, "pro");
        assert_value(&event.customer, "cus_1");
        assert_value(&event.status, "complete");
        assert_value(&event.object, "cs_1");
        assert_value(&event.subscription, NULL);
        assert_int_equal(event.n_prices, 0);
        assert_int_equal(event.since, 0);
    }
}


static void
paid(void **state)
{
    assert_int_equal(test_read(
        HX_HEAD("checkout.session.async_payment_succeeded")
        "{\"id\":\"cs_1\",\"created\":1735689000,\"subscription\":\"sub_9\","
        "\"payment_status\":\"paid\",\"customer\":null}}}"), HX_OK);
    assert_int_equal(event.kind, HX_STRIPE_CHECKOUT_PAID);
    assert_int_equal(event.since, 1735689000);
    assert_value(&event.subscription, "sub_9");
    assert_value(&event.payment, "paid");
    assert_value(&event.customer, NULL);
}


static void
subscription(void **state)
{
    assert_int_equal(test_read(HX_HEAD("customer.subscription.updated")
        "{\"id\":\"sub_1\",\"customer\":\"cus_1\",\"status\":\"active\","
        "\"items\":{\"object\":\"list\",\"data\":["
        "{\"id\":\"si_1\",\"price\":{\"id\":\"price_a\",\"product\":\"p\"}},"
        "{\"id\":\"si_2\",\"price\":{\"id\":\"price_b\"}}],"
        "\"has_more\":false},\"metadata\":{}},"
        "\"previous_attributes\":{\"items\":{\"data\":[{\"price\":"
        "{\"id\":\"price_old\"}}]},\"status\":\"past_due\"}}}"), HX_OK);
    assert_int_equal(event.kind, HX_STRIPE_SUBSCRIPTION);
    assert_int_equal(event.n_prices, 2);
    assert_value(&event.prices[0], "price_a");
    assert_value(&event.prices[1], "price_b");
    assert_value(&event.customer, "cus_1");
    assert_value(&event.status, "active");
    assert_value(&event.tenant, NULL);
    assert_value(&event.reference, NULL);
}


static void
types(void **state)
{
    size_t  i;
    char    text[512];

    static const struct {
        const char        *name;
        hx_stripe_type_t   kind;
    } rows[] = {
        { "checkout.session.completed", HX_STRIPE_CHECKOUT },
        { "customer.subscription.created", HX_STRIPE_SUBSCRIBED },
        { "customer.subscription.updated", HX_STRIPE_SUBSCRIPTION },
        { "customer.subscription.deleted", HX_STRIPE_UNSUBSCRIBED },
        { "invoice.paid", HX_STRIPE_PAID },
        { "invoice.payment_failed", HX_STRIPE_PAYMENT_FAILED },
        { "checkout.session.async_payment_succeeded",
          HX_STRIPE_CHECKOUT_PAID }, { "other", HX_STRIPE_OTHER },
        { "invoice.paid2", HX_STRIPE_OTHER }, { "invoice", HX_STRIPE_OTHER },
        { "Invoice.paid", HX_STRIPE_OTHER }, { "x", HX_STRIPE_OTHER }
    };

    for (i = 0; i < hx_nelts(rows); i++) {
        (void) snprintf(text, sizeof(text), "{\"created\":1,\"type\":\"%s\","
                        "\"id\":\"e\"}", rows[i].name);
        assert_int_equal(test_read(text), HX_OK);
        assert_int_equal(event.kind, rows[i].kind);
    }
}


#define HX_GOOD  "\"id\":\"e\",\"type\":\"t\",\"created\":1"

/* A name that looks like a way to somewhere leads nowhere. */
static void
impostors(void **state)
{
    size_t  i;

    static const char *const  rows[] = {
        "{" HX_GOOD ",\"data.object.metadata.tenant_id\":\"evil\"}",
        "{" HX_GOOD ",\"data\\u001fobject\\u001fcustomer\":\"evil\"}",
        "{" HX_GOOD ",\"data\":{\"object\\u001fmetadata\":"
            "{\"tenant_id\":\"evil\"}}}",
        "{" HX_GOOD ",\"data\":[{\"object\":{\"customer\":\"evil\"}}]}",
        "{" HX_GOOD ",\"data\":{\"object\":[{\"customer\":\"evil\"}]}}",
        "{" HX_GOOD ",\"data\":{\"object\":{\"metadata\":[{\"tenant_id\":"
            "\"evil\"}]}}}",
        "{" HX_GOOD ",\"data\":{\"object\":{\"items\":{\"data\":{\"[]\":"
            "{\"x\":{\"id\":\"evil\"}}}}}}}",
        "{" HX_GOOD ",\"x\":{\"data\":{\"object\":{\"customer\":\"evil\"}}}}",
        "{" HX_GOOD ",\"data\":{\"object\":{\"a\":{\"customer\":\"evil\"}}}}",
        "{" HX_GOOD ",\"data\":{\"previous\":{\"customer\":\"evil\"}}}",
        "{" HX_GOOD ",\"data\":{\"object\":{\"\\u0000customer\":\"evil\","
            "\"customer\\u0000\":\"evil\",\"Customer\":\"evil\"}}}",
        "{" HX_GOOD ",\"data\":{\"object\":{\"x\":\"customer\"}}}",
        "{" HX_GOOD ",\"\":{\"id\":\"evil\"},\"x\":[\"id\",\"evil\"]}"
    };

    for (i = 0; i < hx_nelts(rows); i++) {
        if (test_read(rows[i]) != HX_OK) {
            fail_msg("refused: %s", rows[i]);
        }

        assert_value(&event.id, "e");
        assert_value(&event.customer, NULL);
        assert_value(&event.tenant, NULL);
        assert_int_equal(event.n_prices, 0);
    }
}


#define HX_KNOWN  "\"id\":\"e\",\"type\":\"invoice.paid\",\"created\":1"

/* What an object of another type is made of does not matter. */
static void
others(void **state)
{
    size_t  i;

    static const char *const  rows[] = {
        "{" HX_GOOD ",\"data\":{\"object\":{\"customer\":{\"id\":\"a\"}}}}",
        "{" HX_GOOD ",\"data\":{\"object\":{\"status\":false,\"id\":7}}}",
        "{" HX_GOOD ",\"data\":{\"object\":{\"created\":\"1\"}}}",
        "{" HX_GOOD ",\"data\":{\"object\":{\"created\":\"1\"}},"
            "\"data\":{\"object\":{\"created\":\"1\"}}}"
    };

    for (i = 0; i < hx_nelts(rows); i++) {
        if (test_read(rows[i]) != HX_OK) {
            fail_msg("refused: %s", rows[i]);
        }

        assert_int_equal(event.kind, HX_STRIPE_OTHER);
        assert_int_equal(event.since, 0);
    }
}


/* As many as a subscription may have; the rest is passed over. */
static void
prices(void **state)
{
    size_t       n, len;
    char         want[16];
    static char  text[8192];

    for (n = 0; n < 30; n++) {
        len = (size_t) snprintf(text, sizeof(text), "{" HX_KNOWN ",\"data\":{"
                                "\"object\":{\"items\":{\"data\":[");

        for (size_t i = 0; i < n; i++) {
            len += (size_t) snprintf(text + len, sizeof(text) - len,
                                     "%s{\"price\":{\"id\":\"p%zu\"}}",
                                     i ? "," : "", i);
        }

        (void) snprintf(text + len, sizeof(text) - len, "]}}}}");
        assert_int_equal(test_read(text), HX_OK);
        assert_int_equal(event.n_prices,
                         n < HX_STRIPE_PRICES ? n : HX_STRIPE_PRICES);

        for (size_t i = 0; i < event.n_prices; i++) {
            (void) snprintf(want, sizeof(want), "p%zu", i);
            assert_value(&event.prices[i], want);
        }
    }
}


static void
bad(void **state)
{
    size_t  i;

    static const char *const  rows[] = {
        "", "{}", "[]", "null", "\"id\"", "{" HX_GOOD, "{" HX_GOOD "}}",
        "{" HX_GOOD ",}", "[{" HX_GOOD "}]", "{" HX_GOOD "}{" HX_GOOD "}",
        "{\"type\":\"t\",\"created\":1}", "{\"id\":\"e\",\"created\":1}",
        "{\"id\":\"e\",\"type\":\"invoice.paid\"}",
        "{\"id\":\"\",\"type\":\"t\",\"created\":1}",
        "{\"id\":null,\"type\":\"t\",\"created\":1}",
        "{\"id\":1,\"type\":\"t\",\"created\":1}",
        "{\"id\":[\"e\"],\"type\":\"t\",\"created\":1}",
        "{\"id\":{\"e\":1},\"type\":\"t\",\"created\":1}",
        "{\"id\":\"a b\",\"type\":\"t\",\"created\":1}",
        "{\"id\":\"a\\u0000\",\"type\":\"t\",\"created\":1}",
        "{\"id\":\"\\u00e4\",\"type\":\"t\",\"created\":1}",
        "{\"id\":\"e\",\"type\":\"invoice.paid\",\"created\":\"1\"}",
        "{\"id\":\"e\",\"type\":\"invoice.paid\",\"created\":-1}",
        "{\"id\":\"e\",\"type\":\"invoice.paid\",\"created\":1.5}",
        "{\"id\":\"e\",\"type\":\"invoice.paid\",\"created\":1e3}",
        "{\"id\":\"e\",\"type\":\"invoice.paid\",\"created\":253402300800}",
        "{\"id\":\"e\",\"type\":\"invoice.paid\",\"created\":true}",
        /* said twice */
        "{" HX_GOOD ",\"id\":\"e\"}", "{" HX_GOOD ",\"id\":null}",
        "{" HX_KNOWN ",\"created\":1}", "{" HX_GOOD ",\"\\u0069d\":\"e\"}"
    };

    for (i = 0; i < hx_nelts(rows); i++) {
        if (test_read(rows[i]) != HX_NO) {
            fail_msg("accepted: %s", rows[i]);
        }
    }
}


/* What is no such value is not there, and that is said. */
static void
odd(void **state)
{
    size_t  i;

    static const struct {
        const char  *text;
        unsigned     bit;
    } rows[] = {
        { "{" HX_KNOWN ",\"data\":{\"object\":{\"customer\":\"a\","
            "\"customer\":\"b\"}}}", HX_STRIPE_IS_customer },
        { "{" HX_KNOWN ",\"data\":{\"object\":{\"customer\":\"a\"}},"
            "\"data\":{\"object\":{\"customer\":\"b\"}}}",
          HX_STRIPE_IS_customer },
        { "{" HX_KNOWN ",\"data\":{\"object\":{\"customer\":{\"id\":\"a\"}}}}",
          HX_STRIPE_IS_customer },
        { "{" HX_KNOWN ",\"data\":{\"object\":{\"metadata\":{\"plan\":7}}}}",
          HX_STRIPE_IS_plan },
        { "{" HX_KNOWN ",\"data\":{\"object\":{\"metadata\":{\"plan\":"
            "\"a b\"}}}}", HX_STRIPE_IS_plan },
        { "{" HX_KNOWN ",\"data\":{\"object\":{\"status\":false}}}",
          HX_STRIPE_IS_status },
        { "{" HX_KNOWN ",\"data\":{\"object\":{\"items\":{\"data\":[{\"price\":"
            "{\"id\":1}}]}}}}", HX_STRIPE_IS_price },
        { "{" HX_KNOWN ",\"data\":{\"object\":{\"created\":\"1\"}}}",
          HX_STRIPE_IS_started },
        { "{" HX_KNOWN ",\"data\":{\"object\":{\"created\":1.5}}}",
          HX_STRIPE_IS_started },
        { "{" HX_KNOWN ",\"data\":{\"object\":{\"subscription\":{}}}}",
          HX_STRIPE_IS_subscription }
    };

    for (i = 0; i < hx_nelts(rows); i++) {
        if (test_read(rows[i].text) != HX_OK) {
            fail_msg("refused: %s", rows[i].text);
        }

        assert_int_equal(event.odd, 1u << rows[i].bit);
        assert_value(&event.customer, NULL);
        assert_value(&event.plan, NULL);
        assert_value(&event.status, NULL);
        assert_value(&event.subscription, NULL);
        assert_int_equal(event.n_prices, 0);
        assert_int_equal(event.since, 0);
    }

    /* events of other kinds may have no time, or another one */
    assert_int_equal(test_read("{\"id\":\"e\",\"type\":\"v2.x\",\"created\":"
                               "\"2026-01-01T00:00:00Z\"}"), HX_OK);
    assert_int_equal(test_read("{\"id\":\"e\",\"type\":\"v2.x\"}"), HX_OK);
}


/* Long values are passed over, but not where one of ours is to be. */
static void
sizes(void **state)
{
    size_t       n;
    unsigned     depth;
    static char  text[65536];

    for (n = 250; n < 5000; n += n < 260 ? 1 : 473) {
        (void) snprintf(text, sizeof(text), "{" HX_KNOWN ",\"data\":"
                        "{\"object\":{\"customer\":\"%0*d\"}}}", (int) n, 7);
        assert_int_equal(test_read(text), HX_OK);
        assert_int_equal(event.customer.len, n <= HX_STRIPE_TEXT_MAX ? n : 0);
        assert_int_equal(hx_stripe_odd(&event, customer),
                         n > HX_STRIPE_TEXT_MAX);
        (void) snprintf(text, sizeof(text), "{\"id\":\"%0*d\",\"type\":\"t\"}",
                        (int) n - 125, 7);
        assert_int_equal(test_read(text),
                         n - 125 <= HX_STRIPE_NAME_MAX ? HX_OK : HX_NO);
        (void) snprintf(text, sizeof(text), "{\"type\":\"%0*d\",\"id\":\"t\"}",
                        (int) n - 125, 7);
        assert_int_equal(test_read(text),
                         n - 125 <= HX_STRIPE_NAME_MAX ? HX_OK : HX_NO);
        (void) snprintf(text, sizeof(text), "{" HX_GOOD ",\"data\":{\"object\":"
                        "{\"note\":\"%0*d\",\"customer\":\"c\"}}}", (int) n, 7);
        assert_int_equal(test_read(text), HX_OK);
        assert_value(&event.customer, "c");
    }

    for (depth = 1; depth < 60; depth++) {
        n = (size_t) snprintf(text, sizeof(text), "{" HX_GOOD ",\"x\":");
        memset(text + n, '[', depth);
        memset(text + n + depth, ']', depth);
        (void) snprintf(text + n + 2 * depth, 100, ",\"data\":{\"object\":"
                        "{\"customer\":\"c\"}}}");
        assert_int_equal(test_read(text), HX_OK);
        assert_value(&event.customer, "c");
    }

    for (n = 90; n < 150; n++) {
        (void) snprintf(text, sizeof(text), "{" HX_GOOD ",\"%0*d\":{\"id\":1},"
                        "\"data\":{\"object\":{\"customer\":\"c\"}}}", (int) n,
                        7);
        assert_int_equal(test_read(text), HX_OK);
        assert_value(&event.id, "e");
        assert_value(&event.customer, "c");
    }
}


static int
test_end(void **state)
{
    hx_stripe_reader_free(reader);
    reader = NULL;

    return 0;
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(checkout),
        cmocka_unit_test(paid),
        cmocka_unit_test(subscription),
        cmocka_unit_test(types),
        cmocka_unit_test(impostors),
        cmocka_unit_test(others),
        cmocka_unit_test(prices),
        cmocka_unit_test(bad),
        cmocka_unit_test(odd),
        cmocka_unit_test(sizes)
    };

    return cmocka_run_group_tests(tests, NULL, test_end);
}
