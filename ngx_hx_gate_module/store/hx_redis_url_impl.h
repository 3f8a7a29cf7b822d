/*
 * hx_redis_url_impl.h -- between hx_redis_url.c and hx_redis_host.c.
 */

#ifndef HX_REDIS_URL_IMPL_H
#define HX_REDIS_URL_IMPL_H

#include "hx_redis_url.h"

/* HX_NO; where: NULL when there is no part, or one that must not be shown. */
hx_rc_t hx_redis_bad(hx_redis_url_err_t *err, const char *what,
    const hx_str_t *where);

/*
 * Cuts *s at the first such byte; what is behind it becomes *rest.  0: there is
 * none, nothing is changed.
 */
int hx_redis_cut(hx_str_t *s, int byte, hx_str_t *rest);

/* Letters, digits, "-" and "_". */
int hx_redis_name_byte(unsigned char ch);

/* Name or address, and the port, or dflt; HX_NO and *err. */
hx_rc_t hx_redis_host(hx_redis_host_t *host, const hx_str_t *member,
    unsigned dflt, hx_redis_url_err_t *err);

#endif /* HX_REDIS_URL_IMPL_H */
