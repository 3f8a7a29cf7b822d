/*
 * ngx_hx_meter.c -- the end of a request (log phase): numbers for Prometheus,
 * and the charge together with the audit record that bears it.
 *
 * Both count by one store in the shared memory, or neither does: a record that
 * cannot be kept (its buffer is full, the disk too) charges nobody, and a
 * charge that cannot be made leaves a record of 0 CUs.
 */

#include "ngx_hx_gate.h"


#define NGX_HX_METER_METHOD_MAX   32        /* bytes; longer ones are cut */


static ngx_uint_t
ngx_hx_meter_status(const ngx_http_request_t *r)
{
    if (r->err_status) {
        return r->err_status;
    }

    if (r->headers_out.status) {
        return r->headers_out.status;
    }

    return r->http_version == NGX_HTTP_VERSION_9 ? 9 : 0;
}


/* From the request line: an error_page turns r->method_name into GET. */

static void
ngx_hx_meter_method(const ngx_http_request_t *r, hx_str_t *method)
{
    size_t         len;
    const u_char  *p;

    p = r->request_line.data;
    len = ngx_min(r->request_line.len, NGX_HX_METER_METHOD_MAX);

    method->data = p;

    for (method->len = 0; method->len < len && p[method->len] != ' ';
         method->len++)
    {
        /* void */
    }
}


static void
ngx_hx_meter_upstream(const ngx_http_request_t *r, hx_audit_extended_t *e)
{
    ngx_uint_t                  i;
    ngx_msec_int_t              ms;
    ngx_http_upstream_state_t  *state;

    e->upstream_ms = -1;

    if (r->upstream_states == NULL) {
        return;
    }

    state = r->upstream_states->elts;
    ms = 0;

    for (i = 0; i < r->upstream_states->nelts; i++) {
        if (state[i].response_time != (ngx_msec_t) -1) {
            ms += (ngx_msec_int_t) state[i].response_time;
            e->upstream_ms = ms;
        }
    }
}


/* The name of what was asked for; of the gate's own paths, too. */

static hx_str_t
ngx_hx_meter_operation(const ngx_hx_ctx_t *ctx)
{
    static const hx_str_t  none = { NULL, 0 };

    if (ctx->operation != NULL) {
        return ctx->operation->name;
    }

    return ctx->admin_path != 0 ? hx_adminpath(ctx->admin_path)->name : none;
}


static void
ngx_hx_meter_extended(ngx_http_request_t *r, const ngx_hx_ctx_t *ctx,
    hx_audit_extended_t *e)
{
    off_t             out;
    ngx_table_elt_t  *agent;

    ngx_memzero(e, sizeof(hx_audit_extended_t));

    e->operation = ngx_hx_meter_operation(ctx);
    e->outcome = hx_outcome_word(ngx_hx_outcome(ctx));
    e->client.data = r->connection->addr_text.data;
    e->client.len = r->connection->addr_text.len;

    agent = r->headers_in.user_agent;

    if (agent != NULL) {
        e->user_agent.data = agent->value.data;
        e->user_agent.len = agent->value.len;
    }

    out = ctx->lcf->audit->early
          ? ctx->body_out : r->connection->sent - (off_t) r->header_size;

    e->bytes_in = (uint64_t) ngx_max(r->request_length, 0);
    e->bytes_out = (uint64_t) ngx_max(out, 0);
    e->error = hx_error_word(ctx->error);
    e->admin = ctx->admin;
    e->change = ctx->change;

    if (ctx->lcf->webhook != NULL) {
        e->event_result = hx_billing_word(
            ngx_hx_event_result(r, ctx, ngx_hx_meter_status(r)));
        e->event_type = ctx->event_type;
        e->event_id = ctx->event_id;
        e->other = ctx->event_other;
        e->other_change = ctx->event_other_change;
    }

    ngx_hx_meter_upstream(r, e);
}


static void
ngx_hx_meter_record(ngx_http_request_t *r, const ngx_hx_ctx_t *ctx,
    hx_audit_record_t *rec, hx_audit_extended_t *extended)
{
    ngx_time_t      *tp;
    ngx_msec_int_t   ms;

    tp = ngx_timeofday();
    ms = (ngx_msec_int_t) ((tp->sec - r->start_sec) * 1000
                           + (ngx_msec_int_t) (tp->msec - r->start_msec));

    ngx_memzero(rec, sizeof(hx_audit_record_t));

    rec->sec = tp->sec;
    rec->msec = (unsigned) tp->msec;
    rec->tenant = ctx->tenant.id;
    ngx_hx_meter_method(r, &rec->method);
    rec->path.data = r->unparsed_uri.data;
    rec->path.len = r->unparsed_uri.len;
    rec->ns.data = ctx->ns.data;
    rec->ns.len = ctx->ns.len;
    rec->status = (unsigned) ngx_hx_meter_status(r);
    rec->cus = ctx->operation != NULL && ctx->operation->usage != 0
               ? ctx->cus : 0;
    rec->latency_ms = (uint64_t) ngx_max(ms, 0);
    rec->request_id.data = ctx->request_id.data;
    rec->request_id.len = ctx->request_id.len;

    if (ctx->lcf->audit != NULL && ctx->lcf->audit->extended) {
        ngx_hx_meter_extended(r, ctx, extended);
        rec->extended = extended;

    } else if (ctx->lcf->shadow || ctx->shadowed != HX_OUTCOME_NONE) {
        rec->outcome = hx_outcome_word(ngx_hx_outcome(ctx));
    }
}


