/*
 * hx_tt_compress_test.c -- verdicts are honest: thousands of arrays of many
 * kinds, dtypes, shapes and sizes, each decoded and measured again.
 */

#include "hx_test_data.h"
#include "hx_tt_sketch.h"

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


/* float64, one dimension */
/*
 * What a cross does not see: it looks at few rows and columns, and here is
 * something between them, small against the whole.  Whatever is made of it, the
 * verdict has to be right; and it is found, as the ranks allow it.
 */
static void
test_hidden(void **state)
{
    double          *x, *smooth, level;
    size_t           i, n, at, len;
    unsigned         round;
    hx_array_t       a;
    hx_verdict_t     v;
    hx_tt_result_t   r;

    n = (size_t) 1 << 17;
    x = malloc(n * sizeof(double));
    smooth = malloc(n * sizeof(double));
    assert_true(x != NULL && smooth != NULL);
    test_plain_array(&a, n);
    test_data_smooth(smooth, n);

    for (round = 0; round < 60; round++) {
        memcpy(x, smooth, n * sizeof(double));
        level = pow(10, -(double) (round % 10));
        at = test_below(n);

        switch (round / 10 % 3) {

        case 0:                                 /* one spike */
            x[at] += level;
            break;

        case 1:                                 /* a block that was changed */
            len = 1 + test_below(2000);
            for (i = at; i < n && i < at + len; i++) {
                x[i] = level * sin((double) i);
            }
            break;

        default:                                /* two that cancel out */
            x[at] += level;
            x[at ^ 1] -= level;
            break;
        }

        v = test_judge(&r, &a, (void *) x, HX_TT_SAFE_BELOW, 1.1, &work);
        assert_true(v == HX_VERDICT_EXACT);
    }

    free(smooth);
    free(x);
}


/* Sketches see sums: here they see nothing, and measuring must. */
static void
test_invisible(void **state)
{
    double           *x;
    size_t            i, j, n;
    unsigned          rounds;
    hx_array_t        a;
    hx_tt_result_t    r;
    hx_tt_sketch_t    sk;

    n = (size_t) 1 << 16;
    x = malloc(n * sizeof(double));
    assert_non_null(x);
    test_plain_array(&a, n);

    /* the signs that hx_tt_compress() uses, and two columns that agree */
    hx_work_reset(&work, 1 << 20, 0);
    assert_int_equal(hx_tt_sketch_init(&sk, 16, 8, 1, &work), HX_OK);

    for (j = 1; sk.sign[0][j] != sk.sign[0][0]
                || sk.sign[1][j] != sk.sign[1][0]; j++)
    {
        /* void */
    }

    for (i = 0, rounds = 0; i < 256; i += 20) {
        test_data_smooth(x, n);
        x[i * 256] += 0.01;
        x[i * 256 + j] -= 0.01;

        assert_int_equal(test_judge(&r, &a, (void *) x, HX_TT_SAFE_BELOW, 1.1,
                                    &work), HX_VERDICT_EXACT);
        rounds += r.rounds;
    }

    assert_true(rounds >= 1);
    free(x);
}


/* Every allocation refused in turn, and every limit: an answer, no harm. */
static void
test_refusals(void **state)
{
    double          *x;
    size_t           n, limit;
    hx_rc_t          rc;
    unsigned         kind, refuse;
    hx_array_t       a;
    hx_tt_want_t     want;
    hx_tt_result_t   r;

    n = 30000;
    x = malloc(n * sizeof(double));
    assert_non_null(x);
    want.tol_max = HX_TT_SAFE_BELOW;
    want.ratio_min = 1.1;

    for (kind = 0; kind < TEST_KINDS; kind++) {
        test_plain_array(&a, kind % 3 ? n : 3000);

        if (kind % 2) {
            a.ndim = 2;
            a.dim[1] = 10;
            a.dim[0] /= 10;
        }

        test_data(x, &a, (size_t) test_elements(&a), (test_kind_t) kind);

        for (refuse = 1; ; refuse++) {
            hx_work_reset(&work, 16 << 20, 16 << 20);
            work.refuse = refuse;
            rc = hx_tt_compress(&r, &a, x, &want, &work);
            work.refuse = 0;

            assert_int_equal(rc, HX_OK);
            assert_true(r.verdict != HX_VERDICT_PASSTHROUGH
                        || r.reason != HX_TT_REASON_NONE);

            if (work.calls < refuse) {
                break;
            }
        }

        for (limit = 0; limit < 4 << 20; limit += 1 + limit / 4) {
            hx_work_reset(&work, limit, 0);
            assert_int_equal(hx_tt_compress(&r, &a, x, &want, &work), HX_OK);
            assert_true(work.size <= limit);
        }
    }

    free(x);
}


