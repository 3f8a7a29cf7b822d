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
 * Threads: total, unsent_count and refresh belong to one thread (an nginx
 * worker's event loop) and never block; put, get, list and those of a fleet may
 * run in any thread, block on disk and on the one writer that LMDB admits, and
 * are therefore called in nginx's thread pool only.
 *
 * A fleet: nodes exchange their rows through Redis (hx_fleet_usage.h), and each
 * has all of them here, so that sums over sources are sums over the fleet.
 * Rows only grow; of two for the same month, tenant and source the one with the
 * larger total is the later one, and everything may be said and heard any
 * number of times.  What is still to be said stands in the file itself, written
 * by the transaction that stored the row; where this node stands in what it
 * hears, by the one that stored what was heard.
 *
 * Files: usage.mdb and usage.mdb-lock in the directory of the registry, whose
 * own files a flush leaves alone (a commit there voids every worker's cache).
 *
 * LMDB layout, version 1, three named databases:
 *    "meta"     "version" -> "1"
 *               "fleet" -> u32 CRC-32 of what follows,
 *                  2 x { u64 number, 16 characters token }: the cursor, and the
 *                  newest push that Redis has acknowledged behind it (or zero)
 *    "usage"    row: 6 digits YYYYMM, tenant id, 0x00, 12 bytes source
 *               -> u32 CRC-32 of the key and of what follows,
 *                  1..255 x { u8 length, operation, u64 tenths }
 *    "unsent"   key of a row that Redis may not have as it is here -> nothing;
 *               it came later than the others: a file that has none gets it
 * Numbers are little-endian.  No byte of a tenant id is as small as 0x00, so
 * the order is: by month, then by tenant id, then by source.
 */

#ifndef HX_USAGE_H
#define HX_USAGE_H

#include "hx_epoch.h"
#include "hx_limits.h"
#include "hx_month.h"
#include "hx_types.h"

#define HX_USAGE_SOURCE       12        /* bytes */
#define HX_USAGE_OPERATIONS   255       /* of a row, and of a sum */
#define HX_USAGE_NAME_MAX     64        /* bytes of an operation's name */
#define HX_USAGE_KEY          (6 + HX_TENANT_MAX + 1 + HX_USAGE_SOURCE)

/* Of one row that can be sent: Redis' scripts count no further. */
#define HX_USAGE_SEND_MAX     HX_EPOCH_LAST

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
    unsigned     fleet:1;       /* rows that are put are noted as unsent */
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

/* Waits for threads inside a call.  NULL is fine. */
void hx_usage_close(hx_usage_t *u);

/*
 * Stores all rows in one durable transaction, each in place of what was stored
 * for its month, tenant and source before (of several rows for the same, the
 * last).  HX_OK: they are on disk.  HX_FAIL: nothing was changed, text in err;
 * a full map, a row against the rules above, files that were replaced.  When
 * the process dies meanwhile, all rows are there or none.  Without "fleet" it
 * takes the cursor away, if there was one: these rows were not noted.
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


/*
 * A node of a fleet, in this order, one process and one thread at a time:
 *
 *    hx_usage_cursor(): HX_NO, or Redis says "another history" to a push or a
 *       pull -> hx_usage_resend() page by page to the end, then
 *       hx_usage_cursor_set() to zero.  Who is killed in between does it again.
 *    hx_usage_unsent() -> push, with "pushed" -> hx_usage_sent()
 *    pull, with cursor and "pushed" -> hx_usage_merge()
 *
 * Each call is one transaction.  FAIL: nothing was changed, text in err.
 */

/* A row as it is stored, and as it goes through Redis. */
typedef struct {
    hx_str_t   key;
    hx_str_t   value;           /* its checksum included */
    uint64_t   tenths;          /* its total */
} hx_usage_raw_t;

/* Whose it is: HX_OK, and *id points into the key; HX_FAIL: it is no key. */
hx_rc_t hx_usage_raw_id(const hx_usage_raw_t *row, hx_str_t *id);

typedef struct {
    size_t           n;
    size_t           bytes;     /* of their keys and values */
    size_t           damaged;   /* so many were skipped, and stay noted */
    unsigned         more:1;    /* there are more behind these */
    hx_usage_raw_t   row[];
} hx_usage_pack_t;

/*
 * The first unsent rows, max_rows and max_bytes (keys and values) at most, but
 * one at least.  HX_OK: *pack, of the caller, to be freed; where damaged is not
 * 0 err names the first of them.  HX_NO: none is unsent.  HX_FAIL: also when
 * none is left but damaged ones (or such as are beyond HX_USAGE_SEND_MAX).
 */
hx_rc_t hx_usage_unsent(hx_usage_t *u, size_t max_rows, size_t max_bytes,
    hx_usage_pack_t **pack, char *err);

/* NULL is fine. */
void hx_usage_pack_free(hx_usage_pack_t *pack);

/*
 * Redis has them: those that are still stored as they were are not unsent any
 * more.  pushed: what Redis answered to the push; kept until the cursor is
 * there, because until then only it can tell that Redis has lost them.  HX_OK =
 * that is on disk; HX_NO: there is no cursor (any more), nothing was changed.
 */
hx_rc_t hx_usage_sent(hx_usage_t *u, const hx_usage_pack_t *pack,
    const hx_epoch_t *pushed, char *err);

/*
 * HX_OK: where this node stands, and the newest push behind it (zero: none).
 * HX_NO, both zero: nowhere yet; rows from before, or from a time without
 * "fleet", were never noted.  A damaged record is a place that no Redis knows.
 */
hx_rc_t hx_usage_cursor(hx_usage_t *u, hx_epoch_t *cursor, hx_epoch_t *pushed,
    char *err);

/* Sets the cursor, with no push behind it. */
hx_rc_t hx_usage_cursor_set(hx_usage_t *u, const hx_epoch_t *cursor, char *err);

/* How many rows of a merge were what. */
typedef struct {
    size_t   stored;            /* new, or larger than what was stored, or
                                 * that was damaged */
    size_t   same;
    size_t   smaller;           /* what is stored is noted as unsent */
    size_t   damaged;           /* no row of ours: left out */
} hx_usage_merged_t;

/*
 * Rows that other nodes (or this one, earlier) have put, as Redis has them
 * (tenths is not looked at); changed: a flag for each, 1 = it was stored (NULL:
 * not wanted).  In the same transaction the cursor is set, and the push behind
 * it forgotten when it is reached.  HX_NO: there is no cursor (any more), the
 * answer is of no use; nothing was changed.
 */
hx_rc_t hx_usage_merge(hx_usage_t *u, const hx_usage_raw_t *rows, size_t n,
    const hx_epoch_t *cursor, unsigned char *changed, hx_usage_merged_t *merged,
    char *err);

/* The last row that was noted; len 0: none yet. */
typedef struct {
    size_t          len;
    unsigned char   key[HX_USAGE_KEY];
} hx_usage_position_t;

/*
 * Notes rows of this month (0: of all) and later ones as unsent, whosever they
 * are, max_rows behind the position, which moves on; *more = 0: those were the
 * last.
 */
hx_rc_t hx_usage_resend(hx_usage_t *u, unsigned from_month,
    hx_usage_position_t *position, size_t max_rows, int *more, char *err);

/* How many rows are unsent; by the thread of total(), never blocks. */
hx_rc_t hx_usage_unsent_count(hx_usage_t *u, size_t *n, char *err);

#endif /* HX_USAGE_H */
