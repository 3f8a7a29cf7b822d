/*
 * ngx_hx_redis_queue.c -- questions on their way: which link takes one, and
 * what its reply means.  ngx_hx_redis_time.c ends those that wait too long.
 */

#include "ngx_hx_redis_impl.h"


typedef struct {
    const char          *prefix;
    size_t               len;
    ngx_hx_redis_err_t   err;
} ngx_hx_redis_prefix_t;

#define ngx_hx_prefix(lit, err)   { lit, sizeof(lit) - 1, err }

static const ngx_hx_redis_prefix_t  ngx_hx_redis_troubles[] = {
    ngx_hx_prefix("LOADING", NGX_HX_REDIS_LOADING),
    ngx_hx_prefix("READONLY", NGX_HX_REDIS_READONLY),
    ngx_hx_prefix("MASTERDOWN", NGX_HX_REDIS_MASTERDOWN),
    ngx_hx_prefix("NOAUTH", NGX_HX_REDIS_NOAUTH),
    ngx_hx_prefix("WRONGPASS", NGX_HX_REDIS_NOAUTH),
    ngx_hx_prefix("CLUSTERDOWN", NGX_HX_REDIS_CLUSTERDOWN)
};


static ngx_uint_t
ngx_hx_redis_begins(const redisReply *reply, const char *prefix, size_t len)
{
    return reply->type == REDIS_REPLY_ERROR && reply->len >= len
           && ngx_memcmp(reply->str, prefix, len) == 0;
}


ngx_hx_redis_err_t
ngx_hx_redis_trouble(const redisReply *reply)
{
    ngx_uint_t                    i;
    const ngx_hx_redis_prefix_t  *p;

    if (reply->type != REDIS_REPLY_ERROR) {
        return NGX_HX_REDIS_NONE;
    }

    for (i = 0; i < hx_nelts(ngx_hx_redis_troubles); i++) {
        p = &ngx_hx_redis_troubles[i];

        if (ngx_hx_redis_begins(reply, p->prefix, p->len)) {
            return p->err;
        }
    }

    return NGX_HX_REDIS_NONE;
}


/* The ready link with the fewest questions, else one that is being opened. */
static ngx_hx_redis_link_t *
ngx_hx_redis_pick(ngx_hx_redis_node_t *node)
{
    ngx_uint_t            i;
    ngx_hx_redis_link_t  *link, *ready, *opening;

    ready = NULL;
    opening = NULL;

    for (i = 0; i < node->n_links; i++) {
        link = &node->links[i];

        if (link->state == NGX_HX_LINK_READY) {
            if (ready == NULL || link->n < ready->n) {
                ready = link;
            }

        } else if (link->state != NGX_HX_LINK_CLOSED && opening == NULL) {
            opening = link;
        }
    }

    if (ready != NULL) {
        return ready;
    }

    if (opening == NULL && ngx_hx_redis_node_may_try(node)) {
        node->open = 0;
        opening = &node->links[0];
        ngx_hx_redis_node_open(node, opening);
    }

    return node->open ? NULL : opening;
}


