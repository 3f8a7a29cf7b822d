/*
 * hx_audit.h -- one audit record as a line of JSON (contract, section 9).
 * Pure: the writer is elsewhere.
 */

#ifndef HX_AUDIT_H
#define HX_AUDIT_H

#include "hx_buf.h"
#include "hx_crypto.h"
#include "hx_limits.h"
#include "hx_types.h"

/*
 * A change of a tenant's record in the registry: SHA-256 of what was stored
 * before and after it, so that the digest after one change is the one before
 * the next, unless somebody else has changed the registry.
 */
typedef struct {
    unsigned        has_before:1;
    unsigned        has_after:1;
    unsigned char   before[HX_SHA256_LEN];
    unsigned char   after[HX_SHA256_LEN];
} hx_audit_change_t;


/* What follows the documented members where "extended" says so. */
typedef struct {
    hx_str_t                    operation;      /* data NULL: null */
    const char                 *outcome;
    hx_str_t                    client;         /* address */
    hx_str_t                    user_agent;     /* data NULL: null; cut */
    uint64_t                    bytes_in;       /* request, as received */
    uint64_t                    bytes_out;      /* body of the response */
    int64_t                     upstream_ms;    /* -1: null */
    const char                 *error;          /* NULL or "": null */
    unsigned                    admin:1;        /* "before" and "after" too */
    const hx_audit_change_t    *change;         /* NULL: both are null */
    const char                 *event_result;   /* NULL: no webhook, else these,
                                                 * too: */
    hx_str_t                    event_type;     /* data NULL: null */
    hx_str_t                    event_id;       /* data NULL: null */
    hx_str_t                    other;          /* tenant that was changed, too;
                                                 * data NULL: none, else: */
    const hx_audit_change_t    *other_change;
} hx_audit_extended_t;


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
    const hx_audit_extended_t  *extended;   /* NULL: none of them; "outcome" is
                                             * among them */
    unsigned    amends:1;           /* of a request that has a record: the
                                     * client went away */
} hx_audit_record_t;

/* A path longer than this is cut, and "..." appended, in the record. */
#define HX_AUDIT_PATH_MAX    2048

/* The same of a User-Agent. */
#define HX_AUDIT_AGENT_MAX   256

/* No record is longer, chain and line feed included. */
#define HX_AUDIT_LINE_MAX    16384

#define HX_AUDIT_STATUS_GONE 499    /* of a record that amends another one */

/*
 * Appends the record but for its end, which is "}\n" or a chain (hx_chain.h)
 * and "}\n".  ts: 24 bytes that hx_text_time() made of sec and msec (the caller
 * keeps them per second).
 */
void hx_audit_members(hx_buf_t *b, const hx_audit_record_t *r,
    const unsigned char ts[24]);

#endif /* HX_AUDIT_H */
