/*
 * hx_row.c -- which instruction set (see hx_row.h).
 */

#include "hx_row.h"

/* Set once, to the same value by whoever comes first. */
static const hx_row_t  *hx_row_best;


const hx_row_t *
hx_row_get(unsigned i)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && i-- == 0) {
        return &hx_row_avx512;
    }

    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
        && i-- == 0)
    {
        return &hx_row_avx2;
    }
#endif

    return i == 0 ? &hx_row_scalar : NULL;
}


const hx_row_t *
hx_row(void)
{
    const hx_row_t  *v;

    v = __atomic_load_n(&hx_row_best, __ATOMIC_RELAXED);

    if (v == NULL) {
        v = hx_row_get(0);
        __atomic_store_n(&hx_row_best, v, __ATOMIC_RELAXED);
    }

    return v;
}
