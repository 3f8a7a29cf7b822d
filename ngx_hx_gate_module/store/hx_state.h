/*
 * hx_state.h -- the memory that all workers share: for each tenant its sliding
 * window and what it has used, and the audit records that are not in their file
 * yet.  No nginx in it.
 *
 * The memory is a file that every process maps (tmpfs: it is never on a disk),
 * so it outlives any process, and all of them: who is killed at any instruction
 * (kill -9, not a power cut) leaves a state that the next one makes whole.
 *  - Each tenant belongs to one of HX_STATE_STRIPES locks.  They are robust
 *    mutexes: whoever takes one over from the dead first takes back what the
 *    dead had begun.
 *  - A change is one store that makes it count, after everything it needs is
 *    written; until then an image of what was is kept beside the lock.
 *  - A charge and the audit record that bears it are made to count by the same
 *    store (hx_state_charge()): there is never one without the other.
 *
 * Lock order: a stripe, then the allocator.  Nobody waits for a second stripe:
 * it is tried, when another tenant's place is to be taken.
 *
 * Memory of a tenant, in blocks of 224 bytes: one, three more from when more
 * than 16 requests (or groups of them, hx_window.h) count in its window until a
 * window has passed without any, and one more for every 27 pairs of month and
 * operation beyond the first 5; beside the blocks 4 bytes of index and a bit.
 * A tenant whose window is empty and whose usage is stored elsewhere may lose
 * its place to another one: what it used is found there again.  Nobody else
 * ever does.
 *
 * Results: HX_OK; HX_NO as said; HX_FAIL = the memory is full, or a lock does
 * not work: trouble, never a refusal.
 */

#ifndef HX_STATE_H
#define HX_STATE_H

#include "hx_limits.h"
#include "hx_types.h"
#include "hx_window.h"

#define HX_STATE_SIZE_MIN    262144         /* bytes */
#define HX_STATE_SIZE_MAX    (UINT64_C(1) << 38)
#define HX_STATE_BOX_MAX     (UINT64_C(1) << 30)    /* of records in one */
#define HX_STATE_STRIPES     128
#define HX_STATE_OPERATIONS  255            /* names of operations */
#define HX_STATE_NAME        32             /* bytes of one */
#define HX_STATE_ERR         256
#define HX_STATE_SOURCE      12             /* bytes, see hx_state_used_t */
#define HX_STATE_BOXES_MAX   1024

typedef struct hx_state_s  hx_state_t;
typedef struct hx_box_s  hx_box_t;          /* hx_box.h */

typedef struct {
    const char  *path;          /* NULL: memory that ends with its processes */
    size_t       size;          /* bytes, for everything but the boxes */
    unsigned     n_boxes;
    size_t       box_size;      /* bytes of records in one */
} hx_state_conf_t;

/*
 * Maps the file, and makes or repairs it when no other process has it open;
 * then records that dead processes have left in it are written to their files.
 * It is refused when it is not ours alone, is damaged, was laid out otherwise
 * and is in use or holds what is not stored yet.  One of another size is moved
 * into a new one, unless it is in use, or the new one has no room for who is
 * not idle: then it stays as it is.
 * To be called before processes fork that are to share it; each process that
 * maps it by itself shares it too.  Waits, 10 s at most, for another one that
 * is opening it.  HX_OK, or HX_FAIL and a text.
 */
hx_rc_t hx_state_open(hx_state_t **st, const hx_state_conf_t *conf,
    char *err);

/* Unmaps; boxes are released before.  What is in it stays.  NULL is fine. */
void hx_state_close(hx_state_t *st);

/* 1 when the open state is the one that conf describes. */
int hx_state_same(const hx_state_t *st, const hx_state_conf_t *conf);

/*
 * A new memory for conf beside "old", which goes on being used: nothing of it
 * has changed yet.  Either hx_state_replace() or hx_state_discard() (also of
 * NULL) comes next.  OK, or FAIL and a text.
 */
