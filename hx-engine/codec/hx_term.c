/*
 * hx_term.c -- the terms of metadata; see the header.
 */

#include <stdlib.h>
#include <string.h>

#include "hx_term.h"

#define HX_TERM_SLOTS     1024          /* at least twice as many as paths */

#define HX_FNV_OFFSET     0xcbf29ce484222325u
#define HX_FNV_PRIME      0x100000001b3u

typedef struct {
    uint64_t  path;
    unsigned  n;                        /* terms; above HX_TERMS_FIELD: any */
} hx_term_field_t;

typedef struct {
    hx_terms_t       *t;
    hx_walk_t         w;
    int               full;
    unsigned          n_fields;
    hx_term_field_t   field[HX_TERMS_MAX];
    uint16_t          slot[HX_TERM_SLOTS];      /* index of field + 1 */
} hx_extract_t;

static void hx_extract_object(hx_extract_t *x, uint64_t hash, int nested);


static uint64_t
hx_term_hash(uint64_t h, const unsigned char *s, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        h = (h ^ s[i]) * HX_FNV_PRIME;
    }

    return h;
}


/* 0 has a meaning of its own. */
static uint64_t
hx_term_path_of(uint64_t hash)
{
    return hash != 0 ? hash : 1;
}


uint64_t
hx_term_path(const unsigned char *name, size_t len)
{
    return hx_term_path_of(hx_term_hash(HX_FNV_OFFSET, name, len));
}


/* The hash of a name goes on with that of a member. */
static uint64_t
hx_term_join(uint64_t h, const hx_str_t *name, int nested)
{
    size_t         n;
    unsigned char  text[HX_JSON_STRING_MAX];

    if (nested) {
        h = (h ^ '.') * HX_FNV_PRIME;
    }

    if (memchr(name->data, '\\', name->len) == NULL) {
        return hx_term_hash(h, name->data, name->len);
    }

    n = hx_walk_decode(name, text, sizeof(text));

    return hx_term_hash(h, text, n < sizeof(text) ? n : sizeof(text));
}


/* Cut, NUL as 0x00 0xff, and 0x00 at the end: no code begins with another. */
static void
hx_term_string(hx_term_code_t *c, const hx_str_t *s)
{
    size_t         i, n;
    unsigned       len;
    unsigned char  text[HX_TERM_STRING];

    n = hx_walk_decode(s, text, sizeof(text));
    n = n < sizeof(text) ? n : sizeof(text);
    len = 1;

    for (i = 0; i < n && len + (text[i] == 0) <= HX_TERM_STRING; i++) {
        c->code[len++] = text[i];

        if (text[i] == 0) {
            c->code[len++] = 0xff;
        }
    }

    c->code[len++] = 0;
    c->len = (unsigned char) len;
}


void
hx_term_code(hx_term_code_t *c, const hx_filter_value_t *v)
{
    c->code[0] = (unsigned char) v->type;
    c->len = 1;

    if (v->type == HX_JT_NUMBER) {
        hx_decimal_encode(c->code + 1, &v->number);
        c->len = 1 + HX_DECIMAL_CODE;

    } else if (v->type == HX_JT_STRING) {
        hx_term_string(c, &v->text);
    }
}


static void
hx_term_path_put(unsigned char *p, uint64_t path)
{
    unsigned  i;

    for (i = 0; i < 8; i++) {
        p[i] = (unsigned char) (path >> (56 - 8 * i));
    }
}


/* The field of that name, made if need be; NULL: no more fit. */
static hx_term_field_t *
hx_extract_field(hx_extract_t *x, uint64_t path)
{
    unsigned  i;

    for (i = (unsigned) path % HX_TERM_SLOTS;
         x->slot[i] != 0;
         i = (i + 1) % HX_TERM_SLOTS)
    {
        if (x->field[x->slot[i] - 1].path == path) {
            return &x->field[x->slot[i] - 1];
        }
    }

    if (x->n_fields == HX_TERMS_MAX) {
        return NULL;
    }

    x->field[x->n_fields].path = path;
    x->field[x->n_fields].n = 0;
    x->slot[i] = (uint16_t) ++x->n_fields;

    return &x->field[x->slot[i] - 1];
}


static hx_term_t *
hx_extract_room(hx_extract_t *x)
{
    if (x->t->n == HX_TERMS_MAX) {
        x->full = 1;
        return NULL;
    }

    return &x->t->term[x->t->n++];
}


/* One term stands for all of the field. */
static void
hx_extract_any(hx_extract_t *x, uint64_t path)
{
    unsigned       i, n;
    hx_term_t     *t;
    unsigned char  be[8];

    hx_term_path_put(be, path);

    for (i = 0, n = 0; i < x->t->n; i++) {
        if (memcmp(x->t->term[i].text, be, 8) != 0) {
            x->t->term[n++] = x->t->term[i];
        }
    }

    x->t->n = n;
    t = hx_extract_room(x);

    if (t != NULL) {
        memcpy(t->text, be, 8);
        t->text[8] = HX_TERM_ANY;
        t->len = 9;
    }
}


