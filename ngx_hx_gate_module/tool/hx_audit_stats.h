/*
 * hx_audit_stats.h -- requests, CUs and latencies counted by a name.  No I/O.
 *
 * Memory is bounded: HX_STATS_GROUPS names, the rest is counted together.
 * Latencies are exact below 128 ms, from there on rounded up by at most 1/64.
 */

#ifndef HX_AUDIT_STATS_H
#define HX_AUDIT_STATS_H

#include "hx_audit_record_read.h"

#define HX_STATS_GROUPS    65536
#define HX_STATS_NAME_MAX  4096         /* bytes; longer ones are the rest's */

typedef struct {
    hx_str_t        name;               /* data NULL: null */
    uint64_t        requests;
    uint64_t        ok;                 /* 2xx */
    uint64_t        client;             /* 4xx, 429 among them */
    uint64_t        limited;            /* 429 */
    uint64_t        server;             /* 5xx */
    uint64_t        aborted;            /* records that amend one */
    uint64_t        cus;                /* tenths */
    uint64_t        latency_max;        /* ms */
    int64_t         first;              /* Unix ms */
    int64_t         last;
    unsigned char   first_ts[24];
    unsigned char   last_ts[24];
    size_t          n_latencies;
    uint64_t       *latency;            /* how many of each class */
} hx_stats_group_t;

typedef struct hx_stats_s  hx_stats_t;

/* seed: random: nobody can choose names that collide.  NULL = no memory. */
hx_stats_t *hx_stats_create(uint64_t seed);

/* NULL is fine. */
void hx_stats_free(hx_stats_t *s);

/* Counts a record under the name: HX_OK, HX_FAIL = no memory. */
hx_rc_t hx_stats_add(hx_stats_t *s, const hx_str_t *name,
    const hx_record_t *r);

/* Sorted: most requests first, then by name.  Valid until the next add. */
unsigned hx_stats_groups(hx_stats_t *s, hx_stats_group_t **groups);

/* What had no room among the groups; all together. */
const hx_stats_group_t *hx_stats_rest(const hx_stats_t *s);
const hx_stats_group_t *hx_stats_total(const hx_stats_t *s);

/* The least latency that so many of 1000 requests do not exceed; 0: none. */
uint64_t hx_stats_latency(const hx_stats_group_t *g, unsigned permille);

#endif /* HX_AUDIT_STATS_H */
