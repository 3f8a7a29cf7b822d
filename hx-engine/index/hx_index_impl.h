/*
 * hx_index_impl.h -- what the files of the index share.  Nobody else includes
 * it.
 */

#ifndef HX_INDEX_IMPL_H
#define HX_INDEX_IMPL_H

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "hx_index.h"
#include "hx_scan.h"
#include "hx_values.h"

#define HX_SEG_BYTES      (8u << 20)    /* of copies in one segment */
#define HX_SEG_ROWS       8192
#define HX_SEG_FIRST      16            /* rows of a first segment, at most, */
#define HX_SEG_FIRST_BYTES  4096        /* in so many bytes, or one row */
#define HX_SEG_MUCH       4             /* times the rows: too large */
#define HX_SEG_ALONE      (1u << 20)    /* rows of so many bytes stand alone */
#define HX_SIG_FROM       1024          /* elements: shorter rows have none */
#define HX_SIG_BITS       6             /* 2^6 = HX_SIG */
#define HX_FOREVER        UINT64_MAX

typedef enum {
    HX_ROW_NONE = 0,            /* not comparable: only for items */
    HX_ROW_BARE,                /* a norm */
    HX_ROW_BYTES,
    HX_ROW_TRAIN,
    HX_ROW_KINDS
} hx_row_kind_t;

/*
 * Trains that may be multiplied core by core: the same d, order and, where the
 * order of the bits depends on it, the same shape.  Rows of other forms are
 * decoded.
 */
typedef struct {
    unsigned       d;
    int            plain;       /* TT index = place in logical order */
    hx_tt_order_t  order;
    unsigned       fortran;     /* these three are 0 for plain ones */
    unsigned       ndim;
    uint64_t       dim[HX_DIMS_MAX];    /* those above 1 */
} hx_form_t;

/* Cores in memory, shared by rows that took them over from each other. */
typedef struct {
    atomic_uint  refs;
    size_t       bytes;
    atomic_uint_least64_t  *counted;    /* where, or NULL: not yet */
    hx_tt_t      tt;            /* core points behind this structure */
    float        cast;          /* >= |served - train| / norm, real elements */
    float        pad;           /* >= |padding of the train| / norm */
    float        kappa;         /* num/hx_tt_cond.h */
} hx_train_t;

struct hx_index_item_s {
    hx_row_kind_t   kind;
    uint64_t        elements;
    double          norm;       /* at most DBL_MAX */
    float           scale;      /* BYTES, as num/hx_scan.h has it */
    float           error;
    unsigned char  *q;
    hx_train_t     *train;      /* TRAIN */
    hx_form_t       form;
    int             has_sig;
    float           rho;
    float           sig[HX_SIG];

    size_t          reserved;   /* bytes of the copy that are counted, */
    atomic_uint_least64_t  *pending;    /* here, until it is applied */
};

typedef struct hx_seg_s    hx_seg_t;
typedef struct hx_group_s  hx_group_t;
typedef struct hx_name_s   hx_name_t;
typedef struct hx_keys_s   hx_keys_t;

/* Rows of one kind, appended; the arrays a kind has not are NULL. */
struct hx_seg_s {
    atomic_uint              refs;      /* lists it is in */
    hx_group_t              *group;
    hx_row_kind_t            kind;
    int                      has_sig;
    hx_form_t                form;      /* TRAIN */
    uint64_t                 elements;
    size_t                   stride;
    unsigned                 cap;
    atomic_uint              n;         /* complete rows */
    unsigned                 dead;      /* of these; the writers' */
    int                      leaving;   /* takes no more; the writers' */
    size_t                   copies;    /* bytes that are counted, */
    atomic_uint_least64_t   *counted;   /* here */
    size_t                   mapped;    /* bytes of q if it is mapped */

