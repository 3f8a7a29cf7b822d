/*
 * ngx_hx_webhook.c -- an event of Stripe on its way in: who signed it, is it
 * one, was it here before?
 *
 * The bytes that are hashed are the ones that nginx stores for the upstream: a
 * request body filter sees each of them once, whatever the framing.  Nothing of
 * an event is looked at, beyond reading it, before its signature was found to
 * be good.  Then either the gate handles it, in one transaction in a thread, or
 * it is held there and goes on to the upstream of the location.
 */

#include "ngx_hx_webhook.h"


#define NGX_HX_WEBHOOK_HEADER   "stripe-signature"

static const u_char  ngx_hx_webhook_received[] = "{\"received\":true}";


static ngx_int_t
ngx_hx_webhook_invalid(ngx_hx_ctx_t *ctx)
{
    return ngx_hx_refuse(ctx, HX_E_INVALID_SIGNATURE, HX_OUTCOME_SIGNATURE,
                         "Invalid Stripe signature");
}


static ngx_int_t
ngx_hx_webhook_trouble(ngx_hx_ctx_t *ctx)
{
    ctx->event_result = HX_BILLING_FAILED;

    return ngx_hx_refuse(ctx, HX_E_UNAVAILABLE, HX_OUTCOME_INTERNAL,
                         "Service is temporarily unavailable");
}


static void
ngx_hx_webhook_cleanup(void *data)
{
    ngx_hx_webhook_t  *w = data;

    unsigned  i;

    for (i = 0; i < w->n; i++) {
        hx_hmac_free(w->hmac[i]);
    }

    hx_stripe_reader_free(w->reader);
}


/* The only Stripe-Signature of the request, or NULL. */

static const ngx_str_t *
ngx_hx_webhook_header(ngx_http_request_t *r)
{
    const ngx_str_t  *value;
    ngx_hx_fields_t   fields;
    ngx_table_elt_t  *h;

    value = NULL;
    ngx_hx_fields(&fields, &r->headers_in.headers);

    while ((h = ngx_hx_field(&fields)) != NULL) {
        if (h->key.len != sizeof(NGX_HX_WEBHOOK_HEADER) - 1
            || ngx_memcmp(h->lowcase_key, NGX_HX_WEBHOOK_HEADER,
                          sizeof(NGX_HX_WEBHOOK_HEADER) - 1) != 0)
        {
            continue;
        }

        if (value != NULL) {
            return NULL;
        }

        value = &h->value;
    }

    return value;
}


static ngx_hx_webhook_t *
ngx_hx_webhook_create(ngx_http_request_t *r, const ngx_hx_webhook_conf_t *conf,
    const hx_stripe_signature_t *signature)
{
    ngx_uint_t           i;
    const ngx_str_t     *secret;
    ngx_hx_webhook_t    *w;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_hx_webhook_t));
    if (cln == NULL) {
        return NULL;
    }

    w = cln->data;
    ngx_memzero(w, sizeof(ngx_hx_webhook_t));
    cln->handler = ngx_hx_webhook_cleanup;

    w->signature = *signature;
    w->reader = hx_stripe_reader_create();
    secret = conf->secrets.elts;

    for (i = 0; i < conf->secrets.nelts; i++) {
        w->hmac[i] = hx_hmac_create(secret[i].data, secret[i].len);

        if (w->hmac[i] == NULL) {
            return NULL;
        }

        w->n++;
    }

    return w->reader != NULL
           && hx_stripe_begin(&w->signature, w->hmac, w->n) == HX_OK
           ? w : NULL;
}


