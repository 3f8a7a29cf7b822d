/*
 * hx_json_string.c -- the inside of one JSON string (see hx_json_string.h).
 *
 * Plain ASCII is skipped 64 bytes at a time with SSE2 (every x86-64 has it),
 * 8 at a time elsewhere; only escapes and non-ASCII bytes are looked at one by
 * one.  Every byte before an error has been handed out, the byte of the error
 * and all later ones have not: so the result never depends on how the text was
 * cut into pieces.
 */

#include <string.h>

#include "hx_json_string.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* hx_json_str_t.esc */
#define HX_ESC_NONE    0
#define HX_ESC_SLASH   1    /* a backslash has been seen */
#define HX_ESC_U       2    /* \u: four digits to come, then 3, 4, 5 */
#define HX_ESC_LAST    5
#define HX_ESC_PAIR    6    /* a high surrogate: the backslash must follow */
#define HX_ESC_PAIR_U  7    /* ... and this is the backslash */

/* A piece at least this long goes out without a copy. */
#define HX_SINK_DIRECT  256


int
hx_json_sink_flush(hx_json_sink_t *sink)
{
    size_t  n;

    n = sink->n;
    sink->n = 0;

    return n != 0 && sink->write(sink->data, sink->buf, n) != 0;
}


static int
hx_json_sink_add(hx_json_sink_t *sink, const unsigned char *s, size_t len)
{
    if (sink == NULL || len == 0) {
        return 0;
    }

    if (len >= HX_SINK_DIRECT) {
        return hx_json_sink_flush(sink)
               || sink->write(sink->data, s, len) != 0;
    }

    if (HX_JSON_SINK_MAX - sink->n < len && hx_json_sink_flush(sink)) {
        return 1;
    }

    memcpy(sink->buf + sink->n, s, len);
    sink->n += len;

    return 0;
}


/* First byte of [p, end) that is not plain: '"', '\\', control, non-ASCII. */
#ifdef __SSE2__

/* Signed: bytes from 0x80 up are negative, so one compare finds them and the
 * control characters. */
static inline __m128i
hx_json_special(const unsigned char *p)
{
    __m128i  v;

    v = _mm_loadu_si128((const __m128i *) (const void *) p);

    return _mm_or_si128(_mm_cmplt_epi8(v, _mm_set1_epi8(0x20)),
                        _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')),
                                     _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'))));
}


static inline const unsigned char *
hx_json_plain_blocks(const unsigned char *p, const unsigned char *end)
{
    int      mask;
    __m128i  a, b, c, d;

    while (end - p >= 64) {
        a = hx_json_special(p);
        b = hx_json_special(p + 16);
        c = hx_json_special(p + 32);
        d = hx_json_special(p + 48);

        if (_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(a, b),
                                           _mm_or_si128(c, d))))
        {
            break;
        }

        p += 64;
    }

    while (end - p >= 16) {
        mask = _mm_movemask_epi8(hx_json_special(p));

        if (mask != 0) {
            return p + __builtin_ctz((unsigned) mask);
        }

        p += 16;
    }

    return p;
}

#else

#define HX_ONES   UINT64_C(0x0101010101010101)
#define HX_HIGHS  UINT64_C(0x8080808080808080)

static inline const unsigned char *
hx_json_plain_blocks(const unsigned char *p, const unsigned char *end)
{
    uint64_t  v, quote, slash;

    while (end - p >= 8) {
        memcpy(&v, p, 8);
        quote = v ^ (HX_ONES * '"');
        slash = v ^ (HX_ONES * '\\');

        /* The usual "has a byte below n" test; exact enough to find the block,
         * the caller finds the byte. */
        if ((v | (v - HX_ONES * 0x20) | (quote - HX_ONES) | (slash - HX_ONES))
            & HX_HIGHS)
        {
            break;
        }

        p += 8;
    }

    return p;
}

#endif


static inline int
hx_json_is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}


