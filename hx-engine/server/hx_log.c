/*
 * hx_log.c -- see the header.  A write that fails is not repeated: there is
 * nowhere to report it.
 *
 * Nor is one that would wait: a reader of stderr who stopped reading must not
 * stop the I/O threads.  A pipe or socket that is writable takes PIPE_BUF bytes
 * without waiting; so whole lines of that many bytes at most are written, and
 * asking and writing happen under one lock.  (O_NONBLOCK would do as well, but
 * is shared with whoever else has that stderr.)  A file never makes us wait for
 * a reader: it takes all at once.
 */

#define _GNU_SOURCE                 /* memrchr */

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "hx_json_write.h"
#include "hx_log.h"
#include "hx_text.h"

typedef struct {
    size_t          len;
    unsigned char   text[HX_LOG_BATCH];
} hx_log_lines_t;

static hx_log_level_t  hx_log_max = HX_LOG_INFO;
static int             hx_log_to_file;

static pthread_mutex_t  hx_log_lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t         hx_log_dropped;         /* lines; under the lock */
static uint64_t         hx_log_all_dropped;     /* and never set back */

static __thread hx_log_lines_t  *hx_log_lines;  /* NULL: none are gathered */
static __thread time_t           hx_log_second;
static __thread unsigned char    hx_log_ts[24]; /* of that second */

static const char *const  hx_log_level[] = {
    "error", "warn", "info", "debug"
};


void
hx_log_init(hx_log_level_t max)
{
    struct stat  st;

    hx_log_max = max;
    hx_log_to_file = fstat(STDERR_FILENO, &st) == 0 && S_ISREG(st.st_mode);
}


void
hx_log_start(hx_log_t *l, hx_log_level_t level, const char *event)
{
    unsigned         ms;
    struct timespec  now;

    l->on = level <= hx_log_max;

    if (!l->on) {
        return;
    }

    (void) clock_gettime(CLOCK_REALTIME, &now);
    ms = (unsigned) (now.tv_nsec / 1000000);

    if (now.tv_sec != hx_log_second) {
        hx_log_second = now.tv_sec;
        hx_text_time(hx_log_ts, (int64_t) now.tv_sec, 0);
    }

    hx_log_ts[20] = (unsigned char) ('0' + ms / 100);
    hx_log_ts[21] = (unsigned char) ('0' + ms / 10 % 10);
    hx_log_ts[22] = (unsigned char) ('0' + ms % 10);

    l->level = level;
    l->event = event;
    hx_buf_init(&l->b, l->mem, sizeof(l->mem) - 2);
    hx_buf_lit(&l->b, "{\"ts\":\"");
    hx_buf_add(&l->b, hx_log_ts, sizeof(hx_log_ts));
    hx_buf_lit(&l->b, "\",\"level\":\"");
    hx_buf_add(&l->b, hx_log_level[level], strlen(hx_log_level[level]));
    hx_buf_byte(&l->b, '"');
    hx_log_cstr(l, "event", event);
}


static void
hx_log_name(hx_log_t *l, const char *name)
{
    hx_buf_lit(&l->b, ",\"");
    hx_buf_add(&l->b, name, strlen(name));
    hx_buf_lit(&l->b, "\":");
}


void
hx_log_str(hx_log_t *l, const char *name, const void *s, size_t len)
{
    if (l->on) {
        hx_log_name(l, name);
        hx_json_string(&l->b, s, len < HX_LOG_VALUE_MAX ? len
                                                        : HX_LOG_VALUE_MAX);
    }
}


void
hx_log_cstr(hx_log_t *l, const char *name, const char *s)
{
    hx_log_str(l, name, s, strlen(s));
}


void
hx_log_u64(hx_log_t *l, const char *name, uint64_t v)
{
    if (l->on) {
        hx_log_name(l, name);
        hx_text_u64(&l->b, v);
    }
}


void
hx_log_ms(hx_log_t *l, const char *name, uint64_t us)
{
    if (l->on) {
        hx_log_u64(l, name, us / 1000);
        hx_buf_byte(&l->b, '.');
        hx_buf_byte(&l->b, (unsigned char) ('0' + us % 1000 / 100));
        hx_buf_byte(&l->b, (unsigned char) ('0' + us % 100 / 10));
        hx_buf_byte(&l->b, (unsigned char) ('0' + us % 10));
    }
}