hx_rc_t hx_state_prepare(hx_state_t **st, hx_state_t *old,
    const hx_state_conf_t *conf, char *err);
void hx_state_discard(hx_state_t *st);

/*
 * From now on st it is: windows are copied, and a file of the same name is put
 * aside as "<path>.old".  FAIL and a text: it is all the same, but for what the
 * text says.
 */
hx_rc_t hx_state_replace(hx_state_t *st, hx_state_t *old, char *err);

/*
 * What was put aside for "path" by a nginx that is gone; NO = nothing that is
 * not stored elsewhere, or in use.
 */
hx_rc_t hx_state_open_old(hx_state_t **st, const char *path, char *err);

/* 1 when everything in it is stored elsewhere. */
int hx_state_done(hx_state_t *st);

/* Removes the file; who has it mapped goes on. */
void hx_state_unlink(hx_state_t *st);

/*
 * The number, 1 .. 255, of an operation's name (1 .. 32 bytes), for all
 * processes and for good.  0 = there are too many, or no lock.
 */
unsigned hx_state_operation(hx_state_t *st, const hx_str_t *name);

/* A place for a tenant ahead of its first request.  OK, or FAIL: full. */
hx_rc_t hx_state_reserve(hx_state_t *st, const hx_str_t *id);


/* One request of a tenant. */
typedef struct {
    hx_str_t     id;
    unsigned     month;         /* YYYYMM, UTC */
    hx_rate_t    rate;          /* requests 0 = no window is asked */
    uint64_t     quota;         /* tenths of a CU a month; UINT64_MAX = none is
                                 * enforced */
    uint32_t     cost;          /* tenths */
    unsigned     look:1;        /* only look: admit nobody */
    unsigned     force:1;       /* admit beyond the window, without counting */
} hx_state_ask_t;

typedef enum {
    HX_STATE_ADMITTED = 0,
    HX_STATE_RATE,              /* refused by the window */
    HX_STATE_QUOTA,             /* refused by the quota */
    HX_STATE_BASE               /* nothing done: call hx_state_base() first */
} hx_state_verdict_t;

/* Filled by hx_state_ask(), and handed back with the charge. */
typedef struct {
    hx_state_verdict_t   verdict;
    unsigned             windowed:1;    /* view is set */
    hx_window_view_t     view;
    uint32_t             block;         /* where the tenant was */
    uint32_t             incarnation;
    uint32_t             held;          /* tenths set aside */
    uint32_t             held_in;
    uint32_t             place;         /* of the tenant's metrics, 0 = none */
    uint64_t             used;          /* with a quota: tenths that are known
                                         * to be used in the month, without
                                         * what is set aside */
} hx_state_answer_t;

/*
 * Is the request within the tenant's window and quota?  Both or neither are
 * taken: what the quota refuses does not count in the window, and the other way
 * round.  With a quota its cost is set aside until hx_state_charge(), so that
 * requests at the same time do not pass on the same rest.  (What a process has
 * set aside that is killed is let go when somebody finds its lock or its box:
 * so who asks with quotas has a box, be it for no file.)  OK or FAIL.
 */
hx_rc_t hx_state_ask(hx_state_t *st, const hx_state_ask_t *ask,
    hx_state_answer_t *answer);

/*
 * What the tenant has used in the month according to the store (tenths), all
 * but what this memory counts itself under "source"; to be called after
 * HX_STATE_BASE, then ask again.  NO = the tenant has another place by now.
 */
hx_rc_t hx_state_base(hx_state_t *st, const hx_str_t *id,
    uint32_t incarnation, unsigned month, uint64_t tenths);

/* Forgets it: the next question with a quota is answered HX_STATE_BASE. */
void hx_state_base_void(hx_state_t *st, const hx_str_t *id);

/* The 12 bytes that name this memory and a tenant's life in it. */
void hx_state_source(const hx_state_t *st, uint32_t incarnation,
    unsigned char source[HX_STATE_SOURCE]);


