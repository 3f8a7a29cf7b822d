/*
 * hx_json_token_test.c -- tokens of the JSON scanner by themselves: numbers
 * against a second grammar over every short text, limits to the byte, where
 * errors point to, and a batch that never overflows.
 */

#include "hx_test.h"

#include "hx_json_token.h"

typedef struct {
    size_t           n;
    size_t           bytes;
    hx_json_event_t  last;
} hx_seen_t;

static hx_json_scan_t  *scan;
static hx_seen_t        seen;


static hx_json_verdict_t
test_event(void *data, hx_json_event_t ev, const unsigned char *s, size_t len,
    unsigned depth)
{
    seen.n++;
    seen.bytes += len;
    seen.last = ev;

    return HX_JSON_GO;
}


static int
test_setup(void **state)
{
    memset(&seen, 0, sizeof(seen));
    scan = hx_json_scan_create(test_event, NULL);

    return scan == NULL;
}


static int
test_teardown(void **state)
{
    hx_json_scan_free(scan);

    return 0;
}


/* Length of the number that text begins with, 0 = none: by the grammar of
 * RFC 8259, one part after the other. */
static size_t
naive_number(const char *s)
{
    size_t  n, digits;

    n = s[0] == '-';
    digits = strspn(s + n, "0123456789");

    if (digits == 0) {
        return 0;
    }

    n += s[n] == '0' ? 1 : digits;

    if (s[n] == '.') {
        digits = strspn(s + n + 1, "0123456789");

        if (digits == 0) {
            return 0;
        }

        n += 1 + digits;
    }

    if (s[n] == 'e' || s[n] == 'E') {
        const size_t  sign = s[n + 1] == '+' || s[n + 1] == '-';

        digits = strspn(s + n + 1 + sign, "0123456789");

        if (digits == 0) {
            return 0;
        }

        n += 1 + sign + digits;
    }

    return n;
}


static size_t
test_number(const char *s)
{
    size_t            n;
    hx_json_number_t  state, next;

    state = s[0] == '-' ? HX_JSON_N_MINUS
                        : hx_json_number_next(HX_JSON_N_MINUS,
                                              (unsigned char) s[0]);

    if (state == HX_JSON_N_END) {
        return 0;
    }

    for (n = 1; s[n] != '\0'; n++) {
        next = hx_json_number_next(state, (unsigned char) s[n]);

        if (next == HX_JSON_N_END) {
            break;
        }

        state = next;
    }

    return hx_json_number_whole(state) ? n : 0;
}


static void
numbers(void **state)
{
    char      s[9];
    unsigned  i, k, n, code, all;

    static const char  chars[] = "-+.eE019";

    for (n = 1, all = 8; n < 8; n++, all *= 8) {
        for (i = 0; i < all; i++) {
            for (k = 0, code = i; k < n; k++, code /= 8) {
                s[k] = chars[code % 8];
            }

            s[n] = '\0';

            if (test_number(s) != naive_number(s)) {
                fail_msg("%s: %zu, not %zu", s, test_number(s),
                         naive_number(s));
            }
        }
    }

    for (i = 1; i < 256; i++) {
        if (strchr("-+.eE0123456789", (int) i) == NULL) {
            s[0] = '1';
            s[1] = (char) i;
            s[2] = '\0';
            assert_int_equal(test_number(s), 1);
            s[0] = (char) i;
            assert_int_equal(test_number(s), 0);
        }
    }
}


/* HX_JSON_NUMBER_MAX characters pass, one more points at itself. */
static void
number_limit(void **state)
{
    size_t                n;
    hx_json_err_t         err;
    unsigned char         text[HX_JSON_NUMBER_MAX + 8];
    const unsigned char  *p, *start;

    memset(text, '7', sizeof(text));

    for (n = HX_JSON_NUMBER_MAX - 1; n < HX_JSON_NUMBER_MAX + 3; n++) {
        (void) test_teardown(state);
        assert_int_equal(test_setup(state), 0);

        start = test_edge(text, n);
        p = start;
        scan->state = HX_JSON_S_NUMBER;
        scan->number = HX_JSON_N_MINUS;
        err = hx_json_in_number(scan, &p, start + n);

        assert_int_equal(err, n > HX_JSON_NUMBER_MAX ? HX_JSON_E_TOKEN
                                                     : HX_JSON_OK);
        assert_int_equal(p - start, n < HX_JSON_NUMBER_MAX
                                    ? n : HX_JSON_NUMBER_MAX);
    }
}


