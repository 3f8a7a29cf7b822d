/*
 * hx_metrics.h -- the numbers an operator's Prometheus reads: counted here,
 * written as text by hx_metrics_text().  Pure: memory, time and locks are the
 * caller's.
 *
 * One hx_metrics_t lies in memory that all worker processes share.  It holds no
 * pointers, begins as zeros, and every update is one atomic addition: processes
 * count at the same time, one may be killed at any instruction, and a reader
 * needs no lock.  All zeros is a valid state, and so is every state a killed
 * process leaves behind.  Who changes this layout, or a list it is made of,
 * changes the mark of the zone it lies in.
 *
 * Labels are bounded: what finds no room of its own is counted as "other".
 */

#ifndef HX_METRICS_H
#define HX_METRICS_H

#include "hx_billing.h"
#include "hx_buf.h"
#include "hx_limits.h"
#include "hx_outcome.h"
#include "hx_types.h"

#define HX_METRICS_ROUTES       160     /* registered (method, path) pairs */
#define HX_METRICS_OPERATIONS   48      /* registered operation names */
#define HX_METRICS_TENANTS      100     /* tenants with series of their own */
#define HX_METRICS_LABEL_MAX    128     /* bytes of a label as written */
#define HX_METRICS_BUCKETS      15      /* of the histogram, +Inf included */
#define HX_METRICS_OUTCOMES     64      /* room for HX_OUTCOME_COUNT to grow */

/* No text of hx_metrics_text() is longer, in bytes. */
#define HX_METRICS_TEXT_MAX     5242880

/* Methods with a label of their own; "other" follows them. */
#define HX_METRICS_METHODS(X)                                                 \
    X(GET) X(HEAD) X(POST) X(PUT) X(DELETE) X(PATCH) X(OPTIONS)

typedef enum {
#define X(name)  HX_METRICS_##name,
    HX_METRICS_METHODS(X)
#undef X
    HX_METRICS_OTHER_METHOD,
    HX_METRICS_METHOD_COUNT
} hx_metrics_method_t;

/* Statuses counted exactly; the rest is counted by class: "2xx". */
#define HX_METRICS_STATUSES(X)                                                \
    X(200) X(201) X(202) X(204) X(206) X(301) X(302) X(304) X(307) X(308)     \
    X(400) X(401) X(403) X(404) X(405) X(408) X(409) X(411) X(412) X(413)     \
    X(414) X(415) X(416) X(421) X(422) X(429) X(431) X(499) X(500) X(501)     \
    X(502) X(503) X(504) X(507)

enum {
    HX_METRICS_CLASS_OTHER = 0,
    HX_METRICS_CLASS_1XX,
    HX_METRICS_CLASS_2XX,
    HX_METRICS_CLASS_3XX,
    HX_METRICS_CLASS_4XX,
    HX_METRICS_CLASS_5XX,
#define X(status)  HX_METRICS_STATUS_##status,
    HX_METRICS_STATUSES(X)
#undef X
    HX_METRICS_STATUS_COUNT
};

/*
 * Plain counters: name, family, labels, help.  Those of one family follow each
 * other, and only the first one has help.
 */
#define HX_METRICS_COUNTERS(X)                                                \
    X(AUDIT_RECORDS,     "hx_gate_audit_records_total", "",                   \
      "Audit records handed to the writer.")                                  \
    X(AUDIT_ERRORS,      "hx_gate_audit_write_errors_total", "",              \
      "Writes to the audit log that failed or were short.")                   \
    X(AUDIT_LOST,        "hx_gate_audit_lost_total", "",                      \
      "Audit records that will never be written.")                            \
    X(AUDIT_CUT,         "hx_gate_audit_responses_cut_total", "",             \
      "Responses not completed as their record could not be stored.")         \
    X(AUDIT_SYSLOG,      "hx_gate_audit_syslog_errors_total", "",             \
      "Audit records that could not be handed to syslog.")                    \
    X(REGISTRY_FAILURES, "hx_gate_registry_failures_total", "",               \
      "Questions that the tenant registry could not answer.")                 \
    X(ZONE_FULL,         "hx_gate_zone_full_total", "",                       \
      "Times that the shared memory zone had no room.")                       \
    X(FLUSHES_OK,        "hx_gate_usage_flushes_total", "{result=\"ok\"}",    \
      "Transfers of usage from shared memory to the registry.")               \
    X(FLUSHES_FAILED,    "hx_gate_usage_flushes_total", "{result=\"failed\"}",\
      "")                                                                     \
    X(ROWS_FLUSHED,      "hx_gate_usage_rows_flushed_total", "",              \
      "Usage rows written to the registry.")                                  \
    X(FLEET_USAGE_SENT,  "hx_gate_fleet_usage_rows_total",                    \
      "{direction=\"sent\"}",                                                 \
      "Usage rows exchanged with the other nodes.")                           \
    X(FLEET_USAGE_MERGED, "hx_gate_fleet_usage_rows_total",                   \
      "{direction=\"received\"}", "")                                         \
    X(FLEET_USAGE_DAMAGED, "hx_gate_fleet_usage_damaged_total", "",           \
      "Usage rows that are damaged and were not exchanged.")                  \
    X(FLEET_USAGE_FAILED, "hx_gate_fleet_usage_failures_total", "",           \
      "Attempts to exchange usage that failed.")

