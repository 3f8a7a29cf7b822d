/*
 * hx_examine_walk.c -- through a table, entry by entry.
 *
 * Each step and each entry is guarded by itself, so that a page that is missing
 * costs what is on it.  A view is ended and a new one begun every now and then;
 * what was added or removed behind the walk meanwhile is none of its business.
 */

#include <stdio.h>
#include <string.h>

#include "hx_examine.h"
#include "hx_guard.h"

#define HX_EX_ENTRIES   2000u           /* in one view */
#define HX_EX_BYTES     (64u << 20)


void
hx_ex_did(hx_ex_t *ex, uint64_t n, uint64_t bytes)
{
    ex->done += n;
    ex->weight += bytes;

    if (ex->conf->progress != NULL) {
        ex->conf->progress(ex->conf->data, ex->done,
                           ex->done < ex->total ? ex->total : ex->done);
    }
}


hx_ex_ns_t *
hx_ex_ns(hx_ex_t *ex, const void *dbkey)
{
    uint32_t  id;

    id = hx_get_be32(dbkey);

    return id <= ex->n_ns && ex->ns[id].name != NULL ? &ex->ns[id] : NULL;
}


void
hx_ex_bad(hx_ex_t *ex, const void *dbkey, size_t len, uint64_t version,
    const char *why)
{
    char         number[40];
    hx_str_t     name, key;
    hx_ex_ns_t  *ns;

    ns = hx_ex_ns(ex, dbkey);
    ex->sum->bad++;

    if (ns != NULL) {
        name.data = (const unsigned char *) ns->name;
        name.len = strlen(ns->name);

    } else {
        (void) snprintf(number, sizeof(number), "(namespace %u)",
                        hx_get_be32(dbkey));
        name.data = (const unsigned char *) number;
        name.len = strlen(number);
    }

    key.data = (const unsigned char *) dbkey + 4;
    key.len = len - 4;
    ex->conf->bad(ex->conf->data, &name, len > 4 ? &key : NULL, version, why);
}


void
hx_ex_bad_value(hx_ex_t *ex, uint64_t id, const char *why)
{
    char  text[120];

    (void) snprintf(text, sizeof(text), "value %llu: %s",
                    (unsigned long long) id, why);
    ex->sum->bad++;
    ex->conf->bad(ex->conf->data, NULL, NULL, 0, text);
}


void
hx_ex_bad_table(hx_ex_t *ex, const char *why)
{
    char  text[120];

    (void) snprintf(text, sizeof(text), "table %s: %s",
                    hx_store_table(ex->db), why);
    ex->sum->bad++;
    ex->conf->bad(ex->conf->data, NULL, NULL, 0, text);
}


int
hx_ex_marked(const hx_ex_t *ex, uint64_t id)
{
    return id <= ex->last_id && ex->seen[id / 8] & 1u << id % 8;
}


int
hx_ex_mark(hx_ex_t *ex, uint64_t id)
{
    int  was;

    was = hx_ex_marked(ex, id);

    if (id <= ex->last_id) {
        ex->seen[id / 8] |= (unsigned char) (1u << id % 8);
    }

    return was;
}


static int
hx_ex_first(void *data)
{
    int       rc;
    hx_ex_t  *ex;

    ex = data;
    ex->k.mv_data = ex->key;
    ex->k.mv_size = ex->len;

    rc = mdb_cursor_open(ex->view.txn, ex->s->dbi[ex->db], &ex->cur);

    if (rc == 0) {
        rc = mdb_cursor_get(ex->cur, &ex->k, &ex->v,
                            ex->len != 0 ? MDB_SET_RANGE : MDB_FIRST);
    }

    if (rc == 0 && !ex->jump && ex->len != 0 && ex->k.mv_size == ex->len
        && memcmp(ex->k.mv_data, ex->key, ex->len) == 0)
    {
        rc = mdb_cursor_get(ex->cur, &ex->k, &ex->v, MDB_NEXT);
    }

    return rc;
}


static int
hx_ex_next(void *data)
{
    hx_ex_t  *ex;

    ex = data;

    if (!ex->jump) {
        return mdb_cursor_get(ex->cur, &ex->k, &ex->v, MDB_NEXT);
    }

    ex->k.mv_data = ex->key;
    ex->k.mv_size = ex->len;

    return mdb_cursor_get(ex->cur, &ex->k, &ex->v, MDB_SET_RANGE);
}


