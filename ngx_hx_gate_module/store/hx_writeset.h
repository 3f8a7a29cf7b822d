/*
 * hx_writeset.h -- what one change writes, as bytes: made where the change is
 * computed, kept in the log of Redis, applied to every replica.  Pure but for
 * malloc().
 *
 * Version 1, numbers little-endian:
 *    u8 version (1)
 *    each write: u8 db, u8 op, u16 key length, key;
 *                for a put also u32 value length, value
 *    u32 CRC-32 of all before
 *
 * Not more than HX_WRITESET_MAX bytes.  One without a write has no bytes at
 * all: there is nothing to commit.
 */

#ifndef HX_WRITESET_H
#define HX_WRITESET_H

#include "hx_types.h"

#define HX_WRITESET_VERSION   1
#define HX_WRITESET_MAX       4194304   /* bytes */
#define HX_WRITESET_KEY       511       /* bytes, LMDB's own limit */

/* These numbers are stored and sent: they stay as they are. */
enum {
    HX_WRITESET_META = 0,
    HX_WRITESET_KEYS = 1,
    HX_WRITESET_TENANTS = 2,
    HX_WRITESET_BILLING = 3,
    HX_WRITESET_DBS = 4
};

enum {
    HX_WRITESET_PUT = 1,
    HX_WRITESET_DELETE = 2
};

/* One that is being made; zeroed memory is an empty one. */
typedef struct {
    unsigned char   *data;
    size_t           len;               /* 0: no write; with the checksum once
                                         * it is finished */
    size_t           cap;
    unsigned         n;                 /* writes */
    unsigned         failed:1;          /* too large, or no memory */
    unsigned         finished:1;
} hx_writeset_t;

typedef struct {
    unsigned    db;
    unsigned    op;
    hx_str_t    key;
    hx_str_t    value;                  /* of a put; else empty */
} hx_write_t;

/* Where a reader stands. */
typedef struct {
    const unsigned char  *p;
    const unsigned char  *end;
} hx_writeset_reader_t;

/* Empty again; memory is kept. */
void hx_writeset_reset(hx_writeset_t *ws);
void hx_writeset_free(hx_writeset_t *ws);

/* What does not fit is remembered until hx_writeset_finish(). */
void hx_writeset_put(hx_writeset_t *ws, unsigned db, const hx_str_t *key,
    const hx_str_t *value);
void hx_writeset_delete(hx_writeset_t *ws, unsigned db, const hx_str_t *key);

/* Would one more write of these lengths fit? */
int hx_writeset_fits(const hx_writeset_t *ws, size_t key, size_t value);

/* HX_OK: data and len are whole (len 0: no write).  HX_FAIL. */
hx_rc_t hx_writeset_finish(hx_writeset_t *ws);

/*
 * Begins to read.  HX_OK: version, checksum and every write are what they have
 * to be, so that all of it can be applied; HX_NO: they are not.
 */
hx_rc_t hx_writeset_open(hx_writeset_reader_t *r, const hx_str_t *bytes);

/* 1 and the next write, which points into the bytes; 0 at the end. */
int hx_writeset_next(hx_writeset_reader_t *r, hx_write_t *w);

#endif /* HX_WRITESET_H */
