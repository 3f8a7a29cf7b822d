/*
 * hx_crc32_test.c -- the same as zlib's, for every length, place and seed, and
 * in pieces.
 */

#include <zlib.h>

#include "hx_test.h"
#include "hx_crypto.h"

#define BYTES   4096


static void
test_known(void **state)
{
    assert_int_equal(hx_crc32(0, "", 0), 0);
    assert_int_equal(hx_crc32(0, "123456789", 9), 0xcbf43926);
}


static void
test_same_as_zlib(void **state)
{
    size_t         len, off;
    uint32_t       seed;
    unsigned       i;
    unsigned char  data[BYTES];

    test_fill(data, sizeof(data));

    for (len = 0; len <= 1100; len++) {
        for (i = 0; i < 8; i++) {
            off = test_below(BYTES - 1100);
            seed = i == 0 ? 0 : (uint32_t) test_random();
            assert_int_equal(hx_crc32(seed, test_edge(data + off, len), len),
                             crc32(seed, data + off, (uInt) len));
        }
    }

    memset(data, 0, sizeof(data));
    assert_int_equal(hx_crc32(0, data, BYTES), crc32(0, data, BYTES));
    memset(data, 0xff, sizeof(data));
    assert_int_equal(hx_crc32(~0u, data, BYTES), crc32(~0u, data, BYTES));
}


static void
test_pieces(void **state)
{
    size_t          i, n, len;
    uint32_t        crc;
    unsigned char  *data;

    len = 3000000;
    data = malloc(len);
    assert_non_null(data);
    test_fill(data, len);
    crc = 0;

    for (i = 0; i < len; i += n) {
        n = test_below(70000);
        n = n < len - i ? n : len - i;
        crc = hx_crc32(crc, data + i, n);
    }

    assert_int_equal(crc, crc32(0, data, (uInt) len));
    assert_int_equal(hx_crc32(0, data, len), crc);
    free(data);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_same_as_zlib),
        cmocka_unit_test(test_pieces)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
