/*
 * hx_http_parse.h -- HTTP/1.1 as bytes: request heads and chunked bodies.
 *
 * Pure: no socket, no clock, no heap.  Called by the connection code with
 * whatever has arrived so far; every function answers one of three things,
 * and any split of the same bytes leads to the same end result.
 *
 * The subset is strict on purpose (what another parser might read differently
 * is refused): origin-form targets only, CRLF line ends only, no obs-fold, no
 * blank before a colon, no control byte anywhere, no empty line in front of
 * the request line.
 */

#ifndef HX_HTTP_PARSE_H
#define HX_HTTP_PARSE_H

#include "hx_types.h"

#define HX_HTTP_HEAD_MAX      16384   /* bytes of one request head */
#define HX_HTTP_HEADERS_MAX   100     /* header lines of one request */
#define HX_HTTP_EXT_MAX       256     /* bytes of extensions of one chunk */
#define HX_HTTP_TRAILER_MAX   4096    /* bytes of all trailers of a body */

typedef enum {
    HX_HTTP_MORE = 0,       /* incomplete: call again with more bytes */
    HX_HTTP_DONE,
    HX_HTTP_BAD             /* malformed, "why" says what */
} hx_http_rc_t;

/* A piece of the head: offset and length in the caller's buffer. */
typedef struct {
    uint16_t  off;
    uint16_t  len;
} hx_http_span_t;

typedef struct {
    hx_http_span_t  name;
    hx_http_span_t  value;          /* without blanks around it */
} hx_http_header_t;

typedef struct {
    unsigned          state;
    size_t            pos;          /* bytes consumed so far */
    const char       *why;          /* static text when BAD */
    int               too_large;    /* BAD because of a size limit */

    hx_http_span_t    method;
    hx_http_span_t    target;
    unsigned          minor;        /* HTTP/1.x: 0 or 1 */
    unsigned          n_headers;
    hx_http_header_t  header[HX_HTTP_HEADERS_MAX];
} hx_http_head_t;

/* How the body of a request is delimited and what happens afterwards. */
typedef struct {
    int       chunked;
    int       has_length;
    uint64_t  length;               /* Content-Length */
    int       keep_alive;
    int       expect_continue;
} hx_http_frame_t;

typedef struct {
    unsigned     state;
    unsigned     digits;
    unsigned     skipped;           /* extension bytes of this chunk */
    unsigned     trailer;           /* bytes of trailers */
    uint64_t     left;              /* bytes of this chunk still to come */
    const char  *why;
} hx_http_chunked_t;

void hx_http_head_init(hx_http_head_t *h);

/*
 * buf[0..len) is everything of the head received so far (the same bytes at
 * every call, with more behind them); len may reach beyond the head.  DONE:
 * the head is buf[0..h->pos).  More than HX_HTTP_HEAD_MAX bytes without an end
 * is BAD.
 */
hx_http_rc_t hx_http_head_parse(hx_http_head_t *h, const unsigned char *buf,
    size_t len);

/*
 * The framing of a parsed head.  HX_OK, or HX_NO and h->why: both
 * Content-Length and Transfer-Encoding, repeated or malformed Content-Length,
 * any transfer coding but one "chunked", HTTP/1.1 without exactly one Host,
 * Transfer-Encoding in HTTP/1.0, an unknown expectation.
 */
hx_rc_t hx_http_frame(hx_http_frame_t *f, hx_http_head_t *h,
    const unsigned char *buf);

/*
 * The value of a header by its lower-case name.  HX_OK and *v; HX_NO when it
 * is absent; HX_FAIL when it stands there more than once.
 */
hx_rc_t hx_http_header(const hx_http_head_t *h, const unsigned char *buf,
    const char *lower, hx_str_t *v);

/* RFC 9110 token character; field text (visible, blank, tab, obs-text). */
int hx_http_token(unsigned char ch);
int hx_http_text(unsigned char ch);

void hx_http_chunked_init(hx_http_chunked_t *c);

/*
 * Takes up to len bytes of a chunked body.  *used bytes were consumed; when
 * data->len != 0 they end with that much payload, and the caller goes on with
 * the rest.  MORE: everything consumed or payload delivered; DONE: the body
 * and its trailers are complete; BAD: c->why.
 */
hx_http_rc_t hx_http_chunked_parse(hx_http_chunked_t *c,
    const unsigned char *p, size_t len, size_t *used, hx_str_t *data);

#endif /* HX_HTTP_PARSE_H */
