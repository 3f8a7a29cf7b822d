/*
 * hx_store_life_test.c -- versions that go: those beyond the ones that are
 * kept, and those of deleted keys when their time has come; whatever dies in
 * between, nothing that is visible is half there, and in the end nothing is
 * left over.
 */

#include <sched.h>
#include <time.h>

#include "hx_limits.h"
#include "hx_store_admin.h"
#include "hx_store_impl.h"
#include "hx_test_disk.h"
#include "hx_test_store.h"

#define MB        (1u << 20)
#define DAY       86400000u             /* ms */
#define ATTEMPTS  100000u

static unsigned char         *value;
static atomic_uint_least64_t  boot_skip;        /* ms added to the clocks */
static atomic_uint_least64_t  wall_skip;


int
clock_gettime(clockid_t id, struct timespec *ts)
{
    int       rc;
    uint64_t  ms;

    rc = (int) syscall(SYS_clock_gettime, id, ts);
    ms = id == CLOCK_BOOTTIME ? atomic_load(&boot_skip)
         : id == CLOCK_REALTIME ? atomic_load(&wall_skip) : 0;
    ts->tv_sec += (time_t) (ms / 1000);

    return rc;
}


static void
open_life(size_t map, uint64_t keep, uint64_t purge_ms)
{
    char             err[256];
    hx_store_conf_t  conf;

    hx_store_close(store);
    memset(&conf, 0, sizeof(conf));
    conf.dir = test_dir;
    conf.map_size = map;
    conf.max_views = 8;
    conf.queue_max = 1024;
    conf.keep = keep;
    conf.purge_ms = purge_ms;
    store = hx_store_open(&conf, err, sizeof(err));

    if (store == NULL) {
        fail_msg("%s", err);
    }
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


/* Bounded by the time that the other thread is given meanwhile. */
static void
wait_entries(hx_db_t db, size_t n)
{
    unsigned         i;
    struct timespec  ms;

    ms.tv_sec = 0;
    ms.tv_nsec = 1000000;

    for (i = 0; entries(db) != n && i < ATTEMPTS; i++) {
        (void) nanosleep(&ms, NULL);
    }

    assert_int_equal(entries(db), n);
}


static hx_store_rc_t
write_rc(const char *key, size_t len)
{
    uint64_t  v;

    return write_one(HX_STORE_PUT, key, value, len, HX_STORE_ANY, 0, &v);
}


static uint64_t
del(const char *key)
{
    uint64_t  v;

    assert_int_equal(write_one(HX_STORE_DELETE, key, NULL, 0, HX_STORE_ANY, 0,
                               &v), HX_STORE_OK);
    return v;
}


/* Exactly the versions from .. to are there; len: of all of them. */
static void
check_kept(const char *key, uint64_t from, uint64_t to, size_t len)
{
    uint64_t         i;
    hx_record_t      r;
    hx_store_view_t  v;

    for (i = 1; i <= to + 1; i++) {
        if (i >= from && i <= to) {
            check_value(key, i, value + i, len);
            continue;
        }

        assert_int_equal(get(key, i, &r, &v), HX_STORE_NO);
        hx_store_view_end(&v);
    }
}


static int
sum(void *data, const hx_store_ns_t *ns)
{
    *(hx_store_ns_t *) data = *ns;

    return ns->known;
}


static void
check_counts(uint64_t keys, uint64_t versions, uint64_t bytes)
{
    hx_str_t         none;
    hx_store_ns_t    ns;
    hx_store_view_t  v;

    none = test_str("");
    assert_int_equal(hx_store_view(store, &v), HX_STORE_OK);
    assert_int_equal(hx_store_namespaces(&v, &none, sum, &ns), HX_STORE_OK);
    hx_store_view_end(&v);
    assert_true(ns.known);
    assert_int_equal(ns.keys, keys);
    assert_int_equal(ns.versions, versions);
    assert_int_equal(ns.bytes, bytes);
}


static size_t
chunks(size_t len)
{
    return len > HX_RECORD_INLINE_MAX ? hx_chunk_count(len) : 0;
}


static int
begin(void **state)
{
    value = malloc(30 * MB);

    if (value == NULL || test_dir_make(state) != 0) {
        return -1;
    }

    test_fill(value, 30 * MB);
    atomic_store(&boot_skip, 0);
    atomic_store(&wall_skip, 0);

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


static void
test_as_many_as_are_kept(void **state)
{
    size_t               i;
    uint64_t             v;
    static const size_t  size[] = {
        1, HX_RECORD_INLINE_MAX, 5000, 300000, 9 * MB, 20 * MB
    };
    static const char *const  key[] = { "a", "b", "c", "d", "e", "f" };

    open_life((size_t) 512 * MB, 3, 0);

    for (i = 0; i < hx_nelts(size); i++) {
        for (v = 1; v <= 8; v++) {
            assert_int_equal(put(key[i], value + v, size[i]), v);
            check_kept(key[i], v > 3 ? v - 2 : 1, v, size[i]);
        }

        wait_entries(HX_DB_DOOMED, 0);
        assert_int_equal(entries(HX_DB_CHUNKS), 3 * chunks(size[i]));
        check_counts(1, 3, 3 * size[i]);
        assert_int_equal(entries(HX_DB_DUE), 0);

        /* a key by itself, so that the numbers are its */

        hx_store_close(store);
        store = NULL;
        assert_int_equal(unlink(test_path("data.mdb")), 0);
        open_life((size_t) 512 * MB, 3, 0);
    }
}


static void
test_all_are_kept(void **state)
{
    uint64_t  v;

    open_life((size_t) 64 * MB, 0, 0);

    for (v = 1; v <= 30; v++) {
        assert_int_equal(put("k", value + v, 5000), v);
    }

    check_kept("k", 1, 30, 5000);
    check_counts(1, 30, 30 * 5000);
}


/* Kept versions of before a delete count as well. */
static void
test_a_delete_in_between(void **state)
{
    open_life((size_t) 64 * MB, 2, 0);
    (void) put("k", value + 1, 10);
    (void) put("k", value + 2, 10);
    (void) del("k");
    check_kept("k", 1, 2, 10);
    assert_int_equal(put("k", value + 3, 10), 3);
    check_kept("k", 2, 3, 10);
    check_counts(1, 2, 20);
    assert_int_equal(entries(HX_DB_DUE), 0);
    assert_int_equal(entries(HX_DB_TOMBS), 0);
}


static void
test_fewer_than_there_were(void **state)
{
    uint64_t  v;

    open_life((size_t) 512 * MB, 0, 0);

    for (v = 1; v <= 200; v++) {
        assert_int_equal(put("k", value + v, 270000), v);
        (void) put("other", value + v, 10);
    }

    (void) put("kk", value + 1, 10);
    (void) put("j", value + 1, 10);
    open_life((size_t) 512 * MB, 5, 0);
    assert_int_equal(put("k", value + 201, 270000), 201);
    wait_entries(HX_DB_DUE, 0);
    wait_entries(HX_DB_DOOMED, 0);
    check_kept("k", 197, 201, 270000);
    check_kept("other", 1, 200, 10);
    check_kept("kk", 1, 1, 10);
    check_kept("j", 1, 1, 10);
    check_counts(4, 5 + 200 + 2, 5 * 270000 + 202 * 10);
    assert_int_equal(entries(HX_DB_CHUNKS), 5 * 2);
}


/* Whoever still reads such a version learns that it is gone. */
static void
test_a_reader_of_what_goes(void **state)
{
    uint64_t         id;
    hx_str_t         piece;
    hx_record_t      r;
    hx_store_view_t  v, late;

    open_life((size_t) 256 * MB, 1, 0);
    (void) put("k", value, 20 * MB);
    assert_int_equal(get("k", 1, &r, &v), HX_STORE_OK);
    id = r.value_id;
    (void) put("k", value, 10);

    assert_int_equal(hx_store_verify(&v, &r), HX_STORE_OK);
    hx_store_view_end(&v);
    wait_entries(HX_DB_DOOMED, 0);

    assert_int_equal(hx_store_view(store, &late), HX_STORE_OK);
    assert_int_equal(hx_store_piece(&late, id, 20 * MB, 0, &piece),
                     HX_STORE_NO);
    hx_store_view_end(&late);
    assert_int_equal(entries(HX_DB_CHUNKS), 0);
}


/* A small map, written over and over: what goes makes room. */
static void
test_room_is_given_back(void **state)
{
    uint64_t  v;

    open_life((size_t) 32 * MB, 2, 0);

    for (v = 1; v <= 40; v++) {
        assert_int_equal(put("k", value, v % 2 ? 7 * MB : 9 * MB), v);
    }

    open_life((size_t) 16 * MB, 1, 0);
    (void) put("k", value, 10);

    for (v = 1; v <= 300; v++) {
        assert_int_equal(put("few", value, v % 7 == 0 ? 3 * MB : 100000), v);
    }
}


/* Large values, written over without a pause: their bytes do not pile up. */
static void
test_removal_keeps_up(void **state)
{
    uint64_t     v;
    struct stat  st;

    open_life((size_t) 1024 * MB, 1, 0);

    for (v = 1; v <= 40; v++) {
        assert_int_equal(put("k", value, 20 * MB), v);
    }

    assert_int_equal(stat(test_path("data.mdb"), &st), 0);
    assert_true(st.st_size < 100 * MB);
}


static void
test_deleted_keys(void **state)
{
    hx_record_t      r;
    hx_store_view_t  v;

    open_life((size_t) 256 * MB, 0, 7 * DAY);
    (void) put("k", value + 1, 20 * MB);
    (void) put("k", value + 2, 20 * MB);
    (void) put("live", value + 1, 10);
    (void) put("again", value + 1, 10);
    assert_int_equal(del("k"), 2);
    (void) del("again");
    assert_int_equal(entries(HX_DB_DUE), 2);

    /* the system's time may jump */

    atomic_store(&wall_skip, 1000ull * DAY);
    (void) put("wake", value, 1);
    assert_int_equal(entries(HX_DB_DUE), 2);

    atomic_store(&boot_skip, 7ull * DAY - 60000);
    (void) put("again", value + 2, 10);
    assert_int_equal(entries(HX_DB_DUE), 1);
    check_kept("again", 1, 2, 10);
    check_value("k", 1, value + 1, 20 * MB);
    assert_int_equal(del("again"), 2);

    atomic_store(&boot_skip, 7ull * DAY + 1000);
    (void) put("wake", value, 1);
    wait_entries(HX_DB_DUE, 1);
    wait_entries(HX_DB_DOOMED, 0);
    assert_int_equal(get("k", 1, &r, &v), HX_STORE_NO);
    hx_store_view_end(&v);
    assert_int_equal(get("k", 2, &r, &v), HX_STORE_NO);
    hx_store_view_end(&v);
    check_kept("live", 1, 1, 10);
    check_kept("again", 1, 2, 10);
    assert_int_equal(entries(HX_DB_CHUNKS), 0);
    assert_int_equal(entries(HX_DB_TOMBS), 2);
    check_counts(2, 5, 32);

    /* the number goes on */

    assert_int_equal(put("k", value + 3, 10), 3);
    assert_int_equal(entries(HX_DB_TOMBS), 1);
    check_kept("k", 3, 3, 10);
}


/* Time for which the store is not open does not count; what was, does. */
static void
test_the_clock_goes_on_after_a_start(void **state)
{
    open_life((size_t) 64 * MB, 0, 7 * DAY);
    (void) put("k", value + 1, 10);
    (void) del("k");
    atomic_store(&boot_skip, 6ull * DAY);
    hx_store_close(store);
    store = NULL;

    atomic_store(&boot_skip, 100ull * DAY);
    open_life((size_t) 64 * MB, 0, 7 * DAY);
    (void) put("wake", value + 1, 10);
    check_kept("k", 1, 1, 10);
    assert_int_equal(entries(HX_DB_DUE), 1);

    atomic_store(&boot_skip, 101ull * DAY + 1000);
    (void) put("wake", value + 2, 10);
    wait_entries(HX_DB_DUE, 0);
    check_kept("k", 0, 0, 0);
}


/* A later start may have been told another time, or never. */
static void
test_the_time_is_that_of_the_running_engine(void **state)
{
    open_life((size_t) 64 * MB, 0, 0);
    (void) put("k", value + 1, 10);
    (void) del("k");
    atomic_store(&boot_skip, 1000ull * DAY);
    (void) put("wake", value + 1, 10);
    assert_int_equal(entries(HX_DB_DUE), 1);
    open_life((size_t) 64 * MB, 0, 1000ull * DAY - 5000);
    wait_entries(HX_DB_DUE, 0);
    check_kept("k", 0, 0, 0);
}


/* A clock that was not saved must not make anything look old. */
static int
delete_and_die(void *data)
{
    open_life((size_t) 64 * MB, 0, 7 * DAY);
    atomic_store(&boot_skip, 30000);
    (void) put("k", value + 1, 10);
    (void) del("k");
    _exit(0);
}


static void
test_a_clock_that_was_not_saved(void **state)
{
    assert_int_equal(test_in_child(delete_and_die, NULL), 0);
    open_life((size_t) 64 * MB, 0, 7 * DAY);
    (void) put("wake", value + 1, 10);
    assert_int_equal(entries(HX_DB_DUE), 1);
    check_kept("k", 1, 1, 10);
    (void) put("l", value + 1, 10);
    (void) del("l");

    atomic_store(&boot_skip, 7ull * DAY + 1000);
    (void) put("wake", value + 2, 10);
    wait_entries(HX_DB_DUE, 0);
    check_kept("k", 0, 0, 0);
    check_kept("l", 0, 0, 0);
}


typedef struct {
    int       at;
    unsigned  what;
} crash_t;


/* Enough for several slices of each kind. */
static int
remove_and_crash(void *data)
{
    crash_t   *c = data;
    unsigned   i;
    uint64_t   version;

    open_life((size_t) 256 * MB, c->what == 0 ? 2 : c->what == 1 ? 0 : 1,
              c->what == 1 ? DAY : 0);
    crash_at = c->at;

    switch (c->what) {

    case 0:                             /* trim 100, and chunks in slices */
        (void) put("k", value, 10);
        wait_entries(HX_DB_DUE, 0);
        break;

    case 1:                             /* purge 100 */
        (void) del("k");
        atomic_store(&boot_skip, DAY + 1000);
        (void) put("wake", value, 10);
        wait_entries(HX_DB_DUE, 0);
        break;

    default:                            /* retire 80 chunks by a put */
        for (i = 0; i < 3; i++) {
            version = put("big", value, 20 * MB);
            (void) version;
        }
    }

    wait_entries(HX_DB_DOOMED, 0);

    return 9;
}


static int
make_many(void *data)
{
    unsigned  i;

    open_life((size_t) 256 * MB, 0, 0);

    for (i = 1; i <= 100; i++) {
        (void) put("k", value + i, i % 10 == 0 ? 3 * MB : 5000);
    }

    hx_store_close(store);
    store = NULL;

    return 0;
}


static void
check_readable(const char *key, uint64_t last)
{
    uint64_t         i;
    hx_record_t      r;
    hx_store_rc_t    rc;
    hx_store_view_t  v;

    for (i = 1; i <= last; i++) {
        rc = get(key, i, &r, &v);
        assert_true(rc == HX_STORE_OK || rc == HX_STORE_NO);

        if (rc == HX_STORE_OK) {
            assert_int_equal(hx_store_verify(&v, &r), HX_STORE_OK);
        }

        hx_store_view_end(&v);
    }
}


static void
test_a_death_at_each_sync(void **state)
{
    int      rc;
    crash_t  c;

    for (c.what = 0; c.what < 3; c.what++) {
        c.at = 1;

        do {
            assert_int_equal(test_in_child(make_many, NULL), 0);
            rc = test_in_child(remove_and_crash, &c);

            /* all that is left over is found again */

            open_life((size_t) 256 * MB, 1, 1);
            check_readable("k", 101);
            check_readable("big", 3);
            (void) put("k", value, 5000);
            (void) put("big", value, 5000);
            (void) del("k");
            (void) del("big");
            wait_entries(HX_DB_DUE, 0);
            wait_entries(HX_DB_DOOMED, 0);
            assert_int_equal(entries(HX_DB_STAGING), 0);
            assert_int_equal(entries(HX_DB_CHUNKS), 0);
            assert_true(entries(HX_DB_RECORDS) <= 1);
            hx_store_close(store);
            store = NULL;
            (void) unlink(test_path("data.mdb"));
            c.at++;
        } while (rc == 0);

        assert_int_equal(rc, 9);
        assert_true(c.at > 4);
    }
}


/* Nothing can be removed; reading goes on, and later it is done after all. */
static void
test_a_full_disk(void **state)
{
    crash_t  c;

    c.what = 0;
    c.at = 2;                           /* the put is there, no slice yet */
    assert_int_equal(test_in_child(make_many, NULL), 0);
    assert_int_equal(test_in_child(remove_and_crash, &c), 0);

    atomic_store(&no_space, 1);
    open_life((size_t) 256 * MB, 2, 0);
    assert_int_equal(write_rc("full", 5000), HX_STORE_FULL);
    assert_true(entries(HX_DB_DUE) + entries(HX_DB_DOOMED) != 0);
    check_readable("k", 101);

    atomic_store(&no_space, 0);
    wait_entries(HX_DB_DUE, 0);
    wait_entries(HX_DB_DOOMED, 0);
    assert_int_equal(put("k", value, 5000), 102);
    check_counts(1, 2, 10 + 5000);
}


/* The record of a version becomes unreadable. */
static void
damage(const char *key, uint64_t version)
{
    MDB_txn        *txn;
    MDB_val         k, v;
    hx_str_t        s;
    unsigned char   dbkey[HX_RECORD_KEY_MAX], copy[HX_RECORD_MAX];

    s = test_str(key);
    k.mv_data = dbkey;
    k.mv_size = hx_record_key(dbkey, 1, &s, version);
    assert_int_equal(mdb_txn_begin(store->env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_get(txn, store->dbi[HX_DB_RECORDS], &k, &v), 0);
    memcpy(copy, v.mv_data, v.mv_size);
    copy[40] ^= 1;
    v.mv_data = copy;
    assert_int_equal(mdb_put(txn, store->dbi[HX_DB_RECORDS], &k, &v, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
}


/* A damaged record stays, as nobody knows what it had; the others go. */
static void
test_damaged_records(void **state)
{
    uint64_t         v;
    hx_record_t      r;
    hx_store_view_t  view;

    open_life((size_t) 64 * MB, 0, 0);

    for (v = 1; v <= 9; v++) {
        (void) put("k", value + v, 5000);
    }

    damage("k", 2);
    damage("k", 3);
    damage("k", 4);
    open_life((size_t) 64 * MB, 2, 1);

    for (v = 10; v <= 14; v++) {
        assert_int_equal(put("k", value + v, 5000), v);
        wait_entries(HX_DB_DUE, 0);
    }

    for (v = 1; v <= 15; v++) {
        assert_int_equal(get("k", v, &r, &view),
                         v >= 2 && v <= 4 ? HX_STORE_CORRUPT
                         : v >= 13 && v <= 14 ? HX_STORE_OK : HX_STORE_NO);
        hx_store_view_end(&view);
    }

    (void) del("k");
    atomic_store(&boot_skip, 5000);
    (void) put("wake", value, 1);
    wait_entries(HX_DB_DUE, 0);
    assert_int_equal(entries(HX_DB_RECORDS), 3 + 1);
    assert_int_equal(put("k", value, 1), 15);
}


/* A reader that died keeps its place, and with it old pages, until the writer
 * looks. */
static int
look_and_die(void *data)
{
    char             err[256];
    hx_store_t      *s;
    hx_store_rc_t    rc;
    hx_store_view_t  v;

    s = hx_store_peek(test_dir, 1, &rc, err, sizeof(err));
    _exit(s == NULL || hx_store_view(s, &v) != HX_STORE_OK);
}


static int
count_reader(const char *text, void *data)
{
    *(unsigned *) data += strstr(text, "-") == NULL;

    return 0;
}


static unsigned
readers(void)
{
    unsigned  n;

    n = 0;
    (void) mdb_reader_list(store->env, count_reader, &n);

    return n;
}


static void
test_dead_readers(void **state)
{
    unsigned  before;

    open_life((size_t) 64 * MB, 0, 0);
    (void) put("k", value, 1);
    (void) put("k", value, 1);
    before = readers();
    assert_int_equal(test_in_child(look_and_die, NULL), 0);
    assert_true(readers() > before);
    atomic_store(&boot_skip, 6000);

    do {
        (void) put("k", value, 1);      /* the writer looks behind it */
    } while (readers() > before);
}


#define T(name)   cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
    const struct CMUnitTest  tests[] = {
        T(test_as_many_as_are_kept),
        T(test_all_are_kept),
        T(test_a_delete_in_between),
        T(test_fewer_than_there_were),
        T(test_a_reader_of_what_goes),
        T(test_room_is_given_back),
        T(test_removal_keeps_up),
        T(test_deleted_keys),
        T(test_the_clock_goes_on_after_a_start),
        T(test_the_time_is_that_of_the_running_engine),
        T(test_a_clock_that_was_not_saved),
        T(test_a_death_at_each_sync),
        T(test_a_full_disk),
        T(test_damaged_records),
        T(test_dead_readers)
    };

    return cmocka_run_group_tests_name("hx_store_life", tests, NULL, NULL);
}
