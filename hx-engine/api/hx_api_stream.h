/*
 * hx_api_stream.h -- the bytes of a value on their way out.
 *
 * The server pulls when its socket takes more.  Pieces are found anew through
 * a short view each time (a stored value never changes), so a slow reader
 * holds no read transaction.
 */

#ifndef HX_API_STREAM_H
#define HX_API_STREAM_H

#include "hx_reply.h"

/* 1 when every byte was handed out. */
int hx_stream_done(const hx_stream_t *st);

/*
 * Raw streams: the next bytes in place, valid while the view is open; the
 * caller adds what it has used to st->pos.  BUSY: nothing yet, a step of what
 * computes them was made; CORRUPT or FAIL: cut the answer.
 */
hx_store_rc_t hx_stream_peek(const hx_stream_t *st,
    const hx_store_view_t *v, hx_str_t *piece);

/*
 * Base64 streams: encodes as much as fits into out (cap >= 4), *n = characters
 * written, 0 at the end, or when what computes the bytes has more to do before
 * the next ones; st->pos moves on.
 */
hx_store_rc_t hx_stream_encode(hx_stream_t *st, const hx_store_view_t *v,
    unsigned char *out, size_t cap, size_t *n);

/*
 * What computing took since the last call, in bytes: others are due their turn
 * after as much of it as after such a number of bytes.
 */
size_t hx_stream_worked(const hx_stream_t *st);

#endif /* HX_API_STREAM_H */
