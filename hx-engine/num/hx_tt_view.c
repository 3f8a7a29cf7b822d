/*
 * hx_tt_view.c -- see the header.
 *
 * A position in memory is a sum of weights of bits.  Counting up changes two
 * bits on average, and with them coordinates, which are only needed where
 * there is padding.
 */

#include <string.h>

#include "hx_load.h"
#include "hx_tt_view.h"

#define HX_TT_VIEW_STEP   256
#define HX_TT_VIEW_NONE   UINT64_MAX        /* padding */


hx_rc_t
hx_tt_view_init(hx_tt_view_t *v, const hx_array_t *a, hx_tt_order_t order,
    unsigned d, const void *data)
{
    unsigned  b;

    if (hx_tt_map(&v->map, a, order, d) != HX_OK
        || hx_array_size(a, &v->elements, NULL) != HX_OK)
    {
        return HX_NO;
    }

    v->data = data;
    v->dtype = a->dtype;
    v->size = hx_dtype_size(a->dtype);

    for (b = 0; b < d; b++) {
        v->weight[b] = v->map.stride[v->map.dim[b]] << v->map.level[b];
    }

    return HX_OK;
}


/* Elements at so many places, HX_TT_VIEW_NONE being 0. */
static void
hx_tt_view_gather(const hx_tt_view_t *v, const uint64_t *at, size_t n,
    double *out)
{
    size_t         i, size;
    unsigned char  buf[HX_TT_VIEW_STEP * 8];

    size = v->size;

    for (i = 0; i < n; i++) {
        if (at[i] == HX_TT_VIEW_NONE) {
            memset(buf + i * size, 0, size);
            continue;
        }

        switch (size) {
        case 8:
            memcpy(buf + i * 8, v->data + at[i] * 8, 8);
            break;
        case 4:
            memcpy(buf + i * 4, v->data + at[i] * 4, 4);
            break;
        case 2:
            memcpy(buf + i * 2, v->data + at[i] * 2, 2);
            break;
        default:
            buf[i] = v->data[at[i]];
            break;
        }
    }

    hx_load_f8(v->dtype, buf, n, out);
}


/* Position in memory = TT index: rows are stretches, columns have a stride. */
static void
hx_tt_view_flat(const hx_tt_view_t *v, unsigned shift, size_t n, uint64_t base,
    double *out)
{
    size_t    i, j, part;
    uint64_t  at[HX_TT_VIEW_STEP];

    if (shift == 0) {
        part = base >= v->elements ? 0
               : v->elements - base < n ? (size_t) (v->elements - base) : n;

        hx_load_f8(v->dtype, v->data + base * v->size, part, out);
        memset(out + part, 0, (n - part) * sizeof(double));
        return;
    }

    for (i = 0; i < n; i += part) {
        part = n - i < HX_TT_VIEW_STEP ? n - i : HX_TT_VIEW_STEP;

        for (j = 0; j < part; j++) {
            at[j] = base < v->elements ? base : HX_TT_VIEW_NONE;
            base += UINT64_C(1) << shift;
        }

        hx_tt_view_gather(v, at, part, out + i);
    }
}


/* Coordinates and position of a TT index, maybe in the padding. */
static uint64_t
hx_tt_view_locate(const hx_tt_view_t *v, uint64_t index, uint64_t *c)
{
    uint64_t  at;
    unsigned  b, j, d;

    d = v->map.d;

    for (j = 0; j < v->map.ndim; j++) {
        c[j] = 0;
    }

    for (b = 0, at = 0; b < d; b++) {
        if (index >> (d - 1 - b) & 1) {
            c[v->map.dim[b]] |= UINT64_C(1) << v->map.level[b];
            at += v->weight[b];
        }
    }

    return at;
}


static int
hx_tt_view_inside(const hx_tt_view_t *v, const uint64_t *c)
{
    unsigned  j;

    for (j = 0; j < v->map.ndim; j++) {
        if (c[j] >= v->map.len[j]) {
            return 0;
        }
    }

    return 1;
}


void
hx_tt_view_read(const hx_tt_view_t *v, unsigned first, unsigned n,
    uint64_t base, double *out)
{
    int       whole;
    size_t    count, i, j, part;
    uint64_t  at, index, c[HX_DIMS_MAX], places[HX_TT_VIEW_STEP];
    unsigned  b, shift;

    count = (size_t) 1 << n;
    shift = v->map.d - first - n;

    if (v->map.ndim == 1) {
        hx_tt_view_flat(v, shift, count, base, out);
        return;
    }

    /* when the last one is in the array, all of them are */
    (void) hx_tt_view_locate(v, base | (uint64_t) (count - 1) << shift, c);
    whole = hx_tt_view_inside(v, c);
    at = hx_tt_view_locate(v, base, c);

    for (i = 0, index = 0; i < count; i += part) {
        part = count - i < HX_TT_VIEW_STEP ? count - i : HX_TT_VIEW_STEP;

        for (j = 0; j < part; j++) {
            places[j] = whole || hx_tt_view_inside(v, c) ? at
                                                         : HX_TT_VIEW_NONE;

            for (b = first + n; b-- > first; /* void */ ) {
                index ^= UINT64_C(1) << (first + n - 1 - b);

                if (index >> (first + n - 1 - b) & 1) {
                    c[v->map.dim[b]] += UINT64_C(1) << v->map.level[b];
                    at += v->weight[b];
                    break;
                }

                c[v->map.dim[b]] -= UINT64_C(1) << v->map.level[b];
                at -= v->weight[b];
            }
        }

        hx_tt_view_gather(v, places, part, out + i);
    }
}
