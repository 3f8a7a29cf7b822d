/*
 * hx_record_test.c -- the stored format: round trips, every flipped bit is
 * noticed, a unit under a wrong key is refused, and the bytes of format 2 are
 * pinned (a change of them needs a new format number); format 1 is read.
 */

#include "hx_test.h"
#include "hx_crypto.h"
#include "hx_record.h"

static const unsigned char  dbkey[] = "\0\0\0\1key\0\0\0\0\0\0\0\0\7";

#define DBKEY   dbkey, sizeof(dbkey) - 1


static void
sample(hx_record_t *r)
{
    static const char  value[] = "the value";

    memset(r, 0, sizeof(*r));
    r->version = 7;
    r->created_ms = UINT64_C(1700000000123);
    r->length = sizeof(value) - 1;
    r->stored = r->length;
    r->data_off = 3;
    r->array.dtype = HX_DTYPE_F8;
    r->array.fortran = 1;
    r->array.ndim = 2;
    r->array.dim[0] = 3;
    r->array.dim[1] = UINT64_C(0x123456789a);
    memset(r->sha256, 0xab, sizeof(r->sha256));
    r->domain = test_str("domain");
    r->metadata = test_str("{\"a\":1}");
    r->value = test_str(value);
}


/* Three cores, 1 x 2 x 2, 2 x 2 x 2, 2 x 2 x 1: 16 values. */
static void
sample_train(hx_record_t *r)
{
    static unsigned char  cores[128];

    sample(r);
    memset(cores, 0x3f, sizeof(cores));
    r->codec = HX_CODEC_TT;
    r->length = 64;
    r->data_off = 0;
    r->stored = sizeof(cores);
    r->verdict = HX_VERDICT_SAFE;
    r->rel_error = 3.5e-8;
    r->norm = 12.25;
    r->cast_error = 1e-9;
    r->tt.order = HX_TT_INTERLEAVED;
    r->tt.d = 3;
    r->tt.rank[0] = 1;
    r->tt.rank[1] = 2;
    r->tt.rank[2] = 2;
    r->tt.rank[3] = 1;
    r->value.data = cores;
    r->value.len = sizeof(cores);
}


static size_t
encode(unsigned char *out, size_t cap, const hx_record_t *r)
{
    hx_buf_t  b;

    hx_buf_init(&b, out, cap);
    hx_record_encode(&b, r, DBKEY);

    return hx_buf_ok(&b) ? hx_buf_len(&b) : 0;
}


static void
test_round_trip(void **state)
{
    size_t          len;
    hx_record_t     r, q;
    unsigned char   mem[1024];

    sample(&r);
    len = encode(mem, sizeof(mem), &r);
    assert_int_not_equal(len, 0);

    assert_int_equal(hx_record_decode(&q, test_edge(mem, len), len, DBKEY),
                     HX_OK);
    assert_true(hx_record_value_ok(&q));
    assert_int_equal(q.version, 7);
    assert_int_equal(q.created_ms, r.created_ms);
    assert_int_equal(q.length, 9);
    assert_int_equal(q.data_off, 3);
    assert_int_equal(q.array.dtype, HX_DTYPE_F8);
    assert_int_equal(q.array.fortran, 1);
    assert_int_equal(q.array.ndim, 2);
    assert_true(q.array.dim[1] == r.array.dim[1]);
    assert_memory_equal(q.sha256, r.sha256, 32);
    assert_true(test_same(&q.domain, &r.domain));
    assert_true(test_same(&q.metadata, &r.metadata));
    assert_true(test_same(&q.value, &r.value));

    /* not one byte less of room, and nothing behind it */

    assert_int_equal(encode(mem, len - 1, &r), 0);
    assert_int_equal(encode(mem, len, &r), len);
}


static void
test_largest(void **state)
{
    size_t                 len;
    hx_record_t            r, q;
    static unsigned char   mem[HX_RECORD_MAX], text[HX_METADATA_MAX];

    sample(&r);
    memset(text, 'x', sizeof(text));
    r.array.ndim = HX_DIMS_MAX;
    r.domain.data = text;
    r.domain.len = HX_DOMAIN_MAX;
    r.metadata.data = text;
    r.metadata.len = HX_METADATA_MAX;
    r.value.data = text;
    r.value.len = HX_RECORD_INLINE_MAX;
    r.length = HX_RECORD_INLINE_MAX;
    r.stored = r.length;

    len = encode(mem, sizeof(mem), &r);
    assert_int_not_equal(len, 0);
    assert_int_equal(hx_record_decode(&q, mem, len, DBKEY), HX_OK);
    assert_int_equal(q.metadata.len, HX_METADATA_MAX);
}


