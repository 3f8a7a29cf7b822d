/*
 * hx_json_string_test.c -- the inside of one JSON string by itself: what the
 * sink gets, how much it keeps, and that it stops when told.
 */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include "hx_json_string.h"

/* A sink with something behind it that must stay as it is. */
typedef struct {
    hx_json_sink_t  sink;
    unsigned char   canary[8192];
    unsigned char   got[32768];
    size_t          n;
    size_t          writes;
    size_t          stop_at;
} hx_taker_t;

static hx_taker_t  taker;


static int
test_write(void *data, const unsigned char *s, size_t len)
{
    hx_taker_t  *t = data;

    assert_true(len != 0 && sizeof(t->got) - t->n >= len);
    memcpy(t->got + t->n, s, len);
    t->n += len;

    return ++t->writes == t->stop_at;
}


static int
test_setup(void **state)
{
    memset(&taker, 0, sizeof(taker));
    memset(taker.canary, 0x5a, sizeof(taker.canary));
    taker.sink.write = test_write;
    taker.sink.data = &taker;

    return 0;
}


static void
test_canary(void)
{
    size_t  i;

    assert_true(taker.sink.n <= HX_JSON_SINK_MAX);

    for (i = 0; i < sizeof(taker.canary); i++) {
        assert_int_equal(taker.canary[i], 0x5a);
    }
}


/* Decoded bytes that escapes break up are gathered, up to the sink's size. */
static void
sink_is_bounded(void **state)
{
    size_t                 i, n;
    hx_json_str_t          st;
    unsigned char          text[16384];
    const unsigned char   *p;

    for (n = 0; n + 2 < sizeof(text); n += 2) {
        memcpy(text + n, "\\n", 2);
    }

    text[n] = '"';
    memset(&st, 0, sizeof(st));
    p = text;
    assert_int_equal(hx_json_string_scan(&st, &p, text + n + 1, &taker.sink),
                     HX_JSON_STR_END);
    assert_true(p == text + n + 1);
    test_canary();
    assert_int_equal(hx_json_sink_flush(&taker.sink), 0);
    assert_int_equal(taker.n, n / 2);
    assert_true(taker.writes <= n / 2 / HX_JSON_SINK_MAX + 1);

    for (i = 0; i < taker.n; i++) {
        assert_int_equal(taker.got[i], '\n');
    }
}


/* Pieces of all lengths keep their order whether copied or not. */
static void
order_is_kept(void **state)
{
    size_t                i, k, n;
    hx_json_str_t         st;
    unsigned char         text[32768], want[32768];
    const unsigned char  *p;

    for (i = 0, k = 0, n = 0; i < 120; i++) {
        const size_t  run = i * 37 % 400;

        memset(text + n, (int) ('a' + i % 26), run);
        memset(want + k, (int) ('a' + i % 26), run);
        memcpy(text + n + run, "\\/", 2);
        want[k + run] = '/';
        n += run + 2;
        k += run + 1;
    }

    memset(&st, 0, sizeof(st));
    p = text;
    assert_int_equal(hx_json_string_scan(&st, &p, text + n, &taker.sink),
                     HX_JSON_STR_MORE);
    assert_int_equal(hx_json_sink_flush(&taker.sink), 0);
    test_canary();
    assert_int_equal(taker.n, k);
    assert_memory_equal(taker.got, want, k);
}


static void
stop_is_obeyed(void **state)
{
    size_t                i;
    hx_json_str_t         st;
    unsigned char         text[4096];
    const unsigned char  *p;

    for (i = 0; i < sizeof(text); i++) {
        text[i] = (i % 512 == 510) ? '\\' : 'n';
    }

    for (i = 1; i < 8; i++) {
        test_setup(state);
        taker.stop_at = i;
        memset(&st, 0, sizeof(st));
        p = text;
        assert_int_equal(hx_json_string_scan(&st, &p, text + sizeof(text),
                                             &taker.sink),
                         HX_JSON_STR_E_STOPPED);
        assert_int_equal(taker.writes, i);
    }
}


/* Every byte after a plain run of every length is found where it is. */
static void
every_byte_at_every_place(void **state)
{
    size_t                n;
    unsigned              c;
    hx_json_str_t         st;
    hx_json_str_rc_t      rc;
    unsigned char         text[300];
    const unsigned char  *p;

    for (n = 0; n < 200; n++) {
        for (c = 0; c < 256; c++) {
            memset(text, 'x', sizeof(text));
            text[n] = (unsigned char) c;
            memset(&st, 0, sizeof(st));
            p = text;
            rc = hx_json_string_scan(&st, &p, text + n + 80, NULL);

            if (c == '"') {
                assert_int_equal(rc, HX_JSON_STR_END);
                assert_true(p == text + n + 1);

            } else if (c == '\\') {
                assert_int_equal(rc, HX_JSON_STR_E_SYNTAX);
                assert_true(p == text + n + 1);

            } else if (c >= 0x80) {
                assert_int_equal(rc, HX_JSON_STR_E_UTF8);
                assert_true(p == text + n + (c >= 0xc2 && c <= 0xf4));

            } else if (c < 0x20) {
                assert_int_equal(rc, HX_JSON_STR_E_SYNTAX);
                assert_true(p == text + n);

            } else {
                assert_int_equal(rc, HX_JSON_STR_MORE);
                assert_true(p == text + n + 80);
            }
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(sink_is_bounded, test_setup),
        cmocka_unit_test_setup(order_is_kept, test_setup),
        cmocka_unit_test_setup(stop_is_obeyed, test_setup),
        cmocka_unit_test(every_byte_at_every_place)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
