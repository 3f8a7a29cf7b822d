/*
 * hx_registry.h -- where tenants live.  The interface is the store's, not
 * LMDB's: every answer is OK, NO or FAIL, and a store that has to ask over a
 * network will answer PENDING where LMDB answers at once.
 *
 * No nginx in here.  One registry per process, opened after fork.
 *
 * Threads: find/release belong to one thread (an nginx worker's event loop)
 * and never block; change, get and list may run in any thread, block on disk
 * and on the one writer that LMDB admits, and are therefore called in nginx's
 * thread pool only.
 *
 * LMDB layout, version 1, four named databases:
 *    "meta"     "version" -> "1", "deleted" -> "1" once a tenant was deleted
 *    "keys"     SHA-256 of an API key (32 bytes) -> tenant id
 *    "tenants"  tenant id -> record (hx_tenant.h)
 *    "billing"  what is known from Stripe (hx_registry_lmdb.h); made where a
 *               registry is older than it
 * A change is one synced transaction over "keys" and "tenants", so no reader
 * ever sees half of a rotation, and a revoked key is unknown to every process
 * from the moment the commit has returned.
 *
 * Of a registry in Redis this is a replica (hx_replica.h): the same layout, the
 * same questions; a change is computed here, and committed there.
 */

#ifndef HX_REGISTRY_H
#define HX_REGISTRY_H

#include "hx_audit.h"
#include "hx_billing.h"
#include "hx_epoch.h"
#include "hx_tenant.h"
#include "hx_types.h"
#include "hx_writeset.h"

typedef struct hx_registry_s  hx_registry_t;

typedef struct {
    const char  *dir;           /* an existing directory */
    size_t       map_size;      /* bytes; when they are used up, tenants and
                                 * namespaces are not added any more, but can
                                 * still be suspended, rotated and deleted */
    unsigned     max_readers;   /* processes and threads reading at once */
    unsigned     existing:1;    /* create nothing: it was there before, and an
                                 * empty one in its place would make strangers
                                 * of all tenants */
    unsigned     replica:1;     /* of a registry in Redis, see hx_replica.h;
                                 * the directory is made where there is none */
} hx_registry_conf_t;

#define HX_REGISTRY_ERR       256
#define HX_REGISTRY_VERSION   "1"       /* of the layout */

/*
 * Opens, and creates what is missing inside the directory.  HX_OK, or HX_FAIL
 * and a text in err (HX_REGISTRY_ERR bytes).
 */
hx_rc_t hx_registry_open(hx_registry_t **reg, const hx_registry_conf_t *conf,
    char *err);

/* Waits for threads inside change/get/list.  NULL is fine. */
void hx_registry_close(hx_registry_t *reg);

/*
 * The record of the tenant that owns this key hash, as the last transaction
 * that anybody has committed left it; answers are cached for as long as that
 * stays the last one.  HX_OK: *record is intact (hx_tenant_view() may be used)
 * and holds until hx_registry_release(), which must follow at once (also after
 * NO and FAIL it is harmless).  HX_NO: no such key.  HX_FAIL: text in err; a
 * damaged record is one, and a registry that never had a tenant.
 */
hx_rc_t hx_registry_find(hx_registry_t *reg,
    const unsigned char hash[HX_SHA256_LEN], hx_str_t *record, char *err);
void hx_registry_release(hx_registry_t *reg);

/*
 * HX_OK while the files that are open are the ones in the directory; HX_NO
 * when they were removed or replaced.  Any thread.
 */
hx_rc_t hx_registry_probe(hx_registry_t *reg);

/*
 * To be called about once a second by the thread of find(): adopts a map that
 * another process has grown, and probes.  HX_OK; HX_NO = close and open again,
 * HX_FAIL = reading does not work; text in err.
 */
hx_rc_t hx_registry_refresh(hx_registry_t *reg, char *err);

