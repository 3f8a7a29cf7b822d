/*
 * hx_query_filter.c -- the rows that a filter lets pass.
 *
 * With many rows the store's index over metadata is asked for keys, which are
 * kept in a table and looked up for each row; with few, or when that index is
 * of no use for the filter, each row's record is read.
 */

#include <stdlib.h>

#include "hx_query_impl.h"

#define HX_FILTER_FEW     512           /* rows: their records are read */
#define HX_FILTER_STEPS   8192          /* entries looked at with one view */
#define HX_FILTER_FIRST   256           /* places of the table */

/* Keys that match: a hash table, and their bytes, each behind its length. */
typedef struct {
    hx_query_t      *q;
    size_t           n;
    size_t           mask;
    uint32_t        *hash;              /* with off: 0 in off is free */
    size_t          *off;               /* in text, and 1 */
    unsigned char   *text;
    size_t           len;
    size_t           cap;
    int              failed;            /* no memory */
} hx_keyset_t;


static int
hx_keyset_init(hx_keyset_t *s, hx_query_t *q)
{
    memset(s, 0, sizeof(*s));
    s->q = q;
    s->mask = HX_FILTER_FIRST - 1;
    s->hash = calloc(HX_FILTER_FIRST, sizeof(uint32_t));
    s->off = calloc(HX_FILTER_FIRST, sizeof(size_t));

    return s->hash != NULL && s->off != NULL ? 0 : -1;
}


static void
hx_keyset_free(hx_keyset_t *s)
{
    free(s->hash);
    free(s->off);
    free(s->text);
}


static int
hx_keyset_grow(hx_keyset_t *s)
{
    size_t     i, j, mask, *off;
    uint32_t  *hash;

    mask = s->mask * 2 + 1;
    hash = calloc(mask + 1, sizeof(uint32_t));
    off = calloc(mask + 1, sizeof(size_t));

    if (hash == NULL || off == NULL) {
        free(hash);
        free(off);
        return -1;
    }

    for (i = 0; i <= s->mask; i++) {
        if (s->off[i] != 0) {
            for (j = s->hash[i] & mask; off[j] != 0; j = (j + 1) & mask) {
                /* void */
            }
            hash[j] = s->hash[i];
            off[j] = s->off[i];
        }
    }

    free(s->hash);
    free(s->off);
    s->hash = hash;
    s->off = off;
    s->mask = mask;

    return 0;
}


/* The place of a key, or the free one where it belongs. */
static size_t
hx_keyset_place(const hx_keyset_t *s, uint32_t hash, const hx_str_t *key)
{
    size_t                i;
    const unsigned char  *p;

    for (i = hash & s->mask; s->off[i] != 0; i = (i + 1) & s->mask) {
        p = s->text + s->off[i] - 1;

        if (s->hash[i] == hash && p[0] == key->len
            && memcmp(p + 1, key->data, key->len) == 0)
        {
            break;
        }
    }

    return i;
}


static int
hx_keyset_add(hx_keyset_t *s, const hx_str_t *key)
{
    size_t          i, cap;
    uint32_t        hash;
    unsigned char  *text;

    if (s->n >= s->mask / 3 * 2 && hx_keyset_grow(s) != 0) {
        return -1;
    }

    if (s->cap - s->len < key->len + 1) {
        cap = s->cap * 2 + 65536;
        text = realloc(s->text, cap);

        if (text == NULL) {
            return -1;
        }

        s->text = text;
        s->cap = cap;
    }

    hash = hx_index_hash(key->data, key->len);
    i = hx_keyset_place(s, hash, key);

    if (s->off[i] != 0) {
        return 0;
    }

    s->hash[i] = hash;
    s->off[i] = s->len + 1;
    s->text[s->len] = (unsigned char) key->len;
    memcpy(s->text + s->len + 1, key->data, key->len);
    s->len += key->len + 1;
    s->n++;

    return 0;
}


static int
hx_keyset_found(void *data, const hx_str_t *key, const hx_record_t *r)
{
    uint64_t      n;
    hx_query_t   *q;
    hx_keyset_t  *s;

    s = data;
    q = s->q;

    if (r->array.dtype == HX_DTYPE_NONE
        || hx_array_size(&r->array, &n, NULL) != HX_OK
        || n != q->side.values.elements
        || !q->conf.match(q->conf.match_data, r))
    {
        return 1;
    }

    s->failed = hx_keyset_add(s, key) != 0;

    return !s->failed;
}


static hx_query_rc_t
hx_keyset_search(hx_keyset_t *s, hx_store_search_t *search)
{
    hx_str_t        key;
    hx_query_t     *q;
    hx_store_rc_t   rc;
    hx_query_rc_t   qrc;

    q = s->q;

    while (!search->done && !s->failed) {
        q->fetched = HX_FETCH_VIEW;             /* a view of its own */
        qrc = hx_query_renew(q);

        if (qrc != HX_QUERY_OK) {
            return qrc;
        }

        rc = hx_store_search(&q->view, search);

        if (rc != HX_STORE_OK) {
            key.data = search->after;
            key.len = search->after_len;
            return hx_query_store_rc(q, rc, &key);
        }
    }

    return s->failed ? HX_QUERY_NO_MEMORY : HX_QUERY_OK;
}


