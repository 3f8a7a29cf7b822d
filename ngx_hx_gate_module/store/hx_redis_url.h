/*
 * hx_redis_url.h -- where Redis is and how it is talked to: the URL of the
 * directive, taken apart, and what is said beside it.  No nginx, no I/O.
 *
 *     redis://[user[:password]@]host[:port][/db]
 *     redis+sentinel://[user[:password]@]host[:port],.../master[/db]
 *     redis+cluster://[user[:password]@]host[:port],...
 *
 * and each of them with rediss: TLS.  User and password may have escapes (%40);
 * an IPv6 address stands in brackets.
 */

#ifndef HX_REDIS_URL_H
#define HX_REDIS_URL_H

#include "hx_types.h"

#define HX_REDIS_HOSTS         16
#define HX_REDIS_DB_MAX        15
#define HX_REDIS_PORT          6379
#define HX_REDIS_SENTINEL      26379
#define HX_REDIS_URL_MAX       4096         /* bytes */
#define HX_REDIS_MASTER_MAX    64           /* bytes of a master's name */
#define HX_REDIS_SECRET_MAX    512          /* bytes of user or password */
#define HX_REDIS_CONNECTIONS   64           /* at most, to one server */
#define HX_REDIS_TIMEOUT_MAX   60000        /* ms */

typedef enum {
    HX_REDIS_KIND_SINGLE = 0,
    HX_REDIS_KIND_SENTINEL,
    HX_REDIS_KIND_CLUSTER
} hx_redis_kind_t;

typedef enum {
    HX_REDIS_HOST_NAME = 0,
    HX_REDIS_HOST_V4,
    HX_REDIS_HOST_V6
} hx_redis_host_form_t;

typedef struct {
    hx_str_t              name;         /* an address is without brackets */
    unsigned              port;
    hx_redis_host_form_t  form;
} hx_redis_host_t;

typedef struct {
    /* what the URL says */
    hx_redis_kind_t  kind;
    int              tls;
    unsigned         n_hosts;           /* of sentinels these are their hosts */
    hx_redis_host_t  hosts[HX_REDIS_HOSTS];
    hx_str_t         user;              /* decoded; len 0 = none */
    hx_str_t         password;          /* decoded; len 0 = none */
    hx_str_t         master;            /* sentinel: the master's name */
    unsigned         db;

    /* what is said beside it; hx_redis_url_parse() sets the defaults */
    hx_str_t         ca;                /* file; len 0 = the system's */
    hx_str_t         certificate;       /* files; len 0 = none */
    hx_str_t         certificate_key;
    hx_str_t         server_name;       /* len 0 = the host's own */
    unsigned         connect_timeout;   /* ms */
    unsigned         timeout;           /* ms */
    unsigned         connections;       /* to one server */
} hx_redis_conf_t;

typedef struct {
    const char  *what;          /* for people, constant */
    hx_str_t     where;         /* the part of the URL; len 0 = no part, or one
                                 * that must not be shown */
} hx_redis_url_err_t;

/* Does it begin as one of the URLs do? */
int hx_redis_url_is(const unsigned char *url, size_t len);

/*
 * Fills all of *conf.  url and secrets (room for len bytes, gets user and
 * password decoded: the caller's to cleanse) must outlive it.  HX_OK, or HX_NO
 * and *err; neither shows user or password.
 */
hx_rc_t hx_redis_url_parse(hx_redis_conf_t *conf, const unsigned char *url,
    size_t len, unsigned char *secrets, hx_redis_url_err_t *err);

/*
 * Does it go together, once all is said beside the URL?  HX_NO: *err says what
 * does not.
 */
hx_rc_t hx_redis_conf_check(const hx_redis_conf_t *conf,
    hx_redis_url_err_t *err);

#endif /* HX_REDIS_URL_H */