/* Values that belong into chunks do not lie in a record. */
static void
test_inline_values_are_small(void **state)
{
    size_t                 len;
    unsigned               more;
    hx_record_t            r, q;
    static unsigned char   mem[HX_RECORD_MAX], text[HX_RECORD_INLINE_MAX + 1];

    for (more = 0; more < 2; more++) {
        sample(&r);
        r.length = HX_RECORD_INLINE_MAX + more;
        r.stored = r.length;
        r.value.data = text;
        r.value.len = r.length;
        len = encode(mem, sizeof(mem), &r);
        assert_int_not_equal(len, 0);
        assert_int_equal(hx_record_decode(&q, mem, len, DBKEY),
                         more == 0 ? HX_OK : HX_NO);
    }
}


static void
test_every_bit_counts(void **state)
{
    size_t          i, len;
    hx_record_t     r, q;
    unsigned char   mem[1024], key[sizeof(dbkey) - 1];

    sample(&r);
    len = encode(mem, sizeof(mem), &r);

    for (i = 0; i < len * 8; i++) {
        mem[i / 8] ^= (unsigned char) (1 << i % 8);

        if (hx_record_decode(&q, test_edge(mem, len), len, DBKEY) == HX_OK) {
            assert_true(i / 8 >= len - 9);      /* in the inline value */
            assert_false(hx_record_value_ok(&q));
        }

        mem[i / 8] ^= (unsigned char) (1 << i % 8);
    }

    for (i = 0; i < len; i++) {
        assert_int_equal(hx_record_decode(&q, test_edge(mem, i), i, DBKEY),
                         HX_NO);
    }

    for (i = 0; i < sizeof(key); i++) {
        memcpy(key, dbkey, sizeof(key));
        key[i] ^= 1;
        assert_int_equal(hx_record_decode(&q, mem, len, key, sizeof(key)),
                         HX_NO);
    }
}


/* Random bytes, and good records whose checksum was made right again. */
static void
test_foreign_bytes(void **state)
{
    int             i;
    size_t          len;
    uint32_t        crc;
    hx_record_t     r, q;
    unsigned char   mem[1024], copy[1024];

    sample(&r);
    len = encode(mem, sizeof(mem), &r);

    for (i = 0; i < 200000; i++) {
        memcpy(copy, mem, len);
        copy[8 + test_below(len - 8)] = (unsigned char) test_random();
        copy[8 + test_below(len - 8)] = (unsigned char) test_random();

        if (copy[8] <= len && copy[9] == 0 && copy[10] == 0 && copy[11] == 0
            && copy[8] > 16)
        {
            crc = hx_crc32(0, DBKEY);
            crc = hx_crc32(crc, copy, 12);
            crc = hx_crc32(crc, copy + 16, copy[8] - 16u);
            memcpy(copy + 12, &crc, 4);
        }

        if (hx_record_decode(&q, test_edge(copy, len), len, DBKEY) == HX_OK) {
            assert_true(q.array.ndim <= HX_DIMS_MAX);
            assert_true(q.data_off <= q.length);
            assert_true(q.value.len <= len);
            (void) hx_record_value_ok(&q);
        }
    }
}


static void
test_format_is_pinned(void **state)
{
    size_t          len;
    hx_record_t     r;
    unsigned char   mem[1024], head[HX_HEAD_LEN], chunk[HX_CHUNK_HEADER];

    sample(&r);
    len = encode(mem, sizeof(mem), &r);
    assert_int_equal(len, 16 + 136 + 2 * 8 + 6 + 7 + 9);
    assert_memory_equal(mem, "HXR1\2\0\0\0\265\0\0\0", 12);
    assert_memory_equal(mem + 16, "\7\0\0\0\0\0\0\0", 8);
    assert_memory_equal(mem + 168, "domain{\"a\":1}the value", 22);
    assert_int_equal(hx_crc32(0, mem, len), UINT32_C(0x2588a888));

    sample_train(&r);
    len = encode(mem, sizeof(mem), &r);
    assert_int_equal(hx_crc32(0, mem, len), UINT32_C(0x74894cb4));

    hx_head_encode(head, 7, DBKEY);
    assert_memory_equal(head, "HXH1\7\0\0\0\0\0\0\0", 12);
    assert_int_equal(hx_crc32(0, head, sizeof(head)), UINT32_C(0x813fe5de));

    hx_chunk_header(chunk, 5, 6, 7, 8);
    assert_memory_equal(chunk, "HXC1\6\0\0\0\5\0\0\0\0\0\0\0\7\0\0\0\10\0\0\0",
                        24);
    assert_int_equal(hx_crc32(0, chunk, sizeof(chunk)),
                     UINT32_C(0x2144df1c));
}


