/*
 * hx_conn_request.c -- from a parsed head to a running operation.
 *
 * Order: framing, route, service key, headers, body.  Nothing of a body is
 * read before the key was right.
 */

#include <string.h>

#include "hx_auth.h"
#include "hx_check.h"
#include "hx_conn.h"


/* The client's id if it is one, else our own. */
static void
hx_conn_id(hx_conn_t *c)
{
    hx_rc_t        rc;
    hx_str_t       v;
    unsigned char  rnd[16];

    rc = hx_http_header(&c->head, c->in, "x-request-id", &v);

    if (rc == HX_OK && hx_check_request_id(v.data, v.len)) {
        memcpy(c->id_mem, v.data, v.len);
        c->id.len = v.len;

    } else {
        if (hx_random_pooled(c->loop->crypto, rnd, sizeof(rnd)) != HX_OK) {
            memset(rnd, 0, sizeof(rnd));
        }
        hx_text_uuid4(c->id_mem, rnd);
        c->id.len = 36;
    }

    c->id.data = c->id_mem;
}


static int
hx_conn_open_request(hx_conn_t *c)
{
    hx_str_t  v;

    hx_conn_id(c);

    c->method_len = c->head.method.len;
    memcpy(c->method, c->in + c->head.method.off, c->method_len);
    c->tenant_len = 0;
    c->sent = 0;
    c->discard = 0;
    c->body_done = 0;
    c->finish = 0;

    if (hx_http_header(&c->head, c->in, "x-hx-tenant", &v) == HX_OK
        && hx_check_tenant(v.data, v.len))
    {
        memcpy(c->tenant, v.data, v.len);
        c->tenant_len = v.len;
    }

    c->req = hx_req_create(&c->loop->server->api, &c->id);

    if (c->req == NULL) {
        c->state = HX_CONN_CLOSED;      /* not even room for an error */
        return -1;
    }

    return 0;
}


void
hx_conn_refuse(hx_conn_t *c, hx_error_t e, const char *detail,
    const char *reason)
{
    if (c->req == NULL && hx_conn_open_request(c) != 0) {
        return;
    }

    hx_reply_error(&c->req->reply, e, "%s", detail);
    c->req->reply.reason = reason;
    c->req->reply.close = 1;
    hx_conn_answer(c);
}


static void
hx_conn_auth(hx_conn_t *c)
{
    hx_rc_t           rc;
    hx_str_t          v;
    const hx_conf_t  *conf;

    conf = c->loop->server->conf;

    if (!conf->require_auth || hx_req_open(c->req)) {
        return;
    }

    rc = hx_http_header(&c->head, c->in, "authorization", &v);

    switch (hx_auth_check(rc, &v, conf->key, conf->key_len)) {

    case HX_AUTH_OK:
        return;

    case HX_AUTH_MISSING:
        hx_reply_error(&c->req->reply, HX_E_UNAUTHORIZED,
                       "Missing service key");
        return;

    default:
        hx_reply_error(&c->req->reply, HX_E_UNAUTHORIZED,
                       "Invalid service key");
    }
}


static int
hx_conn_headers(hx_conn_t *c, hx_str_t header[HX_H_COUNT])
{
    hx_rc_t      rc;
    hx_header_t  h;

    for (h = 0; h < HX_H_COUNT; h++) {
        rc = hx_http_header(&c->head, c->in, hx_api_header_name(h),
                            &header[h]);

        /* Accept is a list by nature, and only a wish */

        if (rc == HX_FAIL && h != HX_H_ACCEPT) {
            hx_reply_error(&c->req->reply, HX_E_INVALID_REQUEST,
                           "Duplicate header '%s'", hx_api_header_name(h));
            return -1;
        }
    }

    return 0;
}


