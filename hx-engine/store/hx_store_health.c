/*
 * hx_store_health.c -- transactions of the writer, and what follows when they
 * fail.
 *
 * No room is an answer to one write and no fault of the store.  Any other
 * failure is remembered (hx_store_check) until a commit succeeds; so that this
 * does not take a client's write, the writer tries a small one of its own now
 * and then, as it does for a sweep or a slice of removals that failed.  When
 * LMDB has failed to write its meta page it refuses everything from then on;
 * only a new process can go on, and the owner of the store is told so.
 */

#include <errno.h>

#include "hx_store_impl.h"


int
hx_rc_is_full(int rc)
{
    return rc == MDB_MAP_FULL || rc == MDB_TXN_FULL || rc == ENOSPC
           || rc == EDQUOT || rc == EFBIG;
}


void
hx_store_tell(hx_store_t *s, hx_store_event_t ev, const char *why)
{
    if (s->event != NULL) {
        s->event(s->event_data, ev, why);
    }
}


/* A transaction could not be begun or committed; none is open. */
static void
hx_store_broke(hx_store_t *s, int rc)
{
    int       now;
    MDB_txn  *txn;

    if (hx_rc_is_full(rc) || s->fatal) {
        return;
    }

    atomic_store(&s->broken, mdb_strerror(rc));

    now = mdb_txn_begin(s->env, NULL, 0, &txn);

    if (now == 0) {
        mdb_txn_abort(txn);

    } else if (now == MDB_PANIC) {
        s->fatal = 1;
        hx_store_tell(s, HX_STORE_EV_FATAL, mdb_strerror(rc));
    }
}


int
hx_store_begin(hx_store_t *s, MDB_txn **txn)
{
    int  rc;

    hx_tally_clear(s->tally);
    s->life.freed = 0;
    s->life.dropped = 0;
    rc = mdb_txn_begin(s->env, NULL, 0, txn);

    if (rc != 0) {
        hx_store_broke(s, rc);
    }

    return rc;
}


int
hx_store_end(hx_store_t *s, MDB_txn *txn, int rc)
{
    if (rc == 0) {
        rc = hx_tally_flush(s, txn);
    }

    if (rc == 0) {
        rc = hx_clock_save(s, txn);
    }

    if (rc != 0) {
        mdb_txn_abort(txn);
        return rc;
    }

    rc = mdb_txn_commit(txn);

    if (rc != 0) {
        hx_store_broke(s, rc);
        return rc;
    }

    atomic_fetch_add(&s->commits, 1);
    atomic_fetch_add(&s->purged, s->life.dropped);
    s->life.fresh = s->life.freed != 0 || s->life.dropped != 0;

    if (atomic_exchange(&s->broken, NULL) != NULL) {
        hx_store_tell(s, HX_STORE_EV_HEALED, "a commit succeeded");
    }

    return 0;
}


int
hx_store_touch(hx_store_t *s)
{
    int       rc;
    MDB_txn  *txn;
    MDB_val   k, v;

    rc = hx_store_begin(s, &txn);
    if (rc != 0) {
        return rc;
    }

    k.mv_data = (void *) "touch";
    k.mv_size = 5;
    v.mv_data = (void *) "1";
    v.mv_size = 1;
    rc = mdb_put(txn, s->dbi[HX_DB_META], &k, &v, 0);

    return hx_store_end(s, txn, rc);
}


int
hx_store_troubled(const hx_store_t *s)
{
    return !s->fatal && (s->staged || s->life.stuck
                         || atomic_load(&s->broken) != NULL);
}


void
hx_store_repair(hx_store_t *s)
{
    if (s->staged) {
        (void) hx_staging_sweep(s);
    }

    if (!s->fatal && atomic_load(&s->broken) != NULL) {
        (void) hx_store_touch(s);
    }

    if (s->life.stuck) {
        s->life.stuck = 0;
        s->life.ready = 1;
    }
}
