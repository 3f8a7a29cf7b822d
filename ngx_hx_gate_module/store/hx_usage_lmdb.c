/*
 * hx_usage_lmdb.c -- the embedded usage store: opening it, and the half that an
 * event loop may call; see hx_usage.h.
 *
 * On failure nothing is retried here and nothing guessed: the caller gets FAIL
 * and a text.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hx_check.h"
#include "hx_usage_lmdb.h"


#define HX_USAGE_FILE      "usage.mdb"
#define HX_USAGE_VERSION   "1"


_Static_assert(HX_USAGE_ERR == HX_ENV_ERR, "one size of texts");


hx_rc_t
hx_usage_wrong(char *err, unsigned month, const hx_str_t *id, const char *what)
{
    unsigned char  text[HX_MONTH_TEXT];

    hx_month_text(text, month);

    (void) snprintf(err, HX_USAGE_ERR, "usage of tenant \"%.*s\" in %.*s %s",
                    (int) id->len, (const char *) id->data, HX_MONTH_TEXT,
                    (const char *) text, what);

    return HX_FAIL;
}


static hx_rc_t
hx_usage_setup(hx_usage_t *u, const hx_usage_conf_t *conf, char *err)
{
    int             rc;
    hx_env_conf_t   ec;

    static const char *const  dbs[HX_USAGE_DBS] = {
        [HX_USAGE_META] = "meta",
        [HX_USAGE_ROWS] = "usage",
        [HX_USAGE_UNSENT] = "unsent"
    };

    memset(&ec, 0, sizeof(hx_env_conf_t));

    ec.lmdb.dir = conf->dir;
    ec.lmdb.file = HX_USAGE_FILE;
    ec.lmdb.map_size = conf->map_size;
    ec.lmdb.max_dbs = 4;
    ec.lmdb.max_readers = conf->max_readers;
    ec.lmdb.mode = 0600;
    ec.existing = conf->existing;
    ec.version = HX_USAGE_VERSION;
    ec.dbs = dbs;
    ec.n_dbs = HX_USAGE_DBS;
    ec.n_first = HX_USAGE_UNSENT;
    u->fleet = conf->fleet;

    if (hx_env_open(&u->env, &ec, err) != HX_OK) {
        return HX_FAIL;
    }

    rc = hx_lmdb_sync_dir(conf->dir);
    if (rc != 0) {
        return hx_env_fail(err, "syncing the directory", rc);
    }

    rc = hx_env_renew(&u->env);
    if (rc != 0) {
        return hx_env_fail(err, "mdb_txn_renew", rc);
    }

    rc = mdb_cursor_open(u->env.read, u->env.dbi[HX_USAGE_ROWS], &u->cursor);
    mdb_txn_reset(u->env.read);

    if (rc != 0) {
        u->cursor = NULL;
        return hx_env_fail(err, "mdb_cursor_open", rc);
    }

    return HX_OK;
}


hx_rc_t
hx_usage_open(hx_usage_t **out, const hx_usage_conf_t *conf, char *err)
{
    hx_usage_t  *u;

    *out = NULL;

    u = calloc(1, sizeof(hx_usage_t));
    if (u == NULL) {
        return hx_env_fail(err, "calloc", ENOMEM);
    }

    if (hx_usage_setup(u, conf, err) != HX_OK) {
        hx_usage_close(u);
        return HX_FAIL;
    }

    *out = u;

    return HX_OK;
}


void
hx_usage_close(hx_usage_t *u)
{
    if (u == NULL) {
        return;
    }

    if (u->cursor != NULL) {
        mdb_cursor_close(u->cursor);
    }

    hx_env_close(&u->env);
    free(u);
}


static void
hx_usage_move(hx_usage_at_t *at, MDB_val *k, MDB_cursor_op op)
{
    MDB_val  v;

    at->rc = mdb_cursor_get(at->cursor, k, &v, op);

    if (at->rc == 0) {
        at->key.data = k->mv_data;
        at->key.len = k->mv_size;
        at->value.data = v.mv_data;
        at->value.len = v.mv_size;
    }
}


void
hx_usage_seek(hx_usage_at_t *at, const unsigned char *key, size_t len)
{
    MDB_val  k;

    k.mv_data = (void *) key;
    k.mv_size = len;
    hx_usage_move(at, &k, MDB_SET_RANGE);
}


void
hx_usage_step(hx_usage_at_t *at)
{
    MDB_val  k;

    hx_usage_move(at, &k, MDB_NEXT);
}


int
hx_usage_under(const hx_usage_at_t *at, const unsigned char *prefix,
    size_t len)
{
    return at->rc == 0 && at->key.len >= len
           && memcmp(at->key.data, prefix, len) == 0;
}


void
hx_usage_of(hx_usage_of_t *of, unsigned month, const hx_str_t *id,
    const unsigned char *exclude, size_t n_exclude)
{
    of->month = month;
    of->id = id;
    of->exclude = exclude;
    of->n_exclude = n_exclude;
    of->len = hx_usage_key_prefix(of->prefix, month, id);
}


static int
hx_usage_excluded(const hx_usage_of_t *of, const unsigned char *source)
{
    size_t  i;

    for (i = 0; i < of->n_exclude; i++) {
        if (memcmp(source, of->exclude + i * HX_USAGE_SOURCE, HX_USAGE_SOURCE)
            == 0)
        {
            return 1;
        }
    }

    return 0;
}


hx_rc_t
hx_usage_source(hx_usage_at_t *at, const hx_usage_of_t *of, char *err)
{
    for ( /* void */ ; hx_usage_under(at, of->prefix, of->len);
         hx_usage_step(at))
    {
        if (at->key.len != of->len + HX_USAGE_SOURCE) {
            return hx_usage_wrong(err, of->month, of->id, HX_USAGE_DAMAGED);
        }

        if (hx_usage_excluded(of, at->key.data + of->len)) {
            continue;
        }

        return hx_usage_value_intact(&at->key, &at->value)
               ? HX_OK
               : hx_usage_wrong(err, of->month, of->id, HX_USAGE_DAMAGED);
    }

    return at->rc == 0 || at->rc == MDB_NOTFOUND
           ? HX_NO : hx_env_fail(err, "mdb_cursor_get", at->rc);
}


