/*
 * ngx_hx_gate.h -- the private umbrella of the nginx-facing rooms.
 *
 * Configuration is written while nginx reads its files and is const from then
 * on: request-time code gets it through ngx_hx_loc_conf() and
 * ngx_hx_main_conf() only, which return pointers to const.
 *
 * The request context is written section by section, each section by the one
 * step that it is named after.
 */

#ifndef NGX_HX_GATE_H
#define NGX_HX_GATE_H

#include "ngx_hx_gate_conf.h"

#include "hx_check.h"
#include "hx_errors.h"
#include "hx_extract.h"
#include "hx_key_cache.h"
#include "hx_limits.h"
#include "hx_outcome.h"
#include "hx_tenant.h"
#include "hx_text.h"


/* ------------------------------------------------------ request context -- */

typedef struct ngx_hx_ctx_s  ngx_hx_ctx_t;
typedef struct ngx_hx_confirm_s  ngx_hx_confirm_t;
typedef struct ngx_hx_fleet_limit_s  ngx_hx_fleet_limit_t;

/* Takes a piece of a body; a status ends the request. */
typedef ngx_int_t (*ngx_hx_body_sink_pt)(ngx_http_request_t *r,
    ngx_hx_ctx_t *ctx, const u_char *p, size_t len);


struct ngx_hx_ctx_s {
    ngx_uint_t               step;              /* next one to run */
    const ngx_hx_loc_conf_t *lcf;               /* of the location that decided;
                                                 * redirects change r's */
    unsigned                 decided:1;
    unsigned                 granted:1;
    unsigned                 admin:1;
    unsigned                 own:1;             /* a tenant at /gate/usage */
    unsigned                 passed:1;          /* only looked at: goes on as it
                                                 * came */
    unsigned                 charged:1;         /* cus is final */
    unsigned                 admin_path;        /* hx_adminpath_match() */

    /* preflight */
    ngx_str_t                request_id;
    ngx_table_elt_t         *api_key;           /* first of its name */
    ngx_table_elt_t         *authorization;
    ngx_uint_t               n_api_keys;
    ngx_uint_t               n_authorizations;
    ngx_str_t                origin;            /* value of the first one */
    ngx_uint_t               n_origins;
    unsigned                 asks_method:1;     /* has Access-Control-Request-
                                                 * Method */
    unsigned                 encoded:1;         /* has Content-Encoding */
    unsigned                 stripped:1;        /* they are out of the list */

    /* auth */
    hx_tenant_t              tenant;            /* id.data NULL = not known */
    ngx_hx_confirm_t        *confirm;           /* NULL = nobody was asked */

    /* input */
    const hx_operation_t    *operation;
    ngx_uint_t               n_variants;
    ngx_str_t                path_ns;           /* unchecked */
    size_t                   body_cap;          /* bytes, 0 = no limit yet */

    /* body (request/ngx_hx_body.c) */
    hx_extract_t            *extract;
    ngx_hx_body_sink_pt      body_sink;         /* in place of extract */
    size_t                   body_seen;
    unsigned                 body_reading:1;
    unsigned                 body_finished:1;   /* extract saw the end */
    unsigned                 body_ready:1;      /* nginx has all of it */

    /* namespace */
    ngx_str_t                ns;                /* data NULL = none */

    /* rate, admit (request/ngx_hx_limit.c) */
    hx_limit_t               limit;             /* requests 0 = not known yet */
    hx_state_answer_t        standing;
    ngx_hx_fleet_limit_t    *fleet_limit;       /* NULL = nobody was asked */
    unsigned                 limit_asked:1;     /* this node's part of it */
    unsigned                 admitted:1;        /* it counts in the window */
    hx_outcome_t             shadowed;          /* what a limit in shadow mode
                                                 * would have refused with */

    /* cancel (request/ngx_hx_cancel.c) */
    unsigned                 cancel_looks:1;    /* it comes back for verdict */
    ngx_int_t                verdict;           /* to be acted upon then */

    /* forward */
    unsigned                 forwarded:1;       /* headers are ours */

    /* reply */
    hx_error_t               error;
    hx_outcome_t             outcome;
    ngx_str_t                detail;
    ngx_str_t                allow;
    ngx_uint_t               retry_after;       /* seconds, 0 = none */

