/*
 * hx_change_test.c -- what an operator's changes do to a tenant: one by one,
 * and long random sequences against a naive model of lists of numbers.
 */

#include "hx_test_tenant.h"

#define HX_NAMES   300              /* more than a tenant may have */

static char               names[HX_NAMES][8];
static hx_change_t        change;   /* large */
static hx_tenant_edit_t   edit;


static int
test_setup(void **state)
{
    unsigned  i;

    for (i = 0; i < HX_NAMES; i++) {
        (void) snprintf(names[i], sizeof(names[i]), "ns%u", i);
    }

    return 0;
}


static void
test_begin(hx_change_op_t op, uint64_t now)
{
    memset(&change, 0, sizeof(change));
    change.op = op;
    change.now = now;
    change.id = test_str("acme");
}


static void
test_hash(unsigned char hash[HX_SHA256_LEN], unsigned key)
{
    memset(hash, 0, HX_SHA256_LEN);
    memcpy(hash, &key, sizeof(key));
}


static void
test_create(uint64_t now, unsigned key)
{
    test_begin(HX_CHANGE_CREATE, now);
    change.plan = test_str("starter");
    change.email = test_str("a@b");
    change.n_namespaces = 1;
    change.namespaces[0] = test_str("default");
    test_hash(change.hash, key);
    assert_int_equal(hx_tenant_apply(&edit, 0, &change), HX_CHANGED);
}


static void
test_rotate(uint64_t now, unsigned key, uint64_t grace)
{
    test_begin(HX_CHANGE_ROTATE, now);
    change.grace_s = grace;
    test_hash(change.hash, key);
    assert_int_equal(hx_tenant_apply(&edit, 1, &change), HX_CHANGED);
}


static void
test_key(unsigned i, unsigned key, uint64_t created, uint64_t expires)
{
    hx_tenant_key_t  want;

    test_hash(want.hash, key);
    want.created = created;
    want.expires = expires;
    assert_true(i < edit.n_keys);
    assert_true(test_same_key(&edit.keys[i], &want));
}


static void
creating(void **state)
{
    hx_str_t  ns;

    memset(&edit, 0x5a, sizeof(edit));      /* what was there is no matter */
    test_create(1000, 1);

    ns = test_str("default");
    assert_int_equal(edit.status, HX_TENANT_ACTIVE);
    assert_int_equal(edit.created, 1000);
    assert_int_equal(edit.updated, 1000);
    assert_true(edit.quota == HX_TENANT_NONE);
    assert_int_equal(edit.requests, 0);
    assert_int_equal(edit.window_s, 0);
    assert_int_equal(edit.n_namespaces, 1);
    assert_true(test_same(&edit.namespaces[0], &ns));
    assert_int_equal(edit.n_keys, 1);
    test_key(0, 1, 1000, 0);

    /* there is one already: nothing of it changes */

    test_begin(HX_CHANGE_CREATE, 2000);
    assert_int_equal(hx_tenant_apply(&edit, 1, &change), HX_CHANGE_EXISTS);
    assert_int_equal(edit.updated, 1000);
}


static void
nobody_there(void **state)
{
    unsigned  op;

    for (op = HX_CHANGE_ROTATE; op <= HX_CHANGE_DELETE; op++) {
        test_begin((hx_change_op_t) op, 1000);
        change.n_namespaces = 1;
        change.namespaces[0] = test_str("x");
        memset(&edit, 0, sizeof(edit));
        assert_int_equal(hx_tenant_apply(&edit, 0, &change),
                         HX_CHANGE_NO_TENANT);
        assert_int_equal(edit.updated, 0);
        assert_int_equal(edit.n_keys, 0);
    }
}


