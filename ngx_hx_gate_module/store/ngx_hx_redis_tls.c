/*
 * ngx_hx_redis_tls.c -- TLS to Redis: nginx's, without waiting.  The server's
 * certificate has to be signed by the CA and be for the name or address that
 * is connected to (or for server_name); else nothing is sent, not even a
 * password.
 */

#include "ngx_hx_redis_impl.h"


#if (NGX_SSL)

static void ngx_hx_redis_tls_done(ngx_connection_t *c);


/* Whose certificate it has to be. */
static ngx_str_t
ngx_hx_redis_tls_name(const ngx_hx_redis_node_t *node, ngx_uint_t *address)
{
    u_char           v6[16];
    ngx_str_t        name;
    const hx_str_t  *given;

    given = &node->redis->conf->redis->server_name;
    *address = 0;

    if (given->len != 0) {
        name.data = (u_char *) given->data;
        name.len = given->len;
        *address = ngx_inet_addr(name.data, name.len) != INADDR_NONE
                   || ngx_inet6_addr(name.data, name.len, v6) == NGX_OK;
        return name;
    }

    *address = (node->form != HX_REDIS_HOST_NAME);
    name = node->name;

    /* the dot at the end of an absolute name is in no certificate */

    if (!*address && name.len > 1 && name.data[name.len - 1] == '.') {
        name.len--;
    }

    return name;
}


static ngx_int_t
ngx_hx_redis_tls_text(const ngx_str_t *name, char *text, size_t size)
{
    if (name->len >= size) {
        return NGX_ERROR;
    }

    (void) ngx_cpystrn((u_char *) text, name->data, name->len + 1);

    return NGX_OK;
}


static ngx_int_t
ngx_hx_redis_tls_sni(ngx_connection_t *c, const ngx_hx_redis_node_t *node)
{
    char        text[256];
    ngx_str_t   name;
    ngx_uint_t  address;

    name = ngx_hx_redis_tls_name(node, &address);

    if (address) {
        return NGX_OK;
    }

    if (ngx_hx_redis_tls_text(&name, text, sizeof(text)) != NGX_OK
        || SSL_set_tlsext_host_name(c->ssl->connection, text) == 0)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* Is the certificate for who we wanted?  nginx's check knows names only. */
static ngx_int_t
ngx_hx_redis_tls_match(ngx_connection_t *c, const ngx_hx_redis_node_t *node)
{
    int         rc;
    char        text[64];
    X509       *cert;
    ngx_str_t   name;
    ngx_uint_t  address;

    name = ngx_hx_redis_tls_name(node, &address);

    if (!address) {
        return ngx_ssl_check_host(c, &name);
    }

    if (ngx_hx_redis_tls_text(&name, text, sizeof(text)) != NGX_OK) {
        return NGX_ERROR;
    }

    cert = SSL_get_peer_certificate(c->ssl->connection);
    if (cert == NULL) {
        return NGX_ERROR;
    }

    rc = X509_check_ip_asc(cert, text, 0);
    X509_free(cert);

    return rc == 1 ? NGX_OK : NGX_ERROR;
}


void
ngx_hx_redis_tls_start(ngx_hx_redis_link_t *link)
{
    ngx_int_t          rc;
    ngx_connection_t  *c = link->c;

    if (ngx_ssl_create_connection(link->node->redis->conf->ssl, c,
                                  NGX_SSL_BUFFER|NGX_SSL_CLIENT)
        != NGX_OK
        || ngx_hx_redis_tls_sni(c, link->node) != NGX_OK)
    {
        ngx_hx_redis_link_close(link, NGX_HX_REDIS_TLS, NULL);
        return;
    }

    rc = ngx_ssl_handshake(c);

    if (rc == NGX_AGAIN) {
        c->ssl->handler = ngx_hx_redis_tls_done;
        return;
    }

    ngx_hx_redis_tls_done(c);
}


static void
ngx_hx_redis_tls_done(ngx_connection_t *c)
{
    long                  verified;
    ngx_hx_redis_link_t  *link = c->data;

    if (!c->ssl->handshaked) {
        ngx_hx_redis_link_close(link, NGX_HX_REDIS_TLS, "handshake failed");
        return;
    }

    verified = SSL_get_verify_result(c->ssl->connection);

    if (verified != X509_V_OK) {
        ngx_hx_redis_link_close(link, NGX_HX_REDIS_TLS,
                                X509_verify_cert_error_string(verified));
        return;
    }

    if (ngx_hx_redis_tls_match(c, link->node) != NGX_OK) {
        ngx_hx_redis_link_close(link, NGX_HX_REDIS_TLS,
                                "the certificate is for another name");
        return;
    }

    ngx_hx_redis_link_connected(link);
}


void
ngx_hx_redis_tls_shutdown(ngx_connection_t *c)
{
    if (c->ssl == NULL) {
        return;
    }

    c->ssl->no_wait_shutdown = 1;

    /* what cannot be written now would keep the session for ever */

    if (!c->ssl->handshaked || !c->write->ready) {
        c->ssl->no_send_shutdown = 1;
    }

    (void) ngx_ssl_shutdown(c);
}

#else

void
ngx_hx_redis_tls_start(ngx_hx_redis_link_t *link)
{
    ngx_hx_redis_link_close(link, NGX_HX_REDIS_TLS, "nginx has no TLS");
}


void
ngx_hx_redis_tls_shutdown(ngx_connection_t *c)
{
}

#endif
