/*
 * hx_store_read.c -- views, reading and listing.
 *
 * Called by api/ from any thread.  Reads never lock against the writer; a view
 * is a pooled read transaction.  An error of LMDB is FAIL, a record that does
 * not pass its checks is CORRUPT, and only MDB_NOTFOUND is NO.
 */

#include <string.h>

#include "hx_store_impl.h"


int
hx_store_blocks(const hx_store_t *s)
{
    (void) s;

    return 0;
}


hx_store_rc_t
hx_store_check(hx_store_t *s, const char **why)
{
    MDB_stat         st;
    const char      *broken;
    hx_store_rc_t    rc;
    hx_store_view_t  v;

    broken = atomic_load(&s->broken);

    if (broken != NULL) {
        *why = broken;
        return HX_STORE_FAIL;
    }

    rc = hx_store_view(s, &v);

    if (rc == HX_STORE_OK) {
        if (mdb_stat(v.txn, s->dbi[HX_DB_HEADS], &st) != 0) {
            rc = HX_STORE_FAIL;
        }
        hx_store_view_end(&v);
    }

    *why = rc == HX_STORE_OK ? NULL : "cannot read the store";

    return rc;
}


hx_store_rc_t
hx_store_view(hx_store_t *s, hx_store_view_t *v)
{
    int       rc;
    MDB_txn  *txn;

    v->store = s;
    v->txn = NULL;
    txn = NULL;

    pthread_mutex_lock(&s->view_lock);

    rc = s->open_views < s->max_views ? 0 : MDB_READERS_FULL;

    if (rc == 0) {
        s->open_views++;

        if (s->n_views != 0) {
            txn = s->view[--s->n_views];
        }
    }

    pthread_mutex_unlock(&s->view_lock);

    if (rc != 0) {
        return HX_STORE_FAIL;
    }

    if (txn == NULL) {
        rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn);

    } else {
        rc = hx_lmdb_renew(txn, s->alone);

        if (rc != 0) {
            mdb_txn_abort(txn);
        }
    }

    if (rc != 0) {
        pthread_mutex_lock(&s->view_lock);
        s->open_views--;
        pthread_mutex_unlock(&s->view_lock);
        return HX_STORE_FAIL;
    }

    v->txn = txn;

    return HX_STORE_OK;
}


void
hx_store_view_end(hx_store_view_t *v)
{
    MDB_txn     *txn;
    hx_store_t  *s;

    s = v->store;
    txn = v->txn;
    v->txn = NULL;

    mdb_txn_reset(txn);

    /* no more are reset than were open at a time */

    pthread_mutex_lock(&s->view_lock);
    s->open_views--;
    s->view[s->n_views++] = txn;
    pthread_mutex_unlock(&s->view_lock);
}


int
hx_store_ns_id(const hx_store_t *s, MDB_txn *txn, const hx_str_t *ns,
    uint32_t *id)
{
    int      rc;
    MDB_val  k, v;

    k.mv_data = (void *) ns->data;
    k.mv_size = ns->len;

    rc = mdb_get(txn, s->dbi[HX_DB_NS], &k, &v);

    if (rc == 0) {
        if (v.mv_size != 4) {
            return MDB_CORRUPTED;
        }
        *id = hx_get_be32(v.mv_data);
    }

    return rc;
}


int
hx_store_head(const hx_store_t *s, MDB_txn *txn, const MDB_val *dbkey,
    uint64_t *version)
{
    int      rc;
    MDB_val  k, v;

    k = *dbkey;
    rc = mdb_get(txn, s->dbi[HX_DB_HEADS], &k, &v);

    if (rc == 0 && hx_head_decode(version, v.mv_data, v.mv_size,
                                  dbkey->mv_data, dbkey->mv_size) != HX_OK)
    {
        return MDB_CORRUPTED;
    }

    return rc;
}


int
hx_store_tomb(const hx_store_t *s, MDB_txn *txn, const MDB_val *dbkey,
    uint64_t *version, uint64_t *clock)
{
    int      rc;
    MDB_val  k, v;

    k = *dbkey;
    rc = mdb_get(txn, s->dbi[HX_DB_TOMBS], &k, &v);

    if (rc == 0 && hx_tomb_decode(version, clock, v.mv_data, v.mv_size,
                                  dbkey->mv_data, dbkey->mv_size) != HX_OK)
    {
        return MDB_CORRUPTED;
    }

    return rc;
}


