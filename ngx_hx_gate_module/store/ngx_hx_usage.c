/*
 * ngx_hx_usage.c -- this worker's hold on the store of usage: opened after
 * fork, looked after once a second; what was charged is carried there by a
 * timer (in a thread), and once more when the worker exits.
 *
 * When it cannot be reached nothing is lost: charges stay in the shared memory
 * until it can.
 */

#include "ngx_hx_store.h"

#include "hx_flush.h"


#define NGX_HX_USAGE_TICK   1000        /* ms */


typedef struct {
    hx_rc_t             rc;
    hx_flush_result_t   result;
    char                err[HX_USAGE_ERR];
} ngx_hx_usage_job_t;


typedef struct {
    const ngx_hx_registry_conf_t  *conf;
    ngx_hx_zone_t                 *zone;
    hx_usage_t                    *usage;
    ngx_thread_pool_t             *threads;
    ngx_thread_task_t             *task;
    ngx_log_t                     *log;
    ngx_uint_t                     lent;
    time_t                         logged;
    ngx_event_t                    tick;
    ngx_event_t                    flush;
    ngx_connection_t               dummy;   /* ngx_event_ident() wants it */
    unsigned                       busy:1;  /* a thread has the task */
    unsigned                       condemned:1;     /* lent to nobody more */
} ngx_hx_usage_worker_t;


static ngx_hx_usage_worker_t  ngx_hx_usage;


static void
ngx_hx_usage_complain(const char *what, const char *err)
{
    if (ngx_hx_usage.logged == ngx_time()) {
        return;
    }

    ngx_hx_usage.logged = ngx_time();

    ngx_log_error(NGX_LOG_CRIT, ngx_hx_usage.log, 0,
                  "hx_gate: usage store in \"%V\" %s: %s",
                  &ngx_hx_usage.conf->usage_dir, what, err);
}


static void
ngx_hx_usage_open(void)
{
    char                           err[HX_USAGE_ERR];
    hx_usage_conf_t                uc;
    ngx_atomic_uint_t              seen;
    const ngx_hx_registry_conf_t  *conf;

    conf = ngx_hx_usage.conf;
    seen = ngx_crc32_long(conf->usage_dir.data, conf->usage_dir.len);

    uc.dir = (const char *) conf->usage_dir.data;
    uc.map_size = conf->usage_map_size;
    uc.max_readers = (unsigned) conf->max_readers;
    uc.existing = ngx_hx_usage.zone->shared->usage_seen == seen;
    uc.fleet = conf->fleet != NULL;

    if (hx_usage_open(&ngx_hx_usage.usage, &uc, err) != HX_OK) {
        ngx_hx_usage_complain("cannot be opened", err);
        return;
    }

    ngx_hx_usage.zone->shared->usage_seen = seen;
}


static void
ngx_hx_usage_tick(ngx_event_t *ev)
{
    char  err[HX_USAGE_ERR];

    if (ngx_hx_usage.usage != NULL
        && hx_usage_refresh(ngx_hx_usage.usage, err) != HX_OK)
    {
        ngx_hx_usage_complain("is gone or does not answer", err);

        /* a thread may still be in it: then a later tick closes it */

        ngx_hx_usage.condemned = 1;

        if (ngx_hx_usage.lent == 0) {
            hx_usage_close(ngx_hx_usage.usage);
            ngx_hx_usage.usage = NULL;
            ngx_hx_usage.condemned = 0;
        }
    }

    if (ngx_hx_usage.usage == NULL) {
        ngx_hx_usage_open();
    }

    if (!ngx_exiting) {
        ngx_add_timer(ev, NGX_HX_USAGE_TICK);
    }
}


static void
ngx_hx_usage_count(hx_rc_t rc, const hx_flush_result_t *result)
{
    ngx_hx_shared_t  *sh;

    sh = ngx_hx_usage.zone->shared;

    if (rc == HX_FAIL) {
        hx_metrics_add(&sh->metrics, HX_METRICS_FLUSHES_FAILED, 1);
        return;
    }

    sh->flushed_at = (ngx_atomic_uint_t) ngx_time();

    if (result->rows != 0) {
        hx_metrics_add(&sh->metrics, HX_METRICS_FLUSHES_OK,
                       result->transactions);
        hx_metrics_add(&sh->metrics, HX_METRICS_ROWS_FLUSHED, result->rows);
    }
}


/* This memory, and the one that a reload has put aside. */

static hx_rc_t
ngx_hx_usage_flush_all(int wait, hx_flush_result_t *result, char *err)
{
    hx_rc_t            rc;
    hx_flush_result_t  old;

    rc = hx_flush(ngx_hx_usage.zone->state, ngx_hx_usage.usage, wait, result,
                  err);

    if (rc == HX_OK && ngx_hx_usage.zone->retired != NULL
        && !ngx_hx_usage.zone->foreign)
    {
        rc = hx_flush(ngx_hx_usage.zone->retired, ngx_hx_usage.usage, wait,
                      &old, err);
        result->rows += old.rows;
        result->transactions += old.transactions;
    }

    return rc;
}


