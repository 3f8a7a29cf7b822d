/*
 * hx_metrics_text_test.c -- the text is what Prometheus' format 0.0.4 allows,
 * says exactly what was counted, and is never longer than promised.
 */

#include "hx_test_metrics.h"

static const hx_metrics_gauges_t  quiet = {
    .registry_up = 1
};


/* The reader of these tests lets nothing pass: one mistake each. */

static void
strict_reader(void **state)
{
    size_t          i;
    test_scrape_t   s;

#define HEAD   "# HELP a_total x\n# TYPE a_total counter\n"
#define HIST   "# HELP h x\n# TYPE h histogram\n"
#define ENDS   "h_bucket{m=\"1\",le=\"+Inf\"} 3\nh_sum{m=\"1\"} 1\n"           \
               "h_count{m=\"1\"} 3\n"

    static const char *const  good[] = {
        "", HEAD, HEAD "a_total 1\n", HEAD "a_total{b=\"c\"} 0.5\n",
        HEAD "a_total{b=\"\\\\\\\"\\n{},=\",c=\"\303\274\"} 12.345\n",
        "# HELP g \\\\x\\n\n# TYPE g gauge\ng 0\n", HIST ENDS,
        HIST "h_bucket{m=\"1\",le=\"0.5\"} 2\n" ENDS
    };

    static const char *const  bad[] = {
        "\n", "a_total 1\n", HEAD "\n", HEAD "a_total 1", HEAD "a_total  1\n",
        HEAD "a_total 1 1\n", HEAD "a_total 1 \n", HEAD "a_total\n",
        HEAD "a_total -1\n", HEAD "a_total 1.\n", HEAD "a_total .5\n",
        HEAD "a_total 01\n", HEAD "a_total 1e3\n", HEAD "a_total 1.2345\n",
        HEAD "a_total NaN\n", HEAD "a_tota 1\n", HEAD "a_totals 1\n",
        HEAD "a_total{} 1\n", HEAD "a_total{b} 1\n", HEAD "a_total{b=c} 1\n",
        HEAD "a_total{b=\"c\",} 1\n", HEAD "a_total{b=\"c\"}1\n",
        HEAD "a_total{b=\"c} 1\n", HEAD "a_total{b=\"\\x\"} 1\n",
        HEAD "a_total{b=\"\\\n", HEAD "a_total{1b=\"c\"} 1\n",
        HEAD "a_total{b:=\"c\"} 1\n", HEAD "a_total{b=\"c\",b=\"d\"} 1\n",
        HEAD "a_total{b=\"c\"} 1\na_total{b=\"c\"} 2\n",
        HEAD "a_total 1\n" HEAD, HEAD "a_total{b=\"\300\257\"} 1\n",
        "# HELP a_total x\n", "# HELP a_total x\n# HELP b_total x\n",
        "# HELP a_total\n# TYPE a_total counter\n",
        "# HELP a_total \n# TYPE a_total counter\n",
        "# HELP a_total \\\"x\n# TYPE a_total counter\n",
        "# HELP a_total x\na_total 1\n", "# TYPE a_total counter\n",
        "# HELP a_total x\n# TYPE b_total counter\n",
        "# HELP a_total x\n# TYPE a_total count\n",
        "# HELP a x\n# TYPE a counter\n", "# HELP a_total x\n"
        "# TYPE a_total gauge\n", HEAD "# TYPE a_total counter\n",
        HEAD "# a comment\n",
        HIST "h 1\n", HIST "h_bucket{m=\"1\",le=\"+Inf\"} 3\n",
        HIST "h_bucket{m=\"1\"} 3\n", HIST "h_count 3\n", HIST "h_max 3\n",
        HIST "h_bucket{le=\"1\",m=\"1\"} 3\n",
        HIST "h_bucket{m=\"1\",le=\"5\"} 2\nh_bucket{m=\"1\",le=\"1\"} 3\n"
        ENDS,
        HIST "h_bucket{m=\"1\",le=\"1\"} 4\n" ENDS,
        HIST "h_bucket{m=\"2\",le=\"1\"} 1\n" ENDS,
        HIST "h_bucket{m=\"1\",le=\"+Inf\"} 3\nh_sum{m=\"1\"} 1\n"
        "h_count{m=\"1\"} 2\n",
        HIST "h_bucket{m=\"1\",le=\"+Inf\"} 3\nh_count{m=\"1\"} 3\n",
        HIST "h_bucket{m=\"1\",le=\"1\"} 3\nh_sum{m=\"1\"} 1\n"
        "h_count{m=\"1\"} 3\n",
        HIST "h_bucket{m=\"1\",le=\"1\"} 3\n" HEAD
    };

    for (i = 0; i < hx_nelts(good); i++) {
        if (test_read(&s, good[i], strlen(good[i])) != NULL) {
            fail_msg("refused: %s", good[i]);
        }

        test_scrape_free(&s);
    }

    for (i = 0; i < hx_nelts(bad); i++) {
        if (test_read(&s, bad[i], strlen(bad[i])) == NULL) {
            fail_msg("let pass: %s", bad[i]);
        }

        test_scrape_free(&s);
    }
}


