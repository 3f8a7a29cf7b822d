/*
 * hx_registry_lmdb.c -- the embedded registry; see hx_registry.h.
 *
 * One read transaction is kept per process and renewed for each question that
 * the cache does not answer; it is never held across events, so it never holds
 * back page reuse.  On failure nothing is retried here and nothing guessed: the
 * caller gets FAIL and a text.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hx_registry_lmdb.h"


#define HX_REGISTRY_VERSION   "1"


hx_rc_t
hx_registry_fail(char *err, const char *what, int rc)
{
    (void) snprintf(err, HX_REGISTRY_ERR, "%s: %s", what, mdb_strerror(rc));

    return HX_FAIL;
}


hx_rc_t
hx_registry_damaged(char *err, const hx_str_t *id)
{
    (void) snprintf(err, HX_REGISTRY_ERR, "record of tenant \"%.*s\" is "
                    "damaged", (int) id->len, id->data);

    return HX_FAIL;
}


hx_rc_t
hx_registry_replaced(char *err, hx_rc_t rc)
{
    (void) snprintf(err, HX_REGISTRY_ERR, "data.mdb or lock.mdb is not the "
                    "file that is open");

    return rc;
}


/* Only an empty file becomes a registry: another program's never does. */

static int
hx_registry_version_in(hx_registry_t *reg, MDB_txn *txn, size_t others)
{
    int      rc;
    MDB_val  k, v;

    k.mv_data = (void *) "version";
    k.mv_size = 7;

    rc = mdb_get(txn, reg->meta, &k, &v);

    if (rc == MDB_NOTFOUND && others == 0) {
        v.mv_data = (void *) HX_REGISTRY_VERSION;
        v.mv_size = sizeof(HX_REGISTRY_VERSION) - 1;

        return mdb_put(txn, reg->meta, &k, &v, 0);
    }

    if (rc == MDB_NOTFOUND
        || (rc == 0
            && (v.mv_size != sizeof(HX_REGISTRY_VERSION) - 1
                || memcmp(v.mv_data, HX_REGISTRY_VERSION, v.mv_size) != 0)))
    {
        return MDB_VERSION_MISMATCH;
    }

    return rc;
}


static int
hx_registry_dbs(hx_registry_t *reg, unsigned flags)
{
    int        rc;
    MDB_dbi    root;
    MDB_txn   *txn;
    MDB_stat   st;

    rc = mdb_txn_begin(reg->env, NULL, flags ? 0 : MDB_RDONLY, &txn);
    if (rc != 0) {
        return rc;
    }

    rc = mdb_dbi_open(txn, NULL, 0, &root);

    if (rc == 0) {
        rc = mdb_stat(txn, root, &st);
    }

    if (rc == 0) {
        rc = mdb_dbi_open(txn, "meta", flags, &reg->meta);
    }

    if (rc == 0) {
        rc = mdb_dbi_open(txn, "keys", flags, &reg->keys);
    }

    if (rc == 0) {
        rc = mdb_dbi_open(txn, "tenants", flags, &reg->tenants);
    }

    if (rc == 0) {
        rc = hx_registry_version_in(reg, txn, st.ms_entries);
    }

    if (rc != 0) {
        mdb_txn_abort(txn);
        return rc;
    }

    return mdb_txn_commit(txn);
}


static hx_rc_t
hx_registry_setup(hx_registry_t *reg, const hx_registry_conf_t *conf,
    char *err)
{
    int              rc;
    const char      *what;
    hx_lmdb_conf_t   lc;

    reg->map_size = conf->map_size;

    lc.dir = conf->dir;
    lc.file = NULL;
    lc.map_size = conf->map_size + HX_REGISTRY_RESERVE;
    lc.max_dbs = 8;
    lc.max_readers = conf->max_readers;
    lc.mode = 0600;

    rc = hx_lmdb_paths(&reg->files, &lc);
    if (rc != 0) {
        return hx_registry_fail(err, conf->dir, rc);
    }

    if (conf->existing && stat(reg->files.data_path, &reg->files.data) != 0) {
        return hx_registry_fail(err, "data.mdb", errno);
    }

    rc = hx_lmdb_open(&reg->env, &lc, &what);
    if (rc != 0) {
        return hx_registry_fail(err, what, rc);
    }

    rc = hx_lmdb_remember(&reg->files, reg->env);
    if (rc != 0) {
        return hx_registry_fail(err, "stat", rc);
    }

    rc = hx_lmdb_current(reg->env);

    if (rc == MDB_INVALID) {
        (void) snprintf(err, HX_REGISTRY_ERR, "data.mdb is older than "
                        "lock.mdb");
        return HX_FAIL;
    }

    if (rc != 0) {
        return hx_registry_fail(err, "mdb_txn_begin", rc);
    }

    /* readers first: only the very first process has something to create */

    rc = hx_registry_dbs(reg, 0);
    if (rc == MDB_NOTFOUND && !conf->existing) {
        rc = hx_registry_dbs(reg, MDB_CREATE);
    }

    if (rc != 0) {
        return hx_registry_fail(err, "opening the databases", rc);
    }

    rc = mdb_txn_begin(reg->env, NULL, MDB_RDONLY, &reg->read);
    if (rc != 0) {
        reg->read = NULL;
        return hx_registry_fail(err, "mdb_txn_begin", rc);
    }

    mdb_txn_reset(reg->read);

    reg->cache = hx_registry_cache_create();
    if (reg->cache == NULL) {
        return hx_registry_fail(err, "the cache", ENOMEM);
    }

    return HX_OK;
}


