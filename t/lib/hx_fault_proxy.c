/*
 * hx_fault_proxy.c -- a TCP proxy on loopback that does what networks and dying
 * servers do, for tests of who talks through it to Redis.
 *
 *     hx_fault_proxy PORT TARGET_PORT
 *
 * Commands come on stdin, a line each; each is answered on stdout by a line
 * "ok" or "error: ...", "stat" by one of JSON.  With the end of stdin it ends.
 * "up" is from the client to the target, "down" back; without either, both.
 *
 *     pass                    nothing is wrong any more; connections that have
 *                             lost bytes are reset (TCP loses none)
 *     drop [up|down]          black hole: connections are accepted, bytes are
 *                             swallowed
 *     stall [up|down]         nothing moves, nothing is lost: comes at "pass"
 *     refuse                  nobody listens, connections are reset
 *     reset                   new connections are accepted and reset at once,
 *                             and so are those that there are
 *     cut [push]              resets connections, once; those that subscribed
 *     delay MS [up|down]      every byte so much later (without either: down)
 *     throttle N [up|down]    bytes a second (without either: down)
 *     mute                    messages of pub/sub are swallowed, nothing else
 *     answer TEXT             every command is answered by the line TEXT, for
 *                             example "-LOADING wait"; the target sees none
 *     target PORT             for new connections
 *     stat                    counters since the start
 *     accepts                 when connections came: the last 1000, in JSON,
 *                             microseconds of CLOCK_MONOTONIC
 *
 * Faults add up until "pass".  One thread, epoll.
 */

#define _GNU_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "hx_resp_frame.h"


#define PROXY_READ      65536
#define PROXY_QUEUE     (4 * 1024 * 1024)   /* of one direction, about */
#define PROXY_HOLD      65536               /* a longer message is passed */
#define PROXY_LINE      512
#define PROXY_ACCEPTS   1000
#define PROXY_SLICE     10                  /* ms, of what is throttled */

enum { UP = 0, DOWN = 1 };
enum { CLIENT = 0, TARGET = 1 };


typedef struct chunk_s  chunk_t;
typedef struct conn_s   conn_t;

struct chunk_s {
    chunk_t        *next;
    uint64_t        due;                    /* ms */
    size_t          len;
    size_t          off;
    unsigned char   data[];
};


typedef struct {
    chunk_t        *head;
    chunk_t       **tail;
    size_t          queued;
    uint64_t        due;                    /* of the last chunk */
    uint64_t        paid;                   /* throttle: ms until when */
    frame_t         frame;
    unsigned char  *hold;                   /* a value that may be a message */
    size_t          held;
    unsigned        holding:1;
    unsigned        answering:1;            /* this command */
    unsigned        eof:1;
    unsigned        shut:1;
    unsigned        full:1;                 /* the socket it goes to */
} flow_t;


typedef struct {
    conn_t         *conn;                   /* NULL: listener or stdin */
    int             side;
    int             fd;
    uint32_t        events;
} end_t;


struct conn_s {
    conn_t         *next;
    conn_t        **prev;
    end_t           end[2];
    flow_t          flow[2];
    unsigned        connecting:1;
    unsigned        lost:1;
    unsigned        subscribed:1;
    unsigned        dead:1;
};


typedef struct {
    uint64_t        accepted;
    uint64_t        unreachable;
    uint64_t        resets;
    uint64_t        open;
    uint64_t        bytes[2];
    uint64_t        commands;
    uint64_t        replies;
    uint64_t        messages;
    uint64_t        muted;
    uint64_t        answered;
} stat_t;


static struct {
    int             epoll;
    uint16_t        port;
    uint16_t        target;
    end_t           listener;
    end_t           input;
    conn_t         *conns;
    conn_t         *dead;
    stat_t          stat;
    uint64_t        accepts[PROXY_ACCEPTS];
    int             drop[2];
    int             stall[2];
    int             resetting;
    int             mute;
    uint64_t        delay[2];
    uint64_t        rate[2];
    char            answer[PROXY_LINE];     /* "": none */
    char            line[PROXY_LINE];
    size_t          line_len;
} proxy;


static void
proxy_die(const char *what)
{
    (void) fprintf(stderr, "hx_fault_proxy: %s: %s\n", what, strerror(errno));
    exit(1);
}


static uint64_t
proxy_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;
}


