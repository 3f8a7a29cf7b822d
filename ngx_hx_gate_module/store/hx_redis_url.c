/*
 * hx_redis_url.c -- takes the URL of a Redis apart and says what is wrong with
 * it.  User and password are never part of what is said.
 */

#include "hx_redis_url_impl.h"

#include <string.h>

#include "hx_text.h"


typedef struct {
    const char       *scheme;           /* with the "://" */
    hx_redis_kind_t   kind;
    int               tls;
} hx_redis_scheme_t;

static const hx_redis_scheme_t  hx_redis_schemes[] = {
    { "redis://", HX_REDIS_KIND_SINGLE, 0 },
    { "rediss://", HX_REDIS_KIND_SINGLE, 1 },
    { "redis+sentinel://", HX_REDIS_KIND_SENTINEL, 0 },
    { "rediss+sentinel://", HX_REDIS_KIND_SENTINEL, 1 },
    { "redis+cluster://", HX_REDIS_KIND_CLUSTER, 0 },
    { "rediss+cluster://", HX_REDIS_KIND_CLUSTER, 1 }
};


static hx_rc_t
hx_redis_hosts(hx_redis_conf_t *conf, const hx_str_t *list,
    hx_redis_url_err_t *err)
{
    int               more;
    hx_str_t          member, rest;
    unsigned          i, dflt;
    hx_redis_host_t  *host;

    dflt = conf->kind == HX_REDIS_KIND_SENTINEL ? HX_REDIS_SENTINEL
                                                : HX_REDIS_PORT;
    rest = *list;

    do {
        member = rest;
        more = hx_redis_cut(&member, ',', &rest);

        if (conf->n_hosts == HX_REDIS_HOSTS) {
            return hx_redis_bad(err, "more than 16 hosts", &member);
        }

        host = &conf->hosts[conf->n_hosts];

        if (hx_redis_host(host, &member, dflt, err) != HX_OK) {
            return HX_NO;
        }

        for (i = 0; i < conf->n_hosts; i++) {
            if (hx_text_eq(&conf->hosts[i].name, &host->name)
                && conf->hosts[i].port == host->port)
            {
                return hx_redis_bad(err, "the host is there twice", &member);
            }
        }

        conf->n_hosts++;

    } while (more);

    if (conf->n_hosts > 1 && conf->kind == HX_REDIS_KIND_SINGLE) {
        return hx_redis_bad(err, "one host only; several need redis+sentinel or"
                            " redis+cluster", list);
    }

    return HX_OK;
}


/* Decodes to *mem and moves it on. */
static hx_rc_t
hx_redis_secret(hx_str_t *out, const hx_str_t *in, unsigned char **mem,
    hx_redis_url_err_t *err)
{
    size_t          i;
    unsigned char  *p;

    p = *mem;
    out->data = p;

    for (i = 0; i < in->len; i++) {
        if (in->data[i] != '%') {
            if (in->data[i] <= ' ' || in->data[i] == 0x7f) {
                return hx_redis_bad(err, "a blank or control character in user"
                                    " or password has to be escaped", NULL);
            }

            *p++ = in->data[i];
            continue;
        }

        if (in->len - i < 3 || hx_text_unhex(p, in->data + i + 1, 1) != HX_OK) {
            return hx_redis_bad(err, "\"%\" without two hex digits in user or"
                                " password", NULL);
        }

        if (*p == '\0') {
            return hx_redis_bad(err, "a zero byte in user or password", NULL);
        }

        p++;
        i += 2;
    }

    out->len = (size_t) (p - out->data);
    *mem = p;

    if (out->len > HX_REDIS_SECRET_MAX) {
        return hx_redis_bad(err, "user or password is longer than 512 bytes",
                            NULL);
    }

    return HX_OK;
}


/* user[:password]@ in front of the hosts; *s becomes what is behind it */
static hx_rc_t
hx_redis_login(hx_redis_conf_t *conf, hx_str_t *s, unsigned char *mem,
    hx_redis_url_err_t *err)
{
    hx_str_t  user, password, rest;

    user = *s;

    if (!hx_redis_cut(&user, '@', &rest)) {
        return HX_OK;
    }

    if (rest.len != 0 && memchr(rest.data, '@', rest.len) != NULL) {
        return hx_redis_bad(err, "an \"@\" in user or password has to be"
                            " written %40", NULL);
    }

    *s = rest;
    password.data = NULL;
    password.len = 0;

    if (hx_redis_cut(&user, ':', &password) && password.len == 0) {
        return hx_redis_bad(err, "the password is empty", NULL);
    }

    if (user.len == 0 && password.len == 0) {
        return hx_redis_bad(err, "no user in front of the \"@\"", NULL);
    }

    if (hx_redis_secret(&conf->user, &user, &mem, err) != HX_OK) {
        return HX_NO;
    }

    return hx_redis_secret(&conf->password, &password, &mem, err);
}


