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


/* What the C library makes of it, by the rule of the header. */
static const char *
model(double v)
{
    int          digits;
    static char  text[HX_NUMBER_MAX + 3];

    for (digits = 15; digits <= 17; digits++) {
        (void) snprintf(text, HX_NUMBER_MAX, "%.*g", digits, v);

        if (strtod(text, NULL) == v) {
            break;
        }
    }

    if (strpbrk(text, ".e") == NULL) {
        memcpy(text + strlen(text), ".0", 3);
    }

    return text;
}


/* Numbers as there are in answers, and those at the border of a digit. */
static void
test_like_the_c_library(void **state)
{
    int       i, e;
    double    v;

    for (i = 0; i < 400000; i++) {
        v = (double) (test_random() >> 11) * 0x1p-53;       /* 0 .. 1 */
        e = (int) test_below(56) - 26;

        switch (i % 6) {
        case 0:
            break;
        case 1:
            v *= pow(10, e);
            break;
        case 2:
            v = (double) (1 + test_below(1000000))
                / (double) (1 + test_below(1000));
            break;
        case 3:
            v = (double) test_below(100000) * pow(10, e);
            break;
        case 4:
            v = ldexp(1, (int) test_below(180) - 90);
            break;
        default:
            v = (double) (test_random() >> (4 + test_below(30)))
                * pow(10, -(int) test_below(20));
        }

        v = i % 7 == 0 ? -v : i % 7 == 1 ? nextafter(v, 0)
            : i % 7 == 2 ? nextafter(v, 1e300) : v;
        assert_string_equal(text_of(v), model(v));
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_exact),
        cmocka_unit_test(test_like_the_c_library)
    };

    return cmocka_run_group_tests_name("hx_number", tests, NULL, NULL);
}
