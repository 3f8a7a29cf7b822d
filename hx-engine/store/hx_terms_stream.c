/*
 * hx_terms_stream.c -- see the header.  Every entry that is looked at must pass
 * its checksum, also the one behind the end of a run or range.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hx_terms_stream.h"

#define HX_SET_MEM     (1u << 20)       /* bytes of keys in one set */
#define HX_SET_KEYS    16384u
#define HX_RUNS_FIRST  16u

/* Entries of the index between two places; not in the order of their keys. */
typedef struct {
    size_t         lo_len;
    size_t         hi_len;              /* what begins with it belongs to it */
    unsigned char  lo[4 + HX_TERM_MAX];
    unsigned char  hi[4 + HX_TERM_MAX];
} hx_span_t;

#define HX_SPANS_MAX   4


int
hx_at_order(const hx_at_t *a, const hx_at_t *b)
{
    int  rc;

    rc = memcmp(a->key, b->key, a->len < b->len ? a->len : b->len);

    return rc != 0 ? rc : (int) a->len - (int) b->len;
}


/* Namespace and field, and then a code; returns the length. */
static size_t
hx_stream_prefix(const hx_seek_t *k, unsigned char *out, uint64_t path,
    const unsigned char *code, size_t len)
{
    hx_put_be32(out, k->ns);
    hx_put_be64(out + 4, path);
    memcpy(out + 12, code, len);

    return 12 + len;
}


static int
hx_seek_check(hx_seek_t *k, int rc, const MDB_val *key, const MDB_val *v)
{
    k->steps++;

    return rc == 0 && !hx_terms_ok(key, v) ? MDB_CORRUPTED : rc;
}


/* The run's first key that is not before *at. */
static int
hx_run_seek(hx_seek_t *k, MDB_cursor *cur, hx_run_t *r, const hx_at_t *at)
{
    int                   rc;
    size_t                len;
    MDB_val               key, v;
    const unsigned char  *p;
    unsigned char         mem[4 + HX_TERM_MAX + HX_AT_MAX];

    memcpy(mem, r->prefix, r->prefix_len);
    memcpy(mem + r->prefix_len, at->key, at->len);
    key.mv_data = mem;
    key.mv_size = r->prefix_len + at->len;

    rc = mdb_cursor_get(cur, &key, &v, MDB_SET_RANGE);
    rc = hx_seek_check(k, rc, &key, &v);

    if (rc != 0 && rc != MDB_NOTFOUND) {
        return rc;
    }

    r->end = rc == MDB_NOTFOUND || key.mv_size <= r->prefix_len
             || memcmp(key.mv_data, r->prefix, r->prefix_len) != 0;

    if (r->end) {
        return 0;
    }

    /* the term of a string goes on with this byte, a key never begins so */

    p = (const unsigned char *) key.mv_data + r->prefix_len;
    len = key.mv_size - r->prefix_len;
    r->end = *p == 0xff;

    if (!r->end) {
        if (len > HX_KEY_MAX) {
            return MDB_CORRUPTED;
        }

        memcpy(r->at.key, p, len);
        r->at.len = len;
    }

    return 0;
}


/* One more run, unless it is empty. */
static int
hx_stream_run(hx_seek_t *k, hx_stream_t *t, uint64_t path,
    const unsigned char *code, size_t len, const hx_at_t *from)
{
    int        rc;
    void      *mem;
    hx_run_t  *r;

    if (t->n_runs == t->room) {
        t->room = t->room == 0 ? HX_RUNS_FIRST : t->room * 2;
        mem = realloc(t->run, t->room * sizeof(hx_run_t));

        if (mem == NULL) {
            return ENOMEM;
        }
        t->run = mem;
    }

    r = &t->run[t->n_runs];
    r->prefix_len = hx_stream_prefix(k, r->prefix, path, code, len);
    rc = hx_run_seek(k, t->cur, r, from);
    t->n_runs += rc == 0 && !r->end;

    return rc;
}


