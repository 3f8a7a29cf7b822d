/*
 * hx_lease.c -- see hx_lease.h.  Where a process may be killed between two
 * stores, the one that takes comes first and the one that gives last; fences
 * keep the compiler to that order.
 */

#include <string.h>

#include "hx_lease.h"

#define HX_LEASE_MS        UINT64_C(1000000)
#define HX_LEASE_SECOND    UINT64_C(1000000000)
#define HX_LEASE_LIFE_MAX  60000            /* ms, HX_FLEET_LIMIT_LIFE_MAX */

/* A pace is in requests in 1024 s: what becomes one a second is this. */
#define HX_LEASE_PACE      UINT64_C(1024)

#define hx_lease_fence()   __atomic_signal_fence(__ATOMIC_SEQ_CST)

_Static_assert(sizeof(hx_lease_part_t) == 32, "no holes");
_Static_assert(sizeof(hx_lease_t) == 160, "as hx_lease.h says");


static inline uint64_t
hx_lease_min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}


static inline uint64_t
hx_lease_max(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}


static inline int
hx_lease_good(const hx_lease_part_t *p, uint64_t now)
{
    return p->left != 0 && now < p->until;
}


/* The part to use up first, or -1. */
static int
hx_lease_which(const hx_lease_t *l, uint64_t now)
{
    int  a, b;

    a = hx_lease_good(&l->part[0], now);
    b = hx_lease_good(&l->part[1], now);

    if (a && b) {
        return l->part[1].until < l->part[0].until;
    }

    return a ? 0 : b ? 1 : -1;
}


/* Is there an answer to wait for? */
static inline int
hx_lease_pending(const hx_lease_t *l, uint64_t now)
{
    return l->asked != 0 && now < l->asked + HX_LEASE_PATIENCE;
}


static void
hx_lease_view(const hx_lease_t *l, uint64_t now, hx_window_view_t *view)
{
    unsigned  i;
    uint64_t  n;

    n = l->room;

    for (i = 0; i < 2; i++) {
        n += hx_lease_good(&l->part[i], now) ? l->part[i].left : 0;
    }

    view->remaining = (uint32_t) hx_lease_min(n, l->requests);
    view->reset = now < l->reset ? l->reset - now
                                 : l->window_s * HX_LEASE_SECOND;
    view->retry = 0;
}


static void
hx_lease_view_refused(const hx_lease_t *l, uint64_t now,
    hx_window_view_t *view)
{
    view->remaining = 0;
    view->retry = hx_lease_max(l->retry, now + HX_LEASE_MS) - now;
    view->reset = hx_lease_max(now < l->reset ? l->reset - now : 0,
                               view->retry);
}


/* Requests in 1024 s that came since "since"; few of them say nothing yet. */
static uint64_t
hx_lease_pace(uint64_t seen, uint64_t ns)
{
    return hx_lease_min(seen * HX_LEASE_PACE * HX_LEASE_SECOND
                        / hx_lease_max(ns, HX_LEASE_MS), UINT32_MAX);
}


static void
hx_lease_observe(hx_lease_t *l, const hx_lease_need_t *need, uint64_t now)
{
    uint64_t  ns, pace, period;

    period = need->rate.window_s * HX_LEASE_SECOND / 64;
    period = hx_lease_max(hx_lease_min(period, HX_LEASE_SECOND),
                          10 * HX_LEASE_MS);

    if (l->since == 0 || now < l->since) {
        l->since = now;
        l->seen = 0;
    }

    ns = now - l->since;

    if (ns >= period) {
        pace = hx_lease_pace(l->seen, ns);
        l->pace = (uint32_t) (ns >= 8 * period ? pace : (l->pace + pace) / 2);
        l->since = now;
        l->seen = 0;
    }

    l->seen += l->seen < 10000000;      /* no product overflows */
    l->last = now;

    /* rises at once and falls slowly: a sum that is short costs a question */

    pace = hx_lease_min((uint64_t) need->cost * 16, UINT32_MAX);
    l->cost = (uint32_t) (pace > l->cost ? pace
                                         : l->cost - (l->cost - pace) / 64);
}


