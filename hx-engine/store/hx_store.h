/*
 * hx_store.h -- the store interface: versions of values under
 * (namespace, key).
 *
 * Callers (api/) know nothing about what is behind it; today hx_store_lmdb.c
 * and hx_store_writer.c, later possibly a replicated object store.  Therefore:
 *  - writes are asynchronous: submitted, answered once through a callback;
 *  - reads may block where the store says so (hx_store_blocks), are bound to a
 *    view (a moment of the store), and give the value piece by piece by offset;
 *  - the version check is part of the write, never a read before it;
 *  - every answer is one of hx_store_rc_t, and FAIL (could not be found out)
 *    never becomes OK, NO or CONFLICT.
 */

#ifndef HX_STORE_H
#define HX_STORE_H

#include "hx_record.h"
#include "hx_term.h"

typedef enum {
    HX_STORE_OK = 0,
    HX_STORE_NO,            /* definitely absent */
    HX_STORE_CONFLICT,      /* definitely not written: version check */
    HX_STORE_CORRUPT,       /* present, but its checksum or form is wrong */
    HX_STORE_BUSY,          /* queue full, nothing done */
    HX_STORE_FULL,          /* no room in the map or on the disk */
    HX_STORE_FAIL           /* anything else: not known */
} hx_store_rc_t;

typedef struct hx_store_s  hx_store_t;

typedef enum {
    HX_STORE_EV_FAILED,     /* a write, or what belongs to one */
    HX_STORE_EV_HEALED,     /* writing works again */
    HX_STORE_EV_UPGRADE,    /* at start: how far an upgrade has come */
    HX_STORE_EV_FATAL       /* told once: nothing will work in this process */
} hx_store_event_t;

typedef struct {
    const char  *dir;               /* existing directory, 0700 */
    size_t       map_size;          /* bytes */
    unsigned     max_views;         /* open at the same time */
    unsigned     queue_max;         /* writes that may wait */
    uint64_t     keep;              /* versions of a key; 0 = all */
    uint64_t     purge_ms;          /* from a delete to the removal of the
                                     * versions; 0 = never */

    /* For the log; one at a time, from a thread of the store or from within
     * hx_store_open; why: a text for the length of the call.  NULL: nobody
     * wants to know. */
    void       (*event)(void *data, hx_store_event_t ev, const char *why);
    void        *event_data;
} hx_store_conf_t;

typedef enum {
    HX_STORE_PUT,
    HX_STORE_DELETE,
    HX_STORE_BATCH                  /* several puts: all or none */
} hx_store_kind_t;

#define HX_STORE_BATCH_MAX  256     /* items of one batch */

typedef enum {
    HX_STORE_ANY = 0,
    HX_STORE_VERSION,               /* live version == expected; 0 = absent */
    HX_STORE_EXISTS                 /* there is a live version */
} hx_store_check_t;

/*
 * One write.  The caller fills the upper part and keeps everything it points
 * to unchanged until done() was called, once, from a thread of the store.
 *
 * A batch is an op of kind BATCH with 1 .. HX_STORE_BATCH_MAX items, each an op
 * of kind PUT with key, check, expected, record and value; the namespace is the
 * batch's, and so are done() and data.  The keys must differ.  Its items become
 * visible together, in one transaction, or none does; there is one answer, rc
 * of the batch, and after OK a version in each item.  If an item is refused
 * (CONFLICT, CORRUPT), "failed" is its index and "current" is the item's.
 */
typedef struct hx_store_op_s  hx_store_op_t;

struct hx_store_op_s {
    hx_store_kind_t    kind;
    hx_str_t           ns;
    hx_str_t           key;
    hx_store_check_t   check;
    uint64_t           expected;
    hx_record_t        record;      /* PUT: all but version, stored, value_id,
                                     * value */
    hx_str_t           value;       /* PUT: the bytes to store */
    hx_store_op_t     *items;       /* BATCH */
    unsigned           n_items;
    void             (*done)(hx_store_op_t *op);
    void              *data;        /* of the caller */

