/*
 * hx_usage.h -- what tenants have used, kept for good: tenths of a compute unit
 * by UTC calendar month, tenant and operation.  The interface is the store's,
 * not LMDB's.
 *
 * Charges are counted in shared memory; from time to time a flush copies what
 * has been counted since a source began, in absolute values, so a flush that is
 * repeated never counts twice.  A source is one life of a tenant's place in
 * that memory: 8 random bytes of the memory, 4 of the incarnation.  What a
 * tenant has used in a month is the sum over its sources.  Nothing is ever
 * deleted here: the usage of a deleted tenant is still to be billed.
 *
 * No nginx in here.  One handle per process, opened after fork.
 *
 * Threads: total and refresh belong to one thread (an nginx worker's event
 * loop) and never block; put, get and list may run in any thread, block on disk
 * and on the one writer that LMDB admits, and are therefore called in nginx's
 * thread pool only.
 *
 * Files: usage.mdb and usage.mdb-lock in the directory of the registry, whose
 * own files a flush leaves alone (a commit there voids every worker's cache).
 *
 * LMDB layout, version 1, two named databases:
 *    "meta"     "version" -> "1"
 *    "usage"    row: 6 digits YYYYMM, tenant id, 0x00, 12 bytes source
 *               -> u32 CRC-32 of the key and of what follows,
 *                  1..255 x { u8 length, operation, u64 tenths }
 * Numbers are little-endian.  No byte of a tenant id is as small as 0x00, so
 * the order is: by month, then by tenant id, then by source.
 */

#ifndef HX_USAGE_H
#define HX_USAGE_H

#include "hx_limits.h"
#include "hx_month.h"
#include "hx_types.h"

#define HX_USAGE_SOURCE       12        /* bytes */
#define HX_USAGE_OPERATIONS   255       /* of a row, and of a sum */
#define HX_USAGE_NAME_MAX     64        /* bytes of an operation's name */

#define HX_USAGE_ERR          256

typedef struct hx_usage_s  hx_usage_t;

typedef struct {
    const char  *dir;           /* an existing directory, to be read and
                                 * written by this process */
    size_t       map_size;      /* bytes; the file never grows beyond it */
    unsigned     max_readers;   /* processes and threads reading at once */
    unsigned     existing:1;    /* create nothing: it was there before, and an
                                 * empty one in its place would forgive what
                                 * was used */
} hx_usage_conf_t;

typedef struct {
    hx_str_t   operation;       /* 1..HX_USAGE_NAME_MAX bytes */
    uint64_t   tenths;          /* tenths of a compute unit */
} hx_usage_entry_t;

/* What one source has counted; everything is the caller's. */
typedef struct {
    unsigned                  month;        /* hx_month.h */
    hx_str_t                  id;           /* hx_check_tenant() */
    unsigned char             source[HX_USAGE_SOURCE];
    const hx_usage_entry_t   *entries;      /* of different operations */
    size_t                    n;            /* 1..HX_USAGE_OPERATIONS */
} hx_usage_row_t;

/*
 * A sum over sources, 22 KB; each operation once, in no particular order.  The
 * names lie in "text", so a sum must not be copied.
 */
typedef struct {
    uint64_t           tenths;              /* of all entries */
    size_t             n;
    size_t             text_len;
    hx_usage_entry_t   entries[HX_USAGE_OPERATIONS];
    unsigned char      text[HX_USAGE_OPERATIONS * HX_USAGE_NAME_MAX];
} hx_usage_sum_t;

/*
 * Opens, and creates what is missing inside the directory.  HX_OK, or HX_FAIL
 * and a text in err (HX_USAGE_ERR bytes).
 */
hx_rc_t hx_usage_open(hx_usage_t **usage, const hx_usage_conf_t *conf,
    char *err);

/* Waits for threads inside put/get/list.  NULL is fine. */
void hx_usage_close(hx_usage_t *u);

/*
 * Stores all rows in one durable transaction, each in place of what was stored
 * for its month, tenant and source before (of several rows for the same, the
 * last).  HX_OK: they are on disk.  HX_FAIL: nothing was changed, text in err;
 * a full map, a row against the rules above, files that were replaced.  When
 * the process dies meanwhile, all rows are there or none.
 */
hx_rc_t hx_usage_put(hx_usage_t *u, const hx_usage_row_t *rows, size_t n,
    char *err);

/*
 * What a tenant has used in a month, without the source "exclude"
 * (HX_USAGE_SOURCE bytes; the caller that counts knows better what its own has
 * counted since), or with all (NULL).  HX_OK and *sum; HX_NO: nothing is stored
 * (*sum is empty); HX_FAIL: text in err; a damaged row is one and names the
 * tenant, so are more than HX_USAGE_OPERATIONS operations and sums beyond 64
 * bits.
 */
hx_rc_t hx_usage_get(hx_usage_t *u, unsigned month, const hx_str_t *id,
    const unsigned char *exclude, hx_usage_sum_t *sum, char *err);

/*
 * The same, but only the sum, 0 when nothing is stored, as the last transaction
 * that anybody has committed left it; n_exclude sources are left out, one after
 * the other in "exclude".  Never blocks; the time grows with the
 * number of sources the tenant had in that month.  HX_OK or HX_FAIL (as above,
 * *tenths is left alone).
 */
hx_rc_t hx_usage_total(hx_usage_t *u, unsigned month, const hx_str_t *id,
    const unsigned char *exclude, size_t n_exclude, uint64_t *tenths,
    char *err);

/*
 * Adds to a sum what is not stored (yet): HX_OK, or HX_FAIL = too many
 * operations, or too much; then the sum is of no use any more.
 */
hx_rc_t hx_usage_sum_add(hx_usage_sum_t *sum, const hx_str_t *operation,
    uint64_t tenths);

/*
 * Calls each() for tenants with usage in that month and an id above "after"
 * (len 0: from the first), bytewise ascending, until it returns non-zero or
 * there are no more.  Id and sum hold until each() returns.  HX_OK or HX_FAIL
 * (as above: what was not summed up rightly is not handed over, nor what comes
 * after it).
 */
hx_rc_t hx_usage_list(hx_usage_t *u, unsigned month, const hx_str_t *after,
    int (*each)(void *data, const hx_str_t *id, const hx_usage_sum_t *sum),
    void *data, char *err);

/*
 * HX_OK while the files that are open are the ones in the directory; HX_NO
 * when they were removed or replaced.  Any thread.
 */
hx_rc_t hx_usage_probe(hx_usage_t *u);

/*
 * To be called about once a second by the thread of total(): adopts a map that
 * another process has grown, and probes.  HX_OK; HX_NO = close and open again,
 * HX_FAIL = reading does not work; text in err.
 */
hx_rc_t hx_usage_refresh(hx_usage_t *u, char *err);

#endif /* HX_USAGE_H */
