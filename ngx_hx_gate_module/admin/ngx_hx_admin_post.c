/*
 * ngx_hx_admin_post.c -- an admin call's way into the thread pool and back, and
 * its answer.  The request cannot go away meanwhile (r->main->blocked); what
 * was committed is reported, or at least recorded, whatever the client did.
 */

#include "ngx_hx_admin.h"


#define NGX_HX_ADMIN_SLOW   60000       /* ms until a job is remarked upon */


static void ngx_hx_admin_done(ngx_event_t *ev);
static void ngx_hx_admin_finish(ngx_hx_job_t *job);
static void ngx_hx_admin_fail(ngx_hx_job_t *job, const char *err);


static void
ngx_hx_admin_cleanup(void *data)
{
    ngx_hx_job_t  *job = data;

    if (job->out != NULL) {
        hx_cleanse(job->out, job->len);
        free(job->out);
    }

    if (job->draft != NULL) {
        hx_registry_draft_free(job->draft);
    }

    hx_cleanse(job->key, sizeof(job->key));
}


ngx_hx_job_t *
ngx_hx_admin_job(ngx_http_request_t *r, ngx_hx_job_type_t type)
{
    ngx_hx_job_t        *job;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_hx_job_t));
    if (cln == NULL) {
        return NULL;
    }

    job = cln->data;
    ngx_memzero(job, sizeof(ngx_hx_job_t));

    job->type = type;
    job->request = r;
    cln->handler = ngx_hx_admin_cleanup;

    if (!ngx_hx_fleet_on()) {
        return job;
    }

    job->draft = ngx_pcalloc(r->pool, sizeof(hx_registry_draft_t));

    return job->draft != NULL ? job : NULL;
}


static void
ngx_hx_admin_thread(void *data, ngx_log_t *log)
{
    ngx_hx_job_run(*(ngx_hx_job_t **) data);
}


ngx_int_t
ngx_hx_admin_unavailable(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const char *why)
{
    ngx_uint_t  level;

    /* what a network does is no disaster, and over when it is back */

    level = ngx_hx_fleet_on() ? NGX_LOG_ERR : NGX_LOG_CRIT;

    ngx_log_error(level, r->connection->log, 0,
                  "hx_gate: admin call failed: %s", why);

    ctx->retry_after = 1;

    return ngx_hx_refuse(ctx, HX_E_UNAVAILABLE, HX_OUTCOME_STORE,
                         "Tenant registry is unavailable");
}


/* What the job needs of this worker's stores; metrics need none of them. */

