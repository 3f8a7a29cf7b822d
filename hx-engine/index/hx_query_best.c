/*
 * hx_query_best.c -- candidates, the bar they have to pass, and the exact
 * comparison that decides among them.
 */

#include <stdlib.h>

#include "hx_query_impl.h"

#define HX_CANDS_FIRST   1024
#define HX_ROUND         4e-16          /* of a rank made of norms */


double
hx_query_bar(const hx_query_t *q)
{
    return q->n_low == q->conf.k ? q->low[0] : -INFINITY;
}


/* A heap with the smallest on top takes one more; k of them at most stay. */
static void
hx_low_add(hx_query_t *q, double v)
{
    unsigned  i, j;

    if (q->n_low < q->conf.k) {
        for (i = q->n_low++; i != 0 && q->low[(i - 1) / 2] > v; i = j) {
            j = (i - 1) / 2;
            q->low[i] = q->low[j];
        }
        q->low[i] = v;
        return;
    }

    if (v <= q->low[0]) {
        return;
    }

    for (i = 0; (j = 2 * i + 1) < q->n_low; i = j) {
        j += j + 1 < q->n_low && q->low[j + 1] < q->low[j];

        if (q->low[j] >= v) {
            break;
        }

        q->low[i] = q->low[j];
    }

    q->low[i] = v;
}


/* Room for one more: those below the bar by now go first. */
static int
hx_cands_room(hx_query_t *q)
{
    size_t      i, n, cap;
    double      bar;
    hx_cand_t  *cand;

    if (q->n_cand < q->cap_cand) {
        return 0;
    }

    bar = hx_query_bar(q);

    for (i = 0, n = 0; i < q->n_cand; i++) {
        if (q->cand[i].best >= bar) {
            q->cand[n++] = q->cand[i];
        }
    }

    q->n_cand = n;

    if (n < q->cap_cand / 2) {
        return 0;
    }

    cap = q->cap_cand == 0 ? HX_CANDS_FIRST : q->cap_cand * 2;
    cand = realloc(q->cand, cap * sizeof(hx_cand_t));

    if (cand == NULL) {
        q->no_memory = 1;
        return -1;
    }

    q->cand = cand;
    q->cap_cand = cap;

    return 0;
}


static void
hx_query_add(hx_query_t *q, double low, const hx_cand_t *c)
{
    if (c->best < hx_query_bar(q) || !hx_query_counts(q, c->seg, c->row)
        || hx_cands_room(q) != 0)
    {
        return;
    }

    hx_low_add(q, low);
    q->cand[q->n_cand++] = *c;
}


void
hx_query_offer(hx_query_t *q, hx_seg_t *s, uint32_t row, hx_near_t near)
{
    double     a, y, low, round;
    hx_cand_t  c;

    c.seg = s;
    c.row = row;
    c.exact = 0;
    c.score = 0;
    a = s->norm[row];
    y = q->side.norm;

    switch (q->conf.metric) {

    case HX_DOT:
        c.best = a * y * (near.c + near.b);
        low = a * y * (near.c - near.b);
        break;

    case HX_EUCLIDEAN:
        round = HX_ROUND * (a + y) * (a + y);
        c.best = 2 * a * y * (near.c + near.b) - a * a - y * y + round;
        c.best = c.best > 0 ? 0 : c.best;
        low = 2 * a * y * (near.c - near.b) - a * a - y * y - round;
        break;

    default:
        c.best = near.c + near.b;
        low = near.c - near.b;
    }

    if (q->odd || (a != 0 && !hx_vec_in_range(a * a))) {
        c.best = INFINITY;
        low = -INFINITY;
    }

    hx_query_add(q, low, &c);
}


void
hx_query_offer_exact(hx_query_t *q, hx_seg_t *s, uint32_t row, double score)
{
    double     rank;
    hx_cand_t  c;

    rank = hx_rank_of(q->conf.metric, score);
    c.seg = s;
    c.row = row;
    c.exact = 1;
    c.score = score;
    c.best = rank + fabs(rank) * 1e-15;
    hx_query_add(q, rank - fabs(rank) * 1e-15, &c);
}


static int
hx_key_order(const hx_str_t *a, const hx_str_t *b)
{
    int     cmp;
    size_t  len;

    len = a->len < b->len ? a->len : b->len;
    cmp = memcmp(a->data, b->data, len);

    return cmp != 0 ? cmp : a->len < b->len ? -1 : a->len > b->len;
}


/* Is a better than b? */
static int
hx_best_before(hx_metric_t m, double a, const hx_str_t *ak, double b,
    const hx_str_t *bk)
{
    if (a != b) {
        return m == HX_EUCLIDEAN ? a < b : a > b;
    }

    return hx_key_order(ak, bk) < 0;
}


static void
hx_best_set(hx_best_t *b, double score, const hx_str_t *key)
{
    b->score = score;
    b->key.data = b->text;
    b->key.len = key->len;
    memcpy(b->text, key->data, key->len);
}


