/*
 * hx_tt_check.h -- how far what a train is served as is from an array.
 *
 * A measurement: every element is decoded by hx_tt_dense, as it will be served,
 * cast to the dtype, and compared.  Nothing here is an estimate.
 */

#ifndef HX_TT_CHECK_H
#define HX_TT_CHECK_H

#include "hx_tt.h"
#include "hx_work.h"

typedef struct {
    double   error;             /* Frobenius norm of served - array */
    double   norm;              /* of what is served */
    double   cast;              /* of served - train: see hx_tt_compress.h */
} hx_tt_check_t;


/*
 * data NULL: only the train is looked at, error is 0.  rows, when not NULL:
 * the squares of the error go to rows[i], i being the first h bits of the TT
 * index, 2^h doubles.  HX_FAIL: no memory, HX_NO: train and array do not fit
 * together.
 */
hx_rc_t hx_tt_check(hx_tt_check_t *c, const hx_tt_t *t, const hx_array_t *a,
    const void *data, double *rows, unsigned h, hx_work_t *w);

/*
 * The norm of all 2^d values of a train, from its cores alone; HX_NO: these do
 * not tell it (hx_tt_norm_sound()), *norm is what they say all the same.
 */
hx_rc_t hx_tt_check_cores(double *norm, const hx_tt_t *t, hx_work_t *w);

/*
 * Only the norm of what is served, each element decoded, summed so that no
 * square overflows or vanishes (hx_norm.h); NaN: an element is not a finite
 * number.  Slower than hx_tt_check().
 */
hx_rc_t hx_tt_check_norm(double *norm, const hx_tt_t *t, const hx_array_t *a,
    hx_work_t *w);

#endif /* HX_TT_CHECK_H */
