/*
 * hx_accept.c -- new connections of a loop, and what happens when there can be
 * no more: the client is turned away, or waits in the backlog.
 */

#define _GNU_SOURCE                 /* accept4 */

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hx_conn.h"


/* A line about a connection that was not taken, at most one a second. */
static void
hx_loop_complain(hx_loop_t *l, hx_log_level_t level, const char *event,
    const char *reason)
{
    hx_log_t  line;

    if (l->complained != 0 && hx_loop_ms(l) - l->complained < HX_LOOP_TICK) {
        l->unlogged++;
        return;
    }

    hx_log_start(&line, level, event);
    hx_log_cstr(&line, "reason", reason);
    hx_log_u64(&line, "unlogged", l->unlogged);
    hx_log_end(&line);
    l->complained = hx_loop_ms(l);
    l->unlogged = 0;
}


int
hx_loop_listen(hx_loop_t *l)
{
    struct epoll_event  ev;

    ev.events = EPOLLIN | EPOLLEXCLUSIVE;
    ev.data.ptr = l->server;

    return epoll_ctl(l->epoll, EPOLL_CTL_ADD, l->server->listen_fd, &ev);
}


/*
 * accept() failed, most likely for want of descriptors or memory.  The
 * connection stays in the backlog, and would wake us again and again: the
 * socket is left alone until the next tick.
 */
static void
hx_loop_pause(hx_loop_t *l, int err)
{
    hx_loop_complain(l, HX_LOG_ERROR, "accept", strerror(err));

    if (l->accepting && !l->paused) {
        (void) epoll_ctl(l->epoll, EPOLL_CTL_DEL, l->server->listen_fd, NULL);
        l->paused = 1;
    }
}


void
hx_loop_accept(hx_loop_t *l)
{
    int           fd;
    hx_server_t  *s;

    s = l->server;

    for ( ;; ) {
        fd = accept4(s->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd == -1) {
            if (errno == ECONNABORTED || errno == EINTR) {
                continue;
            }
            if (errno != EAGAIN && errno != EWOULDBLOCK) {
                hx_loop_pause(l, errno);
            }
            return;
        }

        if (atomic_fetch_add(&s->connections, 1)
            >= s->conf->max_connections)
        {
            atomic_fetch_sub(&s->connections, 1);
            atomic_fetch_add(&s->refused, 1);
            hx_loop_complain(l, HX_LOG_WARN, "refused",
                             "too many connections");
            close(fd);
            continue;
        }

        atomic_fetch_add(&s->accepted, 1);

        if (hx_loop_add(l, fd) != 0) {
            atomic_fetch_sub(&s->connections, 1);
            close(fd);
        }
    }
}