/* What every request begins with: the limit and the month as they are now. */
static void
hx_lease_enter(hx_lease_t *l, const hx_lease_need_t *need, uint64_t now)
{
    if (l->requests != need->rate.requests
        || l->window_s != need->rate.window_s)
    {
        l->requests = need->rate.requests;
        l->window_s = need->rate.window_s;
        l->retry = 0;
        l->room = 0;
    }

    if (need->month != 0 && l->month != need->month) {
        l->tenths = 0;
        hx_lease_fence();
        l->month = need->month;
        l->retry_quota = 0;
        l->rest = 0;
    }

    hx_lease_observe(l, need, now);
}


/* Permits that a lease would have, and how long; fewer than MIN = none. */
static uint32_t
hx_lease_size(const hx_lease_t *l, uint64_t now, uint32_t *life)
{
    uint64_t  ms, pace, size, window;

    if (l->requests <= HX_LEASE_STRICT) {
        return 0;
    }

    pace = l->pace;

    if (l->seen >= 16) {
        pace = hx_lease_max(pace, hx_lease_pace(l->seen, now - l->since));
    }

    window = (uint64_t) l->window_s * 1000;

    ms = HX_LEASE_TARGET * 3 / 2 * 1000 * HX_LEASE_PACE
         / hx_lease_max(pace, 1);
    ms = hx_lease_max(ms, window / HX_LEASE_SHORTEST);
    ms = hx_lease_min(ms, window / HX_LEASE_LONGEST);
    ms = hx_lease_min(ms, HX_LEASE_LIFE_MAX);

    size = pace * ms / 1000 * 2 / 3 / HX_LEASE_PACE;
    size = hx_lease_min(size, l->requests / 16);
    size = hx_lease_min(size, hx_lease_max(l->room / 4, l->requests / 64));

    *life = (uint32_t) ms;
    return (uint32_t) size;
}


static void
hx_lease_tenths(const hx_lease_t *l, const hx_lease_need_t *need,
    hx_lease_question_t *q)
{
    uint64_t  want;

    want = q->permits > q->own ? q->permits
                               : (uint64_t) l->part[0].left + l->part[1].left;

    if (need->month == 0) {
        return;
    }

    q->month = need->month;

    if (q->own) {
        q->own_tenths = need->cost;
        q->tenths_min = need->cost;
    }

    /* for the permits that there will be then */

    want = q->number != 0 ? want * l->cost / 16 : 0;
    want = hx_lease_min(want, ((uint64_t) l->rest + l->tenths) / 4);
    want = want > l->tenths ? want - l->tenths : 0;

    q->tenths = (uint32_t) hx_lease_min(hx_lease_max(want, q->own_tenths),
                                        UINT32_MAX / 2);
}


/* A question for a lease, when it is worth one, or for tenths alone, where
 * there are permits enough; 0 = neither. */
static int
hx_lease_ask(hx_lease_t *l, const hx_lease_need_t *need, uint64_t now,
    uint32_t own, hx_lease_question_t *q)
{
    int       full;
    uint32_t  life, size;

    if (hx_lease_pending(l, now)) {
        return 0;
    }

    full = hx_lease_good(&l->part[0], now) && hx_lease_good(&l->part[1], now);
    life = 0;
    size = full ? 0 : hx_lease_size(l, now, &life);

    if (size < HX_LEASE_MIN && !full) {
        return 0;
    }

    l->question = l->question == UINT32_MAX ? 1 : l->question + 1;
    l->asked = now;

    q->number = l->question;
    q->permits = size + own;
    q->life = life;
    q->own = own;
    hx_lease_tenths(l, need, q);
    return 1;
}


