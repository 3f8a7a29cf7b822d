/*
 * ngx_hx_conf_values.c -- parsers of the directives with structure: zone,
 * registry, service key, operations, audit log.
 */

#include "ngx_hx_conf.h"


#define ngx_hx_has(v, lit)                                                    \
    ((v)->len >= sizeof(lit) - 1                                              \
     && ngx_strncmp((v)->data, lit, sizeof(lit) - 1) == 0)


/* The text behind "name=". */

static ngx_str_t
ngx_hx_after(const ngx_str_t *v, size_t n)
{
    ngx_str_t  rest;

    rest.data = v->data + n;
    rest.len = v->len - n;

    return rest;
}


static char *
ngx_hx_bad_parameter(ngx_conf_t *cf, const ngx_str_t *v)
{
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid parameter \"%V\"", v);

    return NGX_CONF_ERROR;
}


char *
ngx_hx_conf_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_hx_main_conf_t  *mcf = conf;

    ssize_t         size;
    ngx_str_t      *value;
    ngx_hx_zone_t  *zone;

    if (mcf->zone != NULL) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "hx_gate_zone needs a name");
        return NGX_CONF_ERROR;
    }

    size = ngx_parse_size(&value[2]);

    if (size == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid hx_gate_zone size \"%V\"", &value[2]);
        return NGX_CONF_ERROR;
    }

    if (size < (ssize_t) NGX_HX_ZONE_MIN) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "hx_gate_zone \"%V\" is too small, it needs %uzk",
                           &value[1], (size_t) NGX_HX_ZONE_MIN / 1024);
        return NGX_CONF_ERROR;
    }

    zone = ngx_pcalloc(cf->pool, sizeof(ngx_hx_zone_t));
    if (zone == NULL) {
        return NGX_CONF_ERROR;
    }

    mcf->zone = ngx_shared_memory_add(cf, &value[1], (size_t) size,
                                      &ngx_http_hx_gate_module);
    if (mcf->zone == NULL) {
        return NGX_CONF_ERROR;
    }

    mcf->zone->init = ngx_hx_zone_init;
    mcf->zone->data = zone;

    return NGX_CONF_OK;
}


static char *
ngx_hx_conf_registry_dir(ngx_conf_t *cf, ngx_hx_main_conf_t *mcf,
    const ngx_str_t *url)
{
    ngx_str_t        dir;
    ngx_file_info_t  fi;

    if (!ngx_hx_has(url, "lmdb:")) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown registry \"%V\", this version has "
                           "\"lmdb:<directory>\"", url);
        return NGX_CONF_ERROR;
    }

    dir = ngx_hx_after(url, sizeof("lmdb:") - 1);

    if (dir.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no directory in registry \"%V\"", url);
        return NGX_CONF_ERROR;
    }

    if (ngx_conf_full_name(cf->cycle, &dir, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_file_info(dir.data, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "registry directory \"%V\" is not usable", &dir);
        return NGX_CONF_ERROR;
    }

    if (!ngx_is_dir(&fi)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "registry \"%V\" is not a directory", &dir);
        return NGX_CONF_ERROR;
    }

    mcf->registry.dir = dir;

    return NGX_CONF_OK;
}


char *
ngx_hx_conf_registry(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_hx_main_conf_t  *mcf = conf;

    off_t        size;
    ngx_int_t    n;
    ngx_str_t   *value, s;
    ngx_uint_t   i;

    if (mcf->registry.dir.len != 0) {
        return "is duplicate";
    }

    mcf->registry.map_size = NGX_HX_MAP_SIZE;
    mcf->registry.max_readers = NGX_HX_MAX_READERS;

    value = cf->args->elts;

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_hx_has(&value[i], "map_size=")) {
            s = ngx_hx_after(&value[i], 9);
            size = ngx_parse_offset(&s);

            if (size < 1024 * 1024) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "invalid map_size \"%V\", it must be 1m or "
                                   "more", &s);
                return NGX_CONF_ERROR;
            }

            mcf->registry.map_size = (size_t) size;
            continue;
        }

        if (ngx_hx_has(&value[i], "max_readers=")) {
            s = ngx_hx_after(&value[i], 12);
            n = ngx_atoi(s.data, s.len);

            if (n < 8 || n > 65535) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "invalid max_readers \"%V\", it must be "
                                   "from 8 to 65535", &s);
                return NGX_CONF_ERROR;
            }

            mcf->registry.max_readers = (ngx_uint_t) n;
            continue;
        }

        return ngx_hx_bad_parameter(cf, &value[i]);
    }

    return ngx_hx_conf_registry_dir(cf, mcf, &value[1]);
}


