/*
 * hx_query_side.c -- one side of a comparison, and the comparison of two.
 */

#include <stdlib.h>

#include "hx_query_impl.h"

#define HX_SIDE_FREE   1048576      /* bytes that need no budget */
#define HX_PRODUCT     2e-15        /* rounding of a product of trains, times
                                     * both kappas */
#define HX_LOSS        5e-13        /* of a distance made of norms and their
                                     * product */


int
hx_query_take(hx_query_t *q, uint64_t bytes, uint64_t *taken)
{
    if (q->conf.take == NULL || bytes <= HX_SIDE_FREE) {
        return 1;
    }

    if (!q->conf.take(q->conf.budget, bytes)) {
        return 0;
    }

    *taken += bytes;

    return 1;
}


void
hx_query_give(hx_query_t *q, uint64_t *taken)
{
    if (*taken != 0) {
        q->conf.give(q->conf.budget, *taken);
        *taken = 0;
    }
}


hx_query_rc_t
hx_side_open(hx_query_t *q, hx_side_t *s, const hx_str_t *key)
{
    hx_store_rc_t  rc;

    if (s->record.array.dtype == HX_DTYPE_NONE) {
        hx_query_blame(q, key);
        return HX_QUERY_OPAQUE;
    }

    if (!hx_values_usable(&s->record)) {
        return hx_query_store_rc(q, HX_STORE_CORRUPT, key);
    }

    if (!hx_query_take(q, hx_values_work(&s->record), &s->taken)) {
        return HX_QUERY_BUSY;
    }

    rc = hx_values_open(&s->values, &q->view, &s->record, 1);
    s->open = rc == HX_STORE_OK;

    return hx_query_store_rc(q, rc, key);
}


void
hx_side_close(hx_query_t *q, hx_side_t *s)
{
    if (s->open) {
        hx_values_close(&s->values);
    }

    hx_query_give(q, &s->taken);
    hx_train_release(s->train);
    free(s->stored);
    free(s->x);
}


hx_store_rc_t
hx_side_step(hx_side_t *s, uint64_t at, size_t n, double *buf,
    const double **out)
{
    if (s->x != NULL) {
        *out = s->x + at;
        return HX_STORE_OK;
    }

    *out = buf;

    return hx_values_read(&s->values, at, n, buf);
}


/* |x| when squares leave the range of float64; at most DBL_MAX. */
static hx_store_rc_t
hx_side_long_norm(hx_side_t *s)
{
    size_t          n;
    double          buf[HX_VEC_STEP];
    uint64_t        at;
    const double   *x;
    long double     len;
    hx_vec_long_t   sums;
    hx_store_rc_t   rc;

    memset(&sums, 0, sizeof(sums));

    for (at = 0; at < s->values.elements; at += n) {
        n = hx_values_step(&s->values, at);
        rc = hx_side_step(s, at, n, buf, &x);
        if (rc != HX_STORE_OK) {
            return rc;
        }
        hx_vec_long_add(&sums, x, x, n);
    }

    len = sqrtl(sums.aa);
    s->norm = len > (long double) DBL_MAX ? DBL_MAX : (double) len;

    return HX_STORE_OK;
}


hx_query_rc_t
hx_side_measure(hx_query_t *q, hx_side_t *s, const hx_str_t *key)
{
    size_t          n;
    double          buf[HX_VEC_STEP], squares;
    uint64_t        at;
    const double   *x;
    hx_vec_stat_t   st;
    hx_store_rc_t   rc;

    memset(&st, 0, sizeof(st));

    for (at = 0; at < s->values.elements; at += n) {
        n = hx_values_step(&s->values, at);
        rc = hx_side_step(s, at, n, buf, &x);
        if (rc != HX_STORE_OK) {
            return hx_query_store_rc(q, rc, key);
        }

        hx_vec_stat_add(&st, x, n);

        if (st.bad) {
            hx_query_blame(q, key);
            return HX_QUERY_NOT_FINITE;
        }
    }

    squares = hx_vec_total(&st.squares);
    s->max = st.max;
    s->norm = sqrt(squares);
    s->measured = 1;

    if (st.max == 0 || hx_vec_in_range(squares)) {
        return HX_QUERY_OK;
    }

    return hx_query_store_rc(q, hx_side_long_norm(s), key);
}


static double
hx_score_clamp(long double v)
{
    if (v > (long double) DBL_MAX) {
        return DBL_MAX;
    }

    return v < -(long double) DBL_MAX ? -DBL_MAX : (double) v;
}


static double
hx_score_cosine(double c)
{
    return c > 1 ? 1 : c < -1 ? -1 : c;
}


