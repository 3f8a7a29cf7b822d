/*
 * hx_io.c -- see the header.  TLS 1.2 and 1.3 through OpenSSL.
 *
 * A failed TLS operation ends the connection; OpenSSL's error queue is per
 * thread and cleared before each call, or an old error would be taken for a
 * new one.
 */

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hx_io.h"


static SSL_CTX *
hx_io_tls_fail(SSL_CTX *ctx, const char *what, const char *file, char *err,
    size_t cap)
{
    char  text[160];

    ERR_error_string_n(ERR_peek_last_error(), text, sizeof(text));
    snprintf(err, cap, "%s %s: %s", what, file, text);
    ERR_clear_error();
    SSL_CTX_free(ctx);

    return NULL;
}


SSL_CTX *
hx_io_tls(const char *cert, const char *key, char *err, size_t cap)
{
    SSL_CTX  *ctx;

    ctx = SSL_CTX_new(TLS_server_method());
    if (ctx == NULL
        || SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1)
    {
        return hx_io_tls_fail(ctx, "cannot set up TLS", "", err, cap);
    }

    if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1) {
        return hx_io_tls_fail(ctx, "HOLONOMIX_TLS_CERT_PATH: cannot use",
                              cert, err, cap);
    }

    if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1
        || SSL_CTX_check_private_key(ctx) != 1)
    {
        return hx_io_tls_fail(ctx, "HOLONOMIX_TLS_KEY_PATH: cannot use", key,
                              err, cap);
    }

    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION
                             | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE
                          | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
                          | SSL_MODE_RELEASE_BUFFERS);

    return ctx;
}


int
hx_io_init(hx_io_t *io, int fd, SSL_CTX *tls)
{
    io->fd = fd;
    io->ssl = NULL;
    io->readable = 1;
    io->hup = 0;
    io->failed = 0;

    if (tls == NULL) {
        return 0;
    }

    io->ssl = SSL_new(tls);

    if (io->ssl == NULL || SSL_set_fd(io->ssl, fd) != 1) {
        SSL_free(io->ssl);
        io->ssl = NULL;
        return -1;
    }

    SSL_set_accept_state(io->ssl);

    return 0;
}


void
hx_io_close(hx_io_t *io)
{
    if (io->ssl != NULL) {
        hx_io_shut(io);
        SSL_free(io->ssl);
        io->ssl = NULL;
    }

    if (io->fd != -1) {
        close(io->fd);
        io->fd = -1;
    }
}


static hx_io_rc_t
hx_io_tls_rc(hx_io_t *io, int rc)
{
    switch (SSL_get_error(io->ssl, rc)) {

    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return HX_IO_AGAIN;

    case SSL_ERROR_ZERO_RETURN:
        return HX_IO_EOF;

    default:
        io->failed = 1;
        return HX_IO_ERROR;
    }
}


hx_io_rc_t
hx_io_handshake(hx_io_t *io)
{
    int  rc;

    ERR_clear_error();
    rc = SSL_do_handshake(io->ssl);

    return rc == 1 ? HX_IO_OK : hx_io_tls_rc(io, rc);
}


hx_io_rc_t
hx_io_read(hx_io_t *io, void *buf, size_t cap, size_t *n)
{
    int      rc;
    ssize_t  got;

    *n = 0;

    if (io->ssl != NULL) {
        ERR_clear_error();
        rc = SSL_read_ex(io->ssl, buf, cap, n);

        return rc == 1 ? HX_IO_OK : hx_io_tls_rc(io, rc);
    }

    if (!io->readable) {
        return HX_IO_AGAIN;
    }

    do {
        got = recv(io->fd, buf, cap, 0);
    } while (got == -1 && errno == EINTR);

    if (got == -1) {
        io->readable = 0;

        return errno == EAGAIN || errno == EWOULDBLOCK ? HX_IO_AGAIN
                                                       : HX_IO_ERROR;
    }

    if (got == 0) {
        return HX_IO_EOF;
    }

    *n = (size_t) got;

    if (*n < cap && !io->hup) {
        io->readable = 0;       /* drained; the next byte is a new event */
    }

    return HX_IO_OK;
}


hx_io_rc_t
hx_io_write(hx_io_t *io, const void *buf, size_t len, int more, size_t *n)
{
    int      rc;
    ssize_t  sent;

    *n = 0;

    if (io->ssl != NULL) {
        ERR_clear_error();
        rc = SSL_write_ex(io->ssl, buf, len, n);

        return rc == 1 ? HX_IO_OK : hx_io_tls_rc(io, rc);
    }

    do {
        sent = send(io->fd, buf, len, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
    } while (sent == -1 && errno == EINTR);

    if (sent == -1) {
        return errno == EAGAIN || errno == EWOULDBLOCK ? HX_IO_AGAIN
                                                       : HX_IO_ERROR;
    }

    *n = (size_t) sent;

    return HX_IO_OK;
}


void
hx_io_shut(hx_io_t *io)
{
    if (io->ssl != NULL) {
        if (!io->failed && SSL_is_init_finished(io->ssl)) {
            ERR_clear_error();
            (void) SSL_shutdown(io->ssl);
        }
        io->failed = 1;
    }

    (void) shutdown(io->fd, SHUT_WR);
}
