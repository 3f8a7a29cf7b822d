/*
 * hx_term_ask.c -- what a filter asks an index for; see hx_term.h.
 *
 * Left out is what also matches records without the field: null, $ne, and
 * "$exists": false.  The filter itself sees to those.
 */

#include <string.h>

#include "hx_term.h"


static hx_ask_t *
hx_ask_new(hx_asks_t *a, hx_ask_kind_t kind, uint64_t path)
{
    hx_ask_t  *q;

    q = &a->ask[a->n++];
    q->kind = kind;
    q->path = path;
    q->n = 0;
    q->code = &a->code[a->n_codes];

    return q;
}


/* One of the condition's values, unless null is among them: it comes first. */
static void
hx_ask_equal(hx_asks_t *a, const hx_filter_t *f, const hx_filter_cond_t *c)
{
    unsigned   i;
    hx_ask_t  *q;

    if (c->n != 0 && f->value[c->first].type == HX_JT_NULL) {
        return;
    }

    q = hx_ask_new(a, HX_ASK_EQUAL, hx_term_path(c->path.data, c->path.len));

    for (i = 0; i < c->n; i++) {
        hx_term_code(&a->code[a->n_codes], &f->value[c->first + i]);

        /* values are sorted; those that begin alike have one code */

        if (i == 0 || a->code[a->n_codes].len != a->code[a->n_codes - 1].len
            || memcmp(a->code[a->n_codes].code, a->code[a->n_codes - 1].code,
                      a->code[a->n_codes].len) != 0)
        {
            a->n_codes++;
            q->n++;
        }
    }
}


static int
hx_ask_order(const hx_term_code_t *a, const hx_term_code_t *b)
{
    int  rc;

    rc = memcmp(a->code, b->code, a->len < b->len ? a->len : b->len);

    return rc != 0 ? rc : (int) a->len - (int) b->len;
}


/* Both bounds of a field and type stand in one ask. */
static void
hx_ask_range(hx_asks_t *a, const hx_filter_t *f, const hx_filter_cond_t *c)
{
    unsigned         i;
    uint64_t         path;
    hx_ask_t        *q;
    hx_term_code_t   code, *bound;

    path = hx_term_path(c->path.data, c->path.len);
    hx_term_code(&code, &f->value[c->first]);
    q = NULL;

    for (i = 0; i < a->n; i++) {
        if (a->ask[i].kind == HX_ASK_RANGE && a->ask[i].path == path
            && a->ask[i].code[0].code[0] == code.code[0])
        {
            q = &a->ask[i];
        }
    }

    if (q == NULL) {
        q = hx_ask_new(a, HX_ASK_RANGE, path);
        q->n = 2;
        bound = &a->code[a->n_codes];
        bound[0].len = 1;
        bound[0].code[0] = code.code[0];
        bound[1] = bound[0];
        a->n_codes += 2;
    }

    bound = &a->code[q->code - a->code];

    if (c->op == HX_FILTER_GT || c->op == HX_FILTER_GTE) {
        if (hx_ask_order(&code, &bound[0]) > 0) {
            bound[0] = code;
        }

    } else if (bound[1].len == 1 || hx_ask_order(&code, &bound[1]) < 0) {
        bound[1] = code;
    }
}


/* p asks for nothing that q, which is another one and stays, does not. */
static int
hx_ask_idle(const hx_ask_t *p, const hx_ask_t *q, int earlier)
{
    unsigned  i;

    if (p->path != q->path || p->kind == HX_ASK_RANGE) {
        return 0;
    }

    if (p->kind == HX_ASK_EXISTS) {
        return q->kind != HX_ASK_EXISTS || earlier;
    }

    if (q->kind != HX_ASK_EQUAL || !earlier || p->n != q->n) {
        return 0;
    }

    for (i = 0; i < p->n && hx_ask_order(&p->code[i], &q->code[i]) == 0; i++) {
        /* void */
    }

    return i == p->n;
}


/* A field has several spellings: what was asked twice is asked once. */
static void
hx_asks_once(hx_asks_t *a)
{
    int       idle;
    unsigned  i, j, n;

    for (i = 0, n = 0; i < a->n; i++) {
        for (j = 0, idle = 0; j < n && !idle; j++) {
            idle = hx_ask_idle(&a->ask[i], &a->ask[j], 1);
        }

        for (j = i + 1; j < a->n && !idle; j++) {
            idle = hx_ask_idle(&a->ask[i], &a->ask[j], 0);
        }

        if (!idle) {
            a->ask[n++] = a->ask[i];
        }
    }

    a->n = n;
}


void
hx_term_asks(hx_asks_t *a, const hx_filter_t *f)
{
    unsigned                  i;
    const hx_filter_cond_t   *c;

    a->n = 0;
    a->n_codes = 0;

    for (i = 0; i < f->n; i++) {
        c = &f->cond[i];

        switch (c->op) {

        case HX_FILTER_EQ:
        case HX_FILTER_IN:
            hx_ask_equal(a, f, c);
            break;

        case HX_FILTER_GT:
        case HX_FILTER_GTE:
        case HX_FILTER_LT:
        case HX_FILTER_LTE:
            hx_ask_range(a, f, c);
            break;

        case HX_FILTER_EXISTS:
            if (f->value[c->first].type == HX_JT_TRUE) {
                (void) hx_ask_new(a, HX_ASK_EXISTS,
                                  hx_term_path(c->path.data, c->path.len));
            }
            break;

        default:
            break;
        }
    }

    hx_asks_once(a);
}
