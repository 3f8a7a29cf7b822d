/*
 * hx_registry_lmdb.h -- what the two halves of the embedded registry share;
 * included by hx_registry_lmdb.c and hx_registry_change.c alone.
 */

#ifndef HX_REGISTRY_LMDB_H
#define HX_REGISTRY_LMDB_H

#include <pthread.h>

#include "hx_lmdb.h"
#include "hx_registry.h"
#include "hx_registry_cache.h"

#define HX_REGISTRY_DELETED   "deleted"     /* in "meta" */

/* Beyond map_size, for what takes rights away; see hx_registry_room(). */
#define HX_REGISTRY_RESERVE   1048576       /* bytes */
#define HX_REGISTRY_RECORD    131072        /* bytes one change may need */


struct hx_registry_s {
    MDB_env            *env;
    MDB_txn            *read;           /* reset between questions */
    MDB_dbi             meta;
    MDB_dbi             keys;
    MDB_dbi             tenants;
    size_t              map_size;       /* as configured */
    unsigned            reading:1;
    hx_registry_cache_t *cache;         /* of find() */

    /* shared by threads with a transaction, exclusive to resize or close */
    pthread_rwlock_t    lock;

    hx_lmdb_files_t     files;          /* as they were opened */
};


/* Writes "what: text of rc" to err; always HX_FAIL. */
hx_rc_t hx_registry_fail(char *err, const char *what, int rc);

/* The same for a record that does not fit its checksum. */
hx_rc_t hx_registry_damaged(char *err, const hx_str_t *id);

/* That the probe says no; returns rc. */
hx_rc_t hx_registry_replaced(char *err, hx_rc_t rc);

#endif /* HX_REGISTRY_LMDB_H */
