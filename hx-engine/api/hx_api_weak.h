/*
 * hx_api_weak.h -- where the operator allows the verdict "weak"
 * (HOLONOMIX_ALLOW_WEAK): a list of namespaces, and of domains as
 * "domain:NAME", separated by commas; "*" stands for everywhere.
 */

#ifndef HX_API_WEAK_H
#define HX_API_WEAK_H

#include "hx_types.h"

/* 1 when the list is well formed; the empty one is. */
int hx_weak_check(const char *list);

/* 1 when a put into this namespace, or with this domain, may be weak. */
int hx_weak_allowed(const char *list, const hx_str_t *ns,
    const hx_str_t *domain);

#endif /* HX_API_WEAK_H */
