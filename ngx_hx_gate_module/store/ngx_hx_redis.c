/*
 * ngx_hx_redis.c -- the client's outside: made after fork, asked by whoever
 * needs Redis, closed when the worker leaves.  What is asked is formatted here;
 * ngx_hx_redis_queue.c puts it on a connection.
 */

#include "ngx_hx_redis_impl.h"

#include <openssl/crypto.h>

#define NGX_HX_REDIS_ARGS   32          /* more are allocated */


static void ngx_hx_redis_tick(ngx_event_t *ev);


static const char  *ngx_hx_redis_words[] = {
    "none", "refused", "resolve", "tls", "timeout", "closed", "loading",
    "readonly", "masterdown", "noauth", "protocol", "too_large", "redirects",
    "clusterdown", "no_master", "breaker_open", "queue_full", "memory",
    "shutdown"
};


const char *
ngx_hx_redis_word(ngx_hx_redis_err_t err)
{
    return (ngx_uint_t) err < hx_nelts(ngx_hx_redis_words)
           ? ngx_hx_redis_words[err] : "unknown";
}


void
ngx_hx_redis_timer_init(ngx_hx_redis_t *redis, ngx_event_t *ev,
    ngx_event_handler_pt handler, void *data)
{
    ev->handler = handler;
    ev->data = data;
    ev->log = redis->log;
    ev->cancelable = 1;
}


ngx_hx_redis_t *
ngx_hx_redis_create(const ngx_hx_redis_conf_t *conf, ngx_log_t *log)
{
    ngx_int_t        rc;
    ngx_str_t        name;
    ngx_hx_redis_t  *redis;

    redis = ngx_calloc(sizeof(ngx_hx_redis_t), log);
    if (redis == NULL) {
        return NULL;
    }

    redis->conf = conf;
    redis->log = log;
    redis->counters = &redis->own;
    ngx_queue_init(&redis->nodes);
    ngx_queue_init(&redis->subs);
    ngx_hx_redis_timer_init(redis, &redis->tick, ngx_hx_redis_tick, redis);

    switch (conf->redis->kind) {

    case HX_REDIS_KIND_SENTINEL:
        rc = ngx_hx_redis_sentinel_init(redis);
        break;

    case HX_REDIS_KIND_CLUSTER:
        rc = ngx_hx_redis_cluster_init(redis);
        break;

    default:
        name.data = (u_char *) conf->redis->hosts[0].name.data;
        name.len = conf->redis->hosts[0].name.len;
        redis->main = ngx_hx_redis_node_create(redis, &name,
                                               conf->redis->hosts[0].port, 0,
                                               conf->redis->connections);
        rc = redis->main != NULL ? NGX_OK : NGX_ERROR;
    }

    if (rc != NGX_OK) {
        ngx_hx_redis_close(redis);
        return NULL;
    }

    if (redis->main != NULL) {
        redis->main->wanted = 1;
        ngx_hx_redis_node_want(redis->main);
    }

    if (conf->redis->kind != HX_REDIS_KIND_SINGLE) {
        ngx_add_timer(&redis->tick, 1);
    }

    return redis;
}


/* Where the topology may change, it is looked at. */
static void
ngx_hx_redis_tick(ngx_event_t *ev)
{
    ngx_hx_redis_t  *redis = ev->data;

    if (ngx_exiting) {
        return;
    }

    ngx_add_timer(ev, NGX_HX_REDIS_PERIOD);

    if (redis->map != NULL) {
        ngx_hx_redis_cluster_tick(redis);

    } else {
        ngx_hx_redis_sentinel_tick(redis);
    }
}


void
ngx_hx_redis_close(ngx_hx_redis_t *redis)
{
    ngx_queue_t  *q;

    if (redis == NULL) {
        return;
    }

    redis->closing = 1;

    if (redis->tick.timer_set) {
        ngx_del_timer(&redis->tick);
    }

    ngx_hx_redis_sub_free_all(redis);

    while (!ngx_queue_empty(&redis->nodes)) {
        q = ngx_queue_head(&redis->nodes);
        ngx_hx_redis_node_free(ngx_queue_data(q, ngx_hx_redis_node_t, queue));
    }

    if (redis->map != NULL) {
        ngx_free(redis->map);
    }

    ngx_free(redis);
}


