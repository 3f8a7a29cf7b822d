/*
 * hx_box_resume_test.c -- records of a box whose owner was killed, when the
 * disk was full, when who took it over was killed as well, and when the file is
 * gone or may not be read: then the caller is told, and nothing is lost.
 */

#include "hx_test_box_kill.h"

#define HX_OLD     "{\"old\":0}\n"
#define HX_CUT     7                        /* bytes of a record */


/* The successor, who goes on with test_op_write(). */
static void
test_succeed(void)
{
    if (hx_box_claim(&test_box, test_st, test_audit, HX_BOX) != HX_OK
        || hx_box_empty(&test_box))
    {
        _exit(4);
    }
}


/* Each record is a line once, and there are no others but what was cut. */
static void
test_lines(const char *fragment)
{
    size_t       more;
    const char  *text;

    text = test_text(test_audit);
    assert_int_equal(test_times(text, HX_OLD), 1);
    assert_int_equal(test_times(text, HX_ONE), 1);
    assert_int_equal(test_times(text, HX_TWO), 1);
    assert_int_equal(test_times(text, HX_THREE), 1);

    more = strlen(text) - strlen(HX_OLD HX_ONE HX_TWO HX_THREE);

    if (more != 0) {
        assert_int_equal(more, strlen(fragment));
        assert_int_equal(test_times(text, fragment), 1);
    }
}


/* ---- a disk that is full */

/* The limit of a process: the victim's alone. */
static void
test_fill_box_and_disk(void)
{
    test_fill_box();
    test_full_at(strlen(HX_OLD HX_ONE) + HX_CUT);
}


static void
test_fill_box_and_disk_but_a_line_feed(void)
{
    test_fill_box();
    test_full_at(strlen(HX_OLD HX_ONE HX_TWO) - 1);
}


static void
test_cut_once(unsigned n)
{
    test_take_over(test_fd);
    test_lines("{\"id\":\"\n");
}


static void
short_write_killed(void **state)
{
    static const test_scene_t  scene = {
        { test_fill_box_and_disk, test_op_write }, test_cut_once
    };

    test_file(HX_OLD);
    test_kill_all(&scene);
}


static void
test_not_cut(unsigned n)
{
    test_take_over(test_fd);
    test_is(test_audit, HX_OLD HX_ONE HX_TWO HX_THREE);
}


static void
write_but_a_line_feed_killed(void **state)
{
    static const test_scene_t  scene = {
        { test_fill_box_and_disk_but_a_line_feed, test_op_write },
        test_not_cut
    };

    test_file(HX_OLD);
    test_kill_all(&scene);
}


/* The disk was full; there is room again, and who goes on is killed. */
static int
test_cut(void *prepare)
{
    ((void (*)(void)) prepare)();
    test_op_write();

    return hx_box_empty(&test_box) ? 2 : 0;
}


static void
writing_on_killed(void **state)
{
    static const test_scene_t  cut = {
        { test_succeed, test_op_write }, test_cut_once
    };
    static const test_scene_t  not_cut = {
        { test_succeed, test_op_write }, test_not_cut
    };

    test_file(HX_OLD);
    assert_int_equal(test_in_child(test_cut, test_fill_box_and_disk), 0);
    test_is(test_audit, HX_OLD HX_ONE "{\"id\":\"");
    test_kill_all(&cut);

    assert_int_equal(unlink(test_audit), 0);
    test_shut();
    test_st = test_open();
    test_file(HX_OLD);
    assert_int_equal(test_in_child(test_cut,
                                   test_fill_box_and_disk_but_a_line_feed),
                     0);
    test_kill_all(&not_cut);
}


/* ---- who takes over is killed too */

static int
test_writing(void)
{
    return hx_state_box(test_st, 0)->writing != 0;
}


static int
test_written(void)
{
    struct stat  sb;

    assert_int_equal(fstat(test_fd, &sb), 0);

    return (size_t) sb.st_size > strlen(HX_OLD);
}


