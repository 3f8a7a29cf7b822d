/*
 * hx_check_tenants.c -- is every tenant held to a rate, and are their keys
 * young enough?  The registry is only read (hx_audit_tenants.h).
 */

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "hx_audit_tenants.h"
#include "hx_check_items.h"
#include "hx_plan.h"
#include "hx_text.h"

#define HX_RATE_FIX      "hx_gate_rate_limit on;"
#define HX_RATE_TENANT   "POST /gate/onboard/update-tier with a rate_limit, " \
                         "or hx_gate_plan; --max-rate says what is too much"
#define HX_AGE_FIX       "POST /gate/onboard/rotate-key for the tenant"
#define HX_DAY           86400

typedef struct {
    const hx_deploy_t  *dp;
    hx_line_t          *l;
    unsigned            n_plans;
    hx_plan_t           plans[HX_PLANS_MAX];
    hx_plan_t           dflt;
    uint64_t            now;
    uint64_t            tenants;
    uint64_t            keys;
} hx_tenants_check_t;


/* The LMDB registry, or NULL after the line was told why not. */

static hx_tenants_t *
hx_tenants_registry(const hx_deploy_t *dp, hx_line_t *l)
{
    char           path[HX_SYS_PATH], err[HX_TENANTS_ERR];
    unsigned       id;
    hx_str_t       word, dir;
    hx_tenants_t  *ts;

    id = hx_dump_find(dp->dump, dp->site.http, "hx_gate_registry", 0);
    word = hx_dump_word(dp->dump, id, 1);

    if (!hx_text_after(&word, "lmdb:", &dir)) {
        hx_line_unknown(l, "hx_gate_registry lmdb:DIR;", "%s: only a registry "
                        "of LMDB can be read here", hx_deploy_where(dp, id));
        return NULL;
    }

    if (!hx_deploy_path(dp, &dir, 0, path)) {
        hx_line_unknown(l, "--prefix DIR", "%.*s: its directory is not known",
                        hx_arg(dir));
        return NULL;
    }

    if (hx_tenants_open(&ts, path, err) != HX_OK) {
        hx_line_unknown(l, "run it as root or as the workers' user",
                        "registry %s %s", path, err);
        return NULL;
    }

    return ts;
}


static uint32_t
hx_rate_number(const hx_str_t *s, uint32_t max)
{
    uint64_t  n;

    return hx_text_parse_u64(s->data, s->len, max, &n) == HX_OK ? (uint32_t) n
                                                                : 0;
}


/* requests= and window= of a directive; requests 0: the default's. */

static void
hx_rate_read(const hx_dump_t *d, unsigned id, hx_plan_t *plan)
{
    hx_str_t  value;

    if (hx_site_param(d, id, "requests=", &value)) {
        plan->requests = hx_rate_number(&value, UINT32_MAX);
    }

    if (hx_site_param(d, id, "window=", &value)) {
        plan->window_s = hx_site_ms(&value, 0) / 1000;
    }
}


static void
hx_rate_plans(hx_tenants_check_t *c)
{
    unsigned          id, n;
    hx_str_t          value;
    const hx_plan_t  *builtin;
    const hx_dump_t  *d = c->dp->dump;

    builtin = hx_plan_builtin(&c->n_plans);
    memcpy(c->plans, builtin, c->n_plans * sizeof(hx_plan_t));

    c->dflt.requests = HX_DEFAULT_REQUESTS;
    c->dflt.window_s = HX_DEFAULT_WINDOW_S;

    /* unknown is the built-in default here: there is a limit in any case */

    if (hx_deploy_env(c->dp, "HX_GATE_DEFAULT_RATE_LIMIT_REQUESTS", &value)
        == HX_OK)
    {
        c->dflt.requests = hx_rate_number(&value, UINT32_MAX);
    }

    if (hx_deploy_env(c->dp, "HX_GATE_DEFAULT_RATE_LIMIT_WINDOW_S", &value)
        == HX_OK)
    {
        c->dflt.window_s = hx_rate_number(&value, UINT32_MAX);
    }

    hx_rate_read(d, hx_dump_find(d, c->dp->site.http,
                                 "hx_gate_default_rate_limit", 0), &c->dflt);

    for (id = hx_dump_find(d, c->dp->site.http, "hx_gate_plan", 0); id != 0;
         id = hx_dump_find(d, c->dp->site.http, "hx_gate_plan", id))
    {
        value = hx_dump_word(d, id, 1);

        for (n = 0; n < c->n_plans; n++) {
            if (hx_text_eq(&c->plans[n].name, &value)) {
                break;
            }
        }

        if (n == HX_PLANS_MAX) {
            break;
        }

        c->n_plans += n == c->n_plans;
        memset(&c->plans[n], 0, sizeof(hx_plan_t));
        c->plans[n].name = value;
        hx_rate_read(d, id, &c->plans[n]);
    }
}


