/*
 * hx_load_impl.h -- one source, hx_load_loops.h, for several instruction sets:
 * private to hx_load*.c and their test.
 */

#ifndef HX_LOAD_IMPL_H
#define HX_LOAD_IMPL_H

#include "hx_dtype.h"

typedef struct {
    const char  *name;
    void       (*load[HX_DTYPE_COUNT])(const unsigned char *p, size_t n,
                     double *dst);
    void       (*store[HX_DTYPE_COUNT])(const double *src, size_t n,
                     unsigned char *p);
} hx_load_impl_t;


/* Number i of those that run here, the fastest first, the plain one last. */
const hx_load_impl_t *hx_load_get(unsigned i);

extern const hx_load_impl_t  hx_load_plain;

#if defined(__x86_64__)

extern const hx_load_impl_t  hx_load_avx2;
extern const hx_load_impl_t  hx_load_avx512;

#endif

#endif /* HX_LOAD_IMPL_H */
