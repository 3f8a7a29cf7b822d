/*
 * Tests of the index: columns that follow writes, made anew from the store,
 * and in little memory; every query against a plain loop.
 */

#include "hx_test_index.h"

#define LENGTHS   3
#define LONGEST   1500

static const size_t  lengths[LENGTHS] = { 7, 130, LONGEST };
static model_t       model[INDEX_KEYS];


static double
uniform(void)
{
    return (double) (test_random() >> 11) * 0x1p-52 - 1;
}


static void
model_init(void)
{
    size_t  i;

    memset(model, 0, sizeof(model));

    for (i = 0; i < INDEX_KEYS; i++) {
        (void) snprintf(model[i].key, sizeof(model[i].key), "k%zu", i);
    }
}


static void
model_free(void)
{
    size_t  i;

    for (i = 0; i < INDEX_KEYS; i++) {
        free(model[i].x);
        model[i].x = NULL;
    }
}


/* Some values: noise, waves, zeros, a copy of another's. */
static void
values(double *x, size_t n)
{
    size_t  i, j;

    switch (test_below(6)) {

    case 0:
        for (i = 0; i < n; i++) {
            x[i] = sin((double) i / (double) n * 5 + uniform());
        }
        return;

    case 1:
        memset(x, 0, n * sizeof(double));
        return;

    case 2:
        for (j = 0; j < INDEX_KEYS; j++) {
            if (model[j].n == n) {
                memcpy(x, model[j].x, n * sizeof(double));
                return;
            }
        }
        break;

    default:
        break;
    }

    for (i = 0; i < n; i++) {
        x[i] = uniform() * 100;
    }
}


/* One write of a random kind, in the store, the index and the model. */
static void
step(void)
{
    double    *x;
    size_t     n;
    model_t   *m;

    m = &model[test_below(INDEX_KEYS)];
    n = lengths[test_below(LENGTHS)];

    switch (test_below(10)) {

    case 0:
        assert_int_equal(write_array(m->key, HX_DTYPE_NONE, "opaque", 6, NULL),
                         HX_STORE_OK);
        m->n = 0;
        return;

    case 1:
        assert_int_equal(write_array(m->key, 0, NULL, 0, NULL) == HX_STORE_OK
                         || m->n == 0, 1);
        m->n = 0;
        return;

    default:
        break;
    }

    x = malloc(n * sizeof(double));
    assert_non_null(x);
    values(x, n);

    if (test_below(12) == 0) {
        x[test_below(n)] = NAN;             /* is no candidate */
        assert_int_equal(write_array(m->key, HX_DTYPE_F8, x, n, NULL),
                         HX_STORE_OK);
        free(x);
        m->n = 0;
        return;
    }

    assert_int_equal(write_array(m->key, HX_DTYPE_F8, x, n, NULL),
                     HX_STORE_OK);
    free(m->x);
    m->x = x;
    m->n = n;
}


static void
check_all(void)
{
    double       y[LONGEST];
    size_t       i;
    unsigned     k;
    hx_metric_t  m;

    for (i = 0; i < LENGTHS; i++) {
        values(y, lengths[i]);

        for (m = HX_COSINE; m < HX_METRICS; m++) {
            for (k = 1; k <= 100; k *= 10) {
                check_query(model, INDEX_KEYS, m, y, lengths[i], k);
            }
        }
    }
}


static void
follow(uint64_t bytes)
{
    unsigned  i, round;

    model_init();
    open_store();
    create_index(bytes);
    assert_int_equal(hx_index_start(ix), 0);
    assert_int_equal(hx_index_state(ix), HX_INDEX_READY);

    for (round = 0; round < 6; round++) {
        for (i = 0; i < 40; i++) {
            step();
        }
        check_all();
    }

    /* the same out of the store */

    close_all();
    open_store();
    create_index(bytes);
    assert_int_equal(hx_index_start(ix), 0);
    wait_ready();
    check_all();

    for (i = 0; i < 50; i++) {
        step();
    }

    check_all();
    close_all();
    model_free();
}


static void
columns_follow_writes(void **state)
{
    follow(UINT64_MAX);
}


static void
so_they_do_without_memory(void **state)
{
    follow(1);
}


static void
so_they_do_with_memory_for_some(void **state)
{
    follow(20000);
}