/* Key and headers; afterwards the reply may be set already. */
static void
hx_conn_admit(hx_conn_t *c)
{
    hx_str_t      header[HX_H_COUNT];
    uint64_t      length;
    hx_reply_t   *reply;

    reply = &c->req->reply;

    hx_conn_auth(c);        /* a missing key hides what the path would be */

    if (reply->status != 0 || hx_conn_headers(c, header) != 0) {
        return;
    }

    length = c->frame.chunked ? UINT64_MAX : c->frame.length;
    hx_req_begin(c->req, header, length);

    if (reply->status == 0 && !hx_req_wants_body(c->req)
        && length > HX_CONN_DISCARD)
    {
        hx_reply_error(reply, HX_E_TOO_LARGE,
                       "This operation takes no request body");
    }
}


/* 100 Continue, unless the client has begun to send anyway. */
static void
hx_conn_continue(hx_conn_t *c)
{
    static const char  text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    size_t             n;

    if (!c->frame.expect_continue || c->in_pos < c->in_len) {
        return;
    }

    /* 25 bytes into an empty send buffer; if not, the connection is no good */

    if (hx_io_write(&c->io, text, sizeof(text) - 1, 0, &n) != HX_IO_OK
        || n != sizeof(text) - 1)
    {
        c->state = HX_CONN_CLOSED;
    }
}


void
hx_conn_request(hx_conn_t *c)
{
    int       has_body;
    hx_str_t  method, target;

    if (hx_conn_open_request(c) != 0) {
        return;
    }

    method.data = c->method;
    method.len = c->method_len;
    target.data = c->in + c->head.target.off;
    target.len = c->head.target.len;

    hx_req_route(c->req, &method, &target);

    if (hx_http_frame(&c->frame, &c->head, c->in) != HX_OK) {
        hx_conn_refuse(c, HX_E_INVALID_REQUEST, "Malformed request",
                       c->head.why);
        return;
    }

    hx_conn_admit(c);

    has_body = c->frame.chunked || c->frame.length != 0;
    c->body_left = c->frame.length;
    hx_http_chunked_init(&c->chunked);

    if (!c->frame.keep_alive) {
        c->req->reply.close = 1;
    }

    if (has_body && c->req->reply.status != 0) {

        /* refused before the body: read it only when it is short */

        if (c->frame.chunked || c->frame.expect_continue
            || c->body_left > HX_CONN_DISCARD)
        {
            c->req->reply.close = 1;
            hx_conn_answer(c);
            return;
        }
    }

    c->discard = c->req->reply.status != 0 || !hx_req_wants_body(c->req);
    c->state = HX_CONN_BODY;
    hx_conn_limit(c, c->loop->server->conf->body_timeout);

    if (has_body) {
        hx_conn_continue(c);
    }
}


static void
hx_conn_job(hx_job_t *job, hx_crypto_t *crypto)
{
    hx_conn_t  *c;

    c = job->data;

    /* PENDING: the store's thread may be at it already, hands off */

    if (hx_req_run(c->req, crypto) == HX_OK) {
        hx_loop_done(c);
    }
}


static void
hx_conn_stored(hx_req_t *r)
{
    hx_conn_t  *c;

    c = r->data;
    c->finish = 1;
    hx_loop_done(c);
}


void
hx_conn_dispatch(hx_conn_t *c)
{
    hx_req_t  *r;

    r = c->req;
    c->body_done = 1;

    if (r->reply.status == 0 && hx_req_wants_body(r)) {
        hx_req_body_end(r);
    }

    if (r->reply.status != 0) {
        hx_conn_answer(c);
        return;
    }

    c->state = HX_CONN_WAIT;
    c->deadline = 0;
    r->done = hx_conn_stored;
    r->data = c;

    if (hx_req_heavy(r)) {
        c->job.data = c;
        c->job.work = hx_req_work(r);
        c->job.run = hx_conn_job;
        hx_workers_post(c->loop->server->workers, &c->job);

    } else if (hx_req_run(r, c->loop->crypto) == HX_OK) {
        hx_conn_answer(c);
    }
}
