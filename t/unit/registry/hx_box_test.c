/*
 * hx_box_test.c -- boxes of audit records: whose they are, what reaches the
 * file of a disk that fills up, and what becomes of those the dead have left.
 */

#include <sys/file.h>

#include "hx_test_box.h"


/* ---- whose it is */

static void
own_and_alone(void **state)
{
    unsigned   i;
    uint32_t   last;
    size_t     room;
    hx_box_t   box[HX_BOXES], more;

    for (i = 0; i < HX_BOXES; i++) {
        test_claim(&box[i], test_audit);
        assert_int_equal(hx_box_number(&box[i]), i + 1);
        assert_true(hx_box_empty(&box[i]));
        (void) hx_box_room(&box[i], &last, &room);
        assert_int_equal(last, 0);
        assert_int_equal(room, HX_BOX);
    }

    /* none is left: memory of its own */

    assert_int_equal(hx_box_claim(&more, test_st, test_audit, 100), HX_NO);
    assert_int_equal(hx_box_number(&more), 0);
    (void) hx_box_room(&more, &last, &room);
    assert_int_equal(room, 100);
    hx_box_release(&more);

    assert_int_equal(hx_box_claim(&more, NULL, test_audit, 100), HX_NO);
    hx_box_release(&more);
    hx_box_release(&more);

    /* given back: the next one's, as small as that wants it */

    hx_box_release(&box[2]);
    assert_int_equal(hx_box_claim(&more, test_st, test_audit, 50), HX_OK);
    assert_int_equal(hx_box_number(&more), 3);
    (void) hx_box_room(&more, &last, &room);
    assert_int_equal(room, 50);
    hx_box_release(&more);

    for (i = 0; i < HX_BOXES; i++) {
        hx_box_release(&box[i]);
    }
}


static void
path_too_long(void **state)
{
    static char  path[2000];
    hx_box_t     box;

    memset(path, 'x', sizeof(path) - 1);
    assert_int_equal(hx_box_claim(&box, test_st, path, 100), HX_NO);
    hx_box_release(&box);
}


static void
records_go_to_the_file(void **state)
{
    int       fd, shared;
    hx_box_t  box;

    for (shared = 0; shared < 2; shared++) {
        fd = test_append(test_audit);
        assert_int_equal(hx_box_claim(&box, shared ? test_st : NULL,
                                      test_audit, HX_BOX),
                         shared ? HX_OK : HX_NO);

        assert_int_equal(test_flush(&box, fd), HX_BOX_DONE);
        test_put(&box, "one\n");
        assert_false(hx_box_empty(&box));
        test_put(&box, "two\n");
        test_is(test_audit, "");
        assert_int_equal(test_flush(&box, fd), HX_BOX_DONE);
        assert_true(hx_box_empty(&box));
        test_is(test_audit, "one\ntwo\n");

        test_put(&box, "three\n");
        assert_int_equal(test_flush(&box, fd), HX_BOX_DONE);
        assert_int_equal(test_flush(&box, fd), HX_BOX_DONE);
        test_is(test_audit, "one\ntwo\nthree\n");

        hx_box_release(&box);
        (void) close(fd);
        assert_int_equal(unlink(test_audit), 0);
    }
}


static void
bad_descriptor(void **state)
{
    int       unsure;
    hx_box_t  box;

    unsure = 0;
    test_claim(&box, test_audit);
    test_put(&box, "one\n");
    assert_int_equal(hx_box_write(&box, -1, &unsure), HX_BOX_ERROR);
    assert_int_equal(errno, EBADF);
    assert_int_equal(unsure, 0);
    assert_false(hx_box_empty(&box));
    hx_box_release(&box);
}


/* ---- a disk that is full */

static void
test_fills_up(int shared, size_t room, const char *rest)
{
    int       fd;
    hx_box_t  box;

    (void) unlink(test_audit);
    fd = test_append(test_audit);
    assert_int_equal(hx_box_claim(&box, shared ? test_st : NULL, test_audit,
                                  HX_BOX), shared ? HX_OK : HX_NO);
    test_put(&box, "first\n");
    test_put(&box, "second\n");
    test_put(&box, "third\n");

    test_full_at(room);
    assert_int_equal(test_flush(&box, fd), room != 0 ? HX_BOX_SHORT
                                                     : HX_BOX_ERROR);
    errno = 0;
    assert_int_equal(test_flush(&box, fd), HX_BOX_ERROR);
    assert_int_equal(errno, EFBIG);

    /* what comes meanwhile is behind it */

    test_put(&box, "fourth\n");
    test_full_at(RLIM_INFINITY);
    assert_int_equal(test_flush(&box, fd), HX_BOX_DONE);
    test_is(test_audit, rest);
    test_put(&box, "fifth\n");
    assert_int_equal(test_flush(&box, fd), HX_BOX_DONE);
    assert_int_equal(test_times(test_text(test_audit), "fifth\n"), 1);

    hx_box_release(&box);
    (void) close(fd);
}


