/*
 * hx_plan.h -- the documented plans (contract, section 6).  Pure.
 */

#ifndef HX_PLAN_H
#define HX_PLAN_H

#include "hx_types.h"

#define HX_QUOTA_UNLIMITED   UINT64_MAX     /* tenths of a CU */

typedef struct {
    hx_str_t   name;
    uint32_t   requests;        /* per window; 0 = the gate's default */
    uint32_t   window_s;        /* seconds */
    uint64_t   quota;           /* tenths of a CU per UTC calendar month */
    unsigned   overage:1;       /* beyond the quota: served and counted */
} hx_plan_t;

#define HX_PLAN_NAMES        "starter, builder, pro, enterprise"

#define HX_DEFAULT_REQUESTS  100            /* [6] */
#define HX_DEFAULT_WINDOW_S  60

/* The built-in plan of that name, or NULL. */
const hx_plan_t *hx_plan_find(const unsigned char *name, size_t len);

#endif /* HX_PLAN_H */
