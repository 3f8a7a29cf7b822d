/*
 * hx_store_impl.h -- what the files of the LMDB store share.  Nobody else
 * includes it.
 *
 * Lock order: none is ever held while another is taken.
 */

#ifndef HX_STORE_IMPL_H
#define HX_STORE_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "hx_count.h"
#include "hx_lmdb.h"
#include "hx_store.h"

typedef enum {
    HX_DB_META = 0,         /* "format", "upgrade", "value_id", "clock" */
    HX_DB_NS,               /* name -> be32 id */
    HX_DB_HEADS,            /* id key -> head of a live key */
    HX_DB_TOMBS,            /* id key -> tomb of a deleted key */
    HX_DB_RECORDS,          /* id key 0 version -> record */
    HX_DB_CHUNKS,           /* value id, index -> chunk */
    HX_DB_STAGING,          /* value id -> "": chunks without a record yet */
    HX_DB_COUNTS,           /* id -> counters of a namespace */
    HX_DB_DOOMED,           /* value id -> "": chunks whose record is gone */
    HX_DB_DUE,              /* clock, id key -> head: versions to remove */
    HX_DB_TERMS,            /* id term key -> checksum: hx_terms.h */
    HX_DB_COUNT
} hx_db_t;

typedef struct hx_terms_work_s  hx_terms_work_t;

/* What a transaction changes in the counters; those of the entries are
 * differences. */
typedef struct {
    uint32_t    ns;
    hx_count_t  count;
} hx_tally_entry_t;

typedef struct {
    unsigned          n;
    hx_tally_entry_t  entry[64];
} hx_tally_t;

/*
 * Versions that go: the writer's.  "clock" counts the milliseconds for which
 * the store has been open in its life; it is saved now and then, and so never
 * ahead of what it claims.
 */
typedef struct {
    uint64_t  keep;                     /* of the configuration */
    uint64_t  purge_ms;
    uint64_t  clock_base;               /* clock when "boot_base" was */
    uint64_t  boot_base;                /* ms of CLOCK_BOOTTIME */
    uint64_t  clock_saved;
    uint64_t  slice_ms;                 /* when the last slice was done */
    uint64_t  readers_ms;               /* when dead readers were looked for */
    uint64_t  first_due;                /* clock of the first delete, 0: none */
    uint64_t  pending;                  /* chunks and entries put off */
    unsigned  freed;                    /* chunks removed in the transaction */
    unsigned  dropped;                  /* versions, likewise */
    int       fresh;                    /* the last commit removed some */
    int       ready;                    /* something may be removed now */
    int       stuck;                    /* a slice failed; later again */
    int       ending;                   /* the store is being closed */
} hx_life_t;
/* The writer's, but for "want". */
typedef struct {
    unsigned  want;                     /* writes queued that wake it; guarded
                                         * by the queue's lock */
    unsigned  answered;                 /* writes of the last transaction */
    uint64_t  took_ns;                  /* and how long that took */
    unsigned  missed;
    unsigned  skip;                     /* transactions without waiting */
} hx_gather_t;

struct hx_store_s {
    MDB_env           *env;
    MDB_dbi            dbi[HX_DB_COUNT];
    size_t             page;            /* bytes */
    uint64_t           pages;           /* of the map, the extra ones too */
    int                lock_fd;

    int                live;            /* peek: an engine has it open */
    int                alone;           /* peek: one thread, the map may grow */

    pthread_mutex_t    view_lock;       /* guards the three below */
    MDB_txn          **view;            /* reset read transactions */
    unsigned           n_views;
    unsigned           open_views;
    unsigned           max_views;

    pthread_mutex_t    queue_lock;      /* guards the five below */
    pthread_cond_t     queue_more;
    hx_store_op_t     *head;
    hx_store_op_t    **tail;
    unsigned           queued;
    int                stop;