    unsigned char           *q;
    float                   *scale;
    float                   *error;
    float                   *sig;
    float                   *rho;
    hx_train_t             **train;
    double                  *norm;
    uint32_t                *hash;      /* of the key */
    const unsigned char    **key;       /* a length byte, then the key */
    uint64_t                *version;
    uint64_t                *born;
    atomic_uint_least64_t   *died;
    hx_keys_t               *keys;      /* memory of key */
};

/* An immutable list of segments. */
typedef struct {
    atomic_uint   refs;
    unsigned      n;
    hx_seg_t     *seg[];
} hx_list_t;

/* Columns of one number of elements in one namespace. */
struct hx_group_s {
    hx_name_t    *name;
    uint64_t      elements;
    hx_list_t    *list;             /* snap */
    uint64_t      live;             /* snap: rows */

    /* the writers', until a change is published */
    hx_list_t    *new_list;         /* NULL: as it was */
    uint64_t      new_live;
    int           touched;
    hx_group_t   *next_touched;
};

/* Where a key is; without a segment it is known to be nowhere (only while the
 * columns are built), and "key" is its own. */
typedef struct {
    uint32_t              hash;
    uint32_t              row;
    hx_seg_t             *seg;
    unsigned char        *key;
    uint64_t              version;      /* 0: the place is free */
} hx_where_t;

struct hx_name_s {
    hx_name_t    *next;
    size_t        groups;           /* the writers' */
    size_t        group_mask;       /* snap, as are changes of "group" */
    hx_group_t  **group;            /* by elements; NULL: the place is free */
    size_t        n;                /* of the map; the writers' */
    size_t        mask;
    hx_where_t   *map;
    unsigned char len;
    unsigned char text[HX_NAMESPACE_MAX];
};

#define HX_NAMES  1024              /* chains of namespaces */

struct hx_index_s {
    hx_store_t             *store;
    uint64_t                max_bytes;
    void                  (*event)(void *data, const hx_index_progress_t *p,
                                   const char *why);
    void                   *event_data;

    pthread_mutex_t         writing;
    uint64_t                change;     /* being made; the writers' */
    hx_group_t             *touched;
    int                     moving;     /* rows to another segment */

    pthread_mutex_t         snap;       /* guards the two below and what is */
    uint64_t                seq;        /* marked "snap" above: last change */
    hx_name_t              *name[HX_NAMES];

    _Atomic(hx_index_state_t)  state;
    atomic_uint_least64_t   bytes;      /* of copies */
    atomic_uint_least64_t   pending;    /* of those that items have still */
    atomic_uint_least64_t   rows[HX_ROW_KINDS];
    atomic_uint_least64_t   queries;
    atomic_uint_least64_t   scanned;
    atomic_uint_least64_t   pruned;
    atomic_uint_least64_t   compared;
    atomic_uint_least64_t   done;
    atomic_uint_least64_t   total;
    atomic_uint_least64_t   corrupt;

    atomic_int              stop;
    int                     started;
    pthread_t               thread;
};


static inline uint32_t
hx_index_hash(const unsigned char *s, size_t len)
{
    size_t    i;
    uint64_t  h;

    h = 0xcbf29ce484222325u;                            /* FNV-1a */

    for (i = 0; i < len; i++) {
        h = (h ^ s[i]) * 0x100000001b3u;
    }

    return (uint32_t) (h ^ h >> 32);
}


/* Is this the key of a row? */
static inline int
hx_row_is(const hx_seg_t *s, unsigned row, uint32_t hash, const hx_str_t *key)
{
    return s->hash[row] == hash && s->key[row][0] == key->len
           && memcmp(s->key[row] + 1, key->data, key->len) == 0;
}


static inline hx_str_t
hx_row_key(const hx_seg_t *s, unsigned row)
{
    hx_str_t  key;

    key.data = s->key[row] + 1;
    key.len = s->key[row][0];

    return key;
}


