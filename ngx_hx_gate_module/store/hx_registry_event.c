/*
 * hx_registry_event.c -- events of Stripe in the embedded registry: what they
 * change and that they were handled is one transaction, so whoever fails, or is
 * killed, has not handled them; see hx_registry.h.  Blocks: for threads.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hx_registry_lmdb.h"


#define HX_EVENT_SWEEP   1024           /* old ones at once, for room */

/* What is to be written.  Nothing in here points into the map: the first write
 * may move what a reader sees there. */

typedef struct {
    char            kind;
    unsigned        passes:1;           /* it is nobody's */
    size_t          id_len;
    size_t          len;
    unsigned char   id[HX_STRIPE_TEXT_MAX];
    unsigned char   text[HX_BILLING_BOOK_MAX];
} hx_registry_page_t;

typedef struct {
    hx_billing_books_t    books;

    unsigned              n_pages;
    hx_registry_page_t    page[4 + HX_BILLING_SUBS];

    unsigned              n_changes;
    hx_registry_party_t  *party[2];         /* whose change it is */
    hx_change_t           change[2];
    unsigned char         id[2][HX_TENANT_MAX];
    unsigned char         plan[2][HX_PLAN_MAX];

    hx_tenant_edit_t      edit;
    unsigned char         record[HX_TENANT_RECORD_MAX];
} hx_registry_work_t;


static hx_rc_t
hx_registry_whom(hx_registry_txn_t *txn, hx_billing_tenant_t *t,
    char *err)
{
    hx_rc_t      rc;
    MDB_val      v;
    hx_tenant_t  tenant;

    if (t->id.len == 0) {
        return HX_OK;
    }

    rc = hx_registry_tenant(txn, &t->id, &v, &tenant, err);
    if (rc != HX_OK) {
        return rc == HX_NO ? HX_OK : rc;
    }

    t->exists = 1;
    t->plan = tenant.plan;
    t->created = tenant.created;

    return hx_registry_book_get(txn, 's', &t->id, &t->book, err);
}


static hx_rc_t
hx_registry_books(hx_registry_txn_t *txn,
    const hx_billing_intent_t *in, hx_billing_books_t *b, char *err)
{
    hx_billing_tenant_t  t;

    if (hx_registry_book_get(txn, 'b', &in->sub.id, &b->sub, err)
        != HX_OK
        || hx_registry_book_get(txn, 'c', &in->customer, &b->customer,
                                err)
           != HX_OK)
    {
        return HX_FAIL;
    }

    /* a customer whose tenant was deleted is nobody's */

    t.id = b->customer.tenant;
    t.exists = 0;

    if (hx_registry_whom(txn, &t, err) != HX_OK) {
        return HX_FAIL;
    }

    if (!t.exists || t.created != b->customer.created) {
        b->customer.tenant.len = 0;
        b->customer.weak = 0;
    }

    hx_billing_whose(b, in);

    if (hx_registry_whom(txn, &b->own, err) != HX_OK) {
        return HX_FAIL;
    }

    return hx_registry_whom(txn, &b->other, err);
}


static void
hx_registry_page(hx_registry_work_t *w, char kind, const hx_str_t *id,
    hx_billing_book_t *book, uint64_t now)
{
    hx_registry_page_t  *page;

    page = &w->page[w->n_pages++];

    page->kind = kind;
    page->passes = kind != 's' && book->tenant.len == 0;

    if (page->passes) {
        book->created = now;
    }

    page->id_len = id->len;
    memcpy(page->id, id->data, id->len);
    page->len = hx_billing_encode(book, page->text);
}


static void
hx_registry_copy(hx_str_t *to, unsigned char *memory, const hx_str_t *from)
{
    memcpy(memory, from->data, from->len);
    to->data = memory;
    to->len = from->len;
}


static void
hx_registry_plan(hx_registry_work_t *w, const hx_billing_tenant_t *t,
    const hx_registry_event_t *ev, hx_registry_party_t *party)
{
    hx_change_t  *c;

    static const hx_str_t  first = hx_string("default");

    if (!t->change) {
        return;
    }

    c = &w->change[w->n_changes];

    hx_registry_copy(&c->id, w->id[w->n_changes], &t->id);
    hx_registry_copy(&c->plan, w->plan[w->n_changes], &t->new_plan);
    w->party[w->n_changes++] = party;

    c->op = t->exists ? HX_CHANGE_UPDATE_TIER : HX_CHANGE_CREATE;
    c->now = ev->now;

    if (!t->exists) {
        c->n_namespaces = 1;
        c->namespaces[0] = first;
        memcpy(c->hash, ev->hash, HX_SHA256_LEN);
    }
}