static void
rotating(void **state)
{
    unsigned  i;

    /* without grace every old key is gone at once */

    test_create(1000, 1);
    test_rotate(2000, 2, 0);
    assert_int_equal(edit.n_keys, 1);
    test_key(0, 2, 2000, 0);

    /* with grace the old one lives on so long, and no longer */

    test_rotate(3000, 3, 100);
    assert_int_equal(edit.n_keys, 2);
    test_key(0, 3, 3000, 0);
    test_key(1, 2, 2000, 3100);

    /* a longer grace does not prolong what ends already */

    test_rotate(3050, 4, 1000);
    assert_int_equal(edit.n_keys, 3);
    test_key(1, 3, 3000, 4050);
    test_key(2, 2, 2000, 3100);

    /* what has ended goes: in that second, not after it */

    test_rotate(3100, 5, 10);
    assert_int_equal(edit.n_keys, 3);
    test_key(0, 5, 3100, 0);
    test_key(1, 4, 3050, 3110);
    test_key(2, 3, 3000, 3110);

    /* a full table loses the oldest */

    test_create(1000, 100);

    for (i = 1; i < 20; i++) {
        test_rotate(1000 + i, 100 + i, 500);
        assert_int_equal(edit.n_keys, i < HX_TENANT_KEYS ? i + 1
                                                         : HX_TENANT_KEYS);
        test_key(0, 100 + i, 1000 + i, 0);
        test_key(1, 99 + i, 999 + i, 1500 + i);
    }

    test_key(HX_TENANT_KEYS - 1, 100 + 20 - HX_TENANT_KEYS,
             1020 - HX_TENANT_KEYS, 1521 - HX_TENANT_KEYS);
}


/* A rotation is no pardon, and a pardon is no rotation. */
static void
suspending(void **state)
{
    test_create(1000, 1);

    test_begin(HX_CHANGE_SUSPEND, 1001);
    assert_int_equal(hx_tenant_apply(&edit, 1, &change), HX_CHANGED);
    assert_int_equal(hx_tenant_apply(&edit, 1, &change), HX_CHANGED);
    assert_int_equal(edit.status, HX_TENANT_SUSPENDED);

    test_rotate(1002, 2, 100);
    assert_int_equal(edit.status, HX_TENANT_SUSPENDED);

    test_begin(HX_CHANGE_UPDATE_TIER, 1003);
    change.plan = test_str("pro");
    assert_int_equal(hx_tenant_apply(&edit, 1, &change), HX_CHANGED);
    assert_int_equal(edit.status, HX_TENANT_SUSPENDED);

    test_begin(HX_CHANGE_ACTIVATE, 1004);
    assert_int_equal(hx_tenant_apply(&edit, 1, &change), HX_CHANGED);
    assert_int_equal(edit.status, HX_TENANT_ACTIVE);
    assert_int_equal(edit.n_keys, 2);
}


static void
changing_the_tier(void **state)
{
    hx_str_t  plan;

    test_create(1000, 1);
    plan = test_str("pro");

    test_begin(HX_CHANGE_UPDATE_TIER, 1001);
    change.plan = plan;
    change.set_quota = 1;
    change.quota = 77;
    change.set_rate = 1;
    change.requests = 5;
    change.window_s = 6;
    assert_int_equal(hx_tenant_apply(&edit, 1, &change), HX_CHANGED);
    assert_true(test_same(&edit.plan, &plan));
    assert_int_equal(edit.quota, 77);
    assert_int_equal(edit.requests, 5);
    assert_int_equal(edit.window_s, 6);

    /* what is not named stays */

    test_begin(HX_CHANGE_UPDATE_TIER, 1002);
    change.plan = test_str("builder");
    change.quota = 1;
    change.requests = 1;
    assert_int_equal(hx_tenant_apply(&edit, 1, &change), HX_CHANGED);
    assert_int_equal(edit.quota, 77);
    assert_int_equal(edit.requests, 5);
    assert_int_equal(edit.window_s, 6);
}


typedef struct {
    unsigned   id;
    uint64_t   created;
    uint64_t   expires;
} hx_model_key_t;

typedef struct {
    int              suspended;
    uint64_t         created;
    uint64_t         updated;
    uint64_t         quota;
    uint32_t         requests;
    uint32_t         window_s;
    const char      *plan;
    unsigned         n_names;
    unsigned         name[HX_TENANT_NAMESPACES];
    unsigned         n_keys;
    hx_model_key_t   key[HX_TENANT_KEYS];
} hx_model_t;

/* What the model and the change are both made of. */
typedef struct {
    hx_change_op_t   op;
    uint64_t         now;
    uint64_t         grace;
    uint64_t         expires;
    const char      *plan;
    unsigned         key;
    unsigned         n_names;
    unsigned         name[HX_TENANT_NAMESPACES];
    int              set_quota;
    int              set_rate;
} hx_order_t;


static unsigned
model_has(const hx_model_t *m, unsigned name)
{
    unsigned  i, n;

    for (i = 0, n = 0; i < m->n_names; i++) {
        n += m->name[i] == name;
    }

    return n;
}


