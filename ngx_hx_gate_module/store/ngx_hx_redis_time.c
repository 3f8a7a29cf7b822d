/*
 * ngx_hx_redis_time.c -- questions that have waited long enough.
 *
 * One whose time is over ends at once; its reply, should it still come, is
 * thrown away.  A link that was silent for as long as its oldest question was
 * allowed to take, or answers too late again and again, is closed.
 */

#include "ngx_hx_redis_impl.h"


/* Is somebody's time over? */
static ngx_uint_t
ngx_hx_redis_expired(ngx_hx_redis_link_t *link)
{
    ngx_queue_t         *q;
    ngx_hx_redis_ask_t  *ask;

    for (q = ngx_queue_head(&link->asks);
         q != ngx_queue_sentinel(&link->asks);
         q = ngx_queue_next(q))
    {
        ask = ngx_queue_data(q, ngx_hx_redis_ask_t, queue);

        if (ask->done != NULL && ngx_hx_redis_until(ask->deadline) == 0) {
            return 1;
        }
    }

    return 0;
}


/*
 * Is the link of no use?  Nothing has come since its oldest question was sent,
 * that is past its time, and has waited as long as a server may take (it may
 * be more impatient than that); or nothing has come for longer than any server
 * may take, however long the oldest is allowed to; or answers are too late
 * again and again.
 */

static ngx_uint_t
ngx_hx_redis_useless(ngx_hx_redis_link_t *link)
{
    ngx_msec_t           timeout, waited, quiet;
    ngx_hx_redis_ask_t  *head;

    if (link->state != NGX_HX_LINK_READY || !ngx_hx_redis_expired(link)) {
        return 0;
    }

    head = ngx_queue_data(ngx_queue_head(&link->asks), ngx_hx_redis_ask_t,
                          queue);

    waited = ngx_current_msec - head->sent;
    quiet = ngx_min(waited, ngx_current_msec - link->heard);

    timeout = link->node->redis->conf->redis->timeout;

    if (quiet >= ngx_max(timeout, NGX_HX_REDIS_QUIET)) {
        return 1;
    }

    if (ngx_hx_redis_until(head->deadline) != 0 || waited < timeout) {
        return 0;
    }

    link->misses += (head->done != NULL);

    return quiet == waited || link->misses >= NGX_HX_REDIS_MISSES;
}


/* Ends what is past its time; the first one found, as anything may happen. */
static ngx_uint_t
ngx_hx_redis_expire(ngx_hx_redis_link_t *link)
{
    void                  *data;
    ngx_msec_t             after, next;
    ngx_queue_t           *q;
    ngx_hx_redis_ask_t    *ask;
    ngx_hx_redis_done_pt   done;

    next = (ngx_msec_t) -1;

    for (q = ngx_queue_head(&link->asks);
         q != ngx_queue_sentinel(&link->asks);
         q = ngx_queue_next(q))
    {
        ask = ngx_queue_data(q, ngx_hx_redis_ask_t, queue);

        if (ask->done == NULL) {
            continue;
        }

        after = ngx_hx_redis_until(ask->deadline);

        if (after != 0) {
            next = ngx_min(next, after);
            continue;
        }

        if (!ask->put) {
            ngx_hx_redis_take(ask);
            ngx_hx_redis_fail(ask, NGX_HX_REDIS_TIMEOUT);
            return 1;
        }

        done = ask->done;
        data = ask->data;
        ask->done = NULL;
        ask->late = 1;
        ngx_hx_redis_live(link, -1);

        if (!ask->own) {
            ngx_hx_redis_count(ask->redis, failed[NGX_HX_REDIS_TIMEOUT]);
        }

        done(data, NULL, NGX_HX_REDIS_TIMEOUT);
        return 1;
    }

    if (next != (ngx_msec_t) -1) {
        ngx_hx_redis_timer(&link->oldest, next);
    }

    return 0;
}


void
ngx_hx_redis_oldest_handler(ngx_event_t *ev)
{
    ngx_uint_t            serial;
    ngx_hx_redis_link_t  *link;

    link = ev->data;
    serial = link->serial;

    if (ngx_queue_empty(&link->asks)) {
        return;
    }

    if (ngx_hx_redis_useless(link)) {
        ngx_hx_redis_link_close(link, NGX_HX_REDIS_TIMEOUT, NULL);
        return;
    }

    while (link->serial == serial && ngx_hx_redis_expire(link)) { /* void */ }
}
