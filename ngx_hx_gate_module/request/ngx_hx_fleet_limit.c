/*
 * ngx_hx_fleet_limit.c -- the window of a tenant when all nodes share it: held
 * in Redis, asked by each request (strict), or for many requests ahead by this
 * node (lease, hx_lease.h).  A quota that is enforced is asked in the same
 * call: both take, or neither.  This node's own memory is asked as ever, and
 * first: for the tenant's place for its charge, and what is used up as far as
 * is known here costs no call.
 *
 * What cannot be asked is decided by on_error: by this node's own window, by a
 * 503, or by letting it through.
 */

#include "ngx_hx_fleet_limit.h"


static void
ngx_hx_fleet_limit_cleanup(void *data)
{
    ngx_hx_fleet_limit_leave(data);
}


/* Is there a quota that all nodes keep together? */

static ngx_uint_t
ngx_hx_fleet_limit_quota(const ngx_hx_ctx_t *ctx, const ngx_hx_loc_conf_t *lcf)
{
    return !lcf->shadow && ngx_hx_limit_quota(ctx, lcf) != HX_QUOTA_UNLIMITED;
}


static void
ngx_hx_fleet_limit_fill(ngx_hx_fleet_limit_t *l, const ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf, const ngx_hx_fleet_conf_t *conf,
    ngx_uint_t window)
{
    hx_fleet_limit_ask_t  *q;

    l->id_len = ctx->tenant.id.len;
    ngx_memcpy(l->id, ctx->tenant.id.data, l->id_len);

    q = &l->question;
    q->prefix.data = conf->prefix.data;
    q->prefix.len = conf->prefix.len;
    q->tenant.data = l->id;
    q->tenant.len = l->id_len;
    q->mode = HX_FLEET_LIMIT_TAKE;
    q->permits = 1;
    q->permits_min = 1;
    q->quota = UINT64_MAX;

    if (window) {
        q->window[0] = ctx->limit.rate;
    }

    if (ngx_hx_fleet_limit_quota(ctx, lcf)) {
        l->cost = ctx->operation->cost;

        q->quota = ngx_hx_limit_quota(ctx, lcf);
        q->month = ngx_hx_month(ngx_time());
        q->known = ctx->standing.used;
        q->tenths = l->cost;
        q->tenths_min = l->cost;
    }
}


/*
 * Asks into ctx->fleet_limit; without "window" the quota alone.  NGX_ERROR: no
 * memory.
 */

static ngx_int_t
ngx_hx_fleet_limit_begin(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf, ngx_uint_t window)
{
    ngx_pool_cleanup_t         *cln;
    ngx_hx_fleet_limit_t       *l;
    const ngx_hx_main_conf_t   *mcf;

    mcf = ngx_hx_main_conf(r);

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    l = ngx_calloc(sizeof(ngx_hx_fleet_limit_t), r->connection->log);
    if (l == NULL) {
        return NGX_ERROR;
    }

    l->request = r;
    cln->handler = ngx_hx_fleet_limit_cleanup;
    cln->data = l;
    ctx->fleet_limit = l;

    ngx_hx_fleet_limit_fill(l, ctx, lcf, mcf->registry.fleet, window);

    if (window && lcf->rate_sync == NGX_HX_SYNC_LEASE) {
        l->leases = mcf->leases->data;
        l->question.node = hx_lease_table_node(l->leases);
        l->rc = ngx_hx_fleet_limit_take(l, r->connection->log);

        if (l->rc != HX_PENDING) {
            return NGX_OK;
        }
    }

    (void) ngx_hx_fleet_limit_send(l);

    return NGX_OK;
}


static ngx_int_t
ngx_hx_fleet_limit_wait(ngx_http_request_t *r, ngx_hx_fleet_limit_t *l)
{
    l->loc_conf = r->loc_conf;
    l->phase = r->phase_handler;
    l->post_action = r->post_action;

    /* who goes away meanwhile is noticed; a post_action is not his */

    if (!r->post_action) {
        r->read_event_handler = ngx_http_test_reading;
    }

    return NGX_HX_WAIT;
}


/* Redis did not say. */

