/*
 * hx_api_query.c -- POST /v1/query/similarity, topk and vector: how near two
 * arrays are, and the nearest of a namespace.
 *
 * What decides is in index/hx_query.h; here are the members of the bodies, and
 * what a client is told.  Runs on workers.
 */

#include <string.h>

#include "hx_api_op.h"
#include "hx_check.h"
#include "hx_number.h"
#include "hx_query.h"

#define HX_HIT_JSON   (hx_json_string_max(HX_KEY_MAX) + HX_NUMBER_MAX + 8)

static const char *const  hx_metric_names[] = {
    [HX_COSINE] = "cosine",
    [HX_EUCLIDEAN] = "euclidean",
    [HX_DOT] = "dot"
};


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

    for (i = 0; i < hx_nelts(hx_metric_names); i++) {
        if (hx_text_is(&s, hx_metric_names[i])) {
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


/* NULL: the reply says that memory is missing. */
static hx_query_t *
hx_query_open(hx_req_t *r, hx_query_conf_t *conf)
{
    hx_query_t  *q;

    memset(conf, 0, sizeof(*conf));
    conf->index = r->api->index;
    conf->store = r->api->store;
    conf->ns = r->ns;
    conf->k = hx_body_has(r->body, HX_F_K)
              ? (unsigned) hx_body_number(r->body, HX_F_K) : HX_K_DEFAULT;
    conf->take = hx_query_take_bytes;
    conf->give = hx_query_give_bytes;
    conf->budget = r;

    if (r->filter != NULL) {
        conf->match = hx_query_match;
        conf->match_data = r;
    }

    (void) hx_query_metric(r, &conf->metric);
    q = hx_query_create(conf);

    if (q == NULL) {
        hx_reply_error(&r->reply, HX_E_UNAVAILABLE, "Out of memory");
    }

    return q;
}


/* The member that named this key, or brought the array. */
static const char *
hx_query_where(hx_req_t *r, const hx_str_t *key)
{
    hx_str_t  s;

    if (hx_body_has(r->body, HX_F_DATA)) {
        return hx_field_name(HX_F_DATA);
    }

    if (hx_body_has(r->body, HX_F_QUERY_KEY)) {
        return hx_field_name(HX_F_QUERY_KEY);
    }

    s = hx_body_string(r->body, HX_F_KEY_A);

    return hx_field_name(hx_text_eq(&s, key) ? HX_F_KEY_A : HX_F_KEY_B);
}


/* 400: what was to be compared cannot be. */
static void
hx_query_unfit(hx_req_t *r, const hx_str_t *key, const char *holds)
{
    const char  *where;

    where = hx_query_where(r, key);

    if (hx_body_has(r->body, HX_F_DATA)) {
        hx_reply_error(&r->reply, HX_E_INVALID_REQUEST, "Field '%s' holds %s",
                       where, holds);

    } else {
        hx_reply_error(&r->reply, HX_E_INVALID_REQUEST,
                       "Key '%V' in field '%s' holds %s", key, where, holds);
    }
}


static void
hx_query_refuse(hx_req_t *r, hx_query_rc_t rc, const hx_query_t *q)
{
    hx_str_t     key;
    hx_reply_t  *p;

    p = &r->reply;
    key = hx_query_culprit(q);

    switch (rc) {

    case HX_QUERY_BUILDING:
        hx_reply_error(p, HX_E_UNAVAILABLE, "Index is being built");
        hx_reply_header(p, "Retry-After", "1");
        return;

    case HX_QUERY_FAILED:
        hx_reply_error(p, HX_E_UNAVAILABLE, "Index is incomplete");
        p->reason = "index";
        return;

    case HX_QUERY_NO_KEY:
    case HX_QUERY_CORRUPT:
        r->key = key;
        hx_req_store_error(r, rc == HX_QUERY_NO_KEY ? HX_STORE_NO
                                                    : HX_STORE_CORRUPT, 0,
                           "query");
        return;

    case HX_QUERY_OPAQUE:
        hx_query_unfit(r, &key, "opaque bytes, not an array of numbers");
        return;

    case HX_QUERY_NOT_FINITE:
        hx_query_unfit(r, &key, "NaN or infinity");
        return;

    case HX_QUERY_LENGTHS:
        hx_reply_error(p, HX_E_INVALID_REQUEST,
                       "Arrays in fields 'key_a' and 'key_b' have different "
                       "numbers of elements");
        return;

    case HX_QUERY_BUSY:
        hx_reply_error(p, HX_E_UNAVAILABLE, "Too many payloads in flight");
        hx_reply_header(p, "Retry-After", "1");
        p->reason = "in-flight budget";
        return;

    case HX_QUERY_NO_MEMORY:
        hx_reply_error(p, HX_E_UNAVAILABLE, "Out of memory");
        return;

    default:
        hx_req_store_error(r, HX_STORE_FAIL, 0, "query");
    }
}


static void
hx_json_member(hx_buf_t *b, const char *name, const hx_str_t *value)
{
    hx_buf_byte(b, '"');
    hx_buf_add(b, name, strlen(name));
    hx_buf_lit(b, "\":");
    hx_json_string(b, value->data, value->len);
    hx_buf_byte(b, ',');
}


static void
hx_json_metric(hx_buf_t *b, hx_metric_t m)
{
    hx_str_t  s;

    s.data = (const unsigned char *) hx_metric_names[m];
    s.len = strlen(hx_metric_names[m]);
    hx_json_member(b, "metric", &s);
}


hx_rc_t
hx_similarity_run(hx_req_t *r, hx_crypto_t *crypto)
{
    double            score;
    hx_str_t          ka, kb;
    hx_buf_t         *b;
    hx_query_t       *q;
    hx_query_rc_t     rc;
    hx_query_conf_t   conf;

    (void) crypto;

    q = hx_query_open(r, &conf);
    if (q == NULL) {
        return HX_OK;
    }

    ka = hx_body_string(r->body, HX_F_KEY_A);
    kb = hx_body_string(r->body, HX_F_KEY_B);
    rc = hx_query_pair(q, &ka, &kb, &score);

    if (rc != HX_QUERY_OK) {
        hx_query_refuse(r, rc, q);
        hx_query_free(q);
        return HX_OK;
    }

    hx_query_free(q);
    b = hx_reply_open(&r->reply, 200, 2 * HX_HIT_JSON + 128);

    if (b != NULL) {
        hx_buf_byte(b, '{');
        hx_json_member(b, "key_a", &ka);
        hx_json_member(b, "key_b", &kb);
        hx_json_metric(b, conf.metric);
        hx_buf_lit(b, "\"score\":");
        hx_number_f8(b, score);
        hx_buf_byte(b, '}');
        hx_counts_query(&r->api->counts, hx_metric_names[conf.metric],
                        hx_req_seconds(r));
    }

    return HX_OK;
}


static void
hx_query_answer(hx_req_t *r, const hx_query_conf_t *conf, const hx_hit_t *hit,
    unsigned n, uint64_t candidates)
{
    hx_str_t   key;
    hx_buf_t  *b;
    unsigned   i;

    b = hx_reply_open(&r->reply, 200, (n + 1) * HX_HIT_JSON + 256);

    if (b == NULL) {
        return;
    }

    hx_buf_byte(b, '{');

    if (hx_body_has(r->body, HX_F_QUERY_KEY)) {
        key = hx_body_string(r->body, HX_F_QUERY_KEY);
        hx_json_member(b, "query_key", &key);

    } else {
        hx_buf_lit(b, "\"query_key\":null,");
    }

    hx_json_metric(b, conf->metric);
    hx_buf_lit(b, "\"n_candidates\":");
    hx_text_u64(b, candidates);
    hx_buf_lit(b, ",\"results\":[");

    for (i = 0; i < n; i++) {
        if (i != 0) {
            hx_buf_byte(b, ',');
        }

        hx_buf_byte(b, '[');
        hx_json_string(b, hit[i].key.data, hit[i].key.len);
        hx_buf_byte(b, ',');
        hx_number_f8(b, hit[i].score);
        hx_buf_byte(b, ']');
    }

    hx_buf_lit(b, "]}");
    hx_counts_query(&r->api->counts, hx_metric_names[conf->metric],
                    hx_req_seconds(r));
}


/* The query's side is known, or rc says why not. */
static hx_rc_t
hx_query_end(hx_req_t *r, hx_query_t *q, const hx_query_conf_t *conf,
    hx_query_rc_t rc)
{
    unsigned         n;
    uint64_t         candidates;
    const hx_hit_t  *hit;

    if (rc == HX_QUERY_OK) {
        rc = hx_query_run(q, &hit, &n, &candidates);
    }

    if (rc == HX_QUERY_OK) {
        hx_query_answer(r, conf, hit, n, candidates);

    } else {
        hx_query_refuse(r, rc, q);
    }

    hx_query_free(q);

    return HX_OK;
}


hx_rc_t
hx_topk_run(hx_req_t *r, hx_crypto_t *crypto)
{
    hx_str_t          key;
    hx_query_t       *q;
    hx_query_conf_t   conf;

    (void) crypto;

    q = hx_query_open(r, &conf);
    if (q == NULL) {
        return HX_OK;
    }

    key = hx_body_string(r->body, HX_F_QUERY_KEY);

    return hx_query_end(r, q, &conf, hx_query_key(q, &key));
}


hx_rc_t
hx_vector_run(hx_req_t *r, hx_crypto_t *crypto)
{
    hx_payload_t      p;
    hx_record_t       rec;
    hx_query_t       *q;
    hx_query_conf_t   conf;

    (void) crypto;

    if (hx_put_decide(r, &p) != 0) {
        return HX_OK;
    }

    q = hx_query_open(r, &conf);
    if (q == NULL) {
        return HX_OK;
    }

    memset(&rec, 0, sizeof(rec));
    rec.array = p.array;
    rec.data_off = p.data_off;
    rec.length = r->body->value_len;

    return hx_query_end(r, q, &conf, hx_query_data(q, &rec, r->body->value));
}
