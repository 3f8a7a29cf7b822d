/*
 * ngx_hx_reply.c -- what a client reads when it is refused, and our own JSON
 * answers.
 *
 * A refusal is recorded in the context and leaves the phase as a plain HTTP
 * status, so that nginx's error_page works as everywhere; the header filter
 * asks for the JSON text when nginx is about to send its own error page.
 */

#include "ngx_hx_gate.h"

#include "hx_json_write.h"


ngx_int_t
ngx_hx_refuse(ngx_hx_ctx_t *ctx, hx_error_t e, hx_outcome_t o,
    const char *detail)
{
    ctx->error = e;
    ctx->outcome = o;
    ctx->detail.data = (u_char *) detail;
    ctx->detail.len = ngx_strlen(detail);
    ctx->decided = 1;
    ctx->granted = 0;

    return (ngx_int_t) hx_error_status(e);
}


void
ngx_hx_pass(ngx_hx_ctx_t *ctx)
{
    ctx->passed = 1;
    ctx->decided = 1;
    ctx->granted = 0;
    ctx->error = HX_E_NONE;
    ctx->retry_after = 0;
    ngx_str_null(&ctx->detail);
    ngx_str_null(&ctx->allow);
}


hx_outcome_t
ngx_hx_outcome(const ngx_hx_ctx_t *ctx)
{
    return ctx->outcome == HX_OUTCOME_ALLOWED
           && ctx->shadowed != HX_OUTCOME_NONE ? ctx->shadowed : ctx->outcome;
}


ngx_int_t
ngx_hx_refuse_echo(ngx_http_request_t *r, ngx_hx_ctx_t *ctx, hx_error_t e,
    hx_outcome_t o, const char *before, const u_char *s, size_t len,
    const char *after)
{
    u_char  *p;
    size_t   nb, na;

    len = ngx_min(len, HX_DETAIL_ECHO_MAX);
    nb = ngx_strlen(before);
    na = ngx_strlen(after);

    p = ngx_pnalloc(r->pool, nb + len + na);
    if (p == NULL) {
        return ngx_hx_refuse(ctx, e, o, before);
    }

    (void) ngx_hx_refuse(ctx, e, o, "");

    ctx->detail.data = p;
    ctx->detail.len = nb + len + na;

    p = ngx_cpymem(p, before, nb);
    p = ngx_cpymem(p, s, len);
    ngx_memcpy(p, after, na);

    return (ngx_int_t) hx_error_status(e);
}


static ngx_int_t
ngx_hx_reply_limit(ngx_http_request_t *r, ngx_hx_ctx_t *ctx, const char *what,
    off_t limit)
{
    u_char     *p;
    ngx_int_t   rc;

    rc = ngx_hx_refuse(ctx, HX_E_TOO_LARGE, HX_OUTCOME_TOO_LARGE, what);

    p = ngx_pnalloc(r->pool, 80);

    if (p != NULL) {
        ctx->detail.data = p;
        ctx->detail.len = (size_t) (ngx_snprintf(p, 80, "%s of %O bytes",
                                                 what, limit) - p);
    }

    return rc;
}


ngx_int_t
ngx_hx_refuse_size(ngx_http_request_t *r, ngx_hx_ctx_t *ctx)
{
    if (ctx->body_sink != NULL) {
        return ngx_hx_reply_limit(r, ctx, "Request body exceeds maximum size",
                                  (off_t) ctx->body_cap);
    }

    if (ctx->admin) {
        return ngx_hx_refuse(ctx, HX_E_TOO_LARGE, HX_OUTCOME_TOO_LARGE,
                             "Request body exceeds 65536 bytes");
    }

    return ngx_hx_reply_limit(r, ctx, "Payload exceeds maximum upload size",
                              (off_t) ctx->lcf->max_upload);
}


/* nginx's own limit was met: it is named where it is below ours */

static void
ngx_hx_reply_too_large(ngx_http_request_t *r, ngx_hx_ctx_t *ctx)
{
    off_t                      max, ours;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
    max = clcf->client_max_body_size;
    ours = (off_t) hx_body_cap(ctx->lcf->max_upload);

    if (max != 0 && (max < ours || !ctx->lcf->gated)) {
        (void) ngx_hx_reply_limit(r, ctx, "Request body exceeds maximum size",
                                  max);
        return;
    }

    (void) ngx_hx_refuse_size(r, ctx);
}


