/*
 * hx_guard.h -- calls that may touch what is not there: pages of a file that
 * was cut short or is damaged.  For programs of one thread, like "hx-engine
 * check"; never for the server.
 */

#ifndef HX_GUARD_H
#define HX_GUARD_H

#include <lmdb.h>

/* Before the first call: what is read is this environment. */
void hx_guard_env(MDB_env *env);

/*
 * Calls fn(arg): 0 and *rc is what it returned, or 1: a signal for bad memory,
 * or an assertion of LMDB, ended it.  What it had opened is then not to be used
 * again, except to end read transactions.  Not to be nested.
 */
int hx_guarded(int (*fn)(void *arg), void *arg, int *rc);

#endif /* HX_GUARD_H */
