/*
 * hx_writeset_test.c -- epochs and writesets: what is written is read, and
 * nothing else is.
 */

#include "hx_test.h"

#include "hx_crypto.h"
#include "hx_epoch.h"
#include "hx_le.h"
#include "hx_writeset.h"


static unsigned char  bytes[1024];


static hx_rc_t
test_epoch(const char *text, hx_epoch_t *e)
{
    hx_str_t  s;

    s.len = strlen(text);
    s.data = test_edge(text, s.len);

    return hx_epoch_parse(e, &s);
}


static void
test_epochs(void **state)
{
    size_t         i;
    hx_epoch_t     e, zero;
    unsigned char  text[HX_EPOCH_MAX];

    static const char *const  good[] = {
        HX_EPOCH_ZERO, "1-0123456789abcdef", "12345-ffffffffffffffff",
        "9007199254740991-0000000000000001"
    };

    static const char *const  bad[] = {
        "", "-", "0", "0-", "-0000000000000000", "1-0123456789abcde",
        "1-0123456789abcdef0", "1-0123456789ABCDEF", "01-0123456789abcdef",
        "+1-0123456789abcdef", " 1-0123456789abcdef", "1 0123456789abcdef",
        "1-0123456789abcdeg", "9007199254740992-0000000000000001",
        "18446744073709551616-0000000000000001",
        "99999999999999999999999-0000000000000001", "1-0123456789abcdef\n"
    };

    for (i = 0; i < hx_nelts(good); i++) {
        assert_int_equal(test_epoch(good[i], &e), HX_OK);
        assert_int_equal(hx_epoch_text(&e, text), strlen(good[i]));
        assert_memory_equal(text, good[i], strlen(good[i]));
        assert_true(hx_epoch_valid(&e));
    }

    for (i = 0; i < hx_nelts(bad); i++) {
        assert_int_equal(test_epoch(bad[i], &e), HX_NO);
    }

    hx_epoch_zero(&zero);
    assert_int_equal(test_epoch(HX_EPOCH_ZERO, &e), HX_OK);
    assert_true(hx_epoch_same(&e, &zero));
    e.token[15] = '1';
    assert_false(hx_epoch_same(&e, &zero));
    e.token[15] = '0';
    e.number = 1;
    assert_false(hx_epoch_same(&e, &zero));
}


/* Exactly these bytes, whatever the compiler: they are sent and stored. */
static void
test_bytes_are_fixed(void **state)
{
    hx_writeset_t   ws;
    const hx_str_t  key = hx_string("ab");
    const hx_str_t  value = hx_string("xyz");

    static const unsigned char  want[] = {
        1, 1, 1, 2, 0, 'a', 'b', 3, 0, 0, 0, 'x', 'y', 'z',
        3, 2, 2, 0, 'a', 'b'
    };

    memset(&ws, 0, sizeof(ws));
    hx_writeset_put(&ws, HX_WRITESET_KEYS, &key, &value);
    hx_writeset_delete(&ws, HX_WRITESET_BILLING, &key);
    assert_int_equal(hx_writeset_finish(&ws), HX_OK);
    assert_int_equal(ws.n, 2);
    assert_int_equal(ws.len, sizeof(want) + 4);
    assert_memory_equal(ws.data, want, sizeof(want));
    assert_int_equal(hx_get_le32(ws.data + sizeof(want)),
                     hx_crc32(0, want, sizeof(want)));

    /* finished is finished */
    assert_int_equal(hx_writeset_finish(&ws), HX_OK);
    assert_int_equal(ws.len, sizeof(want) + 4);

    hx_writeset_reset(&ws);
    assert_int_equal(hx_writeset_finish(&ws), HX_OK);
    assert_int_equal(ws.len, 0);
    hx_writeset_free(&ws);
}


static void
test_random_str(hx_str_t *s, size_t least, size_t most)
{
    static unsigned char  pool[131072];
    static size_t         used;

    s->len = least + test_below(most - least + 1);

    if (used + s->len > sizeof(pool)) {
        used = 0;
    }

    test_fill(pool + used, s->len);
    s->data = pool + used;
    used += s->len;
}


