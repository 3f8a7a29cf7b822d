/*
 * hx_limit.h -- what holds for a tenant: its own override, then its plan, then
 * the gate's default.  Pure; asked once for every request.
 */

#ifndef HX_LIMIT_H
#define HX_LIMIT_H

#include "hx_plan.h"
#include "hx_tenant.h"
#include "hx_types.h"
#include "hx_window.h"

typedef struct {
    hx_rate_t   rate;               /* always one that hx_window_take() knows,
                                     * when the default and the plans are */
    uint64_t    quota;              /* tenths of a CU per UTC calendar month, or
                                     * HX_QUOTA_UNLIMITED */
    unsigned    overage:1;          /* beyond the quota: served and counted */
    unsigned    unknown_plan:1;     /* worth a line in the error log */
} hx_limit_t;

/*
 * Fills *out for the tenant; plans: the n plans there are; dflt: the rate of a
 * tenant that has none otherwise.
 *
 * An override of the quota keeps the overage flag of the plan.  An override of
 * the rate whose window is not 1 s .. 31 days (no admin call makes one) does
 * not count.
 *
 * A plan that is not in the table (any more) must not open the gate: such a
 * tenant has the default rate, the quota and the overage flag of the plan
 * "starter" as the table has it (as hx_plan_builtin() has it when the table has
 * none), its own overrides as ever, and unknown_plan is set.
 */
void hx_limit_resolve(hx_limit_t *out, const hx_tenant_t *t,
    const hx_plan_t *plans, unsigned n, const hx_rate_t *dflt);

#endif /* HX_LIMIT_H */
