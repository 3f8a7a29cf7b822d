/*
 * hx_fuzz_proxy.h -- the head of an HTTP request and the framing of its body
 * as a lenient proxy reads them: any line end, any blanks, the first header of
 * a name, whatever is behind the digits of a chunk's size.  Where a strict
 * parser takes a request, it must read the same.
 *
 * Whoever includes it has _GNU_SOURCE, for memrchr().
 */

#ifndef HX_FUZZ_PROXY_H
#define HX_FUZZ_PROXY_H

#include "hx_fuzz_in.h"
#include "hx_text.h"

typedef struct {
    hx_str_t  method;
    hx_str_t  target;
    hx_str_t  type;                     /* the first Content-Type */
    int       encoded;                  /* there is a Content-Encoding */
    int       chunked;
    int       odd;                      /* refused: framing said twice */
    uint64_t  length;
} hx_proxy_head_t;


static inline hx_str_t
hx_proxy_trim(hx_str_t s)
{
    while (s.len != 0 && (s.data[0] == ' ' || s.data[0] == '\t')) {
        s.data++;
        s.len--;
    }

    while (s.len != 0 && (s.data[s.len - 1] == ' '
                          || s.data[s.len - 1] == '\t'
                          || s.data[s.len - 1] == '\r'))
    {
        s.len--;
    }

    return s;
}


static inline void
hx_proxy_header(hx_proxy_head_t *h, hx_str_t line)
{
    hx_str_t        name, value;
    const uint8_t  *colon;

    colon = memchr(line.data, ':', line.len);

    if (colon == NULL) {
        return;
    }

    name.data = line.data;
    name.len = (size_t) (colon - line.data);
    value.data = colon + 1;
    value.len = line.len - name.len - 1;
    name = hx_proxy_trim(name);
    value = hx_proxy_trim(value);

    if (hx_text_ieq(name.data, name.len, "content-type", 12)) {
        h->type = h->type.data == NULL ? value : h->type;

    } else if (hx_text_ieq(name.data, name.len, "content-encoding", 16)) {
        h->encoded = 1;

    } else if (hx_text_ieq(name.data, name.len, "transfer-encoding", 17)) {
        h->odd |= h->chunked || h->length != UINT64_MAX;
        h->odd |= !hx_text_ieq(value.data, value.len, "chunked", 7);
        h->chunked = 1;

    } else if (hx_text_ieq(name.data, name.len, "content-length", 14)) {
        h->odd |= h->chunked || h->length != UINT64_MAX;
        h->odd |= hx_text_parse_u64(value.data, value.len, INT64_MAX,
                                    &h->length) != HX_OK;
    }
}


/* 0: no request.  Lines end with a line feed, whatever is before it. */
static inline int
hx_proxy_head(hx_proxy_head_t *h, hx_fuzz_in_t *in)
{
    hx_str_t        line;
    const uint8_t  *p;

    memset(h, 0, sizeof(hx_proxy_head_t));
    h->length = UINT64_MAX;
    line = hx_proxy_trim(hx_fuzz_line(in));
    p = line.len != 0 ? memchr(line.data, ' ', line.len) : NULL;

    if (p == NULL) {
        return 0;
    }

    h->method.data = line.data;
    h->method.len = (size_t) (p - line.data);
    h->target.data = p + 1;
    h->target.len = line.len - h->method.len - 1;
    h->target = hx_proxy_trim(h->target);
    p = memrchr(h->target.data, ' ', h->target.len);

    if (p != NULL) {
        h->target.len = (size_t) (p - h->target.data);
    }

    h->target = hx_proxy_trim(h->target);

    do {
        if (in->left == 0) {
            return 0;
        }

        line = hx_proxy_trim(hx_fuzz_line(in));
        hx_proxy_header(h, line);
    } while (line.len != 0);

    return h->target.len != 0 && !h->odd;
}


/* The body as a lenient proxy takes it; 0: it is not all there. */
static inline int
hx_proxy_body(const hx_proxy_head_t *h, hx_fuzz_in_t *in, hx_str_t *body)
{
    size_t     n;
    hx_str_t   line;
    uint64_t   size;
    unsigned   i;

    static unsigned char  dechunked[1048576];

    if (!h->chunked) {
        size = h->length == UINT64_MAX ? 0 : h->length;
        *body = hx_fuzz_bytes(in, size < in->left ? size : in->left);
        return body->len == size;
    }

    for (n = 0; in->left != 0; n += body->len) {
        line = hx_proxy_trim(hx_fuzz_line(in));
        size = 0;

        for (i = 0; i < line.len && i < 8; i++) {
            if (strchr("0123456789abcdefABCDEF", line.data[i]) == NULL
                || line.data[i] == '\0')
            {
                break;
            }

            size = size * 16
                   + (uint64_t) (line.data[i] <= '9'
                                 ? line.data[i] - '0'
                                 : (line.data[i] | 0x20) - 'a' + 10);
        }

        if (i == 0) {
            return 0;
        }

        if (size == 0) {
            body->data = dechunked;
            body->len = n;
            return 1;
        }

        *body = hx_fuzz_bytes(in, size < in->left ? size : in->left);
        (void) hx_fuzz_line(in);

        if (body->len != size || size > sizeof(dechunked) - n) {
            return 0;
        }

        memcpy(dechunked + n, body->data, size);
    }

    return 0;
}

#endif /* HX_FUZZ_PROXY_H */
