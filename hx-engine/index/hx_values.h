/*
 * hx_values.h -- the elements of a stored array as float64, in logical (C)
 * order: what serve would give, cast to the dtype, whatever way it is stored.
 *
 * Elements are read in steps of HX_VEC_STEP, ascending, as often as one likes;
 * a step costs little memory however large the array is, except that an array
 * in Fortran order with two or more dimensions is unfolded as a whole.  Callers
 * are the columns (hx_index_item.c) and the queries.
 */

#ifndef HX_VALUES_H
#define HX_VALUES_H

#include "hx_pack.h"
#include "hx_store.h"
#include "hx_tt_dense.h"
#include "hx_vec.h"

typedef enum {
    HX_VALUES_FLAT = 0,         /* bytes in memory, in logical order */
    HX_VALUES_TURNED,           /* the same in Fortran order */
    HX_VALUES_CHUNKS,           /* in the store */
    HX_VALUES_PACKED,
    HX_VALUES_TRAIN
} hx_values_kind_t;

/* Private, but for elements. */
typedef struct {
    uint64_t               elements;
    hx_values_kind_t       kind;
    hx_array_t             array;
    size_t                 size;        /* bytes of an element */
    const unsigned char   *data;        /* FLAT, TURNED: the array */
    unsigned char         *mem;         /* of data, or of the train; or NULL */
    void                  *cores;       /* a copy of them, or NULL */

    /* where the stored bytes are */
    const hx_store_view_t *view;        /* NULL: at "stored" */
    hx_str_t               stored;
    uint64_t               value_id;
    uint64_t               stored_len;
    uint64_t               off;         /* of the array in the value */

    /* PACKED */
    uint64_t               length;      /* of the value */
    hx_unpack_t           *unpack;
    unsigned char         *block;       /* two of HX_PACK_BLOCK */
    uint64_t               pos;         /* of the next prefix */
    uint64_t               block_at;    /* of the value, in bytes */
    size_t                 block_len;

    hx_tt_dense_t          dense;       /* TRAIN */
} hx_values_t;


/* 1 when the record's array can be compared: it has a dtype and elements. */
int hx_values_usable(const hx_record_t *r);

/* Bytes of memory that reading this record takes beyond small change. */
uint64_t hx_values_work(const hx_record_t *r);

/*
 * A record found through *view, which must stay where it is: it may be ended
 * and begun anew between two reads.  Checksums are compared if "check".  OK,
 * CORRUPT, FAIL (out of memory, or the store's); close it only after OK.
 */
hx_store_rc_t hx_values_open(hx_values_t *v, const hx_store_view_t *view,
    const hx_record_t *r, int check);

/* The same with the stored value in memory (of a write that is under way). */
hx_store_rc_t hx_values_memory(hx_values_t *v, const hx_record_t *r,
    const hx_str_t *stored);

void hx_values_close(hx_values_t *v);

/*
 * Elements first .. first + n - 1; first is a multiple of HX_VEC_STEP and n as
 * much as HX_VEC_STEP or what is left.  OK, CORRUPT, FAIL.
 */
hx_store_rc_t hx_values_read(hx_values_t *v, uint64_t first, size_t n,
    double *out);

/* The number of elements of the step that begins at "first". */
static inline size_t
hx_values_step(const hx_values_t *v, uint64_t first)
{
    return v->elements - first < HX_VEC_STEP ? (size_t) (v->elements - first)
                                             : HX_VEC_STEP;
}

#endif /* HX_VALUES_H */
