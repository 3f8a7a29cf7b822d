/*
 * hx_fleet_load.c -- clients of several gates at a constant rate, whether or
 * not earlier requests were answered (an open loop), on keep-alive connections.
 *
 *     hx_fleet_load FILE RATE PORT [PORT ...]
 *
 * The ports in turn get RATE requests a second together.  What is asked for is
 * told on stdin, a line a command, each answered by a line on stdout:
 *
 *     add NODES WEIGHT PATH KEY   "slot N": requests of this kind.  NODES: to
 *                          which ports, digits ("012"); KEY "-": no key, "?": a
 *                          key that nobody has, another one each time
 *     weight N WEIGHT      how often slot N comes, beside the others; 0: never
 *     rate N               from now on
 *     sync                 "ok" when all that has ended is in FILE
 *     stop                 (or the end of stdin) no more requests; when all
 *                          have ended: one line of JSON, and the end
 *
 * FILE has a load_record_t for each request, in the order of their ends.  Times
 * are nanoseconds of CLOCK_MONOTONIC, which is the same for all processes:
 * "due" when it had to be sent, "sent" before its first byte was written, "got"
 * after the last of its answer was read.  One thread, epoll.
 */

#define _GNU_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>


#define LOAD_NODES       8
#define LOAD_SLOTS       20000
#define LOAD_CONNS       512                /* of a node */
#define LOAD_REQUEST     512
#define LOAD_ANSWER      16384
#define LOAD_WAITING     65536              /* of a node, a power of 2 */
#define LOAD_PATIENCE    10000000000ULL     /* ns, for an answer */
#define LOAD_SECOND      1000000000ULL
#define LOAD_KEY         57

enum { ENDED_WELL = 0, ENDED_CONNECT, ENDED_LOST, ENDED_LATE };


typedef struct {
    uint64_t    due;
    uint64_t    sent;
    uint64_t    got;
    uint32_t    slot;
    uint32_t    retry_after;                /* 0: there was none */
    uint16_t    status;                     /* 0: no answer */
    uint8_t     node;
    uint8_t     end;
    uint32_t    zero;
} load_record_t;


typedef struct conn_s  conn_t;

struct conn_s {
    conn_t         *next;                   /* of those that are idle */
    int             fd;                     /* -1: none */
    unsigned        connecting:1;
    unsigned        busy:1;
    unsigned        idle:1;
    load_record_t   record;
    char            request[LOAD_REQUEST];
    size_t          request_len;
    size_t          sent;
    char            answer[LOAD_ANSWER + 1];
    size_t          answer_len;
};


typedef struct {
    uint64_t        due;
    uint32_t        slot;
} waiting_t;


typedef struct {
    uint16_t        port;
    conn_t         *conns;
    unsigned        n_conns;
    conn_t         *idle;
    waiting_t      *waiting;                /* for a connection */
    uint32_t        first;
    uint32_t        last;
    uint64_t       *sums;                   /* of weights, up to each slot */
} node_t;


typedef struct {
    unsigned        nodes;                  /* a bit each */
    unsigned        weight;
    char           *path;
    char           *key;
} slot_t;


static struct {
    int             epoll;
    FILE           *out;
    node_t          nodes[LOAD_NODES];
    unsigned        n_nodes;
    unsigned        turn;
    slot_t          slots[LOAD_SLOTS];
    uint32_t        n_slots;
    int             stale;                  /* the sums are */
    uint64_t        rate;
    uint64_t        next;
    uint64_t        random;
    uint64_t        under_way;
    uint64_t        sent;
    uint64_t        overflow;
    uint64_t        statuses[1000];
    int             stopping;
    char            line[4096];
    size_t          line_len;
} load;


static void
load_die(const char *what)
{
    (void) fprintf(stderr, "hx_fleet_load: %s: %s\n", what, strerror(errno));
    exit(1);
}


static uint64_t
load_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * LOAD_SECOND + (uint64_t) ts.tv_nsec;
}


/* splitmix64 */

static uint64_t
load_random(void)
{
    uint64_t  z;

    z = load.random += 0x9e3779b97f4a7c15ULL;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;

    return z ^ (z >> 31);
}


