/*
 * hx_query_scan.c -- one look at every row in memory: which may be among the
 * best?
 *
 * Rows of bytes first, they are quick and raise the bar; then trains, whose
 * products cost more and whose signatures are asked before; then rows of which
 * only the norm is known.  For rows of bytes signatures are worth it only when
 * vectors are smooth: after the first rows a block is tried, and one now and
 * then.
 */

#include <stdlib.h>

#include "hx_query_impl.h"

#define HX_TRY_AGAIN    64          /* blocks until another try; then four
                                     * times as many */

typedef struct {
    hx_query_t  *q;
    int          by_sig;            /* rows of bytes: 1 yes, 0 no, -1 trying */
    unsigned     blocks;            /* since it was decided */
    unsigned     again;             /* how many it takes to try once more */
    uint64_t     seen;              /* rows of bytes looked at */
    float       *sig;               /* HX_SEG_ROWS: cosines by signature, */
    float       *up;                /* how far off they may be, */
    double      *rank;              /* and the ranks that allows at most */
    uint32_t    *order;             /* HX_K_MAX */
} hx_look_t;

/* Of a row of which only the norm is known. */
static const hx_near_t  hx_near_nothing = { 0, 1 + 1e-12 };


/* The rank that a cosine of at most c gives a row of norm a. */
static inline double
hx_rank_most(const hx_query_t *q, double a, double c)
{
    double  y, r;

    y = q->side.norm;

    switch (q->conf.metric) {

    case HX_DOT:
        return a * y * c;

    case HX_EUCLIDEAN:
        r = 2 * a * y * c - a * a - y * y + 4e-16 * (a + y) * (a + y);
        return r > 0 ? 0 : r;

    default:
        return c;
    }
}


/* One row of bytes, with both levels of the query. */
static void
hx_look_row(hx_look_t *l, hx_seg_t *s, unsigned row)
{
    float        out;
    hx_near_t    near;
    hx_query_t  *q;

    q = l->q;
    hx_scan_rows(&q->bytes, s->q + row * s->stride, 1, &out);
    near.c = (double) (out * s->scale[row]);
    near.b = (double) hx_scan_bound(&q->bytes, s->error[row]);
    hx_query_offer(q, s, row, near);
}


/* A few rows of bytes, one after the other. */
static void
hx_look_bytes(hx_look_t *l, hx_seg_t *s, unsigned first, unsigned n)
{
    float            out[HX_BLOCK];
    double           y;
    uint32_t         row[HX_BLOCK];
    size_t           i, found;
    hx_query_t      *q;
    hx_scan_pick_t   p;

    q = l->q;
    y = q->side.norm;
    p.scale = s->scale + first;
    p.error = s->error + first;
    p.norm = q->conf.metric == HX_COSINE ? NULL : s->norm + first;
    p.a = q->conf.metric == HX_EUCLIDEAN ? 2 * y : y;
    p.b = q->conf.metric == HX_EUCLIDEAN ? 1 : 0;
    p.bar = hx_query_bar(q);

    /* ranks of distances are -|y|^2 away; both sides round */

    if (q->conf.metric == HX_EUCLIDEAN) {
        p.b -= 1e-14;
        p.bar += y * y * (1 - 1e-14) - fabs(p.bar) * 1e-14;
    }

    hx_scan_coarse(&q->bytes, s->q + first * s->stride, n, out);
    found = hx_scan_pick(&q->bytes, &p, n, out, row);
    l->seen += n;

    for (i = 0; i < found; i++) {
        if (hx_rank_most(q, s->norm[first + row[i]],
                         (double) (out[row[i]] + p.error[row[i]] * p.k + p.c))
            >= hx_query_bar(q))
        {
            hx_look_row(l, s, first + row[i]);
        }
    }
}


/* Cosines by signature of rows first .. first + n - 1, and how far off. */
static void
hx_look_signatures(hx_look_t *l, const hx_seg_t *s, const float *q, float rho,
    float off, unsigned first, unsigned n)
{
    float        o;
    unsigned     i;

    hx_scan_signatures(s->sig + (size_t) first * HX_SIG, n, q, l->sig);

    for (i = 0; i < n; i++) {
        o = s->kind == HX_ROW_TRAIN ? s->error[first + i] : 0;
        l->up[i] = s->rho[first + i] * rho + o + off + o * off
                   + HX_SCAN_SLACK;
    }
}


