/*
 * hx_loop.c -- the I/O threads: one epoll instance each, one shared listening
 * socket (not SO_REUSEPORT: a second engine on the same port must fail).
 *
 * Completions come from other threads through a locked list and an eventfd.
 * Timeouts are looked at once a second, which is their resolution.
 */

#include <stdlib.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "hx_conn.h"

#define HX_LOOP_EVENTS   128


uint64_t
hx_loop_us(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}


static void
hx_loop_clock(hx_loop_t *l)
{
    struct tm        tm;
    struct timespec  ts;

    l->now_us = hx_loop_us();

    (void) clock_gettime(CLOCK_REALTIME_COARSE, &ts);

    if (ts.tv_sec != l->date_sec) {
        l->date_sec = ts.tv_sec;
        (void) gmtime_r(&l->date_sec, &tm);
        (void) strftime(l->date, sizeof(l->date),
                        "%a, %d %b %Y %H:%M:%S GMT", &tm);
    }
}


static void
hx_loop_wake(hx_loop_t *l)
{
    ssize_t   n;
    uint64_t  one;

    one = 1;
    n = write(l->wake, &one, sizeof(one));
    (void) n;                       /* full counter: it is awake already */
}


void
hx_loop_done(hx_conn_t *c)
{
    int         first;
    hx_loop_t  *l;

    l = c->loop;

    pthread_mutex_lock(&l->lock);
    first = l->done == NULL;
    c->done_next = l->done;
    l->done = c;
    pthread_mutex_unlock(&l->lock);

    if (first) {
        hx_loop_wake(l);
    }
}


void
hx_loop_again(hx_conn_t *c)
{
    if (!c->queued) {
        c->queued = 1;
        c->again = c->loop->again;
        c->loop->again = c;
    }
}


/* A connection in the "again" list is freed when its turn comes. */
static void
hx_loop_reap(hx_conn_t *c)
{
    hx_loop_t  *l;

    l = c->loop;

    if (c->state != HX_CONN_CLOSED || c->queued) {
        return;
    }

    if (c->prev != NULL) {
        c->prev->next = c->next;

    } else {
        l->conns = c->next;
    }

    if (c->next != NULL) {
        c->next->prev = c->prev;
    }

    hx_conn_free(c);
    atomic_fetch_sub(&l->server->connections, 1);
}


int
hx_loop_add(hx_loop_t *l, int fd)
{
    int                 one;
    hx_conn_t          *c;
    struct epoll_event  ev;

    one = 1;
    (void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));

    c = hx_conn_create(l, fd);
    if (c == NULL) {
        return -1;
    }

    c->next = l->conns;

    if (l->conns != NULL) {
        l->conns->prev = c;
    }

    l->conns = c;

    ev.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    ev.data.ptr = c;

    if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &ev) != 0) {
        c->state = HX_CONN_CLOSED;
        hx_loop_reap(c);
        return 0;                   /* reap has closed it and counted it */
    }

    return 0;
}


static void
hx_loop_completions(hx_loop_t *l)
{
    ssize_t     n;
    uint64_t    count;
    hx_conn_t  *c, *next;

    n = read(l->wake, &count, sizeof(count));
    (void) n;

    pthread_mutex_lock(&l->lock);
    c = l->done;
    l->done = NULL;
    pthread_mutex_unlock(&l->lock);

    for ( /* void */ ; c != NULL; c = next) {
        next = c->done_next;
        hx_conn_resume(c);
        hx_loop_reap(c);
    }
}


static void
hx_loop_turns(hx_loop_t *l)
{
    hx_conn_t  *c, *next;

    c = l->again;
    l->again = NULL;

    for ( /* void */ ; c != NULL; c = next) {
        next = c->again;
        c->queued = 0;
        hx_conn_run(c);
        hx_loop_reap(c);
    }
}


static void
hx_loop_tick(hx_loop_t *l)
{
    uint64_t    now;
    hx_conn_t  *c, *next;

    now = hx_loop_ms(l);

    if (now - l->last_tick < HX_LOOP_TICK) {
        return;
    }

    l->last_tick = now;

    if (l->paused && l->accepting) {
        l->paused = hx_loop_listen(l) != 0;
    }

    for (c = l->conns; c != NULL; c = next) {
        next = c->next;

        if (c->deadline != 0 && c->deadline <= now) {
            hx_conn_timeout(c);
            hx_loop_reap(c);
        }
    }
}


/*
 * Shutting down: what is already in the backlog or in a socket buffer is still
 * served, idle connections are closed, and after the drain timeout all others
 * are, those excepted that wait for the store (it always answers).
 */
