/*
 * hx_reply_test.c -- error bodies: their form, escaping, cutting, room for the
 * worst case; what a reply keeps when it becomes an error.
 */

#define _GNU_SOURCE                 /* memmem */

#include "hx_test.h"
#include "hx_reply.h"

static hx_reply_t  r;


static void
begin(void)
{
    hx_reply_init(&r);
    r.request_id = test_str("id-1");
}


static void
check_body(const char *want)
{
    assert_true(hx_buf_ok(&r.body) && hx_buf_ok(&r.headers));
    assert_int_equal(hx_buf_len(&r.body), strlen(want));
    assert_memory_equal(r.body.start, want, strlen(want));
}


static void
test_error_form(void **state)
{
    hx_str_t  s;

    begin();
    s = test_str("a\"b");
    hx_reply_error(&r, HX_E_CONFLICT, "x '%V' %L%% %s", &s, UINT64_MAX, "y");
    assert_int_equal(r.status, 409);
    check_body("{\"detail\":\"x 'a\\\"b' 18446744073709551615% y\","
               "\"error\":\"conflict\",\"request_id\":\"id-1\"}");
    hx_reply_clear(&r);
}


static void
test_echo_is_cut_between_characters(void **state)
{
    size_t    i, len;
    char      text[1024];
    hx_str_t  s;

    /* 127 characters of two bytes are 254, one more would be 256 */

    for (i = 0; i < sizeof(text); i += 2) {
        memcpy(text + i, "\xc3\xa9", 2);
    }

    begin();
    s.data = (unsigned char *) text;
    s.len = sizeof(text);
    hx_reply_error(&r, HX_E_INVALID_REQUEST, "%V", &s);
    len = hx_buf_len(&r.body);
    assert_null(memmem(r.body.start, len, "ufffd", 5));
    assert_memory_equal(r.body.start + 11 + 254, "\"", 1);
    hx_reply_clear(&r);
}


static void
test_worst_case_fits(void **state)
{
    hx_str_t       s;
    unsigned char  text[600];

    memset(text, 1, sizeof(text));
    begin();
    s.data = text;
    s.len = sizeof(text);
    hx_reply_error(&r, HX_E_INVALID_REQUEST, "%V%V%V", &s, &s, &s);
    assert_true(hx_buf_ok(&r.body));
    assert_memory_equal(r.body.last - 1, "}", 1);
    hx_reply_clear(&r);
}


static void
test_headers_by_status(void **state)
{
    begin();
    hx_reply_error(&r, HX_E_UNAUTHORIZED, "x");
    assert_non_null(memmem(r.headers.start, hx_buf_len(&r.headers),
                           "WWW-Authenticate: Bearer\r\n", 26));

    hx_reply_error(&r, HX_E_UNAVAILABLE, "x");
    assert_int_equal(hx_buf_len(&r.headers), 16);
    assert_memory_equal(r.headers.start, "Retry-After: 1\r\n", 16);
    hx_reply_clear(&r);
}


/* What the connection decided must outlive what the operation says. */
static void
test_reset_keeps_connection_state(void **state)
{
    hx_buf_t  *b;

    begin();
    r.close = 1;
    r.no_body = 1;
    b = hx_reply_open(&r, 200, 100000);
    assert_non_null(b);
    hx_buf_lit(b, "old");
    hx_reply_etag(&r, 12);
    hx_reply_error(&r, HX_E_INTERNAL, "new");
    assert_int_equal(r.close, 1);
    assert_int_equal(r.no_body, 1);
    assert_null(r.heap);
    assert_int_equal(hx_buf_len(&r.headers), 0);
    check_body("{\"detail\":\"new\",\"error\":\"internal\","
               "\"request_id\":\"id-1\"}");
    hx_reply_clear(&r);
}


static void
test_length(void **state)
{
    hx_buf_t  *b;

    begin();
    b = hx_reply_open(&r, 200, 10);
    hx_buf_lit(b, "abc");
    assert_int_equal(hx_reply_length(&r), 3);
    r.tail = "\"}";
    assert_int_equal(hx_reply_length(&r), 5);
    r.stream.active = 1;
    r.stream.lead_len = 2;
    r.stream.first = 10;
    r.stream.last = 15;
    assert_int_equal(hx_reply_length(&r), 12);
    r.stream.base64 = 1;
    assert_int_equal(hx_reply_length(&r), 17);
    hx_reply_clear(&r);
}


/* Once: every 503 has it already, whoever words it. */
static void
test_no_budget(void **state)
{
    static const char  want[] = "Retry-After: 1\r\n";

    hx_reply_init(&r);
    r.request_id = test_str("id");
    hx_reply_no_budget(&r);
    assert_int_equal(r.status, 503);
    assert_string_equal(r.reason, "in-flight budget");
    assert_int_equal(hx_buf_len(&r.headers), sizeof(want) - 1);
    assert_memory_equal(r.headers.start, want, sizeof(want) - 1);
    hx_reply_clear(&r);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_no_budget),
        cmocka_unit_test(test_error_form),
        cmocka_unit_test(test_echo_is_cut_between_characters),
        cmocka_unit_test(test_worst_case_fits),
        cmocka_unit_test(test_headers_by_status),
        cmocka_unit_test(test_reset_keeps_connection_state),
        cmocka_unit_test(test_length)
    };

    return cmocka_run_group_tests_name("hx_reply", tests, NULL, NULL);
}
