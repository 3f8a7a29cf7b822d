/*
 * hx_sign_test.c -- signatures against the vectors of RFC 4231 (HMAC) and
 * RFC 8032 (Ed25519), and the files that a key can come in.
 */

#include "hx_test.h"

#include "hx_crypto.h"
#include "hx_sign.h"
#include "hx_text.h"

/* RFC 8032, 7.1, TEST 3, as openssl writes the keys. */

static const char  pem_private[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIMWqjfQ/n4N77bdELzHct7Fm04U1B28JS4XOOi4LRFj3\n"
    "-----END PRIVATE KEY-----\n";

static const char  pem_public[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEA/FHNjmIYoaONpH7QAjDwWAgW7RO6MwOsXeuRFUiQgCU=\n"
    "-----END PUBLIC KEY-----\n";


static hx_sign_t *
test_key(const char *text)
{
    hx_sign_t   *key;
    const char  *err;

    err = "-";

    if (hx_sign_read(&key, test_edge(text, strlen(text)), strlen(text), &err)
        != HX_OK)
    {
        fail_msg("%s", err);
    }

    return key;
}


static void
test_bytes(unsigned char *out, const char *hex)
{
    assert_int_equal(hx_text_unhex(out, (const unsigned char *) hex,
                                   strlen(hex) / 2), HX_OK);
}


/* Signs, and checks the signature and all that it is not. */

static void
test_signs(const hx_sign_t *key, const hx_sign_t *check,
    const unsigned char *data, size_t len, const char *hex)
{
    size_t          i, n;
    unsigned char   sig[HX_SIGN_MAX], want[HX_SIGN_MAX];

    test_bytes(want, hex);

    assert_int_equal(hx_sign_make(key, data, len, sig, &n), HX_OK);
    assert_int_equal(n, strlen(hex) / 2);
    assert_memory_equal(sig, want, n);
    assert_int_equal(hx_sign_check(check, data, len, sig, n), HX_OK);
    assert_int_equal(hx_sign_check(check, data, len - 1, sig, n), HX_NO);

    for (i = 0; i < n; i++) {
        sig[i] ^= 1;
        assert_int_equal(hx_sign_check(check, data, len, sig, n), HX_NO);
        sig[i] ^= 1;
        assert_int_equal(hx_sign_check(check, data, len, sig, i), HX_NO);
    }
}


static void
test_hmac_rfc4231(void **state)
{
    hx_sign_t      *key;
    char            secret[132];
    unsigned char   data[256];

    static const char  case_6[] =
        "Test Using Larger Than Block-Size Key - Hash Key First";
    static const char  case_7[] =
        "This is a test using a larger than block-size key and a larger than "
        "block-size data. The key needs to be hashed before being used by the "
        "HMAC algorithm.";

    memset(secret, 0xaa, 131);
    secret[131] = '\0';
    key = test_key(secret);

    memcpy(data, case_6, sizeof(case_6) - 1);
    test_signs(key, key, data, sizeof(case_6) - 1,
               "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37"
               "f54");

    memcpy(data, case_7, sizeof(case_7) - 1);
    test_signs(key, key, data, sizeof(case_7) - 1,
               "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a3"
               "5e2");

    assert_int_equal(hx_sign_can_sign(key), 1);
    hx_sign_free(key);
}


static void
test_ed25519_rfc8032(void **state)
{
    hx_sign_t             *key, *public;
    static const unsigned char  data[] = { 0xaf, 0x82 };

    key = test_key(pem_private);
    public = test_key(pem_public);

    test_signs(key, public, data, sizeof(data),
               "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac"
               "3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea"
               "1ec40a");

    assert_string_equal(hx_sign_name(key), hx_sign_name(public));
    assert_int_equal(hx_sign_can_sign(key), 1);
    assert_int_equal(hx_sign_can_sign(public), 0);

    hx_sign_free(key);
    hx_sign_free(public);
}


static void
test_public_key_does_not_sign(void **state)
{
    size_t          n;
    hx_sign_t      *key;
    unsigned char   sig[HX_SIGN_MAX];

    key = test_key(pem_public);
    assert_int_equal(hx_sign_make(key, "x", 1, sig, &n), HX_FAIL);
    hx_sign_free(key);
}


/* The name is SHA-256 of what everybody may know. */

static void
test_names(void **state)
{
    char            want[HX_SIGN_NAME];
    hx_sign_t      *key;
    hx_crypto_t    *c;
    unsigned char   raw[32], sum[32], hex[17];

    c = hx_crypto_create();
    test_bytes(raw, "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb91154"
                    "8908025");
    assert_int_equal(hx_sha256(c, raw, 32, sum), HX_OK);
    hx_text_hex(hex, sum, 8);
    hex[16] = '\0';
    hx_crypto_free(c);

    /* of the public key of the vector */

    key = test_key(pem_private);
    assert_int_equal(strncmp(hx_sign_name(key), "ed25519:", 8), 0);
    assert_int_equal(strlen(hx_sign_name(key)), 8 + 16);
    (void) snprintf(want, sizeof(want), "ed25519:%s", (char *) hex);
    assert_string_equal(hx_sign_name(key), want);
    hx_sign_free(key);

    /* HMAC of nothing */

    key = test_key("00000000000000000000000000000000");
    assert_int_equal(strncmp(hx_sign_name(key), "hmac-sha256:", 12), 0);
    assert_int_equal(strlen(hx_sign_name(key)), HX_SIGN_NAME - 1);
    hx_sign_free(key);
}


static void
test_secret_and_its_line_feed(void **state)
{
    hx_sign_t  *a, *b, *c;

    a = test_key("0123456789abcdef0123456789abcdef");
    b = test_key("0123456789abcdef0123456789abcdef\n");
    c = test_key("0123456789abcdef0123456789abcdef\n\n");

    assert_string_equal(hx_sign_name(a), hx_sign_name(b));
    assert_string_not_equal(hx_sign_name(a), hx_sign_name(c));

    hx_sign_free(a);
    hx_sign_free(b);
    hx_sign_free(c);
}


static void
test_bad_files(void **state)
{
    size_t                i;
    hx_sign_t            *key;
    const char           *err;
    static unsigned char  big[HX_SIGN_FILE_MAX + 1];

    static const struct {
        const char  *text;
        const char  *err;
    } bad[] = {
        { "", "a secret must have 32 bytes or more" },
        { "\n", "a secret must have 32 bytes or more" },
        { "0123456789abcdef0123456789abcde\n",
          "a secret must have 32 bytes or more" },
        { "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
          "no key can be read from the PEM" },
        { "-----BEGIN nothing that is as long as a secret would have to be",
          "no key can be read from the PEM" },
        { "-----BEGIN PUBLIC KEY-----\n"
          "MCowBQYDK2VuAyEAhSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=\n"
          "-----END PUBLIC KEY-----\n",
          "it is not a key of Ed25519" }
    };

    for (i = 0; i < hx_nelts(bad); i++) {
        err = "-";
        assert_int_equal(hx_sign_read(&key, test_edge(bad[i].text,
                                                      strlen(bad[i].text)),
                                      strlen(bad[i].text), &err), HX_NO);
        assert_null(key);
        assert_string_equal(err, bad[i].err);
    }

    memset(big, 'x', sizeof(big));
    assert_int_equal(hx_sign_read(&key, big, sizeof(big), &err), HX_NO);
    assert_string_equal(err, "it is longer than 4096 bytes");
    assert_int_equal(hx_sign_read(&key, big, sizeof(big) - 1, &err), HX_OK);
    hx_sign_free(key);
    hx_sign_free(NULL);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_hmac_rfc4231),
        cmocka_unit_test(test_ed25519_rfc8032),
        cmocka_unit_test(test_public_key_does_not_sign),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_secret_and_its_line_feed),
        cmocka_unit_test(test_bad_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
