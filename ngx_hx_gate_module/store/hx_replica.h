/*
 * hx_replica.h -- a registry as a replica of the one in Redis: what an event
 * loop and its threads do with it beyond hx_registry.h.
 *
 * Opened by hx_registry_open() with "replica" set, it is made without syncing:
 * it is disposable.  One that another boot of the machine has left, or that is
 * damaged, is thrown away when it is opened.  The directory is made with mode
 * 0700; one that is there has to be so and ours.  Beside the files of LMDB lie
 * "open.lock" and "load.lock".
 *
 * Where it stands (hx_epoch.h) is written in the transaction of what led there,
 * so it is always exactly the registry of that epoch, whenever a process was
 * killed; or it is marked as being loaded, and then find, get, list and all
 * changes answer FAIL.  A replica that is new stands at HX_EPOCH_ZERO.
 *
 * Threads: hx_replica_epoch() belongs to the thread of hx_registry_find() and
 * never blocks; all others block on the one writer of LMDB: in threads only.
 * Several processes may share a replica and apply the same things.
 */

#ifndef HX_REPLICA_H
#define HX_REPLICA_H

#include "hx_epoch.h"
#include "hx_registry.h"
#include "hx_writeset.h"

/* An entry of the log; all of it borrowed. */
typedef struct {
    hx_epoch_t    base;                 /* epoch before it */
    hx_epoch_t    epoch;                /* and with it */
    hx_str_t      writeset;
} hx_replica_entry_t;

typedef struct {
    hx_str_t    key;
    hx_str_t    value;
} hx_replica_pair_t;

/*
 * As the last transaction left it.  HX_OK; HX_NO: it is being loaded; HX_FAIL
 * and a text.
 */
hx_rc_t hx_replica_epoch(hx_registry_t *reg, hx_epoch_t *epoch, char *err);

/* The same in a thread. */
hx_rc_t hx_replica_read_epoch(hx_registry_t *reg, hx_epoch_t *epoch,
    char *err);


typedef enum {
    HX_REPLICA_APPLIED = 0,             /* it is the present epoch now */
    HX_REPLICA_ALREADY,                 /* it was: nothing to do */
    HX_REPLICA_BEHIND,                  /* what comes before is missing */
    HX_REPLICA_AHEAD,                   /* it went on from there already, or is
                                         * of another history: ask the log */
    HX_REPLICA_LOADING                  /* nothing is applied while it is */
} hx_replica_result_t;

/*
 * One change.  HX_OK: APPLIED.  HX_NO: *result says why not, nothing was
 * changed.  HX_FAIL and a text: neither; a writeset that is none is one.
 */
hx_rc_t hx_replica_apply(hx_registry_t *reg, const hx_replica_entry_t *entry,
    hx_replica_result_t *result, char *err);

/*
 * What XRANGE has answered from the replica's own number on, in one
 * transaction.  The first entry has to be the replica's own epoch (which is
 * passed over), or the one after it; then each follows on the one before.
 * Entries that another process has applied meanwhile are passed over.
 * HX_OK: *epoch is where it stands now.  HX_NO: the log does not lead on from
 * there; nor does one without an entry: full load, unless {P}:epoch says where
 * the replica stands.  Nothing was changed.  HX_FAIL and a text.
 */
hx_rc_t hx_replica_log(hx_registry_t *reg, const hx_replica_entry_t *entry,
    size_t n, hx_epoch_t *epoch, char *err);


/*
 * Full load: begin with the epoch that was read before the first page, add all
 * pages of all hashes, go on with the log from that epoch (read after the last
 * page), end.  Whoever loads holds a lock that ends with its process.
 */
typedef struct hx_replica_load_s  hx_replica_load_t;

/*
 * HX_OK: it is empty and marked; *load is for the other calls.  HX_NO: another
 * process, or thread, is loading.  HX_PENDING: it does not stand at "seen" any
 * more, nor was a load of it given up: another one has just loaded it, or led
 * it on, so look again (NULL: it is emptied wherever it stands).  HX_FAIL and a
 * text.
 */
hx_rc_t hx_replica_load_begin(hx_registry_t *reg, const hx_epoch_t *epoch,
    const hx_epoch_t *seen, hx_replica_load_t **load, char *err);

/* Pairs of one database, HX_WRITESET_*; HX_OK or HX_FAIL and a text. */
hx_rc_t hx_replica_load_add(hx_replica_load_t *load, unsigned db,
    const hx_replica_pair_t *pair, size_t n, char *err);

/*
 * As hx_replica_log(), from the epoch of begin on.  HX_NO: the log was cut, or
 * Redis is another one: begin again.
 */
hx_rc_t hx_replica_load_log(hx_replica_load_t *load,
    const hx_replica_entry_t *entry, size_t n, hx_epoch_t *epoch, char *err);

/*
 * HX_OK: the mark is gone, the replica stands at *epoch: where the log led to.
 * HX_FAIL and a text: it is still marked.  The lock is let go in both cases,
 * and *load is no more.
 */
hx_rc_t hx_replica_load_end(hx_replica_load_t *load, hx_epoch_t *epoch,
    char *err);

/* Given up: it stays marked, until somebody begins again.  NULL is fine. */
void hx_replica_load_drop(hx_replica_load_t *load);


/* Records of one database. */
hx_rc_t hx_replica_count(hx_registry_t *reg, unsigned db, uint64_t *n,
    char *err);

typedef struct {
    uint64_t    same;
    uint64_t    missing;                /* in the replica */
    uint64_t    differ;
} hx_replica_diff_t;

/*
 * Compares a page with what is there, and adds to *diff.  (What is there and
 * in no page is found by counting.)
 */
hx_rc_t hx_replica_check(hx_registry_t *reg, unsigned db,
    const hx_replica_pair_t *pair, size_t n, hx_replica_diff_t *diff,
    char *err);

#endif /* HX_REPLICA_H */
