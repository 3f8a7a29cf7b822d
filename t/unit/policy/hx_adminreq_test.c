/*
 * hx_adminreq_test.c -- bodies of admin calls: every member of every call, the
 * message for everything that can be wrong with one, and random damage.
 */

#include "hx_test.h"

#include "hx_adminpath.h"
#include "hx_adminreq.h"
#include "hx_check.h"
#include "hx_plan.h"
#include "hx_window.h"

#define HX_NOW   1700000000

#define HX_NAMES "starter, builder, pro, enterprise"

static hx_adminreq_t  req;


static hx_rc_t
test_parse_with(hx_admin_call_t call, const char *body, size_t len,
    const hx_plan_t *plans, unsigned n)
{
    memset(&req, 0x5a, sizeof(req));

    return hx_adminreq_parse(&req, call, test_edge(body, len), len, HX_NOW,
                             plans, n);
}


static hx_rc_t
test_parse(hx_admin_call_t call, const char *body, size_t len)
{
    unsigned          n;
    const hx_plan_t  *plans;

    plans = hx_plan_builtin(&n);

    return test_parse_with(call, body, len, plans, n);
}


static void
test_good(hx_admin_call_t call, const char *body)
{
    const hx_rc_t  rc = test_parse(call, body, strlen(body));

    if (rc != HX_OK) {
        fail_msg("%s: %.*s", body, (int) req.message.len, req.message.data);
    }

    assert_int_equal(req.change.now, HX_NOW);
}


static void
test_bad(hx_admin_call_t call, const char *body, const char *message)
{
    const hx_rc_t   rc = test_parse(call, body, strlen(body));
    const hx_str_t  want = test_str(message);

    if (rc != HX_NO || !test_same(&req.message, &want)) {
        fail_msg("%s: %d, %.*s", body, rc, (int) req.message.len,
                 req.message.data);
    }
}


static void
assert_text(const hx_str_t *s, const char *want)
{
    const hx_str_t  w = test_str(want);

    assert_true(test_same(s, &w));
}


static void
calls(void **state)
{
    unsigned         i;
    hx_admin_call_t  call;
    char             path[64];

    static const struct {
        const char      *name;
        const char      *body;
        hx_change_op_t   op;
    } rows[HX_ADMIN_CALLS] = {
        { "create", "{\"tenant_id\":\"a\"}", HX_CHANGE_CREATE },
        { "rotate-key", "{\"tenant_id\":\"a\"}", HX_CHANGE_ROTATE },
        { "add-namespace", "{\"tenant_id\":\"a\",\"namespace\":\"n\"}",
          HX_CHANGE_ADD_NAMESPACE },
        { "remove-namespace", "{\"tenant_id\":\"a\",\"namespace\":\"n\"}",
          HX_CHANGE_REMOVE_NAMESPACE },
        { "suspend", "{\"tenant_id\":\"a\"}", HX_CHANGE_SUSPEND },
        { "activate", "{\"tenant_id\":\"a\"}", HX_CHANGE_ACTIVATE },
        { "update-tier", "{\"tenant_id\":\"a\",\"plan\":\"pro\"}",
          HX_CHANGE_UPDATE_TIER },
        { "delete", "{\"tenant_id\":\"a\"}", HX_CHANGE_DELETE }
    };

    for (i = 0; i < HX_ADMIN_CALLS; i++) {
        snprintf(path, sizeof(path), HX_PATH_ONBOARD "%s", rows[i].name);
        call = hx_adminpath_call(hx_adminpath_match(
                   test_edge(path, strlen(path)), strlen(path)));
        assert_int_equal(call, i);
        test_good(call, rows[i].body);
        assert_int_equal(req.change.op, rows[i].op);
        assert_text(&req.change.id, "a");
    }
}


