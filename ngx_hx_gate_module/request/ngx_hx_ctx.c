/*
 * ngx_hx_ctx.c -- the request context, and what a worker judges keys with.
 *
 * nginx wipes module contexts at internal redirects (error_page, try_files,
 * X-Accel-Redirect).  Ours is tied to the pool's cleanup list as well and found
 * again there, so that a request is decided, charged and recorded once however
 * often it is redirected.
 */

#include "ngx_hx_gate.h"



static void ngx_hx_ctx_cleanup(void *data);


static hx_crypto_t     *ngx_hx_worker_crypto;
static hx_key_cache_t  *ngx_hx_worker_keys;


ngx_hx_ctx_t *
ngx_hx_ctx(ngx_http_request_t *r)
{
    ngx_hx_ctx_t        *ctx;
    ngx_pool_cleanup_t  *cln;

    r = r->main;

    ctx = ngx_http_get_module_ctx(r, ngx_http_hx_gate_module);

    if (ctx != NULL || !(r->internal || r->filter_finalize)) {
        return ctx;
    }

    for (cln = r->pool->cleanup; cln; cln = cln->next) {
        if (cln->handler == ngx_hx_ctx_cleanup) {
            ctx = cln->data;
            ngx_http_set_ctx(r, ctx, ngx_http_hx_gate_module);
            break;
        }
    }

    return ctx;
}


ngx_hx_ctx_t *
ngx_hx_ctx_make(ngx_http_request_t *r)
{
    ngx_hx_ctx_t        *ctx;
    ngx_pool_cleanup_t  *cln;

    ctx = ngx_hx_ctx(r);
    if (ctx != NULL) {
        return ctx;
    }

    r = r->main;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_hx_ctx_t));
    if (cln == NULL) {
        return NULL;
    }

    ctx = cln->data;
    ngx_memzero(ctx, sizeof(ngx_hx_ctx_t));

    ctx->lcf = ngx_hx_loc_conf(r);

    cln->handler = ngx_hx_ctx_cleanup;
    ngx_http_set_ctx(r, ctx, ngx_http_hx_gate_module);

    return ctx;
}


static void
ngx_hx_ctx_cleanup(void *data)
{
    ngx_hx_ctx_t  *ctx = data;

    if (ctx->extract != NULL) {
        hx_extract_end(ctx->extract);
    }
}


ngx_int_t
ngx_hx_request_id(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_str_t *presented)
{
    u_char  *p;
    u_char   rnd[16];

    if (presented != NULL
        && hx_check_request_id(presented->data, presented->len))
    {
        ctx->request_id = *presented;
        return NGX_OK;
    }

    if (ngx_hx_worker_crypto == NULL
        || hx_random_pooled(ngx_hx_worker_crypto, rnd, sizeof(rnd)) != HX_OK)
    {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(r->pool, 36);
    if (p == NULL) {
        return NGX_ERROR;
    }

    hx_text_uuid4(p, rnd);

    ctx->request_id.data = p;
    ctx->request_id.len = 36;

    return NGX_OK;
}


hx_crypto_t *
ngx_hx_crypto(void)
{
    return ngx_hx_worker_crypto;
}


hx_key_cache_t *
ngx_hx_keys(void)
{
    return ngx_hx_worker_keys;
}


ngx_int_t
ngx_hx_crypto_init(ngx_log_t *log)
{
    ngx_hx_worker_crypto = hx_crypto_create();
    ngx_hx_worker_keys = hx_key_cache_create();

    if (ngx_hx_worker_crypto == NULL) {
        ngx_log_error(NGX_LOG_CRIT, log, 0,
                      "hx_gate: OpenSSL gives no SHA-256, requests get 503");
    }

    return NGX_OK;
}


void
ngx_hx_crypto_exit(void)
{
    hx_crypto_free(ngx_hx_worker_crypto);
    ngx_hx_worker_crypto = NULL;

    hx_key_cache_free(ngx_hx_worker_keys);
    ngx_hx_worker_keys = NULL;
}
