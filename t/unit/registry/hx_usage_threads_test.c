/*
 * hx_usage_threads_test.c -- putting, getting and listing: values that are
 * absolute, sums over sources, tenants whose ids begin alike, pages of a list,
 * a full map, several threads and processes at once.
 */

#include "hx_test_usage.h"

#include <pthread.h>
#include <time.h>

#define HX_PUTS      300            /* of one thread or process */
#define HX_TOGETHER  10             /* tenants of one put */


typedef struct {
    char      ids[512];
    unsigned  n;
    unsigned  max;                  /* stop after so many; 0 = never */
    uint64_t  tenths;
} hx_seen_t;


static int
test_each(void *data, const hx_str_t *id, const hx_usage_sum_t *sum)
{
    size_t      len;
    hx_seen_t  *seen = data;

    len = strlen(seen->ids);
    (void) snprintf(seen->ids + len, sizeof(seen->ids) - len, "%.*s=%ju ",
                    (int) id->len, id->data, (uintmax_t) sum->tenths);
    seen->tenths += sum->tenths;

    return ++seen->n == seen->max;
}


static const char *
test_list(hx_usage_t *u, unsigned month, const char *after, unsigned max)
{
    const hx_str_t     from = test_str(after);
    static hx_seen_t   seen;

    memset(&seen, 0, sizeof(seen));
    seen.max = max;

    if (hx_usage_list(u, month, &from, test_each, &seen, test_err) != HX_OK) {
        fail_msg("%s", test_err);
    }

    return seen.ids;
}


/* A flush that is repeated, or comes later, replaces what was there. */
static void
absolute_values(void **state)
{
    unsigned                i;
    hx_usage_t             *u;
    hx_usage_row_t          rows[2];
    hx_usage_entry_t        e[3];
    static hx_usage_sum_t   sum;

    u = test_usage();
    assert_int_equal(test_get(u, HX_TEST_MONTH, "acme", 0, &sum), HX_NO);
    assert_int_equal(sum.n, 0);
    assert_int_equal(sum.tenths, 0);

    e[0].operation = test_str("put");
    e[0].tenths = 25;
    e[1].operation = test_str("get");
    e[1].tenths = 10;
    e[2].operation = test_str("query");
    e[2].tenths = 0;
    test_row(&rows[0], "acme", 1, e, 2);
    test_row(&rows[1], "beta", 1, e, 3);

    for (i = 0; i < 3; i++) {
        assert_int_equal(test_put_rows(u, rows, 2), HX_OK);
        assert_int_equal(test_used(u, "acme", 0), 35);
        assert_int_equal(test_get(u, HX_TEST_MONTH, "acme", 0, &sum), HX_OK);
        assert_int_equal(sum.n, 2);
        assert_int_equal(test_of(&sum, "put"), 25);
        assert_int_equal(test_of(&sum, "get"), 10);
        assert_int_equal(test_get(u, HX_TEST_MONTH, "beta", 0, &sum), HX_OK);
        assert_int_equal(sum.n, 3);
        assert_int_equal(test_of(&sum, "query"), 0);
    }

    hx_usage_close(u);
    assert_int_equal(test_rows(), 2);
    u = test_usage();

    e[0].tenths = 125;
    e[2].tenths = 7;
    test_row(&rows[0], "acme", 1, e, 3);
    assert_int_equal(test_put_rows(u, rows, 1), HX_OK);
    assert_int_equal(test_used(u, "acme", 0), 142);
    assert_int_equal(test_used(u, "beta", 0), 35);

    /* of several rows for one place the last counts; none is no trouble */

    test_row(&rows[0], "acme", 1, e, 1);
    test_row(&rows[1], "acme", 1, e + 1, 1);
    assert_int_equal(test_put_rows(u, rows, 2), HX_OK);
    assert_int_equal(test_used(u, "acme", 0), 10);
    assert_int_equal(test_put_rows(u, NULL, 0), HX_OK);

    /* other months are other usage */

    assert_int_equal(test_put(u, 202512, "acme", 1, "put", 1), HX_OK);
    assert_int_equal(test_put(u, 202602, "acme", 1, "put", 2), HX_OK);
    assert_int_equal(test_used(u, "acme", 0), 10);
    assert_int_equal(test_get(u, 202512, "acme", 0, &sum), HX_OK);
    assert_int_equal(sum.tenths, 1);
    hx_usage_close(u);
}


