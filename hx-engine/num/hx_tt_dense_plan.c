/*
 * hx_tt_dense_plan.c -- the three factors of a train (see hx_tt_dense.h).
 *
 * Where a train is cut decides what reading costs: fine bits of smooth data
 * have low ranks, so a late second cut makes each value a sum of few products,
 * and the middle factor keeps L and R small all the same.  The choice follows
 * from the ranks alone, in exact integer arithmetic: a train is read with the
 * same cuts wherever it is served.
 */

#include <stdint.h>
#include <string.h>

#include "hx_gemm.h"
#include "hx_tt_dense.h"

/* Doubles that may be spent on a cheaper cut. */
#define HX_TT_DENSE_ROOM   ((uint64_t) 1 << 19)

/* What is out of reach: no size below overflows when added to others. */
#define HX_TT_DENSE_MAX    ((uint64_t) 1 << 52)

__extension__ typedef unsigned __int128  hx_u128_t;

typedef struct {
    unsigned   h1;
    unsigned   h2;
    uint64_t   left;            /* doubles */
    uint64_t   middle;
    uint64_t   right;
    uint64_t   rows;
    uint64_t   build;           /* of each of two buffers */
    hx_u128_t  total;
    hx_u128_t  cost;            /* about: multiply-adds to read everything */
} hx_tt_dense_cut_t;

/* Sums over the cores before, and after, each bond. */
typedef struct {
    const hx_tt_t      *t;
    const hx_tt_map_t  *map;
    uint8_t             x[HX_TT_CORES_MAX + 1];     /* bits of x before */
    hx_u128_t           left[HX_TT_CORES_MAX + 1];  /* multiply-adds */
    hx_u128_t           right[HX_TT_CORES_MAX + 1];
    hx_u128_t           left_max[HX_TT_CORES_MAX + 1];      /* doubles */
    hx_u128_t           right_max[HX_TT_CORES_MAX + 1];
} hx_tt_dense_sums_t;


static hx_u128_t
hx_tt_dense_max(hx_u128_t a, hx_u128_t b)
{
    return a > b ? a : b;
}


static void
hx_tt_dense_sums(hx_tt_dense_sums_t *s, const hx_tt_t *t, const hx_tt_map_t *m)
{
    unsigned   k;
    hx_u128_t  n;

    s->t = t;
    s->map = m;
    s->x[0] = 0;
    s->left[0] = 0;
    s->left_max[0] = 1;
    s->right[t->d] = 0;
    s->right_max[t->d] = 1;

    for (k = 0; k < t->d; k++) {
        n = (hx_u128_t) t->rank[k + 1] << (k + 1);

        s->x[k + 1] = (uint8_t) (s->x[k] + (m->dim[k] == m->ndim - 1));
        s->left[k + 1] = s->left[k] + n * t->rank[k];
        s->left_max[k + 1] = hx_tt_dense_max(s->left_max[k], n);
    }

    for (k = t->d; k-- > 0; /* void */ ) {
        n = (hx_u128_t) t->rank[k] << (t->d - k);

        s->right[k] = s->right[k + 1] + n * t->rank[k + 1];
        s->right_max[k] = hx_tt_dense_max(s->right_max[k + 1], n);
    }
}


/* Below a whole vector the rest of it is wasted. */
static hx_u128_t
hx_tt_dense_waste(hx_u128_t width, hx_u128_t cost)
{
    return width >= 8 ? cost : cost * 8 / width;
}


/*
 * What it takes to cut at h1 <= h2; chain: multiply-adds that make M, and the
 * most doubles on the way.
 */
