/*
 * hx_box_kill_test.c -- kill -9 around the write() of audit records: whoever
 * takes the box over finds out what of them has reached the file, wherever that
 * is by now, and each is there once.
 */

#include "hx_test_box_kill.h"

/* The box is empty, and whoever has it next begins from nothing. */
static void
test_next_one(void)
{
    int       fd;
    char      path[sizeof(test_audit) + 8];
    hx_box_t  box;

    (void) snprintf(path, sizeof(path), "%s.next", test_audit);
    fd = test_append(path);
    test_claim(&box, path);
    assert_int_equal(hx_box_number(&box), 1);
    test_put(&box, HX_OTHER);
    assert_int_equal(test_flush(&box, fd), HX_BOX_DONE);
    test_is(path, HX_OTHER);
    hx_box_release(&box);
    (void) close(fd);
    assert_int_equal(unlink(path), 0);
}


static void
test_whole_once(unsigned n)
{
    test_take_over(test_fd);
    test_is(test_audit, "{\"old\":0}\n" HX_ONE HX_TWO HX_THREE);

    if (n % 4 == 0) {
        test_next_one();
    }
}


static void
write_killed(void **state)
{
    static const test_scene_t  scene = {
        { test_fill_box, test_op_write }, test_whole_once
    };

    test_file("{\"old\":0}\n");
    test_kill_all(&scene);
}


/* Who has another file next gets the box of one who was killed emptying it. */
static void
test_other_file(unsigned n)
{
    if (hx_state_box(test_st, 0)->last == 0) {
        test_next_one();

    } else {
        test_take_over(test_fd);
    }

    test_is(test_audit, "{\"old\":0}\n" HX_ONE HX_TWO HX_THREE);
}


static void
box_given_to_another_file(void **state)
{
    static const test_scene_t  scene = {
        { test_fill_box, test_op_write }, test_other_file
    };

    test_file("{\"old\":0}\n");
    test_kill_all(&scene);
}


/* Another one writes before the box is taken over. */
static void
test_with_others(unsigned n)
{
    const char  *text;

    assert_int_equal(write(test_fd, HX_OTHER, strlen(HX_OTHER)),
                     strlen(HX_OTHER));
    test_take_over(test_fd);

    text = test_text(test_audit);
    assert_int_equal(strlen(text), strlen("{\"old\":0}\n" HX_ONE HX_TWO
                                          HX_THREE HX_OTHER));
    assert_int_equal(test_times(text, HX_ONE HX_TWO HX_THREE), 1);
    assert_int_equal(test_times(text, HX_OTHER), 1);
}


static void
others_write_meanwhile(void **state)
{
    static const test_scene_t  scene = {
        { test_fill_box, test_op_write }, test_with_others
    };

    test_file("{\"old\":0}\n");
    test_kill_all(&scene);
}


/*
 * Another one writes while the victim is between its note and its write, then
 * the victim goes on, and is killed later.
 */
static void
others_write_between(void **state)
{
    int          on;
    pid_t        pid;
    unsigned     n, steps, stride;
    const char  *text;

    static const test_victim_t  victim = { test_fill_box, test_op_write };

    test_file("{\"old\":0}\n");
    test_keep();

    stride = 1 + test_learn(&victim) / 500;

    for (n = 0, on = 1; on; n += stride) {
        test_again();
        pid = test_victim(&victim);

        while (hx_state_box(test_st, 0)->writing == 0) {
            assert_true(test_go(pid, 1));
        }

        assert_int_equal(write(test_fd, HX_OTHER, strlen(HX_OTHER)),
                         strlen(HX_OTHER));

        for (steps = 0; on && steps < n; steps++) {
            on = test_go(pid, 1);
        }

        test_slay(pid);
        test_take_over(test_fd);
        text = test_text(test_audit);
        assert_int_equal(strlen(text), strlen("{\"old\":0}\n" HX_ONE HX_TWO
                                              HX_THREE HX_OTHER));
        assert_int_equal(test_times(text, HX_ONE HX_TWO HX_THREE), 1);
    }

    print_message("# killed %u times in %u instructions\n", n / stride, n);
    assert_true(n > 30);
    (void) close(test_fd);
}


/* The file is rotated before the box is taken over: both are looked at. */
static void
test_in_either(unsigned n)
{
    int   fd;
    char  text[HX_TEXT];

    assert_int_equal(rename(test_audit, test_rotated), 0);
    fd = test_append(test_audit);
    assert_int_equal(write(fd, HX_OTHER, strlen(HX_OTHER)),
                     strlen(HX_OTHER));
    test_take_over(fd);
    (void) close(fd);

    (void) snprintf(text, sizeof(text), "%s", test_text(test_rotated));
    (void) snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s",
                    test_text(test_audit));
    assert_int_equal(strlen(text), strlen("{\"old\":0}\n" HX_ONE HX_TWO
                                          HX_THREE HX_OTHER));
    assert_int_equal(test_times(text, HX_ONE HX_TWO HX_THREE), 1);

    assert_int_equal(rename(test_rotated, test_audit), 0);
}


static void
rotated_meanwhile(void **state)
{
    static const test_scene_t  scene = {
        { test_fill_box, test_op_write }, test_in_either
    };

    test_file("{\"old\":0}\n");
    test_kill_all(&scene);
}


int
main(void)
{
#define T(f)  cmocka_unit_test_setup_teardown(f, test_box_make,               \
                                              test_state_remove)
    const struct CMUnitTest  tests[] = {
        T(write_killed), T(box_given_to_another_file),
        T(others_write_meanwhile), T(others_write_between),
        T(rotated_meanwhile)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
