/*
 * hx_conf_lint_cache.c -- answers of the engine that nginx keeps: for whom?
 */

#include "hx_conf_lint_impl.h"


#define HX_LINT_MAPS     4              /* one made from the other */
#define HX_LINT_CACHES   "proxy_cache fastcgi_cache uwsgi_cache scgi_cache"


/* "proxy" and tail: the key and the methods of a cache. */

static const hx_conf_dir_t *
hx_lint_of_cache(hx_lint_place_t *p, const hx_conf_dir_t *cache,
    const char *tail)
{
    size_t    len;
    char      name[64];
    hx_buf_t  b;

    len = strlen(tail);

    hx_buf_init(&b, name, sizeof(name) - 1);
    hx_buf_add(&b, cache->word[0].data, cache->word[0].len);
    hx_buf_add(&b, tail, len);
    *b.last = '\0';

    return hx_lint_nearest(p->block, name);
}


static int
hx_lint_caches_post(hx_lint_place_t *p, const hx_conf_dir_t *cache)
{
    unsigned              i;
    const hx_conf_dir_t  *methods;

    methods = hx_lint_of_cache(p, cache, "_methods");

    for (i = 1; methods != NULL && i < methods->n; i++) {
        if (hx_lint_word_is(methods, i, "POST")) {
            return 1;
        }
    }

    return 0;
}


/* Does the request, or nginx, decide alone what the variable is? */

static int
hx_lint_is_plain(const hx_str_t *name)
{
    static const char  known[] =
        "arg_ args query_string is_args cookie_ http_ host hostname uri "
        "document_uri document_root request_uri request request_body "
        "request_method request_length request_id scheme https server_name "
        "server_addr server_port server_protocol remote_addr remote_port "
        "remote_user binary_remote_addr realpath_root request_filename "
        "content_type content_length proxy_host proxy_port "
        "proxy_add_x_forwarded_for time_local time_iso8601 msec nginx_version "
        "pid connection hx_gate_";

    return hx_lint_is_word(name, known);
}


/* The "map" that makes the variable, or NULL. */

static const hx_conf_dir_t *
hx_lint_map(const hx_lint_run_t *run, const hx_str_t *name)
{
    hx_str_t              w;
    const hx_conf_dir_t  *d;

    for (d = run->http->blocks.first; d != NULL; d = d->next) {
        w = hx_conf_word(d, 2);

        if (hx_conf_is(d, "map") && w.len == name->len + 1
            && memcmp(w.data + 1, name->data, name->len) == 0)
        {
            return d;
        }
    }

    return NULL;
}


/* What is known of a key. */
typedef enum {
    HX_LINT_KEY_PLAIN = 0,          /* all of it, and no tenant */
    HX_LINT_KEY_UNKNOWN,            /* who knows what the variable is */
    HX_LINT_KEY_TENANT
} hx_lint_key_t;


static hx_lint_key_t
hx_lint_key_of(const hx_lint_run_t *run, const hx_str_t *s, unsigned depth)
{
    size_t                at;
    hx_str_t              name, from;
    hx_lint_key_t         key;
    const hx_conf_dir_t  *map;

    if (hx_lint_uses(s, "hx_gate_tenant")) {
        return HX_LINT_KEY_TENANT;
    }

    key = HX_LINT_KEY_PLAIN;

    for (at = 0; hx_lint_variable(s, &at, &name); /* void */ ) {
        if (hx_lint_is_plain(&name)) {
            continue;
        }

        key = HX_LINT_KEY_UNKNOWN;
        map = depth != 0 ? hx_lint_map(run, &name) : NULL;

        if (map != NULL) {
            from = hx_conf_word(map, 1);

            if (hx_lint_key_of(run, &from, depth - 1) == HX_LINT_KEY_TENANT) {
                return HX_LINT_KEY_TENANT;
            }
        }
    }

    return key;
}


/*
 * The gate asks before the cache does whether the tenant may name the
 * namespace.  An answer is for all who may when the namespace is in the URI,
 * and the URI is in the key; otherwise the key has to say for whom it is.
 */

static int
hx_lint_mixes(hx_lint_place_t *p, const hx_conf_dir_t *d, hx_lint_key_t known)
{
    int                    post, uri;
    unsigned               i;
    hx_str_t               s;
    const hx_operation_t  *op;
    const hx_conf_dir_t   *key;

    key = hx_lint_of_cache(p, d, "_key");
    s = key != NULL ? hx_conf_word(key, 1) : hx_conf_word(d, d->n);

    if (hx_lint_word_is(d, 1, "off")
        || hx_lint_key_of(p->run, &s, HX_LINT_MAPS) != known)
    {
        return 0;
    }

    uri = key != NULL ? hx_lint_args_use(key, 1, "request_uri uri "
                                         "document_uri")
                      : hx_conf_is(d, "proxy_cache");

    post = hx_lint_caches_post(p, d);

    for (i = 0; i < p->run->n_ops; i++) {
        op = &p->run->op[i];

        if (!hx_text_is(&op->method, "GET") && !hx_text_is(&op->method, "HEAD")
            && !(post && hx_text_is(&op->method, "POST")))
        {
            continue;
        }

        if (op->ns != HX_NS_PATH || !uri) {
            p->arg = op->name;
            return 1;
        }
    }

    return 0;
}


static int
hx_lint_cache_mixes(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    return hx_lint_mixes(p, d, HX_LINT_KEY_PLAIN);
}


static int
hx_lint_cache_may_mix(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    return hx_lint_mixes(p, d, HX_LINT_KEY_UNKNOWN);
}


static int
hx_lint_cache_body(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    const hx_conf_dir_t  *key;

    if (hx_lint_word_is(d, 1, "off") || !hx_lint_caches_post(p, d)) {
        return 0;
    }

    key = hx_lint_of_cache(p, d, "_key");

    return key == NULL || !hx_lint_args_use(key, 1, "request_body");
}


static int
hx_lint_stores(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    (void) p;

    return !hx_lint_word_is(d, 1, "off");
}


static const hx_lint_rule_t  hx_lint_rules[] = {

    { HX_LINT_ERROR, HX_AT_ON, HX_IN_NEAREST, HX_LINT_CACHES,
      hx_lint_cache_mixes,
      "\"%n\" would give one tenant's answer to another: operation \"%a\" has "
      "no namespace in the cache's key, which needs \"$hx_gate_tenant\"" },

    { HX_LINT_WARN, HX_AT_ON, HX_IN_NEAREST, HX_LINT_CACHES,
      hx_lint_cache_may_mix,
      "\"%n\" may give one tenant's answer to another: operation \"%a\" has "
      "no namespace in the cache's key, unless its variables name the tenant "
      "(\"$hx_gate_tenant\" does)" },

    { HX_LINT_WARN, HX_AT_ON, HX_IN_NEAREST, HX_LINT_CACHES,
      hx_lint_cache_body,
      "\"%n\" of POST without \"$request_body\" in the cache's key: another "
      "body gets the same answer" },

    { HX_LINT_WARN, HX_AT_ON, HX_IN_NEAREST,
      "proxy_store fastcgi_store uwsgi_store scgi_store",
      hx_lint_stores,
      "\"%n\" keeps answers as files that are for no tenant in particular" }
};


const hx_lint_rules_t  hx_lint_cache = {
    hx_lint_rules, hx_nelts(hx_lint_rules)
};
