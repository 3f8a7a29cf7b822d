/*
 * hx_usage_row_test.c -- keys and values of the usage store: the documented
 * bytes, the order of keys, sums, and bytes that are not what was written,
 * none of which pass.
 */

#include "hx_test.h"

#include "hx_crypto.h"
#include "hx_usage_row.h"

#define HX_VALUE   (4 + 255 * (1 + HX_USAGE_NAME_MAX + 8))

static unsigned char      bytes[HX_VALUE];
static unsigned char      key_bytes[HX_USAGE_KEY_MAX];
static hx_usage_entry_t   entries[HX_USAGE_OPERATIONS + 1];
static char               names[HX_USAGE_OPERATIONS + 1][HX_USAGE_NAME_MAX];
static hx_usage_sum_t     sum;


static void
test_row(hx_usage_row_t *row, size_t n)
{
    size_t  i;

    memset(row, 0, sizeof(hx_usage_row_t));
    row->month = 202601;
    row->id = test_str("acme");
    test_fill(row->source, HX_USAGE_SOURCE);
    row->entries = entries;
    row->n = n;

    for (i = 0; i < n; i++) {
        entries[i].operation.data = (unsigned char *) names[i];
        entries[i].operation.len = (size_t) snprintf(names[i],
                                       HX_USAGE_NAME_MAX, "operation-%zu", i);
        entries[i].tenths = test_random() >> 16;
    }
}


/* Key and value as the store writes them; they end at a guard page. */
static void
test_encode(const hx_usage_row_t *row, hx_str_t *key, hx_str_t *value)
{
    unsigned char         *p;
    static unsigned char  *end;

    if (end == NULL) {
        end = test_guard();
    }

    key->len = hx_usage_key_prefix(key_bytes, row->month, &row->id);
    memcpy(key_bytes + key->len, row->source, HX_USAGE_SOURCE);
    key->len += HX_USAGE_SOURCE;
    key->data = key_bytes;

    value->len = hx_usage_value_size(row);
    p = end - value->len;
    hx_usage_value_write(p, key, row);
    value->data = p;
}


static void
documented_bytes(void **state)
{
    uint32_t          crc;
    hx_str_t          key, value, id;
    hx_usage_row_t    row;
    hx_usage_entry_t  e[2];

    static const char  want[] = "202601acme\0SOURCE-id-12";
    static const char  rest[] = "\3put\x34\x12\0\0\0\0\0\0"
                                "\7get-all\xff\xff\xff\xff\xff\xff\xff\xff";

    memset(&row, 0, sizeof(row));
    row.month = 202601;
    row.id = test_str("acme");
    memcpy(row.source, "SOURCE-id-12", HX_USAGE_SOURCE);
    e[0].operation = test_str("put");
    e[0].tenths = 0x1234;
    e[1].operation = test_str("get-all");
    e[1].tenths = UINT64_MAX;
    row.entries = e;
    row.n = 2;

    assert_true(hx_usage_row_valid(&row));
    test_encode(&row, &key, &value);
    assert_int_equal(key.len, sizeof(want) - 1);
    assert_memory_equal(key.data, want, sizeof(want) - 1);

    assert_int_equal(value.len, 4 + sizeof(rest) - 1);
    assert_memory_equal(value.data + 4, rest, sizeof(rest) - 1);
    crc = hx_crc32(hx_crc32(0, want, sizeof(want) - 1), rest,
                   sizeof(rest) - 1);
    assert_int_equal(value.data[0] | value.data[1] << 8 | value.data[2] << 16
                     | (uint32_t) value.data[3] << 24, crc);

    assert_int_equal(hx_usage_key_id(&key, &id), HX_OK);
    assert_true(test_same(&id, &row.id));
    assert_true(hx_usage_value_intact(&key, &value));
}