    unsigned           queue_max;
    hx_gather_t        gather;
    pthread_t          writer;
    int                writer_started;
    unsigned char     *scratch;         /* HX_RECORD_MAX bytes, the writer's */
    hx_tally_t        *tally;           /* of its transaction */
    hx_terms_work_t   *terms;           /* the writer's */
    int                terms_told;      /* the writer's */
    atomic_int         terms_ready;     /* no entry is missing */
    int                staged;          /* a sweep did not end: the writer's */
    int                fatal;           /* LMDB is of no use: the writer's */
    hx_life_t          life;

    void             (*event)(void *data, hx_store_event_t ev,
                              const char *why);
    void              *event_data;

    _Atomic(const char *)  broken;      /* why the last one failed */
    atomic_uint_least64_t  puts;
    atomic_uint_least64_t  deletes;
    atomic_uint_least64_t  commits;
    atomic_uint_least64_t  failures;
    atomic_uint_least64_t  batch_max;
    atomic_uint_least64_t  purged;
};

#define HX_STORE_FORMAT   "2"
#define HX_STORE_GUESTS   8             /* readers of other processes */
#define HX_CHUNK_KEY_LEN  12
#define HX_DUE_KEY_MAX    (8 + 4 + HX_KEY_MAX)

/* hx_store_lmdb.c */

/* A store without anything open; NULL: out of memory.  Ends by
 * hx_store_close(). */
hx_store_t *hx_store_create(unsigned max_views, unsigned queue_max);

/* The name of a table. */
const char *hx_store_table(hx_db_t db);

/* hx_store_read.c */

/* MDB_NOTFOUND is NO, what is ill-formed CORRUPT, trouble FAIL. */
hx_store_rc_t hx_store_read_rc(int rc);

/* 0 and *id, MDB_NOTFOUND, or an LMDB code (MDB_CORRUPTED: ill-formed). */
int hx_store_ns_id(const hx_store_t *s, MDB_txn *txn, const hx_str_t *ns,
    uint32_t *id);

/* A head, a tomb: 0, MDB_NOTFOUND, MDB_CORRUPTED, other. */
int hx_store_head(const hx_store_t *s, MDB_txn *txn, const MDB_val *dbkey,
    uint64_t *version);
int hx_store_tomb(const hx_store_t *s, MDB_txn *txn, const MDB_val *dbkey,
    uint64_t *version, uint64_t *clock);

/* hx_store_get, in a namespace whose number is known. */
hx_store_rc_t hx_store_get_in(const hx_store_view_t *v, uint32_t ns,
    const hx_str_t *key, uint64_t version, hx_record_t *r);

/* One entry of the heads: 0, or MDB_CORRUPTED. */
int hx_store_head_entry(const MDB_val *k, const MDB_val *v, uint32_t *ns,
    hx_str_t *key, uint64_t *version);

void hx_store_chunk_key(unsigned char out[HX_CHUNK_KEY_LEN], uint64_t id,
    uint32_t index);

/* hx_store_apply.c */

/* Chunks of a value of len bytes. */
uint32_t hx_chunk_count(uint64_t len);

/* A head or a tomb: 0 or an LMDB code. */
int hx_head_put(const hx_store_t *s, MDB_txn *txn, const MDB_val *dbkey,
    uint64_t version);
int hx_tomb_put(const hx_store_t *s, MDB_txn *txn, const MDB_val *dbkey,
    uint64_t version, uint64_t clock);

/* A new value id. */
int hx_value_id(const hx_store_t *s, MDB_txn *txn, uint64_t *id);

/* Chunks first .. first + n - 1 of one item's value, as far as there are. */
int hx_chunks_put(const hx_store_t *s, MDB_txn *txn, const hx_store_op_t *item,
    uint64_t id, uint32_t first, uint32_t n);

/* The single writes of an op: itself, or the items of a batch. */
unsigned hx_op_items(const hx_store_op_t *op);
hx_store_op_t *hx_op_item(hx_store_op_t *op, unsigned i);

