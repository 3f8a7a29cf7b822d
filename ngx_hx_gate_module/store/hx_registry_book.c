/*
 * hx_registry_book.c -- the database "billing" of the embedded registry: books
 * and events, read and written inside somebody's transaction; see
 * hx_registry_lmdb.h.
 */

#include <errno.h>
#include <string.h>

#include "hx_le.h"
#include "hx_registry_lmdb.h"


#define HX_EVENT_VERSION   1
#define HX_EVENT_SIZE      18
#define HX_BOOK_ENTRY      1            /* no event begins so */
#define HX_EVENT_FORGET    16           /* old ones with each that is new */

typedef struct {
    unsigned   done:1;
    uint64_t   since;
    uint64_t   token;
} hx_registry_mark_t;


static void
hx_registry_book_key(MDB_val *k, unsigned char *key, char kind,
    const hx_str_t *id)
{
    key[0] = (unsigned char) kind;
    memcpy(key + 1, id->data, id->len);

    k->mv_data = key;
    k->mv_size = 1 + id->len;
}


int
hx_registry_book_del(hx_registry_txn_t *txn, char kind,
    const hx_str_t *id)
{
    int            rc;
    MDB_val        k;
    unsigned char  key[HX_BOOK_KEY_MAX];

    hx_registry_book_key(&k, key, kind, id);
    rc = hx_registry_del(txn, HX_REGISTRY_BILLING, &k);

    return rc == MDB_NOTFOUND ? 0 : rc;
}


hx_rc_t
hx_registry_book_get(hx_registry_txn_t *txn, char kind,
    const hx_str_t *id, hx_billing_book_t *b, char *err)
{
    int            rc;
    MDB_val        k, v;
    unsigned char  key[HX_BOOK_KEY_MAX];

    memset(b, 0, sizeof(hx_billing_book_t));

    if (id->len == 0) {
        return HX_OK;
    }

    hx_registry_book_key(&k, key, kind, id);
    rc = mdb_get(txn->mdb, txn->reg->env.dbi[HX_REGISTRY_BILLING], &k, &v);

    if (rc == MDB_NOTFOUND) {
        return HX_OK;
    }

    if (rc != 0) {
        return hx_env_fail(err, "mdb_get", rc);
    }

    return hx_billing_decode(b, v.mv_data, v.mv_size) == HX_OK
           ? HX_OK : hx_env_fail(err, "a book of billing", MDB_CORRUPTED);
}


int
hx_registry_book_put(hx_registry_txn_t *txn, char kind,
    const hx_str_t *id, const unsigned char *text, size_t len)
{
    MDB_val        k, v;
    unsigned char  key[HX_BOOK_KEY_MAX];

    hx_registry_book_key(&k, key, kind, id);
    v.mv_data = (void *) text;
    v.mv_size = len;

    return hx_registry_put(txn, HX_REGISTRY_BILLING, &k, &v, 0);
}


/* HX_OK, HX_NO: it was never here; HX_FAIL. */

static hx_rc_t
hx_registry_event_get(hx_registry_txn_t *txn, const hx_str_t *event,
    hx_registry_mark_t *mark, char *err)
{
    int                   rc;
    MDB_val               k, v;
    unsigned char         key[HX_BOOK_KEY_MAX];
    const unsigned char  *p;

    memset(mark, 0, sizeof(hx_registry_mark_t));
    hx_registry_book_key(&k, key, 'e', event);
    rc = mdb_get(txn->mdb, txn->reg->env.dbi[HX_REGISTRY_BILLING], &k, &v);

    if (rc == MDB_NOTFOUND) {
        return HX_NO;
    }

    p = v.mv_data;

    if (rc == 0 && (v.mv_size != HX_EVENT_SIZE || p[0] != HX_EVENT_VERSION
                    || p[1] > 1))
    {
        rc = MDB_CORRUPTED;
    }

    if (rc != 0) {
        return hx_env_fail(err, "an event of billing", rc);
    }

    mark->done = p[1];
    mark->since = hx_get_le64(p + 2);
    mark->token = hx_get_le64(p + 10);

    return HX_OK;
}


