/*
 * hx_terms_stream.h -- keys of candidates in ascending order, from one kind of
 * place: entries of the index that lie in that order (of one value; merged, of
 * several), entries that do not (a range of values; gathered and sorted), or
 * all heads.  Private to the search (hx_terms_search.c).
 */

#ifndef HX_TERMS_STREAM_H
#define HX_TERMS_STREAM_H

#include "hx_terms.h"

/* Bytes of a key, and one more to stand right behind it. */
#define HX_AT_MAX    (HX_KEY_MAX + 1)

/* A place in the order of keys. */
typedef struct {
    size_t         len;
    unsigned char  key[HX_AT_MAX];
} hx_at_t;

/* One searcher's view of the index. */
typedef struct {
    const hx_store_t  *s;
    MDB_txn           *txn;
    uint32_t           ns;
    unsigned           steps;           /* entries looked at */
} hx_seek_t;

/* The entries that begin with a certain term. */
typedef struct {
    int            end;                 /* there are no more */
    hx_at_t        at;                  /* else: the first one not before what
                                         * was asked for last */
    size_t         prefix_len;
    unsigned char  prefix[4 + HX_TERM_MAX];
} hx_run_t;

typedef enum {
    HX_STREAM_RUNS,
    HX_STREAM_SET,
    HX_STREAM_HEADS
} hx_stream_kind_t;

typedef struct {
    hx_stream_kind_t   kind;
    MDB_cursor        *cur;             /* RUNS, HEADS */
    hx_at_t            at;              /* where it stands */
    uint64_t           version;         /* HEADS: of the key at which it is */

    hx_run_t          *run;             /* RUNS: those that are not empty */
    unsigned           n_runs;
    unsigned           room;

    unsigned char     *mem;             /* SET: keys, the length before each */
    size_t             used;
    unsigned char    **key;             /* SET: where they lie in mem; sorted */
    unsigned           n_keys;
    unsigned           next;
    unsigned           looked;          /* SET: entries that it took */
    int                cut;             /* SET: more keys are behind the last */
} hx_stream_t;


int hx_at_order(const hx_at_t *a, const hx_at_t *b);

/* All of what follows: 0, MDB_CORRUPTED (the index is damaged), another LMDB
 * code, or ENOMEM. */

/* The runs of an EQUAL ask, from "from" on. */
int hx_stream_equal(hx_seek_t *k, hx_stream_t *t, const hx_ask_t *ask,
    const hx_at_t *from);

/*
 * The keys of a RANGE or EXISTS ask from "from" on, if there are no more than
 * "most" entries; else MDB_NOTFOUND, and the stream is as after
 * hx_stream_close.  It outlives the view.
 */
int hx_stream_set(hx_seek_t *k, hx_stream_t *t, const hx_ask_t *ask,
    const hx_at_t *from, unsigned most);

int hx_stream_heads(hx_seek_t *k, hx_stream_t *t);

/* At least so many keys from where it stands, counted up to "most": RUNS. */
int hx_stream_count(hx_seek_t *k, hx_stream_t *t, unsigned most,
    unsigned *n);

/* t->at = its first key that is not before *at: 0; MDB_NOTFOUND: none. */
int hx_stream_seek(hx_seek_t *k, hx_stream_t *t, const hx_at_t *at);

void hx_stream_close(hx_stream_t *t);

/* For the files of streams. */

/* Namespace and field, and then a code; returns the length. */
size_t hx_stream_prefix(const hx_seek_t *k, unsigned char *out, uint64_t path,
    const unsigned char *code, size_t len);

/* Counts an entry that was reached with rc, and checks it: rc of it. */
int hx_seek_check(hx_seek_t *k, int rc, const MDB_val *key, const MDB_val *v);

int hx_stream_seek_set(hx_seek_t *k, hx_stream_t *t, const hx_at_t *at);

#endif /* HX_TERMS_STREAM_H */
