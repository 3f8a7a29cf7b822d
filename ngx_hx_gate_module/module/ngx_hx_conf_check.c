/*
 * ngx_hx_conf_check.c -- combinations of our directives with others' that would
 * leave a hole; asked for each location when it is merged, so that what it has
 * inherited is known, and of all together at the end.
 */

#include "ngx_hx_conf.h"


void
ngx_hx_conf_enter(ngx_conf_t *cf, const ngx_hx_place_t *place,
    ngx_conf_file_t *here, ngx_conf_file_t **saved)
{
    *saved = cf->conf_file;

    if (place->file.len != 0) {
        ngx_memzero(here, sizeof(ngx_conf_file_t));
        here->file.name = place->file;
        here->line = place->line;
        cf->conf_file = here;
    }
}


void
ngx_hx_conf_leave(ngx_conf_t *cf, ngx_conf_file_t *saved)
{
    cf->conf_file = saved;
}


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


char *
ngx_hx_conf_check_webhook(ngx_conf_t *cf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->satisfy == NGX_HTTP_SATISFY_ANY) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"satisfy any\" with \"hx_gate_stripe_webhook\" "
                           "would let other access rules stand in for a "
                           "signature");
        return NGX_CONF_ERROR;
    }

    if (ngx_hx_conf_unbuffered(cf)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "request buffering is off with "
                           "\"hx_gate_stripe_webhook\": nothing may be "
                           "forwarded before its signature is known");
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


void
ngx_hx_conf_warn_unrecorded(ngx_conf_t *cf, ngx_hx_main_conf_t *mcf)
{
    if (!mcf->unrecorded) {
        mcf->unrecorded = 1;

        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "HX_GATE_AUDIT_ENABLED is \"false\": nobody will "
                           "know who has done what");
    }
}


/* What the shared memory and its threads have to be made for. */

static ngx_int_t
ngx_hx_conf_zone_needs(ngx_conf_t *cf, ngx_hx_main_conf_t *mcf)
{
    ngx_uint_t        i;
    ngx_hx_zone_t    *zone;
    ngx_hx_audit_t  **audit;

    zone = mcf->zone->data;
    audit = mcf->audits.elts;

    zone->n_audits = mcf->audits.nelts;

    for (i = 0; i < mcf->audits.nelts; i++) {
        zone->audit_size = ngx_max(zone->audit_size, audit[i]->size);
    }

    if (mcf->threads == NULL) {
        mcf->threads = ngx_thread_pool_add(cf, NULL);
    }

    return mcf->threads != NULL ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_hx_conf_check_main(ngx_conf_t *cf, ngx_hx_main_conf_t *mcf)
{
    if (mcf->zone == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the gate needs a \"hx_gate_zone\" directive");
        return NGX_ERROR;
    }

    if (mcf->registry.dir.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the gate needs a \"hx_gate_registry\" directive");
        return NGX_ERROR;
    }

    if (mcf->shared_windows && mcf->registry.fleet == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"hx_gate_rate_limit\" with "
                           "\"sync=strict\" or \"sync=lease\" needs a "
                           "registry in Redis");
        return NGX_ERROR;
    }

    if (ngx_hx_conf_fleet_prepare(cf, &mcf->registry) != NGX_OK) {
        return NGX_ERROR;
    }

    if (mcf->default_rate.requests == 0
        && ngx_hx_conf_default_rate_limit_default(cf, mcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_hx_conf_prices_check(cf, mcf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (mcf->service_key.len == 0
        && ngx_hx_conf_service_key_default(cf, mcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_hx_conf_zone_needs(cf, mcf);
}


ngx_int_t
ngx_hx_check_main_conf(ngx_conf_t *cf, ngx_hx_main_conf_t *mcf)
{
    ngx_int_t         rc;
    ngx_conf_file_t   here, *saved;

    if (!mcf->used) {
        return NGX_OK;
    }

    ngx_hx_conf_enter(cf, mcf->place, &here, &saved);
    rc = ngx_hx_conf_check_main(cf, mcf);
    ngx_hx_conf_leave(cf, saved);

    return rc == NGX_OK ? ngx_hx_conf_lint(cf, mcf) : rc;
}
