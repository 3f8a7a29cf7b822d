/*
 * hx_store_upgrade_test.c -- a store of the format before: what it lacks is
 * there afterwards, whenever the upgrade died, also in a full map.
 */

#include "hx_limits.h"
#include "hx_store_impl.h"
#include "hx_test_disk.h"
#include "hx_test_store.h"

#define MB     (1u << 20)
#define LARGE  300000u
#define KEYS   1500u
#define GONE   300u                     /* of them: every fifth */

static unsigned char  *value;
static uint64_t        bytes;           /* of all versions */


static int
begin(void **state)
{
    value = malloc(MB);

    if (value == NULL || test_dir_make(state) != 0) {
        return -1;
    }

    test_fill(value, MB);

    return 0;
}


static int
end(void **state)
{
    hx_store_close(store);
    store = NULL;
    free(value);

    return test_dir_remove(state);
}


/* Takes from the open store what format 1 did not have. */
static void
downgrade(void)
{
    MDB_txn        *txn;
    MDB_val         k, v;
    uint64_t        version, clock;
    MDB_cursor     *cur;
    unsigned char   key[HX_RECORD_KEY_MAX], head[HX_HEAD_LEN];

    k.mv_data = key;
    k.mv_size = 0;
    assert_int_equal(mdb_txn_begin(store->env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_drop(txn, store->dbi[HX_DB_COUNTS], 0), 0);
    assert_int_equal(mdb_drop(txn, store->dbi[HX_DB_DUE], 0), 0);
    assert_int_equal(mdb_cursor_open(txn, store->dbi[HX_DB_TOMBS], &cur), 0);

    while (mdb_cursor_get(cur, &k, &v, k.mv_size == 0 ? MDB_FIRST
                                                      : MDB_SET_RANGE) == 0)
    {
        assert_int_equal(hx_tomb_decode(&version, &clock, v.mv_data,
                                        v.mv_size, k.mv_data, k.mv_size),
                         HX_OK);
        memcpy(key, k.mv_data, k.mv_size);
        k.mv_data = key;
        hx_head_encode(head, version, key, k.mv_size);
        v.mv_data = head;
        v.mv_size = sizeof(head);
        assert_int_equal(mdb_put(txn, store->dbi[HX_DB_TOMBS], &k, &v, 0), 0);
        key[k.mv_size++] = '\0';        /* the next one */
    }

    mdb_cursor_close(cur);
    k.mv_data = "format";
    k.mv_size = 6;
    v.mv_data = "1";
    v.mv_size = 1;
    assert_int_equal(mdb_put(txn, store->dbi[HX_DB_META], &k, &v, 0), 0);
    k.mv_data = "clock";
    k.mv_size = 5;
    (void) mdb_del(txn, store->dbi[HX_DB_META], &k, NULL);
    assert_int_equal(mdb_txn_commit(txn), 0);
}


static int
make_old(void *data)
{
    char      key[16];
    size_t    len;
    unsigned  i;
    uint64_t  v;

    open_store(64 * MB, 64);
    (void) put("large", value, LARGE);

    for (i = 0; i < KEYS; i++) {
        (void) snprintf(key, sizeof(key), "k%04u", i);
        len = i % 100 == 0 ? 5000 : 1 + i % 50;
        (void) put(key, value, len);

        if (i % 5 == 0) {
            assert_int_equal(write_one(HX_STORE_DELETE, key, NULL, 0,
                                       HX_STORE_ANY, 0, &v), HX_STORE_OK);
        }
    }

    downgrade();
    hx_store_close(store);
    store = NULL;

    return 0;
}


/* What make_old() puts, in bytes. */
static void
count_old(void)
{
    unsigned  i;

    for (i = 0, bytes = LARGE; i < KEYS; i++) {
        bytes += i % 100 == 0 ? 5000 : 1 + i % 50;
    }
}


static int
seen(void *data, const hx_store_ns_t *ns)
{
    assert_true(ns->known);
    assert_int_equal(ns->keys, KEYS - GONE + 1);
    assert_int_equal(ns->versions, KEYS + 1);
    assert_int_equal(ns->bytes, bytes);
    ++*(unsigned *) data;

    return 1;
}


static size_t
entries(hx_db_t db)
{
    MDB_stat         st;
    hx_store_view_t  v;

    assert_int_equal(hx_store_view(store, &v), HX_STORE_OK);
    assert_int_equal(mdb_stat(v.txn, store->dbi[db], &st), 0);
    hx_store_view_end(&v);

    return st.ms_entries;
}


static void
check_new(void)
{
    unsigned         n;
    uint64_t         version;
    hx_str_t         none;
    hx_store_view_t  v;

    n = 0;
    none = test_str("");
    assert_int_equal(hx_store_view(store, &v), HX_STORE_OK);
    assert_int_equal(hx_store_namespaces(&v, &none, seen, &n), HX_STORE_OK);
    hx_store_view_end(&v);
    assert_int_equal(n, 1);
    assert_int_equal(entries(HX_DB_TOMBS), GONE);
    assert_int_equal(entries(HX_DB_DUE), GONE);
    check_value("large", 1, value, LARGE);
    check_value("k0000", 1, value, 5000);

    /* tombs can be read, and their entries are theirs */

    assert_int_equal(write_one(HX_STORE_PUT, "k0005", value, 1,
                               HX_STORE_VERSION, 0, &version), HX_STORE_OK);
    assert_int_equal(version, 2);
    assert_int_equal(entries(HX_DB_TOMBS), GONE - 1);
    assert_int_equal(entries(HX_DB_DUE), GONE - 1);
}


static int
open_and_crash(void *data)
{
    crash_at = *(int *) data;
    open_store(64 * MB, 64);
    hx_store_close(store);
    store = NULL;

    return 9;
}


static void
test_a_death_at_each_sync(void **state)
{
    int             at, rc;
    size_t          len;
    unsigned char  *file;

    count_old();
    assert_int_equal(test_in_child(make_old, NULL), 0);
    file = malloc(16 * MB);
    assert_non_null(file);
    len = test_slurp("data.mdb", file, 16 * MB);

    for (at = 1; /* void */ ; at++) {
        test_spill("data.mdb", file, len);
        rc = test_in_child(open_and_crash, &at);

        if (rc == 0) {
            /* and once more, further on */

            rc = test_in_child(open_and_crash, &at);
        }

        open_store(64 * MB, 64);
        check_new();
        hx_store_close(store);
        store = NULL;

        if (rc == 9 && at > 20) {
            break;
        }
    }

    free(file);
}


/* No room at all: the map grows by what is missing. */
static void
test_a_full_map(void **state)
{
    count_old();
    assert_int_equal(test_in_child(make_old, NULL), 0);
    open_store(MB, 64);
    hx_store_close(store);
    open_store(64 * MB, 64);
    check_new();
}


/* Puts into what was upgraded keep the numbers right. */
static int
after(void *data, const hx_store_ns_t *ns)
{
    assert_int_equal(ns->keys, KEYS - GONE + 2);
    assert_int_equal(ns->versions, KEYS + 2);
    assert_int_equal(ns->bytes, bytes + 7);

    return 1;
}


static void
test_counts_go_on(void **state)
{
    hx_str_t         none;
    hx_store_view_t  v;

    count_old();
    assert_int_equal(test_in_child(make_old, NULL), 0);
    open_store(64 * MB, 64);
    (void) put("new", value, 7);
    none = test_str("");
    assert_int_equal(hx_store_view(store, &v), HX_STORE_OK);
    assert_int_equal(hx_store_namespaces(&v, &none, after, NULL),
                     HX_STORE_OK);
    hx_store_view_end(&v);
}


static void
test_a_format_that_is_not_known(void **state)
{
    char              err[256];
    MDB_txn          *txn;
    MDB_val           k, v;
    unsigned          i;
    hx_store_conf_t   conf;

    static const char *const  format[] = { "3", "", "10", "\1", "2 " };

    memset(&conf, 0, sizeof(conf));
    conf.dir = test_dir;
    conf.map_size = 16 * MB;
    conf.max_views = 1;
    conf.queue_max = 1;

    for (i = 0; i < hx_nelts(format); i++) {
        open_store(16 * MB, 4);
        assert_int_equal(mdb_txn_begin(store->env, NULL, 0, &txn), 0);
        k.mv_data = "format";
        k.mv_size = 6;
        v.mv_data = (void *) format[i];
        v.mv_size = strlen(format[i]);
        assert_int_equal(mdb_put(txn, store->dbi[HX_DB_META], &k, &v, 0), 0);
        assert_int_equal(mdb_txn_commit(txn), 0);
        hx_store_close(store);
        store = NULL;

        assert_null(hx_store_open(&conf, err, sizeof(err)));
        assert_non_null(strstr(err, "format"));
        assert_int_equal(unlink(test_path("data.mdb")), 0);
    }
}


#define T(name)   cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
    const struct CMUnitTest  tests[] = {
        T(test_a_death_at_each_sync),
        T(test_a_full_map),
        T(test_counts_go_on),
        T(test_a_format_that_is_not_known)
    };

    return cmocka_run_group_tests_name("hx_store_upgrade", tests, NULL, NULL);
}