/* Its bytes join what is sent. */
static ngx_int_t
ngx_hx_redis_put(ngx_hx_redis_link_t *link, ngx_hx_redis_ask_t *ask)
{
    static const u_char  asking[] = "*1\r\n$6\r\nASKING\r\n";

    if (ask->asking
        && ngx_hx_redis_link_write(link, asking, sizeof(asking) - 1) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ask->skip = ask->asking;

    if (ngx_hx_redis_link_write(link, ask->command, ask->len) != NGX_OK) {
        return NGX_ERROR;
    }

    ask->put = 1;
    ask->sent = ngx_current_msec;

    return NGX_OK;
}


void
ngx_hx_redis_live(ngx_hx_redis_link_t *link, ngx_int_t change)
{
    link->live += change;

    /* an old worker waits for what its requests wait for, for nothing else */

    link->oldest.cancelable = (link->live == 0);
}


ngx_hx_redis_err_t
ngx_hx_redis_enqueue(ngx_hx_redis_node_t *node, ngx_hx_redis_ask_t *ask)
{
    ngx_hx_redis_link_t  *link;

    link = ngx_hx_redis_pick(node);

    return link != NULL ? ngx_hx_redis_enqueue_link(link, ask)
                        : NGX_HX_REDIS_BREAKER_OPEN;
}


ngx_hx_redis_err_t
ngx_hx_redis_enqueue_link(ngx_hx_redis_link_t *link, ngx_hx_redis_ask_t *ask)
{
    ngx_msec_t  after;

    if (link->n >= NGX_HX_REDIS_QUEUE
        || ask->len > NGX_HX_REDIS_QUEUE_SIZE - link->bytes)
    {
        return NGX_HX_REDIS_QUEUE_FULL;
    }

    ask->put = 0;

    if (link->state == NGX_HX_LINK_READY
        && ngx_hx_redis_put(link, ask) != NGX_OK)
    {
        return NGX_HX_REDIS_MEMORY;
    }

    ask->link = link;
    ngx_queue_insert_tail(&link->asks, &ask->queue);
    link->n++;
    link->bytes += ask->len;
    ngx_hx_redis_live(link, 1);

    after = ngx_hx_redis_until(ask->deadline);

    if (!link->oldest.timer_set
        || ngx_hx_redis_until(link->oldest.timer.key) > after)
    {
        ngx_hx_redis_timer(&link->oldest, after);
    }

    return NGX_HX_REDIS_NONE;
}


ngx_int_t
ngx_hx_redis_queue_ready(ngx_hx_redis_link_t *link)
{
    ngx_queue_t  *q;

    for (q = ngx_queue_head(&link->asks);
         q != ngx_queue_sentinel(&link->asks);
         q = ngx_queue_next(q))
    {
        if (ngx_hx_redis_put(link, ngx_queue_data(q, ngx_hx_redis_ask_t, queue))
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


void
ngx_hx_redis_take(ngx_hx_redis_ask_t *ask)
{
    ngx_hx_redis_link_t  *link;

    ngx_queue_remove(&ask->queue);
    link = ask->link;
    ask->link = NULL;

    if (link != NULL) {
        link->n--;
        link->bytes -= ask->len;

        if (ask->done != NULL) {
            ngx_hx_redis_live(link, -1);
        }
    }
}


void
ngx_hx_redis_fail(ngx_hx_redis_ask_t *ask, ngx_hx_redis_err_t err)
{
    void                  *data;
    ngx_hx_redis_done_pt   done;

    done = ask->done;
    data = ask->data;

    if (done != NULL && !ask->own) {
        ngx_hx_redis_count(ask->redis, failed[err]);
    }

    ngx_hx_redis_ask_free(ask);

    if (done != NULL) {
        done(data, NULL, err);
    }
}


void
ngx_hx_redis_fail_all(ngx_queue_t *asks, ngx_hx_redis_err_t err)
{
    ngx_hx_redis_ask_t  *ask;

    /* what is called may cancel others of the list: the head each time */

    while (!ngx_queue_empty(asks)) {
        ask = ngx_queue_data(ngx_queue_head(asks), ngx_hx_redis_ask_t, queue);
        ngx_queue_remove(&ask->queue);
        ngx_hx_redis_fail(ask, err);
    }
}


void
ngx_hx_redis_queue_take(ngx_hx_redis_link_t *link, ngx_queue_t *asks)
{
    ngx_hx_redis_ask_t  *ask;

    ngx_queue_init(asks);

    while (!ngx_queue_empty(&link->asks)) {
        ask = ngx_queue_data(ngx_queue_head(&link->asks), ngx_hx_redis_ask_t,
                             queue);
        ngx_hx_redis_take(ask);
        ngx_queue_insert_tail(asks, &ask->queue);
    }

    ngx_hx_redis_timer_stop(&link->oldest);
}


/* EVALSHA becomes EVAL with the text; the rest stays as it is. */
static ngx_int_t
ngx_hx_redis_with_text(ngx_hx_redis_ask_t *ask)
{
    size_t           len, rest;
    u_char          *p, *command, *head;
    const hx_str_t  *text;

    text = &ask->script->text;
    head = ngx_strlchr(ask->command, ask->command + ask->len, LF) + 1;
    rest = ask->len - ask->tail;

    len = (size_t) (head - ask->command) + sizeof("$4\r\nEVAL\r\n$\r\n\r\n")
          + NGX_SIZE_T_LEN + text->len + rest;

    command = ngx_alloc(len, ask->redis->log);
    if (command == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(command, ask->command, (size_t) (head - ask->command));
    p = ngx_sprintf(p, "$4\r\nEVAL\r\n$%uz\r\n", text->len);
    p = ngx_cpymem(p, text->data, text->len);
    *p++ = CR;
    *p++ = LF;
    p = ngx_cpymem(p, ask->command + ask->tail, rest);

    ngx_free(ask->command);
    ask->command = command;
    ask->len = (size_t) (p - command);
    ask->script = NULL;

    return NGX_OK;
}


/* A question that is in no queue any more, and its reply. */
static void
ngx_hx_redis_answer(ngx_hx_redis_ask_t *ask, ngx_hx_redis_node_t *node,
    const redisReply *reply)
{
    void                  *data;
    ngx_hx_redis_err_t     err;
    ngx_hx_redis_done_pt   done;

    if (ask->script != NULL && ngx_hx_redis_begins(reply, "NOSCRIPT", 8)) {
        ngx_hx_redis_count(ask->redis, scripts);

        err = NGX_HX_REDIS_MEMORY;

        if (ngx_hx_redis_with_text(ask) == NGX_OK) {
            err = ngx_hx_redis_enqueue(node, ask);
        }

        if (err != NGX_HX_REDIS_NONE) {
            ngx_hx_redis_fail(ask, err);
        }

        return;
    }

    if (ngx_hx_redis_cluster_redirect(ask, node, reply)) {
        return;
    }

    done = ask->done;
    data = ask->data;

    if (!ask->own) {
        ngx_hx_redis_count(ask->redis, answered);

        if (reply->type == REDIS_REPLY_ERROR) {
            ngx_hx_redis_count(ask->redis, errors);
        }
    }

    ngx_hx_redis_ask_free(ask);

    done(data, reply, NGX_HX_REDIS_NONE);
}


void
ngx_hx_redis_queue_reply(ngx_hx_redis_link_t *link, redisReply *reply)
{
    ngx_hx_redis_t       *redis;
    ngx_hx_redis_err_t    err;
    ngx_hx_redis_ask_t   *ask;
    ngx_hx_redis_node_t  *node;

    node = link->node;
    redis = node->redis;

    if (ngx_queue_empty(&link->asks)) {
        ngx_hx_redis_link_close(link, NGX_HX_REDIS_PROTOCOL,
                                "a reply that nobody asked for");
        return;
    }

    ask = ngx_queue_data(ngx_queue_head(&link->asks), ngx_hx_redis_ask_t,
                         queue);

    if (ask->skip) {
        ask->skip = 0;
        return;
    }

    err = ngx_hx_redis_trouble(reply);

    if (err == NGX_HX_REDIS_CLUSTERDOWN && redis->map == NULL) {
        err = NGX_HX_REDIS_NONE;
    }

    if (err != NGX_HX_REDIS_NONE) {
        ngx_hx_redis_cluster_stale(redis);
    }

    if (err != NGX_HX_REDIS_NONE && err != NGX_HX_REDIS_CLUSTERDOWN) {

        /* whoever else asked here gets the same: the question is one of them */

        ngx_hx_redis_link_close(link, err, reply->str);
        return;
    }

    ngx_hx_redis_take(ask);

    if (ask->done == NULL) {
        if (ask->late) {
            ngx_hx_redis_count(redis, late);
        }

        ngx_hx_redis_ask_free(ask);
        return;
    }

    link->misses = 0;

    if (err != NGX_HX_REDIS_NONE) {
        ngx_hx_redis_fail(ask, err);
        return;
    }

    ngx_hx_redis_answer(ask, node, reply);
}
