/*
 * ngx_hx_step_preflight.c -- the request headers and the request id, before
 * anything is decided.  Refuses nothing that a client could have sent.
 */

#include "ngx_hx_step.h"


ngx_int_t
ngx_hx_step_preflight(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf)
{
    if (ngx_hx_read_headers(r, ctx) != NGX_OK) {
        return ngx_hx_refuse(ctx, HX_E_UNAVAILABLE, HX_OUTCOME_INTERNAL,
                             "Service is temporarily unavailable");
    }

    return NGX_HX_NEXT;
}