/* Details for errors that nginx itself found. */

static const char *
ngx_hx_reply_detail(ngx_uint_t status)
{
    switch (status) {

    case 400:
        return "Bad request";
    case 401:
        return "Unauthorized";
    case 403:
        return "Forbidden";
    case 404:
        return "Not found";
    case 405:
        return "Method not allowed";
    case 408:
        return "Request timed out";
    case 412:
        return "Precondition failed";
    case 414:
        return "Request target is too long";
    case 415:
        return "Unsupported media type";
    case 429:
        return "Too many requests";
    case 501:
        return "Not available";
    case 502:
        return "Engine is unreachable";
    case 503:
        return "Service is temporarily unavailable";
    case 504:
        return "Engine did not answer in time";
    default:
        return status >= 500 ? "Internal error" : "Request refused";
    }
}


static void
ngx_hx_reply_default(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    ngx_uint_t status)
{
    if (status == 413) {
        ngx_hx_reply_too_large(r, ctx);
        return;
    }

    ctx->error = hx_error_of_status((unsigned) status);
    ctx->detail.data = (u_char *) ngx_hx_reply_detail(status);
    ctx->detail.len = ngx_strlen(ctx->detail.data);
}


ngx_int_t
ngx_hx_reply_body(ngx_http_request_t *r, ngx_hx_ctx_t *ctx, ngx_uint_t status)
{
    size_t       cap;
    u_char      *p;
    hx_buf_t     b;
    const char  *word;

    /* an error_page or a later failure may have changed the status since */

    if (ctx->error == HX_E_NONE || hx_error_status(ctx->error) != status) {
        ngx_hx_reply_default(r, ctx, status);
    }

    word = hx_error_word(ctx->error);

    cap = hx_json_string_max(ctx->detail.len)
          + hx_json_string_max(ctx->request_id.len) + 128;

    p = ngx_pnalloc(r->pool, cap);
    if (p == NULL) {
        return NGX_ERROR;
    }

    hx_buf_init(&b, p, cap);
    hx_buf_lit(&b, "{\"detail\":");
    hx_json_string(&b, ctx->detail.data, ctx->detail.len);
    hx_buf_lit(&b, ",\"error\":\"");
    hx_buf_add(&b, word, ngx_strlen(word));
    hx_buf_lit(&b, "\",\"request_id\":");
    hx_json_string(&b, ctx->request_id.data, ctx->request_id.len);
    hx_buf_lit(&b, "}");

    if (!hx_buf_ok(&b)) {
        return NGX_ERROR;
    }

    ctx->body.data = p;
    ctx->body.len = hx_buf_len(&b);

    return NGX_OK;
}


ngx_int_t
ngx_hx_header_out(ngx_http_request_t *r, const char *name, size_t nlen,
    const u_char *value, size_t len)
{
    ngx_table_elt_t  *h;

    h = ngx_hx_push_header(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
    h->key.data = (u_char *) name;
    h->key.len = nlen;
    h->value.data = (u_char *) value;
    h->value.len = len;

    return NGX_OK;
}


ngx_int_t
ngx_hx_reply_text(ngx_http_request_t *r, ngx_uint_t status,
    const ngx_str_t *type, const u_char *text, size_t len)
{
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t   out;

    /* keys are shown once, health and numbers are of this moment */

    if (ngx_hx_add_header(r, "Cache-Control", (u_char *) "no-store", 8)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    r->headers_out.status = status;
    r->headers_out.content_length_n = (off_t) len;
    r->headers_out.content_type = *type;
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = (u_char *) text;
    b->last = b->pos + len;
    b->memory = 1;
    b->last_buf = r == r->main;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


ngx_int_t
ngx_hx_reply_json(ngx_http_request_t *r, ngx_uint_t status, const u_char *text,
    size_t len)
{
    static const ngx_str_t  type = ngx_string("application/json");

    return ngx_hx_reply_text(r, status, &type, text, len);
}
