/*
 * hx_tt_dense.c -- reading stretches of a train (see hx_tt_dense.h).
 *
 * In the order of memory the fastest dimension, x, makes runs.  Bits of each
 * coordinate fall into three groups (high, middle, low), and along a run all
 * that changes is x:
 *
 *     rows = L[other high, x high] M[other middle]      x high, x middle
 *     values = rows R[other low]                        .. and x low
 *
 * hx_tt_dense_plan.c chooses the groups and lays the three factors out so that
 * both are products of contiguous rows with packed panels.  The first is kept
 * from run to run: in a plane of 2^low rows of the array it stays the same.
 */

#include <stdint.h>
#include <string.h>

#include "hx_gemm.h"
#include "hx_load.h"
#include "hx_row.h"
#include "hx_tt_dense.h"

typedef struct {
    uint64_t  high;             /* of all coordinates but x, */
    uint64_t  mid;              /* the fastest of them lowest */
    uint64_t  low;
} hx_tt_dense_at_t;


/* Where in L, M and R the run through coordinates "at" lies. */
static hx_tt_dense_at_t
hx_tt_dense_locate(const hx_tt_dense_t *dn, const uint64_t *at)
{
    unsigned          j;
    uint64_t          c;
    hx_tt_dense_at_t  o;

    o.high = 0;
    o.mid = 0;
    o.low = 0;

    for (j = 0; j + 1 < dn->map.ndim; j++) {
        c = at[j];

        o.low = o.low << dn->low[j] | (c & ((UINT64_C(1) << dn->low[j]) - 1));
        c >>= dn->low[j];
        o.mid = o.mid << dn->mid[j] | (c & ((UINT64_C(1) << dn->mid[j]) - 1));
        o.high = o.high << dn->high[j] | c >> dn->mid[j];
    }

    return o;
}


/* Rows from .. to - 1 (counted in x's high and middle bits): dn->rows. */
static const double *
hx_tt_dense_rows(hx_tt_dense_t *dn, const hx_tt_dense_at_t *o, uint64_t from,
    uint64_t to)
{
    size_t     width;
    unsigned   x, shift;
    hx_gemm_t  g;

    x = dn->map.ndim - 1;

    if (dn->middle == NULL) {
        return dn->left + (((o->high << dn->high[x]) + from) * dn->r2);
    }

    if (dn->rows_to == 0 || o->high != dn->rows_high || o->mid != dn->rows_mid
        || from < dn->rows_from || to > dn->rows_to)
    {
        shift = dn->mid[x];
        width = dn->r2 << shift;

        dn->rows_high = o->high;
        dn->rows_mid = o->mid;
        dn->rows_from = from >> shift << shift;
        dn->rows_to = (((to - 1) >> shift) + 1) << shift;

        g.mode = HX_GEMM_SET;
        g.m = (size_t) ((dn->rows_to - dn->rows_from) >> shift);
        g.n = width;
        g.k = dn->r1;
        g.a = dn->left + ((o->high << dn->high[x]) + (from >> shift)) * dn->r1;
        g.ars = dn->r1;
        g.acs = 1;
        g.b = dn->middle + o->mid * (dn->r1 * hx_gemm_packed(width));
        g.ldb = 0;
        g.c = dn->rows;
        g.ldc = width;

        hx_gemm_panels(&g);
    }

    return dn->rows + (from - dn->rows_from) * dn->r2;
}


/* Without other coordinates than x there is one run. */
const double *
hx_tt_dense_lines(hx_tt_dense_t *dn, uint64_t from, uint64_t to)
{
    static const hx_tt_dense_at_t  none;

    return hx_tt_dense_rows(dn, &none, from, to);
}


/* m rows times one slice of R: the factors, but for what to do with them. */
static void
hx_tt_dense_product(const hx_tt_dense_t *dn, const double *rows, size_t m,
    uint64_t slice, hx_gemm_t *g)
{
    size_t  width;

    width = (size_t) 1 << dn->low[dn->map.ndim - 1];

    g->mode = HX_GEMM_SET;
    g->m = m;
    g->n = width;
    g->k = dn->r2;
    g->a = rows;
    g->ars = dn->r2;
    g->acs = 1;
    g->b = dn->right + slice * (dn->r2 * hx_gemm_packed(width));
    g->ldb = HX_GEMM_PANEL;
    g->ldc = width;
}


/*
 * Columns from .. to - 1 of one row.  Only the edges of a read need that, and
 * may begin inside a panel.
 */
static void
hx_tt_dense_part(const hx_tt_dense_t *dn, const double *row, uint64_t slice,
    size_t from, size_t to, double *out)
{
    size_t         j, end, skip;
    hx_gemm_t      g;
    const double  *b;

    hx_tt_dense_product(dn, row, 1, slice, &g);
    b = g.b;

    for (j = from; j < to; j = end) {
        skip = j % HX_GEMM_PANEL;
        end = j - skip + HX_GEMM_PANEL;
        end = end < to ? end : to;

        g.n = end - j;
        g.b = b + (j - skip) * dn->r2 + skip;
        g.c = out + (j - from);

        hx_gemm(&g);
    }
}


