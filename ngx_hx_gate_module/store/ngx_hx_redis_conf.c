/*
 * ngx_hx_redis_conf.c -- what is done while the configuration is read, as it
 * may take its time then: files of certificates, addresses of hosts.
 */

#include "ngx_hx_redis.h"

#define NGX_HX_REDIS_DEPTH   9          /* certificates of a chain */


/* Without a resolver a name is looked up now, and that holds until a reload. */
static ngx_int_t
ngx_hx_redis_conf_host(ngx_conf_t *cf, ngx_hx_redis_conf_t *conf,
    ngx_uint_t i)
{
    ngx_url_t               u;
    const hx_redis_host_t  *host;

    host = &conf->redis->hosts[i];

    if (host->form != HX_REDIS_HOST_NAME || conf->resolver != NULL) {
        return NGX_OK;
    }

    ngx_memzero(&u, sizeof(ngx_url_t));
    u.url.data = (u_char *) host->name.data;
    u.url.len = host->name.len;
    u.default_port = (in_port_t) host->port;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK || u.naddrs == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "Redis host \"%V\": %s (a \"resolver\" would look it"
                           " up later)", &u.url,
                           u.err != NULL ? u.err : "not found");
        return NGX_ERROR;
    }

    conf->addrs[i] = u.addrs;
    conf->n_addrs[i] = u.naddrs;

    return NGX_OK;
}


#if (NGX_SSL)

static ngx_str_t
ngx_hx_redis_conf_str(const hx_str_t *s)
{
    ngx_str_t  str;

    str.data = (u_char *) s->data;
    str.len = s->len;

    return str;
}


/* Each of them says itself what is wrong with a file. */
static ngx_int_t
ngx_hx_redis_conf_files(ngx_conf_t *cf, const hx_redis_conf_t *redis,
    ngx_ssl_t *ssl)
{
    ngx_str_t  ca, cert, key;

    cert = ngx_hx_redis_conf_str(&redis->certificate);
    key = ngx_hx_redis_conf_str(&redis->certificate_key);
    ca = ngx_hx_redis_conf_str(&redis->ca);

    if (cert.len != 0
        && ngx_ssl_certificate(cf, ssl, &cert, &key, NULL) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ca.len != 0) {
        return ngx_ssl_trusted_certificate(cf, ssl, &ca, NGX_HX_REDIS_DEPTH);
    }

    if (SSL_CTX_set_default_verify_paths(ssl->ctx) != 1) {
        ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0,
                      "SSL_CTX_set_default_verify_paths() failed");
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_hx_redis_conf_tls(ngx_conf_t *cf, ngx_hx_redis_conf_t *conf)
{
    ngx_ssl_t           *ssl;
    ngx_pool_cleanup_t  *cln;

    ssl = ngx_pcalloc(cf->pool, sizeof(ngx_ssl_t));
    cln = ngx_pool_cleanup_add(cf->pool, 0);

    if (ssl == NULL || cln == NULL) {
        return NGX_ERROR;
    }

    ssl->log = cf->log;

    if (ngx_ssl_create(ssl, NGX_SSL_TLSv1_2|NGX_SSL_TLSv1_3, NULL) != NGX_OK) {
        return NGX_ERROR;
    }

    cln->handler = ngx_ssl_cleanup_ctx;
    cln->data = ssl;

    /* what is still to be sent may be moved meanwhile */

    SSL_CTX_set_mode(ssl->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE
                               |SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);

    if (ngx_hx_redis_conf_files(cf, conf->redis, ssl) != NGX_OK) {
        return NGX_ERROR;
    }

    conf->ssl = ssl;

    return NGX_OK;
}

#else

static ngx_int_t
ngx_hx_redis_conf_tls(ngx_conf_t *cf, ngx_hx_redis_conf_t *conf)
{
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "rediss needs an nginx that was built with OpenSSL");
    return NGX_ERROR;
}

#endif


ngx_int_t
ngx_hx_redis_conf_prepare(ngx_conf_t *cf, ngx_hx_redis_conf_t *conf)
{
    ngx_uint_t  i;

    for (i = 0; i < conf->redis->n_hosts; i++) {
        if (ngx_hx_redis_conf_host(cf, conf, i) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (conf->redis->tls) {
        return ngx_hx_redis_conf_tls(cf, conf);
    }

    return NGX_OK;
}
