/*
 * hx_api_put_cores.c -- POST /v1/put_cores and /v1/put_cores_batch: trains
 * that the client has made.
 *
 * The values of the cores lie one after the other in the body's buffer, which
 * is what is stored.  hx_api_cores.c has checked each core; here the train as
 * a whole meets the array it is said to be.  An array may be as large as one
 * that could be uploaded, so that serving it is no more than serving that.
 */

#include <stdlib.h>
#include <string.h>

#include "hx_api_op.h"
#include "hx_check.h"
#include "hx_tt_compress.h"


static int
hx_item_has(const hx_body_item_t *it, hx_field_t f)
{
    return (it->seen & hx_field_bit(f)) != 0;
}


/* d and the ranks; 0, or -1 and 400. */
static int
hx_cores_train(hx_req_t *r, const hx_body_item_t *it, hx_tt_t *tt)
{
    unsigned               k;
    const hx_body_core_t  *c;

    if (it->n_cores == 0) {
        hx_reply_error(&r->reply, HX_E_INVALID_REQUEST,
                       "Missing required field 'cores'");
        return -1;
    }

    c = r->body->core + it->first_core;
    tt->d = it->n_cores;
    tt->order = HX_TT_ROWS;
    tt->rank[0] = 1;

    for (k = 0; k < tt->d; k++) {
        tt->rank[k + 1] = (uint32_t) c[k].shape[2];
    }

    if (tt->rank[tt->d] != 1) {
        hx_reply_error(&r->reply, HX_E_INVALID_REQUEST,
                       "Field 'cores' must end with rank 1, not %L",
                       (uint64_t) tt->rank[tt->d]);
        return -1;
    }

    tt->core = (const double *) (const void *) (r->body->value + c[0].off);

    return 0;
}


/* The array the train stands for; 0, or -1 and the reply. */
static int
hx_cores_array(hx_req_t *r, const hx_body_item_t *it, const hx_tt_t *tt,
    hx_array_t *a, uint64_t *bytes)
{
    uint64_t  most, n;

    most = (uint64_t) 1 << tt->d;
    memset(a, 0, sizeof(*a));
    a->dtype = HX_DTYPE_F8;

    if (hx_item_has(it, HX_F_DTYPE)
        && hx_put_dtype(r, &it->dtype, &a->dtype) != 0)
    {
        return -1;
    }

    a->ndim = 1;
    a->dim[0] = hx_item_has(it, HX_F_LENGTH) ? it->length : most;

    if (hx_item_has(it, HX_F_SHAPE)) {
        a->ndim = it->hint.ndim;
        memcpy(a->dim, it->hint.dim, a->ndim * sizeof(a->dim[0]));
    }

    if (hx_array_size(a, &n, bytes) != HX_OK || n == 0 || n > most
        || (n <= most / 2 && tt->d > 1))
    {
        hx_reply_error(&r->reply, HX_E_INVALID_REQUEST,
                       "Field '%s' must say from %L to %L elements for %L "
                       "cores", hx_item_has(it, HX_F_SHAPE) ? "shape"
                                                            : "length",
                       most / 2 + 1, most, (uint64_t) tt->d);
        return -1;
    }

    if (hx_item_has(it, HX_F_SHAPE) && hx_item_has(it, HX_F_LENGTH)
        && it->length != n)
    {
        hx_reply_error(&r->reply, HX_E_INVALID_REQUEST,
                       "Fields 'length' and 'shape' contradict each other");
        return -1;
    }

    if (*bytes > r->api->max_upload) {
        hx_reply_error(&r->reply, HX_E_TOO_LARGE,
                       "Array of %L bytes exceeds maximum upload size of %L "
                       "bytes", *bytes, r->api->max_upload);
        return -1;
    }

    return 0;
}


