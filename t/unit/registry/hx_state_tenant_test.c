/*
 * hx_state_tenant_test.c -- places of tenants in a memory that is full: nobody
 * who counts loses its own, and who comes is told so; those of idle ones are
 * taken, whole, and they come back as another life.
 */

#include "hx_test_state.h"

#define HX_WINDOW_S   10


static hx_rc_t
test_try(const char *id, uint32_t requests)
{
    hx_state_ask_t     ask;
    hx_state_answer_t  answer;

    ask = test_question(id, requests, HX_WINDOW_S);

    return hx_state_ask(test_st, &ask, &answer);
}


static const char *
test_name(unsigned n)
{
    static char  text[32];

    (void) snprintf(text, sizeof(text), "tenant-%u", n);

    return text;
}


/* Admits one request of new tenants until there is no room; how many. */
static unsigned
test_crowd(unsigned from)
{
    unsigned  n;

    for (n = from; test_try(test_name(n), 10) == HX_OK; n++) {
        assert_true(n < 100000);
    }

    return n - from;
}


static void
test_pass(void)
{
    test_now += (HX_WINDOW_S + 1) * HX_SECOND;
}


static hx_state_info_t
test_info(void)
{
    hx_state_info_t  info;

    hx_state_info(test_st, &info);

    return info;
}


static uint32_t
test_life(const char *id)
{
    hx_str_t         s;
    hx_state_used_t  used;

    s = test_str(id);
    assert_int_equal(hx_state_used(test_st, &s, &used), HX_OK);

    return used.incarnation;
}


static void
full_of_the_living(void **state)
{
    unsigned         i, n;
    hx_str_t         id;
    hx_state_info_t  info;

    n = test_crowd(0);
    info = test_info();
    assert_int_equal(n, info.blocks);
    assert_int_equal(info.blocks_used, info.blocks);
    assert_int_equal(info.tenants, n);
    assert_int_equal(info.evicted, 0);
    assert_int_equal(info.full, 1);
    assert_int_equal(info.bytes, HX_ZONE);

    /* about a place for each 1/4 KB */

    assert_in_range(n, 850, HX_ZONE / HX_STATE_BLOCK);

    id = test_str("late");
    assert_int_equal(hx_state_reserve(test_st, &id), HX_FAIL);
    assert_int_equal(test_charge_in("late", 1, HX_MONTH, 5), HX_FAIL);
    assert_int_equal(test_info().full, 3);

    /* nobody has lost anything, but the long form is not to be had */

    for (i = 0; i < n; i++) {
        assert_int_equal(test_remaining(test_name(i), 10, HX_WINDOW_S), 9);
    }

    for (i = 1; i < 16; i++) {
        assert_int_equal(test_try("tenant-0", 100), HX_OK);
    }

    assert_int_equal(test_try("tenant-0", 100), HX_FAIL);
    assert_int_equal(test_remaining("tenant-0", 100, HX_WINDOW_S), 84);
    test_whole(test_st);
}


static void
idle_ones_make_room(void **state)
{
    unsigned         n;
    uint32_t         life;
    hx_state_info_t  info;

    n = test_crowd(0);
    life = test_life("tenant-7");
    test_pass();

    /* all of them, and by then the first of these are idle again */

    assert_int_equal(test_crowd(n), n);
    info = test_info();
    assert_int_equal(info.evicted, n);
    assert_int_equal(info.tenants, n);
    assert_false(test_there("tenant-7"));
    test_whole(test_st);

    test_pass();
    assert_int_equal(test_ask("tenant-7", 10, HX_WINDOW_S),
                     HX_STATE_ADMITTED);
    assert_int_not_equal(test_life("tenant-7"), life);
    assert_int_equal(test_remaining("tenant-7", 10, HX_WINDOW_S), 9);
    test_whole(test_st);
}


