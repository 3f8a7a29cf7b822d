/*
 * hx_terms.c -- keeping the metadata index; see the header.
 */

#include <string.h>

#include "hx_crypto.h"
#include "hx_le.h"
#include "hx_terms.h"

#define HX_BUILD_SIZES    3
#define HX_BUILD_GROW     1024u         /* times, 1 MiB each */

static const hx_str_t  hx_terms_nothing = hx_string("");

/* How many terms go into one transaction at start, by the room there is. */
static const unsigned  hx_build_terms[HX_BUILD_SIZES] = { 16384, 1024, 1 };


int
hx_terms_ok(const MDB_val *k, const MDB_val *v)
{
    return v->mv_size == HX_TERMS_VALUE
           && hx_get_le32(v->mv_data) == hx_crc32(0, k->mv_data, k->mv_size);
}


static size_t
hx_terms_key(unsigned char out[HX_TERMS_KEY_MAX], uint32_t ns,
    const hx_term_t *t, const hx_str_t *key)
{
    hx_put_be32(out, ns);
    memcpy(out + 4, t->text, t->len);
    memcpy(out + 4 + t->len, key->data, key->len);

    return 4 + t->len + key->len;
}


static int
hx_terms_put_one(const hx_store_t *s, MDB_txn *txn, uint32_t ns,
    const hx_term_t *t, const hx_str_t *key)
{
    int            rc;
    MDB_val        k, v;
    unsigned char  mem[HX_TERMS_KEY_MAX], crc[HX_TERMS_VALUE];

    k.mv_data = mem;
    k.mv_size = hx_terms_key(mem, ns, t, key);
    hx_put_le32(crc, hx_crc32(0, mem, k.mv_size));
    v.mv_data = crc;
    v.mv_size = sizeof(crc);

    /* one that is there already costs no page */

    rc = mdb_put(txn, s->dbi[HX_DB_TERMS], &k, &v, MDB_NOOVERWRITE);

    return rc == MDB_KEYEXIST ? 0 : rc;
}


static int
hx_terms_del_one(const hx_store_t *s, MDB_txn *txn, uint32_t ns,
    const hx_term_t *t, const hx_str_t *key)
{
    int            rc;
    MDB_val        k;
    unsigned char  mem[HX_TERMS_KEY_MAX];

    k.mv_data = mem;
    k.mv_size = hx_terms_key(mem, ns, t, key);
    rc = mdb_del(txn, s->dbi[HX_DB_TERMS], &k, NULL);

    return rc == MDB_NOTFOUND ? 0 : rc;
}


static int
hx_terms_order(const hx_term_t *a, const hx_term_t *b)
{
    int  rc;

    rc = memcmp(a->text, b->text, a->len < b->len ? a->len : b->len);

    return rc != 0 ? rc : (int) a->len - (int) b->len;
}


static void
hx_terms_of(hx_terms_t *t, const hx_str_t *metadata)
{
    t->n = 0;

    if (metadata != NULL) {
        hx_terms_extract(t, metadata->data, metadata->len);
    }
}


/* A damaged index is not complete: the next start shall know. */
static int
hx_terms_unmark(const hx_store_t *s, MDB_txn *txn)
{
    int      rc;
    MDB_val  k;

    k.mv_data = (void *) "terms";
    k.mv_size = 5;
    rc = mdb_del(txn, s->dbi[HX_DB_META], &k, NULL);

    return rc == MDB_NOTFOUND ? 0 : rc;
}


int
hx_terms_change(const hx_store_t *s, MDB_txn *txn, uint32_t ns,
    const hx_str_t *key, const hx_str_t *was, const hx_str_t *is)
{
    int                rc, cmp;
    unsigned           i, j;
    const hx_terms_t  *old, *new;

    hx_terms_of(&s->terms->old, was);
    hx_terms_of(&s->terms->new, is);
    old = &s->terms->old;
    new = &s->terms->new;
    rc = atomic_load(&s->terms_ready) ? 0 : hx_terms_unmark(s, txn);

    for (i = 0, j = 0; rc == 0 && i < old->n; i++) {
        cmp = 1;

        while (j < new->n
               && (cmp = hx_terms_order(&new->term[j], &old->term[i])) < 0)
        {
            j++;
        }

        if (j == new->n || cmp != 0) {
            rc = hx_terms_del_one(s, txn, ns, &old->term[i], key);
        }
    }

    for (j = 0; rc == 0 && j < new->n; j++) {
        rc = hx_terms_put_one(s, txn, ns, &new->term[j], key);
    }

    return rc;
}


