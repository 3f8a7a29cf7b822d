/*
 * hx_json_write.c -- JSON strings; see the header.  Runs of harmless ASCII are
 * copied in one go: nearly everything the gate writes is that.
 */

#include "hx_json_write.h"
#include "hx_text.h"


static const unsigned char  hx_json_plain[256] = {
    [' ' ... '!'] = 1,              /* not '"' */
    ['#' ... '['] = 1,              /* not '\\' */
    [']' ... '~'] = 1,
};


static void
hx_json_escape_byte(hx_buf_t *b, unsigned char c)
{
    static const char  hex[] = "0123456789abcdef";
    unsigned char     *p;

    switch (c) {

    case '"':
        hx_buf_lit(b, "\\\"");
        return;

    case '\\':
        hx_buf_lit(b, "\\\\");
        return;

    case '\b':
        hx_buf_lit(b, "\\b");
        return;

    case '\f':
        hx_buf_lit(b, "\\f");
        return;

    case '\n':
        hx_buf_lit(b, "\\n");
        return;

    case '\r':
        hx_buf_lit(b, "\\r");
        return;

    case '\t':
        hx_buf_lit(b, "\\t");
        return;

    default:
        p = hx_buf_reserve(b, 6);
        if (p != NULL) {
            memcpy(p, "\\u00", 4);
            p[4] = (unsigned char) hex[c >> 4];
            p[5] = (unsigned char) hex[c & 15];
            b->last += 6;
        }
    }
}


/*
 * Where the run of plain bytes ends.  Eight at a time: "odd" has the top bit of
 * each byte set that is below ' ', '"', '\\' or above '~' (a borrow or carry
 * can only set more of them, then the table decides).
 */

static const unsigned char *
hx_json_run(const unsigned char *p, const unsigned char *end)
{
    uint64_t  w, odd;

    while (end - p >= 8) {
        memcpy(&w, p, 8);

        odd = (w - UINT64_C(0x2020202020202020))
              | ((w ^ UINT64_C(0x2222222222222222))
                 - UINT64_C(0x0101010101010101))
              | ((w ^ UINT64_C(0x5c5c5c5c5c5c5c5c))
                 - UINT64_C(0x0101010101010101))
              | (w + UINT64_C(0x0101010101010101)) | w;

        if (odd & UINT64_C(0x8080808080808080)) {
            break;
        }

        p += 8;
    }

    while (p < end && hx_json_plain[*p]) {
        p++;
    }

    return p;
}


void
hx_json_escape(hx_buf_t *b, const unsigned char *s, size_t len)
{
    size_t                n;
    const unsigned char  *p, *end;

    end = s + len;

    while (s < end) {
        p = hx_json_run(s, end);
        hx_buf_add(b, s, (size_t) (p - s));
        s = p;

        if (s == end) {
            return;
        }

        if (*s < 0x80) {
            hx_json_escape_byte(b, *s++);
            continue;
        }

        /* exactly one character: what follows it may need an escape */
        n = *s < 0xe0 ? 2 : *s < 0xf0 ? 3 : 4;

        if ((size_t) (end - s) < n || hx_text_utf8(s, n) != n) {
            hx_buf_lit(b, "\\ufffd");
            s++;

        } else {
            hx_buf_add(b, s, n);
            s += n;
        }
    }
}


void
hx_json_string(hx_buf_t *b, const unsigned char *s, size_t len)
{
    hx_buf_byte(b, '"');
    hx_json_escape(b, s, len);
    hx_buf_byte(b, '"');
}
