/*
 * ngx_hx_conf_rate.c -- hx_gate_rate_limit: whether there is a limit, whose
 * window it is, and what holds when that cannot be asked.
 */

#include "ngx_hx_conf.h"

#include "hx_crypto.h"
#include "hx_lease_table.h"


#define NGX_HX_LEASES   16384           /* tenants; 256 bytes each */


static ngx_conf_enum_t  ngx_hx_syncs[] = {
    { ngx_string("local"), NGX_HX_SYNC_LOCAL },
    { ngx_string("strict"), NGX_HX_SYNC_STRICT },
    { ngx_string("lease"), NGX_HX_SYNC_LEASE },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_hx_errors[] = {
    { ngx_string("local"), NGX_HX_ERROR_LOCAL },
    { ngx_string("closed"), NGX_HX_ERROR_CLOSED },
    { ngx_string("open"), NGX_HX_ERROR_OPEN },
    { ngx_null_string, 0 }
};


static ngx_int_t
ngx_hx_leases_init(ngx_shm_zone_t *shm_zone, void *data)
{
    void             *memory;
    size_t            size;
    u_char            random[HX_LEASE_TABLE_NODE / 2];
    ngx_slab_pool_t  *pool;

    pool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (data != NULL || shm_zone->shm.exists) {
        shm_zone->data = pool->data;            /* as it was */
        return NGX_OK;
    }

    size = hx_lease_table_size(NGX_HX_LEASES);
    memory = ngx_slab_calloc(pool, size);

    if (memory == NULL) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "hx_gate: no memory for leases");
        return NGX_ERROR;
    }

    if (hx_random_secret(random, sizeof(random)) != HX_OK) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "hx_gate: no random bytes for leases");
        return NGX_ERROR;
    }

    shm_zone->data = hx_lease_table_init(memory, NGX_HX_LEASES, random);
    pool->data = shm_zone->data;

    return shm_zone->data != NULL ? NGX_OK : NGX_ERROR;
}


static char *
ngx_hx_conf_leases(ngx_conf_t *cf)
{
    ngx_hx_main_conf_t  *mcf;

    static ngx_str_t  name = ngx_string("hx_gate_leases");

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_hx_gate_module);

    if (mcf->leases != NULL) {
        return NGX_CONF_OK;
    }

    /* what the slab allocator wants for itself, generously */

    mcf->leases = ngx_shared_memory_add(cf, &name,
                                        hx_lease_table_size(NGX_HX_LEASES)
                                        / 8 * 9 + 16 * ngx_pagesize,
                                        &ngx_http_hx_gate_module);
    if (mcf->leases == NULL) {
        return NGX_CONF_ERROR;
    }

    mcf->leases->init = ngx_hx_leases_init;

    return NGX_CONF_OK;
}


static char *
ngx_hx_conf_word(ngx_conf_t *cf, const char *name, const ngx_str_t *v,
    const ngx_conf_enum_t *words, ngx_uint_t *to)
{
    ngx_uint_t  i;

    if (*to != NGX_CONF_UNSET_UINT) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%s\" is there twice",
                           name);
        return NGX_CONF_ERROR;
    }

    for (i = 0; words[i].name.len != 0; i++) {
        if (words[i].name.len == v->len
            && ngx_memcmp(words[i].name.data, v->data, v->len) == 0)
        {
            *to = words[i].value;
            return NGX_CONF_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid value \"%V\" of \"%s\"",
                       v, name);

    return NGX_CONF_ERROR;
}


char *
ngx_hx_conf_rate_limit(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_hx_loc_conf_t  *lcf = conf;

    char                *rv;
    ngx_str_t           *value, s;
    ngx_uint_t           i;
    ngx_hx_main_conf_t  *mcf;

    rv = ngx_conf_set_enum_slot(cf, cmd, conf);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    value = cf->args->elts;

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_hx_has(&value[i], "sync=")) {
            s = ngx_hx_after(&value[i], 5);
            rv = ngx_hx_conf_word(cf, "sync=", &s, ngx_hx_syncs,
                                  &lcf->rate_sync);

        } else if (ngx_hx_has(&value[i], "on_error=")) {
            s = ngx_hx_after(&value[i], 9);
            rv = ngx_hx_conf_word(cf, "on_error=", &s, ngx_hx_errors,
                                  &lcf->rate_error);

        } else {
            rv = ngx_hx_bad_parameter(cf, &value[i]);
        }

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    /* what is not said here is not inherited either */

    if (lcf->rate_sync == NGX_CONF_UNSET_UINT) {
        lcf->rate_sync = NGX_HX_SYNC_LOCAL;
    }

    if (lcf->rate_error == NGX_CONF_UNSET_UINT) {
        lcf->rate_error = NGX_HX_ERROR_LOCAL;
    }

    if (lcf->rate_sync != NGX_HX_SYNC_LOCAL) {
        mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_hx_gate_module);
        mcf->shared_windows = 1;
    }

    return lcf->rate_sync == NGX_HX_SYNC_LEASE ? ngx_hx_conf_leases(cf)
                                               : NGX_CONF_OK;
}
