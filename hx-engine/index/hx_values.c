/*
 * hx_values.c -- see the header.
 */

#include <stdlib.h>
#include <string.h>

#include "hx_load.h"
#include "hx_values.h"


/* Does the order of memory differ from the logical one? */
static int
hx_values_is_turned(const hx_array_t *a)
{
    unsigned  i, more;

    for (i = 0, more = 0; i < a->ndim; i++) {
        more += a->dim[i] > 1;
    }

    return a->fortran && more > 1;
}


int
hx_values_usable(const hx_record_t *r)
{
    uint64_t  n, bytes;

    return r->array.dtype != HX_DTYPE_NONE
           && hx_array_size(&r->array, &n, &bytes) == HX_OK && n != 0
           && (r->codec == HX_CODEC_TT
               || (r->data_off <= r->length
                   && r->length - r->data_off == bytes));
}


uint64_t
hx_values_work(const hx_record_t *r)
{
    uint64_t  bytes;

    bytes = 0;

    if (hx_array_size(&r->array, NULL, &bytes) != HX_OK
        || !hx_values_is_turned(&r->array))
    {
        bytes = 0;
    }

    if (r->codec == HX_CODEC_TT) {
        bytes += r->stored + hx_tt_dense_work(&r->tt, &r->array);

    } else if (bytes != 0) {
        bytes = r->length + r->stored;
    }

    return bytes;
}


/* Any range of the stored bytes, whatever chunks they lie in. */
static hx_store_rc_t
hx_values_fetch(const hx_values_t *v, uint64_t off, size_t len,
    unsigned char *out)
{
    hx_str_t       piece;
    hx_store_rc_t  rc;

    if (len > v->stored_len || off > v->stored_len - len) {
        return HX_STORE_CORRUPT;
    }

    if (v->view == NULL) {
        memcpy(out, v->stored.data + off, len);
        return HX_STORE_OK;
    }

    while (len != 0) {
        rc = hx_store_piece(v->view, v->value_id, v->stored_len, off, &piece);
        if (rc != HX_STORE_OK) {
            return rc;
        }

        piece.len = piece.len < len ? piece.len : len;
        memcpy(out, piece.data, piece.len);
        out += piece.len;
        off += piece.len;
        len -= piece.len;
    }

    return HX_STORE_OK;
}


static hx_store_rc_t
hx_values_rewind(hx_values_t *v)
{
    hx_store_rc_t  rc;
    unsigned char  header[HX_PACK_HEADER];

    hx_unpack_free(v->unpack);
    v->unpack = NULL;
    v->pos = HX_PACK_HEADER;
    v->block_at = 0;
    v->block_len = 0;

    rc = hx_values_fetch(v, 0, sizeof(header), header);

    if (rc == HX_STORE_OK && !hx_unpack_header(header)) {
        rc = HX_STORE_CORRUPT;
    }

    if (rc == HX_STORE_OK) {
        v->unpack = hx_unpack_create(header, v->length);
        rc = v->unpack != NULL ? HX_STORE_OK : HX_STORE_FAIL;
    }

    return rc;
}


static hx_store_rc_t
hx_values_next_block(hx_values_t *v)
{
    size_t          n;
    unsigned char  *in, prefix[HX_PACK_PREFIX];
    hx_store_rc_t   rc;

    in = v->block + HX_PACK_BLOCK;
    rc = hx_values_fetch(v, v->pos, sizeof(prefix), prefix);

    if (rc != HX_STORE_OK) {
        return rc;
    }

    n = hx_unpack_size(prefix);

    if (n == 0 || n > HX_PACK_BLOCK_MAX) {
        return HX_STORE_CORRUPT;
    }

    rc = hx_values_fetch(v, v->pos + sizeof(prefix), n, in);

    if (rc != HX_STORE_OK) {
        return rc;
    }

    v->pos += sizeof(prefix) + n;
    v->block_at += v->block_len;
    v->block_len = hx_unpack_block(v->unpack, prefix, in, v->block);

    return v->block_len != 0 ? HX_STORE_OK : HX_STORE_CORRUPT;
}


