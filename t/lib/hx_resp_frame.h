/*
 * hx_resp_frame.h -- where values begin and end in a stream of the Redis
 * protocol (RESP2, and RESP3's types).
 *
 * For test tools that stand between a client and Redis: they have to drop, hold
 * or answer whole values, whatever pieces the bytes come in.  Keeps the first
 * bytes of a value, so that its kind can be told, and nothing else of it.  What
 * is not this protocol is FRAME_BAD, then and ever after.
 */

#ifndef HX_RESP_FRAME_H
#define HX_RESP_FRAME_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>


#define FRAME_HEAD    64
#define FRAME_LINE    32                    /* a type, a number, CR LF */
#define FRAME_DEPTH   16


typedef enum {
    FRAME_MORE = 0,                         /* all was taken, no end in it */
    FRAME_END,                              /* the value ends here */
    FRAME_BAD
} frame_rc_t;


typedef struct {
    char        head[FRAME_HEAD];
    size_t      head_len;                   /* 0: at the start of a value */
    char        line[FRAME_LINE];
    size_t      line_len;
    uint64_t    skip;                       /* of a bulk string, with CR LF */
    uint64_t    left[FRAME_DEPTH];          /* values outstanding, a level */
    unsigned    depth;
    unsigned    bad:1;
} frame_t;


/* A value inside is complete: does that end all of it? */

static inline frame_rc_t
frame_value(frame_t *f)
{
    while (f->depth != 0) {
        if (--f->left[f->depth - 1] != 0) {
            return FRAME_MORE;
        }

        f->depth--;
    }

    return FRAME_END;
}


static inline frame_rc_t
frame_open(frame_t *f, int64_t n)
{
    if (n <= 0) {
        return frame_value(f);
    }

    if (f->depth == FRAME_DEPTH) {
        return FRAME_BAD;
    }

    f->left[f->depth++] = (uint64_t) n;

    return FRAME_MORE;
}


/* A whole line; what is longer than "line" is no number and needs no end. */

static inline frame_rc_t
frame_line(frame_t *f)
{
    int64_t  n;

    f->line[f->line_len < FRAME_LINE ? f->line_len : FRAME_LINE - 1] = '\0';
    n = strtoll(f->line + 1, NULL, 10);
    f->line_len = 0;

    switch (f->line[0]) {

    case '+': case '-': case ':': case '_': case '#': case ',': case '(':
        return frame_value(f);

    case '$': case '=': case '!':
        if (n < 0) {
            return frame_value(f);
        }

        f->skip = (uint64_t) n + 2;
        return FRAME_MORE;

    case '*': case '~': case '>':
        return frame_open(f, n);

    case '%': case '|':
        return frame_open(f, 2 * n);

    default:
        return FRAME_BAD;
    }
}


static inline void
frame_keep(frame_t *f, const unsigned char *p, size_t n)
{
    if (n > FRAME_HEAD - f->head_len) {
        n = FRAME_HEAD - f->head_len;
    }

    memcpy(f->head + f->head_len, p, n);
    f->head_len += n;
}


/*
 * Takes bytes until a value ends or there are no more; *used: how many.  After
 * FRAME_END "head" still has the value's first bytes; frame_next() before the
 * next call.
 */

static inline frame_rc_t
frame_feed(frame_t *f, const unsigned char *p, size_t n, size_t *used)
{
    size_t      i, part;
    frame_rc_t  rc;

    rc = f->bad ? FRAME_BAD : FRAME_MORE;

    for (i = 0; i < n && rc == FRAME_MORE; /* void */ ) {

        if (f->skip != 0) {
            part = f->skip < n - i ? (size_t) f->skip : n - i;
            frame_keep(f, p + i, part);
            f->skip -= part;
            i += part;
            rc = f->skip == 0 ? frame_value(f) : FRAME_MORE;
            continue;
        }

        frame_keep(f, p + i, 1);

        if (f->line_len < FRAME_LINE) {
            f->line[f->line_len++] = (char) p[i];
        }

        if (p[i++] == '\n') {
            rc = frame_line(f);
        }
    }

    *used = i;
    f->bad = rc == FRAME_BAD;

    return rc;
}


static inline void
frame_next(frame_t *f)
{
    f->head_len = 0;
}


static inline int
frame_begins(const frame_t *f, const char *text)
{
    size_t  len = strlen(text);

    return f->head_len >= len && memcmp(f->head, text, len) == 0;
}

#endif /* HX_RESP_FRAME_H */
