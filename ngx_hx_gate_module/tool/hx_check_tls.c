/*
 * hx_check_tls.c -- TLS on the gate's own listeners: on wherever others get to,
 * and no version that is broken.  By the configuration, and by handshakes.
 */

#include <stdio.h>
#include <string.h>

#include "hx_check_items.h"

#define HX_TLS_FIX   "ssl_protocols TLSv1.2 TLSv1.3;"


/* As written in its directive. */

static const char *
hx_tls_addr(const hx_site_listen_t *l)
{
    return hx_deploy_addr(&l->addr);
}


static int
hx_tls_same(const hx_site_listen_t *a, const hx_site_listen_t *b)
{
    return (a->addr.port == b->addr.port && hx_addr_any(&a->addr)
            && hx_addr_any(&b->addr)
            && hx_text_is(&a->addr.host, "::")
               == hx_text_is(&b->addr.host, "::"))
           || hx_addr_same(&a->addr, &b->addr);
}


/* Of nginx's rule that one server's "ssl" is all servers' of the socket. */

static int
hx_tls_on(const hx_deploy_t *dp, const hx_site_listen_t *l)
{
    unsigned  i;

    for (i = 0; i < dp->site.n_listens; i++) {
        if ((dp->site.listens[i].ssl || dp->site.listens[i].quic)
            && hx_tls_same(&dp->site.listens[i], l))
        {
            return 1;
        }
    }

    return 0;
}


static int
hx_tls_versions(const hx_deploy_t *dp, const hx_site_listen_t *sl,
    hx_line_t *l)
{
    size_t    i;
    unsigned  id;

    static const char *const  old[] = { "SSLv2", "SSLv3", "TLSv1", "TLSv1.1" };

    id = hx_dump_up(dp->dump, sl->server, "ssl_protocols");

    for (i = 0; i < hx_nelts(old); i++) {
        if (hx_site_flag(dp->dump, id, old[i])) {
            hx_line_fail(l, HX_TLS_FIX, "%s: %s is allowed",
                         hx_deploy_where(dp, id), old[i]);
            return 0;
        }
    }

    return 1;
}


static void
hx_tls_ask(const hx_deploy_t *dp, const hx_site_listen_t *sl, hx_line_t *l)
{
    const char     *where;
    hx_probe_t      p;
    hx_probe_rc_t   rc;

    memset(&p, 0, sizeof(p));
    p.addr = sl->addr;
    p.timeout = dp->timeout;
    p.tls = 1;
    p.proxy = sl->proxy;
    p.sni = hx_deploy_name(dp, sl->server);
    where = hx_tls_addr(sl);

    rc = hx_probe_run(&p);

    if (rc == HX_PROBE_TLS) {
        hx_line_fail(l, "listen ... ssl; " HX_TLS_FIX, "%s: no handshake of "
                     "TLS 1.2 or 1.3: %s", where, p.why);
        return;
    }

    if (rc == HX_PROBE_OK && p.expired) {
        hx_line_fail(l, "a new certificate in ssl_certificate", "%s: the "
                     "certificate has expired", where);
        return;
    }

    if (rc == HX_PROBE_OK) {
        p.old = 1;
        rc = hx_probe_run(&p);

        if (rc == HX_PROBE_OK) {
            hx_line_fail(l, HX_TLS_FIX, "%s takes TLS 1.1", where);
            return;
        }
    }

    if (rc != HX_PROBE_TLS) {
        hx_line_unknown(l, "nginx must be running, see --timeout", "%s: %s",
                        where, p.why);
        return;
    }

    hx_line_pass(l, "%s: TLS 1.2 or 1.3, not 1.1", where);
}


void
hx_item_tls(const hx_deploy_t *dp, hx_line_t *l)
{
    unsigned                 i, k;
    const hx_site_listen_t  *sl;

    if (dp->site.n_listens == 0) {
        hx_line_na(l, "no server has a location of the gate");
    }

    for (i = 0; i < dp->site.n_listens; i++) {
        sl = &dp->site.listens[i];

        if (!hx_tls_on(dp, sl)) {
            if (hx_addr_loopback(&sl->addr)) {
                hx_line_pass(l, "%s: without TLS, on this machine only",
                             hx_tls_addr(sl));

            } else {
                hx_line_fail(l, "listen 443 ssl; with ssl_certificate and "
                             "ssl_certificate_key", "%s: %s without TLS",
                             hx_deploy_where(dp, sl->node), hx_tls_addr(sl));
            }

            continue;
        }

        for (k = 0; k < i && !hx_tls_same(&dp->site.listens[k], sl); k++) {
            /* void */
        }

        if (!hx_tls_versions(dp, sl, l) || k != i) {
            continue;
        }

        if (sl->quic) {
            hx_line_pass(l, "%s: QUIC", hx_tls_addr(sl));

        } else if (k == i && i < HX_ITEM_ASKED) {
            hx_tls_ask(dp, sl, l);

        } else {
            hx_line_unknown(l, NULL, "more than %d listeners", HX_ITEM_ASKED);
        }
    }
}
