/*
 * hx_store_examine.c -- everything in a store, in order: names and counters,
 * versions with their values, keys, what is to be removed, values without a
 * version, and whether the counters are right.
 *
 * A store that is being served changes meanwhile.  What belongs together is
 * looked at in one view; what cannot be (values without a version, counters of
 * a namespace that is written to) is looked at again before it is called wrong.
 */

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "hx_examine.h"
#include "hx_guard.h"


/* Names, and the counters as they are now. */
static void
hx_ex_name(hx_ex_t *ex, const MDB_val *k, const MDB_val *v)
{
    uint32_t      id;
    hx_ex_ns_t   *ns;
    hx_count_t    c;
    unsigned char be[4];

    id = v->mv_size == 4 ? hx_get_be32(v->mv_data) : 0;

    if (id == 0 || k->mv_size > HX_NAMESPACE_MAX) {
        hx_ex_bad_table(ex, "an entry is ill-formed");
        return;
    }

    if (id > ex->n_ns) {
        return;                         /* new */
    }

    ns = &ex->ns[id];

    if (ns->name != NULL) {
        hx_ex_bad_table(ex, "two names have the same number");
        return;
    }

    ns->name = calloc(1, k->mv_size + 1);

    if (ns->name == NULL) {
        return;                         /* it goes without */
    }

    memcpy(ns->name, k->mv_data, k->mv_size);
    ex->sum->namespaces++;
    ns->known = hx_count_get(ex->s, ex->view.txn, id, &c) == 0;
    ns->count.changes = ns->known ? c.changes : 0;

    if (!ns->known) {
        hx_put_be32(be, id);
        hx_ex_bad(ex, be, sizeof(be), 0, "its counters are damaged");
    }
}


/* Values that seemed to have no version: have they one now, or gone? */
static int
hx_ex_orphan(hx_ex_t *ex, uint64_t id)
{
    int            rc;
    MDB_val        k, v;
    MDB_cursor    *cur;
    unsigned char  ck[HX_CHUNK_KEY_LEN];

    if (hx_ex_marked(ex, id)
        || mdb_cursor_open(ex->view.txn, ex->s->dbi[HX_DB_CHUNKS], &cur) != 0)
    {
        return 0;
    }

    hx_store_chunk_key(ck, id, 0);
    k.mv_data = ck;
    k.mv_size = sizeof(ck);
    rc = mdb_cursor_get(cur, &k, &v, MDB_SET_RANGE);
    rc = rc == 0 && k.mv_size == sizeof(ck) && memcmp(k.mv_data, ck, 8) == 0;
    mdb_cursor_close(cur);


    return rc && !hx_ex_listed(ex, HX_DB_STAGING, id)
           && !hx_ex_listed(ex, HX_DB_DOOMED, id);
}


static int
hx_ex_orphans(void *data)
{
    hx_ex_t   *ex;
    unsigned   i;

    ex = data;

    for (i = 0; i < ex->n_suspects; i++) {
        if (hx_ex_orphan(ex, ex->suspect[i])) {
            hx_ex_bad_value(ex, ex->suspect[i], "no version has it");
        }
    }

    return 0;
}


static hx_store_rc_t
hx_ex_values(hx_ex_t *ex)
{
    int            rc;
    hx_store_rc_t  answer;

    answer = hx_ex_walk(ex, HX_DB_CHUNKS, hx_ex_chunk);

    if (answer == HX_STORE_OK && ex->n_suspects != 0) {
        answer = hx_ex_walk(ex, HX_DB_RECORDS, hx_ex_record_again);
    }

    if (answer == HX_STORE_OK) {
        answer = hx_store_view(ex->s, &ex->view);
    }

    if (answer != HX_STORE_OK) {
        return answer;
    }

    ex->db = HX_DB_CHUNKS;

    if (hx_guarded(hx_ex_orphans, ex, &rc) != 0) {
        hx_ex_bad_table(ex, "its pages are missing or damaged");

    } else if (ex->more_suspects != 0) {
        hx_ex_bad_table(ex, "more values that no version seems to have");
    }

    hx_store_view_end(&ex->view);

    return HX_STORE_OK;
}