static void
members(void **state)
{
    const hx_change_t  *c = &req.change;

    /* defaults */

    test_good(HX_ADMIN_CREATE, "{\"tenant_id\":\"acme\"}");
    assert_text(&c->plan, "starter");
    assert_int_equal(c->n_namespaces, 1);
    assert_text(&c->namespaces[0], "default");
    assert_int_equal(c->email.len, 0);
    assert_int_equal(c->expires, 0);

    test_good(HX_ADMIN_CREATE,
              " { \"email\" : \"ops@acme.example\" , \"plan\":\"pro\","
              "\"namespaces\":[\"prod\",\"st\\u0061ging\"],"
              "\"expires_at\":1700000001,\"tenant_\\u0069d\":\"acme-corp\"}");
    assert_text(&c->id, "acme-corp");
    assert_text(&c->plan, "pro");
    assert_text(&c->email, "ops@acme.example");
    assert_int_equal(c->n_namespaces, 2);
    assert_text(&c->namespaces[0], "prod");
    assert_text(&c->namespaces[1], "staging");
    assert_int_equal(c->expires, 1700000001);

    test_good(HX_ADMIN_ROTATE_KEY, "{\"tenant_id\":\"a\"}");
    assert_int_equal(c->grace_s, 0);
    test_good(HX_ADMIN_ROTATE_KEY, "{\"tenant_id\":\"a\",\"grace_s\":2592000,"
              "\"expires_at\":253402300799}");
    assert_int_equal(c->grace_s, HX_GRACE_MAX);
    assert_int_equal(c->expires, 253402300799);

    test_good(HX_ADMIN_ADD_NAMESPACE,
              "{\"namespace\":\"n\",\"tenant_id\":\"a\"}");
    assert_int_equal(c->n_namespaces, 1);
    assert_text(&c->namespaces[0], "n");

    test_good(HX_ADMIN_UPDATE_TIER, "{\"tenant_id\":\"a\",\"plan\":\"pro\"}");
    assert_int_equal(c->set_quota, 0);
    assert_int_equal(c->set_rate, 0);

    test_good(HX_ADMIN_UPDATE_TIER, "{\"tenant_id\":\"a\",\"plan\":\"pro\","
              "\"monthly_quota\":1000000000000,"
              "\"rate_limit\":{\"window_s\":2678400,"
              "\"requests\":1000000000}}");
    assert_int_equal(c->set_quota, 1);
    assert_true(c->quota == UINT64_C(10000000000000));
    assert_int_equal(c->set_rate, 1);
    assert_int_equal(c->requests, 1000000000);
    assert_int_equal(c->window_s, HX_WINDOW_SECONDS_MAX);

    /* null takes an override back */

    test_good(HX_ADMIN_UPDATE_TIER, "{\"tenant_id\":\"a\",\"plan\":\"pro\","
              "\"monthly_quota\":null,\"rate_limit\":null}");
    assert_int_equal(c->set_quota, 1);
    assert_true(c->quota == HX_TENANT_NONE);
    assert_int_equal(c->set_rate, 1);
    assert_int_equal(c->requests, 0);
    assert_int_equal(c->window_s, 0);

    test_good(HX_ADMIN_UPDATE_TIER, "{\"tenant_id\":\"a\",\"plan\":\"pro\","
              "\"monthly_quota\":0}");
    assert_int_equal(c->set_quota, 1);
    assert_int_equal(c->quota, 0);
}


typedef struct {
    hx_admin_call_t   call;
    const char       *body;
    const char       *message;
} hx_bad_t;

#define ID      "{\"tenant_id\":\"a\","
#define TIER    ID "\"plan\":\"pro\","
#define GRACE   "Field 'grace_s' must be an integer from 0 to 2592000"
#define EXPIRES "Field 'expires_at' must be Unix seconds in the future"
#define QUOTA   "Field 'monthly_quota' must be an integer from 0 to "         \
                "1000000000000, or null"
#define REQS    "Field 'requests' must be an integer from 1 to 1000000000"
#define WINDOW  "Field 'window_s' must be an integer from 1 to 2678400"
#define NEEDS   "Field 'rate_limit' needs 'requests' and 'window_s'"
#define OBJECT  "Request body must be a JSON object"
#define STRINGS "Field 'namespaces' must be an array of strings"
#define WRONG   "Field 'namespaces' has the wrong type"

