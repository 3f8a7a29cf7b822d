/*
 * hx_store_apply.c -- one write inside a transaction of LMDB.
 *
 * Called by the writer thread only (hx_store_writer.c, hx_store_stage.c).  The
 * version check happens here, in the transaction that writes.  A result code
 * other than 0 means that the transaction is spoiled and must be dropped; what
 * the client is told about a refused write stands in the op.
 */

#include <errno.h>
#include <string.h>

#include "hx_store_impl.h"


uint32_t
hx_chunk_count(size_t len)
{
    return (uint32_t) ((len + HX_CHUNK_DATA - 1) / HX_CHUNK_DATA);
}


/* The live version and the highest ever given; both 0 when there is none. */
int
hx_op_versions(const hx_store_t *s, MDB_txn *txn, const MDB_val *dbkey,
    uint64_t *live, uint64_t *last)
{
    int  rc;

    *live = 0;
    *last = 0;

    rc = hx_store_head(s, txn, HX_DB_HEADS, dbkey, live);

    if (rc == 0) {
        *last = *live;
        return 0;
    }

    if (rc == MDB_NOTFOUND) {
        rc = hx_store_head(s, txn, HX_DB_TOMBS, dbkey, last);
    }

    return rc == MDB_NOTFOUND ? 0 : rc;
}


static int
hx_op_ns(const hx_store_t *s, MDB_txn *txn, const hx_str_t *ns, int create,
    uint32_t *id)
{
    int            rc;
    MDB_val        k, v;
    MDB_stat       st;
    unsigned char  be[4];

    rc = hx_store_ns_id(s, txn, ns, id);

    if (rc != MDB_NOTFOUND || !create) {
        return rc;
    }

    /* names are never removed, so their number is the last id */

    rc = mdb_stat(txn, s->dbi[HX_DB_NS], &st);
    if (rc != 0) {
        return rc;
    }

    if (st.ms_entries >= UINT32_MAX) {
        return MDB_MAP_FULL;
    }

    *id = (uint32_t) st.ms_entries + 1;
    hx_put_be32(be, *id);
    k.mv_data = (void *) ns->data;
    k.mv_size = ns->len;
    v.mv_data = be;
    v.mv_size = sizeof(be);

    return mdb_put(txn, s->dbi[HX_DB_NS], &k, &v, 0);
}


int
hx_value_id(const hx_store_t *s, MDB_txn *txn, uint64_t *id)
{
    int            rc;
    MDB_val        k, v;
    unsigned char  be[8];

    k.mv_data = (void *) "value_id";
    k.mv_size = 8;
    *id = 0;

    rc = mdb_get(txn, s->dbi[HX_DB_META], &k, &v);

    if (rc == 0) {
        if (v.mv_size != 8) {
            return MDB_CORRUPTED;
        }
        *id = hx_get_be64(v.mv_data);

    } else if (rc != MDB_NOTFOUND) {
        return rc;
    }

    hx_put_be64(be, ++*id);
    v.mv_data = be;
    v.mv_size = sizeof(be);

    return mdb_put(txn, s->dbi[HX_DB_META], &k, &v, 0);
}


/* Chunks first .. first + n - 1 of the op's value, as far as there are. */
int
hx_chunks_put(const hx_store_t *s, MDB_txn *txn, const hx_store_op_t *op,
    uint64_t id, uint32_t first, uint32_t n)
{
    int             rc;
    size_t          off, len;
    MDB_val         k, v;
    uint32_t        i;
    unsigned char  *p, ck[HX_CHUNK_KEY_LEN];

    for (i = first; i < first + n; i++) {
        off = (size_t) i * HX_CHUNK_DATA;

        if (off >= op->value.len) {
            break;
        }

        len = op->value.len - off;
        if (len > HX_CHUNK_DATA) {
            len = HX_CHUNK_DATA;
        }

        hx_store_chunk_key(ck, id, i);
        k.mv_data = ck;
        k.mv_size = sizeof(ck);
        v.mv_data = NULL;
        v.mv_size = HX_CHUNK_HEADER + len;

        rc = mdb_put(txn, s->dbi[HX_DB_CHUNKS], &k, &v,
                     MDB_RESERVE | MDB_NOOVERWRITE);
        if (rc != 0) {
            return rc;
        }

        p = v.mv_data;
        hx_chunk_header(p, id, i, (uint32_t) len, op->chunk_crc[i]);
        memcpy(p + HX_CHUNK_HEADER, op->value.data + off, len);
    }

    return 0;
}


