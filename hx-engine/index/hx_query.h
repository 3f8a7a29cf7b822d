/*
 * hx_query.h -- the nearest of a namespace, exactly; and how near two are.
 *
 * Scores are those of a plain float64 computation over the values as served, in
 * logical order (num/hx_vec.h):
 *
 *     cosine      <a, b> / (|a| |b|), within -1 .. 1; 0 if either is zero
 *     dot         <a, b>; beyond the range of float64 its largest number
 *     euclidean   |a - b|, from the differences; the same
 *
 * Best first: the largest cosine or dot, the smallest distance; equal scores by
 * key, bytewise.  Bounds only save work: a row is passed over when it cannot be
 * among the best, whatever the rounding of the bounds themselves.
 *
 * One query serves one thread.  Candidates are of one moment of the columns;
 * values are read from the store a little later, by version, so that a version
 * removed since then stands for what the key has now.
 */

#ifndef HX_QUERY_H
#define HX_QUERY_H

#include "hx_index.h"

#define HX_K_DEFAULT   10
#define HX_K_MAX       1000

typedef enum {
    HX_COSINE = 0,
    HX_EUCLIDEAN,
    HX_DOT,
    HX_METRICS
} hx_metric_t;

typedef enum {
    HX_QUERY_OK = 0,
    HX_QUERY_BUILDING,          /* later */
    HX_QUERY_FAILED,            /* the index is incomplete */
    HX_QUERY_NO_KEY,            /* "key" is not there */
    HX_QUERY_OPAQUE,            /* "key" holds no array */
    HX_QUERY_NOT_FINITE,        /* "key" holds NaN or infinity */
    HX_QUERY_LENGTHS,           /* similarity of different lengths */
    HX_QUERY_CORRUPT,           /* the record of "key" is */
    HX_QUERY_MOVED,             /* the query's own version was removed while it
                                 * was read: try again */
    HX_QUERY_BUSY,              /* no room in the budget */
    HX_QUERY_NO_MEMORY,
    HX_QUERY_STORE              /* the store failed */
} hx_query_rc_t;

typedef struct {
    hx_str_t  key;
    double    score;
} hx_hit_t;

typedef struct {
    hx_index_t    *index;
    hx_store_t    *store;
    hx_str_t       ns;
    hx_metric_t    metric;
    unsigned       k;           /* 1 .. HX_K_MAX */

    /* Memory beyond small change is asked for; 0: no.  NULL: always granted. */
    int          (*take)(void *data, uint64_t bytes);
    void         (*give)(void *data, uint64_t bytes);
    void          *budget;

    /* Which rows count: 1 = this one.  NULL: all.  ask: what the store's index
     * over metadata can do for that (hx_term.h); n_asks 0: nothing. */
    int          (*match)(void *data, const hx_record_t *r);
    void          *match_data;
    const hx_ask_t *ask;
    unsigned       n_asks;
} hx_query_conf_t;

typedef struct hx_query_s  hx_query_t;


/* NULL: out of memory.  What conf points to must stay. */
hx_query_t *hx_query_create(const hx_query_conf_t *conf);
void hx_query_free(hx_query_t *q);                      /* NULL is fine */

/* Compares with the latest version of a key, itself no candidate ... */
hx_query_rc_t hx_query_key(hx_query_t *q, const hx_str_t *key);

/* ... or with an array in memory, which must stay: r->length bytes, as they
 * were uploaded; r has array, data_off and length. */
hx_query_rc_t hx_query_data(hx_query_t *q, const hx_record_t *r,
    const unsigned char *data);

/* After one of these.  *hits: n of them, good until the query is freed. */
hx_query_rc_t hx_query_run(hx_query_t *q, const hx_hit_t **hits, unsigned *n,
    uint64_t *candidates);

/* The score of two keys at one moment. */
hx_query_rc_t hx_query_pair(hx_query_t *q, const hx_str_t *a,
    const hx_str_t *b, double *score);

/* The key that an error is about. */
hx_str_t hx_query_culprit(const hx_query_t *q);

#endif /* HX_QUERY_H */
