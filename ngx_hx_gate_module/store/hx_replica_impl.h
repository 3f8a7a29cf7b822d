/*
 * hx_replica_impl.h -- between hx_replica.c, hx_replica_load.c and
 * hx_replica_open.c.
 */

#ifndef HX_REPLICA_IMPL_H
#define HX_REPLICA_IMPL_H

#include "hx_registry_lmdb.h"
#include "hx_replica.h"

/*
 * A file of the directory, locked until it is closed, after "wait" ms at most:
 * a descriptor, or -1 and errno (EWOULDBLOCK: somebody has it still).
 */
int hx_replica_lock(const char *dir, const char *name, int wait);

/* Nothing is in it, and only what every registry has in "meta": LMDB's code. */
int hx_replica_new(hx_registry_t *reg, MDB_txn *txn);

/* Into "meta", under a name of replicas: LMDB's code. */
int hx_replica_note(hx_registry_t *reg, MDB_txn *txn, const char *name,
    const hx_epoch_t *epoch);

/* One put (value: not NULL) or delete, as Redis has it; HX_OK or HX_FAIL. */
hx_rc_t hx_replica_write(hx_registry_t *reg, MDB_txn *txn, unsigned db,
    const hx_str_t *key, const hx_str_t *value, char *err);

/*
 * What of these entries comes after *epoch, see hx_replica_log(); *epoch goes
 * along.  HX_OK, HX_NO or HX_FAIL.
 */
hx_rc_t hx_replica_follow(hx_registry_t *reg, MDB_txn *txn,
    const hx_replica_entry_t *entry, size_t n, hx_epoch_t *epoch, char *err);

#endif /* HX_REPLICA_IMPL_H */
