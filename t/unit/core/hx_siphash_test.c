/*
 * hx_siphash_test.c -- SipHash-2-4-128 against OpenSSL's, every length up to a
 * few words, and the first vector that its authors publish.
 */

#include "hx_test.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "hx_le.h"
#include "hx_siphash.h"


static void
test_tag(const unsigned char *secret, const unsigned char *data, size_t len,
    unsigned char out[16])
{
    hx_siphash_t  tag;

    tag = hx_siphash(secret, data, len);
    hx_put_le64(out, tag.low);
    hx_put_le64(out + 8, tag.high);
}


static void
the_authors_vector(void **state)
{
    int            i;
    unsigned char  secret[HX_SIPHASH_SECRET], out[16];

    static const unsigned char  empty[16] = {
        0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6,
        0x6d, 0xf6, 0x72, 0x14, 0xc7, 0x55, 0x02, 0x93
    };

    for (i = 0; i < HX_SIPHASH_SECRET; i++) {
        secret[i] = (unsigned char) i;
    }

    test_tag(secret, secret, 0, out);
    assert_memory_equal(out, empty, 16);
}


static void
as_openssl_has_it(void **state)
{
    size_t          len, size, got;
    EVP_MAC        *mac;
    OSSL_PARAM      params[2];
    EVP_MAC_CTX    *ctx;
    unsigned char   secret[HX_SIPHASH_SECRET], data[300], out[16], theirs[16];
    unsigned char  *guarded;

    mac = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
    assert_non_null(mac);
    ctx = EVP_MAC_CTX_new(mac);
    assert_non_null(ctx);

    size = 16;
    params[0] = OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size);
    params[1] = OSSL_PARAM_construct_end();

    for (len = 0; len <= sizeof(data); len++) {
        test_fill(secret, sizeof(secret));
        test_fill(data, len);

        assert_int_equal(EVP_MAC_init(ctx, secret, sizeof(secret), params), 1);
        assert_int_equal(EVP_MAC_update(ctx, data, len), 1);
        assert_int_equal(EVP_MAC_final(ctx, theirs, &got, 16), 1);
        assert_int_equal(got, 16);

        guarded = test_edge(data, len);
        test_tag(secret, guarded, len, out);
        assert_memory_equal(out, theirs, 16);
    }

    EVP_MAC_CTX_free(ctx);
    EVP_MAC_free(mac);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(the_authors_vector),
        cmocka_unit_test(as_openssl_has_it)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
