/*
 * ngx_hx_access.c -- the order of the steps, and who runs them.
 *
 * Steps never call steps.  The order matters: authentication comes before
 * anything that reads a body; what costs the engine nothing is decided before
 * what does.
 */

#include "ngx_hx_step.h"


static const ngx_hx_step_pt  ngx_hx_steps[] = {
    ngx_hx_step_preflight,
    ngx_hx_step_trail,
    ngx_hx_step_cors,
    ngx_hx_step_auth,
    ngx_hx_step_input,
    ngx_hx_step_rate,
    ngx_hx_step_namespace,
    ngx_hx_step_acl,
    ngx_hx_step_admit,
    ngx_hx_step_forward,
};


/* GET /gate/usage: a tenant asks the admin plane about itself */

static const ngx_hx_step_pt  ngx_hx_own_steps[] = {
    ngx_hx_step_preflight,
    ngx_hx_step_auth,
    ngx_hx_step_admit,
};


/* An event of Stripe: its signature is its credential */

static const ngx_hx_step_pt  ngx_hx_webhook_steps[] = {
    ngx_hx_step_preflight,
    ngx_hx_webhook_read,
    ngx_hx_webhook_verify,
};


/* The gate is not on here, or only looks on: perhaps the end of a redirect. */

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
 * A refusal stays one: with its own status, else with the one that led here,
 * else with dflt.
 */

static ngx_int_t
ngx_hx_access_refused(const ngx_http_request_t *r, const ngx_hx_ctx_t *ctx,
    ngx_int_t dflt)
{
    if (ctx->error != HX_E_NONE) {
        return (ngx_int_t) hx_error_status(ctx->error);
    }

    return r->err_status >= NGX_HTTP_BAD_REQUEST
           ? (ngx_int_t) r->err_status : dflt;
}


/*
 * An internal redirect: what was granted stays granted, and a refusal stays
 * one wherever an error_page leads.
 */

