/*
 * hx_adminpath.c -- which of its own paths the gate was asked for.
 */

#include <string.h>

#include "hx_adminpath.h"


#define HX_TENANT_ID        "/{tenant_id}"

#define get(path)           { hx_string("GET"), hx_string(path) }
#define post(path)          { hx_string("POST"), hx_string(path) }

static const hx_adminpath_t  hx_paths[HX_ADMINPATHS] = {
    { { NULL, 0 }, { NULL, 0 } },
    post(HX_PATH_ONBOARD "create"),
    post(HX_PATH_ONBOARD "rotate-key"),
    post(HX_PATH_ONBOARD "add-namespace"),
    post(HX_PATH_ONBOARD "remove-namespace"),
    post(HX_PATH_ONBOARD "suspend"),
    post(HX_PATH_ONBOARD "activate"),
    post(HX_PATH_ONBOARD "update-tier"),
    post(HX_PATH_ONBOARD "delete"),
    get(HX_PATH_TENANTS),
    get(HX_PATH_TENANTS HX_TENANT_ID),
    get(HX_PATH_USAGE),
    get(HX_PATH_USAGE HX_TENANT_ID),
    [HX_ADMINPATH_OWN] = get(HX_PATH_OWN)
};


static int
hx_adminpath_is(const hx_str_t *pattern, const unsigned char *path, size_t len)
{
    size_t  fixed;

    fixed = pattern->len;

    if (pattern->data[fixed - 1] == '}') {
        fixed -= sizeof(HX_TENANT_ID) - 2;          /* all but the slash */

        return len > fixed && memcmp(pattern->data, path, fixed) == 0
               && memchr(path + fixed, '/', len - fixed) == NULL;
    }

    return len == fixed && memcmp(pattern->data, path, fixed) == 0;
}


unsigned
hx_adminpath_match(const unsigned char *path, size_t len)
{
    unsigned  i;

    for (i = 1; i < HX_ADMINPATHS; i++) {
        if (hx_adminpath_is(&hx_paths[i].pattern, path, len)) {
            return i;
        }
    }

    return 0;
}


const hx_adminpath_t *
hx_adminpath(unsigned i)
{
    return &hx_paths[i];
}