hx_store_rc_t
hx_store_read_rc(int rc)
{
    switch (rc) {

    case 0:
        return HX_STORE_OK;

    case MDB_NOTFOUND:
        return HX_STORE_NO;

    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
        return HX_STORE_CORRUPT;

    default:
        return HX_STORE_FAIL;
    }
}


hx_store_rc_t
hx_store_get(const hx_store_view_t *view, const hx_str_t *ns,
    const hx_str_t *key, uint64_t version, hx_record_t *r)
{
    int       rc;
    uint32_t  id;

    rc = hx_store_ns_id(view->store, view->txn, ns, &id);

    return rc != 0 ? hx_store_read_rc(rc)
                   : hx_store_get_in(view, id, key, version, r);
}


hx_store_rc_t
hx_store_get_in(const hx_store_view_t *view, uint32_t id, const hx_str_t *key,
    uint64_t version, hx_record_t *r)
{
    int            rc, latest;
    MDB_val        k, v;
    unsigned char  dbkey[HX_RECORD_KEY_MAX];

    latest = version == 0;
    k.mv_size = hx_record_key(dbkey, id, key, 0) - 9;
    k.mv_data = dbkey;

    if (latest) {
        rc = hx_store_head(view->store, view->txn, &k, &version);
        if (rc != 0) {
            return hx_store_read_rc(rc);
        }
    }

    k.mv_size = hx_record_key(dbkey, id, key, version);

    rc = mdb_get(view->txn, view->store->dbi[HX_DB_RECORDS], &k, &v);

    if (rc == MDB_NOTFOUND && latest) {
        return HX_STORE_CORRUPT;        /* a head points at nothing */
    }

    if (rc == 0 && (hx_record_decode(r, v.mv_data, v.mv_size, dbkey, k.mv_size)
                    != HX_OK || r->version != version))
    {
        return HX_STORE_CORRUPT;
    }

    return hx_store_read_rc(rc);
}


void
hx_store_chunk_key(unsigned char out[HX_CHUNK_KEY_LEN], uint64_t id,
    uint32_t index)
{
    hx_put_be64(out, id);
    hx_put_be32(out + 8, index);
}


static hx_store_rc_t
hx_store_chunk(const hx_store_view_t *view, uint64_t id, uint64_t stored,
    uint32_t index, int check, hx_str_t *data)
{
    int            rc;
    size_t         want;
    MDB_val        k, v;
    uint64_t       left;
    unsigned char  ck[HX_CHUNK_KEY_LEN];

    left = stored - (uint64_t) index * HX_CHUNK_DATA;
    want = left < HX_CHUNK_DATA ? (size_t) left : HX_CHUNK_DATA;

    hx_store_chunk_key(ck, id, index);
    k.mv_data = ck;
    k.mv_size = sizeof(ck);

    rc = mdb_get(view->txn, view->store->dbi[HX_DB_CHUNKS], &k, &v);

    if (rc == 0 && hx_chunk_open(data, v.mv_data, v.mv_size, id, index, want,
                                 check) != HX_OK)
    {
        return HX_STORE_CORRUPT;
    }

    return hx_store_read_rc(rc);
}


/* A chunk of a value whose record is of the same view: it has to be there. */
static hx_store_rc_t
hx_store_part(const hx_store_view_t *view, const hx_record_t *r,
    uint32_t index, int check, hx_str_t *data)
{
    hx_store_rc_t  rc;

    rc = hx_store_chunk(view, r->value_id, r->stored, index, check, data);

    return rc == HX_STORE_NO ? HX_STORE_CORRUPT : rc;
}


hx_store_rc_t
hx_store_verify(const hx_store_view_t *v, const hx_record_t *r)
{
    hx_str_t       data;
    uint32_t       i;
    uint64_t       off;
    hx_store_rc_t  rc;

    if (r->value_id == 0) {
        return hx_record_value_ok(r) ? HX_STORE_OK : HX_STORE_CORRUPT;
    }

    for (i = 0, off = 0; off < r->stored; i++, off += HX_CHUNK_DATA) {
        rc = hx_store_part(v, r, i, 1, &data);
        if (rc != HX_STORE_OK) {
            return rc;
        }
    }

    return HX_STORE_OK;
}


hx_store_rc_t
hx_store_piece(const hx_store_view_t *v, uint64_t value_id, uint64_t stored,
    uint64_t off, hx_str_t *piece)
{
    size_t         skip;
    hx_store_rc_t  rc;

    rc = hx_store_chunk(v, value_id, stored, (uint32_t) (off / HX_CHUNK_DATA),
                        0, piece);

    if (rc == HX_STORE_OK) {
        skip = (size_t) (off % HX_CHUNK_DATA);
        piece->data += skip;
        piece->len -= skip;
    }

    return rc;
}


