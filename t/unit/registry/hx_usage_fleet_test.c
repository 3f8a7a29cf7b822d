/*
 * hx_usage_fleet_test.c -- the outbox of the usage store, and what comes from
 * other nodes: each rule by itself, then all of them in any order against a
 * model that is an array, with the store closed and opened in between.
 */

#include "hx_test_usage.h"

#define HX_STEPS     6000
#define HX_MONTHS    3
#define HX_TENANTS   4
#define HX_SOURCES   4
#define HX_ALL       (HX_MONTHS * HX_TENANTS * HX_SOURCES)


/* What is stored, and what is noted, in the order of keys. */
typedef struct {
    uint64_t     tenths[HX_ALL];        /* 0 = no row */
    int          noted[HX_ALL];
    int          placed;
    hx_epoch_t   cursor;
    hx_epoch_t   pushed;
} hx_test_model_t;

static const unsigned     months[HX_MONTHS] = { 202512, 202601, 202602 };
static const char *const  ids[HX_TENANTS] = { "a", "ab", "acme", "b" };
static const unsigned     sources[HX_SOURCES] = { 1, 3, 2, 4 };

static hx_test_model_t    model;
static const hx_epoch_t   zero = {
    0, { [0 ... HX_EPOCH_TOKEN - 1] = '0' }
};


static int
test_begin(void **state)
{
    test_conf.fleet = 1;
    test_conf.existing = 0;
    test_conf.map_size = 16777216;
    memset(&model, 0, sizeof(model));
    model.cursor = zero;
    model.pushed = zero;

    return test_dir_make(state);
}


static void
test_make_at(hx_test_raw_t *r, size_t i, uint64_t tenths)
{
    test_make(r, months[i / (HX_TENANTS * HX_SOURCES)],
              ids[i / HX_SOURCES % HX_TENANTS], sources[i % HX_SOURCES],
              tenths);
}


static size_t
test_count(hx_usage_t *u)
{
    size_t  n;

    assert_int_equal(hx_usage_unsent_count(u, &n, test_err), HX_OK);

    return n;
}


static hx_usage_pack_t *
test_unsent(hx_usage_t *u, size_t rows, size_t bytes)
{
    hx_rc_t           rc;
    hx_usage_pack_t  *pack;

    rc = hx_usage_unsent(u, rows, bytes, &pack, test_err);

    if (rc == HX_FAIL) {
        fail_msg("%s", test_err);
    }

    assert_int_equal(pack != NULL, rc == HX_OK);

    return pack;
}


static void
test_sent(hx_usage_t *u, hx_usage_pack_t *pack, uint64_t number)
{
    const hx_epoch_t  pushed = test_epoch(number, 'b');

    assert_int_equal(hx_usage_sent(u, pack, &pushed, test_err), HX_OK);
    hx_usage_pack_free(pack);
}


static void
test_cursor_set(hx_usage_t *u, uint64_t number)
{
    const hx_epoch_t  e = test_epoch(number, number ? 'a' : '0');

    assert_int_equal(hx_usage_cursor_set(u, &e, test_err), HX_OK);
}


static void
test_place(hx_usage_t *u, hx_rc_t want, uint64_t cursor, uint64_t pushed)
{
    hx_epoch_t  c, p;

    assert_int_equal(hx_usage_cursor(u, &c, &p, test_err), want);
    assert_int_equal(c.number, cursor);
    assert_int_equal(p.number, pushed);
    assert_true(hx_epoch_valid(&c) && hx_epoch_valid(&p));
    assert_true(c.number != 0 || hx_epoch_same(&c, &zero));
    assert_true(p.number != 0 || hx_epoch_same(&p, &zero));
}


static hx_usage_merged_t
test_merge(hx_usage_t *u, const hx_usage_raw_t *rows, size_t n,
    uint64_t number, unsigned char *changed)
{
    hx_usage_merged_t  m;
    const hx_epoch_t   e = test_epoch(number, 'a');

    if (hx_usage_merge(u, rows, n, &e, changed, &m, test_err) != HX_OK) {
        fail_msg("%s", test_err);
    }

    assert_int_equal(m.stored + m.same + m.smaller + m.damaged, n);

    return m;
}


