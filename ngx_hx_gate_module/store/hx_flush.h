/*
 * hx_flush.h -- carries usage from the shared memory to its store.  No nginx.
 *
 * What is carried are absolute sums, and a tenant counts as stored only when
 * the transaction is durable and the sums are still the same: a flush that is
 * killed, fails or is done twice changes no bill.
 */

#ifndef HX_FLUSH_H
#define HX_FLUSH_H

#include "hx_state.h"
#include "hx_usage.h"

typedef struct {
    uint64_t   rows;
    uint64_t   transactions;
} hx_flush_result_t;

/*
 * Stores what was charged before the call.  Blocks on disk: for threads, and
 * for a process that exits.  wait: when another process is at it, let it finish
 * and look again; else that is HX_NO.  HX_FAIL: something is still unsaved,
 * text in err (HX_USAGE_ERR bytes).
 */
hx_rc_t hx_flush(hx_state_t *st, hx_usage_t *u, int wait,
    hx_flush_result_t *result, char *err);

#endif /* HX_FLUSH_H */
