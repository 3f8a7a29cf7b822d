/*
 * ngx_hx_redis_node.c -- one server: its address, its links, and the breaker.
 *
 * The breaker is open while no link can be used: questions are refused at once.
 * One attempt a second looks whether the server is back; the first of them
 * comes after a random time, so that not all workers of all nodes come
 * together.  With one link there, others are opened one after the other.
 */

#include "ngx_hx_redis_impl.h"


static void ngx_hx_redis_trial_handler(ngx_event_t *ev);


static ngx_hx_redis_link_t *
ngx_hx_redis_node_another(const ngx_hx_redis_node_t *node)
{
    ngx_uint_t  i;

    for (i = 0; i < node->n_links; i++) {
        if (node->links[i].state == NGX_HX_LINK_READY) {
            return &node->links[i];
        }
    }

    return NULL;
}


ngx_uint_t
ngx_hx_redis_node_ready(const ngx_hx_redis_node_t *node)
{
    return ngx_hx_redis_node_another(node) != NULL;
}


static ngx_uint_t
ngx_hx_redis_node_opening(const ngx_hx_redis_node_t *node)
{
    ngx_uint_t  i;

    for (i = 0; i < node->n_links; i++) {
        if (node->links[i].state != NGX_HX_LINK_CLOSED
            && node->links[i].state != NGX_HX_LINK_READY)
        {
            return 1;
        }
    }

    return 0;
}


static ngx_hx_redis_link_t *
ngx_hx_redis_node_closed(ngx_hx_redis_node_t *node)
{
    ngx_uint_t  i;

    for (i = 0; i < node->n_links; i++) {
        if (node->links[i].state == NGX_HX_LINK_CLOSED) {
            return &node->links[i];
        }
    }

    return NULL;
}


ngx_hx_redis_node_t *
ngx_hx_redis_node_create(ngx_hx_redis_t *redis, const ngx_str_t *name,
    ngx_uint_t port, ngx_int_t host, ngx_uint_t n_links)
{
    ngx_uint_t            i;
    ngx_hx_redis_node_t  *node;

    node = ngx_calloc(sizeof(ngx_hx_redis_node_t), redis->log);
    if (node == NULL) {
        return NULL;
    }

    node->redis = redis;
    node->host = host;
    node->links = ngx_calloc(n_links * sizeof(ngx_hx_redis_link_t),
                             redis->log);

    if (node->links == NULL
        || ngx_hx_redis_node_rename(node, name, port) != NGX_OK)
    {
        if (node->links != NULL) {
            ngx_free(node->links);
        }

        ngx_free(node);
        return NULL;
    }

    node->n_links = n_links;
    ngx_hx_redis_timer_init(redis, &node->trial, ngx_hx_redis_trial_handler,
                            node);

    for (i = 0; i < n_links; i++) {
        ngx_hx_redis_link_init(&node->links[i], redis, node);
    }

    ngx_queue_insert_tail(&redis->nodes, &node->queue);
    redis->n_nodes++;

    return node;
}


/* Whoever still asks is not told: there are none, or the worker ends. */
void
ngx_hx_redis_node_free(ngx_hx_redis_node_t *node)
{
    ngx_uint_t            i;
    ngx_queue_t           asks, *q;

    ngx_hx_redis_timer_stop(&node->trial);

    for (i = 0; i < node->n_links; i++) {
        ngx_hx_redis_link_drop(&node->links[i]);
        ngx_hx_redis_queue_take(&node->links[i], &asks);

        while (!ngx_queue_empty(&asks)) {
            q = ngx_queue_head(&asks);
            ngx_queue_remove(q);
            ngx_hx_redis_ask_free(ngx_queue_data(q, ngx_hx_redis_ask_t, queue));
        }
    }

    ngx_queue_remove(&node->queue);
    node->redis->n_nodes--;

    ngx_free(node->name.data);
    ngx_free(node->links);
    ngx_free(node);
}


ngx_uint_t
ngx_hx_redis_node_may_try(const ngx_hx_redis_node_t *node)
{
    if (ngx_hx_redis_node_opening(node)) {
        return 0;
    }

    if (!node->tried) {
        return 1;
    }

    /* an old worker closes a link that nobody needs: the server is well */

    if (ngx_exiting && !node->open && !node->failed) {
        return 1;
    }

    /* those that are wanted have their trial; in an old worker none has */

    return (!node->wanted || (ngx_exiting && !node->open))
           && ngx_current_msec - node->attempt >= NGX_HX_REDIS_PERIOD;
}


void
ngx_hx_redis_node_open(ngx_hx_redis_node_t *node, ngx_hx_redis_link_t *link)
{
    if (node->tried) {
        ngx_hx_redis_count(node->redis, reconnects);
    }

    node->tried = 1;
    node->attempt = ngx_current_msec;

    link->state = NGX_HX_LINK_FINDING;
    link->looking = 0;
    link->patient = 0;
    ngx_hx_redis_timer(&link->phase, 0);
}


static void
ngx_hx_redis_trial_handler(ngx_event_t *ev)
{
    ngx_hx_redis_link_t  *link;
    ngx_hx_redis_node_t  *node = ev->data;

    link = ngx_hx_redis_node_closed(node);

    if (link == NULL || ngx_exiting || ngx_hx_redis_node_opening(node)) {
        return;
    }

    ngx_hx_redis_node_open(node, link);
}