typedef struct {
    hx_str_t                   id;
    const hx_state_answer_t   *answer;      /* of the request, or NULL */
    unsigned                   month;
    unsigned                   operation;   /* number; 0 = charge nothing */
    uint32_t                   tenths;
    hx_box_t                  *box;         /* NULL: there is no record */
    uint32_t                   box_last;    /* its new end */
    uint32_t                  *place;       /* NULL, or of the tenant's metrics;
                                             * set when it is charged */
} hx_state_charge_t;

/*
 * Ends a request: what was set aside is let go, the charge is added to tenant,
 * month and operation, and the record counts.  OK; FAIL = nothing was charged
 * and the record does not count either; what was set aside is let go all the
 * same.  Never FAIL when there is nothing to charge.
 */
hx_rc_t hx_state_charge(hx_state_t *st, const hx_state_charge_t *charge);


/* Usage of one tenant, copied for the store. */
typedef struct {
    unsigned         month;             /* YYYYMM */
    unsigned         operation;
    uint64_t         tenths;
} hx_state_entry_t;

/* Of one tenant: two months of 255.  Older ones that could not be stored are
 * handed out first, and the others once they are stored. */
#define HX_STATE_ENTRIES     512

typedef struct {
    uint32_t           block;
    uint32_t           incarnation;
    uint32_t           place;
    unsigned char      id[HX_TENANT_MAX];
    size_t             id_len;
    unsigned           n;
    hx_state_entry_t   entry[HX_STATE_ENTRIES];
} hx_state_used_t;

/*
 * The next tenant at or after *cursor (0 at first) that has been charged since
 * it was last stored: OK and *cursor behind it; NO = none.  Sums are absolute:
 * storing them twice is storing them once.
 */
hx_rc_t hx_state_unsaved(hx_state_t *st, uint32_t *cursor,
    hx_state_used_t *used);

/* It is stored.  It counts as unsaved still when it was charged meanwhile. */
void hx_state_saved(hx_state_t *st, const hx_state_used_t *used);

/* The name behind a number; static as long as st is open; len 0 = none. */
hx_str_t hx_state_operation_name(const hx_state_t *st, unsigned operation);


/* Of one tenant; NO = it has no place here, FAIL = no lock. */
hx_rc_t hx_state_used(hx_state_t *st, const hx_str_t *id,
    hx_state_used_t *used);

/* Tenths that a copy holds of a month (YYYYMM). */
uint64_t hx_state_used_in(const hx_state_used_t *used, unsigned month);

/* For metrics: the next tenant at or after *cursor, whatever it used. */
hx_rc_t hx_state_next(hx_state_t *st, uint32_t *cursor,
    hx_state_used_t *used);

/*
 * Gives a tenant, by block and incarnation, a place among the metrics (0 =
 * takes it).  Nothing happens when it has another life by now.
 */
void hx_state_place(hx_state_t *st, uint32_t block, uint32_t incarnation,
    uint32_t place);

/* A lock that one process at a time holds: of flushes, and of places. */
hx_rc_t hx_state_save_lock(hx_state_t *st, int wait);
void hx_state_save_unlock(hx_state_t *st);

/*
 * Notes whether the memory holds anything that is nowhere else, for a later
 * version that cannot read it.
 */
void hx_state_note(hx_state_t *st);

typedef struct {
    uint64_t   bytes;           /* size, without the boxes */
    uint64_t   blocks;
    uint64_t   blocks_used;
    uint64_t   tenants;
    uint64_t   unsaved;         /* tenants charged since they were stored */
    uint64_t   full;            /* times that no block was to be had */
    uint64_t   evicted;         /* places given to another tenant */
    uint64_t   recovered;       /* locks taken over from the dead */
} hx_state_info_t;

void hx_state_info(hx_state_t *st, hx_state_info_t *info);

/* Tests put a clock of their own here: nanoseconds, never backwards. */
extern uint64_t (*hx_state_clock)(void);

#endif /* HX_STATE_H */
