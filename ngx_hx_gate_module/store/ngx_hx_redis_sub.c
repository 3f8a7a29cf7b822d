/*
 * ngx_hx_redis_sub.c -- channels, each on a connection of its own, to a node
 * that is in use anyway.  A PING once a second finds out when the other end is
 * gone without a word.
 */

#include "ngx_hx_redis_impl.h"


static void ngx_hx_redis_sub_handler(ngx_event_t *ev);


/* A node that can be used: that of the channel's slot, else any. */
static ngx_hx_redis_node_t *
ngx_hx_redis_sub_node(ngx_hx_redis_sub_t *sub)
{
    hx_str_t              key;
    ngx_hx_redis_node_t  *node;

    node = sub->redis->main;

    if (sub->redis->map != NULL) {
        key.data = sub->channel.data;
        key.len = sub->channel.len;
        node = ngx_hx_redis_cluster_node(sub->redis, &key);

        if (node == NULL || !ngx_hx_redis_node_ready(node)) {
            node = ngx_hx_redis_cluster_node(sub->redis, NULL);
        }
    }

    return node != NULL && ngx_hx_redis_node_ready(node) ? node : NULL;
}


static void
ngx_hx_redis_sub_try(ngx_hx_redis_sub_t *sub)
{
    ngx_hx_redis_node_t  *node;

    if (sub->link.state != NGX_HX_LINK_CLOSED || ngx_exiting) {
        return;
    }

    node = ngx_hx_redis_sub_node(sub);

    if (node == NULL) {
        return;
    }

    if (sub->tried && ngx_current_msec - sub->attempt < NGX_HX_REDIS_PERIOD) {
        ngx_hx_redis_timer(&sub->timer, ngx_hx_redis_until(sub->attempt
                                                    + NGX_HX_REDIS_PERIOD));
        return;
    }

    if (sub->tried) {
        ngx_hx_redis_count(sub->redis, reconnects);
    }

    sub->tried = 1;
    sub->attempt = ngx_current_msec;
    sub->link.node = node;
    sub->link.state = NGX_HX_LINK_FINDING;
    sub->link.looking = 0;
    ngx_hx_redis_timer(&sub->link.phase, 0);
}


void
ngx_hx_redis_sub_wake(ngx_hx_redis_t *redis)
{
    ngx_queue_t  *q;

    for (q = ngx_queue_head(&redis->subs);
         q != ngx_queue_sentinel(&redis->subs);
         q = ngx_queue_next(q))
    {
        ngx_hx_redis_sub_try(ngx_queue_data(q, ngx_hx_redis_sub_t, queue));
    }
}


static void
ngx_hx_redis_sub_say(ngx_hx_redis_sub_t *sub, ngx_uint_t argc,
    const hx_str_t *argv)
{
    if (ngx_hx_redis_link_command(&sub->link, argc, argv) != NGX_OK) {
        ngx_hx_redis_link_close(&sub->link, NGX_HX_REDIS_MEMORY, NULL);
        return;
    }

    sub->pinged = 1;
    ngx_hx_redis_timer(&sub->timer, sub->redis->conf->redis->timeout);
}


void
ngx_hx_redis_sub_ready(ngx_hx_redis_link_t *link)
{
    hx_str_t             argv[2];
    ngx_hx_redis_sub_t  *sub;

    static const hx_str_t  subscribe = hx_string("SUBSCRIBE");

    sub = link->sub;
    argv[0] = subscribe;
    argv[1].data = sub->channel.data;
    argv[1].len = sub->channel.len;

    ngx_hx_redis_sub_say(sub, 2, argv);
}


static void
ngx_hx_redis_sub_handler(ngx_event_t *ev)
{
    ngx_hx_redis_sub_t  *sub = ev->data;

    static const hx_str_t  ping = hx_string("PING");

    if (sub->link.state != NGX_HX_LINK_READY) {
        ngx_hx_redis_sub_try(sub);
        return;
    }

    if (sub->pinged) {
        ngx_hx_redis_link_close(&sub->link, NGX_HX_REDIS_TIMEOUT, NULL);
        return;
    }

    ngx_hx_redis_sub_say(sub, 1, &ping);
}


static ngx_uint_t
ngx_hx_redis_sub_is(const redisReply *reply, size_t elements,
    const char *word)
{
    return reply->type == REDIS_REPLY_ARRAY && reply->elements >= elements
           && reply->element[0]->type == REDIS_REPLY_STRING
           && ngx_strcmp(reply->element[0]->str, word) == 0;
}


