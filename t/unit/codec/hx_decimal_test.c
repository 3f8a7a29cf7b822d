/*
 * hx_decimal_test.c -- numbers of any length are compared as what they are:
 * against sums written out digit by digit, and the bytes an index sorts by.
 */

#include "hx_test.h"
#include "hx_decimal.h"

#define SHIFT   60                      /* places behind the point */
#define PLACES  160                     /* all of them */


static hx_decimal_t
decimal(const char *text)
{
    hx_str_t      s;
    hx_decimal_t  d;

    s = test_str(text);
    hx_decimal_parse(&d, &s);

    return d;
}


static int
sign(int v)
{
    return v < 0 ? -1 : v > 0;
}


static int
compare(const char *a, const char *b)
{
    hx_decimal_t  x, y;

    x = decimal(a);
    y = decimal(b);
    assert_int_equal(sign(hx_decimal_compare(&x, &y)),
                     -sign(hx_decimal_compare(&y, &x)));

    return sign(hx_decimal_compare(&x, &y));
}


static void
test_examples(void **state)
{
    size_t  i;

    static const struct {
        const char  *a;
        const char  *b;
        int          want;
    }  v[] = {
        { "0", "-0", 0 }, { "0", "0e99", 0 }, { "-0.00", "0", 0 },
        { "1", "1.0", 0 }, { "1", "10e-1", 0 }, { "100", "1e2", 0 },
        { "0.001", "1e-3", 0 }, { "12.50", "1.25E+1", 0 },
        { "100.5", "1005e-1", 0 }, { "10203", "1.0203e4", 0 },
        { "9007199254740993", "9007199254740992", 1 },
        { "0.1", "0.1000000000000000055511151231257827", -1 },
        { "1e400", "1e401", -1 }, { "-1e400", "-1e401", 1 },
        { "1e-400", "0", 1 }, { "-1e-400", "0", -1 },
        { "1e-400", "2e-400", -1 },
        { "-1", "1", -1 }, { "2", "10", -1 }, { "-2", "-10", 1 },
        { "99999999999999999999", "100000000000000000000", -1 },
        { "1e999999999999999999", "1e999999999999999998", 1 },
        { "1e-999999999999999999", "1e-999999999999999998", -1 },

        /* the one bound there is */

        { "1e1000000000000000000", "1e99999999999999999999999", 0 },
        { "-1e1000000000000000000", "-1e99999999999999999999999", 0 },
        { "1e-1000000000000000000", "1e-99999999999999999999999", 0 }
    };

    for (i = 0; i < hx_nelts(v); i++) {
        if (compare(v[i].a, v[i].b) != v[i].want) {
            fail_msg("%s and %s", v[i].a, v[i].b);
        }
    }
}


/* A random number as JSON allows it. */
static void
number(char *out)
{
    size_t  n;

    if (test_below(2)) {
        *out++ = '-';
    }

    if (test_below(3) == 0) {
        *out++ = '0';

    } else {
        *out++ = (char) ('1' + test_below(test_below(2) ? 2 : 9));

        for (n = test_below(test_below(4) ? 3 : 30); n != 0; n--) {
            *out++ = (char) ('0' + test_below(test_below(2) ? 1 : 10));
        }
    }

    if (test_below(2)) {
        *out++ = '.';

        for (n = 1 + test_below(test_below(4) ? 3 : 25); n != 0; n--) {
            *out++ = (char) ('0' + test_below(test_below(2) ? 1 : 10));
        }
    }

    *out = '\0';

    if (test_below(2)) {
        (void) snprintf(out, 8, "%c%s%u", test_below(2) ? 'e' : 'E',
                        test_below(3) ? test_below(2) ? "-" : "" : "+",
                        (unsigned) test_below(30));
    }
}


