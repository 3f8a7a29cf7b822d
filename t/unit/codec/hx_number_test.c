/*
 * hx_number_test.c -- doubles as JSON: exact both ways, never an integer.
 */

#include <float.h>
#include <math.h>

#include "hx_test.h"
#include "hx_number.h"


static const char *
text_of(double v)
{
    hx_buf_t      b;
    static char   mem[HX_NUMBER_MAX + 1];

    hx_buf_init(&b, mem, HX_NUMBER_MAX);
    hx_number_f8(&b, v);
    assert_true(hx_buf_ok(&b));
    *b.last = '\0';

    return mem;
}


static void
test_forms(void **state)
{
    assert_string_equal(text_of(0), "0.0");
    assert_string_equal(text_of(-0.0), "-0.0");
    assert_string_equal(text_of(1), "1.0");
    assert_string_equal(text_of(-1), "-1.0");
    assert_string_equal(text_of(999999999999999.0), "999999999999999.0");
    assert_string_equal(text_of(-999999999999999.0), "-999999999999999.0");
    assert_string_equal(text_of(1e15), "1e+15");
    assert_string_equal(text_of(1e15 + 1), "1000000000000001.0");
    assert_string_equal(text_of(0.1), "0.1");
    assert_string_equal(text_of(1.0 / 3), "0.3333333333333333");
    assert_string_equal(text_of(1e300), "1e+300");
    assert_string_equal(text_of(123456789012345680.0),
                        "1.2345678901234568e+17");
    assert_string_equal(text_of(NAN), "null");
    assert_string_equal(text_of(-INFINITY), "null");
    assert_string_equal(text_of(-DBL_MAX), "-1.7976931348623157e+308");
    assert_string_equal(text_of(4.9406564584124654e-324),
                        "4.94065645841247e-324");
}


static void
test_exact(void **state)
{
    int       i;
    double    v;
    uint64_t  bits;

    for (i = 0; i < 200000; i++) {
        bits = test_random();
        memcpy(&v, &bits, sizeof(v));

        if (isfinite(v)) {
            assert_true(strtod(text_of(v), NULL) == v);
            assert_true(strpbrk(text_of(v), ".e") != NULL);
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_exact)
    };

    return cmocka_run_group_tests_name("hx_number", tests, NULL, NULL);
}
