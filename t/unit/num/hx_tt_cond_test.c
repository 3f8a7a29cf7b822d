/*
 * Tests of num/hx_tt_cond: small for trains whose sides are orthogonal, large
 * where large numbers cancel, and as its definition has it.
 */

#include <math.h>

#include "hx_test.h"
#include "hx_tt_cond.h"

#define D   6
#define N   (1 << D)


static double
uniform(void)
{
    return (double) (test_random() >> 11) * 0x1p-52 - 1;
}


static void
train(hx_tt_t *t, double *core, unsigned rank)
{
    size_t    i;
    unsigned  k;

    memset(t, 0, sizeof(*t));
    t->d = D;

    for (k = 0; k <= D; k++) {
        t->rank[k] = k == 0 || k == D ? 1 : rank;
    }

    for (i = 0; i < hx_tt_values(t); i++) {
        core[i] = uniform();
    }

    t->core = core;
}


static double
cond(const hx_tt_t *t)
{
    double  *work, v;

    work = malloc(hx_tt_cond_work(t) * sizeof(double));
    assert_non_null(work);
    v = hx_tt_cond(t, work);
    free(work);

    return v;
}


/* The product of the slices of cores from .. to - 1 chosen by the bits of i
 * (the last of them the lowest): rank[from] x rank[to]. */
static void
slices(const hx_tt_t *t, unsigned from, unsigned to, unsigned i, double *out)
{
    size_t         a, b, c, r, s, r0;
    double         next[64], sum;
    unsigned       k, bit;
    const double  *core;

    r0 = t->rank[from];
    core = t->core;

    for (k = 0; k < from; k++) {
        core += 2 * (size_t) t->rank[k] * t->rank[k + 1];
    }

    for (a = 0; a < r0; a++) {
        for (b = 0; b < r0; b++) {
            out[a * r0 + b] = a == b;
        }
    }

    for (k = from; k < to; k++) {
        r = t->rank[k];
        s = t->rank[k + 1];
        bit = i >> (to - 1 - k) & 1;

        for (a = 0; a < r0; a++) {
            for (c = 0; c < s; c++) {
                sum = 0;
                for (b = 0; b < r; b++) {
                    sum += out[a * r + b] * core[(b * 2 + bit) * s + c];
                }
                next[a * s + c] = sum;
            }
        }

        memcpy(out, next, r0 * s * sizeof(double));
        core += 2 * r * s;
    }
}


/* The square of the Frobenius norm of one side of a bond. */
static double
side(const hx_tt_t *t, unsigned from, unsigned to)
{
    size_t    j;
    double    m[64], sum;
    unsigned  i;

    for (i = 0, sum = 0; i < 1u << (to - from); i++) {
        slices(t, from, to, i, m);

        for (j = 0; j < (size_t) t->rank[from] * t->rank[to]; j++) {
            sum += m[j] * m[j];
        }
    }

    return sum;
}


static void
as_defined(void **state)
{
    double    core[D * 2 * 49], want, v;
    hx_tt_t   t;
    unsigned  rank, k;

    for (rank = 1; rank <= 7; rank++) {
        train(&t, core, rank);
        want = 0;

        for (k = 0; k <= D; k++) {
            v = side(&t, 0, k) * side(&t, k, D);
            want = v > want ? v : want;
        }

        want = sqrt(want / side(&t, 0, D));
        assert_true(fabs(cond(&t) - want) <= 1e-10 * want);
    }
}


static void
rank_one_is_perfect(void **state)
{
    double   core[D * 2];
    hx_tt_t  t;

    train(&t, core, 1);
    assert_true(fabs(cond(&t) - 1) < 1e-12);
}


/* a - b with b nearly a. */
static void
cancelling_shows(void **state)
{
    double    core[D * 2 * 4], a[D * 2], b[D * 2];
    size_t    at;
    hx_tt_t   t;
    unsigned  k, i;

    for (k = 0; k < D * 2; k++) {
        a[k] = 1 + 0.1 * uniform();
        b[k] = a[k] * (k == 5 ? 1 + 1e-7 : 1);
    }

    train(&t, core, 2);
    memset(core, 0, sizeof(core));

    for (k = 0, at = 0; k < D; k++) {
        for (i = 0; i < 2; i++) {
            if (k == 0) {
                core[at + i * 2] = a[i];
                core[at + i * 2 + 1] = -b[i];

            } else if (k == D - 1) {
                core[at + i] = a[2 * k + i];
                core[at + 2 + i] = b[2 * k + i];

            } else {
                core[at + i * 2] = a[2 * k + i];
                core[at + 4 + i * 2 + 1] = b[2 * k + i];
            }
        }
        at += 2 * (size_t) t.rank[k] * t.rank[k + 1];
    }

    assert_true(cond(&t) > 1e6);
}


static void
zeros_are_not_trusted(void **state)
{
    double   core[D * 2 * 4];
    hx_tt_t  t;

    train(&t, core, 2);
    memset(core, 0, sizeof(core));
    assert_true(isinf(cond(&t)));
    core[0] = NAN;
    assert_true(isinf(cond(&t)));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(as_defined),
        cmocka_unit_test(rank_one_is_perfect),
        cmocka_unit_test(cancelling_shows),
        cmocka_unit_test(zeros_are_not_trusted)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