/* A block of rows of bytes by signature first; how many were looked at. */
static unsigned
hx_look_block_sig(hx_look_t *l, hx_seg_t *s, unsigned first, unsigned n)
{
    double       bar;
    unsigned     i, passed;
    hx_query_t  *q;

    q = l->q;
    hx_look_signatures(l, s, q->sig, q->rho, q->sig_off, first, n);
    bar = hx_query_bar(q);

    for (i = 0, passed = 0; i < n; i++) {
        if (hx_rank_most(q, s->norm[first + i],
                         (double) (l->sig[i] + l->up[i])) >= bar)
        {
            hx_look_row(l, s, first + i);
            bar = hx_query_bar(q);
            passed++;
        }
    }

    q->pruned += n - passed;

    return passed;
}


/* Shall the next block be looked at by signature? */
static int
hx_look_by_sig(hx_look_t *l, const hx_seg_t *s)
{
    const hx_query_t  *q;

    q = l->q;

    if (!s->has_sig || !q->has_sig || q->n_low < q->conf.k
        || l->seen < HX_BLOCK)
    {
        return 0;
    }

    if (l->by_sig == 0 && ++l->blocks >= l->again) {
        l->by_sig = -1;
        l->blocks = 0;
        l->again *= 4;
    }

    return l->by_sig != 0;
}


static void
hx_look_seg_bytes(hx_look_t *l, hx_seg_t *s, unsigned rows)
{
    unsigned  first, n;

    for (first = 0; first < rows; first += n) {
        n = rows - first < HX_BLOCK ? rows - first : HX_BLOCK;

        if (!hx_look_by_sig(l, s)) {
            hx_look_bytes(l, s, first, n);
            continue;
        }

        l->by_sig = hx_look_block_sig(l, s, first, n) < n / 2;
    }
}


/* A row of a train: its product with the query if there can be one, else what
 * its signature says. */
static void
hx_look_train(hx_look_t *l, hx_seg_t *s, unsigned row, int multiply)
{
    double       score;
    hx_near_t    near;
    hx_query_t  *q;

    q = l->q;

    if (multiply && hx_train_score(q, &q->side, s->train[row], s->norm[row],
                                   &near, &score))
    {
        hx_query_offer_exact(q, s, row, score);
        return;
    }

    if (!multiply) {
        near.c = (double) l->sig[row];
        near.b = (double) l->up[row];
    }

    hx_query_offer(q, s, row, near);
}


/* The k rows with the highest ranks so far, as a heap in l->order: their
 * number. */
static unsigned
hx_look_highest(hx_look_t *l, unsigned rows, unsigned k)
{
    double     v;
    unsigned   i, j, c, n;
    uint32_t  *h;

    h = l->order;

    for (i = 0, n = 0; i < rows; i++) {
        v = l->rank[i];

        if (n < k) {
            for (j = n++; j != 0 && l->rank[h[(j - 1) / 2]] > v; j = c) {
                c = (j - 1) / 2;
                h[j] = h[c];
            }
            h[j] = i;
            continue;
        }

        if (v <= l->rank[h[0]]) {
            continue;
        }

        for (j = 0; (c = 2 * j + 1) < n; j = c) {
            c += c + 1 < n && l->rank[h[c + 1]] < l->rank[h[c]];

            if (l->rank[h[c]] >= v) {
                break;
            }
            h[j] = h[c];
        }

        h[j] = i;
    }

    return n;
}


/* Signatures that rows of this segment may be compared with. */
static const float *
hx_look_signature(const hx_query_t *q, const hx_seg_t *s, int multiply,
    float *rho, float *off)
{
    if (s->form.plain && q->has_sig) {
        *rho = q->rho;
        *off = q->sig_off;
        return q->sig;
    }

    if (multiply) {
        *rho = q->own_rho;
        *off = hx_train_off(q->side.train);
        return q->own;
    }

    return NULL;
}


