/*
 * hx_lmdb.h -- opening an LMDB environment the one safe way.
 *
 * The exception among the core files: it does I/O, because gate and engine
 * need the same caution.  Rules it keeps (lmdb.h, "Caveats"):
 *  - open after fork, once per process and directory;
 *  - MDB_NOTLS always, so that a read transaction belongs to its handle, not
 *    to the thread; default sync always (neither MDB_NOSYNC, MDB_NOMETASYNC,
 *    MDB_WRITEMAP nor MDB_MAPASYNC), with one exception: MDB_NOSYNC for what
 *    says that it is disposable, a replica that is thrown away when the machine
 *    was started since (a process that is killed harms it no more than others);
 *  - reader slots of killed processes are cleared at open;
 *  - a file that was cut short is MDB_CORRUPTED, not SIGBUS later on; values
 *    of more than half a page may read as zeros then, so records need a
 *    checksum.
 */

#ifndef HX_LMDB_H
#define HX_LMDB_H

#include <lmdb.h>
#include <sys/stat.h>

#include "hx_types.h"

#define HX_LMDB_PATH   4096     /* bytes of a path with its NUL */

typedef struct {
    const char  *dir;           /* an existing directory */
    const char  *file;          /* NULL: "data.mdb" and "lock.mdb" in it; else
                                 * <file> and <file>-lock in it, so that a
                                 * directory can hold several environments */
    size_t       map_size;      /* bytes; the file never grows beyond it */
    unsigned     max_dbs;
    unsigned     max_readers;
    unsigned     mode;          /* of created files, e.g. 0600 */
    unsigned     disposable:1;  /* without syncing: lost, or damaged, with the
                                 * power */
} hx_lmdb_conf_t;

/*
 * 0 and *env (close with mdb_env_close), or an LMDB/errno code with *env =
 * NULL and *what = the call that failed (static text).
 */
int hx_lmdb_open(MDB_env **env, const hx_lmdb_conf_t *conf,
    const char **what);

/*
 * Renews a reset read transaction; when another process has grown the map
 * (MDB_MAP_RESIZED) and "alone" is true (no other transaction is active in
 * this process) adopts the new size and tries once more.
 */
int hx_lmdb_renew(MDB_txn *txn, int alone);

/*
 * A new file is there after a power failure when its directory says so: 0, or
 * errno.  Blocks on disk.
 */
int hx_lmdb_sync_dir(const char *dir);

/*
 * 0 when the data file holds all that the lock file knows of; MDB_INVALID when
 * somebody put an older copy of it beside the lock file, and readers would be
 * led to either of its two last states.  Whoever opens the environment alone
 * makes the lock file anew, so this ends when all processes have let go.
 */
int hx_lmdb_current(MDB_env *env);


/* Which files an environment is made of: those that were there at open. */
typedef struct {
    struct stat  data;
    struct stat  lock;
    char         data_path[HX_LMDB_PATH];
    char         lock_path[HX_LMDB_PATH];
} hx_lmdb_files_t;

/* Sets the paths: 0 or ENAMETOOLONG. */
int hx_lmdb_paths(hx_lmdb_files_t *files, const hx_lmdb_conf_t *conf);

/* After open, with the paths set: remembers the files.  0 or errno. */
int hx_lmdb_remember(hx_lmdb_files_t *files, MDB_env *env);

/*
 * 1 while the remembered files are the ones in the directory, else 0.  The lock
 * file counts as well: who opens the environment after it was replaced writes
 * at the same time as we do, and the data file is lost.
 */
int hx_lmdb_in_place(const hx_lmdb_files_t *files);

#endif /* HX_LMDB_H */
