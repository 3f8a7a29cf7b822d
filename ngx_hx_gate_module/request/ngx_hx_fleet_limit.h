/*
 * ngx_hx_fleet_limit.h -- between the files of the limits that a fleet shares:
 * a question to Redis, of a request or ahead of any.
 *
 *   ngx_hx_fleet_limit.c   the admit step: what is asked, and what holds then
 *   ngx_hx_fleet_ask.c     one question: sent, answered, put into the lease
 *   ngx_hx_fleet_give.c    what is not needed goes back
 */

#ifndef NGX_HX_FLEET_LIMIT_H
#define NGX_HX_FLEET_LIMIT_H

#include "ngx_hx_gate.h"

#include "hx_fleet_limit.h"
#include "hx_lease_table.h"
#include "ngx_hx_fleet.h"


/*
 * On the heap: the request, whose pool's cleanup frees it, may go away before
 * the answer comes, which then is for others.  Not to be moved: the question
 * points into it.
 */
struct ngx_hx_fleet_limit_s {
    ngx_http_request_t         *request;    /* NULL: nobody waits for it */
    ngx_hx_redis_ask_t         *ask;        /* on its way */
    hx_lease_table_t           *leases;     /* NULL: strict */
    hx_rc_t                     rc;         /* OK, NO, FAIL; PENDING */
    hx_fleet_limit_ask_t        question;
    hx_fleet_limit_answer_t     answer;
    hx_lease_question_t         lease;
    hx_window_view_t            view;
    uint32_t                    cost;       /* tenths of the request; 0 without
                                             * a quota */
    uint32_t                    taken;      /* that are set aside for it */
    unsigned                    quota:1;    /* refused by the quota */

    /* where in the phases the request waits */
    void                      **loc_conf;
    ngx_int_t                   phase;
    ngx_uint_t                  post_action;

    size_t                      id_len;
    u_char                      id[HX_TENANT_MAX];
};


/* ngx_hx_fleet_ask.c */

/* Of a clock that goes on while the machine sleeps, as leases need it; ns. */
uint64_t ngx_hx_fleet_limit_now(void);

/*
 * The script with any question.  NULL: it is not to be had, the log says why.
 */
ngx_hx_redis_ask_t *ngx_hx_fleet_limit_eval(
    const hx_fleet_limit_ask_t *question, ngx_hx_redis_done_pt done,
    void *data);

/* Says why there is no answer, once a second at most. */
void ngx_hx_fleet_limit_complain(const redisReply *reply,
    ngx_hx_redis_err_t err);

/* Does the reply answer the question?  HX_OK or HX_FAIL. */
hx_rc_t ngx_hx_fleet_limit_read(hx_fleet_limit_answer_t *answer,
    const hx_fleet_limit_ask_t *question, const redisReply *reply);

/*
 * Puts the question on its way: NGX_OK, and l->rc is PENDING until its answer
 * has come; then the request, if there is one, goes on.  NGX_ERROR: it is not
 * to be had, l->rc is FAIL.
 */
ngx_int_t ngx_hx_fleet_limit_send(ngx_hx_fleet_limit_t *l);

/*
 * A permit of this node's lease: OK or NO at once; PENDING: l->question is to
 * be sent.
 */
hx_rc_t ngx_hx_fleet_limit_take(ngx_hx_fleet_limit_t *l, ngx_log_t *log);

/* Whoever asked is gone: frees it, now or when its answer has come. */
void ngx_hx_fleet_limit_leave(ngx_hx_fleet_limit_t *l);


/* ngx_hx_fleet_give.c */

/* Gives back what a tenant does not need: nobody waits for it. */
void ngx_hx_fleet_limit_give(const hx_str_t *tenant,
    const hx_lease_rest_t *rest);

/* There are leases now: looks for rests until there are none. */
void ngx_hx_fleet_limit_look_after(void);

#endif /* NGX_HX_FLEET_LIMIT_H */
