/*
 * hx_conf_text.c -- words, directives and blocks of a configuration; see the
 * header.
 */

#include "hx_conf_text.h"


/* What the reader met. */
typedef enum {
    HX_CONF_END = 0,            /* of the text */
    HX_CONF_PLAIN,              /* a directive and ";" */
    HX_CONF_OPEN,               /* a directive and "{" */
    HX_CONF_CLOSE,              /* "}" */
    HX_CONF_BAD
} hx_conf_token_t;

typedef struct {
    const char           *file;
    const unsigned char  *first;
    const unsigned char  *p;
    const unsigned char  *end;
    unsigned              line;
    unsigned              start;        /* line of the first word */
    unsigned              open;         /* blocks */
    const char           *why;
    unsigned              n;            /* words */
    unsigned              no_memory:1;
} hx_conf_reader_t;


void
hx_conf_text_init(hx_conf_text_t *t)
{
    memset(&t->root, 0, sizeof(hx_conf_dir_t));
    t->root.block = 1;
    t->root.file = "";
    t->last = &t->root;
    t->depth = 0;
    t->why = NULL;
    t->file = "";
    t->line = 0;
}


static int
hx_conf_blank(unsigned char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}


/* 0: the text is over. */

static int
hx_conf_comment(hx_conf_text_t *t, hx_conf_reader_t *r)
{
    const unsigned char  *s, *lf;

    s = r->p;
    lf = memchr(s, '\n', (size_t) (r->end - s));
    r->p = lf != NULL ? lf : r->end;

    if (t->ends != NULL && r->n == 0 && r->open == 0
        && (s == r->first || s[-1] == '\n')
        && t->ends(t, s, (size_t) (r->p - s)))
    {
        r->p = r->end;
    }

    return r->p != r->end;
}


/* Blanks and comments; 0: the text is over. */

static int
hx_conf_skip(hx_conf_text_t *t, hx_conf_reader_t *r)
{
    for ( /* void */ ; r->p < r->end; r->p++) {
        if (*r->p == '#' && !hx_conf_comment(t, r)) {
            return 0;
        }

        if (!hx_conf_blank(*r->p)) {
            return 1;
        }

        r->line += *r->p == '\n';
    }

    return 0;
}


/* A word without its backslashes, as nginx takes them away. */

static int
hx_conf_unescape(hx_conf_text_t *t, hx_str_t *w)
{
    size_t          i, n;
    unsigned char   c, *out;

    out = t->alloc(t->data, w->len);
    if (out == NULL) {
        return 0;
    }

    for (i = 0, n = 0; i < w->len; i++) {
        c = w->data[i];

        if (c == '\\' && i + 1 < w->len) {
            switch (w->data[i + 1]) {

            case '"':
            case '\'':
            case '\\':
                c = w->data[++i];
                break;

            case 't':
                c = '\t';
                i++;
                break;

            case 'r':
                c = '\r';
                i++;
                break;

            case 'n':
                c = '\n';
                i++;
                break;

            default:
                break;
            }
        }

        out[n++] = c;
    }

    w->data = out;
    w->len = n;

    return 1;
}


static int
hx_conf_add_word(hx_conf_text_t *t, hx_conf_reader_t *r,
    const unsigned char *s, size_t len)
{
    hx_str_t  w;

    if (r->n == HX_CONF_WORDS) {
        return 1;
    }

    w.data = s;
    w.len = len;

    if (len != 0 && memchr(s, '\\', len) != NULL && !hx_conf_unescape(t, &w)) {
        r->no_memory = 1;
        return 0;
    }

    t->word[r->n++] = w;

    return 1;
}


/* From behind the opening quote; a blank or the directive's end must follow. */

