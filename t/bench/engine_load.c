/*
 * engine_load.c -- clients of hx-engine that put, on keep-alive connections.
 *
 *     engine_load PORT CONNECTIONS FILE SIZE COUNT NAMESPACE DTYPE
 *
 * Puts COUNT values of SIZE bytes as JSON with base64 under the keys k00000000,
 * k00000001 ...; value i is the i-th piece of SIZE bytes of FILE, from the
 * beginning again after its end.  DTYPE, such as "<f4", goes into the request;
 * "-" sends none.  Every connection has one request under way; one thread, with
 * epoll.  The service key is the environment's HX_GATE_ENGINE_SERVICE_KEY.
 *
 * Prints values, nanoseconds of all, and of a single put the median, 99th
 * percentile and most.  Any answer but 200 ends it with exit code 1.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine_bench.h"
#include "hx_base64.h"


#define LOAD_CONNECTIONS  1024
#define LOAD_SIZE         ((size_t) 1000 * 1000)
#define LOAD_COUNT        100000000
#define LOAD_ANSWER       8192
#define LOAD_HEAD         2048
#define LOAD_WAIT_MS      30000


typedef struct {
    int              fd;
    uint64_t         value;
    uint64_t         begin;
    unsigned char   *request;
    size_t           request_len;
    size_t           sent;
    char             answer[LOAD_ANSWER + 1];
    size_t           answer_len;
} load_conn_t;


typedef struct {
    int              epoll;
    uint16_t         port;
    uint64_t         count;
    uint64_t         next;
    uint64_t         done;
    const char      *key;
    const char      *ns;
    const char      *dtype;             /* NULL: none */
    size_t           size;
    unsigned char   *data;
    uint64_t         pieces;
    uint64_t        *took;
} load_t;


static void
load_make(load_t *l, load_conn_t *c)
{
    int     n;
    char    type[128], json[LOAD_HEAD];
    size_t  b64, json_len;

    type[0] = '\0';

    if (l->dtype != NULL) {
        (void) snprintf(type, sizeof(type),
                        "\"dtype\":\"%s\",", l->dtype);
    }

    n = snprintf(json, sizeof(json),
                 "{\"key\":\"k%08llu\",\"namespace\":\"%s\",%s\"data_b64\":\"",
                 (unsigned long long) c->value, l->ns, type);
    if (n < 0 || (size_t) n >= sizeof(json)) {
        bench_die("request", "too long");
    }

    json_len = (size_t) n;
    b64 = hx_base64_enc_len(l->size);

    n = snprintf((char *) c->request, LOAD_HEAD,
                 "POST /v1/put HTTP/1.1\r\nHost: engine\r\n"
                 "Authorization: Bearer %s\r\n"
                 "Content-Type: application/json\r\n"
                 "Content-Length: %zu\r\n\r\n", l->key, json_len + b64 + 2);
    if (n < 0 || n >= LOAD_HEAD) {
        bench_die("request", "too long");
    }

    c->request_len = (size_t) n;
    memcpy(c->request + c->request_len, json, json_len);
    c->request_len += json_len;
    c->request_len += hx_base64_encode(c->request + c->request_len,
                                       l->data + c->value % l->pieces * l->size,
                                       l->size);
    memcpy(c->request + c->request_len, "\"}", 2);
    c->request_len += 2;
}


static void
load_watch(load_t *l, load_conn_t *c, int operation, uint32_t events)
{
    struct epoll_event  ev;

    ev.events = events;
    ev.data.ptr = c;

    if (epoll_ctl(l->epoll, operation, c->fd, &ev) != 0) {
        bench_die("epoll_ctl", strerror(errno));
    }
}


/* Sends what the socket takes; 1 when all of it is out. */

static int
load_send(load_conn_t *c)
{
    ssize_t  n;

    while (c->sent < c->request_len) {
        n = send(c->fd, c->request + c->sent, c->request_len - c->sent,
                 MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN) {
            return 0;
        }

        if (n < 0) {
            bench_die("send", strerror(errno));
        }

        c->sent += (size_t) n;
    }

    return 1;
}


