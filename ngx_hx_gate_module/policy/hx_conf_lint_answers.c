/*
 * hx_conf_lint_answers.c -- what is added to answers of the gate, kept of them
 * or done with them, and the error log.
 */

#include "hx_conf_lint_impl.h"


static int
hx_lint_sends_back(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    (void) p;

    return hx_lint_args_use(d, 1, HX_LINT_CREDENTIALS);
}


static int
hx_lint_named(const hx_conf_dir_t *d, const char *lower)
{
    hx_str_t  s;

    s = hx_conf_word(d, 1);

    return hx_text_ieq(s.data, s.len, lower, strlen(lower));
}


static int
hx_lint_any_page(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    (void) p;

    return hx_lint_named(d, "access-control-allow-origin")
           && (hx_lint_word_is(d, 2, "*")
               || hx_lint_args_use(d, 2, "http_origin"));
}


static int
hx_lint_origin_twice(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    const hx_conf_dir_t  *cors;

    cors = hx_lint_nearest(p->block, "hx_gate_cors");

    return hx_lint_named(d, "access-control-allow-origin")
           && cors != NULL && !hx_lint_word_is(cors, 1, "off");
}


static int
hx_lint_shared(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    hx_str_t  s;

    (void) p;

    s = hx_conf_word(d, 2);

    return hx_lint_named(d, "cache-control")
           && (hx_text_has(&s, "public") || hx_text_has(&s, "s-maxage"));
}


/* "max", "1h", "modified +1d"; a map decides over a variable. */

static int
hx_lint_expires(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    hx_str_t  s;

    (void) p;

    s = hx_conf_word(d, d->n - 1);

    return d->n > 1 && s.len != 0 && s.data[0] != '-' && s.data[0] != '$'
           && !hx_lint_is_word(&s, "off epoch 0 0s");
}


/* Levels follow the file; "debug_http" and others are for debugging, too. */

static int
hx_lint_debug(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    unsigned  i;

    (void) p;

    for (i = 2; i < d->n; i++) {
        if (hx_lint_is_word(&d->word[i], "debug debug_")) {
            return 1;
        }
    }

    return 0;
}


static int
hx_lint_on(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    (void) p;

    return hx_lint_word_is(d, 1, "on");
}


/* An "if" in the location may well do so. */

static int
hx_lint_not_handled(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    (void) d;

    return hx_conf_is(p->block, "location");
}


static const hx_lint_rule_t  hx_lint_rules[] = {

    { HX_LINT_WARN, HX_AT_WEBHOOK, HX_IN_OWN, "return",
      hx_lint_not_handled,
      "\"%n\" with \"hx_gate_stripe_webhook\" answers before a signature is "
      "looked at: no event is handled" },

    { HX_LINT_WARN, HX_AT_KEYS, HX_IN_NEAREST, "add_header sub_filter",
      hx_lint_sends_back,
      "\"%n\" sends a client's credential back: scripts and caches can read "
      "it" },

    { HX_LINT_WARN, HX_AT_KEYS, HX_IN_OWN, "return rewrite",
      hx_lint_sends_back,
      "\"%n\" sends a client's credential back: it is before \"hx_gate\", "
      "which would have taken it away" },

    { HX_LINT_WARN, HX_AT_KEYS, HX_IN_NEAREST, "add_header",
      hx_lint_any_page,
      "\"%n Access-Control-Allow-Origin\" lets any page read answers: name "
      "origins with \"hx_gate_cors\"" },

    { HX_LINT_WARN, HX_AT_GATED, HX_IN_NEAREST, "add_header",
      hx_lint_origin_twice,
      "\"%n Access-Control-Allow-Origin\" beside \"hx_gate_cors\": browsers "
      "refuse an answer that has it twice" },

    { HX_LINT_WARN, HX_AT_KEYS, HX_IN_NEAREST, "add_header",
      hx_lint_shared,
      "\"%n Cache-Control\" lets shared caches give answers to whoever asks "
      "next, past \"hx_gate\"" },

    { HX_LINT_WARN, HX_AT_KEYS, HX_IN_NEAREST, "expires",
      hx_lint_expires,
      "\"%n\" lets caches between here and the clients give answers to "
      "whoever asks next, past \"hx_gate\"" },

    { HX_LINT_WARN, HX_AT_KEYS, HX_IN_NEAREST, "error_log",
      hx_lint_debug,
      "\"%n\" at level \"debug\" has the headers of requests in it, "
      "credentials too" },

    { HX_LINT_WARN, HX_AT_GATED, HX_IN_NEAREST, "ssi",
      hx_lint_on,
      "\"%n on\" makes nginx obey commands in what tenants have stored" },

    { HX_LINT_WARN, HX_AT_GATED, HX_IN_NEAREST, "autoindex",
      hx_lint_on,
      "\"%n on\" lists what is stored to whoever may name one namespace" },

    { HX_LINT_WARN, HX_AT_GATED, HX_IN_NEAREST, "client_body_in_file_only",
      hx_lint_on,
      "\"%n on\" leaves the bodies of tenants on the disk: \"clean\" removes "
      "them" }
};


const hx_lint_rules_t  hx_lint_answers = {
    hx_lint_rules, hx_nelts(hx_lint_rules)
};
