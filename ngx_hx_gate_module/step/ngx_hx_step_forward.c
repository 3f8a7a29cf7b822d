/*
 * ngx_hx_step_forward.c -- the headers the engine gets.
 *
 * What the client sent under our names is gone since preflight; ours are added
 * to the list of request headers.  Any content handler that passes them on
 * (proxy, grpc, fastcgi, ...) then does the right thing without directives.
 *
 * Our Authorization carries hash 0.  nginx's $http_* variables skip such
 * elements, so the service key cannot leak through a log_format or an
 * add_header; the upstream modules copy them all the same.
 */

#include "ngx_hx_step.h"


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


ngx_int_t
ngx_hx_step_forward(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf)
{
    if (lcf->shadow) {
        return NGX_HX_NEXT;             /* as if there were no gate */
    }

    if (ngx_hx_forward_ours_add(r, ctx) != NGX_OK) {
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


void
ngx_hx_forward_drop_authorization(ngx_http_request_t *r)
{
    ngx_list_part_t  *part;

    part = ngx_hx_forward_authorization_part(r);

    if (part != NULL) {
        part->nelts--;
    }
}