static void
cut_records_follow_whole(void **state)
{
    int  shared;

    for (shared = 0; shared < 2; shared++) {
        test_fills_up(shared, 0, "first\nsecond\nthird\nfourth\n");
        test_fills_up(shared, 3, "fir\nfirst\nsecond\nthird\nfourth\n");
        test_fills_up(shared, 6, "first\nsecond\nthird\nfourth\n");
        test_fills_up(shared, 10, "first\nseco\nsecond\nthird\nfourth\n");

        /* all but a line feed: that is what follows */

        test_fills_up(shared, 5, "first\nsecond\nthird\nfourth\n");
        test_fills_up(shared, 12, "first\nsecond\nthird\nfourth\n");
        test_fills_up(shared, 18, "first\nsecond\nthird\nfourth\n");
    }
}


/* Room for a bit more each time, down to a line feed. */
static void
room_byte_by_byte(void **state)
{
    int          fd;
    char         line[8];
    size_t       size;
    unsigned     i;
    hx_box_t     box;
    const char  *text;

    fd = test_append(test_audit);
    test_claim(&box, test_audit);

    for (i = 0; i < 10; i++) {
        (void) snprintf(line, sizeof(line), "rec%u\n", i);
        test_put(&box, line);
    }

    for (size = 1; !hx_box_empty(&box); size += 1 + size % 13) {
        assert_true(size < 1000);
        test_full_at(size);

        while (test_flush(&box, fd) == HX_BOX_SHORT) { /* void */ }
    }

    text = test_text(test_audit);

    for (i = 0; i < 10; i++) {
        (void) snprintf(line, sizeof(line), "rec%u\n", i);
        assert_int_equal(test_times(text, line), 1);
    }

    assert_null(strstr(text, "\n\n"));
    test_full_at(RLIM_INFINITY);
    hx_box_release(&box);
    (void) close(fd);
}


/* A file that took the place of the one with the fragment begins with none. */
static void
rotated_after_a_cut(void **state)
{
    int       how, fd;
    hx_box_t  box;

    static const char *const  rest[] = {
        "second\n",
        "0123456789 by another\nsecond\n",
        "short\nsecond\n",
        "0123456789\nfirst\nsecby another\nsecond\n",

        /* all but a line feed was there before */

        "",
        "0123456789 by another\n",
        "short\n",
        "0123456789\nfirst\nsecondby another\n"
    };

    for (how = 0; how < 16; how++) {
        (void) unlink(test_audit);
        fd = test_append(test_audit);
        assert_int_equal(hx_box_claim(&box, how < 8 ? test_st : NULL,
                                      test_audit, HX_BOX),
                         how < 8 ? HX_OK : HX_NO);
        assert_int_equal(write(fd, "0123456789\n", 11), 11);
        test_put(&box, "first\n");
        test_put(&box, "second\n");
        test_full_at(how % 8 < 4 ? 20 : 23);
        assert_int_equal(test_flush(&box, fd), HX_BOX_SHORT);
        test_full_at(RLIM_INFINITY);
        test_is(test_audit, how % 8 < 4 ? "0123456789\nfirst\nsec"
                                        : "0123456789\nfirst\nsecond");

        if (how % 4 == 0) {
            assert_int_equal(truncate(test_audit, 0), 0);

        } else if (how % 4 == 1) {
            (void) close(fd);

            /* the number of its inode is another one's soon, or not */

            if (how / 4 % 2 == 0) {
                assert_int_equal(unlink(test_audit), 0);
            } else {
                assert_int_equal(rename(test_audit, test_path("1")), 0);
            }

            fd = test_append(test_audit);
            assert_int_equal(write(fd, "0123456789 by another\n", 22), 22);

        } else if (how % 4 == 2) {
            assert_int_equal(truncate(test_audit, 0), 0);
            assert_int_equal(write(fd, "short\n", 6), 6);

        } else {
            /* somebody has ended the line meanwhile */

            assert_int_equal(write(fd, "by another\n", 11), 11);
        }

        assert_int_equal(test_flush(&box, fd), HX_BOX_DONE);
        test_is(test_audit, rest[how % 8]);
        hx_box_release(&box);
        (void) close(fd);
    }
}