typedef enum {
#define X(name, family, labels, help)  HX_METRICS_##name,
    HX_METRICS_COUNTERS(X)
#undef X
    HX_METRICS_COUNTER_COUNT
} hx_metrics_counter_t;


/* What is counted for one method of one path. */
typedef struct {
    uint64_t    status[HX_METRICS_STATUS_COUNT];
    uint64_t    bucket[HX_METRICS_BUCKETS];     /* not cumulative */
    uint64_t    sum;                            /* milliseconds */
} hx_metrics_cell_t;

/*
 * A registered label.  "hash" claims the row for one label and is never taken
 * back; whoever finds the row claimed but not ready writes the very same bytes
 * again, so that nobody waits for a process that was killed here.
 */
typedef struct {
    uint64_t    hash;               /* of method and label; 0 = free */
    uint64_t    ready;              /* 0, or length and methods */
    uint64_t    label[HX_METRICS_LABEL_MAX / 8];    /* escaped, zero-padded */
} hx_metrics_name_t;

/* The series of one tenant; those of "other" are place 0, which nobody owns. */
typedef struct {
    uint64_t    owner;              /* the handle; 0 = free */
    uint64_t    turn;               /* how often the place was given away */
    uint64_t    id_len;
    uint64_t    id[HX_TENANT_MAX / 8];              /* zero-padded */
    uint64_t    tenths[HX_METRICS_OPERATIONS + 1];  /* of a CU */
    uint64_t    rejected;
} hx_metrics_place_t;

/* Types of webhook events; the last: it was not read. */
#define HX_METRICS_EVENTS       (HX_STRIPE_TYPE_COUNT + 1)

#define HX_METRICS_CELLS        (HX_METRICS_METHOD_COUNT                      \
                                 + 2 * HX_METRICS_ROUTES)

typedef struct {
    /* path "other" by method, then two for each route: its method, and HEAD */
    hx_metrics_cell_t   cell[HX_METRICS_CELLS];
    hx_metrics_name_t   route[HX_METRICS_ROUTES];
    hx_metrics_name_t   operation[HX_METRICS_OPERATIONS];
    hx_metrics_place_t  place[HX_METRICS_TENANTS + 1];
    uint64_t            decision[2][HX_METRICS_OUTCOMES];   /* [shadow] */
    uint64_t            counter[HX_METRICS_COUNTER_COUNT];
    uint64_t            webhook[HX_METRICS_EVENTS][HX_BILLING_RESULT_COUNT];
} hx_metrics_t;


/* hx_metrics.c: registering, by any number of processes at the same time */

/*
 * The index (1 ..) of a path template, registering it when it is new; 0, the
 * path "other", when the table is full or the path is "other" or empty.  GET
 * and HEAD of a path are one route.  The label is the path with \, " and line
 * feed escaped and each byte that is not UTF-8 replaced by ?, cut where it
 * would exceed HX_METRICS_LABEL_MAX: paths that are the same up to there share
 * their series.  Routes are never forgotten.
 */
unsigned hx_metrics_route(hx_metrics_t *m, const hx_str_t *method,
    const hx_str_t *path);

/* The same for the name of an operation; 0 is "other". */
unsigned hx_metrics_operation(hx_metrics_t *m, const hx_str_t *name);


