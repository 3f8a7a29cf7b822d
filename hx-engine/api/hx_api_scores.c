/*
 * hx_api_scores.c -- what a client is told about a query: scores, or why not.
 */

#include <string.h>

#include "hx_api_op.h"
#include "hx_api_scores.h"
#include "hx_number.h"

#define HX_HIT_JSON   (hx_json_string_max(HX_KEY_MAX) + HX_NUMBER_MAX + 8)


const char *
hx_metric_name(hx_metric_t m)
{
    static const char *const  names[HX_METRICS] = {
        [HX_COSINE] = "cosine",
        [HX_EUCLIDEAN] = "euclidean",
        [HX_DOT] = "dot"
    };

    return names[m];
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


void
hx_query_refuse(hx_req_t *r, hx_query_rc_t rc, const hx_query_t *q)
{
    hx_str_t     key;
    hx_reply_t  *p;

    p = &r->reply;
    key.data = NULL;
    key.len = 0;

    if (q != NULL) {
        key = hx_query_culprit(q);
    }

    switch (rc) {

    case HX_QUERY_BUILDING:
        hx_reply_error(p, HX_E_UNAVAILABLE, "Index is being built");
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
        hx_reply_no_budget(p);
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

    s.data = (const unsigned char *) hx_metric_name(m);
    s.len = strlen(hx_metric_name(m));
    hx_json_member(b, "metric", &s);
}


void
hx_similarity_answer(hx_req_t *r, hx_metric_t metric, double score)
{
    hx_str_t   ka, kb;
    hx_buf_t  *b;

    b = hx_reply_open(&r->reply, 200, 2 * HX_HIT_JSON + 128);

    if (b == NULL) {
        return;
    }

    ka = hx_body_string(r->body, HX_F_KEY_A);
    kb = hx_body_string(r->body, HX_F_KEY_B);
    hx_buf_byte(b, '{');
    hx_json_member(b, "key_a", &ka);
    hx_json_member(b, "key_b", &kb);
    hx_json_metric(b, metric);
    hx_buf_lit(b, "\"score\":");
    hx_number_f8(b, score);
    hx_buf_byte(b, '}');
}


void
hx_query_answer(hx_req_t *r, hx_metric_t metric, const hx_hit_t *hit,
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

    hx_json_metric(b, metric);
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
}
