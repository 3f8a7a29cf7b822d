/*
 * hx_route_regex.h -- the PCRE2 half of hx_route; included by it alone.
 *
 * A compiled regex carries its own match block, so it serves one thread at a
 * time: an nginx worker has one.
 */

#ifndef HX_ROUTE_REGEX_H
#define HX_ROUTE_REGEX_H

#include "hx_route.h"

/* pattern: with the leading "~"; want_ns: the group "ns" must exist (and must
 * not without).  As hx_route_compile(). */
hx_rc_t hx_regex_compile(hx_regex_t **re, const hx_str_t *pattern,
    int want_ns, char *err, size_t cap);

/* As hx_route_match() for one regex. */
hx_rc_t hx_regex_match(const hx_regex_t *re, const hx_path_t *path,
    hx_str_t *ns, hx_str_t *key);

/* NULL is fine. */
void hx_regex_free(hx_regex_t *re);

#endif /* HX_ROUTE_REGEX_H */
