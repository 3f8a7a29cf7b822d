/*
 * hx_http_chunked.c -- chunked request bodies (RFC 9112, section 7.1).
 *
 * A byte-wise state machine; payload is handed out in place.  Extensions and
 * trailers are checked for form, bounded, and ignored.
 */

#include <string.h>

#include "hx_http_parse.h"

enum {
    C_SIZE = 0, C_EXT, C_SIZE_LF, C_DATA, C_DATA_CR, C_DATA_LF, C_TRAILER,
    C_TRAILER_LINE, C_TRAILER_LF, C_END_LF, C_DONE
};



void
hx_http_chunked_init(hx_http_chunked_t *c)
{
    memset(c, 0, sizeof(*c));
}


static int
hx_http_hex(unsigned char ch)
{
    if (ch >= '0' && ch <= '9') {
        return ch - '0';
    }

    ch |= 0x20;

    return (ch >= 'a' && ch <= 'f') ? ch - 'a' + 10 : -1;
}


static const char *
hx_http_size_byte(hx_http_chunked_t *c, unsigned char ch)
{
    int  v;

    v = hx_http_hex(ch);

    if (v >= 0) {
        if (++c->digits > 12) {
            return "chunk size too large";
        }
        c->left = c->left << 4 | (unsigned) v;
        return NULL;
    }

    if (c->digits == 0 || (ch != '\r' && ch != ';')) {
        return "malformed chunk size";
    }

    c->state = ch == '\r' ? C_SIZE_LF : C_EXT;

    return NULL;
}


/* One byte that is not payload; NULL = fine, else what is wrong. */
static const char *
hx_http_chunked_byte(hx_http_chunked_t *c, unsigned char ch)
{
    static const unsigned char  wanted[] = {
        [C_SIZE_LF] = '\n', [C_DATA_CR] = '\r', [C_DATA_LF] = '\n',
        [C_TRAILER_LF] = '\n', [C_END_LF] = '\n'
    };

    switch (c->state) {

    case C_SIZE:
        return hx_http_size_byte(c, ch);

    case C_EXT:
        if (ch == '\r') {
            c->state = C_SIZE_LF;
            return NULL;
        }
        return hx_http_text(ch) && ++c->skipped <= HX_HTTP_EXT_MAX
               ? NULL : "malformed chunk extension";

    case C_TRAILER:
        if (ch == '\r') {
            c->state = C_END_LF;
            return NULL;
        }
        c->state = C_TRAILER_LINE;
        return hx_http_token(ch) && ++c->trailer <= HX_HTTP_TRAILER_MAX
               ? NULL : "malformed trailer";

    case C_TRAILER_LINE:
        if (ch == '\r') {
            c->state = C_TRAILER_LF;
            return NULL;
        }
        return hx_http_text(ch) && ++c->trailer <= HX_HTTP_TRAILER_MAX
               ? NULL : "malformed trailer";

    default:
        break;
    }

    if (ch != wanted[c->state]) {
        return "malformed line end in a chunked body";
    }

    switch (c->state) {

    case C_SIZE_LF:
        c->state = c->left == 0 ? C_TRAILER : C_DATA;
        break;

    case C_DATA_CR:
        c->state = C_DATA_LF;
        break;

    case C_DATA_LF:
        c->state = C_SIZE;
        c->digits = 0;
        c->skipped = 0;
        break;

    case C_TRAILER_LF:
        c->state = C_TRAILER;
        break;

    default:
        c->state = C_DONE;
    }

    return NULL;
}


hx_http_rc_t
hx_http_chunked_parse(hx_http_chunked_t *c, const unsigned char *p,
    size_t len, size_t *used, hx_str_t *data)
{
    size_t  i;

    i = 0;
    data->data = NULL;
    data->len = 0;
    *used = 0;

    if (c->why != NULL) {
        return HX_HTTP_BAD;
    }

    while (c->state != C_DONE && i < len) {

        if (c->state == C_DATA) {
            data->data = p + i;
            data->len = c->left < len - i ? (size_t) c->left : len - i;
            c->left -= data->len;
            i += data->len;

            if (c->left == 0) {
                c->state = C_DATA_CR;
            }

            break;
        }

        c->why = hx_http_chunked_byte(c, p[i++]);

        if (c->why != NULL) {
            *used = i;
            return HX_HTTP_BAD;
        }
    }

    *used = i;

    return c->state == C_DONE ? HX_HTTP_DONE : HX_HTTP_MORE;
}
