/*
 * hx_registry_lmdb.h -- what the parts of the embedded registry share; included
 * by hx_registry_{lmdb,change,event,book}.c alone.
 */

#ifndef HX_REGISTRY_LMDB_H
#define HX_REGISTRY_LMDB_H

#include "hx_env.h"
#include "hx_registry.h"
#include "hx_registry_cache.h"

#define HX_REGISTRY_DELETED   "deleted"     /* in "meta" */

/* Beyond map_size, for what takes rights away; see hx_registry_room(). */
#define HX_REGISTRY_RESERVE   1048576       /* bytes */
#define HX_REGISTRY_RECORD    131072        /* bytes one change may need */


/* Its databases; names in hx_registry_lmdb.c. */
enum {
    HX_REGISTRY_META = 0,
    HX_REGISTRY_KEYS,
    HX_REGISTRY_TENANTS,
    HX_REGISTRY_BILLING,                /* came later than the others */
    HX_REGISTRY_DBS
};

struct hx_registry_s {
    hx_env_t             env;           /* its read transaction: of find() */
    size_t               map_size;      /* as configured */
    unsigned             reading:1;
    hx_registry_cache_t *cache;         /* of find() */
};


/* Says that a record does not fit its checksum; always HX_FAIL. */
hx_rc_t hx_registry_damaged(char *err, const hx_str_t *id);

/* hx_registry_change.c */

/*
 * A tenant as it stands: *v its record, t what that says; strings point into
 * the map.  HX_NO = there is none; HX_FAIL.
 */
hx_rc_t hx_registry_tenant(const hx_registry_t *reg, MDB_txn *txn,
    const hx_str_t *id, MDB_val *v, hx_tenant_t *t, char *err);

/* HX_OK while there is room for more than what takes rights away. */
hx_rc_t hx_registry_room(hx_registry_t *reg, char *err);

/*
 * A change inside a transaction; strings of "change" do not point into the map.
 * e: memory to work in.  HX_OK, HX_NO (see *result) or HX_FAIL.
 */
hx_rc_t hx_registry_apply(hx_registry_t *reg, MDB_txn *txn,
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
int hx_registry_book_del(hx_registry_t *reg, MDB_txn *txn, char kind,
    const hx_str_t *id);

/* HX_OK: b, zeroed when there is none; HX_FAIL. */
hx_rc_t hx_registry_book_get(hx_registry_t *reg, MDB_txn *txn, char kind,
    const hx_str_t *id, hx_billing_book_t *b, char *err);
int hx_registry_book_put(hx_registry_t *reg, MDB_txn *txn, char kind,
    const hx_str_t *id, const unsigned char *text, size_t len);

/* The book of nobody, kind 'b' or 'c', is forgotten when it is old. */
int hx_registry_book_pass(hx_registry_t *reg, MDB_txn *txn, char kind,
    const hx_str_t *id, uint64_t now);

/* An operator has set a plan: the tenant's book is to know. */
hx_rc_t hx_registry_book_set(hx_registry_t *reg, MDB_txn *txn,
    const hx_str_t *tenant, const hx_str_t *plan, char *err);

/*
 * Is the event free to be handled?  HX_OK and *result: NONE, DUPLICATE or
 * BUSY.  HX_FAIL.
 */
hx_rc_t hx_registry_event_look(hx_registry_t *reg, MDB_txn *txn,
    const hx_str_t *event, uint64_t now, hx_billing_result_t *result,
    char *err);

/* It is held, or done; and a few that are old are forgotten. */
hx_rc_t hx_registry_event_mark(hx_registry_t *reg, MDB_txn *txn,
    const hx_str_t *event, int done, uint64_t now, uint64_t token, char *err);

/* Forgets the oldest events, if they are old enough. */
hx_rc_t hx_registry_events_prune(hx_registry_t *reg, MDB_txn *txn,
    uint64_t now, unsigned most, char *err);

/* It was never here: if "token" holds it. */
hx_rc_t hx_registry_event_drop(hx_registry_t *reg, MDB_txn *txn,
    const hx_str_t *event, uint64_t token, char *err);

#endif /* HX_REGISTRY_LMDB_H */
