/*
 * ngx_hx_hold.c -- nothing is answered that is not recorded.
 *
 * With durability=write and fsync, and with "required", charge and record are
 * made before the last byte of a response goes on to be sent: at the header of
 * one without a body, else at the last buffer.  What is not as durable as the
 * directive says by then is held back here, header and all, until it is.
 *
 * How: r->buffered has a bit of ours, so nginx waits with the request as it
 * does for a slow client; an event of ours sends what was held when the record
 * is safe, and posts the write event, whoever handles that by then.  When it
 * takes NGX_HX_AUDIT_HOLD, the connection ends without the rest.
 */

#include "ngx_hx_audit.h"


/* A bit of r->buffered that nginx's own filters do not use there. */
#define NGX_HX_BUFFERED_BIT   0x08


static ngx_http_output_header_filter_pt  ngx_hx_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_hx_next_body_filter;


static ngx_int_t ngx_hx_hold_release(ngx_http_request_t *r, ngx_hx_hold_t *h);


/* Has the record come as far as it must? */

static ngx_uint_t
ngx_hx_hold_settled(const ngx_hx_trail_t *t, uint64_t number)
{
    switch (t->audit->durability) {

    case NGX_HX_BUFFERED:
        return 1;

    case NGX_HX_WRITE:
        return t->written >= number;

    default:
        return t->synced >= number;
    }
}


/*
 * An operator gets through, or nobody could mend anything; so does a tenant who
 * asks about itself, and a refusal for just this reason; shadow mode refuses
 * nobody.
 */

static ngx_uint_t
ngx_hx_hold_strict(const ngx_hx_ctx_t *ctx)
{
    return !ctx->admin && !ctx->own && !ctx->lcf->shadow
           && ctx->outcome != HX_OUTCOME_AUDIT;
}


static void
ngx_hx_hold_cleanup(void *data)
{
    ngx_hx_hold_t  *h = data;

    if (h->waiting) {
        ngx_queue_remove(&h->queue);
        h->waiting = 0;
    }

    if (h->event.posted) {
        ngx_delete_posted_event(&h->event);
    }
}


static void
ngx_hx_hold_event(ngx_event_t *ev)
{
    ngx_hx_hold_t       *h;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    h = ev->data;
    r = h->request;
    c = r->connection;

    if (!(r->buffered & NGX_HX_BUFFERED_BIT)) {
        return;                         /* somebody has asked for it */
    }

    ngx_http_set_log_request(c->log, r);

    if (ngx_hx_hold_release(r, h) == NGX_ERROR) {
        ngx_http_finalize_request(r, NGX_ERROR);

    } else {
        ngx_post_event(c->write, &ngx_posted_events);
    }

    ngx_http_run_posted_requests(c);
}


static ngx_int_t
ngx_hx_hold_begin(ngx_http_request_t *r, ngx_hx_ctx_t *ctx)
{
    ngx_hx_hold_t        *h;
    ngx_hx_trail_t       *t;
    ngx_pool_cleanup_t   *cln;

    t = ctx->lcf->audit->trail;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_hx_hold_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    h = cln->data;
    ngx_memzero(h, sizeof(ngx_hx_hold_t));

    cln->handler = ngx_hx_hold_cleanup;

    h->request = r;
    h->number = t->put;
    h->since = ngx_current_msec;
    h->waiting = 1;

    h->event.data = h;
    h->event.handler = ngx_hx_hold_event;
    h->event.log = r->connection->log;

    ngx_queue_insert_tail(&t->waiting, &h->queue);

    if (t->failing) {
        ngx_hx_audit_arm(t);            /* a worker that ends has let it be */
    }

    ctx->hold = h;
    r->buffered |= NGX_HX_BUFFERED_BIT;

    return NGX_AGAIN;
}


static ngx_int_t
ngx_hx_hold_cut(ngx_http_request_t *r)
{
    hx_metrics_add(&ngx_hx_shared(ngx_hx_main_conf(r))->metrics,
                   HX_METRICS_AUDIT_CUT, 1);

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0, "hx_gate: the audit "
                  "record of a response could not be stored, it is not "
                  "completed");

    return NGX_ERROR;
}


