/*
 * hx_metrics_fleet.h -- the numbers of a node that shares Redis with others, as
 * hx_metrics.h has all of them: counted by all worker processes in memory that
 * they share, each update one atomic addition; zeros at first.
 */

#ifndef HX_METRICS_FLEET_H
#define HX_METRICS_FLEET_H

#include "hx_buf.h"
#include "hx_types.h"

#define HX_METRICS_REDIS_REASONS   24   /* room for them to grow */

/* Of clients of Redis. */
typedef struct {
    uint64_t  asked;            /* that were put on a connection */
    uint64_t  answered;         /* with a reply, also one that is an error */
    uint64_t  errors;           /* of these: that are one */
    uint64_t  failed[HX_METRICS_REDIS_REASONS];     /* without one, by reason;
                                 * what was refused at once is among them */
    uint64_t  cancelled;        /* nobody waited any more */
    uint64_t  late;             /* replies after the timeout, thrown away */
    uint64_t  connects;         /* connections that could be used */
    uint64_t  reconnects;       /* attempts after the first of a server */
    uint64_t  openings;         /* of the breaker */
    uint64_t  redirects;        /* MOVED and ASK that were followed */
    uint64_t  scripts;          /* EVAL after NOSCRIPT */
    uint64_t  messages;         /* of channels */
} hx_metrics_redis_t;

/* What held when Redis could not be asked for a limit. */
typedef enum {
    HX_METRICS_FALLBACK_LOCAL = 0,
    HX_METRICS_FALLBACK_CLOSED,
    HX_METRICS_FALLBACK_OPEN,
    HX_METRICS_FALLBACKS
} hx_metrics_fallback_t;

typedef struct {
    hx_metrics_redis_t  redis;
    uint64_t            fallback[HX_METRICS_FALLBACKS];
    uint64_t            permits;        /* of leases, that Redis took back */
    uint64_t            tenths;         /* of quotas, the same */
} hx_metrics_fleet_t;

/* What is known at the moment of reading. */
typedef struct {
    int                 breaker_open;   /* of the worker that answers */
    unsigned            n_reasons;
    const char *const  *reason;         /* words, the first is of none */
    int                 leases;         /* 0 = there are none, nor these: */
    uint64_t            places;
    uint64_t            places_used;
    uint64_t            full;
    uint64_t            evicted;
    uint64_t            recovered;
} hx_metrics_fleet_now_t;

#define hx_metrics_count(p, n)                                                \
    ((void) __atomic_fetch_add((p), (n), __ATOMIC_RELAXED))

/* Appends them, as hx_metrics_text() does: a few kilobytes. */
void hx_metrics_fleet_text(hx_buf_t *b, const hx_metrics_fleet_t *m,
    const hx_metrics_fleet_now_t *now);

#endif /* HX_METRICS_FLEET_H */
