/*
 * hx_api_op.h -- what the files of the operations share.  api/ only.
 */

#ifndef HX_API_OP_H
#define HX_API_OP_H

#include "hx_api.h"

typedef enum {
    HX_FORM_EXACT = 0,          /* the path itself */
    HX_FORM_NS,                 /* path/{ns} */
    HX_FORM_NS_KEY              /* path/{ns}/{key}, key to the end */
} hx_form_t;

/*
 * One operation.  check() runs when headers and body are complete; run() does
 * the work or submits it; finish() answers a submitted one.  Each sets the
 * reply when it has something to say.
 */
struct hx_op_s {
    const char   *path;
    hx_form_t     form;
    unsigned      methods;      /* bits of hx_method_t */
    const char   *allow;
    unsigned      fields;       /* POST: bits of the body's members */
    int           open;         /* needs no key */
    int           heavy;
    void        (*check)(hx_req_t *r);
    hx_rc_t     (*run)(hx_req_t *r, hx_crypto_t *crypto);
    void        (*finish)(hx_req_t *r);
};

/* hx_api_args.c */

/*
 * A query argument, percent-decoded once into out.  HX_OK and *v; HX_NO when
 * absent; HX_FAIL when repeated, malformed or longer than cap: the reply is
 * set.  '+' stands for itself: it may occur in keys.
 */
hx_rc_t hx_arg(hx_req_t *r, const char *name, unsigned char *out, size_t cap,
    hx_str_t *v);

/* A whole number min..max; *v is unchanged when absent. */
hx_rc_t hx_arg_number(hx_req_t *r, const char *name, uint64_t min,
    uint64_t max, uint64_t *v);

/* hx_api_media.c */

/* What the body is by its declared type; -1: the reply is set. */
int hx_req_media(hx_req_t *r, const hx_str_t *type, const hx_str_t *encoding,
    hx_raw_t *raw);

/* Is application/octet-stream asked for by name? */
int hx_req_octets(const hx_str_t *accept);

/* hx_api_raw.c */

/*
 * Query arguments, and the metadata of a header (data NULL = absent), into the
 * slots of r->body.  0, or -1: the reply is set.
 */
int hx_raw_args(hx_req_t *r, const hx_str_t *metadata);

/* hx_api_route.c */

/* Index of an operation in the table, or the next one for NULL. */
unsigned hx_op_index(const hx_op_t *op);

/* Its name as a label: "put", "query_topk", "metrics", "none". */
void hx_op_name(hx_buf_t *b, unsigned index);

/* hx_api.c */

/* Seconds since the body was complete. */
double hx_req_seconds(const hx_req_t *r);

/* 400 that names the header. */
void hx_req_invalid_header(hx_req_t *r, hx_header_t h);

/* The reply for a store answer that is not OK. */
void hx_req_store_error(hx_req_t *r, hx_store_rc_t rc, uint64_t version,
    const char *why);

/* Submits r->store_op; HX_PENDING, or HX_OK with an error reply. */
hx_rc_t hx_req_submit(hx_req_t *r);

/* A view, or an error reply and -1. */
int hx_req_view(hx_req_t *r, hx_store_view_t *v);

/* hx_api_index.c */

/* For the write in r->store_op, before it is submitted; 0, or -1: the reply is
 * set. */
int hx_req_index_prepare(hx_req_t *r);

/* It has its answer; from the store's thread. */
void hx_req_index_done(hx_req_t *r);
void hx_req_index_free(hx_req_t *r);

/* hx_api_tags.c */

/*
 * Preconditions of writes (the operations that are submitted) become check and
 * expected, tags of reads the list in r.  0, or -1: the reply is set.
 */
int hx_req_conditions(hx_req_t *r, const hx_str_t *match,
    const hx_str_t *none_match);

/* 1 when If-None-Match names this version. */
int hx_req_unchanged(const hx_req_t *r, uint64_t version);

/* hx_api_filter.c */

/* The body's "filters", if there are any, becomes r->filter.  0, or -1: the
 * reply is set. */
int hx_req_filter(hx_req_t *r);

/* hx_api_put.c */

/* Domain of a put (data NULL: the default), and metadata; 0, or -1 and 400. */
int hx_put_describe(hx_req_t *r, hx_record_t *rec, const hx_str_t *domain,
    const hx_str_t *metadata);

/* The member "dtype"; 0, or -1 and 400. */
int hx_put_dtype(hx_req_t *r, const hx_str_t *name, hx_dtype_t *t);

/* What the payload is; 0, or -1 and 400. */
int hx_put_decide(hx_req_t *r, hx_payload_t *p);

/* Now, for a record. */
void hx_put_stamp(hx_record_t *rec);

/* "expected_version" beside If-Match; 0, or -1 and 400. */
int hx_put_expected(hx_req_t *r);

/* hx_api_json.c: members that put and get have in common, and the ones about
 * the element type that serve has as well; each begins with a comma. */
void hx_json_fingerprint(hx_buf_t *b, const hx_record_t *rec);
void hx_json_array(hx_buf_t *b, const hx_record_t *rec);

/* ,"ranks":[...],"max_rank":n */
void hx_json_ranks(hx_buf_t *b, const hx_record_t *rec);

/* {"key":"...","namespace":"...","version":n */
void hx_json_identity(hx_buf_t *b, const hx_str_t *key, const hx_str_t *ns,
    uint64_t version);

/* Room for hx_json_identity, _fingerprint, _ranks and a few words. */
#define HX_JSON_COMMON_MAX   3072

/* run() and friends of the operations, one file each */
void hx_put_check(hx_req_t *r);
hx_rc_t hx_put_run(hx_req_t *r, hx_crypto_t *crypto);
void hx_put_finish(hx_req_t *r);
void hx_cores_check(hx_req_t *r);
hx_rc_t hx_cores_run(hx_req_t *r, hx_crypto_t *crypto);
void hx_batch_check(hx_req_t *r);
hx_rc_t hx_batch_put_run(hx_req_t *r, hx_crypto_t *crypto);
void hx_batch_finish(hx_req_t *r);
void hx_get_check(hx_req_t *r);
hx_rc_t hx_get_run(hx_req_t *r, hx_crypto_t *crypto);
void hx_serve_check(hx_req_t *r);
hx_rc_t hx_serve_run(hx_req_t *r, hx_crypto_t *crypto);
hx_rc_t hx_delete_run(hx_req_t *r, hx_crypto_t *crypto);
void hx_delete_finish(hx_req_t *r);
void hx_search_check(hx_req_t *r);
hx_rc_t hx_search_run(hx_req_t *r, hx_crypto_t *crypto);
void hx_similarity_check(hx_req_t *r);
hx_rc_t hx_similarity_run(hx_req_t *r, hx_crypto_t *crypto);
void hx_topk_check(hx_req_t *r);
hx_rc_t hx_topk_run(hx_req_t *r, hx_crypto_t *crypto);
void hx_vector_check(hx_req_t *r);
hx_rc_t hx_vector_run(hx_req_t *r, hx_crypto_t *crypto);
hx_rc_t hx_list_run(hx_req_t *r, hx_crypto_t *crypto);
hx_rc_t hx_health_run(hx_req_t *r, hx_crypto_t *crypto);
hx_rc_t hx_ready_run(hx_req_t *r, hx_crypto_t *crypto);
void hx_metrics_check(hx_req_t *r);
hx_rc_t hx_metrics_run(hx_req_t *r, hx_crypto_t *crypto);

#endif /* HX_API_OP_H */
