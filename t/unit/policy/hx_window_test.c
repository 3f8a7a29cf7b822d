/*
 * hx_window_test.c -- one limit, a clock that only grows: never more than N in
 * any interval of W, no refusal without need, truthful times, and nothing that
 * refusals, looks, undone calls or missing memory change.  Everything is held
 * against a list of all instants (hx_window_model.h).
 */

#include "hx_window_model.h"

typedef struct {
    hx_rate_t        rate;
    uint64_t         quantum;
    uint64_t         window;        /* ns */
    uint64_t         unit;
    uint64_t         now;
    unsigned         shape;         /* of the gaps */
    unsigned         refused;
    model_t          model;
    model_window_t   main;
    model_window_t   twin;          /* sees nothing but what is admitted */
} trial_t;

static trial_t  trial;

static const uint32_t  limits[] = {
    1, 2, 3, 10, 15, 16, 17, 18, 31, 100, 999, 1000, 2499, 2500, 2501, 5000,
    5001, 100000, 4294967295U
};

static const uint32_t  windows[] = {
    1, 2, 7, 60, 3600, 86400, HX_WINDOW_SECONDS_MAX
};


static void
trial_begin(uint32_t requests, uint32_t window_s, uint64_t now)
{
    trial.rate.requests = requests;
    trial.rate.window_s = window_s;
    trial.quantum = hx_window_quantum(window_s);
    trial.window = window_s * MODEL_SECOND;
    trial.unit = (requests + UINT64_C(2499)) / 2500;
    trial.now = now;
    trial.refused = 0;
    model_reset(&trial.model);
    model_window(&trial.main);
    model_window(&trial.twin);
}


/* Time to the next call. */
static uint64_t
trial_gap(void)
{
    const uint64_t  pace = 2 * trial.window / trial.rate.requests + 1;

    switch (trial.shape) {

    case 0:         /* a bit more than is allowed, evenly */
        return test_below(pace);

    case 1:         /* bursts */
        return test_below(200) != 0 ? 0 : test_below(trial.window / 4);

    case 2:         /* in each bucket a few */
        return test_below(trial.quantum);
    }

    switch (test_below(16)) {

    case 0: case 1: case 2: case 3:
        return 0;

    case 4: case 5:
        return test_below(trial.quantum);

    case 6: case 7: case 8:
        return trial.quantum * (1 + test_below(3)) - 1 + test_below(3);

    case 9:
        return test_below(32) != 0 ? 1
                                   : trial.window - trial.quantum
                                     + test_below(3 * trial.quantum);

    case 10:
        return test_below(32) != 0 ? 2 : test_below(5 * trial.window);

    case 11:
        return test_below(trial.window / 64);

    default:
        return test_below(pace);
    }
}


static void
same_view(const hx_window_view_t *a, const hx_window_view_t *b)
{
    assert_int_equal(a->remaining, b->remaining);
    assert_int_equal(a->reset, b->reset);
    assert_int_equal(a->retry, b->retry);
}


/* Does an answer agree with the list of all instants? */
static void
agrees(hx_window_rc_t rc, const hx_window_view_t *view)
{
    uint64_t        exact, last, most;
    const uint64_t  now = trial.now;

    /* what must count, what may */
    exact = model_after(&trial.model, now - trial.window);
    most = model_after(&trial.model, now - trial.window - trial.quantum)
           + trial.unit - 1;

    assert_true(exact <= trial.rate.requests);
    assert_true(view->remaining <= trial.rate.requests - exact);
    assert_true(view->remaining + most >= trial.rate.requests);

    if (rc == HX_WINDOW_REFUSED) {
        trial.refused++;
        assert_true(most >= trial.rate.requests);
        assert_true(view->retry != 0);

    } else {
        assert_int_equal(view->retry, 0);
    }

    if (view->reset != 0) {
        last = model_at(&trial.model, trial.model.end - 1)->at + trial.window;
        assert_true(last < now + view->reset);
        assert_true(last + trial.quantum >= now + view->reset);

    } else {
        assert_int_equal(exact, 0);
    }

    model_truthful(&trial.main, &trial.rate, now, view);
}


/* A call that its caller takes back. */
static void
undone(void)
{
    hx_window_rc_t     rc;
    hx_window_view_t   view;
    const uint64_t     later = test_below(3) * test_below(trial.window);
    const hx_window_t  saved = *trial.main.w;

    rc = hx_window_take(trial.main.w,
                        trial.main.has ? &trial.main.bits : NULL,
                        &trial.rate, trial.now + later, &view);

    if (rc == HX_WINDOW_GROW && test_below(2)) {
        (void) hx_window_take(trial.main.w, &trial.main.bits, &trial.rate,
                              trial.now + later, &view);
    }

    *trial.main.w = saved;

}


