/*
 * hx_api_stream.c -- see the header.  The logical bytes are the lead (a .npy
 * header made for this answer) and then a range of a value, as it is stored or
 * as a source computes it.
 */

#include <string.h>

#include "hx_api_stream.h"
#include "hx_base64.h"


static uint64_t
hx_stream_total(const hx_stream_t *st)
{
    return st->lead_len + (st->last - st->first);
}


int
hx_stream_done(const hx_stream_t *st)
{
    return st->pos == hx_stream_total(st);
}


static hx_store_rc_t
hx_stream_at(const hx_stream_t *st, const hx_store_view_t *v, uint64_t pos,
    hx_str_t *piece)
{
    uint64_t       off;
    hx_store_rc_t  rc;

    if (pos < st->lead_len) {
        piece->data = st->lead + pos;
        piece->len = st->lead_len - (size_t) pos;
        return HX_STORE_OK;
    }

    off = st->first + (pos - st->lead_len);

    rc = st->source != NULL
         ? hx_source_at(st->source, v, off, piece)
         : hx_store_piece(v, st->value_id, st->stored, off, piece);

    if (rc == HX_STORE_OK && piece->len > st->last - off) {
        piece->len = (size_t) (st->last - off);
    }

    return rc;
}


hx_store_rc_t
hx_stream_peek(const hx_stream_t *st, const hx_store_view_t *v,
    hx_str_t *piece)
{
    return hx_stream_at(st, v, st->pos, piece);
}


size_t
hx_stream_worked(const hx_stream_t *st)
{
    return st->source != NULL ? hx_source_worked(st->source) : 0;
}


/* Up to three bytes across the border of two pieces. */
static hx_store_rc_t
hx_stream_gather(const hx_stream_t *st, const hx_store_view_t *v,
    unsigned char group[3], size_t n)
{
    size_t         i;
    hx_str_t       piece;
    hx_store_rc_t  rc;

    for (i = 0; i < n; i++) {
        rc = hx_stream_at(st, v, st->pos + i, &piece);
        if (rc != HX_STORE_OK) {
            return rc;
        }
        group[i] = piece.data[0];
    }

    return HX_STORE_OK;
}


hx_store_rc_t
hx_stream_encode(hx_stream_t *st, const hx_store_view_t *v,
    unsigned char *out, size_t cap, size_t *n)
{
    size_t          len;
    uint64_t        left;
    hx_str_t        piece;
    hx_store_rc_t   rc;
    unsigned char   group[3];

    *n = 0;

    while (!hx_stream_done(st) && cap - *n >= 4) {

        if (*n != 0 && st->source != NULL && hx_source_due(st->source)) {
            break;
        }

        left = hx_stream_total(st) - st->pos;

        rc = hx_stream_at(st, v, st->pos, &piece);
        if (rc != HX_STORE_OK) {
            return rc == HX_STORE_BUSY ? HX_STORE_OK : rc;
        }

        len = (cap - *n) / 4 * 3;

        if (len > piece.len) {
            len = piece.len;
        }

        if (len < left) {
            len -= len % 3;             /* padding only at the very end */
        }

        if (len == 0) {
            len = left < 3 ? (size_t) left : 3;

            rc = hx_stream_gather(st, v, group, len);
            if (rc != HX_STORE_OK) {
                return rc == HX_STORE_BUSY ? HX_STORE_OK : rc;
            }

            piece.data = group;
        }

        *n += hx_base64_encode(out + *n, piece.data, len);
        st->pos += len;
    }

    return HX_STORE_OK;
}
