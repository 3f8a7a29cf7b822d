/*
 * hx_registry_lmdb.h -- what the parts of the embedded registry share; included
 * by hx_registry_{lmdb,txn,change,event,book}.c and hx_replica*.c alone.
 */

#ifndef HX_REGISTRY_LMDB_H
#define HX_REGISTRY_LMDB_H

#include "hx_env.h"
#include "hx_registry.h"
#include "hx_registry_cache.h"

#define HX_REGISTRY_DELETED   "deleted"     /* in "meta" */

/* In "meta" of a replica alone: they are never sent. */
#define HX_REPLICA_PRIVATE    "replica-"    /* begin so */
#define HX_REPLICA_M_EPOCH      "replica-epoch"
#define HX_REPLICA_M_LOADING    "replica-loading"     /* the epoch so far */
#define HX_REPLICA_M_BOOT       "replica-boot"

/* Beyond map_size, for what takes rights away; see hx_registry_room(). */
#define HX_REGISTRY_RESERVE   1048576       /* bytes */
#define HX_REGISTRY_RECORD    131072        /* bytes one change may need */


/* Its databases, by the numbers in a writeset; names in hx_registry_lmdb.c. */
enum {
    HX_REGISTRY_META = HX_WRITESET_META,
    HX_REGISTRY_KEYS = HX_WRITESET_KEYS,
    HX_REGISTRY_TENANTS = HX_WRITESET_TENANTS,
    HX_REGISTRY_BILLING = HX_WRITESET_BILLING,  /* came later than the others */
    HX_REGISTRY_DBS = HX_WRITESET_DBS
};

struct hx_registry_s {
    hx_env_t             env;           /* its read transaction: of find() */
    size_t               map_size;      /* as configured */

    /* no bits: threads read the one while the worker writes the other */
    int                  reading;
    int                  replica;

    char                *dir;           /* of a replica, its own copy */
    hx_registry_cache_t *cache;         /* of find() */

    /* what hx_replica_epoch() has found last */
    uint64_t             epoch_version; /* in this version; 0 = nowhere */
    hx_rc_t              epoch_rc;
    hx_epoch_t           epoch;
};

/* Of a thread. */
typedef struct {
    hx_registry_t       *reg;
    MDB_txn             *mdb;
    hx_registry_draft_t *draft;         /* NULL: it is committed */
} hx_registry_txn_t;


/* Says that a record does not fit its checksum; always HX_FAIL. */
hx_rc_t hx_registry_damaged(char *err, const hx_str_t *id);

/* hx_registry_lmdb.c */

/* Without what a replica has before; HX_FAIL, *code (may be NULL) LMDB's. */
hx_rc_t hx_registry_open_at(hx_registry_t **reg,
    const hx_registry_conf_t *conf, int *code, char *err);

/* The number of the last transaction that was committed. */
uint64_t hx_registry_version(const hx_registry_t *reg);


/* hx_registry_txn.c */

/* HX_FAIL and a text for a replica that is being loaded, else HX_OK. */
hx_rc_t hx_registry_loading(const hx_registry_t *reg, MDB_txn *txn, char *err);

/* Where it stands; HX_EPOCH_ZERO where it is no replica. */
hx_rc_t hx_registry_epoch(const hx_registry_t *reg, MDB_txn *txn,
    hx_epoch_t *epoch, char *err);

/* HX_OK; HX_FAIL also for what a replica must not do. */
hx_rc_t hx_registry_begin(hx_registry_t *reg, unsigned flags,
    hx_registry_draft_t *draft, hx_registry_txn_t *txn, char *err);

/* As hx_env_end(); with a draft nothing is committed, and the draft is made. */
hx_rc_t hx_registry_end(hx_registry_txn_t *txn, hx_rc_t rc, char *err);

/*
 * All that a change writes is written here: LMDB's code.  Key and value do not
 * point into the map.
 */