static void
valid_rows(void **state)
{
    size_t          i;
    char            id[HX_TENANT_MAX + 1];
    hx_usage_row_t  row;

    static const char *const  ids[] = { "", "a b", "a/b", "a.b", "\xc3\xa4" };

    test_row(&row, HX_USAGE_OPERATIONS);
    assert_true(hx_usage_row_valid(&row));
    entries[7].operation.len = HX_USAGE_NAME_MAX;
    assert_true(hx_usage_row_valid(&row));
    entries[7].operation.len = HX_USAGE_NAME_MAX + 1;
    assert_false(hx_usage_row_valid(&row));
    entries[7].operation.len = 0;
    assert_false(hx_usage_row_valid(&row));

    test_row(&row, HX_USAGE_OPERATIONS + 1);
    assert_false(hx_usage_row_valid(&row));
    row.n = 0;
    assert_false(hx_usage_row_valid(&row));

    test_row(&row, 1);
    row.month = 202613;
    assert_false(hx_usage_row_valid(&row));
    row.month = 0;
    assert_false(hx_usage_row_valid(&row));

    test_row(&row, 1);

    for (i = 0; i < hx_nelts(ids); i++) {
        row.id = test_str(ids[i]);
        assert_false(hx_usage_row_valid(&row));
    }

    row.id.data = (const unsigned char *) "a\0b";
    row.id.len = 3;
    assert_false(hx_usage_row_valid(&row));

    memset(id, 'x', sizeof(id));
    row.id.data = (unsigned char *) id;
    row.id.len = HX_TENANT_MAX;
    assert_true(hx_usage_row_valid(&row));
    row.id.len = HX_TENANT_MAX + 1;
    assert_false(hx_usage_row_valid(&row));
}


/* Bytewise: by month, then by id, whatever the source. */
static void
order_of_keys(void **state)
{
    size_t          i, k, n[2];
    unsigned        m;
    hx_str_t        id;
    unsigned char   key[2][HX_USAGE_KEY_MAX];

    static const char *const  ids[] = {
        "-", "0", "A", "Z", "_", "a", "a-", "a0", "aa", "ab", "ab-", "abc", "b"
    };
    static const unsigned  months[] = { 197001, 202512, 202601, 202610 };

    m = 0;
    n[1] = 0;

    for (i = 0; i < hx_nelts(months); i++) {
        for (k = 0; k < hx_nelts(ids); k++) {
            id = test_str(ids[k]);
            n[0] = hx_usage_key_prefix(key[0], months[i], &id);
            memset(key[0] + n[0], 0, HX_USAGE_SOURCE);

            if (n[1] != 0) {
                /* the last source of one before the first of the next */
                assert_true(memcmp(key[1], key[0], n[0] < n[1] ? n[0] : n[1])
                            < 0);
                m++;
            }

            memset(key[0] + n[0], 0xff, HX_USAGE_SOURCE);
            memcpy(key[1], key[0], sizeof(key[0]));
            n[1] = n[0] + HX_USAGE_SOURCE;
        }
    }

    assert_int_equal(m, hx_nelts(months) * hx_nelts(ids) - 1);
}


static void
no_keys(void **state)
{
    size_t    i;
    hx_str_t  key, id;

    static const hx_str_t  keys[] = {
        hx_string(""), hx_string("202601"), hx_string("202601a"),
        hx_string("202601\0SOURCE-id-12"), hx_string("202601aSOURCE-id-12"),
        hx_string("202601a\0OURCE-id-12"), hx_string("202601a\0\0SOURCE-id-12"),
        hx_string("202601a b\0SOURCE-id-12")
    };

    for (i = 0; i < hx_nelts(keys); i++) {
        key = keys[i];
        key.data = test_edge(key.data, key.len);
        assert_int_equal(hx_usage_key_id(&key, &id), HX_FAIL);
    }
}


static void
round_trips(void **state)
{
    size_t           i, k, n;
    uint64_t         total, want;
    hx_str_t         key, value;
    hx_usage_row_t   row;

    for (i = 0; i < 600; i++) {
        n = i < HX_USAGE_OPERATIONS ? i + 1
                                    : 1 + test_below(HX_USAGE_OPERATIONS);
        test_row(&row, n);
        test_encode(&row, &key, &value);
        assert_true(hx_usage_value_intact(&key, &value));

        memset(&sum, 0, sizeof(sum));
        assert_int_equal(hx_usage_value_add(&value, &sum), HX_OK);
        assert_int_equal(sum.n, n);

        for (k = 0, want = 0; k < n; k++) {
            assert_true(test_same(&sum.entries[k].operation,
                                  &entries[k].operation));
            assert_int_equal(sum.entries[k].tenths, entries[k].tenths);
            want += entries[k].tenths;
        }

        assert_int_equal(sum.tenths, want);
        total = 5;
        assert_int_equal(hx_usage_value_total(&value, &total), HX_OK);
        assert_int_equal(total, want + 5);
    }
}