static void
step(void)
{
    hx_window_rc_t    rc;
    hx_window_view_t  view, other;

    switch (test_below(8)) {

    case 0:
        undone();
        break;

    case 1:
        rc = model_call(&trial.main, hx_window_peek, &trial.rate, trial.now,
                        &view);
        assert_int_equal(model_look(&trial.twin, &trial.rate, trial.now,
                                    &other), rc);
        same_view(&view, &other);
        agrees(rc, &view);
        break;

    default:
        rc = model_call(&trial.main, hx_window_take, &trial.rate, trial.now,
                        &view);
        assert_int_equal(model_look(&trial.twin, &trial.rate, trial.now,
                                    &other), rc);

        if (rc == HX_WINDOW_ADMITTED) {
            model_add(&trial.model, trial.now, 1);
            assert_int_equal(model_call(&trial.twin, hx_window_take,
                                        &trial.rate, trial.now, &other), rc);
        }

        same_view(&view, &other);
        agrees(rc, &view);
    }

    model_untouched(&trial.main);
    model_untouched(&trial.twin);
}


/*
 * What an undone call has written behind the end of the queue is not taken for
 * a part of it when all in front of it leaves.
 */
static void
left_behind(void **state)
{
    size_t            i, k;
    uint64_t          at;
    hx_window_view_t  view;

    for (i = 0; i < 3000; i++) {
        trial_begin(30, 60, MODEL_BEGIN + test_below(MODEL_MONTH));
        at = trial.now;

        for (k = 0; k < 24; k++) {
            trial.now += k < 9 ? 0 : (i % 3 + 1) * trial.quantum;
            (void) model_call(&trial.main, hx_window_take, &trial.rate,
                              trial.now, &view);
            (void) model_call(&trial.twin, hx_window_take, &trial.rate,
                              trial.now, &view);
            model_add(&trial.model, trial.now, 1);
        }

        undone();
        trial.now = at + trial.window + trial.quantum;
        (void) model_call(&trial.main, hx_window_peek, &trial.rate, trial.now,
                          &view);
        assert_int_equal(view.remaining, 15);

        for (k = 0; k < 50; k++) {
            trial.now += test_below(trial.quantum);
            step();
        }
    }
}


static void
random_traffic(void **state)
{
    size_t    i, k, n, ops;
    unsigned  grown = 0, refused = 0;

    for (i = 0; i < hx_nelts(limits) * hx_nelts(windows) * 2; i++) {
        n = i % hx_nelts(limits);
        trial_begin(limits[n], windows[i / 2 % hx_nelts(windows)],
                    MODEL_BEGIN + test_random() % MODEL_MONTH);
        ops = limits[n] < 1000 ? 4000 : limits[n] < 100000 ? 15000 : 120000;

        for (k = 0; k < ops; k++) {
            if (k % 4096 == 0) {
                trial.shape = (unsigned) test_below(6);
            }

            trial.now += trial_gap();
            step();
        }

        refused += trial.refused;
    }

    grown = trial.main.grown;
    assert_true(grown > 20);
    assert_true(refused > 10000);
}


/* Admitted until W and a bucket have passed, not a nanosecond sooner. */
static void
to_the_nanosecond(void **state)
{
    size_t            i;
    uint64_t          at, q;
    hx_rate_t         rate = { 1, 1 };
    hx_window_view_t  view;

    for (i = 0; i < 10000; i++) {
        rate.window_s = 1 + (uint32_t) test_below(HX_WINDOW_SECONDS_MAX);
        q = hx_window_quantum(rate.window_s);
        assert_int_equal(q * HX_WINDOW_BUCKETS, rate.window_s * MODEL_SECOND);
        at = i % 2 ? test_random() >> 1 : test_below(3 * q);
        model_window(&trial.main);
        assert_true(hx_window_idle(trial.main.w, at));

        assert_int_equal(model_call(&trial.main, hx_window_take, &rate, at,
                                    &view), HX_WINDOW_ADMITTED);
        assert_int_equal(view.remaining, 0);
        assert_int_equal(view.retry, 0);
        assert_int_equal(view.reset, (at / q + 2501) * q - at);

        at += view.reset - 1;
        assert_int_equal(model_call(&trial.main, hx_window_take, &rate, at,
                                    &view), HX_WINDOW_REFUSED);
        assert_int_equal(view.retry, 1);
        assert_int_equal(view.reset, 1);
        assert_false(hx_window_idle(trial.main.w, at));
        assert_true(hx_window_idle(trial.main.w, at + 1));
        assert_int_equal(model_call(&trial.main, hx_window_take, &rate, at + 1,
                                    &view), HX_WINDOW_ADMITTED);
    }
}