static void
hx_best_copy(hx_best_t *to, const hx_best_t *from)
{
    hx_best_set(to, from->score, &from->key);
}


/* A heap with the worst on top. */
static void
hx_best_add(hx_query_t *q, double score, const hx_str_t *key)
{
    unsigned      i, j;
    hx_best_t    *h;
    hx_metric_t   m;

    h = q->best;
    m = q->conf.metric;

    if (q->n_best < q->conf.k) {
        for (i = q->n_best++; i != 0; i = j) {
            j = (i - 1) / 2;

            if (!hx_best_before(m, h[j].score, &h[j].key, score, key)) {
                break;
            }
            hx_best_copy(&h[i], &h[j]);
        }

        hx_best_set(&h[i], score, key);
        return;
    }

    if (!hx_best_before(m, score, key, h[0].score, &h[0].key)) {
        return;
    }

    for (i = 0; (j = 2 * i + 1) < q->n_best; i = j) {
        j += j + 1 < q->n_best
             && hx_best_before(m, h[j].score, &h[j].key, h[j + 1].score,
                               &h[j + 1].key);

        if (!hx_best_before(m, score, key, h[j].score, &h[j].key)) {
            break;
        }

        hx_best_copy(&h[i], &h[j]);
    }

    hx_best_set(&h[i], score, key);
}


/* A long query does not keep one moment of the store alive. */
hx_query_rc_t
hx_query_renew(hx_query_t *q)
{
    if (q->has_view && q->fetched < HX_FETCH_VIEW) {
        return HX_QUERY_OK;
    }

    if (q->has_view) {
        hx_store_view_end(&q->view);
        q->has_view = 0;
    }

    if (hx_store_view(q->conf.store, &q->view) != HX_STORE_OK) {
        return HX_QUERY_STORE;
    }

    q->has_view = 1;
    q->fetched = 0;

    return HX_QUERY_OK;
}


/* The score of a version, 0 = the latest; NO_KEY: there is none to compare. */
static hx_query_rc_t
hx_query_exact(hx_query_t *q, const hx_str_t *key, uint64_t version,
    double *score)
{
    uint64_t        n;
    hx_side_t       b;
    hx_store_rc_t   rc;
    hx_query_rc_t   qrc;

    qrc = hx_query_renew(q);

    if (qrc != HX_QUERY_OK) {
        return qrc;
    }

    memset(&b, 0, sizeof(b));
    rc = hx_store_get(&q->view, &q->conf.ns, key, version, &b.record);

    if (rc != HX_STORE_OK) {
        return hx_query_store_rc(q, rc, key);
    }

    if (b.record.array.dtype == HX_DTYPE_NONE
        || hx_array_size(&b.record.array, &n, NULL) != HX_OK
        || n != q->side.values.elements)
    {
        return HX_QUERY_NO_KEY;
    }

    q->fetched += 1 + (unsigned) (b.record.stored >> 16);
    q->compared++;
    qrc = hx_side_open(q, &b, key);

    if (qrc == HX_QUERY_OK) {
        qrc = hx_side_compare(q, &q->side, &b, key, score);
    }

    hx_side_close(q, &b);

    return qrc == HX_QUERY_NOT_FINITE ? HX_QUERY_NO_KEY : qrc;
}


static int
hx_cand_order(const void *a, const void *b)
{
    double  x, y;

    x = ((const hx_cand_t *) a)->best;
    y = ((const hx_cand_t *) b)->best;

    return x < y ? 1 : x > y ? -1 : 0;
}


/* No candidate from this one on can be among the best. */
static int
hx_query_decided(const hx_query_t *q, double best)
{
    double  rank;

    if (q->n_best < q->conf.k) {
        return 0;
    }

    rank = hx_rank_of(q->conf.metric, q->best[0].score);

    return best < rank - fabs(rank) * 1e-14;
}


hx_query_rc_t
hx_query_decide(hx_query_t *q)
{
    size_t          i;
    double          score;
    hx_str_t        key;
    hx_cand_t      *c;
    hx_query_rc_t   rc;

    if (q->no_memory) {
        return HX_QUERY_NO_MEMORY;
    }

    if (q->n_cand != 0) {
        qsort(q->cand, q->n_cand, sizeof(hx_cand_t), hx_cand_order);
    }

    for (i = 0; i < q->n_cand && !hx_query_decided(q, q->cand[i].best); i++) {
        c = &q->cand[i];
        key = hx_row_key(c->seg, c->row);
        score = c->score;

        if (!c->exact) {
            rc = hx_query_exact(q, &key, c->seg->version[c->row], &score);

            if (rc == HX_QUERY_NO_KEY) {
                rc = hx_query_exact(q, &key, 0, &score);
            }

            if (rc == HX_QUERY_NO_KEY) {
                continue;
            }

            if (rc != HX_QUERY_OK) {
                return rc;
            }
        }

        hx_best_add(q, score, &key);
    }

    return HX_QUERY_OK;
}