static void
sources_add_up(void **state)
{
    uint64_t                tenths;
    hx_usage_t             *u;
    const hx_str_t          acme = test_str("acme");
    unsigned char           two[2 * HX_USAGE_SOURCE];
    static hx_usage_sum_t   sum;

    u = test_usage();
    test_store(u, "acme", 1, "put", 1);
    test_store(u, "acme", 2, "get", 20);
    test_store(u, "acme", 3, "put", 300);
    assert_int_equal(test_used(u, "acme", 0), 321);

    assert_int_equal(test_get(u, HX_TEST_MONTH, "acme", 0, &sum), HX_OK);
    assert_int_equal(sum.n, 2);
    assert_int_equal(test_of(&sum, "put"), 301);
    assert_int_equal(test_of(&sum, "get"), 20);

    /* without the one that the caller has in memory */

    assert_int_equal(test_used(u, "acme", 1), 320);
    assert_int_equal(test_used(u, "acme", 2), 301);
    assert_int_equal(test_used(u, "acme", 3), 21);
    assert_int_equal(test_used(u, "acme", 4), 321);

    test_source(two, 3);
    test_source(two + HX_USAGE_SOURCE, 1);
    assert_int_equal(hx_usage_total(u, HX_TEST_MONTH, &acme, two, 2, &tenths,
                                    test_err), HX_OK);
    assert_int_equal(tenths, 20);

    assert_int_equal(test_get(u, HX_TEST_MONTH, "acme", 2, &sum), HX_OK);
    assert_int_equal(sum.n, 1);
    assert_int_equal(test_of(&sum, "put"), 301);

    test_store(u, "beta", 5, "put", 9);
    assert_int_equal(test_get(u, HX_TEST_MONTH, "beta", 5, &sum), HX_NO);
    assert_int_equal(test_used(u, "beta", 5), 0);
    assert_string_equal(test_list(u, HX_TEST_MONTH, "", 0), "acme=321 beta=9 ");

    /* too much is not a little */

    test_store(u, "beta", 6, "put", UINT64_MAX - 9);
    assert_int_equal(test_used(u, "beta", 0), UINT64_MAX);
    test_store(u, "beta", 7, "get", 1);
    tenths = 4711;
    assert_int_equal(test_total(u, HX_TEST_MONTH, "beta", 0, &tenths),
                     HX_FAIL);
    assert_int_equal(tenths, 4711);
    assert_non_null(strstr(test_err, "\"beta\" in 2026-01 does not fit"));
    assert_int_equal(test_get(u, HX_TEST_MONTH, "beta", 0, &sum), HX_FAIL);
    assert_non_null(strstr(test_err, "\"beta\" in 2026-01 does not fit"));
    assert_int_equal(test_used(u, "beta", 6), 10);
    hx_usage_close(u);
}


static void
as_many_operations_as_may_be(void **state)
{
    char                    name[HX_USAGE_OPERATIONS][8];
    unsigned                i;
    uint64_t                tenths;
    hx_usage_t             *u;
    hx_usage_row_t          row;
    hx_usage_entry_t        e[HX_USAGE_OPERATIONS];
    static hx_usage_sum_t   sum;

    for (i = 0; i < HX_USAGE_OPERATIONS; i++) {
        (void) snprintf(name[i], sizeof(name[i]), "op%u", i);
        e[i].operation = test_str(name[i]);
        e[i].tenths = i;
    }

    u = test_usage();
    test_row(&row, "acme", 1, e, HX_USAGE_OPERATIONS);
    assert_int_equal(test_put_rows(u, &row, 1), HX_OK);
    test_store(u, "acme", 2, "op254", 1000);
    assert_int_equal(test_get(u, HX_TEST_MONTH, "acme", 0, &sum), HX_OK);
    assert_int_equal(sum.n, HX_USAGE_OPERATIONS);
    assert_int_equal(test_of(&sum, "op254"), 1254);

    /* one more: no list of it, but the sum needs none */

    test_store(u, "acme", 3, "another", 5);
    assert_int_equal(test_get(u, HX_TEST_MONTH, "acme", 0, &sum), HX_FAIL);
    assert_non_null(strstr(test_err, "\"acme\" in 2026-01 does not fit"));
    assert_int_equal(test_total(u, HX_TEST_MONTH, "acme", 0, &tenths), HX_OK);
    assert_int_equal(tenths, 254 * 255 / 2 + 1005);
    hx_usage_close(u);
}


