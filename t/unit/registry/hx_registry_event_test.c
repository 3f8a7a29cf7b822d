/*
 * hx_registry_event_test.c -- events of Stripe in the registry: each is handled
 * once whoever tries, all of it or nothing, and forgotten late enough; and a
 * registry that is older than that.
 */

#include "hx_test_registry.h"

#define HX_CALLERS   4

static hx_billing_intent_t   intent;
static hx_registry_event_t   ev;
static hx_billing_result_t   result;
static hx_registry_came_t    came;


/* A checkout: tenant, its plan, and what names it. */
static void
test_checkout(const char *id, const char *tenant, const char *plan,
    const char *sub, uint64_t at)
{
    memset(&intent, 0, sizeof(intent));
    intent.kind = HX_STRIPE_CHECKOUT;
    intent.tenant = test_str(tenant);
    intent.customer = test_str("cus_1");
    intent.at = at;
    intent.creates = 1;
    intent.says = 1;
    intent.sub.id = test_str(sub);
    intent.sub.plan = test_str(plan);
    intent.sub.at = at;
    intent.sub.plan_at = at;
    intent.sub.started = at;
    intent.sub.live = 1;

    memset(&ev, 0, sizeof(ev));
    ev.id = test_str(id);
    ev.intent = &intent;
    ev.plans = hx_plan_builtin(&ev.n_plans);
    ev.now = HX_TEST_NOW;
    test_hash(ev.hash, 7000 + (unsigned char) tenant[0]);
}


/* The end of a subscription whose tenant is known, or not. */
static void
test_end_of(const char *id, const char *sub, uint64_t at)
{
    test_checkout(id, "x", "pro", sub, at);
    memset(&intent.tenant, 0, sizeof(hx_str_t));
    intent.kind = HX_STRIPE_UNSUBSCRIBED;
    intent.creates = 0;
    intent.sub.rank = HX_STRIPE_UNSUBSCRIBED;
    intent.sub.live = 0;
}


static hx_rc_t
test_try(hx_registry_t *reg)
{
    memset(test_err, 0, sizeof(test_err));

    return hx_registry_event(reg, &ev, &came, NULL, test_err);
}


static void
assert_result(hx_registry_t *reg, hx_billing_result_t want, const char *tenant)
{
    if (test_try(reg) != HX_OK) {
        fail_msg("%s", test_err);
    }

    if (came.result != want) {
        fail_msg("%s, not %s", hx_billing_word(came.result),
                 hx_billing_word(want));
    }

    assert_int_equal(came.own.len, strlen(tenant));
    assert_memory_equal(came.own.id, tenant, came.own.len);
}


static void
assert_plan(hx_registry_t *reg, const char *id, const char *plan)
{
    hx_tenant_t  t;

    assert_int_equal(test_get(reg, id, &t), HX_OK);
    assert_int_equal(t.plan.len, strlen(plan));
    assert_memory_equal(t.plan.data, plan, t.plan.len);
}


