/*
 * hx_audit_test.c -- audit lines: documented members in their order, one line
 * whatever a client sends, and no line longer than promised.
 */

#define _GNU_SOURCE                 /* memmem */

#include "hx_test.h"

#include "hx_audit.h"
#include "hx_stripe_event.h"
#include "hx_chain.h"
#include "hx_json_scan.h"
#include "hx_text.h"

#define HX_EVENTS   20              /* of one record: 9 keys, 9 values, {} */

typedef struct {
    unsigned          n;
    hx_json_event_t   ev[HX_EVENTS];
    size_t            at[HX_EVENTS];
    size_t            len[HX_EVENTS];
    size_t            used;
    unsigned char     text[65536];
} hx_read_t;

static unsigned char  *line_end;    /* in front of a guard page */
static hx_read_t       read_back;


static int
test_setup(void **state)
{
    line_end = test_guard();

    return 0;
}


static hx_json_verdict_t
test_event(void *data, hx_json_event_t ev, const unsigned char *s, size_t len,
    unsigned depth)
{
    hx_read_t  *r = data;

    /* a path of more than 4096 bytes as written: START stands for it */

    if (ev == HX_JSON_LONG_END) {
        return HX_JSON_GO;
    }

    if (r->n == HX_EVENTS) {
        return HX_JSON_STOP;
    }

    r->ev[r->n] = ev;
    r->at[r->n] = r->used;
    r->len[r->n] = len;
    r->n++;

    if (len != 0) {
        memcpy(r->text + r->used, s, len);
        r->used += len;
    }

    return HX_JSON_SKIP;
}


static hx_str_t
test_line(const hx_audit_record_t *r)
{
    hx_buf_t       b;
    hx_str_t       line;
    unsigned char  ts[24];

    hx_text_time(ts, r->sec, r->msec);
    hx_buf_init(&b, line_end - HX_AUDIT_LINE_MAX, HX_AUDIT_LINE_MAX);
    hx_audit_members(&b, r, ts);
    hx_buf_lit(&b, "}\n");
    assert_true(hx_buf_ok(&b));

    line.data = b.start;
    line.len = hx_buf_len(&b);

    return line;
}


static void
test_record(hx_audit_record_t *r)
{
    memset(r, 0, sizeof(hx_audit_record_t));
    r->sec = 1735689599;
    r->msec = 7;
    r->tenant = test_str("acme-corp");
    r->method = test_str("GET");
    r->path = test_str("/v1/get/prod/a%2Fb?version=3&x=?");
    r->ns = test_str("prod");
    r->status = 200;
    r->cus = 1;
    r->latency_ms = 12;
    r->request_id = test_str("0b9c2c3e-1d9e-4c0e-8a51-6f9d1f1f0f0a");
}


static void
assert_line(const hx_audit_record_t *r, const char *want)
{
    const hx_str_t  line = test_line(r);
    const hx_str_t  w = test_str(want);

    if (!test_same(&line, &w)) {
        fail_msg("%.*s", (int) line.len, line.data);
    }
}


static void
documented_line(void **state)
{
    hx_audit_record_t  r;

    test_record(&r);
    assert_line(&r,
                "{\"ts\":\"2024-12-31T23:59:59.007Z\","
                "\"tenant_id\":\"acme-corp\",\"method\":\"GET\","
                "\"path\":\"/v1/get/prod/a%2Fb\",\"namespace\":\"prod\","
                "\"status\":200,\"cus\":0.1,\"latency_ms\":12,"
                "\"request_id\":\"0b9c2c3e-1d9e-4c0e-8a51-6f9d1f1f0f0a\"}\n");

    test_record(&r);
    r.tenant.data = NULL;
    r.ns.data = NULL;
    r.method = test_str("");
    r.path = test_str("");
    r.status = 401;
    r.cus = 0;
    r.latency_ms = UINT64_MAX;
    r.request_id = test_str("x");
    assert_line(&r,
                "{\"ts\":\"2024-12-31T23:59:59.007Z\",\"tenant_id\":null,"
                "\"method\":\"\",\"path\":\"\",\"namespace\":null,"
                "\"status\":401,\"cus\":0.0,"
                "\"latency_ms\":18446744073709551615,"
                "\"request_id\":\"x\"}\n");

    /* where it is switched on, behind the documented members */

    r.outcome = "invalid_key";
    assert_line(&r,
                "{\"ts\":\"2024-12-31T23:59:59.007Z\",\"tenant_id\":null,"
                "\"method\":\"\",\"path\":\"\",\"namespace\":null,"
                "\"status\":401,\"cus\":0.0,"
                "\"latency_ms\":18446744073709551615,"
                "\"request_id\":\"x\",\"outcome\":\"invalid_key\"}\n");
}


