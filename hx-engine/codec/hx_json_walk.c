/*
 * hx_json_walk.c -- see the header.  Called for every record a search looks
 * at, so containers that nobody asks for are jumped over without being parsed.
 */

#include <string.h>

#include "hx_json_walk.h"

/* The decoded bytes of a string, one after the other. */
typedef struct {
    const unsigned char  *p;
    const unsigned char  *end;
    unsigned              n;            /* bytes in buf */
    unsigned              i;
    unsigned char         buf[4];
} hx_bytes_t;


void
hx_walk_init(hx_walk_t *w, const unsigned char *text, size_t len)
{
    w->p = text;
    w->end = text + len;
}


hx_json_type_t
hx_walk_type(const hx_walk_t *w)
{
    if (w->p >= w->end) {
        return HX_JT_NONE;
    }

    switch (*w->p) {

    case '{':
        return HX_JT_OBJECT;

    case '[':
        return HX_JT_ARRAY;

    case '"':
        return HX_JT_STRING;

    case 'n':
        return HX_JT_NULL;

    case 'f':
        return HX_JT_FALSE;

    case 't':
        return HX_JT_TRUE;

    case '-':
        return HX_JT_NUMBER;

    default:
        return *w->p >= '0' && *w->p <= '9' ? HX_JT_NUMBER : HX_JT_NONE;
    }
}


/* Behind the quote that ends the string which begins at p, or end. */
static const unsigned char *
hx_walk_quote(const unsigned char *p, const unsigned char *end)
{
    const unsigned char  *q, *s;

    while (p < end) {
        q = memchr(p, '"', (size_t) (end - p));

        if (q == NULL) {
            return end;
        }

        for (s = q; s > p && s[-1] == '\\'; s--) { /* void */ }

        if ((q - s) % 2 == 0) {
            return q + 1;
        }

        p = q + 1;
    }

    return end;
}


/* At an opening quote: what is between it and its fellow. */
static void
hx_walk_string(hx_walk_t *w, hx_str_t *text)
{
    const unsigned char  *p;

    p = w->p + 1;
    w->p = hx_walk_quote(p, w->end);
    text->data = p;
    text->len = w->p > p && w->p[-1] == '"' ? (size_t) (w->p - 1 - p) : 0;
}


/* At a name and its colon, when "named", and then at its value. */
static int
hx_walk_member(hx_walk_t *w, hx_str_t *name, int named)
{
    if (named) {
        if (w->p >= w->end || *w->p != '"') {
            w->p = w->end;
            return 0;
        }

        hx_walk_string(w, name);

        if (w->p >= w->end || *w->p != ':') {
            w->p = w->end;
            return 0;
        }

        w->p++;
    }

    if (hx_walk_type(w) == HX_JT_NONE) {
        w->p = w->end;
        return 0;
    }

    return 1;
}


int
hx_walk_enter(hx_walk_t *w, hx_str_t *name)
{
    int  named;

    named = *w->p++ == '{';
    name->data = NULL;
    name->len = 0;

    if (w->p < w->end && *w->p == (named ? '}' : ']')) {
        w->p++;
        return 0;
    }

    return hx_walk_member(w, name, named);
}


int
hx_walk_next(hx_walk_t *w, hx_str_t *name)
{
    if (w->p >= w->end) {
        return 0;
    }

    switch (*w->p++) {

    case '}':
    case ']':
        return 0;

    case ',':
        return hx_walk_member(w, name, name->data != NULL);

    default:
        w->p = w->end;
        return 0;
    }
}


void
hx_walk_skip(hx_walk_t *w, hx_str_t *text)
{
    unsigned              depth;
    const unsigned char  *p;

    p = w->p;
    depth = 0;

    do {
        if (p >= w->end) {
            break;
        }

        switch (*p++) {

        case '"':
            p = hx_walk_quote(p, w->end);
            break;

        case '{':
        case '[':
            depth++;
            break;

        case '}':
        case ']':
            depth--;
            break;

        case ',':
        case ':':
            break;

        default:
            while (p < w->end && *p != ',' && *p != '}' && *p != ']') {
                p++;
            }
        }
    } while (depth != 0);

    if (text != NULL) {
        text->data = w->p;
        text->len = (size_t) (p - w->p);
    }

    w->p = p;
}


void
hx_walk_scalar(hx_walk_t *w, hx_str_t *text)
{
    if (hx_walk_type(w) == HX_JT_STRING) {
        hx_walk_string(w, text);

    } else {
        hx_walk_skip(w, text);
    }
}


