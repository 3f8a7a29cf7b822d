/*
 * hx_limit.c -- rate and quota of a tenant; see the header for what precedes
 * what.
 */

#include "hx_limit.h"


static inline void
hx_limit_set(hx_limit_t *out, const hx_tenant_t *t, const hx_plan_t *plan,
    hx_rate_t rate, unsigned unknown)
{
    /* one comparison for both ends: 0 - 1 is beyond the upper one */

    if (t->requests != 0 && t->window_s - 1 < HX_WINDOW_SECONDS_MAX) {
        rate.requests = t->requests;
        rate.window_s = t->window_s;
    }

    out->rate = rate;
    out->quota = t->quota != HX_TENANT_NONE ? t->quota : plan->quota;
    out->overage = plan->overage;
    out->unknown_plan = unknown;
}


/*
 * What is left of a plan that nobody has configured.  Out of line, so that the
 * usual way has no call and no registers to save for one.
 */

__attribute__((noinline)) static void
hx_limit_unknown(hx_limit_t *out, const hx_tenant_t *t,
    const hx_plan_t *plans, unsigned n, const hx_rate_t *dflt)
{
    hx_limit_set(out, t, hx_plan_default(plans, n), *dflt, 1);
}


void
hx_limit_resolve(hx_limit_t *out, const hx_tenant_t *t,
    const hx_plan_t *plans, unsigned n, const hx_rate_t *dflt)
{
    hx_rate_t         rate;
    const hx_plan_t  *plan;

    plan = hx_plan_find(plans, n, t->plan.data, t->plan.len);

    if (plan == NULL) {
        hx_limit_unknown(out, t, plans, n, dflt);
        return;
    }

    rate.requests = plan->requests;
    rate.window_s = plan->window_s;

    hx_limit_set(out, t, plan, rate.requests != 0 ? rate : *dflt, 0);
}
