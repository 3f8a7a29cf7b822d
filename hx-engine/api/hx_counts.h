/*
 * hx_counts.h -- what the engine counts about requests, for GET /metrics.
 *
 * Counting takes no lock and waits for nobody (relaxed atomics; a reader may
 * see one figure of an event before another).  The number of series is bounded
 * whatever clients send: the first HX_COUNTS_DOMAINS domains have series of
 * their own, all later ones share the one named "other".
 */

#ifndef HX_COUNTS_H
#define HX_COUNTS_H

#include <pthread.h>
#include <stdatomic.h>

#include "hx_limits.h"
#include "hx_tt.h"
#include "hx_types.h"

#define HX_COUNTS_DOMAINS   64
#define HX_COUNTS_VERDICTS  4          /* of hx_verdict_t */
#define HX_COUNTS_KINDS     3          /* similarity metrics */
#define HX_COUNTS_OPS       32         /* operations, at most */
#define HX_COUNTS_STATUSES  16         /* codes counted apart, and others */
#define HX_COUNTS_BOUNDS    14         /* of a histogram, at most */

typedef struct {
    atomic_uint_least64_t  bucket[HX_COUNTS_BOUNDS + 1];   /* each by itself;
                                                             * the last: more */
    _Atomic double         sum;
} hx_histogram_t;

typedef struct {
    uint32_t        hash;
    size_t          len;
    unsigned char   name[HX_DOMAIN_MAX];
    hx_histogram_t  seconds;
    hx_histogram_t  ratio[HX_COUNTS_VERDICTS];
} hx_counts_domain_t;

typedef struct {
    atomic_uint_least64_t  request[HX_COUNTS_OPS][HX_COUNTS_STATUSES];
    hx_histogram_t         query[HX_COUNTS_KINDS];
    atomic_uint            n_domains;
    pthread_mutex_t        lock;        /* new domains only */
    hx_counts_domain_t    domain[HX_COUNTS_DOMAINS];
    hx_counts_domain_t    other;
} hx_counts_t;

/* Upper bounds of the buckets, and how many. */
typedef struct {
    unsigned  n;
    double    le[HX_COUNTS_BOUNDS];
} hx_bounds_t;

extern const hx_bounds_t  hx_bounds_seconds;
extern const hx_bounds_t  hx_bounds_ratio;

/* Of zeroed memory. */
void hx_counts_init(hx_counts_t *m);

/*
 * A put was answered 200.  ratio: bytes uploaded / bytes stored; seconds: from
 * the complete body to the answer (hx_req_seconds).
 */
void hx_counts_put(hx_counts_t *m, const hx_str_t *domain,
    hx_verdict_t verdict, double ratio, double seconds);

/* A query was answered 200.  metric: "cosine", "euclidean" or "dot"; any other
 * is not counted. */
void hx_counts_query(hx_counts_t *m, const char *metric, double seconds);

/* A request has ended.  op: index in the table of operations, or one more for
 * none; status 0: without an answer. */
void hx_counts_request(hx_counts_t *m, unsigned op, unsigned status);

/* Names of the indices, static; status: 0 for all others. */
const char *hx_counts_kind(unsigned i);
const char *hx_counts_verdict(unsigned i);
unsigned hx_counts_status(unsigned i);

#endif /* HX_COUNTS_H */
