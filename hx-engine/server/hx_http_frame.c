/*
 * hx_http_frame.c -- what the headers of a parsed head say: where the body
 * ends, and what becomes of the connection.
 *
 * Whatever another reader could frame differently is refused with a static
 * reason; the caller answers 400 and closes.
 */

#include <string.h>

#include "hx_http_parse.h"
#include "hx_text.h"

#define HX_HTTP_LENGTH_MAX   ((uint64_t) 1 << 50)


hx_rc_t
hx_http_header(const hx_http_head_t *h, const unsigned char *buf,
    const char *lower, hx_str_t *v)
{
    size_t                   len;
    unsigned                 i, n;
    const hx_http_header_t  *hd;

    n = 0;
    len = strlen(lower);
    v->data = NULL;
    v->len = 0;

    for (i = 0; i < h->n_headers; i++) {
        hd = &h->header[i];

        if (hd->name.len == len
            && hx_text_ieq(buf + hd->name.off, len, lower, len))
        {
            v->data = buf + hd->value.off;
            v->len = hd->value.len;
            n++;
        }
    }

    return n == 0 ? HX_NO : n == 1 ? HX_OK : HX_FAIL;
}


/* Does the comma-separated list hold this lower-case word? */
static int
hx_http_list_has(const hx_str_t *v, const char *lower)
{
    size_t  i, start, end, len;

    i = 0;
    len = strlen(lower);

    while (i < v->len) {
        start = i;

        while (i < v->len && v->data[i] != ',') {
            i++;
        }

        end = i++;

        while (start < end
               && (v->data[start] == ' ' || v->data[start] == '\t'))
        {
            start++;
        }

        while (end > start
               && (v->data[end - 1] == ' ' || v->data[end - 1] == '\t'))
        {
            end--;
        }

        if (end - start == len
            && hx_text_ieq(v->data + start, len, lower, len))
        {
            return 1;
        }
    }

    return 0;
}


static hx_rc_t
hx_http_frame_length(hx_http_frame_t *f, hx_http_head_t *h,
    const unsigned char *buf)
{
    hx_rc_t   cl, te;
    hx_str_t  v;

    te = hx_http_header(h, buf, "transfer-encoding", &v);

    if (te != HX_NO) {
        if (te == HX_FAIL || v.len != 7
            || !hx_text_ieq(v.data, v.len, "chunked", 7) || h->minor == 0)
        {
            h->why = "unsupported Transfer-Encoding";
            return HX_NO;
        }
        f->chunked = 1;
    }

    cl = hx_http_header(h, buf, "content-length", &v);

    if (cl == HX_NO) {
        return HX_OK;
    }

    if (f->chunked) {
        h->why = "both Content-Length and Transfer-Encoding";
        return HX_NO;
    }

    if (cl == HX_FAIL
        || hx_text_parse_u64(v.data, v.len, HX_HTTP_LENGTH_MAX, &f->length)
           != HX_OK)
    {
        h->why = "malformed or repeated Content-Length";
        return HX_NO;
    }

    f->has_length = 1;

    return HX_OK;
}


hx_rc_t
hx_http_frame(hx_http_frame_t *f, hx_http_head_t *h, const unsigned char *buf)
{
    hx_rc_t   rc;
    hx_str_t  v;

    memset(f, 0, sizeof(*f));
    f->keep_alive = h->minor == 1;

    rc = hx_http_header(h, buf, "host", &v);

    if (rc == HX_FAIL || (rc == HX_NO && h->minor == 1)) {
        h->why = "exactly one Host header is needed";
        return HX_NO;
    }

    if (hx_http_frame_length(f, h, buf) != HX_OK) {
        return HX_NO;
    }

    rc = hx_http_header(h, buf, "connection", &v);

    if (rc == HX_FAIL) {
        f->keep_alive = 0;

    } else if (rc == HX_OK) {
        if (hx_http_list_has(&v, "close")) {
            f->keep_alive = 0;

        } else if (hx_http_list_has(&v, "keep-alive")) {
            f->keep_alive = 1;
        }
    }

    rc = hx_http_header(h, buf, "expect", &v);

    if (rc == HX_NO) {
        return HX_OK;
    }

    if (rc == HX_FAIL || v.len != 12
        || !hx_text_ieq(v.data, v.len, "100-continue", 12))
    {
        h->why = "unknown expectation";
        return HX_NO;
    }

    f->expect_continue = h->minor == 1;

    return HX_OK;
}
