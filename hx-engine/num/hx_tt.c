/*
 * hx_tt.c -- sizes of trains and the order of their bits (see hx_tt.h).
 *
 * Everything that multiplies sizes from outside checks for overflow here, once,
 * so that the numerics may trust what hx_tt_values() and hx_tt_map() let pass.
 */

#include "hx_tt.h"

/* Nothing that is addressed in doubles may have more. */
#define HX_TT_VALUES_MAX   (UINT64_C(1) << 59)


unsigned
hx_tt_bits(uint64_t n)
{
    return n < 2 ? 0 : 64 - (unsigned) __builtin_clzll(n - 1);
}


uint64_t
hx_tt_values(const hx_tt_t *t)
{
    uint64_t  sum;
    unsigned  k;

    if (t->d == 0 || t->d > HX_TT_CORES_MAX || t->rank[0] != 1
        || t->rank[t->d] != 1)
    {
        return 0;
    }

    /* 40 cores of 2 x 65535 x 65535 values stay far below 2^64. */
    for (k = 0, sum = 0; k < t->d; k++) {

        if (t->rank[k + 1] == 0 || t->rank[k + 1] > HX_TT_RANK_MAX) {
            return 0;
        }

        sum += (uint64_t) 2 * t->rank[k] * t->rank[k + 1];
    }

    return sum <= HX_TT_VALUES_MAX ? sum : 0;
}


/* Dimensions of more than one element, slowest first, and their strides. */
static hx_rc_t
hx_tt_map_dims(hx_tt_map_t *m, const hx_array_t *a)
{
    uint64_t  n, stride;
    unsigned  i, j;

    if (a->dtype == HX_DTYPE_NONE || hx_array_size(a, &n, NULL) != HX_OK
        || n == 0)
    {
        return HX_NO;
    }

    for (i = 0, m->ndim = 0; i < a->ndim; i++) {
        n = a->dim[a->fortran ? a->ndim - 1 - i : i];

        if (n > 1) {
            m->len[m->ndim++] = n;
        }
    }

    if (m->ndim == 0) {
        m->len[m->ndim++] = 1;
    }

    for (j = m->ndim, stride = 1; j-- > 0; stride *= m->len[j]) {
        m->stride[j] = stride;
    }

    return HX_OK;
}


static void
hx_tt_map_flat(hx_tt_map_t *m)
{
    m->len[0] *= m->stride[0];
    m->stride[0] = 1;
    m->ndim = 1;
}


/* Bits that the dimensions of m need, each padded on its own. */
static unsigned
hx_tt_map_bits(const hx_tt_map_t *m)
{
    unsigned  j, d;

    for (j = 0, d = 0; j < m->ndim; j++) {
        d += hx_tt_bits(m->len[j]);
    }

    return d == 0 ? 1 : d;
}


unsigned
hx_tt_cores(const hx_array_t *a, hx_tt_order_t order)
{
    unsigned     d;
    hx_tt_map_t  m;

    if (hx_tt_map_dims(&m, a) != HX_OK) {
        return 0;
    }

    if (order == HX_TT_ROWS) {
        hx_tt_map_flat(&m);
    }

    d = hx_tt_map_bits(&m);

    return d <= HX_TT_CORES_MAX ? d : 0;
}


hx_rc_t
hx_tt_map(hx_tt_map_t *m, const hx_array_t *a, hx_tt_order_t order, unsigned d)
{
    unsigned  b, j, level, need;

    if (d == 0 || d > HX_TT_CORES_MAX || hx_tt_map_dims(m, a) != HX_OK) {
        return HX_NO;
    }

    if (order == HX_TT_ROWS) {
        hx_tt_map_flat(m);
    }

    need = hx_tt_map_bits(m);

    if (d < need || (d > need && order != HX_TT_ROWS)) {
        return HX_NO;
    }

    m->d = d;

    if (m->ndim == 1) {
        for (b = 0; b < d; b++) {
            m->dim[b] = 0;
            m->level[b] = (uint8_t) (d - 1 - b);
        }

        return HX_OK;
    }

    for (level = HX_TT_CORES_MAX, b = 0; level-- > 0; /* void */ ) {
        for (j = 0; j < m->ndim; j++) {
            if (hx_tt_bits(m->len[j]) > level) {
                m->dim[b] = (uint8_t) j;
                m->level[b++] = (uint8_t) level;
            }
        }
    }

    return HX_OK;
}
