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
hx_split_scalar(const double *x, size_t n, double step, int8_t *p, int8_t *r,
    double *coarse)
{
    return hx_vec_split_body(x, n, step, p, r, coarse);
}


static int64_t
hx_product_scalar(const unsigned char *row, const int8_t *p, size_t stride)
{
    size_t   i;
    int64_t  sum;

    for (i = 0, sum = 0; i < stride; i++) {
        sum += row[i] * p[i];
    }

    return sum;
}


static void
hx_coarse_scalar(const hx_scan_query_t *y, const unsigned char *rows,
    size_t n, float *out)
{
    size_t  i;

    for (i = 0; i < n; i++, rows += y->stride) {
        out[i] = (float) (y->t * (double) (hx_product_scalar(rows, y->p,
                                                             y->stride)
                                           - 128 * y->p_sum));
    }
}


static void
hx_rows_scalar(const hx_scan_query_t *y, const unsigned char *rows, size_t n,
    float *out)
{
    size_t   i;
    int64_t  p, r;

    for (i = 0; i < n; i++, rows += y->stride) {
        p = hx_product_scalar(rows, y->p, y->stride) - 128 * y->p_sum;
        r = hx_product_scalar(rows, y->r, y->stride) - 128 * y->r_sum;
        out[i] = (float) (y->t * (double) p + y->u * (double) r);
    }
}


static void
hx_signatures_scalar(const float *rows, size_t n, const float *q, float *out)
{
    hx_vec_signatures_body(rows, n, q, out);
}


static size_t
hx_pick_scalar(const hx_scan_pick_t *p, float *out, size_t n, uint32_t *row)
{
    return hx_vec_pick_body(p, out, n, row);
}


static double
hx_sum_scalar(const double *x, size_t n)
{
    return hx_vec_sum_body(x, n);
}


static const hx_vec_impl_t  hx_vec_scalar = {
    "scalar", hx_pair_scalar, hx_stat_scalar, hx_row_scalar, hx_split_scalar,
    hx_coarse_scalar, hx_rows_scalar, hx_signatures_scalar,
    hx_pick_scalar, hx_sum_scalar
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