int
hx_terms_put(const hx_store_t *s, MDB_txn *txn, uint32_t ns,
    const hx_str_t *key, const hx_str_t *metadata)
{
    return hx_terms_change(s, txn, ns, key, NULL, metadata);
}


int
hx_terms_del(const hx_store_t *s, MDB_txn *txn, uint32_t ns,
    const hx_str_t *key, const hx_str_t *metadata)
{
    return hx_terms_change(s, txn, ns, key, metadata, NULL);
}


void
hx_terms_metadata(const hx_store_t *s, MDB_txn *txn, uint32_t ns,
    const hx_str_t *key, uint64_t version, hx_str_t *metadata)
{
    MDB_val        k, v;
    hx_record_t    r;
    unsigned char  dbkey[HX_RECORD_KEY_MAX];

    *metadata = hx_terms_nothing;
    k.mv_data = dbkey;
    k.mv_size = hx_record_key(dbkey, ns, key, version);

    if (mdb_get(txn, s->dbi[HX_DB_RECORDS], &k, &v) == 0
        && hx_record_decode(&r, v.mv_data, v.mv_size, dbkey, k.mv_size)
           == HX_OK)
    {
        *metadata = r.metadata;
    }
}


int
hx_terms_missing(const hx_store_t *s, MDB_txn *txn, uint32_t ns,
    const hx_str_t *key, const hx_str_t *metadata, hx_terms_t *mem,
    unsigned *n)
{
    int            rc;
    MDB_val        k, v;
    unsigned       i;
    unsigned char  text[HX_TERMS_KEY_MAX];

    hx_terms_of(mem, metadata);
    *n = 0;

    for (i = 0; i < mem->n; i++) {
        k.mv_data = text;
        k.mv_size = hx_terms_key(text, ns, &mem->term[i], key);
        rc = mdb_get(txn, s->dbi[HX_DB_TERMS], &k, &v);

        if (rc != 0 && rc != MDB_NOTFOUND) {
            return rc;
        }

        *n += rc == MDB_NOTFOUND || !hx_terms_ok(&k, &v);
    }

    return 0;
}


unsigned
hx_terms_count(const hx_store_t *s, const hx_str_t *metadata)
{
    hx_terms_of(&s->terms->new, metadata);

    return s->terms->new.n;
}


/* The terms of one key of the heads; *n counts them. */
static int
hx_build_key(hx_store_t *s, MDB_txn *txn, const MDB_val *k, const MDB_val *v,
    unsigned *n)
{
    hx_str_t  key, metadata;
    uint64_t  version;

    if (k->mv_size < 5
        || hx_head_decode(&version, v->mv_data, v->mv_size, k->mv_data,
                          k->mv_size) != HX_OK)
    {
        return 0;                       /* reading it fails, too */
    }

    key.data = (const unsigned char *) k->mv_data + 4;
    key.len = k->mv_size - 4;
    hx_terms_metadata(s, txn, hx_get_be32(k->mv_data), &key, version,
                      &metadata);
    *n += hx_terms_count(s, &metadata);

    return hx_terms_put(s, txn, hx_get_be32(k->mv_data), &key, &metadata);
}


/*
 * Keys from *from on, until "most" terms are written; *from becomes the next
 * one.  0, MDB_NOTFOUND: there are no more, or another LMDB code.
 */
static int
hx_build_slice(hx_store_t *s, MDB_txn *txn, unsigned most,
    unsigned char from[4 + HX_KEY_MAX], size_t *len)
{
    int          rc;
    MDB_val      k, v;
    unsigned     n;
    MDB_cursor  *cur;

    rc = mdb_cursor_open(txn, s->dbi[HX_DB_HEADS], &cur);
    if (rc != 0) {
        return rc;
    }

    k.mv_data = from;
    k.mv_size = *len;
    rc = mdb_cursor_get(cur, &k, &v, *len == 0 ? MDB_FIRST : MDB_SET_RANGE);

    for (n = 0; rc == 0 && n < most; /* void */ ) {
        rc = hx_build_key(s, txn, &k, &v, &n);

        if (rc == 0) {
            rc = mdb_cursor_get(cur, &k, &v, MDB_NEXT);
        }
    }

    if (rc == 0 && k.mv_size <= 4 + HX_KEY_MAX) {
        memcpy(from, k.mv_data, k.mv_size);
        *len = k.mv_size;
    }

    mdb_cursor_close(cur);

    return rc;
}