static void
proxy_watch(end_t *e, uint32_t events)
{
    int                 op;
    struct epoll_event  ev;

    if (e->events == events) {
        return;
    }

    /* one that is not watched for anything still tells of errors */
    op = e->events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    ev.events = events & ~(uint32_t) EPOLLRDHUP;
    ev.data.ptr = e;

    if (epoll_ctl(proxy.epoll, op, e->fd, &ev) != 0) {
        proxy_die("epoll_ctl");
    }

    e->events = events;
}


static struct sockaddr_in
proxy_address(uint16_t port)
{
    struct sockaddr_in  sa;

    memset(&sa, 0, sizeof(sa));
    sa.sin_family = AF_INET;
    sa.sin_port = htons(port);
    sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    return sa;
}


static int
proxy_listen(void)
{
    int                 fd, on;
    unsigned            i;
    struct sockaddr_in  sa;

    if (proxy.listener.fd != -1) {
        return 0;
    }

    on = 1;
    sa = proxy_address(proxy.port);
    fd = socket(AF_INET, SOCK_STREAM|SOCK_NONBLOCK|SOCK_CLOEXEC, 0);

    if (fd == -1 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on))) {
        proxy_die("socket");
    }

    /* while it refused, the port may have been somebody's own for a moment */
    for (i = 0; bind(fd, (struct sockaddr *) &sa, sizeof(sa)) != 0; i++) {
        if (i == 100) {
            (void) close(fd);
            return -1;
        }

        (void) usleep(10000);
    }

    if (listen(fd, 1024) != 0) {
        proxy_die("listen");
    }

    proxy.listener.fd = fd;
    proxy.listener.events = 0;
    proxy_watch(&proxy.listener, EPOLLIN);

    return 0;
}


static void
proxy_refuse(void)
{
    if (proxy.listener.fd != -1) {
        (void) close(proxy.listener.fd);
        proxy.listener.fd = -1;
    }
}


/* A reset, not an end: what is under way to either side is thrown away. */

static void
proxy_reset(int fd)
{
    struct linger  l = { .l_onoff = 1, .l_linger = 0 };

    (void) setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
    (void) close(fd);
}


static void
conn_close(conn_t *c, int reset)
{
    int  i;

    if (c->dead) {
        return;
    }

    for (i = 0; i < 2; i++) {
        if (reset) {
            proxy_reset(c->end[i].fd);

        } else {
            (void) close(c->end[i].fd);
        }
    }

    *c->prev = c->next;

    if (c->next != NULL) {
        c->next->prev = c->prev;
    }

    /* events of this round may still name it */
    c->dead = 1;
    c->next = proxy.dead;
    proxy.dead = c;
    proxy.stat.open--;
    proxy.stat.resets += (uint64_t) reset;
}


static void
conn_bury(void)
{
    int       i;
    conn_t   *c;
    chunk_t  *chunk;

    while ((c = proxy.dead) != NULL) {
        proxy.dead = c->next;

        for (i = 0; i < 2; i++) {
            while ((chunk = c->flow[i].head) != NULL) {
                c->flow[i].head = chunk->next;
                free(chunk);
            }

            free(c->flow[i].hold);
        }

        free(c);
    }
}


static void
flow_queue(flow_t *f, uint64_t due, const void *data, size_t len)
{
    chunk_t  *chunk;

    if (len == 0) {
        return;
    }

    chunk = malloc(sizeof(chunk_t) + len);
    if (chunk == NULL) {
        proxy_die("memory");
    }

    if (due < f->due) {                     /* a delay that was taken back */
        due = f->due;
    }

    memcpy(chunk->data, data, len);
    chunk->next = NULL;
    chunk->due = due;
    chunk->len = len;
    chunk->off = 0;
    f->due = due;
    f->queued += len;
    *f->tail = chunk;
    f->tail = &chunk->next;
}


static void
flow_hold(flow_t *f, const unsigned char *p, size_t n)
{
    if (f->hold == NULL) {
        f->hold = malloc(PROXY_HOLD);
        if (f->hold == NULL) {
            proxy_die("memory");
        }
    }

    memcpy(f->hold + f->held, p, n);
    f->held += n;
}


/* A value from the target has ended. */

