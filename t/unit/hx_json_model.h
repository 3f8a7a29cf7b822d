/*
 * hx_json_model.h -- what the JSON scanner must do, written naively.
 *
 * A recursive-descent parser over the whole text in one piece that writes the
 * events down, up to the first error, its kind and its place (m->p).  Shares
 * no code and no method with the scanner.
 */

#ifndef HX_JSON_MODEL_H
#define HX_JSON_MODEL_H

#include "hx_json_log.h"

#define HX_TEXT   65536

typedef struct {
    const unsigned char  *start;
    const unsigned char  *p;
    const unsigned char  *end;
    hx_json_err_t         err;
    hx_log_t             *log;
    unsigned char         out[HX_TEXT];
} hx_model_t;


/* A text that ends too early is a syntax error, whatever was expected. */
static int
model_fail(hx_model_t *m, hx_json_err_t err)
{
    m->err = (m->p == m->end) ? HX_JSON_E_SYNTAX : err;

    return 0;
}


static int
model_peek(const hx_model_t *m)
{
    return m->p < m->end ? *m->p : -1;
}


static void
model_blank(hx_model_t *m)
{
    while (m->p < m->end && memchr(" \t\r\n", *m->p, 4) != NULL) {
        m->p++;
    }
}


/* Four hex digits, or -1 with *p at the bad one. */
static long
model_hex4(hx_model_t *m)
{
    int          i;
    long         v;
    const char  *at;

    static const char  digits[] = "0123456789abcdefABCDEF";

    for (i = 0, v = 0; i < 4; i++) {
        at = m->p < m->end ? memchr(digits, *m->p, 22) : NULL;

        if (at == NULL) {
            model_fail(m, HX_JSON_E_SYNTAX);
            return -1;
        }

        v = v * 16 + (at - digits) - (at - digits > 15 ? 6 : 0);
        m->p++;
    }

    return v;
}


/* The code point of \u..., *p behind "\u"; errors point at the last digit. */
static long
model_unicode(hx_model_t *m)
{
    long  high, low;

    high = model_hex4(m);

    if (high < 0 || high < 0xd800 || high > 0xdfff) {
        return high;
    }

    if (high > 0xdbff) {
        m->p--;
        return model_fail(m, HX_JSON_E_UTF8) - 1;
    }

    if (model_peek(m) != '\\') {
        return model_fail(m, HX_JSON_E_UTF8) - 1;
    }

    m->p++;

    if (model_peek(m) != 'u') {
        return model_fail(m, HX_JSON_E_UTF8) - 1;
    }

    m->p++;
    low = model_hex4(m);

    if (low >= 0 && (low < 0xdc00 || low > 0xdfff)) {
        m->p--;
        return model_fail(m, HX_JSON_E_UTF8) - 1;
    }

    return low < 0 ? low : 0x10000 + (high - 0xd800) * 0x400 + low - 0xdc00;
}


static size_t
model_encode(unsigned char *o, unsigned long c)
{
    size_t  n, i;

    if (c < 0x80) {
        o[0] = (unsigned char) c;
        return 1;
    }

    n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

    for (i = n - 1; i > 0; i--) {
        o[i] = (unsigned char) (0x80 + c % 64);
        c /= 64;
    }

    o[0] = (unsigned char) (c + (n == 2 ? 0xc0 : n == 3 ? 0xe0 : 0xf0));

    return n;
}


/* A non-ASCII character, copied byte by byte; the rule is "decode it and look
 * whether encoding it gives the same bytes", as far as they are there. */
