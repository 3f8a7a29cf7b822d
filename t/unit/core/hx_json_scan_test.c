/*
 * hx_json_scan_test.c -- events, limits, long strings, stopping and memory of
 * the JSON scanner.  What is JSON: hx_json_vectors_test.c; against a model:
 * hx_json_model_test.c.
 */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <malloc.h>

#include <cmocka.h>

#include "hx_json_log.h"
#include "hx_json_token.h"

#ifdef __SANITIZE_ADDRESS__
size_t __sanitizer_get_current_allocated_bytes(void);
#endif

typedef struct {
    hx_json_event_t   ev;
    unsigned          depth;
    const char       *s;        /* NULL for events without text */
} hx_want_t;

static const size_t  hx_pieces[] = { 0, 1, 2, 3, 7, 4095, 4096, 4097 };


static char *
test_add(char *p, const char *s)
{
    const size_t  n = strlen(s);

    memcpy(p, s, n);

    return p + n;
}


/* Text in buf: head, n times unit, tail; its length. */
static size_t
test_text(char *buf, const char *head, const char *unit, size_t n,
    const char *tail)
{
    char  *p;

    p = test_add(buf, head);

    while (n-- > 0) {
        p = test_add(p, unit);
    }

    p = test_add(p, tail);

    return (size_t) (p - buf);
}


static hx_json_err_t
test_run(hx_log_t *log, const char *text, size_t len, size_t piece,
    uint64_t *offset)
{
    return hx_log_run(log, (const unsigned char *) text, len, piece, NULL,
                      offset);
}


/* The error and its offset, the same for all pieces. */
static void
test_error(const char *text, size_t len, hx_json_err_t want, uint64_t at)
{
    size_t         i;
    uint64_t       offset;
    hx_log_t       log;
    hx_json_err_t  err;

    memset(&log, 0, sizeof(log));

    for (i = 0; i < hx_nelts(hx_pieces); i++) {
        err = test_run(&log, text, len, hx_pieces[i], &offset);

        if (err != want || offset != at) {
            fail_msg("%.*s: %s at %zu, not %s at %zu",
                     len < 60 ? (int) len : 60, text, hx_json_strerror(err),
                     (size_t) offset, hx_json_strerror(want), (size_t) at);
        }
    }

    free(log.p);
}


static void
events_and_depths(void **state)
{
    size_t    i;
    uint64_t  offset;
    hx_log_t  log, want;

    static const char  text[] =
        " { \"a\" : [ 1 , -2.50e+1, true,false , null,\"x\\ny\\u0000z\" ] ,"
        " \"\\u00e9\\ud83d\\ude00\" : { } , \"\":\"\" } ";

    static const hx_want_t  events[] = {
        { HX_JSON_MAP_START, 0, NULL },
        { HX_JSON_KEY, 1, "a" },
        { HX_JSON_ARRAY_START, 1, NULL },
        { HX_JSON_NUMBER, 2, "1" },
        { HX_JSON_NUMBER, 2, "-2.50e+1" },
        { HX_JSON_TRUE, 2, NULL },
        { HX_JSON_FALSE, 2, NULL },
        { HX_JSON_NULL, 2, NULL },
        { HX_JSON_STRING, 2, "x\ny\0z" },
        { HX_JSON_ARRAY_END, 1, NULL },
        { HX_JSON_KEY, 1, "\xc3\xa9\xf0\x9f\x98\x80" },
        { HX_JSON_MAP_START, 1, NULL },
        { HX_JSON_MAP_END, 1, NULL },
        { HX_JSON_KEY, 1, "" },
        { HX_JSON_STRING, 1, "" },
        { HX_JSON_MAP_END, 0, NULL }
    };

    memset(&log, 0, sizeof(log));
    memset(&want, 0, sizeof(want));

    for (i = 0; i < hx_nelts(events); i++) {
        size_t  len;

        len = (events[i].s == NULL) ? 0
              : (events[i].ev == HX_JSON_STRING && events[i].s[0]) ? 5
              : strlen(events[i].s);
        hx_log_event(&want, events[i].ev, events[i].s, len, events[i].depth);
    }

    for (i = 0; i < hx_nelts(hx_pieces); i++) {
        assert_int_equal(test_run(&log, text, sizeof(text) - 1, hx_pieces[i],
                                  &offset), HX_JSON_OK);
        assert_int_equal(offset, sizeof(text) - 1);
        assert_int_equal(log.n, want.n);
        assert_memory_equal(log.p, want.p, want.n);
    }

    free(log.p);
    free(want.p);
}


