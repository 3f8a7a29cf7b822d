/*
 * hx_api_source.c -- see the header.  Created on a worker (hx_api_serve.c);
 * read by the I/O thread that sends, a window at a time, which takes it some
 * ten microseconds for a smooth train.  What takes longer counts as more bytes
 * (hx_source_worked()), so that connections take turns by what they cost.
 */

#include <stdlib.h>
#include <string.h>

#include "hx_api_source.h"
#include "hx_pack.h"
#include "hx_tt_dense.h"

/* Multiply-adds per byte of a smooth train: 1 MB takes about a millisecond. */
#define HX_SOURCE_WORTH   32

/* Less than most steps of a block. */
#define HX_SOURCE_DUE     65536

/* Keeps the window where vectors like it. */
#define HX_SOURCE_ROOM    64

struct hx_source_s {
    hx_codec_t       codec;
    uint64_t         length;            /* bytes of the value */
    uint64_t         start;             /* of the window */
    size_t           len;               /* bytes in it */
    size_t           kept;              /* bytes before it */
    unsigned char   *window;            /* HX_SOURCE_ROOM bytes after memory */
    unsigned char   *memory;
    size_t           worked;
    hx_budget_t     *budget;
    uint64_t         taken;

    /* a train */
    hx_tt_dense_t    dense;
    size_t           size;              /* of an element */
    void            *factors;           /* dense's memory */
    size_t           wide;              /* elements of a block, or 0 */
    int              begun;             /* a block that is not complete */
    hx_tt_dense_block_t  block_tt;

    /* a packed value */
    hx_unpack_t     *unpack;
    uint64_t         value_id;
    uint64_t         stored;
    uint64_t         pos;               /* of the next block's prefix */
    unsigned char   *block;             /* HX_PACK_BLOCK bytes */
    unsigned char    small[HX_RECORD_INLINE_MAX];   /* value_id == 0 */
};


/* Any range of the stored value, whatever chunks it lies in. */
static hx_store_rc_t
hx_source_fetch(const hx_source_t *src, const hx_store_view_t *v, uint64_t off,
    size_t len, unsigned char *out)
{
    hx_str_t       piece;
    hx_store_rc_t  rc;

    if (len > src->stored || off > src->stored - len) {
        return HX_STORE_CORRUPT;
    }

    if (src->value_id == 0) {
        memcpy(out, src->small + off, len);
        return HX_STORE_OK;
    }

    while (len != 0) {
        rc = hx_store_piece(v, src->value_id, src->stored, off, &piece);
        if (rc != HX_STORE_OK) {
            return rc;
        }

        if (piece.len > len) {
            piece.len = len;
        }

        memcpy(out, piece.data, piece.len);
        out += piece.len;
        off += piece.len;
        len -= piece.len;
    }

    return HX_STORE_OK;
}


static hx_store_rc_t
hx_source_take(hx_source_t *src, uint64_t n)
{
    if (hx_budget_take(src->budget, n) != HX_OK) {
        return HX_STORE_BUSY;
    }

    src->taken += n;

    return HX_STORE_OK;
}


/* The cores where doubles may be read; *copy is to be freed. */
static hx_store_rc_t
hx_source_cores(const hx_store_view_t *v, const hx_record_t *r,
    const double **cores, void **copy)
{
    hx_str_t       value;
    hx_store_rc_t  rc;

    *copy = malloc((size_t) r->stored);
    if (*copy == NULL) {
        return HX_STORE_FAIL;
    }

    rc = hx_store_value(v, r, 1, *copy, &value);

    if (rc == HX_STORE_OK && value.data != *copy) {
        memcpy(*copy, value.data, value.len);
    }

    *cores = *copy;

    return rc;
}


static hx_store_rc_t
hx_source_window(hx_source_t *src, size_t len)
{
    src->memory = malloc(HX_SOURCE_ROOM + len);

    if (src->memory == NULL) {
        return HX_STORE_FAIL;
    }

    src->window = src->memory + HX_SOURCE_ROOM;

    return HX_STORE_OK;
}


