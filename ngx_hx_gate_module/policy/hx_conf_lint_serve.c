/*
 * hx_conf_lint_serve.c -- who can reach the gate, and how: listeners, TLS,
 * addresses that are let in; what the processes are; what is recorded.
 */

#include "hx_conf_lint_impl.h"


/*
 * Something in front may have taken the TLS off, and says who the client is;
 * or what comes in the clear is sent to TLS.
 */

static int
hx_lint_plain(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    const hx_conf_dir_t  *at, *b;

    p->arg = hx_conf_word(d, 1);

    if (((p->what & HX_AT_GATED) && p->pass == NULL)
        || hx_lint_answered(p->server, p->block)
        || !hx_lint_listens_public(d)
        || hx_lint_has_word(d, "ssl quic proxy_protocol")
        || hx_lint_says(p->server, "ssl", "on")
        || hx_lint_nearest(p->server, "set_real_ip_from") != NULL)
    {
        return 0;
    }

    for (at = p->block; at != p->server->parent; at = at->parent) {
        for (b = at->blocks.first; b != NULL; b = b->next) {
            if (hx_conf_is(b, "if")
                && hx_lint_args_use(b, 1, "scheme https http_x_forwarded_proto "
                                    "http_x_forwarded_ssl"))
            {
                return 0;
            }
        }
    }

    return 1;
}


static int
hx_lint_old_tls(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    unsigned  i;

    for (i = 1; i < d->n; i++) {
        if (hx_lint_is_word(&d->word[i], "SSLv2 SSLv3 TLSv1 TLSv1.1")) {
            p->arg = d->word[i];

            return !hx_conf_is(d, "ssl_protocols")
                   || hx_lint_has_tls(p->server);
        }
    }

    return 0;
}


static int
hx_lint_weak_cipher(const hx_str_t *s)
{
    size_t  i;

    static const char *const  weak[] = {
        "NULL", "EXP", "RC4", "DES", "MD5", "ADH", "AECDH", "LOW",
        "SECLEVEL=0"
    };

    if (s->len == 0 || s->data[0] == '!' || s->data[0] == '-'
        || s->data[0] == '+')
    {
        return 0;
    }

    for (i = 0; i < hx_nelts(weak); i++) {
        if (hx_text_has(s, weak[i])) {
            return 1;
        }
    }

    return 0;
}


static int
hx_lint_weak(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    size_t    i;
    hx_str_t  s, all;

    all = hx_conf_word(d, 1);

    for (i = 0; i < all.len; i++) {
        s.data = all.data + i;

        while (i < all.len && all.data[i] != ':' && all.data[i] != ','
               && all.data[i] != ' ')
        {
            i++;
        }

        s.len = (size_t) (all.data + i - s.data);

        if (hx_lint_weak_cipher(&s)) {
            p->arg = s;
            return hx_lint_has_tls(p->server);
        }
    }

    return 0;
}


static int
hx_lint_says_on(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    (void) p;

    return hx_lint_word_is(d, 1, "on");
}


/* "allow all" says that it is meant; with another one see below. */

static int
hx_lint_open(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    const hx_conf_dir_t  *level;

    if (!hx_conf_is(d, "location") || !hx_lint_public(p->server)
        || hx_lint_is_narrowed(p->server, d)
        || hx_lint_own(d, "internal") != NULL)
    {
        return 0;
    }

    level = hx_lint_access(d);

    return level == NULL || hx_lint_own(level, "allow") == NULL;
}


/* A tenant's own usage is for tenants. */

static int
hx_lint_admin_open(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    return !hx_lint_word_is(d, 2, "/gate/usage")
           && !hx_lint_word_is(d, 1, "=/gate/usage") && hx_lint_open(p, d);
}


static int
hx_lint_allows_all(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    return !hx_lint_word_is(d, 1, "all") && hx_lint_public(p->server)
           && hx_lint_access(p->block) == d->parent
           && !hx_lint_is_narrowed(p->server, p->block);
}


static int
hx_lint_any_proxy(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    p->arg = hx_conf_word(d, 1);

    return hx_lint_is_word(&p->arg, "0.0.0.0/0 ::/0")
           && hx_lint_public(p->server)
           && hx_lint_nearest(p->block, "allow") != NULL;
}


static int
hx_lint_root(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    (void) p;

    return hx_lint_word_is(d, 1, "root");
}


static int
hx_lint_core(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    (void) p;

    return !hx_lint_word_is(d, 1, "0");
}


static int
hx_lint_shadow(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    (void) d;

    return hx_lint_public(p->server);
}