int
hx_stream_equal(hx_seek_t *k, hx_stream_t *t, const hx_ask_t *ask,
    const hx_at_t *from)
{
    int             rc;
    unsigned        i;
    hx_term_code_t  many;
    unsigned char   any;

    memset(t, 0, sizeof(*t));
    t->kind = HX_STREAM_RUNS;
    rc = mdb_cursor_open(k->txn, k->s->dbi[HX_DB_TERMS], &t->cur);

    for (i = 0; rc == 0 && i < ask->n; i++) {
        many = ask->code[i];
        many.code[0] |= HX_TERM_MANY;
        rc = hx_stream_run(k, t, ask->path, ask->code[i].code, many.len, from);

        if (rc == 0) {
            rc = hx_stream_run(k, t, ask->path, many.code, many.len, from);
        }
    }

    any = HX_TERM_ANY;

    if (rc == 0 && ask->n != 0) {
        rc = hx_stream_run(k, t, ask->path, &any, 1, from);
    }

    if (rc == 0 && ask->n != 0) {
        rc = hx_stream_run(k, t, 0, &any, 1, from);
    }

    t->at = *from;

    return rc;
}


/* What a RANGE or EXISTS ask is about. */
static unsigned
hx_stream_spans(const hx_seek_t *k, const hx_ask_t *ask,
    hx_span_t span[HX_SPANS_MAX])
{
    unsigned              n;
    unsigned char         any;
    hx_term_code_t        lo, hi;

    any = HX_TERM_ANY;
    n = 0;

    if (ask->kind == HX_ASK_EXISTS) {
        span[n].lo_len = hx_stream_prefix(k, span[n].lo, ask->path, &any, 0);
        span[n].hi_len = hx_stream_prefix(k, span[n].hi, ask->path, &any, 0);
        n++;

    } else {
        lo = ask->code[0];
        hi = ask->code[1];

        for (n = 0; n < 2; n++) {
            span[n].lo_len = hx_stream_prefix(k, span[n].lo, ask->path,
                                              lo.code, lo.len);
            span[n].hi_len = hx_stream_prefix(k, span[n].hi, ask->path,
                                              hi.code, hi.len);

            /* of several values another one may meet the other bound */

            lo.code[0] |= HX_TERM_MANY;
            hi.code[0] |= HX_TERM_MANY;

            if (lo.len != 1) {
                hi.len = 1;
            }
        }

        span[n].lo_len = hx_stream_prefix(k, span[n].lo, ask->path, &any, 1);
        span[n].hi_len = hx_stream_prefix(k, span[n].hi, ask->path, &any, 1);
        n++;
    }

    span[n].lo_len = hx_stream_prefix(k, span[n].lo, 0, &any, 1);
    span[n].hi_len = hx_stream_prefix(k, span[n].hi, 0, &any, 1);

    return n + 1;
}


static int
hx_set_order(const void *a, const void *b)
{
    int                   rc;
    const unsigned char  *p, *q;

    p = *(unsigned char *const *) a;
    q = *(unsigned char *const *) b;
    rc = memcmp(p + 1, q + 1, *p < *q ? *p : *q);

    return rc != 0 ? rc : (int) *p - (int) *q;
}


/* Sorted, each key once; returns the bytes of them. */
static size_t
hx_set_sort(hx_stream_t *t)
{
    size_t    used;
    unsigned  i, n;

    if (t->n_keys == 0) {
        return 0;
    }

    qsort(t->key, t->n_keys, sizeof(t->key[0]), hx_set_order);
    used = 0;

    for (i = 0, n = 0; i < t->n_keys; i++) {
        if (n == 0 || hx_set_order(&t->key[n - 1], &t->key[i]) != 0) {
            t->key[n++] = t->key[i];
            used += (size_t) *t->key[i] + 1;
        }
    }

    t->n_keys = n;

    return used;
}


/* No more room: what is there twice goes, and if that is not enough the larger
 * half. */
static int
hx_set_shrink(hx_stream_t *t)
{
    size_t          len, used;
    unsigned        i;
    unsigned char  *mem;

    used = hx_set_sort(t);

    if (t->n_keys > HX_SET_KEYS / 2 || used > HX_SET_MEM / 2) {
        t->n_keys = t->n_keys / 2 + 1;
        t->cut = 1;
    }

    mem = malloc(HX_SET_MEM);
    if (mem == NULL) {
        return ENOMEM;
    }

    for (i = 0, used = 0; i < t->n_keys; i++) {
        len = (size_t) *t->key[i] + 1;
        memcpy(mem + used, t->key[i], len);
        t->key[i] = mem + used;
        used += len;
    }

    free(t->mem);
    t->mem = mem;
    t->used = used;

    return 0;
}


