/*
 * ngx_hx_compat.h -- every condition on the nginx version, in one place.
 */

#ifndef NGX_HX_COMPAT_H
#define NGX_HX_COMPAT_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#if !(NGX_THREADS)
#error "HX Gate needs an nginx that was built --with-threads"
#endif


/* 1.23 linked equal header lines: "next" must not be left undefined */

static ngx_inline ngx_table_elt_t *
ngx_hx_push_header(ngx_list_t *headers)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(headers);

#if (nginx_version >= 1023000)
    if (h != NULL) {
        h->next = NULL;
    }
#endif

    return h;
}

#endif /* NGX_HX_COMPAT_H */
