/*
 * hx_filter.h -- conditions on metadata, as search, topk and vector take them.
 * Pure; no allocation.
 *
 *   { "field": value, "field": { "$op": operand, ... }, ... }
 *
 * All of them must hold.  A field is named by the names on the way to its
 * value, joined by dots: {"a": {"b": 1}} has a field "a.b", and so has
 * {"a.b": 1}; in a filter both spellings mean that field.  A way leads through
 * the objects of an array, never through an array's positions; a field may
 * therefore have several values, and an array stands for itself and for each
 * of its elements.
 *
 *   $eq v, or just v   one of the field's values is v; null: or there is none
 *   $ne v              not $eq v
 *   $in [v, ...]       $eq one of them
 *   $gt $gte $lt $lte  one of the values, of the operand's type, is so: numbers
 *                      as exact decimals, strings byte by byte
 *   $exists true       there is a value, be it null; false: there is none
 *
 * Values are strings, numbers, booleans, null; for $eq and $ne also arrays of
 * those, which are compared as a whole and in order.  Numbers are exact
 * (hx_decimal.h): 1 is 1.0.  Nothing equals a value of another type.  Each
 * operator is asked on its own: with an array, another element may satisfy it.
 */

#ifndef HX_FILTER_H
#define HX_FILTER_H

#include "hx_decimal.h"
#include "hx_json_walk.h"
#include "hx_limits.h"

#define HX_FILTER_MAX        HX_METADATA_MAX    /* bytes of compact text */
#define HX_FILTER_DEPTH      HX_METADATA_DEPTH
#define HX_FILTER_CONDS      64         /* conditions; the bits of a word */
#define HX_FILTER_VALUES     1024       /* operands of all of them */
#define HX_FILTER_PATH       1024       /* bytes of a field's name */

typedef enum {
    HX_FILTER_EQ = 0,
    HX_FILTER_NE,
    HX_FILTER_GT,
    HX_FILTER_GTE,
    HX_FILTER_LT,
    HX_FILTER_LTE,
    HX_FILTER_IN,
    HX_FILTER_EXISTS,
    HX_FILTER_OPS
} hx_filter_op_t;

typedef struct {
    hx_json_type_t   type;              /* ARRAY: of the four simple kinds */
    hx_str_t         text;              /* STRING, ARRAY: as written */
    hx_decimal_t     number;
} hx_filter_value_t;

typedef struct {
    hx_filter_op_t   op;
    hx_str_t         path;              /* decoded */
    unsigned         first;             /* its values: one, but for $in */
    unsigned         n;
} hx_filter_cond_t;

/* Large: not for a stack.  Points into the text it was made from. */
typedef struct {
    unsigned           n;
    unsigned           n_values;
    size_t             path_len;
    hx_filter_cond_t   cond[HX_FILTER_CONDS];
    hx_filter_value_t  value[HX_FILTER_VALUES];     /* those of $in sorted */
    unsigned char      path[HX_FILTER_CONDS * HX_FILTER_PATH];
} hx_filter_t;

typedef enum {
    HX_FILTER_OK = 0,
    HX_FILTER_E_FORM,           /* not an object */
    HX_FILTER_E_OPERATOR,       /* there is no such one */
    HX_FILTER_E_NO_FIELD,       /* an operator without a field */
    HX_FILTER_E_MIXED,          /* operators and fields in one object */
    HX_FILTER_E_EMPTY,          /* a field's condition is {} */
    HX_FILTER_E_OPERAND,        /* of the wrong type */
    HX_FILTER_E_CONDS,
    HX_FILTER_E_VALUES,
    HX_FILTER_E_PATH
} hx_filter_err_t;

/* What was wrong; points into filter and text. */
typedef struct {
    hx_filter_err_t  code;
    hx_str_t         op;                /* the operator's name, as written */
    hx_str_t         field;             /* decoded; E_PATH: its beginning */
    hx_filter_op_t   known;             /* OPERAND: which one it is */
} hx_filter_error_t;


/*
 * text: compact JSON, at most HX_FILTER_MAX bytes, without a member twice in
 * an object; must outlive f.  {} is a filter that matches everything.
 */
hx_filter_err_t hx_filter_parse(hx_filter_t *f, const unsigned char *text,
    size_t len, hx_filter_error_t *err);

/*
 * 1 when the metadata, a compact JSON object (or nothing, for {}), matches.
 * Time: linear in its length, times the conditions whose fields are met.
 */
int hx_filter_match(const hx_filter_t *f, const unsigned char *metadata,
    size_t len);

/* Order of simple values of any type (by type first): < 0, 0, > 0. */
int hx_filter_order(const hx_filter_value_t *a, const hx_filter_value_t *b);

/* The simple value at which the walk stands; takes it. */
void hx_filter_take(hx_walk_t *w, hx_filter_value_t *v);

#endif /* HX_FILTER_H */
