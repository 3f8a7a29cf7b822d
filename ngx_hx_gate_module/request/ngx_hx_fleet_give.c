/*
 * ngx_hx_fleet_give.c -- what was taken of a limit that all nodes share and is
 * not needed goes back: by one call that nobody waits for, and that is not made
 * again.  What is lost on the way is lost towards refusing.
 *
 * Rests of leases are looked for by one worker at a time, whichever is first,
 * as long as there are leases: each worker that has had one wakes up for it.
 */

#include "ngx_hx_fleet_limit.h"


#define NGX_HX_GIVE_PERIOD   10         /* ms */
#define NGX_HX_GIVE_SETS     64         /* of leases, looked at in one */
#define NGX_HX_GIVE_MOST     64         /* rests on their way */


typedef struct {
    hx_lease_table_t   *leases;         /* NULL: nobody has any */
    hx_metrics_fleet_t *metrics;
    ngx_uint_t          on_way;
    ngx_event_t         event;
    ngx_connection_t    dummy;
} ngx_hx_fleet_give_t;


static ngx_hx_fleet_give_t  ngx_hx_fleet_giver;


static void
ngx_hx_fleet_limit_given(void *data, const redisReply *reply,
    ngx_hx_redis_err_t err)
{
    hx_fleet_limit_ask_t     question;
    hx_fleet_limit_answer_t  answer;

    ngx_hx_fleet_giver.on_way--;

    ngx_memzero(&question, sizeof(hx_fleet_limit_ask_t));
    question.mode = HX_FLEET_LIMIT_GIVE;
    question.permits = UINT32_MAX;
    question.tenths = UINT32_MAX;

    if (ngx_hx_fleet_limit_read(&answer, &question, reply) != HX_OK) {
        ngx_hx_fleet_limit_complain(reply, err);
        return;
    }

    hx_metrics_count(&ngx_hx_fleet_giver.metrics->permits, answer.permits);
    hx_metrics_count(&ngx_hx_fleet_giver.metrics->tenths, answer.tenths);
}


void
ngx_hx_fleet_limit_give(const hx_str_t *tenant, const hx_lease_rest_t *rest)
{
    hx_fleet_limit_ask_t        q;
    const ngx_hx_fleet_conf_t  *conf;

    conf = ngx_hx_fleet.conf;

    /* what is asked for one by one has no ticket */

    if (conf == NULL
        || (rest->tenths == 0 && (rest->permits == 0 || rest->ticket == 0)))
    {
        return;
    }

    ngx_memzero(&q, sizeof(hx_fleet_limit_ask_t));

    q.prefix.data = conf->prefix.data;
    q.prefix.len = conf->prefix.len;
    q.tenant = *tenant;
    q.mode = HX_FLEET_LIMIT_GIVE;
    q.quota = UINT64_MAX;
    q.month = rest->month;
    q.tenths = rest->tenths;

    if (rest->ticket != 0 && ngx_hx_fleet_giver.leases != NULL) {
        q.node = hx_lease_table_node(ngx_hx_fleet_giver.leases);
        q.ticket = rest->ticket;
        q.permits = rest->permits;
        q.window[0] = rest->rate;
    }

    if (ngx_hx_fleet_limit_eval(&q, ngx_hx_fleet_limit_given, NULL) != NULL) {
        ngx_hx_fleet_giver.on_way++;
    }
}


void
ngx_hx_fleet_limit_settle(ngx_hx_ctx_t *ctx, uint32_t charged)
{
    hx_rc_t                rc;
    hx_str_t               id;
    hx_lease_t            *lease;
    ngx_uint_t             alone;
    hx_lease_rest_t        rest;
    ngx_hx_fleet_limit_t  *l;

    l = ctx->fleet_limit;

    if (l == NULL || l->taken <= charged) {
        return;
    }

    ngx_memzero(&rest, sizeof(hx_lease_rest_t));
    rest.tenths = l->taken - charged;
    rest.month = l->question.month;

    l->taken = 0;
    id.data = l->id;
    id.len = l->id_len;

    /* what it had asked for alone: leases may never need it */

    alone = l->lease.own && l->lease.number == 0;

    if (l->leases != NULL && !alone
        && hx_lease_table_enter(l->leases, &id, ngx_hx_fleet_limit_now(),
                                &lease)
           == HX_OK)
    {
        rc = hx_lease_refund(lease, rest.month, rest.tenths);
        hx_lease_table_leave(l->leases, lease);

        if (rc == HX_OK) {
            return;
        }
    }

    ngx_hx_fleet_limit_give(&id, &rest);
}


/* A piece of the table; leases stay where they are while Redis is away. */

static void
ngx_hx_fleet_limit_sweep(hx_lease_table_t *leases, uint64_t now,
    uint32_t *cursor)
{
    u_char            id[HX_TENANT_MAX];
    hx_rc_t           rc;
    hx_str_t          tenant;
    uint32_t          most;
    hx_lease_rest_t   rest;

    most = NGX_HX_GIVE_SETS;

    if (ngx_hx_fleet_redis() == NULL
        || !ngx_hx_redis_ready(ngx_hx_fleet_redis()))
    {
        return;
    }

    while (ngx_hx_fleet_giver.on_way < NGX_HX_GIVE_MOST) {

        rc = hx_lease_table_spare(leases, cursor, &most, now, id, &tenant.len,
                                  &rest);
        if (rc != HX_OK) {
            *cursor = rc == HX_NO ? 0 : *cursor;
            return;
        }

        tenant.data = id;
        ngx_hx_fleet_limit_give(&tenant, &rest);
    }
}


static void
ngx_hx_fleet_limit_tick(ngx_event_t *ev)
{
    uint32_t           cursor;
    uint64_t           now;
    hx_lease_table_t  *leases;

    leases = ngx_hx_fleet_giver.leases;
    now = ngx_hx_fleet_limit_now();

    if (hx_lease_table_turn(leases, now, NGX_HX_GIVE_PERIOD * 1000000,
                            &cursor)
        == HX_OK)
    {
        ngx_hx_fleet_limit_sweep(leases, now, &cursor);
        hx_lease_table_turned(leases, cursor);
    }

    if (!ngx_exiting && hx_lease_table_busy(leases)) {
        ngx_add_timer(ev, NGX_HX_GIVE_PERIOD);
    }
}


void
ngx_hx_fleet_limit_look_after(void)
{
    ngx_hx_fleet_give_t  *g;

    g = &ngx_hx_fleet_giver;

    if (g->leases != NULL && !g->event.timer_set && !ngx_exiting) {
        ngx_add_timer(&g->event, NGX_HX_GIVE_PERIOD);
    }
}


void
ngx_hx_fleet_limit_init(const ngx_hx_main_conf_t *mcf, ngx_log_t *log)
{
    ngx_hx_fleet_give_t  *g;

    g = &ngx_hx_fleet_giver;
    ngx_memzero(g, sizeof(ngx_hx_fleet_give_t));

    g->metrics = &ngx_hx_shared(mcf)->fleet;

    if (ngx_hx_fleet_redis() != NULL) {
        ngx_hx_redis_share(ngx_hx_fleet_redis(), &g->metrics->redis);
    }

    if (mcf->leases == NULL) {
        return;
    }

    g->leases = mcf->leases->data;
    g->dummy.fd = (ngx_socket_t) -1;
    g->event.handler = ngx_hx_fleet_limit_tick;
    g->event.data = &g->dummy;
    g->event.log = log;
    g->event.cancelable = 1;

    /* of a worker that is gone there may be some */

    ngx_hx_fleet_limit_look_after();
}
