/*
 * hx_window_change_test.c -- the limit changes while requests count.  However
 * it does, what the limits so far could still see is counted: never more than
 * N of it in W, whatever N and W are by now.  And nobody is refused for more
 * than what rounding may add.
 */

#include <signal.h>

#include "hx_window_model.h"

typedef struct {
    hx_rate_t        rate;
    uint64_t         window;        /* ns */
    uint64_t         unit;
    uint64_t         now;
    uint64_t         late;          /* ns that changes may have added */
    uint64_t         extra;         /* requests that grouping may have added */
    model_t          least;         /* what has to count */
    model_t          all;
    model_window_t   s;
    unsigned         refused;
    unsigned         recounted;
} trial_t;

static trial_t     trial;
static sigjmp_buf  cut;


/* A new limit, as of the next call, which will be "now". */
static void
trial_rate(uint32_t requests, uint32_t window_s)
{
    const uint64_t  unit = (requests + UINT64_C(2499)) / 2500;

    /* the limit so far has the last word on what is too old for it */
    model_forget(&trial.least, trial.now - trial.window);

    if (unit != trial.unit || window_s != trial.rate.window_s) {
        trial.late += hx_window_quantum(window_s)
                      + hx_window_quantum(trial.rate.window_s);
        trial.extra += unit - 1;
        trial.recounted++;
        model_keep(&trial.least, 2500 * unit);
    }

    trial.rate.requests = requests;
    trial.rate.window_s = window_s;
    trial.window = window_s * MODEL_SECOND;
    trial.unit = unit;
}


static void
trial_begin(uint32_t requests, uint32_t window_s)
{
    trial.now = MODEL_BEGIN + test_random() % MODEL_MONTH;
    model_reset(&trial.least);
    model_reset(&trial.all);
    model_window(&trial.s);
    trial_rate(requests, window_s);
    trial.late = 0;
    trial.extra = trial.unit - 1;
}


static uint32_t
some_requests(void)
{
    static const uint32_t  some[] = {
        1, 5, 16, 17, 40, 100, 2499, 2500, 2501, 4000, 5000, 5001, 20000
    };

    switch (test_below(4)) {

    case 0:
        return some[test_below(hx_nelts(some))];

    case 1:
        return 1 + (uint32_t) test_below(40);

    case 2:
        return trial.rate.requests / 2 + 1
               + (uint32_t) test_below(trial.rate.requests + 1);

    default:
        return 1 + (uint32_t) test_below(10000);
    }
}


static uint32_t
some_window(void)
{
    uint32_t  w;

    switch (test_below(8)) {

    case 0:
        return 1;

    case 1:
        return 1 + (uint32_t) test_below(HX_WINDOW_SECONDS_MAX);

    case 2: case 3:
        w = trial.rate.window_s * (1 + (uint32_t) test_below(3))
            / (1 + (uint32_t) test_below(3));
        return w == 0 || w > HX_WINDOW_SECONDS_MAX ? 60 : w;

    case 4:
        return 1 + (uint32_t) test_below(120);

    default:
        return trial.rate.window_s;
    }
}


static hx_window_rc_t
step(model_call_pt call)
{
    uint64_t          exact, most, since;
    hx_window_rc_t    rc;
    hx_window_view_t  view;

    rc = model_call(&trial.s, call, &trial.rate, trial.now, &view);
    model_untouched(&trial.s);

    exact = model_after(&trial.least, trial.now - trial.window);
    since = trial.now - trial.window - hx_window_quantum(trial.rate.window_s);
    since = since > trial.late ? since - trial.late : 0;
    most = model_after(&trial.all, since) + trial.extra;

    if (rc == HX_WINDOW_REFUSED) {
        trial.refused++;
        assert_true(most >= trial.rate.requests);

    } else {
        assert_true(exact < trial.rate.requests);

        if (call == hx_window_take) {
            model_add(&trial.least, trial.now, 1);
            model_add(&trial.all, trial.now, 1);
            exact++;
            most++;
        }
    }

    assert_true(view.remaining + most >= trial.rate.requests);
    assert_true(view.remaining == 0
                || view.remaining + exact <= trial.rate.requests);
    model_truthful(&trial.s, &trial.rate, trial.now, &view);

    return rc;
}


