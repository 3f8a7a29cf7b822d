/*
 * ngx_hx_fleet_task.c -- something that a thread does, again and again: one at
 * a time, and the event loop goes on with what came of it.
 */

#include "ngx_hx_fleet.h"


#define NGX_HX_FLEET_SLOW   60000       /* ms, and no end of it */


static void
ngx_hx_fleet_task_thread(void *data, ngx_log_t *log)
{
    ngx_hx_fleet_task_t  *t = *(ngx_hx_fleet_task_t **) data;

    t->run(t->data);
}


static void
ngx_hx_fleet_task_event(ngx_event_t *ev)
{
    ngx_hx_fleet_task_t  *t = ev->data;

    if (!ev->complete) {
        ev->timedout = 0;
        ngx_add_timer(ev, NGX_HX_FLEET_SLOW);
        return;
    }

    if (ev->timer_set) {
        ngx_del_timer(ev);
    }

    t->done(t->data);
}


ngx_int_t
ngx_hx_fleet_task_init(ngx_hx_fleet_task_t *t, ngx_thread_pool_t *threads,
    ngx_pool_t *pool, ngx_log_t *log)
{
    ngx_memzero(t, sizeof(ngx_hx_fleet_task_t));

    t->threads = threads;
    t->task = ngx_thread_task_alloc(pool, sizeof(ngx_hx_fleet_task_t *));

    if (t->task == NULL) {
        return NGX_ERROR;
    }

    *(ngx_hx_fleet_task_t **) t->task->ctx = t;

    t->task->handler = ngx_hx_fleet_task_thread;
    t->task->event.handler = ngx_hx_fleet_task_event;
    t->task->event.data = t;
    t->task->event.log = log;

    return NGX_OK;
}


ngx_int_t
ngx_hx_fleet_task_post(ngx_hx_fleet_task_t *t, void (*run)(void *data),
    void (*done)(void *data), void *data)
{
    t->run = run;
    t->done = done;
    t->data = data;

    t->task->event.complete = 0;        /* of the time before */

    if (ngx_thread_task_post(t->threads, t->task) != NGX_OK) {
        return NGX_ERROR;
    }

    /* a worker that is to exit waits for timers, not for threads */

    ngx_add_timer(&t->task->event, NGX_HX_FLEET_SLOW);

    return NGX_OK;
}
