/*
 * hx_gemm.h -- products of small and thin float64 matrices.
 *
 * The kernels behind everything that is served, measured or compared in this
 * engine.  BLAS is not asked here: its calls cost more than most of these
 * products, and what a train is decoded to must not depend on which BLAS
 * answers.  Every element of a result is one chain of fused multiply-adds with
 * k ascending, so all implementations (AVX-512, AVX2, plain C) give the same
 * bits, however the work is cut into pieces.
 */

#ifndef HX_GEMM_H
#define HX_GEMM_H

#include "hx_types.h"

#define HX_GEMM_PANEL    16         /* columns that are worked on together */

typedef enum {
    HX_GEMM_SET = 0,                /* C = A B, chains start at 0 */
    HX_GEMM_ADD = 1,                /* C = C + A B */
    HX_GEMM_SUB = 2                 /* C = C - A B */
} hx_gemm_mode_t;

/*
 * C is m x n, A m x k, B k x n.  A's element (i, j) stands at a[i ars + j acs],
 * so that A may be transposed; B and C have rows of contiguous elements, ldb
 * and ldc apart.  C must not overlap A or B.
 */
typedef struct {
    hx_gemm_mode_t   mode;
    size_t           m;
    size_t           n;
    size_t           k;
    const double    *a;
    size_t           ars;
    size_t           acs;
    const double    *b;
    size_t           ldb;
    double          *c;
    size_t           ldc;
} hx_gemm_t;

typedef void (*hx_gemm_pt)(const hx_gemm_t *g);
typedef void (*hx_gemm_compare_pt)(const hx_gemm_t *g, const void *with,
    double sum[2]);

typedef struct {
    const char          *name;
    hx_gemm_pt           mul;
    hx_gemm_compare_pt   compare;
} hx_gemm_impl_t;


/* The product, by the best kernel of this processor. */
void hx_gemm(const hx_gemm_t *g);

/* C = A B of contiguous row-major matrices, the usual case. */
void hx_gemm_nn(size_t m, size_t n, size_t k, const double *a,
    const double *b, double *c);

/*
 * Panels for a B that is used often: columns 0..15, 16..31, ... each as k x 16
 * contiguous, the last filled up with zeros.  "to" takes k x
 * hx_gemm_packed(n) doubles.  Panel p is then a B with ldb = HX_GEMM_PANEL at
 * to + p k HX_GEMM_PANEL.
 */
#define hx_gemm_packed(n)                                                     \
    (((n) + HX_GEMM_PANEL - 1) / HX_GEMM_PANEL * HX_GEMM_PANEL)

void hx_gemm_pack(double *to, size_t k, size_t n, const double *b, size_t ldb);

/* As hx_gemm(), with B packed; ldb is ignored. */
void hx_gemm_panels(const hx_gemm_t *g);

/*
 * The same product, held against what is there: with, m x n values at any
 * address, rows ldc apart.  Adds the sum of (product - with)^2 to sum[0], that
 * of product^2 to sum[1]; the products are those of hx_gemm_panels() to the
 * last bit, the sums differ in theirs.  mode and c are ignored.
 */
void hx_gemm_panels_compare(const hx_gemm_t *g, const void *with,
    double sum[2]);

/*
 * Implementation i of those that run on this processor, the fastest first,
 * the plain one last; NULL when i is too large.  Static; for tests.
 */
const hx_gemm_impl_t *hx_gemm_impl_get(unsigned i);

void hx_gemm_scalar(const hx_gemm_t *g);
void hx_gemm_compare_scalar(const hx_gemm_t *g, const void *with,
    double sum[2]);

#if defined(__x86_64__)

void hx_gemm_avx2(const hx_gemm_t *g);
void hx_gemm_compare_avx2(const hx_gemm_t *g, const void *with, double sum[2]);
void hx_gemm_avx512(const hx_gemm_t *g);
void hx_gemm_compare_avx512(const hx_gemm_t *g, const void *with,
    double sum[2]);

#endif

#endif /* HX_GEMM_H */
