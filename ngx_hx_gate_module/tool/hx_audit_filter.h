/*
 * hx_audit_filter.h -- which records somebody wants to see.  No I/O, no clock.
 */

#ifndef HX_AUDIT_FILTER_H
#define HX_AUDIT_FILTER_H

#include "hx_audit_record_read.h"

#define HX_FILTER_MAX    64             /* of one kind of condition */

typedef struct {
    unsigned    from;
    unsigned    to;
} hx_filter_status_t;

/* All conditions must hold; of several of one kind, one.  Zeroed: all do. */
typedef struct {
    unsigned            n_tenants;
    hx_str_t            tenant[HX_FILTER_MAX];      /* data NULL: null */
    unsigned            n_statuses;
    hx_filter_status_t  status[HX_FILTER_MAX];
    unsigned            has_since:1;
    unsigned            has_until:1;
    unsigned            checkpoints:1;
    int64_t             since;          /* Unix ms, the first that counts */
    int64_t             until;          /* Unix ms, the first that does not */
    hx_str_t            ns;             /* data NULL: any */
    hx_str_t            path;           /* how it begins */
    hx_str_t            request_id;
    hx_str_t            outcome;
} hx_filter_t;

/* 1 or 0.  Checkpoints: when asked for, and in the time asked for. */
int hx_audit_matches(const hx_filter_t *f, const hx_record_t *r);

/* "4xx", "403", "500-599": HX_OK or HX_NO. */
hx_rc_t hx_filter_status(hx_filter_status_t *out, const char *s);

/*
 * A time: RFC 3339 in UTC with or without milliseconds, a date (when it
 * begins), or "15m", "2h", "3d" (also s, w) before "now", Unix ms.
 */
hx_rc_t hx_filter_time(int64_t *out, const char *s, int64_t now);

#endif /* HX_AUDIT_FILTER_H */