static void
ngx_hx_meter_numbers(ngx_http_request_t *r, const ngx_hx_ctx_t *ctx,
    const hx_audit_record_t *rec)
{
    hx_metrics_t              *m;
    const ngx_hx_main_conf_t  *mcf;

    mcf = ngx_hx_main_conf(r);
    m = &ngx_hx_shared(mcf)->metrics;

    hx_metrics_request(m,
                       ctx->operation != NULL
                       ? ctx->operation->route
                       : mcf->admin_routes[ctx->admin_path],
                       hx_metrics_method(&rec->method), rec->status,
                       rec->latency_ms);

    hx_metrics_decision(m, ngx_hx_outcome(ctx),
                        ctx->lcf->shadow
                        || ctx->shadowed != HX_OUTCOME_NONE);

    if (ctx->lcf->webhook != NULL) {
        hx_metrics_webhook(m, ctx->event_id.len != 0 ? ctx->event_kind
                                                     : HX_STRIPE_TYPE_COUNT,
                           ngx_hx_event_result(r, ctx, rec->status));
    }
}


/*
 * A refusal because the trail takes nothing leaves half of the buffer to those
 * whose requests are under way, and to operators.
 */

static ngx_uint_t
ngx_hx_meter_crowded(const ngx_hx_ctx_t *ctx)
{
    size_t           room;
    uint32_t         last;
    const hx_box_t  *box;

    if (ctx->outcome != HX_OUTCOME_AUDIT) {
        return 0;
    }

    box = ngx_hx_audit_box(ctx->lcf->audit);

    if (box->head == NULL) {
        return 1;
    }

    (void) hx_box_room(box, &last, &room);

    return last > room;
}


/*
 * The record into the buffer, made to count with its charge.  NGX_DECLINED =
 * no charge was made, try once more with 0; NGX_ABORT = the record is lost.
 */

static ngx_int_t
ngx_hx_meter_charge(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const hx_audit_record_t *rec)
{
    uint32_t            place;
    ngx_hx_audit_t     *a;
    hx_state_charge_t   c;

    a = ctx->lcf->audit;

    c.id = ctx->tenant.id;
    c.answer = ctx->standing.held != 0 ? &ctx->standing : NULL;
    c.month = ngx_hx_month((time_t) rec->sec);
    c.operation = rec->cus != 0 ? ctx->operation->usage : 0;
    c.tenths = rec->cus;
    c.box = NULL;
    c.box_last = 0;
    c.place = &place;

    place = 0;

    if (a != NULL) {
        if (ngx_hx_meter_crowded(ctx)) {
            ngx_hx_audit_lose(a, r->connection->log);
            c.operation = 0;

        } else if (ngx_hx_audit_put(a, rec, &c.box_last, r->connection->log)
                   != NGX_OK)
        {
            /* no record: nobody is charged, but what was set aside is let go */

            c.operation = 0;

        } else {
            c.box = ngx_hx_audit_box(a);
        }
    }

    if (hx_state_charge(ngx_hx_state(ngx_hx_main_conf(r)), &c) != HX_OK) {
        return NGX_DECLINED;
    }

    ngx_hx_fleet_limit_settle(ctx, c.operation != 0 ? c.tenths : 0);

    if (c.operation != 0) {
        hx_metrics_charge(&ngx_hx_shared(ngx_hx_main_conf(r))->metrics,
                          place, ctx->operation->meter,
                          c.tenths);
    }

    if (c.box != NULL) {
        ngx_hx_audit_put_done(a, 1);
    }

    return a == NULL || c.box != NULL ? NGX_OK : NGX_ABORT;
}


ngx_hx_ctx_t *
ngx_hx_meter_ctx(ngx_http_request_t *r, ngx_uint_t early)
{
    ngx_hx_ctx_t             *ctx;
    const ngx_hx_loc_conf_t  *lcf;

    ctx = ngx_hx_ctx(r);
    lcf = ctx != NULL ? ctx->lcf : ngx_hx_loc_conf(r);

    if (!ngx_hx_loc_recorded(lcf)) {
        return NULL;
    }

    if (early && (lcf->audit == NULL || !lcf->audit->early)) {
        return NULL;
    }

    if (ctx == NULL) {
        ctx = ngx_hx_ctx_make(r);

        if (ctx == NULL) {
            ngx_hx_audit_lose(lcf->audit, r->connection->log);
        }
    }

    return ctx;
}