/* RESP of the words; *len 0: out of memory. */
static u_char *
ngx_hx_redis_format(ngx_uint_t argc, const hx_str_t *argv, size_t *len,
    ngx_log_t *log)
{
    char         *text;
    size_t       *lens, own_lens[NGX_HX_REDIS_ARGS];
    u_char       *p;
    long long     n;
    ngx_uint_t    i;
    const char  **words, *own_words[NGX_HX_REDIS_ARGS];

    words = own_words;
    lens = own_lens;
    lens[0] = 0;

    if (argc > NGX_HX_REDIS_ARGS) {
        words = ngx_alloc(argc * (sizeof(char *) + sizeof(size_t)), log);
        if (words == NULL) {
            return NULL;
        }

        lens = (size_t *) (words + argc);
    }

    for (i = 0; i < argc; i++) {
        words[i] = argv[i].data != NULL ? (const char *) argv[i].data : "";
        lens[i] = argv[i].len;
    }

    n = redisFormatCommandArgv(&text, (int) argc, words, lens);

    if (words != own_words) {
        ngx_free(words);
    }

    if (n <= 0) {
        return NULL;
    }

    /* memory of nginx: what a question holds is freed in one way */

    p = ngx_alloc((size_t) n, log);

    if (p != NULL) {
        ngx_memcpy(p, text, (size_t) n);
        *len = (size_t) n;
    }

    OPENSSL_cleanse(text, (size_t) n);          /* may be a password */
    redisFreeCommand(text);

    return p;
}


ngx_hx_redis_ask_t *
ngx_hx_redis_ask_create(ngx_hx_redis_t *redis, ngx_uint_t argc,
    const hx_str_t *argv, ngx_msec_t timeout, ngx_hx_redis_done_pt done,
    void *data, ngx_hx_redis_err_t *err)
{
    size_t               size;
    ngx_uint_t           i;
    ngx_hx_redis_ask_t  *ask;

    size = 0;

    for (i = 0; i < argc; i++) {
        if (argv[i].len > NGX_HX_REDIS_QUEUE_SIZE - size) {
            *err = NGX_HX_REDIS_TOO_LARGE;
            return NULL;
        }

        size += argv[i].len;
    }

    *err = NGX_HX_REDIS_MEMORY;

    ask = ngx_calloc(sizeof(ngx_hx_redis_ask_t), redis->log);
    if (ask == NULL) {
        return NULL;
    }

    ask->command = ngx_hx_redis_format(argc, argv, &ask->len, redis->log);
    if (ask->command == NULL) {
        ngx_free(ask);
        return NULL;
    }

    ask->redis = redis;
    ask->done = done;
    ask->data = data;
    ask->deadline = ngx_current_msec
                    + (timeout != 0 ? timeout : redis->conf->redis->timeout);

    return ask;
}


void
ngx_hx_redis_ask_free(ngx_hx_redis_ask_t *ask)
{
    ngx_free(ask->command);
    ngx_free(ask);
}


/* Hands it to a node; NULL, and it is freed, when that cannot be. */
static ngx_hx_redis_ask_t *
ngx_hx_redis_hand(ngx_hx_redis_node_t *node, ngx_hx_redis_ask_t *ask,
    ngx_hx_redis_err_t *err)
{
    *err = node != NULL ? ngx_hx_redis_enqueue(node, ask)
                        : NGX_HX_REDIS_BREAKER_OPEN;

    if (*err != NGX_HX_REDIS_NONE) {
        ngx_hx_redis_ask_free(ask);
        return NULL;
    }

    return ask;
}


ngx_hx_redis_ask_t *
ngx_hx_redis_ask_node(ngx_hx_redis_node_t *node, ngx_uint_t argc,
    const hx_str_t *argv, ngx_msec_t timeout, ngx_hx_redis_done_pt done,
    void *data, ngx_hx_redis_err_t *err)
{
    ngx_hx_redis_ask_t  *ask;

    ask = ngx_hx_redis_ask_create(node->redis, argc, argv, timeout, done, data,
                                  err);

    if (ask == NULL) {
        return NULL;
    }

    ask->own = 1;

    return ngx_hx_redis_hand(node, ask, err);
}


static ngx_hx_redis_node_t *
ngx_hx_redis_choose(ngx_hx_redis_t *redis, const hx_str_t *key)
{
    return redis->map != NULL ? ngx_hx_redis_cluster_node(redis, key)
                              : redis->main;
}


/* Puts a new question on its way, and counts what became of it. */
static ngx_hx_redis_ask_t *
ngx_hx_redis_start(ngx_hx_redis_ask_t *ask, ngx_hx_redis_t *redis,
    const hx_str_t *key, ngx_hx_redis_err_t *err, ngx_hx_redis_err_t why)
{
    if (ask != NULL) {
        ask = ngx_hx_redis_hand(ngx_hx_redis_choose(redis, key), ask, &why);
    }

    if (ask != NULL) {
        ngx_hx_redis_count(redis, asked);

    } else {
        ngx_hx_redis_count(redis, failed[why]);
    }

    if (err != NULL) {
        *err = ask != NULL ? NGX_HX_REDIS_NONE : why;
    }

    return ask;
}


