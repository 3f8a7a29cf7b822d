/*
 * ngx_hx_fleet_give.c -- what was taken of a limit that all nodes share and is
 * not needed goes back: by one call that nobody waits for, and that is not made
 * again.  What is lost on the way is lost towards refusing.
 */

#include "ngx_hx_fleet_limit.h"


static void
ngx_hx_fleet_limit_given(void *data, const redisReply *reply,
    ngx_hx_redis_err_t err)
{
    hx_fleet_limit_ask_t     question;
    hx_fleet_limit_answer_t  answer;

    ngx_memzero(&question, sizeof(hx_fleet_limit_ask_t));
    question.mode = HX_FLEET_LIMIT_GIVE;
    question.permits = UINT32_MAX;
    question.tenths = UINT32_MAX;

    if (ngx_hx_fleet_limit_read(&answer, &question, reply) != HX_OK) {
        ngx_hx_fleet_limit_complain(reply, err);
    }
}


void
ngx_hx_fleet_limit_give(const hx_str_t *tenant, const hx_lease_rest_t *rest)
{
    hx_fleet_limit_ask_t        q;
    const ngx_hx_fleet_conf_t  *conf;

    conf = ngx_hx_fleet.conf;

    if (conf == NULL || rest->tenths == 0) {
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

    (void) ngx_hx_fleet_limit_eval(&q, ngx_hx_fleet_limit_given, NULL);
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