static uint32_t
load_crc32(const char *p, size_t n)
{
    int       i;
    uint32_t  crc;

    for (crc = 0xffffffff; n != 0; n--) {
        crc ^= (unsigned char) *p++;

        for (i = 0; i < 8; i++) {
            crc = (crc >> 1) ^ (0xedb88320 & (0U - (crc & 1)));
        }
    }

    return ~crc;
}


/* A key in the gate's form, with a checksum that fits. */

static void
load_unknown_key(char *key)
{
    int                i;
    uint32_t           crc;
    static const char  digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz";

    memcpy(key, "hx_live_", 8);

    for (i = 8; i < 51; i++) {
        key[i] = digits[load_random() % 62];
    }

    crc = load_crc32(key, 51);

    for (i = LOAD_KEY - 1; i >= 51; i--) {
        key[i] = digits[crc % 62];
        crc /= 62;
    }

    key[LOAD_KEY] = '\0';
}


static void
load_sums(void)
{
    unsigned   k;
    uint32_t   i;
    uint64_t   sum;

    for (k = 0; k < load.n_nodes; k++) {
        sum = 0;

        for (i = 0; i < load.n_slots; i++) {
            sum += load.slots[i].nodes & (1U << k) ? load.slots[i].weight : 0;
            load.nodes[k].sums[i] = sum;
        }
    }

    load.stale = 0;
}


/* The slot of the next request of a node, n_slots: it gets none. */

static uint32_t
load_choose(const node_t *node)
{
    uint32_t  low, high, mid;
    uint64_t  at;

    if (load.n_slots == 0 || node->sums[load.n_slots - 1] == 0) {
        return load.n_slots;
    }

    at = load_random() % node->sums[load.n_slots - 1];

    for (low = 0, high = load.n_slots - 1; low < high; /* void */ ) {
        mid = low + (high - low) / 2;

        if (node->sums[mid] > at) {
            high = mid;

        } else {
            low = mid + 1;
        }
    }

    return low;
}


static void
conn_watch(conn_t *c, int op, uint32_t events)
{
    struct epoll_event  ev;

    ev.events = events;
    ev.data.ptr = c;

    if (epoll_ctl(load.epoll, op, c->fd, &ev) != 0) {
        load_die("epoll_ctl");
    }
}


static void
load_ended(load_record_t *r, unsigned status, uint8_t end)
{
    r->got = load_now();
    r->status = (uint16_t) status;
    r->end = end;

    load.under_way--;
    load.statuses[status]++;

    if (fwrite(r, sizeof(load_record_t), 1, load.out) != 1) {
        load_die("write");
    }
}


static void
conn_close(conn_t *c, uint8_t end)
{
    conn_t  **p;
    node_t   *node;

    node = &load.nodes[c->record.node];

    if (c->busy) {
        c->busy = 0;
        load_ended(&c->record, 0, end);
    }

    if (c->idle) {
        for (p = &node->idle; *p != c; p = &(*p)->next) { /* void */ }

        *p = c->next;
        c->idle = 0;
    }

    (void) close(c->fd);
    c->fd = -1;
    c->connecting = 0;
}


static void
conn_send(conn_t *c)
{
    ssize_t  n;

    while (c->sent < c->request_len) {
        n = send(c->fd, c->request + c->sent, c->request_len - c->sent,
                 MSG_NOSIGNAL|MSG_DONTWAIT);

        if (n < 0 && errno == EAGAIN) {
            conn_watch(c, EPOLL_CTL_MOD, EPOLLIN|EPOLLOUT);
            return;
        }

        if (n < 0) {
            conn_close(c, ENDED_LOST);
            return;
        }

        c->sent += (size_t) n;
    }
}


static void
conn_ask(conn_t *c, uint32_t slot, uint64_t due)
{
    int            n;
    char           key[LOAD_KEY + 1];
    const char    *use;
    const slot_t  *s;

    s = &load.slots[slot];
    use = s->key;

    if (strcmp(use, "?") == 0) {
        load_unknown_key(key);
        use = key;
    }

    n = snprintf(c->request, LOAD_REQUEST,
                 "GET %s HTTP/1.1\r\nHost: gate\r\n%s%s%s\r\n", s->path,
                 use[0] == '-' ? "" : "X-Api-Key: ",
                 use[0] == '-' ? "" : use,
                 use[0] == '-' ? "" : "\r\n");

    c->request_len = (size_t) n;
    c->sent = 0;
    c->answer_len = 0;
    c->busy = 1;
    c->record.due = due;
    c->record.slot = slot;
    c->record.retry_after = 0;
    c->record.sent = load_now();

    if (!c->connecting) {
        conn_send(c);
    }
}


