/*
 * hx_json_unique.c -- see the header.  Names are sorted, not hashed: a client
 * could choose names that collide.
 */

#include <stdlib.h>
#include <string.h>

#include "hx_json_unique.h"
#include "hx_json_walk.h"
#include "hx_limits.h"

#define HX_UNIQUE_FEW     16            /* members compared one by one */
#define HX_UNIQUE_DEPTH   (HX_METADATA_DEPTH + 1)

typedef struct {
    unsigned  depth;
    hx_str_t  name[HX_UNIQUE_DEPTH];    /* on the way to where it is */
} hx_unique_t;


static int
hx_unique_order(const void *a, const void *b)
{
    const hx_str_t  *x, *y;

    x = a;
    y = b;

    if (x->len != y->len) {
        return x->len < y->len ? -1 : 1;
    }

    return x->len == 0 ? 0 : memcmp(x->data, y->data, x->len);
}


/* The first name that stands twice among n: HX_NO and *found. */
static hx_rc_t
hx_unique_names(hx_str_t *name, size_t n, hx_str_t *found)
{
    size_t  i;

    if (n > 1) {
        qsort(name, n, sizeof(hx_str_t), hx_unique_order);
    }

    for (i = 1; i < n; i++) {
        if (hx_unique_order(&name[i - 1], &name[i]) == 0) {
            *found = name[i];
            return HX_NO;
        }
    }

    return HX_OK;
}


/* Of one object, at which the walk stands. */
static hx_rc_t
hx_unique_object(hx_walk_t w, hx_str_t *found)
{
    size_t      n, i;
    hx_rc_t     rc;
    hx_str_t    name, few[HX_UNIQUE_FEW], *many;
    hx_walk_t   start;

    start = w;
    n = 0;

    if (hx_walk_enter(&w, &name)) {
        do {
            if (n < HX_UNIQUE_FEW) {
                few[n] = name;
            }
            n++;
            hx_walk_skip(&w, NULL);
        } while (hx_walk_next(&w, &name));
    }

    if (n <= HX_UNIQUE_FEW) {
        return hx_unique_names(few, n, found);
    }

    many = malloc(n * sizeof(hx_str_t));
    if (many == NULL) {
        return HX_FAIL;
    }

    w = start;
    i = 0;

    if (hx_walk_enter(&w, &name)) {
        do {
            many[i++] = name;
            hx_walk_skip(&w, NULL);
        } while (i < n && hx_walk_next(&w, &name));
    }

    rc = hx_unique_names(many, i, found);
    free(many);

    return rc;
}


/* Of the container at which the walk stands, and what is in it. */
static hx_rc_t
hx_unique_walk(hx_unique_t *u, hx_walk_t *w)
{
    hx_rc_t         rc;
    hx_str_t        name;
    hx_json_type_t  type;

    if (hx_walk_type(w) == HX_JT_OBJECT) {
        rc = hx_unique_object(*w, &u->name[u->depth]);

        if (rc != HX_OK) {
            u->depth++;
            return rc;
        }
    }

    if (!hx_walk_enter(w, &name)) {
        return HX_OK;
    }

    do {
        type = hx_walk_type(w);

        if (type != HX_JT_OBJECT && type != HX_JT_ARRAY) {
            hx_walk_skip(w, NULL);
            continue;
        }

        if (u->depth == HX_UNIQUE_DEPTH - 1) {
            return HX_OK;               /* deeper than what is stored */
        }

        u->name[u->depth++] = name;     /* data NULL: an array's element */
        rc = hx_unique_walk(u, w);

        if (rc != HX_OK) {
            return rc;
        }

        u->depth--;
    } while (hx_walk_next(w, &name));

    return HX_OK;
}


hx_rc_t
hx_json_unique(const unsigned char *text, size_t len, hx_buf_t *path)
{
    size_t        n, room;
    hx_rc_t       rc;
    unsigned      i, dots;
    hx_walk_t     w;
    hx_unique_t   u;

    u.depth = 0;
    hx_walk_init(&w, text, len);

    rc = hx_unique_walk(&u, &w);

    if (rc != HX_NO) {
        return rc;
    }

    for (i = 0, dots = 0; i < u.depth; i++) {
        if (u.name[i].data == NULL) {
            continue;
        }

        if (dots++ != 0 && path->last < path->end) {
            hx_buf_byte(path, '.');
        }

        room = (size_t) (path->end - path->last);
        n = u.name[i].len < room ? u.name[i].len : room;
        hx_buf_add(path, u.name[i].data, n);
    }

    return HX_NO;
}
