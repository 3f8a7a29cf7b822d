/*
 * hx_terms_stream.c -- streams of runs and of heads; see the header.  Every
 * entry that is looked at must pass its checksum, also the one behind the end
 * of a run.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hx_terms_stream.h"

#define HX_RUNS_FIRST  16u

int
hx_at_order(const hx_at_t *a, const hx_at_t *b)
{
    int  rc;

    rc = memcmp(a->key, b->key, a->len < b->len ? a->len : b->len);

    return rc != 0 ? rc : (int) a->len - (int) b->len;
}


size_t
hx_stream_prefix(const hx_seek_t *k, unsigned char *out, uint64_t path,
    const unsigned char *code, size_t len)
{
    hx_put_be32(out, k->ns);
    hx_put_be64(out + 4, path);
    memcpy(out + 12, code, len);

    return 12 + len;
}


int
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
