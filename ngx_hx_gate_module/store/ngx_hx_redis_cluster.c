/*
 * ngx_hx_redis_cluster.c -- which node of a cluster has which slot: as CLUSTER
 * SLOTS says, asked at the start, after a redirection and after trouble, once a
 * second at most; and as MOVED says, at once.
 */

#include "ngx_hx_redis_impl.h"

#define NGX_HX_REDIS_REFRESH   10000    /* ms, without any reason */


static void ngx_hx_redis_cluster_next(ngx_hx_redis_t *redis);


ngx_int_t
ngx_hx_redis_cluster_init(ngx_hx_redis_t *redis)
{
    ngx_str_t               name;
    ngx_uint_t              i;
    const hx_redis_conf_t  *conf;

    conf = redis->conf->redis;

    redis->map = ngx_calloc(HX_REDIS_SLOTS * sizeof(ngx_hx_redis_node_t *),
                            redis->log);
    if (redis->map == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < conf->n_hosts; i++) {
        name.data = (u_char *) conf->hosts[i].name.data;
        name.len = conf->hosts[i].name.len;

        if (ngx_hx_redis_node_create(redis, &name, conf->hosts[i].port,
                                     (ngx_int_t) i, conf->connections)
            == NULL)
        {
            return NGX_ERROR;
        }
    }

    redis->stale = 1;
    redis->refreshed = ngx_current_msec - NGX_HX_REDIS_PERIOD;

    /* workers do not all begin with the same one */

    /* there is a host.  NOLINTNEXTLINE(clang-analyzer-core.DivideZero) */
    redis->turn = (ngx_uint_t) ngx_random() % conf->n_hosts;

    return NGX_OK;
}


/* Any node: one that is there, is being opened, or may be tried. */
static ngx_hx_redis_node_t *
ngx_hx_redis_cluster_any(ngx_hx_redis_t *redis)
{
    ngx_queue_t          *q;
    ngx_hx_redis_node_t  *node, *other;

    other = NULL;

    for (q = ngx_queue_head(&redis->nodes);
         q != ngx_queue_sentinel(&redis->nodes);
         q = ngx_queue_next(q))
    {
        node = ngx_queue_data(q, ngx_hx_redis_node_t, queue);

        if (ngx_hx_redis_node_ready(node)) {
            return node;
        }

        if (!node->open && (other == NULL || other->open) && node->tried) {
            other = node;

        } else if (other == NULL && ngx_hx_redis_node_may_try(node)) {
            other = node;
        }
    }

    return other;
}


ngx_hx_redis_node_t *
ngx_hx_redis_cluster_node(ngx_hx_redis_t *redis, const hx_str_t *key)
{
    ngx_hx_redis_node_t  *node;

    node = key != NULL ? redis->map[hx_redis_slot(key->data, key->len)] : NULL;

    return node != NULL ? node : ngx_hx_redis_cluster_any(redis);
}


/* The node of that address, a new one when there is none; NULL: too many. */
static ngx_hx_redis_node_t *
ngx_hx_redis_cluster_find(ngx_hx_redis_t *redis, const ngx_str_t *name,
    ngx_int_t port)
{
    ngx_queue_t          *q;
    ngx_hx_redis_node_t  *node;

    if (name->len == 0 || name->len > 255 || port < 1 || port > 65535) {
        return NULL;
    }

    for (q = ngx_queue_head(&redis->nodes);
         q != ngx_queue_sentinel(&redis->nodes);
         q = ngx_queue_next(q))
    {
        node = ngx_queue_data(q, ngx_hx_redis_node_t, queue);

        if (node->port == (ngx_uint_t) port && node->name.len == name->len
            && ngx_memcmp(node->name.data, name->data, name->len) == 0)
        {
            return node;
        }
    }

    if (redis->n_nodes >= NGX_HX_REDIS_NODES) {
        return NULL;
    }

    return ngx_hx_redis_node_create(redis, name, (ngx_uint_t) port, -1,
                                    redis->conf->redis->connections);
}


static void
ngx_hx_redis_cluster_assign(ngx_hx_redis_t *redis, ngx_uint_t slot,
    ngx_hx_redis_node_t *node)
{
    ngx_hx_redis_node_t  *was;

    was = redis->map[slot];

    if (was == node) {
        return;
    }

    if (was != NULL) {
        was->slots--;
    }

    redis->map[slot] = node;

    if (node != NULL) {
        node->slots++;
    }
}


