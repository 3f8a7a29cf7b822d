/*
 * hx_audit_stats_test.c -- counts against a plain model, percentiles within
 * what is promised, and what happens when there are too many names.
 */

#include "hx_test.h"

#include "hx_audit_stats.h"

#define TEST_N   3000


static hx_record_t
test_record(int64_t ms, unsigned status, uint64_t cus, uint64_t latency)
{
    hx_record_t  r;

    memset(&r, 0, sizeof(r));
    r.ts = test_str("2026-01-31T23:59:59.123Z");
    r.ms = ms;
    r.status = status;
    r.cus = cus;
    r.latency_ms = latency;

    return r;
}


static int
test_order(const void *a, const void *b)
{
    const uint64_t  *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}


static void
test_percentiles(void **state)
{
    size_t                   i, rank, n;
    uint64_t                 latency[TEST_N], want, got;
    unsigned                 p, bits;
    hx_str_t                 name;
    hx_stats_t              *s;
    hx_record_t              r;
    const hx_stats_group_t  *g;

    name = test_str("a");

    for (bits = 1; bits <= 32; bits++) {
        s = hx_stats_create(7);
        assert_non_null(s);
        n = 1 + test_below(TEST_N);

        for (i = 0; i < n; i++) {
            latency[i] = test_random() >> (64 - bits);
            r = test_record(5, 200, 0, latency[i]);
            assert_int_equal(hx_stats_add(s, &name, &r), HX_OK);
        }

        qsort(latency, n, sizeof(uint64_t), test_order);
        g = hx_stats_total(s);
        assert_int_equal(g->latency_max, latency[n - 1]);

        for (p = 1; p <= 1000; p++) {
            rank = (n * p + 999) / 1000;
            want = latency[rank - 1];
            got = hx_stats_latency(g, p);

            assert_true(got >= want && got - want <= want / 64);

            if (want < 128) {
                assert_int_equal(got, want);
            }
        }

        hx_stats_free(s);
    }
}


static void
test_counts(void **state)
{
    unsigned           n;
    hx_str_t           a, b, none;
    hx_stats_t        *s;
    hx_record_t        r;
    hx_stats_group_t  *g;

    s = hx_stats_create(1);
    a = test_str("a");
    b = test_str("b");
    none.data = NULL;
    none.len = 0;

    r = test_record(10, 200, 1, 1);
    assert_int_equal(hx_stats_add(s, &a, &r), HX_OK);
    assert_int_equal(hx_stats_add(s, &b, &r), HX_OK);
    assert_int_equal(hx_stats_add(s, &none, &r), HX_OK);
    r = test_record(5, 429, 25, 1);
    assert_int_equal(hx_stats_add(s, &b, &r), HX_OK);
    r = test_record(20, 503, 0, 1);
    assert_int_equal(hx_stats_add(s, &b, &r), HX_OK);
    r.amends = 1;
    assert_int_equal(hx_stats_add(s, &b, &r), HX_OK);

    n = hx_stats_groups(s, &g);
    assert_int_equal(n, 3);
    assert_true(test_same(&g[0].name, &b));
    assert_null(g[1].name.data);
    assert_true(test_same(&g[2].name, &a));

    assert_int_equal(g[0].requests, 3);
    assert_int_equal(g[0].ok, 1);
    assert_int_equal(g[0].client, 1);
    assert_int_equal(g[0].limited, 1);
    assert_int_equal(g[0].server, 1);
    assert_int_equal(g[0].aborted, 1);
    assert_int_equal(g[0].cus, 26);
    assert_int_equal(g[0].first, 5);
    assert_int_equal(g[0].last, 20);
    assert_int_equal(hx_stats_total(s)->requests, 5);
    assert_int_equal(hx_stats_total(s)->cus, 28);

    /* counting goes on behind a look at the groups */

    assert_int_equal(hx_stats_add(s, &a, &r), HX_OK);
    assert_int_equal(hx_stats_groups(s, &g), 3);
    assert_int_equal(g[2].aborted, 1);

    hx_stats_free(s);
    hx_stats_free(NULL);
}


static void
test_too_many_names(void **state)
{
    unsigned              i, n;
    hx_str_t              name;
    hx_stats_t           *s;
    hx_record_t           r;
    hx_stats_group_t     *g;
    static unsigned char  text[HX_STATS_NAME_MAX + 1];

    s = hx_stats_create(test_random());
    r = test_record(1, 200, 1, 1);

    for (i = 0; i < HX_STATS_GROUPS + 10; i++) {
        name.data = (const unsigned char *) &i;
        name.len = sizeof(i);
        assert_int_equal(hx_stats_add(s, &name, &r), HX_OK);
    }

    name.data = text;
    name.len = sizeof(text);
    assert_int_equal(hx_stats_add(s, &name, &r), HX_OK);

    n = hx_stats_groups(s, &g);
    assert_int_equal(n, HX_STATS_GROUPS);
    assert_int_equal(g[n - 1].requests, 1);
    assert_int_equal(hx_stats_rest(s)->requests, 11);
    assert_int_equal(hx_stats_total(s)->requests, HX_STATS_GROUPS + 11);
    hx_stats_free(s);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_percentiles),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_too_many_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