/* A tenant with all kinds of blocks is taken whole. */
static void
long_ones_make_room(void **state)
{
    unsigned  i, n;

    for (i = 0; i < 100; i++) {
        assert_int_equal(test_ask("long", 100, HX_WINDOW_S),
                         HX_STATE_ADMITTED);
        test_charge("long", 1 + i, 1);
    }

    assert_int_equal(test_info().blocks_used, 1 + 3 + 4);

    /* charged: it stays, however long ago */

    test_pass();
    n = test_crowd(0);
    assert_int_equal(n, test_info().blocks - 8);
    assert_true(test_there("long"));

    test_pass();
    assert_int_equal(test_crowd(n), n);
    assert_true(test_there("long"));
    assert_int_equal(test_used("long", 100), 1);

    /* stored: it goes */

    test_pass();
    assert_int_equal(test_save(), 1);
    assert_int_equal(test_crowd(2 * n), n + 8);
    assert_false(test_there("long"));
    test_whole(test_st);
}


static void
exposed_ones_stay(void **state)
{
    unsigned         n;
    hx_str_t         id;
    hx_state_used_t  used;

    n = test_crowd(0);
    id = test_str("tenant-3");
    assert_int_equal(hx_state_used(test_st, &id, &used), HX_OK);
    hx_state_place(test_st, used.block, used.incarnation, 1);

    test_pass();
    assert_int_equal(test_crowd(n), n - 1);
    assert_int_equal(test_life("tenant-3"), used.incarnation);

    hx_state_place(test_st, used.block, used.incarnation, 0);
    assert_int_equal(test_crowd(2 * n), 1);
    assert_false(test_there("tenant-3"));
}


static void
who_has_set_aside_stays(void **state)
{
    unsigned            n;
    hx_state_ask_t      ask;
    hx_state_answer_t   answer;
    hx_state_charge_t   c;

    ask = test_question("q", 0, 0);
    ask.quota = 100;
    ask.cost = 10;
    assert_int_equal(hx_state_ask(test_st, &ask, &answer), HX_OK);
    assert_int_equal(hx_state_base(test_st, &ask.id, answer.incarnation,
                                   HX_MONTH, 0), HX_OK);
    assert_int_equal(hx_state_ask(test_st, &ask, &answer), HX_OK);
    assert_int_equal(answer.held, 10);

    n = test_crowd(0);
    assert_true(test_there("q"));

    memset(&c, 0, sizeof(hx_state_charge_t));
    c.id = ask.id;
    c.answer = &answer;
    assert_int_equal(hx_state_charge(test_st, &c), HX_OK);

    assert_int_equal(test_crowd(n), 1);
    assert_false(test_there("q"));

    /* nothing is to be let go there any more, and no place is made for it */

    assert_int_equal(hx_state_charge(test_st, &c), HX_OK);
    assert_false(test_there("q"));
}


/* The request outlives its tenant's place: it is charged all the same. */
static void
charge_after_the_place_is_gone(void **state)
{
    uint32_t            life;
    unsigned            n;
    hx_state_ask_t      ask;
    hx_state_answer_t   answer;
    hx_state_charge_t   c;

    ask = test_question("a", 10, HX_WINDOW_S);
    assert_int_equal(hx_state_ask(test_st, &ask, &answer), HX_OK);
    life = answer.incarnation;
    test_charge("a", 1, 30);
    assert_int_equal(test_save(), 1);

    test_pass();
    n = test_crowd(0);
    assert_false(test_there("a"));
    assert_int_equal(n, test_info().blocks);

    memset(&c, 0, sizeof(hx_state_charge_t));
    c.id = ask.id;
    c.answer = &answer;
    c.month = HX_MONTH;
    c.operation = 1;
    c.tenths = 5;
    assert_int_equal(hx_state_charge(test_st, &c), HX_FAIL);

    test_pass();
    assert_int_equal(hx_state_charge(test_st, &c), HX_OK);
    assert_int_not_equal(test_life("a"), life);
    assert_int_equal(test_used("a", 1), 5);
    assert_int_equal(test_save(), 1);
}


