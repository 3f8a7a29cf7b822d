/*
 * hx_audit_record_test.c -- records read back: the quick way and the JSON
 * scanner say the same, and no bytes do harm.
 */

#include "hx_test.h"

#include "hx_audit_filter.h"
#include "hx_audit_record_read.h"
#include "hx_text.h"

static hx_record_reader_t  reader, second;


static hx_rc_t
test_read(hx_record_t *r, const char *text)
{
    return hx_record_read(&reader, r, test_edge(text, strlen(text)),
                          strlen(text));
}


static void
test_is(const hx_str_t *s, const char *want)
{
    if (want == NULL) {
        assert_null(s->data);
        return;
    }

    assert_non_null(s->data);
    assert_int_equal(s->len, strlen(want));
    assert_memory_equal(s->data, want, s->len);
}

#define FRONT  "{\"ts\":\"2026-01-31T23:59:59.123Z\","
#define MIDDLE "\"method\":\"GET\",\"path\":\"/v1/list/a\","
#define BACK   "\"status\":200,\"cus\":12.5,\"latency_ms\":7,"
#define ID     "\"request_id\":\"r-1\""

static const char  plain[] = FRONT "\"tenant_id\":\"acme\"," MIDDLE
                             "\"namespace\":\"a\"," BACK ID "}";


static void
test_plain(void **state)
{
    hx_record_t  r;

    assert_int_equal(test_read(&r, plain), HX_OK);
    test_is(&r.ts, "2026-01-31T23:59:59.123Z");
    assert_int_equal(r.ms, INT64_C(1769903999123));
    test_is(&r.tenant, "acme");
    test_is(&r.method, "GET");
    test_is(&r.path, "/v1/list/a");
    test_is(&r.ns, "a");
    assert_int_equal(r.status, 200);
    assert_int_equal(r.cus, 125);
    assert_int_equal(r.latency_ms, 7);
    test_is(&r.request_id, "r-1");
    test_is(&r.operation, NULL);
    test_is(&r.outcome, NULL);
    assert_int_equal(r.amends, 0);
    assert_int_equal(r.checkpoint, 0);
}


static void
test_nulls_and_more_members(void **state)
{
    hx_record_t  r;

    assert_int_equal(test_read(&r, FRONT "\"tenant_id\":null," MIDDLE
                               "\"namespace\":null," BACK ID
                               ",\"operation\":\"list\",\"outcome\":\"allowed\""
                               ",\"upstream_ms\":null,\"bytes_in\":12"
                               ",\"amends\":\"r-1\",\"writer\":\"x\",\"seq\":1"
                               ",\"hash\":\"00\"}"), HX_OK);
    test_is(&r.tenant, NULL);
    test_is(&r.ns, NULL);
    test_is(&r.operation, "list");
    test_is(&r.outcome, "allowed");
    assert_int_equal(r.amends, 1);
}


static void
test_checkpoint(void **state)
{
    hx_record_t  r;

    assert_int_equal(test_read(&r, FRONT "\"checkpoint\":\"mark\",\"node\":"
                               "\"n\",\"lost\":0,\"key\":null}"), HX_OK);
    assert_int_equal(r.checkpoint, 1);
    assert_int_equal(r.ms, INT64_C(1769903999123));
    assert_int_equal(test_read(&r, "{\"checkpoint\":\"mark\"}"), HX_NO);
}


/* A blank after the brace leaves the quick way: all the same comes out. */