static ngx_int_t
ngx_hx_access_again(ngx_http_request_t *r, const ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf)
{
    if (ctx->passed) {
        return NGX_DECLINED;
    }

    if (ctx->granted) {
        if (lcf->shadow) {
            return ngx_hx_access_outside(r);
        }

        return ngx_hx_forward_enter(r) == NGX_OK
               ? NGX_OK : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_hx_access_refused(r, ctx, NGX_HTTP_INTERNAL_SERVER_ERROR);
}


/* nginx's own trouble, for example with the body */

static void
ngx_hx_access_failed(ngx_hx_ctx_t *ctx, ngx_uint_t status)
{
    ctx->decided = 1;
    ctx->outcome = status < 500 ? HX_OUTCOME_INVALID_REQUEST
                                : HX_OUTCOME_INTERNAL;
}


/* The context, decided when its body was given up; NULL = no memory. */

static ngx_hx_ctx_t *
ngx_hx_access_enter(ngx_http_request_t *r)
{
    ngx_hx_ctx_t  *ctx;

    ctx = ngx_hx_ctx_make(r);

    if (ctx != NULL && !ctx->decided && ctx->body_reading && !ctx->body_ready)
    {
        /* nginx gave the body up (413, 408) after it had begun to read, and an
         * error_page led here: nobody will call us back */

        ngx_hx_access_failed(ctx, r->err_status);
    }

    return ctx;
}


/* NGX_OK = all said yes; NGX_DONE = one waits; else a status. */

static ngx_int_t
ngx_hx_access_run(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_step_pt *steps, ngx_uint_t n)
{
    ngx_int_t  rc;

    while (ctx->step < n) {
        rc = steps[ctx->step](r, ctx, ctx->lcf);

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
    ctx->outcome = HX_OUTCOME_ALLOWED;

    return NGX_OK;
}


/*
 * The target of a redirect enforces what the location before only looked at:
 * everything is decided, for the first time in earnest.
 */

static void
ngx_hx_access_anew(ngx_hx_ctx_t *ctx)
{
    ctx->passed = 0;
    ctx->decided = 0;
    ctx->step = 0;
    ctx->outcome = HX_OUTCOME_NONE;
    ctx->shadowed = HX_OUTCOME_NONE;
    ctx->operation = NULL;
    ctx->limit_asked = 0;

    ngx_memzero(&ctx->tenant, sizeof(hx_tenant_t));
    ngx_memzero(&ctx->limit, sizeof(hx_limit_t));
    ngx_str_null(&ctx->ns);
}


/* rc is what the steps said, and nobody waits any more. */

static ngx_int_t
ngx_hx_access_act(ngx_hx_ctx_t *ctx, ngx_int_t rc)
{
    if (rc == NGX_OK) {
        ctx->granted = 1;
    }

    return rc;
}


static ngx_int_t
ngx_hx_access_gated(ngx_http_request_t *r, const ngx_hx_loc_conf_t *lcf)
{
    ngx_int_t      rc;
    ngx_hx_ctx_t  *ctx;

    ctx = ngx_hx_access_enter(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_hx_cancel_looked(r, ctx)) {
        return ngx_hx_access_act(ctx, ctx->verdict);
    }

    if (ctx->passed && !lcf->shadow) {
        ngx_hx_access_anew(ctx);
    }

    if (ctx->decided) {
        return ngx_hx_access_again(r, ctx, lcf);
    }

    ctx->lcf = lcf;

    rc = ngx_hx_access_run(r, ctx, ngx_hx_steps, hx_nelts(ngx_hx_steps));

    if (rc == NGX_DONE) {
        return rc;
    }

    if (lcf->shadow) {

        /* what nginx itself has found wrong stays wrong */

        if (rc != NGX_OK && ctx->error == HX_E_NONE && !ctx->passed) {
            return rc;
        }

        ngx_hx_pass(ctx);
        return NGX_DECLINED;
    }

    return ngx_hx_cancel_look(r, ctx, rc) ? NGX_DONE
                                          : ngx_hx_access_act(ctx, rc);
}


/* Other access rules still hold: a tenant's key opens nothing but this. */

static ngx_int_t
ngx_hx_access_own(ngx_http_request_t *r, const ngx_hx_loc_conf_t *lcf)
{
    ngx_int_t      rc;
    ngx_hx_ctx_t  *ctx;

    ctx = ngx_hx_ctx_make(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ctx->decided) {
        return NGX_DECLINED;            /* where the handler refuses it */
    }

    ctx->lcf = lcf;
    ctx->own = 1;
    ctx->admin_path = HX_ADMINPATH_OWN;

    rc = ngx_hx_access_run(r, ctx, ngx_hx_own_steps,
                           hx_nelts(ngx_hx_own_steps));

    return rc == NGX_OK ? NGX_DECLINED : rc;
}


static ngx_int_t
ngx_hx_access_webhook(ngx_http_request_t *r, const ngx_hx_loc_conf_t *lcf)
{
    ngx_int_t      rc;
    ngx_hx_ctx_t  *ctx;

    ctx = ngx_hx_access_enter(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* a body that somebody else has read was not looked at; and what led here
     * may have been decided elsewhere */

    if (ctx->decided || (ctx->webhook == NULL && r->request_body != NULL)) {
        return ngx_hx_access_refused(r, ctx, NGX_HTTP_FORBIDDEN);
    }

    ctx->lcf = lcf;
    ctx->admin = 1;
    ctx->admin_path = HX_ADMINPATH_WEBHOOK;

    rc = ngx_hx_access_run(r, ctx, ngx_hx_webhook_steps,
                           hx_nelts(ngx_hx_webhook_steps));

    if (rc == NGX_OK) {
        ctx->outcome = HX_OUTCOME_WEBHOOK;
    }

    return rc;
}


ngx_int_t
ngx_hx_access_handler(ngx_http_request_t *r)
{
    const ngx_hx_loc_conf_t  *lcf;

    lcf = ngx_hx_loc_conf(r);

    if (lcf->gated) {
        return ngx_hx_access_gated(r, lcf);
    }

    if (lcf->webhook != NULL) {
        return ngx_hx_access_webhook(r, lcf);
    }

    if (lcf->handler == NGX_HX_HANDLER_ADMIN && ngx_hx_admin_is_own(r)) {
        return ngx_hx_access_own(r, lcf);
    }

    return ngx_hx_access_outside(r);
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

    if (lcf->webhook != NULL) {
        return NGX_HTTP_FORBIDDEN;      /* it has no body that was signed */
    }

    if (!lcf->gated || lcf->shadow) {
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
