/*
 * hx_workers_test.c -- jobs that need memory: never more than the budget has,
 * one at least at a time, in order, and nothing that needs none waits for them.
 */

#include <pthread.h>
#include <stdatomic.h>

#include "hx_test.h"
#include "hx_workers.h"

#define JOBS   200

typedef struct {
    hx_job_t    job;
    unsigned    n;
} test_job_t;

static hx_budget_t       budget;
static atomic_uint       ran;
static atomic_uint       order_bad;
static uint64_t          most;
static pthread_mutex_t   lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t    change = PTHREAD_COND_INITIALIZER;
static unsigned          last, closed, inside, passed;


static void
gate(unsigned *counter)
{
    pthread_mutex_lock(&lock);
    (*counter)++;
    pthread_cond_broadcast(&change);

    while (closed) {
        pthread_cond_wait(&change, &lock);
    }

    pthread_mutex_unlock(&lock);
}


static void
wait_until(const unsigned *counter, unsigned n)
{
    pthread_mutex_lock(&lock);

    while (*counter < n) {
        pthread_cond_wait(&change, &lock);
    }

    pthread_mutex_unlock(&lock);
}


static void
run_working(hx_job_t *job, hx_crypto_t *crypto)
{
    uint64_t    used;
    test_job_t  *t;

    (void) crypto;
    t = job->data;
    used = atomic_load(&budget.used);

    pthread_mutex_lock(&lock);
    most = used > most ? used : most;
    if (t->n < last) {
        atomic_fetch_add(&order_bad, 1);
    }
    last = t->n;
    pthread_mutex_unlock(&lock);

    gate(&inside);
    atomic_fetch_add(&ran, 1);
    free(t);                            /* the job is its owner's in run() */
}


static void
run_light(hx_job_t *job, hx_crypto_t *crypto)
{
    (void) crypto;

    pthread_mutex_lock(&lock);
    passed++;
    pthread_cond_broadcast(&change);
    pthread_mutex_unlock(&lock);
    free(job->data);
}


static void
post(hx_workers_t *w, uint64_t work, unsigned n)
{
    test_job_t  *t;

    t = calloc(1, sizeof(*t));
    assert_non_null(t);
    t->n = n;
    t->job.data = t;
    t->job.work = work;
    t->job.run = work != 0 ? run_working : run_light;
    hx_workers_post(w, &t->job);
}


static int
setup(void **state)
{
    atomic_store(&budget.used, 0);
    budget.max = 100;
    atomic_store(&ran, 0);
    atomic_store(&order_bad, 0);
    most = 0;
    last = 0;
    closed = 0;
    inside = 0;
    passed = 0;

    return 0;
}


static void
test_all_run_within_the_budget(void **state)
{
    unsigned       i;
    hx_workers_t  *w;

    w = hx_workers_start(4, &budget);
    assert_non_null(w);

    for (i = 0; i < JOBS; i++) {
        post(w, 1 + test_below(100), 0);
    }

    hx_workers_stop(w);

    assert_int_equal(atomic_load(&ran), JOBS);
    assert_int_equal(atomic_load(&budget.used), 0);
    assert_true(most <= 100);
}


/* Payloads have all of it: the jobs run one by one, in order. */
static void
test_a_full_budget_still_lets_one_work(void **state)
{
    unsigned       i;
    hx_workers_t  *w;

    assert_int_equal(hx_budget_take(&budget, 100), HX_OK);
    w = hx_workers_start(4, &budget);
    assert_non_null(w);

    for (i = 0; i < JOBS; i++) {
        post(w, 1000 + i % 3, i);
    }

    hx_workers_stop(w);

    assert_int_equal(atomic_load(&ran), JOBS);
    assert_int_equal(atomic_load(&order_bad), 0);
    assert_int_equal(atomic_load(&budget.used), 100);
    assert_true(most <= 1102);
}


/* While one that needs much runs and another waits, light ones go past; the
 * small one behind the waiting one does not. */
static void
test_light_jobs_do_not_wait(void **state)
{
    hx_workers_t  *w;

    closed = 1;
    w = hx_workers_start(3, &budget);
    assert_non_null(w);

    post(w, 90, 1);
    wait_until(&inside, 1);
    post(w, 90, 2);
    post(w, 1, 3);
    post(w, 0, 0);
    post(w, 0, 0);
    wait_until(&passed, 2);
    assert_int_equal(inside, 1);
    assert_int_equal(hx_workers_queued(w), 2);

    pthread_mutex_lock(&lock);
    closed = 0;
    pthread_cond_broadcast(&change);
    pthread_mutex_unlock(&lock);

    hx_workers_stop(w);
    assert_int_equal(atomic_load(&ran), 3);
    assert_int_equal(atomic_load(&budget.used), 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(test_all_run_within_the_budget, setup),
        cmocka_unit_test_setup(test_a_full_budget_still_lets_one_work, setup),
        cmocka_unit_test_setup(test_light_jobs_do_not_wait, setup)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
