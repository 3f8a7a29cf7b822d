/*
 * hx_state_name_test.c -- names in the shared memory: sources of usage, numbers
 * of operations; and whether it holds anything that is nowhere else.
 */

#include "hx_test_state.h"

#define HX_OPS   255


static hx_str_t
test_operation(unsigned n)
{
    static char  name[HX_STATE_NAME + 1];

    (void) snprintf(name, sizeof(name), "operation-%u", n);

    return test_str(name);
}


static uint32_t
test_incarnation(const char *id)
{
    hx_str_t         s;
    hx_state_used_t  used;

    s = test_str(id);
    assert_int_equal(hx_state_used(test_st, &s, &used), HX_OK);

    return used.incarnation;
}


static void
sources_differ(void **state)
{
    uint32_t       a, b;
    unsigned char  one[HX_STATE_SOURCE], two[HX_STATE_SOURCE];

    test_charge("a", 1, 1);
    test_charge("b", 1, 1);
    a = test_incarnation("a");
    b = test_incarnation("b");
    assert_int_not_equal(a, b);

    hx_state_source(test_st, a, one);
    hx_state_source(test_st, b, two);
    assert_memory_equal(one, two, 8);
    assert_memory_not_equal(one, two, HX_STATE_SOURCE);

    hx_state_source(test_st, 0x01020304, two);
    assert_memory_equal(two + 8, "\1\2\3\4", 4);

    /* the same memory later, another memory */

    test_reopen();
    assert_int_equal(test_incarnation("a"), a);
    hx_state_source(test_st, a, two);
    assert_memory_equal(one, two, HX_STATE_SOURCE);

    assert_int_equal(unlink(test_st_path), 0);
    test_reopen();
    hx_state_source(test_st, a, two);
    assert_memory_not_equal(one, two, 8);
}


static int
test_other_names(void *data)
{
    unsigned     n;
    hx_str_t     name;
    hx_state_t  *st;

    if (hx_state_open(&st, &test_st_conf, test_st_err) != HX_OK) {
        return 2;
    }

    for (n = HX_OPS; n >= 1; n--) {
        name = test_operation(n);

        if (hx_state_operation(st, &name) != n) {
            return 3;
        }
    }

    return 0;
}


static void
operations_keep_their_numbers(void **state)
{
    char      long_name[HX_STATE_NAME + 1];
    unsigned  n;
    hx_str_t  name, is;

    for (n = 1; n <= HX_OPS; n++) {
        name = test_operation(n);
        assert_int_equal(hx_state_operation(test_st, &name), n);
        assert_int_equal(hx_state_operation(test_st, &name), n);
        is = hx_state_operation_name(test_st, n);
        assert_true(test_same(&is, &name));
    }

    name = test_str("one more");
    assert_int_equal(hx_state_operation(test_st, &name), 0);
    assert_int_equal(hx_state_operation_name(test_st, 0).len, 0);
    assert_int_equal(hx_state_operation_name(test_st, HX_OPS + 1).len, 0);

    assert_int_equal(test_in_child(test_other_names, NULL), 0);
    test_reopen();
    assert_int_equal(test_in_child(test_other_names, NULL), 0);

    /* names that are none, and the longest, in a memory of their own */

    assert_int_equal(unlink(test_st_path), 0);
    test_reopen();
    assert_int_equal(hx_state_operation_name(test_st, 1).len, 0);
    name = test_str("");
    assert_int_equal(hx_state_operation(test_st, &name), 0);
    memset(long_name, 'x', sizeof(long_name));
    name.data = (unsigned char *) long_name;
    name.len = HX_STATE_NAME + 1;
    assert_int_equal(hx_state_operation(test_st, &name), 0);
    name.len = HX_STATE_NAME;
    assert_int_equal(hx_state_operation(test_st, &name), 1);
    name.len = HX_STATE_NAME - 1;
    assert_int_equal(hx_state_operation(test_st, &name), 2);
}


/* ---- is there anything that is nowhere else? */

static uint32_t
test_unclean(void)
{
    hx_state_note(test_st);

    return test_st->head->unclean;
}


static void
noted_what_is_nowhere_else(void **state)
{
    uint32_t  last;
    size_t    room;
    hx_box_t  box;

    assert_int_equal(test_unclean(), 0);
    (void) test_ask("a", 10, 60);
    assert_int_equal(test_unclean(), 0);

    test_charge("a", 1, 1);
    assert_int_equal(test_st->head->unclean, 1);
    assert_int_equal(test_unclean(), 1);
    assert_int_equal(test_save(), 1);
    assert_int_equal(test_unclean(), 0);

    assert_int_equal(hx_box_claim(&box, test_st, "/nowhere/audit", HX_BOX),
                     HX_OK);
    (void) hx_box_room(&box, &last, &room);
    assert_int_equal(test_unclean(), 0);
    hx_box_advance(&box, last + 10);
    assert_int_equal(test_st->head->unclean, 1);
    assert_int_equal(test_unclean(), 1);
    hx_box_advance(&box, 0);
    assert_int_equal(test_unclean(), 0);
    hx_box_release(&box);
}


int
main(void)
{
#define T(f)  cmocka_unit_test_setup_teardown(f, test_state_make,             \
                                              test_state_remove)
    const struct CMUnitTest  tests[] = {
        T(sources_differ), T(operations_keep_their_numbers),
        T(noted_what_is_nowhere_else)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
