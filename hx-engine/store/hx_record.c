/*
 * hx_record.c -- the stored format; see the header and README, "Storage".
 *
 * Record: 16 bytes of frame (magic, format, flags, length of the checked part,
 * CRC-32), the fixed fields, the shape, the ranks of a tensor train, domain,
 * metadata; behind the checked part an inline value with its own CRC, so that
 * reading metadata does not cost a pass over the value.  Format 1 had neither
 * trains nor packed values; it is still read.
 */

#include <string.h>

#include "hx_crypto.h"
#include "hx_le.h"
#include "hx_record.h"

#define HX_RECORD_MAGIC   0x31525848u       /* "HXR1" */
#define HX_HEAD_MAGIC     0x31485848u       /* "HXH1" */
#define HX_TOMB_MAGIC     0x31545848u       /* "HXT1" */
#define HX_CHUNK_MAGIC    0x31435848u       /* "HXC1" */

#define HX_RECORD_FRAME   16
#define HX_RECORD_FIXED   136               /* bytes behind the frame */
#define HX_RECORD_FIXED1  96                /* the same in format 1 */
#define HX_RECORD_FORMAT  2


void
hx_put_be32(unsigned char *p, uint32_t v)
{
    p[0] = (unsigned char) (v >> 24);
    p[1] = (unsigned char) (v >> 16);
    p[2] = (unsigned char) (v >> 8);
    p[3] = (unsigned char) v;
}


void
hx_put_be64(unsigned char *p, uint64_t v)
{
    hx_put_be32(p, (uint32_t) (v >> 32));
    hx_put_be32(p + 4, (uint32_t) v);
}


