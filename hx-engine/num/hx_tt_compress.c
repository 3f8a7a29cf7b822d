/*
 * hx_tt_compress.c -- see the header: what needs no search, and which verdicts
 * are tried.
 */

#include <math.h>
#include <string.h>

#include "hx_tt_dot.h"
#include "hx_tt_search.h"

#define HX_TT_LARGE   1e140
#define HX_TT_SMALL   1e-130

/* Beyond that squares overflow on the way. */
#define HX_TT_MEASURE_MAX   1e150

static const char  *hx_tt_reasons[HX_TT_REASON_COUNT] = {
    [HX_TT_REASON_NONE] = "",
    [HX_TT_REASON_SHORT] = "short",
    [HX_TT_REASON_NOT_FINITE] = "not_finite",
    [HX_TT_REASON_RANGE] = "range",
    [HX_TT_REASON_RANK] = "rank",
    [HX_TT_REASON_MEMORY] = "memory"
};

/*
 * Cutting aims below the limit, as far as the error can be aimed: the sum of
 * what is cut off, what the cross left and rounding is measured.
 */
static const hx_tt_tier_t  hx_tt_tiers[] = {
    { HX_VERDICT_EXACT, HX_TT_EXACT_BELOW, 5e-13 },
    { HX_VERDICT_SAFE, HX_TT_SAFE_BELOW, 6e-7 },
    { HX_VERDICT_WEAK, HX_TT_WEAK_BELOW, 6e-4 },
};


const char *
hx_tt_reason(hx_tt_reason_t reason)
{
    return (unsigned) reason < HX_TT_REASON_COUNT ? hx_tt_reasons[reason] : "";
}


/*
 * The same value c at the first n of 2^d places, 0 behind them, exactly: a
 * train of rank 2 that walks along the bits of n - 1.  State 0: all bits so far
 * are those of n - 1; state 1: below it already.
 */
static hx_rc_t
hx_tt_compress_constant(hx_tt_search_t *s, double c)
{
    double    *core;
    size_t     a, b, i, j, bit, most;
    uint64_t   last;
    unsigned   k, d;
    hx_tt_t   *t;

    t = &s->out->tt;
    d = hx_tt_cores(s->array, HX_TT_ROWS);
    last = s->elements - 1;

    if (d == 0) {
        return HX_NO;
    }

    t->d = d;
    t->order = HX_TT_ROWS;
    a = s->elements >> d == 0 ? 2 : 1;

    for (k = 0; k <= d; k++) {
        t->rank[k] = k == 0 || k == d ? 1 : (uint32_t) a;
    }

    if (hx_tt_values(t) > s->values_max) {
        return HX_NO;
    }

    core = hx_work_doubles(s->work, (size_t) hx_tt_values(t));
    t->core = core;

    if (core == NULL) {
        return HX_FAIL;
    }

    for (k = 0; k < d; k++) {
        most = (size_t) (last >> (d - 1 - k) & 1);
        b = t->rank[k + 1];
        a = t->rank[k];

        for (i = 0; i < a; i++) {
            for (bit = 0; bit < 2; bit++) {
                for (j = 0; j < b; j++, core++) {
                    *core = a == 1 && b == 1 && d > 1 ? 1
                            : i == 1 ? j == b - 1
                            : b == 1 ? bit <= most
                            : bit == most ? j == 0
                            : bit < most && j == 1;
                    *core *= k == 0 ? c : 1;
                }
            }
        }
    }

    return HX_OK;
}


/* Relative to the array's norm; the norm of zeros is measured, too. */
static void
hx_tt_compress_found(hx_tt_search_t *s, hx_verdict_t verdict)
{
    hx_tt_result_t  *out;

    out = s->out;
    out->verdict = verdict;
    out->reason = HX_TT_REASON_NONE;
    out->n_values = (size_t) hx_tt_values(&out->tt);
    out->core = (double *) out->tt.core;
    out->rel_error = s->check.error == 0 ? 0 : s->check.error / s->stats.norm;
    out->norm = s->check.norm;
    out->cast_error = s->check.cast;
}


/* No memory: the limit is an answer, malloc() without any is not. */
static hx_rc_t
hx_tt_compress_memory(hx_tt_search_t *s)
{
    s->out->reason = HX_TT_REASON_MEMORY;

    return s->work->broken ? HX_FAIL : HX_OK;
}


/* What can be said before any search; HX_NO: search. */
static hx_rc_t
hx_tt_compress_plain(hx_tt_search_t *s)
{
    double   most;
    hx_rc_t  rc;

    if (isnan(s->stats.norm)) {
        s->out->reason = HX_TT_REASON_NOT_FINITE;
        return HX_OK;
    }

    if (s->values_max < 2 * hx_tt_bits(s->elements) || s->elements < 2) {
        s->out->reason = HX_TT_REASON_SHORT;
        return HX_OK;
    }

    most = fmax(fabs(s->stats.min), fabs(s->stats.max));

    if (most > HX_TT_LARGE || (most < HX_TT_SMALL && most != 0)) {
        s->out->reason = HX_TT_REASON_RANGE;
        return HX_OK;
    }

    if (s->stats.min != s->stats.max) {
        return HX_NO;
    }

    rc = hx_tt_compress_constant(s, s->stats.min);

    if (rc == HX_OK) {
        rc = hx_tt_search_check(s, &hx_tt_tiers[0], NULL, 0);

        /* 0 is not below 0 */
        if (rc == HX_OK || (rc == HX_NO && s->check.error == 0)) {
            hx_tt_compress_found(s, HX_VERDICT_EXACT);
            return HX_OK;
        }
    }

    return rc == HX_FAIL ? hx_tt_compress_memory(s) : HX_NO;
}


