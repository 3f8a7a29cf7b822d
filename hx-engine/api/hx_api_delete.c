/*
 * hx_api_delete.c -- DELETE /v1/delete/{ns}/{key}: soft, the versions stay.
 */

#include "hx_api_op.h"


hx_rc_t
hx_delete_run(hx_req_t *r, hx_crypto_t *crypto)
{
    (void) crypto;

    r->store_op.kind = HX_STORE_DELETE;

    return hx_req_submit(r);
}


void
hx_delete_finish(hx_req_t *r)
{
    hx_buf_t             *b;
    const hx_store_op_t  *op;

    op = &r->store_op;

    if (op->rc != HX_STORE_OK) {
        hx_req_store_error(r, op->rc, 0, op->why);
        return;
    }

    b = hx_reply_open(&r->reply, 200, HX_JSON_COMMON_MAX);
    if (b == NULL) {
        return;
    }

    hx_buf_lit(b, "{\"key\":");
    hx_json_string(b, r->key.data, r->key.len);
    hx_buf_lit(b, ",\"namespace\":");
    hx_json_string(b, r->ns.data, r->ns.len);
    hx_buf_lit(b, ",\"deleted\":true,\"version\":");
    hx_text_u64(b, op->version);
    hx_buf_byte(b, '}');
}
