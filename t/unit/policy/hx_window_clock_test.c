/*
 * hx_window_clock_test.c -- the clock is set back, leaps ahead, starts near
 * zero, or is not quite the same for all callers.  Against real time, which
 * goes on whatever the clock says: nobody is locked out for longer than one
 * window, 1 % of it and a bucket, and no more gets in than was lost sight of.
 */

#include "hx_window_model.h"

typedef struct {
    hx_rate_t        rate;
    uint64_t         quantum;
    uint64_t         window;        /* ns */
    uint64_t         unit;
    uint64_t         real;
    uint64_t         offset;        /* clock - real, modulo 2^64 */
    unsigned         refused;
    model_t          model;
    model_window_t   s;
} trial_t;

static trial_t  trial;

static const hx_rate_t  rates[] = {
    { 1, 1 }, { 10, 60 }, { 16, 3600 }, { 17, 1 }, { 100, 60 }, { 1000, 10 },
    { 2500, 86400 }, { 2501, 60 }, { 7000, 7 }, { 300, HX_WINDOW_SECONDS_MAX }
};


static void
trial_begin(const hx_rate_t *rate)
{
    trial.rate = *rate;
    trial.quantum = hx_window_quantum(rate->window_s);
    trial.window = rate->window_s * MODEL_SECOND;
    trial.unit = (rate->requests + UINT64_C(2499)) / 2500;
    trial.real = MODEL_BEGIN;
    trial.offset = 0;
    model_reset(&trial.model);
    model_window(&trial.s);
}


/* A call now; may "lost" requests be too many in the last "window" ns? */
static hx_window_rc_t
step(model_call_pt call, uint64_t window, uint64_t lost)
{
    uint64_t          now;
    hx_window_rc_t    rc;
    hx_window_view_t  view;

    now = trial.real + trial.offset;
    rc = model_call(&trial.s, call, &trial.rate, now, &view);
    model_untouched(&trial.s);

    if (rc == HX_WINDOW_ADMITTED && call == hx_window_take) {
        model_add(&trial.model, trial.real, 1);
        assert_true(model_after(&trial.model, trial.real - window)
                    <= trial.rate.requests + lost);
    }

    if (rc == HX_WINDOW_REFUSED) {
        trial.refused++;
    }

    model_truthful(&trial.s, &trial.rate, now, &view);

    return rc;
}


/* A refusal is for what came in the last "window" ns. */
static void
justified(uint64_t window)
{
    assert_true(model_after(&trial.model, trial.real - window) + trial.unit - 1
                >= trial.rate.requests);
}


static uint64_t
some_gap(size_t i)
{
    const uint64_t  pace = 2 * trial.window / trial.rate.requests;

    return i % 2 ? test_below(pace)
                 : test_below(200) ? 0 : test_below(trial.window);
}


/*
 * Never below zero; by more than what passes for the same time, unless the last
 * call was so long ago that it finds the clock not much behind.
 */
static void
set_back(void)
{
    uint64_t  by;

    by = 26 * trial.quantum
         + test_random() % (test_below(2) ? 3600 * MODEL_SECOND : MODEL_MONTH);

    if (by > trial.real + trial.offset || test_below(16) == 0) {
        by = trial.real + trial.offset - test_below(2 * trial.quantum);
    }

    trial.offset -= by;
}


static void
backward_steps(void **state)
{
    size_t    i, k;
    uint64_t  at, early, next;

    trial.refused = 0;

    for (i = 0; i < 4 * hx_nelts(rates); i++) {
        trial_begin(&rates[i % hx_nelts(rates)]);
        at = 0;
        early = 0;
        next = trial.real + trial.window;

        for (k = 0; k < 30000; k++) {
            trial.real += some_gap(i / hx_nelts(rates));

            if (trial.real >= next
                && trial.real + trial.offset > 30 * trial.quantum)
            {
                set_back();
                at = trial.real;
                next = trial.real + trial.window / 8
                       + test_below(2 * trial.window);
                /* at most nine in a window, each of them costs a bucket */
                early = 9 * trial.quantum;
            }

            if (step(k % 8 && trial.real != at ? hx_window_take
                                               : hx_window_peek,
                     trial.window - early, 0) == HX_WINDOW_REFUSED
                && trial.real >= at + trial.window + 26 * trial.quantum)
            {
                justified(trial.window + trial.quantum);
            }
        }
    }

    assert_true(trial.refused > 50000);
}


static void
steps_both_ways(void **state)
{
    size_t    i, k;
    uint64_t  at, next;

    trial.refused = 0;

    for (i = 0; i < 4 * hx_nelts(rates); i++) {
        trial_begin(&rates[i % hx_nelts(rates)]);
        at = 0;
        next = trial.real + trial.window;

        for (k = 0; k < 30000; k++) {
            trial.real += some_gap(i / hx_nelts(rates));

            if (trial.real >= next) {
                if (test_below(2)) {
                    trial.offset += test_random() % MODEL_MONTH;
                } else if (trial.real + trial.offset > 30 * trial.quantum) {
                    set_back();
                }

                at = trial.real;
                next = trial.real + 2 * trial.window
                       + test_below(2 * trial.window);
            }

            if (step(k % 8 && trial.real != at ? hx_window_take
                                               : hx_window_peek,
                     trial.window,
                     trial.real >= at + trial.window ? 0 : trial.rate.requests)
                == HX_WINDOW_REFUSED
                && trial.real >= at + trial.window + 26 * trial.quantum)
            {
                justified(trial.window + trial.quantum);
            }
        }
    }

    assert_true(trial.refused > 50000);
}


