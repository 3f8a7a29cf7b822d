/*
 * ngx_hx_conf_limits.c -- parsers of what bounds a tenant: hx_gate_plan and
 * hx_gate_default_rate_limit, and the environment that stands in for the
 * latter and for hx_gate_billing.
 */

#include "ngx_hx_conf.h"

#include "hx_check.h"


#define NGX_HX_RATE_REQUESTS_ENV   "HX_GATE_DEFAULT_RATE_LIMIT_REQUESTS"
#define NGX_HX_RATE_WINDOW_ENV     "HX_GATE_DEFAULT_RATE_LIMIT_WINDOW_S"
#define NGX_HX_BILLING_ENV         "HX_GATE_BILLING_ENABLED"

/* options by their place in the table below */
#define NGX_HX_OPTION_REQUESTS     0
#define NGX_HX_OPTION_WINDOW       1
#define NGX_HX_OPTION_QUOTA        2
#define NGX_HX_OPTION_OVERAGE      3

#define NGX_HX_RATE_OPTIONS        2        /* the first two make a rate */
#define NGX_HX_PLAN_OPTIONS        4

#define ngx_hx_seen(seen, o)       (((seen) & ((ngx_uint_t) 1 << (o))) != 0)


static const ngx_str_t  ngx_hx_options[] = {
    ngx_string("requests="),
    ngx_string("window="),
    ngx_string("quota="),
    ngx_string("overage=")
};


