/*
 * ngx_hx_step_auth.c -- who is let in.
 *
 * The answer is the same 401 for unknown, expired and rotated keys; trouble
 * with the registry is 503, never 401: clients throw keys away on 401.
 */

#include "ngx_hx_step.h"


static ngx_int_t
ngx_hx_auth_trouble(ngx_http_request_t *r, ngx_hx_ctx_t *ctx)
{
    hx_metrics_add(&ngx_hx_shared(ngx_hx_main_conf(r))->metrics,
                   HX_METRICS_REGISTRY_FAILURES, 1);

    ctx->retry_after = 1;

    return ngx_hx_refuse(ctx, HX_E_UNAVAILABLE, HX_OUTCOME_STORE,
                         "Service is temporarily unavailable");
}


static ngx_int_t
ngx_hx_auth_unknown(ngx_hx_ctx_t *ctx)
{
    return ngx_hx_refuse(ctx, HX_E_UNAUTHORIZED, HX_OUTCOME_INVALID_KEY,
                         "Invalid API key");
}


/*
 * The registry did not know the key, or could not say; in a fleet that is
 * looked into once.  STRANGER: that is under way.
 */

static ngx_hx_who_t
ngx_hx_auth_again(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf, hx_tenant_t *tenant, ngx_hx_who_t who)
{
    switch (ngx_hx_confirm(r, ctx)) {

    case NGX_OK:
        break;

    case NGX_AGAIN:
        return NGX_HX_WHO_STRANGER;

    default:
        return NGX_HX_WHO_TROUBLE;
    }

    if (ctx->confirm != NULL) {
        who = ngx_hx_who(r, ctx, lcf, tenant);
    }

    return who == NGX_HX_WHO_STRANGER ? NGX_HX_WHO_UNKNOWN : who;
}


ngx_int_t
ngx_hx_step_auth(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf)
{
    hx_tenant_t   tenant;
    ngx_hx_who_t  who;

    if (ngx_hx_confirm_waits(ctx)) {
        return NGX_HX_WAIT;
    }

    who = ngx_hx_who(r, ctx, lcf, &tenant);

    if (who == NGX_HX_WHO_STRANGER || who == NGX_HX_WHO_TROUBLE) {
        who = ngx_hx_auth_again(r, ctx, lcf, &tenant, who);

        if (who == NGX_HX_WHO_STRANGER) {
            return NGX_HX_WAIT;
        }
    }

    switch (who) {

    case NGX_HX_WHO_KNOWN:
        break;

    case NGX_HX_WHO_NONE:
        return ngx_hx_refuse(ctx, HX_E_UNAUTHORIZED, HX_OUTCOME_MISSING_KEY,
                             "Missing API key");

    case NGX_HX_WHO_UNKNOWN:
        return ngx_hx_auth_unknown(ctx);

    default:
        return ngx_hx_auth_trouble(r, ctx);
    }

    ctx->tenant = tenant;

    if (tenant.status == HX_TENANT_SUSPENDED) {
        return ngx_hx_refuse_echo(r, ctx, HX_E_FORBIDDEN,
                                  HX_OUTCOME_SUSPENDED, "Tenant '",
                                  tenant.id.data, tenant.id.len,
                                  "' is suspended");
    }

    return NGX_HX_NEXT;
}
