/*
 * hx_limit_test.c -- what precedes what: override, plan, default; and that a
 * plan nobody has configured opens nothing.
 */

#include "hx_test.h"

#include "hx_limit.h"

static const hx_rate_t  dflt = { 77, 7 };

static const hx_plan_t  plans[] = {
    { hx_string("free"), 0, 0, 55, 1 },
    { hx_string("starter"), 3, 30, 200, 0 },
    { hx_string("gold"), 9, 90, 900, 1 },
    { hx_string("base"), UINT32_MAX, HX_WINDOW_SECONDS_MAX,
      HX_QUOTA_UNLIMITED, 0 }
};


typedef struct {
    const char  *plan;
    uint64_t     own_quota;
    uint32_t     own_requests;
    uint32_t     own_window;

    uint32_t     requests;
    uint32_t     window_s;
    uint64_t     quota;
    unsigned     overage;
    unsigned     unknown;
} hx_limit_row_t;

#define NONE        HX_TENANT_NONE
#define UNLIMITED   HX_QUOTA_UNLIMITED
#define LONGEST     HX_WINDOW_SECONDS_MAX

static const hx_limit_row_t  rows[] = {

    /* the plan's, or the default's where it has no rate */
    { "starter", NONE, 0, 0, 3, 30, 200, 0, 0 },
    { "gold", NONE, 0, 0, 9, 90, 900, 1, 0 },
    { "free", NONE, 0, 0, 77, 7, 55, 1, 0 },
    { "base", NONE, 0, 0, UINT32_MAX, LONGEST, UNLIMITED, 0, 0 },

    /* the tenant's own; overage stays the plan's */
    { "gold", 5, 0, 0, 9, 90, 5, 1, 0 },
    { "gold", 0, 0, 0, 9, 90, 0, 1, 0 },
    { "starter", 5, 0, 0, 3, 30, 5, 0, 0 },
    { "starter", UNLIMITED, 0, 0, 3, 30, UNLIMITED, 0, 0 },
    { "starter", NONE, 1, 2, 1, 2, 200, 0, 0 },
    { "free", NONE, 1, 2, 1, 2, 55, 1, 0 },
    { "gold", 1, UINT32_MAX, LONGEST, UINT32_MAX, LONGEST, 1, 1, 0 },
    { "gold", NONE, 1, 1, 1, 1, 900, 1, 0 },

    /* half an override, or one that no window can hold, is none */
    { "starter", NONE, 1, 0, 3, 30, 200, 0, 0 },
    { "starter", NONE, 0, 2, 3, 30, 200, 0, 0 },
    { "starter", NONE, 1, LONGEST + 1, 3, 30, 200, 0, 0 },
    { "starter", NONE, 1, UINT32_MAX, 3, 30, 200, 0, 0 },
    { "free", NONE, 1, 0, 77, 7, 55, 1, 0 },

    /* a plan that is not there: default rate, starter's quota */
    { "pro", NONE, 0, 0, 77, 7, 200, 0, 1 },
    { "golden", NONE, 0, 0, 77, 7, 200, 0, 1 },
    { "gol", NONE, 0, 0, 77, 7, 200, 0, 1 },
    { "bold", NONE, 0, 0, 77, 7, 200, 0, 1 },
    { "", NONE, 0, 0, 77, 7, 200, 0, 1 },
    { "pro", 5, 1, 2, 1, 2, 5, 0, 1 },
    { "pro", UNLIMITED, 0, 0, 77, 7, UNLIMITED, 0, 1 },
    { "pro", NONE, 1, 0, 77, 7, 200, 0, 1 }
};


static void
resolve(hx_limit_t *out, const char *plan, uint64_t quota, uint32_t requests,
    uint32_t window_s, const hx_plan_t *table, unsigned n)
{
    hx_tenant_t  t;

    /* nothing else of a tenant counts, and nothing of *out stays */

    memset(&t, 0x5a, sizeof(t));
    memset(out, 0xa5, sizeof(hx_limit_t));

    t.quota = quota;
    t.requests = requests;
    t.window_s = window_s;
    t.plan.len = strlen(plan);
    t.plan.data = test_edge(plan, t.plan.len);

    hx_limit_resolve(out, &t, table, n, &dflt);
}


