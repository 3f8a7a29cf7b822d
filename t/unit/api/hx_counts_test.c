/*
 * hx_counts_test.c -- nothing is lost when threads count at the same time,
 * values land in the right bucket, and domains are bounded.
 */

#include <pthread.h>

#include "hx_test.h"
#include "hx_counts.h"

#define THREADS   4
#define EACH      20000

static hx_counts_t  counts;


static uint64_t
total(const hx_histogram_t *h)
{
    uint64_t  n;
    unsigned  i;

    for (n = 0, i = 0; i <= HX_COUNTS_BOUNDS; i++) {
        n += atomic_load(&h->bucket[i]);
    }

    return n;
}


static int
setup(void **state)
{
    memset(&counts, 0, sizeof(counts));
    hx_counts_init(&counts);

    return 0;
}


static void
test_buckets(void **state)
{
    hx_str_t        name = hx_string("d");
    hx_histogram_t  *h;

    h = &counts.domain[0].ratio[HX_VERDICT_SAFE];

    hx_counts_put(&counts, &name, HX_VERDICT_SAFE, 0.5, 0.0001);
    hx_counts_put(&counts, &name, HX_VERDICT_SAFE, 1.0, 0.0002);
    hx_counts_put(&counts, &name, HX_VERDICT_SAFE, 1.05, 4.9);
    hx_counts_put(&counts, &name, HX_VERDICT_SAFE, 1e5, 5.1);
    hx_counts_put(&counts, &name, HX_VERDICT_SAFE, 1e300, 1e9);

    assert_int_equal(atomic_load(&h->bucket[0]), 2);
    assert_int_equal(atomic_load(&h->bucket[1]), 1);
    assert_int_equal(atomic_load(&h->bucket[hx_bounds_ratio.n - 1]), 1);
    assert_int_equal(atomic_load(&h->bucket[hx_bounds_ratio.n]), 1);
    assert_int_equal(total(h), 5);
    assert_true(h->sum >= 1e300);

    h = &counts.domain[0].seconds;
    assert_int_equal(atomic_load(&h->bucket[0]), 1);
    assert_int_equal(atomic_load(&h->bucket[1]), 1);
    assert_int_equal(atomic_load(&h->bucket[hx_bounds_seconds.n]), 2);
    assert_int_equal(total(h), 5);
}


static void
test_kinds_and_statuses(void **state)
{
    unsigned  i;

    hx_counts_query(&counts, "cosine", 1);
    hx_counts_query(&counts, "dot", 1);
    hx_counts_query(&counts, "dot", 1);
    hx_counts_query(&counts, "manhattan", 1);
    assert_int_equal(total(&counts.query[0]), 1);
    assert_int_equal(total(&counts.query[1]), 0);
    assert_int_equal(total(&counts.query[2]), 2);

    for (i = 0; i < 600; i++) {
        hx_counts_request(&counts, 3, i);
        hx_counts_request(&counts, HX_COUNTS_OPS, i);
    }

    for (i = 1; i < HX_COUNTS_STATUSES; i++) {
        assert_int_equal(counts.request[3][i], 1);
        assert_true(hx_counts_status(i) >= 200);
    }

    assert_int_equal(counts.request[3][0], 600 - (HX_COUNTS_STATUSES - 1));
}


static void *
count(void *data)
{
    hx_str_t       name;
    unsigned       i;
    unsigned char  text[2];

    for (i = 0; i < EACH; i++) {
        text[0] = (unsigned char) ('0' + i % 10);
        text[1] = (unsigned char) ('0' + i / 10 % 10);
        name.data = text;
        name.len = 2;
        hx_counts_put(&counts, &name, HX_VERDICT_EXACT, 2, 0.5);
        hx_counts_request(&counts, 0, 200);
    }

    return data;
}


/* A hundred domains, all at once from every thread. */
static void
test_threads(void **state)
{
    unsigned   i, j;
    uint64_t   n;
    pthread_t  t[THREADS];

    for (i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&t[i], NULL, count, NULL), 0);
    }

    for (i = 0; i < THREADS; i++) {
        pthread_join(t[i], NULL);
    }

    assert_int_equal(atomic_load(&counts.n_domains), HX_COUNTS_DOMAINS);
    n = total(&counts.other.seconds);
    assert_true(counts.other.seconds.sum == 0.5 * (double) n);

    for (i = 0; i < HX_COUNTS_DOMAINS; i++) {
        assert_int_equal(total(&counts.domain[i].seconds),
                         THREADS * EACH / 100);
        assert_true(counts.domain[i].ratio[HX_VERDICT_EXACT].sum
                    == 2.0 * THREADS * EACH / 100);
        n += total(&counts.domain[i].seconds);

        for (j = 0; j < i; j++) {
            assert_memory_not_equal(counts.domain[i].name,
                                    counts.domain[j].name, 2);
        }
    }

    assert_int_equal(n, THREADS * EACH);
    assert_int_equal(counts.request[0][1], THREADS * EACH);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(test_buckets, setup),
        cmocka_unit_test_setup(test_kinds_and_statuses, setup),
        cmocka_unit_test_setup(test_threads, setup)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
