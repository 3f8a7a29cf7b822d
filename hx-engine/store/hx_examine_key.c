/*
 * hx_examine_key.c -- heads and tombs, what is to be removed, and values that
 * no record speaks of.
 */

#include <stdio.h>
#include <string.h>

#include "hx_examine.h"


static int
hx_ex_key_ok(hx_ex_t *ex, const MDB_val *k)
{
    if (k->mv_size >= 5 && k->mv_size <= 4 + HX_KEY_MAX
        && memchr((const char *) k->mv_data + 4, '\0', k->mv_size - 4) == NULL)
    {
        return 1;
    }

    hx_ex_bad_table(ex, "a key is ill-formed");

    return 0;
}


/* The first version of a key from "version" on, if there is one. */
static int
hx_ex_version(hx_ex_t *ex, const MDB_val *dbkey, uint64_t *version)
{
    int             rc, found;
    size_t          len;
    MDB_val         k, v;
    MDB_cursor     *cur;
    unsigned char   from[HX_RECORD_KEY_MAX];

    len = dbkey->mv_size + 1;
    memcpy(from, dbkey->mv_data, dbkey->mv_size);
    from[len - 1] = '\0';
    hx_put_be64(from + len, *version);
    k.mv_data = from;
    k.mv_size = len + 8;

    if (mdb_cursor_open(ex->view.txn, ex->s->dbi[HX_DB_RECORDS], &cur) != 0) {
        return 0;
    }

    rc = mdb_cursor_get(cur, &k, &v, MDB_SET_RANGE);
    found = rc == 0 && k.mv_size == len + 8
            && memcmp(k.mv_data, from, len) == 0;

    if (found) {
        *version = hx_get_be64((const unsigned char *) k.mv_data + len);
    }

    mdb_cursor_close(cur);

    return found;
}


/* The index of metadata has what it should have of a live key, if it says
 * that it is complete. */
static void
hx_ex_index(hx_ex_t *ex, const MDB_val *k, uint64_t version)
{
    char      text[80];
    MDB_val   mark, v;
    unsigned  n;
    hx_str_t  key, metadata;

    mark.mv_data = (void *) "terms";
    mark.mv_size = 5;

    if (mdb_get(ex->view.txn, ex->s->dbi[HX_DB_META], &mark, &v) != 0) {
        return;
    }

    key.data = (const unsigned char *) k->mv_data + 4;
    key.len = k->mv_size - 4;
    hx_terms_metadata(ex->s, ex->view.txn, hx_get_be32(k->mv_data), &key,
                      version, &metadata);

    if (hx_terms_missing(ex->s, ex->view.txn, hx_get_be32(k->mv_data), &key,
                         &metadata, ex->terms, &n) == 0 && n != 0)
    {
        (void) snprintf(text, sizeof(text), "%u entries of its metadata are "
                        "not in the index", n);
        hx_ex_bad(ex, k->mv_data, k->mv_size, version, text);
    }
}


void
hx_ex_term(hx_ex_t *ex, const MDB_val *k, const MDB_val *v)
{
    if (!hx_terms_ok(k, v)) {
        hx_ex_bad_table(ex, "an entry is damaged");
    }
}


void
hx_ex_head(hx_ex_t *ex, const MDB_val *k, const MDB_val *v)
{
    uint64_t     version, found, last, clock;
    hx_ex_ns_t  *ns;

    if (!hx_ex_key_ok(ex, k)) {
        return;
    }

    ns = hx_ex_ns(ex, k->mv_data);

    if (ns == NULL && hx_get_be32(k->mv_data) <= ex->n_ns) {
        hx_ex_bad(ex, k->mv_data, k->mv_size, 0,
                  "its namespace has no name");
    }

    ex->sum->keys++;

    if (ns != NULL) {
        ns->count.keys++;
    }

    if (hx_head_decode(&version, v->mv_data, v->mv_size, k->mv_data,
                       k->mv_size) != HX_OK)
    {
        hx_ex_bad(ex, k->mv_data, k->mv_size, 0,
                  "the entry that has its latest version is damaged");
        return;
    }

    found = version;

    if (!hx_ex_version(ex, k, &found) || found != version) {
        hx_ex_bad(ex, k->mv_data, k->mv_size, version,
                  "the latest version is missing");

    } else {
        hx_ex_index(ex, k, version);
    }

    if (hx_store_tomb(ex->s, ex->view.txn, k, &last, &clock) != MDB_NOTFOUND) {
        hx_ex_bad(ex, k->mv_data, k->mv_size, 0, "it is live and deleted");
    }
}


