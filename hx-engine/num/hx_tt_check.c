/*
 * hx_tt_check.c -- see the header.
 */

#include <math.h>
#include <string.h>

#include "hx_load.h"
#include "hx_norm.h"
#include "hx_tt_check.h"
#include "hx_tt_dense.h"
#include "hx_tt_dot.h"
#include "hx_row.h"

#define HX_TT_CHECK_STEP   2048

/* Padding that is smaller than this, relative to the norm, is no matter: the
 * product of two such is below 1e-13. */
#define HX_TT_CHECK_PAD    3e-7

typedef struct {
    hx_tt_dense_t         dense;
    hx_dtype_t            dtype;
    size_t                size;
    unsigned              h;
    double               *rows;
    const unsigned char  *data;
    double                error;        /* sums of squares */
    double                square;
    double                cast;
    double                raw;
    double                x[HX_TT_CHECK_STEP];      /* the train */
    double                y[HX_TT_CHECK_STEP];      /* served, as float64 */
    double                z[HX_TT_CHECK_STEP];      /* the array */
    unsigned char         bytes[HX_TT_CHECK_STEP * 8];      /* served */
} hx_tt_check_state_t;


/* The row of an element, and how many elements from there on are in it. */
static uint64_t
hx_tt_check_row(const hx_tt_check_state_t *s, uint64_t element, uint64_t *n)
{
    unsigned            b, j, last, low;
    uint64_t            row, c[HX_DIMS_MAX];
    const hx_tt_map_t  *m;

    m = &s->dense.map;
    last = m->ndim - 1;

    for (j = 0; j <= last; j++) {
        c[j] = element / m->stride[j];
        element -= c[j] * m->stride[j];
    }

    for (b = 0, row = 0; b < s->h; b++) {
        row = row << 1 | (c[m->dim[b]] >> m->level[b] & 1);
    }

    for (b = s->h, low = 0; b < m->d; b++) {
        low += m->dim[b] == last;
    }

    *n = (((c[last] >> low) + 1) << low) - c[last];
    *n = m->len[last] - c[last] < *n ? m->len[last] - c[last] : *n;

    return row;
}


/* Squares of 64-bit integers' differences, where float64 may round both. */
static double
hx_tt_check_wide(const hx_tt_check_state_t *s, const unsigned char *data,
    size_t from, size_t n)
{
    double    sum, e;
    size_t    i;
    int64_t   a, b;
    uint64_t  ua, ub;

    for (i = 0, sum = 0; i < n; i++) {
        memcpy(&ua, data + i * 8, 8);
        memcpy(&ub, s->bytes + (from + i) * 8, 8);

        if (s->dtype == HX_DTYPE_I8) {
            memcpy(&a, &ua, 8);
            memcpy(&b, &ub, 8);
            e = (double) (a > b ? ua - ub : ub - ua);

        } else {
            e = (double) (ua > ub ? ua - ub : ub - ua);
        }

        sum += e * e;
    }

    return sum;
}


/* n elements from first + from on, all decoded: the error, and the norm. */
static double
hx_tt_check_error(hx_tt_check_state_t *s, uint64_t first, size_t from,
    size_t n)
{
    double                sum[2];
    const unsigned char  *data;

    data = s->data + (first + from) * s->size;

    switch (s->dtype) {

    case HX_DTYPE_F8:
        hx_row()->error(data, s->x + from, n, sum);
        s->raw += sum[1];
        s->square += sum[1];
        return sum[0];

    case HX_DTYPE_I8:
    case HX_DTYPE_U8:
        s->square += hx_row()->dot(s->y + from, s->y + from, n);
        return hx_tt_check_wide(s, data, from, n);

    default:
        hx_load_f8(s->dtype, data, n, s->z);
        hx_row()->error(s->z, s->y + from, n, sum);
        s->square += sum[1];
        return sum[0];
    }
}


static void
hx_tt_check_piece(hx_tt_check_state_t *s, uint64_t first, size_t n)
{
    double    e, sum[2];
    size_t    i, part;
    uint64_t  row, stretch;

    if (s->dtype == HX_DTYPE_F8 && s->data != NULL && s->rows == NULL) {
        hx_tt_dense_compare(&s->dense, first, n, s->data + first * 8, sum);
        s->error += sum[0];
        s->square += sum[1];
        s->raw += sum[1];
        return;
    }

    hx_tt_dense_raw(&s->dense, first, n, s->x);

    if (s->dtype != HX_DTYPE_F8) {
        hx_store_f8(s->dtype, s->x, n, s->bytes);
        hx_load_f8(s->dtype, s->bytes, n, s->y);

        hx_row()->error(s->y, s->x, n, sum);
        s->cast += sum[0];
        s->raw += sum[1];
    }

    if (s->data == NULL) {
        e = s->dtype == HX_DTYPE_F8 ? hx_row()->dot(s->x, s->x, n)
                                    : hx_row()->dot(s->y, s->y, n);
        s->square += e;
        s->raw += s->dtype == HX_DTYPE_F8 ? e : 0;
        return;
    }

    if (s->rows == NULL) {
        s->error += hx_tt_check_error(s, first, 0, n);
        return;
    }

    for (i = 0; i < n; i += part) {
        row = hx_tt_check_row(s, first + i, &stretch);
        part = stretch < n - i ? (size_t) stretch : n - i;
        e = hx_tt_check_error(s, first, i, part);

        s->rows[row] += e;
        s->error += e;
    }
}


