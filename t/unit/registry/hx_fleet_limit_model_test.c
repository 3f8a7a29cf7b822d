/*
 * hx_fleet_limit_model_test.c -- the limits' script in a real Redis, by a clock
 * of the test, held against a list of everything that was taken: never more
 * than N in any window, no refusal without need, truthful waits.  20 seeds of
 * each kind: one by one, in batches, with leases and rests given back, with N
 * and W that change, and with a clock that is set back.
 */

#include "hx_test_redis.h"

#define SEEDS   20
#define CALLS   600
#define SECOND  UINT64_C(1000000)       /* us */
#define BEGIN   (UINT64_C(1795000000) * SECOND)

typedef struct {
    uint64_t   at;
    uint64_t   last;            /* us; it may be used then, but not later */
    uint64_t   end;             /* us; its stamp may be as late */
    uint64_t   n;               /* that must count */
    uint64_t   most;            /* that may count */
    uint64_t   ticket;
} taking_t;

typedef struct {
    unsigned               leases:1;
    unsigned               changes:1;
    unsigned               back:1;
    unsigned               batches:1;
    uint64_t               now;         /* true time; Redis may be behind */
    uint64_t               behind;
    uint64_t               slack;       /* us; of a bucket */
    uint64_t               longest;     /* us; of a lease's life */
    uint64_t               floor;       /* no stamp is before this one */
    unsigned               refused;
    unsigned               admitted;
    hx_fleet_limit_ask_t   ask;
    size_t                 first, n;
    taking_t               taking[CALLS];
} trial_t;

static trial_t  trial;

static const uint32_t  limits[] = {
    1, 2, 3, 10, 100, 101, 1000, 2499, 5000, 100000, 4294967295U
};

static const uint32_t  windows[] = { 1, 2, 7, 60, 3600, 86400, 2678400 };


static uint64_t
window_us(void)
{
    return trial.ask.window[0].window_s * SECOND;
}


/* Permits whose last use, or whose stamp at the latest, is after "us". */
static uint64_t
counted(uint64_t us, int stamped)
{
    size_t    i;
    uint64_t  n;

    n = 0;

    for (i = 0; i < trial.n; i++) {
        if (stamped) {
            n += trial.taking[i].end > us ? trial.taking[i].most : 0;

        } else {
            n += trial.taking[i].last > us ? trial.taking[i].n : 0;
        }
    }

    return n;
}


static hx_fleet_limit_answer_t
look(uint64_t later, hx_fleet_limit_mode_t mode)
{
    hx_fleet_limit_answer_t  answer;

    trial.ask.mode = mode;
    redis_now = trial.now - trial.behind + later;
    redis_ahead = later != 0;
    answer = redis_ask(&trial.ask);

    return answer;
}


static void
check_refusal(const hx_fleet_limit_answer_t *answer)
{
    uint64_t                 n, need;
    hx_fleet_limit_answer_t  then;

    trial.refused++;
    assert_int_equal(answer->permits, 0);
    assert_true(answer->retry > 0);

    need = trial.ask.permits_min < trial.ask.window[0].requests
           ? trial.ask.permits_min : trial.ask.window[0].requests;

    if (!trial.back) {
        n = counted(trial.now - window_us() - trial.slack, 1);
        assert_true(n + need > trial.ask.window[0].requests);
    }

    then = look(answer->retry * 1000, HX_FLEET_LIMIT_LOOK);
    assert_int_equal(then.verdict, HX_FLEET_LIMIT_ADMITTED);

    if (!trial.changes) {
        /* nobody is locked out for longer, whatever the clock does */
        assert_true(answer->reset * 1000
                    <= window_us() + window_us() / 128 + trial.slack
                       + trial.longest * 5 / 4 + 1000);

        then = look(answer->retry * 1000 - 1001, HX_FLEET_LIMIT_LOOK);
        assert_int_equal(then.verdict, HX_FLEET_LIMIT_RATE);
    }

    assert_true(answer->reset >= answer->retry);
    then = look(answer->reset * 1000, HX_FLEET_LIMIT_LOOK);
    assert_int_equal(then.remaining, trial.ask.window[0].requests);
}


static void
note(const hx_fleet_limit_answer_t *answer)
{
    taking_t  *t;
    uint64_t   life;

    t = &trial.taking[trial.n++];
    life = answer->life * UINT64_C(1000);

    t->at = trial.now;
    t->last = trial.now + (life != 0 ? life - 1 : 0);
    t->n = answer->permits;
    t->most = t->n;
    t->ticket = answer->ticket;

    trial.longest = life > trial.longest ? life : trial.longest;

    if (trial.floor < t->last + life / 4) {
        trial.floor = t->last + life / 4;
    }

    t->end = trial.floor + 1;
    trial.admitted++;

    /* whatever is used of it, and of all others, at its worst */

    assert_true(counted(trial.now - window_us(), 0)
                <= trial.ask.window[0].requests);
    assert_true(answer->remaining
                <= trial.ask.window[0].requests
                   - counted(trial.now - window_us(), 0));
}


static void
give(void)
{
    taking_t                 *t;
    hx_fleet_limit_answer_t   answer;

    if (trial.n == 0) {
        return;
    }

    t = &trial.taking[trial.n - 1 - test_below(trial.n < 3 ? 1 : 3)];

    if (t->ticket == 0) {
        return;
    }

    trial.ask.ticket = t->ticket;
    trial.ask.permits = 1 + (uint32_t) test_below(t->n + 2);

    answer = look(0, HX_FLEET_LIMIT_GIVE);
    assert_true(answer.permits <= t->most);

    t->most -= answer.permits;
    t->n -= t->n < answer.permits ? t->n : answer.permits;

    /* only once */
    answer = look(0, HX_FLEET_LIMIT_GIVE);
    assert_int_equal(answer.permits, 0);
    t->ticket = 0;
    trial.ask.ticket = 0;
}