/* All places of a number, and its sign: 0 for zero. */
static int
write_out(const char *text, unsigned char place[PLACES])
{
    int          negative, any;
    long         at, digits, point, exp;
    const char  *p;

    negative = *text == '-';
    text += negative;
    exp = 0;
    point = -1;

    for (p = text, digits = 0; *p != '\0' && (*p | 0x20) != 'e'; p++) {
        if (*p == '.') {
            point = digits;

        } else {
            digits++;
        }
    }

    if (*p != '\0') {
        exp = strtol(p + 1, NULL, 10);
    }

    point = point == -1 ? digits : point;
    memset(place, 0, PLACES);
    at = PLACES - SHIFT - point - exp;
    any = 0;

    for (p = text; *p != '\0' && (*p | 0x20) != 'e'; p++) {
        if (*p != '.') {
            any |= *p != '0';

            if (*p != '0') {
                assert_true(at >= 0 && at < PLACES);
                place[at] = (unsigned char) (*p - '0');
            }
            at++;
        }
    }

    return !any ? 0 : negative ? -1 : 1;
}


static void
test_against_written_out_numbers(void **state)
{
    int            x, y, want;
    char           a[80], b[80];
    unsigned       n, same;
    hx_decimal_t   p, q;
    unsigned char  pa[PLACES], pb[PLACES], ca[HX_DECIMAL_CODE],
                   cb[HX_DECIMAL_CODE];

    for (n = 0, same = 0; n < 400000; n++) {
        number(a);
        number(b);
        x = write_out(a, pa);
        y = write_out(b, pb);
        want = x != y ? sign(x - y) : x * sign(memcmp(pa, pb, PLACES));

        if (compare(a, b) != want) {
            fail_msg("%s and %s: %d", a, b, compare(a, b));
        }

        p = decimal(a);
        q = decimal(b);
        hx_decimal_encode(ca, &p);
        hx_decimal_encode(cb, &q);

        /* order is kept, and what is short is told apart */

        if (want == 0 ? memcmp(ca, cb, sizeof(ca)) != 0
                      : sign(memcmp(ca, cb, sizeof(ca))) == -want
                        || (strlen(a) < 17 && strlen(b) < 17
                            && memcmp(ca, cb, sizeof(ca)) == 0))
        {
            fail_msg("%s and %s: codes", a, b);
        }

        same += want == 0;
    }

    assert_in_range(same, 1000, 300000);
}


/* Codes of exponents that they cannot hold still keep the order. */
static void
test_codes_of_extremes(void **state)
{
    size_t         i;
    hx_decimal_t   d;
    unsigned char  c[2][HX_DECIMAL_CODE];

    static const char *const  v[] = {
        "-1e1000000000000000000000", "-9e40000", "-1e32767", "-1e32766", "-1",
        "-1e-32766", "-1e-32769", "-1e-32770", "-1e-99999999999999999999", "0",
        "1e-99999999999999999999", "1e-32770", "1e-32769", "1e-32766", "1",
        "9.99e32765", "1e32766", "9e32766", "1e32767", "1e40000",
        "1e1000000000000000000000"
    };

    for (i = 0; i < hx_nelts(v); i++) {
        d = decimal(v[i]);
        hx_decimal_encode(c[i % 2], &d);

        if (i != 0) {
            assert_true(memcmp(c[(i + 1) % 2], c[i % 2], sizeof(c[0])) <= 0);
        }
    }
}


/* Not a number at all: nothing is read beyond it. */
static void
test_any_text(void **state)
{
    size_t         len, i;
    unsigned       n;
    hx_str_t       s;
    hx_decimal_t   d;
    unsigned char  text[32], code[HX_DECIMAL_CODE];

    for (n = 0; n < 100000; n++) {
        len = test_below(sizeof(text));

        for (i = 0; i < len; i++) {
            text[i] = (unsigned char) "0123456789-+.eE"[test_below(15)];
        }

        s.data = test_edge(text, len);
        s.len = len;
        hx_decimal_parse(&d, &s);
        hx_decimal_encode(code, &d);
        assert_int_equal(hx_decimal_compare(&d, &d), 0);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_against_written_out_numbers),
        cmocka_unit_test(test_codes_of_extremes),
        cmocka_unit_test(test_any_text)
    };

    return cmocka_run_group_tests_name("hx_decimal", tests, NULL, NULL);
}
