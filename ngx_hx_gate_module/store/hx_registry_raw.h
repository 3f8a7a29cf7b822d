/*
 * hx_registry_raw.h -- registries as records, whatever these say: what a tool
 * copies and compares.  Blocks; not for an event loop.
 */

#ifndef HX_REGISTRY_RAW_H
#define HX_REGISTRY_RAW_H

#include "hx_registry.h"

typedef enum {
    HX_RAW_SAME = 0,
    HX_RAW_DIFFERS,
    HX_RAW_MISSING,                     /* in the second */
    HX_RAW_EXTRA                        /* in the second alone */
} hx_raw_t;

/* value: of the first; of an EXTRA that of the second. */
typedef int (*hx_raw_each_pt)(void *data, hx_raw_t how, const hx_str_t *key,
    const hx_str_t *value);

/*
 * Walks through one database (HX_WRITESET_*) of two registries, bytewise
 * ascending, each as one transaction left it; until each() returns non-zero.
 * Names in "meta" that say nothing of tenants (the version, what a replica has
 * for itself) are passed over.  HX_OK, or HX_FAIL and a text.
 */
hx_rc_t hx_registry_compare(hx_registry_t *a, hx_registry_t *b, unsigned db,
    hx_raw_each_pt each, void *data, char *err);

/* A copy of one value: HX_OK, NO; HX_FAIL, also when it is longer than cap. */
hx_rc_t hx_registry_value(hx_registry_t *reg, unsigned db, const hx_str_t *key,
    unsigned char *value, size_t cap, size_t *len, char *err);

/* A number that is another one after every change, by whomever. */
uint64_t hx_registry_state(hx_registry_t *reg);

/*
 * Writes these writesets, all or none, into a registry that is no replica.
 * HX_OK; HX_NO: its state is another one than that, nothing was written;
 * HX_FAIL and a text.
 */
hx_rc_t hx_registry_restore(hx_registry_t *reg, const hx_str_t *writeset,
    size_t n, uint64_t state, char *err);

#endif /* HX_REGISTRY_RAW_H */