static const hx_bad_t  bad[] = {
    { HX_ADMIN_CREATE, "", "Invalid JSON body" },
    { HX_ADMIN_CREATE, "{", "Invalid JSON body" },
    { HX_ADMIN_CREATE, "{}x", "Invalid JSON body" },
    { HX_ADMIN_CREATE, "{\"tenant_id\":\"a\"", "Invalid JSON body" },
    { HX_ADMIN_CREATE, "{\"tenant_id\":\"\xff\"}", "Invalid JSON body" },
    { HX_ADMIN_CREATE, "[]", OBJECT },
    { HX_ADMIN_CREATE, "null", OBJECT },
    { HX_ADMIN_CREATE, "\"tenant_id\"", OBJECT },
    { HX_ADMIN_CREATE, "1", OBJECT },

    { HX_ADMIN_CREATE, "{}", "Missing required field 'tenant_id'" },
    { HX_ADMIN_DELETE, "{}", "Missing required field 'tenant_id'" },
    { HX_ADMIN_ADD_NAMESPACE, "{\"tenant_id\":\"a\"}",
      "Missing required field 'namespace'" },
    { HX_ADMIN_UPDATE_TIER, "{\"tenant_id\":\"a\"}",
      "Missing required field 'plan'" },

    { HX_ADMIN_CREATE, ID "\"x\":1}", "Unknown field 'x'" },
    { HX_ADMIN_CREATE, ID "\"\":1}", "Unknown field ''" },
    { HX_ADMIN_CREATE, ID "\"api_key\":\"k\"}", "Unknown field 'api_key'" },
    { HX_ADMIN_CREATE, ID "\"grace_s\":1}", "Unknown field 'grace_s'" },
    { HX_ADMIN_CREATE, ID "\"requests\":1}", "Unknown field 'requests'" },
    { HX_ADMIN_SUSPEND, ID "\"plan\":\"pro\"}", "Unknown field 'plan'" },
    { HX_ADMIN_UPDATE_TIER, TIER "\"rate_limit\":{\"plan\":\"pro\"}}",
      "Unknown field 'plan'" },
    { HX_ADMIN_CREATE, "{\"tenant_id\":\"a\",\"tenant_id\":\"a\"}",
      "Duplicate field 'tenant_id'" },
    { HX_ADMIN_CREATE, "{\"tenant_id\":\"a\",\"tenant\\u005fid\":\"a\"}",
      "Duplicate field 'tenant_id'" },
    { HX_ADMIN_UPDATE_TIER, TIER "\"rate_limit\":null,\"rate_limit\":null}",
      "Duplicate field 'rate_limit'" },
    { HX_ADMIN_UPDATE_TIER,
      TIER "\"rate_limit\":{\"requests\":1,\"requests\":2}}",
      "Duplicate field 'requests'" },

    { HX_ADMIN_CREATE, "{\"tenant_id\":\"\"}", "Invalid tenant_id ''" },
    { HX_ADMIN_CREATE, "{\"tenant_id\":\"a b\"}", "Invalid tenant_id 'a b'" },
    { HX_ADMIN_CREATE, "{\"tenant_id\":\"../a\"}",
      "Invalid tenant_id '../a'" },
    { HX_ADMIN_CREATE, "{\"tenant_id\":1}",
      "Field 'tenant_id' must be a string" },
    { HX_ADMIN_CREATE, "{\"tenant_id\":null}",
      "Field 'tenant_id' must not be null" },
    { HX_ADMIN_CREATE, "{\"tenant_id\":true}",
      "Field 'tenant_id' must not be a boolean" },
    { HX_ADMIN_CREATE, "{\"tenant_id\":[\"a\"]}",
      "Field 'tenant_id' has the wrong type" },
    { HX_ADMIN_CREATE, "{\"tenant_id\":{}}",
      "Field 'tenant_id' has the wrong type" },

    { HX_ADMIN_CREATE, ID "\"plan\":\"gold\"}",
      "Unknown plan 'gold', known: " HX_NAMES },
    { HX_ADMIN_CREATE, ID "\"plan\":5}", "Field 'plan' must be a string" },
    { HX_ADMIN_CREATE, ID "\"email\":\"nobody\"}", "Invalid email 'nobody'" },
    { HX_ADMIN_CREATE, ID "\"email\":\"\"}", "Invalid email ''" },
    { HX_ADMIN_CREATE, ID "\"email\":false}",
      "Field 'email' must not be a boolean" },

    { HX_ADMIN_CREATE, ID "\"namespaces\":[]}",
      "Field 'namespaces' must not be empty" },
    { HX_ADMIN_CREATE, ID "\"namespaces\":\"prod\"}", STRINGS },
    { HX_ADMIN_CREATE, ID "\"namespaces\":1}", STRINGS },
    { HX_ADMIN_CREATE, ID "\"namespaces\":[1]}", STRINGS },
    { HX_ADMIN_CREATE, ID "\"namespaces\":[null]}",
      "Field 'namespaces' must not be null" },
    { HX_ADMIN_CREATE, ID "\"namespaces\":[[\"a\"]]}", WRONG },
    { HX_ADMIN_CREATE, ID "\"namespaces\":[{}]}", WRONG },
    { HX_ADMIN_CREATE, ID "\"namespaces\":{}}", WRONG },
    { HX_ADMIN_CREATE, ID "\"namespaces\":[\"ok\",\"x y\"]}",
      "Invalid namespace 'x y'" },
    { HX_ADMIN_ADD_NAMESPACE, ID "\"namespace\":\"\"}",
      "Invalid namespace ''" },
    { HX_ADMIN_ADD_NAMESPACE, ID "\"namespace\":[\"a\"]}",
      "Field 'namespace' has the wrong type" },

    { HX_ADMIN_ROTATE_KEY, ID "\"grace_s\":2592001}", GRACE },
    { HX_ADMIN_ROTATE_KEY, ID "\"grace_s\":-1}", GRACE },
    { HX_ADMIN_ROTATE_KEY, ID "\"grace_s\":1.0}", GRACE },
    { HX_ADMIN_ROTATE_KEY, ID "\"grace_s\":1e3}", GRACE },
    { HX_ADMIN_ROTATE_KEY, ID "\"grace_s\":18446744073709551617}", GRACE },
    { HX_ADMIN_ROTATE_KEY, ID "\"grace_s\":\"60\"}",
      "Field 'grace_s' must be a number" },
    { HX_ADMIN_ROTATE_KEY, ID "\"grace_s\":null}",
      "Field 'grace_s' must not be null" },
    { HX_ADMIN_CREATE, ID "\"expires_at\":1700000000}", EXPIRES },
    { HX_ADMIN_CREATE, ID "\"expires_at\":0}", EXPIRES },
    { HX_ADMIN_CREATE, ID "\"expires_at\":253402300800}", EXPIRES },

    { HX_ADMIN_UPDATE_TIER, TIER "\"monthly_quota\":1000000000001}", QUOTA },
    { HX_ADMIN_UPDATE_TIER, TIER "\"monthly_quota\":0.5}", QUOTA },
    { HX_ADMIN_UPDATE_TIER, TIER "\"monthly_quota\":\"unlimited\"}",
      "Field 'monthly_quota' must be a number" },
    { HX_ADMIN_UPDATE_TIER, TIER "\"rate_limit\":100}",
      "Field 'rate_limit' must be an object" },
    { HX_ADMIN_UPDATE_TIER, TIER "\"rate_limit\":\"100/60\"}",
      "Field 'rate_limit' must be an object" },
    { HX_ADMIN_UPDATE_TIER, TIER "\"rate_limit\":[]}",
      "Field 'rate_limit' has the wrong type" },
    { HX_ADMIN_UPDATE_TIER, TIER "\"rate_limit\":{}}", NEEDS },
    { HX_ADMIN_UPDATE_TIER, TIER "\"rate_limit\":{\"requests\":1}}", NEEDS },
    { HX_ADMIN_UPDATE_TIER, TIER "\"rate_limit\":{\"window_s\":1}}", NEEDS },
    { HX_ADMIN_UPDATE_TIER,
      TIER "\"rate_limit\":{\"requests\":0,\"window_s\":1}}", REQS },
    { HX_ADMIN_UPDATE_TIER,
      TIER "\"rate_limit\":{\"requests\":1000000001,\"window_s\":1}}", REQS },
    { HX_ADMIN_UPDATE_TIER,
      TIER "\"rate_limit\":{\"requests\":1,\"window_s\":0}}", WINDOW },
    { HX_ADMIN_UPDATE_TIER,
      TIER "\"rate_limit\":{\"requests\":1,\"window_s\":2678401}}", WINDOW },
    { HX_ADMIN_UPDATE_TIER, TIER "\"rate_limit\":{\"requests\":{}}}",
      "Field 'requests' has the wrong type" },
    { HX_ADMIN_UPDATE_TIER, TIER "\"rate_limit\":{\"requests\":null}}",
      "Field 'requests' must not be null" }
};


