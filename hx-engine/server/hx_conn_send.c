/*
 * hx_conn_send.c -- a reply becomes bytes on the wire, and a log line.
 *
 * The head is put in front of the body, into the headroom of the reply, so
 * that a small answer is one write.  Values are pulled from the store while
 * the socket takes them.  If a piece cannot be had any more the connection is
 * cut: the client sees a body that is too short, never a wrong one.
 */

#include <stdlib.h>
#include <string.h>

#include "hx_api_stream.h"
#include "hx_conn.h"


static const char *
hx_status_text(unsigned status)
{
    switch (status) {
    case 200: return "OK";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    default:  return status < 500 ? "Error" : "Internal Server Error";
    }
}


static void
hx_head_line(hx_buf_t *b, const char *name, const void *value, size_t len)
{
    hx_buf_add(b, name, strlen(name));
    hx_buf_lit(b, ": ");
    hx_buf_add(b, value, len);
    hx_buf_lit(b, "\r\n");
}


static void
hx_head_write(hx_conn_t *c, hx_buf_t *b)
{
    hx_reply_t  *r;
    const char  *text;

    r = &c->req->reply;
    text = hx_status_text(r->status);

    hx_buf_lit(b, "HTTP/1.1 ");
    hx_text_u64(b, r->status);
    hx_buf_byte(b, ' ');
    hx_buf_add(b, text, strlen(text));
    hx_buf_lit(b, "\r\n");
    hx_head_line(b, "Date", c->loop->date, strlen(c->loop->date));

    if (r->status != 304) {
        hx_head_line(b, "Content-Type", r->type, strlen(r->type));
        hx_buf_lit(b, "Content-Length: ");
        hx_text_u64(b, hx_reply_length(r));
        hx_buf_lit(b, "\r\n");
    }

    hx_head_line(b, "X-Request-Id", c->id.data, c->id.len);
    hx_buf_add(b, r->headers.start, hx_buf_len(&r->headers));

    if (r->close) {
        hx_head_line(b, "Connection", "close", 5);

    } else if (c->head.minor == 0) {
        hx_head_line(b, "Connection", "keep-alive", 10);
    }

    hx_buf_lit(b, "\r\n");
}


void
hx_conn_answer(hx_conn_t *c)
{
    size_t          len;
    hx_buf_t        head;
    hx_reply_t     *r;
    unsigned char  *start, mem[HX_REPLY_HEADROOM];

    r = &c->req->reply;

    if (atomic_load(&c->loop->server->draining)) {
        r->close = 1;
    }

    hx_buf_init(&head, mem, sizeof(mem));
    hx_head_write(c, &head);

    if (!hx_buf_ok(&head) || !hx_buf_ok(&r->body)
        || !hx_buf_ok(&r->headers))
    {
        c->state = HX_CONN_CLOSED;      /* bounds say this cannot be */
        return;
    }

    len = hx_buf_len(&head);
    start = r->body.start - len;
    memcpy(start, mem, len);

    c->out = start;
    c->out_len = r->no_body ? len : len + hx_buf_len(&r->body);
    c->tail_sent = r->no_body || r->tail == NULL;
    c->state = HX_CONN_SEND;

    if (r->no_body) {
        r->stream.active = 0;
    }

    hx_conn_limit(c, c->loop->server->conf->send_timeout);
}


static hx_io_rc_t
hx_conn_cut(hx_conn_t *c, const char *why)
{
    c->req->reply.reason = why;

    return HX_IO_ERROR;
}


/* Base64: fills the buffer once; it is then written like any other text. */
static hx_io_rc_t
hx_conn_encode(hx_conn_t *c)
{
    hx_reply_t       *r;
    hx_store_rc_t     rc;
    hx_store_view_t   v;

    r = &c->req->reply;

    if (c->encoded == NULL) {
        c->encoded = malloc(HX_CONN_SCRATCH);

        if (c->encoded == NULL) {
            return hx_conn_cut(c, "out of memory");
        }
    }

    if (hx_store_view(c->loop->server->api.store, &v) != HX_STORE_OK) {
        return hx_conn_cut(c, "no view");
    }

    rc = hx_stream_encode(&r->stream, &v, c->encoded, HX_CONN_SCRATCH,
                          &c->out_len);
    c->out = c->encoded;
    c->turn += hx_stream_worked(&r->stream);
    hx_store_view_end(&v);

    return rc == HX_STORE_OK ? HX_IO_OK
                             : hx_conn_cut(c, "value lost while sending");
}


