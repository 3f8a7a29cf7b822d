/*
 * hx_http_parse.c -- the request head, byte for byte.
 *
 * A byte-wise state machine.  Nothing is copied: the head is described by
 * offsets into the caller's buffer.  A byte that fits nowhere ends in BAD with
 * a static reason; the connection is then answered with 400 and closed,
 * because its framing is not trustworthy.
 */

#include <string.h>

#include "hx_http_parse.h"
#include "hx_text.h"

enum {
    S_METHOD = 0, S_TARGET, S_VERSION, S_LINE_LF, S_NAME_START, S_NAME,
    S_OWS, S_VALUE, S_HEADER_LF, S_END_LF, S_DONE
};

static const char  hx_http_version[] = "HTTP/1.";


/* token = RFC 9110 token character, visible = may stand in a target, text =
 * may stand in a field value */
#define T   1
#define V   2
#define X   4

static const unsigned char  hx_http_class[256] = {
    ['\t'] = X, [' '] = X,
    ['!'] = T|V|X, ['"'] = V|X, ['#' ... '\''] = T|V|X, ['(' ... ')'] = V|X,
    ['*' ... '+'] = T|V|X, [','] = V|X, ['-' ... '.'] = T|V|X, ['/'] = V|X,
    ['0' ... '9'] = T|V|X, [':' ... '@'] = V|X, ['A' ... 'Z'] = T|V|X,
    ['[' ... ']'] = V|X, ['^' ... 'z'] = T|V|X, ['{'] = V|X, ['|'] = T|V|X,
    ['}'] = V|X, ['~'] = T|V|X,
    [0x80 ... 0xff] = X
};


int
hx_http_token(unsigned char ch)
{
    return hx_http_class[ch] & T;
}


int
hx_http_text(unsigned char ch)
{
    return hx_http_class[ch] & X;
}


static hx_http_rc_t
hx_http_bad(hx_http_head_t *h, const char *why)
{
    h->why = why;

    return HX_HTTP_BAD;
}


void
hx_http_head_init(hx_http_head_t *h)
{
    h->state = S_METHOD;
    h->pos = 0;
    h->why = NULL;
    h->too_large = 0;
    h->method.off = 0;
    h->method.len = 0;
    h->target.off = 0;
    h->target.len = 0;
    h->minor = 0;
    h->n_headers = 0;
}


/* One byte of the request line; HX_HTTP_DONE = accepted. */
static hx_http_rc_t
hx_http_line_byte(hx_http_head_t *h, unsigned char ch)
{
    size_t  at;

    switch (h->state) {

    case S_METHOD:
        if (ch == ' ' && h->method.len != 0) {
            h->target.off = (uint16_t) (h->pos + 1);
            h->state = S_TARGET;
            break;
        }
        if (!hx_http_token(ch) || h->method.len == 16) {
            return hx_http_bad(h, "malformed method");
        }
        h->method.len++;
        break;

    case S_TARGET:
        if (ch == ' ' && h->target.len != 0) {
            h->state = S_VERSION;
            break;
        }
        if (!(hx_http_class[ch] & V) || (h->target.len == 0 && ch != '/')) {
            return hx_http_bad(h, "malformed request target");
        }
        h->target.len++;
        break;

    case S_VERSION:
        at = h->pos - h->target.off - h->target.len - 1;
        if (at < sizeof(hx_http_version) - 1) {
            if (ch != (unsigned char) hx_http_version[at]) {
                return hx_http_bad(h, "malformed protocol version");
            }
            break;
        }
        if (at == sizeof(hx_http_version) - 1 && (ch == '0' || ch == '1')) {
            h->minor = ch - '0';
            break;
        }
        if (at == sizeof(hx_http_version) && ch == '\r') {
            h->state = S_LINE_LF;
            break;
        }
        return hx_http_bad(h, "unsupported protocol version");

    default:                                        /* S_LINE_LF */
        if (ch != '\n') {
            return hx_http_bad(h, "bare CR in the request line");
        }
        h->state = S_NAME_START;
    }

    return HX_HTTP_DONE;
}


