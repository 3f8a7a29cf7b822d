/*
 * hx_lmdb.c -- see the header.
 */

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hx_lmdb.h"


/* Bytes that the pages in use need and the file has. */

static int
hx_lmdb_sizes(MDB_env *env, mdb_filehandle_t fd, off_t *need, off_t *has)
{
    int          rc;
    MDB_stat     st;
    MDB_envinfo  info;
    struct stat  file;

    rc = mdb_env_info(env, &info);

    if (rc == 0) {
        rc = mdb_env_stat(env, &st);
    }

    if (rc == 0 && fstat(fd, &file) != 0) {
        rc = errno;
    }

    if (rc == 0) {
        *need = (off_t) (info.me_last_pgno + 1) * (off_t) st.ms_psize;
        *has = file.st_size;
    }

    return rc;
}


/*
 * A file that was cut short: touching a page that is gone would end the process
 * with SIGBUS.  As zeros the page is an error like any other, so the file gets
 * its length back.  Only the writer may do that, others would race with it.
 * (The last pages may be missing rightly, when they were never used.)
 */

static int
hx_lmdb_lengthen(MDB_env *env)
{
    int               rc;
    off_t             need, has;
    MDB_txn          *txn;
    mdb_filehandle_t  fd;

    rc = mdb_env_get_fd(env, &fd);

    if (rc == 0) {
        rc = hx_lmdb_sizes(env, fd, &need, &has);
    }

    if (rc != 0 || has >= need) {
        return rc;
    }

    rc = mdb_txn_begin(env, NULL, 0, &txn);
    if (rc != 0) {
        return rc;
    }

    rc = hx_lmdb_sizes(env, fd, &need, &has);

    if (rc == 0 && has < need && ftruncate(fd, need) != 0) {
        rc = errno;
    }

    mdb_txn_abort(txn);

    return rc;
}


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

    if (rc == 0) {
        *what = "the length of data.mdb";
        rc = hx_lmdb_lengthen(env);
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
