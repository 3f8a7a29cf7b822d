/*
 * hx_tt_search.c -- looks for a train (see hx_tt_search.h).
 *
 * Small arrays are decomposed directly.  Others: a cross on the middle
 * unfolding, made to cores, measured; rows where the measured error is too
 * large go back into the cross, until it is small enough or more rank does not
 * pay.  Each turn removes at least one rank of what is left, so that ends.
 *
 * When the cross stops gaining, because there is noise, two things are tried:
 * whether the noise forbids any train of useful rank (then the tier is given
 * up), and otherwise the projection of the whole array on the rows found,
 * which averages over noise where a cross copies it.
 */

#include <math.h>
#include <string.h>

#include "hx_gemm.h"
#include "hx_ldl.h"
#include "hx_tt_round.h"
#include "hx_tt_search.h"

/* The cross leaves that part of what may be lost; cutting bonds the rest. */
#define HX_TT_CROSS_PART   0.2

#define HX_TT_ROUNDS       40
#define HX_TT_FEED         256          /* rows taken in at a time */
#define HX_TT_RANK_MOST    768

/* Noise that is projected out may come that close to the limit. */
#define HX_TT_NOISE_PART   0.9

/* State of a search in an unfolding. */
typedef struct {
    hx_tt_search_t  *s;
    hx_tt_cross_t    cross;
    double          *rows;              /* squares of errors */
    unsigned         noisy;             /* the cross stopped gaining */
    double           hopeless;          /* error that cannot be reached */
    double           loosest;           /* of the tiers' limits */
} hx_tt_middle_t;


hx_rc_t
hx_tt_search_check(hx_tt_search_t *s, const hx_tt_tier_t *tier, double *rows,
    unsigned h)
{
    hx_rc_t  rc;

    s->out->passes++;
    rc = hx_tt_check(&s->check, &s->out->tt, s->array, s->data, rows, h,
                     s->work);

    if (rc != HX_OK) {
        return HX_FAIL;
    }

    /* an integer that is nearly right is wrong */

    if (tier->verdict == HX_VERDICT_EXACT && hx_dtype_whole(s->array->dtype)) {
        return s->check.error == 0 ? HX_OK : HX_NO;
    }

    return s->check.error < tier->below * s->stats.norm ? HX_OK : HX_NO;
}


/* All at once, without a guess: no second try is needed. */
static hx_rc_t
hx_tt_search_direct(hx_tt_search_t *s, const hx_tt_tier_t *tier)
{
    double           *x;
    hx_rc_t           rc;
    hx_tt_round_t     r;

    x = hx_work_doubles(s->work, (size_t) 1 << s->d);

    if (x == NULL) {
        return HX_FAIL;
    }

    hx_tt_view_read(&s->view, 0, s->d, 0, x);
    hx_tt_round_init(&r, s->d, tier->target * s->stats.norm, s->values_max,
                     s->work);
    rc = hx_tt_round_values(&r, x);

    if (rc == HX_OK) {
        rc = hx_tt_round_train(&r, &s->out->tt, s->order);
    }

    return rc == HX_OK ? hx_tt_search_check(s, tier, NULL, 0) : rc;
}


/*
 * Orthonormal rows q that span those of the cross; t: v = t q.  Copies, so that
 * the cross can go on.
 */
static hx_rc_t
hx_tt_middle_rows(hx_tt_middle_t *m, double **q, double **t)
{
    double               *work;
    size_t                i;
    const hx_tt_cross_t  *c;

    c = &m->cross;
    *q = hx_work_doubles(c->work, c->rank * c->cols);
    *t = hx_work_doubles(c->work, c->rank * c->rank);
    work = hx_work_doubles(c->work, hx_ortho_work(c->rank, c->cols));

    if (*q == NULL || *t == NULL || work == NULL) {
        return HX_FAIL;
    }

    for (i = 0; i < c->rank; i++) {
        memcpy(*q + i * c->cols, c->v + i * c->ldv, c->cols * sizeof(double));
    }

    return hx_ortho(*q, c->rank, c->cols, c->cols, *t, work);
}


/* x = u t: what the cross says of the rows' coefficients. */
static void
hx_tt_middle_cross(const hx_tt_cross_t *c, const double *t, double *x)
{
    hx_gemm_t  g;

    g.mode = HX_GEMM_SET;
    g.m = c->rows;
    g.n = c->rank;
    g.k = c->rank;
    g.a = c->u;
    g.ars = 1;
    g.acs = c->ldu;
    g.b = t;
    g.ldb = c->rank;
    g.c = x;
    g.ldc = c->rank;

    hx_gemm(&g);
}


