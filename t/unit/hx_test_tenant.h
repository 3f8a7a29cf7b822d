/*
 * hx_test_tenant.h -- tenants for tests: random editable records whose strings
 * live in memory of the record's own, and their comparison.
 */

#ifndef HX_TEST_TENANT_H
#define HX_TEST_TENANT_H

#include "hx_test.h"

#include "hx_plan.h"
#include "hx_tenant.h"

typedef struct {
    hx_tenant_edit_t   e;
    char               id[HX_TENANT_MAX];
    char               email[HX_EMAIL_MAX];
    char               ns[HX_TENANT_NAMESPACES][HX_NAMESPACE_MAX];
} hx_test_tenant_t;


static inline hx_str_t
test_text(char *mem, size_t len)
{
    size_t    i;
    hx_str_t  s;

    static const char  chars[] = "abcXYZ019_-";

    for (i = 0; i < len; i++) {
        mem[i] = chars[test_below(sizeof(chars) - 1)];
    }

    s.data = (unsigned char *) mem;
    s.len = len;

    return s;
}


/* small: few and short, else up to the limits */
static inline void
test_tenant(hx_test_tenant_t *t, int small)
{
    unsigned  i;

    static const char *const  plans[] = {
        "starter", "builder", "pro", "enterprise"
    };

    memset(&t->e, 0, sizeof(t->e));

    t->e.status = test_below(2) ? HX_TENANT_SUSPENDED : HX_TENANT_ACTIVE;
    t->e.created = test_random() >> test_below(64);
    t->e.updated = test_random() >> test_below(64);
    t->e.quota = test_below(2) ? HX_TENANT_NONE
                 : test_below(2) ? HX_QUOTA_UNLIMITED : test_random();
    t->e.requests = (uint32_t) test_random();
    t->e.window_s = (uint32_t) test_random();
    t->e.id = test_text(t->id, 1 + test_below(HX_TENANT_MAX));
    t->e.email = test_text(t->email, test_below(HX_EMAIL_MAX + 1));
    t->e.plan = test_str(plans[test_below(4)]);
    t->e.n_keys = (unsigned) test_below(HX_TENANT_KEYS + 1);
    t->e.n_namespaces =
                (unsigned) test_below(small ? 4 : HX_TENANT_NAMESPACES + 1);

    for (i = 0; i < t->e.n_namespaces; i++) {
        t->e.namespaces[i] =
                  test_text(t->ns[i],
                            1 + test_below(small ? 12 : HX_NAMESPACE_MAX));
    }

    for (i = 0; i < t->e.n_keys; i++) {
        test_fill(t->e.keys[i].hash, HX_SHA256_LEN);
        t->e.keys[i].created = test_random();
        t->e.keys[i].expires = test_below(2) ? 0 : test_random();
    }
}


static inline int
test_same_key(const hx_tenant_key_t *a, const hx_tenant_key_t *b)
{
    return memcmp(a->hash, b->hash, HX_SHA256_LEN) == 0
           && a->created == b->created && a->expires == b->expires;
}


static inline int
test_same_tenant(const hx_tenant_edit_t *a, const hx_tenant_edit_t *b)
{
    unsigned  i;

    if (a->status != b->status || a->created != b->created
        || a->updated != b->updated || a->quota != b->quota
        || a->requests != b->requests || a->window_s != b->window_s
        || !test_same(&a->id, &b->id) || !test_same(&a->plan, &b->plan)
        || !test_same(&a->email, &b->email) || a->n_keys != b->n_keys
        || a->n_namespaces != b->n_namespaces)
    {
        return 0;
    }

    for (i = 0; i < a->n_namespaces; i++) {
        if (!test_same(&a->namespaces[i], &b->namespaces[i])) {
            return 0;
        }
    }

    for (i = 0; i < a->n_keys; i++) {
        if (!test_same_key(&a->keys[i], &b->keys[i])) {
            return 0;
        }
    }

    return 1;
}

#endif /* HX_TEST_TENANT_H */