static int
hx_head_put(const hx_store_t *s, MDB_txn *txn, hx_db_t db, const MDB_val *dbkey,
    uint64_t version)
{
    MDB_val        k, v;
    unsigned char  head[HX_HEAD_LEN];

    hx_head_encode(head, version, dbkey->mv_data, dbkey->mv_size);
    k = *dbkey;
    v.mv_data = head;
    v.mv_size = sizeof(head);

    return mdb_put(txn, s->dbi[db], &k, &v, 0);
}


static int
hx_record_put(const hx_store_t *s, MDB_txn *txn, const hx_store_op_t *op,
    uint32_t ns, uint64_t version, uint64_t value_id)
{
    int            rc;
    MDB_val        k, v;
    hx_buf_t       b;
    hx_record_t    r;
    unsigned char  dbkey[HX_RECORD_KEY_MAX];

    r = op->record;
    r.version = version;
    r.stored = op->value.len;
    r.value_id = value_id;
    r.value.data = op->value.data;
    r.value.len = value_id == 0 ? op->value.len : 0;

    if (op->value.len > HX_RECORD_INLINE_MAX && value_id == 0) {
        rc = hx_value_id(s, txn, &r.value_id);

        if (rc == 0) {
            rc = hx_chunks_put(s, txn, op, r.value_id, 0,
                               hx_chunk_count(op->value.len));
        }
        if (rc != 0) {
            return rc;
        }
        r.value.len = 0;
    }

    k.mv_data = dbkey;
    k.mv_size = hx_record_key(dbkey, ns, &op->key, version);

    hx_buf_init(&b, s->scratch, HX_RECORD_MAX);
    hx_record_encode(&b, &r, dbkey, k.mv_size);

    if (!hx_buf_ok(&b)) {
        return EINVAL;
    }

    v.mv_data = s->scratch;
    v.mv_size = hx_buf_len(&b);

    return mdb_put(txn, s->dbi[HX_DB_RECORDS], &k, &v, MDB_NOOVERWRITE);
}


int
hx_op_allowed(hx_store_op_t *op, uint64_t live)
{
    op->current = live;

    if ((op->check == HX_STORE_VERSION && op->expected != live)
        || (op->check == HX_STORE_EXISTS && live == 0))
    {
        op->rc = HX_STORE_CONFLICT;
        return 0;
    }

    if (op->kind == HX_STORE_DELETE && live == 0) {
        op->rc = HX_STORE_NO;
        return 0;
    }

    return 1;
}


/*
 * One write inside a transaction; value_id: of its staged chunks, or 0.  0 =
 * op->rc is its answer if the commit succeeds; else the transaction is lost.
 */
int
hx_op_apply(const hx_store_t *s, MDB_txn *txn, hx_store_op_t *op,
    uint64_t value_id)
{
    int            rc;
    MDB_val        k;
    uint32_t       ns;
    uint64_t       live, last;
    unsigned char  dbkey[HX_RECORD_KEY_MAX];

    op->rc = HX_STORE_OK;
    live = 0;
    last = 0;
    ns = 0;
    k.mv_data = dbkey;
    k.mv_size = 0;

    rc = hx_op_ns(s, txn, &op->ns, 0, &ns);

    if (rc == 0) {
        k.mv_size = hx_record_key(dbkey, ns, &op->key, 0) - 9;
        rc = hx_op_versions(s, txn, &k, &live, &last);
    }

    if (rc == MDB_CORRUPTED) {
        op->rc = HX_STORE_CORRUPT;
        return 0;
    }

    if (rc != 0 && rc != MDB_NOTFOUND) {
        return rc;
    }

    if (!hx_op_allowed(op, live)) {
        return 0;
    }

    if (op->kind == HX_STORE_DELETE) {
        op->version = live;
        rc = hx_head_put(s, txn, HX_DB_TOMBS, &k, live);

        return rc != 0 ? rc : mdb_del(txn, s->dbi[HX_DB_HEADS], &k, NULL);
    }

    if (rc == MDB_NOTFOUND) {
        rc = hx_op_ns(s, txn, &op->ns, 1, &ns);
        if (rc != 0) {
            return rc;
        }
        k.mv_size = hx_record_key(dbkey, ns, &op->key, 0) - 9;
    }

    op->version = last + 1;

    rc = hx_record_put(s, txn, op, ns, op->version, value_id);

    if (rc == 0) {
        rc = hx_head_put(s, txn, HX_DB_HEADS, &k, op->version);
    }

    if (rc == 0 && live == 0 && last != 0) {
        rc = mdb_del(txn, s->dbi[HX_DB_TOMBS], &k, NULL);
    }

    return rc;
}