/* Room for the largest slice that there is some for: terms, 0 = there is none
 * for any, or not known. */
static unsigned
hx_build_room(hx_store_t *s)
{
    unsigned  i;

    for (i = 0; i < HX_BUILD_SIZES; i++) {
        if (hx_room_check(s, hx_room_terms(hx_build_terms[i] + HX_TERMS_MAX),
                          1) == 0)
        {
            return hx_build_terms[i];
        }
    }

    return 0;
}


/* All of them.  0: the index is complete; MDB_MAP_FULL and others. */
static int
hx_build_all(hx_store_t *s)
{
    int            rc, end;
    size_t         len;
    MDB_txn       *txn;
    MDB_val        k, v;
    unsigned       most, grown;
    unsigned char  from[4 + HX_KEY_MAX];

    k.mv_data = (void *) "terms";
    k.mv_size = 5;
    v.mv_data = (void *) "1";
    v.mv_size = 1;
    len = 0;

    grown = 0;

    do {
        most = hx_build_room(s);

        if (most == 0) {
            if (grown++ == HX_BUILD_GROW) {
                return MDB_MAP_FULL;
            }

            rc = hx_room_grow(s);       /* nobody reads: the map may move */
            s->pages += HX_ROOM_GROW;
            end = 0;
            continue;
        }

        rc = mdb_txn_begin(s->env, NULL, 0, &txn);
        if (rc != 0) {
            return rc;
        }

        rc = hx_build_slice(s, txn, most, from, &len);
        end = rc == MDB_NOTFOUND;

        if (end) {
            rc = mdb_put(txn, s->dbi[HX_DB_META], &k, &v, 0);
        }

        if (rc != 0) {
            mdb_txn_abort(txn);
            return rc;
        }

        rc = mdb_txn_commit(txn);
    } while (rc == 0 && !end);

    return rc;
}


/* Is it there?  If not, what there is of it goes.  1, 0, or -1 and *rc. */
static int
hx_terms_marked(hx_store_t *s, int *rc)
{
    MDB_txn  *txn;
    MDB_val   k, v;

    k.mv_data = (void *) "terms";
    k.mv_size = 5;

    *rc = mdb_txn_begin(s->env, NULL, 0, &txn);
    if (*rc != 0) {
        return -1;
    }

    *rc = mdb_get(txn, s->dbi[HX_DB_META], &k, &v);

    if (*rc == 0) {
        mdb_txn_abort(txn);
        return 1;
    }

    if (*rc == MDB_NOTFOUND) {
        *rc = mdb_drop(txn, s->dbi[HX_DB_TERMS], 0);
    }

    if (*rc != 0) {
        mdb_txn_abort(txn);
        return -1;
    }

    *rc = mdb_txn_commit(txn);

    return *rc == 0 ? 0 : -1;
}


/* There is nothing to make an index of. */
static int
hx_terms_new(hx_store_t *s)
{
    int               rc;
    MDB_stat          st;
    hx_store_view_t   v;

    if (hx_store_view(s, &v) != HX_STORE_OK) {
        return 0;
    }

    rc = mdb_stat(v.txn, s->dbi[HX_DB_HEADS], &st);
    hx_store_view_end(&v);

    return rc == 0 && st.ms_entries == 0;
}


int
hx_terms_open(hx_store_t *s)
{
    int  rc, there;

    there = hx_terms_marked(s, &rc);

    if (there == 0) {
        if (!hx_terms_new(s)) {
            hx_store_tell(s, HX_STORE_EV_UPGRADE, "index of metadata");
        }

        rc = hx_build_all(s);
        there = rc == 0;
    }

    if (there == 1) {
        atomic_store(&s->terms_ready, 1);
        return 0;
    }

    if (hx_rc_is_full(rc)) {
        s->terms_told = 1;
        hx_store_tell(s, HX_STORE_EV_FAILED,
                      "no room for the index of metadata");
        return 0;
    }

    return rc;
}


void
hx_terms_watch(hx_store_t *s)
{
    if (!atomic_load(&s->terms_ready) && !s->terms_told) {
        s->terms_told = 1;
        hx_store_tell(s, HX_STORE_EV_FAILED,
                      "the index of metadata is damaged");
    }
}
