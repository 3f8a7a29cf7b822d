/*
 * hx_api_filter.c -- the member "filters" of a body: parsed once, and what a
 * client is told about a bad one.
 */

#include <stdlib.h>

#include "hx_api_op.h"


static const char *
hx_filter_must(hx_filter_op_t op)
{
    switch (op) {

    case HX_FILTER_EQ:
    case HX_FILTER_NE:
        return "a string, a number, a boolean, null or an array of these";

    case HX_FILTER_IN:
        return "an array of strings, numbers, booleans or null";

    case HX_FILTER_EXISTS:
        return "true or false";

    default:
        return "a number or a string";
    }
}


static void
hx_filter_refuse(hx_reply_t *p, const hx_filter_error_t *e)
{
    switch (e->code) {

    case HX_FILTER_E_OPERATOR:
        hx_reply_error(p, HX_E_INVALID_REQUEST,
                       "Unknown operator '%V' in 'filters'", &e->op);
        break;

    case HX_FILTER_E_NO_FIELD:
        hx_reply_error(p, HX_E_INVALID_REQUEST,
                       "Operator '%V' in 'filters' stands without a field",
                       &e->op);
        break;

    case HX_FILTER_E_MIXED:
        hx_reply_error(p, HX_E_INVALID_REQUEST,
                       "Field '%V' in 'filters' has operators and fields",
                       &e->field);
        break;

    case HX_FILTER_E_EMPTY:
        hx_reply_error(p, HX_E_INVALID_REQUEST,
                       "Field '%V' in 'filters' has an empty condition",
                       &e->field);
        break;

    case HX_FILTER_E_OPERAND:
        hx_reply_error(p, HX_E_INVALID_REQUEST,
                       "Operator '%V' of field '%V' in 'filters' needs %s",
                       &e->op, &e->field, hx_filter_must(e->known));
        break;

    case HX_FILTER_E_CONDS:
        hx_reply_error(p, HX_E_INVALID_REQUEST,
                       "More than %L conditions in 'filters'",
                       (uint64_t) HX_FILTER_CONDS);
        break;

    case HX_FILTER_E_VALUES:
        hx_reply_error(p, HX_E_INVALID_REQUEST,
                       "More than %L values in 'filters'",
                       (uint64_t) HX_FILTER_VALUES);
        break;

    case HX_FILTER_E_PATH:
        hx_reply_error(p, HX_E_INVALID_REQUEST,
                       "Name of a field in 'filters' exceeds %L bytes",
                       (uint64_t) HX_FILTER_PATH);
        break;

    default:
        hx_reply_error(p, HX_E_INVALID_REQUEST,
                       "Field 'filters' must be an object");
    }
}


int
hx_req_filter(hx_req_t *r)
{
    hx_body_t          *b;
    hx_filter_error_t   e;

    b = r->body;

    if (!hx_body_has(b, HX_F_FILTERS)) {
        return 0;
    }

    r->filter = malloc(sizeof(hx_filter_t));

    if (r->filter == NULL) {
        hx_reply_error(&r->reply, HX_E_UNAVAILABLE, "Out of memory");
        return -1;
    }

    if (hx_filter_parse(r->filter, b->meta.start, hx_buf_len(&b->meta), &e)
        != HX_FILTER_OK)
    {
        hx_filter_refuse(&r->reply, &e);
        return -1;
    }

    return 0;
}