static int
model_utf8(hx_model_t *m, size_t *n)
{
    unsigned long        c, min, max;
    const unsigned char  lead = *m->p;
    unsigned             more;

    more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;

    if (lead < 0xc2 || lead > 0xf4) {
        return model_fail(m, HX_JSON_E_UTF8);
    }

    c = lead & (0x3f >> more);
    min = more == 3 ? 0x10000 : more == 2 ? 0x800 : 0x80;
    max = 0x10ffff;

    for (;;) {
        m->out[(*n)++] = *m->p++;

        if (more == 0) {
            return 1;
        }

        if (m->p == m->end) {
            return model_fail(m, HX_JSON_E_SYNTAX);
        }

        /* Is any character left that begins like this? */
        more--;

        if ((*m->p & 0xc0) != 0x80) {
            return model_fail(m, HX_JSON_E_UTF8);
        }

        c = c << 6 | (*m->p & 0x3f);

        if ((c + 1) << (6 * more) <= min || c << (6 * more) > max
            || (c << (6 * more) >= 0xd800
                && ((c + 1) << (6 * more)) - 1 <= 0xdfff))
        {
            return model_fail(m, HX_JSON_E_UTF8);
        }
    }
}


static int
model_escape(hx_model_t *m, size_t *n)
{
    long         c;
    const char  *at;

    m->p++;

    if (model_peek(m) == 'u') {
        m->p++;
        c = model_unicode(m);

        if (c < 0) {
            return 0;
        }

        *n += model_encode(m->out + *n, (unsigned long) c);
        return 1;
    }

    at = m->p < m->end ? memchr("bfnrt\"\\/", *m->p, 8) : NULL;

    if (at == NULL) {
        return model_fail(m, HX_JSON_E_SYNTAX);
    }

    m->out[(*n)++] = (unsigned char) "\b\f\n\r\t\"\\/"[at - "bfnrt\"\\/"];
    m->p++;

    return 1;
}


/* The string's content; *n decoded bytes in out, also before an error. */
static int
model_content(hx_model_t *m, size_t *n)
{
    int  c;

    for (*n = 0; ; ) {
        c = model_peek(m);

        if (c < 0x20) {
            return model_fail(m, HX_JSON_E_SYNTAX);
        }

        if (c == '"') {
            m->p++;
            return 1;
        }

        if (c == '\\') {
            if (!model_escape(m, n)) {
                return 0;
            }

        } else if (c >= 0x80) {
            if (!model_utf8(m, n)) {
                return 0;
            }

        } else {
            m->out[(*n)++] = *m->p++;
        }
    }
}


static int
model_string(hx_model_t *m, int key, unsigned depth)
{
    int                   ok;
    size_t                n, raw;
    const unsigned char  *start;

    start = ++m->p;
    ok = model_content(m, &n);
    raw = (size_t) (m->p - start) - (ok ? 1 : 0);

    /* An error behind the limit comes after the limit; a text that ends there
     * has no byte beyond it. */
    if (raw > HX_JSON_STRING_MAX
        || (!ok && raw == HX_JSON_STRING_MAX && m->p < m->end))
    {
        if (key) {
            m->p = start + HX_JSON_STRING_MAX;
            return model_fail(m, HX_JSON_E_TOKEN);
        }

        hx_log_event(m->log, HX_JSON_LONG_START, NULL, 0, depth);
        hx_log_event(m->log, HX_JSON_LONG_DATA, m->out, n, depth);

        if (ok) {
            hx_log_event(m->log, HX_JSON_LONG_END, NULL, 0, depth);
        }

    } else if (ok) {
        hx_log_event(m->log, key ? HX_JSON_KEY : HX_JSON_STRING, m->out, n,
                     depth);
    }

    return ok;
}


static void
model_digits(hx_model_t *m)
{
    while (m->p < m->end && *m->p >= '0' && *m->p <= '9') {
        m->p++;
    }
}


