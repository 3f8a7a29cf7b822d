/*
 * hx_check_conf.c -- see the header.  Words are read by the rules of
 * ngx_conf_read_token(), so that nothing means another thing here than there.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hx_check_conf_impl.h"

#define HX_DUMP_HEAD   "# configuration file "


/* Where the reader is. */

typedef struct {
    hx_dump_t       *d;
    unsigned char   *p;
    unsigned char   *end;
    unsigned         line;
    unsigned         block;         /* that directives go to */
    unsigned         depth;
    unsigned         first;         /* word of the directive under way */
    unsigned         start;         /* its line */
    char            *err;
} hx_dump_reader_t;


static hx_rc_t
hx_dump_fail(hx_dump_reader_t *r, const char *what)
{
    hx_str_t          name;
    const hx_dump_t  *d = r->d;

    name.data = (const unsigned char *) "";
    name.len = 0;

    if (d->n_files != 0) {
        name = d->files[d->n_files - 1].name;
    }

    (void) snprintf(r->err, HX_DUMP_ERR, "%.*s:%u: %s",
                    (int) (name.len < 300 ? name.len : 300),
                    (const char *) name.data, r->line, what);

    return HX_FAIL;
}


/* The quoting is taken out in place: the word never gets longer. */

static hx_rc_t
hx_dump_add_word(hx_dump_reader_t *r, unsigned char *s, unsigned char *end)
{
    void           *array;
    hx_str_t       *word;
    unsigned char  *dst;

    array = r->d->words;
    word = hx_dump_more(&array, &r->d->n_words, HX_DUMP_WORDS,
                        sizeof(hx_str_t));
    r->d->words = array;

    if (word == NULL) {
        return hx_dump_fail(r, "too many words");
    }

    word->data = s;

    for (dst = s; s < end; s++) {
        if (*s == '\\' && s + 1 < end) {
            switch (s[1]) {

            case '"':
            case '\'':
            case '\\':
                s++;
                break;

            case 't':
                *dst++ = '\t';
                s++;
                continue;

            case 'r':
                *dst++ = '\r';
                s++;
                continue;

            case 'n':
                *dst++ = '\n';
                s++;
                continue;

            default:
                break;
            }
        }

        *dst++ = *s;
    }

    word->len = (size_t) (dst - word->data);

    return HX_OK;
}


static int
hx_dump_blank(unsigned char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}


/* A file begins where nginx says so; inside a block it is only a comment. */

static hx_rc_t
hx_dump_header(hx_dump_reader_t *r, const unsigned char *s,
    const unsigned char *end)
{
    void            *array;
    const size_t     n = sizeof(HX_DUMP_HEAD) - 1;
    hx_dump_node_t   root;
    hx_dump_file_t  *file;

    if (r->depth != 0 || (size_t) (end - s) < n + 2
        || memcmp(s, HX_DUMP_HEAD, n) != 0 || end[-1] != ':')
    {
        return HX_OK;
    }

    array = r->d->files;
    file = hx_dump_more(&array, &r->d->n_files, HX_DUMP_FILES,
                        sizeof(hx_dump_file_t));
    r->d->files = array;

    if (file == NULL) {
        return hx_dump_fail(r, "too many files");
    }

    file->name.data = s + n;
    file->name.len = (size_t) (end - s) - n - 1;

    if (file->name.len >= HX_DUMP_PATH
        || memchr(file->name.data, '\0', file->name.len) != NULL)
    {
        return hx_dump_fail(r, "not a name of a file");
    }

    memset(&root, 0, sizeof(root));
    root.file = r->d->n_files - 1;
    file->root = hx_dump_add(r->d, 0, &root);

    if (file->root == 0) {
        return hx_dump_fail(r, "too many directives");
    }

    r->block = file->root;
    r->line = 0;                    /* the line break behind it makes it 1 */

    return HX_OK;
}


static hx_rc_t
hx_dump_comment(hx_dump_reader_t *r)
{
    int             whole;
    unsigned char  *s;

    s = r->p;
    whole = s == r->d->text || s[-1] == '\n';

    while (r->p < r->end && *r->p != '\n') {
        r->p++;
    }

    if (whole && r->first == r->d->n_words) {
        return hx_dump_header(r, s, r->p);
    }

    return HX_OK;
}


/* A word, up to what ends it. */