static int
hx_conf_quoted(hx_conf_text_t *t, hx_conf_reader_t *r, unsigned char quote)
{
    const unsigned char  *s;

    for (s = r->p; r->p < r->end && *r->p != quote; r->p++) {
        if (*r->p == '\\' && r->p + 1 < r->end) {
            r->p++;
        }

        r->line += *r->p == '\n';
    }

    if (r->p == r->end) {
        r->why = "a quote is not closed";
        return 0;
    }

    if (!hx_conf_add_word(t, r, s, (size_t) (r->p - s))) {
        return 0;
    }

    r->p++;

    if (r->p < r->end && !hx_conf_blank(*r->p) && *r->p != ';'
        && *r->p != '{' && *r->p != ')')
    {
        r->why = "something follows a quote";
        return 0;
    }

    return 1;
}


static int
hx_conf_unquoted(hx_conf_text_t *t, hx_conf_reader_t *r)
{
    const unsigned char  *s;

    for (s = r->p; r->p < r->end; r->p++) {
        if (*r->p == '\\' && r->p + 1 < r->end) {
            r->p++;
            r->line += *r->p == '\n';
            continue;
        }

        if (*r->p == '$') {
            while (r->p + 1 < r->end && r->p[1] == '{') {
                r->p++;
            }

            continue;
        }

        if (hx_conf_blank(*r->p) || *r->p == ';' || *r->p == '{') {
            break;
        }
    }

    return hx_conf_add_word(t, r, s, (size_t) (r->p - s));
}


/* The words up to ";", "{" or "}". */

static hx_conf_token_t
hx_conf_read(hx_conf_text_t *t, hx_conf_reader_t *r)
{
    unsigned char  c;

    r->n = 0;

    while (hx_conf_skip(t, r)) {
        c = *r->p;

        if (c == ';' || c == '{') {
            r->p++;

            if (r->n == 0) {
                r->why = c == ';' ? "unexpected \";\"" : "unexpected \"{\"";
                return HX_CONF_BAD;
            }

            return c == ';' ? HX_CONF_PLAIN : HX_CONF_OPEN;
        }

        if (c == '}' && r->n == 0) {
            r->p++;
            return HX_CONF_CLOSE;
        }

        if (c == '}') {
            r->why = "unexpected \"}\"";
            return HX_CONF_BAD;
        }

        if (r->n == 0) {
            r->start = r->line;
        }

        if (c == '"' || c == '\'') {
            r->p++;

            if (!hx_conf_quoted(t, r, c)) {
                return HX_CONF_BAD;
            }

        } else if (!hx_conf_unquoted(t, r)) {
            return HX_CONF_BAD;
        }
    }

    if (r->n != 0) {
        r->why = "a directive is not ended";
        return HX_CONF_BAD;
    }

    return HX_CONF_END;
}


/* Lua has quotes, comments and braces of its own. */

static void
hx_conf_lua_quoted(hx_conf_reader_t *r)
{
    const unsigned char  quote = *r->p;

    for (r->p++; r->p < r->end && *r->p != quote && *r->p != '\n'; r->p++) {
        if (*r->p == '\\' && r->p + 1 < r->end) {
            r->p++;
            r->line += *r->p == '\n';
        }
    }
}


static int
hx_conf_lua(hx_conf_reader_t *r)
{
    unsigned  open;

    for (open = 1; r->p < r->end; r->p++) {
        switch (*r->p) {

        case '"':
        case '\'':
            hx_conf_lua_quoted(r);
            break;

        case '-':
            if (r->p + 1 < r->end && r->p[1] == '-') {
                while (r->p + 1 < r->end && r->p[1] != '\n') {
                    r->p++;
                }
            }

            break;

        case '{':
            open++;
            break;

        case '}':
            if (--open == 0) {
                r->p++;
                return 1;
            }

            break;

        default:
            break;
        }

        if (r->p == r->end) {
            break;
        }

        r->line += *r->p == '\n';
    }

    r->why = "a block of Lua is not closed";

    return 0;
}


static int
hx_conf_is_lua(const hx_conf_dir_t *d)
{
    static const char  tail[] = "_by_lua_block";

    const size_t  len = sizeof(tail) - 1;

    return d->word[0].len > len
           && memcmp(d->word[0].data + d->word[0].len - len, tail, len) == 0;
}


