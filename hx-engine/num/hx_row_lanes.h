/*
 * hx_row_lanes.h -- the source of hx_row_*.c, one for each instruction set.
 *
 * Before it is included: lane_t, a vector of LANES doubles, LANES dividing 8;
 * lane_load() from any address, lane_store() to an aligned double, lane_set(),
 * lane_add(), lane_sub(), lane_mul(), lane_fma(a, b, c) = a b + c, lane_abs(),
 * lane_min(), lane_max() (which return the second operand if one is NaN),
 * lane_above(a, b, c, d) = a > b ? c : d; lane_sum(), lane_lowest() and
 * lane_highest() of a vector;
 * LANES_TABLE, the name of the table, and LANES_NAME, its text.
 */

#include <math.h>
#include <string.h>

#include "hx_row.h"

#define HX_JACOBI_SWEEPS   40
#define HX_JACOBI_SMALL    4e-15        /* cosine of a right angle */

/*
 * The last sweeps square the cosines: what is left after this one is none.  But
 * where singular values are equal rows turn by any angle, and that takes what
 * was not quite orthogonal yet to pairs whose turn is over: at most the product
 * of the largest cosine and the largest tangent.
 */
#define HX_JACOBI_LAST     1e-18        /* largest square of a cosine */
#define HX_JACOBI_MIXED    1e-30        /* of that product */

typedef struct {
    double  cosine;                     /* squares of the largest ones */
    double  tangent;
} hx_jacobi_t;


static double
lane_value(const unsigned char *p)
{
    double  x;

    memcpy(&x, p, sizeof(x));

    return x;
}


static void
hx_lanes_stats(const void *a, size_t n, hx_row_stats_t *s)
{
    double                x;
    size_t                i;
    unsigned              j;
    lane_t                v, sum[4], min[4], max[4];
    const unsigned char  *p;

    p = a;
    x = lane_value(p);

    for (j = 0; j < 4; j++) {
        sum[j] = lane_set(0);
        min[j] = lane_set(x);
        max[j] = lane_set(x);
    }

    for (i = 0; i + 4 * LANES <= n; i += 4 * LANES) {
#pragma GCC unroll 4
        for (j = 0; j < 4; j++) {
            v = lane_load(p + (i + j * LANES) * sizeof(double));
            sum[j] = lane_fma(v, v, sum[j]);
            min[j] = lane_min(v, min[j]);
            max[j] = lane_max(v, max[j]);
        }
    }

    sum[0] = lane_add(lane_add(sum[0], sum[1]), lane_add(sum[2], sum[3]));
    min[0] = lane_min(lane_min(min[0], min[1]), lane_min(min[2], min[3]));
    max[0] = lane_max(lane_max(max[0], max[1]), lane_max(max[2], max[3]));

    s->square = lane_sum(sum[0]);
    s->min = lane_lowest(min[0]);
    s->max = lane_highest(max[0]);

    for ( /* void */ ; i < n; i++) {
        x = lane_value(p + i * sizeof(double));
        s->square += x * x;
        s->min = x < s->min ? x : s->min;
        s->max = x > s->max ? x : s->max;
    }
}


static void
hx_lanes_error(const void *a, const double *x, size_t n, double total[2])
{
    double                e;
    size_t                i;
    unsigned              j;
    lane_t                v, u, sum[4], own[4];
    const unsigned char  *p;

    p = a;

    for (j = 0; j < 4; j++) {
        sum[j] = lane_set(0);
        own[j] = lane_set(0);
    }

    for (i = 0; i + 4 * LANES <= n; i += 4 * LANES) {
#pragma GCC unroll 4
        for (j = 0; j < 4; j++) {
            u = lane_load(x + i + j * LANES);
            v = lane_sub(u, lane_load(p + (i + j * LANES) * sizeof(double)));
            sum[j] = lane_fma(v, v, sum[j]);
            own[j] = lane_fma(u, u, own[j]);
        }
    }

    total[0] = lane_sum(lane_add(lane_add(sum[0], sum[1]),
                                 lane_add(sum[2], sum[3])));
    total[1] = lane_sum(lane_add(lane_add(own[0], own[1]),
                                 lane_add(own[2], own[3])));

    for ( /* void */ ; i < n; i++) {
        e = x[i] - lane_value(p + i * sizeof(double));
        total[0] += e * e;
        total[1] += x[i] * x[i];
    }
}