static void
hx_tt_dense_weigh(const hx_tt_dense_sums_t *s, hx_tt_dense_cut_t *c,
    hx_u128_t chain, hx_u128_t chain_max)
{
    uint64_t   n, total_x;
    unsigned   d, x_high, x_mid, x_low;
    hx_u128_t  left, middle, right, rows, build, width;
    uint64_t   r1, r2;

    d = s->t->d;
    r1 = s->t->rank[c->h1];
    r2 = s->t->rank[c->h2];

    total_x = s->x[d];
    x_high = s->x[c->h1];
    x_mid = s->x[c->h2] - s->x[c->h1];
    x_low = (unsigned) total_x - s->x[c->h2];

    left = (hx_u128_t) r1 << c->h1;
    width = (hx_u128_t) 1 << x_low;
    right = hx_gemm_packed(width) * r2 << (d - c->h2 - x_low);
    middle = 0;
    rows = 0;

    c->cost = hx_tt_dense_waste(width, (hx_u128_t) (r2 + 4) << d)
              + s->left[c->h1] + s->right[c->h2] + 2 * left + 2 * right;

    if (c->h1 != c->h2) {
        width = (hx_u128_t) r2 << x_mid;
        middle = hx_gemm_packed(width) * r1
                 << (c->h2 - c->h1 - x_mid);

        /* a run of so many elements, not aligned, touches rows of L */
        n = HX_TT_DENSE_STEP >> (x_mid + x_low < 14 ? x_mid + x_low : 14);
        n = n + 2;
        n = x_high < 14 && n > (UINT64_C(1) << x_high) ? UINT64_C(1) << x_high
                                                       : n;
        rows = width * n;

        c->cost += hx_tt_dense_waste(width,
                                     ((hx_u128_t) r2 << c->h2) * (r1 + 2))
                   + chain + 2 * middle;
    }

    build = hx_tt_dense_max(hx_tt_dense_max(s->left_max[c->h1],
                                            s->right_max[c->h2]), chain_max);

    c->total = left + middle + right
               + hx_tt_dense_max(rows + HX_TT_DENSE_STEP, 2 * build);

    if (c->total <= HX_TT_DENSE_MAX) {
        c->left = (uint64_t) left;
        c->middle = (uint64_t) middle;
        c->right = (uint64_t) right;
        c->rows = (uint64_t) rows;
        c->build = (uint64_t) build;
    }
}


static int
hx_tt_dense_better(const hx_tt_dense_cut_t *a, const hx_tt_dense_cut_t *b)
{
    if (a->total <= HX_TT_DENSE_ROOM) {
        return b->total > HX_TT_DENSE_ROOM || a->cost < b->cost;
    }

    return a->total < b->total;
}


/*
 * Room for the rows of a block.  Few more doubles, and not weighed: the values
 * of trains that are stored hang on which cut is best.
 */
static void
hx_tt_dense_room(hx_tt_dense_cut_t *c, const hx_tt_t *t, const hx_tt_map_t *m)
{
    uint64_t  rows;

    if (c->h1 == c->h2 || m->ndim != 1) {
        return;
    }

    rows = (uint64_t) t->rank[c->h2] * HX_TT_DENSE_ROWS;

    if (c->rows < rows) {
        c->rows = rows;
        c->total = (hx_u128_t) c->left + c->middle + c->right
                   + hx_tt_dense_max(rows + HX_TT_DENSE_STEP,
                                     2 * (hx_u128_t) c->build);
    }
}


/* The best cut; HX_NO: even the smallest is out of reach. */
static hx_rc_t
hx_tt_dense_cut(hx_tt_dense_cut_t *best, const hx_tt_t *t,
    const hx_tt_map_t *m)
{
    unsigned            h1, h2;
    hx_u128_t           chain, chain_max, n;
    hx_tt_dense_cut_t   c;
    hx_tt_dense_sums_t  s;

    hx_tt_dense_sums(&s, t, m);

    best->total = ~(hx_u128_t) 0;
    best->cost = ~(hx_u128_t) 0;

    for (h1 = 0; h1 <= t->d; h1++) {
        chain = 0;
        chain_max = 1;

        for (h2 = h1; h2 <= t->d; h2++) {
            c.h1 = h1;
            c.h2 = h2;

            if (h2 > h1) {
                n = ((hx_u128_t) t->rank[h1] * t->rank[h2]) << (h2 - h1);
                chain += h2 - h1 > 1 ? n * t->rank[h2 - 1] : 0;
                chain_max = hx_tt_dense_max(chain_max, n);
            }

            hx_tt_dense_weigh(&s, &c, chain, chain_max);

            if (hx_tt_dense_better(&c, best)) {
                *best = c;
            }
        }
    }

    if (best->total > HX_TT_DENSE_MAX) {
        return HX_NO;
    }

    hx_tt_dense_room(best, t, m);

    return HX_OK;
}


size_t
hx_tt_dense_work(const hx_tt_t *t, const hx_array_t *a)
{
    hx_tt_map_t        m;
    hx_tt_dense_cut_t  c;

    if (hx_tt_values(t) == 0 || hx_tt_map(&m, a, t->order, t->d) != HX_OK
        || hx_tt_dense_cut(&c, t, &m) != HX_OK)
    {
        return 0;
    }

    /* each part begins on a cache line */
    return (size_t) c.total * sizeof(double) + 6 * 64;
}


/* What of the memory is given out next, from a cache line on. */
static double *
hx_tt_dense_take(uintptr_t *at, uint64_t doubles)
{
    double  *p;

    *at = (*at + 63) & ~(uintptr_t) 63;
    p = (double *) *at;
    *at += doubles * sizeof(double);

    return p;
}


/*
 * Cores from .. to - 1 as one matrix, (rank[from] 2^(to - from)) x rank[to]:
 * in buffer or buffer + size.
 */
