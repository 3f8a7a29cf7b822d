/*
 * ngx_hx_vars.c -- the $hx_gate_* variables.  All are read-only views of the
 * request context; none holds a key but $hx_gate_service_key, which exists for
 * proxy_set_header and takes the place of the header that the gate adds.
 */

#include "ngx_hx_step.h"


static ngx_int_t
ngx_hx_var_set(ngx_http_variable_value_t *v, const u_char *data, size_t len)
{
    if (data == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->data = (u_char *) data;
    v->len = (unsigned) len;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_hx_var_str(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    hx_str_t            *hs;
    ngx_str_t           *ns;
    const ngx_hx_ctx_t  *ctx;

    ctx = ngx_hx_ctx(r);

    if (ctx == NULL) {
        return ngx_hx_var_set(v, NULL, 0);
    }

    if (data == offsetof(ngx_hx_ctx_t, tenant.id)
        || data == offsetof(ngx_hx_ctx_t, tenant.plan))
    {
        hs = (hx_str_t *) ((u_char *) ctx + data);
        return ngx_hx_var_set(v, hs->data, hs->len);
    }

    ns = (ngx_str_t *) ((u_char *) ctx + data);

    return ngx_hx_var_set(v, ns->data, ns->len);
}


static ngx_int_t
ngx_hx_var_request_id(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    ngx_hx_ctx_t             *ctx;
    const ngx_hx_loc_conf_t  *lcf;

    lcf = ngx_hx_loc_conf(r);
    ctx = ngx_hx_ctx(r);

    if (ctx == NULL && !lcf->gated && lcf->handler == NGX_HX_HANDLER_NONE) {
        return ngx_hx_var_set(v, NULL, 0);
    }

    /* asked for before the gate ran (a rewrite, an early error): not yet */

    if (ctx == NULL || ctx->request_id.len == 0) {
        v->no_cacheable = 1;
        v->not_found = 1;
        return NGX_OK;
    }

    return ngx_hx_var_set(v, ctx->request_id.data, ctx->request_id.len);
}


static ngx_int_t
ngx_hx_var_operation(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    const ngx_hx_ctx_t  *ctx;

    ctx = ngx_hx_ctx(r);

    if (ctx == NULL || ctx->operation == NULL) {
        return ngx_hx_var_set(v, NULL, 0);
    }

    return ngx_hx_var_set(v, ctx->operation->name.data,
                          ctx->operation->name.len);
}


static ngx_int_t
ngx_hx_var_cus(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    u_char              *p;
    hx_buf_t             b;
    const ngx_hx_ctx_t  *ctx;

    ctx = ngx_hx_ctx(r);

    if (ctx == NULL || !ctx->lcf->gated) {
        return ngx_hx_var_set(v, NULL, 0);
    }

    p = ngx_pnalloc(r->pool, NGX_INT32_LEN + 2);
    if (p == NULL) {
        return NGX_ERROR;
    }

    hx_buf_init(&b, p, NGX_INT32_LEN + 2);
    hx_text_tenths(&b, ctx->cus);

    return ngx_hx_var_set(v, p, hx_buf_len(&b));
}


static ngx_int_t
ngx_hx_var_outcome(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    const char          *word;
    const ngx_hx_ctx_t  *ctx;

    ctx = ngx_hx_ctx(r);
    word = hx_outcome_word(ctx != NULL ? ngx_hx_outcome(ctx)
                                       : HX_OUTCOME_NONE);

    return ngx_hx_var_set(v, (u_char *) word, ngx_strlen(word));
}


static ngx_int_t
ngx_hx_var_service_key(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    const ngx_hx_ctx_t        *ctx;
    const ngx_hx_loc_conf_t   *lcf;
    const ngx_hx_main_conf_t  *mcf;

    ctx = ngx_hx_ctx(r);
    lcf = ngx_hx_loc_conf(r);

    /* not where a redirect or subrequest has left the gate behind */

    if (ctx == NULL || !ctx->granted || !lcf->gated || lcf->shadow) {
        return ngx_hx_var_set(v, NULL, 0);
    }

    mcf = ngx_hx_main_conf(r);

    ngx_hx_forward_drop_authorization(r);

    return ngx_hx_var_set(v, mcf->service_key.data, mcf->service_key.len);
}


static const ngx_http_variable_t  ngx_hx_variables[] = {

    { ngx_string("hx_gate_tenant"), NULL, ngx_hx_var_str,
      offsetof(ngx_hx_ctx_t, tenant.id), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("hx_gate_plan"), NULL, ngx_hx_var_str,
      offsetof(ngx_hx_ctx_t, tenant.plan), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("hx_gate_namespace"), NULL, ngx_hx_var_str,
      offsetof(ngx_hx_ctx_t, ns), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("hx_gate_request_id"), NULL, ngx_hx_var_request_id, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("hx_gate_operation"), NULL, ngx_hx_var_operation, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("hx_gate_cus"), NULL, ngx_hx_var_cus, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("hx_gate_outcome"), NULL, ngx_hx_var_outcome, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("hx_gate_service_key"), NULL, ngx_hx_var_service_key, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },
};


ngx_int_t
ngx_hx_add_variables(ngx_conf_t *cf)
{
    ngx_str_t             name;
    ngx_uint_t            i;
    ngx_http_variable_t  *var;

    for (i = 0; i < hx_nelts(ngx_hx_variables); i++) {
        name = ngx_hx_variables[i].name;

        var = ngx_http_add_variable(cf, &name, ngx_hx_variables[i].flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = ngx_hx_variables[i].get_handler;
        var->data = ngx_hx_variables[i].data;
    }

    return NGX_OK;
}
