/*
 * hx_plan.c -- the four built-in plans as data; see the header.
 */

#include <string.h>

#include "hx_plan.h"


static const hx_plan_t  hx_plans[] = {
    { hx_string("starter"), 10, 60, 10000, 0 },
    { hx_string("builder"), 100, 60, 500000, 1 },
    { hx_string("pro"), 1000, 60, 5000000, 1 },
    { hx_string("enterprise"), 0, 0, HX_QUOTA_UNLIMITED, 1 },
};


const hx_plan_t *
hx_plan_find(const unsigned char *name, size_t len)
{
    size_t  i;

    for (i = 0; i < hx_nelts(hx_plans); i++) {
        if (hx_plans[i].name.len == len
            && memcmp(hx_plans[i].name.data, name, len) == 0)
        {
            return &hx_plans[i];
        }
    }

    return NULL;
}
