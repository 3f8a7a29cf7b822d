/*
 * hx_store_writer.c -- the one writer thread: queue and group commit.
 *
 * Everything queued while a commit was being synced goes into the next
 * transaction together and shares its sync.  If a write of a transaction does
 * not fit, or the commit fails, the transaction is dropped and its writes are
 * tried one by one, so that only those fail that must; a conflict is never
 * reported on the ground of something that was not committed.
 */

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hx_crypto.h"
#include "hx_terms.h"

#define HX_REPAIR_SECONDS  2
#define HX_GROW_MAX        64         /* times at start, 1 MiB each */


static void
hx_op_forget(hx_store_op_t *op)
{
    unsigned        i;
    hx_store_op_t  *item;

    for (i = 0; i < hx_op_items(op); i++) {
        item = hx_op_item(op, i);
        free(item->chunk_crc);
        item->chunk_crc = NULL;
    }
}


void
hx_op_answer(hx_store_t *s, hx_store_op_t *op)
{
    hx_op_forget(op);

    switch (op->rc) {

    case HX_STORE_OK:
        atomic_fetch_add(op->kind == HX_STORE_DELETE ? &s->deletes : &s->puts,
                         hx_op_items(op));
        break;

    case HX_STORE_FULL:
        s->life.readers_ms = 0;         /* perhaps a dead one is in the way */
        /* fall through */

    case HX_STORE_FAIL:
        atomic_fetch_add(&s->failures, 1);
        hx_store_tell(s, HX_STORE_EV_FAILED, op->why);
        break;

    default:
        break;
    }

    op->done(op);
}


void
hx_op_fail(hx_store_op_t *op, int rc)
{
    op->rc = hx_rc_is_full(rc) ? HX_STORE_FULL : HX_STORE_FAIL;
    op->why = mdb_strerror(rc);
}


static int
hx_batch_writes(const hx_store_op_t *op)
{
    for ( /* void */ ; op != NULL; op = op->next) {
        if (op->rc == HX_STORE_OK) {
            return 1;
        }
    }

    return 0;
}


/* All ops of the list in one transaction; 0, or the code of what failed. */
static int
hx_batch_try(hx_store_t *s, hx_store_op_t *list)
{
    int             rc;
    MDB_txn        *txn;
    uint64_t        n;
    hx_store_op_t  *op;

    rc = hx_room_writes(s, list, 0);

    if (rc != 0) {
        return rc;
    }

    rc = hx_store_begin(s, &txn);
    if (rc != 0) {
        return rc;
    }

    n = 0;

    for (op = list; op != NULL; op = op->next) {
        rc = hx_op_apply(s, txn, op);

        if (rc != 0) {
            mdb_txn_abort(txn);
            return rc;
        }
        n += hx_op_items(op);
    }

    if (!hx_batch_writes(list)) {
        mdb_txn_abort(txn);             /* refusals only: nothing to sync */
        return 0;
    }

    rc = hx_store_end(s, txn, 0);

    if (rc == 0 && n > atomic_load(&s->batch_max)) {
        atomic_store(&s->batch_max, n);
    }

    return rc;
}


void
hx_batch_run(hx_store_t *s, hx_store_op_t *list)
{
    int             rc, alone;
    hx_store_op_t  *op, *next;

    rc = hx_batch_try(s, list);
    alone = list->next == NULL;

    for (op = list; op != NULL; op = next) {
        next = op->next;

        if (rc != 0) {
            if (alone) {
                hx_op_fail(op, rc);

            } else {
                op->next = NULL;
                hx_batch_run(s, op);
                continue;
            }
        }

        hx_op_answer(s, op);
    }
}


/*
 * Waits for writes, or until the monotonic time "until" if that is not NULL.
 * 1: go on, 0: stopping, and nothing is left.
 */
static int
hx_queue_wait(hx_store_t *s, const struct timespec *until)
{
    int  rc, more;

    pthread_mutex_lock(&s->queue_lock);

    for (rc = 0; s->head == NULL && !s->stop && rc == 0; /* void */ ) {
        rc = until != NULL ? pthread_cond_timedwait(&s->queue_more,
                                                    &s->queue_lock, until)
                           : pthread_cond_wait(&s->queue_more,
                                               &s->queue_lock);
    }

    more = s->head != NULL || !s->stop;
    pthread_mutex_unlock(&s->queue_lock);

    return more;
}


/* Queued writes for one transaction; a large one comes alone, if at all. */
hx_store_op_t *
hx_queue_take(hx_store_t *s, int large)
{
    unsigned         n;
    uint64_t         bytes;
    hx_store_op_t   *list, **end, *op;

    pthread_mutex_lock(&s->queue_lock);

    list = NULL;
    end = &list;
    bytes = 0;

    for (n = 0; s->head != NULL; n += hx_op_items(op)) {
        op = s->head;

        if (hx_op_large(op) ? (!large || n != 0)
                            : n != 0
                              && (n + hx_op_items(op) > HX_BATCH_OPS
                                  || bytes + op->bytes > HX_BATCH_BYTES))
        {
            break;
        }

        s->head = op->next;
        s->queued--;
        op->next = NULL;
        *end = op;
        end = &op->next;
        bytes += op->bytes;

        if (hx_op_large(op)) {
            break;
        }
    }

    if (s->head == NULL) {
        s->tail = &s->head;
    }

    pthread_mutex_unlock(&s->queue_lock);

    return list;
}


