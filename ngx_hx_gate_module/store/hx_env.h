/*
 * hx_env.h -- an LMDB environment as one nginx worker holds it: what registry
 * and usage store have in common.  Included by hx_registry_*.c and hx_usage_*.c
 * alone.
 *
 * The event loop has one read transaction, renewed for each question and never
 * held across events, so it never holds back page reuse.  Threads have
 * transactions of their own (hx_env_begin()); a lock keeps the environment from
 * being resized or closed under them.
 */

#ifndef HX_ENV_H
#define HX_ENV_H

#include <pthread.h>

#include "hx_lmdb.h"

#define HX_ENV_ERR   256                /* bytes of a text about trouble */
#define HX_ENV_DBS   4                  /* named databases, "meta" among them */

typedef struct {
    hx_lmdb_conf_t      lmdb;
    unsigned            existing:1;     /* create nothing but databases that
                                         * came later than others */
    const char         *version;        /* of what is inside, in "meta" */
    unsigned            n_dbs;
    unsigned            n_first;        /* of them were there from the first;
                                         * the rest is made where it is not */
    const char *const  *dbs;            /* their names, the first is "meta" */
    int                *code;           /* LMDB's, when opening fails and there
                                         * was one; NULL = of no interest */
} hx_env_conf_t;

/* Zeroed memory is one that is not open. */
typedef struct {
    MDB_env            *env;
    MDB_txn            *read;           /* of the event loop, reset between
                                         * questions */
    MDB_dbi             dbi[HX_ENV_DBS];
    const char         *file;           /* as in hx_lmdb_conf_t, borrowed */
    unsigned            locked:1;       /* the lock is made */

    /* shared by threads with a transaction, exclusive to resize or close */
    pthread_rwlock_t    lock;

    hx_lmdb_files_t     files;          /* as they were opened */
} hx_env_t;


/* Writes "what: text of rc" to err; always HX_FAIL. */
hx_rc_t hx_env_fail(char *err, const char *what, int rc);

/*
 * HX_OK; HX_FAIL and a text, then call hx_env_close().  Only an empty file
 * becomes one of ours: another program's never does.
 */
hx_rc_t hx_env_open(hx_env_t *e, const hx_env_conf_t *conf, char *err);

/*
 * Waits for threads inside a transaction.  Cursors in the read transaction are
 * closed before.
 */
void hx_env_close(hx_env_t *e);

/* Renews the read transaction: 0 or LMDB's code. */
int hx_env_renew(hx_env_t *e);

/* HX_OK while the files are the ones in the directory, else HX_NO. */
hx_rc_t hx_env_probe(const hx_env_t *e);

/* Says that the probe says no; returns rc. */
hx_rc_t hx_env_replaced(const hx_env_t *e, char *err, hx_rc_t rc);

/* Renews, and probes: HX_OK, HX_NO or HX_FAIL with a text. */
hx_rc_t hx_env_refresh(hx_env_t *e, char *err);

/* A transaction of a thread. */
hx_rc_t hx_env_begin(hx_env_t *e, unsigned flags, MDB_txn **txn, char *err);

/* Commits it when rc is HX_OK, else aborts it; rc, or HX_FAIL and a text. */
hx_rc_t hx_env_end(hx_env_t *e, MDB_txn *txn, hx_rc_t rc, char *err);

#endif /* HX_ENV_H */