static void
test_same_again(void **state)
{
    double          *x, *first;
    size_t           n;
    unsigned         round;
    hx_array_t       a;
    hx_tt_result_t   r, again;
    unsigned char   *data;

    for (round = 0; round < 100; round++) {
        test_shape(&a, 20000);
        n = (size_t) test_elements(&a);
        x = malloc(n * sizeof(double));
        assert_non_null(x);
        test_data(x, &a, n, (test_kind_t) (round % TEST_KINDS));
        data = test_bytes(x, &a, n);

        (void) test_judge(&r, &a, data, HX_TT_WEAK_BELOW, 1.1, &work);
        first = malloc(r.n_values * sizeof(double) + 1);
        assert_non_null(first);

        if (r.n_values != 0) {
            memcpy(first, r.core, r.n_values * sizeof(double));
        }

        /* other memory, other address */
        hx_work_free(&work);
        memmove(data - 1, data, n * hx_dtype_size(a.dtype));
        (void) test_judge(&again, &a, data - 1, HX_TT_WEAK_BELOW, 1.1, &work);

        assert_int_equal(r.verdict, again.verdict);
        assert_int_equal(r.n_values, again.n_values);
        assert_true(r.rel_error == again.rel_error);

        if (r.n_values != 0) {
            assert_memory_equal(first, again.core,
                                r.n_values * sizeof(double));
        }

        free(first);
        free(data - 1);
        free(x);
    }
}


static void
test_corners(void **state)
{
    double           x[4096];
    size_t           i, n;
    int64_t          wide[4096];
    hx_array_t       a;
    hx_tt_result_t   r;
    hx_tt_want_t     want = { HX_TT_WEAK_BELOW, 1.1 };

    const double     odd[] = { NAN, INFINITY, -INFINITY, 1.7e308, -1e308,
                               5e-324, 1e-310, 1e141, 1e-131 };

    /* one, two and three elements */
    for (n = 1; n <= 3; n++) {
        for (i = 0; i < n; i++) {
            x[i] = 1;
        }

        test_plain_array(&a, n);
        assert_int_equal(test_judge(&r, &a, (void *) x, 1, 1.1, &work),
                         HX_VERDICT_PASSTHROUGH);
        assert_int_equal(r.reason, HX_TT_REASON_SHORT);
        assert_true(test_near(r.norm, sqrt((double) n), 1e-15L));
    }

    a.ndim = 0;
    assert_int_equal(test_judge(&r, &a, (void *) x, 1, 1.1, &work),
                     HX_VERDICT_PASSTHROUGH);

    /* none, and what is no array of numbers */
    test_plain_array(&a, 0);
    hx_work_reset(&work, 1 << 20, 0);
    assert_int_equal(hx_tt_compress(&r, &a, NULL, &want, &work), HX_OK);
    assert_int_equal(r.verdict, HX_VERDICT_PASSTHROUGH);
    assert_true(r.norm == 0);
    test_plain_array(&a, 100);
    a.dtype = HX_DTYPE_NONE;
    assert_int_equal(hx_tt_compress(&r, &a, x, &want, &work), HX_OK);
    assert_int_equal(r.verdict, HX_VERDICT_PASSTHROUGH);

    /* one element that is not like the others */
    for (i = 0; i < hx_nelts(odd); i++) {
        for (n = 0; n < 4096; n++) {
            x[n] = odd[i];
        }

        test_plain_array(&a, 4096);
        assert_int_equal(hx_tt_compress(&r, &a, x, &want, &work), HX_OK);
        assert_int_equal(r.verdict, HX_VERDICT_PASSTHROUGH);
        assert_int_equal(r.reason, isfinite(odd[i]) ? HX_TT_REASON_RANGE
                                                    : HX_TT_REASON_NOT_FINITE);
        assert_true(isfinite(odd[i])
                    ? test_near(r.norm, 64 * fabsl(odd[i]), 1e-15L)
                      || isinf(r.norm)
                    : isnan(r.norm));

        for (n = 0; n < 4096; n++) {
            x[n] = sin((double) n / 100);
        }

        x[test_below(4096)] = odd[i];
        hx_work_reset(&work, 1 << 20, 0);
        assert_int_equal(hx_tt_compress(&r, &a, x, &want, &work), HX_OK);

        /* among ordinary numbers tiny ones are nothing special */
        if (!(fabs(odd[i]) < 1)) {
            assert_int_equal(r.verdict, HX_VERDICT_PASSTHROUGH);
        }
    }

    /* -0 is 0 */
    for (n = 0; n < 4096; n++) {
        x[n] = n % 2 ? 0.0 : -0.0;
    }

    test_plain_array(&a, 4096);
    assert_int_equal(test_judge(&r, &a, (void *) x, 1e-6, 1.1, &work),
                     HX_VERDICT_EXACT);
    assert_int_equal(r.n_values, 24);

    /* integers that float64 cannot hold: equal as integers, or not exact */
    a.dtype = HX_DTYPE_I8;

    for (n = 0; n < 4096; n++) {
        wide[n] = INT64_MAX - (int64_t) n;
    }

    assert_int_equal(test_judge(&r, &a, (void *) wide, 1e-6, 1.1, &work),
                     HX_VERDICT_PASSTHROUGH);
    assert_int_equal(test_judge(&r, &a, (void *) wide, 1e-3, 1.1, &work),
                     HX_VERDICT_SAFE);
    assert_true(r.rel_error > 0);

    for (n = 0; n < 4096; n++) {
        wide[n] = ((int64_t) 1 << 53) + (int64_t) n * 3;
    }

    assert_int_equal(test_judge(&r, &a, (void *) wide, 1e-6, 1.1, &work),
                     HX_VERDICT_PASSTHROUGH);
    assert_int_equal(test_judge(&r, &a, (void *) wide, 1e-3, 1.1, &work),
                     HX_VERDICT_SAFE);
    assert_true(r.rel_error > 0);

    /* and all that it can: not one is off */
    for (n = 0; n < 4096; n++) {
        wide[n] = (int64_t) (n * n) - 5000;
    }

    assert_int_equal(test_judge(&r, &a, (void *) wide, 1e-6, 1.1, &work),
                     HX_VERDICT_EXACT);
    assert_true(r.rel_error == 0);
}


