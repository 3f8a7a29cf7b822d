/*
 * hx_query.c -- a query from its key or array to its hits.
 */

#include <stdlib.h>

#include "hx_query_impl.h"


hx_query_t *
hx_query_create(const hx_query_conf_t *conf)
{
    hx_query_t  *q;

    q = aligned_alloc(64, (sizeof(hx_query_t) + 63) / 64 * 64);

    if (q != NULL) {
        memset(q, 0, sizeof(*q));
        q->conf = *conf;
        q->ix = conf->index;
    }

    return q;
}


void
hx_query_free(hx_query_t *q)
{
    unsigned  i;

    if (q == NULL) {
        return;
    }

    hx_side_close(q, &q->side);

    if (q->has_view) {
        hx_store_view_end(&q->view);
    }

    for (i = 0; q->chosen != NULL && i < q->list->n; i++) {
        free(q->chosen[i]);
    }

    hx_list_release(q->list);
    free(q->chosen);
    free(q->n_chosen);
    free(q->bytes_mem);
    free(q->work);
    free(q->low);
    free(q->cand);
    free(q->best);
    free(q->hit);
    free(q);
}


hx_str_t
hx_query_culprit(const hx_query_t *q)
{
    return q->culprit;
}


void
hx_query_blame(hx_query_t *q, const hx_str_t *key)
{
    q->culprit.data = q->culprit_mem;
    q->culprit.len = key->len;
    memcpy(q->culprit_mem, key->data, key->len);
}


hx_query_rc_t
hx_query_store_rc(hx_query_t *q, hx_store_rc_t rc, const hx_str_t *key)
{
    switch (rc) {

    case HX_STORE_OK:
        return HX_QUERY_OK;

    case HX_STORE_NO:
        hx_query_blame(q, key);
        return HX_QUERY_NO_KEY;

    case HX_STORE_CORRUPT:
        hx_query_blame(q, key);
        return HX_QUERY_CORRUPT;

    default:
        return HX_QUERY_STORE;
    }
}


/* A small query is kept as float64: it is read once for each candidate. */
hx_query_rc_t
hx_query_copy(hx_query_t *q, hx_side_t *s, const hx_str_t *key)
{
    size_t         n;
    uint64_t       at;
    hx_store_rc_t  rc;

    if (s->values.elements > HX_COPY_MAX) {
        return HX_QUERY_OK;
    }

    s->x = malloc((size_t) s->values.elements * sizeof(double));

    if (s->x == NULL) {
        return HX_QUERY_NO_MEMORY;
    }

    for (at = 0; at < s->values.elements; at += n) {
        n = hx_values_step(&s->values, at);
        rc = hx_values_read(&s->values, at, n, s->x + at);

        if (rc != HX_STORE_OK) {
            return hx_query_store_rc(q, rc, key);
        }
    }

    return HX_QUERY_OK;
}


/*
 * The view may be renewed while the query goes on.  Values in several chunks
 * are found anew each time; what lies in one is copied.
 */
static hx_query_rc_t
hx_query_keep(hx_query_t *q, hx_side_t *s, const hx_str_t *key)
{
    hx_str_t       value;
    hx_store_rc_t  rc;

    if (s->record.stored > HX_CHUNK_DATA || s->x != NULL
        || s->values.mem != NULL)
    {
        return HX_QUERY_OK;
    }

    rc = hx_store_value(&q->view, &s->record, 1, NULL, &value);

    if (rc != HX_STORE_OK) {
        return hx_query_store_rc(q, rc, key);
    }

    s->stored = malloc(value.len + 1);

    if (s->stored == NULL) {
        return HX_QUERY_NO_MEMORY;
    }

    memcpy(s->stored, value.data, value.len);
    value.data = s->stored;
    hx_values_close(&s->values);
    rc = hx_values_memory(&s->values, &s->record, &value);
    s->open = rc == HX_STORE_OK;

    return hx_query_store_rc(q, rc, key);
}


/* Norm and so on of the query's side, and its cores if they may be used. */
static hx_query_rc_t
hx_query_begin(hx_query_t *q, const hx_str_t *key)
{
    hx_rc_t         train;
    hx_side_t      *s;
    hx_query_rc_t   rc;

    s = &q->side;
    train = HX_NO;

    if (s->values.cores != NULL) {
        train = hx_train_create(&s->record, s->values.cores, &s->train);

        if (train == HX_FAIL) {
            return HX_QUERY_NO_MEMORY;
        }
    }

    if (train == HX_OK) {
        hx_form_init(&s->form, &s->record.tt, &s->record.array);
        s->norm = s->record.norm;
        return HX_QUERY_OK;
    }

    rc = hx_query_copy(q, s, key);

    if (rc == HX_QUERY_OK) {
        rc = hx_side_measure(q, s, key);
    }

    q->zero = s->max == 0;
    q->odd = !q->zero && !hx_vec_in_range(s->norm * s->norm);

    return rc;
}


static hx_query_rc_t
hx_query_view(hx_query_t *q)
{
    if (hx_store_view(q->conf.store, &q->view) != HX_STORE_OK) {
        return HX_QUERY_STORE;
    }

    q->has_view = 1;

    return HX_QUERY_OK;
}


hx_query_rc_t
hx_query_key(hx_query_t *q, const hx_str_t *key)
{
    hx_query_rc_t  rc;

    rc = hx_query_view(q);

    if (rc == HX_QUERY_OK) {
        rc = hx_query_store_rc(q, hx_store_get(&q->view, &q->conf.ns, key, 0,
                                               &q->side.record), key);
    }

    if (rc == HX_QUERY_OK) {
        rc = hx_side_open(q, &q->side, key);
    }

    if (rc == HX_QUERY_OK) {
        rc = hx_query_begin(q, key);
    }

    if (rc == HX_QUERY_OK) {
        rc = hx_query_keep(q, &q->side, key);
    }

    q->skip = *key;
    q->skip_hash = hx_index_hash(key->data, key->len);

    return rc;
}


