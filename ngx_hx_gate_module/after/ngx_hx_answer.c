/*
 * ngx_hx_answer.c -- the response on its way out: our headers, what it is
 * charged, and JSON in place of nginx's own error pages.
 *
 * Runs as header and body filter for every response of a location where the
 * gate is on or answers itself, also after an error_page led elsewhere.
 */

#include "ngx_hx_gate.h"

#include "hx_cost.h"


static ngx_http_output_header_filter_pt  ngx_hx_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_hx_next_body_filter;


/* Is an upstream's response being passed on right now? */

static ngx_uint_t
ngx_hx_answer_upstream(const ngx_http_request_t *r)
{
    return r->upstream != NULL && r->upstream->cleanup != NULL;
}


/*
 * Does the type come from the configuration ("default_type", "types"), as that
 * of an operator's "return 403 <text>" does?  nginx's own pages bear a literal
 * of the program, of which another use is known by name.
 */

static ngx_uint_t
ngx_hx_answer_configured_type(ngx_http_request_t *r)
{
    size_t      len;
    ngx_str_t   type, *out;
    ngx_uint_t  same;

    out = &r->headers_out.content_type;

    if (out->data == ngx_http_html_default_types[0].data) {
        return 0;
    }

    type = *out;
    len = r->headers_out.content_type_len;

    out->len = 0;
    same = ngx_http_set_content_type(r) == NGX_OK && out->data == type.data;

    *out = type;
    r->headers_out.content_type_len = len;

    return same;
}


/*
 * An error page that nginx makes up: it has set err_status, type text/html and
 * cleared what a file or an upstream would have set.
 */

static ngx_uint_t
ngx_hx_answer_error_page(ngx_http_request_t *r)
{
    return r->err_status >= NGX_HTTP_BAD_REQUEST
           && !ngx_hx_answer_upstream(r)
           && r->headers_out.last_modified_time == -1
           && r->headers_out.content_type.len == sizeof("text/html") - 1
           && ngx_memcmp(r->headers_out.content_type.data, "text/html",
                         sizeof("text/html") - 1) == 0
           && !ngx_hx_answer_configured_type(r);
}


/*
 * Did the engine refuse the gate, not the client?  Also when the operator has
 * nginx intercept the upstream's errors and answers with a page of his own.
 */

static ngx_uint_t
ngx_hx_answer_engine_refused(const ngx_http_request_t *r,
    const ngx_hx_ctx_t *ctx)
{
    return ctx->granted && r->upstream != NULL
           && r->headers_out.status == NGX_HTTP_UNAUTHORIZED;
}


static void
ngx_hx_answer_no_challenge(ngx_http_request_t *r)
{
    ngx_hx_fields_t   fields;
    ngx_table_elt_t  *h;

    r->headers_out.www_authenticate = NULL;

    ngx_hx_fields(&fields, &r->headers_out.headers);

    while ((h = ngx_hx_field(&fields)) != NULL) {
        if (h->key.len == 16
            && ngx_strncasecmp(h->key.data, (u_char *) "www-authenticate", 16)
               == 0)
        {
            h->hash = 0;
        }
    }
}


/*
 * What the gate says itself, an upstream does not say.  Other X-HX-* of the
 * engine (X-HX-Dtype and its like) are for the client.
 */

