/*
 * hx_terms.h -- the metadata index of the LMDB store: table "terms".
 *
 * Key: namespace number (4 bytes), term (codec/hx_term.h), key of the record.
 * Value: CRC-32 of all that, so that a damaged entry is not taken for another
 * one or for the end of a range.  Terms are those of each key's latest live
 * version, and change in the transaction that changes the head.  An entry too
 * many does no harm, since every candidate is compared with its record; there
 * may be some after a damaged record was overwritten.
 *
 * "terms" in the table "meta" says that no entry is missing.  Without it, and
 * as soon as a damaged entry is met, searches read all records; the index is
 * made anew at the next start.
 */

#ifndef HX_TERMS_H
#define HX_TERMS_H

#include "hx_store_impl.h"
#include "hx_term.h"

#define HX_TERMS_KEY_MAX   (4 + HX_TERM_MAX + HX_KEY_MAX)
#define HX_TERMS_VALUE     4

/* Two sets of terms, the writer's. */
struct hx_terms_work_s {
    hx_terms_t  old;
    hx_terms_t  new;
};


/* The value of an entry: 1 when it is the one that belongs to the key. */
int hx_terms_ok(const MDB_val *k, const MDB_val *v);

/*
 * All that follow work inside a transaction of the writer, or before there is
 * one; 0 or an LMDB code.
 *
 * The record of a key goes from metadata "was" to "is"; NULL: there was none,
 * there will be none.  Both may lie in the map: they are read before anything
 * is written.
 */
int hx_terms_change(const hx_store_t *s, MDB_txn *txn, uint32_t ns,
    const hx_str_t *key, const hx_str_t *was, const hx_str_t *is);

/* hx_terms_change from nothing, and to nothing. */
int hx_terms_put(const hx_store_t *s, MDB_txn *txn, uint32_t ns,
    const hx_str_t *key, const hx_str_t *metadata);
int hx_terms_del(const hx_store_t *s, MDB_txn *txn, uint32_t ns,
    const hx_str_t *key, const hx_str_t *metadata);

/* The metadata of a version; empty when the record is damaged or missing. */
void hx_terms_metadata(const hx_store_t *s, MDB_txn *txn, uint32_t ns,
    const hx_str_t *key, uint64_t version, hx_str_t *metadata);

/*
 * For whoever examines a store: how many entries of that record are missing or
 * damaged.  mem: its own, not the writer's.
 */
int hx_terms_missing(const hx_store_t *s, MDB_txn *txn, uint32_t ns,
    const hx_str_t *key, const hx_str_t *metadata, hx_terms_t *mem,
    unsigned *n);

/* Terms that a record with this metadata has. */
unsigned hx_terms_count(const hx_store_t *s, const hx_str_t *metadata);

/*
 * At start, before the writer: makes the index anew unless it is complete.
 * When it does not fit, searches go without it.
 */
int hx_terms_open(hx_store_t *s);

/* Tells the owner, once, that a search met a damaged entry: the writer's. */
void hx_terms_watch(hx_store_t *s);

#endif /* HX_TERMS_H */
