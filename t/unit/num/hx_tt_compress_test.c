/*
 * hx_tt_compress_test.c -- verdicts are honest: thousands of arrays of many
 * kinds, dtypes, shapes and sizes, each decoded and measured again.
 */

#include "hx_test_data.h"

static hx_work_t  work;


static void
test_kind(test_kind_t kind, uint64_t most, int rounds, unsigned *seen)
{
    int              i;
    double          *x;
    size_t           n;
    unsigned char   *data;
    hx_array_t       a;
    hx_tt_result_t   r;

    for (i = 0; i < rounds; i++) {
        test_shape(&a, most);

        if (test_below(2)) {
            a.dtype = HX_DTYPE_F8;
        }

        n = (size_t) test_elements(&a);
        x = malloc(n * sizeof(double));
        assert_non_null(x);

        test_data(x, &a, n, kind);
        data = test_bytes(x, &a, n);

        seen[test_judge(&r, &a, data, test_below(2) ? HX_TT_SAFE_BELOW
                                                    : HX_TT_WEAK_BELOW,
                        1.1, &work)]++;

        free(data - 1);
        free(x);
    }
}


static void
test_families(void **state)
{
    int       kind;
    unsigned  seen[4] = { 0, 0, 0, 0 };

    for (kind = 0; kind < TEST_KINDS; kind++) {
        test_kind((test_kind_t) kind, 5000, 200, seen);
        test_kind((test_kind_t) kind, 100000, 15, seen);
    }

    print_message("passthrough %u exact %u safe %u weak %u\n", seen[0],
                  seen[1], seen[2], seen[3]);

    /* the test would be worth nothing if one kind of verdict were missing */
    assert_true(seen[HX_VERDICT_PASSTHROUGH] > 100);
    assert_true(seen[HX_VERDICT_EXACT] > 100);
    assert_true(seen[HX_VERDICT_SAFE] > 20);
    assert_true(seen[HX_VERDICT_WEAK] > 20);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_families),
    };
    int  rc;

    hx_work_init(&work, 0);
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    hx_work_free(&work);

    return rc;
}