hx_rc_t
hx_registry_event_look(hx_registry_txn_t *txn,
    const hx_str_t *event, uint64_t now, hx_billing_result_t *result,
    char *err)
{
    hx_rc_t             rc;
    hx_registry_mark_t  mark;

    rc = hx_registry_event_get(txn, event, &mark, err);

    if (rc == HX_FAIL) {
        return HX_FAIL;
    }

    if (rc == HX_NO) {
        *result = HX_BILLING_NONE;

    } else if (mark.done) {
        *result = HX_BILLING_DUPLICATE;

    } else {
        *result = now < mark.since + HX_EVENT_LEASE ? HX_BILLING_BUSY
                                                    : HX_BILLING_NONE;
    }

    return HX_OK;
}


/* The key of the order to forget in. */

static void
hx_registry_event_when(MDB_val *k, unsigned char *key, uint64_t since,
    const hx_str_t *event)
{
    unsigned  i;

    key[0] = 't';

    for (i = 0; i < 8; i++) {
        key[1 + i] = (unsigned char) (since >> (56 - 8 * i));
    }

    memcpy(key + 9, event->data, event->len);

    k->mv_data = key;
    k->mv_size = 9 + event->len;
}


/* A book that nobody's is by now. */

static int
hx_registry_book_expire(hx_registry_txn_t *txn,
    const hx_str_t *entry, uint64_t since)
{
    hx_str_t            id;
    char                kind, err[HX_REGISTRY_ERR];
    hx_billing_book_t   b;

    kind = (char) entry->data[1];
    id.data = entry->data + 2;
    id.len = entry->len - 2;

    /* one that is damaged stays where somebody will complain of it */

    if (hx_registry_book_get(txn, kind, &id, &b, err) != HX_OK
        || b.tenant.len != 0 || b.created > since)
    {
        return 0;
    }

    return hx_registry_book_del(txn, kind, &id);
}


/* An event that was is not any more. */

static int
hx_registry_event_forget(hx_registry_txn_t *txn,
    const hx_str_t *event, uint64_t since)
{
    int            rc;
    MDB_val        k;
    unsigned char  key[HX_BOOK_KEY_MAX];

    hx_registry_event_when(&k, key, since, event);
    rc = hx_registry_del(txn, HX_REGISTRY_BILLING, &k);

    if (rc != 0 && rc != MDB_NOTFOUND) {
        return rc;
    }

    if (event->len > 2 && event->data[0] == HX_BOOK_ENTRY) {
        return hx_registry_book_expire(txn, event, since);
    }

    return hx_registry_book_del(txn, 'e', event);
}


int
hx_registry_book_pass(hx_registry_txn_t *txn, char kind,
    const hx_str_t *id, uint64_t now)
{
    MDB_val        k, v;
    hx_str_t       entry;
    unsigned char  key[HX_BOOK_KEY_MAX], name[2 + HX_STRIPE_TEXT_MAX];

    name[0] = HX_BOOK_ENTRY;
    name[1] = (unsigned char) kind;
    memcpy(name + 2, id->data, id->len);

    entry.data = name;
    entry.len = 2 + id->len;

    hx_registry_event_when(&k, key, now, &entry);
    v.mv_data = NULL;
    v.mv_size = 0;

    return hx_registry_put(txn, HX_REGISTRY_BILLING, &k, &v, 0);
}


hx_rc_t
hx_registry_book_set(hx_registry_txn_t *txn, const hx_str_t *tenant,
    const hx_str_t *plan, char *err)
{
    int                 rc;
    size_t              len;
    hx_billing_book_t   b;
    unsigned char       text[HX_BILLING_BOOK_MAX];

    if (hx_registry_book_get(txn, 's', tenant, &b, err) != HX_OK) {
        return HX_FAIL;
    }

    if (!hx_billing_set(&b, plan)) {
        return HX_OK;
    }

    len = hx_billing_encode(&b, text);
    rc = hx_registry_book_put(txn, 's', tenant, text, len);

    return rc == 0 ? HX_OK : hx_env_fail(err, "writing a book", rc);
}


/* The oldest event: 0, its id copied to key; MDB_NOTFOUND: none is so old. */

