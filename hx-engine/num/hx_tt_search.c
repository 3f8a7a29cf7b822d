/*
 * hx_tt_search.c -- looks for a train (see hx_tt_search.h).
 *
 * Small arrays are decomposed directly, others by a cross on their middle
 * unfolding (hx_tt_tier.c), which goes on from verdict to verdict.
 */

#include <math.h>
#include <string.h>

#include "hx_tt_middle.h"
#include "hx_tt_round.h"


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
    double           *x, *core;
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

    if (rc != HX_OK) {
        return rc;
    }

    core = hx_work_doubles(s->work, (size_t) r.values);

    if (core == NULL) {
        return HX_FAIL;
    }

    hx_tt_round_train(&r, &s->out->tt, s->order, core);

    return hx_tt_search_check(s, tier, NULL, 0);
}


/* A sketch of the unfolding, unless the first pass has made it already. */
static hx_rc_t
hx_tt_search_sketch(hx_tt_search_t *s)
{
    if (s->sketched && s->order == HX_TT_ROWS) {
        s->sketched = 0;                /* a cross changes it */
        return HX_OK;
    }

    s->out->passes++;

    return hx_tt_sketch_init(&s->sketch, s->d, hx_tt_middle(s->d), 1, s->work)
           == HX_OK
           ? hx_tt_sketch_array(&s->sketch, &s->view.map, s->array->dtype,
                                s->data, s->elements, s->work)
           : HX_FAIL;
}


/* Tier by tier, all at once. */
static hx_rc_t
hx_tt_search_small(hx_tt_search_t *s, const hx_tt_tier_t *tier, unsigned n,
    unsigned *found)
{
    hx_rc_t  rc;

    rc = HX_NO;

    for (*found = 0; *found < n; ++*found) {
        rc = hx_tt_search_direct(s, &tier[*found]);

        if (rc != HX_NO) {
            break;
        }
    }

    return rc;
}


/* Tier by tier, with one cross; HX_PENDING: in another order of bits. */
static hx_rc_t
hx_tt_search_large(hx_tt_search_t *s, const hx_tt_tier_t *tier, unsigned n,
    unsigned *found)
{
    int             short_of;
    double          most;
    uint64_t        seed;
    hx_rc_t         rc;
    hx_tt_middle_t  m;

    rc = HX_NO;
    short_of = 0;
    most = fmax(hx_tt_rank_most(s->values_max), 1);

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

        if (rc == HX_OK || rc == HX_PENDING || s->work->broken) {
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


hx_rc_t
hx_tt_search(hx_tt_search_t *s, const hx_tt_tier_t *tier, unsigned n,
    unsigned *found)
{
    hx_rc_t          rc;
    hx_work_mark_t   mark;

    mark = hx_work_mark(s->work);

    for ( ;; ) {
        rc = s->d <= HX_TT_DIRECT_BITS
             ? hx_tt_search_small(s, tier, n, found)
             : hx_tt_search_large(s, tier, n, found);

        if (rc != HX_PENDING) {
            return rc;
        }

        hx_work_back(s->work, mark);
    }
}
