/*
 * hx_check_site.c -- see the header.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hx_check_site.h"
#include "hx_text.h"

#define HX_SITE_OFF      1
#define HX_SITE_ON       2
#define HX_SITE_SHADOW   3


static hx_rc_t
hx_site_full(const char *what, char *err)
{
    (void) snprintf(err, HX_DUMP_ERR, "too many %s", what);

    return HX_FAIL;
}


unsigned
hx_site_server(const hx_dump_t *d, unsigned node)
{
    while (node != 0 && !hx_dump_is(d, node, "server")) {
        node = hx_dump_parent(d, node);
    }

    return node;
}


int
hx_site_param(const hx_dump_t *d, unsigned id, const char *name,
    hx_str_t *value)
{
    unsigned  i;
    hx_str_t  word;

    for (i = 1; i < hx_dump_words(d, id); i++) {
        word = hx_dump_word(d, id, i);

        if (hx_text_after(&word, name, value)) {
            return 1;
        }
    }

    return 0;
}


int
hx_site_flag(const hx_dump_t *d, unsigned id, const char *word)
{
    unsigned  i;
    hx_str_t  s;

    for (i = 1; i < hx_dump_words(d, id); i++) {
        s = hx_dump_word(d, id, i);

        if (hx_text_is(&s, word)) {
            return 1;
        }
    }

    return 0;
}


/*
 * What "hx_gate" is in every block, one pass over all of them: asked for each
 * by itself the time would grow with the square of a configuration.
 */

static hx_rc_t
hx_site_gates(hx_site_t *site, char *err)
{
    unsigned          id, parent;
    hx_str_t          word;
    const hx_dump_t  *d = site->dump;

    site->gates = calloc(hx_dump_end(d), 1);

    if (site->gates == NULL) {
        (void) snprintf(err, HX_DUMP_ERR, "out of memory");
        return HX_FAIL;
    }

    for (id = HX_DUMP_ROOT; id < hx_dump_end(d); id++) {
        parent = hx_dump_parent(d, id);

        if (hx_dump_is(d, id, "hx_gate") && site->gates[parent] == 0) {
            word = hx_dump_word(d, id, 1);

            site->gates[parent] = hx_text_is(&word, "on") ? HX_SITE_ON
                                  : hx_text_is(&word, "shadow")
                                  ? HX_SITE_SHADOW : HX_SITE_OFF;
        }
    }

    for (id = HX_DUMP_ROOT; id < hx_dump_end(d); id++) {
        if (site->gates[id] == 0) {
            site->gates[id] = site->gates[hx_dump_parent(d, id)];
        }
    }

    return HX_OK;
}


/* The location around a directive, if its gate is on; *shadow. */

static unsigned
hx_site_gated(const hx_site_t *site, unsigned node, int *shadow)
{
    *shadow = site->gates[node] == HX_SITE_SHADOW;

    if (site->gates[node] != HX_SITE_ON && !*shadow) {
        return 0;
    }

    while (node != 0 && !hx_dump_is(site->dump, node, "location")) {
        node = hx_dump_parent(site->dump, node);
    }

    return node;
}


static hx_rc_t
hx_site_location(hx_site_t *site, unsigned node, char *err)
{
    int                  shadow;
    hx_site_location_t  *l;

    if (hx_site_gated(site, node, &shadow) == 0) {
        return HX_OK;
    }

    if (site->n_locations == HX_SITE_LOCATIONS) {
        return hx_site_full("gated locations", err);
    }

    l = &site->locations[site->n_locations++];
    l->node = node;
    l->server = hx_site_server(site->dump, node);
    l->shadow = shadow != 0;

    return HX_OK;
}


static hx_rc_t
hx_site_engine(hx_site_t *site, const hx_site_engine_t *e, char *err)
{
    if (site->n_engines == HX_SITE_ENGINES) {
        return hx_site_full("engines", err);
    }

    site->engines[site->n_engines++] = *e;

    return HX_OK;
}


/* The upstream block of that name, or 0. */

static unsigned
hx_site_upstream(const hx_dump_t *d, const hx_str_t *name)
{
    unsigned  outer, id;
    hx_str_t  word;

    for (outer = hx_dump_child(d, HX_DUMP_ROOT); outer != 0;
         outer = hx_dump_next(d, outer))
    {
        for (id = hx_dump_find(d, outer, "upstream", 0); id != 0;
             id = hx_dump_find(d, outer, "upstream", id))
        {
            word = hx_dump_word(d, id, 1);

            if (hx_dump_words(d, id) == 2 && hx_text_eq(&word, name)) {
                return id;
            }
        }
    }

    return 0;
}