uint32_t
hx_get_be32(const unsigned char *p)
{
    return (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16
           | (uint32_t) p[2] << 8 | (uint32_t) p[3];
}


uint64_t
hx_get_be64(const unsigned char *p)
{
    return (uint64_t) hx_get_be32(p) << 32 | hx_get_be32(p + 4);
}


size_t
hx_record_key(unsigned char out[HX_RECORD_KEY_MAX], uint32_t ns,
    const hx_str_t *key, uint64_t version)
{
    hx_put_be32(out, ns);
    memcpy(out + 4, key->data, key->len);
    out[4 + key->len] = '\0';
    hx_put_be64(out + 5 + key->len, version);

    return key->len + 13;
}


/* The CRC of a record covers its key, frame and checked part, not itself. */
static uint32_t
hx_record_crc(const unsigned char *p, size_t checked, const void *dbkey,
    size_t dbkey_len)
{
    uint32_t  crc;

    crc = hx_crc32(0, dbkey, dbkey_len);
    crc = hx_crc32(crc, p, 12);

    return hx_crc32(crc, p + HX_RECORD_FRAME, checked - HX_RECORD_FRAME);
}


static void
hx_put_double(unsigned char *p, double v)
{
    uint64_t  bits;

    memcpy(&bits, &v, sizeof(bits));
    hx_put_le64(p, bits);
}


static double
hx_get_double(const unsigned char *p)
{
    double    v;
    uint64_t  bits;

    bits = hx_get_le64(p);
    memcpy(&v, &bits, sizeof(v));

    return v;
}


/* How many ranks a record holds: d + 1 for a train of d cores. */
static unsigned
hx_record_ranks(const hx_record_t *r)
{
    return r->codec == HX_CODEC_TT ? r->tt.d + 1 : 0;
}


/* The fixed fields; q has room for HX_RECORD_FIXED zero bytes. */
static void
hx_record_encode_fixed(unsigned char *q, const hx_record_t *r)
{
    hx_put_le64(q, r->version);
    hx_put_le64(q + 8, r->created_ms);
    hx_put_le64(q + 16, r->length);
    hx_put_le64(q + 24, r->data_off);
    hx_put_le64(q + 32, r->value_id);
    q[40] = (unsigned char) r->codec;
    q[41] = (unsigned char) r->array.dtype;
    q[42] = (unsigned char) r->array.fortran;
    q[43] = (unsigned char) r->array.ndim;
    hx_put_le32(q + 44, (uint32_t) r->domain.len);
    hx_put_le32(q + 48, (uint32_t) r->metadata.len);
    hx_put_le32(q + 52, (uint32_t) r->value.len);
    hx_put_le32(q + 56, hx_crc32(0, r->value.data, r->value.len));
    memcpy(q + 60, r->sha256, HX_SHA256_BYTES);
    q[92] = (unsigned char) r->verdict;
    q[93] = (unsigned char) r->tt.order;
    q[94] = (unsigned char) hx_record_ranks(r);
    hx_put_le64(q + 96, r->stored);
    hx_put_double(q + 104, r->rel_error);
    hx_put_double(q + 112, r->norm);
    hx_put_double(q + 120, r->cast_error);
}


void
hx_record_encode(hx_buf_t *b, const hx_record_t *r, const void *dbkey,
    size_t dbkey_len)
{
    size_t          checked;
    unsigned        i, ranks;
    unsigned char  *p, *q;

    ranks = hx_record_ranks(r);
    checked = HX_RECORD_FRAME + HX_RECORD_FIXED + r->array.ndim * 8
              + ranks * 4 + r->domain.len + r->metadata.len;

    p = hx_buf_reserve(b, checked + r->value.len);
    if (p == NULL) {
        return;
    }

    memset(p, 0, checked);
    hx_put_le32(p, HX_RECORD_MAGIC);
    p[4] = HX_RECORD_FORMAT;
    hx_put_le32(p + 8, (uint32_t) checked);

    q = p + HX_RECORD_FRAME;
    hx_record_encode_fixed(q, r);
    q += HX_RECORD_FIXED;

    for (i = 0; i < r->array.ndim; i++) {
        hx_put_le64(q, r->array.dim[i]);
        q += 8;
    }

    for (i = 0; i < ranks; i++) {
        hx_put_le32(q, r->tt.rank[i]);
        q += 4;
    }

    if (r->domain.len != 0) {
        memcpy(q, r->domain.data, r->domain.len);
        q += r->domain.len;
    }

    if (r->metadata.len != 0) {
        memcpy(q, r->metadata.data, r->metadata.len);
        q += r->metadata.len;
    }

    if (r->value.len != 0) {
        memcpy(q, r->value.data, r->value.len);
    }

    hx_put_le32(p + 12, hx_record_crc(p, checked, dbkey, dbkey_len));
    b->last = p + checked + r->value.len;
}


/* The fixed fields; ranks: as many as follow; value_len: of an inline value. */
static void
hx_record_decode_fixed(hx_record_t *r, const unsigned char *q, int format,
    unsigned *ranks)
{
    r->version = hx_get_le64(q);
    r->created_ms = hx_get_le64(q + 8);
    r->length = hx_get_le64(q + 16);
    r->data_off = hx_get_le64(q + 24);
    r->value_id = hx_get_le64(q + 32);
    r->codec = (hx_codec_t) q[40];
    r->array.dtype = (hx_dtype_t) q[41];
    r->array.fortran = q[42];
    r->array.ndim = q[43];
    r->domain.len = hx_get_le32(q + 44);
    r->metadata.len = hx_get_le32(q + 48);
    r->value.len = hx_get_le32(q + 52);
    r->value_crc = hx_get_le32(q + 56);
    memcpy(r->sha256, q + 60, HX_SHA256_BYTES);

    memset(&r->tt, 0, sizeof(r->tt));
    *ranks = 0;

    if (format == 1) {
        r->stored = r->length;
        r->verdict = HX_VERDICT_PASSTHROUGH;
        r->rel_error = 0;
        r->norm = 0;
        r->cast_error = 0;
        return;
    }

    r->verdict = (hx_verdict_t) q[92];
    r->tt.order = (hx_tt_order_t) q[93];
    *ranks = q[94];
    r->stored = hx_get_le64(q + 96);
    r->rel_error = hx_get_double(q + 104);
    r->norm = hx_get_double(q + 112);
    r->cast_error = hx_get_double(q + 120);
}


/*
 * The CRC was right: what is asked here can only fail for a foreign writer, or
 * for a fault of our own.
 */
static int
hx_record_plausible(const hx_record_t *r, unsigned ranks)
{
    if (r->array.ndim > HX_DIMS_MAX || r->domain.len > HX_DOMAIN_MAX
        || r->metadata.len > HX_METADATA_MAX || r->codec >= HX_CODEC_COUNT
        || r->data_off > r->length || hx_dtype_size(r->array.dtype) == 0
        || r->verdict > HX_VERDICT_WEAK
        || (r->codec == HX_CODEC_PASSTHROUGH && r->stored != r->length)
        || r->value.len > HX_RECORD_INLINE_MAX
        || r->value.len != (r->value_id == 0 ? r->stored : 0))
    {
        return 0;
    }

    if (r->codec != HX_CODEC_TT) {
        return ranks == 0 && r->verdict == HX_VERDICT_PASSTHROUGH;
    }

    return ranks >= 2 && ranks <= HX_TT_CORES_MAX + 1
           && r->verdict != HX_VERDICT_PASSTHROUGH
           && r->tt.order <= HX_TT_INTERLEAVED;
}


/* The ranks chain, and as many bytes are stored as they say. */
static int
hx_record_ranks_ok(const hx_record_t *r)
{
    unsigned  k;
    uint64_t  left;

    left = r->stored / 16;

    if (r->stored % 16 != 0 || r->tt.rank[0] != 1
        || r->tt.rank[r->tt.d] != 1)
    {
        return 0;
    }

    for (k = 0; k < r->tt.d; k++) {
        if (r->tt.rank[k + 1] == 0 || r->tt.rank[k + 1] > HX_TT_RANK_MAX
            || (uint64_t) r->tt.rank[k] * r->tt.rank[k + 1] > left)
        {
            return 0;
        }
        left -= (uint64_t) r->tt.rank[k] * r->tt.rank[k + 1];
    }

    return left == 0;
}


hx_rc_t
hx_record_decode(hx_record_t *r, const unsigned char *p, size_t len,
    const void *dbkey, size_t dbkey_len)
{
    size_t                checked, fixed;
    unsigned              i, ranks;
    const unsigned char  *q;

    if (len < HX_RECORD_FRAME || hx_get_le32(p) != HX_RECORD_MAGIC
        || p[4] < 1 || p[4] > HX_RECORD_FORMAT)
    {
        return HX_NO;
    }

    fixed = p[4] == 1 ? HX_RECORD_FIXED1 : HX_RECORD_FIXED;
    checked = hx_get_le32(p + 8);

    if (checked < HX_RECORD_FRAME + fixed || checked > len
        || hx_get_le32(p + 12) != hx_record_crc(p, checked, dbkey, dbkey_len))
    {
        return HX_NO;
    }

    q = p + HX_RECORD_FRAME;
    hx_record_decode_fixed(r, q, p[4], &ranks);
    q += fixed;

    if (!hx_record_plausible(r, ranks)
        || checked != HX_RECORD_FRAME + fixed + r->array.ndim * 8 + ranks * 4
                      + r->domain.len + r->metadata.len
        || r->value.len != len - checked)
    {
        return HX_NO;
    }

    for (i = 0; i < r->array.ndim; i++) {
        r->array.dim[i] = hx_get_le64(q);
        q += 8;
    }

    for (i = 0; i < ranks; i++) {
        r->tt.rank[i] = hx_get_le32(q);
        q += 4;
    }

    r->tt.d = ranks == 0 ? 0 : ranks - 1;

    if (ranks != 0 && !hx_record_ranks_ok(r)) {
        return HX_NO;
    }

    r->domain.data = q;
    r->metadata.data = q + r->domain.len;
    r->value.data = p + checked;

    return HX_OK;
}


int
hx_record_value_ok(const hx_record_t *r)
{
    return hx_crc32(0, r->value.data, r->value.len) == r->value_crc;
}


void
hx_head_encode(unsigned char out[HX_HEAD_LEN], uint64_t version,
    const void *dbkey, size_t dbkey_len)
{
    hx_put_le32(out, HX_HEAD_MAGIC);
    hx_put_le64(out + 4, version);
    hx_put_le32(out + 12, hx_crc32(hx_crc32(0, dbkey, dbkey_len), out, 12));
}


hx_rc_t
hx_head_decode(uint64_t *version, const unsigned char *p, size_t len,
    const void *dbkey, size_t dbkey_len)
{
    if (len != HX_HEAD_LEN || hx_get_le32(p) != HX_HEAD_MAGIC
        || hx_get_le32(p + 12)
           != hx_crc32(hx_crc32(0, dbkey, dbkey_len), p, 12))
    {
        return HX_NO;
    }

    *version = hx_get_le64(p + 4);

    return *version != 0 ? HX_OK : HX_NO;
}


void
hx_tomb_encode(unsigned char out[HX_TOMB_LEN], uint64_t version,
    uint64_t clock, const void *dbkey, size_t dbkey_len)
{
    hx_put_le32(out, HX_TOMB_MAGIC);
    hx_put_le64(out + 4, version);
    hx_put_le64(out + 12, clock);
    hx_put_le32(out + 20, hx_crc32(hx_crc32(0, dbkey, dbkey_len), out, 20));
}


hx_rc_t
hx_tomb_decode(uint64_t *version, uint64_t *clock, const unsigned char *p,
    size_t len, const void *dbkey, size_t dbkey_len)
{
    if (len != HX_TOMB_LEN || hx_get_le32(p) != HX_TOMB_MAGIC
        || hx_get_le32(p + 20)
           != hx_crc32(hx_crc32(0, dbkey, dbkey_len), p, 20))
    {
        return HX_NO;
    }

    *version = hx_get_le64(p + 4);
    *clock = hx_get_le64(p + 12);

    return *version != 0 ? HX_OK : HX_NO;
}


void
hx_chunk_header(unsigned char out[HX_CHUNK_HEADER], uint64_t id,
    uint32_t index, uint32_t len, uint32_t data_crc)
{
    memset(out, 0, HX_CHUNK_HEADER);
    hx_put_le32(out, HX_CHUNK_MAGIC);
    hx_put_le32(out + 4, index);
    hx_put_le64(out + 8, id);
    hx_put_le32(out + 16, len);
    hx_put_le32(out + 20, data_crc);
    hx_put_le32(out + HX_CHUNK_HEADER - 4,
                hx_crc32(0, out, HX_CHUNK_HEADER - 4));
}


hx_rc_t
hx_chunk_open(hx_str_t *data, const unsigned char *p, size_t len, uint64_t id,
    uint32_t index, size_t want, int check_data)
{
    if (len != HX_CHUNK_HEADER + want || hx_get_le32(p) != HX_CHUNK_MAGIC
        || hx_get_le32(p + 4) != index || hx_get_le64(p + 8) != id
        || hx_get_le32(p + 16) != want
        || hx_get_le32(p + HX_CHUNK_HEADER - 4)
           != hx_crc32(0, p, HX_CHUNK_HEADER - 4))
    {
        return HX_NO;
    }

    data->data = p + HX_CHUNK_HEADER;
    data->len = want;

    if (check_data && hx_crc32(0, data->data, want) != hx_get_le32(p + 20)) {
        return HX_NO;
    }

    return HX_OK;
}
