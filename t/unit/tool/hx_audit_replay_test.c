/*
 * hx_audit_replay_test.c -- decisions of the replay: what was, what would be,
 * and what it does not judge.
 */

#include "hx_test.h"

#include "hx_audit_replay.h"

#define TEST_MS   INT64_C(1767225600000)    /* 2026-01-01 */

static unsigned char  test_namespaces[] = { 1, 'a', 7, 'd', 'e', 'f', 'a', 'u',
                                            'l', 't' };


/* "here" and "held" exist, "bad" cannot be read. */

static hx_rc_t
test_tenant(void *data, const hx_str_t *id, hx_tenant_t *t)
{
    if (id->len == 3) {
        return HX_FAIL;
    }

    if (id->len != 4) {
        return HX_NO;
    }

    memset(t, 0, sizeof(hx_tenant_t));
    t->id = *id;
    t->plan = test_str("starter");
    t->quota = HX_TENANT_NONE;
    t->namespaces.data = test_namespaces;
    t->namespaces.len = sizeof(test_namespaces);
    t->n_namespaces = 2;
    t->status = memcmp(id->data, "held", 4) == 0 ? HX_TENANT_SUSPENDED
                                                 : HX_TENANT_ACTIVE;

    return HX_OK;
}


static hx_replay_t *
test_replay(int registry)
{
    hx_replay_t        *rp;
    hx_replay_conf_t    conf;

    memset(&conf, 0, sizeof(conf));
    conf.tenant = registry ? test_tenant : NULL;
    conf.plans = hx_plan_builtin(&conf.n_plans);
    conf.dflt.requests = 20;
    conf.dflt.window_s = 60;
    conf.rate = 1;
    conf.quota = 1;

    rp = hx_replay_create(&conf);
    assert_non_null(rp);

    return rp;
}


static hx_record_t
test_record(const char *tenant, const char *method, const char *path,
    const char *ns, unsigned status)
{
    hx_record_t  r;

    memset(&r, 0, sizeof(r));
    r.ms = TEST_MS;
    r.tenant.data = (const unsigned char *) tenant;
    r.tenant.len = tenant != NULL ? strlen(tenant) : 0;
    r.method = test_str(method);
    r.path = test_str(path);
    r.ns.data = (const unsigned char *) ns;
    r.ns.len = ns != NULL ? strlen(ns) : 0;
    r.status = status;

    return r;
}


typedef struct {
    const char     *tenant;
    const char     *method;
    const char     *path;
    const char     *ns;
    const char     *outcome;
    unsigned        status;

    unsigned        judged;
    hx_old_t        old;
    hx_outcome_t    now;
} test_row_t;

static const test_row_t  rows[] = {
    { "here", "GET", "/v1/list/a", "a", NULL, 200, 1, HX_OLD_ALLOWED,
      HX_OUTCOME_ALLOWED },
    { "here", "HEAD", "/v1/get/a/k%2Fl", "a", NULL, 304, 1, HX_OLD_ALLOWED,
      HX_OUTCOME_ALLOWED },
    { "here", "GET", "/v1/list/b", "b", NULL, 200, 1, HX_OLD_ALLOWED,
      HX_OUTCOME_NAMESPACE_DENIED },
    { "here", "POST", "/v1/put", "b", NULL, 200, 1, HX_OLD_ALLOWED,
      HX_OUTCOME_NAMESPACE_DENIED },
    { "here", "POST", "/v1/put", NULL, NULL, 429, 1, HX_OLD_429,
      HX_OUTCOME_ALLOWED },
    { "here", "GET", "/v1/put", NULL, NULL, 200, 1, HX_OLD_ALLOWED,
      HX_OUTCOME_METHOD },
    { "here", "GET", "/v1/no", NULL, NULL, 404, 1, HX_OLD_404,
      HX_OUTCOME_UNKNOWN_OPERATION },
    { "here", "GET", "/v1/list/a", "a", NULL, 404, 1, HX_OLD_ALLOWED,
      HX_OUTCOME_ALLOWED },
    { "here", "GET", "/v1/list/a", "a", "unknown_operation", 404, 1,
      HX_OLD_404, HX_OUTCOME_ALLOWED },
    { "here", "GET", "/v1/no", NULL, "allowed", 404, 1, HX_OLD_ALLOWED,
      HX_OUTCOME_UNKNOWN_OPERATION },
    { "here", "GET", "/v1/../x", NULL, NULL, 200, 1, HX_OLD_ALLOWED,
      HX_OUTCOME_INVALID_REQUEST },
    { "here", "GET", "/v1/list/a", "a", "namespace_denied", 403, 1, HX_OLD_403,
      HX_OUTCOME_ALLOWED },
    { "here", "GET", "/v1/list/a", "a", "rate_limited", 404, 1, HX_OLD_ALLOWED,
      HX_OUTCOME_ALLOWED },
    { "here", "POST", "/v1/put", "a", NULL, 502, 1, HX_OLD_ALLOWED,
      HX_OUTCOME_ALLOWED },
    { "held", "GET", "/v1/list/a", "a", NULL, 200, 1, HX_OLD_ALLOWED,
      HX_OUTCOME_SUSPENDED },
    { "held", "GET", "/v1/list/a", "a", NULL, 403, 1, HX_OLD_403,
      HX_OUTCOME_SUSPENDED },
    { "nobody", "GET", "/v1/list/a", "a", NULL, 200, 1, HX_OLD_ALLOWED,
      HX_OUTCOME_INVALID_KEY },
    { NULL, "GET", "/v1/list/a", NULL, NULL, 401, 1, HX_OLD_401,
      HX_OUTCOME_INVALID_KEY },

    /* not judged */
    { NULL, "GET", "/v1/list/a", NULL, NULL, 400, 0, 0, 0 },
    { "here", "POST", "/v1/put", "a", NULL, 400, 0, 0, 0 },
    { "here", "POST", "/v1/put", "a", NULL, 413, 0, 0, 0 },
    { "here", "POST", "/v1/put", "a", "store_unavailable", 503, 0, 0, 0 },
    { "here", "GET", "/gate/usage", NULL, NULL, 200, 0, 0, 0 }
};