/* What is done with values: stored at "out", or compared. */
typedef struct {
    double               *out;
    const unsigned char  *with;
    double               *sum;
} hx_tt_dense_to_t;


static void
hx_tt_dense_edge(const hx_tt_dense_t *dn, const double *row, uint64_t slice,
    size_t from, size_t to, hx_tt_dense_to_t *t)
{
    double  sum[2];
    size_t  n;

    n = to - from;

    if (t->out != NULL) {
        hx_tt_dense_part(dn, row, slice, from, to, t->out);
        t->out += n;
        return;
    }

    hx_tt_dense_part(dn, row, slice, from, to, dn->piece);
    hx_row()->error(t->with, dn->piece, n, sum);

    /* there without "out" */
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
    t->sum[0] += sum[0];
    t->sum[1] += sum[1];
    t->with += n * sizeof(double);
}


static void
hx_tt_dense_whole(const hx_tt_dense_t *dn, const double *rows, size_t m,
    uint64_t slice, hx_tt_dense_to_t *t)
{
    hx_gemm_t  g;

    hx_tt_dense_product(dn, rows, m, slice, &g);

    if (t->out != NULL) {
        g.c = t->out;
        hx_gemm_panels(&g);
        t->out += m * g.n;

    } else {
        g.c = NULL;
        hx_gemm_panels_compare(&g, t->with, t->sum);
        t->with += m * g.n * sizeof(double);
    }
}


/* Elements x .. x + n - 1 of the run through o. */
static void
hx_tt_dense_run(hx_tt_dense_t *dn, const hx_tt_dense_at_t *o, uint64_t x,
    size_t n, hx_tt_dense_to_t *t)
{
    size_t         m, part, width, skip;
    uint64_t       from, to;
    unsigned       shift;
    const double  *rows;

    shift = dn->low[dn->map.ndim - 1];
    width = (size_t) 1 << shift;
    from = x >> shift;
    to = ((x + n - 1) >> shift) + 1;
    rows = hx_tt_dense_rows(dn, o, from, to);

    skip = (size_t) (x & (width - 1));

    if (skip != 0 || n < width) {
        part = width - skip < n ? width - skip : n;
        hx_tt_dense_edge(dn, rows, o->low, skip, skip + part, t);
        rows += dn->r2;
        n -= part;
    }

    m = n >> shift;

    if (m != 0) {
        hx_tt_dense_whole(dn, rows, m, o->low, t);
        rows += m * dn->r2;
        n -= m << shift;
    }

    if (n != 0) {
        hx_tt_dense_edge(dn, rows, o->low, 0, n, t);
    }
}


static void
hx_tt_dense_walk(hx_tt_dense_t *dn, uint64_t first, size_t n,
    hx_tt_dense_to_t *t)
{
    size_t            part;
    uint64_t          x, at[HX_DIMS_MAX];
    unsigned          j, last;
    hx_tt_dense_at_t  o;

    last = dn->map.ndim - 1;

    for (j = 0; j <= last; j++) {
        at[j] = first / dn->map.stride[j];
        first -= at[j] * dn->map.stride[j];
    }

    for (x = at[last]; n != 0; n -= part, x = 0) {
        part = dn->map.len[last] - x < n ? (size_t) (dn->map.len[last] - x) : n;
        o = hx_tt_dense_locate(dn, at);

        hx_tt_dense_run(dn, &o, x, part, t);

        for (j = last; j-- > 0; at[j] = 0) {
            if (++at[j] < dn->map.len[j]) {
                break;
            }
        }
    }
}


void
hx_tt_dense_raw(hx_tt_dense_t *dn, uint64_t first, size_t n, double *out)
{
    hx_tt_dense_to_t  t;

    t.out = out;
    t.with = NULL;
    t.sum = NULL;

    hx_tt_dense_walk(dn, first, n, &t);
}


void
hx_tt_dense_compare(hx_tt_dense_t *dn, uint64_t first, size_t n,
    const void *with, double sum[2])
{
    hx_tt_dense_to_t  t;

    sum[0] = 0;
    sum[1] = 0;

    t.out = NULL;
    t.with = with;
    t.sum = sum;

    hx_tt_dense_walk(dn, first, n, &t);
}


void
hx_tt_dense_read(hx_tt_dense_t *dn, uint64_t first, size_t n, void *out)
{
    if (dn->dtype == HX_DTYPE_F8 && (uintptr_t) out % sizeof(double) == 0) {
        hx_tt_dense_raw(dn, first, n, out);
        return;
    }

    hx_tt_dense_raw(dn, first, n, dn->piece);
    hx_store_f8(dn->dtype, dn->piece, n, out);
}


void
hx_tt_dense_read_f8(hx_tt_dense_t *dn, uint64_t first, size_t n, double *out)
{
    hx_tt_dense_raw(dn, first, n, out);

    if (dn->dtype != HX_DTYPE_F8) {
        hx_store_f8(dn->dtype, out, n, dn->piece);
        hx_load_f8(dn->dtype, dn->piece, n, out);
    }
}
