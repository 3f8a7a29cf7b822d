/*
 * hx_usage_lmdb.h -- what the parts of the embedded usage store share;
 * included by hx_usage_*.c alone.
 */

#ifndef HX_USAGE_LMDB_H
#define HX_USAGE_LMDB_H

#include "hx_env.h"
#include "hx_usage_row.h"


/* Its databases; names in hx_usage_lmdb.c. */
enum {
    HX_USAGE_META = 0,
    HX_USAGE_ROWS,
    HX_USAGE_UNSENT,
    HX_USAGE_DBS
};

struct hx_usage_s {
    hx_env_t      env;                  /* its read transaction: of total() */
    MDB_cursor   *cursor;               /* in that */
    unsigned      fleet:1;
};


/* The row a cursor stands on. */
typedef struct {
    MDB_cursor  *cursor;
    int          rc;                    /* 0 = there is one */
    hx_str_t     key;
    hx_str_t     value;
} hx_usage_at_t;

/* To the first row whose key is not below these bytes, and to the next one. */
void hx_usage_seek(hx_usage_at_t *at, const unsigned char *key, size_t len);
void hx_usage_step(hx_usage_at_t *at);

/* Which rows: those of a tenant and month, but for some sources. */
typedef struct {
    unsigned               month;
    const hx_str_t        *id;
    const unsigned char   *exclude;     /* HX_USAGE_SOURCE bytes each */
    size_t                 n_exclude;
    size_t                 len;
    unsigned char          prefix[HX_USAGE_PREFIX];    /* of their keys */
} hx_usage_of_t;

void hx_usage_of(hx_usage_of_t *of, unsigned month, const hx_str_t *id,
    const unsigned char *exclude, size_t n_exclude);

/*
 * From where the cursor stands to the next of these rows that is not excluded,
 * at the earliest this one: HX_OK, and it is intact; HX_NO = there is none any
 * more; HX_FAIL and a text.
 */
hx_rc_t hx_usage_source(hx_usage_at_t *at, const hx_usage_of_t *of, char *err);

/* 1 while there is a row and its key begins like this, else 0. */
int hx_usage_under(const hx_usage_at_t *at, const unsigned char *prefix,
    size_t len);


/* What "fleet" in "meta" says. */
typedef struct {
    hx_epoch_t   cursor;
    hx_epoch_t   pushed;
} hx_usage_place_t;

/* 0 or LMDB's code; MDB_NOTFOUND, and both zero, when there is none. */
int hx_usage_place_get(hx_usage_t *u, MDB_txn *txn, hx_usage_place_t *place);
int hx_usage_place_put(hx_usage_t *u, MDB_txn *txn,
    const hx_usage_place_t *place);

/* Takes it away, if there is one. */
int hx_usage_forget(hx_usage_t *u, MDB_txn *txn);

/* Notes a row as unsent: 0 or LMDB's code. */
int hx_usage_note(hx_usage_t *u, MDB_txn *txn, const hx_str_t *key);

/*
 * A stored row, in the file: HX_OK; HX_NO: there is none, or it is of no use;
 * HX_FAIL and LMDB's code.
 */
hx_rc_t hx_usage_raw_get(hx_usage_t *u, MDB_txn *txn, const hx_str_t *key,
    hx_usage_raw_t *row, int *code);

/* A transaction that writes, into the file that is in the directory. */
hx_rc_t hx_usage_begin_write(hx_usage_t *u, MDB_txn **txn, char *err);


/* "usage of tenant ... in ... " and what is wrong with it; always HX_FAIL. */
hx_rc_t hx_usage_wrong(char *err, unsigned month, const hx_str_t *id,
    const char *what);

#define HX_USAGE_DAMAGED   "is damaged"
#define HX_USAGE_TOO_MUCH  "does not fit into one sum"

#endif /* HX_USAGE_LMDB_H */
