/*
 * hx_replica_load.c -- a replica is emptied and loaded from the hashes; see
 * hx_replica.h.
 *
 * The mark is set in the transaction that empties it, and goes in the one that
 * says where it stands; whatever happens between the two, it is marked.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hx_replica_impl.h"
#include "hx_text.h"


struct hx_replica_load_s {
    hx_registry_t   *reg;
    int              lock;
    hx_epoch_t       first;             /* of begin */
};


/* All of "meta" but the version, and by whom it is. */

static int
hx_replica_new_meta(hx_registry_t *reg, MDB_txn *txn)
{
    int          rc;
    MDB_val      k, v;
    hx_str_t     name;
    MDB_cursor  *cursor;

    rc = mdb_cursor_open(txn, reg->env.dbi[HX_REGISTRY_META], &cursor);
    if (rc != 0) {
        return rc;
    }

    while ((rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) == 0) {
        name.data = k.mv_data;
        name.len = k.mv_size;

        if (hx_text_is(&name, "version")
            || hx_text_is(&name, HX_REPLICA_M_BOOT))
        {
            continue;
        }

        rc = mdb_cursor_del(cursor, 0);
        if (rc != 0) {
            break;
        }
    }

    mdb_cursor_close(cursor);

    return rc == MDB_NOTFOUND ? 0 : rc;
}


int
hx_replica_new(hx_registry_t *reg, MDB_txn *txn)
{
    int       rc;
    unsigned  db;

    rc = hx_replica_new_meta(reg, txn);

    for (db = 0; rc == 0 && db < HX_REGISTRY_DBS; db++) {
        if (db != HX_REGISTRY_META) {
            rc = mdb_drop(txn, reg->env.dbi[db], 0);
        }
    }

    return rc;
}


/* May it be emptied?  HX_OK, HX_PENDING, HX_FAIL. */

static hx_rc_t
hx_replica_stands(hx_registry_t *reg, MDB_txn *txn, const hx_epoch_t *seen,
    char *err)
{
    hx_rc_t     rc;
    hx_epoch_t  stand;

    if (seen == NULL || hx_registry_loading(reg, txn, err) != HX_OK) {
        return HX_OK;
    }

    rc = hx_registry_epoch(reg, txn, &stand, err);

    if (rc != HX_OK) {
        return rc;
    }

    return hx_epoch_same(&stand, seen) ? HX_OK : HX_PENDING;
}


static hx_rc_t
hx_replica_mark(hx_registry_t *reg, const hx_epoch_t *epoch,
    const hx_epoch_t *seen, char *err)
{
    int       code;
    hx_rc_t   rc;
    MDB_txn  *txn;

    if (hx_registry_probe(reg) != HX_OK) {
        return hx_env_replaced(&reg->env, err, HX_FAIL);
    }

    if (hx_env_begin(&reg->env, 0, &txn, err) != HX_OK) {
        return HX_FAIL;
    }

    rc = hx_replica_stands(reg, txn, seen, err);

    if (rc == HX_OK) {
        code = hx_replica_new(reg, txn);

        if (code == 0) {
            code = hx_replica_note(reg, txn, HX_REPLICA_M_LOADING, epoch);
        }

        if (code != 0) {
            rc = hx_env_fail(err, "emptying the replica", code);
        }
    }

    return hx_env_end(&reg->env, txn, rc, err);
}


hx_rc_t
hx_replica_load_begin(hx_registry_t *reg, const hx_epoch_t *epoch,
    const hx_epoch_t *seen, hx_replica_load_t **out, char *err)
{
    hx_rc_t             rc;
    hx_replica_load_t  *load;

    *out = NULL;

    if (!reg->replica) {
        return hx_env_fail(err, "this is no replica", EINVAL);
    }

    load = malloc(sizeof(hx_replica_load_t));
    if (load == NULL) {
        return hx_env_fail(err, "malloc", ENOMEM);
    }

    load->reg = reg;
    load->first = *epoch;
    load->lock = hx_replica_lock(reg->dir, "load.lock", 0);

    if (load->lock == -1) {
        rc = errno == EWOULDBLOCK
             ? HX_NO : hx_env_fail(err, "load.lock", errno);
        free(load);

        return rc;
    }

    rc = hx_replica_mark(reg, epoch, seen, err);

    if (rc != HX_OK) {
        hx_replica_load_drop(load);
        return rc;
    }

    *out = load;

    return HX_OK;
}


