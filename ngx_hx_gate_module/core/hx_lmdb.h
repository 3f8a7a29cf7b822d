/*
 * hx_lmdb.h -- opening an LMDB environment the one safe way.
 *
 * The exception among the core files: it does I/O, because gate and engine
 * need the same caution.  Rules it keeps (lmdb.h, "Caveats"):
 *  - open after fork, once per process and directory;
 *  - MDB_NOTLS always, so that a read transaction belongs to its handle, not
 *    to the thread; default sync always (neither MDB_NOSYNC, MDB_NOMETASYNC,
 *    MDB_WRITEMAP nor MDB_MAPASYNC);
 *  - reader slots of killed processes are cleared at open;
 *  - a file that was cut short is MDB_CORRUPTED, not SIGBUS later on; values
 *    of more than half a page may read as zeros then, so records need a
 *    checksum.
 */

#ifndef HX_LMDB_H
#define HX_LMDB_H

#include <lmdb.h>

#include "hx_types.h"

typedef struct {
    const char  *dir;           /* an existing directory */
    size_t       map_size;      /* bytes; the file never grows beyond it */
    unsigned     max_dbs;
    unsigned     max_readers;
    unsigned     mode;          /* of created files, e.g. 0600 */
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

#endif /* HX_LMDB_H */