static void
life(void **state)
{
    hx_tenant_t     t;
    unsigned char   after[HX_SHA256_LEN], sum[HX_SHA256_LEN];
    hx_registry_t  *reg;

    reg = test_registry();

    test_checkout("evt_1", "acme", "pro", "sub_1", 100);
    assert_result(reg, HX_BILLING_APPLIED, "acme");
    assert_false(came.own.digest.has_before);
    assert_true(came.own.digest.has_after);
    assert_plan(reg, "acme", "pro");
    assert_int_equal(test_get(reg, "acme", &t), HX_OK);
    assert_int_equal(t.n_keys, 1);
    assert_int_equal(t.n_namespaces, 1);
    assert_int_equal(hx_sha256_once(test_bytes, test_len, sum), HX_OK);
    assert_memory_equal(sum, came.own.digest.after, HX_SHA256_LEN);
    memcpy(after, came.own.digest.after, HX_SHA256_LEN);

    assert_result(reg, HX_BILLING_DUPLICATE, "acme");
    assert_false(came.own.digest.has_after);

    /* another tenant and plan do not matter: the event is known */
    test_checkout("evt_1", "evil", "enterprise", "sub_2", 100);
    assert_result(reg, HX_BILLING_DUPLICATE, "");
    assert_int_equal(test_get(reg, "evil", &t), HX_NO);

    test_end_of("evt_2", "sub_1", 200);
    assert_result(reg, HX_BILLING_APPLIED, "acme");
    assert_plan(reg, "acme", "starter");
    assert_true(came.own.digest.has_before);
    assert_memory_equal(after, came.own.digest.before, HX_SHA256_LEN);

    test_end_of("evt_3", "sub_9", 200);
    memset(&intent.customer, 0, sizeof(hx_str_t));
    assert_result(reg, HX_BILLING_PENDING, "");

    /* of the same name, but another one */
    test_do(reg, HX_CHANGE_DELETE, "acme", 0);
    ev.now += 5;
    test_do(reg, HX_CHANGE_CREATE, "acme", 1);
    test_checkout("evt_4", "acme", "builder", "sub_3", 300);
    assert_result(reg, HX_BILLING_APPLIED, "acme");
    assert_plan(reg, "acme", "builder");

    hx_registry_close(reg);
    test_consistent();
}


/* What a subscription of one tenant is taken for, it is not of another. */
static void
moved(void **state)
{
    hx_tenant_t     t;
    unsigned char   sum[HX_SHA256_LEN];
    hx_registry_t  *reg;

    reg = test_registry();
    test_checkout("evt_1", "one", "builder", "sub_1", 100);
    assert_result(reg, HX_BILLING_APPLIED, "one");
    test_end_of("evt_2", "sub_2", 200);
    intent.kind = HX_STRIPE_SUBSCRIBED;
    intent.sub.rank = HX_STRIPE_SUBSCRIBED;
    intent.sub.live = 1;
    assert_result(reg, HX_BILLING_APPLIED, "one");
    assert_plan(reg, "one", "pro");

    /* two tenants in one transaction */
    test_checkout("evt_3", "two", "pro", "sub_2", 201);
    assert_result(reg, HX_BILLING_APPLIED, "two");
    assert_plan(reg, "one", "builder");
    assert_plan(reg, "two", "pro");
    assert_false(came.own.digest.has_before);
    assert_int_equal(came.other.len, 3);
    assert_memory_equal(came.other.id, "one", 3);
    assert_true(came.other.digest.has_before);
    assert_int_equal(test_get(reg, "one", &t), HX_OK);
    assert_int_equal(hx_sha256_once(test_bytes, test_len, sum), HX_OK);
    assert_memory_equal(sum, came.other.digest.after, HX_SHA256_LEN);

    /* what was before two had it is not two's change */
    test_checkout("evt_4", "two", "pro", "sub_1", 300);
    assert_result(reg, HX_BILLING_UNCHANGED, "two");
    assert_false(came.own.digest.has_before);
    assert_int_equal(came.other.len, 3);
    assert_plan(reg, "one", "starter");

    /* those that have waited for their customer are known by themselves */
    test_end_of("evt_5", "sub_w", 400);
    intent.customer = test_str("cus_w");
    intent.kind = HX_STRIPE_SUBSCRIBED;
    intent.sub.rank = HX_STRIPE_SUBSCRIBED;
    intent.sub.live = 1;
    assert_result(reg, HX_BILLING_PENDING, "");
    test_checkout("evt_6", "wide", "builder", "sub_v", 401);
    intent.customer = test_str("cus_w");
    assert_result(reg, HX_BILLING_APPLIED, "wide");
    assert_plan(reg, "wide", "pro");
    test_end_of("evt_7", "sub_w", 402);
    memset(&intent.customer, 0, sizeof(hx_str_t));
    assert_result(reg, HX_BILLING_APPLIED, "wide");
    assert_plan(reg, "wide", "builder");
    hx_registry_close(reg);
    test_consistent();
}