static void
hx_look_seg_trains(hx_look_t *l, hx_seg_t *s, unsigned rows)
{
    int           multiply;
    float         rho, off;
    unsigned      i, n;
    hx_query_t   *q;
    const float  *sig;

    q = l->q;
    multiply = q->side.train != NULL && hx_form_same(&q->side.form, &s->form);
    sig = hx_look_signature(q, s, multiply, &rho, &off);

    if (sig == NULL) {
        for (i = 0; i < rows; i++) {
            hx_query_offer(q, s, i, hx_near_nothing);
        }
        return;
    }

    hx_look_signatures(l, s, sig, rho, off, 0, rows);

    for (i = 0; i < rows; i++) {
        l->rank[i] = hx_rank_most(q, s->norm[i],
                                  (double) (l->sig[i] + l->up[i]));
    }

    if (multiply && q->n_low < q->conf.k) {
        n = hx_look_highest(l, rows, q->conf.k);

        for (i = 0; i < n; i++) {
            hx_look_train(l, s, l->order[i], multiply);
            l->rank[l->order[i]] = -INFINITY;
        }

    } else {
        n = 0;
    }

    for (i = 0; i < rows; i++) {
        if (l->rank[i] >= hx_query_bar(q) && l->rank[i] != -INFINITY) {
            hx_look_train(l, s, i, multiply);
            n++;
        }
    }

    q->pruned += rows - n;
}


/* A row of which nothing but the norm is known. */
static void
hx_look_bare(hx_query_t *q, hx_seg_t *s, unsigned row)
{
    double  norm;

    norm = s->norm[row];

    if (norm == 0 && !q->zero) {
        hx_query_offer_exact(q, s, row, q->conf.metric == HX_EUCLIDEAN
                                        ? q->side.norm : 0);
        return;
    }

    hx_query_offer(q, s, row, hx_near_nothing);
}


/* A query of zeros: every score is known. */
static void
hx_look_zero(hx_query_t *q, hx_seg_t *s, unsigned row)
{
    hx_query_offer_exact(q, s, row, q->conf.metric == HX_EUCLIDEAN
                                    ? s->norm[row] : 0);
}


/* Only these rows, by what their kind allows. */
static void
hx_look_chosen(hx_look_t *l, hx_seg_t *s, const uint32_t *row, unsigned n)
{
    int          multiply;
    unsigned     i;
    hx_query_t  *q;

    q = l->q;
    multiply = s->kind == HX_ROW_TRAIN && q->side.train != NULL
               && hx_form_same(&q->side.form, &s->form);

    for (i = 0; i < n; i++) {
        if (q->zero) {
            hx_look_zero(q, s, row[i]);

        } else if (s->kind == HX_ROW_BYTES && !q->odd) {
            hx_look_row(l, s, row[i]);

        } else if (multiply) {
            hx_look_train(l, s, row[i], 1);

        } else {
            hx_look_bare(q, s, row[i]);
        }
    }
}


static void
hx_look_seg(hx_look_t *l, hx_seg_t *s, unsigned rows)
{
    unsigned     i;
    hx_query_t  *q;

    q = l->q;

    if (q->zero) {
        for (i = 0; i < rows; i++) {
            hx_look_zero(q, s, i);
        }

    } else if (s->kind == HX_ROW_BYTES && !q->odd) {
        hx_look_seg_bytes(l, s, rows);

    } else if (s->kind == HX_ROW_TRAIN && !q->odd) {
        hx_look_seg_trains(l, s, rows);

    } else {
        for (i = 0; i < rows; i++) {
            hx_look_bare(q, s, i);
        }
    }
}


void
hx_query_scan(hx_query_t *q)
{
    unsigned                    i, n, kind;
    hx_look_t                   l;
    hx_seg_t                   *s;
    static const hx_row_kind_t  order[] = { HX_ROW_BYTES, HX_ROW_TRAIN,
                                            HX_ROW_BARE };

    memset(&l, 0, sizeof(l));
    l.q = q;
    l.by_sig = -1;
    l.again = HX_TRY_AGAIN;
    l.rank = malloc(HX_SEG_ROWS * sizeof(double));
    l.sig = malloc(HX_SEG_ROWS * sizeof(float));
    l.up = malloc(HX_SEG_ROWS * sizeof(float));
    l.order = malloc(HX_K_MAX * sizeof(uint32_t));
    q->no_memory = l.rank == NULL || l.sig == NULL || l.up == NULL
                   || l.order == NULL;

    for (kind = 0; kind < hx_nelts(order) && !q->no_memory; kind++) {
        for (i = 0; i < q->list->n; i++) {
            s = q->list->seg[i];

            if (s->kind != order[kind]) {
                continue;
            }

            if (q->chosen != NULL) {
                n = q->n_chosen[i];
                hx_look_chosen(&l, s, q->chosen[i], n);

            } else {
                n = atomic_load_explicit(&s->n, memory_order_acquire);
                hx_look_seg(&l, s, n);
            }

            q->scanned += n;
        }
    }

    free(l.rank);
    free(l.sig);
    free(l.up);
    free(l.order);
}