static void
hx_lanes_dots(const void *a, const double *v, const double *w, size_t n,
    double total[2])
{
    double                x;
    size_t                i;
    unsigned              j;
    lane_t                y, sv[2], sw[2];
    const unsigned char  *p;

    p = a;

    for (j = 0; j < 2; j++) {
        sv[j] = lane_set(0);
        sw[j] = lane_set(0);
    }

    for (i = 0; i + 2 * LANES <= n; i += 2 * LANES) {
#pragma GCC unroll 2
        for (j = 0; j < 2; j++) {
            y = lane_load(p + (i + j * LANES) * sizeof(double));
            sv[j] = lane_fma(y, lane_load(v + i + j * LANES), sv[j]);
            sw[j] = lane_fma(y, lane_load(w + i + j * LANES), sw[j]);
        }
    }

    total[0] = lane_sum(lane_add(sv[0], sv[1]));
    total[1] = lane_sum(lane_add(sw[0], sw[1]));

    for ( /* void */ ; i < n; i++) {
        x = lane_value(p + i * sizeof(double));
        total[0] += x * v[i];
        total[1] += x * w[i];
    }
}


static double
hx_lanes_dot(const double *a, const double *b, size_t n)
{
    double    total;
    size_t    i;
    unsigned  j;
    lane_t    sum[4];

    for (j = 0; j < 4; j++) {
        sum[j] = lane_set(0);
    }

    for (i = 0; i + 4 * LANES <= n; i += 4 * LANES) {
#pragma GCC unroll 4
        for (j = 0; j < 4; j++) {
            sum[j] = lane_fma(lane_load(a + i + j * LANES),
                              lane_load(b + i + j * LANES), sum[j]);
        }
    }

    for ( /* void */ ; i + LANES <= n; i += LANES) {
        sum[0] = lane_fma(lane_load(a + i), lane_load(b + i), sum[0]);
    }

    total = lane_sum(lane_add(lane_add(sum[0], sum[1]),
                              lane_add(sum[2], sum[3])));

    for ( /* void */ ; i < n; i++) {
        total += a[i] * b[i];
    }

    return total;
}


static size_t
hx_lanes_argmax(const double *a, size_t n)
{
    double    high, x;
    size_t    i;
    unsigned  j;
    lane_t    max[4];

    for (j = 0; j < 4; j++) {
        max[j] = lane_set(0);
    }

    for (i = 0; i + 4 * LANES <= n; i += 4 * LANES) {
#pragma GCC unroll 4
        for (j = 0; j < 4; j++) {
            max[j] = lane_max(lane_abs(lane_load(a + i + j * LANES)), max[j]);
        }
    }

    high = lane_highest(lane_max(lane_max(max[0], max[1]),
                                 lane_max(max[2], max[3])));

    for ( /* void */ ; i < n; i++) {
        x = fabs(a[i]);
        high = x > high ? x : high;
    }

    for (i = 0; i < n; i++) {
        if (fabs(a[i]) >= high) {
            return i;
        }
    }

    return 0;
}


