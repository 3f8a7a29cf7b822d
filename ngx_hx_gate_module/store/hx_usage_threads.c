/*
 * hx_usage_threads.c -- the half of the embedded usage store that blocks: a
 * flush, and what is looked up for a bill; see hx_usage.h.  Called in threads,
 * each call is one transaction of its own.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hx_check.h"
#include "hx_usage_lmdb.h"


static int
hx_usage_put_row(hx_usage_t *u, MDB_txn *txn, const hx_usage_row_t *row)
{
    int             rc;
    MDB_val         k, v;
    hx_str_t        key;
    unsigned char   bytes[HX_USAGE_KEY_MAX];

    key.data = bytes;
    key.len = hx_usage_key_prefix(bytes, row->month, &row->id);
    memcpy(bytes + key.len, row->source, HX_USAGE_SOURCE);
    key.len += HX_USAGE_SOURCE;

    k.mv_data = bytes;
    k.mv_size = key.len;
    v.mv_size = hx_usage_value_size(row);

    rc = mdb_put(txn, u->env.dbi[HX_USAGE_ROWS], &k, &v, MDB_RESERVE);

    if (rc == 0) {
        hx_usage_value_write(v.mv_data, &key, row);

        if (u->fleet) {
            rc = hx_usage_note(u, txn, &key);
        }
    }

    return rc;
}


hx_rc_t
hx_usage_put(hx_usage_t *u, const hx_usage_row_t *rows, size_t n, char *err)
{
    int       code;
    size_t    i;
    hx_rc_t   rc;
    MDB_txn  *txn;

    if (hx_usage_probe(u) != HX_OK) {
        return hx_env_replaced(&u->env, err, HX_FAIL);
    }

    for (i = 0; i < n; i++) {
        if (!hx_usage_row_valid(&rows[i])) {
            (void) snprintf(err, HX_USAGE_ERR, "row %zu of %zu is not valid",
                            i + 1, n);
            return HX_FAIL;
        }
    }

    if (hx_env_begin(&u->env, 0, &txn, err) != HX_OK) {
        return HX_FAIL;
    }

    code = u->fleet ? 0 : hx_usage_forget(u, txn);

    for (i = 0; i < n && code == 0; i++) {
        code = hx_usage_put_row(u, txn, &rows[i]);
    }

    rc = code == 0 ? HX_OK : hx_env_fail(err, "mdb_put", code);

    return hx_env_end(&u->env, txn, rc, err);
}


static void
hx_usage_sum_clear(hx_usage_sum_t *sum)
{
    sum->tenths = 0;
    sum->n = 0;
    sum->text_len = 0;
}


/*
 * Sums up the rows from where the cursor stands to the last one of a tenant,
 * and stays on the next.  OK, or FAIL with a text.
 */

static hx_rc_t
hx_usage_sum_up(hx_usage_at_t *at, const hx_usage_of_t *of,
    hx_usage_sum_t *sum, char *err)
{
    hx_rc_t  rc;

    hx_usage_sum_clear(sum);

    while ((rc = hx_usage_source(at, of, err)) == HX_OK) {

        if (hx_usage_value_add(&at->value, sum) != HX_OK) {
            return hx_usage_wrong(err, of->month, of->id, HX_USAGE_TOO_MUCH);
        }

        hx_usage_step(at);
    }

    return rc == HX_NO ? HX_OK : rc;
}


/* A read transaction with a cursor, for one call. */

static hx_rc_t
hx_usage_begin_read(hx_usage_t *u, MDB_txn **txn, hx_usage_at_t *at,
    char *err)
{
    int  rc;

    if (hx_env_begin(&u->env, MDB_RDONLY, txn, err) != HX_OK) {
        return HX_FAIL;
    }

    rc = mdb_cursor_open(*txn, u->env.dbi[HX_USAGE_ROWS], &at->cursor);
    if (rc != 0) {
        return hx_env_end(&u->env, *txn,
                          hx_env_fail(err, "mdb_cursor_open", rc), err);
    }

    return HX_OK;
}