static void
depth_is_limited(void **state)
{
    char    text[1024];
    size_t  len;

    len = test_text(text, "", "[", HX_JSON_DEPTH_MAX, "");
    len += test_text(text + len, "", "]", HX_JSON_DEPTH_MAX, "");
    test_error(text, len, HX_JSON_OK, len);

    len = test_text(text, "", "{\"k\":", HX_JSON_DEPTH_MAX, "0");
    len += test_text(text + len, "", "}", HX_JSON_DEPTH_MAX, "");
    test_error(text, len, HX_JSON_OK, len);

    len = test_text(text, "", "[", HX_JSON_DEPTH_MAX + 1, "");
    test_error(text, len, HX_JSON_E_DEPTH, HX_JSON_DEPTH_MAX);

    len = test_text(text, "", "[", HX_JSON_DEPTH_MAX, "{}");
    test_error(text, len, HX_JSON_E_DEPTH, HX_JSON_DEPTH_MAX);

    /* Containers that are closed again do not count. */
    len = test_text(text, "[", "[],", 200, "[]]");
    test_error(text, len, HX_JSON_OK, len);
}


static void
tokens_are_limited(void **state)
{
    char    text[3 * HX_JSON_STRING_MAX];
    size_t  len;

    len = test_text(text, "{\"", "k", HX_JSON_STRING_MAX, "\":1}");
    test_error(text, len, HX_JSON_OK, len);
    len = test_text(text, "{\"", "k", HX_JSON_STRING_MAX + 1, "\":1}");
    test_error(text, len, HX_JSON_E_TOKEN, 2 + HX_JSON_STRING_MAX);

    /* As written: an escaped key has the same limit, not its meaning. */
    len = test_text(text, "{\"", "\\u0061", HX_JSON_STRING_MAX / 6 + 1,
                    "\":1}");
    test_error(text, len, HX_JSON_E_TOKEN, 2 + HX_JSON_STRING_MAX);

    len = test_text(text, "[", "7", HX_JSON_NUMBER_MAX, "]");
    test_error(text, len, HX_JSON_OK, len);
    len = test_text(text, "[", "7", HX_JSON_NUMBER_MAX + 1, "]");
    test_error(text, len, HX_JSON_E_TOKEN, 1 + HX_JSON_NUMBER_MAX);
    len = test_text(text, "[0.", "7", HX_JSON_NUMBER_MAX - 2, "");
    test_error(text, len, HX_JSON_E_SYNTAX, len);
}


static void
error_offsets(void **state)
{
    size_t  i;

    static const struct {
        const char     *text;
        hx_json_err_t   err;
        uint64_t        at;
    } cases[] = {
        { "{\"a\":tru}", HX_JSON_E_SYNTAX, 8 },
        { "[1,2", HX_JSON_E_SYNTAX, 4 },
        { "[1,2,]", HX_JSON_E_SYNTAX, 5 },
        { "[01]", HX_JSON_E_SYNTAX, 2 },
        { "[1.]", HX_JSON_E_SYNTAX, 3 },
        { "[\"\\q\"]", HX_JSON_E_SYNTAX, 3 },
        { "[\"\\u12x4\"]", HX_JSON_E_SYNTAX, 6 },
        { "[\"a\x01\"]", HX_JSON_E_SYNTAX, 3 },
        { "[\"\xe2\x82z\"]", HX_JSON_E_UTF8, 4 },
        { "[\"\xc0\x80\"]", HX_JSON_E_UTF8, 2 },
        { "[\"\\udc00\"]", HX_JSON_E_UTF8, 7 },
        { "[\"\\ud800\"]", HX_JSON_E_UTF8, 8 },
        { "{}}", HX_JSON_E_SYNTAX, 2 },
        { "", HX_JSON_E_SYNTAX, 0 }
    };

    for (i = 0; i < hx_nelts(cases); i++) {
        test_error(cases[i].text, strlen(cases[i].text), cases[i].err,
                   cases[i].at);
    }
}