static void
hx_registry_gather(hx_registry_work_t *w, const hx_registry_event_t *ev,
    hx_registry_came_t *came)
{
    unsigned             i;
    hx_billing_books_t  *b = &w->books;

    for (i = 0; i < b->n_woken; i++) {
        hx_registry_page(w, 'b', &b->woken[i], &b->awake, ev->now);
    }

    if (b->put_sub) {
        hx_registry_page(w, 'b', &ev->intent->sub.id, &b->sub, ev->now);
    }

    if (b->put_customer) {
        hx_registry_page(w, 'c', &ev->intent->customer, &b->customer,
                         ev->now);
    }

    if (b->own.put) {
        hx_registry_page(w, 's', &b->own.id, &b->own.book, ev->now);
    }

    if (b->other.put) {
        hx_registry_page(w, 's', &b->other.id, &b->other.book, ev->now);
    }

    hx_registry_plan(w, &b->own, ev, &came->own);
    hx_registry_plan(w, &b->other, ev, &came->other);
}


static hx_rc_t
hx_registry_store(hx_registry_txn_t *txn, hx_registry_work_t *w,
    uint64_t now, char *err)
{
    int                  rc;
    size_t               len;
    hx_rc_t              applied;
    unsigned             i;
    hx_str_t             id;
    hx_change_result_t   result;

    for (i = 0; i < w->n_changes; i++) {
        applied = hx_registry_apply(txn, &w->change[i], &w->edit, &result,
                                    w->record, &len, &w->party[i]->digest,
                                    err);

        if (applied != HX_OK) {
            return applied == HX_FAIL
                   ? HX_FAIL : hx_env_fail(err, "changing a plan", EIO);
        }
    }

    for (i = 0; i < w->n_pages; i++) {
        id.data = w->page[i].id;
        id.len = w->page[i].id_len;

        rc = hx_registry_book_put(txn, w->page[i].kind, &id,
                                  w->page[i].text, w->page[i].len);

        if (rc == 0 && w->page[i].passes) {
            rc = hx_registry_book_pass(txn, w->page[i].kind, &id, now);
        }

        if (rc != 0) {
            return hx_env_fail(err, "writing a book", rc);
        }
    }

    return HX_OK;
}


static void
hx_registry_party(hx_registry_party_t *party, const hx_billing_tenant_t *t)
{
    party->len = t->id.len;
    memcpy(party->id, t->id.data, t->id.len);
}


/* HX_OK: all of it is to be committed; HX_NO: nothing is, the result says why.
 */

static hx_rc_t
hx_registry_event_in(hx_registry_txn_t *txn,
    const hx_registry_event_t *ev, hx_registry_work_t *w,
    hx_registry_came_t *came, char *err)
{
    hx_billing_books_t  *b = &w->books;

    if (hx_registry_event_look(txn, &ev->id, ev->now, &came->result, err)
        != HX_OK
        || hx_registry_books(txn, ev->intent, b, err) != HX_OK)
    {
        return HX_FAIL;
    }

    if (came->result == HX_BILLING_NONE) {
        came->result = hx_billing_apply(b, ev->intent, ev->plans, ev->n_plans,
                                        ev->now);
    }

    if (b->own.exists || b->own.change) {
        hx_registry_party(&came->own, &b->own);
    }

    if (came->result == HX_BILLING_DUPLICATE
        || came->result == HX_BILLING_BUSY)
    {
        return HX_NO;
    }

    if (b->other.change) {
        hx_registry_party(&came->other, &b->other);
    }

    hx_registry_gather(w, ev, came);

    if (hx_registry_store(txn, w, ev->now, err) != HX_OK) {
        return HX_FAIL;
    }

    return hx_registry_event_mark(txn, &ev->id, 1, ev->now, 0, err);
}


/*
 * Is the file there, and is there room?  Where there is none, events that are
 * old go first; what takes a plan away has room in any case.  A draft commits
 * nothing: there they are to go (*sweep) with what it is for.
 */