static void
hx_usage_end_read(hx_usage_t *u, MDB_txn *txn, hx_usage_at_t *at, char *err)
{
    mdb_cursor_close(at->cursor);
    (void) hx_env_end(&u->env, txn, HX_NO, err);
}


hx_rc_t
hx_usage_get(hx_usage_t *u, unsigned month, const hx_str_t *id,
    const unsigned char *exclude, hx_usage_sum_t *sum, char *err)
{
    hx_rc_t         rc;
    MDB_txn        *txn;
    hx_usage_at_t   at;
    hx_usage_of_t   of;

    hx_usage_sum_clear(sum);

    if (!hx_month_valid(month) || !hx_check_tenant(id->data, id->len)) {
        return hx_env_fail(err, "month or tenant", EINVAL);
    }

    if (hx_usage_begin_read(u, &txn, &at, err) != HX_OK) {
        return HX_FAIL;
    }

    hx_usage_of(&of, month, id, exclude, exclude != NULL ? 1 : 0);
    hx_usage_seek(&at, of.prefix, of.len);
    rc = hx_usage_sum_up(&at, &of, sum, err);
    hx_usage_end_read(u, txn, &at, err);

    return rc == HX_OK && sum->n == 0 ? HX_NO : rc;
}


static hx_rc_t
hx_usage_walk(hx_usage_at_t *at, unsigned month, const hx_str_t *after,
    int (*each)(void *data, const hx_str_t *id, const hx_usage_sum_t *sum),
    void *data, hx_usage_sum_t *sum, char *err)
{
    size_t          len;
    hx_str_t        id;
    hx_usage_of_t   of;
    unsigned char   first[HX_USAGE_PREFIX];

    static const hx_str_t  unknown = hx_string("?");

    hx_usage_key_month(first, month);
    len = HX_USAGE_MONTH;

    if (after->len != 0) {
        len = hx_usage_key_prefix(first, month, after);
        first[len - 1]++;       /* behind 0x00: past all of its sources */
    }

    hx_usage_seek(at, first, len);

    while (hx_usage_under(at, first, HX_USAGE_MONTH)) {
        if (hx_usage_key_id(&at->key, &id) != HX_OK) {
            return hx_usage_wrong(err, month, &unknown, HX_USAGE_DAMAGED);
        }

        hx_usage_of(&of, month, &id, NULL, 0);

        if (hx_usage_sum_up(at, &of, sum, err) != HX_OK) {
            return HX_FAIL;
        }

        if (each(data, &id, sum)) {
            return HX_OK;
        }
    }

    return at->rc == 0 || at->rc == MDB_NOTFOUND
           ? HX_OK : hx_env_fail(err, "mdb_cursor_get", at->rc);
}


hx_rc_t
hx_usage_list(hx_usage_t *u, unsigned month, const hx_str_t *after,
    int (*each)(void *data, const hx_str_t *id, const hx_usage_sum_t *sum),
    void *data, char *err)
{
    hx_rc_t          rc;
    MDB_txn         *txn;
    hx_usage_at_t    at;
    hx_usage_sum_t  *sum;

    if (!hx_month_valid(month)
        || (after->len != 0 && !hx_check_tenant(after->data, after->len)))
    {
        return hx_env_fail(err, "month or tenant", EINVAL);
    }

    sum = malloc(sizeof(hx_usage_sum_t));
    if (sum == NULL) {
        return hx_env_fail(err, "malloc", ENOMEM);
    }

    rc = hx_usage_begin_read(u, &txn, &at, err);

    if (rc == HX_OK) {
        rc = hx_usage_walk(&at, month, after, each, data, sum, err);
        hx_usage_end_read(u, txn, &at, err);
    }

    free(sum);

    return rc;
}