static void
hx_loop_draining(hx_loop_t *l)
{
    hx_conn_t  *c, *next;

    if (l->accepting) {
        l->accepting = 0;
        hx_loop_accept(l);
        (void) epoll_ctl(l->epoll, EPOLL_CTL_DEL, l->server->listen_fd, NULL);
        l->kill_at = hx_loop_ms(l) + l->server->conf->drain_timeout * 1000;

        if (atomic_fetch_sub(&l->server->accepting, 1) == 1) {
            close(l->server->listen_fd);
        }
    }

    for (c = l->conns; c != NULL; c = next) {
        next = c->next;

        if (hx_conn_idle(c)) {
            hx_conn_run(c);

            if (hx_conn_idle(c)) {
                c->state = HX_CONN_CLOSED;
            }
        }

        if (hx_loop_ms(l) >= l->kill_at && c->state != HX_CONN_WAIT) {
            c->state = HX_CONN_CLOSED;
        }

        hx_loop_reap(c);
    }
}


static void
hx_loop_events(hx_loop_t *l, const struct epoll_event *ev, int n)
{
    int         i, woken;
    hx_conn_t  *c;

    woken = 0;

    for (i = 0; i < n; i++) {

        if (ev[i].data.ptr == l) {
            woken = 1;

        } else if (ev[i].data.ptr == l->server) {
            if (l->accepting) {
                hx_loop_accept(l);
            }

        } else {
            c = ev[i].data.ptr;

            if (ev[i].events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
                c->io.readable = 1;
            }

            if (ev[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
                c->io.hup = 1;
            }

            hx_conn_run(c);
            hx_loop_reap(c);
        }
    }

    /* last, because it may free connections that had events above */

    if (woken) {
        hx_loop_completions(l);
    }
}


static void *
hx_loop_main(void *data)
{
    int                 n, wait;
    hx_loop_t          *l;
    struct epoll_event  ev[HX_LOOP_EVENTS];

    l = data;
    hx_log_batch();

    for ( ;; ) {
        hx_log_flush();                 /* nothing is kept while waiting */

        wait = l->again != NULL ? 0
               : l->conns == NULL && l->accepting && !l->paused ? -1
               : HX_LOOP_TICK;

        n = epoll_wait(l->epoll, ev, HX_LOOP_EVENTS, wait);
        hx_loop_clock(l);

        if (n > 0) {
            hx_loop_events(l, ev, n);
        }

        hx_loop_turns(l);
        hx_loop_tick(l);

        if (atomic_load(&l->server->draining)) {
            hx_loop_draining(l);

            if (l->conns == NULL) {
                hx_log_unbatch();
                return NULL;
            }
        }
    }
}


static int
hx_loop_open(hx_loop_t *l, hx_server_t *s)
{
    struct epoll_event  ev;

    l->server = s;
    l->accepting = 1;
    pthread_mutex_init(&l->lock, NULL);
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    l->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    l->crypto = hx_crypto_create();

    if (l->epoll == -1 || l->wake == -1 || l->crypto == NULL) {
        return -1;
    }

    hx_loop_clock(l);
    l->last_tick = hx_loop_ms(l);

    ev.events = EPOLLIN | EPOLLET;
    ev.data.ptr = l;

    if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, l->wake, &ev) != 0) {
        return -1;
    }

    return hx_loop_listen(l);
}


int
hx_loops_start(hx_server_t *s)
{
    unsigned  i;

    s->loop = calloc(s->n_loops, sizeof(hx_loop_t));
    if (s->loop == NULL) {
        return -1;
    }

    atomic_store(&s->accepting, s->n_loops);

    for (i = 0; i < s->n_loops; i++) {
        if (hx_loop_open(&s->loop[i], s) != 0) {
            return -1;
        }
    }

    for (i = 0; i < s->n_loops; i++) {
        if (pthread_create(&s->loop[i].thread, NULL, hx_loop_main,
                           &s->loop[i]) != 0)
        {
            return -1;
        }
    }

    return 0;
}


void
hx_loops_drain(hx_server_t *s)
{
    unsigned  i;

    atomic_store(&s->draining, 1);

    for (i = 0; i < s->n_loops; i++) {
        hx_loop_wake(&s->loop[i]);
    }

    for (i = 0; i < s->n_loops; i++) {
        pthread_join(s->loop[i].thread, NULL);
    }
}


void
hx_loops_free(hx_server_t *s)
{
    unsigned  i;

    for (i = 0; i < s->n_loops; i++) {
        close(s->loop[i].epoll);
        close(s->loop[i].wake);
        hx_crypto_free(s->loop[i].crypto);
        pthread_mutex_destroy(&s->loop[i].lock);
    }

    free(s->loop);
    s->loop = NULL;
}
