/*
 * ngx_hx_who.c -- which tenant is this?  Credential, checksum (no look-up when
 * it is wrong), SHA-256, registry.  Of keys that the registry has known before
 * checksum and SHA-256 are remembered.
 */

#include "ngx_hx_gate.h"


/*
 * The presented key; X-Api-Key wins, and a bad one is not made up for by a good
 * Authorization.  DECLINED = there is none.
 */

static ngx_int_t
ngx_hx_who_credential(const ngx_hx_ctx_t *ctx, ngx_str_t *key)
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


/* OK: *hash; NO: nobody can have this key. */

static hx_rc_t
ngx_hx_who_hash(const ngx_hx_loc_conf_t *lcf, const ngx_str_t *key,
    u_char hash[HX_SHA256_LEN])
{
    if (!hx_apikey_plausible((hx_apikey_format_t) lcf->key_format, key->data,
                             key->len))
    {
        return HX_NO;
    }

    if (ngx_hx_crypto() == NULL) {
        return HX_FAIL;
    }

    return hx_sha256(ngx_hx_crypto(), key->data, key->len, hash);
}


ngx_hx_who_t
ngx_hx_who(ngx_http_request_t *r, const ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf, hx_tenant_t *tenant)
{
    u_char           hash[HX_SHA256_LEN];
    hx_rc_t          rc, met;
    hx_str_t         record;
    ngx_str_t        key;
    hx_key_cache_t  *keys;

    switch (ngx_hx_who_credential(ctx, &key)) {

    case NGX_OK:
        break;

    case NGX_DECLINED:
        return NGX_HX_WHO_NONE;

    default:
        return NGX_HX_WHO_UNKNOWN;
    }

    keys = ngx_hx_keys();
    met = keys == NULL || key.len > HX_APIKEY_MAX ? HX_NO
          : hx_key_cache_get(keys, (unsigned) lcf->key_format, key.data,
                             key.len, hash);

    if (met != HX_OK) {
        rc = ngx_hx_who_hash(lcf, &key, hash);

        if (rc != HX_OK) {
            return rc == HX_NO ? NGX_HX_WHO_UNKNOWN : NGX_HX_WHO_TROUBLE;
        }
    }

    rc = ngx_hx_registry_find(hash, r->pool, &record, r->connection->log);

    if (rc == HX_NO) {
        return NGX_HX_WHO_STRANGER;
    }

    if (rc != HX_OK
        || hx_tenant_view(tenant, record.data, record.len) != HX_OK)
    {
        return NGX_HX_WHO_TROUBLE;
    }

    if (met != HX_OK && keys != NULL) {
        hx_key_cache_put(keys, (unsigned) lcf->key_format, key.data, key.len,
                         hash);
    }

    rc = hx_tenant_key_valid(tenant, hash, (uint64_t) ngx_time());

    return rc == HX_OK ? NGX_HX_WHO_KNOWN
           : rc == HX_NO ? NGX_HX_WHO_UNKNOWN : NGX_HX_WHO_TROUBLE;
}
