/*
 * hx_audit_tenants.h -- the registry of a gate, read and nothing else: LMDB is
 * opened read-only, no file is made, no record changed, the gate may be
 * running.  Layout: hx_registry.h.
 */

#ifndef HX_AUDIT_TENANTS_H
#define HX_AUDIT_TENANTS_H

#include "hx_tenant.h"

#define HX_TENANTS_ERR   256

typedef struct hx_tenants_s  hx_tenants_t;

/* HX_OK; HX_FAIL and a text in err (HX_TENANTS_ERR bytes). */
hx_rc_t hx_tenants_open(hx_tenants_t **out, const char *dir, char *err);

/* NULL is fine. */
void hx_tenants_close(hx_tenants_t *ts);

/*
 * HX_OK and *t, whose strings hold until hx_tenants_close(): one state of the
 * registry answers all questions.  HX_NO: no such tenant; HX_FAIL: text in err.
 */
hx_rc_t hx_tenants_get(hx_tenants_t *ts, const hx_str_t *id, hx_tenant_t *t,
    char *err);

/*
 * All of them, until each() returns non-zero: HX_OK, or HX_FAIL and a text in
 * err; a damaged record is one.
 */
hx_rc_t hx_tenants_each(hx_tenants_t *ts,
    int (*each)(void *data, const hx_tenant_t *t), void *data, char *err);

#endif /* HX_AUDIT_TENANTS_H */
