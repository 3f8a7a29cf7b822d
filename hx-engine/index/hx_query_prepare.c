/*
 * hx_query_prepare.c -- the columns a query looks at, which of their rows
 * count, and the query in the forms these rows ask for.
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


/* Does the filter let this row pass?  OK: *yes says so. */
static hx_query_rc_t
hx_query_passes(hx_query_t *q, const hx_seg_t *s, unsigned row, int *yes)
{
    hx_str_t        key;
    hx_record_t     r;
    hx_store_rc_t   rc;
    hx_query_rc_t   qrc;

    *yes = 0;

    if (!hx_query_counts(q, s, row)) {
        return HX_QUERY_OK;
    }

    qrc = hx_query_renew(q);

    if (qrc != HX_QUERY_OK) {
        return qrc;
    }

    key = hx_row_key(s, row);
    rc = hx_store_get(&q->view, &q->conf.ns, &key, s->version[row], &r);
    q->fetched++;

    if (rc == HX_STORE_NO) {
        rc = hx_store_get(&q->view, &q->conf.ns, &key, 0, &r);
    }

    if (rc == HX_STORE_OK) {
        *yes = q->conf.match(q->conf.match_data, &r);
    }

    return rc == HX_STORE_NO ? HX_QUERY_OK : hx_query_store_rc(q, rc, &key);
}


static hx_query_rc_t
hx_query_choose_seg(hx_query_t *q, unsigned i)
{
    int             yes;
    unsigned        row, n, cap;
    uint32_t       *list;
    hx_seg_t       *s;
    hx_query_rc_t   rc;

    s = q->list->seg[i];
    n = atomic_load_explicit(&s->n, memory_order_acquire);
    cap = 0;

    for (row = 0; row < n; row++) {
        rc = hx_query_passes(q, s, row, &yes);

        if (rc != HX_QUERY_OK) {
            return rc;
        }

        if (!yes) {
            continue;
        }

        if (q->n_chosen[i] == cap) {
            cap = cap == 0 ? 64 : 2 * cap;
            list = realloc(q->chosen[i], cap * sizeof(uint32_t));

            if (list == NULL) {
                return HX_QUERY_NO_MEMORY;
            }

            q->chosen[i] = list;
        }

        q->chosen[i][q->n_chosen[i]++] = row;
    }

    return HX_QUERY_OK;
}


hx_query_rc_t
hx_query_choose(hx_query_t *q, uint64_t *candidates)
{
    unsigned        i;
    hx_query_rc_t   rc;

    q->chosen = calloc(q->list->n + 1, sizeof(uint32_t *));
    q->n_chosen = calloc(q->list->n + 1, sizeof(uint32_t));

    if (q->chosen == NULL || q->n_chosen == NULL) {
        return HX_QUERY_NO_MEMORY;
    }

    *candidates = 0;

    for (i = 0; i < q->list->n; i++) {
        rc = hx_query_choose_seg(q, i);

        if (rc != HX_QUERY_OK) {
            return rc;
        }

        *candidates += q->n_chosen[i];
    }

    return HX_QUERY_OK;
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