static hx_http_rc_t
hx_http_name_byte(hx_http_head_t *h, unsigned char ch)
{
    hx_http_header_t  *hd;

    if (h->state == S_NAME_START) {

        if (ch == '\r') {
            h->state = S_END_LF;
            return HX_HTTP_DONE;
        }

        if (h->n_headers == HX_HTTP_HEADERS_MAX) {
            h->too_large = 1;
            return hx_http_bad(h, "too many headers");
        }

        hd = &h->header[h->n_headers++];
        hd->name.off = (uint16_t) h->pos;
        hd->name.len = 0;
        hd->value.off = 0;
        hd->value.len = 0;
        h->state = S_NAME;
    }

    hd = &h->header[h->n_headers - 1];

    if (ch == ':' && hd->name.len != 0) {
        hd->value.off = (uint16_t) (h->pos + 1);
        h->state = S_OWS;
        return HX_HTTP_DONE;
    }

    if (!hx_http_token(ch)) {
        return hx_http_bad(h, "malformed header name");
    }

    hd->name.len++;

    return HX_HTTP_DONE;
}


/* value.len counts up to the last byte that is not a blank. */
static hx_http_rc_t
hx_http_value_byte(hx_http_head_t *h, unsigned char ch)
{
    hx_http_header_t  *hd;

    hd = &h->header[h->n_headers - 1];

    if (ch == '\r') {
        h->state = S_HEADER_LF;
        return HX_HTTP_DONE;
    }

    if (!hx_http_text(ch)) {
        return hx_http_bad(h, "control byte in a header");
    }

    if (ch == ' ' || ch == '\t') {
        return HX_HTTP_DONE;
    }

    if (h->state == S_OWS) {
        hd->value.off = (uint16_t) h->pos;
        h->state = S_VALUE;
    }

    hd->value.len = (uint16_t) (h->pos + 1 - hd->value.off);

    return HX_HTTP_DONE;
}


/*
 * The middle of a target, a name or a value in one go: only bytes that change
 * neither the state nor the verdict.
 */
static void
hx_http_run(hx_http_head_t *h, const unsigned char *buf, size_t len)
{
    size_t             start, end;
    hx_http_header_t  *hd;

    start = h->pos;
    end = start;

    switch (h->state) {

    case S_TARGET:
        while (h->target.len != 0 && end < len && hx_http_class[buf[end]] & V)
        {
            end++;
        }
        h->target.len = (uint16_t) (h->target.len + (end - start));
        break;

    case S_NAME:
        while (end < len && hx_http_class[buf[end]] & T) {
            end++;
        }
        hd = &h->header[h->n_headers - 1];
        hd->name.len = (uint16_t) (hd->name.len + (end - start));
        break;

    case S_VALUE:
        while (end < len && hx_http_class[buf[end]] & X) {
            end++;
        }
        h->pos = end;

        while (end > start && (buf[end - 1] == ' ' || buf[end - 1] == '\t')) {
            end--;
        }

        if (end > start) {
            hd = &h->header[h->n_headers - 1];
            hd->value.len = (uint16_t) (end - hd->value.off);
        }
        return;

    default:
        return;
    }

    h->pos = end;
}


hx_http_rc_t
hx_http_head_parse(hx_http_head_t *h, const unsigned char *buf, size_t len)
{
    unsigned char  ch;
    hx_http_rc_t   rc;

    if (h->why != NULL) {
        return HX_HTTP_BAD;
    }

    while (h->state != S_DONE) {

        hx_http_run(h, buf, len < HX_HTTP_HEAD_MAX ? len : HX_HTTP_HEAD_MAX);

        if (h->pos == HX_HTTP_HEAD_MAX) {
            h->too_large = 1;
            return hx_http_bad(h, "request head too large");
        }

        if (h->pos == len) {
            return HX_HTTP_MORE;
        }

        ch = buf[h->pos];
        rc = HX_HTTP_DONE;

        switch (h->state) {

        case S_NAME_START:
        case S_NAME:
            rc = hx_http_name_byte(h, ch);
            break;

        case S_OWS:
        case S_VALUE:
            rc = hx_http_value_byte(h, ch);
            break;

        case S_HEADER_LF:
            if (ch != '\n') {
                rc = hx_http_bad(h, "bare CR in a header");
            }
            h->state = S_NAME_START;
            break;

        case S_END_LF:
            if (ch != '\n') {
                rc = hx_http_bad(h, "bare CR in a header");
            }
            h->state = S_DONE;
            break;

        default:
            rc = hx_http_line_byte(h, ch);
        }

        if (rc == HX_HTTP_BAD) {
            return rc;
        }

        h->pos++;
    }

    return HX_HTTP_DONE;
}
