/*
 * hx_box_chain_test.c -- the chain that goes with the records of a box: it
 * stands behind the last record that counts, whoever is killed wherever; and a
 * box that must stop trying.
 */

#include "hx_test_box_kill.h"

#include <sys/stat.h>


static hx_chain_t
test_chain(uint64_t seq)
{
    hx_chain_t  chain;

    memset(&chain, (int) seq, sizeof(chain));
    chain.seq = seq;

    return chain;
}


/* A record that is number "seq" of its chain. */
static void
test_link(hx_box_t *box, const char *record, uint64_t seq)
{
    size_t          len, room;
    uint32_t        last;
    hx_chain_t      chain;
    unsigned char  *p;

    len = strlen(record);
    chain = test_chain(seq);
    p = hx_box_room(box, &last, &room);
    memcpy(p, record, len);
    hx_box_chain_at(box, last + (uint32_t) len, &chain);
    hx_box_advance(box, last + (uint32_t) len);
}


static void
assert_chain(const hx_box_t *box, uint64_t seq)
{
    hx_chain_t        chain;
    const hx_chain_t  want = test_chain(seq);

    assert_int_equal(hx_box_chain(box, &chain), HX_OK);
    assert_memory_equal(&chain, &want, sizeof(chain));
}


static void
assert_no_chain(const hx_box_t *box)
{
    hx_chain_t  chain;

    assert_int_equal(hx_box_chain(box, &chain), HX_NO);
}


static void
stands_behind_the_last_record(void **state)
{
    int       fd, shared;
    hx_box_t  box;

    for (shared = 0; shared < 2; shared++) {
        fd = test_append(test_audit);
        assert_int_equal(hx_box_claim(&box, shared ? test_st : NULL,
                                      test_audit, HX_BOX),
                         shared ? HX_OK : HX_NO);
        assert_no_chain(&box);
        test_link(&box, HX_ONE, 1);
        assert_chain(&box, 1);
        test_link(&box, HX_TWO, 2);
        assert_chain(&box, 2);
        assert_int_equal(test_flush(&box, fd), HX_BOX_DONE);
        assert_chain(&box, 2);
        test_link(&box, HX_THREE, 3);
        assert_int_equal(test_flush(&box, fd), HX_BOX_DONE);
        assert_chain(&box, 3);
        hx_box_chain_end(&box);
        assert_no_chain(&box);

        /* without one records move alone */

        test_put(&box, HX_OTHER);
        assert_no_chain(&box);
        assert_int_equal(test_flush(&box, fd), HX_BOX_DONE);
        assert_no_chain(&box);
        hx_box_release(&box);
        (void) close(fd);
    }
}


/* A record that is put, and does not count, leaves the chain where it is. */
static void
not_counted(void **state)
{
    hx_box_t    box;
    uint32_t    last;
    size_t      room;
    hx_chain_t  chain;

    test_claim(&box, test_audit);
    test_link(&box, HX_ONE, 1);
    (void) hx_box_room(&box, &last, &room);

    for (chain.seq = 2; chain.seq < 9; chain.seq++) {
        hx_box_chain_at(&box, last + (uint32_t) chain.seq, &chain);
        assert_chain(&box, 1);
    }

    test_link(&box, HX_TWO, 2);
    assert_chain(&box, 2);
    hx_box_release(&box);
}


/* The same file: it goes on, and that box is taken first.  Another: not. */
static void
claimed_again(void **state)
{
    int        fd;
    char       path[sizeof(test_audit) + 8];
    hx_box_t   box[HX_STATE_BOXES_MAX], one;
    unsigned   i, n;
    uint32_t   number;

    (void) snprintf(path, sizeof(path), "%s.next", test_audit);
    fd = test_append(test_audit);
    n = test_st->head->n_boxes;
    assert_true(n > 1);

    for (i = 0; i < n; i++) {
        test_claim(&box[i], test_audit);
    }

    test_link(&box[n - 1], HX_ONE, 5);
    assert_int_equal(test_flush(&box[n - 1], fd), HX_BOX_DONE);

    for (i = 0; i < n; i++) {
        hx_box_release(&box[i]);
    }

    test_claim(&one, test_audit);
    assert_int_equal(hx_box_number(&one), n);
    assert_chain(&one, 5);
    hx_box_release(&one);

    /* somebody else's files take the other boxes first */

    for (i = 0; i < n - 1; i++) {
        test_claim(&box[i], path);
        assert_no_chain(&box[i]);
        assert_int_not_equal(hx_box_number(&box[i]), n);
    }

    /* the chain without an end is to be found ... */

    number = 0;
    assert_int_equal(hx_box_unended(test_st, &number, &one), HX_OK);
    assert_int_equal(hx_box_number(&one), n);
    assert_string_equal(hx_box_path(&one), test_audit);
    assert_chain(&one, 5);
    hx_box_release(&one);
    assert_int_equal(hx_box_unended(test_st, &number, &one), HX_NO);

    /* ... and given up when there is no other box */

    test_claim(&box[n - 1], path);
    assert_no_chain(&box[n - 1]);
    number = 0;
    assert_int_equal(hx_box_unended(test_st, &number, &one), HX_NO);

    for (i = 0; i < n; i++) {
        hx_box_release(&box[i]);
    }

    (void) close(fd);
}


