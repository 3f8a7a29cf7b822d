/*
 * hx_registry_change.c -- the half of the embedded registry that blocks:
 * changes, and what an operator looks up; see hx_registry.h.  Called in
 * threads, each call is one transaction of its own.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hx_crypto.h"
#include "hx_registry_lmdb.h"


typedef struct {
    unsigned          n;
    hx_tenant_key_t   key[HX_TENANT_KEYS];
} hx_registry_keys_t;


hx_rc_t
hx_registry_tenant(hx_registry_txn_t *txn, const hx_str_t *id,
    MDB_val *v, hx_tenant_t *t, char *err)
{
    int      rc;
    MDB_val  k;

    k.mv_data = (void *) id->data;
    k.mv_size = id->len;

    rc = mdb_get(txn->mdb, txn->reg->env.dbi[HX_REGISTRY_TENANTS], &k, v);

    if (rc == MDB_NOTFOUND) {
        return HX_NO;
    }

    if (rc != 0) {
        return hx_env_fail(err, "mdb_get", rc);
    }

    return hx_tenant_decode(t, v->mv_data, v->mv_size) == HX_OK
           ? HX_OK : hx_registry_damaged(err, id);
}


/* The present record of a tenant as an edit; strings point into the map. */

static hx_rc_t
hx_registry_load(hx_registry_txn_t *txn, const hx_str_t *id,
    hx_tenant_edit_t *e, hx_audit_change_t *digest, char *err)
{
    hx_rc_t      rc;
    MDB_val      v;
    hx_tenant_t  t;

    rc = hx_registry_tenant(txn, id, &v, &t, err);
    if (rc != HX_OK) {
        return rc;
    }

    if (hx_tenant_edit(e, &t) != HX_OK) {
        return hx_registry_damaged(err, id);
    }

    if (hx_sha256_once(v.mv_data, v.mv_size, digest->before) != HX_OK) {
        return hx_env_fail(err, "SHA-256", EIO);
    }

    /* as it stays, unless it is changed */

    digest->has_before = 1;
    digest->has_after = 1;
    memcpy(digest->after, digest->before, HX_SHA256_LEN);

    return HX_OK;
}


/*
 * Brings the key index of one tenant up to date: 8 keys at most, so the old
 * ones simply go and the new ones come.
 */

static int
hx_registry_index(hx_registry_txn_t *txn, const hx_str_t *id,
    const hx_registry_keys_t *old, const hx_tenant_edit_t *e)
{
    int       rc;
    MDB_val   k, v;
    unsigned  i;

    k.mv_size = HX_SHA256_LEN;

    for (i = 0; i < old->n; i++) {
        k.mv_data = (void *) old->key[i].hash;

        rc = hx_registry_del(txn, HX_REGISTRY_KEYS, &k);
        if (rc != 0 && rc != MDB_NOTFOUND) {
            return rc;
        }
    }

    for (i = 0; e != NULL && i < e->n_keys; i++) {
        k.mv_data = (void *) e->keys[i].hash;
        v.mv_data = (void *) id->data;
        v.mv_size = id->len;

        /* two tenants with one key would share an identity: never */
        rc = hx_registry_put(txn, HX_REGISTRY_KEYS, &k, &v, MDB_NOOVERWRITE);
        if (rc != 0) {
            return rc;
        }
    }

    return 0;
}


/* From now on a registry without tenants may be one whose last was deleted. */

static int
hx_registry_emptied(hx_registry_txn_t *txn)
{
    MDB_val  k, v;

    k.mv_data = (void *) HX_REGISTRY_DELETED;
    k.mv_size = sizeof(HX_REGISTRY_DELETED) - 1;
    v.mv_data = (void *) "1";
    v.mv_size = 1;

    return hx_registry_put(txn, HX_REGISTRY_META, &k, &v, 0);
}


static int
hx_registry_write(hx_registry_txn_t *txn, const hx_change_t *change,
    const hx_registry_keys_t *old, const hx_tenant_edit_t *e,
    unsigned char *record, size_t len)
{
    int      rc;
    MDB_val  k, v;

    k.mv_data = (void *) change->id.data;
    k.mv_size = change->id.len;

    if (change->op == HX_CHANGE_DELETE) {
        rc = hx_registry_index(txn, &change->id, old, NULL);

        if (rc == 0) {
            rc = hx_registry_del(txn, HX_REGISTRY_TENANTS, &k);
        }

        if (rc == 0) {
            rc = hx_registry_book_del(txn, 's', &change->id);
        }

        return rc != 0 ? rc : hx_registry_emptied(txn);
    }

    rc = hx_registry_index(txn, &change->id, old, e);
    if (rc != 0) {
        return rc;
    }

    v.mv_data = record;
    v.mv_size = len;

    return hx_registry_put(txn, HX_REGISTRY_TENANTS, &k, &v, 0);
}


