/*
 * hx_dial_test.c -- connections that wait no longer than they may.
 */

#include "hx_test.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "hx_dial.h"


/* A socket on a free port of loopback: a listener, or only bound. */

static int
bound(struct sockaddr_in *sin, int backlog)
{
    int        fd;
    socklen_t  len;

    memset(sin, 0, sizeof(*sin));
    sin->sin_family = AF_INET;
    sin->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    len = sizeof(*sin);

    fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_not_equal(fd, -1);
    assert_int_equal(bind(fd, (struct sockaddr *) sin, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *) sin, &len), 0);

    if (backlog != -1) {
        assert_int_equal(listen(fd, backlog), 0);
    }

    return fd;
}


static int
dial(struct sockaddr_in *sin, unsigned timeout)
{
    return hx_dial((struct sockaddr *) sin, sizeof(*sin), timeout);
}


static void
test_connected(void **state)
{
    int                 listener, fd, peer;
    char                c;
    struct sockaddr_in  sin;

    listener = bound(&sin, 8);
    fd = dial(&sin, 10000);
    assert_int_not_equal(fd, -1);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);

    peer = accept(listener, NULL, NULL);
    assert_int_not_equal(peer, -1);
    assert_int_equal(hx_dial_wait(fd, POLLIN, hx_dial_now() + 20), 0);
    assert_int_equal(write(peer, "x", 1), 1);
    assert_int_equal(hx_dial_wait(fd, POLLIN, hx_dial_now() + 10000), 1);
    assert_int_equal(read(fd, &c, 1), 1);

    /* closed by the other: the next call says so */

    (void) close(peer);
    assert_int_equal(hx_dial_wait(fd, POLLIN, hx_dial_now() + 10000), 1);
    assert_int_equal(read(fd, &c, 1), 0);

    (void) close(fd);
    (void) close(listener);
}


static void
test_refused(void **state)
{
    int                 fd;
    struct sockaddr_in  sin;

    fd = bound(&sin, -1);
    assert_int_equal(dial(&sin, 10000), -1);
    assert_int_equal(errno, ECONNREFUSED);
    (void) close(fd);
}


/* A queue that is full takes no more: the kernel tries again, for minutes. */

static void
test_too_late(void **state)
{
    int                 i, n, listener, error;
    int                 fd[16];
    int64_t             before, took;
    struct sockaddr_in  sin;

    listener = bound(&sin, 0);
    error = 0;
    took = 0;

    for (n = 0; n < 16; n++) {
        before = hx_dial_now();
        fd[n] = dial(&sin, 50);

        if (fd[n] == -1) {
            error = errno;
            took = hx_dial_now() - before;
            break;
        }
    }

    for (i = 0; i < n; i++) {
        (void) close(fd[i]);
    }

    (void) close(listener);
    assert_true(n < 16);
    assert_int_equal(error, ETIMEDOUT);
    assert_true(took >= 50);
}


static volatile sig_atomic_t  alarms;

static void
on_alarm(int sig)
{
    alarms++;
}


static void
test_signals_do_not_end_a_wait(void **state)
{
    int               fd[2];
    int64_t           before;
    struct itimerval  every = { { 0, 5000 }, { 0, 5000 } };
    struct itimerval  never = { { 0, 0 }, { 0, 0 } };
    struct sigaction  sa;

    memset(&sa, 0, sizeof(sa));
    sa.sa_handler = on_alarm;
    assert_int_equal(sigaction(SIGALRM, &sa, NULL), 0);
    assert_int_equal(pipe(fd), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &every, NULL), 0);

    before = hx_dial_now();
    assert_int_equal(hx_dial_wait(fd[0], POLLIN, before + 100), 0);
    assert_true(hx_dial_now() - before >= 100);
    assert_true(alarms > 0);

    assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);

    /* an end that is past is no wait at all */

    assert_int_equal(write(fd[1], "x", 1), 1);
    assert_int_equal(hx_dial_wait(fd[0], POLLIN, before), 0);

    (void) close(fd[0]);
    (void) close(fd[1]);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_connected),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_too_late),
        cmocka_unit_test(test_signals_do_not_end_a_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
