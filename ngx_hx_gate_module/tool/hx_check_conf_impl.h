/*
 * hx_check_conf_impl.h -- what the reader (hx_check_conf.c) and the tree
 * (hx_check_tree.c) share: the arrays.
 */

#ifndef HX_CHECK_CONF_IMPL_H
#define HX_CHECK_CONF_IMPL_H

#include "hx_check_conf.h"

#define HX_DUMP_INCLUDES   4096         /* followed, all in all */
#define HX_DUMP_GLOBS      512          /* of these, with a pattern */

typedef struct {
    unsigned        word;           /* the first one */
    unsigned        n_words;
    unsigned        file;
    unsigned        line;
    unsigned        parent;
    unsigned        child;
    unsigned        last;           /* child */
    unsigned        next;
} hx_dump_node_t;

typedef struct {
    hx_str_t        name;
    unsigned        root;           /* node with what it holds */
} hx_dump_file_t;

struct hx_dump_s {
    unsigned char   *text;
    hx_dump_node_t  *nodes;
    unsigned         n_nodes;
    hx_str_t        *words;
    unsigned         n_words;
    hx_dump_file_t  *files;
    unsigned         n_files;
    unsigned         n_includes;
    unsigned         n_globs;
    size_t           dir;           /* bytes of the directory, with its slash,
                                     * that relative includes begin at */
};


/* One more, zeroed, of an array that doubles; NULL: too many, or no memory. */
void *hx_dump_more(void **array, unsigned *n, unsigned max, size_t size);

/* A node like another, last in a block (0: in none); 0: too many. */
unsigned hx_dump_add(hx_dump_t *d, unsigned parent, const hx_dump_node_t *like);

/* Puts everything under HX_DUMP_ROOT, includes in their places. */
hx_rc_t hx_dump_expand(hx_dump_t *d, char *err);

#endif /* HX_CHECK_CONF_IMPL_H */
