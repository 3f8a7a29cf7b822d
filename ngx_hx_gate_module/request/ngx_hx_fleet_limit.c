/*
 * ngx_hx_fleet_limit.c -- the window of a tenant when all nodes share it: held
 * in Redis, asked by each request (strict), or for many requests ahead by this
 * node (lease, hx_lease.h).  The quota, and the tenant's place for its charge,
 * are asked here as ever, and first: what the quota refuses takes no permit.
 *
 * What cannot be asked is decided by on_error: by this node's own window, by a
 * 503, or by letting it through.
 */

#include "ngx_hx_gate.h"

#include "hx_fleet_limit.h"
#include "hx_lease_table.h"
#include "ngx_hx_fleet.h"


/* One question; of a request, or ahead of any. */
struct ngx_hx_fleet_limit_s {
    ngx_http_request_t         *request;    /* NULL: ahead */
    ngx_hx_ctx_t               *ctx;
    ngx_hx_redis_ask_t         *ask;
    hx_lease_table_t           *leases;     /* NULL: strict */
    hx_rc_t                     rc;         /* OK, NO, FAIL; PENDING */
    hx_fleet_limit_ask_t        question;
    hx_fleet_limit_answer_t     answer;
    hx_lease_question_t         lease;
    hx_window_view_t            view;
    size_t                      id_len;
    u_char                      id[HX_TENANT_MAX];
};


static ngx_hx_redis_script_t  ngx_hx_fleet_limit_text;


static uint64_t
ngx_hx_fleet_limit_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_BOOTTIME, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}


/* ------------------------------------------------------- what Redis said -- */

static void
ngx_hx_fleet_limit_view(hx_window_view_t *view,
    const hx_fleet_limit_answer_t *a)
{
    view->remaining = a->remaining;
    view->reset = a->reset * 1000000;
    view->retry = a->retry * 1000000;
}


/* Into the tenant's lease, and out of it for the request that asked. */

static void
ngx_hx_fleet_limit_told(ngx_hx_fleet_limit_t *l)
{
    uint64_t            now;
    hx_str_t            id;
    hx_lease_t         *lease;
    hx_lease_rest_t     rest;
    hx_lease_answer_t   a;

    if (l->leases == NULL) {
        return;
    }

    id.data = l->id;
    id.len = l->id_len;
    now = ngx_hx_fleet_limit_now();

    if (hx_lease_table_enter(l->leases, &id, now, &lease) != HX_OK) {
        return;                         /* what was taken is lost */
    }

    ngx_memzero(&a, sizeof(hx_lease_answer_t));

    a.rc = l->rc;
    a.quota = l->answer.verdict == HX_FLEET_LIMIT_QUOTA;
    a.permits = l->answer.permits;
    a.tenths = l->answer.tenths;
    a.remaining = l->answer.remaining;
    a.reset = l->answer.reset;
    a.retry = l->answer.retry;
    a.ticket = l->answer.ticket;
    a.life = l->answer.life;

    hx_lease_told(lease, &l->lease, &a, now, &l->view, &rest);
    hx_lease_table_leave(l->leases, lease);
}


static void
ngx_hx_fleet_limit_read(ngx_hx_fleet_limit_t *l, const redisReply *reply)
{
    size_t   i;
    int64_t  value[HX_FLEET_LIMIT_ANSWER];

    l->rc = HX_FAIL;

    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY
        || reply->elements != HX_FLEET_LIMIT_ANSWER)
    {
        return;
    }

    for (i = 0; i < HX_FLEET_LIMIT_ANSWER; i++) {
        if (reply->element[i]->type != REDIS_REPLY_INTEGER) {
            return;
        }

        value[i] = reply->element[i]->integer;
    }

    if (hx_fleet_limit_answer(&l->answer, &l->question, value,
                              HX_FLEET_LIMIT_ANSWER)
        != HX_OK)
    {
        return;
    }

    l->rc = l->answer.verdict == HX_FLEET_LIMIT_ADMITTED ? HX_OK : HX_NO;
    ngx_hx_fleet_limit_view(&l->view, &l->answer);
}


static void
ngx_hx_fleet_limit_done(void *data, const redisReply *reply,
    ngx_hx_redis_err_t err)
{
    ngx_hx_fleet_limit_t  *l = data;

    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    l->ask = NULL;
    ngx_hx_fleet_limit_read(l, reply);
    ngx_hx_fleet_limit_told(l);

    r = l->request;

    if (r == NULL) {
        ngx_free(l);
        return;
    }

    c = r->connection;
    ngx_http_set_log_request(c->log, r);

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_core_run_phases;

    ngx_http_core_run_phases(r);
    ngx_http_run_posted_requests(c);
}


/* The request is gone; what its question takes stays taken. */

static void
ngx_hx_fleet_limit_cleanup(void *data)
{
    ngx_hx_fleet_limit_t  *l = data;

    if (l->ask != NULL) {
        ngx_hx_redis_cancel(l->ask);
        l->rc = HX_FAIL;
        ngx_hx_fleet_limit_told(l);
    }
}


