/*
 * hx_redis_scan_test.c -- what replies of Redis announce: sums of elements in
 * whatever pieces the bytes come, and what is too much.
 */

#include "hx_test.h"

#include "hx_redis_scan.h"

#define HX_MAX   1000

static char             text[100000];
static size_t           text_len;
static uint64_t         elements;
static hx_redis_scan_t  scan;


/* A random value, and how many elements its arrays announce. */
static void
test_value(unsigned depth)
{
    size_t         i, n;
    const size_t   left = sizeof(text) - text_len;

    switch (test_below(depth < 4 ? 7 : 5)) {

    case 0:
        text_len += (size_t) snprintf(text + text_len, left, "+OK$9*9\r\n");
        return;

    case 1:
        text_len += (size_t) snprintf(text + text_len, left, ":-%zu\r\n",
                                      test_below(100000));
        return;

    case 2:
        text_len += (size_t) snprintf(text + text_len, left, "%s",
                                      test_below(2) ? "$-1\r\n" : "*-1\r\n");
        return;

    case 3:
    case 4:
        n = test_below(50);
        text_len += (size_t) snprintf(text + text_len, left, "$%zu\r\n", n);

        for (i = 0; i < n; i++) {
            text[text_len++] = "*$\r\n9"[test_below(5)];
        }

        text[text_len++] = '\r';
        text[text_len++] = '\n';
        return;

    default:
        n = test_below(6);
        elements += n;
        text_len += (size_t) snprintf(text + text_len, left, "*%zu\r\n", n);

        for (i = 0; i < n; i++) {
            test_value(depth + 1);
        }
    }
}


static void
any_pieces(void **state)
{
    size_t    n, pos;
    unsigned  i, k;

    hx_redis_scan_init(&scan);

    for (i = 0; i < 3000; i++) {
        text_len = 0;
        elements = 0;
        scan.elements = 0;

        for (k = (unsigned) test_below(8); k > 0; k--) {
            test_value(0);
        }

        for (pos = 0; pos < text_len; pos += n) {
            n = 1 + test_below(i % 3 ? text_len - pos : 3);
            n = n < text_len - pos ? n : text_len - pos;
            assert_int_equal(hx_redis_scan(&scan, test_edge(text + pos, n), n,
                                           HX_MAX), HX_OK);
        }

        assert_true(scan.elements == elements);
    }
}


static hx_rc_t
test_scan(const char *s)
{
    const size_t  n = strlen(s);

    return hx_redis_scan(&scan, test_edge(s, n), n, HX_MAX);
}


static void
too_much(void **state)
{
    size_t  i;

    static const char  *bad[] = {
        "*1048577\r\n",
        "*2147483647\r\n",
        "*99999999999999999999\r\n",
        "*2\r\n*600000\r\n*600000\r\n",
        "+OK\r\n$1001\r\n",
        "+a\n$9\r\n*1048577\r\n",         /* the line ends behind the 9 */
        ":1\r$9\r\r\n*1048577\r\n",
        "%524289\r\n",
        "=1001\r\n",
        "$4294967296\r\n",
        "$18446744073709551615\r\n"
    };

    for (i = 0; i < hx_nelts(bad); i++) {
        hx_redis_scan_init(&scan);
        assert_int_equal(test_scan(bad[i]), HX_NO);
    }

    hx_redis_scan_init(&scan);
    assert_int_equal(test_scan("*1048575\r\n*0\r\n*1\r\n$1000\r\n"), HX_OK);
    assert_true(scan.skip == 1002);

    hx_redis_scan_init(&scan);
    assert_int_equal(test_scan("+a\n*1048577\r\n%524288\r\n"), HX_OK);

    /* of the next reply as many again */

    hx_redis_scan_init(&scan);
    assert_int_equal(test_scan("*1048576\r\n"), HX_OK);
    scan.elements = 0;
    assert_int_equal(test_scan("*1048576\r\n"), HX_OK);
    assert_int_equal(test_scan("*1\r\n"), HX_NO);
}


static void
garbage(void **state)
{
    size_t    n, k;
    unsigned  i;
    char      s[64];

    for (i = 0; i < 200000; i++) {
        hx_redis_scan_init(&scan);
        n = test_below(sizeof(s));

        for (k = 0; k < n; k++) {
            s[k] = "*$+-:0199\r\n\n\xffx"[test_below(14)];
        }

        (void) hx_redis_scan(&scan, test_edge(s, n), n, HX_MAX);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(any_pieces),
        cmocka_unit_test(too_much),
        cmocka_unit_test(garbage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