/* "MOVED 3999 127.0.0.1:6381": slot and node, or NULL. */
static ngx_hx_redis_node_t *
ngx_hx_redis_cluster_target(ngx_hx_redis_node_t *from, u_char *p, u_char *last,
    ngx_uint_t *slot)
{
    u_char     *colon;
    ngx_int_t   n, port;
    ngx_str_t   name;

    name.data = ngx_strlchr(p, last, ' ');

    if (name.data == NULL) {
        return NULL;
    }

    n = ngx_atoi(p, (size_t) (name.data - p));
    name.data++;

    /* an IPv6 address has no brackets: the last colon counts */

    for (colon = last - 1; colon > name.data && *colon != ':'; colon--) {
        /* void */
    }

    if (n < 0 || n >= HX_REDIS_SLOTS || colon < name.data || *colon != ':') {
        return NULL;
    }

    *slot = (ngx_uint_t) n;
    name.len = (size_t) (colon - name.data);
    port = ngx_atoi(colon + 1, (size_t) (last - colon - 1));

    /* "where you came to" */

    return ngx_hx_redis_cluster_find(from->redis,
                                     name.len != 0 ? &name : &from->name, port);
}


ngx_uint_t
ngx_hx_redis_cluster_redirect(ngx_hx_redis_ask_t *ask,
    ngx_hx_redis_node_t *from, const redisReply *reply)
{
    size_t                skip;
    u_char               *p;
    ngx_uint_t            slot, moved;
    ngx_hx_redis_t       *redis;
    ngx_hx_redis_err_t    err;
    ngx_hx_redis_node_t  *node;

    redis = ask->redis;

    if (redis->map == NULL || reply->type != REDIS_REPLY_ERROR) {
        return 0;
    }

    p = (u_char *) reply->str;
    moved = (reply->len > 6 && ngx_memcmp(p, "MOVED ", 6) == 0);
    skip = moved ? 6 : 4;

    if (!moved && (reply->len <= 4 || ngx_memcmp(p, "ASK ", 4) != 0)) {
        return 0;
    }

    node = ngx_hx_redis_cluster_target(from, p + skip, p + reply->len, &slot);

    if (moved) {
        ngx_hx_redis_cluster_stale(redis);
    }

    if (node == NULL || ++ask->hops > NGX_HX_REDIS_HOPS) {
        ngx_hx_redis_fail(ask, NGX_HX_REDIS_REDIRECTS);
        return 1;
    }

    if (moved) {
        ngx_hx_redis_cluster_assign(redis, slot, node);
        node->wanted = 1;
    }

    ngx_hx_redis_count(redis, redirects);
    ask->asking = !moved;
    err = ngx_hx_redis_enqueue(node, ask);

    if (err != NGX_HX_REDIS_NONE) {
        ngx_hx_redis_fail(ask, err);
    }

    return 1;
}


/* One range of slots: first, last, the master, replicas. */
static void
ngx_hx_redis_cluster_range(ngx_hx_redis_t *redis, const redisReply *range)
{
    long long             slot, last;
    ngx_str_t             name;
    const redisReply     *master;
    ngx_hx_redis_node_t  *node;

    if (range->type != REDIS_REPLY_ARRAY || range->elements < 3
        || range->element[0]->type != REDIS_REPLY_INTEGER
        || range->element[1]->type != REDIS_REPLY_INTEGER
        || range->element[2]->type != REDIS_REPLY_ARRAY
        || range->element[2]->elements < 2
        || range->element[2]->element[1]->type != REDIS_REPLY_INTEGER)
    {
        return;
    }

    slot = range->element[0]->integer;
    last = range->element[1]->integer;
    master = range->element[2];

    if (slot < 0 || last >= HX_REDIS_SLOTS
        || master->element[1]->integer > 65535)
    {
        return;
    }

    name = redis->refresh_node->name;

    if (master->element[0]->type == REDIS_REPLY_STRING
        && master->element[0]->len != 0)
    {
        name.data = (u_char *) master->element[0]->str;
        name.len = master->element[0]->len;
    }

    node = ngx_hx_redis_cluster_find(redis, &name,
                                     (ngx_int_t) master->element[1]->integer);

    for ( /* void */ ; slot <= last; slot++) {
        ngx_hx_redis_cluster_assign(redis, (ngx_uint_t) slot, node);
    }
}