/* Everything of a namespace, in one view: *c becomes what there is. */
static int
hx_ex_recount(hx_ex_t *ex, uint32_t id, hx_db_t db, hx_count_t *c)
{
    int            rc;
    MDB_val        k, v;
    MDB_cursor    *cur;
    hx_record_t    r;
    unsigned char  be[4];

    rc = mdb_cursor_open(ex->view.txn, ex->s->dbi[db], &cur);
    if (rc != 0) {
        return rc;
    }

    hx_put_be32(be, id);
    k.mv_data = be;
    k.mv_size = sizeof(be);
    rc = mdb_cursor_get(cur, &k, &v, MDB_SET_RANGE);

    while (rc == 0 && k.mv_size > 4 && hx_get_be32(k.mv_data) == id) {
        if (db == HX_DB_HEADS) {
            c->keys++;

        } else if (hx_record_decode(&r, v.mv_data, v.mv_size, k.mv_data,
                                    k.mv_size) == HX_OK)
        {
            c->versions++;
            c->bytes += r.stored;
        }

        rc = mdb_cursor_get(cur, &k, &v, MDB_NEXT);
    }

    mdb_cursor_close(cur);

    return rc == MDB_NOTFOUND ? 0 : rc;
}


static void
hx_ex_compare(hx_ex_t *ex, uint32_t id, const hx_count_t *is)
{
    hx_ex_ns_t      *ns;
    hx_count_t       again;
    unsigned char    be[4];

    ns = &ex->ns[id];
    again = ns->count;

    if (is->changes != ns->count.changes) {
        memset(&again, 0, sizeof(again));

        if (hx_ex_recount(ex, id, HX_DB_RECORDS, &again) != 0
            || hx_ex_recount(ex, id, HX_DB_HEADS, &again) != 0)
        {
            return;                     /* was told by the walk already */
        }
    }

    if (again.keys != is->keys
        || (!ns->damaged && (again.versions != is->versions
                             || again.bytes != is->bytes)))
    {
        hx_put_be32(be, id);
        hx_ex_bad(ex, be, sizeof(be), 0,
                  "its counters are not what there is");
    }
}


static int
hx_ex_counts(void *data)
{
    hx_ex_t     *ex;
    uint32_t     id;
    uint64_t     pages;
    hx_count_t   is;

    ex = data;

    if (hx_room_freed(ex->view.txn, UINT64_MAX, &pages) != 0) {
        hx_ex_bad_table(ex, "the list of free pages is damaged");
    }

    for (id = 1; id <= ex->n_ns; id++) {
        if (ex->ns[id].name != NULL && ex->ns[id].known
            && hx_count_get(ex->s, ex->view.txn, id, &is) == 0)
        {
            hx_ex_compare(ex, id, &is);
        }
    }

    return 0;
}


static hx_store_rc_t
hx_ex_counters(hx_ex_t *ex)
{
    int            rc;
    hx_store_rc_t  answer;

    answer = hx_store_view(ex->s, &ex->view);
    if (answer != HX_STORE_OK) {
        return answer;
    }

    ex->db = HX_DB_COUNTS;

    if (hx_guarded(hx_ex_counts, ex, &rc) != 0) {
        hx_ex_bad_table(ex, "its pages are missing or damaged");
    }

    hx_store_view_end(&ex->view);

    return HX_STORE_OK;
}


/* How much there is to do, and the last value there is. */
static int
hx_ex_size(void *data)
{
    int       rc;
    hx_db_t   i;
    hx_ex_t  *ex;
    MDB_val   k, v;
    MDB_stat  st;

    ex = data;
    ex->total = 0;
    ex->n_ns = 0;

    for (i = HX_DB_NS; i < HX_DB_COUNT; i++) {
        rc = mdb_stat(ex->view.txn, ex->s->dbi[i], &st);
        if (rc != 0) {
            return rc;
        }

        ex->total += st.ms_entries;

        if (i == HX_DB_NS) {
            ex->n_ns = (uint32_t) st.ms_entries;
        }
    }

    k.mv_data = (void *) "value_id";
    k.mv_size = 8;
    rc = mdb_get(ex->view.txn, ex->s->dbi[HX_DB_META], &k, &v);
    ex->last_id = rc == 0 && v.mv_size == 8 ? hx_get_be64(v.mv_data) : 0;

    return rc == MDB_NOTFOUND ? 0 : rc;
}


