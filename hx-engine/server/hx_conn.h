/*
 * hx_conn.h -- connections and the event loops they live in.
 *
 * A connection belongs to one loop, and only that loop's thread touches it;
 * while its request is with a worker or the store (HX_CONN_WAIT) nobody does,
 * until the completion comes back through the loop's queue.
 *
 * Events are edge-triggered: hx_conn_run() goes on until the socket has no
 * more for it, or gives up its turn to others (HX_CONN_TURN).
 */

#ifndef HX_CONN_H
#define HX_CONN_H

#include <pthread.h>
#include <stdatomic.h>

#include "hx_api.h"
#include "hx_conf.h"
#include "hx_http_parse.h"
#include "hx_io.h"
#include "hx_workers.h"

#define HX_CONN_TURN       1048576  /* bytes moved before others have a turn */
#define HX_CONN_SCRATCH    65536    /* bytes of body read at a time */
#define HX_CONN_DISCARD    65536    /* unwanted body bytes read to keep alive */
#define HX_CONN_PROGRESS   65536    /* bytes that earn a new time limit */
#define HX_LOOP_TICK       1000     /* ms; the resolution of time limits */
#define HX_CONN_LINGER     10       /* seconds to read on after refusing */

typedef struct hx_server_s  hx_server_t;
typedef struct hx_loop_s    hx_loop_t;
typedef struct hx_conn_s    hx_conn_t;

typedef enum {
    HX_CONN_TLS = 0,            /* handshake */
    HX_CONN_HEAD,
    HX_CONN_BODY,
    HX_CONN_WAIT,               /* with a worker or the store */
    HX_CONN_SEND,
    HX_CONN_LINGERING,          /* refused early; reading on for a while */
    HX_CONN_CLOSED
} hx_conn_state_t;

struct hx_conn_s {
    hx_loop_t         *loop;
    hx_conn_t         *prev;            /* all of the loop */
    hx_conn_t         *next;
    hx_conn_t         *again;           /* list of those whose turn ended */
    int                queued;          /* is in that list */
    hx_io_t            io;
    hx_conn_state_t    state;
    uint64_t           deadline;        /* loop time, ms; 0 = none */
    uint64_t           progress;        /* bytes since it was set */
    size_t             turn;            /* bytes moved in this turn, and what
                                         * computing them took, as bytes */

    hx_http_head_t     head;
    hx_http_frame_t    frame;
    hx_http_chunked_t  chunked;
    uint64_t           body_left;       /* Content-Length bodies */
    int                discard;         /* the body is of no interest */
    int                body_done;       /* nothing of it is left unread */

    hx_req_t          *req;
    hx_job_t           job;
    hx_conn_t         *done_next;       /* list of completions */
    int                finish;          /* hx_req_finish is to be called */
    hx_str_t           id;              /* in id_mem */
    size_t             tenant_len;
    unsigned char      method[16];
    size_t             method_len;
    uint64_t           started_us;

    const unsigned char  *out;          /* to be written next */
    size_t             out_len;
    int                tail_sent;
    uint64_t           sent;            /* body and head bytes written */
    unsigned char     *encoded;         /* HX_CONN_SCRATCH bytes, base64 */

    size_t             in_pos;
    size_t             in_len;
    unsigned char      id_mem[HX_REQUEST_ID_MAX];
    unsigned char      tenant[HX_TENANT_MAX];
    unsigned char      in[HX_HTTP_HEAD_MAX];
};

struct hx_loop_s {
    hx_server_t       *server;
    pthread_t          thread;
    int                epoll;
    int                wake;            /* eventfd */
    uint64_t           now_us;          /* monotonic, set after each wait */
    hx_conn_t         *conns;
    hx_conn_t         *again;
    hx_crypto_t       *crypto;
    int                accepting;
    int                paused;          /* accepting, after the next tick */
    uint64_t           complained;      /* ms: last line about accepting */
    uint64_t           unlogged;        /* such lines not written since */
    uint64_t           kill_at;         /* ms: draining ends; 0 = not yet */
    uint64_t           last_tick;
    time_t             date_sec;
    char               date[40];        /* HTTP date of date_sec */
    pthread_mutex_t    lock;            /* guards done */
    hx_conn_t         *done;
    unsigned char      scratch[HX_CONN_SCRATCH];
};

