/*
 * hx_registry_lmdb.c -- the embedded registry: what an event loop may call; see
 * hx_registry.h.  It reads what the cache does not answer.  On failure nothing
 * is retried here and nothing guessed: the caller gets FAIL and a text.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hx_registry_lmdb.h"


_Static_assert(HX_REGISTRY_ERR == HX_ENV_ERR, "one size of texts");


hx_rc_t
hx_registry_damaged(char *err, const hx_str_t *id)
{
    (void) snprintf(err, HX_REGISTRY_ERR, "record of tenant \"%.*s\" is "
                    "damaged", (int) id->len, id->data);

    return HX_FAIL;
}


/* It follows Redis, and is written without syncing: no registry. */

static int
hx_registry_is_replica(hx_registry_t *reg)
{
    int       rc;
    MDB_val   k, v;

    if (hx_env_renew(&reg->env) != 0) {
        return 0;
    }

    k.mv_data = (void *) HX_REPLICA_M_BOOT;
    k.mv_size = sizeof(HX_REPLICA_M_BOOT) - 1;

    rc = mdb_get(reg->env.read, reg->env.dbi[HX_REGISTRY_META], &k, &v);
    mdb_txn_reset(reg->env.read);

    return rc == 0;
}


static hx_rc_t
hx_registry_setup(hx_registry_t *reg, const hx_registry_conf_t *conf,
    int *code, char *err)
{
    hx_env_conf_t  ec;

    static const char *const  dbs[HX_REGISTRY_DBS] = {
        [HX_REGISTRY_META] = "meta",
        [HX_REGISTRY_KEYS] = "keys",
        [HX_REGISTRY_TENANTS] = "tenants",
        [HX_REGISTRY_BILLING] = "billing"
    };

    reg->map_size = conf->map_size;
    reg->replica = conf->replica;

    memset(&ec, 0, sizeof(hx_env_conf_t));

    ec.lmdb.dir = conf->dir;
    ec.lmdb.file = NULL;
    ec.lmdb.map_size = conf->map_size + HX_REGISTRY_RESERVE;
    ec.lmdb.max_dbs = 8;
    ec.lmdb.max_readers = conf->max_readers;
    ec.lmdb.mode = 0600;
    ec.lmdb.disposable = conf->replica;
    ec.existing = conf->existing && !conf->replica;
    ec.version = HX_REGISTRY_VERSION;
    ec.dbs = dbs;
    ec.n_dbs = HX_REGISTRY_DBS;
    ec.n_first = HX_REGISTRY_BILLING;
    ec.code = code;

    if (hx_env_open(&reg->env, &ec, err) != HX_OK) {
        return HX_FAIL;
    }

    if (!conf->replica && hx_registry_is_replica(reg)) {
        (void) snprintf(err, HX_REGISTRY_ERR, "this is a replica of a registry "
                        "in Redis");
        return HX_FAIL;
    }

    reg->cache = hx_registry_cache_create();
    if (reg->cache == NULL) {
        return hx_env_fail(err, "the cache", ENOMEM);
    }

    return HX_OK;
}


hx_rc_t
hx_registry_open_at(hx_registry_t **out, const hx_registry_conf_t *conf,
    int *code, char *err)
{
    hx_registry_t  *reg;

    *out = NULL;

    reg = calloc(1, sizeof(hx_registry_t));
    if (reg == NULL) {
        return hx_env_fail(err, "calloc", ENOMEM);
    }

    if (hx_registry_setup(reg, conf, code, err) != HX_OK) {
        hx_registry_close(reg);
        return HX_FAIL;
    }

    *out = reg;

    return HX_OK;
}


hx_rc_t
hx_registry_open(hx_registry_t **out, const hx_registry_conf_t *conf,
    char *err)
{
    return conf->replica ? hx_replica_open(out, conf, err)
                         : hx_registry_open_at(out, conf, NULL, err);
}


void
hx_registry_close(hx_registry_t *reg)
{
    if (reg == NULL) {
        return;
    }

    hx_env_close(&reg->env);
    hx_registry_cache_free(reg->cache);
    free(reg->dir);
    free(reg);
}


/*
 * The number of the last transaction that anybody has committed, straight from
 * the file's two meta pages: 40 instructions, no lock, no reader slot.  A
 * commit that has returned is always seen.
 */

uint64_t
hx_registry_version(const hx_registry_t *reg)
{
    MDB_envinfo  info;

    return mdb_env_info(reg->env.env, &info) == 0 ? info.me_last_txnid
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

    rc = mdb_stat(reg->env.read, reg->env.dbi[HX_REGISTRY_TENANTS], &st);

    if (rc == 0 && st.ms_entries == 0) {
        k.mv_data = (void *) HX_REGISTRY_DELETED;
        k.mv_size = sizeof(HX_REGISTRY_DELETED) - 1;

        rc = mdb_get(reg->env.read, reg->env.dbi[HX_REGISTRY_META], &k, &v);

        if (rc == MDB_NOTFOUND) {
            (void) snprintf(err, HX_REGISTRY_ERR, "there never was a tenant "
                            "in it");
            return HX_FAIL;
        }
    }

    return rc == 0 ? HX_NO : hx_env_fail(err, "mdb_stat", rc);
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

    rc = mdb_get(reg->env.read, reg->env.dbi[HX_REGISTRY_KEYS], &k, &id);

    if (rc == MDB_NOTFOUND) {
        return hx_registry_unknown(reg, err);
    }

    if (rc == 0) {
        rc = mdb_get(reg->env.read, reg->env.dbi[HX_REGISTRY_TENANTS], &id, &v);
    }

    if (rc != 0) {
        return hx_env_fail(err, "mdb_get", rc);
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

    rc = hx_env_renew(&reg->env);
    if (rc != 0) {
        return hx_env_fail(err, "mdb_txn_renew", rc);
    }

    reg->reading = 1;

    answer = hx_registry_loading(reg, reg->env.read, err);

    if (answer == HX_OK) {
        answer = hx_registry_ask(reg, hash, record, err);
    }

    /* under the version that was read, which may be older than the one asked
     * for above: then the next question drops it */

    if (answer == HX_OK) {
        hx_registry_cache_put(reg->cache, mdb_txn_id(reg->env.read), hash,
                              record);
    }

    return answer;
}


void
hx_registry_release(hx_registry_t *reg)
{
    if (reg->reading) {
        mdb_txn_reset(reg->env.read);
        reg->reading = 0;
    }
}


hx_rc_t
hx_registry_probe(hx_registry_t *reg)
{
    return hx_env_probe(&reg->env);
}


hx_rc_t
hx_registry_refresh(hx_registry_t *reg, char *err)
{
    return hx_env_refresh(&reg->env, err);
}
