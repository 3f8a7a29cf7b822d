/*
 * ngx_hx_fleet_ask.c -- one question about limits to Redis: for a request that
 * waits for it, or for this node's lease (hx_lease.h), which it is then put
 * into.  Whoever waits may go away; what a lease is to have is not lost with
 * him.
 */

#include "ngx_hx_fleet_limit.h"


#define NGX_HX_FLEET_ERROR   128        /* bytes of Redis' words in the log */


static ngx_hx_redis_script_t  ngx_hx_fleet_limit_text;


uint64_t
ngx_hx_fleet_limit_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_BOOTTIME, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}


void
ngx_hx_fleet_limit_complain(const redisReply *reply, ngx_hx_redis_err_t err)
{
    size_t       i, len;
    u_char       text[NGX_HX_FLEET_ERROR];
    const char  *why;

    static time_t  told = 0;

    if (told == ngx_time()) {
        return;
    }

    told = ngx_time();

    if (err != NGX_HX_REDIS_NONE) {
        why = ngx_hx_redis_word(err);
        len = ngx_strlen(why);

    } else if (reply != NULL && reply->type == REDIS_REPLY_ERROR) {
        why = reply->str;
        len = reply->len;

    } else {
        why = "that is no answer of the script";
        len = ngx_strlen(why);
    }

    len = ngx_min(len, sizeof(text));

    for (i = 0; i < len; i++) {
        text[i] = why[i] >= 0x20 && why[i] < 0x7f ? (u_char) why[i] : '?';
    }

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "hx_gate: the limits in Redis cannot be asked: %*s", len,
                  text);
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


/*
 * The lease's part of an answer, into it; and what the lease does not take, or
 * a request that is gone does not need, back.
 */

static void
ngx_hx_fleet_limit_told(ngx_hx_fleet_limit_t *l)
{
    uint64_t            now;
    hx_str_t            id;
    hx_lease_t         *lease;
    uint64_t            left;
    hx_lease_rest_t     rest;
    hx_lease_answer_t   a;

    id.data = l->id;
    id.len = l->id_len;

    if (l->leases == NULL) {
        if (l->request == NULL && l->rc == HX_OK && l->answer.tenths != 0) {
            ngx_memzero(&rest, sizeof(hx_lease_rest_t));
            rest.tenths = l->answer.tenths;
            rest.month = l->question.month;

            ngx_hx_fleet_limit_give(&id, &rest);
        }

        return;
    }

    now = ngx_hx_fleet_limit_now();

    if (hx_lease_table_enter(l->leases, &id, now, &lease) != HX_OK) {
        return;                         /* what was taken is lost */
    }

    left = l->question.month != 0 && l->question.quota > l->answer.used
           ? l->question.quota - l->answer.used : 0;

    ngx_memzero(&a, sizeof(hx_lease_answer_t));

    a.rc = l->rc;
    a.quota = l->answer.verdict == HX_FLEET_LIMIT_QUOTA;
    a.permits = l->answer.permits;
    a.tenths = l->answer.tenths;
    a.remaining = l->answer.remaining;
    a.rest = (uint32_t) ngx_min(left, UINT32_MAX);
    a.reset = l->answer.reset;
    a.retry = l->answer.retry;
    a.ticket = l->answer.ticket;
    a.life = l->answer.life;

    hx_lease_told(lease, &l->lease, &a, now, &l->view, &rest);
    hx_lease_table_leave(l->leases, lease);

    ngx_hx_fleet_limit_give(&id, &rest);
}


hx_rc_t
ngx_hx_fleet_limit_read(hx_fleet_limit_answer_t *answer,
    const hx_fleet_limit_ask_t *question, const redisReply *reply)
{
    size_t   i;
    int64_t  value[HX_FLEET_LIMIT_ANSWER];

    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY
        || reply->elements != HX_FLEET_LIMIT_ANSWER)
    {
        return HX_FAIL;
    }

    for (i = 0; i < HX_FLEET_LIMIT_ANSWER; i++) {
        if (reply->element[i]->type != REDIS_REPLY_INTEGER) {
            return HX_FAIL;
        }

        value[i] = reply->element[i]->integer;
    }

    return hx_fleet_limit_answer(answer, question, value,
                                 HX_FLEET_LIMIT_ANSWER);
}


/*
 * Is the request where it waits?  When its client had gone, nginx may have led
 * it on to a post_action, which is not to be begun anew.
 */

static ngx_uint_t
ngx_hx_fleet_limit_waits(const ngx_hx_fleet_limit_t *l)
{
    const ngx_http_request_t  *r;

    r = l->request;

    return r->loc_conf == l->loc_conf && r->phase_handler == l->phase
           && r->post_action == l->post_action;
}


