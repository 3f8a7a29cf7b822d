/*
 * hx_conf_lint_credentials.c -- where credentials and the names that the gate
 * gives a request go, and who else wants the Authorization header.
 */

#include "hx_conf_lint_impl.h"


/*
 * Is the header, or the parameter that FastCGI and its like take for one, that
 * name?  name: lower case, "-" for any separator.
 */

static int
hx_lint_is_header(const hx_conf_dir_t *d, const char *name)
{
    size_t         i, len;
    hx_str_t       s;
    unsigned char  c;

    s = hx_conf_word(d, 1);

    if (hx_lint_is_word(&d->word[0], "fastcgi_param uwsgi_param scgi_param")) {
        if (!hx_text_begins(&s, "HTTP_")) {
            return 0;
        }

        s.data += 5;
        s.len -= 5;
    }

    len = strlen(name);

    if (s.len != len) {
        return 0;
    }

    for (i = 0; i < len; i++) {
        c = s.data[i];

        if (c >= 'A' && c <= 'Z') {
            c |= 0x20;
        }

        if ((c == '_' ? '-' : c) != (unsigned char) name[i]) {
            return 0;
        }
    }

    return 1;
}


/* Is the value this variable and nothing else? */

static int
hx_lint_is_variable(const hx_conf_dir_t *d, const char *name)
{
    size_t    len;
    hx_str_t  s;

    s = hx_conf_word(d, 2);
    len = strlen(name);

    if (s.len < 1 || s.data[0] != '$') {
        return 0;
    }

    s.data++;
    s.len--;

    if (s.len == len + 2 && s.data[0] == '{') {
        s.data++;
        s.len -= 2;
    }

    return s.len == len && memcmp(s.data, name, len) == 0;
}


static int
hx_lint_hands_on(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    p->arg = hx_conf_word(d, 1);

    return hx_lint_args_use(d, 2, HX_LINT_CREDENTIALS);
}


static int
hx_lint_other_authorization(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    p->arg = hx_conf_word(d, 1);

    return hx_lint_is_header(d, "authorization")
           && !hx_lint_args_use(d, 2, "hx_gate_service_key "
                                HX_LINT_CREDENTIALS);
}


static int
hx_lint_other_tenant(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    p->arg = hx_conf_word(d, 1);

    return (hx_lint_is_header(d, "x-hx-tenant")
            && !hx_lint_is_variable(d, "hx_gate_tenant"))
           || (hx_lint_is_header(d, "x-hx-namespace")
               && !hx_lint_is_variable(d, "hx_gate_namespace"));
}


static int
hx_lint_other_request_id(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    p->arg = hx_conf_word(d, 1);

    return hx_lint_is_header(d, "x-request-id")
           && !hx_lint_is_variable(d, "hx_gate_request_id");
}


/* In this very location: what is inherited may be meant for others. */

static int
hx_lint_no_key_here(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    return hx_lint_args_use(d, 2, "hx_gate_service_key")
           && hx_lint_pass(p->block) != NULL;
}


/* Headers that the request does not have are those that are set. */

static int
hx_lint_sets(const hx_conf_dir_t *block, const char *directive,
    const char *header)
{
    const hx_conf_dir_t  *d;

    for (d = hx_lint_nearest(block, directive); d != NULL; d = d->next) {
        if (hx_conf_is(d, directive) && hx_lint_is_header(d, header)) {
            return 1;
        }
    }

    return 0;
}


static int
hx_lint_drops_headers(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    const char  *set;

    if (!hx_lint_word_is(d, 1, "off")) {
        return 0;
    }

    set = hx_text_begins(&d->word[0], "proxy") ? "proxy_set_header"
          : hx_text_begins(&d->word[0], "fastcgi") ? "fastcgi_param"
          : hx_text_begins(&d->word[0], "uwsgi") ? "uwsgi_param"
          : "scgi_param";

    return !hx_lint_sets(p->block, set, "authorization")
           || !hx_lint_sets(p->block, set, "x-hx-tenant")
           || !hx_lint_sets(p->block, set, "x-hx-namespace");
}


static int
hx_lint_keeps(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    (void) p;

    return hx_lint_args_use(d, 1, HX_LINT_CREDENTIALS);
}


static int
hx_lint_logs(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    hx_str_t              name;
    const hx_conf_dir_t  *format;

    if (hx_lint_word_is(d, 1, "off")) {
        return 0;
    }

    name = hx_conf_word(d, 2);
    p->arg = name;

    for (format = hx_lint_own(p->run->http, "log_format"); format;
         format = format->same)
    {
        if (format->n > 2 && hx_text_eq(&format->word[1], &name)) {
            return hx_lint_args_use(format, 2, HX_LINT_CREDENTIALS
                                    " http_stripe_signature");
        }
    }

    return 0;
}