/* "a" is not "ab", and no source makes one of the other. */
static void
ids_that_begin_alike(void **state)
{
    char               text[128];
    size_t             i, k;
    uint64_t           tenths;
    hx_usage_t        *u;
    hx_usage_row_t     row;
    hx_usage_entry_t   e;

    static const char *const  ids[] = {
        "-", "a", "a-", "a0", "aB", "aa", "ab", "abc", "b"
    };

    u = test_usage();

    for (i = hx_nelts(ids); i-- != 0; /* void */) {
        test_store(u, ids[i], 1, "put", (uint64_t) 1 << 2 * i);
        test_store(u, ids[i], 2, "put", (uint64_t) 2 << 2 * i);
    }

    /* a source that looks like the rest of another id */

    e.operation = test_str("put");
    e.tenths = 0;
    test_row(&row, "a", 0, &e, 1);
    memcpy(row.source, "b\0SOURCE-id-", HX_USAGE_SOURCE);
    assert_int_equal(test_put_rows(u, &row, 1), HX_OK);

    for (i = 0; i < hx_nelts(ids); i++) {
        assert_int_equal(test_used(u, ids[i], 0), (uint64_t) 3 << 2 * i);
        assert_int_equal(test_used(u, ids[i], 1), (uint64_t) 2 << 2 * i);
    }

    assert_int_equal(test_used(u, "c", 0), 0);
    assert_int_equal(test_used(u, "abcd", 0), 0);
    assert_int_equal(test_used(u, "A", 0), 0);

    assert_string_equal(test_list(u, HX_TEST_MONTH, "", 0),
                        "-=3 a=12 a-=48 a0=192 aB=768 aa=3072 ab=12288 "
                        "abc=49152 b=196608 ");

    /* pages of every size, from every id */

    for (i = 0; i < hx_nelts(ids); i++) {
        text[0] = '\0';

        for (k = i + 1; k < hx_nelts(ids); k++) {
            tenths = (uint64_t) 3 << 2 * k;
            (void) snprintf(text + strlen(text), sizeof(text) - strlen(text),
                            "%s=%ju ", ids[k], (uintmax_t) tenths);
            assert_string_equal(test_list(u, HX_TEST_MONTH, ids[i],
                                          (unsigned) (k - i)), text);
        }

        assert_string_equal(test_list(u, HX_TEST_MONTH, ids[i], 0), text);
    }

    /* from ids that are not there */

    assert_string_equal(test_list(u, HX_TEST_MONTH, "aaa", 1), "ab=12288 ");
    assert_string_equal(test_list(u, HX_TEST_MONTH, "0", 1), "a=12 ");
    assert_string_equal(test_list(u, HX_TEST_MONTH, "zzz", 0), "");
    hx_usage_close(u);
}


