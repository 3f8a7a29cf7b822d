/*
 * hx_store_upgrade.c -- a store of format 1 becomes one of format 2.
 *
 * Format 1 had no counters of namespaces, tombs without a time, and records
 * without the norm of what they hold.  The work is done at start, before
 * anybody reads or writes, in slices: each is one transaction that also says
 * how far it came ("upgrade" in the table "meta"), so that it goes on there
 * after a crash.  The format number changes first: a program that knows only
 * the old one refuses the store from then on.
 *
 * What is damaged stays as it is, and is not counted.
 */

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "hx_norm.h"
#include "hx_store_impl.h"

#define HX_UPGRADE_ENTRIES  256u            /* in one transaction */
#define HX_UPGRADE_BYTES    (16u << 20)     /* values read for one */
#define HX_UPGRADE_GROW     1024u           /* times, 1 MiB each */
#define HX_UPGRADE_TELL_MS  1000u

typedef enum {
    HX_UP_NAMESPACES = 0,
    HX_UP_RECORDS,
    HX_UP_HEADS,
    HX_UP_TOMBS,
    HX_UP_DONE
} hx_up_stage_t;

typedef struct {
    hx_up_stage_t   stage;
    size_t          len;                    /* of the last key done; 0: none */
    unsigned char   key[HX_RECORD_KEY_MAX];
    uint64_t        bytes;                  /* read since the slice began */
    uint64_t        done;                   /* entries of the stage */
    uint64_t        told_ms;
} hx_upgrade_t;

typedef struct {
    hx_db_t        db;
    const char    *name;
    int          (*entry)(hx_store_t *s, MDB_txn *txn, hx_upgrade_t *up,
                          MDB_val *k, const MDB_val *v);
} hx_up_step_t;


static int
hx_up_namespace(hx_store_t *s, MDB_txn *txn, hx_upgrade_t *up, MDB_val *k,
    const MDB_val *v)
{
    hx_count_t  none;

    if (v->mv_size != 4) {
        return 0;
    }

    memset(&none, 0, sizeof(none));

    return hx_count_put(s, txn, hx_get_be32(v->mv_data), &none);
}


/* The norm of the array that a record of format 1 holds; 0: no array. */
static double
hx_up_norm(hx_store_t *s, MDB_txn *txn, const hx_record_t *r)
{
    uint64_t         off;
    hx_str_t         piece;
    hx_norm_t        n;
    hx_store_view_t  v;

    if (r->array.dtype == HX_DTYPE_NONE) {
        return 0;
    }

    hx_norm_init(&n, r->array.dtype);

    if (r->value_id == 0) {
        hx_norm_add(&n, r->value.data + r->data_off,
                    r->value.len - (size_t) r->data_off);
        return hx_norm_value(&n);
    }

    v.store = s;
    v.txn = txn;

    for (off = r->data_off; off < r->stored; off += piece.len) {
        if (hx_store_piece(&v, r->value_id, r->stored, off, &piece)
            != HX_STORE_OK)
        {
            n.bad = 1;
            break;
        }

        hx_norm_add(&n, piece.data, piece.len);
    }

    return hx_norm_value(&n);
}


static int
hx_up_record(hx_store_t *s, MDB_txn *txn, hx_upgrade_t *up, MDB_val *k,
    const MDB_val *v)
{
    int          rc;
    MDB_val      new;
    hx_buf_t     b;
    hx_record_t  r;

    if (hx_record_decode(&r, v->mv_data, v->mv_size, k->mv_data, k->mv_size)
        != HX_OK)
    {
        return 0;
    }

    up->bytes += v->mv_size;

    if (((const unsigned char *) v->mv_data)[4] == 1) {
        up->bytes += r.stored;
        r.norm = hx_up_norm(s, txn, &r);
        hx_buf_init(&b, s->scratch, HX_RECORD_MAX);
        hx_record_encode(&b, &r, k->mv_data, k->mv_size);

        if (!hx_buf_ok(&b)) {
            return MDB_BAD_VALSIZE;
        }

        new.mv_data = s->scratch;
        new.mv_size = hx_buf_len(&b);
        rc = mdb_put(txn, s->dbi[HX_DB_RECORDS], k, &new, 0);

        if (rc != 0) {
            return rc;
        }
    }

    return hx_tally_add(s, txn, hx_get_be32(k->mv_data), 0, 1, r.stored);
}


