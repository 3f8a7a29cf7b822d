/*
 * ngx_hx_step_acl.c -- may this tenant name this namespace?
 */

#include "ngx_hx_step.h"

#include "hx_acl.h"


ngx_int_t
ngx_hx_step_acl(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf)
{
    u_char    *p;
    size_t     len;
    hx_str_t   ns;

    if (ctx->ns.data == NULL) {
        return NGX_HX_NEXT;
    }

    ns.data = ctx->ns.data;
    ns.len = ctx->ns.len;

    if (hx_acl_namespace(&ctx->tenant, &ns) == HX_OK) {
        return NGX_HX_NEXT;
    }

    len = sizeof("Namespace '' not permitted for tenant ''") - 1
          + ns.len + ctx->tenant.id.len;

    (void) ngx_hx_refuse(ctx, HX_E_FORBIDDEN, HX_OUTCOME_NAMESPACE_DENIED,
                         "Namespace not permitted");

    p = ngx_pnalloc(r->pool, len);

    if (p != NULL) {
        ctx->detail.data = p;
        ctx->detail.len = len;

        p = ngx_cpymem(p, "Namespace '", 11);
        p = ngx_cpymem(p, ns.data, ns.len);
        p = ngx_cpymem(p, "' not permitted for tenant '", 28);
        p = ngx_cpymem(p, ctx->tenant.id.data, ctx->tenant.id.len);
        *p = '\'';
    }

    return NGX_HTTP_FORBIDDEN;
}