/* While they are built, the writer is ahead: what was written then stays. */
static void
building_never_brings_back_what_is_old(void **state)
{
    double      x[7], y[7];
    size_t      i, j;
    uint64_t    version;

    model_init();
    open_store();
    create_index(UINT64_MAX);

    /* an index that nobody starts: it is only thrown away */

    for (i = 0; i < 30; i++) {
        for (j = 0; j < 7; j++) {
            x[j] = uniform();
        }
        assert_int_equal(write_array(model[i].key, HX_DTYPE_F8, x, 7,
                                     &version), HX_STORE_OK);
        model[i].x = malloc(sizeof(x));
        assert_non_null(model[i].x);
        memcpy(model[i].x, x, sizeof(x));
        model[i].n = 7;
    }

    hx_index_free(ix);
    create_index(UINT64_MAX);
    assert_int_equal(hx_index_state(ix), HX_INDEX_BUILDING);

    for (i = 0; i < 30; i += 3) {
        for (j = 0; j < 7; j++) {
            model[i].x[j] = uniform();
        }
        assert_int_equal(write_array(model[i].key, HX_DTYPE_F8, model[i].x, 7,
                                     NULL), HX_STORE_OK);
        assert_int_equal(write_array(model[i + 1].key, 0, NULL, 0, NULL),
                         HX_STORE_OK);
        model[i + 1].n = 0;
        assert_int_equal(write_array(model[i + 2].key, HX_DTYPE_NONE, "o", 1,
                                     NULL), HX_STORE_OK);
        model[i + 2].n = 0;
    }

    /* as the building thread would, late: versions that are gone */

    for (i = 0; i < 30; i++) {
        hx_record_t         r;
        hx_str_t            v;
        hx_index_change_t   c;

        memset(&r, 0, sizeof(r));
        r.array.dtype = HX_DTYPE_F8;
        r.array.ndim = 1;
        r.array.dim[0] = 7;
        r.length = sizeof(x);
        r.stored = sizeof(x);
        v.data = (const unsigned char *) x;
        v.len = sizeof(x);
        c.key = test_str(model[i].key);
        c.version = 1;
        c.item = hx_index_prepare(ix, &r, &v, NULL);
        assert_non_null(c.item);
        hx_index_apply(ix, &ns, &c, 1);
    }

    assert_int_equal(hx_index_start(ix), 0);
    wait_ready();

    for (j = 0; j < 7; j++) {
        y[j] = uniform();
    }

    check_query(model, INDEX_KEYS, HX_EUCLIDEAN, y, 7, 100);
    close_all();
    model_free();
}


static void
memory_comes_back(void **state)
{
    double             x[LONGEST];
    size_t             i, j, round;
    hx_index_stats_t   st;

    model_init();
    open_store();
    create_index(UINT64_MAX);
    assert_int_equal(hx_index_start(ix), 0);

    for (round = 0; round < 30; round++) {
        for (i = 0; i < 20; i++) {
            for (j = 0; j < LONGEST; j++) {
                x[j] = uniform();
            }
            assert_int_equal(write_array(model[i].key, HX_DTYPE_F8, x, LONGEST,
                                         NULL), HX_STORE_OK);
        }
    }

    /* 600 rows came, 20 live: no more than a few times their memory */

    hx_index_stats(ix, &st);
    assert_int_equal(st.rows, 20);
    assert_true(st.bytes < 20 * (LONGEST + 600) * 6);

    for (i = 0; i < 20; i++) {
        assert_int_equal(write_array(model[i].key, 0, NULL, 0, NULL),
                         HX_STORE_OK);
    }

    hx_index_stats(ix, &st);
    assert_int_equal(st.rows, 0);
    assert_true(st.bytes < 70 * (LONGEST + 600));
    close_all();
}


static void
the_bound_is_kept(void **state)
{
    double             x[LONGEST];
    size_t             i, j;
    hx_index_stats_t   st;

    model_init();
    open_store();
    create_index(50000);
    assert_int_equal(hx_index_start(ix), 0);

    for (i = 0; i < INDEX_KEYS; i++) {
        for (j = 0; j < LONGEST; j++) {
            x[j] = uniform();
        }
        assert_int_equal(write_array(model[i].key, HX_DTYPE_F8, x, LONGEST,
                                     NULL), HX_STORE_OK);
        hx_index_stats(ix, &st);
        assert_true(st.bytes <= 50000);
    }

    assert_int_equal(st.rows, INDEX_KEYS);
    assert_true(st.bare > 30 && st.bare < INDEX_KEYS - 10);
    close_all();
}


/* One key, each time with another number of elements. */
static void
lengths_that_are_gone_take_nothing(void **state)
{
    double             x[LONGEST + 500];
    size_t             n;
    hx_index_stats_t   st;

    for (n = 0; n < LONGEST + 500; n++) {
        x[n] = uniform();
    }

    open_store();
    create_index(400000);
    assert_int_equal(hx_index_start(ix), 0);

    for (n = LONGEST; n < LONGEST + 500; n++) {
        assert_int_equal(write_array("k", HX_DTYPE_F8, x, n, NULL),
                         HX_STORE_OK);
        hx_index_stats(ix, &st);
        assert_int_equal(st.rows, 1);
        assert_int_equal(st.bare, 0);
        assert_true(st.bytes < 2 * (LONGEST + 1000));
    }

    assert_int_equal(write_array("k", 0, NULL, 0, NULL), HX_STORE_OK);
    hx_index_stats(ix, &st);
    assert_int_equal(st.rows, 0);
    assert_int_equal(st.bytes, 0);
    close_all();
}