ngx_int_t
ngx_hx_meter_finish(ngx_http_request_t *r, ngx_hx_ctx_t *ctx)
{
    ngx_int_t             rc;
    hx_audit_record_t     rec;
    hx_audit_extended_t   extended;

    ctx->recorded = 1;

    (void) ngx_hx_read_headers(r, ctx);

    ngx_hx_meter_record(r, ctx, &rec, &extended);
    ngx_hx_meter_numbers(r, ctx, &rec);

    rc = ngx_hx_meter_charge(r, ctx, &rec);

    if (rc == NGX_DECLINED) {

        hx_metrics_add(&ngx_hx_shared(ngx_hx_main_conf(r))->metrics,
                       HX_METRICS_ZONE_FULL, 1);

        ngx_log_error(NGX_LOG_CRIT, r->connection->log, 0,
                      "hx_gate: the zone is full, a charge was not made");

        rec.cus = 0;
        ctx->standing.held = 0;
        rc = ngx_hx_meter_charge(r, ctx, &rec);
    }

    return rc == NGX_OK ? NGX_OK : NGX_DECLINED;
}


/* The record says how it was to end; it ended otherwise. */

static void
ngx_hx_meter_amend(ngx_http_request_t *r, const ngx_hx_ctx_t *ctx)
{
    uint32_t               last;
    const ngx_hx_audit_t  *a;
    hx_audit_record_t      rec;
    hx_audit_extended_t    extended;

    a = ctx->lcf->audit;

    ngx_hx_meter_record(r, ctx, &rec, &extended);

    rec.status = HX_AUDIT_STATUS_GONE;
    rec.cus = 0;
    rec.amends = 1;
    extended.bytes_out = (uint64_t) ngx_max(r->connection->sent
                                            - (off_t) r->header_size, 0);

    if (ngx_hx_audit_put(a, &rec, &last, r->connection->log) == NGX_OK) {
        hx_box_advance(ngx_hx_audit_box(a), last);
        ngx_hx_audit_put_done(a, 0);
    }
}


/*
 * A response was begun, and has not gone out as a whole, as far as can be seen
 * from here; and the record does not say so itself.
 */

static ngx_uint_t
ngx_hx_meter_aborted(const ngx_http_request_t *r, const ngx_hx_ctx_t *ctx)
{
    const ngx_connection_t  *c;

    c = r->connection;

    if (ctx->lcf->audit == NULL || !ctx->lcf->audit->early) {
        return 0;
    }

    if (!ctx->recorded
        && (!r->header_sent
            || ngx_hx_meter_status(r) == HX_AUDIT_STATUS_GONE))
    {
        return 0;
    }

    /* errors of a connection may also come afterwards: from a body that is
     * thrown away, or from nginx, which so ends what a filter has finalized */

    return ((c->error || c->timedout) && !r->request_complete
            && !r->filter_finalize)
           || c->buffered || r->buffered;
}


ngx_int_t
ngx_hx_meter_handler(ngx_http_request_t *r)
{
    ngx_uint_t     aborted;
    ngx_hx_ctx_t  *ctx;

    if (r != r->main) {
        return NGX_OK;
    }

    ctx = ngx_hx_meter_ctx(r, 0);

    if (ctx == NULL) {
        return NGX_OK;
    }

    aborted = ngx_hx_meter_aborted(r, ctx);

    if (!ctx->recorded) {
        (void) ngx_hx_meter_finish(r, ctx);
    }

    if (aborted) {
        ngx_hx_meter_amend(r, ctx);
    }

    return NGX_OK;
}


/*
 * Names get the numbers that shared memory counts them under.  One that gets
 * none (255 were ever in use) has no charge made.
 */

void
ngx_hx_meter_init(ngx_hx_main_conf_t *mcf, ngx_log_t *log)
{
    hx_metrics_t     *m;
    ngx_uint_t        i, k;
    ngx_array_t     **all;
    hx_operation_t   *op;

    m = &ngx_hx_shared(mcf)->metrics;
    all = mcf->operations.elts;

    for (i = 1; i < HX_ADMINPATHS; i++) {
        mcf->admin_routes[i] =
            hx_metrics_route(m, &hx_adminpath((unsigned) i)->method,
                             &hx_adminpath((unsigned) i)->pattern);
    }

    for (i = 0; i < mcf->operations.nelts; i++) {
        op = all[i]->elts;

        for (k = 0; k < all[i]->nelts; k++) {
            op[k].usage = hx_state_operation(ngx_hx_state(mcf), &op[k].name);
            op[k].meter = hx_metrics_operation(m, &op[k].name);
            op[k].route = hx_metrics_route(m, &op[k].method, &op[k].pattern);

            if (op[k].usage == 0) {
                ngx_log_error(NGX_LOG_ALERT, log, 0, "hx_gate: there have "
                              "been more than %d names of operations, what "
                              "\"%*s\" costs is not counted",
                              HX_STATE_OPERATIONS, op[k].name.len,
                              op[k].name.data);
            }
        }
    }
}