/* Is there the entry that has the versions of a deleted key removed? */
static int
hx_ex_tomb_due(hx_ex_t *ex, const MDB_val *k, uint64_t version, uint64_t clock)
{
    MDB_val        due, v;
    uint64_t       upto;
    unsigned char  mem[HX_DUE_KEY_MAX];

    hx_put_be64(mem, clock);
    memcpy(mem + 8, k->mv_data, k->mv_size);
    due.mv_data = mem;
    due.mv_size = 8 + k->mv_size;

    return mdb_get(ex->view.txn, ex->s->dbi[HX_DB_DUE], &due, &v) == 0
           && hx_head_decode(&upto, v.mv_data, v.mv_size, mem, due.mv_size)
              == HX_OK
           && upto == version;
}


void
hx_ex_tomb(hx_ex_t *ex, const MDB_val *k, const MDB_val *v)
{
    uint64_t     version, clock, first;
    hx_ex_ns_t  *ns;

    if (!hx_ex_key_ok(ex, k)) {
        return;
    }

    ex->sum->deleted++;

    if (hx_tomb_decode(&version, &clock, v->mv_data, v->mv_size, k->mv_data,
                       k->mv_size) != HX_OK)
    {
        hx_ex_bad(ex, k->mv_data, k->mv_size, 0,
                  "the entry that has its last version is damaged");
        return;
    }

    first = 0;
    ns = hx_ex_ns(ex, k->mv_data);

    if (clock != 0) {
        if (!hx_ex_tomb_due(ex, k, version, clock)) {
            hx_ex_bad(ex, k->mv_data, k->mv_size, version,
                      "deleted, but its versions will not be removed");
        }

    } else if (hx_ex_version(ex, k, &first)
               && (ns == NULL || !ns->damaged))
    {
        hx_ex_bad(ex, k->mv_data, k->mv_size, first,
                  "a version of a deleted key that should have been removed");
    }
}


void
hx_ex_due(hx_ex_t *ex, const MDB_val *k, const MDB_val *v)
{
    MDB_val               dbkey;
    uint64_t              clock, upto, version, at;
    const unsigned char  *p;

    p = k->mv_data;

    if (k->mv_size < 8 + 5 || k->mv_size > HX_DUE_KEY_MAX) {
        hx_ex_bad_table(ex, "a key is ill-formed");
        return;
    }

    dbkey.mv_data = (void *) (p + 8);
    dbkey.mv_size = k->mv_size - 8;
    clock = hx_get_be64(p);

    if (hx_head_decode(&upto, v->mv_data, v->mv_size, p, k->mv_size) != HX_OK)
    {
        hx_ex_bad(ex, dbkey.mv_data, dbkey.mv_size, 0,
                  "the entry about its removal is damaged");
        return;
    }

    if (clock != 0
        && (hx_store_tomb(ex->s, ex->view.txn, &dbkey, &version, &at) != 0
            || version != upto || at != clock))
    {
        hx_ex_bad(ex, dbkey.mv_data, dbkey.mv_size, upto,
                  "an entry about its removal that is not the key's");
    }
}


int
hx_ex_listed(hx_ex_t *ex, hx_db_t db, uint64_t id)
{
    MDB_val        k, v;
    unsigned char  be[8];

    hx_put_be64(be, id);
    k.mv_data = be;
    k.mv_size = sizeof(be);

    return mdb_get(ex->view.txn, ex->s->dbi[db], &k, &v) == 0;
}


/* Of the tables of values that are not finished, or to be removed. */
void
hx_ex_list(hx_ex_t *ex, const MDB_val *k, const MDB_val *v)
{
    if (k->mv_size != 8) {
        hx_ex_bad_table(ex, "a key is ill-formed");
    }
}


/* The first chunk of a value; the others are not looked at here. */
void
hx_ex_chunk(hx_ex_t *ex, const MDB_val *k, const MDB_val *v)
{
    uint64_t  id;

    if (k->mv_size != HX_CHUNK_KEY_LEN) {
        hx_ex_bad_table(ex, "a key is ill-formed");
        return;
    }

    id = hx_get_be64(k->mv_data);

    if (id <= ex->last_id && !hx_ex_marked(ex, id)
        && !hx_ex_listed(ex, HX_DB_STAGING, id)
        && !hx_ex_listed(ex, HX_DB_DOOMED, id))
    {
        if (ex->n_suspects < HX_EX_SUSPECTS) {
            ex->suspect[ex->n_suspects++] = id;

        } else {
            ex->more_suspects++;
        }
    }

    if (id != UINT64_MAX) {
        hx_store_chunk_key(ex->key, id + 1, 0);
        ex->len = HX_CHUNK_KEY_LEN;
        ex->jump = 1;
    }
}