/* What is in front of an error is delivered, however it is cut. */
static void
events_before_an_error(void **state)
{
    size_t    i;
    uint64_t  offset;
    hx_log_t  log, want;

    static const char  text[] = "{\"a\":[1,22,\"x\",true,3} ";

    memset(&log, 0, sizeof(log));
    memset(&want, 0, sizeof(want));
    hx_log_event(&want, HX_JSON_MAP_START, NULL, 0, 0);
    hx_log_event(&want, HX_JSON_KEY, "a", 1, 1);
    hx_log_event(&want, HX_JSON_ARRAY_START, NULL, 0, 1);
    hx_log_event(&want, HX_JSON_NUMBER, "1", 1, 2);
    hx_log_event(&want, HX_JSON_NUMBER, "22", 2, 2);
    hx_log_event(&want, HX_JSON_STRING, "x", 1, 2);
    hx_log_event(&want, HX_JSON_TRUE, NULL, 0, 2);
    hx_log_event(&want, HX_JSON_NUMBER, "3", 1, 2);

    for (i = 0; i < hx_nelts(hx_pieces); i++) {
        assert_int_equal(test_run(&log, text, sizeof(text) - 1, hx_pieces[i],
                                  &offset), HX_JSON_E_SYNTAX);
        assert_int_equal(offset, 21);
        assert_int_equal(log.n, want.n);
        assert_memory_equal(log.p, want.p, want.n);
    }

    free(log.p);
    free(want.p);
}


/* Strings of every length around the limit, of units that cannot be cut. */
static void
long_strings(void **state)
{
    char      *text, *plain;
    size_t     i, k, n, len, plen;
    uint64_t   offset;
    hx_log_t   log, want;

    static const struct {
        const char  *as_written;
        const char  *decoded;
    } units[] = {
        { "x", "x" },
        { "\\/", "/" },
        { "\\\"", "\"" },
        { "\\u0041", "A" },
        { "\\ud83d\\ude00", "\xf0\x9f\x98\x80" },
        { "\xc3\xa9", "\xc3\xa9" },
        { "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" },
        { "aGVsbG8gd29ybGQgYW5kIGFsbA\\/", "aGVsbG8gd29ybGQgYW5kIGFsbA/" }
    };

    text = malloc(65536);
    plain = malloc(65536);
    assert_non_null(text);
    assert_non_null(plain);
    memset(&log, 0, sizeof(log));
    memset(&want, 0, sizeof(want));

    for (k = 0; k < hx_nelts(units); k++) {
        const size_t  size = strlen(units[k].as_written);

        for (n = HX_JSON_STRING_MAX / size - 1;
             n < HX_JSON_STRING_MAX / size + 3; n++)
        {
            const int  is_long = n * size > HX_JSON_STRING_MAX;

            len = test_text(text, "{\"p\":[\"", units[k].as_written, n,
                            "\",1]}");
            plen = test_text(plain, "", units[k].decoded, n, "");

            want.n = 0;
            hx_log_event(&want, HX_JSON_MAP_START, NULL, 0, 0);
            hx_log_event(&want, HX_JSON_KEY, "p", 1, 1);
            hx_log_event(&want, HX_JSON_ARRAY_START, NULL, 0, 1);

            if (is_long) {
                hx_log_event(&want, HX_JSON_LONG_START, NULL, 0, 2);
                hx_log_event(&want, HX_JSON_LONG_DATA, plain, plen, 2);
                hx_log_event(&want, HX_JSON_LONG_END, NULL, 0, 2);

            } else {
                hx_log_event(&want, HX_JSON_STRING, plain, plen, 2);
            }

            hx_log_event(&want, HX_JSON_NUMBER, "1", 1, 2);
            hx_log_event(&want, HX_JSON_ARRAY_END, NULL, 0, 1);
            hx_log_event(&want, HX_JSON_MAP_END, NULL, 0, 0);

            for (i = 0; i < hx_nelts(hx_pieces); i++) {
                assert_int_equal(test_run(&log, text, len, hx_pieces[i],
                                          &offset), HX_JSON_OK);
                assert_int_equal(log.n, want.n);
                assert_memory_equal(log.p, want.p, want.n);
            }
        }
    }

    free(text);
    free(plain);
    free(log.p);
    free(want.p);
}


