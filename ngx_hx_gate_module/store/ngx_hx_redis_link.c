/*
 * ngx_hx_redis_link.c -- one connection: opened, read, written, closed, all by
 * nginx's events.  hiredis' reader gets the bytes as they come.
 */

#include "ngx_hx_redis_impl.h"

#include <ngx_event_connect.h>

#include <openssl/crypto.h>

#define NGX_HX_REDIS_READ     16384     /* bytes at a time */
#define NGX_HX_REDIS_ROUNDS   64        /* of them before others have a turn */
#define NGX_HX_REDIS_KEEP     65536     /* bytes of a buffer that is kept */


static void ngx_hx_redis_connect_handler(ngx_event_t *ev);


void
ngx_hx_redis_link_init(ngx_hx_redis_link_t *link, ngx_hx_redis_t *redis,
    ngx_hx_redis_node_t *node)
{
    link->node = node;
    ngx_queue_init(&link->asks);
    ngx_hx_redis_timer_init(redis, &link->oldest, ngx_hx_redis_oldest_handler,
                            link);
    ngx_hx_redis_timer_init(redis, &link->phase, ngx_hx_redis_phase_handler,
                            link);
}


void
ngx_hx_redis_link_connect(ngx_hx_redis_link_t *link)
{
    ngx_int_t               rc;
    ngx_connection_t       *c;
    ngx_hx_redis_node_t    *node;
    ngx_peer_connection_t   pc;

    node = link->node;

    ngx_memzero(&pc, sizeof(ngx_peer_connection_t));
    pc.sockaddr = &node->addr.sockaddr;
    pc.socklen = node->addr_len;
    pc.name = &node->text;
    pc.get = ngx_event_get_peer;
    pc.log = node->redis->log;
    pc.log_error = NGX_ERROR_INFO;
    pc.so_keepalive = 1;

    rc = ngx_event_connect_peer(&pc);
    c = pc.connection;
    link->c = c;

    if (rc == NGX_ERROR || rc == NGX_BUSY || rc == NGX_DECLINED) {
        ngx_hx_redis_link_close(link, NGX_HX_REDIS_REFUSED, NULL);
        return;
    }

    c->data = link;
    c->log = node->redis->log;
    c->read->log = c->log;
    c->write->log = c->log;
    c->log_error = NGX_ERROR_INFO;
    c->idle = 1;
    c->read->handler = ngx_hx_redis_connect_handler;
    c->write->handler = ngx_hx_redis_connect_handler;

    c->pool = ngx_create_pool(512, c->log);
    link->reader = redisReaderCreate();

    if (c->pool == NULL || link->reader == NULL) {
        ngx_hx_redis_link_close(link, NGX_HX_REDIS_MEMORY, NULL);
        return;
    }

    link->state = NGX_HX_LINK_CONNECTING;
    link->unparsed = 0;
    link->misses = 0;
    hx_redis_scan_init(&link->scan);
    link->patient = 0;
    ngx_hx_redis_timer(&link->phase, node->redis->conf->redis->connect_timeout);

    if (rc == NGX_OK) {
        ngx_hx_redis_connect_handler(c->write);
    }
}


/* nginx wants the connection back: an old worker leaves, others need it. */
static ngx_uint_t
ngx_hx_redis_leave(ngx_connection_t *c)
{
    ngx_hx_redis_link_t  *link = c->data;

    if (!c->close) {
        return 0;
    }

    c->close = 0;

    if (link->live == 0) {
        ngx_hx_redis_link_close(link, NGX_HX_REDIS_SHUTDOWN, NULL);
        return 1;
    }

    return 0;
}


static void
ngx_hx_redis_connect_handler(ngx_event_t *ev)
{
    int                   err;
    socklen_t             len;
    ngx_connection_t     *c = ev->data;
    ngx_hx_redis_link_t  *link = c->data;

    if (ngx_hx_redis_leave(c) || link->state != NGX_HX_LINK_CONNECTING) {
        return;
    }

    if (!c->write->ready) {
        return;
    }

    err = 0;
    len = sizeof(int);

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, (void *) &err, &len) == -1) {
        err = ngx_socket_errno;
    }

    if (err != 0) {
        ngx_hx_redis_link_close(link, NGX_HX_REDIS_REFUSED, strerror(err));
        return;
    }

    (void) ngx_tcp_nodelay(c);

    if (link->node->redis->conf->ssl != NULL) {
        link->state = NGX_HX_LINK_HANDSHAKE;
        ngx_hx_redis_tls_start(link);
        return;
    }

    ngx_hx_redis_link_connected(link);
}


