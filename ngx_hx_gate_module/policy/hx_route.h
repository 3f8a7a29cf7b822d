/*
 * hx_route.h -- which operation a request is, and which namespace and key its
 * path names.  Pure.
 *
 * An operation is a method and either a path template ("/v1/get/{ns}/{key}")
 * or a PCRE2 regular expression with the named groups "ns" and "key".
 * "{key}" at the end of a template takes the rest of the path, slashes
 * included; "{ns}" and any other "{name}" take one segment.  Both forms see
 * the decoded path of hx_path_parse() and must match it from end to end.
 *
 * A template or regex is compiled once, when the configuration is read.
 */

#ifndef HX_ROUTE_H
#define HX_ROUTE_H

#include "hx_buf.h"
#include "hx_text.h"
#include "hx_types.h"

#define HX_ROUTE_PARTS        16        /* parts of one template */
#define HX_ROUTE_OPERATIONS   128       /* operations of one location */
#define HX_ROUTE_NAME_MAX     32        /* bytes of an operation's name */
#define HX_ROUTE_MATCH_LIMIT  100000    /* PCRE2 match limit of one request */

typedef enum {
    HX_NS_NONE = 0,
    HX_NS_PATH,
    HX_NS_BODY
} hx_ns_source_t;

typedef enum {
    HX_SCOPE_READ = 0,
    HX_SCOPE_WRITE
} hx_scope_t;

typedef enum {
    HX_PART_LITERAL = 0,
    HX_PART_ANY,
    HX_PART_NS,
    HX_PART_KEY
} hx_part_type_t;

typedef struct {
    hx_part_type_t   type;
    hx_str_t         text;          /* of a literal */
} hx_part_t;

typedef struct hx_regex_s  hx_regex_t;

typedef struct {
    hx_str_t         name;
    hx_str_t         method;        /* GET also matches HEAD */
    hx_str_t         pattern;       /* as configured, for messages, metrics */
    hx_ns_source_t   ns;
    hx_scope_t       scope;
    uint32_t         cost;          /* tenths of a CU */

    /*
     * A variant is an operation that another one turns into when the body has
     * this top-level string member: serve with "mode":"gpu" is serve_gpu.
     * Variants directly follow the operation they vary.
     */
    hx_str_t         member;
    hx_str_t         value;

    unsigned         n_parts;
    hx_part_t        part[HX_ROUTE_PARTS];
    hx_regex_t      *regex;         /* or NULL */

    /* numbers that a process gives it before its first request */
    unsigned         usage;         /* of its name in usage counters */
    unsigned         meter;         /* the same in metrics */
    unsigned         route;         /* of method and pattern in metrics */
} hx_operation_t;

typedef struct {
    const hx_operation_t   *operation;      /* NULL unless HX_OK */
    hx_str_t                ns;             /* .data NULL = not in the path */
    hx_str_t                key;
    hx_str_t                allow;          /* a method the path is known for,
                                             * when only the method is wrong */
    unsigned                bad_slash:1;    /* an operation would fit, but for a
                                             * %2F outside its key */
} hx_route_t;

/*
 * Compiles op->pattern ("~" begins a regex) into op->part or op->regex.
 * HX_OK; HX_NO and a static or err text why it is bad; HX_FAIL = no memory.
 * err: at least 128 bytes.
 */
hx_rc_t hx_route_compile(hx_operation_t *op, char *err, size_t cap);

/* Releases what hx_route_compile() allocated. */
void hx_route_free(hx_operation_t *op);

/*
 * HX_OK and *r; HX_NO = no operation (r->allow, r->bad_slash say more);
 * HX_FAIL = the regex engine gave up (match limit, memory).
 * The strings in *r point into path->text.
 */
hx_rc_t hx_route_match(hx_route_t *r, const hx_operation_t *ops, unsigned n,
    const hx_str_t *method, const hx_path_t *path);

/*
 * The value of an Allow header: the methods that the path is known for, HEAD
 * with GET.  Does not fit: hx_buf_ok() is false.
 */
void hx_route_allow(hx_buf_t *b, const hx_operation_t *ops, unsigned n,
    const hx_path_t *path);

/* The same of all n operations, whatever the path. */
void hx_route_methods(hx_buf_t *b, const hx_operation_t *ops, unsigned n);

/*
 * The operations of the HX-SDP data plane (contract, section 5), patterns not
 * yet compiled.  Returns how many.
 */
unsigned hx_route_hx_sdp(const hx_operation_t **ops);

#endif /* HX_ROUTE_H */
