/*
 * hx_filter_parse.c -- a filter's text becomes conditions; see the header.
 *
 * Nested objects are flattened here: every condition carries the whole name of
 * its field.
 */

#include <stdlib.h>
#include <string.h>

#include "hx_filter.h"

static const hx_str_t  hx_filter_ops[HX_FILTER_OPS] = {
    hx_string("$eq"), hx_string("$ne"), hx_string("$gt"), hx_string("$gte"),
    hx_string("$lt"), hx_string("$lte"), hx_string("$in"),
    hx_string("$exists")
};

typedef struct {
    hx_filter_t        *f;
    hx_filter_error_t  *err;
    hx_walk_t           w;
    size_t              len;            /* of the field's name so far */
    unsigned char       name[HX_FILTER_PATH];
} hx_filter_parse_t;

static int hx_parse_condition(hx_filter_parse_t *p);


static int
hx_parse_fail(hx_filter_parse_t *p, hx_filter_err_t code)
{
    hx_filter_t  *f;

    /* the name is on the stack: it is shown from where the paths are kept */

    f = p->f;
    memcpy(f->path, p->name, p->len);
    p->err->code = code;
    p->err->field.data = f->path;
    p->err->field.len = p->len;

    return -1;
}


int
hx_filter_order(const hx_filter_value_t *a, const hx_filter_value_t *b)
{
    if (a->type != b->type) {
        return a->type < b->type ? -1 : 1;
    }

    switch (a->type) {

    case HX_JT_NUMBER:
        return hx_decimal_compare(&a->number, &b->number);

    case HX_JT_STRING:
        return hx_walk_compare(&a->text, &b->text);

    default:
        return 0;
    }
}


static int
hx_parse_order(const void *a, const void *b)
{
    return hx_filter_order(a, b);
}


void
hx_filter_take(hx_walk_t *w, hx_filter_value_t *v)
{
    v->type = hx_walk_type(w);
    hx_walk_scalar(w, &v->text);

    if (v->type == HX_JT_NUMBER) {
        hx_decimal_parse(&v->number, &v->text);
    }
}


static int
hx_parse_simple(hx_json_type_t type)
{
    return type >= HX_JT_NULL;
}


/* The operand at which the walk stands becomes the filter's next value. */
static int
hx_parse_value(hx_filter_parse_t *p)
{
    hx_str_t            name;
    hx_walk_t           w;
    hx_filter_value_t  *v;

    if (p->f->n_values == HX_FILTER_VALUES) {
        return hx_parse_fail(p, HX_FILTER_E_VALUES);
    }

    v = &p->f->value[p->f->n_values++];

    if (hx_walk_type(&p->w) != HX_JT_ARRAY) {
        hx_filter_take(&p->w, v);
        return 0;
    }

    w = p->w;

    if (hx_walk_enter(&w, &name)) {
        do {
            if (!hx_parse_simple(hx_walk_type(&w))) {
                return hx_parse_fail(p, HX_FILTER_E_OPERAND);
            }
            hx_walk_skip(&w, NULL);
        } while (hx_walk_next(&w, &name));
    }

    v->type = HX_JT_ARRAY;
    hx_walk_skip(&p->w, &v->text);

    return 0;
}


/* Does an operand of this type go with the operator? */
static int
hx_parse_fits(hx_filter_op_t op, hx_json_type_t type)
{
    switch (op) {

    case HX_FILTER_EQ:
    case HX_FILTER_NE:
        return hx_parse_simple(type) || type == HX_JT_ARRAY;

    case HX_FILTER_IN:
        return type == HX_JT_ARRAY;

    case HX_FILTER_EXISTS:
        return type == HX_JT_TRUE || type == HX_JT_FALSE;

    default:
        return type == HX_JT_NUMBER || type == HX_JT_STRING;
    }
}


static int
hx_parse_in(hx_filter_parse_t *p, hx_filter_cond_t *c)
{
    hx_str_t  name;

    if (hx_walk_enter(&p->w, &name)) {
        do {
            if (!hx_parse_simple(hx_walk_type(&p->w))) {
                return hx_parse_fail(p, HX_FILTER_E_OPERAND);
            }

            if (hx_parse_value(p) != 0) {
                return -1;
            }

            c->n++;
        } while (hx_walk_next(&p->w, &name));
    }

    qsort(&p->f->value[c->first], c->n, sizeof(hx_filter_value_t),
          hx_parse_order);

    return 0;
}


