/*
 * hx_base64_test.c -- base64 of hx-engine/codec: RFC 4648's vectors, all that
 * must be refused, every block loop of this processor against the plain one,
 * any split, and no access outside input and output (guard pages).
 */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "hx_base64.h"
#include "hx_base64_impl.h"

#define HX_AREA   8192

static unsigned char  *in_end;      /* one past writable memory: a guard page */
static unsigned char  *out_end;
static uint64_t        seed = 42;


static uint64_t
test_random(void)
{
    uint64_t  z;

    z = (seed += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);

    return z ^ (z >> 31);
}


static unsigned char *
test_guarded(void)
{
    unsigned char  *p;

    p = mmap(NULL, HX_AREA + 4096, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(p != MAP_FAILED);
    assert_int_equal(mprotect(p + HX_AREA, 4096, PROT_NONE), 0);

    return p + HX_AREA;
}


static int
test_setup(void **state)
{
    in_end = test_guarded();
    out_end = test_guarded();

    return 0;
}


/* The whole text at once, input and output right before guard pages. */
static hx_base64_err_t
test_decode(const char *text, size_t len, size_t cap, size_t *written)
{
    hx_base64_err_t   err;
    hx_base64_dec_t   d;

    memcpy(in_end - len, text, len);
    hx_base64_dec_init(&d);
    err = hx_base64_dec_feed(&d, in_end - len, len, out_end - cap, cap,
                             written);

    return err != HX_BASE64_OK ? err : hx_base64_dec_finish(&d);
}


static void
rfc_vectors(void **state)
{
    size_t         i, n;
    unsigned char  text[16];

    static const char *const  plain[] = {
        "", "f", "fo", "foo", "foob", "fooba", "foobar"
    };
    static const char *const  coded[] = {
        "", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"
    };

    for (i = 0; i < hx_nelts(plain); i++) {
        assert_int_equal(test_decode(coded[i], strlen(coded[i]), i, &n),
                         HX_BASE64_OK);
        assert_int_equal(n, i);
        assert_memory_equal(out_end - i, plain[i], i);

        n = hx_base64_encode(text, (const unsigned char *) plain[i], i);
        assert_int_equal(n, hx_base64_enc_len(i));
        assert_int_equal(n, strlen(coded[i]));
        assert_memory_equal(text, coded[i], n);
    }
}


static void
refused(void **state)
{
    size_t  i, n;

    static const char *const  bad[] = {
        "Z", "Zg", "Zm8", "Zg=", "Zm9vY", "Zm9vYg=",    /* padding missing */
        "=", "==", "====", "Z===", "Zg=a", "Z=g=", "=g==",
        "Zg==Zg==", "Zg==Z", "Zg===", "Zg====", "Zm8=Zm9v", "Zm9v=",
        "Zh==", "Zn==", "Zm9=", "Zm/=", "Zk==",         /* bits behind */
        "Zm9v\n", "\nZm9v", "Zm 9v", "Zm9v ", "Z\tm9", "Zg==\n", "Zm\r\n9v",
        "Zm-v", "Zm_v", "Zm9v-_-_",                     /* the URL alphabet */
        "Zm9.", "Zm9,", "Zm9*", "@m9v", "[m9v", "`m9v", "{m9v", ":m9v",
        "Zm9\x7f", "Zm9\x80", "Zm9\xff", "\xc3\xa9==", "Zm\\/v"
    };

    for (i = 0; i < hx_nelts(bad); i++) {
        if (test_decode(bad[i], strlen(bad[i]), 64, &n) != HX_BASE64_E_INPUT) {
            fail_msg("accepted: %s", bad[i]);
        }
    }

    assert_int_equal(test_decode("Zm\0v", 4, 64, &n), HX_BASE64_E_INPUT);
}


/* Random characters, sometimes with one that does not belong. */
static void
test_fill(unsigned char *p, size_t len, int spoil)
{
    size_t  i;

    static const char  alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (i = 0; i < len; i++) {
        p[i] = (unsigned char) alphabet[test_random() % 64];
    }

    if (spoil && len != 0) {
        p[test_random() % len] = (unsigned char) test_random();
    }
}


static void
decoders_agree(void **state)
{
    size_t                   len, cap, took, want, round;
    unsigned                 i;
    unsigned char            expect[HX_AREA];
    const hx_base64_impl_t  *impl;

    for (round = 0; round < 40000; round++) {
        len = test_random() % (round % 16 ? 300 : 3000);
        test_fill(in_end - len, len, round % 3 == 0);
        want = hx_base64_dec_scalar(in_end - len, len, expect, sizeof(expect));
        cap = len / 4 * 3;
        cap = (round % 5 == 0 && cap != 0) ? test_random() % cap : cap;

        for (i = 0; (impl = hx_base64_impl_get(i)) != NULL; i++) {
            took = impl->decode(in_end - len, len, out_end - cap, cap);

            assert_true(took <= want && took % 4 == 0 && took / 4 * 3 <= cap);
            assert_memory_equal(out_end - cap, expect, took / 4 * 3);

            /* A loop that gives up early is right and useless. */
            assert_true(took + 256 > want || cap < len / 4 * 3);
        }
    }

    assert_non_null(hx_base64_impl_get(0));
    assert_string_equal(hx_base64_impl_get(i - 1)->name, "scalar");
}


/* Each byte value in each place of two blocks. */
static void
decoders_see_every_bad_byte(void **state)
{
    size_t                   pos, took, want;
    unsigned                 i, c;
    unsigned char            keep;
    unsigned char            expect[256];
    const hx_base64_impl_t  *impl;

    test_fill(in_end - 256, 256, 0);

    for (pos = 0; pos < 256; pos++) {
        keep = in_end[pos - 256];

        for (c = 0; c < 256; c++) {
            in_end[pos - 256] = (unsigned char) c;
            want = hx_base64_dec_scalar(in_end - 256, 256, expect, 192);

            for (i = 0; (impl = hx_base64_impl_get(i)) != NULL; i++) {
                took = impl->decode(in_end - 256, 256, out_end - 192, 192);
                assert_true(took <= want);
                assert_memory_equal(out_end - 192, expect, took / 4 * 3);
            }
        }

        in_end[pos - 256] = keep;
    }
}


static void
encoders_agree(void **state)
{
    size_t                   len, i, took, want, round;
    unsigned                 k;
    unsigned char            expect[HX_AREA];
    const hx_base64_impl_t  *impl;

    for (round = 0; round < 20000; round++) {
        len = test_random() % (round % 16 ? 400 : 3000);

        for (i = 0; i < len; i++) {
            in_end[i - len] = (unsigned char) test_random();
        }

        want = hx_base64_enc_scalar(expect, in_end - len, len);

        for (k = 0; (impl = hx_base64_impl_get(k)) != NULL; k++) {
            took = len / 3 * 4;
            took = impl->encode(out_end - took, in_end - len, len);
            assert_true(took <= want && took % 3 == 0 && took + 128 > want);
            assert_memory_equal(out_end - len / 3 * 4, expect, took / 3 * 4);
        }

        /* And back through the interface, to the byte. */
        want = hx_base64_enc_len(len);
        assert_int_equal(hx_base64_encode(out_end - want, in_end - len, len),
                         want);
        memcpy(expect, out_end - want, want);
        assert_int_equal(test_decode((char *) expect, want, len, &took),
                         HX_BASE64_OK);
        assert_int_equal(took, len);
        assert_int_equal(hx_base64_encode(expect, out_end - len, len), want);
        assert_memory_equal(expect, in_end - want, want);
    }
}


/* Valid and broken texts, cut anywhere, with and without room. */
static void
any_split_is_the_same(void **state)
{
    size_t           len, cap, n, whole, part, done, round;
    unsigned char    text[2048], expect[2048], got[2048];
    hx_base64_err_t  err, want;
    hx_base64_dec_t  d;

    for (round = 0; round < 60000; round++) {
        len = test_random() % (round % 8 ? 40 : 1000);
        test_fill(text, len, round % 4 == 0);

        if (round % 2 && len >= 4) {
            len = len / 4 * 4;
            text[len - 1] = '=';
            text[len - 2] = (round % 6 == 1) ? '=' : text[len - 2];
            text[len - 3] = (round % 6 == 1) ? 'A' : text[len - 3];
            text[len - 2] = (round % 6 == 3) ? 'E' : text[len - 2];
        }

        cap = round % 7 ? sizeof(got) : test_random() % (len + 1);

        hx_base64_dec_init(&d);
        want = hx_base64_dec_feed(&d, text, len, expect, cap, &whole);
        want = (want == HX_BASE64_OK) ? hx_base64_dec_finish(&d) : want;

        hx_base64_dec_init(&d);
        err = HX_BASE64_OK;

        for (done = 0, n = 0; n < len && err == HX_BASE64_OK; n += part) {
            size_t  more;

            part = 1 + test_random() % (round % 3 ? 7 : 300);
            part = part < len - n ? part : len - n;
            err = hx_base64_dec_feed(&d, text + n, part, got + done,
                                     cap - done, &more);
            assert_true(more <= hx_base64_dec_max(part + 3));
            done += more;
        }

        if (err != HX_BASE64_OK) {
            size_t  more;

            assert_int_equal(hx_base64_dec_feed(&d, text, 4, got, cap, &more),
                             err);
            assert_int_equal(more, 0);
        }

        err = (err == HX_BASE64_OK) ? hx_base64_dec_finish(&d) : err;
        assert_int_equal(err, want);
        assert_int_equal(done, whole);
        assert_memory_equal(got, expect, done);
    }
}


static void
room_is_exact(void **state)
{
    size_t         n, len, coded;
    unsigned char  plain[600], text[804];

    memset(plain, 0x5a, sizeof(plain));

    for (len = 1; len <= sizeof(plain); len++) {
        coded = hx_base64_encode(text, plain, len);
        assert_int_equal(test_decode((char *) text, coded, len, &n),
                         HX_BASE64_OK);
        assert_int_equal(n, len);
        assert_int_equal(test_decode((char *) text, coded, len - 1, &n),
                         HX_BASE64_E_SPACE);
        assert_true(n < len);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(rfc_vectors),
        cmocka_unit_test(refused),
        cmocka_unit_test(decoders_agree),
        cmocka_unit_test(decoders_see_every_bad_byte),
        cmocka_unit_test(encoders_agree),
        cmocka_unit_test(any_split_is_the_same),
        cmocka_unit_test(room_is_exact)
    };

    return cmocka_run_group_tests(tests, test_setup, NULL);
}