hx_rc_t
hx_registry_apply(hx_registry_txn_t *txn,
    const hx_change_t *change, hx_tenant_edit_t *e,
    hx_change_result_t *result, unsigned char *record, size_t *len,
    hx_audit_change_t *digest, char *err)
{
    int                  rc;
    hx_rc_t              loaded;
    hx_registry_keys_t   old;

    loaded = hx_registry_load(txn, &change->id, e, digest, err);
    if (loaded == HX_FAIL) {
        return HX_FAIL;
    }

    /* the edit's strings lie in the map, and no write may come before the
     * last use of them: keys are copied here, the record is encoded below */

    old.n = 0;

    if (loaded == HX_OK) {
        old.n = e->n_keys;
        memcpy(old.key, e->keys, e->n_keys * sizeof(hx_tenant_key_t));
    }

    *result = hx_tenant_apply(e, loaded == HX_OK, change);
    if (*result != HX_CHANGED) {
        return HX_NO;
    }

    *len = hx_tenant_encode(e, record, HX_TENANT_RECORD_MAX);
    if (*len == 0) {
        return hx_env_fail(err, "encoding the record", EOVERFLOW);
    }

    digest->has_after = change->op != HX_CHANGE_DELETE;

    if (hx_sha256_once(record, *len, digest->after) != HX_OK) {
        return hx_env_fail(err, "SHA-256", EIO);
    }

    rc = hx_registry_write(txn, change, &old, e, record, *len);

    return rc == 0 ? HX_OK : hx_env_fail(err, "writing", rc);
}


static int
hx_registry_free_pages(MDB_txn *txn, size_t *n)
{
    int          rc;
    size_t       count;
    MDB_val      k, v;
    MDB_cursor  *cursor;

    /* database 0 is the list of free pages; a value begins with their count */

    rc = mdb_cursor_open(txn, 0, &cursor);
    if (rc != 0) {
        return rc;
    }

    *n = 0;

    while ((rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) == 0) {
        if (v.mv_size < sizeof(count)) {
            rc = MDB_CORRUPTED;
            break;
        }

        memcpy(&count, v.mv_data, sizeof(count));
        *n += count;
    }

    mdb_cursor_close(cursor);

    return rc == MDB_NOTFOUND ? 0 : rc;
}


/*
 * Is there room for more?  LMDB copies pages even to delete, so a file that is
 * full to the last page could not take a leaked key back.  What adds something
 * therefore stops at map_size, or, where pages have been freed, in the middle
 * of the reserve; the rest of it is for everything else.
 */

hx_rc_t
hx_registry_room(hx_registry_t *reg, char *err)
{
    int           rc;
    size_t        used, spare;
    hx_rc_t       answer;
    MDB_txn      *txn;
    MDB_stat      st;
    MDB_envinfo   info;

    answer = hx_env_begin(&reg->env, MDB_RDONLY, &txn, err);
    if (answer != HX_OK) {
        return answer;
    }

    rc = mdb_env_info(reg->env.env, &info);

    if (rc == 0) {
        rc = mdb_env_stat(reg->env.env, &st);
    }

    if (rc == 0) {
        rc = hx_registry_free_pages(txn, &spare);
    }

    if (rc == 0) {
        used = (info.me_last_pgno + 1) * st.ms_psize;

        if (used > reg->map_size
            && (spare * st.ms_psize < HX_REGISTRY_RECORD
                || used > reg->map_size + HX_REGISTRY_RESERVE / 2))
        {
            rc = MDB_MAP_FULL;
        }
    }

    if (rc != 0) {
        answer = hx_env_fail(err, "map_size", rc);
    }

    return hx_env_end(&reg->env, txn, answer, err);
}


static int
hx_registry_adds(const hx_change_t *change)
{
    return change->op == HX_CHANGE_CREATE
           || change->op == HX_CHANGE_ADD_NAMESPACE;
}


