/*
 * hx_store_stage.c -- values too large for one transaction's memory.
 *
 * LMDB keeps the pages of a transaction in memory until it is committed.  So
 * the chunks of a large value are committed in slices, under an entry of the
 * staging table; the value becomes visible with its record, whose transaction
 * removes that entry.  A crash in between leaves the entry, and the next start
 * (or the next large value) removes it and the chunks.
 */

#include <string.h>

#include "hx_store_impl.h"

#define HX_STAGE_CHUNKS  32u            /* of a value, in one slice */
#define HX_STAGE_FEW     2u


/*
 * Removes at most n chunks of one value, and its staging entry with the last
 * one.  The chunks may begin at any index, after a sweep that was cut short.
 */
static int
hx_staging_drop(hx_store_t *s, MDB_txn *txn, uint64_t id, unsigned n)
{
    int            rc;
    MDB_val        k, v;
    MDB_cursor    *cur;
    unsigned char  ck[HX_CHUNK_KEY_LEN];

    rc = mdb_cursor_open(txn, s->dbi[HX_DB_CHUNKS], &cur);
    if (rc != 0) {
        return rc;
    }

    do {
        hx_store_chunk_key(ck, id, 0);
        k.mv_data = ck;
        k.mv_size = sizeof(ck);
        rc = mdb_cursor_get(cur, &k, &v, MDB_SET_RANGE);

        if (rc == 0 && (k.mv_size != sizeof(ck)
                        || memcmp(k.mv_data, ck, 8) != 0))
        {
            rc = MDB_NOTFOUND;
        }

        if (rc == 0 && n != 0) {
            rc = mdb_cursor_del(cur, 0);
        }
    } while (rc == 0 && n-- != 0);

    mdb_cursor_close(cur);

    if (rc == MDB_NOTFOUND) {
        k.mv_data = ck;
        k.mv_size = 8;
        rc = mdb_del(txn, s->dbi[HX_DB_STAGING], &k, NULL);
    }

    return rc;
}


/* One slice in one transaction: 0, MDB_NOTFOUND = nothing is staged, other. */
static int
hx_staging_slice(hx_store_t *s, unsigned n)
{
    int          rc;
    MDB_txn     *txn;
    MDB_val      k, v;
    uint64_t     id;
    MDB_cursor  *cur;

    rc = hx_store_begin(s, &txn);
    if (rc != 0) {
        return rc;
    }

    id = 0;
    rc = mdb_cursor_open(txn, s->dbi[HX_DB_STAGING], &cur);

    if (rc == 0) {
        rc = mdb_cursor_get(cur, &k, &v, MDB_FIRST);

        if (rc == 0) {
            id = k.mv_size == 8 ? hx_get_be64(k.mv_data) : 0;
            rc = id == 0 ? MDB_CORRUPTED : 0;
        }

        mdb_cursor_close(cur);
    }

    if (rc == 0) {
        rc = hx_staging_drop(s, txn, id, n);
        rc = rc == MDB_NOTFOUND ? MDB_CORRUPTED : rc;
    }

    if (rc != 0) {
        mdb_txn_abort(txn);
        return rc;
    }

    return hx_store_commit(s, txn);
}


/*
 * In slices, because the list of the pages that a transaction frees has to lie
 * in one piece; where even that does not fit, in slices of which it is short.
 */
int
hx_staging_sweep(hx_store_t *s)
{
    int       rc, removed;
    unsigned  n;

    removed = 0;

    for (n = HX_STAGE_CHUNKS; /* void */ ; /* void */ ) {
        rc = hx_staging_slice(s, n);

        if (rc == 0) {
            removed = 1;
            n = n < HX_STAGE_CHUNKS ? n * 2 : n;

        } else if (rc == MDB_MAP_FULL && n != HX_STAGE_FEW) {
            n = HX_STAGE_FEW;

        } else {
            break;
        }
    }

    rc = rc == MDB_NOTFOUND ? 0 : rc;
    s->staged = rc != 0;

    if (rc != 0) {
        hx_store_tell(s, HX_STORE_EV_FAILED, mdb_strerror(rc));
        return rc;
    }

    /* the pages of a transaction can be used again by the next but one */

    return removed ? hx_store_touch(s) : 0;
}