/* Is it time?  Then the next time is HX_REPAIR_SECONDS from now. */
static int
hx_repair_due(struct timespec *at)
{
    struct timespec  now;

    (void) clock_gettime(CLOCK_MONOTONIC, &now);

    if (now.tv_sec < at->tv_sec
        || (now.tv_sec == at->tv_sec && now.tv_nsec < at->tv_nsec))
    {
        return 0;
    }

    *at = now;
    at->tv_sec += HX_REPAIR_SECONDS;

    return 1;
}


/* When the writer has something to do without a write; NULL: never. */
static const struct timespec *
hx_writer_until(const hx_store_t *s, const struct timespec *repair,
    struct timespec *until)
{
    uint64_t  ms;

    if (hx_store_troubled(s)) {
        return repair;
    }

    ms = hx_life_wait(s);

    if (ms == UINT64_MAX) {
        return NULL;
    }

    (void) clock_gettime(CLOCK_MONOTONIC, until);
    ms += (uint64_t) until->tv_nsec / 1000000;
    until->tv_sec += (time_t) (ms / 1000);
    until->tv_nsec = until->tv_nsec % 1000000 + (long) (ms % 1000) * 1000000;

    return until;
}


static void *
hx_writer_main(void *data)
{
    hx_store_t       *s;
    hx_store_op_t    *list;
    struct timespec   repair, until;

    s = data;
    memset(&repair, 0, sizeof(repair));
    (void) hx_repair_due(&repair);

    while (hx_queue_wait(s, hx_writer_until(s, &repair, &until))) {
        hx_gather(s);
        list = hx_queue_take(s, 1);
        hx_gather_begin(s, list);

        if (list == NULL) {
            /* only the time */

        } else if (hx_op_large(list)) {
            hx_stage_run(s, list);

        } else {
            hx_batch_run(s, list);
        }

        hx_gather_end(s);
        hx_life_run(s, list == NULL);
        hx_terms_watch(s);

        if (hx_store_troubled(s) && hx_repair_due(&repair)) {
            hx_store_repair(s);
        }
    }

    hx_life_end(s);

    return NULL;
}


/* Checksums of the chunks that a value will have. */
static int
hx_item_prepare(hx_store_op_t *item)
{
    size_t    off, len;
    uint32_t  i, n;

    if (item->kind != HX_STORE_PUT
        || item->value.len <= HX_RECORD_INLINE_MAX)
    {
        return 0;
    }

    n = hx_chunk_count(item->value.len);
    item->chunk_crc = malloc(n * sizeof(uint32_t));

    if (item->chunk_crc == NULL) {
        return -1;
    }

    for (i = 0; i < n; i++) {
        off = (size_t) i * HX_CHUNK_DATA;
        len = item->value.len - off;
        item->chunk_crc[i] = hx_crc32(0, item->value.data + off,
                                      len < HX_CHUNK_DATA ? len
                                                          : HX_CHUNK_DATA);
    }

    return 0;
}


static int
hx_op_prepare(hx_store_op_t *op)
{
    unsigned        i;
    hx_store_op_t  *item;

    op->next = NULL;
    op->why = NULL;
    op->failed = 0;
    op->bytes = 0;

    for (i = 0; i < hx_op_items(op); i++) {
        item = hx_op_item(op, i);
        item->value_id = 0;
        item->chunk_crc = NULL;

        if (op->kind == HX_STORE_BATCH) {
            item->kind = HX_STORE_PUT;
            item->ns = op->ns;
        }
    }

    for (i = 0; i < hx_op_items(op); i++) {
        item = hx_op_item(op, i);

        if (hx_item_prepare(item) != 0) {
            return -1;
        }

        op->bytes += item->kind == HX_STORE_PUT ? item->value.len : 0;
    }

    return 0;
}


hx_store_rc_t
hx_store_submit(hx_store_t *s, hx_store_op_t *op)
{
    hx_store_rc_t  rc;

    if (op->kind == HX_STORE_BATCH
        && (op->n_items == 0 || op->n_items > HX_STORE_BATCH_MAX))
    {
        return HX_STORE_FAIL;
    }

    if (hx_op_prepare(op) != 0) {
        hx_op_forget(op);
        return HX_STORE_FAIL;
    }

    pthread_mutex_lock(&s->queue_lock);

    if (s->stop) {
        rc = HX_STORE_FAIL;

    } else if (s->queued == s->queue_max) {
        rc = HX_STORE_BUSY;

    } else {
        rc = HX_STORE_OK;
        *s->tail = op;
        s->tail = &op->next;
        s->queued++;

        if (s->queued >= s->gather.want) {
            pthread_cond_signal(&s->queue_more);
        }
    }

    pthread_mutex_unlock(&s->queue_lock);

    if (rc != HX_STORE_OK) {
        hx_op_forget(op);
    }

    return rc;
}


int
hx_store_writer_start(hx_store_t *s)
{
    int       rc;
    unsigned  i;

    rc = hx_staging_sweep(s);

    /* nobody reads yet, so the map may move */

    for (i = 0; rc == MDB_MAP_FULL && i < HX_GROW_MAX; i++) {
        rc = hx_room_grow(s);

        if (rc == 0) {
            rc = hx_staging_sweep(s);
        }
    }

    if (hx_rc_is_full(rc)) {
        rc = 0;                         /* reading still works */
    }

    if (rc == 0) {
        rc = pthread_create(&s->writer, NULL, hx_writer_main, s);
    }

    s->writer_started = rc == 0;

    return rc;
}


void
hx_store_writer_stop(hx_store_t *s)
{
    if (!s->writer_started) {
        return;
    }

    pthread_mutex_lock(&s->queue_lock);
    s->stop = 1;
    pthread_cond_signal(&s->queue_more);
    pthread_mutex_unlock(&s->queue_lock);

    pthread_join(s->writer, NULL);
    s->writer_started = 0;
}