/* Nothing counted: what is always there is there, nothing else. */

static void
silent(void **state)
{
    char            series[128];
    size_t          i, n;
    hx_metrics_t   *m;
    test_scrape_t   s;

    static const char *const  always[] = {
        "hx_gate_cus_total{tenant_id=\"other\",operation=\"other\"}",
        "hx_gate_rate_limit_rejections_total{tenant_id=\"other\"}",
        "hx_gate_auth_failures_total{reason=\"missing_key\"}",
        "hx_gate_auth_failures_total{reason=\"invalid_key\"}",
        "hx_gate_auth_failures_total{reason=\"suspended\"}",
        "hx_gate_auth_failures_total{reason=\"invalid_service_key\"}",
        "hx_gate_namespace_denials_total", "hx_gate_quota_rejections_total",
        "hx_gate_audit_records_total", "hx_gate_audit_write_errors_total",
        "hx_gate_audit_lost_total", "hx_gate_audit_responses_cut_total",
        "hx_gate_audit_syslog_errors_total", "hx_gate_registry_failures_total",
        "hx_gate_zone_full_total",
        "hx_gate_usage_flushes_total{result=\"ok\"}",
        "hx_gate_usage_flushes_total{result=\"failed\"}",
        "hx_gate_usage_rows_flushed_total",
        "hx_gate_fleet_usage_rows_total{direction=\"sent\"}",
        "hx_gate_fleet_usage_rows_total{direction=\"received\"}",
        "hx_gate_fleet_usage_damaged_total",
        "hx_gate_fleet_usage_failures_total",
        "hx_gate_fleet_usage_age_seconds", "hx_gate_registry_up",
        "hx_gate_registry_age_seconds", "hx_gate_registry_staleness_seconds",
        "hx_gate_usage_flush_age_seconds",
        "hx_gate_zone_blocks{state=\"used\"}",
        "hx_gate_zone_blocks{state=\"free\"}", "hx_gate_zone_bytes",
        "hx_gate_zone_tenants", "hx_gate_zone_unflushed"
    };

    m = test_metrics();
    test_scrape(&s, m, &quiet);
    n = hx_nelts(always);

    for (i = 0; i < n; i++) {
        assert_true(test_value(&s, always[i])
                    == (strcmp(always[i], "hx_gate_registry_up") == 0 ? 1000
                                                                      : 0));
    }

    for (i = 0; i < HX_OUTCOME_COUNT; i++) {
        const char  *word = hx_outcome_word((hx_outcome_t) i);
        const int    there = i == HX_OUTCOME_NONE ? -1 : 0;

        (void) snprintf(series, sizeof(series),
                        "hx_gate_decisions_total{outcome=\"%s\"}", word);
        assert_true(test_value(&s, series) == there);
        (void) snprintf(series, sizeof(series),
                        "hx_gate_shadow_decisions_total{outcome=\"%s\"}", word);
        assert_true(test_value(&s, series) == there);
        n += there == 0 ? 2 : 0;
    }

    assert_int_equal(s.n, n);
    test_scrape_free(&s);
}


/* What one request and its company look like, to the letter. */

static const char  expected[] =
    "# HELP hx_gate_requests_total Requests by method, route template and "
    "status.\n"
    "# TYPE hx_gate_requests_total counter\n"
    "hx_gate_requests_total{method=\"GET\",path=\"other\",status=\"401\"} 1\n"
    "hx_gate_requests_total{method=\"GET\",path=\"~^/\\\"\\\\n\",status=\"4xx\""
    "} 1\n"
    "hx_gate_requests_total{method=\"GET\",path=\"~^/\\\"\\\\n\",status=\"200\""
    "} 2\n"
    "hx_gate_requests_total{method=\"HEAD\",path=\"~^/\\\"\\\\n\",status=\"304"
    "\"} 1\n"
    "# HELP hx_gate_request_duration_seconds Time from the first byte of a "
    "request to the last byte of its answer, counted in whole milliseconds.\n"
    "# TYPE hx_gate_request_duration_seconds histogram\n"
