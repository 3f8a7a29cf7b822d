/*
 * hx_check_conf.c -- see the header.  The text is read twice: each file by
 * itself, because only that tells where it ends (its name in a comment may also
 * stand inside a block), and then the first one with what it includes.
 */

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>

#include "hx_check_conf.h"
#include "hx_conf_text.h"

#define HX_DUMP_HEAD       "# configuration file "
#define HX_DUMP_MEMORY     67108864     /* bytes of one reading */
#define HX_DUMP_CHUNK      65536        /* of it at a time, if not more */
#define HX_DUMP_READ       67108864     /* bytes of files that are included */
#define HX_DUMP_INCLUDES   4096         /* followed, all in all */
#define HX_DUMP_GLOBS      512          /* of these, with a pattern */
#define HX_DUMP_STARS      8            /* of one: matching is exponential */

typedef struct hx_dump_chunk_s  hx_dump_chunk_t;

struct hx_dump_chunk_s {
    hx_dump_chunk_t       *next;
    size_t                 unused;      /* keeps what follows aligned */
};

typedef struct {
    const char            *name;
    const unsigned char   *text;
    size_t                 len;
} hx_dump_file_t;

typedef struct {
    const hx_conf_dir_t   *dir;
    unsigned               child;       /* the first one */
    unsigned               next;
} hx_dump_node_t;

struct hx_dump_s {
    unsigned char         *text;
    hx_conf_text_t         tree;
    hx_dump_node_t        *nodes;       /* [0]: none; by number + 1 */
    hx_dump_chunk_t       *chunks;
    unsigned char         *free;        /* in the newest */
    size_t                 left;
    size_t                 memory;      /* of all */
    hx_str_t               head;        /* of the file that is next */
    unsigned               n_includes;
    unsigned               n_globs;
    size_t                 read;        /* bytes of included files */
    size_t                 dir;         /* bytes of the first file's directory,
                                         * with its slash */
    unsigned               n_files;
    hx_dump_file_t         files[HX_DUMP_FILES];
};


static void *
hx_dump_alloc(void *data, size_t size)
{
    hx_dump_t  *d = data;

    size_t            n;
    unsigned char    *p;
    hx_dump_chunk_t  *c;

    size = (size + 15) & ~(size_t) 15;

    if (size > d->left) {
        n = size > HX_DUMP_CHUNK ? size : HX_DUMP_CHUNK;

        if (n > HX_DUMP_MEMORY - d->memory) {
            return NULL;
        }

        c = malloc(sizeof(hx_dump_chunk_t) + n);
        if (c == NULL) {
            return NULL;
        }

        c->next = d->chunks;
        d->chunks = c;
        d->free = (unsigned char *) (c + 1);
        d->left = n;
        d->memory += n;
    }

    p = d->free;
    d->free += size;
    d->left -= size;

    return p;
}


static void
hx_dump_forget(hx_dump_t *d)
{
    hx_dump_chunk_t  *c;

    while (d->chunks != NULL) {
        c = d->chunks;
        d->chunks = c->next;
        free(c);
    }

    d->left = 0;
    d->memory = 0;
}


static hx_rc_t
hx_dump_no(hx_conf_text_t *t, const char *file, unsigned line, const char *why)
{
    t->file = file;
    t->line = line;
    t->why = why;

    return HX_NO;
}


/* Is it where nginx says which file follows? */

static int
hx_dump_ends(hx_conf_text_t *t, const unsigned char *s, size_t len)
{
    hx_dump_t  *d = t->data;

    const size_t  n = sizeof(HX_DUMP_HEAD) - 1;

    if (len < n + 2 || memcmp(s, HX_DUMP_HEAD, n) != 0 || s[len - 1] != ':') {
        return 0;
    }

    d->head.data = s + n;
    d->head.len = len - n - 1;

    return 1;
}


/* The file whose name was met. */

static hx_rc_t
hx_dump_add(hx_dump_t *d, hx_conf_text_t *t, const unsigned char *end)
{
    size_t           at;
    hx_dump_file_t  *f;

    if (d->n_files == HX_DUMP_FILES) {
        return hx_dump_no(t, d->files[0].name, 1, "too many files");
    }

    at = (size_t) (d->head.data - d->text);
    d->text[at + d->head.len] = '\0';           /* was ":" */

    f = &d->files[d->n_files++];
    f->name = (const char *) d->text + at;
    f->text = d->head.data + d->head.len + 1;
    f->text += f->text < end;                   /* the line break */

    if (d->head.len >= HX_DUMP_PATH || strlen(f->name) != d->head.len) {
        return hx_dump_no(t, f->name, 1, "not a name of a file");
    }

    return HX_OK;
}


