/*
 * hx_store_tally_test.c -- what the store says about its namespaces is what is
 * in them, whatever was written, refused or damaged.
 */

#include "hx_test_store.h"

#define MB      (1u << 20)
#define MANY    200                     /* namespaces in one transaction */

typedef struct {
    unsigned       n;
    unsigned       limit;
    char           name[MANY + 8][16];
    hx_store_ns_t  ns[MANY + 8];
} found_t;

static found_t         found;
static unsigned char  *value;


static int
take(void *data, const hx_store_ns_t *ns)
{
    found_t  *f = data;

    if (f->n == f->limit) {
        return 0;
    }

    (void) snprintf(f->name[f->n], sizeof(f->name[0]), "%.*s",
                    (int) ns->name.len, (const char *) ns->name.data);
    f->ns[f->n++] = *ns;

    return 1;
}


static void
look(const char *after, unsigned limit)
{
    hx_str_t         a;
    hx_store_view_t  v;

    a = test_str(after);
    memset(&found, 0, sizeof(found));
    found.limit = limit;
    assert_int_equal(hx_store_view(store, &v), HX_STORE_OK);
    assert_int_equal(hx_store_namespaces(&v, &a, take, &found), HX_STORE_OK);
    hx_store_view_end(&v);
}


static void
check(const char *name, uint64_t keys, uint64_t versions, uint64_t bytes)
{
    unsigned  i;

    look("", MANY + 8);

    for (i = 0; i < found.n && strcmp(found.name[i], name) != 0; i++) {
        /* void */
    }

    assert_true(i < found.n);
    assert_true(found.ns[i].known);
    assert_int_equal(found.ns[i].keys, keys);
    assert_int_equal(found.ns[i].versions, versions);
    assert_int_equal(found.ns[i].bytes, bytes);
}


static void
reopen(void)
{
    hx_store_close(store);
    open_store((size_t) 256 * MB, 1024);
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


static void
test_puts_and_deletes(void **state)
{
    uint64_t  v;

    look("", 1);
    assert_int_equal(found.n, 0);

    (void) put("a", value, 10);
    check(NS, 1, 1, 10);
    (void) put("a", value, 5000);
    (void) put("b", value, 9 * MB);
    check(NS, 2, 3, 10 + 5000 + 9 * MB);
    assert_int_equal(write_one(HX_STORE_DELETE, "a", NULL, 0, HX_STORE_ANY, 0,
                               &v), HX_STORE_OK);
    check(NS, 1, 3, 10 + 5000 + 9 * MB);
    (void) put("a", value, 1);
    check(NS, 2, 4, 1 + 10 + 5000 + 9 * MB);
    reopen();
    check(NS, 2, 4, 1 + 10 + 5000 + 9 * MB);
}


static void
test_what_is_refused_does_not_count(void **state)
{
    uint64_t  v;

    (void) put("a", value, 10);
    assert_int_equal(write_one(HX_STORE_PUT, "a", value, 9 * MB,
                               HX_STORE_VERSION, 0, &v), HX_STORE_CONFLICT);
    assert_int_equal(write_one(HX_STORE_DELETE, "b", NULL, 0, HX_STORE_ANY, 0,
                               &v), HX_STORE_NO);
    check(NS, 1, 1, 10);

    hx_store_close(store);
    open_store((size_t) 16 * MB, 16);
    assert_int_equal(write_one(HX_STORE_PUT, "b", value, 30 * MB,
                               HX_STORE_ANY, 0, &v), HX_STORE_FULL);
    assert_int_equal(write_one(HX_STORE_PUT, "c", value, 14 * MB,
                               HX_STORE_ANY, 0, &v), HX_STORE_OK);
    assert_int_equal(write_one(HX_STORE_PUT, "b", value, 7 * MB,
                               HX_STORE_ANY, 0, &v), HX_STORE_FULL);
    check(NS, 2, 2, 10 + 14 * MB);
}


/* More of them than the writer keeps in mind. */
static void
test_many_namespaces_in_one_commit(void **state)
{
    int                    calls[2 * MANY];
    char                   name[2 * MANY][16];
    unsigned               i;
    static hx_store_op_t   op[2 * MANY];

    memset(calls, 0, sizeof(calls));

    for (i = 0; i < hx_nelts(op); i++) {
        fill(&op[i], HX_STORE_PUT, i < MANY ? "a" : "b", value, i % MANY + 1,
             &calls[i]);
        (void) snprintf(name[i], sizeof(name[i]), "n%03u", i % MANY);
        op[i].ns = test_str(name[i]);
        assert_int_equal(hx_store_submit(store, &op[i]), HX_STORE_OK);
    }

    wait_all(hx_nelts(op));
    look("", MANY + 8);
    assert_int_equal(found.n, MANY);

    for (i = 0; i < MANY; i++) {
        assert_string_equal(found.name[i], name[i]);
        assert_int_equal(found.ns[i].keys, 2);
        assert_int_equal(found.ns[i].versions, 2);
        assert_int_equal(found.ns[i].bytes, 2 * (i + 1));
    }

    /* pages */

    look("", 3);
    assert_int_equal(found.n, 3);
    look("n197", MANY);
    assert_int_equal(found.n, 2);
    assert_string_equal(found.name[0], "n198");
    look("n1975", MANY);
    assert_int_equal(found.n, 2);
    look("n199", MANY);
    assert_int_equal(found.n, 0);
    look("a", 1);
    assert_string_equal(found.name[0], "n000");
}


static void
test_batches(void **state)
{
    int            calls;
    unsigned       i;
    hx_store_op_t  op, item[4];

    for (i = 0; i < hx_nelts(item); i++) {
        fill(&item[i], HX_STORE_PUT, &"a\0b\0c\0d"[2 * i], value, 1000 * i,
             NULL);
    }

    memset(&op, 0, sizeof(op));
    op.kind = HX_STORE_BATCH;
    op.ns = test_str(NS);
    op.items = item;
    op.n_items = hx_nelts(item);
    op.done = answered;
    op.data = &calls;
    calls = 0;
    (void) put("b", value, 1);

    assert_int_equal(hx_store_submit(store, &op), HX_STORE_OK);
    wait_all(1);
    assert_int_equal(op.rc, HX_STORE_OK);
    check(NS, 4, 5, 6001);
}


/* Writes go on, and nobody is told wrong numbers. */
static void
test_damaged_counters(void **state)
{
    size_t          i, len;
    unsigned        hits;
    unsigned char  *file;

    (void) put("a", value, 10);
    hx_store_close(store);
    store = NULL;
    file = malloc(4 * MB);
    assert_non_null(file);
    len = test_slurp("data.mdb", file, 4 * MB);
    hits = 0;

    for (i = 0; i + 20 < len; i++) {
        if (memcmp(file + i, "HXN1", 4) == 0) {
            file[i + 12] ^= 1;
            hits++;
        }
    }

    assert_true(hits != 0);
    test_spill("data.mdb", file, len);
    free(file);

    open_store((size_t) 256 * MB, 64);
    assert_int_equal(put("a", value, 10), 2);
    look("", 8);
    assert_int_equal(found.n, 1);
    assert_string_equal(found.name[0], NS);
    assert_false(found.ns[0].known);
    assert_int_equal(found.ns[0].bytes, 0);
}


#define T(name)   cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
    const struct CMUnitTest  tests[] = {
        T(test_puts_and_deletes),
        T(test_what_is_refused_does_not_count),
        T(test_many_namespaces_in_one_commit),
        T(test_batches),
        T(test_damaged_counters)
    };

    return cmocka_run_group_tests_name("hx_store_tally", tests, NULL, NULL);
}