/* Somebody was killed inside his write(), or had no room: not our record. */
static void
fragments_of_others(void **state)
{
    int       fd, shared;
    hx_box_t  box;

    for (shared = 0; shared < 2; shared++) {
        fd = test_append(test_audit);
        assert_int_equal(hx_box_claim(&box, shared ? test_st : NULL,
                                      test_audit, HX_BOX),
                         shared ? HX_OK : HX_NO);
        test_put(&box, "first\n");
        assert_int_equal(test_flush(&box, fd), HX_BOX_DONE);

        assert_int_equal(write(fd, "{\"id\":", 6), 6);
        test_put(&box, "second\n");
        assert_int_equal(test_flush(&box, fd), HX_BOX_DONE);

        test_put(&box, "third\n");
        assert_int_equal(test_flush(&box, fd), HX_BOX_DONE);
        test_is(test_audit, "first\n{\"id\":\nsecond\nthird\n");

        /* in another file there is none */

        (void) close(fd);
        assert_int_equal(rename(test_audit, test_path("1")), 0);
        fd = test_append(test_audit);
        assert_int_equal(write(fd, "x", 1), 1);
        test_put(&box, "fourth\n");
        assert_int_equal(test_flush(&box, fd), HX_BOX_DONE);
        test_is(test_audit, "x\nfourth\n");

        hx_box_release(&box);
        (void) close(fd);
        assert_int_equal(unlink(test_audit), 0);
    }
}


/* Each look finds it a millisecond later. */
static uint64_t
test_passing(void)
{
    test_now += 1000000;

    return test_now;
}


/* Nobody waits for ever; what can be seen is looked at all the same. */
static void
others_keep_the_lock(void **state)
{
    int       fd, other, shared;
    hx_box_t  box;

    hx_state_clock = test_passing;

    for (shared = 0; shared < 2; shared++) {
        fd = test_append(test_audit);
        other = test_append(test_audit);
        assert_int_equal(hx_box_claim(&box, shared ? test_st : NULL,
                                      test_audit, HX_BOX),
                         shared ? HX_OK : HX_NO);
        test_put(&box, "first\n");
        assert_int_equal(test_flush(&box, fd), HX_BOX_DONE);

        assert_int_equal(flock(other, LOCK_EX), 0);
        test_put(&box, "second\n");
        assert_int_equal(test_flush(&box, fd), HX_BOX_DONE);
        test_is(test_audit, "first\nsecond\n");

        assert_int_equal(write(other, "{\"id\":", 6), 6);
        test_put(&box, "third\n");
        assert_int_equal(test_flush(&box, fd), HX_BOX_DONE);
        assert_int_equal(flock(other, LOCK_UN), 0);

        test_put(&box, "fourth\n");
        assert_int_equal(test_flush(&box, fd), HX_BOX_DONE);
        test_is(test_audit, "first\nsecond\n{\"id\":\nthird\nfourth\n");

        hx_box_release(&box);
        (void) close(other);
        (void) close(fd);
        assert_int_equal(unlink(test_audit), 0);
    }
}


/* ---- what the dead have left */

typedef struct {
    const char  *path;
    const char  *records;
} test_dying_t;


static int
test_die(void *data)
{
    hx_box_t             box;
    const test_dying_t  *d = data;

    if (hx_box_claim(&box, test_st, d->path, HX_BOX) != HX_OK) {
        return 2;
    }

    test_put(&box, d->records);

    return kill(getpid(), SIGKILL);
}


static void
test_leave(const char *path, const char *records)
{
    test_dying_t  d;

    d.path = path;
    d.records = records;
    assert_int_equal(test_in_child(test_die, &d), 128 + SIGKILL);
}


static void
successor_finds_the_records(void **state)
{
    int       fd;
    hx_box_t  box, other;

    test_leave(test_audit, "left\n");

    /* not who writes another file */

    test_claim(&other, "/nowhere/other");
    assert_int_equal(hx_box_number(&other), 2);

    test_claim(&box, test_audit);
    assert_int_equal(hx_box_number(&box), 1);
    assert_false(hx_box_empty(&box));
    test_put(&box, "more\n");

    fd = test_append(test_audit);
    assert_int_equal(test_flush(&box, fd), HX_BOX_DONE);
    test_is(test_audit, "left\nmore\n");
    (void) close(fd);
    hx_box_release(&box);
    hx_box_release(&other);

    /* given back with records in it, by one who lives, is the same */

    test_claim(&box, test_audit);
    test_put(&box, "again\n");
    hx_box_release(&box);
    test_claim(&box, test_audit);
    assert_false(hx_box_empty(&box));
    hx_box_advance(&box, 0);
    hx_box_release(&box);
}