/* Brings what will be compared next closer, while something is computed. */
static void
hx_tt_check_fetch(const hx_tt_check_state_t *s, uint64_t first, size_t n)
{
    size_t  i;

    for (i = 0; s->data != NULL && i < n * s->size; i += 64) {
        __builtin_prefetch(s->data + first * s->size + i, 0, 2);
    }
}


hx_rc_t
hx_tt_check_norm(double *norm, const hx_tt_t *t, const hx_array_t *a,
    hx_work_t *w)
{
    void            *mem;
    double          *x;
    size_t           n, size;
    uint64_t         i;
    hx_norm_t        sum;
    hx_tt_dense_t    dense;
    hx_work_mark_t   mark;

    size = hx_tt_dense_work(t, a);

    if (size == 0) {
        return HX_NO;
    }

    mark = hx_work_mark(w);
    mem = hx_work_get(w, size);
    x = hx_work_doubles(w, HX_TT_CHECK_STEP);

    if (mem == NULL || x == NULL) {
        hx_work_back(w, mark);
        return HX_FAIL;
    }

    hx_tt_dense_init(&dense, t, a, mem);
    hx_norm_init(&sum, HX_DTYPE_F8);

    for (i = 0; i < dense.elements; i += n) {
        n = dense.elements - i < HX_TT_CHECK_STEP
            ? (size_t) (dense.elements - i) : HX_TT_CHECK_STEP;

        hx_tt_dense_read_f8(&dense, i, n, x);
        hx_norm_add(&sum, x, n * sizeof(double));
    }

    *norm = hx_norm_value(&sum);
    hx_work_back(w, mark);

    return HX_OK;
}


hx_rc_t
hx_tt_check_cores(double *norm, const hx_tt_t *t, hx_work_t *w)
{
    double          *work;
    hx_work_mark_t   mark;

    mark = hx_work_mark(w);
    work = hx_work_doubles(w, hx_tt_dot_work(t, t));

    if (work == NULL) {
        return HX_FAIL;
    }

    *norm = hx_tt_norm(t, work);
    hx_work_back(w, mark);

    return hx_tt_norm_sound(t, *norm) ? HX_OK : HX_NO;
}


/* The norm of all of a train: by decoding it where its cores do not tell. */
static hx_rc_t
hx_tt_check_all(double *norm, const hx_tt_t *t, int outside, hx_work_t *w)
{
    hx_rc_t     rc;
    hx_tt_t     rows;
    hx_array_t  all;

    rc = hx_tt_check_cores(norm, t, w);

    if (rc != HX_NO || !outside) {
        return rc == HX_FAIL ? HX_FAIL : HX_OK;
    }

    /* each TT index once, whatever it stands for */
    rows = *t;
    rows.order = HX_TT_ROWS;

    memset(&all, 0, sizeof(all));
    all.dtype = HX_DTYPE_F8;
    all.ndim = 1;
    all.dim[0] = UINT64_C(1) << t->d;

    return hx_tt_check_norm(norm, &rows, &all, w);
}


/*
 * The energy the train has outside of the array.  It is a difference of two
 * sums, so only right to 1e-15 of these: enough for HX_TT_CHECK_PAD.
 */
static hx_rc_t
hx_tt_check_padding(const hx_tt_t *t, const hx_tt_check_state_t *s,
    double *energy, hx_work_t *w)
{
    double   norm;
    hx_rc_t  rc;

    rc = hx_tt_check_all(&norm, t, s->data == NULL, w);

    if (rc != HX_OK) {
        return rc;
    }

    *energy = norm * norm - s->raw;

    if (*energy <= HX_TT_CHECK_PAD * HX_TT_CHECK_PAD * norm * norm) {
        *energy = 0;
    }

    return HX_OK;
}


hx_rc_t
hx_tt_check(hx_tt_check_t *c, const hx_tt_t *t, const hx_array_t *a,
    const void *data, double *rows, unsigned h, hx_work_t *w)
{
    void                 *mem;
    double                padding;
    size_t                n, size;
    uint64_t              i, elements;
    hx_rc_t               rc;
    hx_work_mark_t        mark;
    hx_tt_check_state_t  *s;

    size = hx_tt_dense_work(t, a);

    if (size == 0) {
        return HX_NO;
    }

    rc = HX_FAIL;
    mark = hx_work_mark(w);
    mem = hx_work_get(w, size);
    s = hx_work_get(w, sizeof(hx_tt_check_state_t));

    if (mem == NULL || s == NULL) {
        goto done;
    }

    hx_tt_dense_init(&s->dense, t, a, mem);

    elements = s->dense.elements;
    s->dtype = a->dtype;
    s->size = hx_dtype_size(a->dtype);
    s->h = h;
    s->rows = rows;
    s->data = data;
    s->error = 0;
    s->square = 0;
    s->cast = 0;
    s->raw = 0;

    if (rows != NULL) {
        memset(rows, 0, sizeof(double) << h);
    }

    for (i = 0; i < elements; i += n) {
        n = elements - i < HX_TT_CHECK_STEP ? (size_t) (elements - i)
                                            : HX_TT_CHECK_STEP;

        if (elements - i - n >= HX_TT_CHECK_STEP) {
            hx_tt_check_fetch(s, i + n, HX_TT_CHECK_STEP);
        }

        hx_tt_check_piece(s, i, n);
    }

    padding = 0;

    if (elements >> t->d == 0) {
        rc = hx_tt_check_padding(t, s, &padding, w);

        if (rc != HX_OK) {
            goto done;
        }
    }

    c->error = sqrt(s->error);
    c->norm = sqrt(s->square);
    c->cast = sqrt(s->cast + padding);
    rc = HX_OK;

done:

    hx_work_back(w, mark);

    return rc;
}
