/*
 * hx_store_admin.h -- what is done to a store from outside, by a process that
 * does not serve it: looking at it, copying it, examining it.
 *
 * None of this writes to the store.  It works beside an engine that serves the
 * directory, on one that is stopped (no engine can start there meanwhile) and
 * on a backup.  For programs of one thread.
 */

#ifndef HX_STORE_ADMIN_H
#define HX_STORE_ADMIN_H

#include "hx_store.h"

/*
 * Opens for reading: hx_store_view(), _get(), _list() and so on work, writes
 * are refused.  NULL: err gets one line, and *rc says NO: there is no store,
 * CORRUPT: what is there cannot be one, FAIL: anything else.  tables = 0: only
 * to copy it, of whatever format it is.  Close with hx_store_close().
 */
hx_store_t *hx_store_peek(const char *dir, int tables, hx_store_rc_t *rc,
    char *err, size_t cap);

/* 1 when an engine has it open. */
int hx_store_live(const hx_store_t *s);

/* Bytes that a copy will have, more or less. */
uint64_t hx_store_copy_size(hx_store_t *s);

/*
 * One moment of the store, without the pages that are free, to an empty file:
 * 0, or an errno or LMDB code (text: hx_store_copy_error).  Not synced.  Pages
 * of that moment are kept as long as it takes.
 */
int hx_store_copy(hx_store_t *s, int fd);
const char *hx_store_copy_error(int rc);


/* What the examination found out. */
typedef struct {
    uint64_t  namespaces;
    uint64_t  keys;                 /* live ones */
    uint64_t  deleted;
    uint64_t  versions;
    uint64_t  bytes;                /* of their values, as stored */
    uint64_t  bad;                  /* as often as bad() was called */
} hx_examined_t;

typedef struct {
    /*
     * Something is wrong.  ns and key are NULL when it is not about one;
     * version 0: about none.  Strings live as long as the call.
     */
    void  (*bad)(void *data, const hx_str_t *ns, const hx_str_t *key,
                 uint64_t version, const char *why);

    /* Now and then; total is an estimate. */
    void  (*progress)(void *data, uint64_t done, uint64_t total);

    /* 1 = stop. */
    int   (*stopped)(void *data);
    void   *data;
} hx_examine_conf_t;

/*
 * Examines everything in the store, in views of a moment each, so that no old
 * pages are kept: OK (also when something is bad: sum->bad), NO: it was
 * stopped, FAIL with *why.
 */
hx_store_rc_t hx_store_examine(hx_store_t *s, const hx_examine_conf_t *conf,
    hx_examined_t *sum, const char **why);

#endif /* HX_STORE_ADMIN_H */
