/*
 * hx_adminpath_test.c -- the gate's own paths and their templates.
 */

#include "hx_test.h"

#include "hx_adminpath.h"
#include "hx_adminreq.h"


static unsigned
test_match(const char *path)
{
    return hx_adminpath_match((const unsigned char *) path, strlen(path));
}


static void
each_matches_itself(void **state)
{
    unsigned               i;
    const hx_adminpath_t  *p;

    for (i = 1; i < HX_ADMINPATHS; i++) {
        p = hx_adminpath(i);
        assert_int_equal(hx_adminpath_match(p->pattern.data, p->pattern.len),
                         i);
    }
}


/* Every call there is has a template, and is POST. */
static void
onboard(void **state)
{
    size_t                 skip;
    unsigned               i, seen;
    hx_admin_call_t        call;
    const hx_adminpath_t  *p;

    seen = 0;
    skip = strlen(HX_PATH_ONBOARD);

    for (i = 1; i < HX_ADMINPATHS; i++) {
        p = hx_adminpath(i);

        if (p->pattern.len > skip
            && memcmp(p->pattern.data, HX_PATH_ONBOARD, skip) == 0)
        {
            call = hx_adminpath_call(i);
            assert_int_not_equal(call, HX_ADMIN_CALLS);
            assert_int_equal(seen & 1U << call, 0);
            assert_memory_equal(p->method.data, "POST", 4);
            seen |= 1U << call;

        } else {
            assert_int_equal(hx_adminpath_call(i), HX_ADMIN_CALLS);
        }
    }

    assert_int_equal(hx_adminpath_call(0), HX_ADMIN_CALLS);
    assert_int_equal(hx_adminpath_call(HX_ADMINPATHS), HX_ADMIN_CALLS);

    assert_int_equal(seen, (1U << HX_ADMIN_CALLS) - 1);
}


static void
with_an_id(void **state)
{
    unsigned  one;

    one = test_match("/gate/admin/usage/acme");
    assert_memory_equal(hx_adminpath(one)->pattern.data,
                        "/gate/admin/usage/{tenant_id}", 29);
    assert_int_equal(test_match("/gate/admin/usage/{"), one);
    assert_int_not_equal(test_match("/gate/admin/tenants/acme"), one);
    assert_int_not_equal(test_match("/gate/admin/usage"), one);
    assert_int_equal(test_match("/gate/usage"), HX_ADMINPATH_OWN);
}


static void
none_of_them(void **state)
{
    size_t                            i;
    static const char *const          path[] = {
        "", "/", "/gate", "/gate/", "/gate/usage/", "/gate/usage/acme",
        "/gate/usag", "/gate/onboard/", "/gate/onboard/creat",
        "/gate/onboard/create/", "/gate/onboard/createe",
        "/gate/onboard/Create",
        "/gate/admin/tenants/", "/gate/admin/usage/", "/gate/admin/usages",
        "/gate/admin/usage/a/b", "/GATE/usage", "/v1/put"
    };

    for (i = 0; i < hx_nelts(path); i++) {
        assert_int_equal(test_match(path[i]), 0);
    }

    assert_int_equal(hx_adminpath_match(NULL, 0), 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(each_matches_itself),
        cmocka_unit_test(onboard),
        cmocka_unit_test(with_an_id),
        cmocka_unit_test(none_of_them)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