void
hx_log_null(hx_log_t *l, const char *name)
{
    if (l->on) {
        hx_log_name(l, name);
        hx_buf_lit(&l->b, "null");
    }
}


/* The last bytes of a line; a line that was too long becomes another one. */
static void
hx_log_close(hx_log_t *l)
{
    if (!hx_buf_ok(&l->b)) {
        hx_buf_init(&l->b, l->mem, sizeof(l->mem) - 2);
        hx_buf_lit(&l->b, "{\"level\":\"error\"");
        hx_log_cstr(l, "event", l->event);
        hx_buf_lit(&l->b, ",\"truncated\":true");
    }

    *l->b.last++ = '}';             /* the two bytes kept back for this */
    *l->b.last++ = '\n';
}


/* 1, or 0 when it would have to wait.  The lock is held. */
static int
hx_log_try(const unsigned char *p, size_t len)
{
    ssize_t        n;
    struct pollfd  fd;

    if (!hx_log_to_file) {
        fd.fd = STDERR_FILENO;
        fd.events = POLLOUT;
        fd.revents = 0;

        if (poll(&fd, 1, 0) == 0) {
            return 0;
        }
    }

    n = write(STDERR_FILENO, p, len);
    (void) n;

    return 1;
}


/* Whole lines, as many as one write may have. */
static void
hx_log_piece(const unsigned char *p, size_t len)
{
    size_t    i;
    hx_log_t  lost;

    if (hx_log_dropped != 0) {
        hx_log_start(&lost, HX_LOG_ERROR, "log_dropped");
        hx_log_u64(&lost, "lines", hx_log_dropped);
        hx_log_close(&lost);

        if (hx_log_try(lost.mem, hx_buf_len(&lost.b))) {
            hx_log_dropped = 0;
        }
    }

    if (hx_log_dropped != 0 || !hx_log_try(p, len)) {
        for (i = 0; i < len; i++) {
            hx_log_dropped += p[i] == '\n';
            hx_log_all_dropped += p[i] == '\n';
        }
    }
}


static void
hx_log_write(const unsigned char *p, size_t len)
{
    size_t                n;
    const unsigned char  *end;

    pthread_mutex_lock(&hx_log_lock);

    for ( /* void */ ; len != 0; p += n, len -= n) {
        n = len;

        if (!hx_log_to_file && len > HX_LOG_LINE_MAX) {
            end = memrchr(p, '\n', HX_LOG_LINE_MAX);
            n = end != NULL ? (size_t) (end + 1 - p) : len;
        }

        hx_log_piece(p, n);
    }

    pthread_mutex_unlock(&hx_log_lock);
}


void
hx_log_batch(void)
{
    hx_log_lines = malloc(sizeof(hx_log_lines_t));

    if (hx_log_lines != NULL) {
        hx_log_lines->len = 0;
    }
}


void
hx_log_flush(void)
{
    if (hx_log_lines != NULL && hx_log_lines->len != 0) {
        hx_log_write(hx_log_lines->text, hx_log_lines->len);
        hx_log_lines->len = 0;
    }
}


void
hx_log_unbatch(void)
{
    hx_log_flush();
    free(hx_log_lines);
    hx_log_lines = NULL;
}


void
hx_log_end(hx_log_t *l)
{
    size_t           len;
    hx_log_lines_t  *lines;

    if (!l->on) {
        return;
    }

    hx_log_close(l);
    len = hx_buf_len(&l->b);
    lines = hx_log_lines;

    if (lines == NULL) {
        hx_log_write(l->mem, len);
        return;
    }

    if (lines->len + len > HX_LOG_BATCH) {
        hx_log_flush();
    }

    memcpy(lines->text + lines->len, l->mem, len);
    lines->len += len;

    if (l->level <= HX_LOG_WARN) {
        hx_log_flush();
    }
}


uint64_t
hx_log_lost(void)
{
    uint64_t  n;

    pthread_mutex_lock(&hx_log_lock);
    n = hx_log_all_dropped;
    pthread_mutex_unlock(&hx_log_lock);

    return n;
}


void
hx_log_text(hx_log_level_t level, const char *event, const char *name,
    const char *value)
{
    hx_log_t  l;

    hx_log_start(&l, level, event);
    hx_log_cstr(&l, name, value);
    hx_log_end(&l);
}
