/*
 * ngx_hx_conf_cors.c -- parser of hx_gate_cors and of the environment that
 * stands in for it: who may read answers from a browser.  "where" is the one of
 * them that a message is about.
 */

#include "ngx_hx_conf.h"


#define NGX_HX_CORS_ENV       "HX_GATE_CORS_ORIGINS"
#define NGX_HX_CORS_AGE       600       /* seconds */
#define NGX_HX_CORS_AGE_MAX   86400
#define NGX_HX_HEAD           4         /* bytes of "HEAD" */


static ngx_hx_cors_t *
ngx_hx_conf_cors_make(ngx_conf_t *cf)
{
    ngx_hx_cors_t  *cors;

    cors = ngx_pcalloc(cf->pool, sizeof(ngx_hx_cors_t));
    if (cors == NULL) {
        return NULL;
    }

    cors->origins = ngx_array_create(cf->pool, 4, sizeof(hx_str_t));

    return cors->origins != NULL ? cors : NULL;
}


static char *
ngx_hx_conf_cors_any(ngx_conf_t *cf, ngx_hx_cors_t *cors, const char *where)
{
    if (cors->any) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "duplicate \"*\" in %s",
                           where);
        return NGX_CONF_ERROR;
    }

    cors->any = 1;

    return NGX_CONF_OK;
}


static char *
ngx_hx_conf_cors_origin(ngx_conf_t *cf, ngx_hx_cors_t *cors,
    const ngx_str_t *v, const char *where)
{
    hx_str_t    *origin;
    const char  *why;

    if (v->len == 1 && v->data[0] == '*') {
        return ngx_hx_conf_cors_any(cf, cors, where);
    }

    if (hx_origin_check(v->data, v->len, &why) != HX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid origin \"%V\" in %s, it %s", v, where,
                           why);
        return NGX_CONF_ERROR;
    }

    if (hx_text_find(cors->origins->elts, cors->origins->nelts, v->data,
                     v->len)
        != NULL)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate origin \"%V\" in %s", v, where);
        return NGX_CONF_ERROR;
    }

    if (cors->origins->nelts == HX_ORIGINS_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "more than %d origins in %s",
                           HX_ORIGINS_MAX, where);
        return NGX_CONF_ERROR;
    }

    origin = ngx_array_push(cors->origins);
    if (origin == NULL) {
        return NGX_CONF_ERROR;
    }

    origin->data = v->data;
    origin->len = v->len;

    return NGX_CONF_OK;
}


static char *
ngx_hx_conf_cors_age(ngx_conf_t *cf, ngx_hx_cors_t *cors, time_t age)
{
    u_char  *p;

    p = ngx_pnalloc(cf->pool, NGX_TIME_T_LEN);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    cors->max_age.data = p;
    cors->max_age.len = (size_t) (ngx_sprintf(p, "%T", age) - p);

    return NGX_CONF_OK;
}


static char *
ngx_hx_conf_cors_max_age(ngx_conf_t *cf, ngx_hx_cors_t *cors,
    const ngx_str_t *v)
{
    ngx_int_t  age;
    ngx_str_t  s;

    if (cors->max_age.len != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "duplicate parameter \"%V\"",
                           v);
        return NGX_CONF_ERROR;
    }

    s = ngx_hx_after(v, sizeof("max_age=") - 1);
    age = ngx_parse_time(&s, 1);

    if (s.len == 0 || age < 0 || age > NGX_HX_CORS_AGE_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid max_age \"%V\", it must be from 0s to 1d "
                           "in whole seconds", &s);
        return NGX_CONF_ERROR;
    }

    return ngx_hx_conf_cors_age(cf, cors, age);
}


/* What is wrong, or dangerous, with all of them together. */

static char *
ngx_hx_conf_cors_check(ngx_conf_t *cf, ngx_hx_cors_t *cors, const char *where)
{
    ngx_str_t        s;
    ngx_uint_t       i;
    const hx_str_t  *origin;

    origin = cors->origins->elts;

    if (!cors->any && cors->origins->nelts == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "no origin in %s", where);
        return NGX_CONF_ERROR;
    }

    if (cors->any && cors->origins->nelts != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"*\" and other origins in "
                           "%s", where);
        return NGX_CONF_ERROR;
    }

    if (cors->any && cors->credentials) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"*\" together with "
                           "\"credentials\" in %s: name the origins", where);
        return NGX_CONF_ERROR;
    }

    if (cors->any) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0, "\"*\" in %s: any page may "
                           "read answers", where);
    }

    for (i = 0; i < cors->origins->nelts; i++) {
        if (hx_origin_in_the_clear(&origin[i])) {
            s.data = (u_char *) origin[i].data;
            s.len = origin[i].len;

            ngx_conf_log_error(NGX_LOG_WARN, cf, 0, "origin \"%V\" in %s is "
                               "not https: whoever is on the way may change "
                               "its pages and read answers", &s, where);
        }
    }

    return cors->max_age.len != 0
           ? NGX_CONF_OK : ngx_hx_conf_cors_age(cf, cors, NGX_HX_CORS_AGE);
}


