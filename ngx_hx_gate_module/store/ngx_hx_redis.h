/*
 * ngx_hx_redis.h -- a worker's client of Redis: one server, the master that
 * sentinels know, or a cluster.  Nothing here ever waits: questions are put on
 * connections of the event loop, answers come through callbacks.  hiredis
 * formats and parses, nothing else.
 *
 * While Redis is in trouble (refuses, is silent, is too slow, loads, is no
 * master) a question is refused at once with "breaker_open"; one connection a
 * second looks whether it is back.  An answer that nobody could read is never
 * made up: every question ends with a reply or with the reason why there is
 * none.
 *
 * Names are resolved by nginx's resolver where there is one, else once when
 * the configuration is read.
 */

#ifndef NGX_HX_REDIS_H
#define NGX_HX_REDIS_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include <hiredis/hiredis.h>

#include "hx_metrics_fleet.h"
#include "hx_redis_url.h"

#define NGX_HX_REDIS_QUEUE        4096          /* questions, a connection */
#define NGX_HX_REDIS_QUEUE_SIZE   (16u << 20)   /* bytes, a connection */
#define NGX_HX_REDIS_REPLY_SIZE   (64u << 20)   /* bytes of one reply; its
                                                 * elements: hx_redis_scan.h */
#define NGX_HX_REDIS_NODES        64            /* of a cluster */

/* Why there is no reply; ngx_hx_redis_word() has the words. */
typedef enum {
    NGX_HX_REDIS_NONE = 0,
    NGX_HX_REDIS_REFUSED,       /* refused: nobody listens, no route */
    NGX_HX_REDIS_RESOLVE,       /* resolve: the host has no address */
    NGX_HX_REDIS_TLS,           /* tls: handshake or certificate */
    NGX_HX_REDIS_TIMEOUT,       /* timeout: no answer in time */
    NGX_HX_REDIS_CLOSED,        /* closed: the connection ended under way */
    NGX_HX_REDIS_LOADING,       /* loading: Redis reads its data */
    NGX_HX_REDIS_READONLY,      /* readonly: it is no master */
    NGX_HX_REDIS_MASTERDOWN,    /* masterdown */
    NGX_HX_REDIS_NOAUTH,        /* noauth: password missing or wrong */
    NGX_HX_REDIS_PROTOCOL,      /* protocol: what came is no RESP */
    NGX_HX_REDIS_TOO_LARGE,     /* too_large: question or reply */
    NGX_HX_REDIS_REDIRECTS,     /* redirects: sent round in circles */
    NGX_HX_REDIS_CLUSTERDOWN,   /* clusterdown: slot without a server */
    NGX_HX_REDIS_NO_MASTER,     /* no_master: no sentinel knows it */
    NGX_HX_REDIS_BREAKER_OPEN,  /* breaker_open: in trouble, not even asked */
    NGX_HX_REDIS_QUEUE_FULL,    /* queue_full: too many under way */
    NGX_HX_REDIS_MEMORY,        /* memory */
    NGX_HX_REDIS_SHUTDOWN,      /* shutdown: the worker leaves */
    NGX_HX_REDIS_ERRORS         /* how many there are */
} ngx_hx_redis_err_t;

/*
 * Read once, when nginx starts; "redis" and what it points to is the caller's
 * and must live as long as the configuration, as must all of this.
 */
typedef struct {
    hx_redis_conf_t   *redis;
    ngx_resolver_t    *resolver;            /* NULL = none configured */
    ngx_msec_t         resolver_timeout;

    /* ngx_hx_redis_conf_prepare() sets these */
    ngx_ssl_t         *ssl;                 /* NULL = no TLS */
    ngx_addr_t        *addrs[HX_REDIS_HOSTS];
    ngx_uint_t         n_addrs[HX_REDIS_HOSTS];     /* 0 = by the resolver */
} ngx_hx_redis_conf_t;

/* Since this worker began, or of all that share them; never reset. */
typedef hx_metrics_redis_t         ngx_hx_redis_counters_t;

typedef struct ngx_hx_redis_s      ngx_hx_redis_t;
typedef struct ngx_hx_redis_ask_s  ngx_hx_redis_ask_t;
typedef struct ngx_hx_redis_sub_s  ngx_hx_redis_sub_t;

/* Must not change, and live as long as the client: make them static. */
typedef struct {
    hx_str_t  text;
    hx_str_t  sha1;             /* 40 lower-case hex digits of the text */
} ngx_hx_redis_script_t;