/* All keys that match, by the store's index: what it gathers for that is no
 * more than there are keys (hx_terms_search.c). */
static hx_query_rc_t
hx_keyset_fill(hx_keyset_t *s)
{
    hx_query_t         *q;
    hx_query_rc_t       rc;
    hx_store_search_t   search;

    q = s->q;
    memset(&search, 0, offsetof(hx_store_search_t, after));
    search.ns = q->conf.ns;
    search.ask = q->conf.ask;
    search.n = q->conf.n_asks;
    search.wanted = q->live > UINT32_MAX ? UINT32_MAX : (unsigned) q->live;
    search.steps = HX_FILTER_STEPS;
    search.each = hx_keyset_found;
    search.data = s;
    search.done = 0;

    rc = hx_keyset_search(s, &search);
    hx_store_search_end(&search);

    return rc;
}


/* Does the filter let this row pass?  OK: *yes says so. */
static hx_query_rc_t
hx_query_passes(hx_query_t *q, const hx_seg_t *s, unsigned row, int *yes)
{
    hx_str_t        key;
    hx_record_t     r;
    hx_store_rc_t   rc;
    hx_query_rc_t   qrc;

    *yes = 0;

    if (!hx_query_counts(q, s, row)) {
        return HX_QUERY_OK;
    }

    qrc = hx_query_renew(q);

    if (qrc != HX_QUERY_OK) {
        return qrc;
    }

    key = hx_row_key(s, row);
    rc = hx_store_get(&q->view, &q->conf.ns, &key, s->version[row], &r);
    q->fetched++;

    if (rc == HX_STORE_NO) {
        rc = hx_store_get(&q->view, &q->conf.ns, &key, 0, &r);
    }

    if (rc == HX_STORE_OK) {
        *yes = q->conf.match(q->conf.match_data, &r);
    }

    return rc == HX_STORE_NO ? HX_QUERY_OK : hx_query_store_rc(q, rc, &key);
}


static hx_query_rc_t
hx_query_choose_row(hx_query_t *q, unsigned i, uint32_t row, unsigned *cap)
{
    uint32_t  *list;

    if (q->n_chosen[i] == *cap) {
        *cap = *cap == 0 ? 64 : 2 * *cap;
        list = realloc(q->chosen[i], *cap * sizeof(uint32_t));

        if (list == NULL) {
            return HX_QUERY_NO_MEMORY;
        }

        q->chosen[i] = list;
    }

    q->chosen[i][q->n_chosen[i]++] = row;

    return HX_QUERY_OK;
}


/* keys: those that match, or NULL: records are read. */
static hx_query_rc_t
hx_query_choose_seg(hx_query_t *q, unsigned i, const hx_keyset_t *keys)
{
    int             yes;
    hx_str_t        key;
    unsigned        row, n, cap;
    hx_seg_t       *s;
    hx_query_rc_t   rc;

    s = q->list->seg[i];
    n = atomic_load_explicit(&s->n, memory_order_acquire);
    cap = 0;
    rc = HX_QUERY_OK;

    for (row = 0; row < n && rc == HX_QUERY_OK; row++) {
        if (keys != NULL) {
            key = hx_row_key(s, row);
            yes = keys->off[hx_keyset_place(keys, s->hash[row], &key)] != 0
                  && hx_query_counts(q, s, row);

        } else {
            rc = hx_query_passes(q, s, row, &yes);
        }

        if (rc == HX_QUERY_OK && yes) {
            rc = hx_query_choose_row(q, i, row, &cap);
        }
    }

    return rc;
}


hx_query_rc_t
hx_query_choose(hx_query_t *q, uint64_t *candidates)
{
    int             use;
    unsigned        i;
    hx_keyset_t     keys;
    hx_query_rc_t   rc;

    q->chosen = calloc(q->list->n + 1, sizeof(uint32_t *));
    q->n_chosen = calloc(q->list->n + 1, sizeof(uint32_t));

    if (q->chosen == NULL || q->n_chosen == NULL) {
        return HX_QUERY_NO_MEMORY;
    }

    *candidates = 0;
    use = q->conf.n_asks != 0 && q->live > HX_FILTER_FEW;
    rc = HX_QUERY_OK;

    if (use) {
        rc = hx_keyset_init(&keys, q) == 0 ? hx_keyset_fill(&keys)
                                           : HX_QUERY_NO_MEMORY;
    }

    for (i = 0; i < q->list->n && rc == HX_QUERY_OK; i++) {
        rc = hx_query_choose_seg(q, i, use ? &keys : NULL);
        *candidates += q->n_chosen[i];
    }

    if (use) {
        hx_keyset_free(&keys);
    }

    return rc;
}
