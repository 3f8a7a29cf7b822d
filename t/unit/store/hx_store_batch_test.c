/*
 * hx_store_batch_test.c -- several puts as one: all of them or none, whatever
 * is refused, does not fit, or dies in between.
 */

#include "hx_limits.h"
#include "hx_test_disk.h"
#include "hx_test_store.h"

#define MB      (1u << 20)
#define ITEMS   HX_STORE_BATCH_MAX

static unsigned char  *value;
static hx_store_op_t   items[ITEMS + 1];
static char            keys[ITEMS + 1][16];
static int             calls;


/* n items of the given sizes, in turn; key i is "k<i>". */
static void
batch(hx_store_op_t *op, unsigned n, const size_t *size, unsigned sizes)
{
    unsigned  i;

    for (i = 0; i < n && i < hx_nelts(items); i++) {
        (void) snprintf(keys[i], sizeof(keys[i]), "k%u", i);
        fill(&items[i], HX_STORE_PUT, keys[i], value + i, size[i % sizes],
             NULL);
        items[i].ns = test_str("");     /* the batch's is what counts */
        items[i].done = NULL;
    }

    memset(op, 0, sizeof(*op));
    op->kind = HX_STORE_BATCH;
    op->ns = test_str(NS);
    op->items = items;
    op->n_items = n;
    op->done = answered;
    op->data = &calls;
    calls = 0;
}


static hx_store_rc_t
run(hx_store_op_t *op)
{
    calls = 0;
    assert_int_equal(hx_store_submit(store, op), HX_STORE_OK);
    wait_all(1);
    assert_int_equal(calls, 1);

    return op->rc;
}


/* The latest version of key i; 0: there is none. */
static uint64_t
latest(unsigned i)
{
    char             key[16];
    uint64_t         version;
    hx_record_t      r;
    hx_store_rc_t    rc;
    hx_store_view_t  v;

    (void) snprintf(key, sizeof(key), "k%u", i);
    rc = get(key, 0, &r, &v);
    version = rc == HX_STORE_OK ? r.version : 0;
    assert_true(rc == HX_STORE_OK || rc == HX_STORE_NO);

    if (rc == HX_STORE_OK) {
        assert_int_equal(hx_store_verify(&v, &r), HX_STORE_OK);
    }

    hx_store_view_end(&v);

    return version;
}


static void
check_all(unsigned n, uint64_t version)
{
    unsigned  i;

    for (i = 0; i < n; i++) {
        assert_int_equal(latest(i), version);
    }
}


static int
begin(void **state)
{
    value = malloc(30 * MB);

    if (value == NULL || test_dir_make(state) != 0) {
        return -1;
    }

    test_fill(value, 30 * MB);
    open_store((size_t) 256 * MB, 1024);

    return 0;
}


static int
end(void **state)
{
    hx_store_close(store);
    store = NULL;
    free(value);

    return test_dir_remove(state);
}


static const size_t  small[] = { 1, 100, HX_RECORD_INLINE_MAX, 5000, 300000 };
static const size_t  large[] = { 9 * MB, 10, 300000, 5000, 2 * MB };


static void
test_all_get_a_version(void **state)
{
    unsigned          i, round;
    hx_store_op_t     op;
    hx_store_stats_t  st;

    for (round = 1; round <= 3; round++) {
        batch(&op, 40, small, hx_nelts(small));
        assert_int_equal(run(&op), HX_STORE_OK);

        for (i = 0; i < 40; i++) {
            assert_int_equal(items[i].version, round);
            check_value(keys[i], round, value + i, small[i % 5]);
        }
    }

    batch(&op, ITEMS, small, 2);
    assert_int_equal(run(&op), HX_STORE_OK);
    assert_int_equal(latest(ITEMS - 1), 1);

    hx_store_stats(store, &st);
    assert_int_equal(st.puts, 3 * 40 + ITEMS);
    assert_int_equal(st.batch_max, ITEMS);
}


static void
test_large_ones_are_staged(void **state)
{
    unsigned       i;
    hx_store_op_t  op;

    batch(&op, 7, large, hx_nelts(large));
    assert_int_equal(run(&op), HX_STORE_OK);

    for (i = 0; i < 7; i++) {
        check_value(keys[i], 1, value + i, large[i % 5]);
    }

    /* many small ones make a large batch as well */

    batch(&op, ITEMS, &small[4], 1);
    assert_int_equal(run(&op), HX_STORE_OK);

    for (i = 0; i < ITEMS; i++) {
        check_value(keys[i], i < 7 ? 2 : 1, value + i, small[4]);
    }
}


static void
test_one_conflict_refuses_all(void **state)
{
    unsigned       i, bad;
    hx_store_op_t  op;

    for (i = 0; i < 2; i++) {
        for (bad = 0; bad < 6; bad += 5) {
            batch(&op, 6, i ? large : small, 5);
            items[bad].check = HX_STORE_VERSION;
            items[bad].expected = 1;
            assert_int_equal(run(&op), HX_STORE_CONFLICT);
            assert_int_equal(op.failed, bad);
            assert_int_equal(op.current, 0);
            check_all(6, 0);
        }
    }

    assert_int_equal(put("k3", "x", 1), 1);
    batch(&op, 6, small, 5);
    items[3].check = HX_STORE_VERSION;
    items[3].expected = 2;
    assert_int_equal(run(&op), HX_STORE_CONFLICT);
    assert_int_equal(op.failed, 3);
    assert_int_equal(op.current, 1);

    items[3].expected = 1;
    items[2].check = HX_STORE_VERSION;
    assert_int_equal(run(&op), HX_STORE_OK);
    assert_int_equal(items[2].version, 1);
    assert_int_equal(items[3].version, 2);
}