int hx_registry_put(hx_registry_txn_t *txn, unsigned db, const MDB_val *k,
    const MDB_val *v, unsigned flags);
int hx_registry_del(hx_registry_txn_t *txn, unsigned db, const MDB_val *k);


/* hx_replica_open.c */

/* hx_registry_open() of a replica. */
hx_rc_t hx_replica_open(hx_registry_t **reg, const hx_registry_conf_t *conf,
    char *err);


/* hx_registry_change.c */

/*
 * A tenant as it stands: *v its record, t what that says; strings point into
 * the map.  HX_NO = there is none; HX_FAIL.
 */
hx_rc_t hx_registry_tenant(hx_registry_txn_t *txn,
    const hx_str_t *id, MDB_val *v, hx_tenant_t *t, char *err);

/* HX_OK while there is room for more than what takes rights away. */
hx_rc_t hx_registry_room(hx_registry_t *reg, char *err);

/*
 * A change inside a transaction; strings of "change" do not point into the map.
 * e: memory to work in.  HX_OK, HX_NO (see *result) or HX_FAIL.
 */
hx_rc_t hx_registry_apply(hx_registry_txn_t *txn,
    const hx_change_t *change, hx_tenant_edit_t *e,
    hx_change_result_t *result, unsigned char *record, size_t *len,
    hx_audit_change_t *digest, char *err);


/*
 * hx_registry_book.c: the database "billing".  A key is one byte that says what
 * follows, and the id of that:
 *    'b' subscription, 'c' customer, 's' tenant: a book (hx_billing.h)
 *    'e' event: u8 version (1), u8 state (0 = held, 1 = done), u64 second,
 *        u64 token of who holds it
 *    't' u64 second (big-endian) and event: nothing, the order to forget in;
 *        or 1, 'b' or 'c', and id: a book that is of no tenant by then
 * Numbers are little-endian where not said otherwise.
 */

#define HX_BOOK_KEY_MAX   (1 + 8 + 2 + HX_STRIPE_TEXT_MAX)  /* bytes */

/* Into txn; err is written for HX_FAIL. */
int hx_registry_book_del(hx_registry_txn_t *txn, char kind,
    const hx_str_t *id);

/* HX_OK: b, zeroed when there is none; HX_FAIL. */
hx_rc_t hx_registry_book_get(hx_registry_txn_t *txn, char kind,
    const hx_str_t *id, hx_billing_book_t *b, char *err);
int hx_registry_book_put(hx_registry_txn_t *txn, char kind,
    const hx_str_t *id, const unsigned char *text, size_t len);

/* The book of nobody, kind 'b' or 'c', is forgotten when it is old. */
int hx_registry_book_pass(hx_registry_txn_t *txn, char kind,
    const hx_str_t *id, uint64_t now);

/* An operator has set a plan: the tenant's book is to know. */
hx_rc_t hx_registry_book_set(hx_registry_txn_t *txn,
    const hx_str_t *tenant, const hx_str_t *plan, char *err);

/*
 * Is the event free to be handled?  HX_OK and *result: NONE, DUPLICATE or
 * BUSY.  HX_FAIL.
 */
hx_rc_t hx_registry_event_look(hx_registry_txn_t *txn,
    const hx_str_t *event, uint64_t now, hx_billing_result_t *result,
    char *err);

/* It is held, or done; and a few that are old are forgotten. */
hx_rc_t hx_registry_event_mark(hx_registry_txn_t *txn,
    const hx_str_t *event, int done, uint64_t now, uint64_t token, char *err);

/* Forgets the oldest events, if they are old enough. */
hx_rc_t hx_registry_events_prune(hx_registry_txn_t *txn,
    uint64_t now, unsigned most, char *err);

/* It was never here: if "token" holds it. */
hx_rc_t hx_registry_event_drop(hx_registry_txn_t *txn,
    const hx_str_t *event, uint64_t token, char *err);

#endif /* HX_REGISTRY_LMDB_H */
