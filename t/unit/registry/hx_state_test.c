/*
 * hx_state_test.c -- windows and quotas in the shared memory: who is admitted,
 * and that both or neither are taken.
 */

#include "hx_test_state.h"

#define HX_WINDOW_S   60
#define HX_BUCKET     (HX_WINDOW_S * HX_SECOND / HX_WINDOW_BUCKETS)


/* ---- windows */

static void
window_is_exact(void **state)
{
    unsigned  i;
    uint64_t  begin;

    begin = test_now;

    for (i = 0; i < 10; i++) {
        assert_int_equal(test_ask("a", 10, HX_WINDOW_S), HX_STATE_ADMITTED);
        test_now += HX_SECOND;
    }

    for (i = 0; i < 100; i++) {
        assert_int_equal(test_ask("a", 10, HX_WINDOW_S), HX_STATE_RATE);
    }

    /* others have their own */

    assert_int_equal(test_ask("b", 10, HX_WINDOW_S), HX_STATE_ADMITTED);

    for (i = 0; i < 10; i++) {
        test_now = begin + (HX_WINDOW_S + i) * HX_SECOND;
        assert_int_equal(test_ask("a", 10, HX_WINDOW_S), HX_STATE_RATE);

        test_now += 2 * HX_BUCKET;
        assert_int_equal(test_ask("a", 10, HX_WINDOW_S), HX_STATE_ADMITTED);
        assert_int_equal(test_ask("a", 10, HX_WINDOW_S), HX_STATE_RATE);
    }

    test_whole(test_st);
}


static void
refusal_says_when(void **state)
{
    hx_state_ask_t     ask;
    hx_state_answer_t  answer;

    ask = test_question("a", 2, HX_WINDOW_S);
    assert_int_equal(hx_state_ask(test_st, &ask, &answer), HX_OK);
    assert_int_equal(answer.verdict, HX_STATE_ADMITTED);
    assert_int_equal(answer.view.remaining, 1);
    assert_int_equal(answer.held, 0);
    assert_int_equal(answer.place, 0);

    test_now += HX_SECOND;
    assert_int_equal(hx_state_ask(test_st, &ask, &answer), HX_OK);
    assert_int_equal(answer.view.remaining, 0);

    test_now += HX_SECOND;
    assert_int_equal(hx_state_ask(test_st, &ask, &answer), HX_OK);
    assert_int_equal(answer.verdict, HX_STATE_RATE);
    assert_in_range(answer.view.retry, 58 * HX_SECOND,
                    58 * HX_SECOND + HX_BUCKET);
    assert_in_range(answer.view.reset, 59 * HX_SECOND,
                    59 * HX_SECOND + HX_BUCKET);

    test_now += answer.view.retry - 1;
    assert_int_equal(hx_state_ask(test_st, &ask, &answer), HX_OK);
    assert_int_equal(answer.verdict, HX_STATE_RATE);

    test_now++;
    assert_int_equal(hx_state_ask(test_st, &ask, &answer), HX_OK);
    assert_int_equal(answer.verdict, HX_STATE_ADMITTED);
}


static void
looking_takes_nothing(void **state)
{
    unsigned           i;
    hx_state_ask_t     ask;
    hx_state_answer_t  answer;

    for (i = 0; i < 100; i++) {
        assert_int_equal(test_remaining("a", 3, HX_WINDOW_S), 3);
    }

    assert_int_equal(test_ask("a", 3, HX_WINDOW_S), HX_STATE_ADMITTED);
    assert_int_equal(test_remaining("a", 3, HX_WINDOW_S), 2);

    /* nothing is asked of a window */

    ask = test_question("a", 0, 0);
    assert_int_equal(hx_state_ask(test_st, &ask, &answer), HX_OK);
    assert_int_equal(answer.verdict, HX_STATE_ADMITTED);
    assert_int_equal(answer.windowed, 0);
    assert_int_equal(test_remaining("a", 3, HX_WINDOW_S), 2);
}


static void
force_passes_without_counting(void **state)
{
    unsigned           i;
    hx_state_ask_t     ask;
    hx_state_answer_t  answer;

    ask = test_question("a", 2, HX_WINDOW_S);
    ask.force = 1;
    ask.quota = 1000;
    ask.cost = 1;

    assert_int_equal(hx_state_ask(test_st, &ask, &answer), HX_OK);
    assert_int_equal(answer.verdict, HX_STATE_BASE);
    assert_int_equal(hx_state_base(test_st, &ask.id, answer.incarnation,
                                   HX_MONTH, 0), HX_OK);

    for (i = 0; i < 10; i++) {
        assert_int_equal(hx_state_ask(test_st, &ask, &answer), HX_OK);
        assert_int_equal(answer.verdict, i < 2 ? HX_STATE_ADMITTED
                                               : HX_STATE_RATE);

        /* it is on its way, whatever the window says */

        assert_int_equal(answer.held, 1);
    }

    test_now += HX_WINDOW_S * HX_SECOND + 2 * HX_BUCKET;
    assert_int_equal(test_remaining("a", 2, HX_WINDOW_S), 2);
}