static void
messages(void **state)
{
    size_t  i;

    for (i = 0; i < hx_nelts(bad); i++) {
        test_bad(bad[i].call, bad[i].body, bad[i].message);
    }
}


/* The audit record of a refused call names its tenant if it was read. */
static void
tenant_of_refused_calls(void **state)
{
    test_bad(HX_ADMIN_CREATE, ID "\"plan\":\"gold\"}",
             "Unknown plan 'gold', known: " HX_NAMES);
    assert_text(&req.change.id, "a");

    test_bad(HX_ADMIN_CREATE, "{\"x\":1,\"tenant_id\":\"a\"}",
             "Unknown field 'x'");
    assert_int_equal(req.change.id.len, 0);

    test_bad(HX_ADMIN_CREATE, "{\"tenant_id\":\"a b\"}",
             "Invalid tenant_id 'a b'");
    assert_int_equal(req.change.id.len, 0);
}


static void
limits(void **state)
{
    size_t       i, n;
    static char  body[HX_ADMIN_BODY_MAX + 2], long_name[5000];

    /* as many namespaces as a tenant may have, and one more */

    for (i = HX_TENANT_NAMESPACES; i < HX_TENANT_NAMESPACES + 2; i++) {
        size_t  k;

        n = (size_t) snprintf(body, sizeof(body), ID "\"namespaces\":[");

        for (k = 0; k < i; k++) {
            n += (size_t) snprintf(body + n, sizeof(body) - n, "%s\"n%zu\"",
                                   k ? "," : "", k);
        }

        n += (size_t) snprintf(body + n, sizeof(body) - n, "]}");

        if (i == HX_TENANT_NAMESPACES) {
            test_good(HX_ADMIN_CREATE, body);
            assert_int_equal(req.change.n_namespaces, i);
            assert_text(&req.change.namespaces[255], "n255");

        } else {
            test_bad(HX_ADMIN_CREATE, body,
                     "Field 'namespaces' has too many entries");
        }
    }

    /* the body itself */

    n = (size_t) snprintf(body, sizeof(body), "{\"tenant_id\":\"a\"}");
    memset(body + n, ' ', sizeof(body) - n);
    assert_int_equal(test_parse(HX_ADMIN_SUSPEND, body, HX_ADMIN_BODY_MAX),
                     HX_OK);
    assert_int_equal(test_parse(HX_ADMIN_SUSPEND, body,
                                HX_ADMIN_BODY_MAX + 1), HX_NO);
    assert_text(&req.message, "Request body is too large");

    /* what is echoed is cut */

    memset(long_name, 'x', sizeof(long_name) - 1);
    (void) snprintf(body, sizeof(body), "{\"tenant_id\":\"%.300s\"}",
                    long_name);
    assert_int_equal(test_parse(HX_ADMIN_CREATE, body, strlen(body)), HX_NO);
    assert_int_equal(req.message.len,
                     strlen("Invalid tenant_id ''") + HX_DETAIL_ECHO_MAX);

    (void) snprintf(body, sizeof(body), ID "\"plan\":\"%.4000s\"}", long_name);
    assert_int_equal(test_parse(HX_ADMIN_CREATE, body, strlen(body)), HX_NO);
    assert_int_equal(req.message.len, strlen("Unknown plan '', known: "
                     HX_NAMES) + HX_DETAIL_ECHO_MAX);

    (void) snprintf(body, sizeof(body), "{\"tenant_id\":\"%s\"}", long_name);
    test_bad(HX_ADMIN_CREATE, body, "Field 'tenant_id' is too long");
}


