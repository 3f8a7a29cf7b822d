/*
 * hx_apikey_test.c -- the form of API keys: known ones, and that no slip of a
 * finger makes another key that might exist.
 */

#include "hx_test.h"

#include "hx_apikey.h"
#include "hx_limits.h"

#define ALNUM   "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


static int
test_plausible(hx_apikey_format_t format, const void *key, size_t len)
{
    return hx_apikey_plausible(format, test_edge(key, len), len);
}


static void
test_make(unsigned char key[HX_APIKEY_LEN])
{
    unsigned char  rnd[HX_APIKEY_ENTROPY];

    test_fill(rnd, sizeof(rnd));
    hx_apikey_make(key, rnd);
}


/* Computed elsewhere: keys that exist must never change their form. */
static void
known_keys(void **state)
{
    size_t         i, k;
    unsigned char  rnd[HX_APIKEY_ENTROPY], key[HX_APIKEY_LEN];

    static const char *const  keys[] = {
        "hx_live_00000000000000000000000000000000000000000001gnDB2",
        "hx_live_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf24ajyy",
        "hx_live_yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp14XJmA4"
    };

    for (i = 0; i < hx_nelts(keys); i++) {
        for (k = 0; k < sizeof(rnd); k++) {
            rnd[k] = i == 0 ? 0 : i == 1 ? (unsigned char) k : 0xff;
        }

        hx_apikey_make(key, rnd);
        assert_memory_equal(key, keys[i], HX_APIKEY_LEN);
        assert_true(test_plausible(HX_APIKEY_CHECKSUM, key, HX_APIKEY_LEN));
    }
}


static void
made_keys(void **state)
{
    size_t         i, k;
    unsigned char  key[HX_APIKEY_LEN];

    for (i = 0; i < 2000; i++) {
        test_make(key);
        assert_memory_equal(key, HX_APIKEY_PREFIX, 8);

        for (k = 8; k < HX_APIKEY_LEN; k++) {
            assert_non_null(memchr(ALNUM, key[k], 62));
        }

        assert_true(test_plausible(HX_APIKEY_CHECKSUM, key, HX_APIKEY_LEN));
        assert_true(test_plausible(HX_APIKEY_ANY, key, HX_APIKEY_LEN));
    }
}


static void
every_changed_character(void **state)
{
    size_t         i, k;
    unsigned       c;
    unsigned char  key[HX_APIKEY_LEN], other[HX_APIKEY_LEN];

    for (i = 0; i < 20; i++) {
        test_make(key);

        for (k = 0; k < HX_APIKEY_LEN; k++) {
            memcpy(other, key, HX_APIKEY_LEN);

            for (c = 0; c < 256; c++) {
                other[k] = (unsigned char) c;

                if (hx_apikey_plausible(HX_APIKEY_CHECKSUM, other,
                                        HX_APIKEY_LEN) != (c == key[k]))
                {
                    fail_msg("%.57s, but %02x at %zu", key, c, k);
                }
            }
        }
    }
}


/* Two neighbours exchanged, a character doubled or lost, both ends. */
static void
slips(void **state)
{
    size_t         i, k;
    unsigned char  key[HX_APIKEY_LEN], other[HX_APIKEY_LEN + 1];

    for (i = 0; i < 200; i++) {
        test_make(key);

        for (k = 0; k + 1 < HX_APIKEY_LEN; k++) {
            memcpy(other, key, HX_APIKEY_LEN);
            other[k] = key[k + 1];
            other[k + 1] = key[k];
            assert_int_equal(test_plausible(HX_APIKEY_CHECKSUM, other,
                                            HX_APIKEY_LEN),
                             key[k] == key[k + 1]);

            memcpy(other, key, k);
            memcpy(other + k, key + k + 1, HX_APIKEY_LEN - k - 1);
            assert_false(test_plausible(HX_APIKEY_CHECKSUM, other,
                                        HX_APIKEY_LEN - 1));

            memcpy(other, key, k + 1);
            memcpy(other + k + 1, key + k, HX_APIKEY_LEN - k);
            assert_false(test_plausible(HX_APIKEY_CHECKSUM, other,
                                        HX_APIKEY_LEN + 1));
        }
    }
}


/* A guess is right once in 2^32. */
static void
guesses(void **state)
{
    size_t         i, k;
    unsigned char  key[HX_APIKEY_LEN];

    memcpy(key, HX_APIKEY_PREFIX, 8);

    for (i = 0; i < 50000; i++) {
        for (k = 8; k < HX_APIKEY_LEN; k++) {
            key[k] = (unsigned char) ALNUM[test_below(62)];
        }

        assert_false(hx_apikey_plausible(HX_APIKEY_CHECKSUM, key,
                                         HX_APIKEY_LEN));
    }
}


static void
lengths(void **state)
{
    size_t         n;
    unsigned char  text[600];

    memset(text, 'k', sizeof(text));
    memcpy(text, HX_APIKEY_PREFIX, 8);

    for (n = 0; n < sizeof(text); n++) {
        assert_int_equal(test_plausible(HX_APIKEY_ANY, text, n),
                         n >= HX_APIKEY_MIN && n <= HX_APIKEY_MAX);
        assert_false(test_plausible(HX_APIKEY_CHECKSUM, text, n));
    }

    memset(text, 'k', sizeof(text));
    text[20] = ' ';
    assert_false(test_plausible(HX_APIKEY_ANY, text, 40));
    text[20] = 0x7f;
    assert_false(test_plausible(HX_APIKEY_ANY, text, 40));
    text[20] = '\0';
    assert_false(test_plausible(HX_APIKEY_ANY, text, 40));
    text[20] = '~';
    assert_true(test_plausible(HX_APIKEY_ANY, text, 40));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(known_keys),
        cmocka_unit_test(made_keys),
        cmocka_unit_test(every_changed_character),
        cmocka_unit_test(slips),
        cmocka_unit_test(guesses),
        cmocka_unit_test(lengths)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
