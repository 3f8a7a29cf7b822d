/*
 * hx_test_tt.h -- what the tests of num/ share: random numbers, random trains
 * and arrays, and the slow and plain model of what a train's values are.
 */

#ifndef HX_TEST_TT_H
#define HX_TEST_TT_H

#include <math.h>

#include "hx_test.h"
#include "hx_load.h"
#include "hx_tt.h"

#define TEST_RANK_MAX   20


/* -1 .. 1 */
static inline double
test_uniform(void)
{
    return (double) (int64_t) test_random() * 0x1p-63;
}


/* Near enough to a normal distribution. */
static inline double
test_normal(void)
{
    int     i;
    double  x;

    for (i = 0, x = 0; i < 12; i++) {
        x += test_uniform();
    }

    return x * 0.5;
}


/* A train with ranks up to max; cores with free(). */
static inline void
test_train(hx_tt_t *t, unsigned d, hx_tt_order_t order, unsigned max)
{
    double    *core;
    size_t     i, n;
    unsigned   k;

    t->d = d;
    t->order = order;
    t->rank[0] = 1;
    t->rank[d] = 1;

    for (k = 1; k < d; k++) {
        t->rank[k] = 1 + (uint32_t) test_below(max);
    }

    n = (size_t) hx_tt_values(t);
    assert_true(n != 0);

    core = malloc(n * sizeof(double));
    assert_non_null(core);

    for (i = 0; i < n; i++) {
        core[i] = test_uniform();
    }

    t->core = core;
}


/* One value of a train by the definition. */
static inline double
test_train_at(const hx_tt_t *t, uint64_t index)
{
    double         v[TEST_RANK_MAX], w[TEST_RANK_MAX];
    size_t         i, j, bit;
    unsigned       k;
    const double  *core;

    core = t->core;
    v[0] = 1;

    for (k = 0; k < t->d; k++) {
        bit = (size_t) (index >> (t->d - 1 - k) & 1);

        for (j = 0; j < t->rank[k + 1]; j++) {
            w[j] = 0;

            for (i = 0; i < t->rank[k]; i++) {
                w[j] += v[i] * core[(i * 2 + bit) * t->rank[k + 1] + j];
            }
        }

        memcpy(v, w, sizeof(v));
        core += (size_t) 2 * t->rank[k] * t->rank[k + 1];
    }

    return v[0];
}


/* The TT index of an element, as the text in hx_tt.h has it. */
static inline uint64_t
test_tt_index(const hx_array_t *a, hx_tt_order_t order, uint64_t element)
{
    uint64_t  c[HX_DIMS_MAX], index, n;
    unsigned  i, j, level, m[HX_DIMS_MAX];

    if (order == HX_TT_ROWS) {
        return element;
    }

    for (i = a->ndim; i-- > 0; /* void */ ) {       /* fastest first */
        j = a->fortran ? a->ndim - 1 - i : i;
        n = a->dim[j];
        c[i] = element % n;
        element /= n;

        for (m[i] = 0; UINT64_C(1) << m[i] < n; m[i]++) { /* void */ }
    }

    for (level = 64, index = 0; level-- > 0; /* void */ ) {
        for (i = 0; i < a->ndim; i++) {
            if (m[i] > level) {
                index = index << 1 | (c[i] >> level & 1);
            }
        }
    }

    return index;
}


/* A shape of at most max elements (and at least one), any dtype. */
static inline void
test_shape(hx_array_t *a, uint64_t max)
{
    uint64_t  left;
    unsigned  i;

    memset(a, 0, sizeof(*a));
    a->dtype = (hx_dtype_t) (1 + test_below(HX_DTYPE_COUNT - 1));
    a->fortran = (unsigned) test_below(2);
    a->ndim = (unsigned) test_below(5);

    for (i = 0, left = max; i < a->ndim; i++) {
        a->dim[i] = 1 + test_below(left);

        if (test_below(2)) {
            a->dim[i] = 1 + test_below(left < 40 ? left : 40);
        }

        if (test_below(3) == 0) {
            while (a->dim[i] & (a->dim[i] - 1)) {
                a->dim[i] &= a->dim[i] - 1;
            }
        }

        left /= a->dim[i];
    }
}


static inline uint64_t
test_elements(const hx_array_t *a)
{
    uint64_t  n;

    assert_int_equal(hx_array_size(a, &n, NULL), HX_OK);

    return n;
}

#endif /* HX_TEST_TT_H */
