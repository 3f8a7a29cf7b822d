/*
 * ngx_http_hx_redis_test_module.c -- the client of Redis behind locations, for
 * tests.  "hx_redis_test ask;" asks what the arguments of the request say and
 * answers with what came of it, as JSON; "messages" shows what a channel has
 * said, "counters" the numbers of this worker.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <openssl/sha.h>

#include "ngx_hx_redis.h"
#include "hx_redis_slot.h"

#define NGX_HX_TEST_ARGS       64
#define NGX_HX_TEST_MESSAGES   64
#define NGX_HX_TEST_ANSWER     65536        /* bytes */

typedef struct {
    ngx_hx_redis_conf_t   conf;
    hx_redis_conf_t       redis;
    ngx_str_t             channel;
} ngx_hx_test_main_conf_t;

typedef struct {
    ngx_http_request_t   *r;
    ngx_hx_redis_ask_t  **asks;
    ngx_uint_t            n;
    ngx_uint_t            left;
    ngx_uint_t            ok;
    ngx_uint_t            wrong;            /* replies of another question */
    ngx_uint_t            failed[NGX_HX_REDIS_ERRORS];
    ngx_uint_t            indexed;
    ngx_msec_t            start;
    u_char               *answer;
    u_char               *last;
    u_char               *end;
} ngx_hx_test_ctx_t;

typedef struct {
    ngx_hx_test_ctx_t  *ctx;
    ngx_uint_t          i;
} ngx_hx_test_one_t;


