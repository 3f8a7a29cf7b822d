/*
 * ngx_hx_fleet_limit.h -- between the files of the limits that a fleet shares:
 * a question to Redis, of a request or ahead of any.
 *
 *   ngx_hx_fleet_limit.c   the admit step: what is asked, and what holds then
 *   ngx_hx_fleet_ask.c     one question: sent, answered, put into the lease
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

    /* where in the phases the request waits */
    void                      **loc_conf;
    ngx_int_t                   phase;
    unsigned                    post_action:1;

    size_t                      id_len;
    u_char                      id[HX_TENANT_MAX];
};


/* ngx_hx_fleet_ask.c */

/* Of a clock that goes on while the machine sleeps, as leases need it; ns. */
uint64_t ngx_hx_fleet_limit_now(void);

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

#endif /* NGX_HX_FLEET_LIMIT_H */
