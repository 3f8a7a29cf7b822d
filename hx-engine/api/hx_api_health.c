/*
 * hx_api_health.c -- GET /health (the process answers) and GET /ready (the
 * store works, the index is complete and the engine is not shutting down).  No
 * key needed.
 */

#include "hx_api_op.h"


static void
hx_health_ok(hx_req_t *r, const char *word)
{
    hx_buf_t  *b;

    b = hx_reply_open(&r->reply, 200, 64);

    if (b != NULL) {
        hx_buf_lit(b, "{\"status\":");
        hx_json_string(b, (const unsigned char *) word,
                       __builtin_strlen(word));
        hx_buf_byte(b, '}');
    }
}


hx_rc_t
hx_health_run(hx_req_t *r, hx_crypto_t *crypto)
{
    (void) crypto;

    hx_health_ok(r, "ok");

    return HX_OK;
}


hx_rc_t
hx_ready_run(hx_req_t *r, hx_crypto_t *crypto)
{
    const char  *why;

    (void) crypto;

    if (atomic_load(r->api->draining)) {
        hx_reply_error(&r->reply, HX_E_UNAVAILABLE, "Shutting down");
        return HX_OK;
    }

    if (hx_store_check(r->api->store, &why) != HX_STORE_OK) {
        hx_reply_error(&r->reply, HX_E_UNAVAILABLE, "Storage is unavailable");
        r->reply.reason = why;
        return HX_OK;
    }

    switch (hx_index_state(r->api->index)) {

    case HX_INDEX_BUILDING:
        hx_reply_error(&r->reply, HX_E_UNAVAILABLE, "Index is being built");
        return HX_OK;

    case HX_INDEX_FAILED:
        hx_reply_error(&r->reply, HX_E_UNAVAILABLE, "Index is incomplete");
        return HX_OK;

    default:
        break;
    }

    hx_health_ok(r, "ready");

    return HX_OK;
}