static hx_rc_t
hx_redis_master(hx_redis_conf_t *conf, const hx_str_t *name,
    hx_redis_url_err_t *err)
{
    size_t  i;

    if (name->len == 0) {
        return hx_redis_bad(err, "the name of the master is missing", NULL);
    }

    if (name->len > HX_REDIS_MASTER_MAX) {
        return hx_redis_bad(err, "the name of the master is longer than 64"
                            " bytes", NULL);
    }

    for (i = 0; i < name->len; i++) {
        if (!hx_redis_name_byte(name->data[i]) && name->data[i] != '.') {
            return hx_redis_bad(err, "not a name of a master", name);
        }
    }

    conf->master = *name;

    return HX_OK;
}


static hx_rc_t
hx_redis_path(hx_redis_conf_t *conf, hx_str_t *path, hx_redis_url_err_t *err)
{
    int       has_db;
    hx_str_t  db;
    uint64_t  v;

    if (conf->kind == HX_REDIS_KIND_CLUSTER) {
        return hx_redis_bad(err, "a cluster has no databases", path);
    }

    db = *path;
    has_db = 1;

    if (conf->kind == HX_REDIS_KIND_SENTINEL) {
        has_db = hx_redis_cut(path, '/', &db);

        if (hx_redis_master(conf, path, err) != HX_OK) {
            return HX_NO;
        }
    }

    if (!has_db) {
        return HX_OK;
    }

    if (hx_text_parse_u64(db.data, db.len, HX_REDIS_DB_MAX, &v) != HX_OK) {
        return hx_redis_bad(err, "not a database (0 to 15)", &db);
    }

    conf->db = (unsigned) v;

    return HX_OK;
}


static const hx_redis_scheme_t *
hx_redis_scheme(const hx_str_t *url, hx_str_t *rest)
{
    size_t  i;

    for (i = 0; i < hx_nelts(hx_redis_schemes); i++) {
        if (hx_text_after(url, hx_redis_schemes[i].scheme, rest)) {
            return &hx_redis_schemes[i];
        }
    }

    return NULL;
}


int
hx_redis_url_is(const unsigned char *url, size_t len)
{
    hx_str_t  s, rest;

    s.data = url;
    s.len = len;

    return hx_redis_scheme(&s, &rest) != NULL;
}


hx_rc_t
hx_redis_url_parse(hx_redis_conf_t *conf, const unsigned char *url, size_t len,
    unsigned char *secrets, hx_redis_url_err_t *err)
{
    int                       has_path;
    hx_str_t                  s, path;
    const hx_redis_scheme_t  *scheme;

    memset(conf, 0, sizeof(hx_redis_conf_t));

    conf->connect_timeout = 50;
    conf->timeout = 50;
    conf->connections = 4;

    s.data = url;
    s.len = len;

    scheme = hx_redis_scheme(&s, &s);

    if (scheme == NULL) {
        return hx_redis_bad(err, "not redis://, rediss:// or one of them with"
                            " +sentinel or +cluster", NULL);
    }

    if (len > HX_REDIS_URL_MAX) {
        return hx_redis_bad(err, "longer than 4096 bytes", NULL);
    }

    conf->kind = scheme->kind;
    conf->tls = scheme->tls;

    /* the password first: nothing of it may be taken for a path */

    has_path = hx_redis_cut(&s, '/', &path);

    if (has_path && memchr(path.data, '@', path.len) != NULL) {
        return hx_redis_bad(err, "a \"/\" in user or password has to be written"
                            " %2F", NULL);
    }

    if (hx_redis_login(conf, &s, secrets, err) != HX_OK) {
        return HX_NO;
    }

    if (hx_redis_hosts(conf, &s, err) != HX_OK) {
        return HX_NO;
    }

    if (has_path) {
        return hx_redis_path(conf, &path, err);
    }

    if (conf->kind == HX_REDIS_KIND_SENTINEL) {
        return hx_redis_bad(err, "the name of the master is missing", NULL);
    }

    return HX_OK;
}


hx_rc_t
hx_redis_conf_check(const hx_redis_conf_t *conf, hx_redis_url_err_t *err)
{
    if (conf->user.len != 0 && conf->password.len == 0) {
        return hx_redis_bad(err, "a user without a password", &conf->user);
    }

    if (!conf->tls
        && (conf->ca.len != 0 || conf->certificate.len != 0
            || conf->certificate_key.len != 0 || conf->server_name.len != 0))
    {
        return hx_redis_bad(err, "\"ca\", \"certificate\", \"certificate_key\""
                            " and \"server_name\" need rediss", NULL);
    }

    if ((conf->certificate.len != 0) != (conf->certificate_key.len != 0)) {
        return hx_redis_bad(err, "\"certificate\" and \"certificate_key\" need"
                            " each other", NULL);
    }

    if (conf->connections < 1 || conf->connections > HX_REDIS_CONNECTIONS) {
        return hx_redis_bad(err, "\"connections\" has to be 1 to 64", NULL);
    }

    if (conf->connect_timeout < 1
        || conf->connect_timeout > HX_REDIS_TIMEOUT_MAX)
    {
        return hx_redis_bad(err, "\"connect_timeout\" has to be 1ms to 60s",
                            NULL);
    }

    if (conf->timeout < 1 || conf->timeout > HX_REDIS_TIMEOUT_MAX) {
        return hx_redis_bad(err, "\"timeout\" has to be 1ms to 60s", NULL);
    }

    return HX_OK;
}
