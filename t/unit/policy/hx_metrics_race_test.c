/*
 * hx_metrics_race_test.c -- the numbers are shared: threads that count at once
 * lose nothing, processes that register at once agree, a reader never takes
 * one tenant's numbers for another's, and a process that is killed, at any
 * instruction whatever, leaves a state that others go on from.
 */

#define _GNU_SOURCE                 /* affinity */

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "hx_test_metrics.h"

#define RACERS    4
#define ROUNDS    30
#define NAMES     48

static const hx_metrics_gauges_t  still = {
    .registry_up = 1
};


/* ---- threads ------------------------------------------------------------- */

#define TIMES     200000

/* allocated: threads of a test that failed go on with it */
typedef struct {
    hx_metrics_t       *m;
    unsigned            route;
    unsigned            op;
    uint32_t            handle;
    int                 running;
    pthread_barrier_t   start;
} racer_t;


static racer_t *
racer(int running)
{
    racer_t  *r;

    r = calloc(1, sizeof(*r));
    assert_non_null(r);
    r->m = test_metrics();
    r->running = running;
    assert_int_equal(pthread_barrier_init(&r->start, NULL,
                                          (unsigned) running + 1), 0);

    return r;
}


static void *
count(void *data)
{
    unsigned   i;
    racer_t   *r = data;

    (void) pthread_barrier_wait(&r->start);

    for (i = 0; i < TIMES; i++) {
        hx_metrics_request(r->m, r->route, HX_METRICS_GET, 200, 5);
        hx_metrics_charge(r->m, r->handle, r->op, 3);
        hx_metrics_charge(r->m, 0, r->op, 1);
        hx_metrics_rejected(r->m, r->handle);
        hx_metrics_decision(r->m, HX_OUTCOME_ALLOWED, 0);
        hx_metrics_add(r->m, HX_METRICS_AUDIT_RECORDS, 2);
    }

    __atomic_sub_fetch(&r->running, 1, __ATOMIC_RELEASE);

    return NULL;
}


/* Left alone, short threads may all run on one processor, after each other. */

static void
spread(pthread_t id, unsigned n)
{
    int         cpu;
    cpu_set_t   all, one;

    assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
    n %= (unsigned) CPU_COUNT(&all);

    for (cpu = 0; n != 0 || !CPU_ISSET(cpu, &all); cpu++) {
        n -= CPU_ISSET(cpu, &all) != 0;
    }

    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    assert_int_equal(pthread_setaffinity_np(id, sizeof(one), &one), 0);
}


static racer_t *
counting(unsigned n, pthread_t id[])
{
    unsigned   i;
    racer_t   *r;

    r = racer((int) n);
    r->route = test_route(r->m, "GET", "/a");
    r->op = test_operation(r->m, "get");
    r->handle = test_expose(r->m, "acme");

    for (i = 0; i < n; i++) {
        assert_int_equal(pthread_create(&id[i], NULL, count, r), 0);

        if (n > 1) {
            spread(id[i], i);
        }
    }

    (void) pthread_barrier_wait(&r->start);

    return r;
}


static void
counted(const test_scrape_t *s, unsigned n)
{
#define is(series, v)                                                         \
    assert_true(test_value(s, "hx_gate_" series) == (__int128) (v) * n * TIMES)

    is("requests_total{method=\"GET\",path=\"/a\",status=\"200\"}", 1000);
    is("request_duration_seconds_count{method=\"GET\",path=\"/a\"}", 1000);
    is("request_duration_seconds_sum{method=\"GET\",path=\"/a\"}", 5);
    is("cus_total{tenant_id=\"acme\",operation=\"get\"}", 300);
    is("cus_total{tenant_id=\"other\",operation=\"get\"}", 100);
    is("rate_limit_rejections_total{tenant_id=\"acme\"}", 1000);
    is("decisions_total{outcome=\"allowed\"}", 1000);
    is("audit_records_total", 2000);

#undef is
}


static void
threads(void **state)
{
    size_t          i;
    racer_t        *r;
    pthread_t       id[RACERS];
    test_scrape_t   s;

    r = counting(RACERS, id);

    for (i = 0; i < RACERS; i++) {
        assert_int_equal(pthread_join(id[i], NULL), 0);
    }

    test_scrape(&s, r->m, &still);
    counted(&s, RACERS);
    test_scrape_free(&s);
    free(r);
}