static void
flow_reply(conn_t *c, flow_t *f, uint64_t due)
{
    int  message;

    proxy.stat.replies++;

    if (frame_begins(&f->frame, "*3\r\n$9\r\nsubscribe\r\n")
        || frame_begins(&f->frame, ">3\r\n$9\r\nsubscribe\r\n"))
    {
        c->subscribed = 1;
    }

    message = c->subscribed
              && (frame_begins(&f->frame, "*3\r\n$7\r\nmessage\r\n")
                  || frame_begins(&f->frame, ">3\r\n$7\r\nmessage\r\n"));

    proxy.stat.messages += (uint64_t) message;

    if (message && proxy.mute && f->holding) {
        proxy.stat.muted++;

    } else if (f->holding) {
        flow_queue(f, due, f->hold, f->held);
    }

    f->held = 0;
    f->holding = 0;
}


static void
flow_scan_down(conn_t *c, const unsigned char *p, size_t n, uint64_t due)
{
    size_t       used;
    flow_t      *f;
    frame_rc_t   rc;

    f = &c->flow[DOWN];

    while (n != 0) {
        if (f->frame.head_len == 0 && !f->frame.bad) {
            f->holding = c->subscribed;
        }

        rc = frame_feed(&f->frame, p, n, &used);

        if (rc == FRAME_BAD) {              /* TLS, for example */
            used = n;
        }

        if (f->holding && rc != FRAME_BAD && f->held + used <= PROXY_HOLD) {
            flow_hold(f, p, used);

        } else {
            flow_queue(f, due, f->hold, f->held);
            flow_queue(f, due, p, used);
            f->held = 0;
            f->holding = 0;
        }

        if (rc == FRAME_END) {
            flow_reply(c, f, due);
            frame_next(&f->frame);
        }

        p += used;
        n -= used;
    }
}


static void
flow_scan_up(conn_t *c, const unsigned char *p, size_t n, uint64_t due)
{
    size_t       used;
    flow_t      *f;
    frame_rc_t   rc;

    f = &c->flow[UP];

    while (n != 0) {
        if (f->frame.head_len == 0) {
            f->answering = proxy.answer[0] != '\0' && !f->frame.bad;
        }

        rc = frame_feed(&f->frame, p, n, &used);

        if (rc == FRAME_BAD) {
            used = n;
            f->answering = 0;
        }

        if (!f->answering) {
            flow_queue(f, due, p, used);
        }

        if (rc == FRAME_END) {
            proxy.stat.commands++;

            if (f->answering) {
                proxy.stat.answered++;
                flow_queue(&c->flow[DOWN], proxy_now() + proxy.delay[DOWN],
                           proxy.answer, strlen(proxy.answer));
            }

            frame_next(&f->frame);
        }

        p += used;
        n -= used;
    }
}


static void
flow_read(conn_t *c, int dir)
{
    flow_t                *f;
    ssize_t                n;
    uint64_t               due;
    static unsigned char   buf[PROXY_READ];

    f = &c->flow[dir];

    if (f->eof || proxy.stall[dir] || f->queued >= PROXY_QUEUE
        || (dir == DOWN && c->connecting))
    {
        return;
    }

    n = recv(c->end[dir].fd, buf, sizeof(buf), MSG_DONTWAIT);

    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR) {
            conn_close(c, 1);
        }

        return;
    }

    if (n == 0) {
        f->eof = 1;
        return;
    }

    proxy.stat.bytes[dir] += (uint64_t) n;

    if (proxy.drop[dir]) {
        c->lost = 1;
        return;
    }

    due = proxy.delay[dir] == 0 ? 0 : proxy_now() + proxy.delay[dir];

    if (dir == UP) {
        flow_scan_up(c, buf, (size_t) n, due);

    } else {
        flow_scan_down(c, buf, (size_t) n, due);
    }
}


/* How much of len may be sent now; 0: wait until f->paid. */

static size_t
flow_allowance(flow_t *f, int dir, size_t len, uint64_t now)
{
    size_t  slice;

    if (proxy.rate[dir] == 0) {
        return len;
    }

    if (f->paid > now) {
        return 0;
    }

    slice = (size_t) (proxy.rate[dir] * PROXY_SLICE / 1000);
    slice = slice == 0 ? 1 : slice;
    len = len < slice ? len : slice;
    f->paid = now + len * 1000 / proxy.rate[dir];

    return len;
}


