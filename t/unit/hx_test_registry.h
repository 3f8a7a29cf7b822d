/*
 * hx_test_registry.h -- registries for tests: open, change, ask in a line each,
 * and the check that "keys" and "tenants" say the same.
 */

#ifndef HX_TEST_REGISTRY_H
#define HX_TEST_REGISTRY_H

#include "hx_test_dir.h"
#include "hx_test_tenant.h"

#include "hx_lmdb.h"
#include "hx_registry.h"

#define HX_TEST_NOW   1700000000

static char                 test_err[HX_REGISTRY_ERR];
static hx_registry_conf_t   test_conf = {
    .dir = test_dir, .map_size = 16777216, .max_readers = 32
};
static unsigned char        test_bytes[HX_TENANT_RECORD_MAX];
static size_t               test_len;


static inline hx_registry_t *
test_registry(void)
{
    hx_registry_t  *reg;

    if (hx_registry_open(&reg, &test_conf, test_err) != HX_OK) {
        fail_msg("%s", test_err);
    }

    return reg;
}


/* Key number i as everybody here numbers keys. */
static inline void
test_hash(unsigned char hash[HX_SHA256_LEN], unsigned i)
{
    memset(hash, 0x77, HX_SHA256_LEN);
    hash[0] = (unsigned char) i;
    hash[1] = (unsigned char) (i >> 8);
    hash[2] = (unsigned char) (i >> 16);
}


static inline void
test_change(hx_change_t *c, hx_change_op_t op, const char *id, unsigned key)
{
    memset(c, 0, sizeof(hx_change_t));
    c->op = op;
    c->now = HX_TEST_NOW;
    c->id = test_str(id);
    c->plan = test_str("starter");
    c->n_namespaces = 1;
    c->namespaces[0] = test_str("default");
    test_hash(c->hash, key);
}


static inline hx_rc_t
test_apply(hx_registry_t *reg, const hx_change_t *c,
    hx_change_result_t *result)
{
    memset(test_err, 0, sizeof(test_err));

    return hx_registry_change(reg, c, result, test_bytes, &test_len, NULL,
                              NULL, test_err);
}


/* A change that must come about. */
static inline void
test_do(hx_registry_t *reg, hx_change_op_t op, const char *id, unsigned key)
{
    hx_rc_t              rc;
    hx_change_result_t   result;
    static hx_change_t   c;

    test_change(&c, op, id, key);
    rc = test_apply(reg, &c, &result);

    if (rc != HX_OK || result != HX_CHANGED) {
        fail_msg("%s: %d %d %s", id, rc, result, test_err);
    }
}


/* Who has this key?  *id = "" unless HX_OK. */
static inline hx_rc_t
test_who(hx_registry_t *reg, unsigned key, char id[HX_TENANT_MAX + 1])
{
    hx_rc_t         rc;
    hx_str_t        record;
    hx_tenant_t     t;
    unsigned char   hash[HX_SHA256_LEN];

    id[0] = '\0';
    test_hash(hash, key);
    memset(test_err, 0, sizeof(test_err));
    rc = hx_registry_find(reg, hash, &record, test_err);

    if (rc == HX_OK) {
        assert_int_equal(hx_tenant_decode(&t, record.data, record.len),
                         HX_OK);
        assert_int_not_equal(hx_tenant_key_valid(&t, hash, HX_TEST_NOW),
                             HX_FAIL);
        memcpy(id, t.id.data, t.id.len);
        id[t.id.len] = '\0';
    }

    hx_registry_release(reg);

    return rc;
}


static inline hx_rc_t
test_get(hx_registry_t *reg, const char *id, hx_tenant_t *t)
{
    hx_rc_t         rc;
    const hx_str_t  name = test_str(id);

    memset(test_err, 0, sizeof(test_err));
    rc = hx_registry_get(reg, &name, test_bytes, &test_len, test_err);

    if (rc == HX_OK) {
        assert_int_equal(hx_tenant_decode(t, test_bytes, test_len), HX_OK);
    }

    return rc;
}


/* LMDB without the registry: to look behind it. */
static inline MDB_env *
test_raw(MDB_txn **txn, unsigned flags)
{
    MDB_env  *env;

    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 8), 0);
    assert_int_equal(mdb_env_set_mapsize(env, test_conf.map_size), 0);
    assert_int_equal(mdb_env_open(env, test_dir, MDB_NOTLS, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, flags, txn), 0);

    return env;
}


/* Each key leads to a tenant that knows it, each tenant's keys are there. */
static inline void
test_consistent(void)
{
    MDB_dbi       keys, tenants;
    MDB_env      *env;
    MDB_txn      *txn;
    MDB_val       k, v, r;
    unsigned      i, counted;
    MDB_stat      st;
    MDB_cursor   *cursor;
    hx_tenant_t   t;
    hx_tenant_key_t  key;

    env = test_raw(&txn, MDB_RDONLY);
    assert_int_equal(mdb_dbi_open(txn, "keys", 0, &keys), 0);
    assert_int_equal(mdb_dbi_open(txn, "tenants", 0, &tenants), 0);

    assert_int_equal(mdb_cursor_open(txn, keys, &cursor), 0);

    while (mdb_cursor_get(cursor, &k, &v, MDB_NEXT) == 0) {
        assert_int_equal(k.mv_size, HX_SHA256_LEN);
        assert_int_equal(mdb_get(txn, tenants, &v, &r), 0);
        assert_int_equal(hx_tenant_decode(&t, r.mv_data, r.mv_size), HX_OK);
        assert_int_not_equal(hx_tenant_key_valid(&t, k.mv_data, 0), HX_FAIL);
    }

    mdb_cursor_close(cursor);
    assert_int_equal(mdb_cursor_open(txn, tenants, &cursor), 0);
    counted = 0;

    while (mdb_cursor_get(cursor, &k, &r, MDB_NEXT) == 0) {
        assert_int_equal(hx_tenant_decode(&t, r.mv_data, r.mv_size), HX_OK);
        assert_int_equal(t.id.len, k.mv_size);
        assert_memory_equal(t.id.data, k.mv_data, k.mv_size);

        for (i = 0; i < t.n_keys; i++, counted++) {
            hx_tenant_key(&t, i, &key);
            k.mv_data = key.hash;
            k.mv_size = HX_SHA256_LEN;
            assert_int_equal(mdb_get(txn, keys, &k, &v), 0);
            assert_int_equal(v.mv_size, t.id.len);
            assert_memory_equal(v.mv_data, t.id.data, t.id.len);
        }
    }

    mdb_cursor_close(cursor);
    assert_int_equal(mdb_stat(txn, keys, &st), 0);
    assert_int_equal(st.ms_entries, counted);
    mdb_txn_abort(txn);
    mdb_env_close(env);
}

#endif /* HX_TEST_REGISTRY_H */