/* Plans are those of the table, and of no other. */
static void
plans_of_the_caller(void **state)
{
    size_t       n;
    unsigned     i;
    static char  body[1024], names[HX_PLANS_MAX][HX_PLAN_MAX + 1];

    static hx_plan_t        plans[HX_PLANS_MAX];
    static const char       gold[] = ID "\"plan\":\"gold\"}";
    static const char       pro[] = ID "\"plan\":\"pro\"}";
    static const hx_plan_t  two[] = {
        { hx_string("starter"), 1, 1, 1, 0 },
        { hx_string("gold"), 1, 1, 1, 0 }
    };

    assert_int_equal(test_parse_with(HX_ADMIN_CREATE, gold, strlen(gold), two,
                                     2), HX_OK);
    assert_text(&req.change.plan, "gold");
    assert_int_equal(test_parse_with(HX_ADMIN_UPDATE_TIER, pro, strlen(pro),
                                     two, 2), HX_NO);
    assert_text(&req.message, "Unknown plan 'pro', known: starter, gold");
    assert_int_equal(test_parse_with(HX_ADMIN_CREATE, gold, strlen(gold), two,
                                     1), HX_NO);
    assert_text(&req.message, "Unknown plan 'gold', known: starter");

    /* the longest message of all: echo and list are cut, neither hides that */

    for (i = 0; i < HX_PLANS_MAX; i++) {
        memset(names[i], 'p', HX_PLAN_MAX);
        plans[i].name = test_str(names[i]);
    }

    n = (size_t) snprintf(body, sizeof(body), ID "\"plan\":\"%0300d\"}", 0);
    assert_int_equal(test_parse_with(HX_ADMIN_CREATE, body, n, plans,
                                     HX_PLANS_MAX), HX_NO);
    n = strlen("Unknown plan '', known: ") + HX_DETAIL_ECHO_MAX
        + 2 * (HX_PLAN_MAX + 2) + strlen("...");
    assert_int_equal(req.message.len, n);
    assert_memory_equal(req.message.data + n - 5, ", ...", 5);
}