/* Raw: from the map to the socket, one view for as long as both go on. */
static hx_io_rc_t
hx_conn_pass(hx_conn_t *c)
{
    size_t            n;
    hx_str_t          piece;
    hx_io_rc_t        rc;
    hx_reply_t       *r;
    hx_store_rc_t     found;
    hx_store_view_t   v;

    r = &c->req->reply;

    if (hx_store_view(c->loop->server->api.store, &v) != HX_STORE_OK) {
        return hx_conn_cut(c, "no view");
    }

    rc = HX_IO_OK;

    while (rc == HX_IO_OK && !hx_stream_done(&r->stream)
           && c->turn < HX_CONN_TURN)
    {
        found = hx_stream_peek(&r->stream, &v, &piece);
        c->turn += hx_stream_worked(&r->stream);

        if (found == HX_STORE_BUSY) {
            continue;
        }

        if (found != HX_STORE_OK) {
            rc = hx_conn_cut(c, "value lost while sending");
            break;
        }

        rc = hx_io_write(&c->io, piece.data, piece.len, 0, &n);
        r->stream.pos += n;
        c->sent += n;
        hx_conn_moved(c, n, c->loop->server->conf->send_timeout);
    }

    hx_store_view_end(&v);

    return rc;
}


hx_io_rc_t
hx_conn_send(hx_conn_t *c)
{
    size_t       n;
    hx_io_rc_t   rc;
    hx_reply_t  *r;

    r = &c->req->reply;

    for ( ;; ) {

        if (c->turn >= HX_CONN_TURN) {
            hx_loop_again(c);
            return HX_IO_AGAIN;
        }

        if (c->out_len != 0) {
            rc = hx_io_write(&c->io, c->out, c->out_len,
                             r->stream.active || !c->tail_sent, &n);

            if (rc != HX_IO_OK) {
                return rc;
            }

            c->out += n;
            c->out_len -= n;
            c->sent += n;
            hx_conn_moved(c, n, c->loop->server->conf->send_timeout);
            continue;
        }

        if (r->stream.active && !hx_stream_done(&r->stream)) {
            rc = r->stream.base64 ? hx_conn_encode(c) : hx_conn_pass(c);

            if (rc != HX_IO_OK) {
                return rc;
            }
            continue;
        }

        r->stream.active = 0;

        if (c->tail_sent) {
            return HX_IO_OK;
        }

        c->out = (const unsigned char *) r->tail;
        c->out_len = strlen(r->tail);
        c->tail_sent = 1;
    }
}


static size_t
hx_log_path_len(const hx_req_t *r)
{
    size_t  n;

    /* query.data stands behind the '?', or at the end of the path */

    if (r->query.data == NULL) {
        return 0;
    }

    n = (size_t) (r->query.data - r->target);

    return n != 0 && r->target[n - 1] == '?' ? n - 1 : n;
}


void
hx_conn_log(hx_conn_t *c, int aborted)
{
    hx_log_t     l;
    hx_req_t    *r;
    const char  *word;

    r = c->req;
    hx_req_count(r);

    /* probes come every few seconds and say nothing while they succeed */

    hx_log_start(&l, r->reply.status == 200 && hx_req_open(r)
                     ? HX_LOG_DEBUG : HX_LOG_INFO, "request");
    hx_log_str(&l, "request_id", c->id.data, c->id.len);

    if (c->tenant_len != 0) {
        hx_log_str(&l, "tenant", c->tenant, c->tenant_len);

    } else {
        hx_log_null(&l, "tenant");
    }

    hx_log_str(&l, "method", c->method, c->method_len);
    hx_log_str(&l, "path", r->target, hx_log_path_len(r));
    hx_log_u64(&l, "status", r->reply.status);
    hx_log_u64(&l, "bytes", c->sent);
    hx_log_ms(&l, "ms", hx_loop_us() - c->started_us);

    if (r->reply.error != HX_E_NONE) {
        word = hx_error_word(r->reply.error);
        hx_log_cstr(&l, "error", word);
    }

    if (r->reply.reason != NULL) {
        hx_log_cstr(&l, "reason", r->reply.reason);
    }

    if (aborted) {
        hx_log_cstr(&l, "aborted", "connection ended before the answer did");
    }

    hx_log_end(&l);

    hx_req_free(r);
    c->req = NULL;
    free(c->encoded);
    c->encoded = NULL;
}