/* Nodes with slots are kept connected; what is of no use any more goes. */
static void
ngx_hx_redis_cluster_settle(ngx_hx_redis_t *redis)
{
    ngx_uint_t            i;
    ngx_queue_t          *q, *next;
    ngx_hx_redis_node_t  *node;

    for (q = ngx_queue_head(&redis->nodes);
         q != ngx_queue_sentinel(&redis->nodes);
         q = next)
    {
        next = ngx_queue_next(q);
        node = ngx_queue_data(q, ngx_hx_redis_node_t, queue);

        node->wanted = (node->slots != 0);

        if (node->wanted) {
            ngx_hx_redis_node_want(node);
            continue;
        }

        ngx_hx_redis_timer_stop(&node->trial);

        if (node->host >= 0 || node == redis->refresh_node) {
            continue;
        }

        for (i = 0; i < node->n_links && node->links[i].n == 0; i++) {
            /* void */
        }

        if (i == node->n_links) {
            ngx_hx_redis_sub_leave(node);
            ngx_hx_redis_node_free(node);
        }
    }
}


static void
ngx_hx_redis_cluster_done(void *data, const redisReply *reply,
    ngx_hx_redis_err_t err)
{
    size_t           i;
    ngx_hx_redis_t  *redis = data;

    redis->refresh = NULL;

    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY
        || reply->elements == 0)
    {
        ngx_hx_redis_cluster_next(redis);
        return;
    }

    /*
     * Slots that it does not name keep their node: it will say MOVED, or
     * CLUSTERDOWN, or not answer.
     */

    for (i = 0; i < reply->elements; i++) {
        ngx_hx_redis_cluster_range(redis, reply->element[i]);
    }

    redis->stale = 0;

    ngx_hx_redis_cluster_settle(redis);
    ngx_hx_redis_sub_wake(redis);
}


/* Asks the next node that can be asked, those that are connected first. */
static void
ngx_hx_redis_cluster_next(ngx_hx_redis_t *redis)
{
    ngx_uint_t            i, n, pass;
    ngx_queue_t          *q;
    ngx_hx_redis_err_t    err;
    ngx_hx_redis_node_t  *node;

    static const hx_str_t  argv[2] = { hx_string("CLUSTER"),
                                       hx_string("SLOTS") };

    for (pass = 0; pass < 2; pass++) {
        for (n = redis->n_nodes; n > 0 && redis->left > 0; n--) {
            i = redis->turn++ % redis->n_nodes;

            for (q = ngx_queue_head(&redis->nodes); i > 0; i--) {
                q = ngx_queue_next(q);
            }

            node = ngx_queue_data(q, ngx_hx_redis_node_t, queue);

            if (pass == 0 && !ngx_hx_redis_node_ready(node)) {
                continue;
            }

            redis->left--;
            redis->refresh_node = node;
            redis->refresh = ngx_hx_redis_ask_node(node, 2, argv,
                                       redis->conf->redis->connect_timeout
                                       + redis->conf->redis->timeout,
                                       ngx_hx_redis_cluster_done, redis, &err);
            if (redis->refresh != NULL) {
                return;
            }
        }
    }
}


void
ngx_hx_redis_cluster_tick(ngx_hx_redis_t *redis)
{
    ngx_msec_t  passed;

    passed = ngx_current_msec - redis->refreshed;

    if (redis->refresh != NULL
        || (!redis->stale && passed < NGX_HX_REDIS_REFRESH))
    {
        return;
    }

    redis->refreshed = ngx_current_msec;
    redis->left = redis->n_nodes;
    ngx_hx_redis_cluster_next(redis);
}


void
ngx_hx_redis_cluster_stale(ngx_hx_redis_t *redis)
{
    if (redis->map == NULL || redis->stale || redis->closing) {
        return;
    }

    redis->stale = 1;

    if (!ngx_exiting) {
        ngx_hx_redis_timer(&redis->tick,
                           ngx_hx_redis_until(redis->refreshed
                                              + NGX_HX_REDIS_PERIOD));
    }
}
