/*
 * hx_filter_model.h -- random metadata and filters as trees, their text, and
 * what the manual of codec/hx_filter.h says about them, written down without a
 * thought for speed: fields are collected into lists, numbers are ranks in a
 * table of spellings.
 */

#ifndef HX_FILTER_MODEL_H
#define HX_FILTER_MODEL_H

#include "hx_test.h"
#include "hx_filter.h"
#include "hx_json_write.h"

#define MODEL_NODES    4096
#define MODEL_CONDS    HX_FILTER_CONDS
#define MODEL_TEXT     HX_FILTER_MAX

typedef struct model_node_s  model_node_t;

struct model_node_s {
    hx_json_type_t  type;
    int             rank;               /* number, string: place in its table */
    int             spelling;
    hx_str_t        name;
    model_node_t   *child;
    model_node_t   *next;
};

typedef struct {
    hx_filter_op_t  op;
    size_t          path_len;
    unsigned char   path[256];
    model_node_t   *value;              /* $in: the array */
} model_cond_t;

typedef struct {
    unsigned       n;
    model_cond_t   cond[MODEL_CONDS];
} model_filter_t;

/* Ascending, each with some of its spellings. */
static const char *const  model_number[][6] = {
    { "-1e40001", "-10e40000" },
    { "-1e401" }, { "-1e400", "-10E+399" },
    { "-123456789012345678901" }, { "-123456789012345678900" },
    { "-9007199254740993" }, { "-9007199254740992", "-9007199254740992.0" },
    { "-2", "-2.0", "-0.2e1" }, { "-1.5", "-15e-1" },
    { "-0.1", "-1e-1" }, { "-1e-400" }, { "-1e-40000" },
    { "0", "-0", "0.0", "0e7", "-0.000E-9" },
    { "1e-40001" }, { "1e-400" }, { "2e-400", "0.2e-399" }, { "0.0999" },
    { "0.1", "0.10", "1E-1", "100e-3" },
    { "1", "1.0", "1e0", "10e-1", "0.1e1", "1.000" },
    { "1.00000000000000000001" }, { "1.00000000000000001" }, { "1.5" },
    { "2", "2e0" }, { "9", "9.0" }, { "10", "1e1", "1E+1" }, { "100" },
    { "9007199254740992" }, { "9007199254740993", "9007199254740993.000" },
    { "123456789012345678" }, { "123456789012345678.5" },
    { "1234567890123456789" }, { "1234567890123456790" },
    { "1e400", "10e399" }, { "1.1e400" }, { "1e32766" }, { "1e32767" },
    { "1e32768" }, { "1e40000" }, { "1e40001" }
};

/* Ascending by their bytes. */
#define M16   "xxxxxxxxxxxxxxxx"
#define M96   M16 M16 M16 M16 M16 M16
#define MODEL_STRING(s)   { (const unsigned char *) (s), sizeof(s) - 1 }

static const hx_str_t  model_string[] = {
    MODEL_STRING(""), MODEL_STRING("\0"), MODEL_STRING("\0\0"),
    MODEL_STRING("\0\1"), MODEL_STRING("\1"), MODEL_STRING("\n"),
    MODEL_STRING("\""), MODEL_STRING("1"), MODEL_STRING("10"),
    MODEL_STRING("2"), MODEL_STRING("A"), MODEL_STRING("\\"),
    MODEL_STRING("\\n"), MODEL_STRING("a"), MODEL_STRING("a\0"),
    MODEL_STRING("a\0b"), MODEL_STRING("a\1"), MODEL_STRING("ab"),
    MODEL_STRING("abc"), MODEL_STRING("b"), MODEL_STRING("null"),
    MODEL_STRING(M96), MODEL_STRING(M96 "\0"), MODEL_STRING(M96 "a"),
    MODEL_STRING(M96 "b"), MODEL_STRING("z\177"), MODEL_STRING("z\303\251"),
    MODEL_STRING("\360\237\230\200")
};

