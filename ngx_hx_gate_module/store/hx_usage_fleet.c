/*
 * hx_usage_fleet.c -- the part of the embedded usage store that a fleet needs:
 * how far this node has heard of the others, and rows that come from them; see
 * hx_usage.h.  Called in threads, each call is one transaction of its own.
 *
 * Never is a row taken off the list of unsent ones, or a cursor moved, by
 * another transaction than the one that makes it true: who is killed anywhere
 * says, or hears, the same once more.
 */

#include <string.h>

#include "hx_crypto.h"
#include "hx_le.h"
#include "hx_usage_lmdb.h"


#define HX_USAGE_PLACE_CRC   4          /* bytes */
#define HX_USAGE_PLACE_ONE   (8 + HX_EPOCH_TOKEN)
#define HX_USAGE_PLACE       (HX_USAGE_PLACE_CRC + 2 * HX_USAGE_PLACE_ONE)


hx_rc_t
hx_usage_begin_write(hx_usage_t *u, MDB_txn **txn, char *err)
{
    *txn = NULL;

    if (hx_usage_probe(u) != HX_OK) {
        return hx_env_replaced(&u->env, err, HX_FAIL);
    }

    return hx_env_begin(&u->env, 0, txn, err);
}


hx_rc_t
hx_usage_raw_get(hx_usage_t *u, MDB_txn *txn, const hx_str_t *key,
    hx_usage_raw_t *row, int *code)
{
    MDB_val  k, v;

    k.mv_data = (void *) key->data;
    k.mv_size = key->len;
    *code = mdb_get(txn, u->env.dbi[HX_USAGE_ROWS], &k, &v);

    if (*code != 0) {
        return *code == MDB_NOTFOUND ? HX_NO : HX_FAIL;
    }

    row->key = *key;
    row->value.data = v.mv_data;
    row->value.len = v.mv_size;
    row->tenths = 0;

    return hx_usage_value_intact(key, &row->value)
           && hx_usage_value_total(&row->value, &row->tenths) == HX_OK
           ? HX_OK : HX_NO;
}


static void
hx_usage_place_key(MDB_val *k)
{
    k->mv_data = (void *) "fleet";
    k->mv_size = 5;
}


int
hx_usage_forget(hx_usage_t *u, MDB_txn *txn)
{
    int      rc;
    MDB_val  k;

    hx_usage_place_key(&k);
    rc = mdb_del(txn, u->env.dbi[HX_USAGE_META], &k, NULL);

    return rc == MDB_NOTFOUND ? 0 : rc;
}


static void
hx_usage_epoch_get(const unsigned char *p, hx_epoch_t *e)
{
    e->number = hx_get_le64(p);
    memcpy(e->token, p + 8, HX_EPOCH_TOKEN);
}


static void
hx_usage_epoch_put(unsigned char *p, const hx_epoch_t *e)
{
    hx_put_le64(p, e->number);
    memcpy(p + 8, e->token, HX_EPOCH_TOKEN);
}


static int
hx_usage_place_intact(const MDB_val *v)
{
    const unsigned char  *p = v->mv_data;

    return v->mv_size == HX_USAGE_PLACE
           && hx_get_le32(p) == hx_crc32(0, p + HX_USAGE_PLACE_CRC,
                                         HX_USAGE_PLACE - HX_USAGE_PLACE_CRC);
}


int
hx_usage_place_get(hx_usage_t *u, MDB_txn *txn, hx_usage_place_t *place)
{
    int                   rc;
    MDB_val               k, v;
    const unsigned char  *p;

    hx_epoch_zero(&place->cursor);
    hx_epoch_zero(&place->pushed);

    hx_usage_place_key(&k);
    rc = mdb_get(txn, u->env.dbi[HX_USAGE_META], &k, &v);

    if (rc != 0) {
        return rc;
    }

    p = (const unsigned char *) v.mv_data + HX_USAGE_PLACE_CRC;

    if (hx_usage_place_intact(&v)) {
        hx_usage_epoch_get(p, &place->cursor);
        hx_usage_epoch_get(p + HX_USAGE_PLACE_ONE, &place->pushed);
    }

    /* where nobody is: everything is sent, and fetched, again */

    if (!hx_usage_place_intact(&v) || !hx_epoch_valid(&place->cursor)
        || !hx_epoch_valid(&place->pushed))
    {
        hx_epoch_zero(&place->cursor);
        hx_epoch_zero(&place->pushed);
        place->cursor.number = HX_EPOCH_LAST;
    }

    return 0;
}


