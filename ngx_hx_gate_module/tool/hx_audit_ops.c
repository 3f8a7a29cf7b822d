/*
 * hx_audit_ops.c -- see the header.
 */

#include <string.h>

#include "hx_audit.h"
#include "hx_audit_ops.h"
#include "hx_check.h"


hx_rc_t
hx_ops_init(hx_ops_t *ops)
{
    char                   err[128];
    unsigned               i;
    const hx_operation_t  *table;

    ops->n = hx_route_hx_sdp(&table);

    if (ops->n > HX_ROUTE_OPERATIONS) {
        return HX_FAIL;
    }

    for (i = 0; i < ops->n; i++) {
        ops->op[i] = table[i];

        if (hx_route_compile(&ops->op[i], err, sizeof(err)) != HX_OK) {
            return HX_FAIL;
        }
    }

    return HX_OK;
}


/* A record says "operation": it may be a variant, as only the body shows. */

static const hx_operation_t *
hx_ops_variant(const hx_ops_t *ops, const hx_operation_t *op,
    const hx_str_t *name)
{
    const hx_operation_t  *v;

    for (v = op + 1; name->data != NULL && v < ops->op + ops->n
                     && v->member.data != NULL; v++)
    {
        if (v->name.len == name->len
            && memcmp(v->name.data, name->data, name->len) == 0)
        {
            return v;
        }
    }

    return op;
}


void
hx_ops_ask(hx_ops_t *ops, hx_ops_answer_t *a, const hx_record_t *r)
{
    hx_rc_t     rc;
    hx_route_t  route;

    memset(a, 0, sizeof(hx_ops_answer_t));

    if (r->path.len == HX_AUDIT_PATH_MAX + 3) {
        a->unknown = 1;
        return;
    }

    a->outcome = HX_OUTCOME_INVALID_REQUEST;

    if (hx_path_parse(&ops->path, r->path.data, r->path.len, ops->text)
        != HX_PATH_OK)
    {
        return;
    }

    rc = hx_route_match(&route, ops->op, ops->n, &r->method, &ops->path);

    if (rc != HX_OK) {
        if (!route.bad_slash) {
            a->outcome = route.allow.data != NULL
                         ? HX_OUTCOME_METHOD : HX_OUTCOME_UNKNOWN_OPERATION;
        }

        return;
    }

    if ((route.key.data != NULL && !hx_check_key(route.key.data, route.key.len))
        || (route.ns.data != NULL
            && !hx_check_namespace(route.ns.data, route.ns.len)))
    {
        return;
    }

    a->outcome = HX_OUTCOME_ALLOWED;
    a->operation = hx_ops_variant(ops, route.operation, &r->operation);
    a->ns = route.ns;
}


void
hx_ops_name(hx_ops_t *ops, const hx_record_t *r, hx_str_t *name)
{
    hx_ops_answer_t  a;

    if (r->operation.data != NULL) {
        *name = r->operation;
        return;
    }

    hx_ops_ask(ops, &a, r);

    if (a.operation != NULL) {
        *name = a.operation->name;

    } else {
        name->data = NULL;
        name->len = 0;
    }
}