static int
hx_lint_not_recorded(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    (void) p;

    return hx_lint_word_is(d, 1, "off");
}


/* "/gate/" and "/gate/x" can be in the location of "/", "/gate/", "/gate/x" */

static int
hx_lint_no_admin_path(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    hx_str_t  s;

    static const hx_str_t  gate = hx_string("/gate/");

    s = hx_conf_word(d, d->n - 1);

    if (!hx_conf_is(d, "location") || s.len == 0 || s.data[0] != '/'
        || hx_lint_nearest(d, "rewrite") != NULL
        || hx_lint_word_is(d, 1, "~") || hx_lint_word_is(d, 1, "~*"))
    {
        return 0;
    }

    p->arg = s;

    if (s.len >= gate.len || hx_lint_word_is(d, 1, "=")) {
        return !hx_text_begins(&s, "/gate/");
    }

    return memcmp(gate.data, s.data, s.len) != 0;
}


static const hx_lint_rule_t  hx_lint_rules[] = {

    { HX_LINT_WARN, HX_AT_KEYS, HX_IN_NEAREST, "listen",
      hx_lint_plain,
      "\"%n %a\" without TLS where the gate is: keys of tenants or of the "
      "operator are in the clear" },

    { HX_LINT_WARN, HX_AT_KEYS, HX_IN_NEAREST, "ssl_protocols",
      hx_lint_old_tls,
      "\"%n %a\" where the gate is: TLS below 1.2 can be broken" },

    { HX_LINT_WARN, HX_AT_ON, HX_IN_NEAREST,
      "proxy_ssl_protocols grpc_ssl_protocols uwsgi_ssl_protocols",
      hx_lint_old_tls,
      "\"%n %a\" to the engine: TLS below 1.2 can be broken" },

    { HX_LINT_WARN, HX_AT_KEYS, HX_IN_NEAREST, "ssl_ciphers",
      hx_lint_weak,
      "\"%n\" has \"%a\" where the gate is: such a cipher can be broken" },

    { HX_LINT_WARN, HX_AT_KEYS, HX_IN_NEAREST, "ssl_early_data",
      hx_lint_says_on,
      "\"%n on\" where the gate is: whoever is on the way can send a request "
      "again, which is done and charged again" },

    { HX_LINT_WARN, HX_AT_ADMIN, HX_IN_NEAREST, NULL,
      hx_lint_admin_open,
      "\"hx_gate_admin\" is open to everybody: there is no \"deny all\" in "
      "location \"%l\"" },

    { HX_LINT_WARN, HX_AT_METRICS, HX_IN_NEAREST, NULL,
      hx_lint_open,
      "\"hx_gate_metrics\" is open to everybody: there is no \"deny all\" in "
      "location \"%l\"" },

    { HX_LINT_WARN, HX_AT_ADMIN|HX_AT_METRICS, HX_IN_NEAREST, "allow",
      hx_lint_allows_all,
      "\"%n\" without \"deny all\" keeps nobody out" },

    { HX_LINT_ERROR, HX_AT_ADMIN|HX_AT_METRICS, HX_IN_NEAREST,
      "set_real_ip_from",
      hx_lint_any_proxy,
      "\"%n %a\": every client can say which address it has, and \"allow\" "
      "believes it" },

    { HX_LINT_WARN, HX_AT_KEYS, HX_IN_NEAREST, "user",
      hx_lint_root,
      "\"%n root\" where the gate is: workers read what clients send, they "
      "need no rights" },

    { HX_LINT_WARN, HX_AT_KEYS, HX_IN_NEAREST, "worker_rlimit_core",
      hx_lint_core,
      "\"%n\" where the gate is: a core dump has the service key in it" },

    { HX_LINT_WARN, HX_AT_SHADOW, HX_IN_NEAREST, "hx_gate",
      hx_lint_shadow,
      "\"%n shadow\" on a public listener refuses nobody" },

    { HX_LINT_WARN, HX_AT_GATED|HX_AT_ADMIN, HX_IN_NEAREST,
      "hx_gate_audit_log",
      hx_lint_not_recorded,
      "\"%n off\": nobody will know who has done what" },

    { HX_LINT_WARN, HX_AT_ADMIN, HX_IN_NEAREST, NULL,
      hx_lint_no_admin_path,
      "\"hx_gate_admin\" in location \"%a\" answers nothing: its paths begin "
      "with \"/gate/\"" }
};


const hx_lint_rules_t  hx_lint_serve = {
    hx_lint_rules, hx_nelts(hx_lint_rules)
};