static ngx_int_t
ngx_hx_fleet_limit_failed(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf)
{
    hx_metrics_fleet_t  *m;

    m = &ngx_hx_shared(ngx_hx_main_conf(r))->fleet;

    switch (lcf->rate_error) {

    case NGX_HX_ERROR_OPEN:
        hx_metrics_count(&m->fallback[HX_METRICS_FALLBACK_OPEN], 1);

        return NGX_HX_NEXT;

    case NGX_HX_ERROR_CLOSED:
        hx_metrics_count(&m->fallback[HX_METRICS_FALLBACK_CLOSED], 1);

        if (lcf->rate_limit == NGX_HX_MODE_SHADOW) {
            ctx->shadowed = HX_OUTCOME_STORE;
            return NGX_HX_NEXT;
        }

        ngx_hx_limit_let_go(r, ctx);
        ctx->retry_after = 1;

        return ngx_hx_refuse(ctx, HX_E_UNAVAILABLE, HX_OUTCOME_STORE,
                             "Service is temporarily unavailable");

    default:
        hx_metrics_count(&m->fallback[HX_METRICS_FALLBACK_LOCAL], 1);

        ngx_hx_limit_let_go(r, ctx);

        return ngx_hx_limit_decide(r, ctx, lcf,
                                   ngx_hx_limit_ask(r, ctx, lcf, 0));
    }
}


/* What this node knows by itself, once; then the question to all. */

static ngx_int_t
ngx_hx_fleet_limit_first(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf)
{
    hx_rc_t  rc;

    ctx->limit_asked = 1;
    ctx->shadowed = HX_OUTCOME_NONE;

    rc = ngx_hx_limit_ask_quota(r, ctx, lcf);

    if (rc != HX_OK || ctx->standing.verdict != HX_STATE_ADMITTED) {
        return ngx_hx_limit_decide(r, ctx, lcf, rc);
    }

    ctx->fleet_limit = NULL;

    /* who was admitted where the gate only looked on counts already */

    if (ctx->admitted && !ngx_hx_fleet_limit_quota(ctx, lcf)) {
        return NGX_HX_NEXT;
    }

    return ngx_hx_fleet_limit_begin(r, ctx, lcf, !ctx->admitted) == NGX_OK
           ? NGX_HX_NEXT : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


/* An answer of OK or NO. */

static ngx_int_t
ngx_hx_fleet_limit_answered(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf, const ngx_hx_fleet_limit_t *l)
{
    if (l->question.window[0].requests != 0) {
        ctx->standing.view = l->view;
        ctx->standing.windowed = 1;

        if (l->rc == HX_OK) {
            ctx->admitted = 1;
        }
    }

    if (l->rc == HX_OK) {
        return NGX_HX_NEXT;
    }

    ctx->standing.verdict = l->quota ? HX_STATE_QUOTA : HX_STATE_RATE;

    if (l->quota || lcf->rate_limit != NGX_HX_MODE_SHADOW) {
        ngx_hx_limit_let_go(r, ctx);
    }

    return ngx_hx_limit_decide(r, ctx, lcf, HX_OK);
}


ngx_int_t
ngx_hx_fleet_limit_admit(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf)
{
    ngx_int_t              rc;
    ngx_hx_fleet_limit_t  *l;

    if (!ctx->limit_asked) {
        rc = ngx_hx_fleet_limit_first(r, ctx, lcf);

        if (rc != NGX_HX_NEXT || ctx->fleet_limit == NULL) {
            return rc;
        }
    }

    for ( ;; ) {
        l = ctx->fleet_limit;

        if (l->rc == HX_PENDING) {
            return ngx_hx_fleet_limit_wait(r, l);
        }

        if (l->rc == HX_FAIL) {
            return ngx_hx_fleet_limit_failed(r, ctx, lcf);
        }

        rc = ngx_hx_fleet_limit_answered(r, ctx, lcf, l);

        /* refused by a window in shadow mode: the quota took nothing yet */

        if (rc != NGX_HX_NEXT || l->rc == HX_OK || l->cost == 0
            || l->question.window[0].requests == 0)
        {
            return rc;
        }

        if (ngx_hx_fleet_limit_begin(r, ctx, lcf, 0) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }
}


/*
 * Before a body is read: what this node knows of a refusal, without asking.
 * HX_NO: ctx->standing says who refuses, and until when.
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

    if (ngx_hx_fleet_limit_quota(ctx, lcf)) {
        need.month = ngx_hx_month(ngx_time());
        need.cost = ctx->operation->cost;
    }

    if (hx_lease_table_enter(leases, &ctx->tenant.id, now, &lease) != HX_OK) {
        return HX_OK;
    }

    said = hx_lease_look(lease, &need, now, &view);
    hx_lease_table_leave(leases, lease);

    if (said != HX_LEASE_RATE && said != HX_LEASE_QUOTA) {
        return HX_OK;
    }

    ctx->standing.view = view;
    ctx->standing.windowed = 1;
    ctx->standing.verdict = said == HX_LEASE_RATE ? HX_STATE_RATE
                                                  : HX_STATE_QUOTA;

    return HX_NO;
}
