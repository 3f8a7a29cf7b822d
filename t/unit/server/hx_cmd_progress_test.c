/*
 * hx_cmd_progress_test.c -- a bar on a terminal, lines elsewhere, neither too
 * often.
 */

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "hx_cmd.h"
#include "hx_test.h"

static uint64_t  now_ms;


int
clock_gettime(clockid_t id, struct timespec *ts)
{
    if (now_ms == 0) {
        return (int) syscall(SYS_clock_gettime, id, ts);
    }

    ts->tv_sec = (time_t) (now_ms / 1000);
    ts->tv_nsec = (long) (now_ms % 1000) * 1000000;

    return 0;
}


/* A minute in steps of 10 ms, with stderr being fd[1]: what fd[0] got. */
static size_t
run(int fd[2], char *text, size_t cap)
{
    int            saved;
    size_t         len;
    ssize_t        n;
    unsigned       i;
    hx_progress_t  p;

    len = 0;
    saved = dup(STDERR_FILENO);
    assert_int_equal(dup2(fd[1], STDERR_FILENO), STDERR_FILENO);
    (void) close(fd[1]);
    (void) fcntl(fd[0], F_SETFL, O_NONBLOCK);
    now_ms = 1000000;
    hx_progress_begin(&p, "check");

    for (i = 0; i <= 6000; i++) {
        hx_progress_show(&p, i < 3000 ? i : 6001, 6000);
        now_ms += 10;
        n = read(fd[0], text + len, cap - 1 - len);
        len += n > 0 ? (size_t) n : 0;
    }

    hx_progress_end(&p);
    now_ms = 0;
    n = read(fd[0], text + len, cap - 1 - len);
    len += n > 0 ? (size_t) n : 0;
    text[len] = '\0';
    assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
    (void) close(saved);
    (void) close(fd[0]);

    return len;
}


static unsigned
count(const char *text, const char *what)
{
    unsigned  n;

    for (n = 0; (text = strstr(text, what)) != NULL; n++) {
        text += strlen(what);
    }

    return n;
}


static void
test_lines(void **state)
{
    int          fd[2];
    static char  text[100000];

    assert_int_equal(pipe(fd), 0);
    (void) run(fd, text, sizeof(text));
    assert_int_equal(count(text, "\n"), 60);
    assert_int_equal(count(text, "hx-engine: check: "), 60);
    assert_int_equal(count(text, "\r"), 0);
    assert_non_null(strstr(text, "hx-engine: check: 25 %\n"));
    assert_non_null(strstr(text, "hx-engine: check: 100 %\n"));
}


static void
test_a_bar(void **state)
{
    int          fd[2];
    static char  text[400000];

    assert_int_equal(openpty(&fd[0], &fd[1], NULL, NULL, NULL), 0);
    (void) run(fd, text, sizeof(text));
    assert_int_equal(count(text, "\n"), 0);
    assert_int_equal(count(text, "\rcheck ["), 600);
    assert_non_null(strstr(text, "[##########..............................] "
                           " 25 %  0:45 left"));
    assert_non_null(strstr(text, "[########################################] "
                           "100 %"));

    /* and it is wiped in the end */

    assert_string_equal(text + strlen(text) - 4, "\r\033[K");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_a_bar)
    };

    return cmocka_run_group_tests_name("hx_cmd_progress", tests, NULL, NULL);
}
