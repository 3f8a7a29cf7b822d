/*
 * hx_cost_test.c -- only an answer of the engine, and only 2xx or 304, costs;
 * and what part of a quota is used.
 */

#include "hx_test.h"

#include "hx_cost.h"


static void
every_status(void **state)
{
    unsigned  status;

    for (status = 0; status < 1000; status++) {
        assert_int_equal(hx_cost_charge(20, status, 1),
                         status / 100 == 2 || status == 304 ? 20 : 0);
        assert_int_equal(hx_cost_charge(20, status, 0), 0);
        assert_int_equal(hx_cost_charge(0, status, 1), 0);
    }

    assert_int_equal(hx_cost_charge(UINT32_MAX, 200, 1), UINT32_MAX);
}


static void
utilization(void **state)
{
    unsigned     i;
    uint64_t     used, quota;
    long double  part;

    assert_int_equal(hx_cost_utilization(0, 10000), 0);
    assert_int_equal(hx_cost_utilization(1234, 10000), 1234);
    assert_int_equal(hx_cost_utilization(10000, 10000), 10000);
    assert_int_equal(hx_cost_utilization(1, 3), 3333);
    assert_int_equal(hx_cost_utilization(2, 3), 6667);
    assert_int_equal(hx_cost_utilization(1, 20000), 1);         /* half: up */
    assert_int_equal(hx_cost_utilization(1, 20001), 0);
    assert_int_equal(hx_cost_utilization(30000, 10000), 30000);

    /* no quota, and none of it */
    assert_int_equal(hx_cost_utilization(UINT64_MAX, UINT64_MAX), 0);
    assert_int_equal(hx_cost_utilization(0, 0), 0);
    assert_int_equal(hx_cost_utilization(1, 0), 10000);

    /* beyond 64 bits on the way */
    assert_int_equal(hx_cost_utilization(UINT64_MAX - 1, UINT64_MAX - 1),
                     10000);

    for (i = 0; i < 100000; i++) {
        used = test_random() >> test_below(60);
        quota = (test_random() >> test_below(60)) | 1;

        if (quota == UINT64_MAX || used / quota > 1000000) {
            continue;
        }

        part = (long double) used * 10000 / (long double) quota;

        assert_true((long double) hx_cost_utilization(used, quota)
                    <= part + 0.500001L);
        assert_true((long double) hx_cost_utilization(used, quota)
                    >= part - 0.500001L);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(every_status),
        cmocka_unit_test(utilization)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
