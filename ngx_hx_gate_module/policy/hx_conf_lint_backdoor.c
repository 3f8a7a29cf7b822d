/*
 * hx_conf_lint_backdoor.c -- ways to an upstream past the gate: a location
 * beside it, a redirect of what it has refused, a copy.
 */

#include "hx_conf_lint_impl.h"


/* Text with variables in it, at whose beginning the location is chosen. */

static const hx_conf_dir_t *
hx_lint_begins_at(const hx_lint_place_t *p, const hx_str_t *uri)
{
    size_t                n;
    hx_str_t              begin;
    unsigned char         buf[HX_LINT_TEXT];
    const unsigned char  *dollar;

    dollar = uri->len != 0 ? memchr(uri->data, '$', uri->len) : NULL;

    if (dollar == NULL || uri->data[0] != '/') {
        return NULL;                    /* one path, or none of this server */
    }

    n = (size_t) (dollar - uri->data);

    if (n >= sizeof(buf)) {
        return NULL;
    }

    memcpy(buf, uri->data, n);
    buf[n] = '/';
    begin.data = buf;
    begin.len = n + (unsigned) hx_lint_is_path(uri, n);

    return hx_lint_target(p->server, &begin);
}


static int
hx_lint_leads_to(const hx_lint_place_t *p, const hx_conf_dir_t *location,
    const hx_str_t *uri)
{
    return hx_lint_begins_at(p, uri) == location;
}


static int
hx_lint_rewrites_to(const hx_lint_place_t *p, const hx_conf_dir_t *location,
    const hx_conf_dir_t *block)
{
    int                   of_server;
    hx_str_t              s;
    const hx_conf_dir_t  *d;

    of_server = block == p->server
                || (hx_conf_is(block, "if") && block->parent == p->server);

    for (d = hx_lint_own(block, "rewrite"); d != NULL; d = d->same) {
        s = hx_conf_word(d, 3);

        /* in a location "break" stays there */

        if (hx_lint_is_word(&s, "redirect permanent")
            || (hx_text_is(&s, "break") && !of_server))
        {
            continue;
        }

        s = hx_conf_word(d, 2);

        if (hx_lint_leads_to(p, location, &s)) {
            return 1;
        }
    }

    return 0;
}


/* Do others than nginx itself choose what is asked of an "internal" one? */

static int
hx_lint_is_led_to(const hx_lint_place_t *p, const hx_conf_dir_t *location,
    const hx_conf_dir_t *block)
{
    hx_str_t              s;
    const hx_conf_dir_t  *d;

    if (hx_lint_own(block, "internal") != NULL) {
        return 0;
    }

    if (hx_lint_rewrites_to(p, location, block)) {
        return 1;
    }

    for (d = hx_lint_own(block, "error_page"); d != NULL; d = d->same) {
        s = hx_conf_word(d, d->n - 1);

        if (hx_lint_leads_to(p, location, &s)) {
            return 1;
        }
    }

    d = hx_lint_own(block, "try_files");

    if (d != NULL && (hx_lint_what(block) & HX_AT_OPEN)) {
        s = hx_conf_word(d, d->n - 1);

        if (!hx_lint_is_narrowed(p->server, block)
            && hx_lint_leads_to(p, location, &s))
        {
            return 1;
        }
    }

    for (d = block->blocks.first; d != NULL; d = d->next) {
        if (hx_lint_is_word(&d->word[0], "location if")
            && hx_lint_is_led_to(p, location, d))
        {
            return 1;
        }
    }

    return 0;
}


static int
hx_lint_is_internal(const hx_lint_place_t *p)
{
    const hx_conf_dir_t  *at;

    if (hx_lint_nearest(p->block, "internal") == NULL) {
        return 0;
    }

    for (at = p->block; !hx_conf_is(at, "location"); at = at->parent) {
        if (at == p->server) {
            return 0;
        }
    }

    return !hx_lint_is_led_to(p, at, p->server);
}


/* One path of the engine, "location = /engine-health", may well be open. */

