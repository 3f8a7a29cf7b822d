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

/* Rows of the array that are looked at together. */
#define HX_TT_MIDDLE_ROWS  32


static void
hx_tt_middle_lay(hx_tt_middle_t *m, size_t rank)
{
    m->x = m->q + rank * m->cross.cols;
    m->copy = m->x + rank * m->cross.rows;
}


static size_t
hx_tt_middle_size(const hx_tt_middle_t *m, size_t rank)
{
    size_t  rows, cols;

    rows = m->cross.rows;
    cols = m->cross.cols;

    return rank * (rows + cols + (rows < cols ? cols : rows));
}


hx_rc_t
hx_tt_middle_room(hx_tt_middle_t *m, size_t rank)
{
    m->mark = hx_work_mark(m->s->work);
    m->room = hx_tt_middle_size(m, rank);
    m->q = hx_work_doubles(m->s->work, m->room);

    if (m->q == NULL) {
        return HX_FAIL;
    }

    hx_tt_middle_lay(m, rank);

    return HX_OK;
}


void
hx_tt_middle_trim(hx_tt_middle_t *m, size_t rank)
{
    m->room = hx_tt_middle_size(m, rank);
    hx_work_trim(m->s->work, m->q, m->room * sizeof(double));
    hx_tt_middle_lay(m, rank);
}


/* Copies, so that the cross can go on. */
hx_rc_t
hx_tt_middle_rows(hx_tt_middle_t *m, double *t)
{
    int                   slow;
    double               *q, *work;
    size_t                i;
    hx_work_mark_t        mark;
    const hx_tt_cross_t  *c;

    c = &m->cross;
    q = m->q;
    mark = hx_work_mark(c->work);
    work = hx_work_doubles(c->work, hx_ortho_work(m->rank, c->cols));

    if (work == NULL) {
        return HX_FAIL;
    }

    /* rows of a cross that goes down to the last digits are hardly different */

    for (slow = 0; slow < 2; slow++) {
        for (i = 0; i < m->rank; i++) {
            memcpy(q + i * c->cols, c->v + i * c->ldv,
                   c->cols * sizeof(double));
        }

        if (slow) {
            hx_ortho_slow(q, m->rank, c->cols, c->cols, t);

        } else if (hx_ortho(q, m->rank, c->cols, c->cols, t, work) == HX_OK) {
            break;
        }
    }

    hx_work_back(c->work, mark);

    return HX_OK;
}


/* x = u t: what the cross says of the rows' coefficients. */
static void
hx_tt_middle_cross(const hx_tt_middle_t *m, const double *t)
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
    g.c = m->x;
    g.ldc = m->rank;

    hx_gemm(&g);
}


/* to (n x m) = from (m x n) transposed. */
static void
hx_tt_middle_turn(double *to, const double *from, size_t m, size_t n)
{
    size_t  i, j;

    for (i = 0; i < n; i++) {
        for (j = 0; j < m; j++) {
            to[i * m + j] = from[j * n + i];
        }
    }
}


/* Some rows of the array at a time are turned, not the longer q. */
hx_rc_t
hx_tt_middle_project(hx_tt_middle_t *m)
{
    double          *row, *turned, *part;
    size_t           i, j, some;
    unsigned         bits;
    hx_gemm_t        g;
    hx_tt_cross_t   *c;
    hx_work_mark_t   mark;

    c = &m->cross;
    bits = c->view->map.d - c->h;
    some = c->rows < HX_TT_MIDDLE_ROWS ? c->rows : HX_TT_MIDDLE_ROWS;
    mark = hx_work_mark(c->work);
    row = hx_work_doubles(c->work, some * c->cols);
    turned = hx_work_doubles(c->work, some * c->cols);
    part = hx_work_doubles(c->work, some * m->rank);

    if (row == NULL || turned == NULL || part == NULL) {
        return HX_FAIL;
    }

    g.mode = HX_GEMM_SET;
    g.m = m->rank;
    g.n = some;
    g.k = c->cols;
    g.a = m->q;
    g.ars = c->cols;
    g.acs = 1;
    g.b = turned;
    g.ldb = some;
    g.c = part;
    g.ldc = some;

    for (i = 0; i < c->rows; i += some) {
        for (j = 0; j < some; j++) {
            hx_tt_view_read(c->view, c->h, bits, (uint64_t) (i + j) << bits,
                            row + j * c->cols);
        }

        hx_tt_middle_turn(turned, row, some, c->cols);
        hx_gemm(&g);
        hx_tt_middle_turn(m->x + i * m->rank, part, m->rank, some);
    }

    hx_work_back(c->work, mark);
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
    double          *t;
    hx_rc_t          rc;
    hx_work_mark_t   mark;

    if (hx_tt_middle_room(m, m->rank) != HX_OK) {
        return HX_FAIL;
    }

    mark = hx_work_mark(m->s->work);
    t = hx_work_doubles(m->s->work, m->rank * m->rank);

    if (t == NULL) {
        return HX_FAIL;
    }

    rc = hx_tt_middle_rows(m, t);

    if (rc == HX_OK && m->noisy) {
        rc = hx_tt_middle_project(m);

    } else if (rc == HX_OK) {
        hx_tt_middle_cross(m, t);
    }

    hx_work_back(m->s->work, mark);

    return rc;
}


/* The train to where the factors were, if that is large enough. */
static hx_rc_t
hx_tt_middle_train(hx_tt_middle_t *m, const hx_tt_round_t *r)
{
    size_t    n;
    double   *core, *to;
    hx_tt_t  *t;

    t = &m->s->out->tt;
    n = (size_t) r->values;
    to = n <= m->room ? m->q : hx_work_doubles(m->s->work, n);

    if (to == NULL) {
        return HX_FAIL;
    }

    hx_tt_round_train(r, t, m->s->order, to);
    hx_work_back(m->s->work, m->mark);
    core = hx_work_doubles(m->s->work, n);

    if (core == NULL) {
        return HX_FAIL;
    }

    memmove(core, to, n * sizeof(double));
    t->core = core;

    return HX_OK;
}


hx_rc_t
hx_tt_middle_round(hx_tt_middle_t *m, double norm)
{
    hx_rc_t        rc;
    hx_tt_round_t  r;

    if (m->rank == 0) {
        return hx_tt_middle_zero(m);
    }

    rc = m->x == NULL ? hx_tt_middle_factors(m) : HX_OK;

    if (rc != HX_OK) {
        return rc;
    }

    hx_tt_round_init(&r, m->s->d, norm, m->s->values_max, m->s->work);
    rc = hx_tt_round_factors(&r, m->cross.h, m->x, m->rank, m->q, m->copy);
    m->x = NULL;

    return rc == HX_OK ? hx_tt_middle_train(m, &r) : rc;
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