static void
months_of_a_list(void **state)
{
    hx_usage_t  *u;

    u = test_usage();
    assert_string_equal(test_list(u, 202601, "", 0), "");
    assert_int_equal(test_put(u, 197001, "z", 1, "put", 1), HX_OK);
    assert_int_equal(test_put(u, 202512, "a", 1, "put", 2), HX_OK);
    assert_int_equal(test_put(u, 202601, "b", 1, "put", 3), HX_OK);
    assert_int_equal(test_put(u, 202601, "c", 1, "put", 4), HX_OK);
    assert_int_equal(test_put(u, 202602, "d", 1, "put", 5), HX_OK);
    assert_int_equal(test_put(u, 999912, "e", 1, "put", 6), HX_OK);

    assert_string_equal(test_list(u, 197001, "", 0), "z=1 ");
    assert_string_equal(test_list(u, 202511, "", 0), "");
    assert_string_equal(test_list(u, 202512, "", 0), "a=2 ");
    assert_string_equal(test_list(u, 202512, "a", 0), "");
    assert_string_equal(test_list(u, 202601, "", 0), "b=3 c=4 ");
    assert_string_equal(test_list(u, 202601, "a", 0), "b=3 c=4 ");
    assert_string_equal(test_list(u, 202602, "", 0), "d=5 ");
    assert_string_equal(test_list(u, 999912, "", 0), "e=6 ");
    assert_string_equal(test_list(u, 999912, "e", 0), "");
    hx_usage_close(u);
}


/* Nothing of a put with a row in it that cannot be; questions likewise. */
static void
invalid_arguments(void **state)
{
    char                    id[HX_TENANT_MAX + 2];
    size_t                  i;
    uint64_t                tenths;
    hx_str_t                name;
    hx_seen_t               seen;
    hx_usage_t             *u;
    hx_usage_row_t          rows[3];
    hx_usage_entry_t        e;
    static hx_usage_sum_t   sum;

    u = test_usage();
    e.operation = test_str("put");
    e.tenths = 1;

    for (i = 0; i < 3; i++) {
        test_row(&rows[i], i == 0 ? "a" : i == 1 ? "b" : "c", 1, &e, 1);
    }

    rows[2].month = 202600;
    assert_int_equal(test_put_rows(u, rows, 3), HX_FAIL);
    assert_string_equal(test_err, "row 3 of 3 is not valid");
    rows[2].month = HX_TEST_MONTH;
    rows[1].n = 0;
    assert_int_equal(test_put_rows(u, rows, 3), HX_FAIL);
    assert_string_equal(test_err, "row 2 of 3 is not valid");
    rows[1].n = 1;
    rows[0].id = test_str("a/b");
    assert_int_equal(test_put_rows(u, rows, 3), HX_FAIL);
    assert_string_equal(test_err, "row 1 of 3 is not valid");

    memset(id, 'x', sizeof(id));

    for (i = 0; i < 4; i++) {
        name.data = (const unsigned char *) (i == 3 ? "a\0b" : id);
        name.len = i == 0 ? 0 : i == 3 ? 3 : HX_TENANT_MAX + i;
        memset(&seen, 0, sizeof(seen));

        assert_int_equal(hx_usage_total(u, HX_TEST_MONTH, &name, NULL, 0,
                                        &tenths, test_err), HX_FAIL);
        assert_int_equal(hx_usage_get(u, HX_TEST_MONTH, &name, NULL, &sum,
                                      test_err), HX_FAIL);
        assert_int_equal(hx_usage_list(u, HX_TEST_MONTH, &name, test_each,
                                       &seen, test_err),
                         i == 0 ? HX_OK : HX_FAIL);
    }

    assert_int_equal(test_total(u, 202613, "a", 0, &tenths), HX_FAIL);
    assert_int_equal(test_get(u, 0, "a", 0, &sum), HX_FAIL);
    name = test_str("a");
    assert_int_equal(hx_usage_list(u, 196912, &name, test_each, &seen,
                                   test_err), HX_FAIL);
    hx_usage_close(u);
    assert_int_equal(test_rows(), 0);
}


