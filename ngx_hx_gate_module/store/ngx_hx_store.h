/*
 * ngx_hx_store.h -- the nginx-facing half of the stores: shared memory, and
 * this worker's handle on the registry.
 */

#ifndef NGX_HX_STORE_H
#define NGX_HX_STORE_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_thread_pool.h>

#include "hx_box.h"
#include "hx_metrics.h"
#include "hx_metrics_fleet.h"
#include "hx_outcome.h"
#include "hx_registry.h"
#include "hx_state.h"
#include "hx_usage.h"


/* What all workers count together; in nginx's own zone. */
typedef struct {
    ngx_atomic_t   registry_seen;       /* CRC-32 of the directory that a
                                         * registry was open in, 0 = none */
    ngx_atomic_t   usage_seen;          /* the same of the usage store */
    ngx_atomic_t   registry_at;         /* second in which it answered last */
    ngx_atomic_t   flushed_at;          /* second in which usage was stored */
    ngx_atomic_t   fleet_at;            /* ngx_current_msec when the replica was
                                         * last known to be where Redis is; 0 =
                                         * never */
    ngx_atomic_t   fleet_tried;         /* and when somebody looked */
    ngx_atomic_t   fleet_of;            /* the registry that these two are of:
                                         * CRC-32 of the replica's directory */
    ngx_atomic_t   fleet_usage_at;      /* second in which all usage was
                                         * exchanged with Redis, 0 = never */
    ngx_atomic_t   fleet_usage_tried;   /* ngx_current_msec when somebody was
                                         * last seen at it */
    hx_metrics_t   metrics;
    hx_metrics_fleet_t  fleet;
} ngx_hx_shared_t;

typedef struct {
    size_t       size;                  /* bytes */
    ngx_str_t    state_dir;             /* NUL-terminated; len 0 = none: what is
                                         * counted ends with nginx */
} ngx_hx_zone_conf_t;

typedef struct {
    ngx_hx_shared_t           *shared;  /* NULL until the zone is mapped */
    ngx_slab_pool_t           *pool;
    hx_state_t                *state;
    hx_state_t                *retired; /* of the configuration before, until
                                         * all that it counts is stored */
    const ngx_hx_zone_conf_t  *conf;
    const ngx_str_t           *registry;    /* its directory */
    ngx_cycle_t               *cycle;   /* that the configuration is of */
    ngx_uint_t                 n_audits;
    size_t                     audit_size;  /* bytes, the largest buffer */
    unsigned                   foreign:1;   /* "retired" belongs to another
                                             * registry: its own workers store
                                             * what it counts */
} ngx_hx_zone_t;

typedef struct ngx_hx_fleet_conf_s  ngx_hx_fleet_conf_t;

typedef struct {
    ngx_str_t    dir;                   /* NUL-terminated; len 0 = not set; of a
                                         * fleet: of the replica */
    ngx_str_t    usage_dir;             /* the same of the usage store */
    ngx_hx_fleet_conf_t  *fleet;        /* NULL: the registry is this node's */
    size_t       map_size;              /* bytes */
    ngx_uint_t   max_readers;
    size_t       usage_map_size;        /* bytes */
    ngx_msec_t   usage_flush;           /* usage waits no longer in memory */
} ngx_hx_registry_conf_t;

#define NGX_HX_ZONE_MIN   (256 * 1024)  /* bytes */


/* ngx_hx_zone.c */

/* The shm_zone.init of hx_gate_zone; data is a ngx_hx_zone_t. */
ngx_int_t ngx_hx_zone_init(ngx_shm_zone_t *shm_zone, void *data);

/* The configuration that the zone is of is in force from here on. */
void ngx_hx_zone_commit(const ngx_hx_zone_t *zone, ngx_log_t *log);

/* Bytes of nginx's own zone. */
size_t ngx_hx_zone_shm_size(void);


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


/* ngx_hx_usage.c: the store of usage, one per worker, opened after fork */

ngx_int_t ngx_hx_usage_init(const ngx_hx_registry_conf_t *conf,
    ngx_hx_zone_t *zone, ngx_thread_pool_t *threads, ngx_cycle_t *cycle);

/* Stores what is charged, and closes it. */
void ngx_hx_usage_exit(void);

/* As ngx_hx_registry_borrow() and its return. */
hx_usage_t *ngx_hx_usage_borrow(void);
void ngx_hx_usage_return(void);

/* hx_usage_total() of this worker's; FAIL is logged, once a second at most. */
hx_rc_t ngx_hx_usage_total(unsigned month, const hx_str_t *id,
    const u_char *sources, size_t n, uint64_t *tenths);

#endif /* NGX_HX_STORE_H */
