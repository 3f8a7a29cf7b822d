/*
 * hx_tt_dense_wide_test.c -- blocks of trains of large rank: the bits that a
 * plain read gives, in steps of bounded work that are few enough in all; trains
 * of small rank have none.
 */

#include "hx_test_tt.h"
#include "hx_tt_dense.h"


static void
test_wide_train(hx_tt_t *t, unsigned d, uint32_t rank)
{
    double    *core;
    size_t     i, n, m;
    unsigned   k;

    memset(t, 0, sizeof(*t));
    t->d = d;
    t->order = HX_TT_ROWS;

    for (k = 0; k <= d; k++) {
        n = (size_t) 1 << (k < d - k ? k : d - k);
        t->rank[k] = n < rank ? (uint32_t) n : rank;
    }

    n = (size_t) hx_tt_values(t);
    core = malloc(n * sizeof(double));
    assert_non_null(core);
    t->core = core;

    for (k = 0; k < d; k++) {
        m = (size_t) 2 * t->rank[k] * t->rank[k + 1];

        for (i = 0; i < m; i++) {
            *core++ = (test_uniform() - 0.5) * 4 / sqrt(t->rank[k]);
        }
    }
}


/* A block, and what is read piece by piece; its steps are counted. */
static size_t
test_wide_block(hx_tt_dense_t *dn, uint64_t element, uint64_t *work)
{
    int                   done;
    size_t                i, n, steps, size;
    unsigned char        *out, *plain;
    hx_tt_dense_block_t   b;

    size = hx_dtype_size(dn->dtype);
    hx_tt_dense_block_init(dn, &b, element);
    assert_true(b.first <= element && element - b.first < b.n);
    assert_int_equal(b.first % hx_tt_dense_block(dn), 0);

    out = malloc(b.n * size);
    plain = malloc(b.n * size);
    assert_true(out != NULL && plain != NULL);

    for (steps = 0, done = 0; !done; steps++) {
        done = hx_tt_dense_block_step(dn, &b, out);
        *work += b.work;

        /* 16 columns at least, and the first one may make rows */
        assert_true(b.work <= HX_TT_DENSE_WORK
                    || (dn->middle != NULL && steps == 0));
    }

    for (i = 0; i < b.n; i += n) {
        n = b.n - i < HX_TT_DENSE_STEP ? b.n - i : HX_TT_DENSE_STEP;
        hx_tt_dense_read(dn, b.first + i, n, plain + i * size);
    }

    assert_memory_equal(out, plain, b.n * size);
    free(out);
    free(plain);

    return b.n;
}


static void
test_blocks(void **state)
{
    void           *mem;
    size_t          n;
    hx_tt_t         t;
    uint64_t        all, work;
    unsigned        i, middles;
    hx_array_t      a;
    hx_tt_dense_t   dn;
    const struct {
        unsigned    d;
        uint32_t    rank;
        hx_dtype_t  dtype;
        uint64_t    cut;
    } cases[] = {
        { 20, 500, HX_DTYPE_I1, 0 },
        { 20, 450, HX_DTYPE_F8, 123456 },
        { 20, 500, HX_DTYPE_F4, 524287 },
        { 22, 250, HX_DTYPE_F8, 5000 },
        { 22, 300, HX_DTYPE_I1, 777 },
    };

    for (i = 0, middles = 0; i < hx_nelts(cases); i++) {
        test_wide_train(&t, cases[i].d, cases[i].rank);

        memset(&a, 0, sizeof(a));
        a.dtype = cases[i].dtype;
        a.ndim = 1;
        a.dim[0] = (UINT64_C(1) << t.d) - cases[i].cut;

        mem = malloc(hx_tt_dense_work(&t, &a));
        assert_non_null(mem);
        hx_tt_dense_init(&dn, &t, &a, mem);
        middles += dn.middle != NULL;
        assert_true(hx_tt_dense_block(&dn) != 0);

        work = 0;
        n = test_wide_block(&dn, 0, &work);
        all = a.dim[0] / n * work;

        /* near to the least that is possible, or half of plain reads */
        assert_true(all < 2 * a.dim[0] * dn.r2
                    || all < a.dim[0] / HX_TT_DENSE_STEP
                             * hx_tt_dense_cost(&dn, HX_TT_DENSE_STEP) / 2);

        (void) test_wide_block(&dn, a.dim[0] / 2 + 1, &work);
        (void) test_wide_block(&dn, a.dim[0] - 1, &work);

        free(mem);
        free((double *) t.core);
    }

    assert_true(middles != 0 && middles != hx_nelts(cases));
}


static void
test_small(void **state)
{
    void           *mem;
    hx_tt_t         t;
    unsigned        d;
    uint32_t        rank;
    hx_array_t      a;
    hx_tt_dense_t   dn;

    for (d = 1; d < 27; d++) {
        for (rank = 1; rank < 50; rank += 12) {
            test_wide_train(&t, d, rank);

            memset(&a, 0, sizeof(a));
            a.dtype = d % 2 ? HX_DTYPE_F8 : HX_DTYPE_I1;
            a.ndim = 1;
            a.dim[0] = UINT64_C(1) << d;

            mem = malloc(hx_tt_dense_work(&t, &a));
            assert_non_null(mem);
            hx_tt_dense_init(&dn, &t, &a, mem);
            assert_int_equal(hx_tt_dense_block(&dn), 0);

            /* a smooth train's bytes are what they cost */
            assert_true(rank > 13 || d < 9
                        || hx_tt_dense_cost(&dn, 8192) <= 65536 * 32);
            free(mem);
            free((double *) t.core);
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_small),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
