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

#include "hx_terms.h"


uint32_t
hx_chunk_count(uint64_t len)
{
    return (uint32_t) ((len + HX_CHUNK_DATA - 1) / HX_CHUNK_DATA);
}


unsigned
hx_op_items(const hx_store_op_t *op)
{
    return op->kind == HX_STORE_BATCH ? op->n_items : 1;
}


hx_store_op_t *
hx_op_item(hx_store_op_t *op, unsigned i)
{
    return op->kind == HX_STORE_BATCH ? &op->items[i] : op;
}


static int
hx_op_ns(const hx_store_t *s, MDB_txn *txn, const hx_str_t *ns, int create,
    uint32_t *id)
{
    int            rc;
    MDB_val        k, v;
    MDB_stat       st;
    hx_count_t     none;
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
    rc = mdb_put(txn, s->dbi[HX_DB_NS], &k, &v, 0);

    memset(&none, 0, sizeof(none));

    return rc != 0 ? rc : hx_count_put(s, txn, *id, &none);
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


int
hx_head_put(const hx_store_t *s, MDB_txn *txn, const MDB_val *dbkey,
    uint64_t version)
{
    MDB_val        k, v;
    unsigned char  head[HX_HEAD_LEN];

    hx_head_encode(head, version, dbkey->mv_data, dbkey->mv_size);
    k = *dbkey;
    v.mv_data = head;
    v.mv_size = sizeof(head);

    return mdb_put(txn, s->dbi[HX_DB_HEADS], &k, &v, 0);
}


int
hx_tomb_put(const hx_store_t *s, MDB_txn *txn, const MDB_val *dbkey,
    uint64_t version, uint64_t clock)
{
    MDB_val        k, v;
    unsigned char  tomb[HX_TOMB_LEN];

    hx_tomb_encode(tomb, version, clock, dbkey->mv_data, dbkey->mv_size);
    k = *dbkey;
    v.mv_data = tomb;
    v.mv_size = sizeof(tomb);

    return mdb_put(txn, s->dbi[HX_DB_TOMBS], &k, &v, 0);
}


static int
hx_record_put(const hx_store_t *s, MDB_txn *txn, const hx_store_op_t *op,
    uint32_t ns)
{
    int            rc;
    MDB_val        k, v;
    hx_buf_t       b;
    hx_record_t    r;
    unsigned char  dbkey[HX_RECORD_KEY_MAX];

    r = op->record;
    r.version = op->version;
    r.stored = op->value.len;
    r.value_id = op->value_id;
    r.value = op->value;

    if (op->value.len > HX_RECORD_INLINE_MAX) {
        r.value.len = 0;

        if (r.value_id == 0) {
            rc = hx_value_id(s, txn, &r.value_id);

            if (rc == 0) {
                rc = hx_chunks_put(s, txn, op, r.value_id, 0,
                                   hx_chunk_count(op->value.len));
            }
            if (rc != 0) {
                return rc;
            }
        }
    }

    k.mv_data = dbkey;
    k.mv_size = hx_record_key(dbkey, ns, &op->key, op->version);

    hx_buf_init(&b, s->scratch, HX_RECORD_MAX);
    hx_record_encode(&b, &r, dbkey, k.mv_size);

    if (!hx_buf_ok(&b)) {
        return EINVAL;
    }

    v.mv_data = s->scratch;
    v.mv_size = hx_buf_len(&b);

    return mdb_put(txn, s->dbi[HX_DB_RECORDS], &k, &v, MDB_NOOVERWRITE);
}


/* 1, or 0 and op->rc: CONFLICT, or NO for a delete of nothing. */
static int
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

    op->rc = HX_STORE_OK;

    return 1;
}


/* Where a single write goes, and what is there. */
typedef struct {
    uint32_t       ns;                  /* 0: there is none of this name yet */
    uint64_t       live;                /* version; 0 = none */
    uint64_t       last;                /* the highest ever given */
    uint64_t       clock;               /* when it was deleted */
    MDB_val        k;                   /* of heads and tombs */
    unsigned char  mem[HX_RECORD_KEY_MAX];
} hx_place_t;


static void
hx_place_key(hx_place_t *p, const hx_store_op_t *op)
{
    p->k.mv_data = p->mem;
    p->k.mv_size = hx_record_key(p->mem, p->ns, &op->key, 0) - 9;
}


static int
hx_place_versions(const hx_store_t *s, MDB_txn *txn, hx_place_t *p)
{
    int  rc;

    rc = hx_store_head(s, txn, &p->k, &p->live);

    if (rc == 0) {
        p->last = p->live;

    } else if (rc == MDB_NOTFOUND) {
        rc = hx_store_tomb(s, txn, &p->k, &p->last, &p->clock);
    }

    return rc;
}


