/*
 * ngx_hx_conf_fleet.c -- hx_gate_registry redis://… and its kind: what is said
 * beside the URL.
 */

#include "ngx_hx_conf.h"

#include "ngx_hx_fleet.h"


#define NGX_HX_FLEET_CONNECT     50         /* ms */
#define NGX_HX_FLEET_TIMEOUT     50
#define NGX_HX_FLEET_RESYNC      1000
#define NGX_HX_FLEET_STALE       30000


typedef char *(*ngx_hx_fleet_word_pt)(ngx_conf_t *cf,
    ngx_hx_registry_conf_t *conf, const ngx_str_t *v);

typedef struct {
    ngx_str_t             name;             /* with "=" */
    ngx_hx_fleet_word_pt  set;
} ngx_hx_fleet_word_t;


static hx_str_t
ngx_hx_fleet_str(const ngx_str_t *s)
{
    hx_str_t  h;

    h.data = s->data;
    h.len = s->len;

    return h;
}


/* A number of ms from "least" to "most". */

static char *
ngx_hx_fleet_time(ngx_conf_t *cf, const char *name, const ngx_str_t *v,
    ngx_int_t least, ngx_int_t most, ngx_msec_t *ms)
{
    ngx_int_t  n;
    ngx_str_t  s;

    s = *v;
    n = ngx_parse_time(&s, 0);

    if (n < least || n > most) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid %s \"%V\", it must be from %ims to %ims",
                           name, v, least, most);
        return NGX_CONF_ERROR;
    }

    *ms = (ngx_msec_t) n;

    return NGX_CONF_OK;
}


static char *
ngx_hx_fleet_connect_timeout(ngx_conf_t *cf, ngx_hx_registry_conf_t *conf,
    const ngx_str_t *v)
{
    char        *rv;
    ngx_msec_t   ms;

    rv = ngx_hx_fleet_time(cf, "connect_timeout", v, 1, HX_REDIS_TIMEOUT_MAX,
                           &ms);
    if (rv == NGX_CONF_OK) {
        conf->fleet->url.connect_timeout = (unsigned) ms;
    }

    return rv;
}


static char *
ngx_hx_fleet_timeout(ngx_conf_t *cf, ngx_hx_registry_conf_t *conf,
    const ngx_str_t *v)
{
    char        *rv;
    ngx_msec_t   ms;

    rv = ngx_hx_fleet_time(cf, "timeout", v, 1, HX_REDIS_TIMEOUT_MAX, &ms);
    if (rv == NGX_CONF_OK) {
        conf->fleet->url.timeout = (unsigned) ms;
    }

    return rv;
}


static char *
ngx_hx_fleet_resync(ngx_conf_t *cf, ngx_hx_registry_conf_t *conf,
    const ngx_str_t *v)
{
    return ngx_hx_fleet_time(cf, "resync", v, 50, 60000, &conf->fleet->resync);
}


static char *
ngx_hx_fleet_max_stale(ngx_conf_t *cf, ngx_hx_registry_conf_t *conf,
    const ngx_str_t *v)
{
    return ngx_hx_fleet_time(cf, "max_stale", v, 100, 86400000,
                             &conf->fleet->max_stale);
}


static char *
ngx_hx_fleet_on_error(ngx_conf_t *cf, ngx_hx_registry_conf_t *conf,
    const ngx_str_t *v)
{
    if (v->len == 4 && ngx_memcmp(v->data, "open", 4) == 0) {
        conf->fleet->open = 1;
        return NGX_CONF_OK;
    }

    if (v->len == 6 && ngx_memcmp(v->data, "closed", 6) == 0) {
        conf->fleet->open = 0;
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid on_error \"%V\", it must "
                       "be \"closed\" or \"open\"", v);

    return NGX_CONF_ERROR;
}


static char *
ngx_hx_fleet_connections(ngx_conf_t *cf, ngx_hx_registry_conf_t *conf,
    const ngx_str_t *v)
{
    ngx_int_t  n;

    n = ngx_atoi(v->data, v->len);

    if (n < 1 || n > HX_REDIS_CONNECTIONS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid connections \"%V\", it must be from 1 to "
                           "%d", v, HX_REDIS_CONNECTIONS);
        return NGX_CONF_ERROR;
    }

    conf->fleet->url.connections = (unsigned) n;

    return NGX_CONF_OK;
}