static uint64_t
test_blocks(void)
{
    hx_state_info_t  info;

    hx_state_info(test_st, &info);

    return info.blocks_used;
}


static void
long_form_comes_and_goes(void **state)
{
    unsigned  i, round;

    for (round = 0; round < 3; round++) {

        for (i = 0; i < 16; i++) {
            assert_int_equal(test_ask("a", 100, HX_WINDOW_S),
                             HX_STATE_ADMITTED);
        }

        assert_int_equal(test_blocks(), 1);

        for ( /* void */ ; i < 100; i++) {
            assert_int_equal(test_ask("a", 100, HX_WINDOW_S),
                             HX_STATE_ADMITTED);
        }

        assert_int_equal(test_blocks(), 4);
        assert_int_equal(test_ask("a", 100, HX_WINDOW_S), HX_STATE_RATE);
        test_whole(test_st);

        /* what counted has left, but for a burst in each window it stays */

        test_now += HX_WINDOW_S * HX_SECOND + 2 * HX_BUCKET;
        assert_int_equal(test_remaining("a", 100, HX_WINDOW_S), 100);
        assert_int_equal(test_blocks(), 4);

        test_now += HX_WINDOW_S * HX_SECOND;
    }

    assert_int_equal(test_ask("a", 100, HX_WINDOW_S), HX_STATE_ADMITTED);
    assert_int_equal(test_blocks(), 1);
    assert_int_equal(test_remaining("a", 100, HX_WINDOW_S), 99);
    test_whole(test_st);
}


static void
rate_changes_keep_what_counts(void **state)
{
    unsigned  i;

    for (i = 0; i < 50; i++) {
        assert_int_equal(test_ask("a", 100, HX_WINDOW_S), HX_STATE_ADMITTED);
    }

    assert_int_equal(test_remaining("a", 60, HX_WINDOW_S), 10);
    assert_int_equal(test_remaining("a", 40, HX_WINDOW_S), 0);
    assert_int_equal(test_remaining("a", 1000, 10), 950);
    assert_int_equal(test_remaining("a", 5000, HX_WINDOW_S), 4950);
    assert_int_equal(test_remaining("a", 100, HX_WINDOW_S), 50);
    test_whole(test_st);
}


/* ---- quotas */

typedef struct {
    hx_state_ask_t      ask;
    hx_state_answer_t   answer;
} test_visit_t;


static int
test_come(test_visit_t *v, uint32_t cost)
{
    v->ask.cost = cost;
    assert_int_equal(hx_state_ask(test_st, &v->ask, &v->answer), HX_OK);

    return v->answer.verdict;
}


static void
test_leave(const test_visit_t *v, unsigned operation, uint32_t tenths)
{
    hx_state_charge_t  c;

    memset(&c, 0, sizeof(hx_state_charge_t));
    c.id = v->ask.id;
    c.answer = &v->answer;
    c.month = v->ask.month;
    c.operation = operation;
    c.tenths = tenths;

    assert_int_equal(hx_state_charge(test_st, &c), HX_OK);
}


static void
test_base(test_visit_t *v, const char *id, uint64_t quota, uint64_t base)
{
    v->ask = test_question(id, 0, 0);
    v->ask.quota = quota;

    assert_int_equal(test_come(v, 0), HX_STATE_BASE);
    assert_int_equal(hx_state_base(test_st, &v->ask.id,
                                   v->answer.incarnation, HX_MONTH, base),
                     HX_OK);
}


static void
quota_counts_what_is_on_its_way(void **state)
{
    test_visit_t  a, b, c;

    test_base(&a, "a", 100, 40);
    b = a;
    c = a;

    assert_int_equal(test_come(&a, 30), HX_STATE_ADMITTED);
    assert_int_equal(a.answer.held, 30);
    assert_int_equal(test_come(&b, 30), HX_STATE_ADMITTED);
    assert_int_equal(test_come(&c, 1), HX_STATE_QUOTA);
    assert_int_equal(c.answer.held, 0);
    assert_int_equal(c.answer.used, 40);        /* without them */
    assert_int_equal(test_come(&c, 0), HX_STATE_ADMITTED);

    /* charged: it is used now, no more and no less */

    test_leave(&a, 1, 30);
    assert_int_equal(test_come(&c, 1), HX_STATE_QUOTA);
    assert_int_equal(c.answer.used, 70);

    /* not charged: it is free again */

    test_leave(&b, 0, 0);
    assert_int_equal(test_come(&c, 31), HX_STATE_QUOTA);
    assert_int_equal(test_come(&c, 30), HX_STATE_ADMITTED);

    /* less was charged than was set aside */

    test_leave(&c, 2, 5);
    assert_int_equal(test_come(&c, 25), HX_STATE_ADMITTED);
    test_leave(&c, 2, 25);
    assert_int_equal(test_come(&c, 1), HX_STATE_QUOTA);

    assert_int_equal(test_used("a", 1), 30);
    assert_int_equal(test_used("a", 2), 30);
}


