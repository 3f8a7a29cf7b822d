/*
 * ngx_hx_redis_impl.h -- between the files of the client of Redis.
 *
 * A client has nodes (servers: one, or those of a cluster, and sentinels), a
 * node has links (connections), a link has a queue of questions in the order
 * in which their replies come.  A question is in one queue from when it is
 * asked until it is freed; one that nobody waits for any more stays there until
 * its reply has come by, as long as its bytes may have been sent.
 *
 * Whatever can call back (closing a link, a reply) is done last, or what comes
 * after looks at the link's serial first.
 */

#ifndef NGX_HX_REDIS_IMPL_H
#define NGX_HX_REDIS_IMPL_H

#include "ngx_hx_redis.h"

#include "hx_redis_scan.h"
#include "hx_redis_slot.h"

#define NGX_HX_REDIS_PERIOD      1000       /* ms, one attempt to the next */
#define NGX_HX_REDIS_JITTER      250        /* ms, before the first of them */
#define NGX_HX_REDIS_QUIET       500        /* ms, or the timeout if longer */
#define NGX_HX_REDIS_MISSES      3          /* answers too late in a row */
#define NGX_HX_REDIS_HOPS        5          /* times a question is sent on */
#define NGX_HX_REDIS_GREETING    6          /* replies of a greeting */

typedef enum {
    NGX_HX_LINK_CLOSED = 0,
    NGX_HX_LINK_FINDING,        /* the address: resolver, sentinels */
    NGX_HX_LINK_CONNECTING,
    NGX_HX_LINK_HANDSHAKE,
    NGX_HX_LINK_GREETING,       /* login, database, role */
    NGX_HX_LINK_PROBING,        /* answered too late: is it quicker now? */
    NGX_HX_LINK_READY
} ngx_hx_link_state_t;

typedef struct ngx_hx_redis_node_s  ngx_hx_redis_node_t;
typedef struct ngx_hx_redis_link_s  ngx_hx_redis_link_t;

struct ngx_hx_redis_ask_s {
    ngx_queue_t                   queue;
    ngx_hx_redis_t               *redis;
    ngx_hx_redis_link_t          *link;     /* NULL: being taken from one */
    ngx_hx_redis_done_pt          done;     /* NULL: nobody waits */
    void                         *data;
    u_char                       *command;
    size_t                        len;
    ngx_msec_t                    deadline;
    ngx_msec_t                    sent;     /* when it was put to be sent */
    const ngx_hx_redis_script_t  *script;   /* NULL: none, or text was sent */
    size_t                        tail;     /* script: command behind digest */
    unsigned                      hops:8;
    unsigned                      put:1;    /* its bytes may have left */
    unsigned                      asking:1; /* ASKING in front of it */
    unsigned                      skip:1;   /* whose OK is still to come */
    unsigned                      late:1;   /* timed out, not cancelled */
    unsigned                      own:1;    /* the client's, is not counted */
};

struct ngx_hx_redis_link_s {
    ngx_hx_redis_node_t    *node;
    ngx_hx_redis_sub_t     *sub;            /* whose it is; NULL = questions */
    ngx_hx_link_state_t     state;
    ngx_uint_t              serial;         /* of this connection */
    ngx_connection_t       *c;
    redisReader            *reader;
    hx_redis_scan_t         scan;
    size_t                  unparsed;       /* bytes since a whole reply */
    ngx_resolver_ctx_t     *resolving;

    u_char                 *out;
    size_t                  out_pos;
    size_t                  out_len;
    size_t                  out_size;

    ngx_queue_t             asks;
    ngx_uint_t              n;              /* of them */
    ngx_uint_t              live;           /* that somebody waits for */
    size_t                  bytes;
    ngx_uint_t              misses;
    ngx_msec_t              heard;          /* when bytes came last */
    ngx_event_t             oldest;         /* timer of questions */
    ngx_event_t             phase;          /* timer until READY */
    ngx_msec_t              asked;          /* greeting, probe: since when */
    ngx_uint_t              greeted;        /* replies of it so far */
    ngx_uint_t              n_greeting;
    u_char                  greeting[NGX_HX_REDIS_GREETING];
    unsigned                looking:1;      /* FINDING, and it has begun */
    unsigned                patient:1;      /* phase ran over once already */
    unsigned                secret:1;       /* a password is in out */
};

