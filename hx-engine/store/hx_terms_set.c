/*
 * hx_terms_set.c -- streams of gathered keys; see hx_terms_stream.h.
 *
 * Memory is bounded: when it is full only the smaller half of the keys stays,
 * and the search goes on behind them in another call.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hx_terms_stream.h"

#define HX_SET_MEM     (1u << 20)       /* bytes of keys in one set */
#define HX_SET_KEYS    16384u

/* Entries of the index between two places; not in the order of their keys. */
typedef struct {
    size_t         lo_len;
    size_t         hi_len;              /* what begins with it belongs to it */
    unsigned char  lo[4 + HX_TERM_MAX];
    unsigned char  hi[4 + HX_TERM_MAX];
} hx_span_t;

#define HX_SPANS_MAX   4


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
    unsigned   i, n, steps;
    hx_span_t  span[HX_SPANS_MAX];

    steps = k->steps;
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

    mdb_cursor_close(t->cur);
    t->cur = NULL;
    (void) hx_set_sort(t);
    t->looked = k->steps - steps;
    t->at = *from;

    return 0;
}


int
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
