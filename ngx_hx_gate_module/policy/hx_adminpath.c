/*
 * hx_adminpath.c -- which of its own paths the gate was asked for.
 */

#include <string.h>

#include "hx_adminpath.h"


#define HX_TENANT_ID        "/{tenant_id}"

#define get(path, name)                                                       \
    { hx_string("GET"), hx_string(path), hx_string(name) }
#define post(path, name)                                                      \
    { hx_string("POST"), hx_string(path), hx_string(name) }

static const hx_adminpath_t  hx_paths[HX_ADMINPATHS] = {
#define X(call, name)                                                         \
    [HX_ADMINPATH_CALLS + HX_ADMIN_##call] = post(HX_PATH_ONBOARD name, name),
    HX_ADMIN_CALL_NAMES(X)
#undef X
    [HX_ADMINPATH_TENANTS] = get(HX_PATH_TENANTS, "list-tenants"),
    [HX_ADMINPATH_TENANT] = get(HX_PATH_TENANTS HX_TENANT_ID, "get-tenant"),
    [HX_ADMINPATH_USAGES] = get(HX_PATH_USAGE, "list-usage"),
    [HX_ADMINPATH_USAGE] = get(HX_PATH_USAGE HX_TENANT_ID, "get-usage"),
    [HX_ADMINPATH_OWN] = get(HX_PATH_OWN, "own-usage"),
    [HX_ADMINPATH_WEBHOOK] = post(HX_PATH_WEBHOOK, "stripe-webhook")
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
