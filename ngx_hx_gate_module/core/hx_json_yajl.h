/*
 * hx_json_yajl.h -- yajl in a fixed piece of memory, speaking our events.
 *
 * Private to hx_json_scan.c, which must hand over whole tokens only, no string
 * or number above its limits and no depth above HX_JSON_DEPTH_MAX: yajl copes
 * badly with everything else (it re-scans, it grows).  Under that condition it
 * needs less than a third of the arena: a handle, a lexer, a stack of a byte
 * per open container, and one decoding buffer that doubles from 2048 until the
 * longest string with escapes fits.
 */

#ifndef HX_JSON_YAJL_H
#define HX_JSON_YAJL_H

#include <yajl/yajl_parse.h>

#include "hx_json_scan.h"

#define HX_JSON_ARENA   49152

typedef struct {
    hx_json_event_pt   event;
    void              *data;
    yajl_handle        handle;
    unsigned           depth;       /* open containers, as delivered */
    unsigned           hidden;      /* do not deliver the next string */
    size_t             used;        /* bytes of arena */
    size_t             last;        /* where its newest block begins */
    size_t             peak;        /* most bytes ever used */
    unsigned char      arena[HX_JSON_ARENA] __attribute__((aligned(16)));
} hx_json_yajl_t;


/* y must not move afterwards.  HX_JSON_OK or HX_JSON_E_NOMEM. */
hx_json_err_t hx_json_yajl_init(hx_json_yajl_t *y, hx_json_event_pt event,
    void *data);

/* Whole tokens; a number is only whole with a byte behind it. */
hx_json_err_t hx_json_yajl_feed(hx_json_yajl_t *y, const unsigned char *p,
    size_t len);

/* A string value that yajl shall believe in but nobody hears of. */
hx_json_err_t hx_json_yajl_hidden(hx_json_yajl_t *y);

/* The text is complete. */
hx_json_err_t hx_json_yajl_finish(hx_json_yajl_t *y);

/* An event of our own in the same place of the stream. */
hx_json_verdict_t hx_json_yajl_tell(const hx_json_yajl_t *y,
    hx_json_event_t ev, const void *p, size_t len);

void hx_json_yajl_done(hx_json_yajl_t *y);

#endif /* HX_JSON_YAJL_H */
