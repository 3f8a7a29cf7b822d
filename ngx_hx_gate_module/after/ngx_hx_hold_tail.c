/*
 * ngx_hx_hold_tail.c -- the last byte of a response that ends with its
 * connection (HTTP/1.0, or chunked_transfer_encoding off).
 *
 * Nobody knows that a byte of it is the last one until the end comes, with a
 * buffer of its own that has none; and whoever is killed between the two ends
 * the connection, so to the client all was there.  So one byte stays behind
 * with each call, and goes on with the next.
 */

#include "ngx_hx_audit.h"


typedef struct ngx_hx_tail_s {
    ngx_buf_t    *byte;             /* that stayed behind, or NULL */
    ngx_chain_t  *free;
    ngx_chain_t  *busy;
} ngx_hx_tail_t;


#define NGX_HX_TAIL_TAG   ((ngx_buf_tag_t) &ngx_http_hx_gate_module)


ngx_uint_t
ngx_hx_hold_to_the_end(const ngx_http_request_t *r)
{
    return r->headers_out.content_length_n < 0 && !r->chunked
           && r->http_version < NGX_HTTP_VERSION_20;
}


/* A link of ours to somebody's buffer, behind *last. */

static ngx_int_t
ngx_hx_tail_link(ngx_http_request_t *r, ngx_chain_t ***last, ngx_buf_t *b)
{
    ngx_chain_t  *cl;

    cl = ngx_alloc_chain_link(r->pool);
    if (cl == NULL) {
        return NGX_ERROR;
    }

    cl->buf = b;
    cl->next = NULL;
    **last = cl;
    *last = &cl->next;

    return NGX_OK;
}


/* The last byte of b, which has one, in a buffer of its own. */

static ngx_buf_t *
ngx_hx_tail_cut(ngx_http_request_t *r, ngx_hx_tail_t *tail, ngx_buf_t *b)
{
    u_char       *start;
    ngx_buf_t    *byte;
    ngx_chain_t  *cl;

    cl = ngx_chain_get_free_buf(r->pool, &tail->free);
    if (cl == NULL) {
        return NULL;
    }

    byte = cl->buf;
    ngx_free_chain(r->pool, cl);

    start = byte->start != NULL ? byte->start : ngx_pnalloc(r->pool, 1);
    if (start == NULL) {
        return NULL;
    }

    ngx_memzero(byte, sizeof(ngx_buf_t));

    byte->tag = NGX_HX_TAIL_TAG;
    byte->start = start;
    byte->end = start + 1;
    byte->pos = start;
    byte->last = start;

    if (ngx_buf_in_memory(b)) {
        byte->temporary = 1;
        *byte->last++ = *--b->last;

        if (b->in_file) {
            b->file_last--;
        }

    } else {
        byte->in_file = 1;
        byte->file = b->file;
        byte->file_last = b->file_last;
        byte->file_pos = --b->file_last;
    }

    return byte;
}


ngx_int_t
ngx_hx_hold_tail(ngx_http_request_t *r, ngx_hx_ctx_t *ctx, ngx_chain_t *in,
    ngx_chain_t **out)
{
    ngx_buf_t      *from;
    ngx_uint_t      end;
    ngx_chain_t    *cl, **last;
    ngx_hx_tail_t  *tail;

    if (ctx->tail == NULL) {
        ctx->tail = ngx_pcalloc(r->pool, sizeof(ngx_hx_tail_t));
        if (ctx->tail == NULL) {
            return NGX_ERROR;
        }
    }

    tail = ctx->tail;
    from = NULL;
    end = 0;

    for (cl = in; cl; cl = cl->next) {
        end |= cl->buf->last_buf;

        if (!ngx_buf_special(cl->buf) && ngx_buf_size(cl->buf) > 0) {
            from = cl->buf;
        }
    }

    *out = NULL;
    last = out;

    /* without data nothing comes to take the place of what stayed behind */

    if (tail->byte != NULL && (from != NULL || end)) {
        if (ngx_hx_tail_link(r, &last, tail->byte) != NGX_OK) {
            return NGX_ERROR;
        }

        tail->byte = NULL;
    }

    if (from != NULL && !end) {
        tail->byte = ngx_hx_tail_cut(r, tail, from);

        if (tail->byte == NULL) {
            return NGX_ERROR;
        }
    }

    for (cl = in; cl; cl = cl->next) {

        /* of one that had a single byte there is nothing left */

        if (cl->buf == from && ngx_buf_size(from) == 0) {
            continue;
        }

        if (ngx_hx_tail_link(r, &last, cl->buf) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


void
ngx_hx_hold_tail_sent(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    ngx_chain_t *out)
{
    ngx_chain_update_chains(r->pool, &ctx->tail->free, &ctx->tail->busy, &out,
                            NGX_HX_TAIL_TAG);
}