/* Memory: a bit for each value ever given (only touched ones take any), and
 * the names. */
static const char *
hx_ex_prepare(hx_ex_t *ex)
{
    int  rc;

    if (hx_store_view(ex->s, &ex->view) != HX_STORE_OK) {
        return "no view of the store";
    }

    if (hx_guarded(hx_ex_size, ex, &rc) != 0) {
        rc = MDB_CORRUPTED;
    }

    hx_store_view_end(&ex->view);

    if (rc != 0) {
        return mdb_strerror(rc);
    }

    ex->crypto = hx_crypto_create();
    ex->value = hx_ex_value_create();
    ex->terms = malloc(sizeof(hx_terms_t));
    ex->ns = calloc((size_t) ex->n_ns + 1, sizeof(hx_ex_ns_t));
    ex->seen = mmap(NULL, (size_t) (ex->last_id / 8 + 1),
                    PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (ex->seen == MAP_FAILED) {
        ex->seen = NULL;
    }

    return ex->crypto == NULL || ex->value == NULL || ex->ns == NULL
           || ex->terms == NULL || ex->seen == NULL ? "out of memory" : NULL;
}


static void
hx_ex_free(hx_ex_t *ex)
{
    uint32_t  i;

    for (i = 0; ex->ns != NULL && i <= ex->n_ns; i++) {
        free(ex->ns[i].name);
    }

    if (ex->seen != NULL) {
        (void) munmap(ex->seen, (size_t) (ex->last_id / 8 + 1));
    }

    free(ex->ns);
    free(ex->terms);
    hx_ex_value_free(ex->value);
    hx_crypto_free(ex->crypto);
    free(ex);
}


static hx_store_rc_t
hx_ex_all(hx_ex_t *ex)
{
    size_t         i;
    hx_store_rc_t  rc;

    static const struct {
        hx_db_t         db;
        hx_ex_entry_pt  entry;
    } steps[] = {
        { HX_DB_NS, hx_ex_name },
        { HX_DB_RECORDS, hx_ex_record },
        { HX_DB_HEADS, hx_ex_head },
        { HX_DB_TOMBS, hx_ex_tomb },
        { HX_DB_DUE, hx_ex_due },
        { HX_DB_STAGING, hx_ex_list },
        { HX_DB_DOOMED, hx_ex_list },
        { HX_DB_TERMS, hx_ex_term }
    };

    rc = HX_STORE_OK;

    for (i = 0; rc == HX_STORE_OK && i < hx_nelts(steps); i++) {
        rc = hx_ex_walk(ex, steps[i].db, steps[i].entry);
    }

    if (rc == HX_STORE_OK && !ex->broken) {
        rc = hx_ex_values(ex);
    }

    if (rc == HX_STORE_OK && !ex->broken) {
        rc = hx_ex_counters(ex);
    }

    return rc;
}


hx_store_rc_t
hx_store_examine(hx_store_t *s, const hx_examine_conf_t *conf,
    hx_examined_t *sum, const char **why)
{
    hx_ex_t        *ex;
    hx_store_rc_t   rc;

    memset(sum, 0, sizeof(*sum));
    *why = "out of memory";
    ex = calloc(1, sizeof(hx_ex_t));

    if (ex == NULL) {
        return HX_STORE_FAIL;
    }

    ex->s = s;
    ex->conf = conf;
    ex->sum = sum;
    *why = hx_ex_prepare(ex);
    rc = HX_STORE_FAIL;

    if (*why == NULL) {
        *why = "no view of the store";
        rc = hx_ex_all(ex);
    }

    hx_ex_free(ex);

    return rc;
}
