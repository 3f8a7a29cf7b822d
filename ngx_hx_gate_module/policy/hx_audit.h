/*
 * hx_audit.h -- one audit record as a line of JSON (contract, section 9).
 * Pure: the writer is elsewhere.
 */

#ifndef HX_AUDIT_H
#define HX_AUDIT_H

#include "hx_buf.h"
#include "hx_limits.h"
#include "hx_types.h"

typedef struct {
    int64_t     sec;                /* end of the request, Unix time */
    unsigned    msec;
    hx_str_t    tenant;             /* data NULL: null */
    hx_str_t    method;
    hx_str_t    path;               /* raw target; cut at '?' here */
    hx_str_t    ns;                 /* data NULL: null */
    unsigned    status;
    uint32_t    cus;                /* tenths */
    uint64_t    latency_ms;
    hx_str_t    request_id;
    const char *outcome;            /* NULL: no such member */
} hx_audit_record_t;

/* A path longer than this is cut, and "..." appended, in the record. */
#define HX_AUDIT_PATH_MAX    2048

/* No record is longer, line feed included. */
#define HX_AUDIT_LINE_MAX    16384

/*
 * Appends the record and a line feed.  ts: 24 bytes that hx_text_time() made of
 * sec and msec (the caller keeps them per second).
 */
void hx_audit_line(hx_buf_t *b, const hx_audit_record_t *r,
    const unsigned char ts[24]);

#endif /* HX_AUDIT_H */
