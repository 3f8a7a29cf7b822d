/*
 * hx_test_lease.h -- one lease, a tenant's requests, and what Redis would say.
 */

#ifndef HX_TEST_LEASE_H
#define HX_TEST_LEASE_H

#include "hx_test.h"

#include "hx_lease.h"

#define MS      UINT64_C(1000000)
#define SECOND  UINT64_C(1000000000)

static hx_lease_t           lease;
static hx_lease_need_t      need;
static hx_lease_question_t  question;
static hx_lease_rest_t      rest;
static uint32_t             quota_left;     /* as Redis would say */
static hx_window_view_t     view;
static uint64_t             now;


static inline int
begin(void **state)
{
    memset(&lease, 0, sizeof(lease));
    memset(&need, 0, sizeof(need));
    need.rate.requests = 100000;
    need.rate.window_s = 10;
    now = 5000 * SECOND;
    quota_left = 100000000;

    return 0;
}


static inline hx_lease_rc_t
take(void)
{
    return hx_lease_take(&lease, &need, now, &view, &question);
}


static inline void
tell(hx_rc_t rc, uint32_t permits, uint32_t remaining, uint64_t retry)
{
    hx_lease_answer_t  answer;

    memset(&answer, 0, sizeof(answer));
    answer.rc = rc;
    answer.permits = permits;
    answer.tenths = rc == HX_OK ? question.tenths : 0;
    answer.remaining = remaining;
    answer.rest = quota_left;
    answer.reset = 9000;
    answer.retry = retry;
    answer.ticket = 700 + question.number;
    answer.life = question.life;

    hx_lease_told(&lease, &question, &answer, now, &view, &rest);
}


/* A tenant that has been asking for a while, "pace" times a second. */
static inline void
warm(uint64_t pace)
{
    unsigned       i;
    hx_lease_rc_t  rc;

    for (i = 0; i < 2 * pace; i++) {
        now += SECOND / pace;
        rc = take();

        if (rc == HX_LEASE_ASK || rc == HX_LEASE_AHEAD) {
            tell(HX_OK, question.permits, need.rate.requests / 2, 0);
        }
    }

    lease.part[0].left = 0;
    lease.part[1].left = 0;
}

#endif /* HX_TEST_LEASE_H */