ngx_int_t
ngx_hx_conf_limits_init(ngx_conf_t *cf, ngx_hx_main_conf_t *mcf)
{
    unsigned          n;
    hx_plan_t        *plan;
    const hx_plan_t  *builtin;

    builtin = hx_plan_builtin(&n);

    if (ngx_array_init(&mcf->plans, cf->pool, HX_PLANS_MAX, sizeof(hx_plan_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    plan = ngx_array_push_n(&mcf->plans, n);
    if (plan == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(plan, builtin, n * sizeof(hx_plan_t));

    return NGX_OK;
}


ngx_int_t
ngx_hx_conf_tenths(const ngx_str_t *s, uint64_t max, uint64_t *tenths)
{
    ngx_int_t  n;

    n = ngx_atofp(s->data, s->len, 1);

    if (n == NGX_ERROR || (uint64_t) n > max) {
        return NGX_ERROR;
    }

    if (s->data[s->len - 1] == '.') {
        /* a lone point is 0 to ngx_atofp() */
        return NGX_ERROR;
    }

    *tenths = (uint64_t) n;

    return NGX_OK;
}


static char *
ngx_hx_conf_requests(ngx_conf_t *cf, hx_plan_t *plan, const ngx_str_t *s,
    ngx_uint_t named)
{
    uint64_t  n;

    if (named && ngx_strcmp(s->data, "default") == 0) {
        plan->requests = 0;
        return NGX_CONF_OK;
    }

    if (hx_text_parse_u64(s->data, s->len, UINT32_MAX, &n) != HX_OK || n == 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid requests \"%V\", it must be from 1 to "
                           "4294967295%s", s, named ? " or \"default\"" : "");
        return NGX_CONF_ERROR;
    }

    plan->requests = (uint32_t) n;

    return NGX_CONF_OK;
}


static char *
ngx_hx_conf_window(ngx_conf_t *cf, hx_plan_t *plan, ngx_str_t *s)
{
    ngx_int_t  n;

    n = ngx_parse_time(s, 1);

    if (n < 1 || n > HX_WINDOW_SECONDS_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid window \"%V\", it must be from 1s to 31d "
                           "in whole seconds", s);
        return NGX_CONF_ERROR;
    }

    plan->window_s = (uint32_t) n;

    return NGX_CONF_OK;
}


static char *
ngx_hx_conf_quota(ngx_conf_t *cf, hx_plan_t *plan, const ngx_str_t *s)
{
    if (ngx_strcmp(s->data, "unlimited") == 0) {
        plan->quota = HX_QUOTA_UNLIMITED;
        return NGX_CONF_OK;
    }

    if (ngx_hx_conf_tenths(s, HX_QUOTA_MAX * 10, &plan->quota) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid quota \"%V\", it must be \"unlimited\" or "
                           "a number of CUs with at most one decimal, up to "
                           "1000000000000", s);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_hx_conf_overage(ngx_conf_t *cf, hx_plan_t *plan, const ngx_str_t *s)
{
    if (ngx_strcmp(s->data, "on") == 0) {
        plan->overage = 1;

    } else if (ngx_strcmp(s->data, "off") == 0) {
        plan->overage = 0;

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid overage \"%V\", it must be \"on\" or "
                           "\"off\"", s);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/*
 * The arguments from "first" on are the first n_options of the table, each at
 * most once; what was seen comes back as bits.
 */

static char *
ngx_hx_conf_options(ngx_conf_t *cf, hx_plan_t *plan, ngx_uint_t first,
    ngx_uint_t n_options, ngx_uint_t *seen)
{
    char        *rv;
    ngx_str_t   *value, s;
    ngx_uint_t   i, o;

    value = cf->args->elts;
    *seen = 0;

    for (i = first; i < cf->args->nelts; i++) {

        for (o = 0; o < n_options; o++) {
            if (value[i].len >= ngx_hx_options[o].len
                && ngx_strncmp(value[i].data, ngx_hx_options[o].data,
                               ngx_hx_options[o].len) == 0)
            {
                break;
            }
        }

        if (o == n_options) {
            return ngx_hx_bad_parameter(cf, &value[i]);
        }

        if (ngx_hx_seen(*seen, o)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate parameter \"%V\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        *seen |= (ngx_uint_t) 1 << o;
        s = ngx_hx_after(&value[i], ngx_hx_options[o].len);

        switch (o) {

        case NGX_HX_OPTION_REQUESTS:
            rv = ngx_hx_conf_requests(cf, plan, &s,
                                      n_options == NGX_HX_PLAN_OPTIONS);
            break;

        case NGX_HX_OPTION_WINDOW:
            rv = ngx_hx_conf_window(cf, plan, &s);
            break;

        case NGX_HX_OPTION_QUOTA:
            rv = ngx_hx_conf_quota(cf, plan, &s);
            break;

        default:
            rv = ngx_hx_conf_overage(cf, plan, &s);
        }

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_hx_conf_plan_lacks(ngx_conf_t *cf, const ngx_str_t *name, const char *what)
{
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "plan \"%V\" needs %s", name,
                       what);

    return NGX_CONF_ERROR;
}


/* A plan of its own, or in the place of the built-in one of that name. */

static char *
ngx_hx_conf_plan_add(ngx_conf_t *cf, ngx_hx_main_conf_t *mcf,
    const hx_plan_t *plan, const ngx_str_t *name)
{
    uint64_t          bit;
    hx_plan_t        *plans, *slot;
    const hx_plan_t  *found;

    plans = mcf->plans.elts;
    found = hx_plan_find(plans, (unsigned) mcf->plans.nelts, name->data,
                         name->len);

    if (found != NULL) {
        slot = plans + (found - plans);

    } else {
        if (mcf->plans.nelts == HX_PLANS_MAX) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "more than %d plans, the built-in ones "
                               "included", HX_PLANS_MAX);
            return NGX_CONF_ERROR;
        }

        slot = ngx_array_push(&mcf->plans);
        if (slot == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    bit = (uint64_t) 1 << (slot - plans);

    if (mcf->plans_configured & bit) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "plan \"%V\" is already configured", name);
        return NGX_CONF_ERROR;
    }

    mcf->plans_configured |= bit;
    *slot = *plan;

    return NGX_CONF_OK;
}


char *
ngx_hx_conf_plan(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_hx_main_conf_t  *mcf = conf;

    char        *rv;
    hx_plan_t    plan;
    ngx_str_t   *name;
    ngx_uint_t   seen;

    name = cf->args->elts;
    name++;

    /* of the same form as a tenant's id */

    if (!hx_check_tenant(name->data, name->len)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid plan name \"%V\", it must be 1 to %d of "
                           "[A-Za-z0-9_-]", name, HX_PLAN_MAX);
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&plan, sizeof(hx_plan_t));
    plan.name.data = name->data;
    plan.name.len = name->len;

    rv = ngx_hx_conf_options(cf, &plan, 2, NGX_HX_PLAN_OPTIONS, &seen);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (!ngx_hx_seen(seen, NGX_HX_OPTION_REQUESTS)) {
        return ngx_hx_conf_plan_lacks(cf, name, "\"requests=\"");
    }

    if (!ngx_hx_seen(seen, NGX_HX_OPTION_QUOTA)) {
        return ngx_hx_conf_plan_lacks(cf, name, "\"quota=\"");
    }

    if (plan.requests != 0 && plan.window_s == 0) {
        return ngx_hx_conf_plan_lacks(cf, name,
                                      "\"window=\" with \"requests=\"");
    }

    if (plan.requests == 0 && plan.window_s != 0) {
        return ngx_hx_conf_plan_lacks(cf, name,
                                      "no \"window=\" with "
                                      "\"requests=default\"");
    }

    return ngx_hx_conf_plan_add(cf, mcf, &plan, name);
}


char *
ngx_hx_conf_default_rate_limit(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_hx_main_conf_t  *mcf = conf;

    char        *rv;
    hx_plan_t    plan;
    ngx_uint_t   seen;

    if (mcf->default_rate.requests != 0) {
        return "is duplicate";
    }

    ngx_memzero(&plan, sizeof(hx_plan_t));

    /* two arguments, neither of them twice: both */

    rv = ngx_hx_conf_options(cf, &plan, 1, NGX_HX_RATE_OPTIONS, &seen);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    mcf->default_rate.requests = plan.requests;
    mcf->default_rate.window_s = plan.window_s;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_hx_conf_env_number(ngx_conf_t *cf, const char *name, uint64_t max,
    uint32_t *v)
{
    uint64_t     n;
    const char  *env;

    env = getenv(name);

    if (env == NULL) {
        return NGX_OK;
    }

    if (hx_text_parse_u64((const u_char *) env, ngx_strlen(env), max, &n)
        != HX_OK
        || n == 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%s must be a number from 1 to %uL, not \"%s\"",
                           name, max, env);
        return NGX_ERROR;
    }

    *v = (uint32_t) n;

    return NGX_OK;
}


ngx_int_t
ngx_hx_conf_default_rate_limit_default(ngx_conf_t *cf,
    ngx_hx_main_conf_t *mcf)
{
    hx_rate_t  rate;

    rate.requests = HX_DEFAULT_REQUESTS;
    rate.window_s = HX_DEFAULT_WINDOW_S;

    if (ngx_hx_conf_env_number(cf, NGX_HX_RATE_REQUESTS_ENV, UINT32_MAX,
                               &rate.requests)
        != NGX_OK
        || ngx_hx_conf_env_number(cf, NGX_HX_RATE_WINDOW_ENV,
                                  HX_WINDOW_SECONDS_MAX, &rate.window_s)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    mcf->default_rate = rate;

    return NGX_OK;
}


ngx_int_t
ngx_hx_conf_billing_default(ngx_conf_t *cf, ngx_hx_loc_conf_t *lcf)
{
    ngx_int_t  on;

    on = ngx_hx_conf_env_flag(cf, NGX_HX_BILLING_ENV, 0);

    if (on == NGX_ERROR) {
        return NGX_ERROR;
    }

    lcf->billing = on;

    return NGX_OK;
}
