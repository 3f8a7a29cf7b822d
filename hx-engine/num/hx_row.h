/*
 * hx_row.h -- loops over long rows of float64, in the best instruction set of
 * the processor.
 *
 * hx_row_lanes.h is the source of all of them.  Sums are taken in several
 * parts, so their last bits differ from one instruction set to another; for
 * one processor they are always the same.
 */

#ifndef HX_ROW_H
#define HX_ROW_H

#include "hx_types.h"

typedef struct {
    double        square;               /* sum of squares */
    double        min;                  /* of the values; not NaN's */
    double        max;
} hx_row_stats_t;

typedef struct {
    double        square;               /* sum of squares */
    double        max;                  /* largest absolute value */
} hx_row_size_t;

typedef struct {
    const char   *name;

    /* n >= 1 doubles at any address, e.g. in an upload */
    void        (*stats)(const void *a, size_t n, hx_row_stats_t *s);

    /* sums of (x[i] - a[i])^2 and of x[i]^2, the a[i] at any address */
    void        (*error)(const void *a, const double *x, size_t n,
                     double sum[2]);

    /* sums of a[i] v[i] and a[i] w[i], the a[i] at any address */
    void        (*dots)(const void *a, const double *v, const double *w,
                     size_t n, double sum[2]);

    double      (*dot)(const double *a, const double *b, size_t n);

    /* the first of the values with the largest absolute value; 0 if n = 0 */
    size_t      (*argmax)(const double *a, size_t n);

    /* a -= c b; size of what is left */
    void        (*eliminate)(double *a, const double *b, size_t n, double c,
                     hx_row_size_t *s);

    /*
     * A step of elimination in an a x b matrix: row "from" times factor[i] is
     * taken out of each row i, but not of those whose factor is NaN.  Returns
     * the sum of squares of these rows, *worst one with the largest absolute
     * value; a when that is 0.
     */
    double      (*step)(double *m, size_t a, size_t b, const double *factor,
                     size_t from, size_t *worst);

    /*
     * One-sided Jacobi: rotates r rows of n values (n a multiple of 8, rows n
     * apart) until each two are orthogonal to about 1e-15; square[i] becomes
     * the sum of squares of row i.  Rows are exchanged on the way so that most
     * end up with the larger ones first.  (J. Demmel, K. Veselic, "Jacobi's
     * method is more accurate than QR", SIAM J. Matrix Anal. Appl. 13, 1992.)
     */
    void        (*jacobi)(double *a, size_t r, size_t n, double *square);
} hx_row_t;


/* Static. */
const hx_row_t *hx_row(void);

/* Number i of those that run here, the fastest first, the plain one last. */
const hx_row_t *hx_row_get(unsigned i);

extern const hx_row_t  hx_row_scalar;

#if defined(__x86_64__)

extern const hx_row_t  hx_row_avx2;
extern const hx_row_t  hx_row_avx512;

#endif

#endif /* HX_ROW_H */
