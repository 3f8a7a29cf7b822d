/*
 * hx_json_walk.h -- reading compact JSON text where it lies: metadata and
 * filters, as hx_api_meta.c writes them.  Pure, without allocation, linear.
 *
 * The text has passed the scanner (core/hx_json_scan.h) and holds no blanks.
 * On any other text the walk ends early; it never leaves the text.
 *
 *     if (hx_walk_type(&w) == HX_JT_OBJECT && hx_walk_enter(&w, &name)) {
 *         do {
 *             ... take the value with enter, scalar or skip ...
 *         } while (hx_walk_next(&w, &name));
 *     }
 */

#ifndef HX_JSON_WALK_H
#define HX_JSON_WALK_H

#include "hx_types.h"

/* In the order in which an index sorts them (hx_term.h): never renumber. */
typedef enum {
    HX_JT_NONE = 0,                     /* the end, or not JSON */
    HX_JT_OBJECT,
    HX_JT_ARRAY,
    HX_JT_NULL,
    HX_JT_FALSE,
    HX_JT_TRUE,
    HX_JT_NUMBER,
    HX_JT_STRING
} hx_json_type_t;

typedef struct {
    const unsigned char  *p;            /* next byte */
    const unsigned char  *end;
} hx_walk_t;


void hx_walk_init(hx_walk_t *w, const unsigned char *text, size_t len);

/* What begins here. */
hx_json_type_t hx_walk_type(const hx_walk_t *w);

/*
 * At a container: 1, and the walk stands at its first value; *name is what is
 * between the quotes of an object's member, as written, and has data NULL in
 * an array.  0: there is no value, the walk stands behind the container.
 */
int hx_walk_enter(hx_walk_t *w, hx_str_t *name);

/* Behind a value of that container: the same for the next one.  *name is what
 * the call before left there. */
int hx_walk_next(hx_walk_t *w, hx_str_t *name);

/* Takes one value of any type; *text, if wanted, is all of it. */
void hx_walk_skip(hx_walk_t *w, hx_str_t *text);

/* Takes a number, or a string: then *text is what is between its quotes. */
void hx_walk_scalar(hx_walk_t *w, hx_str_t *text);

/*
 * Strings as written between their quotes; what they stand for is compared, as
 * bytes: < 0, 0, > 0.
 */
int hx_walk_compare(const hx_str_t *a, const hx_str_t *b);

/* The decoded bytes, of which at most cap are written; returns their number,
 * which may be above cap only by being cap + 1. */
size_t hx_walk_decode(const hx_str_t *s, unsigned char *out, size_t cap);

/*
 * Are the bytes that s stands for the first ones of path?  How many they are,
 * or -1.
 */
long hx_walk_prefix(const hx_str_t *s, const unsigned char *path, size_t len);

#endif /* HX_JSON_WALK_H */