/* Read while it counts: nothing falls and nothing goes. */

static void
reading(void **state)
{
    int             last;
    size_t          i, n;
    racer_t        *r;
    pthread_t       id;
    test_scrape_t   was, is;

    r = counting(1, &id);
    n = 0;
    test_scrape(&was, r->m, &still);

    do {
        last = __atomic_load_n(&r->running, __ATOMIC_ACQUIRE) == 0;
        test_scrape(&is, r->m, &still);

        for (i = 0; i < was.n; i++) {
            if (test_value(&is, was.sample[i].series) < was.sample[i].value) {
                fail_msg("%s fell", was.sample[i].series);
            }
        }

        test_scrape_free(&was);
        was = is;
        n++;
    } while (!last);

    assert_int_equal(pthread_join(id, NULL), 0);
    counted(&was, 1);
    test_scrape_free(&was);
    free(r);
    print_message("# %zu readings while counting\n", n);
}


/*
 * Tenants come and go; one whose id is made of the letter of number n is
 * charged n for everything, once.  A reader that mixed two of them would see a
 * number, or half an id, that is not the letter's.
 */

static void *
come_and_go(void *data)
{
    char            id[HX_TENANT_MAX + 1];
    unsigned        i, n, op;
    uint32_t        handle;
    racer_t        *r = data;

    (void) pthread_barrier_wait(&r->start);

    for (i = 0; i < TIMES; i++) {
        n = i % 26;
        memset(id, (int) ('a' + n), HX_TENANT_MAX);
        id[n % 2 == 0 ? HX_TENANT_MAX : HX_TENANT_MAX / 2] = '\0';
        handle = test_expose(r->m, id);

        for (op = 0; op <= HX_METRICS_OPERATIONS; op++) {
            hx_metrics_charge(r->m, handle, op, n + 1);
        }

        hx_metrics_retire(r->m, handle);
    }

    __atomic_sub_fetch(&r->running, 1, __ATOMIC_RELEASE);

    return NULL;
}


static void
one_tenant(const hx_metrics_place_t *p)
{
    char      id[HX_TENANT_MAX];
    size_t    i;
    unsigned  n;

    memcpy(id, p->id, sizeof(id));
    n = (unsigned) (id[0] - 'a');
    assert_int_equal(p->id_len, n % 2 == 0 ? HX_TENANT_MAX
                                           : HX_TENANT_MAX / 2);

    for (i = 0; i < p->id_len; i++) {
        assert_int_equal(id[i], id[0]);
    }

    for (i = 0; i < hx_nelts(p->tenths); i++) {
        if (p->tenths[i] != 0 && p->tenths[i] != n + 1) {
            fail_msg("%c was charged %llu", id[0],
                     (unsigned long long) p->tenths[i]);
        }
    }
}


static void
tenants_do_not_mix(void **state)
{
    int                  last;
    size_t               seen;
    racer_t             *r;
    pthread_t            id;
    hx_metrics_place_t   p;

    r = racer(1);
    seen = 0;

    assert_int_equal(pthread_create(&id, NULL, come_and_go, r), 0);
    (void) pthread_barrier_wait(&r->start);

    do {
        last = __atomic_load_n(&r->running, __ATOMIC_ACQUIRE) == 0;

        if (hx_metrics_place(r->m, 1, &p)) {
            one_tenant(&p);
            seen++;
        }
    } while (!last);

    assert_int_equal(pthread_join(id, NULL), 0);
    assert_true(seen > 100);
    print_message("# %zu tenants seen\n", seen);
    free(r);
}


/* ---- processes ----------------------------------------------------------- */

typedef struct {
    unsigned    waiting;
    unsigned    route[RACERS][2 * NAMES];
    unsigned    op[RACERS][NAMES];
} meeting_t;


/*
 * The first NAMES paths are everybody's, in an order of everybody's own; the
 * others are this process's alone, and there is no room for all of them.
 */

