/*
 * hx_usage_lmdb_test.c -- opening and asking: what is created and refused,
 * files that were exchanged, a map that grew, other processes, and damage of
 * every byte, which is always trouble and never a smaller bill.
 */

#include "hx_test_usage.h"

#include "hx_registry.h"

#define HX_FILE   1048576


static void
test_refused(const char *text)
{
    hx_usage_t  *u;

    u = (hx_usage_t *) test_dir;
    memset(test_err, 0, sizeof(test_err));
    assert_int_equal(hx_usage_open(&u, &test_conf, test_err), HX_FAIL);
    assert_null(u);

    if (strstr(test_err, text) == NULL) {
        fail_msg("%s", test_err);
    }
}


static void
created_and_found_again(void **state)
{
    hx_usage_t   *u;
    struct stat   st;

    u = test_usage();
    assert_int_equal(stat(test_path("usage.mdb"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(stat(test_path("usage.mdb-lock"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);

    assert_int_equal(test_used(u, "acme", 0), 0);
    test_store(u, "acme", 1, "put", 25);
    assert_int_equal(test_used(u, "acme", 0), 25);
    assert_int_equal(hx_usage_probe(u), HX_OK);
    assert_int_equal(hx_usage_refresh(u, test_err), HX_OK);
    hx_usage_close(u);

    u = test_usage();
    assert_int_equal(test_used(u, "acme", 0), 25);
    hx_usage_close(u);
    hx_usage_close(NULL);
    assert_int_equal(test_rows(), 1);
}


/* The registry in the same directory does not hear of a flush. */
static void
beside_a_registry(void **state)
{
    char                   err[HX_REGISTRY_ERR];
    size_t                 size;
    hx_usage_t            *u;
    hx_registry_t         *reg;
    hx_registry_conf_t     rc = { .dir = test_dir, .map_size = 1048576,
                                  .max_readers = 8 };
    static unsigned char   before[HX_FILE], after[HX_FILE];

    assert_int_equal(hx_registry_open(&reg, &rc, err), HX_OK);
    size = test_slurp("data.mdb", before, sizeof(before));

    u = test_usage();
    test_store(u, "acme", 1, "put", 25);
    assert_int_equal(hx_registry_refresh(reg, err), HX_OK);
    assert_int_equal(test_slurp("data.mdb", after, sizeof(after)), size);
    assert_memory_equal(before, after, size);
    hx_registry_close(reg);
    assert_int_equal(test_used(u, "acme", 0), 25);
    hx_usage_close(u);
}


static void
refused_places(void **state)
{
    char              text[64];
    char              dir[HX_LMDB_PATH + 1];
    hx_usage_conf_t   keep;

    keep = test_conf;
    test_conf.dir = test_path("missing");
    test_refused("mdb_env_open: No such file");

    test_spill("file", "x", 1);
    test_conf.dir = test_path("file");
    test_refused("mdb_env_open: Not a directory");

    memset(dir, 'x', sizeof(dir));
    dir[HX_LMDB_PATH] = '\0';
    test_conf.dir = dir;
    test_refused("usage.mdb: File name too long");
    test_conf = keep;

    memset(text, 'x', sizeof(text));
    test_spill("usage.mdb", text, sizeof(text));
    test_refused("MDB_INVALID");
}


static void
other_versions(void **state)
{
    MDB_dbi         meta;
    MDB_env        *env;
    MDB_txn        *txn;
    MDB_val         k, v;
    unsigned        i;

    static const char *const  versions[] = { "2", "", "11", "0" };

    hx_usage_close(test_usage());

    for (i = 0; i < hx_nelts(versions); i++) {
        env = test_raw(&txn, 0);
        assert_int_equal(mdb_dbi_open(txn, "meta", 0, &meta), 0);
        k.mv_data = (void *) "version";
        k.mv_size = 7;
        v.mv_data = (void *) versions[i];
        v.mv_size = strlen(versions[i]);
        assert_int_equal(mdb_put(txn, meta, &k, &v, 0), 0);
        assert_int_equal(mdb_txn_commit(txn), 0);
        mdb_env_close(env);
        test_refused("MDB_VERSION_MISMATCH");
    }
}


/* What another program keeps in LMDB is not made a usage store. */
static void
a_strangers_file(void **state)
{
    MDB_dbi    dbi;
    MDB_env   *env;
    MDB_txn   *txn;
    MDB_val    k, v;

    env = test_raw(&txn, 0);
    assert_int_equal(mdb_dbi_open(txn, "usage", MDB_CREATE, &dbi), 0);
    k.mv_data = v.mv_data = (void *) "x";
    k.mv_size = v.mv_size = 1;
    assert_int_equal(mdb_put(txn, dbi, &k, &v, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);

    test_refused("MDB_VERSION_MISMATCH");
    assert_int_equal(test_rows(), 1);
}


/* Several processes that come first create one store. */
static int
test_create_one(void *data)
{
    hx_rc_t      rc;
    hx_usage_t  *u;

    if (hx_usage_open(&u, &test_conf, test_err) != HX_OK) {
        return 2;
    }

    rc = test_put(u, HX_TEST_MONTH, data, (unsigned) getpid(), "put", 10);
    hx_usage_close(u);

    return rc == HX_OK ? 0 : 3;
}


static void
created_by_many_at_once(void **state)
{
    int          status;
    pid_t        pid[8];
    unsigned     i, round;
    hx_usage_t  *u;

    static char *const  ids[] = { "a", "b", "c", "d", "e", "f", "g", "h" };

    for (round = 0; round < 5; round++) {
        (void) unlink(test_path("usage.mdb"));
        (void) unlink(test_path("usage.mdb-lock"));
        (void) fflush(NULL);

        for (i = 0; i < 8; i++) {
            pid[i] = fork();
            assert_true(pid[i] >= 0);

            if (pid[i] == 0) {
                test_default_signals();
                _exit(test_create_one(ids[i]));
            }
        }

        for (i = 0; i < 8; i++) {
            assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
            assert_int_equal(status, 0);
        }

        u = test_usage();

        for (i = 0; i < 8; i++) {
            assert_int_equal(test_used(u, ids[i], 0), 10);
        }

        hx_usage_close(u);
    }
}


static int
test_open_one(void *data)
{
    hx_usage_t  *u;

    return hx_usage_open(&u, &test_conf, test_err) != HX_OK
           && strstr(test_err, "MDB_READERS_FULL") != NULL ? 0 : 2;
}


static void
too_many_readers(void **state)
{
    hx_usage_t  *u;

    test_conf.max_readers = 1;
    u = test_usage();
    assert_int_equal(test_in_child(test_open_one, NULL), 0);
    hx_usage_close(u);
    test_conf.max_readers = 32;
}


/* What is gone or new in the directory is not what is open. */
static void
exchanged_files(void **state)
{
    unsigned      i;
    hx_usage_t   *u, *other;

    static const char *const  files[] = { "usage.mdb", "usage.mdb-lock" };

    for (i = 0; i < 2; i++) {
        u = test_usage();
        assert_int_equal(hx_usage_probe(u), HX_OK);
        assert_int_equal(unlink(test_path(files[i])), 0);

        assert_int_equal(hx_usage_probe(u), HX_NO);
        assert_int_equal(hx_usage_refresh(u, test_err), HX_NO);
        assert_non_null(strstr(test_err, "not the file that is open"));
        assert_int_equal(test_put(u, HX_TEST_MONTH, "late", 1, "put", 1),
                         HX_FAIL);
        assert_non_null(strstr(test_err, "not the file that is open"));

        /*
         * Somebody else comes.  A new usage.mdb does not go with the lock that
         * we still hold, with a new lock he could go on: in no case it is ours.
         */

        assert_int_equal(test_in_child(test_create_one, (void *) "new"),
                         i == 0 ? 2 : 0);
        assert_int_equal(hx_usage_probe(u), HX_NO);
        assert_int_equal(test_put(u, HX_TEST_MONTH, "late", 1, "put", 1),
                         HX_FAIL);
        hx_usage_close(u);

        other = test_usage();
        assert_int_equal(hx_usage_probe(other), HX_OK);
        assert_int_equal(test_used(other, "new", 0), i == 0 ? 0 : 10);
        assert_int_equal(test_used(other, "late", 0), 0);
        hx_usage_close(other);
    }
}


static int
test_grow(void *data)
{
    char         id[16];
    hx_rc_t      rc;
    unsigned     i;
    hx_usage_t  *u;

    test_conf.map_size *= 32;

    if (hx_usage_open(&u, &test_conf, test_err) != HX_OK) {
        return 2;
    }

    for (i = 0, rc = HX_OK; i < 300 && rc == HX_OK; i++) {
        hx_usage_row_t           row;
        static hx_usage_entry_t  e[HX_USAGE_OPERATIONS];
        static char              name[HX_USAGE_OPERATIONS][8];
        unsigned                 k;

        for (k = 0; k < HX_USAGE_OPERATIONS; k++) {
            (void) snprintf(name[k], sizeof(name[k]), "op%u", k);
            e[k].operation = test_str(name[k]);
            e[k].tenths = 1;
        }

        (void) snprintf(id, sizeof(id), "big%u", i);
        test_row(&row, id, 1, e, HX_USAGE_OPERATIONS);
        rc = test_put_rows(u, &row, 1);
    }

    hx_usage_close(u);

    return rc == HX_OK ? 0 : 3;
}


/* Another process has a larger map: trouble at most once, then adopted. */
static void
a_map_that_grew(void **state)
{
    uint64_t      tenths;
    hx_usage_t   *u;

    test_conf.map_size = 131072;
    u = test_usage();
    test_store(u, "acme", 1, "put", 7);
    assert_int_equal(test_in_child(test_grow, NULL), 0);

    assert_int_equal(test_put(u, HX_TEST_MONTH, "acme", 1, "put", 8), HX_FAIL);
    assert_non_null(strstr(test_err, "MDB_MAP_RESIZED"));
    assert_int_equal(hx_usage_refresh(u, test_err), HX_OK);
    test_store(u, "acme", 1, "put", 9);
    assert_int_equal(test_used(u, "acme", 0), 9);
    assert_int_equal(test_used(u, "big299", 0), HX_USAGE_OPERATIONS);
    hx_usage_close(u);

    /* the same, noticed by a question */

    assert_int_equal(unlink(test_path("usage.mdb")), 0);
    u = test_usage();
    assert_int_equal(test_in_child(test_grow, NULL), 0);
    tenths = 0;
    assert_int_equal(test_total(u, HX_TEST_MONTH, "big299", 0, &tenths),
                     HX_OK);
    assert_int_equal(tenths, HX_USAGE_OPERATIONS);
    assert_int_equal(test_used(u, "big0", 0), HX_USAGE_OPERATIONS);
    hx_usage_close(u);
    test_conf.map_size = 16777216;
}


/* A store that was there is not made anew when it is gone or empty. */
static void
existing_only(void **state)
{
    hx_usage_t   *u;
    struct stat   st;

    test_conf.existing = 1;
    test_refused("usage.mdb: No such file");
    assert_int_equal(stat(test_path("usage.mdb"), &st), -1);

    test_spill("usage.mdb", "", 0);
    test_refused("MDB_NOTFOUND");
    test_refused("MDB_NOTFOUND");
    assert_int_equal(unlink(test_path("usage.mdb")), 0);
    assert_int_equal(unlink(test_path("usage.mdb-lock")), 0);

    test_conf.existing = 0;
    u = test_usage();
    test_store(u, "acme", 1, "put", 5);
    hx_usage_close(u);

    test_conf.existing = 1;
    u = test_usage();
    assert_int_equal(test_used(u, "acme", 0), 5);
    hx_usage_close(u);
    test_conf.existing = 0;
}


/* An older copy of usage.mdb, put back while somebody works with the newer. */
static int
test_restored(void *data)
{
    hx_usage_t  *u;

    return hx_usage_open(&u, &test_conf, test_err) == HX_FAIL
           && strcmp(test_err, "usage.mdb is older than usage.mdb-lock") == 0
           ? 0 : 2;
}


static void
a_restored_copy(void **state)
{
    size_t                 size;
    hx_usage_t            *u;
    static unsigned char   file[HX_FILE];

    u = test_usage();
    test_store(u, "acme", 1, "put", 5);
    size = test_slurp("usage.mdb", file, sizeof(file));
    test_store(u, "acme", 1, "put", 6);
    test_store(u, "acme", 1, "put", 7);

    assert_int_equal(unlink(test_path("usage.mdb")), 0);
    test_spill("usage.mdb", file, size);
    assert_int_equal(test_in_child(test_restored, NULL), 0);
    assert_int_equal(hx_usage_refresh(u, test_err), HX_NO);
    hx_usage_close(u);

    /* when all have let go it counts as it is, and the flush goes on */

    u = test_usage();
    assert_int_equal(test_used(u, "acme", 0), 5);
    test_store(u, "acme", 1, "put", 8);
    assert_int_equal(test_used(u, "acme", 0), 8);
    hx_usage_close(u);
}


/* Every copy of what[len] in the file gets this byte at offset at. */
static unsigned
test_poke(const unsigned char *file, size_t size, const void *what, size_t len,
    size_t at, unsigned char byte)
{
    int       fd;
    size_t    i;
    unsigned  n;

    fd = open(test_path("usage.mdb"), O_WRONLY);
    assert_true(fd >= 0);

    for (i = 0, n = 0; i + len <= size; i++) {
        if (file[i] == *(const unsigned char *) what
            && memcmp(file + i, what, len) == 0)
        {
            assert_int_equal(pwrite(fd, &byte, 1, (off_t) (i + at)), 1);
            n++;
        }
    }

    (void) close(fd);

    return n;
}


/* As far as the list gets. */
static int
test_each(void *data, const hx_str_t *id, const hx_usage_sum_t *s)
{
    char    *seen = data;
    size_t   n = strlen(seen);

    (void) snprintf(seen + n, 64 - n, "%.*s ", (int) id->len, id->data);

    return 0;
}


static void
test_damaged(void)
{
    char             seen[64] = "";
    hx_str_t         all = { NULL, 0 };
    uint64_t         tenths;
    hx_usage_t      *u;

    static const char      text[] = "usage of tenant \"beta\" in 2026-01 is "
                                    "damaged";
    static hx_usage_sum_t  sum;

    u = test_usage();
    tenths = 4711;
    assert_int_equal(test_total(u, HX_TEST_MONTH, "beta", 0, &tenths),
                     HX_FAIL);
    assert_string_equal(test_err, text);
    assert_int_equal(tenths, 4711);
    assert_int_equal(test_get(u, HX_TEST_MONTH, "beta", 0, &sum), HX_FAIL);
    assert_string_equal(test_err, text);
    assert_int_equal(hx_usage_list(u, HX_TEST_MONTH, &all, test_each, seen,
                                   test_err), HX_FAIL);
    assert_string_equal(test_err, text);
    assert_string_equal(seen, "acme ");

    /* others are served, and the caller may know the row better */

    assert_int_equal(test_used(u, "acme", 0), 3);
    assert_int_equal(test_used(u, "gamma", 0), 4);
    assert_int_equal(test_used(u, "beta", 2), 40);
    hx_usage_close(u);
}


static void
every_byte_of_a_row(void **state)
{
    size_t                 at, size, len;
    MDB_dbi                dbi;
    MDB_env               *env;
    MDB_txn               *txn;
    MDB_val                k, v;
    hx_usage_t            *u;
    MDB_cursor            *cursor;
    unsigned char          value[512];
    static unsigned char   file[HX_FILE];

    u = test_usage();
    test_store(u, "acme", 1, "put", 3);
    test_store(u, "beta", 1, "put", 40);
    test_store(u, "beta", 2, "get-with-a-long-name", 50);
    test_store(u, "gamma", 1, "put", 4);
    assert_int_equal(test_used(u, "beta", 0), 90);
    hx_usage_close(u);

    env = test_raw(&txn, MDB_RDONLY);
    assert_int_equal(mdb_dbi_open(txn, "usage", 0, &dbi), 0);
    assert_int_equal(mdb_cursor_open(txn, dbi, &cursor), 0);
    len = 0;

    while (mdb_cursor_get(cursor, &k, &v, MDB_NEXT) == 0) {
        if (v.mv_size > 30) {
            len = v.mv_size;
            memcpy(value, v.mv_data, len);
        }
    }

    assert_int_equal(len, 4 + 1 + 20 + 8);
    mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    mdb_env_close(env);

    size = test_slurp("usage.mdb", file, sizeof(file));

    for (at = 0; at < len; at++) {
        const unsigned char  other =
                  (unsigned char) (value[at] ^ (1u << test_below(8)));

        assert_true(test_poke(file, size, value, len, at, other) > 0);
        test_damaged();
        (void) test_poke(file, size, value, len, at, value[at]);
    }

    /* a flush of that source makes it whole again */

    assert_true(test_poke(file, size, value, len, 0, value[0] ^ 1) > 0);
    test_damaged();
    u = test_usage();
    test_store(u, "beta", 2, "get-with-a-long-name", 51);
    assert_int_equal(test_used(u, "beta", 0), 91);
    hx_usage_close(u);
}


/* Another tenant's row, or another month's: keys that were changed. */
static void
every_byte_of_a_key(void **state)
{
    char                   seen[64];
    size_t                 at, size, failed;
    hx_str_t               all = { NULL, 0 };
    unsigned               i;
    hx_usage_t            *u;
    unsigned char          key[6 + 4 + 1 + HX_USAGE_SOURCE];
    static unsigned char   file[HX_FILE];

    /* in whatever month the row lies with one bit of its digits changed */

    static const unsigned  months[] = {
        202601, 202611, 202701, 203601, 212601, 302601
    };

    u = test_usage();
    test_store(u, "beta", 7, "put", 50);
    hx_usage_close(u);

    memcpy(key, "202601beta", 11);
    test_source(key + 11, 7);
    size = test_slurp("usage.mdb", file, sizeof(file));
    failed = 0;

    for (at = 0; at < sizeof(key); at++) {
        assert_true(test_poke(file, size, key, sizeof(key), at,
                              key[at] ^ 1) > 0);
        u = test_usage();

        for (i = 0; i < hx_nelts(months); i++) {
            seen[0] = '\0';

            if (hx_usage_list(u, months[i], &all, test_each, seen, test_err)
                != HX_OK)
            {
                assert_non_null(strstr(test_err, "is damaged"));
                failed++;
            }

            assert_string_equal(seen, "");
        }

        hx_usage_close(u);
        (void) test_poke(file, size, key, sizeof(key), at, key[at]);
    }

    assert_int_equal(failed, sizeof(key) - 1);      /* 202600 is no month */

    u = test_usage();
    assert_int_equal(test_used(u, "beta", 0), 50);
    hx_usage_close(u);
}


/* A file that lost its end: FAIL or right, and nobody dies. */
static int
test_ask_all(void *data)
{
    int          wrong;
    char         id[16];
    unsigned     i;
    uint64_t     tenths;
    hx_usage_t  *u;

    if (hx_usage_open(&u, &test_conf, test_err) != HX_OK) {
        return 3;
    }

    for (i = 0, wrong = 0; i < 300; i++) {
        (void) snprintf(id, sizeof(id), "t%u", i);

        if (test_total(u, HX_TEST_MONTH, id, 0, &tenths) != HX_OK) {
            wrong++;

        } else if (tenths != 2 * (uint64_t) i + 1) {
            return 4;                   /* would be a wrong bill */
        }
    }

    hx_usage_close(u);

    return wrong ? 2 : 0;
}


static void
a_short_file(void **state)
{
    int                rc;
    char               id[16], name[60][64];
    off_t              size;
    unsigned           i, failed;
    hx_usage_t        *u;
    struct stat        st;
    hx_usage_row_t     row;
    hx_usage_entry_t   e[60];

    u = test_usage();

    for (i = 0; i < 60; i++) {
        (void) snprintf(name[i], sizeof(name[i]),
                        "operation-with-a-rather-long-name-%u", i);
        e[i].operation = test_str(name[i]);
        e[i].tenths = 0;
    }

    for (i = 0; i < 300; i++) {
        e[0].tenths = i;
        e[1].tenths = i + 1;
        (void) snprintf(id, sizeof(id), "t%u", i);

        /* some in pages of their own, whose loss only the checksum notices */

        test_row(&row, id, 1, e, i % 10 == 0 ? 60 : 2);
        assert_int_equal(test_put_rows(u, &row, 1), HX_OK);
    }

    hx_usage_close(u);
    assert_int_equal(test_in_child(test_ask_all, NULL), 0);
    assert_int_equal(stat(test_path("usage.mdb"), &st), 0);
    failed = 0;

    for (size = st.st_size - 4096; size >= 8192; size -= 4096) {
        assert_int_equal(truncate(test_path("usage.mdb"), size), 0);
        rc = test_in_child(test_ask_all, NULL);

        if (rc != 0 && rc != 2 && rc != 3) {
            fail_msg("%ju bytes: %d", (uintmax_t) size, rc);
        }

        failed += rc != 0;
    }

    assert_true(failed > 10);
}


int
main(void)
{
#define T(f)  cmocka_unit_test_setup_teardown(f, test_dir_make,               \
                                              test_dir_remove)
    const struct CMUnitTest  tests[] = {
        T(created_and_found_again),
        T(beside_a_registry),
        T(refused_places),
        T(other_versions),
        T(a_strangers_file),
        T(created_by_many_at_once),
        T(too_many_readers),
        T(exchanged_files),
        T(a_map_that_grew),
        T(existing_only),
        T(a_restored_copy),
        T(every_byte_of_a_row),
        T(every_byte_of_a_key),
        T(a_short_file)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