static hx_rc_t
hx_registry_ready(hx_registry_t *reg, uint64_t now, int adds,
    hx_registry_draft_t *draft, int *sweep, char *err)
{
    hx_rc_t            rc;
    hx_registry_txn_t  txn;

    *sweep = 0;

    if (hx_registry_probe(reg) != HX_OK) {
        return hx_env_replaced(&reg->env, err, HX_FAIL);
    }

    if (!adds || hx_registry_room(reg, err) == HX_OK) {
        return HX_OK;
    }

    if (draft != NULL) {
        *sweep = 1;
        return HX_OK;
    }

    rc = hx_registry_begin(reg, 0, NULL, &txn, err);

    if (rc == HX_OK) {
        rc = hx_registry_events_prune(&txn, now, HX_EVENT_SWEEP, err);
        rc = hx_registry_end(&txn, rc, err);
    }

    return rc == HX_OK ? hx_registry_room(reg, err) : rc;
}


/* There is room once this is written, or there is none. */

static hx_rc_t
hx_registry_sweep(hx_registry_txn_t *txn, uint64_t now, int sweep, char *err)
{
    if (!sweep) {
        return HX_OK;
    }

    if (hx_registry_events_prune(txn, now, HX_EVENT_SWEEP, err) != HX_OK) {
        return HX_FAIL;
    }

    return txn->draft->writes.n != 0
           ? HX_OK : hx_env_fail(err, "map_size", MDB_MAP_FULL);
}


hx_rc_t
hx_registry_event(hx_registry_t *reg, const hx_registry_event_t *ev,
    hx_registry_came_t *came, hx_registry_draft_t *draft, char *err)
{
    int                  adds, sweep;
    hx_rc_t              rc;
    hx_registry_txn_t    txn;
    hx_registry_work_t  *w;

    memset(came, 0, sizeof(hx_registry_came_t));

    adds = ev->intent->creates || ev->intent->sub.live;

    if (hx_registry_ready(reg, ev->now, adds, draft, &sweep, err) != HX_OK) {
        return HX_FAIL;
    }

    w = calloc(1, sizeof(hx_registry_work_t));
    if (w == NULL) {
        return hx_env_fail(err, "calloc", ENOMEM);
    }

    rc = hx_registry_begin(reg, 0, draft, &txn, err);

    if (rc == HX_OK) {
        rc = hx_registry_sweep(&txn, ev->now, sweep, err);

        if (rc == HX_OK) {
            rc = hx_registry_event_in(&txn, ev, w, came, err);
        }

        rc = hx_registry_end(&txn, rc, err);
    }

    free(w);

    if (rc == HX_FAIL) {
        memset(came, 0, sizeof(hx_registry_came_t));
        return HX_FAIL;
    }

    return HX_OK;
}


hx_rc_t
hx_registry_claim(hx_registry_t *reg, const hx_str_t *event, uint64_t now,
    uint64_t token, hx_billing_result_t *result,
    hx_registry_draft_t *draft, char *err)
{
    int                sweep;
    hx_rc_t            rc;
    hx_registry_txn_t  txn;

    if (hx_registry_ready(reg, now, 1, draft, &sweep, err) != HX_OK) {
        return HX_FAIL;
    }

    rc = hx_registry_begin(reg, 0, draft, &txn, err);
    if (rc != HX_OK) {
        return rc;
    }

    rc = hx_registry_sweep(&txn, now, sweep, err);

    if (rc == HX_OK) {
        rc = hx_registry_event_look(&txn, event, now, result, err);
    }

    if (rc == HX_OK) {
        rc = *result == HX_BILLING_NONE
             ? hx_registry_event_mark(&txn, event, 0, now, token, err)
             : HX_NO;
    }

    rc = hx_registry_end(&txn, rc, err);

    return rc == HX_NO ? HX_OK : rc;
}


hx_rc_t
hx_registry_settle(hx_registry_t *reg, const hx_str_t *event, uint64_t now,
    uint64_t token, int done, hx_registry_draft_t *draft, char *err)
{
    hx_rc_t            rc;
    hx_registry_txn_t  txn;

    rc = hx_registry_begin(reg, 0, draft, &txn, err);
    if (rc != HX_OK) {
        return rc;
    }

    rc = hx_registry_event_drop(&txn, event, token, err);

    if (rc == HX_OK && done) {
        rc = hx_registry_event_mark(&txn, event, 1, now, token, err);
    }

    rc = hx_registry_end(&txn, rc, err);

    return rc == HX_NO ? HX_OK : rc;
}
