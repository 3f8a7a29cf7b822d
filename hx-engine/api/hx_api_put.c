/*
 * hx_api_put.c -- POST /v1/put.
 *
 * The uploaded bytes are kept as they are, the header of a .npy included: what
 * comes back is bit-exact by construction.  What they mean (type, shape, where
 * the array starts) stands in the record.
 */

#include <string.h>
#include <time.h>

#include "hx_api_op.h"
#include "hx_check.h"

static const hx_str_t  hx_default_domain = hx_string("structured_data");


static int
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


void
hx_put_check(hx_req_t *r)
{
    hx_str_t      s;
    hx_body_t    *b;
    hx_record_t  *rec;

    b = r->body;
    rec = &r->store_op.record;

    if (!hx_body_has(b, HX_F_DATA)) {
        hx_reply_error(&r->reply, HX_E_INVALID_REQUEST,
                       "Missing required field 'data_b64'");
        return;
    }

    rec->domain = hx_default_domain;

    if (hx_body_has(b, HX_F_DOMAIN)) {
        rec->domain = hx_body_string(b, HX_F_DOMAIN);

        if (!hx_check_printable(rec->domain.data, rec->domain.len, 1,
                                HX_DOMAIN_MAX))
        {
            hx_reply_error(&r->reply, HX_E_INVALID_REQUEST,
                           "Invalid domain '%V'", &rec->domain);
            return;
        }
    }

    if (hx_body_has(b, HX_F_DTYPE)) {
        s = hx_body_string(b, HX_F_DTYPE);

        if (hx_dtype_parse(s.data, s.len, &b->hint.dtype) != HX_OK) {
            hx_reply_error(&r->reply, HX_E_INVALID_REQUEST,
                           "Unsupported dtype '%V'", &s);
            return;
        }
    }

    if (hx_body_has(b, HX_F_METADATA)) {
        rec->metadata.data = b->meta.start;
        rec->metadata.len = hx_buf_len(&b->meta);
    }

    (void) hx_put_expected(r);
}


hx_rc_t
hx_put_run(hx_req_t *r, hx_crypto_t *crypto)
{
    unsigned           has;
    hx_buf_t           detail;
    hx_str_t           text;
    hx_body_t         *b;
    hx_record_t       *rec;
    hx_payload_t       p;
    struct timespec    ts;
    unsigned char      mem[HX_DETAIL_ECHO_MAX];
    hx_payload_err_t   err;

    b = r->body;
    rec = &r->store_op.record;

    has = (hx_body_has(b, HX_F_DTYPE) ? HX_PAYLOAD_HAS_DTYPE : 0)
          | (hx_body_has(b, HX_F_SHAPE) ? HX_PAYLOAD_HAS_SHAPE : 0);

    err = hx_payload_decide(&p, b->value, b->value_len, &b->hint, has);

    if (err != HX_PAYLOAD_OK) {
        hx_buf_init(&detail, mem, sizeof(mem));
        hx_payload_detail(&detail, err, &p, hx_body_payload_name(b));
        text.data = mem;
        text.len = hx_buf_len(&detail);
        hx_reply_error(&r->reply, HX_E_INVALID_REQUEST, "%V", &text);
        return HX_OK;
    }

    if (hx_sha256(crypto, b->value, b->value_len, rec->sha256) != HX_OK) {
        hx_reply_error(&r->reply, HX_E_INTERNAL, "Cannot compute SHA-256");
        return HX_OK;
    }

    (void) clock_gettime(CLOCK_REALTIME, &ts);

    rec->created_ms = (uint64_t) ts.tv_sec * 1000
                      + (uint64_t) ts.tv_nsec / 1000000;
    rec->length = b->value_len;
    rec->stored = b->value_len;
    rec->data_off = p.data_off;
    rec->codec = HX_CODEC_PASSTHROUGH;
    rec->array = p.array;

    r->store_op.kind = HX_STORE_PUT;
    r->store_op.value.data = b->value;
    r->store_op.value.len = b->value_len;

    return hx_req_submit(r);
}


void
hx_json_identity(hx_buf_t *b, const hx_str_t *key, const hx_str_t *ns,
    uint64_t version)
{
    hx_buf_lit(b, "{\"key\":");
    hx_json_string(b, key->data, key->len);
    hx_buf_lit(b, ",\"namespace\":");
    hx_json_string(b, ns->data, ns->len);
    hx_buf_lit(b, ",\"version\":");
    hx_text_u64(b, version);
}


void
hx_json_array(hx_buf_t *b, const hx_record_t *rec)
{
    unsigned     i;
    const char  *name;

    if (rec->array.dtype == HX_DTYPE_NONE) {
        hx_buf_lit(b, ",\"dtype\":null,\"shape\":null"
                      ",\"fortran_order\":false");
        return;
    }

    name = hx_dtype_name(rec->array.dtype);

    hx_buf_lit(b, ",\"dtype\":\"");
    hx_buf_add(b, name, strlen(name));
    hx_buf_lit(b, "\",\"shape\":[");

    for (i = 0; i < rec->array.ndim; i++) {
        if (i != 0) {
            hx_buf_byte(b, ',');
        }
        hx_text_u64(b, rec->array.dim[i]);
    }

    hx_buf_lit(b, "],\"fortran_order\":");

    if (rec->array.fortran) {
        hx_buf_lit(b, "true");

    } else {
        hx_buf_lit(b, "false");
    }
}


void
hx_json_fingerprint(hx_buf_t *b, const hx_record_t *rec)
{
    hx_buf_lit(b, ",\"compressed\":false,\"verdict\":\"passthrough\""
                  ",\"compression_ratio\":1.0,\"original_bytes\":");
    hx_text_u64(b, rec->length);
    hx_buf_lit(b, ",\"stored_core_bytes\":");
    hx_text_u64(b, rec->length);
    hx_buf_lit(b, ",\"n_cores\":0,\"rel_error\":0.0");
    hx_json_array(b, rec);
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