ngx_hx_redis_ask_t *
ngx_hx_redis_ask(ngx_hx_redis_t *redis, ngx_uint_t argc, const hx_str_t *argv,
    const hx_str_t *key, ngx_msec_t timeout, ngx_hx_redis_done_pt done,
    void *data, ngx_hx_redis_err_t *err)
{
    ngx_hx_redis_err_t   why;
    ngx_hx_redis_ask_t  *ask;

    ask = ngx_hx_redis_ask_create(redis, argc, argv, timeout, done, data, &why);

    return ngx_hx_redis_start(ask, redis, key, err, why);
}


ngx_hx_redis_ask_t *
ngx_hx_redis_eval(ngx_hx_redis_t *redis, const ngx_hx_redis_script_t *script,
    ngx_uint_t n_keys, const hx_str_t *keys, ngx_uint_t n_args,
    const hx_str_t *args, ngx_msec_t timeout, ngx_hx_redis_done_pt done,
    void *data, ngx_hx_redis_err_t *err)
{
    u_char               number[NGX_INT_T_LEN], *p;
    hx_str_t            *argv, own[NGX_HX_REDIS_ARGS];
    ngx_uint_t           argc;
    ngx_hx_redis_err_t   why;
    ngx_hx_redis_ask_t  *ask;

    static const hx_str_t  evalsha = hx_string("EVALSHA");

    argc = 3 + n_keys + n_args;
    argv = own;

    if (argc > NGX_HX_REDIS_ARGS) {
        argv = ngx_alloc(argc * sizeof(hx_str_t), redis->log);

        if (argv == NULL) {
            return ngx_hx_redis_start(NULL, redis, NULL, err,
                                      NGX_HX_REDIS_MEMORY);
        }
    }

    argv[0] = evalsha;
    argv[1] = script->sha1;
    argv[2].data = number;
    argv[2].len = (size_t) (ngx_sprintf(number, "%ui", n_keys) - number);

    if (n_keys != 0) {
        ngx_memcpy(argv + 3, keys, n_keys * sizeof(hx_str_t));
    }

    if (n_args != 0) {
        ngx_memcpy(argv + 3 + n_keys, args, n_args * sizeof(hx_str_t));
    }

    ask = ngx_hx_redis_ask_create(redis, argc, argv, timeout, done, data, &why);

    if (argv != own) {
        ngx_free(argv);
    }

    if (ask != NULL) {
        ask->script = script;

        /* "*N" $7 EVALSHA $40 digest, and then what EVAL gets too */

        p = ngx_strlchr(ask->command, ask->command + ask->len, LF);
        ask->tail = (size_t) (p + 1 - ask->command)
                    + sizeof("$7\r\nEVALSHA\r\n$40\r\n") - 1
                    + script->sha1.len + 2;
    }

    return ngx_hx_redis_start(ask, redis, n_keys != 0 ? &keys[0] : NULL, err,
                              why);
}


void
ngx_hx_redis_cancel(ngx_hx_redis_ask_t *ask)
{
    ngx_hx_redis_link_t  *link;

    link = ask->link;

    if (!ask->own) {
        ngx_hx_redis_count(ask->redis, cancelled);
    }

    if (link != NULL) {
        ngx_hx_redis_live(link, -1);

        if (ask->put) {
            ask->done = NULL;
            return;
        }

        link->n--;
        link->bytes -= ask->len;
    }

    ngx_queue_remove(&ask->queue);
    ngx_hx_redis_ask_free(ask);
}


ngx_uint_t
ngx_hx_redis_ready(const ngx_hx_redis_t *redis)
{
    ngx_queue_t                *q;
    const ngx_hx_redis_node_t  *node;

    for (q = ngx_queue_head(&redis->nodes);
         q != ngx_queue_sentinel(&redis->nodes);
         q = ngx_queue_next(q))
    {
        node = ngx_queue_data(q, ngx_hx_redis_node_t, queue);

        if (!node->sentinel && ngx_hx_redis_node_ready(node)) {
            return 1;
        }
    }

    return 0;
}


const ngx_hx_redis_counters_t *
ngx_hx_redis_counters(const ngx_hx_redis_t *redis)
{
    return redis->counters;
}


void
ngx_hx_redis_share(ngx_hx_redis_t *redis, ngx_hx_redis_counters_t *counters)
{
    size_t           i;
    uint64_t        *to;
    const uint64_t  *from;

    from = (const uint64_t *) redis->counters;
    to = (uint64_t *) counters;

    for (i = 0; i < sizeof(ngx_hx_redis_counters_t) / sizeof(uint64_t); i++) {
        hx_metrics_count(&to[i], from[i]);
    }

    redis->counters = counters;
}
