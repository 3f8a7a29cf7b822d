/*
 * hx_lease_table.h -- the leases of a node (hx_lease.h), by tenant, in memory
 * that all its workers share.  No nginx in it.
 *
 * The memory is the caller's and zeroed at first (mmap(), or a page-aligned
 * piece of a zone); nothing in it is worth keeping over a restart of the node:
 * what was leased is lost for a window.  Bounded: 256 bytes a tenant.
 *
 * A tenant has one of the 8 places of its set.  One whose lease is idle may
 * lose its place to another one of the set; when none is, the new one is
 * answered HX_NO and counted, and its requests ask one by one.  A table that is
 * twice as large as the tenants that are busy at a time has hardly any.
 *
 * Sets in which somebody may have a lease are known by a bit each, so that who
 * looks for rests passes the others by.
 *
 * Sets are under 64 robust mutexes, each held for the time of a few stores.
 * Its holder may be killed at any instruction: the next one goes on with what
 * is there (see hx_lease.h).
 */

#ifndef HX_LEASE_TABLE_H
#define HX_LEASE_TABLE_H

#include "hx_lease.h"
#include "hx_limits.h"

#define HX_LEASE_TABLE_LOCKS   64
#define HX_LEASE_TABLE_WAYS    8
#define HX_LEASE_TABLE_MAX     (UINT32_C(1) << 24)
#define HX_LEASE_TABLE_NODE    16       /* hex digits of a node's name */

typedef struct hx_lease_table_s  hx_lease_table_t;

typedef struct {
    uint64_t   tenants;         /* places in all */
    uint64_t   used;
    uint64_t   full;            /* times that there was no place */
    uint64_t   evicted;         /* idle ones that lost theirs */
    uint64_t   recovered;       /* locks taken over from the dead */
} hx_lease_table_info_t;

/* Bytes for so many tenants, 1 .. MAX; rounded up to whole sets. */
size_t hx_lease_table_size(uint32_t tenants);

/*
 * Makes a table of zeroed memory of hx_lease_table_size(tenants) bytes, aligned
 * to 64; once, before anybody else uses it.  random: the node's name for as
 * long as the table lives, which tells its leases from those of others.  NULL =
 * no mutexes are to be had.
 */
hx_lease_table_t *hx_lease_table_init(void *memory, uint32_t tenants,
    const unsigned char random[HX_LEASE_TABLE_NODE / 2]);

/* That name, in hex digits; lives as long as the table. */
hx_str_t hx_lease_table_node(const hx_lease_table_t *t);

/*
 * The tenant's lease, made when there is none, and locked: hx_lease_*() may be
 * called, nothing else, and soon hx_lease_table_leave().  HX_OK; HX_NO = there
 * is no place; HX_FAIL = the lock does not work.
 */
hx_rc_t hx_lease_table_enter(hx_lease_table_t *t, const hx_str_t *tenant,
    uint64_t now, hx_lease_t **lease);
void hx_lease_table_leave(hx_lease_table_t *t, hx_lease_t *lease);

/*
 * For hx_lease_spare(): the next tenant from *cursor (0 at first) on that has
 * something to give back: HX_OK, the rest and whose it is (id: HX_TENANT_MAX
 * bytes).  HX_PENDING = *most sets of 8 places were looked at, which it is
 * counted down by.  After both go on with *cursor.  HX_NO = that was all.
 */
hx_rc_t hx_lease_table_spare(hx_lease_table_t *t, uint32_t *cursor,
    uint32_t *most, uint64_t now, unsigned char *id, size_t *id_len,
    hx_lease_rest_t *rest);

/* 0 = nobody has a lease: there is nothing to look for. */
int hx_lease_table_busy(const hx_lease_table_t *t);

/*
 * One process at a time looks: HX_OK and the *cursor to go on from, when it is
 * the first to come a "period" (ns) after the last one; it hands the cursor
 * back.  HX_NO = another one was.  A process that is killed here holds nobody
 * up.
 */
hx_rc_t hx_lease_table_turn(hx_lease_table_t *t, uint64_t now,
    uint64_t period, uint32_t *cursor);
void hx_lease_table_turned(hx_lease_table_t *t, uint32_t cursor);

void hx_lease_table_info(const hx_lease_table_t *t,
    hx_lease_table_info_t *info);

#endif /* HX_LEASE_TABLE_H */