    /* admin */
    const hx_audit_change_t *change;            /* NULL = none was made */
    struct ngx_hx_webhook_s *webhook;           /* NULL = it is none */
    hx_str_t                 event_id;
    hx_str_t                 event_type;
    hx_stripe_type_t         event_kind;
    hx_billing_result_t      event_result;
    hx_str_t                 event_other;       /* a tenant that was changed */
    const hx_audit_change_t *event_other_change;        /* besides */
    ngx_uint_t               event_status;      /* of what was answered */
    unsigned                 event_held:1;      /* the upstream's status is what
                                                 * comes of it */

    /* after */
    uint32_t                 cus;               /* tenths */
    ngx_str_t                body;              /* of an error, ready to send */
    unsigned                 body_replaced:1;
    unsigned                 body_sent:1;
    unsigned                 recorded:1;        /* charge and record are made */
    off_t                    body_out;          /* bytes of the response's body,
                                                 * where records are early */
    struct ngx_hx_hold_s    *hold;              /* NULL = it never waited */
    struct ngx_hx_tail_s    *tail;              /* of a response without end */
};


/* What a step says; everything else is an HTTP status to refuse with. */
#define NGX_HX_NEXT    NGX_OK
#define NGX_HX_WAIT    NGX_AGAIN        /* the step will be entered again */


extern ngx_module_t  ngx_http_hx_gate_module;


static ngx_inline const ngx_hx_loc_conf_t *
ngx_hx_loc_conf(const ngx_http_request_t *r)
{
    return ngx_http_get_module_loc_conf(r, ngx_http_hx_gate_module);
}


/*
 * Gated, or a handler of ours that records.  Elsewhere members of the location
 * have what is still to be inherited, no value; nobody may read them.
 */

static ngx_inline ngx_uint_t
ngx_hx_loc_recorded(const ngx_hx_loc_conf_t *lcf)
{
    return lcf->gated || lcf->handler == NGX_HX_HANDLER_ADMIN
           || lcf->handler == NGX_HX_HANDLER_WEBHOOK;
}


static ngx_inline const ngx_hx_main_conf_t *
ngx_hx_main_conf(const ngx_http_request_t *r)
{
    return ngx_http_get_module_main_conf(r, ngx_http_hx_gate_module);
}


/* There is one wherever the gate or a handler of ours is in use. */

static ngx_inline ngx_hx_zone_t *
ngx_hx_zone(const ngx_hx_main_conf_t *mcf)
{
    return mcf->zone->data;
}


static ngx_inline ngx_hx_shared_t *
ngx_hx_shared(const ngx_hx_main_conf_t *mcf)
{
    return ngx_hx_zone(mcf)->shared;
}


static ngx_inline hx_state_t *
ngx_hx_state(const ngx_hx_main_conf_t *mcf)
{
    return ngx_hx_zone(mcf)->state;
}


/* ngx_hx_ctx.c: one context per client request, kept over redirects */

/* The context of r->main, or NULL. */
ngx_hx_ctx_t *ngx_hx_ctx(ngx_http_request_t *r);

/* The same, made when there is none; NULL = no memory. */
ngx_hx_ctx_t *ngx_hx_ctx_make(ngx_http_request_t *r);

/* Makes sure that ctx->request_id is set: the client's or a new UUIDv4. */
ngx_int_t ngx_hx_request_id(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_str_t *presented);

/* This worker's digests and random bytes; NULL = start-up failed. */
hx_crypto_t *ngx_hx_crypto(void);

/* Keys that it has met; NULL = none are remembered. */
hx_key_cache_t *ngx_hx_keys(void);

ngx_int_t ngx_hx_crypto_init(ngx_log_t *log);
void ngx_hx_crypto_exit(void);


/* ngx_hx_headers.c */

/*
 * Fills the preflight section of the context and takes credentials and names
 * of ours out of the request's header list, once.  NGX_ERROR when there was no
 * memory, or no request id to be had; it is "-" then.
 */
ngx_int_t ngx_hx_read_headers(ngx_http_request_t *r, ngx_hx_ctx_t *ctx);

/*
 * Content-Type is application/json or something/something+json, parameters
 * ignored; or there is none.
 */