/* Everything of an item that needs no look at its numbers. */
static int
hx_cores_op(hx_req_t *r, const hx_body_item_t *it, hx_store_op_t *op)
{
    hx_str_t      domain;
    uint64_t      bytes;
    hx_record_t  *rec;

    rec = &op->record;
    op->kind = HX_STORE_PUT;
    op->key = it->key;
    domain = it->domain;

    if (!hx_item_has(it, HX_F_DOMAIN)) {
        domain.data = NULL;
    }

    if (hx_put_describe(r, rec, &domain, &it->metadata) != 0
        || hx_cores_train(r, it, &rec->tt) != 0
        || hx_cores_array(r, it, &rec->tt, &rec->array, &bytes) != 0)
    {
        return -1;
    }

    op->value.data = (const unsigned char *) rec->tt.core;
    op->value.len = hx_tt_values(&rec->tt) * sizeof(double);

    rec->length = bytes;
    rec->data_off = 0;
    rec->codec = HX_CODEC_TT;
    rec->verdict = HX_VERDICT_EXACT;
    rec->rel_error = 0;

    return 0;
}


/* The numbers: finite, what they are worth, their fingerprint. */
static int
hx_cores_measure(hx_req_t *r, hx_store_op_t *op, hx_crypto_t *crypto)
{
    int           broken;
    hx_rc_t       rc;
    hx_work_t     work;
    hx_record_t  *rec;

    rec = &op->record;

    hx_work_init(&work, hx_tt_compress_work(rec->length + op->value.len));
    rc = hx_tt_measure(&rec->tt, &rec->array, &rec->norm, &rec->cast_error,
                       &work);
    broken = work.broken != 0;
    hx_work_free(&work);

    switch (rc) {

    case HX_OK:
        break;

    case HX_NO:
        hx_reply_error(&r->reply, HX_E_INVALID_REQUEST,
                       "Field 'cores' must hold finite numbers, and so must "
                       "the array they stand for");
        return -1;

    default:
        if (broken) {
            hx_reply_error(&r->reply, HX_E_UNAVAILABLE, "Out of memory");

        } else {
            hx_reply_error(&r->reply, HX_E_TOO_LARGE,
                           "Ranks of 'cores' are too large for an array of "
                           "%L bytes", rec->length);
        }
        return -1;
    }

    if (hx_sha256(crypto, op->value.data, op->value.len, rec->sha256)
        != HX_OK)
    {
        hx_reply_error(&r->reply, HX_E_INTERNAL, "Cannot compute SHA-256");
        return -1;
    }

    hx_put_stamp(rec);

    return 0;
}


void
hx_cores_check(hx_req_t *r)
{
    if (hx_items_keep(r->body) == 0
        && hx_cores_op(r, &r->body->item[0], &r->store_op) == 0)
    {
        (void) hx_put_expected(r);
    }
}


hx_rc_t
hx_cores_run(hx_req_t *r, hx_crypto_t *crypto)
{
    if (hx_cores_measure(r, &r->store_op, crypto) != 0) {
        return HX_OK;
    }

    return hx_req_submit(r);
}


static int
hx_batch_item(hx_req_t *r, const hx_body_item_t *it, hx_store_op_t *op)
{
    if (!hx_item_has(it, HX_F_KEY)) {
        hx_reply_error(&r->reply, HX_E_INVALID_REQUEST,
                       "Missing required field 'key'");
        return -1;
    }

    if (!hx_check_key_path(it->key.data, it->key.len)) {
        hx_reply_error(&r->reply, HX_E_INVALID_REQUEST, "Invalid key");
        return -1;
    }

    if (hx_item_has(it, HX_F_EXPECTED)) {
        op->check = HX_STORE_VERSION;
        op->expected = it->expected;
    }

    return hx_cores_op(r, it, op);
}


static int
hx_batch_by_key(const void *a, const void *b)
{
    int                     cmp;
    size_t                  len;
    const hx_body_item_t   *x, *y;

    x = *(const hx_body_item_t *const *) a;
    y = *(const hx_body_item_t *const *) b;
    len = x->key.len < y->key.len ? x->key.len : y->key.len;
    cmp = memcmp(x->key.data, y->key.data, len);

    if (cmp == 0) {
        cmp = x->key.len < y->key.len ? -1 : x->key.len > y->key.len;
    }

    return cmp != 0 ? cmp : x < y ? -1 : x > y;
}


