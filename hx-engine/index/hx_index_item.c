/*
 * hx_index_item.c -- what one value will be in the columns: its norm, and
 * bytes or cores if there is memory for them.
 *
 * Runs where the value is at hand: on a worker before a write is submitted, or
 * in the building thread.  Values that are not all finite become items of kind
 * NONE: they are no candidates.
 */

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "hx_index_impl.h"
#include "hx_tt_cond.h"
#include "hx_tt_dot.h"

/* The product of a train with itself and the norm that was measured: as close
 * as this, or the cores are not trusted. */
#define HX_ITEM_NEAR   1e-13
#define HX_ITEM_ROUND  2e-14        /* of that product */
#define HX_ITEM_PAD    0.01f
#define HX_ITEM_KAPPA  100.0
#define HX_ITEM_LESS   8            /* cores take so much less than bytes, or
                                     * the bytes are quicker */


void
hx_form_init(hx_form_t *f, const hx_tt_t *t, const hx_array_t *a)
{
    unsigned  i, n;

    memset(f, 0, sizeof(*f));
    f->d = t->d;

    for (i = 0, n = 0; i < a->ndim; i++) {
        if (a->dim[i] > 1) {
            f->dim[n++] = a->dim[i];
        }
    }

    f->plain = n <= 1 || (t->order == HX_TT_ROWS && !a->fortran);

    if (f->plain) {
        memset(f->dim, 0, sizeof(f->dim));
        return;
    }

    f->order = t->order;
    f->fortran = a->fortran != 0;
    f->ndim = n;
}


void
hx_train_release(hx_train_t *t)
{
    if (t != NULL && atomic_fetch_sub(&t->refs, 1) == 1) {
        if (t->counted != NULL) {
            atomic_fetch_sub(t->counted, t->bytes);
        }
        free(t);
    }
}


void
hx_index_drop(hx_index_item_t *item)
{
    if (item != NULL) {
        hx_item_settle(item);
        hx_train_release(item->train);
        free(item->q);
        free(item);
    }
}


size_t
hx_index_item_size(void)
{
    return sizeof(hx_index_item_t);
}


void
hx_item_settle(hx_index_item_t *item)
{
    if (item->pending != NULL) {
        atomic_fetch_sub(item->pending, item->reserved);
        item->pending = NULL;
        item->reserved = 0;
    }
}


/*
 * Room for a copy, before there is one: 1, or 0.  Of many items that are made
 * at the same time, of one request or of several, each would fit alone.
 */
static int
hx_item_reserve(hx_index_t *ix, const hx_index_room_t *room, uint64_t bytes,
    hx_index_item_t *item)
{
    uint64_t  used, pending;

    pending = atomic_load(&ix->pending);

    do {
        used = atomic_load(&ix->bytes) + pending;

        if (used >= ix->max_bytes || bytes > ix->max_bytes - used) {
            return 0;
        }
    } while (!atomic_compare_exchange_weak(&ix->pending, &pending,
                                           pending + bytes));

    item->pending = &ix->pending;
    item->reserved = (size_t) bytes;

    if (room != NULL && !room->take(room->data, bytes)) {
        hx_item_settle(item);
        return 0;
    }

    return 1;
}


/* There will be no copy after all. */
static void
hx_item_give(const hx_index_room_t *room, hx_index_item_t *item)
{
    if (item->pending != NULL && room != NULL) {
        room->give(room->data, item->reserved);
    }

    hx_item_settle(item);
}


/* |x| of values beyond the range of squares in float64. */
static hx_store_rc_t
hx_item_long_norm(hx_values_t *v, double *norm)
{
    size_t          n;
    double          x[HX_VEC_STEP];
    uint64_t        at;
    long double     len;
    hx_vec_long_t   s;
    hx_store_rc_t   rc;

    memset(&s, 0, sizeof(s));

    for (at = 0; at < v->elements; at += n) {
        n = hx_values_step(v, at);
        rc = hx_values_read(v, at, n, x);
        if (rc != HX_STORE_OK) {
            return rc;
        }
        hx_vec_long_add(&s, x, x, n);
    }

    len = sqrtl(s.aa);
    *norm = len > (long double) DBL_MAX ? DBL_MAX : (double) len;

    return HX_STORE_OK;
}


/* The bytes of a row and its signature. */
static hx_store_rc_t
hx_item_bytes(hx_values_t *v, double max, hx_index_item_t *item)
{
    size_t          n;
    double          x[HX_VEC_STEP];
    uint64_t        at;
    hx_scan_row_t   row;
    hx_scan_sig_t   sig;
    hx_store_rc_t   rc;

    item->q = aligned_alloc(HX_SCAN_ALIGN, hx_scan_stride(v->elements));

    if (item->q == NULL) {
        return HX_STORE_FAIL;
    }

    item->has_sig = v->elements >= HX_SIG_FROM;
    hx_scan_row_init(&row, max, item->norm, item->q);
    hx_scan_sig_init(&sig, v->elements);

    for (at = 0; at < v->elements; at += n) {
        n = hx_values_step(v, at);
        rc = hx_values_read(v, at, n, x);
        if (rc != HX_STORE_OK) {
            return rc;
        }

        hx_scan_row_add(&row, x, n);

        if (item->has_sig) {
            hx_scan_sig_add(&sig, x, n);
        }
    }

    hx_scan_row_end(&row, &item->scale, &item->error);

    if (item->has_sig) {
        hx_scan_sig_end(&sig, item->norm, item->sig, &item->rho);
    }

    item->kind = HX_ROW_BYTES;

    return HX_STORE_OK;
}


