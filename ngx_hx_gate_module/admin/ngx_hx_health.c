/*
 * ngx_hx_health.c -- liveness and readiness.  Neither needs a credential nor
 * is recorded; readiness says whether a tenant could be told apart now.
 */

#include "ngx_hx_gate.h"


static ngx_int_t
ngx_hx_health_start(ngx_http_request_t *r)
{
    ngx_hx_ctx_t  *ctx;

    ctx = ngx_hx_ctx_make(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        ngx_str_set(&ctx->allow, "GET");

        return ngx_hx_refuse(ctx, HX_E_METHOD_NOT_ALLOWED, HX_OUTCOME_METHOD,
                             "Method not allowed");
    }

    return ngx_http_discard_request_body(r);
}


ngx_int_t
ngx_hx_health_handler(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    static const u_char  text[] = "{\"status\":\"ok\"}";

    rc = ngx_hx_health_start(r);
    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_hx_reply_json(r, NGX_HTTP_OK, text, sizeof(text) - 1);
}


ngx_int_t
ngx_hx_ready_handler(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    static const u_char  text[] = "{\"status\":\"ready\"}";

    rc = ngx_hx_health_start(r);
    if (rc != NGX_OK) {
        return rc;
    }

    if (!ngx_hx_registry_ready() || ngx_hx_crypto() == NULL) {
        return ngx_hx_refuse(ngx_hx_ctx(r), HX_E_UNAVAILABLE,
                             HX_OUTCOME_STORE,
                             "Tenant registry is unavailable");
    }

    return ngx_hx_reply_json(r, NGX_HTTP_OK, text, sizeof(text) - 1);
}
