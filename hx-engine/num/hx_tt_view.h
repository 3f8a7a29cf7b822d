/*
 * hx_tt_view.h -- an array in memory, read in the order of a train's bits.
 *
 * Any dtype comes out as float64; what lies in the padding is 0.  The array
 * itself is never copied as a whole.
 */

#ifndef HX_TT_VIEW_H
#define HX_TT_VIEW_H

#include "hx_tt.h"

typedef struct {
    const unsigned char  *data;             /* at any address */
    hx_dtype_t            dtype;
    size_t                size;             /* bytes of an element */
    uint64_t              elements;
    hx_tt_map_t           map;
    uint64_t              weight[HX_TT_CORES_MAX];      /* in elements */
} hx_tt_view_t;


/* HX_NO: hx_tt_map() says that a has no such train. */
hx_rc_t hx_tt_view_init(hx_tt_view_t *v, const hx_array_t *a,
    hx_tt_order_t order, unsigned d, const void *data);

/*
 * The 2^n values whose TT index is base, but for bits first .. first + n - 1
 * (0 is the highest), which count up; they are 0 in base.
 */
void hx_tt_view_read(const hx_tt_view_t *v, unsigned first, unsigned n,
    uint64_t base, double *out);

#endif /* HX_TT_VIEW_H */