static hx_store_rc_t
hx_item_measure(hx_values_t *v, hx_index_item_t *item)
{
    size_t          n;
    double          x[HX_VEC_STEP], squares;
    uint64_t        at;
    hx_vec_stat_t   st;
    hx_store_rc_t   rc;

    memset(&st, 0, sizeof(st));

    for (at = 0; at < v->elements; at += n) {
        n = hx_values_step(v, at);
        rc = hx_values_read(v, at, n, x);
        if (rc != HX_STORE_OK) {
            return rc;
        }

        hx_vec_stat_add(&st, x, n);

        if (st.bad) {
            return HX_STORE_OK;             /* NONE */
        }
    }

    item->kind = HX_ROW_BARE;
    squares = hx_vec_total(&st.squares);

    if (st.max == 0) {
        return HX_STORE_OK;
    }

    if (!hx_vec_in_range(squares)) {
        return hx_item_long_norm(v, &item->norm);
    }

    item->norm = sqrt(squares);

    return item->reserved != 0 ? hx_item_bytes(v, st.max, item) : HX_STORE_OK;
}


/* As bytes, if there is room for them. */
static hx_store_rc_t
hx_item_fill(hx_index_t *ix, hx_values_t *v, const hx_index_room_t *room,
    hx_index_item_t *item)
{
    hx_store_rc_t  rc;

    if (item->reserved == 0) {
        (void) hx_item_reserve(ix, room, hx_scan_stride(v->elements), item);
    }

    item->elements = v->elements;
    rc = hx_item_measure(v, item);

    if (item->kind != HX_ROW_BYTES) {
        hx_item_give(room, item);
    }

    return rc;
}


hx_store_rc_t
hx_item_dense(hx_index_t *ix, hx_values_t *v, const hx_index_room_t *room,
    hx_index_item_t **out)
{
    hx_store_rc_t     rc;
    hx_index_item_t  *item;

    item = calloc(1, sizeof(hx_index_item_t));

    if (item == NULL) {
        return HX_STORE_FAIL;
    }

    rc = hx_item_fill(ix, v, room, item);

    if (rc != HX_STORE_OK) {
        hx_index_drop(item);
        item = NULL;
    }

    *out = item;

    return rc;
}


/*
 * Whether products of cores may stand for products of what is served, and how
 * far they are from it: rounding to the dtype, and the padding of the train,
 * which is not quite zero.
 */
static int
hx_train_trust(hx_train_t *t, const hx_record_t *r, uint64_t elements,
    double *work)
{
    double  len, low, kappa;

    kappa = hx_tt_cond(&t->tt, work);
    t->kappa = (float) kappa;

    if (!(kappa <= HX_ITEM_KAPPA)) {
        return 0;
    }

    len = hx_tt_norm(&t->tt, work) / r->norm;
    low = 1 - r->cast_error / r->norm;
    t->cast = (float) (r->cast_error / r->norm * (1 + 1e-6));
    t->pad = 0;

    if (!(len >= low - HX_ITEM_NEAR) || low < 0.5) {
        return 0;
    }

    if (elements == (uint64_t) 1 << t->tt.d) {
        return len <= 2 - low + HX_ITEM_NEAR;
    }

    /* |train|^2 = |real elements|^2 + |padding|^2, the former >= low^2 */

    t->pad = (float) (sqrt(fmax(len * len - low * low, 0) + HX_ITEM_ROUND)
                      * (1 + 1e-6));
    return t->pad < HX_ITEM_PAD;
}


hx_rc_t
hx_train_create(const hx_record_t *r, const void *stored, hx_train_t **out)
{
    int          good;
    size_t       n, m;
    double      *work, *cores;
    uint64_t     elements;
    hx_train_t  *t;

    (void) hx_array_size(&r->array, &elements, NULL);

    if (r->codec != HX_CODEC_TT || r->stored > elements / HX_ITEM_LESS
        || r->tt.d < HX_SIG_BITS
        || hx_tt_values(&r->tt) * sizeof(double) != r->stored
        || !hx_vec_in_range(r->norm * r->norm))
    {
        return HX_NO;
    }

    t = malloc(sizeof(hx_train_t) + (size_t) r->stored);
    if (t == NULL) {
        return HX_FAIL;
    }

    atomic_init(&t->refs, 1);
    t->bytes = (size_t) r->stored;
    t->counted = NULL;
    t->tt = r->tt;
    cores = (double *) (void *) (t + 1);
    memcpy(cores, stored, t->bytes);
    t->tt.core = cores;
    n = hx_tt_dot_work(&t->tt, &t->tt);
    m = hx_tt_cond_work(&t->tt);
    work = malloc((n > m ? n : m) * sizeof(double));

    if (work == NULL) {
        hx_train_release(t);
        return HX_FAIL;
    }

    good = hx_train_trust(t, r, elements, work);
    free(work);

    if (!good) {
        hx_train_release(t);
        return HX_NO;
    }

    *out = t;

    return HX_OK;
}