static void
ngx_hx_usage_thread(void *data, ngx_log_t *log)
{
    ngx_hx_usage_job_t  *job = data;

    job->rc = ngx_hx_usage_flush_all(0, &job->result, job->err);
}


static void
ngx_hx_usage_done(ngx_event_t *ev)
{
    ngx_hx_usage_job_t  *job;

    job = ngx_hx_usage.task->ctx;

    ngx_hx_usage.busy = 0;
    ngx_hx_usage_return();

    if (job->rc == HX_FAIL) {
        ngx_hx_usage_complain("did not take what was charged", job->err);
    }

    if (job->rc != HX_NO) {
        ngx_hx_usage_count(job->rc, &job->result);
    }
}


static void
ngx_hx_usage_flush(ngx_event_t *ev)
{
    if (!ngx_hx_usage.busy && ngx_hx_usage_borrow() != NULL) {

        if (ngx_thread_task_post(ngx_hx_usage.threads, ngx_hx_usage.task)
            == NGX_OK)
        {
            ngx_hx_usage.busy = 1;

        } else {
            ngx_hx_usage_return();
        }
    }

    if (!ngx_exiting) {
        ngx_add_timer(ev, ngx_hx_usage.conf->usage_flush);
    }
}


static void
ngx_hx_usage_timer(ngx_event_t *ev, ngx_event_handler_pt handler,
    ngx_msec_t ms)
{
    ev->handler = handler;
    ev->data = &ngx_hx_usage.dummy;
    ev->log = ngx_hx_usage.log;
    ev->cancelable = 1;

    ngx_add_timer(ev, ms);
}


ngx_int_t
ngx_hx_usage_init(const ngx_hx_registry_conf_t *conf, ngx_hx_zone_t *zone,
    ngx_thread_pool_t *threads, ngx_cycle_t *cycle)
{
    ngx_memzero(&ngx_hx_usage, sizeof(ngx_hx_usage_worker_t));

    ngx_hx_usage.conf = conf;
    ngx_hx_usage.zone = zone;
    ngx_hx_usage.threads = threads;
    ngx_hx_usage.log = cycle->log;
    ngx_hx_usage.dummy.fd = (ngx_socket_t) -1;

    ngx_hx_usage.task = ngx_thread_task_alloc(cycle->pool,
                                              sizeof(ngx_hx_usage_job_t));
    if (ngx_hx_usage.task == NULL) {
        return NGX_ERROR;
    }

    ngx_hx_usage.task->handler = ngx_hx_usage_thread;
    ngx_hx_usage.task->event.handler = ngx_hx_usage_done;
    ngx_hx_usage.task->event.log = cycle->log;

    ngx_hx_usage_open();

    ngx_hx_usage_timer(&ngx_hx_usage.tick, ngx_hx_usage_tick,
                       NGX_HX_USAGE_TICK);
    ngx_hx_usage_timer(&ngx_hx_usage.flush, ngx_hx_usage_flush,
                       conf->usage_flush);

    return NGX_OK;
}


void
ngx_hx_usage_exit(void)
{
    char               err[HX_USAGE_ERR];
    hx_rc_t            rc;
    hx_flush_result_t  result;

    /* threads are gone by now: the thread pool module exits first */

    if (ngx_hx_usage.usage == NULL) {
        return;
    }

    rc = ngx_hx_usage_flush_all(1, &result, err);

    if (rc == HX_FAIL) {
        ngx_log_error(NGX_LOG_CRIT, ngx_hx_usage.log, 0,
                      "hx_gate: usage store in \"%V\" did not take what was "
                      "charged, it stays in shared memory: %s",
                      &ngx_hx_usage.conf->usage_dir, err);
    }

    ngx_hx_usage_count(rc, &result);
    hx_state_note(ngx_hx_usage.zone->state);

    hx_usage_close(ngx_hx_usage.usage);
    ngx_hx_usage.usage = NULL;
}


hx_usage_t *
ngx_hx_usage_borrow(void)
{
    if (ngx_hx_usage.usage == NULL || ngx_hx_usage.condemned) {
        return NULL;
    }

    ngx_hx_usage.lent++;

    return ngx_hx_usage.usage;
}


void
ngx_hx_usage_return(void)
{
    ngx_hx_usage.lent--;
}


hx_rc_t
ngx_hx_usage_total(unsigned month, const hx_str_t *id,
    const u_char *sources, size_t n, uint64_t *tenths)
{
    char     err[HX_USAGE_ERR];
    hx_rc_t  rc;

    if (ngx_hx_usage.usage == NULL) {
        return HX_FAIL;
    }

    rc = hx_usage_total(ngx_hx_usage.usage, month, id, sources, n, tenths, err);

    if (rc == HX_FAIL) {
        ngx_hx_usage_complain("did not answer", err);
    }

    return rc;
}
