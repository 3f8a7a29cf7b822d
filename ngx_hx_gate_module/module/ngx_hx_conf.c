/*
 * ngx_hx_conf.c -- directives, their values and how they combine.
 *
 * Every bad value has its own message with file and line, and a combination
 * that would leave a hole is an error of "nginx -t", not a surprise later.
 * Parsers of the longer directives are in ngx_hx_conf_*.c, the combinations in
 * ngx_hx_conf_check.c.
 */

#include "ngx_hx_conf.h"


static char *ngx_hx_conf_handler(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_hx_conf_gate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


static ngx_conf_enum_t  ngx_hx_key_formats[] = {
    { ngx_string("checksum"), HX_APIKEY_CHECKSUM },
    { ngx_string("any"), HX_APIKEY_ANY },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_hx_modes[] = {
    { ngx_string("off"), NGX_HX_MODE_OFF },
    { ngx_string("on"), NGX_HX_MODE_ON },
    { ngx_string("shadow"), NGX_HX_MODE_SHADOW },
    { ngx_null_string, 0 }
};


/* by ngx_hx_handler_t */
static const ngx_http_handler_pt  ngx_hx_handlers[] = {
    NULL,
    ngx_hx_admin_handler,
    ngx_hx_health_handler,
    ngx_hx_ready_handler,
    ngx_hx_metrics_handler,
    ngx_hx_webhook_handler
};


#define NGX_HX_EVERYWHERE                                                     \
    (NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF)


ngx_command_t  ngx_hx_commands[] = {

    { ngx_string("hx_gate"),
      NGX_HX_EVERYWHERE|NGX_CONF_TAKE1,
      ngx_hx_conf_gate,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("hx_gate_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE23,
      ngx_hx_conf_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("hx_gate_registry"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE|NGX_CONF_TAKE5,
      ngx_hx_conf_registry,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("hx_gate_service_key"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_hx_conf_service_key,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("hx_gate_plan"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_hx_conf_plan,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("hx_gate_default_rate_limit"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE2,
      ngx_hx_conf_default_rate_limit,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("hx_gate_rate_limit"),
      NGX_HX_EVERYWHERE|NGX_CONF_TAKE123,
      ngx_hx_conf_rate_limit,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_hx_loc_conf_t, rate_limit),
      &ngx_hx_modes },

    { ngx_string("hx_gate_rate_limit_fields"),
      NGX_HX_EVERYWHERE|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_hx_loc_conf_t, rate_fields),
      NULL },

    { ngx_string("hx_gate_billing"),
      NGX_HX_EVERYWHERE|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_hx_loc_conf_t, billing),
      NULL },

    { ngx_string("hx_gate_cors"),
      NGX_HX_EVERYWHERE|NGX_CONF_1MORE,
      ngx_hx_conf_cors,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("hx_gate_operation"),
      NGX_HX_EVERYWHERE|NGX_CONF_2MORE,
      ngx_hx_conf_operation,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("hx_gate_operations"),
      NGX_HX_EVERYWHERE|NGX_CONF_TAKE1,
      ngx_hx_conf_operations,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("hx_gate_key_format"),
      NGX_HX_EVERYWHERE|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_hx_loc_conf_t, key_format),
      &ngx_hx_key_formats },

    { ngx_string("hx_gate_max_upload"),
      NGX_HX_EVERYWHERE|NGX_CONF_TAKE1,
      ngx_hx_conf_max_upload,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("hx_gate_audit_log"),
      NGX_HX_EVERYWHERE|NGX_CONF_1MORE,
      ngx_hx_conf_audit,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("hx_gate_admin"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_hx_conf_handler,
      NGX_HTTP_LOC_CONF_OFFSET,
      NGX_HX_HANDLER_ADMIN,
      NULL },

    { ngx_string("hx_gate_health"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_hx_conf_handler,
      NGX_HTTP_LOC_CONF_OFFSET,
      NGX_HX_HANDLER_HEALTH,
      NULL },

    { ngx_string("hx_gate_ready"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_hx_conf_handler,
      NGX_HTTP_LOC_CONF_OFFSET,
      NGX_HX_HANDLER_READY,
      NULL },

    { ngx_string("hx_gate_stripe_webhook"),
      NGX_HTTP_LOC_CONF|NGX_CONF_ANY,
      ngx_hx_conf_webhook,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("hx_gate_stripe_price"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE2,
      ngx_hx_conf_price,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("hx_gate_metrics"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_hx_conf_handler,
      NGX_HTTP_LOC_CONF_OFFSET,
      NGX_HX_HANDLER_METRICS,
      NULL },

      ngx_null_command
};


void *
ngx_hx_create_main_conf(ngx_conf_t *cf)
{
    ngx_hx_main_conf_t  *mcf;

    mcf = ngx_pcalloc(cf->pool, sizeof(ngx_hx_main_conf_t));
    if (mcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&mcf->audits, cf->pool, 4, sizeof(ngx_hx_audit_t *))
        != NGX_OK
        || ngx_array_init(&mcf->operations, cf->pool, 4,
                          sizeof(ngx_array_t *))
           != NGX_OK
        || ngx_array_init(&mcf->prices, cf->pool, 4,
                          sizeof(hx_billing_price_t))
           != NGX_OK)
    {
        return NULL;
    }

    if (ngx_hx_conf_limits_init(cf, mcf) != NGX_OK) {
        return NULL;
    }

    mcf->cors = NGX_CONF_UNSET_PTR;
    mcf->hash_tenant = ngx_hash_key((u_char *) "x-hx-tenant", 11);
    mcf->hash_namespace = ngx_hash_key((u_char *) "x-hx-namespace", 14);
    mcf->hash_request_id = ngx_hash_key((u_char *) "x-request-id", 12);

    return mcf;
}


void *
ngx_hx_create_loc_conf(ngx_conf_t *cf)
{
    ngx_hx_loc_conf_t  *lcf;

    lcf = ngx_pcalloc(cf->pool, sizeof(ngx_hx_loc_conf_t));
    if (lcf == NULL) {
        return NULL;
    }

    lcf->enable = NGX_CONF_UNSET;
    lcf->shadow = NGX_CONF_UNSET;
    lcf->rate_limit = NGX_CONF_UNSET_UINT;
    lcf->rate_sync = NGX_CONF_UNSET_UINT;
    lcf->rate_error = NGX_CONF_UNSET_UINT;
    lcf->rate_fields = NGX_CONF_UNSET;
    lcf->billing = NGX_CONF_UNSET;
    lcf->key_format = NGX_CONF_UNSET_UINT;
    lcf->max_upload = NGX_CONF_UNSET_SIZE;
    lcf->operations = NGX_CONF_UNSET_PTR;
    lcf->audit = NGX_CONF_UNSET_PTR;
    lcf->cors = NGX_CONF_UNSET_PTR;

    if (cf->conf_file != NULL
        && cf->conf_file->file.fd != NGX_INVALID_FILE)
    {
        lcf->place.file = cf->conf_file->file.name;
        lcf->place.line = cf->conf_file->line;
    }

    return lcf;
}


static char *
ngx_hx_conf_gate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_hx_loc_conf_t  *lcf = conf;

    ngx_str_t  *value;

    if (lcf->enable != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    value = cf->args->elts;

    lcf->enable = 1;
    lcf->shadow = 0;

    if (ngx_strcmp(value[1].data, "shadow") == 0) {
        lcf->shadow = 1;

    } else if (ngx_strcmp(value[1].data, "off") == 0) {
        lcf->enable = 0;

    } else if (ngx_strcmp(value[1].data, "on") != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"hx_gate\" directive, it "
                           "must be \"on\", \"off\" or \"shadow\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


void
ngx_hx_conf_use(ngx_hx_main_conf_t *mcf, const ngx_hx_loc_conf_t *lcf)
{
    if (!mcf->used) {
        mcf->used = 1;
        mcf->place = &lcf->place;
    }
}


static char *
ngx_hx_conf_handler(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_hx_loc_conf_t  *lcf = conf;

    ngx_hx_main_conf_t        *mcf;
    ngx_http_core_loc_conf_t  *clcf;

    if (lcf->handler != NGX_HX_HANDLER_NONE) {
        return "is duplicate, or there is another hx_gate handler in this "
               "location";
    }

    lcf->handler = cmd->offset;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_hx_gate_module);

    clcf->handler = ngx_hx_handlers[lcf->handler];

    if (lcf->handler != NGX_HX_HANDLER_HEALTH) {
        ngx_hx_conf_use(mcf, lcf);
    }

    if (lcf->handler == NGX_HX_HANDLER_ADMIN
        || lcf->handler == NGX_HX_HANDLER_METRICS)
    {
        mcf->threads = ngx_thread_pool_add(cf, NULL);
        if (mcf->threads == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/*
 * "if" and "limit_except" make a location without a name inside ours.  Unless
 * it has a handler of its own (a proxy_pass, say), it is still ours that
 * answers, and what holds for it must hold there.
 */

static char *
ngx_hx_conf_inherit_handler(ngx_conf_t *cf, const ngx_hx_loc_conf_t *prev,
    ngx_hx_loc_conf_t *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->noname && clcf->handler == NULL && prev->webhook == NULL) {
        conf->handler = prev->handler;
        clcf->handler = ngx_hx_handlers[prev->handler];
    }

    return ngx_hx_conf_webhook_merge(cf, prev, conf);
}


static char *
ngx_hx_conf_merge(ngx_conf_t *cf, const ngx_hx_loc_conf_t *prev,
    ngx_hx_loc_conf_t *conf)
{
    ngx_hx_main_conf_t  *mcf;

    if (ngx_hx_conf_inherit_handler(cf, prev, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    /* our own handlers have their own credentials, or none */

    if (conf->handler != NGX_HX_HANDLER_NONE && conf->enable == 1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"hx_gate %s\" and a hx_gate handler cannot be in "
                           "one location", conf->shadow ? "shadow" : "on");
        return NGX_CONF_ERROR;
    }

    /* one directive sets both, so both come from the same place */

    ngx_conf_merge_value(conf->enable, prev->enable, 0);
    ngx_conf_merge_value(conf->shadow, prev->shadow, 0);

    /* so does this one */

    ngx_conf_merge_uint_value(conf->rate_limit, prev->rate_limit,
                              NGX_HX_MODE_ON);
    ngx_conf_merge_uint_value(conf->rate_sync, prev->rate_sync,
                              NGX_HX_SYNC_LOCAL);
    ngx_conf_merge_uint_value(conf->rate_error, prev->rate_error,
                              NGX_HX_ERROR_LOCAL);
    ngx_conf_merge_value(conf->rate_fields, prev->rate_fields, 0);
    ngx_conf_merge_value(conf->billing, prev->billing, NGX_CONF_UNSET);
    ngx_conf_merge_uint_value(conf->key_format, prev->key_format,
                              HX_APIKEY_CHECKSUM);
    ngx_conf_merge_size_value(conf->max_upload, prev->max_upload,
                              HX_UPLOAD_DEFAULT);
    ngx_conf_merge_ptr_value(conf->operations, prev->operations, NULL);
    ngx_conf_merge_ptr_value(conf->audit, prev->audit, NGX_CONF_UNSET_PTR);
    ngx_conf_merge_ptr_value(conf->cors, prev->cors, NGX_CONF_UNSET_PTR);

    conf->gated = conf->enable && conf->handler == NGX_HX_HANDLER_NONE;

    /* what follows stays unset, and so inherited, where it has no meaning */

    if (!ngx_hx_loc_recorded(conf)) {
        return NGX_CONF_OK;
    }

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_hx_gate_module);
    ngx_hx_conf_use(mcf, conf);

    if (conf->audit == NGX_CONF_UNSET_PTR) {
        if (ngx_hx_conf_audit_default(cf, mcf, conf) != NGX_OK) {
            return NGX_CONF_ERROR;
        }

        if (conf->audit == NULL) {
            ngx_hx_conf_warn_unrecorded(cf, mcf);
        }
    }

    if (conf->billing == NGX_CONF_UNSET
        && ngx_hx_conf_billing_default(cf, conf) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (!conf->gated) {
        return NGX_CONF_OK;
    }

    return ngx_hx_conf_check_gate(cf, conf) == NGX_CONF_OK
           ? ngx_hx_conf_cors_ready(cf, mcf, conf) : NGX_CONF_ERROR;
}


char *
ngx_hx_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_hx_loc_conf_t  *conf = child;

    char             *rv;
    ngx_conf_file_t   here, *saved;

    ngx_hx_conf_enter(cf, &conf->place, &here, &saved);
    rv = ngx_hx_conf_merge(cf, parent, conf);
    ngx_hx_conf_leave(cf, saved);

    return rv;
}


char *
ngx_hx_bad_parameter(ngx_conf_t *cf, const ngx_str_t *v)
{
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid parameter \"%V\"", v);

    return NGX_CONF_ERROR;
}


ngx_int_t
ngx_hx_conf_env_flag(ngx_conf_t *cf, const char *name, ngx_int_t dflt)
{
    const char  *env;

    env = getenv(name);

    if (env == NULL) {
        return dflt;
    }

    if (ngx_strcasecmp((u_char *) env, (u_char *) "true") == 0) {
        return 1;
    }

    if (ngx_strcasecmp((u_char *) env, (u_char *) "false") == 0) {
        return 0;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "%s must be \"true\" or \"false\", not \"%s\"", name,
                       env);

    return NGX_ERROR;
}