static void
model_key(hx_model_t *m, const hx_order_t *o)
{
    unsigned    i;
    hx_model_t  old;

    old = *m;
    m->n_keys = 1;
    m->key[0].id = o->key;
    m->key[0].created = o->now;
    m->key[0].expires = o->expires;

    for (i = 0; i < old.n_keys; i++) {
        const uint64_t  was = old.key[i].expires ? old.key[i].expires
                                                 : UINT64_MAX;
        const uint64_t  end = was < o->now + o->grace ? was
                                                      : o->now + o->grace;

        if (end > o->now && m->n_keys < HX_TENANT_KEYS) {
            m->key[m->n_keys] = old.key[i];
            m->key[m->n_keys++].expires = end;
        }
    }
}


static hx_change_result_t
model_namespaces(hx_model_t *m, const hx_order_t *o)
{
    unsigned    i;
    hx_model_t  old;

    if (o->op == HX_CHANGE_ADD_NAMESPACE) {
        if (!model_has(m, o->name[0])) {
            if (m->n_names == HX_TENANT_NAMESPACES) {
                return HX_CHANGE_TOO_MANY;
            }

            m->name[m->n_names++] = o->name[0];
        }

        return HX_CHANGED;
    }

    if (!model_has(m, o->name[0])) {
        return HX_CHANGE_NO_NAMESPACE;
    }

    if (m->n_names == 1) {
        return HX_CHANGE_LAST_NAMESPACE;
    }

    old = *m;
    m->n_names = 0;

    for (i = 0; i < old.n_names; i++) {
        if (old.name[i] != o->name[0]) {
            m->name[m->n_names++] = old.name[i];
        }
    }

    return HX_CHANGED;
}


static hx_change_result_t
model_apply(hx_model_t *m, const hx_order_t *o)
{
    unsigned            i;
    hx_change_result_t  rc;

    rc = HX_CHANGED;

    switch (o->op) {

    case HX_CHANGE_CREATE:
        memset(m, 0, sizeof(hx_model_t));
        m->created = o->now;
        m->quota = HX_TENANT_NONE;
        m->plan = o->plan;

        for (i = 0; i < o->n_names; i++) {
            if (!model_has(m, o->name[i])) {
                m->name[m->n_names++] = o->name[i];
            }
        }

        /* fall through */

    case HX_CHANGE_ROTATE:
        model_key(m, o);
        break;

    case HX_CHANGE_ADD_NAMESPACE:
    case HX_CHANGE_REMOVE_NAMESPACE:
        rc = model_namespaces(m, o);
        break;

    case HX_CHANGE_SUSPEND:
    case HX_CHANGE_ACTIVATE:
        m->suspended = o->op == HX_CHANGE_SUSPEND;
        break;

    default:
        m->plan = o->plan;
        m->quota = o->set_quota ? o->now : m->quota;
        m->requests = o->set_rate ? o->key : m->requests;
        m->window_s = o->set_rate ? o->key + 1 : m->window_s;
    }

    m->updated = rc == HX_CHANGED ? o->now : m->updated;

    return rc;
}


static void
model_compare(const hx_model_t *m)
{
    unsigned                  i;
    static hx_tenant_edit_t   want;

    memset(&want, 0, sizeof(want));
    want.status = m->suspended ? HX_TENANT_SUSPENDED : HX_TENANT_ACTIVE;
    want.created = m->created;
    want.updated = m->updated;
    want.quota = m->quota;
    want.requests = m->requests;
    want.window_s = m->window_s;
    want.id = test_str("acme");
    want.plan = test_str(m->plan);
    want.email = test_str("a@b");
    want.n_namespaces = m->n_names;
    want.n_keys = m->n_keys;

    for (i = 0; i < m->n_names; i++) {
        want.namespaces[i] = test_str(names[m->name[i]]);
    }

    for (i = 0; i < m->n_keys; i++) {
        test_hash(want.keys[i].hash, m->key[i].id);
        want.keys[i].created = m->key[i].created;
        want.keys[i].expires = m->key[i].expires;
    }

    assert_true(test_same_tenant(&edit, &want));
}