static int
hx_lint_past_the_gate(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    hx_str_t              s;
    const hx_conf_dir_t  *at;

    for (at = p->block; at != p->server; at = at->parent) {
        s = hx_conf_word(at, at->n - 1);

        if (hx_conf_is(at, "location")
            && (hx_lint_word_is(at, 1, "=") || hx_text_begins(&s, "@")))
        {
            return 0;
        }
    }

    p->arg = hx_lint_authority(d);

    return hx_lint_is_gated_upstream(p->run, d) && hx_lint_public(p->server)
           && !hx_lint_is_narrowed(p->server, p->block)
           && !hx_lint_is_internal(p);
}


/* Is the gate off where that leads to, and is it passed on from there? */

static int
hx_lint_leads_past(hx_lint_place_t *p, const hx_str_t *uri)
{
    const hx_conf_dir_t  *target;

    target = hx_lint_target(p->server, uri);

    return target != NULL && (hx_lint_what(target) & HX_AT_OPEN)
           && hx_lint_pass(target) != NULL;
}


static int
hx_lint_refused_goes_on(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    unsigned  i;

    if (d->n < 3) {
        return 0;
    }

    p->arg = hx_conf_word(d, d->n - 1);

    for (i = 1; i + 1 < d->n; i++) {
        if (hx_lint_is_word(&d->word[i], "401 403 429")) {
            return hx_lint_leads_past(p, &p->arg);
        }
    }

    return 0;
}


static int
hx_lint_tries_past(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    p->arg = hx_conf_word(d, d->n - 1);

    return hx_lint_leads_past(p, &p->arg);
}


/* Requests for another application may leave; those for the engine not. */

static int
hx_lint_rewrites_past(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    hx_str_t              s;
    const hx_conf_dir_t  *target;

    s = hx_conf_word(d, 3);

    if (hx_lint_is_word(&s, "redirect permanent break")) {
        return 0;
    }

    p->arg = hx_conf_word(d, 2);
    target = hx_lint_begins_at(p, &p->arg);

    return target != NULL && (hx_lint_what(target) & HX_AT_OPEN)
           && hx_lint_pass(target) != NULL
           && (p->pass == NULL
               || hx_lint_is_gated_upstream(p->run, hx_lint_pass(target)));
}


static int
hx_lint_mirrors_past(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    p->arg = hx_conf_word(d, 1);

    return hx_lint_leads_past(p, &p->arg);
}


static const hx_lint_rule_t  hx_lint_rules[] = {

    { HX_LINT_WARN, HX_AT_OPEN, HX_IN_OWN,
      "proxy_pass grpc_pass fastcgi_pass uwsgi_pass scgi_pass",
      hx_lint_past_the_gate,
      "\"%n\" to \"%a\" in location \"%l\", where \"hx_gate\" is off: a way "
      "past the gate to what it guards elsewhere" },

    { HX_LINT_WARN, HX_AT_ON, HX_IN_NEAREST, "error_page",
      hx_lint_refused_goes_on,
      "\"%n\" sends what \"hx_gate\" has refused to \"%a\", where the gate is "
      "off and requests are passed on" },

    { HX_LINT_WARN, HX_AT_ON, HX_IN_OWN, "try_files",
      hx_lint_tries_past,
      "\"%n\" leads to \"%a\", where \"hx_gate\" is off: the service key does "
      "not go along" },

    { HX_LINT_WARN, HX_AT_ON, HX_IN_OWN, "rewrite",
      hx_lint_rewrites_past,
      "\"%n\" leads to \"%a\", where \"hx_gate\" is off: it is done before "
      "the gate is asked" },

    { HX_LINT_WARN, HX_AT_ON, HX_IN_NEAREST, "mirror",
      hx_lint_mirrors_past,
      "\"%n\" sends a copy of what tenants send to \"%a\", where \"hx_gate\" "
      "is off" }
};


const hx_lint_rules_t  hx_lint_backdoor = {
    hx_lint_rules, hx_nelts(hx_lint_rules)
};