static void
hx_bytes_init(hx_bytes_t *b, const hx_str_t *s)
{
    b->p = s->data;
    b->end = s->data + s->len;
    b->n = 0;
    b->i = 0;
}


/* Four hex digits, or 0. */
static unsigned
hx_bytes_unit(const unsigned char *p, const unsigned char *end)
{
    unsigned  i, u, c;

    if (end - p < 4) {
        return 0;
    }

    for (u = 0, i = 0; i < 4; i++) {
        c = p[i];
        u = u << 4 | (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }

    return u & 0xffff;
}


/* UTF-8 of the \u escape whose digits begin at b->p. */
static void
hx_bytes_unicode(hx_bytes_t *b)
{
    unsigned  u, low;

    u = hx_bytes_unit(b->p, b->end);
    b->p = b->end - b->p < 4 ? b->end : b->p + 4;

    if (u >= 0xd800 && u < 0xdc00 && b->end - b->p >= 6) {
        low = hx_bytes_unit(b->p + 2, b->end);
        u = 0x10000 + ((u & 0x3ff) << 10) + (low & 0x3ff);
        b->p += 6;
    }

    b->i = 0;
    b->n = 0;

    if (u < 0x80) {
        b->buf[b->n++] = (unsigned char) u;
        return;
    }

    if (u < 0x800) {
        b->buf[b->n++] = (unsigned char) (0xc0 | u >> 6);

    } else {
        if (u < 0x10000) {
            b->buf[b->n++] = (unsigned char) (0xe0 | u >> 12);

        } else {
            b->buf[b->n++] = (unsigned char) (0xf0 | u >> 18);
            b->buf[b->n++] = (unsigned char) (0x80 | (u >> 12 & 0x3f));
        }

        b->buf[b->n++] = (unsigned char) (0x80 | (u >> 6 & 0x3f));
    }

    b->buf[b->n++] = (unsigned char) (0x80 | (u & 0x3f));
}


/* The next byte, or -1. */
static int
hx_bytes_next(hx_bytes_t *b)
{
    unsigned char  c;

    if (b->i < b->n) {
        return b->buf[b->i++];
    }

    if (b->p >= b->end) {
        return -1;
    }

    c = *b->p++;

    if (c != '\\' || b->p >= b->end) {
        return c;
    }

    c = *b->p++;

    switch (c) {

    case 'b':
        return '\b';

    case 'f':
        return '\f';

    case 'n':
        return '\n';

    case 'r':
        return '\r';

    case 't':
        return '\t';

    case 'u':
        hx_bytes_unicode(b);
        return b->buf[b->i++];

    default:
        return c;
    }
}


static int
hx_walk_escaped(const hx_str_t *s)
{
    return s->len != 0 && memchr(s->data, '\\', s->len) != NULL;
}


int
hx_walk_compare(const hx_str_t *a, const hx_str_t *b)
{
    int         rc, x, y;
    size_t      n;
    hx_bytes_t  p, q;

    n = a->len < b->len ? a->len : b->len;

    /* what is written in the same way is the same */

    if (n == 0 || (rc = memcmp(a->data, b->data, n)) == 0) {
        return a->len < b->len ? -1 : a->len > b->len;
    }

    if (!hx_walk_escaped(a) && !hx_walk_escaped(b)) {
        return rc;
    }

    hx_bytes_init(&p, a);
    hx_bytes_init(&q, b);

    do {
        x = hx_bytes_next(&p);
        y = hx_bytes_next(&q);
    } while (x == y && x != -1);

    return x - y;
}


size_t
hx_walk_decode(const hx_str_t *s, unsigned char *out, size_t cap)
{
    int         c;
    size_t      n;
    hx_bytes_t  b;

    hx_bytes_init(&b, s);

    for (n = 0; (c = hx_bytes_next(&b)) != -1; n++) {
        if (n == cap) {
            return cap + 1;
        }

        out[n] = (unsigned char) c;
    }

    return n;
}


long
hx_walk_prefix(const hx_str_t *s, const unsigned char *path, size_t len)
{
    int         c;
    size_t      n;
    hx_bytes_t  b;

    if (!hx_walk_escaped(s)) {
        if (s->len > len) {
            return -1;
        }

        return s->len == 0 || memcmp(s->data, path, s->len) == 0
               ? (long) s->len : -1;
    }

    hx_bytes_init(&b, s);

    for (n = 0; (c = hx_bytes_next(&b)) != -1; n++) {
        if (n == len || path[n] != c) {
            return -1;
        }
    }

    return (long) n;
}
