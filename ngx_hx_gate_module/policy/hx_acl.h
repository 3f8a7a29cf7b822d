/*
 * hx_acl.h -- which namespaces a tenant may name.  Pure.
 */

#ifndef HX_ACL_H
#define HX_ACL_H

#include "hx_tenant.h"

/* HX_OK or HX_NO; exact, case-sensitive, no patterns. */
hx_rc_t hx_acl_namespace(const hx_tenant_t *t, const hx_str_t *ns);

#endif /* HX_ACL_H */
