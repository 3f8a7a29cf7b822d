/*
 * hx_api_query.c -- POST /v1/query/similarity, topk and vector: how near two
 * arrays are, and the nearest of a namespace.
 *
 * What decides is in index/hx_query.h; here are the members of the bodies.
 * Runs on workers.
 */

#include <stdlib.h>
#include <string.h>

#include "hx_api_op.h"
#include "hx_api_scores.h"
#include "hx_check.h"

#define HX_QUERY_TRIES   3              /* while the query itself moves */


/* A member that names a key; 0, or -1 and 400. */
static int
hx_query_member(hx_req_t *r, hx_field_t f)
{
    hx_str_t  key;

    if (!hx_body_has(r->body, f)) {
        hx_reply_error(&r->reply, HX_E_INVALID_REQUEST,
                       "Missing required field '%s'", hx_field_name(f));
        return -1;
    }

    key = hx_body_string(r->body, f);

    if (!hx_check_key_path(key.data, key.len)) {
        hx_reply_error(&r->reply, HX_E_INVALID_REQUEST,
                       "Invalid key in field '%s'", hx_field_name(f));
        return -1;
    }

    return 0;
}


/* The member "metric"; 0, or -1 and 400. */
static int
hx_query_metric(hx_req_t *r, hx_metric_t *metric)
{
    size_t    i;
    hx_str_t  s;

    *metric = HX_COSINE;

    if (!hx_body_has(r->body, HX_F_METRIC)) {
        return 0;
    }

    s = hx_body_string(r->body, HX_F_METRIC);

    for (i = 0; i < HX_METRICS; i++) {
        if (hx_text_is(&s, hx_metric_name((hx_metric_t) i))) {
            *metric = (hx_metric_t) i;
            return 0;
        }
    }

    hx_reply_error(&r->reply, HX_E_INVALID_REQUEST,
                   "Field 'metric' must be 'cosine', 'euclidean' or 'dot'");
    return -1;
}


/* Members that topk and vector share; 0, or -1 and 400. */
static int
hx_query_common(hx_req_t *r)
{
    uint64_t     k;
    hx_metric_t  metric;

    if (hx_query_metric(r, &metric) != 0) {
        return -1;
    }

    if (hx_body_has(r->body, HX_F_K)) {
        k = hx_body_number(r->body, HX_F_K);

        if (k == 0 || k > HX_K_MAX) {
            hx_reply_error(&r->reply, HX_E_INVALID_REQUEST,
                           "Field 'k' must be a whole number from 1 to %L",
                           (uint64_t) HX_K_MAX);
            return -1;
        }
    }

    return hx_req_filter(r);
}


void
hx_similarity_check(hx_req_t *r)
{
    hx_metric_t  metric;

    if (hx_query_member(r, HX_F_KEY_A) == 0
        && hx_query_member(r, HX_F_KEY_B) == 0)
    {
        (void) hx_query_metric(r, &metric);
    }
}


void
hx_topk_check(hx_req_t *r)
{
    if (hx_query_member(r, HX_F_QUERY_KEY) == 0) {
        (void) hx_query_common(r);
    }
}


void
hx_vector_check(hx_req_t *r)
{
    hx_str_t    dtype;
    hx_body_t  *b;

    b = r->body;

    if (!hx_body_has(b, HX_F_DATA)) {
        hx_reply_error(&r->reply, HX_E_INVALID_REQUEST,
                       "Missing required field 'data_b64'");
        return;
    }

    if (hx_body_has(b, HX_F_DTYPE)) {
        dtype = hx_body_string(b, HX_F_DTYPE);

        if (hx_put_dtype(r, &dtype, &b->hint.dtype) != 0) {
            return;
        }
    }

    (void) hx_query_common(r);
}


static int
hx_query_take_bytes(void *data, uint64_t bytes)
{
    hx_req_t  *r;

    r = data;

    return hx_budget_take(&r->api->budget, bytes) == HX_OK;
}


static void
hx_query_give_bytes(void *data, uint64_t bytes)
{
    hx_req_t  *r;

    r = data;
    hx_budget_give(&r->api->budget, bytes);
}


static int
hx_query_match(void *data, const hx_record_t *rec)
{
    hx_req_t  *r;

    r = data;

    return hx_filter_match(r->filter, rec->metadata.data, rec->metadata.len);
}