ngx_uint_t ngx_hx_is_json(const ngx_http_request_t *r);


/* ngx_hx_who.c */

typedef enum {
    NGX_HX_WHO_KNOWN = 0,
    NGX_HX_WHO_NONE,                    /* no credential */
    NGX_HX_WHO_UNKNOWN,
    NGX_HX_WHO_STRANGER,                /* the registry does not know the key */
    NGX_HX_WHO_TROUBLE                  /* it could not be found out */
} ngx_hx_who_t;

/* Whose key was presented?  Headers were read. */
ngx_hx_who_t ngx_hx_who(ngx_http_request_t *r, const ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf, hx_tenant_t *tenant);


/* ngx_hx_confirm.c */

/*
 * Does it hold that the registry does not know a key?  NGX_OK: it was known
 * after the request came; ask once more.  NGX_AGAIN: the request comes back
 * through the phases.  NGX_ERROR: nobody can say.
 */
ngx_int_t ngx_hx_confirm(ngx_http_request_t *r, ngx_hx_ctx_t *ctx);

/* 1 while an answer is to come, which goes on with the phases: nobody else. */
ngx_uint_t ngx_hx_confirm_waits(const ngx_hx_ctx_t *ctx);


/* ngx_hx_body.c: the only reader of request bodies in the access phase */

/*
 * Starts reading, scanning as it comes.  WAIT, or a status.  The request comes
 * back through the phases with ctx->body_ready.
 */
ngx_int_t ngx_hx_body_read(ngx_http_request_t *r, ngx_hx_ctx_t *ctx);

/* The same, into ctx->body_sink, ctx->body_cap bytes at most. */
ngx_int_t ngx_hx_body_read_into(ngx_http_request_t *r, ngx_hx_ctx_t *ctx);

/* The refusal for a body that hx_extract called bad. */
ngx_int_t ngx_hx_body_refuse(ngx_http_request_t *r, ngx_hx_ctx_t *ctx);

ngx_int_t ngx_hx_body_filter_init(void);


/* ngx_hx_cancel.c */

/* 1: the request comes back through the phases, for ctx->verdict, unless its
 * stream is reset in what nginx has read with it. */
ngx_uint_t ngx_hx_cancel_look(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    ngx_int_t verdict);

/* 1: here it is. */
ngx_uint_t ngx_hx_cancel_looked(ngx_http_request_t *r, ngx_hx_ctx_t *ctx);


/* ngx_hx_unread.c: bodies of those who are not known.  POST_READ phase, and
 * before the header of an answer: is the connection kept? */
ngx_int_t ngx_hx_unread_handler(ngx_http_request_t *r);
void ngx_hx_unread_answer(ngx_http_request_t *r);


/* ngx_hx_reply.c: the only builder of refusals */

/*
 * Records why, and returns the status to end the phase with.  detail is a
 * static text; ngx_hx_refuse_echo() puts (cut, later escaped) client input
 * between two static texts.
 */
ngx_int_t ngx_hx_refuse(ngx_hx_ctx_t *ctx, hx_error_t e, hx_outcome_t o,
    const char *detail);
ngx_int_t ngx_hx_refuse_echo(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    hx_error_t e, hx_outcome_t o, const char *before, const u_char *s,
    size_t len, const char *after);

/*
 * Shadow mode: whatever was decided, the request goes on as it came; only the
 * outcome stays.
 */
void ngx_hx_pass(ngx_hx_ctx_t *ctx);

/* What is recorded: of a limit in shadow mode, what it would have refused. */
hx_outcome_t ngx_hx_outcome(const ngx_hx_ctx_t *ctx);

/* 413, naming the limit of decoded payload, or of an admin body. */
ngx_int_t ngx_hx_refuse_size(ngx_http_request_t *r, ngx_hx_ctx_t *ctx);

/* {"detail","error","request_id"} for the status, into ctx->body. */
ngx_int_t ngx_hx_reply_body(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    ngx_uint_t status);

/* A response header; name and value must live as long as r. */
ngx_int_t ngx_hx_header_out(ngx_http_request_t *r, const char *name,
    size_t nlen, const u_char *value, size_t len);