static char *
ngx_hx_fleet_prefix(ngx_conf_t *cf, ngx_hx_registry_conf_t *conf,
    const ngx_str_t *v)
{
    conf->fleet->prefix = *v;

    return NGX_CONF_OK;
}


static char *
ngx_hx_fleet_file(ngx_conf_t *cf, const ngx_str_t *v, hx_str_t *file)
{
    ngx_str_t  name;

    name = *v;

    if (name.len == 0 || ngx_conf_full_name(cf->cycle, &name, 1) != NGX_OK) {
        return "has a file without a name";
    }

    *file = ngx_hx_fleet_str(&name);

    return NGX_CONF_OK;
}


static char *
ngx_hx_fleet_ca(ngx_conf_t *cf, ngx_hx_registry_conf_t *conf,
    const ngx_str_t *v)
{
    return ngx_hx_fleet_file(cf, v, &conf->fleet->url.ca);
}


static char *
ngx_hx_fleet_certificate(ngx_conf_t *cf, ngx_hx_registry_conf_t *conf,
    const ngx_str_t *v)
{
    return ngx_hx_fleet_file(cf, v, &conf->fleet->url.certificate);
}


static char *
ngx_hx_fleet_certificate_key(ngx_conf_t *cf, ngx_hx_registry_conf_t *conf,
    const ngx_str_t *v)
{
    return ngx_hx_fleet_file(cf, v, &conf->fleet->url.certificate_key);
}


static char *
ngx_hx_fleet_server_name(ngx_conf_t *cf, ngx_hx_registry_conf_t *conf,
    const ngx_str_t *v)
{
    conf->fleet->url.server_name = ngx_hx_fleet_str(v);

    return NGX_CONF_OK;
}


static char *
ngx_hx_fleet_secret(ngx_conf_t *cf, ngx_hx_registry_conf_t *conf,
    const u_char *s, size_t len, const char *where)
{
    u_char  *p;

    if (len == 0 || len > HX_REDIS_SECRET_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the password in \"%s\" must have from 1 to %d "
                           "bytes", where, HX_REDIS_SECRET_MAX);
        return NGX_CONF_ERROR;
    }

    p = ngx_pnalloc(cf->pool, len);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memcpy(p, s, len);

    conf->fleet->url.password.data = p;
    conf->fleet->url.password.len = len;

    return NGX_CONF_OK;
}


static char *
ngx_hx_fleet_password(ngx_conf_t *cf, ngx_hx_registry_conf_t *conf,
    const ngx_str_t *v)
{
    char       *rv, *value;
    u_char      buf[HX_REDIS_SECRET_MAX + 2];
    size_t      len;
    ngx_str_t   s;

    if (conf->fleet->url.password.len != 0) {
        return "has more than one password";
    }

    if (ngx_hx_has(v, "env:") && v->len > 4) {
        value = getenv((char *) v->data + 4);

        if (value == NULL) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "the environment variable "
                               "\"%s\" is not set", v->data + 4);
            return NGX_CONF_ERROR;
        }

        return ngx_hx_fleet_secret(cf, conf, (u_char *) value,
                                   ngx_strlen(value), (char *) v->data + 4);
    }

    if (ngx_hx_has(v, "file:") && v->len > 5) {
        s = ngx_hx_after(v, 5);

        if (ngx_hx_conf_read_secret(cf, &s, buf, sizeof(buf), &len)
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }

        rv = ngx_hx_fleet_secret(cf, conf, buf, len, (char *) s.data);
        hx_cleanse(buf, sizeof(buf));

        return rv;
    }

    /* the value is not repeated: it may be the password itself */

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"password=\" takes "
                       "\"env:<NAME>\" or \"file:<path>\"");

    return NGX_CONF_ERROR;
}


