/*
 * hx_fleet_lease_test.c -- five nodes that share one tenant's limit by leases
 * and a real Redis, in a simulated time: questions and answers take a while and
 * overtake each other, nodes die with permits unused and with answers on their
 * way, rests are given back.  By the true instants of use there are never more
 * than N in any window; Redis refuses only for what was taken from it; and what
 * it all costs is counted.
 */

#include "hx_test_redis.h"

#include "hx_lease.h"

#define SEEDS    20
#define NODES    5
#define EVENTS   4096
#define USES     ((size_t) 1 << 21)
#define TAKINGS  ((size_t) 1 << 18)
#define SECOND   UINT64_C(1000000)      /* us */
#define BEGIN    (UINT64_C(1795000000) * SECOND)

typedef enum { ARRIVE, ASKED, TOLD, SWEEP, DIE, RUSH } kind_t;

typedef struct {
    uint64_t              at;
    kind_t                kind;
    unsigned              node;
    unsigned              life;         /* of the node: which one asked */
    hx_lease_question_t   question;
    hx_lease_answer_t     answer;
} event_t;

typedef struct {
    hx_lease_t   lease;
    unsigned     life;
    uint64_t     skew;                  /* ns; of its clock */
    uint64_t     gap;                   /* us between requests; 0 = none */
    char         name[8];
} node_t;

typedef struct {
    uint64_t   at;
    uint64_t   n;
    uint64_t   ticket;
} taking_t;

static struct {
    uint64_t               now;
    uint64_t               delay;       /* us, at most, one way */
    uint64_t               longest;     /* us; life of a lease */
    uint64_t               gap;         /* us between deaths; 0 = none */
    unsigned               bursts:1;
    unsigned               early;       /* of 16 times they are in time */
    unsigned               late;        /* nodes that use what they have when
                                         * it is about to be void, and after */
    hx_rate_t              rate;
    node_t                 node[NODES];
    event_t                heap[EVENTS];
    size_t                 n;
    uint64_t               requests, refused, operations, questions;
    uint64_t               given;
    hx_fleet_limit_ask_t   ask;
} sim;

static uint64_t  *use;                  /* instants */
static size_t     use_first, use_n;
static taking_t  *taking;
static size_t     taking_first, taking_n;
static uint64_t   taken;                /* that may count */


static void
put(const event_t *e)
{
    size_t  i;

    assert_true(sim.n < EVENTS);

    for (i = sim.n++; i != 0 && sim.heap[(i - 1) / 2].at > e->at;
         i = (i - 1) / 2)
    {
        sim.heap[i] = sim.heap[(i - 1) / 2];
    }

    sim.heap[i] = *e;
}


static event_t
get(void)
{
    size_t   i, j;
    event_t  e, last;

    e = sim.heap[0];
    last = sim.heap[--sim.n];

    for (i = 0; 2 * i + 1 < sim.n; i = j) {
        j = 2 * i + 1;
        j += j + 1 < sim.n && sim.heap[j + 1].at < sim.heap[j].at;

        if (last.at <= sim.heap[j].at) {
            break;
        }

        sim.heap[i] = sim.heap[j];
    }

    sim.heap[i] = last;

    return e;
}


static void
later(kind_t kind, unsigned node, uint64_t us)
{
    event_t  e;

    memset(&e, 0, sizeof(e));
    e.at = sim.now + us;
    e.kind = kind;
    e.node = node;
    e.life = sim.node[node].life;
    put(&e);
}


static uint64_t
window_us(void)
{
    return sim.rate.window_s * SECOND;
}


static uint64_t
clock_of(const node_t *node)
{
    return sim.now * 1000 + node->skew;
}


/* A permit is used now. */
static void
used(void)
{
    assert_true(use_n < USES);
    use[use_n++] = sim.now;

    while (use[use_first] + window_us() <= sim.now) {
        use_first++;
    }

    if (use_n - use_first > sim.rate.requests) {
        fail_msg("%zu in a window of %u", use_n - use_first,
                 sim.rate.requests);
    }
}


static void
took(const hx_fleet_limit_answer_t *answer)
{
    assert_true(taking_n < TAKINGS);
    taking[taking_n].at = sim.now;
    taking[taking_n].n = answer->permits;
    taking[taking_n++].ticket = answer->ticket;
    taken += answer->permits;
}


/* Refused: for what was taken, and not given back, in W and a lease's life. */
static void
check_refused(void)
{
    uint64_t  most;

    most = window_us() + window_us() / 2048 + sim.longest * 5 / 4 + 2;

    while (taking_first < taking_n
           && taking[taking_first].at + most <= sim.now)
    {
        taken -= taking[taking_first++].n;
    }

    assert_true(taken >= sim.rate.requests);
}


