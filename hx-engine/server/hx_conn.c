/*
 * hx_conn.c -- the states of a connection.
 *
 * Called by the loop.  Reading a head, reading (or discarding) a body, waiting
 * for the answer, sending it, and again.  Whatever breaks the framing is
 * answered and ends the connection.
 */

#include <stdlib.h>
#include <string.h>

#include "hx_conn.h"


hx_conn_t *
hx_conn_create(hx_loop_t *loop, int fd)
{
    int           rc;
    hx_conn_t    *c;
    hx_server_t  *s;

    c = malloc(sizeof(hx_conn_t));
    if (c == NULL) {
        return NULL;
    }

    memset(c, 0, offsetof(hx_conn_t, id_mem));
    c->loop = loop;
    s = loop->server;

    /* the connection keeps the context it began with */

    pthread_mutex_lock(&s->tls_lock);
    rc = hx_io_init(&c->io, fd, s->tls);
    pthread_mutex_unlock(&s->tls_lock);

    if (rc != 0) {
        free(c);
        return NULL;
    }

    c->state = c->io.ssl != NULL ? HX_CONN_TLS : HX_CONN_HEAD;
    hx_http_head_init(&c->head);
    hx_conn_limit(c, loop->server->conf->header_timeout);

    return c;
}


void
hx_conn_free(hx_conn_t *c)
{
    if (c->req != NULL) {
        hx_conn_log(c, 1);
    }

    hx_io_close(&c->io);
    free(c->encoded);
    free(c);
}


int
hx_conn_idle(const hx_conn_t *c)
{
    return c->state == HX_CONN_TLS
           || (c->state == HX_CONN_HEAD && c->in_len == 0);
}


void
hx_conn_limit(hx_conn_t *c, uint64_t seconds)
{
    c->deadline = hx_loop_ms(c->loop) + seconds * 1000;
    c->progress = 0;
}


void
hx_conn_moved(hx_conn_t *c, size_t n, uint64_t seconds)
{
    c->turn += n;
    c->progress += n;

    if (c->progress >= HX_CONN_PROGRESS) {
        hx_conn_limit(c, seconds);
    }
}


/* What a read that gave nothing means; 1 = stop for now. */
static int
hx_conn_stalled(hx_conn_t *c, hx_io_rc_t rc)
{
    if (rc == HX_IO_OK) {
        return 0;
    }

    if (rc != HX_IO_AGAIN) {
        c->state = HX_CONN_CLOSED;
    }

    return 1;
}


/* 1 = go on with whatever state it is now, 0 = wait. */
static int
hx_conn_head(hx_conn_t *c)
{
    size_t        n;
    hx_http_rc_t  rc;

    if (c->in_pos != 0) {
        memmove(c->in, c->in + c->in_pos, c->in_len - c->in_pos);
        c->in_len -= c->in_pos;
        c->in_pos = 0;
    }

    for ( ;; ) {
        if (c->in_len != 0) {
            rc = hx_http_head_parse(&c->head, c->in, c->in_len);

            if (rc == HX_HTTP_DONE) {
                c->in_pos = c->head.pos;
                hx_conn_request(c);
                return 1;
            }

            if (rc == HX_HTTP_BAD) {
                hx_conn_refuse(c, HX_E_INVALID_REQUEST, c->head.too_large
                               ? "Request header is too large"
                               : "Malformed request", c->head.why);
                return 1;
            }
        }

        if (hx_conn_stalled(c, hx_io_read(&c->io, c->in + c->in_len,
                                          sizeof(c->in) - c->in_len, &n)))
        {
            return 0;
        }

        if (c->in_len == 0) {
            /* the first byte starts the clock of the whole head */

            hx_conn_limit(c, c->loop->server->conf->header_timeout);
            c->started_us = c->loop->now_us;
        }

        c->in_len += n;
    }
}


static void
hx_conn_payload(hx_conn_t *c, const unsigned char *p, size_t len)
{
    if (len != 0 && !c->discard) {
        hx_req_body(c->req, p, len);
    }
}


/* The body cannot go on as it is: an error was found in it. */
static void
hx_conn_body_refused(hx_conn_t *c)
{
    if (!c->frame.chunked && c->body_left <= HX_CONN_DISCARD) {
        c->discard = 1;
        return;
    }

    c->req->reply.close = 1;
    hx_conn_answer(c);
}


/* Payload out of what has been received: 1 = the body is complete. */
static int
hx_conn_body_take(hx_conn_t *c, const unsigned char *p, size_t len,
    size_t *used)
{
    hx_str_t      data;
    hx_http_rc_t  rc;

    if (!c->frame.chunked) {
        *used = len < c->body_left ? len : (size_t) c->body_left;
        hx_conn_payload(c, p, *used);
        c->body_left -= *used;
        return c->body_left == 0;
    }

    rc = hx_http_chunked_parse(&c->chunked, p, len, used, &data);

    if (rc == HX_HTTP_BAD) {
        hx_conn_refuse(c, HX_E_INVALID_REQUEST, "Malformed chunked body",
                       c->chunked.why);
        return 0;
    }

    hx_conn_payload(c, data.data, data.len);

    return rc == HX_HTTP_DONE;
}


/*
 * More bytes of the body: to where they belong, if the request says so, or
 * into the scratch of the loop when none of them can belong to the next
 * request, else into the connection's own buffer.
 */
