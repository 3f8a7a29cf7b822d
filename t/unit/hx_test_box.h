/*
 * hx_test_box.h -- audit records of tests: put into a box, looked for in files.
 */

#ifndef HX_TEST_BOX_H
#define HX_TEST_BOX_H

#include "hx_test_state.h"

#include <errno.h>
#include <sys/resource.h>

#define HX_TEXT   65536                     /* of a file */

static char  test_audit[sizeof(test_dir) + 16];


/* For cmocka: a memory without a file, and the name of an audit file. */
static inline int
test_box_make(void **state)
{
    int  rc;

    rc = test_state_make_none(state);
    (void) snprintf(test_audit, sizeof(test_audit), "%s/audit", test_dir);

    return rc;
}


static inline int
test_append(const char *path)
{
    int  fd;

    fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);

    return fd;
}


static inline void
test_claim(hx_box_t *box, const char *path)
{
    assert_int_equal(hx_box_claim(box, test_st, path, HX_BOX), HX_OK);
}


static inline void
test_put(hx_box_t *box, const char *record)
{
    size_t          len, room;
    uint32_t        last;
    unsigned char  *p;

    len = strlen(record);
    p = hx_box_room(box, &last, &room);
    assert_true(len <= room);
    memcpy(p, record, len);
    hx_box_advance(box, last + (uint32_t) len);
}


static inline hx_box_rc_t
test_flush(hx_box_t *box, int fd)
{
    int          unsure;
    hx_box_rc_t  rc;

    unsure = 0;
    rc = hx_box_write(box, fd, &unsure);
    assert_int_equal(unsure, 0);

    return rc;
}


static inline const char *
test_text(const char *path)
{
    int          fd;
    ssize_t      n;
    static char  text[HX_TEXT];

    fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    n = read(fd, text, sizeof(text) - 1);
    assert_true(n >= 0);
    (void) close(fd);
    text[n] = '\0';

    return text;
}


static inline void
test_is(const char *path, const char *text)
{
    assert_string_equal(test_text(path), text);
}


/* How often a line is there. */
static inline unsigned
test_times(const char *text, const char *line)
{
    size_t       len;
    unsigned     n;
    const char  *p;

    len = strlen(line);

    for (n = 0, p = text; (p = strstr(p, line)) != NULL; p += len) {
        n += p == text || p[-1] == '\n';
    }

    return n;
}


/* Files of this process end here: a disk that is full. */
static inline void
test_full_at(rlim_t size)
{
    struct rlimit  limit;

    (void) signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = size;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

#endif /* HX_TEST_BOX_H */
