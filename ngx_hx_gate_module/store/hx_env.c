/*
 * hx_env.c -- see the header.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "hx_env.h"


#define HX_ENV_META   0


hx_rc_t
hx_env_fail(char *err, const char *what, int rc)
{
    (void) snprintf(err, HX_ENV_ERR, "%s: %s", what, mdb_strerror(rc));

    return HX_FAIL;
}


static const char *
hx_env_data(const hx_env_t *e)
{
    return e->file != NULL ? e->file : "data.mdb";
}


static int
hx_env_version(hx_env_t *e, MDB_txn *txn, const char *version, size_t others)
{
    int      rc;
    MDB_val  k, v;

    k.mv_data = (void *) "version";
    k.mv_size = 7;

    rc = mdb_get(txn, e->dbi[HX_ENV_META], &k, &v);

    if (rc == MDB_NOTFOUND && others == 0) {
        v.mv_data = (void *) version;
        v.mv_size = strlen(version);

        return mdb_put(txn, e->dbi[HX_ENV_META], &k, &v, 0);
    }

    if (rc == MDB_NOTFOUND
        || (rc == 0 && (v.mv_size != strlen(version)
                        || memcmp(v.mv_data, version, v.mv_size) != 0)))
    {
        return MDB_VERSION_MISMATCH;
    }

    return rc;
}


/* make: 0, or 1: what is missing and may be made. */

static int
hx_env_dbs(hx_env_t *e, const hx_env_conf_t *conf, int make)
{
    int        rc;
    MDB_dbi    root;
    MDB_txn   *txn;
    unsigned   i;
    MDB_stat   st;

    rc = mdb_txn_begin(e->env, NULL, make ? 0 : MDB_RDONLY, &txn);
    if (rc != 0) {
        return rc;
    }

    rc = mdb_dbi_open(txn, NULL, 0, &root);

    if (rc == 0) {
        rc = mdb_stat(txn, root, &st);
    }

    for (i = 0; rc == 0 && i < conf->n_dbs; i++) {
        rc = mdb_dbi_open(txn, conf->dbs[i],
                          make && (!conf->existing || i >= conf->n_first)
                          ? MDB_CREATE : 0, &e->dbi[i]);
    }

    if (rc == 0) {
        rc = hx_env_version(e, txn, conf->version, st.ms_entries);
    }

    if (rc != 0) {
        mdb_txn_abort(txn);
        return rc;
    }

    return mdb_txn_commit(txn);
}


/* The same, and the code for who wants to know. */

static hx_rc_t
hx_env_not_open(const hx_env_conf_t *conf, char *err, const char *what, int rc)
{
    if (conf->code != NULL) {
        *conf->code = rc;
    }

    return hx_env_fail(err, what, rc);
}


static hx_rc_t
hx_env_files(hx_env_t *e, const hx_env_conf_t *conf, char *err)
{
    int          rc;
    const char  *what;

    rc = hx_lmdb_paths(&e->files, &conf->lmdb);
    if (rc != 0) {
        return hx_env_fail(err, e->file != NULL ? e->file : conf->lmdb.dir,
                           rc);
    }

    if (conf->existing && stat(e->files.data_path, &e->files.data) != 0) {
        return hx_env_fail(err, hx_env_data(e), errno);
    }

    rc = hx_lmdb_open(&e->env, &conf->lmdb, &what);
    if (rc != 0) {
        return hx_env_not_open(conf, err, what, rc);
    }

    rc = hx_lmdb_remember(&e->files, e->env);
    if (rc != 0) {
        return hx_env_fail(err, "stat", rc);
    }

    rc = hx_lmdb_current(e->env);

    if (rc == MDB_INVALID) {
        (void) snprintf(err, HX_ENV_ERR, "%s is older than %s%s",
                        hx_env_data(e),
                        e->file != NULL ? e->file : "lock.mdb",
                        e->file != NULL ? "-lock" : "");

        if (conf->code != NULL) {
            *conf->code = rc;
        }

        return HX_FAIL;
    }

    return rc == 0 ? HX_OK : hx_env_not_open(conf, err, "mdb_txn_begin", rc);
}