/* The last key, beyond which a set that was cut knows nothing. */
static void
hx_set_last(const hx_stream_t *t, hx_at_t *at)
{
    const unsigned char  *p;

    p = t->key[t->n_keys - 1];
    at->len = *p;
    memcpy(at->key, p + 1, *p);
}


static int
hx_set_add(hx_stream_t *t, const hx_at_t *at, hx_at_t *last)
{
    int  rc;

    if (t->cut && hx_at_order(at, last) > 0) {
        return 0;
    }

    if (t->n_keys == HX_SET_KEYS || t->used + at->len + 1 > HX_SET_MEM) {
        rc = hx_set_shrink(t);
        if (rc != 0) {
            return rc;
        }

        hx_set_last(t, last);

        if (t->cut && hx_at_order(at, last) > 0) {
            return 0;
        }
    }

    t->key[t->n_keys++] = t->mem + t->used;
    t->mem[t->used] = (unsigned char) at->len;
    memcpy(t->mem + t->used + 1, at->key, at->len);
    t->used += at->len + 1;

    return 0;
}


static int
hx_span_holds(const hx_span_t *s, const MDB_val *key)
{
    size_t  n;

    n = key->mv_size < s->hi_len ? key->mv_size : s->hi_len;

    return memcmp(key->mv_data, s->hi, n) <= 0;
}


/* The keys of one span; *left entries may still be looked at. */
static int
hx_set_span(hx_seek_t *k, hx_stream_t *t, const hx_span_t *s,
    const hx_at_t *from, unsigned *left, hx_at_t *last)
{
    int                   rc;
    size_t                len;
    hx_at_t               at;
    MDB_val               key, v;
    unsigned char         mem[4 + HX_TERM_MAX];
    const unsigned char  *p;

    memcpy(mem, s->lo, s->lo_len);
    key.mv_data = mem;
    key.mv_size = s->lo_len;
    rc = mdb_cursor_get(t->cur, &key, &v, MDB_SET_RANGE);
    rc = hx_seek_check(k, rc, &key, &v);

    while (rc == 0 && hx_span_holds(s, &key)) {
        if ((*left)-- == 0) {
            return MDB_NOTFOUND;
        }

        p = key.mv_data;
        len = key.mv_size < 4 ? 0 : hx_term_length(p + 4, key.mv_size - 4);

        if (len == 0 || key.mv_size - 4 - len > HX_KEY_MAX) {
            return MDB_CORRUPTED;
        }

        at.len = key.mv_size - 4 - len;
        memcpy(at.key, p + 4 + len, at.len);

        if (hx_at_order(&at, from) >= 0) {
            rc = hx_set_add(t, &at, last);
        }

        if (rc == 0) {
            rc = mdb_cursor_get(t->cur, &key, &v, MDB_NEXT);
            rc = hx_seek_check(k, rc, &key, &v);
        }
    }

    return rc == MDB_NOTFOUND ? 0 : rc;
}


int
hx_stream_set(hx_seek_t *k, hx_stream_t *t, const hx_ask_t *ask,
    const hx_at_t *from, unsigned most)
{
    int        rc;
    hx_at_t    last;
    unsigned   i, n;
    hx_span_t  span[HX_SPANS_MAX];

    memset(t, 0, sizeof(*t));
    t->kind = HX_STREAM_SET;
    t->mem = malloc(HX_SET_MEM);
    t->key = malloc(HX_SET_KEYS * sizeof(t->key[0]));

    if (t->mem == NULL || t->key == NULL) {
        hx_stream_close(t);
        return ENOMEM;
    }

    last.len = 0;
    n = hx_stream_spans(k, ask, span);
    rc = mdb_cursor_open(k->txn, k->s->dbi[HX_DB_TERMS], &t->cur);

    for (i = 0; rc == 0 && i < n; i++) {
        rc = hx_set_span(k, t, &span[i], from, &most, &last);
    }

    if (rc != 0) {
        hx_stream_close(t);
        return rc;
    }

    (void) hx_set_sort(t);
    t->at = *from;

    return 0;
}


int
hx_stream_heads(hx_seek_t *k, hx_stream_t *t)
{
    memset(t, 0, sizeof(*t));
    t->kind = HX_STREAM_HEADS;

    return mdb_cursor_open(k->txn, k->s->dbi[HX_DB_HEADS], &t->cur);
}