static void
give(node_t *node, const hx_lease_rest_t *rest)
{
    size_t                   i;
    hx_fleet_limit_answer_t  answer;

    if (rest->permits == 0) {
        return;
    }

    sim.ask.mode = HX_FLEET_LIMIT_GIVE;
    sim.ask.node = test_str(node->name);
    sim.ask.permits = rest->permits;
    sim.ask.ticket = rest->ticket;
    redis_now = sim.now;
    answer = redis_ask(&sim.ask);
    sim.operations++;
    sim.given += answer.permits;

    for (i = taking_n; answer.permits != 0 && i-- > taking_first; /* void */) {
        if (taking[i].ticket == rest->ticket) {
            assert_true(taking[i].n >= answer.permits);
            taking[i].n -= answer.permits;
            taken -= answer.permits;
            return;
        }
    }

    assert_int_equal(answer.permits, 0);
}


static void
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
static int
has_permits(const node_t *node)
{
    hx_lease_need_t   need;
    hx_window_view_t  view;

    memset(&need, 0, sizeof(need));
    need.rate = sim.rate;

    return hx_lease_look(&node->lease, &need, clock_of(node), &view)
           == HX_LEASE_ADMITTED;
}


static void
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


static void
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
        check_refused();
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


static void
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


static void
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
static void
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


static void
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


static void
die(const event_t *e)
{
    node_t  *node;

    node = &sim.node[e->node];
    memset(&node->lease, 0, sizeof(node->lease));
    node->life++;
    node->skew = test_below(SECOND) * SECOND;
    later(DIE, (unsigned) test_below(NODES), test_below(2 * sim.gap));
}


/* Requests a second of all nodes, in shares that differ. */
static void
begin(uint32_t requests, uint32_t window_s, double rps)
{
    unsigned  i;
    double    share[NODES], sum;

    redis_flush();
    redis_load_clocked();
    memset(&sim, 0, sizeof(sim));
    use_first = use_n = taking_first = taking_n = 0;
    taken = 0;

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


static void
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
        case DIE:
            die(&e);
        }
    }
}


static void
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


static void
never_too_many(void **state)
{
    double    factor;
    uint32_t  n, w;
    uint64_t  seed;

    static const uint32_t  limits[] = { 10, 100, 101, 1000, 10000, 100000 };
    static const uint32_t  windows[] = { 1, 10, 60, 600 };
    static const double    factors[] = { 0.3, 0.9, 1.1, 3 };

    for (seed = 1; seed <= SEEDS; seed++) {
        test_seed = seed;
        n = limits[seed % hx_nelts(limits)];
        w = windows[test_below(hx_nelts(windows))];
        factor = factors[test_below(hx_nelts(factors))];
        begin(n, w, (double) n / w * factor);
        sim.bursts = test_below(3) == 0;

        if (test_below(2) == 0) {
            sim.gap = window_us() / 10;
            later(DIE, 0, 0);
        }

        run(window_us() * 4);
        report(sim.bursts ? sim.gap ? "bursts, deaths" : "bursts"
                          : sim.gap ? "deaths" : "even");
        assert_true(use_n > 0);
    }
}


static void
used_at_the_last_instant(void **state)
{
    uint64_t  seed;

    static const hx_rate_t  rates[] = {
        { 1000, 1 }, { 10000, 10 }, { 10000, 60 }, { 5000, 600 }
    };

    for (seed = 1; seed <= SEEDS; seed++) {
        test_seed = seed;
        begin(rates[seed % 4].requests, rates[seed % 4].window_s,
              2.5 * rates[seed % 4].requests / rates[seed % 4].window_s);
        sim.late = 1 + (unsigned) test_below(NODES);
        sim.early = seed % 2 == 0 ? 15 : 3;
        run(window_us() * 6);
        report("late");
        assert_true(use_n >= UINT64_C(5) * sim.rate.requests / 2);
    }
}


/* All that the limit allows, of which a lease's life may be lost. */
static void
hot_tenants_cost_little(void **state)
{
    size_t    i;
    uint64_t  before;

    static const hx_rate_t  rates[] = {
        { 1000000, 60 }, { 100000, 60 }, { 100000, 10 }, { 20000, 1 }
    };

    for (i = 0; i < hx_nelts(rates); i++) {
        test_seed = 77 + i;
        begin(rates[i].requests, rates[i].window_s,
              0.8 * rates[i].requests / rates[i].window_s);
        run(window_us() / 4);
        before = sim.operations;
        sim.requests = 0;
        run(rates[i].requests > 100000 ? window_us() : window_us() * 4);
        sim.operations -= before;
        report("within");
        assert_true(sim.operations * 100 <= sim.requests);
        assert_int_equal(sim.refused, 0);
    }

    for (i = 1; i < hx_nelts(rates); i++) {
        begin(rates[i].requests, rates[i].window_s,
              3.0 * rates[i].requests / rates[i].window_s);
        run(window_us() * 5);
        report("beyond");
        assert_true(sim.operations * 100 <= sim.requests);
        assert_true(use_n >= UINT64_C(4) * rates[i].requests);
    }
}


static int
setup(void **state)
{
    use = malloc(USES * sizeof(uint64_t));
    taking = malloc(TAKINGS * sizeof(taking_t));

    return use == NULL || taking == NULL || redis_start(state);
}


static int
teardown(void **state)
{
    free(use);
    free(taking);

    return redis_stop(state);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(never_too_many, setup, teardown),
        cmocka_unit_test_setup_teardown(used_at_the_last_instant, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(hot_tenants_cost_little, setup,
                                        teardown)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
