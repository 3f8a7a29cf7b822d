/*
 * hx_tt_middle.c -- from a cross to cores (see hx_tt_middle.h).
 *
 * The rows of the cross are made orthonormal; what the array has in them comes
 * from the cross itself, or, when there is noise, from all of the array.
 */

#include <math.h>
#include <string.h>

#include "hx_gemm.h"
#include "hx_ldl.h"
#include "hx_row.h"
#include "hx_tt_middle.h"
#include "hx_tt_round.h"


/*
 * Orthonormal rows q that span those of the cross; t: v = t q.  Copies, so that
 * the cross can go on.
 */
static hx_rc_t
hx_tt_middle_rows(hx_tt_middle_t *m, double **q, double **t)
{
    int                   slow;
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

    /* rows of a cross that goes down to the last digits are hardly different */

    for (slow = 0; slow < 2; slow++) {
        for (i = 0; i < m->rank; i++) {
            memcpy(*q + i * c->cols, c->v + i * c->ldv,
                   c->cols * sizeof(double));
        }

        if (slow) {
            hx_ortho_slow(*q, m->rank, c->cols, c->cols, *t);

        } else if (hx_ortho(*q, m->rank, c->cols, c->cols, *t, work) == HX_OK)
        {
            break;
        }
    }

    return HX_OK;
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


hx_rc_t
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


hx_rc_t
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
