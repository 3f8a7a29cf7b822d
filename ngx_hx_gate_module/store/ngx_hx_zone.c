/*
 * ngx_hx_zone.c -- life cycle of the shared memory.
 *
 * There are two pieces.  nginx's own zone holds the numbers for Prometheus: it
 * outlives reloads and ends with nginx.  The state (hx_state.h) is a file in
 * "state=", /dev/shm unless told otherwise, that outlives nginx and kill -9: it
 * is opened by the master before the workers are forked, and is found again by
 * the names of the zone, the configuration file and the registry.
 *
 * Memory that was laid out by another version of this module is refused rather
 * than misread.
 */

#include "ngx_hx_store.h"


#define NGX_HX_ZONE_MAGIC   0x48583036      /* "HX06": layout of the zone */

#define NGX_HX_BOXES_MIN    8
#define NGX_HX_BOX_MIN      65536           /* bytes */
#define NGX_HX_BOX_MAX      1048576


typedef struct {
    ngx_uint_t        magic;
    size_t            size;
    ngx_hx_shared_t   shared;
} ngx_hx_zone_head_t;


/*
 * What the configuration in force has mapped, and what a new one has opened
 * that is not in force yet, and never is when the reload fails.
 */

typedef struct {
    hx_state_t   *state;
    hx_state_t   *retired;
    hx_state_t   *opened;
    uint32_t      registry;             /* CRC-32 of its directory */
    unsigned      foreign:1;
} ngx_hx_zone_master_t;


static ngx_hx_zone_master_t  ngx_hx_zone_master;


size_t
ngx_hx_zone_shm_size(void)
{
    /* pages for it, and what the slab allocator wants for itself */

    return ngx_align(sizeof(ngx_hx_zone_head_t), ngx_pagesize)
           + 16 * ngx_pagesize;
}


static ngx_int_t
ngx_hx_zone_adopt(ngx_shm_zone_t *shm_zone, ngx_hx_zone_t *zone)
{
    ngx_hx_zone_head_t  *head;

    head = zone->pool->data;

    if (head == NULL || head->magic != NGX_HX_ZONE_MAGIC
        || head->size != sizeof(ngx_hx_zone_head_t))
    {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "hx_gate_zone \"%V\" was laid out by another version "
                      "of the module, restart nginx", &shm_zone->shm.name);
        return NGX_ERROR;
    }

    zone->shared = &head->shared;

    return NGX_OK;
}


static ngx_int_t
ngx_hx_zone_create(ngx_shm_zone_t *shm_zone, ngx_hx_zone_t *zone)
{
    ngx_hx_zone_head_t  *head;

    head = ngx_slab_calloc(zone->pool, sizeof(ngx_hx_zone_head_t));
    if (head == NULL) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "hx_gate_zone \"%V\" has no room for its counters",
                      &shm_zone->shm.name);
        return NGX_ERROR;
    }

    head->magic = NGX_HX_ZONE_MAGIC;
    head->size = sizeof(ngx_hx_zone_head_t);

    zone->pool->data = head;
    zone->shared = &head->shared;

    return NGX_OK;
}


/* Boxes for the workers that are, and those that a reload leaves behind. */

static void
ngx_hx_zone_boxes(const ngx_hx_zone_t *zone, hx_state_conf_t *sc)
{
    ngx_uint_t        n;
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(zone->cycle->conf_ctx,
                                           ngx_core_module);

    n = 3 * (ngx_uint_t) ngx_max(ccf->worker_processes, 1)
        * ngx_max(zone->n_audits, 1);

    n = ngx_max(n, NGX_HX_BOXES_MIN);

    sc->n_boxes = (unsigned) ngx_min(n, HX_STATE_BOXES_MAX);
    sc->box_size = ngx_min(ngx_max(zone->audit_size, NGX_HX_BOX_MIN),
                           NGX_HX_BOX_MAX);
}


/*
 * The name says whose memory it is: the same nginx finds it again, another one
 * on this machine has another.
 */

