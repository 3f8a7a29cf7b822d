/*
 * ngx_hx_webhook_settle.c -- the end of an event that an upstream was to
 * handle.  The request is over by then, so this is a job of its own, with its
 * own memory.  Where it cannot be done the event stays held: after the lease
 * Stripe's next try is free, and perhaps handled once more, but never lost.
 */

#include "ngx_hx_webhook.h"


#define NGX_HX_SETTLE_SLOW   60000      /* ms until a job is remarked upon */


typedef struct {
    ngx_pool_t      *pool;
    hx_registry_t   *registry;          /* borrowed */
    hx_str_t         event;
    uint64_t         now;
    uint64_t         token;
    ngx_uint_t       done;
    hx_rc_t          rc;
    char             err[HX_REGISTRY_ERR];
} ngx_hx_settle_t;


static void
ngx_hx_webhook_lost(const ngx_hx_settle_t *s, const char *why)
{
    ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, 0,
                  "hx_gate: Stripe event \"%*s\" stays held for %d s: %s",
                  s->event.len, s->event.data, HX_EVENT_LEASE, why);
}


static void
ngx_hx_webhook_settle_thread(void *data, ngx_log_t *log)
{
    ngx_hx_settle_t  *s = *(ngx_hx_settle_t **) data;

    s->rc = hx_registry_settle(s->registry, &s->event, s->now, s->token,
                               (int) s->done, s->err);
}


static void
ngx_hx_webhook_settled(ngx_event_t *ev)
{
    ngx_hx_settle_t  *s = ev->data;

    if (!ev->complete) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0, "hx_gate: an event has "
                      "been waiting for the registry for a minute");

        ev->timedout = 0;
        ngx_add_timer(ev, NGX_HX_SETTLE_SLOW);
        return;
    }

    if (ev->timer_set) {
        ngx_del_timer(ev);
    }

    ngx_hx_registry_return();

    if (s->rc == HX_FAIL) {
        ngx_hx_webhook_lost(s, s->err);
    }

    ngx_destroy_pool(s->pool);
}


static ngx_hx_settle_t *
ngx_hx_webhook_settle_make(const hx_str_t *event, ngx_thread_task_t **task)
{
    u_char           *p;
    ngx_pool_t       *pool;
    ngx_hx_settle_t  *s;

    pool = ngx_create_pool(2048, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    s = ngx_pcalloc(pool, sizeof(ngx_hx_settle_t));
    p = ngx_pnalloc(pool, event->len + 1);
    *task = ngx_thread_task_alloc(pool, sizeof(ngx_hx_settle_t *));

    if (s == NULL || p == NULL || *task == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    ngx_memcpy(p, event->data, event->len);

    s->pool = pool;
    s->event.data = p;
    s->event.len = event->len;

    return s;
}


void
ngx_hx_webhook_settle(const hx_str_t *event, uint64_t token, ngx_uint_t done,
    ngx_thread_pool_t *threads)
{
    ngx_hx_settle_t     *s;
    ngx_thread_task_t   *task;

    s = ngx_hx_webhook_settle_make(event, &task);

    if (s == NULL) {
        ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, 0, "hx_gate: no memory to "
                      "settle an event");
        return;
    }

    s->token = token;
    s->done = done;
    s->now = (uint64_t) ngx_time();
    s->registry = ngx_hx_registry_borrow();

    if (s->registry == NULL) {
        ngx_hx_webhook_lost(s, "the registry is not open");
        ngx_destroy_pool(s->pool);
        return;
    }

    *(ngx_hx_settle_t **) task->ctx = s;

    task->handler = ngx_hx_webhook_settle_thread;
    task->event.handler = ngx_hx_webhook_settled;
    task->event.data = s;
    task->event.log = ngx_cycle->log;

    if (ngx_thread_task_post(threads, task) != NGX_OK) {
        ngx_hx_registry_return();
        ngx_hx_webhook_lost(s, "the thread pool is full");
        ngx_destroy_pool(s->pool);
        return;
    }

    /* a worker that is to exit waits for timers, not for threads */

    ngx_add_timer(&task->event, NGX_HX_SETTLE_SLOW);
}
