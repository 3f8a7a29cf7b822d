/*
 * hx_store_purge.c -- the work that removing versions leaves, done by the
 * writer between the writes, in small transactions of its own.
 *
 * Three kinds, in this order: chunks of values whose record is gone (table of
 * the doomed); versions of a key beyond those that are kept, when there were
 * too many for the put that noticed (entries of clock 0 in the table of what is
 * due); versions of keys that were deleted long enough ago.  A slice is small,
 * so that it delays other writes by not more than one commit.
 *
 * How long ago a key was deleted is told by a clock of the store's own, which
 * runs while the store is open: CLOCK_BOOTTIME measures it, the meta table
 * keeps it.  What is not saved before a crash, and the time for which the store
 * is not open, do not count.  So nothing that is done to the system's time
 * makes anything go early.
 */

#include <string.h>
#include <time.h>

#include "hx_store_impl.h"

#define HX_SLICE           64u          /* chunks, versions, entries */
#define HX_SLICE_FEW       2u
#define HX_SLICE_MS        100u         /* under load, when little is to do */
#define HX_CLOCK_SAVE_MS   60000u       /* with commits of others */
#define HX_CLOCK_IDLE_MS   600000u      /* without */
#define HX_READERS_MS      5000u


uint64_t
hx_boot_ms(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_BOOTTIME, &ts);

    return (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;
}


uint64_t
hx_clock_now(const hx_store_t *s)
{
    return s->life.clock_base + (hx_boot_ms() - s->life.boot_base);
}


/* The clock as it was saved, or the last delete's if that is later. */
static int
hx_clock_load(hx_store_t *s, MDB_txn *txn)
{
    int          rc;
    MDB_val      k, v;
    uint64_t     clock;
    MDB_cursor  *cur;

    k.mv_data = (void *) "clock";
    k.mv_size = 5;
    rc = mdb_get(txn, s->dbi[HX_DB_META], &k, &v);

    if (rc == 0) {
        if (v.mv_size != 8) {
            return MDB_CORRUPTED;
        }
        s->life.clock_base = hx_get_be64(v.mv_data);

    } else if (rc != MDB_NOTFOUND) {
        return rc;
    }

    rc = mdb_cursor_open(txn, s->dbi[HX_DB_DUE], &cur);
    if (rc != 0) {
        return rc;
    }

    rc = mdb_cursor_get(cur, &k, &v, MDB_LAST);

    if (rc == 0 && k.mv_size >= 8) {
        clock = hx_get_be64(k.mv_data);

        if (clock > s->life.clock_base) {
            s->life.clock_base = clock;
        }
    }

    mdb_cursor_close(cur);

    return rc == MDB_NOTFOUND ? 0 : rc;
}


int
hx_life_start(hx_store_t *s)
{
    int       rc;
    MDB_txn  *txn;

    s->life.ready = 1;                  /* the first slice will tell */
    s->life.clock_base = 1;
    s->life.boot_base = hx_boot_ms();

    rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn);

    if (rc == 0) {
        rc = hx_clock_load(s, txn);
        mdb_txn_abort(txn);
    }

    s->life.clock_saved = s->life.clock_base;

    return rc;
}


int
hx_clock_save(hx_store_t *s, MDB_txn *txn)
{
    MDB_val        k, v;
    uint64_t       now;
    unsigned char  be[8];

    now = hx_clock_now(s);

    if (now - s->life.clock_saved < HX_CLOCK_SAVE_MS && !s->life.ending) {
        return 0;
    }

    s->life.clock_saved = now;
    hx_put_be64(be, now);
    k.mv_data = (void *) "clock";
    k.mv_size = 5;
    v.mv_data = be;
    v.mv_size = sizeof(be);

    return mdb_put(txn, s->dbi[HX_DB_META], &k, &v, 0);
}


