/*
 * ngx_hx_conf_webhook.c -- hx_gate_stripe_webhook and hx_gate_stripe_price.
 */

#include "ngx_hx_conf.h"


#define NGX_HX_WEBHOOK_ENV       "HX_GATE_STRIPE_WEBHOOK_SECRET"
#define NGX_HX_WEBHOOK_SECRET    256        /* bytes */
#define NGX_HX_WEBHOOK_OLDEST    3600       /* seconds of tolerance */
#define NGX_HX_PRICES_MAX        256


static char *
ngx_hx_conf_webhook_secret(ngx_conf_t *cf, ngx_hx_webhook_conf_t *w,
    const u_char *p, size_t len, const char *where)
{
    ngx_uint_t   i;
    ngx_str_t   *s;

    if (!hx_check_printable(p, len, 1, NGX_HX_WEBHOOK_SECRET)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "the webhook secret in \"%s\" "
                           "must be 1 to %d printable characters without "
                           "blanks", where, NGX_HX_WEBHOOK_SECRET);
        return NGX_CONF_ERROR;
    }

    /* sk_, rk_, pk_: it opens the account, but signs no event */

    if (len > 3 && p[1] == 'k' && p[2] == '_') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%s\" holds an API key of "
                           "Stripe, not the secret of a webhook "
                           "(\"whsec_...\")", where);
        return NGX_CONF_ERROR;
    }

    s = w->secrets.elts;

    for (i = 0; i < w->secrets.nelts; i++) {
        if (s[i].len == len && ngx_memcmp(s[i].data, p, len) == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "the webhook secret in "
                               "\"%s\" is there twice", where);
            return NGX_CONF_ERROR;
        }
    }

    if (w->secrets.nelts == HX_STRIPE_SECRETS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "there can be %d webhook "
                           "secrets at most", HX_STRIPE_SECRETS);
        return NGX_CONF_ERROR;
    }

    s = ngx_array_push(&w->secrets);
    if (s == NULL) {
        return NGX_CONF_ERROR;
    }

    s->len = len;
    s->data = ngx_pnalloc(cf->pool, len);

    if (s->data == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memcpy(s->data, p, len);

    return NGX_CONF_OK;
}


static char *
ngx_hx_conf_webhook_env(ngx_conf_t *cf, ngx_hx_webhook_conf_t *w,
    const char *name)
{
    const char  *value;

    value = getenv(name);

    if (value == NULL || value[0] == '\0') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "the webhook secret is read "
                           "from the environment variable \"%s\", which is "
                           "not set", name);
        return NGX_CONF_ERROR;
    }

    return ngx_hx_conf_webhook_secret(cf, w, (const u_char *) value,
                                      ngx_strlen(value), name);
}


static char *
ngx_hx_conf_webhook_file(ngx_conf_t *cf, ngx_hx_webhook_conf_t *w,
    ngx_str_t *name)
{
    char    *rv;
    u_char   buf[NGX_HX_WEBHOOK_SECRET + 2];
    size_t   len;

    if (ngx_hx_conf_read_secret(cf, name, buf, sizeof(buf), &len) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    rv = ngx_hx_conf_webhook_secret(cf, w, buf, len, (char *) name->data);

    hx_cleanse(buf, sizeof(buf));

    return rv;
}


static char *
ngx_hx_conf_webhook_word(ngx_conf_t *cf, ngx_hx_webhook_conf_t *w,
    const ngx_str_t *v)
{
    ngx_int_t  n;
    ngx_str_t  s;

    if (ngx_hx_has(v, "secret=env:") && v->len > 11) {
        return ngx_hx_conf_webhook_env(cf, w, (char *) v->data + 11);
    }

    if (ngx_hx_has(v, "secret=file:") && v->len > 12) {
        s = ngx_hx_after(v, 12);
        return ngx_hx_conf_webhook_file(cf, w, &s);
    }

    if (ngx_hx_has(v, "secret=")) {

        /* the value is not repeated: it may be the secret itself */

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"secret=\" takes "
                           "\"env:<NAME>\" or \"file:<path>\"");
        return NGX_CONF_ERROR;
    }

    if (!ngx_hx_has(v, "tolerance=")) {
        return ngx_hx_bad_parameter(cf, v);
    }

    s = ngx_hx_after(v, 10);
    n = ngx_parse_time(&s, 1);

    if (w->tolerance != 0) {
        return "has more than one \"tolerance=\"";
    }

    if (n < 1 || n > NGX_HX_WEBHOOK_OLDEST) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid tolerance \"%V\", it "
                           "must be from 1s to 1h", &s);
        return NGX_CONF_ERROR;
    }

    w->tolerance = (time_t) n;

    return NGX_CONF_OK;
}