static int
model_number(hx_model_t *m, unsigned depth)
{
    int                   ok;
    const unsigned char  *start, *part;

    start = m->p;
    m->p += (*m->p == '-');
    part = m->p;

    if (model_peek(m) == '0') {
        m->p++;

    } else {
        model_digits(m);
    }

    ok = (m->p > part);

    if (ok && model_peek(m) == '.') {
        part = ++m->p;
        model_digits(m);
        ok = (m->p > part);
    }

    if (ok && (model_peek(m) == 'e' || model_peek(m) == 'E')) {
        m->p++;
        m->p += (model_peek(m) == '+' || model_peek(m) == '-');
        part = m->p;
        model_digits(m);
        ok = (m->p > part);
    }

    if (m->p - start > HX_JSON_NUMBER_MAX) {
        m->p = start + HX_JSON_NUMBER_MAX;
        return model_fail(m, HX_JSON_E_TOKEN);
    }

    if (!ok) {
        return model_fail(m, HX_JSON_E_SYNTAX);
    }

    hx_log_event(m->log, HX_JSON_NUMBER, start, (size_t) (m->p - start),
                 depth);

    return 1;
}


static int
model_literal(hx_model_t *m, const char *word, hx_json_event_t ev,
    unsigned depth)
{
    for ( /* void */ ; *word != '\0'; word++, m->p++) {
        if (model_peek(m) != *word) {
            return model_fail(m, HX_JSON_E_SYNTAX);
        }
    }

    hx_log_event(m->log, ev, NULL, 0, depth);

    return 1;
}


static int model_value(hx_model_t *m, unsigned depth);


static int
model_member(hx_model_t *m, int object, unsigned depth)
{
    model_blank(m);

    if (object) {
        if (model_peek(m) != '"') {
            return model_fail(m, HX_JSON_E_SYNTAX);
        }

        if (!model_string(m, 1, depth)) {
            return 0;
        }

        model_blank(m);

        if (model_peek(m) != ':') {
            return model_fail(m, HX_JSON_E_SYNTAX);
        }

        m->p++;
    }

    return model_value(m, depth);
}


static int
model_container(hx_model_t *m, unsigned depth)
{
    int            more;
    const int      object = (*m->p == '{');
    const int      close = object ? '}' : ']';

    if (depth == HX_JSON_DEPTH_MAX) {
        return model_fail(m, HX_JSON_E_DEPTH);
    }

    m->p++;
    hx_log_event(m->log, object ? HX_JSON_MAP_START : HX_JSON_ARRAY_START,
                 NULL, 0, depth);
    model_blank(m);
    more = (model_peek(m) != close);

    while (more) {
        if (!model_member(m, object, depth + 1)) {
            return 0;
        }

        model_blank(m);
        more = (model_peek(m) == ',');
        m->p += more;
    }

    if (model_peek(m) != close) {
        return model_fail(m, HX_JSON_E_SYNTAX);
    }

    m->p++;
    hx_log_event(m->log, object ? HX_JSON_MAP_END : HX_JSON_ARRAY_END, NULL,
                 0, depth);

    return 1;
}


static int
model_value(hx_model_t *m, unsigned depth)
{
    model_blank(m);

    switch (model_peek(m)) {

    case '{':
    case '[':
        return model_container(m, depth);

    case '"':
        return model_string(m, 0, depth);

    case 't':
        return model_literal(m, "true", HX_JSON_TRUE, depth);

    case 'f':
        return model_literal(m, "false", HX_JSON_FALSE, depth);

    case 'n':
        return model_literal(m, "null", HX_JSON_NULL, depth);

    case '-': case '0': case '1': case '2': case '3': case '4': case '5':
    case '6': case '7': case '8': case '9':
        return model_number(m, depth);

    default:
        return model_fail(m, HX_JSON_E_SYNTAX);
    }
}


static hx_json_err_t
model_run(hx_model_t *m, hx_log_t *log, const unsigned char *p, size_t len)
{
    m->start = p;
    m->p = p;
    m->end = p + len;
    m->err = HX_JSON_OK;
    m->log = log;
    hx_log_reset(log);

    if (model_value(m, 0)) {
        model_blank(m);

        if (m->p != m->end) {
            model_fail(m, HX_JSON_E_SYNTAX);
        }
    }

    return m->err;
}

#endif /* HX_JSON_MODEL_H */