/* ---- killed --------------------------------------------------------------*/

static void
test_chained_box(void)
{
    if (hx_box_claim(&test_box, test_st, test_audit, HX_BOX) != HX_OK) {
        _exit(4);
    }

    test_link(&test_box, HX_ONE, 1);
    test_link(&test_box, HX_TWO, 2);
}


static void
test_op_link(void)
{
    test_link(&test_box, HX_THREE, 3);
}


static void
test_op_link_and_write(void)
{
    test_op_link();
    test_op_write();
}


/* As many records are there as the chain says. */
static void
test_as_many(unsigned n)
{
    hx_box_t     box;
    uint64_t     seq;
    hx_chain_t   chain;

    test_claim(&box, test_audit);
    assert_int_equal(hx_box_chain(&box, &chain), HX_OK);
    seq = chain.seq;
    assert_true(seq == 2 || seq == 3);
    assert_chain(&box, seq);
    assert_int_equal(test_flush(&box, test_fd), HX_BOX_DONE);
    assert_chain(&box, seq);
    test_is(test_audit, seq == 2 ? HX_ONE HX_TWO : HX_ONE HX_TWO HX_THREE);

    test_link(&box, HX_OTHER, seq + 1);
    assert_chain(&box, seq + 1);
    hx_box_release(&box);
}


static void
link_killed(void **state)
{
    static const test_scene_t  scene = {
        { test_chained_box, test_op_link }, test_as_many
    };

    test_file("");
    test_kill_all(&scene);
}


static void
write_killed(void **state)
{
    static const test_scene_t  scene = {
        { test_chained_box, test_op_link_and_write }, test_as_many
    };

    test_file("");
    test_kill_all(&scene);
}


/* ---- the file -------------------------------------------------------------*/

/* Not the writer's: what one process is told of a disk others are told, too. */
static void
reads_by_itself(void **state)
{
    int           fd, own;
    hx_box_t      box;
    struct stat   a, b;

    fd = test_append(test_audit);
    test_claim(&box, test_audit);
    assert_int_equal(hx_box_reader_fd(&box), -1);
    test_put(&box, HX_ONE);
    assert_int_equal(test_flush(&box, fd), HX_BOX_DONE);

    own = hx_box_reader_fd(&box);
    assert_int_equal(fcntl(own, F_GETFL) & O_ACCMODE, O_RDONLY);
    assert_int_equal(fstat(fd, &a), 0);
    assert_int_equal(fstat(own, &b), 0);
    assert_true(a.st_dev == b.st_dev && a.st_ino == b.st_ino);

    hx_box_rotated(&box);
    assert_int_equal(hx_box_reader_fd(&box), -1);
    assert_int_equal(fcntl(own, F_GETFL), -1);
    hx_box_release(&box);
    (void) close(fd);
}


/* ---- a disk that is no use ------------------------------------------------*/

/* A little fits each time, never all: it ends, and what was cut follows. */
static void
drained(void **state)
{
    int            fd, unsure;
    unsigned       cut;
    hx_box_t       box;

    fd = test_append(test_audit);
    test_claim(&box, test_audit);
    test_put(&box, HX_ONE);
    test_put(&box, HX_TWO);

    cut = 0;
    test_full_at(3);
    assert_int_equal(hx_box_drain(&box, fd, &unsure, &cut), HX_BOX_ERROR);
    assert_int_equal(errno, EFBIG);
    assert_int_equal(cut, 1);

    test_full_at(RLIM_INFINITY);
    assert_int_equal(hx_box_drain(&box, fd, &unsure, &cut), HX_BOX_DONE);
    assert_int_equal(cut, 1);
    test_is(test_audit, "{\"i\n" HX_ONE HX_TWO);
    hx_box_release(&box);
    (void) close(fd);
}


/* Who writes to a file that nobody can open any more writes to nobody. */
static void
removed(void **state)
{
    int       fd, link_fd;
    char      other[sizeof(test_audit) + 8];
    hx_box_t  box;

    (void) snprintf(other, sizeof(other), "%s.kept", test_audit);
    fd = test_append(test_audit);
    test_claim(&box, test_audit);
    test_put(&box, HX_ONE);
    assert_int_equal(unlink(test_audit), 0);
    assert_int_equal(test_flush(&box, fd), HX_BOX_ERROR);
    assert_int_equal(errno, ENOENT);
    assert_false(hx_box_empty(&box));

    /* one that was only renamed is there */

    link_fd = test_append(test_audit);
    assert_int_equal(rename(test_audit, other), 0);
    assert_int_equal(test_flush(&box, link_fd), HX_BOX_DONE);
    test_is(other, HX_ONE);
    assert_int_equal(unlink(other), 0);
    hx_box_release(&box);
    (void) close(link_fd);
    (void) close(fd);
}


int
main(void)
{
#define T(f)  cmocka_unit_test_setup_teardown(f, test_box_make,               \
                                              test_state_remove)
    const struct CMUnitTest  tests[] = {
        T(stands_behind_the_last_record), T(not_counted), T(claimed_again),
        T(link_killed), T(write_killed), T(reads_by_itself), T(drained),
        T(removed)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