static void
hx_lanes_eliminate(double *a, const double *b, size_t n, double c,
    hx_row_size_t *s)
{
    double    x;
    size_t    i;
    unsigned  j;
    lane_t    v, factor, sum[2], max[2];

    factor = lane_set(-c);

    for (j = 0; j < 2; j++) {
        sum[j] = lane_set(0);
        max[j] = lane_set(0);
    }

    for (i = 0; i + 2 * LANES <= n; i += 2 * LANES) {
#pragma GCC unroll 2
        for (j = 0; j < 2; j++) {
            v = lane_fma(factor, lane_load(b + i + j * LANES),
                         lane_load(a + i + j * LANES));
            lane_store(a + i + j * LANES, v);
            sum[j] = lane_fma(v, v, sum[j]);
            max[j] = lane_max(lane_abs(v), max[j]);
        }
    }

    s->square = lane_sum(lane_add(sum[0], sum[1]));
    s->max = lane_highest(lane_max(max[0], max[1]));

    for ( /* void */ ; i < n; i++) {
        a[i] -= c * b[i];
        x = fabs(a[i]);
        s->square += x * x;
        s->max = x > s->max ? x : s->max;
    }
}


/* The part of hx_lanes_step() for one row, "whole" vectors of it. */
static inline void
hx_lanes_step_row(double *m, const double *from, size_t whole, double c,
    double i, lane_t best[3])
{
    size_t  j;
    lane_t  v, size, factor, row;

    factor = lane_set(-c);
    row = lane_set(i);

    for (j = 0; j < whole; j += LANES) {
        v = lane_fma(factor, lane_load(from + j), lane_load(m + j));
        lane_store(m + j, v);

        best[0] = lane_fma(v, v, best[0]);
        size = lane_abs(v);
        best[2] = lane_above(size, best[1], row, best[2]);
        best[1] = lane_max(size, best[1]);
    }
}


static double
hx_lanes_step(double *m, size_t a, size_t b, const double *factor, size_t from,
    size_t *worst)
{
    double   tail, size, x, max[LANES], row[LANES];
    size_t   i, j, whole;
    lane_t   best[3];            /* sum of squares, largest, its row */

    best[0] = lane_set(0);
    best[1] = lane_set(0);
    best[2] = lane_set(0);
    whole = b & ~(size_t) (LANES - 1);
    tail = 0;
    size = 0;
    *worst = a;

    for (i = 0; i < a; i++) {
        x = factor[i];

        if (x != x) {
            continue;
        }

        hx_lanes_step_row(m + i * b, m + from * b, whole, x, (double) i, best);

        for (j = whole; j < b; j++) {
            m[i * b + j] -= x * m[from * b + j];
            tail += m[i * b + j] * m[i * b + j];

            if (fabs(m[i * b + j]) > size) {
                size = fabs(m[i * b + j]);
                *worst = i;
            }
        }
    }

    lane_store(max, best[1]);
    lane_store(row, best[2]);

    for (j = 0; j < LANES; j++) {
        if (max[j] > size) {
            size = max[j];
            *worst = (size_t) row[j];
        }
    }

    return lane_sum(best[0]) + tail;
}


/*
 * Makes rows p and q orthogonal.  unit: about 1 / the largest square, so that
 * squares of squares are in range.
 */
static inline void
hx_lanes_rotate(double *p, double *q, size_t n, double *pp, double *qq,
    double unit, hx_jacobi_t *most)
{
    double  dot, h, g, r, t, c, s, cosine;
    size_t  i;
    lane_t  x, y, vc, vs;

    x = lane_set(0);
    y = lane_set(0);

    for (i = 0; i < n; i += 8) {
#if (LANES == 8)
        x = lane_fma(lane_load(p + i), lane_load(q + i), x);
#else
        size_t  j;

        for (j = 0; j < 8; j += 2 * LANES) {
            x = lane_fma(lane_load(p + i + j), lane_load(q + i + j), x);
            y = lane_fma(lane_load(p + i + j + LANES),
                         lane_load(q + i + j + LANES), y);
        }
#endif
    }

    dot = lane_sum(lane_add(x, y));

    g = *pp * unit * *qq;
    cosine = dot * unit * dot;

    if (!(cosine > HX_JACOBI_SMALL * HX_JACOBI_SMALL * g)) {
        return;
    }

    cosine /= g;
    h = (*qq - *pp) * (0.5 * unit);
    g = dot * unit;
    r = sqrt(h * h + g * g);

    if (!(r > 0)) {
        return;
    }

    /* the smaller angle; the two quotients do not wait for each other */
    t = (h < 0 ? -g : g) / (fabs(h) + r);
    c = sqrt((fabs(h) + r) / (2 * r));
    s = c * t;
    most->cosine = cosine > most->cosine ? cosine : most->cosine;
    most->tangent = t * t > most->tangent ? t * t : most->tangent;
    vc = lane_set(c);
    vs = lane_set(s);

    for (i = 0; i < n; i += LANES) {
        x = lane_load(p + i);
        y = lane_load(q + i);
        lane_store(p + i, lane_sub(lane_mul(vc, x), lane_mul(vs, y)));
        lane_store(q + i, lane_fma(vs, x, lane_mul(vc, y)));
    }

    *pp -= t * dot;
    *qq += t * dot;
}