hx_store_rc_t
hx_store_value(const hx_store_view_t *v, const hx_record_t *r, int check,
    void *mem, hx_str_t *value)
{
    hx_str_t        data;
    uint32_t        i;
    uint64_t        off;
    hx_store_rc_t   rc;
    unsigned char  *out;

    if (r->value_id == 0) {
        *value = r->value;
        return !check || hx_record_value_ok(r) ? HX_STORE_OK
                                               : HX_STORE_CORRUPT;
    }

    if (r->stored <= HX_CHUNK_DATA) {
        return hx_store_part(v, r, 0, check, value);
    }

    out = mem;

    for (i = 0, off = 0; off < r->stored; i++, off += HX_CHUNK_DATA) {
        rc = hx_store_part(v, r, i, check, &data);
        if (rc != HX_STORE_OK) {
            return rc;
        }
        memcpy(out + off, data.data, data.len);
    }

    value->data = out;
    value->len = (size_t) r->stored;

    return HX_STORE_OK;
}


/* The first entry behind "after" or from "prefix" on, whichever is later. */
static int
hx_store_list_first(MDB_cursor *cur, uint32_t id, const hx_str_t *prefix,
    const hx_str_t *after, MDB_val *k, MDB_val *v)
{
    int              rc, cmp;
    size_t           len;
    const hx_str_t  *from;
    unsigned char    start[HX_RECORD_KEY_MAX];

    len = after->len < prefix->len ? after->len : prefix->len;
    cmp = len == 0 ? 0 : memcmp(after->data, prefix->data, len);
    from = cmp > 0 || (cmp == 0 && after->len >= prefix->len) ? after : prefix;

    hx_put_be32(start, id);

    if (from->len != 0) {
        memcpy(start + 4, from->data, from->len);
    }

    k->mv_data = start;
    k->mv_size = 4 + from->len;
    len = k->mv_size;

    rc = mdb_cursor_get(cur, k, v, MDB_SET_RANGE);

    if (rc == 0 && from == after && k->mv_size == len
        && memcmp(k->mv_data, start, len) == 0)
    {
        rc = mdb_cursor_get(cur, k, v, MDB_NEXT);
    }

    return rc;
}


/* The checksum covers the key, so that a damaged one cannot pass for the end
 * of the list. */
int
hx_store_head_entry(const MDB_val *k, const MDB_val *v, uint32_t *id,
    hx_str_t *key, uint64_t *version)
{
    if (k->mv_size < 5 || k->mv_size > 4 + HX_KEY_MAX
        || hx_head_decode(version, v->mv_data, v->mv_size, k->mv_data,
                          k->mv_size) != HX_OK)
    {
        return MDB_CORRUPTED;
    }

    *id = hx_get_be32(k->mv_data);
    key->data = (const unsigned char *) k->mv_data + 4;
    key->len = k->mv_size - 4;

    return 0;
}


hx_store_rc_t
hx_store_list(const hx_store_view_t *view, const hx_str_t *ns,
    const hx_str_t *prefix, const hx_str_t *after, hx_store_each_pt each,
    void *data)
{
    int          rc;
    MDB_val      k, v;
    uint32_t     id, found;
    hx_str_t     key;
    uint64_t     version;
    MDB_cursor  *cur;

    rc = hx_store_ns_id(view->store, view->txn, ns, &id);

    if (rc == MDB_NOTFOUND) {
        return HX_STORE_OK;
    }

    if (rc == 0) {
        rc = mdb_cursor_open(view->txn, view->store->dbi[HX_DB_HEADS], &cur);
    }

    if (rc != 0) {
        return hx_store_read_rc(rc);
    }

    rc = hx_store_list_first(cur, id, prefix, after, &k, &v);

    while (rc == 0) {
        rc = hx_store_head_entry(&k, &v, &found, &key, &version);

        if (rc != 0 || found != id || key.len < prefix->len
            || memcmp(key.data, prefix->data, prefix->len) != 0
            || !each(data, &key))
        {
            break;
        }

        rc = mdb_cursor_get(cur, &k, &v, MDB_NEXT);
    }

    mdb_cursor_close(cur);

    return rc == MDB_NOTFOUND ? HX_STORE_OK : hx_store_read_rc(rc);
}
