/*
 * ngx_hx_admin.h -- between the halves of the admin plane: what reads a call
 * (ngx_hx_admin.c), what takes it to a thread and answers (ngx_hx_admin_post.c)
 * and what runs in the thread and may block (ngx_hx_admin_job.c).
 */

#ifndef NGX_HX_ADMIN_H
#define NGX_HX_ADMIN_H

#include "ngx_hx_gate.h"

#include "hx_adminreq.h"
#include "ngx_hx_fleet.h"

#define NGX_HX_ADMIN_OUT      (1024 * 1024)     /* bytes of one answer */

typedef enum {
    NGX_HX_JOB_CHANGE = 0,
    NGX_HX_JOB_GET,
    NGX_HX_JOB_LIST,
    NGX_HX_JOB_USAGE,               /* of one tenant */
    NGX_HX_JOB_USAGE_LIST,
    NGX_HX_JOB_METRICS,
    NGX_HX_JOB_EVENT,               /* of Stripe, handled here */
    NGX_HX_JOB_CLAIM                /* the same, held for an upstream */
} ngx_hx_job_type_t;

/*
 * One admin call.  Lives in the request's pool; while the thread has it
 * (r->main->blocked) nobody else touches it.
 */
typedef struct ngx_hx_job_s  ngx_hx_job_t;

struct ngx_hx_job_s {
    ngx_hx_job_type_t    type;
    ngx_http_request_t  *request;
    ngx_thread_task_t   *task;
    void               (*resume)(ngx_http_request_t *r);    /* goes on with it;
                                             * NULL: it is answered, and over */
    hx_registry_t       *registry;          /* borrowed; not for metrics */
    hx_usage_t          *usage;             /* the same */
    hx_state_t          *state;
    hx_state_t          *retired;           /* of the same registry, or NULL */
    const hx_plan_t     *plans;             /* of the configuration */
    unsigned             n_plans;
    const hx_rate_t     *default_rate;

    hx_change_t         *change;
    hx_str_t             id;                /* of one */
    hx_str_t             after;             /* of a list */
    ngx_uint_t           limit;
    unsigned             month;             /* YYYYMM: usage, metrics */
    hx_metrics_t        *metrics;
    hx_metrics_gauges_t  gauges;
    hx_metrics_fleet_t  *fleet;             /* NULL: it is in none */
    hx_metrics_fleet_now_t  fleet_now;

    u_char               key[HX_APIKEY_LEN];
    unsigned             has_key:1;
    unsigned             zone_full:1;

    /* the thread's answer */
    hx_rc_t              rc;                /* OK, NO (see result), FAIL */
    hx_change_result_t   result;
    char                 err[HX_REGISTRY_ERR];
    u_char              *out;               /* malloc'ed, freed by a cleanup */
    size_t               len;
    hx_audit_change_t    digest;            /* of the tenant's record */

    /* a fleet: what is computed here is committed in Redis */
    hx_registry_draft_t  *draft;            /* NULL: it is this node's alone */
    ngx_hx_fleet_commit_t  commit;
    ngx_hx_fleet_wait_t  wait;              /* for a replica that is fresh */
    ngx_uint_t           computed;          /* times */

    /* events */
    hx_registry_event_t *event;
    uint64_t             token;
    hx_registry_came_t   came;
};

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

/* The same for a job that has failed. */
ngx_int_t ngx_hx_admin_failed(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_job_t *job);

/* Posts it, the request stays; a content handler's return code. */
ngx_int_t ngx_hx_admin_wait(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    ngx_hx_job_t *job);


/* What runs in a thread: no nginx calls but these data. */
void ngx_hx_job_run(ngx_hx_job_t *job);

/* It is to run once more: what the first one answered is forgotten. */
void ngx_hx_job_again(ngx_hx_job_t *job);

/* ngx_hx_webhook_job.c */
hx_rc_t ngx_hx_webhook_job(ngx_hx_job_t *job, u_char *record);

/* ngx_hx_usage_job.c; record: HX_TENANT_RECORD_MAX bytes */
hx_rc_t ngx_hx_usage_job_one(ngx_hx_job_t *job, u_char *record);
hx_rc_t ngx_hx_usage_job_list(ngx_hx_job_t *job);

/* ngx_hx_metrics_job.c */
hx_rc_t ngx_hx_metrics_job(ngx_hx_job_t *job);

/*
 * A list in job->out: room for what follows the entries is kept aside by the
 * first, and written by the second: their number, and the id that the next page
 * begins behind (NULL = this is the last).  HX_OK and job->len, or HX_FAIL.
 */
void ngx_hx_job_list_begin(hx_buf_t *b, const ngx_hx_job_t *job);
hx_rc_t ngx_hx_job_list_end(hx_buf_t *b, ngx_hx_job_t *job, ngx_uint_t n,
    const hx_str_t *next);

/* "monthly_quota": a number of CUs or null */
void ngx_hx_job_quota(hx_buf_t *b, uint64_t quota);

#endif /* NGX_HX_ADMIN_H */
