/*
 * hx_hmac_test.c -- HMAC-SHA256 against the vectors of RFC 4231, in one piece
 * and in every other division.
 */

#include "hx_test.h"

#include "hx_hmac.h"
#include "hx_text.h"


typedef struct {
    unsigned char  key[131];
    size_t         key_len;
    unsigned char  data[160];
    size_t         len;
    const char    *mac;
} hx_vector_t;

static hx_vector_t  vector;


static void
test_vector(const void *key, size_t key_len, const void *data, size_t len,
    const char *mac)
{
    memcpy(vector.key, key, key_len);
    vector.key_len = key_len;
    memcpy(vector.data, data, len);
    vector.len = len;
    vector.mac = mac;
}


/* RFC 4231, test case n; 5 has a MAC that is cut off, which nobody here does */
static int
test_case(unsigned n)
{
    size_t         i;
    unsigned char  key[131], data[50];

    memset(key, n == 1 ? 0x0b : 0xaa, sizeof(key));
    memset(data, n == 3 ? 0xdd : 0xcd, sizeof(data));

    switch (n) {

    case 1:
        test_vector(key, 20, "Hi There", 8,
                    "b0344c61d8db38535ca8afceaf0bf12b"
                    "881dc200c9833da726e9376c2e32cff7");
        return 1;

    case 2:
        test_vector("Jefe", 4, "what do ya want for nothing?", 28,
                    "5bdcc146bf60754e6a042426089575c7"
                    "5a003f089d2739839dec58b964ec3843");
        return 1;

    case 3:
        test_vector(key, 20, data, 50,
                    "773ea91e36800e46854db8ebd09181a7"
                    "2959098b3ef8c122d9635514ced565fe");
        return 1;

    case 4:
        for (i = 0; i < 25; i++) {
            key[i] = (unsigned char) (i + 1);
        }

        test_vector(key, 25, data, 50,
                    "82558a389a443c0ea4cc819899f2083a"
                    "85f0faa3e578f8077a2e3ff46729665b");
        return 1;

    case 6:
        test_vector(key, 131, "Test Using Larger Than Block-Size Key - Hash "
                    "Key First", 54,
                    "60e431591ee0b67f0d8a26aacbf5b77f"
                    "8e0bc6213728c5140546040f0ee37f54");
        return 1;

    case 7:
        test_vector(key, 131, "This is a test using a larger than block-size "
                    "key and a larger than block-size data. The key needs to "
                    "be hashed before being used by the HMAC algorithm.", 152,
                    "9b09ffa71b942fcb27635fbcd5b0e944"
                    "bfdc63644f0713938a7f51535c3a35e2");
        return 1;

    default:
        return 0;
    }
}


static void
assert_mac(hx_hmac_t *h)
{
    unsigned char  out[HX_HMAC_LEN], hex[2 * HX_HMAC_LEN];

    assert_int_equal(hx_hmac_finish(h, out), HX_OK);
    hx_text_hex(hex, out, sizeof(out));
    assert_memory_equal(hex, vector.mac, sizeof(hex));
}


static void
rfc_4231(void **state)
{
    size_t      cut;
    unsigned    n, done;
    hx_hmac_t  *h;

    for (n = 1, done = 0; n <= 7; n++) {
        if (!test_case(n)) {
            continue;
        }

        h = hx_hmac_create(vector.key, vector.key_len);
        assert_non_null(h);

        /* one object for all of them: it begins anew */

        for (cut = 0; cut <= vector.len; cut++) {
            assert_int_equal(hx_hmac_update(h, vector.data, cut), HX_OK);
            assert_int_equal(hx_hmac_update(h, test_edge(vector.data + cut,
                                                         vector.len - cut),
                                            vector.len - cut), HX_OK);
            assert_mac(h);
        }

        hx_hmac_free(h);
        done++;
    }

    assert_int_equal(done, 6);
}


static void
no_secret(void **state)
{
    assert_null(hx_hmac_create("", 0));
    hx_hmac_free(NULL);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(rfc_4231),
        cmocka_unit_test(no_secret)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
