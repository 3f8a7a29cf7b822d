/*
 * hx_audit_verify_gap.c -- what may still be explained by a line to come: gaps
 * in sequence numbers, and lines that a write left half.  Both lists are
 * bounded; what is pushed out of them is judged by what is known then.
 */

#include <stdlib.h>
#include <string.h>

#include "hx_audit_verify_impl.h"


static void
hx_verify_gap_judge(hx_verify_t *v, hx_verify_gap_t *g)
{
    hx_finding_t  kind;

    if (g->w == NULL) {
        return;
    }

    kind = g->across ? HX_FINDING_TRUNCATE : HX_FINDING_DELETE;
    g->at.seq = g->from;

    hx_verify_found(&v->result.finding[kind], &g->at, 1,
                    g->across ? "records are missing between this file and an "
                                "older one"
                              : "records are missing before this line",
                    g->to - g->from + 1);

    g->w->n_gaps--;
    g->w = NULL;
}


static hx_verify_gap_t *
hx_verify_gap_new(hx_verify_t *v)
{
    hx_verify_gap_t  *g;

    g = &v->gap[v->next_gap];
    v->next_gap = (v->next_gap + 1) % HX_VERIFY_GAPS;

    hx_verify_gap_judge(v, g);
    memset(g, 0, sizeof(hx_verify_gap_t));

    return g;
}


void
hx_verify_gap(hx_verify_t *v, hx_verify_writer_t *w, const hx_chain_line_t *l,
    const hx_verify_place_t *at)
{
    hx_verify_gap_t  *g;

    g = hx_verify_gap_new(v);

    g->w = w;
    g->from = w->seq + 1;
    g->to = l->seq - 1;
    g->at = *at;
    memcpy(g->before, w->hash, HX_CHAIN_HASH);
    g->across = w->at.file != at->file;

    w->n_gaps++;
}


static hx_verify_gap_t *
hx_verify_gap_find(hx_verify_t *v, const hx_verify_writer_t *w, uint64_t seq)
{
    unsigned  i;

    if (w->n_gaps == 0) {
        return NULL;
    }

    for (i = 0; i < HX_VERIFY_GAPS; i++) {
        if (v->gap[i].w == w && v->gap[i].from <= seq && seq <= v->gap[i].to) {
            return &v->gap[i];
        }
    }

    return NULL;
}


/*
 * The writer's last line made a gap, but it may be the one that was due, its
 * number changed: then this one, two behind what was before, fits its hash.
 */

int
hx_verify_gap_undo(hx_verify_t *v, hx_verify_writer_t *w,
    const hx_chain_line_t *l)
{
    hx_verify_gap_t  *g;

    g = hx_verify_gap_find(v, w, w->seq - 1);

    if (g == NULL || l->seq != g->from + 1 || g->to + 1 != w->seq
        || !hx_verify_fits(v, w->hash, l))
    {
        return 0;
    }

    w->n_gaps--;
    g->w = NULL;

    return 1;
}


/* What is left of a gap, if anything is. */

static void
hx_verify_gap_part(hx_verify_t *v, const hx_verify_gap_t *whole, uint64_t from,
    uint64_t to, const unsigned char *before)
{
    hx_verify_gap_t  *g;

    if (from > to) {
        return;
    }

    g = hx_verify_gap_new(v);

    *g = *whole;
    g->from = from;
    g->to = to;
    memcpy(g->before, before, HX_CHAIN_HASH);

    g->w->n_gaps++;
}


int
hx_verify_gap_fill(hx_verify_t *v, hx_verify_writer_t *w,
    const hx_chain_line_t *l, const hx_verify_place_t *at)
{
    hx_verify_gap_t  *g, whole;

    g = hx_verify_gap_find(v, w, l->seq);

    if (g == NULL) {
        return 0;
    }

    hx_verify_finding(v, HX_FINDING_SWAP, at, "a record that was missing "
                      "comes behind later ones");

    if (l->seq == g->from && !hx_verify_fits(v, g->before, l)) {
        hx_verify_finding(v, HX_FINDING_EDIT, at, "the hash does not fit");
    }

    whole = *g;
    g->w = NULL;
    w->n_gaps--;

    hx_verify_gap_part(v, &whole, whole.from, l->seq - 1, whole.before);
    hx_verify_gap_part(v, &whole, l->seq + 1, whole.to, l->hash);

    return 1;
}


void
hx_verify_gap_end(hx_verify_t *v)
{
    unsigned  i;

    for (i = 0; i < HX_VERIFY_GAPS; i++) {
        hx_verify_gap_judge(v, &v->gap[i]);
    }
}


static void
hx_verify_torn_judge(hx_verify_t *v, hx_verify_torn_t *t)
{
    if (t->data == NULL) {
        return;
    }

    hx_verify_finding(v, HX_FINDING_INSERT, &t->at,
                      "the line is no chained record, nor the beginning of a "
                      "later one");

    free(t->data);
    t->data = NULL;
    v->n_torn--;
}


void
hx_verify_torn(hx_verify_t *v, const unsigned char *data, size_t len,
    const hx_verify_place_t *at)
{
    hx_verify_torn_t  *t;

    if (data != NULL && len == 0 && v->after_torn) {

        /* two who both ended the line that a third has left half */

        v->after_torn = 0;
        return;
    }

    v->after_torn = 0;

    if (data == NULL || len == 0 || len > HX_VERIFY_TORN_MAX
        || data[0] != '{')
    {
        hx_verify_finding(v, HX_FINDING_INSERT, at, data == NULL
                          ? "a line that is too long for any record"
                          : "the line is no chained record");
        return;
    }

    t = &v->torn[v->next_torn];
    v->next_torn = (v->next_torn + 1) % HX_VERIFY_TORN;
    hx_verify_torn_judge(v, t);

    t->data = malloc(len);
    if (t->data == NULL) {
        v->rc = HX_FAIL;
        return;
    }

    memcpy(t->data, data, len);
    t->len = len;
    t->at = *at;
    v->n_torn++;
    v->after_torn = 1;
}


void
hx_verify_torn_done(hx_verify_t *v, const unsigned char *data, size_t len)
{
    unsigned           i;
    hx_verify_torn_t  *t;

    v->after_torn = 0;

    for (i = 0; v->n_torn != 0 && i < HX_VERIFY_TORN; i++) {
        t = &v->torn[i];

        if (t->data == NULL || t->len >= len
            || memcmp(t->data, data, t->len) != 0)
        {
            continue;
        }

        hx_verify_found(&v->result.note[HX_NOTE_TORN], &t->at, 1,
                        "a write was cut off here, the record follows whole",
                        0);
        free(t->data);
        t->data = NULL;
        v->n_torn--;
    }
}


void
hx_verify_torn_end(hx_verify_t *v)
{
    unsigned           i;
    hx_verify_torn_t  *t;

    for (i = 0; i < HX_VERIFY_TORN; i++) {
        t = &v->torn[i];

        if (t->data != NULL && v->conf.live && t->at.file == v->last.file
            && t->at.line == v->last.line)
        {
            hx_verify_found(&v->result.note[HX_NOTE_TORN], &t->at, 1,
                            "the last line is being written", 0);
            free(t->data);
            t->data = NULL;
            v->n_torn--;
        }

        hx_verify_torn_judge(v, t);
    }
}


void
hx_verify_torn_free(hx_verify_t *v)
{
    unsigned  i;

    for (i = 0; i < HX_VERIFY_TORN; i++) {
        free(v->torn[i].data);
        v->torn[i].data = NULL;
    }
}
