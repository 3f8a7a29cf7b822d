/*
 * hx_state_share_test.c -- all who have the shared memory open see the same:
 * forked children, other processes, and the same one twice.
 */

#include "hx_test_state.h"

#define HX_WINDOW_S   60


static int
test_other(void *data)
{
    hx_state_conf_t  conf;
    hx_state_t      *st;
    hx_str_t         name;

    conf = test_st_conf;

    if (data == NULL) {
        st = test_st;

    } else if (hx_state_open(&st, &conf, test_st_err) != HX_OK) {
        return 2;
    }

    test_st = st;
    name = test_str("get");

    if (hx_state_operation(st, &name) != 2) {
        return 3;
    }

    if (test_used("a", 1) != 5 || test_remaining("a", 3, HX_WINDOW_S) != 1) {
        return 4;
    }

    test_charge("a", 1, 7);

    return test_ask("a", 3, HX_WINDOW_S) == HX_STATE_ADMITTED ? 0 : 5;
}


static void
test_shared_by(int own)
{
    hx_str_t  put, get;

    put = test_str("put");
    get = test_str("get");
    assert_int_equal(hx_state_operation(test_st, &put), 1);
    assert_int_equal(hx_state_operation(test_st, &get), 2);

    test_charge("a", 1, 5);
    assert_int_equal(test_ask("a", 3, HX_WINDOW_S), HX_STATE_ADMITTED);
    assert_int_equal(test_ask("a", 3, HX_WINDOW_S), HX_STATE_ADMITTED);

    assert_int_equal(test_in_child(test_other, own ? &own : NULL), 0);

    assert_int_equal(test_used("a", 1), 12);
    assert_int_equal(test_ask("a", 3, HX_WINDOW_S), HX_STATE_RATE);
    test_whole(test_st);
}


static void
forked_children_share(void **state)
{
    test_shared_by(0);
}


static void
other_processes_share(void **state)
{
    test_shared_by(1);
}


static void
memory_without_a_file(void **state)
{
    hx_state_close(test_st);
    test_st_conf.path = NULL;
    test_st = test_open();
    assert_true(hx_state_same(test_st, &test_st_conf));
    test_shared_by(0);

    test_st_conf.path = test_st_path;
    assert_false(hx_state_same(test_st, &test_st_conf));
}


static void
opened_twice(void **state)
{
    hx_state_t       *st, *twice;
    hx_state_conf_t   other;

    st = test_st;
    twice = test_open();
    assert_ptr_not_equal(st, twice);

    test_charge("a", 3, 5);
    test_st = twice;
    assert_int_equal(test_used("a", 3), 5);
    test_charge("a", 3, 5);
    hx_state_close(twice);
    test_st = st;
    assert_int_equal(test_used("a", 3), 10);

    other = test_st_conf;
    assert_true(hx_state_same(st, &other));
    other.size += HX_STATE_PAGE;
    assert_false(hx_state_same(st, &other));

    /* another size: not while it is in use */

    assert_int_equal(hx_state_open(&twice, &other, test_st_err), HX_FAIL);
    assert_null(twice);
    assert_non_null(strstr(test_st_err, "in use with another size"));
}


static void
impossible_sizes(void **state)
{
    hx_state_t       *st;
    hx_state_conf_t   conf;

    conf = test_st_conf;
    conf.path = NULL;
    conf.size = HX_STATE_SIZE_MIN - 1;
    assert_int_equal(hx_state_open(&st, &conf, test_st_err), HX_FAIL);
    assert_non_null(strstr(test_st_err, "too small"));

    conf.size = HX_STATE_SIZE_MAX + 1;
    assert_int_equal(hx_state_open(&st, &conf, test_st_err), HX_FAIL);
    assert_non_null(strstr(test_st_err, "too large"));

    conf.size = HX_STATE_SIZE_MIN;
    conf.n_boxes = HX_STATE_BOXES_MAX + 1;
    assert_int_equal(hx_state_open(&st, &conf, test_st_err), HX_FAIL);
    assert_non_null(strstr(test_st_err, "too large"));
}


int
main(void)
{
#define T(f)  cmocka_unit_test_setup_teardown(f, test_state_make,             \
                                              test_state_remove)
    const struct CMUnitTest  tests[] = {
        T(forked_children_share), T(other_processes_share),
        T(memory_without_a_file), T(opened_twice), T(impossible_sizes)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
