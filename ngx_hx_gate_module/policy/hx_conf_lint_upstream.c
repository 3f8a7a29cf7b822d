/*
 * hx_conf_lint_upstream.c -- does the engine get what the gate has judged, and
 * only the engine?
 */

#include "hx_conf_lint_impl.h"
#include "hx_stripe.h"


/* What a client can say; "x_" stands for all that begin so. */
#define HX_LINT_BODY_DEFAULT   (UINT64_C(1) << 20)    /* nginx's */
#define HX_LINT_CLIENT   "http_ arg_ cookie_ host args query_string "         \
                         "request_uri uri document_uri"


static int
hx_lint_other_method(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    p->arg = hx_conf_word(d, 1);

    return !hx_lint_is_word(&p->arg, "$request_method ${request_method}");
}


static int
hx_lint_other_body(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    hx_str_t  s;

    s = hx_conf_word(d, 1);

    return hx_lint_has_ns(p, HX_NS_BODY)
           && !hx_lint_is_word(&s, "$request_body ${request_body}");
}


static int
hx_lint_no_body(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    return hx_lint_word_is(d, 1, "off") && hx_lint_has_ns(p, HX_NS_BODY);
}


static int
hx_lint_client_names(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    p->arg = hx_lint_authority(d);

    return hx_lint_uses(&p->arg, HX_LINT_CLIENT);
}


/* nginx has decoded them, and sends them as they are. */

static int
hx_lint_decoded(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    hx_str_t  s;

    s = hx_lint_authority(d);

    if (hx_lint_uses(&s, HX_LINT_CLIENT)) {
        return 0;
    }

    p->arg = hx_conf_word(d, 1);

    return hx_lint_args_use(d, 1, "uri document_uri");
}


/* Names without a dot are of this machine, or of its container network. */

static int
hx_lint_is_near(const hx_str_t *host, int loopback)
{
    size_t  i;

    static const char *const  local[] = {
        "127.", "localhost", "[::1]", "unix:"
    };
    static const char *const  near[] = {
        "10.", "192.168.", "169.254.", "[fc", "[fd", "[fe80"
    };

    for (i = 0; i < hx_nelts(local); i++) {
        if (hx_text_begins(host, local[i])) {
            return 1;
        }
    }

    if (loopback) {
        return 0;
    }

    for (i = 0; i < hx_nelts(near); i++) {
        if (hx_text_begins(host, near[i])) {
            return 1;
        }
    }

    if (hx_text_begins(host, "172.") && host->len > 6 && host->data[6] == '.'
        && (host->data[4] == '1' ? host->data[5] >= '6'
            : host->data[4] == '2'
              || (host->data[4] == '3' && host->data[5] <= '1')))
    {
        return 1;
    }

    return hx_text_has(host, ".internal") || hx_text_has(host, ".local")
           || (!hx_text_has(host, ".") && !hx_text_begins(host, "["));
}


/* The host that is not near, in p->arg: of the directive or its upstream. */

static int
hx_lint_is_far(hx_lint_place_t *p, const hx_conf_dir_t *d, int loopback)
{
    hx_str_t              name;
    const hx_conf_dir_t  *u, *s;

    name = hx_lint_authority(d);

    if (name.len == 0 || hx_text_has(&name, "$")) {
        return 0;                       /* nobody knows */
    }

    for (u = p->run->http->blocks.first; u != NULL; u = u->next) {
        if (!hx_conf_is(u, "upstream") || u->n < 2
            || u->word[1].len != name.len
            || memcmp(u->word[1].data, name.data, name.len) != 0)
        {
            continue;
        }

        for (s = u->plain.first; s != NULL; s = s->next) {
            p->arg = hx_conf_word(s, 1);

            if (hx_conf_is(s, "server") && !hx_lint_is_near(&p->arg, loopback))
            {
                return 1;
            }
        }

        return 0;
    }

    p->arg = name;

    return !hx_lint_is_near(&p->arg, loopback);
}


