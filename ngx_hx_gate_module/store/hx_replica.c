/*
 * hx_replica.c -- a replica goes on from epoch to epoch; see hx_replica.h.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "hx_replica_impl.h"
#include "hx_text.h"


hx_rc_t
hx_replica_epoch(hx_registry_t *reg, hx_epoch_t *epoch, char *err)
{
    int       rc;
    hx_rc_t   answer;
    uint64_t  version;

    version = hx_registry_version(reg);

    if (version == reg->epoch_version) {
        *epoch = reg->epoch;
        return reg->epoch_rc;
    }

    rc = hx_env_renew(&reg->env);
    if (rc != 0) {
        return hx_env_fail(err, "mdb_txn_renew", rc);
    }

    answer = hx_registry_epoch(reg, reg->env.read, epoch, err);

    if (answer == HX_OK
        && hx_registry_loading(reg, reg->env.read, err) != HX_OK)
    {
        answer = HX_NO;
    }

    if (answer != HX_FAIL) {
        reg->epoch = *epoch;
        reg->epoch_rc = answer;
        reg->epoch_version = mdb_txn_id(reg->env.read);
    }

    mdb_txn_reset(reg->env.read);

    return answer;
}


hx_rc_t
hx_replica_read_epoch(hx_registry_t *reg, hx_epoch_t *epoch, char *err)
{
    hx_rc_t   rc;
    MDB_txn  *txn;

    if (hx_env_begin(&reg->env, MDB_RDONLY, &txn, err) != HX_OK) {
        return HX_FAIL;
    }

    rc = hx_registry_epoch(reg, txn, epoch, err);

    if (rc == HX_OK && hx_registry_loading(reg, txn, err) != HX_OK) {
        rc = HX_NO;
    }

    return hx_env_end(&reg->env, txn, rc, err);
}


int
hx_replica_note(hx_registry_t *reg, MDB_txn *txn, const char *name,
    const hx_epoch_t *epoch)
{
    MDB_val        k, v;
    unsigned char  text[HX_EPOCH_MAX];

    k.mv_data = (void *) name;
    k.mv_size = strlen(name);
    v.mv_data = text;
    v.mv_size = hx_epoch_text(epoch, text);

    return mdb_put(txn, reg->env.dbi[HX_REGISTRY_META], &k, &v, 0);
}


/* What comes from outside says nothing of replicas, and is of our layout. */

static hx_rc_t
hx_replica_meta(const hx_str_t *key, const hx_str_t *value, char *err)
{
    if (hx_text_begins(key, HX_REPLICA_PRIVATE)) {
        (void) snprintf(err, HX_REGISTRY_ERR, "Redis has a name that is of "
                        "replicas alone");
        return HX_FAIL;
    }

    if (hx_text_is(key, "version")
        && (value == NULL || !hx_text_is(value, HX_REGISTRY_VERSION)))
    {
        (void) snprintf(err, HX_REGISTRY_ERR, "the registry in Redis has "
                        "another layout than version " HX_REGISTRY_VERSION);
        return HX_FAIL;
    }

    return HX_OK;
}


hx_rc_t
hx_replica_write(hx_registry_t *reg, MDB_txn *txn, unsigned db,
    const hx_str_t *key, const hx_str_t *value, char *err)
{
    int      rc;
    MDB_val  k, v;

    if (db == HX_REGISTRY_META && hx_replica_meta(key, value, err) != HX_OK) {
        return HX_FAIL;
    }

    k.mv_data = (void *) key->data;
    k.mv_size = key->len;

    if (value != NULL) {
        v.mv_data = (void *) value->data;
        v.mv_size = value->len;
        rc = mdb_put(txn, reg->env.dbi[db], &k, &v, 0);

    } else {
        rc = mdb_del(txn, reg->env.dbi[db], &k, NULL);

        if (rc == MDB_NOTFOUND) {
            rc = 0;
        }
    }

    if (rc == MDB_MAP_FULL) {
        return hx_env_fail(err, "map_size", rc);
    }

    return rc == 0 ? HX_OK : hx_env_fail(err, "writing", rc);
}


static hx_rc_t
hx_replica_writes(hx_registry_t *reg, MDB_txn *txn,
    const hx_replica_entry_t *entry, char *err)
{
    hx_write_t            w;
    hx_writeset_reader_t  r;

    if (hx_writeset_open(&r, &entry->writeset) != HX_OK) {
        (void) snprintf(err, HX_REGISTRY_ERR, "an entry of the log has no "
                        "writeset of version %d", HX_WRITESET_VERSION);
        return HX_FAIL;
    }

    while (hx_writeset_next(&r, &w)) {
        if (hx_replica_write(reg, txn, w.db, &w.key,
                             w.op == HX_WRITESET_PUT ? &w.value : NULL, err)
            != HX_OK)
        {
            return HX_FAIL;
        }
    }

    return HX_OK;
}


hx_rc_t
hx_replica_follow(hx_registry_t *reg, MDB_txn *txn,
    const hx_replica_entry_t *entry, size_t n, hx_epoch_t *epoch, char *err)
{
    size_t                     i;
    const hx_replica_entry_t  *e;

    for (i = 0; i < n; i++) {
        e = &entry[i];

        if (e->epoch.number != e->base.number + 1
            || (i != 0 && !hx_epoch_same(&e->base, &e[-1].epoch)))
        {
            return HX_NO;
        }

        if (e->epoch.number < epoch->number) {
            continue;
        }

        if (e->epoch.number == epoch->number) {
            if (!hx_epoch_same(&e->epoch, epoch)) {
                return HX_NO;
            }

            continue;
        }

        if (!hx_epoch_same(&e->base, epoch)) {
            return HX_NO;
        }

        if (hx_replica_writes(reg, txn, e, err) != HX_OK) {
            return HX_FAIL;
        }

        *epoch = e->epoch;
    }

    return HX_OK;
}


