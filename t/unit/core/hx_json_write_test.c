/*
 * hx_json_write_test.c -- JSON strings: against a naive writer that takes one
 * character at a time, and read back by our own scanner.
 */

#include "hx_test.h"

#include "hx_json_scan.h"
#include "hx_json_write.h"

typedef struct {
    size_t         n;
    unsigned       events;
    unsigned char  text[8192];
} hx_read_t;


/* Length of the valid UTF-8 character at s, 0 if there is none. */
static size_t
naive_character(const unsigned char *s, size_t len)
{
    size_t    n, i;
    uint32_t  c;

    n = s[0] < 0x80 ? 1 : s[0] >> 5 == 6 ? 2 : s[0] >> 4 == 14 ? 3
        : s[0] >> 3 == 30 ? 4 : 0;

    if (n == 0 || n > len) {
        return 0;
    }

    c = n == 1 ? s[0] : s[0] & (0x7fu >> n);

    for (i = 1; i < n; i++) {
        c = s[i] >> 6 == 2 ? c << 6 | (s[i] & 0x3fu) : 0xffffffffu;
    }

    if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) {
        return 0;
    }

    i = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

    return i == n ? n : 0;
}


/* The text in quotes, and what a reader makes of it. */
static void
naive_write(hx_buf_t *json, hx_buf_t *plain, const unsigned char *s,
    size_t len)
{
    char         six[7];
    size_t       i, n;
    const char  *at;

    static const char  special[] = "\"\\\b\f\n\r\t";

    hx_buf_byte(json, '"');

    for (i = 0; i < len; i += n ? n : 1) {
        n = naive_character(s + i, len - i);

        if (n == 0) {
            hx_buf_lit(json, "\\ufffd");
            hx_buf_lit(plain, "\xef\xbf\xbd");
            continue;
        }

        hx_buf_add(plain, s + i, n);
        at = memchr(special, s[i], 7);

        if (at != NULL) {
            hx_buf_byte(json, '\\');
            hx_buf_byte(json, (unsigned char) "\"\\bfnrt"[at - special]);

        } else if (s[i] < 0x20 || s[i] == 0x7f) {
            (void) snprintf(six, sizeof(six), "\\u%04x", s[i]);
            hx_buf_add(json, six, 6);

        } else {
            hx_buf_add(json, s + i, n);
        }
    }

    hx_buf_byte(json, '"');
}


static hx_json_verdict_t
test_event(void *data, hx_json_event_t ev, const unsigned char *s, size_t len,
    unsigned depth)
{
    hx_read_t  *r = data;

    r->events++;
    assert_true(ev == HX_JSON_STRING && depth == 0);
    memcpy(r->text, s, len);
    r->n = len;

    return HX_JSON_GO;
}


static void
test_read_back(const unsigned char *json, size_t len, const hx_buf_t *plain)
{
    hx_json_err_t     err;
    hx_json_scan_t   *scan;
    static hx_read_t  r;

    r.n = 0;
    r.events = 0;
    scan = hx_json_scan_create(test_event, &r);
    assert_non_null(scan);
    err = hx_json_scan_feed(scan, json, len);
    err = err == HX_JSON_OK ? hx_json_scan_finish(scan) : err;
    hx_json_scan_free(scan);

    assert_int_equal(err, HX_JSON_OK);
    assert_int_equal(r.events, 1);
    assert_int_equal(r.n, hx_buf_len(plain));
    assert_memory_equal(r.text, plain->start, r.n);
}


static void
test_string(const unsigned char *s, size_t len, int read_back)
{
    size_t                 n;
    hx_buf_t               b, json, plain;
    unsigned char          want[2048], text[2048];
    static unsigned char  *end;

    end = end != NULL ? end : test_guard();

    hx_buf_init(&json, want, sizeof(want));
    hx_buf_init(&plain, text, sizeof(text));
    naive_write(&json, &plain, s, len);
    n = hx_buf_len(&json);
    assert_true(hx_buf_ok(&json) && hx_buf_ok(&plain));
    assert_true(n <= hx_json_string_max(len));

    /* exactly the room it needs, in front of a guard page */

    hx_buf_init(&b, end - n, n);
    hx_json_string(&b, test_edge(s, len), len);

    if (!hx_buf_ok(&b) || hx_buf_len(&b) != n || memcmp(end - n, want, n)) {
        fail_msg("%.*s, not %.*s", (int) hx_buf_len(&b), b.start, (int) n,
                 want);
    }

    if (read_back) {
        test_read_back(b.start, n, &plain);
    }

    hx_buf_init(&b, end - n + 1, n - 1);
    hx_json_string(&b, s, len);
    assert_false(hx_buf_ok(&b));
}


