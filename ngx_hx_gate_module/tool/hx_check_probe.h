/*
 * hx_check_probe.h -- one request to a server, with or without TLS.  Nothing
 * waits longer than the timeout, and no more than HX_PROBE_MAX bytes of an
 * answer are kept.  Certificates are not verified: what is asked is how the
 * server behaves, not who it is, and nothing secret is sent.
 */

#ifndef HX_CHECK_PROBE_H
#define HX_CHECK_PROBE_H

#include "hx_check_site.h"

#define HX_PROBE_MAX   16384
#define HX_PROBE_WHY   128

typedef enum {
    HX_PROBE_OK = 0,                /* an answer of HTTP, or (no request) a
                                     * connection */
    HX_PROBE_CONNECT,               /* nobody there */
    HX_PROBE_TLS,                   /* no handshake: the server did not want */
    HX_PROBE_IO                     /* no answer, or none of HTTP; also a
                                     * handshake that took too long */
} hx_probe_rc_t;

typedef struct {
    hx_addr_t        addr;          /* "*", "::": this machine */
    unsigned         timeout;       /* ms, for each of resolving a name (only
                                     * roughly), connect, handshake, answer */
    unsigned         tls:1;
    unsigned         old:1;         /* offer TLS 1.1 and nothing else */
    unsigned         proxy:1;       /* say PROXY first */
    const char      *sni;           /* or NULL */
    const char      *request;       /* NULL: only connect and shake hands */

    unsigned         status;
    unsigned         expired:1;     /* the certificate */
    char             why[HX_PROBE_WHY];
    size_t           len;
    unsigned char    answer[HX_PROBE_MAX];
} hx_probe_t;

hx_probe_rc_t hx_probe_run(hx_probe_t *p);

/* A header field of the answer (name in lower case): 1 and *value, or 0. */
int hx_probe_header(const hx_probe_t *p, const char *name, hx_str_t *value);

/*
 * The addresses of a host: at most max, as network order in 4 or 16 bytes;
 * returns how many, 0 and why.
 */
unsigned hx_probe_resolve(const hx_addr_t *a, unsigned char (*addr)[16],
    unsigned *len, unsigned max, char *why);

#endif /* HX_CHECK_PROBE_H */
