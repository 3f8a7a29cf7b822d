/*
 * hx_text.h -- text forms: numbers, hex, base62, UUID, UTF-8, time, paths of
 * request targets.  Pure; all lengths in bytes; nothing is NUL-terminated
 * unless it says so.
 */

#ifndef HX_TEXT_H
#define HX_TEXT_H

#include <string.h>

#include "hx_buf.h"
#include "hx_limits.h"
#include "hx_types.h"

/*
 * Are these len bytes the same?  In words that overlap: every request comes by,
 * and a call of memcmp() for a few bytes is twice the instructions.
 */

static inline int
hx_text_same(const unsigned char *a, const unsigned char *b, size_t len)
{
    size_t    i;
    uint32_t  v, w;
    uint64_t  x, y;

    if (len >= sizeof(x)) {
        for (i = len - sizeof(x); /* void */ ; i -= sizeof(x)) {
            memcpy(&x, a + i, sizeof(x));
            memcpy(&y, b + i, sizeof(y));

            if (x != y) {
                return 0;
            }

            if (i < sizeof(x)) {
                break;
            }
        }

        memcpy(&x, a, sizeof(x));
        memcpy(&y, b, sizeof(y));

        return x == y;
    }

    if (len >= sizeof(v)) {
        memcpy(&v, a, sizeof(v));
        memcpy(&w, b, sizeof(w));

        if (v != w) {
            return 0;
        }

        memcpy(&v, a + len - sizeof(v), sizeof(v));
        memcpy(&w, b + len - sizeof(w), sizeof(w));

        return v == w;
    }

    return len == 0 || (a[0] == b[0] && a[len >> 1] == b[len >> 1]
                        && a[len - 1] == b[len - 1]);
}


/* The same bytes in both? */
static inline int
hx_text_eq(const hx_str_t *a, const hx_str_t *b)
{
    return a->len == b->len && hx_text_same(a->data, b->data, a->len);
}


/* Just the bytes of a C string? */
static inline int
hx_text_is(const hx_str_t *s, const char *text)
{
    return s->len == strlen(text)
           && hx_text_same(s->data, (const unsigned char *) text, s->len);
}


/* Are they the first bytes? */
static inline int
hx_text_begins(const hx_str_t *s, const char *prefix)
{
    const size_t  n = strlen(prefix);

    return s->len >= n
           && hx_text_same(s->data, (const unsigned char *) prefix, n);
}


/* 1 and what is behind them, or 0. */
static inline int
hx_text_after(const hx_str_t *s, const char *prefix, hx_str_t *rest)
{
    const size_t  n = strlen(prefix);

    if (!hx_text_begins(s, prefix)) {
        return 0;
    }

    rest->data = s->data + n;
    rest->len = s->len - n;

    return 1;
}


/* The one of n that is these bytes, or NULL. */
static inline const hx_str_t *
hx_text_find(const hx_str_t *list, size_t n, const unsigned char *s, size_t len)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (list[i].len == len && hx_text_same(list[i].data, s, len)) {
            return &list[i];
        }
    }

    return NULL;
}


/* Appends v in decimal. */
void hx_text_u64(hx_buf_t *b, uint64_t v);

/* Appends tenths as a decimal with one place: 10 -> 1.0, 1 -> 0.1. */
void hx_text_tenths(hx_buf_t *b, uint64_t tenths);

/*
 * Decimal digits only, no sign, no blank, no leading zero except "0" itself.
 * HX_OK and *v, or HX_NO (malformed, empty, above max).
 */
hx_rc_t hx_text_parse_u64(const unsigned char *s, size_t len, uint64_t max,
    uint64_t *v);

/* 2 * n lower-case hex digits. */
void hx_text_hex(unsigned char *out, const unsigned char *in, size_t n);

/* Appends them. */
void hx_text_hex_add(hx_buf_t *b, const unsigned char *in, size_t n);

/* n bytes from 2 * n hex digits of either case; HX_NO on any other byte. */
hx_rc_t hx_text_unhex(unsigned char *out, const unsigned char *in, size_t n);

/*
 * Big-endian number of n <= 32 bytes as exactly "width" base62 digits
 * (0-9 A-Z a-z), most significant first, zero-padded.  Digits above "width"
 * are cut; 43 digits hold 256 bits, 6 hold 32.
 */
void hx_text_base62(unsigned char *out, size_t width, const unsigned char *in,
    size_t n);

/*
 * The number that n <= 10 base62 digits are, any number of zeroes in front.
 * HX_OK and *v, or HX_NO (another character).
 */
hx_rc_t hx_text_unbase62(const unsigned char *s, size_t n, uint64_t *v);

/* 36 characters of an RFC 4122 version 4 UUID from 16 random bytes. */
void hx_text_uuid4(unsigned char out[36], const unsigned char rnd[16]);

/* 24 characters: 2026-01-31T23:59:59.123Z; sec = Unix seconds. */
void hx_text_time(unsigned char out[24], int64_t sec, unsigned msec);

/* Length of the longest valid UTF-8 prefix (RFC 3629; no surrogates). */
size_t hx_text_utf8(const unsigned char *s, size_t len);

/* Case-insensitive (ASCII) equality of s with a lower-case literal. */
int hx_text_ieq(const unsigned char *s, size_t len, const char *lower,
    size_t llen);


/* Are these bytes, one or more, somewhere in it? */
int hx_text_has(const hx_str_t *s, const char *part);

/*
 * Cuts the name of a file, NUL-terminated, to that of its directory.  0: there
 * is no slash in it, nothing is cut.
 */
int hx_text_dir(char *path);


typedef enum {
    HX_PATH_OK = 0,
    HX_PATH_E_FORM,         /* does not start with '/', or too long */
    HX_PATH_E_ESCAPE,       /* % without two hex digits, or NUL */
    HX_PATH_E_DOUBLE,       /* '%' is left after decoding once */
    HX_PATH_E_SEGMENT       /* an empty, "." or ".." segment */
} hx_path_err_t;

/*
 * The path of a request target, percent-decoded exactly once.  segment[i] are
 * the parts between slashes of the decoded text, in "text" (of the caller).
 * encoded_slash = offset in text of the first '/' that came from %2F (text
 * length if there is none), encoded_slash_end = offset behind the last one (0
 * if there is none): they may only stand inside a key.
 */
typedef struct {
    hx_str_t       text;
    size_t         encoded_slash;
    size_t         encoded_slash_end;
    unsigned       n;
    hx_str_t       segment[HX_PATH_SEGMENTS];   /* the last one takes the rest
                                                 * when there are more */
} hx_path_t;

/*
 * target: the raw request target up to, and not including, '?' or '#'; it is
 * cut there when they occur.  out: room for len bytes, but HX_PATH_MAX at most;
 * holds the decoded text as long as *p is used.  "/" alone is n = 0.  Gate and
 * engine both use this one, on the same raw bytes, so they cannot disagree.
 */
hx_path_err_t hx_path_parse(hx_path_t *p, const unsigned char *target,
    size_t len, unsigned char *out);

#endif /* HX_TEXT_H */
