/*
 * hx_term.h -- what an index over metadata holds of a record, and what it is
 * asked.  Pure; the store decides how the terms are kept (store/hx_terms.c).
 *
 * A term is a field of a record and one of its values, as bytes: 8 bytes of a
 * hash of the field's name, a byte for the type of the value, and the value in
 * a form that sorts as values of that type do.  Long values are cut and names
 * can collide, so a term says "perhaps": what an index finds is a candidate,
 * and hx_filter_match() on its metadata decides.  The other way round nothing
 * is missing: a record that matches has a term that is asked for, or one of
 * the two that stand for all ("any value of this field", "anything").
 */

#ifndef HX_TERM_H
#define HX_TERM_H

#include "hx_filter.h"

#define HX_TERMS_MAX       256          /* of one record; with more it has just
                                         * one, which stands for all */
#define HX_TERMS_FIELD     64           /* of one field of a record; the same */

#define HX_TERM_STRING     96           /* bytes of a string that are kept; a
                                         * NUL counts twice */
#define HX_TERM_CODE_MAX   (1 + HX_TERM_STRING + 1)
#define HX_TERM_MAX        (8 + HX_TERM_CODE_MAX)

/* The byte behind the hash: hx_json_type_t, or this ... */
#define HX_TERM_MANY       0x10         /* added to it: the field has several
                                         * terms in this record */
#define HX_TERM_ANY        0x1f         /* stands for every value; in a field
                                         * of hash 0 for every field */

/* Type and value: what a term has behind the hash. */
typedef struct {
    unsigned char  len;
    unsigned char  code[HX_TERM_CODE_MAX];
} hx_term_code_t;

typedef struct {
    unsigned char  len;
    unsigned char  text[HX_TERM_MAX];
} hx_term_t;

/* 28 KB: not for every stack. */
typedef struct {
    unsigned   n;
    hx_term_t  term[HX_TERMS_MAX];      /* sorted, each once */
} hx_terms_t;

typedef enum {
    HX_ASK_EQUAL = 0,       /* a value with one of n codes; n = 0: no record */
    HX_ASK_RANGE,           /* code[0] <= value <= code[1], of one type; a
                             * bound that is only a type is none */
    HX_ASK_EXISTS           /* any value */
} hx_ask_kind_t;

typedef struct {
    hx_ask_kind_t          kind;
    uint64_t               path;        /* hash of the field's name */
    unsigned               n;
    const hx_term_code_t  *code;
} hx_ask_t;

/* What an index can do for a filter; all of them hold for what matches.
 * 125 KB: not for a stack. */
typedef struct {
    unsigned        n;
    unsigned        n_codes;
    hx_ask_t        ask[HX_FILTER_CONDS];
    hx_term_code_t  code[HX_FILTER_VALUES + 2 * HX_FILTER_CONDS];
} hx_asks_t;


/* Of the decoded name; never 0. */
uint64_t hx_term_path(const unsigned char *name, size_t len);

/* Of a simple value, or of the type of any other. */
void hx_term_code(hx_term_code_t *c, const hx_filter_value_t *v);

/* The terms of metadata: a compact JSON object, or nothing for {}. */
void hx_terms_extract(hx_terms_t *t, const unsigned char *metadata,
    size_t len);

/* At most as many terms has metadata of so many bytes. */
unsigned hx_terms_bound(size_t len);

/*
 * Length of the term at the beginning of text, in which something else follows
 * it that does not begin with 0xff; 0: there is none.
 */
size_t hx_term_length(const unsigned char *text, size_t len);

/* n = 0: an index is of no use for this filter.  Nothing is asked twice. */
void hx_term_asks(hx_asks_t *a, const hx_filter_t *f);

#endif /* HX_TERM_H */
