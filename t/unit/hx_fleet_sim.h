/*
 * hx_fleet_sim.h -- five nodes that share one tenant's limit by leases and a
 * real Redis, in a simulated time: questions and answers take a while and
 * overtake each other, nodes die with permits unused and with answers on their
 * way, rests are given back, limits change.
 */

#ifndef HX_FLEET_SIM_H
#define HX_FLEET_SIM_H

#include "hx_fleet_books.h"


static inline void
send(const event_t *from, const hx_lease_question_t *question)
{
    event_t  e;

    e = *from;
    e.kind = ASKED;
    e.at = sim.now + 1 + test_below(sim.delay);
    e.life = sim.node[e.node].life;
    e.question = *question;
    put(&e);
}


/* Has it any permits? */
static inline int
has_permits(const node_t *node)
{
    hx_lease_need_t   need;
    hx_window_view_t  view;

    memset(&need, 0, sizeof(need));
    need.rate = sim.rate;

    return hx_lease_look(&node->lease, &need, clock_of(node), &view)
           == HX_LEASE_ADMITTED;
}


static inline void
arrive(const event_t *e)
{
    node_t               *node;
    hx_lease_rc_t         rc;
    hx_lease_need_t       need;
    hx_window_view_t      view;
    hx_lease_question_t   question;

    node = &sim.node[e->node];

    if (e->node < sim.late && has_permits(node)) {
        later(ARRIVE, e->node, node->gap);
        return;
    }

    later(ARRIVE, e->node,
          sim.bursts ? (test_below(50) != 0 ? test_below(node->gap / 50 + 1)
                                            : test_below(node->gap * 98))
                     : test_below(2 * node->gap));

    memset(&need, 0, sizeof(need));
    need.rate = sim.rate;
    sim.requests++;

    rc = hx_lease_take(&node->lease, &need, clock_of(node), &view, &question);

    switch (rc) {

    case HX_LEASE_ADMITTED:
        used();
        break;

    case HX_LEASE_AHEAD:
        used();
        send(e, &question);
        break;

    case HX_LEASE_ASK:
        send(e, &question);
        break;

    default:
        assert_int_equal(rc, HX_LEASE_RATE);
        assert_true(view.retry > 0);
        sim.refused++;
    }
}


static inline void
asked(event_t *e)
{
    hx_fleet_limit_answer_t  a;

    sim.ask.mode = HX_FLEET_LIMIT_TAKE;
    sim.ask.node = test_str(sim.node[e->node].name);
    sim.ask.permits = e->question.permits;
    sim.ask.permits_min = 1;
    sim.ask.life = e->question.life;

    if (sim.longest < e->question.life * UINT64_C(1000)) {
        sim.longest = e->question.life * UINT64_C(1000);
    }

    redis_now = sim.now;
    a = redis_ask(&sim.ask);
    sim.operations++;
    sim.questions++;

    if (a.verdict == HX_FLEET_LIMIT_ADMITTED) {
        took(&a);

        if (e->question.own) {
            used();
        }

    } else {
        if (sim.widest == 0) {
            check_refused();
        }

        sim.refused += e->question.own;
    }

    memset(&e->answer, 0, sizeof(e->answer));
    e->answer.rc = a.verdict == HX_FLEET_LIMIT_ADMITTED ? HX_OK : HX_NO;
    e->answer.permits = a.permits;
    e->answer.remaining = a.remaining;
    e->answer.reset = a.reset;
    e->answer.retry = a.retry;
    e->answer.ticket = a.ticket;
    e->answer.life = a.life;
    e->kind = TOLD;
    e->at = sim.now + 1 + test_below(sim.delay);
    put(e);
}


static inline void
rush_later(const event_t *e)
{
    uint64_t  life, old;

    life = e->answer.life * UINT64_C(1000);
    old = (clock_of(&sim.node[e->node]) - e->question.asked) / 1000;

    if (old + 1 < life) {
        later(RUSH, e->node, test_below(16) < sim.early ? life - old - 1
                             : life - old + test_below(life) / 2);
    }
}


static inline void
told(const event_t *e)
{
    node_t            *node;
    hx_lease_rest_t    rest;
    hx_window_view_t   view;

    node = &sim.node[e->node];

    if (e->life != node->life) {
        return;                         /* whoever asked is dead */
    }

    hx_lease_told(&node->lease, &e->question, &e->answer, clock_of(node),
                  &view, &rest);
    give(node, &rest);

    if (e->node < sim.late && e->answer.permits > 1) {
        rush_later(e);
    }
}