/* What goes in comes out, in order. */
static void
test_property(void **state)
{
    size_t                i, n, round;
    hx_str_t              s;
    hx_write_t            got, want[64];
    hx_writeset_t         ws;
    hx_writeset_reader_t  r;

    memset(&ws, 0, sizeof(ws));

    for (round = 0; round < 3000; round++) {
        hx_writeset_reset(&ws);
        n = 1 + test_below(hx_nelts(want));

        for (i = 0; i < n; i++) {
            want[i].db = (unsigned) test_below(HX_WRITESET_DBS);
            want[i].op = 1 + (unsigned) test_below(2);
            test_random_str(&want[i].key, 1,
                            test_below(8) ? 70 : HX_WRITESET_KEY);
            want[i].value.len = 0;

            if (want[i].op == HX_WRITESET_PUT) {
                test_random_str(&want[i].value, 0,
                                test_below(8) ? 100 : 1200);
                hx_writeset_put(&ws, want[i].db, &want[i].key,
                                &want[i].value);
            } else {
                hx_writeset_delete(&ws, want[i].db, &want[i].key);
            }
        }

        assert_int_equal(hx_writeset_finish(&ws), HX_OK);
        assert_int_equal(ws.n, n);

        s.len = ws.len;
        s.data = test_edge(ws.data, ws.len);
        assert_int_equal(hx_writeset_open(&r, &s), HX_OK);

        for (i = 0; i < n; i++) {
            assert_true(hx_writeset_next(&r, &got));
            assert_int_equal(got.db, want[i].db);
            assert_int_equal(got.op, want[i].op);
            assert_true(test_same(&got.key, &want[i].key));
            assert_true(test_same(&got.value, &want[i].value));
        }

        assert_false(hx_writeset_next(&r, &got));
        assert_false(hx_writeset_next(&r, &got));
    }

    hx_writeset_free(&ws);
}


/* Bytes with a checksum that fits: only the reader can refuse them. */
static hx_rc_t
test_open(const unsigned char *p, size_t len)
{
    hx_str_t              s;
    hx_writeset_reader_t  r;

    memcpy(bytes, p, len);
    hx_put_le32(bytes + len, hx_crc32(0, bytes, len));
    s.len = len + 4;
    s.data = test_edge(bytes, s.len);

    return hx_writeset_open(&r, &s);
}


#define opens(...)                                                            \
    test_open((const unsigned char []) { __VA_ARGS__ },                       \
              sizeof((const unsigned char []) { __VA_ARGS__ }))


static void
test_refused(void **state)
{
    size_t                i;
    unsigned char         big[600];
    hx_str_t              s;
    hx_writeset_reader_t  r;

    assert_int_equal(opens(1, 0, 2, 1, 0, 'a'), HX_OK);
    assert_int_equal(opens(1, 0, 1, 1, 0, 'a', 0, 0, 0, 0), HX_OK);

    assert_int_equal(opens(0, 0, 2, 1, 0, 'a'), HX_NO);         /* version */
    assert_int_equal(opens(2, 0, 2, 1, 0, 'a'), HX_NO);
    assert_int_equal(opens(1, 4, 2, 1, 0, 'a'), HX_NO);         /* db */
    assert_int_equal(opens(1, 255, 2, 1, 0, 'a'), HX_NO);
    assert_int_equal(opens(1, 0, 0, 1, 0, 'a'), HX_NO);         /* op */
    assert_int_equal(opens(1, 0, 3, 1, 0, 'a'), HX_NO);
    assert_int_equal(opens(1, 0, 2, 0, 0), HX_NO);              /* no key */
    assert_int_equal(opens(1, 0, 2, 2, 0, 'a'), HX_NO);         /* too short */
    assert_int_equal(opens(1, 0, 1, 1, 0, 'a'), HX_NO);
    assert_int_equal(opens(1, 0, 1, 1, 0, 'a', 0, 0, 0), HX_NO);
    assert_int_equal(opens(1, 0, 1, 1, 0, 'a', 1, 0, 0, 0), HX_NO);
    assert_int_equal(opens(1, 0, 1, 1, 0, 'a', 255, 255, 255, 255), HX_NO);
    assert_int_equal(opens(1, 0, 2, 1, 0, 'a', 0), HX_NO);      /* trailing */
    assert_int_equal(opens(1, 0, 2, 1, 0, 'a', 0, 2, 1), HX_NO);
    assert_int_equal(opens(1), HX_NO);                          /* nothing */

    /* a key that LMDB could not have */
    memset(big, 'k', sizeof(big));
    memcpy(big, "\1\0\2", 3);
    big[3] = 512 & 255;
    big[4] = 512 >> 8;
    assert_int_equal(test_open(big, 5 + 512), HX_NO);
    big[3] = 511 & 255;
    big[4] = 511 >> 8;
    assert_int_equal(test_open(big, 5 + 511), HX_OK);

    for (i = 0; i < 10; i++) {
        s.data = test_edge("\1\0\2\1\0a\0\0\0\0", i);
        s.len = i;
        assert_int_equal(hx_writeset_open(&r, &s), HX_NO);
    }
}


