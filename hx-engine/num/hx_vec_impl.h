/*
 * hx_vec_impl.h -- the loops behind hx_vec.h and hx_scan.h.
 *
 * Private to hx_vec*.c, hx_scan.c and their tests, which compare each kind with
 * the plain one.
 */

#ifndef HX_VEC_IMPL_H
#define HX_VEC_IMPL_H

#include "hx_scan.h"

#define HX_VEC_INLINE   static inline __attribute__((always_inline))
#define HX_VEC_BLOCK    32768       /* bytes whose products fit in 32 bits:
                                     * 32768 * 255 * 127 < 2^31 */
#define HX_VEC_ROUND    0x1.8p52    /* x + this rounds x to a whole number */

typedef struct {
    const char  *name;
    void       (*pair)(const double *a, const double *b, size_t n,
                       double out[4]);          /* ab, aa, bb, dd */
    double     (*stat)(const double *x, size_t n, double *max, int *bad);
    double     (*row)(const double *x, size_t n, double inverse, double step,
                      unsigned char *q);
    double     (*split)(const double *x, size_t n, double step, int8_t *p,
                        int8_t *r, double *coarse);
    void       (*coarse)(const hx_scan_query_t *y, const unsigned char *rows,
                         size_t n, float *out);
    void       (*rows)(const hx_scan_query_t *y, const unsigned char *rows,
                       size_t n, float *out);
    void       (*signatures)(const float *rows, size_t n, const float *q,
                             float *out);
    size_t     (*pick)(const hx_scan_pick_t *p, float *out, size_t n,
                       uint32_t *row);
    double     (*sum)(const double *x, size_t n);
} hx_vec_impl_t;

/*
 * Implementation i of those that run on this processor, the fastest first, the
 * plain one last; NULL when i is too large.  Static.
 */
const hx_vec_impl_t *hx_vec_impl_get(unsigned i);

#if defined(__x86_64__)
extern const hx_vec_impl_t  hx_vec_avx512;
extern const hx_vec_impl_t  hx_vec_avx2;
#endif

extern const hx_vec_impl_t  hx_vec_scalar;

#endif /* HX_VEC_IMPL_H */
