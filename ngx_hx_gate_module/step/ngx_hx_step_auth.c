/*
 * ngx_hx_step_auth.c -- which tenant is this?
 *
 * Credential, checksum (no look-up when it is wrong), SHA-256, registry.  The
 * answer is the same 401 for unknown, expired and rotated keys; trouble with
 * the registry is 503, never 401: clients throw keys away on 401.
 */

#include "ngx_hx_gate.h"


static ngx_int_t
ngx_hx_auth_invalid(ngx_hx_ctx_t *ctx)
{
    return ngx_hx_refuse(ctx, HX_E_UNAUTHORIZED, HX_OUTCOME_INVALID_KEY,
                         "Invalid API key");
}


/*
 * The presented key; X-Api-Key wins, and a bad one is not made up for by a good
 * Authorization.  DECLINED = there is none.
 */

static ngx_int_t
ngx_hx_auth_credential(const ngx_hx_ctx_t *ctx, ngx_str_t *key)
{
    u_char  *p, *last;

    if (ctx->n_api_keys > 1 || ctx->n_authorizations > 1) {
        return NGX_ERROR;
    }

    if (ctx->n_api_keys == 1) {
        *key = ctx->api_key->value;
        return NGX_OK;
    }

    if (ctx->n_authorizations == 0) {
        return NGX_DECLINED;
    }

    p = ctx->authorization->value.data;
    last = p + ctx->authorization->value.len;

    if (last - p < 7 || ngx_strncasecmp(p, (u_char *) "Bearer ", 7) != 0) {
        return NGX_DECLINED;
    }

    for (p += 7; p < last && *p == ' '; p++) { /* void */ }

    key->data = p;
    key->len = (size_t) (last - p);

    return NGX_OK;
}


static ngx_int_t
ngx_hx_auth_trouble(ngx_http_request_t *r, ngx_hx_ctx_t *ctx)
{
    hx_metrics_add(&ngx_hx_shared(ngx_hx_main_conf(r))->metrics,
                   HX_METRICS_REGISTRY_FAILURES, 1);

    ctx->retry_after = 1;

    return ngx_hx_refuse(ctx, HX_E_UNAVAILABLE, HX_OUTCOME_STORE,
                         "Service is temporarily unavailable");
}


ngx_int_t
ngx_hx_step_auth(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf)
{
    u_char        hash[HX_SHA256_LEN];
    hx_rc_t       rc;
    hx_str_t      record;
    ngx_str_t     key;
    hx_tenant_t   tenant;

    switch (ngx_hx_auth_credential(ctx, &key)) {

    case NGX_OK:
        break;

    case NGX_DECLINED:
        return ngx_hx_refuse(ctx, HX_E_UNAUTHORIZED, HX_OUTCOME_MISSING_KEY,
                             "Missing API key");

    default:
        return ngx_hx_auth_invalid(ctx);
    }

    if (!hx_apikey_plausible((hx_apikey_format_t) lcf->key_format, key.data,
                             key.len))
    {
        return ngx_hx_auth_invalid(ctx);
    }

    if (ngx_hx_crypto() == NULL
        || hx_sha256(ngx_hx_crypto(), key.data, key.len, hash) != HX_OK)
    {
        return ngx_hx_auth_trouble(r, ctx);
    }

    rc = ngx_hx_registry_find(hash, r->pool, &record, r->connection->log);

    if (rc == HX_NO) {
        return ngx_hx_auth_invalid(ctx);
    }

    if (rc != HX_OK
        || hx_tenant_view(&tenant, record.data, record.len) != HX_OK)
    {
        return ngx_hx_auth_trouble(r, ctx);
    }

    rc = hx_tenant_key_valid(&tenant, hash, (uint64_t) ngx_time());

    if (rc == HX_NO) {
        return ngx_hx_auth_invalid(ctx);
    }

    if (rc != HX_OK) {
        return ngx_hx_auth_trouble(r, ctx);
    }

    ctx->tenant = tenant;

    if (tenant.status == HX_TENANT_SUSPENDED) {
        return ngx_hx_refuse_echo(r, ctx, HX_E_FORBIDDEN,
                                  HX_OUTCOME_SUSPENDED, "Tenant '",
                                  tenant.id.data, tenant.id.len,
                                  "' is suspended");
    }

    return NGX_HX_NEXT;
}