/* Memory is asked for when a 17th group counts, and given back after all. */
static void
memory(void **state)
{
    size_t            i;
    uint64_t          now = MODEL_BEGIN;
    unsigned          grown;
    hx_rate_t         rate = { HX_WINDOW_STAMPS, 10 };
    hx_window_view_t  view;

    model_window(&trial.main);
    grown = trial.main.grown;

    for (i = 0; i < 1000; i++) {
        (void) model_call(&trial.main, hx_window_take, &rate, now += 200000000,
                          &view);
    }

    assert_int_equal(trial.main.grown, grown);

    now += 20 * MODEL_SECOND;
    rate.requests = HX_WINDOW_STAMPS + 1;

    for (i = 0; i < HX_WINDOW_STAMPS; i++) {
        assert_int_equal(model_call(&trial.main, hx_window_take, &rate, now,
                                    &view), HX_WINDOW_ADMITTED);
    }

    assert_int_equal(trial.main.grown, grown);
    assert_int_equal(model_call(&trial.main, hx_window_peek, &rate, now, &view),
                     HX_WINDOW_ADMITTED);
    assert_int_equal(trial.main.grown, grown);
    assert_int_equal(model_call(&trial.main, hx_window_take, &rate, now, &view),
                     HX_WINDOW_ADMITTED);
    assert_int_equal(trial.main.grown, grown + 1);
    assert_true(trial.main.has);

    /* which it cannot do without any more */
    assert_int_equal(hx_window_peek(trial.main.w, NULL, &rate, now, &view),
                     HX_WINDOW_GROW);

    now += view.reset - 1;
    (void) model_call(&trial.main, hx_window_peek, &rate, now, &view);
    assert_true(trial.main.has);
    (void) model_call(&trial.main, hx_window_peek, &rate, now + 1, &view);
    assert_false(trial.main.has);
    assert_false(hx_window_release(trial.main.w));
}


/* Offered five times as much, 99.9 % of the limit get in. */
static void
saturation(void **state)
{
    size_t            i;
    uint64_t          admitted, gap, now, offers;
    hx_rate_t         rate;
    hx_window_view_t  view;

    static const uint32_t  some[] = {
        1, 10, 16, 17, 100, 1000, 2500, 2501, 7000, 100000
    };

    for (i = 0; i < hx_nelts(some); i++) {
        rate.requests = some[i];
        rate.window_s = windows[i % hx_nelts(windows)];
        model_window(&trial.main);
        now = MODEL_BEGIN;
        admitted = 0;
        offers = 50 * UINT64_C(5) * (some[i] > 2500 ? some[i] : 2500);
        gap = 50 * rate.window_s * MODEL_SECOND / offers;

        for ( /* void */ ; offers != 0; offers--, now += gap) {
            admitted += model_call(&trial.main, hx_window_take, &rate, now,
                                   &view) == HX_WINDOW_ADMITTED;
        }

        if (admitted * 1000 < UINT64_C(50) * some[i] * 999
            || admitted > UINT64_C(50) * some[i])
        {
            fail_msg("%u: %lu admitted", some[i], (unsigned long) admitted);
        }
    }
}


/* The largest limit counts single requests too. */
static void
largest(void **state)
{
    uint32_t          i;
    uint64_t          now = MODEL_BEGIN;
    hx_rate_t         rate = { UINT32_MAX, 3600 };
    hx_window_view_t  view;

    model_window(&trial.main);

    for (i = 1; i < 1717987 * 2 + 10; i++) {
        assert_int_equal(hx_window_take(trial.main.w, NULL, &rate, now += 1000,
                                        &view), HX_WINDOW_ADMITTED);
        assert_int_equal(view.remaining, UINT32_MAX - i);
    }

    assert_false(trial.main.w->long_form);
}


/* Filled: nobody gets in for one window, then everybody. */
static void
filled(void **state)
{
    size_t            i;
    uint64_t          now, q;
    hx_rate_t         rate;
    hx_window_view_t  view;

    for (i = 0; i < hx_nelts(limits) * hx_nelts(windows); i++) {
        rate.requests = limits[i % hx_nelts(limits)];
        rate.window_s = windows[i % hx_nelts(windows)];
        q = hx_window_quantum(rate.window_s);
        now = i % 3 == 0 ? test_below(q) : MODEL_BEGIN + test_below(q);
        model_window(&trial.main);
        test_fill(trial.main.w, sizeof(hx_window_t));
        hx_window_fill(trial.main.w, &rate, now);
        assert_int_equal(trial.main.w->long_form, 0);
        assert_false(hx_window_idle(trial.main.w, now));

        assert_int_equal(model_call(&trial.main, hx_window_take, &rate, now,
                                    &view), HX_WINDOW_REFUSED);
        assert_int_equal(view.remaining, 0);
        assert_int_equal(view.retry, view.reset);
        assert_true(view.retry > rate.window_s * MODEL_SECOND);
        assert_true(view.retry <= rate.window_s * MODEL_SECOND + q);
        model_truthful(&trial.main, &rate, now, &view);

        now += view.retry;
        assert_int_equal(model_call(&trial.main, hx_window_peek, &rate, now,
                                    &view), HX_WINDOW_ADMITTED);
        assert_int_equal(view.remaining, rate.requests);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(to_the_nanosecond),
        cmocka_unit_test(memory),
        cmocka_unit_test(filled),
        cmocka_unit_test(largest),
        cmocka_unit_test(saturation),
        cmocka_unit_test(left_behind),
        cmocka_unit_test(random_traffic)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