/*
 * Called once, unless the question was cancelled; never from inside the call
 * that asks.  reply: valid during the call; NULL when there is none, and err
 * says why.  A reply may be an error (REDIS_REPLY_ERROR); those that mean
 * trouble (LOADING, READONLY, MASTERDOWN, NOAUTH, CLUSTERDOWN) come as err.
 * It may ask, cancel and subscribe, but not close the client.
 */
typedef void (*ngx_hx_redis_done_pt)(void *data, const redisReply *reply,
    ngx_hx_redis_err_t err);

/* A message; valid during the call. */
typedef void (*ngx_hx_redis_message_pt)(void *data, const hx_str_t *message);

/*
 * up = 1: subscribed, also again after a break: what was published meanwhile is
 * lost, the caller has to look itself.  0: messages are being lost from now on.
 */
typedef void (*ngx_hx_redis_state_pt)(void *data, ngx_uint_t up);


/*
 * While the configuration is read: files of certificates, addresses of hosts.
 * NGX_ERROR, and a message that names the file or host.
 */
ngx_int_t ngx_hx_redis_conf_prepare(ngx_conf_t *cf, ngx_hx_redis_conf_t *conf);

/*
 * In init_process, after fork; begins to connect.  NULL: no memory.  A Redis
 * that is not there is no error.
 */
ngx_hx_redis_t *ngx_hx_redis_create(const ngx_hx_redis_conf_t *conf,
    ngx_log_t *log);

/*
 * In exit_process: questions under way are dropped, done is not called any
 * more.  NULL is fine.
 */
void ngx_hx_redis_close(ngx_hx_redis_t *redis);

/*
 * Asks.  argv is copied; key decides which server of a cluster is asked (NULL:
 * any).  timeout in ms, 0 = that of the configuration; it includes what
 * connecting may take.  NULL: not asked, done is not called, and *err (may be
 * NULL) says why.  The result is good for ngx_hx_redis_cancel() until done is
 * called.
 */
ngx_hx_redis_ask_t *ngx_hx_redis_ask(ngx_hx_redis_t *redis, ngx_uint_t argc,
    const hx_str_t *argv, const hx_str_t *key, ngx_msec_t timeout,
    ngx_hx_redis_done_pt done, void *data, ngx_hx_redis_err_t *err);

/*
 * The same with a script: by its digest, and by its text once when Redis does
 * not know it.  keys[0] decides which server of a cluster is asked.
 */
ngx_hx_redis_ask_t *ngx_hx_redis_eval(ngx_hx_redis_t *redis,
    const ngx_hx_redis_script_t *script, ngx_uint_t n_keys,
    const hx_str_t *keys, ngx_uint_t n_args, const hx_str_t *args,
    ngx_msec_t timeout, ngx_hx_redis_done_pt done, void *data,
    ngx_hx_redis_err_t *err);

/*
 * Who asked is gone: done will not be called.  What was asked may be done by
 * Redis all the same.
 */
void ngx_hx_redis_cancel(ngx_hx_redis_ask_t *ask);

/*
 * Messages of a channel, on a connection of its own that is looked after once a
 * second.  Callbacks come never from inside this call; the first is state with
 * 1.  channel is copied.  NULL: no memory.
 */
ngx_hx_redis_sub_t *ngx_hx_redis_subscribe(ngx_hx_redis_t *redis,
    const hx_str_t *channel, ngx_hx_redis_message_pt message,
    ngx_hx_redis_state_pt state, void *data);

/* Not from inside one of its callbacks. */
void ngx_hx_redis_unsubscribe(ngx_hx_redis_sub_t *sub);

/* 1: a question would go out now.  Of a cluster: to one server at least. */
ngx_uint_t ngx_hx_redis_ready(const ngx_hx_redis_t *redis);

const ngx_hx_redis_counters_t *ngx_hx_redis_counters(
    const ngx_hx_redis_t *redis);

/*
 * From now on it counts there, where other processes count, too; with what it
 * has counted so far.
 */
void ngx_hx_redis_share(ngx_hx_redis_t *redis,
    ngx_hx_redis_counters_t *counters);

/* The lower-case word of a reason, constant; "none" for NONE. */
const char *ngx_hx_redis_word(ngx_hx_redis_err_t err);

#endif /* NGX_HX_REDIS_H */