#define HX_BEGINNING                                                         \
    "{\"ts\":\"2024-12-31T23:59:59.007Z\","                                  \
    "\"tenant_id\":\"acme-corp\",\"method\":\"GET\","                        \
    "\"path\":\"/v1/get/prod/a%2Fb\",\"namespace\":\"prod\","                \
    "\"status\":200,\"cus\":0.1,\"latency_ms\":12,"                          \
    "\"request_id\":\"0b9c2c3e-1d9e-4c0e-8a51-6f9d1f1f0f0a\""


static void
test_extended(hx_audit_extended_t *e)
{
    memset(e, 0, sizeof(hx_audit_extended_t));
    e->operation = test_str("get");
    e->outcome = "allowed";
    e->client = test_str("192.0.2.7");
    e->user_agent = test_str("a \"b\"\n");
    e->bytes_in = 311;
    e->bytes_out = UINT64_MAX;
    e->upstream_ms = 0;
    e->error = "";
}


static void
extended_line(void **state)
{
    hx_audit_record_t     r;
    hx_audit_extended_t   e;

    test_record(&r);
    test_extended(&e);
    r.extended = &e;
    r.outcome = "said once only";
    assert_line(&r, HX_BEGINNING
                ",\"operation\":\"get\",\"outcome\":\"allowed\","
                "\"client_ip\":\"192.0.2.7\",\"user_agent\":\"a \\\"b\\\"\\n\","
                "\"bytes_in\":311,\"bytes_out\":18446744073709551615,"
                "\"upstream_ms\":0,\"error\":null}\n");

    e.operation.data = NULL;
    e.user_agent.data = NULL;
    e.upstream_ms = -1;
    e.error = "rate_limited";
    r.amends = 1;
    assert_line(&r, HX_BEGINNING
                ",\"operation\":null,\"outcome\":\"allowed\","
                "\"client_ip\":\"192.0.2.7\",\"user_agent\":null,"
                "\"bytes_in\":311,\"bytes_out\":18446744073709551615,"
                "\"upstream_ms\":null,\"error\":\"rate_limited\","
                "\"amends\":\"0b9c2c3e-1d9e-4c0e-8a51-6f9d1f1f0f0a\"}\n");

    r.extended = NULL;
    r.outcome = NULL;
    assert_line(&r, HX_BEGINNING
                ",\"amends\":\"0b9c2c3e-1d9e-4c0e-8a51-6f9d1f1f0f0a\"}\n");
}


#define HX_X8   "0101010101010101"
#define HX_Y8   "fefefefefefefefe"

/* What an operator did to a tenant's record; never the record. */
static void
admin_line(void **state)
{
    hx_audit_record_t     r;
    hx_audit_change_t     c;
    hx_audit_extended_t   e;

    test_record(&r);
    test_extended(&e);
    e.user_agent = test_str("");
    e.bytes_out = 1;
    e.admin = 1;
    r.extended = &e;
    assert_line(&r, HX_BEGINNING
                ",\"operation\":\"get\",\"outcome\":\"allowed\","
                "\"client_ip\":\"192.0.2.7\",\"user_agent\":\"\","
                "\"bytes_in\":311,\"bytes_out\":1,\"upstream_ms\":0,"
                "\"error\":null,\"before\":null,\"after\":null}\n");

    memset(&c, 0, sizeof(c));
    memset(c.before, 0x01, sizeof(c.before));
    memset(c.after, 0xfe, sizeof(c.after));
    c.has_before = 1;
    c.has_after = 1;
    e.change = &c;
    assert_line(&r, HX_BEGINNING
                ",\"operation\":\"get\",\"outcome\":\"allowed\","
                "\"client_ip\":\"192.0.2.7\",\"user_agent\":\"\","
                "\"bytes_in\":311,\"bytes_out\":1,\"upstream_ms\":0,"
                "\"error\":null,"
                "\"before\":\"sha256:" HX_X8 HX_X8 HX_X8 HX_X8 "\","
                "\"after\":\"sha256:" HX_Y8 HX_Y8 HX_Y8 HX_Y8 "\"}\n");

    c.has_before = 0;
    assert_line(&r, HX_BEGINNING
                ",\"operation\":\"get\",\"outcome\":\"allowed\","
                "\"client_ip\":\"192.0.2.7\",\"user_agent\":\"\","
                "\"bytes_in\":311,\"bytes_out\":1,\"upstream_ms\":0,"
                "\"error\":null,\"before\":null,"
                "\"after\":\"sha256:" HX_Y8 HX_Y8 HX_Y8 HX_Y8 "\"}\n");
}