/* The chunks of a large value, in slices; others are served in between. */
static int
hx_stage_chunks(hx_store_t *s, hx_store_op_t *op, uint64_t *id)
{
    int             rc;
    MDB_txn        *txn;
    MDB_val         k, v;
    uint32_t        i;
    uint64_t        need;
    hx_store_op_t  *others;
    unsigned char   be[8];

    *id = 0;

    for (i = 0; i < hx_chunk_count(op->value.len); i += HX_STAGE_CHUNKS) {

        /* all of it, to begin with: others may take what is left meanwhile */

        need = i == 0 ? hx_room_need(s, op, 0)
                      : hx_room_chunks(s, HX_STAGE_CHUNKS);
        rc = hx_room_check(s, need, 1);
        if (rc != 0) {
            return rc;
        }

        rc = hx_store_begin(s, &txn);
        if (rc != 0) {
            return rc;
        }

        if (i == 0) {
            rc = hx_value_id(s, txn, id);

            if (rc == 0) {
                hx_put_be64(be, *id);
                k.mv_data = be;
                k.mv_size = sizeof(be);
                v.mv_data = NULL;
                v.mv_size = 0;
                rc = mdb_put(txn, s->dbi[HX_DB_STAGING], &k, &v, 0);
            }
        }

        if (rc == 0) {
            rc = hx_chunks_put(s, txn, op, *id, i, HX_STAGE_CHUNKS);
        }

        if (rc != 0) {
            mdb_txn_abort(txn);
            return rc;
        }

        rc = hx_store_commit(s, txn);
        if (rc != 0) {
            return rc;
        }

        others = hx_queue_take(s, 0);

        if (others != NULL) {
            hx_batch_run(s, others);
        }
    }

    return 0;
}


/* Is the write going to be refused anyway?  Saves writing its chunks. */
static int
hx_stage_refused(hx_store_t *s, hx_store_op_t *op)
{
    int               rc;
    MDB_val           k;
    uint32_t          ns;
    uint64_t          live, last;
    unsigned char     dbkey[HX_RECORD_KEY_MAX];
    hx_store_view_t   view;

    if (op->check == HX_STORE_ANY
        || hx_store_view(s, &view) != HX_STORE_OK)
    {
        return 0;
    }

    live = 0;
    rc = hx_store_ns_id(s, view.txn, &op->ns, &ns);

    if (rc == 0) {
        k.mv_data = dbkey;
        k.mv_size = hx_record_key(dbkey, ns, &op->key, 0) - 9;
        rc = hx_op_versions(s, view.txn, &k, &live, &last);
    }

    hx_store_view_end(&view);

    /* trouble here will be met, and reported, by the write itself */

    return (rc == 0 || rc == MDB_NOTFOUND) && !hx_op_allowed(op, live);
}


/* The record of a value whose chunks are there. */
static int
hx_stage_record(hx_store_t *s, hx_store_op_t *op, uint64_t id)
{
    int            rc;
    MDB_txn       *txn;
    MDB_val        k;
    unsigned char  be[8];

    rc = hx_room_check(s, hx_room_need(s, op, 1), 1);

    if (rc == 0) {
        rc = hx_store_begin(s, &txn);
    }

    if (rc != 0) {
        return rc;
    }

    rc = hx_op_apply(s, txn, op, id);

    if (rc == 0 && op->rc == HX_STORE_OK) {
        hx_put_be64(be, id);
        k.mv_data = be;
        k.mv_size = sizeof(be);
        rc = mdb_del(txn, s->dbi[HX_DB_STAGING], &k, NULL);
    }

    if (rc != 0 || op->rc != HX_STORE_OK) {
        mdb_txn_abort(txn);
        return rc;
    }

    return hx_store_commit(s, txn);
}


void
hx_stage_run(hx_store_t *s, hx_store_op_t *op)
{
    int       rc;
    uint64_t  id;

    if (hx_stage_refused(s, op)) {
        hx_op_answer(s, op);
        return;
    }

    rc = hx_staging_sweep(s);

    if (rc == 0) {
        rc = hx_stage_chunks(s, op, &id);
    }

    if (rc == 0) {
        rc = hx_stage_record(s, op, id);
    }

    if (rc != 0) {
        hx_op_fail(op, rc);
    }

    if (op->rc != HX_STORE_OK) {
        /* gives the room back; if that fails too, the next sweep does it */

        (void) hx_staging_sweep(s);
    }

    hx_op_answer(s, op);
}
