/*
 * hx_store_stage.c -- values too large for one transaction's memory.
 *
 * LMDB keeps the pages of a transaction in memory until it is committed.  So
 * the chunks of a large value, or of a large batch, are committed in slices,
 * each value under an entry of the staging table; the values become visible
 * with their records, whose transaction removes these entries.  A crash in
 * between leaves them, and the next start (or the next large value) removes
 * them and the chunks.
 */

#include <string.h>

#include "hx_store_impl.h"

#define HX_STAGE_CHUNKS  32u            /* of a value, in one slice */
#define HX_STAGE_FEW     2u


int
hx_chunks_drop(const hx_store_t *s, MDB_txn *txn, uint64_t id, unsigned *n)
{
    int            rc;
    MDB_val        k, v;
    MDB_cursor    *cur;
    unsigned char  ck[HX_CHUNK_KEY_LEN];

    rc = mdb_cursor_open(txn, s->dbi[HX_DB_CHUNKS], &cur);
    if (rc != 0) {
        return rc;
    }

    for ( ;; ) {
        hx_store_chunk_key(ck, id, 0);
        k.mv_data = ck;
        k.mv_size = sizeof(ck);
        rc = mdb_cursor_get(cur, &k, &v, MDB_SET_RANGE);

        if (rc == 0 && (k.mv_size != sizeof(ck)
                        || memcmp(k.mv_data, ck, 8) != 0))
        {
            rc = MDB_NOTFOUND;
        }

        if (rc != 0 || *n == 0) {
            break;
        }

        rc = mdb_cursor_del(cur, 0);
        if (rc != 0) {
            break;
        }

        --*n;
    }

    mdb_cursor_close(cur);

    return rc;
}


/* Chunks of one value, and its staging entry with the last one. */
static int
hx_staging_drop(hx_store_t *s, MDB_txn *txn, uint64_t id, unsigned n)
{
    int            rc;
    MDB_val        k;
    unsigned char  be[8];

    rc = hx_chunks_drop(s, txn, id, &n);

    if (rc == MDB_NOTFOUND) {
        hx_put_be64(be, id);
        k.mv_data = be;
        k.mv_size = sizeof(be);
        rc = mdb_del(txn, s->dbi[HX_DB_STAGING], &k, NULL);
    }

    return rc;
}


