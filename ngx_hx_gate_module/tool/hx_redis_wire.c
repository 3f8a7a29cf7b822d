/*
 * hx_redis_wire.c -- one connection to a Redis, TCP or TLS, that waits for
 * nothing longer than its timeouts; see hx_redis_block.h.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "hx_dial.h"
#include "hx_redis_block.h"


struct hx_wire_s {
    int         fd;
    unsigned    timeout;                /* ms */
    SSL_CTX    *ctx;                    /* NULL: no TLS */
    SSL        *ssl;
    char        name[HX_REDIS_TEXT + 16];   /* of the host, for texts */
};


static hx_rc_t
hx_wire_fail(const hx_wire_t *w, const char *what, const char *why, char *err)
{
    (void) snprintf(err, HX_FLEET_ERR, "%.100s: %s: %s", w->name, what,
                    why);

    return HX_FAIL;
}


static hx_rc_t
hx_wire_connect(hx_wire_t *w, const hx_redis_target_t *conf,
    const hx_redis_peer_t *host, char *err)
{
    int               rc, one;
    char              port[8];
    struct addrinfo   hints, *list, *ai;

    memset(&hints, 0, sizeof(hints));
    hints.ai_socktype = SOCK_STREAM;
    (void) snprintf(port, sizeof(port), "%u", host->port);

    rc = getaddrinfo(host->name, port, &hints, &list);
    if (rc != 0) {
        return hx_wire_fail(w, "name", gai_strerror(rc), err);
    }

    for (ai = list; ai != NULL && w->fd == -1; ai = ai->ai_next) {
        w->fd = hx_dial(ai->ai_addr, ai->ai_addrlen, conf->connect_ms);
    }

    rc = errno;
    freeaddrinfo(list);

    if (w->fd == -1) {
        return hx_wire_fail(w, "connect", strerror(rc), err);
    }

    one = 1;
    (void) setsockopt(w->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));

    return HX_OK;
}


/* What OpenSSL has to say, without its numbers. */

static hx_rc_t
hx_wire_ssl_fail(const hx_wire_t *w, const char *what, char *err)
{
    long           verify;
    const char    *why;
    unsigned long  code;

    code = ERR_peek_last_error();
    why = code != 0 ? ERR_reason_error_string(code) : NULL;
    verify = w->ssl != NULL ? SSL_get_verify_result(w->ssl) : X509_V_OK;

    if (verify != X509_V_OK) {
        why = X509_verify_cert_error_string(verify);
    }

    return hx_wire_fail(w, what, why != NULL ? why : "closed", err);
}


static hx_rc_t
hx_wire_ctx(hx_wire_t *w, const hx_redis_target_t *conf, char *err)
{
    w->ctx = SSL_CTX_new(TLS_client_method());

    if (w->ctx == NULL
        || SSL_CTX_set_min_proto_version(w->ctx, TLS1_2_VERSION) != 1)
    {
        return hx_wire_ssl_fail(w, "TLS", err);
    }

    if (conf->ca[0] != '\0'
        ? SSL_CTX_load_verify_locations(w->ctx, conf->ca, NULL) != 1
        : SSL_CTX_set_default_verify_paths(w->ctx) != 1)
    {
        return hx_wire_ssl_fail(w, "ca", err);
    }

    if (conf->certificate[0] != '\0'
        && (SSL_CTX_use_certificate_chain_file(w->ctx, conf->certificate) != 1
            || SSL_CTX_use_PrivateKey_file(w->ctx,
                                           conf->certificate_key[0] != '\0'
                                           ? conf->certificate_key
                                           : conf->certificate,
                                           SSL_FILETYPE_PEM)
               != 1))
    {
        return hx_wire_ssl_fail(w, "certificate", err);
    }

    SSL_CTX_set_verify(w->ctx, SSL_VERIFY_PEER, NULL);

    return HX_OK;
}


/* Whoever answers has to be this one. */

static int
hx_wire_expect(hx_wire_t *w, const char *name)
{
    unsigned char  addr[sizeof(struct in6_addr)];

    if (inet_pton(AF_INET, name, addr) == 1
        || inet_pton(AF_INET6, name, addr) == 1)
    {
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(w->ssl), name);
    }

    return SSL_set1_host(w->ssl, name)
           && SSL_set_tlsext_host_name(w->ssl, name);
}


/* Waits for what OpenSSL wants; HX_NO: it wants nothing, it has failed. */

static hx_rc_t
hx_wire_ssl_wait(hx_wire_t *w, int rc, int64_t end, char *err)
{
    short  events;

    switch (SSL_get_error(w->ssl, rc)) {

    case SSL_ERROR_WANT_READ:
        events = POLLIN;
        break;

    case SSL_ERROR_WANT_WRITE:
        events = POLLOUT;
        break;

    default:
        return HX_NO;
    }

    return hx_dial_wait(w->fd, events, end)
           ? HX_OK : hx_wire_fail(w, "TLS", strerror(ETIMEDOUT), err);
}


