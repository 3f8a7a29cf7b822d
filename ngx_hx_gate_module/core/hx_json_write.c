/*
 * hx_json_write.c -- JSON strings; see the header.  Runs of harmless ASCII are
 * checked and copied sixteen bytes at a time: nearly everything the gate writes
 * is that.  The compiler's vectors become the machine's, or plain arithmetic.
 */

#include "hx_json_write.h"
#include "hx_text.h"


static const unsigned char  hx_json_plain[256] = {
    [' ' ... '!'] = 1,              /* not '"' */
    ['#' ... '['] = 1,              /* not '\\' */
    [']' ... '~'] = 1,
};


typedef unsigned char  hx_json_block_t __attribute__((vector_size(16)));
typedef signed char    hx_json_signed_t __attribute__((vector_size(16)));


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
 * Are all sixteen bytes plain?  Those that can be are above ' ' when they are
 * one more and signed: DEL and what is not ASCII come out negative.
 */

static inline int
hx_json_all_plain(const hx_json_block_t *v)
{
    uint64_t         w[2];
    hx_json_block_t  plain;

    plain = ((hx_json_signed_t) (*v + 1) > ' ') ^ (*v == '"') ^ (*v == '\\');

    memcpy(w, &plain, 16);

    return (w[0] & w[1]) == UINT64_MAX;
}


/* Copies sixteen bytes and says whether they are plain. */

static inline int
hx_json_copy_block(unsigned char *out, const unsigned char *s)
{
    hx_json_block_t  v;

    memcpy(&v, s, 16);
    memcpy(out, &v, 16);

    return hx_json_all_plain(&v);
}


/* The same with 4 to 15 bytes: their first and last eight, or four. */

static inline int
hx_json_copy_short(unsigned char *out, const unsigned char *s, size_t len)
{
    uint32_t         four[2];
    uint64_t         eight[2];
    hx_json_block_t  v;

    if (len >= 8) {
        memcpy(&eight[0], s, 8);
        memcpy(&eight[1], s + len - 8, 8);
        memcpy(out, &eight[0], 8);
        memcpy(out + len - 8, &eight[1], 8);

    } else {
        memcpy(&four[0], s, 4);
        memcpy(&four[1], s + len - 4, 4);
        memcpy(out, &four[0], 4);
        memcpy(out + len - 4, &four[1], 4);

        eight[0] = four[0] | (uint64_t) four[1] << 32;
        eight[1] = eight[0];
    }

    memcpy(&v, eight, 16);

    return hx_json_all_plain(&v);
}


/*
 * Copies the plain bytes that s begins with and returns how many they are.
 * What out, which has room for len, holds behind them is undefined.  The last
 * block may overlap what is done already.
 */

static inline size_t
hx_json_copy(unsigned char *out, const unsigned char *s, size_t len)
{
    size_t  i;

    i = 0;

    if (len >= 16) {
        while (i + 16 < len && hx_json_copy_block(out + i, s + i)) {
            i += 16;
        }

        if (i + 16 >= len
            && hx_json_copy_block(out + len - 16, s + len - 16))
        {
            return len;
        }

    } else if (len >= 4 && hx_json_copy_short(out, s, len)) {
        return len;
    }

    for ( /* void */ ; i < len && hx_json_plain[s[i]]; i++) {
        out[i] = s[i];
    }

    return i;
}


/* The first character of s, which is not a plain one; returns its length. */

static size_t
hx_json_escape_one(hx_buf_t *b, const unsigned char *s, size_t len)
{
    size_t  n;

    if (*s < 0x80) {
        hx_json_escape_byte(b, *s);
        return 1;
    }

    /* exactly one character: what follows it may need an escape */
    n = *s < 0xe0 ? 2 : *s < 0xf0 ? 3 : 4;

    if (len < n || hx_text_utf8(s, n) != n) {
        hx_buf_lit(b, "\\ufffd");
        return 1;
    }

    hx_buf_add(b, s, n);

    return n;
}


/* Appends the plain bytes that s begins with; returns what is done of it. */

static inline size_t
hx_json_run(hx_buf_t *b, const unsigned char *s, size_t len)
{
    size_t  n;

    /* the rest will not fit either: no character gets shorter */

    if (!hx_buf_fits(b, len)) {
        return len;
    }

    n = hx_json_copy(b->last, s, len);
    b->last += n;

    return n;
}


/* Not inline: the usual text, all plain, then has no registers to save. */

static void __attribute__((noinline))
hx_json_escape_rest(hx_buf_t *b, const unsigned char *s, size_t len)
{
    size_t  n;

    while (len != 0) {
        n = hx_json_escape_one(b, s, len);
        s += n;
        len -= n;

        n = hx_json_run(b, s, len);
        s += n;
        len -= n;
    }
}


void
hx_json_escape(hx_buf_t *b, const unsigned char *s, size_t len)
{
    size_t  n;

    n = hx_json_run(b, s, len);

    if (n != len) {
        hx_json_escape_rest(b, s + n, len - n);
    }
}


void
hx_json_string(hx_buf_t *b, const unsigned char *s, size_t len)
{
    hx_buf_byte(b, '"');
    hx_json_escape(b, s, len);
    hx_buf_byte(b, '"');
}