/* What is asked for; *asks is to be freed.  0, or -1: the reply is set. */
static int
hx_query_conf(hx_req_t *r, hx_query_conf_t *conf, hx_asks_t **asks)
{
    memset(conf, 0, sizeof(*conf));
    conf->index = r->api->index;
    conf->store = r->api->store;
    conf->ns = r->ns;
    conf->k = hx_body_has(r->body, HX_F_K)
              ? (unsigned) hx_body_number(r->body, HX_F_K) : HX_K_DEFAULT;
    conf->take = hx_query_take_bytes;
    conf->give = hx_query_give_bytes;
    conf->budget = r;
    (void) hx_query_metric(r, &conf->metric);
    *asks = NULL;

    if (r->filter == NULL) {
        return 0;
    }

    *asks = malloc(sizeof(hx_asks_t));

    if (*asks == NULL) {
        hx_reply_error(&r->reply, HX_E_UNAVAILABLE, "Out of memory");
        return -1;
    }

    hx_term_asks(*asks, r->filter);
    conf->match = hx_query_match;
    conf->match_data = r;
    conf->ask = (*asks)->ask;
    conf->n_asks = (*asks)->n;

    return 0;
}


/* What the three operations do with a fresh query, and answer. */
typedef hx_query_rc_t (*hx_query_do_pt)(hx_req_t *r, hx_query_t *q,
    hx_metric_t metric);


static hx_query_rc_t
hx_similarity_do(hx_req_t *r, hx_query_t *q, hx_metric_t metric)
{
    double          score;
    hx_str_t        ka, kb;
    hx_query_rc_t   rc;

    ka = hx_body_string(r->body, HX_F_KEY_A);
    kb = hx_body_string(r->body, HX_F_KEY_B);
    rc = hx_query_pair(q, &ka, &kb, &score);

    if (rc == HX_QUERY_OK) {
        hx_similarity_answer(r, metric, score);
    }

    return rc;
}


static hx_query_rc_t
hx_nearest_do(hx_req_t *r, hx_query_t *q, hx_metric_t metric)
{
    unsigned         n;
    uint64_t         candidates;
    const hx_hit_t  *hit;
    hx_query_rc_t    rc;

    rc = hx_query_run(q, &hit, &n, &candidates);

    if (rc == HX_QUERY_OK) {
        hx_query_answer(r, metric, hit, n, candidates);
    }

    return rc;
}


static hx_query_rc_t
hx_topk_do(hx_req_t *r, hx_query_t *q, hx_metric_t metric)
{
    hx_str_t        key;
    hx_query_rc_t   rc;

    key = hx_body_string(r->body, HX_F_QUERY_KEY);
    rc = hx_query_key(q, &key);

    return rc == HX_QUERY_OK ? hx_nearest_do(r, q, metric) : rc;
}


static hx_query_rc_t
hx_vector_do(hx_req_t *r, hx_query_t *q, hx_metric_t metric)
{
    hx_query_rc_t  rc;

    rc = hx_query_data(q, &r->store_op.record, r->body->value);

    return rc == HX_QUERY_OK ? hx_nearest_do(r, q, metric) : rc;
}


static hx_rc_t
hx_query_request(hx_req_t *r, hx_query_do_pt todo)
{
    unsigned          i;
    hx_asks_t        *asks;
    hx_query_t       *q;
    hx_query_rc_t     rc;
    hx_query_conf_t   conf;

    if (hx_query_conf(r, &conf, &asks) != 0) {
        return HX_OK;
    }

    for (i = 0; i < HX_QUERY_TRIES; i++) {
        q = hx_query_create(&conf);
        rc = q != NULL ? todo(r, q, conf.metric) : HX_QUERY_NO_MEMORY;

        if (rc != HX_QUERY_OK && (rc != HX_QUERY_MOVED
                                  || i == HX_QUERY_TRIES - 1))
        {
            hx_query_refuse(r, rc, q);
        }

        hx_query_free(q);

        if (rc != HX_QUERY_MOVED) {
            break;
        }
    }

    free(asks);

    if (r->reply.status == 200) {
        hx_counts_query(&r->api->counts, hx_metric_name(conf.metric),
                        hx_req_seconds(r));
    }

    return HX_OK;
}


hx_rc_t
hx_similarity_run(hx_req_t *r, hx_crypto_t *crypto)
{
    (void) crypto;

    return hx_query_request(r, hx_similarity_do);
}


hx_rc_t
hx_topk_run(hx_req_t *r, hx_crypto_t *crypto)
{
    (void) crypto;

    return hx_query_request(r, hx_topk_do);
}


hx_rc_t
hx_vector_run(hx_req_t *r, hx_crypto_t *crypto)
{
    hx_payload_t   p;
    hx_record_t   *rec;

    (void) crypto;

    if (hx_put_decide(r, &p) != 0) {
        return HX_OK;
    }

    rec = &r->store_op.record;
    rec->array = p.array;
    rec->data_off = p.data_off;
    rec->length = r->body->value_len;

    return hx_query_request(r, hx_vector_do);
}
