/*
 * hx_tt_round.c -- see the header.
 *
 * One sweep does it all: the matrix of (rank, bit) by (all bits to come, tail)
 * gets a basis of its columns, which is a core, and what it has in that basis
 * goes on.  The right half of a train is swept in the same way, from its end,
 * with its bits in reverse order.
 */

#include <string.h>

#include "hx_gemm.h"
#include "hx_tt_basis.h"
#include "hx_tt_round.h"


void
hx_tt_round_init(hx_tt_round_t *r, unsigned d, double norm,
    uint64_t values_max, hx_work_t *w)
{
    r->work = w;
    r->energy = norm * norm;
    r->bonds = d - 1;
    r->values_max = values_max;
    r->values = 0;
    r->d = d;
    r->rank[0] = 1;
    r->rank[d] = 1;
}


/* Room for core k with ranks a and b; HX_NO: too many values. */
static hx_rc_t
hx_tt_round_core(hx_tt_round_t *r, unsigned k, size_t a, size_t b)
{
    r->values += (uint64_t) 2 * a * b;

    if (r->values > r->values_max) {
        return HX_NO;
    }

    r->core[k] = hx_work_doubles(r->work, 2 * a * b);

    return r->core[k] != NULL ? HX_OK : HX_FAIL;
}


/*
 * Core k from a basis of (a, bit) combinations.  From the left the core is a x
 * 2 x rank; from the right the ranks change places.
 */
static hx_rc_t
hx_tt_round_store(hx_tt_round_t *r, unsigned k, size_t a,
    const hx_tt_basis_t *b, int right)
{
    double   x, *core;
    size_t   i, j;
    hx_rc_t  rc;

    rc = right ? hx_tt_round_core(r, k, b->rank, a)
               : hx_tt_round_core(r, k, a, b->rank);

    if (rc != HX_OK) {
        return rc;
    }

    core = r->core[k];

    for (i = 0; i < 2 * a; i++) {
        for (j = 0; j < b->rank; j++) {
            x = b->whole ? i == j : b->u[j * b->ld + i];

            if (right) {
                core[(j * 2 + i % 2) * a + i / 2] = x;

            } else {
                core[i * b->rank + j] = x;
            }
        }
    }

    return HX_OK;
}


/*
 * Sweeps over "bits" bits of x: 2^n rows of "tail" values each, at first, with
 * room for as many in "copy".  Cores k, k + 1, .. are made (right: k, k - 1,
 * ..).  What is left, rank x (2^(n - bits) tail), is in x again.
 */
static hx_rc_t
hx_tt_round_sweep(hx_tt_round_t *r, double *x, double *copy, unsigned n,
    unsigned bits, size_t tail, unsigned k, int right, size_t *rank)
{
    size_t           a, cols;
    double          *core;
    hx_rc_t          rc;
    hx_gemm_t        g;
    hx_tt_basis_t    b;
    hx_work_mark_t   mark;

    cols = tail << n;

    for (a = 1; bits != 0; bits--, k = right ? k - 1 : k + 1) {
        cols /= 2;

        memcpy(copy, x, 2 * a * cols * sizeof(double));
        mark = hx_work_mark(r->work);

        rc = hx_tt_basis(&b, copy, 2 * a, cols, r->energy / r->bonds,
                         (size_t) ((r->values_max - r->values) / (2 * a)),
                         r->work);

        if (rc == HX_OK) {
            rc = hx_tt_round_store(r, k, a, &b, right);
        }

        if (rc != HX_OK) {
            return rc;
        }

        r->energy = r->energy > b.lost ? r->energy - b.lost : 0;
        r->bonds--;

        if (!b.whole) {
            g.mode = HX_GEMM_SET;
            g.m = b.rank;
            g.n = cols;
            g.k = 2 * a;
            g.a = b.u;
            g.ars = b.ld;
            g.acs = 1;
            g.b = x;
            g.ldb = cols;
            g.c = copy;
            g.ldc = cols;

            hx_gemm(&g);
            memcpy(x, copy, b.rank * cols * sizeof(double));
        }

        /* of all that was allocated only the core stays */
        core = r->core[k];
        hx_work_back(r->work, mark);
        r->core[k] = hx_work_doubles(r->work, 2 * a * b.rank);

        if (r->core[k] == NULL) {
            return HX_FAIL;
        }

        memmove(r->core[k], core, 2 * a * b.rank * sizeof(double));

        a = b.rank;
        r->rank[right ? k : k + 1] = (uint32_t) a;
    }

    *rank = a;

    return HX_OK;
}


