/*
 * hx_tt_tier.c -- how long a cross is worth going on with, for one verdict.
 *
 * A cross is made to cores and measured; rows where the measured error is too
 * large go back into it, until it is small enough or more rank does not pay.
 * Each turn removes at least one rank of what is left, so that ends.
 *
 * When the cross stops gaining, because there is noise, two things are tried:
 * whether the noise forbids any train of useful rank (then the verdict is given
 * up), and otherwise the projection of the whole array on the rows found,
 * which averages over noise where a cross copies it.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "hx_tt_middle.h"

/* The cross leaves that part of what may be lost; cutting bonds the rest. */
#define HX_TT_CROSS_PART   0.2

#define HX_TT_ROUNDS       8            /* two are usual where any are */

/* From that rank on a close look at the order of bits is worth its time. */
#define HX_TT_CLOSER       64
#define HX_TT_FEED         256          /* rows taken in at a time */

/* What is left beside the rows of a cross may come that close to the limit. */
#define HX_TT_NOISE_PART   0.95

/*
 * A cross copies noise and makes it more: not more than so many times, or it is
 * something else.
 */
#define HX_TT_NOISE_GROWS  40

/* A norm as a difference of squares is good down to here, relatively. */
#define HX_TT_NOISE_LEAST  1e-7

/* An error of a row that is less than so many times the usual one (squares). */
#define HX_TT_OUTLIER      16


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
    m->thick = 0;
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

            if (m->s->unsure && c->rank >= HX_TT_CLOSER) {
                rc = hx_tt_search_closer(m->s);

                if (rc != HX_NO) {
                    return rc == HX_OK ? HX_PENDING : rc;
                }
            }

            break;

        case HX_TT_CROSS_FULL:
            rc = hx_tt_middle_slow(m, tier);

            return rc == HX_PENDING
                   ? hx_tt_middle_thick(m, tier->below * m->s->stats.norm)
                   : rc;

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
    size_t  n;

    if (m->thick) {
        return HX_NO;
    }

    /* steps that were left out may have seen what the sketch did not */
    if (m->rank < m->cross.rank) {
        m->rank = m->cross.rank;
        return HX_OK;
    }

    if (m->noisy
        && (hx_tt_middle_outliers(m, &n) != HX_OK || n == 0))
    {
        return HX_NO;
    }

    n = hx_tt_cross_feed(&m->cross, m->rows, HX_TT_CROSS_PART * tier->target
                                             * m->s->stats.norm,
                         HX_TT_FEED);

    m->s->out->rounds += n != 0;
    m->rank = m->cross.rank;

    if (n == 0 && m->cross.rank == m->cross.rank_max) {
        return hx_tt_middle_thick(m, tier->below * m->s->stats.norm);
    }

    return n != 0 ? HX_OK : HX_NO;
}


hx_rc_t
hx_tt_middle_tier(hx_tt_middle_t *m, const hx_tt_tier_t *tier)
{
    double            norm, cut;
    hx_rc_t           rc;
    unsigned          round;
    hx_work_mark_t    begin, mark;

    norm = m->s->stats.norm;
    begin = hx_work_mark(m->s->work);
    rc = hx_tt_middle_grow(m, tier);

    for (round = 0; rc == HX_OK && round < HX_TT_ROUNDS; round++) {
        cut = tier->target * norm;

        if (m->noisy && m->beside > HX_TT_CROSS_PART * cut) {
            cut = tier->below * norm * (1 + HX_TT_NOISE_PART) / 2;
            cut = sqrt(fmax(cut * cut - m->beside * m->beside, 0));
        }

        mark = hx_work_mark(m->s->work);
        rc = hx_tt_middle_round(m, cut);

        if (rc == HX_OK) {
            rc = hx_tt_search_check(m->s, tier, NULL, 0);

            if (rc == HX_OK) {
                return HX_OK;
            }

            /* where it is wrong is only asked then */
            if (rc == HX_NO) {
                rc = hx_tt_search_check(m->s, tier, m->rows, m->cross.h);
            }

            hx_work_back(m->s->work, mark);
            rc = rc == HX_NO ? hx_tt_middle_feed(m, tier) : rc;
        }

        if (rc != HX_OK) {
            hx_work_back(m->s->work, mark);
        }
    }

    /* factors, too */
    hx_work_back(m->s->work, begin);

    return rc == HX_OK ? HX_NO : rc;
}