static void
conn_open(node_t *node, conn_t *c, uint32_t slot, uint64_t due)
{
    int                 on;
    struct sockaddr_in  sa;

    memset(&sa, 0, sizeof(sa));
    sa.sin_family = AF_INET;
    sa.sin_port = htons(node->port);
    sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    on = 1;
    c->record.node = (uint8_t) (node - load.nodes);
    c->fd = socket(AF_INET, SOCK_STREAM|SOCK_NONBLOCK|SOCK_CLOEXEC, 0);

    if (c->fd == -1) {
        load_die("socket");
    }

    (void) setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    c->connecting = 1;
    conn_ask(c, slot, due);

    if (connect(c->fd, (struct sockaddr *) &sa, sizeof(sa)) != 0
        && errno != EINPROGRESS)
    {
        conn_close(c, ENDED_CONNECT);
        return;
    }

    conn_watch(c, EPOLL_CTL_ADD, EPOLLIN|EPOLLOUT);
}


/* 0: there is no connection for it. */

static int
node_ask(node_t *node, uint32_t slot, uint64_t due)
{
    conn_t    *c;
    unsigned   i;

    c = node->idle;

    if (c != NULL) {
        node->idle = c->next;
        c->idle = 0;
        conn_ask(c, slot, due);
        return 1;
    }

    for (i = 0; i < node->n_conns; i++) {
        if (node->conns[i].fd == -1) {
            conn_open(node, &node->conns[i], slot, due);
            return 1;
        }
    }

    if (node->n_conns == LOAD_CONNS) {
        return 0;
    }

    c = &node->conns[node->n_conns++];
    conn_open(node, c, slot, due);

    return 1;
}


static void
node_request(node_t *node, uint64_t due)
{
    uint32_t    slot;
    waiting_t  *w;

    slot = load_choose(node);

    if (slot == load.n_slots) {
        return;
    }

    if (node->first == node->last && node_ask(node, slot, due)) {
        load.sent++;
        load.under_way++;
        return;
    }

    if (node->last - node->first == LOAD_WAITING) {
        load.overflow++;
        return;
    }

    load.sent++;
    load.under_way++;
    w = &node->waiting[node->last++ % LOAD_WAITING];
    w->due = due;
    w->slot = slot;
}


static const char *
conn_field(const conn_t *c, const char *end, const char *name)
{
    size_t       len;
    const char  *p;

    len = strlen(name);

    for (p = c->answer; p < end; p++) {
        p = memchr(p, '\n', (size_t) (end - p));
        if (p == NULL) {
            return NULL;
        }

        if (strncasecmp(p + 1, name, len) == 0) {
            return p + 1 + len;
        }
    }

    return NULL;
}


static void
conn_answered(conn_t *c, const char *end, unsigned status)
{
    int         closing;
    node_t     *node;
    waiting_t  *w;
    const char *field;

    node = &load.nodes[c->record.node];
    field = conn_field(c, end, "Retry-After: ");
    c->record.retry_after = field == NULL
                            ? 0 : (uint32_t) strtoul(field, NULL, 10);
    field = conn_field(c, end, "Connection: ");
    closing = field != NULL && strncasecmp(field, "close", 5) == 0;

    c->busy = 0;
    load_ended(&c->record, status, ENDED_WELL);

    if (closing) {
        conn_close(c, ENDED_WELL);
        return;
    }

    if (node->first != node->last) {
        w = &node->waiting[node->first++ % LOAD_WAITING];
        conn_ask(c, w->slot, w->due);
        return;
    }

    c->idle = 1;
    c->next = node->idle;
    node->idle = c;
}


