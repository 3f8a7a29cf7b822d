/*
 * ngx_hx_redis_greet.c -- what is said on a new connection before it is used:
 * who we are, which database; and whether it is a master that is awake.
 *
 * One that answers too late is not used.  While nothing else is there it is
 * kept for a while and asked again: the moment it answers in time, it is used.
 */

#include "ngx_hx_redis_impl.h"

enum {
    NGX_HX_GREET_AUTH,
    NGX_HX_GREET_AUTH_MAYBE,    /* a sentinel, which may want none */
    NGX_HX_GREET_SELECT,
    NGX_HX_GREET_NAME,
    NGX_HX_GREET_ROLE,
    NGX_HX_GREET_PING
};


static ngx_int_t
ngx_hx_redis_say(ngx_hx_redis_link_t *link, u_char what, ngx_uint_t argc,
    const hx_str_t *argv)
{
    link->greeting[link->n_greeting++] = what;

    return ngx_hx_redis_link_command(link, argc, argv);
}


static ngx_int_t
ngx_hx_redis_ping(ngx_hx_redis_link_t *link)
{
    static const hx_str_t  ping = hx_string("PING");

    link->asked = ngx_current_msec;
    link->greeted = 0;
    link->n_greeting = 0;

    return ngx_hx_redis_say(link, NGX_HX_GREET_PING, 1, &ping);
}


static ngx_int_t
ngx_hx_redis_say_auth(ngx_hx_redis_link_t *link)
{
    hx_str_t                argv[3];
    ngx_uint_t              n;
    const hx_redis_conf_t  *conf;

    static const hx_str_t  auth = hx_string("AUTH");

    conf = link->node->redis->conf->redis;

    if (conf->password.len == 0) {
        return NGX_OK;
    }

    n = 0;
    argv[n++] = auth;

    if (conf->user.len != 0) {
        argv[n++] = conf->user;
    }

    argv[n++] = conf->password;

    link->secret = 1;

    return ngx_hx_redis_say(link, link->node->sentinel ? NGX_HX_GREET_AUTH_MAYBE
                                                       : NGX_HX_GREET_AUTH,
                            n, argv);
}