void
ngx_hx_redis_sub_reply(ngx_hx_redis_link_t *link, const redisReply *reply)
{
    hx_str_t             message;
    ngx_hx_redis_err_t   err;
    ngx_hx_redis_sub_t  *sub;

    sub = link->sub;

    if (reply->type == REDIS_REPLY_ERROR) {
        err = ngx_hx_redis_trouble(reply);
        ngx_hx_redis_link_close(link, err != NGX_HX_REDIS_NONE
                                      ? err : NGX_HX_REDIS_PROTOCOL,
                                reply->str);
        return;
    }

    if (sub->pinged) {
        sub->pinged = 0;
        ngx_hx_redis_timer(&sub->timer, NGX_HX_REDIS_PERIOD);
    }

    if (ngx_hx_redis_sub_is(reply, 3, "message")
        && reply->element[2]->type == REDIS_REPLY_STRING)
    {
        ngx_hx_redis_count(sub->redis, messages);
        message.data = (u_char *) reply->element[2]->str;
        message.len = reply->element[2]->len;
        sub->message(sub->data, &message);
        return;
    }

    if (ngx_hx_redis_sub_is(reply, 3, "subscribe") && !sub->up) {
        sub->up = 1;
        sub->said = 0;
        sub->state(sub->data, 1);
    }
}


void
ngx_hx_redis_sub_lost(ngx_hx_redis_link_t *link, ngx_hx_redis_err_t err,
    const char *detail)
{
    ngx_hx_redis_sub_t  *sub;

    sub = link->sub;
    sub->pinged = 0;
    ngx_hx_redis_timer_stop(&sub->timer);

    if (sub->redis->closing) {
        return;
    }

    if (err != NGX_HX_REDIS_SHUTDOWN && !sub->said) {
        sub->said = 1;
        ngx_log_error(NGX_LOG_WARN, sub->redis->log, 0,
                      "hx_gate: redis \"%V\": channel \"%V\": %s%s%s",
                      &link->node->text, &sub->channel, ngx_hx_redis_word(err),
                      detail != NULL ? ": " : "", detail != NULL ? detail : "");
    }

    if (err == NGX_HX_REDIS_TIMEOUT) {
        ngx_hx_redis_node_suspect(link->node);
    }

    if (!ngx_exiting) {
        ngx_hx_redis_timer(&sub->timer, ngx_hx_redis_until(sub->attempt
                                                    + NGX_HX_REDIS_PERIOD));
    }

    if (sub->up) {
        sub->up = 0;
        sub->state(sub->data, 0);
    }
}


void
ngx_hx_redis_sub_leave(ngx_hx_redis_node_t *node)
{
    ngx_queue_t         *q;
    ngx_hx_redis_sub_t  *sub;

    for (q = ngx_queue_head(&node->redis->subs);
         q != ngx_queue_sentinel(&node->redis->subs);
         q = ngx_queue_next(q))
    {
        sub = ngx_queue_data(q, ngx_hx_redis_sub_t, queue);

        if (sub->link.node != node) {
            continue;
        }

        if (sub->link.state != NGX_HX_LINK_CLOSED) {
            ngx_hx_redis_link_close(&sub->link, NGX_HX_REDIS_CLOSED,
                                    "its server is not used any more");
        }

        sub->link.node = NULL;
    }
}


ngx_hx_redis_sub_t *
ngx_hx_redis_subscribe(ngx_hx_redis_t *redis, const hx_str_t *channel,
    ngx_hx_redis_message_pt message, ngx_hx_redis_state_pt state, void *data)
{
    ngx_hx_redis_sub_t  *sub;

    sub = ngx_calloc(sizeof(ngx_hx_redis_sub_t) + channel->len, redis->log);
    if (sub == NULL) {
        return NULL;
    }

    sub->redis = redis;
    sub->message = message;
    sub->state = state;
    sub->data = data;
    sub->channel.data = (u_char *) (sub + 1);
    sub->channel.len = channel->len;
    ngx_memcpy(sub->channel.data, channel->data, channel->len);

    ngx_hx_redis_link_init(&sub->link, redis, NULL);
    sub->link.sub = sub;
    ngx_hx_redis_timer_init(redis, &sub->timer, ngx_hx_redis_sub_handler, sub);
    ngx_queue_insert_tail(&redis->subs, &sub->queue);

    ngx_hx_redis_sub_try(sub);

    return sub;
}


void
ngx_hx_redis_unsubscribe(ngx_hx_redis_sub_t *sub)
{
    ngx_hx_redis_timer_stop(&sub->timer);
    ngx_hx_redis_link_drop(&sub->link);
    ngx_queue_remove(&sub->queue);
    ngx_free(sub);
}


void
ngx_hx_redis_sub_free_all(ngx_hx_redis_t *redis)
{
    ngx_queue_t  *q;

    while (!ngx_queue_empty(&redis->subs)) {
        q = ngx_queue_head(&redis->subs);
        /* it leaves the queue.  NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
        ngx_hx_redis_unsubscribe(ngx_queue_data(q, ngx_hx_redis_sub_t, queue));
    }
}