static void
test_both_ways(void **state)
{
    size_t         i, n;
    hx_record_t    a, b;
    char           spaced[1024];

    static const char *const  ends[] = {
        ID "}", ID ",\"outcome\":null}", ID ",\"amends\":null}",
        ID ",\"operation\":\"x\",\"zzz\":1.5}"
    };

    for (i = 0; i < hx_nelts(ends); i++) {
        n = (size_t) snprintf(spaced, sizeof(spaced), "%s%s",
                              "{ \"ts\":\"2026-01-31T23:59:59.123Z\","
                              "\"tenant_id\":\"acme\"," MIDDLE
                              "\"namespace\":\"a\"," BACK, ends[i]);

        assert_int_equal(hx_record_read(&reader, &a,
                                        (unsigned char *) spaced, n), HX_OK);
        memmove(spaced + 1, spaced + 2, n - 1);
        assert_int_equal(hx_record_read(&second, &b,
                                        (unsigned char *) spaced, n - 1),
                         HX_OK);

        assert_int_equal(a.ms, b.ms);
        assert_true(test_same(&a.tenant, &b.tenant));
        assert_true(test_same(&a.path, &b.path));
        assert_true(test_same(&a.operation, &b.operation));
        assert_true(test_same(&a.outcome, &b.outcome));
        assert_int_equal(a.cus, b.cus);
        assert_int_equal(a.amends, b.amends);
    }
}


static void
test_escapes_and_long_strings(void **state)
{
    size_t          n, i;
    hx_record_t     r;
    static char     text[40000];

    n = (size_t) snprintf(text, sizeof(text), "%s", FRONT
                          "\"tenant_id\":\"a\\u00e4\\n\",\"method\":\"GET\","
                          "\"path\":\"");

    for (i = 0; i < 2051; i++) {
        memcpy(text + n, "\\u0001", 6);
        n += 6;
    }

    n += (size_t) snprintf(text + n, sizeof(text) - n, "%s",
                           "\",\"namespace\":\"a\"," BACK ID "}");

    assert_int_equal(hx_record_read(&reader, &r, (unsigned char *) text, n),
                     HX_OK);
    test_is(&r.tenant, "a\xc3\xa4\n");
    assert_int_equal(r.path.len, 2051);
    assert_int_equal(r.path.data[2050], 1);
}


static void
test_no_records(void **state)
{
    size_t       i;
    hx_record_t  r;

    static const char *const  bad[] = {
        "", "{", "{}", "[]", "null", "\"ts\"", "{\"ts\":1}",
        FRONT "\"tenant_id\":\"a\"," MIDDLE "\"namespace\":\"a\"," BACK "}",
        FRONT "\"tenant_id\":7," MIDDLE "\"namespace\":\"a\"," BACK ID "}",
        FRONT "\"tenant_id\":\"a\"," MIDDLE "\"namespace\":\"a\"," BACK ID
            ",\"status\":200}",
        FRONT "\"tenant_id\":\"a\"," MIDDLE "\"namespace\":\"a\"," BACK ID
            "}}",
        FRONT "\"tenant_id\":\"a\"," MIDDLE "\"namespace\":\"a\"," BACK ID,
        FRONT "\"tenant_id\":\"a\"," MIDDLE "\"namespace\":\"a\"," BACK ID
            ",\"b\":00}",
        FRONT "\"tenant_id\":\"a\"," MIDDLE "\"namespace\":\"a\"," BACK ID
            ",\"b\":1.2.3}",
        "{\"ts\":\"2026-02-30T00:00:00.000Z\",\"tenant_id\":\"a\"," MIDDLE
            "\"namespace\":\"a\"," BACK ID "}"
    };

    for (i = 0; i < hx_nelts(bad); i++) {
        if (test_read(&r, bad[i]) != HX_NO) {
            fail_msg("%zu: %s", i, bad[i]);
        }
    }
}


/* Lines with a few wrong bytes, at the edge of readable memory. */

static void
test_noise(void **state)
{
    size_t         i, k;
    hx_record_t    r;
    char           text[sizeof(plain)];

    for (i = 0; i < 20000; i++) {
        memcpy(text, plain, sizeof(plain));

        for (k = test_below(4) + 1; k != 0; k--) {
            text[test_below(sizeof(plain) - 1)] = (char) test_random();
        }

        k = test_below(8) == 0 ? test_below(sizeof(plain)) : sizeof(plain) - 1;
        (void) hx_record_read(&reader, &r, test_edge(text, k), k);
    }
}


