/*
 * ngx_hx_cors.c -- which page may read this answer: Access-Control-* and Vary,
 * on answers of the engine, refusals and nginx's own errors alike, as a page
 * that cannot read a 429 cannot wait.
 *
 * What an upstream says about it goes: two opinions in one answer are none to
 * a browser, and the gate is asked by more pages than the engine knows.
 */

#include "ngx_hx_gate.h"


/* Request headers that clients of the gate and of the engine send. */
#define NGX_HX_CORS_REQUEST                                                   \
    "Authorization, Content-Type, If-Match, If-None-Match, X-Api-Key, "       \
    "X-Request-Id"

/* Response headers that a page may read beside those that any page may. */
#define NGX_HX_CORS_RESPONSE                                                  \
    "Allow, ETag, RateLimit, RateLimit-Policy, Retry-After, "                 \
    "WWW-Authenticate, X-HX-CUs, X-HX-Dtype, X-HX-Fortran-Order, X-HX-Shape, "\
    "X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, "           \
    "X-Request-Id"

#define ngx_hx_cors_add(r, name, lit)                                         \
    ngx_hx_add_header(r, name, (const u_char *) (lit), sizeof(lit) - 1)


static const ngx_str_t  ngx_hx_cors_vary[] = {
    ngx_string("Origin"),
    ngx_string("Access-Control-Request-Method"),
    ngx_string("Access-Control-Request-Headers")
};


static ngx_uint_t
ngx_hx_cors_is_vary(const ngx_table_elt_t *h)
{
    return h->hash != 0 && h->key.len == 4
           && ngx_strncasecmp(h->key.data, (u_char *) "vary", 4) == 0;
}


/* Others' Access-Control-* go; room that all Vary lines take in one list. */

static size_t
ngx_hx_cors_hide(ngx_http_request_t *r)
{
    size_t            len;
    ngx_hx_fields_t   fields;
    ngx_table_elt_t  *h;

    len = 0;
    ngx_hx_fields(&fields, &r->headers_out.headers);

    while ((h = ngx_hx_field(&fields)) != NULL) {
        if (h->key.len > 15
            && ngx_strncasecmp(h->key.data, (u_char *) "access-control-", 15)
               == 0)
        {
            h->hash = 0;

        } else if (ngx_hx_cors_is_vary(h)) {
            len += h->value.len + 2;
        }
    }

    return len;
}


/* All Vary lines as one list; with "drop" they are taken out. */

static void
ngx_hx_cors_vary_lines(ngx_http_request_t *r, hx_buf_t *b, ngx_uint_t drop)
{
    ngx_hx_fields_t   fields;
    ngx_table_elt_t  *h;

    ngx_hx_fields(&fields, &r->headers_out.headers);

    while ((h = ngx_hx_field(&fields)) != NULL) {
        if (!ngx_hx_cors_is_vary(h)) {
            continue;
        }

        if (drop) {
            h->hash = 0;

        } else {
            hx_vary_add(b, h->value.data, h->value.len);
        }
    }
}


/*
 * A cache must not give one page the answer to another.  What Vary has already
 * stays; "*" says all there is to say.  len: of what there is.
 */

static ngx_int_t
ngx_hx_cors_vary_header(ngx_http_request_t *r, size_t len, ngx_uint_t n)
{
    u_char      *p;
    size_t       before;
    hx_buf_t     b;
    ngx_uint_t   i;

    if (len == 0 && n == 1) {
        return ngx_hx_cors_add(r, "Vary", "Origin");
    }

    for (before = len, i = 0; i < n; i++) {
        len += ngx_hx_cors_vary[i].len + 2;
    }

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    hx_buf_init(&b, p, len);

    if (before != 0) {
        ngx_hx_cors_vary_lines(r, &b, 0);

        if (hx_vary_has(p, hx_buf_len(&b), "*", 1)) {
            return NGX_OK;
        }

        ngx_hx_cors_vary_lines(r, NULL, 1);
    }

    for (i = 0; i < n; i++) {
        if (!hx_vary_has(p, hx_buf_len(&b),
                         (const char *) ngx_hx_cors_vary[i].data,
                         ngx_hx_cors_vary[i].len))
        {
            hx_vary_add(&b, ngx_hx_cors_vary[i].data,
                        ngx_hx_cors_vary[i].len);
        }
    }

    return ngx_hx_add_header(r, "Vary", p, hx_buf_len(&b));
}


/* What may be said to this request's origin; data NULL = nothing. */

static hx_str_t
ngx_hx_cors_allowed(const ngx_hx_ctx_t *ctx, const ngx_hx_cors_t *cors)
{
    const hx_str_t  *found;

    static const hx_str_t  any = hx_string("*");
    static const hx_str_t  none = { NULL, 0 };

    /* two origins are nobody's */

    if (ctx->n_origins != 1) {
        return none;
    }

    if (cors->any) {
        return any;
    }

    found = hx_text_find(cors->origins->elts, cors->origins->nelts,
                         ctx->origin.data, ctx->origin.len);

    return found != NULL ? *found : none;
}


static ngx_int_t
ngx_hx_cors_preflight(ngx_http_request_t *r, const ngx_hx_ctx_t *ctx)
{
    const ngx_hx_loc_conf_t  *lcf;

    lcf = ctx->lcf;

    /* all methods, not those of the path: a page can read the 405 then, and who
     * has no key learns nothing */

    if (ngx_hx_add_header(r, "Access-Control-Allow-Methods",
                          lcf->cors_methods.data, lcf->cors_methods.len)
        != NGX_OK
        || ngx_hx_cors_add(r, "Access-Control-Allow-Headers",
                           NGX_HX_CORS_REQUEST)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_hx_add_header(r, "Access-Control-Max-Age",
                             lcf->cors->max_age.data, lcf->cors->max_age.len);
}


ngx_int_t
ngx_hx_cors_headers(ngx_http_request_t *r, const ngx_hx_ctx_t *ctx)
{
    size_t                len;
    hx_str_t              allowed;
    ngx_uint_t            preflight;
    const ngx_hx_cors_t  *cors;

    if (!ctx->lcf->gated || ctx->lcf->cors == NULL) {
        return NGX_OK;
    }

    cors = ctx->lcf->cors;
    preflight = ctx->outcome == HX_OUTCOME_PREFLIGHT;

    len = ngx_hx_cors_hide(r);

    if (ngx_hx_cors_vary_header(r, len,
                                preflight ? hx_nelts(ngx_hx_cors_vary) : 1)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    allowed = ngx_hx_cors_allowed(ctx, cors);

    if (allowed.data == NULL) {
        return NGX_OK;
    }

    if (ngx_hx_add_header(r, "Access-Control-Allow-Origin", allowed.data,
                          allowed.len)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (cors->credentials
        && ngx_hx_cors_add(r, "Access-Control-Allow-Credentials", "true")
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return preflight ? ngx_hx_cors_preflight(r, ctx)
                     : ngx_hx_cors_add(r, "Access-Control-Expose-Headers",
                                       NGX_HX_CORS_RESPONSE);
}
