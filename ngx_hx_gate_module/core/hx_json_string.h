/*
 * hx_json_string.h -- the inside of one JSON string, in pieces of any size.
 *
 * Private to hx_json_scan.c: finds the closing quote at memory speed, checks
 * escapes, surrogate pairs and UTF-8 (RFC 3629), and hands out the decoded
 * bytes where somebody wants them.  Keeps a few bytes of state between pieces
 * and allocates nothing.  Stops at the first byte that cannot be right.
 */

#ifndef HX_JSON_STRING_H
#define HX_JSON_STRING_H

#include "hx_types.h"

#define HX_JSON_SINK_MAX    1024

typedef enum {
    HX_JSON_STR_MORE = 0,   /* all bytes taken, the string goes on */
    HX_JSON_STR_END,        /* the closing quote has been taken */
    HX_JSON_STR_E_SYNTAX,   /* control character, unknown escape */
    HX_JSON_STR_E_UTF8,     /* bad UTF-8, lone surrogate */
    HX_JSON_STR_E_STOPPED   /* the sink's function said so */
} hx_json_str_rc_t;

/* All zero at the start of a string. */
typedef struct {
    uint8_t   esc;          /* place inside an escape, 0 = outside */
    uint8_t   need;         /* UTF-8 continuation bytes still to come */
    uint8_t   lo;           /* range of the next one */
    uint8_t   hi;
    uint16_t  unit;         /* hex digits of \u so far */
    uint16_t  high;         /* high surrogate waiting for its low one, or 0 */
} hx_json_str_t;

/*
 * Where decoded bytes go.  write() gets non-empty pieces in order; they are
 * valid during the call only; non-zero from it stops the scan.
 */
typedef struct {
    int           (*write)(void *data, const unsigned char *s, size_t len);
    void           *data;
    size_t          n;      /* bytes waiting in buf */
    unsigned char   buf[HX_JSON_SINK_MAX];  /* gathers what escapes break up */
} hx_json_sink_t;

/*
 * Takes bytes of [*p, end) behind the opening quote and moves *p past what was
 * taken: for an error, to the byte that caused it.  sink may be NULL.  The
 * caller empties the sink (hx_json_sink_flush) when it wants the bytes.
 */
hx_json_str_rc_t hx_json_string_scan(hx_json_str_t *st, const unsigned char **p,
    const unsigned char *end, hx_json_sink_t *sink);

/* 1 when a quote would end the string here. */
static inline int
hx_json_string_closable(const hx_json_str_t *st)
{
    return st->esc == 0 && st->need == 0;
}

/* Hands out what waits in the sink; non-zero when write() said stop. */
int hx_json_sink_flush(hx_json_sink_t *sink);

#endif /* HX_JSON_STRING_H */