hx_rc_t
hx_registry_open(hx_registry_t **out, const hx_registry_conf_t *conf,
    char *err)
{
    hx_registry_t  *reg;

    *out = NULL;

    reg = calloc(1, sizeof(hx_registry_t));
    if (reg == NULL) {
        return hx_registry_fail(err, "calloc", ENOMEM);
    }

    if (pthread_rwlock_init(&reg->lock, NULL) != 0) {
        free(reg);
        return hx_registry_fail(err, "pthread_rwlock_init", ENOMEM);
    }

    if (hx_registry_setup(reg, conf, err) != HX_OK) {
        hx_registry_close(reg);
        return HX_FAIL;
    }

    *out = reg;

    return HX_OK;
}


void
hx_registry_close(hx_registry_t *reg)
{
    if (reg == NULL) {
        return;
    }

    (void) pthread_rwlock_wrlock(&reg->lock);

    if (reg->read != NULL) {
        mdb_txn_abort(reg->read);
    }

    if (reg->env != NULL) {
        mdb_env_close(reg->env);
    }

    (void) pthread_rwlock_unlock(&reg->lock);
    (void) pthread_rwlock_destroy(&reg->lock);
    hx_registry_cache_free(reg->cache);
    free(reg);
}


/*
 * Another process with a larger map_size may have grown the file.  Adopting
 * its size remaps, so no thread may be inside a transaction meanwhile; when
 * one is, this question fails and the next one tries again.
 */

static int
hx_registry_renew(hx_registry_t *reg)
{
    int  rc;

    rc = hx_lmdb_renew(reg->read, 0);

    if (rc == MDB_MAP_RESIZED
        && pthread_rwlock_trywrlock(&reg->lock) == 0)
    {
        rc = hx_lmdb_renew(reg->read, 1);
        (void) pthread_rwlock_unlock(&reg->lock);
    }

    return rc;
}


/*
 * The number of the last transaction that anybody has committed, straight from
 * the file's two meta pages: 40 instructions, no lock, no reader slot.  A
 * commit that has returned is always seen.
 */

static uint64_t
hx_registry_version(const hx_registry_t *reg)
{
    MDB_envinfo  info;

    return mdb_env_info(reg->env, &info) == 0 ? info.me_last_txnid
                                              : UINT64_MAX;
}


/*
 * Where never a tenant was, nobody can be told apart: an unmounted volume looks
 * like this, and clients that are told 401 throw their keys away.
 */

static hx_rc_t
hx_registry_unknown(hx_registry_t *reg, char *err)
{
    int       rc;
    MDB_val   k, v;
    MDB_stat  st;

    rc = mdb_stat(reg->read, reg->tenants, &st);

    if (rc == 0 && st.ms_entries == 0) {
        k.mv_data = (void *) HX_REGISTRY_DELETED;
        k.mv_size = sizeof(HX_REGISTRY_DELETED) - 1;

        rc = mdb_get(reg->read, reg->meta, &k, &v);

        if (rc == MDB_NOTFOUND) {
            (void) snprintf(err, HX_REGISTRY_ERR, "there never was a tenant "
                            "in it");
            return HX_FAIL;
        }
    }

    return rc == 0 ? HX_NO : hx_registry_fail(err, "mdb_stat", rc);
}


static hx_rc_t
hx_registry_ask(hx_registry_t *reg, const unsigned char hash[HX_SHA256_LEN],
    hx_str_t *record, char *err)
{
    int       rc;
    MDB_val   k, id, v;
    hx_str_t  name;

    k.mv_data = (void *) hash;
    k.mv_size = HX_SHA256_LEN;

    rc = mdb_get(reg->read, reg->keys, &k, &id);

    if (rc == MDB_NOTFOUND) {
        return hx_registry_unknown(reg, err);
    }

    if (rc == 0) {
        rc = mdb_get(reg->read, reg->tenants, &id, &v);
    }

    if (rc != 0) {
        return hx_registry_fail(err, "mdb_get", rc);
    }

    record->data = v.mv_data;
    record->len = v.mv_size;

    if (!hx_tenant_intact(record->data, record->len)) {
        name.data = id.mv_data;
        name.len = id.mv_size;
        return hx_registry_damaged(err, &name);
    }

    return HX_OK;
}


hx_rc_t
hx_registry_find(hx_registry_t *reg, const unsigned char hash[HX_SHA256_LEN],
    hx_str_t *record, char *err)
{
    int      rc;
    hx_rc_t  answer;

    if (hx_registry_cache_get(reg->cache, hx_registry_version(reg), hash,
                              record)
        == HX_OK)
    {
        return HX_OK;
    }

    rc = hx_registry_renew(reg);
    if (rc != 0) {
        return hx_registry_fail(err, "mdb_txn_renew", rc);
    }

    reg->reading = 1;

    answer = hx_registry_ask(reg, hash, record, err);

    /* under the version that was read, which may be older than the one asked
     * for above: then the next question drops it */

    if (answer == HX_OK) {
        hx_registry_cache_put(reg->cache, mdb_txn_id(reg->read), hash,
                              record);
    }

    return answer;
}


void
hx_registry_release(hx_registry_t *reg)
{
    if (reg->reading) {
        mdb_txn_reset(reg->read);
        reg->reading = 0;
    }
}


hx_rc_t
hx_registry_probe(hx_registry_t *reg)
{
    return hx_lmdb_in_place(&reg->files) ? HX_OK : HX_NO;
}


hx_rc_t
hx_registry_refresh(hx_registry_t *reg, char *err)
{
    int  rc;

    rc = hx_registry_renew(reg);
    if (rc != 0) {
        return hx_registry_fail(err, "mdb_txn_renew", rc);
    }

    mdb_txn_reset(reg->read);

    if (hx_registry_probe(reg) != HX_OK) {
        return hx_registry_replaced(err, HX_NO);
    }

    return HX_OK;
}