static void
held(void **state)
{
    const hx_str_t  id = test_str("evt_1");
    hx_registry_t  *reg;

    reg = test_registry();

#define claim(now, token, want)                                               \
    assert_int_equal(hx_registry_claim(reg, &id, now, token, &result,         \
                                       NULL, test_err), HX_OK);               \
    assert_int_equal(result, HX_BILLING_##want)
#define settle(now, token, done)                                              \
    assert_int_equal(hx_registry_settle(reg, &id, now, token, done,           \
                                        NULL, test_err), HX_OK)

    claim(1000, 1, NONE);
    claim(1000, 2, BUSY);
    claim(1000 + HX_EVENT_LEASE - 1, 2, BUSY);
    settle(1001, 2, 1);                 /* not its own: without effect */
    settle(1001, 2, 0);
    claim(1001, 3, BUSY);
    settle(1001, 1, 0);
    claim(1002, 3, NONE);
    settle(1003, 1, 0);                 /* not its own any more */
    claim(1003, 4, BUSY);
    settle(1003, 3, 1);
    claim(1004, 5, DUPLICATE);
    settle(1004, 3, 0);                 /* done is done */
    claim(1005, 5, DUPLICATE);

    /* who never came back */
    const hx_str_t  lost = test_str("evt_2");

    assert_int_equal(hx_registry_claim(reg, &lost, 2000, 1, &result,
                                       NULL, test_err), HX_OK);
    assert_int_equal(hx_registry_claim(reg, &lost, 2000 + HX_EVENT_LEASE, 2,
                                       &result, NULL, test_err), HX_OK);
    assert_int_equal(result, HX_BILLING_NONE);
    assert_int_equal(hx_registry_settle(reg, &lost, 2700, 1, 1, NULL,
                                        test_err),
                     HX_OK);
    assert_int_equal(hx_registry_claim(reg, &lost, 2700, 3, &result,
                                       NULL, test_err), HX_OK);
    assert_int_equal(result, HX_BILLING_BUSY);

    /* and the other shape asks the same */
    test_checkout("evt_2", "acme", "pro", "sub_1", 100);
    ev.now = 2700;
    assert_result(reg, HX_BILLING_BUSY, "");
    hx_registry_close(reg);
}


static size_t
test_events(void)
{
    size_t       n;
    MDB_dbi      dbi;
    MDB_env     *env;
    MDB_txn     *txn;
    MDB_val      k, v;
    MDB_cursor  *cursor;

    env = test_raw(&txn, MDB_RDONLY);
    assert_int_equal(mdb_dbi_open(txn, "billing", 0, &dbi), 0);
    assert_int_equal(mdb_cursor_open(txn, dbi, &cursor), 0);
    n = 0;

    while (mdb_cursor_get(cursor, &k, &v, MDB_NEXT) == 0) {
        n += *(char *) k.mv_data == 'e';
        n += (size_t) 10000 * (*(char *) k.mv_data == 't');
    }

    mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    mdb_env_close(env);

    return n;
}


/* Three days at least, and not for ever. */
static void
forgotten(void **state)
{
    char            name[32];
    hx_str_t        id;
    unsigned        i;
    hx_registry_t  *reg;

    assert_true(HX_EVENT_KEEP >= 3 * 86400);
    reg = test_registry();

    for (i = 0; i < 200; i++) {
        (void) snprintf(name, sizeof(name), "evt_%u", i);
        id = test_str(name);
        claim(HX_TEST_NOW + i, i, NONE);

        if (i % 3 != 0) {
            settle(HX_TEST_NOW + i, i, 1);
        }
    }

    id = test_str("evt_0");
    claim(HX_TEST_NOW + 100000, 1, NONE);       /* held, and not come back */
    settle(HX_TEST_NOW + 100000, 1, 1);
    id = test_str("evt_1");
    claim(HX_TEST_NOW + HX_EVENT_KEEP, 1, DUPLICATE);
    hx_registry_close(reg);
    assert_int_equal(test_events(), 200 * 10001);

    reg = test_registry();

    for (i = 0; i < 30; i++) {
        (void) snprintf(name, sizeof(name), "new_%u", i);
        id = test_str(name);
        claim(HX_TEST_NOW + HX_EVENT_KEEP + 150, i, NONE);
    }

    id = test_str("evt_1");
    claim(HX_TEST_NOW + HX_EVENT_KEEP + 151, 1, NONE);
    id = test_str("evt_199");
    settle(HX_TEST_NOW + HX_EVENT_KEEP + 151, 199, 1);
    claim(HX_TEST_NOW + HX_EVENT_KEEP + 151, 1, DUPLICATE);
    id = test_str("evt_0");
    claim(HX_TEST_NOW + HX_EVENT_KEEP + 151, 1, DUPLICATE);
    hx_registry_close(reg);

    /* 152 .. 199 and evt_0, the new ones and evt_1 */
    assert_int_equal(test_events(), (48 + 1 + 30 + 1) * 10001);
}


static int
test_has(const char *key)
{
    int       rc;
    MDB_dbi   dbi;
    MDB_env  *env;
    MDB_txn  *txn;
    MDB_val   k, v;

    env = test_raw(&txn, MDB_RDONLY);
    assert_int_equal(mdb_dbi_open(txn, "billing", 0, &dbi), 0);
    k.mv_data = (void *) key;
    k.mv_size = strlen(key);
    rc = mdb_get(txn, dbi, &k, &v);
    mdb_txn_abort(txn);
    mdb_env_close(env);

    return rc == 0;
}


/* Books of nobody are forgotten as events are, those of tenants are not. */
static void
nobodys(void **state)
{
    char            name[32];
    hx_str_t        id;
    unsigned        i;
    hx_registry_t  *reg;

    reg = test_registry();
    test_end_of("evt_1", "sub_1", 100);
    intent.customer = test_str("cus_1");
    assert_result(reg, HX_BILLING_PENDING, "");
    test_end_of("evt_2", "sub_2", 100);
    intent.customer = test_str("cus_2");
    assert_result(reg, HX_BILLING_PENDING, "");
    test_checkout("evt_3", "acme", "pro", "sub_3", 100);
    intent.customer = test_str("cus_2");
    assert_result(reg, HX_BILLING_APPLIED, "acme");

    /* again, later: that counts */
    test_end_of("evt_4", "sub_4", 100);
    intent.kind = HX_STRIPE_SUBSCRIPTION;
    intent.sub.rank = HX_STRIPE_SUBSCRIPTION;
    intent.customer = test_str("cus_4");
    assert_result(reg, HX_BILLING_PENDING, "");
    ev.id = test_str("evt_5");
    ev.now += 1000;
    intent.sub.at = 200;
    assert_result(reg, HX_BILLING_PENDING, "");

    for (i = 0; i < 3; i++) {
        (void) snprintf(name, sizeof(name), "new_%u", i);
        id = test_str(name);
        claim(HX_TEST_NOW + HX_EVENT_KEEP + 500, i, NONE);
    }

    hx_registry_close(reg);
    assert_false(test_has("bsub_1"));
    assert_false(test_has("ccus_1"));
    assert_true(test_has("bsub_2"));            /* woken: it is acme's */
    assert_true(test_has("bsub_3"));
    assert_true(test_has("ccus_2"));
    assert_true(test_has("bsub_4"));
    assert_true(test_has("ccus_4"));

    reg = test_registry();
    id = test_str("last");
    claim(HX_TEST_NOW + HX_EVENT_KEEP + 1000, 1, NONE);
    hx_registry_close(reg);
    assert_false(test_has("bsub_4"));
    assert_false(test_has("ccus_4"));
    assert_true(test_has("bsub_3"));
}


/* What an operator sets is what the tenant falls back to. */
static void
operator(void **state)
{
    hx_registry_t       *reg;
    hx_change_result_t   changed;
    static hx_change_t   c;

    reg = test_registry();
    test_checkout("evt_1", "acme", "builder", "sub_1", 100);
    assert_result(reg, HX_BILLING_APPLIED, "acme");
    test_change(&c, HX_CHANGE_UPDATE_TIER, "acme", 0);
    c.plan = test_str("pro");
    assert_int_equal(test_apply(reg, &c, &changed), HX_OK);
    assert_plan(reg, "acme", "pro");

    test_checkout("evt_2", "acme", "enterprise", "sub_9", 200);
    intent.weak = 1;
    intent.customer = test_str("cus_9");
    assert_result(reg, HX_BILLING_APPLIED, "acme");
    test_end_of("evt_3", "sub_9", 300);
    intent.customer = test_str("cus_9");
    assert_result(reg, HX_BILLING_APPLIED, "acme");
    assert_plan(reg, "acme", "pro");
    hx_registry_close(reg);
    test_consistent();
}


/* Nothing of it when not all of it. */
static void
failing(void **state)
{
    int             k;
    char            name[32], long_id[200];
    hx_str_t        id;
    unsigned        i;
    hx_tenant_t     t;
    hx_registry_t  *reg;

    test_conf.map_size = 1048576;
    reg = test_registry();
    test_do(reg, HX_CHANGE_CREATE, "first", 1);
    memset(long_id, 'x', sizeof(long_id));

    for (i = 0; i < 20000; i++) {
        k = snprintf(name, sizeof(name), "%u", i);
        memcpy(long_id, name, (size_t) k);
        id.data = (unsigned char *) long_id;
        id.len = sizeof(long_id);

        if (hx_registry_claim(reg, &id, HX_TEST_NOW, i, &result, NULL,
                              test_err)
            != HX_OK)
        {
            break;
        }
    }

    assert_true(i > 100 && i < 20000);
    assert_non_null(strstr(test_err, "MDB_MAP_FULL"));

    test_checkout("evt_1", "acme", "pro", "sub_1", 100);
    assert_int_equal(test_try(reg), HX_FAIL);
    assert_int_equal(came.own.len, 0);
    assert_int_equal(test_get(reg, "acme", &t), HX_NO);

    /* what takes a plan away has room */
    test_end_of("evt_0", "sub_0", 100);
    assert_result(reg, HX_BILLING_PENDING, "");

    /* and when events have become old they make room for others */
    ev.id = test_str("evt_9");
    assert_int_equal(hx_registry_claim(reg, &ev.id, HX_TEST_NOW
                                                    + HX_EVENT_KEEP - 1, 1,
                                       &result, NULL, test_err), HX_FAIL);
    assert_int_equal(hx_registry_claim(reg, &ev.id, HX_TEST_NOW
                                                    + HX_EVENT_KEEP, 1,
                                       &result, NULL, test_err), HX_OK);
    assert_int_equal(result, HX_BILLING_NONE);
    hx_registry_close(reg);

    test_conf.map_size = 16777216;
    reg = test_registry();
    test_checkout("evt_1", "acme", "pro", "sub_1", 100);
    assert_result(reg, HX_BILLING_APPLIED, "acme");
    hx_registry_close(reg);

    /* a book that is damaged is trouble, not an empty one */
    MDB_dbi   dbi;
    MDB_env  *env;
    MDB_txn  *txn;
    MDB_val   key, v;

    env = test_raw(&txn, 0);
    assert_int_equal(mdb_dbi_open(txn, "billing", 0, &dbi), 0);
    key.mv_data = (void *) "sacme";
    key.mv_size = 5;
    assert_int_equal(mdb_get(txn, dbi, &key, &v), 0);

    unsigned char  text[HX_BILLING_BOOK_MAX];

    memcpy(text, v.mv_data, v.mv_size);
    text[v.mv_size - 1] ^= 1;
    v.mv_data = text;
    assert_int_equal(mdb_put(txn, dbi, &key, &v, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);

    reg = test_registry();
    test_end_of("evt_2", "sub_1", 200);
    assert_int_equal(test_try(reg), HX_FAIL);
    assert_plan(reg, "acme", "pro");
    test_do(reg, HX_CHANGE_DELETE, "acme", 0);
    assert_result(reg, HX_BILLING_PENDING, "");
    hx_registry_close(reg);
    test_consistent();
}


/* A registry from before there were books, also where nothing may be made. */
static void
older(void **state)
{
    unsigned        i;
    MDB_dbi         dbi;
    MDB_env        *env;
    MDB_txn        *txn;
    hx_tenant_t     t;
    hx_registry_t  *reg;

    for (i = 0; i < 2; i++) {
        reg = test_registry();

        if (i == 0) {
            test_do(reg, HX_CHANGE_CREATE, "old", 1);
        }

        hx_registry_close(reg);

        env = test_raw(&txn, 0);
        assert_int_equal(mdb_dbi_open(txn, "billing", 0, &dbi), 0);
        assert_int_equal(mdb_drop(txn, dbi, 1), 0);
        assert_int_equal(mdb_txn_commit(txn), 0);
        mdb_env_close(env);

        test_conf.existing = i;
        reg = test_registry();
        assert_int_equal(test_get(reg, "old", &t), HX_OK);
        test_checkout(i ? "evt_1" : "evt_2", "old", i ? "pro" : "builder",
                      "sub_1", 100 + i);
        assert_result(reg, HX_BILLING_APPLIED, "old");
        hx_registry_close(reg);
        test_conf.existing = 0;
    }

    /* but one without tenants is not made into one with */
    env = test_raw(&txn, 0);
    assert_int_equal(mdb_dbi_open(txn, "tenants", 0, &dbi), 0);
    assert_int_equal(mdb_drop(txn, dbi, 1), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);

    test_conf.existing = 1;
    assert_int_equal(hx_registry_open(&reg, &test_conf, test_err), HX_FAIL);
    test_conf.existing = 0;
}


/* Events that everybody has: how many did this one handle? */
static unsigned
test_caller(int shape)
{
    char            name[32];
    hx_rc_t         rc;
    unsigned        i, mine;
    hx_registry_t  *reg;

    mine = 0;
    reg = test_registry();

    for (i = 0; i < 60; i++) {
        (void) snprintf(name, sizeof(name), "evt_%u", i);
        test_checkout(name, "acme", "pro", "sub_1", 100 + i);

        if (shape) {
            rc = hx_registry_claim(reg, &ev.id, ev.now, (uint64_t) getpid(),
                                   &result, NULL, test_err);

        } else {
            rc = test_try(reg);
            result = came.result;
        }

        assert_int_equal(rc, HX_OK);
        mine += result != HX_BILLING_DUPLICATE && result != HX_BILLING_BUSY;
    }

    hx_registry_close(reg);

    return mine;
}


static void
once(void **state)
{
    int       status, shape;
    pid_t     pid[HX_CALLERS];
    unsigned  i, total;

    for (shape = 0; shape < 2; shape++) {
        (void) test_dir_remove(NULL);
        assert_int_equal(test_dir_make(NULL), 0);
        (void) fflush(NULL);

        for (i = 0; i < HX_CALLERS; i++) {
            pid[i] = fork();
            assert_true(pid[i] >= 0);

            if (pid[i] == 0) {
                test_default_signals();
                _exit((int) test_caller(shape));
            }
        }

        for (i = 0, total = 0; i < HX_CALLERS; i++) {
            assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
            assert_true(WIFEXITED(status));
            total += (unsigned) WEXITSTATUS(status);
        }

        assert_int_equal(total, 60);
    }
}


int
main(void)
{
#define T(f)  cmocka_unit_test_setup_teardown(f, test_dir_make,               \
                                              test_dir_remove)
    const struct CMUnitTest  tests[] = {
        T(life),
        T(moved),
        T(held),
        T(forgotten),
        T(nobodys),
        T(operator),
        T(failing),
        T(older),
        T(once)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