static ngx_int_t
ngx_hx_webhook_sink(ngx_http_request_t *r, ngx_hx_ctx_t *ctx, const u_char *p,
    size_t len)
{
    unsigned           i;
    ngx_hx_webhook_t  *w;

    w = ctx->webhook;

    for (i = 0; i < w->n; i++) {
        if (hx_hmac_update(w->hmac[i], p, len) != HX_OK) {
            return ngx_hx_webhook_trouble(ctx);
        }
    }

    /* that it is no event is of interest when it is Stripe's */

    if (w->read == HX_OK && len != 0) {
        w->read = hx_stripe_reader_feed(w->reader, p, len);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_hx_webhook_begin(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_webhook_conf_t *conf)
{
    const ngx_str_t        *header;
    hx_stripe_signature_t   signature;

    ctx->event_result = HX_BILLING_INVALID;

    if (r->method != NGX_HTTP_POST) {
        ngx_str_set(&ctx->allow, "POST");

        return ngx_hx_refuse(ctx, HX_E_METHOD_NOT_ALLOWED, HX_OUTCOME_METHOD,
                             "Method not allowed");
    }

    header = ngx_hx_webhook_header(r);

    if (header == NULL
        || hx_stripe_parse(&signature, header->data, header->len) != HX_OK
        || hx_stripe_fresh(&signature, (uint64_t) ngx_time(),
                           (uint64_t) conf->tolerance)
           != HX_OK)
    {
        return ngx_hx_webhook_invalid(ctx);
    }

    ctx->body_cap = HX_STRIPE_BODY_MAX;
    ctx->body_sink = ngx_hx_webhook_sink;

    if (r->headers_in.content_length_n > (off_t) ctx->body_cap) {
        return ngx_hx_refuse_size(r, ctx);
    }

    ctx->webhook = ngx_hx_webhook_create(r, conf, &signature);

    return ctx->webhook != NULL ? NGX_OK : ngx_hx_webhook_trouble(ctx);
}


ngx_int_t
ngx_hx_webhook_read(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf)
{
    ngx_int_t  rc;

    if (ctx->webhook == NULL) {
        rc = ngx_hx_webhook_begin(r, ctx, lcf->webhook);

        return rc == NGX_OK ? ngx_hx_body_read_into(r, ctx) : rc;
    }

    return ctx->body_ready ? NGX_HX_NEXT : NGX_HX_WAIT;
}


/* ------------------------------------------------- what is asked for -- */

ngx_int_t
ngx_hx_webhook_verify(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf)
{
    hx_rc_t            rc;
    ngx_hx_webhook_t  *w;

    w = ctx->webhook;
    rc = hx_stripe_end(&w->signature, w->hmac, w->n);

    if (rc == HX_NO) {
        return ngx_hx_webhook_invalid(ctx);
    }

    if (rc == HX_OK) {
        rc = w->read;
    }

    if (rc == HX_OK) {
        rc = hx_stripe_reader_finish(w->reader, &w->event);
    }

    if (rc == HX_FAIL) {
        return ngx_hx_webhook_trouble(ctx);
    }

    if (rc == HX_NO) {
        return ngx_hx_refuse(ctx, HX_E_INVALID_REQUEST,
                             HX_OUTCOME_INVALID_REQUEST,
                             "Invalid Stripe event");
    }

    ctx->event_id = w->event.id;
    ctx->event_type = w->event.type;
    ctx->event_kind = w->event.kind;
    ctx->event_result = HX_BILLING_NONE;

    return NGX_HX_NEXT;
}


static void ngx_hx_webhook_back(ngx_http_request_t *r);


/*
 * Stripe sends one event to several endpoints: what one location passes on is
 * no duplicate for another.  The gate itself handles it once.
 */

static ngx_int_t
ngx_hx_webhook_scope(ngx_http_request_t *r, hx_str_t *id)
{
    u_char                     hash[HX_SHA256_LEN], *p;
    ngx_http_core_srv_conf_t  *cscf;
    ngx_http_core_loc_conf_t  *clcf;

    cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);
    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
    p = ngx_pnalloc(r->pool, id->len + 17);

    if (p == NULL
        || hx_sha256_pair(ngx_hx_crypto(), cscf->server_name.data,
                          cscf->server_name.len, clcf->name.data,
                          clcf->name.len, hash)
           != HX_OK)
    {
        return NGX_ERROR;
    }

    ngx_memcpy(p, id->data, id->len);
    p[id->len] = '@';
    (void) ngx_hex_dump(p + id->len + 1, hash, 8);

    id->data = p;
    id->len += 17;

    return NGX_OK;
}


/* NGX_HX_WAIT, or a status. */

static ngx_int_t
ngx_hx_webhook_post(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    ngx_hx_webhook_t *w, ngx_hx_job_type_t type)
{
    ngx_int_t                  rc;
    ngx_hx_job_t              *job;
    const ngx_hx_main_conf_t  *mcf;

    job = ngx_hx_admin_job(r, type);

    if (job == NULL || ngx_hx_crypto() == NULL
        || hx_random_pooled(ngx_hx_crypto(), &job->token, sizeof(job->token))
           != HX_OK
        || hx_random_secret(w->asked.hash, sizeof(w->asked.hash)) != HX_OK)
    {
        return ngx_hx_webhook_trouble(ctx);
    }

    mcf = ngx_hx_main_conf(r);

    w->asked.id = w->event.id;
    w->asked.intent = &w->intent;
    w->asked.plans = mcf->plans.elts;
    w->asked.n_plans = (unsigned) mcf->plans.nelts;
    w->asked.now = (uint64_t) ngx_time();

    if (type == NGX_HX_JOB_CLAIM
        && ngx_hx_webhook_scope(r, &w->asked.id) != NGX_OK)
    {
        return ngx_hx_webhook_trouble(ctx);
    }

    job->event = &w->asked;
    job->resume = ngx_hx_webhook_back;
    ctx->event_result = HX_BILLING_FAILED;

    rc = ngx_hx_admin_post(r, ctx, job);

    if (rc != NGX_OK) {
        return rc;
    }

    w->job = job;

    return NGX_HX_WAIT;
}


/* The event is the gate's own business. */

static ngx_int_t
ngx_hx_webhook_native(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    ngx_hx_webhook_t *w)
{
    hx_rc_t                    rc;
    const char                *bad;
    const ngx_hx_main_conf_t  *mcf;

    mcf = ngx_hx_main_conf(r);

    rc = hx_billing_read(&w->intent, &w->event, mcf->prices.elts,
                         (unsigned) mcf->prices.nelts, mcf->plans.elts,
                         (unsigned) mcf->plans.nelts, &bad);

    switch (rc) {

    case HX_OK:
        return ngx_hx_webhook_post(r, ctx, w, NGX_HX_JOB_EVENT);

    case HX_NO:
        ctx->event_result = HX_BILLING_IGNORED;
        return NGX_HX_NEXT;

    default:
        ctx->event_result = HX_BILLING_INVALID;

        return ngx_hx_refuse_echo(r, ctx, HX_E_INVALID_REQUEST,
                                  HX_OUTCOME_INVALID_REQUEST,
                                  "Invalid field '", (u_char *) bad,
                                  ngx_strlen(bad), "' in Stripe event");
    }
}


/* ---------------------------------------------------- what came of it -- */

static ngx_int_t
ngx_hx_webhook_result(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    ngx_hx_job_t *job)
{
    hx_registry_came_t  *came;

    if (job->rc == HX_FAIL) {
        return ngx_hx_admin_failed(r, ctx, job);
    }

    came = &job->came;

    ctx->event_result = came->result;
    ctx->change = &came->own.digest;

    if (came->own.len != 0) {
        ctx->tenant.id.data = came->own.id;
        ctx->tenant.id.len = came->own.len;
    }

    if (came->other.len != 0) {
        ctx->event_other.data = came->other.id;
        ctx->event_other.len = came->other.len;
        ctx->event_other_change = &came->other.digest;
    }

    if (came->result == HX_BILLING_BUSY) {
        ctx->retry_after = 1;

        return ngx_hx_refuse(ctx, HX_E_CONFLICT, HX_OUTCOME_WEBHOOK,
                             "Stripe event is being handled");
    }

    ctx->event_held = came->result == HX_BILLING_NONE;

    return NGX_HX_NEXT;
}


/*
 * The client is gone, and nginx only waits for the thread to end the request.
 * What was committed is recorded as it would have been answered; what is held
 * goes to nobody, and so it is released.
 */

static void
ngx_hx_webhook_unheard(ngx_http_request_t *r, ngx_hx_ctx_t *ctx)
{
    ngx_int_t  rc;

    rc = ngx_hx_webhook_result(r, ctx, ctx->webhook->job);

    if (rc == NGX_HX_NEXT) {
        ctx->decided = 1;
        ctx->outcome = HX_OUTCOME_WEBHOOK;
        rc = ctx->event_held ? NGX_HTTP_CLIENT_CLOSED_REQUEST : NGX_HTTP_OK;
    }

    r->headers_out.status = (ngx_uint_t) rc;

    ngx_http_finalize_request(r, NGX_ERROR);
}


/* From the thread: the phases go on where they stopped. */

static void
ngx_hx_webhook_back(ngx_http_request_t *r)
{
    ngx_hx_ctx_t  *ctx;

    ctx = ngx_hx_ctx(r);
    ctx->webhook->back = 1;

    if (r->connection->error) {
        ngx_hx_webhook_unheard(r, ctx);
        return;
    }

    r->write_event_handler = ngx_http_core_run_phases;
    ngx_http_core_run_phases(r);
}


/*
 * Precontent: all that guards the location (allow, auth_basic ...) has agreed.
 * What the gate handles is answered here; so is what was handled before,
 * whoever answers in this location.
 */

ngx_int_t
ngx_hx_webhook_event(ngx_http_request_t *r)
{
    ngx_int_t                  rc;
    ngx_hx_ctx_t              *ctx;
    ngx_hx_webhook_t          *w;
    const ngx_hx_loc_conf_t   *lcf;

    lcf = ngx_hx_loc_conf(r);

    if (lcf->webhook == NULL) {
        return NGX_DECLINED;
    }

    ctx = ngx_hx_ctx(r);

    if (r != r->main || ctx == NULL || ctx->webhook == NULL
        || ctx->outcome != HX_OUTCOME_WEBHOOK)
    {
        return NGX_HTTP_FORBIDDEN;
    }

    w = ctx->webhook;

    if (w->job == NULL) {
        rc = lcf->handled
             ? ngx_hx_webhook_native(r, ctx, w)
             : ngx_hx_webhook_post(r, ctx, w, NGX_HX_JOB_CLAIM);

    } else {
        rc = w->back ? ngx_hx_webhook_result(r, ctx, w->job) : NGX_HX_WAIT;
    }

    if (rc == NGX_HX_WAIT) {
        return NGX_DONE;
    }

    if (rc != NGX_HX_NEXT) {
        return rc;
    }

    if (ctx->event_held) {
        return NGX_DECLINED;
    }

    ngx_http_finalize_request(r, ngx_hx_reply_json(r, NGX_HTTP_OK,
                                     ngx_hx_webhook_received,
                                     sizeof(ngx_hx_webhook_received) - 1));

    return NGX_DONE;
}


/* Where nobody else answers: what comes here has come past the gate. */

ngx_int_t
ngx_hx_webhook_handler(ngx_http_request_t *r)
{
    return NGX_HTTP_FORBIDDEN;
}