static ngx_int_t
ngx_hx_zone_path(ngx_shm_zone_t *shm_zone, ngx_hx_zone_t *zone, u_char *path,
    size_t size)
{
    size_t      i;
    u_char     *p, *name;
    ngx_str_t  *conf, *prefix;
    uint32_t    a, b;

    conf = &zone->cycle->conf_file;
    prefix = &zone->cycle->prefix;

    a = ngx_murmur_hash2(conf->data, conf->len)
        ^ ngx_crc32_long(prefix->data, prefix->len);
    b = ngx_crc32_long(zone->registry->data, zone->registry->len);

    p = ngx_snprintf(path, size - 1, "%V/hx-gate-", &zone->conf->state_dir);
    name = p;
    p = ngx_snprintf(p, (size_t) (path + size - 1 - p), "%V-%08xD%08xD",
                     &shm_zone->shm.name, a, b);
    *p = '\0';

    if (p == path + size - 1) {
        return NGX_ERROR;
    }

    for (i = 0; name + i < p; i++) {
        if (name[i] == '/') {
            name[i] = '_';
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_hx_zone_failed(ngx_shm_zone_t *shm_zone, const char *err)
{
    ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                  "hx_gate_zone \"%V\": %s", &shm_zone->shm.name, err);

    return NGX_ERROR;
}


static uint32_t
ngx_hx_zone_registry(const ngx_hx_zone_t *zone)
{
    return ngx_crc32_long(zone->registry->data, zone->registry->len);
}


/* Another size, another name, another registry: nothing is changed yet. */

static ngx_int_t
ngx_hx_zone_prepare(ngx_shm_zone_t *shm_zone, ngx_hx_zone_t *zone,
    const hx_state_conf_t *sc)
{
    char                   err[HX_STATE_ERR];
    hx_rc_t                rc;
    hx_state_t            *old;
    ngx_hx_zone_master_t  *m;

    m = &ngx_hx_zone_master;

    zone->retired = m->state;
    zone->foreign = m->registry != ngx_hx_zone_registry(zone);

    if (m->retired != NULL && m->foreign && hx_state_same(m->retired, sc)) {
        zone->state = m->retired;               /* back to the one before */
        return NGX_OK;
    }

    if (sc->path != NULL) {
        rc = hx_state_open_old(&old, sc->path, err);

        if (rc == HX_OK) {
            hx_state_close(old);
            return ngx_hx_zone_failed(shm_zone, "usage of an earlier "
                                      "configuration is not stored yet, "
                                      "restart nginx");
        }

        if (rc == HX_FAIL) {
            return ngx_hx_zone_failed(shm_zone, err);
        }
    }

    if (hx_state_prepare(&zone->state, m->state, sc, err) != HX_OK) {
        return ngx_hx_zone_failed(shm_zone, err);
    }

    m->opened = zone->state;

    return NGX_OK;
}


static ngx_int_t
ngx_hx_zone_reload(ngx_shm_zone_t *shm_zone, ngx_hx_zone_t *zone,
    const hx_state_conf_t *sc)
{
    ngx_hx_zone_master_t  *m;

    m = &ngx_hx_zone_master;

    zone->foreign = m->foreign;

    if (m->retired != NULL && !m->foreign && !hx_state_done(m->retired)) {
        zone->retired = m->retired;
    }

    if (hx_state_same(m->state, sc)) {
        zone->state = m->state;
        return NGX_OK;
    }

    if (zone->retired != NULL) {
        return ngx_hx_zone_failed(shm_zone, "usage of the configuration "
                                  "before is still being stored, reload once "
                                  "more");
    }

    if (m->retired != NULL && !m->foreign) {
        hx_state_unlink(m->retired);            /* its name is needed */
    }

    return ngx_hx_zone_prepare(shm_zone, zone, sc);
}


static ngx_int_t
ngx_hx_zone_start(ngx_shm_zone_t *shm_zone, ngx_hx_zone_t *zone,
    const hx_state_conf_t *sc)
{
    char  err[HX_STATE_ERR];

    if (hx_state_open(&zone->state, sc, err) != HX_OK) {
        return ngx_hx_zone_failed(shm_zone, err);
    }

    ngx_hx_zone_master.opened = zone->state;

    if (sc->path == NULL) {
        return NGX_OK;
    }

    if (hx_state_open_old(&zone->retired, sc->path, err) == HX_FAIL) {
        return ngx_hx_zone_failed(shm_zone, err);
    }

    return NGX_OK;
}


/*
 * The new configuration is in force: what nobody needs of the one before is
 * unmapped here.  Its workers may have it mapped still, that is their memory.
 */

void
ngx_hx_zone_commit(const ngx_hx_zone_t *zone, ngx_log_t *log)
{
    char                   err[HX_STATE_ERR];
    ngx_hx_zone_master_t  *m;

    m = &ngx_hx_zone_master;

    if (m->retired != NULL && m->retired != zone->state
        && m->retired != zone->retired)
    {
        if (!m->foreign) {
            hx_state_unlink(m->retired);
        }

        hx_state_close(m->retired);
    }

    /* only then: its name ".old" may be needed again */

    if (m->state != NULL && m->opened != NULL && m->opened == zone->state
        && hx_state_replace(zone->state, m->state, err) != HX_OK)
    {
        ngx_log_error(NGX_LOG_ALERT, log, 0, "hx_gate: %s", err);
    }

    if (m->state != zone->state && m->state != zone->retired) {
        hx_state_close(m->state);
    }

    m->state = zone->state;
    m->retired = zone->retired;
    m->opened = NULL;
    m->registry = ngx_hx_zone_registry(zone);
    m->foreign = zone->foreign;
}


static ngx_int_t
ngx_hx_zone_state(ngx_shm_zone_t *shm_zone, ngx_hx_zone_t *zone)
{
    u_char            path[1024];
    hx_state_conf_t   sc;

    sc.path = NULL;
    sc.size = zone->conf->size;
    ngx_hx_zone_boxes(zone, &sc);

    if (zone->conf->state_dir.len != 0) {
        if (ngx_hx_zone_path(shm_zone, zone, path, sizeof(path)) != NGX_OK) {
            return ngx_hx_zone_failed(shm_zone, "the name of its file is too "
                                      "long");
        }

        sc.path = (char *) path;
    }

    /* "nginx -t" beside a running nginx touches nothing */

    if (ngx_test_config) {
        return NGX_OK;
    }

    hx_state_discard(ngx_hx_zone_master.opened);    /* of a failed reload */
    ngx_hx_zone_master.opened = NULL;

    return ngx_hx_zone_master.state != NULL
           ? ngx_hx_zone_reload(shm_zone, zone, &sc)
           : ngx_hx_zone_start(shm_zone, zone, &sc);
}


ngx_int_t
ngx_hx_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_int_t       rc;
    ngx_hx_zone_t  *old = data;
    ngx_hx_zone_t  *zone;

    zone = shm_zone->data;

    if (old != NULL) {                          /* reload, same memory */
        zone->pool = old->pool;
        zone->shared = old->shared;
        rc = NGX_OK;

    } else {
        zone->pool = (ngx_slab_pool_t *) shm_zone->shm.addr;

        rc = shm_zone->shm.exists               /* memory of another process */
             ? ngx_hx_zone_adopt(shm_zone, zone)
             : ngx_hx_zone_create(shm_zone, zone);
    }

    return rc == NGX_OK ? ngx_hx_zone_state(shm_zone, zone) : rc;
}
