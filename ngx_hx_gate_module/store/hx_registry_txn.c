/*
 * hx_registry_txn.c -- transactions of threads in the embedded registry, and
 * the one place where its databases are written by a change: what is to become
 * a draft is recorded here; see hx_registry.h.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "hx_registry_lmdb.h"


void
hx_registry_draft_free(hx_registry_draft_t *draft)
{
    hx_writeset_free(&draft->writes);
}


hx_rc_t
hx_registry_loading(const hx_registry_t *reg, MDB_txn *txn, char *err)
{
    int      rc;
    MDB_val  k, v;

    if (!reg->replica) {
        return HX_OK;
    }

    k.mv_data = (void *) HX_REPLICA_M_LOADING;
    k.mv_size = sizeof(HX_REPLICA_M_LOADING) - 1;

    rc = mdb_get(txn, reg->env.dbi[HX_REGISTRY_META], &k, &v);

    if (rc == 0) {
        (void) snprintf(err, HX_REGISTRY_ERR, "the replica is being loaded");
        return HX_FAIL;
    }

    return rc == MDB_NOTFOUND ? HX_OK : hx_env_fail(err, "mdb_get", rc);
}


hx_rc_t
hx_registry_epoch(const hx_registry_t *reg, MDB_txn *txn, hx_epoch_t *epoch,
    char *err)
{
    int       rc;
    MDB_val   k, v;
    hx_str_t  text;

    k.mv_data = (void *) HX_REPLICA_M_EPOCH;
    k.mv_size = sizeof(HX_REPLICA_M_EPOCH) - 1;

    rc = mdb_get(txn, reg->env.dbi[HX_REGISTRY_META], &k, &v);

    if (rc == MDB_NOTFOUND) {
        hx_epoch_zero(epoch);
        return HX_OK;
    }

    if (rc == 0) {
        text.data = v.mv_data;
        text.len = v.mv_size;

        if (hx_epoch_parse(epoch, &text) == HX_OK) {
            return HX_OK;
        }

        rc = MDB_CORRUPTED;
    }

    return hx_env_fail(err, "the epoch", rc);
}


static hx_rc_t
hx_registry_begun(hx_registry_txn_t *txn, unsigned flags, char *err)
{
    hx_registry_t  *reg = txn->reg;

    if (hx_registry_loading(reg, txn->mdb, err) != HX_OK) {
        return HX_FAIL;
    }

    if (txn->draft != NULL) {
        hx_writeset_reset(&txn->draft->writes);
        return hx_registry_epoch(reg, txn->mdb, &txn->draft->base, err);
    }

    /* or it would be another registry than the one in Redis */

    return reg->replica && (flags & MDB_RDONLY) == 0
           ? hx_env_fail(err, "a replica follows Redis", EROFS) : HX_OK;
}


hx_rc_t
hx_registry_begin(hx_registry_t *reg, unsigned flags,
    hx_registry_draft_t *draft, hx_registry_txn_t *txn, char *err)
{
    txn->reg = reg;
    txn->draft = draft;

    if (hx_env_begin(&reg->env, flags, &txn->mdb, err) != HX_OK) {
        return HX_FAIL;
    }

    if (hx_registry_begun(txn, flags, err) != HX_OK) {
        return hx_env_end(&reg->env, txn->mdb, HX_FAIL, err);
    }

    return HX_OK;
}


/* The draft is whole, or empty. */

static hx_rc_t
hx_registry_drafted(hx_registry_draft_t *draft, hx_rc_t rc, char *err)
{
    hx_writeset_t  *ws = &draft->writes;

    static const hx_str_t  name = hx_string("version");
    static const hx_str_t  version = hx_string(HX_REGISTRY_VERSION);

    if (rc == HX_OK) {
        /* the first that ever writes says which layout it is */

        if (ws->n != 0 && draft->base.number == 0) {
            hx_writeset_put(ws, HX_WRITESET_META, &name, &version);
        }

        if (hx_writeset_finish(ws) == HX_OK) {
            return HX_OK;
        }

        rc = hx_env_fail(err, "a change of more than 4 MiB", ENOMEM);
    }

    hx_writeset_reset(ws);
    (void) hx_writeset_finish(ws);

    return rc;
}


hx_rc_t
hx_registry_end(hx_registry_txn_t *txn, hx_rc_t rc, char *err)
{
    if (txn->draft == NULL) {
        return hx_env_end(&txn->reg->env, txn->mdb, rc, err);
    }

    /* HX_NO: what was written is undone */

    (void) hx_env_end(&txn->reg->env, txn->mdb, HX_NO, err);

    return hx_registry_drafted(txn->draft, rc, err);
}


int
hx_registry_put(hx_registry_txn_t *txn, unsigned db, const MDB_val *k,
    const MDB_val *v, unsigned flags)
{
    int       rc;
    MDB_val   key, value;
    hx_str_t  name, text;

    key = *k;
    value = *v;

    rc = mdb_put(txn->mdb, txn->reg->env.dbi[db], &key, &value, flags);

    if (rc == 0 && txn->draft != NULL) {
        name.data = k->mv_data;
        name.len = k->mv_size;
        text.data = v->mv_data;
        text.len = v->mv_size;
        hx_writeset_put(&txn->draft->writes, db, &name, &text);
    }

    return rc;
}


int
hx_registry_del(hx_registry_txn_t *txn, unsigned db, const MDB_val *k)
{
    int       rc;
    MDB_val   key;
    hx_str_t  name;

    key = *k;

    rc = mdb_del(txn->mdb, txn->reg->env.dbi[db], &key, NULL);

    if (rc == 0 && txn->draft != NULL) {
        name.data = k->mv_data;
        name.len = k->mv_size;
        hx_writeset_delete(&txn->draft->writes, db, &name);
    }

    return rc;
}
