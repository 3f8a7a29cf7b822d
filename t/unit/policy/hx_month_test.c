/*
 * hx_month_test.c -- the C library's calendar says the same, at random times
 * and around every beginning of a month; what is no month is none.
 */

#include "hx_test.h"

#include <time.h>

#include "hx_month.h"

#define HX_YEAR_10000   INT64_C(253402300800)


static unsigned
test_month_of(int64_t sec)
{
    time_t      t;
    struct tm   tm;

    t = (time_t) sec;
    assert_non_null(gmtime_r(&t, &tm));

    return (unsigned) ((tm.tm_year + 1900) * 100 + tm.tm_mon + 1);
}


static int64_t
test_begin(int year, int month)
{
    struct tm  tm;

    memset(&tm, 0, sizeof(tm));
    tm.tm_year = year - 1900;
    tm.tm_mon = month - 1;
    tm.tm_mday = 1;

    return (int64_t) timegm(&tm);
}


static void
random_times(void **state)
{
    int64_t   sec, end;
    unsigned  i, month;

    for (i = 0; i < 300000; i++) {
        sec = (int64_t) test_below((size_t) HX_YEAR_10000);
        month = hx_month_of(sec);
        assert_int_equal(month, test_month_of(sec));

        end = hx_month_end(month);
        assert_true(end > sec);
        assert_int_equal(end, test_begin((int) (month / 100),
                                         (int) (month % 100) + 1));
    }
}


static void
every_month(void **state)
{
    int             year, month;
    int64_t         begin;
    unsigned        m, parsed;
    unsigned char   out[HX_MONTH_TEXT];
    char            text[32];

    for (year = 1970; year < 10000; year++) {
        for (month = 1; month <= 12; month++) {
            m = (unsigned) (year * 100 + month);
            begin = test_begin(year, month);

            assert_true(hx_month_valid(m));
            assert_int_equal(hx_month_of(begin), m);
            assert_int_equal(hx_month_of(hx_month_end(m) - 1), m);
            assert_int_not_equal(hx_month_of(hx_month_end(m)), m);

            if (begin != 0) {
                assert_int_not_equal(hx_month_of(begin - 1), m);
            }

            (void) snprintf(text, sizeof(text), "%04d-%02d", year, month);
            hx_month_text(out, m);
            assert_memory_equal(out, text, HX_MONTH_TEXT);

            parsed = 0;
            assert_int_equal(hx_month_parse(test_edge(text, HX_MONTH_TEXT),
                                            HX_MONTH_TEXT, &parsed), HX_OK);
            assert_int_equal(parsed, m);
        }
    }
}


static void
the_ends(void **state)
{
    assert_int_equal(hx_month_of(0), 197001);
    assert_int_equal(hx_month_of(-1), HX_MONTH_NONE);
    assert_int_equal(hx_month_of(INT64_MIN), HX_MONTH_NONE);
    assert_int_equal(hx_month_of(HX_YEAR_10000 - 1), 999912);
    assert_int_equal(hx_month_of(HX_YEAR_10000), HX_MONTH_NONE);
    assert_int_equal(hx_month_of(INT64_MAX), HX_MONTH_NONE);
    assert_int_equal(hx_month_end(999912), HX_YEAR_10000);

    /* leap days, and years that have none */

    assert_int_equal(hx_month_of(INT64_C(951782400)), 200002);
    assert_int_equal(hx_month_end(200002), INT64_C(951868800));
    assert_int_equal(hx_month_end(202602) - hx_month_end(202601), 28 * 86400);
    assert_int_equal(hx_month_end(202802) - hx_month_end(202801), 29 * 86400);
    assert_int_equal(hx_month_end(210002) - hx_month_end(210001), 28 * 86400);
}


static void
no_months(void **state)
{
    size_t    i;
    unsigned  m;

    static const unsigned  numbers[] = {
        0, 1, 12, 197000, 196912, 197013, 202600, 202613, 202699, 999913,
        1000001, 1000000, 4294967295u
    };
    static const char *const  texts[] = {
        "", "2026", "2026-", "2026-1", "2026-00", "2026-13", "2026-99",
        "1969-12", "0000-01", "2026-011", " 2026-01", "2026-01 ", "2026/01",
        "202601", "2026001", "20260-1", "+026-01", "-026-01", "2026--1",
        "2026-+1", "2026-1 ", "2O26-01", "2026-0:", "2026-/1", "12026-01"
    };

    for (i = 0; i < hx_nelts(numbers); i++) {
        assert_false(hx_month_valid(numbers[i]));
        assert_int_equal(hx_month_end(numbers[i]), 0);
    }

    for (i = 0; i < hx_nelts(texts); i++) {
        m = 4711;

        if (hx_month_parse(test_edge(texts[i], strlen(texts[i])),
                           strlen(texts[i]), &m)
            != HX_NO)
        {
            fail_msg("\"%s\" is a month", texts[i]);
        }

        assert_int_equal(m, 4711);
    }

    assert_int_equal(hx_month_parse((const unsigned char *) "2026-0\0", 7, &m),
                     HX_NO);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(random_times),
        cmocka_unit_test(every_month),
        cmocka_unit_test(the_ends),
        cmocka_unit_test(no_months)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