static const hx_str_t  model_name[] = {
    MODEL_STRING("a"), MODEL_STRING("b"), MODEL_STRING("c"),
    MODEL_STRING("a.b"), MODEL_STRING("b.a.c"), MODEL_STRING(""),
    MODEL_STRING("\303\251\n"), MODEL_STRING("ab"), MODEL_STRING("."),
    MODEL_STRING("x\0y")
};

static model_node_t  model_pool[MODEL_NODES];
static unsigned      model_used;


static inline model_node_t *
model_new(hx_json_type_t type)
{
    model_node_t  *n;

    assert_true(model_used < MODEL_NODES);
    n = &model_pool[model_used++];
    memset(n, 0, sizeof(*n));
    n->type = type;

    return n;
}


static inline model_node_t *
model_simple(void)
{
    size_t         k;
    model_node_t  *n;

    switch (test_below(8)) {

    case 0:
        return model_new(HX_JT_NULL);

    case 1:
        return model_new(test_below(2) ? HX_JT_TRUE : HX_JT_FALSE);

    case 2:
    case 3:
    case 4:
        n = model_new(HX_JT_NUMBER);
        n->rank = (int) test_below(test_below(2) ? 3 : hx_nelts(model_number));
        n->rank += n->rank < 3 ? 17 : 0;        /* few values, that meet */
        n->rank %= (int) hx_nelts(model_number);
        k = test_below(6);
        n->spelling = model_number[n->rank][k] != NULL ? (int) k : 0;
        return n;

    default:
        n = model_new(HX_JT_STRING);
        n->rank = (int) test_below(hx_nelts(model_string));
        n->rank = test_below(2) ? 13 + n->rank % 3 : n->rank;
        return n;
    }
}


static inline model_node_t *
model_value(unsigned depth)
{
    size_t          i, j, n, first;
    model_node_t   *node, **at;

    i = test_below(depth == 0 ? 4 : 8);

    if (i < 4) {
        return model_simple();
    }

    node = model_new(i < 6 ? HX_JT_ARRAY : HX_JT_OBJECT);
    at = &node->child;
    n = test_below(4);
    n = node->type == HX_JT_ARRAY && test_below(40) == 0 ? 70 : n;
    first = test_below(hx_nelts(model_name));

    for (j = 0; j < n; j++) {
        *at = n == 70 ? model_simple() : model_value(depth - 1);

        if (node->type == HX_JT_OBJECT) {
            (*at)->name = model_name[(first + j * 3) % hx_nelts(model_name)];
        }
        at = &(*at)->next;
    }

    return node;
}


/* Metadata: an object. */
static inline model_node_t *
model_document(void)
{
    size_t          j, n, first;
    model_node_t   *node, **at;

    node = model_new(HX_JT_OBJECT);
    at = &node->child;
    n = test_below(6);
    first = test_below(test_below(2) ? 2 : hx_nelts(model_name));

    for (j = 0; j < n; j++) {
        *at = model_value(3);
        (*at)->name = model_name[(first + j) % hx_nelts(model_name)];
        at = &(*at)->next;
    }

    return node;
}


static inline void
model_write(hx_buf_t *b, const model_node_t *n)
{
    const model_node_t  *c;

    switch (n->type) {

    case HX_JT_NULL:
        hx_buf_lit(b, "null");
        break;

    case HX_JT_TRUE:
        hx_buf_lit(b, "true");
        break;

    case HX_JT_FALSE:
        hx_buf_lit(b, "false");
        break;

    case HX_JT_NUMBER:
        hx_buf_add(b, model_number[n->rank][n->spelling],
                   strlen(model_number[n->rank][n->spelling]));
        break;

    case HX_JT_STRING:
        hx_json_string(b, model_string[n->rank].data,
                       model_string[n->rank].len);
        break;

    default:
        hx_buf_byte(b, n->type == HX_JT_ARRAY ? '[' : '{');

        for (c = n->child; c != NULL; c = c->next) {
            if (n->type == HX_JT_OBJECT) {
                hx_json_string(b, c->name.data, c->name.len);
                hx_buf_byte(b, ':');
            }

            model_write(b, c);

            if (c->next != NULL) {
                hx_buf_byte(b, ',');
            }
        }

        hx_buf_byte(b, n->type == HX_JT_ARRAY ? ']' : '}');
    }
}