static int
hx_rate_each(void *data, const hx_tenant_t *t)
{
    uint32_t             requests, window;
    const hx_plan_t     *plan;
    hx_tenants_check_t  *c = data;

    if (t->status != HX_TENANT_ACTIVE) {
        return 0;
    }

    c->tenants++;
    requests = t->requests;
    window = t->window_s;

    if (requests == 0) {
        plan = t->plan.len != 0
               ? hx_plan_find(c->plans, c->n_plans, t->plan.data, t->plan.len)
               : NULL;

        if (plan == NULL || plan->requests == 0) {
            plan = &c->dflt;
        }

        requests = plan->requests;
        window = plan->window_s;
    }

    if (window == 0 || requests / window > c->dp->max_rate) {
        hx_line_fail(c->l, HX_RATE_TENANT, "tenant %.*s may send %u requests "
                     "in %u s", hx_arg(t->id), requests, window);
    }

    return 0;
}


/* The directives; 0 after a failure. */

static int
hx_rate_locations(const hx_deploy_t *dp, hx_line_t *l)
{
    int       good;
    unsigned  i, id;
    hx_str_t  word;

    good = 1;

    for (i = 0; i < dp->site.n_locations; i++) {
        id = hx_dump_up(dp->dump, dp->site.locations[i].node,
                        "hx_gate_rate_limit");
        word = hx_dump_word(dp->dump, id, 1);

        if (id != 0 && !hx_text_is(&word, "on")) {
            hx_line_fail(l, HX_RATE_FIX, "%s: hx_gate_rate_limit %s",
                         hx_deploy_where(dp, id),
                         hx_text_is(&word, "off") ? "off" : "only recorded");
            good = 0;
        }
    }

    return good;
}


static void
hx_tenants_walk(hx_tenants_check_t *c,
    int (*each)(void *data, const hx_tenant_t *t))
{
    char           err[HX_TENANTS_ERR];
    hx_tenants_t  *ts;

    ts = hx_tenants_registry(c->dp, c->l);
    if (ts == NULL) {
        return;
    }

    c->now = (uint64_t) time(NULL);

    if (hx_tenants_each(ts, each, c, err) != HX_OK) {
        hx_line_unknown(c->l, NULL, "registry: %s", err);
    }

    hx_tenants_close(ts);
}


void
hx_item_rate_limit(const hx_deploy_t *dp, hx_line_t *l)
{
    hx_tenants_check_t  c;

    if (dp->site.n_locations == 0) {
        hx_line_na(l, "no gated location");
        return;
    }

    memset(&c, 0, sizeof(c));
    c.dp = dp;
    c.l = l;

    if (!hx_rate_locations(dp, l)) {
        return;
    }

    hx_rate_plans(&c);
    hx_tenants_walk(&c, hx_rate_each);

    hx_line_pass(l, "on; active tenants: %llu, each with a rate",
                 (unsigned long long) c.tenants);
}


static int
hx_age_each(void *data, const hx_tenant_t *t)
{
    unsigned             i;
    uint64_t             age;
    hx_tenant_key_t      key;
    hx_tenants_check_t  *c = data;

    if (t->status != HX_TENANT_ACTIVE) {
        return 0;
    }

    for (i = 0; i < t->n_keys; i++) {
        hx_tenant_key(t, i, &key);

        if (key.expires != 0 && key.expires <= c->now) {
            continue;
        }

        c->keys++;
        age = key.created < c->now ? (c->now - key.created) / HX_DAY : 0;

        if (age > c->dp->max_age) {
            hx_line_fail(c->l, HX_AGE_FIX, "a key of tenant %.*s is %llu days "
                         "old", hx_arg(t->id), (unsigned long long) age);
        }
    }

    return 0;
}


void
hx_item_key_age(const hx_deploy_t *dp, hx_line_t *l)
{
    hx_tenants_check_t  c;

    memset(&c, 0, sizeof(c));
    c.dp = dp;
    c.l = l;

    hx_tenants_walk(&c, hx_age_each);

    hx_line_pass(l, "keys: %llu, none older than %u days",
                 (unsigned long long) c.keys, dp->max_age);
}