static ngx_int_t
ngx_hx_admin_borrow(ngx_hx_job_t *job)
{
    if (job->type == NGX_HX_JOB_METRICS) {
        return NGX_OK;
    }

    job->registry = ngx_hx_registry_borrow();
    if (job->registry == NULL) {
        return NGX_ERROR;
    }

    if (job->type != NGX_HX_JOB_USAGE && job->type != NGX_HX_JOB_USAGE_LIST) {
        return NGX_OK;
    }

    job->usage = ngx_hx_usage_borrow();

    if (job->usage == NULL) {
        ngx_hx_registry_return();
        job->registry = NULL;
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_hx_admin_give_back(ngx_hx_job_t *job)
{
    if (job->registry != NULL) {
        ngx_hx_registry_return();
        job->registry = NULL;
    }

    if (job->usage != NULL) {
        ngx_hx_usage_return();
        job->usage = NULL;
    }
}


/* NULL, or why not. */

static const char *
ngx_hx_admin_run(ngx_hx_job_t *job)
{
    const ngx_hx_main_conf_t  *mcf;

    mcf = ngx_hx_main_conf(job->request);
    job->task->event.complete = 0;      /* of the time before */

    if (ngx_thread_task_post(mcf->threads, job->task) != NGX_OK) {
        return "the thread pool is full";
    }

    /* a worker that is to exit waits for timers, not for threads */

    ngx_add_timer(&job->task->event, NGX_HX_ADMIN_SLOW);

    return NULL;
}


/*
 * May it be answered from the replica as it is?  When it reads, and the replica
 * may be believed: one that never was where Redis is knows nobody.
 */

static ngx_uint_t
ngx_hx_admin_may_be_old(ngx_hx_job_t *job)
{
    char        err[HX_REGISTRY_ERR];
    hx_epoch_t  stand;

    return (job->type == NGX_HX_JOB_GET || job->type == NGX_HX_JOB_LIST)
           && ngx_hx_fleet_trusted()
           && hx_replica_epoch(job->registry, &stand, err) == HX_OK
           && stand.number != 0;
}


/* The replica is where Redis was when the call came; or it is not known. */

static void
ngx_hx_admin_fresh(void *data, hx_rc_t rc, const char *err)
{
    ngx_hx_job_t  *job = data;

    const char  *why;

    ngx_http_set_log_request(job->request->connection->log, job->request);

    if (rc != HX_OK && !ngx_hx_admin_may_be_old(job)) {
        ngx_hx_admin_fail(job, err);
        return;
    }

    why = ngx_hx_admin_run(job);

    if (why != NULL) {
        ngx_hx_admin_fail(job, why);
    }
}


/*
 * In a fleet what another node has answered a moment ago is seen here: an
 * operator's calls may come by any of them.
 */

static const char *
ngx_hx_admin_start(ngx_hx_job_t *job)
{
    if (job->draft == NULL || job->type == NGX_HX_JOB_METRICS
        || job->type == NGX_HX_JOB_USAGE || job->type == NGX_HX_JOB_USAGE_LIST)
    {
        return ngx_hx_admin_run(job);
    }

    job->wait.done = ngx_hx_admin_fresh;
    job->wait.data = job;

    return ngx_hx_fleet_confirm(&job->wait) == NGX_OK
           ? NULL : "too many wait for the replica";
}


ngx_int_t
ngx_hx_admin_post(ngx_http_request_t *r, ngx_hx_ctx_t *ctx, ngx_hx_job_t *job)
{
    const char                *why;
    ngx_hx_job_t             **slot;
    ngx_thread_task_t         *task;
    const ngx_hx_zone_t       *zone;
    const ngx_hx_main_conf_t  *mcf;

    mcf = ngx_hx_main_conf(r);

    task = ngx_thread_task_alloc(r->pool, sizeof(ngx_hx_job_t *));
    if (task == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_hx_admin_borrow(job) != NGX_OK) {
        return ngx_hx_admin_unavailable(r, ctx, "the registry is not open");
    }

    zone = ngx_hx_zone(mcf);

    job->state = zone->state;
    job->retired = zone->foreign ? NULL : zone->retired;

    job->plans = mcf->plans.elts;
    job->n_plans = (unsigned) mcf->plans.nelts;
    job->default_rate = &mcf->default_rate;

    job->task = task;
    slot = task->ctx;
    *slot = job;

    task->handler = ngx_hx_admin_thread;
    task->event.handler = ngx_hx_admin_done;
    task->event.data = job;
    task->event.log = r->connection->log;

    why = ngx_hx_admin_start(job);

    if (why != NULL) {
        ngx_hx_admin_give_back(job);
        return ngx_hx_admin_unavailable(r, ctx, why);
    }

    /* as for a file read in a thread: r may not go while it is out there */

    r->main->blocked++;
    r->aio = 1;

    return NGX_OK;
}


static ngx_uint_t
ngx_hx_admin_ok_status(const ngx_hx_job_t *job)
{
    return job->type == NGX_HX_JOB_CHANGE
           && job->change->op == HX_CHANGE_CREATE ? NGX_HTTP_CREATED
                                                  : NGX_HTTP_OK;
}


ngx_int_t
ngx_hx_admin_failed(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_job_t *job)
{
    ngx_int_t  rc;

    rc = ngx_hx_admin_unavailable(r, ctx, job->err);

    if (job->zone_full) {
        hx_metrics_add(&ngx_hx_shared(ngx_hx_main_conf(r))->metrics,
                       HX_METRICS_ZONE_FULL, 1);

        ngx_str_set(&ctx->detail,
                    "hx_gate_zone is full: no room for another tenant");
    }

    return rc;
}


static ngx_int_t
ngx_hx_admin_result(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_job_t *job)
{
    const hx_str_t  *id;

    static const ngx_str_t  text = ngx_string("text/plain; version=0.0.4");

    if (job->rc == HX_FAIL) {
        return ngx_hx_admin_failed(r, ctx, job);
    }

    if (job->rc == HX_OK && job->type == NGX_HX_JOB_METRICS) {
        return ngx_hx_reply_text(r, NGX_HTTP_OK, &text, job->out, job->len);
    }

    if (job->rc == HX_OK) {
        ctx->outcome = ctx->own ? HX_OUTCOME_ALLOWED : HX_OUTCOME_ADMIN;

        return ngx_hx_reply_json(r, ngx_hx_admin_ok_status(job), job->out,
                                 job->len);
    }

    id = job->change == NULL ? &job->id : &job->change->id;

    switch (job->result) {

    case HX_CHANGE_EXISTS:
        return ngx_hx_refuse_echo(r, ctx, HX_E_CONFLICT,
                                  HX_OUTCOME_INVALID_REQUEST, "Tenant '",
                                  id->data, id->len, "' already exists");

    case HX_CHANGE_TOO_MANY:
        return ngx_hx_refuse_echo(r, ctx, HX_E_CONFLICT,
                                  HX_OUTCOME_INVALID_REQUEST, "Tenant '",
                                  id->data, id->len,
                                  "' has the maximum of 256 namespaces");

    case HX_CHANGE_LAST_NAMESPACE:
        return ngx_hx_refuse_echo(r, ctx, HX_E_CONFLICT,
                                  HX_OUTCOME_INVALID_REQUEST, "Tenant '",
                                  id->data, id->len,
                                  "' must keep at least one namespace");

    case HX_CHANGE_NO_NAMESPACE:
        return ngx_hx_refuse_echo(r, ctx, HX_E_NOT_FOUND,
                                  HX_OUTCOME_INVALID_REQUEST, "Tenant '",
                                  id->data, id->len,
                                  "' does not have that namespace");

    default:
        return ngx_hx_refuse_echo(r, ctx, HX_E_NOT_FOUND,
                                  HX_OUTCOME_INVALID_REQUEST, "Tenant '",
                                  id->data, id->len, "' not found");
    }
}


/* The client is gone: the record says what it would have been told. */

static void
ngx_hx_admin_unheard(ngx_http_request_t *r, const ngx_hx_job_t *job)
{
    ngx_hx_ctx_t  *ctx;

    ctx = ngx_hx_ctx(r);

    if (job->rc == HX_OK) {
        ctx->outcome = HX_OUTCOME_ADMIN;
        r->headers_out.status = ngx_hx_admin_ok_status(job);

    } else {
        r->headers_out.status = (ngx_uint_t) ngx_hx_admin_result(r, ctx, job);
    }
}


/* ----------------------------------------------------- in a fleet: Redis -- */

static void
ngx_hx_admin_fail(ngx_hx_job_t *job, const char *err)
{
    job->rc = HX_FAIL;
    (void) ngx_cpystrn((u_char *) job->err, (u_char *) err, sizeof(job->err));

    ngx_hx_admin_finish(job);
}


/* It was computed where Redis does not stand any more; once more, there. */

static void
ngx_hx_admin_compute(ngx_hx_job_t *job)
{
    const char  *why;

    if (++job->computed == NGX_HX_FLEET_TRIES) {
        ngx_hx_admin_fail(job, "others changed the registry each time");
        return;
    }

    ngx_hx_job_again(job);
    why = ngx_hx_admin_run(job);

    if (why != NULL) {
        ngx_hx_admin_fail(job, why);
    }
}


static void
ngx_hx_admin_committed(void *data, hx_rc_t rc, const char *err)
{
    ngx_hx_job_t  *job = data;

    ngx_http_set_log_request(job->request->connection->log, job->request);

    switch (rc) {

    case HX_OK:
        ngx_hx_admin_finish(job);
        break;

    case HX_NO:
        ngx_hx_admin_compute(job);
        break;

    default:
        ngx_hx_admin_fail(job, err);
    }
}


/* 1: what was computed is on its way to Redis. */

static ngx_uint_t
ngx_hx_admin_commit(ngx_hx_job_t *job)
{
    ngx_hx_fleet_commit_t  *c;

    if (job->draft == NULL || job->rc != HX_OK || job->draft->writes.len == 0)
    {
        return 0;
    }

    c = &job->commit;
    c->draft = job->draft;
    c->done = ngx_hx_admin_committed;
    c->data = job;

    if (ngx_hx_fleet_commit(c, job->request->pool) != NGX_OK) {
        ngx_hx_admin_fail(job, c->err);
    }

    return 1;
}


static void
ngx_hx_admin_done(ngx_event_t *ev)
{
    ngx_hx_job_t      *job;
    ngx_connection_t  *c;

    job = ev->data;
    c = job->request->connection;

    ngx_http_set_log_request(c->log, job->request);

    if (!ev->complete) {
        ngx_log_error(NGX_LOG_ERR, c->log, 0, "hx_gate: an admin call has "
                      "been waiting for the registry for a minute");

        ev->timedout = 0;
        ngx_add_timer(ev, NGX_HX_ADMIN_SLOW);
        return;
    }

    if (ev->timer_set) {
        ngx_del_timer(ev);
    }

    if (!ngx_hx_admin_commit(job)) {
        ngx_hx_admin_finish(job);
    }
}


static void
ngx_hx_admin_finish(ngx_hx_job_t *job)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = job->request;
    c = r->connection;

    ngx_hx_admin_give_back(job);

    ngx_hx_ctx(r)->change = &job->digest;

    r->main->blocked--;
    r->aio = 0;

    if (job->resume != NULL) {
        job->resume(r);

    } else if (c->error) {
        ngx_hx_admin_unheard(r, job);
        ngx_http_finalize_request(r, NGX_ERROR);

    } else {
        ngx_http_finalize_request(r, ngx_hx_admin_result(r, ngx_hx_ctx(r),
                                                         job));
    }

    ngx_http_run_posted_requests(c);
}