/* Milliseconds until versions of the first deleted key are to be removed. */
static uint64_t
hx_life_left(const hx_store_t *s)
{
    uint64_t  now, gone;

    if (s->life.purge_ms == 0 || s->life.first_due == 0) {
        return UINT64_MAX;
    }

    now = hx_clock_now(s);
    gone = now > s->life.first_due ? now - s->life.first_due : 0;

    return gone < s->life.purge_ms ? s->life.purge_ms - gone : 0;
}


int
hx_first(const hx_store_t *s, MDB_txn *txn, hx_db_t db, MDB_val *k,
    MDB_val *v)
{
    int          rc;
    MDB_cursor  *cur;

    rc = mdb_cursor_open(txn, s->dbi[db], &cur);

    if (rc == 0) {
        rc = mdb_cursor_get(cur, k, v, MDB_FIRST);
        mdb_cursor_close(cur);
    }

    return rc;
}


/* MDB_NOTFOUND: no more of these, 0: *n is used up, other. */
static int
hx_doomed_slice(hx_store_t *s, MDB_txn *txn, unsigned *n)
{
    int            rc;
    MDB_val        k, v;
    unsigned       before;
    unsigned char  be[8];

    while (*n != 0) {
        rc = hx_first(s, txn, HX_DB_DOOMED, &k, &v);

        if (rc == 0 && k.mv_size != sizeof(be)) {
            rc = MDB_CORRUPTED;
        }

        if (rc != 0) {
            return rc;
        }

        memcpy(be, k.mv_data, sizeof(be));
        before = *n;
        rc = hx_chunks_drop(s, txn, hx_get_be64(be), n);
        s->life.freed += before - *n;

        if (rc == MDB_NOTFOUND) {
            k.mv_data = be;
            rc = mdb_del(txn, s->dbi[HX_DB_DOOMED], &k, NULL);
            *n -= *n != 0;
        }

        if (rc != 0) {
            return rc;
        }
    }

    return 0;
}


/* Is the key still deleted, and by the delete that the entry was made for? */
static int
hx_due_holds(const hx_store_t *s, MDB_txn *txn, uint64_t clock,
    const MDB_val *dbkey, uint64_t upto)
{
    uint64_t  version, at;

    return clock == 0
           || (hx_store_tomb(s, txn, dbkey, &version, &at) == 0
               && version == upto && at == clock);
}


/* One entry whose time has come, in mem: MDB_NOTFOUND: it is done. */
static int
hx_due_work(hx_store_t *s, MDB_txn *txn, const MDB_val *k, uint64_t upto,
    unsigned *n)
{
    int       rc;
    MDB_val   dbkey;
    uint64_t  clock;

    clock = hx_get_be64(k->mv_data);
    dbkey.mv_data = (unsigned char *) k->mv_data + 8;
    dbkey.mv_size = k->mv_size - 8;

    if (upto == 0) {
        hx_store_tell(s, HX_STORE_EV_FAILED, "damaged entry of what is due");

    } else if (hx_due_holds(s, txn, clock, &dbkey, upto)) {
        rc = hx_versions_remove(s, txn, &dbkey, upto, n);

        if (rc == MDB_NOTFOUND) {
            rc = clock != 0 ? hx_tomb_put(s, txn, &dbkey, upto, 0) : 0;

        } else if (rc == 0) {
            return 0;
        }

        if (rc != 0) {
            return rc;
        }
    }

    *n -= *n != 0;
    rc = hx_due_del(s, txn, clock, &dbkey);

    return rc == 0 ? MDB_NOTFOUND : rc;
}


