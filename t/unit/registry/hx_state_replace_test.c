/*
 * hx_state_replace_test.c -- a memory of another size, or of another name, in
 * place of one that goes on being used: nobody's window begins anew, and what
 * the old one holds is found again.
 */

#include "hx_test_state.h"

#define HX_WINDOW_S   60

static char  test_aside[sizeof(test_st_path) + 8];


static void
test_fill_windows(void)
{
    unsigned  i;

    (void) snprintf(test_aside, sizeof(test_aside), "%s.old", test_st_path);

    for (i = 0; i < 7; i++) {
        assert_int_equal(test_ask("short", 10, HX_WINDOW_S),
                         HX_STATE_ADMITTED);
    }

    for (i = 0; i < 70; i++) {
        assert_int_equal(test_ask("long", 100, HX_WINDOW_S),
                         HX_STATE_ADMITTED);
    }

    test_charge("short", 1, 50);
}


/* Looks into another one. */
static void
test_windows_are(hx_state_t *st, uint32_t a, uint32_t b)
{
    hx_state_t  *mine;

    mine = test_st;
    test_st = st;
    assert_int_equal(test_remaining("short", 10, HX_WINDOW_S), a);
    assert_int_equal(test_remaining("long", 100, HX_WINDOW_S), b);
    test_whole(st);
    test_st = mine;
}


/* Both steps, as the start of a configuration takes them. */
static hx_rc_t
test_replace(hx_state_t **st, hx_state_t *old, const hx_state_conf_t *conf)
{
    hx_rc_t  rc;

    rc = hx_state_prepare(st, old, conf, test_st_err);

    return rc == HX_OK ? hx_state_replace(*st, old, test_st_err) : rc;
}


static void
other_size_of_the_same_name(void **state)
{
    hx_state_t  *st, *old;

    test_fill_windows();
    test_st_conf.size = 2 * HX_ZONE;
    assert_int_equal(test_replace(&st, test_st, &test_st_conf), HX_OK);
    assert_true(hx_state_same(st, &test_st_conf));
    assert_false(hx_state_same(test_st, &test_st_conf));

    /* windows went along, usage did not, and the old one goes on */

    test_windows_are(st, 3, 30);
    assert_memory_not_equal(st->head->id, test_st->head->id, 8);
    old = test_st;
    test_st = st;
    assert_int_equal(test_used("short", 1), 0);
    test_charge("short", 1, 7);
    test_st = old;
    test_charge("short", 1, 5);
    assert_int_equal(test_used("short", 1), 55);
    assert_false(hx_state_done(test_st));

    /* once more: not while there is one that was put aside */

    test_st_conf.size = 3 * HX_ZONE;
    assert_int_equal(hx_state_prepare(&old, st, &test_st_conf, test_st_err),
                     HX_FAIL);
    assert_null(old);
    assert_non_null(strstr(test_st_err, "is there already"));
    test_st_conf.size = 2 * HX_ZONE;
    assert_true(hx_state_same(st, &test_st_conf));

    /* all have gone: both are found */

    hx_state_close(st);
    test_reopen();
    assert_int_equal(test_used("short", 1), 7);
    test_windows_are(test_st, 3, 30);
    assert_int_equal(hx_state_open_old(&old, test_st_path, test_st_err),
                     HX_OK);
    st = test_st;
    test_st = old;
    assert_int_equal(test_used("short", 1), 55);
    assert_int_equal(test_save(), 1);
    test_st = st;
    assert_true(hx_state_done(old));
    hx_state_unlink(old);
    assert_int_equal(access(test_aside, F_OK), -1);
    hx_state_close(old);
    assert_int_equal(hx_state_open_old(&old, test_st_path, test_st_err),
                     HX_NO);
    assert_null(old);
}


/* It has no room for the windows, or cannot be made: all is as before. */
static void
failure_changes_nothing(void **state)
{
    char         id[16];
    unsigned     i, n;
    hx_state_t  *st;

    n = (unsigned) test_st->head->n_blocks;
    test_shut();
    test_st_conf.size = 2 * HX_ZONE;
    test_reopen();
    test_fill_windows();

    for (i = 0; i < n; i++) {
        (void) snprintf(id, sizeof(id), "t%u", i);
        assert_int_equal(test_ask(id, 10, HX_WINDOW_S), HX_STATE_ADMITTED);
    }

    test_st_conf.size = HX_ZONE;
    assert_int_equal(test_replace(&st, test_st, &test_st_conf), HX_FAIL);
    assert_non_null(strstr(test_st_err, "too small"));

    test_st_conf.size = HX_ZONE - 1;
    assert_int_equal(test_replace(&st, test_st, &test_st_conf), HX_FAIL);

    test_st_conf.size = 2 * HX_ZONE;
    assert_true(hx_state_same(test_st, &test_st_conf));
    assert_int_equal(access(test_aside, F_OK), -1);
    assert_int_equal(test_try_open(), HX_OK);
    test_reopen();
    assert_int_equal(test_used("short", 1), 50);
    test_windows_are(test_st, 3, 30);

    /* the idle need no room */

    test_now += (HX_WINDOW_S + 1) * HX_SECOND;
    assert_int_equal(test_ask("short", 10, HX_WINDOW_S), HX_STATE_ADMITTED);
    test_st_conf.size = HX_ZONE;
    assert_int_equal(test_replace(&st, test_st, &test_st_conf), HX_OK);
    test_windows_are(st, 9, 100);
    hx_state_close(st);
}