void
ngx_hx_redis_link_connected(ngx_hx_redis_link_t *link)
{
    ngx_connection_t  *c = link->c;

    c->read->handler = ngx_hx_redis_read_handler;
    c->write->handler = ngx_hx_redis_write_handler;

    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_hx_redis_link_close(link, NGX_HX_REDIS_REFUSED, NULL);
        return;
    }

    link->heard = ngx_current_msec;
    ngx_hx_redis_greet(link);
}


ngx_int_t
ngx_hx_redis_link_write(ngx_hx_redis_link_t *link, const void *data,
    size_t len)
{
    size_t   size;
    u_char  *out;

    if (link->out_size - link->out_len < len) {
        size = link->out_len - link->out_pos + len;
        size = ngx_max(size + size / 2, 1024);

        out = ngx_alloc(size, link->node->redis->log);
        if (out == NULL) {
            return NGX_ERROR;
        }

        link->out_len -= link->out_pos;

        if (link->out != NULL) {
            ngx_memcpy(out, link->out + link->out_pos, link->out_len);

            if (link->secret) {
                OPENSSL_cleanse(link->out, link->out_size);
            }

            ngx_free(link->out);
        }

        link->out = out;
        link->out_pos = 0;
        link->out_size = size;
    }

    ngx_memcpy(link->out + link->out_len, data, len);
    link->out_len += len;

    /* sent at the end of the round: what is asked in one goes out at once */

    ngx_post_event(link->c->write, &ngx_posted_events);

    return NGX_OK;
}


ngx_int_t
ngx_hx_redis_link_command(ngx_hx_redis_link_t *link, ngx_uint_t argc,
    const hx_str_t *argv)
{
    ngx_int_t            rc;
    ngx_hx_redis_err_t   err;
    ngx_hx_redis_ask_t  *ask;

    ask = ngx_hx_redis_ask_create(link->node->redis, argc, argv, 0, NULL, NULL,
                                  &err);
    if (ask == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_hx_redis_link_write(link, ask->command, ask->len);

    if (link->secret) {
        OPENSSL_cleanse(ask->command, ask->len);
    }

    ngx_hx_redis_ask_free(ask);

    return rc;
}


void
ngx_hx_redis_write_handler(ngx_event_t *ev)
{
    ssize_t               n;
    ngx_connection_t     *c = ev->data;
    ngx_hx_redis_link_t  *link = c->data;

    while (link->out_pos < link->out_len && c->write->ready) {
        n = c->send(c, link->out + link->out_pos,
                    link->out_len - link->out_pos);

        if (n == NGX_AGAIN) {
            break;
        }

        if (n <= 0) {
            ngx_hx_redis_link_close(link, NGX_HX_REDIS_CLOSED, NULL);
            return;
        }

        link->out_pos += n;
    }

    if (link->out_pos == link->out_len) {
        link->out_pos = 0;
        link->out_len = 0;

        if (link->secret) {
            OPENSSL_cleanse(link->out, link->out_size);
            link->secret = 0;
        }

        if (link->out_size > NGX_HX_REDIS_KEEP) {
            ngx_free(link->out);
            link->out = NULL;
            link->out_size = 0;
        }
    }

    if (ngx_handle_write_event(c->write, 0) != NGX_OK) {
        ngx_hx_redis_link_close(link, NGX_HX_REDIS_CLOSED, NULL);
    }
}


/* All whole replies that are there; 0 when the connection is another one. */
static ngx_uint_t
ngx_hx_redis_replies(ngx_hx_redis_link_t *link)
{
    void        *reply;
    ngx_uint_t   serial;

    serial = link->serial;

    for ( ;; ) {
        reply = NULL;

        if (redisReaderGetReply(link->reader, &reply) != REDIS_OK) {
            ngx_hx_redis_link_close(link, NGX_HX_REDIS_PROTOCOL,
                                    "not a reply of Redis");
            return 0;
        }

        if (reply == NULL) {
            return 1;
        }

        link->unparsed = 0;
        link->scan.elements = 0;

        if (link->state == NGX_HX_LINK_GREETING
            || link->state == NGX_HX_LINK_PROBING)
        {
            ngx_hx_redis_greet_reply(link, reply);

        } else if (link->sub != NULL) {
            ngx_hx_redis_sub_reply(link, reply);

        } else {
            ngx_hx_redis_queue_reply(link, reply);
        }

        freeReplyObject(reply);

        if (link->serial != serial) {
            return 0;
        }
    }
}


static ngx_uint_t
ngx_hx_redis_feed(ngx_hx_redis_link_t *link, const u_char *buf, size_t n)
{
    link->heard = ngx_current_msec;
    link->unparsed += n;

    if (link->unparsed > NGX_HX_REDIS_REPLY_SIZE
        || hx_redis_scan(&link->scan, buf, n, NGX_HX_REDIS_REPLY_SIZE) != HX_OK)
    {
        ngx_hx_redis_link_close(link, NGX_HX_REDIS_TOO_LARGE, NULL);
        return 0;
    }

    if (redisReaderFeed(link->reader, (const char *) buf, n) != REDIS_OK) {
        ngx_hx_redis_link_close(link, NGX_HX_REDIS_MEMORY, NULL);
        return 0;
    }

    return ngx_hx_redis_replies(link);
}


void
ngx_hx_redis_read_handler(ngx_event_t *ev)
{
    ssize_t               n;
    ngx_uint_t            i;
    ngx_connection_t     *c = ev->data;
    ngx_hx_redis_link_t  *link = c->data;

    static u_char  buf[NGX_HX_REDIS_READ];

    if (ngx_hx_redis_leave(c)) {
        return;
    }

    for (i = 0; i < NGX_HX_REDIS_ROUNDS; i++) {
        n = c->recv(c, buf, sizeof(buf));

        if (n == NGX_AGAIN) {
            break;
        }

        if (n <= 0) {
            ngx_hx_redis_link_close(link, NGX_HX_REDIS_CLOSED, NULL);
            return;
        }

        if (!ngx_hx_redis_feed(link, buf, (size_t) n)) {
            return;
        }
    }

    if (i == NGX_HX_REDIS_ROUNDS) {
        ngx_post_event(c->read, &ngx_posted_next_events);

    } else if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_hx_redis_link_close(link, NGX_HX_REDIS_CLOSED, NULL);
        return;
    }

    if (ngx_exiting && link->live == 0) {
        ngx_hx_redis_link_close(link, NGX_HX_REDIS_SHUTDOWN, NULL);
    }
}