struct ngx_hx_redis_node_s {
    ngx_queue_t             queue;          /* of the client's nodes */
    ngx_hx_redis_t         *redis;
    ngx_str_t               name;           /* host, without brackets */
    ngx_str_t               text;           /* for the log: host:port */
    hx_redis_host_form_t    form;
    ngx_uint_t              port;
    ngx_int_t               host;           /* index of the URL's, or -1 */
    ngx_uint_t              turn;           /* of its addresses */
    ngx_sockaddr_t          addr;
    socklen_t               addr_len;       /* 0 = not known */
    ngx_hx_redis_link_t    *links;
    ngx_uint_t              n_links;
    ngx_event_t             trial;
    ngx_msec_t              attempt;        /* when it was tried last */
    ngx_msec_t              burst;          /* extra links: since when */
    ngx_uint_t              n_burst;
    ngx_uint_t              slots;          /* cluster: that it has */
    unsigned                sentinel:1;
    unsigned                wanted:1;       /* tried again unasked */
    unsigned                open:1;         /* the breaker */
    unsigned                said:1;         /* the log knows of the trouble */
    unsigned                failed:1;       /* the last attempt */
    unsigned                tried:1;
};

struct ngx_hx_redis_sub_s {
    ngx_queue_t               queue;
    ngx_hx_redis_t           *redis;
    ngx_hx_redis_link_t       link;
    ngx_str_t                 channel;
    ngx_hx_redis_message_pt   message;
    ngx_hx_redis_state_pt     state;
    void                     *data;
    ngx_event_t               timer;        /* next attempt, or next PING */
    ngx_msec_t                attempt;
    unsigned                  up:1;
    unsigned                  said:1;       /* the log knows it is lost */
    unsigned                  pinged:1;     /* and not answered */
    unsigned                  tried:1;
};

struct ngx_hx_redis_s {
    const ngx_hx_redis_conf_t  *conf;
    ngx_log_t                  *log;
    ngx_queue_t                 nodes;      /* data nodes, then sentinels */
    ngx_uint_t                  n_nodes;
    ngx_queue_t                 subs;
    ngx_hx_redis_node_t        *main;       /* single, sentinel */
    ngx_hx_redis_counters_t     own;
    ngx_hx_redis_counters_t    *counters;   /* those, or shared ones */

    /* sentinel */
    ngx_hx_redis_node_t        *sentinels[HX_REDIS_HOSTS];
    ngx_uint_t                  sentinel;   /* whose turn it is */
    ngx_uint_t                  left;       /* to be asked this time; of a
                                             * cluster: nodes */
    ngx_hx_redis_ask_t         *find;

    /* cluster; map is NULL otherwise */
    ngx_hx_redis_node_t       **map;        /* of HX_REDIS_SLOTS */
    ngx_hx_redis_ask_t         *refresh;
    ngx_hx_redis_node_t        *refresh_node;
    ngx_msec_t                  refreshed;  /* when it was asked last */
    ngx_uint_t                  turn;       /* of nodes to ask */

    ngx_event_t                 tick;       /* topology */
    unsigned                    stale:1;    /* the map */
    unsigned                    closing:1;
};


#define ngx_hx_redis_count(redis, what)                                       \
    hx_metrics_count(&(redis)->counters->what, 1)


/* ngx_hx_redis.c */

/* Formats a question; NULL and *err. */
ngx_hx_redis_ask_t *ngx_hx_redis_ask_create(ngx_hx_redis_t *redis,
    ngx_uint_t argc, const hx_str_t *argv, ngx_msec_t timeout,
    ngx_hx_redis_done_pt done, void *data, ngx_hx_redis_err_t *err);
void ngx_hx_redis_ask_free(ngx_hx_redis_ask_t *ask);

/* Of the client itself: a question to one node. */
ngx_hx_redis_ask_t *ngx_hx_redis_ask_node(ngx_hx_redis_node_t *node,
    ngx_uint_t argc, const hx_str_t *argv, ngx_msec_t timeout,
    ngx_hx_redis_done_pt done, void *data, ngx_hx_redis_err_t *err);

void ngx_hx_redis_timer_init(ngx_hx_redis_t *redis, ngx_event_t *ev,
    ngx_event_handler_pt handler, void *data);