static void
looking_sets_nothing_aside(void **state)
{
    unsigned      i;
    test_visit_t  v;

    test_base(&v, "a", 10, 0);
    v.ask.look = 1;

    for (i = 0; i < 20; i++) {
        assert_int_equal(test_come(&v, 10), HX_STATE_ADMITTED);
        assert_int_equal(v.answer.held, 0);
    }

    assert_int_equal(test_come(&v, 11), HX_STATE_QUOTA);
}


static void
quota_or_window_alone_take_nothing(void **state)
{
    unsigned      i;
    test_visit_t  v;

    test_base(&v, "a", 100, 0);
    v.ask.rate.requests = 3;
    v.ask.rate.window_s = HX_WINDOW_S;

    /* refused by the quota: not counted in the window, but told about it */

    for (i = 0; i < 10; i++) {
        assert_int_equal(test_come(&v, 101), HX_STATE_QUOTA);
        assert_true(v.answer.windowed);
        assert_int_equal(v.answer.view.remaining, 3);
    }

    /* refused by the window: nothing is set aside */

    for (i = 0; i < 3; i++) {
        assert_int_equal(test_come(&v, 10), HX_STATE_ADMITTED);
    }

    for (i = 0; i < 10; i++) {
        assert_int_equal(test_come(&v, 10), HX_STATE_RATE);
        assert_int_equal(v.answer.held, 0);
    }

    v.ask.rate.requests = 100;
    assert_int_equal(test_come(&v, 71), HX_STATE_QUOTA);
    assert_int_equal(test_come(&v, 70), HX_STATE_ADMITTED);
}


static void
month_changes(void **state)
{
    test_visit_t  v, old;

    test_base(&v, "a", 100, 90);
    assert_int_equal(test_come(&v, 10), HX_STATE_ADMITTED);
    old = v;

    v.ask.month = HX_MONTH + 1;
    assert_int_equal(test_come(&v, 100), HX_STATE_BASE);
    assert_int_equal(hx_state_base(test_st, &v.ask.id, v.answer.incarnation,
                                   HX_MONTH + 1, 20), HX_OK);

    /* what is on its way may be charged to either month: it is set aside in
     * this one too */

    assert_int_equal(test_come(&v, 71), HX_STATE_QUOTA);
    test_leave(&old, 1, 10);
    assert_int_equal(test_come(&v, 81), HX_STATE_QUOTA);
    assert_int_equal(test_come(&v, 80), HX_STATE_ADMITTED);
    test_leave(&v, 1, 80);

    assert_int_equal(test_used_in("a", 1, HX_MONTH), 10);
    assert_int_equal(test_used_in("a", 1, HX_MONTH + 1), 80);
}


static void
base_is_of_one_life(void **state)
{
    hx_str_t      id;
    test_visit_t  v;

    test_base(&v, "a", 100, 0);
    id = v.ask.id;

    assert_int_equal(hx_state_base(test_st, &id, v.answer.incarnation + 1,
                                   HX_MONTH, 100), HX_NO);
    assert_int_equal(test_come(&v, 100), HX_STATE_ADMITTED);

    /* and no place is made for one that has none */

    id = test_str("nobody");
    assert_int_equal(hx_state_base(test_st, &id, 1, HX_MONTH, 0), HX_NO);
    assert_false(test_there("nobody"));
}


static void
huge_quotas(void **state)
{
    unsigned      i;
    test_visit_t  v;

    test_base(&v, "a", UINT64_MAX - 1, UINT64_MAX / 2);

    for (i = 0; i < 3; i++) {
        assert_int_equal(test_come(&v, UINT32_MAX - 1), HX_STATE_ADMITTED);
    }

    /* no more can be set aside, and none of it is let go twice */

    test_leave(&v, 0, 0);
    assert_int_equal(test_come(&v, 7), HX_STATE_ADMITTED);
    test_leave(&v, 1, 7);
    assert_int_equal(test_used("a", 1), 7);
}


int
main(void)
{
#define T(f)  cmocka_unit_test_setup_teardown(f, test_state_make,             \
                                              test_state_remove)
    const struct CMUnitTest  tests[] = {
        T(window_is_exact), T(refusal_says_when), T(looking_takes_nothing),
        T(force_passes_without_counting), T(long_form_comes_and_goes),
        T(rate_changes_keep_what_counts), T(quota_counts_what_is_on_its_way),
        T(looking_sets_nothing_aside), T(quota_or_window_alone_take_nothing),
        T(month_changes), T(base_is_of_one_life), T(huge_quotas)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
