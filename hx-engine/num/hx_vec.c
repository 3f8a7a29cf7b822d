/*
 * hx_vec.c -- see the header; which instruction set.
 */

#include "hx_vec_impl.h"


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
