/*
 * hx_api_scores.h -- the answers of queries.  api/ only.
 */

#ifndef HX_API_SCORES_H
#define HX_API_SCORES_H

#include "hx_api.h"
#include "hx_query.h"

/* "cosine" and so on, static. */
const char *hx_metric_name(hx_metric_t m);

/* rc is not OK: the reply says so.  q: where the error is from, or NULL. */
void hx_query_refuse(hx_req_t *r, hx_query_rc_t rc, const hx_query_t *q);

void hx_similarity_answer(hx_req_t *r, hx_metric_t metric, double score);
void hx_query_answer(hx_req_t *r, hx_metric_t metric, const hx_hit_t *hit,
    unsigned n, uint64_t candidates);

#endif /* HX_API_SCORES_H */