static hx_conf_dir_t *
hx_conf_add(hx_conf_text_t *t, hx_conf_reader_t *r, hx_conf_dir_t *parent,
    unsigned block)
{
    hx_str_t        *word;
    hx_conf_dir_t   *d;
    hx_conf_list_t  *list;

    d = t->alloc(t->data, sizeof(hx_conf_dir_t));
    word = t->alloc(t->data, r->n * sizeof(hx_str_t));

    if (d == NULL || word == NULL) {
        r->no_memory = 1;
        return NULL;
    }

    memcpy(word, t->word, r->n * sizeof(hx_str_t));
    memset(d, 0, sizeof(hx_conf_dir_t));

    d->file = r->file;
    d->line = r->line;
    d->start = r->start;
    d->number = t->last->number + 1;
    d->n = r->n;
    d->word = word;
    d->block = block;
    d->parent = parent;

    list = block ? &parent->blocks : &parent->plain;

    if (list->last != NULL) {
        list->last->next = d;

    } else {
        list->first = d;
    }

    list->last = d;
    t->last->then = d;
    t->last = d;

    return d;
}


/* One directive; *at is the block that the next one is in. */

static hx_rc_t
hx_conf_directive(hx_conf_text_t *t, hx_conf_reader_t *r, hx_conf_dir_t **at,
    unsigned block)
{
    hx_conf_dir_t  *d;

    d = hx_conf_add(t, r, *at, block);
    if (d == NULL) {
        return HX_FAIL;
    }

    if (block) {
        if (hx_conf_is_lua(d)) {
            return hx_conf_lua(r) ? HX_OK : HX_NO;
        }

        if (++r->open > HX_CONF_BLOCKS) {
            r->why = "too many blocks in each other";
            return HX_NO;
        }

        *at = d;
        return HX_OK;
    }

    if (hx_conf_is(d, "include") && t->include != NULL) {
        return t->include(t, *at, d);
    }

    return HX_OK;
}


static hx_rc_t
hx_conf_body(hx_conf_text_t *t, hx_conf_reader_t *r, hx_conf_dir_t *parent)
{
    hx_rc_t           rc;
    hx_conf_dir_t    *at;
    hx_conf_token_t   token;

    at = parent;

    for ( ;; ) {
        token = hx_conf_read(t, r);

        switch (token) {

        case HX_CONF_PLAIN:
        case HX_CONF_OPEN:
            rc = hx_conf_directive(t, r, &at, token == HX_CONF_OPEN);
            if (rc != HX_OK) {
                return rc;
            }

            break;

        case HX_CONF_CLOSE:
            if (r->open == 0) {
                r->why = "unexpected \"}\"";
                return HX_NO;
            }

            r->open--;
            at = at->parent;
            break;

        case HX_CONF_END:
            if (r->open != 0) {
                r->why = "a block is not closed";
                return HX_NO;
            }

            return HX_OK;

        case HX_CONF_BAD:
            return r->no_memory ? HX_FAIL : HX_NO;
        }
    }
}


hx_rc_t
hx_conf_text_parse(hx_conf_text_t *t, hx_conf_dir_t *parent, const char *file,
    const unsigned char *s, size_t len)
{
    hx_rc_t           rc;
    hx_conf_reader_t  r;

    memset(&r, 0, sizeof(hx_conf_reader_t));
    r.file = file;
    r.first = s;
    r.p = s;
    r.end = s + len;
    r.line = 1;

    if (t->depth == HX_CONF_FILES) {
        r.why = "too many files include each other";
        rc = HX_NO;

    } else {
        t->depth++;
        rc = hx_conf_body(t, &r, parent);
        t->depth--;
    }

    /* the innermost file's error is the one to tell */

    if (rc == HX_NO && t->why == NULL && r.why != NULL) {
        t->why = r.why;
        t->file = file;
        t->line = r.line;
    }

    return rc;
}