int
hx_usage_place_put(hx_usage_t *u, MDB_txn *txn, const hx_usage_place_t *place)
{
    MDB_val          k, v;
    unsigned char    bytes[HX_USAGE_PLACE], *p;

    p = bytes + HX_USAGE_PLACE_CRC;
    hx_usage_epoch_put(p, &place->cursor);
    hx_usage_epoch_put(p + HX_USAGE_PLACE_ONE, &place->pushed);
    hx_put_le32(bytes, hx_crc32(0, p, 2 * HX_USAGE_PLACE_ONE));

    hx_usage_place_key(&k);
    v.mv_data = bytes;
    v.mv_size = sizeof(bytes);

    return mdb_put(txn, u->env.dbi[HX_USAGE_META], &k, &v, 0);
}


hx_rc_t
hx_usage_cursor(hx_usage_t *u, hx_epoch_t *cursor, hx_epoch_t *pushed,
    char *err)
{
    int                code;
    MDB_txn           *txn;
    hx_usage_place_t   place;

    if (hx_env_begin(&u->env, MDB_RDONLY, &txn, err) != HX_OK) {
        return HX_FAIL;
    }

    code = hx_usage_place_get(u, txn, &place);
    (void) hx_env_end(&u->env, txn, HX_NO, err);

    *cursor = place.cursor;
    *pushed = place.pushed;

    if (code == 0 || code == MDB_NOTFOUND) {
        return code == 0 ? HX_OK : HX_NO;
    }

    return hx_env_fail(err, "reading the cursor", code);
}


hx_rc_t
hx_usage_cursor_set(hx_usage_t *u, const hx_epoch_t *cursor, char *err)
{
    int                code;
    hx_rc_t            rc;
    MDB_txn           *txn;
    hx_usage_place_t   place;

    if (hx_usage_begin_write(u, &txn, err) != HX_OK) {
        return HX_FAIL;
    }

    place.cursor = *cursor;
    hx_epoch_zero(&place.pushed);
    code = hx_usage_place_put(u, txn, &place);
    rc = code == 0 ? HX_OK : hx_env_fail(err, "setting the cursor", code);

    return hx_env_end(&u->env, txn, rc, err);
}


/* 0 or LMDB's code; *changed = 1: it was stored. */

static int
hx_usage_merge_row(hx_usage_t *u, MDB_txn *txn, const hx_usage_raw_t *row,
    unsigned char *changed, hx_usage_merged_t *merged)
{
    int             code;
    hx_rc_t         rc;
    MDB_val         k, v;
    hx_str_t        id;
    unsigned        month;
    uint64_t        tenths;
    hx_usage_raw_t  have;

    *changed = 0;
    tenths = 0;

    if (hx_usage_key_parse(&row->key, &month, &id) != HX_OK
        || !hx_usage_value_intact(&row->key, &row->value)
        || hx_usage_value_total(&row->value, &tenths) != HX_OK
        || tenths > HX_USAGE_SEND_MAX)
    {
        merged->damaged++;
        return 0;
    }

    rc = hx_usage_raw_get(u, txn, &row->key, &have, &code);

    if (rc == HX_FAIL) {
        return code;
    }

    if (rc == HX_OK && have.tenths == tenths) {
        merged->same++;
        return 0;
    }

    if (rc == HX_OK && have.tenths > tenths) {
        merged->smaller++;
        return hx_usage_note(u, txn, &row->key);
    }

    merged->stored++;
    *changed = 1;

    k.mv_data = (void *) row->key.data;
    k.mv_size = row->key.len;
    v.mv_data = (void *) row->value.data;
    v.mv_size = row->value.len;

    return mdb_put(txn, u->env.dbi[HX_USAGE_ROWS], &k, &v, 0);
}


hx_rc_t
hx_usage_merge(hx_usage_t *u, const hx_usage_raw_t *rows, size_t n,
    const hx_epoch_t *cursor, unsigned char *changed,
    hx_usage_merged_t *merged, char *err)
{
    int                code;
    size_t             i;
    hx_rc_t            rc;
    MDB_txn           *txn;
    unsigned char      one;
    hx_usage_place_t   place;

    memset(merged, 0, sizeof(hx_usage_merged_t));

    if (hx_usage_begin_write(u, &txn, err) != HX_OK) {
        return HX_FAIL;
    }

    code = hx_usage_place_get(u, txn, &place);

    if (code == MDB_NOTFOUND) {
        return hx_env_end(&u->env, txn, HX_NO, err);
    }

    for (i = 0; i < n && code == 0; i++) {
        code = hx_usage_merge_row(u, txn, &rows[i],
                                  changed != NULL ? &changed[i] : &one,
                                  merged);
    }

    if (code == 0) {
        place.cursor = *cursor;

        if (place.pushed.number <= cursor->number) {
            hx_epoch_zero(&place.pushed);
        }

        code = hx_usage_place_put(u, txn, &place);
    }

    rc = code == 0 ? HX_OK : hx_env_fail(err, "storing the fleet's rows",
                                         code);

    return hx_env_end(&u->env, txn, rc, err);
}