/*
 * Sets a timer anew: ngx_add_timer() by itself leaves one that is set where it
 * is when the difference is small.
 */

static ngx_inline void
ngx_hx_redis_timer(ngx_event_t *ev, ngx_msec_t after)
{
    if (ev->timer_set) {
        ngx_del_timer(ev);
    }

    ngx_add_timer(ev, after);
}


static ngx_inline void
ngx_hx_redis_timer_stop(ngx_event_t *ev)
{
    if (ev->timer_set) {
        ngx_del_timer(ev);
    }
}


/* ms until then, 0 if that is over */
static ngx_inline ngx_msec_t
ngx_hx_redis_until(ngx_msec_t when)
{
    return (ngx_msec_int_t) (when - ngx_current_msec) > 0
           ? when - ngx_current_msec : 0;
}


/* ngx_hx_redis_queue.c */

/*
 * Puts a question into the queue of one of the node's links.  On an error it
 * is still the caller's.
 */
ngx_hx_redis_err_t ngx_hx_redis_enqueue(ngx_hx_redis_node_t *node,
    ngx_hx_redis_ask_t *ask);

/* The same, into the queue of this one. */
ngx_hx_redis_err_t ngx_hx_redis_enqueue_link(ngx_hx_redis_link_t *link,
    ngx_hx_redis_ask_t *ask);

/* A link became ready: what waits is sent. */
ngx_int_t ngx_hx_redis_queue_ready(ngx_hx_redis_link_t *link);

/* Out of the queue of its link. */
void ngx_hx_redis_take(ngx_hx_redis_ask_t *ask);

/* So many more wait for the link, or fewer. */
void ngx_hx_redis_live(ngx_hx_redis_link_t *link, ngx_int_t change);

/* Ends a question that is in no queue; calls back and frees it. */
void ngx_hx_redis_fail(ngx_hx_redis_ask_t *ask, ngx_hx_redis_err_t err);

/* All in a list that is not a link's any more. */
void ngx_hx_redis_fail_all(ngx_queue_t *asks, ngx_hx_redis_err_t err);

/* Takes all questions out of the link. */
void ngx_hx_redis_queue_take(ngx_hx_redis_link_t *link, ngx_queue_t *asks);

/* The reply of the oldest question; may close the link. */
void ngx_hx_redis_queue_reply(ngx_hx_redis_link_t *link, redisReply *reply);

/* A reply that means trouble, or NONE. */
ngx_hx_redis_err_t ngx_hx_redis_trouble(const redisReply *reply);

/* ngx_hx_redis_time.c */

/* The timer of a link's questions. */
void ngx_hx_redis_oldest_handler(ngx_event_t *ev);


/* ngx_hx_redis_link.c */

void ngx_hx_redis_link_init(ngx_hx_redis_link_t *link,
    ngx_hx_redis_t *redis, ngx_hx_redis_node_t *node);

/* The node's address is known: connects. */
void ngx_hx_redis_link_connect(ngx_hx_redis_link_t *link);

/*
 * Ends the connection, whatever it is at, tells the node and fails all its
 * questions.  detail, for the log, may be NULL.
 */
void ngx_hx_redis_link_close(ngx_hx_redis_link_t *link, ngx_hx_redis_err_t err,
    const char *detail);

/* Without a word to anybody. */
void ngx_hx_redis_link_drop(ngx_hx_redis_link_t *link);

/* Connected, and TLS is done. */
void ngx_hx_redis_link_connected(ngx_hx_redis_link_t *link);

/* Appends to what is sent, soon. */
ngx_int_t ngx_hx_redis_link_write(ngx_hx_redis_link_t *link,
    const void *data, size_t len);

/* The same, a formatted command. */
ngx_int_t ngx_hx_redis_link_command(ngx_hx_redis_link_t *link, ngx_uint_t argc,
    const hx_str_t *argv);

void ngx_hx_redis_read_handler(ngx_event_t *ev);
void ngx_hx_redis_write_handler(ngx_event_t *ev);


/* ngx_hx_redis_tls.c */

void ngx_hx_redis_tls_start(ngx_hx_redis_link_t *link);
void ngx_hx_redis_tls_shutdown(ngx_connection_t *c);


/* ngx_hx_redis_greet.c */

