/*
 * ngx_hx_gate_conf.h -- the configuration as it is in force.  Written while
 * nginx reads its files, const from then on; part of ngx_hx_gate.h.
 */

#ifndef NGX_HX_GATE_CONF_H
#define NGX_HX_GATE_CONF_H

#include "ngx_hx_compat.h"
#include "ngx_hx_store.h"

#include "hx_adminpath.h"
#include "hx_apikey.h"
#include "hx_audit.h"
#include "hx_billing.h"
#include "hx_chain.h"
#include "hx_limit.h"
#include "hx_origin.h"
#include "hx_route.h"


/* When is a record where it is to be?  Before the last byte of its response
 * leaves: */
typedef enum {
    NGX_HX_BUFFERED = 0,                /* not known */
    NGX_HX_WRITE,                       /* in the file */
    NGX_HX_FSYNC                        /* on the disk */
} ngx_hx_durability_t;


/* One audit file, as configured. */
typedef struct {
    ngx_open_file_t         *file;
    size_t                   size;      /* bytes of the buffer */
    ngx_msec_t               flush;     /* a record waits no longer; 0 = each
                                         * is written at once */
    ngx_uint_t               durability;        /* ngx_hx_durability_t */
    unsigned                 required:1;        /* no record, no request */
    unsigned                 extended:1;
    unsigned                 chain:1;
    unsigned                 early:1;   /* a record is made before the last
                                         * byte leaves */
    hx_sign_t               *key;       /* of checkpoints; NULL = not signed */
    ngx_str_t                key_file;
    ngx_str_t                node;
    ngx_uint_t               checkpoint;        /* records between two */
    ngx_msec_t               interval;  /* or time */
    ngx_syslog_peer_t       *syslog;    /* a second sink, or NULL */
    ngx_str_t                syslog_conf;
    struct ngx_hx_trail_s   *trail;     /* what a worker knows of it */
} ngx_hx_audit_t;


typedef enum {
    NGX_HX_HANDLER_NONE = 0,
    NGX_HX_HANDLER_ADMIN,
    NGX_HX_HANDLER_HEALTH,
    NGX_HX_HANDLER_READY,
    NGX_HX_HANDLER_METRICS,
    NGX_HX_HANDLER_WEBHOOK
} ngx_hx_handler_t;


/* shadow: decide and record, never refuse */
typedef enum {
    NGX_HX_MODE_OFF = 0,
    NGX_HX_MODE_ON,
    NGX_HX_MODE_SHADOW
} ngx_hx_mode_t;


/* Whose window it is, in a fleet. */
typedef enum {
    NGX_HX_SYNC_LOCAL = 0,              /* this node's */
    NGX_HX_SYNC_STRICT,                 /* all nodes', asked by each request */
    NGX_HX_SYNC_LEASE                   /* all nodes', many permits ahead */
} ngx_hx_rate_sync_t;

/* When it cannot be asked. */
typedef enum {
    NGX_HX_ERROR_LOCAL = 0,             /* this node's own window */
    NGX_HX_ERROR_CLOSED,                /* 503 */
    NGX_HX_ERROR_OPEN                   /* let through */
} ngx_hx_rate_error_t;


/* Who may read answers from a browser. */
typedef struct {
    ngx_array_t              *origins;  /* of hx_str_t */
    ngx_str_t                 max_age;  /* seconds, as text */
    unsigned                  any:1;    /* "*"; there are no origins then */
    unsigned                  credentials:1;
} ngx_hx_cors_t;


/* Where a block of the configuration begins. */
typedef struct {
    ngx_str_t                 file;     /* len 0 = in no file */
    ngx_uint_t                line;
} ngx_hx_place_t;


/* Who may send events, and how old they are at most. */
typedef struct {
    ngx_array_t               secrets;  /* of ngx_str_t */
    time_t                    tolerance;        /* seconds */
} ngx_hx_webhook_conf_t;


typedef struct {
    ngx_shm_zone_t           *zone;
    ngx_shm_zone_t           *leases;           /* NULL = nobody has any; its
                                                 * data is the table */
    ngx_hx_zone_conf_t        zone_conf;
    ngx_hx_registry_conf_t    registry;
    ngx_str_t                 service_key;
    ngx_str_t                 authorization;    /* "Bearer <service key>" */
    ngx_array_t               audits;           /* of ngx_hx_audit_t * */
    ngx_array_t               operations;       /* of ngx_array_t *, of
                                                 * hx_operation_t */
    unsigned                  admin_routes[HX_ADMINPATHS];
                                                /* of them in metrics, set when
                                                 * a worker begins */
    ngx_array_t               plans;            /* of hx_plan_t, the built-in
                                                 * ones first */
    uint64_t                  plans_configured; /* bits: not as built in */
    ngx_array_t               prices;           /* of hx_billing_price_t */
    hx_rate_t                 default_rate;     /* where neither tenant nor plan
                                                 * has one */
    ngx_hx_cors_t            *cors;             /* of the environment; NULL =
                                                 * off, unset = not asked */
    ngx_thread_pool_t        *threads;          /* where the admin plane and
                                                 * the metrics may block */
    ngx_uint_t                hash_tenant;      /* of header names we add */
    ngx_uint_t                hash_namespace;
    ngx_uint_t                hash_request_id;
    const ngx_hx_place_t     *place;            /* that it was used at first */
    unsigned                  unrecorded:1;     /* it has been said */
    unsigned                  webhooks:1;       /* there are some */
    unsigned                  shared_windows:1; /* the same: all nodes' */
    unsigned                  used:1;           /* somewhere the gate is on, or
                                                 * there is an admin plane */
} ngx_hx_main_conf_t;


typedef struct {
    ngx_flag_t                enable;           /* as configured, inherited */
    ngx_flag_t                shadow;           /* enable, but never refuse */
    ngx_flag_t                gated;            /* in force: not where one of
                                                 * our handlers answers */
    ngx_uint_t                rate_limit;       /* ngx_hx_mode_t */
    ngx_uint_t                rate_sync;        /* ngx_hx_rate_sync_t */
    ngx_uint_t                rate_error;       /* ngx_hx_rate_error_t */
    ngx_flag_t                rate_fields;      /* RateLimit and its policy */
    ngx_flag_t                billing;          /* quotas are enforced; known
                                                 * where gated, and where the
                                                 * admin plane is */
    ngx_uint_t                key_format;       /* hx_apikey_format_t */
    size_t                    max_upload;       /* bytes of decoded payload */
    ngx_array_t              *operations;       /* of hx_operation_t */
    ngx_hx_audit_t           *audit;            /* NULL = off */
    ngx_hx_cors_t            *cors;             /* NULL = off; known where
                                                 * gated */
    ngx_str_t                 cors_methods;     /* of all operations */
    ngx_uint_t                handler;          /* ngx_hx_handler_t */
    ngx_hx_place_t            place;            /* for messages */
    ngx_hx_webhook_conf_t    *webhook;          /* NULL = none */
    unsigned                  handled:1;        /* its events are the gate's,
                                                 * not an upstream's */
} ngx_hx_loc_conf_t;

#endif /* NGX_HX_GATE_CONF_H */
