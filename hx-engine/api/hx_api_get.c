/*
 * hx_api_get.c -- GET and HEAD /v1/get/{ns}/{key}: metadata and fingerprint.
 */

#include "hx_api_op.h"

#define HX_GET_MAX   (HX_JSON_COMMON_MAX + HX_METADATA_MAX + HX_DOMAIN_MAX * 6)


void
hx_get_check(hx_req_t *r)
{
    /* kept where a write keeps its own expectation */

    (void) hx_arg_number(r, "version", 1, INT64_MAX, &r->expected);
}


static void
hx_get_details(hx_buf_t *b, const hx_record_t *rec)
{
    unsigned char  text[24];

    hx_buf_lit(b, ",\"metadata\":");

    if (rec->metadata.len != 0) {
        hx_buf_add(b, rec->metadata.data, rec->metadata.len);

    } else {
        hx_buf_lit(b, "{}");
    }

    hx_buf_lit(b, ",\"domain\":");
    hx_json_string(b, rec->domain.data, rec->domain.len);
    hx_json_ranks(b, rec);
    hx_buf_lit(b, ",\"sha256\":\"");
    hx_text_hex_add(b, rec->sha256, HX_SHA256_BYTES);
    hx_buf_lit(b, "\",\"created_at\":\"");
    hx_text_time(text, (int64_t) (rec->created_ms / 1000),
                 (unsigned) (rec->created_ms % 1000));
    hx_buf_add(b, text, 24);
    hx_buf_lit(b, "\"}");
}


static void
hx_get_answer(hx_req_t *r, const hx_record_t *rec)
{
    hx_buf_t  *b;

    if (hx_req_unchanged(r, rec->version)) {
        if (hx_reply_open(&r->reply, 304, 0) != NULL) {
            r->reply.no_body = 1;
            hx_reply_etag(&r->reply, rec->version);
        }
        return;
    }

    b = hx_reply_open(&r->reply, 200,
                      rec->metadata.len < 512 ? HX_REPLY_FIXED : HX_GET_MAX);
    if (b == NULL) {
        return;
    }

    hx_json_identity(b, &r->key, &r->ns, rec->version);
    hx_json_fingerprint(b, rec);
    hx_get_details(b, rec);
    hx_reply_etag(&r->reply, rec->version);
}


hx_rc_t
hx_get_run(hx_req_t *r, hx_crypto_t *crypto)
{
    hx_record_t      rec;
    hx_store_rc_t    rc;
    hx_store_view_t  v;

    (void) crypto;

    if (hx_req_view(r, &v) != 0) {
        return HX_OK;
    }

    rc = hx_store_get(&v, &r->ns, &r->key, r->expected, &rec);

    if (rc == HX_STORE_OK) {
        hx_get_answer(r, &rec);

    } else {
        hx_req_store_error(r, rc, r->expected, "get");
    }

    hx_store_view_end(&v);

    return HX_OK;
}
