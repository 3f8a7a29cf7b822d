/*
 * hx_tt_compress.h -- arrays to trains, with a verdict that was measured.
 *
 * Whatever is found, by whatever shortcut, is decoded again exactly as it will
 * be served and compared with the array, every element of it; the verdict is
 * that difference.  Data that no train of a useful size can hold is
 * passthrough, and so is everything that is not a plain finite number; never
 * is anything wrong.  README.md has the method and measured figures.
 *
 * Pure: memory comes from the work, nothing else is touched.  The same bytes
 * give the same cores on the same processor.
 */

#ifndef HX_TT_COMPRESS_H
#define HX_TT_COMPRESS_H

#include "hx_tt.h"
#include "hx_work.h"

/* Memory for an array of so many bytes: what hx_work_init() should be given. */
#define hx_tt_compress_work(bytes)                                            \
    ((size_t) (bytes) + (size_t) (bytes) / 5 + ((size_t) 14 << 20))

/* Why an array is passthrough. */
typedef enum {
    HX_TT_REASON_NONE = 0,          /* it is not */
    HX_TT_REASON_SHORT,             /* too few bytes to gain anything */
    HX_TT_REASON_NOT_FINITE,        /* has NaN or infinities */
    HX_TT_REASON_RANGE,             /* largest magnitude beyond 1e-130, 1e140 */
    HX_TT_REASON_RANK,              /* no train small enough was found */
    HX_TT_REASON_MEMORY,            /* did not fit into the work's limit */
    HX_TT_REASON_COUNT
} hx_tt_reason_t;

typedef struct {
    double           tol_max;       /* largest relative error: HX_TT_SAFE_BELOW,
                                     * or HX_TT_WEAK_BELOW where allowed */
    double           ratio_min;     /* array bytes / core bytes at least; > 0 */
} hx_tt_want_t;

typedef struct {
    hx_verdict_t     verdict;
    hx_tt_reason_t   reason;
    hx_tt_t          tt;            /* not for passthrough */
    size_t           n_values;      /* float64 values of all cores */
    double          *core;          /* = tt.core; memory of the work: good until
                                     * it is reset */
    double           rel_error;     /* |served - array| / |array|, Frobenius;
                                     * 0: equal (0 and -0 are) */
    double           norm;          /* Frobenius norm of what is served, as
                                     * float64; NaN: not a finite number;
                                     * INFINITY: beyond float64 */
    double           cast_error;    /* see hx_tt_measure() */

    /* how it went */
    unsigned         passes;        /* over the array, measuring */
    unsigned         pivots;
    unsigned         rounds;        /* of feeding back what was measured */
    unsigned         blocks;        /* of rows beyond those of the pivots */
} hx_tt_result_t;


/* A word for the log, static; "" for HX_TT_REASON_NONE. */
const char *hx_tt_reason(hx_tt_reason_t reason);

/*
 * The best verdict that meets ratio_min and tol_max: exact, then safe, then
 * weak.  Integers are exact when every value comes back as it was; safe and
 * weak are for them only with a tol_max of HX_TT_WEAK_BELOW.  a: any array with
 * a dtype; data: its bytes, at any address.  HX_OK, also for passthrough;
 * HX_FAIL: malloc() gave no memory, nothing is known.
 */
hx_rc_t hx_tt_compress(hx_tt_result_t *out, const hx_array_t *a,
    const void *data, const hx_tt_want_t *want, hx_work_t *w);

/*
 * For a train from outside: the norm of what it is served as, and cast_error,
 * the Frobenius norm of (what is served - the train) over all TT indices.  That
 * is rounding to the dtype, 0 for float64; and, when it exceeds 3e-7 of the
 * norm, what the train has in the padding.  So
 *
 *     | <served, x> - hx_tt_dot(train, x) | <= cast_error |x| + 1e-13 |..| |x|
 *
 * for trains x whose own padding is as small.  Costs O(elements rank), so the
 * caller bounds the elements; but only O(d rank^3) for float64 without padding
 * whose norm can be had from the cores (hx_tt_norm_sound()).
 * HX_NO: train and array do not fit together (hx_tt_dense_work()), or the norm
 * is not a number below 1e150; HX_FAIL: no memory within the work's limit.
 */
hx_rc_t hx_tt_measure(const hx_tt_t *t, const hx_array_t *a, double *norm,
    double *cast_error, hx_work_t *w);

#endif /* HX_TT_COMPRESS_H */