static void
ngx_hx_fleet_limit_done(void *data, const redisReply *reply,
    ngx_hx_redis_err_t err)
{
    ngx_hx_fleet_limit_t  *l = data;

    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    l->ask = NULL;
    l->rc = ngx_hx_fleet_limit_read(&l->answer, &l->question, reply);

    if (l->rc == HX_OK) {
        l->rc = l->answer.verdict == HX_FLEET_LIMIT_ADMITTED ? HX_OK : HX_NO;
        l->taken = l->rc == HX_OK ? l->cost : 0;
        l->quota = l->answer.verdict == HX_FLEET_LIMIT_QUOTA;
        ngx_hx_fleet_limit_view(&l->view, &l->answer);

    } else {
        ngx_hx_fleet_limit_complain(reply, err);
    }

    ngx_hx_fleet_limit_told(l);

    r = l->request;

    if (r == NULL) {
        ngx_free(l);
        return;
    }

    if (!ngx_hx_fleet_limit_waits(l)) {
        return;
    }

    c = r->connection;
    ngx_http_set_log_request(c->log, r);

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_core_run_phases;

    ngx_http_core_run_phases(r);
    ngx_http_run_posted_requests(c);
}


void
ngx_hx_fleet_limit_leave(ngx_hx_fleet_limit_t *l)
{
    if (l->ask == NULL) {
        ngx_free(l);
        return;
    }

    if (l->lease.number != 0 || l->cost != 0) {

        /*
         * a lease is on its way: others may have it, and his own permit; or
         * something of the quota, which goes back
         */

        l->request = NULL;
        l->lease.own = 0;
        l->lease.own_tenths = 0;

        return;
    }

    ngx_hx_redis_cancel(l->ask);
    l->rc = HX_FAIL;
    ngx_hx_fleet_limit_told(l);
    ngx_free(l);
}


/* ------------------------------------------------------------- to ask it -- */

ngx_hx_redis_ask_t *
ngx_hx_fleet_limit_eval(const hx_fleet_limit_ask_t *question,
    ngx_hx_redis_done_pt done, void *data)
{
    int                    i, keys;
    hx_str_t               argv[HX_FLEET_LIMIT_ARGC];
    ngx_hx_redis_t        *redis;
    ngx_hx_redis_ask_t    *ask;
    ngx_hx_redis_err_t     err;
    hx_fleet_limit_cmd_t   cmd;

    if (ngx_hx_fleet_limit_text.text.data == NULL) {
        ngx_hx_fleet_limit_text.text.data =
                                 (const u_char *) hx_fleet_limit_script;
        ngx_hx_fleet_limit_text.text.len = ngx_strlen(hx_fleet_limit_script);
        ngx_hx_fleet_limit_text.sha1.data =
                                 (const u_char *) hx_fleet_limit_sha1;
        ngx_hx_fleet_limit_text.sha1.len = HX_FLEET_LIMIT_SHA1;
    }

    redis = ngx_hx_fleet_redis();

    if (redis == NULL
        || hx_fleet_limit_command(&cmd, question, 0) != HX_OK)
    {
        ngx_hx_fleet_limit_complain(NULL, NGX_HX_REDIS_SHUTDOWN);
        return NULL;
    }

    /* EVALSHA, its digest, the number of keys; then keys and arguments */

    for (i = 3; i < cmd.argc; i++) {
        argv[i - 3].data = (const u_char *) cmd.argv[i];
        argv[i - 3].len = cmd.argvlen[i];
    }

    keys = cmd.argv[2][0] - '0';        /* HX_FLEET_LIMIT_KEYS at most */

    ask = ngx_hx_redis_eval(redis, &ngx_hx_fleet_limit_text, (ngx_uint_t) keys,
                            argv, (ngx_uint_t) (cmd.argc - 3 - keys),
                            argv + keys, 0, done, data, &err);

    if (ask == NULL) {
        ngx_hx_fleet_limit_complain(NULL, err);
    }

    return ask;
}


ngx_int_t
ngx_hx_fleet_limit_send(ngx_hx_fleet_limit_t *l)
{
    l->rc = HX_PENDING;
    l->ask = ngx_hx_fleet_limit_eval(&l->question, ngx_hx_fleet_limit_done, l);

    if (l->ask != NULL) {
        return NGX_OK;
    }

    l->rc = HX_FAIL;
    ngx_hx_fleet_limit_told(l);

    return NGX_ERROR;
}


/* What the lease wants, instead of one for now. */

static void
ngx_hx_fleet_limit_lease(ngx_hx_fleet_limit_t *l)
{
    l->question.permits = l->lease.permits;
    l->question.life = l->lease.life;
    l->question.tenths = l->lease.tenths;
    l->question.tenths_min = l->lease.tenths_min;
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

        if (ngx_hx_fleet_limit_send(l) != NGX_OK) {
            ngx_free(l);
        }
    }
}


hx_rc_t
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
    need.month = l->question.month;
    need.cost = l->cost;

    rc = hx_lease_table_enter(l->leases, &id, now, &lease);

    if (rc != HX_OK) {
        l->leases = NULL;               /* no place: one by one */
        return HX_PENDING;
    }

    said = hx_lease_take(lease, &need, now, &l->view, &l->lease);
    hx_lease_table_leave(l->leases, lease);

    ngx_hx_fleet_limit_look_after();

    switch (said) {

    case HX_LEASE_AHEAD:
        ngx_hx_fleet_limit_ahead(l, log);
        l->taken = l->cost;
        return HX_OK;

    case HX_LEASE_ADMITTED:
        l->taken = l->cost;
        return HX_OK;

    case HX_LEASE_ASK:
        ngx_hx_fleet_limit_lease(l);
        return HX_PENDING;

    default:
        l->quota = said == HX_LEASE_QUOTA;
        return HX_NO;
    }
}