static void
other_name(void **state)
{
    char              path[sizeof(test_st_path) + 16];
    hx_state_t       *st;
    hx_state_conf_t   conf;

    test_fill_windows();
    conf = test_st_conf;
    (void) snprintf(path, sizeof(path), "%s/another", test_dir);
    conf.path = path;
    assert_int_equal(test_replace(&st, test_st, &conf),
                     HX_OK);
    assert_int_equal(access(test_aside, F_OK), -1);
    assert_true(hx_state_same(test_st, &test_st_conf));
    test_windows_are(st, 3, 30);
    hx_state_close(st);

    /* memory without a name */

    conf.path = NULL;
    assert_int_equal(test_replace(&st, test_st, &conf),
                     HX_OK);
    test_windows_are(st, 3, 30);
    hx_state_unlink(st);
    hx_state_close(st);

    /* the same one, written differently: nobody waits for himself */

    (void) snprintf(path, sizeof(path), "%s/./state", test_dir);
    conf.path = path;
    assert_true(hx_state_same(test_st, &conf));
    (void) alarm(60);
    assert_int_equal(test_replace(&st, test_st, &conf),
                     HX_OK);
    (void) alarm(0);
    test_windows_are(st, 3, 30);
    assert_int_equal(test_ask("short", 10, HX_WINDOW_S), HX_STATE_ADMITTED);
    test_windows_are(st, 2, 30);
    hx_state_close(st);
}


/* A configuration that is given up has changed nothing, and left nothing. */
static void
given_up(void **state)
{
    char         path[sizeof(test_st_path) + 8];
    hx_state_t  *st;

    test_fill_windows();
    (void) snprintf(path, sizeof(path), "%s.new", test_st_path);
    test_st_conf.size = 2 * HX_ZONE;

    assert_int_equal(hx_state_prepare(&st, test_st, &test_st_conf,
                                      test_st_err), HX_OK);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(access(test_aside, F_OK), -1);
    hx_state_discard(st);
    hx_state_discard(NULL);
    assert_int_equal(access(path, F_OK), -1);

    /* nor does one that nobody came to give up stand in the way */

    assert_int_equal(hx_state_prepare(&st, test_st, &test_st_conf,
                                      test_st_err), HX_OK);
    hx_state_close(st);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(test_ask("short", 10, HX_WINDOW_S), HX_STATE_ADMITTED);

    assert_int_equal(hx_state_prepare(&st, test_st, &test_st_conf,
                                      test_st_err), HX_OK);
    assert_int_equal(test_ask("short", 10, HX_WINDOW_S), HX_STATE_ADMITTED);
    assert_int_equal(hx_state_replace(st, test_st, test_st_err), HX_OK);
    assert_int_equal(access(path, F_OK), -1);
    test_windows_are(st, 1, 30);
    hx_state_close(st);
}


static int
test_hold_aside(void *data)
{
    hx_state_t       *st;
    hx_state_conf_t   conf;

    conf = test_st_conf;
    conf.path = test_aside;

    return hx_state_open(&st, &conf, test_st_err) != HX_OK;
}


/* It holds nothing, but who has it open may charge to it yet. */
static void
in_use_aside(void **state)
{
    pid_t        pid;
    hx_state_t  *st;

    test_fill_windows();
    assert_int_equal(test_save(), 1);
    test_shut();
    assert_int_equal(rename(test_st_path, test_aside), 0);

    pid = test_stay(test_hold_aside, NULL);
    assert_int_equal(hx_state_open_old(&st, test_st_path, test_st_err),
                     HX_OK);
    hx_state_close(st);
    assert_int_equal(access(test_aside, F_OK), 0);

    test_kill(pid);
    assert_int_equal(hx_state_open_old(&st, test_st_path, test_st_err),
                     HX_NO);
    assert_int_equal(access(test_aside, F_OK), -1);
}


static void
nothing_of_ours_aside(void **state)
{
    hx_state_t  *st;

    test_fill_windows();
    test_spill("state.old", "something else", 14);
    assert_int_equal(hx_state_open_old(&st, test_st_path, test_st_err),
                     HX_FAIL);
    assert_null(st);
    assert_non_null(strstr(test_st_err, "is no memory of a gate"));
    assert_int_equal(unlink(test_aside), 0);
}


int
main(void)
{
#define T(f)  cmocka_unit_test_setup_teardown(f, test_state_make,             \
                                              test_state_remove)
    const struct CMUnitTest  tests[] = {
        T(other_size_of_the_same_name), T(failure_changes_nothing),
        T(other_name), T(given_up),
        T(in_use_aside), T(nothing_of_ours_aside)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
