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


/* The gate is not on here: perhaps the end of an internal redirect. */

static ngx_int_t
ngx_hx_access_outside(ngx_http_request_t *r)
{
    ngx_hx_ctx_t  *ctx;

    ctx = ngx_hx_ctx(r);

    if (ctx != NULL && ctx->forwarded) {
        ngx_hx_forward_drop_authorization(r);
    }

    return NGX_DECLINED;
}


/*
 * An internal redirect: what was granted stays granted, and a refusal stays
 * one wherever an error_page leads.
 */

static ngx_int_t
ngx_hx_access_again(ngx_http_request_t *r, const ngx_hx_ctx_t *ctx)
{
    if (ctx->granted) {
        return ngx_hx_forward_enter(r) == NGX_OK
               ? NGX_OK : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ctx->error != HX_E_NONE) {
        return (ngx_int_t) hx_error_status(ctx->error);
    }

    return r->err_status >= NGX_HTTP_BAD_REQUEST
           ? (ngx_int_t) r->err_status : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


/* nginx's own trouble, for example with the body */

static void
ngx_hx_access_failed(ngx_hx_ctx_t *ctx, ngx_uint_t status)
{
    ctx->decided = 1;
    ctx->outcome = status < 500 ? HX_OUTCOME_INVALID_REQUEST
                                : HX_OUTCOME_INTERNAL;
}


ngx_int_t
ngx_hx_access_handler(ngx_http_request_t *r)
{
    ngx_int_t                 rc;
    ngx_hx_ctx_t             *ctx;
    const ngx_hx_loc_conf_t  *lcf;

    lcf = ngx_hx_loc_conf(r);

    if (!lcf->gated) {
        return ngx_hx_access_outside(r);
    }

    ctx = ngx_hx_ctx_make(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (!ctx->decided && ctx->body_reading && !ctx->body_ready) {

        /* nginx gave the body up (413, 408) after it had begun to read, and an
         * error_page led here: nobody will call us back */

        ngx_hx_access_failed(ctx, r->err_status);
    }

    if (ctx->decided) {
        return ngx_hx_access_again(r, ctx);
    }

    ctx->lcf = lcf;

    while (ctx->step < sizeof(ngx_hx_steps) / sizeof(ngx_hx_steps[0])) {
        rc = ngx_hx_steps[ctx->step](r, ctx, lcf);

        if (rc == NGX_HX_WAIT) {
            return NGX_DONE;
        }

        if (rc != NGX_HX_NEXT) {
            if (!ctx->decided) {
                ngx_hx_access_failed(ctx, (ngx_uint_t) rc);
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


static ngx_uint_t
ngx_hx_subrequest_inside(const ngx_hx_ctx_t *ctx, const hx_route_t *route)
{
    switch (route->operation->ns) {

    case HX_NS_NONE:
        return 1;

    case HX_NS_BODY:
        /* it can only have the body of its request: was that one read? */
        return ctx->body_ready && ctx->ns.data != NULL;

    default:
        return ctx->ns.data != NULL && route->ns.len == ctx->ns.len
               && ngx_memcmp(route->ns.data, ctx->ns.data, ctx->ns.len) == 0;
    }
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
    ngx_int_t                 rc;
    hx_route_t                route;
    ngx_hx_ctx_t             *ctx, sub;
    const ngx_hx_loc_conf_t  *lcf;

    lcf = ngx_hx_loc_conf(r);

    if (r == r->main) {
        return NGX_DECLINED;
    }

    if (!lcf->gated) {
        return ngx_hx_access_outside(r);
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

    if (!ngx_hx_subrequest_inside(ctx, &route)) {
        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "hx_gate: subrequest \"%V\" leaves the namespace of its "
                      "request", &r->uri);
        return NGX_HTTP_FORBIDDEN;
    }

    return ngx_hx_forward_enter(r) == NGX_OK
           ? NGX_DECLINED : NGX_HTTP_INTERNAL_SERVER_ERROR;
}
