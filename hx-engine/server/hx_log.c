/*
 * hx_log.c -- see the header.  A write that fails is not repeated: there is
 * nowhere to report it.
 *
 * Nor is one that would wait: a reader of stderr who stopped reading must not
 * stop the I/O threads.  A pipe or socket that is writable takes the at most
 * PIPE_BUF bytes of a line without waiting; asking and writing happen under
 * one lock.  (O_NONBLOCK would do as well, but is shared with whoever else has
 * that stderr.)
 */

#include <poll.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "hx_json_write.h"
#include "hx_log.h"
#include "hx_text.h"

static hx_log_level_t  hx_log_max = HX_LOG_INFO;

static pthread_mutex_t  hx_log_lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t         hx_log_dropped;         /* lines; under the lock */
static uint64_t         hx_log_all_dropped;     /* and never set back */

static const char *const  hx_log_level[] = {
    "error", "warn", "info", "debug"
};


void
hx_log_init(hx_log_level_t max)
{
    hx_log_max = max;
}


void
hx_log_start(hx_log_t *l, hx_log_level_t level, const char *event)
{
    unsigned char    ts[24];
    struct timespec  now;

    l->on = level <= hx_log_max;

    if (!l->on) {
        return;
    }

    (void) clock_gettime(CLOCK_REALTIME, &now);
    hx_text_time(ts, (int64_t) now.tv_sec, (unsigned) (now.tv_nsec / 1000000));

    l->event = event;
    hx_buf_init(&l->b, l->mem, sizeof(l->mem) - 2);
    hx_buf_lit(&l->b, "{\"ts\":\"");
    hx_buf_add(&l->b, ts, sizeof(ts));
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


/* 1, or 0 when it would have to wait. */
static int
hx_log_write(hx_log_t *l)
{
    ssize_t        n;
    struct pollfd  p;

    p.fd = STDERR_FILENO;
    p.events = POLLOUT;
    p.revents = 0;

    if (poll(&p, 1, 0) == 0) {
        return 0;
    }

    if (!hx_buf_ok(&l->b)) {
        hx_buf_init(&l->b, l->mem, sizeof(l->mem) - 2);
        hx_buf_lit(&l->b, "{\"level\":\"error\"");
        hx_log_cstr(l, "event", l->event);
        hx_buf_lit(&l->b, ",\"truncated\":true");
    }

    *l->b.last++ = '}';             /* the two bytes kept back for this */
    *l->b.last++ = '\n';

    n = write(STDERR_FILENO, l->mem, hx_buf_len(&l->b));
    (void) n;

    return 1;
}


void
hx_log_end(hx_log_t *l)
{
    hx_log_t  lost;

    if (!l->on) {
        return;
    }

    pthread_mutex_lock(&hx_log_lock);

    if (hx_log_dropped != 0) {
        hx_log_start(&lost, HX_LOG_ERROR, "log_dropped");
        hx_log_u64(&lost, "lines", hx_log_dropped);

        if (hx_log_write(&lost)) {
            hx_log_dropped = 0;
        }
    }

    if (hx_log_dropped != 0 || !hx_log_write(l)) {
        hx_log_dropped++;
        hx_log_all_dropped++;
    }

    pthread_mutex_unlock(&hx_log_lock);
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
