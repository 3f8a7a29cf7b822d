/*
 * hx_main.c -- start and end of the engine.
 *
 * Everything that can be wrong at start is one line on stderr and exit code 1.
 * SIGTERM or SIGINT: stop accepting, finish what is in flight, exit code 0; the
 * same with exit code 1 when the store can no longer be used.  SIGHUP: the TLS
 * certificate and key are read again.
 */

#include <errno.h>
#include <malloc.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hx_cmd.h"
#include "hx_conn.h"
#include "hx_crypto.h"
#include "hx_notify.h"
#include "hx_vec.h"
#include "hx_version.h"

#define HX_ERR_MAX     512
#define HX_BACKLOG     1024
#define HX_FDS_EXTRA   64
#define HX_FAILED_US   5000000      /* between two lines about failures */

#define HX_MAIN_SPARE  (16 * 1024 * 1024)   /* bytes of free memory kept */
#define HX_MAIN_APART  (8 * 1024 * 1024)    /* blocks that are never kept */


static int
hx_fail(const char *text)
{
    fprintf(stderr, "hx-engine: %s\n", text);

    return 1;
}


static int
hx_main_dir(const char *dir, char *err, size_t cap)
{
    struct stat  st;

    if (mkdir(dir, 0700) == 0) {
        return 0;
    }

    if (errno == EEXIST && stat(dir, &st) == 0 && S_ISDIR(st.st_mode)) {
        return 0;
    }

    snprintf(err, cap, "HOLONOMIX_DATA_DIR: cannot create %s: %s", dir,
             errno == EEXIST ? "it is not a directory" : strerror(errno));

    return -1;
}


static int
hx_main_listen(const hx_conf_t *conf, char *err, size_t cap)
{
    int               fd, one, rc, saved;
    char              port[8];
    struct addrinfo   hints, *ai;

    memset(&hints, 0, sizeof(hints));
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    snprintf(port, sizeof(port), "%u", conf->port);

    rc = getaddrinfo(conf->host, port, &hints, &ai);
    if (rc != 0) {
        snprintf(err, cap, "HOLONOMIX_HOST: %s: %s", conf->host,
                 gai_strerror(rc));
        return -1;
    }

    one = 1;
    fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd == -1
        || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0
        || bind(fd, ai->ai_addr, ai->ai_addrlen) != 0
        || listen(fd, HX_BACKLOG) != 0)
    {
        saved = errno;
        snprintf(err, cap, "cannot listen on %s port %s: %s", conf->host, port,
                 strerror(saved));
        if (fd != -1) {
            close(fd);
        }
        fd = -1;
    }

    freeaddrinfo(ai);

    return fd;
}


static unsigned
hx_main_port(int fd)
{
    socklen_t                len;
    struct sockaddr_storage  ss;

    len = sizeof(ss);
    memset(&ss, 0, sizeof(ss));

    if (getsockname(fd, (struct sockaddr *) &ss, &len) != 0) {
        return 0;
    }

    return ntohs(ss.ss_family == AF_INET6
                 ? ((struct sockaddr_in6 *) &ss)->sin6_port
                 : ((struct sockaddr_in *) &ss)->sin_port);
}


/* One descriptor per connection and a few. */
static int
hx_main_files(const hx_conf_t *conf, char *err, size_t cap)
{
    rlim_t         want;
    struct rlimit  rl;

    want = (rlim_t) conf->max_connections + HX_FDS_EXTRA;

    if (getrlimit(RLIMIT_NOFILE, &rl) != 0 || rl.rlim_cur >= want) {
        return 0;
    }

    rl.rlim_cur = want;

    if (want > rl.rlim_max || setrlimit(RLIMIT_NOFILE, &rl) != 0) {
        snprintf(err, cap, "HOLONOMIX_MAX_CONNECTIONS: %llu connections need "
                 "a limit of %llu open files, it is %llu",
                 (unsigned long long) conf->max_connections,
                 (unsigned long long) want, (unsigned long long) rl.rlim_max);
        return -1;
    }

    return 0;
}


