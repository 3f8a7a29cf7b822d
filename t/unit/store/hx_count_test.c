/*
 * hx_count_test.c -- the counters' unit: round trip, every bit, and its layout,
 * which is part of the stored format.
 */

#include "hx_count.h"
#include "hx_test.h"


static void
test_round_trip(void **state)
{
    size_t         i;
    hx_count_t     c, d;
    unsigned char  p[HX_COUNT_LEN];

    static const hx_count_t  sample[] = {
        { 0, 0, 0, 0 }, { 1, 2, 3, 4 },
        { UINT64_MAX, UINT64_MAX - 1, UINT64_MAX - 2, UINT64_MAX - 3 }
    };

    for (i = 0; i < hx_nelts(sample); i++) {
        c = sample[i];
        hx_count_encode(p, &c, 7);
        assert_int_equal(hx_count_decode(&d, p, sizeof(p), 7), HX_OK);
        assert_memory_equal(&c, &d, sizeof(c));
        assert_int_equal(hx_count_decode(&d, p, sizeof(p), 8), HX_NO);
        assert_int_equal(hx_count_decode(&d, p, sizeof(p) - 1, 7), HX_NO);
        assert_int_equal(hx_count_decode(&d, p, 0, 7), HX_NO);
    }
}


static void
test_every_bit_counts(void **state)
{
    size_t         i;
    hx_count_t     c;
    unsigned char  p[HX_COUNT_LEN];

    c = (hx_count_t) { 1, 2, 3, 4 };
    hx_count_encode(p, &c, 7);

    for (i = 0; i < sizeof(p) * 8; i++) {
        p[i / 8] ^= (unsigned char) (1u << i % 8);
        assert_int_equal(hx_count_decode(&c, p, sizeof(p), 7), HX_NO);
        p[i / 8] ^= (unsigned char) (1u << i % 8);
    }
}


static void
test_layout_is_pinned(void **state)
{
    hx_count_t     c;
    unsigned char  p[HX_COUNT_LEN];

    static const unsigned char  want[HX_COUNT_LEN] = {
        'H', 'X', 'N', '1', 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0,
        3, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0,
        0x91, 0x7c, 0xb5, 0x4f
    };

    c = (hx_count_t) { 1, 2, 3, 4 };
    hx_count_encode(p, &c, 7);
    assert_memory_equal(p, want, HX_COUNT_LEN);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_every_bit_counts),
        cmocka_unit_test(test_layout_is_pinned)
    };

    return cmocka_run_group_tests_name("hx_count", tests, NULL, NULL);
}
