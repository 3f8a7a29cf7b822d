/*
 * hx_reply.h -- what a request is answered with, before it is HTTP.
 *
 * Filled by api/ (and by the server for its own refusals), sent by the server.
 * Small bodies live in the reply itself, so an error can always be written;
 * larger ones are allocated.  A value is never copied: the reply names it, and
 * the server pulls it piece by piece (hx_api_stream.h).
 */

#ifndef HX_REPLY_H
#define HX_REPLY_H

#include "hx_api_source.h"
#include "hx_errors.h"
#include "hx_json_write.h"

#define HX_REPLY_HEADROOM   1536        /* in front of the body, for the head */
#define HX_REPLY_FIXED      4096        /* bytes of body without allocation */
#define HX_REPLY_HEADERS    768

typedef struct {
    int             active;
    int             base64;
    unsigned char  *lead;               /* bytes before the value's own */
    size_t          lead_len;
    hx_source_t    *source;             /* computes the value, or NULL: */
    uint64_t        value_id;           /* it is stored as it goes out */
    uint64_t        stored;
    uint64_t        first;              /* the value's bytes from here to */
    uint64_t        last;               /* before here */
    uint64_t        pos;                /* bytes of lead + value done so far */
} hx_stream_t;

typedef struct {
    unsigned        status;             /* 0 = not answered yet */
    hx_error_t      error;
    const char     *reason;             /* static, for logs only, or NULL */
    int             item;               /* errors are about this element of */
    int             core;               /* "items", of "cores"; -1: neither */
    const char     *type;               /* Content-Type, static */
    int             no_body;            /* HEAD, 304: the length only */
    int             close;              /* the connection must end */
    hx_buf_t        headers;            /* more lines, each with CR LF */
    hx_buf_t        body;               /* headroom bytes lie before start */
    unsigned char  *heap;               /* what to free, or NULL */
    hx_stream_t     stream;             /* goes between body and tail */
    const char     *tail;               /* static, or NULL */
    hx_str_t        request_id;         /* of the caller; lives as long */
    unsigned char   header_mem[HX_REPLY_HEADERS];
    unsigned char   fixed[HX_REPLY_HEADROOM + HX_REPLY_FIXED];
} hx_reply_t;


void hx_reply_init(hx_reply_t *r);

/* Frees what it owns; the reply may be used again after hx_reply_init. */
void hx_reply_clear(hx_reply_t *r);

/*
 * Begins a JSON answer with room for cap bytes of body.  The buffer to write
 * to, or NULL: out of memory, and the reply is a complete 503 already.
 */
hx_buf_t *hx_reply_open(hx_reply_t *r, unsigned status, size_t cap);

/*
 * Makes the whole reply an error, whatever it held before.  Format of the
 * detail: %V = const hx_str_t * (cut at HX_DETAIL_ECHO_MAX bytes), %s = C
 * string, %L = uint64_t, %% = a percent sign; nothing else.  The detail begins
 * with "Item n: ", "Core n: " or "Item n, core m: " while these are set.
 */
void hx_reply_error(hx_reply_t *r, hx_error_t e, const char *fmt, ...);

/* The 503 of a request for which the in-flight budget has no room. */
void hx_reply_no_budget(hx_reply_t *r);

/* Adds "name: value"; both static or checked: no CR, LF or NUL. */
void hx_reply_header(hx_reply_t *r, const char *name, const char *value);

/* ETag: "<version>" */
void hx_reply_etag(hx_reply_t *r, uint64_t version);

/* Bytes that the body will have on the wire. */
uint64_t hx_reply_length(const hx_reply_t *r);

#endif /* HX_REPLY_H */
