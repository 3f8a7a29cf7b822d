/*
 * hx_io.h -- a non-blocking byte stream: a socket, with or without TLS.
 */

#ifndef HX_IO_H
#define HX_IO_H

#include <openssl/ssl.h>

#include "hx_types.h"

typedef enum {
    HX_IO_OK = 0,
    HX_IO_AGAIN,                /* wait for the socket */
    HX_IO_EOF,
    HX_IO_ERROR
} hx_io_rc_t;

typedef struct {
    int   fd;
    SSL  *ssl;                  /* NULL = plain */
    int   readable;             /* plain: bytes may be waiting */
    int   hup;                  /* the peer has ended: read up to the end */
    int   failed;               /* TLS: no shutdown message any more */
} hx_io_t;


/* A server context; NULL and one line in err. */
SSL_CTX *hx_io_tls(const char *cert, const char *key, char *err, size_t cap);

/* Takes over fd.  0 or -1 (out of memory; fd stays the caller's). */
int hx_io_init(hx_io_t *io, int fd, SSL_CTX *tls);
void hx_io_close(hx_io_t *io);

/* TLS only: OK when the handshake is complete. */
hx_io_rc_t hx_io_handshake(hx_io_t *io);

/* OK and *n >= 1 bytes. */
hx_io_rc_t hx_io_read(hx_io_t *io, void *buf, size_t cap, size_t *n);

/* OK and *n >= 1 bytes; more: another write follows at once. */
hx_io_rc_t hx_io_write(hx_io_t *io, const void *buf, size_t len, int more,
    size_t *n);

/* No more writing; the peer sees the end of the stream. */
void hx_io_shut(hx_io_t *io);

#endif /* HX_IO_H */