/* x = a q^T: what all of the array says. */
static hx_rc_t
hx_tt_middle_project(hx_tt_middle_t *m, const double *q, double *x)
{
    double         *row, *qt;
    size_t          i, j, k, some;
    hx_gemm_t       g;
    hx_tt_cross_t  *c;

    c = &m->cross;
    some = c->rows < 8 ? c->rows : 8;
    row = hx_work_doubles(c->work, some * c->cols);
    qt = hx_work_doubles(c->work, c->rank * c->cols);

    if (row == NULL || qt == NULL) {
        return HX_FAIL;
    }

    for (j = 0; j < c->cols; j++) {
        for (i = 0; i < c->rank; i++) {
            qt[j * c->rank + i] = q[i * c->cols + j];
        }
    }

    g.mode = HX_GEMM_SET;
    g.m = some;
    g.n = c->rank;
    g.k = c->cols;
    g.a = row;
    g.ars = c->cols;
    g.acs = 1;
    g.b = qt;
    g.ldb = c->rank;
    g.ldc = c->rank;

    for (i = 0; i < c->rows; i += some) {
        k = i << (c->view->map.d - c->h);
        hx_tt_view_read(c->view, c->h, c->view->map.d - c->h, k, row);

        for (j = 1; j < some; j++) {
            k = (i + j) << (c->view->map.d - c->h);
            hx_tt_view_read(c->view, c->h, c->view->map.d - c->h, k,
                            row + j * c->cols);
        }

        g.c = x + i * c->rank;
        hx_gemm(&g);
    }

    m->s->out->passes++;

    return HX_OK;
}


/* A train of one zero. */
static hx_rc_t
hx_tt_middle_zero(hx_tt_middle_t *m)
{
    double    *core;
    unsigned   k;
    hx_tt_t   *t;

    t = &m->s->out->tt;
    t->d = m->s->d;
    t->order = m->s->order;

    for (k = 0; k <= t->d; k++) {
        t->rank[k] = 1;
    }

    core = hx_work_doubles(m->s->work, 2 * (size_t) t->d);
    t->core = core;

    if (core == NULL) {
        return HX_FAIL;
    }

    memset(core, 0, 2 * (size_t) t->d * sizeof(double));

    return HX_OK;
}


/* The cores of what the cross has found, at most "norm" away from it. */
static hx_rc_t
hx_tt_middle_round(hx_tt_middle_t *m, double norm)
{
    double          *q, *t, *x;
    hx_rc_t          rc;
    hx_tt_round_t    r;
    hx_tt_cross_t   *c;

    c = &m->cross;

    if (c->rank == 0) {
        return hx_tt_middle_zero(m);
    }

    rc = hx_tt_middle_rows(m, &q, &t);

    if (rc != HX_OK) {
        return rc;
    }

    x = hx_work_doubles(c->work, c->rows * c->rank);

    if (x == NULL) {
        return HX_FAIL;
    }

    if (!m->noisy) {
        hx_tt_middle_cross(c, t, x);

    } else if (hx_tt_middle_project(m, q, x) != HX_OK) {
        return HX_FAIL;
    }

    hx_tt_round_init(&r, m->s->d, norm, m->s->values_max, c->work);
    rc = hx_tt_round_factors(&r, c->h, x, c->rank, q, c->cols);

    return rc == HX_OK ? hx_tt_round_train(&r, &m->s->out->tt, m->s->order)
                       : rc;
}


/* Whether noise forbids the tier; and if it does, whether all of them. */
static int
hx_tt_middle_hopeless(hx_tt_middle_t *m, const hx_tt_tier_t *tier)
{
    double    norm, reach, target[2];
    size_t    rank;
    unsigned  n;

    norm = m->s->stats.norm;
    n = 0;
    target[n++] = m->loosest * norm;

    if (tier->below < m->loosest) {
        target[n++] = tier->below * norm;
    }

    reach = hx_tt_cross_hopeless(&m->cross, target, n, &rank);
    m->hopeless = fmax(m->hopeless, reach);

    return tier->below * norm <= m->hopeless;
}


/*
 * Lets the cross grow for a tier.  HX_OK: its rest is small enough, as far as
 * is known, or all that is left is noise within the limit; HX_NO: out of
 * reach.
 */
static hx_rc_t
hx_tt_middle_grow(hx_tt_middle_t *m, const hx_tt_tier_t *tier)
{
    double          norm;
    hx_tt_cross_t  *c;

    c = &m->cross;
    norm = m->s->stats.norm;
    m->noisy = 0;

    if (tier->below * norm <= m->hopeless) {
        return HX_NO;
    }

    for ( ;; ) {
        switch (hx_tt_cross_grow(c, HX_TT_CROSS_PART * tier->target * norm)) {

        case HX_TT_CROSS_DONE:
            return HX_OK;

        case HX_TT_CROSS_SLOW:
            if (c->rest < HX_TT_NOISE_PART * tier->below * norm) {
                m->noisy = 1;
                return HX_OK;
            }

            if (hx_tt_middle_hopeless(m, tier)) {
                return HX_NO;
            }

            break;

        case HX_TT_CROSS_FULL:
            m->noisy = c->rest < HX_TT_NOISE_PART * tier->below * norm;
            return m->noisy ? HX_OK : HX_NO;

        default:
            return HX_FAIL;
        }
    }
}