/*
 * The host of a URL, up to the path; with unix sockets a ':' ends it.  Without
 * a scheme it is one of "stream".
 */

static hx_str_t
hx_site_authority(const hx_str_t *url, unsigned *tls)
{
    size_t    i;
    hx_str_t  s, rest;

    s = *url;
    *tls = hx_text_after(url, "https://", &rest);

    if (*tls || hx_text_after(url, "http://", &rest)) {
        s = rest;
    }

    if (hx_text_after(&s, "unix:", &rest)) {
        for (i = 5; i < s.len && s.data[i] != ':'; i++) { /* void */ }

    } else {
        for (i = 0; i < s.len && s.data[i] != '/' && s.data[i] != '?'; i++) {
            /* void */
        }
    }

    s.len = i;

    return s;
}


/* Every address that a "proxy_pass" leads to, added by add(). */

static hx_rc_t
hx_site_targets(hx_site_t *site, unsigned node, unsigned location,
    hx_rc_t (*add)(hx_site_t *site, const hx_site_engine_t *e, char *err),
    char *err)
{
    hx_rc_t           rc;
    unsigned          tls, upstream, id;
    hx_str_t          url, name;
    hx_site_engine_t  e;

    memset(&e, 0, sizeof(e));

    url = hx_dump_word(site->dump, node, 1);
    name = hx_site_authority(&url, &tls);
    e.node = node;
    e.location = location;
    e.tls = tls & 1;

    if (url.len != 0 && memchr(url.data, '$', url.len) != NULL
        && (name.len == 0 || memchr(name.data, '$', name.len) != NULL))
    {
        e.unknown = 1;
        return add(site, &e, err);
    }

    upstream = hx_site_upstream(site->dump, &name);

    if (upstream == 0) {
        e.unknown = hx_addr_parse(&e.addr, &name, tls ? 443 : 80, 0) != HX_OK;
        return add(site, &e, err);
    }

    rc = HX_OK;

    for (id = hx_dump_find(site->dump, upstream, "server", 0);
         rc == HX_OK && id != 0;
         id = hx_dump_find(site->dump, upstream, "server", id))
    {
        if (hx_site_flag(site->dump, id, "down")) {
            continue;
        }

        name = hx_dump_word(site->dump, id, 1);
        e.unknown = hx_addr_parse(&e.addr, &name, 80, 0) != HX_OK;
        rc = add(site, &e, err);
    }

    return rc;
}


/* A target of a proxy_pass past the gate: is it one of the engines? */

static hx_rc_t
hx_site_way(hx_site_t *site, const hx_site_engine_t *e, char *err)
{
    unsigned  i;

    for (i = 0; i < site->n_engines; i++) {
        if (!e->unknown && !site->engines[i].unknown
            && hx_addr_same(&e->addr, &site->engines[i].addr))
        {
            break;
        }
    }

    if (i == site->n_engines
        || (site->n_ways != 0 && site->ways[site->n_ways - 1] == e->node))
    {
        return HX_OK;
    }

    if (site->n_ways == HX_SITE_WAYS) {
        return hx_site_full("ways past the gate", err);
    }

    site->ways[site->n_ways++] = e->node;

    return HX_OK;
}


unsigned
hx_site_walk(const hx_dump_t *d, unsigned id)
{
    if (hx_dump_child(d, id) != 0) {
        return hx_dump_child(d, id);
    }

    while (id != 0 && hx_dump_next(d, id) == 0) {
        id = hx_dump_parent(d, id);
    }

    return id != 0 ? hx_dump_next(d, id) : 0;
}


static hx_rc_t
hx_site_collect(hx_site_t *site, char *err)
{
    int               ours, shadow;
    hx_rc_t           rc;
    unsigned          id, location;
    hx_str_t          word, rest;
    const hx_dump_t  *d = site->dump;

    ours = 0;
    rc = HX_OK;

    for (id = hx_site_walk(d, HX_DUMP_ROOT); rc == HX_OK && id != 0;
         id = hx_site_walk(d, id))
    {
        word = hx_dump_word(d, id, 0);

        if (hx_text_is(&word, "location")) {
            rc = hx_site_location(site, id, err);

        } else if (hx_text_is(&word, "proxy_pass")) {
            if (site->n_passes++ == HX_SITE_PASSES) {
                return hx_site_full("proxy_pass", err);
            }

            location = hx_site_gated(site, id, &shadow);

            if (location != 0) {
                rc = hx_site_targets(site, id, location, hx_site_engine, err);
            }

        } else if (hx_text_is(&word, "hx_gate_stripe_webhook")) {
            if (site->n_hooks == HX_SITE_HOOKS) {
                return hx_site_full("webhooks", err);
            }

            site->hooks[site->n_hooks++] = id;

        } else if (hx_text_is(&word, "hx_gate_admin")) {
            if (site->n_admins == HX_SITE_ADMINS) {
                return hx_site_full("admin locations", err);
            }

            site->admins[site->n_admins++] = id;
        }

        ours |= hx_text_after(&word, "hx_gate", &rest);
    }

    return rc != HX_OK || ours ? rc : HX_NO;
}


