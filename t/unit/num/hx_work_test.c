/*
 * hx_work_test.c -- the bounded stack: what is given out is aligned, apart and
 * within the maximum; marks; reuse; refusals.
 */

#include "hx_test.h"
#include "hx_work.h"


/* Where there is a sanitizer, it shall say no like malloc() does. */
const char *__asan_default_options(void);


const char *
__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}


static void
test_random_use(void **state)
{
    int               round, i;
    size_t            size;
    unsigned char    *p[200];
    size_t            n[200];
    hx_work_t         w;
    hx_work_mark_t    mark[200];

    hx_work_init(&w, 8 << 20);

    for (round = 0; round < 20; round++) {
        hx_work_reset(&w, 8 << 20, test_below(8 << 20));
        assert_true(w.size <= w.max);

        for (i = 0; i < 200; i++) {

            if (i > 3 && test_below(5) == 0) {
                i -= (int) (1 + test_below(3));
                hx_work_back(&w, mark[i]);
            }

            mark[i] = hx_work_mark(&w);
            size = test_below(test_below(10) ? 3000 : 900000);
            p[i] = hx_work_get(&w, size);
            n[i] = size;

            if (p[i] == NULL) {
                break;
            }

            assert_int_equal((uintptr_t) p[i] % HX_WORK_ALIGN, 0);
            memset(p[i], i, size);
            assert_true(w.size <= w.max && w.peak <= w.size);
        }

        while (i-- > 0) {
            for (size = 0; size < n[i]; size++) {
                assert_int_equal(p[i][size], i);
            }
        }
    }

    hx_work_free(&w);
    assert_int_equal(w.size, 0);
}


static void
test_limits(void **state)
{
    hx_work_t  w;

    hx_work_init(&w, 100000);
    assert_non_null(hx_work_get(&w, 60000));
    assert_null(hx_work_get(&w, 60000));
    assert_non_null(hx_work_get(&w, 30000));
    assert_null(hx_work_get(&w, SIZE_MAX));
    assert_null(hx_work_doubles(&w, SIZE_MAX / 4));
    assert_int_equal(w.broken, 0);

    /* nothing, and none of it from malloc() */
    hx_work_reset(&w, 0, 0);
    assert_int_equal(w.size, 0);
    assert_null(hx_work_get(&w, 1));

    /* what is kept is not more than asked for */
    hx_work_reset(&w, 64 << 20, 0);
    assert_non_null(hx_work_get(&w, 1 << 20));
    assert_non_null(hx_work_get(&w, 10 << 20));
    hx_work_reset(&w, 64 << 20, 2 << 20);
    assert_true(w.size <= 2 << 20 && w.size > 0);

    /* refusals for tests */
    w.refuse = 3;
    assert_non_null(hx_work_get(&w, 8));
    assert_non_null(hx_work_get(&w, 8));
    assert_null(hx_work_get(&w, 8));
    assert_non_null(hx_work_get(&w, 8));

    hx_work_free(&w);
}


/* What is left of a piece stays where it is, also in a later chunk. */
static void
test_trim(void **state)
{
    unsigned char   *p, *next;
    hx_work_t        w;

    hx_work_init(&w, 8 << 20);
    assert_non_null(hx_work_get(&w, 1000));
    p = hx_work_get(&w, 2 << 20);
    assert_non_null(p);
    memset(p, 7, 100);

    hx_work_trim(&w, p, 100);
    next = hx_work_get(&w, 4 << 20);
    assert_ptr_equal(next, p + 128);
    memset(next, 8, 4 << 20);
    assert_int_equal(p[99], 7);

    hx_work_free(&w);
}


static void
test_no_memory(void **state)
{
    hx_work_t  w;

    hx_work_init(&w, SIZE_MAX / 2);
    assert_null(hx_work_get(&w, SIZE_MAX / 4));
    assert_int_equal(w.broken, 1);
    hx_work_reset(&w, 100, 0);
    assert_int_equal(w.broken, 0);
    hx_work_free(&w);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_random_use),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_trim),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