/*
 * What would become of the write, judging by the versions that are there: 0
 * and op->rc (OK, or why it is refused), or an LMDB code.
 */
int hx_op_judge(const hx_store_t *s, MDB_txn *txn, hx_store_op_t *op);

/*
 * The write inside a transaction.  0 = op->rc is its answer if the commit
 * succeeds, and if it is not OK nothing was changed; else the transaction is
 * lost.
 */
int hx_op_apply(hx_store_t *s, MDB_txn *txn, hx_store_op_t *op);

/* hx_store_health.c */

/* No room, in the map, on the disk, or by a limit: not a broken store. */
int hx_rc_is_full(int rc);

/* Calls the owner's function, if there is one. */
void hx_store_tell(hx_store_t *s, hx_store_event_t ev, const char *why);

/*
 * mdb_txn_begin and mdb_txn_commit; a failure is remembered and told.  rc: what
 * the work in between came to; it is dropped, and that is returned, if not 0.
 */
int hx_store_begin(hx_store_t *s, MDB_txn **txn);
int hx_store_end(hx_store_t *s, MDB_txn *txn, int rc);

/* A commit of its own that changes nothing to speak of: 0 or an LMDB code. */
int hx_store_touch(hx_store_t *s);

/* 1: hx_store_repair may have something to do.  The writer's, both. */
int hx_store_troubled(const hx_store_t *s);
void hx_store_repair(hx_store_t *s);

/* hx_store_retire.c */

/*
 * Removes versions of a key up to "upto", oldest first, at most *n, which is
 * lowered by those removed; damaged records stay.  dbkey: of heads.
 * MDB_NOTFOUND: there are no more, 0: there are, but *n is used up, other.
 */
int hx_versions_remove(hx_store_t *s, MDB_txn *txn, const MDB_val *dbkey,
    uint64_t upto, unsigned *n);

/* After a put of "version": removes what is beyond those that are kept. */
int hx_retire(hx_store_t *s, MDB_txn *txn, const MDB_val *dbkey,
    uint64_t version);

/* The entry that has versions of a key removed: at once (clock 0: those up to
 * "upto"), or some time after a delete. */
int hx_due_put(hx_store_t *s, MDB_txn *txn, uint64_t clock,
    const MDB_val *dbkey, uint64_t upto);
int hx_due_del(const hx_store_t *s, MDB_txn *txn, uint64_t clock,
    const MDB_val *dbkey);

/* hx_store_purge.c */

/* Milliseconds of CLOCK_BOOTTIME; the store's clock, above 0. */
uint64_t hx_boot_ms(void);
uint64_t hx_clock_now(const hx_store_t *s);

/* Puts the clock into a transaction that is committed anyway, if it is time. */
int hx_clock_save(hx_store_t *s, MDB_txn *txn);

/* The first entry of a table. */
int hx_first(const hx_store_t *s, MDB_txn *txn, hx_db_t db, MDB_val *k,
    MDB_val *v);

/* At start, and at the end.  0 or an LMDB code. */
int hx_life_start(hx_store_t *s);
void hx_life_end(hx_store_t *s);

/* Between writes: a slice of what is to be removed, if it is time. */
void hx_life_run(hx_store_t *s, int idle);

/* 1: something was removed, so that there may be more room. */
int hx_life_reclaim(hx_store_t *s);

/* Milliseconds until there may be something to do; UINT64_MAX: never. */
uint64_t hx_life_wait(const hx_store_t *s);

/* hx_store_upgrade.c */

/* At start: what an older format lacks.  0 or an LMDB code. */
int hx_upgrade_run(hx_store_t *s);

/* hx_store_tally.c */

/* The unit of a namespace: 0, MDB_NOTFOUND, MDB_CORRUPTED, other. */
int hx_count_get(const hx_store_t *s, MDB_txn *txn, uint32_t ns,
    hx_count_t *c);
int hx_count_put(const hx_store_t *s, MDB_txn *txn, uint32_t ns,
    const hx_count_t *c);

