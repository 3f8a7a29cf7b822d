/*
 * hx_row_lanes.h -- the source of hx_row_*.c, one for each instruction set.
 *
 * Before it is included: lane_t, a vector of LANES doubles, LANES dividing 8;
 * lane_load() from any address, lane_store() to an aligned double, lane_set(),
 * lane_add(), lane_sub(), lane_mul(), lane_fma(a, b, c) = a b + c, lane_abs(),
 * lane_min(), lane_max() (which return the second operand if one is NaN);
 * LANES_TABLE, the name of the table, and LANES_NAME, its text.
 */

#include <math.h>
#include <string.h>

#include "hx_row.h"

#define HX_JACOBI_SWEEPS   40
#define HX_JACOBI_SMALL    4e-15        /* cosine of a right angle */


static double
lane_sum(lane_t a)
{
    double  x[LANES], sum;
    size_t  i;

    lane_store(x, a);

    for (i = 1, sum = x[0]; i < LANES; i++) {
        sum += x[i];
    }

    return sum;
}


static double
lane_highest(lane_t a)
{
    double  x[LANES], max;
    size_t  i;

    lane_store(x, a);

    for (i = 1, max = x[0]; i < LANES; i++) {
        max = x[i] > max ? x[i] : max;
    }

    return max;
}


static double
lane_lowest(lane_t a)
{
    double  x[LANES], min;
    size_t  i;

    lane_store(x, a);

    for (i = 1, min = x[0]; i < LANES; i++) {
        min = x[i] < min ? x[i] : min;
    }

    return min;
}


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


/* Makes rows p and q orthogonal; 0: they were. */
static int
hx_lanes_rotate(double *p, double *q, size_t n, double *pp, double *qq)
{
    double  dot, z, t, c, s;
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

    if (!(dot * dot > HX_JACOBI_SMALL * HX_JACOBI_SMALL * (*pp * *qq))) {
        return 0;
    }

    z = (*qq - *pp) / (2 * dot);
    t = (z < 0 ? -1 : 1) / (fabs(z) + sqrt(1 + z * z));
    c = 1 / sqrt(1 + t * t);
    s = c * t;
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

    return 1;
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


static void
hx_lanes_jacobi(double *a, size_t r, size_t n, double *square)
{
    double    x;
    size_t    p, q;
    unsigned  sweep, turned;

    for (sweep = 0, turned = 1; turned && sweep < HX_JACOBI_SWEEPS; sweep++) {
        turned = 0;

        for (p = 0; p < r; p++) {
            square[p] = hx_lanes_dot(a + p * n, a + p * n, n);
        }

        for (p = 0; p + 1 < r; p++) {
            for (q = p + 1; q < r; q++) {

                if (square[q] > square[p]) {
                    hx_lanes_swap(a + p * n, a + q * n, n);
                    x = square[p];
                    square[p] = square[q];
                    square[q] = x;
                }

                turned |= hx_lanes_rotate(a + p * n, a + q * n, n, &square[p],
                                          &square[q]);
            }
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
    hx_lanes_jacobi
};