static hx_io_rc_t
hx_conn_body_read(hx_conn_t *c, const unsigned char **p, size_t *len)
{
    size_t          cap;
    hx_io_rc_t      rc;
    unsigned char  *to;

    if (c->frame.chunked) {
        c->in_pos = 0;
        c->in_len = 0;
        rc = hx_io_read(&c->io, c->in, sizeof(c->in), &c->in_len);
        *p = c->in;
        *len = c->in_len;

    } else {
        to = c->discard ? NULL : hx_req_body_room(c->req, &cap);

        if (to == NULL) {
            to = c->loop->scratch;
            cap = HX_CONN_SCRATCH;
        }

        *p = to;
        *len = 0;

        if (!c->discard && c->req->reply.status != 0) {
            return HX_IO_OK;            /* no room; nothing was read */
        }

        rc = hx_io_read(&c->io, to, c->body_left < cap ? (size_t) c->body_left
                                                       : cap, len);
    }

    if (rc == HX_IO_OK) {
        hx_conn_moved(c, *len, c->loop->server->conf->body_timeout);
    }

    return rc;
}


static int
hx_conn_body(hx_conn_t *c)
{
    int                   complete, own;
    size_t                len, used;
    const unsigned char  *p;

    complete = !c->frame.chunked && c->body_left == 0;

    while (!complete && c->state == HX_CONN_BODY) {

        own = c->in_pos < c->in_len;

        if (own) {
            p = c->in + c->in_pos;
            len = c->in_len - c->in_pos;

        } else {
            if (c->turn >= HX_CONN_TURN) {
                hx_loop_again(c);
                return 0;
            }

            if (hx_conn_stalled(c, hx_conn_body_read(c, &p, &len))) {
                return 0;
            }
        }

        complete = hx_conn_body_take(c, p, len, &used);

        if (own || c->frame.chunked) {
            c->in_pos += used;
        }

        if (c->state == HX_CONN_BODY && !complete && !c->discard
            && c->req->reply.status != 0)
        {
            hx_conn_body_refused(c);
        }
    }

    if (complete) {
        hx_conn_dispatch(c);
    }

    return 1;
}


/* The answer is out. */
static void
hx_conn_sent(hx_conn_t *c)
{
    int  end;

    end = c->req->reply.close;

    hx_conn_log(c, 0);

    if (!end) {
        c->state = HX_CONN_HEAD;
        hx_http_head_init(&c->head);
        hx_conn_limit(c, c->in_pos < c->in_len
                         ? c->loop->server->conf->header_timeout
                         : c->loop->server->conf->idle_timeout);
        c->started_us = c->loop->now_us;
        return;
    }

    if (c->body_done && c->in_pos == c->in_len) {
        c->state = HX_CONN_CLOSED;
        return;
    }

    /*
     * Closing while the peer still sends would make the kernel answer with a
     * reset, which can destroy the answer before the peer has read it.
     */

    hx_io_shut(&c->io);
    c->state = HX_CONN_LINGERING;
    hx_conn_limit(c, HX_CONN_LINGER);
}


static int
hx_conn_linger(hx_conn_t *c)
{
    size_t      n;
    hx_io_rc_t  rc;

    do {
        rc = hx_io_read(&c->io, c->loop->scratch, HX_CONN_SCRATCH, &n);
        c->turn += n;

        if (c->turn >= HX_CONN_TURN) {
            hx_loop_again(c);
            return 0;
        }
    } while (rc == HX_IO_OK);

    (void) hx_conn_stalled(c, rc);

    return 0;
}


static int
hx_conn_step(hx_conn_t *c)
{
    hx_io_rc_t  rc;

    switch (c->state) {

    case HX_CONN_TLS:
        if (hx_conn_stalled(c, hx_io_handshake(&c->io))) {
            return 0;
        }
        c->state = HX_CONN_HEAD;
        return 1;

    case HX_CONN_HEAD:
        return hx_conn_head(c);

    case HX_CONN_BODY:
        return hx_conn_body(c);

    case HX_CONN_SEND:
        rc = hx_conn_send(c);

        if (rc == HX_IO_OK) {
            hx_conn_sent(c);
            return 1;
        }

        if (rc != HX_IO_AGAIN) {
            c->state = HX_CONN_CLOSED;
        }
        return 0;

    case HX_CONN_LINGERING:
        return hx_conn_linger(c);

    default:                                    /* WAIT, CLOSED */
        return 0;
    }
}


void
hx_conn_run(hx_conn_t *c)
{
    unsigned  steps;

    c->turn = 0;

    /* a client that pipelines must not keep the loop for itself */

    for (steps = 0; steps < 64; steps++) {
        if (!hx_conn_step(c)) {
            return;
        }
    }

    hx_loop_again(c);
}


void
hx_conn_resume(hx_conn_t *c)
{
    if (c->finish) {
        hx_req_finish(c->req);
    }

    hx_conn_answer(c);
    hx_conn_run(c);
}


void
hx_conn_timeout(hx_conn_t *c)
{
    if (c->state == HX_CONN_BODY
        || (c->state == HX_CONN_HEAD && c->in_len != 0))
    {
        hx_conn_refuse(c, HX_E_REQUEST_TIMEOUT, "Request took too long",
                       c->state == HX_CONN_BODY ? "body timeout"
                                                : "header timeout");
        hx_conn_run(c);
        return;
    }

    c->state = HX_CONN_CLOSED;
}