    /* answer */
    hx_store_rc_t      rc;
    uint64_t           version;     /* OK: written, or deleted */
    uint64_t           current;     /* CONFLICT: live version, 0 = none */
    unsigned           failed;      /* BATCH: the item that was refused */
    const char        *why;         /* FULL, FAIL: static text for logs */

    /* of the store */
    hx_store_op_t     *next;
    uint64_t           bytes;       /* of all values */
    uint64_t           value_id;    /* of staged chunks, 0 = none */
    uint32_t          *chunk_crc;
};

/* One moment of the store; on the caller's stack; not shared by threads. */
typedef struct {
    hx_store_t  *store;
    void        *txn;
} hx_store_view_t;

typedef struct {
    uint64_t  queued;               /* writes waiting now */
    uint64_t  puts;                 /* written */
    uint64_t  deletes;
    uint64_t  commits;              /* synced transactions */
    uint64_t  failures;             /* writes answered FULL or FAIL */
    uint64_t  batch_max;            /* most writes in one transaction */
    uint64_t  purged;               /* versions removed, for any reason */
    uint64_t  doomed;               /* values of such whose bytes are still
                                     * there */
    int       indexed;              /* 0: searches read all records */
} hx_store_stats_t;

/* What a namespace holds. */
typedef struct {
    hx_str_t  name;                 /* lives as long as the view */
    int       known;                /* 0: its counters are damaged */
    uint64_t  keys;                 /* live ones */
    uint64_t  versions;             /* kept, those of deleted keys too */
    uint64_t  bytes;                /* of the values of all kept versions, as
                                     * they are stored */
} hx_store_ns_t;

/* 1 = go on, 0 = stop. */
typedef int (*hx_store_each_pt)(void *data, const hx_str_t *key);
typedef int (*hx_store_key_pt)(void *data, const hx_str_t *key,
    hx_store_rc_t rc);
typedef int (*hx_store_ns_each_pt)(void *data, const hx_store_ns_t *ns);

/* r: the key's latest live version. */
typedef int (*hx_store_found_pt)(void *data, const hx_str_t *key,
    const hx_record_t *r);

/*
 * A search for records by what an index knows of their metadata.  The caller
 * fills the upper part, and calls hx_store_search(), each time with a view as
 * new as it likes, until there is nothing more or it has enough: what is found
 * is right for every key that was there, unchanged, all the time.  Then it
 * calls hx_store_search_end().
 */
typedef struct {
    hx_str_t           ns;
    const hx_ask_t    *ask;         /* all of them hold for what is wanted */
    unsigned           n;           /* 0: all live keys are candidates */
    unsigned           wanted;      /* about so many will be taken */
    unsigned           steps;       /* one call looks at about so many entries,
                                     * so that its view is not held for long */
    hx_store_found_pt  each;
    void              *data;

    unsigned           effort;      /* of the store, as "held"; 0 at first */
    void              *held;        /* what was gathered; NULL at first */
    uint64_t           gathered;    /* 0 at first; entries that were looked at
                                     * in all calls before keys could be given:
                                     * they are not in "steps" */

    /* both ways: keys after this one are looked for; those up to it are done,
     * or it is the key of the record that is CORRUPT */
    size_t             after_len;
    unsigned char      after[HX_KEY_MAX];

    int                done;        /* there are no more */
} hx_store_search_t;


/*
 * Opens or creates; one process per directory.  NULL on failure: err gets one
 * line of text for the operator.
 */
hx_store_t *hx_store_open(const hx_store_conf_t *conf, char *err, size_t cap);

/* Waits for queued writes to be answered.  No view may be open.  NULL: fine */
void hx_store_close(hx_store_t *s);

/* 1 when reads may wait for a network; 0: they only touch mapped memory. */
int hx_store_blocks(const hx_store_t *s);

