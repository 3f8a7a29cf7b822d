/*
 * fuzz_record.c -- what hx-engine has stored, damaged (store/hx_record.h,
 * hx_count.h): records, heads, tombs, chunks, counts, as the bytes are and
 * behind checksums that fit.  What is read lies inside the bytes, is written
 * again as the same, and is not read at all under another key.
 *
 * sources: hx_record.c hx_count.c
 */

#include "hx_count.h"
#include "hx_crypto.h"
#include "hx_fuzz.h"
#include "hx_le.h"
#include "hx_record.h"

#define FUZZ_ID   7

static const unsigned char  dbkey[] = "\0\0\0\1key\0\0\0\0\0\0\0\0\1";


static void
check_array(const hx_record_t *r)
{
    uint64_t  n, bytes;

    hx_fuzz_check(r->array.ndim <= HX_DIMS_MAX);
    hx_fuzz_check(hx_dtype_size(r->array.dtype) != 0);
    hx_fuzz_check(hx_array_size(&r->array, &n, &bytes) != HX_FAIL);

    if (r->codec == HX_CODEC_TT) {
        hx_fuzz_check(hx_tt_values(&r->tt) * 8 == r->stored);
    }
}


static void
check_record(const hx_record_t *r, const uint8_t *p, size_t len)
{
    uint8_t      other[sizeof(dbkey)];
    hx_record_t  none;

    hx_fuzz_check(r->domain.data >= p && r->domain.len <= HX_DOMAIN_MAX);
    hx_fuzz_check(r->metadata.data == r->domain.data + r->domain.len);
    hx_fuzz_check(r->metadata.len <= HX_METADATA_MAX);
    hx_fuzz_check(r->value.data == r->metadata.data + r->metadata.len);
    hx_fuzz_check(r->value.data + r->value.len == p + len);
    hx_fuzz_check(r->value.len <= HX_RECORD_INLINE_MAX);
    hx_fuzz_check(r->codec < HX_CODEC_COUNT && r->data_off <= r->length);
    check_array(r);

    memcpy(other, dbkey, sizeof(dbkey));
    other[5] ^= 1;
    hx_fuzz_check(hx_record_decode(&none, p, len, other, sizeof(other))
                  == HX_NO);
}


/* Written anew (an old format as today's) it is read as the same, is intact,
 * and is written as the same bytes from then on. */
static void
check_again(const uint8_t *p, size_t len)
{
    size_t        n;
    uint8_t      *copy;
    hx_buf_t      b;
    hx_record_t   r;

    static uint8_t  out[HX_RECORD_MAX];

    if (hx_record_decode(&r, p, len, dbkey, sizeof(dbkey)) != HX_OK) {
        return;
    }

    check_record(&r, p, len);
    hx_buf_init(&b, out, sizeof(out));
    hx_record_encode(&b, &r, dbkey, sizeof(dbkey));
    hx_fuzz_check(hx_buf_ok(&b));
    n = hx_buf_len(&b);
    copy = hx_fuzz_copy(out, n);

    hx_fuzz_check(hx_record_decode(&r, copy, n, dbkey, sizeof(dbkey))
                  == HX_OK);
    hx_fuzz_check(hx_record_value_ok(&r));
    check_record(&r, copy, n);

    hx_buf_init(&b, out, sizeof(out));
    hx_record_encode(&b, &r, dbkey, sizeof(dbkey));
    hx_fuzz_check(hx_buf_len(&b) == n && memcmp(out, copy, n) == 0);

    copy[n - 1] ^= 1;
    hx_fuzz_check(hx_record_decode(&r, copy, n, dbkey, sizeof(dbkey)) == HX_NO
                  || !hx_record_value_ok(&r));
    free(copy);
}


static void
check_units(const uint8_t *p, size_t len)
{
    uint8_t      out[HX_COUNT_LEN];
    uint64_t     version, clock;
    hx_count_t   c;

    if (hx_head_decode(&version, p, len, dbkey, sizeof(dbkey)) == HX_OK) {
        hx_fuzz_check(version != 0);
        hx_head_encode(out, version, dbkey, sizeof(dbkey));
        hx_fuzz_check(len == HX_HEAD_LEN && memcmp(out, p, len) == 0);
    }

    if (hx_tomb_decode(&version, &clock, p, len, dbkey, sizeof(dbkey))
        == HX_OK)
    {
        hx_fuzz_check(version != 0);
        hx_tomb_encode(out, version, clock, dbkey, sizeof(dbkey));
        hx_fuzz_check(len == HX_TOMB_LEN && memcmp(out, p, len) == 0);
    }

    if (hx_count_decode(&c, p, len, FUZZ_ID) == HX_OK) {
        hx_count_encode(out, &c, FUZZ_ID);
        hx_fuzz_check(len == HX_COUNT_LEN && memcmp(out, p, len) == 0);
        hx_fuzz_check(hx_count_decode(&c, p, len, FUZZ_ID + 1) == HX_NO);
    }
}


static void
check_chunk(const uint8_t *p, size_t len, size_t want, int check)
{
    hx_str_t  data;

    if (hx_chunk_open(&data, p, len, FUZZ_ID, 1, want, check) == HX_OK) {
        hx_fuzz_check(data.data >= p && data.data + data.len <= p + len);
        hx_fuzz_check(data.len == want);
        hx_fuzz_check(hx_chunk_open(&data, p, len, FUZZ_ID, 2, want, check)
                      == HX_NO);
        hx_fuzz_check(hx_chunk_open(&data, p, len, FUZZ_ID + 1, 1, want,
                                    check) == HX_NO);
    }
}


/* Puts the checksums right of whatever it is by its length and magic. */
static void
mend(uint8_t *p, size_t len)
{
    size_t    checked;
    uint32_t  crc;
    uint8_t   be[4] = { 0, 0, 0, FUZZ_ID };

    crc = hx_crc32(0, dbkey, sizeof(dbkey));

    if (len == HX_HEAD_LEN || len == HX_TOMB_LEN) {
        hx_put_le32(p + len - 4, hx_crc32(crc, p, len - 4));
        return;
    }

    if (len == HX_COUNT_LEN) {
        hx_put_le32(p + len - 4,
                    hx_crc32(hx_crc32(0, be, sizeof(be)), p, len - 4));
        return;
    }

    if (len < 16) {
        return;
    }

    checked = hx_get_le32(p + 8);

    if (checked >= 16 && checked <= len) {
        crc = hx_crc32(crc, p, 12);
        hx_put_le32(p + 12, hx_crc32(crc, p + 16, checked - 16));
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    size_t    want;
    uint8_t  *p;

    p = hx_fuzz_copy(data, len);
    want = len > HX_CHUNK_HEADER ? len - HX_CHUNK_HEADER : 0;

    check_units(p, len);
    check_again(p, len);
    check_chunk(p, len, want, 1);

    mend(p, len);
    check_units(p, len);
    check_again(p, len);

    if (len > HX_CHUNK_HEADER && len - HX_CHUNK_HEADER <= HX_CHUNK_DATA) {
        hx_chunk_header(p, FUZZ_ID, 1, (uint32_t) want,
                        hx_crc32(0, p + HX_CHUNK_HEADER, want));
        check_chunk(p, len, want, 1);
        p[len - 1] ^= 1;
        check_chunk(p, len, want, 0);
    }

    free(p);

    return 0;
}