/* keys, versions: 1, 0 or -1; bytes: of that version.  0 or an LMDB code. */
int hx_tally_add(const hx_store_t *s, MDB_txn *txn, uint32_t ns, int keys,
    int versions, uint64_t bytes);

/* hx_store_begin and hx_store_end see to these. */
void hx_tally_clear(hx_tally_t *t);
int hx_tally_flush(const hx_store_t *s, MDB_txn *txn);

/* hx_store_room.c */

#define HX_ROOM_EXTRA     1152u         /* pages beyond the configured map */

/* Pages that n chunks of a value need at most. */
uint64_t hx_room_chunks(const hx_store_t *s, uint64_t n);

/* Pages that changing n terms needs at most. */
uint64_t hx_room_terms(uint64_t n);

/*
 * 0: the next transaction may use "need" pages, MDB_MAP_FULL: it may not,
 * other: not known.  adds: it stores something.  No write transaction may be
 * open.
 */
int hx_room_check(hx_store_t *s, uint64_t need, int adds);

/* The same, but removes what is to be removed anyway if that helps. */
int hx_room_make(hx_store_t *s, uint64_t need, int adds);

/* The same for a list of writes; staged: without their chunks. */
int hx_room_writes(hx_store_t *s, hx_store_op_t *list, int staged);

/*
 * Pages in the free list that the next transaction may reuse, counted until
 * there are "enough": those that were freed before the last one.  0 or an LMDB
 * code.
 */
int hx_room_freed(MDB_txn *txn, uint64_t enough, uint64_t *pages);

/* A map larger by HX_ROOM_GROW pages; only while there is no transaction. */
#define HX_ROOM_GROW      256u
int hx_room_grow(const hx_store_t *s);

/*
 * At start, while nobody reads: a map that is fuller than writes may make it
 * (an upgrade may) becomes large enough for deletes.  0 or an LMDB code.
 */
int hx_room_reserve(hx_store_t *s);

/* hx_store_stage.c */

/*
 * Removes what was staged and never finished: 0 or an LMDB code, with which
 * some of it is left; s->staged says so.
 */
int hx_staging_sweep(hx_store_t *s);

/*
 * Removes chunks of one value, at most *n, which is lowered by those removed.
 * They may begin at any index, after a removal that was cut short.
 * MDB_NOTFOUND: there are no more, 0: there are, but *n is used up, other.
 */
int hx_chunks_drop(const hx_store_t *s, MDB_txn *txn, uint64_t id,
    unsigned *n);

/* Writes and answers one large put. */
void hx_stage_run(hx_store_t *s, hx_store_op_t *op);

/* hx_store_gather.c; the writer's, all three */

/* Waits a moment for more writes, if that is worth it. */
void hx_gather(hx_store_t *s);

/* Before and after the writes of "list". */
void hx_gather_begin(hx_store_t *s, const hx_store_op_t *list);
void hx_gather_end(hx_store_t *s);

/* hx_store_writer.c */

#define HX_BATCH_OPS     512            /* writes in one transaction */
#define HX_BATCH_BYTES   (8u << 20)     /* values in one transaction */
#define hx_op_large(op)  ((op)->bytes > HX_BATCH_BYTES)

/* The code of a failed transaction becomes the op's answer. */
void hx_op_fail(hx_store_op_t *op, int rc);

/* Counts and calls done(); the op is the caller's again afterwards. */
void hx_op_answer(hx_store_t *s, hx_store_op_t *op);

/* Writes for one transaction; a large one comes alone, if "large" allows. */
hx_store_op_t *hx_queue_take(hx_store_t *s, int large);

/* Commits and answers a list of writes that are not large. */
void hx_batch_run(hx_store_t *s, hx_store_op_t *list);

/* 0 or an errno/LMDB code. */
int hx_store_writer_start(hx_store_t *s);
void hx_store_writer_stop(hx_store_t *s);

#endif /* HX_STORE_IMPL_H */
