/*
 * hx_check_gate.c -- is the gate on, with no way past it, and which pages may
 * read its answers?
 */

#include <string.h>

#include "hx_check_items.h"
#include "hx_origin.h"
#include "hx_text.h"

#define HX_CORS_ENV      "HX_GATE_CORS_ORIGINS"
#define HX_CORS_FIX      "hx_gate_cors https://your.origin; or hx_gate_cors " \
                         "off;"
#define HX_CORS_ORIGIN   "https://hx-gate-check.invalid"
#define HX_CORS_FIELD    "access-control-allow-origin"


void
hx_item_gate(const hx_deploy_t *dp, hx_line_t *l)
{
    unsigned  i;

    if (dp->site.n_locations == 0) {
        hx_line_fail(l, "hx_gate on; in the location of the engine",
                     "hx_gate is on nowhere");
    }

    for (i = 0; i < dp->site.n_locations; i++) {
        if (dp->site.locations[i].shadow) {
            hx_line_fail(l, "hx_gate on;", "%s: the gate only records what it "
                         "would refuse",
                         hx_deploy_where(dp, dp->site.locations[i].node));
        }
    }

    for (i = 0; i < dp->site.n_ways; i++) {
        hx_line_fail(l, "hx_gate on; in that location, or no proxy_pass there",
                     "%s: leads to the engine past the gate",
                     hx_deploy_where(dp, dp->site.ways[i]));
    }

    if (l->result < HX_LINE_PASS) {
        hx_line_pass(l, "on in %u location%s, no way past it",
                     dp->site.n_locations,
                     dp->site.n_locations == 1 ? "" : "s");
    }
}


/* One word; 0 after a failure. */

static int
hx_cors_word(const hx_str_t *word, const char *where, hx_line_t *l)
{
    hx_str_t     rest;
    const char  *why;

    if (hx_text_is(word, "off") || hx_text_is(word, "credentials")
        || hx_text_after(word, "max_age=", &rest))
    {
        return 1;
    }

    if (hx_text_is(word, "*")) {
        hx_line_fail(l, HX_CORS_FIX, "%s: any page may read answers (\"*\")",
                     where);
        return 0;
    }

    if (hx_origin_check(word->data, word->len, &why) != HX_OK) {
        hx_line_fail(l, HX_CORS_FIX, "%s: an origin %s", where, why);
        return 0;
    }

    if (hx_origin_in_the_clear(word)) {
        hx_line_fail(l, HX_CORS_FIX, "%s: %.*s travels in the clear", where,
                     hx_arg(*word));
        return 0;
    }

    return 1;
}


static int
hx_cors_env(const hx_deploy_t *dp, hx_line_t *l)
{
    int                   good;
    hx_rc_t               rc;
    hx_str_t              list, word;
    const unsigned char  *comma;

    rc = hx_deploy_env(dp, HX_CORS_ENV, &list);

    if (rc == HX_FAIL) {
        hx_line_unknown(l, "hx_gate_cors off; in http (or your origins), or "
                        HX_DEPLOY_ENV_FIX, "the environment of nginx is not "
                        "known, and may have " HX_CORS_ENV);
        return 0;
    }

    if (rc == HX_NO) {
        return 1;
    }

    for (good = 1; list.len != 0; /* void */ ) {
        comma = memchr(list.data, ',', list.len);
        word.data = list.data;
        word.len = comma != NULL ? (size_t) (comma - list.data) : list.len;

        list.data += word.len + (comma != NULL);
        list.len -= word.len + (comma != NULL);

        while (word.len != 0 && word.data[0] == ' ') {
            word.data++;
            word.len--;
        }

        while (word.len != 0 && word.data[word.len - 1] == ' ') {
            word.len--;
        }

        good &= hx_cors_word(&word, HX_CORS_ENV, l);
    }

    return good;
}


/* add_header says it beside the gate; those of the nearest level count. */

static int
hx_cors_added(const hx_deploy_t *dp, unsigned location, hx_line_t *l)
{
    int               good;
    unsigned          id;
    hx_str_t          name, value;
    const hx_dump_t  *d = dp->dump;

    good = 1;

    for (id = hx_dump_up(d, location, "add_header"); id != 0;
         id = hx_dump_find(d, hx_dump_parent(d, id), "add_header", id))
    {
        name = hx_dump_word(d, id, 1);
        value = hx_dump_word(d, id, 2);

        if (hx_text_ieq(name.data, name.len, HX_CORS_FIELD,
                        sizeof(HX_CORS_FIELD) - 1)
            && (hx_text_is(&value, "*")
                || memchr(value.data, '$', value.len) != NULL))
        {
            hx_line_fail(l, HX_CORS_FIX, "%s: any page may read answers",
                         hx_deploy_where(dp, id));
            good = 0;
        }
    }

    return good;
}


static int
hx_cors_ask(const hx_deploy_t *dp, unsigned location, hx_line_t *l)
{
    char           path[HX_SYS_PATH];
    hx_str_t       value;
    hx_probe_t     p;
    hx_probe_rc_t  rc;

    if (!hx_deploy_target(dp, location, "list/default", path)
        || hx_deploy_ask(dp, location, "GET", path,
                         "Origin: " HX_CORS_ORIGIN "\r\n", &p, &rc) != HX_OK)
    {
        return 1;
    }

    if (rc != HX_PROBE_OK) {
        hx_line_unknown(l, "nginx must be running, see --timeout", "%s: %s",
                        hx_deploy_addr(&p.addr), p.why);
        return 0;
    }

    if (hx_probe_header(&p, HX_CORS_FIELD, &value)
        && (hx_text_is(&value, "*") || hx_text_is(&value, HX_CORS_ORIGIN)))
    {
        hx_line_fail(l, HX_CORS_FIX, "%s lets pages of " HX_CORS_ORIGIN
                     " read answers", path);
        return 0;
    }

    return 1;
}


static int
hx_cors_location(const hx_deploy_t *dp, unsigned location, hx_line_t *l)
{
    int       good;
    unsigned  id, k;
    hx_str_t  word;

    id = hx_dump_up(dp->dump, location, "hx_gate_cors");
    good = 1;

    if (id == 0) {
        good = hx_cors_env(dp, l);
    }

    for (k = 1; id != 0 && k < hx_dump_words(dp->dump, id); k++) {
        word = hx_dump_word(dp->dump, id, k);
        good &= hx_cors_word(&word, hx_deploy_where(dp, id), l);
    }

    return good & hx_cors_added(dp, location, l);
}


void
hx_item_cors(const hx_deploy_t *dp, hx_line_t *l)
{
    int       good;
    unsigned  i;

    if (dp->site.n_locations == 0) {
        hx_line_na(l, "no gated location");
        return;
    }

    good = 1;

    for (i = 0; i < dp->site.n_locations; i++) {
        good &= hx_cors_location(dp, dp->site.locations[i].node, l);

        if (i < HX_ITEM_ASKED && l->result <= HX_LINE_PASS) {
            good &= hx_cors_ask(dp, dp->site.locations[i].node, l);
        }
    }

    if (good) {
        hx_line_pass(l, "no origin but those that are named by https");
    }
}