static int
hx_lint_is_tls(const hx_conf_dir_t *d)
{
    hx_str_t  s;

    s = hx_conf_word(d, 1);

    return hx_text_begins(&s, "https://") || hx_text_begins(&s, "grpcs://")
           || hx_text_begins(&s, "suwsgi://");
}


static int
hx_lint_in_the_clear(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    return !hx_lint_is_tls(d) && hx_lint_is_far(p, d, 0);
}


static int
hx_lint_unverified(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    const char  *verify;

    verify = hx_conf_is(d, "grpc_pass") ? "grpc_ssl_verify"
             : hx_conf_is(d, "uwsgi_pass") ? "uwsgi_ssl_verify"
             : "proxy_ssl_verify";

    return hx_lint_is_tls(d) && !hx_lint_says(p->block, verify, "on")
           && hx_lint_is_far(p, d, 1);
}


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


/*
 * The gate asks before the cache does whether the tenant may name the
 * namespace.  An answer is for all who may when the namespace is in the URI,
 * and the URI is in the key; otherwise the key has to say for whom it is.
 */

static int
hx_lint_cache_mixes(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    int                    post, uri;
    unsigned               i;
    const hx_operation_t  *op;
    const hx_conf_dir_t   *key;

    key = hx_lint_of_cache(p, d, "_key");

    if (hx_lint_word_is(d, 1, "off")
        || (key != NULL && hx_lint_args_use(key, 1, "hx_gate_tenant")))
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


static int
hx_lint_twice(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    unsigned  i;

    (void) p;

    for (i = 1; i < d->n; i++) {
        if (hx_lint_word_is(d, i, "non_idempotent")) {
            return 1;
        }
    }

    return 0;
}


/* What the gate lets through as a body, of which nginx refuses a part. */

/* nginx's own limit on bodies; 0 = none */

static uint64_t
hx_lint_body_limit(const hx_lint_place_t *p)
{
    hx_str_t              s;
    const hx_conf_dir_t  *size;

    size = hx_lint_nearest(p->block, "client_max_body_size");

    if (size == NULL) {
        return HX_LINT_BODY_DEFAULT;
    }

    s = hx_conf_word(size, 1);

    return hx_lint_size(&s, HX_LINT_BODY_DEFAULT);
}


static int
hx_lint_small_event(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    uint64_t  limit;

    (void) d;
    limit = hx_lint_body_limit(p);

    return limit != 0 && limit < HX_STRIPE_BODY_MAX;
}


static int
hx_lint_other_event(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    (void) p;

    return !hx_lint_word_is(d, 1, "$request_body");
}


static int
hx_lint_small_body(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    hx_buf_t              b;
    hx_str_t              s;
    uint64_t              upload, limit, need;
    const hx_conf_dir_t  *size;

    (void) d;

    if (p->pass == NULL || !hx_lint_has_ns(p, HX_NS_BODY)) {
        return 0;
    }

    limit = hx_lint_body_limit(p);
    upload = HX_UPLOAD_DEFAULT;
    size = hx_lint_nearest(p->block, "hx_gate_max_upload");

    if (size != NULL) {
        s = hx_conf_word(size, 1);
        upload = hx_lint_size(&s, upload);
    }

    need = upload / 3 * 4 + (UINT64_C(1) << 20);

    hx_buf_init(&b, p->buf, sizeof(p->buf));
    hx_text_u64(&b, (need + (UINT64_C(1) << 20) - 1) >> 20);
    hx_buf_byte(&b, 'm');
    p->arg.data = p->buf;
    p->arg.len = hx_buf_len(&b);

    return limit != 0 && limit < need;
}


#define HX_LINT_PASSES   "proxy_pass grpc_pass fastcgi_pass uwsgi_pass "      \
                         "scgi_pass"
#define HX_LINT_CACHES   "proxy_cache fastcgi_cache uwsgi_cache scgi_cache"


static const hx_lint_rule_t  hx_lint_rules[] = {

    { HX_LINT_ERROR, HX_AT_ON, HX_IN_NEAREST, "proxy_method",
      hx_lint_other_method,
      "\"%n %a\": the engine would get another method than \"hx_gate\" has "
      "judged" },

    { HX_LINT_ERROR, HX_AT_ON, HX_IN_NEAREST, "proxy_set_body",
      hx_lint_other_body,
      "\"%n\": the engine would get another body than \"hx_gate\" has read "
      "the namespace from" },

    { HX_LINT_WARN, HX_AT_ON, HX_IN_NEAREST,
      "proxy_pass_request_body fastcgi_pass_request_body "
      "uwsgi_pass_request_body scgi_pass_request_body",
      hx_lint_no_body,
      "\"%n off\" where \"hx_gate\" has an operation with namespace=body: the "
      "engine gets no body" },

    { HX_LINT_ERROR, HX_AT_ON, HX_IN_OWN, HX_LINT_PASSES,
      hx_lint_client_names,
      "\"%n\" to \"%a\": the client would say who gets the service key" },

    { HX_LINT_WARN, HX_AT_ON, HX_IN_OWN, HX_LINT_PASSES,
      hx_lint_decoded,
      "\"%n %a\" sends the decoded path, line breaks in it too: "
      "\"$request_uri\", or no URI, is what \"hx_gate\" has read" },

    { HX_LINT_WARN, HX_AT_ON, HX_IN_OWN, HX_LINT_PASSES,
      hx_lint_in_the_clear,
      "\"%n\" without TLS to \"%a\": the service key and what tenants send "
      "are in the clear" },

    { HX_LINT_WARN, HX_AT_ON, HX_IN_OWN, HX_LINT_PASSES,
      hx_lint_unverified,
      "\"%n\" to \"%a\" without \"proxy_ssl_verify on\" or its like: whoever "
      "is on the way gets the service key" },

    { HX_LINT_ERROR, HX_AT_ON, HX_IN_NEAREST, HX_LINT_CACHES,
      hx_lint_cache_mixes,
      "\"%n\" would give one tenant's answer to another: operation \"%a\" has "
      "no namespace in the cache's key, which needs \"$hx_gate_tenant\"" },

    { HX_LINT_WARN, HX_AT_ON, HX_IN_NEAREST, HX_LINT_CACHES,
      hx_lint_cache_body,
      "\"%n\" of POST without \"$request_body\" in the cache's key: another "
      "body gets the same answer" },

    { HX_LINT_WARN, HX_AT_ON, HX_IN_NEAREST,
      "proxy_store fastcgi_store uwsgi_store scgi_store",
      hx_lint_stores,
      "\"%n\" keeps answers as files that are for no tenant in particular" },

    { HX_LINT_WARN, HX_AT_ON, HX_IN_NEAREST,
      "proxy_next_upstream grpc_next_upstream fastcgi_next_upstream "
      "uwsgi_next_upstream scgi_next_upstream",
      hx_lint_twice,
      "\"%n non_idempotent\": what is charged once may be done twice" },

    { HX_LINT_WARN, HX_AT_WEBHOOK, HX_IN_NEAREST, NULL,
      hx_lint_small_event,
      "\"client_max_body_size\" is less than 1m with "
      "\"hx_gate_stripe_webhook\": larger events would never be handled" },

    { HX_LINT_WARN, HX_AT_WEBHOOK, HX_IN_NEAREST, "proxy_set_body",
      hx_lint_other_event,
      "\"%n\" with \"hx_gate_stripe_webhook\": the service would get something "
      "else than was signed" },

    { HX_LINT_WARN, HX_AT_ON, HX_IN_NEAREST, NULL,
      hx_lint_small_body,
      "\"client_max_body_size\" is less than the bodies that "
      "\"hx_gate_max_upload\" lets through, it would have to be %a" }
};


const hx_lint_rules_t  hx_lint_upstream = {
    hx_lint_rules, hx_nelts(hx_lint_rules)
};