/* Begins, and reads the mark; one without it is not ours any more. */

static hx_rc_t
hx_replica_resume(hx_replica_load_t *load, MDB_txn **txn, hx_epoch_t *epoch,
    char *err)
{
    int              rc;
    MDB_val          k, v;
    hx_str_t         text;
    hx_registry_t   *reg = load->reg;

    if (hx_env_begin(&reg->env, 0, txn, err) != HX_OK) {
        return HX_FAIL;
    }

    k.mv_data = (void *) HX_REPLICA_M_LOADING;
    k.mv_size = sizeof(HX_REPLICA_M_LOADING) - 1;

    rc = mdb_get(*txn, reg->env.dbi[HX_REGISTRY_META], &k, &v);

    if (rc == 0) {
        text.data = v.mv_data;
        text.len = v.mv_size;

        if (hx_epoch_parse(epoch, &text) == HX_OK) {
            return HX_OK;
        }

        rc = MDB_CORRUPTED;
    }

    return hx_env_end(&reg->env, *txn,
                      hx_env_fail(err, "what is being loaded", rc), err);
}


hx_rc_t
hx_replica_load_add(hx_replica_load_t *load, unsigned db,
    const hx_replica_pair_t *pair, size_t n, char *err)
{
    size_t       i;
    hx_rc_t      rc;
    MDB_txn     *txn;
    hx_epoch_t   epoch;

    if (db >= HX_REGISTRY_DBS) {
        return hx_env_fail(err, "a database", EINVAL);
    }

    rc = hx_replica_resume(load, &txn, &epoch, err);
    if (rc != HX_OK) {
        return rc;
    }

    for (i = 0; rc == HX_OK && i < n; i++) {
        rc = hx_replica_write(load->reg, txn, db, &pair[i].key,
                              &pair[i].value, err);
    }

    return hx_env_end(&load->reg->env, txn, rc, err);
}


hx_rc_t
hx_replica_load_log(hx_replica_load_t *load, const hx_replica_entry_t *entry,
    size_t n, hx_epoch_t *epoch, char *err)
{
    int       code;
    hx_rc_t   rc;
    MDB_txn  *txn;

    /* nothing was ever written, so there is no log either */

    if (n == 0) {
        *epoch = load->first;
        return load->first.number == 0 ? HX_OK : HX_NO;
    }

    rc = hx_replica_resume(load, &txn, epoch, err);
    if (rc != HX_OK) {
        return rc;
    }

    rc = hx_replica_follow(load->reg, txn, entry, n, epoch, err);

    if (rc == HX_OK) {
        code = hx_replica_note(load->reg, txn, HX_REPLICA_M_LOADING, epoch);

        if (code != 0) {
            rc = hx_env_fail(err, "the epoch", code);
        }
    }

    return hx_env_end(&load->reg->env, txn, rc, err);
}


hx_rc_t
hx_replica_load_end(hx_replica_load_t *load, hx_epoch_t *epoch, char *err)
{
    int             code;
    hx_rc_t         rc;
    MDB_val         k;
    MDB_txn        *txn;
    hx_registry_t  *reg = load->reg;

    rc = hx_replica_resume(load, &txn, epoch, err);

    if (rc == HX_OK) {
        k.mv_data = (void *) HX_REPLICA_M_LOADING;
        k.mv_size = sizeof(HX_REPLICA_M_LOADING) - 1;

        code = mdb_del(txn, reg->env.dbi[HX_REGISTRY_META], &k, NULL);

        if (code == 0) {
            code = hx_replica_note(reg, txn, HX_REPLICA_M_EPOCH, epoch);
        }

        if (code != 0) {
            rc = hx_env_fail(err, "the epoch", code);
        }

        rc = hx_env_end(&reg->env, txn, rc, err);
    }

    hx_replica_load_drop(load);

    return rc;
}


void
hx_replica_load_drop(hx_replica_load_t *load)
{
    if (load == NULL) {
        return;
    }

    (void) close(load->lock);
    free(load);
}