/* Constants of any length are two ranks and come back to the last bit. */
static void
test_constants(void **state)
{
    size_t           n;
    double           x[3000];
    unsigned         i;
    hx_array_t       a;
    hx_tt_result_t   r;

    for (i = 0; i < 3000; i++) {
        x[i] = 0.1;
    }

    for (n = 200; n < 3000; n += 1 + test_below(30)) {
        test_plain_array(&a, n);
        assert_int_equal(test_judge(&r, &a, (void *) x, 1e-6, 1.1, &work),
                         HX_VERDICT_EXACT);
        assert_true(r.rel_error == 0 && r.cast_error == 0);
        assert_true(r.n_values <= 8 * r.tt.d);
    }
}


/* The order of bits that is cheaper by far is the one that is taken. */
static void
test_orders(void **state)
{
    double          *x;
    size_t           i, j, n;
    unsigned         fortran;
    hx_array_t       a;
    hx_tt_result_t   r;

    n = 256;
    x = malloc(n * n * sizeof(double));
    assert_non_null(x);

    for (fortran = 0; fortran < 2; fortran++) {
        test_plain_array(&a, n);
        a.ndim = 2;
        a.dim[1] = n;
        a.fortran = fortran;

        for (i = 0; i < n; i++) {
            for (j = 0; j < n; j++) {
                x[i * n + j] = fabs((double) i - (double) j) + 1;
            }
        }

        assert_int_equal(test_judge(&r, &a, (void *) x, 1e-6, 1.1, &work),
                         HX_VERDICT_EXACT);
        assert_int_equal(r.tt.order, HX_TT_INTERLEAVED);
        assert_true(r.n_values < 2000);

        for (i = 0; i < n; i++) {
            for (j = 0; j < n; j++) {
                x[i * n + j] = sin((double) i * 0.7) * exp(-(double) j * 0.01)
                               * cos((double) (j * j));
            }
        }

        assert_int_equal(test_judge(&r, &a, (void *) x, 1e-6, 1.1, &work),
                         HX_VERDICT_EXACT);
        assert_int_equal(r.tt.order, HX_TT_ROWS);
    }

    free(x);
}


