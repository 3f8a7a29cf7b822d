/*
 * hx_audit_record_read.h -- a line of the audit trail taken apart: the members
 * of hx_audit.h.  No I/O; any bytes.
 *
 * What the gate writes is read in one pass.  Whatever differs from that (order,
 * blanks, escapes, bytes beyond ASCII) goes through the JSON scanner, with the
 * same result where both can read it.
 */

#ifndef HX_AUDIT_RECORD_READ_H
#define HX_AUDIT_RECORD_READ_H

#include "hx_json_scan.h"
#include "hx_types.h"

#define HX_RECORD_TEXT   65536          /* bytes of decoded strings */
#define HX_RECORD_NONE   INT64_MIN      /* no time */

typedef struct {
    hx_str_t    ts;
    int64_t     ms;                     /* of it, Unix time */
    hx_str_t    tenant;                 /* data NULL: null */
    hx_str_t    method;
    hx_str_t    path;
    hx_str_t    ns;                     /* data NULL: null */
    unsigned    status;                 /* 0 .. 999 */
    uint64_t    cus;                    /* tenths */
    uint64_t    latency_ms;
    hx_str_t    request_id;

    hx_str_t    operation;              /* data NULL: null, or not there */
    hx_str_t    outcome;
    unsigned    amends:1;               /* a second record of its request */
    unsigned    checkpoint:1;           /* of the chain: only ts and ms */
} hx_record_t;

/* What the reader needs; large.  Zeroed is fine. */
typedef struct {
    hx_record_t    *out;
    unsigned        member;             /* being read */
    uint32_t        seen;               /* members, by their number */
    size_t          used;
    size_t          long_at;
    unsigned char   text[HX_RECORD_TEXT];
} hx_record_reader_t;

/*
 * HX_OK and *r, whose strings point into the line or into rd and hold until the
 * next call; HX_NO: no record; HX_FAIL: no memory.
 */
hx_rc_t hx_record_read(hx_record_reader_t *rd, hx_record_t *r,
    const unsigned char *line, size_t len);

/* "2026-01-31T23:59:59.123Z", the ms may be missing; HX_RECORD_NONE = bad. */
int64_t hx_record_time(const unsigned char *s, size_t len);

#endif /* HX_AUDIT_RECORD_READ_H */
