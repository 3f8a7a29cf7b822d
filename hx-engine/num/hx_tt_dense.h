/*
 * hx_tt_dense.h -- the values of a train, in the order of the array.
 *
 * A train is contracted once to three factors, L (2^h1 x r), M and R (r x
 * 2^(d - h2)), in memory of the caller; after that any stretch of elements is
 * a small product.  Values depend on the cores and the form of the array only,
 * to the last bit: not on the processor, not on how the reading is cut into
 * pieces.  So what hx_tt_compress() measured is what is served.
 *
 * One hx_tt_dense_t serves one thread at a time.  The cores are not needed
 * after hx_tt_dense_init().
 */

#ifndef HX_TT_DENSE_H
#define HX_TT_DENSE_H

#include "hx_tt.h"

/* Elements of one read at most: at rank 100 about 100 us of work. */
#define HX_TT_DENSE_STEP   8192

/* Rows of a block, a power of two. */
#define HX_TT_DENSE_ROWS   32

/* Multiply-adds of one step of a block, as far as possible: 0.3 ms. */
#define HX_TT_DENSE_WORK   ((uint64_t) 1 << 23)

/* Private. */
typedef struct {
    hx_tt_map_t   map;
    hx_dtype_t    dtype;
    uint64_t      elements;
    uint8_t       high[HX_DIMS_MAX];    /* bits of each coordinate in L, */
    uint8_t       mid[HX_DIMS_MAX];     /* M, */
    uint8_t       low[HX_DIMS_MAX];     /* and R */
    size_t        r1;                   /* rank between L and M */
    size_t        r2;                   /* between M and R; r1 without an M */
    size_t        left_most;            /* rows of L that "rows" has room for */
    double       *left;
    double       *middle;               /* NULL: L times R at once */
    double       *right;
    double       *rows;                 /* some rows of L times M */
    double       *piece;                /* HX_TT_DENSE_STEP values */
    uint64_t      rows_high;            /* which rows these are */
    uint64_t      rows_mid;
    uint64_t      rows_from;
    uint64_t      rows_to;              /* 0: none */
} hx_tt_dense_t;

/*
 * Elements that are read in steps, because one pass over R makes all of them.
 */
typedef struct {
    uint64_t      first;
    size_t        n;                    /* elements */
    uint64_t      work;                 /* of the last step */
    size_t        rows;                 /* private, as is what follows */
    size_t        cols;                 /* of a step */
    size_t        next;                 /* column */
} hx_tt_dense_block_t;


/*
 * Bytes of memory for reading array a out of train t; 0 when they do not fit
 * together (hx_tt_values(), hx_tt_map()) or a size is out of reach.  About
 * 8 r (2^h1 + 2^(d - h2)) + 200 KB, where h1 and h2 are near d/2, or d/3 and
 * 2 d/3.  Never allocate it without a limit: a train from outside may have
 * rank 65535.
 */
size_t hx_tt_dense_work(const hx_tt_t *t, const hx_array_t *a);

/* mem: so many bytes, at any address, kept as long as dn is used. */
void hx_tt_dense_init(hx_tt_dense_t *dn, const hx_tt_t *t, const hx_array_t *a,
    void *mem);

/*
 * Elements first .. first + n - 1 in the order of memory (the array's own, C or
 * Fortran), n <= HX_TT_DENSE_STEP, all of them in the array.  out may lie at
 * any address.
 *
 *   hx_tt_dense_read      in the array's dtype: what is served
 *   hx_tt_dense_read_f8   these as float64
 *   hx_tt_dense_raw       the train's values before they are cast
 */
void hx_tt_dense_read(hx_tt_dense_t *dn, uint64_t first, size_t n, void *out);
void hx_tt_dense_read_f8(hx_tt_dense_t *dn, uint64_t first, size_t n,
    double *out);
void hx_tt_dense_raw(hx_tt_dense_t *dn, uint64_t first, size_t n, double *out);

/*
 * What hx_tt_dense_raw() would give, held against n float64 at any address:
 * sum[0] is the sum of squares of the differences, sum[1] that of the values.
 */
void hx_tt_dense_compare(hx_tt_dense_t *dn, uint64_t first, size_t n,
    const void *with, double sum[2]);

/*
 * hx_tt_dense_wide.c
 *
 * What a read of n elements takes, in multiply-adds: HX_TT_DENSE_STEP of them
 * are some ten thousand times the rank.  R, when it is too large for a cache,
 * is read once for each read, whose time then goes with R, not with n.
 */
uint64_t hx_tt_dense_cost(const hx_tt_dense_t *dn, size_t n);

/*
 * Where that is too much, there are blocks: so many elements, a power of two;
 * 0: hx_tt_dense_read() is as good.
 */
size_t hx_tt_dense_block(const hx_tt_dense_t *dn);

/* The block that an element is in; none of it is there yet. */
void hx_tt_dense_block_init(const hx_tt_dense_t *dn, hx_tt_dense_block_t *b,
    uint64_t element);

/*
 * One step of about HX_TT_DENSE_WORK multiply-adds, with the first one those
 * that make rows of L times M.  1: "out" holds what hx_tt_dense_read() of b->n
 * elements from b->first on gives, to the last bit; 0: some columns are
 * missing.  out: always the same, room for hx_tt_dense_block() elements.
 */
int hx_tt_dense_block_step(hx_tt_dense_t *dn, hx_tt_dense_block_t *b,
    void *out);

/* Private. */
const double *hx_tt_dense_lines(hx_tt_dense_t *dn, uint64_t from, uint64_t to);

#endif /* HX_TT_DENSE_H */