static ngx_int_t
ngx_hx_redis_say_rest(ngx_hx_redis_link_t *link)
{
    u_char    number[NGX_INT_T_LEN];
    hx_str_t  argv[2];
    unsigned  db;

    static const hx_str_t  select = hx_string("SELECT");
    static const hx_str_t  role = hx_string("ROLE");
    static const hx_str_t  ping = hx_string("PING");
    static const hx_str_t  name[3] = { hx_string("CLIENT"),
                                       hx_string("SETNAME"),
                                       hx_string("hx-gate") };

    db = link->node->redis->conf->redis->db;

    if (db != 0 && !link->node->sentinel) {
        argv[0] = select;
        argv[1].data = number;
        argv[1].len = (size_t) (ngx_sprintf(number, "%ui", (ngx_uint_t) db)
                                - number);

        if (ngx_hx_redis_say(link, NGX_HX_GREET_SELECT, 2, argv) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (ngx_hx_redis_say(link, NGX_HX_GREET_NAME, 3, name) != NGX_OK) {
        return NGX_ERROR;
    }

    if (!link->node->sentinel
        && ngx_hx_redis_say(link, NGX_HX_GREET_ROLE, 1, &role) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_hx_redis_say(link, NGX_HX_GREET_PING, 1, &ping);
}


void
ngx_hx_redis_greet(ngx_hx_redis_link_t *link)
{
    link->state = NGX_HX_LINK_GREETING;
    link->asked = ngx_current_msec;
    link->greeted = 0;
    link->n_greeting = 0;

    ngx_hx_redis_timer(&link->phase, link->node->redis->conf->redis->timeout);

    if (ngx_hx_redis_say_auth(link) != NGX_OK
        || ngx_hx_redis_say_rest(link) != NGX_OK)
    {
        ngx_hx_redis_link_close(link, NGX_HX_REDIS_MEMORY, NULL);
    }
}


static ngx_uint_t
ngx_hx_redis_is_error(const redisReply *reply, const char *word)
{
    return reply->type == REDIS_REPLY_ERROR
           && ngx_strncmp(reply->str, word, ngx_strlen(word)) == 0;
}


/* What stands in the way of using the link, or NONE. */
static ngx_hx_redis_err_t
ngx_hx_redis_judge(u_char what, const redisReply *reply)
{
    ngx_hx_redis_err_t  err;

    if (what == NGX_HX_GREET_AUTH_MAYBE) {
        return NGX_HX_REDIS_NONE;
    }

    err = ngx_hx_redis_trouble(reply);

    if (err != NGX_HX_REDIS_NONE && err != NGX_HX_REDIS_CLUSTERDOWN) {
        return err;
    }

    switch (what) {

    case NGX_HX_GREET_AUTH:
        return reply->type == REDIS_REPLY_ERROR ? NGX_HX_REDIS_NOAUTH
                                                : NGX_HX_REDIS_NONE;

    case NGX_HX_GREET_SELECT:
        return reply->type == REDIS_REPLY_ERROR ? NGX_HX_REDIS_PROTOCOL
                                                : NGX_HX_REDIS_NONE;

    case NGX_HX_GREET_ROLE:

        /* who may not ask is told by the first write that fails */

        return reply->type == REDIS_REPLY_ARRAY && reply->elements > 0
               && reply->element[0]->type == REDIS_REPLY_STRING
               && ngx_strcmp(reply->element[0]->str, "master") != 0
               ? NGX_HX_REDIS_READONLY : NGX_HX_REDIS_NONE;

    case NGX_HX_GREET_PING:
        return reply->type == REDIS_REPLY_STATUS
               || ngx_hx_redis_is_error(reply, "NOPERM")
               ? NGX_HX_REDIS_NONE : NGX_HX_REDIS_PROTOCOL;

    default:
        return NGX_HX_REDIS_NONE;
    }
}


static void
ngx_hx_redis_greeted(ngx_hx_redis_link_t *link)
{
    ngx_hx_redis_timer_stop(&link->phase);
    link->state = NGX_HX_LINK_READY;
    ngx_hx_redis_count(link->node->redis, connects);

    if (ngx_hx_redis_queue_ready(link) != NGX_OK) {
        ngx_hx_redis_link_close(link, NGX_HX_REDIS_MEMORY, NULL);
        return;
    }

    if (link->sub != NULL) {
        ngx_hx_redis_sub_ready(link);

    } else {
        ngx_hx_redis_node_up(link);
    }
}


void
ngx_hx_redis_greet_reply(ngx_hx_redis_link_t *link, const redisReply *reply)
{
    ngx_hx_redis_err_t      err;
    const hx_redis_conf_t  *conf;

    if (link->greeted == link->n_greeting) {
        ngx_hx_redis_link_close(link, NGX_HX_REDIS_PROTOCOL,
                                "a reply that nobody asked for");
        return;
    }

    err = ngx_hx_redis_judge(link->greeting[link->greeted++], reply);

    if (err != NGX_HX_REDIS_NONE) {
        ngx_hx_redis_link_close(link, err, reply->type == REDIS_REPLY_ERROR
                                           ? reply->str : NULL);
        return;
    }

    if (link->greeted < link->n_greeting) {
        return;
    }

    conf = link->node->redis->conf->redis;

    if (ngx_current_msec - link->asked <= conf->timeout) {
        ngx_hx_redis_greeted(link);
        return;
    }

    link->state = NGX_HX_LINK_PROBING;

    if (ngx_hx_redis_ping(link) != NGX_OK) {
        ngx_hx_redis_link_close(link, NGX_HX_REDIS_MEMORY, NULL);
    }
}


void
ngx_hx_redis_phase_handler(ngx_event_t *ev)
{
    const char           *detail;
    ngx_queue_t           asks;
    ngx_hx_redis_link_t  *link = ev->data;
    ngx_hx_redis_node_t  *node = link->node;

    detail = "no answer";

    switch (link->state) {

    case NGX_HX_LINK_FINDING:
        if (!link->looking) {
            ngx_hx_redis_node_find(link);
            return;
        }

        detail = "looking for the address";
        break;

    case NGX_HX_LINK_CONNECTING:
        ngx_hx_redis_link_close(link, NGX_HX_REDIS_TIMEOUT, "connecting");
        return;

    case NGX_HX_LINK_HANDSHAKE:
        ngx_hx_redis_link_close(link, NGX_HX_REDIS_TIMEOUT, "TLS handshake");
        return;

    default:
        break;
    }

    if (link->patient || link->sub != NULL || !node->wanted || ngx_exiting
        || ngx_hx_redis_node_ready(node))
    {
        ngx_hx_redis_link_close(link, NGX_HX_REDIS_TIMEOUT, detail);
        return;
    }

    /* nobody waits for it any more, but it may come to itself */

    link->patient = 1;
    ngx_hx_redis_timer(&link->phase, ngx_hx_redis_until(node->attempt
                                                    + NGX_HX_REDIS_PERIOD));
    ngx_hx_redis_queue_take(link, &asks);
    ngx_hx_redis_node_break(node, NGX_HX_REDIS_TIMEOUT, detail);
    ngx_hx_redis_fail_all(&asks, NGX_HX_REDIS_TIMEOUT);
}