struct hx_server_s {
    const hx_conf_t   *conf;
    hx_api_t           api;
    hx_workers_t      *workers;
    SSL_CTX           *tls;             /* of new connections; NULL = plain,
                                         * for good */
    pthread_mutex_t    tls_lock;        /* guards which one it is */
    int                listen_fd;
    unsigned           n_loops;
    hx_loop_t         *loop;            /* array */
    atomic_int         draining;
    atomic_uint        accepting;       /* loops that still accept */
    atomic_uint        connections;
    atomic_uint_least64_t  accepted;
    atomic_uint_least64_t  refused;
    atomic_uint_least64_t  tls_failures;
    atomic_int         fatal;           /* the store is of no use any more */
    uint64_t           failed_us;       /* when a failure was logged; 0 = never;
                                         * of the store's thread, as is ... */
    uint64_t           unlogged;        /* failures since */
    uint64_t           corrupt_us;      /* when damage was logged; of the thread
                                         * that makes the index */
};

/* hx_loop.c */

/* Starts the I/O threads; 0 or -1. */
int hx_loops_start(hx_server_t *s);

/* Stops accepting, lets requests in flight finish, joins the threads. */
void hx_loops_drain(hx_server_t *s);

/* Afterwards, when no thread is left that could be in hx_loop_done(). */
void hx_loops_free(hx_server_t *s);

/* From any thread: the connection's request is ready for its loop. */
void hx_loop_done(hx_conn_t *c);

/* The connection wants to go on after others had their turn. */
void hx_loop_again(hx_conn_t *c);

/* Takes over fd as a connection of the loop, counted before; -1: not taken. */
int hx_loop_add(hx_loop_t *l, int fd);

/* Monotonic time, now. */
uint64_t hx_loop_us(void);

#define hx_loop_ms(l)   ((l)->now_us / 1000)

/* hx_main_index.c */

/* The index, not started yet; 0, or -1: out of memory. */
int hx_main_index(hx_server_t *s);

/* hx_accept.c */

/* Wants events of the listening socket; 0 or -1. */
int hx_loop_listen(hx_loop_t *l);

/* Accepts all there are; stops listening for a tick when that fails. */
void hx_loop_accept(hx_loop_t *l);

/* hx_conn.c */

/* Takes over fd.  NULL: out of memory, fd is still the caller's. */
hx_conn_t *hx_conn_create(hx_loop_t *loop, int fd);

/* As far as it goes; afterwards hx_conn_free if state is HX_CONN_CLOSED. */
void hx_conn_run(hx_conn_t *c);

/* Its request came back. */
void hx_conn_resume(hx_conn_t *c);

/* Its deadline has passed. */
void hx_conn_timeout(hx_conn_t *c);

/* 1 when nothing is going on: it may be closed at any moment. */
int hx_conn_idle(const hx_conn_t *c);
void hx_conn_free(hx_conn_t *c);

/* hx_conn_request.c */

/* The head is complete: route, check, and on to the next state. */
void hx_conn_request(hx_conn_t *c);

/* The body is complete: work, here or in a worker. */
void hx_conn_dispatch(hx_conn_t *c);

/* An answer that needs no more of the request, e.g. malformed HTTP. */
void hx_conn_refuse(hx_conn_t *c, hx_error_t e, const char *detail,
    const char *reason);

/* hx_conn_send.c */

/* The reply is ready: HX_CONN_SEND. */
void hx_conn_answer(hx_conn_t *c);

/* Writes; OK = the whole answer is out. */
hx_io_rc_t hx_conn_send(hx_conn_t *c);

/* The line of this request, and the request is gone. */
void hx_conn_log(hx_conn_t *c, int aborted);

/* A new time limit; hx_conn_moved earns one by progress. */
void hx_conn_limit(hx_conn_t *c, uint64_t seconds);
void hx_conn_moved(hx_conn_t *c, size_t n, uint64_t seconds);

#endif /* HX_CONN_H */
