/*
 * hx_tt_dense_test.c -- decoded trains against the definition: any shape,
 * order and dtype; any way of cutting the reading into pieces gives the same
 * bits; memory given is enough (it ends at a guard page); sizes from outside
 * that cannot be.
 */

#include "hx_test_tt.h"
#include "hx_tt_dense.h"

#define TEST_ELEMENTS   4000


static void *
test_memory(size_t n)
{
    unsigned char         *p;
    static unsigned char  *end;
    const size_t           most = (size_t) 64 << 20;

    if (end == NULL) {
        p = mmap(NULL, most + 4096, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        assert_true(p != MAP_FAILED);
        end = p + most;
        assert_int_equal(mprotect(end, 4096, PROT_NONE), 0);
    }

    assert_true(n != 0 && n <= most);
    memset(end - n, 0xff, n);               /* NaN, if read before written */

    return end - n;
}


/* What the array's dtype makes of x. */
static double
test_cast(hx_dtype_t dtype, double x)
{
    double         y;
    unsigned char  bytes[8];

    hx_store_f8(dtype, &x, 1, bytes);
    hx_load_f8(dtype, bytes, 1, &y);

    return y;
}


static void
test_whole(const hx_tt_t *t, const hx_array_t *a, double scale)
{
    double        *all, *part, sum[2], x;
    size_t         i, n, len, size;
    uint64_t       first;
    unsigned       round;
    unsigned char *bytes, *bytes_f8;
    hx_tt_dense_t  dn;

    n = (size_t) test_elements(a);
    size = hx_dtype_size(a->dtype);
    hx_tt_dense_init(&dn, t, a, test_memory(hx_tt_dense_work(t, a)));

    all = malloc(n * sizeof(double));
    part = malloc(n * sizeof(double));
    bytes = malloc(n * size + 1);
    bytes_f8 = malloc(n * 8 + 1);
    assert_true(all != NULL && part != NULL && bytes != NULL
                && bytes_f8 != NULL);

    for (i = 0; i < n; i += len) {
        len = n - i < HX_TT_DENSE_STEP ? n - i : HX_TT_DENSE_STEP;
        hx_tt_dense_raw(&dn, i, len, all + i);
    }

    for (i = 0; i < n; i++) {
        x = test_train_at(t, test_tt_index(a, t->order, i));

        if (!(fabs(all[i] - x) <= 1e-13 * scale)) {
            fail_msg("element %zu of %zu: %a is not %a", i, n, all[i], x);
        }
    }

    for (round = 0; round < 20; round++) {
        first = test_below(n);
        len = 1 + test_below(n - first < HX_TT_DENSE_STEP ? n - first
                                                          : HX_TT_DENSE_STEP);
        len = round % 2 ? 1 + len % 40 % len : len;

        hx_tt_dense_raw(&dn, first, len, part);
        assert_memory_equal(part, all + first, len * sizeof(double));

        memcpy(bytes_f8 + 1, all + first, len * sizeof(double));
        hx_tt_dense_compare(&dn, first, len, bytes_f8 + 1, sum);
        assert_true(sum[0] == 0);

        for (i = 0, x = 0; i < len; i++) {
            x += all[first + i] * all[first + i];
        }

        assert_true(fabs(sum[1] - x) <= 1e-13 * x);

        x = all[first + len / 2] + scale;
        memcpy(bytes_f8 + 1 + len / 2 * 8, &x, 8);
        hx_tt_dense_compare(&dn, first, len, bytes_f8 + 1, sum);
        assert_true(fabs(sum[0] - scale * scale) <= 1e-10 * scale * scale);

        hx_tt_dense_read_f8(&dn, first, len, part);
        hx_tt_dense_read(&dn, first, len, bytes + 1);

        for (i = 0; i < len; i++) {
            x = test_cast(a->dtype, all[first + i]);
            assert_true(part[i] == x);
            hx_load_f8(a->dtype, bytes + 1 + i * size, 1, &x);
            assert_true(part[i] == x);
        }
    }

    free(all);
    free(part);
    free(bytes);
    free(bytes_f8);
}


static void
test_random_trains(void **state)
{
    int            i;
    double         scale, *core;
    size_t         j, n;
    unsigned       d, k;
    hx_tt_t        t;
    hx_array_t     a;
    hx_tt_order_t  order;

    for (i = 0; i < 1500; i++) {
        test_shape(&a, TEST_ELEMENTS);
        order = (hx_tt_order_t) test_below(2);
        d = hx_tt_cores(&a, order);
        assert_true(d >= 1);

        if (order == HX_TT_ROWS && test_below(10) == 0) {
            d += (unsigned) test_below(6);
        }

        test_train(&t, d, order, 1 + (unsigned) test_below(TEST_RANK_MAX));

        for (k = 0, scale = 100; k < d; k++) {
            scale *= sqrt(t.rank[k]);
        }

        /* values in the range of the dtype, mostly */
        core = (double *) t.core;
        n = (size_t) hx_tt_values(&t);

        for (j = n - 2 * t.rank[d - 1]; j < n; j++) {
            core[j] *= 100;
        }

        test_whole(&t, &a, scale);
        free(core);
    }
}


/* Large enough for all three factors, and for runs longer than one read. */
static void
test_large(void **state)
{
    int            i;
    double         scale;
    unsigned       k;
    hx_tt_t        t;
    hx_array_t     a;
    const struct {
        unsigned        ndim;
        uint64_t        dim[3];
        unsigned        fortran;
        hx_tt_order_t   order;
        unsigned        rank;
    } cases[] = {
        { 1, { 1 << 17, 0, 0 }, 0, HX_TT_ROWS, 6 },
        { 1, { 100003, 0, 0 }, 0, HX_TT_ROWS, 20 },
        { 2, { 300, 301, 0 }, 0, HX_TT_INTERLEAVED, 7 },
        { 2, { 2, 60000, 0 }, 0, HX_TT_INTERLEAVED, 5 },
        { 2, { 2, 60000, 0 }, 1, HX_TT_INTERLEAVED, 5 },
        { 3, { 170, 130, 3 }, 0, HX_TT_INTERLEAVED, 9 },
        { 3, { 40, 50, 60 }, 1, HX_TT_INTERLEAVED, 12 },
    };

    for (i = 0; i < (int) hx_nelts(cases); i++) {
        memset(&a, 0, sizeof(a));
        a.dtype = i % 2 ? HX_DTYPE_F8 : HX_DTYPE_F4;
        a.fortran = cases[i].fortran;
        a.ndim = cases[i].ndim;
        memcpy(a.dim, cases[i].dim, sizeof(cases[i].dim));

        test_train(&t, hx_tt_cores(&a, cases[i].order), cases[i].order,
                   cases[i].rank);

        for (k = 0, scale = 1; k < t.d; k++) {
            scale *= sqrt(t.rank[k]);
        }

        test_whole(&t, &a, scale);
        free((double *) t.core);
    }
}


static void
test_misfits(void **state)
{
    hx_tt_t      t;
    double       core[80] = { 0 };
    unsigned     k;
    hx_array_t   a;
    hx_tt_map_t  m;

    memset(&a, 0, sizeof(a));
    a.dtype = HX_DTYPE_F8;
    a.ndim = 2;
    a.dim[0] = 5;
    a.dim[1] = 9;

    assert_int_equal(hx_tt_cores(&a, HX_TT_ROWS), 6);
    assert_int_equal(hx_tt_cores(&a, HX_TT_INTERLEAVED), 7);

    memset(&t, 0, sizeof(t));
    t.d = 7;
    t.order = HX_TT_INTERLEAVED;
    t.core = core;

    for (k = 0; k <= HX_TT_CORES_MAX; k++) {
        t.rank[k] = 1;
    }

    assert_int_equal(hx_tt_values(&t), 14);
    assert_true(hx_tt_dense_work(&t, &a) > 0);

    t.d = 8;
    assert_int_equal(hx_tt_dense_work(&t, &a), 0);
    t.order = HX_TT_ROWS;
    assert_true(hx_tt_dense_work(&t, &a) > 0);
    t.d = 5;
    assert_int_equal(hx_tt_dense_work(&t, &a), 0);
    t.d = 0;
    assert_int_equal(hx_tt_dense_work(&t, &a), 0);
    t.d = HX_TT_CORES_MAX + 1;
    assert_int_equal(hx_tt_values(&t), 0);
    assert_int_equal(hx_tt_dense_work(&t, &a), 0);

    t.d = 6;
    t.rank[3] = 0;
    assert_int_equal(hx_tt_values(&t), 0);
    t.rank[3] = HX_TT_RANK_MAX + 1;
    assert_int_equal(hx_tt_values(&t), 0);
    t.rank[3] = 1;
    t.rank[0] = 2;
    assert_int_equal(hx_tt_values(&t), 0);
    t.rank[0] = 1;
    t.rank[6] = 2;
    assert_int_equal(hx_tt_values(&t), 0);
    t.rank[6] = 1;

    a.dim[1] = 0;
    assert_int_equal(hx_tt_cores(&a, HX_TT_ROWS), 0);
    assert_int_equal(hx_tt_dense_work(&t, &a), 0);
    a.dim[1] = UINT64_C(1) << 61;
    assert_int_equal(hx_tt_cores(&a, HX_TT_ROWS), 0);
    a.dim[0] = 1;
    a.dtype = HX_DTYPE_I1;
    assert_int_equal(hx_tt_cores(&a, HX_TT_ROWS), 0);       /* 61 bits */
    a.dtype = HX_DTYPE_NONE;
    a.dim[1] = 5;
    assert_int_equal(hx_tt_cores(&a, HX_TT_ROWS), 0);
    assert_int_equal(hx_tt_map(&m, &a, HX_TT_ROWS, 3), HX_NO);

    /* a scalar is a train of one core */
    a.dtype = HX_DTYPE_F8;
    a.ndim = 0;
    assert_int_equal(hx_tt_cores(&a, HX_TT_ROWS), 1);
    assert_int_equal(hx_tt_cores(&a, HX_TT_INTERLEAVED), 1);

    /* the largest trains there are: no overflow, whatever the answer */
    a.ndim = 1;
    a.dim[0] = UINT64_C(1) << 40;
    t.d = 40;
    for (k = 1; k < 40; k++) {
        t.rank[k] = HX_TT_RANK_MAX;
    }

    assert_true(hx_tt_values(&t) > 0);
    assert_true(hx_tt_dense_work(&t, &a) == 0
                || hx_tt_dense_work(&t, &a) > (size_t) 1 << 36);

    for (k = 1; k < 40; k++) {
        t.rank[k] = 1;
    }

    assert_true(hx_tt_dense_work(&t, &a) < 5 << 20);
}


static void
test_bits(void **state)
{
    assert_int_equal(hx_tt_bits(0), 0);
    assert_int_equal(hx_tt_bits(1), 0);
    assert_int_equal(hx_tt_bits(2), 1);
    assert_int_equal(hx_tt_bits(3), 2);
    assert_int_equal(hx_tt_bits(4), 2);
    assert_int_equal(hx_tt_bits(5), 3);
    assert_int_equal(hx_tt_bits(UINT64_C(1) << 40), 40);
    assert_int_equal(hx_tt_bits(UINT64_MAX), 64);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_bits),
        cmocka_unit_test(test_misfits),
        cmocka_unit_test(test_random_trains),
        cmocka_unit_test(test_large),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
