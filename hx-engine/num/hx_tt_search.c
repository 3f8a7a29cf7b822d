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
#include <stdlib.h>
#include <string.h>

#include "hx_gemm.h"
#include "hx_ldl.h"
#include "hx_row.h"
#include "hx_tt_round.h"
#include "hx_tt_search.h"

/* The cross leaves that part of what may be lost; cutting bonds the rest. */
#define HX_TT_CROSS_PART   0.2

#define HX_TT_ROUNDS       40
#define HX_TT_FEED         256          /* rows taken in at a time */

/*
 * The largest rank of the middle that is looked for: what needs more is not
 * worth the time, nor much smaller than the array.
 */
#define HX_TT_RANK_MOST    256
#define HX_TT_RANK_LARGE   512          /* from 2^22 values on */

/* What is left beside the rows of a cross may come that close to the limit. */
#define HX_TT_NOISE_PART   0.95

/* A cross copies noise, and makes it more: how much, at most, or it is worse
 * than noise. */
#define HX_TT_NOISE_GROWS  40

/* A norm as a difference of squares is good down to here, relatively. */
#define HX_TT_NOISE_LEAST  1e-7

/* An error of a row that is so many times the usual one (squares) is none. */
#define HX_TT_OUTLIER      16

/* State of a search in an unfolding. */
typedef struct {
    hx_tt_search_t  *s;
    hx_tt_cross_t    cross;
    double          *rows;              /* squares of errors */
    size_t           rank;              /* steps of the cross that are used */
    double          *x;                 /* factors of these: see below */
    double          *q;
    unsigned         noisy;             /* the cross stopped gaining */
    double           beside;            /* norm of what is not in its rows */
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
    *q = hx_work_doubles(c->work, m->rank * c->cols);
    *t = hx_work_doubles(c->work, m->rank * m->rank);
    work = hx_work_doubles(c->work, hx_ortho_work(m->rank, c->cols));

    if (*q == NULL || *t == NULL || work == NULL) {
        return HX_FAIL;
    }

    for (i = 0; i < m->rank; i++) {
        memcpy(*q + i * c->cols, c->v + i * c->ldv, c->cols * sizeof(double));
    }

    return hx_ortho(*q, m->rank, c->cols, c->cols, *t, work);
}


/* x = u t: what the cross says of the rows' coefficients. */
static void
hx_tt_middle_cross(const hx_tt_middle_t *m, const double *t, double *x)
{
    hx_gemm_t  g;

    g.mode = HX_GEMM_SET;
    g.m = m->cross.rows;
    g.n = m->rank;
    g.k = m->rank;
    g.a = m->cross.u;
    g.ars = 1;
    g.acs = m->cross.ldu;
    g.b = t;
    g.ldb = m->rank;
    g.c = x;
    g.ldc = m->rank;

    hx_gemm(&g);
}