/* What is asked for is kept: a high ratio, no weak one. */
static void
test_wishes(void **state)
{
    double          *x;
    size_t           n;
    hx_array_t       a;
    hx_tt_result_t   r;

    n = (size_t) 1 << 14;
    x = malloc(n * sizeof(double));
    assert_non_null(x);
    test_plain_array(&a, n);

    test_data_smooth(x, n);
    test_data_add_noise(x, n, 1e-5);

    assert_int_equal(test_judge(&r, &a, (void *) x, HX_TT_SAFE_BELOW, 1.1,
                                &work), HX_VERDICT_PASSTHROUGH);
    assert_int_equal(r.reason, HX_TT_REASON_RANK);
    assert_int_equal(test_judge(&r, &a, (void *) x, HX_TT_WEAK_BELOW, 1.1,
                                &work), HX_VERDICT_WEAK);

    test_data_smooth(x, n);
    assert_int_equal(test_judge(&r, &a, (void *) x, HX_TT_SAFE_BELOW, 1.1,
                                &work), HX_VERDICT_EXACT);
    assert_int_equal(test_judge(&r, &a, (void *) x, HX_TT_SAFE_BELOW,
                                (double) n / (double) r.n_values + 1, &work),
                     HX_VERDICT_SAFE);
    assert_int_equal(test_judge(&r, &a, (void *) x, HX_TT_SAFE_BELOW, 1000,
                                &work), HX_VERDICT_PASSTHROUGH);

    free(x);
}


static void
test_measures(void **state)
{
    double           norm, cast, *core;
    size_t           i, n, pad;
    hx_tt_t          t;
    unsigned         round;
    hx_array_t       a;
    hx_tt_order_t    order;
    test_measure_t   m;
    unsigned char   *none;
    long double      outside, x;

    for (round = 0; round < 300; round++) {
        hx_work_reset(&work, 16 << 20, 1 << 20);
        test_shape(&a, 3000);
        order = (hx_tt_order_t) test_below(2);
        test_train(&t, hx_tt_cores(&a, order), order, 6);
        n = (size_t) test_elements(&a);
        none = calloc(n, 8);
        assert_non_null(none);

        assert_int_equal(hx_tt_measure(&t, &a, &norm, &cast, &work), HX_OK);
        test_measure(&m, &t, &a, none);
        assert_true(test_near(norm, m.served, 1e-12L));

        /* all of the train, without what is in the array */
        for (i = 0, outside = 0; i >> t.d == 0; i++) {
            x = test_train_at(&t, i);
            outside += x * x;
        }

        for (i = 0; i < n; i++) {
            x = test_train_at(&t, test_tt_index(&a, order, i));
            outside -= x * x;
        }

        pad = n >> t.d == 0;
        assert_true(test_near(cast, sqrtl(m.cast * m.cast
                                          + (pad ? outside : 0)), 1e-6L)
                    || (cast == 0 && a.dtype == HX_DTYPE_F8 && !pad));

        free(none);
        free((double *) t.core);
    }

    /* no number */
    test_plain_array(&a, 16);
    test_train(&t, 4, HX_TT_ROWS, 3);
    core = (double *) t.core;
    core[0] = NAN;
    core[1] = NAN;
    assert_int_equal(hx_tt_measure(&t, &a, &norm, &cast, &work), HX_NO);
    core[0] = core[1] = 1e200;
    assert_int_equal(hx_tt_measure(&t, &a, &norm, &cast, &work), HX_NO);
    a.dim[0] = 17;
    assert_int_equal(hx_tt_measure(&t, &a, &norm, &cast, &work), HX_NO);
    free(core);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_corners),
        cmocka_unit_test(test_constants),
        cmocka_unit_test(test_orders),
        cmocka_unit_test(test_wishes),
        cmocka_unit_test(test_hidden),
        cmocka_unit_test(test_invisible),
        cmocka_unit_test(test_measures),
        cmocka_unit_test(test_same_again),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_families),
    };
    int  rc;

    hx_work_init(&work, 0);
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    hx_work_free(&work);

    return rc;
}