/* A segment that was made for many does not stay for a few. */
static void
a_few_rows_take_little(void **state)
{
    double             x[LONGEST];
    size_t             i, n;
    hx_index_stats_t   st;

    model_init();

    for (i = 0; i < LONGEST; i++) {
        x[i] = uniform();
    }

    open_store();
    create_index(UINT64_MAX);
    assert_int_equal(hx_index_start(ix), 0);

    for (n = 1; n < INDEX_KEYS; n++) {
        for (i = 0; i < n; i++) {
            assert_int_equal(write_array(model[i].key, HX_DTYPE_F8, x, LONGEST,
                                         NULL), HX_STORE_OK);
        }

        for (i = 0; i + 1 < n; i++) {
            assert_int_equal(write_array(model[i].key, 0, NULL, 0, NULL),
                             HX_STORE_OK);
        }

        hx_index_stats(ix, &st);
        assert_int_equal(st.rows, 1);
        assert_true(st.bytes <= 8 * (LONGEST + 300));

        assert_int_equal(write_array(model[n - 1].key, 0, NULL, 0, NULL),
                         HX_STORE_OK);
        hx_index_stats(ix, &st);
        assert_int_equal(st.bytes, 0);
    }

    close_all();
}


static int
room_take(void *data, uint64_t bytes)
{
    uint64_t  *left;

    left = data;

    if (bytes > *left) {
        return 0;
    }

    *left -= bytes;

    return 1;
}


static void
room_give(void *data, uint64_t bytes)
{
    uint64_t  *left;

    left = data;
    *left += bytes;
}


/* Items that nobody applies, of values as they are in x; how many copies there
 * was room for. */
static size_t
prepared(const double *x, uint64_t *left)
{
    size_t             i;
    uint64_t           before;
    hx_str_t           v;
    hx_record_t        r;
    hx_index_room_t    room;
    hx_index_item_t   *item[INDEX_KEYS];

    memset(&r, 0, sizeof(r));
    r.array.dtype = HX_DTYPE_F8;
    r.array.ndim = 1;
    r.array.dim[0] = LONGEST;
    r.length = LONGEST * sizeof(double);
    r.stored = r.length;
    v.data = (const unsigned char *) x;
    v.len = (size_t) r.length;
    room.take = room_take;
    room.give = room_give;
    room.data = left;
    before = *left;

    for (i = 0; i < INDEX_KEYS; i++) {
        item[i] = hx_index_prepare(ix, &r, &v, &room);
        assert_non_null(item[i]);
    }

    for (i = 0; i < INDEX_KEYS; i++) {
        hx_index_drop(item[i]);
    }

    return (size_t) (before - *left) / LONGEST;
}


static void
items_share_the_room(void **state)
{
    double    x[LONGEST];
    size_t    j;
    uint64_t  left;

    for (j = 0; j < LONGEST; j++) {
        x[j] = uniform();
    }

    open_store();
    create_index(50000);
    assert_int_equal(hx_index_start(ix), 0);

    /* what the index has left, again once they are dropped */

    left = UINT64_MAX;
    assert_int_equal(prepared(x, &left), 50000 / 1536);
    left = UINT64_MAX;
    assert_int_equal(prepared(x, &left), 50000 / 1536);

    /* what the caller has left */

    left = 10000;
    assert_int_equal(prepared(x, &left), 10000 / 1536);

    /* no copy is made of these, and no room taken */

    left = 1000000;
    memset(x, 0, sizeof(x));
    assert_int_equal(prepared(x, &left), 0);
    x[7] = NAN;
    assert_int_equal(prepared(x, &left), 0);
    assert_int_equal(left, 1000000);
    close_all();
}


#define T(name)                                                               \
    cmocka_unit_test_setup_teardown(name, test_dir_make, test_dir_remove)

int
main(void)
{
    const struct CMUnitTest  tests[] = {
        T(columns_follow_writes),
        T(so_they_do_without_memory),
        T(so_they_do_with_memory_for_some),
        T(building_never_brings_back_what_is_old),
        T(memory_comes_back),
        T(the_bound_is_kept),
        T(lengths_that_are_gone_take_nothing),
        T(a_few_rows_take_little),
        T(items_share_the_room)
    };

    return cmocka_run_group_tests_name("hx_index", tests, NULL, NULL);
}
