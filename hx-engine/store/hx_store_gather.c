/*
 * hx_store_gather.c -- how long the writer waits for more writes before it
 * begins a transaction.
 *
 * Clients that wait for their answers before they send the next write fall
 * into two halves that take turns: while the writes of one are synced those of
 * the other queue up, and each sync serves half of them.  So when writes wait
 * already, the writer gives those it has just answered a moment to come back;
 * then all share one sync, and there are half as many.  It waits for no more
 * writes than it has answered, at most half of the time the last transaction
 * took, and if they do not come it tries again later and later.  A client that
 * writes alone is never waited for.
 */

#include <time.h>

#include "hx_store_impl.h"

#define HX_GATHER_NS      2000000       /* at most, whatever a sync takes */
#define HX_GATHER_SKIP    63            /* transactions without a try */


static uint64_t
hx_gather_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}


/* 1: as many as were answered have come.  The lock is held. */
static int
hx_gather_wait(hx_store_t *s, unsigned n, uint64_t until_ns)
{
    int              rc;
    struct timespec  until;

    until.tv_sec = (time_t) (until_ns / 1000000000);
    until.tv_nsec = (long) (until_ns % 1000000000);
    s->gather.want = n;

    for (rc = 0; s->queued < n && !s->stop && rc == 0; /* void */ ) {
        rc = pthread_cond_timedwait(&s->queue_more, &s->queue_lock, &until);
    }

    s->gather.want = 1;

    return s->queued >= n;
}


void
hx_gather(hx_store_t *s)
{
    unsigned      n, before;
    uint64_t      ns;
    hx_gather_t  *g;

    g = &s->gather;

    if (g->answered == 0) {
        return;
    }

    if (g->skip != 0) {
        g->skip--;
        return;
    }

    pthread_mutex_lock(&s->queue_lock);

    before = s->queued;
    n = before + g->answered;
    n = n < s->queue_max ? n : s->queue_max;
    n = n < HX_BATCH_OPS ? n : HX_BATCH_OPS;
    ns = g->took_ns / 2 < HX_GATHER_NS ? g->took_ns / 2 : HX_GATHER_NS;

    if (before != 0 && before < n && !s->stop) {
        if (hx_gather_wait(s, n, hx_gather_now() + ns)
            || (s->queued - before) * 2 >= g->answered)
        {
            g->missed = 0;

        } else {
            g->missed = g->missed < HX_GATHER_SKIP / 2 ? 2 * g->missed + 1
                                                       : HX_GATHER_SKIP;
            g->skip = g->missed;
        }
    }

    pthread_mutex_unlock(&s->queue_lock);
}


void
hx_gather_begin(hx_store_t *s, const hx_store_op_t *list)
{
    s->gather.answered = 0;

    for ( /* void */ ; list != NULL; list = list->next) {
        s->gather.answered++;
    }

    s->gather.took_ns = hx_gather_now();
}


void
hx_gather_end(hx_store_t *s)
{
    s->gather.took_ns = hx_gather_now() - s->gather.took_ns;
}
