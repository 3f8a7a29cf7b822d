/*
 * ngx_hx_health.c -- liveness and readiness.  Neither needs a credential nor
 * is recorded; readiness says whether a tenant could be told apart now.
 */

#include "ngx_hx_gate.h"


/* As a subrequest (auth_request /ready) only the status counts, and the main
 * request is none of ours. */

static ngx_int_t
ngx_hx_health_refuse(ngx_http_request_t *r, hx_error_t e, hx_outcome_t o,
    const char *detail)
{
    ngx_hx_ctx_t  *ctx;

    if (r != r->main) {
        return (ngx_int_t) hx_error_status(e);
    }

    ctx = ngx_hx_ctx_make(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_str_set(&ctx->allow, "GET, HEAD");

    return ngx_hx_refuse(ctx, e, o, detail);
}


static ngx_int_t
ngx_hx_health_answer(ngx_http_request_t *r, ngx_uint_t well,
    const u_char *text, size_t len)
{
    ngx_int_t  rc;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return ngx_hx_health_refuse(r, HX_E_METHOD_NOT_ALLOWED,
                                    HX_OUTCOME_METHOD, "Method not allowed");
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    if (!well) {
        return ngx_hx_health_refuse(r, HX_E_UNAVAILABLE, HX_OUTCOME_STORE,
                                    "Tenant registry is unavailable");
    }

    return ngx_hx_reply_json(r, NGX_HTTP_OK, text, len);
}


ngx_int_t
ngx_hx_health_handler(ngx_http_request_t *r)
{
    static const u_char  text[] = "{\"status\":\"ok\"}";

    return ngx_hx_health_answer(r, 1, text, sizeof(text) - 1);
}


ngx_int_t
ngx_hx_ready_handler(ngx_http_request_t *r)
{
    static const u_char  text[] = "{\"status\":\"ready\"}";

    return ngx_hx_health_answer(r, ngx_hx_registry_ready()
                                   && ngx_hx_crypto() != NULL,
                                text, sizeof(text) - 1);
}