/* From the store: a line now and then, and the end if there is no way on. */
static void
hx_main_store_event(void *data, hx_store_event_t ev, const char *why)
{
    hx_log_t      l;
    uint64_t      now;
    hx_server_t  *s;

    s = data;
    now = hx_loop_us();

    if (ev == HX_STORE_EV_FAILED && s->failed_us != 0
        && now - s->failed_us < HX_FAILED_US)
    {
        s->unlogged++;
        return;
    }

    switch (ev) {

    case HX_STORE_EV_UPGRADE:
        hx_log_text(HX_LOG_INFO, "store_upgrade", "progress", why);
        return;

    case HX_STORE_EV_HEALED:
        hx_log_start(&l, HX_LOG_WARN, "store_healed");
        break;

    case HX_STORE_EV_FATAL:
        hx_log_start(&l, HX_LOG_ERROR, "store_fatal");
        break;

    default:
        hx_log_start(&l, HX_LOG_ERROR, "store_failed");
        s->failed_us = now;
    }

    hx_log_cstr(&l, "reason", why);
    hx_log_u64(&l, "unlogged", s->unlogged);
    hx_log_end(&l);
    s->unlogged = 0;

    if (ev == HX_STORE_EV_FATAL) {
        atomic_store(&s->fatal, 1);
        (void) kill(getpid(), SIGTERM);
    }
}


static void
hx_main_gauges(void *data, hx_gauges_t *g)
{
    hx_server_t  *s;

    s = data;
    g->connections = atomic_load(&s->connections);
    g->accepted = atomic_load(&s->accepted);
    g->refused = atomic_load(&s->refused);
    g->worker_queue = hx_workers_queued(s->workers);
    g->log_dropped = hx_log_lost();
    g->tls_failures = atomic_load(&s->tls_failures);
}


/* Store, TLS, listening socket, workers; -1 and err. */
static int
hx_main_open(hx_server_t *s, const hx_conf_t *conf, char *err, size_t cap)
{
    hx_store_conf_t  sc;

    if (hx_main_files(conf, err, cap) != 0
        || hx_main_dir(conf->data_dir, err, cap) != 0)
    {
        return -1;
    }

    if (conf->tls_cert != NULL) {
        s->tls = hx_io_tls(conf->tls_cert, conf->tls_key, err, cap);

        if (s->tls == NULL) {
            return -1;
        }
    }

    s->listen_fd = hx_main_listen(conf, err, cap);
    if (s->listen_fd == -1) {
        return -1;
    }

    sc.dir = conf->data_dir;
    sc.map_size = (size_t) conf->map_size;
    sc.max_views = (unsigned) (conf->io_threads + conf->workers + 16);
    sc.queue_max = (unsigned) conf->queue;
    sc.keep = conf->keep;
    sc.purge_ms = conf->purge * 1000;
    sc.event = hx_main_store_event;
    sc.event_data = s;

    s->api.store = hx_store_open(&sc, err, cap);
    if (s->api.store == NULL) {
        return -1;
    }

    s->api.max_upload = conf->max_upload;
    s->api.budget.max = conf->inflight;
    s->api.draining = &s->draining;
    s->api.gauges = hx_main_gauges;
    s->api.gauges_data = s;
    hx_counts_init(&s->api.counts);
    s->api.allow_weak = conf->allow_weak;
    s->conf = conf;
    s->n_loops = (unsigned) conf->io_threads;
    s->workers = hx_workers_start((unsigned) conf->workers,
                                  &s->api.budget);

    if (s->workers == NULL) {
        snprintf(err, cap, "cannot start the worker threads");
        return -1;
    }

    if (hx_main_index(s) != 0) {
        snprintf(err, cap, "cannot make the index: out of memory");
        return -1;
    }

    return 0;
}


static void
hx_main_started(const hx_server_t *s)
{
    hx_log_t  l;

    hx_log_start(&l, HX_LOG_INFO, "started");
    hx_log_cstr(&l, "version", HX_VERSION);
    hx_log_cstr(&l, "host", s->conf->host);
    hx_log_u64(&l, "port", hx_main_port(s->listen_fd));
    hx_log_cstr(&l, "tls", s->tls != NULL ? "on" : "off");
    hx_log_cstr(&l, "auth", s->conf->require_auth ? "on" : "off");
    hx_log_cstr(&l, "data_dir", s->conf->data_dir);
    hx_log_u64(&l, "map_size", s->conf->map_size);
    hx_log_u64(&l, "index_bytes", s->conf->index_bytes);
    hx_log_u64(&l, "io_threads", s->conf->io_threads);
    hx_log_u64(&l, "workers", s->conf->workers);
    hx_log_cstr(&l, "base64", hx_base64_impl());
    hx_log_cstr(&l, "scan", hx_vec_impl());
    hx_log_end(&l);

    if (!s->conf->require_auth) {
        hx_log_text(HX_LOG_WARN, "no_auth", "reason",
                    "HOLONOMIX_REQUIRE_AUTH=false: everyone who can connect "
                    "is served");
    }
}


