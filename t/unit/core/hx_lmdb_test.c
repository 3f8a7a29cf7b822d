/*
 * hx_lmdb_test.c -- opening an environment: what must never be left out (sync,
 * NOTLS, the killed readers' slots), what is refused, and files that are not
 * what they should be.
 */

#include "hx_test_dir.h"

#include <errno.h>

#include "hx_lmdb.h"

#define HX_MAP   1048576

static hx_lmdb_conf_t  conf = {
    .dir = test_dir, .map_size = HX_MAP, .max_dbs = 4, .max_readers = 16,
    .mode = 0600
};


static MDB_env *
test_open(void)
{
    int          rc;
    MDB_env     *env;
    const char  *what;

    rc = hx_lmdb_open(&env, &conf, &what);

    if (rc != 0) {
        fail_msg("%s: %s", what, mdb_strerror(rc));
    }

    return env;
}


static void
test_refused_as(int want, const char *where)
{
    int          rc;
    MDB_env     *env;
    const char  *what;

    env = (MDB_env *) test_dir;
    rc = hx_lmdb_open(&env, &conf, &what);
    assert_int_equal(rc, want);
    assert_null(env);
    assert_string_equal(what, where);
}


static void
test_refused(int want)
{
    test_refused_as(want, "mdb_env_open");
}


/* n values of size bytes in one transaction, under keys that begin with c. */
static int
test_store(MDB_env *env, char c, unsigned n, size_t size)
{
    int        rc;
    char       key[16];
    MDB_dbi    dbi;
    MDB_txn   *txn;
    MDB_val    k, v;
    unsigned   i;

    rc = mdb_txn_begin(env, NULL, 0, &txn);
    rc = rc != 0 ? rc : mdb_dbi_open(txn, NULL, 0, &dbi);

    for (i = 0; rc == 0 && i < n; i++) {
        k.mv_size = (size_t) snprintf(key, sizeof(key), "%c%08u", c, i);
        k.mv_data = key;
        v.mv_size = size;

        rc = mdb_put(txn, dbi, &k, &v, MDB_RESERVE);

        if (rc == 0) {
            memset(v.mv_data, c, size);
        }
    }

    if (rc != 0) {
        mdb_txn_abort(txn);
        return rc;
    }

    return mdb_txn_commit(txn);
}


