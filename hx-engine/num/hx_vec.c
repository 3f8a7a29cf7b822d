/*
 * hx_vec.c -- see the header; the plain loops, and which ones run here.
 */

#define HX_W   16               /* SSE2, NEON */

#include "hx_vec_body.h"


static void
hx_pair_scalar(const double *a, const double *b, size_t n, double out[4])
{
    hx_vec_pair_body(a, b, n, out);
}


static double
hx_stat_scalar(const double *x, size_t n, double *max, int *bad)
{
    return hx_vec_stat_body(x, n, max, bad);
}


static double
hx_row_scalar(const double *x, size_t n, double inverse, double step,
    unsigned char *q)
{
    return hx_vec_row_body(x, n, inverse, step, q);
}


static double
hx_split_scalar(const double *x, size_t n, double step, int8_t *p, int8_t *r)
{
    return hx_vec_split_body(x, n, step, p, r);
}


static void
hx_rows_scalar(const hx_scan_query_t *y, const unsigned char *rows, size_t n,
    float *out)
{
    size_t   i, j;
    int64_t  ps, rs;

    for (j = 0; j < n; j++, rows += y->stride) {
        ps = rs = 0;

        for (i = 0; i < y->stride; i++) {
            ps += rows[i] * y->p[i];
            rs += rows[i] * y->r[i];
        }

        out[j] = (float) (y->t * (double) (ps - 128 * y->p_sum)
                          + y->u * (double) (rs - 128 * y->r_sum));
    }
}


static void
hx_signatures_scalar(const float *rows, size_t n, const float *q, float *out)
{
    hx_vec_signatures_body(rows, n, q, out);
}


static void
hx_bounds_scalar(const float *scale, const float *error, float k, float c,
    float *out, float *up, size_t n)
{
    hx_vec_bounds_body(scale, error, k, c, out, up, n);
}


static double
hx_sum_scalar(const double *x, size_t n)
{
    return hx_vec_sum_body(x, n);
}


static const hx_vec_impl_t  hx_vec_scalar = {
    "scalar", hx_pair_scalar, hx_stat_scalar, hx_row_scalar, hx_split_scalar,
    hx_rows_scalar, hx_signatures_scalar, hx_bounds_scalar,
    hx_sum_scalar
};


const hx_vec_impl_t *
hx_vec_impl_get(unsigned i)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512vnni")
        && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512vl")
        && __builtin_cpu_supports("avx512dq") && i-- == 0)
    {
        return &hx_vec_avx512;
    }

    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
        && i-- == 0)
    {
        return &hx_vec_avx2;
    }
#endif

    return i == 0 ? &hx_vec_scalar : NULL;
}


const char *
hx_vec_impl(void)
{
    return hx_vec_impl_get(0)->name;
}


static void
hx_vec_acc(hx_vec_acc_t *a, double v)
{
    double  s;

    s = a->sum + v;
    a->rest += __builtin_fabs(a->sum) >= __builtin_fabs(v)
               ? (a->sum - s) + v : (v - s) + a->sum;
    a->sum = s;
}


void
hx_vec_add(hx_vec_sums_t *s, const double *a, const double *b, size_t n)
{
    double  out[4];

    hx_vec_impl_get(0)->pair(a, b, n, out);

    hx_vec_acc(&s->ab, out[0]);
    hx_vec_acc(&s->aa, out[1]);
    hx_vec_acc(&s->bb, out[2]);
    hx_vec_acc(&s->dd, out[3]);
}


void
hx_vec_long_add(hx_vec_long_t *s, const double *a, const double *b, size_t n)
{
    size_t       i;
    long double  x, y;

    for (i = 0; i < n; i++) {
        x = a[i];
        y = b[i];
        s->ab += x * y;
        s->aa += x * x;
        s->bb += y * y;
        s->dd += (x - y) * (x - y);
    }
}


void
hx_vec_stat_add(hx_vec_stat_t *s, const double *x, size_t n)
{
    hx_vec_acc(&s->squares,
               hx_vec_impl_get(0)->stat(x, n, &s->max, &s->bad));
}