#define ngx_hx_add_header(r, name, value, len)                                \
    ngx_hx_header_out(r, name, sizeof(name) - 1, value, len)

/* One header field after the other: begun with a list, NULL at its end. */
typedef struct {
    ngx_list_part_t  *part;
    ngx_uint_t        i;
} ngx_hx_fields_t;

static ngx_inline void
ngx_hx_fields(ngx_hx_fields_t *f, ngx_list_t *list)
{
    f->part = &list->part;
    f->i = 0;
}

static ngx_inline ngx_table_elt_t *
ngx_hx_field(ngx_hx_fields_t *f)
{
    for ( /* void */ ; f->part != NULL; f->part = f->part->next, f->i = 0) {
        if (f->i < f->part->nelts) {
            return (ngx_table_elt_t *) f->part->elts + f->i++;
        }
    }

    return NULL;
}


/* What somebody wanted to send is not sent. */

static ngx_inline void
ngx_hx_swallow(ngx_chain_t *in)
{
    for ( /* void */ ; in; in = in->next) {
        in->buf->pos = in->buf->last;
        in->buf->file_pos = in->buf->file_last;
    }
}


/* Sends an answer of our own; the text must live as long as r. */
ngx_int_t ngx_hx_reply_text(ngx_http_request_t *r, ngx_uint_t status,
    const ngx_str_t *type, const u_char *text, size_t len);
ngx_int_t ngx_hx_reply_json(ngx_http_request_t *r, ngx_uint_t status,
    const u_char *text, size_t len);


/* ngx_hx_limit.c */

/*
 * Asks where the tenant stands, into ctx->standing; look: without admitting it.
 * HX_OK or HX_FAIL.
 */
hx_rc_t ngx_hx_limit_ask(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf, ngx_uint_t look);

/* The same without the window: the quota, and the place for the charge. */
hx_rc_t ngx_hx_limit_ask_quota(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf);

/* Tenths of a CU a month; HX_QUOTA_UNLIMITED: no quota is asked. */
uint64_t ngx_hx_limit_quota(const ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf);

/* What was set aside of the quota is not needed. */
void ngx_hx_limit_let_go(ngx_http_request_t *r, ngx_hx_ctx_t *ctx);

/* What a step says to such an answer. */
ngx_int_t ngx_hx_limit_decide(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf, hx_rc_t rc);

/* Is the window held by all nodes together here? */
static ngx_inline ngx_uint_t
ngx_hx_limit_shared(const ngx_hx_loc_conf_t *lcf)
{
    return lcf->rate_sync != NGX_HX_SYNC_LOCAL
           && lcf->rate_limit != NGX_HX_MODE_OFF;
}

/* ngx_hx_fleet_limit.c: the admit step, and what is known before a body. */
ngx_int_t ngx_hx_fleet_limit_admit(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf);
hx_rc_t ngx_hx_fleet_limit_look(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf);

/*
 * The request has ended, and so much of what was set aside for it, of the quota
 * of all nodes, is charged: the rest goes back.
 */
void ngx_hx_fleet_limit_settle(ngx_hx_ctx_t *ctx, uint32_t charged);

/* ngx_hx_fleet_give.c: this worker's part; before the first request. */
void ngx_hx_fleet_limit_init(const ngx_hx_main_conf_t *mcf, ngx_log_t *log);

/* YYYYMM of a second (UTC). */
unsigned ngx_hx_month(time_t sec);


/* after/ */

ngx_int_t ngx_hx_answer_filter_init(void);

/* X-RateLimit-* and its like, where the tenant is to know. */
ngx_int_t ngx_hx_limits_headers(ngx_http_request_t *r, ngx_hx_ctx_t *ctx);

/* What a browser asks before it lets a page read this; others' words go. */
ngx_int_t ngx_hx_cors_headers(ngx_http_request_t *r, const ngx_hx_ctx_t *ctx);

/* Log phase: numbers, charge and record. */
ngx_int_t ngx_hx_meter_handler(ngx_http_request_t *r);

/* Numbers for this process' operations; before the first request. */
void ngx_hx_meter_init(ngx_hx_main_conf_t *mcf, ngx_log_t *log);

/*
 * Charge and record, once, now.  NGX_OK, or NGX_DECLINED: the record is lost,
 * and counted as such.
 */
