/*
 * ngx_hx_webhook_job.c -- the half of the webhook that blocks: the registry's
 * transaction.  Runs in a thread of nginx's pool.
 */

#include "ngx_hx_webhook.h"


/* A tenant that is new gets its place before it is anywhere else. */

static hx_rc_t
ngx_hx_webhook_place(ngx_hx_job_t *job, u_char *record)
{
    size_t                      len;
    hx_rc_t                     rc;
    const hx_billing_intent_t  *in;

    in = job->event->intent;

    if (!in->creates) {
        return HX_OK;
    }

    rc = hx_registry_get(job->registry, &in->tenant, record, &len, job->err);

    if (rc != HX_NO) {
        return rc;
    }

    if (hx_state_reserve(job->state, &in->tenant) != HX_OK) {
        job->zone_full = 1;
        (void) ngx_cpystrn((u_char *) job->err,
                           (u_char *) "the zone is full", HX_REGISTRY_ERR);
        return HX_FAIL;
    }

    return HX_OK;
}


hx_rc_t
ngx_hx_webhook_job(ngx_hx_job_t *job, u_char *record)
{
    if (job->type == NGX_HX_JOB_CLAIM) {
        return hx_registry_claim(job->registry, &job->event->id,
                                 job->event->now, job->token,
                                 &job->came.result, job->draft, job->err);
    }

    if (ngx_hx_webhook_place(job, record) != HX_OK) {
        return HX_FAIL;
    }

    return hx_registry_event(job->registry, job->event, &job->came, job->draft,
                             job->err);
}