void
ngx_hx_redis_link_drop(ngx_hx_redis_link_t *link)
{
    ngx_pool_t          *pool;
    ngx_connection_t    *c;
    ngx_resolver_ctx_t  *resolving;

    link->serial++;
    link->state = NGX_HX_LINK_CLOSED;
    ngx_hx_redis_timer_stop(&link->phase);

    resolving = link->resolving;
    link->resolving = NULL;

    if (resolving != NULL) {
        ngx_resolve_name_done(resolving);
    }

    if (link->reader != NULL) {
        redisReaderFree(link->reader);
        link->reader = NULL;
    }

    if (link->out != NULL) {
        if (link->secret) {
            OPENSSL_cleanse(link->out, link->out_size);
        }

        ngx_free(link->out);
        link->out = NULL;
    }

    link->secret = 0;
    link->out_pos = 0;
    link->out_len = 0;
    link->out_size = 0;

    c = link->c;
    link->c = NULL;

    if (c != NULL) {
        pool = c->pool;
        ngx_hx_redis_tls_shutdown(c);
        ngx_close_connection(c);

        if (pool != NULL) {
            ngx_destroy_pool(pool);
        }
    }
}


void
ngx_hx_redis_link_close(ngx_hx_redis_link_t *link, ngx_hx_redis_err_t err,
    const char *detail)
{
    ngx_queue_t  asks;
    ngx_uint_t   was_ready;
    char         copy[128];

    /* the detail may be in a reply or a reader that goes away */

    if (detail != NULL) {
        (void) ngx_cpystrn((u_char *) copy, (u_char *) detail, sizeof(copy));
        detail = copy;
    }

    was_ready = (link->state == NGX_HX_LINK_READY);

    ngx_hx_redis_link_drop(link);
    ngx_hx_redis_queue_take(link, &asks);

    if (link->sub != NULL) {
        ngx_hx_redis_sub_lost(link, err, detail);

    } else {
        ngx_hx_redis_node_lost(link, was_ready, err, detail);
    }

    ngx_hx_redis_fail_all(&asks, err);
}