/* As many requests at once as there are permits. */
static inline void
rush(const event_t *e)
{
    node_t               *node;
    hx_lease_need_t       need;
    hx_window_view_t      view;
    hx_lease_question_t   question;

    node = &sim.node[e->node];
    memset(&need, 0, sizeof(need));
    need.rate = sim.rate;

    while (has_permits(node)) {
        sim.requests++;
        used();

        if (hx_lease_take(&node->lease, &need, clock_of(node), &view,
                          &question) == HX_LEASE_AHEAD)
        {
            send(e, &question);
        }
    }
}


static inline void
sweep(const event_t *e)
{
    node_t           *node;
    hx_lease_rest_t   rest;

    node = &sim.node[e->node];

    while (e->node >= sim.late
           && hx_lease_spare(&node->lease, clock_of(node), &rest) == HX_OK)
    {
        give(node, &rest);
    }

    later(SWEEP, e->node, window_us() / 256);
}


static inline void
die(const event_t *e)
{
    node_t  *node;

    node = &sim.node[e->node];
    memset(&node->lease, 0, sizeof(node->lease));
    node->life++;
    node->skew = test_below(SECOND) * SECOND;
    later(DIE, (unsigned) test_below(NODES), test_below(2 * sim.gap));
}


static inline void
change_limit(const event_t *e)
{
    static const uint32_t  limits[] = { 50, 300, 2000, 5000, 20000 };
    static const uint32_t  windows[] = { 5, 10, 12, 60 };

    assert_true(change_n < hx_nelts(change));
    change[change_n].until = sim.now;
    change[change_n++].rate = sim.rate;

    if (test_below(3) != 0) {
        sim.rate.requests = limits[test_below(hx_nelts(limits))];
    }

    if (test_below(3) == 0) {
        sim.rate.window_s = windows[test_below(hx_nelts(windows))];
    }

    sim.ask.window[0] = sim.rate;
    later(CHANGE, 0, test_below(2 * sim.widest));
}


/* Requests a second of all nodes, in shares that differ. */
static inline void
begin(uint32_t requests, uint32_t window_s, double rps)
{
    unsigned  i;
    double    share[NODES], sum;

    redis_flush();
    redis_load_clocked();
    memset(&sim, 0, sizeof(sim));
    use_first = use_n = taking_first = taking_n = 0;
    taken = 0;
    change_n = 0;

    sim.now = BEGIN + test_below(SECOND * 1000000);
    sim.delay = 200 + test_below(3000);
    sim.rate.requests = requests;
    sim.rate.window_s = window_s;
    sim.ask.prefix = test_str("hx-gate");
    sim.ask.tenant = test_str("acme");
    sim.ask.quota = UINT64_MAX;
    sim.ask.window[0] = sim.rate;
    sum = 0;

    for (i = 0; i < NODES; i++) {
        share[i] = 1 + (double) test_below(10);
        sum += share[i];
    }

    for (i = 0; i < NODES; i++) {
        (void) snprintf(sim.node[i].name, sizeof(sim.node[i].name), "n%u", i);
        sim.node[i].skew = test_below(SECOND) * SECOND;
        sim.node[i].gap = (uint64_t) (1e6 * sum / share[i] / rps) + 1;
        later(ARRIVE, i, test_below(sim.node[i].gap));
        later(SWEEP, i, 1);
    }
}


static inline void
run(uint64_t us)
{
    event_t   e;
    uint64_t  end;

    end = sim.now + us;

    while (sim.heap[0].at < end) {
        e = get();
        sim.now = e.at;

        switch (e.kind) {
        case ARRIVE:
            arrive(&e);
            break;
        case ASKED:
            asked(&e);
            break;
        case TOLD:
            told(&e);
            break;
        case SWEEP:
            sweep(&e);
            break;
        case RUSH:
            rush(&e);
            break;
        case CHANGE:
            change_limit(&e);
            break;
        case DIE:
            die(&e);
        }
    }
}


static inline void
report(const char *what)
{
    if (getenv("HX_TEST_SAY") != NULL) {
        print_message("%s: N %u W %u: %llu requests, %zu admitted, %llu "
                      "refused, %llu operations (%.5f a request, %.5f an "
                      "admitted one), %llu given back\n", what,
                      sim.rate.requests, sim.rate.window_s,
                      (unsigned long long) sim.requests, use_n,
                      (unsigned long long) sim.refused,
                      (unsigned long long) sim.operations,
                      (double) sim.operations / (double) sim.requests,
                      (double) sim.operations / (double) use_n,
                      (unsigned long long) sim.given);
    }
}

#endif /* HX_FLEET_SIM_H */
