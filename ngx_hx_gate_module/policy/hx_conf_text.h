/*
 * hx_conf_text.h -- the text of nginx's configuration as a tree of directives,
 * each with its file and line.  Pure: who calls it reads the files.
 *
 * Words are cut as nginx cuts them (ngx_conf_read_token()): quotes,
 * backslashes, comments, "${name}".  What a directive means is not known here;
 * a block of Lua is skipped.  nginx has accepted the text before, so an error
 * here means that the file has changed meanwhile, or that another module reads
 * a block in its own way.
 */

#ifndef HX_CONF_TEXT_H
#define HX_CONF_TEXT_H

#include "hx_text.h"
#include "hx_types.h"

#define HX_CONF_WORDS     512           /* of one directive; more are dropped */
#define HX_CONF_BLOCKS    64            /* one in the other */
#define HX_CONF_FILES     32            /* one includes the other */

typedef struct hx_conf_dir_s   hx_conf_dir_t;
typedef struct hx_conf_text_s  hx_conf_text_t;

/* Directives of one block, in the order of the text. */
typedef struct {
    hx_conf_dir_t    *first;
    hx_conf_dir_t    *last;
} hx_conf_list_t;

struct hx_conf_dir_s {
    const char       *file;             /* NUL-terminated */
    unsigned          line;             /* of its ";" or "{", as nginx says */
    unsigned          start;            /* line of its name */
    unsigned          number;           /* 1, 2, ... as read; the root has 0 */
    unsigned          n;                /* words, 1 or more; the root has 0 */
    const hx_str_t   *word;             /* its name and its arguments */
    unsigned          block:1;          /* ended with "{" */
    hx_conf_dir_t    *parent;           /* NULL: the root */
    hx_conf_dir_t    *next;             /* of the same list */
    hx_conf_dir_t    *then;             /* the next number, in or behind it */
    hx_conf_list_t    plain;            /* in it, without a block */
    hx_conf_list_t    blocks;           /* in it, with one */
    uint64_t          said[2];          /* bits for who looks for something */

    /* set by who looks for names, of plain */
    uint64_t          names;            /* bits of those that are in it */
    hx_conf_dir_t    *other;            /* the first one of another name */
    hx_conf_dir_t    *same;             /* the next one of this name */
    hx_conf_dir_t    *latest;           /* the last one of this name */
};

struct hx_conf_text_s {
    /* set by the caller */
    void             *data;
    void           *(*alloc)(void *data, size_t size);      /* aligned, or NULL;
                                                             * the text's own */
    hx_rc_t         (*include)(hx_conf_text_t *t, hx_conf_dir_t *parent,
                               const hx_conf_dir_t *d);     /* NULL: none */
    int             (*ends)(hx_conf_text_t *t, const unsigned char *s,
                            size_t len);    /* NULL: no; does this comment, a
                                             * line outside of all blocks, end
                                             * the text?  len: up to its end */

    /* set by hx_conf_text_init() and hx_conf_text_parse() */
    hx_conf_dir_t     root;
    hx_conf_dir_t    *last;             /* that was read; its number is how
                                         * many there are */
    unsigned          depth;            /* of files */
    const char       *why;              /* static text, NULL = no error */
    const char       *file;             /* of the error */
    unsigned          line;
    hx_str_t          word[HX_CONF_WORDS];  /* while a directive is read */
};

/* After the caller has set its members. */
void hx_conf_text_init(hx_conf_text_t *t);

/*
 * Adds the directives of a text to parent (&t->root, or what include() was
 * given).  At "include" it asks t->include(), which reads the files and calls
 * this for each.  s and file must live as long as the tree.  HX_OK; HX_NO and
 * t->why: cannot be read; HX_FAIL: no memory.
 */
hx_rc_t hx_conf_text_parse(hx_conf_text_t *t, hx_conf_dir_t *parent,
    const char *file, const unsigned char *s, size_t len);

/* Is this the name of the directive? */
static inline int
hx_conf_is(const hx_conf_dir_t *d, const char *name)
{
    return d->n != 0 && hx_text_is(&d->word[0], name);
}


/* Word i, or an empty one. */
static inline hx_str_t
hx_conf_word(const hx_conf_dir_t *d, unsigned i)
{
    static const hx_str_t  none = hx_string("");

    return i < d->n ? d->word[i] : none;
}

#endif /* HX_CONF_TEXT_H */
