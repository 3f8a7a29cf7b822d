/*
 * hx_auth_test.c -- the service key check: exactly one header, the scheme in
 * any case, the key to the byte.
 */

#include "hx_test.h"
#include "hx_auth.h"

static const unsigned char  key[] = "0123456789abcdef0123456789abcdef";


static hx_auth_t
check(hx_rc_t found, const char *value)
{
    hx_str_t  v;

    v.len = strlen(value);
    v.data = test_edge(value, v.len);

    return hx_auth_check(found, &v, key, sizeof(key) - 1);
}


static void
test_matrix(void **state)
{
    assert_int_equal(check(HX_NO, ""), HX_AUTH_MISSING);
    assert_int_equal(
        check(HX_OK, "Bearer 0123456789abcdef0123456789abcdef"), HX_AUTH_OK);
    assert_int_equal(
        check(HX_OK, "bEARER 0123456789abcdef0123456789abcdef"), HX_AUTH_OK);
    assert_int_equal(
        check(HX_FAIL, "Bearer 0123456789abcdef0123456789abcdef"),
        HX_AUTH_BAD);
    assert_int_equal(
        check(HX_OK, "Bearer 0123456789abcdef0123456789abcdeF"), HX_AUTH_BAD);
    assert_int_equal(
        check(HX_OK, "Bearer 0123456789abcdef0123456789abcde"), HX_AUTH_BAD);
    assert_int_equal(
        check(HX_OK, "Bearer 0123456789abcdef0123456789abcdef0"),
        HX_AUTH_BAD);
    assert_int_equal(
        check(HX_OK, "Bearer  0123456789abcdef0123456789abcdef"),
        HX_AUTH_BAD);
    assert_int_equal(
        check(HX_OK, "Bearer\t0123456789abcdef0123456789abcdef"),
        HX_AUTH_BAD);
    assert_int_equal(check(HX_OK, "Bearer "), HX_AUTH_BAD);
    assert_int_equal(check(HX_OK, "Bearer"), HX_AUTH_BAD);
    assert_int_equal(check(HX_OK, ""), HX_AUTH_BAD);
    assert_int_equal(check(HX_OK, "0123456789abcdef0123456789abcdef"),
                     HX_AUTH_BAD);
}


/* An engine without a key must not take an empty one. */
static void
test_no_key(void **state)
{
    hx_str_t  v = hx_string("Bearer x");

    assert_int_equal(hx_auth_check(HX_OK, &v, key, 0), HX_AUTH_BAD);
    v.len--;
    assert_int_equal(hx_auth_check(HX_OK, &v, key, 0), HX_AUTH_BAD);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_matrix),
        cmocka_unit_test(test_no_key)
    };

    return cmocka_run_group_tests_name("hx_auth", tests, NULL, NULL);
}
