/*
 * hx_change.c -- what an operator's change does to a tenant (interface in
 * hx_tenant.h).  Pure, so that every store applies the same rules inside its
 * own transaction.
 */

#include <string.h>

#include "hx_tenant.h"


static int
hx_change_find(const hx_tenant_edit_t *e, const hx_str_t *ns)
{
    unsigned  i;

    for (i = 0; i < e->n_namespaces; i++) {
        if (e->namespaces[i].len == ns->len
            && memcmp(e->namespaces[i].data, ns->data, ns->len) == 0)
        {
            return (int) i;
        }
    }

    return -1;
}


static hx_change_result_t
hx_change_add(hx_tenant_edit_t *e, const hx_str_t *ns)
{
    if (hx_change_find(e, ns) >= 0) {
        return HX_CHANGED;
    }

    if (e->n_namespaces == HX_TENANT_NAMESPACES) {
        return HX_CHANGE_TOO_MANY;
    }

    e->namespaces[e->n_namespaces++] = *ns;

    return HX_CHANGED;
}


static hx_change_result_t
hx_change_remove(hx_tenant_edit_t *e, const hx_str_t *ns)
{
    int  i;

    i = hx_change_find(e, ns);

    if (i < 0) {
        return HX_CHANGE_NO_NAMESPACE;
    }

    if (e->n_namespaces == 1) {
        return HX_CHANGE_LAST_NAMESPACE;
    }

    e->n_namespaces--;
    memmove(&e->namespaces[i], &e->namespaces[i + 1],
            (e->n_namespaces - (unsigned) i) * sizeof(hx_str_t));

    return HX_CHANGED;
}


/*
 * The new key comes first; old ones live until now + grace_s at most.  When
 * the table is full the oldest key goes: keys are ordered newest first.
 */

static void
hx_change_key(hx_tenant_edit_t *e, const hx_change_t *c)
{
    unsigned          i, n;
    uint64_t          end;
    hx_tenant_key_t   key;

    end = c->now + c->grace_s;
    n = 0;

    for (i = 0; i < e->n_keys && c->grace_s != 0; i++) {
        key = e->keys[i];

        if (key.expires != 0 && key.expires <= c->now) {
            continue;
        }

        if (key.expires == 0 || key.expires > end) {
            key.expires = end;
        }

        e->keys[n++] = key;
    }

    if (n == HX_TENANT_KEYS) {
        n--;
    }

    memmove(&e->keys[1], &e->keys[0], n * sizeof(hx_tenant_key_t));
    memcpy(e->keys[0].hash, c->hash, HX_SHA256_LEN);
    e->keys[0].created = c->now;
    e->keys[0].expires = c->expires;
    e->n_keys = n + 1;
}


static hx_change_result_t
hx_change_create(hx_tenant_edit_t *e, const hx_change_t *c)
{
    unsigned  i;

    if (c->n_namespaces > HX_TENANT_NAMESPACES) {
        return HX_CHANGE_TOO_MANY;
    }

    memset(e, 0, sizeof(hx_tenant_edit_t));

    e->created = c->now;
    e->quota = HX_TENANT_NONE;
    e->id = c->id;
    e->plan = c->plan;
    e->email = c->email;

    for (i = 0; i < c->n_namespaces; i++) {
        (void) hx_change_add(e, &c->namespaces[i]);
    }

    hx_change_key(e, c);

    return HX_CHANGED;
}


static hx_change_result_t
hx_change_one(hx_tenant_edit_t *e, const hx_change_t *c)
{
    switch (c->op) {

    case HX_CHANGE_CREATE:
        return hx_change_create(e, c);

    case HX_CHANGE_ROTATE:
        hx_change_key(e, c);
        break;

    case HX_CHANGE_ADD_NAMESPACE:
        return hx_change_add(e, &c->namespaces[0]);

    case HX_CHANGE_REMOVE_NAMESPACE:
        return hx_change_remove(e, &c->namespaces[0]);

    case HX_CHANGE_SUSPEND:
        e->status = HX_TENANT_SUSPENDED;
        break;

    case HX_CHANGE_ACTIVATE:
        e->status = HX_TENANT_ACTIVE;
        break;

    case HX_CHANGE_UPDATE_TIER:
        e->plan = c->plan;

        if (c->set_quota) {
            e->quota = c->quota;
        }

        if (c->set_rate) {
            e->requests = c->requests;
            e->window_s = c->window_s;
        }

        break;

    case HX_CHANGE_DELETE:
        break;
    }

    return HX_CHANGED;
}


hx_change_result_t
hx_tenant_apply(hx_tenant_edit_t *e, int exists, const hx_change_t *c)
{
    hx_change_result_t  rc;

    if (exists && c->op == HX_CHANGE_CREATE) {
        return HX_CHANGE_EXISTS;
    }

    if (!exists && c->op != HX_CHANGE_CREATE) {
        return HX_CHANGE_NO_TENANT;
    }

    rc = hx_change_one(e, c);

    if (rc == HX_CHANGED) {
        e->updated = c->now;
    }

    return rc;
}