/* A call with another limit, taken back; needs no memory. */
static void
undone(void)
{
    hx_rate_t          rate;
    hx_window_view_t   view;
    const hx_window_t  saved = *trial.s.w;

    if (!trial.s.has) {
        rate.requests = some_requests();
        rate.window_s = some_window();
        (void) hx_window_take(trial.s.w, NULL, &rate, trial.now, &view);
        *trial.s.w = saved;
    }
}


static void
takes(unsigned n, uint64_t gap)
{
    for ( /* void */ ; n != 0; n--) {
        trial.now += gap;
        assert_int_equal(step(hx_window_take), HX_WINDOW_ADMITTED);
    }
}


static void
random_changes(void **state)
{
    size_t    i, k;
    uint64_t  pace;
    unsigned  grown;

    grown = trial.s.grown;
    trial.refused = 0;
    trial.recounted = 0;

    for (i = 0; i < 1000; i++) {
        trial_begin(100, 60);
        trial_rate(some_requests(), some_window());

        for (k = 0; k < 6000; k++) {
            pace = 2 * trial.window / trial.rate.requests;
            trial.now += i % 2 ? test_below(pace + 1)
                               : test_below(300) ? 0
                                                 : test_below(trial.window);

            if (test_below(i % 4 < 2 ? 2000 : 100) == 0) {
                trial_rate(some_requests(), some_window());
            }

            if (test_below(16) == 0) {
                undone();
            }

            (void) step(test_below(8) ? hx_window_take : hx_window_peek);
        }
    }

    assert_true(trial.s.grown - grown > 100);
    assert_true(trial.refused > 100000);
    assert_true(trial.recounted > 5000);
}


/* Lowered and raised again, everything is still there. */
static void
there_and_back(void **state)
{
    hx_window_view_t  view;

    trial_begin(100, 60);
    takes(60, MODEL_SECOND / 10);

    trial_rate(10, 60);
    assert_int_equal(step(hx_window_take), HX_WINDOW_REFUSED);
    trial_rate(100, 60);
    assert_int_equal(model_look(&trial.s, &trial.rate, trial.now, &view),
                     HX_WINDOW_ADMITTED);
    assert_int_equal(view.remaining, 40);

    /* in groups of two and back to single ones */
    trial_rate(5000, 60);
    assert_int_equal(step(hx_window_peek), HX_WINDOW_ADMITTED);
    assert_int_equal(model_look(&trial.s, &trial.rate, trial.now, &view),
                     HX_WINDOW_ADMITTED);
    assert_int_equal(view.remaining, 4940);
    trial_rate(61, 60);
    takes(1, 0);
    assert_int_equal(step(hx_window_take), HX_WINDOW_REFUSED);

    /* a longer window goes on counting what a shorter one saw */
    trial.now += 50 * MODEL_SECOND;
    trial_rate(61, 600);
    assert_int_equal(step(hx_window_take), HX_WINDOW_REFUSED);
    trial.now += 500 * MODEL_SECOND;
    assert_int_equal(step(hx_window_take), HX_WINDOW_REFUSED);
    trial.now += 60 * MODEL_SECOND;
    takes(61, 0);
}


/* With the same window groups of another size keep their times. */
static void
regrouped(void **state)
{
    size_t            i;
    hx_window_view_t  before, after;

    for (i = 0; i < 1000; i++) {
        trial_begin(1 + (uint32_t) test_below(10000), some_window());
        takes(1 + (unsigned) test_below(trial.rate.requests / 4 + 1),
              test_below(trial.window / trial.rate.requests));
        trial.now += test_below(trial.window / 2);
        (void) model_call(&trial.s, hx_window_peek, &trial.rate, trial.now,
                          &before);
        trial_rate(trial.rate.requests + 1 + (uint32_t) test_below(10000),
                   trial.rate.window_s);
        (void) model_call(&trial.s, hx_window_peek, &trial.rate, trial.now,
                          &after);
        assert_int_equal(before.reset, after.reset);
    }
}


/* A shorter window lets go of what is older at once. */
static void
shorter(void **state)
{
    hx_window_view_t  view;

    trial_begin(2500, 86400);
    takes(1200, 40 * MODEL_SECOND);
    trial_rate(2500, 400);
    assert_int_equal(model_call(&trial.s, hx_window_peek, &trial.rate,
                                trial.now, &view), HX_WINDOW_ADMITTED);
    assert_in_range(view.remaining, 2489, 2490);
    takes(view.remaining, 0);
    assert_int_equal(step(hx_window_take), HX_WINDOW_REFUSED);
}