/* Some bytes of an unpacked value, forwards. */
static hx_store_rc_t
hx_values_unpacked(hx_values_t *v, uint64_t off, size_t len,
    unsigned char *out)
{
    size_t         n, skip;
    hx_store_rc_t  rc;

    if (v->unpack == NULL || off < v->block_at) {
        rc = hx_values_rewind(v);
        if (rc != HX_STORE_OK) {
            return rc;
        }
    }

    while (len != 0) {
        while (off >= v->block_at + v->block_len) {
            rc = hx_values_next_block(v);
            if (rc != HX_STORE_OK) {
                return rc;
            }
        }

        skip = (size_t) (off - v->block_at);
        n = v->block_len - skip < len ? v->block_len - skip : len;
        memcpy(out, v->block + skip, n);
        out += n;
        off += n;
        len -= n;
    }

    return HX_STORE_OK;
}


/* A train whose cores are doubles in memory. */
static hx_store_rc_t
hx_values_train(hx_values_t *v, const hx_tt_t *t)
{
    size_t  work;

    work = hx_tt_dense_work(t, &v->array);
    if (work == 0) {
        return HX_STORE_CORRUPT;
    }

    v->mem = malloc(work);
    if (v->mem == NULL) {
        return HX_STORE_FAIL;
    }

    hx_tt_dense_init(&v->dense, t, &v->array, v->mem);
    v->kind = HX_VALUES_TRAIN;

    return HX_STORE_OK;
}


/* Cores may lie at any address: always a copy. */
static hx_store_rc_t
hx_values_cores(hx_values_t *v, const hx_record_t *r)
{
    hx_tt_t        t;
    hx_store_rc_t  rc;

    t = r->tt;

    if (hx_tt_values(&t) * sizeof(double) != r->stored) {
        return HX_STORE_CORRUPT;
    }

    v->cores = malloc((size_t) r->stored);
    if (v->cores == NULL) {
        return HX_STORE_FAIL;
    }

    t.core = v->cores;
    rc = hx_values_fetch(v, 0, (size_t) r->stored, v->cores);

    return rc == HX_STORE_OK ? hx_values_train(v, &t) : rc;
}


/* Fortran order: the whole array in memory, to be read across. */
static hx_store_rc_t
hx_values_unfold(hx_values_t *v)
{
    size_t           n;
    uint64_t         bytes, at;
    hx_store_rc_t    rc;
    unsigned char   *all;

    bytes = v->elements * v->size;
    all = malloc((size_t) bytes);

    if (all == NULL) {
        return HX_STORE_FAIL;
    }

    rc = HX_STORE_OK;

    switch (v->kind) {

    case HX_VALUES_TRAIN:
        for (at = 0; at < v->elements; at += n) {
            n = v->elements - at < HX_TT_DENSE_STEP
                ? (size_t) (v->elements - at) : HX_TT_DENSE_STEP;
            hx_tt_dense_read(&v->dense, at, n, all + at * v->size);
        }
        break;

    case HX_VALUES_PACKED:
        rc = hx_values_unpacked(v, v->off, (size_t) bytes, all);
        break;

    default:
        rc = hx_values_fetch(v, v->off, (size_t) bytes, all);
    }

    if (rc != HX_STORE_OK) {
        free(all);
        return rc;
    }

    free(v->mem);
    v->mem = all;
    v->data = all;
    v->kind = HX_VALUES_TURNED;

    return HX_STORE_OK;
}


/* The kind of stored bytes is known: what there is to do for it. */
static hx_store_rc_t
hx_values_begin(hx_values_t *v, const hx_record_t *r)
{
    hx_store_rc_t  rc;

    rc = HX_STORE_OK;

    if (r->codec == HX_CODEC_TT) {
        rc = hx_values_cores(v, r);

    } else if (r->codec == HX_CODEC_PACKED) {
        v->kind = HX_VALUES_PACKED;
        v->block = malloc(2 * HX_PACK_BLOCK);
        rc = v->block != NULL ? hx_values_rewind(v) : HX_STORE_FAIL;

    } else if (r->stored != r->length) {
        rc = HX_STORE_CORRUPT;

    } else if (v->view != NULL) {
        v->kind = HX_VALUES_CHUNKS;

    } else {
        v->data = v->stored.data + v->off;
    }

    if (rc == HX_STORE_OK && hx_values_is_turned(&v->array)) {
        if (v->kind == HX_VALUES_FLAT) {
            v->kind = HX_VALUES_TURNED;

        } else {
            rc = hx_values_unfold(v);
        }
    }

    if (rc != HX_STORE_OK) {
        hx_values_close(v);
    }

    return rc;
}


static hx_store_rc_t
hx_values_init(hx_values_t *v, const hx_record_t *r)
{
    memset(v, 0, offsetof(hx_values_t, dense));

    if (!hx_values_usable(r)) {
        return HX_STORE_CORRUPT;
    }

    (void) hx_array_size(&r->array, &v->elements, NULL);
    v->array = r->array;
    v->size = hx_dtype_size(r->array.dtype);
    v->off = r->data_off;
    v->length = r->length;
    v->stored_len = r->stored;

    return HX_STORE_OK;
}


