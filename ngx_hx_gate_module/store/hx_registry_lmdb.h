/*
 * hx_registry_lmdb.h -- what the two halves of the embedded registry share;
 * included by hx_registry_lmdb.c and hx_registry_change.c alone.
 */

#ifndef HX_REGISTRY_LMDB_H
#define HX_REGISTRY_LMDB_H

#include "hx_env.h"
#include "hx_registry.h"
#include "hx_registry_cache.h"

#define HX_REGISTRY_DELETED   "deleted"     /* in "meta" */

/* Beyond map_size, for what takes rights away; see hx_registry_room(). */
#define HX_REGISTRY_RESERVE   1048576       /* bytes */
#define HX_REGISTRY_RECORD    131072        /* bytes one change may need */


/* Its databases; names in hx_registry_lmdb.c. */
enum {
    HX_REGISTRY_META = 0,
    HX_REGISTRY_KEYS,
    HX_REGISTRY_TENANTS,
    HX_REGISTRY_DBS
};

struct hx_registry_s {
    hx_env_t             env;           /* its read transaction: of find() */
    size_t               map_size;      /* as configured */
    unsigned             reading:1;
    hx_registry_cache_t *cache;         /* of find() */
};


/* Says that a record does not fit its checksum; always HX_FAIL. */
hx_rc_t hx_registry_damaged(char *err, const hx_str_t *id);

#endif /* HX_REGISTRY_LMDB_H */