static hx_rc_t
hx_dump_split(hx_dump_t *d, hx_conf_text_t *t, const unsigned char *end)
{
    hx_rc_t          rc;
    hx_dump_file_t  *f, before;

    before.name = "";
    before.text = d->text;
    f = &before;

    do {
        d->head.data = NULL;
        hx_conf_text_init(t);

        rc = hx_conf_text_parse(t, &t->root, f->name, f->text,
                                (size_t) (end - f->text));
        if (f == &before && (d->head.data == NULL || t->last != &t->root)) {
            return hx_dump_no(t, "", 1, "this is no output of \"nginx -T\"");
        }

        if (rc != HX_OK) {
            return rc;
        }

        if (d->head.data == NULL) {
            f->len = (size_t) (end - f->text);
            return HX_OK;
        }

        f->len = (size_t) (d->head.data - f->text) - (sizeof(HX_DUMP_HEAD) - 1);
        rc = hx_dump_add(d, t, end);
        f = &d->files[d->n_files - 1];

    } while (rc == HX_OK);

    return rc;
}


/* As nginx would look for it, with a NUL; what is wrong, or NULL. */

static const char *
hx_dump_pattern(const hx_dump_t *d, const hx_conf_dir_t *at,
    char pattern[HX_DUMP_PATH])
{
    size_t     i, dir, stars;
    hx_str_t   word;

    word = hx_conf_word(at, 1);
    dir = word.len != 0 && word.data[0] == '/' ? 0 : d->dir;

    if (at->n != 2 || word.len == 0 || dir + word.len >= HX_DUMP_PATH
        || memchr(word.data, '\0', word.len) != NULL)
    {
        return "not a name for \"include\"";
    }

    for (i = 0, stars = 0; i < word.len; i++) {
        stars += word.data[i] == '*';
    }

    memcpy(pattern, d->files[0].name, dir);
    memcpy(pattern + dir, word.data, word.len);
    pattern[dir + word.len] = '\0';

    return stars > HX_DUMP_STARS ? "too many \"*\"" : NULL;
}


static hx_rc_t
hx_dump_include(hx_conf_text_t *t, hx_conf_dir_t *parent,
    const hx_conf_dir_t *at)
{
    hx_dump_t  *d = t->data;

    int              glob, found;
    char             pattern[HX_DUMP_PATH];
    hx_rc_t          rc;
    unsigned         i;
    const char      *why;
    hx_dump_file_t  *f;

    why = hx_dump_pattern(d, at, pattern);
    if (why != NULL) {
        return hx_dump_no(t, at->file, at->line, why);
    }

    glob = strpbrk(pattern, "*?[") != NULL;
    found = glob;                   /* which may be nothing */
    d->n_includes++;
    d->n_globs += glob != 0;
    rc = HX_OK;

    for (i = 0; rc == HX_OK && i < d->n_files; i++) {
        if (d->n_includes > HX_DUMP_INCLUDES || d->n_globs > HX_DUMP_GLOBS
            || d->read > HX_DUMP_READ)
        {
            return hx_dump_no(t, at->file, at->line, "too many includes");
        }

        f = &d->files[i];

        if (strcmp(pattern, f->name) != 0
            && (!glob || fnmatch(pattern, f->name, FNM_PATHNAME | FNM_PERIOD)
                         != 0))
        {
            continue;
        }

        found = 1;
        d->read += f->len;
        rc = hx_conf_text_parse(t, parent, f->name, f->text, f->len);
    }

    return rc != HX_OK || found ? rc
           : hx_dump_no(t, at->file, at->line, "the file that is included is "
                        "not in the text");
}


/* What was included stands in the place of "include". */

