/*
 * hx_api_weak_test.c -- where "weak" is allowed, and lists that are none.
 */

#include "hx_test.h"
#include "hx_api_weak.h"


static int
allowed(const char *list, const char *ns, const char *domain)
{
    hx_str_t  n, d;

    n = test_str(ns);
    d = test_str(domain);

    return hx_weak_allowed(list, &n, &d);
}


static void
test_names(void **state)
{
    assert_false(allowed("", "a", "d"));
    assert_false(allowed("", "", ""));
    assert_true(allowed("a", "a", "d"));
    assert_false(allowed("a", "ab", "d"));
    assert_false(allowed("ab", "a", "d"));
    assert_true(allowed("x,a,y", "a", "d"));
    assert_true(allowed("x,y,a", "a", "d"));
    assert_false(allowed("x,domain:a", "a", "d"));
    assert_true(allowed("x,domain:a", "b", "a"));
    assert_true(allowed("domain:a:b", "b", "a:b"));
    assert_false(allowed("domain:", "b", ""));
    assert_true(allowed("*", "b", "c"));
    assert_false(allowed("domain:*", "b", "c"));
}


static void
test_lists(void **state)
{
    assert_true(hx_weak_check(""));
    assert_true(hx_weak_check("*"));
    assert_true(hx_weak_check("a,b-c_D9,domain:x.y:z"));
    assert_false(hx_weak_check(","));
    assert_false(hx_weak_check("a,"));
    assert_false(hx_weak_check(",a"));
    assert_false(hx_weak_check("a b"));
    assert_false(hx_weak_check("domain:"));
    assert_false(hx_weak_check("domain:a b"));
    assert_false(hx_weak_check("namespace:a"));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_lists)
    };

    return cmocka_run_group_tests_name("hx_api_weak", tests, NULL, NULL);
}