static void
conn_receive(conn_t *c)
{
    char        *end;
    size_t       head;
    ssize_t      n;
    unsigned     status;
    const char  *field;

    n = recv(c->fd, c->answer + c->answer_len, LOAD_ANSWER - c->answer_len,
             MSG_DONTWAIT);

    if (n < 0 && errno == EAGAIN) {
        return;
    }

    if (n <= 0 || !c->busy) {               /* an idle one has ended */
        conn_close(c, c->connecting ? ENDED_CONNECT : ENDED_LOST);
        return;
    }

    c->answer_len += (size_t) n;
    c->answer[c->answer_len] = '\0';
    end = memmem(c->answer, c->answer_len, "\r\n\r\n", 4);

    if (end == NULL) {
        return;
    }

    if (sscanf(c->answer, "HTTP/1.1 %3u ", &status) != 1) {
        errno = EPROTO;
        load_die(c->answer);
    }

    field = conn_field(c, end, "Content-Length: ");
    head = (size_t) (end + 4 - c->answer);

    if (field == NULL) {
        errno = EPROTO;
        load_die(c->answer);
    }

    if (c->answer_len - head >= strtoul(field, NULL, 10)) {
        conn_answered(c, end, status);
    }
}


static void
conn_event(conn_t *c, uint32_t events)
{
    int        error;
    socklen_t  len;

    if (c->fd == -1) {
        return;
    }

    if (c->connecting) {
        len = sizeof(error);
        error = 0;
        (void) getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);

        if (error != 0) {
            conn_close(c, ENDED_CONNECT);
            return;
        }

        c->connecting = 0;
    }

    if (events & EPOLLOUT) {
        conn_watch(c, EPOLL_CTL_MOD, EPOLLIN);
        conn_send(c);
    }

    if (c->fd != -1 && (events & ~(uint32_t) EPOLLOUT)) {
        conn_receive(c);
    }
}


/* Ends what has waited too long, and gives those that wait a connection. */

static void
load_tidy(uint64_t now)
{
    unsigned        k, i;
    node_t         *node;
    conn_t         *c;
    waiting_t      *w;
    load_record_t   r;

    for (k = 0; k < load.n_nodes; k++) {
        node = &load.nodes[k];

        for (i = 0; i < node->n_conns; i++) {
            c = &node->conns[i];

            if (c->fd != -1 && c->busy
                && c->record.sent + LOAD_PATIENCE < now)
            {
                conn_close(c, ENDED_LATE);
            }
        }

        while (node->first != node->last) {
            w = &node->waiting[node->first % LOAD_WAITING];

            if (w->due + LOAD_PATIENCE < now) {
                memset(&r, 0, sizeof(r));
                r.due = r.sent = w->due;
                r.slot = w->slot;
                r.node = (uint8_t) k;
                load_ended(&r, 0, ENDED_LATE);

            } else if (!node_ask(node, w->slot, w->due)) {
                break;
            }

            node->first++;
        }
    }
}


static int
command_add(char *text)
{
    int       n;
    char      nodes[LOAD_NODES + 1], path[200], key[260], *p;
    slot_t   *s;
    unsigned  weight;

    if (load.n_slots == LOAD_SLOTS
        || sscanf(text, "add %8s %u %199s %259s%n", nodes, &weight, path, key,
                  &n) != 4
        || text[n] != '\0')
    {
        return -1;
    }

    s = &load.slots[load.n_slots];
    s->nodes = 0;

    for (p = nodes; *p != '\0'; p++) {
        if (*p < '0' || *p >= '0' + (int) load.n_nodes) {
            return -1;
        }

        s->nodes |= 1U << (*p - '0');
    }

    s->weight = weight;
    s->path = strdup(path);
    s->key = strdup(key);

    if (s->path == NULL || s->key == NULL) {
        load_die("memory");
    }

    (void) printf("slot %" PRIu32 "\n", load.n_slots++);
    load.stale = 1;

    return 0;
}


static void
load_command(char *line)
{
    unsigned   slot, weight;
    uint64_t   rate;

    if (strncmp(line, "add ", 4) == 0) {
        if (command_add(line) == 0) {
            return;
        }

    } else if (sscanf(line, "weight %u %u", &slot, &weight) == 2
               && slot < load.n_slots)
    {
        load.slots[slot].weight = weight;
        load.stale = 1;
        (void) printf("ok\n");
        return;

    } else if (sscanf(line, "rate %" SCNu64, &rate) == 1 && rate != 0
               && rate <= 1000000)
    {
        load.rate = rate;
        load.next = load_now();
        (void) printf("ok\n");
        return;

    } else if (strcmp(line, "sync") == 0) {
        (void) fflush(load.out);
        (void) printf("ok\n");
        return;

    } else if (strcmp(line, "stop") == 0) {
        load.stopping = 1;
        return;
    }

    (void) printf("error: what is that?\n");
}


