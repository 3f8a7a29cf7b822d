/*
 * hx_registry_raw.c -- see the header.
 */

#include <errno.h>
#include <string.h>

#include "hx_registry_lmdb.h"
#include "hx_registry_raw.h"
#include "hx_text.h"


/* One of the two that are walked through. */
typedef struct {
    hx_registry_t   *reg;
    MDB_txn         *txn;
    MDB_cursor      *cursor;
    int              rc;                /* 0 = there is a record */
    hx_str_t         key;
    hx_str_t         value;
} hx_raw_side_t;


static int
hx_raw_passed_over(unsigned db, const hx_str_t *key)
{
    return db == HX_REGISTRY_META
           && (hx_text_is(key, "version")
               || hx_text_begins(key, HX_REPLICA_PRIVATE));
}


static void
hx_raw_next(hx_raw_side_t *s, unsigned db)
{
    MDB_val  k, v;

    do {
        s->rc = mdb_cursor_get(s->cursor, &k, &v, MDB_NEXT);

        if (s->rc != 0) {
            return;
        }

        s->key.data = k.mv_data;
        s->key.len = k.mv_size;
        s->value.data = v.mv_data;
        s->value.len = v.mv_size;

    } while (hx_raw_passed_over(db, &s->key));
}


static hx_rc_t
hx_raw_begin(hx_raw_side_t *s, hx_registry_t *reg, unsigned db, char *err)
{
    int  rc;

    s->reg = reg;
    s->cursor = NULL;

    if (hx_env_begin(&reg->env, MDB_RDONLY, &s->txn, err) != HX_OK) {
        return HX_FAIL;
    }

    rc = mdb_cursor_open(s->txn, reg->env.dbi[db], &s->cursor);

    if (rc != 0) {
        return hx_env_end(&reg->env, s->txn,
                          hx_env_fail(err, "mdb_cursor_open", rc), err);
    }

    hx_raw_next(s, db);

    return HX_OK;
}


static void
hx_raw_end(hx_raw_side_t *s)
{
    char  err[HX_REGISTRY_ERR];

    mdb_cursor_close(s->cursor);
    (void) hx_env_end(&s->reg->env, s->txn, HX_NO, err);
}


/* As LMDB sorts: < 0, 0, > 0. */

static int
hx_raw_order(const hx_str_t *a, const hx_str_t *b)
{
    int     n;
    size_t  len;

    len = a->len < b->len ? a->len : b->len;
    n = memcmp(a->data, b->data, len);

    return n != 0 ? n : a->len < b->len ? -1 : a->len > b->len;
}


static hx_rc_t
hx_raw_walk(hx_raw_side_t *a, hx_raw_side_t *b, unsigned db,
    hx_raw_each_pt each, void *data, char *err)
{
    int        order, stop;
    hx_raw_t   how;

    stop = 0;

    while (!stop && (a->rc == 0 || b->rc == 0)
           && (a->rc == 0 || a->rc == MDB_NOTFOUND)
           && (b->rc == 0 || b->rc == MDB_NOTFOUND))
    {
        order = a->rc != 0 ? 1 : b->rc != 0 ? -1
                : hx_raw_order(&a->key, &b->key);

        if (order > 0) {
            stop = each(data, HX_RAW_EXTRA, &b->key, &b->value);
            hx_raw_next(b, db);
            continue;
        }

        how = order < 0 ? HX_RAW_MISSING
              : hx_text_eq(&a->value, &b->value) ? HX_RAW_SAME
              : HX_RAW_DIFFERS;

        stop = each(data, how, &a->key, &a->value);

        if (order == 0) {
            hx_raw_next(b, db);
        }

        hx_raw_next(a, db);
    }

    if (a->rc != 0 && a->rc != MDB_NOTFOUND) {
        return hx_env_fail(err, "mdb_cursor_get", a->rc);
    }

    if (b->rc != 0 && b->rc != MDB_NOTFOUND) {
        return hx_env_fail(err, "mdb_cursor_get", b->rc);
    }

    return HX_OK;
}


hx_rc_t
hx_registry_compare(hx_registry_t *a, hx_registry_t *b, unsigned db,
    hx_raw_each_pt each, void *data, char *err)
{
    hx_rc_t        rc;
    hx_raw_side_t  one, two;

    if (hx_raw_begin(&one, a, db, err) != HX_OK) {
        return HX_FAIL;
    }

    rc = hx_raw_begin(&two, b, db, err);

    if (rc == HX_OK) {
        rc = hx_raw_walk(&one, &two, db, each, data, err);
        hx_raw_end(&two);
    }

    hx_raw_end(&one);

    return rc;
}


hx_rc_t
hx_registry_value(hx_registry_t *reg, unsigned db, const hx_str_t *key,
    unsigned char *value, size_t cap, size_t *len, char *err)
{
    int       rc;
    hx_rc_t   answer;
    MDB_txn  *txn;
    MDB_val   k, v;

    if (hx_env_begin(&reg->env, MDB_RDONLY, &txn, err) != HX_OK) {
        return HX_FAIL;
    }

    k.mv_data = (void *) key->data;
    k.mv_size = key->len;

    rc = mdb_get(txn, reg->env.dbi[db], &k, &v);

    if (rc == 0 && v.mv_size > cap) {
        rc = MDB_CORRUPTED;
    }

    if (rc == 0) {
        *len = v.mv_size;
        memcpy(value, v.mv_data, v.mv_size);
        answer = HX_OK;

    } else {
        answer = rc == MDB_NOTFOUND ? HX_NO : hx_env_fail(err, "mdb_get", rc);
    }

    return hx_env_end(&reg->env, txn, answer, err);
}


uint64_t
hx_registry_state(hx_registry_t *reg)
{
    return hx_registry_version(reg);
}


static hx_rc_t
hx_raw_write(hx_registry_txn_t *txn, const hx_str_t *writeset, char *err)
{
    int                   rc;
    MDB_val               k, v;
    hx_write_t            w;
    hx_writeset_reader_t  r;

    if (hx_writeset_open(&r, writeset) != HX_OK) {
        return hx_env_fail(err, "a writeset", EINVAL);
    }

    while (hx_writeset_next(&r, &w)) {
        k.mv_data = (void *) w.key.data;
        k.mv_size = w.key.len;
        v.mv_data = (void *) w.value.data;
        v.mv_size = w.value.len;

        rc = w.op == HX_WRITESET_PUT ? hx_registry_put(txn, w.db, &k, &v, 0)
                                     : hx_registry_del(txn, w.db, &k);

        if (rc != 0 && !(rc == MDB_NOTFOUND && w.op == HX_WRITESET_DELETE)) {
            return hx_env_fail(err, "writing", rc);
        }
    }

    return HX_OK;
}


hx_rc_t
hx_registry_restore(hx_registry_t *reg, const hx_str_t *writeset, size_t n,
    uint64_t state, char *err)
{
    size_t             i;
    hx_rc_t            rc;
    hx_registry_txn_t  txn;

    if (hx_registry_probe(reg) != HX_OK) {
        return hx_env_replaced(&reg->env, err, HX_FAIL);
    }

    if (hx_registry_begin(reg, 0, NULL, &txn, err) != HX_OK) {
        return HX_FAIL;
    }

    /* nobody else writes from here on */

    rc = hx_registry_version(reg) == state ? HX_OK : HX_NO;

    for (i = 0; rc == HX_OK && i < n; i++) {
        rc = hx_raw_write(&txn, &writeset[i], err);
    }

    return hx_registry_end(&txn, rc, err);
}