static hx_rc_t
hx_usage_total_in(hx_usage_t *u, const hx_usage_of_t *of, uint64_t *tenths,
    char *err)
{
    hx_rc_t         rc;
    uint64_t        sum;
    hx_usage_at_t   at;

    at.cursor = u->cursor;
    at.rc = mdb_cursor_renew(u->env.read, u->cursor);

    if (at.rc != 0) {
        return hx_env_fail(err, "mdb_cursor_renew", at.rc);
    }

    sum = 0;
    hx_usage_seek(&at, of->prefix, of->len);

    while ((rc = hx_usage_source(&at, of, err)) == HX_OK) {

        if (hx_usage_value_total(&at.value, &sum) != HX_OK) {
            return hx_usage_wrong(err, of->month, of->id, HX_USAGE_TOO_MUCH);
        }

        hx_usage_step(&at);
    }

    if (rc == HX_NO) {
        *tenths = sum;
        rc = HX_OK;
    }

    return rc;
}


hx_rc_t
hx_usage_total(hx_usage_t *u, unsigned month, const hx_str_t *id,
    const unsigned char *exclude, size_t n_exclude, uint64_t *tenths,
    char *err)
{
    int             rc;
    hx_rc_t         answer;
    hx_usage_of_t   of;

    if (!hx_month_valid(month) || !hx_check_tenant(id->data, id->len)) {
        return hx_env_fail(err, "month or tenant", EINVAL);
    }

    rc = hx_env_renew(&u->env);
    if (rc != 0) {
        return hx_env_fail(err, "mdb_txn_renew", rc);
    }

    hx_usage_of(&of, month, id, exclude, n_exclude);
    answer = hx_usage_total_in(u, &of, tenths, err);
    mdb_txn_reset(u->env.read);

    return answer;
}


hx_rc_t
hx_usage_unsent_count(hx_usage_t *u, size_t *n, char *err)
{
    int       rc;
    MDB_stat  st;

    rc = hx_env_renew(&u->env);
    if (rc != 0) {
        return hx_env_fail(err, "mdb_txn_renew", rc);
    }

    rc = mdb_stat(u->env.read, u->env.dbi[HX_USAGE_UNSENT], &st);
    mdb_txn_reset(u->env.read);

    if (rc != 0) {
        return hx_env_fail(err, "mdb_stat", rc);
    }

    *n = st.ms_entries;

    return HX_OK;
}


hx_rc_t
hx_usage_probe(hx_usage_t *u)
{
    return hx_env_probe(&u->env);
}


hx_rc_t
hx_usage_refresh(hx_usage_t *u, char *err)
{
    return hx_env_refresh(&u->env, err);
}