static int
hx_registry_event_oldest(hx_registry_txn_t *txn, uint64_t before,
    unsigned char *key, hx_str_t *event, uint64_t *since)
{
    int                   rc;
    unsigned              i;
    MDB_val               k, v;
    MDB_cursor           *cursor;
    const unsigned char  *p;

    rc = mdb_cursor_open(txn->mdb, txn->reg->env.dbi[HX_REGISTRY_BILLING],
                         &cursor);
    if (rc != 0) {
        return rc;
    }

    k.mv_data = (void *) "t";
    k.mv_size = 1;

    rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
    p = k.mv_data;

    if (rc == 0 && (k.mv_size < 10 || k.mv_size > HX_BOOK_KEY_MAX
                    || p[0] != 't'))
    {
        rc = MDB_NOTFOUND;
    }

    if (rc == 0) {
        *since = 0;

        for (i = 0; i < 8; i++) {
            *since = *since << 8 | p[1 + i];
        }

        memcpy(key, p + 9, k.mv_size - 9);
        event->data = key;
        event->len = k.mv_size - 9;

        rc = *since <= before ? 0 : MDB_NOTFOUND;
    }

    mdb_cursor_close(cursor);

    return rc;
}


hx_rc_t
hx_registry_events_prune(hx_registry_txn_t *txn, uint64_t now,
    unsigned most, char *err)
{
    int            rc;
    unsigned       n;
    hx_str_t       event;
    uint64_t       since;
    unsigned char  key[HX_BOOK_KEY_MAX];

    for (n = 0; n < most && now > HX_EVENT_KEEP; n++) {
        rc = hx_registry_event_oldest(txn, now - HX_EVENT_KEEP, key,
                                      &event, &since);

        if (rc == 0) {
            rc = hx_registry_event_forget(txn, &event, since);
        }

        if (rc == MDB_NOTFOUND) {
            break;
        }

        if (rc != 0) {
            return hx_env_fail(err, "forgetting events", rc);
        }
    }

    return HX_OK;
}


static int
hx_registry_event_put(hx_registry_txn_t *txn, const hx_str_t *event,
    const hx_registry_mark_t *mark)
{
    int            rc;
    MDB_val        k, v;
    unsigned char  key[HX_BOOK_KEY_MAX], text[HX_EVENT_SIZE];

    hx_registry_event_when(&k, key, mark->since, event);
    v.mv_data = NULL;
    v.mv_size = 0;

    rc = hx_registry_put(txn, HX_REGISTRY_BILLING, &k, &v, 0);
    if (rc != 0) {
        return rc;
    }

    text[0] = HX_EVENT_VERSION;
    text[1] = mark->done;
    hx_put_le64(text + 2, mark->since);
    hx_put_le64(text + 10, mark->token);

    return hx_registry_book_put(txn, 'e', event, text, sizeof(text));
}


hx_rc_t
hx_registry_event_mark(hx_registry_txn_t *txn,
    const hx_str_t *event, int done, uint64_t now, uint64_t token, char *err)
{
    int                 rc;
    hx_rc_t             known;
    hx_registry_mark_t  mark;

    known = hx_registry_event_get(txn, event, &mark, err);

    if (known == HX_FAIL) {
        return HX_FAIL;
    }

    rc = known == HX_OK
         ? hx_registry_event_forget(txn, event, mark.since) : 0;

    if (rc == 0 && hx_registry_events_prune(txn, now, HX_EVENT_FORGET,
                                            err)
                   != HX_OK)
    {
        return HX_FAIL;
    }

    if (rc == 0) {
        mark.done = done;
        mark.since = now;
        mark.token = token;
        rc = hx_registry_event_put(txn, event, &mark);
    }

    return rc == 0 ? HX_OK : hx_env_fail(err, "marking an event", rc);
}


hx_rc_t
hx_registry_event_drop(hx_registry_txn_t *txn,
    const hx_str_t *event, uint64_t token, char *err)
{
    int                 rc;
    hx_rc_t             known;
    hx_registry_mark_t  mark;

    known = hx_registry_event_get(txn, event, &mark, err);

    if (known != HX_OK || mark.done || mark.token != token) {
        return known == HX_FAIL ? HX_FAIL : HX_NO;
    }

    rc = hx_registry_event_forget(txn, event, mark.since);

    return rc == 0 ? HX_OK : hx_env_fail(err, "releasing an event", rc);
}
