/*
 * hx_check_ports.c -- can anybody outside reach the ports of the engine or of
 * Redis?  By the kernel's list of sockets, and by connecting to the machine's
 * own addresses.
 */

#define _GNU_SOURCE         /* memrchr() */

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hx_check_items.h"
#include "hx_check_text.h"

#define HX_PORTS_SOCKETS   64
#define HX_PORTS_LIST      33554432     /* bytes of /proc/net/tcp */
#define HX_PORTS_LOCAL     64           /* addresses of the machine */
#define HX_PORTS_FIX       "HOLONOMIX_HOST=127.0.0.1 for the engine, bind " \
                           "127.0.0.1 for Redis, or a firewall"

typedef struct {
    unsigned        n;
    unsigned        len[HX_PORTS_LOCAL];
    unsigned char   addr[HX_PORTS_LOCAL][16];
    char            text[HX_PORTS_LOCAL][INET6_ADDRSTRLEN];
    unsigned        link[HX_PORTS_LOCAL];   /* fe80::, cannot be connected to
                                             * by its text alone */
} hx_local_t;


static int
hx_ports_read(const hx_deploy_t *dp, const char *name, unsigned port,
    hx_socket_t *sockets, unsigned n, unsigned max, char *why)
{
    char            path[HX_SYS_PATH];
    size_t          len, pos;
    hx_str_t        text, line;
    hx_socket_t     s;
    unsigned char  *data;

    (void) snprintf(path, sizeof(path), "%s/net/%s", dp->proc, name);

    if (hx_sys_read(path, HX_PORTS_LIST, &data, &len, why) != HX_OK) {
        return -1;
    }

    text.data = data;
    text.len = len;
    pos = 0;

    while (n < max && hx_scan_line(&text, &pos, &line)) {
        if (hx_socket_parse(&s, &line) == HX_OK && s.port == port) {
            sockets[n++] = s;
        }
    }

    free(data);

    return (int) n;
}


int
hx_item_sockets(const hx_deploy_t *dp, unsigned port, hx_socket_t *sockets,
    unsigned max, char *why)
{
    int  n, more;

    n = hx_ports_read(dp, "tcp", port, sockets, 0, max, why);

    if (n == -1) {
        return -1;
    }

    /* a kernel without IPv6 has no such file */

    more = hx_ports_read(dp, "tcp6", port, sockets, (unsigned) n, max, why);

    return more == -1 ? n : more;
}


static int
hx_ports_local(hx_local_t *local)
{
    const void      *p;
    unsigned         n;
    struct ifaddrs  *list, *i;

    memset(local, 0, sizeof(hx_local_t));

    if (getifaddrs(&list) != 0) {
        return 0;
    }

    for (i = list; i != NULL && local->n < HX_PORTS_LOCAL; i = i->ifa_next) {
        if (i->ifa_addr == NULL || (i->ifa_flags & IFF_UP) == 0) {
            continue;
        }

        if (i->ifa_addr->sa_family == AF_INET) {
            p = &((const struct sockaddr_in *) (const void *) i->ifa_addr)
                 ->sin_addr;
            n = 4;

        } else if (i->ifa_addr->sa_family == AF_INET6) {
            p = &((const struct sockaddr_in6 *) (const void *) i->ifa_addr)
                 ->sin6_addr;
            n = 16;

        } else {
            continue;
        }

        memcpy(local->addr[local->n], p, n);

        if (hx_socket_loopback(local->addr[local->n], n)) {
            continue;
        }

        local->len[local->n] = n;
        local->link[local->n] = n == 16 && local->addr[local->n][0] == 0xfe;
        (void) inet_ntop(n == 4 ? AF_INET : AF_INET6, p, local->text[local->n],
                         INET6_ADDRSTRLEN);
        local->n++;
    }

    freeifaddrs(list);

    return 1;
}


static int
hx_ports_is_local(const hx_local_t *local, const unsigned char *addr,
    unsigned len)
{
    unsigned  i;

    if (hx_socket_loopback(addr, len) || hx_socket_any(addr, len)) {
        return 1;
    }

    for (i = 0; i < local->n; i++) {
        if (local->len[i] == len && memcmp(local->addr[i], addr, len) == 0) {
            return 1;
        }
    }

    return 0;
}


/* Is it nginx's own listener on that port, and meant to be there? */

static int
hx_ports_ours(const hx_deploy_t *dp, const char *text, unsigned port)
{
    unsigned          i;
    const hx_addr_t  *a;

    for (i = 0; i < dp->site.n_listens; i++) {
        a = &dp->site.listens[i].addr;

        if (a->path.data == NULL && a->port == port
            && hx_text_is(&a->host, text))
        {
            return 1;
        }
    }

    return 0;
}


/* 0 after a failure. */

