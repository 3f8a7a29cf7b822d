/*
 * hx_acl.c -- see the header.  A linear walk over the packed list: a tenant
 * has a handful of namespaces, HX_TENANT_NAMESPACES at most.
 */

#include <string.h>

#include "hx_acl.h"


hx_rc_t
hx_acl_namespace(const hx_tenant_t *t, const hx_str_t *ns)
{
    size_t    pos;
    hx_str_t  one;

    for (pos = 0; hx_tenant_namespace(t, &pos, &one); /* void */) {
        if (one.len == ns->len && memcmp(one.data, ns->data, ns->len) == 0) {
            return HX_OK;
        }
    }

    return HX_NO;
}