/* Two items with one key would be two versions with one answer. */
static int
hx_batch_differ(hx_req_t *r)
{
    unsigned                i, n;
    const hx_body_item_t  **by_key;

    n = r->body->n_items;
    by_key = calloc(n, sizeof(by_key[0]));

    if (by_key == NULL) {
        hx_reply_error(&r->reply, HX_E_UNAVAILABLE, "Out of memory");
        return -1;
    }

    for (i = 0; i < n; i++) {
        by_key[i] = &r->body->item[i];
    }

    qsort(by_key, n, sizeof(by_key[0]), hx_batch_by_key);

    for (i = 1; i < n; i++) {
        if (by_key[i]->key.len == by_key[i - 1]->key.len
            && memcmp(by_key[i]->key.data, by_key[i - 1]->key.data,
                      by_key[i]->key.len) == 0)
        {
            r->reply.item = (int) (by_key[i] - r->body->item);
            hx_reply_error(&r->reply, HX_E_INVALID_REQUEST,
                           "Key '%V' stands in item %L already",
                           &by_key[i]->key,
                           (uint64_t) (by_key[i - 1] - r->body->item));
            break;
        }
    }

    free(by_key);

    return i < n ? -1 : 0;
}


void
hx_batch_check(hx_req_t *r)
{
    unsigned    i;
    hx_body_t  *b;

    b = r->body;

    if (!hx_body_has(b, HX_F_ITEMS) || b->n_items == 0) {
        hx_reply_error(&r->reply, HX_E_INVALID_REQUEST,
                       "Missing required field 'items'");
        return;
    }

    if (r->check != HX_STORE_ANY) {
        hx_reply_error(&r->reply, HX_E_INVALID_REQUEST,
                       "If-Match and If-None-Match do not go with a batch, "
                       "use 'expected_version' of the items");
        return;
    }

    r->batch = calloc(b->n_items, sizeof(hx_store_op_t));

    if (r->batch == NULL) {
        hx_reply_error(&r->reply, HX_E_UNAVAILABLE, "Out of memory");
        return;
    }

    for (i = 0; i < b->n_items; i++) {
        r->reply.item = (int) i;

        if (hx_batch_item(r, &b->item[i], &r->batch[i]) != 0) {
            return;
        }
    }

    if (hx_batch_differ(r) == 0) {
        r->reply.item = -1;
    }
}


hx_rc_t
hx_batch_put_run(hx_req_t *r, hx_crypto_t *crypto)
{
    unsigned  i;

    for (i = 0; i < r->body->n_items; i++) {
        r->reply.item = (int) i;

        if (hx_cores_measure(r, &r->batch[i], crypto) != 0) {
            return HX_OK;
        }
    }

    r->reply.item = -1;
    r->store_op.kind = HX_STORE_BATCH;
    r->store_op.items = r->batch;
    r->store_op.n_items = r->body->n_items;

    return hx_req_submit(r);
}


static void
hx_batch_error(hx_req_t *r)
{
    const hx_store_op_t  *op, *failed;

    op = &r->store_op;

    if (op->rc == HX_STORE_CONFLICT || op->rc == HX_STORE_CORRUPT) {
        failed = &r->batch[op->failed];
        r->reply.item = (int) op->failed;
        r->key = failed->key;
        r->expected = failed->expected;
        r->store_op.current = failed->current;
    }

    hx_req_store_error(r, op->rc, 0, op->why);
}


void
hx_batch_finish(hx_req_t *r)
{
    unsigned   i;
    hx_buf_t  *b;

    if (r->store_op.rc != HX_STORE_OK) {
        hx_batch_error(r);
        return;
    }

    b = hx_reply_open(&r->reply, 200,
                      (size_t) HX_JSON_COMMON_MAX * (r->body->n_items + 1));
    if (b == NULL) {
        return;
    }

    hx_buf_lit(b, "{\"namespace\":");
    hx_json_string(b, r->ns.data, r->ns.len);
    hx_buf_lit(b, ",\"count\":");
    hx_text_u64(b, r->body->n_items);
    hx_buf_lit(b, ",\"results\":[");

    for (i = 0; i < r->body->n_items; i++) {
        if (i != 0) {
            hx_buf_byte(b, ',');
        }
        hx_json_identity(b, &r->batch[i].key, &r->ns, r->batch[i].version);
        hx_json_fingerprint(b, &r->batch[i].record);
        hx_buf_byte(b, '}');
        hx_counts_put(&r->api->counts, &r->batch[i].record.domain,
                      HX_VERDICT_EXACT, (double) r->batch[i].record.length
                      / (double) r->batch[i].record.stored, hx_req_seconds(r));
    }

    hx_buf_lit(b, "]}");
}
