/*
 * engine_commit.c -- durable puts without an engine: a put, a commit.
 *
 *     engine_commit DIRECTORY SIZE COUNT GROUP
 *
 * Writes COUNT values of SIZE bytes under rising keys into an LMDB of its own
 * in DIRECTORY, which exists, GROUP of them in a commit, each commit synced as
 * LMDB does by default.  GROUP 1 is what a program does that answers each
 * client when its value is safe and gathers none.  Prints bytes of a value,
 * values, nanoseconds.
 */

#include <lmdb.h>

#include "engine_bench.h"


#define COMMIT_MAP        ((size_t) 1024 * 1024 * 1024)
#define COMMIT_SIZE_MAX   1000000
#define COMMIT_KEY        8


static void
commit_must(int rc, const char *what)
{
    if (rc != MDB_SUCCESS) {
        bench_die(what, mdb_strerror(rc));
    }
}


static void
commit_group(MDB_env *env, MDB_dbi dbi, uint64_t i, uint64_t end,
    MDB_val *value)
{
    size_t          k;
    MDB_txn        *txn;
    MDB_val         key;
    unsigned char   name[COMMIT_KEY];

    key.mv_data = name;
    key.mv_size = COMMIT_KEY;

    commit_must(mdb_txn_begin(env, NULL, 0, &txn), "mdb_txn_begin");

    for ( /* void */ ; i < end; i++) {
        for (k = 0; k < COMMIT_KEY; k++) {
            name[k] = (unsigned char) (i >> (56 - 8 * k));
        }

        commit_must(mdb_put(txn, dbi, &key, value, 0), "mdb_put");
    }

    commit_must(mdb_txn_commit(txn), "mdb_txn_commit");
}


int
main(int argc, char **argv)
{
    uint64_t        begin, count, end, group, i, seed, size;
    MDB_dbi         dbi;
    MDB_env        *env;
    MDB_txn        *txn;
    MDB_val         value;
    unsigned char  *data;

    if (argc != 5) {
        (void) fprintf(stderr, "usage: engine_commit DIRECTORY SIZE "
                               "COUNT GROUP\n");
        return 2;
    }

    size = bench_number(argv[2], COMMIT_SIZE_MAX);
    count = bench_number(argv[3], COMMIT_MAP / 4 / size);
    group = bench_number(argv[4], count);

    data = bench_memory(size);
    seed = 1;

    for (i = 0; i < size; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        data[i] = (unsigned char) (seed >> 56);
    }

    value.mv_data = data;
    value.mv_size = size;

    commit_must(mdb_env_create(&env), "mdb_env_create");
    commit_must(mdb_env_set_mapsize(env, COMMIT_MAP), "mdb_env_set_mapsize");
    commit_must(mdb_env_open(env, argv[1], 0, 0600), "mdb_env_open");
    commit_must(mdb_txn_begin(env, NULL, 0, &txn), "mdb_txn_begin");
    commit_must(mdb_dbi_open(txn, NULL, 0, &dbi), "mdb_dbi_open");
    commit_must(mdb_txn_commit(txn), "mdb_txn_commit");

    begin = bench_now();

    for (i = 0; i < count; i = end) {
        end = count - i < group ? count : i + group;
        commit_group(env, dbi, i, end, &value);
    }

    (void) printf("%llu\t%llu\t%llu\n", (unsigned long long) size,
                  (unsigned long long) count,
                  (unsigned long long) (bench_now() - begin));

    mdb_env_close(env);
    free(data);

    return 0;
}
