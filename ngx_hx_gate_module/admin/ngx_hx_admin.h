/*
 * ngx_hx_admin.h -- between the halves of the admin plane: what reads a call
 * (ngx_hx_admin.c), what takes it to a thread and answers (ngx_hx_admin_post.c)
 * and what runs in the thread and may block (ngx_hx_admin_job.c).
 */

#ifndef NGX_HX_ADMIN_H
#define NGX_HX_ADMIN_H

#include "ngx_hx_gate.h"

#include "hx_adminreq.h"

#define NGX_HX_ADMIN_OUT      (1024 * 1024)     /* bytes of one answer */

typedef enum {
    NGX_HX_JOB_CHANGE = 0,
    NGX_HX_JOB_GET,
    NGX_HX_JOB_LIST
} ngx_hx_job_type_t;

/*
 * One admin call.  Lives in the request's pool; while the thread has it
 * (r->main->blocked) nobody else touches it.
 */
typedef struct {
    ngx_hx_job_type_t    type;
    ngx_http_request_t  *request;
    hx_registry_t       *registry;          /* borrowed */
    const hx_plan_t     *plans;             /* of the configuration */
    unsigned             n_plans;
    const hx_rate_t     *default_rate;

    hx_change_t         *change;
    hx_str_t             id;                /* get */
    hx_str_t             after;             /* list */
    ngx_uint_t           limit;

    u_char               key[HX_APIKEY_LEN];
    unsigned             has_key:1;

    /* the thread's answer */
    hx_rc_t              rc;                /* OK, NO (see result), FAIL */
    hx_change_result_t   result;
    char                 err[HX_REGISTRY_ERR];
    u_char              *out;               /* malloc'ed, freed by a cleanup */
    size_t               len;
} ngx_hx_job_t;

/* In r->pool, cleansed and freed with it; NULL = no memory. */
ngx_hx_job_t *ngx_hx_admin_job(ngx_http_request_t *r, ngx_hx_job_type_t type);

/*
 * Hands the job to the thread pool: NGX_OK, and the request is finalized when
 * the thread is done; else a status.
 */
ngx_int_t ngx_hx_admin_post(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    ngx_hx_job_t *job);

/* 503 for the client, "why" for the error log. */
ngx_int_t ngx_hx_admin_unavailable(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const char *why);

/* Runs in a thread: no nginx calls but these data. */
void ngx_hx_job_run(ngx_hx_job_t *job);

#endif /* NGX_HX_ADMIN_H */
