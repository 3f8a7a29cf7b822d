/*
 * hx_state_file_test.c -- the file behind the shared memory: what is in it
 * outlives all processes, and a change of its size; what is not ours, or not
 * whole, is refused and left as it is.
 */

#include "hx_test_state.h"


#define HX_WINDOW_S   60


/* ---- what is in it */

static const char *const  test_names[] = { "put", "get", "serve" };


static void
test_furnish(void)
{
    unsigned           i;
    hx_str_t           name;
    hx_state_ask_t     ask;
    hx_state_answer_t  answer;

    for (i = 0; i < hx_nelts(test_names); i++) {
        name = test_str(test_names[i]);
        assert_int_equal(hx_state_operation(test_st, &name), i + 1);
    }

    for (i = 0; i < 7; i++) {
        assert_int_equal(test_ask("short", 10, HX_WINDOW_S),
                         HX_STATE_ADMITTED);
        assert_int_equal(test_ask("long", 900, HX_WINDOW_S),
                         HX_STATE_ADMITTED);
        test_now += HX_SECOND;
    }

    for ( /* void */ ; i < 700; i++) {
        assert_int_equal(test_ask("long", 900, HX_WINDOW_S),
                         HX_STATE_ADMITTED);
    }

    for (i = 1; i <= 70; i++) {
        assert_int_equal(test_charge_in("stored", i, HX_MONTH - 1, i), HX_OK);
    }

    assert_int_equal(test_save(), 1);

    for (i = 1; i <= 70; i++) {
        test_charge("unsaved", i, 1000 + i);
    }

    ask = test_question("quota", 0, 0);
    ask.quota = 100;
    ask.cost = 40;
    assert_int_equal(hx_state_ask(test_st, &ask, &answer), HX_OK);
    assert_int_equal(hx_state_base(test_st, &ask.id, answer.incarnation,
                                   HX_MONTH, 60), HX_OK);
    assert_int_equal(hx_state_ask(test_st, &ask, &answer), HX_OK);
    assert_int_equal(answer.held, 40);
}


/* What windows hold with "now" as it is; 0 = they were dropped. */
static void
test_furnished(int windows)
{
    unsigned           i;
    uint32_t           cursor;
    hx_str_t           name;
    hx_state_ask_t     ask;
    hx_state_used_t    used;
    hx_state_answer_t  answer;

    test_whole(test_st);

    for (i = 0; i < hx_nelts(test_names); i++) {
        name = test_str(test_names[i]);
        assert_int_equal(hx_state_operation(test_st, &name), i + 1);
    }

    assert_int_equal(test_remaining("short", 10, HX_WINDOW_S),
                     windows ? 3 : 10);
    assert_int_equal(test_remaining("long", 900, HX_WINDOW_S),
                     windows ? 200 : 900);

    for (i = 1; i <= 70; i++) {
        assert_int_equal(test_used_in("stored", i, HX_MONTH - 1), i);
        assert_int_equal(test_used_in("unsaved", i, HX_MONTH), 1000 + i);
    }

    /* the base is known still, what was set aside is not any more */

    ask = test_question("quota", 0, 0);
    ask.quota = 100;
    ask.cost = 40;
    ask.look = 1;
    assert_int_equal(hx_state_ask(test_st, &ask, &answer), HX_OK);
    assert_int_equal(answer.verdict, HX_STATE_ADMITTED);
    ask.cost = 41;
    assert_int_equal(hx_state_ask(test_st, &ask, &answer), HX_OK);
    assert_int_equal(answer.verdict, HX_STATE_QUOTA);

    cursor = 0;
    assert_int_equal(hx_state_unsaved(test_st, &cursor, &used), HX_OK);
    assert_memory_equal(used.id, "unsaved", used.id_len);
    assert_int_equal(used.n, 70);
    assert_int_equal(hx_state_unsaved(test_st, &cursor, &used), HX_NO);
}


static void
outlives_its_processes(void **state)
{
    unsigned  i;

    test_st = test_open();
    test_furnish();

    for (i = 0; i < 3; i++) {
        test_reopen();
        test_furnished(1);
    }

    /* what moved on while nobody had it open */

    test_now += (HX_WINDOW_S + 1) * HX_SECOND;
    test_reopen();
    test_furnished(0);
}


static void
another_boot(void **state)
{
    test_st = test_open();
    test_furnish();
    test_st->head->boot[3] ^= 1;
    test_now = 5 * HX_SECOND;
    test_reopen();
    test_furnished(0);

    /* it is of this boot by now */

    assert_int_equal(test_ask("short", 10, HX_WINDOW_S), HX_STATE_ADMITTED);
    test_reopen();
    assert_int_equal(test_remaining("short", 10, HX_WINDOW_S), 9);
}


/* ---- other sizes */