static char *
ngx_hx_fleet_replica(ngx_conf_t *cf, ngx_hx_registry_conf_t *conf,
    const ngx_str_t *v)
{
    conf->dir = *v;

    if (v->len == 0 || ngx_conf_full_name(cf->cycle, &conf->dir, 0) != NGX_OK)
    {
        return "has a replica without a directory";
    }

    return NGX_CONF_OK;
}


static char *
ngx_hx_fleet_usage(ngx_conf_t *cf, ngx_hx_registry_conf_t *conf,
    const ngx_str_t *v)
{
    conf->usage_dir = *v;

    return ngx_hx_conf_directory(cf, &conf->usage_dir, "usage");
}


static const ngx_hx_fleet_word_t  ngx_hx_fleet_words[] = {
    { ngx_string("password="), ngx_hx_fleet_password },
    { ngx_string("ca="), ngx_hx_fleet_ca },
    { ngx_string("certificate="), ngx_hx_fleet_certificate },
    { ngx_string("certificate_key="), ngx_hx_fleet_certificate_key },
    { ngx_string("server_name="), ngx_hx_fleet_server_name },
    { ngx_string("connect_timeout="), ngx_hx_fleet_connect_timeout },
    { ngx_string("timeout="), ngx_hx_fleet_timeout },
    { ngx_string("connections="), ngx_hx_fleet_connections },
    { ngx_string("resync="), ngx_hx_fleet_resync },
    { ngx_string("max_stale="), ngx_hx_fleet_max_stale },
    { ngx_string("on_error="), ngx_hx_fleet_on_error },
    { ngx_string("prefix="), ngx_hx_fleet_prefix },
    { ngx_string("replica="), ngx_hx_fleet_replica },
    { ngx_string("usage="), ngx_hx_fleet_usage },
};


ngx_uint_t
ngx_hx_conf_fleet_option(ngx_conf_t *cf, ngx_hx_registry_conf_t *conf,
    const ngx_str_t *v, char **rv)
{
    ngx_uint_t                  i;
    ngx_str_t                   s;
    const ngx_hx_fleet_word_t  *w;

    for (i = 0; i < hx_nelts(ngx_hx_fleet_words); i++) {
        w = &ngx_hx_fleet_words[i];

        if (v->len >= w->name.len
            && ngx_memcmp(v->data, w->name.data, w->name.len) == 0)
        {
            if (conf->fleet == NULL) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" is for a "
                                   "registry in Redis", &w->name);
                *rv = NGX_CONF_ERROR;
                return 1;
            }

            s = ngx_hx_after(v, w->name.len);
            *rv = w->set(cf, conf, &s);

            return 1;
        }
    }

    return 0;
}


static char *
ngx_hx_fleet_wrong(ngx_conf_t *cf, const hx_redis_url_err_t *err)
{
    ngx_str_t  where;

    where.data = (u_char *) err->where.data;
    where.len = err->where.len;

    if (where.len != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the registry's URL: %s: \"%V\"", err->what,
                           &where);

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "the registry's URL: %s",
                           err->what);
    }

    return NGX_CONF_ERROR;
}


/* Before the words: they change what the URL has set. */

char *
ngx_hx_conf_fleet_url(ngx_conf_t *cf, ngx_hx_registry_conf_t *conf,
    const ngx_str_t *url)
{
    u_char               *secrets;
    hx_redis_url_err_t    err;
    ngx_hx_fleet_conf_t  *fleet;

    if (!hx_redis_url_is(url->data, url->len)) {
        return NGX_CONF_OK;
    }

    fleet = ngx_pcalloc(cf->pool, sizeof(ngx_hx_fleet_conf_t));
    secrets = ngx_pnalloc(cf->pool, url->len + 1);

    if (fleet == NULL || secrets == NULL) {
        return NGX_CONF_ERROR;
    }

    if (hx_redis_url_parse(&fleet->url, url->data, url->len, secrets, &err)
        != HX_OK)
    {
        return ngx_hx_fleet_wrong(cf, &err);
    }

    fleet->url.connect_timeout = NGX_HX_FLEET_CONNECT;
    fleet->url.timeout = NGX_HX_FLEET_TIMEOUT;
    fleet->resync = NGX_HX_FLEET_RESYNC;
    fleet->max_stale = NGX_HX_FLEET_STALE;
    ngx_str_set(&fleet->prefix, "hx-gate");

    fleet->redis.redis = &fleet->url;
    conf->fleet = fleet;

    return NGX_CONF_OK;
}