/* x = a q^T: what all of the array says. */
static hx_rc_t
hx_tt_middle_project(hx_tt_middle_t *m, const double *q, double *x)
{
    double         *row, *qt;
    size_t          i, j, some;
    unsigned        bits;
    hx_gemm_t       g;
    hx_tt_cross_t  *c;

    c = &m->cross;
    bits = c->view->map.d - c->h;
    some = c->rows < 8 ? c->rows : 8;
    row = hx_work_doubles(c->work, some * c->cols);
    qt = hx_work_doubles(c->work, m->rank * c->cols);

    if (row == NULL || qt == NULL) {
        return HX_FAIL;
    }

    for (j = 0; j < c->cols; j++) {
        for (i = 0; i < m->rank; i++) {
            qt[j * m->rank + i] = q[i * c->cols + j];
        }
    }

    g.mode = HX_GEMM_SET;
    g.m = some;
    g.n = m->rank;
    g.k = c->cols;
    g.a = row;
    g.ars = c->cols;
    g.acs = 1;
    g.b = qt;
    g.ldb = m->rank;
    g.ldc = m->rank;

    for (i = 0; i < c->rows; i += some) {
        for (j = 0; j < some; j++) {
            hx_tt_view_read(c->view, c->h, bits, (uint64_t) (i + j) << bits,
                            row + j * c->cols);
        }

        g.c = x + i * m->rank;
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


/*
 * The factors of what the cross has found: m->x, 2^h x rank, and m->q, rank
 * orthonormal rows; by projection of the whole array when m->noisy.
 */
static hx_rc_t
hx_tt_middle_factors(hx_tt_middle_t *m)
{
    double         *t;
    hx_rc_t         rc;
    hx_tt_cross_t  *c;

    c = &m->cross;
    rc = hx_tt_middle_rows(m, &m->q, &t);

    if (rc != HX_OK) {
        return rc;
    }

    m->x = hx_work_doubles(c->work, c->rows * m->rank);

    if (m->x == NULL) {
        return HX_FAIL;
    }

    if (m->noisy) {
        return hx_tt_middle_project(m, m->q, m->x);
    }

    hx_tt_middle_cross(m, t, m->x);

    return HX_OK;
}


/*
 * The cores of what the cross has found, at most "norm" away from it.  Of all
 * memory that takes, the train's stays.
 */
static hx_rc_t
hx_tt_middle_round(hx_tt_middle_t *m, double norm)
{
    double           *core;
    size_t            n;
    hx_rc_t           rc;
    hx_tt_t          *t;
    hx_tt_round_t     r;
    hx_work_mark_t    mark;

    if (m->rank == 0) {
        return hx_tt_middle_zero(m);
    }

    mark = hx_work_mark(m->s->work);
    rc = m->x == NULL ? hx_tt_middle_factors(m) : HX_OK;

    if (rc != HX_OK) {
        return rc;
    }

    hx_tt_round_init(&r, m->s->d, norm, m->s->values_max, m->s->work);
    rc = hx_tt_round_factors(&r, m->cross.h, m->x, m->rank, m->q,
                             m->cross.cols);
    m->x = NULL;
    t = &m->s->out->tt;

    if (rc != HX_OK || hx_tt_round_train(&r, t, m->s->order) != HX_OK) {
        return rc == HX_OK ? HX_FAIL : rc;
    }

    n = (size_t) hx_tt_values(t);
    hx_work_back(m->s->work, mark);
    core = hx_work_doubles(m->s->work, n);

    if (core == NULL) {
        return HX_FAIL;
    }

    memmove(core, t->core, n * sizeof(double));
    t->core = core;

    return HX_OK;
}


/*
 * What the array has beside the rows of the cross, from a pass over it; the
 * factors are kept.
 */
static hx_rc_t
hx_tt_middle_beside(hx_tt_middle_t *m)
{
    double   in;
    hx_rc_t  rc;

    m->noisy = 1;
    m->rank = m->cross.rank;
    rc = hx_tt_middle_factors(m);

    if (rc == HX_OK) {
        in = hx_row()->dot(m->x, m->x, m->cross.rows * m->rank);
        m->beside = m->s->stats.norm * m->s->stats.norm - in;
        m->beside = sqrt(fmax(m->beside, 0));
    }

    return rc;
}


/*
 * The cross hardly gains.  HX_OK: what it has is good enough for a tier, if all
 * of the array is projected on it; HX_NO: noise forbids the tier; HX_PENDING:
 * more rank may help.
 */
static hx_rc_t
hx_tt_middle_slow(hx_tt_middle_t *m, const hx_tt_tier_t *tier)
{
    double           limit, target[2];
    hx_rc_t          rc;
    unsigned         n;
    hx_tt_bound_t    bound;
    hx_work_mark_t   mark;

    limit = tier->below * m->s->stats.norm;

    n = 0;
    target[n++] = m->loosest * m->s->stats.norm;

    if (tier->below < m->loosest) {
        target[n++] = limit;
    }

    rc = hx_tt_cross_bound(&m->cross, target, n, &bound);

    if (rc != HX_OK) {
        return rc;
    }

    m->hopeless = fmax(m->hopeless, bound.reach);

    if (limit <= m->hopeless) {
        return HX_NO;
    }

    if (m->cross.rest > HX_TT_NOISE_GROWS * limit) {
        return bound.noise ? HX_NO : HX_PENDING;
    }

    if (tier->below < HX_TT_NOISE_LEAST) {

        /* cannot be told in advance: try, when it looks as if it could be */
        m->rank = m->cross.rank;
        m->noisy = bound.noise || m->cross.rest < limit;
        m->beside = 0.5 * limit;

        return m->noisy ? HX_OK : HX_PENDING;
    }

    mark = hx_work_mark(m->s->work);
    rc = hx_tt_middle_beside(m);

    if (rc == HX_OK && m->beside < HX_TT_NOISE_PART * limit) {
        return HX_OK;
    }

    hx_work_back(m->s->work, mark);
    m->x = NULL;
    m->noisy = 0;

    return rc != HX_OK ? rc : bound.noise ? HX_NO : HX_PENDING;
}


/* How many steps of the cross are enough for a rest of "target". */
static size_t
hx_tt_middle_enough(const hx_tt_cross_t *c, double target)
{
    size_t  r;

    for (r = c->rank; r > 0 && c->history[r - 1] <= target; r--) {
        /* void */
    }

    /* and the two that showed that it is small */
    return r + 2 < c->rank ? r + 2 : c->rank;
}


/*
 * Lets the cross grow for a tier.  HX_OK: its rest is small enough, as far as
 * is known, or all that is left is noise within the limit; HX_NO: out of
 * reach.
 */
static hx_rc_t
hx_tt_middle_grow(hx_tt_middle_t *m, const hx_tt_tier_t *tier)
{
    double          target;
    hx_rc_t         rc;
    hx_tt_cross_t  *c;

    c = &m->cross;
    target = HX_TT_CROSS_PART * tier->target * m->s->stats.norm;
    m->noisy = 0;
    m->x = NULL;

    if (tier->below * m->s->stats.norm <= m->hopeless) {
        return HX_NO;
    }

    for ( ;; ) {
        switch (hx_tt_cross_grow(c, target)) {

        case HX_TT_CROSS_DONE:
            m->rank = hx_tt_middle_enough(c, target);
            return HX_OK;

        case HX_TT_CROSS_SLOW:
            rc = hx_tt_middle_slow(m, tier);

            if (rc != HX_PENDING) {
                return rc;
            }

            break;

        case HX_TT_CROSS_FULL:
            rc = hx_tt_middle_slow(m, tier);

            return rc == HX_PENDING ? HX_NO : rc;

        default:
            return HX_FAIL;
        }
    }
}


static int
hx_tt_middle_sort(const void *a, const void *b)
{
    double  x, y;

    x = *(const double *) a;
    y = *(const double *) b;

    return (x > y) - (x < y);
}


/*
 * Rows that are no worse than most are noise: only others go back.  Returns 0
 * when there are none.
 */
static hx_rc_t
hx_tt_middle_outliers(hx_tt_middle_t *m, size_t *n)
{
    double           *copy, usual;
    size_t            i, rows;
    hx_work_mark_t    mark;

    rows = m->cross.rows;
    mark = hx_work_mark(m->s->work);
    copy = hx_work_doubles(m->s->work, rows);

    if (copy == NULL) {
        return HX_FAIL;
    }

    memcpy(copy, m->rows, rows * sizeof(double));
    qsort(copy, rows, sizeof(double), hx_tt_middle_sort);
    usual = copy[rows / 2];
    hx_work_back(m->s->work, mark);

    for (i = 0, *n = 0; i < rows; i++) {
        if (m->rows[i] > HX_TT_OUTLIER * usual) {
            ++*n;

        } else {
            m->rows[i] = 0;
        }
    }

    return HX_OK;
}


/* Rows that came out wrong go back into the cross; HX_NO: nothing did. */
static hx_rc_t
hx_tt_middle_feed(hx_tt_middle_t *m, const hx_tt_tier_t *tier)
{
    size_t              n;
    hx_tt_cross_end_t   end;

    if (m->noisy
        && (hx_tt_middle_outliers(m, &n) != HX_OK || n == 0))
    {
        return HX_NO;
    }

    n = hx_tt_cross_feed(&m->cross, m->rows, HX_TT_CROSS_PART * tier->target
                                             * m->s->stats.norm,
                         HX_TT_FEED, &end);

    m->s->out->rounds += n != 0;
    m->rank = m->cross.rank;

    return n != 0 ? HX_OK : end == HX_TT_CROSS_MEMORY ? HX_FAIL : HX_NO;
}


static hx_rc_t
hx_tt_middle_tier(hx_tt_middle_t *m, const hx_tt_tier_t *tier)
{
    double            norm, cut;
    hx_rc_t           rc;
    unsigned          round;
    hx_work_mark_t    mark;

    norm = m->s->stats.norm;
    rc = hx_tt_middle_grow(m, tier);

    for (round = 0; rc == HX_OK && round < HX_TT_ROUNDS; round++) {
        cut = tier->target * norm;

        if (m->noisy) {
            cut = tier->below * norm * (1 + HX_TT_NOISE_PART) / 2;
            cut = sqrt(fmax(cut * cut - m->beside * m->beside, 0));
        }

        mark = hx_work_mark(m->s->work);
        rc = hx_tt_middle_round(m, cut);

        if (rc == HX_OK) {
            rc = hx_tt_search_check(m->s, tier, m->rows, m->cross.h);

            if (rc == HX_OK) {
                return HX_OK;
            }

            hx_work_back(m->s->work, mark);
            rc = rc == HX_NO ? hx_tt_middle_feed(m, tier) : rc;
        }

        if (rc != HX_OK) {
            hx_work_back(m->s->work, mark);
        }
    }

    return rc == HX_OK ? HX_NO : rc;
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
    int             short_of;
    double          most;
    uint64_t        seed;
    hx_rc_t         rc;
    hx_tt_middle_t  m;

    rc = HX_NO;
    short_of = 0;

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
    most = fmin(fmax(most, 1), s->d < 22 ? HX_TT_RANK_MOST : HX_TT_RANK_LARGE);

    m.s = s;
    memcpy(&seed, &s->stats.norm, sizeof(seed));
    seed ^= s->elements * UINT64_C(0x9e3779b97f4a7c15);

    m.hopeless = 0;
    m.loosest = tier[n - 1].below;
    m.rows = hx_work_doubles(s->work, (size_t) 1 << hx_tt_middle(s->d));

    if (m.rows == NULL || hx_tt_search_sketch(s) != HX_OK
        || hx_tt_cross_init(&m.cross, &s->view, &s->sketch, (size_t) most,
                            seed, s->work) != HX_OK)
    {
        return HX_FAIL;
    }

    for (*found = 0; *found < n; ++*found) {
        rc = hx_tt_middle_tier(&m, &tier[*found]);

        if (rc == HX_OK || s->work->broken) {
            break;
        }

        /* a looser one may do with the memory there is */
        short_of |= rc == HX_FAIL;
    }

    if (rc == HX_NO && short_of) {
        rc = HX_FAIL;
    }

    s->out->pivots = (unsigned) m.cross.rank;

    return rc;
}
