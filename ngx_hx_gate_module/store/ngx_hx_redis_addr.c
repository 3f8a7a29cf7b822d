/*
 * ngx_hx_redis_addr.c -- where a node is: in figures, as the configuration was
 * read, as nginx's resolver or the sentinels say now.
 */

#include "ngx_hx_redis_impl.h"


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


void
ngx_hx_redis_node_find(ngx_hx_redis_link_t *link)
{
    ngx_hx_redis_node_t  *node;

    node = link->node;

    link->looking = 1;
    ngx_hx_redis_timer(&link->phase, node->redis->conf->redis->connect_timeout);

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