static void
registers(hx_metrics_t *m, meeting_t *meeting, unsigned who, unsigned round)
{
    char      name[32];
    unsigned  i, n;

    __atomic_add_fetch(&meeting->waiting, 1, __ATOMIC_ACQ_REL);

    while (__atomic_load_n(&meeting->waiting, __ATOMIC_ACQUIRE) != RACERS) {
        (void) sched_yield();
    }

    for (i = 0; i < NAMES; i++) {
        n = round % 2 == 0 ? i : (i * 5 + who * 7) % NAMES;
        (void) snprintf(name, sizeof(name), "/all/%u", n);
        meeting->route[who][n] = test_route(m, "GET", name);
        (void) snprintf(name, sizeof(name), "op_%u", n);
        meeting->op[who][n] = test_operation(m, name);
        (void) snprintf(name, sizeof(name), "/own/%u/%u", who, n);
        meeting->route[who][NAMES + n] = test_route(m, "POST", name);
    }

    _exit(0);
}


static void
agreed(const hx_metrics_t *m, const meeting_t *meeting)
{
    char        name[HX_METRICS_LABEL_MAX + 1], label[HX_METRICS_LABEL_MAX + 1];
    unsigned    i, who, route, taken[HX_METRICS_ROUTES + 1];

    memset(taken, 0, sizeof(taken));

    for (i = 0; i < 2 * NAMES; i++) {
        for (who = 0; who < RACERS; who++) {
            route = meeting->route[who][i];
            assert_true(route <= HX_METRICS_ROUTES);

            if (i >= NAMES) {
                (void) snprintf(name, sizeof(name), "/own/%u/%u", who,
                                i - NAMES);

            } else {
                (void) snprintf(name, sizeof(name), "/all/%u", i);
                assert_int_equal(route, meeting->route[0][i]);
                assert_int_equal(meeting->op[who][i], meeting->op[0][i]);
                assert_int_not_equal(meeting->op[who][i], 0);
            }

            if (route == 0) {
                continue;
            }

            memset(label, 0, sizeof(label));
            memcpy(label, m->route[route - 1].label, HX_METRICS_LABEL_MAX);
            assert_string_equal(label, name);
            taken[route] += i >= NAMES || who == 0;
        }
    }

    for (i = 1; i <= HX_METRICS_ROUTES; i++) {
        assert_int_equal(taken[i], 1);
    }
}