hx_rc_t
hx_env_open(hx_env_t *e, const hx_env_conf_t *conf, char *err)
{
    int  rc;

    memset(e, 0, sizeof(hx_env_t));
    e->file = conf->lmdb.file;

    if (pthread_rwlock_init(&e->lock, NULL) != 0) {
        return hx_env_fail(err, "pthread_rwlock_init", ENOMEM);
    }

    e->locked = 1;

    if (hx_env_files(e, conf, err) != HX_OK) {
        return HX_FAIL;
    }

    /* readers first: only the very first process has something to create */

    rc = hx_env_dbs(e, conf, 0);
    if (rc == MDB_NOTFOUND) {
        rc = hx_env_dbs(e, conf, 1);
    }

    if (rc != 0) {
        return hx_env_not_open(conf, err, "opening the databases", rc);
    }

    rc = mdb_txn_begin(e->env, NULL, MDB_RDONLY, &e->read);
    if (rc != 0) {
        e->read = NULL;
        return hx_env_fail(err, "mdb_txn_begin", rc);
    }

    mdb_txn_reset(e->read);

    return HX_OK;
}


void
hx_env_close(hx_env_t *e)
{
    if (!e->locked) {
        return;
    }

    (void) pthread_rwlock_wrlock(&e->lock);

    if (e->read != NULL) {
        mdb_txn_abort(e->read);
    }

    if (e->env != NULL) {
        mdb_env_close(e->env);
    }

    (void) pthread_rwlock_unlock(&e->lock);
    (void) pthread_rwlock_destroy(&e->lock);

    memset(e, 0, sizeof(hx_env_t));
}


/*
 * Another process with a larger map_size may have grown the file.  Adopting
 * its size remaps, so no thread may be inside a transaction meanwhile; when
 * one is, this question fails and the next one tries again.
 */

int
hx_env_renew(hx_env_t *e)
{
    int  rc;

    rc = hx_lmdb_renew(e->read, 0);

    if (rc == MDB_MAP_RESIZED && pthread_rwlock_trywrlock(&e->lock) == 0) {
        rc = hx_lmdb_renew(e->read, 1);
        (void) pthread_rwlock_unlock(&e->lock);
    }

    return rc;
}


hx_rc_t
hx_env_probe(const hx_env_t *e)
{
    return hx_lmdb_in_place(&e->files) ? HX_OK : HX_NO;
}


hx_rc_t
hx_env_replaced(const hx_env_t *e, char *err, hx_rc_t rc)
{
    (void) snprintf(err, HX_ENV_ERR, "%s or %s%s is not the file that is open",
                    hx_env_data(e), e->file != NULL ? e->file : "lock.mdb",
                    e->file != NULL ? "-lock" : "");

    return rc;
}


hx_rc_t
hx_env_refresh(hx_env_t *e, char *err)
{
    int  rc;

    rc = hx_env_renew(e);
    if (rc != 0) {
        return hx_env_fail(err, "mdb_txn_renew", rc);
    }

    mdb_txn_reset(e->read);

    return hx_env_probe(e) == HX_OK ? HX_OK : hx_env_replaced(e, err, HX_NO);
}


hx_rc_t
hx_env_begin(hx_env_t *e, unsigned flags, MDB_txn **txn, char *err)
{
    int  rc;

    (void) pthread_rwlock_rdlock(&e->lock);

    rc = mdb_txn_begin(e->env, NULL, flags, txn);
    if (rc != 0) {
        (void) pthread_rwlock_unlock(&e->lock);
        return hx_env_fail(err, "mdb_txn_begin", rc);
    }

    return HX_OK;
}


hx_rc_t
hx_env_end(hx_env_t *e, MDB_txn *txn, hx_rc_t rc, char *err)
{
    int  code;

    code = 0;

    if (rc == HX_OK) {
        code = mdb_txn_commit(txn);

    } else {
        mdb_txn_abort(txn);
    }

    (void) pthread_rwlock_unlock(&e->lock);

    return code == 0 ? rc : hx_env_fail(err, "mdb_txn_commit", code);
}
