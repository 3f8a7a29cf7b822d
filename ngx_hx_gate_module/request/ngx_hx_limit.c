/*
 * ngx_hx_limit.c -- where a tenant stands: what holds for it, and the question
 * to the shared memory.  Asked by the steps that refuse (rate, admit) and by
 * who writes it into headers.
 */

#include "ngx_hx_gate.h"

#include "hx_month.h"


static void
ngx_hx_limit_unknown_plan(ngx_http_request_t *r, const ngx_hx_ctx_t *ctx)
{
    ngx_str_t  plan, id;

    static time_t  told = 0;

    if (told == ngx_time()) {
        return;
    }

    told = ngx_time();

    plan.data = (u_char *) ctx->tenant.plan.data;
    plan.len = ctx->tenant.plan.len;
    id.data = (u_char *) ctx->tenant.id.data;
    id.len = ctx->tenant.id.len;

    ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                  "hx_gate: there is no plan \"%V\" of tenant \"%V\", the "
                  "default rate and the quota of \"starter\" hold", &plan,
                  &id);
}


static void
ngx_hx_limit_resolve(ngx_http_request_t *r, ngx_hx_ctx_t *ctx)
{
    const ngx_hx_main_conf_t  *mcf;

    if (ctx->limit.rate.requests != 0) {
        return;
    }

    mcf = ngx_hx_main_conf(r);

    hx_limit_resolve(&ctx->limit, &ctx->tenant, mcf->plans.elts,
                     (unsigned) mcf->plans.nelts, &mcf->default_rate);

    if (ctx->limit.unknown_plan) {
        ngx_hx_limit_unknown_plan(r, ctx);
    }
}


unsigned
ngx_hx_month(time_t sec)
{
    static time_t    begin = 0, end = 0;
    static unsigned  month = 0;

    if (sec < begin || sec >= end) {
        month = hx_month_of((int64_t) sec);
        begin = sec;
        end = (time_t) hx_month_end(month);
    }

    return month;
}


/*
 * What is used elsewhere: read from the store on the event loop, a page of its
 * map, once for a tenant, month and life in the shared memory.
 *
 * When a reload has put the memory of before aside, its workers may still
 * charge there: then it counts itself, too, and is left out of what is stored.
 */

static hx_rc_t
ngx_hx_limit_base(const ngx_hx_zone_t *zone, const hx_state_ask_t *ask,
    const hx_state_answer_t *answer)
{
    u_char            sources[2 * HX_STATE_SOURCE];
    size_t            n;
    hx_rc_t           rc;
    uint64_t          stored, aside;
    hx_state_used_t   used;

    hx_state_source(zone->state, answer->incarnation, sources);
    n = 1;
    aside = 0;

    if (zone->retired != NULL && !zone->foreign) {
        rc = hx_state_used(zone->retired, &ask->id, &used);

        if (rc == HX_FAIL) {
            return rc;
        }

        if (rc == HX_OK) {
            hx_state_source(zone->retired, used.incarnation,
                            sources + HX_STATE_SOURCE);
            n = 2;
            aside = hx_state_used_in(&used, ask->month);
        }
    }

    if (ngx_hx_usage_total(ask->month, &ask->id, sources, n, &stored) != HX_OK)
    {
        return HX_FAIL;
    }

    return hx_state_base(zone->state, &ask->id, answer->incarnation,
                         ask->month, stored + aside);
}


uint64_t
ngx_hx_limit_quota(const ngx_hx_ctx_t *ctx, const ngx_hx_loc_conf_t *lcf)
{
    return lcf->billing && !ctx->limit.overage && ctx->operation != NULL
           ? ctx->limit.quota : HX_QUOTA_UNLIMITED;
}


static void
ngx_hx_limit_question(const ngx_hx_ctx_t *ctx, const ngx_hx_loc_conf_t *lcf,
    ngx_uint_t look, hx_state_ask_t *ask)
{
    ngx_memzero(ask, sizeof(hx_state_ask_t));

    ask->id = ctx->tenant.id;
    ask->month = ngx_hx_month(ngx_time());
    ask->cost = ctx->operation != NULL ? ctx->operation->cost : 0;
    ask->look = look ? 1 : 0;
    ask->force = lcf->rate_limit == NGX_HX_MODE_SHADOW;

    if (lcf->rate_limit != NGX_HX_MODE_OFF) {
        ask->rate = ctx->limit.rate;
    }

    ask->quota = ngx_hx_limit_quota(ctx, lcf);
}


/* The tenant may lose its place between the answers, hardly twice. */

static hx_rc_t
ngx_hx_limit_answer(const ngx_hx_zone_t *zone, const hx_state_ask_t *ask,
    hx_state_answer_t *answer)
{
    hx_rc_t     rc;
    ngx_uint_t  tries;

    /* while workers of before may charge elsewhere, what is used there is
     * looked up each time */

    if (zone->retired != NULL && !zone->foreign
        && ask->quota != HX_QUOTA_UNLIMITED)
    {
        hx_state_base_void(zone->state, &ask->id);
    }

    for (tries = 0; tries < 8; tries++) {
        rc = hx_state_ask(zone->state, ask, answer);

        if (rc != HX_OK || answer->verdict != HX_STATE_BASE) {
            return rc;
        }

        if (ngx_hx_limit_base(zone, ask, answer) == HX_FAIL) {
            return HX_FAIL;
        }
    }

    return HX_FAIL;
}