static void
opens_as_promised(void **state)
{
    MDB_env      *env;
    unsigned      flags, readers;
    struct stat   st;
    MDB_envinfo   info;

    env = test_open();

    assert_int_equal(mdb_env_get_flags(env, &flags), 0);
    assert_true(flags & MDB_NOTLS);
    assert_int_equal(flags & (MDB_NOSYNC | MDB_NOMETASYNC | MDB_WRITEMAP
                              | MDB_MAPASYNC | MDB_NOLOCK | MDB_RDONLY), 0);

    assert_int_equal(mdb_env_info(env, &info), 0);
    assert_int_equal(info.me_mapsize, HX_MAP);
    assert_int_equal(mdb_env_get_maxreaders(env, &readers), 0);
    assert_int_equal(readers, 16);

    assert_int_equal(stat(test_path("data.mdb"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(stat(test_path("lock.mdb"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);

    mdb_env_close(env);
}


static void
refuses_strange_places(void **state)
{
    hx_lmdb_conf_t   keep;

    keep = conf;
    conf.dir = test_path("missing");
    test_refused(ENOENT);

    test_spill("file", "x", 1);
    conf.dir = test_path("file");
    test_refused(ENOTDIR);
    conf = keep;
}


static void
refuses_strange_files(void **state)
{
    size_t                i;
    static unsigned char  b[16384];

    static const size_t  sizes[] = { 1, 100, 4095, 4096, 8191, 8192, 16384 };

    for (i = 0; i < hx_nelts(sizes); i++) {
        test_fill(b, sizes[i]);
        test_spill("data.mdb", b, sizes[i]);
        test_refused(MDB_INVALID);
    }
}


static int
test_hold_reader(void *data)
{
    MDB_env     *env;
    MDB_txn     *txn;
    const char  *what;

    return hx_lmdb_open(&env, &conf, &what) != 0
           || mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) != 0;
}


static int
test_count_reader(const char *line, void *data)
{
    unsigned  *n = data;
    int        pid;

    /* lines of slots begin with a process id, the heading does not */
    *n += sscanf(line, "%d", &pid) == 1;

    return 0;
}


static unsigned
test_readers(MDB_env *env)
{
    unsigned  n;

    n = 0;
    assert_true(mdb_reader_list(env, test_count_reader, &n) >= 0);

    return n;
}


static void
forgets_killed_readers(void **state)
{
    pid_t     dead, alive;
    MDB_env  *env;

    dead = test_stay(test_hold_reader, NULL);
    alive = test_stay(test_hold_reader, NULL);
    test_kill(dead);

    env = test_open();
    assert_int_equal(test_readers(env), 1);
    mdb_env_close(env);

    test_kill(alive);
    env = test_open();
    assert_int_equal(test_readers(env), 0);
    mdb_env_close(env);
}


static int
test_grow(void *data)
{
    MDB_env     *env;
    const char  *what;

    conf.map_size = 4 * HX_MAP;

    return hx_lmdb_open(&env, &conf, &what) != 0
           || test_store(env, 'g', 300, 8000) != 0;
}


/* A read transaction after another process has made the map larger. */
static void
adopts_a_larger_map(void **state)
{
    MDB_env      *env;
    MDB_txn      *txn;
    MDB_envinfo   info;

    env = test_open();
    assert_int_equal(test_store(env, 'a', 1, 10), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), 0);
    mdb_txn_reset(txn);

    assert_int_equal(hx_lmdb_renew(txn, 0), 0);
    mdb_txn_reset(txn);

    assert_int_equal(test_in_child(test_grow, NULL), 0);

    /* others may be inside: nothing is remapped under them */

    assert_int_equal(hx_lmdb_renew(txn, 0), MDB_MAP_RESIZED);
    assert_int_equal(mdb_env_info(env, &info), 0);
    assert_int_equal(info.me_mapsize, HX_MAP);

    assert_int_equal(hx_lmdb_renew(txn, 1), 0);
    assert_int_equal(mdb_env_info(env, &info), 0);
    assert_true(info.me_mapsize > 2 * HX_MAP);

    mdb_txn_abort(txn);
    mdb_env_close(env);
}


static void
stays_below_the_map_size(void **state)
{
    int          rc, i;
    MDB_env     *env;
    struct stat  st;

    env = test_open();

    for (i = 0, rc = 0; i < 26 && rc == 0; i++) {
        rc = test_store(env, (char) ('a' + i), 20, 4000);
    }

    assert_int_equal(rc, MDB_MAP_FULL);
    assert_int_equal(stat(test_path("data.mdb"), &st), 0);
    assert_true(st.st_size <= HX_MAP);
    mdb_env_close(env);
}


static int
test_read_all(void *data)
{
    int            rc;
    size_t         i;
    MDB_dbi        dbi;
    MDB_env       *env;
    MDB_txn       *txn;
    MDB_val        k, v;
    unsigned       n, bad;
    char           key[16];
    const char    *what;

    rc = hx_lmdb_open(&env, &conf, &what);

    if (rc != 0) {
        return 3;
    }

    if (mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) != 0
        || mdb_dbi_open(txn, NULL, 0, &dbi) != 0)
    {
        return 3;
    }

    for (n = 0, bad = 0; n < 60; n++) {
        k.mv_size = (size_t) snprintf(key, sizeof(key), "a%08u", n);
        k.mv_data = key;
        rc = mdb_get(txn, dbi, &k, &v);

        for (i = 0; rc == 0 && i < v.mv_size; i++) {
            rc = ((char *) v.mv_data)[i] != 'a';
        }

        bad += rc != 0;
    }

    mdb_txn_abort(txn);
    mdb_env_close(env);

    return bad != 0 ? 2 : 0;
}


/* Cuts the file page by page; in between others may open it. */
static void
test_cut(unsigned *sound, unsigned *refused, unsigned *wrong)
{
    int          rc, again;
    off_t        size;
    struct stat  st;

    *sound = *refused = *wrong = 0;
    assert_int_equal(stat(test_path("data.mdb"), &st), 0);

    for (size = st.st_size - 4096; size >= 8192; size -= 4096) {
        assert_int_equal(truncate(test_path("data.mdb"), size), 0);
        rc = test_in_child(test_read_all, NULL);

        if (rc != 0 && rc != 2 && rc != 3) {
            fail_msg("%ju bytes: the reader died (%d)", (uintmax_t) size, rc);
        }

        /* and whoever comes next is told the same */

        assert_int_equal(stat(test_path("data.mdb"), &st), 0);
        again = test_in_child(test_read_all, NULL);
        assert_int_equal(again, rc);

        *sound += rc == 0;
        *refused += rc == 3;
        *wrong += rc == 2;

        if (rc == 3) {
            assert_int_equal(st.st_size, size);
            test_refused_as(MDB_CORRUPTED, "data.mdb was cut short");
        }
    }
}


/* A file that lost its end is refused, and nobody dies of SIGBUS. */
static void
refuses_a_short_file(void **state)
{
    MDB_env   *env;
    unsigned   sound, refused, wrong;

    env = test_open();
    assert_int_equal(test_store(env, 'a', 60, 1500), 0);
    mdb_env_close(env);
    assert_int_equal(test_in_child(test_read_all, NULL), 0);

    test_cut(&sound, &refused, &wrong);
    assert_true(refused > 25);
    assert_int_equal(wrong, 0);
}


/* Named databases have trees of their own, which are looked through as well. */
static void
refuses_a_short_file_with_names(void **state)
{
    int        rc;
    MDB_dbi    dbi;
    MDB_env   *env;
    MDB_txn   *txn;
    MDB_val    k, v;
    unsigned   i, sound, refused, wrong;
    char       text[64];

    env = test_open();
    assert_int_equal(test_store(env, 'a', 60, 10), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, "named", MDB_CREATE, &dbi), 0);

    for (i = 0; i < 2000; i++) {
        k.mv_size = (size_t) snprintf(text, sizeof(text), "%08u", i * 7919);
        k.mv_data = text;
        v = k;
        rc = mdb_put(txn, dbi, &k, &v, 0);
        assert_int_equal(rc, 0);
    }

    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
    assert_int_equal(test_in_child(test_read_all, NULL), 0);

    test_cut(&sound, &refused, &wrong);
    assert_true(refused > 10);
    assert_int_equal(wrong, 0);
}


/* Values with pages of their own: zeros at worst. */
static void
survives_lost_values(void **state)
{
    MDB_env   *env;
    unsigned   sound, refused, wrong;

    env = test_open();
    assert_int_equal(test_store(env, 'a', 60, 3000), 0);
    mdb_env_close(env);
    assert_int_equal(test_in_child(test_read_all, NULL), 0);

    test_cut(&sound, &refused, &wrong);
    assert_true(refused + wrong > 50);
}


/* Free pages at the end may be missing: that is no damage. */
static void
accepts_a_file_without_its_free_pages(void **state)
{
    MDB_dbi    dbi;
    MDB_env   *env;
    MDB_txn   *txn;
    unsigned   i, sound, refused, wrong;

    env = test_open();
    assert_int_equal(test_store(env, 'a', 60, 10), 0);
    assert_int_equal(test_store(env, 'b', 60, 3000), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, NULL, 0, &dbi), 0);
    assert_int_equal(mdb_drop(txn, dbi, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);

    for (i = 0; i < 8; i++) {
        assert_int_equal(test_store(env, 'a', 60, 10), 0);
    }

    mdb_env_close(env);
    assert_int_equal(test_in_child(test_read_all, NULL), 0);

    test_cut(&sound, &refused, &wrong);
    assert_true(sound > 5);
    assert_int_equal(wrong, 0);
}


/* Two environments in one directory have nothing in common. */
static void
a_file_beside_another(void **state)
{
    MDB_env      *env, *named;
    MDB_stat      st;
    unsigned      flags;
    struct stat   file;

    env = test_open();
    assert_int_equal(test_store(env, 'a', 3, 10), 0);

    conf.file = "other.mdb";
    named = test_open();
    assert_int_equal(mdb_env_get_flags(named, &flags), 0);
    assert_int_equal(flags & (MDB_NOTLS | MDB_NOSYNC | MDB_NOMETASYNC
                              | MDB_WRITEMAP | MDB_MAPASYNC | MDB_NOLOCK
                              | MDB_RDONLY), MDB_NOTLS);
    assert_int_equal(mdb_env_stat(named, &st), 0);
    assert_int_equal(st.ms_entries, 0);
    assert_int_equal(test_store(named, 'b', 5, 10), 0);

    assert_int_equal(stat(test_path("other.mdb"), &file), 0);
    assert_int_equal(file.st_mode & 07777, 0600);
    assert_int_equal(stat(test_path("other.mdb-lock"), &file), 0);
    assert_int_equal(file.st_mode & 07777, 0600);

    assert_int_equal(mdb_env_stat(env, &st), 0);
    assert_int_equal(st.ms_entries, 3);
    mdb_env_close(named);
    mdb_env_close(env);

    named = test_open();
    assert_int_equal(mdb_env_stat(named, &st), 0);
    assert_int_equal(st.ms_entries, 5);
    mdb_env_close(named);
    conf.file = NULL;
}


static void
refuses_a_short_file_by_name(void **state)
{
    MDB_env      *env;
    struct stat   st;

    conf.file = "other.mdb";
    env = test_open();
    assert_int_equal(test_store(env, 'a', 60, 1500), 0);
    mdb_env_close(env);

    assert_int_equal(stat(test_path("other.mdb"), &st), 0);
    assert_int_equal(truncate(test_path("other.mdb"), st.st_size / 2), 0);
    test_refused_as(MDB_CORRUPTED, "the data file was cut short");
    conf.file = NULL;
}


/* Gone or exchanged, the one file or the other: not ours any more. */
static void
test_exchanged(const char *name)
{
    MDB_env          *env;
    hx_lmdb_files_t   files;

    env = test_open();
    assert_int_equal(hx_lmdb_paths(&files, &conf), 0);
    assert_int_equal(hx_lmdb_remember(&files, env), 0);
    assert_true(hx_lmdb_in_place(&files));

    /* still open in env: the new file is certainly another one */

    assert_int_equal(unlink(test_path(name)), 0);
    assert_false(hx_lmdb_in_place(&files));
    test_spill(name, "", 0);
    assert_false(hx_lmdb_in_place(&files));
    mdb_env_close(env);

    assert_int_equal(unlink(files.data_path), 0);
    assert_int_equal(unlink(files.lock_path), 0);
}


static void
knows_its_files(void **state)
{
    char              dir[HX_LMDB_PATH];
    MDB_env          *env;
    const char       *what;
    hx_lmdb_conf_t    keep;
    hx_lmdb_files_t   files;

    test_exchanged("data.mdb");
    test_exchanged("lock.mdb");
    keep = conf;
    conf.file = "other.mdb";
    test_exchanged("other.mdb");
    test_exchanged("other.mdb-lock");

    /* as long as a path may be, and one byte more */

    conf.dir = dir;
    memset(dir, '/', sizeof(dir));
    dir[HX_LMDB_PATH - sizeof("/other.mdb-lock")] = '\0';
    assert_int_equal(hx_lmdb_paths(&files, &conf), 0);

    memset(dir, '/', sizeof(dir));
    dir[HX_LMDB_PATH + 1 - sizeof("/other.mdb-lock")] = '\0';
    assert_int_equal(hx_lmdb_paths(&files, &conf), ENAMETOOLONG);

    memset(dir, '/', sizeof(dir));
    dir[HX_LMDB_PATH - 1] = '\0';
    assert_int_equal(hx_lmdb_open(&env, &conf, &what), ENAMETOOLONG);
    assert_null(env);
    conf = keep;
}


/* An older copy of the data file, put beside the lock file that is in use. */
static int
test_older(void *data)
{
    int          rc;
    MDB_env     *env;
    const char  *what;

    if (hx_lmdb_open(&env, &conf, &what) != 0) {
        return 3;
    }

    rc = hx_lmdb_current(env);
    mdb_env_close(env);

    return rc == 0 ? 0 : rc == MDB_INVALID ? 2 : 4;
}


static void
notices_an_older_copy(void **state)
{
    MDB_env               *env;
    size_t                 size;
    static unsigned char   file[2 * HX_MAP];

    env = test_open();
    assert_int_equal(hx_lmdb_current(env), 0);
    assert_int_equal(test_store(env, 'a', 1, 10), 0);
    size = test_slurp("data.mdb", file, sizeof(file));
    assert_int_equal(test_store(env, 'b', 1, 10), 0);
    assert_int_equal(test_store(env, 'c', 1, 10), 0);
    assert_int_equal(hx_lmdb_current(env), 0);
    assert_int_equal(test_in_child(test_older, NULL), 0);

    assert_int_equal(unlink(test_path("data.mdb")), 0);
    test_spill("data.mdb", file, size);
    assert_int_equal(test_in_child(test_older, NULL), 2);
    mdb_env_close(env);
    assert_int_equal(test_in_child(test_older, NULL), 0);
}


int
main(void)
{
#define T(f)  cmocka_unit_test_setup_teardown(f, test_dir_make,               \
                                              test_dir_remove)
    const struct CMUnitTest  tests[] = {
        T(opens_as_promised),
        T(refuses_strange_places),
        T(refuses_strange_files),
        T(forgets_killed_readers),
        T(adopts_a_larger_map),
        T(stays_below_the_map_size),
        T(refuses_a_short_file),
        T(refuses_a_short_file_with_names),
        T(survives_lost_values),
        T(accepts_a_file_without_its_free_pages),
        T(a_file_beside_another),
        T(refuses_a_short_file_by_name),
        T(knows_its_files),
        T(notices_an_older_copy)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
