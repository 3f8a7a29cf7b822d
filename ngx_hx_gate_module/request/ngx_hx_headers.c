/*
 * ngx_hx_headers.c -- what the gate reads in request headers: one pass for the
 * credentials, the request id and the encoding; the declared type of a body.
 */

#include "ngx_hx_gate.h"


#define ngx_hx_is(h, lit)                                                     \
    ((h)->key.len == sizeof(lit) - 1                                          \
     && ngx_memcmp((h)->lowcase_key, lit, sizeof(lit) - 1) == 0)


ngx_int_t
ngx_hx_read_headers(ngx_http_request_t *r, ngx_hx_ctx_t *ctx)
{
    ngx_str_t        *id;
    ngx_uint_t        i, n_ids;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    if (ctx->request_id.len != 0) {
        return NGX_OK;          /* read before, ahead of a redirect */
    }

    id = NULL;
    n_ids = 0;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;
        ctx->n_headers += part->nelts;

        for (i = 0; i < part->nelts; i++) {

            switch (h[i].lowcase_key[0]) {

            case 'a':
                if (ngx_hx_is(&h[i], "authorization")
                    && ctx->n_authorizations++ == 0)
                {
                    ctx->authorization = &h[i];
                }

                break;

            case 'c':
                if (ngx_hx_is(&h[i], "content-encoding")) {
                    ctx->encoded = 1;
                }

                break;

            case 'x':
                if (ngx_hx_is(&h[i], "x-api-key")) {
                    if (ctx->n_api_keys++ == 0) {
                        ctx->api_key = &h[i];
                    }

                } else if (ngx_hx_is(&h[i], "x-request-id")) {
                    n_ids++;
                    id = &h[i].value;
                }

                break;
            }
        }
    }

    /* two ids name no request: neither is kept */

    if (ngx_hx_request_id(r, ctx, n_ids == 1 ? id : NULL) != NGX_OK) {
        ngx_str_set(&ctx->request_id, "-");
        return NGX_ERROR;
    }

    return NGX_OK;
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
