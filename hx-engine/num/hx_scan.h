/*
 * hx_scan.h -- scanning many vectors as 8-bit integers, with a rigorous bound
 * on what that loses.
 *
 * A row is a vector x in steps of s = max|x| / 127: x = s q + e, q whole
 * numbers -127 .. 127, kept as bytes q + 128, 64-byte aligned and filled up to
 * a multiple of 64 bytes.  The query y is split in two such levels, y = t p +
 * u r + f with u = t / 254.  Then
 *
 *     <x, y> = s t <q, p> + s u <q, r> + <s q, f> + <e, y>
 *
 * where the first two are whole-number products, exact, and by Cauchy-Schwarz
 * the others are at most (|x| + |e|) |f| + |e| |y|.  All is divided by the
 * norms, so that the columns do not care how large the values are:
 *
 *     |cos(x, y) - scale * out| <= error * (1 + f) + f + HX_SCAN_SLACK
 *
 * with f = hx_scan_query_t.rest; the slack covers every rounding of the float
 * numbers involved (scale, out, their product, the bound itself).  The first
 * level alone is as fast as memory; what it lets pass is looked at with both.
 *
 * A signature is HX_SIG block means of a vector, c = P x / |x| with orthonormal
 * rows P (Haar): |cos(x, y) - <c_x, c_y>| <= rho_x rho_y + HX_SCAN_SLACK with
 * rho = sqrt(1 - |c|^2), rounded upwards.
 *
 * Pure; memory is the caller's.
 */

#ifndef HX_SCAN_H
#define HX_SCAN_H

#include "hx_vec.h"

#define HX_SCAN_ALIGN   64
#define HX_SCAN_SLACK   1e-6f
#define HX_SIG          64          /* means in a signature */

/* Bytes of one row of n elements. */
#define hx_scan_stride(n)                                                     \
    (((size_t) (n) + HX_SCAN_ALIGN - 1) / HX_SCAN_ALIGN * HX_SCAN_ALIGN)


/* One row being made, piece by piece. */
typedef struct {
    double         norm;
    double         step;
    double         inverse;         /* 1 / step */
    double         squares;         /* of what the steps lose so far */
    unsigned char *q;               /* the row */
    size_t         done;            /* elements */
} hx_scan_row_t;

/*
 * max and norm: of the whole vector (hx_vec_stat_add), norm > 0 and its square
 * hx_vec_in_range.  q: hx_scan_stride(n) bytes, aligned.
 */
void hx_scan_row_init(hx_scan_row_t *row, double max, double norm,
    unsigned char *q);

/* The next n <= HX_VEC_STEP elements; all but the last piece a multiple of 8 */
void hx_scan_row_add(hx_scan_row_t *row, const double *x, size_t n);

/* What stands in the columns. */
void hx_scan_row_end(hx_scan_row_t *row, float *scale, float *error);


typedef struct {
    double        norm;
    double        step;             /* t */
    double        squares;          /* |f|^2 so far */
    int8_t       *p;                /* hx_scan_stride(n) bytes each, aligned */
    int8_t       *r;
    size_t        stride;
    size_t        done;
    int64_t       p_sum;            /* of all p, and r */
    int64_t       r_sum;
    double        t;                /* step / norm */
    double        u;
    float         rest;             /* >= |f| / norm */
    double        coarse_squares;   /* |u r + f|^2 so far */
    float         coarse;           /* >= |u r + f| / norm */
} hx_scan_query_t;

/* mem: 2 * hx_scan_stride(n) bytes, aligned; max and norm as for a row. */
void hx_scan_query_init(hx_scan_query_t *y, double max, double norm, void *mem,
    uint64_t n);
void hx_scan_query_add(hx_scan_query_t *y, const double *x, size_t n);
void hx_scan_query_end(hx_scan_query_t *y);

/* n rows one after the other; out[i]: times scale it is about the cosine. */
void hx_scan_coarse(const hx_scan_query_t *y, const unsigned char *rows,
    size_t n, float *out);

/* The same with both levels of the query. */
void hx_scan_rows(const hx_scan_query_t *y, const unsigned char *rows,
    size_t n, float *out);

/*
 * What hx_scan_coarse() gave becomes the cosines, about; and row[] gets the
 * places of those that may be worth a look, in order: all for which
 *
 *     norm (a up - b norm) >= bar
 *
 * where "up" is what the cosine can be at most; without norm: up >= bar.  A few
 * others may be among them.  Their number.
 */
typedef struct {
    const float   *scale;
    const float   *error;
    const double  *norm;            /* or NULL */
    double         a;
    double         b;
    double         bar;
    float          k;               /* of the bound: set by hx_scan_pick() */
    float          c;
} hx_scan_pick_t;

size_t hx_scan_pick(const hx_scan_query_t *y, hx_scan_pick_t *p, size_t n,
    float *out, uint32_t *row);

/* The bound itself, of one row. */
static inline float
hx_scan_bound(const hx_scan_query_t *y, float error)
{
    return error * (1 + y->rest) + y->rest + HX_SCAN_SLACK;
}

/* out[i] = <sig row i, q>; rows of HX_SIG numbers. */
void hx_scan_signatures(const float *rows, size_t n, const float *q,
    float *out);


/* A signature being made of the elements in order. */
typedef struct {
    uint64_t  block;                /* elements of one mean */
    uint64_t  at;                   /* elements so far */
    double    sum[HX_SIG];
} hx_scan_sig_t;

/* n: elements of the whole vector, zero padded to a power of two >= HX_SIG. */
void hx_scan_sig_init(hx_scan_sig_t *s, uint64_t n);
void hx_scan_sig_add(hx_scan_sig_t *s, const double *x, size_t n);

/*
 * From sums over blocks that are scaled already to P x (see hx_tt_signature):
 * c and rho as the columns keep them.  off: how far P x may be from that of the
 * vector whose norm this is, as a part of the norm.
 */
void hx_scan_sig_finish(const double px[HX_SIG], double norm, double off,
    float c[HX_SIG], float *rho);

/* The same from a finished hx_scan_sig_t. */
void hx_scan_sig_end(const hx_scan_sig_t *s, double norm, float c[HX_SIG],
    float *rho);

#endif /* HX_SCAN_H */
