/*
 * hx_api_source.c -- see the header.  Created on a worker (hx_api_serve.c);
 * read by the I/O thread that sends, a window at a time, which takes it some
 * ten microseconds.
 */

#include <stdlib.h>
#include <string.h>

#include "hx_api_source.h"
#include "hx_pack.h"
#include "hx_tt_dense.h"

struct hx_source_s {
    hx_codec_t       codec;
    uint64_t         length;            /* bytes of the value */
    uint64_t         start;             /* of the window */
    size_t           len;               /* bytes in it */
    unsigned char   *window;            /* HX_SOURCE_WINDOW bytes */
    hx_budget_t     *budget;
    uint64_t         taken;

    /* a train */
    hx_tt_dense_t    dense;
    size_t           size;              /* of an element */
    void            *factors;           /* dense's memory */

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

    return rc;
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
    src->window = malloc(HX_SOURCE_WINDOW);

    rc = src->window == NULL ? HX_STORE_FAIL
         : r->codec == HX_CODEC_TT ? hx_source_train(src, v, r)
                                   : hx_source_packed(src, v, r);

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
    free(src->window);
    free(src);
}


uint64_t
hx_source_length(const hx_source_t *src)
{
    return src->length;
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

    if (off < src->start || off >= src->length) {
        return HX_STORE_FAIL;
    }

    while (off >= src->start + src->len) {

        if (src->codec == HX_CODEC_TT) {
            hx_source_dense(src, off);
            continue;
        }

        rc = hx_source_block(src, v);
        if (rc != HX_STORE_OK) {
            return rc;
        }
    }

    piece->data = src->window + (off - src->start);
    piece->len = src->len - (size_t) (off - src->start);

    return HX_STORE_OK;
}