/* Does change number "seq" see this row? */
static inline int
hx_row_lives(const hx_seg_t *s, unsigned row, uint64_t seq)
{
    return s->born[row] <= seq
           && atomic_load_explicit(&s->died[row], memory_order_acquire) > seq;
}

/* hx_index_item.c */

/* An item of values that can be read; room: NULL is fine.  OK, CORRUPT,
 * FAIL. */
hx_store_rc_t hx_item_dense(hx_index_t *ix, hx_values_t *v,
    const hx_index_room_t *room, hx_index_item_t **item);

/* An item of a record whose stored bytes lie together in memory. */
hx_store_rc_t hx_item_make(hx_index_t *ix, const hx_record_t *r,
    const hx_str_t *stored, const hx_index_room_t *room,
    hx_index_item_t **item);

/* Its copy is the columns' to count now, or gone. */
void hx_item_settle(hx_index_item_t *item);

/*
 * The cores of a record that stands to be compared core by core: smaller than
 * its bytes would be, and trusted.  HX_OK, HX_NO, HX_FAIL (no memory).
 */
hx_rc_t hx_train_create(const hx_record_t *r, const void *stored,
    hx_train_t **out);
void hx_train_release(hx_train_t *t);       /* NULL is fine */

/* Of the train's own order; 0, or -1: no memory. */
int hx_train_signature(const hx_train_t *t, double norm, float c[HX_SIG],
    float *rho);

/* How far projections of the train may be from those of what is served. */
static inline float
hx_train_off(const hx_train_t *t)
{
    /* rows of trains have one */
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
    return t->cast + t->pad;
}

void hx_form_init(hx_form_t *f, const hx_tt_t *t, const hx_array_t *a);

static inline int
hx_form_same(const hx_form_t *a, const hx_form_t *b)
{
    return a->d == b->d && a->plain == b->plain && a->order == b->order
           && a->fortran == b->fortran && a->ndim == b->ndim
           && memcmp(a->dim, b->dim, sizeof(a->dim)) == 0;
}

/* hx_index_memory.c */

/* The arrays of a segment by its kind, elements and cap; 0 or -1. */
int hx_seg_alloc(hx_seg_t *s);
void hx_seg_release(hx_seg_t *s);

/* A copy of the key that lives as long as the segment; NULL: no memory. */
const unsigned char *hx_seg_key(hx_seg_t *s, const hx_str_t *key);
void hx_list_release(hx_list_t *list);      /* NULL is fine */

/* hx_index_seg.c */

/*
 * One more row, born with this change; w: its place in the map, filled.  The
 * item stays the caller's, emptied of what the row has taken over.  0, or -1:
 * out of memory.
 */
int hx_group_append(hx_index_t *ix, hx_group_t *g, const hx_str_t *key,
    uint32_t hash, uint64_t version, hx_index_item_t *item, hx_where_t *w);

/* The row ends with this change; 0, or -1: out of memory. */
int hx_group_kill(hx_index_t *ix, hx_seg_t *seg, unsigned row);

/* The groups touched by this change are as it left them, for all to see. */
void hx_groups_publish(hx_index_t *ix);

/* hx_index_map.c */

hx_name_t *hx_name_find(hx_index_t *ix, const hx_str_t *ns);
hx_name_t *hx_name_get(hx_index_t *ix, const hx_str_t *ns);
hx_group_t *hx_group_find(const hx_name_t *name, uint64_t elements);
hx_group_t *hx_group_get(hx_index_t *ix, hx_name_t *name, uint64_t elements);

/* One without rows, which nobody has: freed. */
void hx_group_remove(hx_index_t *ix, hx_group_t *g);

/* The place of a key, or the free one where it belongs; NULL: no memory. */
hx_where_t *hx_map_place(hx_name_t *name, uint32_t hash, const hx_str_t *key);
void hx_map_remove(hx_name_t *name, hx_where_t *w);
void hx_map_forget(hx_index_t *ix);

#endif /* HX_INDEX_IMPL_H */
