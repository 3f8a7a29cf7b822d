/*
 * hx_store_full_test.c -- a full map: what does not fit is refused, what was
 * staged is given back, and no size of map makes the store unwritable for
 * good.  A crash is played by ending a child at a certain sync.
 */

#include <sched.h>

#include "hx_limits.h"
#include "hx_test_disk.h"
#include "hx_test_store.h"

#define MB      (1u << 20)
#define PAGE    4096u
#define STEPS   64                      /* sizes of map, a page apart */
#define EXTRA   1152                    /* pages the map is larger than said */

static unsigned char  *value;


static hx_store_rc_t
put_rc(const char *key, size_t len)
{
    uint64_t  v;

    return write_one(HX_STORE_PUT, key, value, len, HX_STORE_ANY, 0, &v);
}


/* Small writes, a larger one that surely fits, and a delete. */
static void
check_writable(size_t large)
{
    uint64_t  v;

    assert_int_equal(put_rc("a", 1), HX_STORE_OK);
    assert_int_equal(put_rc("b", 5000), HX_STORE_OK);
    assert_int_equal(put_rc("large", large), HX_STORE_OK);
    assert_int_equal(write_one(HX_STORE_DELETE, "a", NULL, 0, HX_STORE_ANY, 0,
                               &v), HX_STORE_OK);
    assert_int_equal(put_rc("a", 1), HX_STORE_OK);
}


static void
reopen(size_t map)
{
    hx_store_close(store);
    open_store(map, 64);
}


static int
begin(void **state)
{
    value = malloc(30 * MB);

    if (value == NULL) {
        return -1;
    }

    test_fill(value, 30 * MB);

    return test_dir_make(state);
}


static int
end(void **state)
{
    hx_store_close(store);
    store = NULL;
    free(value);

    return test_dir_remove(state);
}


static void
test_a_new_file_has_a_durable_name(void **state)
{
    dir_synced = 0;
    open_store(16 * MB, 4);
    assert_true(dir_synced);
}


static void
test_a_value_that_cannot_fit(void **state)
{
    unsigned  i;

    for (i = 0; i < STEPS; i += 3) {
        open_store(16 * MB + i * PAGE, 64);
        assert_int_equal(put_rc("small", 1), HX_STORE_OK);
        assert_int_equal(put_rc("big", 30 * MB), HX_STORE_FULL);
        check_writable(1 * MB);
        reopen(16 * MB + i * PAGE);
        check_writable(1 * MB);
        hx_store_close(store);
        store = NULL;
        assert_int_equal(unlink(test_path("data.mdb")), 0);
    }
}


/* Others take the room between the slices of a large value. */
static void
test_a_value_that_fits_no_longer(void **state)
{
    int                    calls, more[64];
    unsigned               i, ok;
    hx_store_op_t          big;
    static hx_store_op_t   op[64];

    open_store(26 * MB, hx_nelts(op) + 1);
    memset(more, 0, sizeof(more));
    calls = 0;
    fill(&big, HX_STORE_PUT, "big", value, 20 * MB, &calls);
    assert_int_equal(hx_store_submit(store, &big), HX_STORE_OK);

    for (i = 0; i < hx_nelts(op); i++) {
        fill(&op[i], HX_STORE_PUT, "k", value, MB / 4, &more[i]);
        assert_int_equal(hx_store_submit(store, &op[i]), HX_STORE_OK);
    }

    wait_all(hx_nelts(op) + 1);
    ok = 0;

    for (i = 0; i < hx_nelts(op); i++) {
        assert_true(op[i].rc == HX_STORE_OK || op[i].rc == HX_STORE_FULL);
        ok += op[i].rc == HX_STORE_OK;
    }

    assert_int_equal(big.rc, HX_STORE_FULL);
    assert_true(ok >= 32);
    check_writable(1 * MB);
    reopen(26 * MB);
    check_writable(1 * MB);
}


static void
test_filled_to_the_brim(void **state)
{
    unsigned  i, n;
    char      key[16];
    uint64_t  v;

    for (i = 0; i < STEPS; i += 7) {
        open_store(4 * MB + i * PAGE, 64);
        n = 0;

        do {
            (void) snprintf(key, sizeof(key), "k%u", n++);
        } while (put_rc(key, n % 3 == 0 ? 1 : 20000) == HX_STORE_OK);

        assert_true(n > 100);
        assert_int_equal(put_rc("k0", 20000), HX_STORE_FULL);

        /* deletes still can */

        while (n-- > 1) {
            (void) snprintf(key, sizeof(key), "k%u", n - 1);
            assert_int_equal(write_one(HX_STORE_DELETE, key, NULL, 0,
                                       HX_STORE_ANY, 0, &v), HX_STORE_OK);
        }

        hx_store_close(store);
        store = NULL;
        assert_int_equal(unlink(test_path("data.mdb")), 0);
    }
}


static int
put_and_crash(void *data)
{
    int            calls;
    hx_store_op_t  op;

    open_store(64 * MB, 4);
    crash_at = *(int *) data;
    calls = 0;
    fill(&op, HX_STORE_PUT, "big", value, 20 * MB, &calls);

    if (hx_store_submit(store, &op) == HX_STORE_OK) {
        wait_all(1);
    }

    return 3;
}


/* Starting with staged chunks in a map that they fill, more or less. */
static void
test_left_over_in_a_full_map(void **state)
{
    int             at;
    size_t          len, map;
    unsigned        i;
    unsigned char  *file;

    at = 3;                             /* two slices are there */
    assert_int_equal(test_in_child(put_and_crash, &at), 0);

    file = malloc(40 * MB);
    assert_non_null(file);
    len = test_slurp("data.mdb", file, 40 * MB);
    assert_true(len > 16 * MB);

    for (i = 0; i < STEPS; i++) {
        test_spill("data.mdb", file, len);

        /* from "the map is too small for what is there" on */

        map = (len / PAGE - EXTRA - STEPS + 8 + i) * PAGE;
        open_store(map, 64);
        check_writable(7 * MB);
        assert_int_equal(put_rc("big", 20 * MB), HX_STORE_FULL);
        reopen(map);
        check_writable(1 * MB);
        hx_store_close(store);
        store = NULL;
    }

    free(file);
}


/* And on a full disk, where they cannot be removed: reading goes on. */
static void
test_left_over_on_a_full_disk(void **state)
{
    int  at;

    open_store(64 * MB, 4);
    assert_int_equal(put_rc("old", 5000), HX_STORE_OK);
    hx_store_close(store);
    store = NULL;

    at = 3;
    assert_int_equal(test_in_child(put_and_crash, &at), 0);

    atomic_store(&no_space, 1);
    open_store(22 * MB, 4);
    check_value("old", 1, value, 5000);
    assert_int_equal(put_rc("old", 1), HX_STORE_FULL);
    atomic_store(&no_space, 0);

    /* 16 MB are staged, so this needs what the writer sweeps by itself */

    while (put_rc("new", 7 * MB) != HX_STORE_OK) {
        (void) sched_yield();
    }

    check_writable(5 * MB);
}


#define T(name)   cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
    const struct CMUnitTest  tests[] = {
        T(test_a_new_file_has_a_durable_name),
        T(test_a_value_that_cannot_fit),
        T(test_a_value_that_fits_no_longer),
        T(test_filled_to_the_brim),
        T(test_left_over_in_a_full_map),
        T(test_left_over_on_a_full_disk)
    };

    return cmocka_run_group_tests_name("hx_store_full", tests, NULL, NULL);
}
