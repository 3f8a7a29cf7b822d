/*
 * hx_index.h -- what similarity queries look at in memory, made of the store.
 *
 * For each namespace and number of elements there are columns: a row for the
 * latest live version of each key whose value can be compared (numbers, all of
 * them finite).  A row holds the norm and, memory permitting, the vector as
 * bytes (num/hx_scan.h), or the cores of its train, and a signature.  The
 * values themselves stay in the store, where the few rows that may be among the
 * best are read and compared exactly.
 *
 * Writers (the store's writer thread, and the thread that builds the columns at
 * start) append rows and mark old ones dead; rows never change.  Each change
 * has a number, each row the numbers of the change that brought it and of the
 * one that ended it, and a query looks at one number: it sees every key as of
 * one moment, without a lock, while writing goes on.  Locks: "writing" is held
 * for a change; "snap" by both sides, for a few words.  Memory that a query may
 * still read is counted by references.
 *
 * Memory of the copies is bounded by hx_index_conf_t.bytes; entries beyond it
 * have only a norm and are compared by reading the store.  About 100 bytes and
 * the key are kept for every entry, bound or not.
 */

#ifndef HX_INDEX_H
#define HX_INDEX_H

#include "hx_store.h"

typedef struct hx_index_s       hx_index_t;
typedef struct hx_index_item_s  hx_index_item_t;

typedef enum {
    HX_INDEX_BUILDING = 0,          /* queries have to wait */
    HX_INDEX_READY,
    HX_INDEX_FAILED                 /* out of memory, or the store cannot be
                                     * read: no query is answered any more */
} hx_index_state_t;

typedef struct {
    hx_index_state_t  state;
    uint64_t          done;         /* keys looked at since start */
    uint64_t          total;        /* of how many, about */
    uint64_t          corrupt;      /* records that could not be read then */
} hx_index_progress_t;

typedef struct {
    hx_store_t  *store;
    uint64_t     bytes;             /* of copies */

    /* Progress of building: about once a second, at the end, and when a record
     * is damaged (why is then a static text, else NULL).  From the building
     * thread, one at a time. */
    void       (*event)(void *data, const hx_index_progress_t *p,
                        const char *why);
    void        *event_data;
} hx_index_conf_t;

typedef struct {
    hx_index_progress_t  progress;
    uint64_t             rows;      /* live ones */
    uint64_t             trains;    /* of these, with cores in memory */
    uint64_t             bare;      /* of these, without a copy: too many bytes,
                                     * or values near the ends of float64 */
    uint64_t             bytes;     /* of copies */
    uint64_t             max_bytes;
    uint64_t             queries;   /* topk and vector */
    uint64_t             scanned;   /* rows they looked at in memory */
    uint64_t             pruned;    /* of these, passed over by signature */
    uint64_t             compared;  /* rows compared exactly */
} hx_index_stats_t;

/*
 * What bounds the copies of writes that are under way, besides the index's own
 * bytes.  take() says 1, or 0: there is no room; give() returns what a copy did
 * not need after all.  What an item was given for is the caller's to return
 * once the item is gone.
 */
typedef struct {
    int        (*take)(void *data, uint64_t bytes);
    void       (*give)(void *data, uint64_t bytes);
    void        *data;
} hx_index_room_t;

/* One change: of a key to a version, or (item NULL) its end. */
typedef struct {
    hx_str_t          key;
    uint64_t          version;      /* written, or deleted */
    hx_index_item_t  *item;
} hx_index_change_t;


/* NULL: out of memory.  Nothing is in it, and it is BUILDING. */
hx_index_t *hx_index_create(const hx_index_conf_t *conf);

/*
 * Reads the store in a thread of its own; with an empty store it is READY at
 * once.  0, or -1: no thread.  Changes may come before and meanwhile.
 */
int hx_index_start(hx_index_t *ix);

/* Ends the thread, finished or not: before the store is closed. */
void hx_index_stop(hx_index_t *ix);

/* The rest, when there are no more queries and changes. */
void hx_index_free(hx_index_t *ix);                     /* NULL is fine */

hx_index_state_t hx_index_state(hx_index_t *ix);
void hx_index_stats(hx_index_t *ix, hx_index_stats_t *st);

/*
 * What a write will put into the columns, in any thread, before it is
 * submitted: r with the array, codec and so on, and the bytes that will be
 * stored.  Opaque and not comparable values have an item as well, because they
 * end what was there before.  NULL: out of memory.
 *
 * A copy is made only after there is room for it, beside those of all items
 * that are not applied yet: in the index's bytes, and in "room" (NULL: that
 * has no say).  Without room the value is compared by reading the store.
 */
hx_index_item_t *hx_index_prepare(hx_index_t *ix, const hx_record_t *r,
    const hx_str_t *stored, const hx_index_room_t *room);

/* Bytes an item takes beside its copy. */
size_t hx_index_item_size(void);

/* For a write that came to nothing.  NULL is fine. */
void hx_index_drop(hx_index_item_t *item);

/*
 * Changes that were committed, in the order of commits, before their clients
 * are answered.  The n changes become visible together; items are taken over.
 */
void hx_index_apply(hx_index_t *ix, const hx_str_t *ns,
    const hx_index_change_t *change, unsigned n);

#endif /* HX_INDEX_H */