static void
taking_over_killed(void **state)
{
    int    written;
    pid_t  pid;

    static const test_victim_t  first = { test_fill_box, test_op_write };
    static const test_scene_t   second = {
        { test_succeed, test_op_write }, test_not_cut
    };

    for (written = 0; written < 2; written++) {
        test_file(HX_OLD);
        pid = test_victim(&first);

        while (!(written ? test_written : test_writing)()) {
            assert_true(test_go(pid, 1));
        }

        test_slay(pid);
        test_kill_all(&second);

        assert_int_equal(unlink(test_audit), 0);
        test_shut();
        test_st = test_open();
    }
}


/*
 * Killed inside write(), it has left as many bytes as there are in the file; a
 * living one writes before the box is taken over, or nobody does.
 */
static void
killed_inside_write(void **state)
{
    int          living;
    pid_t        pid;
    size_t       n, whole;
    hx_box_t     box;
    const char  *text;

    static const char           all[] = HX_OLD HX_ONE HX_TWO HX_THREE;
    static const test_victim_t  victim = { test_fill_box, test_op_write };

    test_file(HX_OLD);
    pid = test_victim(&victim);

    while (!test_written()) {
        assert_true(test_go(pid, 1));
    }

    test_slay(pid);
    test_keep();
    test_is(test_audit, all);

    for (n = strlen(HX_OLD); n <= strlen(all); n++) {
        for (living = 0; living < 2; living++) {
            test_again();
            assert_int_equal(truncate(test_audit, (off_t) n), 0);
            whole = strlen(all);

            if (living) {
                assert_int_equal(hx_box_claim(&box, NULL, test_audit, HX_BOX),
                                 HX_NO);
                test_put(&box, HX_OTHER);
                assert_int_equal(test_flush(&box, test_fd), HX_BOX_DONE);
                hx_box_release(&box);
                whole += strlen(HX_OTHER);
            }

            test_take_over(test_fd);
            text = test_text(test_audit);
            assert_int_equal(test_times(text, HX_OLD), 1);
            assert_int_equal(test_times(text, HX_ONE), 1);
            assert_int_equal(test_times(text, HX_TWO), 1);
            assert_int_equal(test_times(text, HX_THREE), 1);
            assert_int_equal(test_times(text, HX_OTHER), living);
            assert_null(strstr(text, "\n\n"));

            /* and what was cut, with a line feed, unless nothing was */

            assert_in_range(strlen(text), whole,
                            whole + strlen(HX_THREE) - 1);
        }
    }

    (void) close(test_fd);
}


/* ---- nobody can know */

/* Killed before its write() or after it; the box has another owner now. */
static void
test_orphan(hx_box_t *box, int written)
{
    pid_t  pid;

    static const test_victim_t  victim = { test_fill_box, test_op_write };

    test_file(HX_OLD);
    pid = test_victim(&victim);

    while (!(written ? test_written : test_writing)()) {
        assert_true(test_go(pid, 1));
    }

    test_slay(pid);
    test_claim(box, test_audit);
}


/* All is written, and the caller is told whether some may be there twice. */
static void
test_all(hx_box_t *box, int fd, int doubt, const char *text)
{
    int  unsure;

    unsure = 0;
    assert_int_equal(hx_box_write(box, fd, &unsure), HX_BOX_DONE);
    assert_int_equal(unsure, doubt);
    assert_int_equal(close(fd), 0);
    test_is(test_audit, text);
    hx_box_release(box);
    assert_int_equal(unlink(test_audit), 0);
}


static void
file_is_gone(void **state)
{
    int       written;
    hx_box_t  box;

    for (written = 0; written < 2; written++) {
        test_orphan(&box, written);
        assert_int_equal(unlink(test_audit), 0);
        test_all(&box, test_append(test_audit), 1,
                 HX_ONE HX_TWO HX_THREE);
        (void) close(test_fd);
    }
}


