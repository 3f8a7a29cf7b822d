/*
 * ngx_hx_webhook_settle.c -- the end of an event: what came of it; and where an
 * upstream was to handle it, whether it did.  The request is over by then, so
 * that is a job of its own, with its own memory.  Where it cannot be done the
 * event stays held: after the lease Stripe's next try is free, and perhaps
 * handled once more, but never lost.
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

    ngx_thread_pool_t      *threads;
    ngx_thread_task_t      *task;
    hx_registry_draft_t     draft;      /* of a fleet: committed in Redis */
    ngx_hx_fleet_commit_t   commit;
    ngx_uint_t              computed;   /* times */
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
                               (int) s->done,
                               ngx_hx_fleet_on() ? &s->draft : NULL, s->err);
}


static void
ngx_hx_webhook_settle_end(ngx_hx_settle_t *s, hx_rc_t rc, const char *err)
{
    ngx_hx_registry_return();

    if (rc == HX_FAIL) {
        ngx_hx_webhook_lost(s, err);
    }

    hx_registry_draft_free(&s->draft);
    ngx_destroy_pool(s->pool);
}


static void
ngx_hx_webhook_settle_committed(void *data, hx_rc_t rc, const char *err)
{
    ngx_hx_settle_t  *s = data;

    if (rc != HX_NO) {
        ngx_hx_webhook_settle_end(s, rc, err);
        return;
    }

    /* others were faster: once more, from where the registry is now */

    if (++s->computed == NGX_HX_FLEET_TRIES) {
        ngx_hx_webhook_settle_end(s, HX_FAIL, "others changed the registry "
                                  "each time");
        return;
    }

    s->task->event.complete = 0;        /* of the time before */

    if (ngx_thread_task_post(s->threads, s->task) != NGX_OK) {
        ngx_hx_webhook_settle_end(s, HX_FAIL, "the thread pool is full");
        return;
    }

    ngx_add_timer(&s->task->event, NGX_HX_SETTLE_SLOW);
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

    if (s->rc == HX_FAIL || s->draft.writes.len == 0) {
        ngx_hx_webhook_settle_end(s, s->rc, s->err);
        return;
    }

    s->commit.draft = &s->draft;
    s->commit.done = ngx_hx_webhook_settle_committed;
    s->commit.data = s;

    if (ngx_hx_fleet_commit(&s->commit, s->pool) != NGX_OK) {
        ngx_hx_webhook_settle_end(s, HX_FAIL, s->commit.err);
    }
}


static ngx_hx_settle_t *
ngx_hx_webhook_settle_make(const hx_str_t *event, ngx_thread_task_t **task)
{
    u_char           *p;
    ngx_pool_t       *pool;
    ngx_hx_settle_t  *s;

    pool = ngx_create_pool(4096, ngx_cycle->log);
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


static void
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

    s->threads = threads;
    s->task = task;
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


static void
ngx_hx_webhook_note(ngx_http_request_t *r, const ngx_hx_ctx_t *ctx,
    hx_billing_result_t result)
{
    ngx_uint_t  level;

    level = result == HX_BILLING_REFUSED ? NGX_LOG_WARN
            : result == HX_BILLING_INVALID ? NGX_LOG_INFO : NGX_LOG_NOTICE;

    ngx_log_error(level, r->connection->log, 0,
                  "hx_gate: Stripe event \"%*s\" \"%*s\": %s%s%*s",
                  ctx->event_type.len, ctx->event_type.data,
                  ctx->event_id.len, ctx->event_id.data,
                  hx_billing_word(result),
                  ctx->tenant.id.len != 0 ? ", tenant " : "",
                  ctx->tenant.id.len, ctx->tenant.id.data);
}


static ngx_uint_t
ngx_hx_webhook_taken(ngx_uint_t status)
{
    return status >= 200 && status < 300;
}


hx_billing_result_t
ngx_hx_event_result(const ngx_http_request_t *r, const ngx_hx_ctx_t *ctx,
    ngx_uint_t status)
{
    const ngx_http_upstream_state_t  *state;

    if (!ctx->event_held) {
        if (ctx->event_result == HX_BILLING_NONE
            && status >= 400 && status < 500)
        {
            return HX_BILLING_INVALID;  /* nginx did not let it come so far */
        }

        return ctx->event_result;
    }

    /* what came back, not what a post_action made of it afterwards */

    if (ctx->event_status != 0) {
        status = ctx->event_status;
    }

    /* Stripe did not wait for it, but it was handled */

    if (status == NGX_HTTP_CLIENT_CLOSED_REQUEST && r->upstream_states != NULL
        && r->upstream_states->nelts != 0)
    {
        state = r->upstream_states->elts;
        status = state[r->upstream_states->nelts - 1].status;
    }

    return ngx_hx_webhook_taken(status) ? HX_BILLING_FORWARDED
                                        : HX_BILLING_RELEASED;
}


ngx_int_t
ngx_hx_webhook_log(ngx_http_request_t *r)
{
    ngx_hx_ctx_t         *ctx;
    hx_billing_result_t   result;

    if (r != r->main) {
        return NGX_OK;
    }

    ctx = ngx_hx_ctx(r);

    if (ctx == NULL || ctx->lcf->webhook == NULL) {
        return NGX_OK;
    }

    result = ngx_hx_event_result(r, ctx, r->err_status != 0
                                         ? r->err_status
                                         : r->headers_out.status);

    ngx_hx_webhook_note(r, ctx, result);

    if (ctx->event_held) {
        ctx->event_held = 0;
        ctx->event_result = result;

        ngx_hx_webhook_settle(&ctx->webhook->asked.id,
                              ctx->webhook->job->token,
                              result == HX_BILLING_FORWARDED,
                              ngx_hx_main_conf(r)->threads);
    }

    return NGX_OK;
}