/* Records of format 1 have no train: 96 fixed bytes instead of 136. */
static void
test_format_1_is_read(void **state)
{
    size_t          len, checked;
    uint32_t        crc;
    hx_record_t     r, q;
    unsigned char   mem[1024];

    sample(&r);
    len = encode(mem, sizeof(mem), &r);
    checked = len - 9 - 40;
    memmove(mem + 16 + 92, mem + 16 + 92 + 44, len - 16 - 92 - 44);
    memmove(mem + 16 + 96, mem + 16 + 92, len - 16 - 92 - 44);
    memset(mem + 16 + 92, 0, 4);
    len -= 40;
    mem[4] = 1;
    mem[8] = (unsigned char) checked;
    crc = hx_crc32(hx_crc32(0, DBKEY), mem, 12);
    crc = hx_crc32(crc, mem + 16, checked - 16);
    mem[12] = (unsigned char) crc;
    mem[13] = (unsigned char) (crc >> 8);
    mem[14] = (unsigned char) (crc >> 16);
    mem[15] = (unsigned char) (crc >> 24);

    /* what the program that had format 1 wrote for this record */

    assert_int_equal(hx_crc32(0, mem, len), UINT32_C(0x61e5cd6d));
    assert_int_equal(hx_record_decode(&q, mem, len, DBKEY), HX_OK);
    assert_int_equal(q.codec, HX_CODEC_PASSTHROUGH);
    assert_int_equal(q.verdict, HX_VERDICT_PASSTHROUGH);
    assert_int_equal(q.stored, 9);
    assert_true(test_same(&q.metadata, &r.metadata));
    assert_true(test_same(&q.value, &r.value));
}


static void
test_trains(void **state)
{
    size_t          len;
    hx_record_t     r, q;
    unsigned char   mem[1024];

    sample_train(&r);
    len = encode(mem, sizeof(mem), &r);
    assert_int_equal(hx_record_decode(&q, test_edge(mem, len), len, DBKEY),
                     HX_OK);
    assert_int_equal(q.codec, HX_CODEC_TT);
    assert_int_equal(q.verdict, HX_VERDICT_SAFE);
    assert_int_equal(q.tt.order, HX_TT_INTERLEAVED);
    assert_int_equal(q.tt.d, 3);
    assert_memory_equal(q.tt.rank, r.tt.rank, 4 * sizeof(uint32_t));
    assert_true(q.rel_error == r.rel_error && q.norm == r.norm);
    assert_true(q.cast_error == r.cast_error);
    assert_int_equal(q.stored, 128);
    assert_int_equal(q.length, 64);

    /* ranks that do not say how many bytes there are, or do not chain */

    r.tt.rank[1] = 3;
    len = encode(mem, sizeof(mem), &r);
    assert_int_equal(hx_record_decode(&q, mem, len, DBKEY), HX_NO);
    r.tt.rank[1] = 2;
    r.tt.rank[3] = 2;
    len = encode(mem, sizeof(mem), &r);
    assert_int_equal(hx_record_decode(&q, mem, len, DBKEY), HX_NO);
    r.tt.rank[3] = 1;
    r.tt.rank[0] = 0;
    len = encode(mem, sizeof(mem), &r);
    assert_int_equal(hx_record_decode(&q, mem, len, DBKEY), HX_NO);
}


static void
test_heads(void **state)
{
    size_t          i;
    uint64_t        v;
    unsigned char   head[HX_HEAD_LEN];

    hx_head_encode(head, UINT64_C(0x123456789abc), DBKEY);
    assert_int_equal(hx_head_decode(&v, head, sizeof(head), DBKEY), HX_OK);
    assert_true(v == UINT64_C(0x123456789abc));
    assert_int_equal(hx_head_decode(&v, head, sizeof(head), "other", 5),
                     HX_NO);
    assert_int_equal(hx_head_decode(&v, head, sizeof(head) - 1, DBKEY), HX_NO);

    for (i = 0; i < sizeof(head) * 8; i++) {
        head[i / 8] ^= (unsigned char) (1 << i % 8);
        assert_int_equal(hx_head_decode(&v, head, sizeof(head), DBKEY),
                         HX_NO);
        head[i / 8] ^= (unsigned char) (1 << i % 8);
    }

    hx_head_encode(head, 0, DBKEY);         /* versions count from 1 */
    assert_int_equal(hx_head_decode(&v, head, sizeof(head), DBKEY), HX_NO);
}