/* Copied and emptied, as some rotate files: the copy may have it. */
static void
file_was_emptied(void **state)
{
    hx_box_t  box;

    test_orphan(&box, 1);
    assert_int_equal(truncate(test_audit, 0), 0);
    test_all(&box, test_fd, 1, HX_ONE HX_TWO HX_THREE);
}


/* Not to be read by this process: who has the right to write only. */
static int
test_as_nobody(void *data)
{
    int       unsure, *doubt = data;
    hx_box_t  box;

    if (geteuid() == 0 && seteuid(65534) != 0) {
        return 2;
    }

    if (open(test_audit, O_RDONLY) != -1) {
        return 3;
    }

    unsure = 0;

    if (hx_box_claim(&box, test_st, test_audit, HX_BOX) != HX_OK
        || hx_box_write(&box, test_fd, &unsure) != HX_BOX_DONE)
    {
        return 4;
    }

    return unsure == *doubt ? 0 : 5;
}


static void
file_cannot_be_read(void **state)
{
    int       written;
    hx_box_t  box;

    for (written = 0; written < 2; written++) {
        test_orphan(&box, written);
        hx_box_release(&box);
        assert_int_equal(chmod(test_audit, 0200), 0);
        assert_int_equal(test_in_child(test_as_nobody, &written), 0);
        assert_int_equal(chmod(test_audit, 0600), 0);

        /* that nothing was written shows in its size */

        test_is(test_audit, written ? HX_OLD HX_ONE HX_TWO HX_THREE
                                      HX_ONE HX_TWO HX_THREE
                                    : HX_OLD HX_ONE HX_TWO HX_THREE);
        assert_int_equal(unlink(test_audit), 0);
        (void) close(test_fd);
    }
}


/* As if it had been killed around a write() when the file was empty. */
static void
test_note(int fd)
{
    struct stat     sb;
    hx_box_head_t  *h;

    assert_int_equal(fstat(fd, &sb), 0);

    h = hx_state_box(test_st, 0);
    h->writing = 1;
    h->before = 0;
    h->device = (uint64_t) sb.st_dev;
    h->inode = (uint64_t) sb.st_ino;
}


/* Others have written what is nearly the same; and ours is whole, or cut. */
static void
found_among_many(void **state)
{
    int          fd;
    char         record[600], other[600];
    size_t       part;
    unsigned     i, cut;
    hx_box_t     box;
    const char  *text;

    memset(record, 'a', sizeof(record));
    record[sizeof(record) - 2] = '\n';
    record[sizeof(record) - 1] = '\0';

    for (cut = 0; cut < 2; cut++) {
        fd = test_append(test_audit);
        test_claim(&box, test_audit);
        test_put(&box, record);
        test_put(&box, HX_ONE);
        test_note(fd);

        for (i = 0; i < 20; i++) {
            memcpy(other, record, sizeof(other));
            other[500 + i] = 'b';
            assert_int_equal(write(fd, other, strlen(other)), strlen(other));
        }

        part = cut ? 100 : strlen(record);
        assert_int_equal(write(fd, record, part), part);

        assert_int_equal(test_flush(&box, fd), HX_BOX_DONE);
        text = test_text(test_audit);
        assert_int_equal(test_times(text, record), 1);
        assert_int_equal(test_times(text, HX_ONE), 1);
        assert_int_equal(strlen(text), 21 * strlen(record) + strlen(HX_ONE)
                         + (cut ? 101 : 0));
        hx_box_release(&box);
        (void) close(fd);
        assert_int_equal(unlink(test_audit), 0);
    }
}


int
main(void)
{
#define T(f)  cmocka_unit_test_setup_teardown(f, test_box_make,               \
                                              test_state_remove)
    const struct CMUnitTest  tests[] = {
        T(short_write_killed), T(write_but_a_line_feed_killed),
        T(writing_on_killed), T(taking_over_killed), T(killed_inside_write),
        T(file_is_gone),
        T(file_was_emptied), T(file_cannot_be_read), T(found_among_many)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