static const unsigned char *
hx_json_plain(const unsigned char *p, const unsigned char *end)
{
    p = hx_json_plain_blocks(p, end);

    while (p < end && hx_json_is_plain(*p)) {
        p++;
    }

    return p;
}


/* First byte of a sequence; overlong forms, surrogates and numbers above
 * 10FFFF are kept out by the range of the second byte. */
static int
hx_json_utf8_lead(hx_json_str_t *st, unsigned char c)
{
    st->lo = 0x80;
    st->hi = 0xbf;

    if (c >= 0xc2 && c <= 0xdf) {
        st->need = 1;

    } else if (c >= 0xe0 && c <= 0xef) {
        st->need = 2;
        st->lo = (c == 0xe0) ? 0xa0 : 0x80;
        st->hi = (c == 0xed) ? 0x9f : 0xbf;

    } else if (c >= 0xf0 && c <= 0xf4) {
        st->need = 3;
        st->lo = (c == 0xf0) ? 0x90 : 0x80;
        st->hi = (c == 0xf4) ? 0x8f : 0xbf;

    } else {
        return 0;
    }

    return 1;
}


/* The non-ASCII bytes at *p. */
static hx_json_str_rc_t
hx_json_utf8(hx_json_str_t *st, const unsigned char **p,
    const unsigned char *end)
{
    const unsigned char  *q;

    for (q = *p; q < end; q++) {
        if (st->need != 0) {
            if (*q < st->lo || *q > st->hi) {
                *p = q;
                return HX_JSON_STR_E_UTF8;
            }

            st->need--;
            st->lo = 0x80;
            st->hi = 0xbf;
            continue;
        }

        if (*q < 0x80) {
            break;
        }

        if (!hx_json_utf8_lead(st, *q)) {
            *p = q;
            return HX_JSON_STR_E_UTF8;
        }
    }

    *p = q;

    return HX_JSON_STR_MORE;
}


static size_t
hx_json_utf8_put(unsigned char out[4], uint32_t cp)
{
    if (cp < 0x80) {
        out[0] = (unsigned char) cp;
        return 1;
    }

    if (cp < 0x800) {
        out[0] = (unsigned char) (0xc0 | (cp >> 6));
        out[1] = (unsigned char) (0x80 | (cp & 0x3f));
        return 2;
    }

    if (cp < 0x10000) {
        out[0] = (unsigned char) (0xe0 | (cp >> 12));
        out[1] = (unsigned char) (0x80 | ((cp >> 6) & 0x3f));
        out[2] = (unsigned char) (0x80 | (cp & 0x3f));
        return 3;
    }

    out[0] = (unsigned char) (0xf0 | (cp >> 18));
    out[1] = (unsigned char) (0x80 | ((cp >> 12) & 0x3f));
    out[2] = (unsigned char) (0x80 | ((cp >> 6) & 0x3f));
    out[3] = (unsigned char) (0x80 | (cp & 0x3f));

    return 4;
}


/* The four digits of \u are there. */
static hx_json_str_rc_t
hx_json_unit(hx_json_str_t *st, hx_json_sink_t *sink)
{
    uint32_t       cp;
    unsigned char  out[4];

    cp = st->unit;

    if (st->high != 0) {
        if (cp < 0xdc00 || cp > 0xdfff) {
            return HX_JSON_STR_E_UTF8;
        }

        cp = 0x10000 + ((uint32_t) (st->high - 0xd800) << 10) + (cp - 0xdc00);
        st->high = 0;

    } else if (cp >= 0xd800 && cp <= 0xdbff) {
        st->high = st->unit;
        st->esc = HX_ESC_PAIR;
        return HX_JSON_STR_MORE;

    } else if (cp >= 0xdc00 && cp <= 0xdfff) {
        return HX_JSON_STR_E_UTF8;
    }

    st->esc = HX_ESC_NONE;

    if (hx_json_sink_add(sink, out, hx_json_utf8_put(out, cp))) {
        return HX_JSON_STR_E_STOPPED;
    }

    return HX_JSON_STR_MORE;
}