static void
moved_with_all_in_it(void **state)
{
    unsigned                    i;
    unsigned char               one[HX_STATE_SOURCE], two[HX_STATE_SOURCE];
    hx_str_t                    id;
    uint32_t                    life;
    hx_state_used_t             used;
    static const hx_state_conf_t  other[] = {
        { test_st_path, 2 * HX_ZONE, HX_BOXES, HX_BOX },
        { test_st_path, HX_ZONE, HX_BOXES, HX_BOX },
        { test_st_path, HX_ZONE + 1, HX_BOXES, HX_BOX },
        { test_st_path, HX_ZONE + 1, HX_BOXES + 1, HX_BOX },
        { test_st_path, HX_ZONE + 1, HX_BOXES, 16 * HX_BOX },
        { test_st_path, 3 * HX_ZONE, 0, 0 }
    };

    test_st = test_open();
    test_furnish();
    id = test_str("unsaved");
    assert_int_equal(hx_state_used(test_st, &id, &used), HX_OK);
    life = used.incarnation;
    hx_state_source(test_st, life, one);

    for (i = 0; i < hx_nelts(other); i++) {
        test_st_conf = other[i];
        test_reopen();
        assert_true(hx_state_same(test_st, &test_st_conf));
        test_furnished(1);

        assert_int_equal(hx_state_used(test_st, &id, &used), HX_OK);
        assert_int_equal(used.incarnation, life);
        hx_state_source(test_st, used.incarnation, two);
        assert_memory_equal(one, two, HX_STATE_SOURCE);

        /* the next life is nobody's before */

        assert_int_equal(hx_state_reserve(test_st, &id), HX_OK);
        assert_true(test_st->head->incarnation >= life);
        assert_int_equal(access(test_path("state.new"), F_OK), -1);

        /* and it is open, under the name that others look for */

        assert_int_equal(test_try_open(), HX_OK);
    }
}


/* One that was killed over it has left its half. */
static void
half_moved_before(void **state)
{
    test_st = test_open();
    test_furnish();
    test_spill("state.new", "half", 4);
    test_st_conf.size = 2 * HX_ZONE;
    test_reopen();
    test_furnished(1);
    assert_int_equal(access(test_path("state.new"), F_OK), -1);
}


static void
too_small_for_the_living(void **state)
{
    char      id[16];
    unsigned  i, n;

    test_st_conf.size = 2 * HX_ZONE;
    test_st = test_open();
    n = (unsigned) test_st->head->n_blocks / 2 + 100;

    for (i = 0; i < n; i++) {
        (void) snprintf(id, sizeof(id), "t%u", i);
        assert_int_equal(test_ask(id, 10, HX_WINDOW_S), HX_STATE_ADMITTED);
    }

    test_shut();
    test_st_conf.size = HX_ZONE;
    test_refused("holds more than the new size has room for");
    assert_int_equal(access(test_path("state.new"), F_OK), -1);

    test_st_conf.size = 2 * HX_ZONE;
    test_st = test_open();
    test_whole(test_st);

    for (i = 0; i < n; i++) {
        (void) snprintf(id, sizeof(id), "t%u", i);
        assert_int_equal(test_remaining(id, 10, HX_WINDOW_S), 9);
    }

    /* the idle may stay behind; who is charged may not */

    test_now += (HX_WINDOW_S + 1) * HX_SECOND;
    test_charge("t0", 1, 5);
    test_charge("t77", 1, 6);
    test_st_conf.size = HX_ZONE;
    test_reopen();
    test_whole(test_st);
    assert_int_equal(test_used("t0", 1), 5);
    assert_int_equal(test_used("t77", 1), 6);
    assert_int_equal(test_st->head->used, test_st->head->n_blocks - 1);
}


/* Never a part of a tenant: what is missing of it would begin at 0 again. */
static void
idle_ones_move_whole(void **state)
{
    char             id[16];
    unsigned         i, op, n, there;
    hx_str_t         s;
    hx_state_used_t  used;

    n = 200;
    test_st_conf.size = 4 * HX_ZONE;
    test_st = test_open();

    for (i = 0; i < n; i++) {
        (void) snprintf(id, sizeof(id), "t%u", i);

        for (op = 1; op <= 100; op++) {
            test_charge(id, op, op);
        }
    }

    assert_int_equal(test_save(), n);
    test_st_conf.size = HX_ZONE;
    test_reopen();
    test_whole(test_st);

    for (there = 0, i = 0; i < n; i++) {
        (void) snprintf(id, sizeof(id), "t%u", i);
        s = test_str(id);

        if (hx_state_used(test_st, &s, &used) == HX_OK) {
            there++;
            assert_int_equal(used.n, 100);
        }
    }

    assert_in_range(there, 100, n - 1);
}


