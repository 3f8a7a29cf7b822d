/*
 * hx_state_kill_tenant_test.c -- kill -9 while places of tenants are made and
 * taken, and in the list of free blocks.
 */

#include "hx_test_state_kill.h"

#define HX_WINDOW_S   60

static hx_state_ask_t     test_an_ask;
static hx_state_answer_t  test_answer;


static void
test_op_ask(void)
{
    (void) hx_state_ask(test_st, &test_an_ask, &test_answer);
}


/* Every tenant once, and nobody who is not listed: how many. */
static unsigned
test_listed(void)
{
    unsigned         n;
    uint32_t         cursor;
    hx_state_used_t  used;

    cursor = 0;
    for (n = 0; hx_state_next(test_st, &cursor, &used) == HX_OK; n++) { }

    return n;
}


/* ---- a place is made */

static char  test_chain[3][16];


/* Three tenants in one chain. */
static void
test_make_chain(void)
{
    char      id[16];
    unsigned  i, n;
    hx_str_t  s;
    uint32_t  mask;

    mask = test_st->head->n_index - 1;

    for (i = 0, n = 0; n < 3; i++) {
        (void) snprintf(id, sizeof(id), "c%u", i);
        s = test_str(id);

        if ((hx_state_hash(&s) & mask) == 77) {
            memcpy(test_chain[n++], id, sizeof(id));
        }
    }
}


static void
test_found_whole(void)
{
    unsigned  there;

    assert_int_equal(test_used(test_chain[0], 1), 5);
    assert_int_equal(test_used(test_chain[1], 1), 6);
    assert_int_equal(test_remaining(test_chain[0], 10, HX_WINDOW_S), 9);

    there = test_there(test_chain[2]) ? 1 : 0;
    assert_int_equal(test_listed(), 2 + there);

    if (there) {
        assert_int_equal(test_used(test_chain[2], 1), 0);
    }
}


static void
test_is_made_now(void)
{
    uint32_t  left;

    left = test_remaining(test_chain[2], 10, HX_WINDOW_S);
    assert_true(left == 10 || left == 9);
    assert_int_equal(test_ask(test_chain[2], 10, HX_WINDOW_S),
                     HX_STATE_ADMITTED);
    test_charge(test_chain[2], 1, 7);
    assert_int_equal(test_used(test_chain[2], 1), 7);
    assert_int_equal(test_listed(), 3);
}


static void
creation_killed(void **state)
{
    static const test_scene_t  scene = {
        { NULL, test_op_ask }, test_found_whole, test_is_made_now, 0
    };

    test_make_chain();
    assert_int_equal(test_ask(test_chain[0], 10, HX_WINDOW_S),
                     HX_STATE_ADMITTED);
    test_charge(test_chain[0], 1, 5);
    test_charge(test_chain[1], 1, 6);

    test_an_ask = test_question(test_chain[2], 10, HX_WINDOW_S);
    test_kill_all(&scene);
}


/* ---- a place is taken */

static unsigned  test_crowd;


static void
test_others_stay(void)
{
    unsigned  n;

    /* who counts is there, and of the idle ones one may have gone */

    assert_int_equal(test_used("charged", 1), 5);
    assert_int_equal(test_remaining("counting", 10, HX_WINDOW_S), 9);
    assert_true(test_there("exposed"));

    n = test_listed();
    assert_in_range(n, test_crowd - 1, test_crowd);

    if (test_there("big")) {
        assert_int_equal(test_used("big", 60), 1);
    }
}


/* The places of all idle ones are to be had, and of who was being evicted. */
static void
test_room_is_made(void)
{
    char               id[16];
    unsigned           i;
    test_walk_t        w;
    hx_state_ask_t     ask;
    hx_state_answer_t  answer;

    for (i = 0; ; i++) {
        (void) snprintf(id, sizeof(id), "late-%u", i);
        ask = test_question(id, 10, HX_WINDOW_S);

        if (hx_state_ask(test_st, &ask, &answer) != HX_OK) {
            break;
        }
    }

    test_walk(test_st, &w);
    assert_int_equal(w.free, 0);
    assert_int_equal(w.left, 0);
    assert_true(w.lost <= HX_LEAKS);
    assert_false(test_there("big"));
    assert_false(test_there("idle-0"));

    assert_int_equal(test_used("charged", 1), 5);
    assert_int_equal(test_remaining("counting", 10, HX_WINDOW_S), 9);

    /* metrics begin anew when the memory is opened alone */

    assert_true(test_there("exposed") || !test_in_use);
}


static void
eviction_killed(void **state)
{
    char             id[16];
    unsigned         i;
    hx_str_t         s;
    hx_state_used_t  used;

    static const test_scene_t  scene = {
        { NULL, test_op_ask }, test_others_stay, test_room_is_made, 0
    };

    /* the first to be evicted has blocks of all kinds */

    for (i = 1; i <= 60; i++) {
        assert_int_equal(test_ask("big", 100, HX_WINDOW_S),
                         HX_STATE_ADMITTED);
        test_charge("big", i, 1);
    }

    assert_int_equal(test_save(), 1);
    test_charge("charged", 1, 5);
    s = test_str("exposed");
    assert_int_equal(hx_state_reserve(test_st, &s), HX_OK);
    assert_int_equal(hx_state_used(test_st, &s, &used), HX_OK);
    hx_state_place(test_st, used.block, used.incarnation, 3);

    test_now += (HX_WINDOW_S + 1) * HX_SECOND;
    assert_int_equal(test_ask("counting", 10, HX_WINDOW_S),
                     HX_STATE_ADMITTED);

    for (i = 0; test_st->head->used < test_st->head->n_blocks - 1; i++) {
        (void) snprintf(id, sizeof(id), "idle-%u", i);
        s = test_str(id);
        assert_int_equal(hx_state_reserve(test_st, &s), HX_OK);
    }

    test_crowd = (unsigned) test_st->head->tenants;
    test_st->head->cursor = 1;
    test_an_ask = test_question("new", 10, HX_WINDOW_S);
    test_kill_all(&scene);

    /* the new one is there at last, and the big one is not */

    test_again();
    test_op_ask();
    assert_true(test_there("new"));
    assert_false(test_there("big"));
}


/* ---- blocks */

static void
test_op_allocator(void)
{
    uint32_t  a, b;

    a = hx_state_alloc(test_st, HX_BLOCK_MORE);
    b = hx_state_alloc(test_st, HX_BLOCK_BITS);
    hx_state_free(test_st, a);
    hx_state_free(test_st, b);
}


static void
test_blocks_go_on(void)
{
    unsigned  i;

    for (i = 0; i < 3; i++) {
        test_op_allocator();
    }
}


static void
test_nothing(void)
{
}


static void
allocator_killed(void **state)
{
    uint32_t  n;

    /* the second of them comes from those that were never used */

    static const test_scene_t  scene = {
        { NULL, test_op_allocator }, test_nothing, test_blocks_go_on, 0
    };

    n = hx_state_alloc(test_st, HX_BLOCK_MORE);
    hx_state_free(test_st, n);
    test_leaks = 2;
    test_kill_all(&scene);
    test_leaks = HX_LEAKS;
}


int
main(void)
{
#define T(f)  cmocka_unit_test_setup_teardown(f, test_state_make_none,        \
                                              test_state_remove)
    const struct CMUnitTest  tests[] = {
        T(creation_killed), T(eviction_killed), T(allocator_killed)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
