/*
 * ngx_hx_registry.c -- this worker's registry: opened after fork, looked after
 * once a second, asked on the event loop, lent to threads.
 *
 * A registry that cannot be opened or read never stops a worker and never lets
 * anybody in: questions answer FAIL until it is back.
 */

#include "ngx_hx_fleet.h"


#define NGX_HX_REGISTRY_TICK   1000     /* ms */


typedef struct {
    const ngx_hx_registry_conf_t  *conf;
    ngx_hx_shared_t               *shared;
    hx_registry_t                 *reg;
    ngx_log_t                     *log;
    ngx_uint_t                     lent;
    time_t                         logged;      /* last complaint */
    ngx_event_t                    tick;
    ngx_connection_t               dummy;       /* ngx_event_ident() wants it */
} ngx_hx_registry_worker_t;


static ngx_hx_registry_worker_t  ngx_hx_registry;


static void
ngx_hx_registry_complain(ngx_uint_t level, ngx_log_t *log, const char *what,
    const char *err)
{
    if (ngx_hx_registry.logged == ngx_time()) {
        return;
    }

    ngx_hx_registry.logged = ngx_time();

    ngx_log_error(level, log, 0, "hx_gate: registry \"%V\" %s: %s",
                  &ngx_hx_registry.conf->dir, what, err);
}


static void
ngx_hx_registry_open(void)
{
    char                           err[HX_REGISTRY_ERR];
    ngx_atomic_uint_t              seen;
    hx_registry_conf_t             rc;
    const ngx_hx_registry_conf_t  *conf;

    conf = ngx_hx_registry.conf;
    seen = ngx_crc32_long(conf->dir.data, conf->dir.len);

    ngx_memzero(&rc, sizeof(hx_registry_conf_t));

    rc.dir = (const char *) conf->dir.data;
    rc.map_size = conf->map_size;
    rc.max_readers = (unsigned) conf->max_readers;
    rc.replica = conf->fleet != NULL;
    rc.existing = !rc.replica
                  && ngx_hx_registry.shared->registry_seen == seen;

    if (hx_registry_open(&ngx_hx_registry.reg, &rc, err) != HX_OK) {
        ngx_hx_registry_complain(NGX_LOG_CRIT, ngx_hx_registry.log,
                                 "cannot be opened, requests get 503", err);
        return;
    }

    ngx_hx_registry.shared->registry_seen = seen;
    ngx_hx_registry.shared->registry_at = (ngx_atomic_uint_t) ngx_time();
}


static void
ngx_hx_registry_tick(ngx_event_t *ev)
{
    char  err[HX_REGISTRY_ERR];

    if (ngx_hx_registry.reg != NULL
        && hx_registry_refresh(ngx_hx_registry.reg, err) != HX_OK)
    {
        ngx_hx_registry_complain(NGX_LOG_CRIT, ngx_hx_registry.log,
                                 "is gone or does not answer", err);

        /* a thread may still be in it: then the next tick closes it */

        if (ngx_hx_registry.lent == 0) {
            hx_registry_close(ngx_hx_registry.reg);
            ngx_hx_registry.reg = NULL;
        }
    }

    if (ngx_hx_registry.reg == NULL) {
        ngx_hx_registry_open();
    }

    if (ngx_hx_registry.reg != NULL) {
        ngx_hx_registry.shared->registry_at = (ngx_atomic_uint_t) ngx_time();
    }

    if (!ngx_exiting) {
        ngx_add_timer(ev, NGX_HX_REGISTRY_TICK);
    }
}


ngx_int_t
ngx_hx_registry_init(const ngx_hx_registry_conf_t *conf,
    ngx_hx_shared_t *shared, ngx_cycle_t *cycle)
{
    ngx_event_t  *ev;

    ngx_memzero(&ngx_hx_registry, sizeof(ngx_hx_registry_worker_t));

    ngx_hx_registry.conf = conf;
    ngx_hx_registry.shared = shared;
    ngx_hx_registry.log = cycle->log;
    ngx_hx_registry.dummy.fd = (ngx_socket_t) -1;

    ngx_hx_registry_open();

    ev = &ngx_hx_registry.tick;
    ev->handler = ngx_hx_registry_tick;
    ev->data = &ngx_hx_registry.dummy;
    ev->log = cycle->log;
    ev->cancelable = 1;

    ngx_add_timer(ev, NGX_HX_REGISTRY_TICK);

    return NGX_OK;
}


void
ngx_hx_registry_exit(void)
{
    /* threads are gone by now: the thread pool module exits first */

    hx_registry_close(ngx_hx_registry.reg);
    ngx_hx_registry.reg = NULL;
}


hx_rc_t
ngx_hx_registry_find(const u_char hash[HX_SHA256_LEN], ngx_pool_t *pool,
    hx_str_t *record, ngx_log_t *log)
{
    char        err[HX_REGISTRY_ERR];
    u_char     *p;
    hx_rc_t     rc;
    ngx_uint_t  level;

    if (ngx_hx_registry.reg == NULL) {
        return HX_FAIL;
    }

    if (!ngx_hx_fleet_trusted()) {
        ngx_hx_registry_complain(NGX_LOG_ERR, log, "is not to be believed",
                                 "Redis was not reached for max_stale");
        return HX_FAIL;
    }

    rc = hx_registry_find(ngx_hx_registry.reg, hash, record, err);

    if (rc == HX_OK) {
        p = ngx_pnalloc(pool, record->len);

        if (p == NULL) {
            rc = HX_FAIL;
            ngx_memcpy(err, "no memory", sizeof("no memory"));

        } else {
            ngx_memcpy(p, record->data, record->len);
            record->data = p;
        }
    }

    hx_registry_release(ngx_hx_registry.reg);

    if (rc == HX_FAIL) {
        level = ngx_hx_fleet_on() ? NGX_LOG_ERR : NGX_LOG_CRIT;
        ngx_hx_registry_complain(level, log, "look-up failed", err);
    }

    return rc;
}


hx_registry_t *
ngx_hx_registry_borrow(void)
{
    if (ngx_hx_registry.reg != NULL) {
        ngx_hx_registry.lent++;
    }

    return ngx_hx_registry.reg;
}


void
ngx_hx_registry_return(void)
{
    ngx_hx_registry.lent--;
}


ngx_uint_t
ngx_hx_registry_ready(void)
{
    return ngx_hx_registry.reg != NULL && ngx_hx_fleet_trusted();
}
