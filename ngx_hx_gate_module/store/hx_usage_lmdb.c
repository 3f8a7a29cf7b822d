/*
 * hx_usage_lmdb.c -- the embedded usage store: opening it, and the half that an
 * event loop may call; see hx_usage.h.
 *
 * One read transaction is kept per process and renewed for each question; it is
 * never held across events, so it never holds back page reuse.  On failure
 * nothing is retried here and nothing guessed: the caller gets FAIL and a text.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hx_check.h"
#include "hx_usage_lmdb.h"


#define HX_USAGE_FILE      "usage.mdb"
#define HX_USAGE_VERSION   "1"


hx_rc_t
hx_usage_fail(char *err, const char *what, int rc)
{
    (void) snprintf(err, HX_USAGE_ERR, "%s: %s", what, mdb_strerror(rc));

    return HX_FAIL;
}


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


hx_rc_t
hx_usage_replaced(char *err, hx_rc_t rc)
{
    (void) snprintf(err, HX_USAGE_ERR, HX_USAGE_FILE " or " HX_USAGE_FILE
                    "-lock is not the file that is open");

    return rc;
}


/* Only an empty file becomes a usage store: another program's never does. */

static int
hx_usage_version_in(hx_usage_t *u, MDB_txn *txn, size_t others)
{
    int      rc;
    MDB_val  k, v;

    k.mv_data = (void *) "version";
    k.mv_size = 7;

    rc = mdb_get(txn, u->meta, &k, &v);

    if (rc == MDB_NOTFOUND && others == 0) {
        v.mv_data = (void *) HX_USAGE_VERSION;
        v.mv_size = sizeof(HX_USAGE_VERSION) - 1;

        return mdb_put(txn, u->meta, &k, &v, 0);
    }

    if (rc == MDB_NOTFOUND
        || (rc == 0
            && (v.mv_size != sizeof(HX_USAGE_VERSION) - 1
                || memcmp(v.mv_data, HX_USAGE_VERSION, v.mv_size) != 0)))
    {
        return MDB_VERSION_MISMATCH;
    }

    return rc;
}


static int
hx_usage_dbs(hx_usage_t *u, unsigned flags)
{
    int        rc;
    MDB_dbi    root;
    MDB_txn   *txn;
    MDB_stat   st;

    rc = mdb_txn_begin(u->env, NULL, flags ? 0 : MDB_RDONLY, &txn);
    if (rc != 0) {
        return rc;
    }

    rc = mdb_dbi_open(txn, NULL, 0, &root);

    if (rc == 0) {
        rc = mdb_stat(txn, root, &st);
    }

    if (rc == 0) {
        rc = mdb_dbi_open(txn, "meta", flags, &u->meta);
    }

    if (rc == 0) {
        rc = mdb_dbi_open(txn, "usage", flags, &u->rows);
    }

    if (rc == 0) {
        rc = hx_usage_version_in(u, txn, st.ms_entries);
    }

    if (rc != 0) {
        mdb_txn_abort(txn);
        return rc;
    }

    return mdb_txn_commit(txn);
}


/* A file is there after a power failure when its directory says so. */

static int
hx_usage_sync_dir(const char *dir)
{
    int  fd, rc;

    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd == -1) {
        return errno;
    }

    rc = fsync(fd) == 0 ? 0 : errno;
    (void) close(fd);

    return rc;
}


static hx_rc_t
hx_usage_open_env(hx_usage_t *u, const hx_usage_conf_t *conf, char *err)
{
    int              rc;
    const char      *what;
    hx_lmdb_conf_t   lc;

    lc.dir = conf->dir;
    lc.file = HX_USAGE_FILE;
    lc.map_size = conf->map_size;
    lc.max_dbs = 4;
    lc.max_readers = conf->max_readers;
    lc.mode = 0600;

    rc = hx_lmdb_paths(&u->files, &lc);
    if (rc != 0) {
        return hx_usage_fail(err, HX_USAGE_FILE, rc);
    }

    if (conf->existing && stat(u->files.data_path, &u->files.data) != 0) {
        return hx_usage_fail(err, HX_USAGE_FILE, errno);
    }

    rc = hx_lmdb_open(&u->env, &lc, &what);
    if (rc != 0) {
        return hx_usage_fail(err, what, rc);
    }

    rc = hx_lmdb_remember(&u->files, u->env);
    if (rc != 0) {
        return hx_usage_fail(err, "stat", rc);
    }

    rc = hx_lmdb_current(u->env);

    if (rc == MDB_INVALID) {
        (void) snprintf(err, HX_USAGE_ERR, HX_USAGE_FILE " is older than "
                        HX_USAGE_FILE "-lock");
        return HX_FAIL;
    }

    return rc == 0 ? HX_OK : hx_usage_fail(err, "mdb_txn_begin", rc);
}


