/*
 * ngx_hx_unread.c -- the body of somebody who is not known is not read.
 *
 * nginx answers a refusal at once, but goes on reading to throw the body away,
 * to its end or for lingering_time (30 s): a socket closed with unread data
 * resets the connection, which may cost the client the answer.  Whoever has no
 * key could so have us take 100 MB a request.  For a body that is long, or has
 * no length, the recv() of its connection is stood in for: once the request is
 * refused it says "nothing there yet" after HX_UNREAD_MAX bytes.  All else
 * stays nginx's: the answer goes out with "Connection: close", and the
 * connection is held until lingering_timeout (5 s) has passed without anything
 * new, which is the client's time to read it.  What is not taken fills the
 * window and stays with the client.
 *
 * HTTP/2 and HTTP/3 need none of this: a client may send what fits into a
 * stream's window (64k in both by default), no more comes before somebody asks
 * for it, and the stream ends with the answer.
 */

#include "ngx_hx_gate.h"


typedef struct {
    ngx_connection_t  *connection;
    ngx_recv_pt        recv;            /* nginx's */
    size_t             left;            /* bytes it may still take */
    ngx_uint_t         asked;           /* once, then the answer stays: */
    ngx_uint_t         refused;
} ngx_hx_unread_t;


static ssize_t ngx_hx_unread_recv(ngx_connection_t *c, u_char *buf,
    size_t size);


static void
ngx_hx_unread_cleanup(void *data)
{
    ngx_hx_unread_t  *u = data;

    /* the connection may live on; TLS that was shut down has another one */

    if (u->connection->recv == ngx_hx_unread_recv) {
        u->connection->recv = u->recv;
    }
}


/* Not in our context, which has no business in other people's locations. */

static ngx_hx_unread_t *
ngx_hx_unread_of(const ngx_http_request_t *r)
{
    ngx_pool_cleanup_t  *cln;

    for (cln = r->pool->cleanup; cln; cln = cln->next) {
        if (cln->handler == ngx_hx_unread_cleanup) {
            return cln->data;
        }
    }

    return NULL;
}


/*
 * nginx has refused before anybody asked (413 by length): who was it?  A tenant
 * who only sends is to learn why.
 */

static ngx_uint_t
ngx_hx_unread_ask(ngx_http_request_t *r, const ngx_hx_loc_conf_t *lcf)
{
    hx_tenant_t    tenant;
    ngx_hx_ctx_t  *ctx;

    ctx = ngx_hx_ctx_make(r);

    return ctx != NULL && ngx_hx_read_headers(r, ctx) == NGX_OK
           && ngx_hx_who(r, ctx, lcf, &tenant) == NGX_HX_WHO_KNOWN;
}


/* Is its sender somebody? */

static ngx_uint_t
ngx_hx_unread_known(ngx_http_request_t *r)
{
    const ngx_hx_ctx_t       *ctx;
    const ngx_hx_loc_conf_t  *lcf;

    ctx = ngx_hx_ctx(r);
    lcf = ctx != NULL ? ctx->lcf : ngx_hx_loc_conf(r);

    if (lcf->gated ? lcf->shadow
                   : lcf->handler != NGX_HX_HANDLER_ADMIN
                     && lcf->webhook == NULL)
    {
        return 1;                       /* none of our business */
    }

    if (lcf->gated && (ctx == NULL || ctx->outcome == HX_OUTCOME_NONE)) {
        return ngx_hx_unread_ask(r, lcf);
    }

    if (ctx == NULL) {
        return 0;
    }

    if (lcf->webhook != NULL) {
        return ctx->event_id.len != 0;
    }

    return ctx->tenant.id.data != NULL
           || (ctx->admin && ctx->outcome != HX_OUTCOME_SERVICE_KEY);
}


/* A webhook is read before its sender is known, but not beyond a refusal. */

static ngx_uint_t
ngx_hx_unread_unsigned(ngx_http_request_t *r)
{
    const ngx_hx_ctx_t  *ctx;

    ctx = ngx_hx_ctx(r);

    return ctx != NULL && ctx->body_sink != NULL && ctx->error != HX_E_NONE
           && ctx->event_id.len == 0;
}


/*
 * What is read now, is it read to be thrown away?  Who wants a body says whom
 * to call; so does an operator's error_page that leads to an upstream.
 */

static ngx_uint_t
ngx_hx_unread_refused(ngx_http_request_t *r, ngx_hx_unread_t *u)
{
    if (ngx_hx_unread_unsigned(r)) {
        return 1;
    }

    if (r->request_body != NULL && r->request_body->post_handler != NULL) {
        return 0;
    }

    if (!u->asked) {
        u->asked = 1;
        u->refused = !ngx_hx_unread_known(r);
    }

    return u->refused;
}


static ssize_t
ngx_hx_unread_recv(ngx_connection_t *c, u_char *buf, size_t size)
{
    ssize_t              n;
    ngx_hx_unread_t     *u;
    ngx_http_request_t  *r;

    r = c->data;
    r = r->main;
    u = ngx_hx_unread_of(r);

    if (u == NULL) {
        return NGX_ERROR;
    }

    if (!ngx_hx_unread_refused(r, u)) {
        return u->recv(c, buf, size);
    }

    size = ngx_min(size, u->left);

    if (size == 0) {
        return NGX_AGAIN;
    }

    n = u->recv(c, buf, size);

    if (n > 0) {
        u->left -= (size_t) n;
    }

    return n;
}


ngx_int_t
ngx_hx_unread_handler(ngx_http_request_t *r)
{
    off_t                got;
    ngx_hx_unread_t     *u;
    ngx_pool_cleanup_t  *cln;

    if (r->http_version >= NGX_HTTP_VERSION_20
        || (!r->headers_in.chunked
            && r->headers_in.content_length_n <= HX_UNREAD_MAX))
    {
        return NGX_DECLINED;
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_hx_unread_t));
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    u = cln->data;
    ngx_memzero(u, sizeof(ngx_hx_unread_t));

    /* of a long one nothing; without a length a short one is to come to its
     * end, so that the connection can be kept (half of the limit, as TLS takes
     * whole records of 16k off the socket) */

    if (r->headers_in.chunked) {
        got = r->request_length + (r->header_in->last - r->header_in->pos);
        u->left = (size_t) ngx_max(HX_UNREAD_MAX / 2 - got, 0);
    }

    u->connection = r->connection;
    u->recv = r->connection->recv;
    r->connection->recv = ngx_hx_unread_recv;

    cln->handler = ngx_hx_unread_cleanup;

    return NGX_DECLINED;
}


void
ngx_hx_unread_answer(ngx_http_request_t *r)
{
    ngx_hx_unread_t  *u;

    if (!r->discard_body) {
        return;                         /* none, or all of it is gone */
    }

    u = ngx_hx_unread_of(r);

    if (u != NULL && ngx_hx_unread_refused(r, u)) {
        r->keepalive = 0;
    }
}