/* Which registry it is, whatever else is said of it. */

static uint32_t
ngx_hx_fleet_crc(const ngx_hx_fleet_conf_t *fleet)
{
    uint32_t                crc;
    unsigned                i, number[3];
    const hx_redis_conf_t  *url;

    url = &fleet->url;
    ngx_memzero(number, sizeof(number));

    ngx_crc32_init(crc);
    ngx_crc32_update(&crc, fleet->prefix.data, fleet->prefix.len);
    ngx_crc32_update(&crc, (u_char *) url->master.data, url->master.len);

    for (i = 0; i < url->n_hosts; i++) {
        number[0] = url->hosts[i].port;
        number[1] = (unsigned) url->hosts[i].name.len;
        number[2] = url->db;

        ngx_crc32_update(&crc, (u_char *) number, sizeof(number));
        ngx_crc32_update(&crc, (u_char *) url->hosts[i].name.data,
                         url->hosts[i].name.len);
    }

    ngx_crc32_final(crc);

    return crc;
}


/* The same nginx finds its replica again; another one has another. */

static char *
ngx_hx_fleet_replica_default(ngx_conf_t *cf, ngx_hx_registry_conf_t *conf)
{
    u_char     *p;
    uint32_t    a, b;
    ngx_str_t  *file;

    file = &cf->cycle->conf_file;

    a = ngx_murmur_hash2(file->data, file->len)
        ^ ngx_crc32_long(cf->cycle->prefix.data, cf->cycle->prefix.len);
    b = ngx_hx_fleet_crc(conf->fleet);

    p = ngx_pnalloc(cf->pool, 64);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    conf->dir.data = p;
    conf->dir.len = (size_t) (ngx_sprintf(p, "/dev/shm/hx-gate-replica-%08xD"
                                          "%08xD%Z", a, b) - p - 1);

    return NGX_CONF_OK;
}


char *
ngx_hx_conf_fleet_check(ngx_conf_t *cf, ngx_hx_registry_conf_t *conf)
{
    hx_str_t              prefix;
    hx_redis_url_err_t    err;
    ngx_hx_fleet_conf_t  *fleet;

    fleet = conf->fleet;

    if (hx_redis_conf_check(&fleet->url, &err) != HX_OK) {
        return ngx_hx_fleet_wrong(cf, &err);
    }

    prefix = ngx_hx_fleet_str(&fleet->prefix);

    if (hx_fleet_names(&fleet->names, &prefix) != HX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid prefix \"%V\", it "
                           "must be 1 to %d characters without blanks and "
                           "braces", &fleet->prefix, HX_FLEET_PREFIX);
        return NGX_CONF_ERROR;
    }

    if (fleet->max_stale < 2 * fleet->resync) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "max_stale (%Mms) must be "
                           "twice resync (%Mms) or more: a replica is as old "
                           "as that between two looks", fleet->max_stale,
                           fleet->resync);
        return NGX_CONF_ERROR;
    }

    if (conf->usage_dir.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"usage=<directory>\" is "
                           "missing: this node keeps there what it counts");
        return NGX_CONF_ERROR;
    }

    return conf->dir.len == 0 ? ngx_hx_fleet_replica_default(cf, conf)
                              : NGX_CONF_OK;
}


/* When all of the configuration is read: a resolver may come later. */

ngx_int_t
ngx_hx_conf_fleet_prepare(ngx_conf_t *cf, ngx_hx_registry_conf_t *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    if (conf->fleet == NULL) {
        return NGX_OK;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->resolver != NULL && clcf->resolver->connections.nelts != 0) {
        conf->fleet->redis.resolver = clcf->resolver;
        conf->fleet->redis.resolver_timeout = clcf->resolver_timeout;
    }

    return ngx_hx_redis_conf_prepare(cf, &conf->fleet->redis);
}
