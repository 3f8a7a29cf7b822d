/*
 * hx_key_cache_test.c -- digests of keys that are remembered: never that of
 * another key, never for a kind that was not put, however full it is; and one
 * process cannot tell what another would call a key.
 */

#include "hx_test.h"

#include "hx_key_cache.h"


static hx_key_cache_t  *cache;
static unsigned char    hash[HX_SHA256_LEN];


static void
test_key(unsigned char key[57], unsigned i)
{
    (void) snprintf((char *) key, 57, "hx_live_%048u", i);
}


/* What is put for key i, unlike any other */

static const unsigned char *
test_hash(unsigned i)
{
    static unsigned char  h[HX_SHA256_LEN];

    memset(h, (int) (i % 251), sizeof(h));
    memcpy(h, &i, sizeof(i));

    return h;
}


static void
test_put(unsigned kind, unsigned i)
{
    unsigned char  key[57];

    test_key(key, i);
    hx_key_cache_put(cache, kind, key, 56, test_hash(i));
}


/* Is it there?  When it is, it is right. */

static int
test_has(unsigned kind, unsigned i)
{
    unsigned char  key[57];

    test_key(key, i);
    memset(hash, 0xa5, sizeof(hash));

    if (hx_key_cache_get(cache, kind, key, 56, hash) != HX_OK) {
        return 0;
    }

    assert_memory_equal(hash, test_hash(i), HX_SHA256_LEN);

    return 1;
}


static int
test_begin(void **state)
{
    cache = hx_key_cache_create();

    return cache == NULL;
}


static int
test_end(void **state)
{
    hx_key_cache_free(cache);
    hx_key_cache_free(NULL);

    return 0;
}


static void
what_was_put_is_found(void **state)
{
    unsigned char  key[57];

    assert_false(test_has(0, 1));

    test_put(0, 1);
    test_put(0, 2);
    assert_true(test_has(0, 1));
    assert_true(test_has(0, 2));
    assert_false(test_has(0, 3));

    /* every byte and the length count */

    test_key(key, 1);
    key[55] ^= 1;
    assert_int_equal(hx_key_cache_get(cache, 0, key, 56, hash), HX_NO);
    key[55] ^= 1;
    key[0] ^= 0x80;
    assert_int_equal(hx_key_cache_get(cache, 0, key, 56, hash), HX_NO);
    key[0] ^= 0x80;
    assert_int_equal(hx_key_cache_get(cache, 0, key, 55, hash), HX_NO);
    assert_int_equal(hx_key_cache_get(cache, 0, key, 0, hash), HX_NO);
    assert_int_equal(hx_key_cache_get(cache, 0, key, 56, hash), HX_OK);
}


/* A format is checked before a put alone: another one has to be, too. */

static void
a_kind_is_no_other(void **state)
{
    unsigned  kind, other;

    for (kind = 0; kind < HX_KEY_CACHE_KINDS; kind++) {
        test_put(kind, kind);

        for (other = 0; other < HX_KEY_CACHE_KINDS; other++) {
            assert_int_equal(test_has(other, kind), other == kind);
        }
    }
}


static void
ten_thousand_have_room(void **state)
{
    unsigned  i, n;

    for (i = 0; i < 10000; i++) {
        test_put(0, i);
    }

    for (i = 0, n = 0; i < 10000; i++) {
        n += (unsigned) test_has(0, i);
    }

    assert_in_range(n, 9900, 10000);
}


/* More than fit: still only what is right, and new ones come in. */

static void
a_full_one_takes_turns(void **state)
{
    unsigned  i, n;

    for (i = 0; i < 200000; i++) {
        test_put(0, i);
    }

    for (i = 0, n = 0; i < 200000; i++) {
        n += (unsigned) test_has(0, i);
    }

    assert_in_range(n, HX_KEY_CACHE_SLOTS * 9 / 10, HX_KEY_CACHE_SLOTS);

    for (i = 0; i < 100 && !test_has(0, 999999); i++) {
        test_put(0, 999999);
    }

    assert_in_range(i, 0, 99);
    assert_true(test_has(0, 999999));
}


/* Two caches put keys elsewhere: of too many they lose different ones. */

static void
each_has_its_own_secret(void **state)
{
    unsigned         i, n;
    hx_key_cache_t  *first;

    first = cache;

    for (i = 0; i < 40000; i++) {
        test_put(0, i);
    }

    cache = hx_key_cache_create();
    assert_non_null(cache);

    for (i = 0; i < 40000; i++) {
        test_put(0, i);
    }

    for (i = 0, n = 0; i < 40000; i++) {
        if (test_has(0, i)) {
            hx_key_cache_t  *second = cache;

            cache = first;
            n += !test_has(0, i);
            cache = second;
        }
    }

    assert_in_range(n, 1000, 40000);

    hx_key_cache_free(cache);
    cache = first;
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(what_was_put_is_found, test_begin,
                                        test_end),
        cmocka_unit_test_setup_teardown(a_kind_is_no_other, test_begin,
                                        test_end),
        cmocka_unit_test_setup_teardown(ten_thousand_have_room, test_begin,
                                        test_end),
        cmocka_unit_test_setup_teardown(a_full_one_takes_turns, test_begin,
                                        test_end),
        cmocka_unit_test_setup_teardown(each_has_its_own_secret, test_begin,
                                        test_end)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