/* There is room for some of its blocks: then it does not move at all. */
static void
idle_one_without_room(void **state)
{
    char      id[16];
    unsigned  i, n;

    test_st = test_open();
    n = (unsigned) test_st->head->n_blocks - 1;
    test_shut();

    test_st_conf.size = 2 * HX_ZONE;
    test_st = test_open();

    for (i = 1; i <= 100; i++) {
        test_charge("part", i, i);
    }

    assert_int_equal(test_save(), 1);

    for (i = 0; i < n - 3; i++) {
        (void) snprintf(id, sizeof(id), "t%u", i);
        assert_int_equal(test_ask(id, 10, HX_WINDOW_S), HX_STATE_ADMITTED);
    }

    test_st_conf.size = HX_ZONE;
    test_reopen();
    test_whole(test_st);
    assert_false(test_there("part"));
    assert_int_equal(test_st->head->tenants, n - 3);
    assert_int_equal(test_st->head->used, n - 3);
}


/* ---- what is not ours, or not whole */

static void
test_kept(const void *p, size_t len)
{
    char  is[8192];

    assert_int_equal(test_slurp("state", is, sizeof(is)), len);
    assert_memory_equal(is, p, len);
}


static void
test_poke(size_t at, uint32_t value)
{
    int  fd;

    fd = open(test_st_path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, &value, sizeof(value), (off_t) at),
                     sizeof(value));
    (void) close(fd);
}


static void
foreign_files(void **state)
{
    char  text[8000];

    memset(text, 'x', sizeof(text));
    test_spill("state", text, sizeof(text));
    test_refused("is no memory of a gate");
    test_kept(text, sizeof(text));

    /* somebody's file may begin with zeros, or be short */

    memset(text, 0, sizeof(text));
    test_spill("state", text, sizeof(text));
    test_refused("is no memory of a gate");
    test_kept(text, sizeof(text));

    test_spill("state", "abc", 3);
    test_refused("is no memory of a gate");
    test_kept("abc", 3);

    assert_int_equal(unlink(test_st_path), 0);
    assert_int_equal(mkdir(test_st_path, 0700), 0);
    test_refused("Is a directory");
    assert_int_equal(rmdir(test_st_path), 0);

    assert_int_equal(mkfifo(test_st_path, 0600), 0);
    test_refused("is not ours alone");
    assert_int_equal(unlink(test_st_path), 0);
}


static void
files_of_others(void **state)
{
    char  other[sizeof(test_st_path) + 8];

    hx_state_close(test_open());
    (void) snprintf(other, sizeof(other), "%s.other", test_st_path);

    assert_int_equal(chmod(test_st_path, 0620), 0);
    test_refused("is not ours alone");
    assert_int_equal(chmod(test_st_path, 0604), 0);
    test_refused("is not ours alone");
    assert_int_equal(chmod(test_st_path, 0600), 0);
    assert_int_equal(test_try_open(), HX_OK);

    assert_int_equal(link(test_st_path, other), 0);
    test_refused("is not ours alone");
    assert_int_equal(unlink(other), 0);
    assert_int_equal(test_try_open(), HX_OK);

    if (geteuid() == 0) {
        assert_int_equal(chown(test_st_path, 65534, 65534), 0);
        test_refused(test_st_path);
        assert_int_equal(chown(test_st_path, 0, 0), 0);
        assert_int_equal(test_try_open(), HX_OK);
    }

    assert_int_equal(rename(test_st_path, other), 0);
    assert_int_equal(symlink(other, test_st_path), 0);
    test_refused("symbolic links");
    assert_int_equal(unlink(test_st_path), 0);
    assert_int_equal(rename(other, test_st_path), 0);
    assert_int_equal(test_try_open(), HX_OK);
}


static void
other_layouts(void **state)
{
    test_st = test_open();
    test_charge("a", 1, 1);
    test_st->head->layout++;
    test_shut();
    test_refused("another version");

    /* nothing is in it that is not elsewhere */

    test_poke(offsetof(hx_state_head_t, unclean), 0);
    test_st = test_open();
    assert_int_equal(test_st->head->layout, HX_STATE_LAYOUT);
    assert_false(test_there("a"));
    test_whole(test_st);
}


static void
unfinished_files(void **state)
{
    uint64_t  making;

    /* killed before it had its size, and after */

    making = HX_STATE_MAKING;
    test_spill("state", "", 0);
    assert_int_equal(test_try_open(), HX_OK);

    test_spill("state", &making, sizeof(making));
    assert_int_equal(test_try_open(), HX_OK);

    test_st = test_open();
    test_charge("a", 1, 1);
    test_st->head->magic = HX_STATE_MAKING;
    test_reopen();
    assert_false(test_there("a"));
    test_whole(test_st);
}


int
main(void)
{
#define T(f)  cmocka_unit_test_setup_teardown(f, test_state_file,             \
                                              test_state_remove)
    const struct CMUnitTest  tests[] = {
        T(outlives_its_processes), T(another_boot), T(moved_with_all_in_it),
        T(half_moved_before), T(too_small_for_the_living),
        T(idle_ones_move_whole), T(idle_one_without_room), T(foreign_files),
        T(files_of_others), T(other_layouts), T(unfinished_files)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
