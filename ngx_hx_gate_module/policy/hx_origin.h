/*
 * hx_origin.h -- origins that may read answers from a browser (CORS), and the
 * Vary field that goes with them.  Pure.
 *
 * An origin is "scheme://host[:port]" as browsers send it: the ASCII
 * serialisation of RFC 6454, section 6.2.  What a configuration names is
 * checked to be just that text, so that a request's Origin is compared byte by
 * byte and nothing about it has to be understood.
 */

#ifndef HX_ORIGIN_H
#define HX_ORIGIN_H

#include "hx_buf.h"
#include "hx_limits.h"
#include "hx_types.h"

/*
 * HX_OK, or HX_NO and in *why a static text that follows the word in a message
 * ("has a path ...").  "*" and "null" are no origins.
 */
hx_rc_t hx_origin_check(const unsigned char *s, size_t len, const char **why);

/*
 * Of a checked origin: does what it serves travel in the clear?  1 for http://
 * on any host but localhost, 127.0.0.1 and [::1].
 */
int hx_origin_in_the_clear(const hx_str_t *origin);

/*
 * Is name, in any case, a member of this value of a Vary field?  "*" is a name
 * as any other.
 */
int hx_vary_has(const unsigned char *s, size_t len, const char *name,
    size_t nlen);

/* Appends s to the list in b, ", " between them; an empty s is left out. */
void hx_vary_add(hx_buf_t *b, const unsigned char *s, size_t len);

#endif /* HX_ORIGIN_H */
