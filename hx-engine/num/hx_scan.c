/*
 * hx_scan.c -- see the header.  Bounds are rounded upwards: what is computed in
 * float64 is a little enlarged before it becomes a float.
 */

#include <math.h>
#include <string.h>

#include "hx_vec_impl.h"

/* Rounding of the sums below, and of the step to float. */
#define hx_scan_up(x)   ((float) ((x) * (1 + 1e-6) + 1e-9))


void
hx_scan_row_init(hx_scan_row_t *row, double max, double norm,
    unsigned char *q)
{
    row->norm = norm;
    row->step = max / 127;
    row->inverse = 127 / max;
    row->squares = 0;
    row->q = q;
    row->done = 0;
}


void
hx_scan_row_add(hx_scan_row_t *row, const double *x, size_t n)
{
    row->squares += hx_vec_impl_get(0)->row(x, n, row->inverse, row->step,
                                            row->q + row->done);
    row->done += n;
}


void
hx_scan_row_end(hx_scan_row_t *row, float *scale, float *error)
{
    memset(row->q + row->done, 128, hx_scan_stride(row->done) - row->done);

    *scale = (float) (row->step / row->norm);
    *error = hx_scan_up(sqrt(row->squares) / row->norm);
}


void
hx_scan_query_init(hx_scan_query_t *y, double max, double norm, void *mem,
    uint64_t n)
{
    y->norm = norm;
    y->step = max / 127;
    y->squares = 0;
    y->coarse_squares = 0;
    y->stride = hx_scan_stride(n);
    y->p = mem;
    y->r = y->p + y->stride;
    y->done = 0;
}


void
hx_scan_query_add(hx_scan_query_t *y, const double *x, size_t n)
{
    y->squares += hx_vec_impl_get(0)->split(x, n, y->step, y->p + y->done,
                                            y->r + y->done,
                                            &y->coarse_squares);
    y->done += n;
}


void
hx_scan_query_end(hx_scan_query_t *y)
{
    size_t  i;

    memset(y->p + y->done, 0, y->stride - y->done);
    memset(y->r + y->done, 0, y->stride - y->done);

    y->p_sum = 0;
    y->r_sum = 0;

    for (i = 0; i < y->done; i++) {
        y->p_sum += y->p[i];
        y->r_sum += y->r[i];
    }

    y->t = y->step / y->norm;
    y->u = y->t / 254;
    y->rest = hx_scan_up(sqrt(y->squares) / y->norm);
    y->coarse = hx_scan_up(sqrt(y->coarse_squares) / y->norm);
}


void
hx_scan_coarse(const hx_scan_query_t *y, const unsigned char *rows, size_t n,
    float *out)
{
    hx_vec_impl_get(0)->coarse(y, rows, n, out);
}


void
hx_scan_rows(const hx_scan_query_t *y, const unsigned char *rows, size_t n,
    float *out)
{
    hx_vec_impl_get(0)->rows(y, rows, n, out);
}


size_t
hx_scan_pick(const hx_scan_query_t *y, hx_scan_pick_t *p, size_t n, float *out,
    uint32_t *row)
{
    p->k = 1 + y->coarse;
    p->c = y->coarse + HX_SCAN_SLACK;

    return hx_vec_impl_get(0)->pick(p, out, n, row);
}


void
hx_scan_signatures(const float *rows, size_t n, const float *q, float *out)
{
    hx_vec_impl_get(0)->signatures(rows, n, q, out);
}


void
hx_scan_sig_init(hx_scan_sig_t *s, uint64_t n)
{
    memset(s, 0, sizeof(*s));

    for (s->block = 1; s->block < UINT64_MAX / 2 / HX_SIG
                       && s->block * HX_SIG < n; s->block *= 2)
    {
        /* void */
    }
}


void
hx_scan_sig_add(hx_scan_sig_t *s, const double *x, size_t n)
{
    size_t                k;
    uint64_t              left;
    const hx_vec_impl_t  *impl;

    impl = hx_vec_impl_get(0);

    while (n != 0) {
        left = s->block - s->at % s->block;
        k = left < n ? (size_t) left : n;
        s->sum[s->at / s->block] += impl->sum(x, k);
        s->at += k;
        x += k;
        n -= k;
    }
}


void
hx_scan_sig_finish(const double px[HX_SIG], double norm, double off,
    float c[HX_SIG], float *rho)
{
    double    d, len;
    unsigned  i;

    len = 0;

    for (i = 0; i < HX_SIG; i++) {
        d = px[i] / norm;
        c[i] = (float) d;
        len += d * d;
    }

    /* of the real projection at least this much is sure: its own rounding is
     * below 1e-9, so is that of the norm */

    len = sqrt(len) - off - 1e-9;
    d = len > 0 ? 1 - len * len : 1;
    *rho = d > 0 ? hx_scan_up(sqrt(d)) : hx_scan_up(0);
}


void
hx_scan_sig_end(const hx_scan_sig_t *s, double norm, float c[HX_SIG],
    float *rho)
{
    double    px[HX_SIG], f;
    unsigned  i;

    f = 1 / sqrt((double) s->block);

    for (i = 0; i < HX_SIG; i++) {
        px[i] = s->sum[i] * f;
    }

    hx_scan_sig_finish(px, norm, 0, c, rho);
}
