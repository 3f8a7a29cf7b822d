/*
 * hx_store_room.c -- how many pages are left, and who may have them.
 *
 * LMDB never overwrites: removing something needs free pages first.  A map
 * that writes could fill to the last page could therefore never be emptied
 * again.  So the environment is HX_ROOM_EXTRA pages larger than configured;
 * writes that add are refused while they would leave fewer than HX_ROOM_KEEP
 * pages, deletes while they would leave HX_ROOM_DELETE, the sweep of staged
 * chunks may have all.
 *
 * Called by the writer thread, before it begins a transaction.
 */

#include <string.h>

#include "hx_terms.h"

#define HX_ROOM_KEEP     1024u      /* more than the largest delete needs */
#define HX_ROOM_DELETE   64u
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
hx_room_terms(uint64_t n)
{
    /* of each a leaf, its share of the branches, and half of its neighbour */

    return 3 * n;
}


/* Terms of the record that a write replaces or removes. */
static unsigned
hx_room_old_terms(const hx_store_t *s, MDB_txn *txn, const hx_store_op_t *op)
{
    MDB_val        k;
    uint32_t       ns;
    uint64_t       version;
    hx_str_t       metadata;
    unsigned char  dbkey[HX_RECORD_KEY_MAX];

    if (hx_store_ns_id(s, txn, &op->ns, &ns) != 0) {
        return 0;
    }

    k.mv_data = dbkey;
    k.mv_size = hx_record_key(dbkey, ns, &op->key, 0) - 9;

    if (hx_store_head(s, txn, &k, &version) != 0) {
        return 0;
    }

    hx_terms_metadata(s, txn, ns, &op->key, version, &metadata);

    return hx_terms_count(s, &metadata);
}


/*
 * Pages that the terms of these writes need: at most (txn is NULL, nothing is
 * looked up), or by what is there.
 */
static uint64_t
hx_room_index(const hx_store_t *s, MDB_txn *txn, hx_store_op_t *list)
{
    unsigned         i;
    uint64_t         n, need, most;
    MDB_stat         st;
    hx_store_op_t   *op;
    const hx_str_t  *metadata;

    n = 0;

    for (op = list; op != NULL; op = op->next) {
        for (i = 0; i < hx_op_items(op); i++) {
            metadata = &hx_op_item(op, i)->record.metadata;

            if (op->kind != HX_STORE_DELETE) {
                n += txn == NULL ? hx_terms_bound(metadata->len)
                                 : hx_terms_count(s, metadata);
            }

            n += txn == NULL ? HX_TERMS_MAX
                             : hx_room_old_terms(s, txn, hx_op_item(op, i));
        }
    }

    need = hx_room_terms(n);

    if (txn != NULL && mdb_stat(txn, s->dbi[HX_DB_TERMS], &st) == 0) {

        /* no more can be copied than there are; a new one takes several */

        most = 2 * (st.ms_branch_pages + st.ms_leaf_pages) + n / 4 + 4;
        need = need < most ? need : most;
    }

    return need;
}


/*
 * A reader may hold some of these pages back for a moment; then LMDB itself
 * says that the map is full.
 */
int
hx_room_freed(MDB_txn *txn, uint64_t enough, uint64_t *pages)
{
    int          rc;
    size_t       id, n, last;
    MDB_val      k, v;
    MDB_cursor  *cur;

    *pages = 0;
    last = 0;

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

        if (id <= last) {
            rc = MDB_CORRUPTED;         /* they ascend */
            break;
        }

        if (id >= mdb_txn_id(txn)) {
            break;
        }

        last = id;
        *pages += n;
    }

    mdb_cursor_close(cur);

    return rc == MDB_NOTFOUND ? 0 : rc;
}


/* Pages that were never used. */
static int
hx_room_tail(const hx_store_t *s, uint64_t *tail)
{
    int          rc;
    uint64_t     used;
    MDB_envinfo  info;

    rc = mdb_env_info(s->env, &info);

    if (rc == 0) {
        used = (uint64_t) info.me_last_pgno + 1;
        *tail = used < s->pages ? s->pages - used : 0;
    }

    return rc;
}


int
hx_room_check(hx_store_t *s, uint64_t need, int adds)
{
    int              rc;
    uint64_t         tail, freed;
    hx_store_view_t  v;

    need += adds ? HX_ROOM_KEEP : HX_ROOM_DELETE;
    rc = hx_room_tail(s, &tail);

    if (rc != 0 || tail >= need) {
        return rc;
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
hx_room_writes(hx_store_t *s, hx_store_op_t *list, int staged)
{
    int              rc, adds;
    uint64_t         need, tail;
    unsigned         i;
    hx_store_op_t   *op;
    hx_store_view_t  v;

    adds = 0;
    need = 0;

    for (op = list; op != NULL; op = op->next) {
        for (i = 0; i < hx_op_items(op); i++) {
            need += hx_room_item(s, hx_op_item(op, i), staged);
        }
        adds |= op->kind != HX_STORE_DELETE;
    }

    /* mostly there is room for anything, and nothing has to be looked up */

    rc = hx_room_tail(s, &tail);

    if (rc != 0 || tail >= need + hx_room_index(s, NULL, list) + HX_ROOM_KEEP)
    {
        return rc;
    }

    if (hx_store_view(s, &v) != HX_STORE_OK) {
        return MDB_READERS_FULL;
    }

    need += hx_room_index(s, v.txn, list);
    hx_store_view_end(&v);
    rc = hx_room_make(s, need, adds);

    if (rc == MDB_MAP_FULL && !adds && hx_store_touch(s) == 0) {

        /* what the last delete freed can be used after one more commit */

        rc = hx_room_check(s, need, adds);
    }

    return rc;
}


int
hx_room_grow(const hx_store_t *s)
{
    int          rc;
    MDB_envinfo  info;

    rc = mdb_env_info(s->env, &info);

    if (rc == 0) {
        rc = mdb_env_set_mapsize(s->env, info.me_mapsize
                                         + HX_ROOM_GROW * s->page);
    }

    return rc;
}


int
hx_room_reserve(hx_store_t *s)
{
    int              rc;
    uint64_t         used, freed;
    MDB_envinfo      info;
    hx_store_view_t  v;

    rc = mdb_env_info(s->env, &info);
    if (rc != 0) {
        return rc;
    }

    used = (uint64_t) info.me_last_pgno + 1;

    if (s->pages >= used + HX_ROOM_KEEP) {
        return 0;
    }

    if (hx_store_view(s, &v) != HX_STORE_OK) {
        return MDB_READERS_FULL;
    }

    rc = hx_room_freed(v.txn, HX_ROOM_KEEP, &freed);
    hx_store_view_end(&v);

    if (rc != 0 || s->pages + freed >= used + HX_ROOM_KEEP) {
        return rc;
    }

    rc = mdb_env_set_mapsize(s->env, (used + HX_ROOM_KEEP) * s->page);

    if (rc == 0) {
        s->pages = used + HX_ROOM_KEEP;
    }

    return rc;
}
