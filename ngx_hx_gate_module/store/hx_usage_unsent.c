/*
 * hx_usage_unsent.c -- rows that Redis may not have as they are in the embedded
 * usage store: noting them, handing them out, taking them off the list; see
 * hx_usage.h.  Called in threads, each call is one transaction of its own.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hx_usage_lmdb.h"


int
hx_usage_note(hx_usage_t *u, MDB_txn *txn, const hx_str_t *key)
{
    int      rc;
    MDB_val  k, v;

    k.mv_data = (void *) key->data;
    k.mv_size = key->len;
    v.mv_data = (void *) "";
    v.mv_size = 0;

    /* already noted: its page is left as it is */

    rc = mdb_put(txn, u->env.dbi[HX_USAGE_UNSENT], &k, &v, MDB_NOOVERWRITE);

    return rc == MDB_KEYEXIST ? 0 : rc;
}


typedef struct {
    hx_usage_raw_t   *row;              /* in the file */
    size_t            n;
    size_t            max;
    size_t            bytes;
    size_t            max_bytes;
    size_t            damaged;
    unsigned          more:1;
} hx_usage_pick_t;


static void
hx_usage_skip(hx_usage_pick_t *p, const hx_str_t *key, const char *what,
    char *err)
{
    hx_str_t  id;
    unsigned  month;

    static const hx_str_t  unknown = hx_string("?");

    if (p->damaged++ != 0) {
        return;
    }

    if (hx_usage_key_parse(key, &month, &id) == HX_OK) {
        (void) hx_usage_wrong(err, month, &id, what);

    } else {
        (void) hx_usage_wrong(err, HX_MONTH_NONE, &unknown, HX_USAGE_DAMAGED);
    }
}


/* 0 = go on with the next one. */

static int
hx_usage_pick_one(hx_usage_t *u, MDB_txn *txn, hx_usage_pick_t *p,
    const MDB_val *k, int *code, char *err)
{
    size_t          bytes;
    hx_rc_t         rc;
    hx_str_t        key;
    hx_usage_raw_t  row;

    if (p->n == p->max) {
        p->more = 1;
        return 1;
    }

    key.data = k->mv_data;
    key.len = k->mv_size;
    rc = hx_usage_raw_get(u, txn, &key, &row, code);

    if (rc == HX_FAIL) {
        return 1;
    }

    *code = 0;

    if (rc == HX_NO || row.tenths > HX_USAGE_SEND_MAX) {
        hx_usage_skip(p, &key, rc == HX_NO ? HX_USAGE_DAMAGED
                                           : HX_USAGE_TOO_MUCH, err);
        return 0;
    }

    bytes = row.key.len + row.value.len;

    if (p->n != 0 && (bytes > p->max_bytes
                      || p->bytes > p->max_bytes - bytes))
    {
        p->more = 1;
        return 1;
    }

    p->row[p->n++] = row;
    p->bytes += bytes;

    return 0;
}


static int
hx_usage_pick(hx_usage_t *u, MDB_txn *txn, hx_usage_pick_t *p, char *err)
{
    int          rc, code;
    MDB_val      k, v;
    MDB_cursor  *cursor;

    rc = mdb_cursor_open(txn, u->env.dbi[HX_USAGE_UNSENT], &cursor);
    if (rc != 0) {
        return rc;
    }

    code = 0;
    rc = mdb_cursor_get(cursor, &k, &v, MDB_FIRST);

    while (rc == 0 && !hx_usage_pick_one(u, txn, p, &k, &code, err)) {
        rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
    }

    mdb_cursor_close(cursor);

    return rc == 0 || rc == MDB_NOTFOUND ? code : rc;
}


static hx_str_t
hx_usage_copy(unsigned char **to, const hx_str_t *from)
{
    hx_str_t  s;

    s.data = *to;
    s.len = from->len;
    memcpy(*to, from->data, from->len);
    *to += from->len;

    return s;
}


static hx_usage_pack_t *
hx_usage_pack(const hx_usage_pick_t *p)
{
    size_t            i;
    unsigned char    *last;
    hx_usage_pack_t  *pack;

    pack = malloc(sizeof(hx_usage_pack_t) + p->n * sizeof(hx_usage_raw_t)
                  + p->bytes);
    if (pack == NULL) {
        return NULL;
    }

    pack->n = p->n;
    pack->bytes = p->bytes;
    pack->damaged = p->damaged;
    pack->more = p->more;
    last = (unsigned char *) &pack->row[p->n];

    for (i = 0; i < p->n; i++) {
        pack->row[i].key = hx_usage_copy(&last, &p->row[i].key);
        pack->row[i].value = hx_usage_copy(&last, &p->row[i].value);
        pack->row[i].tenths = p->row[i].tenths;
    }

    return pack;
}


void
hx_usage_pack_free(hx_usage_pack_t *pack)
{
    free(pack);
}


static hx_rc_t
hx_usage_unsent_in(hx_usage_t *u, MDB_txn *txn, hx_usage_pick_t *p,
    hx_usage_pack_t **pack, char *err)
{
    int  rc;

    rc = hx_usage_pick(u, txn, p, err);
    if (rc != 0) {
        return hx_env_fail(err, "reading what is unsent", rc);
    }

    if (p->n == 0) {
        return p->damaged != 0 ? HX_FAIL : HX_NO;
    }

    *pack = hx_usage_pack(p);

    return *pack != NULL ? HX_OK : hx_env_fail(err, "malloc", ENOMEM);
}