/* A skipped string is silent, but bad content in it still counts. */
static void
long_strings_skipped(void **state)
{
    char           text[16384];
    size_t         i, len;
    uint64_t       offset;
    hx_log_t       log, want;

    memset(&log, 0, sizeof(log));
    memset(&want, 0, sizeof(want));
    log.skip_long = 1;

    hx_log_event(&want, HX_JSON_ARRAY_START, NULL, 0, 0);
    hx_log_event(&want, HX_JSON_LONG_START, NULL, 0, 1);
    hx_log_event(&want, HX_JSON_LONG_END, NULL, 0, 1);
    hx_log_event(&want, HX_JSON_STRING, "s", 1, 1);
    hx_log_event(&want, HX_JSON_ARRAY_END, NULL, 0, 0);

    for (i = 0; i < hx_nelts(hx_pieces); i++) {
        len = test_text(text, "[\"", "0123456789\\n", 800, "\",\"s\"]");
        assert_int_equal(test_run(&log, text, len, hx_pieces[i], &offset),
                         HX_JSON_OK);
        assert_int_equal(log.n, want.n);
        assert_memory_equal(log.p, want.p, want.n);

        len = test_text(text, "[\"", "0123456789\\n", 800, "\xff\"]");
        assert_int_equal(test_run(&log, text, len, hx_pieces[i], &offset),
                         HX_JSON_E_UTF8);
        assert_int_equal(offset, 2 + 12 * 800);

        len = test_text(text, "[\"", "0123456789\\n", 800, "\t\"]");
        assert_int_equal(test_run(&log, text, len, hx_pieces[i], &offset),
                         HX_JSON_E_SYNTAX);
    }

    free(log.p);
    free(want.p);
}


/* DATA must not wait for more text. */
static void
long_data_comes_at_once(void **state)
{
    char             text[HX_JSON_STRING_MAX + 16];
    size_t           len, before;
    hx_log_t         log;
    hx_json_scan_t  *s;

    memset(&log, 0, sizeof(log));
    s = hx_json_scan_create(hx_log_on_event, &log);
    assert_non_null(s);

    len = test_text(text, "\"", "x", HX_JSON_STRING_MAX + 1, "");
    assert_int_equal(hx_json_scan_feed(s, (unsigned char *) text, len), 0);
    before = log.n;
    assert_true(before > HX_JSON_STRING_MAX);
    assert_int_equal(hx_json_scan_feed(s, (const unsigned char *) "\\n", 2),
                     0);
    assert_int_equal(log.n, before + 1);
    assert_int_equal(hx_json_scan_feed(s, (const unsigned char *) "\\", 1), 0);
    assert_int_equal(log.n, before + 1);
    assert_int_equal(hx_json_scan_feed(s, (const unsigned char *) "t\"", 2),
                     0);
    assert_int_equal(hx_json_scan_finish(s), HX_JSON_OK);
    assert_int_equal(hx_json_scan_finish(s), HX_JSON_OK);

    hx_json_scan_free(s);
    hx_json_scan_free(NULL);
    free(log.p);
}


