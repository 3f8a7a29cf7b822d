/*
 * hx_cost_test.c -- only an answer of the engine, and only 2xx or 304, costs.
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


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(every_status)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
