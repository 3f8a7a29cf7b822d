/*
 * hx_check_site.h -- what of an nginx configuration concerns HX Gate: where the
 * gate is on, who listens for it, which engine is behind it, and ways that lead
 * to the engine past it.  Pure.
 */

#ifndef HX_CHECK_SITE_H
#define HX_CHECK_SITE_H

#include "hx_check_conf.h"

#define HX_SITE_LOCATIONS  1024
#define HX_SITE_LISTENS    1024
#define HX_SITE_ENGINES    256
#define HX_SITE_WAYS       64
#define HX_SITE_HOOKS      64
#define HX_SITE_ADMINS     64
#define HX_SITE_PASSES     4096        /* "proxy_pass", all there are */

/* Where a socket is: a host and a port, or the path of a unix socket. */
typedef struct {
    hx_str_t   host;            /* without the brackets of IPv6 */
    unsigned   port;
    hx_str_t   path;            /* data NULL: none */
} hx_addr_t;

typedef struct {
    unsigned   node;            /* "listen", or the server when it has none */
    unsigned   server;
    hx_addr_t  addr;            /* host "*" or "::": all there are */
    unsigned   ssl:1;
    unsigned   quic:1;
    unsigned   proxy:1;         /* the PROXY protocol comes first */
} hx_site_listen_t;

typedef struct {
    unsigned   node;
    unsigned   server;          /* 0: in none */
    unsigned   shadow:1;        /* decides, but lets everything pass */
} hx_site_location_t;

typedef struct {
    unsigned   node;            /* "proxy_pass" */
    unsigned   location;
    hx_addr_t  addr;
    unsigned   tls:1;
    unsigned   unknown:1;       /* has a variable in it; no addr */
} hx_site_engine_t;

typedef struct {
    const hx_dump_t     *dump;
    unsigned             http;          /* block */
    unsigned char       *gates;         /* of each block; while reading */
    unsigned             n_passes;
    unsigned             n_locations;
    unsigned             n_listens;     /* of the servers of all these */
    unsigned             n_engines;
    unsigned             n_ways;        /* "proxy_pass" past the gate */
    unsigned             n_hooks;       /* "hx_gate_stripe_webhook" */
    unsigned             n_admins;      /* "hx_gate_admin" */
    hx_site_location_t   locations[HX_SITE_LOCATIONS];
    hx_site_listen_t     listens[HX_SITE_LISTENS];
    hx_site_engine_t     engines[HX_SITE_ENGINES];
    unsigned             ways[HX_SITE_WAYS];
    unsigned             hooks[HX_SITE_HOOKS];
    unsigned             admins[HX_SITE_ADMINS];
} hx_site_t;

/*
 * HX_OK; HX_NO: no directive of the gate is in it; HX_FAIL: more than there is
 * room for, with a text in err (HX_DUMP_ERR bytes).
 */
hx_rc_t hx_site_read(hx_site_t *site, const hx_dump_t *d, char *err);

/*
 * "host:port", "[ipv6]:port", "port" (if bare), "host", "unix:path"; port is
 * the one when none is said.  HX_NO: none of them.
 */
hx_rc_t hx_addr_parse(hx_addr_t *a, const hx_str_t *s, unsigned port, int bare);

/* Does nobody on another machine get there?  (By its name alone.) */
int hx_addr_loopback(const hx_addr_t *a);

/* "*", "0.0.0.0", "::" */
int hx_addr_any(const hx_addr_t *a);

/* Two spellings of one socket? */
int hx_addr_same(const hx_addr_t *a, const hx_addr_t *b);

/* The directive behind a given one, what is in it first; 0 at the end. */
unsigned hx_site_walk(const hx_dump_t *d, unsigned id);

/* The server block around a location, or 0. */
unsigned hx_site_server(const hx_dump_t *d, unsigned node);

/*
 * A parameter "name=" of a directive, behind its first words: 1 and its value,
 * or 0.
 */
int hx_site_param(const hx_dump_t *d, unsigned id, const char *name,
    hx_str_t *value);

/* A word by itself among them? */
int hx_site_flag(const hx_dump_t *d, unsigned id, const char *word);

/*
 * A time of nginx ("1s", "1m30s", "500ms", "10") in milliseconds, or dflt when
 * it is none.
 */
unsigned hx_site_ms(const hx_str_t *s, unsigned dflt);

#endif /* HX_CHECK_SITE_H */