void
ngx_hx_redis_node_want(ngx_hx_redis_node_t *node)
{
    ngx_uint_t            ready;
    ngx_hx_redis_link_t  *link;

    link = ngx_hx_redis_node_closed(node);
    ready = ngx_hx_redis_node_ready(node);

    if (link == NULL || ngx_exiting || node->trial.timer_set
        || ngx_hx_redis_node_opening(node) || (!ready && !node->wanted))
    {
        return;
    }

    if (ngx_current_msec - node->burst >= NGX_HX_REDIS_PERIOD) {
        node->burst = ngx_current_msec;
        node->n_burst = 0;
    }

    if (!node->tried
        || (ready && !node->failed && node->n_burst < node->n_links))
    {
        node->n_burst++;
        ngx_hx_redis_node_open(node, link);
        return;
    }

    ngx_hx_redis_timer(&node->trial, ngx_hx_redis_until(node->attempt
                                                    + NGX_HX_REDIS_PERIOD));
}


void
ngx_hx_redis_node_up(ngx_hx_redis_link_t *link)
{
    ngx_hx_redis_node_t  *node;

    node = link->node;

    node->open = 0;
    node->failed = 0;

    if (node->said) {
        node->said = 0;
        ngx_log_error(NGX_LOG_NOTICE, node->redis->log, 0,
                      "hx_gate: redis \"%V\" is back", &node->text);
    }

    ngx_hx_redis_node_want(node);

    if (!node->sentinel) {
        ngx_hx_redis_sub_wake(node->redis);
    }
}


void
ngx_hx_redis_node_break(ngx_hx_redis_node_t *node, ngx_hx_redis_err_t err,
    const char *detail)
{
    ngx_uint_t  level;

    node->open = 1;

    if (!node->sentinel) {
        ngx_hx_redis_cluster_stale(node->redis);
    }

    if (node->said) {
        return;
    }

    node->said = 1;

    if (!node->sentinel) {
        ngx_hx_redis_count(node->redis, openings);
    }

    level = node->sentinel ? NGX_LOG_WARN : NGX_LOG_ERR;

    ngx_log_error(level, node->redis->log, 0, "hx_gate: redis \"%V\": %s%s%s,"
                  " it is not asked until it is back", &node->text,
                  ngx_hx_redis_word(err), detail != NULL ? ": " : "",
                  detail != NULL ? detail : "");
}


static void
ngx_hx_redis_ponged(void *data, const redisReply *reply,
    ngx_hx_redis_err_t err)
{
    /* a link without an answer is closed, that is all that is wanted */
}


/* One link is dead: what about the others that nobody asks right now? */
void
ngx_hx_redis_node_suspect(ngx_hx_redis_node_t *node)
{
    ngx_uint_t            i;
    ngx_hx_redis_err_t    err;
    ngx_hx_redis_ask_t   *ask;
    ngx_hx_redis_link_t  *link;

    static const hx_str_t  ping = hx_string("PING");

    for (i = 0; i < node->n_links; i++) {
        link = &node->links[i];

        if (link->state != NGX_HX_LINK_READY || link->live != 0) {
            continue;
        }

        ask = ngx_hx_redis_ask_create(node->redis, 1, &ping, 0,
                                      ngx_hx_redis_ponged, NULL, &err);
        if (ask == NULL) {
            return;
        }

        ask->own = 1;

        if (ngx_hx_redis_enqueue_link(link, ask) != NGX_HX_REDIS_NONE) {
            ngx_hx_redis_ask_free(ask);
        }
    }
}


void
ngx_hx_redis_node_lost(ngx_hx_redis_link_t *link, ngx_uint_t was_ready,
    ngx_hx_redis_err_t err, const char *detail)
{
    ngx_msec_t            after;
    ngx_hx_redis_link_t  *other;
    ngx_hx_redis_node_t  *node;

    node = link->node;

    if (err == NGX_HX_REDIS_SHUTDOWN) {
        return;
    }

    node->failed = !was_ready;

    other = ngx_hx_redis_node_another(node);

    if (other != NULL && (err == NGX_HX_REDIS_LOADING
                          || err == NGX_HX_REDIS_READONLY
                          || err == NGX_HX_REDIS_MASTERDOWN))
    {
        /* that is the server, not the link: this ends all, one by one */

        ngx_hx_redis_link_close(other, err, detail);
        return;
    }

    if (other != NULL) {
        ngx_hx_redis_node_suspect(node);
        ngx_hx_redis_node_want(node);
        return;
    }

    if (ngx_hx_redis_node_opening(node)) {
        return;
    }

    ngx_hx_redis_node_break(node, err, detail);

    if (!node->wanted || ngx_exiting) {
        return;
    }

    after = ngx_hx_redis_until(node->attempt + NGX_HX_REDIS_PERIOD);

    if (was_ready) {
        after = ngx_max(after, (ngx_msec_t) ngx_random() % NGX_HX_REDIS_JITTER);
    }

    ngx_hx_redis_timer(&node->trial, after);
}