/* The cores do not know of the cast and the padding: that much the result may
 * be off (hx_train_off). */
int
hx_train_signature(const hx_train_t *t, double norm, float c[HX_SIG],
    float *rho)
{
    double  px[HX_SIG], *work;

    work = malloc(hx_tt_signature_work(&t->tt, HX_SIG_BITS) * sizeof(double));

    if (work == NULL) {
        return -1;
    }

    hx_tt_signature(&t->tt, HX_SIG_BITS, px, work);
    free(work);
    hx_scan_sig_finish(px, norm, (double) hx_train_off(t), c, rho);

    return 0;
}


/* HX_OK; HX_NO: not as cores; HX_FAIL: no memory. */
static hx_rc_t
hx_item_train(hx_index_t *ix, const hx_record_t *r, const hx_str_t *stored,
    const hx_index_room_t *room, hx_index_item_t *item)
{
    hx_rc_t  rc;

    if (!hx_item_reserve(ix, room, r->stored, item)) {
        return HX_NO;
    }

    rc = hx_train_create(r, stored->data, &item->train);

    if (rc != HX_OK) {
        hx_item_give(room, item);
        return rc;
    }

    item->kind = HX_ROW_TRAIN;
    item->norm = r->norm;
    item->has_sig = 1;
    hx_form_init(&item->form, &r->tt, &r->array);

    return hx_train_signature(item->train, item->norm, item->sig, &item->rho)
           == 0 ? HX_OK : HX_FAIL;
}


/*
 * Whether the norm in the record of a train will do for a row that has nothing
 * else: it was measured on the decoded array, as that of a row is.  That of a
 * full array of float64 is a product of cores, and only as good as they are.
 */
static int
hx_item_has_norm(const hx_record_t *r, uint64_t elements)
{
    return hx_vec_in_range(r->norm * r->norm)
           && (r->array.dtype != HX_DTYPE_F8
               || elements != (uint64_t) 1 << r->tt.d);
}


/* HX_OK; HX_NO: its values have to be read; HX_FAIL: no memory. */
static hx_rc_t
hx_item_cores(hx_index_t *ix, const hx_record_t *r, const hx_str_t *stored,
    const hx_index_room_t *room, hx_index_item_t *item)
{
    hx_rc_t   rc;
    uint64_t  elements;

    if (r->codec != HX_CODEC_TT) {
        return HX_NO;
    }

    (void) hx_array_size(&r->array, &elements, NULL);
    item->elements = elements;
    rc = stored->len == r->stored ? hx_item_train(ix, r, stored, room, item)
                                  : HX_NO;

    /* decoding a large array takes its time: not for what is thrown away */

    if (rc == HX_NO && hx_item_has_norm(r, elements)
        && !hx_item_reserve(ix, room, hx_scan_stride(elements), item))
    {
        item->kind = HX_ROW_BARE;
        item->norm = r->norm;
        rc = HX_OK;
    }

    return rc;
}


hx_store_rc_t
hx_item_make(hx_index_t *ix, const hx_record_t *r, const hx_str_t *stored,
    const hx_index_room_t *room, hx_index_item_t **out)
{
    hx_rc_t           cores;
    hx_values_t       v;
    hx_store_rc_t     rc;
    hx_index_item_t  *item;

    item = calloc(1, sizeof(hx_index_item_t));

    if (item == NULL) {
        return HX_STORE_FAIL;
    }

    cores = hx_item_cores(ix, r, stored, room, item);
    rc = cores == HX_FAIL ? HX_STORE_FAIL : HX_STORE_OK;

    if (cores == HX_NO) {
        rc = hx_values_memory(&v, r, stored);

        if (rc == HX_STORE_OK) {
            rc = hx_item_fill(ix, &v, room, item);
            hx_values_close(&v);
        }
    }

    if (rc != HX_STORE_OK) {
        hx_index_drop(item);
        item = NULL;
    }

    *out = item;

    return rc;
}


hx_index_item_t *
hx_index_prepare(hx_index_t *ix, const hx_record_t *r, const hx_str_t *stored,
    const hx_index_room_t *room)
{
    hx_index_item_t  *item;

    if (!hx_values_usable(r)) {
        return calloc(1, sizeof(hx_index_item_t));      /* NONE */
    }

    return hx_item_make(ix, r, stored, room, &item) == HX_STORE_OK ? item
                                                                   : NULL;
}
