/*
 * hx_test_usage.h -- usage stores for tests: open, put, ask in a line each,
 * rows as bytes, and LMDB without the store, to look behind it.
 */

#ifndef HX_TEST_USAGE_H
#define HX_TEST_USAGE_H

#include "hx_test_dir.h"

#include "hx_lmdb.h"
#include "hx_usage.h"
#include "hx_usage_row.h"

#define HX_TEST_MONTH   202601

static char              test_err[HX_USAGE_ERR];
static hx_usage_conf_t   test_conf = {
    .dir = test_dir, .map_size = 16777216, .max_readers = 32
};


static inline hx_usage_t *
test_usage(void)
{
    hx_usage_t  *u;

    if (hx_usage_open(&u, &test_conf, test_err) != HX_OK) {
        fail_msg("%s", test_err);
    }

    return u;
}


/* Source number i; the bytes around are such as end or begin strings. */
static inline void
test_source(unsigned char source[HX_USAGE_SOURCE], unsigned i)
{
    memset(source, i % 2 ? 0x00 : 0xff, HX_USAGE_SOURCE);
    source[8] = (unsigned char) (i >> 8);
    source[11] = (unsigned char) i;
}


static inline void
test_row(hx_usage_row_t *row, const char *id, unsigned source,
    const hx_usage_entry_t *entries, size_t n)
{
    row->month = HX_TEST_MONTH;
    row->id = test_str(id);
    test_source(row->source, source);
    row->entries = entries;
    row->n = n;
}


static inline hx_rc_t
test_put_rows(hx_usage_t *u, const hx_usage_row_t *rows, size_t n)
{
    memset(test_err, 0, sizeof(test_err));

    return hx_usage_put(u, rows, n, test_err);
}


/* One row of one operation. */
static inline hx_rc_t
test_put(hx_usage_t *u, unsigned month, const char *id, unsigned source,
    const char *operation, uint64_t tenths)
{
    hx_usage_row_t    row;
    hx_usage_entry_t  e;

    e.operation = test_str(operation);
    e.tenths = tenths;
    test_row(&row, id, source, &e, 1);
    row.month = month;

    return test_put_rows(u, &row, 1);
}


/* The same, where it must succeed. */
static inline void
test_store(hx_usage_t *u, const char *id, unsigned source,
    const char *operation, uint64_t tenths)
{
    if (test_put(u, HX_TEST_MONTH, id, source, operation, tenths) != HX_OK) {
        fail_msg("%s: %s", id, test_err);
    }
}


/* source 0: all of them */
static inline hx_rc_t
test_get(hx_usage_t *u, unsigned month, const char *id, unsigned exclude,
    hx_usage_sum_t *sum)
{
    const hx_str_t  name = test_str(id);
    unsigned char   source[HX_USAGE_SOURCE];

    memset(test_err, 0, sizeof(test_err));
    test_source(source, exclude);

    return hx_usage_get(u, month, &name, exclude ? source : NULL, sum,
                        test_err);
}


static inline hx_rc_t
test_total(hx_usage_t *u, unsigned month, const char *id, unsigned exclude,
    uint64_t *tenths)
{
    const hx_str_t  name = test_str(id);
    unsigned char   source[HX_USAGE_SOURCE];

    memset(test_err, 0, sizeof(test_err));
    test_source(source, exclude);

    return hx_usage_total(u, month, &name, source, exclude ? 1 : 0, tenths,
                          test_err);
}


/* The total of HX_TEST_MONTH, which get() must agree with. */
static inline uint64_t
test_used(hx_usage_t *u, const char *id, unsigned exclude)
{
    hx_rc_t                 rc;
    uint64_t                tenths;
    static hx_usage_sum_t   sum;

    tenths = UINT64_MAX;

    if (test_total(u, HX_TEST_MONTH, id, exclude, &tenths) != HX_OK) {
        fail_msg("%s", test_err);
    }

    rc = test_get(u, HX_TEST_MONTH, id, exclude, &sum);
    assert_int_equal(rc, sum.n != 0 ? HX_OK : HX_NO);
    assert_int_equal(sum.tenths, tenths);

    return tenths;
}


/* Of one operation in a sum; UINT64_MAX when it is not there. */
static inline uint64_t
test_of(const hx_usage_sum_t *sum, const char *operation)
{
    size_t          i;
    uint64_t        found;
    const hx_str_t  name = test_str(operation);

    found = UINT64_MAX;

    for (i = 0; i < sum->n; i++) {
        if (test_same(&sum->entries[i].operation, &name)) {
            assert_true(found == UINT64_MAX);
            found = sum->entries[i].tenths;
        }
    }

    return found;
}


/* A row as it goes through Redis. */
typedef struct {
    hx_usage_raw_t   raw;
    unsigned char    key[HX_USAGE_KEY];
    unsigned char    value[64];
} hx_test_raw_t;


static inline void
test_make(hx_test_raw_t *r, unsigned month, const char *id, unsigned source,
    uint64_t tenths)
{
    hx_usage_row_t    row;
    hx_usage_entry_t  e;

    e.operation = test_str("put");
    e.tenths = tenths;
    test_row(&row, id, source, &e, 1);

    r->raw.key.data = r->key;
    r->raw.key.len = hx_usage_key_prefix(r->key, month, &row.id);
    memcpy(r->key + r->raw.key.len, row.source, HX_USAGE_SOURCE);
    r->raw.key.len += HX_USAGE_SOURCE;
    r->raw.value.data = r->value;
    r->raw.value.len = hx_usage_value_size(&row);
    hx_usage_value_write(r->value, &r->raw.key, &row);
    r->raw.tenths = tenths;
}


static inline hx_epoch_t
test_epoch(uint64_t number, char c)
{
    hx_epoch_t  e;

    e.number = number;
    memset(e.token, c, HX_EPOCH_TOKEN);

    return e;
}


static inline MDB_env *
test_raw(MDB_txn **txn, unsigned flags)
{
    MDB_env  *env;

    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 8), 0);
    assert_int_equal(mdb_env_set_mapsize(env, test_conf.map_size), 0);
    assert_int_equal(mdb_env_open(env, test_path("usage.mdb"),
                                  MDB_NOTLS | MDB_NOSUBDIR, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, flags, txn), 0);

    return env;
}


/* How many rows there are. */
static inline size_t
test_rows(void)
{
    MDB_dbi    dbi;
    MDB_env   *env;
    MDB_txn   *txn;
    MDB_stat   st;

    env = test_raw(&txn, MDB_RDONLY);
    assert_int_equal(mdb_dbi_open(txn, "usage", 0, &dbi), 0);
    assert_int_equal(mdb_stat(txn, dbi, &st), 0);
    mdb_txn_abort(txn);
    mdb_env_close(env);

    return st.ms_entries;
}

#endif /* HX_TEST_USAGE_H */
