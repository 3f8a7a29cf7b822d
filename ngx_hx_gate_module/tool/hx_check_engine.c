/*
 * hx_check_engine.c -- does the engine refuse who has no service key, and can
 * nobody listen on the way to it?
 */

#include <string.h>

#include "hx_check_items.h"

static const char  hx_engine_request[] =
    "GET /v1/list/default HTTP/1.1\r\n"
    "Host: hx-engine\r\n"
    "User-Agent: hx-gate-check\r\n"
    "Connection: close\r\n"
    "\r\n";


/* Was it there already, under another location? */

static int
hx_engine_again(const hx_deploy_t *dp, unsigned i)
{
    unsigned                 k;
    const hx_site_engine_t  *e = dp->site.engines;

    for (k = 0; k < i; k++) {
        if (!e[k].unknown && e[k].tls == e[i].tls
            && hx_addr_same(&e[k].addr, &e[i].addr))
        {
            return 1;
        }
    }

    return 0;
}


static void
hx_engine_ask(const hx_deploy_t *dp, const hx_site_engine_t *e, hx_line_t *l)
{
    const char     *where;
    hx_probe_t      p;
    hx_probe_rc_t   rc;

    memset(&p, 0, sizeof(p));
    p.addr = e->addr;
    p.timeout = dp->timeout;
    p.tls = e->tls;
    p.request = hx_engine_request;

    rc = hx_probe_run(&p);
    where = hx_deploy_addr(&e->addr);

    if (rc != HX_PROBE_OK) {
        hx_line_unknown(l, "the engine must be running, see --timeout",
                        "%s: %s", where, p.why);

    } else if (p.status == 401) {
        hx_line_pass(l, "%s answers 401 without the service key", where);

    } else if (p.status >= 500) {
        hx_line_unknown(l, "look at the engine's log", "%s answers %u", where,
                        p.status);

    } else {
        hx_line_fail(l, "HOLONOMIX_REQUIRE_AUTH=true in the engine's "
                     "environment, with the service key", "%s answers %u "
                     "without the service key", where, p.status);
    }
}


void
hx_item_engine_auth(const hx_deploy_t *dp, hx_line_t *l)
{
    unsigned                 i, asked;
    const hx_site_engine_t  *e;

    asked = 0;
    if (dp->site.n_engines == 0) {
        hx_line_na(l, "no gated location leads to an engine");
    }

    for (i = 0; i < dp->site.n_engines; i++) {
        e = &dp->site.engines[i];

        if (e->unknown) {
            hx_line_unknown(l, "proxy_pass to an upstream by its name",
                            "%s: the address is not known before a request is",
                            hx_deploy_where(dp, e->node));

        } else if (!hx_engine_again(dp, i)) {
            if (asked++ == HX_ITEM_ASKED) {
                hx_line_unknown(l, NULL, "more than %d engines",
                                HX_ITEM_ASKED);
                return;
            }

            hx_engine_ask(dp, e, l);
        }
    }
}


void
hx_item_engine_tls(const hx_deploy_t *dp, hx_line_t *l)
{
    unsigned                 i;
    hx_str_t                 word;
    const char              *where;
    const hx_site_engine_t  *e;

    if (dp->site.n_engines == 0) {
        hx_line_na(l, "no gated location leads to an engine");
    }

    for (i = 0; i < dp->site.n_engines; i++) {
        e = &dp->site.engines[i];
        where = hx_deploy_where(dp, e->node);

        if (e->unknown) {
            hx_line_unknown(l, "proxy_pass to an upstream by its name",
                            "%s: the address is not known before a request is",
                            where);
            continue;
        }

        if (hx_addr_loopback(&e->addr)) {
            hx_line_pass(l, "%s is on this machine", hx_deploy_addr(&e->addr));
            continue;
        }

        if (!e->tls) {
            hx_line_fail(l, "proxy_pass https://...; and "
                         "HOLONOMIX_TLS_CERT_PATH, HOLONOMIX_TLS_KEY_PATH for "
                         "the engine", "%s: the service key goes to %s in the "
                         "clear", where, hx_deploy_addr(&e->addr));
            continue;
        }

        word = hx_dump_word(dp->dump,
                            hx_dump_up(dp->dump, e->node, "proxy_ssl_verify"),
                            1);

        if (!hx_text_is(&word, "on")) {
            hx_line_fail(l, "proxy_ssl_verify on; "
                         "proxy_ssl_trusted_certificate /path/ca.crt;",
                         "%s: nobody checks who answers as %s", where,
                         hx_deploy_addr(&e->addr));

        } else {
            hx_line_pass(l, "%s by TLS, verified", hx_deploy_addr(&e->addr));
        }
    }
}
