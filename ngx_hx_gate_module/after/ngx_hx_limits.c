/*
 * ngx_hx_limits.c -- tells the tenant where it stands: X-RateLimit-* on every
 * response to one that is identified, and the IETF's fields where they are
 * switched on (draft-ietf-httpapi-ratelimit-headers-10).
 *
 * A request that was refused before its window was asked has it looked at here.
 */

#include "ngx_hx_gate.h"

#include "hx_text.h"


#define NGX_HX_LIMITS_TEXT   (3 * NGX_INT64_LEN)
#define NGX_HX_FIELDS_TEXT   192


/*
 * Text of a number that hardly changes from one request to the next: the limit,
 * the second of the reset.  It is copied as a whole, not by its length.
 */

typedef struct {
    uint64_t   value;
    size_t     len;
    u_char     text[NGX_INT64_LEN];
} ngx_hx_limits_cache_t;


static ngx_hx_limits_cache_t  ngx_hx_limits_limit;
static ngx_hx_limits_cache_t  ngx_hx_limits_reset;


static size_t
ngx_hx_limits_number(u_char *p, ngx_hx_limits_cache_t *cache, uint64_t value)
{
    hx_buf_t  b;

    if (cache->len == 0 || cache->value != value) {
        hx_buf_init(&b, cache->text, sizeof(cache->text));
        hx_text_u64(&b, value);

        cache->value = value;
        cache->len = hx_buf_len(&b);
    }

    ngx_memcpy(p, cache->text, sizeof(cache->text));

    return cache->len;
}


/* Seconds until the whole limit is there again, rounded up. */

static uint64_t
ngx_hx_limits_seconds(const ngx_hx_ctx_t *ctx)
{
    return (ctx->standing.view.reset + 999999999) / 1000000000;
}


/* The same as a second of the clock, which is never too early. */

static uint64_t
ngx_hx_limits_until(const ngx_hx_ctx_t *ctx)
{
    uint64_t     ms;
    ngx_time_t  *tp;

    tp = ngx_timeofday();
    ms = (uint64_t) tp->sec * 1000 + tp->msec
         + (ctx->standing.view.reset + 999999) / 1000000;

    return (ms + 999) / 1000;
}


static ngx_int_t
ngx_hx_limits_legacy(ngx_http_request_t *r, const ngx_hx_ctx_t *ctx)
{
    u_char    *p;
    size_t     limit, reset;
    hx_buf_t   b;

    p = ngx_pnalloc(r->pool, NGX_HX_LIMITS_TEXT);
    if (p == NULL) {
        return NGX_ERROR;
    }

    limit = ngx_hx_limits_number(p, &ngx_hx_limits_limit,
                                 ctx->limit.rate.requests);

    reset = ngx_hx_limits_number(p + NGX_INT64_LEN, &ngx_hx_limits_reset,
                                 ngx_hx_limits_until(ctx));

    hx_buf_init(&b, p + 2 * NGX_INT64_LEN, NGX_INT64_LEN);
    hx_text_u64(&b, ctx->standing.view.remaining);

    if (ngx_hx_add_header(r, "X-RateLimit-Limit", p, limit) != NGX_OK
        || ngx_hx_add_header(r, "X-RateLimit-Remaining",
                             p + 2 * NGX_INT64_LEN, hx_buf_len(&b))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_hx_add_header(r, "X-RateLimit-Reset", p + NGX_INT64_LEN,
                             reset);
}


static ngx_int_t
ngx_hx_limits_fields(ngx_http_request_t *r, const ngx_hx_ctx_t *ctx)
{
    u_char  *p, *end;

    p = ngx_pnalloc(r->pool, NGX_HX_FIELDS_TEXT);
    if (p == NULL) {
        return NGX_ERROR;
    }

    end = ngx_snprintf(p, NGX_HX_FIELDS_TEXT, "\"default\";q=%uD;w=%uD",
                       ctx->limit.rate.requests, ctx->limit.rate.window_s);

    if (ngx_hx_add_header(r, "RateLimit-Policy", p, (size_t) (end - p))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    p = end;
    end = ngx_snprintf(p, NGX_HX_FIELDS_TEXT / 2, "\"default\";r=%uD;t=%uL",
                       ctx->standing.view.remaining,
                       ngx_hx_limits_seconds(ctx));

    return ngx_hx_add_header(r, "RateLimit", p, (size_t) (end - p));
}


ngx_int_t
ngx_hx_limits_headers(ngx_http_request_t *r, ngx_hx_ctx_t *ctx)
{
    const ngx_hx_loc_conf_t  *lcf;

    lcf = ctx->lcf;

    if (ctx->tenant.id.data == NULL || ctx->admin
        || lcf->rate_limit != NGX_HX_MODE_ON)
    {
        return NGX_OK;
    }

    /* not known, and not to be found out: then nothing is said */

    if (!ctx->standing.windowed && ngx_hx_limit_shared(lcf)) {
        return NGX_OK;
    }

    if (!ctx->standing.windowed
        && (ngx_hx_limit_ask(r, ctx, lcf, 1) != HX_OK
            || !ctx->standing.windowed))
    {
        return NGX_OK;
    }

    if (ngx_hx_limits_legacy(r, ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    return lcf->rate_fields ? ngx_hx_limits_fields(r, ctx) : NGX_OK;
}
