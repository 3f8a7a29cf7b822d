/*
 * hx_store_keys.c -- all live keys of a namespace, for those who can go on when
 * one of them is damaged.
 */

#include "hx_store_impl.h"


static hx_store_rc_t
hx_keys_rc(int rc)
{
    return rc == MDB_NOTFOUND ? HX_STORE_OK
           : rc == MDB_CORRUPTED || rc == MDB_PAGE_NOTFOUND ? HX_STORE_CORRUPT
                                                            : HX_STORE_FAIL;
}


/* The first entry behind "after". */
static int
hx_keys_first(MDB_cursor *cur, uint32_t id, const hx_str_t *after,
    MDB_val *k, MDB_val *v)
{
    int            rc;
    size_t         len;
    unsigned char  start[HX_RECORD_KEY_MAX];

    len = 4 + after->len;
    hx_put_be32(start, id);

    if (after->len != 0) {
        memcpy(start + 4, after->data, after->len);
    }

    k->mv_data = start;
    k->mv_size = len;
    rc = mdb_cursor_get(cur, k, v, MDB_SET_RANGE);

    if (rc == 0 && after->len != 0 && k->mv_size == len
        && memcmp(k->mv_data, start, len) == 0)
    {
        rc = mdb_cursor_get(cur, k, v, MDB_NEXT);
    }

    return rc;
}


/* The key of one entry, or what can be said of it. */
static hx_store_rc_t
hx_keys_entry(const MDB_val *k, const MDB_val *v, uint32_t *id, hx_str_t *key)
{
    uint64_t  version;

    key->data = k->mv_data;
    key->len = 0;

    if (k->mv_size < 5 || k->mv_size > 4 + HX_KEY_MAX) {
        return HX_STORE_CORRUPT;
    }

    *id = hx_get_be32(k->mv_data);
    key->data += 4;
    key->len = k->mv_size - 4;

    return hx_head_decode(&version, v->mv_data, v->mv_size, k->mv_data,
                          k->mv_size) == HX_OK ? HX_STORE_OK
                                               : HX_STORE_CORRUPT;
}


hx_store_rc_t
hx_store_keys(const hx_store_view_t *view, const hx_str_t *ns,
    const hx_str_t *after, hx_store_key_pt each, void *data)
{
    int             rc;
    MDB_val         k, v;
    uint32_t        id, found;
    hx_str_t        key;
    MDB_cursor     *cur;
    hx_store_rc_t   entry;

    rc = hx_store_ns_id(view->store, view->txn, ns, &id);

    if (rc == 0) {
        rc = mdb_cursor_open(view->txn, view->store->dbi[HX_DB_HEADS], &cur);
    }

    if (rc != 0) {
        return hx_keys_rc(rc);
    }

    for (rc = hx_keys_first(cur, id, after, &k, &v); rc == 0;
         rc = mdb_cursor_get(cur, &k, &v, MDB_NEXT))
    {
        entry = hx_keys_entry(&k, &v, &found, &key);

        if ((entry == HX_STORE_OK && found != id)
            || !each(data, &key, entry))
        {
            break;
        }
    }

    mdb_cursor_close(cur);

    return hx_keys_rc(rc == 0 ? MDB_NOTFOUND : rc);
}