static void
flow_write(conn_t *c, int dir, uint64_t now)
{
    flow_t   *f;
    size_t    len;
    chunk_t  *chunk;
    ssize_t   n;

    f = &c->flow[dir];

    if (proxy.stall[dir] || f->full || (dir == UP && c->connecting)) {
        return;
    }

    while ((chunk = f->head) != NULL && chunk->due <= now) {

        len = flow_allowance(f, dir, chunk->len - chunk->off, now);
        if (len == 0) {
            return;
        }

        n = send(c->end[1 - dir].fd, chunk->data + chunk->off, len,
                 MSG_NOSIGNAL|MSG_DONTWAIT);

        if (n < 0) {
            if (errno == EAGAIN || errno == EINTR) {
                f->full = 1;

            } else {
                conn_close(c, 1);
            }

            return;
        }

        chunk->off += (size_t) n;
        f->queued -= (size_t) n;

        if (chunk->off == chunk->len) {
            f->head = chunk->next;
            f->tail = f->head == NULL ? &f->head : f->tail;
            free(chunk);
        }
    }

    if (f->eof && f->head == NULL && !f->shut) {
        f->shut = 1;
        (void) shutdown(c->end[1 - dir].fd, SHUT_WR);
    }
}


static void
conn_pump(conn_t *c, uint64_t now)
{
    int       dir;
    flow_t   *f;
    uint32_t  want[2];

    for (dir = 0; dir < 2 && !c->dead; dir++) {
        flow_write(c, dir, now);
    }

    if (c->dead) {
        return;
    }

    if (c->flow[UP].shut && c->flow[DOWN].shut) {
        conn_close(c, 0);
        return;
    }

    /* never 0, which would take it out of the set */
    want[CLIENT] = want[TARGET] = EPOLLRDHUP;

    for (dir = 0; dir < 2; dir++) {
        f = &c->flow[dir];

        if (!f->eof && !proxy.stall[dir] && f->queued < PROXY_QUEUE) {
            want[dir] |= EPOLLIN;
        }

        if (f->full && !proxy.stall[dir]) {
            want[1 - dir] |= EPOLLOUT;
        }
    }

    if (c->connecting) {
        want[TARGET] = EPOLLRDHUP|EPOLLOUT;
    }

    proxy_watch(&c->end[CLIENT], want[CLIENT]);
    proxy_watch(&c->end[TARGET], want[TARGET]);
}


static void
conn_event(conn_t *c, int side, uint32_t events, uint64_t now)
{
    int        error;
    socklen_t  len;

    if (side == TARGET && c->connecting) {
        len = sizeof(error);
        error = 0;
        (void) getsockopt(c->end[TARGET].fd, SOL_SOCKET, SO_ERROR, &error,
                          &len);
        if (error != 0) {
            proxy.stat.unreachable++;
            conn_close(c, 1);
            return;
        }

        c->connecting = 0;
    }

    if (events & EPOLLOUT) {
        c->flow[1 - side].full = 0;
    }

    if (events & EPOLLIN) {
        flow_read(c, side);

    } else if (events & (EPOLLERR|EPOLLHUP)) {
        conn_close(c, 1);
    }

    if (!c->dead) {
        conn_pump(c, now);
    }
}


static void
conn_start(int fd)
{
    int                 i, on;
    conn_t             *c;
    struct sockaddr_in  sa;

    c = calloc(1, sizeof(conn_t));
    if (c == NULL) {
        proxy_die("memory");
    }

    on = 1;
    sa = proxy_address(proxy.target);
    c->end[CLIENT].fd = fd;
    c->end[TARGET].fd = socket(AF_INET, SOCK_STREAM|SOCK_NONBLOCK|SOCK_CLOEXEC,
                               0);
    if (c->end[TARGET].fd == -1) {
        proxy_die("socket");
    }

    for (i = 0; i < 2; i++) {
        c->end[i].conn = c;
        c->end[i].side = i;
        c->flow[i].tail = &c->flow[i].head;
        (void) setsockopt(c->end[i].fd, IPPROTO_TCP, TCP_NODELAY, &on,
                          sizeof(on));
    }

    c->next = proxy.conns;
    c->prev = &proxy.conns;
    proxy.conns = c;
    proxy.stat.open++;

    if (c->next != NULL) {
        c->next->prev = &c->next;
    }

    if (connect(c->end[TARGET].fd, (struct sockaddr *) &sa, sizeof(sa)) != 0) {
        if (errno != EINPROGRESS) {
            proxy.stat.unreachable++;
            conn_close(c, 1);
            return;
        }

        c->connecting = 1;
    }

    conn_pump(c, proxy_now());
}