/* As in shadow mode: nothing is charged, so nothing is set aside for it. */

void
ngx_hx_limit_let_go(ngx_http_request_t *r, ngx_hx_ctx_t *ctx)
{
    hx_state_charge_t  c;

    if (ctx->standing.held == 0) {
        return;
    }

    ngx_memzero(&c, sizeof(hx_state_charge_t));

    c.id = ctx->tenant.id;
    c.answer = &ctx->standing;

    (void) hx_state_charge(ngx_hx_state(ngx_hx_main_conf(r)), &c);

    ctx->standing.held = 0;
}


hx_rc_t
ngx_hx_limit_ask(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf, ngx_uint_t look)
{
    hx_rc_t               rc;
    ngx_uint_t            again;
    hx_state_ask_t        ask;
    hx_window_view_t      view;
    const ngx_hx_zone_t  *zone;

    zone = ngx_hx_zone(ngx_hx_main_conf(r));

    ngx_hx_limit_resolve(r, ctx);
    ngx_hx_limit_question(ctx, lcf, look, &ask);

    /* led on from where it was admitted in shadow mode: it counts already */

    again = ctx->admitted && !look;
    view = ctx->standing.view;

    if (again) {
        ask.rate.requests = 0;
    }

    rc = ngx_hx_limit_answer(zone, &ask, &ctx->standing);

    if (rc != HX_OK) {
        return rc;
    }

    if (again) {
        ctx->standing.view = view;
        ctx->standing.windowed = 1;

    } else if (!look && ctx->standing.windowed
               && ctx->standing.verdict == HX_STATE_ADMITTED)
    {
        ctx->admitted = 1;
    }

    if (lcf->shadow) {
        ngx_hx_limit_let_go(r, ctx);
    }

    return HX_OK;
}


hx_rc_t
ngx_hx_limit_ask_quota(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf)
{
    hx_rc_t               rc;
    hx_state_ask_t        ask;
    hx_window_view_t      view;
    const ngx_hx_zone_t  *zone;

    zone = ngx_hx_zone(ngx_hx_main_conf(r));

    ngx_hx_limit_resolve(r, ctx);
    ngx_hx_limit_question(ctx, lcf, 0, &ask);
    ask.rate.requests = 0;
    view = ctx->standing.view;

    rc = ngx_hx_limit_answer(zone, &ask, &ctx->standing);

    if (rc == HX_OK && ctx->admitted) {
        ctx->standing.view = view;
        ctx->standing.windowed = 1;
    }

    if (rc == HX_OK && lcf->shadow) {
        ngx_hx_limit_let_go(r, ctx);
    }

    return rc;
}


static ngx_int_t
ngx_hx_limit_refuse_rate(ngx_http_request_t *r, ngx_hx_ctx_t *ctx)
{
    u_char     after[64];
    uint64_t   ns;

    ns = ctx->standing.view.retry;

    /* rounded up: who waits so long is admitted */

    ctx->retry_after = (ngx_uint_t) ((ns + 999999999) / 1000000000);

    if (ctx->retry_after == 0) {
        ctx->retry_after = 1;
    }

    *ngx_snprintf(after, sizeof(after) - 1, "'. Retry after %uis.",
                  ctx->retry_after) = '\0';

    return ngx_hx_refuse_echo(r, ctx, HX_E_RATE_LIMITED,
                              HX_OUTCOME_RATE_LIMITED,
                              "Rate limit exceeded for tenant '",
                              ctx->tenant.id.data, ctx->tenant.id.len,
                              (char *) after);
}


static ngx_int_t
ngx_hx_limit_refuse_quota(ngx_http_request_t *r, ngx_hx_ctx_t *ctx)
{
    int64_t  left;

    left = hx_month_end(ngx_hx_month(ngx_time())) - (int64_t) ngx_time();
    ctx->retry_after = (ngx_uint_t) ngx_max(left, 1);

    return ngx_hx_refuse_echo(r, ctx, HX_E_QUOTA_EXCEEDED,
                              HX_OUTCOME_QUOTA_EXCEEDED,
                              "Monthly CU quota exceeded for tenant '",
                              ctx->tenant.id.data, ctx->tenant.id.len, "'");
}


ngx_int_t
ngx_hx_limit_decide(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf, hx_rc_t rc)
{
    ngx_hx_shared_t  *sh;

    sh = ngx_hx_shared(ngx_hx_main_conf(r));

    if (rc != HX_OK) {
        hx_metrics_add(&sh->metrics, HX_METRICS_ZONE_FULL, 1);

        ctx->retry_after = 1;

        return ngx_hx_refuse(ctx, HX_E_UNAVAILABLE, HX_OUTCOME_STORE,
                             "Service is temporarily unavailable");
    }

    switch (ctx->standing.verdict) {

    case HX_STATE_RATE:
        if (lcf->rate_limit == NGX_HX_MODE_SHADOW) {
            ctx->shadowed = HX_OUTCOME_RATE_LIMITED;
            return NGX_HX_NEXT;
        }

        if (!lcf->shadow) {
            hx_metrics_rejected(&sh->metrics, ctx->standing.place);
        }

        return ngx_hx_limit_refuse_rate(r, ctx);

    case HX_STATE_QUOTA:
        return ngx_hx_limit_refuse_quota(r, ctx);

    default:
        return NGX_HX_NEXT;
    }
}
