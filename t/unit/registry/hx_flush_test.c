/*
 * hx_flush_test.c -- usage on its way from shared memory to its store: all of
 * it, once, whatever fails or is killed in between.
 */

#include "hx_test_dir.h"

#include <time.h>

#include "hx_flush.h"


#define FLUSH_MONTH     202611
#define FLUSH_TENANTS   300             /* more than one transaction takes */
#define FLUSH_KILLS     25


static hx_state_t  *st;
static hx_usage_t  *usage;


static void
test_usage_open(size_t map_size)
{
    char              err[HX_USAGE_ERR];
    hx_usage_conf_t   conf;

    memset(&conf, 0, sizeof(conf));
    conf.dir = test_dir;
    conf.map_size = map_size;
    conf.max_readers = 126;

    if (hx_usage_open(&usage, &conf, err) != HX_OK) {
        fail_msg("%s", err);
    }
}


static int
test_setup(void **state)
{
    char              err[HX_STATE_ERR];
    hx_state_conf_t   conf;

    if (test_dir_make(state) != 0) {
        return -1;
    }

    memset(&conf, 0, sizeof(conf));
    conf.size = 1024 * 1024;

    return hx_state_open(&st, &conf, err) == HX_OK ? 0 : -1;
}


static int
test_teardown(void **state)
{
    hx_usage_close(usage);
    usage = NULL;
    hx_state_close(st);

    return test_dir_remove(state);
}


static hx_str_t
test_tenant(unsigned i)
{
    static char  text[32];

    (void) snprintf(text, sizeof(text), "tenant-%u", i);

    return (hx_str_t) { (unsigned char *) text, strlen(text) };
}


static void
test_charge(unsigned tenant, const char *operation, unsigned month,
    uint32_t tenths)
{
    hx_str_t            name;
    hx_state_charge_t   c;

    name.data = (const unsigned char *) operation;
    name.len = strlen(operation);

    memset(&c, 0, sizeof(c));
    c.id = test_tenant(tenant);
    c.month = month;
    c.operation = hx_state_operation(st, &name);
    c.tenths = tenths;

    assert_int_not_equal(c.operation, 0);
    assert_int_equal(hx_state_charge(st, &c), HX_OK);
}


static hx_flush_result_t
test_flush(hx_rc_t expected)
{
    char               err[HX_USAGE_ERR];
    hx_rc_t            rc;
    hx_flush_result_t  result;

    rc = hx_flush(st, usage, 1, &result, err);

    if (rc != expected) {
        fail_msg("%d: %s", rc, rc == HX_FAIL ? err : "");
    }

    return result;
}


static uint64_t
test_stored(unsigned tenant, unsigned month)
{
    char      err[HX_USAGE_ERR];
    uint64_t  tenths;
    hx_str_t  id;

    id = test_tenant(tenant);

    if (hx_usage_total(usage, month, &id, NULL, 0, &tenths, err) != HX_OK) {
        fail_msg("%s", err);
    }

    return tenths;
}


static void
each_once(void **state)
{
    unsigned           i;
    hx_flush_result_t  result;

    test_usage_open(16 * 1024 * 1024);

    assert_int_equal(test_flush(HX_OK).rows, 0);

    for (i = 0; i < FLUSH_TENANTS; i++) {
        test_charge(i, "put", FLUSH_MONTH, i + 1);
        test_charge(i, "get", FLUSH_MONTH, 1);
        test_charge(i, "put", FLUSH_MONTH + 1, 7);
    }

    result = test_flush(HX_OK);
    assert_int_equal(result.rows, 2 * FLUSH_TENANTS);
    assert_true(result.transactions >= 2);

    for (i = 0; i < FLUSH_TENANTS; i++) {
        assert_int_equal(test_stored(i, FLUSH_MONTH), i + 2);
        assert_int_equal(test_stored(i, FLUSH_MONTH + 1), 7);
    }

    /* what is stored is not stored again, what is charged later is */

    assert_int_equal(test_flush(HX_OK).rows, 0);

    test_charge(5, "put", FLUSH_MONTH + 1, 3);
    assert_true(test_flush(HX_OK).rows >= 1);
    assert_int_equal(test_stored(5, FLUSH_MONTH + 1), 10);
    assert_int_equal(test_stored(5, FLUSH_MONTH), 7);
    assert_int_equal(test_flush(HX_OK).rows, 0);
}


