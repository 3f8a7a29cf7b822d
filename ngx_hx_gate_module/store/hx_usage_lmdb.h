/*
 * hx_usage_lmdb.h -- what the two halves of the embedded usage store share;
 * included by hx_usage_lmdb.c and hx_usage_threads.c alone.
 */

#ifndef HX_USAGE_LMDB_H
#define HX_USAGE_LMDB_H

#include <pthread.h>

#include "hx_lmdb.h"
#include "hx_usage_row.h"


struct hx_usage_s {
    MDB_env            *env;
    MDB_txn            *read;           /* of total(), reset in between */
    MDB_cursor         *cursor;         /* in read */
    MDB_dbi             meta;
    MDB_dbi             rows;

    /* shared by threads with a transaction, exclusive to resize or close */
    pthread_rwlock_t    lock;

    hx_lmdb_files_t     files;          /* as they were opened */
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

/* 1 while there is a row and its key begins like this, else 0. */
int hx_usage_under(const hx_usage_at_t *at, const unsigned char *prefix,
    size_t len);


/* Writes "what: text of rc" to err; always HX_FAIL. */
hx_rc_t hx_usage_fail(char *err, const char *what, int rc);

/* "usage of tenant ... in ... " and what is wrong with it; always HX_FAIL. */
hx_rc_t hx_usage_wrong(char *err, unsigned month, const hx_str_t *id,
    const char *what);

/* That the probe says no; returns rc. */
hx_rc_t hx_usage_replaced(char *err, hx_rc_t rc);

#define HX_USAGE_DAMAGED   "is damaged"
#define HX_USAGE_TOO_MUCH  "does not fit into one sum"

#endif /* HX_USAGE_LMDB_H */
