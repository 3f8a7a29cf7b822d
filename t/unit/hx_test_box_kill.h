/*
 * hx_test_box_kill.h -- boxes of audit records whose owner is killed at an
 * instruction of choice, again and again from the same state.
 */

#ifndef HX_TEST_BOX_KILL_H
#define HX_TEST_BOX_KILL_H

#include "hx_test_box.h"
#include "hx_test_kill.h"

#define HX_HANGS   60

#define HX_ONE     "{\"id\":\"one\",\"n\":1}\n"
#define HX_TWO     "{\"id\":\"two\",\"n\":2}\n"
#define HX_THREE   "{\"id\":\"three\",\"n\":3}\n"
#define HX_OTHER   "{\"id\":\"other\",\"n\":9}\n"

static hx_box_t        test_box;
static int             test_fd;
static unsigned char  *test_saved;
static char            test_saved_text[HX_TEXT];
static char            test_rotated[sizeof(test_audit) + 8];


/* What it starts from: memory, and file. */
static inline void
test_keep(void)
{
    test_saved = realloc(test_saved, test_st->mapped);
    assert_non_null(test_saved);
    memcpy(test_saved, test_st->head, test_st->mapped);
    (void) snprintf(test_saved_text, sizeof(test_saved_text), "%s",
                    test_text(test_audit));
}


static inline void
test_again(void)
{
    int  fd;

    memcpy(test_st->head, test_saved, test_st->mapped);

    /* the file that it was, which the memory has noted */

    (void) unlink(test_rotated);
    fd = open(test_audit, O_WRONLY | O_TRUNC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, test_saved_text, strlen(test_saved_text)),
                     strlen(test_saved_text));
    (void) close(fd);
}


static inline void
test_file(const char *text)
{
    test_fd = test_append(test_audit);
    assert_int_equal(write(test_fd, text, strlen(text)), strlen(text));
    (void) snprintf(test_rotated, sizeof(test_rotated), "%s.1", test_audit);
}


/* Who is killed. */
static inline void
test_fill_box(void)
{
    if (hx_box_claim(&test_box, test_st, test_audit, HX_BOX) != HX_OK) {
        _exit(4);
    }

    test_put(&test_box, HX_ONE);
    test_put(&test_box, HX_TWO);
    test_put(&test_box, HX_THREE);
}


static inline void
test_op_write(void)
{
    int  unsure;

    unsure = 0;
    (void) hx_box_write(&test_box, test_fd, &unsure);
}


/* Who comes after it. */
static inline void
test_take_over(int fd)
{
    hx_box_t     box;
    hx_box_rc_t  rc;

    (void) alarm(HX_HANGS);
    test_claim(&box, test_audit);

    do {
        rc = test_flush(&box, fd);
    } while (rc == HX_BOX_SHORT);

    assert_int_equal(rc, HX_BOX_DONE);
    assert_true(hx_box_empty(&box));
    hx_box_release(&box);
    (void) alarm(0);
}


typedef struct {
    test_victim_t   victim;
    void          (*look)(unsigned n);
} test_scene_t;


static inline void
test_kill_all(const test_scene_t *scene)
{
    unsigned  n, i, step, stride;

    test_keep();
    n = test_learn(&scene->victim);
    stride = test_stride();

    for (step = 0, i = 0; step <= n; step = test_next_step(step, stride), i++)
    {
        test_again();
        test_kill_after(&scene->victim, step, test_again);
        scene->look(i);
    }

    print_message("# killed %u times in %u instructions\n", i, n);
    (void) close(test_fd);
}

#endif /* HX_TEST_BOX_KILL_H */
