/*
 * hx_state_kill_test.c -- kill -9 in the middle of a request's two visits.  A
 * charge and the record that bears it both count, or neither does; a window
 * holds what it held, or one more; whoever comes next does not wait.
 */

#include "hx_test_state_kill.h"

#define HX_WINDOW_S   60
#define HX_AUDIT      "/nowhere/audit"
#define HX_RECORD     "{\"record\":1}\n"
#define HX_RECORDED   ((uint32_t) sizeof(HX_RECORD) - 1)

static hx_box_t           test_box;
static hx_state_answer_t  test_answer;
static hx_state_charge_t  test_a_charge;
static hx_state_ask_t     test_an_ask;

/* What holds before and after the operation. */
static uint64_t           test_before;
static uint64_t           test_after;


/* ---- charges */

static void
test_begin_record(void)
{
    size_t    room;
    uint32_t  last;

    if (hx_box_claim(&test_box, test_st, HX_AUDIT, HX_BOX) != HX_OK) {
        _exit(4);
    }

    memcpy(hx_box_room(&test_box, &last, &room), HX_RECORD, HX_RECORDED);
    test_a_charge.box = &test_box;
    test_a_charge.box_last = last + HX_RECORDED;
}


static void
test_op_charge(void)
{
    (void) hx_state_charge(test_st, &test_a_charge);
}


static uint32_t
test_box_last(void)
{
    hx_box_t  box;
    uint32_t  last;
    size_t    room;

    assert_int_equal(hx_box_claim(&box, test_st, HX_AUDIT, HX_BOX), HX_OK);
    (void) hx_box_room(&box, &last, &room);
    hx_box_release(&box);

    return last;
}


