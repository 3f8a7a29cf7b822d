/*
 * ngx_hx_step_cors.c -- answers what a browser asks before it sends a page's
 * request (a CORS preflight): 204, before anybody is authenticated, so browsers
 * send no credentials with it, nothing is limited or charged for it, and the
 * engine sees nothing of it.  after/ngx_hx_cors.c says in its headers who may.
 *
 * An origin that may not gets 204 as well, without them: the browser goes no
 * further.
 */

#include "ngx_hx_step.h"


ngx_int_t
ngx_hx_step_cors(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf)
{
    if (lcf->cors == NULL || r->method != NGX_HTTP_OPTIONS
        || ctx->n_origins != 1 || !ctx->asks_method)
    {
        return NGX_HX_NEXT;
    }

    ctx->decided = 1;
    ctx->outcome = HX_OUTCOME_PREFLIGHT;

    if (lcf->shadow) {
        ngx_hx_pass(ctx);
    }

    return NGX_HTTP_NO_CONTENT;
}