#define H   "hx_gate_request_duration_seconds_"
#define L   "{method=\"GET\",path=\"other\""
    H "bucket" L ",le=\"0.001\"} 0\n"
    H "bucket" L ",le=\"0.0025\"} 0\n"
    H "bucket" L ",le=\"0.005\"} 0\n"
    H "bucket" L ",le=\"0.01\"} 0\n"
    H "bucket" L ",le=\"0.025\"} 0\n"
    H "bucket" L ",le=\"0.05\"} 0\n"
    H "bucket" L ",le=\"0.1\"} 0\n"
    H "bucket" L ",le=\"0.25\"} 0\n"
    H "bucket" L ",le=\"0.5\"} 0\n"
    H "bucket" L ",le=\"1\"} 0\n"
    H "bucket" L ",le=\"2.5\"} 1\n"
    H "bucket" L ",le=\"5\"} 1\n"
    H "bucket" L ",le=\"10\"} 1\n"
    H "bucket" L ",le=\"30\"} 1\n"
    H "bucket" L ",le=\"+Inf\"} 1\n"
    H "sum" L "} 1.007\n"
    H "count" L "} 1\n"
#undef L
    H "bucket{method=\"GET\",";


static void
to_the_letter(void **state)
{
    void           *mem;
    unsigned        route, op;
    hx_buf_t        b;
    hx_metrics_t   *m;

    m = test_metrics();
    route = test_route(m, "GET", "~^/\"\\n");
    op = test_operation(m, "get");
    (void) test_operation(m, "put");

    hx_metrics_request(m, route, HX_METRICS_GET, 200, 3);
    hx_metrics_request(m, route, HX_METRICS_GET, 200, 30001);
    hx_metrics_request(m, route, HX_METRICS_GET, 418, 1);
    hx_metrics_request(m, route, HX_METRICS_HEAD, 304, 0);
    hx_metrics_request(m, 0, HX_METRICS_GET, 401, 1007);
    hx_metrics_charge(m, test_expose(m, "acme"), op, 123);
    hx_metrics_charge(m, 0, op, 1);

    mem = malloc(HX_METRICS_TEXT_MAX);
    assert_non_null(mem);
    hx_buf_init(&b, mem, HX_METRICS_TEXT_MAX - 1);
    hx_metrics_text(&b, m, &quiet);
    assert_true(hx_buf_ok(&b));
    *b.last = '\0';

    if (strncmp(mem, expected, sizeof(expected) - 1) != 0) {
        fail_msg("%s", (char *) mem);
    }

    assert_non_null(strstr(mem, H "sum{method=\"GET\",path=\"~^/\\\"\\\\n\"} "
                                "30.005\n"));
    assert_non_null(strstr(mem, H "sum{method=\"HEAD\",path=\"~^/\\\"\\\\n\"} "
                                "0.000\n"));
    assert_non_null(strstr(mem,
        "# TYPE hx_gate_cus_total counter\n"
        "hx_gate_cus_total{tenant_id=\"other\",operation=\"other\"} 0.0\n"
        "hx_gate_cus_total{tenant_id=\"other\",operation=\"get\"} 0.1\n"
        "hx_gate_cus_total{tenant_id=\"other\",operation=\"put\"} 0.0\n"
        "hx_gate_cus_total{tenant_id=\"acme\",operation=\"get\"} 12.3\n"
        "# HELP "));
    free(mem);
}


