/*
 * hx_tt_dot.c -- see the header.
 *
 * One matrix T, r_k of a by r_k of b, is carried through both trains; a core
 * costs two small products:
 *
 *     W = T B            (ra x rb) (rb x 2 rb')
 *     T' = A^T W         (2 ra x ra')^T (2 ra x rb')
 *
 * A core lies in memory as either of the two matrices it is used as.
 */

#include <math.h>
#include <string.h>

#include "hx_gemm.h"
#include "hx_tt_dot.h"

/*
 * With products of cores below HX_TT_DOT_LARGE no element of T overflows, and
 * what vanishes on the way, less than 1e-307, is of less than 1e-90 in the end.
 */
#define HX_TT_DOT_LARGE   1e100
#define HX_TT_DOT_SMALL   1e-36

/* T begins where the vector registers like it. */
#define hx_tt_dot_round(n)   (((n) + 7) & ~(size_t) 7)


typedef struct {
    size_t  t;                  /* doubles of the largest T */
    size_t  w;                  /* and W */
} hx_tt_dot_size_t;


static hx_tt_dot_size_t
hx_tt_dot_size(const hx_tt_t *a, const hx_tt_t *b)
{
    size_t            n;
    unsigned          k;
    hx_tt_dot_size_t  s;

    s.t = 1;
    s.w = 2;

    /* Ranks below 2^16: nothing here reaches 2^34. */
    for (k = 0; k < a->d; k++) {
        n = (size_t) a->rank[k + 1] * b->rank[k + 1];
        s.t = n > s.t ? n : s.t;

        n = (size_t) 2 * a->rank[k] * b->rank[k + 1];
        s.w = n > s.w ? n : s.w;
    }

    s.t = hx_tt_dot_round(s.t);

    return s;
}


size_t
hx_tt_dot_work(const hx_tt_t *a, const hx_tt_t *b)
{
    hx_tt_dot_size_t  s;

    s = hx_tt_dot_size(a, b);

    return s.t + s.w;
}


void
hx_tt_dot_step(const hx_tt_t *a, const hx_tt_t *b, unsigned k,
    const double *ca, const double *cb, double *t, double *w)
{
    size_t     ra, rb;
    hx_gemm_t  g;

    ra = a->rank[k];
    rb = b->rank[k + 1];

    g.mode = HX_GEMM_SET;
    g.m = ra;
    g.n = 2 * rb;
    g.k = b->rank[k];
    g.a = t;
    g.ars = g.k;
    g.acs = 1;
    g.b = cb;
    g.ldb = 2 * rb;
    g.c = w;
    g.ldc = 2 * rb;

    hx_gemm(&g);

    g.m = a->rank[k + 1];
    g.n = rb;
    g.k = 2 * ra;
    g.a = ca;
    g.ars = 1;
    g.acs = g.m;
    g.b = w;
    g.ldb = rb;
    g.c = t;
    g.ldc = rb;

    hx_gemm(&g);
}


double
hx_tt_dot(const hx_tt_t *a, const hx_tt_t *b, double *work)
{
    double            *t, *w;
    unsigned           k;
    const double      *ca, *cb;
    hx_tt_dot_size_t   s;

    s = hx_tt_dot_size(a, b);

    t = work;
    w = work + s.t;
    t[0] = 1;

    ca = a->core;
    cb = b->core;

    for (k = 0; k < a->d; k++) {
        hx_tt_dot_step(a, b, k, ca, cb, t, w);
        ca += 2 * (size_t) a->rank[k] * a->rank[k + 1];
        cb += 2 * (size_t) b->rank[k] * b->rank[k + 1];
    }

    return t[0];
}


double
hx_tt_norm(const hx_tt_t *t, double *work)
{
    double  x;

    x = hx_tt_dot(t, t, work);

    /* Rounding can leave a train of (nearly) zeros below zero. */
    return x > 0 ? sqrt(x) : x <= 0 ? 0 : x;
}


/* The largest sum of magnitudes in a row of a core's two matrices. */
static double
hx_tt_dot_rows(const double *core, size_t rows, size_t n)
{
    double  sum, most;
    size_t  i, j;

    for (i = 0, most = 0; i < rows; i++, core += n) {
        for (j = 0, sum = 0; j < n; j++) {
            sum += fabs(core[j]);
        }

        most = sum > most ? sum : most;
    }

    return most;
}


int
hx_tt_norm_sound(const hx_tt_t *t, double norm)
{
    double         x, product;
    unsigned       k;
    const double  *core;

    if (!(norm > HX_TT_DOT_SMALL) || !(norm < HX_TT_DOT_LARGE)) {
        return 0;
    }

    core = t->core;

    /* the largest product of cores i .. k for any i */
    for (k = 0, product = 1; k < t->d; k++) {
        x = hx_tt_dot_rows(core, (size_t) 2 * t->rank[k], t->rank[k + 1]);
        product = x * (product > 1 ? product : 1);

        if (!(product < HX_TT_DOT_LARGE)) {
            return 0;
        }

        core += (size_t) 2 * t->rank[k] * t->rank[k + 1];
    }

    return 1;
}


/* Doubles of each of the two vectors that hx_tt_signature() works on. */
static size_t
hx_tt_signature_size(const hx_tt_t *t, unsigned bits)
{
    size_t    n, max;
    unsigned  k;

    for (k = 0, max = 0; k <= t->d; k++) {
        n = k >= bits ? 2 * (size_t) t->rank[k]
                      : (size_t) t->rank[k] << (bits - k);
        max = n > max ? n : max;
    }

    return hx_tt_dot_round(max);
}


size_t
hx_tt_signature_work(const hx_tt_t *t, unsigned bits)
{
    return 2 * hx_tt_signature_size(t, bits);
}


void
hx_tt_signature(const hx_tt_t *t, unsigned bits, double *out, double *work)
{
    size_t         i, r, r1, n;
    double        *from, *to, *swap;
    unsigned       k;
    const double  *core;

    from = work;
    to = work + hx_tt_signature_size(t, bits);
    core = t->core + hx_tt_values(t);

    from[0] = 1;

    /* from: r_k x n, the sums over blocks of what cores k .. d-1 span. */
    for (k = t->d, n = 1; k-- > 0; /* void */ ) {
        r = t->rank[k];
        r1 = t->rank[k + 1];
        core -= 2 * r * r1;

        hx_gemm_nn(2 * r, n, r1, core, from, to);

        if (k < bits) {
            n *= 2;

        } else {
            /* times (1, 1) / sqrt(2); n is 1 here */
            for (i = 0; i < r; i++) {
                to[i] = (to[2 * i] + to[2 * i + 1]) * 0.70710678118654752440;
            }
        }

        swap = from;
        from = to;
        to = swap;
    }

    memcpy(out, from, n * sizeof(double));
}
