/*
 * hx_registry_lmdb_test.c -- opening and asking: what is created and refused,
 * files that were exchanged, a map that grew, and damage of every byte, which
 * is always trouble and never "no such key".
 */

#include "hx_test_registry.h"

#include <errno.h>

#define HX_FILE   1048576


static void
test_refused(const char *text)
{
    hx_registry_t  *reg;

    reg = (hx_registry_t *) test_dir;
    memset(test_err, 0, sizeof(test_err));
    assert_int_equal(hx_registry_open(&reg, &test_conf, test_err), HX_FAIL);
    assert_null(reg);

    if (strstr(test_err, text) == NULL) {
        fail_msg("%s", test_err);
    }
}


static void
created_and_found_again(void **state)
{
    char             id[HX_TENANT_MAX + 1];
    struct stat      st;
    hx_registry_t   *reg;

    reg = test_registry();
    assert_int_equal(stat(test_path("data.mdb"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    test_do(reg, HX_CHANGE_CREATE, "other", 99);
    assert_int_equal(test_who(reg, 1, id), HX_NO);
    hx_registry_release(reg);                       /* harmless */

    test_do(reg, HX_CHANGE_CREATE, "acme", 1);
    assert_int_equal(test_who(reg, 1, id), HX_OK);
    assert_string_equal(id, "acme");
    assert_int_equal(test_who(reg, 2, id), HX_NO);
    assert_int_equal(hx_registry_refresh(reg, test_err), HX_OK);
    hx_registry_close(reg);

    reg = test_registry();
    assert_int_equal(test_who(reg, 1, id), HX_OK);
    assert_string_equal(id, "acme");
    hx_registry_close(reg);
    hx_registry_close(NULL);
    test_consistent();
}


static void
refused_places(void **state)
{
    char                 text[64];
    hx_registry_conf_t   keep;

    keep = test_conf;
    test_conf.dir = test_path("missing");
    test_refused("mdb_env_open: No such file");

    test_spill("file", "x", 1);
    test_conf.dir = test_path("file");
    test_refused("mdb_env_open: Not a directory");
    test_conf = keep;

    memset(text, 'x', sizeof(text));
    test_spill("data.mdb", text, sizeof(text));
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

    hx_registry_close(test_registry());

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


/* Several processes that come first create one registry. */
static int
test_create_one(void *data)
{
    hx_rc_t              rc;
    hx_registry_t       *reg;
    hx_change_result_t   result;
    static hx_change_t   c;

    if (hx_registry_open(&reg, &test_conf, test_err) != HX_OK) {
        return 2;
    }

    test_change(&c, HX_CHANGE_CREATE, data, (unsigned) getpid());
    rc = test_apply(reg, &c, &result);
    hx_registry_close(reg);

    return rc == HX_OK && result == HX_CHANGED ? 0 : 3;
}


static void
created_by_many_at_once(void **state)
{
    int             status;
    pid_t           pid[8];
    unsigned        i, round;
    hx_tenant_t     t;
    hx_registry_t  *reg;

    static char *const  ids[] = { "a", "b", "c", "d", "e", "f", "g", "h" };

    for (round = 0; round < 5; round++) {
        (void) unlink(test_path("data.mdb"));
        (void) unlink(test_path("lock.mdb"));
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

        reg = test_registry();

        for (i = 0; i < 8; i++) {
            assert_int_equal(test_get(reg, ids[i], &t), HX_OK);
        }

        hx_registry_close(reg);
        test_consistent();
    }
}


static int
test_open_one(void *data)
{
    hx_registry_t  *reg;

    return hx_registry_open(&reg, &test_conf, test_err) != HX_OK
           && strstr(test_err, "MDB_READERS_FULL") != NULL ? 0 : 2;
}


static void
too_many_readers(void **state)
{
    hx_registry_t  *reg;

    test_conf.max_readers = 1;
    reg = test_registry();
    assert_int_equal(test_in_child(test_open_one, NULL), 0);
    hx_registry_close(reg);
    test_conf.max_readers = 32;
}


/* What is gone or new in the directory is not what is open. */
static void
exchanged_files(void **state)
{
    unsigned             i;
    hx_tenant_t          t;
    hx_registry_t       *reg, *other;
    hx_change_result_t   result;
    static hx_change_t   c;

    static const char *const  files[] = { "data.mdb", "lock.mdb" };

    test_change(&c, HX_CHANGE_CREATE, "late", 9);

    for (i = 0; i < 2; i++) {
        reg = test_registry();
        assert_int_equal(hx_registry_probe(reg), HX_OK);
        assert_int_equal(unlink(test_path(files[i])), 0);

        assert_int_equal(hx_registry_probe(reg), HX_NO);
        assert_int_equal(hx_registry_refresh(reg, test_err), HX_NO);
        assert_non_null(strstr(test_err, "not the file that is open"));
        assert_int_equal(test_apply(reg, &c, &result), HX_FAIL);
        assert_non_null(strstr(test_err, "not the file that is open"));

        /*
         * Somebody else comes.  A new data.mdb does not go with the lock.mdb
         * that we still hold, with a new lock.mdb he could go on: in no case
         * it is ours.
         */

        assert_int_equal(test_in_child(test_create_one, (void *) "new"),
                         i == 0 ? 2 : 0);
        assert_int_equal(hx_registry_probe(reg), HX_NO);
        assert_int_equal(test_apply(reg, &c, &result), HX_FAIL);
        hx_registry_close(reg);

        other = test_registry();
        assert_int_equal(hx_registry_probe(other), HX_OK);
        assert_int_equal(test_get(other, "new", &t), i == 0 ? HX_NO : HX_OK);
        assert_int_equal(test_get(other, "late", &t), HX_NO);
        hx_registry_close(other);
    }
}


static int
test_grow(void *data)
{
    char                 id[16];
    unsigned             i;
    hx_rc_t              rc;
    hx_registry_t       *reg;
    hx_change_result_t   result;
    static hx_change_t   c;

    test_conf.map_size *= 8;

    if (hx_registry_open(&reg, &test_conf, test_err) != HX_OK) {
        return 2;
    }

    for (i = 0, rc = HX_OK; i < 40 && rc == HX_OK; i++) {
        unsigned  k;

        (void) snprintf(id, sizeof(id), "big%u", i);
        test_change(&c, HX_CHANGE_CREATE, id, 100 + i);
        c.n_namespaces = 200;

        for (k = 0; k < 200; k++) {
            static char  ns[200][HX_NAMESPACE_MAX];

            c.namespaces[k] = test_text(ns[k], HX_NAMESPACE_MAX);
        }

        rc = test_apply(reg, &c, &result);
    }

    hx_registry_close(reg);

    return rc == HX_OK ? 0 : 3;
}


/* Another process has a larger map: trouble at most once, then adopted. */
static void
a_map_that_grew(void **state)
{
    char                 id[HX_TENANT_MAX + 1];
    hx_registry_t       *reg;
    hx_change_result_t   result;
    static hx_change_t   c;

    test_conf.map_size = 524288;
    reg = test_registry();
    test_do(reg, HX_CHANGE_CREATE, "acme", 1);
    assert_int_equal(test_who(reg, 1, id), HX_OK);
    assert_int_equal(test_in_child(test_grow, NULL), 0);

    test_change(&c, HX_CHANGE_SUSPEND, "acme", 0);
    assert_int_equal(test_apply(reg, &c, &result), HX_FAIL);
    assert_non_null(strstr(test_err, "MDB_MAP_RESIZED"));

    assert_int_equal(hx_registry_refresh(reg, test_err), HX_OK);
    assert_int_equal(test_apply(reg, &c, &result), HX_OK);
    assert_int_equal(result, HX_CHANGED);
    assert_int_equal(test_who(reg, 1, id), HX_OK);
    assert_int_equal(test_who(reg, 139, id), HX_OK);
    assert_string_equal(id, "big39");
    hx_registry_close(reg);
    test_conf.map_size = 16777216;
    test_consistent();
}


static void
a_question_adopts_a_map_that_grew(void **state)
{
    char            id[HX_TENANT_MAX + 1];
    hx_registry_t  *reg;

    test_conf.map_size = 524288;
    reg = test_registry();
    test_do(reg, HX_CHANGE_CREATE, "other", 99);
    assert_int_equal(test_who(reg, 1, id), HX_NO);
    assert_int_equal(test_in_child(test_grow, NULL), 0);
    assert_int_equal(test_who(reg, 139, id), HX_OK);
    assert_string_equal(id, "big39");
    test_do(reg, HX_CHANGE_DELETE, "big39", 0);
    assert_int_equal(test_who(reg, 139, id), HX_NO);
    hx_registry_close(reg);
    test_conf.map_size = 16777216;
}


/* Every copy of what[len] in the file gets this byte at offset at. */
static unsigned
test_poke(const unsigned char *file, size_t size, const void *what, size_t len,
    size_t at, unsigned char byte)
{
    int       fd;
    size_t    i;
    unsigned  n;

    fd = open(test_path("data.mdb"), O_WRONLY);
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


static int
test_each(void *data, const hx_tenant_t *t)
{
    return 0;
}


static void
test_damaged(void)
{
    char                 id[HX_TENANT_MAX + 1];
    hx_str_t             all = { NULL, 0 };
    hx_tenant_t          t;
    hx_registry_t       *reg;
    hx_change_result_t   result;
    static hx_change_t   c;

    reg = test_registry();
    test_change(&c, HX_CHANGE_SUSPEND, "acme", 0);

    assert_int_equal(test_who(reg, 1, id), HX_FAIL);
    assert_string_equal(test_err, "record of tenant \"acme\" is damaged");
    assert_int_equal(test_get(reg, "acme", &t), HX_FAIL);
    assert_string_equal(test_err, "record of tenant \"acme\" is damaged");
    assert_int_equal(hx_registry_list(reg, &all, test_each, NULL, test_err),
                     HX_FAIL);
    assert_int_equal(test_apply(reg, &c, &result), HX_FAIL);

    /* others are served */

    assert_int_equal(test_who(reg, 2, id), HX_OK);
    assert_int_equal(test_get(reg, "beta", &t), HX_OK);
    hx_registry_close(reg);
}


static void
every_byte_of_a_record(void **state)
{
    char                   id[HX_TENANT_MAX + 1];
    size_t                 at, size, len;
    hx_tenant_t            t;
    unsigned char          record[512];
    hx_registry_t         *reg;
    static unsigned char   file[HX_FILE];

    reg = test_registry();
    test_do(reg, HX_CHANGE_CREATE, "acme", 1);
    test_do(reg, HX_CHANGE_CREATE, "beta", 2);
    assert_int_equal(test_get(reg, "acme", &t), HX_OK);
    memcpy(record, test_bytes, test_len);
    len = test_len;
    hx_registry_close(reg);

    size = test_slurp("data.mdb", file, sizeof(file));

    for (at = 0; at < len; at++) {
        const unsigned char  other =
                  (unsigned char) (record[at] ^ (1u << test_below(8)));

        assert_true(test_poke(file, size, record, len, at, other) > 0);
        test_damaged();
        (void) test_poke(file, size, record, len, at, record[at]);
    }

    reg = test_registry();
    assert_int_equal(test_who(reg, 1, id), HX_OK);
    hx_registry_close(reg);
}


/* The index leads to nobody, or to somebody else: trouble in both cases. */
static void
a_wrong_index(void **state)
{
    char                   id[HX_TENANT_MAX + 1];
    size_t                 size, i;
    hx_str_t               record;
    hx_tenant_t            t;
    hx_registry_t         *reg;
    unsigned char          hash[HX_SHA256_LEN + 4];
    static unsigned char   file[HX_FILE];

    static const char  other[] = "beta";

    reg = test_registry();
    test_do(reg, HX_CHANGE_CREATE, "acme", 1);
    test_do(reg, HX_CHANGE_CREATE, "beta", 2);
    hx_registry_close(reg);

    size = test_slurp("data.mdb", file, sizeof(file));
    test_hash(hash, 1);
    memcpy(hash + HX_SHA256_LEN, "acme", 4);

    assert_true(test_poke(file, size, hash, sizeof(hash), HX_SHA256_LEN, 'x')
                > 0);
    reg = test_registry();
    assert_int_equal(test_who(reg, 1, id), HX_FAIL);
    assert_int_equal(test_who(reg, 2, id), HX_OK);
    hx_registry_close(reg);

    for (i = 0; i < 4; i++) {
        (void) test_poke(file, size, hash, sizeof(hash), HX_SHA256_LEN + i,
                         (unsigned char) other[i]);
    }

    reg = test_registry();
    assert_int_equal(hx_registry_find(reg, hash, &record, test_err), HX_OK);
    assert_int_equal(hx_tenant_decode(&t, record.data, record.len), HX_OK);
    assert_int_equal(hx_tenant_key_valid(&t, hash, HX_TEST_NOW), HX_FAIL);
    hx_registry_release(reg);
    hx_registry_close(reg);
}


/* A file that lost its end: FAIL or right, and nobody dies. */
static int
test_ask_all(void *data)
{
    int             wrong;
    hx_rc_t         rc;
    hx_str_t        all = { NULL, 0 };
    unsigned        i;
    hx_registry_t  *reg;

    if (hx_registry_open(&reg, &test_conf, test_err) != HX_OK) {
        return 3;
    }

    for (i = 0, wrong = 0; i < 300; i++) {
        hx_str_t       record;
        unsigned char  hash[HX_SHA256_LEN];

        test_hash(hash, i);
        rc = hx_registry_find(reg, hash, &record, test_err);
        hx_registry_release(reg);

        if (rc == HX_NO) {
            return 4;                   /* would be a 401 */
        }

        wrong += rc != HX_OK;
    }

    wrong += hx_registry_list(reg, &all, test_each, NULL, test_err) != HX_OK;
    hx_registry_close(reg);

    return wrong ? 2 : 0;
}


static void
a_short_file(void **state)
{
    int             rc;
    char            id[16];
    off_t           size;
    unsigned        i, failed;
    struct stat     st;
    hx_registry_t  *reg;

    reg = test_registry();

    for (i = 0; i < 300; i++) {
        (void) snprintf(id, sizeof(id), "t%u", i);
        test_do(reg, HX_CHANGE_CREATE, id, i);
    }

    hx_registry_close(reg);
    assert_int_equal(test_in_child(test_ask_all, NULL), 0);
    assert_int_equal(stat(test_path("data.mdb"), &st), 0);
    failed = 0;

    for (size = st.st_size - 4096; size >= 8192; size -= 4096) {
        assert_int_equal(truncate(test_path("data.mdb"), size), 0);
        rc = test_in_child(test_ask_all, NULL);

        if (rc != 0 && rc != 3) {
            fail_msg("%ju bytes: %d", (uintmax_t) size, rc);
        }

        failed += rc != 0;
    }

    assert_true(failed > 10);
}


/* Nobody's key is wrong where never anybody had one: 503 then, not 401. */
static void
never_a_tenant(void **state)
{
    char            id[HX_TENANT_MAX + 1];
    hx_tenant_t     t;
    hx_registry_t  *reg;

    reg = test_registry();
    assert_int_equal(test_who(reg, 1, id), HX_FAIL);
    assert_string_equal(test_err, "there never was a tenant in it");
    assert_int_equal(test_get(reg, "acme", &t), HX_NO);

    test_do(reg, HX_CHANGE_CREATE, "acme", 1);
    assert_int_equal(test_who(reg, 2, id), HX_NO);

    /* the last one was deleted: now a stranger is a stranger */

    test_do(reg, HX_CHANGE_DELETE, "acme", 0);
    assert_int_equal(test_who(reg, 1, id), HX_NO);
    hx_registry_close(reg);

    reg = test_registry();
    assert_int_equal(test_who(reg, 1, id), HX_NO);
    hx_registry_close(reg);
}


/* A registry that was there is not made anew when it is gone or empty. */
static void
existing_only(void **state)
{
    char            id[HX_TENANT_MAX + 1];
    struct stat     st;
    hx_registry_t  *reg;

    test_conf.existing = 1;
    test_refused("data.mdb: No such file");
    assert_int_equal(stat(test_path("data.mdb"), &st), -1);

    test_spill("data.mdb", "", 0);
    test_refused("MDB_NOTFOUND");
    test_refused("MDB_NOTFOUND");
    assert_int_equal(unlink(test_path("data.mdb")), 0);
    assert_int_equal(unlink(test_path("lock.mdb")), 0);

    test_conf.existing = 0;
    reg = test_registry();
    test_do(reg, HX_CHANGE_CREATE, "acme", 1);
    hx_registry_close(reg);

    test_conf.existing = 1;
    reg = test_registry();
    assert_int_equal(test_who(reg, 1, id), HX_OK);
    test_do(reg, HX_CHANGE_SUSPEND, "acme", 0);
    hx_registry_close(reg);
    test_conf.existing = 0;
}


/* An older copy of data.mdb, put back while somebody works with the newer. */
static int
test_restored(void *data)
{
    hx_registry_t  *reg;

    return hx_registry_open(&reg, &test_conf, test_err) == HX_FAIL
           && strcmp(test_err, "data.mdb is older than lock.mdb") == 0 ? 0 : 2;
}


static void
a_restored_copy(void **state)
{
    char                   id[HX_TENANT_MAX + 1];
    size_t                 size;
    hx_registry_t         *reg;
    static unsigned char   file[HX_FILE];

    reg = test_registry();
    test_do(reg, HX_CHANGE_CREATE, "acme", 1);
    size = test_slurp("data.mdb", file, sizeof(file));
    test_do(reg, HX_CHANGE_SUSPEND, "acme", 0);
    test_do(reg, HX_CHANGE_ROTATE, "acme", 2);

    assert_int_equal(unlink(test_path("data.mdb")), 0);
    test_spill("data.mdb", file, size);
    assert_int_equal(test_in_child(test_restored, NULL), 0);
    assert_int_equal(hx_registry_refresh(reg, test_err), HX_NO);
    hx_registry_close(reg);

    /* when all have let go it counts as it is */

    reg = test_registry();
    assert_int_equal(test_who(reg, 1, id), HX_OK);
    assert_int_equal(test_who(reg, 2, id), HX_NO);
    test_do(reg, HX_CHANGE_ROTATE, "acme", 3);
    hx_registry_close(reg);
    test_consistent();
}


int
main(void)
{
#define T(f)  cmocka_unit_test_setup_teardown(f, test_dir_make,               \
                                              test_dir_remove)
    const struct CMUnitTest  tests[] = {
        T(created_and_found_again),
        T(refused_places),
        T(other_versions),
        T(created_by_many_at_once),
        T(too_many_readers),
        T(exchanged_files),
        T(a_map_that_grew),
        T(a_question_adopts_a_map_that_grew),
        T(every_byte_of_a_record),
        T(a_wrong_index),
        T(a_short_file),
        T(never_a_tenant),
        T(existing_only),
        T(a_restored_copy)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
