/*
 * hx_json_token.h -- the scanner's inside: its state and its tokens.
 *
 * Private to hx_json_scan.c (grammar, interface) and hx_json_token.c (strings,
 * numbers, literals, the batch for yajl).  Errors are hx_json_err_t; whoever
 * gets one stops, hx_json_scan.c makes it final.
 */

#ifndef HX_JSON_TOKEN_H
#define HX_JSON_TOKEN_H

#include <string.h>

#include "hx_json_scan.h"
#include "hx_json_string.h"
#include "hx_json_yajl.h"

/* Two of the longest tokens with their quotes. */
#define HX_JSON_BATCH   (2 * (HX_JSON_STRING_MAX + 2))

typedef enum {
    HX_JSON_S_VALUE = 0,    /* a value must come */
    HX_JSON_S_ELEMENT,      /* behind '[': a value or ']' */
    HX_JSON_S_MEMBER,       /* behind '{': a key or '}' */
    HX_JSON_S_KEY,          /* behind ',' in an object: a key */
    HX_JSON_S_COLON,
    HX_JSON_S_NEXT,         /* behind a value: ',' or the end */
    HX_JSON_S_DONE,         /* behind the one value of the text */
    HX_JSON_S_STRING,       /* inside a token, here and below */
    HX_JSON_S_LONG,
    HX_JSON_S_NUMBER,
    HX_JSON_S_LITERAL
} hx_json_state_t;

typedef enum {
    HX_JSON_N_END = 0,      /* not part of the number */
    HX_JSON_N_MINUS,        /* "-", a digit must come */
    HX_JSON_N_ZERO,         /* "0" */
    HX_JSON_N_INT,
    HX_JSON_N_DOT,          /* "1.", a digit must come */
    HX_JSON_N_FRAC,
    HX_JSON_N_E,            /* "1e", a sign or digit must come */
    HX_JSON_N_SIGN,         /* "1e+", a digit must come */
    HX_JSON_N_EXP
} hx_json_number_t;

struct hx_json_scan_s {
    hx_json_err_t      err;
    hx_json_state_t    state;
    hx_json_number_t   number;
    const char        *literal;     /* what must still come of a literal */
    unsigned           in_key;      /* the string is a key */
    unsigned           skip;        /* the long string is not wanted */

    unsigned           depth;       /* open containers, as read */
    uint64_t           objects;     /* bit i: container i is an object */
    uint64_t           offset;

    size_t             len;         /* bytes in batch */
    size_t             tok;         /* complete tokens end here */

    hx_json_str_t      str;
    hx_json_sink_t     sink;
    unsigned char      batch[HX_JSON_BATCH + 1];    /* 1: see flush */
    hx_json_yajl_t     yajl;
};


/* Hands the complete tokens of the batch to yajl and keeps the begun one. */
hx_json_err_t hx_json_flush(hx_json_scan_t *s);

/*
 * Inside a token (s->state says which): takes bytes of [*p, end) and moves *p;
 * for an error, to the byte that caused it.  At the token's end s->state is
 * the next place between tokens.
 */
hx_json_err_t hx_json_in_string(hx_json_scan_t *s, const unsigned char **p,
    const unsigned char *end);
hx_json_err_t hx_json_in_long(hx_json_scan_t *s, const unsigned char **p,
    const unsigned char *end);
hx_json_err_t hx_json_in_number(hx_json_scan_t *s, const unsigned char **p,
    const unsigned char *end);
hx_json_err_t hx_json_in_literal(hx_json_scan_t *s, const unsigned char **p,
    const unsigned char *end);

/* The number behind n when c follows; HX_JSON_N_END: c is not part of it. */
hx_json_number_t hx_json_number_next(hx_json_number_t n, unsigned char c);

/* 1 when the number may end here. */
int hx_json_number_whole(hx_json_number_t n);

/* For hx_json_sink_t: data is the hx_json_yajl_t. */
int hx_json_sink_write(void *data, const unsigned char *p, size_t len);


/*
 * Appends to the batch, flushing first when there is no room: n is at most
 * HX_JSON_STRING_MAX + 2 together with what the begun token has already.
 */
static inline hx_json_err_t
hx_json_put(hx_json_scan_t *s, const unsigned char *p, size_t n)
{
    hx_json_err_t  err;

    if (HX_JSON_BATCH - s->len < n) {
        err = hx_json_flush(s);

        if (err != HX_JSON_OK) {
            return err;
        }
    }

    memcpy(s->batch + s->len, p, n);
    s->len += n;

    return HX_JSON_OK;
}


/* The same for one byte outside of tokens, the most frequent case. */
static inline hx_json_err_t
hx_json_put_byte(hx_json_scan_t *s, unsigned char c)
{
    if (s->len == HX_JSON_BATCH) {
        return hx_json_put(s, &c, 1);
    }

    s->batch[s->len++] = c;

    return HX_JSON_OK;
}


static inline void
hx_json_value_done(hx_json_scan_t *s)
{
    s->tok = s->len;
    s->state = s->depth ? HX_JSON_S_NEXT : HX_JSON_S_DONE;
}

#endif /* HX_JSON_TOKEN_H */