static int
hx_up_head(hx_store_t *s, MDB_txn *txn, hx_upgrade_t *up, MDB_val *k,
    const MDB_val *v)
{
    uint64_t  version;

    if (k->mv_size < 5
        || hx_head_decode(&version, v->mv_data, v->mv_size, k->mv_data,
                          k->mv_size) != HX_OK)
    {
        return 0;
    }

    return hx_tally_add(s, txn, hx_get_be32(k->mv_data), 1, 0, 0);
}


/* Deleted now, as far as is known. */
static int
hx_up_tomb(hx_store_t *s, MDB_txn *txn, hx_upgrade_t *up, MDB_val *k,
    const MDB_val *v)
{
    int       rc;
    uint64_t  version, clock;

    if (k->mv_size < 5 || k->mv_size > 4 + HX_KEY_MAX
        || hx_head_decode(&version, v->mv_data, v->mv_size, k->mv_data,
                          k->mv_size) != HX_OK)
    {
        return 0;
    }

    clock = hx_clock_now(s);
    rc = hx_tomb_put(s, txn, k, version, clock);

    return rc != 0 ? rc : hx_due_put(s, txn, clock, k, version);
}


static const hx_up_step_t  hx_up_step[HX_UP_DONE] = {
    { HX_DB_NS, "namespaces", hx_up_namespace },
    { HX_DB_RECORDS, "versions", hx_up_record },
    { HX_DB_HEADS, "keys", hx_up_head },
    { HX_DB_TOMBS, "deleted keys", hx_up_tomb }
};


/* The entry behind the last one that is done. */
static int
hx_up_next(const hx_store_t *s, MDB_txn *txn, const hx_upgrade_t *up,
    MDB_val *k, MDB_val *v)
{
    int          rc;
    MDB_cursor  *cur;

    rc = mdb_cursor_open(txn, s->dbi[hx_up_step[up->stage].db], &cur);
    if (rc != 0) {
        return rc;
    }

    k->mv_data = (void *) up->key;
    k->mv_size = up->len;
    rc = mdb_cursor_get(cur, k, v, up->len != 0 ? MDB_SET_RANGE : MDB_FIRST);

    if (rc == 0 && up->len != 0 && k->mv_size == up->len
        && memcmp(k->mv_data, up->key, up->len) == 0)
    {
        rc = mdb_cursor_get(cur, k, v, MDB_NEXT);
    }

    mdb_cursor_close(cur);

    return rc == 0 && (k->mv_size == 0 || k->mv_size > sizeof(up->key))
           ? MDB_CORRUPTED : rc;
}


/* 0: the slice is full, MDB_NOTFOUND: the stage is done, other. */
static int
hx_up_entries(hx_store_t *s, MDB_txn *txn, hx_upgrade_t *up)
{
    int       rc;
    MDB_val   k, v;
    unsigned  n;

    up->bytes = 0;

    for (n = 0; n < HX_UPGRADE_ENTRIES && up->bytes < HX_UPGRADE_BYTES; n++) {
        rc = hx_up_next(s, txn, up, &k, &v);
        if (rc != 0) {
            return rc;
        }

        memcpy(up->key, k.mv_data, k.mv_size);
        up->len = k.mv_size;
        k.mv_data = up->key;
        rc = hx_up_step[up->stage].entry(s, txn, up, &k, &v);

        if (rc != 0) {
            return rc;
        }

        up->done++;
    }

    return 0;
}


