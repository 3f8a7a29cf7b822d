/*
 * hx_fleet_books.h -- for hx_fleet_sim.h: what is to happen when, and the books
 * of what did.  Every use is held against the true instants of all, every
 * refusal against what was taken.
 */

#ifndef HX_FLEET_BOOKS_H
#define HX_FLEET_BOOKS_H

#include "hx_test_redis.h"

#include "hx_lease.h"

#define NODES    5
#define EVENTS   4096
#define USES     ((size_t) 1 << 21)
#define TAKINGS  ((size_t) 1 << 18)
#define SECOND   UINT64_C(1000000)      /* us */
#define BEGIN    (UINT64_C(1795000000) * SECOND)

typedef enum { ARRIVE, ASKED, TOLD, SWEEP, DIE, RUSH, CHANGE } kind_t;

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
    uint64_t               widest;      /* us; window, when limits change */
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

/* Limits there were, and until when they were in force. */
static struct { uint64_t until; hx_rate_t rate; }  change[256];
static size_t     change_n;


static inline void
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


static inline event_t
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


static inline void
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


static inline uint64_t
window_us(void)
{
    return sim.rate.window_s * SECOND;
}


static inline uint64_t
clock_of(const node_t *node)
{
    return sim.now * 1000 + node->skew;
}


/*
 * A permit is used now.  What is used in a window was taken for a limit that
 * was in force in it, or a lease's life before; a window that grew reaches back
 * as far as it did.
 */
static inline void
used(void)
{
    size_t    i;
    uint64_t  most, window;

    assert_true(use_n < USES);
    use[use_n++] = sim.now;
    most = sim.rate.requests;
    window = window_us();

    for (i = change_n; i-- != 0
         && change[i].until + sim.widest * 5 / 4 > sim.now; /* void */)
    {
        most = change[i].rate.requests > most ? change[i].rate.requests : most;
        window = change[i].rate.window_s * SECOND < window
                 ? change[i].rate.window_s * SECOND : window;
    }

    while (use_first != 0 && use[use_first - 1] + window > sim.now) {
        use_first--;
    }

    while (use[use_first] + window <= sim.now) {
        use_first++;
    }

    if (use_n - use_first > most) {
        fail_msg("%zu in a window of %u", use_n - use_first, (unsigned) most);
    }
}


static inline void
took(const hx_fleet_limit_answer_t *answer)
{
    assert_true(taking_n < TAKINGS);
    taking[taking_n].at = sim.now;
    taking[taking_n].n = answer->permits;
    taking[taking_n++].ticket = answer->ticket;
    taken += answer->permits;
}


/* Refused: for what was taken, and not given back, in W and a lease's life. */
static inline void
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


static inline void
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

#endif /* HX_FLEET_BOOKS_H */