static void
load_start(load_t *l, load_conn_t *c)
{
    if (l->next == l->count) {
        return;
    }

    c->value = l->next++;
    c->sent = 0;
    c->answer_len = 0;

    load_make(l, c);
    c->begin = bench_now();

    if (!load_send(c)) {
        load_watch(l, c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
    }
}


/* Is the answer complete?  Any other than a 200 ends the program. */

static int
load_answered(load_conn_t *c)
{
    char          *body, *length;
    unsigned long  n;

    c->answer[c->answer_len] = '\0';

    body = strstr(c->answer, "\r\n\r\n");
    if (body == NULL) {
        return 0;
    }

    if (strncmp(c->answer, "HTTP/1.1 200 ", 13) != 0) {
        bench_die("answer", c->answer);
    }

    length = strstr(c->answer, "\r\nContent-Length: ");
    if (length == NULL || length > body) {
        bench_die("answer without a length", c->answer);
    }

    n = strtoul(length + 18, NULL, 10);
    body += 4;

    return c->answer_len - (size_t) (body - c->answer) >= n;
}


static void
load_receive(load_t *l, load_conn_t *c)
{
    ssize_t  n;

    n = recv(c->fd, c->answer + c->answer_len, LOAD_ANSWER - c->answer_len,
             MSG_DONTWAIT);

    if (n < 0 && errno == EAGAIN) {
        return;
    }

    if (n <= 0) {
        bench_die("recv", n == 0 ? "the connection ended, or an answer is long"
                                 : strerror(errno));
    }

    c->answer_len += (size_t) n;

    if (load_answered(c)) {
        l->took[c->value] = bench_now() - c->begin;
        l->done++;
        load_start(l, c);
    }
}


static void
load_connect(load_t *l, load_conn_t *c)
{
    int                 on;
    struct sockaddr_in  sa;

    memset(&sa, 0, sizeof(sa));
    sa.sin_family = AF_INET;
    sa.sin_port = htons(l->port);
    sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd == -1
        || connect(c->fd, (struct sockaddr *) &sa, sizeof(sa)) != 0)
    {
        bench_die("connect", strerror(errno));
    }

    on = 1;
    (void) setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));

    c->request = bench_memory(2 * LOAD_HEAD + hx_base64_enc_len(l->size) + 2);
    c->answer_len = 0;
    load_watch(l, c, EPOLL_CTL_ADD, EPOLLIN);
}


static void
load_run(load_t *l, load_conn_t *conns, uint64_t n_conns)
{
    int                  i, n;
    uint64_t             k;
    load_conn_t         *c;
    struct epoll_event   ev[64];

    for (k = 0; k < n_conns; k++) {
        load_start(l, &conns[k]);
    }

    while (l->done < l->count) {
        n = epoll_wait(l->epoll, ev, 64, LOAD_WAIT_MS);
        if (n <= 0) {
            bench_die("epoll_wait", n == 0 ? "no answer" : strerror(errno));
        }

        for (i = 0; i < n; i++) {
            c = ev[i].data.ptr;

            if ((ev[i].events & EPOLLOUT) && load_send(c)) {
                load_watch(l, c, EPOLL_CTL_MOD, EPOLLIN);
            }

            if (ev[i].events & ~(uint32_t) EPOLLOUT) {
                load_receive(l, c);
            }
        }
    }
}


static int
load_order(const void *a, const void *b)
{
    uint64_t  x = *(const uint64_t *) a, y = *(const uint64_t *) b;

    return x < y ? -1 : x > y;
}


int
main(int argc, char **argv)
{
    load_t        l;
    size_t        size;
    uint64_t      begin, i, n;
    load_conn_t  *conns;

    if (argc != 8) {
        (void) fprintf(stderr, "usage: engine_load PORT CONNECTIONS FILE SIZE "
                               "COUNT NAMESPACE DTYPE\n");
        return 2;
    }

    l.port = (uint16_t) bench_number(argv[1], 65535);
    n = bench_number(argv[2], LOAD_CONNECTIONS);
    l.data = bench_file(argv[3], &size);
    l.size = (size_t) bench_number(argv[4], LOAD_SIZE);
    l.count = bench_number(argv[5], LOAD_COUNT);
    l.ns = argv[6];
    l.dtype = strcmp(argv[7], "-") != 0 ? argv[7] : NULL;
    l.key = getenv("HX_GATE_ENGINE_SERVICE_KEY");
    l.pieces = size / l.size;
    l.next = 0;
    l.done = 0;
    l.epoll = epoll_create1(0);

    if (l.key == NULL || l.pieces == 0 || l.epoll == -1) {
        bench_die("load", "no key, FILE shorter than SIZE, or no epoll");
    }

    l.took = bench_memory(l.count * sizeof(*l.took));
    conns = bench_memory(n * sizeof(*conns));

    for (i = 0; i < n; i++) {
        load_connect(&l, &conns[i]);
    }

    begin = bench_now();
    load_run(&l, conns, n);
    begin = bench_now() - begin;

    qsort(l.took, l.count, sizeof(*l.took), load_order);

    (void) printf("%llu\t%llu\t%llu\t%llu\t%llu\n",
                  (unsigned long long) l.count, (unsigned long long) begin,
                  (unsigned long long) l.took[l.count / 2],
                  (unsigned long long) l.took[l.count * 99 / 100],
                  (unsigned long long) l.took[l.count - 1]);

    for (i = 0; i < n; i++) {
        (void) close(conns[i].fd);
        free(conns[i].request);
    }

    (void) close(l.epoll);
    free(conns);
    free(l.took);
    free(l.data);

    return 0;
}