static void
gauges(void **state)
{
    hx_metrics_t         *m;
    test_scrape_t         s;
    hx_metrics_gauges_t   g;

    m = test_metrics();
    g.registry_up = 0;
    g.registry_age = 61234;
    g.registry_stale = 1500;
    g.flush_age = -1;
    g.fleet_usage_age = 2500;
    g.zone_blocks_used = 1;
    g.zone_blocks_free = 2;
    g.zone_bytes = 3;
    g.zone_tenants = 4;
    g.zone_unflushed = 5;

    test_scrape(&s, m, &g);
    assert_true(test_value(&s, "hx_gate_registry_up") == 0);
    assert_true(test_value(&s, "hx_gate_registry_age_seconds") == 61234);
    assert_true(test_value(&s, "hx_gate_registry_staleness_seconds") == 1500);
    assert_true(test_value(&s, "hx_gate_usage_flush_age_seconds") == -1);
    assert_true(test_value(&s, "hx_gate_fleet_usage_age_seconds") == 2500);
    assert_true(test_value(&s, "hx_gate_zone_blocks{state=\"used\"}") == 1000);
    assert_true(test_value(&s, "hx_gate_zone_blocks{state=\"free\"}") == 2000);
    assert_true(test_value(&s, "hx_gate_zone_bytes") == 3000);
    assert_true(test_value(&s, "hx_gate_zone_tenants") == 4000);
    assert_true(test_value(&s, "hx_gate_zone_unflushed") == 5000);
    test_scrape_free(&s);

    g.registry_up = 7;
    g.registry_age = -1;
    g.registry_stale = -1;
    g.flush_age = 0;
    test_scrape(&s, m, &g);
    assert_true(test_value(&s, "hx_gate_registry_up") == 1000);
    assert_true(test_value(&s, "hx_gate_registry_age_seconds") == -1);
    assert_true(test_value(&s, "hx_gate_registry_staleness_seconds") == -1);
    assert_true(test_value(&s, "hx_gate_usage_flush_age_seconds") == 0);
    test_scrape_free(&s);
}


/* Refusals are what was enforced; shadow decisions stand apart. */

static void
decisions(void **state)
{
    unsigned        i, n;
    hx_metrics_t   *m;
    test_scrape_t   s;

    m = test_metrics();

    for (i = 0; i < HX_OUTCOME_COUNT; i++) {
        for (n = 0; n <= i; n++) {
            hx_metrics_decision(m, (hx_outcome_t) i, 0);
        }

        hx_metrics_decision(m, (hx_outcome_t) i, 1);
        hx_metrics_decision(m, (hx_outcome_t) i, -1);
    }

    for (i = 0; i < HX_METRICS_COUNTER_COUNT; i++) {
        hx_metrics_add(m, (hx_metrics_counter_t) i, 100 + i);
    }

    test_scrape(&s, m, &quiet);

#define is(name, v)  assert_true(test_value(&s, "hx_gate_" name) == (v) * 1000)

    is("decisions_total{outcome=\"allowed\"}", HX_OUTCOME_ALLOWED + 1);
    is("decisions_total{outcome=\"rate_limited\"}",
       HX_OUTCOME_RATE_LIMITED + 1);
    is("shadow_decisions_total{outcome=\"allowed\"}", 2);
    is("auth_failures_total{reason=\"missing_key\"}",
       HX_OUTCOME_MISSING_KEY + 1);
    is("auth_failures_total{reason=\"invalid_key\"}",
       HX_OUTCOME_INVALID_KEY + 1);
    is("auth_failures_total{reason=\"suspended\"}", HX_OUTCOME_SUSPENDED + 1);
    is("auth_failures_total{reason=\"invalid_service_key\"}",
       HX_OUTCOME_SERVICE_KEY + 1);
    is("namespace_denials_total", HX_OUTCOME_NAMESPACE_DENIED + 1);
    is("quota_rejections_total", HX_OUTCOME_QUOTA_EXCEEDED + 1);
    is("audit_records_total", 100 + HX_METRICS_AUDIT_RECORDS);
    is("audit_write_errors_total", 100 + HX_METRICS_AUDIT_ERRORS);
    is("audit_lost_total", 100 + HX_METRICS_AUDIT_LOST);
    is("audit_responses_cut_total", 100 + HX_METRICS_AUDIT_CUT);
    is("audit_syslog_errors_total", 100 + HX_METRICS_AUDIT_SYSLOG);
    is("registry_failures_total", 100 + HX_METRICS_REGISTRY_FAILURES);
    is("zone_full_total", 100 + HX_METRICS_ZONE_FULL);
    is("usage_flushes_total{result=\"ok\"}", 100 + HX_METRICS_FLUSHES_OK);
    is("usage_flushes_total{result=\"failed\"}",
       100 + HX_METRICS_FLUSHES_FAILED);
    is("usage_rows_flushed_total", 100 + HX_METRICS_ROWS_FLUSHED);

#undef is
    test_scrape_free(&s);
}


/* Everything there can be, each number as long as it can be. */