/*
 * Makes the record.  NGX_OK: the response may go; NGX_AGAIN: when it is safe;
 * NGX_ERROR: never.
 */

static ngx_int_t
ngx_hx_hold_record(ngx_http_request_t *r, ngx_hx_ctx_t *ctx)
{
    ngx_int_t              rc;
    ngx_uint_t             strict;
    const ngx_hx_trail_t  *t;
    const ngx_hx_audit_t  *a;

    a = ctx->lcf->audit;
    t = a->trail;

    strict = a->required && ngx_hx_hold_strict(ctx);

    rc = ngx_hx_meter_finish(r, ctx);

    if (rc != NGX_OK) {
        return strict ? ngx_hx_hold_cut(r) : NGX_OK;
    }

    if (ngx_hx_hold_settled(t, t->put)) {
        return NGX_OK;
    }

    if (t->failing && !strict) {
        return NGX_OK;
    }

    return ngx_hx_hold_begin(r, ctx);
}


void
ngx_hx_hold_wake(ngx_hx_trail_t *t)
{
    ngx_queue_t    *q, *next;
    ngx_hx_hold_t  *h;
    ngx_hx_ctx_t   *ctx;

    for (q = ngx_queue_head(&t->waiting);
         q != ngx_queue_sentinel(&t->waiting);
         q = next)
    {
        next = ngx_queue_next(q);
        h = ngx_queue_data(q, ngx_hx_hold_t, queue);

        if (!ngx_hx_hold_settled(t, h->number)) {
            ctx = ngx_hx_ctx(h->request);

            if (!t->failing) {
                break;                  /* the others wait for later ones */
            }

            if (t->audit->required && ngx_hx_hold_strict(ctx)) {
                if (h->number > t->unsure
                    && ngx_current_msec - h->since < NGX_HX_AUDIT_HOLD)
                {
                    continue;
                }

                h->failed = 1;
            }
        }

        ngx_queue_remove(q);
        h->waiting = 0;

        ngx_post_event(&h->event, &ngx_posted_events);
    }
}


/* Is all of the response in its header? */

static ngx_uint_t
ngx_hx_hold_headers_only(const ngx_http_request_t *r)
{
    return r->header_only || r->method == NGX_HTTP_HEAD
           || r->headers_out.status == NGX_HTTP_NO_CONTENT
           || r->headers_out.status == NGX_HTTP_NOT_MODIFIED;
}