static hx_rc_t
hx_dump_read_word(hx_dump_reader_t *r)
{
    int             variable;
    unsigned char   quote, c, *s;

    quote = *r->p == '"' || *r->p == '\'' ? *r->p++ : '\0';
    variable = 0;

    for (s = r->p; r->p < r->end; r->p++) {
        c = *r->p;

        if (c == '\n') {
            r->line++;
        }

        if (c == '{' && variable) {
            continue;
        }

        variable = 0;

        if (c == '\\') {
            if (r->p + 1 < r->end && *++r->p == '\n') {
                r->line++;
            }

        } else if (c == '$') {
            variable = 1;

        } else if (quote != '\0') {
            if (c == quote) {
                r->p++;
                break;
            }

        } else if (hx_dump_blank(c) || c == ';' || c == '{') {
            if (c == '\n') {
                r->line--;          /* it is met again */
            }

            return hx_dump_add_word(r, s, r->p);
        }
    }

    if (quote == '\0' || r->p == r->end) {
        return hx_dump_fail(r, "unexpected end of the text");
    }

    c = *r->p;

    /* "if ($a = "b")" ends so: the bracket is a word */

    if (!hx_dump_blank(c) && c != ';' && c != '{' && c != ')') {
        return hx_dump_fail(r, "no blank behind a quoted word");
    }

    return hx_dump_add_word(r, s, r->p - 1);
}


/* The words that were read become a directive. */

static hx_rc_t
hx_dump_directive(hx_dump_reader_t *r, unsigned *id)
{
    hx_dump_node_t  node;

    if (r->first == r->d->n_words) {
        return hx_dump_fail(r, *r->p == ';' ? "unexpected \";\""
                                            : "unexpected \"{\"");
    }

    if (r->block == 0) {
        return hx_dump_fail(r, "this is no output of \"nginx -T\"");
    }

    memset(&node, 0, sizeof(node));
    node.word = r->first;
    node.n_words = r->d->n_words - r->first;
    node.file = r->d->n_files - 1;
    node.line = r->start;

    *id = hx_dump_add(r->d, r->block, &node);
    r->first = r->d->n_words;

    return *id != 0 ? HX_OK : hx_dump_fail(r, "too many directives");
}


static hx_rc_t
hx_dump_mark(hx_dump_reader_t *r)
{
    hx_rc_t   rc;
    unsigned  id;

    if (*r->p == '}') {
        if (r->first != r->d->n_words || r->depth == 0) {
            return hx_dump_fail(r, "unexpected \"}\"");
        }

        r->block = r->d->nodes[r->block].parent;
        r->depth--;
        r->p++;

        return HX_OK;
    }

    rc = hx_dump_directive(r, &id);

    if (rc == HX_OK && *r->p == '{') {
        if (r->depth == HX_DUMP_DEPTH) {
            return hx_dump_fail(r, "too many blocks in each other");
        }

        r->block = id;
        r->depth++;
    }

    r->p++;

    return rc;
}


static hx_rc_t
hx_dump_read(hx_dump_reader_t *r)
{
    hx_rc_t  rc;

    rc = HX_OK;

    while (rc == HX_OK && r->p < r->end) {

        if (hx_dump_blank(*r->p)) {
            r->line += *r->p == '\n';
            r->p++;

        } else if (*r->p == '#') {
            rc = hx_dump_comment(r);

        } else if (*r->p == ';' || *r->p == '{' || *r->p == '}') {
            rc = hx_dump_mark(r);

        } else {
            if (r->first == r->d->n_words) {
                r->start = r->line;
            }

            rc = hx_dump_read_word(r);
        }
    }

    if (rc == HX_OK && (r->depth != 0 || r->first != r->d->n_words)) {
        return hx_dump_fail(r, "unexpected end of the text");
    }

    if (rc == HX_OK && r->d->n_files == 0) {
        return hx_dump_fail(r, "this is no output of \"nginx -T\"");
    }

    return rc;
}


/* Node 0 is none, node 1 the root that all is put together under. */

static hx_rc_t
hx_dump_build(hx_dump_t *d, const unsigned char *text, size_t len, char *err)
{
    hx_rc_t           rc;
    hx_dump_node_t    none;
    hx_dump_reader_t  r;

    memset(&none, 0, sizeof(none));
    memset(&r, 0, sizeof(r));

    d->text = malloc(len + 1);

    if (d->text == NULL || (hx_dump_add(d, 0, &none), d->n_nodes != 1)
        || hx_dump_add(d, 0, &none) != HX_DUMP_ROOT)
    {
        (void) snprintf(err, HX_DUMP_ERR, "out of memory");
        return HX_FAIL;
    }

    if (len != 0) {
        memcpy(d->text, text, len);
    }

    r.d = d;
    r.p = d->text;
    r.end = d->text + len;
    r.line = 1;
    r.err = err;

    rc = hx_dump_read(&r);
    if (rc != HX_OK) {
        return rc;
    }

    return hx_dump_expand(d, err);
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
    if (d == NULL) {
        (void) snprintf(err, HX_DUMP_ERR, "out of memory");
        return HX_FAIL;
    }

    rc = hx_dump_build(d, text, len, err);

    if (rc != HX_OK) {
        hx_dump_free(d);
        return rc;
    }

    *out = d;

    return HX_OK;
}

void
hx_dump_free(hx_dump_t *d)
{
    if (d != NULL) {
        free(d->text);
        free(d->nodes);
        free(d->words);
        free(d->files);
        free(d);
    }
}
