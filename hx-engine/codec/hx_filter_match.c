/*
 * hx_filter_match.c -- does metadata match?  See hx_filter.h.
 *
 * One walk over the text for all conditions together.  The names on the way to
 * a value, joined by dots, are the same part of every condition's path that is
 * still alive there, so one offset serves them all, and a set of conditions is
 * the bits of a word.
 */

#include <string.h>

#include "hx_filter.h"

typedef struct {
    const hx_filter_t  *f;
    hx_walk_t           w;
    uint64_t            open;           /* not decided yet */
    uint64_t            present;        /* the field has a value */
    uint64_t            hit;            /* one of its values is as wanted */
    int                 failed;
} hx_match_t;

#define hx_match_bit(i)      ((uint64_t) 1 << (i))

static void hx_match_object(hx_match_t *m, uint64_t set, size_t off);


/* One of the values of the fields in "set" is as condition i wants it. */
static void
hx_match_hit(hx_match_t *m, unsigned i)
{
    m->hit |= hx_match_bit(i);
    m->open &= ~hx_match_bit(i);

    if (m->f->cond[i].op == HX_FILTER_NE) {
        m->failed = 1;
        m->open = 0;
    }
}


static void
hx_match_present(hx_match_t *m, uint64_t set)
{
    unsigned  i;

    set &= m->open & ~m->present;
    m->present |= set;

    for ( /* void */ ; set != 0; set &= set - 1) {
        i = (unsigned) __builtin_ctzll(set);

        if (m->f->cond[i].op != HX_FILTER_EXISTS) {
            continue;
        }

        m->open &= ~hx_match_bit(i);

        if (m->f->value[m->f->cond[i].first].type == HX_JT_FALSE) {
            m->failed = 1;
            m->open = 0;
            return;
        }
    }
}


/* Among sorted values. */
static int
hx_match_among(const hx_filter_value_t *list, unsigned n,
    const hx_filter_value_t *v)
{
    int       rc;
    unsigned  lo, hi, mid;

    for (lo = 0, hi = n; lo < hi; /* void */ ) {
        mid = (lo + hi) / 2;
        rc = hx_filter_order(v, &list[mid]);

        if (rc == 0) {
            return 1;
        }

        if (rc < 0) {
            hi = mid;

        } else {
            lo = mid + 1;
        }
    }

    return 0;
}


static int
hx_match_test(const hx_filter_t *f, const hx_filter_cond_t *c,
    const hx_filter_value_t *v)
{
    int                       rc;
    const hx_filter_value_t  *want;

    want = &f->value[c->first];

    if (c->op == HX_FILTER_IN) {
        return hx_match_among(want, c->n, v);
    }

    if (v->type != want->type) {
        return 0;
    }

    rc = hx_filter_order(v, want);

    switch (c->op) {

    case HX_FILTER_EQ:
    case HX_FILTER_NE:
        return rc == 0;

    case HX_FILTER_GT:
        return rc > 0;

    case HX_FILTER_GTE:
        return rc >= 0;

    case HX_FILTER_LT:
        return rc < 0;

    case HX_FILTER_LTE:
        return rc <= 0;

    default:
        return 0;                       /* EXISTS asks for no value */
    }
}


/* The simple value at which the walk stands is one of these fields'. */
static void
hx_match_simple(hx_match_t *m, uint64_t set)
{
    unsigned           i;
    hx_filter_value_t  v;

    hx_filter_take(&m->w, &v);

    for (set &= m->open; set != 0; set &= set - 1) {
        i = (unsigned) __builtin_ctzll(set);

        if (hx_match_test(m->f, &m->f->cond[i], &v)) {
            hx_match_hit(m, i);
        }
    }
}


/* Two arrays; the elements of b are simple. */
static int
hx_match_same_array(const hx_str_t *a, const hx_str_t *b)
{
    int                x, y;
    hx_str_t           p, q;
    hx_walk_t          v, w;
    hx_filter_value_t  s, t;

    hx_walk_init(&v, a->data, a->len);
    hx_walk_init(&w, b->data, b->len);
    x = hx_walk_enter(&v, &p);
    y = hx_walk_enter(&w, &q);

    while (x && y) {
        if (hx_walk_type(&v) < HX_JT_NULL) {
            return 0;
        }

        hx_filter_take(&v, &s);
        hx_filter_take(&w, &t);

        if (hx_filter_order(&s, &t) != 0) {
            return 0;
        }

        x = hx_walk_next(&v, &p);
        y = hx_walk_next(&w, &q);
    }

    return x == y;
}


/* The array at which a copy of the walk stands, as a whole. */
static void
hx_match_array_value(hx_match_t *m, hx_walk_t w, uint64_t set)
{
    unsigned                  i;
    hx_str_t                  text;
    const hx_filter_cond_t   *c;
    const hx_filter_value_t  *want;

    text.data = NULL;

    for (set &= m->open; set != 0; set &= set - 1) {
        i = (unsigned) __builtin_ctzll(set);
        c = &m->f->cond[i];
        want = &m->f->value[c->first];

        if ((c->op != HX_FILTER_EQ && c->op != HX_FILTER_NE)
            || want->type != HX_JT_ARRAY)
        {
            continue;
        }

        if (text.data == NULL) {
            hx_walk_skip(&w, &text);
        }

        if (hx_match_same_array(&text, &want->text)) {
            hx_match_hit(m, i);
        }
    }
}


