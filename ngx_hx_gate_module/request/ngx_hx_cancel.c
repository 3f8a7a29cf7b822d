/*
 * ngx_hx_cancel.c -- a stream that its client resets at once ("rapid reset",
 * CVE-2023-44487) costs neither the engine anything, nor an answer.
 *
 * nginx begins with a request in the middle of what it has read of an HTTP/2
 * connection; a RST_STREAM, or the connection's end, may stand right behind it.
 * So what was decided is not acted upon before nginx has looked at all of that.
 * A request that was reset it ends as 499: if it was admitted it counts in its
 * tenant's window, it is recorded once, and it is not charged.  One that is
 * reset later goes on to its end (see the README, proxy_ignore_client_abort)
 * and keeps its place among the streams that its connection may have.
 */

#include "ngx_hx_gate.h"


/*
 * A refusal of what is still to send a body is better given at once: nginx then
 * throws the body away as it comes, and keeps nothing of it.  In a filter
 * nobody can wait.
 */

static ngx_uint_t
ngx_hx_cancel_must_not(const ngx_http_request_t *r, ngx_int_t verdict)
{
#if (NGX_HTTP_V2)
    return r->stream == NULL || r->post_action || r->filter_finalize
           || (verdict != NGX_OK && !r->stream->in_closed);
#else
    (void) r;
    (void) verdict;

    return 1;
#endif
}


ngx_uint_t
ngx_hx_cancel_look(ngx_http_request_t *r, ngx_hx_ctx_t *ctx, ngx_int_t verdict)
{
    ngx_event_t  *wev;

    if (ngx_hx_cancel_must_not(r, verdict)) {
        return 0;
    }

    ctx->cancel_looks = 1;
    ctx->verdict = verdict;

    /* what a reset calls; and what the request comes back by, which nginx
     * forgets together with the stream */

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_core_run_phases;

    wev = r->connection->write;
    ngx_post_event(wev, &ngx_posted_events);

    return 1;
}


ngx_uint_t
ngx_hx_cancel_looked(ngx_http_request_t *r, ngx_hx_ctx_t *ctx)
{
    if (!ctx->cancel_looks) {
        return 0;
    }

    ctx->cancel_looks = 0;

    if (r->post_action) {
        return 0;                       /* it was reset, and this is another */
    }

    r->read_event_handler = ngx_http_block_reading;

    return 1;
}
