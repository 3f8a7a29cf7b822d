/*
 * ngx_hx_metrics.c -- hx_gate_metrics: numbers for Prometheus.  Needs no
 * credential: "allow" and "deny" say who may read it.  It answers without a
 * registry, too.
 */

#include "ngx_hx_admin.h"

#include "hx_lease_table.h"


_Static_assert((int) NGX_HX_REDIS_ERRORS <= HX_METRICS_REDIS_REASONS,
               "reasons have no room");


/* Milliseconds since a second of the clock; -1 = never. */

static int64_t
ngx_hx_metrics_age(ngx_atomic_t at)
{
    time_t  age;

    if (at == 0) {
        return -1;
    }

    age = ngx_time() - (time_t) at;

    return age > 0 ? (int64_t) age * 1000 : 0;
}


static int64_t
ngx_hx_metrics_stale(void)
{
    ngx_msec_t  age;

    if (!ngx_hx_fleet_on()) {
        return -1;
    }

    age = ngx_hx_fleet_staleness();

    return age == NGX_HX_FLEET_NEVER ? -1 : (int64_t) age;
}


static void
ngx_hx_metrics_fleet(const ngx_hx_main_conf_t *mcf, ngx_hx_job_t *job)
{
    ngx_uint_t               i;
    hx_lease_table_info_t    info;
    hx_metrics_fleet_now_t  *now;

    static const char  *reason[NGX_HX_REDIS_ERRORS];

    if (ngx_hx_fleet_redis() == NULL) {
        return;
    }

    if (reason[0] == NULL) {
        for (i = 0; i < NGX_HX_REDIS_ERRORS; i++) {
            reason[i] = ngx_hx_redis_word((ngx_hx_redis_err_t) i);
        }
    }

    now = &job->fleet_now;
    job->fleet = &ngx_hx_shared(mcf)->fleet;

    now->breaker_open = !ngx_hx_redis_ready(ngx_hx_fleet_redis());
    now->reason = reason;
    now->n_reasons = NGX_HX_REDIS_ERRORS;

    if (mcf->leases != NULL) {
        hx_lease_table_info(mcf->leases->data, &info);

        now->leases = 1;
        now->places = info.tenants;
        now->places_used = info.used;
        now->full = info.full;
        now->evicted = info.evicted;
        now->recovered = info.recovered;
    }
}


ngx_int_t
ngx_hx_metrics_handler(ngx_http_request_t *r)
{
    ngx_int_t         rc;
    ngx_hx_ctx_t     *ctx;
    ngx_hx_job_t     *job;
    ngx_hx_shared_t  *sh;

    if (r != r->main) {
        return NGX_HTTP_FORBIDDEN;
    }

    ctx = ngx_hx_ctx_make(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        ngx_str_set(&ctx->allow, "GET, HEAD");

        return ngx_hx_refuse(ctx, HX_E_METHOD_NOT_ALLOWED, HX_OUTCOME_METHOD,
                             "Method not allowed");
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    job = ngx_hx_admin_job(r, NGX_HX_JOB_METRICS);
    if (job == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    sh = ngx_hx_shared(ngx_hx_main_conf(r));

    job->month = ngx_hx_month(ngx_time());
    job->metrics = &sh->metrics;
    job->gauges.registry_up = ngx_hx_registry_ready() ? 1 : 0;
    job->gauges.registry_age = ngx_hx_metrics_age(sh->registry_at);
    job->gauges.registry_stale = ngx_hx_metrics_stale();
    job->gauges.flush_age = ngx_hx_metrics_age(sh->flushed_at);
    job->gauges.fleet_usage_age = ngx_hx_metrics_age(sh->fleet_usage_at);

    ngx_hx_metrics_fleet(ngx_hx_main_conf(r), job);

    return ngx_hx_admin_wait(r, ctx, job);
}