/* Is it time for the next lease, while there is this one? */
static int
hx_lease_low(const hx_lease_t *l, const hx_lease_part_t *p, uint64_t now)
{
    uint64_t                come;
    const hx_lease_part_t  *other;

    other = p == &l->part[0] ? &l->part[1] : &l->part[0];

    if (hx_lease_good(other, now) || now < l->retry) {
        return 0;
    }

    /* while three answers take */
    come = (uint64_t) l->pace * l->delay / 1000000 * 3 / HX_LEASE_PACE;

    return p->left <= p->size / 3
           || p->left <= come
           || p->until - now < p->life * HX_LEASE_MS / 4;
}


/*
 * The window refused until just now, and whether it still does is being asked:
 * a crowd in front of it would ask the same one by one.
 */
static inline int
hx_lease_doubtful(const hx_lease_t *l, uint64_t now)
{
    return l->retry != 0 && hx_lease_pending(l, now)
           && now < l->retry + l->window_s * HX_LEASE_SECOND
                               / HX_LEASE_SHORTEST;
}


hx_lease_rc_t
hx_lease_take(hx_lease_t *l, const hx_lease_need_t *need, uint64_t now,
    hx_window_view_t *view, hx_lease_question_t *question)
{
    int               i;
    hx_lease_part_t  *p;

    memset(question, 0, sizeof(hx_lease_question_t));
    question->asked = now;

    hx_lease_enter(l, need, now);

    i = hx_lease_which(l, now);

    if (i >= 0 && (need->month == 0 || need->cost <= l->tenths)) {
        p = &l->part[i];

        if (need->month != 0) {
            l->tenths -= need->cost;
            hx_lease_fence();
        }

        p->left--;
        hx_lease_fence();
        hx_lease_view(l, now, view);

        return hx_lease_low(l, p, now) && hx_lease_ask(l, need, now, 0,
                                                       question)
               ? HX_LEASE_AHEAD : HX_LEASE_ADMITTED;
    }

    if (now < l->retry || hx_lease_doubtful(l, now)) {
        hx_lease_view_refused(l, now, view);
        return HX_LEASE_RATE;
    }

    if (need->month != 0 && now < l->retry_quota) {
        hx_lease_view(l, now, view);
        return HX_LEASE_QUOTA;
    }

    if (!hx_lease_ask(l, need, now, 1, question)) {
        question->permits = 1;
        question->own = 1;
        hx_lease_tenths(l, need, question);
    }

    return HX_LEASE_ASK;
}


hx_lease_rc_t
hx_lease_look(const hx_lease_t *l, const hx_lease_need_t *need, uint64_t now,
    hx_window_view_t *view)
{
    if (hx_lease_which(l, now) >= 0
        && (need->month == 0
            || (need->month == l->month && need->cost <= l->tenths)))
    {
        hx_lease_view(l, now, view);
        return HX_LEASE_ADMITTED;
    }

    if (l->requests == need->rate.requests
        && l->window_s == need->rate.window_s
        && (now < l->retry || hx_lease_doubtful(l, now)))
    {
        hx_lease_view_refused(l, now, view);
        return HX_LEASE_RATE;
    }

    if (need->month != 0 && need->month == l->month && now < l->retry_quota) {
        hx_lease_view(l, now, view);
        return HX_LEASE_QUOTA;
    }

    return HX_LEASE_ASK;
}


/* Puts permits away: HX_NO = there is no room for them, or no time. */
static hx_rc_t
hx_lease_put(hx_lease_t *l, const hx_lease_question_t *q,
    const hx_lease_answer_t *answer, uint32_t permits, uint64_t now)
{
    uint64_t          until;
    hx_lease_part_t  *p;

    until = q->asked + answer->life * HX_LEASE_MS;
    p = !hx_lease_good(&l->part[0], now) ? &l->part[0] : &l->part[1];

    if (now >= until || hx_lease_good(p, now)) {
        return HX_NO;
    }

    p->left = 0;
    hx_lease_fence();
    p->until = until;
    p->ticket = answer->ticket;
    p->size = permits;
    p->life = answer->life;
    hx_lease_fence();
    p->left = permits;

    return HX_OK;
}


static void
hx_lease_refused(hx_lease_t *l, const hx_lease_answer_t *answer, uint64_t now)
{
    if (answer->quota) {
        l->retry_quota = now + HX_LEASE_QUOTA_WAIT;

    } else {
        l->retry = now + answer->retry * HX_LEASE_MS;
    }
}


