/*
 * hx_api_weak.c -- see the header.  Namespaces cannot hold a colon, so the two
 * kinds of names never meet.  The list is short and read as it stands.
 */

#include <string.h>

#include "hx_api_weak.h"
#include "hx_check.h"
#include "hx_limits.h"

#define HX_WEAK_DOMAIN       "domain:"
#define HX_WEAK_DOMAIN_LEN   (sizeof(HX_WEAK_DOMAIN) - 1)


/* The next name of the list, and where to go on; data NULL: no more. */
static hx_str_t
hx_weak_next(const char **list)
{
    size_t    len;
    hx_str_t  name;

    name.data = NULL;
    name.len = 0;

    if (*list == NULL) {
        return name;
    }

    len = strcspn(*list, ",");
    name.data = (const unsigned char *) *list;
    name.len = len;
    *list = (*list)[len] == ',' ? *list + len + 1 : NULL;

    return name;
}


static int
hx_weak_is_domain(const hx_str_t *name)
{
    return name->len >= HX_WEAK_DOMAIN_LEN
           && memcmp(name->data, HX_WEAK_DOMAIN, HX_WEAK_DOMAIN_LEN) == 0;
}


static int
hx_weak_is_all(const hx_str_t *name)
{
    return name->len == 1 && name->data[0] == '*';
}


int
hx_weak_check(const char *list)
{
    int       ok;
    hx_str_t  name;

    if (*list == '\0') {
        return 1;
    }

    for ( ;; ) {
        name = hx_weak_next(&list);

        if (name.data == NULL) {
            return 1;
        }

        if (hx_weak_is_domain(&name)) {
            ok = hx_check_printable(name.data + HX_WEAK_DOMAIN_LEN,
                                    name.len - HX_WEAK_DOMAIN_LEN, 1,
                                    HX_DOMAIN_MAX);

        } else {
            ok = hx_weak_is_all(&name)
                 || hx_check_namespace(name.data, name.len);
        }

        if (!ok) {
            return 0;
        }
    }
}


int
hx_weak_allowed(const char *list, const hx_str_t *ns, const hx_str_t *domain)
{
    hx_str_t         name;
    const hx_str_t  *want;

    for ( ;; ) {
        name = hx_weak_next(&list);

        if (name.data == NULL) {
            return 0;
        }

        if (hx_weak_is_all(&name)) {
            return 1;
        }

        want = ns;

        if (hx_weak_is_domain(&name)) {
            want = domain;
            name.data += HX_WEAK_DOMAIN_LEN;
            name.len -= HX_WEAK_DOMAIN_LEN;
        }

        if (name.len != 0 && name.len == want->len
            && memcmp(name.data, want->data, name.len) == 0)
        {
            return 1;
        }
    }
}