static void
test_order(const hx_order_t *o)
{
    unsigned  i;

    test_begin(o->op, o->now);
    change.plan = test_str(o->plan);
    change.email = test_str("a@b");
    change.grace_s = o->grace;
    change.expires = o->expires;
    change.n_namespaces = o->n_names;
    test_hash(change.hash, o->key);
    change.set_quota = (o->set_quota != 0);
    change.set_rate = (o->set_rate != 0);
    change.quota = o->now;
    change.requests = o->key;
    change.window_s = o->key + 1;

    for (i = 0; i < o->n_names; i++) {
        change.namespaces[i] = test_str(names[o->name[i]]);
    }
}


static void
test_random_order(hx_order_t *o, size_t few)
{
    unsigned  i;

    static const char *const      plans[] = { "starter", "builder", "pro" };
    static const hx_change_op_t   ops[] = {
        HX_CHANGE_ROTATE, HX_CHANGE_ROTATE, HX_CHANGE_ADD_NAMESPACE,
        HX_CHANGE_ADD_NAMESPACE, HX_CHANGE_ADD_NAMESPACE,
        HX_CHANGE_REMOVE_NAMESPACE, HX_CHANGE_REMOVE_NAMESPACE,
        HX_CHANGE_SUSPEND, HX_CHANGE_ACTIVATE, HX_CHANGE_UPDATE_TIER
    };

    o->op = ops[test_below(hx_nelts(ops))];
    o->now += test_below(60);
    o->grace = test_below(2) ? 0 : test_below(300);
    o->expires = test_below(4) ? 0 : o->now + 1 + test_below(200);
    o->plan = plans[test_below(3)];
    o->key++;
    o->n_names = 1;
    o->set_quota = (int) test_below(2);
    o->set_rate = (int) test_below(2);

    for (i = 0; i < HX_TENANT_NAMESPACES; i++) {
        o->name[i] = (unsigned) test_below(few);
    }

    /* nearly every name is one it has: a full list must fill up again */

    if (few == HX_NAMES && o->op == HX_CHANGE_REMOVE_NAMESPACE
        && test_below(20))
    {
        o->op = HX_CHANGE_ADD_NAMESPACE;
    }
}


static void
against_the_model(void **state)
{
    size_t               i, k, few;
    unsigned             seen[HX_CHANGE_NO_NAMESPACE + 1];
    hx_model_t           model;
    hx_order_t           o;
    hx_tenant_edit_t     before;
    hx_change_result_t   rc;

    memset(seen, 0, sizeof(seen));
    memset(&o, 0, sizeof(o));

    for (i = 0; i < 300; i++) {
        few = i % 3 ? 5 : HX_NAMES;
        test_random_order(&o, few);
        o.op = HX_CHANGE_CREATE;
        o.n_names = few == 5 ? 1 : HX_TENANT_NAMESPACES;

        for (k = 0; few != 5 && k < HX_TENANT_NAMESPACES; k++) {
            o.name[k] = test_below(500) ? (unsigned) k : o.name[k];
        }

        test_order(&o);
        assert_int_equal(hx_tenant_apply(&edit, 0, &change),
                         model_apply(&model, &o));
        model_compare(&model);

        for (k = 0; k < 200; k++) {
            test_random_order(&o, few);
            test_order(&o);
            before = edit;
            rc = hx_tenant_apply(&edit, 1, &change);
            assert_int_equal(rc, model_apply(&model, &o));
            seen[rc]++;

            if (rc != HX_CHANGED) {
                assert_true(test_same_tenant(&before, &edit));
            }

            model_compare(&model);
        }
    }

    assert_true(seen[HX_CHANGED] > 1000 && seen[HX_CHANGE_TOO_MANY] > 50
                && seen[HX_CHANGE_LAST_NAMESPACE] > 50
                && seen[HX_CHANGE_NO_NAMESPACE] > 50);
}


static void
too_many_at_once(void **state)
{
    test_begin(HX_CHANGE_CREATE, 1000);
    change.n_namespaces = HX_TENANT_NAMESPACES + 1;
    memset(&edit, 0, sizeof(edit));
    assert_int_equal(hx_tenant_apply(&edit, 0, &change), HX_CHANGE_TOO_MANY);
    assert_int_equal(edit.n_keys, 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(creating),
        cmocka_unit_test(nobody_there),
        cmocka_unit_test(rotating),
        cmocka_unit_test(suspending),
        cmocka_unit_test(changing_the_tier),
        cmocka_unit_test(against_the_model),
        cmocka_unit_test(too_many_at_once)
    };

    return cmocka_run_group_tests(tests, test_setup, NULL);
}
