/*
 * hx_json_log.h -- for the JSON scanner's tests: runs a text through the
 * scanner in pieces and writes its events down, so that two runs, or a run and
 * the model, compare as bytes.  The pieces of a long string are joined.
 */

#ifndef HX_JSON_LOG_H
#define HX_JSON_LOG_H

#include <stdlib.h>
#include <string.h>

#include "hx_json_scan.h"

typedef struct {
    unsigned char  *p;
    size_t          n;
    size_t          cap;
    size_t          events;
    size_t          stop_at;        /* number of the event to stop at, 0 no */
    unsigned        skip_long;
    unsigned        in_long;
} hx_log_t;


static inline void
hx_log_bytes(hx_log_t *l, const void *p, size_t n)
{
    if (l->cap - l->n < n) {
        l->cap = (l->cap + n) * 2;
        l->p = realloc(l->p, l->cap);

        if (l->p == NULL) {
            abort();
        }
    }

    if (n != 0) {
        memcpy(l->p + l->n, p, n);
        l->n += n;
    }
}


/* Length first, so that no content can look like another event. */
static inline void
hx_log_event(hx_log_t *l, hx_json_event_t ev, const void *s, size_t len,
    unsigned depth)
{
    uint32_t  head[3];

    if (ev != HX_JSON_LONG_DATA) {
        head[0] = (uint32_t) ev;
        head[1] = depth;
        head[2] = (uint32_t) len;
        hx_log_bytes(l, head, sizeof(head));
    }

    hx_log_bytes(l, s, len);
}


static inline hx_json_verdict_t
hx_log_on_event(void *data, hx_json_event_t ev, const unsigned char *s,
    size_t len, unsigned depth)
{
    hx_log_t  *l = data;

    if ((ev == HX_JSON_LONG_DATA && (!l->in_long || len == 0))
        || (ev == HX_JSON_LONG_END && !l->in_long)
        || (ev != HX_JSON_LONG_DATA && ev != HX_JSON_LONG_END && l->in_long)
        || depth > HX_JSON_DEPTH_MAX)
    {
        abort();
    }

    l->in_long = (ev == HX_JSON_LONG_START || ev == HX_JSON_LONG_DATA);
    hx_log_event(l, ev, s, len, depth);

    if (ev != HX_JSON_LONG_DATA && ++l->events == l->stop_at) {
        return HX_JSON_STOP;
    }

    return (ev == HX_JSON_LONG_START && l->skip_long) ? HX_JSON_SKIP
                                                      : HX_JSON_GO;
}


static inline void
hx_log_reset(hx_log_t *l)
{
    l->n = 0;
    l->events = 0;
    l->in_long = 0;
}


static inline uint64_t
hx_log_random(uint64_t *seed)
{
    uint64_t  z;

    z = (*seed += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);

    return z ^ (z >> 31);
}


/*
 * piece: feed that many bytes at a time; 0 = all at once; (size_t) -1 = random
 * pieces from *seed.  Every piece is a block of its own, so that a sanitizer
 * sees one byte read too many.
 */
static inline hx_json_err_t
hx_log_run(hx_log_t *l, const unsigned char *p, size_t len, size_t piece,
    uint64_t *seed, uint64_t *offset)
{
    size_t           n;
    hx_json_err_t    err;
    unsigned char   *copy;
    hx_json_scan_t  *s;

    hx_log_reset(l);
    s = hx_json_scan_create(hx_log_on_event, l);

    if (s == NULL) {
        abort();
    }

    err = HX_JSON_OK;

    while (len != 0 && err == HX_JSON_OK) {
        n = (piece == 0) ? len : piece;

        if (piece == (size_t) -1) {
            n = hx_log_random(seed) % (len < 64 ? len + 1 : 9000);
        }

        n = n < len ? n : len;
        copy = malloc(n != 0 ? n : 1);

        if (copy == NULL) {
            abort();
        }

        memcpy(copy, p, n);
        err = hx_json_scan_feed(s, copy, n);
        free(copy);

        p += n;
        len -= n;
    }

    if (err == HX_JSON_OK) {
        err = hx_json_scan_finish(s);
    }

    if (hx_json_scan_feed(s, (const unsigned char *) "{", err != 0) != err) {
        abort();
    }

    *offset = hx_json_scan_offset(s);
    hx_json_scan_free(s);

    return err;
}

#endif /* HX_JSON_LOG_H */
