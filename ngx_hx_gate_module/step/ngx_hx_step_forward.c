/*
 * ngx_hx_step_forward.c -- the headers the engine gets.
 *
 * The list of request headers is rebuilt: without the client's credentials and
 * without anything that could be taken for one of ours, however spelled, and
 * with ours.  Any content handler that passes request headers on (proxy, grpc,
 * fastcgi, ...) then does the right thing without further directives.
 *
 * Our Authorization carries hash 0.  nginx's $http_* variables skip such
 * elements, so the service key cannot leak through a log_format or an
 * add_header; the upstream modules copy them all the same.
 */

#include "ngx_hx_gate.h"


#define NGX_HX_ADDED   4


/*
 * Is it a name that only the gate may send, in any spelling?  Many programs
 * take "_" for "-", some any other separator ("ignore_invalid_headers off").
 */

static ngx_uint_t
ngx_hx_forward_ours(const ngx_table_elt_t *h)
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


static ngx_int_t
ngx_hx_forward_add(ngx_list_t *headers, ngx_uint_t hash, ngx_str_t *name,
    u_char *lowcase, const u_char *value, size_t len)
{
    ngx_table_elt_t  *h;

    h = ngx_hx_push_header(headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = hash;
    h->key = *name;
    h->lowcase_key = lowcase;
    h->value.data = (u_char *) value;
    h->value.len = len;

    return NGX_OK;
}


/* It is always the last of the list; a subrequest has its own count of it. */

static ngx_list_part_t *
ngx_hx_forward_authorization_part(ngx_http_request_t *r)
{
    ngx_list_part_t        *part;
    const ngx_table_elt_t  *h;

    for (part = &r->headers_in.headers.part; part->next; part = part->next) {
        /* void */
    }

    if (part->nelts == 0) {
        return NULL;
    }

    h = (ngx_table_elt_t *) part->elts + part->nelts - 1;

    return h->hash == 0 && h->key.len == 13 ? part : NULL;
}


static ngx_int_t
ngx_hx_forward_authorization(ngx_http_request_t *r)
{
    ngx_list_t                *headers;
    const ngx_hx_main_conf_t  *mcf;

    static ngx_str_t  authorization = ngx_string("Authorization");

    mcf = ngx_hx_main_conf(r);
    headers = &r->headers_in.headers;

    /* nginx copies the list into a subrequest as it is, with "last" pointing
     * into the list of the parent */

    if (headers->part.next == NULL) {
        headers->last = &headers->part;
    }

    return ngx_hx_forward_add(headers, 0, &authorization,
                              (u_char *) "authorization",
                              mcf->authorization.data, mcf->authorization.len);
}


static ngx_int_t
ngx_hx_forward_ours_add(ngx_http_request_t *r, ngx_hx_ctx_t *ctx)
{
    ngx_list_t                *headers;
    const ngx_hx_main_conf_t  *mcf;

    static ngx_str_t  request_id = ngx_string("X-Request-Id");
    static ngx_str_t  tenant = ngx_string("X-HX-Tenant");
    static ngx_str_t  ns = ngx_string("X-HX-Namespace");

    mcf = ngx_hx_main_conf(r);
    headers = &r->headers_in.headers;

    if (ngx_hx_forward_add(headers, mcf->hash_request_id, &request_id,
                           (u_char *) "x-request-id", ctx->request_id.data,
                           ctx->request_id.len)
        != NGX_OK
        || ngx_hx_forward_add(headers, mcf->hash_tenant, &tenant,
                              (u_char *) "x-hx-tenant", ctx->tenant.id.data,
                              ctx->tenant.id.len)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ctx->ns.data != NULL
        && ngx_hx_forward_add(headers, mcf->hash_namespace, &ns,
                              (u_char *) "x-hx-namespace", ctx->ns.data,
                              ctx->ns.len)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_hx_forward_authorization(r);
}


static ngx_int_t
ngx_hx_forward_strip(ngx_http_request_t *r, const ngx_hx_ctx_t *ctx)
{
    ngx_uint_t        i;
    ngx_list_part_t   old, *part;
    ngx_table_elt_t  *h, *copy;

    /* a new list, not a compacted one: headers_in.host and its like keep
     * pointing to elements of the old */

    old = r->headers_in.headers.part;

    if (ngx_list_init(&r->headers_in.headers, r->pool,
                      ctx->n_headers + NGX_HX_ADDED, sizeof(ngx_table_elt_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (part = &old; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (ngx_hx_forward_ours(&h[i])) {
                continue;
            }

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
ngx_hx_step_forward(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf)
{
    if (ngx_hx_forward_strip(r, ctx) != NGX_OK
        || ngx_hx_forward_ours_add(r, ctx) != NGX_OK)
    {
        return ngx_hx_refuse(ctx, HX_E_INTERNAL, HX_OUTCOME_INTERNAL,
                             "Internal error");
    }

    ctx->forwarded = 1;

    return NGX_HX_NEXT;
}


ngx_int_t
ngx_hx_forward_enter(ngx_http_request_t *r)
{
    return ngx_hx_forward_authorization_part(r) != NULL
           ? NGX_OK : ngx_hx_forward_authorization(r);
}


ngx_int_t
ngx_hx_forward_leave(ngx_http_request_t *r, ngx_hx_ctx_t *ctx)
{
    if (ctx->forwarded) {
        ngx_hx_forward_drop_authorization(r);
        return NGX_OK;
    }

    /* refused: the credential that was presented is for nobody else */

    if (r != r->main || ctx->stripped) {
        return NGX_OK;
    }

    ctx->stripped = 1;

    return ngx_hx_forward_strip(r, ctx);
}


void
ngx_hx_forward_drop_authorization(ngx_http_request_t *r)
{
    ngx_list_part_t  *part;

    part = ngx_hx_forward_authorization_part(r);

    if (part != NULL) {
        part->nelts--;
    }
}
