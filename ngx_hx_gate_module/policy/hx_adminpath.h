/*
 * hx_adminpath.h -- the paths the gate answers itself, as templates.  Pure.
 */

#ifndef HX_ADMINPATH_H
#define HX_ADMINPATH_H

#include "hx_adminreq.h"
#include "hx_types.h"

#define HX_PATH_ONBOARD   "/gate/onboard/"
#define HX_PATH_TENANTS   "/gate/admin/tenants"
#define HX_PATH_USAGE     "/gate/admin/usage"
#define HX_PATH_OWN       "/gate/usage"
#define HX_PATH_WEBHOOK   "/gate/stripe/webhook"

/* Numbers of paths; 0 is none of them. */
enum {
    HX_ADMINPATH_CALLS = 1,         /* HX_ADMIN_CALLS of them */
    HX_ADMINPATH_TENANTS = HX_ADMINPATH_CALLS + HX_ADMIN_CALLS,
    HX_ADMINPATH_TENANT,
    HX_ADMINPATH_USAGES,
    HX_ADMINPATH_USAGE,
    HX_ADMINPATH_OWN,
    HX_ADMINPATH_WEBHOOK,
    HX_ADMINPATHS
};

typedef struct {
    hx_str_t    method;         /* the one it takes, GET also stands for HEAD */
    hx_str_t    pattern;        /* "{tenant_id}" is its last segment, if any */
    hx_str_t    name;           /* of the operation, in the audit trail */
} hx_adminpath_t;

/* The number of a decoded path, whatever the method. */
unsigned hx_adminpath_match(const unsigned char *path, size_t len);

/* The admin call of a path's number, HX_ADMIN_CALLS when it is none. */
static inline hx_admin_call_t
hx_adminpath_call(unsigned i)
{
    return i >= HX_ADMINPATH_CALLS && i < HX_ADMINPATH_TENANTS
           ? (hx_admin_call_t) (i - HX_ADMINPATH_CALLS) : HX_ADMIN_CALLS;
}

/* i: 1 .. HX_ADMINPATHS - 1 */
const hx_adminpath_t *hx_adminpath(unsigned i);

#endif /* HX_ADMINPATH_H */