/* Full: nothing more comes in, nothing is lost, and it says so. */
static void
a_full_map(void **state)
{
    char                     id[16];
    unsigned                 i, k, n;
    hx_usage_t              *u;
    hx_usage_entry_t         e;
    static char              names[1000][16];
    static hx_usage_row_t    many[1000];

    test_conf.map_size = 262144;
    u = test_usage();

    for (n = 0; n < 100000; n++) {
        (void) snprintf(id, sizeof(id), "t%u", n);

        if (test_put(u, HX_TEST_MONTH, id, 1, "an-operation", n) != HX_OK) {
            break;
        }
    }

    assert_true(n > 500 && n < 100000);
    assert_non_null(strstr(test_err, "MDB_MAP_FULL"));

    for (i = 0; i < n; i++) {
        (void) snprintf(id, sizeof(id), "t%u", i);
        assert_int_equal(test_used(u, id, 0), i);
    }

    /* many rows at once: not one of them */

    e.operation = test_str("put");
    e.tenths = 1;

    for (i = 0; i < hx_nelts(many); i++) {
        (void) snprintf(names[i], sizeof(names[i]), "t%u", 100000 + i);
        test_row(&many[i], names[i], 1, &e, 1);
    }

    for (k = 0; k < 3; k++) {
        assert_int_equal(test_put_rows(u, many, hx_nelts(many)), HX_FAIL);
        assert_non_null(strstr(test_err, "MDB_MAP_FULL"));
        assert_int_equal(hx_usage_refresh(u, test_err), HX_OK);
    }

    hx_usage_close(u);
    assert_int_equal(test_rows(), n);

    /* a larger map takes them */

    test_conf.map_size = 1048576;
    u = test_usage();
    assert_int_equal(test_put_rows(u, many, hx_nelts(many)), HX_OK);
    assert_int_equal(test_used(u, "t100999", 0), 1);
    assert_int_equal(test_used(u, "t77", 0), 77);
    hx_usage_close(u);
    assert_int_equal(test_rows(), n + hx_nelts(many));
    test_conf.map_size = 16777216;
}


/* How many of the puts below have returned, of all threads and processes. */
static uint64_t  *test_done;


static int
test_done_make(void **state)
{
    test_done = mmap(NULL, sizeof(uint64_t), PROT_READ|PROT_WRITE,
                     MAP_SHARED|MAP_ANONYMOUS, -1, 0);

    return test_done == MAP_FAILED ? -1 : test_dir_make(state);
}


static int
test_done_remove(void **state)
{
    (void) munmap(test_done, sizeof(uint64_t));

    return test_dir_remove(state);
}


/* HX_TOGETHER tenants in one put, all with the same value. */
static hx_rc_t
test_put_together(hx_usage_t *u, unsigned source, uint64_t value, char *err)
{
    hx_rc_t            rc;
    unsigned           i;
    hx_usage_row_t     rows[HX_TOGETHER];
    hx_usage_entry_t   e;

    static const char *const  ids[HX_TOGETHER] = {
        "t0", "t1", "t2", "t3", "t4", "t5", "t6", "t7", "t8", "t9"
    };

    e.operation = test_str("put");
    e.tenths = value;

    for (i = 0; i < HX_TOGETHER; i++) {
        test_row(&rows[i], ids[i], source, &e, 1);
    }

    rc = hx_usage_put(u, rows, HX_TOGETHER, err);

    if (rc == HX_OK) {
        (void) __atomic_add_fetch(test_done, 1, __ATOMIC_SEQ_CST);
    }

    return rc;
}


typedef struct {
    uint64_t  tenths;
    unsigned  n;
    unsigned  wrong;
} hx_together_t;


static int
test_each_together(void *data, const hx_str_t *id, const hx_usage_sum_t *sum)
{
    hx_together_t  *t = data;

    if (t->n++ == 0) {
        t->tenths = sum->tenths;
    }

    t->wrong += sum->n != 1 || sum->tenths != t->tenths;

    return 0;
}


/*
 * 0 when all tenants have the same value, not less than what was committed when
 * the call began.  (It may be more than the next call finds: LMDB shows a
 * transaction a moment before it counts as the last one.)
 */
static int
test_together(hx_usage_t *u, uint64_t *listed, char *err)
{
    uint64_t        done;
    hx_together_t   t = { 0, 0, 0 };
    const hx_str_t  all = { NULL, 0 };

    done = __atomic_load_n(test_done, __ATOMIC_SEQ_CST);

    if (hx_usage_list(u, HX_TEST_MONTH, &all, test_each_together, &t, err)
        != HX_OK)
    {
        return 2;
    }

    if (t.wrong || (t.n != 0 && t.n != HX_TOGETHER) || t.tenths < done) {
        return 3;
    }

    *listed = t.tenths;

    return 0;
}


