/*
 * hx_pack_test.c -- packed values come back bit for bit, never need more room
 * than was given, and damaged ones are refused, whatever was damaged.
 */

#include <stdlib.h>

#include "hx_test.h"
#include "hx_pack.h"

#define MOST   (3 * HX_PACK_BLOCK + 1000)

static unsigned char  in[MOST], packed[MOST + 4096], out[MOST];


/* Slowly growing little-endian numbers of "size" bytes: they pack well. */
static void
counters(size_t len, unsigned size, size_t skew)
{
    size_t    i;
    uint64_t  v;

    for (i = 0; i < len; i++) {
        v = 1000000 + (i > skew ? (i - skew) / size * 3 : 0);
        in[i] = (unsigned char) (v >> 8 * ((i + size - skew % size) % size));
    }
}


static void
test_round_trips(void **state)
{
    size_t                 i, n, skew;
    unsigned               size;
    static const size_t    lengths[] = {
        1, 7, HX_PACK_MIN, 9999, HX_PACK_BLOCK - 1, HX_PACK_BLOCK,
        HX_PACK_BLOCK + 1, 2 * HX_PACK_BLOCK + 4321, MOST
    };

    for (i = 0; i < hx_nelts(lengths); i++) {
        for (size = 1; size <= 8; size *= 2) {
            for (skew = 0; skew < 300; skew += 131) {
                counters(lengths[i], size, skew);
                assert_int_equal(hx_pack(in, lengths[i], size, skew, packed,
                                         sizeof(packed), &n), HX_OK);
                memset(out, 0x55, sizeof(out));
                assert_int_equal(hx_unpack(packed, n, out, lengths[i]),
                                 HX_OK);
                assert_memory_equal(in, out, lengths[i]);

                if (lengths[i] >= HX_PACK_MIN && size > 1) {
                    assert_true(n < lengths[i] / 3);
                }
            }
        }
    }
}


/* Few values in any order: shuffled they would be twice as long. */
static void
test_values_that_come_again(void **state)
{
    size_t  i, n;
    double  v;

    for (i = 0; i + 8 <= MOST; i += 8) {
        v = 1.1 * (double) (1 + test_below(16)) / 7;
        memcpy(in + i, &v, 8);
    }

    assert_int_equal(hx_pack(in, MOST, 8, 0, packed, sizeof(packed), &n),
                     HX_OK);
    assert_true(n < MOST / 5);
    assert_int_equal(packed[1], 1);
    assert_int_equal(hx_unpack(packed, n, out, MOST), HX_OK);
    assert_memory_equal(in, out, MOST);
}


static void
test_noise_is_not_worth_it(void **state)
{
    size_t          n;

    test_fill(in, MOST);
    assert_int_equal(hx_pack(in, MOST, 8, 0, packed, hx_pack_limit(MOST), &n),
                     HX_NO);

    /* ... but can be packed, block by block as it is */

    assert_int_equal(hx_pack(in, MOST, 8, 0, packed, sizeof(packed), &n),
                     HX_OK);
    assert_true(n < MOST + 64);
    assert_int_equal(hx_unpack(packed, n, out, MOST), HX_OK);
    assert_memory_equal(in, out, MOST);
}


static void
test_large_noise_is_seen_by_samples(void **state)
{
    size_t          n, len;
    unsigned char  *big, *room;

    len = 8 * 1048576 + 5;
    big = malloc(len);
    room = malloc(len);
    assert_non_null(big);
    assert_non_null(room);

    test_fill(big, len);
    assert_int_equal(hx_pack(big, len, 4, 0, room, hx_pack_limit(len), &n),
                     HX_NO);

    memset(big, 0, len);
    assert_int_equal(hx_pack(big, len, 4, 0, room, hx_pack_limit(len), &n),
                     HX_OK);
    assert_true(n < len / 100);

    free(big);
    free(room);
}


static void
test_room_is_kept(void **state)
{
    size_t  n, full, cap;

    counters(HX_PACK_BLOCK + 5000, 8, 0);
    assert_int_equal(hx_pack(in, HX_PACK_BLOCK + 5000, 8, 0, packed,
                             sizeof(packed), &full), HX_OK);

    for (cap = 0; cap < full; cap += 1 + cap / 7) {
        memset(packed, 0xee, sizeof(packed));
        assert_int_equal(hx_pack(in, HX_PACK_BLOCK + 5000, 8, 0, packed, cap,
                                 &n), HX_NO);
        assert_int_equal(packed[cap], 0xee);
    }
}


static void
test_damage(void **state)
{
    size_t         i, n, len;

    len = HX_PACK_BLOCK + 700;
    counters(len, 4, 0);
    assert_int_equal(hx_pack(in, len, 4, 0, packed, sizeof(packed), &n),
                     HX_OK);

    for (i = 0; i < n; i++) {
        packed[i] ^= 0x10;
        (void) hx_unpack(packed, n, out, len);      /* no crash; may be OK */
        packed[i] ^= 0x10;

        assert_int_equal(hx_unpack(test_edge(packed, i), i, out, len), HX_NO);
    }

    assert_int_equal(hx_unpack(packed, n, out, len - 1), HX_NO);
    assert_int_equal(hx_unpack(packed, n, out, len + 1), HX_NO);
    assert_int_equal(hx_unpack(packed, n, out, len), HX_OK);


    for (i = 0; i < 2000; i++) {
        test_fill(packed, 300);
        packed[0] = 1;
        packed[1] = 4;
        memcpy(packed + 4, "\0\0\1", 4);
        packed[10] = 0;
        packed[11] &= 0x80;
        assert_int_not_equal(hx_unpack(packed, 300, out, 1000), HX_FAIL);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_values_that_come_again),
        cmocka_unit_test(test_noise_is_not_worth_it),
        cmocka_unit_test(test_large_noise_is_seen_by_samples),
        cmocka_unit_test(test_room_is_kept),
        cmocka_unit_test(test_damage)
    };

    return cmocka_run_group_tests_name("hx_pack", tests, NULL, NULL);
}
