/*
 * ngx_hx_step_auth.c -- who is let in.
 *
 * The answer is the same 401 for unknown, expired and rotated keys; trouble
 * with the registry is 503, never 401: clients throw keys away on 401.
 */

#include "ngx_hx_gate.h"


static ngx_int_t
ngx_hx_auth_trouble(ngx_http_request_t *r, ngx_hx_ctx_t *ctx)
{
    hx_metrics_add(&ngx_hx_shared(ngx_hx_main_conf(r))->metrics,
                   HX_METRICS_REGISTRY_FAILURES, 1);

    ctx->retry_after = 1;

    return ngx_hx_refuse(ctx, HX_E_UNAVAILABLE, HX_OUTCOME_STORE,
                         "Service is temporarily unavailable");
}


ngx_int_t
ngx_hx_step_auth(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf)
{
    hx_tenant_t  tenant;

    switch (ngx_hx_who(r, ctx, lcf, &tenant)) {

    case NGX_HX_WHO_KNOWN:
        break;

    case NGX_HX_WHO_NONE:
        return ngx_hx_refuse(ctx, HX_E_UNAUTHORIZED, HX_OUTCOME_MISSING_KEY,
                             "Missing API key");

    case NGX_HX_WHO_UNKNOWN:
        return ngx_hx_refuse(ctx, HX_E_UNAUTHORIZED, HX_OUTCOME_INVALID_KEY,
                             "Invalid API key");

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
