/*
 * hx_plan_test.c -- the documented plans, a second time on purpose; finding one
 * in a table, and the list of names that a message can hold.
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


static const hx_plan_t *
find(const char *name, size_t len)
{
    unsigned          n;
    const hx_plan_t  *plans;

    plans = hx_plan_builtin(&n);

    return hx_plan_find(plans, n, test_edge(name, len), len);
}


static void
documented(void **state)
{
    size_t            i, n;
    unsigned          count;
    const hx_plan_t  *p, *plans;

    plans = hx_plan_builtin(&count);
    assert_int_equal(count, hx_nelts(rows));

    for (i = 0; i < hx_nelts(rows); i++) {
        n = strlen(rows[i].name);
        p = find(rows[i].name, n);
        assert_ptr_equal(p, &plans[i]);
        assert_int_equal(p->name.len, n);
        assert_memory_equal(p->name.data, rows[i].name, n);
        assert_int_equal(p->requests, rows[i].requests);
        assert_int_equal(p->window_s, rows[i].window_s);
        assert_true(p->quota == rows[i].quota);
        assert_int_equal(p->overage, rows[i].overage);
    }

    assert_non_null(find(HX_PLAN_DEFAULT, strlen(HX_PLAN_DEFAULT)));
    assert_int_equal(HX_DEFAULT_REQUESTS, 100);
    assert_int_equal(HX_DEFAULT_WINDOW_S, 60);
}


static void
unknown(void **state)
{
    size_t  i, k, n;

    static const char *const  bad[] = {
        "", "s", "Starter", "STARTER", "starter ", " pro", "prof", "free",
        "enterprise2", "builderpro", "starter, builder", "starteR"
    };

    for (i = 0; i < hx_nelts(bad); i++) {
        assert_null(find(bad[i], strlen(bad[i])));
    }

    /* neither a beginning nor a NUL behind the name */

    for (i = 0; i < hx_nelts(rows); i++) {
        n = strlen(rows[i].name);

        for (k = 0; k < n; k++) {
            assert_null(find(rows[i].name, k));
        }

        assert_null(find(rows[i].name, n + 1));
    }
}


/* n plans with names of len bytes: the number, padded with 'x' */

static void
table(hx_plan_t *plans, char names[][HX_PLAN_MAX + 1], unsigned n, size_t len)
{
    unsigned  i;

    memset(plans, 0, n * sizeof(hx_plan_t));

    for (i = 0; i < n; i++) {
        memset(names[i], 'x', HX_PLAN_MAX);
        names[i][snprintf(names[i], HX_PLAN_MAX, "%u", i)] = 'x';
        plans[i].name.data = (unsigned char *) names[i];
        plans[i].name.len = len;
    }
}


static void
tables(void **state)
{
    unsigned          i;
    const hx_plan_t  *p;

    static hx_plan_t  plans[HX_PLANS_MAX];
    static char       names[HX_PLANS_MAX][HX_PLAN_MAX + 1];

    /* every place of a full one, and the first of two with one name */

    table(plans, names, HX_PLANS_MAX, HX_PLAN_MAX);

    for (i = 0; i < HX_PLANS_MAX; i++) {
        p = hx_plan_find(plans, HX_PLANS_MAX,
                         test_edge(names[i], HX_PLAN_MAX), HX_PLAN_MAX);
        assert_ptr_equal(p, &plans[i]);

        /* not beyond the end that it is told */
        assert_null(hx_plan_find(plans, i, test_edge(names[i], HX_PLAN_MAX),
                                 HX_PLAN_MAX));
    }

    plans[1] = plans[0];
    assert_ptr_equal(hx_plan_find(plans, 2, plans[0].name.data, HX_PLAN_MAX),
                     &plans[0]);
    assert_null(hx_plan_find(plans, HX_PLANS_MAX, plans[0].name.data, 0));
    assert_null(hx_plan_find(NULL, 0, plans[0].name.data, HX_PLAN_MAX));
}