/* HX_STORE_OK, or FAIL with *why: a read works and writing is not broken. */
hx_store_rc_t hx_store_check(hx_store_t *s, const char **why);

/*
 * OK: queued, done() will be called; BUSY: queue full; FAIL: out of memory,
 * closing, or a batch of no or too many items.  Spends CPU time on checksums in
 * proportion to the values.
 */
hx_store_rc_t hx_store_submit(hx_store_t *s, hx_store_op_t *op);

/* OK or FAIL (too many views, ...).  End it soon: it keeps old pages alive. */
hx_store_rc_t hx_store_view(hx_store_t *s, hx_store_view_t *v);
void hx_store_view_end(hx_store_view_t *v);

/*
 * OK, NO (also for a version that was removed, see "keep" and "purge_ms"),
 * CORRUPT, FAIL.  version 0 = the latest live one.  Strings of *r live as long
 * as the view.
 */
hx_store_rc_t hx_store_get(const hx_store_view_t *v, const hx_str_t *ns,
    const hx_str_t *key, uint64_t version, hx_record_t *r);

/* Reads the whole value and compares checksums: OK, CORRUPT, FAIL. */
hx_store_rc_t hx_store_verify(const hx_store_view_t *v, const hx_record_t *r);

/*
 * The stored bytes from "off" on, as many as lie together (>= 1).  For values
 * with value_id != 0 and off < stored, which is the record's; a value never
 * changes, so the pieces of one may be read through different views.  OK,
 * CORRUPT, NO (its version was removed since the record was read), FAIL.
 */
hx_store_rc_t hx_store_piece(const hx_store_view_t *v, uint64_t value_id,
    uint64_t stored, uint64_t off, hx_str_t *piece);

/*
 * The whole stored value in one piece: where it lies (while the view is open),
 * or copied to mem, which has room for r->stored bytes, when it is in several
 * chunks.  A piece may begin at any address.  Checksums are compared when
 * "check" is not 0.  OK, CORRUPT, FAIL.
 */
hx_store_rc_t hx_store_value(const hx_store_view_t *v, const hx_record_t *r,
    int check, void *mem, hx_str_t *value);

/* Live keys beginning with prefix, after "after" (empty = from the start),
 * bytewise ascending.  OK (also for none), CORRUPT: an entry is damaged, so
 * that the list would not be complete, FAIL. */
hx_store_rc_t hx_store_list(const hx_store_view_t *v, const hx_str_t *ns,
    const hx_str_t *prefix, const hx_str_t *after, hx_store_each_pt each,
    void *data);

/*
 * The same for all keys, and for who can do with less: an entry that is damaged
 * is given with CORRUPT (its key is empty, or may be wrong), the others with
 * OK.  Stops when each() wants no more.
 */
hx_store_rc_t hx_store_keys(const hx_store_view_t *v, const hx_str_t *ns,
    const hx_str_t *after, hx_store_key_pt each, void *data);

/*
 * Namespaces behind "after" (empty = from the start), bytewise ascending, until
 * there are no more or each() wants none.  A namespace stays when its last key
 * is gone.  The numbers are those of the view's moment.  OK, CORRUPT, FAIL.
 */
hx_store_rc_t hx_store_namespaces(const hx_store_view_t *v,
    const hx_str_t *after, hx_store_ns_each_pt each, void *data);

/*
 * Calls each() for candidates behind "after", bytewise ascending, until it says
 * stop: every live key for which all of "ask" hold, and perhaps others (a store
 * without an index may give all there are).  OK; CORRUPT: a record, or with
 * after_len = 0 an entry of the list; FAIL.
 */
hx_store_rc_t hx_store_search(const hx_store_view_t *v,
    hx_store_search_t *search);

/* Frees what the search holds; needs no view, may be called more than once. */
void hx_store_search_end(hx_store_search_t *search);

void hx_store_stats(hx_store_t *s, hx_store_stats_t *st);

#endif /* HX_STORE_H */