static int
hx_due_slice(hx_store_t *s, MDB_txn *txn, unsigned *n)
{
    int            rc;
    MDB_val        k, v;
    uint64_t       clock, upto;
    unsigned char  mem[HX_DUE_KEY_MAX];

    while (*n != 0) {
        rc = hx_first(s, txn, HX_DB_DUE, &k, &v);

        if (rc == 0 && (k.mv_size < 8 + 5 || k.mv_size > sizeof(mem))) {
            rc = MDB_CORRUPTED;
        }

        if (rc != 0) {
            s->life.first_due = rc == MDB_NOTFOUND ? 0 : s->life.first_due;
            return rc;
        }

        clock = hx_get_be64(k.mv_data);
        s->life.first_due = clock;

        if (clock != 0 && hx_life_left(s) != 0) {
            return MDB_NOTFOUND;
        }

        if (hx_head_decode(&upto, v.mv_data, v.mv_size, k.mv_data, k.mv_size)
            != HX_OK)
        {
            upto = 0;
        }

        memcpy(mem, k.mv_data, k.mv_size);
        k.mv_data = mem;
        rc = hx_due_work(s, txn, &k, upto, n);

        if (rc != MDB_NOTFOUND) {
            return rc;
        }
    }

    return 0;
}


/*
 * At most n things in one transaction: 0, MDB_NOTFOUND: there is nothing to be
 * removed now, other.
 */
static int
hx_life_slice(hx_store_t *s, unsigned n)
{
    int       rc;
    MDB_txn  *txn;
    unsigned  left;

    rc = hx_store_begin(s, &txn);
    if (rc != 0) {
        return rc;
    }

    left = n;
    rc = hx_doomed_slice(s, txn, &left);

    if (rc == MDB_NOTFOUND) {
        rc = hx_due_slice(s, txn, &left);
    }

    if (rc == MDB_NOTFOUND && left != n) {
        rc = 0;
    }

    return hx_store_end(s, txn, rc);
}


/* A slice; where it does not fit, one of which LMDB's list is short. */
static int
hx_life_do(hx_store_t *s)
{
    int  rc;

    rc = hx_life_slice(s, HX_SLICE);

    if (rc == MDB_MAP_FULL) {
        rc = hx_life_slice(s, HX_SLICE_FEW);
    }

    s->life.pending -= s->life.pending < HX_SLICE ? s->life.pending : HX_SLICE;
    s->life.slice_ms = hx_boot_ms();

    if (rc == MDB_NOTFOUND) {
        s->life.ready = 0;
        s->life.pending = 0;

    } else if (rc != 0) {
        s->life.stuck = 1;
        hx_store_tell(s, HX_STORE_EV_FAILED, mdb_strerror(rc));

    } else {
        s->life.ready = 1;              /* perhaps; the next slice will tell */
    }

    return rc;
}


void
hx_life_run(hx_store_t *s, int idle)
{
    int       dead;
    uint64_t  now;

    now = hx_boot_ms();

    if (s->life.readers_ms == 0
        || now - s->life.readers_ms >= HX_READERS_MS)
    {
        /* a backup or check that was killed would keep old pages for ever */

        s->life.readers_ms = now;
        (void) mdb_reader_check(s->env, &dead);
    }

    if (s->fatal || s->life.stuck) {
        return;
    }

    if ((s->life.ready || hx_life_left(s) == 0)
        && (idle || s->life.pending >= HX_SLICE
            || now - s->life.slice_ms >= HX_SLICE_MS))
    {
        (void) hx_life_do(s);

    } else if (idle && s->life.first_due != 0
               && hx_clock_now(s) - s->life.clock_saved >= HX_CLOCK_IDLE_MS)
    {
        (void) hx_store_touch(s);
    }
}


int
hx_life_reclaim(hx_store_t *s)
{
    return !s->fatal && !s->life.stuck && s->life.ready && hx_life_do(s) == 0;
}


uint64_t
hx_life_wait(const hx_store_t *s)
{
    uint64_t  left;

    if (s->fatal || s->life.stuck) {
        return UINT64_MAX;
    }

    if (s->life.ready) {
        return 0;
    }

    left = hx_life_left(s);

    return s->life.first_due != 0 && left > HX_CLOCK_IDLE_MS
           ? HX_CLOCK_IDLE_MS : left;
}


void
hx_life_end(hx_store_t *s)
{
    s->life.ending = 1;

    if (!s->fatal && s->life.first_due != 0) {
        (void) hx_store_touch(s);
    }
}