static hx_json_str_rc_t
hx_json_hex(hx_json_str_t *st, unsigned char c, hx_json_sink_t *sink)
{
    unsigned  digit;

    if (c >= '0' && c <= '9') {
        digit = c - '0';

    } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
        digit = (c | 0x20) - 'a' + 10u;

    } else {
        return HX_JSON_STR_E_SYNTAX;
    }

    st->unit = (uint16_t) (st->unit << 4 | digit);

    if (st->esc == HX_ESC_LAST) {
        return hx_json_unit(st, sink);
    }

    st->esc++;

    return HX_JSON_STR_MORE;
}


/* One byte behind a backslash. */
static hx_json_str_rc_t
hx_json_escape(hx_json_str_t *st, unsigned char c, hx_json_sink_t *sink)
{
    const char           *at;
    const unsigned char  *out;

    static const char  from[] = "\"\\/bfnrt";
    static const char  to[] = "\"\\/\b\f\n\r\t";

    if (st->esc == HX_ESC_PAIR) {
        if (c != '\\') {
            return HX_JSON_STR_E_UTF8;
        }

        st->esc = HX_ESC_PAIR_U;
        return HX_JSON_STR_MORE;
    }

    if (st->esc == HX_ESC_PAIR_U && c != 'u') {
        return HX_JSON_STR_E_UTF8;
    }

    if (st->esc != HX_ESC_SLASH && st->esc != HX_ESC_PAIR_U) {
        return hx_json_hex(st, c, sink);
    }

    if (c == 'u') {
        st->unit = 0;
        st->esc = HX_ESC_U;
        return HX_JSON_STR_MORE;
    }

    at = memchr(from, c, sizeof(from) - 1);
    if (at == NULL) {
        return HX_JSON_STR_E_SYNTAX;
    }

    st->esc = HX_ESC_NONE;
    out = (const unsigned char *) to + (at - from);

    return hx_json_sink_add(sink, out, 1) ? HX_JSON_STR_E_STOPPED
                                          : HX_JSON_STR_MORE;
}


/* Bytes that stand for themselves: from *p to the next quote, backslash,
 * error or end. */
static hx_json_str_rc_t
hx_json_literal_run(hx_json_str_t *st, const unsigned char **p,
    const unsigned char *end, hx_json_sink_t *sink)
{
    hx_json_str_rc_t      rc;
    const unsigned char  *start;

    rc = HX_JSON_STR_MORE;
    start = *p;

    while (rc == HX_JSON_STR_MORE && *p < end) {
        if (st->need == 0 && **p < 0x80) {
            *p = hx_json_plain(*p, end);

            if (*p == end || **p < 0x80) {
                break;
            }
        }

        rc = hx_json_utf8(st, p, end);
    }

    if (hx_json_sink_add(sink, start, (size_t) (*p - start))) {
        return HX_JSON_STR_E_STOPPED;
    }

    return rc;
}


hx_json_str_rc_t
hx_json_string_scan(hx_json_str_t *st, const unsigned char **p,
    const unsigned char *end, hx_json_sink_t *sink)
{
    hx_json_str_rc_t  rc;

    while (*p < end) {

        if (st->esc != HX_ESC_NONE) {
            rc = hx_json_escape(st, **p, sink);

            if (rc != HX_JSON_STR_MORE) {
                return rc;
            }

            (*p)++;
            continue;
        }

        rc = hx_json_literal_run(st, p, end, sink);

        if (rc != HX_JSON_STR_MORE) {
            return rc;
        }

        if (*p == end) {
            break;
        }

        if (**p == '"') {
            (*p)++;
            return HX_JSON_STR_END;
        }

        if (**p != '\\') {
            return HX_JSON_STR_E_SYNTAX;
        }

        st->esc = HX_ESC_SLASH;
        (*p)++;
    }

    return HX_JSON_STR_MORE;
}