/* An event that was not read, and one that was. */
static void
webhook_line(void **state)
{
    hx_audit_record_t     r;
    hx_audit_change_t     c;
    hx_audit_extended_t   e;

    test_record(&r);
    test_extended(&e);
    e.user_agent = test_str("");
    e.bytes_out = 1;
    e.event_result = "invalid";
    r.extended = &e;
    assert_line(&r, HX_BEGINNING
                ",\"operation\":\"get\",\"outcome\":\"allowed\","
                "\"client_ip\":\"192.0.2.7\",\"user_agent\":\"\","
                "\"bytes_in\":311,\"bytes_out\":1,\"upstream_ms\":0,"
                "\"error\":null,\"webhook_type\":null,\"webhook_id\":null,"
                "\"webhook_result\":\"invalid\"}\n");

    e.event_type = test_str("invoice.paid");
    e.event_id = test_str("evt_\"1");
    e.event_result = "applied";
    e.admin = 1;
    assert_line(&r, HX_BEGINNING
                ",\"operation\":\"get\",\"outcome\":\"allowed\","
                "\"client_ip\":\"192.0.2.7\",\"user_agent\":\"\","
                "\"bytes_in\":311,\"bytes_out\":1,\"upstream_ms\":0,"
                "\"error\":null,\"before\":null,\"after\":null,"
                "\"webhook_type\":\"invoice.paid\","
                "\"webhook_id\":\"evt_\\\"1\","
                "\"webhook_result\":\"applied\"}\n");

    memset(&c, 0, sizeof(c));
    memset(c.before, 0x01, sizeof(c.before));
    c.has_before = 1;
    e.admin = 0;
    e.other = test_str("one");
    e.other_change = &c;
    assert_line(&r, HX_BEGINNING
                ",\"operation\":\"get\",\"outcome\":\"allowed\","
                "\"client_ip\":\"192.0.2.7\",\"user_agent\":\"\","
                "\"bytes_in\":311,\"bytes_out\":1,\"upstream_ms\":0,"
                "\"error\":null,"
                "\"webhook_type\":\"invoice.paid\","
                "\"webhook_id\":\"evt_\\\"1\","
                "\"webhook_result\":\"applied\",\"moved_from\":\"one\","
                "\"moved_before\":\"sha256:" HX_X8 HX_X8 HX_X8 HX_X8
                "\",\"moved_after\":null}\n");
}


/*
 * A path and a User-Agent in the longest spelling, the rest as long as checks
 * let it be: with a chain it is still a line.
 */
static void
longest_extended(void **state)
{
    hx_str_t              line;
    hx_audit_record_t     r;
    hx_audit_change_t     c;
    hx_audit_extended_t   e;
    static char           nasty[HX_AUDIT_PATH_MAX + 1], plain[256];
    static char           quotes[HX_STRIPE_NAME_MAX];

    memset(quotes, '"', sizeof(quotes));
    memset(nasty, 1, sizeof(nasty));
    memset(plain, 'p', sizeof(plain));
    memset(&c, 0xff, sizeof(c));
    test_record(&r);
    test_extended(&e);

    r.tenant.data = r.method.data = r.ns.data = r.request_id.data =
                                                     (unsigned char *) plain;
    r.path.data = e.user_agent.data = (unsigned char *) nasty;
    e.operation.data = e.client.data = (unsigned char *) plain;
    r.tenant.len = HX_TENANT_MAX;
    r.method.len = 32;
    r.path.len = sizeof(nasty);
    r.ns.len = HX_NAMESPACE_MAX;
    r.request_id.len = HX_REQUEST_ID_MAX;
    r.latency_ms = UINT64_MAX;
    e.operation.len = 64;
    e.client.len = 64;
    e.user_agent.len = sizeof(nasty);
    e.bytes_in = UINT64_MAX;
    e.upstream_ms = INT64_MAX;
    e.error = "unsupported_media_type";
    e.admin = 1;
    e.change = &c;
    e.event_result = "duplicate";
    e.event_type.data = e.event_id.data = (unsigned char *) quotes;
    e.event_type.len = e.event_id.len = sizeof(quotes);
    e.other = r.tenant;
    e.other_change = &c;
    r.amends = 1;
    r.extended = &e;

    line = test_line(&r);
    assert_true(line.len > (HX_AUDIT_PATH_MAX + HX_AUDIT_AGENT_MAX) * 6);
    assert_true(line.len + HX_CHAIN_TAIL_MAX <= HX_AUDIT_LINE_MAX);
}


