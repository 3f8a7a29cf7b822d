/*
 * ngx_hx_conf_limits.c -- what bounds a tenant: its plan, and the default rate
 * where the plan has none.
 */

#include "ngx_hx_conf.h"


ngx_int_t
ngx_hx_conf_limits_init(ngx_conf_t *cf, ngx_hx_main_conf_t *mcf)
{
    unsigned          n;
    hx_plan_t        *plan;
    const hx_plan_t  *builtin;

    builtin = hx_plan_builtin(&n);

    if (ngx_array_init(&mcf->plans, cf->pool, HX_PLANS_MAX, sizeof(hx_plan_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    plan = ngx_array_push_n(&mcf->plans, n);
    if (plan == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(plan, builtin, n * sizeof(hx_plan_t));

    mcf->default_rate.requests = HX_DEFAULT_REQUESTS;
    mcf->default_rate.window_s = HX_DEFAULT_WINDOW_S;

    return NGX_OK;
}