/* Entries of one run, from where it stands. */
static int
hx_run_count(hx_seek_t *k, MDB_cursor *cur, const hx_run_t *r, unsigned most,
    unsigned *n)
{
    int            rc;
    MDB_val        key, v;
    unsigned char  mem[4 + HX_TERM_MAX + HX_AT_MAX];

    memcpy(mem, r->prefix, r->prefix_len);
    memcpy(mem + r->prefix_len, r->at.key, r->at.len);
    key.mv_data = mem;
    key.mv_size = r->prefix_len + r->at.len;
    rc = mdb_cursor_get(cur, &key, &v, MDB_SET_RANGE);
    rc = hx_seek_check(k, rc, &key, &v);

    while (rc == 0 && *n < most && key.mv_size > r->prefix_len
           && memcmp(key.mv_data, r->prefix, r->prefix_len) == 0)
    {
        ++*n;
        rc = mdb_cursor_get(cur, &key, &v, MDB_NEXT);
        rc = hx_seek_check(k, rc, &key, &v);
    }

    return rc == MDB_NOTFOUND ? 0 : rc;
}


int
hx_stream_count(hx_seek_t *k, hx_stream_t *t, unsigned most, unsigned *n)
{
    int       rc;
    unsigned  i;

    rc = 0;
    *n = 0;

    for (i = 0; rc == 0 && i < t->n_runs && *n < most; i++) {
        rc = hx_run_count(k, t->cur, &t->run[i], most, n);
    }

    return rc;
}


static int
hx_stream_seek_runs(hx_seek_t *k, hx_stream_t *t, const hx_at_t *at)
{
    int              rc;
    unsigned         i;
    const hx_at_t   *first;

    first = NULL;

    for (i = 0; i < t->n_runs; /* void */ ) {
        if (hx_at_order(&t->run[i].at, at) < 0) {
            rc = hx_run_seek(k, t->cur, &t->run[i], at);
            if (rc != 0) {
                return rc;
            }

            if (t->run[i].end) {
                t->run[i] = t->run[--t->n_runs];
                continue;
            }
        }

        if (first == NULL || hx_at_order(&t->run[i].at, first) < 0) {
            first = &t->run[i].at;
        }
        i++;
    }

    if (first == NULL) {
        return MDB_NOTFOUND;
    }

    t->at = *first;

    return 0;
}


static int
hx_stream_seek_set(hx_seek_t *k, hx_stream_t *t, const hx_at_t *at)
{
    const unsigned char  *p;

    for ( /* void */ ; t->next < t->n_keys; t->next++) {
        p = t->key[t->next];
        t->at.len = *p;
        memcpy(t->at.key, p + 1, *p);
        k->steps++;

        if (hx_at_order(&t->at, at) >= 0) {
            return 0;
        }
    }

    return MDB_NOTFOUND;
}


static int
hx_stream_seek_heads(hx_seek_t *k, hx_stream_t *t, const hx_at_t *at)
{
    int            rc;
    MDB_val        key, v;
    uint32_t       ns;
    hx_str_t       name;
    unsigned char  mem[4 + HX_AT_MAX];

    hx_put_be32(mem, k->ns);
    memcpy(mem + 4, at->key, at->len);
    key.mv_data = mem;
    key.mv_size = 4 + at->len;
    k->steps++;
    rc = mdb_cursor_get(t->cur, &key, &v, MDB_SET_RANGE);

    if (rc == 0) {
        rc = hx_store_head_entry(&key, &v, &ns, &name, &t->version);
    }

    if (rc == 0 && ns != k->ns) {
        rc = MDB_NOTFOUND;
    }

    if (rc == 0) {
        t->at.len = name.len;
        memcpy(t->at.key, name.data, name.len);
    }

    return rc;
}


int
hx_stream_seek(hx_seek_t *k, hx_stream_t *t, const hx_at_t *at)
{
    switch (t->kind) {

    case HX_STREAM_RUNS:
        return hx_stream_seek_runs(k, t, at);

    case HX_STREAM_SET:
        return hx_stream_seek_set(k, t, at);

    default:
        return hx_stream_seek_heads(k, t, at);
    }
}


void
hx_stream_close(hx_stream_t *t)
{
    if (t->cur != NULL) {
        mdb_cursor_close(t->cur);
    }

    free(t->run);
    free(t->mem);
    free(t->key);
    memset(t, 0, sizeof(*t));
}