static hx_rc_t
hx_tt_middle_tier(hx_tt_middle_t *m, const hx_tt_tier_t *tier)
{
    double              norm, cut;
    size_t              fed;
    hx_rc_t             rc;
    unsigned            round;
    hx_work_mark_t      mark;
    hx_tt_cross_end_t   end;

    norm = m->s->stats.norm;
    mark = hx_work_mark(m->s->work);
    rc = hx_tt_middle_grow(m, tier);
    cut = tier->target * norm;

    for (round = 0; rc == HX_OK && round < HX_TT_ROUNDS; round++) {

        if (m->noisy) {
            cut = tier->below * norm * HX_TT_NOISE_PART;
            cut = cut * cut - m->cross.rest * m->cross.rest;
            cut = sqrt(fmax(cut, 0));
        }

        rc = hx_tt_middle_round(m, cut);

        if (rc != HX_OK) {
            break;
        }

        rc = hx_tt_search_check(m->s, tier, m->rows, m->cross.h);

        if (rc != HX_NO) {
            break;
        }

        fed = hx_tt_cross_feed(&m->cross, m->rows,
                               HX_TT_CROSS_PART * tier->target * norm,
                               HX_TT_FEED, &end);

        if (end == HX_TT_CROSS_MEMORY) {
            rc = HX_FAIL;

        } else if (fed != 0) {
            m->s->out->rounds++;
            rc = HX_OK;

        } else {
            break;
        }
    }

    (void) mark;

    return rc;
}


/* A sketch of the unfolding, unless the first pass has made it already. */
static hx_rc_t
hx_tt_search_sketch(hx_tt_search_t *s)
{
    if (s->sketched && s->order == HX_TT_ROWS) {
        return HX_OK;
    }

    s->out->passes++;

    return hx_tt_sketch_init(&s->sketch, s->d, hx_tt_middle(s->d), 1, s->work)
           == HX_OK
           ? hx_tt_sketch_array(&s->sketch, &s->view.map, s->array->dtype,
                                s->data, s->elements, s->work)
           : HX_FAIL;
}


hx_rc_t
hx_tt_search(hx_tt_search_t *s, const hx_tt_tier_t *tier, unsigned n,
    unsigned *found)
{
    double          most, *sum;
    uint64_t        seed;
    hx_rc_t         rc;
    hx_work_mark_t  mark;
    hx_tt_middle_t  m;

    rc = HX_NO;

    if (s->d <= HX_TT_DIRECT_BITS) {
        for (*found = 0; *found < n; ++*found) {
            rc = hx_tt_search_direct(s, &tier[*found]);

            if (rc != HX_NO) {
                break;
            }
        }

        return rc;
    }

    /* ranks r/4, r/2, r, r/2, r/4 are the least that r takes with it */
    most = sqrt((double) s->values_max / (8.0 / 3));
    most = fmin(fmax(most, 1), HX_TT_RANK_MOST);

    m.s = s;
    memcpy(&seed, &s->stats.norm, sizeof(seed));
    seed ^= s->elements * UINT64_C(0x9e3779b97f4a7c15);

    m.hopeless = 0;
    m.loosest = tier[n - 1].below;
    m.rows = hx_work_doubles(s->work, (size_t) 1 << hx_tt_middle(s->d));

    if (m.rows == NULL || hx_tt_search_sketch(s) != HX_OK) {
        return HX_FAIL;
    }

    sum = hx_work_doubles(s->work, 2 * s->sketch.rows);

    if (sum == NULL) {
        return HX_FAIL;
    }

    memcpy(sum, s->sketch.sum[0], s->sketch.rows * sizeof(double));
    memcpy(sum + s->sketch.rows, s->sketch.sum[1],
           s->sketch.rows * sizeof(double));

    /*
     * A cross that ran after noise has nothing to say about the next tier:
     * that begins anew.
     */

    mark = hx_work_mark(s->work);

    for (*found = 0; *found < n; ++*found) {
        hx_work_back(s->work, mark);
        memcpy(s->sketch.sum[0], sum, s->sketch.rows * sizeof(double));
        memcpy(s->sketch.sum[1], sum + s->sketch.rows,
               s->sketch.rows * sizeof(double));

        if (hx_tt_cross_init(&m.cross, &s->view, &s->sketch, (size_t) most,
                             seed, s->work) != HX_OK)
        {
            return HX_FAIL;
        }

        rc = hx_tt_middle_tier(&m, &tier[*found]);
        s->out->pivots = (unsigned) m.cross.rank;

        if (rc != HX_NO) {
            break;
        }
    }

    return rc;
}
