/*
 * ngx_hx_conf_audit.c -- parser of hx_gate_audit_log, and what holds without
 * it.  One writer per file, however many locations name it.
 */

#include "ngx_hx_conf.h"


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
    a->event = ngx_pcalloc(cf->pool, sizeof(ngx_event_t));

    if (a->event == NULL) {
        return NULL;
    }

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

            if (flush < 0 || flush > 60000) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "invalid flush time \"%V\", it must be 0 "
                                   "or from 1ms to 60s", &s);
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
    ngx_int_t    on;
    const char  *env;

    on = ngx_hx_conf_env_flag(cf, "HX_GATE_AUDIT_ENABLED", 1);

    if (on == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (!on) {
        lcf->audit = NULL;
        return NGX_OK;
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
