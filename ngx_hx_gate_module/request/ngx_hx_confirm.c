/*
 * ngx_hx_confirm.c -- in a fleet, somebody who is not known here may have been
 * made elsewhere a moment ago: he is unknown when the replica is known to have
 * been where Redis is after he came.  All who wait in a worker share one
 * question, so strangers cost Redis next to nothing.
 */

#include "ngx_hx_gate.h"

#include "ngx_hx_fleet.h"


struct ngx_hx_confirm_s {
    ngx_hx_fleet_wait_t    wait;
    ngx_http_request_t    *request;
    hx_rc_t                rc;          /* PENDING while it is waited for */
    unsigned               post_action:1;   /* asked by one */
};


static void
ngx_hx_confirm_cleanup(void *data)
{
    ngx_hx_confirm_t  *k = data;

    ngx_hx_fleet_forget(&k->wait);
}


static void
ngx_hx_confirm_done(void *data, hx_rc_t rc, const char *err)
{
    ngx_hx_confirm_t  *k = data;

    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = k->request;
    c = r->connection;
    k->rc = rc;

    if (r->post_action != k->post_action) {
        return;                         /* who asked is over: what runs by now
                                         * is post_action, and not for this */
    }

    ngx_http_set_log_request(c->log, r);

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_core_run_phases;

    ngx_http_core_run_phases(r);
    ngx_http_run_posted_requests(c);
}


ngx_uint_t
ngx_hx_confirm_waits(const ngx_hx_ctx_t *ctx)
{
    return ctx->confirm != NULL && ctx->confirm->rc == HX_PENDING;
}


/* NGX_OK: what the replica says now holds; AGAIN: not yet; ERROR. */

ngx_int_t
ngx_hx_confirm(ngx_http_request_t *r, ngx_hx_ctx_t *ctx)
{
    ngx_hx_confirm_t    *k;
    ngx_pool_cleanup_t  *cln;

    if (!ngx_hx_fleet_on()) {
        return NGX_OK;
    }

    k = ctx->confirm;

    if (k != NULL) {
        return k->rc == HX_OK ? NGX_OK
               : k->rc == HX_PENDING ? NGX_AGAIN : NGX_ERROR;
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_hx_confirm_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    k = cln->data;
    ngx_memzero(k, sizeof(ngx_hx_confirm_t));

    k->request = r;
    k->rc = HX_PENDING;
    k->post_action = r->post_action;
    k->wait.done = ngx_hx_confirm_done;
    k->wait.data = k;
    cln->handler = ngx_hx_confirm_cleanup;

    if (ngx_hx_fleet_confirm(&k->wait) != NGX_OK) {
        return NGX_ERROR;
    }

    ctx->confirm = k;

    /* who goes away meanwhile is noticed */

    r->read_event_handler = ngx_http_test_reading;

    return NGX_AGAIN;
}