hx_store_rc_t
hx_values_open(hx_values_t *v, const hx_store_view_t *view,
    const hx_record_t *r, int check)
{
    hx_store_rc_t  rc;

    rc = hx_values_init(v, r);

    if (rc != HX_STORE_OK) {
        return rc;
    }

    if (r->stored > HX_CHUNK_DATA) {
        v->view = view;
        v->value_id = r->value_id;
        rc = check ? hx_store_verify(view, r) : HX_STORE_OK;

    } else {
        rc = hx_store_value(view, r, check, NULL, &v->stored);
    }

    return rc == HX_STORE_OK ? hx_values_begin(v, r) : rc;
}


hx_store_rc_t
hx_values_memory(hx_values_t *v, const hx_record_t *r, const hx_str_t *stored)
{
    hx_store_rc_t  rc;

    rc = hx_values_init(v, r);

    if (rc == HX_STORE_OK && stored->len != r->stored) {
        rc = HX_STORE_CORRUPT;
    }

    v->stored = *stored;

    return rc == HX_STORE_OK ? hx_values_begin(v, r) : rc;
}


void
hx_values_close(hx_values_t *v)
{
    hx_unpack_free(v->unpack);
    free(v->block);
    free(v->mem);
    free(v->cores);
}


/* n elements in logical order out of an array in Fortran order. */
static void
hx_values_across(const hx_values_t *v, uint64_t first, size_t n,
    unsigned char *out)
{
    size_t            i;
    unsigned          k;
    uint64_t          at, left;
    uint64_t          c[HX_DIMS_MAX], stride[HX_DIMS_MAX];
    const hx_array_t *a;

    a = &v->array;
    stride[0] = v->size;

    for (k = 1; k < a->ndim; k++) {
        stride[k] = stride[k - 1] * a->dim[k - 1];
    }

    at = 0;
    left = first;

    for (k = a->ndim; k-- != 0; /* void */ ) {
        c[k] = left % a->dim[k];
        left /= a->dim[k];
        at += c[k] * stride[k];
    }

    for (i = 0; i < n; i++) {
        memcpy(out + i * v->size, v->data + at, v->size);

        for (k = a->ndim; k-- != 0; /* void */ ) {
            at += stride[k];

            if (++c[k] < a->dim[k]) {
                break;
            }

            at -= c[k] * stride[k];
            c[k] = 0;
        }
    }
}


/* Straight from the chunk they lie in, if they lie in one. */
static hx_store_rc_t
hx_values_chunk(hx_values_t *v, uint64_t off, size_t n, double *out)
{
    hx_str_t        piece;
    hx_store_rc_t   rc;
    unsigned char   raw[HX_VEC_STEP * 8];

    rc = hx_store_piece(v->view, v->value_id, v->stored_len, off, &piece);

    if (rc == HX_STORE_OK && piece.len >= n * v->size) {
        hx_load_f8(v->array.dtype, piece.data, n, out);
        return HX_STORE_OK;
    }

    if (rc == HX_STORE_OK) {
        rc = hx_values_fetch(v, off, n * v->size, raw);
    }

    if (rc == HX_STORE_OK) {
        hx_load_f8(v->array.dtype, raw, n, out);
    }

    return rc;
}


hx_store_rc_t
hx_values_read(hx_values_t *v, uint64_t first, size_t n, double *out)
{
    uint64_t        off;
    hx_store_rc_t   rc;
    unsigned char   raw[HX_VEC_STEP * 8];

    off = v->off + first * v->size;

    switch (v->kind) {

    case HX_VALUES_FLAT:
        hx_load_f8(v->array.dtype, v->data + first * v->size, n, out);
        return HX_STORE_OK;

    case HX_VALUES_TRAIN:
        hx_tt_dense_read_f8(&v->dense, first, n, out);
        return HX_STORE_OK;

    case HX_VALUES_CHUNKS:
        return hx_values_chunk(v, off, n, out);

    case HX_VALUES_PACKED:
        rc = hx_values_unpacked(v, off, n * v->size, raw);
        if (rc != HX_STORE_OK) {
            return rc;
        }
        break;

    default:
        hx_values_across(v, first, n, raw);
    }

    hx_load_f8(v->array.dtype, raw, n, out);

    return HX_STORE_OK;
}
