/*
 * hx_query_impl.h -- what the files of a query share.  Nobody else includes it.
 */

#ifndef HX_QUERY_IMPL_H
#define HX_QUERY_IMPL_H

#include <float.h>
#include <math.h>

#include "hx_index_impl.h"
#include "hx_query.h"
#include "hx_tt_dot.h"

#define HX_COPY_MAX    262144       /* elements of a query kept as float64 */
#define HX_BLOCK       256          /* rows looked at together */
#define HX_FETCH_VIEW  64           /* values read through one view */
#define HX_SURE        2e-13        /* a bound so small is none */

/* One side of a comparison. */
typedef struct {
    hx_record_t     record;         /* its strings point into the view */
    hx_values_t     values;
    int             open;
    uint64_t        taken;          /* of the budget */
    unsigned char  *stored;         /* a copy of small values, or NULL */
    double         *x;              /* all elements, or NULL */
    double          max;            /* measured: */
    double          norm;
    int             measured;
    hx_train_t     *train;          /* if its cores may be multiplied */
    hx_form_t       form;
} hx_side_t;

/* A row that may be among the best. */
typedef struct {
    double      best;               /* its rank is not better than this */
    double      score;              /* if exact */
    hx_seg_t   *seg;
    uint32_t    row;
    int         exact;
} hx_cand_t;

/* What is known of a cosine: c - b .. c + b. */
typedef struct {
    double  c;
    double  b;
} hx_near_t;

typedef struct {
    double     score;
    hx_str_t   key;                 /* in the text below */
    unsigned char text[HX_KEY_MAX];
} hx_best_t;

struct hx_query_s {
    hx_query_conf_t    conf;
    hx_index_t        *ix;
    hx_store_view_t    view;
    int                has_view;
    unsigned           fetched;     /* through this view */

    hx_str_t           skip;        /* the query's own key; data NULL: none */
    uint32_t           skip_hash;
    hx_side_t          side;
    int                zero;
    int                odd;         /* not hx_vec_in_range */

    void              *bytes_mem;   /* of the next */
    hx_scan_query_t    bytes;
    int                has_sig;
    float              sig[HX_SIG] __attribute__((aligned(64)));
    float              rho;
    float              sig_off;
    float              own[HX_SIG] __attribute__((aligned(64)));
    float              own_rho;     /* by the train's own order */
    double            *work;        /* for products of trains */
    size_t             work_n;

    hx_list_t         *list;        /* of this moment: */
    uint64_t           seq;
    uint64_t           live;

    double            *low;         /* heap of the k best lower bounds */
    unsigned           n_low;
    hx_cand_t         *cand;
    size_t             n_cand;
    size_t             cap_cand;
    int                no_memory;

    hx_best_t         *best;        /* of exact scores: a heap, worst first */
    unsigned           n_best;
    hx_hit_t          *hit;

    uint32_t         **chosen;      /* by a filter: rows of each segment */
    uint32_t          *n_chosen;

    uint64_t           scanned;
    uint64_t           pruned;
    uint64_t           compared;

    hx_str_t           culprit;
    unsigned char      culprit_mem[HX_KEY_MAX];
};

/* Higher is better, for all metrics: the cosine, <a, b>, -|a - b|^2. */
static inline double
hx_rank_of(hx_metric_t m, double score)
{
    return m == HX_EUCLIDEAN ? -score * score : score;
}

/* 1 when the row is one that counts for this query. */
static inline int
hx_query_counts(const hx_query_t *q, const hx_seg_t *s, uint32_t row)
{
    return hx_row_lives(s, row, q->seq)
           && (q->skip.data == NULL
               || !hx_row_is(s, row, q->skip_hash, &q->skip));
}

/* hx_query.c */

hx_query_rc_t hx_query_store_rc(hx_query_t *q, hx_store_rc_t rc,
    const hx_str_t *key);
void hx_query_blame(hx_query_t *q, const hx_str_t *key);

/* A small side is kept as float64: it is read once for each candidate. */
hx_query_rc_t hx_query_copy(hx_query_t *q, hx_side_t *s, const hx_str_t *key);

/* hx_query_prepare.c */

/* The columns of this moment; q->list stays NULL when there are none. */
void hx_query_snap(hx_query_t *q);

/* 1 when the query's own key is among their rows. */
uint64_t hx_query_own_rows(const hx_query_t *q);

/* Bytes and signatures, as far as the rows ask for them. */
hx_query_rc_t hx_query_prepare(hx_query_t *q);

/* hx_query_filter.c */

/* The rows that the filter lets pass: those are the candidates then. */
hx_query_rc_t hx_query_choose(hx_query_t *q, uint64_t *candidates);

/* hx_query_side.c */

/* Bytes of the budget; 0: not granted. */
int hx_query_take(hx_query_t *q, uint64_t bytes, uint64_t *taken);
void hx_query_give(hx_query_t *q, uint64_t *taken);

/* Reads a record's values; check: compare checksums. */
hx_query_rc_t hx_side_open(hx_query_t *q, hx_side_t *s, const hx_str_t *key);
void hx_side_close(hx_query_t *q, hx_side_t *s);

/* max and norm, and whether all is finite. */
hx_query_rc_t hx_side_measure(hx_query_t *q, hx_side_t *s,
    const hx_str_t *key);

/* Elements of a step: in place, or in buf. */
hx_store_rc_t hx_side_step(hx_side_t *s, uint64_t at, size_t n, double *buf,
    const double **out);

/* The score of two sides; NOT_FINITE: b holds such numbers. */
hx_query_rc_t hx_side_compare(hx_query_t *q, hx_side_t *a, hx_side_t *b,
    const hx_str_t *key, double *score);

/* The same out of cores: 1 and the score, or 0: not sure enough. */
int hx_train_score(hx_query_t *q, const hx_side_t *a, const hx_train_t *t,
    double norm, hx_near_t *near, double *score);

/* hx_query_scan.c: fills q->cand. */
void hx_query_scan(hx_query_t *q);

/* hx_query_best.c */

/* A row, with what is known of its cosine ... */
void hx_query_offer(hx_query_t *q, hx_seg_t *s, uint32_t row, hx_near_t near);

/* ... or its score. */
void hx_query_offer_exact(hx_query_t *q, hx_seg_t *s, uint32_t row,
    double score);

/* What a row's rank must reach to be worth a look. */
double hx_query_bar(const hx_query_t *q);

/* A view to read through, another one now and then: a long query does not keep
 * one moment of the store alive. */
hx_query_rc_t hx_query_renew(hx_query_t *q);

/* Compares candidates exactly until the best are known. */
hx_query_rc_t hx_query_decide(hx_query_t *q);

#endif /* HX_QUERY_IMPL_H */
