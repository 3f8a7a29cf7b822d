/*
 * hx_api.h -- the engine's operations, independent of sockets.
 *
 * The server creates one request object per HTTP request and walks it through
 * route, begin, body, run, finish; whenever a step leaves reply.status != 0,
 * the answer is ready and no further step is called.  A request is used by one
 * thread at a time; the steps may run in different threads.
 */

#ifndef HX_API_H
#define HX_API_H

#include <stdatomic.h>

#include "hx_api_body.h"
#include "hx_api_encode.h"
#include "hx_crypto.h"
#include "hx_filter.h"
#include "hx_index.h"
#include "hx_counts.h"
#include "hx_reply.h"
#include "hx_text.h"

/* Payloads from this size on are worked on apart from the I/O threads. */
#define HX_API_HEAVY   16384

/* What only the server knows, for GET /metrics. */
typedef struct {
    uint64_t  connections;
    uint64_t  accepted;
    uint64_t  refused;
    uint64_t  worker_queue;
    uint64_t  log_dropped;
    uint64_t  tls_failures;
} hx_gauges_t;

typedef struct {
    hx_store_t              *store;
    hx_index_t              *index;
    uint64_t                 max_upload;    /* bytes of decoded payload */
    hx_budget_t              budget;
    const atomic_int        *draining;      /* /ready says no */
    hx_counts_t              counts;
    void                   (*gauges)(void *data, hx_gauges_t *g);
    void                    *gauges_data;
    const char              *allow_weak;    /* hx_api_weak.h */
} hx_api_t;

typedef enum {
    HX_GET = 0,
    HX_HEAD,
    HX_POST,
    HX_DELETE,
    HX_OTHER
} hx_method_t;

/* Request headers the operations look at; hx_api_header_name gives names. */
typedef enum {
    HX_H_NAMESPACE = 0,
    HX_H_IF_MATCH,
    HX_H_IF_NONE_MATCH,
    HX_H_ACCEPT,
    HX_H_CONTENT_TYPE,
    HX_H_CONTENT_ENCODING,
    HX_H_METADATA,
    HX_H_TENANT,
    HX_H_COUNT
} hx_header_t;

#define HX_TAGS_MAX      64             /* of one If-None-Match that are read */

typedef struct hx_req_s  hx_req_t;
typedef struct hx_op_s   hx_op_t;

struct hx_req_s {
    hx_api_t        *api;
    const hx_op_t   *op;                /* NULL until routed */
    hx_method_t      method;
    hx_reply_t       reply;

    hx_str_t         ns;                /* checked, once begin or body_end */
    hx_str_t         key;               /* has accepted them */
    hx_str_t         query;             /* raw, without '?'; in target */
    hx_path_t        path;
    hx_body_t       *body;              /* POST operations only */

    int              has_ns_header;
    int              has_tenant;        /* it came through the gate */
    hx_str_t         ns_header;         /* in ns_header_mem */
    hx_store_check_t check;             /* from If-Match, If-None-Match */
    uint64_t         expected;
    int              any_tag;           /* GET: If-None-Match: * */
    unsigned         n_tags;            /* GET: of If-None-Match, in tag */
    int              octet_stream;      /* Accept asks for bytes */
    hx_filter_t     *filter;            /* of "filters"; NULL: none, all match;
                                         * points into body */

    hx_store_op_t    store_op;
    hx_store_op_t   *batch;             /* the items of a batch */
    hx_encoded_t     encoded;           /* what store_op stores */
    hx_index_change_t  *change;         /* what it will put into the index */
    unsigned         n_changes;
    uint64_t         change_bytes;      /* of these, taken from the budget */

    uint64_t         ready_ns;          /* body complete, monotonic; 0 = no body
                                         * is taken */

    /* the server's: called once after run() said PENDING, in any thread */
    void           (*done)(hx_req_t *r);
    void            *data;

    unsigned char    ns_header_mem[HX_NAMESPACE_MAX + 1];
    uint64_t         tag[HX_TAGS_MAX];
    unsigned char    path_mem[HX_PATH_MAX];
    unsigned char    target[HX_PATH_MAX];
};

/* NULL when out of memory.  id: 1..HX_REQUEST_ID_MAX bytes, must outlive it. */
hx_req_t *hx_req_create(hx_api_t *api, const hx_str_t *id);
void hx_req_free(hx_req_t *r);

/* Lower-case name. */
const char *hx_api_header_name(hx_header_t h);

/* Finds the operation; copies the target.  Not found: reply is set. */
void hx_req_route(hx_req_t *r, const hx_str_t *method, const hx_str_t *target);

/* 1 for operations that need no key (health, ready). */
int hx_req_open(const hx_req_t *r);

/* 1 when the operation reads a body. */
int hx_req_wants_body(const hx_req_t *r);

/*
 * Takes the headers (data NULL = absent).  length: Content-Length, or
 * UINT64_MAX when the body is chunked, 0 without one.
 */
void hx_req_begin(hx_req_t *r, const hx_str_t header[HX_H_COUNT],
    uint64_t length);

/*
 * Where the next bytes of the body may be received to, *cap >= 1 of them; they
 * are then passed to hx_req_body() from there.  NULL: nowhere, use any buffer;
 * the reply may be set.
 */
unsigned char *hx_req_body_room(hx_req_t *r, size_t *cap);

/* Some more of the body, and its end. */
void hx_req_body(hx_req_t *r, const unsigned char *p, size_t len);
void hx_req_body_end(hx_req_t *r);

/* 1 when run() needs noticeable time: not for an I/O thread. */
int hx_req_heavy(const hx_req_t *r);

/*
 * Bytes of memory run() may need beside the payload, to be taken from the
 * budget while it runs; 0: nothing to speak of.
 */
uint64_t hx_req_work(const hx_req_t *r);

/*
 * Does the work.  HX_OK: the reply is ready.  HX_PENDING: done() will be, or
 * has been, called; then call hx_req_finish.  crypto: the thread's own.
 */
hx_rc_t hx_req_run(hx_req_t *r, hx_crypto_t *crypto);
void hx_req_finish(hx_req_t *r);

/* The request has ended with the status of its reply: counts it. */
void hx_req_count(const hx_req_t *r);

#endif /* HX_API_H */