static void
test_tombs(void **state)
{
    size_t          i;
    uint64_t        v, clock;
    unsigned char   tomb[HX_TOMB_LEN];

    static const unsigned char  want[HX_TOMB_LEN] = {
        0x48, 0x58, 0x54, 0x31, 0x03, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x4d, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x84, 0xcd, 0x68, 0x86
    };

    hx_tomb_encode(tomb, 3, 77, "\0\0\0\1k", 5);
    assert_memory_equal(tomb, want, sizeof(want));

    hx_tomb_encode(tomb, 3, 77, DBKEY);
    assert_int_equal(hx_tomb_decode(&v, &clock, tomb, sizeof(tomb), DBKEY),
                     HX_OK);
    assert_int_equal(v, 3);
    assert_int_equal(clock, 77);
    assert_int_equal(hx_tomb_decode(&v, &clock, tomb, sizeof(tomb) - 1,
                                    DBKEY), HX_NO);
    assert_int_equal(hx_tomb_decode(&v, &clock, tomb, sizeof(tomb), "other",
                                    5), HX_NO);

    for (i = 0; i < sizeof(tomb) * 8; i++) {
        tomb[i / 8] ^= (unsigned char) (1 << i % 8);
        assert_int_equal(hx_tomb_decode(&v, &clock, tomb, sizeof(tomb),
                                        DBKEY), HX_NO);
        tomb[i / 8] ^= (unsigned char) (1 << i % 8);
    }

    hx_tomb_encode(tomb, 0, 77, DBKEY);
    assert_int_equal(hx_tomb_decode(&v, &clock, tomb, sizeof(tomb), DBKEY),
                     HX_NO);
}


static void
test_chunks(void **state)
{
    size_t          i;
    hx_str_t        data;
    unsigned char   mem[HX_CHUNK_HEADER + 5];

    memcpy(mem + HX_CHUNK_HEADER, "hello", 5);
    hx_chunk_header(mem, 9, 2, 5, hx_crc32(0, "hello", 5));

    assert_int_equal(hx_chunk_open(&data, mem, sizeof(mem), 9, 2, 5, 1),
                     HX_OK);
    assert_int_equal(data.len, 5);
    assert_memory_equal(data.data, "hello", 5);
    assert_int_equal(hx_chunk_open(&data, mem, sizeof(mem), 8, 2, 5, 1),
                     HX_NO);
    assert_int_equal(hx_chunk_open(&data, mem, sizeof(mem), 9, 3, 5, 1),
                     HX_NO);
    assert_int_equal(hx_chunk_open(&data, mem, sizeof(mem), 9, 2, 4, 1),
                     HX_NO);
    assert_int_equal(hx_chunk_open(&data, mem, sizeof(mem) - 1, 9, 2, 5, 1),
                     HX_NO);

    for (i = 0; i < sizeof(mem) * 8; i++) {
        mem[i / 8] ^= (unsigned char) (1 << i % 8);
        assert_int_equal(hx_chunk_open(&data, mem, sizeof(mem), 9, 2, 5, 1),
                         HX_NO);
        assert_int_equal(hx_chunk_open(&data, mem, sizeof(mem), 9, 2, 5, 0),
                         i / 8 >= HX_CHUNK_HEADER ? HX_OK : HX_NO);
        mem[i / 8] ^= (unsigned char) (1 << i % 8);
    }
}


static void
test_key_order(void **state)
{
    size_t          a, b;
    hx_str_t        short_key = hx_string("a"), long_key = hx_string("ab");
    unsigned char   x[HX_RECORD_KEY_MAX], y[HX_RECORD_KEY_MAX];

    /* versions of one key stand together, in order */

    a = hx_record_key(x, 1, &short_key, 255);
    b = hx_record_key(y, 1, &short_key, 256);
    assert_int_equal(a, b);
    assert_true(memcmp(x, y, a) < 0);

    a = hx_record_key(x, 1, &short_key, UINT64_MAX);
    b = hx_record_key(y, 1, &long_key, 1);
    assert_true(memcmp(x, y, a < b ? a : b) < 0);
    assert_true(HX_RECORD_KEY_MAX <= 511);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_largest),
        cmocka_unit_test(test_inline_values_are_small),
        cmocka_unit_test(test_every_bit_counts),
        cmocka_unit_test(test_foreign_bytes),
        cmocka_unit_test(test_format_is_pinned),
        cmocka_unit_test(test_format_1_is_read),
        cmocka_unit_test(test_trains),
        cmocka_unit_test(test_heads),
        cmocka_unit_test(test_tombs),
        cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_key_order)
    };

    return cmocka_run_group_tests_name("hx_record", tests, NULL, NULL);
}
