/*
 * ngx_hx_headers.c -- what the gate reads in request headers: one pass for the
 * credentials, the request id, the encoding and the origin; the declared type
 * of a body.
 *
 * The same pass takes out of the list whatever only the gate may send and the
 * credentials: no variable, log or other upstream gets to see them from here
 * on, whether the request is granted or refused.
 */

#include "ngx_hx_gate.h"


#define ngx_hx_is(h, lit)                                                     \
    ((h)->key.len == sizeof(lit) - 1                                          \
     && ngx_memcmp((h)->lowcase_key, lit, sizeof(lit) - 1) == 0)

#define NGX_HX_ADDED   4        /* headers that the forward step adds */


typedef struct {
    ngx_uint_t   n;
    ngx_str_t   *value;         /* of the last one */
} ngx_hx_ids_t;


/*
 * Is it a name that only the gate may send, in any spelling?  Many programs
 * take "_" for "-", some any other separator ("ignore_invalid_headers off").
 */

static ngx_uint_t
ngx_hx_header_ours(const ngx_table_elt_t *h)
{
    size_t   i;
    u_char   c, name[16];

    /* the shortest that matters is x-hx-, the longest authorization */

    if (h->key.len < 5
        || (h->lowcase_key[0] != 'x' && h->lowcase_key[0] != 'a'))
    {
        return 0;
    }

    for (i = 0; i < h->key.len && i < sizeof(name); i++) {
        c = h->lowcase_key[i];
        name[i] = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '-';
    }

    if (name[0] == 'x' && name[1] == '-' && name[2] == 'h' && name[3] == 'x'
        && name[4] == '-')
    {
        return 1;
    }

    switch (h->key.len) {

    case 9:
        return ngx_memcmp(name, "x-api-key", 9) == 0;

    case 12:
        return ngx_memcmp(name, "x-request-id", 12) == 0;

    case 13:
        return ngx_memcmp(name, "authorization", 13) == 0;

    default:
        return 0;
    }
}


/*
 * The credentials and the request id stay where they are, out of the list;
 * headers_in.host and its like keep pointing to elements of the old one.
 */

static void
ngx_hx_header_take(ngx_hx_ctx_t *ctx, ngx_table_elt_t *h, ngx_hx_ids_t *ids)
{
    if (ngx_hx_is(h, "x-api-key")) {
        if (ctx->n_api_keys++ == 0) {
            ctx->api_key = h;
        }

    } else if (ngx_hx_is(h, "authorization")) {
        if (ctx->n_authorizations++ == 0) {
            ctx->authorization = h;
        }

    } else if (ngx_hx_is(h, "x-request-id")) {
        ids->n++;
        ids->value = &h->value;
    }
}


/* What stays, and somebody will ask for. */

static void
ngx_hx_header_note(ngx_hx_ctx_t *ctx, ngx_table_elt_t *h)
{
    switch (h->key.len) {

    case 6:
        if (ngx_hx_is(h, "origin") && ctx->n_origins++ == 0) {
            ctx->origin = h->value;
        }

        break;

    case 16:
        if (ngx_hx_is(h, "content-encoding")) {
            ctx->encoded = 1;
        }

        break;

    case 29:
        if (ngx_hx_is(h, "access-control-request-method")) {
            ctx->asks_method = 1;
        }

        break;
    }
}


static ngx_int_t
ngx_hx_headers_strip(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    ngx_hx_ids_t *ids)
{
    ngx_uint_t        i, n;
    ngx_list_part_t   old, *part;
    ngx_table_elt_t  *h, *copy;

    ctx->n_api_keys = 0;
    ctx->n_authorizations = 0;
    ctx->n_origins = 0;

    old = r->headers_in.headers.part;

    for (n = 0, part = &old; part; part = part->next) {
        n += part->nelts;
    }

    if (ngx_list_init(&r->headers_in.headers, r->pool, n + NGX_HX_ADDED,
                      sizeof(ngx_table_elt_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (part = &old; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (ngx_hx_header_ours(&h[i])) {
                ngx_hx_header_take(ctx, &h[i], ids);
                continue;
            }

            ngx_hx_header_note(ctx, &h[i]);

            copy = ngx_list_push(&r->headers_in.headers);
            if (copy == NULL) {
                return NGX_ERROR;
            }

            *copy = h[i];
        }
    }

    r->headers_in.authorization = NULL;

    return NGX_OK;
}


ngx_int_t
ngx_hx_read_headers(ngx_http_request_t *r, ngx_hx_ctx_t *ctx)
{
    ngx_int_t         rc;
    ngx_list_t        headers;
    ngx_uint_t        shadow;
    ngx_hx_ids_t      ids;
    ngx_table_elt_t  *authorization;

    shadow = ctx->lcf->gated && ctx->lcf->shadow;

    if (ctx->request_id.len != 0 && (ctx->stripped || shadow)) {
        return NGX_OK;          /* read before, ahead of a redirect */
    }

    ids.n = 0;
    ids.value = NULL;
    headers = r->headers_in.headers;
    authorization = r->headers_in.authorization;

    rc = ngx_hx_headers_strip(r, ctx, &ids);

    if (shadow) {

        /* what is only looked at goes on as it came */

        r->headers_in.headers = headers;
        r->headers_in.authorization = authorization;

    } else {
        ctx->stripped = 1;
    }

    if (ctx->request_id.len != 0) {
        return rc;
    }

    /* two ids name no request: neither is kept */

    if (ngx_hx_request_id(r, ctx, ids.n == 1 ? ids.value : NULL) != NGX_OK) {
        ngx_str_set(&ctx->request_id, "-");
        return NGX_ERROR;
    }

    return rc;
}


ngx_uint_t
ngx_hx_is_json(const ngx_http_request_t *r)
{
    size_t   len;
    u_char  *p, *semi;

    if (r->headers_in.content_type == NULL) {
        return 1;
    }

    p = r->headers_in.content_type->value.data;
    len = r->headers_in.content_type->value.len;

    semi = ngx_strlchr(p, p + len, ';');
    if (semi != NULL) {
        len = (size_t) (semi - p);
    }

    while (len != 0 && (p[len - 1] == ' ' || p[len - 1] == '\t')) {
        len--;
    }

    return len == 0 || hx_text_ieq(p, len, "application/json", 16)
           || (len > 5 && hx_text_ieq(p + len - 5, 5, "+json", 5));
}