hx_rc_t
hx_usage_unsent(hx_usage_t *u, size_t max_rows, size_t max_bytes,
    hx_usage_pack_t **pack, char *err)
{
    int               code;
    hx_rc_t           rc;
    MDB_txn          *txn;
    MDB_stat          st;
    hx_usage_pick_t   p;

    *pack = NULL;

    if (hx_env_begin(&u->env, MDB_RDONLY, &txn, err) != HX_OK) {
        return HX_FAIL;
    }

    code = mdb_stat(txn, u->env.dbi[HX_USAGE_UNSENT], &st);

    if (code != 0) {
        rc = hx_env_fail(err, "mdb_stat", code);

    } else if (st.ms_entries == 0) {
        rc = HX_NO;

    } else {
        memset(&p, 0, sizeof(hx_usage_pick_t));
        p.max = max_rows < st.ms_entries ? max_rows : st.ms_entries;
        p.max = p.max != 0 ? p.max : 1;
        p.max_bytes = max_bytes;
        p.row = calloc(p.max, sizeof(hx_usage_raw_t));

        rc = p.row != NULL ? hx_usage_unsent_in(u, txn, &p, pack, err)
                           : hx_env_fail(err, "calloc", ENOMEM);
        free(p.row);
    }

    (void) hx_env_end(&u->env, txn, HX_NO, err);

    return rc;
}


static int
hx_usage_sent_row(hx_usage_t *u, MDB_txn *txn, const hx_usage_raw_t *row)
{
    int      rc;
    MDB_val  k, v;

    k.mv_data = (void *) row->key.data;
    k.mv_size = row->key.len;
    rc = mdb_get(txn, u->env.dbi[HX_USAGE_ROWS], &k, &v);

    if (rc != 0 || v.mv_size != row->value.len
        || memcmp(v.mv_data, row->value.data, v.mv_size) != 0)
    {
        return rc == MDB_NOTFOUND ? 0 : rc;
    }

    rc = mdb_del(txn, u->env.dbi[HX_USAGE_UNSENT], &k, NULL);

    return rc == MDB_NOTFOUND ? 0 : rc;
}


hx_rc_t
hx_usage_sent(hx_usage_t *u, const hx_usage_pack_t *pack,
    const hx_epoch_t *pushed, char *err)
{
    int                code;
    size_t             i;
    hx_rc_t            rc;
    MDB_txn           *txn;
    hx_usage_place_t   place;

    if (hx_usage_begin_write(u, &txn, err) != HX_OK) {
        return HX_FAIL;
    }

    code = hx_usage_place_get(u, txn, &place);

    if (code == MDB_NOTFOUND) {
        return hx_env_end(&u->env, txn, HX_NO, err);
    }

    for (i = 0; i < pack->n && code == 0; i++) {
        code = hx_usage_sent_row(u, txn, &pack->row[i]);
    }

    if (code == 0) {
        place.pushed = *pushed;
        code = hx_usage_place_put(u, txn, &place);
    }

    rc = code == 0 ? HX_OK : hx_env_fail(err, "noting what was sent", code);

    return hx_env_end(&u->env, txn, rc, err);
}


/* Keys are copied: a transaction's own writes may move what it has read. */

static int
hx_usage_resend_in(hx_usage_t *u, MDB_txn *txn, hx_usage_at_t *at,
    hx_usage_position_t *position, size_t max_rows, int *more)
{
    int       rc;
    size_t    n;
    hx_str_t  key;

    key.data = position->key;

    for (n = 0; at->rc == 0; hx_usage_step(at)) {
        if (at->key.len > HX_USAGE_KEY) {
            continue;                   /* no key of ours */
        }

        if (n == max_rows) {
            *more = 1;
            return 0;
        }

        memcpy(position->key, at->key.data, at->key.len);
        position->len = at->key.len;
        key.len = at->key.len;
        n++;

        rc = hx_usage_note(u, txn, &key);
        if (rc != 0) {
            return rc;
        }
    }

    return at->rc == MDB_NOTFOUND ? 0 : at->rc;
}


static void
hx_usage_resend_from(hx_usage_at_t *at, unsigned from_month,
    const hx_usage_position_t *position)
{
    unsigned char  first[HX_USAGE_MONTH];

    if (position->len == 0) {
        hx_usage_key_month(first, from_month);
        hx_usage_seek(at, first, sizeof(first));
        return;
    }

    hx_usage_seek(at, position->key, position->len);

    if (at->rc == 0 && at->key.len == position->len
        && memcmp(at->key.data, position->key, position->len) == 0)
    {
        hx_usage_step(at);
    }
}


hx_rc_t
hx_usage_resend(hx_usage_t *u, unsigned from_month,
    hx_usage_position_t *position, size_t max_rows, int *more, char *err)
{
    int                   code;
    hx_rc_t               rc;
    MDB_txn              *txn;
    hx_usage_at_t         at;
    hx_usage_position_t   to;

    *more = 0;

    if ((from_month != 0 && !hx_month_valid(from_month))
        || position->len > HX_USAGE_KEY || max_rows == 0)
    {
        return hx_env_fail(err, "what to send again", EINVAL);
    }

    if (hx_usage_begin_write(u, &txn, err) != HX_OK) {
        return HX_FAIL;
    }

    to = *position;
    code = mdb_cursor_open(txn, u->env.dbi[HX_USAGE_ROWS], &at.cursor);

    if (code == 0) {
        hx_usage_resend_from(&at, from_month, &to);
        code = hx_usage_resend_in(u, txn, &at, &to, max_rows, more);
        mdb_cursor_close(at.cursor);
    }

    rc = code == 0 ? HX_OK : hx_env_fail(err, "noting what is to be sent",
                                         code);
    rc = hx_env_end(&u->env, txn, rc, err);

    if (rc == HX_OK) {
        *position = to;
    }

    return rc;
}