/* 0 and op->rc: OK, or why the write is refused; or an LMDB code. */
static int
hx_place_find(const hx_store_t *s, MDB_txn *txn, hx_store_op_t *op,
    hx_place_t *p)
{
    int  rc;

    p->ns = 0;
    p->live = 0;
    p->last = 0;
    p->clock = 0;

    rc = hx_op_ns(s, txn, &op->ns, 0, &p->ns);

    if (rc == 0) {
        hx_place_key(p, op);
        rc = hx_place_versions(s, txn, p);
    }

    if (rc == MDB_CORRUPTED) {
        op->rc = HX_STORE_CORRUPT;
        return 0;
    }

    if (rc != 0 && rc != MDB_NOTFOUND) {
        return rc;
    }

    (void) hx_op_allowed(op, p->live);

    return 0;
}


static int
hx_delete_apply(hx_store_t *s, MDB_txn *txn, hx_store_op_t *op, hx_place_t *p)
{
    int       rc;
    hx_str_t  metadata;
    uint64_t  clock;

    op->version = p->live;
    hx_terms_metadata(s, txn, p->ns, &op->key, p->live, &metadata);
    rc = hx_terms_del(s, txn, p->ns, &op->key, &metadata);
    clock = hx_clock_now(s);

    if (rc == 0) {
        rc = hx_tomb_put(s, txn, &p->k, p->live, clock);
    }

    if (rc == 0) {
        rc = mdb_del(txn, s->dbi[HX_DB_HEADS], &p->k, NULL);
    }

    if (rc == 0) {
        rc = hx_due_put(s, txn, clock, &p->k, p->live);
    }

    return rc != 0 ? rc : hx_tally_add(s, txn, p->ns, -1, 0, 0);
}


/* The key was deleted: its tomb goes, and what was to become of it. */
static int
hx_put_revive(hx_store_t *s, MDB_txn *txn, hx_place_t *p)
{
    int  rc;

    rc = mdb_del(txn, s->dbi[HX_DB_TOMBS], &p->k, NULL);

    return rc != 0 || p->clock == 0 ? rc
                                    : hx_due_del(s, txn, p->clock, &p->k);
}


static int
hx_put_apply(hx_store_t *s, MDB_txn *txn, hx_store_op_t *op, hx_place_t *p)
{
    int        rc;
    hx_str_t   metadata, *was;

    if (p->ns == 0) {
        rc = hx_op_ns(s, txn, &op->ns, 1, &p->ns);
        if (rc != 0) {
            return rc;
        }
        hx_place_key(p, op);
    }

    op->version = p->last + 1;
    was = NULL;

    if (p->live != 0) {
        hx_terms_metadata(s, txn, p->ns, &op->key, p->live, &metadata);
        was = &metadata;
    }

    rc = hx_terms_change(s, txn, p->ns, &op->key, was, &op->record.metadata);

    if (rc == 0) {
        rc = hx_record_put(s, txn, op, p->ns);
    }

    if (rc == 0) {
        rc = hx_head_put(s, txn, &p->k, op->version);
    }

    if (rc == 0 && p->live == 0 && p->last != 0) {
        rc = hx_put_revive(s, txn, p);
    }

    if (rc == 0) {
        rc = hx_tally_add(s, txn, p->ns, p->live == 0, 1, op->value.len);
    }

    return rc != 0 ? rc : hx_retire(s, txn, &p->k, op->version);
}


int
hx_op_judge(const hx_store_t *s, MDB_txn *txn, hx_store_op_t *op)
{
    int             rc;
    unsigned        i;
    hx_place_t      p;
    hx_store_op_t  *item;

    op->rc = HX_STORE_OK;

    for (i = 0; i < hx_op_items(op); i++) {
        item = hx_op_item(op, i);
        rc = hx_place_find(s, txn, item, &p);

        if (rc != 0) {
            return rc;
        }

        if (item->rc != HX_STORE_OK) {
            op->rc = item->rc;
            op->current = item->current;
            op->failed = i;
            break;
        }
    }

    return 0;
}


static int
hx_item_apply(hx_store_t *s, MDB_txn *txn, hx_store_op_t *item)
{
    int         rc;
    hx_place_t  p;

    rc = hx_place_find(s, txn, item, &p);

    if (rc != 0 || item->rc != HX_STORE_OK) {
        return rc;
    }

    return item->kind == HX_STORE_DELETE ? hx_delete_apply(s, txn, item, &p)
                                         : hx_put_apply(s, txn, item, &p);
}


int
hx_op_apply(hx_store_t *s, MDB_txn *txn, hx_store_op_t *op)
{
    int       rc;
    unsigned  i;

    if (op->kind != HX_STORE_BATCH) {
        return hx_item_apply(s, txn, op);
    }

    /* all are judged before the first one is written */

    rc = hx_op_judge(s, txn, op);

    if (rc != 0 || op->rc != HX_STORE_OK) {
        return rc;
    }

    for (i = 0; i < op->n_items; i++) {
        rc = hx_item_apply(s, txn, &op->items[i]);

        if (rc != 0) {
            return rc;
        }

        if (op->items[i].rc != HX_STORE_OK) {
            return EINVAL;              /* a key stands there twice */
        }
    }

    return 0;
}
