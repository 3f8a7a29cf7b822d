/*
 * hx_extract.h -- what the gate must know of a JSON body before the engine may
 * see it: the namespace, and the member that makes an operation a variant.
 * Pure; the body is fed in pieces as it arrives, memory stays constant.
 *
 * The whole text is checked on the way (hx_json_scan.h), so that nothing goes
 * upstream that gate and engine could read differently; a name that the gate
 * decides on may stand in the top object once.
 */

#ifndef HX_EXTRACT_H
#define HX_EXTRACT_H

#include "hx_json_scan.h"
#include "hx_limits.h"
#include "hx_types.h"

#define HX_VARIANT_MAX   32         /* bytes of a variant's value */

typedef enum {
    HX_EXTRACT_OK = 0,
    HX_EXTRACT_E_JSON,              /* not JSON; scan_error says how */
    HX_EXTRACT_E_OBJECT,            /* JSON, but not an object */
    HX_EXTRACT_E_DUPLICATE,         /* "member" stands there twice */
    HX_EXTRACT_E_TYPE,              /* "member" is not a string */
    HX_EXTRACT_E_NAMESPACE,         /* not a valid namespace */
    HX_EXTRACT_E_MEMORY
} hx_extract_err_t;

typedef struct {
    hx_json_scan_t     *scan;
    hx_str_t            variant;        /* its member's name; len 0 = none */

    hx_extract_err_t    error;
    hx_json_err_t       scan_error;
    const char         *member;         /* the one E_DUPLICATE, E_TYPE blame */

    unsigned            current:2;      /* member whose value comes next */
    unsigned            seen_ns:1;
    unsigned            seen_variant:1;
    unsigned            opened:1;

    size_t              ns_len;         /* as it stood there, cut at the end */
    size_t              value_len;
    unsigned char       ns[HX_NAMESPACE_MAX + 1];
    unsigned char       value[HX_VARIANT_MAX];
} hx_extract_t;

/*
 * variant: the member to look out for besides "namespace", static text of the
 * caller, or NULL.  HX_FAIL = no memory.  The namespace starts as "default".
 */
hx_rc_t hx_extract_start(hx_extract_t *x, const hx_str_t *variant);

/* HX_OK = go on; HX_NO = the body is bad, x->error; HX_FAIL = no memory. */
hx_rc_t hx_extract_feed(hx_extract_t *x, const unsigned char *p, size_t len);

/* The body is complete: as above, and x->ns is what the engine will read. */
hx_rc_t hx_extract_finish(hx_extract_t *x);

/* Safe at any time and more than once. */
void hx_extract_end(hx_extract_t *x);

#endif /* HX_EXTRACT_H */