static int
hx_ports_listed(const hx_deploy_t *dp, const char *what, unsigned port,
    hx_line_t *l)
{
    int           i, n, good;
    char          why[HX_SYS_WHY], text[INET6_ADDRSTRLEN];
    hx_socket_t   s[HX_PORTS_SOCKETS];

    n = hx_item_sockets(dp, port, s, HX_PORTS_SOCKETS, why);

    if (n == -1) {
        hx_line_unknown(l, "--proc DIR", "%s/net/tcp: %s", dp->proc, why);
        return 0;
    }

    good = 1;

    for (i = 0; i < n; i++) {
        (void) inet_ntop(s[i].len == 4 ? AF_INET : AF_INET6, s[i].addr, text,
                         sizeof(text));

        if (!hx_socket_loopback(s[i].addr, s[i].len)
            && !hx_ports_ours(dp, text, port))
        {
            hx_line_fail(l, HX_PORTS_FIX, "port %u of %s listens on %s", port,
                         what, text);
            good = 0;
        }
    }

    return good;
}


static int
hx_ports_reached(const hx_deploy_t *dp, const hx_local_t *local,
    const char *what, unsigned port, hx_line_t *l)
{
    int         good;
    unsigned    i;
    hx_probe_t  p;

    good = 1;

    for (i = 0; i < local->n; i++) {
        if (local->link[i] || hx_ports_ours(dp, local->text[i], port)) {
            continue;
        }

        memset(&p, 0, sizeof(p));
        p.addr.host.data = (const unsigned char *) local->text[i];
        p.addr.host.len = strlen(local->text[i]);
        p.addr.port = port;
        p.timeout = dp->timeout;

        if (hx_probe_run(&p) == HX_PROBE_OK) {
            hx_line_fail(l, HX_PORTS_FIX, "port %u of %s is reached at %s",
                         port, what, local->text[i]);
            good = 0;
        }
    }

    return good;
}


static void
hx_ports_look(const hx_deploy_t *dp, const hx_local_t *local,
    const char *what, const hx_addr_t *a, hx_line_t *l)
{
    char           why[HX_SYS_WHY];
    unsigned       i, n, len[4];
    unsigned char  addr[4][16];

    if (a->path.data != NULL) {
        hx_line_pass(l, "%s is a unix socket", what);
        return;
    }

    n = hx_probe_resolve(a, addr, len, 4, why);

    if (n == 0) {
        hx_line_unknown(l, NULL, "%s: %s", hx_deploy_addr(a), why);
        return;
    }

    for (i = 0; i < n; i++) {
        if (hx_ports_is_local(local, addr[i], len[i])) {
            if (hx_ports_listed(dp, what, a->port, l)
                && hx_ports_reached(dp, local, what, a->port, l))
            {
                hx_line_pass(l, "port %u of %s: this machine only", a->port,
                             what);
            }

        } else if (hx_socket_private(addr[i], len[i])) {
            hx_line_na(l, "%s of %s is another machine or container: look "
                       "there", hx_deploy_addr(a), what);

        } else {
            hx_line_fail(l, "a private address for it", "%s of %s is a public "
                         "address", hx_deploy_addr(a), what);
        }
    }
}


/* redis://[user:password@]host[:port][/n]: the password is not told. */

static void
hx_ports_redis(const hx_deploy_t *dp, const hx_local_t *local, hx_line_t *l)
{
    size_t                i;
    unsigned              id;
    hx_str_t              url, rest;
    hx_addr_t             a;
    const unsigned char  *at;

    id = hx_dump_find(dp->dump, dp->site.http, "hx_gate_registry", 0);
    url = hx_dump_word(dp->dump, id, 1);

    if (!hx_text_after(&url, "redis://", &rest)
        && !hx_text_after(&url, "rediss://", &rest))
    {
        return;
    }

    for (i = 0; i < rest.len && rest.data[i] != '/' && rest.data[i] != '?';
         i++)
    {
        /* void */
    }

    rest.len = i;
    at = rest.len != 0 ? memrchr(rest.data, '@', rest.len) : NULL;

    if (at != NULL) {
        rest.len -= (size_t) (at + 1 - rest.data);
        rest.data = at + 1;
    }

    if (hx_addr_parse(&a, &rest, 6379, 0) != HX_OK) {
        hx_line_unknown(l, NULL, "%s: the address of Redis is not understood",
                        hx_deploy_where(dp, id));
        return;
    }

    hx_ports_look(dp, local, "Redis", &a, l);
}


void
hx_item_ports(const hx_deploy_t *dp, hx_line_t *l)
{
    unsigned                 i, k;
    hx_local_t               local;
    const hx_site_engine_t  *e = dp->site.engines;

    if (dp->site.n_engines == 0) {
        hx_line_na(l, "no gated location leads to an engine");
    }

    if (!hx_ports_local(&local)) {
        hx_line_unknown(l, NULL, "the addresses of this machine are not known");
        return;
    }

    for (i = 0; i < dp->site.n_engines; i++) {
        if (e[i].unknown) {
            hx_line_unknown(l, "proxy_pass to an upstream by its name",
                            "%s: the address is not known before a request is",
                            hx_deploy_where(dp, e[i].node));
            continue;
        }

        for (k = 0; k < i; k++) {
            if (!e[k].unknown && hx_addr_same(&e[k].addr, &e[i].addr)) {
                break;
            }
        }

        if (k == i) {
            hx_ports_look(dp, &local, "the engine", &e[i].addr, l);
        }
    }

    hx_ports_redis(dp, &local, l);
}