typedef struct {
    hx_usage_t  *u;
    unsigned     source;            /* 0 = looks on */
    int         *writing;
    int          rc;
    unsigned     looked;
} hx_worker_t;


static void *
test_worker(void *data)
{
    char          err[HX_USAGE_ERR];
    uint64_t      i, listed;
    hx_worker_t  *w = data;

    if (w->source != 0) {
        for (i = 1; i <= HX_PUTS && w->rc == 0; i++) {
            w->rc = test_put_together(w->u, w->source, i, err) != HX_OK;
        }

        (void) __atomic_sub_fetch(w->writing, 1, __ATOMIC_SEQ_CST);

        return NULL;
    }

    do {
        w->rc = test_together(w->u, &listed, err);
        w->looked++;
    } while (w->rc == 0 && __atomic_load_n(w->writing, __ATOMIC_SEQ_CST) != 0);

    return NULL;
}


static void
threads(void **state)
{
    int             writing;
    unsigned        i, asked;
    uint64_t        tenths, done;
    pthread_t       id[4];
    hx_usage_t     *u;
    hx_worker_t     w[4];

    u = test_usage();
    writing = 2;

    for (i = 0; i < 4; i++) {
        w[i] = (hx_worker_t) { u, i < 2 ? i + 1 : 0, &writing, 0, 0 };
        assert_int_equal(pthread_create(&id[i], NULL, test_worker, &w[i]), 0);
    }

    asked = 0;

    do {
        done = __atomic_load_n(test_done, __ATOMIC_SEQ_CST);
        assert_int_equal(test_total(u, HX_TEST_MONTH, "t5", 0, &tenths),
                         HX_OK);
        assert_true(tenths >= done);
        assert_int_equal(hx_usage_refresh(u, test_err), HX_OK);
        asked++;
    } while (__atomic_load_n(&writing, __ATOMIC_SEQ_CST) != 0);

    for (i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(id[i], NULL), 0);
        assert_int_equal(w[i].rc, 0);
    }

    assert_true(asked > 10 && w[2].looked > 10 && w[3].looked > 10);

    for (i = 0; i < HX_TOGETHER; i++) {
        char  name[8];

        (void) snprintf(name, sizeof(name), "t%u", i);
        assert_int_equal(test_used(u, name, 0), 2 * HX_PUTS);
        assert_int_equal(test_used(u, name, 1), HX_PUTS);
    }

    hx_usage_close(u);
}


static int
test_writer(void *data)
{
    uint64_t     i;
    hx_usage_t  *u;

    if (hx_usage_open(&u, &test_conf, test_err) != HX_OK) {
        return 2;
    }

    for (i = 1; i <= HX_PUTS; i++) {
        if (test_put_together(u, 1 + (unsigned) getpid(), i, test_err)
            != HX_OK)
        {
            return 3;
        }
    }

    hx_usage_close(u);

    return 0;
}


/* Two processes write, this one reads what they have committed. */
static void
processes(void **state)
{
    int          rc, status;
    pid_t        pid[2];
    uint64_t     tenths, done, listed;
    unsigned     i, looked;
    hx_usage_t  *u;

    u = test_usage();
    (void) fflush(NULL);

    for (i = 0; i < 2; i++) {
        pid[i] = fork();
        assert_true(pid[i] >= 0);

        if (pid[i] == 0) {
            test_default_signals();
            _exit(test_writer(NULL));
        }
    }

    tenths = 0;
    listed = 0;
    looked = 0;

    for (i = 0; i < 2; /* void */) {
        rc = waitpid(pid[i], &status, WNOHANG);
        assert_true(rc == 0 || rc == pid[i]);

        if (rc == pid[i]) {
            assert_int_equal(status, 0);
            i++;
        }

        done = __atomic_load_n(test_done, __ATOMIC_SEQ_CST);
        assert_int_equal(test_total(u, HX_TEST_MONTH, "t9", 0, &tenths),
                         HX_OK);
        assert_true(tenths >= done);
        assert_int_equal(test_together(u, &listed, test_err), 0);
        looked++;
    }

    assert_true(looked > 10);
    assert_int_equal(tenths, 2 * HX_PUTS);
    assert_int_equal(listed, 2 * HX_PUTS);
    hx_usage_close(u);
}