static char *
ngx_hx_conf_set_service_key(ngx_conf_t *cf, ngx_hx_main_conf_t *mcf,
    const u_char *key, size_t len, const char *where)
{
    u_char  *p;

    if (len < HX_SERVICE_KEY_MIN) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the service key in \"%s\" has %uz characters, it "
                           "must have %d or more", where, len,
                           HX_SERVICE_KEY_MIN);
        return NGX_CONF_ERROR;
    }

    if (!hx_check_printable(key, len, HX_SERVICE_KEY_MIN,
                            HX_SERVICE_KEY_MAX))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the service key in \"%s\" must be at most %d "
                           "printable characters without blanks", where,
                           HX_SERVICE_KEY_MAX);
        return NGX_CONF_ERROR;
    }

    p = ngx_pnalloc(cf->pool, 7 + len);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    mcf->authorization.data = p;
    mcf->authorization.len = 7 + len;

    p = ngx_cpymem(p, "Bearer ", 7);
    ngx_memcpy(p, key, len);

    mcf->service_key.data = p;
    mcf->service_key.len = len;

    return NGX_CONF_OK;
}


static char *
ngx_hx_conf_service_key_env(ngx_conf_t *cf, ngx_hx_main_conf_t *mcf,
    const char *name)
{
    const char  *value;

    value = getenv(name);

    if (value == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the service key is read from the environment "
                           "variable \"%s\", which is not set", name);
        return NGX_CONF_ERROR;
    }

    return ngx_hx_conf_set_service_key(cf, mcf, (const u_char *) value,
                                       ngx_strlen(value), name);
}


static char *
ngx_hx_conf_service_key_file(ngx_conf_t *cf, ngx_hx_main_conf_t *mcf,
    ngx_str_t *name)
{
    char      *rv;
    u_char     buf[HX_SERVICE_KEY_MAX + 2];
    size_t     len;
    ssize_t    n;
    ngx_fd_t   fd;

    if (ngx_conf_full_name(cf->cycle, name, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    fd = ngx_open_file(name->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" failed", name);
        return NGX_CONF_ERROR;
    }

    n = ngx_read_fd(fd, buf, sizeof(buf));
    (void) ngx_close_file(fd);

    if (n < 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_read_fd_n " \"%V\" failed", name);
        return NGX_CONF_ERROR;
    }

    len = (size_t) n;

    if (len != 0 && buf[len - 1] == LF) {
        len--;
    }

    rv = ngx_hx_conf_set_service_key(cf, mcf, buf, len, (char *) name->data);

    hx_cleanse(buf, sizeof(buf));

    return rv;
}


char *
ngx_hx_conf_service_key(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_hx_main_conf_t  *mcf = conf;

    ngx_str_t  *value, s;

    if (mcf->service_key.len != 0) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_hx_has(&value[1], "env:") && value[1].len > 4) {
        return ngx_hx_conf_service_key_env(cf, mcf,
                                           (char *) value[1].data + 4);
    }

    if (ngx_hx_has(&value[1], "file:") && value[1].len > 5) {
        s = ngx_hx_after(&value[1], 5);
        return ngx_hx_conf_service_key_file(cf, mcf, &s);
    }

    /* the value is not repeated: it may be the key itself */

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"hx_gate_service_key\" takes \"env:<NAME>\" or "
                       "\"file:<path>\"");
    return NGX_CONF_ERROR;
}


ngx_int_t
ngx_hx_conf_service_key_default(ngx_conf_t *cf, ngx_hx_main_conf_t *mcf)
{
    return ngx_hx_conf_service_key_env(cf, mcf, NGX_HX_SERVICE_KEY_ENV)
           == NGX_CONF_OK ? NGX_OK : NGX_ERROR;
}


static ngx_hx_audit_t *
ngx_hx_conf_audit_find(ngx_hx_main_conf_t *mcf, const ngx_open_file_t *file)
{
    ngx_uint_t        i;
    ngx_hx_audit_t  **a;

    a = mcf->audits.elts;

    for (i = 0; i < mcf->audits.nelts; i++) {
        if (a[i]->file == file) {
            return a[i];
        }
    }

    return NULL;
}


static ngx_hx_audit_t *
ngx_hx_conf_audit_new(ngx_conf_t *cf, ngx_hx_main_conf_t *mcf,
    ngx_open_file_t *file, size_t size, ngx_msec_t flush)
{
    ngx_hx_audit_t  *a, **slot;

    a = ngx_pcalloc(cf->pool, sizeof(ngx_hx_audit_t));
    slot = ngx_array_push(&mcf->audits);

    if (a == NULL || slot == NULL) {
        return NULL;
    }

    a->file = file;
    a->size = size;
    a->flush = flush;
    a->start = ngx_pnalloc(cf->pool, size);
    a->event = ngx_pcalloc(cf->pool, sizeof(ngx_event_t));

    if (a->start == NULL || a->event == NULL) {
        return NULL;
    }

    a->last = a->start;
    a->end = a->start + size;

    file->data = a;
    file->flush = ngx_hx_audit_flush_file;

    *slot = a;

    return a;
}


