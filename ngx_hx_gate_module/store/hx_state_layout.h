/*
 * hx_state_layout.h -- what is where in the shared memory of hx_state.h.
 * Everything in it is an offset or a number of a block, never a pointer.
 *
 *     head | stripes | names of operations | index | unsaved bits | blocks
 *     | boxes
 *
 * Another layout needs another HX_STATE_LAYOUT.
 */

#ifndef HX_STATE_LAYOUT_H
#define HX_STATE_LAYOUT_H

#include <pthread.h>

#include "hx_chain.h"
#include "hx_state.h"

#define HX_STATE_MAGIC      UINT64_C(0x48587374617465)      /* "HXstate" */
#define HX_STATE_MAKING     UINT64_C(0x48586d616b696e67)    /* "HXmaking" */
#define HX_STATE_LAYOUT     1
#define HX_STATE_PAGE       4096
#define HX_STATE_BLOCK      224             /* bytes */
#define HX_STATE_INLINE     5               /* entries in a tenant's block */
#define HX_STATE_MORE       27              /* entries in a further one */
#define HX_STATE_BOOT       36              /* characters of a boot id */
#define HX_STATE_FILES      16              /* locks of audit files */


typedef enum {
    HX_BLOCK_FREE = 0,
    HX_BLOCK_TENANT,            /* only while all of it is filled in */
    HX_BLOCK_MORE,
    HX_BLOCK_BITS
} hx_block_kind_t;

/*
 * One (operation, month) of a tenant: operation << 56 | month << 40 | tenths;
 * month in months since January 1970; 0 = not used.  Tenths stop at their
 * maximum, 1.1e11 CUs.
 */
typedef uint64_t  hx_entry_t;

#define HX_ENTRY_TENTHS     ((UINT64_C(1) << 40) - 1)
#define hx_entry_make(op, m)                                                  \
    ((uint64_t) (op) << 56 | (uint64_t) (m) << 40)
#define hx_entry_key(e)     ((e) & ~HX_ENTRY_TENTHS)
#define hx_entry_tenths(e)  ((e) & HX_ENTRY_TENTHS)
#define hx_entry_op(e)      ((unsigned) ((e) >> 56))
#define hx_entry_month(e)   ((unsigned) ((e) >> 40 & 0xffff))

typedef struct {
    uint32_t          next;                 /* in its chain; of the free ones */
    uint8_t           kind;                 /* hx_block_kind_t */
    uint8_t           id_len;
    uint16_t          newest;               /* month of an entry, in months */
    uint32_t          hash;
    uint32_t          incarnation;
    uint32_t          more;                 /* first further block */
    uint32_t          bits[HX_WINDOW_PARTS];
    uint32_t          base_month;           /* of base, 0 = not known */
    uint32_t          held;                 /* tenths set aside */
    uint32_t          held_in;              /* see hx_state_head_t.holding */
    uint32_t          place;                /* among the metrics, 0 = none */
    uint64_t          base;                 /* tenths of base_month elsewhere */
    hx_window_t       window;
    unsigned char     id[HX_TENANT_MAX];
    hx_entry_t        entry[HX_STATE_INLINE];
} hx_tenant_block_t;

typedef struct {
    uint32_t          next;
    uint8_t           kind;
    uint8_t           spare[3];
    hx_entry_t        entry[HX_STATE_MORE];
} hx_more_block_t;

typedef struct {
    uint32_t          next;
    uint8_t           kind;
    uint8_t           spare[3];
    uint64_t          word[HX_WINDOW_PART_WORDS];
} hx_bits_block_t;

typedef union {
    hx_tenant_block_t   tenant;
    hx_more_block_t     more;
    hx_bits_block_t     bits;
} hx_block_t;

_Static_assert(sizeof(hx_block_t) == HX_STATE_BLOCK, "a block is 224 bytes");


/* What the holder of a stripe has begun and who comes after it takes back. */
typedef enum {
    HX_UNDO_NONE = 0,
    HX_UNDO_WINDOW,             /* put the window back */
    HX_UNDO_CHARGE,             /* put entry and box back */
    HX_UNDO_RENEW,              /* go on: a new life of the tenant */
    HX_UNDO_PRUNE               /* go on: what is stored and old goes */
} hx_undo_t;

typedef struct {
    pthread_mutex_t   lock;
    uint32_t          undo;                 /* hx_undo_t */
    uint32_t          block;                /* the tenant's */
    hx_window_t       window;
    hx_rate_t         rate;                 /* that it is asked for */
    uint32_t          entry_block;
    uint32_t          entry_at;
    uint64_t          entry;
    uint32_t          box;                  /* number + 1, 0 = none */
    uint32_t          box_last;
    uint32_t          month;                /* to be pruned, 0 = all old ones */
} __attribute__((aligned(256))) hx_stripe_t;

_Static_assert(sizeof(hx_stripe_t) == 256, "a stripe is 256 bytes");


typedef struct {
    uint8_t           len;
    unsigned char     text[HX_STATE_NAME];
} hx_state_name_t;


typedef struct {
    /* as in any version */
    uint64_t          magic;
    uint32_t          layout;
    uint32_t          unclean;              /* 1 = holds what is not stored */

    /* geometry */
    uint64_t          size;
    uint32_t          n_boxes;
    uint32_t          n_index;              /* a power of 2 */
    uint64_t          box_size;
    uint64_t          n_blocks;             /* number 0 is not used */
    uint64_t          at_index;
    uint64_t          at_unsaved;
    uint64_t          at_blocks;
    uint64_t          at_boxes;
    uint64_t          total;

    unsigned char     id[8];                /* random, of this memory */
    char              boot[HX_STATE_BOOT];  /* its clock is of this boot */

    uint32_t          incarnation;          /* the last one given */
    uint32_t          holding;              /* changes when a process was
                                             * killed: what is set aside under
                                             * another number is not any more */
    uint32_t          n_names;

    /* written often: not in a line of what everybody reads */

    pthread_mutex_t   allocator             /* of what follows, and names */
                      __attribute__((aligned(64)));
    uint32_t          free;                 /* first free block, 0 = none */
    uint32_t          fresh;                /* first that was never used */
    uint32_t          cursor;               /* of eviction */
    uint64_t          used;                 /* blocks */
    uint64_t          tenants;
    uint64_t          full;
    uint64_t          evicted;
    uint64_t          recovered;

    pthread_mutex_t   saving;               /* one process stores usage */
    pthread_mutex_t   file[HX_STATE_FILES]; /* one writes an audit file */
} hx_state_head_t;

_Static_assert(sizeof(hx_state_head_t) <= HX_STATE_PAGE, "a page");


/* A page in front of the records. */
typedef struct {
    pthread_mutex_t   owner;                /* held as long as it lives */
    uint32_t          start;                /* records that count are from */
    uint32_t          last;                 /* here to here; none: start 0 */
    uint32_t          torn;                 /* the file may end in a line */
    uint32_t          writing;              /* bytes a write() was begun for */
    uint64_t          before;               /* size of the file then */
    uint64_t          device;
    uint64_t          inode;
    char              path[1024];           /* of the file; "": never had one */

    /*
     * Where the chain of the records stands, as of an end of theirs: of the two
     * the one counts whose "end" is "last", so that the store which makes a
     * record count, or takes it back, moves the chain with it.
     */
    struct {
        uint64_t      end;                  /* + 1; 0 = none */
        hx_chain_t    chain;
    } chain[2];
} hx_box_head_t;

_Static_assert(sizeof(hx_box_head_t) <= HX_STATE_PAGE, "a page");

#endif /* HX_STATE_LAYOUT_H */
