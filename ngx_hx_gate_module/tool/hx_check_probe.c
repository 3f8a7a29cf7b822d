/*
 * hx_check_probe.c -- see the header.
 */

#define _GNU_SOURCE         /* memmem() */

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "hx_check_probe.h"
#include "hx_dial.h"
#include "hx_openssl.h"
#include "hx_text.h"

#define HX_PROBE_TRIES   4          /* addresses of one name */


static void
hx_probe_say(hx_probe_t *p, const char *what)
{
    (void) snprintf(p->why, sizeof(p->why), "%s", what);
}


static int
hx_probe_unix(hx_probe_t *p)
{
    int                 fd;
    struct sockaddr_un  sun;

    memset(&sun, 0, sizeof(sun));
    sun.sun_family = AF_UNIX;

    if (p->addr.path.len >= sizeof(sun.sun_path)) {
        hx_probe_say(p, strerror(ENAMETOOLONG));
        return -1;
    }

    memcpy(sun.sun_path, p->addr.path.data, p->addr.path.len);
    fd = hx_dial((struct sockaddr *) &sun, sizeof(sun), p->timeout);

    if (fd == -1) {
        hx_probe_say(p, strerror(errno));
    }

    return fd;
}


/* getaddrinfo() with the host of an address; 0, or what gai_strerror() knows */

static int
hx_probe_lookup(const hx_addr_t *a, struct addrinfo **list)
{
    char             host[256], port[8];
    struct addrinfo  hints;

    memset(&hints, 0, sizeof(hints));
    hints.ai_socktype = SOCK_STREAM;

    (void) snprintf(port, sizeof(port), "%u", a->port);
    (void) snprintf(host, sizeof(host), "%.*s", (int) a->host.len,
                    (const char *) a->host.data);

    if (hx_addr_any(a)) {
        (void) snprintf(host, sizeof(host), "%s",
                        hx_text_is(&a->host, "::") ? "::1" : "127.0.0.1");
    }

    return getaddrinfo(host, port, &hints, list);
}


static int
hx_probe_connect(hx_probe_t *p)
{
    int               fd, rc;
    unsigned          i;
    struct addrinfo  *list, *ai;

    if (p->addr.path.data != NULL) {
        return hx_probe_unix(p);
    }

    rc = hx_probe_lookup(&p->addr, &list);

    if (rc != 0) {
        hx_probe_say(p, gai_strerror(rc));
        return -1;
    }

    fd = -1;

    for (ai = list, i = 0; ai != NULL && i < HX_PROBE_TRIES && fd == -1;
         ai = ai->ai_next, i++)
    {
        fd = hx_dial(ai->ai_addr, ai->ai_addrlen, p->timeout);

        if (fd == -1) {
            hx_probe_say(p, strerror(errno));
        }
    }

    freeaddrinfo(list);

    return fd;
}


unsigned
hx_probe_resolve(const hx_addr_t *a, unsigned char (*addr)[16], unsigned *len,
    unsigned max, char *why)
{
    int                   rc;
    unsigned              n;
    struct addrinfo      *list, *ai;
    struct sockaddr_in    sin;
    struct sockaddr_in6   sin6;

    rc = hx_probe_lookup(a, &list);

    if (rc != 0) {
        (void) snprintf(why, HX_PROBE_WHY, "%s", gai_strerror(rc));
        return 0;
    }

    n = 0;

    for (ai = list; ai != NULL && n < max; ai = ai->ai_next) {
        if (ai->ai_family == AF_INET) {
            memcpy(&sin, ai->ai_addr, sizeof(sin));
            memcpy(addr[n], &sin.sin_addr, 4);
            len[n++] = 4;

        } else if (ai->ai_family == AF_INET6) {
            memcpy(&sin6, ai->ai_addr, sizeof(sin6));
            memcpy(addr[n], &sin6.sin6_addr, 16);
            len[n++] = 16;
        }
    }

    freeaddrinfo(list);

    return n;
}


static SSL *
hx_probe_ssl(const hx_probe_t *p, int fd)
{
    SSL      *ssl;
    SSL_CTX  *ctx;

    ctx = SSL_CTX_new(TLS_client_method());
    if (ctx == NULL) {
        return NULL;
    }

    SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);

    if (p->old) {
        /* or our own library would not even ask */
        SSL_CTX_set_security_level(ctx, 0);
        (void) SSL_CTX_set_cipher_list(ctx, "ALL:@SECLEVEL=0");
        (void) SSL_CTX_set_min_proto_version(ctx, TLS1_1_VERSION);
        (void) SSL_CTX_set_max_proto_version(ctx, TLS1_1_VERSION);

    } else {
        (void) SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    }

    ssl = SSL_new(ctx);
    SSL_CTX_free(ctx);

    if (ssl != NULL && (SSL_set_fd(ssl, fd) != 1
                        || (p->sni != NULL
                            && SSL_set_tlsext_host_name(ssl, p->sni) != 1)))
    {
        SSL_free(ssl);
        return NULL;
    }

    return ssl;
}


/* After a call that gave rc: 1 = again, 0 = ended, -1 = too late. */

static int
hx_probe_again(SSL *ssl, int rc, int64_t end)
{
    switch (SSL_get_error(ssl, rc)) {

    case SSL_ERROR_WANT_READ:
        return hx_dial_wait(SSL_get_fd(ssl), POLLIN, end) ? 1 : -1;

    case SSL_ERROR_WANT_WRITE:
        return hx_dial_wait(SSL_get_fd(ssl), POLLOUT, end) ? 1 : -1;

    default:
        return 0;
    }
}


