/*
 * ngx_hx_webhook.h -- between the parts of the webhook: what reads and judges
 * a request (ngx_hx_webhook.c), what runs in a thread and may block
 * (ngx_hx_webhook_job.c), and what says at the end whether an upstream has
 * handled the event (ngx_hx_webhook_settle.c).
 */

#ifndef NGX_HX_WEBHOOK_H
#define NGX_HX_WEBHOOK_H

#include "ngx_hx_admin.h"

#include "hx_stripe.h"


typedef struct ngx_hx_webhook_s  ngx_hx_webhook_t;

struct ngx_hx_webhook_s {
    hx_stripe_signature_t    signature;
    unsigned                 n;
    hx_hmac_t               *hmac[HX_STRIPE_SECRETS];

    hx_stripe_reader_t      *reader;
    hx_rc_t                  read;      /* NO: it is no event; FAIL */
    hx_stripe_event_t        event;
    hx_billing_intent_t      intent;
    hx_registry_event_t      asked;

    ngx_hx_job_t            *job;       /* NULL: not yet with a thread */
    unsigned                 back:1;    /* it was */
};


#endif /* NGX_HX_WEBHOOK_H */