/* One slice in one transaction: 0, MDB_NOTFOUND = nothing is staged, other. */
static int
hx_staging_slice(hx_store_t *s, unsigned n)
{
    int        rc;
    MDB_txn   *txn;
    MDB_val    k, v;
    uint64_t   id;

    rc = hx_store_begin(s, &txn);
    if (rc != 0) {
        return rc;
    }

    id = 0;
    rc = hx_first(s, txn, HX_DB_STAGING, &k, &v);

    if (rc == 0) {
        id = k.mv_size == 8 ? hx_get_be64(k.mv_data) : 0;
        rc = id == 0 ? MDB_CORRUPTED : 0;
    }

    if (rc == 0) {
        rc = hx_staging_drop(s, txn, id, n);
        rc = rc == MDB_NOTFOUND ? MDB_CORRUPTED : rc;
    }

    return hx_store_end(s, txn, rc);
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


/* What is still to be written of the values of an op. */
typedef struct {
    hx_store_op_t  *op;
    unsigned        item;
    uint32_t        chunk;
    uint64_t        chunks;             /* of all items from here on */
} hx_stage_at_t;


static uint32_t
hx_stage_count(const hx_store_op_t *item)
{
    return item->value.len > HX_RECORD_INLINE_MAX
           ? hx_chunk_count(item->value.len) : 0;
}


/* A value's id, and the entry that keeps its chunks from being orphans. */
static int
hx_stage_begin(const hx_store_t *s, MDB_txn *txn, hx_store_op_t *item)
{
    int            rc;
    MDB_val        k, v;
    unsigned char  be[8];

    rc = hx_value_id(s, txn, &item->value_id);
    if (rc != 0) {
        return rc;
    }

    hx_put_be64(be, item->value_id);
    k.mv_data = be;
    k.mv_size = sizeof(be);
    v.mv_data = NULL;
    v.mv_size = 0;

    return mdb_put(txn, s->dbi[HX_DB_STAGING], &k, &v, 0);
}


/* At most HX_STAGE_CHUNKS chunks, of one value or of several. */
static int
hx_stage_fill(const hx_store_t *s, MDB_txn *txn, hx_stage_at_t *at)
{
    int             rc;
    uint32_t        n, left, count;
    hx_store_op_t  *item;

    for (left = HX_STAGE_CHUNKS; left != 0 && at->chunks != 0; /* void */ ) {
        item = hx_op_item(at->op, at->item);
        count = hx_stage_count(item);
        n = count - at->chunk < left ? count - at->chunk : left;
        rc = n != 0 && at->chunk == 0 ? hx_stage_begin(s, txn, item) : 0;

        if (rc == 0) {
            rc = hx_chunks_put(s, txn, item, item->value_id, at->chunk, n);
        }

        if (rc != 0) {
            return rc;
        }

        at->chunk += n;
        at->chunks -= n;
        left -= n;

        if (at->chunk == count) {
            at->item++;
            at->chunk = 0;
        }
    }

    return 0;
}


/* The chunks of large values, in slices; others are served in between. */
static int
hx_stage_chunks(hx_store_t *s, hx_store_op_t *op)
{
    int             rc;
    MDB_txn        *txn;
    hx_stage_at_t   at;
    hx_store_op_t  *others;

    at.op = op;
    at.chunk = 0;
    at.chunks = 0;

    for (at.item = 0; at.item < hx_op_items(op); at.item++) {
        at.chunks += hx_stage_count(hx_op_item(op, at.item));
    }

    at.item = 0;

    /* all of it, to begin with: others may take what is left meanwhile */

    for (rc = hx_room_writes(s, op, 0); at.chunks != 0;
         rc = hx_room_make(s, hx_room_chunks(s, at.chunks < HX_STAGE_CHUNKS
                                                ? at.chunks
                                                : HX_STAGE_CHUNKS), 1))
    {
        if (rc != 0) {
            return rc;
        }

        rc = hx_store_begin(s, &txn);
        if (rc != 0) {
            return rc;
        }

        rc = hx_store_end(s, txn, hx_stage_fill(s, txn, &at));
        if (rc != 0) {
            return rc;
        }

        others = hx_queue_take(s, 0);

        if (others != NULL) {
            hx_batch_run(s, others);
        }

        hx_life_run(s, 0);
    }

    return 0;
}


/* Is the write going to be refused anyway?  Saves writing its chunks. */
static int
hx_stage_refused(hx_store_t *s, hx_store_op_t *op)
{
    int               rc;
    hx_store_view_t   view;

    if (hx_store_view(s, &view) != HX_STORE_OK) {
        return 0;
    }

    rc = hx_op_judge(s, view.txn, op);
    hx_store_view_end(&view);

    /* trouble here will be met, and reported, by the write itself */

    return rc == 0 && op->rc != HX_STORE_OK;
}


/* The records of the values whose chunks are there, and the end of staging. */
static int
hx_stage_apply(hx_store_t *s, MDB_txn *txn, hx_store_op_t *op)
{
    int             rc;
    MDB_val         k;
    unsigned        i;
    hx_store_op_t  *item;
    unsigned char   be[8];

    rc = hx_op_apply(s, txn, op);

    for (i = 0; rc == 0 && op->rc == HX_STORE_OK && i < hx_op_items(op); i++) {
        item = hx_op_item(op, i);

        if (item->value_id != 0) {
            hx_put_be64(be, item->value_id);
            k.mv_data = be;
            k.mv_size = sizeof(be);
            rc = mdb_del(txn, s->dbi[HX_DB_STAGING], &k, NULL);
        }
    }

    return rc;
}


static int
hx_stage_records(hx_store_t *s, hx_store_op_t *op)
{
    int       rc;
    MDB_txn  *txn;

    rc = hx_room_writes(s, op, 1);

    if (rc == 0) {
        rc = hx_store_begin(s, &txn);
    }

    if (rc != 0) {
        return rc;
    }

    rc = hx_stage_apply(s, txn, op);

    if (rc != 0 || op->rc != HX_STORE_OK) {
        mdb_txn_abort(txn);
        return rc;
    }

    return hx_store_end(s, txn, 0);
}


void
hx_stage_run(hx_store_t *s, hx_store_op_t *op)
{
    int  rc;

    if (hx_stage_refused(s, op)) {
        hx_op_answer(s, op);
        return;
    }

    rc = hx_staging_sweep(s);

    if (rc == 0) {
        rc = hx_stage_chunks(s, op);
    }

    if (rc == 0) {
        rc = hx_stage_records(s, op);
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