static hx_replica_result_t
hx_replica_place(const hx_replica_entry_t *entry, const hx_epoch_t *at)
{
    if (hx_epoch_same(&entry->base, at)) {
        return HX_REPLICA_APPLIED;
    }

    if (hx_epoch_same(&entry->epoch, at)) {
        return HX_REPLICA_ALREADY;
    }

    return at->number < entry->base.number ? HX_REPLICA_BEHIND
                                           : HX_REPLICA_AHEAD;
}


hx_rc_t
hx_replica_apply(hx_registry_t *reg, const hx_replica_entry_t *entry,
    hx_replica_result_t *result, char *err)
{
    hx_rc_t      rc;
    MDB_txn     *txn;
    hx_epoch_t   at;

    if (entry->epoch.number != entry->base.number + 1) {
        return hx_env_fail(err, "a change of more than one epoch", EINVAL);
    }

    if (hx_env_begin(&reg->env, 0, &txn, err) != HX_OK) {
        return HX_FAIL;
    }

    if (hx_registry_loading(reg, txn, err) != HX_OK) {
        *result = HX_REPLICA_LOADING;
        return hx_env_end(&reg->env, txn, HX_NO, err);
    }

    rc = hx_registry_epoch(reg, txn, &at, err);

    if (rc == HX_OK) {
        *result = hx_replica_place(entry, &at);
        rc = *result == HX_REPLICA_APPLIED
             ? hx_replica_writes(reg, txn, entry, err) : HX_NO;
    }

    if (rc == HX_OK
        && hx_replica_note(reg, txn, HX_REPLICA_M_EPOCH, &entry->epoch) != 0)
    {
        rc = hx_env_fail(err, "the epoch", MDB_MAP_FULL);
    }

    return hx_env_end(&reg->env, txn, rc, err);
}


hx_rc_t
hx_replica_log(hx_registry_t *reg, const hx_replica_entry_t *entry, size_t n,
    hx_epoch_t *epoch, char *err)
{
    int       code;
    hx_rc_t   rc;
    uint64_t  number;
    MDB_txn  *txn;

    if (n == 0) {
        return HX_NO;
    }

    if (hx_env_begin(&reg->env, 0, &txn, err) != HX_OK) {
        return HX_FAIL;
    }

    rc = hx_registry_loading(reg, txn, err);

    if (rc == HX_OK) {
        rc = hx_registry_epoch(reg, txn, epoch, err);
    }

    number = 0;

    if (rc == HX_OK) {
        number = epoch->number;
        rc = hx_replica_follow(reg, txn, entry, n, epoch, err);
    }

    if (rc == HX_OK && epoch->number == number) {
        (void) hx_env_end(&reg->env, txn, HX_NO, err);
        return HX_OK;
    }

    if (rc == HX_OK) {
        code = hx_replica_note(reg, txn, HX_REPLICA_M_EPOCH, epoch);

        if (code != 0) {
            rc = hx_env_fail(err, "the epoch", code);
        }
    }

    return hx_env_end(&reg->env, txn, rc, err);
}


hx_rc_t
hx_replica_count(hx_registry_t *reg, unsigned db, uint64_t *n, char *err)
{
    int       rc;
    hx_rc_t   answer;
    MDB_txn  *txn;
    MDB_stat  st;

    if (hx_env_begin(&reg->env, MDB_RDONLY, &txn, err) != HX_OK) {
        return HX_FAIL;
    }

    rc = mdb_stat(txn, reg->env.dbi[db], &st);
    *n = rc == 0 ? st.ms_entries : 0;

    answer = rc == 0 ? HX_OK : hx_env_fail(err, "mdb_stat", rc);

    return hx_env_end(&reg->env, txn, answer, err);
}


hx_rc_t
hx_replica_check(hx_registry_t *reg, unsigned db,
    const hx_replica_pair_t *pair, size_t n, hx_replica_diff_t *diff,
    char *err)
{
    int       rc;
    size_t    i;
    hx_rc_t   answer;
    MDB_txn  *txn;
    MDB_val   k, v;

    if (hx_env_begin(&reg->env, MDB_RDONLY, &txn, err) != HX_OK) {
        return HX_FAIL;
    }

    rc = 0;

    for (i = 0; i < n; i++) {
        k.mv_data = (void *) pair[i].key.data;
        k.mv_size = pair[i].key.len;
        rc = mdb_get(txn, reg->env.dbi[db], &k, &v);

        if (rc == MDB_NOTFOUND) {
            diff->missing++;

        } else if (rc != 0) {
            break;

        } else if (v.mv_size == pair[i].value.len
                   && memcmp(v.mv_data, pair[i].value.data, v.mv_size) == 0)
        {
            diff->same++;

        } else {
            diff->differ++;
        }
    }

    answer = rc == 0 || rc == MDB_NOTFOUND
             ? HX_OK : hx_env_fail(err, "mdb_get", rc);

    return hx_env_end(&reg->env, txn, answer, err);
}