ngx_int_t ngx_hx_meter_finish(ngx_http_request_t *r, ngx_hx_ctx_t *ctx);

/*
 * The context of a request that is to be recorded ("early": before its response
 * has gone), made when there is none.  NULL: it is not to be recorded, or there
 * is no memory, then the record is counted as lost.
 */
ngx_hx_ctx_t *ngx_hx_meter_ctx(ngx_http_request_t *r, ngx_uint_t early);

/*
 * A record behind the last one: NGX_OK and where it ends, it counts when the
 * box is advanced to there, and then put_done() follows; NGX_ERROR: it is lost,
 * and counted as such.  "waits": a response does; else the end of this round of
 * events is early enough.
 */
ngx_int_t ngx_hx_audit_put(const ngx_hx_audit_t *a,
    const hx_audit_record_t *rec, uint32_t *last, ngx_log_t *log);
void ngx_hx_audit_put_done(const ngx_hx_audit_t *a, ngx_uint_t waits);
void ngx_hx_audit_lose(const ngx_hx_audit_t *a, ngx_log_t *log);

/* The box of the last ngx_hx_audit_put(). */
hx_box_t *ngx_hx_audit_box(const ngx_hx_audit_t *a);

/*
 * Would a record be stored now?  NGX_OK, or NGX_DECLINED: the disk does not
 * take any.
 */
ngx_int_t ngx_hx_audit_ready(const ngx_hx_audit_t *a);

/* For ngx_hx_audit_t.trail; NULL = no memory. */
struct ngx_hx_trail_s *ngx_hx_audit_trail(ngx_pool_t *pool);

/* An ngx_open_file_t.flush: whole lines go to the file that is open now. */
void ngx_hx_audit_flush_file(ngx_open_file_t *file, ngx_log_t *log);
ngx_int_t ngx_hx_audit_init(const ngx_hx_main_conf_t *mcf, ngx_log_t *log);
void ngx_hx_audit_exit(const ngx_hx_main_conf_t *mcf);

/* ngx_hx_hold.c: nothing is answered that is not recorded. */
ngx_int_t ngx_hx_hold_filter_init(void);


/* admin/: content handlers */

ngx_int_t ngx_hx_admin_handler(ngx_http_request_t *r);

/* Is it GET /gate/usage, where a tenant's key is asked for? */
ngx_uint_t ngx_hx_admin_is_own(const ngx_http_request_t *r);

ngx_int_t ngx_hx_health_handler(ngx_http_request_t *r);
ngx_int_t ngx_hx_ready_handler(ngx_http_request_t *r);
ngx_int_t ngx_hx_metrics_handler(ngx_http_request_t *r);

/*
 * ngx_hx_webhook.c: steps, after preflight; the precontent phase; the content
 * handler of a location that has no other; the log phase
 */
ngx_int_t ngx_hx_webhook_read(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf);
ngx_int_t ngx_hx_webhook_verify(ngx_http_request_t *r, ngx_hx_ctx_t *ctx,
    const ngx_hx_loc_conf_t *lcf);
ngx_int_t ngx_hx_webhook_event(ngx_http_request_t *r);
ngx_int_t ngx_hx_webhook_handler(ngx_http_request_t *r);
ngx_int_t ngx_hx_webhook_log(ngx_http_request_t *r);

/* What came of an event, whose response has this status. */
hx_billing_result_t ngx_hx_event_result(const ngx_http_request_t *r,
    const ngx_hx_ctx_t *ctx, ngx_uint_t status);


/* module/ */

ngx_int_t ngx_hx_access_handler(ngx_http_request_t *r);
ngx_int_t ngx_hx_subrequest_handler(ngx_http_request_t *r);
ngx_int_t ngx_hx_add_variables(ngx_conf_t *cf);
extern ngx_command_t  ngx_hx_commands[];
void *ngx_hx_create_main_conf(ngx_conf_t *cf);
void *ngx_hx_create_loc_conf(ngx_conf_t *cf);
char *ngx_hx_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child);
ngx_int_t ngx_hx_check_main_conf(ngx_conf_t *cf, ngx_hx_main_conf_t *mcf);

#endif /* NGX_HX_GATE_H */