static double *
hx_tt_dense_chain(const hx_tt_t *t, unsigned from, unsigned to, double *buffer,
    uint64_t size)
{
    size_t         rows;
    double        *a, *b, *swap;
    unsigned       k;
    const double  *core;

    a = buffer;
    b = buffer + size;
    core = t->core;

    for (k = 0; k < from; k++) {
        core += (size_t) 2 * t->rank[k] * t->rank[k + 1];
    }

    if (from == to) {
        a[0] = 1;               /* only asked for at the ends */
        return a;
    }

    rows = (size_t) 2 * t->rank[from];
    memcpy(a, core, rows * t->rank[from + 1] * sizeof(double));

    for (k = from + 1; k < to; k++) {
        core += (size_t) 2 * t->rank[k - 1] * t->rank[k];

        hx_gemm_nn(rows, (size_t) 2 * t->rank[k + 1], t->rank[k], a, core, b);
        rows *= 2;

        swap = a;
        a = b;
        b = swap;
    }

    return a;
}


/* The same from the right: rank[from] x 2^(d - from). */
static double *
hx_tt_dense_chain_right(const hx_tt_t *t, unsigned from, double *buffer,
    uint64_t size)
{
    size_t         n;
    double        *a, *b, *swap;
    unsigned       k;
    const double  *core;

    a = buffer;
    b = buffer + size;
    a[0] = 1;
    core = t->core + hx_tt_values(t);

    for (k = t->d, n = 1; k-- > from; n *= 2) {
        core -= (size_t) 2 * t->rank[k] * t->rank[k + 1];

        hx_gemm_nn((size_t) 2 * t->rank[k], n, t->rank[k + 1], core, a, b);

        swap = a;
        a = b;
        b = swap;
    }

    return a;
}


/*
 * Where the index of bits from .. to - 1 of a train goes when it is ordered by
 * coordinates: place[b - from] is the weight of bit b.  skip: the levels of
 * each coordinate below these bits.
 */
static void
hx_tt_dense_places(const hx_tt_map_t *m, unsigned from, unsigned to,
    const uint8_t *bits, const unsigned *skip, uint64_t *place)
{
    unsigned  b, j, below[HX_DIMS_MAX];

    below[m->ndim - 1] = 0;

    for (j = m->ndim - 1; j-- > 0; /* void */ ) {
        below[j] = below[j + 1] + bits[j + 1];
    }

    for (b = from; b < to; b++) {
        j = m->dim[b];
        place[b - from] = UINT64_C(1) << (below[j] + m->level[b] - skip[j]);
    }
}


/* The place of index + 1, when "at" is that of index (n bits, not the last). */
static uint64_t
hx_tt_dense_next(const uint64_t *place, unsigned n, uint64_t index,
    uint64_t at)
{
    for ( /* void */ ; index & 1; index >>= 1) {
        at -= place[--n];
    }

    return n != 0 ? at + place[n - 1] : at;
}


/* L: rows ordered by coordinates. */
static void
hx_tt_dense_left(hx_tt_dense_t *dn, const hx_tt_t *t,
    const hx_tt_dense_cut_t *c, double *buffer)
{
    double    *from;
    uint64_t   i, at, place[HX_TT_CORES_MAX];
    unsigned   j, skip[HX_DIMS_MAX];

    for (j = 0; j < dn->map.ndim; j++) {
        skip[j] = dn->mid[j] + dn->low[j];
    }

    from = hx_tt_dense_chain(t, 0, c->h1, buffer, c->build);

    if (dn->map.ndim == 1) {
        memcpy(dn->left, from, c->left * sizeof(double));
        return;
    }

    hx_tt_dense_places(&dn->map, 0, c->h1, dn->high, skip, place);

    for (i = 0, at = 0; i < UINT64_C(1) << c->h1; i++) {
        memcpy(dn->left + at * dn->r1, from + i * dn->r1,
               dn->r1 * sizeof(double));
        at = hx_tt_dense_next(place, c->h1, i, at);
    }
}


/*
 * M, with its bits ordered by coordinates: for each combination of the others'
 * bits a packed matrix of r1 rows and columns (x's bits, r2).
 */