/* Where a window of HX_SOURCE_WINDOW bytes would cost too much at once. */
static hx_store_rc_t
hx_source_blocks(hx_source_t *src)
{
    hx_store_rc_t  rc;

    src->wide = hx_tt_dense_block(&src->dense);

    if (src->wide * src->size <= HX_SOURCE_WINDOW) {
        return HX_STORE_OK;
    }

    rc = hx_source_take(src, src->wide * src->size - HX_SOURCE_WINDOW);

    if (rc == HX_STORE_OK) {
        free(src->memory);
        rc = hx_source_window(src, src->wide * src->size);
    }

    return rc;
}


static hx_store_rc_t
hx_source_train(hx_source_t *src, const hx_store_view_t *v,
    const hx_record_t *r)
{
    void           *copy;
    size_t          factors;
    hx_tt_t         tt;
    hx_store_rc_t   rc;

    tt = r->tt;
    factors = hx_tt_dense_work(&tt, &r->array);
    src->size = hx_dtype_size(r->array.dtype);

    if (factors == 0
        || hx_array_size(&r->array, NULL, &src->length) != HX_OK)
    {
        return HX_STORE_CORRUPT;
    }

    rc = hx_source_take(src, factors + r->stored + HX_SOURCE_WINDOW);
    if (rc != HX_STORE_OK) {
        return rc;
    }

    src->factors = malloc(factors);
    if (src->factors == NULL) {
        return HX_STORE_FAIL;
    }

    rc = hx_source_cores(v, r, &tt.core, &copy);

    if (rc == HX_STORE_OK) {
        hx_tt_dense_init(&src->dense, &tt, &r->array, src->factors);
    }

    free(copy);
    hx_budget_give(src->budget, r->stored);
    src->taken -= r->stored;

    return rc == HX_STORE_OK ? hx_source_blocks(src) : rc;
}


static hx_store_rc_t
hx_source_packed(hx_source_t *src, const hx_store_view_t *v,
    const hx_record_t *r)
{
    hx_store_rc_t   rc;
    unsigned char   header[HX_PACK_HEADER];

    rc = hx_store_verify(v, r);

    if (rc == HX_STORE_OK) {
        rc = hx_source_take(src, 3 * HX_PACK_BLOCK);
    }

    if (rc != HX_STORE_OK) {
        return rc;
    }

    src->length = r->length;
    src->value_id = r->value_id;
    src->stored = r->stored;
    src->pos = HX_PACK_HEADER;

    if (r->value_id == 0) {
        memcpy(src->small, r->value.data, r->value.len);
    }

    rc = hx_source_fetch(src, v, 0, sizeof(header), header);
    if (rc != HX_STORE_OK) {
        return rc;
    }

    if (!hx_unpack_header(header)) {
        return HX_STORE_CORRUPT;
    }

    src->block = malloc(HX_PACK_BLOCK);
    src->unpack = hx_unpack_create(header, r->length);

    return src->block != NULL && src->unpack != NULL ? HX_STORE_OK
                                                     : HX_STORE_FAIL;
}


hx_store_rc_t
hx_source_create(hx_source_t **out, const hx_store_view_t *v,
    const hx_record_t *r, hx_budget_t *budget)
{
    hx_source_t    *src;
    hx_store_rc_t   rc;

    src = malloc(sizeof(hx_source_t));
    if (src == NULL) {
        return HX_STORE_FAIL;
    }

    memset(src, 0, offsetof(hx_source_t, small));
    src->codec = r->codec;
    src->budget = budget;
    rc = hx_source_window(src, HX_SOURCE_WINDOW);

    if (rc == HX_STORE_OK) {
        rc = r->codec == HX_CODEC_TT ? hx_source_train(src, v, r)
                                     : hx_source_packed(src, v, r);
    }

    if (rc != HX_STORE_OK) {
        hx_source_free(src);
        return rc;
    }

    *out = src;

    return HX_STORE_OK;
}