static void
hx_lease_admitted(hx_lease_t *l, const hx_lease_question_t *q,
    const hx_lease_answer_t *answer, int mine, uint64_t now,
    hx_lease_rest_t *rest)
{
    uint32_t  permits, tenths;

    l->retry = 0;
    l->retry_quota = 0;

    permits = answer->permits > q->own ? answer->permits - q->own : 0;
    tenths = answer->tenths > q->own_tenths ? answer->tenths - q->own_tenths
                                            : 0;

    if (tenths != 0 && hx_lease_refund(l, q->month, tenths) != HX_OK) {
        rest->tenths = tenths;
    }

    if (permits != 0
        && (!mine || hx_lease_put(l, q, answer, permits, now) != HX_OK))
    {
        rest->permits = permits;
        rest->ticket = answer->ticket;
    }

    rest->month = q->month;
}


void
hx_lease_told(hx_lease_t *l, const hx_lease_question_t *question,
    const hx_lease_answer_t *answer, uint64_t now, hx_window_view_t *view,
    hx_lease_rest_t *rest)
{
    int       mine;
    uint64_t  us;

    *rest = (hx_lease_rest_t) { .rate.requests = l->requests,
                                .rate.window_s = l->window_s };

    mine = question->number != 0 && l->asked != 0
           && question->number == l->question;

    if (mine) {
        l->asked = 0;
        hx_lease_fence();
    }

    if (answer->rc == HX_OK || answer->rc == HX_NO) {
        us = hx_lease_min((now - question->asked) / 1000, UINT32_MAX / 8);
        l->delay = (uint32_t) ((l->delay * UINT64_C(7) + us) / 8);
        l->room = answer->remaining;
        l->rest = question->month == l->month ? answer->rest : l->rest;
        l->reset = now + answer->reset * HX_LEASE_MS;
    }

    if (answer->rc == HX_OK) {
        hx_lease_admitted(l, question, answer, mine, now, rest);

    } else if (answer->rc == HX_NO) {
        hx_lease_refused(l, answer, now);
    }

    if (answer->rc == HX_NO && !answer->quota) {
        hx_lease_view_refused(l, now, view);

    } else {
        hx_lease_view(l, now, view);
    }
}


hx_rc_t
hx_lease_refund(hx_lease_t *l, unsigned month, uint32_t tenths)
{
    if (month == 0 || month != l->month) {
        return HX_NO;
    }

    l->tenths += tenths < UINT32_MAX - l->tenths ? tenths
                                                 : UINT32_MAX - l->tenths;
    return HX_OK;
}


hx_rc_t
hx_lease_spare(hx_lease_t *l, uint64_t now, hx_lease_rest_t *rest)
{
    unsigned          i;
    uint64_t          quarter;
    hx_lease_part_t  *p;

    *rest = (hx_lease_rest_t) { .rate.requests = l->requests,
                                .rate.window_s = l->window_s };

    for (i = 0; i < 2; i++) {
        p = &l->part[i];
        quarter = p->life * HX_LEASE_MS / 4;

        if (hx_lease_good(p, now) && p->until - now <= quarter
            && l->last + quarter <= now)
        {
            rest->ticket = p->ticket;
            rest->permits = p->left;
            p->left = 0;
            hx_lease_fence();
            return HX_OK;
        }
    }

    if (l->tenths != 0 && l->last + HX_LEASE_PATIENCE <= now
        && hx_lease_which(l, now) < 0 && !hx_lease_pending(l, now))
    {
        rest->tenths = l->tenths;
        rest->month = l->month;
        l->tenths = 0;
        hx_lease_fence();
        return HX_OK;
    }

    return HX_NO;
}


int
hx_lease_idle(const hx_lease_t *l, uint64_t now)
{
    return hx_lease_which(l, now) < 0 && l->tenths == 0 && now >= l->retry
           && now >= l->retry_quota && !hx_lease_pending(l, now);
}