hx_rc_t
hx_registry_change(hx_registry_t *reg, const hx_change_t *change,
    hx_change_result_t *result, unsigned char *record, size_t *len,
    hx_audit_change_t *digest, hx_registry_draft_t *draft, char *err)
{
    hx_rc_t              rc;
    hx_registry_txn_t    txn;
    hx_tenant_edit_t    *e;
    hx_audit_change_t    made;

    memset(&made, 0, sizeof(hx_audit_change_t));

    if (hx_registry_probe(reg) != HX_OK) {
        return hx_env_replaced(&reg->env, err, HX_FAIL);
    }

    if (hx_registry_adds(change) && hx_registry_room(reg, err) != HX_OK) {
        return HX_FAIL;
    }

    e = malloc(sizeof(hx_tenant_edit_t));
    if (e == NULL) {
        return hx_env_fail(err, "malloc", ENOMEM);
    }

    rc = hx_registry_begin(reg, 0, draft, &txn, err);

    if (rc == HX_OK) {
        rc = hx_registry_apply(&txn, change, e, result, record, len,
                               &made, err);

        if (rc == HX_OK && change->op == HX_CHANGE_UPDATE_TIER) {
            rc = hx_registry_book_set(&txn, &change->id, &change->plan,
                                      err);
        }

        rc = hx_registry_end(&txn, rc, err);
    }

    if (digest != NULL && rc != HX_FAIL) {
        *digest = made;
    }

    free(e);

    /* NO means that the rules refused it: an answer like any other */
    return rc == HX_NO ? HX_OK : rc;
}


hx_rc_t
hx_registry_get(hx_registry_t *reg, const hx_str_t *id, unsigned char *record,
    size_t *len, char *err)
{
    hx_rc_t      answer;
    hx_registry_txn_t  txn;
    MDB_val      v;
    hx_tenant_t  t;

    answer = hx_registry_begin(reg, MDB_RDONLY, NULL, &txn, err);
    if (answer != HX_OK) {
        return answer;
    }

    answer = hx_registry_tenant(&txn, id, &v, &t, err);

    if (answer == HX_OK) {
        memcpy(record, v.mv_data, v.mv_size);
        *len = v.mv_size;
    }

    return hx_registry_end(&txn, answer, err);
}


static hx_rc_t
hx_registry_walk(hx_registry_txn_t *txn, const hx_str_t *after,
    int (*each)(void *data, const hx_tenant_t *t), void *data, char *err)
{
    int           rc;
    hx_str_t      id;
    MDB_val       k, v;
    MDB_cursor   *cursor;
    hx_tenant_t   t;

    rc = mdb_cursor_open(txn->mdb, txn->reg->env.dbi[HX_REGISTRY_TENANTS],
                         &cursor);
    if (rc != 0) {
        return hx_env_fail(err, "mdb_cursor_open", rc);
    }

    k.mv_data = (void *) after->data;
    k.mv_size = after->len;

    rc = mdb_cursor_get(cursor, &k, &v,
                        after->len ? MDB_SET_RANGE : MDB_FIRST);

    if (rc == 0 && after->len != 0 && k.mv_size == after->len
        && memcmp(k.mv_data, after->data, after->len) == 0)
    {
        rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
    }

    while (rc == 0) {
        if (hx_tenant_decode(&t, v.mv_data, v.mv_size) != HX_OK) {
            id.data = k.mv_data;
            id.len = k.mv_size;
            mdb_cursor_close(cursor);
            return hx_registry_damaged(err, &id);
        }

        if (each(data, &t)) {
            break;
        }

        rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
    }

    mdb_cursor_close(cursor);

    return rc == 0 || rc == MDB_NOTFOUND
           ? HX_OK : hx_env_fail(err, "mdb_cursor_get", rc);
}


hx_rc_t
hx_registry_list(hx_registry_t *reg, const hx_str_t *after,
    int (*each)(void *data, const hx_tenant_t *t), void *data, char *err)
{
    hx_rc_t   rc;
    hx_registry_txn_t  txn;

    rc = hx_registry_begin(reg, MDB_RDONLY, NULL, &txn, err);
    if (rc != HX_OK) {
        return rc;
    }

    rc = hx_registry_walk(&txn, after, each, data, err);

    return hx_registry_end(&txn, rc, err);
}