static hx_rc_t
hx_dump_number(hx_dump_t *d)
{
    unsigned               id, up;
    const hx_conf_dir_t   *dir;

    static const hx_conf_dir_t  none = { .file = "" };

    d->nodes = calloc(hx_dump_end(d), sizeof(hx_dump_node_t));
    if (d->nodes == NULL) {
        return HX_FAIL;
    }

    d->nodes[0].dir = &none;

    for (dir = &d->tree.root; dir != NULL; dir = dir->then) {
        d->nodes[dir->number + 1].dir = dir;
    }

    for (id = hx_dump_end(d) - 1; id > HX_DUMP_ROOT; id--) {
        if (!hx_dump_is(d, id, "include")) {
            up = hx_dump_parent(d, id);
            d->nodes[id].next = d->nodes[up].child;
            d->nodes[up].child = id;
        }
    }

    return HX_OK;
}


static hx_rc_t
hx_dump_read(hx_dump_t *d, size_t len)
{
    hx_rc_t          rc;
    const char      *slash;
    hx_conf_text_t  *t = &d->tree;

    t->data = d;
    t->alloc = hx_dump_alloc;
    t->ends = hx_dump_ends;

    rc = hx_dump_split(d, t, d->text + len);
    if (rc != HX_OK) {
        return rc;
    }

    hx_dump_forget(d);
    hx_conf_text_init(t);
    t->ends = NULL;
    t->include = hx_dump_include;
    t->root.file = d->files[0].name;

    slash = strrchr(d->files[0].name, '/');
    d->dir = slash != NULL ? (size_t) (slash + 1 - d->files[0].name) : 0;

    rc = hx_conf_text_parse(t, &t->root, d->files[0].name, d->files[0].text,
                            d->files[0].len);

    return rc == HX_OK ? hx_dump_number(d) : rc;
}


hx_rc_t
hx_dump_parse(hx_dump_t **out, const unsigned char *text, size_t len, char *err)
{
    hx_rc_t     rc;
    hx_dump_t  *d;

    *out = NULL;

    if (len > HX_DUMP_MAX) {
        (void) snprintf(err, HX_DUMP_ERR, "more than %d bytes", HX_DUMP_MAX);
        return HX_FAIL;
    }

    d = calloc(1, sizeof(hx_dump_t));
    rc = HX_FAIL;

    if (d != NULL && (d->text = malloc(len + 1)) != NULL) {
        memcpy(d->text, len != 0 ? text : (const unsigned char *) "", len);
        rc = hx_dump_read(d, len);
    }

    if (rc == HX_OK) {
        *out = d;
        return HX_OK;
    }

    if (rc == HX_NO) {
        (void) snprintf(err, HX_DUMP_ERR, "%.300s:%u: %s", d->tree.file,
                        d->tree.line, d->tree.why);

    } else {
        (void) snprintf(err, HX_DUMP_ERR, "more directives than there is "
                        "memory for");
    }

    hx_dump_free(d);

    return HX_FAIL;
}


void
hx_dump_free(hx_dump_t *d)
{
    if (d != NULL) {
        hx_dump_forget(d);
        free(d->text);
        free(d->nodes);
        free(d);
    }
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
    const hx_conf_dir_t  *up = d->nodes[id].dir->parent;

    return up != NULL ? up->number + 1 : 0;
}


unsigned
hx_dump_end(const hx_dump_t *d)
{
    return d->tree.last->number + 2;
}


unsigned
hx_dump_words(const hx_dump_t *d, unsigned id)
{
    return d->nodes[id].dir->n;
}


hx_str_t
hx_dump_word(const hx_dump_t *d, unsigned id, unsigned i)
{
    return hx_conf_word(d->nodes[id].dir, i);
}


int
hx_dump_is(const hx_dump_t *d, unsigned id, const char *name)
{
    return hx_conf_is(d->nodes[id].dir, name);
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

    for (id = 0; id == 0 && block != 0; block = hx_dump_parent(d, block)) {
        id = hx_dump_find(d, block, name, 0);
    }

    return id;
}


static hx_str_t
hx_dump_name(const char *name)
{
    hx_str_t  s;

    s.data = (const unsigned char *) name;
    s.len = strlen(name);

    return s;
}


hx_str_t
hx_dump_file(const hx_dump_t *d, unsigned id)
{
    return hx_dump_name(d->nodes[id].dir->file);
}


unsigned
hx_dump_line(const hx_dump_t *d, unsigned id)
{
    return d->nodes[id].dir->start;
}


hx_str_t
hx_dump_main(const hx_dump_t *d)
{
    return hx_dump_name(d->files[0].name);
}
