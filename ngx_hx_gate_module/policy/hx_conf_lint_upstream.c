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

    u = hx_lint_upstream_of(p->run, &name);

    if (u != NULL) {
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


/* nginx then drops the engine's answer, and with it what was to be charged. */

static int
hx_lint_abandons(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    const char  *ignore;

    ignore = hx_conf_is(d, "proxy_pass") ? "proxy_ignore_client_abort"
             : hx_conf_is(d, "fastcgi_pass") ? "fastcgi_ignore_client_abort"
             : hx_conf_is(d, "uwsgi_pass") ? "uwsgi_ignore_client_abort"
             : "scgi_ignore_client_abort";

    p->arg.data = (unsigned char *) ignore;
    p->arg.len = strlen(ignore);

    return !hx_lint_says(p->block, ignore, "on");
}


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


/* What the gate lets through as a body, of which nginx refuses a part. */

static int
hx_lint_small_body(hx_lint_place_t *p, const hx_conf_dir_t *d)
{
    hx_buf_t              b;
    hx_str_t              s;
    uint64_t              upload, limit, need;
    const hx_conf_dir_t  *size;

    (void) d;

    /* what "limit_except" has from around it is told there */

    if (p->pass == NULL || hx_lint_pass(p->block) == NULL
        || !hx_lint_has_ns(p, HX_NS_BODY))
    {
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

    { HX_LINT_WARN, HX_AT_ON, HX_IN_NEAREST,
      "proxy_next_upstream grpc_next_upstream fastcgi_next_upstream "
      "uwsgi_next_upstream scgi_next_upstream",
      hx_lint_twice,
      "\"%n non_idempotent\": what is charged once may be done twice" },

    { HX_LINT_WARN, HX_AT_ON, HX_IN_OWN,
      "proxy_pass fastcgi_pass uwsgi_pass scgi_pass",
      hx_lint_abandons,
      "\"%n\" without \"%a on\": a client that goes away early is not charged "
      "for what the engine has done" },

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
