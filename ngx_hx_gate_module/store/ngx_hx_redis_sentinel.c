/*
 * ngx_hx_redis_sentinel.c -- the master as the sentinels know it.  They are
 * asked one after the other, before each attempt to connect to the master and
 * once a second while it is there: a master that was replaced may go on
 * answering.
 */

#include "ngx_hx_redis_impl.h"


static void ngx_hx_redis_sentinel_next(ngx_hx_redis_t *redis);


ngx_int_t
ngx_hx_redis_sentinel_init(ngx_hx_redis_t *redis)
{
    ngx_str_t               name;
    ngx_uint_t              i;
    const hx_redis_conf_t  *conf;

    conf = redis->conf->redis;

    /* until a sentinel has said it, the master is called by its name */

    name.data = (u_char *) conf->master.data;
    name.len = conf->master.len;

    redis->main = ngx_hx_redis_node_create(redis, &name, 0, -1,
                                           conf->connections);
    if (redis->main == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < conf->n_hosts; i++) {
        name.data = (u_char *) conf->hosts[i].name.data;
        name.len = conf->hosts[i].name.len;

        redis->sentinels[i] = ngx_hx_redis_node_create(redis, &name,
                                                       conf->hosts[i].port,
                                                       (ngx_int_t) i, 1);
        if (redis->sentinels[i] == NULL) {
            return NGX_ERROR;
        }

        redis->sentinels[i]->sentinel = 1;
    }

    return NGX_OK;
}


/* The link of the master that waits for an address. */
static ngx_hx_redis_link_t *
ngx_hx_redis_sentinel_waits(ngx_hx_redis_t *redis)
{
    ngx_uint_t            i;
    ngx_hx_redis_link_t  *link;

    for (i = 0; i < redis->main->n_links; i++) {
        link = &redis->main->links[i];

        if (link->state == NGX_HX_LINK_FINDING && link->looking
            && link->resolving == NULL)
        {
            return link;
        }
    }

    return NULL;
}


/* The master is somewhere else now: what there is of the old one ends. */
static void
ngx_hx_redis_sentinel_moved(ngx_hx_redis_t *redis)
{
    ngx_uint_t            i;
    ngx_hx_redis_link_t  *link;

    for (i = 0; i < redis->main->n_links; i++) {
        link = &redis->main->links[i];

        if (link->state > NGX_HX_LINK_FINDING) {
            ngx_hx_redis_link_close(link, NGX_HX_REDIS_READONLY,
                                    "the master has moved");
        }
    }

    ngx_hx_redis_sub_leave(redis->main);
}


static ngx_int_t
ngx_hx_redis_sentinel_take(ngx_hx_redis_t *redis, const redisReply *reply)
{
    ngx_int_t             port;
    ngx_str_t             name;
    ngx_hx_redis_node_t  *master;

    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY
        || reply->elements != 2
        || reply->element[0]->type != REDIS_REPLY_STRING
        || reply->element[1]->type != REDIS_REPLY_STRING)
    {
        return NGX_DECLINED;
    }

    name.data = (u_char *) reply->element[0]->str;
    name.len = reply->element[0]->len;
    port = ngx_atoi((u_char *) reply->element[1]->str, reply->element[1]->len);

    if (name.len == 0 || name.len > 255 || port < 1 || port > 65535) {
        return NGX_DECLINED;
    }

    master = redis->main;

    if (master->port == (ngx_uint_t) port && master->name.len == name.len
        && ngx_memcmp(master->name.data, name.data, name.len) == 0)
    {
        return NGX_OK;
    }

    if (ngx_hx_redis_node_rename(master, &name, (ngx_uint_t) port) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_log_error(NGX_LOG_NOTICE, redis->log, 0,
                  "hx_gate: redis: the master is \"%V\", says sentinel \"%V\"",
                  &master->text,
                  &redis->sentinels[redis->sentinel]->text);

    ngx_hx_redis_sentinel_moved(redis);

    return NGX_OK;
}


static void
ngx_hx_redis_sentinel_done(void *data, const redisReply *reply,
    ngx_hx_redis_err_t err)
{
    ngx_int_t             rc;
    ngx_hx_redis_t       *redis = data;
    ngx_hx_redis_link_t  *link;

    redis->find = NULL;

    rc = ngx_hx_redis_sentinel_take(redis, reply);

    if (rc == NGX_DECLINED) {
        redis->sentinel = (redis->sentinel + 1) % redis->conf->redis->n_hosts;
        ngx_hx_redis_sentinel_next(redis);
        return;
    }

    link = ngx_hx_redis_sentinel_waits(redis);

    if (link == NULL) {
        return;
    }

    if (rc != NGX_OK) {
        ngx_hx_redis_link_close(link, NGX_HX_REDIS_MEMORY, NULL);
        return;
    }

    ngx_hx_redis_node_resolve(link);
}


/* Asks the one whose turn it is, or the next that can be asked. */
static void
ngx_hx_redis_sentinel_next(ngx_hx_redis_t *redis)
{
    hx_str_t                argv[3];
    ngx_hx_redis_err_t      err;
    ngx_hx_redis_link_t    *link;
    const hx_redis_conf_t  *conf;

    static const hx_str_t  sentinel = hx_string("SENTINEL");
    static const hx_str_t  get = hx_string("get-master-addr-by-name");

    conf = redis->conf->redis;
    argv[0] = sentinel;
    argv[1] = get;
    argv[2] = conf->master;

    while (redis->left > 0) {
        redis->left--;
        redis->find = ngx_hx_redis_ask_node(redis->sentinels[redis->sentinel],
                                            3, argv,
                                            conf->connect_timeout
                                            + conf->timeout,
                                            ngx_hx_redis_sentinel_done, redis,
                                            &err);
        if (redis->find != NULL) {
            return;
        }

        redis->sentinel = (redis->sentinel + 1) % conf->n_hosts;
    }

    link = ngx_hx_redis_sentinel_waits(redis);

    if (link != NULL) {
        ngx_hx_redis_link_close(link, NGX_HX_REDIS_NO_MASTER,
                                "no sentinel knows it");
    }
}


void
ngx_hx_redis_sentinel_find(ngx_hx_redis_t *redis)
{
    /* one that is asked already answers this as well */

    if (redis->find == NULL) {
        redis->left = redis->conf->redis->n_hosts;
        ngx_hx_redis_sentinel_next(redis);
    }
}


void
ngx_hx_redis_sentinel_tick(ngx_hx_redis_t *redis)
{
    if (ngx_hx_redis_node_ready(redis->main)) {
        ngx_hx_redis_sentinel_find(redis);
    }
}