static void
load_commands(void)
{
    char     *end;
    size_t    rest;
    ssize_t   n;

    n = read(0, load.line + load.line_len,
             sizeof(load.line) - 1 - load.line_len);

    if (n <= 0) {
        load.stopping = 1;
        (void) epoll_ctl(load.epoll, EPOLL_CTL_DEL, 0, NULL);
        return;
    }

    load.line_len += (size_t) n;

    while ((end = memchr(load.line, '\n', load.line_len)) != NULL) {
        *end = '\0';
        rest = load.line_len - (size_t) (end + 1 - load.line);
        load_command(load.line);
        memmove(load.line, end + 1, rest);
        load.line_len = rest;
    }

    if (load.line_len == sizeof(load.line) - 1) {
        errno = EMSGSIZE;
        load_die("command");
    }

    (void) fflush(stdout);
}


/* Sends what is due; when the next is. */

static uint64_t
load_due(void)
{
    uint64_t  now;

    if (load.stale) {
        load_sums();
    }

    for (now = load_now(); load.next <= now; now = load_now()) {
        if (!load.stopping) {
            node_request(&load.nodes[load.turn++ % load.n_nodes], load.next);
        }

        load.next += LOAD_SECOND / load.rate;
    }

    return load.next - now;
}


static void
load_run(void)
{
    int                  i, n;
    uint64_t             now, tidy, wait;
    struct timespec      ts;
    struct epoll_event   ev[128];

    tidy = load_now();
    load.next = tidy;

    while (!load.stopping || load.under_way != 0) {
        wait = load_due();
        ts.tv_sec = (time_t) (wait / LOAD_SECOND);
        ts.tv_nsec = (long) (wait % LOAD_SECOND);

        n = epoll_pwait2(load.epoll, ev, 128, &ts, NULL);

        for (i = 0; i < n; i++) {
            if (ev[i].data.ptr == NULL) {
                load_commands();

            } else {
                conn_event(ev[i].data.ptr, ev[i].events);
            }
        }

        now = load_now();

        if (now - tidy > LOAD_SECOND / 50) {
            tidy = now;
            load_tidy(now);
        }
    }
}


static void
load_tell(void)
{
    unsigned     i;
    const char  *comma;

    if (fflush(load.out) != 0) {
        load_die("write");
    }

    (void) printf("{\"sent\":%" PRIu64 ",\"overflow\":%" PRIu64
                  ",\"statuses\":{", load.sent, load.overflow);

    for (i = 0, comma = ""; i < 1000; i++) {
        if (load.statuses[i] != 0) {
            (void) printf("%s\"%u\":%" PRIu64, comma, i, load.statuses[i]);
            comma = ",";
        }
    }

    (void) printf("}}\n");
    (void) fflush(stdout);
}


int
main(int argc, char **argv)
{
    int                 i;
    unsigned            k;
    node_t             *node;
    struct epoll_event  ev;

    if (argc < 4 || argc > 3 + LOAD_NODES) {
        (void) fprintf(stderr,
                       "usage: hx_fleet_load FILE RATE PORT [PORT ...]\n");
        return 2;
    }

    load.out = fopen(argv[1], "wb");
    if (load.out == NULL) {
        load_die(argv[1]);
    }

    load.random = load_now();
    load.rate = strtoull(argv[2], NULL, 10);
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    load.stale = 1;

    if (load.rate == 0 || load.epoll == -1) {
        load_die("start");
    }

    for (i = 3; i < argc; i++) {
        node = &load.nodes[load.n_nodes++];
        node->port = (uint16_t) strtoul(argv[i], NULL, 10);
        node->conns = calloc(LOAD_CONNS, sizeof(conn_t));
        node->waiting = calloc(LOAD_WAITING, sizeof(waiting_t));
        node->sums = calloc(LOAD_SLOTS, sizeof(uint64_t));

        if (node->conns == NULL || node->waiting == NULL || node->sums == NULL)
        {
            load_die("memory");
        }

        for (k = 0; k < LOAD_CONNS; k++) {
            node->conns[k].fd = -1;
        }
    }

    ev.events = EPOLLIN;
    ev.data.ptr = NULL;

    if (epoll_ctl(load.epoll, EPOLL_CTL_ADD, 0, &ev) != 0) {
        load_die("stdin");
    }

    (void) printf("ready\n");
    (void) fflush(stdout);

    load_run();
    load_tell();

    return 0;
}