static void
literals(void **state)
{
    size_t                i, cut, n;
    hx_json_err_t         err;
    unsigned char         text[8];
    const unsigned char  *p, *start;

    static const char *const  rests[] = { "rue", "alse", "ull" };

    for (i = 0; i < hx_nelts(rests); i++) {
        n = strlen(rests[i]);

        for (cut = 0; cut <= n; cut++) {
            memcpy(text, rests[i], n);

            /* in two pieces; then the byte at the cut is wrong */

            scan->state = HX_JSON_S_LITERAL;
            scan->literal = rests[i];
            scan->depth = 1;
            start = p = test_edge(text, cut);
            assert_int_equal(hx_json_in_literal(scan, &p, start + cut),
                             HX_JSON_OK);
            assert_ptr_equal(p, start + cut);
            assert_int_equal(scan->state, cut == n ? HX_JSON_S_NEXT
                                                   : HX_JSON_S_LITERAL);

            if (cut == n) {
                continue;
            }

            start = p = test_edge(text + cut, n - cut);
            assert_int_equal(hx_json_in_literal(scan, &p, start + n - cut),
                             HX_JSON_OK);
            assert_int_equal(scan->state, HX_JSON_S_NEXT);

            text[cut] = (unsigned char) (text[cut] - 32);
            scan->state = HX_JSON_S_LITERAL;
            scan->literal = rests[i];
            start = p = test_edge(text, n);
            err = hx_json_in_literal(scan, &p, start + n);
            assert_int_equal(err, HX_JSON_E_SYNTAX);
            assert_int_equal(p - start, cut);
        }
    }
}


/* A key may have HX_JSON_STRING_MAX bytes; a value becomes a long one. */
static void
string_limit(void **state)
{
    size_t                n;
    unsigned              key;
    hx_json_err_t         err;
    unsigned char         text[HX_JSON_STRING_MAX + 8];
    const unsigned char  *p, *start;

    for (key = 0; key < 2; key++) {
        for (n = HX_JSON_STRING_MAX - 1; n < HX_JSON_STRING_MAX + 3; n++) {
            (void) test_teardown(state);
            assert_int_equal(test_setup(state), 0);

            memset(text, 's', n);
            text[n] = '"';
            start = p = test_edge(text, n + 1);

            scan->state = HX_JSON_S_STRING;
            scan->in_key = key;
            memset(&scan->str, 0, sizeof(scan->str));
            assert_int_equal(hx_json_put(scan, (unsigned char *) "\"", 1),
                             HX_JSON_OK);

            err = hx_json_in_string(scan, &p, start + n + 1);

            if (n <= HX_JSON_STRING_MAX) {
                assert_int_equal(err, HX_JSON_OK);
                assert_int_equal(scan->state, key ? HX_JSON_S_COLON
                                                  : HX_JSON_S_DONE);
                assert_ptr_equal(p, start + n + 1);
                assert_int_equal(scan->tok, n + 2);

            } else if (key) {
                assert_int_equal(err, HX_JSON_E_TOKEN);
                assert_int_equal(p - start, HX_JSON_STRING_MAX);

            } else {
                assert_int_equal(err, HX_JSON_OK);
                assert_int_equal(scan->state, HX_JSON_S_LONG);
                assert_int_equal(seen.n, 1 + (seen.bytes != 0));
                assert_int_equal(scan->len, 0);
            }
        }
    }
}


/* Tokens of all lengths in a row: the batch is flushed in time, and whatever
 * was put in comes out. */
static void
batch_is_bounded(void **state)
{
    size_t         i, n, tokens, bytes;
    unsigned char  text[HX_JSON_STRING_MAX + 3];

    assert_int_equal(hx_json_scan_feed(scan, (unsigned char *) "[0", 2),
                     HX_JSON_OK);
    tokens = bytes = 0;

    for (i = 0; i < 3000; i++) {
        n = test_below(i % 20 ? 40 : HX_JSON_STRING_MAX + 1);
        text[0] = ',';
        text[1] = '"';
        memset(text + 2, 'x', n);
        assert_int_equal(hx_json_scan_feed(scan, text, n + 2), HX_JSON_OK);
        assert_int_equal(hx_json_scan_feed(scan, (unsigned char *) "\"", 1),
                         HX_JSON_OK);
        assert_true(scan->tok <= scan->len && scan->len <= HX_JSON_BATCH);
        tokens++;
        bytes += n;
    }

    assert_int_equal(hx_json_scan_feed(scan, (unsigned char *) "]", 1),
                     HX_JSON_OK);
    assert_int_equal(hx_json_scan_finish(scan), HX_JSON_OK);
    assert_int_equal(seen.n, tokens + 3);       /* [, 0 and ] as well */
    assert_int_equal(seen.bytes, bytes + 1);
    assert_int_equal(seen.last, HX_JSON_ARRAY_END);
}


/* A number at the end of what is flushed is whole for yajl as well. */
static void
flush_behind_a_number(void **state)
{
    assert_int_equal(hx_json_scan_feed(scan, (unsigned char *) "[12 ", 4),
                     HX_JSON_OK);
    assert_int_equal(scan->tok, 3);
    assert_int_equal(hx_json_flush(scan), HX_JSON_OK);
    assert_int_equal(scan->len, 0);
    assert_int_equal(seen.n, 2);
    assert_int_equal(seen.last, HX_JSON_NUMBER);
    assert_int_equal(hx_json_flush(scan), HX_JSON_OK);
    assert_int_equal(hx_json_scan_feed(scan, (unsigned char *) ",34]", 4),
                     HX_JSON_OK);
    assert_int_equal(hx_json_scan_finish(scan), HX_JSON_OK);
    assert_int_equal(seen.n, 4);
    assert_int_equal(seen.bytes, 4);
}


int
main(void)
{
#define T(f)  cmocka_unit_test_setup_teardown(f, test_setup, test_teardown)
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(numbers),
        T(number_limit),
        T(literals),
        T(string_limit),
        T(batch_is_bounded),
        T(flush_behind_a_number)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
