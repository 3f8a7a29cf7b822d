/*
 * ngx_hx_conf_operations.c -- parsers of hx_gate_operation and
 * hx_gate_operations.  Templates and regular expressions are compiled here,
 * once; regexes are released with the configuration.
 */

#include "ngx_hx_conf.h"


static void
ngx_hx_conf_operation_free(void *data)
{
    hx_route_free(data);
}


static hx_operation_t *
ngx_hx_conf_operation_push(ngx_conf_t *cf, ngx_hx_loc_conf_t *lcf)
{
    ngx_array_t         **all;
    hx_operation_t       *op;
    ngx_hx_main_conf_t   *mcf;

    /* room for all from the start: cleanups point into the array */

    if (lcf->operations == NGX_CONF_UNSET_PTR) {
        mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_hx_gate_module);

        all = ngx_array_push(&mcf->operations);
        if (all == NULL) {
            return NULL;
        }

        *all = ngx_array_create(cf->pool, HX_ROUTE_OPERATIONS,
                                sizeof(hx_operation_t));
        if (*all == NULL) {
            return NULL;
        }

        lcf->operations = *all;
    }

    if (lcf->operations->nelts == HX_ROUTE_OPERATIONS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "more than %d operations in one place",
                           HX_ROUTE_OPERATIONS);
        return NULL;
    }

    op = ngx_array_push(lcf->operations);

    if (op != NULL) {
        ngx_memzero(op, sizeof(hx_operation_t));
    }

    return op;
}


static char *
ngx_hx_conf_operation_compile(ngx_conf_t *cf, hx_operation_t *op)
{
    char                 err[256];
    hx_rc_t              rc;
    ngx_str_t            pattern;
    ngx_pool_cleanup_t  *cln;

    rc = hx_route_compile(op, err, sizeof(err));

    if (rc == HX_NO) {
        pattern.data = (u_char *) op->pattern.data;
        pattern.len = op->pattern.len;

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "operation path \"%V\" %s",
                           &pattern, err);
        return NGX_CONF_ERROR;
    }

    if (rc != HX_OK) {
        return NGX_CONF_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        hx_route_free(op);
        return NGX_CONF_ERROR;
    }

    cln->handler = ngx_hx_conf_operation_free;
    cln->data = op;

    return NGX_CONF_OK;
}


/* "1", "0.5": at most one decimal */

static ngx_int_t
ngx_hx_conf_cost(const ngx_str_t *s, uint32_t *cost)
{
    uint64_t  tenths;

    if (ngx_hx_conf_tenths(s, 1000000000, &tenths) != NGX_OK) {
        return NGX_ERROR;
    }

    *cost = (uint32_t) tenths;

    return NGX_OK;
}


static char *
ngx_hx_conf_operation_option(ngx_conf_t *cf, hx_operation_t *op, ngx_str_t *v)
{
    ngx_str_t  s;

    if (ngx_strcmp(v->data, "namespace=path") == 0) {
        op->ns = HX_NS_PATH;

    } else if (ngx_strcmp(v->data, "namespace=body") == 0) {
        op->ns = HX_NS_BODY;

    } else if (ngx_strcmp(v->data, "namespace=none") == 0) {
        op->ns = HX_NS_NONE;

    } else if (ngx_strcmp(v->data, "scope=read") == 0) {
        op->scope = HX_SCOPE_READ;

    } else if (ngx_strcmp(v->data, "scope=write") == 0) {
        op->scope = HX_SCOPE_WRITE;

    } else if (v->len > 5 && ngx_strncmp(v->data, "cost=", 5) == 0) {
        s.data = v->data + 5;
        s.len = v->len - 5;

        if (ngx_hx_conf_cost(&s, &op->cost) != NGX_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid cost \"%V\", it must be a number with "
                               "at most one decimal", &s);
            return NGX_CONF_ERROR;
        }

    } else {
        return ngx_hx_bad_parameter(cf, v);
    }

    return NGX_CONF_OK;
}


static ngx_uint_t
ngx_hx_conf_only(const ngx_str_t *s, size_t max, const char *extra,
    u_char first, u_char last)
{
    size_t  i;

    if (s->len == 0 || s->len > max) {
        return 0;
    }

    for (i = 0; i < s->len; i++) {
        if ((s->data[i] < first || s->data[i] > last)
            && ngx_strchr(extra, s->data[i]) == NULL)
        {
            return 0;
        }
    }

    return 1;
}


char *
ngx_hx_conf_operation(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_hx_loc_conf_t  *lcf = conf;

    char            *rv;
    ngx_str_t       *value;
    ngx_uint_t       i;
    hx_operation_t  *op;

    value = cf->args->elts;

    if (cf->args->nelts < 4) {
        return "needs a name, a method and a path";
    }

    if (!ngx_hx_conf_only(&value[1], HX_ROUTE_NAME_MAX, "0123456789_", 'a',
                          'z'))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid operation name \"%V\", it must be 1 to %d "
                           "of [a-z0-9_]", &value[1], HX_ROUTE_NAME_MAX);
        return NGX_CONF_ERROR;
    }

    if (!ngx_hx_conf_only(&value[2], 16, "-_", 'A', 'Z')) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid method \"%V\"",
                           &value[2]);
        return NGX_CONF_ERROR;
    }

    op = ngx_hx_conf_operation_push(cf, lcf);
    if (op == NULL) {
        return NGX_CONF_ERROR;
    }

    op->name.data = value[1].data;
    op->name.len = value[1].len;
    op->method.data = value[2].data;
    op->method.len = value[2].len;
    op->pattern.data = value[3].data;
    op->pattern.len = value[3].len;
    op->cost = 10;

    /* what most would mean; both can be said */

    if (ngx_strstr(value[3].data, "{ns}") != NULL
        || ngx_strstr(value[3].data, "?<ns>") != NULL
        || ngx_strstr(value[3].data, "?P<ns>") != NULL)
    {
        op->ns = HX_NS_PATH;
    }

    if (ngx_strcmp(value[2].data, "GET") != 0
        && ngx_strcmp(value[2].data, "HEAD") != 0)
    {
        op->scope = HX_SCOPE_WRITE;
    }

    for (i = 4; i < cf->args->nelts; i++) {
        rv = ngx_hx_conf_operation_option(cf, op, &value[i]);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    return ngx_hx_conf_operation_compile(cf, op);
}


char *
ngx_hx_conf_operations(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_hx_loc_conf_t  *lcf = conf;

    char                  *rv;
    unsigned               i, n;
    ngx_str_t             *value;
    hx_operation_t        *op;
    const hx_operation_t  *table;

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "hx-sdp") != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown set of operations \"%V\", there is "
                           "\"hx-sdp\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    n = hx_route_hx_sdp(&table);

    for (i = 0; i < n; i++) {
        op = ngx_hx_conf_operation_push(cf, lcf);
        if (op == NULL) {
            return NGX_CONF_ERROR;
        }

        *op = table[i];

        rv = ngx_hx_conf_operation_compile(cf, op);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    return NGX_CONF_OK;
}
