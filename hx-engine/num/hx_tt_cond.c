/*
 * hx_tt_cond.c -- see the header: Gram matrices of both sides of each bond.
 */

#include <math.h>

#include "hx_gemm.h"
#include "hx_tt_cond.h"
#include "hx_tt_dot.h"


/* Values of the largest core. */
static size_t
hx_cond_core(const hx_tt_t *t)
{
    size_t    n, max;
    unsigned  k;

    for (k = 0, max = 0; k < t->d; k++) {
        n = 2 * (size_t) t->rank[k] * t->rank[k + 1];
        max = n > max ? n : max;
    }

    return max;
}


static size_t
hx_cond_gram(const hx_tt_t *t)
{
    size_t    n, max;
    unsigned  k;

    for (k = 0, max = 0; k <= t->d; k++) {
        n = (size_t) t->rank[k] * t->rank[k];
        max = n > max ? n : max;
    }

    return max;
}


size_t
hx_tt_cond_work(const hx_tt_t *t)
{
    return 2 * hx_cond_core(t) + hx_cond_gram(t) + HX_TT_CORES_MAX + 1;
}


static double
hx_cond_trace(const double *gram, size_t n)
{
    size_t  i;
    double  sum;

    for (i = 0, sum = 0; i < n; i++) {
        sum += gram[i * n + i];
    }

    return sum;
}


/* The Gram matrix right of the bond before: G gram G' for both slices of G. */
static void
hx_cond_right(const double *core, size_t r, size_t s, double *gram,
    double *product, double *turned)
{
    size_t  i, j;

    hx_gemm_nn(2 * r, s, s, core, gram, product);

    for (i = 0; i < r; i++) {
        for (j = 0; j < 2 * s; j++) {
            turned[j * r + i] = core[i * 2 * s + j];
        }
    }

    hx_gemm_nn(r, r, 2 * s, product, turned, gram);
}


double
hx_tt_cond(const hx_tt_t *t, double *work)
{
    size_t         r, s;
    double        *gram, *product, *turned, *left, kappa, most;
    unsigned       k;
    const double  *core;

    product = work;
    turned = product + hx_cond_core(t);
    gram = turned + hx_cond_core(t);
    left = gram + hx_cond_gram(t);

    gram[0] = 1;
    left[0] = 1;
    core = t->core;

    for (k = 0; k < t->d; k++) {
        r = t->rank[k];
        s = t->rank[k + 1];
        hx_tt_dot_step(t, t, k, core, core, gram, product);
        left[k + 1] = hx_cond_trace(gram, s);
        core += 2 * r * s;
    }

    gram[0] = 1;
    most = 0;

    for (k = t->d; k-- != 0; /* void */ ) {
        r = t->rank[k];
        s = t->rank[k + 1];
        core -= 2 * r * s;
        hx_cond_right(core, r, s, gram, product, turned);
        kappa = hx_cond_trace(gram, r) * left[k];
        most = kappa > most ? kappa : most;
    }

    kappa = sqrt(most / left[t->d]);

    return left[t->d] > 0 && kappa == kappa ? kappa : INFINITY;
}