/* An array: for "ends" it is a value, and so are its elements; its objects go
 * on for "deep", whose paths continue at off. */
static void
hx_match_array(hx_match_t *m, uint64_t ends, uint64_t deep, size_t off)
{
    hx_str_t        name;
    hx_json_type_t  type;

    hx_match_array_value(m, m->w, ends);

    if (!hx_walk_enter(&m->w, &name)) {
        return;
    }

    do {
        type = hx_walk_type(&m->w);

        if (type >= HX_JT_NULL && (ends & m->open) != 0) {
            hx_match_simple(m, ends);

        } else if (type == HX_JT_OBJECT && (deep & m->open) != 0) {
            hx_match_object(m, deep, off);

        } else {
            if (type == HX_JT_ARRAY) {
                hx_match_array_value(m, m->w, ends);
            }
            hx_walk_skip(&m->w, NULL);
        }
    } while (m->open != 0 && hx_walk_next(&m->w, &name));
}


/*
 * Which conditions of "set" does a member lead to?  *ends: it is the field;
 * *deep: the path goes on, behind a dot.  Returns the bytes of its name.
 */
static size_t
hx_match_names(const hx_match_t *m, const hx_str_t *name, uint64_t set,
    size_t off, uint64_t *ends, uint64_t *deep)
{
    long             n;
    size_t           used;
    unsigned         i;
    const hx_str_t  *path;

    *ends = 0;
    *deep = 0;
    used = 0;

    for ( /* void */ ; set != 0; set &= set - 1) {
        i = (unsigned) __builtin_ctzll(set);
        path = &m->f->cond[i].path;

        /* most names differ at once, and there may be many */

        if (name->len != 0 && *name->data != '\\'
            && (off == path->len || path->data[off] != *name->data))
        {
            continue;
        }

        n = hx_walk_prefix(name, path->data + off, path->len - off);

        if (n < 0) {
            continue;
        }

        used = (size_t) n;

        if (off + used == path->len) {
            *ends |= hx_match_bit(i);

        } else if (path->data[off + used] == '.') {
            *deep |= hx_match_bit(i);
        }
    }

    return used;
}


/* The object at which the walk stands; the paths of "set" continue at off. */
static void
hx_match_object(hx_match_t *m, uint64_t set, size_t off)
{
    size_t    used;
    hx_str_t  name;
    uint64_t  ends, deep;

    if (!hx_walk_enter(&m->w, &name)) {
        return;
    }

    do {
        used = off + hx_match_names(m, &name, set & m->open, off, &ends,
                                    &deep);

        hx_match_present(m, ends);

        if (((ends | deep) & m->open) == 0) {
            hx_walk_skip(&m->w, NULL);
            continue;
        }

        switch (hx_walk_type(&m->w)) {

        case HX_JT_OBJECT:
            if ((deep & m->open) != 0) {
                hx_match_object(m, deep, used + 1);

            } else {
                hx_walk_skip(&m->w, NULL);
            }
            break;

        case HX_JT_ARRAY:
            hx_match_array(m, ends, deep, used + 1);
            break;

        default:
            hx_match_simple(m, ends);
        }
    } while (m->open != 0 && hx_walk_next(&m->w, &name));
}


/* What a condition says about a field none of whose values was a hit. */
static int
hx_match_without_hit(const hx_match_t *m, unsigned i)
{
    int                       null;
    const hx_filter_cond_t   *c;
    const hx_filter_value_t  *v;

    c = &m->f->cond[i];
    v = &m->f->value[c->first];

    if (m->present & hx_match_bit(i)) {
        return c->op == HX_FILTER_NE
               || (c->op == HX_FILTER_EXISTS && v->type == HX_JT_TRUE);
    }

    /* null is sorted before all other simple values */

    null = c->n != 0 && v->type == HX_JT_NULL;

    switch (c->op) {

    case HX_FILTER_EQ:
    case HX_FILTER_IN:
        return null;

    case HX_FILTER_NE:
        return !null;

    case HX_FILTER_EXISTS:
        return v->type == HX_JT_FALSE;

    default:
        return 0;
    }
}


int
hx_filter_match(const hx_filter_t *f, const unsigned char *metadata,
    size_t len)
{
    unsigned    i;
    hx_match_t  m;

    if (f->n == 0) {
        return 1;
    }

    m.f = f;
    m.open = f->n == 64 ? UINT64_MAX : hx_match_bit(f->n) - 1;
    m.present = 0;
    m.hit = 0;
    m.failed = 0;
    hx_walk_init(&m.w, metadata, len);

    if (hx_walk_type(&m.w) == HX_JT_OBJECT) {
        hx_match_object(&m, m.open, 0);
    }

    for (i = 0; i < f->n && !m.failed; i++) {
        if (!(m.hit & hx_match_bit(i)) && !hx_match_without_hit(&m, i)) {
            return 0;
        }
    }

    return !m.failed;
}
