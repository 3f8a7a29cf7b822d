/*
 * hx_tt_dense_wide.c -- reading a train whose right factor is large.
 *
 * At rank 700 and 2^22 values R has 11 MB, and HX_TT_DENSE_STEP values are four
 * rows of L times all of it: reading R takes longer than multiplying.  A block
 * has more rows, so that R is read less often, and is made in steps, some
 * columns of all its rows each, so that whoever reads does not keep others
 * waiting.  Only where there is one dimension: trains from outside, of which
 * ranks can be anything, have no other.
 */

#include "hx_gemm.h"
#include "hx_load.h"
#include "hx_tt_dense.h"

/* Doubles of R that stay in a cache. */
#define HX_TT_DENSE_CACHED   ((uint64_t) 1 << 17)

/*
 * Multiply-adds in the time in which a double comes from memory: half as many
 * as a block has rows, so that fetching is a third of the time.
 */
#define HX_TT_DENSE_FETCH    (HX_TT_DENSE_ROWS / 2)

/* Of a block, if it has more than one row. */
#define HX_TT_DENSE_BYTES    ((uint64_t) 1 << 20)


static uint64_t
hx_tt_dense_width(const hx_tt_dense_t *dn)
{
    return UINT64_C(1) << dn->low[dn->map.ndim - 1];
}


uint64_t
hx_tt_dense_cost(const hx_tt_dense_t *dn, size_t n)
{
    unsigned  j, low, shift;
    uint64_t  work, width, columns, middle;

    for (j = 0, low = 0; j < dn->map.ndim; j++) {
        low += dn->low[j];
    }

    width = hx_tt_dense_width(dn);
    columns = UINT64_C(1) << low;
    work = (uint64_t) n * dn->r2 * (width < 8 ? 8 / width : 1);

    if (dn->middle != NULL) {
        work += (n / width + 1) * dn->r1 * dn->r2;

        /* read for each row of L, of which several reads may come */
        shift = dn->mid[dn->map.ndim - 1] + dn->low[dn->map.ndim - 1];
        middle = dn->r1 * (dn->r2 << dn->mid[dn->map.ndim - 1]);

        if (middle > HX_TT_DENSE_CACHED) {
            work += n >> shift != 0 ? HX_TT_DENSE_FETCH * middle
                                    : HX_TT_DENSE_FETCH * middle * n >> shift;
        }
    }

    if (columns * dn->r2 > HX_TT_DENSE_CACHED) {
        work += HX_TT_DENSE_FETCH * dn->r2 * (n < columns ? n : columns);
    }

    return work;
}


/* Rows of R's width; 0: no blocks. */
static size_t
hx_tt_dense_block_rows(const hx_tt_dense_t *dn)
{
    size_t    rows;
    uint64_t  width, all;

    width = hx_tt_dense_width(dn);
    all = (dn->elements - 1) / width + 1;

    if (dn->map.ndim != 1
        || hx_tt_dense_cost(dn, HX_TT_DENSE_STEP) <= HX_TT_DENSE_WORK)
    {
        return 0;
    }

    for (rows = HX_TT_DENSE_ROWS; rows > 1; rows /= 2) {
        if (rows / 2 < all
            && rows * width * hx_dtype_size(dn->dtype) <= HX_TT_DENSE_BYTES
            && (dn->middle == NULL || rows >> dn->mid[0] <= dn->left_most))
        {
            break;
        }
    }

    return rows;
}


size_t
hx_tt_dense_block(const hx_tt_dense_t *dn)
{
    return hx_tt_dense_block_rows(dn) * (size_t) hx_tt_dense_width(dn);
}


void
hx_tt_dense_block_init(const hx_tt_dense_t *dn, hx_tt_dense_block_t *b,
    uint64_t element)
{
    size_t    cols;
    uint64_t  width, left;

    width = hx_tt_dense_width(dn);
    b->rows = hx_tt_dense_block_rows(dn);
    b->n = b->rows * (size_t) width;
    b->first = element / b->n * b->n;
    left = dn->elements - b->first;

    if (left < b->n) {
        b->n = (size_t) left;
        b->rows = (size_t) ((left - 1) / width + 1);
    }

    cols = (size_t) (HX_TT_DENSE_WORK
                     / ((b->rows + HX_TT_DENSE_FETCH) * dn->r2));

    if (cols > HX_TT_DENSE_STEP / b->rows) {
        cols = HX_TT_DENSE_STEP / b->rows;
    }

    cols = cols / HX_GEMM_PANEL * HX_GEMM_PANEL;
    b->cols = cols == 0 ? HX_GEMM_PANEL : cols;
    b->next = 0;
    b->work = 0;
}


/* Columns of all rows: from dn->piece to where they belong. */
static void
hx_tt_dense_block_store(const hx_tt_dense_t *dn, const hx_tt_dense_block_t *b,
    size_t cols, unsigned char *out)
{
    size_t  i, n, at, width, size;

    width = (size_t) hx_tt_dense_width(dn);
    size = hx_dtype_size(dn->dtype);

    for (i = 0; i < b->rows; i++) {
        at = i * width + b->next;

        if (at >= b->n) {
            return;                     /* the last row may be cut */
        }

        n = b->n - at < cols ? b->n - at : cols;
        hx_store_f8(dn->dtype, dn->piece + i * cols, n, out + at * size);
    }
}


int
hx_tt_dense_block_step(hx_tt_dense_t *dn, hx_tt_dense_block_t *b, void *out)
{
    size_t     cols, width;
    uint64_t   from;
    hx_gemm_t  g;

    width = (size_t) hx_tt_dense_width(dn);
    cols = width - b->next < b->cols ? width - b->next : b->cols;
    from = b->first / width;

    g.mode = HX_GEMM_SET;
    g.m = b->rows;
    g.n = cols;
    g.k = dn->r2;
    g.a = hx_tt_dense_lines(dn, from, from + b->rows);
    g.ars = dn->r2;
    g.acs = 1;
    g.b = dn->right + b->next * dn->r2;
    g.ldb = HX_GEMM_PANEL;
    g.c = dn->piece;
    g.ldc = cols;

    hx_gemm_panels(&g);
    hx_tt_dense_block_store(dn, b, cols, out);

    b->work = (uint64_t) cols * dn->r2 * (b->rows + HX_TT_DENSE_FETCH);

    if (dn->middle != NULL && b->next == 0) {
        b->work += (((uint64_t) b->rows >> dn->mid[0]) + 1 + HX_TT_DENSE_FETCH)
                   * dn->r1 * (dn->r2 << dn->mid[0]);
    }

    b->next += cols;

    return b->next == width;
}
