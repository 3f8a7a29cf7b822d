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


/* An address in figures; others stay unknown. */
static void
ngx_hx_redis_node_literal(ngx_hx_redis_node_t *node)
{
    in_addr_t             addr;
    struct sockaddr_in   *sin;
    struct sockaddr_in6  *sin6;

    node->addr_len = 0;
    node->form = HX_REDIS_HOST_NAME;
    ngx_memzero(&node->addr, sizeof(ngx_sockaddr_t));

    addr = ngx_inet_addr(node->name.data, node->name.len);

    if (addr != INADDR_NONE) {
        sin = &node->addr.sockaddr_in;
        sin->sin_family = AF_INET;
        sin->sin_addr.s_addr = addr;
        node->addr_len = sizeof(struct sockaddr_in);
        node->form = HX_REDIS_HOST_V4;

    } else {
        sin6 = &node->addr.sockaddr_in6;

        if (ngx_inet6_addr(node->name.data, node->name.len,
                           sin6->sin6_addr.s6_addr) != NGX_OK)
        {
            return;
        }

        sin6->sin6_family = AF_INET6;
        node->addr_len = sizeof(struct sockaddr_in6);
        node->form = HX_REDIS_HOST_V6;
    }

    ngx_inet_set_port(&node->addr.sockaddr, (in_port_t) node->port);
}


ngx_int_t
ngx_hx_redis_node_rename(ngx_hx_redis_node_t *node, const ngx_str_t *name,
    ngx_uint_t port)
{
    u_char     *p;
    ngx_uint_t  v6;

    /* the name, and behind it the name and port for the log */

    p = ngx_alloc(2 * name->len + sizeof("[]:65535"), node->redis->log);
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (node->name.data != NULL) {
        ngx_free(node->name.data);
    }

    ngx_memcpy(p, name->data, name->len);
    node->name.data = p;
    node->name.len = name->len;

    v6 = ngx_strlchr(p, p + name->len, ':') != NULL;

    node->text.data = p + name->len;
    node->text.len = (size_t) (ngx_sprintf(node->text.data,
                                           v6 ? "[%V]:%ui" : "%V:%ui",
                                           &node->name, port)
                               - node->text.data);
    node->port = port;
    ngx_hx_redis_node_literal(node);

    return NGX_OK;
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

    /* those that are wanted have their trial; in an old worker none has */

    return (!node->wanted || (ngx_exiting && !node->open))
           && ngx_current_msec - node->attempt >= NGX_HX_REDIS_PERIOD;
}


void
ngx_hx_redis_node_open(ngx_hx_redis_node_t *node, ngx_hx_redis_link_t *link)
{
    node->redis->counters.reconnects += node->tried;
    node->tried = 1;
    node->attempt = ngx_current_msec;

    link->state = NGX_HX_LINK_FINDING;
    ngx_hx_redis_timer(&link->phase, 0);
}


void
ngx_hx_redis_node_find(ngx_hx_redis_link_t *link)
{
    ngx_hx_redis_node_t  *node;

    node = link->node;

    if (node->addr_len != 0 && ngx_hx_redis_node_ready(node)) {
        ngx_hx_redis_link_connect(link);

    } else if (link->sub != NULL) {
        ngx_hx_redis_link_close(link, NGX_HX_REDIS_CLOSED, NULL);

    } else if (node == node->redis->main
               && node->redis->conf->redis->kind == HX_REDIS_KIND_SENTINEL)
    {
        ngx_hx_redis_sentinel_find(node->redis);

    } else {
        ngx_hx_redis_node_resolve(link);
    }
}


static void
ngx_hx_redis_node_set(ngx_hx_redis_node_t *node, struct sockaddr *sockaddr,
    socklen_t socklen)
{
    ngx_memcpy(&node->addr, sockaddr, ngx_min(socklen,
                                      (socklen_t) sizeof(ngx_sockaddr_t)));
    node->addr_len = socklen;
    ngx_inet_set_port(&node->addr.sockaddr, (in_port_t) node->port);
}


static void
ngx_hx_redis_node_resolved(ngx_resolver_ctx_t *ctx)
{
    ngx_hx_redis_link_t  *link = ctx->data;
    ngx_hx_redis_node_t  *node = link->node;
    ngx_resolver_addr_t  *addr;

    link->resolving = NULL;

    if (ctx->state != NGX_OK || ctx->naddrs == 0) {
        ngx_resolve_name_done(ctx);
        ngx_hx_redis_link_close(link, NGX_HX_REDIS_RESOLVE, NULL);
        return;
    }

    addr = &ctx->addrs[node->turn++ % ctx->naddrs];
    ngx_hx_redis_node_set(node, addr->sockaddr, addr->socklen);
    ngx_resolve_name_done(ctx);

    ngx_hx_redis_link_connect(link);
}


void
ngx_hx_redis_node_resolve(ngx_hx_redis_link_t *link)
{
    ngx_uint_t                  n;
    ngx_addr_t                 *addr;
    ngx_resolver_ctx_t         *ctx;
    ngx_hx_redis_node_t        *node;
    const ngx_hx_redis_conf_t  *conf;

    node = link->node;
    conf = node->redis->conf;

    if (node->form != HX_REDIS_HOST_NAME) {
        ngx_hx_redis_link_connect(link);
        return;
    }

    n = node->host >= 0 ? conf->n_addrs[node->host] : 0;

    if (n != 0) {
        addr = &conf->addrs[node->host][node->turn++ % n];
        ngx_hx_redis_node_set(node, addr->sockaddr, addr->socklen);
        ngx_hx_redis_link_connect(link);
        return;
    }

    ctx = conf->resolver != NULL ? ngx_resolve_start(conf->resolver, NULL)
                                 : NULL;

    if (ctx == NULL || ctx == NGX_NO_RESOLVER) {
        ngx_hx_redis_link_close(link, NGX_HX_REDIS_RESOLVE,
                                "a name needs a \"resolver\"");
        return;
    }

    ctx->name = node->name;
    ctx->handler = ngx_hx_redis_node_resolved;
    ctx->data = link;
    ctx->timeout = conf->resolver_timeout;
    ctx->cancelable = 1;
    link->resolving = ctx;

    if (ngx_resolve_name(ctx) != NGX_OK) {
        link->resolving = NULL;
        ngx_hx_redis_link_close(link, NGX_HX_REDIS_RESOLVE, NULL);
    }
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
    node->redis->counters.openings += !node->sentinel;

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