/* Nobody writes a record of his own, or ends one early. */
static void
forged_records(void **state)
{
    hx_audit_record_t  r;

    test_record(&r);
    r.path = test_str("/x\"}\n{\"ts\":\"");
    r.method = test_str("G\"T");
    assert_line(&r,
                "{\"ts\":\"2024-12-31T23:59:59.007Z\","
                "\"tenant_id\":\"acme-corp\",\"method\":\"G\\\"T\","
                "\"path\":\"/x\\\"}\\n{\\\"ts\\\":\\\"\","
                "\"namespace\":\"prod\","
                "\"status\":200,\"cus\":0.1,\"latency_ms\":12,"
                "\"request_id\":\"0b9c2c3e-1d9e-4c0e-8a51-6f9d1f1f0f0a\"}\n");

    r.method = test_str("GET");
    r.path = test_str("/\xc3\xa9\",\"status\":200}\n");
    assert_line(&r,
                "{\"ts\":\"2024-12-31T23:59:59.007Z\","
                "\"tenant_id\":\"acme-corp\",\"method\":\"GET\","
                "\"path\":\"/\xc3\xa9\\\",\\\"status\\\":200}\\n\","
                "\"namespace\":\"prod\","
                "\"status\":200,\"cus\":0.1,\"latency_ms\":12,"
                "\"request_id\":\"0b9c2c3e-1d9e-4c0e-8a51-6f9d1f1f0f0a\"}\n");
}


static void
long_paths(void **state)
{
    size_t              n;
    hx_str_t            line;
    hx_audit_record_t   r;
    static char         path[3 * HX_AUDIT_PATH_MAX];

    test_record(&r);
    memset(path, 'p', sizeof(path));
    r.path.data = (unsigned char *) path;

    for (n = HX_AUDIT_PATH_MAX - 2; n < HX_AUDIT_PATH_MAX + 3; n++) {
        r.path.len = n;
        line = test_line(&r);
        assert_int_equal(memmem(line.data, line.len, "ppp...\"", 7) != NULL,
                         n > HX_AUDIT_PATH_MAX);
    }

    /* what counts is the path, not the query behind it */

    path[HX_AUDIT_PATH_MAX] = '?';
    r.path.len = sizeof(path);
    line = test_line(&r);
    assert_null(memmem(line.data, line.len, "...", 3));
    assert_null(memchr(line.data, '?', line.len));
}


static void
test_value(unsigned i, hx_json_event_t ev, const void *s, size_t len)
{
    assert_int_equal(read_back.ev[i], ev);
    assert_int_equal(read_back.len[i], len);
    assert_memory_equal(read_back.text + read_back.at[i], s, len);
}


/* The line is read by our own scanner, which knows nothing of the writer. */
static void
test_read(const hx_str_t *line, const hx_audit_record_t *r)
{
    int              n;
    char             number[32];
    unsigned         i;
    hx_json_err_t    err;
    unsigned char    ts[24];
    hx_json_scan_t  *scan;

    static const char *const  names[] = {
        "ts", "tenant_id", "method", "path", "namespace", "status", "cus",
        "latency_ms", "request_id"
    };

    assert_true(line->len <= HX_AUDIT_LINE_MAX);
    assert_ptr_equal(memchr(line->data, '\n', line->len),
                     line->data + line->len - 1);

    read_back.n = 0;
    read_back.used = 0;
    scan = hx_json_scan_create(test_event, &read_back);
    assert_non_null(scan);
    err = hx_json_scan_feed(scan, line->data, line->len);
    err = err == HX_JSON_OK ? hx_json_scan_finish(scan) : err;
    hx_json_scan_free(scan);

    assert_int_equal(err, HX_JSON_OK);
    assert_int_equal(read_back.n, HX_EVENTS);

    for (i = 0; i < hx_nelts(names); i++) {
        test_value(1 + 2 * i, HX_JSON_KEY, names[i], strlen(names[i]));
    }

    hx_text_time(ts, r->sec, r->msec);
    test_value(2, HX_JSON_STRING, ts, sizeof(ts));

    if (r->tenant.data == NULL) {
        assert_int_equal(read_back.ev[4], HX_JSON_NULL);

    } else {
        test_value(4, HX_JSON_STRING, r->tenant.data, r->tenant.len);
    }

    assert_int_equal(read_back.ev[10], r->ns.data == NULL ? HX_JSON_NULL
                                                          : HX_JSON_STRING);

    n = snprintf(number, sizeof(number), "%u", r->status);
    test_value(12, HX_JSON_NUMBER, number, (size_t) n);
    n = snprintf(number, sizeof(number), "%u.%u", r->cus / 10, r->cus % 10);
    test_value(14, HX_JSON_NUMBER, number, (size_t) n);
    n = snprintf(number, sizeof(number), "%ju", (uintmax_t) r->latency_ms);
    test_value(16, HX_JSON_NUMBER, number, (size_t) n);

    test_value(18, HX_JSON_STRING, r->request_id.data, r->request_id.len);
}


