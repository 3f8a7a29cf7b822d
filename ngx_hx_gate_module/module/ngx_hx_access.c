/*
 * ngx_hx_access.c -- the order of the steps, and who runs them.
 *
 * Steps never call steps.  The order matters: authentication comes before
 * anything that reads a body; what costs the engine nothing is decided before
 * what does.
 */

#include "ngx_hx_gate.h"


typedef ngx_int_t (*ngx_hx_step_pt)(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf);


static const ngx_hx_step_pt  ngx_hx_steps[] = {
    ngx_hx_step_preflight,
    ngx_hx_step_auth,
    ngx_hx_step_input,
    ngx_hx_step_namespace,
    ngx_hx_step_acl,
    ngx_hx_step_forward,
};


ngx_int_t
ngx_hx_access_handler(ngx_http_request_t *r)
{
    ngx_int_t                 rc;
    ngx_hx_ctx_t             *ctx;
    const ngx_hx_loc_conf_t  *lcf;

    lcf = ngx_hx_loc_conf(r);

    if (!lcf->gated) {
        return NGX_DECLINED;
    }

    ctx = ngx_hx_ctx_make(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ctx->decided) {

        /* an internal redirect: what was granted stays granted, and a refusal
         * stays one wherever an error_page leads */

        if (ctx->granted) {
            return NGX_OK;
        }

        return ctx->error != HX_E_NONE
               ? (ngx_int_t) hx_error_status(ctx->error)
               : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->lcf = lcf;

    while (ctx->step < sizeof(ngx_hx_steps) / sizeof(ngx_hx_steps[0])) {
        rc = ngx_hx_steps[ctx->step](r, ctx, lcf);

        if (rc == NGX_HX_WAIT) {
            return NGX_DONE;
        }

        if (rc != NGX_HX_NEXT) {
            if (!ctx->decided) {
                /* nginx's own trouble, for example with the body */
                ctx->decided = 1;
                ctx->outcome = rc < 500 ? HX_OUTCOME_INVALID_REQUEST
                                        : HX_OUTCOME_INTERNAL;
            }

            return rc;
        }

        ctx->step++;
    }

    ctx->decided = 1;
    ctx->granted = 1;
    ctx->outcome = HX_OUTCOME_ALLOWED;

    return NGX_OK;
}


/*
 * nginx skips the access phase in subrequests, so a gated location reached by
 * one (mirror, auth_request, SSI, addition) is guarded here: only on behalf of
 * a request that the gate has granted, and only inside its namespace.
 * A subrequest has no body of its own; it is neither charged nor recorded.
 */

ngx_int_t
ngx_hx_subrequest_handler(ngx_http_request_t *r)
{
    hx_str_t                  ns;
    ngx_int_t                 rc;
    hx_route_t                route;
    ngx_hx_ctx_t             *ctx, sub;
    const ngx_hx_loc_conf_t  *lcf;

    lcf = ngx_hx_loc_conf(r);

    if (r == r->main || !lcf->gated) {
        return NGX_DECLINED;
    }

    ctx = ngx_hx_ctx(r);

    if (ctx == NULL || !ctx->granted) {
        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "hx_gate: subrequest \"%V\" for a request that was not "
                      "granted", &r->uri);
        return NGX_HTTP_FORBIDDEN;
    }

    /* the outcome of the main request is not this one's to change */

    sub = *ctx;

    rc = ngx_hx_input_route(r, &sub, lcf, &route);
    if (rc != NGX_OK) {
        return rc;
    }

    if (route.operation->ns == HX_NS_NONE) {
        return NGX_DECLINED;
    }

    ns = route.ns;

    if (route.operation->ns == HX_NS_BODY) {
        ns.data = ctx->ns.data;
        ns.len = ctx->ns.len;
    }

    if (ns.data == NULL || ctx->ns.data == NULL || ns.len != ctx->ns.len
        || ngx_memcmp(ns.data, ctx->ns.data, ns.len) != 0)
    {
        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "hx_gate: subrequest \"%V\" leaves the namespace of its "
                      "request", &r->uri);
        return NGX_HTTP_FORBIDDEN;
    }

    return NGX_DECLINED;
}