static double
test_ms(const struct timespec *since)
{
    struct timespec  now;

    (void) clock_gettime(CLOCK_MONOTONIC, &now);

    return (double) (now.tv_sec - since->tv_sec) * 1e3
           + (double) (now.tv_nsec - since->tv_nsec) / 1e6;
}


typedef struct {
    unsigned  n;                    /* the next one */
    unsigned  page;                 /* calls left */
    unsigned  wrong;
} hx_many_t;


static int
test_each_many(void *data, const hx_str_t *id, const hx_usage_sum_t *sum)
{
    char        want[16];
    hx_many_t  *m = data;

    (void) snprintf(want, sizeof(want), "t%06u", m->n);
    m->wrong += id->len != 7 || memcmp(id->data, want, 7) != 0
                || sum->n != 8 || sum->tenths != 8 * (uint64_t) m->n;
    m->n++;

    return m->page != 0 && --m->page == 0;
}


/* 100,000 tenants: all at once, and in pages. */
static void
many_tenants(void **state)
{
    char                     id[16];
    double                   put_ms;
    hx_str_t                 after = { NULL, 0 };
    unsigned                 i, k, n;
    hx_many_t                m = { 0, 0, 0 };
    hx_usage_t              *u;
    struct timespec          t;
    static char              ids[1000][16];
    static hx_usage_row_t    rows[1000];
    static hx_usage_entry_t  e[1000][8];

    static const char *const  names[8] = {
        "put", "put_blob", "get", "get_metadata", "query", "list", "delete",
        "compress"
    };

    test_conf.map_size = 268435456;
    u = test_usage();
    put_ms = 0;

    for (n = 0; n < 100000; n += 1000) {
        for (i = 0; i < 1000; i++) {
            (void) snprintf(ids[i], sizeof(ids[i]), "t%06u", n + i);

            for (k = 0; k < 8; k++) {
                e[i][k].operation = test_str(names[k]);
                e[i][k].tenths = n + i;
            }

            test_row(&rows[i], ids[i], 1, e[i], 8);
        }

        (void) clock_gettime(CLOCK_MONOTONIC, &t);
        assert_int_equal(test_put_rows(u, rows, 1000), HX_OK);
        put_ms += test_ms(&t);
    }

    (void) clock_gettime(CLOCK_MONOTONIC, &t);
    assert_int_equal(hx_usage_list(u, HX_TEST_MONTH, &after, test_each_many,
                                   &m, test_err), HX_OK);
    print_message("# put of 1000 rows: %.1f ms, list of %u tenants: %.0f ms\n",
                  put_ms / 100, m.n, test_ms(&t));
    assert_int_equal(m.n, 100000);
    assert_int_equal(m.wrong, 0);

    m.n = 0;

    do {
        i = m.n;
        m.page = 1000;
        assert_int_equal(hx_usage_list(u, HX_TEST_MONTH, &after,
                                       test_each_many, &m, test_err), HX_OK);
        (void) snprintf(id, sizeof(id), "t%06u", m.n - 1);
        after = test_str(id);
    } while (m.n != i);

    assert_int_equal(m.n, 100000);
    assert_int_equal(m.wrong, 0);
    hx_usage_close(u);
    test_conf.map_size = 16777216;
}


int
main(void)
{
#define T(f)  cmocka_unit_test_setup_teardown(f, test_done_make,              \
                                              test_done_remove)
    const struct CMUnitTest  tests[] = {
        T(absolute_values),
        T(sources_add_up),
        T(as_many_operations_as_may_be),
        T(ids_that_begin_alike),
        T(months_of_a_list),
        T(invalid_arguments),
        T(a_full_map),
        T(threads),
        T(processes),
        T(many_tenants)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