void
hx_source_free(hx_source_t *src)
{
    if (src == NULL) {
        return;
    }

    hx_budget_give(src->budget, src->taken);
    hx_unpack_free(src->unpack);
    free(src->block);
    free(src->factors);
    free(src->memory);
    free(src);
}


uint64_t
hx_source_length(const hx_source_t *src)
{
    return src->length;
}


size_t
hx_source_worked(hx_source_t *src)
{
    size_t  n;

    n = src->worked;
    src->worked = 0;

    return n;
}


int
hx_source_due(const hx_source_t *src)
{
    return src->worked >= HX_SOURCE_DUE;
}


static void
hx_source_work(hx_source_t *src, uint64_t work, size_t bytes)
{
    work /= HX_SOURCE_WORTH;
    src->worked += work > bytes ? (size_t) work - bytes : 0;
}


/* A step on the way to the block that holds the byte "off". */
static hx_store_rc_t
hx_source_step(hx_source_t *src, uint64_t off)
{
    size_t    n;
    uint64_t  end;

    if (!src->begun) {
        n = src->len < HX_SOURCE_KEEP ? src->len : HX_SOURCE_KEEP;
        memcpy(src->window - n, src->window + src->len - n, n);
        end = src->start + src->len;

        hx_tt_dense_block_init(&src->dense, &src->block_tt, off / src->size);
        src->start = src->block_tt.first * src->size;
        src->len = 0;
        src->kept = src->start == end ? n : 0;
        src->begun = 1;
    }

    if (hx_tt_dense_block_step(&src->dense, &src->block_tt, src->window)) {
        src->len = src->block_tt.n * src->size;
        src->begun = 0;
    }

    hx_source_work(src, src->block_tt.work, 0);

    return src->begun ? HX_STORE_BUSY : HX_STORE_OK;
}


/* The window from the element on that holds the byte "off". */
static void
hx_source_dense(hx_source_t *src, uint64_t off)
{
    size_t    n;
    uint64_t  first, left;

    first = off / src->size;
    left = src->length / src->size - first;
    n = HX_SOURCE_WINDOW / src->size;

    if (n > HX_TT_DENSE_STEP) {
        n = HX_TT_DENSE_STEP;
    }

    if (n > left) {
        n = (size_t) left;
    }

    hx_tt_dense_read(&src->dense, first, n, src->window);
    src->start = first * src->size;
    src->len = n * src->size;

    hx_source_work(src, hx_tt_dense_cost(&src->dense, n), src->len);
}


static hx_store_rc_t
hx_source_block(hx_source_t *src, const hx_store_view_t *v)
{
    size_t         n;
    hx_store_rc_t  rc;
    unsigned char  prefix[HX_PACK_PREFIX];

    rc = hx_source_fetch(src, v, src->pos, sizeof(prefix), prefix);
    if (rc != HX_STORE_OK) {
        return rc;
    }

    n = hx_unpack_size(prefix);
    rc = hx_source_fetch(src, v, src->pos + sizeof(prefix), n, src->block);
    if (rc != HX_STORE_OK) {
        return rc;
    }

    src->pos += sizeof(prefix) + n;
    src->start += src->len;
    src->len = hx_unpack_block(src->unpack, prefix, src->block, src->window);

    return src->len != 0 ? HX_STORE_OK : HX_STORE_CORRUPT;
}


hx_store_rc_t
hx_source_at(hx_source_t *src, const hx_store_view_t *v, uint64_t off,
    hx_str_t *piece)
{
    hx_store_rc_t  rc;

    if (off + src->kept < src->start || off >= src->length) {
        return HX_STORE_FAIL;
    }

    while (off >= src->start + src->len) {

        if (src->codec == HX_CODEC_TT && src->wide == 0) {
            hx_source_dense(src, off);
            continue;
        }

        rc = src->wide != 0 ? hx_source_step(src, off)
                            : hx_source_block(src, v);
        if (rc != HX_STORE_OK) {
            return rc;
        }
    }

    piece->data = off < src->start ? src->window - (src->start - off)
                                   : src->window + (off - src->start);
    piece->len = (size_t) (src->start + src->len - off);

    return HX_STORE_OK;
}
