/*
 * hx_check_conf.h -- what "nginx -T" prints, as a tree: every directive with
 * its words, its file and its line, and what "include" names in its place.
 * Pure: no I/O, no clock.  Words and blocks are those of policy/hx_conf_text.h
 * with its limits.  The text may be anything; what nginx would not read is an
 * error with its place, and everything is bounded.
 */

#ifndef HX_CHECK_CONF_H
#define HX_CHECK_CONF_H

#include "hx_text.h"
#include "hx_types.h"

#define HX_DUMP_MAX      16777216   /* bytes of text */
#define HX_DUMP_FILES    4096
#define HX_DUMP_PATH     4096       /* bytes of a file's name with a NUL */
#define HX_DUMP_ERR      512

typedef struct hx_dump_s  hx_dump_t;

/*
 * A directive is a number; 0 is none.  HX_DUMP_ROOT has what stands outside
 * all blocks, and no words.
 */
#define HX_DUMP_ROOT     1

/*
 * HX_OK and *out, which keeps a copy of the text; HX_FAIL and a text in err
 * (HX_DUMP_ERR bytes; it may hold any bytes of the dump, but no NUL).
 */
hx_rc_t hx_dump_parse(hx_dump_t **out, const unsigned char *text, size_t len,
    char *err);

/* NULL is fine. */
void hx_dump_free(hx_dump_t *d);

/* The first directive of a block, the next one, the block around it; or 0. */
unsigned hx_dump_child(const hx_dump_t *d, unsigned id);
unsigned hx_dump_next(const hx_dump_t *d, unsigned id);
unsigned hx_dump_parent(const hx_dump_t *d, unsigned id);

/* Behind the last of the numbers; that of a block is below those in it. */
unsigned hx_dump_end(const hx_dump_t *d);

/* Words, the name among them; word i, empty when there is none. */
unsigned hx_dump_words(const hx_dump_t *d, unsigned id);
hx_str_t hx_dump_word(const hx_dump_t *d, unsigned id, unsigned i);

/* Is this its name? */
int hx_dump_is(const hx_dump_t *d, unsigned id, const char *name);

/*
 * The next directive of that name in a block, after a given one of it (0: the
 * first), or 0.
 */
unsigned hx_dump_find(const hx_dump_t *d, unsigned block, const char *name,
    unsigned after);

/* The one that counts in a block: its own, else of the nearest around it. */
unsigned hx_dump_up(const hx_dump_t *d, unsigned block, const char *name);

/* Where it stands; the line is that of its name. */
hx_str_t hx_dump_file(const hx_dump_t *d, unsigned id);
unsigned hx_dump_line(const hx_dump_t *d, unsigned id);

/* The file that nginx was started with. */
hx_str_t hx_dump_main(const hx_dump_t *d);

#endif /* HX_CHECK_CONF_H */