/* What was set aside is let go even when there is no room for the charge. */
static void
charge_without_room(void **state)
{
    unsigned            op;
    uint32_t            last;
    size_t              room;
    hx_box_t            box;
    hx_state_ask_t      ask;
    hx_state_answer_t   answer;
    hx_state_charge_t   c;

    ask = test_question("q", 0, 0);
    ask.quota = 100;
    ask.cost = 60;
    assert_int_equal(hx_state_ask(test_st, &ask, &answer), HX_OK);
    assert_int_equal(hx_state_base(test_st, &ask.id, answer.incarnation,
                                   HX_MONTH, 0), HX_OK);

    for (op = 1; op <= HX_STATE_INLINE; op++) {
        test_charge("q", op, 1);
    }

    assert_int_equal(hx_state_ask(test_st, &ask, &answer), HX_OK);
    assert_int_equal(answer.held, 60);
    (void) test_crowd(0);

    assert_int_equal(hx_box_claim(&box, test_st, "/nowhere/audit", HX_BOX),
                     HX_OK);
    memset(hx_box_room(&box, &last, &room), 'x', 10);

    memset(&c, 0, sizeof(hx_state_charge_t));
    c.id = ask.id;
    c.answer = &answer;
    c.month = HX_MONTH;
    c.operation = op;
    c.tenths = 60;
    c.box = &box;
    c.box_last = last + 10;
    assert_int_equal(hx_state_charge(test_st, &c), HX_FAIL);
    assert_true(hx_box_empty(&box));
    assert_int_equal(test_used("q", op), 0);

    assert_int_equal(hx_state_ask(test_st, &ask, &answer), HX_OK);
    assert_int_equal(answer.verdict, HX_STATE_ADMITTED);

    /* an operation that is there already needs no room */

    c.operation = 1;
    assert_int_equal(hx_state_charge(test_st, &c), HX_OK);
    assert_false(hx_box_empty(&box));
    assert_int_equal(test_used("q", 1), 61);
    hx_box_advance(&box, 0);
    hx_box_release(&box);
}


static void
reserved_places(void **state)
{
    uint32_t  life;
    hx_str_t  id;

    id = test_str("a");
    assert_int_equal(hx_state_reserve(test_st, &id), HX_OK);
    life = test_life("a");
    assert_int_equal(hx_state_reserve(test_st, &id), HX_OK);
    assert_int_equal(test_life("a"), life);
    assert_int_equal(test_info().tenants, 1);
    assert_int_equal(test_ask("a", 1, 1), HX_STATE_ADMITTED);
    assert_int_equal(test_life("a"), life);
}


static void
names_of_tenants(void **state)
{
    char      text[HX_TENANT_MAX + 1];
    hx_str_t  id;

    memset(text, 'x', sizeof(text));
    id.data = (unsigned char *) text;

    id.len = 0;
    assert_int_equal(hx_state_reserve(test_st, &id), HX_FAIL);
    id.len = HX_TENANT_MAX + 1;
    assert_int_equal(hx_state_reserve(test_st, &id), HX_FAIL);
    assert_int_equal(test_info().tenants, 0);

    for (id.len = 1; id.len <= HX_TENANT_MAX; id.len++) {
        assert_int_equal(hx_state_reserve(test_st, &id), HX_OK);
    }

    assert_int_equal(test_info().tenants, HX_TENANT_MAX);
    test_whole(test_st);
}


int
main(void)
{
#define T(f)  cmocka_unit_test_setup_teardown(f, test_state_make,             \
                                              test_state_remove)
    const struct CMUnitTest  tests[] = {
        T(full_of_the_living), T(idle_ones_make_room), T(long_ones_make_room),
        T(exposed_ones_stay), T(who_has_set_aside_stays),
        T(charge_after_the_place_is_gone), T(charge_without_room),
        T(reserved_places), T(names_of_tenants)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
