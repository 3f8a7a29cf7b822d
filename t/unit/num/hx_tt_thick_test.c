/*
 * hx_tt_thick_test.c -- ranks beyond those a cross is used for: what is found
 * there is as honest, the same each time, and in as little memory.
 */

#include "hx_test_data.h"

#define TEST_BITS   20
#define TEST_SIZE   ((size_t) 1 << TEST_BITS)

static hx_work_t  work;


/* Arrays whose middle unfolding has a rank of 300 or so. */
typedef enum {
    TEST_THICK_STEPS,                   /* a rank that ends at once */
    TEST_THICK_CHIRP,                   /* singular values that fall slowly */
    TEST_THICK_NOISY,                   /* down to noise of 1e-8 */
    TEST_THICK_KINDS
} test_thick_kind_t;


static double *
test_thick_data(test_thick_kind_t kind)
{
    double  *x;
    size_t   i, j, cols;

    x = calloc(TEST_SIZE, sizeof(double));
    assert_non_null(x);
    cols = (size_t) 1 << (TEST_BITS - TEST_BITS / 2);

    switch (kind) {

    case TEST_THICK_STEPS:
        for (i = 0; i < 420; i++) {
            x[test_below(TEST_SIZE)] = 1;
        }

        for (i = 1; i < TEST_SIZE; i++) {
            x[i] += x[i - 1];
        }

        break;

    default:
        for (i = 0; i < TEST_SIZE; i++) {
            j = i % cols;
            x[i] = cos(780.0 * (double) (i / cols) / (double) (TEST_SIZE / cols)
                       * (double) j / (double) cols + 1);

            if (kind == TEST_THICK_NOISY) {
                x[i] += 1e-8 * test_normal();
            }
        }
    }

    return x;
}


static void
test_found(void **state)
{
    double          *x;
    unsigned         kind;
    hx_array_t       a;
    hx_verdict_t     verdict;
    hx_tt_result_t   r;

    test_plain_array(&a, TEST_SIZE);

    for (kind = 0; kind < TEST_THICK_KINDS; kind++) {
        x = test_thick_data((test_thick_kind_t) kind);
        verdict = test_judge(&r, &a, (void *) x, HX_TT_SAFE_BELOW, 1.1, &work);

        print_message("%u: verdict %u, blocks %u, values %zu of %zu\n", kind,
                      verdict, r.blocks, r.n_values, TEST_SIZE);

        assert_true(r.blocks > 0);
        assert_int_equal(verdict, kind == TEST_THICK_NOISY ? HX_VERDICT_SAFE
                                                           : HX_VERDICT_EXACT);
        free(x);
    }
}


/* Whatever a worker did before, and wherever its memory is. */
static void
test_thick_same(void **state)
{
    double          *x, *first;
    size_t           n;
    unsigned         kind;
    hx_array_t       a;
    hx_tt_result_t   r;

    test_plain_array(&a, TEST_SIZE);

    for (kind = TEST_THICK_STEPS; kind <= TEST_THICK_CHIRP; kind++) {
        x = test_thick_data((test_thick_kind_t) kind);
        hx_work_free(&work);
        (void) test_judge(&r, &a, (void *) x, HX_TT_SAFE_BELOW, 1.1, &work);

        n = r.n_values;
        first = malloc(n * sizeof(double));
        assert_non_null(first);
        memcpy(first, r.core, n * sizeof(double));

        /* all chunks are kept */
        hx_work_reset(&work, hx_tt_compress_work(TEST_SIZE * sizeof(double)),
                      SIZE_MAX);
        (void) test_judge(&r, &a, (void *) x, HX_TT_SAFE_BELOW, 1.1, &work);

        assert_int_equal(r.n_values, n);
        assert_memory_equal(first, r.core, n * sizeof(double));

        free(first);
        free(x);
    }
}


/* The last allocations are those of rows beyond the cross and of rounding. */
static void
test_refused(void **state)
{
    double          *x;
    size_t           all, limit;
    unsigned         calls, refuse;
    hx_array_t       a;
    hx_tt_want_t     want = { HX_TT_SAFE_BELOW, 1.1 };
    hx_tt_result_t   r;

    test_plain_array(&a, TEST_SIZE);
    x = test_thick_data(TEST_THICK_STEPS);
    all = hx_tt_compress_work(TEST_SIZE * sizeof(double));

    assert_int_equal(test_judge(&r, &a, (void *) x, HX_TT_SAFE_BELOW, 1.1,
                                &work), HX_VERDICT_EXACT);
    calls = work.calls;

    for (refuse = calls > 400 ? calls - 400 : 1; refuse <= calls; refuse += 31)
    {
        hx_work_reset(&work, all, all);
        work.refuse = refuse;
        assert_int_equal(hx_tt_compress(&r, &a, x, &want, &work), HX_OK);
        work.refuse = 0;

        /* another tier did without, or says what it lacked */
        assert_true(r.verdict != HX_VERDICT_PASSTHROUGH
                    || r.reason == HX_TT_REASON_MEMORY);
    }

    for (limit = all / 4; limit < all; limit += all / 4) {
        hx_work_reset(&work, limit, 0);
        assert_int_equal(hx_tt_compress(&r, &a, x, &want, &work), HX_OK);
        assert_true(work.peak <= limit);
    }

    free(x);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_found),
        cmocka_unit_test(test_thick_same),
        cmocka_unit_test(test_refused),
    };

    hx_work_init(&work, 0);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