/* To systemd, when it has started us.  Serving does not depend on it. */
static void
hx_main_notify(const char *state)
{
    if (hx_notify(state) != 0) {
        hx_log_text(HX_LOG_WARN, "notify_failed", "reason", strerror(errno));
    }
}


static void
hx_main_stopped(hx_server_t *s)
{
    hx_log_t          l;
    hx_store_stats_t  st;

    hx_store_stats(s->api.store, &st);

    hx_log_start(&l, HX_LOG_DEBUG, "store");
    hx_log_u64(&l, "puts", st.puts);
    hx_log_u64(&l, "deletes", st.deletes);
    hx_log_u64(&l, "commits", st.commits);
    hx_log_u64(&l, "failures", st.failures);
    hx_log_u64(&l, "batch_max", st.batch_max);
    hx_log_u64(&l, "purged", st.purged);
    hx_log_end(&l);

    hx_log_start(&l, HX_LOG_INFO, "stopped");
    hx_log_end(&l);
}


/* For new connections; what cannot be used changes nothing. */
static void
hx_main_reload(hx_server_t *s)
{
    char      err[HX_ERR_MAX];
    SSL_CTX  *tls, *old;

    if (s->conf->tls_cert == NULL) {
        hx_log_text(HX_LOG_INFO, "tls_reloaded", "reason", "TLS is off");
        return;
    }

    tls = hx_io_tls(s->conf->tls_cert, s->conf->tls_key, err, sizeof(err));

    if (tls == NULL) {
        atomic_fetch_add(&s->tls_failures, 1);
        hx_log_text(HX_LOG_ERROR, "tls_reload_failed", "reason", err);
        return;
    }

    pthread_mutex_lock(&s->tls_lock);
    old = s->tls;
    s->tls = tls;
    pthread_mutex_unlock(&s->tls_lock);

    SSL_CTX_free(old);          /* gone with the last connection that has it */
    hx_log_text(HX_LOG_INFO, "tls_reloaded", "certificate",
                s->conf->tls_cert);
}


/*
 * What requests free at the end of a heap goes back to the system only beyond
 * HX_MAIN_SPARE: else every other request would have its 100 KB cleared by the
 * kernel anew, three page faults of a small put.  malloc comes to such
 * thresholds by itself once a large block was freed, but payloads, which are
 * large, do not come from malloc.
 */

static void
hx_main_memory(void)
{
    (void) mallopt(M_TRIM_THRESHOLD, HX_MAIN_SPARE);
    (void) mallopt(M_MMAP_THRESHOLD, HX_MAIN_APART);
}


int
main(int argc, char **argv)
{
    int                  sig, rc;
    char                 err[HX_ERR_MAX];
    sigset_t             set;
    static hx_conf_t     conf;
    static hx_server_t   server;

    rc = hx_cmd_run(argc, argv);

    if (rc != -1) {
        return rc;
    }

    if (hx_conf_read(&conf, err, sizeof(err)) != 0) {
        return hx_fail(err);
    }

    hx_main_memory();
    hx_log_init(conf.log_level);
    (void) signal(SIGPIPE, SIG_IGN);
    (void) signal(SIGXFSZ, SIG_IGN);        /* a full file is an error code */

    /* blocked here, hence in every thread; taken by sigwait below */

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    (void) pthread_sigmask(SIG_BLOCK, &set, NULL);

    pthread_mutex_init(&server.tls_lock, NULL);

    if (hx_main_open(&server, &conf, err, sizeof(err)) != 0) {
        return hx_fail(err);
    }

    hx_main_started(&server);

    if (hx_index_start(server.api.index) != 0) {
        return hx_fail("cannot start the thread that makes the index");
    }

    if (hx_loops_start(&server) != 0) {
        return hx_fail("cannot start the I/O threads");
    }

    hx_main_notify("READY=1");

    while (sigwait(&set, &sig) != 0 || sig == SIGHUP) {
        hx_main_reload(&server);
    }

    if (atomic_load(&server.fatal)) {
        hx_log_text(HX_LOG_ERROR, "stopping", "reason", "store_fatal");

    } else {
        hx_log_text(HX_LOG_INFO, "stopping", "signal",
                    sig == SIGTERM ? "TERM" : "INT");
    }

    hx_main_notify("STOPPING=1");
    hx_loops_drain(&server);
    hx_workers_stop(server.workers);
    hx_index_stop(server.api.index);
    hx_main_stopped(&server);
    hx_store_close(server.api.store);
    hx_index_free(server.api.index);
    hx_loops_free(&server);
    SSL_CTX_free(server.tls);
    hx_cleanse(conf.key, sizeof(conf.key));

    return atomic_load(&server.fatal) ? 1 : 0;
}
