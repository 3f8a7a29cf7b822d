/*
 * hx_api_source.h -- values that are computed while they are sent: the dense
 * array of a train, the bytes of a packed value.
 *
 * A source gives its bytes in order, a window at a time (64 KiB), so that an
 * answer of any size needs little memory: for a train of d cores about 2^(d/2)
 * rows of as many values as its middle rank, for a packed value 192 KiB.  What
 * it holds is taken from the budget of payloads.
 */

#ifndef HX_API_SOURCE_H
#define HX_API_SOURCE_H

#include "hx_api_budget.h"
#include "hx_store.h"

#define HX_SOURCE_WINDOW   65536        /* bytes */

typedef struct hx_source_s  hx_source_t;

/*
 * For a record whose codec is TT or PACKED, found through this view; compares
 * the checksums of the stored value.  OK and *src (for hx_source_free); BUSY:
 * the budget has no room; CORRUPT; FAIL: out of memory, and what the store
 * says.
 */
hx_store_rc_t hx_source_create(hx_source_t **src, const hx_store_view_t *v,
    const hx_record_t *r, hx_budget_t *budget);

/* NULL is fine. */
void hx_source_free(hx_source_t *src);

/* Bytes of the whole value: a train's are those of the dense array. */
uint64_t hx_source_length(const hx_source_t *src);

/*
 * The bytes from "off" on that the window holds, valid until the next call;
 * off may not go back behind the window.  OK; CORRUPT or FAIL: cut the answer.
 */
hx_store_rc_t hx_source_at(hx_source_t *src, const hx_store_view_t *v,
    uint64_t off, hx_str_t *piece);

#endif /* HX_API_SOURCE_H */