static void
hx_extract_add(hx_extract_t *x, uint64_t hash, const hx_filter_value_t *v)
{
    uint64_t          path;
    hx_term_t        *t;
    hx_term_code_t    c;
    hx_term_field_t  *f;

    path = hx_term_path_of(hash);
    f = hx_extract_field(x, path);

    if (f == NULL) {
        x->full = 1;
        return;
    }

    if (f->n > HX_TERMS_FIELD) {
        return;
    }

    if (++f->n > HX_TERMS_FIELD) {
        hx_extract_any(x, path);
        return;
    }

    t = hx_extract_room(x);

    if (t != NULL) {
        hx_term_code(&c, v);
        hx_term_path_put(t->text, path);
        memcpy(t->text + 8, c.code, c.len);
        t->len = (unsigned char) (8 + c.len);
    }
}


/* The value at which the walk stands, which is no container. */
static void
hx_extract_simple(hx_extract_t *x, uint64_t hash)
{
    hx_filter_value_t  v;

    hx_filter_take(&x->w, &v);
    hx_extract_add(x, hash, &v);
}


/* The array at which the walk stands: its elements are values as well. */
static void
hx_extract_array(hx_extract_t *x, uint64_t hash)
{
    hx_str_t        name;
    hx_json_type_t  type;

    if (!hx_walk_enter(&x->w, &name)) {
        return;
    }

    do {
        type = hx_walk_type(&x->w);

        if (type == HX_JT_OBJECT) {
            hx_extract_object(x, hash, 1);

        } else if (type == HX_JT_ARRAY) {
            hx_walk_skip(&x->w, NULL);      /* what is in it is no element */

        } else {
            hx_extract_simple(x, hash);
        }
    } while (!x->full && hx_walk_next(&x->w, &name));
}


static void
hx_extract_object(hx_extract_t *x, uint64_t hash, int nested)
{
    uint64_t           h;
    hx_str_t           name;
    hx_filter_value_t  v;

    if (!hx_walk_enter(&x->w, &name)) {
        return;
    }

    do {
        h = hx_term_join(hash, &name, nested);
        v.type = hx_walk_type(&x->w);

        switch (v.type) {

        case HX_JT_OBJECT:
            hx_extract_add(x, h, &v);
            hx_extract_object(x, h, 1);
            break;

        case HX_JT_ARRAY:
            hx_extract_add(x, h, &v);
            hx_extract_array(x, h);
            break;

        default:
            hx_extract_simple(x, h);
        }
    } while (!x->full && hx_walk_next(&x->w, &name));
}


static int
hx_term_order(const void *a, const void *b)
{
    int               rc;
    const hx_term_t  *s, *t;

    s = a;
    t = b;
    rc = memcmp(s->text, t->text, s->len < t->len ? s->len : t->len);

    return rc != 0 ? rc : (int) s->len - (int) t->len;
}


/* Each term once, and the mark on those of fields with several. */
static void
hx_extract_tidy(hx_terms_t *t)
{
    unsigned  i, k, n, first;

    qsort(t->term, t->n, sizeof(hx_term_t), hx_term_order);

    for (i = 0, n = 0; i < t->n; i++) {
        if (n == 0 || hx_term_order(&t->term[n - 1], &t->term[i]) != 0) {
            t->term[n++] = t->term[i];
        }
    }

    t->n = n;

    for (first = 0; first < n; first = i) {
        for (i = first + 1;
             i < n && memcmp(t->term[i].text, t->term[first].text, 8) == 0;
             i++) { /* void */ }

        for (k = first; i - first > 1 && k < i; k++) {
            t->term[k].text[8] |= HX_TERM_MANY;
        }
    }
}


void
hx_terms_extract(hx_terms_t *t, const unsigned char *metadata, size_t len)
{
    hx_extract_t  x;

    t->n = 0;
    x.t = t;
    x.full = 0;
    x.n_fields = 0;
    memset(x.slot, 0, sizeof(x.slot));
    hx_walk_init(&x.w, metadata, len);

    if (hx_walk_type(&x.w) == HX_JT_OBJECT) {
        hx_extract_object(&x, HX_FNV_OFFSET, 0);
    }

    if (x.full) {
        memset(t->term[0].text, 0, 8);
        t->term[0].text[8] = HX_TERM_ANY;
        t->term[0].len = 9;
        t->n = 1;
        return;
    }

    hx_extract_tidy(t);
}


unsigned
hx_terms_bound(size_t len)
{
    /* an element of an array takes two bytes, a member more */

    return len <= 2 ? 0 : len / 2 < HX_TERMS_MAX ? (unsigned) (len / 2)
                                                 : HX_TERMS_MAX;
}


size_t
hx_term_length(const unsigned char *text, size_t len)
{
    size_t  i;

    if (len < 9) {
        return 0;
    }

    switch (text[8] == HX_TERM_ANY ? HX_JT_NULL
                                   : text[8] & ~(unsigned) HX_TERM_MANY)
    {

    case HX_JT_OBJECT:
    case HX_JT_ARRAY:
    case HX_JT_NULL:
    case HX_JT_FALSE:
    case HX_JT_TRUE:
        return 9;

    case HX_JT_NUMBER:
        return len >= 9 + HX_DECIMAL_CODE ? 9 + HX_DECIMAL_CODE : 0;

    case HX_JT_STRING:
        for (i = 9; i < len; i++) {
            if (text[i] == 0 && (i + 1 == len || text[i + 1] != 0xff)) {
                return i + 1;
            }
        }
        return 0;

    default:
        return 0;
    }
}
