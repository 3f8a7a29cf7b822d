/*
 * hx_lmdb.c -- see the header.
 */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hx_lmdb.h"


static int
hx_lmdb_path(char path[HX_LMDB_PATH], const char *dir, const char *name,
    const char *suffix)
{
    const int  n = snprintf(path, HX_LMDB_PATH, "%s/%s%s", dir, name, suffix);

    return n > 0 && n < HX_LMDB_PATH ? 0 : ENAMETOOLONG;
}


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


typedef struct {
    jmp_buf                jump;
    MDB_cursor *volatile   names;       /* to be closed after a jump */
    MDB_cursor *volatile   values;
} hx_lmdb_walk_t;


/* An assertion of LMDB, which would abort() where MDB_CORRUPTED is meant. */

static void
hx_lmdb_assertion(MDB_env *env, const char *text)
{
    hx_lmdb_walk_t  *w;

    w = mdb_env_get_userctx(env);
    longjmp(w->jump, 1);
}


static int
hx_lmdb_walk_values(hx_lmdb_walk_t *w, MDB_txn *txn, MDB_dbi dbi)
{
    int          rc;
    MDB_val      k, v;
    MDB_cursor  *cursor;

    rc = mdb_cursor_open(txn, dbi, &cursor);
    if (rc != 0) {
        return rc;
    }

    w->values = cursor;

    do {
        rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
    } while (rc == 0);

    w->values = NULL;
    mdb_cursor_close(cursor);

    return rc == MDB_NOTFOUND ? 0 : rc;
}


/* The main database, and each one that is named in it. */

static int
hx_lmdb_walk_names(hx_lmdb_walk_t *w, MDB_txn *txn)
{
    int          rc;
    char         name[512];
    MDB_dbi      dbi;
    MDB_val      k, v;
    MDB_cursor  *cursor;

    rc = mdb_dbi_open(txn, NULL, 0, &dbi);

    if (rc == 0) {
        rc = mdb_cursor_open(txn, dbi, &cursor);
    }

    if (rc != 0) {
        return rc;
    }

    w->names = cursor;

    while ((rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) == 0) {
        if (k.mv_size >= sizeof(name)) {
            continue;
        }

        memcpy(name, k.mv_data, k.mv_size);
        name[k.mv_size] = '\0';
        rc = mdb_dbi_open(txn, name, 0, &dbi);

        if (rc == MDB_INCOMPATIBLE || rc == MDB_NOTFOUND) {
            continue;                   /* a value, not a database */
        }

        if (rc == 0) {
            rc = hx_lmdb_walk_values(w, txn, dbi);
        }

        if (rc != 0) {
            break;
        }
    }

    w->names = NULL;
    mdb_cursor_close(cursor);

    return rc == MDB_NOTFOUND ? 0 : rc;
}


/*
 * 0 when every page of every tree is there.  Named databases are opened in a
 * transaction that is aborted, so the environment is as it was.
 */

static int
hx_lmdb_walk(MDB_env *env)
{
    int              rc;
    MDB_txn         *txn;
    hx_lmdb_walk_t   w;

    rc = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);
    if (rc != 0) {
        return rc;
    }

    w.names = NULL;
    w.values = NULL;
    (void) mdb_env_set_userctx(env, &w);
    (void) mdb_env_set_assert(env, hx_lmdb_assertion);

    if (setjmp(w.jump) == 0) {
        rc = hx_lmdb_walk_values(&w, txn, 0);           /* free pages */

        if (rc == 0) {
            rc = hx_lmdb_walk_names(&w, txn);
        }

    } else {
        rc = MDB_CORRUPTED;
    }

    (void) mdb_env_set_assert(env, NULL);
    (void) mdb_env_set_userctx(env, NULL);

    if (w.values != NULL) {
        mdb_cursor_close(w.values);
    }

    if (w.names != NULL) {
        mdb_cursor_close(w.names);
    }

    mdb_txn_abort(txn);

    return rc;
}


/*
 * A file that was cut short: touching a page that is gone would end the process
 * with SIGBUS.  So the file gets its length back, then the pages that are gone
 * are zeros and no page of LMDB, and it is walked to see if they are part of a
 * tree.  They need not be: pages that were never used may be missing rightly,
 * at the end of a sound file.  If they are, the file stays as it was found, or
 * the next one to open it would see nothing.  Values in pages of their own are
 * not looked at: those that are gone read as zeros, which a record's checksum
 * finds.
 *
 * Only the writer may change the length, others would race with it.
 */

