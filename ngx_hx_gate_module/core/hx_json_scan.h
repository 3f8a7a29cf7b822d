/*
 * hx_json_scan.h -- JSON as a stream, in constant memory and linear time.
 *
 * yajl re-scans a pending string at every call that does not finish it, which
 * is quadratic: 11 MB in 16 KB pieces take 1.25 s.  This scanner stands in
 * front of it.  It follows depth and strings itself, hands yajl only whole
 * tokens, and takes string values longer than HX_JSON_STRING_MAX out of the
 * text: the caller may have their decoded bytes as they arrive (LONG events)
 * or skip them; yajl sees "" in their place.
 *
 * Stricter than yajl: strict UTF-8 (RFC 3629) in strings and keys, no lone
 * surrogate in \u escapes, only the four JSON blanks outside strings, at most
 * HX_JSON_DEPTH_MAX containers deep, keys of at most HX_JSON_STRING_MAX bytes
 * as written, numbers of at most HX_JSON_NUMBER_MAX characters, exactly one
 * value in the text, no byte order mark.
 *
 * Memory: one scanner takes at most HX_JSON_SCAN_MEM bytes of heap, whatever
 * the input.  Time: linear in the input.
 */

#ifndef HX_JSON_SCAN_H
#define HX_JSON_SCAN_H

#include "hx_limits.h"
#include "hx_types.h"

#define HX_JSON_SCAN_MEM   65536

typedef enum {
    HX_JSON_MAP_START,      /* s = NULL for all four */
    HX_JSON_MAP_END,
    HX_JSON_ARRAY_START,
    HX_JSON_ARRAY_END,
    HX_JSON_KEY,            /* s = decoded name; may hold NUL bytes */
    HX_JSON_STRING,         /* s = decoded value; may hold NUL bytes */
    HX_JSON_NUMBER,         /* s = the number as written */
    HX_JSON_TRUE,
    HX_JSON_FALSE,
    HX_JSON_NULL,
    HX_JSON_LONG_START,     /* a string value longer than the limit begins */
    HX_JSON_LONG_DATA,      /* s = some more of its decoded bytes */
    HX_JSON_LONG_END
} hx_json_event_t;

typedef enum {
    HX_JSON_GO = 0,
    HX_JSON_SKIP,           /* to LONG_START only: no DATA events for it, but
                             * it is checked all the same, and LONG_END comes */
    HX_JSON_STOP            /* the caller has seen enough or refuses: feed()
                             * returns HX_JSON_E_STOPPED */
} hx_json_verdict_t;

/* depth = containers open around the event (1 = member of the top object;
 * a container's own START and END carry the depth around it). */
typedef hx_json_verdict_t (*hx_json_event_pt)(void *data, hx_json_event_t ev,
    const unsigned char *s, size_t len, unsigned depth);

typedef enum {
    HX_JSON_OK = 0,
    HX_JSON_E_SYNTAX,       /* not JSON; trailing text; truncated (finish) */
    HX_JSON_E_UTF8,         /* bad UTF-8, lone surrogate */
    HX_JSON_E_DEPTH,
    HX_JSON_E_TOKEN,        /* key or number too long */
    HX_JSON_E_STOPPED,      /* the event function said STOP */
    HX_JSON_E_NOMEM
} hx_json_err_t;

typedef struct hx_json_scan_s  hx_json_scan_t;

/* NULL when out of memory. */
hx_json_scan_t *hx_json_scan_create(hx_json_event_pt event, void *data);

/*
 * Any piece of the text, down to single bytes.  After an error every further
 * call returns the same error.  Events of a token may be delivered by a later
 * feed() or by finish(), always in order; LONG_DATA is delivered at once.
 */
hx_json_err_t hx_json_scan_feed(hx_json_scan_t *s, const unsigned char *p,
    size_t len);

/* The text is complete. */
hx_json_err_t hx_json_scan_finish(hx_json_scan_t *s);

/* Bytes fed before the one that caused the error (all bytes if none). */
uint64_t hx_json_scan_offset(const hx_json_scan_t *s);

/* NULL is fine. */
void hx_json_scan_free(hx_json_scan_t *s);

/* Static text for logs: "bad UTF-8", ... */
const char *hx_json_strerror(hx_json_err_t e);

#endif /* HX_JSON_SCAN_H */
