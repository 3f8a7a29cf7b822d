/*
 * ngx_hx_step_admit.c -- takes the request into the tenant's window and sets
 * its cost aside of the quota, both or neither.  The last step that refuses, so
 * that what any other one refuses does not count.
 */

#include "ngx_hx_step.h"


ngx_int_t
ngx_hx_step_admit(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf)
{
    hx_rc_t  rc;

    if (lcf->rate_limit == NGX_HX_MODE_OFF && !lcf->billing) {
        return NGX_HX_NEXT;
    }

    if (ngx_hx_limit_shared(lcf)) {
        return ngx_hx_fleet_limit_admit(r, ctx, lcf);
    }

    ctx->shadowed = HX_OUTCOME_NONE;

    rc = ngx_hx_limit_ask(r, ctx, lcf, 0);

    return ngx_hx_limit_decide(r, ctx, lcf, rc);
}