/* Stopping at each event in turn: nothing more is delivered. */
static void
stopping(void **state)
{
    char       text[16384];
    size_t     i, n, len, all;
    uint64_t   offset;
    hx_log_t   log;

    memset(&log, 0, sizeof(log));
    len = test_text(text, "{\"a\":[1,true,null,{}],\"b\":\"", "y",
                    HX_JSON_STRING_MAX + 1, "\",\"c\":false}");
    assert_int_equal(test_run(&log, text, len, 0, &offset), HX_JSON_OK);
    all = log.events;
    assert_int_equal(all, 15);

    for (n = 1; n <= all; n++) {
        for (i = 0; i < hx_nelts(hx_pieces); i++) {
            log.stop_at = n;
            assert_int_equal(test_run(&log, text, len, hx_pieces[i], &offset),
                             HX_JSON_E_STOPPED);
            assert_int_equal(log.events, n);
            assert_true(offset <= len);

            /* An error further on must not win over an earlier stop. */
            assert_int_equal(test_run(&log, text, len - 1, hx_pieces[i],
                                      &offset),
                             n == all ? HX_JSON_E_SYNTAX : HX_JSON_E_STOPPED);
        }
    }

    free(log.p);
}


static size_t
test_allocated(void)
{
#ifdef __SANITIZE_ADDRESS__
    return __sanitizer_get_current_allocated_bytes();
#else
    return mallinfo2().uordblks;
#endif
}


static hx_json_verdict_t
test_no_event(void *data, hx_json_event_t ev, const unsigned char *s,
    size_t len, unsigned depth)
{
    return HX_JSON_GO;
}


/* The worst for yajl: full depth, longest keys, strings and numbers, every
 * escape, long strings between; and not one byte from the heap for it. */
static void
memory_is_constant(void **state)
{
    char            *text;
    size_t           i, k, len, before;
    hx_json_scan_t  *s;

    static const char *const  units[] = {
        "a", "\\n", "\\u0000", "\\ud83d\\ude00", "\xf0\x9f\x98\x80", "a\\n"
    };

    text = malloc(1048576);
    assert_non_null(text);
    before = test_allocated();
    s = hx_json_scan_create(test_no_event, NULL);
    assert_non_null(s);
    assert_true(test_allocated() - before <= HX_JSON_SCAN_MEM);
    before = test_allocated();

    len = test_text(text, "", "[{\"k\":", HX_JSON_DEPTH_MAX / 2 - 1, "[{");

    for (i = 0; i < hx_nelts(units); i++) {
        k = HX_JSON_STRING_MAX / strlen(units[i]);
        len += test_text(text + len, "\"", units[i], k, "\":\"");
        len += test_text(text + len, "", units[i], k, "\",\"l\":\"");
        len += test_text(text + len, "", units[i], 3 * k, "\",\"n\":");
        len += test_text(text + len, "", "9", HX_JSON_NUMBER_MAX, ",");
    }

    len += test_text(text + len, "\"e\":0", "}]", HX_JSON_DEPTH_MAX / 2, "");
    assert_int_equal(hx_json_scan_feed(s, (unsigned char *) text, len),
                     HX_JSON_OK);
    assert_int_equal(hx_json_scan_finish(s), HX_JSON_OK);
    assert_int_equal(test_allocated(), before);
    assert_true(s->yajl.peak > 4096 && s->yajl.peak < HX_JSON_ARENA / 2);

    hx_json_scan_free(s);
    free(text);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(events_and_depths),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(tokens_are_limited),
        cmocka_unit_test(error_offsets),
        cmocka_unit_test(events_before_an_error),
        cmocka_unit_test(long_strings),
        cmocka_unit_test(long_strings_skipped),
        cmocka_unit_test(long_data_comes_at_once),
        cmocka_unit_test(stopping),
        cmocka_unit_test(memory_is_constant)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