static void
hx_lanes_swap(double *p, double *q, size_t n)
{
    size_t  i;
    lane_t  x;

    for (i = 0; i < n; i += LANES) {
        x = lane_load(p + i);
        lane_store(p + i, lane_load(q + i));
        lane_store(q + i, x);
    }
}


/* Rows p < q, the larger one first. */
static inline void
hx_lanes_pair(double *a, size_t p, size_t q, size_t n, double *square,
    double unit, hx_jacobi_t *most)
{
    double  x;

    if (square[q] > square[p]) {
        hx_lanes_swap(a + p * n, a + q * n, n);
        x = square[p];
        square[p] = square[q];
        square[q] = x;
    }

    hx_lanes_rotate(a + p * n, a + q * n, n, &square[p], &square[q], unit,
                    most);
}


/*
 * A sweep in rounds of pairs that have nothing in common (each row meets each
 * once, as in a tournament), so that the processor can work on several.
 */
static void
hx_lanes_sweep(double *a, size_t r, size_t n, double *square, double unit,
    hx_jacobi_t *most)
{
    size_t  m, round, k, p, q;

    m = (r - 1) | 1;            /* rows but one, an odd number */

    for (round = 0; round < m; round++) {

        if (m < r) {
            hx_lanes_pair(a, round, m, n, square, unit, most);
        }

        for (k = 1, p = round, q = round; k <= m / 2; k++) {
            p = p == 0 ? m - 1 : p - 1;
            q = q == m - 1 ? 0 : q + 1;

            if (p < r && q < r) {
                hx_lanes_pair(a, p < q ? p : q, p < q ? q : p, n, square,
                              unit, most);
            }
        }
    }
}


static void
hx_lanes_jacobi(double *a, size_t r, size_t n, double *square)
{
    double       largest;
    size_t       p;
    unsigned     sweep;
    hx_jacobi_t  most;

    most.cosine = 1;
    most.tangent = 1;

    for (sweep = 0;
         sweep < HX_JACOBI_SWEEPS
         && (most.cosine > HX_JACOBI_LAST
             || most.cosine * most.tangent > HX_JACOBI_MIXED);
         sweep++)
    {
        for (p = 0, largest = 0; p < r; p++) {
            square[p] = hx_lanes_dot(a + p * n, a + p * n, n);
            largest = square[p] > largest ? square[p] : largest;
        }

        most.cosine = 0;
        most.tangent = 0;

        if (r > 1 && largest > 0) {
            hx_lanes_sweep(a, r, n, square, 1 / largest, &most);
        }
    }

    for (p = 0; p < r; p++) {
        square[p] = hx_lanes_dot(a + p * n, a + p * n, n);
    }
}


const hx_row_t  LANES_TABLE = {
    LANES_NAME,
    hx_lanes_stats,
    hx_lanes_error,
    hx_lanes_dots,
    hx_lanes_dot,
    hx_lanes_argmax,
    hx_lanes_eliminate,
    hx_lanes_step,
    hx_lanes_jacobi
};
