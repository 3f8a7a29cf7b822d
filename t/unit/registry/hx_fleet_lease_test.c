/*
 * hx_fleet_lease_test.c -- leases of five nodes on one tenant's limit
 * (hx_fleet_sim.h): by the true instants of use there are never more than N in
 * any window, whatever nodes do, and a hot tenant costs little.
 */

#include "hx_fleet_sim.h"

#define SEEDS  20


static void
never_too_many(void **state)
{
    double    factor;
    uint32_t  n, w;
    uint64_t  seed;

    static const uint32_t  limits[] = { 10, 100, 101, 1000, 10000, 100000 };
    static const uint32_t  windows[] = { 1, 10, 60, 600 };
    static const double    factors[] = { 0.3, 0.9, 1.1, 3 };

    for (seed = 1; seed <= SEEDS; seed++) {
        test_seed = seed;
        n = limits[seed % hx_nelts(limits)];
        w = windows[test_below(hx_nelts(windows))];
        factor = factors[test_below(hx_nelts(factors))];
        begin(n, w, (double) n / w * factor);
        sim.bursts = test_below(3) == 0;

        if (test_below(2) == 0) {
            sim.gap = window_us() / 10;
            later(DIE, 0, 0);
        }

        run(window_us() * 4);
        report(sim.bursts ? sim.gap ? "bursts, deaths" : "bursts"
                          : sim.gap ? "deaths" : "even");
        assert_true(use_n > 0);
    }
}


static void
limits_change(void **state)
{
    uint64_t  seed;

    for (seed = 1; seed <= SEEDS; seed++) {
        test_seed = seed;
        begin(5000, 10, 200);
        sim.bursts = seed % 3 == 0;
        sim.widest = 60 * SECOND;
        sim.gap = seed % 2 == 0 ? 10 * SECOND : 0;
        later(CHANGE, 0, 5 * SECOND);

        if (sim.gap != 0) {
            later(DIE, 0, 0);
        }

        run(250 * SECOND);
        report("changes");
        assert_true(change_n >= 2);
        assert_true(use_n > 1000);
    }
}


static void
used_at_the_last_instant(void **state)
{
    uint64_t  seed;

    static const hx_rate_t  rates[] = {
        { 1000, 1 }, { 10000, 10 }, { 10000, 60 }, { 5000, 600 }
    };

    for (seed = 1; seed <= SEEDS; seed++) {
        test_seed = seed;
        begin(rates[seed % 4].requests, rates[seed % 4].window_s,
              2.5 * rates[seed % 4].requests / rates[seed % 4].window_s);
        sim.late = 1 + (unsigned) test_below(NODES);
        sim.early = seed % 2 == 0 ? 15 : 3;
        run(window_us() * 6);
        report("late");
        assert_true(use_n >= UINT64_C(5) * sim.rate.requests / 2);
    }
}


/* All that the limit allows, of which a lease's life may be lost. */
static void
hot_tenants_cost_little(void **state)
{
    size_t    i;
    uint64_t  before;

    static const hx_rate_t  rates[] = {
        { 1000000, 60 }, { 100000, 60 }, { 100000, 10 }, { 20000, 1 }
    };

    for (i = 0; i < hx_nelts(rates); i++) {
        test_seed = 77 + i;
        begin(rates[i].requests, rates[i].window_s,
              0.8 * rates[i].requests / rates[i].window_s);
        run(window_us() / 4);
        before = sim.operations;
        sim.requests = 0;
        run(rates[i].requests > 100000 ? window_us() : window_us() * 4);
        sim.operations -= before;
        report("within");
        assert_true(sim.operations * 100 <= sim.requests);
        assert_int_equal(sim.refused, 0);
    }

    for (i = 1; i < hx_nelts(rates); i++) {
        begin(rates[i].requests, rates[i].window_s,
              3.0 * rates[i].requests / rates[i].window_s);
        run(window_us() * 5);
        report("beyond");
        assert_true(sim.operations * 100 <= sim.requests);
        assert_true(use_n >= UINT64_C(4) * rates[i].requests);
    }
}


static int
setup(void **state)
{
    use = malloc(USES * sizeof(uint64_t));
    taking = malloc(TAKINGS * sizeof(taking_t));

    return use == NULL || taking == NULL || redis_start(state);
}


static int
teardown(void **state)
{
    free(use);
    free(taking);

    return redis_stop(state);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(never_too_many, setup, teardown),
        cmocka_unit_test_setup_teardown(limits_change, setup, teardown),
        cmocka_unit_test_setup_teardown(used_at_the_last_instant, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(hot_tenants_cost_little, setup,
                                        teardown)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
