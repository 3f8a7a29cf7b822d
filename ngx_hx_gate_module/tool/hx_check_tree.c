/*
 * hx_check_tree.c -- the tree of hx_check_conf.h: how it grows, what "include"
 * puts into it, and how one walks it.
 */

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hx_check_conf_impl.h"

#define HX_DUMP_STARS  8        /* in one pattern: matching is exponential */


void *
hx_dump_more(void **array, unsigned *n, unsigned max, size_t size)
{
    void  *p;

    if (*n == max) {
        return NULL;
    }

    if ((*n & (*n - 1)) == 0) {                 /* 0 and powers of two */
        p = realloc(*array, (*n == 0 ? 1 : (size_t) *n * 2) * size);
        if (p == NULL) {
            return NULL;
        }

        *array = p;
    }

    p = (char *) *array + (size_t) *n * size;
    memset(p, 0, size);
    (*n)++;

    return p;
}


unsigned
hx_dump_add(hx_dump_t *d, unsigned parent, const hx_dump_node_t *like)
{
    void            *array;
    unsigned         id;
    hx_dump_node_t  *node, *up;

    array = d->nodes;
    node = hx_dump_more(&array, &d->n_nodes, HX_DUMP_NODES,
                        sizeof(hx_dump_node_t));
    d->nodes = array;

    if (node == NULL) {
        return 0;
    }

    id = d->n_nodes - 1;
    *node = *like;
    node->parent = parent;
    node->child = 0;
    node->last = 0;
    node->next = 0;

    if (parent == 0) {
        return id;
    }

    up = &d->nodes[parent];

    if (up->last != 0) {
        d->nodes[up->last].next = id;

    } else {
        up->child = id;
    }

    up->last = id;

    return id;
}


static hx_rc_t
hx_dump_at(const hx_dump_t *d, unsigned id, const char *what, char *err)
{
    hx_str_t  name;

    name = hx_dump_file(d, id);

    (void) snprintf(err, HX_DUMP_ERR, "%.*s:%u: %s",
                    (int) (name.len < 300 ? name.len : 300),
                    (const char *) name.data, hx_dump_line(d, id), what);

    return HX_FAIL;
}


/* The pattern of an include as nginx would look for it, with a NUL. */

static hx_rc_t
hx_dump_pattern(const hx_dump_t *d, unsigned id, char *pattern, char *err)
{
    size_t     i, dir, stars;
    hx_str_t   word;

    word = hx_dump_word(d, id, 1);
    dir = word.len != 0 && word.data[0] == '/' ? 0 : d->dir;

    if (hx_dump_words(d, id) != 2 || word.len == 0
        || dir + word.len >= HX_DUMP_PATH
        || memchr(word.data, '\0', word.len) != NULL)
    {
        return hx_dump_at(d, id, "not a name for \"include\"", err);
    }

    for (i = 0, stars = 0; i < word.len; i++) {
        stars += word.data[i] == '*';
    }

    if (stars > HX_DUMP_STARS) {
        return hx_dump_at(d, id, "too many \"*\"", err);
    }

    memcpy(pattern, d->files[0].name.data, dir);
    memcpy(pattern + dir, word.data, word.len);
    pattern[dir + word.len] = '\0';

    return HX_OK;
}


static hx_rc_t hx_dump_copy(hx_dump_t *d, unsigned from, unsigned to,
    unsigned depth, char *err);


static hx_rc_t
hx_dump_include(hx_dump_t *d, unsigned id, unsigned to, unsigned depth,
    char *err)
{
    char       pattern[HX_DUMP_PATH], name[HX_DUMP_PATH];
    hx_rc_t    rc;
    unsigned   i, glob, found;
    hx_str_t  *s;

    rc = hx_dump_pattern(d, id, pattern, err);
    if (rc != HX_OK) {
        return rc;
    }

    glob = strpbrk(pattern, "*?[") != NULL;
    found = glob;                   /* which may be nothing */
    d->n_globs += glob;

    if (d->n_includes++ == HX_DUMP_INCLUDES || d->n_globs > HX_DUMP_GLOBS) {
        return hx_dump_at(d, id, "too many includes", err);
    }

    for (i = 0; rc == HX_OK && i < d->n_files; i++) {
        s = &d->files[i].name;
        memcpy(name, s->data, s->len);
        name[s->len] = '\0';

        if (strcmp(pattern, name) != 0
            && (!glob || fnmatch(pattern, name, FNM_PATHNAME | FNM_PERIOD)
                         != 0))
        {
            continue;
        }

        found = 1;
        rc = hx_dump_copy(d, d->files[i].root, to, depth + 1, err);
    }

    if (rc == HX_OK && !found) {
        return hx_dump_at(d, id, "the file that is included is not in the "
                          "text", err);
    }

    return rc;
}