static hx_rc_t
hx_usage_setup(hx_usage_t *u, const hx_usage_conf_t *conf, char *err)
{
    int  rc;

    if (hx_usage_open_env(u, conf, err) != HX_OK) {
        return HX_FAIL;
    }

    /* readers first: only the very first process has something to create */

    rc = hx_usage_dbs(u, 0);
    if (rc == MDB_NOTFOUND && !conf->existing) {
        rc = hx_usage_dbs(u, MDB_CREATE);
    }

    if (rc != 0) {
        return hx_usage_fail(err, "opening the databases", rc);
    }

    rc = hx_usage_sync_dir(conf->dir);
    if (rc != 0) {
        return hx_usage_fail(err, "syncing the directory", rc);
    }

    rc = mdb_txn_begin(u->env, NULL, MDB_RDONLY, &u->read);
    if (rc != 0) {
        u->read = NULL;
        return hx_usage_fail(err, "mdb_txn_begin", rc);
    }

    rc = mdb_cursor_open(u->read, u->rows, &u->cursor);
    mdb_txn_reset(u->read);

    if (rc != 0) {
        u->cursor = NULL;
        return hx_usage_fail(err, "mdb_cursor_open", rc);
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
        return hx_usage_fail(err, "calloc", ENOMEM);
    }

    if (pthread_rwlock_init(&u->lock, NULL) != 0) {
        free(u);
        return hx_usage_fail(err, "pthread_rwlock_init", ENOMEM);
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

    (void) pthread_rwlock_wrlock(&u->lock);

    if (u->cursor != NULL) {
        mdb_cursor_close(u->cursor);
    }

    if (u->read != NULL) {
        mdb_txn_abort(u->read);
    }

    if (u->env != NULL) {
        mdb_env_close(u->env);
    }

    (void) pthread_rwlock_unlock(&u->lock);
    (void) pthread_rwlock_destroy(&u->lock);
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


/*
 * Another process with a larger map_size may have grown the file.  Adopting
 * its size remaps, so no thread may be inside a transaction meanwhile; when
 * one is, this question fails and the next one tries again.
 */

static int
hx_usage_renew(hx_usage_t *u)
{
    int  rc;

    rc = hx_lmdb_renew(u->read, 0);

    if (rc == MDB_MAP_RESIZED && pthread_rwlock_trywrlock(&u->lock) == 0) {
        rc = hx_lmdb_renew(u->read, 1);
        (void) pthread_rwlock_unlock(&u->lock);
    }

    return rc;
}


static hx_rc_t
hx_usage_total_in(hx_usage_t *u, unsigned month, const hx_str_t *id,
    const unsigned char *exclude, uint64_t *tenths, char *err)
{
    size_t          len;
    uint64_t        sum;
    unsigned char   prefix[HX_USAGE_PREFIX];
    hx_usage_at_t   at;

    at.cursor = u->cursor;
    at.rc = mdb_cursor_renew(u->read, u->cursor);

    if (at.rc != 0) {
        return hx_usage_fail(err, "mdb_cursor_renew", at.rc);
    }

    sum = 0;
    len = hx_usage_key_prefix(prefix, month, id);

    for (hx_usage_seek(&at, prefix, len);
         hx_usage_under(&at, prefix, len);
         hx_usage_step(&at))
    {
        if (at.key.len != len + HX_USAGE_SOURCE) {
            return hx_usage_wrong(err, month, id, HX_USAGE_DAMAGED);
        }

        if (exclude != NULL
            && memcmp(at.key.data + len, exclude, HX_USAGE_SOURCE) == 0)
        {
            continue;
        }

        if (!hx_usage_value_intact(&at.key, &at.value)) {
            return hx_usage_wrong(err, month, id, HX_USAGE_DAMAGED);
        }

        if (hx_usage_value_total(&at.value, &sum) != HX_OK) {
            return hx_usage_wrong(err, month, id, HX_USAGE_TOO_MUCH);
        }
    }

    if (at.rc != 0 && at.rc != MDB_NOTFOUND) {
        return hx_usage_fail(err, "mdb_cursor_get", at.rc);
    }

    *tenths = sum;

    return HX_OK;
}


hx_rc_t
hx_usage_total(hx_usage_t *u, unsigned month, const hx_str_t *id,
    const unsigned char *exclude, uint64_t *tenths, char *err)
{
    int      rc;
    hx_rc_t  answer;

    if (!hx_month_valid(month) || !hx_check_tenant(id->data, id->len)) {
        return hx_usage_fail(err, "month or tenant", EINVAL);
    }

    rc = hx_usage_renew(u);
    if (rc != 0) {
        return hx_usage_fail(err, "mdb_txn_renew", rc);
    }

    answer = hx_usage_total_in(u, month, id, exclude, tenths, err);
    mdb_txn_reset(u->read);

    return answer;
}


hx_rc_t
hx_usage_probe(hx_usage_t *u)
{
    return hx_lmdb_in_place(&u->files) ? HX_OK : HX_NO;
}


hx_rc_t
hx_usage_refresh(hx_usage_t *u, char *err)
{
    int  rc;

    rc = hx_usage_renew(u);
    if (rc != 0) {
        return hx_usage_fail(err, "mdb_txn_renew", rc);
    }

    mdb_txn_reset(u->read);

    if (hx_usage_probe(u) != HX_OK) {
        return hx_usage_replaced(err, HX_NO);
    }

    return HX_OK;
}