static void
pass_time(void)
{
    uint64_t  gap, pace;

    pace = 2 * window_us() / trial.ask.window[0].requests + 1;

    switch (test_below(8)) {

    case 0: case 1: case 2:
        gap = test_below(pace);
        break;

    case 3: case 4:
        gap = 0;
        break;

    case 5:
        gap = test_below(window_us() / 50);
        break;

    case 6:
        gap = test_below(window_us() / 3000 + 1);
        break;

    default:
        gap = test_below(16) == 0 ? test_below(window_us() * 2)
                                  : test_below(window_us() / 7);
    }

    trial.now += gap < window_us() * 2 ? gap : window_us() * 2;

    if (trial.back && test_below(20) == 0) {
        trial.behind += test_below(2) == 0 ? test_below(window_us() / 100)
                                           : test_below(window_us() * 3);
    }
}


/* What Redis may have forgotten, as far as W reaches. */
static void
forget(void)
{
    size_t  i;

    for (i = 0; i < trial.n; i++) {
        if (trial.taking[i].last + window_us() <= trial.now) {
            trial.taking[i].n = 0;
        }
    }
}


static void
change(void)
{
    uint64_t  slack;

    forget();

    if (test_below(3) != 0) {
        trial.ask.window[0].requests = limits[test_below(hx_nelts(limits))];
    }

    if (test_below(3) == 0) {
        trial.ask.window[0].window_s = windows[test_below(hx_nelts(windows))];
    }

    slack = window_us() / 2048 + 1;
    trial.slack = slack > trial.slack ? slack : trial.slack;
}


static void
want(void)
{
    uint32_t  n;

    n = trial.ask.window[0].requests;

    trial.ask.permits = 1;
    trial.ask.permits_min = 1;
    trial.ask.life = 0;

    if (trial.batches && test_below(4) != 0) {
        trial.ask.permits = 1 + (uint32_t) test_below(n / 3 + 3);
        trial.ask.permits_min = test_below(2) == 0 ? 1
                                : 1 + (uint32_t) test_below(trial.ask.permits);
    }

    if (trial.leases && test_below(4) != 0) {
        trial.ask.life = 1 + (uint32_t) test_below(window_us() / 16000);
    }
}


static void
run(void)
{
    unsigned                 i;
    hx_fleet_limit_answer_t  answer, before;

    redis_flush();
    redis_load_clocked();

    for (i = 0; i < CALLS; i++) {
        pass_time();

        if (trial.changes && test_below(30) == 0) {
            change();
        }

        if (trial.leases && test_below(6) == 0) {
            give();
        }

        want();
        forget();

        before = look(0, HX_FLEET_LIMIT_LOOK);
        answer = look(0, HX_FLEET_LIMIT_TAKE);
        assert_int_equal(before.verdict, answer.verdict);
        assert_int_equal(before.permits, answer.permits);
        assert_int_equal(before.remaining, answer.remaining + answer.permits);

        if (answer.verdict == HX_FLEET_LIMIT_ADMITTED) {
            note(&answer);

        } else {
            assert_int_equal(answer.verdict, HX_FLEET_LIMIT_RATE);
            check_refusal(&answer);
        }
    }
}


static void
run_seeds(unsigned batches, unsigned leases, unsigned changes, unsigned back)
{
    uint64_t  seed;
    unsigned  admitted, refused;

    admitted = 0;
    refused = 0;

    for (seed = 1; seed <= SEEDS; seed++) {
        test_seed = seed * 1000 + batches + 2 * leases + 4 * changes + 8 * back;
        memset(&trial, 0, sizeof(trial));

        trial.batches = batches & 1;
        trial.leases = leases & 1;
        trial.changes = changes & 1;
        trial.back = back & 1;
        trial.now = BEGIN + test_below(SECOND * 1000000);
        trial.ask.prefix = test_str("hx-gate");
        trial.ask.tenant = test_str("acme");
        trial.ask.node = test_str("n1");
        trial.ask.quota = UINT64_MAX;
        trial.ask.window[0].requests = limits[test_below(hx_nelts(limits))];
        trial.ask.window[0].window_s = windows[test_below(hx_nelts(windows))];
        trial.slack = window_us() / 2048 + 1;

        run();
        admitted += trial.admitted;
        refused += trial.refused;
    }

    assert_true(admitted > SEEDS * CALLS / 20);
    assert_true(refused > SEEDS * CALLS / 20);
}


static void
one_by_one(void **state)
{
    run_seeds(0, 0, 0, 0);
}


static void
in_batches(void **state)
{
    run_seeds(1, 0, 0, 0);
}


static void
with_leases(void **state)
{
    run_seeds(1, 1, 0, 0);
}


static void
with_changes(void **state)
{
    run_seeds(1, 1, 1, 0);
}


static void
with_a_clock_set_back(void **state)
{
    run_seeds(1, 1, 0, 1);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(one_by_one, redis_start, redis_stop),
        cmocka_unit_test_setup_teardown(in_batches, redis_start, redis_stop),
        cmocka_unit_test_setup_teardown(with_leases, redis_start, redis_stop),
        cmocka_unit_test_setup_teardown(with_changes, redis_start, redis_stop),
        cmocka_unit_test_setup_teardown(with_a_clock_set_back, redis_start,
                                        redis_stop)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