static hx_probe_rc_t
hx_probe_handshake(hx_probe_t *p, SSL *ssl)
{
    int          rc, again;
    X509        *cert;
    int64_t      end;
    const char  *reason;

    end = hx_dial_now() + p->timeout;

    do {
        ERR_clear_error();
        rc = SSL_connect(ssl);
        again = rc == 1 ? 0 : hx_probe_again(ssl, rc, end);
    } while (again == 1);

    if (again == -1) {
        hx_probe_say(p, "the TLS handshake takes too long");
        return HX_PROBE_IO;
    }

    if (rc != 1) {
        reason = ERR_reason_error_string(ERR_peek_last_error());
        hx_probe_say(p, reason != NULL ? reason : "closed in the handshake");
        return HX_PROBE_TLS;
    }

    cert = SSL_get1_peer_certificate(ssl);

    if (cert != NULL) {
        p->expired = X509_cmp_current_time(X509_get0_notAfter(cert)) < 0;
        X509_free(cert);
    }

    return HX_PROBE_OK;
}


/* Bytes, 0 = the end of the answer, -1 = error or too late. */

static ssize_t
hx_probe_io(int fd, SSL *ssl, int writing, void *data, size_t len, int64_t end)
{
    int      rc, again;
    ssize_t  n;

    for ( ;; ) {
        if (ssl != NULL) {
            ERR_clear_error();
            rc = writing ? SSL_write(ssl, data, (int) len)
                         : SSL_read(ssl, data, (int) len);

            if (rc > 0) {
                return rc;
            }

            again = hx_probe_again(ssl, rc, end);

            if (again == 1) {
                continue;
            }

            return again == 0 && !writing ? 0 : -1;
        }

        n = writing ? send(fd, data, len, MSG_NOSIGNAL)
                    : recv(fd, data, len, 0);

        if (n >= 0) {
            return n;
        }

        if (errno != EINTR
            && (errno != EAGAIN
                || !hx_dial_wait(fd, writing ? POLLOUT : POLLIN, end)))
        {
            return -1;
        }
    }
}


static int
hx_probe_send(int fd, SSL *ssl, const char *text, int64_t end)
{
    size_t   len, done;
    ssize_t  n;

    len = strlen(text);

    for (done = 0; done < len; done += (size_t) n) {
        n = hx_probe_io(fd, ssl, 1, (void *) (text + done), len - done, end);

        if (n <= 0) {
            return 0;
        }
    }

    return 1;
}


/* Up to the end of the header: bodies say nothing that is asked for. */

static hx_probe_rc_t
hx_probe_answer(hx_probe_t *p, int fd, SSL *ssl)
{
    int64_t   end;
    ssize_t   n;
    hx_str_t  text;
    uint64_t  status;

    end = hx_dial_now() + p->timeout;
    p->len = 0;

    if (!hx_probe_send(fd, ssl, p->request, end)) {
        hx_probe_say(p, "the request could not be sent");
        return HX_PROBE_IO;
    }

    while (p->len < sizeof(p->answer)) {
        n = hx_probe_io(fd, ssl, 0, p->answer + p->len,
                        sizeof(p->answer) - p->len, end);

        if (n <= 0) {
            break;
        }

        p->len += (size_t) n;

        if (memmem(p->answer, p->len, "\r\n\r\n", 4) != NULL) {
            break;
        }
    }

    text.data = p->answer;
    text.len = p->len;

    if (p->len < 13 || memcmp(text.data, "HTTP/1.", 7) != 0
        || hx_text_parse_u64(text.data + 9, 3, 999, &status) != HX_OK)
    {
        hx_probe_say(p, p->len == 0 ? "no answer" : "no answer of HTTP");
        return HX_PROBE_IO;
    }

    p->status = (unsigned) status;

    return HX_PROBE_OK;
}


hx_probe_rc_t
hx_probe_run(hx_probe_t *p)
{
    int            fd;
    SSL           *ssl;
    hx_probe_rc_t  rc;

    p->status = 0;
    p->expired = 0;
    p->why[0] = '\0';

    fd = hx_probe_connect(p);
    if (fd == -1) {
        return HX_PROBE_CONNECT;
    }

    ssl = NULL;
    rc = HX_PROBE_OK;

    if (p->proxy
        && !hx_probe_send(fd, NULL, "PROXY UNKNOWN\r\n",
                          hx_dial_now() + p->timeout))
    {
        hx_probe_say(p, "the request could not be sent");
        rc = HX_PROBE_IO;
    }

    if (rc == HX_PROBE_OK && p->tls) {
        ssl = hx_probe_ssl(p, fd);

        if (ssl == NULL) {
            hx_probe_say(p, "OpenSSL has no memory");
            rc = HX_PROBE_IO;

        } else {
            rc = hx_probe_handshake(p, ssl);
        }
    }

    if (rc == HX_PROBE_OK && p->request != NULL) {
        rc = hx_probe_answer(p, fd, ssl);
    }

    SSL_free(ssl);
    (void) close(fd);

    return rc;
}


int
hx_probe_header(const hx_probe_t *p, const char *name, hx_str_t *value)
{
    size_t                i, n;
    const unsigned char  *s, *lf;

    n = strlen(name);

    for (i = 0; i < p->len; i = (size_t) (lf - p->answer) + 1) {
        s = p->answer + i;
        lf = memchr(s, '\n', p->len - i);

        if (lf == NULL || lf - s < 2) {         /* the end of the header */
            break;
        }

        if ((size_t) (lf - s) > n && s[n] == ':'
            && hx_text_ieq(s, n, name, n))
        {
            value->data = s + n + 1;
            value->len = (size_t) (lf - s) - n - 1;

            while (value->len != 0 && value->data[0] == ' ') {
                value->data++;
                value->len--;
            }

            while (value->len != 0 && value->data[value->len - 1] <= ' ') {
                value->len--;
            }

            return 1;
        }
    }

    return 0;
}
