/*
 * ngx_hx_body.c -- reads a request body in the access phase and scans it on
 * the way.
 *
 * A request body filter sees every piece before nginx stores it (memory or
 * temporary file, as client_body_buffer_size says).  So a body is read once,
 * the gate's own memory stays constant (HX_JSON_SCAN_MEM and a few hundred
 * bytes), no event does more than one buffer's work, and a bad body ends at its
 * first bad byte.  Nothing goes upstream before the end was seen.
 */

#include "ngx_hx_gate.h"


static void ngx_hx_body_done(ngx_http_request_t *r);


static ngx_http_request_body_filter_pt  ngx_hx_next_body_filter;


ngx_int_t
ngx_hx_body_read_into(ngx_http_request_t *r, ngx_hx_ctx_t *ctx)
{
    ngx_int_t  rc;

    ctx->body_reading = 1;

    /* nginx's own idiom for a body before the content phase, see its mirror
     * module: the handler may run inside this very call */

    rc = ngx_http_read_client_request_body(r, ngx_hx_body_done);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    ngx_http_finalize_request(r, NGX_DONE);

    return NGX_HX_WAIT;
}


ngx_int_t
ngx_hx_body_read(ngx_http_request_t *r, ngx_hx_ctx_t *ctx)
{
    const hx_str_t  *member;

    member = NULL;

    if (ctx->n_variants != 0) {
        member = &ctx->operation[1].member;
    }

    ctx->extract = ngx_palloc(r->pool, sizeof(hx_extract_t));

    if (ctx->extract == NULL
        || hx_extract_start(ctx->extract, member) != HX_OK)
    {
        ctx->extract = NULL;
        return ngx_hx_refuse(ctx, HX_E_UNAVAILABLE, HX_OUTCOME_INTERNAL,
                             "Service is temporarily unavailable");
    }

    return ngx_hx_body_read_into(r, ctx);
}


static void
ngx_hx_body_done(ngx_http_request_t *r)
{
    ngx_hx_ctx_t  *ctx;

    ctx = ngx_hx_ctx(r);

    if (ctx->extract != NULL && !ctx->body_finished
        && ctx->extract->error == HX_EXTRACT_OK)
    {
        /* no body at all: the filter was never called */
        ctx->body_finished = 1;
        (void) hx_extract_finish(ctx->extract);
    }

    ctx->body_ready = 1;

    r->write_event_handler = ngx_http_core_run_phases;
    ngx_http_core_run_phases(r);
}


ngx_int_t
ngx_hx_body_refuse(ngx_http_request_t *r, ngx_hx_ctx_t *ctx)
{
    const hx_extract_t  *x;

    x = ctx->extract;

    switch (x->error) {

    case HX_EXTRACT_E_DUPLICATE:
        return ngx_hx_refuse_echo(r, ctx, HX_E_INVALID_REQUEST,
                                  HX_OUTCOME_INVALID_REQUEST,
                                  "Duplicate field '", (u_char *) x->member,
                                  ngx_strlen(x->member), "'");

    case HX_EXTRACT_E_TYPE:
        return ngx_hx_refuse_echo(r, ctx, HX_E_INVALID_REQUEST,
                                  HX_OUTCOME_INVALID_REQUEST,
                                  "Field '", (u_char *) x->member,
                                  ngx_strlen(x->member),
                                  "' must be a string");

    case HX_EXTRACT_E_NAMESPACE:
        return ngx_hx_refuse_echo(r, ctx, HX_E_INVALID_REQUEST,
                                  HX_OUTCOME_INVALID_REQUEST,
                                  "Invalid namespace '", x->ns, x->ns_len,
                                  "'");

    case HX_EXTRACT_E_MEMORY:
        return ngx_hx_refuse(ctx, HX_E_UNAVAILABLE, HX_OUTCOME_INTERNAL,
                             "Service is temporarily unavailable");

    default:
        return ngx_hx_refuse(ctx, HX_E_INVALID_REQUEST,
                             HX_OUTCOME_INVALID_REQUEST, "Invalid JSON body");
    }
}


static hx_rc_t
ngx_hx_body_scan(ngx_hx_ctx_t *ctx, const ngx_buf_t *b)
{
    hx_rc_t  rc;

    rc = HX_OK;

    if (b->last > b->pos) {
        rc = hx_extract_feed(ctx->extract, b->pos,
                             (size_t) (b->last - b->pos));
    }

    if (rc == HX_OK && b->last_buf) {
        ctx->body_finished = 1;
        rc = hx_extract_finish(ctx->extract);
    }

    return rc;
}


/*
 * In shadow mode the first trouble is what would have been refused; all of the
 * body is counted and scanned nonetheless: a redirect may lead to where it
 * matters.
 */

static ngx_int_t
ngx_hx_body_refused(ngx_hx_ctx_t *ctx, ngx_int_t rc)
{
    if (!ctx->lcf->shadow || ctx->admin) {
        return rc;
    }

    ngx_hx_pass(ctx);

    return NGX_OK;
}


static ngx_int_t
ngx_hx_body_look(ngx_http_request_t *r, ngx_hx_ctx_t *ctx, ngx_chain_t *in)
{
    hx_rc_t       scanned;
    ngx_int_t     rc;
    ngx_chain_t  *cl;

    for (cl = in; cl; cl = cl->next) {
        ctx->body_seen += (size_t) ngx_buf_size(cl->buf);

        if (ctx->body_seen > ctx->body_cap && !ctx->passed) {
            rc = ngx_hx_body_refused(ctx, ngx_hx_refuse_size(r, ctx));
            if (rc != NGX_OK) {
                return rc;
            }
        }

        if (ctx->body_sink != NULL) {
            rc = ctx->body_sink(r, ctx, cl->buf->pos,
                                (size_t) (cl->buf->last - cl->buf->pos));
            if (rc != NGX_OK) {
                return rc;
            }

            continue;
        }

        if (!ctx->body_reading || ctx->body_finished
            || ctx->extract->error != HX_EXTRACT_OK)
        {
            continue;
        }

        scanned = ngx_hx_body_scan(ctx, cl->buf);

        if (scanned != HX_OK && !ctx->passed) {
            rc = ngx_hx_body_refused(ctx, ngx_hx_body_refuse(r, ctx));
            if (rc != NGX_OK) {
                return rc;
            }
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_hx_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_int_t      rc;
    ngx_hx_ctx_t  *ctx;

    ctx = ngx_hx_ctx(r);

    if (ctx == NULL || ctx->body_cap == 0) {
        return ngx_hx_next_body_filter(r, in);
    }

    rc = ngx_hx_body_look(r, ctx, in);

    return rc == NGX_OK ? ngx_hx_next_body_filter(r, in) : rc;
}


ngx_int_t
ngx_hx_body_filter_init(void)
{
    ngx_hx_next_body_filter = ngx_http_top_request_body_filter;
    ngx_http_top_request_body_filter = ngx_hx_body_filter;

    return NGX_OK;
}