static char *
ngx_hx_conf_audit_open(ngx_conf_t *cf, ngx_hx_loc_conf_t *lcf,
    ngx_str_t *name, size_t size, ngx_msec_t flush)
{
    ngx_hx_audit_t      *a;
    ngx_open_file_t     *file;
    ngx_hx_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_hx_gate_module);

    file = ngx_conf_open_file(cf->cycle, name);
    if (file == NULL) {
        return NGX_CONF_ERROR;
    }

    a = ngx_hx_conf_audit_find(mcf, file);

    if (a == NULL) {
        if (file->data != NULL) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" is written by another log", name);
            return NGX_CONF_ERROR;
        }

        a = ngx_hx_conf_audit_new(cf, mcf, file, size, flush);
        if (a == NULL) {
            return NGX_CONF_ERROR;
        }

    } else if (a->size != size || a->flush != flush) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "audit log \"%V\" is already defined with other "
                           "parameters", name);
        return NGX_CONF_ERROR;
    }

    lcf->audit = a;

    return NGX_CONF_OK;
}


char *
ngx_hx_conf_audit(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_hx_loc_conf_t  *lcf = conf;

    ssize_t      size;
    ngx_str_t   *value, s;
    ngx_int_t    flush;
    ngx_uint_t   i;

    if (lcf->audit != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;
    size = NGX_HX_AUDIT_BUFFER;
    flush = NGX_HX_AUDIT_FLUSH;

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_hx_has(&value[i], "flush=")) {
            s = ngx_hx_after(&value[i], 6);
            flush = ngx_parse_time(&s, 0);

            if (flush < 1 || flush > 60000) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "invalid flush time \"%V\", it must be "
                                   "from 1ms to 60s", &s);
                return NGX_CONF_ERROR;
            }

        } else if (ngx_hx_has(&value[i], "buffer=")) {
            s = ngx_hx_after(&value[i], 7);
            size = ngx_parse_size(&s);

            if (size < HX_AUDIT_LINE_MAX || size > 64 * 1024 * 1024) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "invalid buffer size \"%V\", it must be "
                                   "from 16k to 64m", &s);
                return NGX_CONF_ERROR;
            }

        } else if (ngx_strcmp(value[i].data, "durability=buffered") == 0) {
            /* the only one there is so far */

        } else {
            return ngx_hx_bad_parameter(cf, &value[i]);
        }
    }

    if (ngx_strcmp(value[1].data, "off") == 0) {
        if (cf->args->nelts != 2) {
            return ngx_hx_bad_parameter(cf, &value[2]);
        }

        lcf->audit = NULL;
        return NGX_CONF_OK;
    }

    return ngx_hx_conf_audit_open(cf, lcf, &value[1], (size_t) size,
                                  (ngx_msec_t) flush);
}


ngx_int_t
ngx_hx_conf_audit_default(ngx_conf_t *cf, ngx_hx_main_conf_t *mcf,
    ngx_hx_loc_conf_t *lcf)
{
    ngx_str_t    path;
    const char  *env;

    env = getenv("HX_GATE_AUDIT_ENABLED");

    if (env != NULL && ngx_strcasecmp((u_char *) env, (u_char *) "false") == 0)
    {
        lcf->audit = NULL;
        return NGX_OK;
    }

    if (env != NULL && ngx_strcasecmp((u_char *) env, (u_char *) "true") != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "HX_GATE_AUDIT_ENABLED must be \"true\" or "
                           "\"false\", not \"%s\"", env);
        return NGX_ERROR;
    }

    env = getenv("HX_GATE_AUDIT_LOG_PATH");

    if (env == NULL || env[0] == '\0') {
        env = NGX_HX_AUDIT_PATH;
    }

    path.len = ngx_strlen(env);
    path.data = ngx_pnalloc(cf->pool, path.len + 1);

    if (path.data == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_cpystrn(path.data, (u_char *) env, path.len + 1);

    return ngx_hx_conf_audit_open(cf, lcf, &path, NGX_HX_AUDIT_BUFFER,
                                  NGX_HX_AUDIT_FLUSH)
           == NGX_CONF_OK ? NGX_OK : NGX_ERROR;
}