static ngx_uint_t
ngx_hx_answer_ours(const ngx_str_t *name)
{
    ngx_uint_t  i;

    static const ngx_str_t  ours[] = {
        ngx_string("x-hx-cus"),
        ngx_string("x-hx-tenant"),
        ngx_string("x-request-id"),
        ngx_string("x-hx-namespace"),
        ngx_string("x-ratelimit-limit"),
        ngx_string("x-ratelimit-reset"),
        ngx_string("x-ratelimit-remaining")
    };

    if (name->len < 8 || (name->data[0] | 0x20) != 'x') {
        return 0;
    }

    for (i = 0; i < hx_nelts(ours); i++) {
        if (name->len == ours[i].len
            && ngx_strncasecmp(name->data, ours[i].data, name->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static void
ngx_hx_answer_hide(ngx_http_request_t *r)
{
    ngx_hx_fields_t   fields;
    ngx_table_elt_t  *h;

    ngx_hx_fields(&fields, &r->headers_out.headers);

    while ((h = ngx_hx_field(&fields)) != NULL) {
        if (ngx_hx_answer_ours(&h->key)) {
            h->hash = 0;
        }
    }
}


static ngx_int_t
ngx_hx_answer_json(ngx_http_request_t *r, ngx_hx_ctx_t *ctx)
{
    if (ngx_hx_reply_body(r, ctx, r->headers_out.status) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_clear_content_length(r);
    ngx_http_clear_accept_ranges(r);
    ngx_http_clear_last_modified(r);
    ngx_http_clear_etag(r);

    if (r->headers_out.content_encoding != NULL) {
        r->headers_out.content_encoding->hash = 0;
        r->headers_out.content_encoding = NULL;
    }

    r->headers_out.content_length_n = (off_t) ctx->body.len;
    ngx_str_set(&r->headers_out.content_type, "application/json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;
    r->headers_out.charset.len = 0;

    ctx->body_replaced = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_hx_answer_retry(ngx_http_request_t *r, const ngx_hx_ctx_t *ctx)
{
    u_char  *p;

    p = ngx_pnalloc(r->pool, NGX_INT_T_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    return ngx_hx_add_header(r, "Retry-After", p,
                             (size_t) (ngx_sprintf(p, "%ui", ctx->retry_after)
                                       - p));
}


/* What belongs to a refusal of ours, whoever wrote the page. */

static ngx_int_t
ngx_hx_answer_refusal(ngx_http_request_t *r, const ngx_hx_ctx_t *ctx)
{
    if (ctx->error == HX_E_UNAUTHORIZED) {
        r->headers_out.www_authenticate = NULL;

        if (ngx_hx_add_header(r, "WWW-Authenticate", (u_char *) "Bearer", 6)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (ctx->error == HX_E_METHOD_NOT_ALLOWED && ctx->allow.len != 0) {
        if (ngx_hx_add_header(r, "Allow", ctx->allow.data, ctx->allow.len)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return ctx->retry_after != 0 ? ngx_hx_answer_retry(r, ctx) : NGX_OK;
}


static ngx_int_t
ngx_hx_answer_cus(ngx_http_request_t *r, ngx_hx_ctx_t *ctx)
{
    u_char    *p;
    hx_buf_t   b;

    if (ctx->granted && ctx->operation != NULL) {
        ctx->cus = hx_cost_charge(ctx->operation->cost,
                                  (unsigned) r->headers_out.status,
                                  r->err_status == 0);
    }

    ctx->charged = 1;

    p = ngx_pnalloc(r->pool, NGX_INT32_LEN + 2);
    if (p == NULL) {
        return NGX_ERROR;
    }

    hx_buf_init(&b, p, NGX_INT32_LEN + 2);
    hx_text_tenths(&b, ctx->cus);

    return ngx_hx_add_header(r, "X-HX-CUs", p, hx_buf_len(&b));
}


static ngx_int_t
ngx_hx_answer_header_filter(ngx_http_request_t *r)
{
    ngx_hx_ctx_t             *ctx;
    const ngx_hx_loc_conf_t  *lcf;

    if (r != r->main) {
        return ngx_hx_next_header_filter(r);
    }

    ctx = ngx_hx_ctx(r);

    if (ctx == NULL) {
        lcf = ngx_hx_loc_conf(r);

        /* an error before the access phase: 413 by length, for example */

        if (lcf->gated ? lcf->shadow
                       : lcf->handler == NGX_HX_HANDLER_NONE)
        {
            return ngx_hx_next_header_filter(r);
        }

        ctx = ngx_hx_ctx_make(r);
        if (ctx == NULL) {
            return NGX_ERROR;
        }
    }

    if (ctx->lcf->gated && ctx->lcf->shadow) {
        return ngx_hx_next_header_filter(r);    /* as if there were no gate */
    }

    if (ctx->event_status == 0) {
        ctx->event_status = r->headers_out.status;
    }

    (void) ngx_hx_read_headers(r, ctx);

    ngx_hx_unread_answer(r);

    if (ngx_hx_answer_engine_refused(r, ctx)) {

        /* infrastructure trouble is never reported as 401: clients throw their
         * keys away on it */

        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "hx_gate: the upstream answered 401, it does not accept "
                      "the service key");

        r->headers_out.status = NGX_HTTP_BAD_GATEWAY;
        r->headers_out.status_line.len = 0;

        if (r->err_status != 0) {
            r->err_status = NGX_HTTP_BAD_GATEWAY;       /* for the logs */
        }

        ngx_hx_answer_no_challenge(r);

        if (ngx_hx_answer_json(r, ctx) != NGX_OK) {
            return NGX_ERROR;
        }

    } else if (ngx_hx_answer_error_page(r)) {
        if (ngx_hx_answer_json(r, ctx) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (ctx->error != HX_E_NONE
        && hx_error_status(ctx->error) == r->headers_out.status
        && ngx_hx_answer_refusal(r, ctx) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_hx_answer_hide(r);

    if (ngx_hx_add_header(r, "X-Request-Id", ctx->request_id.data,
                          ctx->request_id.len)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if ((ctx->lcf->gated || ctx->own)
        && (ngx_hx_answer_cus(r, ctx) != NGX_OK
            || ngx_hx_limits_headers(r, ctx) != NGX_OK
            || ngx_hx_cors_headers(r, ctx) != NGX_OK))
    {
        return NGX_ERROR;
    }

    return ngx_hx_next_header_filter(r);
}


static ngx_int_t
ngx_hx_answer_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_buf_t     *b;
    ngx_chain_t    out;
    ngx_hx_ctx_t  *ctx;

    if (r != r->main) {
        return ngx_hx_next_body_filter(r, in);
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_hx_gate_module);

    if (ctx == NULL || !ctx->body_replaced) {
        return ngx_hx_next_body_filter(r, in);
    }

    /* what nginx or the upstream wanted to send is swallowed */

    ngx_hx_swallow(in);

    if (ctx->body_sent) {
        return ngx_hx_next_body_filter(r, NULL);
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = ctx->body.data;
    b->last = ctx->body.data + ctx->body.len;
    b->memory = 1;
    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    ctx->body_sent = 1;

    return ngx_hx_next_body_filter(r, &out);
}


ngx_int_t
ngx_hx_answer_filter_init(void)
{
    ngx_hx_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_hx_answer_header_filter;

    ngx_hx_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_hx_answer_body_filter;

    return NGX_OK;
}