/* ------------------------------------------------------------- to ask it -- */

static ngx_int_t
ngx_hx_fleet_limit_send(ngx_hx_fleet_limit_t *l)
{
    int                    i, keys;
    hx_str_t               argv[HX_FLEET_LIMIT_ARGC];
    hx_fleet_limit_cmd_t   cmd;

    if (ngx_hx_fleet_limit_text.text.data == NULL) {
        ngx_hx_fleet_limit_text.text.data =
                                 (const u_char *) hx_fleet_limit_script;
        ngx_hx_fleet_limit_text.text.len = ngx_strlen(hx_fleet_limit_script);
        ngx_hx_fleet_limit_text.sha1.data =
                                 (const u_char *) hx_fleet_limit_sha1;
        ngx_hx_fleet_limit_text.sha1.len = HX_FLEET_LIMIT_SHA1;
    }

    if (hx_fleet_limit_command(&cmd, &l->question, 0) != HX_OK) {
        return NGX_ERROR;
    }

    /* EVALSHA, its digest, the number of keys; then keys and arguments */

    for (i = 3; i < cmd.argc; i++) {
        argv[i - 3].data = (const u_char *) cmd.argv[i];
        argv[i - 3].len = cmd.argvlen[i];
    }

    keys = cmd.argv[2][0] - '0';        /* HX_FLEET_LIMIT_KEYS at most */

    l->rc = HX_PENDING;
    l->ask = ngx_hx_redis_eval(ngx_hx_fleet_redis(), &ngx_hx_fleet_limit_text,
                               (ngx_uint_t) keys, argv,
                               (ngx_uint_t) (cmd.argc - 3 - keys), argv + keys,
                               0, ngx_hx_fleet_limit_done, l, NULL);

    return l->ask != NULL ? NGX_OK : NGX_ERROR;
}


static void
ngx_hx_fleet_limit_fill(ngx_hx_fleet_limit_t *l, const ngx_hx_ctx_t *ctx,
    const ngx_hx_fleet_conf_t *conf, ngx_uint_t look)
{
    hx_fleet_limit_ask_t  *q;

    l->id_len = ctx->tenant.id.len;
    ngx_memcpy(l->id, ctx->tenant.id.data, l->id_len);

    q = &l->question;
    q->prefix.data = conf->prefix.data;
    q->prefix.len = conf->prefix.len;
    q->tenant.data = l->id;
    q->tenant.len = l->id_len;
    q->mode = look ? HX_FLEET_LIMIT_LOOK : HX_FLEET_LIMIT_TAKE;
    q->window[0] = ctx->limit.rate;
    q->permits = 1;
    q->permits_min = 1;
    q->quota = UINT64_MAX;
}


/* What the lease wants, instead of one for now. */

static void
ngx_hx_fleet_limit_lease(ngx_hx_fleet_limit_t *l)
{
    l->question.permits = l->lease.permits;
    l->question.life = l->lease.life;
}


/* The next lease, while the last one still has permits. */

static void
ngx_hx_fleet_limit_ahead(const ngx_hx_fleet_limit_t *of, ngx_log_t *log)
{
    ngx_hx_fleet_limit_t  *l;

    l = ngx_alloc(sizeof(ngx_hx_fleet_limit_t), log);

    if (l != NULL) {
        *l = *of;
        l->request = NULL;
        l->question.tenant.data = l->id;
        ngx_hx_fleet_limit_lease(l);

        if (ngx_hx_fleet_limit_send(l) == NGX_OK) {
            return;
        }

        l->rc = HX_FAIL;
        ngx_hx_fleet_limit_told(l);
        ngx_free(l);
    }
}


/* A permit of this node's lease: OK or NO at once; PENDING: Redis is asked. */

static hx_rc_t
ngx_hx_fleet_limit_take(ngx_hx_fleet_limit_t *l, ngx_log_t *log)
{
    uint64_t          now;
    hx_rc_t           rc;
    hx_str_t          id;
    hx_lease_t       *lease;
    hx_lease_rc_t     said;
    hx_lease_need_t   need;

    id.data = l->id;
    id.len = l->id_len;
    now = ngx_hx_fleet_limit_now();

    ngx_memzero(&need, sizeof(hx_lease_need_t));
    need.rate = l->question.window[0];

    rc = hx_lease_table_enter(l->leases, &id, now, &lease);

    if (rc != HX_OK) {
        l->leases = NULL;               /* no place: one by one */
        return HX_PENDING;
    }

    said = hx_lease_take(lease, &need, now, &l->view, &l->lease);
    hx_lease_table_leave(l->leases, lease);

    switch (said) {

    case HX_LEASE_AHEAD:
        ngx_hx_fleet_limit_ahead(l, log);
        return HX_OK;

    case HX_LEASE_ADMITTED:
        return HX_OK;

    case HX_LEASE_ASK:
        ngx_hx_fleet_limit_lease(l);
        return HX_PENDING;

    default:
        return HX_NO;
    }
}


