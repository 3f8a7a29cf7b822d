/*
 * hx_store_room.c -- how many pages are left, and who may have them.
 *
 * LMDB never overwrites: removing something needs free pages first.  A map
 * that writes could fill to the last page could therefore never be emptied
 * again.  So the environment is HX_ROOM_EXTRA pages larger than configured;
 * writes that add are refused while they would leave fewer than HX_ROOM_KEEP
 * pages, deletes may have half of those, the sweep of staged chunks all.
 *
 * Called by the writer thread, before it begins a transaction.
 */

#include <string.h>

#include "hx_store_impl.h"

#define HX_ROOM_KEEP     128u
#define HX_ROOM_DELETE   (HX_ROOM_KEEP / 2)
#define HX_ROOM_OP       24u        /* pages changed by one write, and splits */


static uint64_t
hx_room_value(const hx_store_t *s, uint64_t len)
{
    return (len + s->page - 1) / s->page + 1;
}


uint64_t
hx_room_chunks(const hx_store_t *s, uint64_t n)
{
    return n * (hx_room_value(s, HX_CHUNK_HEADER + HX_CHUNK_DATA) + 1);
}


static uint64_t
hx_room_item(const hx_store_t *s, const hx_store_op_t *op, int staged)
{
    uint64_t  need, chunks;

    need = HX_ROOM_OP;

    if (op->kind == HX_STORE_DELETE) {
        return need;
    }

    need += hx_room_value(s, op->record.metadata.len + HX_RECORD_INLINE_MAX);

    if (op->value.len > HX_RECORD_INLINE_MAX && !staged) {
        chunks = hx_chunk_count(op->value.len);
        need += hx_room_value(s, op->value.len + chunks * HX_CHUNK_HEADER)
                + 2 * chunks;
    }

    return need;
}


uint64_t
hx_room_need(const hx_store_t *s, hx_store_op_t *op, int staged)
{
    unsigned  i;
    uint64_t  need;

    need = 0;

    for (i = 0; i < hx_op_items(op); i++) {
        need += hx_room_item(s, hx_op_item(op, i), staged);
    }

    return need;
}


/*
 * Pages in the free list that the next transaction may reuse: those that were
 * freed before the last one.  A reader may hold some of them back for a
 * moment; then LMDB itself says that the map is full.
 */
static int
hx_room_freed(MDB_txn *txn, uint64_t enough, uint64_t *pages)
{
    int          rc;
    size_t       id, n;
    MDB_val      k, v;
    MDB_cursor  *cur;

    *pages = 0;

    rc = mdb_cursor_open(txn, 0, &cur);
    if (rc != 0) {
        return rc;
    }

    while (*pages < enough
           && (rc = mdb_cursor_get(cur, &k, &v, MDB_NEXT)) == 0)
    {
        if (k.mv_size != sizeof(id) || v.mv_size < sizeof(n)) {
            rc = MDB_CORRUPTED;
            break;
        }

        memcpy(&id, k.mv_data, sizeof(id));
        memcpy(&n, v.mv_data, sizeof(n));

        if (id >= mdb_txn_id(txn)) {
            break;
        }

        *pages += n;
    }

    mdb_cursor_close(cur);

    return rc == MDB_NOTFOUND ? 0 : rc;
}


int
hx_room_check(hx_store_t *s, uint64_t need, int adds)
{
    int              rc;
    uint64_t         used, tail, freed;
    MDB_envinfo      info;
    hx_store_view_t  v;

    rc = mdb_env_info(s->env, &info);
    if (rc != 0) {
        return rc;
    }

    need += adds ? HX_ROOM_KEEP : HX_ROOM_DELETE;
    used = (uint64_t) info.me_last_pgno + 1;
    tail = used < s->pages ? s->pages - used : 0;

    if (tail >= need) {
        return 0;
    }

    if (hx_store_view(s, &v) != HX_STORE_OK) {
        return MDB_READERS_FULL;
    }

    rc = hx_room_freed(v.txn, need - tail, &freed);
    hx_store_view_end(&v);

    return rc != 0 ? rc : tail + freed < need ? MDB_MAP_FULL : 0;
}


int
hx_room_make(hx_store_t *s, uint64_t need, int adds)
{
    int  rc;

    for ( ;; ) {
        rc = hx_room_check(s, need, adds);

        if (rc != MDB_MAP_FULL || need >= s->pages) {
            return rc;
        }

        /* the pages of a transaction can be used again by the next but one */

        if (s->life.fresh ? hx_store_touch(s) != 0 : !hx_life_reclaim(s)) {
            return rc;
        }
    }
}


int
hx_room_grow(const hx_store_t *s)
{
    int          rc;
    MDB_envinfo  info;

    rc = mdb_env_info(s->env, &info);

    if (rc == 0) {
        rc = mdb_env_set_mapsize(s->env, info.me_mapsize
                                         + HX_ROOM_EXTRA * s->page);
    }

    return rc;
}