/* How far it came; the last step takes the entry away. */
static int
hx_up_save(const hx_store_t *s, MDB_txn *txn, const hx_upgrade_t *up)
{
    MDB_val        k, v;
    unsigned char  text[1 + HX_RECORD_KEY_MAX];

    k.mv_data = (void *) "upgrade";
    k.mv_size = 7;

    if (up->stage == HX_UP_DONE) {
        return mdb_del(txn, s->dbi[HX_DB_META], &k, NULL);
    }

    text[0] = (unsigned char) up->stage;
    memcpy(text + 1, up->key, up->len);
    v.mv_data = text;
    v.mv_size = 1 + up->len;

    return mdb_put(txn, s->dbi[HX_DB_META], &k, &v, 0);
}


static int
hx_up_slice(hx_store_t *s, hx_upgrade_t *up)
{
    int       rc;
    MDB_txn  *txn;

    rc = hx_store_begin(s, &txn);
    if (rc != 0) {
        return rc;
    }

    rc = hx_up_entries(s, txn, up);

    if (rc == MDB_NOTFOUND) {
        up->stage++;
        up->len = 0;
        up->done = 0;
        rc = 0;
    }

    if (rc == 0) {
        rc = hx_up_save(s, txn, up);
    }

    return hx_store_end(s, txn, rc);
}


static void
hx_up_tell(hx_store_t *s, hx_upgrade_t *up)
{
    char      text[80];
    uint64_t  now;

    now = hx_boot_ms();

    if (now - up->told_ms < HX_UPGRADE_TELL_MS) {
        return;
    }

    up->told_ms = now;

    if (up->stage == HX_UP_DONE) {
        hx_store_tell(s, HX_STORE_EV_UPGRADE, "done");
        return;
    }

    snprintf(text, sizeof(text), "%llu %s", (unsigned long long) up->done,
             hx_up_step[up->stage].name);
    hx_store_tell(s, HX_STORE_EV_UPGRADE, text);
}


/* Where it stopped: 0, MDB_NOTFOUND: there is nothing to be done. */
static int
hx_up_load(hx_store_t *s, hx_upgrade_t *up)
{
    int       rc;
    MDB_txn  *txn;
    MDB_val   k, v;

    memset(up, 0, sizeof(*up));
    k.mv_data = (void *) "upgrade";
    k.mv_size = 7;

    rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn);
    if (rc != 0) {
        return rc;
    }

    rc = mdb_get(txn, s->dbi[HX_DB_META], &k, &v);

    if (rc == 0 && (v.mv_size == 0 || v.mv_size > 1 + sizeof(up->key)
                    || *(const unsigned char *) v.mv_data >= HX_UP_DONE))
    {
        rc = MDB_CORRUPTED;
    }

    if (rc == 0) {
        up->stage = (hx_up_stage_t) *(const unsigned char *) v.mv_data;
        up->len = v.mv_size - 1;
        memcpy(up->key, (const unsigned char *) v.mv_data + 1, up->len);
    }

    mdb_txn_abort(txn);

    return rc;
}


int
hx_upgrade_run(hx_store_t *s)
{
    int            rc;
    unsigned       grown;
    hx_upgrade_t   up, before;

    rc = hx_up_load(s, &up);
    grown = 0;

    if (rc != 0) {
        return rc == MDB_NOTFOUND ? 0 : rc;
    }

    hx_store_tell(s, HX_STORE_EV_UPGRADE, "from format 1 to 2");
    up.told_ms = hx_boot_ms();

    while (up.stage != HX_UP_DONE) {
        before = up;
        rc = hx_up_slice(s, &up);

        if (rc == MDB_MAP_FULL && grown < HX_UPGRADE_GROW) {
            up = before;                /* nobody reads: the map may move */
            grown++;
            rc = hx_room_grow(s);
        }

        if (rc != 0) {
            return rc;
        }

        if (up.stage == HX_UP_DONE) {
            up.told_ms = 0;
        }

        hx_up_tell(s, &up);
    }

    return 0;
}