/* A value of a database; its length, 0 = it is not there. */
static size_t
test_value(const char *db, const void *key, size_t len, void *out, size_t cap)
{
    size_t    n;
    MDB_dbi   dbi;
    MDB_env  *env;
    MDB_txn  *txn;
    MDB_val   k, v;

    n = 0;
    env = test_raw(&txn, MDB_RDONLY);
    assert_int_equal(mdb_dbi_open(txn, db, 0, &dbi), 0);
    k.mv_data = (void *) key;
    k.mv_size = len;

    if (mdb_get(txn, dbi, &k, &v) == 0) {
        assert_true(v.mv_size <= cap);
        memcpy(out, v.mv_data, v.mv_size);
        n = v.mv_size;
    }

    mdb_txn_abort(txn);
    mdb_env_close(env);

    return n;
}


static void
test_overwrite(const char *db, const void *key, size_t len, const void *value,
    size_t n)
{
    MDB_dbi   dbi;
    MDB_env  *env;
    MDB_txn  *txn;
    MDB_val   k, v;

    env = test_raw(&txn, 0);
    assert_int_equal(mdb_dbi_open(txn, db, 0, &dbi), 0);
    k.mv_data = (void *) key;
    k.mv_size = len;
    v.mv_data = (void *) value;
    v.mv_size = n;
    assert_int_equal(mdb_put(txn, dbi, &k, &v, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}


static void
noted_until_sent(void **state)
{
    hx_usage_t       *u;
    hx_test_raw_t     want;
    hx_usage_pack_t  *pack;

    u = test_usage();
    assert_null(test_unsent(u, 8, 4096));
    test_cursor_set(u, 0);

    test_store(u, "acme", 1, "put", 5);
    test_store(u, "beta", 1, "put", 6);
    test_store(u, "beta", 1, "put", 7);
    assert_int_equal(test_count(u), 2);

    /* whoever dies here, it is still to be said */

    hx_usage_pack_free(test_unsent(u, 8, 4096));
    hx_usage_close(u);
    u = test_usage();
    assert_int_equal(test_count(u), 2);

    pack = test_unsent(u, 8, 4096);
    assert_int_equal(pack->n, 2);
    assert_int_equal(pack->more, 0);
    assert_int_equal(pack->damaged, 0);
    test_make(&want, HX_TEST_MONTH, "beta", 1, 7);
    assert_true(test_same(&pack->row[1].key, &want.raw.key));
    assert_true(test_same(&pack->row[1].value, &want.raw.value));
    assert_int_equal(pack->row[1].tenths, 7);
    assert_int_equal(pack->row[0].tenths, 5);

    /* what has changed meanwhile is not what was sent */

    test_store(u, "acme", 1, "put", 8);
    test_sent(u, pack, 3);
    test_place(u, HX_OK, 0, 3);
    assert_int_equal(test_count(u), 1);

    pack = test_unsent(u, 8, 4096);
    assert_int_equal(pack->n, 1);
    assert_int_equal(pack->row[0].tenths, 8);
    test_sent(u, pack, 4);
    assert_null(test_unsent(u, 8, 4096));
    assert_int_equal(test_used(u, "acme", 0), 8);
    hx_usage_close(u);
}


static void
packs_have_limits(void **state)
{
    size_t            one;
    unsigned          i;
    hx_usage_t       *u;
    hx_usage_pack_t  *pack;
    char              id[8];

    u = test_usage();
    test_cursor_set(u, 0);

    for (i = 0; i < 9; i++) {
        (void) snprintf(id, sizeof(id), "t%u", i);
        test_store(u, id, 1, "put", i + 1);
    }

    one = 6 + 2 + 1 + 12 + 4 + 1 + 3 + 8;

    pack = test_unsent(u, 4, SIZE_MAX);
    assert_int_equal(pack->n, 4);
    assert_int_equal(pack->bytes, 4 * one);
    assert_int_equal(pack->more, 1);
    hx_usage_pack_free(pack);

    pack = test_unsent(u, SIZE_MAX, 3 * one);
    assert_int_equal(pack->n, 3);
    assert_int_equal(pack->more, 1);
    hx_usage_pack_free(pack);

    pack = test_unsent(u, SIZE_MAX, 3 * one - 1);
    assert_int_equal(pack->n, 2);
    hx_usage_pack_free(pack);

    pack = test_unsent(u, 0, 0);
    assert_int_equal(pack->n, 1);
    assert_int_equal(pack->more, 1);
    test_sent(u, pack, 1);

    pack = test_unsent(u, 8, 8 * one);
    assert_int_equal(pack->n, 8);
    assert_int_equal(pack->more, 0);
    assert_int_equal(pack->row[0].tenths, 2);
    test_sent(u, pack, 2);
    assert_null(test_unsent(u, 1, 1));
    hx_usage_close(u);
}


/* Without a fleet nothing is noted, so where it stands is forgotten. */
static void
without_a_fleet(void **state)
{
    hx_usage_t         *u;
    hx_test_raw_t       r;
    hx_usage_pack_t    *pack;
    hx_usage_merged_t   m;
    const hx_epoch_t    e = test_epoch(9, 'a');

    test_conf.fleet = 0;
    u = test_usage();
    test_store(u, "acme", 1, "put", 5);
    assert_int_equal(test_count(u), 0);
    test_place(u, HX_NO, 0, 0);
    hx_usage_close(u);

    test_conf.fleet = 1;
    u = test_usage();
    test_cursor_set(u, 7);
    test_store(u, "beta", 1, "put", 6);
    test_place(u, HX_OK, 7, 0);
    pack = test_unsent(u, 8, 4096);
    hx_usage_close(u);

    test_conf.fleet = 0;
    u = test_usage();
    test_place(u, HX_OK, 7, 0);
    test_store(u, "acme", 1, "put", 6);
    test_place(u, HX_NO, 0, 0);

    /* and an answer that comes later does not bring it back */

    test_make(&r, HX_TEST_MONTH, "gamma", 2, 1);
    assert_int_equal(hx_usage_merge(u, &r.raw, 1, &e, NULL, &m, test_err),
                     HX_NO);
    assert_int_equal(hx_usage_sent(u, pack, &e, test_err), HX_NO);
    hx_usage_pack_free(pack);
    test_place(u, HX_NO, 0, 0);
    assert_int_equal(test_used(u, "gamma", 0), 0);
    assert_int_equal(test_count(u), 1);
    hx_usage_close(u);
}


/* As earlier versions left it: two databases. */
static void
an_old_file(void **state)
{
    MDB_dbi      dbi;
    MDB_env     *env;
    MDB_txn     *txn;
    hx_usage_t  *u;

    test_conf.fleet = 0;
    u = test_usage();
    test_store(u, "acme", 1, "put", 5);
    hx_usage_close(u);

    env = test_raw(&txn, 0);
    assert_int_equal(mdb_dbi_open(txn, "unsent", 0, &dbi), 0);
    assert_int_equal(mdb_drop(txn, dbi, 1), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);

    test_conf.existing = 1;
    test_conf.fleet = 1;
    u = test_usage();
    assert_int_equal(test_count(u), 0);
    assert_int_equal(test_used(u, "acme", 0), 5);
    test_store(u, "acme", 1, "put", 6);
    assert_int_equal(test_count(u), 1);
    hx_usage_close(u);

    u = test_usage();
    assert_int_equal(test_count(u), 1);
    hx_usage_close(u);
}


static void
damaged_rows(void **state)
{
    hx_usage_t         *u;
    hx_test_raw_t       r;
    hx_usage_pack_t    *pack;
    hx_usage_merged_t   m;

    u = test_usage();
    test_cursor_set(u, 0);
    test_store(u, "acme", 1, "put", 5);
    test_store(u, "beta", 1, "put", 6);
    test_store(u, "huge", 1, "put", HX_USAGE_SEND_MAX + 1);
    test_store(u, "last", 1, "put", HX_USAGE_SEND_MAX);
    hx_usage_close(u);

    test_make(&r, HX_TEST_MONTH, "acme", 1, 5);
    r.value[10] ^= 1;
    test_overwrite("usage", r.key, r.raw.key.len, r.value, r.raw.value.len);
    test_overwrite("unsent", "202601?", 7, "", 0);

    u = test_usage();
    pack = test_unsent(u, 8, 4096);
    assert_int_equal(pack->n, 2);
    assert_int_equal(pack->damaged, 3);
    assert_int_equal(pack->row[0].tenths, 6);
    assert_int_equal(pack->row[1].tenths, HX_USAGE_SEND_MAX);
    assert_non_null(strstr(test_err, "\"?\""));
    test_sent(u, pack, 1);
    assert_int_equal(test_count(u), 3);

    assert_int_equal(hx_usage_unsent(u, 8, 4096, &pack, test_err), HX_FAIL);
    assert_null(pack);

    /* the fleet's is better than one that is damaged */

    test_make(&r, HX_TEST_MONTH, "acme", 1, 4);
    m = test_merge(u, &r.raw, 1, 2, NULL);
    assert_int_equal(m.stored, 1);
    assert_int_equal(test_used(u, "acme", 0), 4);
    pack = test_unsent(u, 8, 4096);
    assert_int_equal(pack->n, 1);
    assert_int_equal(pack->damaged, 2);
    hx_usage_pack_free(pack);
    hx_usage_close(u);

    /* the name of who it is */

    test_make(&r, HX_TEST_MONTH, "acme", 1, 4);
    test_overwrite("usage", r.key, r.raw.key.len, r.value, 3);
    test_overwrite("unsent", "20260", 5, "", 0);
    u = test_usage();
    assert_int_equal(hx_usage_unsent(u, 8, 4096, &pack, test_err), HX_FAIL);
    assert_non_null(strstr(test_err, "\"?\""));
    hx_usage_close(u);
}


/* Who is damaged, by name. */
static void
damaged_by_name(void **state)
{
    hx_usage_t       *u;
    hx_test_raw_t     r;
    hx_usage_pack_t  *pack;

    u = test_usage();
    test_cursor_set(u, 0);
    test_store(u, "acme", 1, "put", 5);
    test_store(u, "beta", 1, "put", HX_USAGE_SEND_MAX + 1);
    assert_non_null(pack = test_unsent(u, 8, 4096));
    assert_int_equal(pack->damaged, 1);
    assert_string_equal(test_err, "usage of tenant \"beta\" in 2026-01 does "
                        "not fit into one sum");
    hx_usage_pack_free(pack);
    hx_usage_close(u);

    test_make(&r, HX_TEST_MONTH, "acme", 1, 5);
    r.value[0] ^= 1;
    test_overwrite("usage", r.key, r.raw.key.len, r.value, r.raw.value.len);

    u = test_usage();
    assert_int_equal(hx_usage_unsent(u, 8, 4096, &pack, test_err), HX_FAIL);
    assert_string_equal(test_err,
                        "usage of tenant \"acme\" in 2026-01 is damaged");
    hx_usage_close(u);
}


static void
cursors(void **state)
{
    size_t           n, i;
    hx_usage_t      *u;
    hx_epoch_t       e;
    unsigned char    bytes[64];

    u = test_usage();
    test_place(u, HX_NO, 0, 0);
    test_cursor_set(u, 5);
    test_store(u, "acme", 1, "put", 5);
    test_sent(u, test_unsent(u, 1, 1), 8);
    test_place(u, HX_OK, 5, 8);

    /* until the cursor is there */

    (void) test_merge(u, NULL, 0, 7, NULL);
    test_place(u, HX_OK, 7, 8);
    (void) test_merge(u, NULL, 0, 8, NULL);
    test_place(u, HX_OK, 8, 0);

    test_store(u, "acme", 1, "put", 6);
    test_sent(u, test_unsent(u, 1, 1), 9);
    test_place(u, HX_OK, 8, 9);
    test_cursor_set(u, 0);
    test_place(u, HX_OK, 0, 0);
    test_cursor_set(u, HX_EPOCH_LAST);
    hx_usage_close(u);

    u = test_usage();
    test_place(u, HX_OK, HX_EPOCH_LAST, 0);
    e = test_epoch(3, 'Z');
    assert_int_equal(hx_usage_cursor_set(u, &e, test_err), HX_OK);
    test_place(u, HX_OK, HX_EPOCH_LAST, 0);
    test_cursor_set(u, 5);
    hx_usage_close(u);

    /* no byte of it is believed */

    n = test_value("meta", "fleet", 5, bytes, sizeof(bytes));
    assert_int_equal(n, 52);

    for (i = 0; i <= n; i++) {
        if (i < n) {
            bytes[i] ^= 1;
        }

        test_overwrite("meta", "fleet", 5, bytes, i < n ? n : n - 1);
        u = test_usage();
        test_place(u, HX_OK, HX_EPOCH_LAST, 0);
        hx_usage_close(u);

        if (i < n) {
            bytes[i] ^= 1;
        }
    }
}


static void
larger_wins(void **state)
{
    unsigned            i;
    hx_usage_t         *u;
    unsigned char       changed[4];
    hx_test_raw_t       r[4];
    hx_usage_raw_t      rows[4];
    hx_usage_merged_t   m;

    u = test_usage();
    test_cursor_set(u, 0);
    test_store(u, "less", 1, "put", 5);
    test_store(u, "more", 1, "put", 5);
    test_store(u, "same", 1, "put", 5);
    test_sent(u, test_unsent(u, 8, 4096), 1);

    test_make(&r[0], HX_TEST_MONTH, "less", 1, 4);
    test_make(&r[1], HX_TEST_MONTH, "more", 1, 6);
    test_make(&r[2], HX_TEST_MONTH, "same", 1, 5);
    test_make(&r[3], HX_TEST_MONTH, "new", 2, 7);

    for (i = 0; i < 4; i++) {
        rows[i] = r[i].raw;
    }

    memset(changed, 7, sizeof(changed));
    m = test_merge(u, rows, 4, 2, changed);
    assert_int_equal(m.stored, 2);
    assert_int_equal(m.same, 1);
    assert_int_equal(m.smaller, 1);
    assert_memory_equal(changed, "\0\1\0\1", 4);
    test_place(u, HX_OK, 2, 0);

    assert_int_equal(test_used(u, "less", 0), 5);
    assert_int_equal(test_used(u, "more", 0), 6);
    assert_int_equal(test_used(u, "same", 0), 5);
    assert_int_equal(test_used(u, "new", 0), 7);

    /* Redis gets back what it had lost; of what came from there, nothing */

    assert_int_equal(test_count(u), 1);
    test_sent(u, test_unsent(u, 8, 4096), 3);
    m = test_merge(u, rows + 1, 3, 3, NULL);
    assert_int_equal(m.same, 3);
    assert_int_equal(test_count(u), 0);
    hx_usage_close(u);
}


static void
no_rows_of_ours(void **state)
{
    size_t              i;
    hx_usage_t         *u;
    hx_test_raw_t       r, bad;
    hx_usage_merged_t   m;

    u = test_usage();
    test_cursor_set(u, 0);
    test_make(&r, HX_TEST_MONTH, "acme", 1, 5);

    for (i = 0; i < r.raw.key.len; i++) {           /* its checksum, too */
        bad = r;
        bad.raw.key.data = bad.key;
        bad.key[i] ^= 1;
        m = test_merge(u, &bad.raw, 1, 1, NULL);
        assert_int_equal(m.damaged, 1);
    }

    for (i = 0; i < r.raw.value.len; i++) {
        bad = r;
        bad.raw.value.data = bad.value;
        bad.value[i] ^= 1;
        m = test_merge(u, &bad.raw, 1, 1, NULL);
        assert_int_equal(m.damaged, 1);
    }

    for (i = 0; i < r.raw.key.len; i++) {
        bad = r;
        bad.raw.key.len = i;
        m = test_merge(u, &bad.raw, 1, 1, NULL);
        assert_int_equal(m.damaged, 1);
    }

    for (i = 0; i < r.raw.value.len; i++) {
        bad = r;
        bad.raw.value.len = i;
        m = test_merge(u, &bad.raw, 1, 1, NULL);
        assert_int_equal(m.damaged, 1);
    }

    test_make(&bad, 202613, "acme", 1, 5);
    assert_int_equal(test_merge(u, &bad.raw, 1, 1, NULL).damaged, 1);
    test_make(&bad, HX_TEST_MONTH, "A b", 1, 5);
    assert_int_equal(test_merge(u, &bad.raw, 1, 1, NULL).damaged, 1);
    test_make(&bad, HX_TEST_MONTH, "acme", 1, HX_USAGE_SEND_MAX + 1);
    assert_int_equal(test_merge(u, &bad.raw, 1, 1, NULL).damaged, 1);
    hx_usage_close(u);
    assert_int_equal(test_rows(), 0);

    u = test_usage();
    assert_int_equal(test_merge(u, &r.raw, 1, 1, NULL).stored, 1);
    hx_usage_close(u);
}


/* All of it or nothing, the cursor too. */
static void
a_full_map(void **state)
{
    unsigned                i;
    hx_rc_t                 rc;
    hx_usage_t             *u;
    hx_epoch_t              e;
    hx_usage_merged_t       m;
    static hx_test_raw_t    r[2000];
    static hx_usage_raw_t   rows[2000];
    char                    id[16];

    test_conf.map_size = 131072;
    u = test_usage();
    test_cursor_set(u, 1);

    for (i = 0; i < 2000; i++) {
        (void) snprintf(id, sizeof(id), "tenant%u", i);
        test_make(&r[i], HX_TEST_MONTH, id, 1, i + 1);
        rows[i] = r[i].raw;
    }

    e = test_epoch(2, 'a');
    rc = hx_usage_merge(u, rows, 2000, &e, NULL, &m, test_err);
    assert_int_equal(rc, HX_FAIL);
    assert_non_null(strstr(test_err, "MDB_MAP_FULL"));
    test_place(u, HX_OK, 1, 0);
    assert_int_equal(test_used(u, "tenant0", 0), 0);
    (void) test_merge(u, rows, 10, 3, NULL);
    test_place(u, HX_OK, 3, 0);
    hx_usage_close(u);
    assert_int_equal(test_rows(), 10);
}


static void
files_that_are_gone(void **state)
{
    int                   more;
    hx_usage_t           *u;
    hx_usage_pack_t      *pack;
    hx_usage_merged_t     m;
    hx_usage_position_t   at = { .len = 0 };

    u = test_usage();
    test_cursor_set(u, 0);
    test_store(u, "acme", 1, "put", 5);
    pack = test_unsent(u, 1, 1);
    assert_int_equal(unlink(test_path("usage.mdb")), 0);

    assert_int_equal(hx_usage_sent(u, pack, &zero, test_err), HX_FAIL);
    assert_non_null(strstr(test_err, "not the file that is open"));
    assert_int_equal(hx_usage_merge(u, NULL, 0, &zero, NULL, &m, test_err),
                     HX_FAIL);
    assert_int_equal(hx_usage_cursor_set(u, &zero, test_err), HX_FAIL);
    assert_int_equal(hx_usage_resend(u, 0, &at, 1, &more, test_err), HX_FAIL);
    assert_int_equal(at.len, 0);
    hx_usage_pack_free(pack);
    hx_usage_close(u);
}


static void
again_by_pages(void **state)
{
    int                   more;
    unsigned              i, pages;
    hx_usage_t           *u;
    hx_usage_position_t   at;

    static const struct {
        unsigned   from, page, pages, noted;
    } cases[] = {
        { 0, 100, 1, 12 }, { 0, 1, 12, 12 }, { 0, 5, 3, 12 }, { 0, 6, 2, 12 },
        { 202512, 12, 1, 12 }, { 202601, 3, 3, 8 }, { 202602, 3, 2, 4 },
        { 202603, 3, 1, 0 }, { 199912, 11, 2, 12 }
    };

    for (i = 0; i < hx_nelts(cases); i++) {
        test_conf.fleet = 0;
        u = test_usage();

        for (pages = 0; pages < 12; pages++) {
            assert_int_equal(test_put(u, months[pages / 4], ids[pages % 4], 1,
                                      "put", 1), HX_OK);
        }

        test_cursor_set(u, 0);
        at.len = 0;
        pages = 0;

        do {
            assert_int_equal(hx_usage_resend(u, cases[i].from, &at,
                                             cases[i].page, &more, test_err),
                             HX_OK);
            pages++;
        } while (more);

        assert_int_equal(pages, cases[i].pages);
        assert_int_equal(test_count(u), cases[i].noted);

        if (cases[i].noted != 0) {
            test_sent(u, test_unsent(u, 100, SIZE_MAX), 1);
        }

        assert_int_equal(test_count(u), 0);
        hx_usage_close(u);
    }

    u = test_usage();
    at.len = 0;
    assert_int_equal(hx_usage_resend(u, 202613, &at, 1, &more, test_err),
                     HX_FAIL);
    assert_int_equal(hx_usage_resend(u, 0, &at, 0, &more, test_err), HX_FAIL);
    at.len = HX_USAGE_KEY + 1;
    assert_int_equal(hx_usage_resend(u, 0, &at, 1, &more, test_err), HX_FAIL);
    hx_usage_close(u);
}


static void
model_put(hx_usage_t *u)
{
    size_t   i;

    i = test_below(HX_ALL);
    model.tenths[i] += 1 + test_below(3);
    model.noted[i] = 1;

    assert_int_equal(test_put(u, months[i / (HX_TENANTS * HX_SOURCES)],
                              ids[i / HX_SOURCES % HX_TENANTS],
                              sources[i % HX_SOURCES], "put",
                              model.tenths[i]), HX_OK);
}


/* What is handed out is what the model says; most of it is sent. */
static hx_usage_t *
model_send(hx_usage_t *u)
{
    size_t             i, k, max;
    hx_epoch_t         pushed;
    hx_test_raw_t      want;
    hx_usage_pack_t   *pack;

    max = 1 + test_below(12);
    pack = test_unsent(u, max, SIZE_MAX);

    for (i = 0, k = 0; i < HX_ALL && k < max; i++) {
        if (!model.noted[i]) {
            continue;
        }

        assert_non_null(pack);
        test_make_at(&want, i, model.tenths[i]);
        assert_true(k < pack->n);
        assert_true(test_same(&pack->row[k].key, &want.raw.key));
        assert_true(test_same(&pack->row[k].value, &want.raw.value));
        assert_int_equal(pack->row[k].tenths, model.tenths[i]);
        k++;
    }

    if (pack == NULL) {
        assert_int_equal(k, 0);
        return u;
    }

    assert_int_equal(k, pack->n);

    while (test_below(2)) {
        model_put(u);
    }

    if (test_below(4) == 0) {           /* killed before the answer */
        hx_usage_pack_free(pack);
        hx_usage_close(u);
        return test_usage();
    }

    pushed = test_epoch(model.cursor.number + test_below(3), 'd');
    assert_int_equal(hx_usage_sent(u, pack, &pushed, test_err),
                     model.placed ? HX_OK : HX_NO);

    for (i = 0, k = 0; model.placed && i < HX_ALL && k < pack->n; i++) {
        test_make_at(&want, i, pack->row[k].tenths);

        if (test_same(&pack->row[k].key, &want.raw.key)) {
            model.noted[i] &= model.tenths[i] != pack->row[k].tenths;
            k++;
        }
    }

    model.pushed = model.placed ? pushed : zero;
    hx_usage_pack_free(pack);

    return u;
}


static void
model_merge(hx_usage_t *u)
{
    size_t              i, k, n;
    hx_epoch_t          e;
    hx_test_raw_t       r[8];
    hx_usage_raw_t      rows[8];
    hx_usage_merged_t   m;

    n = test_below(9);
    e = test_epoch(model.cursor.number + test_below(3), 'c');

    for (k = 0; k < n; k++) {
        i = test_below(HX_ALL);
        test_make_at(&r[k], i, model.tenths[i] + 2 - test_below(5)
                               * (model.tenths[i] > 4));
        rows[k] = r[k].raw;

        if (!model.placed) {
            continue;
        }

        if (r[k].raw.tenths > model.tenths[i]) {
            model.tenths[i] = r[k].raw.tenths;

        } else if (r[k].raw.tenths < model.tenths[i]) {
            model.noted[i] = 1;
        }
    }

    assert_int_equal(hx_usage_merge(u, rows, n, &e, NULL, &m, test_err),
                     model.placed ? HX_OK : HX_NO);

    if (model.placed) {
        model.cursor = e;
        model.pushed = model.pushed.number <= e.number ? zero : model.pushed;
    }
}


static void
model_resend(hx_usage_t *u)
{
    int                   more;
    size_t                i;
    unsigned              from;
    hx_usage_position_t   at;

    from = (unsigned) test_below(HX_MONTHS);
    at.len = 0;

    do {
        assert_int_equal(hx_usage_resend(u, months[from], &at,
                                         1 + test_below(7), &more, test_err),
                         HX_OK);
    } while (more);

    for (i = from * HX_TENANTS * HX_SOURCES; i < HX_ALL; i++) {
        model.noted[i] |= model.tenths[i] != 0;
    }
}


static void
model_compare(hx_usage_t *u)
{
    size_t       i, k, n;
    uint64_t     sum, tenths;
    hx_epoch_t   c, p;

    n = 0;

    for (i = 0; i < HX_ALL; i += HX_SOURCES) {
        sum = 0;

        for (k = 0; k < HX_SOURCES; k++) {
            sum += model.tenths[i + k];
            n += model.noted[i + k] != 0;
        }

        assert_int_equal(test_total(u, months[i / (HX_TENANTS * HX_SOURCES)],
                                    ids[i / HX_SOURCES % HX_TENANTS], 0,
                                    &tenths), HX_OK);
        assert_int_equal(tenths, sum);
    }

    assert_int_equal(test_count(u), n);
    assert_int_equal(hx_usage_cursor(u, &c, &p, test_err),
                     model.placed ? HX_OK : HX_NO);
    assert_true(hx_epoch_same(&c, &model.cursor));
    assert_true(hx_epoch_same(&p, &model.pushed));
}


static void
any_order(void **state)
{
    unsigned     step;
    hx_usage_t  *u;

    u = test_usage();

    for (step = 0; step < HX_STEPS; step++) {
        switch (test_below(11)) {

        case 0: case 1: case 2: case 3:
            model_put(u);
            break;

        case 4: case 5: case 6:
            u = model_send(u);
            break;

        case 7: case 8:
            model_merge(u);
            break;

        case 9:
            hx_usage_close(u);
            u = test_usage();
            break;

        default:
            if (test_below(8) == 0) {
                model_resend(u);
                model.placed = 1;
                model.cursor = zero;
                model.pushed = zero;
                test_cursor_set(u, 0);
            }
        }

        model_compare(u);
    }

    hx_usage_close(u);
}


#define test(f)                                                               \
    cmocka_unit_test_setup_teardown(f, test_begin, test_dir_remove)

int
main(void)
{
    const struct CMUnitTest  tests[] = {
        test(noted_until_sent),
        test(packs_have_limits),
        test(without_a_fleet),
        test(an_old_file),
        test(damaged_rows),
        test(damaged_by_name),
        test(cursors),
        test(larger_wins),
        test(no_rows_of_ours),
        test(a_full_map),
        test(files_that_are_gone),
        test(again_by_pages),
        test(any_order)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
