/*
 * hx_audit_ops.h -- which operation a record is of: the table hx-sdp of the
 * gate (hx_route.h), asked with what the trail holds.
 */

#ifndef HX_AUDIT_OPS_H
#define HX_AUDIT_OPS_H

#include "hx_audit_record_read.h"
#include "hx_outcome.h"
#include "hx_route.h"

typedef struct {
    unsigned               n;
    hx_operation_t         op[HX_ROUTE_OPERATIONS];
    hx_path_t              path;
    unsigned char          text[HX_PATH_MAX];
} hx_ops_t;

typedef struct {
    const hx_operation_t  *operation;   /* NULL: none */
    hx_str_t               ns;          /* of the path; data NULL: none */
    hx_outcome_t           outcome;     /* ALLOWED, or why there is none */
    unsigned               unknown:1;   /* the path was cut in the record */
} hx_ops_answer_t;

/* HX_OK or HX_FAIL. */
hx_rc_t hx_ops_init(hx_ops_t *ops);

/* The answer holds until the next call. */
void hx_ops_ask(hx_ops_t *ops, hx_ops_answer_t *a, const hx_record_t *r);

/*
 * Its name: what the record says, else what its method and path say; data NULL
 * = of none.
 */
void hx_ops_name(hx_ops_t *ops, const hx_record_t *r, hx_str_t *name);

#endif /* HX_AUDIT_OPS_H */
