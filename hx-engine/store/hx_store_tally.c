/*
 * hx_store_tally.c -- counters of each namespace, in the transactions that
 * change what they count; and those of this process.
 *
 * The writer adds up what the writes of a transaction change and updates each
 * namespace's unit once, right before the commit.  A damaged unit is left as it
 * is: writes go on, and whoever asks is told that the numbers are not known.
 */

#include <string.h>

#include "hx_store_impl.h"


/* The unit of a namespace: 0, MDB_NOTFOUND, MDB_CORRUPTED, other. */
int
hx_count_get(const hx_store_t *s, MDB_txn *txn, uint32_t ns, hx_count_t *c)
{
    int            rc;
    MDB_val        k, v;
    unsigned char  be[4];

    hx_put_be32(be, ns);
    k.mv_data = be;
    k.mv_size = sizeof(be);
    rc = mdb_get(txn, s->dbi[HX_DB_COUNTS], &k, &v);

    if (rc == 0 && hx_count_decode(c, v.mv_data, v.mv_size, ns) != HX_OK) {
        return MDB_CORRUPTED;
    }

    return rc;
}


int
hx_count_put(const hx_store_t *s, MDB_txn *txn, uint32_t ns,
    const hx_count_t *c)
{
    MDB_val        k, v;
    unsigned char  be[4], unit[HX_COUNT_LEN];

    hx_put_be32(be, ns);
    hx_count_encode(unit, c, ns);
    k.mv_data = be;
    k.mv_size = sizeof(be);
    v.mv_data = unit;
    v.mv_size = sizeof(unit);

    return mdb_put(txn, s->dbi[HX_DB_COUNTS], &k, &v, 0);
}


void
hx_tally_clear(hx_tally_t *t)
{
    t->n = 0;
}


int
hx_tally_flush(const hx_store_t *s, MDB_txn *txn)
{
    int                rc;
    unsigned           i;
    hx_count_t         c;
    hx_tally_t        *t;
    hx_tally_entry_t  *e;

    t = s->tally;

    for (i = 0; i < t->n; i++) {
        e = &t->entry[i];
        rc = hx_count_get(s, txn, e->ns, &c);

        if (rc == MDB_CORRUPTED || rc == MDB_NOTFOUND) {
            continue;
        }

        if (rc == 0) {
            c.keys += e->count.keys;        /* differences, modulo 2^64 */
            c.versions += e->count.versions;
            c.bytes += e->count.bytes;
            c.changes++;
            rc = hx_count_put(s, txn, e->ns, &c);
        }

        if (rc != 0) {
            return rc;
        }
    }

    t->n = 0;

    return 0;
}


int
hx_tally_add(const hx_store_t *s, MDB_txn *txn, uint32_t ns, int keys,
    int versions, uint64_t bytes)
{
    int                rc;
    hx_tally_t        *t;
    hx_tally_entry_t  *e;

    t = s->tally;

    for (e = t->entry; e < t->entry + t->n && e->ns != ns; e++) { /* void */ }

    if (e == t->entry + hx_nelts(t->entry)) {
        rc = hx_tally_flush(s, txn);
        if (rc != 0) {
            return rc;
        }
        e = t->entry;
    }

    if (e == t->entry + t->n) {
        memset(e, 0, sizeof(*e));
        e->ns = ns;
        t->n++;
    }

    e->count.keys += (uint64_t) (int64_t) keys;
    e->count.versions += (uint64_t) (int64_t) versions;
    e->count.bytes += versions < 0 ? 0 - bytes : bytes;

    return 0;
}


/* One entry of the table of names. */
static int
hx_namespace_read(const hx_store_view_t *view, const MDB_val *k,
    const MDB_val *v, hx_store_ns_t *ns)
{
    int         rc;
    hx_count_t  c;

    if (v->mv_size != 4) {
        return MDB_CORRUPTED;
    }

    memset(&c, 0, sizeof(c));
    rc = hx_count_get(view->store, view->txn, hx_get_be32(v->mv_data), &c);
    ns->known = rc == 0;

    if (rc == MDB_CORRUPTED || rc == MDB_NOTFOUND) {
        memset(&c, 0, sizeof(c));
        rc = 0;
    }

    ns->name.data = k->mv_data;
    ns->name.len = k->mv_size;
    ns->keys = c.keys;
    ns->versions = c.versions;
    ns->bytes = c.bytes;

    return rc;
}


hx_store_rc_t
hx_store_namespaces(const hx_store_view_t *view, const hx_str_t *after,
    hx_store_ns_each_pt each, void *data)
{
    int             rc;
    MDB_val         k, v;
    MDB_cursor     *cur;
    hx_store_ns_t   ns;

    rc = mdb_cursor_open(view->txn, view->store->dbi[HX_DB_NS], &cur);
    if (rc != 0) {
        return hx_store_read_rc(rc);
    }

    k.mv_data = (void *) after->data;
    k.mv_size = after->len;
    rc = mdb_cursor_get(cur, &k, &v, after->len != 0 ? MDB_SET_RANGE
                                                     : MDB_FIRST);

    if (rc == 0 && after->len != 0 && k.mv_size == after->len
        && memcmp(k.mv_data, after->data, after->len) == 0)
    {
        rc = mdb_cursor_get(cur, &k, &v, MDB_NEXT);
    }

    while (rc == 0) {
        rc = hx_namespace_read(view, &k, &v, &ns);

        if (rc != 0 || !each(data, &ns)) {
            break;
        }

        rc = mdb_cursor_get(cur, &k, &v, MDB_NEXT);
    }

    mdb_cursor_close(cur);

    return rc == MDB_NOTFOUND ? HX_STORE_OK : hx_store_read_rc(rc);
}


/* Values whose chunks are still to be removed; 0 also when not known. */
static uint64_t
hx_store_doomed(hx_store_t *s)
{
    MDB_stat         st;
    hx_store_view_t  v;

    if (hx_store_view(s, &v) != HX_STORE_OK) {
        return 0;
    }

    if (mdb_stat(v.txn, s->dbi[HX_DB_DOOMED], &st) != 0) {
        st.ms_entries = 0;
    }

    hx_store_view_end(&v);

    return st.ms_entries;
}


void
hx_store_stats(hx_store_t *s, hx_store_stats_t *st)
{
    pthread_mutex_lock(&s->queue_lock);
    st->queued = s->queued;
    pthread_mutex_unlock(&s->queue_lock);

    st->indexed = atomic_load(&s->terms_ready);
    st->puts = atomic_load(&s->puts);
    st->deletes = atomic_load(&s->deletes);
    st->commits = atomic_load(&s->commits);
    st->failures = atomic_load(&s->failures);
    st->batch_max = atomic_load(&s->batch_max);
    st->purged = atomic_load(&s->purged);
    st->doomed = hx_store_doomed(s);
}
