/*
 * hx_lmdb.c -- see the header.
 */

#include <string.h>

#include "hx_lmdb.h"


int
hx_lmdb_open(MDB_env **out, const hx_lmdb_conf_t *conf, const char **what)
{
    int       rc, dead;
    MDB_env  *env;

    *out = NULL;
    *what = "mdb_env_create";

    rc = mdb_env_create(&env);
    if (rc != 0) {
        return rc;
    }

    *what = "mdb_env_set_mapsize";
    rc = mdb_env_set_mapsize(env, conf->map_size);

    if (rc == 0) {
        *what = "mdb_env_set_maxdbs";
        rc = mdb_env_set_maxdbs(env, conf->max_dbs);
    }

    if (rc == 0) {
        *what = "mdb_env_set_maxreaders";
        rc = mdb_env_set_maxreaders(env, conf->max_readers);
    }

    if (rc == 0) {
        *what = "mdb_env_open";
        rc = mdb_env_open(env, conf->dir, MDB_NOTLS, (mdb_mode_t) conf->mode);
    }

    if (rc == 0) {
        /* a killed process keeps its slot, and with it old pages, until
         * somebody looks */

        *what = "mdb_reader_check";
        rc = mdb_reader_check(env, &dead);
    }

    if (rc != 0) {
        mdb_env_close(env);
        return rc;
    }

    *out = env;

    return 0;
}


int
hx_lmdb_renew(MDB_txn *txn, int alone)
{
    int  rc;

    rc = mdb_txn_renew(txn);

    if (rc == MDB_MAP_RESIZED && alone) {
        rc = mdb_env_set_mapsize(mdb_txn_env(txn), 0);

        if (rc == 0) {
            rc = mdb_txn_renew(txn);
        }
    }

    return rc;
}