/*
 * What a change would write.  With one of these change, event, claim and settle
 * commit nothing; the registry is as it was, and the draft says what is to be
 * written where it stands at "base".  Of a change that is refused, or changes
 * nothing, "writes" is empty.  A replica is changed in no other way, and before
 * anything is told to anybody the draft has to be committed in Redis.
 * Zeroed memory is a draft; it may be used again.
 */
typedef struct {
    hx_epoch_t       base;
    hx_writeset_t    writes;            /* finished */
} hx_registry_draft_t;

void hx_registry_draft_free(hx_registry_draft_t *draft);

/*
 * Applies a change in one durable transaction (draft: NULL, or see above).
 * HX_OK: *result says what came of it, and for HX_CHANGED record (cap >=
 * HX_TENANT_RECORD_MAX) holds the record as it is now (as it was, for a
 * deletion).  HX_FAIL: nothing was
 * changed, text in err.  *digest (may be NULL) says what was stored before and
 * is stored after, also when the change was refused.
 */
hx_rc_t hx_registry_change(hx_registry_t *reg, const hx_change_t *change,
    hx_change_result_t *result, unsigned char *record, size_t *len,
    hx_audit_change_t *digest, hx_registry_draft_t *draft, char *err);

/* HX_OK and a copy of the record (cap >= HX_TENANT_RECORD_MAX), NO, FAIL. */
hx_rc_t hx_registry_get(hx_registry_t *reg, const hx_str_t *id,
    unsigned char *record, size_t *len, char *err);

/*
 * Calls each() for tenants with an id above "after" (len 0: from the first),
 * bytewise ascending, until it returns non-zero or there are no more.
 * HX_OK or HX_FAIL (text in err; a damaged record is one).
 */
hx_rc_t hx_registry_list(hx_registry_t *reg, const hx_str_t *after,
    int (*each)(void *data, const hx_tenant_t *t), void *data, char *err);


/*
 * Events of Stripe (hx_billing.h).  Ids of those that were handled are kept so
 * long, and one that was held by somebody who never came back is free again
 * after the lease; seconds.
 */
#define HX_EVENT_KEEP    604800
#define HX_EVENT_LEASE   600

typedef struct {
    hx_str_t                     id;        /* of the event */
    const hx_billing_intent_t   *intent;
    const hx_plan_t             *plans;
    unsigned                     n_plans;
    uint64_t                     now;       /* Unix seconds */
    unsigned char                hash[HX_SHA256_LEN];   /* of a key that nobody
                                             * has: a tenant that is made gets
                                             * its own by a rotation */
} hx_registry_event_t;

typedef struct {
    size_t               len;               /* 0: nobody that is known */
    unsigned char        id[HX_TENANT_MAX];
    hx_audit_change_t    digest;            /* of the record */
} hx_registry_party_t;

typedef struct {
    hx_billing_result_t  result;
    hx_registry_party_t  own;               /* whose it was */
    hx_registry_party_t  other;             /* whose plan changed besides, as
                                             * the subscription had been his */
} hx_registry_came_t;

/*
 * Handles an event, once, in one durable transaction.  HX_OK: *came says what
 * came of it.  HX_FAIL: nothing was changed, text in err.
 */
hx_rc_t hx_registry_event(hx_registry_t *reg, const hx_registry_event_t *ev,
    hx_registry_came_t *came, hx_registry_draft_t *draft, char *err);

/*
 * Holds an event for somebody else to handle it, who is named by a token that
 * was never used.  HX_OK and *result: NONE (it is held), DUPLICATE or BUSY.
 */
hx_rc_t hx_registry_claim(hx_registry_t *reg, const hx_str_t *event,
    uint64_t now, uint64_t token, hx_billing_result_t *result,
    hx_registry_draft_t *draft, char *err);

/*
 * It was handled (done), or it was not, and the next try is free.  Without
 * effect when it is not held by that token any more.
 */
hx_rc_t hx_registry_settle(hx_registry_t *reg, const hx_str_t *event,
    uint64_t now, uint64_t token, int done, hx_registry_draft_t *draft,
    char *err);

#endif /* HX_REGISTRY_H */