/* Callers by turns whose clocks differ by less than 1 % of the window. */
static void
many_clocks(void **state)
{
    size_t    i, k;
    uint64_t  apart;

    trial.refused = 0;

    for (i = 0; i < 4 * hx_nelts(rates); i++) {
        trial_begin(&rates[i % hx_nelts(rates)]);
        apart = 24 * trial.quantum;

        for (k = 0; k < 30000; k++) {
            trial.real += some_gap(i / hx_nelts(rates));
            trial.offset = test_below(apart);

            if (step(k % 8 ? hx_window_take : hx_window_peek,
                     trial.window - apart, 0)
                == HX_WINDOW_REFUSED)
            {
                justified(trial.window + trial.quantum + apart);
            }
        }
    }

    assert_true(trial.refused > 50000);
}


/* Another limit, from a caller whose clock is a little behind. */
static void
behind(void **state)
{
    size_t            i, n;
    hx_rate_t         rate;
    hx_window_view_t  view;

    for (i = 0; i < 1000; i++) {
        trial_begin(&rates[i % hx_nelts(rates)]);
        n = 1 + test_below(trial.rate.requests);

        for ( /* void */ ; n != 0; n--) {
            trial.real += test_below(trial.window / trial.rate.requests / 2);
            (void) step(hx_window_take, trial.window, 0);
        }

        rate.requests = trial.rate.requests + 3000;
        rate.window_s = test_below(2) ? HX_WINDOW_SECONDS_MAX
                                      : trial.rate.window_s;
        (void) model_call(&trial.s, hx_window_peek, &rate,
                          trial.real - test_below(24 * trial.quantum), &view);
        assert_int_equal(rate.requests - view.remaining,
                         model_after(&trial.model, 0));
        assert_true(view.reset > rate.window_s * MODEL_SECOND);
    }
}


/* Bucket numbers are kept modulo 2^16: leaps by multiples of that. */
static void
leaps(void **state)
{
    size_t            i;
    uint64_t          now;
    hx_window_view_t  view;

    for (i = 0; i < 1000; i++) {
        trial_begin(&rates[i % hx_nelts(rates)]);

        while (step(hx_window_take, trial.window, 0) == HX_WINDOW_ADMITTED) {
            trial.real += test_below(trial.window / trial.rate.requests);
        }

        now = trial.real + trial.quantum * 65536 * (1 + test_below(3))
              - test_below(2) * test_below(trial.window);
        assert_true(hx_window_idle(trial.s.w, now));
        assert_int_equal(model_call(&trial.s, hx_window_peek, &trial.rate, now,
                                    &view), HX_WINDOW_ADMITTED);
        assert_int_equal(view.remaining, trial.rate.requests);
        assert_int_equal(view.reset, 0);
    }
}


/* The first and the last instants that a clock can tell. */
static void
ends_of_time(void **state)
{
    size_t            i;
    hx_window_view_t  view;

    for (i = 0; i < hx_nelts(rates); i++) {
        trial_begin(&rates[i]);

        while (model_call(&trial.s, hx_window_take, &trial.rate, 0, &view)
               == HX_WINDOW_ADMITTED)
        {
            assert_int_equal(view.reset, trial.window + trial.quantum);
        }

        assert_true(view.retry != 0 && view.retry <= view.reset);
        model_truthful(&trial.s, &trial.rate, 0, &view);

        while (model_call(&trial.s, hx_window_take, &trial.rate, UINT64_MAX,
                          &view) == HX_WINDOW_ADMITTED)
        {
            assert_true(view.reset > trial.window);
            assert_true(view.reset <= trial.window + trial.quantum);
        }

        /* and all the way back */
        assert_int_equal(model_call(&trial.s, hx_window_take, &trial.rate, 0,
                                    &view), HX_WINDOW_REFUSED);
        assert_int_equal(view.reset, trial.window + trial.quantum);
        model_truthful(&trial.s, &trial.rate, 0, &view);
        trial.rate.window_s = 5;
        assert_int_equal(model_call(&trial.s, hx_window_take, &trial.rate, 0,
                                    &view), HX_WINDOW_REFUSED);
        assert_true(view.reset <= 5 * MODEL_SECOND + hx_window_quantum(5));
        model_truthful(&trial.s, &trial.rate, 0, &view);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(backward_steps),
        cmocka_unit_test(steps_both_ways),
        cmocka_unit_test(many_clocks),
        cmocka_unit_test(behind),
        cmocka_unit_test(leaps),
        cmocka_unit_test(ends_of_time)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