/* Several sources, some operations in common, in any order. */
static void
sums(void **state)
{
    size_t           i, k, r;
    uint64_t         want[40], all;
    hx_str_t         key, value, name;
    hx_usage_row_t   row;

    for (r = 0; r < 200; r++) {
        memset(&sum, 0, sizeof(sum));
        memset(want, 0, sizeof(want));
        all = 0;

        for (i = 0; i < 6; i++) {
            test_row(&row, 40);

            /* the first n of a shuffled list */

            for (k = 40; k > 1; k--) {
                const size_t            at = test_below(k);
                const hx_usage_entry_t  e = entries[at];

                entries[at] = entries[k - 1];
                entries[k - 1] = e;
            }

            row.n = 1 + test_below(40);

            for (k = 0; k < row.n; k++) {
                name = entries[k].operation;
                want[strtoul((const char *) name.data + 10, NULL, 10)]
                                                         += entries[k].tenths;
                all += entries[k].tenths;
            }

            test_encode(&row, &key, &value);
            assert_int_equal(hx_usage_value_add(&value, &sum), HX_OK);
        }

        assert_int_equal(sum.tenths, all);

        for (k = 0; k < sum.n; k++) {
            name = sum.entries[k].operation;
            i = strtoul((const char *) name.data + 10, NULL, 10);
            assert_int_equal(sum.entries[k].tenths, want[i]);
            want[i] = 0;
        }

        for (k = 0; k < 40; k++) {
            assert_int_equal(want[k], 0);
        }
    }
}


static void
too_much(void **state)
{
    uint64_t         total;
    hx_str_t         key, value;
    hx_usage_row_t   row;

    test_row(&row, 1);
    entries[0].tenths = UINT64_MAX - 10;
    test_encode(&row, &key, &value);
    total = 10;
    assert_int_equal(hx_usage_value_total(&value, &total), HX_OK);
    assert_int_equal(total, UINT64_MAX);
    total = 11;
    assert_int_equal(hx_usage_value_total(&value, &total), HX_FAIL);

    memset(&sum, 0, sizeof(sum));
    assert_int_equal(hx_usage_value_add(&value, &sum), HX_OK);
    assert_int_equal(hx_usage_value_add(&value, &sum), HX_FAIL);

    /* names as long as they may be, as many as there may be, and one more */

    memset(&sum, 0, sizeof(sum));
    test_row(&row, HX_USAGE_OPERATIONS);

    for (total = 0; total < row.n; total++) {
        memset(names[total], 'n', HX_USAGE_NAME_MAX);
        names[total][0] = (char) total;
        entries[total].operation.len = HX_USAGE_NAME_MAX;
    }

    test_encode(&row, &key, &value);
    assert_int_equal(value.len, HX_VALUE);
    assert_true(hx_usage_value_intact(&key, &value));
    assert_int_equal(hx_usage_value_add(&value, &sum), HX_OK);
    assert_int_equal(sum.n, HX_USAGE_OPERATIONS);
    assert_int_equal(hx_usage_value_add(&value, &sum), HX_OK);
    assert_int_equal(sum.n, HX_USAGE_OPERATIONS);

    test_row(&row, 1);
    test_encode(&row, &key, &value);
    assert_int_equal(hx_usage_value_add(&value, &sum), HX_FAIL);
}


/* What is not stored yet goes to the entry of its operation. */
static void
added_by_hand(void **state)
{
    hx_str_t  put = test_str("put"), get = test_str("get");
    unsigned  i;

    memset(&sum, 0, sizeof(sum));
    assert_int_equal(hx_usage_sum_add(&sum, &put, 3), HX_OK);
    assert_int_equal(hx_usage_sum_add(&sum, &get, 10), HX_OK);
    assert_int_equal(hx_usage_sum_add(&sum, &put, 4), HX_OK);
    assert_int_equal(sum.n, 2);
    assert_int_equal(sum.entries[0].tenths, 7);
    assert_int_equal(sum.entries[1].tenths, 10);
    assert_int_equal(sum.tenths, 17);
    assert_int_equal(hx_usage_sum_add(&sum, &put, UINT64_MAX - 16), HX_FAIL);

    memset(&sum, 0, sizeof(sum));

    for (i = 0; i < HX_USAGE_OPERATIONS; i++) {
        (void) snprintf(names[i], sizeof(names[i]), "n%u", i);
        put = test_str(names[i]);
        assert_int_equal(hx_usage_sum_add(&sum, &put, 1), HX_OK);
    }

    assert_int_equal(hx_usage_sum_add(&sum, &get, 1), HX_FAIL);
}


