/*
 * hx_api_source.h -- values that are computed while they are sent: the dense
 * array of a train, the bytes of a packed value.
 *
 * A source gives its bytes in order, a window at a time (64 KiB), so that an
 * answer of any size needs little memory: for a train of d cores about 2^(d/2)
 * rows of as many values as its middle rank, for a packed value 192 KiB.  What
 * it holds is taken from the budget of payloads.
 *
 * Windows of trains of large rank are larger (hx_tt_dense_block()), and made in
 * steps, so that no call takes longer than about a millisecond.
 */

#ifndef HX_API_SOURCE_H
#define HX_API_SOURCE_H

#include "hx_api_budget.h"
#include "hx_store.h"

#define HX_SOURCE_WINDOW   65536        /* bytes */

/* A group of base64 that is cut by the end of a window has so many there. */
#define HX_SOURCE_KEEP     2

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
 * off may not go back behind the window and HX_SOURCE_KEEP bytes before it.
 * OK; BUSY: a step was made, the bytes need more of them; CORRUPT or FAIL: cut
 * the answer.
 */
hx_store_rc_t hx_source_at(hx_source_t *src, const hx_store_view_t *v,
    uint64_t off, hx_str_t *piece);

/*
 * What was computed since the last call beyond what the bytes themselves stand
 * for, in bytes of a smooth train that cost as much.
 */
size_t hx_source_worked(hx_source_t *src);

/* 1: it is so much that it should be asked for before going on. */
int hx_source_due(const hx_source_t *src);

#endif /* HX_API_SOURCE_H */