/* hx_metrics.c: tenants; the caller holds a lock that all processes share */

/*
 * The handle of the tenant's series: the one it has, or a new one, then they
 * begin at 0; what was counted before stays in "other".  0 = no place is left,
 * or not a valid tenant id, or the tenant is named "other", which would be
 * taken for the rest.
 */
uint32_t hx_metrics_expose(hx_metrics_t *m, const hx_str_t *tenant);

/*
 * Ends the series; "other" does not change.  The handle is void from here on:
 * what is counted with it goes to "other".  (A count that another process is
 * just making may still arrive, at worst in the series of the next tenant in
 * that place.)  0 or a void handle: nothing happens.
 */
void hx_metrics_retire(hx_metrics_t *m, uint32_t handle);

/*
 * Copies place i, 1 .. HX_METRICS_TENANTS, or 0 for "other"; needs no lock.
 * 1: all of it is of one owner.  0: nobody has the place, or it changed hands.
 */
int hx_metrics_place(const hx_metrics_t *m, unsigned i,
    hx_metrics_place_t *copy);


/* hx_metrics.c: counting */

hx_metrics_method_t hx_metrics_method(const hx_str_t *name);

/*
 * A finished request: route from hx_metrics_route(), 0 for one that matched no
 * operation; a method that is not the route's (or HEAD of GET) is counted as
 * path "other".  ms: how long it took, whole milliseconds.
 */
void hx_metrics_request(hx_metrics_t *m, unsigned route,
    hx_metrics_method_t method, unsigned status, uint64_t ms);

/* Tenths of a CU; handle from hx_metrics_expose() or 0. */
void hx_metrics_charge(hx_metrics_t *m, uint32_t handle, unsigned operation,
    uint64_t tenths);

/* A request refused by the rate limit. */
void hx_metrics_rejected(hx_metrics_t *m, uint32_t handle);

/*
 * A decision; shadow: it was recorded, not enforced.  Failed authentications,
 * denied namespaces and refusals for the quota are told by the enforced ones.
 */
void hx_metrics_decision(hx_metrics_t *m, hx_outcome_t outcome, int shadow);

/* A webhook; kind HX_STRIPE_TYPE_COUNT: it was not read. */
void hx_metrics_webhook(hx_metrics_t *m, hx_stripe_type_t kind,
    hx_billing_result_t result);

void hx_metrics_add(hx_metrics_t *m, hx_metrics_counter_t counter, uint64_t n);


/* hx_metrics_text.c */

/* What is not counted but known at the moment of reading. */
typedef struct {
    int         registry_up;            /* 0 or 1 */
    int64_t     registry_age;           /* ms since it last answered, or -1:
                                         * never; then there is no sample */
    int64_t     registry_stale;         /* ms since a replica was last known to
                                         * be where its registry is, or -1:
                                         * never, or it is none */
    int64_t     flush_age;              /* ms since usage was last flushed, or
                                         * -1 */
    int64_t     fleet_usage_age;        /* ms since all of it was exchanged, or
                                         * -1: never, or there is no fleet */
    uint64_t    zone_blocks_used;
    uint64_t    zone_blocks_free;
    uint64_t    zone_bytes;
    uint64_t    zone_tenants;
    uint64_t    zone_unflushed;         /* usage rows not yet flushed */
} hx_metrics_gauges_t;

/*
 * Appends everything in Prometheus' text format 0.0.4.  Series of paths and
 * tenants appear with their first count, all others are always there.  Does not
 * fit: hx_buf_ok() is false, HX_METRICS_TEXT_MAX always fits.  While others
 * count, each number is some value it had during the call, and a histogram
 * agrees with itself.
 */
void hx_metrics_text(hx_buf_t *b, const hx_metrics_t *m,
    const hx_metrics_gauges_t *g);


/* for the files of metrics and their tests */

#define hx_metrics_load(p)    __atomic_load_n((p), __ATOMIC_RELAXED)

/* of hx_metrics_name_t: a bit for each method that the row counts */
#define hx_metrics_ready_len(ready)         ((size_t) ((ready) & 0xff))
#define hx_metrics_ready_methods(ready)     ((unsigned) ((ready) >> 8))

/* Copies 8-byte words that others may be writing. */
void hx_metrics_copy(uint64_t *to, const uint64_t *from, size_t words);

#endif /* HX_METRICS_H */