/* A conflict that arises while the chunks are being written. */
static void
test_a_conflict_behind_the_chunks(void **state)
{
    int            more;
    hx_store_op_t  op, other;

    batch(&op, 6, large, 5);
    items[5].check = HX_STORE_VERSION;
    fill(&other, HX_STORE_PUT, "k5", "x", 1, &more);
    more = 0;

    assert_int_equal(hx_store_submit(store, &op), HX_STORE_OK);
    assert_int_equal(hx_store_submit(store, &other), HX_STORE_OK);
    wait_all(2);
    assert_int_equal(other.rc, HX_STORE_OK);
    assert_int_equal(op.rc, HX_STORE_CONFLICT);
    assert_int_equal(op.current, 1);
    check_all(5, 0);
    assert_int_equal(latest(5), 1);
}


/* It does not take its neighbours in the transaction with it. */
static void
test_others_in_the_same_commit(void **state)
{
    int            more[20], more_calls;
    unsigned       i;
    hx_store_op_t  op, other[20];

    memset(more, 0, sizeof(more));
    batch(&op, 4, small, 5);
    items[1].check = HX_STORE_EXISTS;

    for (i = 0; i < hx_nelts(other); i++) {
        fill(&other[i], HX_STORE_PUT, "x", "x", 1, &more[i]);
        assert_int_equal(hx_store_submit(store, &other[i]), HX_STORE_OK);

        if (i == 10) {
            assert_int_equal(hx_store_submit(store, &op), HX_STORE_OK);
        }
    }

    wait_all(hx_nelts(other) + 1);
    more_calls = 0;

    for (i = 0; i < hx_nelts(other); i++) {
        assert_int_equal(other[i].rc, HX_STORE_OK);
        more_calls += more[i];
    }

    assert_int_equal(more_calls, hx_nelts(other));
    assert_int_equal(op.rc, HX_STORE_CONFLICT);
    check_all(4, 0);
}


static void
test_what_is_no_batch(void **state)
{
    hx_store_op_t  op;

    batch(&op, 0, small, 5);
    assert_int_equal(hx_store_submit(store, &op), HX_STORE_FAIL);
    batch(&op, ITEMS + 1, small, 1);
    assert_int_equal(hx_store_submit(store, &op), HX_STORE_FAIL);
    assert_int_equal(calls, 0);

    /* the api has to see to it; here nothing may be half done */

    batch(&op, 5, small, 5);
    items[4].key = items[0].key;
    items[4].check = HX_STORE_VERSION;
    assert_int_equal(run(&op), HX_STORE_FAIL);
    check_all(5, 0);
}


/* Full in the middle, for every size of the map in question. */
static void
test_a_full_map(void **state)
{
    size_t         size, map;
    unsigned       i, n, full;
    hx_store_op_t  op;

    full = 0;

    for (i = 0; i < 2; i++) {
        size = i ? MB : MB / 4;
        n = i ? 12 : 20;

        for (map = n * size - MB; map < n * size + 2 * MB; map += MB / 8) {
            hx_store_close(store);
            assert_int_equal(unlink(test_path("data.mdb")), 0);
            open_store(map, 64);
            batch(&op, n, &size, 1);

            if (run(&op) == HX_STORE_OK) {
                check_all(n, 1);
                continue;
            }

            full++;
            assert_int_equal(op.rc, HX_STORE_FULL);
            assert_non_null(op.why);
            check_all(n, 0);

            /* and its room is given back */

            assert_int_equal(put("k0", value, 2 * MB), 1);
        }
    }

    assert_true(full > 8);
}


typedef struct {
    int            at;
    const size_t  *size;
} crash_t;


static int
batch_and_crash(void *data)
{
    crash_t        *c = data;
    hx_store_op_t   op;

    open_store((size_t) 256 * MB, 64);
    crash_at = c->at;
    batch(&op, 30, c->size, 5);
    items[29].value.len = 3;            /* inline, whatever the others are */
    items[29].record.length = 3;

    return run(&op) == HX_STORE_OK ? 9 : 8;
}


static void
test_a_death_at_each_sync(void **state)
{
    int       rc;
    crash_t   c;
    uint64_t  before, version;
    unsigned  i;

    for (i = 0; i < 2; i++) {
        c.size = i ? large : small;
        c.at = 1;

        do {
            before = latest(29);
            hx_store_close(store);
            store = NULL;
            rc = test_in_child(batch_and_crash, &c);
            open_store((size_t) 256 * MB, 64);
            version = latest(29);
            assert_true(version == before + (rc == 9)
                        || (rc == 0 && version == before + 1));
            check_all(30, version);
            c.at++;
        } while (rc == 0);

        assert_int_equal(rc, 9);
        assert_true(c.at > (i ? 4 : 1));
    }
}


#define T(name)   cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
    const struct CMUnitTest  tests[] = {
        T(test_all_get_a_version),
        T(test_large_ones_are_staged),
        T(test_one_conflict_refuses_all),
        T(test_a_conflict_behind_the_chunks),
        T(test_others_in_the_same_commit),
        T(test_what_is_no_batch),
        T(test_a_full_map),
        T(test_a_death_at_each_sync)
    };

    return cmocka_run_group_tests_name("hx_store_batch", tests, NULL, NULL);
}