static void
proxy_accept(void)
{
    int              fd;
    struct timespec  ts;

    while (proxy.listener.fd != -1) {
        fd = accept4(proxy.listener.fd, NULL, NULL, SOCK_NONBLOCK|SOCK_CLOEXEC);

        if (fd == -1) {
            return;
        }

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        proxy.accepts[proxy.stat.accepted++ % PROXY_ACCEPTS] =
            (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;

        if (proxy.resetting) {
            proxy.stat.resets++;
            proxy_reset(fd);

        } else {
            conn_start(fd);
        }
    }
}


static void
proxy_cut(int which)            /* 0: all, 1: that subscribed, 2: that lost */
{
    conn_t  *c, *next;

    for (c = proxy.conns; c != NULL; c = next) {
        next = c->next;

        if (which == 0 || (which == 1 && c->subscribed)
            || (which == 2 && c->lost))
        {
            conn_close(c, 1);
        }
    }
}


static int
command_pass(void)
{
    int  dir;

    for (dir = 0; dir < 2; dir++) {
        proxy.drop[dir] = 0;
        proxy.stall[dir] = 0;
        proxy.delay[dir] = 0;
        proxy.rate[dir] = 0;
    }

    proxy.resetting = 0;
    proxy.mute = 0;
    proxy.answer[0] = '\0';
    proxy_cut(2);

    return proxy_listen();
}


static void
command_stat(void)
{
    const stat_t  *s = &proxy.stat;

    (void) printf("{\"accepted\":%" PRIu64 ",\"open\":%" PRIu64
                  ",\"unreachable\":%" PRIu64 ",\"resets\":%" PRIu64
                  ",\"up_bytes\":%" PRIu64 ",\"down_bytes\":%" PRIu64
                  ",\"commands\":%" PRIu64 ",\"replies\":%" PRIu64
                  ",\"messages\":%" PRIu64 ",\"muted\":%" PRIu64
                  ",\"answered\":%" PRIu64 "}\n",
                  s->accepted, s->open, s->unreachable, s->resets,
                  s->bytes[UP], s->bytes[DOWN], s->commands, s->replies,
                  s->messages, s->muted, s->answered);
}


static void
command_accepts(void)
{
    uint64_t  i;

    i = proxy.stat.accepted > PROXY_ACCEPTS
        ? proxy.stat.accepted - PROXY_ACCEPTS : 0;

    (void) printf("[");

    for ( /* void */ ; i < proxy.stat.accepted; i++) {
        (void) printf("%" PRIu64 "%s", proxy.accepts[i % PROXY_ACCEPTS],
                      i + 1 < proxy.stat.accepted ? "," : "");
    }

    (void) printf("]\n");
}


/* 1: up, 2: down, 3: both (by default), 0: neither word. */

static int
command_way(const char *word, int without)
{
    if (word == NULL) {
        return without;
    }

    return strcmp(word, "up") == 0 ? 1 : strcmp(word, "down") == 0 ? 2 : 0;
}


static int
command_faults(const char *name, const char *first, const char *second)
{
    int       way;
    char     *end;
    uint64_t  n;

    if (strcmp(name, "drop") == 0 || strcmp(name, "stall") == 0) {
        way = command_way(first, 3);

        if (name[0] == 'd') {
            proxy.drop[UP] |= way & 1;
            proxy.drop[DOWN] |= way >> 1;

        } else {
            proxy.stall[UP] |= way & 1;
            proxy.stall[DOWN] |= way >> 1;
        }

        return way == 0 ? -1 : 0;
    }

    if (first == NULL) {
        return -1;
    }

    n = strtoull(first, &end, 10);
    way = command_way(second, 2);

    if (*end != '\0' || n > 1000000000 || way == 0) {
        return -1;
    }

    if (strcmp(name, "target") == 0) {
        if (n == 0 || n > 65535) {
            return -1;
        }

        proxy.target = (uint16_t) n;
        return 0;
    }

    if (strcmp(name, "delay") == 0) {
        proxy.delay[way - 1] = n;
        return 0;
    }

    if (strcmp(name, "throttle") == 0) {
        proxy.rate[way - 1] = n;
        return 0;
    }

    return -1;
}


static int
command_do(char *line)
{
    char  *name, *first, *second, *rest;

    if (strncmp(line, "answer ", 7) == 0) {
        (void) snprintf(proxy.answer, sizeof(proxy.answer), "%.500s\r\n",
                        line + 7);
        return 0;
    }

    name = strtok_r(line, " ", &rest);
    first = strtok_r(NULL, " ", &rest);
    second = strtok_r(NULL, " ", &rest);

    if (name == NULL) {
        return -1;
    }

    if (strcmp(name, "pass") == 0) {
        return command_pass();
    }

    if (strcmp(name, "cut") == 0) {
        if (first != NULL && strcmp(first, "push") != 0) {
            return -1;
        }

        proxy_cut(first != NULL);
        return 0;
    }

    if (strcmp(name, "mute") == 0) {
        proxy.mute = 1;
        return 0;
    }

    if (strcmp(name, "refuse") == 0) {
        proxy_refuse();
        proxy_cut(0);
        return 0;
    }

    if (strcmp(name, "reset") == 0) {
        proxy.resetting = 1;
        proxy_cut(0);
        return 0;
    }

    return command_faults(name, first, second);
}


static void
command_line(char *line)
{
    conn_t    *c, *next;
    uint64_t   now;

    if (strcmp(line, "stat") == 0) {
        command_stat();

    } else if (strcmp(line, "accepts") == 0) {
        command_accepts();

    } else {
        (void) printf("%s\n", command_do(line) == 0 ? "ok"
                                                    : "error: what is that?");
        now = proxy_now();

        for (c = proxy.conns; c != NULL; c = next) {
            next = c->next;
            conn_pump(c, now);
        }
    }

    (void) fflush(stdout);
}


static void
proxy_commands(void)
{
    char     *end;
    size_t    rest;
    ssize_t   n;

    n = read(0, proxy.line + proxy.line_len,
             sizeof(proxy.line) - 1 - proxy.line_len);
    if (n <= 0) {
        exit(0);
    }

    proxy.line_len += (size_t) n;

    while ((end = memchr(proxy.line, '\n', proxy.line_len)) != NULL) {
        *end = '\0';
        rest = proxy.line_len - (size_t) (end + 1 - proxy.line);
        command_line(proxy.line);
        memmove(proxy.line, end + 1, rest);
        proxy.line_len = rest;
    }

    if (proxy.line_len == sizeof(proxy.line) - 1) {
        errno = EMSGSIZE;
        proxy_die("command");
    }
}


/* Sends what is due; milliseconds to the next, -1: there is none. */

static int
proxy_due(uint64_t now)
{
    int        dir;
    conn_t    *c, *next;
    flow_t    *f;
    uint64_t   at, first;

    first = UINT64_MAX;

    for (c = proxy.conns; c != NULL; c = next) {
        next = c->next;

        for (dir = 0; dir < 2 && !c->dead; dir++) {
            f = &c->flow[dir];

            if (f->head == NULL || f->full || proxy.stall[dir]
                || (dir == UP && c->connecting))
            {
                continue;
            }

            conn_pump(c, now);

            if (!c->dead && f->head != NULL && !f->full) {
                at = f->head->due > f->paid ? f->head->due : f->paid;
                first = at < first ? at : first;
            }
        }
    }

    return first == UINT64_MAX ? -1 : first <= now ? 0 : (int) (first - now);
}


static void
proxy_run(void)
{
    int                  i, n;
    end_t               *e;
    uint64_t             now;
    struct epoll_event   ev[128];

    for ( ;; ) {
        n = epoll_wait(proxy.epoll, ev, 128, proxy_due(proxy_now()));
        now = proxy_now();

        for (i = 0; i < n; i++) {
            e = ev[i].data.ptr;

            if (e == &proxy.input) {
                proxy_commands();

            } else if (e == &proxy.listener) {
                proxy_accept();

            } else if (!e->conn->dead) {
                conn_event(e->conn, e->side, ev[i].events, now);
            }
        }

        conn_bury();
    }
}


int
main(int argc, char **argv)
{
    if (argc != 3) {
        (void) fprintf(stderr, "usage: hx_fault_proxy PORT TARGET_PORT\n");
        return 2;
    }

    (void) signal(SIGPIPE, SIG_IGN);

    proxy.port = (uint16_t) strtoul(argv[1], NULL, 10);
    proxy.target = (uint16_t) strtoul(argv[2], NULL, 10);
    proxy.listener.fd = -1;
    proxy.input.fd = 0;
    proxy.epoll = epoll_create1(EPOLL_CLOEXEC);

    if (proxy.epoll == -1) {
        proxy_die("epoll_create1");
    }

    proxy_watch(&proxy.input, EPOLLIN);

    if (proxy_listen() != 0) {
        proxy_die("bind");
    }

    (void) printf("ready\n");
    (void) fflush(stdout);
    proxy_run();

    return 0;
}