/* Filled, and another limit before that has left. */
static void
filled(void **state)
{
    size_t            i;
    hx_rate_t         rate;
    hx_window_view_t  view;

    for (i = 0; i < 20000; i++) {
        trial_begin(1, 60);
        rate.requests = some_requests();
        rate.window_s = some_window();
        hx_window_fill(trial.s.w, &rate, trial.now);
        trial_rate(rate.requests, rate.window_s);
        model_add(&trial.least, trial.now, rate.requests);
        model_add(&trial.all, trial.now, rate.requests);
        trial.extra = trial.unit - 1;
        trial.late = 0;

        while (test_below(4) != 0) {
            trial.now += test_below(2) * test_below(trial.window);
            trial_rate(some_requests(), some_window());
            (void) step(test_below(2) ? hx_window_take : hx_window_peek);
        }
    }

    /* lowered and raised, it is still all that the limit was */
    rate.requests = 1000;
    rate.window_s = 60;
    model_window(&trial.s);
    hx_window_fill(trial.s.w, &rate, trial.now);
    rate.requests = 10;
    assert_int_equal(model_call(&trial.s, hx_window_take, &rate, trial.now,
                                &view), HX_WINDOW_REFUSED);
    assert_false(trial.s.has);
    rate.requests = 1001;
    assert_int_equal(model_call(&trial.s, hx_window_take, &rate, trial.now,
                                &view), HX_WINDOW_ADMITTED);
    assert_int_equal(view.remaining, 0);
}


static void
on_cut(int sig)
{
    siglongjmp(cut, 1);
}


static void
protect(uint64_t *part, int prot)
{
    const uintptr_t  page = (uintptr_t) sysconf(_SC_PAGESIZE);

    assert_int_equal(mprotect((void *) ((uintptr_t) part / page * page), page,
                              prot), 0);
}


/* A call with one part of the memory not writable.  1: cut off, else 0. */
static int
cut_call(model_call_pt call, const hx_rate_t *rate, uint64_t *part)
{
    hx_window_view_t  view;
    volatile int      done = 0;

    protect(part, PROT_READ);

    if (sigsetjmp(cut, 1) == 0) {
        (void) call(trial.s.w, &trial.s.bits, rate, trial.now, &view);
        done = 1;
    }

    protect(part, PROT_READ | PROT_WRITE);

    return !done;
}


/*
 * Cut off when it writes to a part of the memory.  Under one limit the 64 bytes
 * undo it; where another limit was being put in force they show so, and the
 * window is as hx_window_fill() leaves it.
 */
static void
cut_off(void **state)
{
    size_t            i;
    unsigned          change;
    unsigned          cuts[2] = { 0, 0 };
    hx_rate_t         rate;
    hx_window_t       saved, full;
    struct sigaction  sa, before;

    memset(&sa, 0, sizeof(struct sigaction));
    sa.sa_handler = on_cut;
    assert_int_equal(sigaction(SIGSEGV, &sa, &before), 0);

    for (i = 0; i < 6000; i++) {
        change = i % 50 == 49;

        if (i % 50 == 0) {
            trial_begin(2500, 60);
            takes(600 + (unsigned) test_below(1800), 24000000);
        }

        saved = *trial.s.w;
        rate = trial.rate;
        rate.window_s += change;

        if (cut_call(change ? hx_window_peek : hx_window_take, &rate,
                     trial.s.bits.part[i % HX_WINDOW_PARTS]))
        {
            cuts[change]++;

            if (change) {
                assert_int_equal(trial.s.w->window_s, rate.window_s);
                hx_window_fill(&full, &rate, trial.now);
                full.long_form = 1;
                assert_memory_equal(&full, trial.s.w, sizeof(hx_window_t));
            }
        }

        if (!change) {
            *trial.s.w = saved;
            trial.now += test_below(20000000);
            (void) step(hx_window_take);
        }
    }

    assert_int_equal(sigaction(SIGSEGV, &before, NULL), 0);
    assert_true(cuts[0] > 100);
    assert_true(cuts[1] > 30);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(regrouped),
        cmocka_unit_test(shorter),
        cmocka_unit_test(filled),
        cmocka_unit_test(cut_off),
        cmocka_unit_test(random_changes)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
