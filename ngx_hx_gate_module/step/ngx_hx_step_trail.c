/*
 * ngx_hx_step_trail.c -- where the audit trail is required, nothing reaches the
 * engine that could not be recorded.
 */

#include "ngx_hx_step.h"


ngx_int_t
ngx_hx_step_trail(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf)
{
    if (lcf->audit == NULL || !lcf->audit->required
        || ngx_hx_audit_ready(lcf->audit) == NGX_OK)
    {
        return NGX_HX_NEXT;
    }

    ctx->retry_after = 1;

    return ngx_hx_refuse(ctx, HX_E_UNAVAILABLE, HX_OUTCOME_AUDIT,
                         "The audit trail takes no records");
}