void ngx_hx_redis_greet(ngx_hx_redis_link_t *link);
void ngx_hx_redis_greet_reply(ngx_hx_redis_link_t *link,
    const redisReply *reply);
void ngx_hx_redis_phase_handler(ngx_event_t *ev);


/* ngx_hx_redis_addr.c */

/* Another address, of a name or in figures. */
ngx_int_t ngx_hx_redis_node_rename(ngx_hx_redis_node_t *node,
    const ngx_str_t *name, ngx_uint_t port);

/* A link begins: finds the address, then connects. */
void ngx_hx_redis_node_find(ngx_hx_redis_link_t *link);

/* Goes on with the name or address that the node has. */
void ngx_hx_redis_node_resolve(ngx_hx_redis_link_t *link);


/* ngx_hx_redis_node.c */

ngx_hx_redis_node_t *ngx_hx_redis_node_create(ngx_hx_redis_t *redis,
    const ngx_str_t *name, ngx_uint_t port, ngx_int_t host,
    ngx_uint_t n_links);
void ngx_hx_redis_node_free(ngx_hx_redis_node_t *node);

/*
 * Begins to open a link, soon: nothing may call back from inside whoever asks.
 */
void ngx_hx_redis_node_open(ngx_hx_redis_node_t *node,
    ngx_hx_redis_link_t *link);

/* May it be tried now, as somebody asks? */
ngx_uint_t ngx_hx_redis_node_may_try(const ngx_hx_redis_node_t *node);

/* Opens another link or sets the timer that will, as is due. */
void ngx_hx_redis_node_want(ngx_hx_redis_node_t *node);

/* A link of the node: is ready, has failed or ended. */
void ngx_hx_redis_node_up(ngx_hx_redis_link_t *link);
void ngx_hx_redis_node_lost(ngx_hx_redis_link_t *link, ngx_uint_t was_ready,
    ngx_hx_redis_err_t err, const char *detail);

/* Not answering in time: the breaker opens, the attempt goes on. */
void ngx_hx_redis_node_break(ngx_hx_redis_node_t *node,
    ngx_hx_redis_err_t err, const char *detail);

/* Something is wrong: looks at links that nobody asks right now. */
void ngx_hx_redis_node_suspect(ngx_hx_redis_node_t *node);

ngx_uint_t ngx_hx_redis_node_ready(const ngx_hx_redis_node_t *node);


/* ngx_hx_redis_sentinel.c */

ngx_int_t ngx_hx_redis_sentinel_init(ngx_hx_redis_t *redis);

/* Finds the master for the link of the main node, and connects it. */
void ngx_hx_redis_sentinel_find(ngx_hx_redis_t *redis);
void ngx_hx_redis_sentinel_tick(ngx_hx_redis_t *redis);


/* ngx_hx_redis_cluster.c */

ngx_int_t ngx_hx_redis_cluster_init(ngx_hx_redis_t *redis);

/* The node to ask; NULL: none can be. */
ngx_hx_redis_node_t *ngx_hx_redis_cluster_node(ngx_hx_redis_t *redis,
    const hx_str_t *key);

/* MOVED or ASK: 1 when the question is on its way (or has ended), else 0. */
ngx_uint_t ngx_hx_redis_cluster_redirect(ngx_hx_redis_ask_t *ask,
    ngx_hx_redis_node_t *from, const redisReply *reply);

/* The map may be wrong: it is asked for, once a second at most. */
void ngx_hx_redis_cluster_stale(ngx_hx_redis_t *redis);
void ngx_hx_redis_cluster_tick(ngx_hx_redis_t *redis);


/* ngx_hx_redis_sub.c */

/* A node can be used: subscriptions that wait may go on. */
void ngx_hx_redis_sub_wake(ngx_hx_redis_t *redis);

void ngx_hx_redis_sub_ready(ngx_hx_redis_link_t *link);
void ngx_hx_redis_sub_reply(ngx_hx_redis_link_t *link,
    const redisReply *reply);
void ngx_hx_redis_sub_lost(ngx_hx_redis_link_t *link, ngx_hx_redis_err_t err,
    const char *detail);

/* The node goes away: those on it look for another one. */
void ngx_hx_redis_sub_leave(ngx_hx_redis_node_t *node);
void ngx_hx_redis_sub_free_all(ngx_hx_redis_t *redis);

#endif /* NGX_HX_REDIS_IMPL_H */