/* Names of every length, one byte wrong in every place of them. */
static void
every_byte_counts(void **state)
{
    size_t          len, i;
    hx_plan_t       plan;
    unsigned char  *p, name[HX_PLAN_MAX];

    memset(&plan, 0, sizeof(plan));
    plan.name.data = name;

    for (len = 1; len <= HX_PLAN_MAX; len++) {
        plan.name.len = len;
        test_fill(name, len);

        p = test_edge(name, len);
        assert_ptr_equal(hx_plan_find(&plan, 1, p, len), &plan);

        for (i = 0; i < len; i++) {
            p[i] ^= (unsigned char) (1 + test_below(255));
            assert_null(hx_plan_find(&plan, 1, p, len));
            p[i] = name[i];
        }
    }
}


static void
assert_names(const hx_plan_t *plans, unsigned n, const char *want)
{
    hx_buf_t       b;
    unsigned char  mem[HX_PLAN_NAMES_MAX];

    /* what it says is the most it writes */

    hx_buf_init(&b, mem, sizeof(mem));
    hx_plan_names(&b, plans, n);
    assert_true(hx_buf_ok(&b));
    assert_int_equal(hx_buf_len(&b), strlen(want));
    assert_memory_equal(mem, want, strlen(want));
}


static void
names_of_a_table(void **state)
{
    size_t            len;
    hx_buf_t          b;
    unsigned          n;
    const hx_plan_t  *builtin;

    static hx_plan_t      plans[HX_PLANS_MAX];
    static char           names[HX_PLANS_MAX][HX_PLAN_MAX + 1];
    static unsigned char  mem[HX_PLAN_NAMES_MAX];

    builtin = hx_plan_builtin(&n);
    assert_names(builtin, n, "starter, builder, pro, enterprise");
    assert_names(builtin, 1, "starter");
    assert_names(builtin, 0, "");

    /* 40 names of 3 and what divides them are 198 bytes, 41 are too many */

    table(plans, names, HX_PLANS_MAX, 3);
    assert_names(plans, 40, "0xx, 1xx, 2xx, 3xx, 4xx, 5xx, 6xx, 7xx, 8xx, 9xx,"
                 " 10x, 11x, 12x, 13x, 14x, 15x, 16x, 17x, 18x, 19x, 20x, 21x,"
                 " 22x, 23x, 24x, 25x, 26x, 27x, 28x, 29x, 30x, 31x, 32x, 33x,"
                 " 34x, 35x, 36x, 37x, 38x, 39x");
    assert_names(plans, 41, "0xx, 1xx, 2xx, 3xx, 4xx, 5xx, 6xx, 7xx, 8xx, 9xx,"
                 " 10x, 11x, 12x, 13x, 14x, 15x, 16x, 17x, 18x, 19x, 20x, 21x,"
                 " 22x, 23x, 24x, 25x, 26x, 27x, 28x, 29x, 30x, 31x, 32x, 33x,"
                 " 34x, 35x, 36x, 37x, 38x, ...");

    for (len = 1; len <= HX_PLAN_MAX; len++) {
        table(plans, names, HX_PLANS_MAX, len);

        for (n = 1; n <= HX_PLANS_MAX; n++) {
            hx_buf_init(&b, mem, sizeof(mem));
            hx_plan_names(&b, plans, n);
            assert_true(hx_buf_ok(&b));

            /* all of them, or as many as there is room for, and the mark */

            if (n * (len + 2) - 2 <= HX_PLAN_NAMES_MAX) {
                assert_int_equal(hx_buf_len(&b), n * (len + 2) - 2);

            } else {
                assert_memory_equal(b.last - 5, ", ...", 5);
                assert_int_equal((hx_buf_len(&b) - 5 + 2) % (len + 2), 0);
                assert_true(hx_buf_len(&b) + len + 2 > HX_PLAN_NAMES_MAX);
            }
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(documented),
        cmocka_unit_test(unknown),
        cmocka_unit_test(tables),
        cmocka_unit_test(every_byte_counts),
        cmocka_unit_test(names_of_a_table)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