/* Whatever is let through is a change that the rules allow. */
static void
assert_allowed(hx_admin_call_t call)
{
    unsigned            i;
    const hx_plan_t    *plans;
    const hx_change_t  *c = &req.change;

    assert_true(hx_check_tenant(c->id.data, c->id.len));
    assert_true(c->n_namespaces <= HX_TENANT_NAMESPACES);

    for (i = 0; i < c->n_namespaces; i++) {
        assert_true(hx_check_namespace(c->namespaces[i].data,
                                       c->namespaces[i].len));
    }

    if (call == HX_ADMIN_CREATE || call == HX_ADMIN_UPDATE_TIER) {
        plans = hx_plan_builtin(&i);
        assert_non_null(hx_plan_find(plans, i, c->plan.data, c->plan.len));
    }

    assert_true(c->grace_s <= HX_GRACE_MAX);
    assert_true(c->expires == 0 || c->expires > HX_NOW);
    assert_true(!c->set_rate || (c->requests != 0) == (c->window_s != 0));
    assert_true(c->window_s <= HX_WINDOW_SECONDS_MAX);
    assert_true(c->email.len == 0
                || hx_check_email(c->email.data, c->email.len));
}


static void
random_damage(void **state)
{
    char              body[512];
    size_t            i, k, n, cut;
    unsigned          ok;
    hx_admin_call_t   call;

    static const char *const  good[] = {
        "{\"tenant_id\":\"acme\",\"plan\":\"pro\",\"namespaces\":[\"a\",\"b\"]"
        ",\"email\":\"a@b\",\"expires_at\":1800000000}",
        "{\"tenant_id\":\"acme\",\"grace_s\":60,\"expires_at\":1800000000}",
        "{\"tenant_id\":\"acme\",\"namespace\":\"n\"}",
        "{\"tenant_id\":\"acme\"}",
        "{\"tenant_id\":\"acme\",\"plan\":\"pro\",\"monthly_quota\":7,"
        "\"rate_limit\":{\"requests\":1,\"window_s\":2}}"
    };

    for (i = 0, ok = 0; i < 100000; i++) {
        n = (size_t) snprintf(body, sizeof(body), "%s",
                              good[test_below(hx_nelts(good))]);

        for (k = test_below(4); k != 0; k--) {
            body[test_below(n)] = test_below(2)
                                  ? "{}[]\",:\\0 ae1n"[test_below(14)]
                                  : (char) test_random();
        }

        cut = test_below(20) ? n : test_below(n + 1);
        call = (hx_admin_call_t) test_below(HX_ADMIN_CALLS);

        if (test_parse(call, body, cut) == HX_OK) {
            assert_allowed(call);
            ok++;

        } else {
            assert_true(req.message.len != 0
                        && req.message.len <= sizeof(req.detail));
        }
    }

    assert_true(ok > 2000);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(calls),
        cmocka_unit_test(members),
        cmocka_unit_test(messages),
        cmocka_unit_test(tenant_of_refused_calls),
        cmocka_unit_test(limits),
        cmocka_unit_test(plans_of_the_caller),
        cmocka_unit_test(random_damage)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