static char *ngx_hx_test_server(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_hx_test_location(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static void *ngx_hx_test_create_main_conf(ngx_conf_t *cf);
static char *ngx_hx_test_init_main_conf(ngx_conf_t *cf, void *conf);
static ngx_int_t ngx_hx_test_init_process(ngx_cycle_t *cycle);
static void ngx_hx_test_exit_process(ngx_cycle_t *cycle);


static ngx_hx_redis_t         *ngx_hx_test_redis;
static ngx_str_t               ngx_hx_test_messages[NGX_HX_TEST_MESSAGES];
static ngx_uint_t              ngx_hx_test_n_messages;
static ngx_uint_t              ngx_hx_test_ups;
static ngx_uint_t              ngx_hx_test_up;
static u_char                  ngx_hx_test_sha1[40];
static ngx_hx_redis_script_t   ngx_hx_test_script = {
    hx_string("return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}"),
    { ngx_hx_test_sha1, 40 }
};


static ngx_command_t  ngx_hx_test_commands[] = {

    { ngx_string("hx_redis_test_server"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_hx_test_server,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("hx_redis_test"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_hx_test_location,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_hx_redis_test_module_ctx = {
    NULL,                                  /* preconfiguration */
    NULL,                                  /* postconfiguration */

    ngx_hx_test_create_main_conf,          /* create main configuration */
    ngx_hx_test_init_main_conf,            /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_hx_redis_test_module = {
    NGX_MODULE_V1,
    &ngx_http_hx_redis_test_module_ctx,    /* module context */
    ngx_hx_test_commands,                  /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_hx_test_init_process,              /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_hx_test_exit_process,              /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


/* ---- answers ------------------------------------------------------------ */

static void
ngx_hx_test_quote(ngx_hx_test_ctx_t *ctx, const char *s, size_t len)
{
    size_t  i;

    ctx->last = ngx_slprintf(ctx->last, ctx->end, "\"");

    for (i = 0; i < len; i++) {
        if (s[i] < ' ' || s[i] > '~' || s[i] == '"' || s[i] == '\\') {
            ctx->last = ngx_slprintf(ctx->last, ctx->end, "\\u00%02Xd",
                                     (unsigned) (u_char) s[i]);

        } else {
            ctx->last = ngx_slprintf(ctx->last, ctx->end, "%c", s[i]);
        }
    }

    ctx->last = ngx_slprintf(ctx->last, ctx->end, "\"");
}


static void
ngx_hx_test_show(ngx_hx_test_ctx_t *ctx, const redisReply *reply)
{
    size_t  i;

    switch (reply->type) {

    case REDIS_REPLY_INTEGER:
        ctx->last = ngx_slprintf(ctx->last, ctx->end, "%L",
                                 (int64_t) reply->integer);
        return;

    case REDIS_REPLY_NIL:
        ctx->last = ngx_slprintf(ctx->last, ctx->end, "null");
        return;

    case REDIS_REPLY_ERROR:
        ctx->last = ngx_slprintf(ctx->last, ctx->end, "{\"error\":");
        ngx_hx_test_quote(ctx, reply->str, reply->len);
        ctx->last = ngx_slprintf(ctx->last, ctx->end, "}");
        return;

    case REDIS_REPLY_ARRAY:
        ctx->last = ngx_slprintf(ctx->last, ctx->end, "[");

        for (i = 0; i < reply->elements; i++) {
            if (i != 0) {
                ctx->last = ngx_slprintf(ctx->last, ctx->end, ",");
            }

            ngx_hx_test_show(ctx, reply->element[i]);
        }

        ctx->last = ngx_slprintf(ctx->last, ctx->end, "]");
        return;

    default:
        if (reply->len > 1000) {
            ctx->last = ngx_slprintf(ctx->last, ctx->end, "\"%uz bytes\"",
                                     reply->len);
            return;
        }

        ngx_hx_test_quote(ctx, reply->str, reply->len);
    }
}


static ngx_int_t
ngx_hx_test_send(ngx_http_request_t *r, u_char *text, size_t len)
{
    ngx_int_t    rc;
    ngx_buf_t   *b;
    ngx_chain_t  out;

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = (off_t) len;
    ngx_str_set(&r->headers_out.content_type, "application/json");

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = text;
    b->last = text + len;
    b->memory = 1;
    b->last_buf = 1;
    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


static ngx_int_t
ngx_hx_test_finish(ngx_hx_test_ctx_t *ctx)
{
    ngx_uint_t  i;

    ctx->last = ngx_slprintf(ctx->last, ctx->end,
                             "%s\"ok\":%ui,\"wrong\":%ui,\"ms\":%M",
                             ctx->last == ctx->answer ? "{" : ",", ctx->ok,
                             ctx->wrong, ngx_current_msec - ctx->start);

    for (i = 0; i < NGX_HX_REDIS_ERRORS; i++) {
        if (ctx->failed[i] != 0) {
            ctx->last = ngx_slprintf(ctx->last, ctx->end, ",\"%s\":%ui",
                                     ngx_hx_redis_word(i), ctx->failed[i]);
        }
    }

    ctx->last = ngx_slprintf(ctx->last, ctx->end, "}\n");

    return ngx_hx_test_send(ctx->r, ctx->answer,
                            (size_t) (ctx->last - ctx->answer));
}


static void
ngx_hx_test_done(void *data, const redisReply *reply, ngx_hx_redis_err_t err)
{
    u_char              number[NGX_INT_T_LEN], *p;
    ngx_hx_test_one_t  *one = data;
    ngx_hx_test_ctx_t  *ctx = one->ctx;

    ctx->asks[one->i] = NULL;
    ctx->left--;

    if (reply == NULL) {
        ctx->failed[err]++;

    } else {
        ctx->ok++;
        p = ngx_sprintf(number, "%ui", one->i);

        if (ctx->indexed
            && (reply->type != REDIS_REPLY_STRING
                || reply->len != (size_t) (p - number)
                || ngx_memcmp(reply->str, number, reply->len) != 0))
        {
            ctx->wrong++;
        }
    }

    if (ctx->n == 1) {
        ctx->last = ngx_slprintf(ctx->last, ctx->end, "{\"reply\":");

        if (reply != NULL) {
            ngx_hx_test_show(ctx, reply);

        } else {
            ctx->last = ngx_slprintf(ctx->last, ctx->end,
                                     "null,\"word\":\"%s\"",
                                     ngx_hx_redis_word(err));
        }
    }

    if (ctx->left == 0) {
        ngx_http_finalize_request(ctx->r, ngx_hx_test_finish(ctx));
    }
}


static void
ngx_hx_test_gone(void *data)
{
    ngx_uint_t          i;
    ngx_hx_test_ctx_t  *ctx = data;

    for (i = 0; i < ctx->n; i++) {
        if (ctx->asks[i] != NULL) {
            ngx_hx_redis_cancel(ctx->asks[i]);
            ctx->asks[i] = NULL;
        }
    }
}


/* ---- questions ---------------------------------------------------------- */

static ngx_uint_t
ngx_hx_test_args(ngx_http_request_t *r, hx_str_t *argv)
{
    u_char      *p, *last, *end, *dst, *src;
    ngx_uint_t   n;

    n = 0;
    p = r->args.data;
    end = p + r->args.len;

    while (p < end && n < NGX_HX_TEST_ARGS) {
        last = ngx_strlchr(p, end, '&');
        last = last != NULL ? last : end;

        if (last - p >= 2 && p[0] == 'a' && p[1] == '=') {
            src = p + 2;
            dst = ngx_pnalloc(r->pool, (size_t) (last - src) + 1);
            if (dst == NULL) {
                return 0;
            }

            argv[n].data = dst;
            ngx_unescape_uri(&dst, &src, (size_t) (last - src), 0);
            argv[n].len = (size_t) (dst - argv[n].data);
            n++;
        }

        p = last + 1;
    }

    return n;
}


static ngx_uint_t
ngx_hx_test_number(ngx_http_request_t *r, const char *name, ngx_uint_t dflt)
{
    ngx_int_t  n;
    ngx_str_t  v;

    if (ngx_http_arg(r, (u_char *) name, ngx_strlen(name), &v) != NGX_OK) {
        return dflt;
    }

    n = ngx_atoi(v.data, v.len);

    return n != NGX_ERROR ? (ngx_uint_t) n : dflt;
}


/* "size=": an argument of so many bytes more */
static ngx_uint_t
ngx_hx_test_big(ngx_http_request_t *r, hx_str_t *argv, ngx_uint_t argc)
{
    size_t   size;
    u_char  *p;

    size = ngx_hx_test_number(r, "size", 0);

    if (size != 0) {
        p = ngx_pnalloc(r->pool, size);

        if (p != NULL) {
            ngx_memset(p, 'x', size);
            argv[argc].data = p;
            argv[argc++].len = size;
        }
    }

    return argc;
}


static ngx_hx_test_ctx_t *
ngx_hx_test_ctx(ngx_http_request_t *r, ngx_uint_t n)
{
    ngx_hx_test_ctx_t   *ctx;
    ngx_pool_cleanup_t  *cln;

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_hx_test_ctx_t));
    cln = ngx_pool_cleanup_add(r->pool, 0);

    if (ctx == NULL || cln == NULL) {
        return NULL;
    }

    ctx->r = r;
    ctx->n = n;
    ctx->start = ngx_current_msec;
    ctx->asks = ngx_pcalloc(r->pool, n * sizeof(ngx_hx_redis_ask_t *));
    ctx->answer = ngx_pnalloc(r->pool, NGX_HX_TEST_ANSWER);

    if (ctx->asks == NULL || ctx->answer == NULL) {
        return NULL;
    }

    ctx->last = ctx->answer;
    ctx->end = ctx->answer + NGX_HX_TEST_ANSWER - 1;
    cln->handler = ngx_hx_test_gone;
    cln->data = ctx;

    return ctx;
}


/* One question, the i-th; what is refused at once is counted here. */
static void
ngx_hx_test_ask(ngx_hx_test_ctx_t *ctx, ngx_hx_test_one_t *one, hx_str_t *argv,
    ngx_uint_t argc, const hx_str_t *key)
{
    u_char               number[NGX_INT_T_LEN];
    ngx_uint_t           timeout;
    ngx_hx_redis_err_t   err;
    ngx_hx_redis_ask_t  *ask;

    timeout = ngx_hx_test_number(ctx->r, "timeout", 0);

    if (ctx->indexed) {
        argv[argc].data = number;
        argv[argc].len = (size_t) (ngx_sprintf(number, "%ui", one->i)
                                   - number);
        argc++;
    }

    if (ngx_hx_test_number(ctx->r, "eval", 0)) {
        ask = ngx_hx_redis_eval(ngx_hx_test_redis, &ngx_hx_test_script, 1,
                                argv, argc - 1, argv + 1, timeout,
                                ngx_hx_test_done, one, &err);
    } else {
        ask = ngx_hx_redis_ask(ngx_hx_test_redis, argc, argv, key, timeout,
                               ngx_hx_test_done, one, &err);
    }

    if (ask == NULL) {
        ctx->failed[err]++;
        return;
    }

    ctx->asks[one->i] = ask;
    ctx->left++;
}


static ngx_int_t
ngx_hx_test_ask_handler(ngx_http_request_t *r)
{
    hx_str_t             argv[NGX_HX_TEST_ARGS + 2], key;
    ngx_str_t            v;
    ngx_uint_t           argc, n, i;
    ngx_hx_test_ctx_t   *ctx;
    ngx_hx_test_one_t   *ones;

    if (ngx_http_discard_request_body(r) != NGX_OK) {
        return NGX_ERROR;
    }

    argc = ngx_hx_test_big(r, argv, ngx_hx_test_args(r, argv));
    n = ngx_hx_test_number(r, "count", 1);
    ctx = ngx_hx_test_ctx(r, n);
    ones = ngx_pcalloc(r->pool, n * sizeof(ngx_hx_test_one_t));

    if (argc == 0 || ctx == NULL || ones == NULL) {
        return NGX_HTTP_BAD_REQUEST;
    }

    key.data = NULL;

    if (ngx_http_arg(r, (u_char *) "key", 3, &v) == NGX_OK) {
        key.data = v.data;
        key.len = v.len;
    }

    ctx->indexed = ngx_hx_test_number(r, "index", 0);

    for (i = 0; i < n; i++) {
        ones[i].ctx = ctx;
        ones[i].i = i;
        ngx_hx_test_ask(ctx, &ones[i], argv, argc,
                        key.data != NULL ? &key : NULL);
    }

    if (ngx_hx_test_number(r, "cancel", 0)) {
        ngx_hx_test_gone(ctx);
        ctx->left = 0;
    }

    if (ctx->left == 0) {
        if (n == 1) {
            for (i = 0; i < NGX_HX_REDIS_ERRORS && ctx->failed[i] == 0; i++) {
                /* void */
            }

            ctx->last = ngx_slprintf(ctx->last, ctx->end,
                                     "{\"reply\":null,\"word\":\"%s\"",
                                     i == NGX_HX_REDIS_ERRORS ? "cancelled"
                                     : ngx_hx_redis_word(i));
        }

        return ngx_hx_test_finish(ctx);
    }

    /* a client that leaves is noticed */

    r->read_event_handler = ngx_http_test_reading;
    r->main->count++;

    return NGX_DONE;
}


static ngx_int_t
ngx_hx_test_messages_handler(ngx_http_request_t *r)
{
    ngx_uint_t          i;
    ngx_hx_test_ctx_t  *ctx;

    ctx = ngx_hx_test_ctx(r, 0);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    ctx->last = ngx_slprintf(ctx->last, ctx->end,
                             "{\"up\":%ui,\"ups\":%ui,\"messages\":[",
                             ngx_hx_test_up, ngx_hx_test_ups);

    for (i = 0; i < ngx_hx_test_n_messages; i++) {
        if (i != 0) {
            *ctx->last++ = ',';
        }

        ngx_hx_test_quote(ctx, (char *) ngx_hx_test_messages[i].data,
                          ngx_hx_test_messages[i].len);
    }

    ctx->last = ngx_slprintf(ctx->last, ctx->end, "]}\n");

    return ngx_hx_test_send(r, ctx->answer,
                            (size_t) (ctx->last - ctx->answer));
}


static ngx_int_t
ngx_hx_test_counters_handler(ngx_http_request_t *r)
{
    ngx_uint_t                      i;
    ngx_hx_test_ctx_t              *ctx;
    const ngx_hx_redis_counters_t  *c;

    ctx = ngx_hx_test_ctx(r, 0);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    c = ngx_hx_redis_counters(ngx_hx_test_redis);

    ctx->last = ngx_slprintf(ctx->last, ctx->end,
                             "{\"pid\":%P,\"ready\":%ui,\"asked\":%uL,"
                             "\"answered\":%uL,\"cancelled\":%uL,"
                             "\"late\":%uL,\"connects\":%uL,"
                             "\"reconnects\":%uL,\"openings\":%uL,"
                             "\"redirects\":%uL,\"scripts\":%uL,"
                             "\"messages\":%uL,\"failed\":{\"none\":0",
                             ngx_pid, ngx_hx_redis_ready(ngx_hx_test_redis),
                             c->asked, c->answered, c->cancelled, c->late,
                             c->connects, c->reconnects, c->openings,
                             c->redirects, c->scripts, c->messages);

    for (i = 1; i < NGX_HX_REDIS_ERRORS; i++) {
        ctx->last = ngx_slprintf(ctx->last, ctx->end, ",\"%s\":%uL",
                                 ngx_hx_redis_word(i), c->failed[i]);
    }

    ctx->last = ngx_slprintf(ctx->last, ctx->end, "}}\n");

    return ngx_hx_test_send(r, ctx->answer,
                            (size_t) (ctx->last - ctx->answer));
}


/* ---- of the worker ------------------------------------------------------ */

static void
ngx_hx_test_message(void *data, const hx_str_t *message)
{
    u_char      *p;
    ngx_uint_t   i;

    i = ngx_hx_test_n_messages;

    if (i == NGX_HX_TEST_MESSAGES) {
        return;
    }

    p = ngx_alloc(message->len + 1, ngx_cycle->log);

    if (p != NULL) {
        ngx_memcpy(p, message->data, message->len);
        ngx_hx_test_messages[i].data = p;
        ngx_hx_test_messages[i].len = message->len;
        ngx_hx_test_n_messages++;
    }
}


static void
ngx_hx_test_state(void *data, ngx_uint_t up)
{
    ngx_hx_test_up = up;
    ngx_hx_test_ups += up;
}


static ngx_int_t
ngx_hx_test_init_process(ngx_cycle_t *cycle)
{
    u_char                    md[SHA_DIGEST_LENGTH];
    hx_str_t                  channel;
    ngx_hx_test_main_conf_t  *tmcf;

    tmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_hx_redis_test_module);

    if (tmcf == NULL || tmcf->conf.redis == NULL) {
        return NGX_OK;
    }

    SHA1(ngx_hx_test_script.text.data, ngx_hx_test_script.text.len, md);
    ngx_hex_dump(ngx_hx_test_sha1, md, SHA_DIGEST_LENGTH);

    ngx_hx_test_redis = ngx_hx_redis_create(&tmcf->conf, cycle->log);
    if (ngx_hx_test_redis == NULL) {
        return NGX_ERROR;
    }

    if (tmcf->channel.len != 0) {
        channel.data = tmcf->channel.data;
        channel.len = tmcf->channel.len;

        if (ngx_hx_redis_subscribe(ngx_hx_test_redis, &channel,
                                   ngx_hx_test_message, ngx_hx_test_state,
                                   NULL)
            == NULL)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static void
ngx_hx_test_exit_process(ngx_cycle_t *cycle)
{
    ngx_hx_redis_close(ngx_hx_test_redis);
    ngx_hx_test_redis = NULL;
}


/* ---- configuration ------------------------------------------------------ */

static void *
ngx_hx_test_create_main_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_hx_test_main_conf_t));
}


static ngx_int_t
ngx_hx_test_parameter(ngx_hx_test_main_conf_t *tmcf, ngx_str_t *v)
{
    ngx_uint_t  i;
    hx_str_t    s;

    const struct {
        const char  *name;
        hx_str_t    *str;
        unsigned    *number;
    } parameters[] = {
        { "ca=", &tmcf->redis.ca, NULL },
        { "certificate=", &tmcf->redis.certificate, NULL },
        { "certificate_key=", &tmcf->redis.certificate_key, NULL },
        { "server_name=", &tmcf->redis.server_name, NULL },
        { "connect_timeout=", NULL, &tmcf->redis.connect_timeout },
        { "timeout=", NULL, &tmcf->redis.timeout },
        { "connections=", NULL, &tmcf->redis.connections }
    };

    for (i = 0; i < hx_nelts(parameters); i++) {
        s.len = ngx_strlen(parameters[i].name);

        if (v->len <= s.len
            || ngx_strncmp(v->data, parameters[i].name, s.len) != 0)
        {
            continue;
        }

        s.data = v->data + s.len;
        s.len = v->len - s.len;

        if (parameters[i].str != NULL) {
            *parameters[i].str = s;

        } else {
            *parameters[i].number = (unsigned) ngx_atoi((u_char *) s.data,
                                                        s.len);
        }

        return NGX_OK;
    }

    if (v->len > 8 && ngx_strncmp(v->data, "channel=", 8) == 0) {
        tmcf->channel.data = v->data + 8;
        tmcf->channel.len = v->len - 8;
        return NGX_OK;
    }

    return NGX_ERROR;
}


static char *
ngx_hx_test_server(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    u_char                   *secrets;
    ngx_str_t                *value;
    ngx_uint_t                i;
    hx_redis_url_err_t        err;
    ngx_hx_test_main_conf_t  *tmcf = conf;

    value = cf->args->elts;
    secrets = ngx_pnalloc(cf->pool, value[1].len);

    if (secrets == NULL) {
        return NGX_CONF_ERROR;
    }

    if (hx_redis_url_parse(&tmcf->redis, value[1].data, value[1].len, secrets,
                           &err)
        != HX_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s: \"%*s\"", err.what,
                           err.where.len, err.where.data);
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_hx_test_parameter(tmcf, &value[i]) != NGX_OK) {
            return "has a bad parameter";
        }
    }

    if (hx_redis_conf_check(&tmcf->redis, &err) != HX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s", err.what);
        return NGX_CONF_ERROR;
    }

    tmcf->conf.redis = &tmcf->redis;

    return NGX_CONF_OK;
}


static char *
ngx_hx_test_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_core_loc_conf_t  *clcf;
    ngx_hx_test_main_conf_t   *tmcf = conf;

    if (tmcf->conf.redis == NULL) {
        return NGX_CONF_OK;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->resolver != NULL && clcf->resolver->connections.nelts != 0) {
        tmcf->conf.resolver = clcf->resolver;
        tmcf->conf.resolver_timeout = 1000;
    }

    return ngx_hx_redis_conf_prepare(cf, &tmcf->conf) == NGX_OK
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static char *
ngx_hx_test_location(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                 *value;
    ngx_http_core_loc_conf_t  *clcf;

    value = cf->args->elts;
    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (ngx_strcmp(value[1].data, "ask") == 0) {
        clcf->handler = ngx_hx_test_ask_handler;

    } else if (ngx_strcmp(value[1].data, "messages") == 0) {
        clcf->handler = ngx_hx_test_messages_handler;

    } else if (ngx_strcmp(value[1].data, "counters") == 0) {
        clcf->handler = ngx_hx_test_counters_handler;

    } else {
        return "is \"ask\", \"messages\" or \"counters\"";
    }

    return NGX_CONF_OK;
}
