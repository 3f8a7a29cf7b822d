/*
 * hx_json_model_test.c -- the scanner against a naive model.
 *
 * Random documents, most of them damaged, are fed to the scanner in random
 * pieces: events, error and offset must be the model's, whatever the cuts.
 */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>

#include <cmocka.h>

#include "hx_json_model.h"

#ifdef __SANITIZE_ADDRESS__
#define HX_ROUNDS   100000
#else
#define HX_ROUNDS   1000000
#endif

typedef struct {
    unsigned char  p[HX_TEXT];
    size_t         n;
    uint64_t       seed;
} hx_doc_t;

static hx_doc_t    doc;
static hx_model_t  model;


static size_t
doc_random(size_t below)
{
    return hx_log_random(&doc.seed) % below;
}


static void
doc_add(const char *s)
{
    const size_t  n = strlen(s);

    if (sizeof(doc.p) / 2 - doc.n >= n) {
        memcpy(doc.p + doc.n, s, n);
        doc.n += n;
    }
}


static void
doc_string(void)
{
    size_t  n;

    static const char *const  parts[] = {
        "a", "namespace", "data_b64", " ", "{}[],:", "0123456789abcdefghij",
        "\\n", "\\\"", "\\\\", "\\/", "\\u0000", "\\u00e9", "\\ud83d\\ude00",
        "\\uDBFF\\uDFFF", "\xc3\xa9", "\xe2\x82\xac", "\xed\x9f\xbf",
        "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf", "\x7f"
    };

    doc_add("\"");
    n = doc_random(4);

    /* Now and then one around or above the limit. */
    if (doc_random(400) == 0) {
        n = doc_random(1500);
    }

    while (n-- > 0) {
        doc_add(parts[doc_random(hx_nelts(parts))]);
    }

    if (doc_random(300) == 0) {
        n = HX_JSON_STRING_MAX - 8 + doc_random(16);

        while (n-- > 0) {
            doc_add("x");
        }
    }

    doc_add("\"");
}


static void
doc_number(void)
{
    size_t  n;

    static const char *const  numbers[] = {
        "0", "-0", "1", "12", "-7", "0.5", "1e5", "1E+2", "-1.25e-3", "1e999",
        "12345678901234567890123"
    };

    doc_add(numbers[doc_random(hx_nelts(numbers))]);

    if (doc_random(300) == 0) {
        doc_add("1");
        n = HX_JSON_NUMBER_MAX - 4 + doc_random(8);

        while (n-- > 0) {
            doc_add("0");
        }
    }
}


static void
doc_blank(void)
{
    static const char *const  blanks[] = { "", "", "", "", " ", "\n", "\t\r" };

    doc_add(blanks[doc_random(hx_nelts(blanks))]);
}


static void
doc_value(unsigned depth)
{
    size_t         n;
    const size_t   kind = (depth == 0 && doc_random(8) != 0)
                          ? 5 + doc_random(2) : doc_random(depth < 6 ? 8 : 5);

    static const char *const  literals[] = { "true", "false", "null" };

    doc_blank();

    if (kind < 2) {
        doc_string();

    } else if (kind < 4) {
        doc_number();

    } else if (kind < 5) {
        doc_add(literals[doc_random(3)]);

    } else {
        doc_add(kind & 1 ? "{" : "[");
        doc_blank();

        for (n = doc_random(5); n > 0; n--) {
            if (kind & 1) {
                doc_string();
                doc_blank();
                doc_add(":");
            }

            doc_value(depth + 1);
            doc_add(n > 1 ? "," : "");
        }

        doc_add(kind & 1 ? "}" : "]");
    }

    doc_blank();
}


static void
doc_insert(size_t at, const void *s, size_t n)
{
    memmove(doc.p + at + n, doc.p + at, doc.n - at);
    memcpy(doc.p + at, s, n);
    doc.n += n;
}


static void
doc_damage(void)
{
    size_t         at, n;
    const char    *s;
    unsigned char  piece[64];

    static const char *const  odd[] = {
        "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u", "\\ud800", "\\udc00",
        "0", "-", ".", "e", "+", "t", "true", "nul", "/", "\x0c", "\x01",
        "\x80", "\xff", "\xc3", "\xe2\x82", "\xed\xa0\x80", "\xef\xbb\xbf",
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
    };

    at = doc_random(doc.n + 1);

    switch (doc_random(6)) {

    case 0:
        if (at < doc.n) {
            doc.p[at] = (unsigned char) doc_random(256);
        }

        break;

    case 1:
    case 2:
        s = odd[doc_random(hx_nelts(odd))];
        doc_insert(at, s, strlen(s));
        break;

    case 3:
        n = doc_random(1 + (doc.n - at < 8 ? doc.n - at : 8));
        memmove(doc.p + at, doc.p + at + n, doc.n - at - n);
        doc.n -= n;
        break;

    case 4:
        n = doc.n - at < sizeof(piece) ? doc.n - at : sizeof(piece);
        memcpy(piece, doc.p + at, n);
        doc_insert(doc_random(doc.n + 1), piece, n);
        break;

    default:
        if (doc_random(3) == 0) {
            doc.n = at;

        } else if (at < doc.n) {
            doc.p[at] ^= (unsigned char) (1u << doc_random(8));
        }
    }
}


static void
doc_make(void)
{
    size_t  n;

    doc.n = 0;
    doc_value(0);

    for (n = doc_random(4); n > 0; n--) {
        doc_damage();
    }
}


static void
scanner_is_the_model(void **state)
{
    size_t         round, piece, good, bad[HX_JSON_E_NOMEM];
    uint64_t       seed, start, offset;
    hx_log_t       log, want;
    hx_json_err_t  err, expect;

    memset(&log, 0, sizeof(log));
    memset(&want, 0, sizeof(want));
    memset(bad, 0, sizeof(bad));
    good = 0;
    seed = 7;

    for (round = 0; round < HX_ROUNDS; round++) {
        start = doc.seed = round;
        doc_make();
        expect = model_run(&model, &want, doc.p, doc.n);

        piece = (round % 4 == 0) ? 1 : (round % 4 == 1) ? 0 : (size_t) -1;
        err = hx_log_run(&log, doc.p, doc.n, piece, &seed, &offset);

        if (err != expect || offset != (uint64_t) (model.p - model.start)
            || log.n != want.n || memcmp(log.p, want.p, want.n) != 0)
        {
            fail_msg("seed %zu: %s at %zu, %zu bytes of events; model %s at "
                     "%zu, %zu: %.*s", (size_t) start, hx_json_strerror(err),
                     (size_t) offset, log.n, hx_json_strerror(expect),
                     (size_t) (model.p - model.start), want.n,
                     doc.n < 500 ? (int) doc.n : 500, (const char *) doc.p);
        }

        good += (err == HX_JSON_OK);
        bad[err]++;
    }

    /* The documents must have been worth it. */
    assert_true(good > HX_ROUNDS / 5);
    assert_true(bad[HX_JSON_E_SYNTAX] > HX_ROUNDS / 5);
    assert_true(bad[HX_JSON_E_UTF8] > HX_ROUNDS / 100);
    assert_true(bad[HX_JSON_E_DEPTH] > HX_ROUNDS / 1000);
    assert_true(bad[HX_JSON_E_TOKEN] > HX_ROUNDS / 10000);

    free(log.p);
    free(want.p);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(scanner_is_the_model)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