static int  test_known_fd;


static int
test_fd_of(void *data, const char *path)
{
    return strcmp(path, data) == 0 ? test_known_fd : -1;
}


static void
rescued_by_path_and_descriptor(void **state)
{
    char      a[sizeof(test_audit)], b[sizeof(test_audit)];
    char      c[sizeof(test_audit) + 8];
    hx_box_t  mine;

    (void) snprintf(a, sizeof(a), "%s/a", test_dir);
    (void) snprintf(b, sizeof(b), "%s/b", test_dir);
    (void) snprintf(c, sizeof(c), "%s/no/c", test_dir);

    test_claim(&mine, a);
    test_put(&mine, "mine\n");
    test_leave(a, "one\n");
    test_leave(b, "two\n");
    test_leave(c, "three\n");

    /* "a" has another name by now */

    test_known_fd = test_append(test_audit);
    assert_int_equal(hx_box_rescue(test_st, test_fd_of, a), 1);
    assert_int_equal(errno, ENOENT);
    test_is(test_audit, "one\n");
    test_is(b, "two\n");
    assert_int_equal(access(a, F_OK), -1);

    /* the one that could not be written stays */

    (void) snprintf(a, sizeof(a), "%s/no", test_dir);
    assert_int_equal(mkdir(a, 0700), 0);
    assert_int_equal(hx_box_rescue(test_st, NULL, NULL), 0);
    test_is(c, "three\n");
    assert_int_equal(unlink(c), 0);
    assert_int_equal(rmdir(a), 0);

    assert_int_equal(hx_box_rescue(test_st, NULL, NULL), 0);
    test_is(b, "two\n");
    (void) close(test_known_fd);
    hx_box_advance(&mine, 0);
    hx_box_release(&mine);
}


/* Nobody waits for a reader of a pipe. */
static void
rescue_of_a_pipe(void **state)
{
    assert_int_equal(mkfifo(test_audit, 0600), 0);
    test_leave(test_audit, "one\n");
    (void) alarm(60);
    assert_int_equal(hx_box_rescue(test_st, NULL, NULL), 1);
    (void) alarm(0);
    assert_int_equal(errno, ENXIO);
}


/* ---- and all processes have gone */

static void
test_use_a_file(void)
{
    test_shut();
    (void) snprintf(test_st_path, sizeof(test_st_path), "%s/state", test_dir);
    test_st_conf.path = test_st_path;
    test_st = test_open();
}


static void
written_by_who_opens(void **state)
{
    test_use_a_file();
    test_leave(test_audit, "left\n");
    test_reopen();
    test_is(test_audit, "left\n");
    assert_int_equal(hx_state_box(test_st, 0)->last, 0);
    test_reopen();
    test_is(test_audit, "left\n");
}


static void
moved_with_the_memory(void **state)
{
    char  dir[sizeof(test_audit)], a[sizeof(test_audit) + 8];
    char  b[sizeof(test_audit) + 8];

    (void) snprintf(dir, sizeof(dir), "%s/no", test_dir);
    (void) snprintf(a, sizeof(a), "%s/a", dir);
    (void) snprintf(b, sizeof(b), "%s/b", dir);

    test_use_a_file();
    test_leave(a, "one\n");
    test_leave(b, "two\n");
    test_shut();

    /* there is no box for the second one */

    test_st_conf.size = 2 * HX_ZONE;
    test_st_conf.n_boxes = 1;
    test_refused("holds more than the new size has room for");

    test_st_conf.n_boxes = 2;
    test_st = test_open();
    assert_int_equal(mkdir(dir, 0700), 0);
    assert_int_equal(hx_box_rescue(test_st, NULL, NULL), 0);
    test_is(a, "one\n");
    test_is(b, "two\n");
    assert_int_equal(unlink(a), 0);
    assert_int_equal(unlink(b), 0);
    assert_int_equal(rmdir(dir), 0);
}


int
main(void)
{
#define T(f)  cmocka_unit_test_setup_teardown(f, test_box_make,               \
                                              test_state_remove)
    const struct CMUnitTest  tests[] = {
        T(own_and_alone), T(path_too_long), T(records_go_to_the_file),
        T(bad_descriptor), T(cut_records_follow_whole), T(room_byte_by_byte),
        T(rotated_after_a_cut), T(fragments_of_others),
        T(others_keep_the_lock),
        T(successor_finds_the_records),
        T(rescued_by_path_and_descriptor), T(rescue_of_a_pipe),
        T(written_by_who_opens), T(moved_with_the_memory)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