static void
hx_tt_dense_middle(hx_tt_dense_t *dn, const hx_tt_t *t,
    const hx_tt_dense_cut_t *c, double *buffer)
{
    size_t     i, j, l, n, col, width, slice;
    double    *from, *to;
    uint64_t   at, x, place[HX_TT_CORES_MAX];
    unsigned   bits, mid, skip[HX_DIMS_MAX];

    for (j = 0; j < dn->map.ndim; j++) {
        skip[j] = dn->low[j];
    }

    mid = dn->mid[dn->map.ndim - 1];
    bits = c->h2 - c->h1;
    n = (size_t) 1 << bits;
    width = dn->r2 << mid;
    slice = dn->r1 * hx_gemm_packed(width);

    from = hx_tt_dense_chain(t, c->h1, c->h2, buffer, c->build);
    hx_tt_dense_places(&dn->map, c->h1, c->h2, dn->mid, skip, place);
    memset(dn->middle, 0, c->middle * sizeof(double));

    for (j = 0, at = 0; j < n; j++) {
        to = dn->middle + (at >> mid) * slice;
        x = at & ((UINT64_C(1) << mid) - 1);

        for (i = 0; i < dn->r1; i++) {
            for (l = 0; l < dn->r2; l++) {
                col = x * dn->r2 + l;
                to[col / HX_GEMM_PANEL * HX_GEMM_PANEL * dn->r1
                   + i * HX_GEMM_PANEL + col % HX_GEMM_PANEL]
                    = from[(i * n + j) * dn->r2 + l];
            }
        }

        at = hx_tt_dense_next(place, bits, j, at);
    }
}


/* R likewise: a packed matrix of r2 rows and x's columns each. */
static void
hx_tt_dense_right(hx_tt_dense_t *dn, const hx_tt_t *t,
    const hx_tt_dense_cut_t *c, double *buffer)
{
    size_t     i, j, n, slice;
    double    *from, *to;
    uint64_t   at, x, place[HX_TT_CORES_MAX];
    unsigned   bits, low, skip[HX_DIMS_MAX];

    memset(skip, 0, sizeof(skip));

    low = dn->low[dn->map.ndim - 1];
    bits = t->d - c->h2;
    n = (size_t) 1 << bits;
    slice = dn->r2 * hx_gemm_packed((size_t) 1 << low);

    from = hx_tt_dense_chain_right(t, c->h2, buffer, c->build);
    hx_tt_dense_places(&dn->map, c->h2, t->d, dn->low, skip, place);
    memset(dn->right, 0, c->right * sizeof(double));

    for (j = 0, at = 0; j < n; j++) {
        x = at & ((UINT64_C(1) << low) - 1);
        to = dn->right + (at >> low) * slice
             + x / HX_GEMM_PANEL * HX_GEMM_PANEL * dn->r2 + x % HX_GEMM_PANEL;

        for (i = 0; i < dn->r2; i++) {
            to[i * HX_GEMM_PANEL] = from[i * n + j];
        }

        at = hx_tt_dense_next(place, bits, j, at);
    }
}


void
hx_tt_dense_init(hx_tt_dense_t *dn, const hx_tt_t *t, const hx_array_t *a,
    void *mem)
{
    double             *buffer;
    unsigned            b;
    uintptr_t           at;
    hx_tt_dense_cut_t   c;

    /* hx_tt_dense_work() has found all of this possible. */
    memset(&c, 0, sizeof(c));
    (void) hx_tt_map(&dn->map, a, t->order, t->d);
    (void) hx_tt_dense_cut(&c, t, &dn->map);
    (void) hx_array_size(a, &dn->elements, NULL);

    dn->dtype = a->dtype;
    dn->r1 = t->rank[c.h1];
    dn->r2 = t->rank[c.h2];
    dn->left_most = 0;
    dn->rows_to = 0;

    memset(dn->high, 0, sizeof(dn->high));
    memset(dn->mid, 0, sizeof(dn->mid));
    memset(dn->low, 0, sizeof(dn->low));

    for (b = 0; b < t->d; b++) {
        if (b < c.h1) {
            dn->high[dn->map.dim[b]]++;

        } else if (b < c.h2) {
            dn->mid[dn->map.dim[b]]++;

        } else {
            dn->low[dn->map.dim[b]]++;
        }
    }

    if (c.h1 != c.h2) {
        dn->left_most = (size_t) (c.rows
                                  / (dn->r2 << dn->mid[dn->map.ndim - 1]));
    }

    at = (uintptr_t) mem;
    dn->left = hx_tt_dense_take(&at, c.left);
    dn->middle = c.h1 == c.h2 ? NULL : hx_tt_dense_take(&at, c.middle);
    dn->right = hx_tt_dense_take(&at, c.right);

    /* The factors are made where later the rows are. */
    buffer = hx_tt_dense_take(&at, 0);
    dn->rows = hx_tt_dense_take(&at, c.rows);
    dn->piece = hx_tt_dense_take(&at, HX_TT_DENSE_STEP);

    hx_tt_dense_left(dn, t, &c, buffer);
    hx_tt_dense_right(dn, t, &c, buffer);

    if (dn->middle != NULL) {
        hx_tt_dense_middle(dn, t, &c, buffer);
    }
}