static char *
ngx_hx_conf_cors_word(ngx_conf_t *cf, ngx_hx_cors_t *cors, const ngx_str_t *v)
{
    if (ngx_hx_has(v, "max_age=")) {
        return ngx_hx_conf_cors_max_age(cf, cors, v);
    }

    if (ngx_strcmp(v->data, "credentials") != 0) {
        return ngx_hx_conf_cors_origin(cf, cors, v, "\"hx_gate_cors\"");
    }

    if (cors->credentials) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "duplicate parameter \"%V\"",
                           v);
        return NGX_CONF_ERROR;
    }

    cors->credentials = 1;

    return NGX_CONF_OK;
}


char *
ngx_hx_conf_cors(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_hx_loc_conf_t  *lcf = conf;

    char           *rv;
    ngx_str_t      *value;
    ngx_uint_t      i;
    ngx_hx_cors_t  *cors;

    if (lcf->cors != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        if (cf->args->nelts != 2) {
            return ngx_hx_bad_parameter(cf, &value[2]);
        }

        lcf->cors = NULL;
        return NGX_CONF_OK;
    }

    cors = ngx_hx_conf_cors_make(cf);
    if (cors == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {
        rv = ngx_hx_conf_cors_word(cf, cors, &value[i]);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    lcf->cors = cors;

    return ngx_hx_conf_cors_check(cf, cors, "\"hx_gate_cors\"");
}


/* Origins with commas between them, blanks around them. */

static char *
ngx_hx_conf_cors_list(ngx_conf_t *cf, ngx_hx_cors_t *cors, ngx_str_t *list)
{
    char       *rv;
    u_char     *p, *comma, *end;
    ngx_str_t   s;

    p = list->data;
    end = p + list->len;

    for ( /* void */ ;; p = comma + 1) {
        comma = ngx_strlchr(p, end, ',');

        if (comma == NULL) {
            comma = end;
        }

        s.data = p;
        s.len = (size_t) (comma - p);

        while (s.len != 0 && s.data[0] == ' ') {
            s.data++;
            s.len--;
        }

        while (s.len != 0 && s.data[s.len - 1] == ' ') {
            s.len--;
        }

        rv = ngx_hx_conf_cors_origin(cf, cors, &s, NGX_HX_CORS_ENV);

        if (rv != NGX_CONF_OK || comma == end) {
            return rv;
        }
    }
}


/* Read once, whoever needs it first, so that a warning comes once. */

static char *
ngx_hx_conf_cors_default(ngx_conf_t *cf, ngx_hx_main_conf_t *mcf)
{
    char           *rv;
    ngx_str_t       list;
    const char     *env;
    ngx_hx_cors_t  *cors;

    if (mcf->cors != NGX_CONF_UNSET_PTR) {
        return NGX_CONF_OK;
    }

    env = getenv(NGX_HX_CORS_ENV);

    if (env == NULL || env[0] == '\0') {
        mcf->cors = NULL;
        return NGX_CONF_OK;
    }

    list.len = ngx_strlen(env);
    list.data = ngx_pnalloc(cf->pool, list.len + 1);
    cors = ngx_hx_conf_cors_make(cf);

    if (list.data == NULL || cors == NULL) {
        return NGX_CONF_ERROR;
    }

    (void) ngx_cpystrn(list.data, (u_char *) env, list.len + 1);

    rv = ngx_hx_conf_cors_list(cf, cors, &list);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    mcf->cors = cors;

    return ngx_hx_conf_cors_check(cf, cors, NGX_HX_CORS_ENV);
}


static char *
ngx_hx_conf_cors_methods(ngx_conf_t *cf, ngx_hx_loc_conf_t *lcf)
{
    u_char                *p;
    size_t                 size;
    hx_buf_t               b;
    ngx_uint_t             i;
    const hx_operation_t  *op;

    op = lcf->operations->elts;
    size = NGX_HX_HEAD + 2;

    for (i = 0; i < lcf->operations->nelts; i++) {
        size += op[i].method.len + 2;
    }

    p = ngx_pnalloc(cf->pool, size);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    hx_buf_init(&b, p, size);
    hx_route_methods(&b, op, (unsigned) lcf->operations->nelts);

    lcf->cors_methods.data = p;
    lcf->cors_methods.len = hx_buf_len(&b);

    return NGX_CONF_OK;
}


char *
ngx_hx_conf_cors_ready(ngx_conf_t *cf, ngx_hx_main_conf_t *mcf,
    ngx_hx_loc_conf_t *lcf)
{
    char  *rv;

    if (lcf->cors == NGX_CONF_UNSET_PTR) {
        rv = ngx_hx_conf_cors_default(cf, mcf);
        if (rv != NGX_CONF_OK) {
            return rv;
        }

        lcf->cors = mcf->cors;
    }

    return lcf->cors != NULL ? ngx_hx_conf_cors_methods(cf, lcf)
                             : NGX_CONF_OK;
}