static void
test_decisions(void **state)
{
    size_t               i;
    hx_record_t          r;
    hx_replay_t         *rp;
    hx_replay_answer_t   a;

    for (i = 0; i < hx_nelts(rows); i++) {
        rp = test_replay(1);
        r = test_record(rows[i].tenant, rows[i].method, rows[i].path,
                        rows[i].ns, rows[i].status);

        if (rows[i].outcome != NULL) {
            r.outcome = test_str(rows[i].outcome);
        }

        assert_int_equal(hx_replay_record(rp, &r, &a), HX_OK);

        if (a.judged != rows[i].judged
            || (a.judged && (a.old != rows[i].old
                             || a.outcome != rows[i].now)))
        {
            fail_msg("row %zu: %u, %d, %s", i, a.judged, a.old,
                     hx_outcome_word(a.outcome));
        }

        if (a.judged) {
            assert_int_equal(a.differs, hx_replay_status(a.outcome)
                                        != hx_replay_old_status(a.old));
        }

        hx_replay_free(rp);
    }
}


static void
test_not_records_of_requests(void **state)
{
    hx_record_t          r;
    hx_replay_t         *rp;
    hx_replay_answer_t   a;

    rp = test_replay(1);
    r = test_record("here", "GET", "/v1/list/a", "a", 499);
    r.amends = 1;
    assert_int_equal(hx_replay_record(rp, &r, &a), HX_OK);
    assert_int_equal(a.judged, 0);

    r.amends = 0;
    r.checkpoint = 1;
    assert_int_equal(hx_replay_record(rp, &r, &a), HX_OK);
    assert_int_equal(a.judged, 0);

    r = test_record("bad", "GET", "/v1/list/a", "a", 200);
    assert_int_equal(hx_replay_record(rp, &r, &a), HX_FAIL);

    hx_replay_free(rp);
    hx_replay_free(NULL);
}


/* starter: 10 requests in 60 s; without a registry the default, 20. */

static void
test_window(void **state)
{
    unsigned             i, registry, limit;
    hx_record_t          r;
    hx_replay_t         *rp;
    hx_replay_answer_t   a;

    for (registry = 0; registry < 2; registry++) {
        rp = test_replay((int) registry);
        limit = registry ? 10 : 20;
        r = test_record("here", "GET", "/v1/list/a", "a", 200);

        for (i = 0; i < 40; i++) {
            r.ms = TEST_MS + i * 100;
            assert_int_equal(hx_replay_record(rp, &r, &a), HX_OK);
            assert_int_equal(a.outcome, i < limit ? HX_OUTCOME_ALLOWED
                                                  : HX_OUTCOME_RATE_LIMITED);
        }

        /* what was not judged does not count; another tenant has its own */

        r.ms = TEST_MS + 70000;
        r.status = 400;

        for (i = 0; i < 40; i++) {
            assert_int_equal(hx_replay_record(rp, &r, &a), HX_OK);
            assert_int_equal(a.judged, 0);
        }

        r.status = 200;
        assert_int_equal(hx_replay_record(rp, &r, &a), HX_OK);
        assert_int_equal(a.outcome, HX_OUTCOME_ALLOWED);
        hx_replay_free(rp);
    }
}


/* starter: 1,000 CUs a month, none beyond; the month is UTC's. */

static void
test_quota(void **state)
{
    hx_record_t          r;
    hx_replay_t         *rp;
    hx_replay_answer_t   a;

    rp = test_replay(1);
    r = test_record("here", "POST", "/v1/put", "a", 200);
    r.cus = 9990;
    assert_int_equal(hx_replay_record(rp, &r, &a), HX_OK);
    assert_int_equal(a.outcome, HX_OUTCOME_ALLOWED);

    r.cus = 10;
    assert_int_equal(hx_replay_record(rp, &r, &a), HX_OK);
    assert_int_equal(a.outcome, HX_OUTCOME_ALLOWED);
    assert_int_equal(hx_replay_record(rp, &r, &a), HX_OK);
    assert_int_equal(a.outcome, HX_OUTCOME_QUOTA_EXCEEDED);

    /* the first millisecond of February */

    r.ms = TEST_MS + INT64_C(31) * 86400000 - 1;
    assert_int_equal(hx_replay_record(rp, &r, &a), HX_OK);
    assert_int_equal(a.outcome, HX_OUTCOME_QUOTA_EXCEEDED);
    r.ms++;
    assert_int_equal(hx_replay_record(rp, &r, &a), HX_OK);
    assert_int_equal(a.outcome, HX_OUTCOME_ALLOWED);

    hx_replay_free(rp);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_decisions),
        cmocka_unit_test(test_not_records_of_requests),
        cmocka_unit_test(test_window),
        cmocka_unit_test(test_quota),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