static ngx_int_t
ngx_hx_hold_header_filter(ngx_http_request_t *r)
{
    ngx_int_t      rc;
    ngx_uint_t     only;
    ngx_hx_ctx_t  *ctx;

    if (r != r->main) {
        return ngx_hx_next_header_filter(r);
    }

    only = ngx_hx_hold_headers_only(r);

    if (!only && r->headers_out.content_length_n != 0) {
        return ngx_hx_next_header_filter(r);
    }

    ctx = ngx_hx_meter_ctx(r, 1);

    if (ctx == NULL || ctx->recorded) {
        return ngx_hx_next_header_filter(r);
    }

    /* parts of nothing: the filter below would make another status of it, and
     * Range is for GET (RFC 9110, 14.2) */

    r->headers_in.range = NULL;

    rc = ngx_hx_hold_record(r, ctx);

    if (rc != NGX_AGAIN) {
        return rc == NGX_OK ? ngx_hx_next_header_filter(r) : NGX_ERROR;
    }

    /* to everybody else it looks as if it had been sent */

    ctx->hold->header = 1;
    r->header_sent = 1;

    if (only) {
        r->header_only = 1;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_hx_hold_release(ngx_http_request_t *r, ngx_hx_hold_t *h)
{
    ngx_int_t     rc;
    ngx_chain_t  *out;

    r->buffered &= ~NGX_HX_BUFFERED_BIT;

    if (h->failed) {
        return ngx_hx_hold_cut(r);
    }

    if (h->header) {
        h->header = 0;
        r->header_sent = 0;

        rc = ngx_hx_next_header_filter(r);

        if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
            return rc;
        }
    }

    out = h->out;
    h->out = NULL;

    return ngx_hx_next_body_filter(r, out);
}


/*
 * The link of the buffer with the last byte, or NULL.  The length is the one
 * that filters below see: those that change it have cleared it.
 */

static ngx_chain_t *
ngx_hx_hold_last(ngx_http_request_t *r, ngx_hx_ctx_t *ctx, ngx_chain_t *in)
{
    off_t         length;
    ngx_chain_t  *cl;

    length = r->headers_out.content_length_n;

    for (cl = in; cl; cl = cl->next) {
        if (!ngx_buf_special(cl->buf)) {
            ctx->body_out += ngx_buf_size(cl->buf);
        }

        if (cl->buf->last_buf || (length >= 0 && ctx->body_out >= length)) {
            break;
        }
    }

    return cl;
}


/* What comes before the last buffer goes on; it, and what follows, waits. */

static ngx_int_t
ngx_hx_hold_back(ngx_http_request_t *r, ngx_hx_ctx_t *ctx, ngx_chain_t *in,
    ngx_chain_t *last)
{
    ngx_int_t     rc;
    ngx_chain_t  *cl;

    if (ngx_chain_add_copy(r->pool, &ctx->hold->out, last) != NGX_OK) {
        return NGX_ERROR;
    }

    if (in == last || ctx->hold->header) {
        return NGX_AGAIN;
    }

    for (cl = in; cl->next != last; cl = cl->next) { /* void */ }

    cl->next = NULL;
    rc = ngx_hx_next_body_filter(r, in);
    cl->next = last;

    return rc == NGX_ERROR ? rc : NGX_AGAIN;
}


static ngx_int_t
ngx_hx_hold_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_int_t        rc;
    ngx_uint_t       to_the_end;
    ngx_chain_t     *last;
    ngx_hx_ctx_t    *ctx;

    if (r != r->main) {
        return ngx_hx_next_body_filter(r, in);
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_hx_gate_module);

    if (ctx != NULL && ctx->hold != NULL
        && (r->buffered & NGX_HX_BUFFERED_BIT))
    {
        if (r->filter_finalize && ctx->hold->out != NULL) {

            /* an error page took the place of a response; who had begun that
             * does not know, as we did not say that it was sent */

            ngx_hx_swallow(in);
            in = NULL;
        }

        if (in != NULL
            && ngx_chain_add_copy(r->pool, &ctx->hold->out, in) != NGX_OK)
        {
            return NGX_ERROR;
        }

        return ctx->hold->waiting ? NGX_AGAIN
                                  : ngx_hx_hold_release(r, ctx->hold);
    }

    if (in == NULL || (ctx != NULL && ctx->recorded)) {
        return ngx_hx_next_body_filter(r, in);
    }

    ctx = ngx_hx_meter_ctx(r, 1);

    if (ctx == NULL || ctx->recorded) {
        return ngx_hx_next_body_filter(r, in);
    }

    to_the_end = ngx_hx_hold_to_the_end(r);

    if (to_the_end && ngx_hx_hold_tail(r, ctx, in, &in) != NGX_OK) {
        return NGX_ERROR;
    }

    last = ngx_hx_hold_last(r, ctx, in);
    rc = last != NULL ? ngx_hx_hold_record(r, ctx) : NGX_OK;

    if (rc == NGX_AGAIN) {

        /* the end has no byte of its own then: what comes with it waits */

        return ngx_hx_hold_back(r, ctx, in, to_the_end ? in : last);
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_hx_next_body_filter(r, in);

    if (to_the_end) {
        ngx_hx_hold_tail_sent(r, ctx, in);
    }

    return rc;
}


ngx_int_t
ngx_hx_hold_filter_init(void)
{
    ngx_hx_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_hx_hold_header_filter;

    ngx_hx_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_hx_hold_body_filter;

    return NGX_OK;
}
