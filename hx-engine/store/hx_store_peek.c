/*
 * hx_store_peek.c -- a store opened for reading by another process than the one
 * that serves it, and a copy of it.
 *
 * Whether an engine serves it is told by engine.lock.  If so, views take slots
 * in LMDB's table of readers (hx_store_open reserves some), as those of the
 * engine do.  If not, the lock is held, shared with others that look, so that
 * no engine starts meanwhile, and LMDB's lock file is not touched: it may
 * belong to another user, and a backup has none.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hx_guard.h"
#include "hx_store_admin.h"
#include "hx_store_impl.h"


/* Holds engine.lock if nobody else does; a directory without one is fine. */
static int
hx_peek_lock(hx_store_t *s, const char *dir)
{
    char  path[HX_LMDB_PATH];
    int   n;

    n = snprintf(path, sizeof(path), "%s/engine.lock", dir);
    if (n < 0 || (size_t) n >= sizeof(path)) {
        return ENAMETOOLONG;
    }

    s->lock_fd = open(path, O_RDONLY | O_CLOEXEC);

    if (s->lock_fd == -1) {
        return errno == ENOENT ? 0 : errno;
    }

    if (flock(s->lock_fd, LOCK_SH | LOCK_NB) == -1) {
        if (errno != EWOULDBLOCK) {
            return errno;
        }
        s->live = 1;
    }

    return 0;
}


/* There is a file that could be one of LMDB. */
static int
hx_peek_file(const char *dir)
{
    char         path[HX_LMDB_PATH];
    struct stat  st;

    if (snprintf(path, sizeof(path), "%s/data.mdb", dir)
        >= (int) sizeof(path))
    {
        return ENAMETOOLONG;
    }

    if (stat(path, &st) != 0) {
        return errno;
    }

    return st.st_size < 2 * 4096 ? MDB_INVALID : 0;
}


static int
hx_peek_env(hx_store_t *s, const char *dir)
{
    int       rc;
    MDB_stat  st;

    rc = hx_peek_file(dir);

    if (rc == 0) {
        rc = mdb_env_create(&s->env);
    }

    if (rc == 0) {
        rc = mdb_env_set_maxdbs(s->env, HX_DB_COUNT);
    }

    if (rc == 0) {
        hx_guard_env(s->env);
        rc = mdb_env_open(s->env, dir,
                          MDB_RDONLY | MDB_NOTLS | (s->live ? 0 : MDB_NOLOCK),
                          0600);
    }

    if (rc == 0) {
        rc = mdb_env_stat(s->env, &st);
    }

    if (rc == 0) {
        s->page = st.ms_psize;
    }

    return rc;
}


/* MDB_VERSION_MISMATCH: another format, or an upgrade that is not done. */
static int
hx_peek_tables(hx_store_t *s, MDB_txn *txn)
{
    int      rc;
    hx_db_t  i;
    MDB_val  k, v;

    rc = mdb_dbi_open(txn, hx_store_table(HX_DB_META), 0, &s->dbi[HX_DB_META]);
    if (rc != 0) {
        return rc;
    }

    k.mv_data = (void *) "format";
    k.mv_size = 6;
    rc = mdb_get(txn, s->dbi[HX_DB_META], &k, &v);

    if (rc == 0) {
        k.mv_data = (void *) "upgrade";
        k.mv_size = 7;

        if (v.mv_size != 1 || *(const char *) v.mv_data != *HX_STORE_FORMAT
            || mdb_get(txn, s->dbi[HX_DB_META], &k, &v) != MDB_NOTFOUND)
        {
            return MDB_VERSION_MISMATCH;
        }
    }

    for (i = HX_DB_META + 1; rc == 0 && i < HX_DB_COUNT; i++) {
        rc = mdb_dbi_open(txn, hx_store_table(i), 0, &s->dbi[i]);
    }

    return rc;
}


static int
hx_peek_open(void *data)
{
    int          rc;
    MDB_txn     *txn;
    hx_store_t  *s;

    s = data;

    rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn);
    if (rc != 0) {
        return rc;
    }

    rc = hx_peek_tables(s, txn);

    if (rc != 0) {
        mdb_txn_abort(txn);
        return rc;
    }

    return mdb_txn_commit(txn);             /* keeps the handles */
}


static hx_store_rc_t
hx_peek_rc(int rc)
{
    switch (rc) {

    case ENOENT:
    case ENOTDIR:
        return HX_STORE_NO;

    case MDB_INVALID:
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_NOTFOUND:
    case MDB_INCOMPATIBLE:
        return HX_STORE_CORRUPT;

    default:
        return HX_STORE_FAIL;
    }
}


hx_store_t *
hx_store_peek(const char *dir, int tables, hx_store_rc_t *answer, char *err,
    size_t cap)
{
    int          rc, code;
    hx_store_t  *s;

    s = hx_store_create(2, 0);

    if (s == NULL) {
        snprintf(err, cap, "out of memory");
        *answer = HX_STORE_FAIL;
        return NULL;
    }

    s->stop = 1;
    s->alone = 1;
    rc = hx_peek_lock(s, dir);

    if (rc == 0) {
        rc = hx_peek_env(s, dir);
    }

    if (rc == 0 && tables && hx_guarded(hx_peek_open, s, &code) != 0) {
        rc = MDB_CORRUPTED;

    } else if (rc == 0 && tables) {
        rc = code;
    }

    if (rc == 0) {
        return s;
    }

    *answer = hx_peek_rc(rc);
    hx_store_close(s);

    switch (rc) {

    case ENOENT:
    case ENOTDIR:
        snprintf(err, cap, "there is no store in %s", dir);
        break;

    case MDB_VERSION_MISMATCH:
        snprintf(err, cap, "the store in %s has another format than "
                 HX_STORE_FORMAT "; a store of format 1 is upgraded when an "
                 "engine is started on it", dir);
        break;

    default:
        snprintf(err, cap, "cannot read the store in %s: %s", dir,
                 mdb_strerror(rc));
    }

    return NULL;
}


int
hx_store_live(const hx_store_t *s)
{
    return s->live;
}


uint64_t
hx_store_copy_size(hx_store_t *s)
{
    uint64_t         used, freed;
    MDB_envinfo      info;
    hx_store_view_t  v;

    if (mdb_env_info(s->env, &info) != 0
        || hx_store_view(s, &v) != HX_STORE_OK)
    {
        return 0;
    }

    used = (uint64_t) info.me_last_pgno + 1;

    if (hx_room_freed(v.txn, used, &freed) != 0 || freed > used) {
        freed = 0;
    }

    hx_store_view_end(&v);

    return (used - freed) * s->page;
}


int
hx_store_copy(hx_store_t *s, int fd)
{
    return mdb_env_copyfd2(s->env, fd, MDB_CP_COMPACT);
}


const char *
hx_store_copy_error(int rc)
{
    /* LMDB's word for pages that are in no tree and in no list */

    return rc == MDB_INCOMPATIBLE ? "the store is damaged" : mdb_strerror(rc);
}
