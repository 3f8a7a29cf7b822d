/*
 * hx_tt_sketch.c -- see the header.
 */

#include <string.h>

#include "hx_load.h"
#include "hx_random.h"
#include "hx_row.h"
#include "hx_tt_sketch.h"

#define HX_TT_SKETCH_STEP   2048


hx_rc_t
hx_tt_sketch_init(hx_tt_sketch_t *k, unsigned d, unsigned h, uint64_t seed,
    hx_work_t *w)
{
    size_t    i, j;
    uint64_t  bits;

    k->d = d;
    k->h = h;
    k->rows = (size_t) 1 << h;
    k->cols = (size_t) 1 << (d - h);

    for (j = 0; j < 2; j++) {
        k->sign[j] = hx_work_doubles(w, k->cols);
        k->sum[j] = hx_work_doubles(w, k->rows);

        if (k->sign[j] == NULL || k->sum[j] == NULL) {
            return HX_FAIL;
        }

        memset(k->sum[j], 0, k->rows * sizeof(double));

        for (i = 0, bits = 0; i < k->cols; i++, bits >>= 1) {
            bits = i % 64 == 0 ? hx_random(&seed) : bits;
            k->sign[j][i] = bits & 1 ? 1 : -1;
        }
    }

    return HX_OK;
}


void
hx_tt_sketch_add(hx_tt_sketch_t *k, uint64_t first, const void *x, size_t n)
{
    double                sum[2];
    size_t                row, col, part;
    const unsigned char  *p;

    for (p = x; n != 0; n -= part, first += part, p += part * sizeof(double)) {
        row = (size_t) (first >> (k->d - k->h));
        col = (size_t) (first & (k->cols - 1));
        part = k->cols - col < n ? k->cols - col : n;

        hx_row()->dots(p, k->sign[0] + col, k->sign[1] + col, part, sum);

        k->sum[0][row] += sum[0];
        k->sum[1][row] += sum[1];
    }
}


/* The TT index of coordinates. */
static uint64_t
hx_tt_sketch_index(const hx_tt_map_t *m, const uint64_t *c)
{
    unsigned  b;
    uint64_t  index;

    for (b = 0, index = 0; b < m->d; b++) {
        index = index << 1 | (c[m->dim[b]] >> m->level[b] & 1);
    }

    return index;
}


/*
 * Signs in the order of memory: for coordinates whose high bits are 0 they
 * stand at the place a C array of 2^low[0] x 2^low[1] x .. has for them.
 */
static void
hx_tt_sketch_signs(const hx_tt_sketch_t *k, const hx_tt_map_t *m,
    const unsigned *low, double *to[2])
{
    size_t    i, rest;
    unsigned  j;
    uint64_t  index, c[HX_DIMS_MAX];

    for (i = 0; i < k->cols; i++) {
        for (j = m->ndim, rest = i; j-- > 0; rest >>= low[j]) {
            c[j] = rest & ((UINT64_C(1) << low[j]) - 1);
        }

        index = hx_tt_sketch_index(m, c);
        to[0][i] = k->sign[0][index];
        to[1][i] = k->sign[1][index];
    }
}


/*
 * n elements of a run along the fastest dimension, from coordinates c on, in
 * stretches that lie in one row of the unfolding.
 */
static void
hx_tt_sketch_run(hx_tt_sketch_t *k, const hx_tt_map_t *m, const unsigned *low,
    double *const *sign, uint64_t *c, const double *x, size_t n)
{
    double    sum[2];
    size_t    part, place;
    unsigned  j, last;
    uint64_t  row, mask, other;

    last = m->ndim - 1;
    mask = (UINT64_C(1) << low[last]) - 1;

    for (j = 0, other = 0; j < last; j++) {
        other = other << low[j] | (c[j] & ((UINT64_C(1) << low[j]) - 1));
    }

    for ( /* void */ ; n != 0; n -= part, x += part, c[last] += part) {
        part = (size_t) (mask + 1 - (c[last] & mask));
        part = part < n ? part : n;
        place = (size_t) (other << low[last] | (c[last] & mask));
        row = hx_tt_sketch_index(m, c) >> (k->d - k->h);

        hx_row()->dots(x, sign[0] + place, sign[1] + place, part, sum);

        k->sum[0][row] += sum[0];
        k->sum[1][row] += sum[1];
    }
}


hx_rc_t
hx_tt_sketch_array(hx_tt_sketch_t *k, const hx_tt_map_t *m, hx_dtype_t dtype,
    const void *data, uint64_t elements, hx_work_t *w)
{
    double                x[HX_TT_SKETCH_STEP], *sign[2];
    size_t                part, size;
    unsigned              b, j, last, low[HX_DIMS_MAX];
    uint64_t              i, rest, c[HX_DIMS_MAX];
    const unsigned char  *p;

    sign[0] = hx_work_doubles(w, k->cols);
    sign[1] = hx_work_doubles(w, k->cols);

    if (sign[0] == NULL || sign[1] == NULL) {
        return HX_FAIL;
    }

    memset(low, 0, sizeof(low));

    for (b = k->h; b < m->d; b++) {
        low[m->dim[b]]++;
    }

    hx_tt_sketch_signs(k, m, low, sign);

    p = data;
    size = hx_dtype_size(dtype);
    last = m->ndim - 1;

    for (i = 0; i < elements; i += part, p += part * size) {

        for (j = 0, rest = i; j <= last; j++) {
            c[j] = rest / m->stride[j];
            rest -= c[j] * m->stride[j];
        }

        rest = m->len[last] - c[last];
        part = rest < HX_TT_SKETCH_STEP ? (size_t) rest : HX_TT_SKETCH_STEP;

        hx_load_f8(dtype, p, part, x);
        hx_tt_sketch_run(k, m, low, sign, c, x, part);
    }

    return HX_OK;
}