static void
known(void **state)
{
    size_t          i, n;
    hx_buf_t        b;
    unsigned char   mem[256];

    static const char *const  rows[][2] = {
        { "", "\"\"" },
        { "plain text", "\"plain text\"" },
        { "\"\\/", "\"\\\"\\\\/\"" },
        { "\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\"" },
        { "\x01\x1f\x7f", "\"\\u0001\\u001f\\u007f\"" },
        { "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
          "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"" },
        { "\xff\xc3", "\"\\ufffd\\ufffd\"" },
        { "\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"" },

        /* what follows a character of two or three bytes is escaped as well:
         * once a quote behind one came out bare */
        { "\xc3\xa9\"", "\"\xc3\xa9\\\"\"" },
        { "\xc3\xa9\",", "\"\xc3\xa9\\\",\"" },
        { "\xc3\xa9\n\n", "\"\xc3\xa9\\n\\n\"" },
        { "\xe2\x82\xac\"", "\"\xe2\x82\xac\\\"\"" }
    };

    for (i = 0; i < hx_nelts(rows); i++) {
        hx_buf_init(&b, mem, sizeof(mem));
        n = strlen(rows[i][0]);
        hx_json_string(&b, test_edge(rows[i][0], n), n);
        hx_buf_byte(&b, '\0');
        assert_string_equal((char *) mem, rows[i][1]);
    }

    hx_buf_init(&b, mem, sizeof(mem));
    hx_json_escape(&b, (const unsigned char *) "a\0b", 3);
    assert_int_equal(hx_buf_len(&b), 8);
    assert_memory_equal(mem, "a\\u0000b", 8);
}


/* All that two bytes can be, alone and behind what can swallow them. */
static void
every_pair(void **state)
{
    size_t          i;
    unsigned        c;
    unsigned char   s[8];

    static const char *const  before[] = {
        "", "x", "\xc3", "\xc3\xa9", "\xe2\x82", "\xe2\x82\xac", "\xf0\x9f",
        "\xf0\x9f\x98"
    };

    for (i = 0; i < hx_nelts(before); i++) {
        for (c = 0; c < 65536; c++) {
            memcpy(s, before[i], strlen(before[i]));
            s[strlen(before[i])] = (unsigned char) (c >> 8);
            s[strlen(before[i]) + 1] = (unsigned char) c;
            test_string(s, strlen(before[i]) + 2, 0);
        }
    }
}


/* Every byte at every place of texts of all the lengths that are told apart. */
static void
every_place(void **state)
{
    size_t          at, len;
    unsigned        c;
    unsigned char   s[50];

    for (len = 1; len < sizeof(s); len++) {
        for (at = 0; at < len; at++) {
            for (c = 0; c < 256; c++) {
                memset(s, 'a' + (int) (at % 26), len);
                s[at] = (unsigned char) c;
                test_string(s, len, 0);
            }
        }
    }
}


static void
random_texts(void **state)
{
    size_t          i, k, n;
    const char     *part;
    unsigned char   s[320];

    static const char *const  parts[] = {
        "a", "plain", "\"", "\\", "/", "\n", "\x01", "\x7f", "\xc3\xa9",
        "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xc3", "\xe2\x82", "\xf0\x9f\x98",
        "\x80", "\xff", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc0\xaf",
        "\xef\xbf\xbd"
    };

    for (i = 0; i < 30000; i++) {
        n = 0;

        for (k = test_below(40); k != 0; k--) {
            part = parts[test_below(hx_nelts(parts))];
            memcpy(s + n, part, strlen(part));
            n += strlen(part);
        }

        test_string(s, n, 1);
    }

    for (i = 0; i < 30000; i++) {
        n = test_below(64);
        test_fill(s, n);
        test_string(s, n, 1);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(known),
        cmocka_unit_test(every_pair),
        cmocka_unit_test(every_place),
        cmocka_unit_test(random_texts)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