static double
hx_score_of(hx_metric_t m, const hx_vec_sums_t *s)
{
    double  aa, bb;

    switch (m) {

    case HX_DOT:
        return hx_vec_total(&s->ab);

    case HX_EUCLIDEAN:
        return sqrt(hx_vec_total(&s->dd));

    default:
        aa = hx_vec_total(&s->aa);
        bb = hx_vec_total(&s->bb);
        return hx_score_cosine(hx_vec_total(&s->ab) / (sqrt(aa) * sqrt(bb)));
    }
}


/*
 * One pass over both sides, for s, or for l where s is NULL.  What is missing
 * on the query's side was removed since; what is missing of the other is NO.
 */
static hx_query_rc_t
hx_side_sums(hx_query_t *q, hx_side_t *a, hx_side_t *b, const hx_str_t *key,
    hx_vec_sums_t *s, hx_vec_long_t *l)
{
    size_t          n;
    double          mem[2][HX_VEC_STEP];
    uint64_t        at;
    const double   *x, *y;
    hx_store_rc_t   rc;

    for (at = 0; at < a->values.elements; at += n) {
        n = hx_values_step(&a->values, at);
        rc = hx_side_step(a, at, n, mem[0], &x);

        if (rc == HX_STORE_NO) {
            return HX_QUERY_MOVED;
        }

        if (rc == HX_STORE_OK) {
            rc = hx_side_step(b, at, n, mem[1], &y);
        }

        if (rc != HX_STORE_OK) {
            return hx_query_store_rc(q, rc, key);
        }

        if (s != NULL) {
            hx_vec_add(s, x, y, n);

        } else {
            hx_vec_long_add(l, x, y, n);
        }
    }

    return HX_QUERY_OK;
}


/* The long way, for values near the ends of float64, and for zeros. */
static hx_query_rc_t
hx_side_compare_long(hx_query_t *q, hx_side_t *a, hx_side_t *b,
    const hx_str_t *key, double *score)
{
    hx_vec_long_t  s;
    hx_query_rc_t  rc;

    memset(&s, 0, sizeof(s));
    rc = hx_side_sums(q, a, b, key, NULL, &s);

    if (rc != HX_QUERY_OK) {
        return rc;
    }

    if (!isfinite(s.bb)) {
        hx_query_blame(q, key);
        return HX_QUERY_NOT_FINITE;
    }

    switch (q->conf.metric) {

    case HX_DOT:
        *score = hx_score_clamp(s.ab);
        break;

    case HX_EUCLIDEAN:
        *score = hx_score_clamp(sqrtl(s.dd));
        break;

    default:
        *score = s.aa == 0 || s.bb == 0 ? 0
                 : hx_score_cosine((double) (s.ab / (sqrtl(s.aa)
                                                * sqrtl(s.bb))));
    }

    return HX_QUERY_OK;
}


hx_query_rc_t
hx_side_compare(hx_query_t *q, hx_side_t *a, hx_side_t *b,
    const hx_str_t *key, double *score)
{
    hx_vec_sums_t  s;
    hx_query_rc_t  rc;

    memset(&s, 0, sizeof(s));
    rc = hx_side_sums(q, a, b, key, &s, NULL);

    if (rc != HX_QUERY_OK) {
        return rc;
    }

    if (hx_vec_in_range(hx_vec_total(&s.aa))
        && hx_vec_in_range(hx_vec_total(&s.bb)))
    {
        *score = hx_score_of(q->conf.metric, &s);
        return HX_QUERY_OK;
    }

    return hx_side_compare_long(q, a, b, key, score);
}


int
hx_train_score(hx_query_t *q, const hx_side_t *a, const hx_train_t *t,
    double norm, hx_near_t *near, double *score)
{
    size_t   n;
    double  *work, dot, dd;

    n = hx_tt_dot_work(&a->train->tt, &t->tt);

    if (n > q->work_n) {
        work = realloc(q->work, n * sizeof(double));

        if (work == NULL) {
            near->c = 0;
            near->b = 1;
            return 0;
        }

        q->work = work;
        q->work_n = n;
    }

    dot = hx_tt_dot(&a->train->tt, &t->tt, q->work);
    near->c = dot / (a->norm * norm);

    /* the two casts, the two paddings, rounding */

    near->b = (double) a->train->cast + (double) t->cast
              + (double) (a->train->cast * t->cast)
              + (double) (a->train->pad * t->pad)
              + HX_PRODUCT * (double) (a->train->kappa * t->kappa);

    if (near->b > HX_SURE) {
        return 0;
    }

    switch (q->conf.metric) {

    case HX_DOT:
        *score = dot;
        return 1;

    case HX_EUCLIDEAN:
        dd = a->norm * a->norm + norm * norm - 2 * dot;
        *score = sqrt(fmax(dd, 0));
        return dd > 0 && near->b * a->norm * norm <= HX_LOSS * dd;

    default:
        *score = hx_score_cosine(near->c);
        return 1;
    }
}
