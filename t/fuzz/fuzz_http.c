/*
 * fuzz_http.c -- server/hx_http_parse.h: a head, and as another reading of the
 * same bytes a chunked body, give the same in pieces as at once, and what they
 * point at lies inside the input.
 */

#include "hx_fuzz.h"
#include "hx_http_parse.h"


static void
check_span(const hx_http_head_t *h, hx_http_span_t s)
{
    hx_fuzz_check((size_t) s.off + s.len <= h->pos);
}


static void
check_head(const uint8_t *data, size_t len, uint64_t seed)
{
    size_t           n;
    unsigned         i;
    uint8_t         *copy;
    hx_str_t         v;
    hx_http_rc_t     rc, want;
    hx_http_head_t   whole, h;
    hx_http_frame_t  f;

    hx_http_head_init(&whole);
    want = hx_http_head_parse(&whole, data, len);
    hx_http_head_init(&h);
    rc = HX_HTTP_MORE;

    for (n = 0; rc == HX_HTTP_MORE && n < len; ) {
        n += hx_fuzz_piece(&seed, len - n);
        copy = hx_fuzz_copy(data, n);
        rc = hx_http_head_parse(&h, copy, n);
        free(copy);
    }

    hx_fuzz_check(rc == want);
    hx_fuzz_check(whole.pos <= len && whole.pos <= HX_HTTP_HEAD_MAX);
    hx_fuzz_check(rc != HX_HTTP_BAD || (h.why != NULL && whole.why != NULL));

    if (rc != HX_HTTP_DONE) {
        return;
    }

    hx_fuzz_check(h.pos == whole.pos && h.n_headers == whole.n_headers);
    hx_fuzz_check(h.n_headers <= HX_HTTP_HEADERS_MAX);
    hx_fuzz_check(!memcmp(h.header, whole.header,
                          h.n_headers * sizeof(h.header[0])));
    check_span(&h, h.method);
    check_span(&h, h.target);
    hx_fuzz_check(h.method.len != 0 && data[h.target.off] == '/');

    for (i = 0; i < h.n_headers; i++) {
        check_span(&h, h.header[i].name);
        check_span(&h, h.header[i].value);
        hx_fuzz_check(h.header[i].name.len != 0);
    }

    if (hx_http_frame(&f, &h, data) == HX_OK) {
        hx_fuzz_check(!(f.chunked && f.has_length));
        (void) hx_http_header(&h, data, "host", &v);

    } else {
        hx_fuzz_check(h.why != NULL);
    }
}


/* Joins the payload in out; seed NULL = as much at once as the parser takes. */
static hx_http_rc_t
dechunk(const uint8_t *data, size_t len, uint64_t *seed, uint8_t *out,
    size_t *total, size_t *taken)
{
    size_t             n, used;
    uint8_t           *copy;
    hx_str_t           piece;
    hx_http_rc_t       rc;
    hx_http_chunked_t  c;

    hx_http_chunked_init(&c);
    *total = 0;
    *taken = 0;
    rc = HX_HTTP_MORE;

    while (rc == HX_HTTP_MORE && *taken < len) {
        n = len - *taken;
        n = seed != NULL ? hx_fuzz_piece(seed, n) : n;
        copy = hx_fuzz_copy(data + *taken, n);
        piece.len = 0;
        rc = hx_http_chunked_parse(&c, copy, n, &used, &piece);
        hx_fuzz_check(used <= n && piece.len <= used);
        hx_fuzz_check(rc != HX_HTTP_MORE || used != 0);

        if (piece.len != 0) {
            hx_fuzz_check(piece.data == copy + used - piece.len);
            memcpy(out + *total, piece.data, piece.len);
            *total += piece.len;
        }

        *taken += used;
        free(copy);
    }

    return rc;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    size_t         n, m, used, taken;
    uint8_t       *whole, *pieces;
    uint64_t       seed;
    hx_http_rc_t   rc;

    if (len > 65536) {
        return 0;
    }

    seed = hx_fuzz_seed(data, len);
    check_head(data, len, seed);

    whole = malloc(len + 1);
    pieces = malloc(len + 1);
    hx_fuzz_check(whole != NULL && pieces != NULL);

    rc = dechunk(data, len, NULL, whole, &n, &used);
    hx_fuzz_check(dechunk(data, len, &seed, pieces, &m, &taken) == rc);
    hx_fuzz_check(n == m && !memcmp(whole, pieces, n));
    hx_fuzz_check(rc == HX_HTTP_BAD || used == taken);

    free(whole);
    free(pieces);

    return 0;
}