/* Everything of one block behind what another has, includes put in. */

static hx_rc_t
hx_dump_copy(hx_dump_t *d, unsigned from, unsigned to, unsigned depth,
    char *err)
{
    hx_rc_t         rc;
    unsigned        id, made;
    hx_dump_node_t  like;

    if (depth > HX_DUMP_DEPTH) {
        return hx_dump_at(d, from, "too many blocks and includes in each "
                          "other", err);
    }

    rc = HX_OK;

    for (id = d->nodes[from].child; rc == HX_OK && id != 0;
         id = d->nodes[id].next)
    {
        if (hx_dump_is(d, id, "include")) {
            rc = hx_dump_include(d, id, to, depth, err);
            continue;
        }

        like = d->nodes[id];
        made = hx_dump_add(d, to, &like);

        if (made == 0) {
            return hx_dump_at(d, id, "too many directives", err);
        }

        if (d->nodes[id].child != 0) {
            rc = hx_dump_copy(d, id, made, depth + 1, err);
        }
    }

    return rc;
}


hx_rc_t
hx_dump_expand(hx_dump_t *d, char *err)
{
    const hx_str_t  *name;

    name = &d->files[0].name;

    for (d->dir = name->len; d->dir != 0; d->dir--) {
        if (name->data[d->dir - 1] == '/') {
            break;
        }
    }

    return hx_dump_copy(d, d->files[0].root, HX_DUMP_ROOT, 0, err);
}


unsigned
hx_dump_child(const hx_dump_t *d, unsigned id)
{
    return d->nodes[id].child;
}


unsigned
hx_dump_next(const hx_dump_t *d, unsigned id)
{
    return d->nodes[id].next;
}


unsigned
hx_dump_parent(const hx_dump_t *d, unsigned id)
{
    return d->nodes[id].parent;
}


unsigned
hx_dump_end(const hx_dump_t *d)
{
    return d->n_nodes;
}


unsigned
hx_dump_words(const hx_dump_t *d, unsigned id)
{
    return d->nodes[id].n_words;
}


hx_str_t
hx_dump_word(const hx_dump_t *d, unsigned id, unsigned i)
{
    const hx_str_t  none = hx_string("");

    return i < d->nodes[id].n_words ? d->words[d->nodes[id].word + i] : none;
}


int
hx_dump_is(const hx_dump_t *d, unsigned id, const char *name)
{
    hx_str_t  word;

    word = hx_dump_word(d, id, 0);

    return hx_dump_same(&word, name);
}


unsigned
hx_dump_find(const hx_dump_t *d, unsigned block, const char *name,
    unsigned after)
{
    unsigned  id;

    id = after != 0 ? d->nodes[after].next : d->nodes[block].child;

    while (id != 0 && !hx_dump_is(d, id, name)) {
        id = d->nodes[id].next;
    }

    return id;
}


unsigned
hx_dump_up(const hx_dump_t *d, unsigned block, const char *name)
{
    unsigned  id;

    for ( /* void */ ; block != 0; block = d->nodes[block].parent) {
        id = hx_dump_find(d, block, name, 0);

        if (id != 0) {
            return id;
        }
    }

    return 0;
}


hx_str_t
hx_dump_file(const hx_dump_t *d, unsigned id)
{
    return d->files[d->nodes[id].file].name;
}


unsigned
hx_dump_line(const hx_dump_t *d, unsigned id)
{
    return d->nodes[id].line;
}


hx_str_t
hx_dump_main(const hx_dump_t *d)
{
    return d->files[0].name;
}


int
hx_dump_same(const hx_str_t *s, const char *text)
{
    return s->len == strlen(text) && memcmp(s->data, text, s->len) == 0;
}


int
hx_dump_after(const hx_str_t *s, const char *prefix, hx_str_t *rest)
{
    size_t  n;

    n = strlen(prefix);

    if (s->len < n || memcmp(s->data, prefix, n) != 0) {
        return 0;
    }

    rest->data = s->data + n;
    rest->len = s->len - n;

    return 1;
}
