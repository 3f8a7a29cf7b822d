/*
 * hx_store_gather_test.c -- when the writer waits for more writes, and when it
 * does not: on a queue without a store behind it.
 */

#include <time.h>

#include "hx_test.h"
#include "hx_store_impl.h"

static hx_store_t     s;
static hx_store_op_t  op[8];


static int
setup(void **state)
{
    pthread_condattr_t  ca;

    memset(&s, 0, sizeof(s));
    pthread_mutex_init(&s.queue_lock, NULL);
    pthread_condattr_init(&ca);
    pthread_condattr_setclock(&ca, CLOCK_MONOTONIC);
    pthread_cond_init(&s.queue_more, &ca);
    s.queue_max = 1024;
    s.gather.want = 1;

    return 0;
}


/* As after a transaction of n writes that took so long. */
static void
answered(unsigned n, uint64_t ns)
{
    s.gather.answered = n;
    s.gather.took_ns = ns;
}


static void
test_writes_of_a_transaction_are_counted(void **state)
{
    op[0].next = &op[1];
    op[1].next = &op[2];
    op[2].next = NULL;

    hx_gather_begin(&s, op);
    assert_int_equal(s.gather.answered, 3);
    hx_gather_end(&s);
    assert_true(s.gather.took_ns < UINT64_C(60000000000));
    hx_gather_begin(&s, NULL);
    assert_int_equal(s.gather.answered, 0);
}


/* Nothing was answered, nothing waits, or all are there already: the long
 * transactions would make it wait for ever if it did. */
static void
test_no_reason_to_wait(void **state)
{
    answered(0, UINT64_MAX);
    s.queued = 3;
    hx_gather(&s);
    assert_int_equal(s.gather.missed, 0);

    answered(5, UINT64_MAX);
    s.queued = 0;
    hx_gather(&s);
    assert_int_equal(s.gather.missed, 0);

    s.queue_max = 3;
    s.queued = 3;
    hx_gather(&s);
    assert_int_equal(s.gather.missed, 0);

    s.queue_max = 1024;
    s.queued = HX_BATCH_OPS;
    hx_gather(&s);
    assert_int_equal(s.gather.missed, 0);

    s.queued = 3;
    s.stop = 1;
    hx_gather(&s);
    assert_int_equal(s.gather.missed, 0);
    assert_int_equal(s.gather.want, 1);
}


/* Nobody comes: tried less and less often, and never given up. */
static void
test_in_vain(void **state)
{
    unsigned  i, tried;

    s.queued = 1;
    tried = 0;

    for (i = 0; i < 1000; i++) {
        answered(4, 1000);
        tried += s.gather.skip == 0;
        hx_gather(&s);
        assert_int_equal(s.gather.want, 1);
    }

    assert_true(tried >= 10 && tried <= 30);
}


static void *
submit(void *data)
{
    unsigned  i;

    for (i = 0; i < 4; i++) {
        pthread_mutex_lock(&s.queue_lock);
        s.queued++;

        if (s.queued >= s.gather.want) {
            pthread_cond_signal(&s.queue_more);
        }

        pthread_mutex_unlock(&s.queue_lock);
    }

    return data;
}


/* They come: it goes on with all of them, and will try again. */
static void
test_they_come_back(void **state)
{
    pthread_t  t;

    s.queued = 2;
    s.gather.missed = 1;
    answered(4, 1000000000);
    assert_int_equal(pthread_create(&t, NULL, submit, NULL), 0);

    do {
        hx_gather(&s);
    } while (s.queued < 6);

    pthread_join(t, NULL);
    assert_int_equal(s.queued, 6);
    assert_int_equal(s.gather.want, 1);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(test_writes_of_a_transaction_are_counted,
                               setup),
        cmocka_unit_test_setup(test_no_reason_to_wait, setup),
        cmocka_unit_test_setup(test_in_vain, setup),
        cmocka_unit_test_setup(test_they_come_back, setup)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