static void
precedence(void **state)
{
    size_t                 i;
    hx_limit_t             l;
    const hx_limit_row_t  *r;

    for (i = 0; i < hx_nelts(rows); i++) {
        r = &rows[i];
        resolve(&l, r->plan, r->own_quota, r->own_requests, r->own_window,
                plans, hx_nelts(plans));

        if (l.rate.requests != r->requests || l.rate.window_s != r->window_s
            || l.quota != r->quota || l.overage != r->overage
            || l.unknown_plan != r->unknown)
        {
            fail_msg("row %zu, %s: %u/%u quota %llu overage %u unknown %u", i,
                     r->plan, l.rate.requests, l.rate.window_s,
                     (unsigned long long) l.quota, l.overage, l.unknown_plan);
        }
    }
}


/* Without a "starter" in the table the built-in one counts. */
static void
no_starter(void **state)
{
    hx_limit_t  l;

    resolve(&l, "starter", NONE, 0, 0, plans + 2, 2);
    assert_int_equal(l.rate.requests, 77);
    assert_int_equal(l.quota, 10000);
    assert_int_equal(l.overage, 0);
    assert_int_equal(l.unknown_plan, 1);

    resolve(&l, "gold", NONE, 0, 0, NULL, 0);
    assert_int_equal(l.rate.window_s, 7);
    assert_int_equal(l.quota, 10000);
    assert_int_equal(l.overage, 0);
    assert_int_equal(l.unknown_plan, 1);
}


/* The built-in table as nginx uses it, and one name that is not in it. */
static void
documented_plans(void **state)
{
    hx_limit_t        l;
    unsigned          i, n;
    const hx_plan_t  *table;
    const hx_rate_t   rate = { HX_DEFAULT_REQUESTS, HX_DEFAULT_WINDOW_S };

    static const struct {
        const char  *plan;
        uint32_t     requests;
        uint64_t     quota;
        unsigned     overage;
    } want[] = {
        { "starter", 10, 10000, 0 },
        { "builder", 100, 500000, 1 },
        { "pro", 1000, 5000000, 1 },
        { "enterprise", 100, HX_QUOTA_UNLIMITED, 1 },
        { "platinum", 100, 10000, 0 }
    };

    table = hx_plan_builtin(&n);

    for (i = 0; i < hx_nelts(want); i++) {
        hx_tenant_t  t;

        memset(&t, 0, sizeof(t));
        t.quota = HX_TENANT_NONE;
        t.plan = test_str(want[i].plan);

        hx_limit_resolve(&l, &t, table, n, &rate);
        assert_int_equal(l.rate.requests, want[i].requests);
        assert_int_equal(l.rate.window_s, 60);
        assert_true(l.quota == want[i].quota);
        assert_int_equal(l.overage, want[i].overage);
        assert_int_equal(l.unknown_plan, i == 4);
    }
}


/* Whatever a record holds: a rate that a window can keep. */
static void
any_record(void **state)
{
    size_t       i;
    hx_limit_t   l;

    static const char *const  names[] = { "free", "starter", "gold", "base",
                                          "pro", "" };

    for (i = 0; i < 100000; i++) {
        resolve(&l, names[test_below(hx_nelts(names))], test_random(),
                (uint32_t) (test_random() >> test_below(64)),
                (uint32_t) (test_random() >> test_below(64)), plans,
                hx_nelts(plans));

        assert_true(l.rate.requests != 0);
        assert_in_range(l.rate.window_s, 1, HX_WINDOW_SECONDS_MAX);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(precedence),
        cmocka_unit_test(no_starter),
        cmocka_unit_test(documented_plans),
        cmocka_unit_test(any_record)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