/* Any change of any byte, any cut, is found. */
static void
test_damage(void **state)
{
    size_t                i, len;
    unsigned              bit;
    unsigned char        *p;
    hx_str_t              s;
    hx_writeset_t         ws;
    hx_writeset_reader_t  r;
    const hx_str_t        key = hx_string("tenant-1");
    const hx_str_t        value = hx_string("a record, or what stands for it");

    memset(&ws, 0, sizeof(ws));
    hx_writeset_put(&ws, HX_WRITESET_TENANTS, &key, &value);
    hx_writeset_delete(&ws, HX_WRITESET_KEYS, &key);
    hx_writeset_put(&ws, HX_WRITESET_META, &key, &value);
    assert_int_equal(hx_writeset_finish(&ws), HX_OK);

    for (len = 0; len < ws.len; len++) {
        s.data = test_edge(ws.data, len);
        s.len = len;
        assert_int_equal(hx_writeset_open(&r, &s), HX_NO);
    }

    s.len = ws.len;

    for (i = 0; i < ws.len; i++) {
        for (bit = 0; bit < 8; bit++) {
            p = test_edge(ws.data, ws.len);
            p[i] ^= (unsigned char) (1U << bit);
            s.data = p;
            assert_int_equal(hx_writeset_open(&r, &s), HX_NO);
        }
    }

    hx_writeset_free(&ws);
}


/* Random bytes behind a checksum that fits: walked to the end, or refused. */
static void
test_fuzz(void **state)
{
    size_t                i, n, len, ok;
    hx_str_t              s;
    hx_write_t            w;
    hx_writeset_reader_t  r;

    ok = 0;

    for (i = 0; i < 300000; i++) {
        len = 1 + test_below(18);
        bytes[0] = 1;

        for (n = 1; n < len; n++) {
            bytes[n] = (unsigned char) (test_below(16) ? test_below(3)
                                                      : test_below(256));
        }

        hx_put_le32(bytes + len, hx_crc32(0, bytes, len));
        s.len = len + 4;
        s.data = test_edge(bytes, s.len);

        if (hx_writeset_open(&r, &s) != HX_OK) {
            continue;
        }

        ok++;
        n = 1;

        while (hx_writeset_next(&r, &w)) {
            assert_true(w.db < HX_WRITESET_DBS);
            assert_true(w.key.len > 0 && w.key.len <= HX_WRITESET_KEY);
            n += 4 + w.key.len
                 + (w.op == HX_WRITESET_PUT ? 4 + w.value.len : 0);
        }

        assert_int_equal(n, len);
    }

    assert_true(ok > 100);
}


static void
test_limit(void **state)
{
    unsigned        n;
    hx_str_t        value;
    hx_str_t        s;
    hx_writeset_t   ws;
    unsigned char  *big;
    const hx_str_t  key = hx_string("k");
    hx_writeset_reader_t  r;

    big = calloc(1, HX_WRITESET_MAX + 1);
    assert_non_null(big);
    memset(&ws, 0, sizeof(ws));

    /* to the last byte: version, write, checksum */
    value.data = big;
    value.len = HX_WRITESET_MAX - 1 - 4 - 1 - 4 - 4;
    assert_true(hx_writeset_fits(&ws, 1, value.len));
    assert_false(hx_writeset_fits(&ws, 1, value.len + 1));
    hx_writeset_put(&ws, HX_WRITESET_META, &key, &value);
    assert_int_equal(hx_writeset_finish(&ws), HX_OK);
    assert_int_equal(ws.len, HX_WRITESET_MAX);
    s.data = ws.data;
    s.len = ws.len;
    assert_int_equal(hx_writeset_open(&r, &s), HX_OK);

    hx_writeset_reset(&ws);
    value.len++;
    hx_writeset_put(&ws, HX_WRITESET_META, &key, &value);
    assert_int_equal(hx_writeset_finish(&ws), HX_FAIL);

    /* and what did not fit once fails all of it */
    hx_writeset_delete(&ws, HX_WRITESET_META, &key);
    assert_int_equal(hx_writeset_finish(&ws), HX_FAIL);

    hx_writeset_reset(&ws);
    value.len = 100000;

    for (n = 0; hx_writeset_fits(&ws, 1, value.len); n++) {
        hx_writeset_put(&ws, HX_WRITESET_META, &key, &value);
    }

    assert_int_equal(n, 41);
    assert_int_equal(hx_writeset_finish(&ws), HX_OK);

    /* what no reader would take is not written */
    hx_writeset_reset(&ws);
    value.len = 512;
    hx_writeset_delete(&ws, HX_WRITESET_META, &value);
    assert_int_equal(hx_writeset_finish(&ws), HX_FAIL);
    hx_writeset_reset(&ws);
    value.len = 0;
    hx_writeset_delete(&ws, HX_WRITESET_META, &value);
    assert_int_equal(hx_writeset_finish(&ws), HX_FAIL);
    hx_writeset_reset(&ws);
    hx_writeset_delete(&ws, HX_WRITESET_DBS, &key);
    assert_int_equal(hx_writeset_finish(&ws), HX_FAIL);

    hx_writeset_free(&ws);
    free(big);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_epochs),
        cmocka_unit_test(test_bytes_are_fixed),
        cmocka_unit_test(test_property),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_fuzz),
        cmocka_unit_test(test_limit)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