static hx_metrics_t *
everything(hx_metrics_gauges_t *g)
{
    char           name[HX_METRICS_LABEL_MAX + 1];
    unsigned       i, k;
    hx_metrics_t  *m;

    m = test_metrics();
    memset(m->cell, 0xff, sizeof(m->cell));
    memset(m->decision, 0xff, sizeof(m->decision));
    memset(m->counter, 0xff, sizeof(m->counter));
    memset(g, 0xff, sizeof(*g));
    g->registry_age = g->registry_stale = g->flush_age = INT64_MAX;
    g->fleet_usage_age = INT64_MAX;

    for (i = 0; i < HX_METRICS_CELLS; i++) {
        m->cell[i].bucket[0] = UINT64_C(10000000000000000000);

        for (k = 1; k < HX_METRICS_BUCKETS; k++) {
            m->cell[i].bucket[k] = 1;
        }
    }

    for (i = 0; i < HX_METRICS_ROUTES; i++) {
        (void) snprintf(name, sizeof(name), "%0*u", HX_METRICS_LABEL_MAX, i);
        assert_int_equal(test_route(m, "GET", name), i + 1);
    }

    for (i = 0; i < HX_METRICS_OPERATIONS; i++) {
        (void) snprintf(name, sizeof(name), "%0*u", HX_METRICS_LABEL_MAX, i);
        assert_int_equal(test_operation(m, name), i + 1);
    }

    for (i = 0; i <= HX_METRICS_TENANTS; i++) {
        (void) snprintf(name, sizeof(name), "%0*u", HX_TENANT_MAX, i);
        assert_true(i == 0 || test_expose(m, name) != 0);
        memset(m->place[i].tenths, 0xff, sizeof(m->place[i].tenths));
        memset(&m->place[i].rejected, 0xff, sizeof(m->place[i].rejected));
    }

    return m;
}


static void
longest(void **state)
{
    unsigned char        *end;
    void                 *mem;
    hx_buf_t              b;
    hx_metrics_t         *m;
    test_scrape_t         s;
    hx_metrics_gauges_t   g;

    m = everything(&g);
    test_scrape(&s, m, &g);

    assert_int_equal(s.n, HX_METRICS_CELLS * (HX_METRICS_STATUS_COUNT
                                              + HX_METRICS_BUCKETS + 2)
                          + (HX_METRICS_TENANTS + 1)
                            * (HX_METRICS_OPERATIONS + 2)
                          + 4 + 2 + 2 * (HX_OUTCOME_COUNT - 1)
                          + HX_METRICS_COUNTER_COUNT + 10);
    test_scrape_free(&s);

    /* the promise is no wild guess, and the end of the buffer is the end */

    mem = malloc(HX_METRICS_TEXT_MAX);
    assert_non_null(mem);
    hx_buf_init(&b, mem, HX_METRICS_TEXT_MAX);
    hx_metrics_text(&b, m, &g);
    assert_true(hx_buf_ok(&b));
    assert_true(hx_buf_len(&b) > HX_METRICS_TEXT_MAX / 10 * 9);
    print_message("# longest text: %zu bytes\n", hx_buf_len(&b));
    free(mem);

    end = test_guard();
    hx_buf_init(&b, end - HX_TEST_AREA, HX_TEST_AREA);
    hx_metrics_text(&b, m, &g);
    assert_false(hx_buf_ok(&b));
}


/* Every length that is too short is refused, and the exact one is not. */

static void
short_buffers(void **state)
{
    size_t          len, cap;
    hx_buf_t        b;
    hx_metrics_t   *m;
    unsigned char  *end;

    m = test_metrics();
    hx_metrics_request(m, test_route(m, "GET", "/a"), HX_METRICS_GET, 200, 5);

    end = test_guard();
    hx_buf_init(&b, end - HX_TEST_AREA, HX_TEST_AREA);
    hx_metrics_text(&b, m, &quiet);
    assert_true(hx_buf_ok(&b));
    len = hx_buf_len(&b);

    for (cap = 0; cap < len; cap++) {
        hx_buf_init(&b, end - cap, cap);
        hx_metrics_text(&b, m, &quiet);
        assert_false(hx_buf_ok(&b));
    }

    hx_buf_init(&b, end - len, len);
    hx_metrics_text(&b, m, &quiet);
    assert_true(hx_buf_ok(&b));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(strict_reader),
        cmocka_unit_test(silent),
        cmocka_unit_test(to_the_letter),
        cmocka_unit_test(gauges),
        cmocka_unit_test(decisions),
        cmocka_unit_test(longest),
        cmocka_unit_test(short_buffers)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