static hx_rc_t
hx_wire_handshake(hx_wire_t *w, const hx_redis_target_t *conf,
    const hx_redis_peer_t *host, char *err)
{
    int          rc;
    int64_t      end;
    hx_rc_t      waited;
    const char  *name;

    if (hx_wire_ctx(w, conf, err) != HX_OK) {
        return HX_FAIL;
    }

    name = conf->server_name[0] != '\0' ? conf->server_name : host->name;
    w->ssl = SSL_new(w->ctx);

    if (w->ssl == NULL || SSL_set_fd(w->ssl, w->fd) != 1
        || !hx_wire_expect(w, name))
    {
        return hx_wire_ssl_fail(w, "TLS", err);
    }

    end = hx_dial_now() + conf->connect_ms;

    while ((rc = SSL_connect(w->ssl)) != 1) {
        waited = hx_wire_ssl_wait(w, rc, end, err);

        if (waited != HX_OK) {
            return waited == HX_FAIL
                   ? HX_FAIL : hx_wire_ssl_fail(w, "TLS handshake", err);
        }
    }

    return HX_OK;
}


hx_rc_t
hx_wire_open(hx_wire_t **out, const hx_redis_target_t *conf,
    const hx_redis_peer_t *host, char *err)
{
    hx_rc_t     rc;
    hx_wire_t  *w;

    *out = NULL;

    w = calloc(1, sizeof(hx_wire_t));
    if (w == NULL) {
        (void) snprintf(err, HX_FLEET_ERR, "no memory");
        return HX_FAIL;
    }

    w->fd = -1;
    w->timeout = conf->timeout_ms;
    (void) snprintf(w->name, sizeof(w->name), "%s:%u", host->name, host->port);

    rc = hx_wire_connect(w, conf, host, err);

    if (rc == HX_OK && conf->tls) {
        rc = hx_wire_handshake(w, conf, host, err);
    }

    if (rc != HX_OK) {
        hx_wire_close(w);
        return HX_FAIL;
    }

    *out = w;

    return HX_OK;
}


void
hx_wire_close(hx_wire_t *w)
{
    if (w == NULL) {
        return;
    }

    SSL_free(w->ssl);
    SSL_CTX_free(w->ctx);

    if (w->fd != -1) {
        (void) close(w->fd);
    }

    free(w);
}


/* n bytes, 0: again, -1: err is written. */

static ssize_t
hx_wire_io(hx_wire_t *w, char *in, const char *out, size_t len, int64_t end,
    char *err)
{
    int      rc;
    ssize_t  n;

    if (w->ssl != NULL) {
        ERR_clear_error();
        len = len > 1 << 30 ? 1 << 30 : len;
        rc = in != NULL ? SSL_read(w->ssl, in, (int) len)
                        : SSL_write(w->ssl, out, (int) len);

        if (rc > 0) {
            return rc;
        }

        switch (hx_wire_ssl_wait(w, rc, end, err)) {

        case HX_OK:
            return 0;

        case HX_NO:
            (void) hx_wire_ssl_fail(w, "TLS", err);
            /* fall through */

        default:
            return -1;
        }
    }

    n = in != NULL ? recv(w->fd, in, len, 0)
                   : send(w->fd, out, len, MSG_NOSIGNAL);

    if (n > 0) {
        return n;
    }

    if (n == 0) {
        (void) hx_wire_fail(w, "read", "closed", err);
        return -1;
    }

    if (errno != EAGAIN && errno != EINTR) {
        (void) hx_wire_fail(w, in != NULL ? "read" : "write", strerror(errno),
                            err);
        return -1;
    }

    if (!hx_dial_wait(w->fd, in != NULL ? POLLIN : POLLOUT, end)) {
        (void) hx_wire_fail(w, in != NULL ? "read" : "write",
                            strerror(ETIMEDOUT), err);
        return -1;
    }

    return 0;
}


hx_rc_t
hx_wire_write(hx_wire_t *w, const char *p, size_t len, char *err)
{
    int64_t  end;
    ssize_t  n;

    end = hx_dial_now() + w->timeout;

    while (len != 0) {
        n = hx_wire_io(w, NULL, p, len, end, err);

        if (n == -1) {
            return HX_FAIL;
        }

        p += n;
        len -= (size_t) n;
    }

    return HX_OK;
}


hx_rc_t
hx_wire_read(hx_wire_t *w, char *p, size_t cap, size_t *len, char *err)
{
    int64_t  end;
    ssize_t  n;

    end = hx_dial_now() + w->timeout;

    do {
        n = hx_wire_io(w, p, NULL, cap, end, err);
    } while (n == 0);

    *len = n > 0 ? (size_t) n : 0;

    return n > 0 ? HX_OK : HX_FAIL;
}
