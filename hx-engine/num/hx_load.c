/*
 * hx_load.c -- which loops (see hx_load.h, hx_load_loops.h).
 */

#include "hx_load.h"
#include "hx_load_impl.h"

/* Set once, to the same value by whoever comes first. */
static const hx_load_impl_t  *hx_load_best;


const hx_load_impl_t *
hx_load_get(unsigned i)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")
        && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512vl") && i-- == 0)
    {
        return &hx_load_avx512;
    }

    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
        && i-- == 0)
    {
        return &hx_load_avx2;
    }
#endif

    return i == 0 ? &hx_load_plain : NULL;
}


static const hx_load_impl_t *
hx_load_impl(void)
{
    const hx_load_impl_t  *impl;

    impl = __atomic_load_n(&hx_load_best, __ATOMIC_RELAXED);

    if (impl == NULL) {
        impl = hx_load_get(0);
        __atomic_store_n(&hx_load_best, impl, __ATOMIC_RELAXED);
    }

    return impl;
}


void
hx_load_f8(hx_dtype_t t, const void *src, size_t n, double *dst)
{
    if (n != 0 && (unsigned) t < HX_DTYPE_COUNT && t != HX_DTYPE_NONE) {
        hx_load_impl()->load[t](src, n, dst);
    }
}


void
hx_store_f8(hx_dtype_t t, const double *src, size_t n, void *dst)
{
    if (n != 0 && (unsigned) t < HX_DTYPE_COUNT && t != HX_DTYPE_NONE) {
        hx_load_impl()->store[t](src, n, dst);
    }
}
