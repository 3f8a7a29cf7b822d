/*
 * The index under writers, queries and the building thread at the same time:
 * every query sees every key that was there all the time, once, with a value it
 * had.
 */

#include <stdatomic.h>

#include "hx_test_index.h"

#define N          300                  /* elements */
#define STEADY     24                   /* keys that are overwritten */
#define COMING     12                   /* keys that come and go */
#define WRITERS    3
#define QUERIES    2
#define ROUNDS     40

static double      base[N + 1];         /* the last one is 0 */
static double      unit;                /* <base, base> */
static atomic_int  writing;
static atomic_uint answered;


/* Value v of a key is (v + 1) times the base. */
static void
put(const char *key, unsigned v, size_t n)
{
    size_t  i;
    double  x[N + 1];

    for (i = 0; i < n; i++) {
        x[i] = base[i] * (v + 1);
    }

    assert_int_equal(write_array(key, HX_DTYPE_F8, x, n, NULL), HX_STORE_OK);
}


static void *
writer(void *data)
{
    char      key[16];
    unsigned  w, v, i;

    w = *(unsigned *) data;

    for (v = 1; v <= ROUNDS; v++) {
        for (i = w; i < STEADY; i += WRITERS) {
            (void) snprintf(key, sizeof(key), "s%u", i);
            put(key, v, N);
        }

        for (i = w; i < COMING; i += WRITERS) {
            (void) snprintf(key, sizeof(key), "c%u", i);

            if (v % 3 == 0) {
                (void) write_array(key, 0, NULL, 0, NULL);

            } else if (v % 3 == 1) {
                put(key, v, N);

            } else {
                (void) write_array(key, HX_DTYPE_NONE, "o", 1, NULL);
            }
        }

        /* the only one of its length, there and gone */

        (void) snprintf(key, sizeof(key), "l%u", w);
        put(key, v, N + 1);
        (void) write_array(key, 0, NULL, 0, NULL);
    }

    atomic_fetch_sub(&writing, 1);

    return NULL;
}


/* How often each steady key is among the hits, whose scores are possible. */
static void
look_at(const hx_hit_t *hit, unsigned n, hx_metric_t m, unsigned seen[STEADY])
{
    char      key[16];
    double    v;
    unsigned  i, j;

    for (i = 0; i < n; i++) {
        memcpy(key, hit[i].key.data, hit[i].key.len);
        key[hit[i].key.len] = '\0';

        if (key[0] == 's') {
            j = (unsigned) strtoul(key + 1, NULL, 10);
            assert_true(j < STEADY);
            seen[j]++;
        }

        v = m == HX_DOT ? hit[i].score / unit
                        : 1 + hit[i].score / sqrt(unit);
        assert_true(fabs(v - round(v)) < 1e-9);
        assert_true(v > 0.5 && v < ROUNDS + 1.5);
    }
}


/* Of what comes and goes together with its columns. */
static void
ask_longer(hx_query_conf_t *conf, hx_record_t *r)
{
    unsigned          n;
    uint64_t          candidates;
    hx_query_t       *q;
    hx_query_rc_t     rc;
    const hx_hit_t   *hit;

    r->array.dim[0] = N + 1;
    r->length = sizeof(base);
    q = hx_query_create(conf);
    assert_non_null(q);
    assert_int_equal(hx_query_data(q, r, (unsigned char *) base), HX_QUERY_OK);
    rc = hx_query_run(q, &hit, &n, &candidates);

    if (rc != HX_QUERY_BUILDING) {
        assert_int_equal(rc, HX_QUERY_OK);
        assert_true(n <= candidates && candidates <= WRITERS);
    }

    hx_query_free(q);
    r->array.dim[0] = N;
    r->length = sizeof(double) * N;
}


static void *
asker(void *data)
{
    unsigned          i, n, seen[STEADY];
    uint64_t          candidates;
    hx_query_t       *q;
    hx_record_t       r;
    hx_query_rc_t     rc;
    const hx_hit_t   *hit;
    hx_query_conf_t   conf;

    memset(&conf, 0, sizeof(conf));
    conf.index = ix;
    conf.store = store;
    conf.ns = ns;
    conf.metric = *(unsigned *) data % 2 ? HX_DOT : HX_EUCLIDEAN;
    conf.k = HX_K_MAX;
    memset(&r, 0, sizeof(r));
    r.array.dtype = HX_DTYPE_F8;
    r.array.ndim = 1;
    r.array.dim[0] = N;
    r.length = sizeof(double) * N;

    do {
        ask_longer(&conf, &r);
        q = hx_query_create(&conf);
        assert_non_null(q);
        assert_int_equal(hx_query_data(q, &r, (unsigned char *) base),
                         HX_QUERY_OK);
        rc = hx_query_run(q, &hit, &n, &candidates);

        if (rc != HX_QUERY_BUILDING) {
            assert_int_equal(rc, HX_QUERY_OK);
            assert_true(candidates >= STEADY
                        && candidates <= STEADY + COMING);
            assert_true(n >= STEADY && n <= candidates);
            memset(seen, 0, sizeof(seen));
            look_at(hit, n, conf.metric, seen);

            for (i = 0; i < STEADY; i++) {
                assert_int_equal(seen[i], 1);
            }

            atomic_fetch_add(&answered, 1);
        }

        hx_query_free(q);

    } while (atomic_load(&writing) != 0);

    return NULL;
}


static void
run(uint64_t bytes)
{
    char        key[16];
    size_t      i;
    unsigned    id[WRITERS + QUERIES];
    pthread_t   t[WRITERS + QUERIES];

    for (i = 0, unit = 0; i < N; i++) {
        base[i] = sin((double) i) + 0.25;
        unit += base[i] * base[i];
    }

    open_store();
    create_index(bytes);

    for (i = 0; i < STEADY; i++) {
        (void) snprintf(key, sizeof(key), "s%zu", i);
        put(key, 0, N);
    }

    /* thrown away: it is made anew while all this goes on */

    hx_index_free(ix);
    create_index(bytes);
    atomic_store(&writing, WRITERS);
    atomic_store(&answered, 0);
    assert_int_equal(hx_index_start(ix), 0);

    for (i = 0; i < WRITERS + QUERIES; i++) {
        id[i] = (unsigned) i;
        assert_int_equal(pthread_create(&t[i], NULL, i < WRITERS ? writer
                                                                 : asker,
                                        &id[i]), 0);
    }

    for (i = 0; i < WRITERS + QUERIES; i++) {
        assert_int_equal(pthread_join(t[i], NULL), 0);
    }

    wait_ready();
    assert_true(atomic_load(&answered) != 0);
    close_all();
}


static void
all_at_once(void **state)
{
    run(UINT64_MAX);
}


static void
all_at_once_with_little_memory(void **state)
{
    run(4000);
}


#define T(name)                                                               \
    cmocka_unit_test_setup_teardown(name, test_dir_make, test_dir_remove)

int
main(void)
{
    const struct CMUnitTest  tests[] = {
        T(all_at_once),
        T(all_at_once_with_little_memory)
    };

    return cmocka_run_group_tests_name("hx_index_threads", tests, NULL, NULL);
}