hx_rc_t
hx_tt_round_values(hx_tt_round_t *r, double *x)
{
    size_t    rank;
    double   *copy;
    hx_rc_t   rc;

    copy = hx_work_doubles(r->work, (size_t) 1 << r->d);

    if (copy == NULL) {
        return HX_FAIL;
    }

    rc = hx_tt_round_sweep(r, x, copy, r->d, r->d - 1, 1, 0, 0, &rank);

    if (rc == HX_OK) {
        rc = hx_tt_round_core(r, r->d - 1, rank, 1);
    }

    if (rc == HX_OK) {
        memcpy(r->core[r->d - 1], x, 2 * rank * sizeof(double));
    }

    return rc;
}


/* to (2^bits x n) = from (n x 2^bits), transposed, with bits reversed. */
static void
hx_tt_round_reverse(double *to, const double *from, size_t n, unsigned bits)
{
    size_t    i, j, place, size;
    unsigned  b;

    size = (size_t) 1 << bits;

    for (i = 0, place = 0; i < size; i++) {

        for (j = 0; j < n; j++) {
            to[place * n + j] = from[j * size + i];
        }

        /* count "place" up from its highest bit */
        for (b = bits; b-- > 0; /* void */ ) {
            place ^= (size_t) 1 << b;

            if (place >> b & 1) {
                break;
            }
        }
    }
}


hx_rc_t
hx_tt_round_factors(hx_tt_round_t *r, unsigned h, double *x, size_t n,
    double *y, double *copy)
{
    size_t      i, bit, j, left, rank, size;
    double     *core;
    hx_rc_t     rc;
    unsigned    bits;
    hx_gemm_t   g;

    bits = r->d - h;
    rc = hx_tt_round_sweep(r, x, copy, h, h, n, 0, 0, &left);

    if (rc != HX_OK) {
        return rc;
    }

    /* left is at most n: there is room for the right half in y and copy */
    size = (size_t) 1 << bits;
    g.mode = HX_GEMM_SET;
    g.m = left;
    g.n = size;
    g.k = n;
    g.a = x;
    g.ars = n;
    g.acs = 1;
    g.b = y;
    g.ldb = size;
    g.c = copy;
    g.ldc = size;

    hx_gemm(&g);
    hx_tt_round_reverse(y, copy, left, bits);

    rc = hx_tt_round_sweep(r, y, copy, bits, bits - 1, left, r->d - 1, 1,
                           &rank);

    if (rc == HX_OK) {
        rc = hx_tt_round_core(r, h, left, rank);
    }

    if (rc != HX_OK) {
        return rc;
    }

    /* y is rank x bit x left, the core left x bit x rank */
    core = r->core[h];

    for (i = 0; i < left; i++) {
        for (bit = 0; bit < 2; bit++) {
            for (j = 0; j < rank; j++) {
                core[(i * 2 + bit) * rank + j] = y[(j * 2 + bit) * left + i];
            }
        }
    }

    return HX_OK;
}


void
hx_tt_round_train(const hx_tt_round_t *r, hx_tt_t *t, hx_tt_order_t order,
    double *to)
{
    size_t    n;
    unsigned  k;

    t->d = r->d;
    t->order = order;
    t->core = to;
    memcpy(t->rank, r->rank, sizeof(t->rank));

    for (k = 0; k < r->d; k++) {
        n = (size_t) 2 * r->rank[k] * r->rank[k + 1];
        memcpy(to, r->core[k], n * sizeof(double));
        to += n;
    }
}
