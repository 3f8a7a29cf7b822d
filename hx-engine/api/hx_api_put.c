/*
 * hx_api_put.c -- POST /v1/put.
 *
 * What is stored is a tensor train, if the array is one to within the error
 * that is allowed; else the uploaded bytes, the header of a .npy included,
 * packed without loss where that pays: what comes back then is bit-exact by
 * construction (hx_api_encode.c).  What they mean (type, shape, where the
 * array starts) stands in the record.
 */

#include <string.h>
#include <time.h>

#include "hx_api_op.h"
#include "hx_check.h"

static const hx_str_t  hx_default_domain = hx_string("structured_data");


int
hx_put_expected(hx_req_t *r)
{
    uint64_t  v;

    if (!hx_body_has(r->body, HX_F_EXPECTED)) {
        return 0;
    }

    v = hx_body_number(r->body, HX_F_EXPECTED);

    if (r->check != HX_STORE_ANY
        && (r->check != HX_STORE_VERSION || r->expected != v))
    {
        hx_reply_error(&r->reply, HX_E_INVALID_REQUEST,
                       "Field 'expected_version' contradicts If-Match or "
                       "If-None-Match");
        return -1;
    }

    r->check = HX_STORE_VERSION;
    r->expected = v;

    return 0;
}


int
hx_put_describe(hx_req_t *r, hx_record_t *rec, const hx_str_t *domain,
    const hx_str_t *metadata)
{
    rec->metadata = *metadata;
    rec->domain = domain->data != NULL ? *domain : hx_default_domain;

    if (!hx_check_printable(rec->domain.data, rec->domain.len, 1,
                            HX_DOMAIN_MAX))
    {
        hx_reply_error(&r->reply, HX_E_INVALID_REQUEST, "Invalid domain '%V'",
                       &rec->domain);
        return -1;
    }

    return 0;
}


int
hx_put_dtype(hx_req_t *r, const hx_str_t *name, hx_dtype_t *t)
{
    if (hx_dtype_parse(name->data, name->len, t) == HX_OK) {
        return 0;
    }

    hx_reply_error(&r->reply, HX_E_INVALID_REQUEST, "Unsupported dtype '%V'",
                   name);

    return -1;
}


void
hx_put_stamp(hx_record_t *rec)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_REALTIME, &ts);

    rec->created_ms = (uint64_t) ts.tv_sec * 1000
                      + (uint64_t) ts.tv_nsec / 1000000;
}


void
hx_put_check(hx_req_t *r)
{
    hx_str_t    domain, dtype, metadata;
    hx_body_t  *b;

    b = r->body;
    memset(&domain, 0, sizeof(domain));
    memset(&metadata, 0, sizeof(metadata));

    if (!hx_body_has(b, HX_F_DATA)) {
        hx_reply_error(&r->reply, HX_E_INVALID_REQUEST,
                       "Missing required field 'data_b64'");
        return;
    }

    if (hx_body_has(b, HX_F_DOMAIN)) {
        domain = hx_body_string(b, HX_F_DOMAIN);
    }

    if (hx_body_has(b, HX_F_METADATA)) {
        metadata.data = b->meta.start;
        metadata.len = hx_buf_len(&b->meta);
    }

    if (hx_put_describe(r, &r->store_op.record, &domain, &metadata) != 0) {
        return;
    }

    if (hx_body_has(b, HX_F_DTYPE)) {
        dtype = hx_body_string(b, HX_F_DTYPE);

        if (hx_put_dtype(r, &dtype, &b->hint.dtype) != 0) {
            return;
        }
    }

    (void) hx_put_expected(r);
}


int
hx_put_decide(hx_req_t *r, hx_payload_t *p)
{
    unsigned           has;
    hx_buf_t           detail;
    hx_str_t           text;
    hx_body_t         *b;
    unsigned char      mem[HX_DETAIL_ECHO_MAX];
    hx_payload_err_t   err;

    b = r->body;

    has = (hx_body_has(b, HX_F_DTYPE) ? HX_PAYLOAD_HAS_DTYPE : 0)
          | (hx_body_has(b, HX_F_SHAPE) ? HX_PAYLOAD_HAS_SHAPE : 0);

    err = hx_payload_decide(p, b->value, b->value_len, &b->hint, has);

    if (err == HX_PAYLOAD_OK) {
        return 0;
    }

    hx_buf_init(&detail, mem, sizeof(mem));
    hx_payload_detail(&detail, err, p, hx_body_payload_name(b));
    text.data = mem;
    text.len = hx_buf_len(&detail);
    hx_reply_error(&r->reply, HX_E_INVALID_REQUEST, "%V", &text);

    return -1;
}


hx_rc_t
hx_put_run(hx_req_t *r, hx_crypto_t *crypto)
{
    hx_body_t     *b;
    hx_record_t   *rec;
    hx_payload_t   p;

    b = r->body;
    rec = &r->store_op.record;

    if (hx_put_decide(r, &p) != 0) {
        return HX_OK;
    }

    if (hx_sha256(crypto, b->value, b->value_len, rec->sha256) != HX_OK) {
        hx_reply_error(&r->reply, HX_E_INTERNAL, "Cannot compute SHA-256");
        return HX_OK;
    }

    hx_put_stamp(rec);
    rec->length = b->value_len;
    rec->data_off = p.data_off;
    rec->array = p.array;

    if (hx_encode_payload(&r->encoded, rec, b->value, &p, r->api->allow_weak,
                          &r->ns) != HX_OK)
    {
        hx_reply_error(&r->reply, HX_E_UNAVAILABLE, "Out of memory");
        return HX_OK;
    }

    if (r->encoded.mem != NULL) {
        hx_value_free(b);               /* what is stored is smaller */
    }

    r->store_op.kind = HX_STORE_PUT;
    r->store_op.value = r->encoded.value;

    return hx_req_submit(r);
}


void
hx_put_finish(hx_req_t *r)
{
    hx_buf_t       *b;
    hx_store_op_t  *op;

    op = &r->store_op;

    if (op->rc != HX_STORE_OK) {
        hx_req_store_error(r, op->rc, 0, op->why);
        return;
    }

    b = hx_reply_open(&r->reply, 200, HX_JSON_COMMON_MAX);
    if (b == NULL) {
        return;
    }

    hx_json_identity(b, &r->key, &r->ns, op->version);
    hx_json_fingerprint(b, &op->record);
    hx_buf_byte(b, '}');
    hx_reply_etag(&r->reply, op->version);
    hx_counts_put(&r->api->counts, &op->record.domain, op->record.verdict,
                   (double) op->record.length / (double) op->record.stored,
                   hx_req_seconds(r));
}