static void
random_records(void **state)
{
    size_t              i;
    hx_str_t            line;
    hx_audit_record_t   r;
    static char         mem[5][4096];

    for (i = 0; i < 5000; i++) {
        memset(&r, 0, sizeof(r));
        test_fill(mem, sizeof(mem));
        memset(mem[0], 'a', sizeof(mem[0]));
        memset(mem[3], 'r', sizeof(mem[3]));

        r.sec = (int64_t) test_below(4000000000u);
        r.msec = (unsigned) test_below(1000);

        if (test_below(4)) {
            r.tenant.data = (unsigned char *) mem[0];
            r.tenant.len = 1 + test_below(HX_TENANT_MAX);
        }

        r.method.data = (unsigned char *) mem[1];
        r.method.len = test_below(33);
        r.path.data = (unsigned char *) mem[2];
        r.path.len = test_below(test_below(10) ? 100 : sizeof(mem[2]));
        r.request_id.data = (unsigned char *) mem[3];
        r.request_id.len = 1 + test_below(HX_REQUEST_ID_MAX);

        if (test_below(4)) {
            r.ns.data = (unsigned char *) mem[4];
            r.ns.len = test_below(HX_NAMESPACE_MAX + 1);
        }

        r.status = 100 + (unsigned) test_below(500);
        r.cus = (uint32_t) test_below(1000);
        r.latency_ms = test_random() >> test_below(64);

        line = test_line(&r);
        test_read(&line, &r);
    }
}


/* Everything at its limit, and all of it in the longest spelling. */
static void
longest_record(void **state)
{
    hx_str_t            line;
    hx_audit_record_t   r;
    static char         nasty[HX_AUDIT_PATH_MAX + 1];

    memset(nasty, 1, sizeof(nasty));
    memset(&r, 0, sizeof(r));

    r.tenant.data = r.method.data = r.path.data = r.ns.data =
                                                     (unsigned char *) nasty;
    r.request_id.data = (unsigned char *) nasty;
    r.tenant.len = HX_TENANT_MAX;
    r.method.len = 32;
    r.path.len = sizeof(nasty);
    r.ns.len = HX_NAMESPACE_MAX;
    r.request_id.len = HX_REQUEST_ID_MAX;
    r.status = UINT32_MAX;
    r.cus = UINT32_MAX;
    r.latency_ms = UINT64_MAX;

    line = test_line(&r);
    assert_true(line.len > HX_AUDIT_PATH_MAX * 6);
    assert_int_equal(line.data[line.len - 1], '\n');
}


/* A record goes out whole or not at all. */
static void
full_buffer(void **state)
{
    size_t              cap, len;
    hx_buf_t            b;
    unsigned char       ts[24];
    hx_audit_record_t   r;

    test_record(&r);
    len = test_line(&r).len;
    hx_text_time(ts, r.sec, r.msec);

    for (cap = 0; cap < len + 3; cap++) {
        hx_buf_init(&b, line_end - cap, cap);
        hx_audit_members(&b, &r, ts);
        hx_buf_lit(&b, "}\n");
        assert_int_equal(hx_buf_ok(&b), cap >= len);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(documented_line),
        cmocka_unit_test(extended_line),
        cmocka_unit_test(admin_line),
        cmocka_unit_test(webhook_line),
        cmocka_unit_test(longest_extended),
        cmocka_unit_test(forged_records),
        cmocka_unit_test(long_paths),
        cmocka_unit_test(random_records),
        cmocka_unit_test(longest_record),
        cmocka_unit_test(full_buffer)
    };

    return cmocka_run_group_tests(tests, test_setup, NULL);
}