static int
hx_lmdb_lengthen(MDB_env *env, mdb_filehandle_t fd)
{
    int    rc;
    off_t  need, has;

    rc = hx_lmdb_sizes(env, fd, &need, &has);

    if (rc != 0 || has >= need) {
        return rc;
    }

    if (ftruncate(fd, need) != 0) {
        return errno;
    }

    rc = hx_lmdb_walk(env);

    if (rc != 0 && ftruncate(fd, has) != 0) {
        return errno;
    }

    return rc;
}


static int
hx_lmdb_whole(MDB_env *env)
{
    int               rc;
    off_t             need, has;
    MDB_txn          *writer;
    mdb_filehandle_t  fd;

    rc = mdb_env_get_fd(env, &fd);

    if (rc == 0) {
        rc = hx_lmdb_sizes(env, fd, &need, &has);
    }

    if (rc != 0 || has >= need) {
        return rc;
    }

    rc = mdb_txn_begin(env, NULL, 0, &writer);

    if (rc == 0) {
        rc = hx_lmdb_lengthen(env, fd);
        mdb_txn_abort(writer);
    }

    return rc;
}


static int
hx_lmdb_open_at(MDB_env *env, const hx_lmdb_conf_t *conf)
{
    int          rc;
    char         path[HX_LMDB_PATH];
    const char  *at;
    unsigned     flags;

    at = conf->dir;
    flags = MDB_NOTLS | (conf->disposable ? MDB_NOSYNC : 0);

    if (conf->file != NULL) {
        rc = hx_lmdb_path(path, conf->dir, conf->file, "");
        if (rc != 0) {
            return rc;
        }

        at = path;
        flags |= MDB_NOSUBDIR;
    }

    return mdb_env_open(env, at, flags, (mdb_mode_t) conf->mode);
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
        rc = hx_lmdb_open_at(env, conf);
    }

    if (rc == 0) {
        /* a killed process keeps its slot, and with it old pages, until
         * somebody looks */

        *what = "mdb_reader_check";
        rc = mdb_reader_check(env, &dead);
    }

    if (rc == 0) {
        *what = conf->file == NULL ? "data.mdb was cut short"
                                   : "the data file was cut short";
        rc = hx_lmdb_whole(env);
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


int
hx_lmdb_sync_dir(const char *dir)
{
    int  fd, rc;

    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd == -1) {
        return errno;
    }

    rc = fsync(fd) == 0 ? 0 : errno;
    (void) close(fd);

    return rc;
}


int
hx_lmdb_current(MDB_env *env)
{
    int           rc;
    size_t        id;
    MDB_txn      *txn;
    MDB_envinfo   info;

    rc = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);
    if (rc != 0) {
        return rc;
    }

    id = mdb_txn_id(txn);
    mdb_txn_abort(txn);

    rc = mdb_env_info(env, &info);
    if (rc != 0) {
        return rc;
    }

    return id > info.me_last_txnid ? MDB_INVALID : 0;
}


int
hx_lmdb_paths(hx_lmdb_files_t *files, const hx_lmdb_conf_t *conf)
{
    int          rc;
    const char  *name, *suffix;

    name = conf->file != NULL ? conf->file : "lock.mdb";
    suffix = conf->file != NULL ? "-lock" : "";

    rc = hx_lmdb_path(files->lock_path, conf->dir, name, suffix);

    if (rc == 0) {
        name = conf->file != NULL ? conf->file : "data.mdb";
        rc = hx_lmdb_path(files->data_path, conf->dir, name, "");
    }

    return rc;
}


int
hx_lmdb_remember(hx_lmdb_files_t *files, MDB_env *env)
{
    int               rc;
    mdb_filehandle_t  fd;

    rc = mdb_env_get_fd(env, &fd);

    if (rc == 0 && (fstat(fd, &files->data) != 0
                    || stat(files->lock_path, &files->lock) != 0))
    {
        rc = errno;
    }

    return rc;
}


static int
hx_lmdb_same(const char *path, const struct stat *opened)
{
    struct stat  now;

    return stat(path, &now) == 0 && now.st_dev == opened->st_dev
           && now.st_ino == opened->st_ino;
}


int
hx_lmdb_in_place(const hx_lmdb_files_t *files)
{
    return hx_lmdb_same(files->data_path, &files->data)
           && hx_lmdb_same(files->lock_path, &files->lock);
}