/* One condition; the walk stands at the operand. */
static int
hx_parse_add(hx_filter_parse_t *p, hx_filter_op_t op)
{
    hx_filter_t       *f;
    hx_filter_cond_t  *c;

    f = p->f;
    p->err->known = op;

    if (f->n == HX_FILTER_CONDS) {
        return hx_parse_fail(p, HX_FILTER_E_CONDS);
    }

    if (!hx_parse_fits(op, hx_walk_type(&p->w))) {
        return hx_parse_fail(p, HX_FILTER_E_OPERAND);
    }

    c = &f->cond[f->n];
    c->op = op;
    c->first = f->n_values;
    c->n = 0;

    if (op == HX_FILTER_IN) {
        if (hx_parse_in(p, c) != 0) {
            return -1;
        }

    } else {
        if (hx_parse_value(p) != 0) {
            return -1;
        }
        c->n = 1;
    }

    /* written only now: a failure shows the name from there */

    memcpy(f->path + f->path_len, p->name, p->len);
    c->path.data = f->path + f->path_len;
    c->path.len = p->len;
    f->path_len += p->len;
    f->n++;

    return 0;
}


/* HX_FILTER_OPS: there is no such one. */
static hx_filter_op_t
hx_parse_known(const hx_str_t *name)
{
    hx_filter_op_t  op;

    for (op = 0; op < HX_FILTER_OPS; op++) {
        if (name->len == hx_filter_ops[op].len
            && memcmp(name->data, hx_filter_ops[op].data, name->len) == 0)
        {
            break;
        }
    }

    return op;
}


static int
hx_parse_operator(hx_filter_parse_t *p, const hx_str_t *name, int field)
{
    hx_filter_op_t  op;

    p->err->op = *name;
    op = hx_parse_known(name);

    if (op == HX_FILTER_OPS) {
        return hx_parse_fail(p, HX_FILTER_E_OPERATOR);
    }

    return field ? hx_parse_add(p, op)
                 : hx_parse_fail(p, HX_FILTER_E_NO_FIELD);
}


static int
hx_parse_is_operator(const hx_str_t *name)
{
    return name->len != 0 && name->data[0] == '$';
}


/* A member's name joins the field's. */
static int
hx_parse_join(hx_filter_parse_t *p, const hx_str_t *name, int nested)
{
    size_t  n, cap;

    if (nested) {
        if (p->len == HX_FILTER_PATH) {
            return hx_parse_fail(p, HX_FILTER_E_PATH);
        }
        p->name[p->len++] = '.';
    }

    cap = HX_FILTER_PATH - p->len;
    n = hx_walk_decode(name, p->name + p->len, cap);

    if (n > cap) {
        p->len = HX_FILTER_PATH;
        return hx_parse_fail(p, HX_FILTER_E_PATH);
    }

    p->len += n;

    return 0;
}


/* The members of the filter, or of a field's condition: all of one kind. */
static int
hx_parse_members(hx_filter_parse_t *p, int nested)
{
    int       rc, first, ops;
    size_t    len;
    hx_str_t  name;

    if (!hx_walk_enter(&p->w, &name)) {
        return nested ? hx_parse_fail(p, HX_FILTER_E_EMPTY) : 0;
    }

    len = p->len;
    first = hx_parse_is_operator(&name);

    do {
        ops = hx_parse_is_operator(&name);

        if (nested && ops != first) {
            return hx_parse_fail(p, HX_FILTER_E_MIXED);
        }

        rc = ops ? hx_parse_operator(p, &name, nested)
                 : hx_parse_join(p, &name, nested);

        if (rc == 0 && !ops) {
            rc = hx_parse_condition(p);
            p->len = len;
        }
    } while (rc == 0 && hx_walk_next(&p->w, &name));

    return rc;
}


static int
hx_parse_condition(hx_filter_parse_t *p)
{
    if (hx_walk_type(&p->w) == HX_JT_OBJECT) {
        return hx_parse_members(p, 1);
    }

    p->err->op = hx_filter_ops[HX_FILTER_EQ];

    return hx_parse_add(p, HX_FILTER_EQ);
}


hx_filter_err_t
hx_filter_parse(hx_filter_t *f, const unsigned char *text, size_t len,
    hx_filter_error_t *err)
{
    hx_filter_parse_t  p;

    f->n = 0;
    f->n_values = 0;
    f->path_len = 0;
    memset(err, 0, sizeof(*err));
    p.f = f;
    p.err = err;
    p.len = 0;
    hx_walk_init(&p.w, text, len);

    if (hx_walk_type(&p.w) != HX_JT_OBJECT) {
        err->code = HX_FILTER_E_FORM;

    } else {
        (void) hx_parse_members(&p, 0);
    }

    return err->code;
}
