/*
 * hx_check_test.c -- valid names: every byte in every class, alone and at each
 * place, all lengths around the limits.
 */

#include "hx_test.h"

#include "hx_check.h"
#include "hx_limits.h"
#include "hx_text.h"

#define ALNUM   "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

typedef struct {
    int         (*check)(const unsigned char *s, size_t len);
    const char   *allowed;
    size_t        min;
    size_t        max;
} hx_class_row_t;


static int
test_printable(const unsigned char *s, size_t len)
{
    return hx_check_printable(s, len, 5, 9);
}


static const hx_class_row_t  rows[] = {
    { hx_check_namespace, ALNUM "_-", 1, 255 },
    { hx_check_key, ALNUM "._:/@+=~-", 1, 255 },
    { hx_check_tenant, ALNUM "_-", 1, 64 },
    { hx_check_request_id, ALNUM "._-", 1, 128 },
    { test_printable, ALNUM "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", 5, 9 }
};


static void
every_byte(void **state)
{
    int             want;
    size_t          i, at, len;
    unsigned        c;
    unsigned char   s[12];

    for (i = 0; i < hx_nelts(rows); i++) {
        for (c = 0; c < 256; c++) {
            want = c != 0 && strchr(rows[i].allowed, (int) c) != NULL;

            for (len = 6; len < 9; len++) {
                for (at = 0; at < len; at++) {
                    memset(s, 'x', sizeof(s));
                    s[at] = (unsigned char) c;

                    if (rows[i].check(test_edge(s, len), len) != want) {
                        fail_msg("class %zu, byte %02x at %zu", i, c, at);
                    }
                }
            }
        }
    }
}


static void
every_length(void **state)
{
    size_t          i, len;
    unsigned char   s[600];

    memset(s, 'x', sizeof(s));

    for (i = 0; i < hx_nelts(rows); i++) {
        for (len = 0; len < sizeof(s); len++) {
            assert_int_equal(rows[i].check(test_edge(s, len), len),
                             len >= rows[i].min && len <= rows[i].max);
        }

        assert_int_equal(rows[i].check(s, SIZE_MAX), 0);
    }
}


static void
emails(void **state)
{
    size_t          i, n;
    unsigned char   s[300];

    static const char *const  good[] = {
        "a@b", "ops@acme.example", "a.b+c@d-e.f", "\"x\"@[::1]"
    };
    static const char *const  bad[] = {
        "", "a", "@", "a@", "@b", "ab", "abc", "a@b@c", "a@@b", "@a@", "a b@c",
        "a@b c", "a@b\n", "\ta@b", "a@\xc3\xa9", "a\x7f@b"
    };

    for (i = 0; i < hx_nelts(good); i++) {
        n = strlen(good[i]);
        assert_true(hx_check_email(test_edge(good[i], n), n));
    }

    for (i = 0; i < hx_nelts(bad); i++) {
        n = strlen(bad[i]);
        assert_false(hx_check_email(test_edge(bad[i], n), n));
    }

    memset(s, 'x', sizeof(s));
    s[100] = '@';

    for (n = 0; n < sizeof(s); n++) {
        assert_int_equal(hx_check_email(test_edge(s, n), n),
                         n > 101 && n <= HX_EMAIL_MAX);
    }
}


/* Every key of these characters: valid exactly when it can be a path. */
static void
key_paths(void **state)
{
    int             valid;
    size_t          i, n, len, count, rest;
    hx_path_t       p;
    unsigned char   target[32], out[HX_PATH_MAX], *key;

    static const char  alphabet[] = { 'a', '.', '/' };

    memcpy(target, "/v1/get/n/", 10);
    key = target + 10;

    for (len = 0, count = 1; len <= 8; len++, count *= 3) {
        for (i = 0; i < count; i++) {
            for (n = 0, rest = i; n < len; n++, rest /= 3) {
                key[n] = (unsigned char) alphabet[rest % 3];
            }

            valid = len != 0
                    && hx_path_parse(&p, target, 10 + len, out) == HX_PATH_OK;
            assert_int_equal(hx_check_key_path(test_edge(key, len), len),
                             valid);
        }
    }

    assert_false(hx_check_key_path((const unsigned char *) "a b", 3));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(every_byte),
        cmocka_unit_test(every_length),
        cmocka_unit_test(emails),
        cmocka_unit_test(key_paths)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
