/*
 * hx_plan.h -- plans: the four documented ones (contract, section 6), and how
 * one is found in a table.  The table is the caller's: the built-in plans, and
 * what an operator has configured beside or instead of them.  Pure.
 */

#ifndef HX_PLAN_H
#define HX_PLAN_H

#include "hx_buf.h"
#include "hx_limits.h"
#include "hx_text.h"
#include "hx_types.h"

#define HX_QUOTA_UNLIMITED   UINT64_MAX     /* tenths of a CU */

typedef struct {
    hx_str_t   name;            /* 1..HX_PLAN_MAX of [A-Za-z0-9_-] */
    uint32_t   requests;        /* per window; 0 = the gate's default */
    uint32_t   window_s;        /* seconds, 1..HX_WINDOW_SECONDS_MAX; unused
                                 * when requests is 0 */
    uint64_t   quota;           /* tenths of a CU per UTC calendar month */
    unsigned   overage:1;       /* beyond the quota: served and counted */
} hx_plan_t;

/* The one a tenant is on when nobody says otherwise; always built in. */
#define HX_PLAN_DEFAULT      "starter"

#define HX_PLAN_NAMES_MAX    200            /* bytes of hx_plan_names() */

#define HX_DEFAULT_REQUESTS  100            /* [6] */
#define HX_DEFAULT_WINDOW_S  60

/* The four documented plans; lives for ever. */
const hx_plan_t *hx_plan_builtin(unsigned *n);

/* HX_PLAN_DEFAULT of the table, or the built-in one when there is none. */
const hx_plan_t *hx_plan_default(const hx_plan_t *plans, unsigned n);

/*
 * Appends the names, divided by ", ": as many, from the first on, as fit in
 * HX_PLAN_NAMES_MAX bytes, then ", ..." in place of the others.
 */
void hx_plan_names(hx_buf_t *b, const hx_plan_t *plans, unsigned n);


/* The plan of that name in the table, or NULL. */

static inline const hx_plan_t *
hx_plan_find(const hx_plan_t *plans, unsigned n, const unsigned char *name,
    size_t len)
{
    const hx_plan_t  *plan, *end;

    end = plans + n;

    for (plan = plans; plan < end; plan++) {
        if (plan->name.len == len && plan->name.data[0] == name[0]
            && hx_text_same(plan->name.data, name, len))
        {
            return plan;
        }
    }

    return NULL;
}

#endif /* HX_PLAN_H */