static void
many_operations(void **state)
{
    char               name[16];
    unsigned           i;
    hx_str_t           id;
    static char        err[HX_USAGE_ERR];
    hx_usage_sum_t    *sum;

    test_usage_open(16 * 1024 * 1024);

    for (i = 0; i < HX_STATE_OPERATIONS; i++) {
        (void) snprintf(name, sizeof(name), "op%u", i);
        test_charge(1, name, FLUSH_MONTH, i + 1);
        test_charge(1, name, FLUSH_MONTH + 1, 1);
    }

    assert_int_equal(test_flush(HX_OK).rows, 2);

    sum = malloc(sizeof(hx_usage_sum_t));
    assert_non_null(sum);
    id = test_tenant(1);
    assert_int_equal(hx_usage_get(usage, FLUSH_MONTH, &id, NULL, sum, err),
                     HX_OK);
    assert_int_equal(sum->n, HX_STATE_OPERATIONS);
    assert_int_equal(sum->tenths,
                     HX_STATE_OPERATIONS * (HX_STATE_OPERATIONS + 1) / 2);
    free(sum);
    assert_int_equal(test_stored(1, FLUSH_MONTH + 1), HX_STATE_OPERATIONS);
}


/* A store that takes nothing: charges stay, and arrive when it does. */

static void
store_full(void **state)
{
    unsigned         i;
    uint64_t         sum;
    hx_state_info_t  info;

    test_usage_open(128 * 1024);

    for (i = 0; i < 2000; i++) {
        test_charge(i, "put", FLUSH_MONTH, 1);
    }

    (void) test_flush(HX_FAIL);

    hx_state_info(st, &info);
    assert_int_not_equal(info.unsaved, 0);
    (void) test_flush(HX_FAIL);

    hx_usage_close(usage);
    test_usage_open(16 * 1024 * 1024);
    (void) test_flush(HX_OK);

    hx_state_info(st, &info);
    assert_int_equal(info.unsaved, 0);

    for (sum = 0, i = 0; i < 2000; i++) {
        sum += test_stored(i, FLUSH_MONTH);
    }

    assert_int_equal(sum, 2000);
}


static void
one_at_a_time(void **state)
{
    char               err[HX_USAGE_ERR];
    hx_flush_result_t  result;

    test_usage_open(16 * 1024 * 1024);
    test_charge(1, "put", FLUSH_MONTH, 1);

    assert_int_equal(hx_state_save_lock(st, 0), HX_OK);
    assert_int_equal(hx_flush(st, usage, 0, &result, err), HX_NO);
    hx_state_save_unlock(st);

    assert_int_equal(hx_flush(st, usage, 0, &result, err), HX_OK);
    assert_int_equal(result.rows, 1);
}


/* Charges and flushes until it is killed; counts what it has charged. */

static void
test_victim(uint64_t *charged)
{
    unsigned  i;

    usage = NULL;
    test_usage_open(16 * 1024 * 1024);

    for (i = 0; /* void */ ; i++) {
        test_charge(i % 40, "put", FLUSH_MONTH, 1);
        __atomic_add_fetch(charged, 1, __ATOMIC_SEQ_CST);

        if (i % 64 == 0) {
            (void) test_flush(HX_OK);
        }
    }
}


static void
killed(void **state)
{
    int               status;
    pid_t             pid;
    unsigned          i, round;
    uint64_t         *charged, before, sum;
    struct timespec   wait;

    charged = mmap(NULL, 4096, PROT_READ|PROT_WRITE,
                   MAP_SHARED|MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(charged, MAP_FAILED);

    for (round = 0; round < FLUSH_KILLS; round++) {

        before = __atomic_load_n(charged, __ATOMIC_SEQ_CST);
        pid = fork();
        assert_int_not_equal(pid, -1);

        if (pid == 0) {
            test_victim(charged);
            _exit(0);
        }

        /* in the middle of its work, at no moment in particular */

        wait.tv_sec = 0;
        wait.tv_nsec = 200000 + (long) test_below(2000000);

        while (__atomic_load_n(charged, __ATOMIC_SEQ_CST) < before + 100
               && waitpid(pid, &status, WNOHANG) == 0)
        {
            (void) nanosleep(&wait, NULL);
        }

        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
    }

    test_usage_open(16 * 1024 * 1024);
    (void) test_flush(HX_OK);

    for (sum = 0, i = 0; i < 40; i++) {
        sum += test_stored(i, FLUSH_MONTH);
    }

    /* each kill may have come between a charge and its counting here */

    assert_true(sum >= *charged);
    assert_true(sum <= *charged + FLUSH_KILLS);

    (void) munmap(charged, 4096);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(each_once, test_setup,
                                        test_teardown),
        cmocka_unit_test_setup_teardown(many_operations, test_setup,
                                        test_teardown),
        cmocka_unit_test_setup_teardown(store_full, test_setup,
                                        test_teardown),
        cmocka_unit_test_setup_teardown(one_at_a_time, test_setup,
                                        test_teardown),
        cmocka_unit_test_setup_teardown(killed, test_setup, test_teardown)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