static int
hx_lint_not_off(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    (void) p;

    return !hx_lint_word_is(d, 1, "off");
}


static int
hx_lint_takes_any_name(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    (void) p;

    return hx_lint_word_is(d, 1, "off");
}


static const hx_lint_rule_t  hx_lint_rules[] = {

    { HX_LINT_ERROR, HX_AT_ON, HX_IN_NEAREST, HX_LINT_SET_HEADERS,
      hx_lint_hands_on,
      "\"%n %a\" hands a client's credential on where \"hx_gate\" is on: the "
      "engine gets the service key and nothing else" },

    { HX_LINT_WARN, HX_AT_ON, HX_IN_NEAREST, HX_LINT_SET_HEADERS,
      hx_lint_other_authorization,
      "\"%n %a\" takes the place of the service key where \"hx_gate\" is on: "
      "the engine would refuse every request" },

    { HX_LINT_ERROR, HX_AT_ON, HX_IN_NEAREST, HX_LINT_SET_HEADERS,
      hx_lint_other_tenant,
      "\"%n %a\" takes the place of what \"hx_gate\" has found out: the engine "
      "would act for another tenant or namespace" },

    { HX_LINT_WARN, HX_AT_ON, HX_IN_NEAREST, HX_LINT_SET_HEADERS,
      hx_lint_other_request_id,
      "\"%n %a\" takes the place of the gate's request id: what the engine "
      "logs cannot be found in the audit trail" },

    { HX_LINT_WARN, HX_AT_OPEN, HX_IN_OWN, HX_LINT_SET_HEADERS,
      hx_lint_no_key_here,
      "\"$hx_gate_service_key\" is always empty in location \"%l\", where "
      "\"hx_gate\" is off" },

    { HX_LINT_WARN, HX_AT_ON, HX_IN_NEAREST,
      "proxy_pass_request_headers fastcgi_pass_request_headers "
      "uwsgi_pass_request_headers scgi_pass_request_headers",
      hx_lint_drops_headers,
      "\"%n off\" drops the service key, tenant and namespace that "
      "\"hx_gate\" adds" },

    { HX_LINT_WARN, HX_AT_ON|HX_AT_ADMIN|HX_AT_WEBHOOK, HX_IN_ALL,
      "set limit_req_zone limit_conn_zone",
      hx_lint_keeps,
      "\"%n\" keeps a client's credential before \"hx_gate\" can take it "
      "away" },

    { HX_LINT_WARN, HX_AT_KEYS, HX_IN_NEAREST, "access_log",
      hx_lint_logs,
      "the format \"%a\" of \"%n\" has credentials of clients in it" },

    { HX_LINT_WARN, HX_AT_ON|HX_AT_ADMIN, HX_IN_NEAREST, "auth_basic auth_jwt",
      hx_lint_not_off,
      "\"%n\" beside the gate refuses everybody: both read \"Authorization\", "
      "and the gate takes it away" },

    { HX_LINT_WARN, HX_AT_ON, HX_IN_NEAREST, "ignore_invalid_headers",
      hx_lint_takes_any_name,
      "\"%n off\" lets header names through that \"hx_gate\" does not know "
      "for its own, and an engine might" }
};


const hx_lint_rules_t  hx_lint_credentials = {
    hx_lint_rules, hx_nelts(hx_lint_rules)
};


static const hx_lint_rule_t  hx_lint_key_rule = {
    HX_LINT_ERROR, 0, HX_IN_OWN, NULL, NULL,
    "\"%n\" hands the service key out: \"$hx_gate_service_key\" is for the "
    "headers of requests to the engine only"
};


void
hx_lint_service_key(hx_lint_run_t *run, hx_conf_dir_t *block)
{
    hx_conf_dir_t    *d;
    hx_lint_place_t   p;

    memset(&p, 0, sizeof(hx_lint_place_t));
    p.run = run;
    p.block = block;

    for (d = block->plain.first; d != NULL; d = d->next) {
        if (hx_lint_args_use(d, 0, "hx_gate_service_key")
            && !hx_lint_is_word(&d->word[0], HX_LINT_SET_HEADERS))
        {
            hx_lint_say(&hx_lint_key_rule, HX_LINT_SERVICE_KEY, &p, d);
        }
    }

    for (d = block->blocks.first; d != NULL; d = d->next) {
        if (hx_lint_args_use(d, 1, "hx_gate_service_key")) {
            hx_lint_say(&hx_lint_key_rule, HX_LINT_SERVICE_KEY, &p, d);
        }

        hx_lint_service_key(run, d);
    }
}