static int
hx_ex_call(void *data)
{
    hx_ex_t  *ex;

    ex = data;
    ex->entry(ex, &ex->k, &ex->v);

    return 0;
}


/* Which entry it was whose pages are not there. */
static void
hx_ex_lost(hx_ex_t *ex)
{
    MDB_val   k;
    uint64_t  version;

    k.mv_data = ex->key;
    k.mv_size = ex->len;

    switch (ex->db) {

    case HX_DB_RECORDS:
        if (hx_ex_record_key(&k, &version)) {
            if (hx_ex_ns(ex, ex->key) != NULL) {
                hx_ex_ns(ex, ex->key)->damaged = 1;
            }
            hx_ex_bad(ex, ex->key, ex->len - 9, version,
                      "pages of it are missing or damaged");
            return;
        }
        break;

    case HX_DB_HEADS:
    case HX_DB_TOMBS:
        if (ex->len > 4) {
            hx_ex_bad(ex, ex->key, ex->len, 0,
                      "pages of it are missing or damaged");
            return;
        }
        break;

    default:
        break;
    }

    hx_ex_bad_table(ex, "pages of an entry are missing or damaged");
}


/* Keys ascend; where they do not, the tree could lead round in circles. */
static int
hx_ex_ascends(const hx_ex_t *ex)
{
    int     rc;
    size_t  len;

    if (ex->k.mv_size == 0 || ex->k.mv_size > sizeof(ex->key)) {
        return 0;
    }

    len = ex->k.mv_size < ex->len ? ex->k.mv_size : ex->len;
    rc = len == 0 ? 0 : memcmp(ex->k.mv_data, ex->key, len);

    return rc > 0 || (rc == 0 && (ex->k.mv_size > ex->len
                                  || (ex->jump && ex->k.mv_size == ex->len)));
}


/* The entry at the cursor becomes the one that is examined. */
static int
hx_ex_take(void *data)
{
    hx_ex_t  *ex;

    ex = data;

    if (!hx_ex_ascends(ex)) {
        return MDB_CORRUPTED;
    }

    memcpy(ex->key, ex->k.mv_data, ex->k.mv_size);
    ex->len = ex->k.mv_size;
    ex->jump = 0;

    return 0;
}


/* 0: as far as this view goes, MDB_NOTFOUND: the end, other: no further. */
static int
hx_ex_slice(hx_ex_t *ex)
{
    int       rc, code, trapped;
    unsigned  n;

    ex->weight = 0;
    trapped = hx_guarded(hx_ex_first, ex, &rc);

    for (n = 0; !trapped && rc == 0; n++) {
        trapped = hx_guarded(hx_ex_take, ex, &rc);

        if (trapped || rc != 0) {
            break;
        }

        if (hx_guarded(hx_ex_call, ex, &code) != 0) {
            hx_ex_lost(ex);
        }

        hx_ex_did(ex, 1, ex->k.mv_size + ex->v.mv_size);

        if (n == HX_EX_ENTRIES || ex->weight > HX_EX_BYTES) {
            break;
        }

        trapped = hx_guarded(hx_ex_next, ex, &rc);
    }

    if (trapped) {
        return MDB_CORRUPTED;           /* the cursor is lost with it */
    }

    mdb_cursor_close(ex->cur);

    return rc;
}


hx_store_rc_t
hx_ex_walk(hx_ex_t *ex, hx_db_t db, hx_ex_entry_pt entry)
{
    int            rc;
    hx_store_rc_t  answer;

    ex->db = db;
    ex->entry = entry;
    ex->len = 0;
    ex->jump = 0;

    do {
        if (ex->conf->stopped != NULL && ex->conf->stopped(ex->conf->data)) {
            return HX_STORE_NO;
        }

        answer = hx_store_view(ex->s, &ex->view);
        if (answer != HX_STORE_OK) {
            return answer;
        }

        rc = hx_ex_slice(ex);
        hx_store_view_end(&ex->view);
    } while (rc == 0);

    if (rc != MDB_NOTFOUND) {
        ex->broken = 1;
        hx_ex_bad_table(ex, "its pages are missing or damaged, the rest of it "
                        "could not be examined");
    }

    return HX_STORE_OK;
}