/* An operand, of a type the operator takes. */
static inline model_node_t *
model_operand(hx_filter_op_t op)
{
    size_t          i, n;
    model_node_t   *v, **at;

    switch (op) {

    case HX_FILTER_EQ:
    case HX_FILTER_NE:
        if (test_below(5) != 0) {
            return model_simple();
        }

        /* fall through */

    case HX_FILTER_IN:
        v = model_new(HX_JT_ARRAY);
        at = &v->child;
        n = test_below(5);

        for (i = 0; i < n; i++) {
            *at = model_simple();
            at = &(*at)->next;
        }
        return v;

    case HX_FILTER_EXISTS:
        return model_new(test_below(2) ? HX_JT_TRUE : HX_JT_FALSE);

    default:
        do {
            v = model_simple();
        } while (v->type != HX_JT_NUMBER && v->type != HX_JT_STRING);
        return v;
    }
}


static inline void
model_add(model_filter_t *f, hx_filter_op_t op, const unsigned char *path,
    size_t len, model_node_t *value)
{
    model_cond_t  *c;

    assert_true(f->n < MODEL_CONDS && len <= sizeof(f->cond[0].path));
    c = &f->cond[f->n++];
    c->op = op;
    c->path_len = len;
    memcpy(c->path, path, len);
    c->value = value;
}


/* The condition of one field, as text and in the model. */
static inline void
model_condition(model_filter_t *f, hx_buf_t *b, unsigned char *path,
    size_t len, unsigned depth)
{
    static const char *const  op[HX_FILTER_OPS] = {
        "$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$exists"
    };

    size_t           i, n, k;
    hx_str_t         name;
    model_node_t    *v;

    k = test_below(depth == 0 ? 3 : 4);

    if (k == 0) {
        v = model_operand(HX_FILTER_EQ);
        model_write(b, v);
        model_add(f, HX_FILTER_EQ, path, len, v);
        return;
    }

    hx_buf_byte(b, '{');
    n = 1 + test_below(2);

    if (k < 3) {
        i = test_below(HX_FILTER_OPS);

        for ( /* void */ ; n != 0; n--, i = (i + 1) % HX_FILTER_OPS) {
            hx_json_string(b, (const unsigned char *) op[i], strlen(op[i]));
            hx_buf_byte(b, ':');
            v = model_operand((hx_filter_op_t) i);
            model_write(b, v);
            model_add(f, (hx_filter_op_t) i, path, len, v);

            if (n != 1) {
                hx_buf_byte(b, ',');
            }
        }

    } else {
        i = test_below(hx_nelts(model_name));

        for ( /* void */ ; n != 0; n--, i = (i + 1) % hx_nelts(model_name)) {
            name = model_name[i];
            hx_json_string(b, name.data, name.len);
            hx_buf_byte(b, ':');
            path[len] = '.';
            memcpy(path + len + 1, name.data, name.len);
            model_condition(f, b, path, len + 1 + name.len, depth - 1);

            if (n != 1) {
                hx_buf_byte(b, ',');
            }
        }
    }

    hx_buf_byte(b, '}');
}


/* A filter, as text and in the model. */
static inline void
model_filter(model_filter_t *f, hx_buf_t *b)
{
    size_t         i, n;
    hx_str_t       name;
    unsigned char  path[256];

    f->n = 0;
    n = test_below(4);
    i = test_below(test_below(2) ? 3 : hx_nelts(model_name));
    hx_buf_byte(b, '{');

    for ( /* void */ ; n != 0; n--, i = (i + 1) % hx_nelts(model_name)) {
        name = model_name[i];
        hx_json_string(b, name.data, name.len);
        hx_buf_byte(b, ':');
        memcpy(path, name.data, name.len);
        model_condition(f, b, path, name.len, 2);

        if (n != 1) {
            hx_buf_byte(b, ',');
        }
    }

    hx_buf_byte(b, '}');
}