static int
test_is_unsaved(const char *id)
{
    uint32_t         cursor;
    hx_state_used_t  used;

    cursor = 0;

    while (hx_state_unsaved(test_st, &cursor, &used) == HX_OK) {
        if (used.id_len == strlen(id)
            && memcmp(used.id, id, used.id_len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static void
test_both_or_neither(void)
{
    char      id[HX_TENANT_MAX + 1];
    uint32_t  last;
    uint64_t  used;

    memcpy(id, test_a_charge.id.data, test_a_charge.id.len);
    id[test_a_charge.id.len] = '\0';

    /* whoever comes first takes back what the dead had begun */

    if (test_other_way) {
        used = test_used(id, test_a_charge.operation);
        last = test_box_last();

    } else {
        last = test_box_last();
        used = test_used(id, test_a_charge.operation);
    }

    if (last == 0) {
        assert_int_equal(used, test_before);

    } else {
        assert_int_equal(last, HX_RECORDED);
        assert_int_equal(used, test_after);
        assert_true(test_is_unsaved(id));
        assert_int_equal(test_st->head->unclean, 1);
    }
}


static void
test_charge_of(const char *id, unsigned operation, uint32_t tenths)
{
    memset(&test_a_charge, 0, sizeof(test_a_charge));
    test_a_charge.id = test_str(id);
    test_a_charge.month = HX_MONTH;
    test_a_charge.operation = operation;
    test_a_charge.tenths = tenths;

    test_before = test_there(id) ? test_used(id, operation) : 0;
    test_after = test_before + tenths;
    assert_int_equal(test_save(), test_before != 0);
}


static const test_scene_t  test_charged = {
    { test_begin_record, test_op_charge }, test_both_or_neither, NULL, 0
};


static void
charge_killed(void **state)
{
    test_charge("a", 1, 5);
    test_charge_of("a", 1, 10);
    test_kill_all(&test_charged);
}


static void
charge_of_a_new_tenant_killed(void **state)
{
    test_charge_of("a", 1, 10);
    test_kill_all(&test_charged);
}


static void
charge_into_a_new_block_killed(void **state)
{
    unsigned  op;

    for (op = 2; op <= 1 + HX_STATE_INLINE; op++) {
        test_charge("a", op, 7);
    }

    assert_int_equal(test_save(), 1);
    test_charge_of("a", 1, 10);
    test_kill_all(&test_charged);
}


static void
charge_in_a_further_block_killed(void **state)
{
    unsigned  op;

    for (op = 2; op <= 40; op++) {
        test_charge("a", op, 7);
    }

    assert_int_equal(test_save(), 1);
    test_charge_of("a", 1, 10);
    test_kill_all(&test_charged);
}


/* With a quota: 40 of 100 are used elsewhere. */
static void
test_quota(uint32_t cost)
{
    test_an_ask = test_question("a", 0, 0);
    test_an_ask.quota = 100;
    test_an_ask.cost = cost;

    assert_int_equal(hx_state_ask(test_st, &test_an_ask, &test_answer),
                     HX_OK);
    assert_int_equal(test_answer.verdict, HX_STATE_BASE);
    assert_int_equal(hx_state_base(test_st, &test_an_ask.id,
                                   test_answer.incarnation, HX_MONTH, 40),
                     HX_OK);
}


static void
test_nothing_is_held(void)
{
    uint32_t           left;
    hx_state_ask_t     ask;
    hx_state_answer_t  answer;

    /* the box of the dead is found: what it had set aside is let go */

    (void) test_box_last();

    left = (uint32_t) (60 - test_used("a", 1));
    ask = test_question("a", 0, 0);
    ask.quota = 100;
    ask.look = 1;
    ask.cost = left;
    assert_int_equal(hx_state_ask(test_st, &ask, &answer), HX_OK);
    assert_int_equal(answer.verdict, HX_STATE_ADMITTED);
    ask.cost = left + 1;
    assert_int_equal(hx_state_ask(test_st, &ask, &answer), HX_OK);
    assert_int_equal(answer.verdict, HX_STATE_QUOTA);
}


static void
test_op_ask(void)
{
    (void) hx_state_ask(test_st, &test_an_ask, &test_answer);
}


static void
test_op_ask_and_charge(void)
{
    (void) hx_state_ask(test_st, &test_an_ask, &test_answer);
    (void) hx_state_charge(test_st, &test_a_charge);
}


static void
quota_killed(void **state)
{
    static const test_scene_t  scene = {
        { test_begin_record, test_op_ask_and_charge }, test_nothing_is_held,
        test_both_or_neither, 0
    };

    test_quota(30);
    test_charge_of("a", 1, 30);
    test_a_charge.answer = &test_answer;
    test_kill_all(&scene);
}


/* ---- windows */

static void
test_window_holds(void)
{
    uint32_t  left;

    left = test_remaining("a", test_an_ask.rate.requests,
                          test_an_ask.rate.window_s);

    if (left != test_before && left != test_after) {
        print_error("%u are left, not %u or %u\n", left,
                    (unsigned) test_before, (unsigned) test_after);
        fail();
    }
}


/* Who is admitted from here on fills it up, and no more. */
static void
test_window_fills(void)
{
    uint32_t  left, n;

    left = test_remaining("a", test_an_ask.rate.requests,
                          test_an_ask.rate.window_s);

    for (n = 0; test_ask("a", test_an_ask.rate.requests,
                         test_an_ask.rate.window_s) == HX_STATE_ADMITTED; n++)
    {
        assert_true(n < left);
    }

    assert_int_equal(n, left);

    test_now += (test_an_ask.rate.window_s + 1) * HX_SECOND;
    assert_int_equal(test_remaining("a", test_an_ask.rate.requests,
                                    test_an_ask.rate.window_s),
                     test_an_ask.rate.requests);
}


/* A scene from what is there: the next request, of a rate. */
static void
test_asks(uint32_t requests, uint32_t window_s, int look)
{
    static const test_scene_t  scene = {
        { NULL, test_op_ask }, test_window_holds, test_window_fills, 0
    };

    test_an_ask = test_question("a", requests, window_s);
    test_an_ask.look = look != 0;

    test_keep();
    test_before = test_remaining("a", requests, window_s);
    test_again();

    test_after = test_before != 0 && !look ? test_before - 1 : test_before;

    test_kill_all(&scene);
}


static void
test_admit(unsigned n, uint32_t requests, uint64_t apart)
{
    hx_str_t  id;

    /* the first place is another one's */

    id = test_str("b");
    assert_int_equal(hx_state_reserve(test_st, &id), HX_OK);

    for ( /* void */ ; n != 0; n--) {
        assert_int_equal(test_ask("a", requests, HX_WINDOW_S),
                         HX_STATE_ADMITTED);
        test_now += apart;
    }
}


static void
ask_killed(void **state)
{
    test_admit(3, 10, HX_SECOND);
    test_asks(10, HX_WINDOW_S, 0);
}


static void
refusal_killed(void **state)
{
    test_admit(10, 10, HX_SECOND);
    test_asks(10, HX_WINDOW_S, 0);
}


static void
growing_killed(void **state)
{
    test_admit(16, 100, HX_SECOND);
    test_asks(100, HX_WINDOW_S, 0);
}


/* The ring spills into the bits, and the oldest leave them. */
static void
long_form_killed(void **state)
{
    test_admit(24, 100, HX_SECOND / 10);
    test_asks(100, HX_WINDOW_S, 0);

    test_again();
    test_now += (HX_WINDOW_S - 2) * HX_SECOND;
    test_asks(100, HX_WINDOW_S, 0);
}


static void
release_killed(void **state)
{
    test_admit(40, 100, HX_SECOND);
    test_now += 2 * HX_WINDOW_S * HX_SECOND;
    test_asks(100, HX_WINDOW_S, 0);
    test_again();
    test_asks(100, HX_WINDOW_S, 1);
}


static void
short_rate_change_killed(void **state)
{
    test_admit(10, 20, HX_SECOND);
    test_asks(30, 2 * HX_WINDOW_S, 0);
    test_again();
    test_asks(5, HX_WINDOW_S, 1);
}


/* Its bits are in pieces meanwhile: then all of it counts as used. */
static void
test_filled_or_held(void)
{
    uint32_t  left;

    left = test_remaining("a", test_an_ask.rate.requests,
                          test_an_ask.rate.window_s);

    if (left != test_before && left != test_before - 1 && left != 0) {
        print_error("%u are left, not %u, one less or none\n", left,
                    (unsigned) test_before);
        fail();
    }
}


static void
long_rate_change_killed(void **state)
{
    static const test_scene_t  scene = {
        { NULL, test_op_ask }, test_filled_or_held, test_window_fills, 0
    };

    test_admit(60, 100, HX_SECOND / 4);
    test_keep();

    test_an_ask = test_question("a", 80, 50);
    test_before = test_remaining("a", 80, 50);
    assert_int_equal(test_before, 20);
    test_again();
    test_kill_all(&scene);

    /* in groups of two, the newest that the window has room for */

    test_an_ask = test_question("a", 4000, HX_WINDOW_S);
    test_again();
    test_before = test_remaining("a", 4000, HX_WINDOW_S);
    test_again();
    test_kill_all(&scene);
}


int
main(void)
{
#define T(f)  cmocka_unit_test_setup_teardown(f, test_state_make_none,        \
                                              test_state_remove)
    const struct CMUnitTest  tests[] = {
        T(charge_killed), T(charge_of_a_new_tenant_killed),
        T(charge_into_a_new_block_killed),
        T(charge_in_a_further_block_killed), T(quota_killed), T(ask_killed),
        T(refusal_killed), T(growing_killed), T(long_form_killed),
        T(release_killed), T(short_rate_change_killed),
        T(long_rate_change_killed)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