hx_query_rc_t
hx_query_data(hx_query_t *q, const hx_record_t *r, const unsigned char *data)
{
    hx_str_t       value, none;
    hx_side_t     *s;
    hx_store_rc_t  rc;

    s = &q->side;
    s->record = *r;
    s->record.codec = HX_CODEC_PASSTHROUGH;
    s->record.stored = r->length;
    value.data = data;
    value.len = (size_t) r->length;
    none.data = data;
    none.len = 0;

    if (!hx_values_usable(&s->record)) {
        return HX_QUERY_OPAQUE;
    }

    rc = hx_values_memory(&s->values, &s->record, &value);
    s->open = rc == HX_STORE_OK;

    return rc == HX_STORE_OK ? hx_query_begin(q, &none)
                             : hx_query_store_rc(q, rc, &none);
}


static int
hx_hit_order(const void *a, const void *b)
{
    int              cmp;
    size_t           len;
    const hx_hit_t  *x, *y;

    x = a;
    y = b;

    if (x->score != y->score) {
        return x->score > y->score ? -1 : 1;
    }

    len = x->key.len < y->key.len ? x->key.len : y->key.len;
    cmp = memcmp(x->key.data, y->key.data, len);

    return cmp != 0 ? cmp : x->key.len < y->key.len ? -1 : 1;
}


static int
hx_hit_order_near(const void *a, const void *b)
{
    const hx_hit_t  *x, *y;

    x = a;
    y = b;

    return x->score != y->score ? (x->score < y->score ? -1 : 1)
                                : hx_hit_order(a, b);
}


static void
hx_query_count(hx_query_t *q)
{
    atomic_fetch_add(&q->ix->queries, 1);
    atomic_fetch_add(&q->ix->scanned, q->scanned);
    atomic_fetch_add(&q->ix->pruned, q->pruned);
    atomic_fetch_add(&q->ix->compared, q->compared);
}


/* The rows are there: which of them? */
static hx_query_rc_t
hx_query_search(hx_query_t *q, uint64_t *candidates)
{
    hx_query_rc_t  rc;

    *candidates = q->live - hx_query_own_rows(q);
    rc = HX_QUERY_OK;

    if (q->conf.match != NULL) {
        rc = hx_query_choose(q, candidates);
    }

    if (rc == HX_QUERY_OK) {
        rc = hx_query_prepare(q);
    }

    if (rc == HX_QUERY_OK) {
        hx_query_scan(q);
        rc = hx_query_decide(q);
    }

    hx_query_count(q);

    return rc;
}


hx_query_rc_t
hx_query_run(hx_query_t *q, const hx_hit_t **hits, unsigned *n,
    uint64_t *candidates)
{
    unsigned        i;
    hx_query_rc_t   rc;

    *n = 0;
    *candidates = 0;

    switch (hx_index_state(q->ix)) {

    case HX_INDEX_BUILDING:
        return HX_QUERY_BUILDING;

    case HX_INDEX_FAILED:
        return HX_QUERY_FAILED;

    default:
        break;
    }

    q->low = malloc(q->conf.k * sizeof(double));
    q->best = malloc(q->conf.k * sizeof(hx_best_t));
    q->hit = malloc(q->conf.k * sizeof(hx_hit_t));

    if (q->low == NULL || q->best == NULL || q->hit == NULL) {
        return HX_QUERY_NO_MEMORY;
    }

    hx_query_snap(q);

    if (q->list != NULL) {
        rc = hx_query_search(q, candidates);
        if (rc != HX_QUERY_OK) {
            return rc;
        }
    }

    for (i = 0; i < q->n_best; i++) {
        q->hit[i].key = q->best[i].key;
        q->hit[i].score = q->best[i].score;
    }

    if (q->n_best != 0) {
        qsort(q->hit, q->n_best, sizeof(hx_hit_t),
              q->conf.metric == HX_EUCLIDEAN ? hx_hit_order_near
                                             : hx_hit_order);
    }

    *hits = q->hit;
    *n = q->n_best;

    return HX_QUERY_OK;
}


hx_query_rc_t
hx_query_pair(hx_query_t *q, const hx_str_t *ka, const hx_str_t *kb,
    double *score)
{
    hx_near_t      near;
    hx_side_t      other;
    hx_query_rc_t  rc;

    rc = hx_query_key(q, ka);

    if (rc != HX_QUERY_OK) {
        return rc;
    }

    memset(&other, 0, sizeof(other));
    rc = hx_query_store_rc(q, hx_store_get(&q->view, &q->conf.ns, kb, 0,
                                           &other.record), kb);
    if (rc != HX_QUERY_OK) {
        return rc;
    }

    rc = hx_side_open(q, &other, kb);

    if (rc == HX_QUERY_OK
        && other.values.elements != q->side.values.elements)
    {
        rc = HX_QUERY_LENGTHS;
    }

    if (rc == HX_QUERY_OK && q->side.train != NULL
        && other.values.cores != NULL)
    {
        hx_form_init(&other.form, &other.record.tt, &other.record.array);

        if (hx_form_same(&q->side.form, &other.form)
            && hx_train_create(&other.record, other.values.cores,
                               &other.train) == HX_OK
            && hx_train_score(q, &q->side, other.train, other.record.norm,
                              &near, score))
        {
            hx_side_close(q, &other);
            return HX_QUERY_OK;
        }
    }

    if (rc == HX_QUERY_OK) {
        rc = hx_side_compare(q, &q->side, &other, kb, score);
    }

    hx_side_close(q, &other);

    return rc;
}