/* ----------------------------------------------------------------- steps -- */

static ngx_int_t
ngx_hx_fleet_limit_begin(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf)
{
    ngx_pool_cleanup_t         *cln;
    ngx_hx_fleet_limit_t       *l;
    const ngx_hx_main_conf_t   *mcf;

    mcf = ngx_hx_main_conf(r);

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_hx_fleet_limit_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    l = cln->data;
    ngx_memzero(l, sizeof(ngx_hx_fleet_limit_t));

    l->request = r;
    l->ctx = ctx;
    l->rc = HX_FAIL;
    cln->handler = ngx_hx_fleet_limit_cleanup;
    ctx->fleet_limit = l;

    ngx_hx_fleet_limit_fill(l, ctx, mcf->registry.fleet, 0);

    if (lcf->rate_sync == NGX_HX_SYNC_LEASE) {
        l->leases = mcf->leases->data;
        l->rc = ngx_hx_fleet_limit_take(l, r->connection->log);

        if (l->rc != HX_PENDING) {
            return NGX_OK;
        }
    }

    if (ngx_hx_fleet_limit_send(l) != NGX_OK) {
        l->rc = HX_FAIL;
        ngx_hx_fleet_limit_told(l);
        return NGX_OK;
    }

    r->read_event_handler = ngx_http_test_reading;

    return NGX_AGAIN;
}


/* Redis did not say. */

static ngx_int_t
ngx_hx_fleet_limit_failed(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf)
{
    switch (lcf->rate_error) {

    case NGX_HX_ERROR_OPEN:
        return NGX_HX_NEXT;

    case NGX_HX_ERROR_CLOSED:
        ngx_hx_limit_let_go(r, ctx);
        ctx->retry_after = 1;

        return ngx_hx_refuse(ctx, HX_E_UNAVAILABLE, HX_OUTCOME_STORE,
                             "Service is temporarily unavailable");

    default:
        ngx_hx_limit_let_go(r, ctx);

        return ngx_hx_limit_decide(r, ctx, lcf,
                                   ngx_hx_limit_ask(r, ctx, lcf, 0));
    }
}


ngx_int_t
ngx_hx_fleet_limit_admit(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf)
{
    hx_rc_t                rc;
    ngx_hx_fleet_limit_t  *l;

    l = ctx->fleet_limit;

    if (l == NULL) {
        ctx->shadowed = HX_OUTCOME_NONE;
        rc = ngx_hx_limit_ask_quota(r, ctx, lcf);

        if (rc != HX_OK || ctx->standing.verdict != HX_STATE_ADMITTED) {
            return ngx_hx_limit_decide(r, ctx, lcf, rc);
        }

        switch (ngx_hx_fleet_limit_begin(r, ctx, lcf)) {

        case NGX_AGAIN:
            return NGX_HX_WAIT;

        case NGX_ERROR:
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        l = ctx->fleet_limit;
    }

    if (l->rc == HX_PENDING) {
        return NGX_HX_WAIT;
    }

    if (l->rc == HX_FAIL) {
        return ngx_hx_fleet_limit_failed(r, ctx, lcf);
    }

    ctx->standing.view = l->view;
    ctx->standing.windowed = 1;

    if (l->rc == HX_OK) {
        ctx->admitted = 1;
        return NGX_HX_NEXT;
    }

    ctx->standing.verdict = HX_STATE_RATE;

    if (lcf->rate_limit != NGX_HX_MODE_SHADOW) {
        ngx_hx_limit_let_go(r, ctx);
    }

    return ngx_hx_limit_decide(r, ctx, lcf, HX_OK);
}


/*
 * Before a body is read: what this node knows of a refusal, without asking.
 * HX_NO: the window refuses, ctx->standing says until when.
 */

hx_rc_t
ngx_hx_fleet_limit_look(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf)
{
    uint64_t           now;
    hx_lease_t        *lease;
    hx_lease_rc_t      said;
    hx_lease_need_t    need;
    hx_window_view_t   view;
    hx_lease_table_t  *leases;

    if (lcf->rate_sync != NGX_HX_SYNC_LEASE) {
        return HX_OK;
    }

    leases = ngx_hx_main_conf(r)->leases->data;
    now = ngx_hx_fleet_limit_now();

    ngx_memzero(&need, sizeof(hx_lease_need_t));
    ngx_memzero(&view, sizeof(hx_window_view_t));
    need.rate = ctx->limit.rate;

    if (hx_lease_table_enter(leases, &ctx->tenant.id, now, &lease) != HX_OK) {
        return HX_OK;
    }

    said = hx_lease_look(lease, &need, now, &view);
    hx_lease_table_leave(leases, lease);

    if (said != HX_LEASE_RATE) {
        return HX_OK;
    }

    ctx->standing.view = view;
    ctx->standing.windowed = 1;
    ctx->standing.verdict = HX_STATE_RATE;

    return HX_NO;
}
