/*
 * hx_query_prepare.c -- the columns a query looks at, and the query in the
 * forms their rows ask for.
 */

#include <stdlib.h>

#include "hx_query_impl.h"


void
hx_query_snap(hx_query_t *q)
{
    hx_name_t   *name;
    hx_group_t  *g;
    hx_index_t  *ix;

    ix = q->ix;
    pthread_mutex_lock(&ix->snap);

    name = hx_name_find(ix, &q->conf.ns);
    g = name != NULL ? hx_group_find(name, q->side.values.elements) : NULL;

    if (g != NULL) {
        q->list = g->list;
        q->live = g->live;
        atomic_fetch_add(&q->list->refs, 1);
    }

    q->seq = ix->seq;
    pthread_mutex_unlock(&ix->snap);
}


uint64_t
hx_query_own_rows(const hx_query_t *q)
{
    unsigned         i, row, n;
    uint64_t         own;
    const hx_seg_t  *s;

    if (q->skip.data == NULL) {
        return 0;
    }

    for (i = 0, own = 0; i < q->list->n; i++) {
        s = q->list->seg[i];
        n = atomic_load_explicit(&s->n, memory_order_acquire);

        for (row = 0; row < n; row++) {
            own += s->hash[row] == q->skip_hash
                   && hx_row_is(s, row, q->skip_hash, &q->skip)
                   && hx_row_lives(s, row, q->seq);
        }
    }

    return own;
}


/* The query as bytes and as signatures, as far as the rows ask for them. */
static hx_query_rc_t
hx_query_bytes(hx_query_t *q, const hx_str_t *key)
{
    size_t          n;
    double          buf[HX_VEC_STEP];
    uint64_t        at;
    const double   *x;
    hx_side_t      *s;
    hx_scan_sig_t   sig;
    hx_store_rc_t   rc;
    hx_query_rc_t   qrc;

    s = &q->side;
    qrc = HX_QUERY_OK;

    if (!s->measured) {
        qrc = hx_query_copy(q, s, key);

        if (qrc == HX_QUERY_OK) {
            qrc = hx_side_measure(q, s, key);
        }
    }

    if (qrc == HX_QUERY_OK
        && !hx_query_take(q, 2 * s->values.elements, &s->taken))
    {
        qrc = HX_QUERY_BUSY;
    }

    if (qrc != HX_QUERY_OK) {
        return qrc;
    }

    q->bytes_mem = aligned_alloc(HX_SCAN_ALIGN,
                                 2 * hx_scan_stride(s->values.elements));

    if (q->bytes_mem == NULL) {
        return HX_QUERY_NO_MEMORY;
    }

    hx_scan_query_init(&q->bytes, s->max, s->norm, q->bytes_mem,
                       s->values.elements);
    hx_scan_sig_init(&sig, s->values.elements);

    for (at = 0; at < s->values.elements; at += n) {
        n = hx_values_step(&s->values, at);
        rc = hx_side_step(s, at, n, buf, &x);

        if (rc != HX_STORE_OK) {
            return hx_query_store_rc(q, rc, key);
        }

        hx_scan_query_add(&q->bytes, x, n);
        hx_scan_sig_add(&sig, x, n);
    }

    hx_scan_query_end(&q->bytes);
    hx_scan_sig_end(&sig, s->norm, q->sig, &q->rho);
    q->has_sig = 1;
    q->sig_off = 0;

    return HX_QUERY_OK;
}


hx_query_rc_t
hx_query_prepare(hx_query_t *q)
{
    int         bytes, other;
    unsigned    i;
    hx_side_t  *s;
    hx_seg_t   *seg;

    s = &q->side;
    bytes = 0;
    other = 0;

    if (q->zero || q->odd) {
        return HX_QUERY_OK;
    }

    for (i = 0; i < q->list->n; i++) {
        seg = q->list->seg[i];
        bytes |= seg->kind == HX_ROW_BYTES;
        other |= seg->kind == HX_ROW_TRAIN && s->train == NULL;
    }

    if (s->train != NULL) {
        if (hx_train_signature(s->train, s->norm, q->own, &q->own_rho) != 0) {
            return HX_QUERY_NO_MEMORY;
        }

        if (s->form.plain) {
            q->has_sig = 1;
            q->rho = q->own_rho;
            q->sig_off = hx_train_off(s->train);
            memcpy(q->sig, q->own, sizeof(q->sig));
        }
    }

    return bytes || other ? hx_query_bytes(q, &q->skip) : HX_QUERY_OK;
}