static hx_rc_t
hx_site_listen(hx_site_t *site, unsigned server, unsigned id, char *err)
{
    hx_str_t           word;
    hx_site_listen_t  *l;
    const hx_str_t     dflt = hx_string("80");
    const hx_dump_t   *d = site->dump;

    if (site->n_listens == HX_SITE_LISTENS) {
        return hx_site_full("listeners", err);
    }

    l = &site->listens[site->n_listens++];
    memset(l, 0, sizeof(hx_site_listen_t));
    l->server = server;
    l->node = id != 0 ? id : server;
    word = id != 0 ? hx_dump_word(d, id, 1) : dflt;

    if (hx_addr_parse(&l->addr, &word, 80, 1) != HX_OK) {
        (void) snprintf(err, HX_DUMP_ERR, "a listener is not understood");
        return HX_FAIL;
    }

    if (id != 0) {
        l->ssl = hx_site_flag(d, id, "ssl") != 0;
        l->quic = hx_site_flag(d, id, "quic") != 0;
        l->proxy = hx_site_flag(d, id, "proxy_protocol") != 0;
    }

    word = hx_dump_word(d, hx_dump_up(d, server, "ssl"), 1);

    if (hx_text_is(&word, "on")) {
        l->ssl = 1;
    }

    return HX_OK;
}


/* Of the server around a location of ours. */

static hx_rc_t
hx_site_listeners(hx_site_t *site, unsigned node, char *err)
{
    hx_rc_t   rc;
    unsigned  id, i, server;

    server = hx_site_server(site->dump, node);

    if (server == 0) {
        return HX_OK;
    }

    for (i = 0; i < site->n_listens; i++) {
        if (site->listens[i].server == server) {
            return HX_OK;
        }
    }

    id = hx_dump_find(site->dump, server, "listen", 0);

    do {
        rc = hx_site_listen(site, server, id, err);

        if (id != 0) {
            id = hx_dump_find(site->dump, server, "listen", id);
        }

    } while (rc == HX_OK && id != 0);

    return rc;
}


/* Ways past the gate: only now all engines are known. */

static hx_rc_t
hx_site_find_ways(hx_site_t *site, char *err)
{
    int       shadow;
    hx_rc_t   rc;
    unsigned  id;

    rc = HX_OK;

    for (id = HX_DUMP_ROOT; rc == HX_OK && id != 0;
         id = hx_site_walk(site->dump, id))
    {
        if (hx_dump_is(site->dump, id, "proxy_pass")
            && hx_site_gated(site, id, &shadow) == 0)
        {
            rc = hx_site_targets(site, id, 0, hx_site_way, err);
        }
    }

    return rc;
}


hx_rc_t
hx_site_read(hx_site_t *site, const hx_dump_t *d, char *err)
{
    hx_rc_t   rc;
    unsigned  i;

    memset(site, 0, sizeof(hx_site_t));
    site->dump = d;
    site->http = hx_dump_find(d, HX_DUMP_ROOT, "http", 0);

    rc = hx_site_gates(site, err);

    if (rc == HX_OK) {
        rc = hx_site_collect(site, err);
    }

    for (i = 0; rc == HX_OK && i < site->n_locations; i++) {
        rc = hx_site_listeners(site, site->locations[i].node, err);
    }

    /* the service key and the events of Stripe come in there */

    for (i = 0; rc == HX_OK && i < site->n_admins; i++) {
        rc = hx_site_listeners(site, site->admins[i], err);
    }

    for (i = 0; rc == HX_OK && i < site->n_hooks; i++) {
        rc = hx_site_listeners(site, site->hooks[i], err);
    }

    if (rc == HX_OK) {
        rc = hx_site_find_ways(site, err);
    }

    free(site->gates);
    site->gates = NULL;

    return rc;
}