static void
test_time(void **state)
{
    size_t  i;

    static const struct {
        const char  *text;
        int64_t      ms;
    } rows[] = {
        { "1970-01-01T00:00:00.000Z", 0 },
        { "1970-01-01T00:00:00Z", 0 },
        { "1970-02-01T00:00:00Z", INT64_C(2678400000) },
        { "2000-02-29T12:34:56.789Z", INT64_C(951827696789) },
        { "2024-12-31T23:59:59.999Z", INT64_C(1735689599999) },
        { "9999-12-31T23:59:59Z", INT64_C(253402300799000) },
        { "1969-12-31T23:59:59Z", HX_RECORD_NONE },
        { "2001-02-29T00:00:00Z", HX_RECORD_NONE },
        { "2000-04-31T00:00:00Z", HX_RECORD_NONE },
        { "2000-01-00T00:00:00Z", HX_RECORD_NONE },
        { "2000-01-01T24:00:00Z", HX_RECORD_NONE },
        { "2000-01-01T00:60:00Z", HX_RECORD_NONE },
        { "2000-01-01T00:00:60Z", HX_RECORD_NONE },
        { "2000-01-01 00:00:00Z", HX_RECORD_NONE },
        { "2000-01-01T00:00:00.0Z", HX_RECORD_NONE },
        { "2000-01-01T00:00:00+", HX_RECORD_NONE }
    };

    for (i = 0; i < hx_nelts(rows); i++) {
        assert_int_equal(hx_record_time(test_edge(rows[i].text,
                                                  strlen(rows[i].text)),
                                        strlen(rows[i].text)), rows[i].ms);
    }
}


static void
test_filter_options(void **state)
{
    size_t              i;
    int64_t             t;
    hx_filter_status_t  s;

    static const char *const  bad_status[] = {
        "", "4", "4x", "xx", "0xx", "40x", "4xxx", "099", "500-", "500-499",
        "500-5xx", "500_599", "1000"
    };
    static const char *const  bad_time[] = {
        "", "m", "5", "-5m", "5y", "m5", "1.5h", "2026-1-1", "2026-13-01",
        "2026-01-01T", "2026-01-01T00:00:00", "9999999999s"
    };

    assert_int_equal(hx_filter_status(&s, "4xx"), HX_OK);
    assert_int_equal(s.from, 400);
    assert_int_equal(s.to, 499);
    assert_int_equal(hx_filter_status(&s, "403"), HX_OK);
    assert_true(s.from == 403 && s.to == 403);
    assert_int_equal(hx_filter_status(&s, "500-599"), HX_OK);
    assert_true(s.from == 500 && s.to == 599);

    for (i = 0; i < hx_nelts(bad_status); i++) {
        assert_int_equal(hx_filter_status(&s, bad_status[i]), HX_NO);
    }

    assert_int_equal(hx_filter_time(&t, "15m", 1000000), HX_OK);
    assert_int_equal(t, 1000000 - 900000);
    assert_int_equal(hx_filter_time(&t, "2w", 0), HX_OK);
    assert_int_equal(t, INT64_C(-1209600000));
    assert_int_equal(hx_filter_time(&t, "1970-01-02", 5), HX_OK);
    assert_int_equal(t, 86400000);
    assert_int_equal(hx_filter_time(&t, "1970-01-01T00:00:01.500Z", 5), HX_OK);
    assert_int_equal(t, 1500);

    for (i = 0; i < hx_nelts(bad_time); i++) {
        if (hx_filter_time(&t, bad_time[i], 0) != HX_NO) {
            fail_msg("%s", bad_time[i]);
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_nulls_and_more_members),
        cmocka_unit_test(test_checkpoint),
        cmocka_unit_test(test_both_ways),
        cmocka_unit_test(test_escapes_and_long_strings),
        cmocka_unit_test(test_no_records),
        cmocka_unit_test(test_noise),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_filter_options),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
