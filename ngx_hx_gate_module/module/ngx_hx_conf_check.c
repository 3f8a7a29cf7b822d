/*
 * ngx_hx_conf_check.c -- combinations of our directives with others' that would
 * leave a hole; asked for each location when it is merged, so that what it has
 * inherited is known.
 */

#include "ngx_hx_conf.h"


/* What another module of nginx has here; NULL when nginx has no such module. */

static void *
ngx_hx_conf_of(ngx_conf_t *cf, const char *name)
{
    ngx_uint_t            i;
    ngx_module_t         *m;
    ngx_http_conf_ctx_t  *ctx;

    ctx = cf->ctx;

    for (i = 0; cf->cycle->modules[i]; i++) {
        m = cf->cycle->modules[i];

        if (m->type == NGX_HTTP_MODULE && ngx_strcmp(m->name, name) == 0) {
            return ctx->loc_conf[m->ctx_index];
        }
    }

    return NULL;
}


/*
 * Does a content handler of nginx pass bodies on unread here?  The first
 * member of the location configuration of every one of these is a
 * ngx_http_upstream_conf_t.  (grpc has no such setting; what the gate has read
 * it sends from there.)
 */

static ngx_uint_t
ngx_hx_conf_unbuffered(ngx_conf_t *cf)
{
    ngx_uint_t                       i;
    const ngx_http_upstream_conf_t  *u;

    static const char  *names[] = {
        "ngx_http_proxy_module",
        "ngx_http_fastcgi_module",
        "ngx_http_uwsgi_module",
        "ngx_http_scgi_module"
    };

    for (i = 0; i < hx_nelts(names); i++) {
        u = ngx_hx_conf_of(cf, names[i]);

        if (u != NULL && u->request_buffering == 0) {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_hx_conf_reads_body(const ngx_hx_loc_conf_t *lcf)
{
    ngx_uint_t             i;
    const hx_operation_t  *op;

    op = lcf->operations->elts;

    for (i = 0; i < lcf->operations->nelts; i++) {
        if (op[i].ns == HX_NS_BODY) {
            return 1;
        }
    }

    return 0;
}


char *
ngx_hx_conf_check_gate(ngx_conf_t *cf, const ngx_hx_loc_conf_t *lcf)
{
    ngx_http_core_loc_conf_t  *clcf;

    if (lcf->operations == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"hx_gate\" is on but there is no "
                           "\"hx_gate_operation\": every request would be "
                           "refused");
        return NGX_CONF_ERROR;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->satisfy == NGX_HTTP_SATISFY_ANY) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"satisfy any\" where \"hx_gate\" is on would let "
                           "other access rules override its refusals");
        return NGX_CONF_ERROR;
    }

    if (ngx_hx_conf_reads_body(lcf) && ngx_hx_conf_unbuffered(cf)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "request buffering is off where \"hx_gate\" has an "
                           "operation with namespace=body: nothing may be "
                           "forwarded before the namespace is known");
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}