static void
processes(void **state)
{
    int             status;
    pid_t           pid[RACERS];
    unsigned        i, round;
    meeting_t      *meeting;
    hx_metrics_t   *m;

    m = test_metrics();
    meeting = mmap(NULL, sizeof(*meeting), PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(meeting != MAP_FAILED);

    for (round = 0; round < ROUNDS; round++) {
        memset(m, 0, sizeof(*m));
        memset(meeting, 0, sizeof(*meeting));

        for (i = 0; i < RACERS; i++) {
            pid[i] = fork();
            assert_true(pid[i] != -1);

            if (pid[i] == 0) {
                registers(m, meeting, i, round);
            }
        }

        for (i = 0; i < RACERS; i++) {
            assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
            assert_int_equal(status, 0);
        }

        agreed(m, meeting);
    }
}


/* ---- killed -------------------------------------------------------------- */

typedef struct {
    const char  *what;
    void       (*act)(hx_metrics_t *m, uint32_t handle);
    unsigned     states;        /* different ones to be seen, at least */
} killed_t;


static void
act_route(hx_metrics_t *m, uint32_t handle)
{
    (void) test_route(m, "GET", "/v1/get/{ns}/{key}/and/some/more");
}


static void
act_operation(hx_metrics_t *m, uint32_t handle)
{
    (void) test_operation(m, "query_similarity");
}


static void
act_expose(hx_metrics_t *m, uint32_t handle)
{
    (void) test_expose(m, "a-tenant-with-quite-a-long-name");
}


static void
act_retire(hx_metrics_t *m, uint32_t handle)
{
    hx_metrics_retire(m, handle);
}


static void
act_count(hx_metrics_t *m, uint32_t handle)
{
    hx_metrics_request(m, 1, HX_METRICS_POST, 200, 5);
    hx_metrics_charge(m, handle, 1, 10);
}


/* What the process was about to do is done by another one, and more. */

static void
go_on(const hx_metrics_t *left)
{
    char            id[16];
    unsigned        i, n, put, get;
    uint32_t        handle[HX_METRICS_TENANTS];
    hx_metrics_t   *m;
    test_scrape_t   s;

    m = test_metrics();
    memcpy(m, left, sizeof(*m));
    test_scrape(&s, m, &still);
    assert_true(test_value(&s, "hx_gate_rate_limit_rejections_total"
                               "{tenant_id=\"other\"}") == 7000);
    test_scrape_free(&s);

    put = test_route(m, "POST", "/v1/put");
    get = test_route(m, "GET", "/v1/get/{ns}/{key}/and/some/more");
    assert_int_equal(put, 1);
    assert_true(get == 2 && test_route(m, "GET", "/new") == 3);
    assert_int_equal(test_operation(m, "put"), 1);
    assert_int_equal(test_operation(m, "query_similarity"), 2);
    assert_int_equal(test_operation(m, "new"), 3);

    hx_metrics_request(m, get, HX_METRICS_GET, 206, 0);

    (void) test_expose(m, "a-tenant-with-quite-a-long-name");
    (void) test_expose(m, "acme");

    for (n = 2; n < HX_METRICS_TENANTS; n++) {
        (void) snprintf(id, sizeof(id), "t%u", n);
        handle[n] = test_expose(m, id);

        for (i = 2; i < n; i++) {
            assert_int_not_equal(handle[i], handle[n]);
        }

        assert_int_not_equal(handle[n], 0);
        hx_metrics_charge(m, handle[n], 1, n);
    }

    assert_int_equal(test_expose(m, "one-too-many"), 0);
    test_scrape(&s, m, &still);
    assert_true(test_value(&s, "hx_gate_requests_total{method=\"GET\",path=\""
                               "/v1/get/{ns}/{key}/and/some/more\",status="
                               "\"206\"}") == 1000);
    assert_true(test_value(&s, "hx_gate_cus_total{tenant_id=\"t77\","
                               "operation=\"put\"}") == 7700);
    test_scrape_free(&s);
    assert_int_equal(munmap(m, sizeof(*m)), 0);
}


/* Runs the child by single instructions; each new state is one to go on from */

static void
step_through(hx_metrics_t *m, const killed_t *k, uint32_t handle)
{
    int             status;
    pid_t           pid;
    unsigned        states, stops;
    hx_metrics_t   *before;
    size_t          steps;

    before = malloc(sizeof(*before));
    assert_non_null(before);
    memcpy(before, m, sizeof(*m));

    pid = fork();
    assert_true(pid != -1);

    if (pid == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0) {
            (void) raise(SIGSTOP);
            k->act(m, handle);
            (void) raise(SIGSTOP);
        }

        _exit(1);
    }

    stops = 0;
    states = 0;

    for (steps = 0; /* void */ ; steps++) {
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSTOPPED(status));

        if (WSTOPSIG(status) == SIGSTOP && ++stops == 2) {
            break;
        }

        if (memcmp(before, m, sizeof(*m)) != 0) {
            memcpy(before, m, sizeof(*m));
            go_on(m);
            states++;
        }

        assert_int_equal(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
    }

    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    print_message("# %s: %u states in %zu steps\n", k->what, states, steps);
    assert_true(states >= k->states);
    free(before);
}


static void
killed(void **state)
{
    size_t         i;
    uint32_t       handle, old;
    hx_metrics_t  *m;

    static const killed_t  kills[] = {
        { "route", act_route, 6 },          /* claimed, 4 words, ready */
        { "operation", act_operation, 4 },  /* claimed, 2 words, ready */
        { "expose", act_expose, 10 },       /* turn, id, counts, owner */
        { "retire", act_retire, 1 },
        { "count", act_count, 4 }
    };

    for (i = 0; i < hx_nelts(kills); i++) {
        m = test_metrics();
        (void) test_route(m, "POST", "/v1/put");
        (void) test_operation(m, "put");

        /* a place that somebody had, with numbers to get rid of */
        old = test_expose(m, "gone");
        hx_metrics_charge(m, old, 0, 100);
        hx_metrics_charge(m, old, 1, 100);
        hx_metrics_rejected(m, old);
        handle = test_expose(m, "acme");
        hx_metrics_charge(m, handle, 1, 100);
        hx_metrics_retire(m, old);

        while (m->place[0].rejected != 7) {
            hx_metrics_rejected(m, 0);
        }

        step_through(m, &kills[i], handle);
        assert_int_equal(munmap(m, sizeof(*m)), 0);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(threads),
        cmocka_unit_test(reading),
        cmocka_unit_test(tenants_do_not_mix),
        cmocka_unit_test(processes),
        cmocka_unit_test(killed)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