static void
test_patch_crc(const hx_str_t *key, unsigned char *p, size_t len)
{
    uint32_t  crc;

    crc = hx_crc32(hx_crc32(0, key->data, key->len), p + 4, len - 4);
    p[0] = (unsigned char) crc;
    p[1] = (unsigned char) (crc >> 8);
    p[2] = (unsigned char) (crc >> 16);
    p[3] = (unsigned char) (crc >> 24);
}


static void
damage(void **state)
{
    size_t           i, n;
    hx_str_t         key, value, cut;
    hx_usage_row_t   row;

    test_row(&row, 5);
    test_encode(&row, &key, &value);

    /* every bit of the value, and of the key it was stored under */

    for (i = 0; i < value.len * 8; i++) {
        memcpy(bytes, value.data, value.len);
        bytes[i / 8] ^= (unsigned char) (1 << i % 8);
        cut.data = test_edge(bytes, value.len);
        cut.len = value.len;
        assert_false(hx_usage_value_intact(&key, &cut));
    }

    for (i = 0; i < key.len * 8; i++) {
        key_bytes[i / 8] ^= (unsigned char) (1 << i % 8);
        assert_false(hx_usage_value_intact(&key, &value));
        key_bytes[i / 8] ^= (unsigned char) (1 << i % 8);
    }

    assert_true(hx_usage_value_intact(&key, &value));

    /* every length, with the checksum it has and with one that fits */

    for (i = 0, n = 0; i < value.len; i++) {
        memcpy(bytes, value.data, i);
        cut.data = test_edge(bytes, i);
        cut.len = i;
        assert_false(hx_usage_value_intact(&key, &cut));

        if (i >= 4) {
            test_patch_crc(&key, bytes, i);
            cut.data = test_edge(bytes, i);
            n += hx_usage_value_intact(&key, &cut) != 0;
        }
    }

    assert_int_equal(n, 4);             /* 1 .. 4 whole entries */

    memset(bytes, 0, sizeof(bytes));

    for (i = 0; i < 300; i++) {
        cut.data = test_edge(bytes, i);
        cut.len = i;
        assert_false(hx_usage_value_intact(&key, &cut));
    }
}


/* Checksums that fit what nobody has written. */
static void
nonsense(void **state)
{
    size_t           i, k, len, passed;
    uint64_t         total;
    hx_str_t         key, value;
    hx_usage_row_t   row;

    test_row(&row, 1);
    test_encode(&row, &key, &value);
    passed = 0;

    for (i = 0; i < 200000; i++) {
        len = 4 + test_below(60);
        test_fill(bytes, len);

        for (k = 4; k < len; k++) {
            bytes[k] %= 24;             /* lengths that nearly fit */
        }

        test_patch_crc(&key, bytes, len);
        value.data = test_edge(bytes, len);
        value.len = len;

        if (hx_usage_value_intact(&key, &value)) {
            total = 0;
            memset(&sum, 0, offsetof(hx_usage_sum_t, text));
            assert_int_equal(hx_usage_value_total(&value, &total), HX_OK);
            assert_int_equal(hx_usage_value_add(&value, &sum), HX_OK);
            assert_int_equal(sum.tenths, total);
            passed++;
        }
    }

    assert_true(passed > 1000 && passed < 100000);

    /* names longer than a sum has room for */

    for (i = 1; i < 256; i++) {
        memset(bytes, 'n', 4 + 1 + i + 8);
        bytes[4] = (unsigned char) i;
        test_patch_crc(&key, bytes, 4 + 1 + i + 8);
        value.data = test_edge(bytes, 4 + 1 + i + 8);
        value.len = 4 + 1 + i + 8;
        assert_int_equal(hx_usage_value_intact(&key, &value) != 0,
                         i <= HX_USAGE_NAME_MAX);
    }

    /* more entries than a row may have */

    for (k = 4; k < sizeof(bytes) - 10; k += 10) {
        memset(bytes + k, 0, 10);
        bytes[k] = 1;
        test_patch_crc(&key, bytes, k + 10);
        value.data = test_edge(bytes, k + 10);
        value.len = k + 10;
        assert_int_equal(hx_usage_value_intact(&key, &value) != 0,
                         k <= 4 + 254 * 10);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(documented_bytes),
        cmocka_unit_test(valid_rows),
        cmocka_unit_test(order_of_keys),
        cmocka_unit_test(no_keys),
        cmocka_unit_test(round_trips),
        cmocka_unit_test(sums),
        cmocka_unit_test(too_much),
        cmocka_unit_test(added_by_hand),
        cmocka_unit_test(damage),
        cmocka_unit_test(nonsense)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
