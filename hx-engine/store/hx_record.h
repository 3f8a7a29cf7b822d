/*
 * hx_record.h -- bytes on disk: records, heads, chunks and the keys they
 * stand under.  Pure; callers give and own all memory.
 *
 * Every stored unit carries a magic, a format number and a CRC-32 that also
 * covers the key it belongs under, so that a unit found in a wrong place is
 * as corrupt as one with a flipped bit.  All numbers are little-endian except
 * those inside keys, which are big-endian for their order.
 */

#ifndef HX_RECORD_H
#define HX_RECORD_H

#include "hx_buf.h"
#include "hx_limits.h"
#include "hx_tt.h"

#define HX_RECORD_INLINE_MAX  4096      /* value bytes kept in the record */
#define HX_RECORD_KEY_MAX     (4 + HX_KEY_MAX + 1 + 8)
#define HX_HEAD_LEN           16
#define HX_TOMB_LEN           24

/*
 * A chunk and its header fill 64 pages of LMDB exactly (16 bytes are LMDB's),
 * and its payload starts 64-byte aligned in the file.
 */
#define HX_CHUNK_HEADER       48
#define HX_CHUNK_DATA         (262144 - 16 - HX_CHUNK_HEADER)

#define HX_SHA256_BYTES       32

/* Fixed part, shape, ranks, domain, metadata, inline value. */
#define HX_RECORD_MAX                                                         \
    (192 + HX_DIMS_MAX * 8 + (HX_TT_CORES_MAX + 1) * 4 + HX_DOMAIN_MAX        \
     + HX_METADATA_MAX + HX_RECORD_INLINE_MAX)

/* What the stored value is.  Part of the format: never change a number. */
typedef enum {
    HX_CODEC_PASSTHROUGH = 0,           /* the uploaded bytes */
    HX_CODEC_TT = 1,                    /* cores, float64 little-endian */
    HX_CODEC_PACKED = 2,                /* the uploaded bytes, packed without
                                         * loss (codec/hx_pack.h) */
    HX_CODEC_COUNT
} hx_codec_t;

/* One version of one key.  Strings point into memory of somebody else. */
typedef struct {
    uint64_t       version;
    uint64_t       created_ms;          /* Unix time */
    uint64_t       length;              /* bytes of the value as uploaded */
    uint64_t       data_off;            /* where the array starts in it */
    uint64_t       stored;              /* bytes of the value as stored */
    uint64_t       value_id;            /* of its chunks; 0 = inline */
    hx_codec_t     codec;
    hx_array_t     array;
    hx_verdict_t   verdict;
    double         rel_error;           /* measured; 0 for passthrough */
    double         norm;                /* Frobenius, of what is served, as
                                         * float64; NaN: not a finite number */
    double         cast_error;          /* TT: Frobenius norm of what is served
                                         * minus the train itself: rounding to
                                         * the dtype; 0 for float64 */
    hx_tt_t        tt;                  /* TT: d, order, rank (core is NULL) */
    unsigned char  sha256[HX_SHA256_BYTES];     /* of the value as uploaded */
    hx_str_t       domain;
    hx_str_t       metadata;            /* compact JSON object; empty = {} */
    hx_str_t       value;               /* the bytes when inline, else empty */
    uint32_t       value_crc;           /* of "value", for hx_record_value_ok */
} hx_record_t;


/* Key of one version in the records table; ns = numeric id of a namespace. */
size_t hx_record_key(unsigned char out[HX_RECORD_KEY_MAX], uint32_t ns,
    const hx_str_t *key, uint64_t version);

/* Appends the encoded record; hx_buf_ok() says whether it fitted. */
void hx_record_encode(hx_buf_t *b, const hx_record_t *r, const void *dbkey,
    size_t dbkey_len);

/*
 * HX_OK and *r (its strings point into p), or HX_NO: not a record of this
 * format, damaged, or not the one that belongs under dbkey.  The inline value
 * is not checked here: see hx_record_value_ok.
 */
hx_rc_t hx_record_decode(hx_record_t *r, const unsigned char *p, size_t len,
    const void *dbkey, size_t dbkey_len);

/* 1 when the inline value is undamaged. */
int hx_record_value_ok(const hx_record_t *r);

/* A head: the latest version of a live key; also other numbers of a key. */
void hx_head_encode(unsigned char out[HX_HEAD_LEN], uint64_t version,
    const void *dbkey, size_t dbkey_len);
hx_rc_t hx_head_decode(uint64_t *version, const unsigned char *p, size_t len,
    const void *dbkey, size_t dbkey_len);

/*
 * A tomb: the latest version of a deleted key, and when it was deleted, by the
 * clock of the store; 0 when its versions have been removed since.
 */
void hx_tomb_encode(unsigned char out[HX_TOMB_LEN], uint64_t version,
    uint64_t clock, const void *dbkey, size_t dbkey_len);
hx_rc_t hx_tomb_decode(uint64_t *version, uint64_t *clock,
    const unsigned char *p, size_t len, const void *dbkey, size_t dbkey_len);

/* Chunk "index" of value "id". */
void hx_chunk_header(unsigned char out[HX_CHUNK_HEADER], uint64_t id,
    uint32_t index, uint32_t len, uint32_t data_crc);

/*
 * The payload of a stored chunk.  HX_NO when the header is damaged or is not
 * that of this chunk, or when the length is not "want"; with check_data also
 * when the payload is damaged.
 */
hx_rc_t hx_chunk_open(hx_str_t *data, const unsigned char *p, size_t len,
    uint64_t id, uint32_t index, size_t want, int check_data);

void hx_put_be32(unsigned char *p, uint32_t v);
void hx_put_be64(unsigned char *p, uint64_t v);
uint32_t hx_get_be32(const unsigned char *p);
uint64_t hx_get_be64(const unsigned char *p);

#endif /* HX_RECORD_H */
