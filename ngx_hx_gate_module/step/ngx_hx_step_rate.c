/*
 * ngx_hx_step_rate.c -- a look at window and quota before a body is read: a
 * tenant beyond its limit cannot make us read 130 MB.  Nothing is taken yet;
 * the admit step does that when everything else has been decided.
 */

#include "ngx_hx_step.h"


ngx_int_t
ngx_hx_step_rate(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf)
{
    hx_rc_t  rc;

    if (ctx->operation->ns != HX_NS_BODY
        || (lcf->rate_limit != NGX_HX_MODE_ON && !lcf->billing))
    {
        return NGX_HX_NEXT;
    }

    rc = ngx_hx_limit_ask(r, ctx, lcf, 1);

    if (rc == HX_OK && ngx_hx_limit_shared(lcf)
        && ctx->standing.verdict != HX_STATE_QUOTA)
    {
        /* this node's own window counts nothing; what is known of all? */

        ctx->standing.windowed = 0;

        if (ngx_hx_fleet_limit_look(r, ctx, lcf) == HX_OK) {
            return NGX_HX_NEXT;
        }
    }

    return ngx_hx_limit_decide(r, ctx, lcf, rc);
}
