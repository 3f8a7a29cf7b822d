/*
 * hx_reply.c -- building answers; the only writer of error bodies.
 *
 * Called by api/ and server/.  An error always fits: the detail is cut, and
 * the fixed buffer takes its longest escaped form.
 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "hx_base64.h"
#include "hx_reply.h"
#include "hx_text.h"

#define HX_DETAIL_MAX   600             /* bytes of one detail, unescaped */


void
hx_reply_init(hx_reply_t *r)
{
    r->status = 0;
    r->error = HX_E_NONE;
    r->reason = NULL;
    r->item = -1;
    r->core = -1;
    r->type = "application/json";
    r->no_body = 0;
    r->close = 0;
    r->heap = NULL;
    r->tail = NULL;
    memset(&r->stream, 0, sizeof(r->stream));
    hx_buf_init(&r->headers, r->header_mem, sizeof(r->header_mem));
    hx_buf_init(&r->body, r->fixed + HX_REPLY_HEADROOM, HX_REPLY_FIXED);
}


void
hx_reply_clear(hx_reply_t *r)
{
    free(r->heap);
    free(r->stream.lead);
    hx_source_free(r->stream.source);
    r->heap = NULL;
    r->stream.source = NULL;
    r->stream.lead = NULL;
    r->stream.lead_len = 0;
}


static void
hx_reply_reset(hx_reply_t *r)
{
    hx_str_t  id;
    int       no_body, end, item, core;

    item = r->item;
    core = r->core;
    id = r->request_id;
    no_body = r->no_body;
    end = r->close;

    hx_reply_clear(r);
    hx_reply_init(r);

    r->request_id = id;
    r->no_body = no_body;
    r->close = end;
    r->item = item;
    r->core = core;
}


hx_buf_t *
hx_reply_open(hx_reply_t *r, unsigned status, size_t cap)
{
    hx_reply_reset(r);

    if (cap > HX_REPLY_FIXED) {
        r->heap = malloc(HX_REPLY_HEADROOM + cap);

        if (r->heap == NULL) {
            hx_reply_error(r, HX_E_UNAVAILABLE, "Out of memory");
            return NULL;
        }

        hx_buf_init(&r->body, r->heap + HX_REPLY_HEADROOM, cap);
    }

    r->status = status;

    return &r->body;
}


static void
hx_detail_echo(hx_buf_t *b, const hx_str_t *s)
{
    size_t  n;

    n = s->len;

    if (n > HX_DETAIL_ECHO_MAX) {
        n = HX_DETAIL_ECHO_MAX;

        while (n != 0 && (s->data[n] & 0xc0) == 0x80) {
            n--;                        /* not inside a character */
        }
    }

    hx_buf_add(b, s->data, n);
}


static void
hx_detail_format(hx_buf_t *b, const char *fmt, va_list ap)
{
    const char  *s;

    for ( /* void */ ; *fmt != '\0'; fmt++) {

        if (*fmt != '%') {
            hx_buf_byte(b, (unsigned char) *fmt);
            continue;
        }

        switch (*++fmt) {

        case 'V':
            hx_detail_echo(b, va_arg(ap, const hx_str_t *));
            break;

        case 'L':
            hx_text_u64(b, va_arg(ap, uint64_t));
            break;

        case 's':
            s = va_arg(ap, const char *);
            hx_buf_add(b, s, strlen(s));
            break;

        case '%':
            hx_buf_byte(b, '%');
            break;

        default:
            return;
        }
    }
}


/* "Item 3, core 2: " */
static void
hx_detail_where(hx_buf_t *b, const hx_reply_t *r)
{
    if (r->item >= 0) {
        hx_buf_lit(b, "Item ");
        hx_text_u64(b, (uint64_t) r->item);

        if (r->core >= 0) {
            hx_buf_lit(b, ", core ");
        }

    } else if (r->core >= 0) {
        hx_buf_lit(b, "Core ");
    }

    if (r->core >= 0) {
        hx_text_u64(b, (uint64_t) r->core);
    }

    if (r->item >= 0 || r->core >= 0) {
        hx_buf_lit(b, ": ");
    }
}


void
hx_reply_error(hx_reply_t *r, hx_error_t e, const char *fmt, ...)
{
    va_list        ap;
    hx_buf_t       detail;
    const char    *word;
    unsigned char  mem[HX_DETAIL_MAX];

    hx_reply_reset(r);

    hx_buf_init(&detail, mem, sizeof(mem));
    hx_detail_where(&detail, r);
    va_start(ap, fmt);
    hx_detail_format(&detail, fmt, ap);
    va_end(ap);

    word = hx_error_word(e);
    r->status = hx_error_status(e);
    r->error = e;

    hx_buf_lit(&r->body, "{\"detail\":");
    hx_json_string(&r->body, mem, hx_buf_len(&detail));
    hx_buf_lit(&r->body, ",\"error\":\"");
    hx_buf_add(&r->body, word, strlen(word));
    hx_buf_lit(&r->body, "\",\"request_id\":");
    hx_json_string(&r->body, r->request_id.data, r->request_id.len);
    hx_buf_byte(&r->body, '}');

    if (r->status == 401) {
        hx_reply_header(r, "WWW-Authenticate", "Bearer");
    }

    if (r->status == 503) {
        hx_reply_header(r, "Retry-After", "1");
    }
}


void
hx_reply_no_budget(hx_reply_t *r)
{
    hx_reply_error(r, HX_E_UNAVAILABLE, "Too many payloads in flight");
    r->reason = "in-flight budget";
}


void
hx_reply_header(hx_reply_t *r, const char *name, const char *value)
{
    hx_buf_add(&r->headers, name, strlen(name));
    hx_buf_lit(&r->headers, ": ");
    hx_buf_add(&r->headers, value, strlen(value));
    hx_buf_lit(&r->headers, "\r\n");
}


void
hx_reply_etag(hx_reply_t *r, uint64_t version)
{
    hx_buf_lit(&r->headers, "ETag: \"");
    hx_text_u64(&r->headers, version);
    hx_buf_lit(&r->headers, "\"\r\n");
}


uint64_t
hx_reply_length(const hx_reply_t *r)
{
    uint64_t  n, stream;

    n = hx_buf_len(&r->body);

    if (r->stream.active) {
        stream = r->stream.lead_len + (r->stream.last - r->stream.first);
        n += r->stream.base64 ? hx_base64_enc_len(stream) : stream;
    }

    return r->tail != NULL ? n + strlen(r->tail) : n;
}
