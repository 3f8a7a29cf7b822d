/*
 * hx_store_retire.c -- versions that go: how one is removed, and the entries
 * that say which are to be.
 *
 * A version disappears with its record, in one transaction.  The chunks of its
 * value are removed in the same one if they are few, else they get an entry in
 * the table of the doomed and go later, in slices (hx_store_purge.c); a crash
 * in between leaves the entry.  Value ids are never used twice, so a reader of
 * such a value finds it cut short, never another one.
 */

#include <string.h>

#include "hx_store_impl.h"

#define HX_RETIRE_NOW   2u              /* versions removed by one put */
#define HX_FREE_NOW     64u             /* chunks removed by one transaction:
                                         * LMDB lists the pages it frees in
                                         * one piece, 8 bytes a page */


static int
hx_doom(hx_store_t *s, MDB_txn *txn, uint64_t id, uint32_t chunks)
{
    MDB_val        k, v;
    unsigned char  be[8];

    s->life.ready = 1;
    s->life.pending += chunks;

    hx_put_be64(be, id);
    k.mv_data = be;
    k.mv_size = sizeof(be);
    v.mv_data = NULL;
    v.mv_size = 0;

    return mdb_put(txn, s->dbi[HX_DB_DOOMED], &k, &v, 0);
}


static int
hx_value_remove(hx_store_t *s, MDB_txn *txn, const hx_record_t *r)
{
    int       rc;
    unsigned  n;
    uint32_t  chunks;

    if (r->value_id == 0) {
        return 0;
    }

    chunks = hx_chunk_count(r->stored);

    if (chunks > HX_FREE_NOW || s->life.freed + chunks > HX_FREE_NOW) {
        return hx_doom(s, txn, r->value_id, chunks);
    }

    n = chunks;
    rc = hx_chunks_drop(s, txn, r->value_id, &n);
    s->life.freed += chunks - n;

    if (rc == 0) {
        /* there are more than there should be */

        return hx_doom(s, txn, r->value_id, 1);
    }

    return rc == MDB_NOTFOUND ? 0 : rc;
}


/* The record at the cursor; a damaged one stays: its chunks are not known. */
static int
hx_version_remove(hx_store_t *s, MDB_txn *txn, MDB_cursor *cur,
    const MDB_val *k, const MDB_val *v)
{
    int          rc;
    uint32_t     ns;
    hx_record_t  r;

    if (hx_record_decode(&r, v->mv_data, v->mv_size, k->mv_data, k->mv_size)
        != HX_OK)
    {
        return 0;
    }

    ns = hx_get_be32(k->mv_data);
    rc = hx_value_remove(s, txn, &r);

    if (rc == 0) {
        rc = mdb_cursor_del(cur, 0);
    }

    if (rc == 0) {
        s->life.dropped++;
        rc = hx_tally_add(s, txn, ns, 0, -1, r.stored);
    }

    return rc;
}


static int
hx_versions_walk(hx_store_t *s, MDB_txn *txn, MDB_cursor *cur,
    const MDB_val *dbkey, uint64_t upto, unsigned *n)
{
    int            rc;
    size_t         len;
    MDB_val        k, v;
    uint64_t       version;
    unsigned char  from[HX_RECORD_KEY_MAX];

    len = dbkey->mv_size + 1;
    memcpy(from, dbkey->mv_data, dbkey->mv_size);
    from[len - 1] = '\0';

    for (version = 0; /* void */ ; version++) {
        hx_put_be64(from + len, version);
        k.mv_data = from;
        k.mv_size = len + 8;
        rc = mdb_cursor_get(cur, &k, &v, MDB_SET_RANGE);

        if (rc != 0) {
            return rc;
        }

        if (k.mv_size != len + 8 || memcmp(k.mv_data, from, len) != 0) {
            return MDB_NOTFOUND;
        }

        version = hx_get_be64((const unsigned char *) k.mv_data + len);

        if (version > upto) {
            return MDB_NOTFOUND;
        }

        if (*n == 0) {
            return 0;
        }

        --*n;
        rc = hx_version_remove(s, txn, cur, &k, &v);

        if (rc != 0) {
            return rc;
        }
    }
}


int
hx_versions_remove(hx_store_t *s, MDB_txn *txn, const MDB_val *dbkey,
    uint64_t upto, unsigned *n)
{
    int          rc;
    MDB_cursor  *cur;

    rc = mdb_cursor_open(txn, s->dbi[HX_DB_RECORDS], &cur);

    if (rc == 0) {
        rc = hx_versions_walk(s, txn, cur, dbkey, upto, n);
        mdb_cursor_close(cur);
    }

    return rc;
}


static void
hx_due_key(unsigned char out[HX_DUE_KEY_MAX], uint64_t clock,
    const MDB_val *dbkey, MDB_val *k)
{
    hx_put_be64(out, clock);
    memcpy(out + 8, dbkey->mv_data, dbkey->mv_size);
    k->mv_data = out;
    k->mv_size = 8 + dbkey->mv_size;
}


int
hx_due_put(hx_store_t *s, MDB_txn *txn, uint64_t clock, const MDB_val *dbkey,
    uint64_t upto)
{
    MDB_val        k, v;
    unsigned char  due[HX_DUE_KEY_MAX], head[HX_HEAD_LEN];

    if (clock == 0) {
        s->life.ready = 1;
        s->life.pending++;

    } else if (s->life.first_due == 0 || clock < s->life.first_due) {
        s->life.first_due = clock;
    }

    hx_due_key(due, clock, dbkey, &k);
    hx_head_encode(head, upto, k.mv_data, k.mv_size);
    v.mv_data = head;
    v.mv_size = sizeof(head);

    return mdb_put(txn, s->dbi[HX_DB_DUE], &k, &v, 0);
}


int
hx_due_del(const hx_store_t *s, MDB_txn *txn, uint64_t clock,
    const MDB_val *dbkey)
{
    int            rc;
    MDB_val        k;
    unsigned char  due[HX_DUE_KEY_MAX];

    hx_due_key(due, clock, dbkey, &k);
    rc = mdb_del(txn, s->dbi[HX_DB_DUE], &k, NULL);

    return rc == MDB_NOTFOUND ? 0 : rc;
}


int
hx_retire(hx_store_t *s, MDB_txn *txn, const MDB_val *dbkey, uint64_t version)
{
    int       rc;
    unsigned  n;

    if (s->life.keep == 0 || version <= s->life.keep) {
        return 0;
    }

    n = HX_RETIRE_NOW;
    rc = hx_versions_remove(s, txn, dbkey, version - s->life.keep, &n);

    if (rc == 0) {
        /* more than were added: fewer are kept than used to be */

        return hx_due_put(s, txn, 0, dbkey, version - s->life.keep);
    }

    return rc == MDB_NOTFOUND ? 0 : rc;
}
