/*
 * ngx_http_hx_gate_module.c -- the module: contexts, phases, start and end of
 * a worker.  Wiring only.
 */

#include "ngx_hx_gate.h"

#include "ngx_hx_fleet.h"


static ngx_int_t ngx_hx_postconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_hx_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_hx_init_process(ngx_cycle_t *cycle);
static void ngx_hx_exit_process(ngx_cycle_t *cycle);


static ngx_http_module_t  ngx_http_hx_gate_module_ctx = {
    ngx_hx_add_variables,                  /* preconfiguration */
    ngx_hx_postconfiguration,              /* postconfiguration */

    ngx_hx_create_main_conf,               /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_hx_create_loc_conf,                /* create location configuration */
    ngx_hx_merge_loc_conf                  /* merge location configuration */
};


ngx_module_t  ngx_http_hx_gate_module = {
    NGX_MODULE_V1,
    &ngx_http_hx_gate_module_ctx,          /* module context */
    ngx_hx_commands,                       /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_hx_init_module,                    /* init module */
    ngx_hx_init_process,                   /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_hx_exit_process,                   /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


/* In the log phase the order is that of the table, elsewhere it is reversed. */

static const struct {
    ngx_http_phases        phase;
    ngx_http_handler_pt    handler;
    unsigned               webhooks:1;  /* only where there are some */
} ngx_hx_phases[] = {
    { NGX_HTTP_POST_READ_PHASE, ngx_hx_unread_handler, 0 },
    { NGX_HTTP_PREACCESS_PHASE, ngx_hx_subrequest_handler, 0 },
    { NGX_HTTP_ACCESS_PHASE, ngx_hx_access_handler, 0 },
    { NGX_HTTP_PRECONTENT_PHASE, ngx_hx_webhook_event, 1 },
    { NGX_HTTP_LOG_PHASE, ngx_hx_meter_handler, 0 },
    { NGX_HTTP_LOG_PHASE, ngx_hx_webhook_log, 1 }
};


static ngx_int_t
ngx_hx_add_phases(ngx_http_core_main_conf_t *cmcf, ngx_uint_t webhooks)
{
    ngx_uint_t            i;
    ngx_http_handler_pt  *h;

    for (i = 0; i < hx_nelts(ngx_hx_phases); i++) {
        if (ngx_hx_phases[i].webhooks && !webhooks) {
            continue;
        }

        h = ngx_array_push(&cmcf->phases[ngx_hx_phases[i].phase].handlers);
        if (h == NULL) {
            return NGX_ERROR;
        }

        *h = ngx_hx_phases[i].handler;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_hx_postconfiguration(ngx_conf_t *cf)
{
    ngx_hx_main_conf_t         *mcf;
    ngx_http_core_main_conf_t  *cmcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_hx_gate_module);

    if (ngx_hx_check_main_conf(cf, mcf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (!mcf->used) {
        return NGX_OK;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    if (ngx_hx_add_phases(cmcf, mcf->webhooks) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_hx_body_filter_init() != NGX_OK) {
        return NGX_ERROR;
    }

    /* the first to be set up is the last to run */

    if (ngx_hx_hold_filter_init() != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_hx_answer_filter_init();
}


/* In the master, when nothing of the configuration can fail any more. */

static ngx_int_t
ngx_hx_init_module(ngx_cycle_t *cycle)
{
    const ngx_hx_main_conf_t  *mcf;

    mcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_hx_gate_module);

    if (mcf != NULL && mcf->used && !ngx_test_config) {
        ngx_hx_zone_commit(ngx_hx_zone(mcf), cycle->log);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_hx_init_process(ngx_cycle_t *cycle)
{
    ngx_hx_main_conf_t  *mcf;

    /* cache manager and loader run this too, and serve no request */

    if (ngx_process != NGX_PROCESS_WORKER
        && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    mcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_hx_gate_module);

    if (mcf == NULL || !mcf->used) {
        return NGX_OK;
    }

    if (ngx_hx_crypto_init(cycle->log) != NGX_OK
        || ngx_hx_audit_init(mcf, cycle->log) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_hx_meter_init(mcf, cycle->log);

    if (ngx_hx_usage_init(&mcf->registry, ngx_hx_zone(mcf), mcf->threads,
                          cycle)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_hx_registry_init(&mcf->registry, ngx_hx_shared(mcf), cycle)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_hx_fleet_init(&mcf->registry, ngx_hx_shared(mcf), mcf->threads,
                          cycle)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_hx_fleet_limit_init(mcf, cycle->log);

    return ngx_hx_fleet_usage_init(&mcf->registry, ngx_hx_zone(mcf),
                                   mcf->threads, cycle);
}


static void
ngx_hx_exit_process(ngx_cycle_t *cycle)
{
    const ngx_hx_main_conf_t  *mcf;

    if (ngx_process != NGX_PROCESS_WORKER
        && ngx_process != NGX_PROCESS_SINGLE)
    {
        return;
    }

    mcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_hx_gate_module);

    if (mcf == NULL || !mcf->used) {
        return;
    }

    ngx_hx_audit_exit(mcf);
    ngx_hx_usage_exit();
    ngx_hx_fleet_usage_exit();
    ngx_hx_fleet_exit();
    ngx_hx_registry_exit();
    ngx_hx_crypto_exit();
}
