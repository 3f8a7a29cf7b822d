/*
 * ngx_hx_store.h -- the nginx-facing half of the stores: shared memory, and
 * this worker's handle on the registry.
 */

#ifndef NGX_HX_STORE_H
#define NGX_HX_STORE_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "hx_outcome.h"
#include "hx_registry.h"


/* Counters of all workers; in the zone, updated atomically. */
typedef struct {
    ngx_atomic_t   outcome[HX_OUTCOME_COUNT];
    ngx_atomic_t   audit_lines;         /* handed to the writer */
    ngx_atomic_t   audit_errors;        /* write() that failed or was short */
    ngx_atomic_t   audit_lost;          /* records that will never be written */
    ngx_atomic_t   store_failures;      /* questions answered FAIL */
    ngx_atomic_t   registry_seen;       /* CRC-32 of the directory that a
                                         * registry was open in, 0 = none */
} ngx_hx_shared_t;

typedef struct {
    ngx_hx_shared_t  *shared;           /* NULL until the zone is mapped */
    ngx_slab_pool_t  *pool;
} ngx_hx_zone_t;

typedef struct {
    size_t       size;                  /* bytes */
    ngx_str_t    state_dir;             /* NUL-terminated; len 0 = none: what is
                                         * counted ends with nginx */
} ngx_hx_zone_conf_t;

typedef struct {
    ngx_str_t    dir;                   /* NUL-terminated; len 0 = not set */
    size_t       map_size;              /* bytes */
    ngx_uint_t   max_readers;
    size_t       usage_map_size;        /* bytes */
    ngx_msec_t   usage_flush;           /* usage waits no longer in memory */
} ngx_hx_registry_conf_t;

#define NGX_HX_ZONE_MIN   (256 * 1024)  /* bytes */


/* ngx_hx_zone.c */

/* The shm_zone.init of hx_gate_zone; data is a ngx_hx_zone_t. */
ngx_int_t ngx_hx_zone_init(ngx_shm_zone_t *shm_zone, void *data);


/* ngx_hx_registry.c: one registry per worker, opened after fork */

/*
 * Opens the registry; when that fails, says so and tries again once a second:
 * the worker runs, and every question is answered FAIL meanwhile.
 */
ngx_int_t ngx_hx_registry_init(const ngx_hx_registry_conf_t *conf,
    ngx_hx_shared_t *shared, ngx_cycle_t *cycle);
void ngx_hx_registry_exit(void);

/*
 * The record behind a key hash, copied to the pool.  OK, NO or FAIL; a failure
 * is logged, once a second at most.
 */
hx_rc_t ngx_hx_registry_find(const u_char hash[HX_SHA256_LEN],
    ngx_pool_t *pool, hx_str_t *record, ngx_log_t *log);

/*
 * Borrow the handle for a thread; NULL while the registry is not open.  It
 * stays open until the same number of ngx_hx_registry_return().
 */
hx_registry_t *ngx_hx_registry_borrow(void);
void ngx_hx_registry_return(void);

/* Can questions be answered now? */
ngx_uint_t ngx_hx_registry_ready(void);

#endif /* NGX_HX_STORE_H */