char *
ngx_hx_conf_webhook(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_hx_loc_conf_t  *lcf = conf;

    char                   *rv;
    ngx_str_t              *value;
    ngx_uint_t              i;
    ngx_hx_main_conf_t     *mcf;
    ngx_hx_webhook_conf_t  *w;

    if (lcf->handler != NGX_HX_HANDLER_NONE) {
        return "is duplicate, or there is another hx_gate handler in this "
               "location";
    }

    w = ngx_pcalloc(cf->pool, sizeof(ngx_hx_webhook_conf_t));

    if (w == NULL
        || ngx_array_init(&w->secrets, cf->pool, HX_STRIPE_SECRETS,
                          sizeof(ngx_str_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        rv = ngx_hx_conf_webhook_word(cf, w, &value[i]);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    if (w->secrets.nelts == 0) {
        rv = ngx_hx_conf_webhook_env(cf, w, NGX_HX_WEBHOOK_ENV);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    if (w->tolerance == 0) {
        w->tolerance = HX_STRIPE_TOLERANCE;
    }

    lcf->handler = NGX_HX_HANDLER_WEBHOOK;
    lcf->webhook = w;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_hx_gate_module);
    ngx_hx_conf_use(mcf, lcf);
    mcf->webhooks = 1;
    mcf->threads = ngx_thread_pool_add(cf, NULL);

    return mcf->threads != NULL ? NGX_CONF_OK : NGX_CONF_ERROR;
}


char *
ngx_hx_conf_webhook_merge(ngx_conf_t *cf, const ngx_hx_loc_conf_t *prev,
    ngx_hx_loc_conf_t *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    /* "if" and "limit_except" inside: whoever answers there, what comes to it
     * is signed */

    if (clcf->noname && conf->webhook == NULL && prev->webhook != NULL) {
        conf->webhook = prev->webhook;
        conf->handler = NGX_HX_HANDLER_WEBHOOK;
    }

    if (conf->webhook == NULL) {
        return NGX_CONF_OK;
    }

    if (clcf->handler != NULL) {
        conf->handled = 0;

    } else {

        /* an "if" without a handler leaves the one that there is */

        conf->handled = clcf->noname ? prev->handled : 1;

        if (conf->handled) {
            clcf->handler = ngx_hx_webhook_handler;
        }
    }

    return ngx_hx_conf_check_webhook(cf);
}


char *
ngx_hx_conf_price(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_hx_main_conf_t  *mcf = conf;

    ngx_str_t           *value;
    ngx_uint_t           i;
    hx_billing_price_t  *price;

    value = cf->args->elts;
    price = mcf->prices.elts;

    if (!hx_check_printable(value[1].data, value[1].len, 1,
                            HX_STRIPE_TEXT_MAX))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid price \"%V\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < mcf->prices.nelts; i++) {
        if (price[i].price.len == value[1].len
            && ngx_memcmp(price[i].price.data, value[1].data, value[1].len)
               == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "price \"%V\" has a plan already", &value[1]);
            return NGX_CONF_ERROR;
        }
    }

    if (mcf->prices.nelts == NGX_HX_PRICES_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "there can be %d prices at "
                           "most", NGX_HX_PRICES_MAX);
        return NGX_CONF_ERROR;
    }

    price = ngx_array_push(&mcf->prices);
    if (price == NULL) {
        return NGX_CONF_ERROR;
    }

    price->price.data = value[1].data;
    price->price.len = value[1].len;
    price->plan.data = value[2].data;
    price->plan.len = value[2].len;

    return NGX_CONF_OK;
}


ngx_int_t
ngx_hx_conf_prices_check(ngx_conf_t *cf, const ngx_hx_main_conf_t *mcf)
{
    ngx_uint_t                 i;
    const hx_billing_price_t  *price;

    price = mcf->prices.elts;

    for (i = 0; i < mcf->prices.nelts; i++) {
        if (hx_plan_find(mcf->plans.elts, (unsigned) mcf->plans.nelts,
                         price[i].plan.data, price[i].plan.len)
            == NULL)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "unknown plan \"%*s\" in "
                               "\"hx_gate_stripe_price\"", price[i].plan.len,
                               price[i].plan.data);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
