/*
 * ngx_hx_step_preflight.c -- the request headers and the request id, before
 * anything is decided.  Refuses nothing that a client could have sent.
 */

#include "ngx_hx_gate.h"


ngx_int_t
ngx_hx_step_preflight(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf)
{
    return ngx_hx_read_headers(r, ctx);
}
