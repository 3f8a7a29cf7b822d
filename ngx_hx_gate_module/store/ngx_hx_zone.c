/*
 * ngx_hx_zone.c -- life cycle of the shared memory zone.
 *
 * The zone outlives reloads: counters go on.  A zone that was laid out by
 * another version of this module is refused rather than misread.
 */

#include "ngx_hx_store.h"


#define NGX_HX_ZONE_MAGIC   0x48583032      /* "HX02": layout of the zone */

typedef struct {
    ngx_uint_t        magic;
    size_t            size;
    ngx_hx_shared_t   shared;
} ngx_hx_zone_head_t;


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


ngx_int_t
ngx_hx_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_hx_zone_t       *old = data;
    ngx_hx_zone_t       *zone;
    ngx_hx_zone_head_t  *head;

    zone = shm_zone->data;

    if (old != NULL) {                          /* reload, same memory */
        zone->pool = old->pool;
        zone->shared = old->shared;
        return NGX_OK;
    }

    zone->pool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (shm_zone->shm.exists) {                 /* memory of another process */
        return ngx_hx_zone_adopt(shm_zone, zone);
    }

    head = ngx_slab_calloc(zone->pool, sizeof(ngx_hx_zone_head_t));
    if (head == NULL) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "hx_gate_zone \"%V\" is too small",
                      &shm_zone->shm.name);
        return NGX_ERROR;
    }

    head->magic = NGX_HX_ZONE_MAGIC;
    head->size = sizeof(ngx_hx_zone_head_t);

    zone->pool->data = head;
    zone->shared = &head->shared;

    return NGX_OK;
}
