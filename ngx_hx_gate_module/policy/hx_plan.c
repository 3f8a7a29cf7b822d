/*
 * hx_plan.c -- the four built-in plans as data, and the list of names that a
 * message can hold; see the header.
 */

#include "hx_plan.h"


#define HX_PLAN_MORE   ", ..."


static const hx_plan_t  hx_plans[] = {

    /* the default has to be the first */
    { hx_string(HX_PLAN_DEFAULT), 10, 60, 10000, 0 },
    { hx_string("builder"), 100, 60, 500000, 1 },
    { hx_string("pro"), 1000, 60, 5000000, 1 },
    { hx_string("enterprise"), 0, 0, HX_QUOTA_UNLIMITED, 1 },
};


const hx_plan_t *
hx_plan_builtin(unsigned *n)
{
    *n = hx_nelts(hx_plans);

    return hx_plans;
}


const hx_plan_t *
hx_plan_default(const hx_plan_t *plans, unsigned n)
{
    const hx_plan_t  *plan;

    plan = hx_plan_find(plans, n, hx_plans[0].name.data,
                        hx_plans[0].name.len);

    return plan != NULL ? plan : &hx_plans[0];
}


void
hx_plan_names(hx_buf_t *b, const hx_plan_t *plans, unsigned n)
{
    size_t    used, need;
    unsigned  i;

    used = 0;

    for (i = 0; i < n; i++) {
        need = plans[i].name.len + (i != 0 ? 2 : 0);

        /* the last name needs no room for the mark behind it */

        if (used + need + (i + 1 < n ? sizeof(HX_PLAN_MORE) - 1 : 0)
            > HX_PLAN_NAMES_MAX)
        {
            hx_buf_lit(b, HX_PLAN_MORE);
            return;
        }

        if (i != 0) {
            hx_buf_lit(b, ", ");
        }

        hx_buf_add(b, plans[i].name.data, plans[i].name.len);
        used += need;
    }
}