/* The values of a field, without the elements of arrays. */
static inline void
model_collect(const model_node_t *object, const unsigned char *path,
    size_t len, const model_node_t **found, unsigned *n)
{
    size_t               rest;
    const model_node_t  *m, *e;

    for (m = object->child; m != NULL; m = m->next) {
        if (m->name.len > len
            || (m->name.len != 0
                && memcmp(m->name.data, path, m->name.len) != 0))
        {
            continue;
        }

        if (m->name.len == len) {
            found[(*n)++] = m;
            continue;
        }

        if (path[m->name.len] != '.') {
            continue;
        }

        rest = m->name.len + 1;

        if (m->type == HX_JT_OBJECT) {
            model_collect(m, path + rest, len - rest, found, n);
        }

        for (e = m->type == HX_JT_ARRAY ? m->child : NULL; e != NULL;
             e = e->next)
        {
            if (e->type == HX_JT_OBJECT) {
                model_collect(e, path + rest, len - rest, found, n);
            }
        }
    }
}


static inline int
model_equal(const model_node_t *a, const model_node_t *b)
{
    const model_node_t  *x, *y;

    if (a->type != b->type || a->rank != b->rank) {
        return 0;
    }

    if (a->type == HX_JT_OBJECT) {
        return 0;                       /* no operand is one */
    }

    for (x = a->child, y = b->child; x != NULL && y != NULL;
         x = x->next, y = y->next)
    {
        if (!model_equal(x, y)) {
            return 0;
        }
    }

    return x == NULL && y == NULL;
}


/* One value, by one operator that looks at values. */
static inline int
model_holds(hx_filter_op_t op, const model_node_t *v, const model_node_t *want)
{
    const model_node_t  *e;

    switch (op) {

    case HX_FILTER_EQ:
    case HX_FILTER_NE:
        return model_equal(v, want);

    case HX_FILTER_IN:
        for (e = want->child; e != NULL; e = e->next) {
            if (model_equal(v, e)) {
                return 1;
            }
        }
        return 0;

    case HX_FILTER_GT:
        return v->type == want->type && v->rank > want->rank;

    case HX_FILTER_GTE:
        return v->type == want->type && v->rank >= want->rank;

    case HX_FILTER_LT:
        return v->type == want->type && v->rank < want->rank;

    default:
        return v->type == want->type && v->rank <= want->rank;
    }
}


static inline int
model_wants_null(const model_cond_t *c)
{
    const model_node_t  *e;

    if (c->op != HX_FILTER_IN) {
        return c->value->type == HX_JT_NULL;
    }

    for (e = c->value->child; e != NULL; e = e->next) {
        if (e->type == HX_JT_NULL) {
            return 1;
        }
    }

    return 0;
}


static inline int
model_match(const model_filter_t *f, const model_node_t *document)
{
    int                   any;
    unsigned              i, j, n;
    const model_cond_t   *c;
    const model_node_t   *e;

    static const model_node_t  *found[MODEL_NODES];

    for (i = 0; i < f->n; i++) {
        c = &f->cond[i];
        n = 0;
        model_collect(document, c->path, c->path_len, found, &n);

        if (c->op == HX_FILTER_EXISTS) {
            if ((n != 0) != (c->value->type == HX_JT_TRUE)) {
                return 0;
            }
            continue;
        }

        any = n == 0 && c->op != HX_FILTER_GT && c->op != HX_FILTER_GTE
              && c->op != HX_FILTER_LT && c->op != HX_FILTER_LTE
              && model_wants_null(c);

        for (j = 0; j < n; j++) {
            any |= model_holds(c->op, found[j], c->value);

            for (e = found[j]->type == HX_JT_ARRAY ? found[j]->child : NULL;
                 e != NULL; e = e->next)
            {
                any |= model_holds(c->op, e, c->value);
            }
        }

        if (any == (c->op == HX_FILTER_NE)) {
            return 0;
        }
    }

    return 1;
}

#endif /* HX_FILTER_MODEL_H */
