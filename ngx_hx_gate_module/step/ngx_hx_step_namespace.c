/*
 * ngx_hx_step_namespace.c -- which namespace does the request name?
 *
 * From the path, or from the body: then the body is read here, scanned as it
 * comes, and the step is entered again when all of it is there.
 */

#include "ngx_hx_step.h"


/* "mode":"gpu" makes a serve a serve_gpu */

static void
ngx_hx_namespace_variant(ngx_hx_ctx_t *ctx)
{
    ngx_uint_t             i;
    const hx_extract_t    *x;
    const hx_operation_t  *op;

    x = ctx->extract;

    for (i = 1; i <= ctx->n_variants; i++) {
        op = &ctx->operation[i];

        if (op->value.len == x->value_len
            && ngx_memcmp(op->value.data, x->value, x->value_len) == 0)
        {
            ctx->operation = op;
            return;
        }
    }
}


static ngx_int_t
ngx_hx_namespace_body(ngx_http_request_t *r, ngx_hx_ctx_t *ctx)
{
    hx_extract_t  *x;

    if (!ctx->body_reading) {
        return ngx_hx_body_read(r, ctx);
    }

    if (!ctx->body_ready) {
        return NGX_HX_WAIT;
    }

    x = ctx->extract;

    if (ctx->body_seen > ctx->body_cap) {
        return ngx_hx_refuse_size(r, ctx);      /* read in shadow mode */
    }

    if (x->error != HX_EXTRACT_OK || !ctx->body_finished) {
        return ngx_hx_body_refuse(r, ctx);
    }

    ngx_hx_namespace_variant(ctx);

    hx_extract_end(x);                  /* the scanner's memory goes now */

    ctx->ns.data = x->ns;
    ctx->ns.len = x->ns_len;

    return NGX_HX_NEXT;
}


ngx_int_t
ngx_hx_step_namespace(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf)
{
    switch (ctx->operation->ns) {

    case HX_NS_PATH:
        if (!hx_check_namespace(ctx->path_ns.data, ctx->path_ns.len)) {
            return ngx_hx_refuse_echo(r, ctx, HX_E_INVALID_REQUEST,
                                      HX_OUTCOME_INVALID_REQUEST,
                                      "Invalid namespace '",
                                      ctx->path_ns.data, ctx->path_ns.len,
                                      "'");
        }

        ctx->ns = ctx->path_ns;
        return NGX_HX_NEXT;

    case HX_NS_BODY:
        return ngx_hx_namespace_body(r, ctx);

    default:
        return NGX_HX_NEXT;
    }
}