/*
 * Integers: what is less than a half away everywhere is rounded back.  They
 * may be keys or times, of which a millionth is no small part: they are kept
 * to the last bit, or not as a train, unless losses are allowed.
 */
static void
hx_tt_compress_tiers(hx_tt_search_t *s, const hx_tt_want_t *want,
    hx_tt_tier_t *tier, unsigned *n)
{
    double    half;
    unsigned  i;

    for (i = 0, *n = 0; i < hx_nelts(hx_tt_tiers); i++) {
        if (hx_tt_tiers[i].below <= want->tol_max) {
            tier[(*n)++] = hx_tt_tiers[i];
        }
    }

    if (!hx_dtype_whole(s->array->dtype)) {
        return;
    }

    if (want->tol_max < HX_TT_WEAK_BELOW) {
        *n = 1;
    }

    half = 0.4 / s->stats.norm;

    for (i = 0; i < *n; i++) {
        /* the first n are set */
        /* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage) */
        tier[i].target = fmax(tier[i].target, half);
    }
}


/* The first pass.  Without memory for the sketch there is just none. */
static void
hx_tt_compress_look(hx_tt_search_t *s)
{
    unsigned  d;

    d = hx_tt_cores(s->array, HX_TT_ROWS);

    s->sketched = d > HX_TT_DIRECT_BITS
                  && hx_tt_sketch_init(&s->sketch, d, hx_tt_middle(d), 1,
                                       s->work) == HX_OK;

    hx_tt_stats(&s->stats, s->array->dtype, s->data, s->elements,
                s->sketched ? &s->sketch : NULL);
}


hx_rc_t
hx_tt_compress(hx_tt_result_t *out, const hx_array_t *a, const void *data,
    const hx_tt_want_t *want, hx_work_t *w)
{
    hx_rc_t         rc;
    uint64_t        bytes;
    unsigned        n, found;
    hx_tt_tier_t    tier[hx_nelts(hx_tt_tiers)];
    hx_tt_search_t  s;

    memset(out, 0, sizeof(*out));
    memset(&s, 0, sizeof(s));

    s.out = out;
    s.array = a;
    s.data = data;
    s.work = w;
    out->reason = HX_TT_REASON_SHORT;

    if (a->dtype == HX_DTYPE_NONE
        || hx_array_size(a, &s.elements, &bytes) != HX_OK)
    {
        out->norm = NAN;
        return HX_OK;
    }

    s.values_max = (uint64_t) ((double) bytes
                               / (want->ratio_min * sizeof(double)));

    hx_tt_compress_look(&s);
    out->norm = s.stats.norm;

    rc = hx_tt_compress_plain(&s);

    if (rc != HX_NO) {
        return rc;
    }

    hx_tt_compress_tiers(&s, want, tier, &n);
    /* n >= 1.  NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage) */
    rc = hx_tt_search_order(&s, tier[n - 1].target);

    if (rc == HX_OK) {
        rc = hx_tt_search(&s, tier, n, &found);
    }

    if (rc == HX_OK) {
        hx_tt_compress_found(&s, tier[found].verdict);

    } else if (rc == HX_FAIL) {
        rc = hx_tt_compress_memory(&s);

    } else {
        out->reason = HX_TT_REASON_RANK;
        rc = HX_OK;
    }

    return rc;
}


hx_rc_t
hx_tt_measure(const hx_tt_t *t, const hx_array_t *a, double *norm,
    double *cast_error, hx_work_t *w)
{
    hx_rc_t        rc;
    uint64_t       elements;
    hx_tt_map_t    map;
    hx_tt_check_t  check;

    if (hx_tt_values(t) == 0 || hx_tt_map(&map, a, t->order, t->d) != HX_OK
        || hx_array_size(a, &elements, NULL) != HX_OK)
    {
        return HX_NO;
    }

    rc = HX_NO;
    check.cast = 0;

    /* one that fills its array needs no decoding */

    if (a->dtype == HX_DTYPE_F8 && elements == UINT64_C(1) << t->d) {
        rc = hx_tt_check_cores(&check.norm, t, w);
    }

    if (rc == HX_NO) {
        rc = hx_tt_check(&check, t, a, NULL, NULL, 0, w);

        if (rc == HX_OK && check.norm < HX_TT_SMALL) {
            /* squares have vanished, or there is nothing but zeros */
            rc = hx_tt_check_norm(&check.norm, t, a, w);
        }
    }

    if (rc != HX_OK) {
        return rc;
    }

    if (!(check.norm < HX_TT_MEASURE_MAX) || !(check.cast < HX_TT_MEASURE_MAX))
    {
        return HX_NO;
    }

    *norm = check.norm;
    *cast_error = check.cast;

    return HX_OK;
}
