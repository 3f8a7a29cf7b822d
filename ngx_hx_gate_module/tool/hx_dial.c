/*
 * hx_dial.c -- see the header.
 */

#define _GNU_SOURCE         /* SOCK_CLOEXEC */

#include <errno.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "hx_dial.h"


int64_t
hx_dial_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


int
hx_dial_wait(int fd, short events, int64_t end)
{
    int            n;
    int64_t        left;
    struct pollfd  pfd;

    pfd.fd = fd;
    pfd.events = events;

    for ( ;; ) {
        left = end - hx_dial_now();

        if (left <= 0) {
            return 0;
        }

        n = poll(&pfd, 1, (int) left);

        if (n > 0 || (n == -1 && errno != EINTR)) {
            return 1;
        }
    }
}


int
hx_dial(const struct sockaddr *sa, socklen_t len, unsigned timeout)
{
    int        fd, error;
    socklen_t  n;

    fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd == -1) {
        return -1;
    }

    error = connect(fd, sa, len) == 0 ? 0 : errno;

    if (error == EINPROGRESS) {
        n = sizeof(error);

        if (!hx_dial_wait(fd, POLLOUT, hx_dial_now() + timeout)) {
            error = ETIMEDOUT;

        } else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0) {
            error = errno;
        }
    }

    if (error != 0) {
        (void) close(fd);
        errno = error;
        return -1;
    }

    return fd;
}
