/*
 * hx_plan_test.c -- the documented plans, a second time on purpose.
 */

#include "hx_test.h"

#include "hx_plan.h"

typedef struct {
    const char  *name;
    uint32_t     requests;
    uint32_t     window_s;
    uint64_t     quota;
    unsigned     overage;
} hx_plan_row_t;

static const hx_plan_row_t  rows[] = {
    { "starter", 10, 60, 1000 * 10, 0 },
    { "builder", 100, 60, 50000 * 10, 1 },
    { "pro", 1000, 60, 500000 * 10, 1 },
    { "enterprise", 0, 0, UINT64_MAX, 1 }
};


static void
documented(void **state)
{
    size_t            i, n;
    const hx_plan_t  *p;

    for (i = 0; i < hx_nelts(rows); i++) {
        n = strlen(rows[i].name);
        p = hx_plan_find(test_edge(rows[i].name, n), n);
        assert_non_null(p);
        assert_int_equal(p->name.len, n);
        assert_memory_equal(p->name.data, rows[i].name, n);
        assert_int_equal(p->requests, rows[i].requests);
        assert_int_equal(p->window_s, rows[i].window_s);
        assert_true(p->quota == rows[i].quota);
        assert_int_equal(p->overage, rows[i].overage);

        /* and the message that lists them lists this one */
        assert_non_null(strstr(HX_PLAN_NAMES, rows[i].name));
    }

    assert_int_equal(HX_DEFAULT_REQUESTS, 100);
    assert_int_equal(HX_DEFAULT_WINDOW_S, 60);
}


static void
unknown(void **state)
{
    size_t  i, k, n;

    static const char *const  bad[] = {
        "", "s", "Starter", "STARTER", "starter ", " pro", "prof", "free",
        "enterprise2", "builderpro", "starter, builder"
    };

    for (i = 0; i < hx_nelts(bad); i++) {
        n = strlen(bad[i]);
        assert_null(hx_plan_find(test_edge(bad[i], n), n));
    }

    /* neither a beginning nor a NUL behind the name */

    for (i = 0; i < hx_nelts(rows); i++) {
        n = strlen(rows[i].name);

        for (k = 0; k < n; k++) {
            assert_null(hx_plan_find((const unsigned char *) rows[i].name,
                                     k));
        }

        assert_null(hx_plan_find((const unsigned char *) rows[i].name,
                                 n + 1));
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(documented),
        cmocka_unit_test(unknown)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
