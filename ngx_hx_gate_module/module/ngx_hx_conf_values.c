/*
 * ngx_hx_conf_values.c -- parsers of the directives with structure: zone,
 * registry, service key, largest upload.  Others have files of their own.
 */

#include "ngx_hx_conf.h"


/* A directory that is there, with its full name, NUL-terminated. */

char *
ngx_hx_conf_directory(ngx_conf_t *cf, ngx_str_t *dir, const char *what)
{
    ngx_file_info_t  fi;

    if (ngx_conf_full_name(cf->cycle, dir, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_file_info(dir->data, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "%s directory \"%V\" is not usable", what, dir);
        return NGX_CONF_ERROR;
    }

    if (!ngx_is_dir(&fi)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%s \"%V\" is not a directory", what, dir);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_hx_conf_zone_size(ngx_conf_t *cf, ngx_hx_main_conf_t *mcf,
    const ngx_str_t *name, ngx_str_t *v)
{
    ssize_t  size;

    size = ngx_parse_size(v);

    if (size == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid hx_gate_zone size \"%V\"", v);
        return NGX_CONF_ERROR;
    }

    if (size < (ssize_t) NGX_HX_ZONE_MIN) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "hx_gate_zone \"%V\" is too small, it needs %uzk",
                           name, (size_t) NGX_HX_ZONE_MIN / 1024);
        return NGX_CONF_ERROR;
    }

    mcf->zone_conf.size = (size_t) size;

    return NGX_CONF_OK;
}


/* Where limits and usage outlive nginx; v = NULL: nothing was said. */

static char *
ngx_hx_conf_zone_state(ngx_conf_t *cf, ngx_hx_main_conf_t *mcf,
    const ngx_str_t *v)
{
    ngx_str_t  dir;

    ngx_str_set(&dir, NGX_HX_STATE_DIR);

    if (v != NULL) {
        if (!ngx_hx_has(v, "state=")) {
            return ngx_hx_bad_parameter(cf, v);
        }

        dir = ngx_hx_after(v, sizeof("state=") - 1);

        if (dir.len == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"state=\" needs a directory or \"off\"");
            return NGX_CONF_ERROR;
        }

        if (ngx_strcmp(dir.data, "off") == 0) {
            ngx_str_null(&mcf->zone_conf.state_dir);
            return NGX_CONF_OK;
        }
    }

    mcf->zone_conf.state_dir = dir;

    return ngx_hx_conf_directory(cf, &mcf->zone_conf.state_dir,
                                 "hx_gate_zone state");
}


char *
ngx_hx_conf_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_hx_main_conf_t  *mcf = conf;

    char           *rv;
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

    rv = ngx_hx_conf_zone_size(cf, mcf, &value[1], &value[2]);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    rv = ngx_hx_conf_zone_state(cf, mcf,
                                cf->args->nelts > 3 ? &value[3] : NULL);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    zone = ngx_pcalloc(cf->pool, sizeof(ngx_hx_zone_t));
    if (zone == NULL) {
        return NGX_CONF_ERROR;
    }

    zone->conf = &mcf->zone_conf;
    zone->registry = &mcf->registry.dir;
    zone->cycle = cf->cycle;

    mcf->zone = ngx_shared_memory_add(cf, &value[1], ngx_hx_zone_shm_size(),
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
    ngx_str_t  dir;

    if (!ngx_hx_has(url, "lmdb:")) {

        /* the value is not repeated: it may have a password in it */

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown registry, there are \"lmdb:<directory>\" "
                           "and URLs that begin with \"redis\" or "
                           "\"rediss\"");
        return NGX_CONF_ERROR;
    }

    dir = ngx_hx_after(url, sizeof("lmdb:") - 1);

    if (dir.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no directory in registry \"%V\"", url);
        return NGX_CONF_ERROR;
    }

    if (ngx_hx_conf_directory(cf, &dir, "registry") != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    mcf->registry.dir = dir;
    mcf->registry.usage_dir = dir;

    return NGX_CONF_OK;
}


static char *
ngx_hx_conf_map_size(ngx_conf_t *cf, const char *name, ngx_str_t *v,
    size_t *size)
{
    off_t  n;

    n = ngx_parse_offset(v);

    if (n < 1024 * 1024) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid %s \"%V\", it must be 1m or more", name,
                           v);
        return NGX_CONF_ERROR;
    }

    *size = (size_t) n;

    return NGX_CONF_OK;
}


static char *
ngx_hx_conf_registry_option(ngx_conf_t *cf, ngx_hx_registry_conf_t *conf,
    const ngx_str_t *v)
{
    char       *rv;
    ngx_int_t   n;
    ngx_str_t   s;

    if (ngx_hx_conf_fleet_option(cf, conf, v, &rv)) {
        return rv;
    }

    if (ngx_hx_has(v, "map_size=")) {
        s = ngx_hx_after(v, 9);

        return ngx_hx_conf_map_size(cf, "map_size", &s, &conf->map_size);
    }

    if (ngx_hx_has(v, "usage_map_size=")) {
        s = ngx_hx_after(v, 15);

        return ngx_hx_conf_map_size(cf, "usage_map_size", &s,
                                    &conf->usage_map_size);
    }

    if (ngx_hx_has(v, "usage_flush=")) {
        s = ngx_hx_after(v, 12);
        n = ngx_parse_time(&s, 0);

        if (n < 100 || n > 60000) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid usage_flush \"%V\", it must be from "
                               "100ms to 60s", &s);
            return NGX_CONF_ERROR;
        }

        conf->usage_flush = (ngx_msec_t) n;

        return NGX_CONF_OK;
    }

    if (ngx_hx_has(v, "max_readers=")) {
        s = ngx_hx_after(v, 12);
        n = ngx_atoi(s.data, s.len);

        if (n < 8 || n > 65535) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid max_readers \"%V\", it must be from 8 "
                               "to 65535", &s);
            return NGX_CONF_ERROR;
        }

        conf->max_readers = (ngx_uint_t) n;

        return NGX_CONF_OK;
    }

    return ngx_hx_bad_parameter(cf, v);
}


char *
ngx_hx_conf_registry(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_hx_main_conf_t  *mcf = conf;

    char        *rv;
    ngx_str_t   *value;
    ngx_uint_t   i;

    if (mcf->registry.dir.len != 0) {
        return "is duplicate";
    }

    mcf->registry.map_size = NGX_HX_MAP_SIZE;
    mcf->registry.max_readers = NGX_HX_MAX_READERS;
    mcf->registry.usage_map_size = NGX_HX_USAGE_MAP_SIZE;
    mcf->registry.usage_flush = NGX_HX_USAGE_FLUSH;

    value = cf->args->elts;

    rv = ngx_hx_conf_fleet_url(cf, &mcf->registry, &value[1]);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    for (i = 2; i < cf->args->nelts; i++) {
        rv = ngx_hx_conf_registry_option(cf, &mcf->registry, &value[i]);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    return mcf->registry.fleet != NULL
           ? ngx_hx_conf_fleet_check(cf, &mcf->registry)
           : ngx_hx_conf_registry_dir(cf, mcf, &value[1]);
}


ngx_int_t
ngx_hx_conf_read(ngx_conf_t *cf, const ngx_str_t *name, u_char *buf,
    size_t size, size_t *len)
{
    ssize_t           n;
    ngx_fd_t          fd;
    ngx_file_info_t   fi;

    fd = ngx_open_file(name->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" failed", name);
        return NGX_ERROR;
    }

    if (ngx_fd_info(fd, &fi) == 0 && ngx_is_file(&fi)
        && (fi.st_mode & S_IRWXO))
    {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0, "everybody on this machine has "
                           "access to the key in \"%V\": chmod 600", name);
    }

    n = ngx_read_fd(fd, buf, size);
    (void) ngx_close_file(fd);

    if (n < 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_read_fd_n " \"%V\" failed", name);
        return NGX_ERROR;
    }

    *len = (size_t) n;

    return NGX_OK;
}


ngx_int_t
ngx_hx_conf_read_secret(ngx_conf_t *cf, ngx_str_t *name, u_char *buf,
    size_t size, size_t *len)
{
    if (ngx_conf_full_name(cf->cycle, name, 1) != NGX_OK
        || ngx_hx_conf_read(cf, name, buf, size, len) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (*len != 0 && buf[*len - 1] == LF) {
        (*len)--;
    }

    return NGX_OK;
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
    char     *rv;
    u_char    buf[HX_SERVICE_KEY_MAX + 2];
    size_t    len;

    if (ngx_hx_conf_read_secret(cf, name, buf, sizeof(buf), &len) != NGX_OK) {
        return NGX_CONF_ERROR;
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


char *
ngx_hx_conf_max_upload(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_hx_loc_conf_t  *lcf = conf;

    off_t       size;
    ngx_str_t  *value;

    if (lcf->max_upload != NGX_CONF_UNSET_SIZE) {
        return "is duplicate";
    }

    value = cf->args->elts;
    size = ngx_parse_offset(&value[1]);

    if (size < 1 || size > (off_t) NGX_HX_UPLOAD_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid hx_gate_max_upload \"%V\", it must be "
                           "from 1 byte to 1024g", &value[1]);
        return NGX_CONF_ERROR;
    }

    lcf->max_upload = (size_t) size;

    return NGX_CONF_OK;
}
